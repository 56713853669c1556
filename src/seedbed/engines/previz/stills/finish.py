"""Kernels from fetched values to a frame's bytes: light laid over, flames put out, rounded with a fixed dither."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.stills.fit import PAD, Sheet
from seedbed.engines.previz.stills.light import GAIN, LUMA, OUT_S, SIZE, TALL, X, Y
from seedbed.engines.previz.stills.parallax import at

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Planes = tuple[Bytes, Bytes, Bytes]
f32 = np.float32

TILE = 64
PATCH = 48
_WIDE, _TALL = 2.9, 1.05
"""A patch reaches this many flame sizes to each side of a flame's middle."""


def dither() -> Floats:
    """A tile of half a code value either way, the same for every frame: a soft sky must not show as bands."""
    noise = np.random.default_rng(7).random((TILE, TILE)) - 0.5
    return np.ascontiguousarray(0.5 + 0.98 * noise, np.float32)


def planes(width: int, height: int) -> Planes:
    """Room for one frame."""
    half = (height // 2, width // 2)
    return np.empty((height, width), np.uint8), np.empty(half, np.uint8), np.empty(half, np.uint8)


def dark_patches(sheet: Sheet, flames: Floats, width: int, height: int) -> Floats:
    """(flames, 3, PATCH, PATCH): the picture around each flame as if it did not burn, filled from outside in."""
    found = np.zeros((len(flames), 3, PATCH, PATCH), np.float32)
    line = np.linspace(-1.0, 1.0, PATCH)
    burning = (line[None, :] ** 2 + line[:, None] ** 2) < 0.72
    for flame, patch in zip(flames, found, strict=True):
        x = (flame[X] + line * flame[SIZE] * _WIDE) * width * sheet.scale
        y = (flame[Y] + line * flame[TALL] * _TALL) * height * sheet.scale
        for layer, (plane, less, pad) in enumerate(((sheet.luma, 1, PAD), (sheet.blue, 2, 1), (sheet.red, 2, 1))):
            rows = np.clip((y / less).astype(int) + pad, 0, plane.shape[0] - 1)
            columns = np.clip((x / less).astype(int) + pad, 0, plane.shape[1] - 1)
            part = plane[np.ix_(rows, columns)]
            part[burning] = np.percentile(part[~burning], 30)
            for _ in range(150):
                spread = (np.roll(part, 1, 0) + np.roll(part, -1, 0) + np.roll(part, 1, 1) + np.roll(part, -1, 1)) / 4
                part[burning] = spread[burning]
            patch[layer] = part
    return found


@kernel
def quench(
    plane: Floats, patches: Floats, layer: int, mesh: Floats, cell: int, flames: Floats, width: int, height: int,
    seconds: float, begin: int, less: int,
) -> None:  # fmt: skip
    """Puts out in rows `begin` … of a fetched plane (1 / `less` of the frame's size) the flames whose time it is."""
    for f in range(flames.shape[0]):
        gone = min(max((seconds - flames[f, OUT_S]) / 0.16, 0.0), 1.0)
        if gone <= 0.0:
            continue
        fx, fy = flames[f, X] * width, flames[f, Y] * height
        rx, ry = flames[f, SIZE] * width * _WIDE, flames[f, TALL] * height * _TALL
        for row in range(plane.shape[0]):
            y = (begin + row) * less
            j = y // cell
            # Cameras move a picture by less than a quarter of the frame.
            if abs(y - fy) > ry + height * 0.25:
                continue
            part = (y - j * cell) / cell
            for x in range(plane.shape[1]):
                i = (x * less) // cell
                share = (x * less - i * cell) / cell
                top = mesh[0, j, i] + (mesh[0, j, i + 1] - mesh[0, j, i]) * share
                low = mesh[0, j + 1, i] + (mesh[0, j + 1, i + 1] - mesh[0, j + 1, i]) * share
                dx = (top + (low - top) * part - fx) / rx
                if abs(dx) >= 1.0:
                    continue
                top = mesh[1, j, i] + (mesh[1, j, i + 1] - mesh[1, j, i]) * share
                low = mesh[1, j + 1, i] + (mesh[1, j + 1, i + 1] - mesh[1, j + 1, i]) * share
                dy = (top + (low - top) * part - fy) / ry
                away = dx * dx + dy * dy
                if away < 0.72:
                    mask = gone * min((0.72 - away) / 0.30, 1.0)
                    value = at(patches[f, layer], dx * 0.5 + 0.5, dy * 0.5 + 0.5)
                    plane[row, x] += f32((value - plane[row, x]) * mask)


@kernel
def round_luma(out: Bytes, values: Floats, glow: Floats, cell: int, tile: Floats, begin: int) -> None:
    """Rows `begin` … of luma, lit by `glow`, into bytes."""
    height, width = values.shape
    lines = np.empty((2, glow.shape[2]), np.float32)
    low, high, foot = f32(16.0), f32(235.0), f32(16.0)
    for row in range(height):
        y = begin + row
        j = y // cell
        part = f32(y - j * cell) / f32(cell)
        for c in range(2):
            for i in range(glow.shape[2]):
                lines[c, i] = glow[c, j, i] + (glow[c, j + 1, i] - glow[c, j, i]) * part
        specks = tile[y & (TILE - 1)]
        for x in range(width):
            i = x // cell
            share = f32(x - i * cell) / f32(cell)
            gain = lines[GAIN, i] + (lines[GAIN, i + 1] - lines[GAIN, i]) * share
            more = lines[LUMA, i] + (lines[LUMA, i + 1] - lines[LUMA, i]) * share
            value = (values[row, x] - foot) * gain + foot + more
            out[y, x] = np.uint8(min(max(value + specks[x & (TILE - 1)], low), high))


@kernel
def round_tint(out: Bytes, values: Floats, glow: Floats, layer: int, cell: int, tile: Floats, begin: int) -> None:
    """As `round_luma`, for the colour difference that `glow` has in `layer`."""
    height, width = values.shape
    low, high, middle = f32(16.0), f32(240.0), f32(128.0)
    half = cell // 2
    for row in range(height):
        y = begin + row
        j = y // half
        b = f32(y - j * half) / f32(half)
        specks = tile[(y + 17) & (TILE - 1)]
        for x in range(width):
            i = x // half
            a = f32(x - i * half) / f32(half)
            top = glow[GAIN, j, i] + (glow[GAIN, j, i + 1] - glow[GAIN, j, i]) * a
            foot = glow[GAIN, j + 1, i] + (glow[GAIN, j + 1, i + 1] - glow[GAIN, j + 1, i]) * a
            gain = top + (foot - top) * b
            more = glow[layer, j, i] + (glow[layer, j, i + 1] - glow[layer, j, i]) * a
            value = (values[row, x] - middle) * gain + middle + more
            out[y, x] = np.uint8(min(max(value + specks[(x + 29) & (TILE - 1)], low), high))


def smooth(share: float) -> float:
    """0 … 1 with rest at both ends."""
    share = min(max(share, 0.0), 1.0)
    return share * share * (3.0 - 2.0 * share)
