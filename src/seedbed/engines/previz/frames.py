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

from seedbed.engines.previz.jit import inlined, kernel
from seedbed.engines.previz.sky import sprinkle
from seedbed.engines.previz.stage import (
    DEPTH,
    FAR_M,
    HAZE,
    MIST,
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
)
from seedbed.engines.previz.water import wet


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
        a = heights[at] + (heights[at + 1] - heights[at]) * fu
        b = heights[at + 33] + (heights[at + 34] - heights[at + 33]) * fu
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
        z = depth[seen[k]]
        u = min(max(ux + vx * z, zero), top)
        v = min(max(uy + vy * z, zero), top)
        iu, iv = np.int32(u), np.int32(v)
        at = start + ((iv >> 5) * across + (iu >> 5)) * 1089 + (iv & 31) * 33 + (iu & 31)
        # One multiplication blends all three channels: their fields are wide enough for 10 bits of weight.
        fu, fv = np.int64((u - f32(iu)) * f32(32.0)), np.int64((v - f32(iv)) * f32(32.0))
        gu, gv = 32 - fu, 32 - fv
        mixed = (packed[at] * gu + packed[at + 1] * fu) * gv + (packed[at + 33] * gu + packed[at + 34] * fu) * fv
        red = f32(mixed >> 42) * unit
        green = f32((mixed >> 21) & 0x1FFFFF) * unit
        blue = f32(mixed & 0x1FFFFF) * unit
        w = min(max((z - begin) * ease, zero), one)
        lit[0, k] += (red - lit[0, k]) * w
        lit[1, k] += (green - lit[1, k]) * w
        lit[2, k] += (blue - lit[2, k]) * w


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
    column: Floats, lit: Floats, seen: Ints, edge: Floats, count: int, height: int, profile: Floats, depth: Floats,
    focal: float,
) -> float:  # fmt: skip
    """Adds every seen step to the column by the share of pixels it covers. Returns the row where sky begins."""
    floor = f32(height)
    for k in range(count):
        top, i = edge[k], seen[k]
        row = int(top)
        if row == int(floor):
            part = floor - top
            column[row, 0] += lit[0, k] * part
            column[row, 1] += lit[1, k] * part
            column[row, 2] += lit[2, k] * part
        else:
            before = k - 1 if k > 0 and seen[k - 1] == i - 1 else k
            per_pixel = depth[i] / focal
            steep = min(max((floor - top - 1.5) * 0.5, 0.0), 1.0) if profile[i] > 0.3 else 0.0
            steep *= min(max(1.3 - per_pixel * 3.0, 0.0), 1.0)
            slab(column, lit, before, k, float(top), float(floor), height, steep, per_pixel)
        floor = top
    return float(floor)


@inlined
def slab(
    column: Floats, lit: Floats, low: int, high: int, top: float, floor: float, height: int, steep: float,
    per_pixel: float,
) -> None:  # fmt: skip
    """Covers rows from `floor` up to `top` with a blend of two seen steps. Where it is `steep`, the side of a
    crown fills many pixels, of `per_pixel` metres: one colour, darker towards the ground."""
    span = 1.0 / (floor - top)
    for row in range(int(top), min(int(floor) + 1, height)):
        above, below = max(float(row), top), min(row + 1.0, floor)
        tone = below - above
        middle = 0.5 * (above + below)
        mix = (floor - middle) * span
        if steep > 0.0:
            mix += (1.0 - mix) * steep
            tone *= 1.0 - steep * min((middle - top) * per_pixel * 0.10, 0.55)
        for c in range(3):
            column[row, c] += (lit[c, low] + (lit[c, high] - lit[c, low]) * f32(mix)) * f32(tone)


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
def draw_strip(
    out: Floats, distance: Floats, x0: int, x1: int, width: int, height: int, rays: int, view: View, scene: Scene
) -> None:
    """Draws columns x0 … x1 into `out` (3, rows, stride), linear light, with `rays` to a pixel's width, and how far
    ahead each pixel is into `distance` (rows, stride), if it has that many rows."""
    depth = scene.ramp[DEPTH]
    steps = depth.shape[0]
    profile, edge, seen = np.zeros(steps, np.float32), np.empty(steps, np.float32), np.empty(steps, np.int32)
    lit = np.zeros((3, steps), np.float32)
    shadow, skyline = np.empty((steps >> 5) + 2, np.float32), np.empty((steps >> 3) + 2, np.float32)
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
            count = scan(profile, depth, ray.horizon, view.z, view.focal, scene.top_m, height, seen, edge)
            _gather(lit, seen, count, scene, view, ray)
            place = min(max((ray.turn - scene.turn_min) / (scene.turn_max - scene.turn_min), 0.0), 1.0)
            haze = scene.hazes[int(place * (scene.hazes.shape[0] - 1))]
            wet(lit, seen, count, profile, scene, view, ray, haze, skyline)
            for cell in range(shadow.shape[0]):
                z = depth[min(cell << 5, steps - 1)]
                shadow[cell] = clouded(scene.tile, view.x + ray.dx * z, view.y + ray.dy * z, view.seconds)
            air_between(lit, seen, count, profile, scene.ramp, shadow, haze, scene.tint[WISP], share)
            floor = fill(column, lit, seen, edge, count, height, profile, depth, view.focal)
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
