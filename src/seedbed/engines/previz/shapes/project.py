"""Kernels from meshes and poses to triangles on the screen: posed, projected, set up as three edge planes.

The lens is shifted, not pitched: a point at forward distance d, s to the right and h over the eye is seen at column
width/2 + focal·s/d and row horizon + roll·focal·s/d − focal·h/d. With (X, Y, W) = (focal·s, row·d, d) all of that is
linear, so a triangle's weights over its distance are planes over the screen (its edges), even where it reaches
behind the eye: nothing is ever clipped.
"""

from __future__ import annotations

import math

import numpy as np

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.shapes.paint import TWO_SIDED
from seedbed.engines.previz.stage import Floats, Ints, View, f32

NEAR_M = 0.15
"""What is nearer than this is not seen."""


@kernel
def pose(
    points: Floats, normals: Floats, bones: Ints, weights: Floats, poses: Floats, places: Floats, facings: Floats
) -> None:
    """Every point and normal in the world, from its bones' (b, 3, 4) poses."""
    for i in range(points.shape[0]):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        a, b, w = poses[bones[i, 0]], poses[bones[i, 1]], weights[i]
        length = np.float32(0.0)
        for c in range(3):
            own = a[c, 0] * x + a[c, 1] * y + a[c, 2] * z + a[c, 3]
            turned = a[c, 0] * normals[i, 0] + a[c, 1] * normals[i, 1] + a[c, 2] * normals[i, 2]
            if w < 1.0:
                own = own * w + (b[c, 0] * x + b[c, 1] * y + b[c, 2] * z + b[c, 3]) * (np.float32(1.0) - w)
                other = b[c, 0] * normals[i, 0] + b[c, 1] * normals[i, 1] + b[c, 2] * normals[i, 2]
                turned = turned * w + other * (np.float32(1.0) - w)
            places[i, c] = own
            facings[i, c] = turned
            length += turned * turned
        inverse = np.float32(1.0) / max(np.float32(math.sqrt(length)), np.float32(1e-9))
        for c in range(3):
            facings[i, c] *= inverse


@kernel
def project(places: Floats, view: View, clip: Floats) -> None:
    """`clip` (n, 3): X from the middle column, Y and W of every point, as said above."""
    fx, fy = math.sin(view.yaw), math.cos(view.yaw)
    for i in range(places.shape[0]):
        dx, dy, h = places[i, 0] - view.x, places[i, 1] - view.y, places[i, 2] - view.z
        ahead, side = dx * fx + dy * fy, dx * fy - dy * fx
        clip[i, 0] = view.focal * side
        clip[i, 1] = view.horizon * ahead + view.roll * view.focal * side - view.focal * h
        clip[i, 2] = ahead


@kernel
def set_up(  # noqa: C901
    clip: Floats, faces: Ints, paint: Ints, paints: Floats, places: Floats, above: float, width: int, height: int,
    edges: Floats, bounds: Ints, source: Ints, turned_over: bool,
) -> int:  # fmt: skip
    """Triangles that may be seen: their `edges` (9: a, b, c of each corner's weight over distance, at columns from
    the middle and rows), `bounds` on the screen (left, right, top, bottom, inclusive) and the face they are.
    `turned_over` says that the world is mirrored, so that faces run the other way; what does not rise over the
    height `above` is left out. Returns how many."""
    count = 0
    half = width * 0.5
    low = f32(above)
    for f in range(faces.shape[0]):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        x0, y0, w0 = float(clip[i, 0]), float(clip[i, 1]), float(clip[i, 2])
        x1, y1, w1 = float(clip[j, 0]), float(clip[j, 1]), float(clip[j, 2])
        x2, y2, w2 = float(clip[k, 0]), float(clip[k, 1]), float(clip[k, 2])
        if w0 < NEAR_M and w1 < NEAR_M and w2 < NEAR_M:
            continue
        # Wholly beyond one side of the frame.
        side0, side1, side2 = half * w0, half * w1, half * w2
        if (x0 > side0 and x1 > side1 and x2 > side2) or (x0 < -side0 and x1 < -side1 and x2 < -side2):
            continue
        if places[i, 2] <= low and places[j, 2] <= low and places[k, 2] <= low:
            continue
        a0, b0, c0 = y1 * w2 - y2 * w1, x2 * w1 - x1 * w2, x1 * y2 - x2 * y1
        a1, b1, c1 = y2 * w0 - y0 * w2, x0 * w2 - x2 * w0, x2 * y0 - x0 * y2
        a2, b2, c2 = y0 * w1 - y1 * w0, x1 * w0 - x0 * w1, x0 * y1 - x1 * y0
        size = x0 * a0 + y0 * b0 + w0 * c0
        if abs(size) < 1e-9:
            continue
        if (size > 0.0) != turned_over and paints[paint[f], TWO_SIDED] < 0.5:
            continue
        left, right, top, bottom = 1e9, -1e9, 1e9, -1e9
        for corner in range(3):
            xa, ya, wa = (x0, y0, w0) if corner == 0 else (x1, y1, w1) if corner == 1 else (x2, y2, w2)
            xb, yb, wb = (x1, y1, w1) if corner == 0 else (x2, y2, w2) if corner == 1 else (x0, y0, w0)
            if wa >= NEAR_M:
                left, right = min(left, xa / wa), max(right, xa / wa)
                top, bottom = min(top, ya / wa), max(bottom, ya / wa)
            if (wa >= NEAR_M) != (wb >= NEAR_M):
                t = (NEAR_M - wa) / (wb - wa)
                x, y = (xa + (xb - xa) * t) / NEAR_M, (ya + (yb - ya) * t) / NEAR_M
                left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
        left, right = left + half, right + half
        if right < 0.0 or left > width or bottom < 0.0 or top > height:
            continue
        inverse = 1.0 / size
        edges[count, 0], edges[count, 1], edges[count, 2] = a0 * inverse, b0 * inverse, c0 * inverse
        edges[count, 3], edges[count, 4], edges[count, 5] = a1 * inverse, b1 * inverse, c1 * inverse
        edges[count, 6], edges[count, 7], edges[count, 8] = a2 * inverse, b2 * inverse, c2 * inverse
        bounds[count, 0], bounds[count, 1] = int(max(left - 1.0, 0.0)), int(min(right + 1.0, width - 1.0))
        bounds[count, 2], bounds[count, 3] = int(max(top - 1.0, 0.0)), int(min(bottom + 1.0, height - 1.0))
        source[count] = f
        count += 1
    return count
