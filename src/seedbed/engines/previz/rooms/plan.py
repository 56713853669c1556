"""What a room is made of: its box, its windows, what stands in it and lights it, and where guests stand and sit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.cast.staging import Mark, Role
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.shapes import Actor, Palette
from seedbed.engines.previz.shapes.mesh import Mesh

Floats = NDArray[np.float32]
_BY_DAY = ("day", "noon", "midday", "sunny", "sunlit", "sunlight", "sunshine", "afternoon", "morning", "白天", "阳光",
           "陽光", "день", "днем", "днём", "солнечн", "gündüz", "güneşli", "dzień", "dnia", "słonecz")  # fmt: skip
Glow = Callable[[float], Floats]
"""Sprites at a time in seconds: see `shapes.sprites`."""


@dataclass(frozen=True, slots=True)
class Box:
    """A room in metres: `wide` across its middle, from `near` to `far` along y, `tall`."""

    wide: float
    near: float
    far: float
    tall: float


@dataclass(frozen=True, slots=True)
class Window:
    """An opening in the wall "left", "right" or "back": its middle along the wall, its width, and from `sill` up to
    `head`, metres."""

    wall: str
    at: float
    wide: float
    sill: float
    head: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is, and where to they look: metres and radians. `tall` is the height of the middle of them."""

    x: float
    y: float
    yaw: float
    z: float = 0.0


@dataclass(slots=True)
class Plan:
    """A room to be. `lamps` are rows of `shade.Air`'s bulbs; `stands` and `seats` are for guests, the best first;
    `focus` is what the camera looks at when nobody is there; `gloss` how much the floor at `level` mirrors; `dim`
    scales what comes in through the windows."""

    box: Box
    palette: Palette
    shot: Shot
    seed: int
    rng: np.random.Generator
    focus: Mark
    windows: tuple[Window, ...] = ()
    solids: list[Mesh] = field(default_factory=list)
    actors: list[Actor] = field(default_factory=list)
    lamps: list[tuple[float, ...]] = field(default_factory=list)
    glows: list[Glow] = field(default_factory=list)
    stands: tuple[Place, ...] = (Place(-0.55, -1.5, 2.9), Place(0.55, -1.3, 3.5), Place(-1.6, -1.0, 2.6))
    seats: tuple[Place, ...] = ()
    laid: bool = False
    gloss: float = 0.0
    level: float = 0.0
    dim: float = 1.0
    key: float = 1.0
    beams: tuple[tuple[float, ...], ...] = ()

    @property
    def time(self) -> str:
        """The shot's; candles that nobody wants by day are lit in the evening."""
        lit = "candle" in self.shot.subjects and "candle" not in self.shot.without
        return "night" if lit and self.shot.time == "day" and not self.said(*_BY_DAY) else self.shot.time

    @property
    def night(self) -> bool:
        return self.time == "night"

    def lamp(self, x: float, y: float, z: float, colour: tuple[float, float, float], reach: float) -> None:
        """A lamp that is as bright as its colour at `reach` metres."""
        self.lamps.append((x, y, z, *colour, reach))

    def said(self, *words: str) -> bool:
        """Whether one of these beginnings of words was said."""
        told = " ".join((*self.shot.known, *self.shot.unknown)).lower()
        parts = told.split()
        return any((" " in word and word in told) or any(p.startswith(word) for p in parts) for word in words)


def looked_at(name: str, x: float, y: float, tall: float, size: float) -> Mark:
    """A thing that the camera frames: its middle is `tall` metres up, `size` metres of it are to be seen."""
    return Mark(name, Role(size, tall, "land", 0.0, 0.0, 1.0), x, y, 0.0, 0.0, 0.0)


def faced(mark: Mark, x: float, y: float) -> Mark:
    """The same, elsewhere."""
    return replace(mark, x=x, y=y)
