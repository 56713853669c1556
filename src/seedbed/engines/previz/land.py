"""Kernels that lay the bare ground of one square map: its heights, and the colours of soil, grass, rock and snow.

A map is `size` × `size` texels of `texel` metres with its lowest corner at (left, low). `lo` and `hi` bound the
columns of each row that any frame can see; nothing else is drawn. The slow fields are worked out on a grid of
`cell` texels, and splines run between its points.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import inlined, kernel
from seedbed.engines.previz.noise import fraction, gradient, scatter
from seedbed.engines.previz.relief import (
    CANYON,
    CLUMP,
    COAST,
    CREST,
    DUNES,
    FIELDS,
    FLOWERS,
    GRAIN,
    GRASS,
    HILL,
    HILLS,
    HUE,
    KIND,
    ONE_SIDED,
    RIDGE,
    SHELF,
    SNOW,
    SNOW_LINE,
    WARP,
    field,
    levelled,
    near_row,
    rise,
    shore_off,
    shore_row,
    strata,
)

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

# Rows of the soil's colours.
LITTER, TURF, GRAVEL, ROCK, SNOWY = range(5)


@kernel
def coarse_fields(out: Floats, cell: int, texel: float, left: float, low: float, shape: Floats, seed: int) -> None:
    """Fills the slow fields (see `relief.field`) on the coarse grid: shape (FIELDS, n, n)."""
    cells = out.shape[1]
    for j in range(cells):
        y = low + (j - 1) * cell * texel
        for i in range(cells):
            x = left + (i - 1) * cell * texel
            for which in range(FIELDS):
                if which != WARP or shape[KIND] != HILLS:
                    out[which, j, i] = field(which, x, y, shape, seed)
                else:
                    out[which, j, i] = 0.0


@kernel
def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    """Cubic B-spline: smooth enough that shading shows no facets."""
    s = 1.0 - t
    return (
        a * s * s * s
        + b * (3.0 * t * t * t - 6.0 * t * t + 4.0)
        + c * (3.0 * s * s * s - 6.0 * s * s + 4.0)
        + d * t * t * t
    ) / 6.0


@kernel
def _weights(cell: int) -> Floats:
    """(cell, 4): what four neighbouring points of a spline count for, at every texel of a cell."""
    out = np.empty((cell, 4), np.float32)
    for i in range(cell):
        t = i / cell
        out[i, 0], out[i, 1] = _spline(1.0, 0.0, 0.0, 0.0, t), _spline(0.0, 1.0, 0.0, 0.0, t)
        out[i, 2], out[i, 3] = _spline(0.0, 0.0, 1.0, 0.0, t), _spline(0.0, 0.0, 0.0, 1.0, t)
    return out


@inlined
def _between(row: Floats, k: int, weight: Floats) -> float:
    """The spline along one row of points, between the points k and k + 1."""
    a, b = row[np.uint64(k - 1)] * weight[0] + row[np.uint64(k)] * weight[1], row[np.uint64(k + 1)] * weight[2]
    return float(a + b + row[np.uint64(k + 2)] * weight[3])


@kernel
def _strips(out: Floats, coarse: Floats, cell: int, j: int, first: int, last: int) -> None:
    """The slow fields along the row `j` of the map, at the columns first … last of the coarse grid."""
    place = j / cell + 1.0
    row = int(place)
    t = place - row
    for which in range(FIELDS):
        for i in range(first, last):
            out[which, i] = _spline(
                coarse[which, row - 1, i], coarse[which, row, i], coarse[which, row + 1, i],
                coarse[which, row + 2, i], t,
            )  # fmt: skip


@kernel
def _fine(kind: float, wild: float, x: float, y: float, texel: float, shape: Floats, grain: float, seed: int) -> float:
    """What the slow fields are too slow for: tufts, wind ripples, soft drifts. Metres."""
    more = (grain - 0.5) * min(texel, 0.5) * 0.5
    if kind == DUNES:
        more *= 0.25
        if texel < 0.34:
            length = max(5.0 * texel, 0.55)
            bend = gradient(x / 9.0, y / 9.0, seed + 81) * 5.0
            more += 0.055 * length * math.sin((0.50 * x + 0.86 * y) * 6.2832 / length + bend)
    elif shape[SNOW] > 0.0:
        more *= 0.3
        if texel < 0.8:
            more += 0.35 * gradient(x / 11.0, y / 6.0, seed + 82) + 0.12 * gradient(x / 3.1, y / 2.3, seed + 83)
    elif shape[GRASS] > 0.0 and texel < 0.5:
        tuft = 0.5 + gradient(x / 2.3, y / 2.3, seed + 84)
        if texel < 0.16:
            # Finer than the map's own lattice, which would stand before the camera in rows.
            tuft = 0.6 * tuft + 0.75 * gradient(x / 0.37 + 0.4 * y, y / 0.37 - 0.4 * x, seed + 86)
        if texel < 0.06:
            tuft = 0.8 * tuft + 0.5 * gradient(x / 0.11 + 0.3 * y, y / 0.11 - 0.3 * x, seed + 87)
        more += shape[GRASS] * wild * (grain * grain * 0.18 + 0.6 * tuft)
    return float(more)


@kernel
def _lay_rows(  # noqa: C901
    height: Floats, colour: Floats, coarse: Floats, cell: int, texel: float, left: float, low: float, size: int,
    lo: Ints, hi: Ints, line: Floats, shape: Floats, grades: Floats, soil: Floats, flowers: Floats, seed: int, strip:
    Floats, near: Ints, weights: Floats,
) -> None:  # fmt: skip
    """As `lay_ground`, with room to work in."""
    cells = coarse.shape[1]
    kind, shingle = shape[KIND], 1.2
    blooms, per = flowers.shape[0], 1.0 / cell
    if kind == COAST:
        shingle = shape[SHELF]
    grainy, one_sided = float(shape[GRAIN]), float(shape[ONE_SIDED])
    for j in range(size):
        if hi[j] <= lo[j]:
            continue
        _strips(strip, coarse, cell, j, max(lo[j] // cell - 1, 0), min(hi[j] // cell + 5, cells))
        y = low + j * texel
        graded = near_row(y, grades, near, 0.0)
        centre, half, slant = shore_row(y, line)
        for i in range(lo[j], hi[j]):
            k = i // cell + 1
            within = i - (k - 1) * cell
            u = within * per
            weight = weights[within]
            hills = _between(strip[HILL], k, weight)
            ridges = _between(strip[CREST], k, weight)
            warp = 0.0
            if kind != HILLS:
                warp = _between(strip[WARP], k, weight)
            rough = strip[CLUMP, k] + (strip[CLUMP, k + 1] - strip[CLUMP, k]) * u
            x = left + i * texel
            away = shore_off(x - centre, half, slant, one_sided)
            at = j * size + i
            bits = scatter(i + int(left / texel), j + int(low / texel), seed)
            grain = (bits & 0xFFFF) / 65535.0
            top = rise(hills, ridges, warp, away, x, y, texel, shape, seed)
            if shape[RIDGE] > 300.0 and top > 60.0:
                crag = abs(gradient(x / 41.0, y / 41.0, seed + 85))
                top += (0.33 - crag) * min((top - 60.0) * 0.16, 26.0)
            for g in range(graded):
                top = levelled(top, x, y, grades[near[g]])
            # From gravel at the water over grass to the litter under the trees.
            wild = min(max((away - 5.0 - 5.0 * rough) / 7.0, 0.0), 1.0)
            stony = min(max(1.0 - (away - shingle - 5.0 * rough) / 2.5, 0.0), 1.0)
            height[at] = top + _fine(kind, (1.0 - stony), x, y, texel, shape, grain, seed)
            shade = 1.0 + grainy * (grain - 0.5)
            if kind == COAST:
                stony *= min(max(1.75 - top * 0.25, 0.0), 1.0)
                # The sand is dark where the last wave ran back.
                shade *= 1.0 - 0.45 * min(max(1.0 - (away - 5.0) / 5.0, 0.0), 1.0)
            if kind == DUNES:
                shade *= 0.94 + 0.12 * hills
            # Between the trees grass comes through the litter.
            wild *= 0.35 + 0.65 * min(max(rough * 3.0 + 0.5, 0.0), 1.0)
            hue = strip[HUE, k] + (strip[HUE, k + 1] - strip[HUE, k]) * u
            lush = 0.84 + 0.32 * hue
            for c in range(3):
                tone = soil[TURF, c] * lush + (soil[LITTER, c] - soil[TURF, c] * lush) * wild
                tone += (soil[GRAVEL, c] - tone) * stony
                colour[at, c] = tone * shade
            if shape[FLOWERS] > 0.0 and stony < 0.5:
                drift = min(max((rough + 0.22 * (hue - 0.5) + 0.09) * 3.2, 0.0), 1.0) * shape[FLOWERS]
                pick = (bits >> 16) / 65535.0
                share = 0.55 * drift
                if texel <= 0.8:
                    share = 1.0 if pick < 0.75 * drift else 0.0
                which = int(min(max(hue * 1.3 - 0.15 + 0.35 * (grain - 0.5), 0.0), 0.999) * blooms)
                for c in range(3):
                    colour[at, c] += (flowers[which, c] * (0.75 + 0.5 * grain) - colour[at, c]) * share


@kernel
def lay_ground(
    height: Floats, colour: Floats, coarse: Floats, cell: int, texel: float, left: float, low: float, size: int,
    lo: Ints, hi: Ints, line: Floats, shape: Floats, grades: Floats, soil: Floats, flowers: Floats, seed: int,
) -> None:  # fmt: skip
    """The bare land: `height` (size*size) and `colour` (size*size, 3), linear light. `soil` holds litter,
    grass, gravel, rock, snow; `flowers` what blooms in drifts."""
    strip, weights = np.zeros((FIELDS, coarse.shape[1]), np.float32), _weights(cell)
    near = np.empty(grades.shape[0] + 1, np.int32)
    _lay_rows(height, colour, coarse, cell, texel, left, low, size, lo, hi, line, shape, grades, soil, flowers, seed,
              strip, near, weights)  # fmt: skip


@kernel
def _lay_rock_rows(
    height: Floats, colour: Floats, coarse: Floats, cell: int, texel: float, left: float, low: float, size: int,
    lo: Ints, hi: Ints, shape: Floats, soil: Floats, bands: Floats, seed: int, rock_tone: Floats,
) -> None:  # fmt: skip
    """As `lay_rock_and_snow`, with room to work in."""
    mottle = 0.1 if shape[KIND] != HILLS else 0.3
    sharp = 0.75
    if shape[KIND] == DUNES:
        sharp = 9.0
    elif shape[KIND] == CANYON:
        sharp = 0.55
    # Over half a metre to both sides: tufts of grass are steep, and no rock.
    wide = max(int(0.6 / texel), 1)
    for j in range(wide, size - wide):
        row = j // cell + 1
        for i in range(max(lo[j], wide), min(hi[j], size - wide)):
            at = j * size + i
            if height[at] < 0.0:
                continue
            dx = height[at + wide] - height[at - wide]
            dy = height[at + wide * size] - height[at - wide * size]
            steep = math.sqrt(dx * dx + dy * dy) / (2.0 * texel * wide)
            grain = fraction(i, j, seed + 3)
            rock = min(max((steep - sharp + 0.3 * grain) / 0.4, 0.0), 1.0)
            rough = coarse[CLUMP, row, i // cell + 1]
            over = min(max((height[at] - shape[SNOW_LINE] + 70.0 * rough + 30.0 * grain) / 60.0, 0.0), 1.0)
            snow = max(over, shape[SNOW]) * min(max(1.5 - steep * 0.9, 0.0), 1.0)
            if rock > 0.0:
                strata(height[at], coarse[WARP, row, i // cell + 1] + rough, bands, rock_tone, seed)
            speck = 0.93 + 0.07 * grain
            if grain > 0.9965 and texel < 0.5:
                speck = 1.9
            for c in range(3):
                tone = colour[at, c]
                if rock > 0.0:
                    tone += (rock_tone[c] * (1.0 + mottle * (grain - 0.5)) - tone) * rock
                tone += (soil[SNOWY, c] * speck - tone) * snow
                colour[at, c] = tone


@kernel
def lay_rock_and_snow(
    height: Floats, colour: Floats, coarse: Floats, cell: int, texel: float, left: float, low: float, size: int,
    lo: Ints, hi: Ints, shape: Floats, soil: Floats, bands: Floats, seed: int,
) -> None:  # fmt: skip
    """Bare rock where the land is steep, scree below it, snow where it is high or the season says so."""
    rock_tone = np.empty(3, np.float32)
    _lay_rock_rows(height, colour, coarse, cell, texel, left, low, size, lo, hi, shape, soil, bands, seed, rock_tone)
