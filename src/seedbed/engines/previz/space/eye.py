"""Where the camera is among the stars: a path in three dimensions, in radii of the shot's main body."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.camera import Pose
from seedbed.engines.previz.script import Shot

Vector = NDArray[np.float64]
Floats = NDArray[np.float32]

FOCAL = 1.12
"""Focal length in units of the square root of the frame's area."""
_PACE = {"slow": 0.55, "normal": 1.0, "fast": 1.8}
_TEMPO = {"slow_motion": 0.5, "real": 1.0, "time_lapse": 2.0, "hyperlapse": 3.0}


@dataclass(frozen=True, slots=True)
class Eye:
    """`place` (3), and the frame's unit vectors `right`, `up` and `ahead`; `focal` as in `FOCAL`."""

    place: Vector
    right: Vector
    up: Vector
    ahead: Vector
    focal: float

    def packed(self, size: float) -> Floats:
        """(5, 3) for kernels: place, right, up, ahead, and the focal length in pixels."""
        rows = [self.place, self.right, self.up, self.ahead, [self.focal * size, 0.0, 0.0]]
        return np.array(rows, dtype=np.float32)


def unit(vector: Vector) -> Vector:
    """`vector` at length one."""
    value: Vector = vector / np.linalg.norm(vector)
    return value


def turn(vector: Vector, axis: Vector, angle: float) -> Vector:
    """`vector` turned about the unit vector `axis`."""
    cos, sin = math.cos(angle), math.sin(angle)
    value: Vector = vector * cos + np.cross(axis, vector) * sin + axis * (axis @ vector) * (1.0 - cos)
    return value


def facing(place: Vector, target: Vector, focal: float = FOCAL, roll: float = 0.0) -> Eye:
    """An eye at `place` that looks at `target`, north up but for `roll`."""
    ahead = unit(target - place)
    right = unit(np.cross(ahead, np.array([0.0, 0.0, 1.0])))
    up = np.cross(right, ahead)
    return Eye(place, turn(right, ahead, roll), turn(up, ahead, roll), ahead, focal)


def asked(eyes: list[Eye]) -> list[Pose]:
    """`eyes` as poses that a reference can lead: `x` is the number of the eye, the rest how it is turned from there."""
    return [Pose(float(number), 0.0, 0.0, 0.0, 0.5, eye.focal, 0.0) for number, eye in enumerate(eyes)]


def led(eye: Eye, pose: Pose, ratio: float) -> Eye:
    """`eye` turned, tilted, rolled and zoomed as `pose` is against one that looks straight ahead with its horizon in
    the middle. `ratio` is the frame's width by its height."""
    right, up, ahead = eye.right, eye.up, eye.ahead
    right, ahead = turn(right, up, -pose.yaw), turn(ahead, up, -pose.yaw)
    tilt = math.atan((pose.horizon - 0.5) / math.sqrt(ratio) / pose.focal)
    up, ahead = turn(up, right, tilt), turn(ahead, right, tilt)
    lean = -math.atan(pose.roll)
    return Eye(eye.place, turn(right, ahead, lean), turn(up, ahead, lean), ahead, pose.focal)


def path(shot: Shot, begin: Eye, target: Vector, *, frames: int, fps: int, fixed: bool, low: bool = False) -> list[Eye]:
    """One eye for each of `frames` frames, moving about `target`, or `low` over the body at the origin. A fixed
    lens keeps `begin` throughout."""
    if fixed or (shot.move == "static" and not shot.handheld):
        return [begin] * frames
    speed = _PACE[shot.pace] * _TEMPO.get(shot.tempo, 1.0)
    if low and shot.move in _ROUND:
        return [_round(begin, -0.016 * shot.sense * speed * frame / fps) for frame in range(frames)]
    return [_moved(shot, begin, target, speed, frame / fps, frames / fps) for frame in range(frames)]


_ROUND = frozenset({"flight", "orbit", "tracking", "first_person", "dolly"})


def _round(eye: Eye, angle: float) -> Eye:
    """`eye` carried round the origin, towards where it looks."""
    axis = eye.right
    return Eye(turn(eye.place, axis, angle), axis, turn(eye.up, axis, angle), turn(eye.ahead, axis, angle), eye.focal)


def _moved(shot: Shot, begin: Eye, target: Vector, speed: float, t: float, duration_s: float) -> Eye:
    sense = float(shot.sense)
    gone = speed * t
    # Turns go as far to one side of the subject as to the other.
    swing = sense * speed * (t - duration_s / 2)
    reach = float(np.linalg.norm(target - begin.place))
    place, right, up, ahead, focal = begin.place, begin.right, begin.up, begin.ahead, begin.focal
    move = shot.move
    if move == "orbit":
        axis = up
        place = target + turn(place - target, axis, swing * 0.075)
        right, ahead = turn(right, axis, swing * 0.075), turn(ahead, axis, swing * 0.075)
    elif move == "truck":
        place = place + right * reach * 0.045 * swing
    elif move == "crane":
        place = place + up * reach * 0.045 * swing
    elif move == "pan":
        right, ahead = turn(right, up, -swing * 0.030), turn(ahead, up, -swing * 0.030)
    elif move == "tilt":
        up, ahead = turn(up, right, swing * 0.026), turn(ahead, right, swing * 0.026)
    elif move == "zoom":
        focal = focal * math.exp(sense * 0.055 * gone)
    elif move in ("dolly", "tracking", "first_person"):
        place = target + (place - target) * math.exp(-sense * 0.040 * gone)
    elif move != "static":
        place = target + turn(place - target, up, swing * 0.025) * math.exp(-sense * 0.022 * gone)
        right, ahead = turn(right, up, swing * 0.025), turn(ahead, up, swing * 0.025)
    if shot.handheld or move in ("handheld", "first_person"):
        side = 0.0035 * (math.sin(2.1 * t) + 0.6 * math.sin(5.3 * t + 1.0) + 0.3 * math.sin(11.0 * t + 2.0))
        rise = 0.0030 * (math.sin(2.6 * t + 0.5) + 0.5 * math.sin(6.1 * t) + 0.3 * math.sin(12.7 * t))
        right, ahead = turn(right, up, side), turn(ahead, up, side)
        up, ahead = turn(up, right, rise), turn(ahead, right, rise)
    return Eye(place, right, up, ahead, focal)
