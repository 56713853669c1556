"""Kernels for what still water shows of solid things: the mirrored scene, shaken by ripples, over the water."""

from __future__ import annotations

import math

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.stage import Floats, Ints, View, f32, tile_at


@kernel
def clear_to_water(
    near: Floats, who: Ints, depth: Floats, view: View, level: float, y0: int, y1: int, width: int
) -> None:
    """Opens the samples of rows y0 … y1 where the frame shows the water's surface, and shuts all others."""
    for y in range(y0, y1):
        for x in range(width):
            d = depth[y, x]
            u = x + 0.5 - width * 0.5
            z = view.z + (view.horizon + view.roll * u - y - 0.5) * d / view.focal
            wet = d < 1e8 and abs(z - level) < 0.02 + 1.5 * d / view.focal * max(view.z / d, 0.02)
            for s in range(4):
                near[y - y0, x, s] = f32(0.0) if wet else f32(1e9)
                who[y - y0, x, s] = -1


@kernel
def lay_on_water(
    light: Floats, depth: Floats, seen: Floats, ahead: Floats, tile: Floats, view: View, level: float, shake: float,
    strength: float, y0: int, y1: int, width: int,
) -> None:  # fmt: skip
    """Lays the mirrored picture `seen` (3, rows, stride), where `ahead` says there is one, over the water of rows
    y0 … y1, looked up where a ripple of slope `shake` throws the eye."""
    rows = seen.shape[1]
    fx, fy = math.sin(view.yaw), math.cos(view.yaw)
    for y in range(y0, y1):
        for x in range(width):
            d = depth[y, x]
            if d > 1e8:
                continue
            u = x + 0.5 - width * 0.5
            z = view.z + (view.horizon + view.roll * u - y - 0.5) * d / view.focal
            if abs(z - level) > 0.02 + 1.5 * d / view.focal * max(view.z / d, 0.02):
                continue
            turn = u / view.focal
            px, py = view.x + (fx + fy * turn) * d, view.y + (fy - fx * turn) * d
            a = tile_at(tile, px / 23.0 + 0.05 * view.seconds, py / 31.0 - 0.04 * view.seconds, 0)
            b = tile_at(tile, px / 17.0 - 0.06 * view.seconds, py / 13.0 + 0.05 * view.seconds, 1)
            lean = shake / (1.0 + d / 400.0)
            i = min(max(int(x + a * lean * view.focal * 0.25), 0), width - 1)
            j = min(max(int(y + b * lean * view.focal), 0), rows - 1)
            if ahead[j, i] > 1e8:
                continue
            down = (view.z - level) / math.sqrt(d * d * (1 + turn * turn) + (view.z - level) ** 2)
            k = f32(strength * (0.16 + 0.84 * (1.0 - min(down * 1.15, 1.0)) ** 3))
            for c in range(3):
                light[c, y, x] += (seen[c, j, i] - light[c, y, x]) * k
