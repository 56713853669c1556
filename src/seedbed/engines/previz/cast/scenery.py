"""What actors are told of their place, and things that go on their ways as one piece."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.cast.staging import Ground, Mark
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.shapes import NO_BULBS, Palette, Prop
from seedbed.engines.previz.shapes.mesh import Mesh, placed, rotation

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scenery:
    """What actors are told of their place: the shot, the ground's height at (x, y) in metres, the paints, the seed,
    and how dark it is, 0 … 1."""

    shot: Shot
    ground: Ground
    palette: Palette
    seed: int
    dark: float

    @property
    def words(self) -> frozenset[str]:
        """All words of the shot, known or not."""
        return frozenset(" ".join((*self.shot.known, *self.shot.unknown)).split())

    def any_of(self, *words: str) -> bool:
        """Whether one of `words` (beginnings of words) was said."""
        return any(said.startswith(word) for said in self.words for word in words)

    @property
    def snowy(self) -> bool:
        return self.shot.season == "winter" or self.shot.weather == "snow"


@dataclass(frozen=True, slots=True)
class Traveller:
    """A rigid thing on its way: `where` gives x, y, z, yaw, pitch and roll at a time in seconds."""

    mesh: Mesh
    where: Callable[[float], tuple[float, float, float, float, float, float]]
    lights: Floats = field(default_factory=lambda: NO_BULBS)
    still: bool = False

    def pose(self, seconds: float) -> Floats:
        x, y, z, yaw, pitch, roll = self.where(seconds)
        return placed(rotation(yaw=yaw, pitch=pitch, roll=roll), x, y, z)[None]

    def bulbs(self, seconds: float) -> Floats:
        if not len(self.lights):
            return self.lights
        lit = self.lights.copy()
        pose = self.pose(seconds)[0]
        lit[:, :3] = self.lights[:, :3] @ pose[:, :3].T + pose[:, 3]
        return lit


def stood(form: Mesh, mark: Mark, z: float | None = None) -> Prop:
    """Still, at its mark."""
    where = placed(rotation(yaw=mark.heading), mark.x, mark.y, mark.z if z is None else z)
    return Prop(form, where)
