"""Furniture and things of single rooms: sofas, beds, worktops, screens, cakes, pews. Origins as in `furniture`."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz import bodies
from seedbed.engines.previz.bodies.model import Model
from seedbed.engines.previz.rooms.plan import Plan
from seedbed.engines.previz.shapes import Palette, mesh, paint, project
from seedbed.engines.previz.shapes.mesh import Mesh, joined
from seedbed.engines.previz.shapes.paint import CLOTH, MOTTLED, WINDOWS
from seedbed.engines.previz.things import furniture
from seedbed.engines.previz.things.furniture import blocks

Floats = NDArray[np.float32]


def cushion(wide: float, deep: float, tall: float) -> Mesh:
    """A soft box."""
    turn = 2 * np.pi * np.arange(20) / 20
    rim = np.stack([np.sign(f) * np.abs(f) ** 0.35 * s / 2 for f, s in ((np.cos(turn), wide), (np.sin(turn), deep))], 1)
    levels = ((0.92, 0.0), (1.0, 0.25), (1.0, 0.75), (0.93, 0.97), (0.6, 1.0))
    return mesh.loft([np.column_stack([rim * s, np.full(20, h * tall)]) for s, h in levels])


def sofa(palette: Palette, colour: str, wide: float = 2.0) -> Mesh:
    """Its sitter looks to +y."""
    cloth = palette.add(paint(colour, gloss=0.03, pattern=CLOTH, numbers=(240.0, 0.25, 3)))
    feet = furniture.wood(palette, 2)
    count = round(wide / 0.75)
    each = (wide - 0.4) / count
    parts = [cushion(wide, 0.86, 0.26).moved(0, 0, 0.12), cushion(wide, 0.24, 0.72).moved(0, -0.36, 0.14)]
    parts += [cushion(0.22, 0.86, 0.50).moved(side * (wide / 2 - 0.11), 0, 0.12) for side in (-1, 1)]
    parts += [cushion(each * 0.98, 0.62, 0.17).moved((k - (count - 1) / 2) * each, 0.08, 0.34) for k in range(count)]
    legs = blocks([(x * (wide / 2 - 0.1), y * 0.35, 0, 0.06, 0.06, 0.13) for x in (-1, 1) for y in (-1, 1)], feet)
    return joined([joined(parts).painted(cloth), legs])


def bed(palette: Palette, colour: str) -> Mesh:
    """A double bed, its head to +y."""
    oak, linen = (
        furniture.wood(palette, 3),
        palette.add(paint("ece6da", gloss=0.02, pattern=CLOTH, numbers=(160, 0.3, 2))),
    )
    quilt = palette.add(paint(colour, gloss=0.02, pattern=CLOTH, numbers=(90, 0.5, 4)))
    frame = blocks([(0, 0, 0.12, 1.7, 2.1, 0.16), (0, 1.05, 0, 1.8, 0.08, 1.1), (0, -1.05, 0.05, 1.75, 0.06, 0.4)], oak)
    pillows = [cushion(0.66, 0.42, 0.17).turned(pitch=0.35).moved(x, 0.78, 0.48).painted(linen) for x in (-0.42, 0.42)]
    return joined([frame, cushion(1.64, 2.0, 0.26).moved(0, 0, 0.26).painted(linen),
                   cushion(1.76, 1.42, 0.14).moved(0, -0.32, 0.44).painted(quilt), *pillows])  # fmt: skip


def desk(palette: Palette, glow: str, seed: int) -> Mesh:
    """With a screen, a keyboard and papers; whoever works at it sits on its +y side and looks to -y."""
    oak, dark = furniture.wood(palette, 3, 0.4), palette.add(paint("24272b", gloss=0.5))
    page = palette.add(paint("eeeae0"))
    lit = palette.add(paint("0a0d12", glow=glow, glow_by=0.35, pattern=WINDOWS, numbers=(0.09, 0.035, 0.5, 1.6, seed)))
    parts = [blocks([(0, 0, 0.70, 1.7, 0.8, 0.04), (-0.78, 0, 0, 0.05, 0.7, 0.7), (0.55, 0, 0.1, 0.5, 0.7, 0.6)], oak)]
    parts.append(blocks([(0.6, 0.05, 0.74, 0.26, 0.2, 0.02), (0.6, 0.05, 0.75, 0.04, 0.04, 0.2),
                         (0.6, 0.05, 0.86, 0.60, 0.035, 0.36), (0, 0.12, 0.74, 0.42, 0.14, 0.02)], dark))  # fmt: skip
    parts.append(blocks([(0.6, 0.072, 0.875, 0.57, 0.005, 0.33)], lit))
    sheets = [(-0.52 + 0.04 * k, -0.05 + 0.03 * k, 0.74 + 0.002 * k, 0.21, 0.30, 0.002) for k in range(4)]
    return joined([*parts, blocks(sheets, page)])


def cake(palette: Palette, colour: str) -> Mesh:
    """Two tiers on a stand, icing down the sides."""
    cream, icing = palette.add(paint("f3e6d2", gloss=0.2)), palette.add(paint(colour, gloss=0.45))
    berry, plate = palette.add(paint("b3202f", gloss=0.6)), palette.add(paint("f4f2ec", gloss=0.7, mirror=0.05))
    stand = mesh.lathe([(0.11, 0), (0.03, 0.02), (0.03, 0.09), (0.24, 0.11), (0.24, 0.125), (0, 0.12)], 28).painted(
        plate
    )
    parts = [stand]
    for low, wide, tall in ((0.12, 0.19, 0.11), (0.23, 0.125, 0.09)):
        parts.append(mesh.lathe([(wide, low), (wide, low + tall), (0, low + tall)], 40).painted(cream))
        turn = 2 * np.pi * np.arange(48) / 48
        drip = 0.028 + 0.016 * np.sin(turn * 9) + 0.010 * np.sin(turn * 5 + 1)
        ring = np.stack([np.cos(turn), np.sin(turn)], 1)
        net = [np.column_stack([ring * (wide + 0.005), low + tall - drip]),
               np.column_stack([ring * (wide + 0.006), np.full(48, low + tall)]),
               np.column_stack([ring * (wide - 0.02), np.full(48, low + tall + 0.008)]),
               np.column_stack([ring * 0.001, np.full(48, low + tall + 0.008)])]  # fmt: skip
        parts.append(mesh.surface(np.array(net), closed=True).painted(icing))
        count = 14 if low < 0.2 else 0
        for k in range(count):
            a = 2 * math.pi * k / count
            ball = mesh.sphere(0.016, 8, 6).moved(
                (wide - 0.03) * math.cos(a), (wide - 0.03) * math.sin(a), low + tall + 0.014
            )
            parts.append(ball.painted(berry))
    return joined(parts)


def fruit(palette: Palette, rng: np.random.Generator) -> Mesh:
    """A bowl of it."""
    clay = palette.add(paint("4d6f78", gloss=0.6, mirror=0.04, two_sided=True))
    skins = [palette.add(paint(c, gloss=0.5)) for c in ("c23b2e", "e7a52c", "8fae3c", "e07a2a")]
    parts = [
        mesh.lathe([(0.07, 0), (0.075, 0.015), (0.15, 0.08), (0.17, 0.10), (0.145, 0.085), (0, 0.03)], 28).painted(clay)
    ]
    for k in range(9):
        turn, off, up = (2 * math.pi * k / 6, 0.085, 0.085) if k < 6 else (2.1 * k, 0.038, 0.135)
        ball = mesh.sphere(0.040 + 0.006 * float(rng.random()), 14, 9)
        parts.append(ball.moved(off * math.cos(turn), off * math.sin(turn), up).painted(skins[k % 4]))
    return joined(parts)


def worktop(palette: Palette, wide: float) -> Mesh:
    """Kitchen units with doors, a stone top and a hob with a pan in the middle; its front to -y."""
    front = palette.add(paint("5d7468", gloss=0.25))
    stone = palette.add(paint("d8d3c8", gloss=0.55, mirror=0.04, pattern=MOTTLED, numbers=(9.0, 0.14, 4)))
    steel = palette.add(paint("b9bcbf", gloss=0.85, mirror=0.35))
    black = palette.add(paint("15161a", gloss=0.8, mirror=0.12))
    count = round(wide / 0.6)
    each = wide / count
    xs = [(k - (count - 1) / 2) * each for k in range(count)]
    units = [(0, 0.02, 0.08, wide, 0.58, 0.78)] + [(x, -0.29, 0.12, each - 0.012, 0.025, 0.72) for x in xs]
    grips = [(x, -0.32, 0.76, 0.22, 0.02, 0.015) for x in xs]
    parts = [blocks(units, front), blocks([(0, 0, 0.86, wide + 0.02, 0.64, 0.04)], stone), blocks(grips, steel)]
    parts.append(blocks([(0, 0.0, 0.90, 0.62, 0.5, 0.008), (0, -0.305, 0.2, each - 0.05, 0.012, 0.5)], black))
    pan = mesh.lathe([(0.11, 0), (0.15, 0.055), (0.155, 0.06), (0.145, 0.055), (0.105, 0.008), (0, 0.008)], 28)
    parts.append(pan.moved(-0.14, -0.06, 0.915).painted(black))
    parts.append(mesh.tube([[-0.14, -0.20, 0.955], [-0.17, -0.42, 0.985]], 0.012, 7).painted(black))
    pot = mesh.lathe(
        [(0.10, 0), (0.105, 0.02), (0.105, 0.14), (0.11, 0.145), (0.02, 0.165), (0.02, 0.19), (0, 0.19)], 26
    )
    parts.append(pot.moved(0.15, 0.09, 0.91).painted(steel))
    return joined(parts)


def cupboards(palette: Palette, wide: float, tall: float) -> Mesh:
    """Hung on a wall at y 0, their fronts to -y, from z 0 up."""
    front, grip = palette.add(paint("5d7468", gloss=0.25)), palette.add(paint("b9bcbf", gloss=0.85, mirror=0.3))
    count = max(round(wide / 0.6), 1)
    each = wide / count
    xs = [(k - (count - 1) / 2) * each for k in range(count)]
    rows: list[tuple[float, ...]] = [(0, -0.16, 0, wide, 0.32, tall)]
    rows += [(x, -0.33, 0.01, each - 0.012, 0.02, tall - 0.02) for x in xs]
    return joined([blocks(rows, front), blocks([(x, -0.36, 0.05, 0.015, 0.02, 0.18) for x in xs], grip)])


def picture(palette: Palette, rng: np.random.Generator, wide: float, tall: float) -> Mesh:
    """A framed canvas on a wall at y 0, seen from -y, its middle at the origin: bands and discs of paint."""
    gold, cream = palette.add(paint("9c7a3c", gloss=0.55, mirror=0.08)), palette.add(paint("ece5d6"))
    hues = ("b5412f", "274a6b", "d9a441", "3f6b57", "6e4566", "d98a5a", "1f2a36", "c9b79a")
    rim = 0.05
    rows: list[tuple[float, ...]] = [
        (0, -0.02, -tall / 2 - rim, wide + 2 * rim, 0.05, rim),
        (0, -0.02, tall / 2, wide + 2 * rim, 0.05, rim),
    ]
    rows += [(s * (wide + rim) / 2, -0.02, -tall / 2, rim, 0.05, tall) for s in (-1, 1)]
    parts = [blocks(rows, gold), blocks([(0, -0.005, -tall / 2, wide, 0.02, tall)], cream)]
    order, low = rng.permutation(len(hues)), -tall / 2
    for k, share in enumerate(rng.dirichlet(np.full(4, 3.0))):
        band = palette.add(paint(hues[order[k]], pattern=MOTTLED, numbers=(5.0, 0.35, k)))
        parts.append(blocks([(0, -0.012, low, wide, 0.02, tall * share)], band))
        low += tall * float(share)
    disc = mesh.lathe([(0.17 * tall, 0), (0, 0.004)], 32).turned(pitch=math.pi / 2)
    disc = disc.moved(wide * float(rng.uniform(-0.25, 0.25)), -0.024, tall * float(rng.uniform(-0.1, 0.25)))
    return joined([*parts, disc.painted(palette.add(paint(hues[order[5]])))])


def frozen(body: Model, motion: str, seconds: float) -> Mesh:
    """A body as it is at one time, for good."""
    form, poses = body.mesh, body.pose(motion, seconds)
    points, normals = np.empty_like(form.points), np.empty_like(form.normals)
    project.pose(form.points, form.normals, form.bones, form.weights, np.ascontiguousarray(poses, np.float32), points,
                 normals)  # fmt: skip
    count = len(points)
    return Mesh(points, normals, form.uv, form.faces, form.paint, np.zeros((count, 2), np.int32),
                np.ones(count, np.float32), form.ao)  # fmt: skip


def statue(plan: Plan, seed: int, motion: str = "wave") -> Mesh:
    """A marble figure on a plinth."""
    marble = plan.palette.add(paint("e4dfd5", gloss=0.35, pattern=MOTTLED, numbers=(4.0, 0.10, 3)))
    plinth = plan.palette.add(paint("b8b2a6", gloss=0.2))
    body = bodies.model("dancer", seed=seed, palette=Palette(), detail="low")
    figure = frozen(body, motion, 0.7).painted(marble).creased(0.25, 0.6)
    foot = blocks([(0, 0, 0, 0.95, 0.95, 0.10), (0, 0, 0.10, 0.80, 0.80, 0.75), (0, 0, 0.85, 0.9, 0.9, 0.08)], plinth)
    return joined([foot, figure.moved(0, 0, 0.93)])


def column(palette: Palette, radius: float, tall: float) -> Mesh:
    stone = palette.add(paint("c4b9a5", gloss=0.08, pattern=MOTTLED, numbers=(2.2, 0.16, 6)))
    outline = [
        (1.5, 0),
        (1.5, 0.06),
        (1.25, 0.09),
        (1.05, 0.12),
        (1.0, 0.16),
        (0.94, 0.84),
        (1.1, 0.87),
        (1.5, 0.93),
        (1.55, 1.0),
    ]
    return mesh.lathe([(radius * r, tall * h) for r, h in outline], 20).painted(stone)


def pew(palette: Palette, wide: float) -> Mesh:
    """A bench whose sitters look to +y."""
    oak = furniture.wood(palette, 2, 0.25)
    return blocks([(0, 0, 0.42, wide, 0.40, 0.04), (0, -0.20, 0, wide, 0.04, 0.92), (-wide / 2, 0, 0, 0.06, 0.5, 0.95),
                   (wide / 2, 0, 0, 0.06, 0.5, 0.95)], oak)  # fmt: skip
