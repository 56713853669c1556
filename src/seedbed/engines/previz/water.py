"""Kernels that turn a river's bed into the light off its surface: depths, mirrored land and sky, foam, glints.

Reflections are traced in the column's own profile of the land, so they show the very trees that stand behind
the water, and end as soon as nothing further on can be met.
"""

from __future__ import annotations

import math

import numpy as np

from seedbed.engines.previz.jit import inlined, kernel
from seedbed.engines.previz.stage import (
    CALM,
    DEEP,
    DEPTH,
    FLOW,
    FOAM,
    GLINT,
    HAZE,
    RIPPLE,
    RIVERLIKE,
    SHALLOW,
    SPARK,
    SWELL,
    Floats,
    Ints,
    Ray,
    Scene,
    View,
    clouded,
    f32,
    sky_at,
    tile_at,
)


@kernel
def _outline(profile: Floats, depth: Floats, skyline: Floats) -> None:
    """For every eighth step, the steepest that any land from there on rises to, as height over depth."""
    steps = profile.shape[0]
    highest = f32(0.0)
    for cell in range(skyline.shape[0] - 1, -1, -1):
        for i in range(cell << 3, min((cell + 1) << 3, steps)):
            highest = max(highest, profile[i] / depth[i])
        skyline[cell] = highest


@kernel
def _meet(profile: Floats, depth: Floats, skyline: Floats, step: int, climb: float) -> int:
    """The first step whose land meets a ray that leaves the water at `step` and rises `climb` a metre; or -1."""
    z = depth[step]
    j = step + 2
    while j < profile.shape[0]:
        risen = (depth[j] - z) * climb
        if profile[j] > risen:
            return j
        # No land further on stands high enough, seen from here, to meet this ray.
        if skyline[j >> 3] * depth[j] < risen:
            return -1
        j += 1 + (j - step) // 10
    return -1


@inlined
def _mirrored(scene: Scene, view: View, ray: Ray, hit: int, shift: float, haze: Floats, out: Floats) -> None:
    """The land at the step `hit`, `shift` metres aside, as the water shows it, into `out`."""
    z = scene.ramp[DEPTH, hit]
    which = scene.nearest[hit]
    size, start = scene.offsets[which, 1], scene.offsets[which, 0]
    u = (view.x + ray.dx * z + shift * ray.dy - scene.maps[which, 0]) * scene.maps[which, 2]
    v = (view.y + ray.dy * z - shift * ray.dx - scene.maps[which, 1]) * scene.maps[which, 2]
    iu, iv = int(min(max(u, 0.0), size - 1.0)), int(min(max(v, 0.0), size - 1.0))
    word = scene.packed[start + ((iv >> 5) * ((size + 31) >> 5) + (iu >> 5)) * 1089 + (iv & 31) * 33 + (iu & 31)]
    out[0] = (f32(word >> 42) * f32(2.0 / 2047.0)) ** 2
    out[1] = (f32((word >> 21) & 2047) * f32(2.0 / 2047.0)) ** 2
    out[2] = (f32(word & 2047) * f32(2.0 / 2047.0)) ** 2
    veil = scene.ramp[HAZE, hit]
    for c in range(3):
        out[c] = out[c] * (1.0 - veil) * 0.85 + haze[c] * veil


@kernel
def _glint(sx: float, sy: float, sun_x: float, sun_y: float, sun_z: float, ray_x: float, ray_y: float, down: float,
           length: float) -> float:  # fmt: skip
    """Sunlight thrown back by a surface of slopes (sx, sy), three times as rough as it looks."""
    hx, hy, hz = sun_x - ray_x / length, sun_y - ray_y / length, sun_z + down
    norm = 1.0 / math.sqrt((hx * hx + hy * hy + hz * hz) * (1.0 + (sx * sx + sy * sy) * 9.0))
    facing = max((hz - 3.0 * (sx * hx + sy * hy)) * norm, 0.0)
    broad = facing**64
    return float(broad * 0.10 + broad**5 * 0.8)


@kernel
def _foam(streak: float, deep: float, tilt: float) -> float:
    return min(max((streak + 0.9 * max(1.0 - deep * 1.3, 0.0) + 0.6 * tilt - 1.18) * 2.2, 0.0), 0.8)


@inlined
def _along(scene: Scene, x: float, y: float) -> tuple[float, float]:
    """Where (x, y) lies in the river: metres from its middle, and metres down its course."""
    place = min(max((y - scene.line_start) / scene.line_step, 0.0), scene.line.shape[0] - 1.001)
    row = int(place)
    a, b = scene.line[row], scene.line[row + 1]
    part = place - row
    return x - (a[0] + (b[0] - a[0]) * part), a[3] + (b[3] - a[3]) * part


@kernel
def wet(
    lit: Floats, seen: Ints, count: int, profile: Floats, scene: Scene, view: View, ray: Ray, haze: Floats,
    skyline: Floats,
) -> None:  # fmt: skip
    """Replaces the bed in `lit` by the light off the water. `skyline` is room to work in."""
    water, tint, tile, sun = scene.water, scene.tint, scene.tile, scene.sun
    depth = scene.ramp[DEPTH]
    seconds, length = view.seconds, ray.length
    pixel = np.zeros(3, np.float32)
    outlined = False
    for k in range(count):
        step = seen[k]
        if profile[step] >= 0.0:
            continue
        if not outlined:
            _outline(profile, depth, skyline)
            outlined = True
        z = depth[step]
        x, y = view.x + ray.dx * z, view.y + ray.dy * z
        across, along = _along(scene, x, y) if water[RIVERLIKE] > 0.5 else (x, y)
        gone = water[FLOW] * seconds
        # Two layers that slide over each other: the surface never repeats and never stands still.
        fading = scene.ramp[RIPPLE, step]
        quiet = fading * water[CALM] * (0.9 + 0.55 * tile_at(tile, across / 160.0, (along + 0.6 * gone) / 330.0, 2))
        u1, v1 = across / 47.0, (along + gone) / 74.0
        u2, v2 = (across + 0.35 * along) / 19.3 + 0.37, (along - 0.35 * across + 1.35 * gone) / 24.7
        sx = (0.6 * tile_at(tile, u1, v1, 0) + 0.55 * fading * tile_at(tile, u2, v2, 0)) * quiet
        sy = (0.6 * tile_at(tile, u1, v1, 1) + 0.55 * fading * tile_at(tile, u2, v2, 1)) * quiet
        if water[SWELL] > 0.0:
            phase = 0.11 * (x * 0.8 + y * 0.6) + 0.9 * seconds + 2.0 * tile_at(tile, x / 300.0, y / 300.0, 2)
            roll = water[SWELL] * math.cos(phase) * fading
            sx, sy = sx + 0.8 * roll, sy + 0.6 * roll
        tilt, side = (sx * ray.dx + sy * ray.dy) / length, (sx * ray.dy - sy * ray.dx) / length
        down = view.z / (z * length)
        slope = max(down + 2.0 * tilt, 0.03)
        hit = _meet(profile, depth, skyline, step, slope * length)
        if hit >= 0:
            _mirrored(scene, view, ray, hit, 0.9 * side * (depth[hit] - z), haze, pixel)
        else:
            sky_at(scene, ray.turn + 0.9 * side, slope * 0.8, pixel)
        grazing = 1.0 - min(slope / math.sqrt(1.0 + slope * slope) * 1.15, 1.0)
        mirror = 0.16 + 0.84 * grazing * grazing * grazing
        deep = min(max(-profile[step], 0.0), 6.0)
        clear = math.exp(-deep * 0.75)
        shade = clouded(tile, x, y, seconds)
        # The bed was lit through its own shadows: its brightness says whether the sun falls here.
        bright = min((lit[1, k] + 0.10) * 2.6, 1.0)
        foam = _foam(tile_at(tile, across / 13.0, (along + gone) / 95.0, 2), deep, tilt) * water[FOAM]
        spark = _glint(sx, sy, sun[0], sun[1], sun[2], ray.dx, ray.dy, down, length) * water[GLINT] * shade * bright
        for c in range(3):
            bed = lit[c, k] * lit[c, k]
            body = (tint[DEEP, c] + (tint[SHALLOW, c] - tint[DEEP, c]) * clear) * (0.45 + 0.55 * bright) * shade
            body += (bed * 0.8 - body) * clear * 0.6
            value = body * (1.0 - mirror) + pixel[c] * mirror
            value += (tint[SPARK, c] * 0.55 * bright - value) * foam
            lit[c, k] = value + tint[SPARK, c] * spark
