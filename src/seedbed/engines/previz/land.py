"""Kernels that bake one square map of the land: its shape, its trees, and the light that falls on them.

A map is `size` × `size` texels of `texel` metres with its lowest corner at (left, low). Everything is a pure
function of world coordinates and the seed, so maps of other texels show the same place. `lo` and `hi` bound
the columns of each row that any frame can see; nothing else is drawn. Heights are metres above the water, and
below zero is its bed.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.noise import fraction, gradient, layered, ridged, scatter

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Words = NDArray[np.int64]

COARSE = 8
"""Texels for one cell of the coarse fields."""
TILE = 32
TILE_TEXELS = (TILE + 1) * (TILE + 1)
LINE_STEP_M = 4.0
LINE_START_M = -1200.0
"""The shore table: row i is y = LINE_START_M + i * LINE_STEP_M and holds (x, half width, cosine, arc length)."""

# Slots of the `ground` numbers: what shapes the land.
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
    (BACKDROP),
    BLOSSOM,
    DEPTH,
) = range(16)


@kernel
def shore(x: float, y: float, line: Floats, one_sided: float) -> float:
    """Metres from the water's edge, below zero in the water."""
    place = (y - LINE_START_M) / LINE_STEP_M
    place = min(max(place, 0.0), line.shape[0] - 1.001)
    row = int(place)
    part = place - row
    centre = line[row, 0] + (line[row + 1, 0] - line[row, 0]) * part
    half = line[row, 1] + (line[row + 1, 1] - line[row, 1]) * part
    slant = line[row, 2]
    if one_sided > 0.5:
        return float((x - centre) * slant)
    return float(abs(x - centre) * slant - half)


@kernel
def coarse_fields(out: Floats, texel: float, left: float, low: float, ground: Floats, seed: int) -> None:
    """Fills hills, ridges, clumps (of trees) and hues on the coarse grid: shape (4, n, n)."""
    cells = out.shape[1]
    for j in range(cells):
        y = low + (j - 1) * COARSE * texel
        for i in range(cells):
            x = left + (i - 1) * COARSE * texel
            out[0, j, i] = 0.5 + 0.75 * layered(x / ground[RELIEF_M], y / ground[RELIEF_M], 5, seed)
            out[1, j, i] = ridged(x / ground[RIDGE_M], y / ground[RIDGE_M], 7, seed + 11)
            out[2, j, i] = layered(x / 130.0, y / 130.0, 3, seed + 23)
            out[3, j, i] = 0.5 + 0.95 * layered(x / 85.0, y / 85.0, 3, seed + 37)


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
def rise(hills: float, ridges: float, away: float, x: float, y: float, ground: Floats) -> float:
    """Height of the bare land `away` metres from the water."""
    if away < 0.0:
        return -float(ground[DEPTH]) * (1.0 - math.exp(away * 0.16)) - 0.05
    bank = 1.3 * (1.0 - math.exp(-away * 0.35)) + float(ground[PLAIN]) * away
    slope = min(away / ground[VALLEY], 1.0)
    slope = slope * slope * (3.0 - 2.0 * slope)
    height = bank + slope * float(ground[RELIEF]) * hills
    wall = min(max((away - ground[VALLEY] * 0.5) / (ground[VALLEY] * 3.0), 0.0), 1.0)
    wall = wall * wall * (3.0 - 2.0 * wall)
    height += wall * float(ground[RIDGE]) * ridges
    behind = min(max((y - 1300.0) / 3800.0, 0.0), 1.0)
    height += behind * behind * (3.0 - 2.0 * behind) * float(ground[BACKDROP]) * (0.25 + ridges) * (0.4 + 0.6 * slope)
    if ground[DUNE] > 0.0:
        warp = 30.0 * hills
        crest = 1.0 - abs(gradient((x + warp) / 150.0, (y + warp * 2.0) / 70.0, 5))
        height += float(ground[DUNE]) * slope * crest * crest * crest
    return float(height)


@kernel
def lay_ground(
    height: Floats, colour: Floats, coarse: Floats, texel: float, left: float, low: float, size: int,
    lo: Ints, hi: Ints, line: Floats, ground: Floats, soil: Floats, seed: int,
) -> None:  # fmt: skip
    """The bare land: `height` (size*size) and `colour` (size*size, 3), linear light. `soil` holds litter,
    grass, gravel, rock, snow."""
    cells = coarse.shape[1]
    strip = np.empty((2, cells), np.float32)
    for j in range(size):
        if hi[j] <= lo[j]:
            continue
        place = j / COARSE + 1.0
        row = int(place)
        t = place - row
        for i in range(max(lo[j] // COARSE - 1, 0), min(hi[j] // COARSE + 5, cells)):
            for which in range(2):
                strip[which, i] = _spline(
                    coarse[which, row - 1, i], coarse[which, row, i], coarse[which, row + 1, i],
                    coarse[which, row + 2, i], t,
                )  # fmt: skip
        y = low + j * texel
        for i in range(lo[j], hi[j]):
            place = i / COARSE + 1.0
            k = int(place)
            u = place - k
            hills = _spline(strip[0, k - 1], strip[0, k], strip[0, k + 1], strip[0, k + 2], u)
            ridges = _spline(strip[1, k - 1], strip[1, k], strip[1, k + 1], strip[1, k + 2], u)
            x = left + i * texel
            away = shore(x, y, line, ground[ONE_SIDED])
            at = j * size + i
            grain = fraction(i + int(left / texel), j + int(low / texel), seed)
            rough = coarse[2, row, k]
            bumps = (grain - 0.5) * min(texel, 0.5) * 0.5
            height[at] = rise(hills, ridges, away, x, y, ground) + bumps
            # From gravel at the water over grass to the litter under the trees.
            wild = min(max((away - 5.0 - 5.0 * rough) / 7.0, 0.0), 1.0)
            stony = min(max(1.0 - (away - 1.2 - 5.0 * rough) / 2.5, 0.0), 1.0)
            shade = 0.62 + 0.76 * grain
            for c in range(3):
                tone = soil[1, c] + (soil[0, c] - soil[1, c]) * wild
                tone += (soil[2, c] - tone) * stony
                colour[at, c] = tone * shade


@kernel
def lay_rock_and_snow(
    height: Floats, colour: Floats, texel: float, size: int, lo: Ints, hi: Ints, ground: Floats, soil: Floats,
    seed: int,
) -> None:  # fmt: skip
    """Bare rock where the land is steep, snow where it is high or the season says so."""
    for j in range(1, size - 1):
        for i in range(max(lo[j], 1), min(hi[j], size - 1)):
            at = j * size + i
            if height[at] < 0.0:
                continue
            dx = height[at + 1] - height[at - 1]
            dy = height[at + size] - height[at - size]
            steep = math.sqrt(dx * dx + dy * dy) / (2.0 * texel)
            grain = fraction(i, j, seed + 3)
            rock = min(max((steep - 0.75 + 0.3 * grain) / 0.4, 0.0), 1.0)
            over = min(max((height[at] - ground[SNOW_LINE] + 50.0 * grain) / 60.0, 0.0), 1.0)
            snow = max(over, ground[SNOW]) * min(max(1.5 - steep * 0.9, 0.0), 1.0)
            for c in range(3):
                tone = colour[at, c]
                tone += (soil[3, c] * (0.7 + 0.6 * grain) - tone) * rock
                tone += (soil[4, c] * (0.93 + 0.07 * grain) - tone) * snow
                colour[at, c] = tone


@kernel
def _dome(
    height: Floats, colour: Floats, size: int, texel: float, left: float, low: float, lo: Ints, hi: Ints,
    x: float, y: float, base: float, radius: float, tall: float, spiky: float, red: float, green: float,
    blue: float, seed: int,
) -> None:  # fmt: skip
    """One lobe of a crown, or a whole conifer: raises the land under it and colours it."""
    u, v = (x - left) / texel, (y - low) / texel
    reach = radius / texel
    for j in range(max(int(v - reach), 0), min(int(v + reach) + 2, size)):
        for i in range(max(int(u - reach), lo[j]), min(int(u + reach) + 2, hi[j])):
            dx, dy = (i - u) / reach, (j - v) / reach
            far = dx * dx + dy * dy
            if far >= 1.0:
                continue
            bits = scatter(i, j, seed)
            leaf = (bits & 0xFFFF) / 65535.0
            if spiky > 0.5:
                span = math.sqrt(far)
                fringe = 0.12 * math.sin(math.atan2(dy, dx) * 9.0 + span * 7.0)
                top = base + tall * max(1.0 - span * (1.0 + fringe), 0.0) + (leaf - 0.5) * 0.3
            else:
                top = base + tall * math.sqrt(1.0 - far) + (leaf - 0.5) * 0.40
            at = j * size + i
            if top > height[at]:
                height[at] = top
                shade = 0.70 + 0.60 * ((bits >> 16) / 65535.0)
                colour[at, 0] = red * shade
                colour[at, 1] = green * shade
                colour[at, 2] = blue * (1.7 - shade * 0.7) * shade


@kernel
def plant(
    height: Floats, colour: Floats, bare: Floats, coarse: Floats, texel: float, left: float, low: float,
    size: int, lo: Ints, hi: Ints, line: Floats, ground: Floats, crowns: Floats, cell_m: float, lobes: int,
    seed: int,
) -> int:  # fmt: skip
    """Sets a tree in every cell of a jittered grid that wants one. `crowns` is a palette in order of hue; its
    first row is the evergreen's. Returns the number of trees."""
    count = 0
    first_i, first_j = math.floor(left / cell_m) - 1, math.floor(low / cell_m) - 1
    across = int(size * texel / cell_m) + 3
    shades = crowns.shape[0]
    for gj in range(first_j, first_j + across):
        for gi in range(first_i, first_i + across):
            x = (gi + 0.15 + 0.7 * fraction(gi, gj, seed)) * cell_m
            y = (gj + 0.15 + 0.7 * fraction(gi, gj, seed + 1)) * cell_m
            i, j = int((x - left) / texel), int((y - low) / texel)
            if i < 1 or j < 1 or i >= size - 1 or j >= size - 1 or i < lo[j] or i >= hi[j]:
                continue
            base = bare[j * size + i]
            away = shore(x, y, line, ground[ONE_SIDED])
            if away < 2.5 or base > ground[TREE_LINE]:
                continue
            slope = bare[j * size + i + 1] - base
            rise_y = bare[(j + 1) * size + i] - base
            if slope * slope + rise_y * rise_y > (1.1 * texel) ** 2:
                continue
            clump = coarse[2, j // COARSE + 1, i // COARSE + 1]
            edge = min(max((away - 3.0) / 14.0, 0.0), 1.0)
            chance = ground[TREES] + clump * 1.1 - 0.25 * (1.0 - edge)
            if fraction(gi, gj, seed + 2) > chance:
                continue
            count += 1
            luck = fraction(gi, gj, seed + 3)
            vigour = fraction(gi, gj, seed + 4) * (0.65 + 0.35 * edge)
            hue = coarse[3, j // COARSE + 1, i // COARSE + 1] + (luck - 0.5) * 0.55
            wild = fraction(gi, gj, seed + 5)
            tint = 0.80 + 0.40 * fraction(gi, gj, seed + 6)
            if wild < ground[EVERGREEN] + 0.55 * max(-clump, 0.0) * ground[EVERGREEN] * 4.0:
                tall, radius = 9.0 + 8.0 * vigour, 1.7 + 1.0 * vigour
                _dome(height, colour, size, texel, left, low, lo, hi, x, y, base, max(radius, texel * 1.2), tall,
                      1.0, crowns[0, 0] * tint, crowns[0, 1] * tint, crowns[0, 2] * tint, seed)  # fmt: skip
                continue
            place = min(max(hue, 0.0), 0.999) * (shades - 1)
            which = 1 + int(place)
            red, green, blue = crowns[which, 0] * tint, crowns[which, 1] * tint, crowns[which, 2] * tint
            radius, tall = 2.3 + 1.9 * vigour, (7.5 + 4.5 * vigour + 3.0 * clump) * (0.5 + 0.5 * edge)
            _dome(height, colour, size, texel, left, low, lo, hi, x, y, base, max(radius * 1.35, texel),
                  tall * 0.74, 0.0, red * 0.62, green * 0.66, blue * 0.62, seed + 91)  # fmt: skip
            _dome(height, colour, size, texel, left, low, lo, hi, x, y, base + tall - radius * 1.2,
                  max(radius * 0.9, texel), radius, 0.0, red * 0.86, green * 0.86, blue * 0.86, seed)  # fmt: skip
            for lobe in range(lobes):
                turn = 6.2832 * fraction(gi * 17 + lobe, gj, seed + 7)
                off = radius * 1.12 * math.sqrt(fraction(gi * 17 + lobe, gj, seed + 8))
                part = radius * (0.26 + 0.24 * fraction(gi * 17 + lobe, gj, seed + 9))
                top = tall - radius * 1.05 * (off / radius) ** 2 - part * 0.75
                glow = 0.80 + 0.40 * fraction(gi * 17 + lobe, gj, seed + 10)
                _dome(height, colour, size, texel, left, low, lo, hi, x + off * math.cos(turn),
                      y + off * math.sin(turn), base + top, part, part, 0.0, red * glow, green * glow,
                      blue * glow, seed + lobe)  # fmt: skip
    return count


@kernel
def plant_far(
    height: Floats, colour: Floats, coarse: Floats, texel: float, left: float, low: float, size: int,
    lo: Ints, hi: Ints, line: Floats, ground: Floats, crowns: Floats, seed: int,
) -> None:  # fmt: skip
    """Where a texel is as large as a tree: each texel of forest is one crown."""
    shades = crowns.shape[0]
    for j in range(1, size - 1):
        for i in range(max(lo[j], 1), min(hi[j], size - 1)):
            at = j * size + i
            base = height[at]
            away = shore(left + i * texel, low + j * texel, line, ground[ONE_SIDED])
            if away < 6.0 or base > ground[TREE_LINE]:
                continue
            clump = coarse[2, j // COARSE + 1, i // COARSE + 1]
            if fraction(i, j, seed + 2) > ground[TREES] + clump * 1.1:
                continue
            height[at] = base + 9.0 + 1.4 * fraction(i, j, seed + 4)
            hue = coarse[3, j // COARSE + 1, i // COARSE + 1] + (fraction(i, j, seed + 3) - 0.5) * 0.55
            which = 1 + int(min(max(hue, 0.0), 0.999) * (shades - 1))
            if fraction(i, j, seed + 5) < ground[EVERGREEN] + 2.2 * max(-clump, 0.0) * ground[EVERGREEN]:
                which = 0
            tint = 0.75 + 0.4 * fraction(i, j, seed + 6)
            for c in range(3):
                colour[at, c] = crowns[which, c] * tint


@kernel
def blur(source: Floats, out: Floats, size: int, reach: int) -> None:
    """Box blur of (2 * reach + 1)², in two running sums. Each row and column is summed in one fixed order."""
    middle = np.empty(size * size, np.float32)
    share = 1.0 / (2 * reach + 1)
    for j in range(size):
        start = j * size
        total = float(source[start]) * (reach + 1)
        for i in range(reach):
            total += source[start + i]
        for i in range(size):
            total += source[start + min(i + reach, size - 1)]
            middle[start + i] = total * share
            total -= source[start + max(i - reach, 0)]
    sums = np.empty(size, np.float64)
    for i in range(size):
        sums[i] = float(middle[i]) * (reach + 1)
    for j in range(reach):
        for i in range(size):
            sums[i] += middle[j * size + i]
    for j in range(size):
        below, above = min(j + reach, size - 1) * size, max(j - reach, 0) * size
        for i in range(size):
            sums[i] += middle[below + i]
            out[j * size + i] = sums[i] * share
            sums[i] -= middle[above + i]


@kernel
def cast_shadows(height: Floats, shade: Floats, size: int, texel: float, sun: Floats) -> None:
    """`shade` becomes 1 in sunlight and 0 in shadow, by sweeping away from the sun row by row."""
    along_y = abs(sun[1]) >= abs(sun[0])
    major, minor = (sun[1], sun[0]) if along_y else (sun[0], sun[1])
    stride, step = (size, 1) if along_y else (1, size)
    shift = minor / abs(major)
    flat = math.sqrt(sun[0] * sun[0] + sun[1] * sun[1])
    drop = texel * math.sqrt(1.0 + shift * shift) * sun[2] / flat
    last = np.empty(size, np.float32)
    line = np.empty(size, np.float32)
    first = size - 1 if major > 0 else 0
    for i in range(size):
        last[i] = height[first * stride + i * step]
        shade[first * stride + i * step] = 1.0
    soft = 1.0 / (0.35 + 0.6 * texel)
    for turn in range(1, size):
        j = first - turn if major > 0 else turn
        for i in range(size):
            at = j * stride + i * step
            place = min(max(i + shift, 0.0), size - 1.001)
            k = int(place)
            roof = last[k] + (last[k + 1] - last[k]) * (place - k) - drop
            over = (roof - max(height[at], 0.0)) * soft
            shade[at] = 1.0 - min(max(over, 0.0), 1.0)
            line[i] = max(roof, height[at])
        last, line = line, last


def tiled_texels(size: int) -> int:
    """Texels of a map of `size` × `size` in tiles."""
    return int((-(-size // TILE)) ** 2 * TILE_TEXELS)


@kernel
def pack(red: float, green: float, blue: float) -> int:
    """Linear light 0 … 4 as three times 11 bits of its square root (which spends them as the eye does), each in
    a field of 21, so that one multiplication can weigh all three."""
    r = int(min(math.sqrt(max(red, 0.0)) * 1023.5, 2047.0))
    g = int(min(math.sqrt(max(green, 0.0)) * 1023.5, 2047.0))
    b = int(min(math.sqrt(max(blue, 0.0)) * 1023.5, 2047.0))
    return (r << 42) | (g << 21) | b


@kernel
def light(
    height: Floats, colour: Floats, near: Floats, wide: Floats, shade: Floats, heights: Floats, packed: Words,
    size: int, texel: float, lo: Ints, hi: Ints, sun: Floats, lamp: Floats, occlusion: float,
) -> None:  # fmt: skip
    """Sunlight, skylight and the light that leaves let through, into `packed`. `lamp` holds the colours of sun,
    sky and bounce; `near` and `wide` are blurred heights: what rises over them sees more of the sky.

    `heights` and `packed` are written in tiles of `TILE` texels a side, each with the first row and column of the
    next: a march over the land then stays in a few memory pages, and no blend of four texels crosses a tile.
    """
    across = -(-size // TILE)
    for at_tile in range(across * across):
        jb, ib = at_tile // across * TILE, at_tile % across * TILE
        for j in range(jb, min(jb + TILE + 1, size)):
            down, up = max(j - 1, 0) * size, min(j + 1, size - 1) * size
            for i in range(max(lo[j], ib), min(hi[j], ib + TILE + 1)):
                at = j * size + i
                west, east = j * size + max(i - 1, 0), j * size + min(i + 1, size - 1)
                nx = (height[west] - height[east]) / (2.0 * texel)
                ny = (height[down + i] - height[up + i]) / (2.0 * texel)
                inverse = 1.0 / math.sqrt(nx * nx + ny * ny + 1.0)
                facing = (nx * sun[0] + ny * sun[1] + sun[2]) * inverse
                open_near = min(max(1.0 + (height[at] - near[at]) * 0.34 * occlusion, 0.22), 1.3)
                open_wide = min(max(1.0 + (height[at] - wide[at]) * 0.055 * occlusion, 0.35), 1.12)
                sky = open_near * open_wide
                direct = max(facing * 0.94 + 0.06, 0.0) * shade[at] * min(sky * 1.1, 1.0)
                above = (0.55 + 0.45 * inverse) * sky
                through = 0.16 * shade[at] * sky
                warm, side = direct + through, 1.0 - inverse
                r = colour[at, 0] * (lamp[0, 0] * warm + lamp[1, 0] * above + lamp[2, 0] * side)
                g = colour[at, 1] * (lamp[0, 1] * warm + lamp[1, 1] * above + lamp[2, 1] * side)
                b = colour[at, 2] * (lamp[0, 2] * direct + lamp[1, 2] * above + lamp[2, 2] * side)
                spot = at_tile * TILE_TEXELS + (j - jb) * (TILE + 1) + i - ib
                packed[spot] = pack(r, g, b)
                heights[spot] = height[at]
