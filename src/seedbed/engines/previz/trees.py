"""Kernels that plant one map of the land: broad crowns built of lobes, conifers, palms, and forests far away.

Trees stand in the cells of a jittered grid that want one, so maps of other texels hold the same trees.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.noise import fraction, scatter
from seedbed.engines.previz.relief import (
    CLUMP,
    COAST,
    EVERGREEN,
    HUE,
    KIND,
    ONE_SIDED,
    PALMS,
    SHELF,
    SIZE,
    SNOW,
    TREE_LINE,
    TREES,
    is_clear,
    near_row,
    shore,
)

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

BROAD, SPIRE, FROND = range(3)


@kernel
def _dome(
    height: Floats, colour: Floats, size: int, texel: float, left: float, low: float, lo: Ints, hi: Ints,
    x: float, y: float, base: float, radius: float, tall: float, kind: int, red: float, green: float,
    blue: float, frost: float, seed: int,
) -> None:  # fmt: skip
    """One lobe of a crown, a whole conifer, or a head of fronds: raises the land under it and colours it. `frost`
    is the share of it that snow lies on."""
    u, v = (x - left) / texel, (y - low) / texel
    reach = radius / texel
    # Leaves are as large on fine maps as on others, and rise as far over each other as they are large.
    leaves = max(int(0.24 / texel), 1)
    uneven = 1.6 * min(leaves * texel, 0.25)
    inverse = 1.0 / reach
    for j in range(max(int(v - reach), 0), min(int(v + reach) + 2, size)):
        dy = (j - v) * inverse
        half = reach * math.sqrt(max(1.0 - dy * dy, 0.0))
        row = j // leaves
        for i in range(max(math.ceil(u - half), lo[j]), min(math.floor(u + half) + 1, hi[j])):
            dx = (i - u) * inverse
            far = dx * dx + dy * dy
            if far >= 1.0:
                continue
            at = np.uint64(j * size + i)
            # Most of a lobe lies within others: no leaf of it rises so high.
            if base + tall * (1.0 - 0.5 * far) + uneven * 0.5 <= height[at]:
                continue
            bits = scatter(i // leaves, row, seed)
            leaf = (bits & 0xFFFF) / 65535.0
            if kind == BROAD:
                top = base + tall * math.sqrt(1.0 - far) + (leaf - 0.5) * uneven * (1.0 - far)
            elif kind == SPIRE:
                span = math.sqrt(far)
                turn = math.atan2(dy, dx)
                # Boughs in whorls, drooping towards their tips.
                fringe = 0.12 * math.sin(turn * 9.0 + span * 7.0) + 0.10 * math.sin(span * 26.0 + turn * 2.0)
                top = base + tall * max(1.0 - span * (1.0 + fringe), 0.0) + (leaf - 0.5) * uneven * 0.6
            else:
                span = math.sqrt(far)
                rib = math.cos(math.atan2(dy, dx) * 9.0 + seed % 7 + 0.8 * span)
                if rib < span * 1.5 - 0.6:
                    continue
                top = base + tall * (1.0 - 0.8 * far)
            if top > height[at]:
                height[at] = top
                # Leaves differ on top; on the sides each would be drawn out into a streak.
                shade = 1.0 + 0.60 * ((bits >> 16) / 65535.0 - 0.5) * (1.0 - 0.6 * far)
                if kind == BROAD:
                    shade *= 1.0 - 0.42 * far * far
                white = frost * min(max(1.15 * leaf + 0.35 - 0.6 * far, 0.0), 1.0)
                colour[at, 0] = red * shade + (0.88 - red * shade) * white
                colour[at, 1] = green * shade + (0.90 - green * shade) * white
                blue_ = blue * (1.7 - shade * 0.7) * shade
                colour[at, 2] = blue_ + (0.95 - blue_) * white


@kernel
def _broadleaf(
    height: Floats, colour: Floats, size: int, texel: float, left: float, low: float, lo: Ints, hi: Ints,
    x: float, y: float, base: float, radius: float, tall: float, red: float, green: float, blue: float,
    frost: float, lobes: int, gi: int, gj: int, seed: int,
) -> None:  # fmt: skip
    """A body in the shade of its own leaves, a top, and lobes all around."""
    _dome(height, colour, size, texel, left, low, lo, hi, x, y, base, max(radius * 1.35, texel), tall * 0.74, BROAD,
          red * 0.62, green * 0.66, blue * 0.62, frost * 0.5, seed + 91)  # fmt: skip
    _dome(height, colour, size, texel, left, low, lo, hi, x, y, base + tall - radius * 1.2,
          max(radius * 0.9, texel), radius, BROAD, red * 0.86, green * 0.86, blue * 0.86, frost, seed)  # fmt: skip
    share = min(12.0 / max(lobes, 1), 1.0) ** 0.35
    for lobe in range(lobes):
        turn = 6.2832 * fraction(gi * 37 + lobe, gj, seed + 7)
        off = radius * 1.16 * math.sqrt(fraction(gi * 37 + lobe, gj, seed + 8))
        part = radius * (0.26 + 0.24 * fraction(gi * 37 + lobe, gj, seed + 9)) * share
        top = tall - radius * 1.05 * (off / radius) ** 2 - part * 0.75
        glow = 0.80 + 0.40 * fraction(gi * 37 + lobe, gj, seed + 10)
        _dome(height, colour, size, texel, left, low, lo, hi, x + off * math.cos(turn), y + off * math.sin(turn),
              base + top, part, part, BROAD, red * glow, green * glow, blue * glow, frost, seed + lobe)  # fmt: skip


@kernel
def _plant_each(  # noqa: C901
    height: Floats, colour: Floats, bare: Floats, coarse: Floats, cell: int, texel: float, left: float, low: float,
    size: int, lo: Ints, hi: Ints, line: Floats, shape: Floats, grades: Floats, crowns: Floats, lobes: int, seed: int,
    near: Ints,
) -> int:  # fmt: skip
    """As `plant`, with room to work in."""
    count = 0
    scale = float(shape[SIZE])
    spacing = 4.3 * scale
    first_i, first_j = math.floor(left / spacing) - 1, math.floor(low / spacing) - 1
    across = int(size * texel / spacing) + 3
    shades = crowns.shape[0] - 1
    dry_m, wide = 2.5, max(int(1.0 / texel), 1)
    if shape[KIND] == COAST:
        dry_m = shape[SHELF] * 0.9
    for gj in range(first_j, first_j + across):
        listed = near_row((gj + 0.5) * spacing, grades, near, 2.0 * spacing)
        for gi in range(first_i, first_i + across):
            x = (gi + 0.15 + 0.7 * fraction(gi, gj, seed)) * spacing
            y = (gj + 0.15 + 0.7 * fraction(gi, gj, seed + 1)) * spacing
            i, j = int((x - left) / texel), int((y - low) / texel)
            if i < 1 or j < 1 or i >= size - wide or j >= size - wide or i < lo[j] or i >= hi[j]:
                continue
            base = bare[j * size + i]
            away = shore(x, y, line, shape[ONE_SIDED])
            if away < dry_m or base > shape[TREE_LINE]:
                continue
            slope = bare[j * size + i + wide] - base
            rise_y = bare[(j + wide) * size + i] - base
            if slope * slope + rise_y * rise_y > (1.1 * texel * wide) ** 2:
                continue
            clump = coarse[CLUMP, j // cell + 1, i // cell + 1]
            edge = min(max((away - dry_m - 0.5) / 14.0, 0.0), 1.0)
            thin = min(max((base - shape[TREE_LINE] * 0.7) / (shape[TREE_LINE] * 0.3), 0.0), 1.0)
            chance = shape[TREES] + clump * 1.1 - 0.25 * (1.0 - edge) - 0.8 * thin
            if fraction(gi, gj, seed + 2) > chance:
                continue
            vigour = fraction(gi, gj, seed + 4) * (0.65 + 0.35 * edge)
            if listed > 0 and is_clear(x, y, grades, near, listed, (2.0 + 2.0 * vigour) * scale):
                continue
            count += 1
            luck = fraction(gi, gj, seed + 3)
            hue = coarse[HUE, j // cell + 1, i // cell + 1] + (luck - 0.5) * 0.55
            wild = fraction(gi, gj, seed + 5)
            tint = 0.80 + 0.40 * fraction(gi, gj, seed + 6)
            if wild < shape[EVERGREEN] + 0.55 * max(-clump, 0.0) * shape[EVERGREEN] * 4.0:
                tall, radius = (9.0 + 8.0 * vigour) * (1.0 - 0.45 * thin), 1.7 + 1.0 * vigour
                _dome(height, colour, size, texel, left, low, lo, hi, x, y, base, max(radius, texel * 1.2), tall,
                      SPIRE, crowns[0, 0] * tint, crowns[0, 1] * tint, crowns[0, 2] * tint, shape[SNOW] * 0.32,
                      seed)  # fmt: skip
                continue
            place = min(max(hue, 0.0), 0.999) * (shades - 1)
            which = 1 + int(place)
            radius, tall = 2.3 + 1.9 * vigour, (7.5 + 4.5 * vigour + 3.0 * clump) * (0.5 + 0.5 * edge)
            _broadleaf(height, colour, size, texel, left, low, lo, hi, x, y, base, radius * scale,
                       tall * (0.4 + 0.6 * scale), crowns[which, 0] * tint, crowns[which, 1] * tint,
                       crowns[which, 2] * tint, shape[SNOW] * 0.38, lobes, gi, gj, seed)  # fmt: skip
            if wild > 1.0 - shape[PALMS] and texel < 0.3:
                head = 3.6 + 1.6 * vigour
                above = base + tall * (0.4 + 0.6 * scale) + 0.5 + 2.5 * luck
                red, green, blue = crowns[shades, 0] * tint, crowns[shades, 1] * tint, crowns[shades, 2] * tint
                # Under the fronds it is dark.
                _dome(height, colour, size, texel, left, low, lo, hi, x + 1.5, y + 1.0, above - 3.0, head, 2.8, BROAD,
                      red * 0.35, green * 0.4, blue * 0.4, 0.0, seed)  # fmt: skip
                _dome(height, colour, size, texel, left, low, lo, hi, x + 1.5, y + 1.0, above, max(head, texel * 2.0),
                      1.6, FROND, red, green, blue, 0.0, seed + gi * 3 + gj)  # fmt: skip
    return count


@kernel
def plant(
    height: Floats, colour: Floats, bare: Floats, coarse: Floats, cell: int, texel: float, left: float, low: float,
    size: int, lo: Ints, hi: Ints, line: Floats, shape: Floats, grades: Floats, crowns: Floats, lobes: int, seed: int,
) -> int:  # fmt: skip
    """Sets the trees of one map. `crowns` is a palette in order of hue; its first row is the evergreen's, and its
    last the palm's. Returns the number of trees."""
    near = np.empty(grades.shape[0] + 1, np.int32)
    return _plant_each(height, colour, bare, coarse, cell, texel, left, low, size, lo, hi, line, shape, grades, crowns,
                       lobes, seed, near)  # fmt: skip


@kernel
def _plant_texels(
    height: Floats, colour: Floats, coarse: Floats, cell: int, texel: float, left: float, low: float, size: int,
    lo: Ints, hi: Ints, line: Floats, shape: Floats, grades: Floats, crowns: Floats, seed: int, near: Ints,
) -> None:  # fmt: skip
    """As `plant_far`, with room to work in."""
    shades = crowns.shape[0] - 1
    dry_m = 6.0
    if shape[KIND] == COAST:
        dry_m = shape[SHELF] * 0.9
    for j in range(1, size - 1):
        y = low + j * texel
        listed = near_row(y, grades, near, texel)
        for i in range(max(lo[j], 1), min(hi[j], size - 1)):
            at = j * size + i
            base = height[at]
            away = shore(left + i * texel, y, line, shape[ONE_SIDED])
            if away < dry_m or base > shape[TREE_LINE]:
                continue
            clump = coarse[CLUMP, j // cell + 1, i // cell + 1]
            thin = min(max((base - shape[TREE_LINE] * 0.7) / (shape[TREE_LINE] * 0.3), 0.0), 1.0)
            if fraction(i, j, seed + 2) > shape[TREES] + clump * 1.1 - 0.8 * thin:
                continue
            dx, dy = height[at + 1] - base, height[at + size] - base
            if dx * dx + dy * dy > (1.1 * texel) ** 2:
                continue
            if listed > 0 and is_clear(left + i * texel, y, grades, near, listed, 0.0):
                continue
            height[at] = base + (9.0 + 1.4 * fraction(i, j, seed + 4)) * shape[SIZE]
            hue = coarse[HUE, j // cell + 1, i // cell + 1] + (fraction(i, j, seed + 3) - 0.5) * 0.55
            which = 1 + int(min(max(hue, 0.0), 0.999) * (shades - 1))
            if fraction(i, j, seed + 5) < shape[EVERGREEN] + 2.2 * max(-clump, 0.0) * shape[EVERGREEN]:
                which = 0
            tint = 0.75 + 0.4 * fraction(i, j, seed + 6)
            white = shape[SNOW] * 0.3
            for c in range(3):
                colour[at, c] = crowns[which, c] * tint * (1.0 - white) + 0.9 * white


@kernel
def plant_far(
    height: Floats, colour: Floats, coarse: Floats, cell: int, texel: float, left: float, low: float, size: int,
    lo: Ints, hi: Ints, line: Floats, shape: Floats, grades: Floats, crowns: Floats, seed: int,
) -> None:  # fmt: skip
    """Where a texel is as large as a tree: each texel of forest is one crown."""
    near = np.empty(grades.shape[0] + 1, np.int32)
    _plant_texels(height, colour, coarse, cell, texel, left, low, size, lo, hi, line, shape, grades, crowns, seed, near)
