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
from seedbed.engines.previz.jit import inlined, kernel
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
    tile_at,
    u64,
)
from seedbed.engines.previz.water import flicker, flood, wet


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
        z = depth[i]
        u = min(max(ux + vx * z, zero), top)
        v = min(max(uy + vy * z, zero), top)
        iu, iv = np.int32(u), np.int32(v)
        fu, fv = u - f32(iu), v - f32(iv)
        at = start + ((iv >> 5) * across + (iu >> 5)) * 1089 + (iv & 31) * 33 + (iu & 31)
        p, q, r, s = heights[u64(at)], heights[u64(at + 1)], heights[u64(at + 33)], heights[u64(at + 34)]
        a, b = p + (q - p) * fu, r + (s - r) * fu
        h = a + (b - a) * fv
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
    across = (size + 31) >> 5
    ux, uy = f32((ex - left) * per_m), f32((ey - low) * per_m)
    vx, vy = f32(dx * per_m), f32(dy * per_m)
    begin = f32(blend_from)
    ease = f32(1.0 / max(blend_to - blend_from, 1e-3))
    unit = f32(2.0 / 2047.0 / 1024.0)
    for k in range(first, last):
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
        lit[0, k] += (red - lit[0, k]) * w
        lit[1, k] += (green - lit[1, k]) * w
        lit[2, k] += (blue - lit[2, k]) * w


@kernel
def scan(
    surface: Floats, depth: Floats, horizon: float, eye: float, focal: float, top_m: float, height: int, seen: Ints,
    edge: Floats,
) -> int:  # fmt: skip
    """Lists the steps that rise over all before them, and the image row each reaches. Returns how many."""
    ceiling, zero = f32(height), f32(0.0)
    far, up, scale = f32(horizon), f32(eye), f32(focal)
    count = 0
    for i in range(surface.shape[0]):
        y = far - (surface[i] - up) * scale / depth[i]
        if y < ceiling:
            seen[count] = i
            edge[count] = max(y, zero)
            count += 1
            ceiling = y
            if y <= zero:
                break
        elif count > 0 and i & 63 == 0 and far - (f32(top_m) - up) * scale / depth[i] > ceiling:
            break
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
    place = max(height, 0.0) / BED_M
    row = int(place)
    part = place - row
    a, b = scene.beds[u64(row & 63), c], scene.beds[u64((row + 1) & 63), c]
    return float(1.0 + (a + (b - a) * part - 1.0) * face)


@inlined
def _climb(profile: Floats, depth: Floats, i: int) -> float:
    """Metres that the land rises over the step `i`, a metre."""
    return float((profile[i] - profile[i - 1]) / (depth[i] - depth[i - 1])) if i > 0 else 0.0


@inlined
def _texture(scene: Scene, around: float, level: float, below: float, per_pixel: float) -> float:
    """By how much the side of a crown or a cliff is lighter or darker at a height of `level` metres, `below` its
    top, than where it is smooth. `around` runs along it: the texture is fixed to the place."""
    sides = scene.sides
    leaf = tile_at(scene.tile, around * 0.065, level * 0.065 * sides[STRETCH], 0)
    leaf += 0.7 * tile_at(scene.tile, around * 0.023, level * 0.025 * sides[STRETCH], 1)
    fine = min(max(1.4 - 6.0 * per_pixel, 0.0), 1.0)
    rough = min(max(1.0 + fine * sides[ROUGH] * leaf, 0.35), 1.7)
    return float((1.0 - min(max(below, 0.0) * sides[DARKER], sides[DARKEST])) * rough)


@kernel
def fill(  # noqa: C901
    column: Floats, lit: Floats, seen: Ints, edge: Floats, count: int, height: int, profile: Floats, scene: Scene,
    view: View, ray: Ray,
) -> float:  # fmt: skip
    """Adds every seen step to the column by the share of pixels it covers. Returns the row where sky begins."""
    floor = f32(height)
    depth = scene.ramp[DEPTH]
    peak, until = f32(0.0), 0
    for k in range(count):
        top, i = edge[k], seen[k]
        row = int(top)
        per_pixel = depth[i] / view.focal
        face, steep, around = 0.0, 0.0, 0.0
        climb = _climb(profile, depth, i)
        if climb > 0.4 and profile[i] > 0.3 and per_pixel < 8.0:
            # Leaves are green and hold little blue: no bed of rock shows on them.
            if lit[0, k] >= lit[1, k] or lit[2, k] > 0.6 * lit[1, k]:
                face = (
                    min(max(climb * 1.6 - 0.5, 0.0), 1.0)
                    * scene.sides[BEDDED]
                    * min(max(1.5 - 0.3 * per_pixel, 0.25), 1.0)
                )
            steep = min(max(climb - 0.9, 0.0), 1.0) * min(max(1.3 - per_pixel * 3.0, 0.0), 1.0)
            if steep > 0.0:
                if k >= until:
                    # What stands here rises step by step: all of it hangs from the last one's top.
                    until = k
                    while (
                        until + 1 < count
                        and seen[until + 1] == seen[until] + 1
                        and _climb(profile, depth, seen[until + 1]) > 0.9
                    ):
                        until += 1
                    peak = profile[seen[until]]
                    until += 1
                around = (view.x + ray.dx * depth[i]) + 0.6 * (view.y + ray.dy * depth[i])
        if row == int(floor):
            part = floor - top
            if steep > 0.0:
                tone = _texture(scene, around, profile[i], peak - profile[i], per_pixel)
                part *= f32(1.0 + (tone - 1.0) * steep)
            for c in range(3):
                value = lit[c, k] * part
                if face > 0.0:
                    value *= f32(_bed(scene, profile[i], c, face))
                column[row, c] += value
        else:
            before = k - 1 if k > 0 and seen[k - 1] == i - 1 else k
            slab(column, lit, before, k, float(top), float(floor), height, steep, per_pixel, float(profile[i]),
                 float(peak), around,
                 face, scene)  # fmt: skip
        floor = top
    return float(floor)


@inlined
def slab(
    column: Floats, lit: Floats, low: int, high: int, top: float, floor: float, height: int, steep: float,
    per_pixel: float, risen: float, peak: float, around: float, face: float, scene: Scene,
) -> None:  # fmt: skip
    """Covers rows from `floor` up to `top` with a blend of two seen steps. Where it is `steep`, the side of what
    stands `risen` metres high, and `peak` further up, fills many pixels, of `per_pixel` metres: nearly one colour,
    with the texture of its side."""
    span = 1.0 / (floor - top)
    below_, above_ = u64(low), u64(high)
    for row in range(int(top), min(int(floor) + 1, height)):
        above, below = max(float(row), top), min(row + 1.0, floor)
        tone = below - above
        middle = 0.5 * (above + below)
        mix = (floor - middle) * span
        level = risen - (middle - top) * per_pixel
        if steep > 0.0:
            mix += (1.0 - mix) * steep * scene.sides[DRAPE]
            tone *= 1.0 + (_texture(scene, around, level, peak - level, per_pixel) - 1.0) * steep
        at, part, gain = u64(row), f32(mix), f32(tone)
        for c in range(3):
            value = (lit[c, below_] + (lit[c, above_] - lit[c, below_]) * part) * gain
            if face > 0.0:
                value *= f32(_bed(scene, level, c, face))
            column[at, c] += value


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
def _sky_over(column: Floats, above: Floats, drawn: int, floor: float, share: float, scene: Scene, view: View,
              ray: Ray) -> int:  # fmt: skip
    """Adds the sky over the row `floor`. The first `drawn` rows of `above` hold it already: neighbouring rays share
    their sky, which has no edges to resolve. Returns how many rows are held now."""
    pixel = np.zeros(3, np.float32)
    rows = min(int(floor) + 1, above.shape[0]) if floor > 0.0 else 0
    for y in range(drawn, rows):
        sky_at(scene, ray.turn, (ray.horizon - (y + 0.5)) / (view.focal * ray.length), pixel)
        above[y, 0], above[y, 1], above[y, 2] = pixel[0], pixel[1], pixel[2]
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
    edge, seen = np.empty(steps, np.float32), np.empty(steps, np.int32)
    lit = np.zeros((3, steps), np.float32)
    tops, tones = np.empty((steps >> 4) + 1, np.float32), np.empty((steps >> 4) + 1, np.float32)
    shadow, skyline = np.empty((steps >> 5) + 2, np.float32), np.empty((3, (steps >> 3) + 2), np.float32)
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
            count = scan(surface, depth, ray.horizon, view.z, view.focal, scene.top_m, height, seen, edge)
            _gather(lit, seen, count, scene, view, ray)
            place = min(max((ray.turn - scene.turn_min) / (scene.turn_max - scene.turn_min), 0.0), 1.0)
            haze = scene.hazes[int(place * (scene.hazes.shape[0] - 1))]
            wet(lit, seen, edge, count, profile, surface, scene, view, ray, haze, skyline)
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
                out[c, y, x0 + k] = block[k, y, c]
        if measured:
            for k in range(x1 - x0):
                distance[y, x0 + k] = ahead[k, y]
