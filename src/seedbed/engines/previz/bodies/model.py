"""A body that moves: its mesh, its motions and how fast each carries it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.bodies.rig import Clip
from seedbed.engines.previz.shapes.mesh import Mesh

Floats = NDArray[np.float32]

LAND, AIR, WATER = "land", "air", "water"


@dataclass(frozen=True)
class Model:
    """`mesh` stands at the origin and looks along +y, metres, true size. `clips` are for a body `scale` times
    smaller. `medium` is where it moves: on LAND it stays upright; in AIR it banks, in AIR and WATER it noses up and
    down with its path."""

    kind: str
    mesh: Mesh
    clips: Mapping[str, Callable[[], Clip]]
    height: float
    scale: float = 1.0
    medium: str = LAND

    @cached_property
    def bones(self) -> int:
        """How many bones the mesh names: what `shapes` counts on."""
        return int(self.mesh.bones.max()) + 1

    @property
    def motions(self) -> tuple[str, ...]:
        """What it can do; the first is what it does unasked."""
        return tuple(self.clips)

    def pose(self, motion: str, seconds: float) -> Floats:
        """(bones, 3, 4) in its own frame, in place."""
        posed = self.clips[motion]().at(seconds)[: self.bones]
        if self.scale != 1.0:
            posed[:, :, 3] *= np.float32(self.scale)
        return posed

    def speed(self, motion: str) -> float:
        """Metres a second at which its feet do not slide; 0 on the spot."""
        return self.clips[motion]().speed * self.scale

    def period(self, motion: str) -> float:
        """Seconds after which a motion repeats."""
        return self.clips[motion]().period
