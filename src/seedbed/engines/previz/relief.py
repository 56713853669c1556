"""Kernels that say how high the bare land is: hills, dunes, terraced canyons, a volcano, beaches and cliffs.

Everything is a pure function of world coordinates and the seed, so maps of other texels show the same place.
Heights are metres above the water, and below zero is its bed. The numbers that shape a place lie in one array,
`shape`, whose slots are named here.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.noise import fraction, gradient, layered, ridged

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

LINE_STEP_M = 4.0
LINE_START_M = -1200.0
"""The shore table: row i is y = LINE_START_M + i * LINE_STEP_M and holds (x, half width, cosine, arc length)."""

# Slots of the `shape` numbers.
(
    RELIEF,
    RELIEF_M,
    RIDGE,
    RIDGE_M,
    VALLEY,
    PLAIN,
    DUNE,
    ONE_SIDED,
    TREES,
    EVERGREEN,
    TREE_LINE,
    SNOW_LINE,
    SNOW,
    BACKDROP,
    KIND,
    DEPTH,
    FLOWERS,
    GRASS,
    SIZE,
    PALMS,
    VENT_X,
    VENT_Y,
    VENT_M,
    SHELF,
    GRAIN,
) = range(25)
SLOTS = 25

# Values of the slot KIND.
HILLS, DUNES, CANYON, VOLCANO, COAST = range(5)

# Rows of the coarse fields.
HILL, CREST, CLUMP, HUE, WARP = range(5)
FIELDS = 5

# Columns of the table of graded land: two ends with their heights, the half width that is level, the width over
# which it comes back to the land around, and the distance within which no tree stands.
FROM_X, FROM_Y, FROM_Z, TO_X, TO_Y, TO_Z, HALF, SHOULDER, CLEAR = range(9)


@kernel
def shore_row(y: float, line: Floats) -> tuple[float, float, float]:
    """The water's middle, its half width and its slant at y."""
    place = (y - LINE_START_M) / LINE_STEP_M
    place = min(max(place, 0.0), line.shape[0] - 1.001)
    row = int(place)
    part = place - row
    centre = line[row, 0] + (line[row + 1, 0] - line[row, 0]) * part
    half = line[row, 1] + (line[row + 1, 1] - line[row, 1]) * part
    return centre, half, line[row, 2]


@kernel
def shore_off(aside: float, half: float, slant: float, one_sided: float) -> float:
    """Metres from the water's edge, `aside` of its middle; below zero in the water."""
    if one_sided > 0.5:
        return float(aside * slant)
    off = abs(aside) * slant
    if half < 0.0:
        return math.sqrt(off * off + half * half)
    return float(off - half)


@kernel
def shore(x: float, y: float, line: Floats, one_sided: float) -> float:
    """Metres from the water's edge, below zero in the water."""
    centre, half, slant = shore_row(y, line)
    return shore_off(x - centre, half, slant, one_sided)


@kernel
def field(which: int, x: float, y: float, shape: Floats, seed: int) -> float:
    """One of the slow fields that all else is made of, at a point."""
    if which == HILL:
        return 0.5 + 0.75 * layered(x / shape[RELIEF_M], y / shape[RELIEF_M], 5, seed)
    if which == CREST:
        return float(ridged(x / shape[RIDGE_M], y / shape[RIDGE_M], 7, seed + 11))
    if which == CLUMP:
        return float(layered(x / 130.0, y / 130.0, 3, seed + 23))
    if which == HUE:
        return 0.5 + 0.95 * layered(x / 85.0, y / 85.0, 3, seed + 37)
    if shape[KIND] == CANYON:
        return float(layered(x / 310.0, y / 310.0, 6, seed + 53))
    if shape[KIND] == VOLCANO:
        return float(layered(x / 260.0, y / 260.0, 5, seed + 53))
    return float(layered(x / 260.0, y / 260.0, 3, seed + 53))


@kernel
def _smooth(t: float) -> float:
    t = min(max(t, 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@kernel
def _lower(a: float, b: float, round_: float) -> float:
    """The smaller of two, with the corner between them rounded off."""
    h = max(round_ - abs(a - b), 0.0) / round_
    return min(a, b) - h * h * round_ * 0.25


@kernel
def _ranks(along: float, high: float, length: float, texel: float) -> float:
    """A row of dunes: a long windward back, a crest, and a slip face at the angle at which sand lies."""
    part = along / length - math.floor(along / length)
    back, slip = part / 0.68, (1.0 - part) / 0.32
    crest = _lower(back, slip, 0.06 + 5.0 * texel / length)
    foot = max(crest, 0.0)
    return high * foot * foot * (1.9 - 0.9 * foot)


@kernel
def _dunes(hills: float, warp: float, x: float, y: float, texel: float, shape: Floats) -> float:
    along = -0.50 * x - 0.86 * y + 120.0 * warp
    tall = min(max(0.35 + 0.9 * (hills - 0.25), 0.12), 1.25)
    height = _ranks(along, float(shape[DUNE]) * tall, 170.0, texel)
    side = -0.22 * x - 0.97 * y - 60.0 * warp + 0.35 * height
    small = _ranks(side + 9.0 * hills, 2.4, 41.0, texel)
    return height + small * (1.2 - tall * 0.6)


@kernel
def _terraces(climb: float, steps: float, tread: float) -> float:
    """0 … 1 in steps: level treads, of which each still rises by the share `tread`, between steep faces."""
    place = climb * steps
    floor_ = math.floor(place)
    part = place - floor_
    face = _smooth((part - 0.52) / 0.34)
    return (floor_ + tread * part + (1.0 - tread) * face) / steps


@kernel
def _canyon(
    hills: float, ridges: float, warp: float, away: float, x: float, y: float, shape: Floats, seed: int
) -> float:
    flutes = abs(gradient(x / 46.0, y / 46.0, seed + 61))
    back = away + 95.0 * warp + 26.0 * flutes - 6.0
    wall = float(shape[RIDGE])
    climb = min(max((back - 14.0) / shape[VALLEY], 0.0), 1.0)
    height = wall * _terraces(climb, 5.0, 0.12)
    talus = 16.0 * _smooth((back - 2.0) / 40.0) * (1.0 - _smooth((back - 40.0) / 60.0))
    height = max(height, talus * (0.5 + flutes))
    # Table mountains stand on the plateau.
    table = _smooth((ridges * 1.25 + hills * 0.35 - 0.78) / 0.16) * _smooth((away - shape[VALLEY] - 60.0) / 160.0)
    height += table * 95.0 * (0.35 + 0.65 * _terraces(min(table * 0.999, 1.0), 3.0, 0.1))
    return float(height + shape[RELIEF] * (hills - 0.3) * _smooth((away - shape[VALLEY]) / 300.0))


@kernel
def bearing(x: float, y: float, shape: Floats) -> float:
    """The angle around the volcano, 0 on the side of the camera, in radians."""
    return float(math.atan2(x - shape[VENT_X], shape[VENT_Y] - y))


@kernel
def _volcano(hills: float, warp: float, x: float, y: float, shape: Floats, seed: int) -> float:
    """What the cone adds to the land: concave flanks with gullies, a ragged rim, a bowl."""
    dx, dy = x - shape[VENT_X], y - shape[VENT_Y]
    far = math.sqrt(dx * dx + dy * dy)
    spread = shape[VENT_M] * 2.3
    if far > spread:
        return 0.0
    away = far * (1.0 + 0.10 * warp)
    share = max(1.0 - away / spread, 0.0)
    height = shape[VENT_M] * share**2.3
    turn = bearing(x, y, shape)
    gully = 1.0 - abs(gradient(turn * 7.0 + warp * 0.5, away / 420.0, seed + 67))
    fine = 1.0 - abs(gradient(turn * 19.0 + warp, away / 190.0, seed + 68))
    height += shape[VENT_M] * (0.085 * (gully - 0.7) + 0.03 * (fine - 0.7)) * share * (1.0 - share) * 4.0
    rim = shape[VENT_M] * 0.17
    lip = shape[VENT_M] * (1.0 - rim / spread) ** 2.3 + 14.0 * warp * math.cos(turn * 2.0 + 1.0)
    lip -= 26.0 * math.exp(-((turn + 0.15) ** 2) * 9.0)
    bowl = lip - (rim - away) * 1.1
    height = min(height, lip)
    if away < rim:
        height = max(min(height, bowl), lip - 60.0)
    return float(height)


@kernel
def _coast(hills: float, warp: float, away: float, x: float, y: float, shape: Floats, seed: int) -> float:
    """A beach that rises to the foot of cliffs, or, where there are none, to a low dune ridge."""
    beach = shape[PLAIN] * away / (1.0 + away * 0.004)
    if away > shape[SHELF] + 90.0:
        return float(beach + 2.5 + (16.0 + 28.0 * hills) * _smooth((warp - 0.02 + 0.10 * (hills - 0.5)) / 0.16))
    cliffs = _smooth((warp - 0.02 + 0.10 * (hills - 0.5)) / 0.16)
    foot = shape[SHELF] * (0.75 - 0.45 * cliffs) + 10.0 * hills
    foot += 15.0 * gradient(x / 37.0, y / 37.0, seed + 63) + 5.0 * gradient(x / 11.0, y / 11.0, seed + 64)
    high = (16.0 + 28.0 * hills) * cliffs
    steep = 10.0 + 34.0 * (1.0 - cliffs)
    return float(beach + (high + 2.5) * _smooth((away - foot) / steep))


@kernel
def rise(
    hills: float, ridges: float, warp: float, away: float, x: float, y: float, texel: float, shape: Floats, seed: int
) -> float:
    """Height of the bare land `away` metres from the water. `texel` is the size below which shapes are left out."""
    kind = shape[KIND]
    if away < 0.0:
        if away < -600.0:
            return -float(shape[DEPTH])
        if kind == COAST:
            return float(shape[PLAIN] * max(away, -3.0) - shape[DEPTH] * (1.0 - math.exp(away * 0.011)) - 0.02)
        return -float(shape[DEPTH]) * (1.0 - math.exp(away * 0.16)) - 0.05
    if kind == CANYON:
        bank = 1.3 * (1.0 - math.exp(-away * 0.35))
        return bank + _canyon(hills, ridges, warp, away, x, y, shape, seed)
    slope = _smooth(away / shape[VALLEY])
    if kind == COAST:
        height = _coast(hills, warp, away, x, y, shape, seed)
        slope = _smooth((away - 60.0) / shape[VALLEY])
        height += slope * float(shape[RELIEF]) * hills
    else:
        bank = 1.3 + float(shape[PLAIN]) * away
        if away < 22.0:
            bank -= 1.3 * math.exp(-away * 0.35)
        height = bank + slope * float(shape[RELIEF]) * hills
    wall = _smooth((away - shape[VALLEY] * 0.5) / (shape[VALLEY] * 3.0))
    height += wall * float(shape[RIDGE]) * ridges
    behind = _smooth((y - 1300.0) / 3800.0)
    height += behind * float(shape[BACKDROP]) * (0.25 + ridges) * (0.4 + 0.6 * slope)
    if kind == DUNES:
        height += (0.35 + 0.65 * slope) * _dunes(hills, warp, x, y, texel, shape)
    elif kind == VOLCANO:
        height += _volcano(hills, warp, x, y, shape, seed)
    return float(height)


@kernel
def bare(x: float, y: float, line: Floats, shape: Floats, grades: Floats, seed: int) -> float:
    """The land at one point, in metres, with what was levelled; below zero it is a bed."""
    away = shore(x, y, line, shape[ONE_SIDED])
    hills, ridges = field(HILL, x, y, shape, seed), field(CREST, x, y, shape, seed)
    height = rise(hills, ridges, field(WARP, x, y, shape, seed), away, x, y, 0.25, shape, seed)
    for k in range(grades.shape[0]):
        height = levelled(height, x, y, grades[k])
    return float(height)


@kernel
def beside(x: float, y: float, grade: Floats) -> tuple[float, float]:
    """Metres from the line of a grade, and the height it has there."""
    dx, dy = grade[TO_X] - grade[FROM_X], grade[TO_Y] - grade[FROM_Y]
    ux, uy = x - grade[FROM_X], y - grade[FROM_Y]
    span = dx * dx + dy * dy
    part = min(max((ux * dx + uy * dy) / max(span, 1e-6), 0.0), 1.0)
    ux, uy = ux - part * dx, uy - part * dy
    return math.sqrt(ux * ux + uy * uy), grade[FROM_Z] + (grade[TO_Z] - grade[FROM_Z]) * part


@kernel
def levelled(height: float, x: float, y: float, grade: Floats) -> float:
    """The height of the land once this grade is cut into it or heaped upon it."""
    if grade[HALF] < 0.0:
        return height
    off, level = beside(x, y, grade)
    share = 1.0 - _smooth((off - grade[HALF]) / max(grade[SHOULDER], 0.1))
    return float(height + (level - height) * share)


@kernel
def is_clear(x: float, y: float, grades: Floats, near: Ints, count: int, margin: float) -> bool:
    """Whether trees must keep away from a point, by the first `count` grades that `near` lists."""
    for k in range(count):
        grade = grades[near[k]]
        if beside(x, y, grade)[0] < grade[CLEAR] + margin:
            return True
    return False


@kernel
def near_row(y: float, grades: Floats, near: Ints, margin: float) -> int:
    """Lists the grades that touch the row `y` into `near`. Returns how many."""
    count = 0
    for k in range(grades.shape[0]):
        reach = max(grades[k, HALF] + grades[k, SHOULDER], grades[k, CLEAR]) + margin
        if min(grades[k, FROM_Y], grades[k, TO_Y]) - reach < y < max(grades[k, FROM_Y], grades[k, TO_Y]) + reach:
            near[count] = k
            count += 1
    return count


@kernel
def strata(height: float, warp: float, bands: Floats, out: Floats, seed: int) -> None:
    """The colour of rock laid down in beds, at a height, into `out`. `bands` (n, 3) is its palette."""
    deep = height + 5.0 * warp
    for c in range(3):
        out[c] = 0.0
    for octave in range(2):
        thick = 7.5 if octave == 0 else 1.9
        place = deep / thick
        bed = math.floor(place)
        part = min(max((place - bed - 0.86) / 0.14, 0.0), 1.0)
        weight = 0.68 if octave == 0 else 0.32
        for side in range(2):
            share = weight * (part if side == 1 else 1.0 - part)
            which = int(fraction(int(bed) + side, octave, seed + 71) * (bands.shape[0] - 0.001))
            for c in range(3):
                out[c] += bands[which, c] * share
