"""Who walks in a city: passers-by on its pavements, and the subject that a shot is about."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from seedbed.engines.previz import bodies, cast
from seedbed.engines.previz.camera import Pose
from seedbed.engines.previz.cast import staging
from seedbed.engines.previz.cast.scenery import Scenery
from seedbed.engines.previz.city.kit import HALF_M, KERB_M
from seedbed.engines.previz.city.plan import WALK_M, kind_of
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.shapes import Actor, Palette

LEADS = frozenset({"people", "robot", "dog", "cat", "crowd"})
"""Subjects that a city can be seen around; cars are its own."""
_PASSERS = 26


class Townsfolk:
    """`actors` are all of them; `poses` frames the one who leads, if there is one."""

    def __init__(self, shot: Shot, seed: int) -> None:
        self._shot, self._seed = shot, seed
        walks = kind_of(shot) != "skyline"
        self._kerb = KERB_M if kind_of(shot) == "street" else 0.0
        kinds = [kind for kind in shot.subjects if kind in LEADS and kind not in shot.without] if walks else []
        self._mark = _mark(kinds[0], self._kerb) if kinds else None
        self._crowded = walks and "people" not in shot.without

    def _ground(self, x: float, y: float) -> float:
        return self._kerb if abs(x) > HALF_M else 0.0

    def poses(self, *, frames: int, fps: int, ratio: float, fixed: bool, tempo: float) -> list[Pose] | None:
        """The camera about who leads, one pose for each frame; None where the city itself is what is seen."""
        if self._mark is None:
            return None
        return staging.framed(
            self._shot, self._mark, self._ground, frames=frames, fps=fps, ratio=ratio, fixed=fixed, seed=self._seed,
            tempo=tempo,
        )  # fmt: skip

    def actors(self, palette: Palette) -> Sequence[Actor]:
        """Their paints are added to `palette`."""
        found: list[Actor] = []
        if self._mark is not None:
            scenery = Scenery(self._shot, self._ground, palette, self._seed, 0.0)
            found += cast.players((self._mark,), scenery)[0]
        if self._crowded:
            for side, count in ((1, _PASSERS // 2), (-1, _PASSERS // 2)):
                inner, outer = HALF_M + 0.9, HALF_M + WALK_M - 0.5
                area = (min(side * inner, side * outer), 7.0, max(side * inner, side * outer), 90.0)
                found += bodies.crowd(
                    count,
                    seed=self._seed + side,
                    palette=palette,
                    area=area,
                    motion="walk",
                    ground=self._ground,
                    looks=8,
                )
        return found


def _mark(kind: str, z: float) -> staging.Mark:
    """On the pavement to the right, coming nearer; who is no walker stands."""
    role = replace(staging.ROLES[kind], heading=math.pi - 0.12)
    return staging.Mark(kind, role, HALF_M + 1.6, 17.0, z, role.heading, role.speed)
