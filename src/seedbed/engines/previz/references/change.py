"""Kernels that change a frame's season, light and weather and leave its shapes: what `edited` draws with.

Works on squares of 2 × 2 pixels in luma and colour differences, 0 … 1 and -0.5 … 0.5. For each square it finds a new
mean luma, new differences and a gain for the detail inside, so that every edge stays where it is. All weights are
smooth in the picture's values, and patterns are pinned to the first frame's picture, so that nothing flickers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.noise import layered
from seedbed.engines.previz.references.source import FAR, HEARTH, LAMP, MEAN, SKY

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
f32 = np.float32

AUTUMN, WINTER, SPRING, SUMMER, NIGHT, SUNSET, SUNRISE, DAY, CLOUDY, WET, FOG, CLEAR = range(12)
"""How strong each change is, 0 … 1."""
KNOBS = 12
TILE = 256
_TILE_SPAN = 2.0
"""Frame widths that the tile of patterns covers."""
COARSE, FINE = 0, 1


def tile(seed: int) -> Floats:
    """(2, TILE, TILE): two fields of noise without a seam, 0 … 1, evenly spread: broad patches and fine ones."""
    rng = np.random.default_rng([seed, 41])
    across = np.fft.fftfreq(TILE)[None, :] * TILE
    down = np.fft.fftfreq(TILE)[:, None] * TILE
    far = np.hypot(across, down)
    fields = []
    for low, high in ((10.0, 30.0), (24.0, 80.0)):
        band = np.exp(-((far / high) ** 2)) * (far > 0) / (1.0 + (far / low) ** 1.6)
        noise = np.fft.ifft2(np.fft.fft2(rng.standard_normal((TILE, TILE))) * band).real
        rank = np.argsort(np.argsort(noise.ravel(), kind="stable"), kind="stable")
        fields.append(rank.reshape(TILE, TILE) / (TILE * TILE - 1.0))
    return np.ascontiguousarray(fields, np.float32)


def _ratios(*colours: str) -> Floats:
    """(count, 2): blue and red difference for a luma of 1, of sRGB colours."""
    rows = []
    for colour in colours:
        r, g, b = (int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4))
        y = 0.2126 * r + 0.7152 * g + 0.0722 * b
        rows.append(((b - y) / 1.8556 / y, (r - y) / 1.5748 / y))
    return np.array(rows, np.float32)


LEAVES = _ratios("7f8436", "b9952f", "c4852c", "b9622a", "96432a")
"""Autumn's colours in the order that patches run through."""
FRESH = _ratios("86a34a", "e6c0cc")
LUSH = _ratios("4f7a28", "7d7a45")
SKIES = _ratios("ee8f4c", "6f6da0", "f2c0a0", "86a0cc", "5b90d6", "14203f")
"""At the horizon and above: of sunset, of sunrise; of a clear day; of the night."""


@kernel
def pattern(field: Floats, x: float, y: float) -> float:
    """The seamless `field` at (x, y) in texels."""
    fx, fy = math.floor(x), math.floor(y)
    i, j = int(fx) & (TILE - 1), int(fy) & (TILE - 1)
    a, b = f32(x - fx), f32(y - fy)
    k, m = (i + 1) & (TILE - 1), (j + 1) & (TILE - 1)
    top = field[j, i] + (field[j, k] - field[j, i]) * a
    low = field[m, i] + (field[m, k] - field[m, i]) * a
    return float(top + (low - top) * b)


@kernel
def ramp(value: float, low: float, high: float) -> float:
    """0 below `low`, 1 above `high`, smooth between."""
    part = min(max((value - low) / (high - low), 0.0), 1.0)
    return part * part * (3.0 - 2.0 * part)


@kernel
def greenness(y: float, u: float, v: float) -> float:
    """How much a colour is that of living plants, yellow-green to dark green."""
    light = y + 0.06
    return ramp(-u / light, 0.012, 0.09) * ramp((0.035 * y + 0.004 - v) / light, -0.02, 0.035)


@kernel
def in_season(
    y: float, u: float, v: float, k: float, knobs: Floats, plant: float, ground: float, over: float, coarse: float,
    fine: float, day: float, leaves: Floats, fresh: Floats, lush: Floats,
) -> tuple[float, float, float, float]:  # fmt: skip
    """Luma, differences and gain of detail in another season. `over` is how much brighter than around it is, `day` how
    bright snow is."""
    if knobs[AUTUMN] > 0.0:
        w = knobs[AUTUMN] * plant
        at = min(max(0.7 * coarse + 0.3 * fine + 0.8 * over, 0.0), 1.0) * 3.999
        n = int(at)
        part = at - n
        light = (y * (1.0 + 0.16 * (1.0 - y) * w) + 0.012 * w) * (1.0 - 0.10 * w * coarse)
        # What is bright is never as strong in colour as what is half as bright.
        dye = light * (1.06 - 0.42 * light)
        tu = (leaves[n, 0] + (leaves[n + 1, 0] - leaves[n, 0]) * part) * dye
        tv = (leaves[n, 1] + (leaves[n + 1, 1] - leaves[n, 1]) * part) * dye
        w *= 0.90
        y, u, v = light, u + (tu - u) * w, v + (tv - v) * w
        u, v = u - 0.012 * knobs[AUTUMN] * y, v + 0.008 * knobs[AUTUMN] * y
    if knobs[SPRING] > 0.0:
        w = knobs[SPRING] * plant
        bloom = ramp(0.45 * coarse + 0.55 * fine + 0.3 * over, 0.62, 0.78) * w
        light = y * (1.0 + 0.14 * w) + 0.02 * w
        u += (fresh[0, 0] * light - u) * 0.6 * w
        v += (fresh[0, 1] * light - v) * 0.6 * w
        pale = light + (0.78 - light) * 0.30 * bloom
        y, u, v = pale, u + (fresh[1, 0] * pale - u) * bloom * 0.9, v + (fresh[1, 1] * pale - v) * bloom * 0.9
    if knobs[SUMMER] > 0.0:
        snowy = ramp(y, 0.55, 0.78) * ramp(0.06 - abs(u) - abs(v), 0.0, 0.04) * ground
        w = knobs[SUMMER] * max(plant * 0.55, snowy)
        light = y * (1.0 - 0.50 * snowy * knobs[SUMMER])
        mix = 0.25 + 0.5 * coarse
        u += ((lush[0, 0] + (lush[1, 0] - lush[0, 0]) * mix * snowy) * light - u) * w
        v += ((lush[0, 1] + (lush[1, 1] - lush[0, 1]) * mix * snowy) * light - v) * w
        y, u, v = light * 1.03, u * 1.10, v * 1.10 + 0.004
    if knobs[WINTER] > 0.0:
        w = knobs[WINTER]
        warm = ramp(v - 0.25 * max(-u, 0.0), 0.035, 0.10) * (1.0 - plant)
        # Snow lies where light from above falls: on what is brighter than around it, and on the ground.
        lies = 0.42 * ground + 0.40 * plant + 0.55 * over + 0.45 * (coarse - 0.5) + 0.25 * (fine - 0.5)
        dry = 1.0 - ramp(u, 0.008, 0.040) * (1.0 - plant)
        cover = w * ramp(lies, -0.05, 0.75) * max(ground * dry, plant) * (1.0 - 0.75 * warm) * 0.92
        root = math.sqrt(max(y, 0.0))
        white = (0.42 + 0.60 * root * math.sqrt(root)) * day
        y += (white - y) * cover
        keep = (1.0 - (0.62 - 0.40 * warm) * w) * (1.0 - 0.9 * cover) * (1.0 - 0.6 * w * plant)
        u, v = u * keep + (0.012 + 0.016 * cover * (1.0 - white)) * w, v * keep - 0.008 * w
    return y, u, v, k


@kernel
def in_light(
    y: float, u: float, v: float, k: float, knobs: Floats, sky: float, high: float, lamp: float, glow: float,
    skies: Floats,
) -> tuple[float, float, float, float]:  # fmt: skip
    """The same at another time of day. `high` is 0 at the horizon and 1 at the top of the frame."""
    if knobs[NIGHT] > 0.0:
        w = knobs[NIGHT]
        dark = 0.46 * y * math.sqrt(math.sqrt(max(y, 0.0))) * (1.0 - 0.45 * sky * (0.35 + 0.65 * high)) + 0.008
        su, sv = skies[5, 0] * dark * 0.55 - 0.1 * u, skies[5, 1] * dark * 0.55
        nu, nv = u * 0.22 + su * 0.75, v * 0.18 + sv * 0.75
        burns = lamp * (1.0 - sky)
        lit = dark + (y - dark) * burns + 0.30 * glow * (1.0 - burns)
        k *= 1.0 + (max(dark / max(y, 0.02), 0.34) - 1.0) * w * (1.0 - burns)
        # What burns keeps its colours, a little warmer; what it lights is warm.
        nu += (u - 0.02 * lit - nu) * burns
        nv += (v + 0.015 * lit - nv) * burns
        nu += (-0.10 * lit - nu) * min(1.2 * glow, 0.9) * (1.0 - burns)
        nv += (0.075 * lit - nv) * min(1.2 * glow, 0.9) * (1.0 - burns)
        y, u, v = y + (lit - y) * w, u + (nu - u) * w, v + (nv - v) * w
    if knobs[SUNSET] > 0.0 or knobs[SUNRISE] > 0.0:
        w, late = max(knobs[SUNSET], knobs[SUNRISE]), knobs[SUNSET] > 0.0
        low, up = (0, 1) if late else (2, 3)
        # Land: warm lights, cool shadows, less light in all.
        tone = y * (0.66 + 0.26 * y) if late else y * 0.86 + 0.035
        warm = ramp(y, 0.10, 0.60)
        lu = u * 0.75 - (0.130 if late else 0.060) * tone * warm + 0.018 * (1.0 - warm)
        lv = v * 0.75 + (0.125 if late else 0.062) * tone * warm - 0.002 * (1.0 - warm)
        rise = ramp(high, 0.0, 0.85)
        above = (0.30 + 0.70 * y) * (1.02 - 0.42 * rise) if late else (0.32 + 0.66 * y) * (1.05 - 0.18 * rise)
        au = (skies[low, 0] + (skies[up, 0] - skies[low, 0]) * rise) * above
        av = (skies[low, 1] + (skies[up, 1] - skies[low, 1]) * rise) * above
        part = 0.85 * sky
        ny = tone + (above - tone) * part
        k *= 1.0 + (ny / max(y, 0.05) - 1.0) * 0.5 * w
        nu, nv = lu + (au - lu) * part, lv + (av - lv) * part
        y, u, v = y + (ny - y) * w, u + (nu - u) * w, v + (nv - v) * w
    if knobs[DAY] > 0.0:
        w = knobs[DAY]
        bright = math.sqrt(max(y, 0.0)) * (0.86 + 0.12 * y)
        bright += (max(bright, 0.62) - bright) * sky * 0.8
        k *= 1.0 + (min(bright / max(y, 0.06), 2.2) - 1.0) * w
        nu, nv = u * 1.5 + 0.008, v * 1.5
        nu += (skies[4, 0] * bright * 0.6 - nu) * sky
        nv += (skies[4, 1] * bright * 0.6 - nv) * sky
        y, u, v = y + (bright - y) * w, u + (nu - u) * w, v + (nv - v) * w
    return y, u, v, k


@kernel
def in_weather(
    y: float, u: float, v: float, k: float, knobs: Floats, sky: float, far: float, high: float, drift: float,
    lamp: float, skies: Floats,
) -> tuple[float, float, float, float]:  # fmt: skip
    """The same under another sky. `drift` is moving noise, -1 … 1."""
    dim = 1.0 - 0.74 * knobs[NIGHT]
    if knobs[CLEAR] > 0.0:
        w = knobs[CLEAR]
        blue = y * (1.0 - 0.22 * high * sky)
        u += (skies[4, 0] * blue * 0.85 - u) * sky * 0.7 * w
        v += (skies[4, 1] * blue * 0.85 - v) * sky * 0.7 * w
        y += (blue * (1.04 - 0.04 * sky) - y) * w
        u, v = u * (1.0 + 0.12 * w), v * (1.0 + 0.12 * w)
    grey = max(knobs[CLOUDY], knobs[WET])
    if grey > 0.0:
        flat = (0.46 + (y - 0.46) * 0.80) * (0.94 - 0.16 * knobs[WET])
        flat += (y * 0.9 - flat) * max(1.0 - dim, lamp)
        cloud = (0.60 - 0.12 * knobs[WET] + 0.26 * drift + 0.25 * (y - 0.6)) * (1.0 - 0.15 * high) * dim
        ny = flat + (cloud - flat) * 0.88 * sky
        y += (ny - y) * grey
        keep = 1.0 - grey * (0.38 + 0.5 * sky)
        u, v = u * keep + 0.006 * grey * dim, v * keep - 0.003 * grey * dim
        k *= 1.0 - 0.14 * grey
    if knobs[FOG] > 0.0:
        veil = (
            knobs[FOG]
            * min(max((0.10 + 0.66 * far * math.sqrt(far)) * (1.0 + 0.45 * drift), 0.0), 0.80)
            * (1.0 - 0.45 * lamp)
        )
        tone = 0.74 * dim
        y += (tone - y) * veil
        u, v = u * (1.0 - veil) + 0.010 * (1.0 - dim) * veil, v * (1.0 - veil)
        k *= 1.0 - veil
    return y, u, v, k


@kernel
def change(
    luma: Bytes, blue: Bytes, red: Bytes, source: Bytes, source_blue: Bytes, source_red: Bytes, maps: Floats,
    knobs: Floats, field: Floats, pin: NDArray[np.float64], tables: Floats, dither: Floats, seconds: float, seed: int,
    begin: int, end: int,
) -> None:  # fmt: skip
    """Rows `begin` … `end` (even) of a frame, from those of the source. `pin` has the frame's camera: growth (real,
    imaginary), shift in pixels, the horizon as a share of the height, and how bright snow is. `tables` are LEAVES,
    FRESH, LUSH and SKIES, one after the other."""
    width, height = luma.shape[1], luma.shape[0]
    leaves, fresh, lush, skies = tables[0:5], tables[5:7], tables[7:9], tables[9:15]
    rows, columns = maps.shape[1], maps.shape[2]
    per_x, per_y, day = columns / width, rows / height, float(pin[5])
    size = pin[0] * pin[0] + pin[1] * pin[1]
    texels = TILE / (_TILE_SPAN * width)
    moving = knobs[CLOUDY] + knobs[WET] + knobs[FOG] > 0.0
    drifts, line = np.zeros(columns + 2, np.float32), np.zeros((5, columns + 1), np.float32)
    seasonal = knobs[AUTUMN] + knobs[WINTER] + knobs[SPRING] + knobs[SUMMER] > 0.0
    for row in range(begin // 2, end // 2):
        sy = min(max((2 * row + 1) * per_y - 0.5, 0.0), rows - 1.001)
        j = int(sy)
        for c in range(5):
            for i in range(columns):
                line[c, i] = maps[c, j, i] + (maps[c, j + 1, i] - maps[c, j, i]) * f32(sy - j)
            line[c, columns] = line[c, columns - 1]
        high = min(max(1.0 - (2 * row + 1) / height / pin[4], 0.0), 1.0)
        if moving:
            for i in range(columns + 1):
                zx, zy = i / per_x - 0.5 * width - pin[2], 2 * row - 0.5 * height - pin[3]
                ax, ay = (zx * pin[0] + zy * pin[1]) / size / width, (zy * pin[0] - zx * pin[1]) / size / width
                drifts[i] = layered(ax * 2.6 - seconds * 0.05, ay * 6.0 + seconds * 0.012, 3, seed + 7)
        for x in range(width // 2):
            sx = min(max((2 * x + 1) * per_x - 0.5, 0.0), columns - 1.001)
            y00, y01 = f32(source[2 * row, 2 * x]), f32(source[2 * row, 2 * x + 1])
            y10, y11 = f32(source[2 * row + 1, 2 * x]), f32(source[2 * row + 1, 2 * x + 1])
            whole = f32(0.25) * (y00 + y01 + y10 + y11)
            y, k = (float(whole) - 16.0) / 219.0, 1.0
            u, v = (float(source_blue[row, x]) - 128.0) / 224.0, (float(source_red[row, x]) - 128.0) / 224.0
            n = int(sx)
            share = f32(sx - n)
            sky = float(line[SKY, n] + (line[SKY, n + 1] - line[SKY, n]) * share)
            mean = float(line[MEAN, n] + (line[MEAN, n + 1] - line[MEAN, n]) * share)
            far = float(line[FAR, n] + (line[FAR, n + 1] - line[FAR, n]) * share)
            glow = float(line[LAMP, n] + (line[LAMP, n + 1] - line[LAMP, n]) * share)
            plant = greenness(y, u, v) * (1.0 - 0.8 * sky)
            fire = float(line[HEARTH, n] + (line[HEARTH, n + 1] - line[HEARTH, n]) * share)
            burns = max(ramp(y - mean, 0.10, 0.30) * ramp(y, 0.56, 0.76), ramp(y, 0.22, 0.80) * fire)
            lamp = burns * (1.0 - plant)
            if seasonal:
                zx, zy = 2 * x - 0.5 * width - pin[2], 2 * row - 0.5 * height - pin[3]
                ax, ay = (zx * pin[0] + zy * pin[1]) / size * texels, (zy * pin[0] - zx * pin[1]) / size * texels
                over = min(max((y - mean) * 2.2, -0.5), 0.5)
                window = ramp(y - mean, 0.08, 0.20) * ramp(0.30 - mean, 0.0, 0.12)
                land = (1.0 - sky) * ramp(1.0 - far, 0.05, 0.5) * (1.0 - max(lamp, window)) * (1.0 - 0.9 * fire)
                broad, fine = pattern(field[COARSE], ax, ay), pattern(field[FINE], ax * 1.7, ay * 1.7)
                y, u, v, k = in_season(y, u, v, k, knobs, plant, land, over, broad, fine, day, leaves, fresh,
                                       lush)  # fmt: skip
            y, u, v, k = in_light(y, u, v, k, knobs, sky, high, lamp, glow, skies)
            drift = float(drifts[n] + (drifts[n + 1] - drifts[n]) * share)
            y, u, v, k = in_weather(y, u, v, k, knobs, sky, far, high, drift, lamp, skies)
            base, gain = f32(16.0 + 219.0 * y), f32(k)
            d0, d1 = dither[(2 * row) & 63], dither[(2 * row + 1) & 63]
            a, b = (2 * x) & 63, (2 * x + 1) & 63
            luma[2 * row, 2 * x] = _byte(base + (y00 - whole) * gain + d0[a], 235.0)
            luma[2 * row, 2 * x + 1] = _byte(base + (y01 - whole) * gain + d0[b], 235.0)
            luma[2 * row + 1, 2 * x] = _byte(base + (y10 - whole) * gain + d1[a], 235.0)
            luma[2 * row + 1, 2 * x + 1] = _byte(base + (y11 - whole) * gain + d1[b], 235.0)
            blue[row, x] = _byte(f32(128.0 + 224.0 * u) + d0[b], 240.0)
            red[row, x] = _byte(f32(128.0 + 224.0 * v) + d1[a], 240.0)


@kernel
def _byte(value: np.floating[Any], top: float) -> np.uint8:
    return np.uint8(min(max(value, f32(16.0)), f32(top)))


@kernel
def stars(luma: Bytes, maps: Floats, pin: NDArray[np.float64], strength: float, seconds: float, places: Floats) -> None:
    """Stars in the open sky, pinned to it. `places` (count, 3) are shares of the first frame, and brightness."""
    height, width = luma.shape
    for n in range(places.shape[0]):
        zx, zy = (places[n, 0] - 0.5) * width, (places[n, 1] - 0.5) * height
        x = int(zx * pin[0] - zy * pin[1] + pin[2] + 0.5 * width)
        y = int(zy * pin[0] + zx * pin[1] + pin[3] + 0.5 * height)
        if 0 <= x < width and 0 <= y < height:
            sky = maps[SKY, y * maps.shape[1] // height, x * maps.shape[2] // width]
            light = places[n, 2] * (0.85 + 0.15 * math.sin(seconds * 3.0 + n * 2.1))
            part = strength * light * ramp(sky, 0.75, 1.0) * 110.0
            luma[y, x] = np.uint8(min(luma[y, x] + part, 225.0))
