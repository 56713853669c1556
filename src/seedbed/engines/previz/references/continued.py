"""A film that goes on where a clip ends: "continue from the supplied previous clip".

The first frame is the clip's last. The camera keeps the speed that it had at the clip's end and loses it while the
move that the prompt asks for takes over; depth, water, leaves and flames come alive as in any picture.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedbed.engines import FPS
from seedbed.engines.previz.grade import Planes
from seedbed.engines.previz.references.clip import Check, last_picture
from seedbed.engines.previz.references.follow import picture_poses
from seedbed.engines.previz.references.motion import CameraPath, speed_at_end, track
from seedbed.engines.previz.stills import parallax
from seedbed.engines.previz.stills.direction import Direction
from seedbed.engines.previz.stills.still import Still

Floats = NDArray[np.float32]

_GLIDE_S, _HALT_S = 1.4, 0.45
"""How long the clip's speed takes to fade: under another move, and where the camera is to stand."""


class Continued:
    """All frames of what follows a clip. `draw` is pure and may be called from any thread."""

    def __init__(
        self, path: Path, way: Direction, *, width: int, height: int, frames: int, seed: int, fixed: bool,
        check: Check,
    ) -> None:  # fmt: skip
        speed = (0.0, 0.0, 0.0, 0.0) if fixed else end_speed(path, check)
        self._speed = speed
        poses = None if fixed else carried_on(speed, way, width=width, height=height, frames=frames)
        self._still = Still(
            last_picture(path, check), way, width=width, height=height, frames=frames, fps=FPS, seed=seed, poses=poses
        )

    def plan(self) -> dict[str, Any]:
        """What was found, for people to read: the speed at the clip's end, a second."""
        names = ("pan", "tilt", "zoom", "roll")
        return self._still.plan() | {
            "continues": {name: round(value, 3) for name, value in zip(names, self._speed, strict=True)}
        }

    def draw(self, number: int, check: Check) -> Planes:
        """Frame `number` as the three planes of 4:2:0 BT.709. `check` is called often and may raise to stop."""
        return self._still.draw(number, check)


def end_speed(path: Path, check: Check) -> tuple[float, float, float, float]:
    """How fast the camera of a clip pans (frame widths and heights of its last frame), zooms (logarithm) and rolls
    (radians) at its end, each a second."""
    times, rows, ratio = track(path, None, check)
    pan_x, pan_y, zoom, roll = speed_at_end(times, rows)
    # Pans were measured in the first frame; the last is seen through another lens, and may be turned.
    seen = np.exp(rows[2, -1] + 1j * rows[3, -1]) * (pan_x * ratio + 1j * pan_y)
    return float(seen.real / ratio), float(seen.imag), zoom, roll


def carried_on(
    speed: tuple[float, float, float, float], way: Direction, *, width: int, height: int, frames: int
) -> Floats:
    """(frames, 8): poses in the last picture that begin at `speed` and end in the prompt's move."""
    glide_s = _HALT_S if way.move == "static" else _GLIDE_S
    seconds = np.arange(frames) / FPS
    gone = glide_s * (1.0 - np.exp(-seconds / glide_s))
    rows = [rate * gone for rate in speed]
    poses = picture_poses(CameraPath.of(rows, ratio=width / height, seen=1), width=width, height=height, frames=frames)
    for number in range(frames):
        # The prompt's own move starts from rest, later than it would, so that the two never add up to a jolt.
        share = number / max(frames - 1, 1)
        soft = 1.0 - math.exp(-((number / FPS / glide_s) ** 2))
        own = parallax.pose(way, share, number / FPS, frames / FPS)
        rest = own - parallax.STILL
        poses[number, parallax.ZOOM] *= 1.0 + rest[parallax.ZOOM] * soft
        rest[parallax.ZOOM] = rest[parallax.PIVOT] = 0.0
        poses[number] += rest * np.float32(soft)
    return poses
