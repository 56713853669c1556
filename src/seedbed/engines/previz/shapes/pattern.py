"""Kernels for what is drawn on surfaces: every pattern is filtered over the pixel that shows it, so that nothing
shimmers: what is finer than a pixel gives its mean.

A point of a surface is a column `i` of the flat buffer `b`, whose rows `fragment` names.
"""

from __future__ import annotations

import math

import numpy as np

from seedbed.engines.previz.jit import inlined, kernel
from seedbed.engines.previz.noise import fraction
from seedbed.engines.previz.shapes.fragment import (
    AT_U,
    AT_V,
    COLOUR_B,
    COLOUR_G,
    COLOUR_R,
    GLOSSY,
    GLOW_B,
    GLOW_G,
    GLOW_R,
    MIRRORS,
    WIDE_U,
    WIDE_V,
)
from seedbed.engines.previz.shapes.paint import (
    ASPHALT,
    CHECKS,
    CLOTH,
    CURTAIN,
    GLYPHS,
    MOTTLED,
    P0,
    P1,
    P2,
    P3,
    P4,
    P5,
    P6,
    P7,
    PATTERN,
    ROAD,
    SHOPS,
    STREAKS,
    STRIPES,
    TILES,
    WINDOWS,
    WOOD,
)
from seedbed.engines.previz.stage import Floats, f32, u64

GRAIN = 256
"""Side of the grain in texels; eight of them are one unit of its noise."""


def grain_tile() -> Floats:
    """(GRAIN, GRAIN) periodic soft noise, mean 0, deviation about 0.35."""
    rng = np.random.default_rng(5)
    rate = np.hypot(np.fft.fftfreq(GRAIN)[:, None], np.fft.fftfreq(GRAIN)[None]) * 8.0
    band = np.exp(-((rate / 1.0) ** 2)) * (1.0 - np.exp(-((rate / 0.25) ** 2)))
    soft = np.real(np.fft.ifft2(np.fft.fft2(rng.standard_normal((GRAIN, GRAIN))) * band))
    return np.ascontiguousarray(soft / soft.std() * 0.35, dtype=np.float32)


@inlined
def noise_at(grain: Floats, u: float, v: float) -> float:
    """Soft noise with features one unit apart, about -1 … 1."""
    # Shifted by whole tiles to where truncation is the floor.
    su, sv = u * 8.0 + 1048576.0, v * 8.0 + 1048576.0
    i, j = int(su), int(sv)
    fu, fv = f32(su - i), f32(sv - j)
    i0, j0 = u64(i & 255), u64(j & 255)
    i1, j1 = u64((i + 1) & 255), u64((j + 1) & 255)
    a = grain[j0, i0] + (grain[j0, i1] - grain[j0, i0]) * fu
    b = grain[j1, i0] + (grain[j1, i1] - grain[j1, i0]) * fu
    return float(a + (b - a) * fv)


@kernel
def band(x: float, low: float, high: float, wide: float) -> float:
    """The share of a pixel of width `wide` about x that lies within low … high."""
    return max(min(x + 0.5 * wide, high) - max(x - 0.5 * wide, low), 0.0) / wide


@kernel
def bands(x: float, low: float, high: float, wide: float) -> float:
    """As `band`, of the unit period 0 ≤ low ≤ high ≤ 1."""
    a, b = x - 0.5 * wide, x + 0.5 * wide
    fa, fb = math.floor(a), math.floor(b)
    size = high - low
    pa = fa * size + min(max(a - fa - low, 0.0), size)
    pb = fb * size + min(max(b - fb - low, 0.0), size)
    return (pb - pa) / wide


@inlined
def _tint(b: Floats, i: int, tone: float) -> None:
    k = f32(max(tone, 0.02))
    b[COLOUR_R + i] *= k
    b[COLOUR_G + i] *= k
    b[COLOUR_B + i] *= k


@inlined
def _mix(b: Floats, i: int, part: float, red: float, green: float, blue: float) -> None:
    k = f32(part)
    b[COLOUR_R + i] += (f32(red) - b[COLOUR_R + i]) * k
    b[COLOUR_G + i] += (f32(green) - b[COLOUR_G + i]) * k
    b[COLOUR_B + i] += (f32(blue) - b[COLOUR_B + i]) * k


@inlined
def _glow(b: Floats, i: int, by: float, warm: float) -> None:
    """Adds light of a room: `warm` 0 is a cold tube, 1 a lamp."""
    b[GLOW_R + i] += f32(by)
    b[GLOW_G + i] += f32(by * (0.96 - 0.32 * warm))
    b[GLOW_B + i] += f32(by * (1.02 - 0.72 * warm))


@kernel
def _course(u: float, v: float, wu: float, wv: float, wide: float, tall: float, joint: float, spread: float,
            seed: int) -> float:  # fmt: skip
    """The tone of bricks: each has its own, and the joints between are darker."""
    per_u, per_v = 1.0 / wide, 1.0 / tall
    y, px, py = v * per_v, wu * per_u, wv * per_v
    if px > 0.5 or py > 0.5:
        # Bricks that are not resolved: their mean, a little of their courses.
        return 1.0 - joint * (0.06 + 0.94 * bands(y, 0.0, 0.12, py))
    row = math.floor(y)
    x = u * per_u + 0.5 * (int(row) & 1)
    column = math.floor(x)
    fx, fy = x - column, y - row
    nx, ny = 1.0 / px, 1.0 / py
    x0, x1, y0, y1 = fx - 0.5 * px, fx + 0.5 * px, fy - 0.5 * py, fy + 0.5 * py
    upright = (max(min(x1, 0.06) - max(x0, 0.0), 0.0) + max(min(x1, 1.06) - 1.0, 0.0)) * nx
    level = (max(min(y1, 0.12) - max(y0, 0.0), 0.0) + max(min(y1, 1.12) - 1.0, 0.0)) * ny
    clear = min(max(2.0 - 4.0 * max(px, py), 0.0), 1.0)
    tone = 1.0 + clear * spread * (fraction(int(column), int(row), seed) - 0.5)
    return float(tone * (1.0 - joint * (1.0 - (1.0 - upright) * (1.0 - level))))


@inlined
def _room(b: Floats, i: int, glass: float, lit: float, chance: float, high: float, clear: float, bright: float) -> None:
    """A window's own light: ceilings are brighter than floors, some rooms are warm and some cold."""
    warm = chance * 37.0 - math.floor(chance * 37.0)
    depth = chance * 91.0 - math.floor(chance * 91.0)
    level = (0.35 + 0.65 * high) * (0.35 + 1.1 * depth)
    warm = 0.85 if warm < 0.62 else 0.15 if warm < 0.92 else 0.5
    even = 0.55
    _glow(b, i, glass * lit * bright * (even + (level - even) * clear), 0.6 + (warm - 0.6) * clear)


@kernel
def _windows(b: Floats, first: int, last: int, paints: Floats, p: int, grain: Floats) -> None:
    for i in range(first, last):
        u, v = float(b[AT_U + i]), float(b[AT_V + i])
        wu, wv = max(float(b[WIDE_U + i]), 1e-4), max(float(b[WIDE_V + i]), 1e-4)
        seed, share = int(paints[p, P4]), float(paints[p, P2])
        per_u, per_v = 1.0 / paints[p, P0], 1.0 / paints[p, P1]
        x, y, px, py = u * per_u, v * per_v, wu * per_u, wv * per_v
        across, up = float(paints[p, P6]), float(paints[p, P7])
        across, up = (across if across > 0.0 else 0.5), (up if up > 0.0 else 0.58)
        left, right, low, high = 0.5 - 0.5 * across, 0.5 + 0.5 * across, 0.24, 0.24 + up
        bricks = paints[p, P5]
        if bricks > 0.0:
            _tint(b, i, _course(u, v, wu, wv, 0.25, 0.08, 0.35 * bricks, 0.4 * bricks, seed))
        # Weather: a wall is never of one tone.
        tone = 1.0 + 0.10 * noise_at(grain, u * 0.11, v * 0.07)
        if px > 0.45 or py > 0.45:
            glass = bands(x, left, right, px) * bands(y, low, high, py)
            _tint(b, i, tone)
            _mix(b, i, glass, 0.05, 0.058, 0.066)
            b[MIRRORS + i] += f32((0.4 - b[MIRRORS + i]) * glass)
            b[GLOSSY + i] += f32((0.85 - b[GLOSSY + i]) * glass)
            clear = min(max(2.0 - 2.2 * max(px, py), 0.0), 1.0)
            lit = share
            if clear > 0.0 and share > 0.0:
                on = fraction(math.floor(x), math.floor(y), seed) < share
                lit += ((1.0 if on else 0.0) - share) * clear
            if lit > 0.0:
                _room(b, i, glass, lit, 0.5, 0.5, 0.0, paints[p, P3])
            continue
        column, floor = math.floor(x), math.floor(y)
        fx, fy = x - column, y - floor
        # Finer than a bay, a pixel meets one window at most: plain overlaps will do.
        nx, ny, jamb = 1.0 / px, 1.0 / py, 0.05
        x0, x1, y0, y1 = fx - 0.5 * px, fx + 0.5 * px, fy - 0.5 * py, fy + 0.5 * py
        framed = max(min(x1, right + jamb) - max(x0, left - jamb), 0.0) * nx
        if y0 < low:
            tone -= 0.22 * max(min(y1, 0.045) - max(y0, 0.0), 0.0) * ny
            tone += 0.16 * max(min(y1, 0.085) - max(y0, 0.045), 0.0) * ny
            tone += framed * 0.5 * max(min(y1, low - 0.02) - max(y0, low - 0.10), 0.0) * ny
            tone -= framed * 0.42 * max(min(y1, low - 0.10) - max(y0, low - 0.19), 0.0) * ny
        glass = max(min(x1, right) - max(x0, left), 0.0) * nx * max(min(y1, high) - max(y0, low), 0.0) * ny
        tone += 0.25 * (framed * max(min(y1, high + 0.05) - max(y0, low - 0.02), 0.0) * ny - glass)
        _tint(b, i, tone)
        if glass <= 0.0:
            continue
        chance = fraction(int(column), int(floor), seed)
        rise = min(max((fy - low) / up, 0.0), 1.0)
        # The head of the opening throws its shadow on the pane; curtains hang behind some.
        deep = 1.0 - 0.75 * min(max((rise - 0.80) * 6.0, 0.0), 1.0)
        drawn = 0.0
        if chance * 13.0 - math.floor(chance * 13.0) < 0.4:
            drawn = min(max((abs((fx - left) / across - 0.5) - 0.22) * 30.0, 0.0), 1.0)
        bar = low + 0.68 * up
        post = max(min(x1, 0.512) - max(x0, 0.488), 0.0) * nx
        rail = max(min(y1, bar + 0.012) - max(y0, bar - 0.012), 0.0) * ny
        glass *= (1.0 - post) * (1.0 - rail)
        _mix(b, i, glass, (0.028 + 0.22 * drawn) * deep, (0.035 + 0.2 * drawn) * deep, (0.045 + 0.16 * drawn) * deep)
        b[MIRRORS + i] += f32((0.5 * (1.0 - 0.6 * drawn) * deep - b[MIRRORS + i]) * glass)
        b[GLOSSY + i] += f32((0.85 - b[GLOSSY + i]) * glass)
        if chance < share:
            # Drawn curtains glow dimly.
            _room(b, i, glass * (1.0 - 0.5 * drawn), 1.0, chance / share, rise, 1.0, paints[p, P3])


@kernel
def _curtain(b: Floats, first: int, last: int, paints: Floats, p: int, grain: Floats) -> None:
    for i in range(first, last):
        u, v = float(b[AT_U + i]), float(b[AT_V + i])
        wu, wv = max(float(b[WIDE_U + i]), 1e-4), max(float(b[WIDE_V + i]), 1e-4)
        wide, tall, seed = max(paints[p, P0], 0.1), max(paints[p, P1], 0.1), int(paints[p, P4])
        x, y, px, py = u / wide, v / tall, wu / wide, wv / tall
        opaque = bands(y, 0.0, paints[p, P5], py)
        bars = 1.0 - (1.0 - bands(x, 0.0, 0.05, px)) * (1.0 - bands(y, paints[p, P5], paints[p, P5] + 0.02, py))
        clear = min(max(1.5 - max(px, py), 0.0), 1.0)
        chance, pale = 0.5, 0.5
        if clear > 0.0:
            # Offices are lit by the room, not by the pane.
            room = math.floor(x) // 4
            chance = fraction(room, math.floor(y), seed)
            pale = fraction(math.floor(x), math.floor(y), seed + 3)
        pane = (1.0 - opaque) * (1.0 - bars)
        _tint(b, i, 1.0 + clear * 0.25 * (pale - 0.5) - 0.35 * opaque)
        _tint(b, i, 1.0 - 0.45 * bars)
        glass = 1.0 - bars
        b[MIRRORS + i] += f32((0.78 - 0.2 * opaque - b[MIRRORS + i] + clear * 0.1 * (pale - 0.5)) * glass)
        b[GLOSSY + i] += f32((0.95 - b[GLOSSY + i]) * glass)
        share = paints[p, P2]
        lit = share + ((1.0 if chance < share else 0.0) - share) * clear
        if lit > 0.0:
            rise = (
                min(max((y - math.floor(y) - paints[p, P5]) / (1.0 - paints[p, P5]), 0.0), 1.0) if clear > 0.0 else 0.5
            )
            _room(b, i, pane, lit, chance / max(share, 1e-3), rise * rise, clear, paints[p, P3] * (0.75 + 0.5 * pale))


@kernel
def _shops(b: Floats, first: int, last: int, paints: Floats, p: int, grain: Floats) -> None:
    for i in range(first, last):
        u, v = float(b[AT_U + i]), float(b[AT_V + i])
        wu, wv = max(float(b[WIDE_U + i]), 1e-4), max(float(b[WIDE_V + i]), 1e-4)
        wide, tall, seed = max(paints[p, P0], 0.1), max(paints[p, P1], 0.1), int(paints[p, P4])
        x, y, px, py = u / wide, v / tall, wu / wide, wv / tall
        clear = min(max(1.5 - max(px, 0.5 * py), 0.0), 1.0)
        number = math.floor(x)
        a, c, d = fraction(number, 0, seed), fraction(number, 1, seed), fraction(number, 2, seed)
        sign = bands(x, 0.06, 0.94, px) * band(y, 0.76, 0.93, py)
        awning = bands(x, 0.05, 0.95, px) * band(y, 0.66, 0.77, py) * (1.0 if a < 0.35 else 0.0) * clear
        glass = bands(x, 0.08, 0.92, px) * band(y, 0.12, 0.74, py) * (1.0 - bands(x * 3.0, 0.0, 0.04, 3.0 * px))
        red, green, blue = 0.12 + 0.5 * a, 0.10 + 0.4 * c * c, 0.10 + 0.4 * d * d
        lit = paints[p, P2] + ((1.0 if a * 7.0 - math.floor(a * 7.0) < paints[p, P2] else 0.0) - paints[p, P2]) * clear
        goods = 1.0
        if clear > 0.0 and glass > 0.0:
            # Things in the window: blocks of different heights, brighter under the shop's lamps.
            at = x * 11.0
            tall_one = 0.2 + 0.35 * fraction(math.floor(at), 5, seed)
            goods += clear * (0.9 * band(y, 0.55, 0.74, py) - 0.55 * band(y, 0.0, tall_one, py))
        _mix(b, i, sign, red, green, blue)
        stripe = bands(u / 0.5, 0.0, 0.5, wu / 0.5)
        _mix(b, i, awning, 0.7 * stripe + red * (1 - stripe), 0.68 * stripe + green * (1 - stripe),
             0.62 * stripe + blue * (1 - stripe))  # fmt: skip
        glass *= 1.0 - awning
        _mix(b, i, glass, 0.07 * goods, 0.062 * goods, 0.055 * goods)
        b[MIRRORS + i] += f32((0.42 - b[MIRRORS + i]) * glass)
        b[GLOSSY + i] += f32((0.9 - b[GLOSSY + i]) * glass)
        if lit > 0.0:
            _glow(b, i, glass * lit * paints[p, P3] * goods, 0.75 if c < 0.6 else 0.2)
            letters = _strokes(u / 0.42, (y - 0.80) / 0.10 + 4.0, wu / 0.42, py / 0.10, seed, 0.85)
            by = sign * lit * paints[p, P3] * (0.25 + 1.8 * letters * band(y, 0.79, 0.91, py))
            b[GLOW_R + i] += f32(by * (0.35 + 1.3 * a))
            b[GLOW_G + i] += f32(by * (0.3 + 1.0 * c * c))
            b[GLOW_B + i] += f32(by * (0.35 + 1.2 * d * d))


@kernel
def _strokes(x: float, y: float, px: float, py: float, seed: int, share: float) -> float:
    """Characters of a few strokes on a lattice of three by three, one in each unit square: how much of the pixel they
    fill. Far off, they are a soft mean."""
    mean = 0.26 * share
    clear = min(max(2.0 - 5.0 * max(px, py), 0.0), 1.0)
    if clear <= 0.0:
        return mean
    i, j = math.floor(x), math.floor(y)
    if fraction(i, j, seed + 1) > share:
        return mean * (1.0 - clear)
    bits = int(fraction(i, j, seed) * 4095.0) | 0x80
    cx, cy = (x - i - 0.5) * 3.0, (y - j - 0.5) * 3.0
    soft = 1.5 * max(px, py) * 3.0 + 0.02
    nearest = 9.0
    for stroke in range(12):
        if not (bits >> stroke) & 1:
            continue
        if stroke < 6:
            ax, ay = float(stroke % 2) - 1.0, float(stroke // 2) - 1.0
            along, off = cx - ax, cy - ay
        else:
            ax, ay = float((stroke - 6) // 2) - 1.0, float((stroke - 6) % 2) - 1.0
            along, off = cy - ay, cx - ax
        t = min(max(along, 0.0), 1.0)
        nearest = min(nearest, math.sqrt((along - t) ** 2 + off * off))
    ink = min(max((0.20 - nearest) / soft + 0.5, 0.0), 1.0)
    return mean + (ink - mean) * clear


@inlined
def _tarmac(b: Floats, i: int, u: float, v: float, wide: float, rough: float, grain: Floats) -> None:
    fine = min(max(1.6 - wide * 14.0, 0.0), 1.0)
    tone = 1.0 + rough * 0.45 * noise_at(grain, u * 0.23, v * 0.12)
    if fine > 0.0:
        tone += rough * fine * 0.4 * noise_at(grain, u * 7.0, v * 7.0)
    _tint(b, i, tone)


@kernel
def _road(b: Floats, first: int, last: int, paints: Floats, p: int, grain: Floats) -> None:
    for i in range(first, last):
        u, v = float(b[AT_U + i]), float(b[AT_V + i])
        wu, wv = max(float(b[WIDE_U + i]), 1e-4), max(float(b[WIDE_V + i]), 1e-4)
        lane, lanes = paints[p, P0], int(paints[p, P1])
        _tarmac(b, i, u, v, max(wu, wv), paints[p, P3], grain)
        off = abs(u) / lane
        # Wheels polish two tracks in every lane.
        if wu < lane * 0.5:
            at = off - math.floor(off)
            track = max(1.0 - ((abs(at - 0.5) - 0.25) * 9.0) ** 2, 0.0)
            _tint(b, i, 1.0 - 0.12 * track)
            b[GLOSSY + i] += f32(0.12 * track)
        away = abs(u)
        paint_ = band(away, 0.09, 0.21, wu) + band(away, lanes * lane - 0.30, lanes * lane - 0.16, wu)
        for number in range(1, lanes):
            between = band(away, number * lane - 0.07, number * lane + 0.07, wu)
            if between > 0.0:
                paint_ += between * bands(v / 9.0, 0.0, 0.36, wv / 9.0)
        if paint_ > 0.0:
            worn = paints[p, P2] * (0.8 + 0.25 * noise_at(grain, u * 2.1, v * 0.8))
            _mix(b, i, min(paint_, 1.0) * worn, 0.62, 0.60, 0.54)


@kernel
def _boards(b: Floats, first: int, last: int, paints: Floats, p: int, grain: Floats) -> None:
    for i in range(first, last):
        u, v = float(b[AT_U + i]), float(b[AT_V + i])
        wu, _wv = max(float(b[WIDE_U + i]), 1e-4), max(float(b[WIDE_V + i]), 1e-4)
        wide, seed = max(paints[p, P0], 0.01), int(paints[p, P2])
        x, px = u / wide, wu / wide
        clear = min(max(1.5 - px, 0.0), 1.0)
        own = fraction(math.floor(x), 3, seed) if clear > 0.0 else 0.5
        fibre = noise_at(grain, u * 24.0 + own * 9.0, v * 0.9 + own * 17.0) * min(max(1.6 - wu * 40.0, 0.0), 1.0)
        rings = noise_at(grain, u * 3.0 + own * 31.0, v * 0.25) * min(max(1.6 - wu * 6.0, 0.0), 1.0)
        _tint(b, i, 1.0 + paints[p, P1] * (0.5 * fibre + 0.6 * rings + clear * 0.3 * (own - 0.5)))
        _tint(b, i, 1.0 - 0.5 * bands(x, 0.0, 0.035, px))


@kernel
def _plainer(  # noqa: C901
    b: Floats, first: int, last: int, paints: Floats, p: int, grain: Floats
) -> None:
    """The patterns that only change the tone."""
    kind = int(paints[p, PATTERN])
    a, c, d, seed = float(paints[p, P0]), float(paints[p, P1]), float(paints[p, P2]), int(paints[p, P3])
    for i in range(first, last):
        u, v = float(b[AT_U + i]), float(b[AT_V + i])
        wu, wv = max(float(b[WIDE_U + i]), 1e-4), max(float(b[WIDE_V + i]), 1e-4)
        wide, tone = max(wu, wv), 1.0
        if kind == TILES:
            tone = _course(u, v, wu, wv, a, c, d, 0.35, seed)
        elif kind == MOTTLED:
            shift = d * 0.37
            soft, fine = min(max(1.6 - wide * a * 1.2, 0.0), 1.0), min(max(1.6 - wide * a * 3.2, 0.0), 1.0)
            if soft > 0.0:
                tone += c * soft * noise_at(grain, u * a + shift, v * a - shift)
            if fine > 0.0:
                tone += 0.5 * c * fine * noise_at(grain, u * a * 2.7 - shift, v * a * 2.7 + shift)
        elif kind == ASPHALT:
            tone = 1.0 + a * 0.45 * noise_at(grain, u * 0.23, v * 0.12)
            fine = min(max(1.6 - wide * 14.0, 0.0), 1.0)
            if fine > 0.0:
                tone += a * fine * 0.4 * noise_at(grain, u * 7.0, v * 7.0)
        elif kind == STREAKS:
            clear = min(max(1.6 - wu * a, 0.0), 1.0)
            tone += 1.6 * clear * c * noise_at(grain, u * a, v * a * 0.06 + d * 0.37)
        elif kind == CHECKS:
            side = 2.0 * a
            x = 2.0 * bands(u / side, 0.0, 0.5, wu / side) - 1.0
            y = 2.0 * bands(v / side, 0.0, 0.5, wv / side) - 1.0
            tone = 1.0 - c * 0.5 * (1.0 - x * y)
        elif kind == STRIPES:
            period = a + c
            on = bands(u / period, 0.0, a / period, wu / period)
            worn = 0.85 + 0.2 * noise_at(grain, u * 1.7, v * 1.3)
            tone += (d * worn - 1.0) * on
        elif kind == CLOTH:
            clear = min(max(1.5 - 2.0 * wide * a, 0.0), 1.0)
            folds = noise_at(grain, u * 2.3 + d, v * 0.5) + 0.5 * noise_at(grain, u * 5.1, v * 1.1)
            tone += c * folds * min(max(1.6 - 3.0 * wide, 0.0), 1.0)
            if clear > 0.0:
                tone += clear * 0.12 * math.sin(6.2832 * u * a) * math.sin(6.2832 * v * a)
        _tint(b, i, tone)


@kernel
def _lettered(b: Floats, first: int, last: int, paints: Floats, p: int) -> None:
    side, seed, share = float(paints[p, P0]), int(paints[p, P1]), float(paints[p, P2])
    for i in range(first, last):
        wu, wv = max(float(b[WIDE_U + i]), 1e-4), max(float(b[WIDE_V + i]), 1e-4)
        ink = _strokes(float(b[AT_U + i]) / side, float(b[AT_V + i]) / side, wu / side, wv / side, seed, share)
        b[GLOW_R + i] *= f32(ink)
        b[GLOW_G + i] *= f32(ink)
        b[GLOW_B + i] *= f32(ink)


@kernel
def drawn_on(b: Floats, first: int, last: int, paints: Floats, p: int, grain: Floats) -> None:
    """The pattern of the paint in row `p` over the fragments first … last, which hold the plain paint."""
    kind = int(paints[p, PATTERN])
    if kind == WINDOWS:
        _windows(b, first, last, paints, p, grain)
    elif kind == CURTAIN:
        _curtain(b, first, last, paints, p, grain)
    elif kind == SHOPS:
        _shops(b, first, last, paints, p, grain)
    elif kind == ROAD:
        _road(b, first, last, paints, p, grain)
    elif kind == WOOD:
        _boards(b, first, last, paints, p, grain)
    elif kind == GLYPHS:
        _lettered(b, first, last, paints, p)
    else:
        _plainer(b, first, last, paints, p, grain)
