"""Buildings: blocks with shops and cornices, glass towers with setbacks, spires, and houses under pitched roofs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from seedbed.engines.previz.city.build import Builder, pick
from seedbed.engines.previz.city.kit import BAY_M, FLOOR_M, OFFICE_M, PANE_M, SHOP_M, SHOP_TALL_M, Kit
from seedbed.engines.previz.shapes import mesh


@dataclass(frozen=True, slots=True)
class Lot:
    """A rectangle of ground, metres, how high it is built, and how near the camera comes (0 far … 2 beside it).
    `front` is the side with the shops: a letter of "swne"."""

    x0: float
    x1: float
    y0: float
    y1: float
    height: float
    near: int
    front: str


def raise_block(out: Builder, lot: Lot, kit: Kit, rng: np.random.Generator) -> float:
    """A building of the modern city. Returns its height."""
    glassy = rng.random() < (0.72 if lot.height > 55 else 0.22)
    floor, bay = (OFFICE_M, PANE_M) if glassy else (FLOOR_M, BAY_M)
    skin = pick(rng, kit.glass if glassy else kit.stone)
    shift = bay * float(rng.integers(1000)) * 4
    x0, x1, y0, y1 = lot.x0, lot.x1, lot.y0, lot.y1
    foot = SHOP_TALL_M if lot.near else 0.0
    if lot.near:
        # Streets are canyons: little of the sky reaches their floor.
        out.walls(x0, x1, y0, y1, 0.0, foot, pick(rng, kit.shops), bay=SHOP_M, shift=SHOP_M * float(rng.integers(500)),
                  ao=(0.55, 0.66))  # fmt: skip
        out.box(x0 - 0.25, x1 + 0.25, y0 - 0.25, y1 + 0.25, foot, foot + 0.4, kit.trim, ao=(0.6, 0.7))
    floors = max(int((lot.height - foot) / floor), 2)
    tiers = [(1.0, 0.0)] if lot.height < 46 or rng.random() < 0.25 else [(0.62, 0.0), (0.86, 0.13), (1.0, 0.24)]
    base = foot + (0.4 if lot.near else 0.0)
    z = base
    for share, inset in tiers:
        dx, dy = (x1 - x0) * inset / 2, (y1 - y0) * inset / 2
        top = base + max(int(floors * share), 1) * floor
        if top <= z:
            continue
        a, b, c, d = x0 + dx, x1 - dx, y0 + dy, y1 - dy
        out.walls(
            a, b, c, d, z, top, skin, bay=bay, shift=shift, ao=(min(0.62 + z / 60, 1.0), min(0.72 + top / 60, 1.0))
        )
        z = top
        _crown(out, a, b, c, d, z, kit, lot.near, glassy)
    _roofscape(out, lot, z, tiers[-1][1], kit, rng, glassy)
    return z


def _crown(
    out: Builder, x0: float, x1: float, y0: float, y1: float, z: float, kit: Kit, near: int, glassy: bool
) -> None:
    """A roof behind its parapet, and a cornice in stone."""
    if near and not glassy:
        out.box(x0 - 0.45, x1 + 0.45, y0 - 0.45, y1 + 0.45, z - 0.55, z + 0.1, kit.trim, kit.roof)
    if not near:
        out.floor(x0, x1, y0, y1, z, kit.roof)
        return
    rim, t = 0.9, 0.3
    out.walls(x0, x1, y0, y1, z, z + rim, kit.trim)
    out.floor(x0 + t, x1 - t, y0 + t, y1 - t, z + 0.15, kit.roof, ao=0.8)
    for a, b, c, d in ((x0, x1, y0, y0 + t), (x0, x1, y1 - t, y1), (x0, x0 + t, y0, y1), (x1 - t, x1, y0, y1)):
        out.floor(a, b, c, d, z + rim, kit.trim)


def _roofscape(
    out: Builder, lot: Lot, z: float, inset: float, kit: Kit, rng: np.random.Generator, glassy: bool
) -> None:
    """What stands on the roof: a stair head, cooling boxes, a tank on legs, a mast."""
    mx, my = (lot.x0 + lot.x1) / 2, (lot.y0 + lot.y1) / 2
    w, d = (lot.x1 - lot.x0) * (1 - inset), (lot.y1 - lot.y0) * (1 - inset)
    ox, oy = float(rng.uniform(-0.15, 0.15)) * w, float(rng.uniform(-0.15, 0.15)) * d
    out.box(
        mx + ox - w * 0.16, mx + ox + w * 0.16, my + oy - d * 0.13, my + oy + d * 0.13, z, z + 3.2, kit.trim, kit.roof
    )
    for _ in range(int(rng.integers(1, 4)) if lot.near else 1):
        x, y = mx + float(rng.uniform(-0.36, 0.36)) * w, my + float(rng.uniform(-0.36, 0.36)) * d
        out.box(x - 1.1, x + 1.1, y - 0.8, y + 0.8, z, z + 1.4, kit.metal, kit.trim)
    if not glassy and rng.random() < 0.4:
        x, y = mx + float(rng.uniform(-0.3, 0.3)) * w, my + float(rng.uniform(-0.3, 0.3)) * d
        sides = 10 if lot.near else 7
        tank = mesh.lathe([(1.7, 0), (1.7, 3.4), (1.85, 3.4), (0, 4.6)], sides, flat=not lot.near).painted(kit.wood)
        out.place(tank, x, y, z + 2.2)
        for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
            out.box(
                x + sx * 1.1 - 0.1, x + sx * 1.1 + 0.1, y + sy * 1.1 - 0.1, y + sy * 1.1 + 0.1, z, z + 2.2, kit.metal
            )
    if lot.height > 95:
        mast = 14.0 + float(rng.uniform(0, 26))
        out.place(mesh.cone(0.9, mast, 6).painted(kit.metal), mx, my, z)
        if kit.night:
            out.box(mx - 0.35, mx + 0.35, my - 0.35, my + 0.35, z + mast * 0.8, z + mast * 0.8 + 0.7, kit.red)


def raise_spire(out: Builder, x: float, y: float, height: float, kit: Kit, rng: np.random.Generator) -> None:
    """A landmark: a stone tower that steps in to a needle."""
    skin = kit.stone[0]
    wide, z = 34.0, 0.0
    for share, part in ((0.45, 1.0), (0.68, 0.74), (0.82, 0.5), (0.9, 0.3)):
        half, top = wide * part / 2, math.floor(height * share / FLOOR_M) * FLOOR_M
        out.walls(x - half, x + half, y - half, y + half, z, top, skin, bay=BAY_M, shift=float(rng.integers(90)) * 30)
        out.floor(x - half, x + half, y - half, y + half, top, kit.roof)
        out.walls(x - half - 0.3, x + half + 0.3, y - half - 0.3, y + half + 0.3, top - 1.0, top + 0.6, kit.trim)
        z = top
    out.place(
        mesh.lathe([(5.0, 0), (3.4, 8), (1.5, 14), (0.5, 15), (0.3, 40), (0, 42)], 12).painted(kit.metal), x, y, z
    )


def raise_house(out: Builder, lot: Lot, kit: Kit, rng: np.random.Generator) -> float:
    """A house of the old town, under a pitched roof."""
    skin, roof = pick(rng, kit.plaster), pick(rng, kit.tiles)
    floors = max(int(lot.height / 2.9), 2)
    top = floors * 2.9
    shift = 2.4 * float(rng.integers(900))
    out.walls(lot.x0, lot.x1, lot.y0, lot.y1, 0.0, top, skin, bay=2.4, shift=shift, ao=(0.6, 0.95))
    out.box(lot.x0 - 0.1, lot.x1 + 0.1, lot.y0 - 0.1, lot.y1 + 0.1, 0.0, 0.7, kit.kerb, ao=(0.5, 0.6))
    sideways = (lot.x1 - lot.x0) > (lot.y1 - lot.y0) * 1.1
    gabled = rng.random() < 0.4
    along = sideways if gabled else not sideways
    half = ((lot.x1 - lot.x0) if along else (lot.y1 - lot.y0)) / 2
    rise = half * float(rng.uniform(0.75, 1.15))
    out.gable(lot.x0, lot.x1, lot.y0, lot.y1, top, rise, roof, kit.plain[kit.plaster.index(skin)], along=along)
    mx, my = (lot.x0 + lot.x1) / 2, (lot.y0 + lot.y1) / 2
    cx, cy = mx + half * 0.4 * (1 if along else 0), my + half * 0.4 * (0 if along else 1)
    out.box(
        cx - 0.4, cx + 0.4, cy - 0.4, cy + 0.4, top, top + rise * 0.9 + 0.8, kit.tiles[1] if not kit.snowy else kit.kerb
    )
    return top + rise


def raise_church(out: Builder, x: float, y: float, kit: Kit, tall: float = 34.0) -> None:
    """A nave and a tower with a clock and a pointed roof; its front faces -y."""
    wall = kit.plaster[4]
    out.walls(x - 8, x + 8, y + 7, y + 40, 0, 12, wall, bay=2.4)
    out.gable(x - 8, x + 8, y + 7, y + 40, 12, 9, kit.tiles[0], kit.plain[4], along=True)
    out.walls(x - 4, x + 4, y, y + 8, 0, tall, kit.plain[5], ao=(0.7, 1.0))
    for z in (9.0, 18.0):
        out.box(x - 0.7, x + 0.7, y - 0.06, y + 0.2, z, z + 3.6, kit.pane)
    out.box(x - 1.5, x + 1.5, y - 0.12, y + 0.2, 0.0, 3.8, kit.wood)
    out.box(x - 4.4, x + 4.4, y - 0.4, y + 8.4, tall - 0.6, tall, kit.trim)
    out.place(mesh.lathe([(5.6, 0), (3.6, 5), (1.3, 13), (0, 22)], 4, flat=True).turned(yaw=math.pi / 4)
              .painted(kit.tiles[2]), x, y + 4, tall)  # fmt: skip
    face = mesh.cylinder(1.7, 0.2, 24).turned(pitch=math.pi / 2).painted(kit.clock)
    out.place(face, x, y - 0.02, tall - 5.0)
    for turn, long in ((0.6, 1.4), (2.4, 1.0)):
        hand = mesh.box(0.14, 0.08, long).turned(roll=turn).painted(kit.dark)
        out.place(hand, x, y - 0.28, tall - 5.0)
