"""Draws the two pictures that a passage leads between: `python bench/draw_scenes.py SUNRISE.jpg SKYLINE.jpg`.

A sunrise over the ocean and a city's skyline by night, painted by code alone; the same code gives the same pictures.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.draw_portrait import blur, spot

Floats = NDArray[np.float64]

WIDE, TALL = 1600, 900
Y, X = np.mgrid[0:TALL, 0:WIDE].astype(np.float64) + 0.5


def noise(rng: np.random.Generator, across_px: float, down_px: float) -> Floats:
    """Soft noise with features of the given sizes, one unit of standard deviation."""
    rows, columns = max(int(TALL / down_px) + 4, 4), max(int(WIDE / across_px) + 4, 4)
    small = Image.fromarray(rng.standard_normal((rows, columns)).astype(np.float32))
    large = np.asarray(small.resize((WIDE, TALL), Image.Resampling.BICUBIC), np.float64)
    return np.asarray((large - large.mean()) / large.std())


def layered(rng: np.random.Generator, across_px: float, down_px: float, octaves: int) -> Floats:
    """Octaves of noise, each twice as fine and half as strong."""
    field = np.zeros((TALL, WIDE))
    for octave in range(octaves):
        field += noise(rng, across_px / 2**octave, down_px / 2**octave) * 0.5**octave
    return np.asarray(field / field.std())


def mixed(stops: list[tuple[float, tuple[float, float, float]]], at: Floats) -> Floats:
    """A run of colours."""
    places = [place for place, _ in stops]
    return np.stack([np.interp(at, places, [colour[c] for _, colour in stops]) for c in range(3)], 2)


def developed(page: Floats, rng: np.random.Generator, bloom: float) -> Image.Image:
    """Bloom, a film's curve, a little grain."""
    bright = np.clip(page - 0.6, 0, 2.0)
    for px, part in ((4, 0.25), (18, 0.20), (70, 0.22)):
        page = page + bloom * part * np.stack([blur(bright[..., c], px) for c in range(3)], 2)
    tone = np.clip(page * (2.51 * page + 0.03) / (page * (2.43 * page + 0.59) + 0.14), 0, 1)
    shown = np.where(tone <= 0.0031308, tone * 12.92, 1.055 * np.maximum(tone, 1e-6) ** (1 / 2.4) - 0.055)
    shown += rng.standard_normal((TALL, WIDE, 1)) * 0.008
    return Image.fromarray((np.clip(shown, 0, 1) * 255 + 0.5).astype(np.uint8))


def sunrise() -> Image.Image:
    """The sun a hand above the horizon, clouds lit from below, its path on the waves."""
    rng = np.random.default_rng(11)
    line, sx, sy = 500.0, 800.0, 448.0
    up = np.clip((line - Y) / line, 0, 1)
    page = mixed(
        [
            (0, (1.0, 0.50, 0.18)),
            (0.10, (0.95, 0.42, 0.20)),
            (0.28, (0.55, 0.30, 0.30)),
            (0.6, (0.16, 0.19, 0.34)),
            (1, (0.05, 0.09, 0.22)),
        ],
        up,
    )
    away = np.hypot(X - sx, (Y - sy) * 1.25)
    page += (np.array([1.2, 0.62, 0.20]) * (np.exp(-away / 130) * 0.9)[..., None]) + (
        np.array([0.5, 0.18, 0.05]) * np.exp(-away / 420)[..., None]
    )
    page = clouds(page, up, away, rng)
    page += np.array([6.0, 4.2, 2.2]) * np.clip(43 - np.hypot(X - sx, Y - sy), 0, 1)[..., None]
    sea(page, line, sx, sy, rng)
    return developed(page, rng, 0.8)


def clouds(page: Floats, up: Floats, away: Floats, rng: np.random.Generator) -> Floats:
    """Long banks over the horizon and feathers above, bright underneath towards the sun."""
    for across, down, low, high, cover in ((520, 46, 0.05, 0.42, 0.35), (760, 90, 0.30, 0.95, 0.55)):
        field = layered(rng, across, down, 5)
        band = np.clip((up - low) / 0.08, 0, 1) * np.clip((high - up) / 0.15, 0, 1)
        thick = np.clip((field - cover) / 0.9, 0, 1) * band
        under = np.clip(thick - np.roll(thick, -9, 0), 0, 1) * 2.6
        glow = np.exp(-away / 420)[..., None]
        shade = np.array([0.20, 0.12, 0.17]) * (0.7 + 0.9 * glow) + np.array([1.0, 0.42, 0.14]) * glow * 0.45
        lit = shade + np.array([1.5, 0.62, 0.25]) * under[..., None] * (0.25 + glow)
        page = page + (lit - page) * (np.clip(thick * 1.3, 0, 0.88))[..., None]
    return page


def sea(page: Floats, line: float, sx: float, sy: float, rng: np.random.Generator) -> None:
    """Waves that grow finer towards the horizon, each a mirror of the sky at its slope."""
    depth = np.clip((Y - line) / (TALL - line), 1e-3, 1)
    swell = np.zeros((TALL, WIDE))
    for number, (size, high) in enumerate(((1.0, 1.0), (0.45, 0.7), (0.2, 0.55), (0.09, 0.4))):
        rows, columns = 512, 512
        tile = rng.standard_normal((rows, columns))
        tile = blur(np.tile(tile, (3, 3)), 3)[rows : 2 * rows, columns : 2 * columns]
        tile /= tile.std()
        v = 90.0 / (depth + 0.035) / size * 1.1
        u = (X - sx) / (depth + 0.035) / size * 0.13 + number * 77
        i, j = np.floor(u), np.floor(v)
        a, b = u - i, v - j
        i0, j0 = i.astype(int) % columns, j.astype(int) % rows
        i1, j1 = (i0 + 1) % columns, (j0 + 1) % rows
        top, low = tile[j0, i0] * (1 - a) + tile[j0, i1] * a, tile[j1, i0] * (1 - a) + tile[j1, i1] * a
        swell += (top * (1 - b) + low * b) * high * np.clip(depth / size * 9, 0, 1)
    slope = swell / 1.4
    mirror = np.clip(line - (Y - line) * 0.72 - slope * (26 + 90 * depth), 6, line - 2).astype(int)
    across = np.clip(X + slope * 22 * (0.3 + depth), 0, WIDE - 1).astype(int)
    soft = np.stack([blur(page[..., c], 3) for c in range(3)], 2)
    seen = soft[mirror, across]
    fresnel = np.clip(0.60 - 0.40 * depth - 0.10 * slope, 0.10, 0.9)[..., None]
    water = np.array([0.010, 0.038, 0.062]) * (1 + 0.5 * np.clip(slope, -1, 2))[..., None] + seen * fresnel
    path = np.exp(-(((X - sx) / (46 + 250 * depth)) ** 2)) * np.clip((slope - 0.55 + 0.5 * (1 - depth)) * 1.4, 0, 1.5)
    water += np.array([2.3, 1.15, 0.42]) * (path * (1.0 - 0.72 * depth))[..., None]
    haze = np.exp(-depth * 26)[..., None]
    water += (np.array([0.95, 0.46, 0.20]) - water) * haze * 0.75
    below = np.clip(Y - line, 0, 1)[..., None]
    page += (water - page) * below


def skyline() -> Image.Image:
    """Towers with lit windows over a bay that mirrors them, under the last violet of the dusk."""
    rng = np.random.default_rng(23)
    line = 640
    up = np.clip((line - Y) / line, 0, 1)
    page = mixed(
        [
            (0, (0.34, 0.13, 0.16)),
            (0.18, (0.17, 0.075, 0.17)),
            (0.5, (0.040, 0.032, 0.105)),
            (1, (0.008, 0.011, 0.038)),
        ],
        up,
    )
    stars = rng.random((TALL, WIDE)) > 0.9993
    page += (blur(stars * rng.random((TALL, WIDE)), 1) * 6 * np.clip(up - 0.35, 0, 1))[..., None] * np.array(
        [0.8, 0.9, 1.1]
    )
    page += (
        np.array([0.26, 0.12, 0.10]) * (np.exp(-np.abs(Y - line) / 120) * np.exp(-(((X - 820) / 620) ** 2)))[..., None]
    )
    moon = np.clip(27 - np.hypot(X - 1270, Y - 150), 0, 1) * (0.85 + 0.10 * layered(rng, 26, 26, 3).clip(-1, 1))
    page += (
        np.array([1.5, 1.45, 1.3]) * moon[..., None]
        + np.array([0.10, 0.10, 0.13]) * spot(1270, 150, 130, 130)[..., None]
    )
    for row in range(3):
        towers(page, row, line, rng)
    bay(page, line, rng)
    return developed(page, rng, 1.0)


def towers(page: Floats, row: int, line: int, rng: np.random.Generator) -> None:
    """One row of buildings, the far ones first."""
    haze = (0.62, 0.30, 0.0)[row]
    x = -20.0
    while x < WIDE:
        wide = rng.uniform(34, 86) * (0.75 + 0.2 * row)
        middle = np.exp(-(((x + wide / 2 - 830) / 400) ** 2))
        tall = (rng.uniform(90, 230) + rng.uniform(60, 250) * middle) * (1.06, 0.95, 0.66)[row]
        tower(page, int(x), int(x + wide), int(line - tall), line, haze, rng)
        x += wide + rng.uniform(-10, 16)


def tower(page: Floats, left: int, right: int, top: int, line: int, haze: float, rng: np.random.Generator) -> None:
    """A block, its stepped top, its windows, perhaps a mast."""
    a, b = max(left, 0), min(right, WIDE)
    if b - a < 6:
        return
    wall = np.array([0.020, 0.018, 0.034]) * rng.uniform(0.7, 1.5)
    air = np.array([0.17, 0.075, 0.13])
    step = int((b - a) * rng.uniform(0.12, 0.3))
    for inset, above in ((0, 0), (step, rng.integers(8, 34)), (step * 2, rng.integers(0, 60))):
        if b - a - 2 * inset > 4:
            part = page[max(top - above, 0) : line, a + inset : b - inset]
            light = np.linspace(0.8, 1.25, part.shape[1])[None, :, None]
            part[:] = wall * light * (1 - haze) + air * haze * np.linspace(0.6, 1.15, part.shape[0])[:, None, None]
    if rng.random() < 0.35:
        mast = (a + b) // 2
        page[max(top - 90, 0) : top, mast : mast + 2] = wall * 0.8 + air * haze
        page[max(top - 92, 0) : max(top - 88, 1), mast - 1 : mast + 3] = (2.2, 0.15, 0.10)
    windows(page, a, b, top, line, haze, rng)


def windows(page: Floats, a: int, b: int, top: int, line: int, haze: float, rng: np.random.Generator) -> None:
    """Lit rooms in a grid; whole floors are dark or bright."""
    tint = np.array([(1.0, 0.62, 0.26), (1.0, 0.74, 0.42), (0.70, 0.82, 1.0), (1.0, 0.50, 0.20)][rng.integers(0, 4)])
    wide, tall = int(rng.integers(3, 6)), int(rng.integers(4, 7))
    share = rng.uniform(0.25, 0.62)
    for y in range(top + 8, line - 6, tall + 4):
        floor = share * rng.uniform(0.4, 1.5)
        for x in range(a + 4, b - wide - 2, wide + 3):
            if rng.random() < floor:
                page[y : y + tall, x : x + wide] += tint * rng.uniform(0.25, 1.5) * (1 - 0.72 * haze)


def bay(page: Floats, line: int, rng: np.random.Generator) -> None:
    """Water that draws every light out into a long shivering stripe."""
    depth = np.clip((Y - line) / (TALL - line), 0, 1)
    ripple = layered(rng, 60, 5, 3) * (2 + 15 * depth) + layered(rng, 260, 14, 3) * (1 + 9 * depth)
    source = np.clip(line - 2 - (Y - line) * 1.75 + ripple * 3.2, 0, line - 2).astype(int)
    across = np.clip(X + ripple * 0.55, 0, WIDE - 1).astype(int)
    drawn = page.copy()
    for c in range(3):
        total = np.cumsum(np.pad(page[..., c], ((34, 34), (0, 0)), mode="edge"), 0)
        drawn[..., c] = (
            (total[67:] - total[:-67])[: TALL - 0][:TALL] / 67 if total.shape[0] - 67 >= TALL else drawn[..., c]
        )
    seen = 0.5 * page[source, across] + 0.8 * drawn[source, across]
    water = seen * (0.70 - 0.34 * depth)[..., None] + np.array([0.006, 0.009, 0.024])
    quay = np.clip(3 - np.abs(Y - line - 1), 0, 1)[..., None]
    page += (water - page) * np.clip(Y - line, 0, 1)[..., None]
    page += (np.array([0.02, 0.015, 0.02]) - page) * quay
    lamps = (np.abs(Y - line + 3) < 2) & (X.astype(int) % 46 < 3)
    page += lamps[..., None] * np.array([2.2, 1.25, 0.5])


def draw_sunrise(path: Path) -> None:
    """The sunrise as a JPEG file."""
    sunrise().save(path, quality=88, optimize=True, progressive=True)


def draw_skyline(path: Path) -> None:
    """The skyline as a JPEG file."""
    skyline().save(path, quality=88, optimize=True, progressive=True)


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    draw_sunrise(Path(sys.argv[1]))
    draw_skyline(Path(sys.argv[2]))


if __name__ == "__main__":
    main()
