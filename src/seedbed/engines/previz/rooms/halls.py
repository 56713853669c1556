"""Rooms that are open to many: library, cafe, gallery, church, photo studio."""

from __future__ import annotations

import math

import numpy as np

from seedbed.engines.previz import bodies
from seedbed.engines.previz.rooms import lamps, pieces
from seedbed.engines.previz.rooms.homes import coat, fabric, hung, rug
from seedbed.engines.previz.rooms.plan import Box, Place, Plan, Window, looked_at
from seedbed.engines.previz.rooms.shell import Coat, shell
from seedbed.engines.previz.shapes import mesh, paint
from seedbed.engines.previz.shapes.mesh import Mesh, joined
from seedbed.engines.previz.shapes.paint import CHECKS, TILES
from seedbed.engines.previz.things import furniture
from seedbed.engines.previz.things.furniture import blocks


def library(plan: Plan) -> None:
    """Books on all walls, a ladder, a reading table with a lamp."""
    palette, rng = plan.palette, plan.rng
    plan.box = Box(7.0, -6.0, 4.2, 3.8)
    half, far = 3.5, plan.box.far
    plan.windows = (Window("left", -2.6, 1.3, 0.8, 3.2), Window("back", 0.0, 1.5, 1.0, 3.3))
    plan.solids += shell(plan, coat(plan, "6d4a34", "5c3a22"))
    cases = [furniture.books(palette, rng, wide=2.4, tall=3.2) for _ in range(3)]
    for number, y in enumerate((-0.4, 2.1)):
        plan.solids.append(cases[number].turned(yaw=-math.pi / 2).moved(half - 0.17, y))
        plan.solids.append(cases[2 - number].turned(yaw=math.pi / 2).moved(-half + 0.17, y + 0.3))
    for number, x in enumerate((-2.1, 2.1)):
        plan.solids.append(cases[number + 1].turned(yaw=math.pi).moved(x, far - 0.17))
    plan.solids.append(_ladder(plan, 2.2, far - 0.55, 3.0))
    plan.solids.append(furniture.table(palette, wide=2.2, deep=1.0, cloth=None))
    for x in (-0.5, 0.5):
        plan.solids.append(furniture.chair(palette, cushion="3d5a45").turned(yaw=math.pi).moved(x, 0.80))
    stack = [(0.5 + 0.01 * k, -0.1, 0.76 + 0.04 * k, 0.24 - 0.02 * k, 0.30 - 0.02 * k, 0.038) for k in range(4)]
    spines = [palette.add(paint(c, gloss=0.15)) for c in ("7a2b25", "1f3b4d", "8a6b3a", "3b5a3a")]
    page = palette.add(paint("efe6d0"))
    open_book = blocks([(x, -0.12, 0.762, 0.19, 0.27, 0.02) for x in (-0.28, -0.08)], page)
    plan.solids += [blocks(stack, spines), open_book]
    lamps.table_lamp(plan, 0.92, 0.22, 0.76, 1.3 if plan.night else 0.5)
    lamps.table_lamp(plan, -0.92, 0.22, 0.76, 1.3 if plan.night else 0.5)
    lamps.chandelier(plan, 0.0, 1.2, 2.75, 1.0 if plan.night else 0.35)
    plan.solids += rug(palette, "6b2c2a", 3.4, 2.4)
    plan.seats = (Place(-0.5, 0.80, math.pi), Place(0.5, 0.80, math.pi))
    plan.stands = (Place(-1.15, -1.2, 2.8), Place(0.0, -1.1, 3.3), Place(1.3, -1.0, 3.6))
    plan.focus = looked_at("table", 0.0, 0.6, 1.25, 2.6)


def _ladder(plan: Plan, x: float, y: float, tall: float) -> Mesh:
    oak = furniture.wood(plan.palette, 3)
    rails = [mesh.tube([[s * 0.22, -0.35, 0], [s * 0.22, 0.25, tall]], 0.025, 6) for s in (-1, 1)]
    rungs = []
    for k in range(9):
        share = (k + 0.7) / 9.5
        at = [-0.35 + 0.60 * share, tall * share]
        rungs.append(mesh.tube([[-0.22, *at], [0.22, *at]], 0.018, 6))
    return joined(rails + rungs).painted(oak).moved(x, y)


def cafe(plan: Plan) -> None:
    """Small tables under pendants, a counter at the back."""
    palette, rng = plan.palette, plan.rng
    plan.box = Box(8.0, -6.0, 5.0, 3.2)
    plan.windows = (
        Window("left", -2.6, 2.0, 0.5, 2.7),
        Window("left", 0.2, 2.0, 0.5, 2.7),
        Window("left", 3.0, 2.0, 0.5, 2.7),
    )
    brick = palette.add(paint("a5654c", pattern=TILES, numbers=(0.24, 0.08, 0.3, 4), gloss=0.05))
    own = coat(plan, "", "6e4a2e")
    plan.solids += shell(plan, Coat(brick, own.floor, own.ceiling, own.trim))
    cup = _cup(plan)
    fine = plan.said("restaurant", "dinner", "dine", "fine")
    spots = ((0.0, 0.0), (-2.2, 1.3), (2.2, 1.2), (-1.1, 3.0), (1.6, 3.2), (-2.4, -1.6), (2.6, -1.3))
    # One of each is made, and set out again and again.
    top = _round_table(plan, "f0ebe0" if fine else "")
    seat = furniture.chair(palette, cushion=fabric(plan))
    for number, (x, y) in enumerate(spots):
        lead = number == 0
        sides = (
            ((0.42, 0.62, math.pi), (-0.42, 0.62, math.pi))
            if lead
            else ((0.72, 0.0, -math.pi / 2), (-0.72, 0.0, math.pi / 2))
        )
        plan.solids.append(top.moved(x, y))
        plan.solids += [seat.turned(yaw=yaw).moved(x + dx, y + dy) for dx, dy, yaw in sides]
        for side in (-0.2, 0.2):
            if fine:
                plan.solids.append(furniture.glass(palette, "5a0f1c" if lead else None).moved(x + side, y + 0.05, 0.75))
            else:
                plan.solids.append(cup.moved(x + side, y - 0.06, 0.75))
        if fine and (lead or y > 1.0):
            power = 0.9 if lead else 0.0
            plan.actors.append(
                furniture.candle(palette, (x, y - 0.05, 0.75), 0.18, (plan.seed + number) & 0xFFFF, power)
            )
    _counter(plan, fine)
    for x, y in ((0.0, 0.1), (-2.2, 1.3), (2.2, 1.2)):
        lamps.pendant(plan, x, y, 0.8 if plan.night else 0.3, 1.2)
    other = [(-2.9, 1.3, math.pi / 2), (2.92, 1.2, -math.pi / 2), (1.5, 1.2, math.pi / 2)]
    for number, (x, y, yaw) in enumerate(other if "people" not in plan.shot.without else []):
        body = bodies.model(
            ("man", "woman", "woman")[number], seed=plan.seed + 31 * number, palette=palette, detail="low"
        )
        plan.actors.append(bodies.standing(body, "sit", x, y, 0.0, yaw, 0.3 * number))
    plan.solids.append(furniture.vase(palette, rng, "e8e2f2").scaled(0.6).moved(0.0, 0.12, 0.75))
    hung(plan, 2.9, 1.9, 0.9, 0.7)
    plan.seats = (Place(0.42, 0.62, 3.35), Place(-0.42, 0.62, 2.95))
    plan.stands = (Place(-0.9, -1.5, 2.8), Place(0.3, -1.4, 3.4), Place(1.4, -1.2, 3.6))
    plan.laid = True
    plan.focus = looked_at("table", 0.0, 0.8, 1.05, 2.4)


def _round_table(plan: Plan, cloth: str) -> Mesh:
    oak, iron = furniture.wood(plan.palette, 1, 0.45), plan.palette.add(paint("23252a", gloss=0.5))
    top = mesh.lathe([(0.40, 0.72), (0.41, 0.735), (0.40, 0.75), (0, 0.75)], 32).painted(oak)
    foot = mesh.lathe([(0.24, 0), (0.23, 0.02), (0.03, 0.04), (0.03, 0.72)], 16).painted(iron)
    if not cloth:
        return joined([top, foot])
    linen = plan.palette.add(paint(cloth, gloss=0.02, two_sided=True))
    turn = 2 * np.pi * np.arange(48) / 48
    ring = np.stack([np.cos(turn), np.sin(turn)], 1)
    rows = [np.column_stack([ring * (0.44 + 0.02 * np.sin(turn * 11))[:, None], np.full(48, 0.45)]),
            np.column_stack([ring * 0.415, np.full(48, 0.752)]),
            np.column_stack([ring * 0.001, np.full(48, 0.754)])]  # fmt: skip
    return joined([foot, mesh.surface(np.array(rows), closed=True).painted(linen)])


def _cup(plan: Plan) -> Mesh:
    white = plan.palette.add(paint("f3f0e8", gloss=0.7, mirror=0.05, two_sided=True))
    brown = plan.palette.add(paint("3b2012", gloss=0.6))
    bowl = mesh.lathe([(0.075, 0.004), (0.03, 0.008), (0.028, 0.016), (0.042, 0.05), (0.045, 0.07)], 20).painted(white)
    return joined([bowl, mesh.lathe([(0.04, 0.06), (0, 0.06)], 16).painted(brown)])


def _counter(plan: Plan, fine: bool) -> None:
    palette, far = plan.palette, plan.box.far
    oak, steel = furniture.wood(palette, 2, 0.3), palette.add(paint("b9bcbf", gloss=0.85, mirror=0.35))
    board = palette.add(paint("23282b"))
    rows = [
        (0.8, far - 1.1, 0, 4.2, 0.6, 1.02),
        (0.8, far - 0.2, 1.45, 3.4, 0.25, 0.04),
        (0.8, far - 0.2, 1.85, 3.4, 0.25, 0.04),
    ]
    plan.solids += [blocks(rows, oak), blocks([(1.4, far - 1.05, 1.02, 0.75, 0.42, 0.42)], steel)]
    plan.solids.append(blocks([(-2.6, far - 0.03, 1.3, 1.2, 0.05, 0.9)], board))
    glassware = [
        palette.add(paint(c, gloss=0.8, mirror=0.08)) for c in ("2f5a3c", "7a3a1c", "b9c4c4", "5a1a24", "c99a3c")
    ]
    lots = plan.rng.uniform(0, 1, (2, 26))
    for level, z in enumerate((1.49, 1.89)):
        for k in range(26):
            tall = 0.16 + 0.14 * float(lots[level, k])
            bottle = mesh.lathe([(0.036, 0), (0.036, tall * 0.6), (0.013, tall * 0.75), (0.013, tall), (0, tall)], 8)
            own = glassware[int(lots[level, k] * 997) % 5]
            plan.solids.append(bottle.moved(-0.8 + 0.128 * k, far - 0.2, z).painted(own))
    plan.lamp(0.8, far - 0.7, 2.3, lamps.tinted(lamps.WARM, 0.5 if plan.night else 0.2), 1.4)


def gallery(plan: Plan) -> None:
    """White walls with pictures under spots, a statue in the middle."""
    palette = plan.palette
    plan.box = Box(9.0, -6.5, 6.0, 4.2)
    white = palette.add(paint("ece9e2", gloss=0.04))
    stone = palette.add(paint("b9b2a6", gloss=0.6, mirror=0.06, pattern=TILES, numbers=(1.1, 1.1, 0.12, 3)))
    plan.solids += shell(plan, Coat(white, stone, palette.add(paint("f2efe8")), palette.add(paint("d6d1c6"))))
    for x in (-2.9, 0.0, 2.9):
        hung(plan, x, 1.75, 1.6 if x else 1.9, 1.2 if x else 1.5)
        plan.lamp(x, plan.box.far - 1.2, 3.7, lamps.tinted(lamps.WHITE, 0.55), 2.0)
    side = [pieces.picture(palette, plan.rng, 1.5, 1.1) for _ in range(3)]
    for number, y in enumerate((-1.5, 1.2, 3.9)):
        plan.solids.append(side[number].turned(yaw=-math.pi / 2).moved(-4.49, y, 1.75))
        plan.solids.append(side[number - 1].turned(yaw=math.pi / 2).moved(4.49, y + 0.3, 1.75))
    plan.solids.append(
        pieces.statue(plan, plan.seed).turned(yaw=math.pi + 0.3).moved(0.9 if _peopled(plan) else 0.0, 1.6)
    )
    oak = furniture.wood(palette, 3, 0.3)
    plan.solids.append(
        blocks(
            [(-2.2, 1.8, 0.38, 0.5, 1.6, 0.07), (-2.2, 1.2, 0, 0.4, 0.08, 0.38), (-2.2, 2.4, 0, 0.4, 0.08, 0.38)], oak
        )
    )
    plan.lamp(-1.6, -0.6, 3.8, lamps.tinted(lamps.WHITE, 0.55), 2.3)
    plan.lamp(1.8, -0.6, 3.8, lamps.tinted(lamps.WHITE, 0.42), 2.3)
    plan.gloss, plan.dim = 0.30, 1.0
    plan.seats = (Place(-2.2, 1.9, 1.9),)
    plan.stands = (Place(-0.75, -0.6, 2.7), Place(0.4, -0.3, 3.5), Place(2.2, 0.3, 3.7))
    plan.focus = looked_at("statue", 0.3, 1.8, 1.5, 2.9)


def _peopled(plan: Plan) -> bool:
    return bool({"people", "crowd", "robot"} & set(plan.shot.subjects))


def church(plan: Plan) -> None:
    """A nave between columns, stained windows, light that falls in slanting shafts, an altar with candles."""
    palette = plan.palette
    plan.box = Box(11.0, -7.0, 20.0, 11.0)
    plan.windows = tuple(Window("left", y, 1.7, 3.4, 8.4) for y in (-3.0, 2.0, 7.0, 12.0, 17.0))
    stone = palette.add(paint("bfb39d", gloss=0.04, pattern=TILES, numbers=(0.9, 0.45, 0.16, 5)))
    floor = palette.add(paint("a99f8d", gloss=0.5, pattern=CHECKS, numbers=(0.6, 0.25)))
    plan.solids += shell(plan, Coat(stone, floor, stone, stone))
    pillar = pieces.column(palette, 0.34, 6.6)
    for y in np.arange(-4.5, 19.0, 5.0):
        plan.solids += [pillar.moved(x, float(y)) for x in (-3.3, 3.3)]
        plan.solids += [_arch(plan, x, float(y) + 2.5) for x in (-3.3, 3.3)]
    plan.solids += [_vault(plan, float(y)) for y in np.arange(-4.5, 20.0, 2.5)]
    bench = pieces.pew(palette, 2.0)
    for y in np.arange(-2.0, 12.0, 1.1):
        plan.solids += [bench.moved(x, float(y)) for x in (-1.75, 1.75)]
    _stained(plan)
    _altar(plan)
    plan.solids += [blocks([(0, 6.0, 0, 1.1, 22.0, 0.012)], palette.add(paint("7d2430", gloss=0.0)))]
    plan.stands = (Place(0.0, 0.4, 3.2), Place(-0.55, 0.8, 2.9), Place(0.55, 0.8, 3.4))
    plan.seats = (Place(-1.0, 1.3, 0.3), Place(1.0, 1.3, -0.3))
    plan.focus = looked_at("nave", 0.0, 6.0, 2.9, 6.2)


def _arch(plan: Plan, x: float, y: float) -> Mesh:
    stone = plan.palette.add(paint("c4b9a5", gloss=0.06))
    turn = np.linspace(0, math.pi, 17)
    line = np.stack([np.full(17, x), y - 2.5 * np.cos(turn), 6.5 + 2.1 * np.sin(turn) ** 0.8], 1)
    return mesh.tube(line, 0.26, 8).painted(stone)


def _vault(plan: Plan, y: float) -> Mesh:
    """A rib over the nave."""
    stone = plan.palette.add(paint("cdc2ae", gloss=0.06))
    turn = np.linspace(0, math.pi, 21)
    line = np.stack([-3.3 * np.cos(turn), np.full(21, y), 7.0 + 3.6 * np.sin(turn) ** 0.85], 1)
    return mesh.tube(line, 0.16, 7).painted(stone)


_GLASS = ("2f62c9", "c9312f", "e0b030", "3f9a5a", "7a3fb0", "d9702a")


def _stained(plan: Plan) -> None:
    """Panes that glow, in the side windows and as a rose over the altar."""
    palette, bright = plan.palette, 0.10 if plan.night else 1.1
    own = [palette.add(paint("101010", glow=c, glow_by=bright)) for c in _GLASS]
    rows, paints = [], []
    for window in plan.windows:
        for k in range(4):
            for j in range(10):
                tall = (window.head - window.sill) / 10
                rows.append((-5.62, window.at + (k - 1.5) * 0.42, window.sill + j * tall, 0.02, 0.38, tall * 0.9))
                paints.append(own[(j * 7 + k * 3 + int(window.at) + plan.seed) % 6 if (j + k) % 3 else 0])
    plan.solids.append(blocks(rows, paints))
    lead = palette.add(paint("2a2622"))
    far = plan.box.far - 0.06
    for ring, (inner, outer, count) in enumerate(((0.25, 0.75, 8), (0.82, 1.5, 16), (1.57, 2.1, 24))):
        for k in range(count):
            a0, a1 = 2 * math.pi * (k + 0.08) / count, 2 * math.pi * (k + 0.92) / count
            net = [[[r * math.sin(a), 0, r * math.cos(a)] for a in (a1, (a0 + a1) / 2, a0)] for r in (outer, inner)]
            plan.solids.append(
                mesh.surface(net).moved(0, far, 7.0).painted(own[(k * (ring + 1) + ring + plan.seed) % 6])
            )
    disc = mesh.lathe([(2.25, 0), (0, 0.001)], 40).turned(pitch=math.pi / 2).moved(0, far + 0.04, 7.0)
    plan.solids.append(disc.painted(lead))


def _altar(plan: Plan) -> None:
    palette, y = plan.palette, plan.box.far - 2.2
    stone, cloth, gold = (
        palette.add(paint("ddd5c4", gloss=0.2)),
        palette.add(paint("efe9dc")),
        palette.add(paint("c9a24a", gloss=0.8, mirror=0.3)),
    )
    plan.solids += [blocks([(0, y, 0, 6.0, 3.2, 0.18), (0, y + 0.3, 0.18, 4.8, 2.4, 0.18),
                            (0, y + 0.4, 0.36, 2.6, 0.9, 1.0)], stone),
                    blocks([(0, y + 0.4, 1.36, 2.8, 1.0, 0.03)], cloth),
                    blocks([(0, y + 0.6, 1.39, 0.1, 0.06, 1.5), (0, y + 0.6, 2.35, 0.8, 0.06, 0.1)], gold)]  # fmt: skip
    for k, x in enumerate((-1.1, -0.75, 0.75, 1.1)):
        plan.actors.append(furniture.candle(palette, (x, y + 0.35, 1.39), 0.34, (plan.seed + k) & 0xFFFF, 1.0))
    plan.lamp(0.0, y - 0.6, 3.4, lamps.tinted(lamps.WARM, 0.5), 2.6)
    for at in (0.5, 8.0):
        lamps.chandelier(plan, 0.0, at + 2.0, 4.6, 1.1 if plan.night else 0.5)


def studio(plan: Plan) -> None:
    """A seamless paper sweep between soft boxes."""
    palette = plan.palette
    plan.box = Box(9.0, -6.0, 5.0, 4.2)
    tone = ("c9ccd2", "d8c7b6", "8fa3b0", "c2b5c9")[plan.seed % 4]
    dark = palette.add(paint("4a4a4e"))
    paper = palette.add(paint(tone, gloss=0.06))
    plan.solids += shell(plan, Coat(dark, palette.add(paint("6b6a6a", gloss=0.35)), dark, dark), ceiled=False)
    turn = np.linspace(0, math.pi / 2, 9)
    profile = [
        (-2.6, 0.015),
        (-1.0, 0.015),
        (0.6, 0.015),
        *[(1.6 + 1.4 * math.sin(a), 1.415 - 1.4 * math.cos(a)) for a in turn],
        (3.0, 2.6),
        (3.0, 3.9),
    ]
    net = [[[x, y, z] for x in np.linspace(-2.6, 2.6, 15)] for y, z in profile]
    plan.solids.append(mesh.surface(net).painted(paper))
    metal = palette.add(paint("1d1e21", gloss=0.4))
    lit = palette.add(paint("ffffff", glow="fff6e8", glow_by=2.6))
    for side in (-1, 1):
        head = joined(
            [blocks([(0, 0, -0.75, 0.95, 0.10, 1.5)], metal), blocks([(0, 0.055, -0.70, 0.88, 0.01, 1.4)], lit)]
        )
        x, y = side * 2.35, -0.1
        plan.solids.append(head.turned(yaw=math.atan2(-x, -0.3 - y)).moved(x, y, 2.1))
        plan.solids.append(mesh.tube([[x, y, 0], [x, y, 2.1]], 0.02, 6).painted(metal))
        plan.lamp(side * 1.9, -1.0, 2.1, lamps.tinted((1.0, 0.95, 0.9), 0.62 if side < 0 else 0.34), 1.7)
    plan.lamp(0.0, 1.6, 3.5, (0.30, 0.32, 0.36), 2.0)
    plan.key = 1.0
    plan.stands = (Place(0.0, -0.2, math.pi + 0.1), Place(0.7, -0.1, 3.4), Place(-0.7, -0.1, 2.9))
    plan.focus = looked_at("sweep", 0.0, 0.0, 1.25, 2.6)
    if not _peopled(plan):
        wood = furniture.wood(palette, 3)
        plan.solids.append(
            mesh.lathe([(0.18, 0), (0.18, 0.03), (0.03, 0.05), (0.03, 0.62), (0.2, 0.66), (0, 0.66)], 24).painted(wood)
        )
        plan.solids.append(furniture.vase(palette, plan.rng, "d8455f").moved(0, 0, 0.66))
        plan.focus = looked_at("still", 0.0, 0.0, 0.85, 1.5)
