"""Kernels for shadows: a map of what the sun sees first, and its shade on land that is drawn already.

The map is orthographic: two axes across the light, the third towards the sun, all in one matrix `frame` whose first
two rows give texels and whose third gives metres towards the sun.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.shapes.shade import Air, in_sun
from seedbed.engines.previz.stage import Floats, Ints, View, f32

Bools = NDArray[np.bool_]


def frame_for(low: Floats, high: Floats, sun: Floats, size: int) -> Floats:
    """(4, 4) for a map of `size` texels a side over the box low … high, lit from `sun`."""
    toward = np.asarray(sun, np.float64) / np.linalg.norm(sun)
    side = np.cross(toward, [0.0, 0.0, 1.0] if abs(toward[2]) < 0.95 else [0.0, 1.0, 0.0])
    side /= np.linalg.norm(side)
    up = np.cross(side, toward)
    corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
    frame = np.zeros((4, 4))
    for row, axis in enumerate((side, up)):
        along = corners @ axis
        scale = (size - 4) / max(float(np.ptp(along)), 1e-3)
        frame[row, :3] = axis * scale
        frame[row, 3] = 2.0 - along.min() * scale
    frame[2, :3] = toward
    return frame.astype(np.float32)


@kernel
def cast(places: Floats, faces: Ints, casts: Bools, frame: Floats, shade: Floats) -> None:
    """Raises `shade` (size, size) to the height towards the sun of every triangle that casts."""
    size = shade.shape[0]
    for f in range(faces.shape[0]):
        if not casts[f]:
            continue
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        x0, y0, h0 = _at(frame, places, i)
        x1, y1, h1 = _at(frame, places, j)
        x2, y2, h2 = _at(frame, places, k)
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-9:
            continue
        inverse = 1.0 / area
        for y in range(max(int(min(y0, y1, y2) - 0.5), 0), min(int(max(y0, y1, y2) + 1.5), size)):
            for x in range(max(int(min(x0, x1, x2) - 0.5), 0), min(int(max(x0, x1, x2) + 1.5), size)):
                u, v = x + 0.5, y + 0.5
                w1 = ((u - x0) * (y2 - y0) - (x2 - x0) * (v - y0)) * inverse
                w2 = ((x1 - x0) * (v - y0) - (u - x0) * (y1 - y0)) * inverse
                if w1 >= -0.02 and w2 >= -0.02 and w1 + w2 <= 1.02:
                    height = f32(h0 + (h1 - h0) * w1 + (h2 - h0) * w2)
                    shade[y, x] = max(shade[y, x], height)


@kernel
def _at(frame: Floats, places: Floats, i: int) -> tuple[float, float, float]:
    x, y, z = places[i, 0], places[i, 1], places[i, 2]
    return (
        float(frame[0, 0] * x + frame[0, 1] * y + frame[0, 2] * z + frame[0, 3]),
        float(frame[1, 0] * x + frame[1, 1] * y + frame[1, 2] * z + frame[1, 3]),
        float(frame[2, 0] * x + frame[2, 1] * y + frame[2, 2] * z + frame[2, 3]),
    )


@kernel
def fall_on(light: Floats, depth: Floats, air: Air, view: View, y0: int, y1: int, width: int, dark: float) -> None:
    """Darkens what is drawn already by `dark` (the sun's part of its light) where the map says that it is in shade."""
    size = air.shade.shape[0]
    if size < 2:
        return
    m = air.shade_from
    fx, fy = math.sin(view.yaw), math.cos(view.yaw)
    for y in range(y0, y1):
        for x in range(width):
            d = depth[y, x]
            if d > 6000.0:
                continue
            u = x + 0.5 - width * 0.5
            turn = u / view.focal
            px, py = view.x + (fx + fy * turn) * d, view.y + (fy - fx * turn) * d
            pz = view.z + (view.horizon + view.roll * u - y - 0.5) * d / view.focal
            su = m[0, 0] * px + m[0, 1] * py + m[0, 2] * pz + m[0, 3]
            sv = m[1, 0] * px + m[1, 1] * py + m[1, 2] * pz + m[1, 3]
            if su < 1.0 or sv < 1.0 or su > size - 2.0 or sv > size - 2.0:
                continue
            lit = in_sun(air, px, py, pz + 0.05)
            if lit < 1.0:
                keep = f32(1.0 - dark * (1.0 - lit))
                for c in range(3):
                    light[c, y, x] *= keep
