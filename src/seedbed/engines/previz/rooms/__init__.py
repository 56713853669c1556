"""Indoors: a room with a set table, a window, candles in the evening; a library; a runway; a studio."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz import cast
from seedbed.engines.previz.camera import Steer
from seedbed.engines.previz.cast import staging
from seedbed.engines.previz.cast.scenery import Scenery
from seedbed.engines.previz.frame import Check, Frame
from seedbed.engines.previz.light import linear
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.sets import Set
from seedbed.engines.previz.shapes import Actor, Palette, Prop, mesh, paint, still_air
from seedbed.engines.previz.shapes.mesh import Mesh, joined, placed, rotation
from seedbed.engines.previz.shapes.paint import MOTTLED, TILES
from seedbed.engines.previz.things import furniture

Floats = NDArray[np.float32]

WIDE, NEAR, FAR, TALL = 7.0, -6.0, 3.2, 3.0
"""The room, metres: its width, where it begins and ends along y (the table is at 0), its height."""
_TABLE = staging.Role(1.5, 0.90, "land", 0.0, 0.0, 1.0)
_SILL, _HEAD = 0.85, 2.45

_OUTSIDE = {
    "day": ("bcd8ee", 1.9), "sunset": ("f2a763", 1.5), "sunrise": ("f3c4a0", 1.5), "night": ("16233f", 0.35),
}  # fmt: skip
_SUN = {"day": (3.2, 2.7, 2.0), "sunset": (3.0, 1.5, 0.6), "sunrise": (2.6, 1.7, 1.0), "night": (0.10, 0.14, 0.24)}
_WALLS = ("b9a78e", "8c9a8b", "a9756a", "6f8290", "c9bda6")


def room(
    shot: Shot, *, seed: int, width: int, height: int, frames: int, fps: int, fixed: bool, tempo: float, steer: Steer
) -> Set:
    """All frames of a shot indoors."""
    own = (seed ^ shot.salt) & 0x3FFFFFFF
    rng = np.random.default_rng([own, 61])
    palette = Palette()
    candles = "candle" in shot.subjects or shot.time == "night" or shot.light == "glow"
    outside, bright = _OUTSIDE[shot.time]
    actors: list[Actor] = [Prop(_walls(palette, own, outside, bright), _at())]
    actors += _furnished(shot, palette, rng, own)
    if candles and "candle" not in shot.without:
        actors += _candles(palette, own, 0.9 if shot.time == "night" else 0.7)
    dim = 0.4 if candles and shot.time != "night" else 1.0
    sky = linear(outside)[0] * np.float32(bright)
    lamp = np.stack([
        np.array(_SUN[shot.time]) * dim, sky * 0.42 * dim + np.array([0.020, 0.014, 0.008]),
        sky * 0.36 * dim + np.array([0.030, 0.019, 0.010]),
    ]).astype(np.float32)  # fmt: skip
    # The sun comes in through the windows on the left.
    sun = np.array([-0.80, 0.18, 0.46 if shot.time == "day" else 0.26], np.float32)
    haze = np.repeat((sky * 0.25)[None], 4, 0)
    air = still_air(sun / np.linalg.norm(sun), lamp, haze, 400.0, np.repeat(haze[:, None], 4, 1), (-2.0, 2.0))
    marks = _marks(shot)
    scenery = Scenery(shot, lambda x, y: 0.0, palette, own, 0.0 if shot.time == "day" else 1.0)
    actors += cast.players(marks, scenery)[0]
    mark = marks[0] if marks else staging.Mark("table", _TABLE, 0.0, 0.0, 0.0, 0.0, 0.0)
    poses = staging.framed(
        shot, mark, lambda x, y: 0.0, frames=frames, fps=fps, ratio=width / height, fixed=fixed, seed=own, tempo=tempo
    )
    return Set(
        steer(poses), actors, palette.rows(), air, width=width, height=height, fps=fps, tempo=tempo, behind=_nothing,
        between=_nothing,
    )  # fmt: skip


def _marks(shot: Shot) -> list[staging.Mark]:
    """Who is in the room, before the table: the first of them leads."""
    kinds = [kind for kind in shot.subjects if kind in _GUESTS and kind not in shot.without]
    places = ((0.25, -1.5, 2.7), (-0.75, -1.35, 2.2), (1.2, -1.7, 3.4))
    return [
        staging.Mark(kind, replace(staging.ROLES[kind], speed=0.0, near=1.35), x, y, 0.0, heading, 0.0)
        for kind, (x, y, heading) in zip(kinds, places, strict=False)
    ]


_GUESTS = frozenset({"people", "robot", "dog", "cat"})


def _nothing(frame: Frame, check: Check) -> None:
    """Walls all around."""


def _at(x: float = 0.0, y: float = 0.0, z: float = 0.0, yaw: float = 0.0) -> Floats:
    return placed(rotation(yaw=yaw), x, y, z)


def _walls(palette: Palette, seed: int, outside: str, bright: float) -> Mesh:
    plaster = palette.add(paint(_WALLS[seed % len(_WALLS)], pattern=MOTTLED, numbers=(2.2, 0.07, 4), gloss=0.03))
    panel = palette.add(paint("e6dfd0", gloss=0.15))
    floor = palette.add(paint("8a5c35", pattern=TILES, numbers=(1.9, 0.14, 0.55, 6), gloss=0.55, mirror=0.05))
    ceiling, beam = palette.add(paint("e9e4d8")), furniture.wood(palette, 2, 0.1)
    day = palette.add(paint(outside, glow=outside, glow_by=bright))
    half, long, middle = WIDE / 2, FAR - NEAR, (FAR + NEAR) / 2
    parts = [mesh.box(WIDE + 0.4, long, 0.1).moved(0, middle, -0.1).painted(floor)]
    parts.append(mesh.box(WIDE + 0.4, long, 0.1).moved(0, middle, TALL).painted(ceiling))
    parts += [mesh.box(WIDE, 0.16, 0.18).moved(0, y, TALL - 0.18).painted(beam) for y in np.arange(NEAR + 1, FAR, 1.25)]
    parts.append(mesh.box(0.2, long, TALL).moved(half + 0.1, middle).painted(plaster))
    parts.append(mesh.box(WIDE + 0.4, 0.2, TALL).moved(0, NEAR - 0.1).painted(plaster))
    for x, y, wide, deep in ((half - 0.03, middle, 0.05, long), (0.0, FAR - 0.03, WIDE, 0.05)):
        parts.append(mesh.box(wide, deep, 0.14).moved(x, y).painted(panel))
    parts += _pierced(long, middle, (-3.2, -1.1, 1.0), 1.25, plaster, panel, turn=-math.pi / 2, x=-half - 0.1, y=0.0)
    parts += _pierced(WIDE + 0.4, 0.0, (-1.75, 1.75), 1.5, plaster, panel, turn=0.0, x=0.0, y=FAR + 0.1)
    # The world outside casts no shadow: it glows.
    parts.append(mesh.box(0.1, 30, 14).moved(-half - 5.0, middle, -4).painted(day))
    parts.append(mesh.box(30, 0.1, 14).moved(0, FAR + 5.0, -4).painted(day))
    curtain = palette.add(paint("8e3b34", gloss=0.02, two_sided=True))
    for x in (-1.75, 1.75):
        parts += [_curtain(0.42).moved(x + side * 0.95, FAR - 0.12).painted(curtain) for side in (-1, 1)]
        parts.append(mesh.tube([[x - 1.2, FAR - 0.12, 2.62], [x + 1.2, FAR - 0.12, 2.62]], 0.018, 8).painted(beam))
    return joined(parts)


def _pierced(
    long: float, middle: float, places: tuple[float, ...], wide: float, plaster: int, trim: int, *,
        turn: float, x: float,
    y: float,
) -> list[Mesh]:  # fmt: skip
    """A wall along x with windows, turned and moved into its place."""
    parts = [mesh.box(long, 0.2, _SILL).moved(middle).painted(plaster)]
    parts.append(mesh.box(long, 0.2, TALL - _HEAD).moved(middle, 0, _HEAD).painted(plaster))
    edges = [middle - long / 2, *[p + s * wide / 2 for p in places for s in (-1, 1)], middle + long / 2]
    for a, b in zip(edges[::2], edges[1::2], strict=True):
        parts.append(mesh.box(b - a, 0.2, _HEAD - _SILL).moved((a + b) / 2, 0, _SILL).painted(plaster))
    for place in places:
        tall = _HEAD - _SILL
        bars = [mesh.box(wide, 0.06, 0.06).moved(place, 0, z) for z in (_SILL, _SILL + tall * 0.5, _HEAD - 0.06)]
        bars += [mesh.box(0.05, 0.06, tall).moved(place + s * wide / 2, 0, _SILL) for s in (-0.98, 0, 0.98)]
        bars.append(mesh.box(wide + 0.2, 0.34, 0.05).moved(place, -0.05, _SILL - 0.05))
        parts += [bar.painted(trim) for bar in bars]
    return [part.turned(yaw=turn).moved(x, y) for part in parts]


def _curtain(wide: float) -> Mesh:
    across = np.linspace(-wide / 2, wide / 2, 33)
    rows = []
    for z in np.linspace(0.05, 2.6, 7):
        fold = 0.05 * np.sin(across * 52) * (0.6 + 0.4 * (1 - z / 2.6))
        rows.append(np.stack([across * (1.0 + 0.15 * (1 - z / 2.6)), fold, np.full(33, z)], 1))
    return mesh.surface(rows)


def _furnished(shot: Shot, palette: Palette, rng: np.random.Generator, seed: int) -> list[Actor]:
    cloth = ("e9e2d2", "2f4858", "7a2e2e", "d8c9a8")[seed % 4]
    cushion = ("7d3a32", "35566b", "5f6f45", "8b6b3d")[(seed >> 3) % 4]
    parts = [furniture.table(palette, wide=1.7, deep=0.95, cloth=cloth)]
    for x in (-0.45, 0.45):
        parts.append(furniture.chair(palette, cushion=cushion).turned(yaw=math.pi).moved(x, 0.72))
        for y in (-0.28, 0.28):
            parts.append(furniture.plate(palette).moved(x, y, 0.77))
            parts.append(furniture.glass(palette, "5a0f1c" if y < 0 else None).moved(x + 0.21, y + 0.06, 0.77))
    parts += [
        furniture.chair(palette, cushion=cushion).turned(yaw=side * math.pi / 2).moved(-side * 1.12, 0.02)
        for side in (-1, 1)
    ]
    if "flower" not in shot.without:
        bloom = ("d8455f", "f0c24b", "e8e2f2", "c96fb0")[(seed >> 5) % 4]
        parts.append(furniture.vase(palette, rng, bloom).moved(0.0, 0.12, 0.766))
    for x in (-WIDE / 2 + 0.6, WIDE / 2 - 0.22):
        if x > 0:
            parts += [
                furniture.books(palette, rng, wide=1.5, tall=2.3).turned(yaw=-math.pi / 2).moved(x, y)
                for y in (-0.6, 1.0)
            ]
    rug = palette.add(paint(cushion, pattern=MOTTLED, numbers=(5.0, 0.35, 8), gloss=0.0))
    edge = palette.add(paint("d9c7a3", gloss=0.0))
    parts.append(mesh.box(3.6, 2.6, 0.012).painted(edge))
    parts.append(mesh.box(3.3, 2.3, 0.016).painted(rug))
    frame, canvas = (
        furniture.wood(palette, 3),
        palette.add(paint("6a7f8c", pattern=MOTTLED, numbers=(3.5, 0.7, seed & 63))),
    )
    parts.append(mesh.box(0.9, 0.05, 0.7).moved(0, FAR - 0.03, 1.5).painted(frame))
    parts.append(mesh.box(0.78, 0.06, 0.58).moved(0, FAR - 0.035, 1.56).painted(canvas))
    return [Prop(joined(parts), _at())]


def _candles(palette: Palette, seed: int, power: float) -> list[Actor]:
    places = ((-0.13, -0.02, 0.26), (0.16, -0.06, 0.21), (-0.26, 0.10, 0.17), (0.30, 0.10, 0.24))
    return [
        furniture.candle(palette, (x, y, 0.766), tall, (seed + 7 * number) & 0xFFFF, power)
        for number, (x, y, tall) in enumerate(places)
    ]
