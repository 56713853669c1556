"""Who and what a shot wants under water: divers, great swimmers, submarines, and what has sunk.

Everything that swims crosses the picture and is in its middle halfway through the shot, as far from the camera as it
takes to see it whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz import bodies
from seedbed.engines.previz.cast import creatures
from seedbed.engines.previz.cast.scenery import Scenery, Traveller
from seedbed.engines.previz.noise import fraction
from seedbed.engines.previz.reef.deep import submarine
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.shapes import Actor, Palette, Prop
from seedbed.engines.previz.shapes.mesh import Mesh, placed, rotation
from seedbed.engines.previz.shapes.sprites import SPRITE
from seedbed.engines.previz.things import buildings, craft

Floats = NDArray[np.float32]
Path = Callable[[float], tuple[float, float, float, float]]
Floor = Callable[[float, float], float]

_GREAT = {"shark": 3.6, "dolphin": 2.4, "whale": 13.0, "humpback": 13.0, "orca": 6.5, "turtle": 1.1, "jellyfish": 0.5,
          "koi": 0.6, "goldfish": 0.6}  # fmt: skip
"""Metres from nose to tail of what swims there by itself."""
_OTHER = {"акул": "shark", "鲨": "shark", "дельфин": "dolphin", "海豚": "dolphin", "кит": "whale", "鲸": "whale",
          "balina": "whale", "wieloryb": "whale", "yunus": "dolphin", "медуз": "jellyfish", "水母": "jellyfish",
          "черепах": "turtle", "海龟": "turtle", "kaplumba": "turtle", "żółw": "turtle"}  # fmt: skip
_SEVERAL = {"jellyfish": 7, "koi": 9, "goldfish": 9}
PLACED = frozenset(("people", "robot", "fish", "ship", "dragon", "plane", "train", "house"))
"""Subjects that there is room for under water."""
_SUBMARINES = ("submarine", "submersible", "潜艇", "潛艇", "подводная лодка", "denizaltı", "okręt podwodny")
_CAMERA_Y = 5.0


@dataclass(slots=True)
class Swimmers:
    """`actors`; `mouths` are the ways of divers, who breathe out, `vessel` that of a submarine."""

    actors: list[Actor] = field(default_factory=list)
    mouths: list[Path] = field(default_factory=list)
    vessel: Path | None = None

    def bubbles(self, seconds: float) -> Floats:
        """Sprites of the air that divers breathe out in bursts."""
        rows: list[list[float]] = []
        for who, path in enumerate(self.mouths):
            for k in range(46):
                burst, own = k // 12, k % 12
                age = (seconds - 0.09 * own + 0.9 * burst) % 3.6
                x, y, z, yaw = path(seconds - age)
                a, b = fraction(k, who, 5), fraction(k, who, 6)
                rise = 0.62 * age + 0.10 * age * age
                wide = 0.05 + 0.10 * age
                size = (0.012 + 0.026 * a) * (1 + 0.25 * age)
                fade = min(age * 6.0, 1.0) * max(1.0 - age / 3.6, 0.0)
                rows.append([x + 0.62 * math.sin(yaw) + wide * (a - 0.5) + 0.03 * math.sin(5 * age + 6 * b),
                             y + 0.62 * math.cos(yaw) + wide * (b - 0.5), z + 0.16 + rise, size,
                             0.62 * fade, 0.74 * fade, 0.78 * fade, 0.0, 0.0, k])  # fmt: skip
        return np.array(rows, np.float32).reshape(-1, SPRITE)


def has_submarine(shot: Shot) -> bool:
    return any(word in " ".join((*shot.known, *shot.unknown)).lower() for word in _SUBMARINES)


def cast_in(shot: Shot, palette: Palette, seed: int, floor: Floor, seconds: float) -> Swimmers:
    """All that the words of `shot` want; its middle is `seconds` / 2."""
    made = Swimmers()
    scenery = Scenery(shot, floor, palette, seed, 0.0)
    turn = 1.0 if seed & 1 else -1.0
    row = 0
    for kind in (name for name in shot.subjects if name in PLACED and name not in shot.without):
        for length, build in _wanted(kind, scenery, shot):
            way = turn * (-1.0) ** row
            build(made, _Lane(length, way, row, floor, seconds))
            row += 1
    return made


@dataclass(frozen=True, slots=True)
class _Lane:
    """Where one of so many `length` metres goes: `way` 1 to the right and -1 to the left."""

    length: float
    way: float
    row: int
    floor: Floor
    seconds: float

    @property
    def y(self) -> float:
        return _CAMERA_Y + max(3.9, 1.5 * self.length) + 2.2 * self.row

    def path(self, speed: float, off: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Path:
        middle = self.seconds / 2
        y = self.y + off[1]
        z = max(self.floor(x, y) for x in (-4.0, 0.0, 4.0)) + 1.55 + 0.27 * self.length + 0.7 * (self.row % 2) + off[2]
        lean = self.way * (math.pi / 2 - 0.22 * (-1) ** self.row)

        def at(seconds: float) -> tuple[float, float, float, float]:
            run = speed * (seconds - middle)
            x = self.way * run * math.sin(abs(lean)) + off[0]
            deep = y + run * math.cos(lean) * 0.6 + 0.25 * math.sin(0.5 * seconds)
            return x, deep, z + 0.16 * math.sin(0.8 * seconds + off[0]), lean + 0.06 * math.sin(0.6 * seconds)

        return at


_Build = Callable[[Swimmers, _Lane], None]


def _wanted(kind: str, scenery: Scenery, shot: Shot) -> list[tuple[float, _Build]]:
    """What a subject becomes: how long it is, and what adds it."""
    if kind == "fish":
        said = " ".join((*shot.known, *shot.unknown)).lower()
        named = [name for name in _GREAT if name in said and name in bodies.KINDS]
        named += [name for part, name in _OTHER.items() if part in said and name not in named]
        return [(_GREAT[name], _great(name, scenery)) for name in named if not (name == "goldfish" and "koi" in named)]
    if kind in ("people", "robot"):
        return [(2.3, _divers(kind, scenery))]
    if kind == "dragon":
        return [(11.0, _dragon(scenery))]
    if kind == "ship" and has_submarine(shot):
        return [(3.2, _submarine(scenery))]
    return [(0.0, _sunk(kind, scenery))]


def _great(name: str, scenery: Scenery) -> _Build:
    def build(made: Swimmers, lane: _Lane) -> None:
        rng = np.random.default_rng([scenery.seed, 55])
        plural = scenery.any_of(f"{name}s", f"{name}es", "pod", "school")
        count = _SEVERAL.get(name, 3 if plural else 1)
        for number in range(count):
            body = bodies.model(name, seed=scenery.seed + number, palette=scenery.palette)
            if name == "jellyfish":
                # The great ones of their kind: small ones would be specks.
                body = replace(body, mesh=body.mesh.scaled(2.0), scale=2.0 * body.scale)
            speed = min(0.5 * max(body.speed(body.motions[0]), 0.5), 0.24 * lane.length + 0.35)
            spread = np.array([1.5, 1.1, 0.75]) * max(lane.length, 0.9) * (number > 0)
            off = rng.normal(0, 1, 3) * spread
            path = lane.path(
                speed, (float(off[0]), abs(float(off[1])), float(off[2]) if name != "jellyfish" else abs(float(off[2])))
            )
            if name == "jellyfish":
                path = _rising(path, float(rng.random()))
            made.actors.append(bodies.Walker(body, body.motions[0], path, float(rng.random())))

    return build


def _rising(path: Path, phase: float) -> Path:
    """Hardly along, and up in pulses."""

    def at(seconds: float) -> tuple[float, float, float, float]:
        x, y, z, yaw = path(2.0 + 0.25 * seconds)
        return x, y, z + 0.12 * seconds + 0.06 * math.sin(2.0 * seconds + 6.28 * phase), yaw

    return at


def _divers(kind: str, scenery: Scenery) -> _Build:
    who = kind if kind == "robot" else creatures.who(scenery)
    suit = who if who in ("robot", "ghost", "astronaut") else "diver"

    def build(made: Swimmers, lane: _Lane) -> None:
        for number in range(3 if creatures.several(scenery) else 2 if scenery.any_of("couple") else 1):
            body = bodies.model(suit, seed=scenery.seed + 3 * number, palette=scenery.palette)
            off = ((0.0, 0.0, 0.0), (1.7, 1.3, 0.5), (-1.9, 1.9, -0.1))[number]
            motion = next((m for m in ("swim", "float", "drift") if m in body.motions), "walk")
            path = lane.path(0.42, off)
            if suit == "robot":
                path = _on_the_floor(path, lane)
            made.actors.append(bodies.Walker(body, motion, path, 0.37 * number))
            if suit == "diver":
                made.mouths.append(path)

    return build


def _on_the_floor(path: Path, lane: _Lane) -> Path:
    def at(seconds: float) -> tuple[float, float, float, float]:
        x, y, _, yaw = path(1.6 * seconds)
        return x, y, lane.floor(x, y), yaw

    return at


def _dragon(scenery: Scenery) -> _Build:
    def build(made: Swimmers, lane: _Lane) -> None:
        body = bodies.model("dragon", seed=scenery.seed, palette=scenery.palette)
        made.actors.append(bodies.Walker(body, "soar", lane.path(2.2, (0.0, 4.0, 0.4))))

    return build


def _submarine(scenery: Scenery) -> _Build:
    def build(made: Swimmers, lane: _Lane) -> None:
        path = made.vessel = lane.path(0.55)

        def where(seconds: float) -> tuple[float, float, float, float, float, float]:
            return (*path(seconds), 0.03 * math.sin(0.6 * seconds), 0.03 * math.sin(0.5 * seconds))

        made.actors.append(Traveller(submarine(scenery.palette), where))

    return build


def _sunk(kind: str, scenery: Scenery) -> _Build:
    """A wreck, or a house, that stands askew on the floor behind the reef."""

    def build(made: Swimmers, lane: _Lane) -> None:
        form, size, sink, lean = _wreck(kind, scenery)
        y = 18.0 + 0.75 * size
        x = lane.way * 0.10 * size
        deep = min(lane.floor(x + dx, y + dy) for dx in (-size / 3, size / 3) for dy in (-size / 4, size / 4))
        turn = rotation(yaw=1.15 * lane.way, pitch=0.10, roll=lean * lane.way)
        made.actors.append(Prop(form, placed(turn, x, y, deep + sink)))

    return build


def _wreck(kind: str, scenery: Scenery) -> tuple[Mesh, float, float, float]:
    """Its form, how long it is, how far over the floor its origin lies and how it leans."""
    palette = scenery.palette
    if kind == "plane":
        return craft.airliner(palette).scaled(0.62), 23.0, 1.2, 0.22
    if kind == "train":
        return craft.carriage(palette, glass=False, lit=0.0, colour="6d4a38", nose=True), 18.0, -0.3, 0.28
    if kind == "house":
        return buildings.house(palette, seed=scenery.seed, lit=0.0, snowy=False), 13.0, -0.5, 0.08
    return craft.sailboat(palette, colour="6b5138"), 17.0, 0.7, 0.42
