"""Kernels that fill triangles: four samples a pixel against land and one another, each surface lit once a pixel."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.shapes.paint import OPACITY
from seedbed.engines.previz.shapes.project import NEAR_M
from seedbed.engines.previz.shapes.shade import Air, glass, shade
from seedbed.engines.previz.stage import Floats, Ints, View

f32 = np.float32
BAND = 32
"""Rows that are filled at once: their samples stay in the processor's cache."""
# Where the samples lie in a pixel: no two share a row or a column.
_OX = np.array([0.375, 0.875, 0.125, 0.625], np.float32)
_OY = np.array([0.125, 0.375, 0.625, 0.875], np.float32)
Bools = NDArray[np.bool_]


@kernel
def clear(near: Floats, who: Ints, depth: Floats, y0: int, y1: int, width: int) -> None:
    """All samples of the rows y0 … y1 show what is drawn there already. `near` holds one over the distance."""
    for y in range(y0, y1):
        for x in range(width):
            inverse = f32(1.0) / depth[y, x]
            for s in range(4):
                near[y - y0, x, s] = inverse
                who[y - y0, x, s] = -1


@kernel
def _cover_one(  # noqa: C901
    near: Floats, who: Ints, t: int, edge: Floats, bound: Ints, y0: int, y1: int, half: float, keep: bool
) -> None:
    nearest = f32(1.0 / NEAR_M)
    zero = f32(0.0)
    for y in range(max(bound[2], y0), min(bound[3] + 1, y1)):
        left, right = f32(bound[0]), f32(bound[1])
        # The columns in which every edge may be on the inner side for some sample.
        for e in range(3):
            a, b, c = edge[3 * e], edge[3 * e + 1], edge[3 * e + 2]
            value = b * (f32(y) + f32(0.5)) + c + f32(0.5) * (abs(a) + abs(b))
            if a > zero:
                left = max(left, -value / a + f32(half) - f32(1.0))
            elif a < zero:
                right = min(right, -value / a + f32(half))
            elif value < zero:
                right = f32(-1.0)
        for x in range(max(int(left), 0), int(right) + 1):
            for s in range(4):
                u, v = f32(x) + _OX[s] - f32(half), f32(y) + _OY[s]
                w0 = edge[0] * u + edge[1] * v + edge[2]
                w1 = edge[3] * u + edge[4] * v + edge[5]
                w2 = edge[6] * u + edge[7] * v + edge[8]
                if w0 >= zero and w1 >= zero and w2 >= zero:
                    inverse = w0 + w1 + w2
                    if inverse > near[y - y0, x, s] and inverse < nearest:
                        if keep:
                            near[y - y0, x, s] = inverse
                        who[y - y0, x, s] = t


@kernel
def cover(
    near: Floats, who: Ints, solid: Bools, edges: Floats, bounds: Ints, count: int, y0: int, y1: int, width: int
) -> None:
    """Finds the nearest solid triangle of every sample in the rows y0 … y1."""
    for t in range(count):
        if solid[t] and bounds[t, 2] < y1 and bounds[t, 3] >= y0:
            _cover_one(near, who, t, edges[t], bounds[t], y0, y1, width * 0.5, True)


@kernel
def _light_point(
    t: int, u: float, v: float, edges: Floats, source: Ints, faces: Ints, facings: Floats, uv: Floats, paint: Ints,
    paints: Floats, air: Air, view: View, width: int, spot: Floats, out: Floats,
) -> float:  # fmt: skip
    """The light of triangle `t` at column u from the middle and row v into out[0:3]; its opacity into out[3].
    Returns the distance."""
    e = edges[t]
    w0 = e[0] * u + e[1] * v + e[2]
    w1 = e[3] * u + e[4] * v + e[5]
    w2 = e[6] * u + e[7] * v + e[8]
    ahead = 1.0 / max(w0 + w1 + w2, 1e-7)
    w0, w1, w2 = w0 * ahead, w1 * ahead, w2 * ahead
    face = source[t]
    i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
    nx = facings[i, 0] * w0 + facings[j, 0] * w1 + facings[k, 0] * w2
    ny = facings[i, 1] * w0 + facings[j, 1] * w1 + facings[k, 1] * w2
    nz = facings[i, 2] * w0 + facings[j, 2] * w1 + facings[k, 2] * w2
    norm = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz + 1e-12)
    nx, ny, nz = nx * norm, ny * norm, nz * norm
    tu = uv[i, 0] * w0 + uv[j, 0] * w1 + uv[k, 0] * w2
    tv = uv[i, 1] * w0 + uv[j, 1] * w1 + uv[k, 1] * w2
    turn = u / view.focal
    fx, fy = math.sin(view.yaw), math.cos(view.yaw)
    x = view.x + (fx + fy * turn) * ahead
    y = view.y + (fy - fx * turn) * ahead
    z = view.z + (view.horizon + view.roll * u - v) * ahead / view.focal
    row = paints[paint[face]]
    shade(row, tu, tv, x, y, z, nx, ny, nz, ahead, math.tan(math.atan(turn) + view.skyward), air, view, spot, out)
    out[3] = 1.0
    if row[OPACITY] < 1.0:
        dx, dy, dz = x - view.x, y - view.y, z - view.z
        far = math.sqrt(dx * dx + dy * dy + dz * dz) + 1e-9
        out[3] = glass(row, (dx * nx + dy * ny + dz * nz) / far)
    return float(ahead)


@kernel
def resolve(  # noqa: C901
    light: Floats, depth: Floats, near: Floats, who: Ints, edges: Floats, source: Ints, faces: Ints, facings: Floats,
    uv: Floats, paint: Ints, paints: Floats, air: Air, view: View, y0: int, y1: int, width: int, left: int, right: int,
) -> None:  # fmt: skip
    """Lights what the samples of the rows y0 … y1 show, and lays it over what was there by the share it covers."""
    spot, out, total = np.zeros(12, np.float32), np.zeros(4, np.float32), np.zeros(3, np.float32)
    half = width * 0.5
    for y in range(y0, y1):
        for x in range(left, right):
            w = who[y - y0, x]
            if w[0] < 0 and w[1] < 0 and w[2] < 0 and w[3] < 0:
                continue
            total[0], total[1], total[2] = 0.0, 0.0, 0.0
            covered = 0
            ahead = 0.0
            for s in range(4):
                t = w[s]
                if t < 0 or (s > 0 and w[0] == t) or (s > 1 and w[1] == t) or (s > 2 and w[2] == t):
                    continue
                share, u, v = 0, 0.0, 0.0
                for other in range(s, 4):
                    if w[other] == t:
                        share, u, v = share + 1, u + _OX[other], v + _OY[other]
                # Lit where its samples are: elsewhere it may not be at all.
                reach = _light_point(t, x + u / share - half, y + v / share, edges, source, faces, facings, uv, paint,
                                     paints, air, view, width, spot, out)  # fmt: skip
                for c in range(3):
                    total[c] += out[c] * f32(0.25 * share)
                covered += share
                ahead = max(ahead, reach)
            rest = f32(1.0 - 0.25 * covered)
            for c in range(3):
                light[c, y, x] = light[c, y, x] * rest + total[c]
            if covered >= 2:
                depth[y, x] = min(ahead, depth[y, x])


@kernel
def lay_glass(
    light: Floats, near: Floats, who: Ints, order: Ints, edges: Floats, bounds: Ints, source: Ints, faces: Ints,
    facings: Floats, uv: Floats, paint: Ints, paints: Floats, air: Air, view: View, y0: int, y1: int, width: int,
) -> None:  # fmt: skip
    """Lays transparent triangles over the rows y0 … y1, one after another in `order` (the farthest first)."""
    spot, out = np.zeros(12, np.float32), np.zeros(4, np.float32)
    half = width * 0.5
    for n in range(order.shape[0]):
        t = order[n]
        if bounds[t, 2] >= y1 or bounds[t, 3] < y0:
            continue
        _cover_one(near, who, t, edges[t], bounds[t], y0, y1, half, False)
        for y in range(max(bounds[t, 2], y0), min(bounds[t, 3] + 1, y1)):
            for x in range(bounds[t, 0], bounds[t, 1] + 1):
                w = who[y - y0, x]
                share, u, v = 0, 0.0, 0.0
                for s in range(4):
                    if w[s] == t:
                        share, u, v = share + 1, u + _OX[s], v + _OY[s]
                        w[s] = -1
                if share == 0:
                    continue
                _light_point(t, x + u / share - half, y + v / share, edges, source, faces, facings, uv, paint, paints,
                             air, view, width, spot, out)  # fmt: skip
                part = out[3] * f32(0.25 * share)
                for c in range(3):
                    light[c, y, x] += (out[c] - light[c, y, x]) * part
