"""From a `Shot` to where the camera is in every frame.

Owns the path: position in metres, heading, horizon height, roll and focal length, all smooth in time. The lens
is shifted rather than pitched, as an architect's is, so that verticals stay vertical and every image column
is one vertical plane of the world. A fixed lens is one pose for the whole shot.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from seedbed.engines.previz.script import Shot

Ground = Callable[[float, float], float]
"""Height of the land in metres at (x, y)."""
Line = Callable[[float], float]
"""The x of the river (or the shore) at y, in metres."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Metres; `yaw` in radians from +y towards +x; `horizon` as a share of the frame's height from the top;
    `focal` in units of the square root of the frame's area; `roll` in radians."""

    x: float
    y: float
    z: float
    yaw: float
    horizon: float
    focal: float
    roll: float


_SPEED_M_S = {"slow": 8.0, "normal": 15.0, "fast": 26.0}


def path(shot: Shot, line: Line, ground: Ground, *, frames: int, fps: int, fixed: bool) -> list[Pose]:
    """One pose for each of `frames` frames. `fixed` holds the first pose throughout."""
    move = "static" if fixed else shot.move
    duration_s = frames / fps
    draw = _MOVES[move if move in _MOVES else "flight"]
    floor = _floor(shot, line, ground, duration_s)
    poses = []
    for frame in range(frames):
        t = 0.0 if move == "static" else frame / fps
        poses.append(draw(shot, line, floor, t, duration_s))
    return poses


def _floor(shot: Shot, line: Line, ground: Ground, duration_s: float) -> float:
    """Least camera height that clears all land near the path, in metres."""
    reach = _SPEED_M_S[shot.pace] * duration_s
    top = 0.0
    for step in range(24):
        y = -10.0 + (reach + 120.0) * step / 23
        for side in (-25.0, 0.0, 25.0):
            top = max(top, ground(line(y) + side, y))
    return top


def _height(shot: Shot, floor: float) -> float:
    return max(104.0, floor + 56.0) if shot.aerial else max(11.0, floor + 9.0)


def _ease(t: float) -> float:
    t = min(max(t, 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


def _heading(line: Line, y: float) -> tuple[float, float]:
    """Where a camera that follows the line from y stands, and where it looks: both without the line's jitter."""
    x = sum(line(y + ahead) for ahead in (-60.0, 0.0, 60.0, 120.0, 180.0)) / 5
    far = sum(line(y + ahead) for ahead in (240.0, 320.0, 400.0)) / 3
    return x, math.atan2(far - x, 340.0) * 0.8


def _flight(shot: Shot, line: Line, floor: float, t: float, duration_s: float) -> Pose:
    y = _SPEED_M_S[shot.pace] * t
    x, yaw = _heading(line, y)
    _, later = _heading(line, y + 40.0)
    sway = math.sin(t * 0.5) * 0.012
    height = _height(shot, floor)
    z = height * (1.0 + 0.10 * _ease(t / max(duration_s, 5.0)))
    horizon = (0.215 if shot.aerial else 0.40) + 0.012 * math.sin(t * 0.37)
    return Pose(x, y, z, yaw + sway, horizon, 1.12, (later - yaw) * 0.25 + sway * 0.6)


def _dolly(shot: Shot, line: Line, floor: float, t: float, duration_s: float) -> Pose:
    pose = _flight(shot, line, floor, t * 0.6, duration_s)
    return Pose(pose.x, pose.y, pose.z, pose.yaw, pose.horizon, pose.focal * (1 + 0.015 * t), 0.0)


def _static(shot: Shot, line: Line, floor: float, t: float, duration_s: float) -> Pose:
    x, yaw = _heading(line, 0.0)
    return Pose(x, 0.0, _height(shot, floor), yaw, 0.2 if shot.aerial else 0.4, 1.12, 0.0)


def _pan(shot: Shot, line: Line, floor: float, t: float, duration_s: float) -> Pose:
    still = _static(shot, line, floor, t, duration_s)
    turn = (_ease(t / duration_s) - 0.5) * 0.055 * min(duration_s, 10.0)
    return Pose(still.x, still.y, still.z, still.yaw + turn, still.horizon, still.focal, 0.0)


def _tilt(shot: Shot, line: Line, floor: float, t: float, duration_s: float) -> Pose:
    still = _static(shot, line, floor, t, duration_s)
    horizon = still.horizon - 0.10 + 0.28 * _ease(t / duration_s)
    return Pose(still.x, still.y, still.z, still.yaw, horizon, still.focal, 0.0)


def _zoom(shot: Shot, line: Line, floor: float, t: float, duration_s: float) -> Pose:
    still = _static(shot, line, floor, t, duration_s)
    focal = still.focal * (1.0 + 0.45 * _ease(t / duration_s))
    return Pose(still.x, still.y, still.z, still.yaw, still.horizon + 0.05 * _ease(t / duration_s), focal, 0.0)


def _orbit(shot: Shot, line: Line, floor: float, t: float, duration_s: float) -> Pose:
    still = _static(shot, line, floor, t, duration_s)
    radius, centre = 230.0, 230.0
    angle = (t / duration_s - 0.5) * 0.06 * min(duration_s, 10.0)
    x = line(centre) - radius * math.sin(angle + still.yaw)
    y = centre - radius * math.cos(angle + still.yaw)
    return Pose(x, y, still.z * 1.15, still.yaw + angle, still.horizon, still.focal, 0.0)


_MOVES: dict[str, Callable[[Shot, Line, float, float, float], Pose]] = {
    "flight": _flight,
    "dolly": _dolly,
    "static": _static,
    "pan": _pan,
    "tilt": _tilt,
    "zoom": _zoom,
    "orbit": _orbit,
}
