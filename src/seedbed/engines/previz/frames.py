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
Words = NDArray[np.int64]

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
        at = np.int32(start) + iu * np.int32(size) + iv
        a = heights[at] + (heights[at + 1] - heights[at]) * fv
        b = heights[at + size] + (heights[at + size + 1] - heights[at + size]) * fv
        h = a + (b - a) * fu
        w = min((z - begin) * ease, one)
        profile[i] = profile[i] + (h - profile[i]) * w


@kernel
def colours_along(
    lit: Floats, seen: Ints, depth: Floats, first: int, last: int, blend_from: float, blend_to: float, ex: float,
    ey: float, dx: float, dy: float, packed: Words, start: int, size: int, left: float, low: float,
    per_m: float,
) -> None:  # fmt: skip
    """The light from the seen steps first … last of the list `seen`, as its square root, from one map."""
    one, zero, top = f32(1.0), f32(0.0), f32(size - 1.01)
    ux, uy = f32((ex - left) * per_m), f32((ey - low) * per_m)
    vx, vy = f32(dx * per_m), f32(dy * per_m)
    begin = f32(blend_from)
    ease = f32(1.0 / max(blend_to - blend_from, 1e-3))
    unit = f32(2.0 / 2047.0 / 1024.0)
    for k in range(first, last):
        z = depth[seen[k]]
        u = min(max(ux + vx * z, zero), top)
        v = min(max(uy + vy * z, zero), top)
        iu, iv = np.int32(u), np.int32(v)
        at = np.int32(start) + iu * np.int32(size) + iv
        # One multiplication blends all three channels: their fields are wide enough for 10 bits of weight.
        fu, fv = np.int64((u - f32(iu)) * f32(32.0)), np.int64((v - f32(iv)) * f32(32.0))
        gu, gv = 32 - fu, 32 - fv
        mixed = (packed[at] * gv + packed[at + 1] * fv) * gu + (packed[at + size] * gv + packed[at + size + 1] * fv) * fu
        red = f32(mixed >> 42) * unit
        green = f32((mixed >> 21) & 0x1FFFFF) * unit
        blue = f32(mixed & 0x1FFFFF) * unit
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
def outline(profile: Floats, depth: Floats, skyline: Floats) -> None:
    """For every eighth step, the steepest that any land from there on rises to, as height over depth."""
    steps = profile.shape[0]
    highest = f32(0.0)
    for cell in range(skyline.shape[0] - 1, -1, -1):
        for i in range(cell << 3, min((cell + 1) << 3, steps)):
            highest = max(highest, profile[i] / depth[i])
        skyline[cell] = highest


@kernel
def wet(
    pixel: Floats, lit: Floats, k: int, step: int, steps: int, profile: Floats, ramp: Floats, view: Floats,
    dx: float, dy: float, length: float, turn: float, tile: Floats, line: Floats, line_start: float,
    line_step: float, pano: Floats, pano_span: Floats, water: Floats, tint: Floats, sun: Floats, haze: Floats,
    packed: Words, maps: Floats, offsets: Ints, far_map: Ints, skyline: Floats,
) -> None:  # fmt: skip
    """Replaces lit[:, k], the bed, by the light off the water: bed, depths, mirrored land and sky, foam, glints."""
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
    quiet *= 0.9 + 0.55 * _tile(tile, across / 160.0, (along + 0.6 * speed * seconds) / 330.0, 2)
    u1, v1 = across / 47.0, (along + speed * seconds) / 74.0
    u2, v2 = (across + 0.35 * along) / 19.3, (along - 0.35 * across + speed * 1.35 * seconds) / 24.7
    fine = 0.55 * ramp[RIPPLE, step]
    # Two layers that slide over each other: the surface never repeats and never stands still.
    sx = (0.6 * _tile(tile, u1, v1, 0) + fine * _tile(tile, u2 + 0.37, v2, 0)) * quiet
    sy = (0.6 * _tile(tile, u1, v1, 1) + fine * _tile(tile, u2 + 0.37, v2, 1)) * quiet
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
    while j < steps:
        beyond = ramp[DEPTH, j] - z
        if profile[j] > beyond * climb:
            hit = j
            break
        # No land further on stands high enough, seen from here, to meet this ray.
        if skyline[j >> 3] * ramp[DEPTH, j] < beyond * climb:
            break
        j += 1 + (j - step) // 10
    if hit >= 0:
        zj = ramp[DEPTH, hit]
        which = far_map[hit]
        size, start = offsets[which, 1], offsets[which, 0]
        shift = sway * (zj - z)
        u = (view[EYE_X] + dx * zj + shift * dy - maps[which, 0]) * maps[which, 2]
        v = (view[EYE_Y] + dy * zj - shift * dx - maps[which, 1]) * maps[which, 2]
        iu, iv = int(min(max(u, 0.0), size - 1.0)), int(min(max(v, 0.0), size - 1.0))
        word = packed[start + iu * size + iv]
        pixel[0] = (f32(word >> 42) * f32(2.0 / 2047.0)) ** 2
        pixel[1] = (f32((word >> 21) & 2047) * f32(2.0 / 2047.0)) ** 2
        pixel[2] = (f32(word & 2047) * f32(2.0 / 2047.0)) ** 2
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
    spark = (facing * facing * 0.10 + facing**10 * 0.8) * water[GLINT] * shade
    for c in range(3):
        bed = lit[c, k] * lit[c, k]
        body = (tint[DEEP, c] + (tint[SHALLOW, c] - tint[DEEP, c]) * clear) * (0.45 + 0.55 * bright) * shade
        body += (bed * 0.8 - body) * clear * 0.6
        value = body * (1.0 - mirror) + pixel[c] * mirror
        value += (tint[SPARK, c] * 0.55 * bright - value) * foam
        lit[c, k] = value + tint[SPARK, c] * spark * bright


@kernel
def scan(
    profile: Floats, depth: Floats, horizon: float, eye: float, focal: float, top_m: float, height: int, seen: Ints,
    edge: Floats,
) -> int:  # fmt: skip
    """Lists the steps that rise over all before them, and the image row each reaches. Returns how many."""
    ceiling, zero = f32(height), f32(0.0)
    far, up, scale = f32(horizon), f32(eye), f32(focal)
    count = 0
    for i in range(profile.shape[0]):
        y = far - (max(profile[i], zero) - up) * scale / depth[i]
        if y < ceiling:
            seen[count] = i
            edge[count] = max(y, zero)
            count += 1
            ceiling = y
            if y <= zero:
                break
        elif i & 63 == 0 and far - (f32(top_m) - up) * scale / depth[i] > ceiling:
            break
    return count


@kernel
def air_between(
    lit: Floats, seen: Ints, count: int, profile: Floats, ramp: Floats, shadow: Floats, haze: Floats, wisp: Floats,
    share: float,
) -> None:  # fmt: skip
    """Turns what was gathered into light at the lens: cloud shadows on the land, then haze and mist before it."""
    one, zero, part = f32(1.0), f32(0.0), f32(share)
    for k in range(count):
        i = seen[k]
        cell = i >> 5
        shade = shadow[cell] + (shadow[cell + 1] - shadow[cell]) * (f32(i & 31) * f32(0.03125))
        dry = profile[i] >= zero
        veil = ramp[HAZE, i]
        mist = ramp[MIST, i] * max(one - max(profile[i], zero) * f32(0.022), zero)
        for c in range(3):
            value = lit[c, k]
            if dry:
                value = value * value * shade
            value += (haze[c] - value) * veil
            lit[c, k] = (value + (wisp[c] - value) * mist) * part


@kernel
def fill(
    column: Floats, lit: Floats, seen: Ints, edge: Floats, count: int, height: int, depth: Floats, profile: Floats,
    ex: float, ey: float, ez: float, dx: float, dy: float, horizon: float, focal: float, tile: Floats,
) -> float:  # fmt: skip
    """Adds every seen step to the column by the share of pixels it covers. Returns the row where sky begins."""
    floor = f32(height)
    for k in range(count):
        top, i = edge[k], seen[k]
        y0, y1 = int(top), int(floor)
        if y0 == y1:
            part = floor - top
            column[y0, 0] += lit[0, k] * part
            column[y0, 1] += lit[1, k] * part
            column[y0, 2] += lit[2, k] * part
        else:
            before = k - 1 if k > 0 and seen[k - 1] == i - 1 else k
            per_pixel = depth[i] / focal
            steep = min(max((floor - top - 1.5) * 0.5, 0.0), 1.0) if profile[i] > 0.3 else 0.0
            steep *= min(max(1.3 - per_pixel * 3.0, 0.0), 1.0)
            slab(column, lit, before, k, top, floor, height, steep, tile, ex + dx * depth[i], ey + dy * depth[i],
                 ez + horizon * per_pixel, per_pixel)  # fmt: skip
        floor = top
    return float(floor)


@kernel
def slab(
    column: Floats, lit: Floats, low: int, high: int, top: float, floor: float, height: int, steep: float,
    tile: Floats, x: float, y: float, z: float, per_pixel: float,
) -> None:  # fmt: skip
    """Covers rows from `floor` up to `top` with a blend of two seen steps. Where it is `steep`, the side of a
    crown fills many pixels: leaves in patches, darker towards the ground."""
    span = f32(1.0 / (floor - top))
    side = (x * 0.8 + y * 0.6) * 0.11
    for row in range(int(top), min(int(floor) + 1, height)):
        above, below = max(f32(row), f32(top)), min(f32(row + 1), f32(floor))
        tone = f32(below - above)
        middle = f32(0.5) * (above + below)
        mix = (f32(floor) - middle) * span
        if steep > 0.0:
            mix += (f32(1.0) - mix) * f32(steep)
            patch = _tile(tile, side, (z - middle * per_pixel) * 0.11, 0)
            dark = max(1.0 - (middle - top) * per_pixel * 0.10, 0.45)
            tone *= f32(1.0 + steep * (dark * (1.0 + 0.16 * patch) - 1.0))
        for c in range(3):
            column[row, c] += (lit[c, low] + (lit[c, high] - lit[c, low]) * mix) * tone


@kernel
def draw_strip(
    out: Floats, x0: int, x1: int, width: int, height: int, sub: int, view: Floats, ramp: Floats, spans: Ints,
    fades: Floats, maps: Floats, offsets: Ints, heights: Floats, packed: Words, far_map: Ints, top_m: float,
    tile: Floats, line: Floats, line_start: float, line_step: float, pano: Floats, pano_span: Floats,
    water: Floats, tint: Floats, sun: Floats,
) -> None:  # fmt: skip
    """Draws columns x0 … x1 into `out` (3, rows, stride), linear light, with `sub` rays to a pixel's width."""
    steps = ramp.shape[1]
    depth = ramp[DEPTH]
    levels = spans.shape[0]
    profile = np.zeros(steps, np.float32)
    seen, edge = np.empty(steps, np.int32), np.empty(steps, np.float32)
    lit = np.zeros((3, steps), np.float32)
    shadow, skyline = np.empty((steps >> 5) + 2, np.float32), np.empty((steps >> 3) + 2, np.float32)
    column, above = np.zeros((height + 1, 3), np.float32), np.zeros((height + 1, 3), np.float32)
    pixel, haze = np.zeros(3, np.float32), np.zeros(3, np.float32)
    ex, ey, ez = view[EYE_X], view[EYE_Y], view[EYE_Z]
    focal = view[FOCAL]
    fx, fy = math.sin(view[YAW]), math.cos(view[YAW])
    share = 1.0 / sub
    for px in range(x0, x1):
        column[:, :] = 0.0
        drawn = 0
        for ray in range(sub):
            turn = (px + (ray + 0.5) / sub - width * 0.5) / focal
            dx, dy = fx + fy * turn, fy - fx * turn
            length = math.sqrt(1.0 + turn * turn)
            skyward = math.tan(math.atan(turn) + view[SKYWARD])
            horizon = view[HORIZON] + view[ROLL] * turn * focal
            for level in range(levels):
                m = spans[level, 2]
                heights_along(profile, depth, spans[level, 0], spans[level, 1], fades[level], ex, ey, dx, dy, heights,
                              offsets[m, 0], offsets[m, 1], maps[m, 0], maps[m, 1], maps[m, 2])  # fmt: skip
            count = scan(profile, depth, horizon, ez, focal, top_m, height, seen, edge)
            first = 0
            for level in range(levels):
                m = spans[level, 2]
                while first < count and seen[first] < spans[level, 0]:
                    first += 1
                last = first
                while last < count and seen[last] < spans[level, 1]:
                    last += 1
                colours_along(lit, seen, depth, first, last, depth[spans[level, 0]], fades[level], ex, ey, dx, dy,
                              packed, offsets[m, 0], offsets[m, 1], maps[m, 0], maps[m, 1], maps[m, 2])  # fmt: skip
            sky_at(pano, pano_span[0], pano_span[1], skyward, 0.035, haze)
            outlined = False
            for k in range(count):
                if profile[seen[k]] < 0.0:
                    if not outlined:
                        outline(profile, depth, skyline)
                        outlined = True
                    wet(pixel, lit, k, seen[k], steps, profile, ramp, view, dx, dy, length, skyward, tile, line,
                        line_start, line_step, pano, pano_span, water, tint, sun, haze, packed, maps, offsets,
                        far_map, skyline)  # fmt: skip
            for cell in range(shadow.shape[0]):
                z = depth[min(cell << 5, steps - 1)]
                shadow[cell] = clouded(tile, ex + dx * z, ey + dy * z, view[SECONDS])
            air_between(lit, seen, count, profile, ramp, shadow, haze, tint[WISP], share)
            floor = fill(column, lit, seen, edge, count, height, depth, profile, ex, ey, ez, dx, dy, horizon, focal,
                         tile)  # fmt: skip
            # Neighbouring rays share their sky, which has no edges to resolve.
            rows = min(int(floor) + 1, height) if floor > 0.0 else 0
            for y in range(drawn, rows):
                slope = (horizon - (y + 0.5)) / (focal * length)
                sky_at(pano, pano_span[0], pano_span[1], skyward, slope, pixel)
                above[y, 0], above[y, 1], above[y, 2] = pixel[0], pixel[1], pixel[2]
            drawn = max(drawn, rows)
            for y in range(rows):
                part = f32(min(floor - y, 1.0) * share)
                column[y, 0] += above[y, 0] * part
                column[y, 1] += above[y, 1] * part
                column[y, 2] += above[y, 2] * part
        for y in range(height):
            out[0, y, px] = column[y, 0]
            out[1, y, px] = column[y, 1]
            out[2, y, px] = column[y, 2]
