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
def _behind(out: Floats, gas: Floats, axes: Floats, half: float, tall: float, x: float, y: float, z: float) -> None:
    """The backdrop in a direction, into `out` (3); beyond the map's edge it is mirrored."""
    rows, columns = gas.shape[0], gas.shape[1]
    m = max(axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z, 0.05)
    s = ((axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z) / m + half) / (2.0 * half)
    t = (tall - (axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z) / m) / (2.0 * tall)
    s = abs(s - 2.0 * math.floor(0.5 * s + 0.5)) * (columns - 1.01)
    t = abs(t - 2.0 * math.floor(0.5 * t + 0.5)) * (rows - 1.01)
    i, j = int(s), int(t)
    for c in range(3):
        g = gas[j, i, c] + (gas[j, i + 1, c] - gas[j, i, c]) * (s - i)
        h = gas[j + 1, i, c] + (gas[j + 1, i + 1, c] - gas[j + 1, i, c]) * (s - i)
        out[c] = g + (h - g) * (t - j)


@kernel
def _reached(orbits: Floats, k: int, part: float, phi: float) -> float:
    """How far out a ray is at the angle `phi`; 0 where it has gone."""
    at = phi * (orbits.shape[1] - 1.0) / _SWEEP
    n = int(at)
    if n >= orbits.shape[1] - 1:
        return 0.0
    a, b, c, d = orbits[k, n], orbits[k, n + 1], orbits[k + 1, n], orbits[k + 1, n + 1]
    if min(min(a, b), min(c, d)) <= 0.0:
        return 0.0
    low, high = a + (b - a) * (at - n), c + (d - c) * (at - n)
    return float(1.0 / (low + (high - low) * part))


@kernel
def _through(out: Floats, orbits: Floats, k: int, part: float, u: Floats, w: Floats, pole: Floats, noise: Floats,
             seconds: float, work: Floats) -> None:  # fmt: skip
    """Lays the disc over `out` (3), wherever the ray in the plane of `u` and `w` (3, 3) crosses it."""
    phi = math.atan2(-(u[0] * pole[0] + u[1] * pole[1] + u[2] * pole[2]),
                     w[0] * pole[0] + w[1] * pole[1] + w[2] * pole[2])  # fmt: skip
    if phi < 0.0:
        phi += math.pi
    clear = 1.0
    for _ in range(2):
        r = _reached(orbits, k, part, phi)
        if INNER < r < OUTER:
            cos, sin = math.cos(phi), math.sin(phi)
            hx, hy, hz = u[0] * cos + w[0] * sin, u[1] * cos + w[1] * sin, u[2] * cos + w[2] * sin
            # Gas runs round the pole; its speed towards the eye follows from where the eye is.
            gx, gy, gz = pole[1] * hz - pole[2] * hy, pole[2] * hx - pole[0] * hz, pole[0] * hy - pole[1] * hx
            toward = (gx * u[0] + gy * u[1] + gz * u[2]) * math.sqrt(0.5 / r)
            cover = _disc_light(noise, r, math.atan2(hy, hx), seconds, toward, work)
            for c in range(3):
                out[c] = out[c] * np.float32(1.0 - clear * cover) + np.float32(clear) * work[c]
            clear *= 1.0 - cover
        phi += math.pi


@kernel
def _aim(eye: Floats, u: Floats, w: Floats, p: float, q: float) -> float:
    """The plane in which the ray through (p, q) stays: `w` becomes the way across `u`. Its angle from the middle."""
    norm = 1.0 / math.sqrt(1.0 + p * p + q * q)
    dot = 0.0
    for c in range(3):
        w[c] = (eye[1, c] * p + eye[2, c] * q + eye[3, c]) * norm
        dot += w[c] * u[c]
    sine = math.sqrt(max(1.0 - dot * dot, 1e-12))
    for c in range(3):
        w[c] = (w[c] - u[c] * dot) / sine
    return math.atan2(sine, -dot)


@kernel
def _bent(out: Floats, ends: Floats, k: int, part: float, gas: Floats, axes: Floats, half: float, tall: float,
          u: Floats, w: Floats) -> bool:  # fmt: skip
    """The backdrop at the far end of a ray, into `out` (3); black, and false, where it falls in."""
    if ends[k if part < 0.5 else k + 1] < 0.0:
        out[:] = 0.0
        return False
    # Beside a ray that falls in, the neighbour's end stands for both.
    end = max(ends[k], ends[k + 1])
    if ends[k] >= 0.0:
        end = ends[k] + (ends[k + 1] - ends[k]) * part
    cos, sin = math.cos(end), math.sin(end)
    _behind(out, gas, axes, half, tall, u[0] * cos + w[0] * sin, u[1] * cos + w[1] * sin, u[2] * cos + w[2] * sin)
    return True


@kernel
def _draw_rows(light: Floats, width: int, height: int, first: int, last: int, eye: Floats, orbits: Floats, ends: Floats,
              widest: float, noise: Floats, pole: Floats, seconds: float, gas: Floats, axes: Floats, half: float,
              tall: float, u: Floats, w: Floats, work: Floats, pixel: Floats, behind: Floats) -> None:  # fmt: skip
    """As `draw_hole`, with room to work in."""
    focal, fan = eye[4, 0], orbits.shape[0]
    distance = math.sqrt(eye[0, 0] ** 2 + eye[0, 1] ** 2 + eye[0, 2] ** 2)
    for c in range(3):
        u[c] = eye[0, c] / distance
    for y in range(first, last):
        q = (height * 0.5 - y - 0.5) / focal
        for x in range(width):
            angle = min(_aim(eye, u, w, (x + 0.5 - width * 0.5) / focal, q), widest * 0.999)
            place = min(max(math.sqrt(angle / widest) * fan - 0.5, 0.0), fan - 1.001)
            k = int(place)
            # Far out the bent backdrop is smooth: a pixel takes its neighbour's, with its own stars.
            far, shines = angle > 16.0 / distance, True
            if not far or x & 1 == 0:
                shines = _bent(behind, ends, k, place - k, gas, axes, half, tall, u, w)
            for c in range(3):
                pixel[c] = behind[c] + (light[c, y, x] if shines else np.float32(0.0))
            if not far:
                _through(pixel, orbits, k, place - k, u, w, pole, noise, seconds, work)
            for c in range(3):
                light[c, y, x] = pixel[c]


@kernel
def draw_hole(light: Floats, width: int, height: int, first: int, last: int, eye: Floats, orbits: Floats, ends: Floats,
              widest: float, noise: Floats, pole: Floats, seconds: float, gas: Floats, axes: Floats, half: float,
              tall: float) -> None:  # fmt: skip
    """Draws a hole of radius 1 at the origin over rows first … last of `light`, which holds the bent stars; its
    disc lies at right angles to `pole` (3), near the z axis. The backdrop is the map `gas` (see `backdrop`)."""
    u, w = np.zeros(3, np.float32), np.zeros(3, np.float32)
    work, pixel, behind = np.zeros(3, np.float32), np.zeros(3, np.float32), np.zeros(3, np.float32)
    _draw_rows(light, width, height, first, last, eye, orbits, ends, widest, noise, pole, seconds, gas, axes, half,
               tall, u, w, work, pixel, behind)  # fmt: skip
