"""Kernels that draw asteroids: lumps whose outline and ground are cut from noise, each turning on its own."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.space.tiles import craters, layers

Floats = NDArray[np.float32]

# Columns of a table of rocks.
X, Y, Z, SIZE, SPIN, TILT, LOOK = range(7)


@kernel
def _radius(soft: Floats, x: float, y: float, z: float, look: float) -> float:
    """The lump's radius in a direction, for a usual radius of 1."""
    return 1.0 + 0.34 * layers(soft, x * 0.55 + look, y * 0.55 - look, z * 0.75, 2)


@kernel
def _relief(soft: Floats, x: float, y: float, z: float, look: float) -> float:
    """Height of the ground over the lump."""
    base = _radius(soft, x, y, z, look)
    pits = 0.42 * craters(x + look, y, z, 1.7, 31) + 0.5 * craters(x, y + look, z, 4.1, 32)
    rough = 0.030 * layers(soft, x * 4.0, y * 4.0 + look, z * 4.0, 4)
    return base + pits + rough


@kernel
def paint_rock(shape: Floats, soft: Floats, look: float, first: int, last: int) -> None:
    """Fills rows first … last of `shape` (rows, columns, 5): over latitude and longitude, the lump's radius, the
    normal of its ground (3), and how light that is."""
    rows, columns = shape.shape[0], shape.shape[1]
    e = 0.035
    for j in range(first, last):
        lat = math.pi * ((j + 0.5) / rows - 0.5)
        for i in range(columns):
            lon = 2.0 * math.pi * i / (columns - 1.0) - math.pi
            x, y, z = math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)
            here = _relief(soft, x, y, z, look)
            gx = (_relief(soft, x + e, y, z, look) - here) / e
            gy = (_relief(soft, x, y + e, z, look) - here) / e
            gz = (_relief(soft, x, y, z + e, look) - here) / e
            along = gx * x + gy * y + gz * z
            shape[j, i, 0] = _radius(soft, x, y, z, look)
            shape[j, i, 1], shape[j, i, 2] = x - (gx - along * x), y - (gy - along * y)
            shape[j, i, 3] = z - (gz - along * z)
            shape[j, i, 4] = 0.75 + 0.5 * min(max(here - 0.7, 0.0), 0.8)


@kernel
def _sample(shape: Floats, x: float, y: float, z: float, out: Floats) -> None:
    """The map of one lump in a direction, into `out` (5)."""
    rows, columns = shape.shape[0], shape.shape[1]
    u = (math.atan2(y, x) / (2.0 * math.pi) + 0.5) * (columns - 1.01)
    v = min(max((math.asin(min(max(z, -1.0), 1.0)) / math.pi + 0.5) * rows - 0.5, 0.0), rows - 1.01)
    i, j = int(u), int(v)
    fu, fv = np.float32(u - i), np.float32(v - j)
    for c in range(5):
        a = shape[j, i, c] + (shape[j, i + 1, c] - shape[j, i, c]) * fu
        b = shape[j + 1, i, c] + (shape[j + 1, i + 1, c] - shape[j + 1, i, c]) * fu
        out[c] = a + (b - a) * fv


@kernel
def _turned(x: float, y: float, z: float, spin: float, tilt: float, back: float) -> tuple[float, float, float]:
    """Into a rock's own frame for `back` -1, and out of it for 1."""
    ct, st = math.cos(tilt), math.sin(tilt)
    cs, ss = math.cos(spin), math.sin(spin)
    if back < 0.0:
        y, z = y * ct + z * st, z * ct - y * st
        return x * cs + y * ss, y * cs - x * ss, z
    x, y = x * cs - y * ss, y * cs + x * ss
    return x, y * ct - z * st, z * ct + y * st


@kernel
def _draw_each(light: Floats, width: int, height: int, eye: Floats, rocks: Floats, shapes: Floats, sun: Floats,
               power: Floats, tint: Floats, seconds: float, work: Floats) -> None:  # fmt: skip
    """As `draw_rocks`, with room to work in."""
    focal = eye[4, 0]
    for n in range(rocks.shape[0]):
        rx, ry, rz, r = rocks[n, X] - eye[0, 0], rocks[n, Y] - eye[0, 1], rocks[n, Z] - eye[0, 2], rocks[n, SIZE]
        depth = rx * eye[3, 0] + ry * eye[3, 1] + rz * eye[3, 2]
        if depth < r * 1.6:
            continue
        mx = width * 0.5 + focal * (rx * eye[1, 0] + ry * eye[1, 1] + rz * eye[1, 2]) / depth
        my = height * 0.5 - focal * (rx * eye[2, 0] + ry * eye[2, 1] + rz * eye[2, 2]) / depth
        span = focal * r * 1.75 / (depth - r * 1.5) + 1.0
        spin, tilt = rocks[n, SPIN] * seconds + rocks[n, LOOK], rocks[n, TILT]
        shape = shapes[int(rocks[n, LOOK] * 7.0) % shapes.shape[0]]
        for y in range(max(int(my - span), 0), min(int(my + span) + 1, height)):
            q = (height * 0.5 - y - 0.5) / focal
            for x in range(max(int(mx - span), 0), min(int(mx + span) + 1, width)):
                p = (x + 0.5 - width * 0.5) / focal
                norm = 1.0 / math.sqrt(1.0 + p * p + q * q)
                dx = (eye[1, 0] * p + eye[2, 0] * q + eye[3, 0]) * norm
                dy = (eye[1, 1] * p + eye[2, 1] * q + eye[3, 1]) * norm
                dz = (eye[1, 2] * p + eye[2, 2] * q + eye[3, 2]) * norm
                closest = dx * rx + dy * ry + dz * rz
                ox, oy, oz = dx * closest - rx, dy * closest - ry, dz * closest - rz
                miss = math.sqrt(ox * ox + oy * oy + oz * oz) / r
                if miss > 1.75:
                    continue
                # The outline: the lump's radius where the ray passes nearest to its middle.
                k = 1.0 / max(miss * r, 1e-6)
                ax, ay, az = _turned(ox * k, oy * k, oz * k, spin, tilt, -1.0)
                _sample(shape, ax, ay, az, work)
                edge = work[0]
                covered = min(max((edge - miss) * r * focal * norm / closest + 0.5, 0.0), 1.0)
                if covered <= 0.0:
                    continue
                deep = math.sqrt(max(edge * edge - miss * miss, 0.0))
                hx, hy, hz = ox / r - dx * deep, oy / r - dy * deep, oz / r - dz * deep
                size = 1.0 / math.sqrt(hx * hx + hy * hy + hz * hz)
                hx, hy, hz = _turned(hx * size, hy * size, hz * size, spin, tilt, -1.0)
                _sample(shape, hx, hy, hz, work)
                nx, ny, nz = work[1], work[2], work[3]
                nx, ny, nz = _turned(nx, ny, nz, spin, tilt, 1.0)
                unit = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz)
                lit = max((nx * sun[0] + ny * sun[1] + nz * sun[2]) * unit, 0.0)
                bx, by, bz = _turned(hx, hy, hz, spin, tilt, 1.0)
                lit *= min(max((bx * sun[0] + by * sun[1] + bz * sun[2]) * 4.0 + 0.9, 0.0), 1.0)
                tone = work[4]
                for c in range(3):
                    value = tint[c] * tone * (lit * power[c] + 0.012)
                    light[c, y, x] += (value - light[c, y, x]) * np.float32(covered)


@kernel
def draw_rocks(light: Floats, width: int, height: int, eye: Floats, rocks: Floats, shapes: Floats, sun: Floats,
               power: Floats, tint: Floats, seconds: float) -> None:  # fmt: skip
    """Draws `rocks` (n, 7), the farthest first, into `light` (3, rows, stride). `shapes` (kinds, rows, columns, 5) are
    their maps, as of `paint_rock`."""
    work = np.zeros(5, np.float32)
    _draw_each(light, width, height, eye, rocks, shapes, sun, power, tint, seconds, work)
