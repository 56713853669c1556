"""Who and what is out there in front of the stars: astronauts, craft, and whatever else a shot wants in space.

They are metres from a camera whose heading is that of the shot's first eye: x runs to its right, y ahead, z up. The
worlds behind are so far that they turn with the camera and do not shift.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz import bodies, cast
from seedbed.engines.previz.camera import Pose
from seedbed.engines.previz.cast import crafts, creatures, staging
from seedbed.engines.previz.cast.scenery import Scenery, Traveller
from seedbed.engines.previz.cast.staging import Mark
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.shapes import Actor, Palette, Troupe, still_air
from seedbed.engines.previz.shapes.mesh import Mesh, placed, rotation, then
from seedbed.engines.previz.space.eye import Eye, Vector
from seedbed.engines.previz.things import craft, spacecraft

Floats = NDArray[np.float32]

_HIGH_M = 1000.0
"""Where they are, so that no ground is ever near."""
_FLYING = frozenset({"dragon", "birds", "fish", "balloon", "ship", "train", "horse"})
"""What keeps to its own motion out there."""
ADRIFT = frozenset({"people", "robot", "dog", "cat", "animals", "horse", "dragon", "birds", "fish", "plane", "balloon",
                    "ship", "train"})  # fmt: skip
"""Subjects that space has room for."""
_STATION = ("station", "空间站", "космическая станция", "мкс", "uzay istasyonu", "stacja kosmiczna")


@dataclass(frozen=True, slots=True)
class Drifting:
    """An actor carried along and slowly turned about `pivot` metres over its own origin."""

    actor: Actor
    mark: Mark
    pivot: float
    spin: tuple[float, float, float]
    sway: float
    still: bool = False

    @property
    def mesh(self) -> Mesh:
        return self.actor.mesh

    def _frame(self, seconds: float) -> Floats:
        yaw, pitch, roll = self.spin
        turn = rotation(
            yaw=self.mark.heading + yaw * seconds,
            pitch=pitch * math.sin(0.5 * seconds),
            roll=roll * math.sin(0.4 * seconds),
        )
        x, y, z = self.mark.at(seconds)
        frame = placed(turn, x, y, z + self.sway * math.sin(0.55 * seconds))
        return then(frame, placed(rotation(), 0.0, 0.0, -self.pivot))

    def pose(self, seconds: float) -> Floats:
        frame = self._frame(seconds)
        own = np.asarray(self.actor.pose(seconds), np.float32)
        made = frame[:, :3] @ own
        made[:, :, 3] += frame[:, 3]
        return np.asarray(made, np.float32)

    def bulbs(self, seconds: float) -> Floats:
        return self.actor.bulbs(seconds)


class Company:
    """All of it; falsy where a shot has nobody. `framed` moves the camera about the first."""

    def __init__(self, shot: Shot, seed: int) -> None:
        self._shot, self._seed = shot, seed
        scenery = Scenery(shot, lambda x, y: -_HIGH_M, Palette(), seed, 0.0)
        self._scenery = scenery
        kinds = [kind for kind in shot.subjects if kind in ADRIFT and kind not in shot.without]
        if not any(kind == "plane" for kind in kinds) and scenery.any_of("station") and _said(shot, *_STATION):
            kinds.insert(0 if not kinds else 1, "plane")
        self._marks = tuple(self._mark(kind, number, kinds) for number, kind in enumerate(kinds[:3]))

    def __bool__(self) -> bool:
        return bool(self._marks)

    def _craft(self) -> str:
        return "station" if _said(self._shot, *_STATION) else crafts.spacecraft_of(self._scenery) or "starship"

    def _mark(self, kind: str, number: int, kinds: list[str]) -> Mark:
        lead = number == 0
        size = _SIZES_M.get(kind, staging.ROLES[kind].size_m) if kind != "plane" else spacecraft.SIZES_M[self._craft()]
        if kind == "people" and creatures.several(self._scenery):
            size *= 1.8
        elif kind in ("people", "robot") and _said(self._shot, "couple", "two astronauts"):
            size *= 1.4
        first = _SIZES_M.get(kinds[0], 3.0) if kinds[0] != "plane" else spacecraft.SIZES_M[self._craft()]
        role = replace(staging.ROLES[kind], size_m=size, tall_m=0.0, medium="air", speed=0.0, near=1.2, follow=False)
        turn = (
            (math.pi - 0.45)
            if kind in ("people", "robot", "dog", "cat", "animals")
            else _HEADINGS.get(self._craft() if kind == "plane" else kind, 2.2)
        )
        side = -1.0 if self._seed & 1 else 1.0
        if lead:
            return Mark(kind, role, 0.0, 0.0, _HIGH_M, side * turn, 0.0)
        # Others keep clear of the first, and are seen whole behind it.
        off = side * (0.62 * first + 0.50 * size)
        back = 0.5 * first + 1.1 * max(size - first, 0.0)
        return Mark(kind, role, off, back, _HIGH_M + 0.10 * size * (-1) ** number, side * turn, 0.0)

    def framed(self, *, frames: int, fps: int, ratio: float, fixed: bool, tempo: float) -> list[Pose]:
        """One pose for each frame, about who leads."""
        poses = staging.framed(
            self._shot, self._marks[0], lambda x, y: -_HIGH_M, frames=frames, fps=fps, ratio=ratio, fixed=fixed,
            seed=self._seed, tempo=tempo,
        )  # fmt: skip
        # Nobody stands in the very middle: there is a world to be seen as well.
        shift = 0.16 * self._marks[0].role.size_m * (1.0 if self._seed & 2 else -1.0)
        return [
            replace(pose, x=pose.x + shift * math.cos(pose.yaw), y=pose.y - shift * math.sin(pose.yaw))
            for pose in poses
        ]

    def troupe(self, begin: Eye, sun: Vector, shine: Floats, *, against: bool) -> Troupe:
        """Drawn in the light of the `sun` and in what the world below throws back (`shine`, 3);
        `against` that sun, they are seen by more of the latter."""
        actors = [actor for number, mark in enumerate(self._marks) for actor in self._played(mark, number)]
        axes = np.stack([begin.right, begin.ahead, begin.up])
        lamp = np.array([[2.3, 2.22, 2.12], [0.035, 0.042, 0.06], [0.0, 0.0, 0.0]], np.float32)
        lamp[2] = shine
        lamp[1] += (0.9 if against else 0.25) * shine
        lamp[2] *= 2.0 if against else 1.0
        # What polished things mirror: the world's light along the horizon, the dark above.
        pano = np.repeat((shine[None] * np.array([[1.6], [0.5], [0.1], [0.03]]))[:, None], 6, 1).astype(np.float32)
        dark = np.zeros((4, 3), np.float32)
        air = still_air((axes @ sun).astype(np.float32), lamp, dark, 1e6, pano, (-2.0, 2.0))
        return Troupe(actors, self._scenery.palette.rows(), air)

    def _played(self, mark: Mark, number: int) -> list[Actor]:
        scenery = self._scenery
        rng = np.random.default_rng([self._seed, 91, number])
        slow = tuple(float(v) for v in rng.uniform(-1, 1, 3) * np.array([0.05, 0.16, 0.16]))
        spin = (slow[0], slow[1], slow[2])
        if mark.kind == "plane":
            return self._flown(mark, spin)
        if mark.kind in ("people", "robot"):
            return self._afloat(mark, spin)
        if mark.kind == "train":
            return _express(mark, scenery)
        if mark.kind == "fish":
            return self._swum(mark)
        found = cast.players((replace(mark, speed=_SPEEDS.get(mark.kind, 0.0)),), scenery)[0]
        if mark.kind in _FLYING:
            # Swimmers, ships and what gallops are cast at the height of water or ground.
            lifted = _HIGH_M if mark.kind in ("fish", "ship") else 2 * _HIGH_M if mark.kind == "horse" else 0.0
            still = replace(mark, x=0.0, y=0.0, z=lifted, heading=0.0)
            return [Drifting(actor, still, 0.0, (0.0, 0.0, 0.0), 0.02 * mark.role.size_m) for actor in found]
        return [
            Drifting(self._home(actor), mark, 0.5 * mark.role.size_m, spin, 0.06 * mark.role.size_m) for actor in found
        ]

    def _home(self, actor: Actor) -> Actor:
        """The same body on the spot at the origin."""
        if not isinstance(actor, bodies.Walker):
            return actor
        return bodies.standing(actor.model, actor.motion, 0.0, 0.0)

    def _afloat(self, mark: Mark, spin: tuple[float, float, float]) -> list[Actor]:
        """People in their suits, and machines, without weight."""
        scenery = self._scenery
        many = creatures.several(scenery)
        count = 3 if many else 2 if _said(self._shot, "couple") else 1
        kind = "robot" if mark.kind == "robot" else creatures.who(scenery)
        kind = kind if kind in ("robot", "ghost") else "astronaut"
        found: list[Actor] = []
        for number in range(count):
            body = bodies.model(kind, seed=self._seed + 31 * number, palette=scenery.palette)
            motion = "float" if "float" in body.motions else body.motions[-1] if kind == "ghost" else "look"
            middle = 0.0 if motion == "float" else 0.5 * body.height
            x, y, z = ((0.0, 0.0, 0.0), (1.75, 1.3, 0.6), (-1.6, 2.4, -0.5))[number]
            at = replace(mark, x=mark.x + x, y=mark.y + y, z=mark.z + z, heading=mark.heading + 0.7 * number)
            actor = bodies.standing(body, motion, 0.0, 0.0, phase=0.37 * number)
            found.append(
                Drifting(actor, at, middle, (spin[0] + 0.02, 0.7 * spin[1] + 0.05, 0.8 * spin[2] + 0.04), 0.07)
            )
        return found

    def _swum(self, mark: Mark) -> list[Actor]:
        """Great swimmers, as in the sea; small ones in a school."""
        kind = creatures.kind_named(self._scenery, "whale")
        found: list[Actor] = []
        for number in range(1 if mark.role.size_m > 5 and kind in ("whale", "humpback", "orca") else 5):
            body = bodies.model(kind, seed=self._seed + number, palette=self._scenery.palette)
            spread = 0.30 * mark.role.size_m * (number > 0)
            at = replace(mark, x=mark.x + spread * math.cos(2.4 * number), y=mark.y + spread * (0.5 + 0.2 * number),
                         z=mark.z + spread * math.sin(2.4 * number))  # fmt: skip
            swims = bodies.standing(body, body.motions[0], 0.0, 0.0, phase=0.23 * number)
            found.append(Drifting(swims, at, 0.0, (0.02, 0.05, 0.06), 0.03 * mark.role.size_m))
        return found

    def _flown(self, mark: Mark, spin: tuple[float, float, float]) -> list[Actor]:
        kind = self._craft()
        form = spacecraft.BUILDERS[kind](self._scenery.palette)
        size = mark.role.size_m
        way = {"rocket": 0.03, "starship": 0.04, "saucer": 0.02}.get(kind, 0.0) * size
        heading, lean = mark.heading, 0.55 if kind == "rocket" else 0.0
        dx, dy = math.sin(heading), math.cos(heading)

        def where(seconds: float) -> tuple[float, float, float, float, float, float]:
            run = way * (seconds - 2.5)
            sway = 0.006 * size * math.sin(0.7 * seconds)
            if kind == "rocket":
                # It lies along its way: nose down the heading.
                return mark.x + dx * run, mark.y + dy * run, mark.z + 0.4 * run, heading, lean - math.pi / 2, 0.0
            turn = 0.4 * seconds if kind == "saucer" else 1.2 * spin[0] * seconds
            return (mark.x + dx * run, mark.y + dy * run, mark.z + sway, heading + turn,
                    _PITCH.get(kind, 0.0) + 0.02 * math.sin(0.5 * seconds), _ROLL.get(kind,
                            0.0) + 0.03 * math.sin(0.4 * seconds))  # fmt: skip

        return [Traveller(form, where)]


_PITCH = {"station": -0.42, "satellite": -0.25, "starship": 0.06, "saucer": -0.22}
_ROLL = {"station": 0.16, "satellite": 0.22, "starship": 0.18, "saucer": 0.16}
"""How craft are turned to the camera, that more of them is seen."""
_HEADINGS = {"station": 0.5, "satellite": 0.55, "train": 2.25, "horse": 2.1, "fish": 1.9, "ship": 2.0, "plane": 2.25}
_SIZES_M = {"people": 2.3, "robot": 2.4, "dog": 1.4, "cat": 1.0, "animals": 3.4, "horse": 3.8, "dragon": 15.0,
        "birds": 8.0,
            "fish": 13.0, "balloon": 24.0, "ship": 26.0, "train": 46.0}  # fmt: skip
_SPEEDS = {"dragon": 3.0, "birds": 2.0, "horse": 2.0}


def _said(shot: Shot, *words: str) -> bool:
    told = " ".join((*shot.known, *shot.unknown)).lower()
    return any(word in told for word in words)


def _express(mark: Mark, scenery: Scenery) -> list[Actor]:
    """A train among the stars: its carriages follow one another along a rising arc."""
    colour = ("1f4e79", "7a2230", "2f6b45")[scenery.seed % 3]
    found: list[Actor] = []
    for number in range(5):
        form = craft.carriage(scenery.palette, glass=False, lit=1.6, colour=colour, nose=number == 0)
        found.append(Traveller(form, _along(mark, -number * craft.CARRIAGE_M)))
    return found


def _along(mark: Mark, offset: float) -> Callable[[float], tuple[float, float, float, float, float, float]]:
    def where(seconds: float) -> tuple[float, float, float, float, float, float]:
        run = offset + 24.0 + 5.0 * seconds
        turn = mark.heading - 0.0045 * run
        rise = 0.10 * math.sin(run / 34.0)
        x = mark.x + math.sin(mark.heading - 0.00225 * run) * run
        y = mark.y + math.cos(mark.heading - 0.00225 * run) * run
        return x, y, mark.z - 1.8 + 3.4 * (1 - math.cos(run / 34.0)), turn, rise, 0.06

    return where
