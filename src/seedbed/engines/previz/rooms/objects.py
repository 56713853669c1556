"""What finds a place in a room though it is no guest there: toys of what is too large, a bird on its perch, fish in a
bowl, flowers and candles on a small table, party balloons, and cats on window sills."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz import bodies
from seedbed.engines.previz.bodies.actors import Walker
from seedbed.engines.previz.cast import crafts, creatures
from seedbed.engines.previz.cast.scenery import Scenery, Traveller
from seedbed.engines.previz.cast.staging import Mark, Role
from seedbed.engines.previz.rooms.plan import Plan, Window
from seedbed.engines.previz.shapes import Actor, Prop, mesh, paint
from seedbed.engines.previz.shapes.mesh import Mesh, joined, placed, rotation
from seedbed.engines.previz.things import buildings, craft, furniture, spacecraft

Floats = NDArray[np.float32]
_Ride = Callable[[float], tuple[float, float, float, float, float, float]]

TOYS = ("train", "car", "plane", "ship", "house", "lighthouse", "horse", "animals", "dragon")
"""Subjects that a room holds as toys on a table."""
OTHERS = ("birds", "fish", "balloon", "flower", "candle")
_TABLE_M = 0.72
_TOY_M = 0.62


@dataclass(frozen=True, slots=True)
class Laid:
    """What was put into a room; `lead` is what the camera frames."""

    actors: list[Actor]
    lead: Mark | None


def laid(plan: Plan, scenery: Scenery, *, guests: bool) -> Laid:
    """Those of the shot's subjects that rooms hold as things. With `guests` they stand aside, and nobody looks at them
    first."""
    shot = plan.shot
    wanted = [kind for kind in shot.subjects if kind in (*TOYS, *OTHERS) and kind not in shot.without]
    wanted = [
        kind for kind in wanted if not (kind == "candle" and plan.glows) and not (kind == "flower" and _has_vase(plan))
    ]
    actors: list[Actor] = []
    lead: Mark | None = None
    spots = [(0.0, -1.15), (0.95, -0.9), (-0.95, -0.85)] if not guests else [(1.25, -1.0), (-1.45, -1.1), (1.7, -0.4)]
    for kind, (x, y) in zip(wanted[:3], spots, strict=False):
        size, tall, found = _thing(kind, plan, scenery, x, y)
        actors += found
        mark = Mark(kind, Role(size, tall, "land"), x, y, 0.0, 0.0, 0.0)
        lead = lead or mark
    return Laid(actors, None if guests else lead)


def _has_vase(plan: Plan) -> bool:
    """Whether the room has flowers by itself."""
    return plan.laid


def _thing(kind: str, plan: Plan, scenery: Scenery, x: float, y: float) -> tuple[float, float, list[Actor]]:
    """How much of it is to be seen, the height of its middle, and who plays it."""
    if kind == "balloon" and not scenery.any_of("hot", "airship", "zeppelin", "kite"):
        return 1.9, 1.35, _party(plan, scenery, x, y)
    table = Prop(_side_table(plan), placed(rotation(), x, y, 0.0))
    if kind == "birds":
        return 0.60, _TABLE_M + 0.12, [table, *_perched(plan, scenery, x, y)]
    if kind == "fish":
        return 0.95, _TABLE_M + 0.22, [table, *_bowl(plan, scenery, x, y)]
    if kind == "flower":
        form = furniture.vase(scenery.palette, plan.rng, ("d8455f", "f0c24b", "e8e2f2", "c96fb0")[plan.seed % 4])
        return 0.85, _TABLE_M + 0.24, [table, Prop(form, placed(rotation(), x, y, _TABLE_M))]
    if kind == "candle":
        lights: list[Actor] = [
            furniture.candle(scenery.palette, (x + dx, y + dy, _TABLE_M), tall, scenery.seed + 3 * k, 0.8)
            for k, (dx, dy, tall) in enumerate(((-0.12, 0.0, 0.20), (0.02, 0.06, 0.27), (0.14, -0.03, 0.16)))
        ]
        return 0.8, _TABLE_M + 0.18, [table, *lights]
    return 1.0, _TABLE_M + 0.20, [table, *_toy(kind, scenery, x, y)]


def _side_table(plan: Plan) -> Mesh:
    """Round, on one leg with three feet."""
    grain = furniture.wood(plan.palette, 1, 0.5)
    top = mesh.lathe([(0.0, 0.69), (0.40, 0.69), (0.435, 0.70), (0.435, 0.715), (0.42, _TABLE_M), (0.0, _TABLE_M)], 40)
    leg = mesh.lathe([(0.05, 0.04), (0.035, 0.2), (0.055, 0.34), (0.035, 0.5), (0.07, 0.69)], 16)
    parts = [top.painted(grain), leg.painted(grain)]
    for k in range(3):
        turn = 2 * math.pi * k / 3 + 0.5
        line = [
            [0.0, 0.0, 0.12],
            [0.18 * math.cos(turn), 0.18 * math.sin(turn), 0.08],
            [0.32 * math.cos(turn), 0.32 * math.sin(turn), 0.0],
        ]
        parts.append(mesh.tube(line, [0.03, 0.026, 0.02], 8).painted(grain))
    return joined(parts)


def _toy(kind: str, scenery: Scenery, x: float, y: float) -> list[Actor]:
    """The thing itself, as small as a toy, on the table; trains go round."""
    palette = scenery.palette
    if kind == "train":
        return _toy_train(scenery, x, y)
    if kind in ("horse", "animals", "dragon"):
        body_kind = (
            "dragon" if kind == "dragon" else creatures.kind_named(scenery, "horse" if kind == "horse" else "deer")
        )
        body = bodies.model(body_kind if body_kind in bodies.KINDS else "horse", seed=scenery.seed, palette=palette)
        still = bodies.standing(body, body.motions[0], 0.0, 0.0)
        form = _frozen(still)
    elif kind == "house":
        form = buildings.house(palette, seed=scenery.seed, lit=0.9, snowy=scenery.snowy)
    elif kind == "lighthouse":
        form = buildings.lighthouse(palette, lit=1.0)
    elif kind == "ship":
        form = craft.sailboat(palette, colour="f1eee6")
    elif kind == "car":
        form = _car(scenery)
    else:
        known = crafts.spacecraft_of(scenery)
        form = (
            spacecraft.rocket(palette, burning=False)
            if known == "rocket"
            else spacecraft.BUILDERS[known](palette)
            if known
            else craft.airliner(palette)
        )
    low, high = form.points.min(0), form.points.max(0)
    size = _TOY_M / float(max(high - low))
    form = form.moved(-float(low[0] + high[0]) / 2, -float(low[1] + high[1]) / 2, -float(low[2]))
    foot: list[Actor] = []
    lift = 0.0
    if kind in ("plane", "dragon", "ship"):
        stand = scenery.palette.add(paint("3a2a1c", gloss=0.4))
        lift = 0.10 if kind != "ship" else 0.02
        rod = joined([mesh.cylinder(0.09, 0.015, 24), mesh.cylinder(0.008, lift + 0.08, 8)]).painted(stand)
        foot = [Prop(rod, placed(rotation(), x, y, _TABLE_M))]
    return [*foot, Prop(form.scaled(size), placed(rotation(yaw=math.pi * 0.72), x, y, _TABLE_M + lift))]


def _frozen(walker: Walker) -> Mesh:
    """A body as it stands, in one piece."""
    pose = np.asarray(walker.model.pose(walker.motion, 0.0), np.float32)
    form = walker.mesh
    a, b = pose[form.bones[:, 0]], pose[form.bones[:, 1]]
    w = form.weights[:, None]

    def led(rows: Floats, shift: bool) -> Floats:
        one, two = (np.einsum("nij,nj->ni", m[:, :, :3], rows) + (m[:, :, 3] if shift else 0.0) for m in (a, b))
        return np.asarray(one * w + two * (1 - w), np.float32)

    normals = led(form.normals, False)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    whole = replace(form, points=led(form.points, True), normals=normals)
    return whole.boned(0)


def _car(scenery: Scenery) -> Mesh:
    """A toy car of tin."""
    tone = ("c8322a", "2a62a8", "e0a92a", "3a7d4c")[scenery.seed % 4]
    palette = scenery.palette
    body, pane = palette.add(paint(tone, gloss=0.85, mirror=0.12)), palette.add(paint("1c262e", gloss=0.95, mirror=0.2))
    dark, chrome = palette.add(paint("141416", gloss=0.4)), palette.add(paint("d4d8dc", gloss=0.9, mirror=0.4))
    parts = [craft.hull([(-2.1, 1.5, 0.55, 0.45), (-1.8, 1.7, 0.62, 0.34), (1.2, 1.7, 0.58, 0.34), (2.0, 1.55, 0.45,
            0.38),
                         (2.2, 1.3, 0.3, 0.45)], 4.0, 24).painted(body)]  # fmt: skip
    parts.append(
        craft.hull(
            [(-1.55, 1.2, 0.1, 0.9), (-1.1, 1.3, 0.56, 0.82), (0.1, 1.3, 0.54, 0.82), (0.85, 1.2, 0.1, 0.85)], 3.0, 20
        ).painted(pane)
    )
    parts.append(mesh.box(1.05, 1.1, 0.05).moved(0, -0.5, 1.35).painted(body))
    for wx in (-0.92, 0.70):
        for wy in (-1.3, 1.3):
            parts.append(mesh.cylinder(0.36, 0.22, 20).turned(roll=math.pi / 2).moved(wx, wy, 0.36).painted(dark))
            parts.append(
                mesh.cylinder(0.18, 0.24, 14).turned(roll=math.pi / 2).moved(wx - 0.01, wy, 0.36).painted(chrome)
            )
    parts += [mesh.sphere(0.14, 12, 8).scaled(1, 0.5, 1).moved(s * 0.55, 2.14, 0.62).painted(chrome) for s in (-1, 1)]
    parts.append(mesh.box(1.5, 0.08, 0.10).moved(0, 2.16, 0.40).painted(chrome))
    return joined(parts)


def _toy_train(scenery: Scenery, x: float, y: float) -> list[Actor]:
    """An engine with three carriages on a ring of rails."""
    palette = scenery.palette
    colour = ("b03024", "1f4e79", "2f6b45", "c9a227")[scenery.seed % 4]
    rail, tie = palette.add(paint("9aa0a6", gloss=0.8, mirror=0.2)), palette.add(paint("6b4a2e"))
    ring, size = 0.34, 0.0125
    turn = np.linspace(0, 2 * math.pi, 61)
    parts = [mesh.tube(np.stack([r * np.cos(turn), r * np.sin(turn), np.full(61, 0.008)], 1), 0.004, 5,
            caps=False).painted(rail)
             for r in (ring - 0.014, ring + 0.014)]  # fmt: skip
    parts += [
        mesh.box(0.05, 0.010, 0.006).moved(ring, 0, 0).turned(yaw=2 * math.pi * k / 48).painted(tie) for k in range(48)
    ]
    found: list[Actor] = [Prop(joined(parts), placed(rotation(), x, y, _TABLE_M))]
    for number in range(4):
        form = craft.carriage(palette, glass=False, lit=0.9, colour=colour, nose=number == 0).scaled(size)
        found.append(Traveller(form, _round(x, y, ring, 0.30, number * craft.CARRIAGE_M * size / ring)))
    return found


def _round(x: float, y: float, ring: float, speed: float, behind: float) -> _Ride:
    def where(seconds: float) -> tuple[float, float, float, float, float, float]:
        turn = speed / ring * seconds - behind - 1.2
        return x - ring * math.cos(turn), y + ring * math.sin(turn), _TABLE_M + 0.010, turn, 0.0, 0.0

    return where


def _perched(plan: Plan, scenery: Scenery, x: float, y: float) -> list[Actor]:
    kind = creatures.kind_named(scenery, "sparrow")
    kind = "sparrow" if kind not in bodies.KINDS or kind in ("bird", "gull") else kind
    body = bodies.model(kind, seed=scenery.seed, palette=scenery.palette)
    motion = "stand" if "stand" in body.motions else body.motions[0]
    return [bodies.standing(body, motion, x, y, _TABLE_M, math.pi * 0.78)]


def _bowl(plan: Plan, scenery: Scenery, x: float, y: float) -> list[Actor]:
    """A tank of glass with gravel, weed and three fish that swim round."""
    palette = scenery.palette
    glass = palette.add(paint("a8c4cc", gloss=0.98, mirror=0.10, opacity=0.07, two_sided=True))
    rim = palette.add(paint("23272b", gloss=0.5))
    water = palette.add(paint("3f8496", opacity=0.16, gloss=0.9, two_sided=True))
    sand, weed = palette.add(paint("b59a6a")), palette.add(paint("3f8a3a", two_sided=True))
    wide, deep, tall = 0.62, 0.34, 0.40
    parts = [mesh.box(wide - 0.01, deep - 0.01, 0.045).painted(sand)]
    rng = np.random.default_rng([scenery.seed, 63])
    for _ in range(9):
        px, py = float(rng.uniform(-0.26, 0.26)), float(rng.uniform(0.0, 0.13))
        high = float(rng.uniform(0.14, 0.30))
        line = [[px + 0.018 * math.sin(3 * t + px * 40), py, 0.03 + high * t] for t in np.linspace(0, 1, 7)]
        parts.append(mesh.tube(line, np.linspace(0.010, 0.003, 7), 5).painted(weed))
    for z in (0.0, tall):
        for sx, sy, ox, oy in (
            (wide, 0.014, 0, -deep / 2),
            (wide, 0.014, 0, deep / 2),
            (0.014, deep, -wide / 2, 0),
            (0.014, deep, wide / 2, 0),
        ):
            parts.append(mesh.box(sx, sy, 0.014).moved(ox, oy, z).painted(rim))
    found: list[Actor] = [Prop(joined(parts), placed(rotation(), x, y, _TABLE_M))]
    kind = creatures.kind_named(scenery, "goldfish")
    kind = kind if kind in ("koi", "goldfish", "fish", "turtle", "jellyfish") else "goldfish"
    size = {"turtle": 0.22, "jellyfish": 0.35}.get(kind, 0.19)
    for number in range(3):
        body = bodies.model(kind, seed=scenery.seed + number, palette=palette)
        small = replace(body, mesh=body.mesh.scaled(size / 0.6), scale=body.scale * size / 0.6)
        found.append(Walker(small, small.motions[0], _circling(x, y, number), 0.3 * number))
    box = mesh.box(wide, deep, tall)
    inner = mesh.box(wide - 0.02, deep - 0.02, 0.33).moved(0, 0, 0.02)
    found.append(Prop(inner.painted(water), placed(rotation(), x, y, _TABLE_M)))
    found.append(Prop(box.painted(glass), placed(rotation(), x, y, _TABLE_M)))
    return found


def _circling(x: float, y: float, number: int) -> Callable[[float], tuple[float, float, float, float]]:
    def path(seconds: float) -> tuple[float, float, float, float]:
        turn = (0.55 + 0.12 * number) * seconds + 2.1 * number
        a, b = 0.17 + 0.02 * number, 0.075
        dx, dy = math.cos(turn), math.sin(turn)
        yaw = math.atan2(-a * math.sin(turn), b * math.cos(turn))
        return x + a * dx, y + b * dy, _TABLE_M + 0.13 + 0.075 * number + 0.015 * math.sin(1.3 * seconds + number), yaw

    return path


def _party(plan: Plan, scenery: Scenery, x: float, y: float) -> list[Actor]:
    """Seven balloons on strings that sway over a weight."""
    palette = scenery.palette
    tones = ("d8343c", "f0b92a", "2f7fc4", "4aa65a", "c85aa8", "f2efe8", "ee7a2e")
    string, weight = palette.add(paint("d9d4c8")), palette.add(paint("c9a24a", gloss=0.85, mirror=0.2))
    found: list[Actor] = [
        Prop(mesh.sphere(0.07, 14, 9).moved(0, 0, 0.05).painted(weight), placed(rotation(), x, y, 0.0))
    ]
    rng = np.random.default_rng([scenery.seed, 64])
    for number, tone in enumerate(tones):
        turn, off = 2.4 * number, 0.10 + 0.34 * math.sqrt(number / 7)
        high = min(1.62 + 0.16 * float(rng.normal()), plan.box.tall - 0.7)
        skin_ = palette.add(paint(tone, gloss=0.9, mirror=0.06, opacity=0.94))
        shell = mesh.lathe(
            [
                (0.0, -0.205),
                (0.018, -0.20),
                (0.03, -0.185),
                (0.085, -0.12),
                (0.135, -0.03),
                (0.148, 0.05),
                (0.125, 0.13),
                (0.07, 0.18),
                (0.0, 0.195),
            ],
            28,
        )
        tip = (off * math.cos(turn), off * math.sin(turn), high)
        line = mesh.tube(
            [[0, 0, 0.1], [0.45 * tip[0], 0.45 * tip[1], 0.55 * high], [tip[0], tip[1], high - 0.2]], 0.0022, 4
        )
        form = joined([shell.moved(*tip).painted(skin_), line.painted(string)])
        found.append(Traveller(form, _swaying(x, y, float(rng.uniform(0, 6.28)))))
    return found


def _swaying(x: float, y: float, phase: float) -> _Ride:
    def where(seconds: float) -> tuple[float, float, float, float, float, float]:
        return x, y, 0.0, 0.0, 0.022 * math.sin(0.9 * seconds + phase), 0.026 * math.sin(0.75 * seconds + 1.7 * phase)

    return where


def sill_of(plan: Plan) -> Window | None:
    """The window of the back wall on whose sill somebody may sit."""
    backs = [window for window in plan.windows if window.wall == "back" and window.sill < 1.3]
    return min(backs, key=lambda window: abs(window.at)) if backs else None


def board(plan: Plan, window: Window) -> Mesh:
    """A broad board on that sill."""
    white = plan.palette.add(paint("8d7a63", gloss=0.15))
    return (
        mesh.box(window.wide + 0.30, 0.42, 0.045)
        .moved(window.at, plan.box.far - 0.18, window.sill - 0.04)
        .painted(white)
    )
