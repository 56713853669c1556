"""Kernels that light one point of a surface: sun and its shadow, sky, lamps, highlights, mirrored sky, air."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from seedbed.engines.previz.jit import inlined, kernel
from seedbed.engines.previz.noise import fraction, gradient
from seedbed.engines.previz.shapes.paint import (
    BLUE,
    CHECKS,
    GLOSS,
    GLOW_BLUE,
    GLOW_GREEN,
    GLOW_RED,
    GREEN,
    MIRROR,
    MOTTLED,
    P0,
    P1,
    P2,
    P3,
    P4,
    PATTERN,
    PLAIN,
    RED,
    STREAKS,
    TILES,
    WINDOWS,
)
from seedbed.engines.previz.sky import SLOPE_MAX
from seedbed.engines.previz.stage import Floats, View, f32


class Air(NamedTuple):
    """The light of a place. `sun` points towards it; `lamp` (3, 3) are the colours of sun, sky and bounce; `haze`
    (columns, 3) the air's colour along the horizon between the tangents `turn_min` and `turn_max`, which hides two
    thirds at `haze_m`; `pano` the sky over the same span; `bulbs` (n, 7) are x, y, z, red, green, blue and reach in
    metres; `shade` (size, size) is the shadow map and `shade_from` (4, 4) its frame: see `shadow`."""

    sun: Floats
    lamp: Floats
    haze: Floats
    haze_m: float
    pano: Floats
    turn_min: float
    turn_max: float
    bulbs: Floats
    shade: Floats
    shade_from: Floats


@kernel
def in_sun(air: Air, x: float, y: float, z: float) -> float:
    """How much of the sun reaches a point, 0 … 1, by the shadow map, with soft edges."""
    size = air.shade.shape[0]
    if size < 2:
        return 1.0
    m = air.shade_from
    u = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3]
    v = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3]
    w = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3]
    if u < 1.0 or v < 1.0 or u > size - 2.0 or v > size - 2.0:
        return 1.0
    i, j = int(u - 0.5), int(v - 0.5)
    fu, fv = u - 0.5 - i, v - 0.5 - j
    total = 0.0
    for dj in range(2):
        for di in range(2):
            lit = 1.0 if air.shade[j + dj, i + di] <= w else 0.0
            total += lit * (fu if di else 1.0 - fu) * (fv if dj else 1.0 - fv)
    return total


@kernel
def sky_to(air: Air, turn: float, slope: float, out: Floats) -> None:
    """The sky in one direction into out[0:3]."""
    pano = air.pano
    v = math.sqrt(min(max(slope / SLOPE_MAX, 0.0), 1.0)) * (pano.shape[0] - 1.01)
    u = min(max((turn - air.turn_min) / (air.turn_max - air.turn_min), 0.0), 1.0) * (pano.shape[1] - 1.01)
    i, j = int(u), int(v)
    for c in range(3):
        out[c] = pano[j, i, c]


@kernel
def pattern(row: Floats, u: float, v: float, night: float, out: Floats) -> None:
    """The paint `row` at (u, v) metres: colour into out[0:3], own light into out[3:6], mirror and gloss into
    out[6:8]."""
    kind = int(row[PATTERN])
    out[0], out[1], out[2] = row[RED], row[GREEN], row[BLUE]
    out[3], out[4], out[5] = row[GLOW_RED], row[GLOW_GREEN], row[GLOW_BLUE]
    out[6], out[7] = row[MIRROR], row[GLOSS]
    if kind == PLAIN:
        return
    seed = int(row[P4])
    tone = f32(1.0)
    if kind == WINDOWS:
        wide, tall = max(row[P0], 0.1), max(row[P1], 0.1)
        i, j = math.floor(u / wide), math.floor(v / tall)
        x, y = u / wide - i, v / tall - j
        if 0.14 < x < 0.86 and 0.22 < y < 0.84:
            chance = fraction(int(i), int(j), seed)
            tone = f32(0.10 + 0.10 * chance)
            out[6] = max(row[MIRROR], f32(0.55))
            out[7] = f32(0.9)
            if chance < row[P2]:
                warm = fraction(int(i), int(j), seed + 7)
                bright = row[P3] * (0.45 + 0.85 * fraction(int(i), int(j), seed + 9))
                out[3], out[4] = f32(bright), f32(bright * (0.62 + 0.26 * warm))
                out[5] = f32(bright * (0.26 + 0.62 * warm))
    elif kind == STREAKS:
        seed = int(row[P2])
        tone = f32(1.0 + row[P1] * (gradient(u * row[P0], v * row[P0] * 0.06, seed)))
    elif kind == MOTTLED:
        seed = int(row[P2])
        spots = gradient(u * row[P0], v * row[P0], seed) + 0.5 * gradient(
            u * row[P0] * 2.7, v * row[P0] * 2.7, seed + 1
        )
        tone = f32(1.0 + row[P1] * spots)
    elif kind == TILES:
        seed = int(row[P3])
        j = math.floor(v / row[P1])
        i = math.floor(u / row[P0] + 0.5 * (int(j) & 1))
        x, y = u / row[P0] + 0.5 * (int(j) & 1) - i, v / row[P1] - j
        tone = f32(0.86 + 0.28 * fraction(int(i), int(j), seed))
        if x < 0.06 or y < 0.10:
            tone *= f32(1.0 - row[P2])
    elif kind == CHECKS:
        odd = (math.floor(u / row[P0]) + math.floor(v / row[P0])) & 1
        tone = f32(1.0 - row[P1] * odd)
    tone = max(tone, f32(0.02))
    out[0], out[1], out[2] = out[0] * tone, out[1] * tone, out[2] * tone


@kernel
def shade(  # noqa: C901
    row: Floats, u: float, v: float, x: float, y: float, z: float, nx: float, ny: float, nz: float, ahead: float,
    turn: float, air: Air, view: View, spot: Floats, out: Floats,
) -> None:  # fmt: skip
    """The light from one point towards the eye into out[0:3]; `spot` (12) is room to work in. `ahead` is the forward
    distance, `turn` the tangent of the column's heading."""
    pattern(row, u, v, 0.0, spot)
    vx, vy, vz = x - view.x, y - view.y, z - view.z
    far = math.sqrt(vx * vx + vy * vy + vz * vz) + 1e-9
    vx, vy, vz = vx / far, vy / far, vz / far
    facing = -(vx * nx + vy * ny + vz * nz)
    if facing < 0.0:
        nx, ny, nz, facing = -nx, -ny, -nz, -facing
    sunny = nx * air.sun[0] + ny * air.sun[1] + nz * air.sun[2]
    direct = max(sunny, 0.0)
    if direct > 0.0:
        direct *= in_sun(air, x + nx * 0.04, y + ny * 0.04, z + nz * 0.04)
    up = 0.5 + 0.5 * nz
    gloss, mirror = spot[7], spot[6]
    shiny = 0.0
    if gloss > 0.02:
        power = 4.0 + 220.0 * gloss * gloss
        hx, hy, hz = air.sun[0] - vx, air.sun[1] - vy, air.sun[2] - vz
        h = 1.0 / math.sqrt(hx * hx + hy * hy + hz * hz + 1e-9)
        shiny = (
            max((nx * hx + ny * hy + nz * hz) * h, 0.0) ** power * gloss * (0.15 + 0.012 * power) if direct > 0 else 0.0
        )
    fresnel = (1.0 - min(facing, 1.0)) ** 5
    # A soft rim of skylight: what turns away from the eye shows the sky behind it.
    rim = 0.25 * fresnel * (0.3 + gloss)
    for c in range(3):
        ambient = air.lamp[1, c] * up + air.lamp[2, c] * (1.0 - up)
        out[c] = spot[c] * (air.lamp[0, c] * direct + ambient) + spot[3 + c]
        out[c] += air.lamp[0, c] * shiny * direct + air.lamp[1, c] * rim
    for k in range(air.bulbs.shape[0]):
        bx, by, bz = air.bulbs[k, 0] - x, air.bulbs[k, 1] - y, air.bulbs[k, 2] - z
        near = bx * bx + by * by + bz * bz
        reach = air.bulbs[k, 6]
        if near > reach * reach * 36.0:
            continue
        gone = 1.0 / math.sqrt(near + 1e-6)
        on = max((nx * bx + ny * by + nz * bz) * gone * 0.85 + 0.15, 0.0)
        fade = reach * reach / (near + 0.05 * reach * reach) * max(1.0 - near / (reach * reach * 36.0), 0.0)
        hx, hy, hz = bx * gone - vx, by * gone - vy, bz * gone - vz
        h = 1.0 / math.sqrt(hx * hx + hy * hy + hz * hz + 1e-9)
        spec = max((nx * hx + ny * hy + nz * hz) * h, 0.0) ** (4.0 + 120.0 * gloss) * gloss * 0.6
        for c in range(3):
            out[c] += air.bulbs[k, 3 + c] * fade * (spot[c] * on + spec)
    if mirror > 0.0:
        k = mirror * (0.35 + 0.65 * fresnel)
        rx, ry, rz = vx + 2.0 * facing * nx, vy + 2.0 * facing * ny, vz + 2.0 * facing * nz
        fx, fy = math.sin(view.yaw), math.cos(view.yaw)
        front, side = rx * fx + ry * fy, rx * fy - ry * fx
        flat = math.sqrt(rx * rx + ry * ry) + 1e-6
        # Behind the eye the panorama ends: its halves are folded over.
        heading = side / max(abs(front), 0.3)
        if rz > 0.0:
            sky_to(air, heading, rz / flat, spot)
            for c in range(3):
                out[c] += (spot[c] - out[c]) * k
        else:
            for c in range(3):
                out[c] += (air.lamp[2, c] * 0.6 + air.lamp[1, c] * 0.08 - out[c]) * k
    veil = 1.0 - math.exp(-((ahead / air.haze_m) ** 1.25))
    place = min(max((turn - air.turn_min) / (air.turn_max - air.turn_min), 0.0), 1.0)
    at = int(place * (air.haze.shape[0] - 1))
    for c in range(3):
        out[c] += (air.haze[at, c] - out[c]) * veil


@inlined
def glass(row: Floats, facing: float) -> float:
    """How much of what is behind a pane it hides, seen at an angle of cosine `facing`."""
    return float(row[8] + (1.0 - row[8]) * (1.0 - min(abs(facing), 1.0)) ** 4)


def still_air(sun: Floats, lamp: Floats, haze: Floats, haze_m: float, pano: Floats, span: tuple[float, float]) -> Air:
    """An air without lamps and shadow map."""

    def plain(values: Floats) -> Floats:
        return np.ascontiguousarray(values, np.float32)

    return Air(
        plain(sun), plain(lamp), plain(haze), float(haze_m), plain(pano), float(span[0]), float(span[1]),
        np.zeros((0, 7), np.float32), np.zeros((1, 1), np.float32), np.zeros((4, 4), np.float32),
    )  # fmt: skip
