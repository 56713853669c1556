"""Kernels that draw a planet: where each pixel's ray meets its sphere, lit by one sun through its air, with rings.

The limb needs no further samples: how far a ray passes from the centre says what share of the pixel is covered.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel

Floats = NDArray[np.float32]


class Globe(NamedTuple):
    """`centre` (3) and `radius`; `sun` (3) towards the light and `power` (3) its colour; `air` (3) the colour of the
    air and `deep` its height in radii, 0 for none; `skin` and `more` as in `worlds`, over `window` (4); `bump` how
    rough the ground looks, `glow` (3) the light of towns; `rings` (n, 4: light and opacity) from `inner` to `outer`
    radii, round the z axis; `spin` in radians a second; `fiery` 1 where the body is a light itself."""

    centre: Floats
    radius: float
    sun: Floats
    power: Floats
    air: Floats
    deep: float
    skin: Floats
    more: Floats
    window: Floats
    bump: float
    glow: Floats
    rings: Floats
    inner: float
    outer: float
    spin: float


@kernel
def _texel(globe: Globe, nx: float, ny: float, nz: float, turn: float, out: Floats) -> None:
    """The map at a point of the sphere: `skin` into out[0:4], `more` into out[4:7], slopes of height in out[7:9]."""
    rows, columns = globe.skin.shape[0], globe.skin.shape[1]
    lat = math.asin(min(max(nz, -1.0), 1.0))
    lon = math.atan2(ny, nx) - turn
    lon -= math.floor((lon - globe.window[0]) / 6.2831853) * 6.2831853
    u = min(max((lon - globe.window[0]) / globe.window[2], 0.0), columns - 1.01)
    v = min(max((lat - globe.window[1]) / globe.window[3], 0.0), rows - 1.01)
    i, j = int(u), int(v)
    fu, fv = np.float32(u - i), np.float32(v - j)
    skin, more = globe.skin, globe.more
    for c in range(4):
        a = skin[j, i, c] + (skin[j, i + 1, c] - skin[j, i, c]) * fu
        b = skin[j + 1, i, c] + (skin[j + 1, i + 1, c] - skin[j + 1, i, c]) * fu
        out[c] = a + (b - a) * fv
    for c in range(3):
        a = more[j, i, c] + (more[j, i + 1, c] - more[j, i, c]) * fu
        b = more[j + 1, i, c] + (more[j + 1, i + 1, c] - more[j + 1, i, c]) * fu
        out[4 + c] = a + (b - a) * fv
    high = more[j, i, 1] * (1 - fv) + more[j + 1, i, 1] * fv
    right = more[j, i + 1, 1] * (1 - fv) + more[j + 1, i + 1, 1] * fv
    low = more[j, i, 1] * (1 - fu) + more[j, i + 1, 1] * fu
    up = more[j + 1, i, 1] * (1 - fu) + more[j + 1, i + 1, 1] * fu
    out[7] = (right - high) / globe.window[2]
    out[8] = (up - low) / globe.window[3]
    # A cloud's shadow falls a little away from the sun.
    k = min(max(int(v - globe.sun[2] * 2.0 + 0.5), 0), rows - 1)
    out[9] = more[k, min(i + 2, columns - 1), 0]


@kernel
def _ringed(globe: Globe, px: float, py: float, pz: float, dx: float, dy: float, dz: float, out: Floats) -> float:
    """The rings along a ray from p (from the centre, in radii): light and opacity into out[0:4]; how far, or -1."""
    if globe.rings.shape[0] == 0 or abs(dz) < 1e-6:
        return -1.0
    t = -pz / dz
    if t <= 0.0:
        return -1.0
    x, y = px + dx * t, py + dy * t
    away = math.sqrt(x * x + y * y)
    if away <= globe.inner or away >= globe.outer:
        return -1.0
    place = (away - globe.inner) / (globe.outer - globe.inner) * (globe.rings.shape[0] - 1.01)
    i = int(place)
    part = np.float32(place - i)
    for c in range(4):
        out[c] = globe.rings[i, c] + (globe.rings[i + 1, c] - globe.rings[i, c]) * part
    # The planet's shadow on them.
    along = x * globe.sun[0] + y * globe.sun[1]
    miss = math.sqrt(max(away * away - along * along, 0.0))
    lit = 1.0 if along > 0.0 else min(max((miss - 0.985) * 40.0, 0.04), 1.0)
    ahead = max(dx * globe.sun[0] + dy * globe.sun[1] + dz * globe.sun[2], 0.0)
    lit *= 0.75 + 0.6 * ahead**6
    for c in range(3):
        out[c] *= np.float32(lit * globe.power[c] * 0.42)
    return t


@kernel
def _ring_shade(globe: Globe, x: float, y: float, z: float) -> float:
    """How much sunlight passes the rings to a point of the sphere."""
    if globe.rings.shape[0] == 0 or globe.sun[2] * z >= 0.0 or abs(globe.sun[2]) < 1e-4:
        return 1.0
    t = -z / globe.sun[2]
    away = math.sqrt((x + globe.sun[0] * t) ** 2 + (y + globe.sun[1] * t) ** 2)
    if away <= globe.inner or away >= globe.outer:
        return 1.0
    i = int((away - globe.inner) / (globe.outer - globe.inner) * (globe.rings.shape[0] - 1.01))
    return float(1.0 - 0.85 * globe.rings[i, 3])


@kernel
def _ground(globe: Globe, nx: float, ny: float, nz: float, dx: float, dy: float, dz: float, turn: float, work: Floats,
            out: Floats) -> None:  # fmt: skip
    """Light from a point of the sphere towards the eye, through the air, into `out` (3)."""
    sun, power = globe.sun, globe.power
    _texel(globe, nx, ny, nz, turn, work)
    flat = math.sqrt(max(nx * nx + ny * ny, 1e-6))
    ex, ey = -ny / flat, nx / flat
    bx, by, bz = -nz * nx / flat, -nz * ny / flat, flat
    east, north = work[7] / flat * globe.bump, work[8] * globe.bump
    mx, my, mz = nx - ex * east - bx * north, ny - ey * east - by * north, nz - bz * north
    size = 1.0 / math.sqrt(mx * mx + my * my + mz * mz)
    plain = nx * sun[0] + ny * sun[1] + nz * sun[2]
    facing = (mx * sun[0] + my * sun[1] + mz * sun[2]) * size
    day = min(max((plain + 0.08) * 6.0, 0.0), 1.0) if globe.deep > 0.0 else min(max(plain * 14.0 + 0.5, 0.0), 1.0)
    lit = max(facing, 0.0) * day * _ring_shade(globe, nx, ny, nz)
    view = max(-(nx * dx + ny * dy + nz * dz), 0.0)
    cloud, shadow = work[4], work[9]
    glint = 0.0
    if work[3] * day > 0.01:
        hx, hy, hz = sun[0] - dx, sun[1] - dy, sun[2] - dz
        half = max((nx * hx + ny * hy + nz * hz) / math.sqrt(hx * hx + hy * hy + hz * hz), 0.0)
        broad = half**28
        glint = work[3] * (1.6 * broad**8 + 0.22 * broad) * day * (1.0 - cloud)
    night = 1.0 - min(max((plain + 0.14) * 7.0, 0.0), 1.0)
    low = min(max((plain + 0.05) * 4.0, 0.0), 1.0)
    edge = 1.0 - min(view, 1.0)
    haze = edge * edge * edge * math.sqrt(edge)
    sky = min(max((plain + 0.16) * 3.0, 0.0), 1.0)
    for c in range(3):
        # Near the terminator sunlight has come a long way through air and is red.
        ray = power[c] * (1.0 - (1.0 - low) * (0.0, 0.45, 0.75)[c]) if globe.deep > 0.0 else power[c]
        value = work[c] * lit * ray * (1.0 - 0.55 * shadow)
        value += (0.80 * ray * max(plain, 0.0) * day - value) * cloud + glint * ray
        value += globe.glow[c] * work[6] * night * (1.0 - 0.8 * cloud)
        if globe.deep > 0.0:
            air = globe.air[c] * sky * power[c]
            value = value * (1.0 - 0.6 * haze) + air * (0.035 + 0.50 * haze)
        out[c] = value


@kernel
def _rim(up: float, sunny: float, ahead: float) -> tuple[float, float]:
    """How bright air is beside the limb, `up` heights of it above the ground, and how low it lies."""
    day = min(max((sunny + 0.22) * 2.6, 0.0), 1.0)
    return math.exp(-up * 1.15) * day * (1.0 + 2.5 * ahead**5), math.exp(-up * 2.0)


@kernel
def _draw_rows(light: Floats, width: int, height: int, first: int, last: int, eye: Floats, globe: Globe,
               seconds: float, work: Floats, shade: Floats, ring: Floats) -> None:  # fmt: skip
    """As `draw_globe`, with room to work in."""
    focal, r = eye[4, 0], globe.radius
    px, py, pz = (eye[0, 0] - globe.centre[0]) / r, (eye[0, 1] - globe.centre[1]) / r, (eye[0, 2] - globe.centre[2]) / r
    far2 = px * px + py * py + pz * pz
    turn = globe.spin * seconds
    reach = max(globe.outer if globe.rings.shape[0] > 0 else 0.0, 1.0 + 7.0 * globe.deep) + 0.02
    for y in range(first, last):
        q = (height * 0.5 - y - 0.5) / focal
        for x in range(width):
            p = (x + 0.5 - width * 0.5) / focal
            norm = 1.0 / math.sqrt(1.0 + p * p + q * q)
            dx = (eye[1, 0] * p + eye[2, 0] * q + eye[3, 0]) * norm
            dy = (eye[1, 1] * p + eye[2, 1] * q + eye[3, 1]) * norm
            dz = (eye[1, 2] * p + eye[2, 2] * q + eye[3, 2]) * norm
            closest = -(px * dx + py * dy + pz * dz)
            miss2 = far2 - closest * closest
            if closest <= 0.0 or miss2 > reach * reach:
                continue
            miss = math.sqrt(max(miss2, 0.0))
            covered = min(max((1.0 - miss) * focal * norm / closest + 0.5, 0.0), 1.0)
            if globe.deep > 0.0 and covered < 1.0:
                sunny = (px + dx * closest) * globe.sun[0] + (py + dy * closest) * globe.sun[1]
                sunny = (sunny + (pz + dz * closest) * globe.sun[2]) / miss
                ahead = max(dx * globe.sun[0] + dy * globe.sun[1] + dz * globe.sun[2], 0.0)
                thin, low = _rim(max(miss - 1.0, 0.0) / globe.deep, sunny, ahead)
                for c in range(3):
                    # High up only blue is left; before the sun the lowest air is warm.
                    hue = globe.air[c] * (1.0 + (0.9, 0.25, -0.3)[c] * ahead * low)
                    light[c, y, x] = light[c, y, x] * (1.0 - 0.3 * thin) + 0.85 * thin * hue * globe.power[c]
            hit = -1.0
            if covered > 0.0:
                hit = closest - math.sqrt(max(1.0 - miss2, 0.0))
                nx, ny, nz = px + dx * hit, py + dy * hit, pz + dz * hit
                size = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz)
                _ground(globe, nx * size, ny * size, nz * size, dx, dy, dz, turn, work, shade)
                for c in range(3):
                    light[c, y, x] += (shade[c] - light[c, y, x]) * np.float32(covered)
            t = _ringed(globe, px, py, pz, dx, dy, dz, ring)
            if t > 0.0:
                seen = ring[3] if hit < 0.0 or t < hit else ring[3] * np.float32(1.0 - covered)
                for c in range(3):
                    light[c, y, x] += (ring[c] - light[c, y, x]) * seen


@kernel
def draw_globe(light: Floats, width: int, height: int, first: int, last: int, eye: Floats, globe: Globe,
               seconds: float) -> None:  # fmt: skip
    """Draws `globe` over rows first … last of `light` (3, rows, stride), as `eye` (5, 3) sees it."""
    work, shade, ring = np.zeros(10, np.float32), np.zeros(3, np.float32), np.zeros(4, np.float32)
    _draw_rows(light, width, height, first, last, eye, globe, seconds, work, shade, ring)
