"""What a skyline has beside its blocks: a bridge, parks, and the rest of the city as far as one sees."""

from __future__ import annotations

import numpy as np

from seedbed.engines.previz.city import street
from seedbed.engines.previz.city.build import Builder, pick
from seedbed.engines.previz.city.kit import HALF_M, KERB_M, Kit
from seedbed.engines.previz.shapes import mesh


def raise_bridge(ground: Builder, kit: Kit, low: float, high: float) -> list[list[float]]:
    """A suspension bridge that carries the main street over the river; returns its lamps."""
    lamps: list[list[float]] = []
    deck, half = 7.0, 9.5
    a, b = low - 40.0, high + 40.0
    ground.box(-half, half, low - 4, high + 4, deck - 1.6, deck, kit.metal, kit.asphalt)
    ground.floor(-HALF_M, HALF_M, low, high, deck + 0.03, kit.road)
    for (ya, za), (yb, zb) in (((a, 0.1), (low - 4, deck)), ((high + 4, deck), (b, 0.1))):
        ground.quad(
            (-half, ya, za), (half, ya, za), (half, yb, zb), (-half, yb, zb), kit.road, uv=(-half, ya, half, yb)
        )
        ground.quad((half, ya, 0), (half, yb, 0), (half, yb, zb), (half, ya, za), kit.kerb)
        ground.quad((-half, yb, 0), (-half, ya, 0), (-half, ya, za), (-half, yb, zb), kit.kerb)
    towers = (low + 52.0, high - 52.0)
    top = 46.0
    for y in towers:
        for x in (-half - 1.2, half + 1.2):
            ground.box(x - 1.3, x + 1.3, y - 1.8, y + 1.8, -3.5, top, kit.trim)
        for z in (deck + 14.0, top - 3.0):
            ground.box(-half - 1.2, half + 1.2, y - 1.0, y + 1.0, z, z + 2.2, kit.trim)
    span = towers[1] - towers[0]
    for x in (-half - 1.2, half + 1.2):
        line = [[x, a + 20, 2.0], [x, towers[0], top]]
        line += [
            [x, towers[0] + span * k / 16, top - (top - deck - 3) * (1 - (2 * k / 16 - 1) ** 2)] for k in range(1, 16)
        ]
        line += [[x, towers[1], top], [x, b - 20, 2.0]]
        ground.place(mesh.tube(line, 0.32, 5).painted(kit.metal), 0, 0)
        for k in range(1, 32):
            y = towers[0] + span * k / 32
            z = top - (top - deck - 3) * (1 - (2 * k / 32 - 1) ** 2)
            ground.box(x - 0.09, x + 0.09, y - 0.09, y + 0.09, deck, z, kit.metal)
        if kit.night or kit.wet:
            lamps += [[x, y, deck + 5.0, 0.8, 0.55, 0.28, 4.0] for y in np.arange(low, high, 22.0)]
    return lamps


def lay_park(ground: Builder, kit: Kit, x0: float, x1: float, y0: float, y1: float, rng: np.random.Generator) -> None:
    """A green with trees."""
    ground.floor(x0 + 1, x1 - 1, y0 + 1, y1 - 1, KERB_M + 0.05, kit.grass)
    forms = [street.tree(kit, number, bare=False, near=False).scaled(1.5) for number in range(3)]
    for _ in range(26):
        ground.place(
            forms[int(rng.integers(3))], float(rng.uniform(x0 + 4, x1 - 4)), float(rng.uniform(y0 + 4, y1 - 4)), 0.1
        )


def raise_outskirts(ground: Builder, kit: Kit, rng: np.random.Generator) -> None:
    """The rest of the city, as far as the air lets one see: plain blocks on a wider grid."""
    for row in range(26):
        y = 380.0 + row * (70.0 + 5.0 * row)
        across = 0.75 * y + 120.0
        for x in np.arange(-across, across, 78.0 + 6.0 * row):
            inner = abs(x) < 620 and y < 1650
            if inner or rng.random() < 0.25:
                continue
            wide, deep = float(rng.uniform(30, 60)) * (1 + 0.04 * row), float(rng.uniform(26, 44))
            tall = float(rng.uniform(9, 34)) * (2.2 if rng.random() < 0.08 else 1.0)
            skin = pick(rng, kit.stone)
            at = float(x) + float(rng.uniform(-12, 12))
            ground.walls(
                at, at + wide, y, y + deep, 0.0, tall, skin, bay=3.0, shift=float(rng.integers(900)) * 3, sides="swe"
            )
            ground.floor(at, at + wide, y, y + deep, tall, kit.roof)
