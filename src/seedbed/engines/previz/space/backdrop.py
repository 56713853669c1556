"""What lies at infinity: stars, the Milky Way and clouds of gas.

Gas is baked into a map on the plane that touches the sky in the middle of the shot; stars are drawn into each
frame, at its own resolution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.light import linear
from seedbed.engines.previz.space.eye import Eye
from seedbed.engines.previz.space.tiles import layers, ridges

Floats = NDArray[np.float32]

_TINTS = ("9db8ff", "c8d8ff", "f4f4ff", "fff2dc", "ffd9a8", "ffb98a")


@kernel
def paint_gas(out: Floats, axes: Floats, half: float, tall: float, tints: Floats, soft: Floats, amount: float,
              density: float, steps: int, shift: float, begin: int, whole: int) -> None:  # fmt: skip
    """Fills `out` (rows, columns, 3) with glowing gas and the dust before it, marched from front to back. `axes`
    (3, 3) are right, up and ahead; `half` and `tall` the tangents at the edges; `tints` (4, 3) faint outer gas,
    its body, its hot inner parts, and the light on dust. `out` may be a strip, from the row `begin` of `whole`."""
    rows, columns = out.shape[0], out.shape[1]
    for j in range(rows):
        v = tall * (1.0 - 2.0 * (j + begin) / (whole - 1.0))
        for i in range(columns):
            u = half * (2.0 * i / (columns - 1.0) - 1.0)
            norm = 1.0 / math.sqrt(1.0 + u * u + v * v)
            x = (axes[0, 0] * u + axes[1, 0] * v + axes[2, 0]) * norm
            y = (axes[0, 1] * u + axes[1, 1] * v + axes[2, 1]) * norm
            z = (axes[0, 2] * u + axes[1, 2] * v + axes[2, 2]) * norm
            clear, red, green, blue = 1.0, 0.0, 0.0, 0.0
            for step in range(steps):
                t = 2.6 + 2.2 * (step + 0.5) / steps
                px, py, pz = x * t * 0.75 + shift, y * t * 0.75, z * t * 0.75
                bend = layers(soft, px * 0.55, py * 0.55 + 3.0, pz * 0.55, 3)
                body = layers(soft, px + 0.25 * bend, py + 0.20 * bend, pz - 0.22 * bend, 6)
                gas = max(body + density - 0.10, 0.0)
                if gas <= 0.0:
                    continue
                wisp = ridges(soft, px * 1.5 + 0.3 * bend, py * 1.5, pz * 1.5 + 0.3 * bend, 4)
                dust = max(-bend * 0.9 - 0.10, 0.0) * 2.0
                hot = min(gas * gas * 0.9, 1.0) * wisp
                mix = min(gas * 1.5, 1.0)
                light = clear * gas * (0.35 + 1.1 * wisp * wisp) * 5.0 / steps
                red += light * (tints[0, 0] * (1 - mix) + tints[1, 0] * mix + tints[2, 0] * hot * 0.8)
                green += light * (tints[0, 1] * (1 - mix) + tints[1, 1] * mix + tints[2, 1] * hot * 0.8)
                blue += light * (tints[0, 2] * (1 - mix) + tints[1, 2] * mix + tints[2, 2] * hot * 0.8)
                loss = clear * min((dust * 2.4 + gas * 0.35) * 2.2 / steps, 1.0)
                red += loss * tints[3, 0] * 0.5
                green += loss * tints[3, 1] * 0.5
                blue += loss * tints[3, 2] * 0.5
                clear -= loss
            out[j, i, 0], out[j, i, 1], out[j, i, 2] = red * amount, green * amount, blue * amount


@kernel
def _lay_rows(out: Floats, width: int, first: int, last: int, height: int, eye: Floats, gas: Floats, axes: Floats,
                 half: float, tall: float, m: Floats) -> None:  # fmt: skip
    """As `lay_backdrop`, with room to work in."""
    rows, columns = gas.shape[0], gas.shape[1]
    focal = eye[4, 0]
    for a in range(3):
        for b in range(3):
            m[a, b] = axes[a, 0] * eye[1 + b, 0] + axes[a, 1] * eye[1 + b, 1] + axes[a, 2] * eye[1 + b, 2]
    across, down = np.float32((columns - 1.0) / (2.0 * half)), np.float32((rows - 1.0) / (2.0 * tall))
    for y in range(first, last):
        q = np.float32((height * 0.5 - y - 0.5) / focal)
        for x in range(width):
            p = np.float32((x + 0.5 - width * 0.5) / focal)
            inverse = np.float32(1.0) / max(m[2, 0] * p + m[2, 1] * q + m[2, 2], np.float32(0.05))
            u = ((m[0, 0] * p + m[0, 1] * q + m[0, 2]) * inverse + np.float32(half)) * across
            v = (np.float32(tall) - (m[1, 0] * p + m[1, 1] * q + m[1, 2]) * inverse) * down
            u = min(max(u, np.float32(0.0)), np.float32(columns - 1.01))
            v = min(max(v, np.float32(0.0)), np.float32(rows - 1.01))
            i, j = int(u), int(v)
            fu, fv = u - np.float32(i), v - np.float32(j)
            for c in range(3):
                a = gas[j, i, c] + (gas[j, i + 1, c] - gas[j, i, c]) * fu
                b = gas[j + 1, i, c] + (gas[j + 1, i + 1, c] - gas[j + 1, i, c]) * fu
                out[c, y, x] = a + (b - a) * fv


@kernel
def lay_backdrop(out: Floats, width: int, first: int, last: int, height: int, eye: Floats, gas: Floats, axes: Floats,
                 half: float, tall: float) -> None:  # fmt: skip
    """Fills rows first … last of `out` (3, rows, stride) with the map of gas, seen by `eye` (5, 3)."""
    m = np.empty((3, 3), np.float32)
    _lay_rows(out, width, first, last, height, eye, gas, axes, half, tall, m)


@kernel
def lay_stars(out: Floats, width: int, height: int, eye: Floats, stars: Floats, hole: float) -> None:
    """Adds `stars` (n, 6: direction and light) to `out` (3, rows, stride). `hole` is the angle in radians at which
    a mass at the origin bends light into a ring, or 0."""
    focal = eye[4, 0]
    ideal = height / 1440.0
    soft = max(ideal, 0.6)
    strong = 4.8 * ideal / soft
    cx, cy, cz = -eye[0, 0], -eye[0, 1], -eye[0, 2]
    norm = 1.0 / max(math.sqrt(cx * cx + cy * cy + cz * cz), 1e-6)
    cx, cy, cz = cx * norm, cy * norm, cz * norm
    for n in range(stars.shape[0]):
        sx, sy, sz = stars[n, 0], stars[n, 1], stars[n, 2]
        gain = 1.0
        if hole > 0.0:
            dot = sx * cx + sy * cy + sz * cz
            angle = math.acos(min(max(dot, -1.0), 1.0))
            seen = 0.5 * (angle + math.sqrt(angle * angle + 4.0 * hole * hole))
            ox, oy, oz = sx - cx * dot, sy - cy * dot, sz - cz * dot
            side = math.sin(seen) / max(math.sqrt(ox * ox + oy * oy + oz * oz), 1e-6)
            sx, sy, sz = (
                cx * math.cos(seen) + ox * side,
                cy * math.cos(seen) + oy * side,
                cz * math.cos(seen) + oz * side,
            )
            gain = min(max((seen - 1.35 * hole) * 4.0 / hole, 0.0), 1.0)
        depth = sx * eye[3, 0] + sy * eye[3, 1] + sz * eye[3, 2]
        if depth < 0.1 or gain <= 0.0:
            continue
        x = width * 0.5 + focal * (sx * eye[1, 0] + sy * eye[1, 1] + sz * eye[1, 2]) / depth - 0.5
        y = height * 0.5 - focal * (sx * eye[2, 0] + sy * eye[2, 1] + sz * eye[2, 2]) / depth - 0.5
        reach = 2.6 * soft
        for j in range(max(int(y - reach), 0), min(int(y + reach) + 2, height)):
            for i in range(max(int(x - reach), 0), min(int(x + reach) + 2, width)):
                part = strong * gain * math.exp(-((i - x) ** 2 + (j - y) ** 2) / (1.1 * soft * soft))
                for c in range(3):
                    out[c, j, i] += np.float32(stars[n, 3 + c] * part)


def scatter_stars(rng: np.random.Generator, eyes: Sequence[Eye], reach: float, amount: float) -> Floats:
    """(n, 6): directions within `reach` radians of the shot's middle heading, and their light."""
    middle = eyes[len(eyes) // 2].ahead
    whole = int(9000 * amount)
    way = rng.standard_normal((whole * 3, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    # A band of them, as in a galaxy seen from within.
    pole = np.array([0.35, 0.45, 0.82])
    keep = rng.random(len(way)) < 0.35 + 0.65 * np.exp(-(((way @ pole) / 0.22) ** 2))
    bright = np.minimum(0.050 * rng.uniform(0.0, 1.0, len(way)) ** -0.75, 3.2)
    tints = linear(*_TINTS)
    tints = (tints / tints.mean(1, keepdims=True))[rng.integers(0, len(_TINTS), len(way))]
    table = np.concatenate([way, tints * bright[:, None]], 1)
    near = way @ middle > math.cos(min(reach, math.pi))
    return np.ascontiguousarray(table[keep & near], dtype=np.float32)
