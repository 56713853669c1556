"""Kernels from linear light to the encoder's planes: bloom, film curve, grain, BT.709 in limited range.

Works on rows of one finished frame. Grain doubles as dither: eight bits of a soft sky would show as bands.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Planes = tuple[Bytes, Bytes, Bytes]
"""Luma, blue and red difference of one 4:2:0 frame."""

f32 = np.float32

CURVE = 4096
"""Entries of the film curve, over the square root of linear light 0 … 4."""
GRAIN = 256
"""Side of the grain tile in pixels."""


def film_curve(exposure: float, warm: float) -> Floats:
    """(3, CURVE) tables from the square root of light to a display value 0 … 1, with a toe and a long shoulder.

    `warm` leans the lights towards amber and the shadows towards teal; 0 is neutral.
    """
    x = (np.linspace(0.0, 2.0, CURVE) ** 2) * exposure
    mapped = np.clip((x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14), 0.0, 1.0)
    display = np.where(mapped <= 0.0031308, mapped * 12.92, 1.055 * mapped ** (1 / 2.4) - 0.055)
    lean = (display - 0.45) * warm
    table = np.stack([display + lean * 0.050, display + lean * 0.012, display - lean * 0.060])
    return np.ascontiguousarray(np.clip(table * 0.985 + 0.012, 0.0, 1.0), dtype=np.float32)


def grain_tile(seed: int) -> Floats:
    """Zero-mean noise without low frequencies, one unit of standard deviation."""
    noise = np.random.default_rng(seed).standard_normal((GRAIN, GRAIN))
    near = (np.roll(noise, 1, 0) + np.roll(noise, -1, 0) + np.roll(noise, 1, 1) + np.roll(noise, -1, 1)) / 4
    fine = noise - 0.6 * near
    return np.ascontiguousarray(fine / fine.std(), dtype=np.float32)


@kernel
def shrink(light: Floats, width: int, height: int, block: int, out: Floats) -> None:
    """Means of block × block pixels of what is brighter than paper white, into `out` (3, rows, columns)."""
    rows, columns = out.shape[1], out.shape[2]
    share = np.float32(1.0 / (block * block))
    for c in range(3):
        for j in range(rows):
            for i in range(columns):
                out[c, j, i] = 0.0
        for y in range(min(height, rows * block)):
            j = y // block
            for x in range(min(width, columns * block)):
                value = min(light[c, y, x], np.float32(6.0)) - np.float32(0.62)
                if value > 0.0:
                    out[c, j, x // block] += value * share


@kernel
def spread(small: Floats, spare: Floats, reach: int) -> None:
    """Blurs `small` in place, twice with a box of (2 * reach + 1)."""
    rows, columns = small.shape[1], small.shape[2]
    share = np.float32(1.0 / (2 * reach + 1))
    for c in range(3):
        for _ in range(2):
            for j in range(rows):
                for i in range(columns):
                    total = np.float32(0.0)
                    for k in range(-reach, reach + 1):
                        total += small[c, j, min(max(i + k, 0), columns - 1)]
                    spare[c, j, i] = total * share
            for j in range(rows):
                for i in range(columns):
                    total = np.float32(0.0)
                    for k in range(-reach, reach + 1):
                        total += spare[c, min(max(j + k, 0), rows - 1), i]
                    small[c, j, i] = total * share


@kernel
def _expose(out: Floats, light: Floats, bloom: Floats, vignette: float, y_shade: float, saturation: float) -> None:
    """One row of light (3, width), with its bloom, as square roots on the scale of the film curve."""
    width = out.shape[1]
    one, zero = f32(1.0), f32(0.0)
    scale, more, side = f32((CURVE - 1) / 2.0), f32(saturation), f32(2.0 / width)
    for x in range(width):
        across = (f32(x) + f32(0.5)) * side - one
        shade = f32(y_shade) * (one - f32(vignette) * across * across)
        r = (light[0, x] + bloom[0, x]) * shade
        g = (light[1, x] + bloom[1, x]) * shade
        b = (light[2, x] + bloom[2, x]) * shade
        grey = r * f32(0.2126) + g * f32(0.7152) + b * f32(0.0722)
        out[0, x] = math.sqrt(max(grey + (r - grey) * more, zero)) * scale
        out[1, x] = math.sqrt(max(grey + (g - grey) * more, zero)) * scale
        out[2, x] = math.sqrt(max(grey + (b - grey) * more, zero)) * scale


@kernel
def _print(row: Floats, curve: Floats) -> None:
    """Square roots of light into display values, by the film curve."""
    top, half = f32(CURVE - 1.0), f32(0.5)
    for c in range(3):
        for x in range(row.shape[1]):
            # The table is finer than eight bits by far: its nearest entry will do.
            row[c, x] = curve[c, np.uint32(min(row[c, x], top) + half)]


@kernel
def _luma(out: Bytes, row: Floats, grain: Floats, offset: int, strength: float) -> None:
    half, amount = f32(0.5), f32(strength)
    for x in range(out.shape[0]):
        y = f32(0.2126) * row[0, x] + f32(0.7152) * row[1, x] + f32(0.0722) * row[2, x]
        speck = grain[(x + offset) & (GRAIN - 1)] * amount * (f32(1.0) - half * y)
        out[x] = np.uint8(min(max(f32(16.5) + f32(219.0) * y + speck, f32(16.0)), f32(235.0)))


@kernel
def _chroma(blue: Bytes, red: Bytes, upper: Floats, lower: Floats, grain: Floats, offset: int) -> None:
    """Two rows of display values into one row of each colour difference."""
    half, low, high, middle, scale = f32(0.5), f32(16.0), f32(240.0), f32(128.5), f32(56.0)
    for k in range(blue.shape[0]):
        i = 2 * k
        r = upper[0, i] + upper[0, i + 1] + lower[0, i] + lower[0, i + 1]
        g = upper[1, i] + upper[1, i + 1] + lower[1, i] + lower[1, i + 1]
        b = upper[2, i] + upper[2, i + 1] + lower[2, i] + lower[2, i + 1]
        u = f32(-0.114572) * r - f32(0.385428) * g + half * b
        v = half * r - f32(0.454153) * g - f32(0.045847) * b
        speck = grain[(k + offset) & (GRAIN - 1)] * half
        blue[k] = np.uint8(min(max(middle + scale * u + speck, low), high))
        red[k] = np.uint8(min(max(middle + scale * v - speck, low), high))


@kernel
def develop(
    light: Floats, small: Floats, block: int, curve: Floats, grain: Floats, shift: int, strength: float,
    vignette: float, saturation: float, luma: Bytes, blue: Bytes, red: Bytes,
) -> None:  # fmt: skip
    """Fills the three planes of one 4:2:0 frame. `small` is the blurred glow; `shift` moves the grain."""
    height, width = luma.shape
    rows, columns = small.shape[1], small.shape[2]
    pair = np.empty((2, 3, width), np.float32)
    bloom, soft = np.empty((3, width), np.float32), np.zeros((3, columns + 1), np.float32)
    at, part = np.empty(width, np.int32), np.empty(width, np.float32)
    for x in range(width):
        u = min(max((x + 0.5) / block - 0.5, 0.0), columns - 1.001)
        at[x], part[x] = int(u), u - int(u)
    offset = (shift * 131) & (GRAIN - 1)
    for y in range(height):
        v = min(max((y + 0.5) / block - 0.5, 0.0), rows - 1.001)
        j = int(v)
        j1 = min(j + 1, rows - 1)
        for c in range(3):
            for i in range(columns):
                soft[c, i] = (small[c, j, i] + (small[c, j1, i] - small[c, j, i]) * f32(v - j)) * f32(0.55)
            for x in range(width):
                i = at[x]
                bloom[c, x] = soft[c, i] + (soft[c, i + 1] - soft[c, i]) * part[x]
        row = pair[y & 1]
        down = (y + 0.5) * 2.0 / height - 1.0
        _expose(row, light[:, y], bloom, vignette, 1.0 - vignette * down * down, saturation)
        _print(row, curve)
        specks = grain[(y + shift * 57) & (GRAIN - 1)]
        _luma(luma[y], row, specks, offset, strength)
        if y & 1:
            _chroma(blue[y >> 1], red[y >> 1], pair[0], pair[1], specks, offset + 91)
