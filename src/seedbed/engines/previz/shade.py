"""Kernels that light one map of the land, and keep it as drawing wants to read it.

Shadows are cast by one sweep away from the sun; blurred heights say how much of the sky a place sees. What glows
of itself (lava) is added last. Maps are kept in tiles of `TILE` texels a side.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.noise import gradient
from seedbed.engines.previz.relief import VENT_M, VENT_X, VENT_Y, bearing

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Words = NDArray[np.int64]

f32 = np.float32

TILE = 32
TILE_TEXELS = (TILE + 1) * (TILE + 1)


@kernel
def blur(source: Floats, out: Floats, size: int, reach: int) -> None:
    """Box blur of (2 * reach + 1)², in two running sums. Each row and column is summed in one fixed order."""
    middle = np.empty(size * size, np.float32)
    share = 1.0 / (2 * reach + 1)
    for j in range(size):
        start = j * size
        total = float(source[start]) * reach
        for i in range(reach):
            total += source[start + i]
        for i in range(size):
            total += source[start + min(i + reach, size - 1)]
            middle[start + i] = total * share
            total -= source[start + max(i - reach, 0)]
    sums = np.empty(size, np.float64)
    for i in range(size):
        sums[i] = float(middle[i]) * reach
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
    top, scale, zero = f32(2047.0), f32(1023.5), f32(0.0)
    r = np.int64(min(math.sqrt(max(f32(red), zero)) * scale, top))
    g = np.int64(min(math.sqrt(max(f32(green), zero)) * scale, top))
    b = np.int64(min(math.sqrt(max(f32(blue), zero)) * scale, top))
    return (r << 42) | (g << 21) | b  # type: ignore[return-value]


@kernel
def bake_light(
    height: Floats, colour: Floats, near: Floats, wide: Floats, shade: Floats, heights: Floats, packed: Words,
    size: int, texel: float, lo: Ints, hi: Ints, sun: Floats, lamp: Floats, occlusion: float,
) -> None:  # fmt: skip
    """Sunlight, skylight and the light that leaves let through, into `packed`. `lamp` holds the colours of sun,
    sky and bounce; `near` and `wide` are blurred heights: what rises over them sees more of the sky.

    `heights` and `packed` are written in tiles of `TILE` texels a side, each with the first row and column of the
    next: a march over the land then stays in a few memory pages, and no blend of four texels crosses a tile.
    """
    across = -(-size // TILE)
    one, per = f32(1.0), f32(0.5 / texel)
    close, broad = f32(0.42 * occlusion), f32(0.075 * occlusion)
    sun_x, sun_y, sun_z = sun[0], sun[1], sun[2]
    for at_tile in range(across * across):
        jb, ib = at_tile // across * TILE, at_tile % across * TILE
        for j in range(jb, min(jb + TILE + 1, size)):
            down, up = max(j - 1, 0) * size, min(j + 1, size - 1) * size
            spot = at_tile * TILE_TEXELS + (j - jb) * (TILE + 1) - ib
            for i in range(max(lo[j], ib), min(hi[j], ib + TILE + 1)):
                at, into = np.uint64(j * size + i), np.uint64(spot + i)
                high = height[at]
                left, right = np.uint64(j * size + max(i - 1, 0)), np.uint64(j * size + min(i + 1, size - 1))
                nx = (height[left] - height[right]) * per
                ny = (height[np.uint64(down + i)] - height[np.uint64(up + i)]) * per
                inverse = one / math.sqrt(nx * nx + ny * ny + one)
                facing = (nx * sun_x + ny * sun_y + sun_z) * inverse
                open_near = min(max(one + (high - near[at]) * close, f32(0.16)), f32(1.3))
                open_wide = min(max(one + (high - wide[at]) * broad, f32(0.30)), f32(1.12))
                sky = open_near * open_wide
                direct = max(facing * f32(0.94) + f32(0.06), f32(0.0)) * shade[at] * min(sky * f32(1.1), one)
                above = (f32(0.55) + f32(0.45) * inverse) * sky
                warm, side = direct + f32(0.16) * shade[at] * sky, one - inverse
                r = colour[at, 0] * (lamp[0, 0] * warm + lamp[1, 0] * above + lamp[2, 0] * side)
                g = colour[at, 1] * (lamp[0, 1] * warm + lamp[1, 1] * above + lamp[2, 1] * side)
                b = colour[at, 2] * (lamp[0, 2] * direct + lamp[1, 2] * above + lamp[2, 2] * side)
                packed[into] = pack(r, g, b)
                heights[into] = high


STREAMS = 5


@kernel
def _streams(tall: float, seed: int) -> tuple[Floats, Floats]:
    """How far from the vent each stream of lava ends, and its bearing at every metre on the way there."""
    ends = np.empty(STREAMS, np.float32)
    bearings = np.empty((STREAMS, int(tall * 2.3) + 2), np.float32)
    for stream in range(STREAMS):
        start = -0.62 + 0.31 * stream + 0.16 * gradient(stream * 3.7, 0.5, seed + 92)
        ends[stream] = tall * (0.9 + 1.25 * abs(gradient(stream * 2.3, 1.5, seed + 93)))
        for far in range(bearings.shape[1]):
            sway = 0.20 * gradient(far / 130.0, stream * 5.1, seed + 94)
            bearings[stream, far] = start + sway + 0.05 * gradient(far / 31.0, stream * 7.7, seed + 95)
    return ends, bearings


@kernel
def _heat(x: float, y: float, shape: Floats, ends: Floats, bearings: Floats, seed: int) -> float:
    """How hot the volcano is at a point: 1 in the middle of a stream of lava, below that its crust, then the light
    it throws on the ash around it."""
    dx, dy = x - shape[VENT_X], y - shape[VENT_Y]
    far = math.sqrt(dx * dx + dy * dy)
    rim = shape[VENT_M] * 0.17
    if far < rim * 0.9:
        return 0.75 + 0.5 * gradient(x / 9.0, y / 9.0, seed + 91)
    metre = min(int(far), bearings.shape[1] - 1)
    turn = bearing(x, y, shape)
    hot = 0.0
    if far < rim + 90.0:
        hot = 0.6 * math.exp((rim - far) / 24.0)
    for stream in range(STREAMS):
        off = abs(turn - bearings[stream, metre]) * far
        wide = (4.0 + 0.016 * far) * (1.0 - 0.5 * far / ends[stream])
        if far > ends[stream] or off - wide > 60.0:
            continue
        core = 1.0 - off / wide
        if core > 0.0:
            crust = gradient(x / 9.0, y / 9.0, seed + 91)
            hot = max(hot, 0.34 + 0.66 * min(core * 1.9, 1.0) * (0.62 + 0.9 * crust + 0.2 * core))
        else:
            hot = max(hot, math.exp((wide - off) / 16.0) * 0.16)
    return hot


@kernel
def kindle(
    packed: Words, size: int, texel: float, left: float, low: float, lo: Ints, hi: Ints, shape: Floats, seed: int
) -> None:
    """Adds the light of lava to a map that was lit."""
    across = -(-size // TILE)
    reach = shape[VENT_M] * 2.3
    ends, bearings = _streams(shape[VENT_M], seed)
    for at_tile in range(across * across):
        jb, ib = at_tile // across * TILE, at_tile % across * TILE
        for j in range(jb, min(jb + TILE + 1, size)):
            y = low + j * texel
            if abs(y - shape[VENT_Y]) > reach:
                continue
            for i in range(max(lo[j], ib), min(hi[j], ib + TILE + 1)):
                x = left + i * texel
                if abs(x - shape[VENT_X]) > reach:
                    continue
                hot = _heat(x, y, shape, ends, bearings, seed)
                if hot < 0.01:
                    continue
                spot = at_tile * TILE_TEXELS + (j - jb) * (TILE + 1) + i - ib
                word = packed[spot]
                r = (float(word >> 42) / 1023.5) ** 2
                g = (float((word >> 21) & 2047) / 1023.5) ** 2
                b = (float(word & 2047) / 1023.5) ** 2
                hot = min(hot, 1.2)
                r += 3.4 * hot**1.3
                g += 1.35 * hot**2.6
                b += 0.30 * hot**5.0
                packed[spot] = pack(r, g, b)
