"""The measures of four-legged creatures that nobody has met, in metres, from the side: see `species`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from seedbed.engines.previz.bodies.beast import Coat, Leg, Shape, mane
from seedbed.engines.previz.bodies.form import Grain, Hold, skin
from seedbed.engines.previz.bodies.species import HORSE
from seedbed.engines.previz.shapes.mesh import Mesh, tube

Bone = Callable[[str], int]


def _unicorn_parts(s: Shape, grain: Grain, bone: Bone, coat: Coat) -> list[Mesh]:
    """A longer mane, and a horn with its twist."""
    root, tip = np.array([0.0, 1.235, 1.89]), np.array([0.0, 1.60, 2.40])
    rows = [
        (*(root + (tip - root) * t), r, r, r) for t, r in ((-0.08, 0.034), (0.1, 0.031), (0.5, 0.019), (1.0, 0.002))
    ]
    horn = skin(rows, grain(8, 4), grain(12, 6), Hold((bone("head"),)), front=(1, 0, 0), paint=coat.horn)
    along = (tip - root) / np.linalg.norm(tip - root)
    side = np.array([1.0, 0.0, 0.0])
    up = np.cross(along, side)
    coil = []
    for t in np.linspace(0.02, 0.92, grain(60, 20)):
        turn, r = 2 * np.pi * 6.5 * t, 0.031 * (1 - t) + 0.002
        coil.append(root + (tip - root) * t + r * (side * np.cos(turn) + up * np.sin(turn)))
    twist = tube(coil, 0.0055, 5).painted(coat.horn).boned(bone("head"))
    return [*mane(s, coat, grain, bone, 0.36, 0.055), horn, twist]


UNICORN = replace(
    HORSE, extras=_unicorn_parts,
    tail=((-0.74, 1.40, 0.03), (-0.85, 1.38, 0.065), (-0.94, 1.22, 0.095), (-0.97, 1.00, 0.11), (-0.96, 0.78, 0.10),
          (-0.94, 0.52, 0.07), (-0.93, 0.36, 0.012)),
)  # fmt: skip

DINOSAUR = Shape(
    trunk=(
        (-2.25, 3.05, 2.35, 0.30), (-2.10, 3.25, 2.10, 0.55), (-1.70, 3.50, 1.85, 0.82), (-1.00, 3.78, 1.58, 1.04),
        (-0.20, 3.86, 1.46, 1.12), (0.60, 3.78, 1.50, 1.06), (1.30, 3.60, 1.72, 0.88), (1.75, 3.40, 2.05, 0.62),
        (2.00, 3.15, 2.45, 0.30),
    ),
    neck=(
        (1.25, 2.85, 0.62, 0.66, 0.78), (1.90, 3.20, 0.46, 0.48, 0.58), (2.60, 3.85, 0.34, 0.35, 0.40),
        (3.20, 4.75, 0.27, 0.28, 0.31), (3.60, 5.65, 0.235, 0.24, 0.26), (3.92, 6.35, 0.21, 0.21, 0.22),
        (4.12, 6.68, 0.17, 0.17, 0.17),
    ),
    head=(
        (3.98, 6.78, 0.13, 0.12, 0.14), (4.14, 6.82, 0.21, 0.20, 0.21), (4.38, 6.78, 0.23, 0.23, 0.22),
        (4.62, 6.66, 0.185, 0.17, 0.18), (4.86, 6.54, 0.165, 0.12, 0.14), (5.02, 6.46, 0.15, 0.10, 0.12),
        (5.12, 6.42, 0.05, 0.04, 0.05),
    ),
    fore=Leg(((1.30, 2.45), (1.08, 1.70), (1.22, 0.76), (1.22, 0.26), (1.40, 0.0)), 0.66,
             ((0.42, 0.54, 0.52), (0.31, 0.36, 0.36), (0.235, 0.25, 0.25), (0.24, 0.25, 0.25), (0.24, 0.24, 0.24)),
             (0.29, 0.46, 0.30)),
    hind=Leg(((-1.40, 2.60), (-1.15, 1.72), (-1.46, 0.76), (-1.42, 0.26), (-1.24, 0.0)), 0.62,
             ((0.48, 0.66, 0.66), (0.35, 0.42, 0.44), (0.24, 0.26, 0.27), (0.24, 0.25, 0.25), (0.24, 0.24, 0.24)),
             (0.30, 0.48, 0.30)),
    tail=((-1.95, 2.75, 0.52), (-2.60, 2.62, 0.40), (-3.40, 2.42, 0.29), (-4.30, 2.22, 0.20), (-5.30, 2.10, 0.13),
          (-6.30, 2.06, 0.075), (-7.20, 2.10, 0.03), (-7.60, 2.14, 0.006)),
    ear=((0.09, 4.30, 6.96), (0.004, -0.01, 0.012), (0.012, 0.008, 0.0)), eye=(0.215, 4.42, 6.86, 0.036),
    hoofed=False, power=2.2,
)  # fmt: skip
