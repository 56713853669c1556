"""Kernels that study a picture as a painter would, at a reduced size: flat tones, which way they run, contours.

Maps are (rows, columns) float32 of luma 0 … 1 and of colour differences -0.5 … 0.5. Cost does not grow with the
brush: sums slide. Everything here is a function of one frame, so what stands still is painted the same again.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
f32 = np.float32


@kernel
def _means(plane: Bytes, less: float, middle: float, scale: float, out: Floats) -> None:
    """Means over less × less values (at least one), less `middle`, by `scale`, into `out` (rows, columns)."""
    height, width = plane.shape
    rows, columns = out.shape
    sums = np.empty(width, np.int32)
    for j in range(rows):
        top = min(int(j * less), height - 1)
        foot = min(max(int((j + 1) * less + 0.5), top + 1), height)
        sums[:] = 0
        for y in range(top, foot):
            line = plane[y]
            for x in range(width):
                sums[x] += line[x]
        for i in range(columns):
            left = min(int(i * less), width - 1)
            right = min(max(int((i + 1) * less + 0.5), left + 1), width)
            total = 0
            for x in range(left, right):
                total += sums[x]
            out[j, i] = (f32(total) / f32((foot - top) * (right - left)) - f32(middle)) * f32(scale)


@kernel
def reduce(luma: Bytes, blue: Bytes, red: Bytes, less: int, out: Floats) -> None:
    """Means over less × less pixels of the three planes, into `out` (3, rows, columns)."""
    _means(luma, float(less), 16.0, 1.0 / 219.0, out[0])
    _means(blue, less * 0.5, 128.0, 1.0 / 224.0, out[1])
    _means(red, less * 0.5, 128.0, 1.0 / 224.0, out[2])


@kernel
def box(source: Floats, out: Floats, reach: int) -> None:
    """Means over squares of (2 * reach + 1), with the border repeated."""
    rows, columns = source.shape
    share = f32(1.0 / (2 * reach + 1))
    sums = np.zeros(columns, np.float32)
    # Columns first, many at a time; then along the row that came of it.
    for k in range(-reach, reach + 1):
        line = source[min(max(k, 0), rows - 1)]
        for i in range(columns):
            sums[i] += line[i]
    for j in range(rows):
        total = f32(0.0)
        for k in range(-reach, reach + 1):
            total += sums[min(max(k, 0), columns - 1)]
        here = out[j]
        for i in range(columns):
            here[i] = total * share * share
            total += sums[min(i + reach + 1, columns - 1)] - sums[max(i - reach, 0)]
        leaving, coming = source[max(j - reach, 0)], source[min(j + reach + 1, rows - 1)]
        for i in range(columns):
            sums[i] += coming[i] - leaving[i]


@kernel
def spreads(tones: Floats, means: Floats, reach: int) -> Floats:
    """Fills `means` (3, rows, columns) with the boxes' means, and gives the variances of their luma."""
    rows, columns = tones.shape[1], tones.shape[2]
    square, variance = np.empty((rows, columns), np.float32), np.empty((rows, columns), np.float32)
    for j in range(rows):
        for i in range(columns):
            square[j, i] = tones[0, j, i] * tones[0, j, i]
    box(square, variance, reach)
    for c in range(3):
        box(tones[c], means[c], reach)
    for j in range(rows):
        for i in range(columns):
            variance[j, i] = max(variance[j, i] - means[0, j, i] * means[0, j, i], f32(0.0))
    return variance


@kernel
def flatten(tones: Floats, reach: int, away: float, out: Floats) -> None:
    """Kuwahara's filter with eight round sectors: each pixel takes the tones of the calmest squares around it."""
    rows, columns = tones.shape[1], tones.shape[2]
    means = np.empty_like(tones)
    variance = spreads(tones, means, reach)
    calm = np.empty((rows, columns), np.float32)
    for j in range(rows):
        for i in range(columns):
            t = f32(1.0) / (variance[j, i] + f32(2e-4))
            calm[j, i] = t * t * t * f32(1e-9)
    straight, slant = max(int(away + 0.5), 1), max(int(away * 0.7071 + 0.5), 1)
    for j in range(rows):
        for i in range(columns):
            total, a, b, c = f32(0.0), f32(0.0), f32(0.0), f32(0.0)
            for k in range(8):
                step = straight if k & 1 == 0 else slant
                dx = 0 if k == 2 or k == 6 else step if k < 2 or k == 7 else -step
                dy = 0 if k == 0 or k == 4 else step if k < 4 else -step
                v, u = min(max(j + dy, 0), rows - 1), min(max(i + dx, 0), columns - 1)
                weight = calm[v, u]
                total += weight
                a += weight * means[0, v, u]
                b += weight * means[1, v, u]
                c += weight * means[2, v, u]
            share = f32(1.0) / total
            out[0, j, i], out[1, j, i], out[2, j, i] = a * share, b * share, c * share


@kernel
def sparkle(tones: Floats, flat: Floats) -> None:
    """Gives `flat` back the small lights that it lost: windows by night, flames, stars, glints."""
    rows, columns = tones.shape[1], tones.shape[2]
    for j in range(rows):
        for i in range(columns):
            more = (tones[0, j, i] - flat[0, j, i]) * f32(1.0 / 0.16) - f32(0.5)
            share = min(max(more, f32(0.0)), f32(1.0))
            for c in range(3):
                flat[c, j, i] += share * (tones[c, j, i] - flat[c, j, i])


@kernel
def runs(luma: Floats, drift: Floats, reach: int, pull: float) -> Floats:
    """(2, rows, columns): unit vectors along the picture's edges; where it has none, along `drift` (2, …)."""
    rows, columns = luma.shape
    tensor = np.empty((3, rows, columns), np.float32)
    for j in range(rows):
        up, here, down = luma[max(j - 1, 0)], luma[j], luma[min(j + 1, rows - 1)]
        for i in range(columns):
            before, after = max(i - 1, 0), min(i + 1, columns - 1)
            gx = up[after] - up[before] + f32(2.0) * (here[after] - here[before]) + down[after] - down[before]
            gy = down[before] + f32(2.0) * down[i] + down[after] - up[before] - f32(2.0) * up[i] - up[after]
            # Across the drift is where no edge may be: its share is that of a faint edge.
            nx, ny = drift[1, j, i] * f32(pull), -drift[0, j, i] * f32(pull)
            tensor[0, j, i] = gx * gx + nx * nx
            tensor[1, j, i] = gx * gy + nx * ny
            tensor[2, j, i] = gy * gy + ny * ny
    soft = np.empty((rows, columns), np.float32)
    for c in range(3):
        box(tensor[c], soft, reach)
        box(soft, tensor[c], reach)
    out = np.empty((2, rows, columns), np.float32)
    for j in range(rows):
        for i in range(columns):
            e, f, g = tensor[0, j, i], tensor[1, j, i], tensor[2, j, i]
            # The eigenvector of the smaller eigenvalue.
            half = f32(0.5) * (e - g)
            root = math.sqrt(half * half + f * f)
            tx, ty = (-f, half + f32(root)) if half >= 0.0 else (half - f32(root), f)
            size = math.sqrt(tx * tx + ty * ty)
            if size < f32(1e-12):
                tx, ty, size = f32(1.0), f32(0.0), 1.0
            out[0, j, i], out[1, j, i] = tx / size, ty / size
    return out


@kernel
def guide(flat: Floats, luma: Floats, reach: int, eps: float, gain: Floats, foot: Floats) -> None:
    """The lines `gain` * luma + `foot` that say `flat` best around each pixel (He's guided filter): with the luma of
    the full frame they give it back with that frame's own edges."""
    rows, columns = flat.shape
    both, square = np.empty((rows, columns), np.float32), np.empty((rows, columns), np.float32)
    for j in range(rows):
        for i in range(columns):
            both[j, i] = flat[j, i] * luma[j, i]
            square[j, i] = luma[j, i] * luma[j, i]
    means = np.empty((4, rows, columns), np.float32)
    box(flat, means[0], reach)
    box(luma, means[1], reach)
    box(both, means[2], reach)
    box(square, means[3], reach)
    for j in range(rows):
        for i in range(columns):
            p, q = means[0, j, i], means[1, j, i]
            slope = (means[2, j, i] - p * q) / (means[3, j, i] - q * q + f32(eps))
            slope = min(max(slope, f32(0.0)), f32(1.2))
            both[j, i], square[j, i] = slope, p - slope * q
    box(both, gain, 1)
    box(square, foot, 1)


@kernel
def contours(luma: Floats, reach: int, out: Floats) -> None:
    """How much darker each pixel is than what surrounds it, as a share of that: the dark side of edges, thin folds."""
    rows, columns = luma.shape
    spare, wide = np.empty((rows, columns), np.float32), np.empty((rows, columns), np.float32)
    box(luma, spare, reach)
    box(spare, wide, reach)
    for j in range(rows):
        for i in range(columns):
            out[j, i] = (wide[j, i] - luma[j, i]) / (wide[j, i] + f32(0.10))


@kernel
def slopes(luma: Floats, out: Floats) -> None:
    """How steep luma is, per pixel."""
    rows, columns = luma.shape
    for j in range(rows):
        up, down = luma[max(j - 1, 0)], luma[min(j + 1, rows - 1)]
        for i in range(columns):
            gx = luma[j, min(i + 1, columns - 1)] - luma[j, max(i - 1, 0)]
            gy = down[i] - up[i]
            out[j, i] = math.sqrt(gx * gx + gy * gy) * f32(0.5)
