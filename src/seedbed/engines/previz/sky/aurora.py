"""Curtains of northern light: sheets that hang along winding lines in the high air, seen from below.

Each sheet is cut into rays. Where a line turns towards the viewer its rays crowd together, so folds are bright by
themselves. The whole is drawn anew for each frame, at the panorama's resolution.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.sky.clouds import SLOPE_MAX
from seedbed.engines.previz.sky.tiles import map_at

Floats = NDArray[np.float32]

CURTAINS = 4
_RAYS = 1100
_UNDER, _OVER = 0.30, 3.0
"""How far a ray is drawn below its lower edge and above it, in its own heights."""
_ROWS = 256


@cache
def ray_profile() -> Floats:
    """(256, 3): a ray's light from under its lower edge to its end: a rosy hem, oxygen's green, violet above."""
    up = np.linspace(-_UNDER, _OVER, _ROWS)
    above = np.maximum(up, 0.0)
    edge = 1.0 / (1.0 + np.exp(-(up + 0.02) * 38.0))
    ends = np.clip((_OVER - up) / 1.2, 0.0, 1.0) ** 1.5
    green = edge * np.exp(-above * 2.0) * ends
    violet = 0.42 * above * np.exp(-above * 1.15) * ends
    rose = 0.55 * np.exp(-(((up + 0.03) / 0.07) ** 2))
    red = 0.10 * green + 0.52 * violet + 0.60 * rose
    lime = 1.00 * green + 0.16 * violet + 0.12 * rose
    blue = 0.40 * green + 0.78 * violet + 0.42 * rose
    return np.ascontiguousarray(np.stack([red, lime, blue], 1), dtype=np.float32)


@kernel
def paint_aurora(glow: Floats, rows: int, turn_min: float, turn_max: float, seconds: float, top: float, cover: Floats,
                 profile: Floats, strength: float, seed: int) -> None:  # fmt: skip
    """Adds the curtains to the lowest rows of a panorama of `rows`, `glow` (some, columns, 3). `top` is the slope
    of the frame's highest row: the sheets' lower edges wind through the sky that is seen."""
    held, columns = glow.shape[0], glow.shape[1]
    per = (columns - 1.0) / (turn_max - turn_min)
    middle, wide = 0.5 * (turn_min + turn_max), turn_max - turn_min
    slot = (seed % 97) / 97.0
    for curtain in range(CURTAINS):
        hang, side = slot + 0.27 * curtain, 1.0 - 2.0 * (curtain & 1)
        foot = top * (0.26, 0.44, 0.16, 0.62)[curtain]
        power = strength * (1.0, 0.8, 0.6, 0.55)[curtain] * columns / _RAYS
        drift = side * seconds * 0.006
        for ray in range(_RAYS):
            s = ray / (_RAYS - 1.0)
            slow = map_at(cover, 0, 0.16 * s + drift, hang)
            fold = map_at(cover, 1, 0.27 * s - 0.8 * drift, hang + 0.3)
            curl = map_at(cover, 0, 0.60 * s + 1.5 * drift, hang + 0.6)
            turn = middle + wide * ((s - 0.5) * 1.3 + 0.055 * fold + 0.012 * curl + 0.05 * slow)
            low = foot * (1.0 + 0.30 * slow * side + 0.13 * fold + 0.05 * curl)
            u = (turn - turn_min) * per
            if u < 0.0 or u >= columns - 1.01 or low <= 0.004:
                continue
            stripe = map_at(cover, 1, 2.6 * s + 3.0 * drift, hang + 0.9)
            pulse = map_at(cover, 0, 0.30 * s - 3.0 * drift, hang + 0.15)
            bright = power * max(0.55 + 0.40 * pulse, 0.04) * max(0.85 + 0.30 * stripe, 0.2)
            tall = max(low * (1.1 + 0.35 * pulse + 0.22 * stripe), 0.3 * low) + 0.06 * top
            i = int(u)
            part = np.float32(u - i)
            begin = int(math.sqrt(max(low - _UNDER * tall, 0.0) / SLOPE_MAX) * (rows - 1.0)) + 1
            end = min(int(math.sqrt(min((low + _OVER * tall) / SLOPE_MAX, 1.0)) * (rows - 1.0)), held)
            scale = (_ROWS - 1.0) / (_UNDER + _OVER)
            near, far = np.float32(bright) * (np.float32(1.0) - part), np.float32(bright) * part
            for j in range(begin, end):
                slope = SLOPE_MAX * (j / (rows - 1.0)) ** 2
                k = min(max(int(((slope - low) / tall + _UNDER) * scale), 0), _ROWS - 1)
                for c in range(3):
                    glow[j, i, c] += profile[k, c] * near
                    glow[j, i + 1, c] += profile[k, c] * far


@kernel
def soften(glow: Floats, haze: float) -> None:
    """Blurs each row of `glow` a little, in place, and adds what the lower air scatters: a green `haze`."""
    columns = glow.shape[1]
    for j in range(glow.shape[0]):
        for c in range(3):
            before, here = glow[j, 0, c], glow[j, 0, c]
            tint = np.float32(haze * (0.15, 1.0, 0.6)[c])
            for i in range(columns):
                after = glow[j, min(i + 1, columns - 1), c]
                glow[j, i, c] = np.float32(0.3) * before + np.float32(0.4) * here + np.float32(0.3) * after + tint
                before, here = here, after
