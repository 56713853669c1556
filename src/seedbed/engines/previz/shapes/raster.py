"""Kernels that find what each of a pixel's four samples shows: triangles against land and one another.

Samples lie in planes of their own, (4, rows, columns), so that a triangle fills each by plain runs of a row.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.shapes.project import NEAR_M
from seedbed.engines.previz.stage import Floats, Ints

f32 = np.float32
BAND = 16
"""Rows that are filled at once: their samples stay in the processor's cache."""
# Where the samples lie in a pixel: no two share a row or a column.
OFFSET_X = np.array([0.375, 0.875, 0.125, 0.625], np.float32)
OFFSET_Y = np.array([0.125, 0.375, 0.625, 0.875], np.float32)
_SLACK = 2e-3
"""Triangles reach over their edges by so much of a pixel, so that rounding leaves no gap between neighbours."""
Bools = NDArray[np.bool_]


@kernel
def clear(near: Floats, who: Ints, depth: Floats, y0: int, y1: int, width: int) -> None:
    """All samples of the rows y0 … y1 show what is drawn there already. `near` holds one over the distance."""
    for s in range(4):
        for y in range(y0, y1):
            row, own, deep = near[s, y - y0], who[s, y - y0], depth[y]
            for x in range(width):
                row[x] = f32(1.0) / deep[x]
                own[x] = -1


@kernel
def _run(row: Floats, own: Ints, first: int, last: int, step: float, start: float, t: int, keep: bool) -> None:
    """Columns first … last of one row of samples, at `start` + `step` a column."""
    nearest, a, b = f32(1.0 / NEAR_M), f32(step), f32(start)
    number = np.int32(t)
    length = last - first + 1
    row, own = row[first : last + 1], own[first : last + 1]
    if keep:
        for x in range(length):
            inverse = a * f32(np.int32(x)) + b
            closer = inverse > row[x] and inverse < nearest
            row[x] = inverse if closer else row[x]
            own[x] = number if closer else own[x]
    else:
        for x in range(length):
            inverse = a * f32(np.int32(x)) + b
            own[x] = number if inverse > row[x] and inverse < nearest else own[x]


@kernel
def cover_one(  # noqa: C901
    near: Floats, who: Ints, t: int, edge: Floats, bound: Ints, y0: int, y1: int, half: float, keep: bool
) -> None:
    """One triangle's samples in the rows y0 … y1."""
    a0, b0, c0 = float(edge[0]), float(edge[1]), float(edge[2])
    a1, b1, c1 = float(edge[3]), float(edge[4]), float(edge[5])
    a2, b2, c2 = float(edge[6]), float(edge[7]), float(edge[8])
    i0 = -1.0 / a0 if a0 != 0.0 else 0.0
    i1 = -1.0 / a1 if a1 != 0.0 else 0.0
    i2 = -1.0 / a2 if a2 != 0.0 else 0.0
    step = a0 + a1 + a2
    for y in range(max(bound[2], y0), min(bound[3] + 1, y1)):
        for s in range(4):
            v = y + OFFSET_Y[s]
            left, right = bound[0] - half, bound[1] + 1.0 - half
            e0, e1, e2 = b0 * v + c0, b1 * v + c1, b2 * v + c2
            # The run of columns in which every edge is on the inner side.
            if a0 > 0.0:
                left = max(left, e0 * i0)
            elif a0 < 0.0:
                right = min(right, e0 * i0)
            elif e0 < 0.0:
                continue
            if a1 > 0.0:
                left = max(left, e1 * i1)
            elif a1 < 0.0:
                right = min(right, e1 * i1)
            elif e1 < 0.0:
                continue
            if a2 > 0.0:
                left = max(left, e2 * i2)
            elif a2 < 0.0:
                right = min(right, e2 * i2)
            elif e2 < 0.0:
                continue
            shift = half - OFFSET_X[s]
            first = max(math.ceil(left + shift - _SLACK), bound[0])
            last = min(math.floor(right + shift + _SLACK), bound[1])
            if first <= last:
                start = e0 + e1 + e2 + step * (first - shift)
                _run(near[s, y - y0], who[s, y - y0], first, last, step, start, t, keep)


@kernel
def cover(
    near: Floats, who: Ints, solid: Bools, edges: Floats, bounds: Ints, count: int, y0: int, y1: int, width: int
) -> None:
    """Finds the nearest solid triangle of every sample in the rows y0 … y1."""
    for t in range(count):
        if bounds[t, 2] < y1 and bounds[t, 3] >= y0 and solid[t]:
            cover_one(near, who, t, edges[t], bounds[t], y0, y1, width * 0.5, True)
