"""Kernels that turn a river's bed into the light off its surface: depths, mirrored land and sky, foam, glints.

Reflections are traced in the column's own profile of the land, so they show the very trees that stand behind
the water, and end as soon as nothing further on can be met.
"""

from __future__ import annotations

import math

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
    SURF,
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
    u64,
)
from seedbed.engines.previz.waves import FOLD, HEIGHT, LONG_M, SHORT_M, SLOPE_X, SLOPE_Y

LONG_FAR_M, SHORT_FAR_M = 1100.0, 150.0
"""Distances at which half of the long and of the short waves are drawn as roughness only."""


@inlined
def _rise(waves: Floats, tile: int, u: float, v: float) -> float:
    """Metres above the mean of a periodic tile of waves at (u, v), in units of its side."""
    side = waves.shape[1]
    su, sv = u * side, v * side
    i, j = math.floor(su), math.floor(sv)
    fu, fv = f32(su - i), f32(sv - j)
    i0, j0 = u64(i & (side - 1)), u64(j & (side - 1))
    i1, j1 = u64((i + 1) & (side - 1)), u64((j + 1) & (side - 1))
    k = u64(tile)
    a = waves[k, j0, i0, HEIGHT] + (waves[k, j0, i1, HEIGHT] - waves[k, j0, i0, HEIGHT]) * fu
    b = waves[k, j1, i0, HEIGHT] + (waves[k, j1, i1, HEIGHT] - waves[k, j1, i0, HEIGHT]) * fu
    return float(a + (b - a) * fv)


@inlined
def _tilt(waves: Floats, tile: int, u: float, v: float) -> tuple[float, float, float]:
    """The slopes of a tile of waves at (u, v), and how far its crests fold there."""
    side = waves.shape[1]
    su, sv = u * side, v * side
    i, j = math.floor(su), math.floor(sv)
    fu, fv = f32(su - i), f32(sv - j)
    i0, j0 = u64(i & (side - 1)), u64(j & (side - 1))
    i1, j1 = u64((i + 1) & (side - 1)), u64((j + 1) & (side - 1))
    k = u64(tile)
    d = fu * fv
    c, b = fv - d, fu - d
    a = f32(1.0) - fu - c
    sx = waves[k, j0, i0, SLOPE_X] * a + waves[k, j0, i1, SLOPE_X] * b
    sx += waves[k, j1, i0, SLOPE_X] * c + waves[k, j1, i1, SLOPE_X] * d
    sy = waves[k, j0, i0, SLOPE_Y] * a + waves[k, j0, i1, SLOPE_Y] * b
    sy += waves[k, j1, i0, SLOPE_Y] * c + waves[k, j1, i1, SLOPE_Y] * d
    fold = waves[k, j0, i0, FOLD] * a + waves[k, j0, i1, FOLD] * b
    fold += waves[k, j1, i0, FOLD] * c + waves[k, j1, i1, FOLD] * d
    return sx, sy, fold


@inlined
def _gusty(tile: Floats, x: float, y: float) -> float:
    """Waves are higher here and lower there, so that the tiles' period does not show."""
    return 1.0 + 0.35 * tile_at(tile, x / 2300.0, y / 1700.0, 2)


@inlined
def _breaker(scene: Scene, x: float, y: float, deep: float, seconds: float) -> float:
    """How far a wave that runs up a beach is broken, 0 … 1: it rises in shallow water and leaves foam behind."""
    off = deep * 8.5
    bent = 1.1 * tile_at(scene.tile, x / 420.0, y / 260.0, 2) + 0.25 * tile_at(scene.tile, x / 70.0, y / 55.0, 2)
    phase = off / 21.0 + 0.19 * seconds + bent
    part = phase - math.floor(phase)
    front = min(part / 0.10, 1.0) * (1.0 - part) ** 1.6
    strong = min(max(1.25 - off / 58.0, 0.0), 1.0) * min(
        max(0.62 + 0.9 * tile_at(scene.tile, y / 190.0, phase, 2), 0.0), 1.0
    )
    return float(front * strong)


@inlined
def _level(step: int, land: float, scene: Scene, view: View, ray: Ray) -> float:
    """The height of the sea at one step, in metres, above a bed (or beach) of the height `land`."""
    z = scene.ramp[DEPTH, step]
    if z > 5200.0:
        return 0.0
    waves = view.waves
    x, y = view.x + ray.dx * z, view.y + ray.dy * z
    level = _rise(waves, 0, x / LONG_M, y / LONG_M) / (1.0 + (z / LONG_FAR_M) ** 2)
    if z < SHORT_FAR_M:
        u, v = (0.8 * x + 0.6 * y) / SHORT_M, (0.8 * y - 0.6 * x) / SHORT_M
        level += _rise(waves, 1, u, v) * (1.0 - (z / SHORT_FAR_M) ** 2)
    level *= _gusty(scene.tile, x, y)
    if scene.water[SURF] > 0.0:
        deep = max(-land, 0.0)
        level *= min(deep / 4.0, 1.0)
        if 0.02 < deep < 8.0 and z < 1500.0:
            level += 0.75 * _breaker(scene, x, y, deep, view.seconds) * min(deep, 1.0)
        if land > -1.5:
            level += 0.16 + 0.20 * math.sin(0.95 * view.seconds + 2.5 * tile_at(scene.tile, x / 260.0, y / 130.0, 2))
    return float(level)


@kernel
def flood(surface: Floats, profile: Floats, scene: Scene, view: View, ray: Ray) -> None:
    """The height of land or water under every step of one column: what a ray from above would meet."""
    zero = f32(0.0)
    steps = profile.shape[0]
    if scene.water[SWELL] <= 0.0:
        for i in range(steps):
            surface[i] = max(profile[i], zero)
        return
    # The steps are closer to each other than waves are long: every fourth is enough.
    after = _level(0, profile[0], scene, view, ray)
    for first in range(0, steps, 4):
        last = min(first + 4, steps - 1)
        before = after
        if min(profile[first], profile[last]) < 3.0:
            after = _level(last, profile[last], scene, view, ray)
        slope = (after - before) * 0.25
        for i in range(first, min(first + 4, steps)):
            surface[i] = max(profile[i], f32(before + slope * (i - first)))


@kernel
def flicker(lit: Floats, seen: Ints, count: int, profile: Floats, scene: Scene, view: View, ray: Ray) -> None:
    """Lets what glows (far redder and brighter than anything lit) pulse, in a pattern that creeps downhill."""
    depth = scene.ramp[DEPTH]
    for k in range(count):
        red, blue = lit[0, k], lit[2, k]
        if red < 0.9 or blue > 0.6 * red:
            continue
        z = depth[seen[k]]
        x, y = view.x + ray.dx * z, view.y + ray.dy * z + 5.0 * view.seconds
        beat = 1.0 + 0.22 * tile_at(scene.tile, x / 110.0, y / 110.0, 0)
        beat += 0.12 * math.sin(1.7 * view.seconds + 9.0 * tile_at(scene.tile, x / 300.0, y / 300.0, 2))
        part = min((red - 0.9) * 4.0, 1.0)
        for c in range(3):
            lit[c, k] *= f32(1.0 + (max(beat, 0.4) - 1.0) * part)


@kernel
def _outline(profile: Floats, depth: Floats, skyline: Floats) -> None:
    """For every eighth step, the steepest that any land from there on rises to, as height over depth; and how high
    it is at most in each eight and in each 64 steps."""
    steps, cells = profile.shape[0], skyline.shape[1]
    highest = f32(0.0)
    for cell in range(cells):
        skyline[2, cell] = f32(-1e9)
    for cell in range(cells - 1, -1, -1):
        top = f32(-1e9)
        for i in range(cell << 3, min((cell + 1) << 3, steps)):
            highest = max(highest, profile[i] / depth[i])
            top = max(top, profile[i])
        skyline[0, cell], skyline[1, cell] = highest, top
        skyline[2, cell >> 3] = max(skyline[2, cell >> 3], top)


@kernel
def _meet(profile: Floats, depth: Floats, skyline: Floats, step: int, climb: float) -> int:
    """The first step whose land meets a ray that leaves the water at `step` and rises `climb` a metre; or -1."""
    z = depth[step]
    j = step + 2
    while j < profile.shape[0]:
        risen = (depth[j] - z) * climb
        cell = j >> 3
        # The ray only rises: what is all lower than it is here is passed at once.
        if skyline[1, cell] <= risen:
            # No land further on stands high enough, seen from here, to meet this ray.
            if skyline[0, cell] * depth[j] < risen:
                return -1
            j = (cell + 1) << 3
            if skyline[2, cell >> 3] <= risen:
                j = ((cell >> 3) + 1) << 6
            continue
        if profile[j] > risen:
            return j
        j += 1
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
    at = start + ((iv >> 5) * ((size + 31) >> 5) + (iu >> 5)) * 1089 + (iv & 31) * 33 + (iu & 31)
    word = scene.packed[u64(at)]
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
    part = place - row
    middle = scene.line[row, 0] + (scene.line[row + 1, 0] - scene.line[row, 0]) * part
    return x - middle, scene.line[row, 3] + (scene.line[row + 1, 3] - scene.line[row, 3]) * part


@kernel
def wet(  # noqa: C901
    lit: Floats, seen: Ints, edge: Floats, count: int, profile: Floats, surface: Floats, scene: Scene, view: View,
    ray: Ray, haze: Floats, skyline: Floats, pixel: Floats,
) -> None:  # fmt: skip
    """Replaces the bed in `lit` by the light off the water. `skyline` and `pixel` (3) are room to work in."""
    water, tint, tile, sun, waves = scene.water, scene.tint, scene.tile, scene.sun, view.waves
    depth = scene.ramp[DEPTH]
    seconds, length = view.seconds, ray.length
    outlined, last = False, -1
    for k in range(count):
        step = seen[k]
        if profile[step] >= surface[step]:
            continue
        # Far off, many steps share a pixel: one in half of it will do.
        if last >= 0 and edge[last] - edge[k] < 0.75 and last + 8 > k:
            lit[0, k], lit[1, k], lit[2, k] = lit[0, last], lit[1, last], lit[2, last]
            continue
        last = k
        if not outlined:
            _outline(profile, depth, skyline)
            outlined = True
        z = depth[step]
        x, y = view.x + ray.dx * z, view.y + ray.dy * z
        white, rough, sx, sy, streak = 0.0, 0.0, 0.0, 0.0, -1.0
        if water[SWELL] > 0.0:
            deep_now = max(surface[step] - profile[step], 0.0)
            shoal = min(deep_now / 4.0, 1.0) if water[SURF] > 0.0 else 1.0
            gust = _gusty(tile, x, y) * shoal
            far = 1.0 / (1.0 + (z / LONG_FAR_M) ** 2) * gust
            lx, ly, fold = _tilt(waves, 0, x / LONG_M, y / LONG_M)
            sx, sy, fold = lx * far, ly * far, fold * gust
            u, v = (0.8 * x + 0.6 * y) / SHORT_M, (0.8 * y - 0.6 * x) / SHORT_M
            fine = 1.0 / (1.0 + (z / SHORT_FAR_M) ** 2) * min(gust + 0.3, 1.0)
            su, sv, folds = _tilt(waves, 1, u, v)
            sx, sy = sx + (0.8 * su - 0.6 * sv) * fine, sy + (0.6 * su + 0.8 * sv) * fine
            fold += 0.55 * folds * fine
            if fold > water[SWELL]:
                patch = 0.5 + 0.5 * tile_at(tile, (x + 0.4 * y) / 31.0, (y - 0.4 * x) / 31.0, 2)
                white = min((fold - water[SWELL]) * 5.0, 1.0) * patch
            rough = 0.05 * (1.0 - fine)
            if water[SURF] > 0.0 and profile[step] > -8.0:
                lace = 0.55 + 0.75 * tile_at(tile, x / 17.0, y / 23.0, 2) + 0.25 * tile_at(tile, x / 5.3, y / 7.1, 0)
                run = _breaker(scene, x, y, max(-profile[step], 0.0), seconds)
                white = max(white, min(max((run + 0.55 * max(1.0 - deep_now / 0.5, 0.0)) * 1.5 * lace, 0.0), 1.0))
        else:
            across, along = _along(scene, x, y) if water[RIVERLIKE] > 0.5 else (0.8 * x + 0.6 * y, 0.8 * y - 0.6 * x)
            gone = water[FLOW] * seconds
            # Two layers that slide over each other: the surface never repeats and never stands still.
            fading = scene.ramp[RIPPLE, step]
            quiet = fading * water[CALM] * (0.9 + 0.55 * tile_at(tile, across / 160.0, (along + 0.6 * gone) / 330.0, 2))
            if water[RIVERLIKE] < 0.5:
                # Cat's-paws wander over a lake that is a mirror otherwise.
                quiet *= min(max(0.45 + 1.6 * tile_at(tile, x / 610.0 + 0.01 * seconds, y / 830.0, 2), 0.12), 1.6)
            u1, v1 = across / 47.0, (along + gone) / 74.0
            u2, v2 = (across + 0.35 * along) / 19.3 + 0.37, (along - 0.35 * across + 1.35 * gone) / 24.7
            sx = (0.6 * tile_at(tile, u1, v1, 0) + 0.55 * fading * tile_at(tile, u2, v2, 0)) * quiet
            sy = (0.6 * tile_at(tile, u1, v1, 1) + 0.55 * fading * tile_at(tile, u2, v2, 1)) * quiet
            if water[FOAM] > 0.0:
                streak = tile_at(tile, across / 13.0, (along + gone) / 95.0, 2)
        tilt, side = (sx * ray.dx + sy * ray.dy) / length, (sx * ray.dy - sy * ray.dx) / length
        down = (view.z - surface[step]) / (z * length)
        slope = max(down + 2.0 * tilt + rough, 0.03)
        hit = _meet(profile, depth, skyline, step, slope * length)
        if hit >= 0:
            _mirrored(scene, view, ray, hit, 0.9 * side * (depth[hit] - z), haze, pixel)
        else:
            sky_at(scene, ray.turn + 0.9 * side, slope * 0.8, pixel)
        grazing = 1.0 - min(slope / math.sqrt(1.0 + slope * slope) * 1.15, 1.0)
        mirror = 0.16 + 0.84 * grazing * grazing * grazing
        deep = min(max(surface[step] - profile[step], 0.0), 6.0)
        clear = math.exp(-deep * 0.75)
        # Light comes through the crests of waves.
        through = min(max(surface[step] - 0.2, 0.0) * 0.10, 0.4)
        shade = clouded(tile, x, y, seconds)
        # The bed was lit through its own shadows: its brightness says whether the sun falls here.
        bright = min((lit[1, k] + 0.10) * 2.6, 1.0)
        foam = white
        if water[FOAM] > 0.0:
            foam = max(foam, _foam(streak, deep, tilt) * water[FOAM])
        spark = _glint(sx, sy, sun[0], sun[1], sun[2], ray.dx, ray.dy, down, length) * water[GLINT] * shade * bright
        for c in range(3):
            bed = lit[c, k] * lit[c, k]
            body = (tint[DEEP, c] + (tint[SHALLOW, c] - tint[DEEP, c]) * clear) * (0.45 + 0.55 * bright) * shade
            body += (bed * 0.8 - body) * clear * 0.6
            body += tint[SHALLOW, c] * through * shade
            value = body * (1.0 - mirror) + pixel[c] * mirror
            value += (tint[SPARK, c] * 0.55 * bright - value) * foam
            lit[c, k] = value + tint[SPARK, c] * spark
