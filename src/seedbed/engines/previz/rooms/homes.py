"""Rooms that people live and work in: dining room, living room, kitchen, bedroom, office."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.rooms import lamps, pieces
from seedbed.engines.previz.rooms.plan import Place, Plan, Window, looked_at
from seedbed.engines.previz.rooms.shell import Coat, shell
from seedbed.engines.previz.shapes import Palette, mesh, paint, sprites
from seedbed.engines.previz.shapes.paint import CHECKS, CLOTH, MOTTLED
from seedbed.engines.previz.shapes.paint import WOOD as BOARDS
from seedbed.engines.previz.things import furniture
from seedbed.engines.previz.things.furniture import blocks

Floats = NDArray[np.float32]
WALLS = ("c7b699", "9aa896", "b98a7c", "7f93a0", "d6cab2")
FABRICS = ("7d3a32", "35566b", "5f6f45", "8b6b3d")
_SIDE = (Window("left", -2.2, 1.3, 0.75, 2.45), Window("left", 0.6, 1.3, 0.75, 2.45))


def coat(plan: Plan, wall: str = "", floor: str = "8a5c35") -> Coat:
    """Plaster, boards and white woodwork."""
    palette = plan.palette
    tone = wall or WALLS[plan.seed % len(WALLS)]
    return Coat(
        palette.add(paint(tone, gloss=0.03)),
        palette.add(paint(floor, pattern=BOARDS, numbers=(0.14, 0.5, 6), gloss=0.45)),
        palette.add(paint("ebe6da")), palette.add(paint("ece6da", gloss=0.15)),
    )  # fmt: skip


def fabric(plan: Plan, turn: int = 0) -> str:
    return FABRICS[((plan.seed >> 3) + turn) % len(FABRICS)]


def rug(palette: Palette, colour: str, wide: float, deep: float, x: float = 0.0, y: float = 0.0) -> list[mesh.Mesh]:
    edge = palette.add(paint("d9c7a3", gloss=0.0))
    field = palette.add(paint(colour, pattern=CLOTH, numbers=(60.0, 0.3, 8), gloss=0.0))
    return [blocks([(x, y, 0, wide, deep, 0.010)], edge), blocks([(x, y, 0, wide - 0.3, deep - 0.3, 0.014)], field)]


def curtains(plan: Plan, colour: str) -> None:
    """To both sides of every window of the back wall."""
    cloth = plan.palette.add(paint(colour, gloss=0.02, two_sided=True))
    rod = furniture.wood(plan.palette, 2)
    for window in plan.windows:
        if window.wall != "back":
            continue
        for side in (-1, 1):
            x = window.at + side * (window.wide / 2 + 0.2)
            plan.solids.append(_curtain(0.44, window.head + 0.15).moved(x, plan.box.far - 0.12).painted(cloth))
        ends = [[window.at + s * (window.wide / 2 + 0.5), plan.box.far - 0.12, window.head + 0.17] for s in (-1, 1)]
        plan.solids.append(mesh.tube(ends, 0.018, 8).painted(rod))


def _curtain(wide: float, tall: float) -> mesh.Mesh:
    across = np.linspace(-wide / 2, wide / 2, 33)
    rows = []
    for z in np.linspace(0.04, tall, 6):
        spread = 1.0 + 0.15 * (1 - z / tall)
        rows.append(np.stack([across * spread, 0.05 * np.sin(across * 52) * (1 - 0.4 * z / tall), np.full(33, z)], 1))
    return mesh.surface(rows)


def hung(plan: Plan, x: float, z: float, wide: float, tall: float) -> None:
    """A picture on the back wall."""
    plan.solids.append(pieces.picture(plan.palette, plan.rng, wide, tall).moved(x, plan.box.far - 0.01, z))


def dining(plan: Plan) -> None:
    """A set table before two windows, books to the right."""
    palette, rng = plan.palette, plan.rng
    plan.windows = (*_SIDE, Window("back", -1.75, 1.5, 0.75, 2.45), Window("back", 1.75, 1.5, 0.75, 2.45))
    plan.solids += shell(plan, coat(plan))
    cloth = ("e9e2d2", "2f4858", "7a2e2e", "d8c9a8")[plan.seed % 4]
    festive = plan.said("birthday", "cake")
    parts = [furniture.table(palette, wide=1.8, deep=0.95, cloth=cloth)]
    for x in (-0.45, 0.45):
        parts.append(furniture.chair(palette, cushion=fabric(plan)).turned(yaw=math.pi).moved(x, 0.80))
        for y in (-0.28, 0.28):
            parts.append(furniture.plate(palette).moved(x * 1.25, y, 0.77))
            parts.append(furniture.glass(palette, "5a0f1c" if y < 0 else None).moved(x * 1.25 + 0.19, y + 0.07, 0.77))
    parts += [
        furniture.chair(palette, cushion=fabric(plan)).turned(yaw=side * math.pi / 2).moved(-side * 1.25, 0.02)
        for side in (-1, 1)
    ]
    if festive:
        parts.append(
            pieces.cake(palette, ("e58aa0", "7fb6c9", "f0d9a0", "8d5a3c")[(plan.seed >> 2) % 4]).moved(0, -0.05, 0.766)
        )
    elif "flower" not in plan.shot.without:
        bloom = ("d8455f", "f0c24b", "e8e2f2", "c96fb0")[(plan.seed >> 5) % 4]
        parts.append(furniture.vase(palette, rng, bloom).moved(0.0, 0.16, 0.766))
    plan.solids += [*parts, *rug(palette, fabric(plan), 3.6, 2.6)]
    for y in (-0.9, 0.9):
        case = furniture.books(palette, rng, wide=1.7, tall=2.3).turned(yaw=-math.pi / 2)
        plan.solids.append(case.moved(plan.box.wide / 2 - 0.17, y))
    curtains(plan, fabric(plan, 1))
    hung(plan, 0.0, 1.72, 0.95, 0.72)
    plan.seats = (Place(0.45, 0.80, math.pi), Place(-0.45, 0.80, math.pi), Place(1.2, 0.02, -math.pi / 2),
                  Place(-1.2, 0.02, math.pi / 2))  # fmt: skip
    plan.stands = (Place(-0.95, -1.45, 2.75), Place(0.2, -1.3, 3.3), Place(-1.9, -1.0, 2.4), Place(1.7, -1.3, 3.7))
    about = {"candle", "food"} & set(plan.shot.subjects)
    plan.laid = bool(about) or plan.said("table", "dining table", "dinner", "dine", "meal", "restaurant")
    plan.focus = looked_at("table", 0.0, 0.0, 0.92, 1.9 if not about else 1.25)
    dark = plan.night or "candle" in plan.shot.subjects or plan.shot.light == "glow"
    if dark and "candle" not in plan.shot.without:
        _candles(plan, festive)
        plan.dim = 0.35 if not plan.night else 1.0
    if dark or plan.time in ("sunset", "sunrise"):
        lamps.pendant(plan, 0.0, 0.05, 0.35 if "candle" in plan.shot.subjects else 0.8)
        lamps.standing_lamp(plan, -2.75, 2.35, 0.8)


def _candles(plan: Plan, festive: bool) -> None:
    power = 0.85 if plan.night else 0.7
    if festive:
        for k in range(7):
            a = 2 * math.pi * k / 7
            place = (0.085 * math.cos(a), -0.05 + 0.085 * math.sin(a), 0.766 + 0.322)
            plan.actors.append(
                furniture.taper(plan.palette, place, (plan.seed + 7 * k) & 0xFFFF, 1.7 * power * (k == 0), k)
            )
        return
    places = ((-0.13, -0.02, 0.26), (0.16, -0.06, 0.21), (-0.26, 0.10, 0.17), (0.30, 0.10, 0.24))
    for k, (x, y, tall) in enumerate(places):
        plan.actors.append(
            furniture.candle(plan.palette, (x, y, 0.766), tall, (plan.seed + 7 * k) & 0xFFFF, 1.9 * power * (k < 2))
        )


def living(plan: Plan) -> None:
    """Sofas before a fire."""
    palette, far = plan.palette, plan.box.far
    plan.windows = (*_SIDE, Window("back", -2.25, 1.1, 0.75, 2.45), Window("back", 2.25, 1.1, 0.75, 2.45))
    plan.solids += shell(plan, coat(plan))
    lamps.fireplace(plan, 0.0, far, 1.0 if plan.night else 0.75)
    hung(plan, 0.0, 1.82, 1.0, 0.75)
    couch = pieces.sofa(palette, fabric(plan))
    plan.solids.append(couch.turned(yaw=math.pi / 2).moved(-1.75, 0.75))
    plan.solids.append(pieces.sofa(palette, fabric(plan, 2), 1.15).turned(yaw=-math.pi / 2 - 0.35).moved(1.75, 1.05))
    plan.solids += rug(palette, fabric(plan, 1), 3.2, 2.3, 0.0, 0.9)
    oak = furniture.wood(palette, 1, 0.4)
    legs = [(0.05 + sx * 0.42, 0.75 + sy * 0.22, 0, 0.05, 0.05, 0.38) for sx in (-1, 1) for sy in (-1, 1)]
    plan.solids.append(blocks([(0.05, 0.75, 0.38, 0.95, 0.55, 0.04), *legs], oak))
    plan.solids.append(furniture.vase(palette, plan.rng, "d9a441").scaled(0.8).moved(0.2, 0.8, 0.42))
    plan.solids.append(
        furniture.books(palette, plan.rng, wide=1.6, tall=2.3)
        .turned(yaw=-math.pi / 2)
        .moved(plan.box.wide / 2 - 0.17, -0.2)
    )
    curtains(plan, fabric(plan, 3))
    lamps.standing_lamp(plan, -2.6, 2.3, 1.0 if plan.night else 0.3)
    plan.seats = (Place(-1.62, 0.55, 1.75, 0.02), Place(1.62, 1.0, -1.7, 0.02), Place(-1.62, 1.2, 1.6, 0.02))
    plan.stands = (Place(-0.55, -0.7, 2.8), Place(0.45, -0.6, 3.5), Place(1.0, -0.3, 3.3), Place(0.85, -0.55, 3.4))
    plan.focus = looked_at("hearth", 0.0, 1.6, 0.85, 2.0)


def kitchen(plan: Plan) -> None:
    """Worktops under a window, an island with fruit."""
    palette, far = plan.palette, plan.box.far
    plan.windows = (*_SIDE, Window("back", -1.3, 1.7, 1.08, 2.35))
    own = coat(plan, "d9d2c0", "c9c2b4")
    tiles = palette.add(paint("cfc8ba", pattern=CHECKS, numbers=(0.4, 0.35), gloss=0.5))
    plan.solids += shell(plan, Coat(own.wall, tiles, own.ceiling, own.trim))
    plan.solids.append(pieces.worktop(palette, 4.8).moved(0.2, far - 0.34))
    plan.solids.append(pieces.cupboards(palette, 1.8, 0.75).moved(1.5, far, 1.5))
    steel = palette.add(paint("b9bcbf", gloss=0.85, mirror=0.3))
    hood = [(0.2, far - 0.28, 1.62, 0.7, 0.5, 0.1), (0.2, far - 0.2, 1.72, 0.3, 0.3, plan.box.tall - 1.72)]
    fridge = [(3.0, far - 0.38, 0.05, 0.75, 0.7, 2.0), (2.68, far - 0.76, 0.9, 0.025, 0.04, 0.8)]
    plan.solids.append(blocks(hood + fridge, steel))
    oak, top = (
        furniture.wood(palette, 3, 0.25),
        palette.add(paint("d8d3c8", gloss=0.55, mirror=0.04, pattern=MOTTLED, numbers=(9.0, 0.14, 4))),
    )
    plan.solids += [blocks([(0, 0.0, 0, 2.0, 0.7, 0.86)], oak), blocks([(0, 0.0, 0.86, 2.2, 0.9, 0.04)], top)]
    plan.solids.append(pieces.fruit(palette, plan.rng).moved(0.55, 0.0, 0.90))
    board = blocks([(-0.35, -0.08, 0.90, 0.46, 0.28, 0.02)], furniture.wood(palette, 1))
    loaf = (
        pieces.cushion(0.28, 0.12, 0.09)
        .moved(-0.35, -0.05, 0.92)
        .painted(palette.add(paint("b9793c", gloss=0.1, pattern=MOTTLED, numbers=(20.0, 0.3, 2))))
    )
    plan.solids += [board, loaf, furniture.vase(palette, plan.rng, "f0c24b").scaled(0.7).moved(-0.85, 0.15, 0.90)]
    if plan.said("cake", "birthday"):
        plan.solids.append(pieces.cake(palette, "e58aa0").moved(0.1, 0.0, 0.90))
    where = (0.2 - 0.14, far - 0.40, 1.0)
    if plan.said("fry", "pan", "cook", "steam", "boil", "soup", "coffee", "tea"):
        plan.glows.append(lambda t: steam(*where, t, plan.seed))
    for x in (-0.5, 0.5):
        lamps.pendant(plan, x, 0.0, 0.9 if plan.night else 0.25, 1.15)
    plan.seats = ()
    plan.stands = (Place(-1.0, 0.75, 2.9), Place(0.3, 0.8, 3.3), Place(1.2, 0.8, 3.5), Place(1.7, -0.9, 3.5))
    if {"dog", "cat"} & set(plan.shot.subjects):
        plan.stands = (*plan.stands[:3], Place(1.5, -0.9, 3.4))
    plan.focus = looked_at("worktop", 0.1, 0.2, 1.0, 2.0)
    if not set(plan.shot.subjects) & {"people"} and plan.said("pan", "hob", "fry", "soup"):
        plan.focus = looked_at("hob", 0.1, far - 0.6, 1.05, 1.2)


def steam(x: float, y: float, z: float, seconds: float, seed: int) -> Floats:
    """What rises from a pan."""
    return sprites.smoke(x, y, z, seconds, size=0.10, rise=0.7, tone=0.5, wind=0.1, seed=seed & 0xFFFF, count=14)


def bedroom(plan: Plan) -> None:
    """A bed between two lamps."""
    palette, far = plan.palette, plan.box.far
    plan.windows = (*_SIDE, Window("back", 2.2, 1.3, 0.75, 2.45))
    plan.solids += shell(plan, coat(plan))
    plan.solids.append(pieces.bed(palette, fabric(plan)).moved(-0.4, far - 1.2))
    oak = furniture.wood(palette, 3)
    for side in (-1, 1):
        x = -0.4 + side * 1.25
        plan.solids.append(blocks([(x, far - 0.3, 0, 0.48, 0.42, 0.52)], oak))
        lamps.table_lamp(plan, x, far - 0.3, 0.52, 1.2 if plan.night else 0.35)
    plan.solids += rug(palette, fabric(plan, 1), 3.4, 2.2, -0.2, 0.0)
    wardrobe = blocks([(plan.box.wide / 2 - 0.32, 1.3, 0, 0.6, 1.6, 2.2)], furniture.wood(palette, 1))
    plan.solids.append(wardrobe)
    hung(plan, -0.4, 1.85, 1.1, 0.65)
    curtains(plan, fabric(plan, 2))
    plan.seats = (Place(0.2, far - 2.32, 2.9, 0.10), Place(-0.8, far - 2.32, 3.3, 0.10))
    plan.stands = (Place(-1.1, -0.7, 2.8), Place(0.1, -0.6, 3.4), Place(1.2, -0.3, 3.5))
    plan.focus = looked_at("bed", -0.2, 1.4, 0.85, 2.2)


def office(plan: Plan) -> None:
    """A desk with a screen, shelves, a window onto the town."""
    palette, far = plan.palette, plan.box.far
    plan.windows = (
        Window("left", -2.2, 1.5, 0.6, 2.5),
        Window("left", 0.6, 1.5, 0.6, 2.5),
        Window("back", -1.2, 2.6, 0.7, 2.5),
    )
    plan.solids += shell(plan, coat(plan, "c9ccc8", "6d5a48"))
    plan.solids.append(pieces.desk(palette, "6fb4ff", plan.seed & 255).moved(0, 0.2))
    plan.solids.append(pieces.desk(palette, "9fd9c0", plan.seed >> 3 & 255).moved(2.2, 1.9))
    plan.solids.append(furniture.books(palette, plan.rng, wide=1.8, tall=2.2).moved(2.0, far - 0.17).turned(yaw=0.0))
    plan.solids.append(furniture.chair(palette, cushion="2f3338").turned(yaw=math.pi).moved(0, 0.85))
    plan.solids.append(furniture.vase(palette, plan.rng, "7fae5a").moved(-0.36, 0.12, 0.74))
    lamps.table_lamp(plan, -0.70, 0.3, 0.74, 1.0 if plan.night else 0.3)
    hung(plan, 0.75, 1.75, 0.6, 0.8)
    plan.lamp(0.3, 0.45, 1.2, (0.26, 0.38, 0.50), 0.55)
    plan.seats = (Place(0.0, 0.85, math.pi), Place(2.2, 2.5, math.pi))
    plan.stands = (Place(-1.3, -0.6, 2.6), Place(0.3, -0.9, 3.4), Place(1.4, -0.4, 3.6))
    plan.laid = plan.said("work", "desk", "computer", "screen", "laptop", "typ")
    plan.focus = looked_at("desk", 0.0, 0.3, 1.0, 1.7)
