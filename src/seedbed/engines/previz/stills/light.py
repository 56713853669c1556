"""What comes alive: shimmer and sway as shifts of a mesh, flicker, fog, smoke and sun as gains and lights on it.

A glow is (4, rows, columns) on a frame's mesh: what luma and the differences are multiplied with, and what is
added to luma, blue and red, in code values. Everything begins from nothing at second 0, so that the first
frame is the picture itself. Owns nothing; each function is a function of its arguments.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.noise import fraction, gradient, layered
from seedbed.engines.previz.stills.depth import BODY, LEAVES, NEAR, SKY, WATER, box, grey
from seedbed.engines.previz.stills.parallax import at

Floats = NDArray[np.float32]
f32 = np.float32

GAIN, LUMA, BLUE, RED = range(4)
FLAMES_MAX = 24
X, Y, SIZE, TALL, OUT_S = range(5)
"""A flame: its middle and its size as shares of the frame's width, its height, and when it goes out (seconds)."""
SHIMMER, SWAY, DRIFT, LEAN = range(4)
"""How strong each way of moving is."""
FOG, SMOKE, SUN, SHADE, FLICKER = range(5)
"""How strong each way of lighting is."""
_NEVER_S = 1e6


@dataclass(frozen=True, slots=True)
class Life:
    """What lives in a picture: strengths by SHIMMER … and FOG …, and its flames (count, 5)."""

    moving: Floats
    lit: Floats
    flames: Floats


def life(living: frozenset[str], rgb: Floats, duration_s: float, *, moving_sky: bool) -> Life:
    """What `living` asks for, on the picture `rgb`, 0 … 1."""
    moving = np.zeros(4, np.float32)
    lit = np.zeros(5, np.float32)
    moving[SHIMMER] = 1.0 if "water" in living else 0.6
    moving[SWAY] = 1.0 if living & {"wind", "rain"} else 0.25
    moving[DRIFT] = (1.0 if "clouds" in living else 0.4) if moving_sky else 0.0
    moving[LEAN] = 1.0 if living & {"person", "blown"} else 0.0
    lit[FOG] = float("fog" in living)
    lit[SMOKE] = float("smoke" in living)
    lit[SUN] = float("sun" in living)
    lit[SHADE] = float(bool(living & {"clouds", "wind"}))
    lit[FLICKER] = float("flames" in living)
    flames = find_flames(rgb) if "flames" in living else np.zeros((0, 5), np.float32)
    if "blown" in living and len(flames):
        order = np.argsort(flames[:, X], kind="stable")
        flames[order, OUT_S] = duration_s * np.linspace(0.52, 0.70, len(flames))
    return Life(moving, lit, np.ascontiguousarray(flames))


def find_flames(rgb: Floats) -> Floats:
    """Small upright spots, among the brightest of the picture, with a warm rim and darker around; the strongest
    first."""
    rows, columns = rgb.shape[:2]
    luma = grey(rgb)
    peak = float(np.quantile(luma, 0.9995))
    hot = (luma > max(0.95 * peak, 0.62)) & (luma - box(luma, max(columns // 20, 2)) > 0.10)
    rim = box(np.ascontiguousarray(rgb[..., 0] - rgb[..., 2]), max(columns // 160, 1))
    label = np.zeros((rows, columns), np.int32)
    spots = np.zeros((512, 6), np.float32)
    count = gather(hot, label, luma, spots)
    found = []
    for area, sx, sy, least, most, light in spots[:count].tolist():
        tall = most - least + 1.0
        wide, x, y = area / tall, sx / area, sy / area
        if 4 <= area <= rows * columns * 0.006 and tall > 1.1 * wide and rim[int(y), int(x)] > 0.12:
            place = (x + 0.5) / columns, (y + 0.5) / rows
            found.append((light, (*place, max(wide, 1.0) / columns, tall / rows, _NEVER_S)))
    found.sort(key=lambda spot: -spot[0])
    # Candles of one cake burn alike; what is much smaller only reflects them.
    usual = float(np.quantile([spot[TALL] for _, spot in found], 0.75)) if found else 0.0
    flames = [spot for _, spot in found if spot[TALL] > 0.55 * usual]
    return np.array(flames[:FLAMES_MAX], np.float32).reshape(-1, 5)


@kernel
def gather(hot: NDArray[np.bool_], label: NDArray[np.int32], light: Floats, spots: Floats) -> int:
    """Connected spots: area, sums of columns and rows, first and last row, sum of light. Returns how many."""
    rows, columns = hot.shape
    stack = np.empty((rows * columns, 2), np.int32)
    count = 0
    for y in range(rows):
        for x in range(columns):
            if hot[y, x] and label[y, x] == 0 and count < spots.shape[0]:
                spot = spots[count]
                spot[3], spot[4] = y, y
                count += 1
                label[y, x] = count
                stack[0, 0], stack[0, 1] = y, x
                left = 1
                while left > 0:
                    left -= 1
                    j, i = stack[left, 0], stack[left, 1]
                    spot[0] += 1
                    spot[1] += i
                    spot[2] += j
                    spot[4] = max(spot[4], j)
                    spot[5] += light[j, i]
                    for turn in range(4):
                        b = j + (turn == 0) - (turn == 1)
                        a = i + (turn == 2) - (turn == 3)
                        if 0 <= b < rows and 0 <= a < columns and hot[b, a] and label[b, a] == 0:
                            label[b, a] = count
                            stack[left, 0], stack[left, 1] = b, a
                            left += 1
    return count


@kernel
def stir(
    mesh: Floats, maps: Floats, moving: Floats, flames: Floats, width: int, height: int, seconds: float, seed: int
) -> None:
    """Shifts the places in `mesh` as water, leaves, clouds, flames and breath would."""
    begun = min(seconds * 1.2, 1.0)
    unit = math.sqrt(width * height)
    for j in range(mesh.shape[1]):
        for i in range(mesh.shape[2]):
            u, v = (mesh[0, j, i] + 0.5) / width, (mesh[1, j, i] + 0.5) / height
            dx, dy = 0.0, 0.0
            water = at(maps[WATER], u, v) * moving[SHIMMER]
            if water > 0.02:
                # Waves look finer the farther they are, so their length follows how near they are.
                near = 0.25 + at(maps[NEAR], u, v)
                a, b = u * width / unit * 14.0 / near, v * height / unit * 46.0 / near
                wave = gradient(a + seconds * 0.5, b - seconds * 1.5, seed)
                other = gradient(a * 1.7 - seconds * 0.7, b * 1.6 - seconds * 1.9, seed + 9)
                dx += water * near * (wave + 0.6 * other) * 0.0042
                dy += water * near * (wave - 0.8 * other) * 0.0030
            leaves = at(maps[LEAVES], u, v) * moving[SWAY]
            if leaves > 0.02:
                gust = 0.6 + 0.6 * gradient(u * 2.0 - seconds * 0.5, v * 2.0, seed + 3)
                dx += leaves * gust * gradient(u * 22.0 - seconds * 0.9, v * 16.0 + seconds * 0.6, seed + 5) * 0.0036
                dy += leaves * gust * gradient(u * 19.0 + seconds * 0.8, v * 21.0, seed + 6) * 0.0018
            sky = at(maps[SKY], u, v) * moving[DRIFT]
            if sky > 0.02:
                dx -= sky * seconds * 0.0030
            body = at(maps[BODY], u, v) * moving[LEAN]
            if body > 0.02:
                breath = math.sin(seconds * 1.6) * 0.0011
                dy += body * breath * (1.0 - v)
                dx += body * math.sin(seconds * 0.8) * 0.0016 * (1.0 - v)
            mesh[0, j, i] += dx * unit * begun
            mesh[1, j, i] += dy * unit * begun
    for f in range(flames.shape[0]):
        _lick(mesh, flames[f], f, width, height, seconds, seed)


@kernel
def _lick(mesh: Floats, flame: Floats, number: int, width: int, height: int, seconds: float, seed: int) -> None:
    """Lets one flame sway above its wick; just before it goes out it is blown aside."""
    begun = min(seconds * 2.0, 1.0)
    fx, tall, wide = flame[X] * width, flame[TALL] * height, max(flame[SIZE] * width, 1.0)
    foot = flame[Y] * height + tall * 0.5
    blown = min(max((seconds - flame[OUT_S] + 0.7) / 0.6, 0.0), 1.0)
    sway = 0.35 * gradient(seconds * 2.3, number * 3.7, seed + 21) + 0.22 * gradient(seconds * 6.1, number * 5.3, seed)
    sway += blown * (0.9 + 0.4 * gradient(seconds * 11.0, number * 2.9, seed + 22))
    stretch = 0.14 * gradient(seconds * 4.0, number * 7.7, seed + 23) - 0.3 * blown
    for j in range(mesh.shape[1]):
        for i in range(mesh.shape[2]):
            x, y = mesh[0, j, i], mesh[1, j, i]
            across, up = (x - fx) / (wide * 2.2), (foot - y) / tall
            if abs(across) < 1.5 and -0.3 < up < 2.4:
                part = math.exp(-across * across * 2.0) * min(max(up, 0.0), 1.2) * begun
                if up > 1.6:
                    part *= (2.4 - up) / 0.8
                mesh[0, j, i] = x - sway * part * wide
                mesh[1, j, i] = y + stretch * part * tall


@kernel
def _firelight(u: float, v: float, broad: float, power: Floats, flames: Floats, sun: Floats, shiver: float) -> float:
    """How much brighter or darker fire makes one place; without a flame to be seen, it comes from `sun`."""
    if flames.shape[0] == 0:
        return float(0.6 * shiver / (1.0 + ((u - sun[0]) * broad) ** 2 + (v - sun[1]) ** 2))
    near = 0.0
    for f in range(flames.shape[0]):
        dx, dy = (u - flames[f, X]) * broad, v - flames[f, Y]
        near += power[f] / (1.0 + (dx * dx + dy * dy) * 7.0)
    return float(near)


@kernel
def shine(
    glow: Floats, mesh: Floats, maps: Floats, lit: Floats, flames: Floats, sun: Floats, tone: Floats, width: int,
    height: int, seconds: float, seed: int,
) -> None:  # fmt: skip
    """Fills `glow` for one frame whose pixels come from `mesh`. `sun` is where the sky is brightest (two shares);
    `tone` the fog's luma, blue and red."""
    begun = min(seconds / 0.9, 1.0)
    begun = begun * begun * (3.0 - 2.0 * begun)
    power = np.empty(flames.shape[0], np.float32)
    all_lit, shiver = 0.0, 0.5 * gradient(seconds * 2.1, 0.3, seed + 31) + 0.4 * gradient(seconds * 5.3, 0.7, seed + 32)
    for f in range(flames.shape[0]):
        alive = min(max((flames[f, OUT_S] - seconds) / 0.16 + 1.0, 0.0), 1.0)
        flicker = 0.7 * gradient(seconds * 3.1, f * 4.1, seed + 33) + 0.4 * gradient(seconds * 8.3, f * 2.3, seed + 34)
        power[f] = (flicker * alive - 1.1 * (1.0 - alive)) / flames.shape[0]
        all_lit += alive / flames.shape[0]
    broad = width / height
    swell = 0.5 - 0.5 * math.cos(seconds * 0.9)
    for j in range(glow.shape[1]):
        for i in range(glow.shape[2]):
            u, v = (mesh[0, j, i] + 0.5) / width, (mesh[1, j, i] + 0.5) / height
            gain, warm, veil = 1.0, 0.0, 0.0
            if lit[FLICKER] > 0.0:
                near = _firelight(u, v, broad, power, flames, sun, shiver)
                # Light that goes out leaves the colours of what it lit: only light that comes brings its own.
                strength = 0.34 if near > 0.0 else 0.46
                gain += begun * lit[FLICKER] * (near * strength + (shiver * 0.02 if all_lit > 0 else 0.0))
                warm += begun * max(near, 0.15 * near) * 5.0
            if lit[SHADE] > 0.0:
                drift = layered(u * 2.2 - seconds * 0.11, v * 3.0 - seconds * 0.02, 2, seed + 41)
                gain -= begun * lit[SHADE] * 0.16 * min(max(drift + 0.1, 0.0), 0.6) * (1.0 - at(maps[SKY], u, v))
            if lit[SUN] > 0.0:
                dx, dy = (u - sun[0]) * broad, v - sun[1]
                halo = 1.0 / (1.0 + (dx * dx + dy * dy) * 9.0)
                angle = math.atan2(dy, dx)
                ray = 0.5 + 0.5 * gradient(angle * 5.0, seconds * 0.35, seed + 43)
                rise = begun * lit[SUN] * halo * (0.35 + 0.65 * swell) * (0.72 + 0.4 * ray)
                gain += 0.10 * rise
                warm += 9.0 * rise
            if lit[FOG] > 0.0:
                far = 1.0 - at(maps[NEAR], u, v)
                drift = layered(u * 2.0 * broad - seconds * 0.13, v * 4.5 + seconds * 0.02, 3, seed + 45)
                veil += begun * lit[FOG] * min(max((0.10 + 0.42 * far) * (0.85 + 1.5 * drift), 0.0), 0.8)
            if lit[SMOKE] > 0.0:
                bend = 0.22 * gradient(v * 2.4 + seconds * 0.5, seconds * 0.2, seed + 47)
                drift = layered((u + bend) * 3.2 * broad, v * 2.6 + seconds * 0.42, 3, seed + 49)
                low = min(max(v * 1.4 - 0.1, 0.0), 1.0)
                veil += begun * lit[SMOKE] * min(max(drift * 1.5 + 0.02, 0.0) * low, 0.6)
            keep = 1.0 - min(veil, 0.85)
            glow[GAIN, j, i] = gain * keep
            glow[LUMA, j, i] = warm * keep + tone[0] * (1.0 - keep)
            glow[BLUE, j, i] = -0.45 * warm * keep + tone[1] * (1.0 - keep)
            glow[RED, j, i] = 0.28 * warm * keep + tone[2] * (1.0 - keep)


@kernel
def wisps(glow: Floats, mesh: Floats, flames: Floats, width: int, height: int, seconds: float, seed: int) -> None:
    """Smoke that rises from every flame that has gone out."""
    broad = width / height
    for f in range(flames.shape[0]):
        age = seconds - flames[f, OUT_S]
        if age <= 0.0:
            continue
        fx, fy = flames[f, X] * broad, flames[f, Y] + flames[f, TALL] * 0.3
        tip = 0.30 * age**0.7
        for j in range(glow.shape[1]):
            v = (mesh[1, j, 0] + 0.5) / height
            up = fy - v
            if up < 0.0 or up > tip:
                continue
            bend = up * 0.35 * gradient(up * 9.0 - age * 2.6, f * 5.1, seed + 61)
            bend += up * 0.18 * gradient(up * 24.0 - age * 4.0, f * 3.3, seed + 62)
            wide = 0.0035 + 0.050 * up
            thick = 0.34 * math.exp(-age / 2.2) * (1.0 - up / tip) ** 0.7 * min(age * 5.0, 1.0) * (0.006 / wide) ** 0.35
            for i in range(glow.shape[2]):
                off = ((mesh[0, j, i] + 0.5) / width * broad - fx - bend) / wide
                if abs(off) < 2.4:
                    veil = thick * math.exp(-off * off)
                    glow[GAIN, j, i] *= 1.0 - veil
                    for c in range(1, 4):
                        glow[c, j, i] *= 1.0 - veil
                    glow[LUMA, j, i] += veil * 150.0


@kernel
def let_fall(
    luma: NDArray[np.uint8], blue: NDArray[np.uint8], red: NDArray[np.uint8], mesh: Floats, maps: Floats, cell: int,
    snow: bool, seconds: float, seed: int, firm: float = 1.0,
) -> None:  # fmt: skip
    """Rain or snow into a finished frame; what is farther than the picture at its place stays behind it. Where the
    picture's edges must be seen, `firm` is below 1: what falls is larger and softer then, and lets more through."""
    height, width = luma.shape
    unit = math.sqrt(width * height)
    begun = min(seconds / 1.0, 1.0)
    count = 1500 if snow else 900
    bulk, clear = 2.0 - firm, 0.1 + 0.9 * firm
    for drop in range(count):
        depth = fraction(drop, 1, seed)
        near = 0.16 + 0.84 * depth * depth
        speed = (0.20 if snow else 2.1) * near * (0.8 + 0.4 * fraction(drop, 5, seed))
        x = fraction(drop, 2, seed) + (0.035 if snow else 0.06) * seconds * near
        y = fraction(drop, 3, seed) + speed * seconds
        if snow:
            x += 0.022 * near * math.sin(seconds * (0.7 + fraction(drop, 4, seed)) + drop)
        px, py = (x - math.floor(x)) * width, (y - math.floor(y)) * (height * 1.1) - height * 0.05
        i, j = min(max(int(px), 0), width - 1), min(max(int(py), 0), height - 1)
        u, v = mesh[0, j // cell, i // cell] / width, mesh[1, j // cell, i // cell] / height
        if near + 0.12 < at(maps[NEAR], u, v):
            continue
        ideal = unit * (0.0040 if snow else 0.0011) * near * bulk
        radius = max(ideal, 0.9)
        length = radius if snow else unit * 0.040 * near * bulk
        strength = begun * ((0.85 - 0.35 * near) if snow else 0.20) * clear
        if firm < 1.0:
            strength *= min(ideal / radius, 1.0)
        lean = 0.0 if snow else 0.035
        _drop(luma, px, py, radius, length, lean, strength, 232.0)
        _drop(blue, px * 0.5, py * 0.5, radius * 0.5, length * 0.5, lean, strength, 129.0)
        _drop(red, px * 0.5, py * 0.5, radius * 0.5, length * 0.5, lean, strength, 127.0)


@kernel
def _drop(
    plane: NDArray[np.uint8], px: float, py: float, radius: float, length: float, lean: float, strength: float,
    value: float,
) -> None:  # fmt: skip
    """One soft spot or streak, laid over a plane."""
    rows, columns = plane.shape
    reach = max(radius, 0.7)
    for j in range(max(int(py - length), 0), min(int(py + length) + 2, rows)):
        middle = px + (j - py) * lean
        for i in range(max(int(middle - reach), 0), min(int(middle + reach) + 2, columns)):
            dx, dy = (i - middle) / reach, (j - py) / max(length, 0.7)
            part = 1.0 - dx * dx - dy * dy
            if part > 0.0:
                part *= strength * min(radius / reach, 1.0)
                plane[j, i] = np.uint8(plane[j, i] + (value - plane[j, i]) * part + 0.5)
