"""What lights rooms: floor lamps, pendants, chandeliers, fireplaces. Each stands in a plan with its light."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.noise import gradient
from seedbed.engines.previz.rooms.plan import Plan
from seedbed.engines.previz.shapes import mesh, paint, sprites
from seedbed.engines.previz.shapes.mesh import Mesh, joined, placed, rotation
from seedbed.engines.previz.things import furniture
from seedbed.engines.previz.things.furniture import blocks

Floats = NDArray[np.float32]
WARM = (1.0, 0.62, 0.30)
_LIGHTS_FROM = 0.34
"""The power from which a lamp is seen on what is around it: by day most are not."""
WHITE = (1.0, 0.92, 0.80)


def tinted(colour: tuple[float, float, float], by: float) -> tuple[float, float, float]:
    return colour[0] * by, colour[1] * by, colour[2] * by


def standing_lamp(plan: Plan, x: float, y: float, power: float = 1.0) -> None:
    """A floor lamp with a cloth shade, 1.6 m tall."""
    _shaded(plan, x, y, 0.0, 1.32, 0.2, power, 0.014)


def table_lamp(plan: Plan, x: float, y: float, z: float, power: float = 1.0) -> None:
    """On something that is `z` metres high."""
    _shaded(plan, x, y, z, 0.30, 0.13, 0.8 * power, 0.03)


def _shaded(plan: Plan, x: float, y: float, z: float, tall: float, wide: float, power: float, thick: float) -> None:
    palette = plan.palette
    brass = palette.add(paint("8d6b33", gloss=0.7, mirror=0.2))
    linen = palette.add(paint("e8d3ab", glow="ffc37a", glow_by=0.25 + 1.05 * power, two_sided=True))
    stem = mesh.lathe(
        [(wide * 0.75, 0), (wide * 0.72, 0.02), (thick, 0.035), (thick, tall + wide * 0.6), (0, tall + wide * 0.6)], 16
    ).painted(brass)
    shade = mesh.lathe([(wide * 1.1, tall), (wide * 0.72, tall + wide * 1.3)], 24).painted(linen)
    plan.solids += [stem.moved(x, y, z), shade.moved(x, y, z)]
    if power >= _LIGHTS_FROM:
        plan.lamp(x, y, z + tall + 0.5 * wide, tinted(WARM, 0.34 * power), 1.5)


def pendant(plan: Plan, x: float, y: float, power: float = 1.0, drop: float = 1.05) -> None:
    """A lamp that hangs from the ceiling over a table."""
    palette, z = plan.palette, plan.box.tall - drop
    metal = palette.add(paint("2c3538", gloss=0.6, mirror=0.1, two_sided=True))
    glass = palette.add(paint("fff0d0", glow="ffdf9e", glow_by=2.2 * power + 0.3))
    bell = mesh.lathe([(0.23, 0), (0.21, 0.05), (0.13, 0.15), (0.05, 0.19), (0.03, 0.24), (0, 0.24)], 24).painted(metal)
    plan.solids += [
        bell.moved(x, y, z), mesh.sphere(0.06, 14, 8).moved(x, y, z + 0.05).painted(glass),
        mesh.tube([[x, y, z + 0.2], [x, y, plan.box.tall]], 0.006, 5).painted(metal),
    ]  # fmt: skip
    if power >= _LIGHTS_FROM:
        plan.lamp(x, y, z - 0.05, tinted(WARM, 0.55 * power), 1.25)


def chandelier(plan: Plan, x: float, y: float, z: float, power: float = 1.0) -> None:
    """Eight candle bulbs about a brass ring."""
    palette = plan.palette
    brass = palette.add(paint("b98f45", gloss=0.85, mirror=0.3))
    bulb = palette.add(paint("fff1d6", glow="ffd9a0", glow_by=3.2 * power + 0.2))
    turn = 2 * np.pi * np.arange(33) / 32
    ring = np.stack([0.42 * np.cos(turn), 0.42 * np.sin(turn), np.zeros(33)], 1)
    parts = [mesh.tube(ring, 0.012, 6).painted(brass)]
    parts.append(
        mesh.lathe([(0, -0.16), (0.05, -0.1), (0.03, 0), (0.05, 0.1), (0.015, 0.2), (0, 0.9)], 14).painted(brass)
    )
    for k in range(8):
        a = 2 * math.pi * k / 8
        cx, cy = 0.42 * math.cos(a), 0.42 * math.sin(a)
        parts.append(mesh.tube([[0, 0, -0.08], [cx * 0.55, cy * 0.55, -0.12], [cx, cy, 0.0]], 0.008, 5).painted(brass))
        parts.append(mesh.lathe([(0.02, 0), (0.012, 0.01), (0.012, 0.07), (0, 0.07)], 8).moved(cx, cy).painted(brass))
        parts.append(mesh.lathe([(0.006, 0.07), (0.018, 0.095), (0, 0.14)], 8).moved(cx, cy).painted(bulb))
    plan.solids.append(joined(parts).moved(x, y, z))
    plan.lamp(x, y, z - 0.1, tinted(WARM, 0.55 * power), 1.9)


@dataclass(frozen=True, slots=True)
class Embers:
    """Logs whose fire lights the room and never burns evenly."""

    mesh: Mesh
    where: tuple[float, float, float]
    power: float
    seed: int
    still: bool = False

    def pose(self, seconds: float) -> Floats:
        return placed(rotation(), *self.where)[None]

    def bulbs(self, seconds: float) -> Floats:
        x, y, z = self.where
        bright = self.power * (
            1.0 + 0.28 * gradient(seconds * 6.3, 2.0, self.seed) + 0.18 * gradient(seconds * 2.1, 7.0, self.seed)
        )
        off = 0.05 * gradient(seconds * 4.1, 5.0, self.seed)
        return np.array([[x + off, y - 0.35, z + 0.38, 0.62 * bright, 0.27 * bright, 0.085 * bright, 1.7]], np.float32)


def fireplace(plan: Plan, x: float, y: float, power: float = 1.0) -> None:
    """Against the back wall at `y`: a mantel, a hearth, logs and flames."""
    palette = plan.palette
    stone = palette.add(paint("b7aea0", pattern=3, numbers=(3.0, 0.2, 5), gloss=0.12))
    soot = palette.add(paint("2a2421", pattern=4, numbers=(0.22, 0.075, 0.5, 3), gloss=0.03))
    oak, bark = furniture.wood(palette, 2, 0.3), palette.add(paint("33231a", glow="ff4d10", glow_by=0.10))
    breast: list[tuple[float, ...]] = [(side * 0.72, 0, 0, 0.34, 0.42, 1.15) for side in (-1, 1)]
    breast += [(0, 0, 0.82, 1.10, 0.42, 0.33), (0, 0.02, 1.21, 1.62, 0.34, 1.8), (0, -0.42, 0, 2.0, 0.6, 0.05)]
    hearth = [(0, 0.17, 0.05, 1.10, 0.06, 0.8), (-0.53, 0, 0.05, 0.05, 0.40, 0.8), (0.53, 0, 0.05, 0.05, 0.40, 0.8)]
    plan.solids += [
        blocks(breast, stone).moved(x, y - 0.2), blocks(hearth, soot).moved(x, y - 0.2),
        blocks([(0, -0.04, 1.15, 1.98, 0.52, 0.07)], oak).moved(x, y - 0.2),
    ]  # fmt: skip
    logs = [
        mesh.tube([[-0.30, -0.03 + 0.1 * k, 0.06 + 0.03 * k], [0.30, 0.05 - 0.06 * k, 0.08 + 0.05 * k]], 0.055, 8)
        for k in range(3)
    ]
    where = (x, y - 0.22, 0.05)
    seed = plan.seed & 0xFFFF
    plan.actors.append(Embers(joined(logs).painted(bark), where, power, seed))
    plan.glows.append(lambda t: _flames(where, t, seed, power))


def _flames(where: tuple[float, float, float], seconds: float, seed: int, power: float) -> Floats:
    x, y, z = where
    tongues = [
        sprites.flames(x + off, y, z + 0.06, tall, seconds + off, seed=seed + k, count=16)
        for k, (off, tall) in enumerate(((-0.16, 0.42), (0.02, 0.56), (0.17, 0.38)))
    ]
    rows = np.concatenate([*tongues, sprites.sparks(x, y, z + 0.2, seconds, rise=0.7, seed=seed, count=8)])
    rows[:, 4:7] *= 0.40 + 0.25 * power
    return rows.astype(np.float32)
