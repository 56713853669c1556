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

CURVE = 2048
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
def develop(
    light: Floats, small: Floats, block: int, curve: Floats, grain: Floats, shift: int, strength: float,
    vignette: float, saturation: float, luma: Bytes, blue: Bytes, red: Bytes,
) -> None:  # fmt: skip
    """Fills the three planes of one 4:2:0 frame."""
    height, width = luma.shape
    rows, columns = small.shape[1], small.shape[2]
    row_r, row_g, row_b = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
    bloom = np.empty((3, width), np.float32)
    chroma_u, chroma_v = np.zeros(width // 2, np.float32), np.zeros(width // 2, np.float32)
    one, half, top = np.float32(1.0), np.float32(0.5), np.float32(CURVE - 1.01)
    scale = np.float32((CURVE - 1) / 2.0)
    gain = np.float32(0.55)
    more = np.float32(saturation)
    side = np.float32(2.0 / width)
    noise = np.float32(strength)
    for y in range(height):
        v = min(max((y + 0.5) / block - 0.5, 0.0), rows - 1.001)
        j = int(v)
        fv = np.float32(v - j)
        j1 = min(j + 1, rows - 1)
        for x in range(width):
            u = min(
                max((np.float32(x) + half) / np.float32(block) - half, np.float32(0.0)), np.float32(columns - 1.001)
            )
            i = np.int32(u)
            fu = u - np.float32(i)
            i1 = min(i + 1, columns - 1)
            for c in range(3):
                a = small[c, j, i] + (small[c, j, i1] - small[c, j, i]) * fu
                b = small[c, j1, i] + (small[c, j1, i1] - small[c, j1, i]) * fu
                bloom[c, x] = (a + (b - a) * fv) * gain
        ty = np.float32((y + 0.5) * 2.0 / height - 1.0)
        shade_y = one - np.float32(vignette) * ty * ty
        for x in range(width):
            tx = (np.float32(x) + half) * side - one
            shade = shade_y * (one - np.float32(vignette) * tx * tx)
            r = (light[0, y, x] + bloom[0, x]) * shade
            g = (light[1, y, x] + bloom[1, x]) * shade
            b = (light[2, y, x] + bloom[2, x]) * shade
            grey = r * np.float32(0.2126) + g * np.float32(0.7152) + b * np.float32(0.0722)
            row_r[x] = math.sqrt(max(grey + (r - grey) * more, np.float32(0.0))) * scale
            row_g[x] = math.sqrt(max(grey + (g - grey) * more, np.float32(0.0))) * scale
            row_b[x] = math.sqrt(max(grey + (b - grey) * more, np.float32(0.0))) * scale
        for x in range(width):
            pr, pg, pb = min(row_r[x], top), min(row_g[x], top), min(row_b[x], top)
            ir, ig, ib = np.int32(pr), np.int32(pg), np.int32(pb)
            row_r[x] = curve[0, ir] + (curve[0, ir + 1] - curve[0, ir]) * (pr - np.float32(ir))
            row_g[x] = curve[1, ig] + (curve[1, ig + 1] - curve[1, ig]) * (pg - np.float32(ig))
            row_b[x] = curve[2, ib] + (curve[2, ib + 1] - curve[2, ib]) * (pb - np.float32(ib))
        start = (y * 1 + shift * 57) & (GRAIN - 1)
        offset = (shift * 131) & (GRAIN - 1)
        for x in range(width):
            yy = np.float32(0.2126) * row_r[x] + np.float32(0.7152) * row_g[x] + np.float32(0.0722) * row_b[x]
            speck = grain[start, (x + offset) & (GRAIN - 1)] * noise * (one - half * yy)
            luma[y, x] = np.uint8(
                min(max(np.float32(16.5) + np.float32(219.0) * yy + speck, np.float32(16.0)), np.float32(235.0))
            )
        if y & 1 == 0:
            for k in range(width // 2):
                r, g, b = (
                    row_r[2 * k] + row_r[2 * k + 1],
                    row_g[2 * k] + row_g[2 * k + 1],
                    row_b[2 * k] + row_b[2 * k + 1],
                )
                chroma_u[k] = np.float32(-0.114572) * r - np.float32(0.385428) * g + half * b
                chroma_v[k] = half * r - np.float32(0.454153) * g - np.float32(0.045847) * b
        else:
            k2 = y >> 1
            for k in range(width // 2):
                r, g, b = (
                    row_r[2 * k] + row_r[2 * k + 1],
                    row_g[2 * k] + row_g[2 * k + 1],
                    row_b[2 * k] + row_b[2 * k + 1],
                )
                u = chroma_u[k] + np.float32(-0.114572) * r - np.float32(0.385428) * g + half * b
                w = chroma_v[k] + half * r - np.float32(0.454153) * g - np.float32(0.045847) * b
                speck = grain[(start + 91) & (GRAIN - 1), (k + offset) & (GRAIN - 1)] * half
                blue[k2, k] = np.uint8(
                    min(max(np.float32(128.5) + np.float32(56.0) * u + speck, np.float32(16.0)), np.float32(240.0))
                )
                red[k2, k] = np.uint8(
                    min(max(np.float32(128.5) + np.float32(56.0) * w - speck, np.float32(16.0)), np.float32(240.0))
                )
