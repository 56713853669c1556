"""What a worn video cassette does to a picture: soft luma that rings, late and smeared colour, lines out of step."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.grade import Planes
from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.noise import fraction, gradient

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
f32 = np.float32

_LINES = 240
"""Scan lines of one field."""


def play(planes: Planes, number: int, seed: int) -> Planes:
    """The frame as the cassette plays it. The given planes are left as they are."""
    luma, blue, red = (np.empty_like(plane) for plane in planes)
    lag = lags(luma.shape[0], luma.shape[1], number, seed)
    _luma(planes[0], luma, lag, number, seed)
    _tint(planes[1], blue, lag, number, seed)
    _tint(planes[2], red, lag, number, seed + 1)
    return luma, blue, red


@kernel
def lags(height: int, width: int, number: int, seed: int) -> Floats:
    """(2, height): how many pixels each row comes late, and how noisy it is, 0 … 1."""
    out = np.zeros((2, height), np.float32)
    unit = width / 720.0 if width > height else height / 720.0
    band = (1.16 - 0.0075 * number + fraction(1, 2, seed)) % 1.6 - 0.2
    for y in range(height):
        line = int(y * _LINES / height)
        v = (y + 0.5) / height
        lag = 1.0 * (fraction(line, number, seed) - 0.5) + 1.3 * gradient(v * 3.0, number * 0.21, seed + 5)
        near = 1.0 - abs(v - band) / 0.055
        if near > 0.0:
            lag += 20.0 * near * near * gradient(line * 0.35, number * 0.9, seed + 6) + 5.0 * near
            out[1, y] = 0.7 * near
        foot = (v - 0.975) / 0.025
        if foot > 0.0:
            lag += 26.0 * foot * foot + 8.0 * foot * (fraction(line, number + 7, seed) - 0.3)
            out[1, y] = max(out[1, y], 0.6 * foot)
        out[0, y] = lag * unit
    return out


@kernel
def _luma(source: Bytes, out: Bytes, lag: Floats, number: int, seed: int) -> None:
    height, width = source.shape
    soft, wide = np.empty(width, np.float32), np.empty(width, np.float32)
    unit = max(width, height) / 1280.0
    share = f32(1.0 - math.exp(-1.0 / (1.9 * unit + 0.25)))
    slow = f32(1.0 - math.exp(-1.0 / (5.0 * unit + 0.25)))
    pitch = max(height / _LINES, 2.0)
    last = width - 1
    for y in range(height):
        move = math.floor(lag[0, y])
        part = f32(lag[0, y] - move)
        row = source[y]
        quick, ring = f32(row[0]), f32(row[0])
        for x in range(width):
            a, b = min(max(x - move, 0), last), min(max(x - move - 1, 0), last)
            value = f32(row[a]) + (f32(row[b]) - f32(row[a])) * part
            quick += (value - quick) * share
            ring += (quick - ring) * slow
            soft[x], wide[x] = quick, quick - ring
        phase = (y % pitch) / pitch
        dim = f32(0.89) if phase >= 0.5 else f32(1.0)
        noisy = lag[1, y]
        line = int(y * _LINES / height)
        for x in range(width):
            value = (soft[x] + f32(0.65) * wide[x] - f32(16.0)) * dim + f32(16.5)
            out[y, x] = np.uint8(min(max(value, f32(16.0)), f32(235.0)))
        if noisy > 0.0:
            for streak in range(int(3 + 20 * noisy)):
                key = line * 32 + streak
                if fraction(key, number, seed + 9) > noisy:
                    continue
                start = int(fraction(key, number, seed + 10) * width)
                length = int((4.0 + 40.0 * fraction(key, number, seed + 11) ** 2) * unit) + 1
                for x in range(start, min(start + length, width)):
                    fade = 1.0 - (x - start) / length
                    out[y, x] = int(min(out[y, x] + 120.0 * noisy * fade + 20.0 * fade, 235.0))


@kernel
def _tint(source: Bytes, out: Bytes, lag: Floats, number: int, seed: int) -> None:
    """One colour difference: a row late, several pixels to the right, smeared in both directions, in streaks."""
    height, width = source.shape
    unit = max(width, height) / 640.0
    share = f32(1.0 - math.exp(-1.0 / (6.5 * unit)))
    late = 4.5 * unit
    drop = max(int(1.2 * max(height, width) / 640.0 + 0.5), 1)
    soft = np.empty(width, np.float32)
    last = width - 1
    for y in range(height):
        upper, lower = source[max(y - drop, 0)], source[max(y - drop + 1, 0)]
        row = min(2 * y, lag.shape[1] - 1)
        move = int(lag[0, row] * 0.5 + late)
        for x in range(width):
            at = min(max(x - move, 0), last)
            soft[x] = f32(0.5) * (f32(upper[at]) + f32(lower[at]))
        quick = soft[0]
        for x in range(width):
            quick += (soft[x] - quick) * share
            soft[x] = quick
        # Backwards as well, so that colour bleeds to both sides of an edge, more of it to the right.
        back = soft[last]
        line = int(row * _LINES / (2 * height))
        cast = f32(9.0 * (fraction(line, number, seed + 20) - 0.5) * (1.0 + 3.0 * lag[1, row]))
        for k in range(width):
            x = last - k
            back += (soft[x] - back) * min(share * f32(1.5), f32(1.0))
            out[y, x] = np.uint8(min(max(back + cast + f32(0.5), f32(16.0)), f32(240.0)))
