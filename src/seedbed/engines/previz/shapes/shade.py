"""Kernels that light pieces of surface, many at a time: sun and shadow, sky, lamps, highlights, mirrored sky, air."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from seedbed.engines.previz.jit import inlined, kernel
from seedbed.engines.previz.shapes.fragment import (
    CLEAR,
    COLOUR_B,
    COLOUR_G,
    COLOUR_R,
    FACING,
    GAZE_X,
    GAZE_Y,
    GAZE_Z,
    GLOSSY,
    GLOW_B,
    GLOW_G,
    GLOW_R,
    HAZE_B,
    HAZE_G,
    HAZE_R,
    LIGHT_B,
    LIGHT_G,
    LIGHT_R,
    MIRRORS,
    NORMAL_X,
    NORMAL_Y,
    NORMAL_Z,
    OPEN,
    ROOM,
    ROW,
    SUNLIT,
    VEIL,
    X,
    Y,
    Z,
)
from seedbed.engines.previz.shapes.paint import (
    BLUE,
    GLOSS,
    GLOW_BLUE,
    GLOW_GREEN,
    GLOW_RED,
    GREEN,
    MIRROR,
    OPACITY,
    PATTERN,
    RED,
)
from seedbed.engines.previz.shapes.pattern import drawn_on, noise_at
from seedbed.engines.previz.shapes.shadow import Shade, sift_all
from seedbed.engines.previz.sky import SLOPE_MAX
from seedbed.engines.previz.stage import Floats, Ints, View, f32

VEILS = 4096
"""Entries of the table of what air hides, over five times its `haze_m`."""


class Air(NamedTuple):
    """The light of a place. `sun` points towards it; `lamp` (3, 3) are the colours of sun, sky and bounce; `haze`
    (columns, 3) the air's colour along the horizon between the tangents `turn_min` and `turn_max`, which hides two
    thirds at `haze_m`; `pano` the sky over the same span; `bulbs` (n, 7) are x, y, z, red, green, blue and reach in
    metres: at its reach, a lamp is as bright as its colour, at six times its reach it ends."""

    sun: Floats
    lamp: Floats
    haze: Floats
    haze_m: float
    pano: Floats
    turn_min: float
    turn_max: float
    bulbs: Floats


class Lit(NamedTuple):
    """An `Air` made ready for one frame: `haze` (3, width) by column, `veil` (VEILS) by distance at `veil_per_m`, the
    eye, the frame's heading in the world and in the panorama, the shadow maps, `ridge` the slope up to which the
    horizon is built up, and the noise of patterns."""

    sun: Floats
    lamp: Floats
    haze: Floats
    veil: Floats
    veil_per_m: float
    pano: Floats
    turn_min: float
    turn_max: float
    bulbs: Floats
    near: Shade
    far: Shade
    moving: Shade
    eye: Floats
    yaw: float
    skyward: float
    ridge: float
    grain: Floats


def still_air(sun: Floats, lamp: Floats, haze: Floats, haze_m: float, pano: Floats, span: tuple[float, float]) -> Air:
    """An air without lamps."""

    def plain(values: Floats) -> Floats:
        return np.ascontiguousarray(values, np.float32)

    return Air(plain(sun), plain(lamp), plain(haze), float(haze_m), plain(pano), float(span[0]), float(span[1]),
               np.zeros((0, 7), np.float32))  # fmt: skip


def veil_table(haze_m: float) -> tuple[Floats, float]:
    """What share of a thing the air hides, by distance, and the table's entries a metre."""
    per_m = (VEILS - 2) / (5.0 * haze_m)
    distance = np.arange(VEILS) / per_m
    return (1.0 - np.exp(-((distance / haze_m) ** 1.25))).astype(np.float32), per_m


def haze_columns(air: Air, view: View, width: int) -> Floats:
    """(3, width): the air's colour in every column of a frame."""
    turn = np.tan(np.arctan((np.arange(width) + 0.5 - width * 0.5) / view.focal) + view.skyward)
    place = np.clip((turn - air.turn_min) / (air.turn_max - air.turn_min), 0.0, 1.0) * (len(air.haze) - 1)
    known = np.arange(len(air.haze))
    return np.ascontiguousarray([np.interp(place, known, air.haze[:, c]) for c in range(3)], np.float32)


@inlined
def sky_to(pano: Floats, place: float, slope: float, out: Floats) -> None:
    """The sky at a slope and at the share `place` of the panorama's width, into out[0:3]."""
    v = math.sqrt(min(max(slope / SLOPE_MAX, 0.0), 1.0)) * (pano.shape[0] - 1.01)
    u = min(max(place, 0.0), 1.0) * (pano.shape[1] - 1.01)
    i, j = int(u), int(v)
    for c in range(3):
        out[c] = pano[j, i, c]


@kernel
def _face(b: Floats, n: int, eye: Floats) -> None:
    """Unit normals that face the eye, and the direction of sight."""
    ex, ey, ez = eye[0], eye[1], eye[2]
    one, tiny = f32(1.0), f32(1e-12)
    for i in range(min(n, ROOM)):
        gx, gy, gz = b[X + i] - ex, b[Y + i] - ey, b[Z + i] - ez
        g = one / f32(math.sqrt(gx * gx + gy * gy + gz * gz + tiny))
        nx, ny, nz = b[NORMAL_X + i], b[NORMAL_Y + i], b[NORMAL_Z + i]
        k = one / f32(math.sqrt(nx * nx + ny * ny + nz * nz + tiny))
        facing = -(gx * nx + gy * ny + gz * nz) * g * k
        k = -k if facing < f32(0.0) else k
        b[GAZE_X + i], b[GAZE_Y + i], b[GAZE_Z + i] = gx * g, gy * g, gz * g
        b[NORMAL_X + i], b[NORMAL_Y + i], b[NORMAL_Z + i] = nx * k, ny * k, nz * k
        b[FACING + i] = min(abs(facing), one)


@kernel
def _paint(b: Floats, which: Ints, n: int, paints: Floats, lit: Lit) -> None:
    """The paint of every piece, with its pattern."""
    grain = lit.grain
    first = 0
    while first < n:
        p, last = which[ROW + first], first + 1
        while last < n and which[ROW + last] == p:
            last += 1
        red, green, blue = paints[p, RED], paints[p, GREEN], paints[p, BLUE]
        own_r, own_g, own_b = paints[p, GLOW_RED], paints[p, GLOW_GREEN], paints[p, GLOW_BLUE]
        gloss, mirror, opacity = paints[p, GLOSS], paints[p, MIRROR], paints[p, OPACITY]
        for i in range(first, last):
            b[COLOUR_R + i], b[COLOUR_G + i], b[COLOUR_B + i] = red, green, blue
            b[GLOW_R + i], b[GLOW_G + i], b[GLOW_B + i] = own_r, own_g, own_b
            b[GLOSSY + i], b[MIRRORS + i], b[CLEAR + i] = gloss, mirror, opacity
        if paints[p, PATTERN] > f32(0.5):
            drawn_on(b, first, last, paints, p, grain)
        first = last


@kernel
def _sun(b: Floats, n: int, sun: Floats) -> None:
    """The cosine to the sun."""
    sx, sy, sz = sun[0], sun[1], sun[2]
    for i in range(min(n, ROOM)):
        sunny = b[NORMAL_X + i] * sx + b[NORMAL_Y + i] * sy + b[NORMAL_Z + i] * sz
        b[SUNLIT + i] = max(sunny, f32(0.0))


@kernel
def _light(b: Floats, n: int, sun: Floats, lamp: Floats) -> None:
    """Sun, sky, bounce, highlight, rim and own light."""
    sx, sy, sz = sun[0], sun[1], sun[2]
    r0, g0, b0 = lamp[0, 0], lamp[0, 1], lamp[0, 2]
    r1, g1, b1 = lamp[1, 0], lamp[1, 1], lamp[1, 2]
    r2, g2, b2 = lamp[2, 0], lamp[2, 1], lamp[2, 2]
    one, zero, half = f32(1.0), f32(0.0), f32(0.5)
    for i in range(min(n, ROOM)):
        nx, ny, nz = b[NORMAL_X + i], b[NORMAL_Y + i], b[NORMAL_Z + i]
        hx, hy, hz = sx - b[GAZE_X + i], sy - b[GAZE_Y + i], sz - b[GAZE_Z + i]
        h = max(nx * hx + ny * hy + nz * hz, zero) / f32(math.sqrt(hx * hx + hy * hy + hz * hz + f32(1e-9)))
        gloss, direct = b[GLOSSY + i], b[SUNLIT + i]
        h8 = h * h
        h8 = h8 * h8
        h8 = h8 * h8
        h32 = h8 * h8
        h32 = h32 * h32
        h256 = h32 * h32
        h256 = h256 * h256
        h256 = h256 * h256
        broad, sharp = max(one - gloss * f32(2.0), zero), max(gloss * f32(2.0) - one, zero)
        shiny = h8 * broad + h32 * (one - broad - sharp) + h256 * sharp
        shiny *= gloss * (f32(0.2) + f32(2.6) * gloss * gloss) * min(direct * f32(4.0), one)
        off = one - b[FACING + i]
        fresnel = off * off
        fresnel = fresnel * fresnel * off
        up = half + half * nz
        down = one - up
        open_ = b[OPEN + i]
        rim = f32(0.25) * fresnel * (f32(0.3) + gloss) * open_
        up, down = up * open_, down * open_
        b[LIGHT_R + i] = b[COLOUR_R + i] * (r0 * direct + r1 * up + r2 * down) + b[GLOW_R + i] + r0 * shiny + r1 * rim
        b[LIGHT_G + i] = b[COLOUR_G + i] * (g0 * direct + g1 * up + g2 * down) + b[GLOW_G + i] + g0 * shiny + g1 * rim
        b[LIGHT_B + i] = b[COLOUR_B + i] * (b0 * direct + b1 * up + b2 * down) + b[GLOW_B + i] + b0 * shiny + b1 * rim


@kernel
def _bulb(b: Floats, n: int, bx: float, by: float, bz: float, red: float, green: float, blue: float,
          reach: float) -> None:  # fmt: skip
    """One lamp's light on all pieces."""
    one, zero = f32(1.0), f32(0.0)
    px, py, pz, r, g, bl = f32(bx), f32(by), f32(bz), f32(red), f32(green), f32(blue)
    square = f32(reach * reach)
    soft, ends = f32(0.05) * square, f32(1.0 / (36.0 * reach * reach))
    for i in range(min(n, ROOM)):
        x, y, z = px - b[X + i], py - b[Y + i], pz - b[Z + i]
        near = x * x + y * y + z * z + f32(1e-6)
        gone = one / f32(math.sqrt(near))
        x, y, z = x * gone, y * gone, z * gone
        nx, ny, nz = b[NORMAL_X + i], b[NORMAL_Y + i], b[NORMAL_Z + i]
        on = max((nx * x + ny * y + nz * z) * f32(0.9) + f32(0.1), zero)
        fade = square / (near + soft) * max(one - near * ends, zero)
        hx, hy, hz = x - b[GAZE_X + i], y - b[GAZE_Y + i], z - b[GAZE_Z + i]
        h = max(nx * hx + ny * hy + nz * hz, zero) / f32(math.sqrt(hx * hx + hy * hy + hz * hz + f32(1e-9)))
        h = h * h
        h = h * h
        h = h * h
        h = h * h
        gloss = b[GLOSSY + i]
        spec = (h + h * h * h * h * gloss * f32(2.0)) * gloss * f32(0.35)
        b[LIGHT_R + i] += r * fade * (b[COLOUR_R + i] * on + spec)
        b[LIGHT_G + i] += g * fade * (b[COLOUR_G + i] * on + spec)
        b[LIGHT_B + i] += bl * fade * (b[COLOUR_B + i] * on + spec)


@kernel
def _bulbs(b: Floats, n: int, bulbs: Floats) -> None:
    """All lamps that reach any of the pieces."""
    x0, y0, z0 = b[X], b[Y], b[Z]
    x1, y1, z1 = x0, y0, z0
    for i in range(1, min(n, ROOM)):
        x0, x1 = min(x0, b[X + i]), max(x1, b[X + i])
        y0, y1 = min(y0, b[Y + i]), max(y1, b[Y + i])
        z0, z1 = min(z0, b[Z + i]), max(z1, b[Z + i])
    for k in range(bulbs.shape[0]):
        x, y, z = bulbs[k, 0], bulbs[k, 1], bulbs[k, 2]
        dx, dy, dz = max(x0 - x, x - x1, f32(0.0)), max(y0 - y, y - y1, f32(0.0)), max(z0 - z, z - z1, f32(0.0))
        if dx * dx + dy * dy + dz * dz < f32(36.0) * bulbs[k, 6] * bulbs[k, 6]:
            _bulb(b, n, x, y, z, bulbs[k, 3], bulbs[k, 4], bulbs[k, 5], bulbs[k, 6])


@kernel
def _mirror(b: Floats, n: int, lit: Lit, spot: Floats) -> None:
    """What polished pieces throw back: the sky, or the ground and the silhouettes that stand around."""
    fx, fy = math.sin(lit.yaw), math.cos(lit.yaw)
    grain, pano, lamp, ridge, skyward = lit.grain, lit.pano, lit.lamp, lit.ridge, lit.skyward
    for i in range(n):
        mirror = b[MIRRORS + i]
        if mirror < 0.01:
            continue
        nx, ny, nz, facing = b[NORMAL_X + i], b[NORMAL_Y + i], b[NORMAL_Z + i], b[FACING + i]
        off = 1.0 - facing
        fresnel = off * off * off * off * off
        k = f32(mirror * (0.35 + 0.65 * fresnel))
        rx = b[GAZE_X + i] + 2.0 * facing * nx
        ry = b[GAZE_Y + i] + 2.0 * facing * ny
        rz = b[GAZE_Z + i] + 2.0 * facing * nz
        flat = math.sqrt(rx * rx + ry * ry) + 1e-6
        slope = rz / flat
        low = 1.0
        if ridge > 0.0:
            # Buildings that stand around: a broken silhouette, of which only the darkness is seen.
            heading = math.atan2(rx, ry) + 0.002 * (b[X + i] + b[Y + i])
            top = ridge * (0.6 + 0.9 * noise_at(grain, math.floor(heading * 9.0) * 1.7, 0.3))
            low = min(max((top - slope) * 14.0 + 0.5, 0.0), 1.0)
        elif slope > 0.0:
            low = 0.0
        spot[0], spot[1], spot[2] = f32(0.0), f32(0.0), f32(0.0)
        if low < 1.0:
            front, side = rx * fx + ry * fy, rx * fy - ry * fx
            # Behind the eye the panorama ends: its halves are folded over.
            turn = side / max(abs(front), 0.3)
            turn = (turn + skyward) / (1.0 - min(turn * skyward, 0.5))
            sky_to(pano, (turn - lit.turn_min) / (lit.turn_max - lit.turn_min), max(slope, 0.0), spot)
        for c in range(3):
            dark = lamp[2, c] * 0.6 + lamp[1, c] * 0.12
            if ridge > 0.0:
                dark += 0.05 * lamp[0, c]
            seen = spot[c] * (1.0 - low) + dark * low
            at = LIGHT_R + c * ROOM + i
            b[at] += (f32(seen) - (b[at] - b[GLOW_R + c * ROOM + i])) * k


@kernel
def _veil(b: Floats, n: int) -> None:
    """The air between."""
    for i in range(min(n, ROOM)):
        k = b[VEIL + i]
        b[LIGHT_R + i] += (b[HAZE_R + i] - b[LIGHT_R + i]) * k
        b[LIGHT_G + i] += (b[HAZE_G + i] - b[LIGHT_G + i]) * k
        b[LIGHT_B + i] += (b[HAZE_B + i] - b[LIGHT_B + i]) * k


@kernel
def light_up(b: Floats, which: Ints, n: int, paints: Floats, lit: Lit, spot: Floats) -> None:
    """The light of the first `n` pieces towards the eye into LIGHT; `spot` (3) is room to work in."""
    _face(b, n, lit.eye)
    _paint(b, which, n, paints, lit)
    _sun(b, n, lit.sun)
    sift_all(b, n, lit.near, lit.far, lit.moving, lit.sun)
    _light(b, n, lit.sun, lit.lamp)
    if lit.bulbs.shape[0] > 0:
        _bulbs(b, n, lit.bulbs)
    _mirror(b, n, lit, spot)
    _veil(b, n)
