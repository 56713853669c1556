"""A place that is built of solid things alone: a `Take` of actors in an air of their own, without land.

What lies behind them is painted first, what hangs in the air between last, each by the place itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.camera import Pose
from seedbed.engines.previz.frame import Check, Frame, blank
from seedbed.engines.previz.shapes import Actor, Air, Troupe
from seedbed.engines.previz.stage import View

Floats = NDArray[np.float32]
Box = tuple[Floats, Floats]
Painter = Callable[[Frame, Check], None]


def view_of(pose: Pose, width: int, height: int, seconds: float) -> View:
    """The camera of a frame of `width` × `height` pixels."""
    size = math.sqrt(width * height)
    return View(
        pose.x, pose.y, pose.z, pose.yaw, pose.horizon * height, pose.roll, pose.focal * size, seconds, pose.yaw
    )


class Set:
    """All frames of a built place. `draw` is pure and may be called from any thread."""

    def __init__(
        self, poses: Sequence[Pose], actors: Sequence[Actor], paints: Floats, air: Air, *, width: int, height: int,
        fps: int, tempo: float, behind: Painter, between: Painter, shadows: bool = True, level: float = 0.0,
        gloss: float = 0.0, focus: Box | None = None,
    ) -> None:  # fmt: skip
        """`gloss` 0 … 1 is how much the floor at the height `level` mirrors; `focus` gets finer shadows."""
        self.width, self.height, self._fps, self._tempo = width, height, fps, tempo
        self.poses = poses
        self._behind, self._between = behind, between
        self._level, self._gloss = level, gloss
        self._troupe = Troupe(actors, paints, air, shadows=shadows, focus=focus)

    def frame(self, number: int, check: Check) -> Frame:
        """Frame `number` in linear light."""
        seconds = number / self._fps * self._tempo
        frame = blank(self.width, self.height, view_of(self.poses[number], self.width, self.height, seconds))
        self._behind(frame, check)
        self._troupe.draw(frame, seconds, check, level=self._level, wet=self._gloss, polish=1.0)
        self._between(frame, check)
        return frame

    def light(self, number: int, check: Check) -> Floats:
        """As `frame`, its light alone: (3, rows, stride), of which the first `width` columns count."""
        return self.frame(number, check).light
