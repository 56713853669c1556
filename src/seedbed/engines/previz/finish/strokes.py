"""Kernel that paints a reduced picture over with strokes of a brush, one after the other, as a painter would.

Where strokes begin, their order and the brush's hairs stand still; colour and direction are the picture's.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.noise import fraction

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
f32 = np.float32

HAIRS = 64
"""Side of the tile of the brush's hairs, which run along its rows."""


def hairs(seed: int) -> Floats:
    """(HAIRS, HAIRS): how much paint each hair of a brush leaves along a stroke, about -1 … 1."""
    rng = np.random.default_rng([seed, 6])
    fine, long = rng.standard_normal((HAIRS, HAIRS)), rng.standard_normal((HAIRS, 1))
    for step in (1, 2, 4, 8):
        fine = fine + np.roll(fine, step, 1)
    return np.ascontiguousarray(np.clip(0.55 * long + 0.45 * fine / fine.std(), -1.6, 1.6), np.float32)


def places(rows: int, columns: int, apart: float, seed: int) -> Ints:
    """(n, 2): where strokes are laid, x and y, one in each square of `apart` pixels, in the order of their laying."""
    rng = np.random.default_rng([seed, 7, round(apart * 100)])
    x, y = np.meshgrid(np.arange(0.0, columns, apart), np.arange(0.0, rows, apart))
    spots = np.stack([x.ravel(), y.ravel()], 1) + rng.random((x.size, 2)) * apart
    spots = np.minimum(spots, [columns - 1, rows - 1])
    return np.ascontiguousarray(rng.permutation(spots), np.int32)


@kernel
def brush(
    tones: Floats, slope: Floats, way: Floats, spots: Ints, tile: Floats, long: float, broad: float, fine: bool,
    out: Floats, height: Floats,
) -> None:  # fmt: skip
    """Lays strokes of up to `long` × `broad` pixels (half sizes) on `out` (3, …), and on `height` their paint.

    Strokes are shorter where the picture is busy; `fine` ones are laid only there.
    """
    rows, columns = height.shape
    zero, one = f32(0.0), f32(1.0)
    for n in range(spots.shape[0]):
        cx, cy = spots[n, 0], spots[n, 1]
        busy = min(slope[cy, cx] * f32(14.0), one)
        body = min(max((busy - f32(0.25)) * f32(3.0), zero), one) if fine else one
        if body <= zero:
            continue
        tx, ty = way[0, cy, cx], way[1, cy, cx]
        length = f32(long) * (one - f32(0.45) * busy) * f32(0.75 + 0.5 * fraction(n, 1, 77))
        breadth = f32(broad) * (one - f32(0.25) * busy) * f32(0.8 + 0.4 * fraction(n, 2, 77))
        shade = f32(0.055 * (fraction(n, 3, 77) - 0.5))
        a, b, c = tones[0, cy, cx], tones[1, cy, cx], tones[2, cy, cx]
        a += shade * (f32(0.3) + a)
        b += f32(0.022 * (fraction(n, 4, 77) - 0.5)) * (f32(0.2) + a)
        c += f32(0.022 * (fraction(n, 5, 77) - 0.5)) * (f32(0.2) + a)
        thick = f32(0.4 + 0.6 * fraction(n, 6, 77))
        lane, start = int(fraction(n, 7, 77) * HAIRS), int(fraction(n, 8, 77) * HAIRS)
        wide, tall = abs(tx) * length + abs(ty) * breadth, abs(ty) * length + abs(tx) * breadth
        per_breadth, per_length = one / breadth, one / length
        for y in range(max(int(cy - tall), 0), min(int(cy + tall) + 2, rows)):
            dy = f32(y - cy)
            left, right = cx - wide, cx + wide
            if abs(ty) > f32(0.1):
                # Where this row crosses the stroke's breadth.
                middle, reach = cx + dy * tx / ty, abs(f32(1.06) * breadth / ty)
                left, right = max(left, middle - reach), min(right, middle + reach)
            for x in range(max(int(left), 0), min(int(right) + 2, columns)):
                dx = f32(x - cx)
                u, v = (dx * tx + dy * ty) * per_length, (dy * tx - dx * ty) * per_breadth
                inside = one - u * u - v * v * v * v
                if inside <= f32(-0.25):
                    continue
                row = (lane + int((v + f32(2.0)) * f32(6.0))) & (HAIRS - 1)
                hair = tile[row, (start + int((u + f32(2.0)) * f32(9.0))) & (HAIRS - 1)]
                cover = min(max((inside + f32(0.22) * hair) * f32(2.6), zero), one) * body
                if cover <= zero:
                    continue
                streak = a + f32(0.018) * hair * (f32(0.3) + a)
                out[0, y, x] += (streak - out[0, y, x]) * cover
                out[1, y, x] += (b - out[1, y, x]) * cover
                out[2, y, x] += (c - out[2, y, x]) * cover
                paint = thick + f32(0.28) * hair + f32(0.35) * v * v
                height[y, x] += (paint - height[y, x]) * cover


@kernel
def relief(height: Floats, out: Floats) -> None:
    """How far each point of `height` is turned to the light from the upper left, about -1 … 1."""
    rows, columns = height.shape
    for j in range(rows):
        up, down = height[max(j - 1, 0)], height[min(j + 1, rows - 1)]
        for i in range(columns):
            before, after = max(i - 1, 0), min(i + 1, columns - 1)
            slant = down[after] - up[before] + f32(0.5) * (down[i] - up[i] + height[j, after] - height[j, before])
            out[j, i] = slant / math.sqrt(f32(1.0) + slant * slant)
