"""Kernels for light under water: what the sea is far away, the net of light on the ground, shafts, drifting specks."""

from __future__ import annotations

import math

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.noise import fraction, gradient
from seedbed.engines.previz.stage import Floats, View, f32, tile_at

_SPAN = 32
RAYS, RAYS_REACH = 2048, 6.0
"""Entries of the table of shafts, and how far it reaches at the surface."""
DEEP, OPEN, BRIGHT = range(3)
"""Rows of `sea`: the colour below, at eye height, and of the surface above."""


@kernel
def paint_far(light: Floats, view: View, sea: Floats, y0: int, y1: int, width: int) -> None:
    """The open sea into rows y0 … y1: bright towards the surface, dark towards the deep."""
    for y in range(y0, y1):
        for first in range(0, width, _SPAN):
            # Along a row it changes slowly: what lies between two columns is drawn straight.
            last = min(first + _SPAN, width)
            for c in range(3):
                a, b = _far_at(sea, view, first, y, width, c), _far_at(sea, view, last, y, width, c)
                step = f32((b - a) / (last - first))
                for x in range(first, last):
                    light[c, y, x] = f32(a) + step * f32(x - first)


@kernel
def _far_at(sea: Floats, view: View, x: int, y: int, width: int, c: int) -> float:
    slope = (view.horizon + view.roll * (x + 0.5 - width * 0.5) - y - 0.5) / view.focal
    up = 0.5 + 0.5 * math.tanh(slope * 1.6)
    value = sea[DEEP, c] + (sea[OPEN, c] - sea[DEEP, c]) * min(up * 2.0, 1.0)
    return float(value + (sea[BRIGHT, c] - value) * max(up * 2.0 - 1.0, 0.0) ** 2.2)


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
            if d > 45.0:
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
            near = 1.0 / (1.0 + 0.0022 * d * d)
            gain = f32(1.0 + strength * near * (1.5 * bright - 0.28))
            for c in range(3):
                light[c, y, x] *= gain


@kernel
def rays(view: View, seed: int, out: Floats) -> None:
    """How bright the shafts are across what a frame may see: `out` from -RAYS_REACH to RAYS_REACH at the surface."""
    t = view.seconds
    for k in range(out.shape[0]):
        foot = (2.0 * k / (out.shape[0] - 1) - 1.0) * RAYS_REACH
        ray = gradient(foot * 3.1, 0.17 * t, seed) + 0.6 * gradient(foot * 8.3, 3.7 + 0.23 * t, seed + 1)
        out[k] = max(ray + 0.12, 0.0)


@kernel
def shafts(light: Floats, depth: Floats, view: View, glow: Floats, seen: Floats, y0: int, y1: int, width: int) -> None:
    """Slanting shafts of daylight from above, fainter downwards, before all that is far; `seen` is from `rays`."""
    scale, top = 0.5 * (seen.shape[0] - 1) / RAYS_REACH, seen.shape[0] - 1.01
    for y in range(y0, y1):
        v = (y - view.horizon) / view.focal
        down = max(0.55 - v, 0.0) ** 2
        if down <= 0.0:
            continue
        for x in range(width):
            u = (x + 0.5 - width * 0.5) / view.focal
            # Where the shaft of this pixel meets the surface, as seen from here.
            place = min(max(((u + view.yaw) * 2.2 + v * 0.55 + RAYS_REACH) * scale, 0.0), top)
            k = int(place)
            ray = seen[k] + (seen[k + 1] - seen[k]) * (place - k)
            if ray <= 0.0:
                continue
            d = min(depth[y, x], 60.0)
            part = f32(ray * down * d / (d + 15.0))
            for c in range(3):
                light[c, y, x] += glow[c] * part


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
