"""Kernels for light under water: what the sea is far away, the net of light on the ground, shafts, drifting specks."""

from __future__ import annotations

import math

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.noise import fraction, gradient
from seedbed.engines.previz.stage import Floats, View, f32, tile_at

DEEP, OPEN, BRIGHT = range(3)
"""Rows of `sea`: the colour below, at eye height, and of the surface above."""


@kernel
def paint_far(light: Floats, view: View, sea: Floats, y0: int, y1: int, width: int) -> None:
    """The open sea into rows y0 … y1: bright towards the surface, dark towards the deep."""
    for y in range(y0, y1):
        for x in range(width):
            u = x + 0.5 - width * 0.5
            slope = (view.horizon + view.roll * u - y - 0.5) / view.focal
            up = 0.5 + 0.5 * math.tanh(slope * 1.6)
            for c in range(3):
                value = sea[DEEP, c] + (sea[OPEN, c] - sea[DEEP, c]) * min(up * 2.0, 1.0)
                light[c, y, x] = f32(value + (sea[BRIGHT, c] - value) * max(up * 2.0 - 1.0, 0.0) ** 2.2)


@kernel
def net_of_light(
    light: Floats, depth: Floats, tile: Floats, view: View, strength: float, y0: int, y1: int, width: int
) -> None:
    """The moving net that waves above focus on all that is near, laid over what is drawn."""
    fx, fy = math.sin(view.yaw), math.cos(view.yaw)
    t = view.seconds
    for y in range(y0, y1):
        for x in range(width):
            d = depth[y, x]
            if d > 60.0:
                continue
            u = x + 0.5 - width * 0.5
            turn = u / view.focal
            px, py = view.x + (fx + fy * turn) * d, view.y + (fy - fx * turn) * d
            pz = view.z + (view.horizon + view.roll * u - y - 0.5) * d / view.focal
            # The light falls a little aslant.
            gx, gy = px + 0.35 * pz, py - 0.2 * pz
            a = tile_at(tile, (gx + 0.50 * t) / 13.0, (gy + 0.31 * t) / 13.0, 2)
            b = tile_at(tile, (gx - 0.42 * t) / 11.0 + 0.37, (gy - 0.37 * t) / 11.0, 2)
            fold = 1.0 - min(abs(a - b) * 2.1, 1.0)
            bright = fold * fold * fold * fold
            near = math.exp(-d / 26.0)
            gain = f32(1.0 + strength * near * (1.5 * bright - 0.28))
            for c in range(3):
                light[c, y, x] *= gain


@kernel
def shafts(light: Floats, depth: Floats, view: View, glow: Floats, seed: int, y0: int, y1: int, width: int) -> None:
    """Slanting shafts of daylight from above, fainter downwards, before all that is far."""
    t = view.seconds
    for y in range(y0, y1):
        for x in range(width):
            u = (x + 0.5 - width * 0.5) / view.focal
            v = (y - view.horizon) / view.focal
            # Where the shaft of this pixel meets the surface, as seen from here.
            foot = (u + view.yaw) * 2.2 + v * 0.55
            ray = gradient(foot * 3.1, 0.17 * t, seed) + 0.6 * gradient(foot * 8.3, 3.7 + 0.23 * t, seed + 1)
            down = max(0.55 - v, 0.0)
            thick = 1.0 - math.exp(-min(depth[y, x], 60.0) / 22.0)
            part = max(ray + 0.12, 0.0) * down * down * thick
            for c in range(3):
                light[c, y, x] += f32(glow[c] * part)


@kernel
def specks(light: Floats, view: View, glow: Floats, count: int, seed: int, width: int) -> None:
    """Fine drifting matter in a box about the camera, which wraps around."""
    height = light.shape[1]
    fx, fy = math.sin(view.yaw), math.cos(view.yaw)
    box, t = 9.0, view.seconds
    for n in range(count):
        wx = fraction(n, 1, seed) * box + 0.12 * t + 0.2 * math.sin(0.4 * t + n)
        wy = fraction(n, 2, seed) * box + 0.08 * t
        wz = fraction(n, 3, seed) * box - 0.06 * t + 0.15 * math.sin(0.5 * t + 2.0 * n)
        dx, dy, dz = wx - view.x, wy - view.y, wz - view.z
        dx, dy, dz = (
            dx - box * math.floor(dx / box + 0.5),
            dy - box * math.floor(dy / box + 0.5),
            dz - box * math.floor(dz / box + 0.5),
        )
        ahead, side = dx * fx + dy * fy, dx * fy - dy * fx
        if ahead < 0.25:
            continue
        px, py = width * 0.5 + view.focal * side / ahead, view.horizon - dz * view.focal / ahead
        radius = max(0.0035 * view.focal / ahead, 0.6)
        strength = 0.5 * min(0.0035 * view.focal / ahead / radius, 1.0) ** 2 * math.exp(-ahead / 4.0)
        for j in range(max(int(py - radius), 0), min(int(py + radius) + 2, height)):
            for i in range(max(int(px - radius), 0), min(int(px + radius) + 2, width)):
                part = 1.0 - ((i + 0.5 - px) ** 2 + (j + 0.5 - py) ** 2) / (radius * radius)
                if part > 0.0:
                    for c in range(3):
                        light[c, j, i] += f32(glow[c] * part * strength)
