"""Fires, candles, flowers and fireworks on their marks; what glows is made of soft sprites."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.cast.scenery import Scenery
from seedbed.engines.previz.cast.staging import Mark
from seedbed.engines.previz.moments import TEMPO, Moment, shells
from seedbed.engines.previz.noise import gradient
from seedbed.engines.previz.shapes import Actor, Prop, mesh, paint, sprites
from seedbed.engines.previz.shapes.mesh import Mesh, joined, placed, rotation
from seedbed.engines.previz.things import furniture

Floats = NDArray[np.float32]
Glow = Callable[[float], Floats]
"""The sprites of something at a time in seconds: see `shapes.sprites`."""


@dataclass(frozen=True, slots=True)
class _Hearth:
    """Logs whose fire lights what is around."""

    mesh: Mesh
    where: Floats
    power: float
    seed: int
    still: bool = False

    def pose(self, seconds: float) -> Floats:
        return self.where[None]

    def bulbs(self, seconds: float) -> Floats:
        x, y, z = self.where[:, 3]
        bright = self.power * (
            1.0 + 0.25 * gradient(seconds * 6.0, 2.0, self.seed) + 0.15 * gradient(seconds * 2.3, 7.0, self.seed)
        )
        return np.array([[x, y, z + 0.7, 1.9 * bright, 0.85 * bright, 0.26 * bright, 2.4]], np.float32)


def _fire(mark: Mark, scenery: Scenery) -> list[Actor]:
    bark = scenery.palette.add(paint("3a281b", glow="ff5a14", glow_by=0.05, pattern=2, numbers=(9.0, 0.5, 3)))
    stone = scenery.palette.add(paint("6d675f", pattern=3, numbers=(4.0, 0.5, 5)))
    parts = []
    for number in range(6):
        turn = 2 * math.pi * number / 6
        foot, top = np.array([0.55 * math.cos(turn), 0.55 * math.sin(turn), 0.03]), np.array([0.0, 0.0, 0.62])
        parts.append(mesh.tube(np.stack([foot, top]), [0.075, 0.05], 8).painted(bark))
    for number in range(13):
        turn = 2 * math.pi * number / 13
        rock = mesh.sphere(0.15, 8, 6).scaled(1.0, 1.1, 0.75).moved(0.85 * math.cos(turn), 0.85 * math.sin(turn), 0.03)
        parts.append(rock.painted(stone))
    power = 0.35 + 0.65 * scenery.dark
    return [_Hearth(joined(parts), placed(rotation(), mark.x, mark.y, mark.z), power, scenery.seed & 0xFFFF)]


def _fire_glow(mark: Mark, scenery: Scenery) -> Glow:
    def glow(seconds: float) -> Floats:
        parts = [
            sprites.flames(mark.x, mark.y, mark.z + 0.08, 1.5, seconds, seed=scenery.seed & 0xFFFF, count=34),
            sprites.smoke(mark.x, mark.y, mark.z + 1.3, seconds, size=0.5, rise=5.0, tone=0.10 - 0.07 * scenery.dark),
        ]
        return np.concatenate(parts)

    return glow


def _candles(mark: Mark, scenery: Scenery) -> list[Actor]:
    stone = scenery.palette.add(paint("77706a", pattern=3, numbers=(3.0, 0.5, 4)))
    slab = mesh.box(0.9, 0.5, 0.12).painted(stone)
    found: list[Actor] = [Prop(slab, placed(rotation(), mark.x, mark.y, mark.z - 0.02))]
    for number, (x, y, tall) in enumerate(
        ((-0.22, 0.0, 0.26), (0.0, 0.06, 0.33), (0.21, -0.02, 0.22), (0.08, -0.12, 0.15))
    ):
        where = (mark.x + x, mark.y + y, mark.z + 0.10)
        found.append(
            furniture.candle(
                scenery.palette, where, tall, (scenery.seed + 3 * number) & 0xFFFF, 0.5 + 0.5 * scenery.dark
            )
        )
    return found


PETALS = ("d8455f", "f0c24b", "f4f1f7", "c96fb0", "e8743b", "7a62c9")


def _flowers(mark: Mark, scenery: Scenery) -> list[Actor]:
    """A patch of them, some hundred, in two or three colours."""
    rng = np.random.default_rng([scenery.seed, 46])
    stem = scenery.palette.add(paint("4c7a30", two_sided=True))
    colours = [
        scenery.palette.add(paint(PETALS[int(k)], two_sided=True, gloss=0.05))
        for k in rng.choice(len(PETALS), 3, replace=False)
    ]
    heart = scenery.palette.add(paint("d9a520"))
    parts: list[Mesh] = []
    for number in range(130):
        near = number < 40
        off, turn = math.sqrt(float(rng.random())) * (1.1 if near else 4.5), float(rng.uniform(0, 6.28))
        x, y = off * math.cos(turn), off * math.sin(turn) + (0.0 if near else 1.0)
        tall, lean = float(rng.uniform(0.28, 0.5)), float(rng.uniform(-0.2, 0.2))
        foot = scenery.ground(mark.x + x, mark.y + y) - mark.z
        tip = np.array([x + lean * tall, y - 0.05, foot + tall])
        parts.append(
            mesh.tube(
                np.array([[x, y, foot - 0.05], [x + 0.4 * lean * tall, y, foot + 0.6 * tall], tip]),
                0.006,
                5,
                caps=False,
            ).painted(stem)
        )
        parts.append(
            flower(0.055 + 0.02 * float(rng.random()))
            .turned(pitch=-0.5, roll=lean)
            .moved(*map(float, tip))
            .painted(colours[number % 3])
        )
        parts.append(mesh.sphere(0.016, 6, 4).moved(*map(float, tip + np.array([0, 0, 0.01]))).painted(heart))
    return [Prop(joined(parts), placed(rotation(), mark.x, mark.y, mark.z))]


def flower(radius: float) -> Mesh:
    """Eight petals about a heart."""
    parts = []
    for k in range(8):
        turn = 2 * math.pi * k / 8
        across = np.array([0.30, 1.0, 0.15])[:, None] * np.array([-0.34, 0.0, 0.34])
        along = np.array([0.15, 0.65, 1.0])[:, None] * np.ones(3)
        net = np.stack([
            radius * (along * math.cos(turn) - across * math.sin(turn)),
            radius * (along * math.sin(turn) + across * math.cos(turn)),
            radius * (0.22 * along**2 - 0.08 * (across == 0)),
        ], 2)  # fmt: skip
        parts.append(mesh.surface(net))
    return joined(parts)


_SPARKS, _LIVES_S, _RISES_S = 170, 3.0, 0.9
_BURSTS = ((2.6, 0.7, 0.4), (0.5, 1.5, 2.6), (2.4, 2.0, 0.7), (2.2, 0.6, 2.0), (0.6, 2.4, 1.1))
_WILLOW = (2.3, 1.35, 0.45)
_TAIL = ((0.0, 1.0), (0.045, 0.45), (0.09, 0.22), (0.14, 0.10))
"""How far back, in seconds, the marks of a spark's tail lie, and how bright they are."""


@dataclass(frozen=True, slots=True)
class _Shell:
    """A shell that bursts at `at_s` (of the world's time) over the ground at `foot`: its sparks leave `spot` with the
    speeds `ways` (n, 3), are slowed by `drag` and sink by `sink`."""

    at_s: float
    power: float
    foot: NDArray[np.float64]
    spot: NDArray[np.float64]
    ways: NDArray[np.float64]
    colour: Floats
    drag: float
    sink: float
    lives_s: float

    def sprites(self, seconds: float) -> list[Floats]:
        """Its tail while it climbs, then its flash and its sparks."""
        age = seconds - self.at_s
        if -_RISES_S < age < 0.0:
            return [self._climb(1.0 + age / _RISES_S)]
        if not 0.0 <= age < self.lives_s:
            return []
        return [self._sparks(age), self._flash(age)] if age < 0.5 else [self._sparks(age)]

    def _climb(self, share: float) -> Floats:
        back = np.linspace(0.0, 0.16, 14)
        risen = 1.0 - (1.0 - np.clip(share - back, 0.0, 1.0)) ** 2
        tail = np.zeros((len(back), sprites.SPRITE), np.float32)
        tail[:, :3] = self.foot + (self.spot - self.foot) * risen[:, None]
        tail[:, 0] += 0.7 * np.sin(risen * 40.0 + self.at_s)
        tail[:, 3] = 0.9
        glow = (1.0 - back / 0.17) ** 2 * (1.1 - 0.6 * share)
        tail[:, 4:7] = np.array([1.9, 1.25, 0.6]) * glow[:, None]
        return tail

    def _sparks(self, age: float) -> Floats:
        rows = []
        fade = (1.0 - age / self.lives_s) ** 1.4
        flicker = 0.7 + 0.3 * np.sin(age * 30.0 + np.arange(len(self.ways)) * 1.7)
        for back, part in _TAIL:
            then = max(age - back, 0.0)
            run = (1.0 - math.exp(-self.drag * then)) / self.drag
            spark = np.zeros((len(self.ways), sprites.SPRITE), np.float32)
            spark[:, :3] = self.spot + self.ways * run - np.array([0.0, 0.0, self.sink * then * then])
            spark[:, 3] = 1.15 if back == 0.0 else 0.85
            hot = self.colour * (fade * 1.35) + max(0.35 - age, 0.0) * 3.2
            spark[:, 4:7] = hot * (flicker * part * self.power)[:, None]
            rows.append(spark)
        return np.concatenate(rows)

    def _flash(self, age: float) -> Floats:
        flash = np.zeros((2, sprites.SPRITE), np.float32)
        flash[:, :3], flash[:, 3] = self.spot, (46.0, 150.0)
        bright = self.power * (0.5 - age) ** 2
        flash[:, 4:7] = self.colour * np.array([[1.7 * bright], [0.45 * bright]])
        return flash


def _fireworks_glow(mark: Mark, scenery: Scenery) -> Glow:
    """Shells that rise, burst and fall, one after another over the whole shot."""
    rng = np.random.default_rng([scenery.seed, 47])
    tempo = TEMPO[scenery.shot.tempo]
    fired = [_shell(moment, tempo, mark, rng) for moment in shells(scenery.shot, scenery.seed)]

    def glow(seconds: float) -> Floats:
        near = [shell for shell in fired if -_RISES_S < seconds - shell.at_s < shell.lives_s]
        rows = [row for shell in near for row in shell.sprites(seconds)]
        return np.concatenate(rows).astype(np.float32) if rows else np.zeros((0, sprites.SPRITE), np.float32)

    return glow


def _shell(moment: Moment, tempo: float, mark: Mark, rng: np.random.Generator) -> _Shell:
    """A peony, a ring or a willow."""
    kind = ("peony", "peony", "ring", "willow")[int(rng.integers(4))]
    x = mark.x + 220.0 * (moment.side - 0.5)
    spot = np.array([x, mark.y + rng.uniform(-40.0, 40.0), mark.z + 60.0 + rng.uniform(-34.0, 34.0)])
    foot = np.array([x + rng.uniform(-12.0, 12.0), mark.y, mark.z - 150.0])
    ways = rng.normal(size=(_SPARKS, 3))
    if kind == "ring":
        lean = rng.normal(size=3) * 0.35 + np.array([0.0, 1.0, 0.0])
        lean /= np.linalg.norm(lean)
        ways -= (ways @ lean)[:, None] * lean
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    ways *= rng.uniform(0.82, 1.0, (_SPARKS, 1)) * rng.uniform(44.0, 66.0)
    colour = np.array(_WILLOW if kind == "willow" else _BURSTS[int(rng.integers(len(_BURSTS)))], np.float32)
    drag, sink, lives = (1.1, 4.6, 3.8) if kind == "willow" else (1.6, 2.4, _LIVES_S)
    return _Shell(moment.at_s * tempo, moment.power, foot, spot, ways, colour, drag, sink, lives)


def _nobody(mark: Mark, scenery: Scenery) -> list[Actor]:
    return []


FIRES: dict[str, Callable[[Mark, Scenery], list[Actor]]] = {
    "fire": _fire, "candle": _candles, "flower": _flowers, "fireworks": _nobody,
}  # fmt: skip
"""Who plays what burns or blooms."""
GLOWS: dict[str, Callable[[Mark, Scenery], Glow]] = {"fire": _fire_glow, "fireworks": _fireworks_glow}
"""What of it is light alone."""
