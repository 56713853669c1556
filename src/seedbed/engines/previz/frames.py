"""Kernels that draw: one strip of image columns of one frame, front to back, with exact vertical coverage.

Every image column is a vertical plane of the world (the lens is shifted, not pitched), so one march away from
the camera meets all its land in order. Each step projects to a height in the column; whatever rises over what
was seen before owns the pixels between, by the share of them it covers: edges need no further samples. The
march keeps its profile, in which reflections in the water are traced. Drawing reads baked maps only and writes
its own columns only, so any number of strips and frames may be drawn at once.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.sky import SLOPE_MAX

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Words32 = NDArray[np.uint32]

# Slots of `view`: the camera in one frame, in metres, radians and pixels.
EYE_X, EYE_Y, EYE_Z, YAW, HORIZON, ROLL, FOCAL, SECONDS, SKYWARD = range(9)
# Rows of `ramp`: what depends on the step alone.
DEPTH, HAZE, MIST, RIPPLE = range(4)
# Slots of `water`.
FLOW, CALM, GLINT, FOAM, RIVERLIKE, SWELL = range(6)
# Rows of `tint`: colours of the water's depths, its shallows, of sunlight on it, of mist.
DEEP, SHALLOW, SPARK, WISP = range(4)

f32 = np.float32


@kernel
def heights_along(
    profile: Floats, depth: Floats, first: int, last: int, blend_to: float, ex: float, ey: float, dx: float,
    dy: float, heights: Floats, start: int, size: int, left: float, low: float, per_m: float,
) -> None:  # fmt: skip
    """The land under steps first … last from one map, faded in up to the depth `blend_to`."""
    one = f32(1.0)
    ux, uy = f32((ex - left) * per_m), f32((ey - low) * per_m)
    vx, vy = f32(dx * per_m), f32(dy * per_m)
    top = f32(size - 1.01)
    zero = f32(0.0)
    begin = depth[first]
    ease = f32(1.0 / max(blend_to - begin, 1e-3))
    for i in range(first, last):
        z = depth[i]
        u = min(max(ux + vx * z, zero), top)
        v = min(max(uy + vy * z, zero), top)
        iu, iv = np.int32(u), np.int32(v)
        fu, fv = u - f32(iu), v - f32(iv)
        at = np.int32(start) + iv * np.int32(size) + iu
        a = heights[at] + (heights[at + 1] - heights[at]) * fu
        b = heights[at + size] + (heights[at + size + 1] - heights[at + size]) * fu
        h = a + (b - a) * fv
        w = min((z - begin) * ease, one)
        profile[i] = profile[i] + (h - profile[i]) * w


@kernel
def colours_along(
    lit: Floats, seen: Ints, depth: Floats, first: int, last: int, blend_from: float, blend_to: float, ex: float,
    ey: float, dx: float, dy: float, packed: Words32, start: int, size: int, left: float, low: float,
    per_m: float,
) -> None:  # fmt: skip
    """The light from the seen steps first … last of the list `seen`, as its square root, from one map."""
    one, zero, top = f32(1.0), f32(0.0), f32(size - 1.01)
    ux, uy = f32((ex - left) * per_m), f32((ey - low) * per_m)
    vx, vy = f32(dx * per_m), f32(dy * per_m)
    begin = f32(blend_from)
    ease = f32(1.0 / max(blend_to - blend_from, 1e-3))
    rg, b_ = f32(2.0 / 2047.0), f32(2.0 / 1023.0)
    for k in range(first, last):
        z = depth[seen[k]]
        u = min(max(ux + vx * z, zero), top)
        v = min(max(uy + vy * z, zero), top)
        iu, iv = np.int32(u), np.int32(v)
        fu, fv = u - f32(iu), v - f32(iv)
        at = np.int32(start) + iv * np.int32(size) + iu
        p, q, r, s = packed[at], packed[at + 1], packed[at + size], packed[at + size + 1]
        wp, wq, wr, ws = (one - fu) * (one - fv), fu * (one - fv), (one - fu) * fv, fu * fv
        red = (f32(p >> 21) * wp + f32(q >> 21) * wq + f32(r >> 21) * wr + f32(s >> 21) * ws) * rg
        green = (
            f32((p >> 10) & 2047) * wp + f32((q >> 10) & 2047) * wq + f32((r >> 10) & 2047) * wr
            + f32((s >> 10) & 2047) * ws
        ) * rg  # fmt: skip
        blue = (f32(p & 1023) * wp + f32(q & 1023) * wq + f32(r & 1023) * wr + f32(s & 1023) * ws) * b_
        w = min(max((z - begin) * ease, zero), one)
        lit[0, k] += (red - lit[0, k]) * w
        lit[1, k] += (green - lit[1, k]) * w
        lit[2, k] += (blue - lit[2, k]) * w


@kernel
def sky_at(pano: Floats, turn_min: float, turn_max: float, turn: float, slope: float, out: Floats) -> None:
    """The sky in one direction into out[0:3]."""
    rows, columns = pano.shape[0], pano.shape[1]
    v = math.sqrt(min(max(slope / SLOPE_MAX, 0.0), 1.0)) * (rows - 1.01)
    u = min(max((turn - turn_min) / (turn_max - turn_min), 0.0), 1.0) * (columns - 1.01)
    i, j = int(u), int(v)
    fu, fv = f32(u - i), f32(v - j)
    for c in range(3):
        a = pano[j, i, c] + (pano[j, i + 1, c] - pano[j, i, c]) * fu
        b = pano[j + 1, i, c] + (pano[j + 1, i + 1, c] - pano[j + 1, i, c]) * fu
        out[c] = a + (b - a) * fv


@kernel
def _tile(tile: Floats, u: float, v: float, which: int) -> float:
    """A periodic tile of unit size, sampled smoothly."""
    size = tile.shape[1]
    u, v = u * size, v * size
    fu, fv = math.floor(u), math.floor(v)
    i, j = int(fu) & (size - 1), int(fv) & (size - 1)
    i1, j1 = (i + 1) & (size - 1), (j + 1) & (size - 1)
    fu, fv = u - fu, v - fv
    a = tile[which, j, i] + (tile[which, j, i1] - tile[which, j, i]) * fu
    b = tile[which, j1, i] + (tile[which, j1, i1] - tile[which, j1, i]) * fu
    return float(a + (b - a) * fv)


@kernel
def clouded(tile: Floats, x: float, y: float, seconds: float) -> float:
    """How much of the sun reaches the land under the drifting clouds: about 0.5 … 1.1."""
    return 0.80 + 0.33 * _tile(tile, (x - 9.0 * seconds) / 1900.0, (y - 5.0 * seconds) / 1900.0, 2)


@kernel
def wet(
    pixel: Floats, lit: Floats, k: int, step: int, steps: int, profile: Floats, ramp: Floats, view: Floats,
    dx: float, dy: float, length: float, turn: float, tile: Floats, line: Floats, line_start: float,
    line_step: float, pano: Floats, pano_span: Floats, water: Floats, tint: Floats, sun: Floats, haze: Floats,
    packed: Words32, maps: Floats, offsets: Ints, far_map: Ints,
) -> None:  # fmt: skip
    """The colour of the water at one step into `pixel`: bed, depths, mirrored land and sky, foam and glints."""
    z = ramp[DEPTH, step]
    x, y = view[EYE_X] + dx * z, view[EYE_Y] + dy * z
    seconds = view[SECONDS]
    across, along = x, y
    speed = water[FLOW]
    if water[RIVERLIKE] > 0.5:
        place = min(max((y - line_start) / line_step, 0.0), line.shape[0] - 1.001)
        row = int(place)
        part = place - row
        across = x - (line[row, 0] + (line[row + 1, 0] - line[row, 0]) * part)
        along = line[row, 3] + (line[row + 1, 3] - line[row, 3]) * part
    quiet = ramp[RIPPLE, step] * water[CALM]
    u1, v1 = across / 21.0, (along + speed * seconds) / 34.0
    u2, v2 = (across + 0.35 * along) / 9.3, (along - 0.35 * across + speed * 1.35 * seconds) / 11.7
    # Two layers that slide over each other: the surface never repeats and never stands still.
    sx = (0.55 * _tile(tile, u1, v1, 0) + 0.45 * _tile(tile, u2 + 0.37, v2, 0)) * quiet
    sy = (0.55 * _tile(tile, u1, v1, 1) + 0.45 * _tile(tile, u2 + 0.37, v2, 1)) * quiet
    if water[SWELL] > 0.0:
        phase = 0.11 * (x * 0.8 + y * 0.6) + 0.9 * seconds + 2.0 * _tile(tile, x / 300.0, y / 300.0, 2)
        sx += water[SWELL] * 0.8 * math.cos(phase) * ramp[RIPPLE, step]
        sy += water[SWELL] * 0.6 * math.cos(phase) * ramp[RIPPLE, step]
    tilt = (sx * dx + sy * dy) / length
    side = (sx * dy - sy * dx) / length
    down = view[EYE_Z] / (z * length)
    slope = max(down + 2.0 * tilt, 0.03)
    climb = slope * length
    sway = 0.9 * side
    hit = -1
    j = step + 2
    stride = 1
    while j < steps:
        if profile[j] > (ramp[DEPTH, j] - z) * climb:
            hit = j
            break
        if (ramp[DEPTH, j] - z) * climb > 420.0:
            break
        j += stride
        stride = 1 + (j - step) // 24
    if hit >= 0:
        zj = ramp[DEPTH, hit]
        which = far_map[hit]
        size, start = offsets[which, 1], offsets[which, 0]
        shift = sway * (zj - z)
        u = (view[EYE_X] + dx * zj + shift * dy - maps[which, 0]) * maps[which, 2]
        v = (view[EYE_Y] + dy * zj - shift * dx - maps[which, 1]) * maps[which, 2]
        iu, iv = int(min(max(u, 0.0), size - 1.0)), int(min(max(v, 0.0), size - 1.0))
        word = packed[start + iv * size + iu]
        pixel[0] = (f32(word >> 21) * f32(2.0 / 2047.0)) ** 2
        pixel[1] = (f32((word >> 10) & 2047) * f32(2.0 / 2047.0)) ** 2
        pixel[2] = (f32(word & 1023) * f32(2.0 / 1023.0)) ** 2
        veil = ramp[HAZE, hit]
        for c in range(3):
            pixel[c] = pixel[c] * (1.0 - veil) * 0.85 + haze[c] * veil
    else:
        sky_at(pano, pano_span[0], pano_span[1], turn + sway, slope * 0.8, pixel)
    level = 1.0 / math.sqrt(1.0 + slope * slope)
    grazing = 1.0 - min(slope * level * 1.15, 1.0)
    mirror = 0.16 + 0.84 * grazing * grazing * grazing
    deep = min(max(-profile[step], 0.0), 6.0)
    clear = math.exp(-deep * 0.75)
    shade = clouded(tile, x, y, seconds)
    # The bed was lit through its own shadows: its brightness says whether the sun falls here.
    bright = min((lit[1, k] + 0.10) * 2.6, 1.0)
    foam = 0.0
    if water[FOAM] > 0.0:
        streak = _tile(tile, across / 13.0, (along + speed * seconds) / 95.0, 2)
        edge = max(1.0 - deep * 1.3, 0.0)
        foam = min(max((streak + 0.9 * edge + 0.6 * tilt - 1.18) * 2.2, 0.0), 0.8) * water[FOAM]
    nz = 1.0 / math.sqrt(1.0 + sx * sx * 9.0 + sy * sy * 9.0)
    hx, hy, hz = sun[0] - dx / length, sun[1] - dy / length, sun[2] + down
    norm = 1.0 / math.sqrt(hx * hx + hy * hy + hz * hz)
    facing = max((-sx * 3.0 * hx - sy * 3.0 * hy + hz) * norm * nz, 0.0)
    facing = facing * facing
    facing = facing * facing
    facing = facing * facing
    facing = facing * facing
    facing = facing * facing
    spark = (facing * facing * 0.5 + facing**12 * 3.0) * water[GLINT] * shade
    for c in range(3):
        bed = lit[c, k] * lit[c, k]
        body = (tint[DEEP, c] + (tint[SHALLOW, c] - tint[DEEP, c]) * clear) * (0.45 + 0.55 * bright) * shade
        body += (bed * 0.8 - body) * clear * 0.6
        value = body * (1.0 - mirror) + pixel[c] * mirror
        value += (tint[SPARK, c] * 0.55 * bright - value) * foam
        pixel[c] = value + tint[SPARK, c] * spark * bright


@kernel
def draw_strip(
    out: Floats, x0: int, x1: int, width: int, height: int, sub: int, view: Floats, ramp: Floats, spans: Ints,
    fades: Floats, maps: Floats, offsets: Ints, heights: Floats, packed: Words32, far_map: Ints, top_m: float,
    tile: Floats, line: Floats, line_start: float, line_step: float, pano: Floats, pano_span: Floats,
    water: Floats, tint: Floats, sun: Floats,
) -> None:  # fmt: skip
    """Draws columns x0 … x1 into `out` (3, rows, stride), linear light, with `sub` rays to a pixel's width."""
    steps = ramp.shape[1]
    depth = ramp[DEPTH]
    levels = spans.shape[0]
    profile = np.zeros(steps, np.float32)
    seen = np.empty(steps, np.int32)
    edge = np.empty(steps, np.float32)
    lit = np.zeros((3, steps), np.float32)
    column = np.zeros((height + 1, 3), np.float32)
    pixel = np.zeros(3, np.float32)
    last = np.zeros(3, np.float32)
    haze = np.zeros(3, np.float32)
    ex, ey, ez = view[EYE_X], view[EYE_Y], view[EYE_Z]
    focal = view[FOCAL]
    fx, fy = math.sin(view[YAW]), math.cos(view[YAW])
    share = f32(1.0 / sub)
    for px in range(x0, x1):
        column[:, :] = 0.0
        for ray in range(sub):
            turn = (px + (ray + 0.5) / sub - width * 0.5) / focal
            dx, dy = fx + fy * turn, fy - fx * turn
            length = math.sqrt(1.0 + turn * turn)
            skyward = math.tan(math.atan(turn) + view[SKYWARD])
            horizon = f32(view[HORIZON] + view[ROLL] * turn * focal)
            for level in range(levels):
                m = spans[level, 2]
                heights_along(profile, depth, spans[level, 0], spans[level, 1], fades[level], ex, ey, dx, dy, heights,
                              offsets[m, 0], offsets[m, 1], maps[m, 0], maps[m, 1], maps[m, 2])  # fmt: skip
            # What is seen: every step that rises over all before it.
            ceiling = f32(height)
            count = 0
            eye, scale = f32(ez), f32(focal)
            for i in range(steps):
                y = horizon - (max(profile[i], f32(0.0)) - eye) * scale / depth[i]
                if y < ceiling:
                    seen[count] = i
                    edge[count] = y
                    count += 1
                    ceiling = y
                    if y <= 0.0:
                        break
                elif i & 63 == 0 and horizon - (top_m - eye) * scale / depth[i] > ceiling:
                    break
            begin = 0
            for level in range(levels):
                m = spans[level, 2]
                first = begin
                while first < count and seen[first] < spans[level, 0]:
                    first += 1
                end = first
                while end < count and seen[end] < spans[level, 1]:
                    end += 1
                begin = first
                colours_along(lit, seen, depth, first, end, depth[spans[level, 0]], fades[level], ex, ey, dx, dy,
                              packed, offsets[m, 0], offsets[m, 1], maps[m, 0], maps[m, 1], maps[m, 2])  # fmt: skip
            sky_at(pano, pano_span[0], pano_span[1], skyward, 0.035, haze)
            floor = f32(height)
            previous = -2
            for k in range(count):
                i = seen[k]
                if profile[i] < 0.0:
                    wet(pixel, lit, k, i, steps, profile, ramp, view, dx, dy, length, skyward, tile, line,
                        line_start, line_step, pano, pano_span, water, tint, sun, haze, packed, maps, offsets,
                        far_map)  # fmt: skip
                    low = f32(1.0)
                else:
                    shade = f32(clouded(tile, ex + dx * depth[i], ey + dy * depth[i], view[SECONDS]))
                    for c in range(3):
                        pixel[c] = lit[c, k] * lit[c, k] * shade
                    low = max(f32(1.0) - profile[i] * f32(0.022), f32(0.0))
                veil, mist = ramp[HAZE, i], ramp[MIST, i] * low
                for c in range(3):
                    value = pixel[c] + (haze[c] - pixel[c]) * veil
                    pixel[c] = (value + (tint[WISP, c] - value) * mist) * share
                top = edge[k]
                if previous != i - 1:
                    last[:] = pixel
                if floor - top > 1.5 and profile[i] > 0.0:
                    wall(column, max(top, f32(0.0)), floor, last, pixel, height, tile, ex + dx * depth[i],
                         ey + dy * depth[i], ez + horizon * depth[i] / focal, depth[i] / focal)  # fmt: skip
                else:
                    cover(column, max(top, f32(0.0)), floor, last, pixel, height)
                last[:] = pixel
                previous = i
                floor = top
            # The sky over it all.
            y = int(floor)
            part = floor - y
            while y >= 0 and floor > 0.0:
                slope = (horizon - (y + 0.5)) / (focal * length)
                sky_at(pano, pano_span[0], pano_span[1], skyward, slope, pixel)
                if y < height:
                    for c in range(3):
                        column[y, c] += pixel[c] * part * share
                part = f32(1.0)
                y -= 1
        for y in range(height):
            out[0, y, px] = column[y, 0]
            out[1, y, px] = column[y, 1]
            out[2, y, px] = column[y, 2]


@kernel
def cover(column: Floats, top: float, floor: float, low: Floats, high: Floats, height: int) -> None:
    """Adds the slab from `floor` up to `top` to the column, from colour `low` to `high`, by its coverage."""
    y0, y1 = int(top), int(floor)
    if y0 == y1:
        part = f32(floor - top)
        for c in range(3):
            column[y0, c] += high[c] * part
        return
    span = f32(1.0 / (floor - top))
    for y in range(y0, min(y1 + 1, height)):
        above, below = max(f32(y), top), min(f32(y + 1), floor)
        part = f32(below - above)
        mix = f32(floor - 0.5 * (above + below)) * span
        for c in range(3):
            column[y, c] += (low[c] + (high[c] - low[c]) * mix) * part


@kernel
def wall(
    column: Floats, top: float, floor: float, low: Floats, high: Floats, height: int, tile: Floats, x: float,
    y: float, z: float, per_pixel: float,
) -> None:  # fmt: skip
    """As `cover`, for a steep side that fills many pixels: leaves in patches, darker towards the ground."""
    span = f32(1.0 / (floor - top))
    side = (x * 0.8 + y * 0.6) * 0.16
    for row in range(int(top), min(int(floor) + 1, height)):
        above, below = max(f32(row), top), min(f32(row + 1), floor)
        part = f32(below - above)
        middle = 0.5 * (above + below)
        mix = f32(floor - middle) * span
        patch = _tile(tile, side, (z - middle * per_pixel) * 0.16 + (x - y) * 0.05, 0)
        deep = max(1.0 - (middle - top) * per_pixel * 0.22, 0.25)
        tone = f32(part * deep * max(1.0 + 0.35 * patch, 0.3))
        for c in range(3):
            column[row, c] += (low[c] + (high[c] - low[c]) * mix) * tone
