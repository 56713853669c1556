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
def _run(near: Floats, who: Ints, first: int, length: int, step: float, start: float, t: int) -> None:
    """So many samples from `first` on, at `start` + `step` a column: `t` takes those that it is nearest in."""
    beyond, a, b, zero, number = f32(1.0 / NEAR_M), f32(step), f32(start), f32(0.0), np.int32(t)
    base = np.uint64(first)
    for k in range(length):
        inverse = a * f32(np.int32(k)) + b
        inverse = inverse if inverse < beyond else zero
        at = base + np.uint64(k)
        old = near[at]
        who[at] = number if inverse > old else who[at]
        near[at] = max(inverse, old)


@kernel
def _mark(near: Floats, who: Ints, first: int, length: int, step: float, start: float, t: int) -> None:
    """As `_run`, but what lies behind stays known."""
    beyond, a, b, number = f32(1.0 / NEAR_M), f32(step), f32(start), np.int32(t)
    base = np.uint64(first)
    for k in range(length):
        inverse = a * f32(np.int32(k)) + b
        at = base + np.uint64(k)
        who[at] = number if inverse > near[at] and inverse < beyond else who[at]


@kernel
def cover_one(  # noqa: C901
    near: Floats, who: Ints, t: int, edges: Floats, bounds: Ints, y0: int, y1: int, width: int, keep: bool
) -> None:
    """One triangle's samples in the rows y0 … y1; `near` and `who` are the planes of a band, laid out flat."""
    plane, half = len(near) // 4, width * 0.5
    a0, b0, c0 = float(edges[t, 0]), float(edges[t, 1]), float(edges[t, 2])
    a1, b1, c1 = float(edges[t, 3]), float(edges[t, 4]), float(edges[t, 5])
    a2, b2, c2 = float(edges[t, 6]), float(edges[t, 7]), float(edges[t, 8])
    least, most = bounds[t, 0], bounds[t, 1]
    i0 = -1.0 / a0 if a0 != 0.0 else 0.0
    i1 = -1.0 / a1 if a1 != 0.0 else 0.0
    i2 = -1.0 / a2 if a2 != 0.0 else 0.0
    step = a0 + a1 + a2
    for y in range(max(bounds[t, 2], y0), min(bounds[t, 3] + 1, y1)):
        for s in range(4):
            v = y + OFFSET_Y[s]
            left, right = least - half, most + 1.0 - half
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
            first = max(math.ceil(left + shift - _SLACK), least)
            last = min(math.floor(right + shift + _SLACK), most)
            if first <= last:
                start = e0 + e1 + e2 + step * (first - shift)
                at = s * plane + (y - y0) * width + first
                if keep:
                    _run(near, who, at, last - first + 1, step, start, t)
                else:
                    _mark(near, who, at, last - first + 1, step, start, t)


@kernel
def cover(
    near: Floats, who: Ints, solid: Bools, edges: Floats, bounds: Ints, count: int, y0: int, y1: int, width: int
) -> None:
    """Finds the nearest solid triangle of every sample in the rows y0 … y1."""
    flat, own = near.reshape(-1), who.reshape(-1)
    for t in range(count):
        if bounds[t, 2] < y1 and bounds[t, 3] >= y0 and solid[t]:
            cover_one(flat, own, t, edges, bounds, y0, y1, width, True)
