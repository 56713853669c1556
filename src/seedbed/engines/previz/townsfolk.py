"""Who and what is in a city beside its houses and its traffic: passers-by, and the subjects of a shot.

Each subject has its place there: who walks goes along the pavement, or in the road when it is theirs; what flies is
over the roofs; trams run down the middle; boats are on the river; in a view over the roofs, who would stand in a street
stands on a terrace.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seedbed.engines.previz import bodies, cast
from seedbed.engines.previz.camera import Pose
from seedbed.engines.previz.cast import creatures, staging, streetware
from seedbed.engines.previz.cast.fires import Glow
from seedbed.engines.previz.cast.scenery import Scenery
from seedbed.engines.previz.cast.staging import Mark
from seedbed.engines.previz.city.kit import HALF_M, KERB_M
from seedbed.engines.previz.city.plan import RIVER_M, WALK_M, kind_of
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.shapes import Actor, Palette, Prop, mesh, paint
from seedbed.engines.previz.shapes.mesh import joined, placed, rotation
from seedbed.engines.previz.shapes.paint import STREAKS, TILES

_AFOOT = ("people", "robot", "dog", "cat", "crowd", "horse", "animals")
_ALOFT = ("balloon", "plane", "dragon", "birds", "fireworks")
_STANDING = ("candle", "flower", "fire")
LEADS = frozenset((*_AFOOT, *_ALOFT, *_STANDING, "train", "ship"))
"""Subjects that find a place in a city; its cars, houses and bridges are its own."""
_PASSERS = 26
_ROOF_M = 96.0
"""How high the terrace of a view over the roofs is."""
_DECK_M = -3.0
"""The height of a river's water."""
_ROAD = (
    "play",
    "football",
    "soccer",
    "road",
    "avenue",
    "parade",
    "march",
    "gallop",
    "run",
    "race",
    "danc",
    "cross",
    "skat",
)
"""Beginnings of words that have people in the road rather than on the pavement."""


@dataclass(frozen=True, slots=True)
class Shown:
    """`actors` and what of them is light alone."""

    actors: Sequence[Actor]
    glows: tuple[Glow, ...] = ()


class Townsfolk:
    """`shown` are all of them; `led` moves the camera about the one who leads, if there is one; `clear_m` is how far to
    both sides of its middle the street has no traffic."""

    def __init__(self, shot: Shot, seed: int, *, seconds: float) -> None:
        self._shot, self._seed = shot, seed
        self._city = kind_of(shot)
        self._kerb = KERB_M if self._city == "street" else 0.0
        self._seconds = seconds
        kinds = [kind for kind in shot.subjects if kind in LEADS and kind not in shot.without]
        self._marks = tuple(self._mark(kind, number) for number, kind in enumerate(kinds[:3]))
        self._crowded = self._city != "skyline" and "people" not in shot.without

    @property
    def clear_m(self) -> float:
        """Half the width of road that subjects need for themselves."""
        in_road = [mark for mark in self._marks if mark.role.medium in ("land", "track") and abs(mark.x) < 3.0]
        return 3.2 if in_road and self._city == "street" else 0.0

    def _ground(self, x: float, y: float) -> float:
        if self._city == "skyline":
            return _ROOF_M
        return self._kerb if abs(x) > HALF_M else 0.0

    def _said(self, *words: str) -> bool:
        told = " ".join((*self._shot.known, *self._shot.unknown)).lower().split()
        return any(word.startswith(words) for word in told)

    def _mark(self, kind: str, number: int) -> Mark:
        role = staging.sized(staging.ROLES[kind], self._shot)
        if kind == "flower":
            role = replace(role, size_m=2.3, tall_m=1.05, near=1.0)
        pace = {"slow": 0.75, "normal": 1.0, "fast": 1.7}[self._shot.pace]
        if kind in _ALOFT:
            return self._above(kind, role, number, pace)
        if kind == "ship":
            low, _ = RIVER_M
            x, heading = (46.0 if self._seed & 1 else -46.0), 1.35 * (1 if self._seed & 1 else -1)
            return Mark(
                kind,
                replace(role, size_m=24.0),
                x - math.sin(heading) * 7.0,
                low + 64.0 + 30.0 * number,
                _DECK_M,
                heading,
                3.0,
            )
        if kind == "train":
            return Mark(kind, replace(role, size_m=15.0, tall_m=1.6), 0.0, 62.0, 0.0, math.pi, 6.5 * pace)
        return self._below(kind, role, number, pace)

    def _below(self, kind: str, role: staging.Role, number: int, pace: float) -> Mark:
        """On the pavement, in the road, in the lane of an old town, or on the terrace."""
        still = kind in _STANDING or staging.stays(self._shot)
        off = (0.0, 0.9, -0.9)[number] * max(role.size_m, 1.2) * 0.8
        if self._city == "skyline":
            # At the terrace's edge, looking out over the city.
            heading = 0.35 if self._seed & 1 else -0.35
            role = replace(role, heading=heading, speed=0.0, size_m=max(role.size_m, 2.1), near=0.9, follow=False)
            return Mark(kind, role, 0.9 + off, 4.4, _ROOF_M, heading if kind in _AFOOT else 0.0, 0.0)
        speed = 0.0 if still else role.speed * pace
        if kind in ("horse", "animals") and not still:
            speed = role.speed * pace * (1.7 if self._said("gallop", "run", "race", "charg") else 1.0)
        role = replace(role, heading=math.pi - 0.10, clear_m=0.0)
        if self._city == "old":
            return Mark(kind, role, 0.5 + off, 17.0, 0.0, role.heading, min(speed, 3.4))
        large = kind in ("horse", "animals", "crowd") or creatures.several(self._scenery(Palette()))
        if large or (self._said(*_ROAD) and kind not in _STANDING):
            far = 20.0 + speed * self._seconds * 0.9
            return Mark(kind, role, 0.0 + off, far, 0.0, math.pi - 0.02, speed)
        return Mark(kind, role, HALF_M + 2.7 + 0.4 * off, 17.0, self._kerb, role.heading, speed)

    def _above(self, kind: str, role: staging.Role, number: int, pace: float) -> Mark:
        """Over the roofs, where the camera of that city sees it; who flies by itself is followed."""
        roofs = self._city == "skyline"
        side = -1.0 if self._seed & 1 else 1.0
        if kind == "fireworks":
            return Mark(kind, role, 0.0, 430.0 if roofs else 300.0, 128.0 if roofs else 84.0, 0.0, 0.0)
        if kind == "balloon":
            spot = (side * 26.0, 150.0, 112.0) if roofs else (side * 2.0, 120.0, 46.0)
            return Mark(kind, role, *spot, 0.5 * side, 1.2)
        if kind == "plane":
            heading, speed = 1.2 * side, 42.0 * pace
            spot = (-math.sin(heading) * speed * self._seconds / 2, 180.0 if roofs else 140.0, 143.0 if roofs else 70.0)
            return Mark(kind, role, *spot, heading, speed)
        heading = side * (0.75 if roofs else 0.06) + (0.0 if roofs else math.pi)
        speed = role.speed * pace * (1.0 if roofs else 0.6)
        y = 95.0 if roofs else 60.0 + speed * self._seconds * 0.7
        spot = (
            -math.sin(heading) * speed * self._seconds / 2,
            y,
            128.0 if roofs else 12.0 if kind == "birds" else 20.0,
        )
        return Mark(kind, replace(role, heading=heading), *spot, heading, speed)

    def led(self, asked: list[Pose], *, fps: int, ratio: float, fixed: bool, tempo: float) -> list[Pose]:
        """The camera about who leads; that of the city itself, which is `asked`, where nobody does or where what leads
        is seen over its roofs."""
        if not self._marks:
            return asked
        lead = self._marks[0]
        if lead.kind in ("balloon", "plane", "fireworks"):
            lift = 0.24 if self._city == "skyline" else 0.17
            return [replace(pose, horizon=min(pose.horizon + lift, 0.86)) for pose in asked]
        poses = staging.framed(
            self._shot, lead, self._floor(lead), frames=len(asked), fps=fps, ratio=ratio, fixed=fixed, seed=self._seed,
            tempo=tempo,
        )  # fmt: skip
        if lead.kind == "train":
            # From beside its track: it comes near and passes.
            return [replace(pose, x=min(pose.x + 5.4, 5.9), yaw=pose.yaw - 0.17, z=max(pose.z, 2.2)) for pose in poses]
        if lead.kind in ("horse", "animals") and self._city == "street":
            # What comes along the road is seen from beside it: a body is longer than it is wide.
            away = 0.36 * staging.distance(lead.role, self._shot)
            return [replace(pose, x=pose.x + away, yaw=pose.yaw - 0.34) for pose in poses]
        if self._city == "skyline" and lead.role.medium == "land":
            return [replace(pose, z=pose.z + 0.35, horizon=max(pose.horizon, 0.40)) for pose in poses]
        return poses

    def _floor(self, mark: Mark) -> staging.Ground:
        if mark.kind == "ship":
            return lambda x, y: _DECK_M
        return self._ground if mark.role.medium == "land" else lambda x, y: 0.0

    def _scenery(self, palette: Palette) -> Scenery:
        dark = {"night": 1.0, "sunset": 0.35, "sunrise": 0.2}.get(self._shot.time, 0.0)
        return Scenery(self._shot, self._ground, palette, self._seed, dark)

    def shown(self, palette: Palette) -> Shown:
        """Their paints are added to `palette`."""
        scenery = self._scenery(palette)
        found: list[Actor] = []
        glows: tuple[Glow, ...] = ()
        for mark in self._marks:
            if mark.kind == "flower":
                found += streetware.stall(palette, self._seed, mark.x, mark.y, mark.z)
                continue
            if mark.kind == "train":
                found += streetware.tram(palette, self._seed, mark.y, mark.speed, 0.25 + 1.2 * scenery.dark)
                continue
            actors, lights = cast.players((mark,), replace(scenery, ground=self._floor(mark)))
            found += [_Lowered(actor) for actor in actors] if mark.kind == "ship" else actors
            if mark is self._marks[0] and mark.role.medium == "land":
                found.append(_Key(mark, 0.75 if self._shot.time == "night" else 1.0))
            glows += lights
        if (
            self._said("football", "soccer", "ball")
            and self._marks
            and self._marks[0].kind in ("people", "crowd", "dog")
        ):
            found.append(streetware.ball(palette, self._marks[0]))
        if any(mark.z == _ROOF_M for mark in self._marks):
            found.append(_terrace(palette))
        return Shown([*found, *(self._passers(palette) if self._crowded else [])], glows)

    def _passers(self, palette: Palette) -> list[Actor]:
        found: list[Actor] = []
        inner, outer = (HALF_M + 0.9, HALF_M + WALK_M - 0.5) if self._city == "street" else (1.5, 3.9)
        leads = [mark for mark in self._marks if mark.role.medium == "land"]
        for side, count in ((1, _PASSERS // 2), (-1, _PASSERS // 2)):
            # Nobody else where the subject is.
            near = 24.0 if any(mark.x * side > 3.0 or self._city == "old" for mark in leads) else 7.0
            area = (min(side * inner, side * outer), near, max(side * inner, side * outer), 90.0)
            found += bodies.crowd(
                count, seed=self._seed + side, palette=palette, area=area, motion="walk", ground=self._ground, looks=8
            )
        return found


@dataclass(frozen=True, slots=True)
class _Lowered:
    """An actor that was cast for water at 0, on a river."""

    actor: Actor
    still: bool = False

    @property
    def mesh(self) -> mesh.Mesh:
        return self.actor.mesh

    def pose(self, seconds: float) -> np.ndarray:
        made = np.array(self.actor.pose(seconds), np.float32)
        made[:, 2, 3] += np.float32(_DECK_M)
        return made

    def bulbs(self, seconds: float) -> np.ndarray:
        return self.actor.bulbs(seconds)


@dataclass(frozen=True, slots=True)
class _Key:
    """A soft light from the camera's side that goes along with a subject: nobody is lost in a street's shade."""

    mark: Mark
    power: float
    still: bool = False

    @property
    def mesh(self) -> mesh.Mesh:
        return _SPECK

    def _place(self, seconds: float) -> tuple[float, float, float]:
        x, y, z = self.mark.at(seconds)
        size = self.mark.role.size_m
        return x + 0.45 * size, y - 1.1 * size, z + self.mark.role.tall_m + 0.55 * size

    def pose(self, seconds: float) -> np.ndarray:
        # What shines is not seen itself.
        return placed(rotation(), *self.mark.at(seconds)[:2], -50.0)[None]

    def bulbs(self, seconds: float) -> np.ndarray:
        tone = np.array([0.95, 0.88, 0.78]) * self.power
        return np.array([[*self._place(seconds), *tone, 0.95 * max(self.mark.role.size_m, 1.2)]], np.float32)


_SPECK = mesh.mesh(np.array([[0.0, 0.0, 0.0], [0.01, 0.0, 0.0], [0.0, 0.01, 0.0]]), [[0, 1, 2]])


def _terrace(palette: Palette) -> Actor:
    """A roof with a parapet, under whoever looks out over the city."""
    slab = palette.add(paint("8b857c", pattern=TILES, numbers=(1.2, 1.2, 0.35, 5), gloss=0.1))
    wall = palette.add(paint("a39a8c", pattern=STREAKS, numbers=(2.0, 0.12, 3)))
    rail = palette.add(paint("3a3d42", gloss=0.5))
    parts = [
        mesh.box(30.0, 15.5, 1.0).moved(0, -2.2, -1.0).painted(slab),
        mesh.box(29.4, 15.0, 40.0).moved(0, -2.2, -41.0).painted(wall),
    ]
    parts.append(mesh.box(30.0, 0.35, 0.55).moved(0, 5.4, 0.0).painted(wall))
    parts += [mesh.tube([[-14.8, 5.4, z], [14.8, 5.4, z]], 0.025, 6).painted(rail) for z in (0.8, 1.02)]
    parts += [mesh.tube([[x, 5.4, 0.5], [x, 5.4, 1.02]], 0.02, 5).painted(rail) for x in np.arange(-14.5, 15.0, 1.45)]
    return Prop(joined(parts), placed(rotation(), 0.0, 0.0, _ROOF_M))
