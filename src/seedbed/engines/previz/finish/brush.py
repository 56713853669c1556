"""Kernels that lay paint on a frame, row by row at its full size, from maps of a reduced picture.

Each style gives a pixel its luma 0 … 1 and how much of the colour there remains; colour differences follow at half
the size. Layers of the maps: GAIN and FOOT of the frame's own luma, BLUE, RED, and two of the style's own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import inlined, kernel

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Ints = NDArray[np.int32]
f32 = np.float32

GAIN, FOOT, BLUE, RED, FIRST, SECOND = range(6)
WATERCOLOUR, OIL, ANIME, COMIC = range(4)


@inlined
def _step(value: f32, low: float, high: float) -> f32:
    """0 below `low`, 1 above `high`, smooth between."""
    t: f32 = min(max((value - f32(low)) / f32(high - low), f32(0.0)), f32(1.0))
    return t * t * (f32(3.0) - f32(2.0) * t)


@kernel
def _wash(row: Floats, tints: Floats, first: Floats, second: Floats, tile: Floats) -> None:
    """Watercolour: transparent pigment on white paper, darker where a wash ends and in the paper's hollows."""
    mask, one, half = tile.shape[0] - 1, f32(1.0), f32(0.5)
    for x in range(row.shape[0]):
        tooth = tile[x & mask]
        y = f32(0.10) + f32(0.90) * row[x]
        # Pigment is densest in what is neither white nor dark already (Bousseau's density curve).
        more = first[x] + f32(0.34) * tooth
        dark = y - y * (one - y) * more * f32(0.62)
        field = _step(second[x] + f32(0.9) * tooth, 0.0, 1.0)
        white = f32(0.955) + f32(0.016) * tooth
        row[x] = white + (dark - white) * field
        tints[x] = field * (one + (y - half) * f32(-0.35) + f32(0.22) * more)


@kernel
def _impasto(row: Floats, tints: Floats, first: Floats, second: Floats, tile: Floats) -> None:
    """Oil: thick strokes lit from the upper left, on linen that shows where the paint is thin."""
    mask, one = tile.shape[0] - 1, f32(1.0)
    for x in range(row.shape[0]):
        # The strokes' own edges, more than those of the picture.
        y = second[x] + (row[x] - second[x]) * f32(0.5)
        body = f32(0.30) + min(max(y, f32(0.0)), one) * f32(0.70)
        row[x] = y + body * (f32(0.115) * first[x] + f32(0.022) * tile[x & mask])
        tints[x] = one - f32(0.46) * _step(y, 0.42, 1.0)


@kernel
def _cel(row: Floats, tints: Floats, first: Floats, second: Floats, bands: float, blur: float) -> None:
    """Anime: few tones with clean borders, plain highlights, thin dark contours that keep some colour."""
    one, half, many = f32(1.0), f32(0.5), f32(bands)
    for x in range(row.shape[0]):
        y = min(max(half * (row[x] + second[x]), f32(0.0)), one) * many
        whole = np.floor(y)
        toned = (whole + _step(y - whole, 0.42, 0.58)) / many
        y = y / many
        y = toned + (y - toned) * f32(0.18)
        line = _step(first[x], 0.125 - 0.03 * blur, 0.125 + 0.03 * blur)
        row[x] = y * (one - f32(0.76) * line)
        tints[x] = (one - f32(0.55) * line) * (one - f32(0.30) * _step(toned, 0.5, 1.0))


@kernel
def _ink(row: Floats, tints: Floats, first: Floats, second: Floats, tile: Floats, blur: float) -> None:
    """Comic: four tones, a screen of dots in what is not bright, ink for contours and for deep shadow."""
    mask, one, many = tile.shape[0] - 1, f32(1.0), f32(4.0)
    for x in range(row.shape[0]):
        y = min(max(f32(0.5) * (row[x] + second[x]), f32(0.0)), one)
        t = y * many
        whole = np.floor(t)
        toned = f32(0.10) + f32(0.88) * (whole + _step(t - whole, 0.44, 0.56)) / many
        cover = min(max((f32(0.62) - y) * f32(1.15), f32(-0.2)), f32(0.62))
        dot = _step(cover - tile[x & mask], -0.06 * blur, 0.06 * blur)
        black = one - _step(second[x] - f32(0.6) * first[x], 0.105 - 0.02 * blur, 0.105 + 0.02 * blur)
        ink: f32 = max(_step(first[x], 0.08 - 0.02 * blur, 0.08 + 0.02 * blur), black)
        row[x] = (toned + (one - toned) * f32(0.06)) * (one - f32(0.42) * dot) * (one - f32(0.97) * ink)
        tints[x] = (one - f32(0.15) * dot) * (one - f32(0.95) * ink) * (one - f32(0.24) * _step(toned, 0.55, 1.0))


@inlined
def _raised(maps: Floats, layer: int, j: int, j1: int, part: float, line: Floats) -> None:
    """One row of a map between two of its own, into `line`, whose last value is repeated."""
    top, low, columns = maps[layer, j], maps[layer, j1], maps.shape[2]
    for i in range(columns):
        line[i] = top[i] + (low[i] - top[i]) * f32(part)
    line[columns] = line[columns - 1]


@inlined
def _stretched(line: Floats, at: Ints, part: Floats, out: Floats) -> None:
    for x in range(out.shape[0]):
        i = at[x]
        out[x] = line[i] + (line[i + 1] - line[i]) * part[x]


@kernel
def _between(count: int, less: float, columns: int, at: Ints, part: Floats) -> None:
    """Where each of `count` pixels lies among `columns` of `less` pixels each."""
    for x in range(count):
        u = min(max((x + 0.5) / less - 0.5, 0.0), columns - 1.0)
        at[x] = int(u)
        part[x] = u - int(u)


@kernel
def _tint_row(out: Bytes, line: Floats, tints: Floats, at: Ints, part: Floats, strength: f32, cast: f32) -> None:
    """One row of a colour difference; `cast` is the paper's, where no paint is."""
    for k in range(out.shape[0]):
        i = at[k]
        value = line[i] + (line[i + 1] - line[i]) * part[k]
        keep = (tints[0, 2 * k] + tints[0, 2 * k + 1] + tints[1, 2 * k] + tints[1, 2 * k + 1]) * f32(0.25)
        value = value * keep * strength + cast
        out[k] = np.uint8(min(max(f32(128.5) + f32(224.0) * value, f32(16.0)), f32(240.0)))


@kernel
def lay(kind: int, source: Bytes, maps: Floats, less: int, tile: Floats, luma: Bytes, blue: Bytes, red: Bytes) -> None:
    """Paints a frame whose luma was `source`, from its `maps` (6, rows, columns) of `less` pixels each way."""
    height, width = luma.shape
    rows, columns = maps.shape[1], maps.shape[2]
    mask = tile.shape[0] - 1
    # Edges are as sharp in a large frame as in a small one, not as wide.
    blur = min(720.0 / min(width, height), 2.0)
    lines = np.empty((6, columns + 1), np.float32)
    wide = np.empty((4, width), np.float32)
    tints = np.empty((2, width), np.float32)
    at, part = np.empty(width, np.int32), np.empty(width, np.float32)
    at_half, part_half = np.empty(width // 2, np.int32), np.empty(width // 2, np.float32)
    _between(width, less, columns, at, part)
    _between(width // 2, less * 0.5, columns, at_half, part_half)
    strength, warm = (f32(1.05), f32(0.004)) if kind == WATERCOLOUR else (f32(1.12), f32(0.0))
    for y in range(height):
        v = min(max((y + 0.5) / less - 0.5, 0.0), rows - 1.0)
        j = int(v)
        j1 = min(j + 1, rows - 1)
        share = v - j
        for k in range(4):
            layer = k if k < 2 else k + 2
            _raised(maps, layer, j, j1, share, lines[layer])
            _stretched(lines[layer], at, part, wide[k])
        row, keep = wide[0], tints[y & 1]
        for x in range(width):
            value = (f32(source[y, x]) - f32(16.0)) * f32(1.0 / 219.0)
            row[x] = wide[0, x] * value + wide[1, x]
        if kind == WATERCOLOUR:
            _wash(row, keep, wide[2], wide[3], tile[y & mask])
        elif kind == OIL:
            _impasto(row, keep, wide[2], wide[3], tile[y & mask])
        elif kind == ANIME:
            _cel(row, keep, wide[2], wide[3], 5.0, blur)
        else:
            _ink(row, keep, wide[2], wide[3], tile[y & mask], blur)
        for x in range(width):
            luma[y, x] = np.uint8(min(max(f32(16.5) + f32(219.0) * row[x], f32(16.0)), f32(235.0)))
        if y & 1:
            v = min(max((y >> 1) * 2.0 / less + 1.0 / less - 0.5, 0.0), rows - 1.0)
            j = int(v)
            j1 = min(j + 1, rows - 1)
            _raised(maps, BLUE, j, j1, v - j, lines[BLUE])
            _raised(maps, RED, j, j1, v - j, lines[RED])
            _tint_row(blue[y >> 1], lines[BLUE], tints, at_half, part_half, strength, -warm)
            _tint_row(red[y >> 1], lines[RED], tints, at_half, part_half, strength, warm)
