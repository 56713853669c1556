"""Things that stand: bridges, houses, lighthouses. Metres; the origin is where they stand, ahead is +y."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from seedbed.engines.previz.shapes import Palette, mesh, paint
from seedbed.engines.previz.shapes.mesh import Mesh, joined
from seedbed.engines.previz.shapes.paint import MOTTLED, STREAKS, TILES


def viaduct(palette: Palette, *, length: float, height: float, deep: float, snowy: bool) -> Mesh:
    """A stone bridge of arches along y, its middle at the origin and its track at z = `height`; its piers go `deep`
    metres below 0."""
    stone = palette.add(paint("9c9182", pattern=TILES, numbers=(1.6, 0.8, 0.35, 3)))
    cap = palette.add(paint("eef2f6" if snowy else "8a8072", gloss=0.1))
    rail = palette.add(paint("50545a", gloss=0.6, mirror=0.2))
    bays = max(int(length // 26), 2)
    span = length / bays
    parts = []
    for bay in range(bays):
        parts.append(_arch_bay(span, height).moved(0, -length / 2 + (bay + 0.5) * span).painted(stone))
    for pier in range(bays + 1):
        y = -length / 2 + pier * span
        parts.append(
            mesh.loft([_plan(3.4, 3.0, -deep), _plan(2.6, 2.2, height - span * 0.5)]).moved(0, y).painted(stone)
        )
    parts.append(mesh.box(6.2, length, 0.5).moved(0, 0, height - 0.9).painted(stone))
    for side in (-2.9, 2.9):
        parts.append(mesh.box(0.45, length, 1.0).moved(side, 0, height - 0.4).painted(stone))
        parts.append(mesh.box(0.6, length, 0.16).moved(side, 0, height + 0.6).painted(cap))
    parts.append(mesh.box(3.2, length, 0.2).moved(0, 0, height - 0.4).painted(cap if snowy else stone))
    parts += [mesh.box(0.12, length, 0.18).moved(side, 0, height - 0.2).painted(rail) for side in (-0.75, 0.75)]
    return joined(parts)


def _plan(x: float, y: float, z: float) -> list[list[float]]:
    return [[-x, -y, z], [x, -y, z], [x, y, z], [-x, y, z]]


def _arch_bay(span: float, height: float) -> Mesh:
    """The walls over one arch, and its vault, along y about the origin."""
    radius, thick = span / 2 - 2.2, 2.6
    spring = height - span * 0.5 - 0.9
    turn = np.linspace(0, np.pi, 13)
    y, z = -np.cos(turn) * radius, spring + np.sin(turn) * radius * 0.92
    y, z = np.r_[-span / 2, y, span / 2], np.r_[spring, z, spring]
    top = np.full(len(y), height - 0.6)
    right = mesh.surface(
        [np.column_stack([np.full(len(y), thick), y, z]), np.column_stack([np.full(len(y), thick), y, top])]
    )
    left = mesh.surface([np.column_stack([np.full(len(y), -thick), y[::-1], z[::-1]]),
                         np.column_stack([np.full(len(y), -thick), y[::-1], top])])  # fmt: skip
    vault = mesh.surface(
        [np.column_stack([np.full(len(y), -thick), y, z]), np.column_stack([np.full(len(y), thick), y, z])]
    )
    return joined([right, left, _inside_out(vault)])


def _inside_out(form: Mesh) -> Mesh:
    return replace(form, faces=np.ascontiguousarray(form.faces[:, ::-1]), normals=-form.normals)


def house(palette: Palette, *, seed: int, lit: float, snowy: bool) -> Mesh:
    """A timber house with a pitched roof, a porch and a chimney."""
    rng = np.random.default_rng([seed, 31])
    walls = ("8a5f3c", "a8442f", "d9cfb8", "6f7f86", "c7a36a")
    wood = palette.add(paint(walls[int(rng.integers(len(walls)))], pattern=TILES, numbers=(6.0, 0.28, 0.3, 4)))
    roof = palette.add(
        paint("eef2f7" if snowy else "5a3a30", pattern=TILES, numbers=(0.5, 0.4, 0.0 if snowy else 0.3, 5))
    )
    pane = palette.add(paint("2b3238", gloss=0.9, mirror=0.5, glow="ffc070", glow_by=lit))
    trim, stone = palette.add(paint("efe8da")), palette.add(paint("7d766d", pattern=MOTTLED, numbers=(1.5, 0.4, 7)))
    wide, long, tall, ridge = 8.0, 10.0 + 3 * float(rng.random()), 3.4, 3.6
    parts = [mesh.box(wide, long, tall).painted(wood), mesh.box(wide + 0.4, long + 0.4, 0.5).painted(stone)]
    for end in (-1, 1):
        gable = mesh.mesh([[-wide / 2, end * long / 2, tall], [wide / 2, end * long / 2, tall], [0,
            end * long / 2, tall + ridge]],
                          [[0, 1, 2]] if end < 0 else [[1, 0, 2]])  # fmt: skip
        parts.append(gable.painted(wood))
    slope = math.hypot(wide / 2 + 0.7, ridge + 0.55)
    for side in (-1, 1):
        slab = mesh.box(slope + 0.1, long + 1.4, 0.28).moved(slope / 2 * side * -1, 0, -0.05)
        angle = math.atan2(ridge + 0.55, wide / 2 + 0.7)
        parts.append(slab.turned(roll=angle * -side).moved(0, 0, tall + ridge + 0.12).painted(roof))
    parts += [_window(palette, pane, trim).turned(yaw=turn).moved(x, y, 1.2)
              for x, turn in ((-wide / 2, -math.pi / 2), (wide / 2, math.pi / 2)) for y in (-long / 3.4, 0,
                  long / 3.4)]  # fmt: skip
    parts += [_window(palette, pane, trim).turned(yaw=math.pi).moved(x, -long / 2, 1.2) for x in (-2.3, 2.3)]
    parts.append(_window(palette, pane, trim).turned(yaw=math.pi).scaled(0.8).moved(0, -long / 2, tall + 0.5))
    door = palette.add(paint("4a2f20", pattern=STREAKS, numbers=(9, 0.3, 2)))
    parts.append(mesh.box(1.1, 0.16, 2.1).moved(0, -long / 2, 0.4).painted(door))
    parts.append(mesh.box(0.9, 0.9, 3.4).moved(1.6, long / 5, tall + 1.2).painted(stone))
    return joined(parts)


def _window(palette: Palette, pane: int, trim: int) -> Mesh:
    """Facing +y, standing on its sill."""
    glass = mesh.box(1.0, 0.10, 1.25).painted(pane)
    bars = [mesh.box(1.24, 0.18, 0.12).moved(0, 0, z) for z in (-0.1, 1.22)]
    bars += [mesh.box(0.12, 0.18, 1.4).moved(x, 0, -0.05) for x in (-0.56, 0.56)] + [mesh.box(0.06, 0.14, 1.25)]
    return joined([glass, *[bar.painted(trim) for bar in bars]])


def lighthouse(palette: Palette, *, lit: float) -> Mesh:
    """Of 30 m, white with red bands, its lamp at 27 m."""
    white, red = palette.add(paint("f3efe6", gloss=0.3)), palette.add(paint("b8322a", gloss=0.35))
    dark, stone = (
        palette.add(paint("2a2d31", gloss=0.5)),
        palette.add(paint("87807a", pattern=MOTTLED, numbers=(1.2, 0.4, 9))),
    )
    glass = palette.add(paint("bcd6dd", gloss=0.9, mirror=0.5, opacity=0.35))
    lamp = palette.add(paint("fff3cf", glow="ffe9b0", glow_by=1.5 + 4 * lit))
    radii = np.linspace(3.6, 2.2, 6)
    heights = np.linspace(1.2, 24.0, 6)
    parts = [mesh.lathe([(5.0, -2.5), (4.8, 0.8), (4.0, 1.2), (0, 1.2)], 24).painted(stone)]
    for k in range(5):
        band = mesh.lathe([(float(radii[k]), float(heights[k])), (float(radii[k + 1]), float(heights[k + 1]))], 24)
        parts.append(band.painted(red if k % 2 else white))
    parts.append(mesh.lathe([(2.2, 24.0), (3.1, 24.3), (3.1, 24.7), (0, 24.7)], 24).painted(dark))
    parts += [mesh.tube([[3.0 * math.cos(a), 3.0 * math.sin(a), 24.6], [3.0 * math.cos(a), 3.0 * math.sin(a),
        25.7]], 0.04, 4).painted(dark)
              for a in np.linspace(0, 2 * np.pi, 16, endpoint=False)]  # fmt: skip
    parts.append(mesh.lathe([(1.6, 24.7), (1.6, 27.9)], 12).painted(glass))
    parts.append(mesh.sphere(0.8, 12, 8).moved(0, 0, 26.2).painted(lamp))
    parts.append(mesh.lathe([(2.0, 27.8), (1.5, 28.8), (0.25, 29.7), (0.1, 31.0), (0, 31.0)], 16).painted(red))
    keeper = house(palette, seed=2, lit=lit, snowy=False).scaled(0.7).turned(yaw=0.5).moved(9.5, 3.0, 0)
    return joined([*parts, keeper])
