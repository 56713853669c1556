"""Kernels for what level surfaces show of solid things: the mirrored scene, drawn at half size, laid over water that
ripples or over a wet floor with puddles."""

from __future__ import annotations

import math

import numpy as np

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.shapes.pattern import noise_at
from seedbed.engines.previz.stage import Floats, Ints, View, f32, tile_at


@kernel
def _level_at(d: float, x: int, y: int, view: View, level: float, width: int) -> bool:
    """Whether what a pixel shows at the distance d lies on the mirroring plane."""
    if d > 1e8:
        return False
    u = x + 0.5 - width * 0.5
    z = view.z + (view.horizon + view.roll * u - y - 0.5) * d / view.focal
    over = max(abs(view.z - level), 0.1)
    return abs(z - level) < 0.02 + 1.5 * d / view.focal * max(over / d, 0.02)


@kernel
def clear_to_level(
    near: Floats, who: Ints, depth: Floats, view: View, level: float, y0: int, y1: int, width: int, across: int
) -> int:
    """Opens the samples of the half-size rows y0 … y1, of `across` columns, where the frame (of `width`) shows the
    plane, and shuts all others. Returns how many are open."""
    rows, some = depth.shape[0], 0
    for y in range(y0, y1):
        for x in range(across):
            wet = False
            for k in range(4):
                i, j = min(2 * x + (k & 1), width - 1), min(2 * y + (k >> 1), rows - 1)
                wet = wet or _level_at(depth[j, i], i, j, view, level, width)
            some += wet
            for s in range(4):
                near[s, y - y0, x] = f32(0.0) if wet else f32(1e9)
                who[s, y - y0, x] = -1
    return some


@kernel
def _look_up(seen: Floats, cover: Floats, x: float, y: float, out: Floats, part: float) -> None:
    """Adds `part` of the half-size picture at (x, y) of the frame, and of its coverage, to out[0:4]."""
    rows, columns = cover.shape
    u, v = min(max(0.5 * x - 0.5, 0.0), columns - 1.001), min(max(0.5 * y - 0.5, 0.0), rows - 1.001)
    i, j = int(u), int(v)
    i1, j1 = min(i + 1, columns - 1), min(j + 1, rows - 1)
    fu, fv = f32(u - i), f32(v - j)
    w11 = fu * fv * f32(part)
    w10, w01 = fu * f32(part) - w11, fv * f32(part) - w11
    w00 = f32(part) - w10 - w01 - w11
    for c in range(3):
        out[c] += seen[c, j, i] * w00 + seen[c, j, i1] * w10 + seen[c, j1, i] * w01 + seen[c, j1, i1] * w11
    out[3] += cover[j, i] * w00 + cover[j, i1] * w10 + cover[j1, i] * w01 + cover[j1, i1] * w11


@kernel
def _lay_rows_on_water(
    light: Floats, depth: Floats, seen: Floats, cover: Floats, tile: Floats, view: View, level: float, shake: float,
    strength: float, y0: int, y1: int, width: int, out: Floats,
) -> None:  # fmt: skip
    """As `lay_on_water`, with room to work in."""
    fx, fy = math.sin(view.yaw), math.cos(view.yaw)
    for y in range(y0, y1):
        for x in range(width):
            d = depth[y, x]
            if not _level_at(d, x, y, view, level, width):
                continue
            turn = (x + 0.5 - width * 0.5) / view.focal
            px, py = view.x + (fx + fy * turn) * d, view.y + (fy - fx * turn) * d
            # What is finer than a pixel of water is not seen: far off, long waves remain.
            over = max(view.z - level, 0.1)
            grain = min(max(1.3 - 2.2 * d * d / (over * view.focal), 0.0), 1.0)
            t = view.seconds
            a = 0.7 * tile_at(tile, px / 97.0 + 0.012 * t, py / 131.0 - 0.010 * t, 0)
            b = 0.7 * tile_at(tile, px / 71.0 - 0.014 * t, py / 53.0 + 0.012 * t, 1)
            if grain > 0.0:
                a += grain * tile_at(tile, px / 23.0 + 0.05 * t, py / 31.0 - 0.04 * t, 0)
                b += grain * tile_at(tile, px / 17.0 - 0.06 * t, py / 13.0 + 0.05 * t, 1)
            lean = shake / (1.0 + d / 300.0) * view.focal
            for c in range(4):
                out[c] = f32(0.0)
            # Ripples that are not resolved draw the picture out up and down.
            for tap in range(3):
                off = b + (tap - 1) * 0.8
                _look_up(seen, cover, x + 0.5 + a * lean * 0.25, y + 0.5 + off * lean, out, 1.0 / 3.0)
            if out[3] <= 0.0:
                continue
            down = over / math.sqrt(d * d * (1 + turn * turn) + over * over)
            k = f32(strength * (0.16 + 0.84 * (1.0 - min(down * 1.15, 1.0)) ** 3))
            for c in range(3):
                light[c, y, x] += out[c] * k - light[c, y, x] * k * out[3]


@kernel
def lay_on_water(
    light: Floats, depth: Floats, seen: Floats, cover: Floats, tile: Floats, view: View, level: float, shake: float,
    strength: float, y0: int, y1: int, width: int,
) -> None:  # fmt: skip
    """Lays the mirrored picture over the water of rows y0 … y1, looked up where a ripple of slope `shake` throws the
    eye. `tile` holds the ripples of the water."""
    out = np.zeros(4, np.float32)
    _lay_rows_on_water(light, depth, seen, cover, tile, view, level, shake, strength, y0, y1, width, out)


@kernel
def _lay_rows_on_floor(
    light: Floats, depth: Floats, seen: Floats, cover: Floats, grain: Floats, view: View, level: float, wet: float,
    polish: float, y0: int, y1: int, width: int, out: Floats,
) -> None:  # fmt: skip
    """As `lay_on_floor`, with room to work in."""
    fx, fy = math.sin(view.yaw), math.cos(view.yaw)
    for y in range(y0, y1):
        for x in range(width):
            d = depth[y, x]
            if not _level_at(d, x, y, view, level, width):
                continue
            turn = (x + 0.5 - width * 0.5) / view.focal
            px, py = view.x + (fx + fy * turn) * d, view.y + (fy - fx * turn) * d
            pool = noise_at(grain, px * 0.21, py * 0.15) + 0.45 * noise_at(grain, px * 0.83, py * 0.6)
            pool = max(min(max(pool * 2.6 + 0.35, 0.0), 1.0), 0.85 * polish)
            # Drops ring in the puddles; stones between them scatter up and down more than to the side.
            near = 1.0 / (1.0 + d / 25.0)
            rings = noise_at(grain, px * 5.3 + 2.1 * view.seconds, py * 5.3 - 1.7 * view.seconds) * (1.0 - polish)
            stones = noise_at(grain, px * 13.0, py * 13.0)
            long = (1.0 - pool) * 0.055 * view.focal * (0.35 + 0.65 * near)
            aside = (0.004 * rings * near + 0.012 * (1.0 - pool) * stones * near) * view.focal
            drop = 0.006 * rings * near * view.focal
            for c in range(4):
                out[c] = f32(0.0)
            for tap in range(5):
                off = (tap - 2) * 0.5 + 0.25 * stones
                _look_up(seen, cover, x + 0.5 + aside, y + 0.5 + drop + off * long, out, 0.2)
            if out[3] <= 0.0:
                continue
            over = view.z - level
            down = min(over / math.sqrt(d * d * (1 + turn * turn) + over * over), 1.0)
            off = 1.0 - down
            k = f32(wet * (0.30 + 0.70 * pool) * (0.07 + 0.93 * off * off * off * off))
            for c in range(3):
                light[c, y, x] += out[c] * k - light[c, y, x] * k * out[3]


@kernel
def lay_on_floor(
    light: Floats, depth: Floats, seen: Floats, cover: Floats, grain: Floats, view: View, level: float, wet: float,
    polish: float, y0: int, y1: int, width: int,
) -> None:  # fmt: skip
    """Lays the mirrored picture over a wet floor in the rows y0 … y1: sharp in puddles, drawn out between. With
    `polish` 1 the floor is dry and even, as lacquer is."""
    out = np.zeros(4, np.float32)
    _lay_rows_on_floor(light, depth, seen, cover, grain, view, level, wet, polish, y0, y1, width, out)
