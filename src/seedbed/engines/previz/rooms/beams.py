"""Light that is seen in the air: cones of spotlights and shafts of sun, laid over a frame up to what stops them.

They are gathered on a grid a quarter as fine as the frame and laid over it smoothly.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.frame import Check, Frame
from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.stage import View, f32

Floats = NDArray[np.float32]
CONE, SHAFT = 11, 15
"""Numbers of a cone: apex, unit way, tangent of half its angle, length, red, green, blue. Of a shaft: the middle of
its window, half its sides as two vectors, the way of the light as far as it is seen, red, green, blue."""
_CELL, _STEPS = 4, 7


def draw_beams(frame: Frame, cones: Floats, shafts: Floats, check: Check) -> None:
    """Adds `cones` (n, CONE) and `shafts` (m, SHAFT), whose colours are light a metre of beam."""
    rows, columns = -(-frame.height // _CELL) + 1, -(-frame.width // _CELL) + 1
    air = np.zeros((3, rows, columns), np.float32)
    check()
    gather(air, frame.depth, frame.view, np.ascontiguousarray(cones, np.float32),
           np.ascontiguousarray(shafts, np.float32), frame.width)  # fmt: skip
    check()
    lay(frame.light, air, frame.width)


@kernel
def _through_cone(cone: Floats, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float, far: float) -> float:
    """Light gathered from a cone along a ray of unit way, over `far` metres."""
    px, py, pz = ox - cone[0], oy - cone[1], oz - cone[2]
    wide = 1.0 / math.sqrt(1.0 + cone[6] * cone[6])
    square = wide * wide
    along, start = dx * cone[3] + dy * cone[4] + dz * cone[5], px * cone[3] + py * cone[4] + pz * cone[5]
    a = along * along - square
    b = along * start - square * (px * dx + py * dy + pz * dz)
    c = start * start - square * (px * px + py * py + pz * pz)
    under = b * b - a * c
    if under <= 0.0 or abs(a) < 1e-9:
        return 0.0
    root = math.sqrt(under)
    t0, t1 = (-b - root) / a, (-b + root) / a
    if t0 > t1:
        t0, t1 = t1, t0
    if a > 0.0:
        # Along the cone the ray stays inside of one of its two halves, before t0 or after t1.
        t0, t1 = (t1, far) if along > 0.0 else (0.0, t0)
    t0, t1 = max(t0, 0.0), min(t1, far)
    if t1 <= t0:
        return 0.0
    total, step = 0.0, (t1 - t0) / _STEPS
    for k in range(_STEPS):
        t = t0 + (k + 0.5) * step
        down = start + along * t
        if down <= 0.0 or down >= cone[7]:
            continue
        x, y, z = px + dx * t, py + dy * t, pz + dz * t
        off = math.sqrt(max(x * x + y * y + z * z - down * down, 0.0)) / (down * cone[6] + 1e-6)
        soft = max(1.0 - off * off, 0.0)
        total += soft / (0.35 + down) * (1.0 - down / cone[7])
    return float(total * step)


@kernel
def _through_shaft(b: Floats, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float, far: float) -> float:
    """Light gathered from a slanting prism along a ray, over `far` metres."""
    # The ray in the prism's own axes, by Cramer's rule.
    nx, ny, nz = b[7] * b[11] - b[8] * b[10], b[8] * b[9] - b[6] * b[11], b[6] * b[10] - b[7] * b[9]
    det = b[3] * nx + b[4] * ny + b[5] * nz
    if abs(det) < 1e-9:
        return 0.0
    qx, qy, qz = b[10] * b[5] - b[11] * b[4], b[11] * b[3] - b[9] * b[5], b[9] * b[4] - b[10] * b[3]
    rx, ry, rz = b[4] * b[8] - b[5] * b[7], b[5] * b[6] - b[3] * b[8], b[3] * b[7] - b[4] * b[6]
    px, py, pz = ox - b[0], oy - b[1], oz - b[2]
    t0, t1 = 0.0, far
    for axis in range(3):
        ax, ay, az = (nx, ny, nz) if axis == 0 else (qx, qy, qz) if axis == 1 else (rx, ry, rz)
        at, go = (px * ax + py * ay + pz * az) / det, (dx * ax + dy * ay + dz * az) / det
        low, high = (-1.0, 1.0) if axis < 2 else (0.0, 1.0)
        if abs(go) < 1e-9:
            if at < low or at > high:
                return 0.0
            continue
        s0, s1 = (low - at) / go, (high - at) / go
        t0, t1 = max(t0, min(s0, s1)), min(t1, max(s0, s1))
    if t1 <= t0:
        return 0.0
    middle = 0.5 * (t0 + t1)
    depth = ((px + dx * middle) * rx + (py + dy * middle) * ry + (pz + dz * middle) * rz) / det
    return float((t1 - t0) * (1.0 - 0.75 * depth))


@kernel
def gather(air: Floats, depth: Floats, view: View, cones: Floats, shafts: Floats, width: int) -> None:
    """What the beams add at every corner of the coarse grid."""
    height = depth.shape[0]
    fx, fy = math.sin(view.yaw), math.cos(view.yaw)
    for j in range(air.shape[1]):
        y = min(j * _CELL, height - 1)
        for i in range(air.shape[2]):
            x = min(i * _CELL, width - 1)
            u = x + 0.5 - width * 0.5
            turn, rise = u / view.focal, (view.horizon + view.roll * u - y - 0.5) / view.focal
            dx, dy = fx + fy * turn, fy - fx * turn
            size = math.sqrt(dx * dx + dy * dy + rise * rise)
            far = min(depth[y, x], 80.0) * size
            dx, dy, dz = dx / size, dy / size, rise / size
            for k in range(cones.shape[0]):
                part = _through_cone(cones[k], view.x, view.y, view.z, dx, dy, dz, far)
                if part > 0.0:
                    for c in range(3):
                        air[c, j, i] += f32(part * cones[k, 8 + c])
            for k in range(shafts.shape[0]):
                part = _through_shaft(shafts[k], view.x, view.y, view.z, dx, dy, dz, far)
                if part > 0.0:
                    for c in range(3):
                        air[c, j, i] += f32(part * shafts[k, 12 + c])


@kernel
def lay(light: Floats, air: Floats, width: int) -> None:
    """Adds the coarse grid to the frame."""
    share = f32(1.0 / _CELL)
    for c in range(3):
        for y in range(light.shape[1]):
            j, v = y // _CELL, f32(y % _CELL) * share
            above, below, row = air[c, j], air[c, j + 1], light[c, y]
            for i in range(air.shape[2] - 1):
                a = above[i] + (below[i] - above[i]) * v
                b = above[i + 1] + (below[i + 1] - above[i + 1]) * v
                if a <= f32(0.0) and b <= f32(0.0):
                    continue
                for k in range(_CELL):
                    x = i * _CELL + k
                    if x < width:
                        row[x] += a + (b - a) * f32(k) * share
