"""A black hole with its disc of hot gas, and the light that bends round it.

Space round a hole that does not turn looks the same from all sides, so every ray stays in a plane, and where it is
in that plane follows from one equation: u'' = 3/2 u² - u, with u the hole's radius over the distance. A fan of rays
is followed once for a frame; each pixel then looks up where its ray crosses the disc.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.sky.tiles import map_at

Floats = NDArray[np.float32]

INNER, OUTER = 2.7, 11.5
"""The disc's edges, in radii of the hole."""
_FAN = 640
_TURNS = 420
_SWEEP = 3.0 * math.pi


@kernel
def follow(orbits: Floats, ends: Floats, distance: float, widest: float) -> None:
    """`orbits` (fan, turns) is one over the distance along each ray, -1 where it has gone; `ends` (fan) is the angle
    at which it leaves for good, or -1 when it falls in. Rays run evenly in the square root of their angle from
    the hole's middle, up to `widest`."""
    fan, turns = orbits.shape
    step = _SWEEP / (turns - 1.0)
    fine = 6
    h = step / fine
    for k in range(fan):
        angle = widest * ((k + 0.5) / fan) ** 2 + 1e-4
        u, v = 1.0 / distance, math.cos(angle) / (math.sin(angle) * distance)
        ends[k] = -1.0
        gone = False
        for n in range(turns):
            orbits[k, n] = -1.0 if gone else u
            if gone:
                continue
            for _ in range(fine):
                ku1, kv1 = v, 1.5 * u * u - u
                mu, mv = u + 0.5 * h * ku1, v + 0.5 * h * kv1
                ku2, kv2 = mv, 1.5 * mu * mu - mu
                nu, nv = u + 0.5 * h * ku2, v + 0.5 * h * kv2
                ku3, kv3 = nv, 1.5 * nu * nu - nu
                wu, wv = u + h * ku3, v + h * kv3
                ku4, kv4 = wv, 1.5 * wu * wu - wu
                before = u
                u += h / 6.0 * (ku1 + 2.0 * ku2 + 2.0 * ku3 + ku4)
                v += h / 6.0 * (kv1 + 2.0 * kv2 + 2.0 * kv3 + kv4)
                if u >= 1.0:
                    gone = True
                    break
                if u <= 0.0:
                    ends[k] = n * step + h * before / max(before - u, 1e-9)
                    gone = True
                    break


@kernel
def _disc_light(noise: Floats, r: float, azimuth: float, seconds: float, toward: float, out: Floats) -> float:
    """Light of the disc at radius `r` into `out`; its opacity. `toward` is how fast its gas comes to the eye."""
    whirl = seconds * 2.2 / r**1.5
    swirl = azimuth - whirl + 2.4 * math.log(r)
    round_ = swirl / 6.2831853
    # The tile repeats, so a whole turn must be a whole number of tiles.
    grain = 0.55 * map_at(noise, 0, round_, r * 0.045) + 0.45 * map_at(noise, 1, round_ * 2.0, r * 0.13)
    fine = map_at(noise, 1, round_ * 3.0, r * 0.36)
    streak = min(max(0.62 + 0.34 * grain + 0.20 * fine, 0.04), 1.6)
    rim = min((r - INNER) * 1.4, 1.0) * min((OUTER - r) / 4.0, 1.0)
    heat = (INNER / r) ** 0.9
    # Gas that comes towards the eye shines more, and bluer.
    boost = (1.0 / max(1.0 - toward, 0.25)) ** 3.0
    glow = 3.2 * heat * heat * streak * rim * boost
    hot = min(max(heat * 1.15 * boost**0.22 - 0.25, 0.0), 1.0)
    out[0] = glow * (1.0)
    out[1] = glow * (0.30 + 0.52 * hot)
    out[2] = glow * (0.06 + 0.66 * hot * hot)
    return float(min(rim * (0.35 + 0.6 * streak), 0.95))


@kernel
def draw_hole(light: Floats, width: int, height: int, first: int, last: int, eye: Floats, orbits: Floats, ends: Floats,
              widest: float, noise: Floats, pole: Floats, seconds: float, gas: Floats, axes: Floats, half: float,
              tall: float, stars: Floats) -> None:  # fmt: skip
    """Draws a hole of radius 1 at the origin, its disc at right angles to `pole` (3), over rows first … last; the
    bent backdrop is taken from the map `gas` (see `backdrop`), and the bent `stars` (3, rows, stride) are added to it."""
    focal = eye[4, 0]
    distance = math.sqrt(eye[0, 0] ** 2 + eye[0, 1] ** 2 + eye[0, 2] ** 2)
    ux, uy, uz = eye[0, 0] / distance, eye[0, 1] / distance, eye[0, 2] / distance
    fan, turns = orbits.shape
    per = (turns - 1.0) / _SWEEP
    work = np.zeros(3, np.float32)
    rows, columns = gas.shape[0], gas.shape[1]
    # Axes within the disc, to measure the azimuth from.
    ax, ay, az = 1.0 - pole[0] * pole[0], -pole[0] * pole[1], -pole[0] * pole[2]
    an = 1.0 / math.sqrt(ax * ax + ay * ay + az * az)
    ax, ay, az = ax * an, ay * an, az * an
    bx, by, bz = pole[1] * az - pole[2] * ay, pole[2] * ax - pole[0] * az, pole[0] * ay - pole[1] * ax
    for y in range(first, last):
        q = (height * 0.5 - y - 0.5) / focal
        for x in range(width):
            p = (x + 0.5 - width * 0.5) / focal
            norm = 1.0 / math.sqrt(1.0 + p * p + q * q)
            dx = (eye[1, 0] * p + eye[2, 0] * q + eye[3, 0]) * norm
            dy = (eye[1, 1] * p + eye[2, 1] * q + eye[3, 1]) * norm
            dz = (eye[1, 2] * p + eye[2, 2] * q + eye[3, 2]) * norm
            dot = dx * ux + dy * uy + dz * uz
            wx, wy, wz = dx - ux * dot, dy - uy * dot, dz - uz * dot
            sine = math.sqrt(wx * wx + wy * wy + wz * wz)
            angle = math.atan2(sine, -dot)
            if sine < 1e-7:
                continue
            angle = min(angle, widest * 0.999)
            wx, wy, wz = wx / sine, wy / sine, wz / sine
            place = min(max(math.sqrt(angle / widest) * fan - 0.5, 0.0), fan - 1.001)
            k = int(place)
            part = place - k
            nearer = k if part < 0.5 else k + 1
            # What lies behind, bent; nothing where the ray falls in.
            back = 0.0
            if ends[nearer] >= 0.0:
                end = ends[nearer]
                if ends[k] >= 0.0 and ends[k + 1] >= 0.0:
                    end = ends[k] + (ends[k + 1] - ends[k]) * part
                vx = ux * math.cos(end) + wx * math.sin(end)
                vy = uy * math.cos(end) + wy * math.sin(end)
                vz = uz * math.cos(end) + wz * math.sin(end)
                m = axes[2, 0] * vx + axes[2, 1] * vy + axes[2, 2] * vz
                i = j = 0
                fs = ft = np.float32(0.0)
                if m > 0.05:
                    s = ((axes[0, 0] * vx + axes[0, 1] * vy + axes[0, 2] * vz) / m + half) / (2.0 * half)
                    t = (tall - (axes[1, 0] * vx + axes[1, 1] * vy + axes[1, 2] * vz) / m) / (2.0 * tall)
                    # Beyond the map's edge it is mirrored.
                    s, t = abs(s - 2.0 * math.floor(0.5 * s + 0.5)), abs(t - 2.0 * math.floor(0.5 * t + 0.5))
                    s, t = s * (columns - 1.01), t * (rows - 1.01)
                    i, j = int(s), int(t)
                    fs, ft = np.float32(s - i), np.float32(t - j)
                back = 1.0
                for c in range(3):
                    g = gas[j, i, c] + (gas[j, i + 1, c] - gas[j, i, c]) * fs
                    h = gas[j + 1, i, c] + (gas[j + 1, i + 1, c] - gas[j + 1, i, c]) * fs
                    light[c, y, x] = g + (h - g) * ft + stars[c, y, x]
            if back == 0.0:
                for c in range(3):
                    light[c, y, x] = 0.0
            un, wn = ux * pole[0] + uy * pole[1] + uz * pole[2], wx * pole[0] + wy * pole[1] + wz * pole[2]
            phi = math.atan2(-un, wn)
            if phi < 0.0:
                phi += math.pi
            clear = 1.0
            for _ in range(2):
                at = phi * per
                n = int(at)
                if n >= turns - 1:
                    break
                a, b = orbits[k, n], orbits[k, n + 1]
                c2, d2 = orbits[k + 1, n], orbits[k + 1, n + 1]
                if a > 0.0 and b > 0.0 and c2 > 0.0 and d2 > 0.0:
                    f = at - n
                    low, high = a + (b - a) * f, c2 + (d2 - c2) * f
                    u = low + (high - low) * part
                else:
                    u = 2.0
                r = 1.0 / u
                if INNER < r < OUTER:
                    hx = ux * math.cos(phi) + wx * math.sin(phi)
                    hy = uy * math.cos(phi) + wy * math.sin(phi)
                    hz = uz * math.cos(phi) + wz * math.sin(phi)
                    east, north = hx * ax + hy * ay + hz * az, hx * bx + hy * by + hz * bz
                    # Gas runs round the pole; its speed towards the eye follows from where the eye is.
                    gx, gy, gz = pole[1] * hz - pole[2] * hy, pole[2] * hx - pole[0] * hz, pole[0] * hy - pole[1] * hx
                    toward = (gx * ux + gy * uy + gz * uz) * math.sqrt(0.5 / r)
                    cover = _disc_light(noise, r, math.atan2(north, east), seconds, toward, work)
                    for c in range(3):
                        light[c, y, x] = light[c, y, x] * np.float32(1.0 - clear * cover) + np.float32(clear) * work[c]
                    clear *= 1.0 - cover
                phi += math.pi
