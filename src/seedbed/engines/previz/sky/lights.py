"""Stars, sun and moon, drawn into each frame at its own resolution: the panorama would smear them.

They stand still in the world, whatever the clouds do, and clouds hide them by the panorama's fourth channel.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import inlined, kernel
from seedbed.engines.previz.noise import layered
from seedbed.engines.previz.sky.clouds import SLOPE_MAX

Floats = NDArray[np.float32]

# Columns of `Lights.stars`.
TURN, SLOPE, RED, GREEN, BLUE, PHASE = range(6)
# Slots of `Lights.disc`; `SIZE` is a radius in radians, `SQUASH` its height for its width.
D_TURN, D_SLOPE, SIZE, D_RED, D_GREEN, D_BLUE, SQUASH = range(7)

FACE = 96


class Lights(NamedTuple):
    """`stars` (n, 6) sorted by turn; `disc` (7), of no size where there is none; `face` (96, 96) its brightness."""

    stars: Floats
    disc: Floats
    face: Floats


@kernel
def _paint_moon(face: Floats, ax: float, ay: float, az: float, seed: int) -> None:
    """The moon with its seas, rays and rough ground, lit from the direction a (towards the viewer is z)."""
    size = face.shape[0]
    for j in range(size):
        for i in range(size):
            x, y = (i + 0.5) * 2.0 / size - 1.0, 1.0 - (j + 0.5) * 2.0 / size
            z = math.sqrt(max(1.0 - x * x - y * y, 0.0))
            u, v = math.atan2(x, z + 0.15) * 1.5, math.asin(max(min(y, 1.0), -1.0)) * 1.5
            sea = layered(u * 1.15 + 3.0, v * 1.15 + 1.0, 4, 500) + 0.25 * layered(u * 0.5, v * 0.5 + 9.0, 1, 501)
            # The seas of the near side lie to its north and west.
            sea += 0.22 * math.exp(-((x + 0.28) ** 2 + (y - 0.28) ** 2) * 2.2) - 0.10
            dark = min(max(sea * 4.5 + 0.15, 0.0), 1.0)
            rough = layered(u * 7.0, v * 7.0, 3, 502)
            tone = 0.98 - 0.42 * dark + 0.22 * rough * (1.0 - 0.6 * dark)
            for k in range(3):
                cx, cy = (0.06, 0.45, -0.62)[k], (-0.68, -0.30, -0.10)[k]
                d = math.sqrt((x - cx) ** 2 + (y - cy) ** 2)
                tone += 0.20 * math.exp(-d * d * 130.0)
                tone += 0.05 * math.exp(-d * 3.0) * max(math.sin(9.0 * math.atan2(y - cy, x - cx) + k), 0.0)
            bump = 0.10 * rough
            lit = x * ax + y * ay + z * az + bump * (1.0 - abs(az))
            face[j, i] = max(tone, 0.1) * min(max(lit * 3.2, 0.0), 1.0) ** 0.8 + 0.012


def moon_face(age: float, seed: int) -> Floats:
    """(96, 96): the moon at an age of 0 (new) … 0.5 (full) … 1; full size lit is about 1."""
    face = np.empty((FACE, FACE), np.float32)
    angle = 2.0 * math.pi * age
    _paint_moon(face, math.sin(angle) * 0.97, 0.24 * abs(math.sin(angle)), -math.cos(angle), seed)
    return face


@inlined
def clear_at(pano: Floats, u: float, slope: float) -> float:
    """How much shines through the clouds at column `u`, by the nearest texel."""
    j = int(math.sqrt(min(max(slope / SLOPE_MAX, 0.0), 1.0)) * (pano.shape[0] - 1) + 0.5)
    i = int(min(max(u, 0.0), pano.shape[1] - 1.0) + 0.5)
    return float(pano[j, i, 3])


@kernel
def _first_from(stars: Floats, turn: float) -> int:
    """The first star that does not lie left of `turn`."""
    low, high = 0, stars.shape[0]
    while low < high:
        middle = (low + high) >> 1
        if stars[middle, TURN] < turn:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _add_star(above: Floats, begin: int, end: int, star: Floats, off: float, row: float, shine: float,
              soft: float) -> None:  # fmt: skip
    """Adds one star, `off` pixels aside of the column and at `row`."""
    for y in range(max(int(row - 2.6 * soft), begin), min(int(row + 2.6 * soft) + 2, end)):
        part = shine * math.exp(-(off * off + (y - row) * (y - row)) / (1.1 * soft * soft))
        for c in range(3):
            above[y, c] += star[RED + c] * part


@kernel
def _add_disc(above: Floats, begin: int, end: int, x: float, radius: float, row: float, reach: float, u: float,
              horizon: float, pano: Floats, lights: Lights) -> None:  # fmt: skip
    """Adds what one column meets of a disc of `radius` pixels at `row`; `x` is where, -1 … 1 from left to right.
    `reach` is pixels for a unit of slope."""
    disc, face = lights.disc, lights.face
    tall, size = radius * disc[SQUASH], face.shape[0]
    for y in range(max(int(row - tall - 1.0), begin), min(int(row + tall) + 2, end)):
        up = (y - row) / tall
        part = min(max((1.0 - math.sqrt(x * x + up * up)) * radius + 0.5, 0.0), 1.0)
        if part <= 0.0:
            continue
        i = min(max((x * 0.5 + 0.5) * size - 0.5, 0.0), size - 1.01)
        j = min(max((up * 0.5 + 0.5) * size - 0.5, 0.0), size - 1.01)
        ii, jj = int(i), int(j)
        a = face[jj, ii] + (face[jj, ii + 1] - face[jj, ii]) * (i - ii)
        b = face[jj + 1, ii] + (face[jj + 1, ii + 1] - face[jj + 1, ii]) * (i - ii)
        clear = clear_at(pano, u, (horizon - y - 0.5) / reach)
        part *= (a + (b - a) * (j - jj)) * clear * clear
        for c in range(3):
            above[y, c] += disc[D_RED + c] * part


@kernel
def sprinkle(above: Floats, begin: int, end: int, heading: float, turn: float, focal: float, horizon: float,
             seconds: float, pano: Floats, turn_min: float, turn_max: float, lights: Lights) -> None:  # fmt: skip
    """Adds stars and disc to rows begin … end of one image column of sky, `above` (rows, 3). The column lies at
    the tangent `turn` from the middle of the frame and at `heading` in the panorama."""
    if end <= begin:
        return
    stars, disc = lights.stars, lights.disc
    reach = focal * math.sqrt(1.0 + turn * turn)
    # Pixels for a unit of heading, here.
    scale = focal * (1.0 + turn * turn) / (1.0 + heading * heading)
    per = (pano.shape[1] - 1.0) / (turn_max - turn_min)
    if stars.shape[0] > 0:
        # A star narrower than a pixel would flicker as it moves: it is drawn wider, and fainter.
        ideal = above.shape[0] / 1440.0
        soft = max(ideal, 0.6)
        gain = 4.8 * ideal / soft
        aside = 2.6 * soft / scale
        number = _first_from(stars, heading - aside)
        while number < stars.shape[0] and stars[number, TURN] <= heading + aside:
            star = stars[number]
            number += 1
            row = horizon - star[SLOPE] * reach - 0.5
            if begin - 3.0 * soft < row < end + 3.0 * soft:
                clear = clear_at(pano, (star[TURN] - turn_min) * per, star[SLOPE])
                wave = math.sin(star[PHASE] * 40.0 + seconds * (7.0 + 5.0 * star[PHASE]))
                shine = clear * clear * (0.82 + 0.18 * wave) * gain
                _add_star(above, begin, end, star, (star[TURN] - heading) * scale, row, shine, soft)
    radius = disc[SIZE] * focal
    off = (heading - disc[D_TURN]) * scale
    if radius > 0.0 and abs(off) < radius + 1.0:
        row = horizon - disc[D_SLOPE] * reach - 0.5
        _add_disc(above, begin, end, off / radius, radius, row, reach, (heading - turn_min) * per, horizon, pano,
                  lights)  # fmt: skip
