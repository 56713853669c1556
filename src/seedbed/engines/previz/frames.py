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

from seedbed.engines.previz.banks import THICK, veil
from seedbed.engines.previz.jit import inlined, kernel, prefetch
from seedbed.engines.previz.sky import sprinkle
from seedbed.engines.previz.stage import (
    BED_M,
    BEDDED,
    DARKER,
    DARKEST,
    DEPTH,
    DRAPE,
    EMBER,
    FAR_M,
    HAZE,
    MIST,
    ROUGH,
    STRETCH,
    WISP,
    Floats,
    Ints,
    Ray,
    Scene,
    View,
    Words,
    clouded,
    f32,
    sky_at,
    u64,
)
from seedbed.engines.previz.water import flicker, flood, wet

AHEAD = 8
"""Columns between the one that is drawn and the one whose memory is fetched."""
TURNS = 4
"""Columns after which all that a column reads was fetched once."""


@kernel
def heights_along(
    profile: Floats, depth: Floats, first: int, last: int, blend_to: float, ex: float, ey: float, dx: float,
    dy: float, heights: Floats, start: int, size: int, left: float, low: float, per_m: float,
) -> None:  # fmt: skip
    """The land under steps first … last from one map, faded in up to the depth `blend_to`."""
    one, across = f32(1.0), (size + 31) >> 5
    ux, uy = f32((ex - left) * per_m), f32((ey - low) * per_m)
    vx, vy = f32(dx * per_m), f32(dy * per_m)
    top = f32(size - 1.01)
    zero = f32(0.0)
    begin = depth[first]
    ease = f32(1.0 / max(blend_to - begin, 1e-3))
    for i in range(first, last):
        z = depth[u64(i)]
        u = min(max(ux + vx * z, zero), top)
        v = min(max(uy + vy * z, zero), top)
        iu, iv = np.int32(u), np.int32(v)
        fu, fv = u - f32(iu), v - f32(iv)
        at = start + ((iv >> 5) * across + (iu >> 5)) * 1089 + (iv & 31) * 33 + (iu & 31)
        p, q, r, s = heights[u64(at)], heights[u64(at + 1)], heights[u64(at + 33)], heights[u64(at + 34)]
        a, b = p + (q - p) * fu, r + (s - r) * fu
        h = a + (b - a) * fv
        w = min((z - begin) * ease, one)
        profile[u64(i)] += (h - profile[u64(i)]) * w


@kernel
def fetch_heights(
    depth: Floats, first: int, last: int, every: int, ex: float, ey: float, dx: float, dy: float, heights: Floats,
    start: int, size: int, left: float, low: float, per_m: float,
) -> None:  # fmt: skip
    """Has the processor fetch what `heights_along` will read in a column to come, at each `every`-th step. A column's
    neighbours read the same cache lines, so this need not be done for all."""
    across, zero, top = (size + 31) >> 5, f32(0.0), f32(size - 1.01)
    ux, uy = f32((ex - left) * per_m), f32((ey - low) * per_m)
    vx, vy = f32(dx * per_m), f32(dy * per_m)
    for i in range(first, last, every):
        z = depth[u64(i)]
        iu = np.int32(min(max(ux + vx * z, zero), top))
        iv = np.int32(min(max(uy + vy * z, zero), top))
        at = start + ((iv >> 5) * across + (iu >> 5)) * 1089 + (iv & 31) * 33 + (iu & 31)
        prefetch(heights, at)
        prefetch(heights, at + 34)


@kernel
def fetch_colours(
    seen: Ints, depth: Floats, first: int, last: int, every: int, ex: float, ey: float, dx: float, dy: float,
    packed: Words, start: int, size: int, left: float, low: float, per_m: float,
) -> None:  # fmt: skip
    """As `fetch_heights`, for `colours_along`."""
    across, zero, top = (size + 31) >> 5, f32(0.0), f32(size - 1.01)
    ux, uy = f32((ex - left) * per_m), f32((ey - low) * per_m)
    vx, vy = f32(dx * per_m), f32(dy * per_m)
    for k in range(first, last, every):
        z = depth[u64(seen[u64(k)])]
        iu = np.int32(min(max(ux + vx * z, zero), top))
        iv = np.int32(min(max(uy + vy * z, zero), top))
        at = start + ((iv >> 5) * across + (iu >> 5)) * 1089 + (iv & 31) * 33 + (iu & 31)
        prefetch(packed, at)
        prefetch(packed, at + 34)


@kernel
def colours_along(
    lit: Floats, seen: Ints, depth: Floats, first: int, last: int, blend_from: float, blend_to: float, ex: float,
    ey: float, dx: float, dy: float, packed: Words, start: int, size: int, left: float, low: float,
    per_m: float,
) -> None:  # fmt: skip
    """The light from the seen steps first … last of the list `seen`, as its square root, from one map."""
    one, zero, top = f32(1.0), f32(0.0), f32(size - 1.01)
    across = (size + 31) >> 5
    ux, uy = f32((ex - left) * per_m), f32((ey - low) * per_m)
    vx, vy = f32(dx * per_m), f32(dy * per_m)
    begin = f32(blend_from)
    ease = f32(1.0 / max(blend_to - blend_from, 1e-3))
    unit = f32(2.0 / 2047.0 / 1024.0)
    reds, greens, blues = lit[0], lit[1], lit[2]
    for number in range(first, last):
        k = u64(number)
        z = depth[u64(seen[k])]
        u = min(max(ux + vx * z, zero), top)
        v = min(max(uy + vy * z, zero), top)
        iu, iv = np.int32(u), np.int32(v)
        at = start + ((iv >> 5) * across + (iu >> 5)) * 1089 + (iv & 31) * 33 + (iu & 31)
        # One multiplication blends all three channels: their fields are wide enough for 10 bits of weight.
        fu, fv = np.int64((u - f32(iu)) * f32(32.0)), np.int64((v - f32(iv)) * f32(32.0))
        gu, gv = 32 - fu, 32 - fv
        lower = packed[u64(at)] * gu + packed[u64(at + 1)] * fu
        mixed = lower * gv + (packed[u64(at + 33)] * gu + packed[u64(at + 34)] * fu) * fv
        red = f32(mixed >> 42) * unit
        green = f32((mixed >> 21) & 0x1FFFFF) * unit
        blue = f32(mixed & 0x1FFFFF) * unit
        w = min(max((z - begin) * ease, zero), one)
        reds[k] += (red - reds[k]) * w
        greens[k] += (green - greens[k]) * w
        blues[k] += (blue - blues[k]) * w


@kernel
def scan(
    surface: Floats, depth: Floats, horizon: float, eye: float, focal: float, top_m: float, height: int, seen: Ints,
    edge: Floats, rows: Floats,
) -> int:  # fmt: skip
    """Lists the steps that rise over all before them, and the image row each reaches. Returns how many. `rows` is room
    to work in."""
    ceiling, zero = f32(height), f32(0.0)
    far, up, scale = f32(horizon), f32(eye), f32(focal)
    count, steps = 0, surface.shape[0]
    for begin in range(0, steps, 64):
        end = min(begin + 64, steps)
        if count > 0 and far - (f32(top_m) - up) * scale / depth[begin] > ceiling:
            break
        near, tops = depth[begin:end], surface[begin:end]
        for k in range(near.shape[0]):
            rows[k] = far - (tops[k] - up) * scale / near[k]
        # Which of them rise is as good as random: without a branch, nothing is guessed wrong.
        for k in range(near.shape[0]):
            y = rows[k]
            seen[u64(count)] = begin + k
            edge[u64(count)] = max(y, zero)
            count += int(y < ceiling)
            ceiling = min(ceiling, y)
        if ceiling <= zero:
            break
    # The first that reaches the top edge hides all after it.
    while count > 1 and edge[count - 2] <= zero:
        count -= 1
    return count


@kernel
def air_between(
    lit: Floats, seen: Ints, count: int, profile: Floats, surface: Floats, ramp: Floats, shadow: Floats, haze: Floats,
    wisp: Floats, share: float,
) -> None:  # fmt: skip
    """Turns what was gathered into light at the lens: cloud shadows on the land, then haze and mist before it."""
    one, zero, part = f32(1.0), f32(0.0), f32(share)
    for k in range(count):
        step = seen[k]
        i, cell = u64(step), u64(step >> 5)
        shade = shadow[cell] + (shadow[u64((step >> 5) + 1)] - shadow[cell]) * (f32(step & 31) * f32(0.03125))
        dry = profile[i] >= surface[i]
        veil = ramp[HAZE, i]
        mist = ramp[MIST, i] * max(one - max(profile[i], zero) * f32(0.022), zero)
        for c in range(3):
            value = lit[c, k]
            if dry:
                value = value * value * shade
            value += (haze[c] - value) * veil
            lit[c, k] = (value + (wisp[c] - value) * mist) * part


@inlined
def _bed(scene: Scene, height: float, c: int, face: float) -> float:
    """By what a colour of rock is multiplied at a height; `face` is how much of its beds it shows."""
    place = max(height, f32(0.0)) * f32(1.0 / BED_M)
    row = int(place)
    part = place - f32(row)
    a, b = scene.beds[u64(row & 63), c], scene.beds[u64((row + 1) & 63), c]
    tone: float = f32(1.0) + (a + (b - a) * part - f32(1.0)) * face
    return tone


@inlined
def _climb(profile: Floats, depth: Floats, i: int) -> float:
    """Metres that the land rises over the step `i`, a metre."""
    j, before = u64(max(i, 1)), u64(max(i, 1) - 1)
    climb: float = (profile[j] - profile[before]) / (depth[j] - depth[before]) if i > 0 else f32(0.0)
    return climb


@inlined
def _leaves(tile: Floats, which: int, place: float, level: float) -> float:
    """A periodic tile as high as `level` above the column at `place`, both in texels."""
    size = tile.shape[1] - 1
    left, low = math.floor(place), np.int64(math.floor(level))
    across, up = f32(place - left), level - f32(low)
    i0, i1 = u64(np.int64(left) & size), u64((np.int64(left) + 1) & size)
    j0, j1, k = u64(low & size), u64((low + 1) & size), u64(which)
    a = tile[k, j0, i0] + (tile[k, j0, i1] - tile[k, j0, i0]) * across
    b = tile[k, j1, i0] + (tile[k, j1, i1] - tile[k, j1, i0]) * across
    shade: float = a + (b - a) * up
    return shade


@inlined
def _texture(scene: Scene, around: float, level: float, below: float, fine: float) -> float:
    """By how much the side of a crown or a cliff is lighter or darker at a height of `level` metres, `below` its
    top, than where it is smooth. `around` runs along it: the texture is fixed to the place."""
    sides, texels = scene.sides, f32(scene.tile.shape[1])
    tall = level * sides[STRETCH] * texels
    tone: float = f32(1.0) - min(max(below, f32(0.0)) * sides[DARKER], sides[DARKEST])
    if fine > f32(0.0):
        leaf = _leaves(scene.tile, 0, around * 0.065 * texels, tall * f32(0.065))
        leaf += f32(0.7) * _leaves(scene.tile, 1, around * 0.023 * texels, tall * f32(0.025))
        tone *= min(max(f32(1.0) + fine * sides[ROUGH] * leaf, f32(0.35)), f32(1.7))
    return tone


@kernel
def fill(  # noqa: C901
    column: Floats, lit: Floats, seen: Ints, edge: Floats, count: int, height: int, profile: Floats, scene: Scene,
    view: View, ray: Ray,
) -> float:  # fmt: skip
    """Adds every seen step to the column by the share of pixels it covers. Returns the row where sky begins."""
    one, zero = f32(1.0), f32(0.0)
    floor, per_depth = f32(height), f32(1.0 / view.focal)
    depth = scene.ramp[DEPTH]
    reds, greens, blues = lit[0], lit[1], lit[2]
    peak, until = f32(0.0), 0
    for number in range(count):
        k = u64(number)
        top, i = edge[k], seen[k]
        row = int(top)
        here, per_pixel = profile[u64(i)], depth[u64(i)] * per_depth
        face, steep, around, fine = zero, zero, 0.0, zero
        climb = _climb(profile, depth, i)
        if climb > f32(0.4) and here > f32(0.3) and per_pixel < f32(8.0):
            # Leaves are green and hold little blue: no bed of rock shows on them.
            if reds[k] >= greens[k] or blues[k] > f32(0.6) * greens[k]:
                shown = min(max(f32(1.5) - f32(0.3) * per_pixel, f32(0.25)), one)
                face = min(max(climb * f32(1.6) - f32(0.5), zero), one) * scene.sides[BEDDED] * shown
            steep = min(max(climb - f32(0.9), zero), one) * min(max(f32(1.3) - per_pixel * f32(3.0), zero), one)
            if steep > zero:
                if number >= until:
                    # What stands here rises step by step: all of it hangs from the last one's top.
                    until = number
                    while (
                        until + 1 < count
                        and seen[until + 1] == seen[until] + 1
                        and _climb(profile, depth, seen[until + 1]) > f32(0.9)
                    ):
                        until += 1
                    peak = profile[seen[until]]
                    until += 1
                around = (view.x + ray.dx * depth[i]) + 0.6 * (view.y + ray.dy * depth[i])
                fine = min(max(f32(1.4) - f32(6.0) * per_pixel, zero), one)
        if row == int(floor):
            part = floor - top
            if steep > zero:
                tone = _texture(scene, around, here, peak - here, fine)
                part *= one + (tone - one) * steep
            for c in range(3):
                value = lit[c, k] * part
                if face > zero:
                    value *= _bed(scene, here, c, face)
                column[u64(row), c] += value
        else:
            before = number - 1 if number > 0 and seen[number - 1] == i - 1 else number
            slab(column, lit, before, number, top, floor, height, steep, per_pixel, here, peak, around, fine, face,
                 scene)  # fmt: skip
        floor = top
    return float(floor)


@inlined
def slab(
    column: Floats, lit: Floats, low: int, high: int, top: float, floor: float, height: int, steep: float,
    per_pixel: float, risen: float, peak: float, around: float, fine: float, face: float, scene: Scene,
) -> None:  # fmt: skip
    """Covers rows from `floor` up to `top` with a blend of two seen steps. Where it is `steep`, the side of what
    stands `risen` metres high, and `peak` further up, fills many pixels, of `per_pixel` metres: nearly one colour,
    with the texture of its side."""
    unit, half = f32(1.0), f32(0.5)
    span = unit / (floor - top)
    r0, g0, b0 = lit[0, u64(low)], lit[1, u64(low)], lit[2, u64(low)]
    dr, dg, db = lit[0, u64(high)] - r0, lit[1, u64(high)] - g0, lit[2, u64(high)] - b0
    hang = steep * scene.sides[DRAPE]
    for row in range(int(top), min(int(floor) + 1, height)):
        above, below = max(f32(row), top), min(f32(row) + unit, floor)
        gain = below - above
        middle = half * (above + below)
        mix = (floor - middle) * span
        level = risen - (middle - top) * per_pixel
        if steep > f32(0.0):
            mix += (unit - mix) * hang
            gain *= unit + (_texture(scene, around, level, peak - level, fine) - unit) * steep
        at = u64(row)
        red, green, blue = (r0 + dr * mix) * gain, (g0 + dg * mix) * gain, (b0 + db * mix) * gain
        if face > f32(0.0):
            red *= _bed(scene, level, 0, face)
            green *= _bed(scene, level, 1, face)
            blue *= _bed(scene, level, 2, face)
        column[at, 0] += red
        column[at, 1] += green
        column[at, 2] += blue


@kernel
def measure(ahead: Floats, seen: Ints, edge: Floats, count: int, height: int, depth: Floats) -> None:
    """How far ahead each row's middle shows land; the rows of the sky stay as they are."""
    floor = height
    for k in range(count):
        top = int(edge[k] + f32(0.5))
        for row in range(top, floor):
            ahead[row] = depth[seen[k]]
        floor = min(floor, top)


@kernel
def _march(profile: Floats, scene: Scene, view: View, ray: Ray) -> None:
    """The land under every step of one column."""
    for level in range(scene.spans.shape[0]):
        first, last, m = scene.spans[level, 0], scene.spans[level, 1], scene.spans[level, 2]
        heights_along(profile, scene.ramp[DEPTH], first, last, scene.fades[level], view.x, view.y, ray.dx, ray.dy,
                      scene.heights, scene.offsets[m, 0], scene.offsets[m, 1], scene.maps[m, 0], scene.maps[m, 1],
                      scene.maps[m, 2])  # fmt: skip


@kernel
def _gather(lit: Floats, seen: Ints, count: int, scene: Scene, view: View, ray: Ray) -> None:
    """The light from every seen step of one column, as its square root."""
    depth = scene.ramp[DEPTH]
    first = 0
    for level in range(scene.spans.shape[0]):
        begin, end, m = scene.spans[level, 0], scene.spans[level, 1], scene.spans[level, 2]
        while first < count and seen[first] < begin:
            first += 1
        last = first
        while last < count and seen[last] < end:
            last += 1
        colours_along(lit, seen, depth, first, last, depth[begin], scene.fades[level], view.x, view.y, ray.dx, ray.dy,
                      scene.packed, scene.offsets[m, 0], scene.offsets[m, 1], scene.maps[m, 0], scene.maps[m, 1],
                      scene.maps[m, 2])  # fmt: skip


@kernel
def _fetch(seen: Ints, count: int, turn: int, scene: Scene, view: View, ray: Ray) -> None:
    """Has memory fetched that the column along `ray`, a few to the right, will read: a `turn` of its steps, and of
    those that the column before saw."""
    depth = scene.ramp[DEPTH]
    first = 0
    for level in range(scene.spans.shape[0]):
        begin, end, m = scene.spans[level, 0], scene.spans[level, 1], scene.spans[level, 2]
        fetch_heights(
            depth,
            begin + turn,
            end,
            TURNS,
            view.x,
            view.y,
            ray.dx,
            ray.dy,
            scene.heights,
            scene.offsets[m, 0],
            scene.offsets[m, 1],
            scene.maps[m, 0],
            scene.maps[m, 1],
            scene.maps[m, 2],
        )
        while first < count and seen[first] < begin:
            first += 1
        last = first
        while last < count and seen[last] < end:
            last += 1
        fetch_colours(
            seen,
            depth,
            first + turn,
            last,
            TURNS,
            view.x,
            view.y,
            ray.dx,
            ray.dy,
            scene.packed,
            scene.offsets[m, 0],
            scene.offsets[m, 1],
            scene.maps[m, 0],
            scene.maps[m, 1],
            scene.maps[m, 2],
        )


@kernel
def _sky_over(column: Floats, above: Floats, drawn: int, floor: float, share: float, scene: Scene, view: View,
              ray: Ray) -> int:  # fmt: skip
    """Adds the sky over the row `floor`. The first `drawn` rows of `above` hold it already: neighbouring rays share
    their sky, which has no edges to resolve. Returns how many rows are held now."""
    rows = min(int(floor) + 1, above.shape[0]) if floor > 0.0 else 0
    for y in range(drawn, rows):
        sky_at(scene, ray.turn, (ray.horizon - (y + 0.5)) / (view.focal * ray.length), above[y])
    turn = math.tan(math.atan(ray.turn) - view.skyward)
    sprinkle(
        above,
        drawn,
        rows,
        ray.turn,
        turn,
        view.focal,
        ray.horizon,
        view.seconds,
        scene.pano,
        scene.turn_min,
        scene.turn_max,
        scene.lights,
    )
    for y in range(rows):
        part = f32(min(floor - y, 1.0) * share)
        column[y, 0] += above[y, 0] * part
        column[y, 1] += above[y, 1] * part
        column[y, 2] += above[y, 2] * part
    return max(drawn, rows)


@kernel
def _cast(place: float, width: int, view: View) -> Ray:
    """The column at `place` pixels from the left edge."""
    turn = (place - width * 0.5) / view.focal
    fx, fy = math.sin(view.yaw), math.cos(view.yaw)
    heading = math.tan(math.atan(turn) + view.skyward)
    horizon = view.horizon + view.roll * turn * view.focal
    return Ray(fx + fy * turn, fy - fx * turn, math.sqrt(1.0 + turn * turn), heading, horizon)


@kernel
def draw_strip(  # noqa: C901
    out: Floats, distance: Floats, x0: int, x1: int, width: int, height: int, rays: int, view: View, scene: Scene
) -> None:
    """Draws columns x0 … x1 into `out` (3, rows, stride), linear light, with `rays` to a pixel's width, and how far
    ahead each pixel is into `distance` (rows, stride), if it has that many rows."""
    depth = scene.ramp[DEPTH]
    steps = depth.shape[0]
    profile, surface = np.zeros(steps, np.float32), np.empty(steps, np.float32)
    # One more than there are steps, as `scan` writes before it knows.
    edge, seen = np.empty(steps + 1, np.float32), np.empty(steps + 1, np.int32)
    rows = np.empty(64, np.float32)
    lit = np.zeros((3, steps), np.float32)
    tops, tones = np.empty((steps >> 4) + 1, np.float32), np.empty((steps >> 4) + 1, np.float32)
    shadow, skyline = np.empty((steps >> 5) + 2, np.float32), np.empty((3, (steps >> 3) + 2), np.float32)
    pixel = np.empty(3, np.float32)
    block, above = np.zeros((x1 - x0, height + 1, 3), np.float32), np.zeros((height, 3), np.float32)
    ahead = np.full((x1 - x0, height), f32(FAR_M), np.float32)
    measured = distance.shape[0] == height
    share = 1.0 / rays
    for px in range(x0, x1):
        column = block[px - x0]
        drawn = 0
        for number in range(rays):
            ray = _cast(px + (number + 0.5) * share, width, view)
            _march(profile, scene, view, ray)
            flood(surface, profile, scene, view, ray)
            count = scan(surface, depth, ray.horizon, view.z, view.focal, scene.top_m, height, seen, edge, rows)
            ahead_of = _cast(px + AHEAD + (number + 0.5) * share, width, view)
            _fetch(seen, count, (px * rays + number) & (TURNS - 1), scene, view, ahead_of)
            _gather(lit, seen, count, scene, view, ray)
            place = min(max((ray.turn - scene.turn_min) / (scene.turn_max - scene.turn_min), 0.0), 1.0)
            haze = scene.hazes[int(place * (scene.hazes.shape[0] - 1))]
            wet(lit, seen, edge, count, profile, surface, scene, view, ray, haze, skyline, pixel)
            if scene.sides[EMBER] > 0.0:
                flicker(lit, seen, count, profile, scene, view, ray)
            for cell in range(shadow.shape[0]):
                z = depth[min(cell << 5, steps - 1)]
                shadow[cell] = clouded(scene.tile, view.x + ray.dx * z, view.y + ray.dy * z, view.seconds)
            air_between(lit, seen, count, profile, surface, scene.ramp, shadow, haze, scene.tint[WISP], share)
            if scene.banks[THICK] > 0.0:
                veil(lit, seen, count, surface, tops, tones, scene, view, ray, haze, share)
            floor = fill(column, lit, seen, edge, count, height, profile, scene, view, ray)
            if measured and number == 0:
                measure(ahead[px - x0], seen, edge, count, height, depth)
            drawn = _sky_over(column, above, drawn, floor, share, scene, view, ray)
    # Columns are written as a block of rows: one by one, each pixel would touch a memory page of its own.
    for y in range(height):
        for c in range(3):
            for k in range(x1 - x0):
                out[u64(c), u64(y), u64(x0 + k)] = block[u64(k), u64(y), u64(c)]
        if measured:
            for k in range(x1 - x0):
                distance[y, x0 + k] = ahead[k, y]
