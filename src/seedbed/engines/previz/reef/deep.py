"""The dark sea: living lights on the reef, a submarine, and lamps whose cones are seen in the water."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.noise import fraction
from seedbed.engines.previz.rooms.beams import CONE
from seedbed.engines.previz.shapes import Palette, mesh, paint
from seedbed.engines.previz.shapes.mesh import Mesh, joined
from seedbed.engines.previz.shapes.sprites import SPRITE

Floats = NDArray[np.float32]
_TONES = ((0.05, 0.62, 0.80), (0.10, 0.75, 0.42), (0.22, 0.30, 0.95), (0.55, 0.18, 0.80))


@dataclass(frozen=True, slots=True)
class Torch:
    """A lamp at `where` that points along `way`; one that is not `fixed` sways in a hand, one on a vessel goes with it:
    `carried` says where that is, and its heading, at a time in seconds."""

    where: tuple[float, float, float]
    way: tuple[float, float, float]
    fixed: bool
    carried: Callable[[float], tuple[float, float, float, float]] | None = None

    def bulbs(self) -> Floats:
        """What it lights, as soft lamps along its beam."""
        way = np.array(self.way) / np.linalg.norm(self.way)
        rows = [[*(self.where + way * d), 0.62, 0.66, 0.58, reach] for d, reach in ((5.0, 1.7), (9.5, 2.2))]
        return np.array(rows, np.float32)

    def cones(self, seconds: float) -> Floats:
        """See `beams.CONE`."""
        x, y, z = self.way
        at = self.where
        if self.carried is not None:
            vx, vy, vz, yaw = self.carried(seconds)
            ahead = (math.sin(yaw), math.cos(yaw))
            x, y, z = 0.9 * ahead[0], 0.9 * ahead[1] + 0.12, -0.42
            at = (vx + 1.35 * ahead[0], vy + 1.35 * ahead[1], vz - 0.35)
        elif not self.fixed:
            x, z = x + 0.05 * math.sin(0.8 * seconds), z + 0.03 * math.sin(1.1 * seconds + 1.0)
        way = np.array([x, y, z]) / math.sqrt(x * x + y * y + z * z)
        row = [*at, *way, 0.26, 15.0, 0.30, 0.52, 0.55]
        return np.array([row], np.float32).reshape(-1, CONE)


def living_lights(seed: int, ground: Callable[[float, float], float]) -> Floats:
    """Lamps (n, 7) of what glows on the reef by itself."""
    rows = []
    for k in range(9):
        x, y = 9.0 * (fraction(k, 1, seed) - 0.5), 11.0 + 9.0 * fraction(k, 2, seed)
        tone = 0.42 * np.array(_TONES[k % 4])
        rows.append([x, y, ground(x, y) + 0.5 + fraction(k, 3, seed), *tone, 0.75])
    return np.array(rows, np.float32)


def sparks(lights: Floats, seconds: float, seed: int) -> Floats:
    """Sprites about the living lights: motes that rise, circle and pulse."""
    rows = np.zeros((150, SPRITE), np.float32)
    for k in range(len(rows)):
        near = lights[k % len(lights)]
        a, b, c, d = (fraction(k, n, seed) for n in range(4, 8))
        turn, off = 6.2832 * a + (0.25 + 0.3 * b) * seconds, 0.4 + 2.2 * c
        rise = (d + 0.035 * seconds) % 1.0
        pulse = 0.35 + 0.65 * max(math.sin(1.7 * seconds + 6.2832 * b), 0.0) ** 2
        tone = np.array(_TONES[(k + k // 4) % 4]) * pulse * math.sin(math.pi * rise)
        rows[k, :3] = near[:3] + np.array([off * math.cos(turn), off * math.sin(turn), 3.4 * rise - 0.4])
        rows[k, 3], rows[k, 4:7], rows[k, 9] = 0.05 + 0.06 * c, 1.5 * tone, k
    return rows


def submarine(palette: Palette) -> Mesh:
    """A small one for two, its dome to +y, 3 m long."""
    hull = palette.add(paint("d9a72b", gloss=0.5))
    steel = palette.add(paint("6c7276", gloss=0.7, mirror=0.1))
    glass = palette.add(paint("12303a", glow="ffd58a", glow_by=0.25, gloss=0.95, mirror=0.15))
    lamp = palette.add(paint("ffffff", glow="f2fbff", glow_by=5.0))
    turn = np.linspace(0, 2 * math.pi, 29)[:-1]
    rings = [
        np.stack([r * np.cos(turn), np.full(28, y), 0.9 * r * np.sin(turn)], 1)
        for y, r in ((1.35, 0.62), (0.9, 0.74), (0.0, 0.78), (-0.9, 0.55), (-1.5, 0.18))
    ]
    parts = [mesh.loft(rings).painted(hull), mesh.sphere(0.60, 22, 12).moved(0, 1.28).painted(glass)]
    parts += [mesh.tube([[s * 0.62, -1.0, -0.62], [s * 0.62, 1.0, -0.62]], 0.11, 10).painted(steel) for s in (-1, 1)]
    parts.append(mesh.cylinder(0.32, 0.42, 18).moved(0, -0.1, 0.62).painted(hull))
    parts.append(mesh.tube([[0, -0.1, 1.0], [0, -0.1, 1.6]], 0.03, 6).painted(steel))
    parts += [mesh.sphere(0.11, 12, 8).moved(s * 0.62, 1.15, -0.35).painted(lamp) for s in (-1, 1)]
    parts.append(mesh.box(1.3, 0.35, 0.04).moved(0, -1.4).painted(steel))
    parts.append(mesh.box(0.04, 0.35, 1.1).moved(0, -1.4, -0.55).painted(steel))
    return joined(parts)
