"""From a `Shot` to where the camera is in every frame.

Owns the path: position in metres, heading, horizon height, roll and focal length, all smooth in time. The lens
is shifted rather than pitched, as an architect's is, so that verticals stay vertical and every image column
is one vertical plane of the world. A fixed lens is one pose for the whole shot.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from seedbed.engines.previz.noise import gradient
from seedbed.engines.previz.script import Shot

Ground = Callable[[float, float], float]
"""Height of the land in metres at (x, y)."""
Line = Callable[[float], float]
"""The x of the river (or the shore) at y, in metres."""


Steer = Callable[["list[Pose]"], "list[Pose]"]
"""Changes the path that a shot's words ask for into the one that its references ask for."""


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
_REACH = {"slow": 0.6, "normal": 1.0, "fast": 1.6}
"""How far turns, tilts, zooms and lifts go, by pace."""
_CALM_S = 10.0
"""Turns grow with the length of a shot up to this many seconds."""


SKYWARD = frozenset({"aurora", "stars", "moon", "rainbow", "lightning", "meteor", "sun", "clouds"})
"""Subjects that are seen above: the frame is given to the sky."""


@dataclass(frozen=True, slots=True)
class _Way:
    """What a move is made of: the shot, the line it follows, the height that clears the land, the shot's length."""

    shot: Shot
    line: Line
    floor: float
    duration_s: float

    @property
    def height(self) -> float:
        return max(104.0, self.floor + 56.0) if self.shot.aerial else max(11.0, self.floor + 9.0)

    @property
    def horizon(self) -> float:
        lofty = _LOFTY.get(self.shot.setting, 0.0)
        if self.skyward:
            # Over water the sky is seen twice.
            return (0.50 if self.shot.water == "lake" else 0.66) + 0.3 * lofty
        return 0.215 + lofty if self.shot.aerial else 0.4 + 0.4 * lofty

    @property
    def skyward(self) -> bool:
        return bool(SKYWARD & set(self.shot.subjects))

    @property
    def focal(self) -> float:
        """A wide lens takes in the sky, and what lies under it."""
        return 0.88 if self.skyward else 1.12

    @property
    def speed(self) -> float:
        return _SPEED_M_S[self.shot.pace] * self.shot.sense

    @property
    def reach(self) -> float:
        return _REACH[self.shot.pace] * self.shot.sense

    def eased(self, t: float) -> float:
        return ease(t / self.duration_s)


def path(shot: Shot, line: Line, ground: Ground, *, frames: int, fps: int, fixed: bool, seed: int = 0) -> list[Pose]:
    """One pose for each of `frames` frames. `fixed` holds the first pose throughout."""
    duration_s = frames / fps
    way = _Way(shot, line, _floor(shot, line, ground, duration_s), duration_s)
    draw = _MOVES["static" if fixed else shot.move]
    poses = [draw(way, frame / fps) for frame in range(frames)]
    if shot.handheld and not fixed:
        poses = [shaken(pose, frame / fps, seed) for frame, pose in enumerate(poses)]
    return reframed(poses, shot)


def reframed(poses: list[Pose], shot: Shot) -> list[Pose]:
    """The poses with the lens and the heading of a shot that is nearer, or more aside, than usual."""
    if shot.near == 1.0 and not shot.aside:
        return poses
    return [replace(pose, focal=pose.focal * shot.near**0.8, yaw=pose.yaw + 0.5 * shot.aside) for pose in poses]


def shaken(pose: Pose, t: float, seed: int, by: float = 1.0) -> Pose:
    """The pose in a hand at the time `t` in seconds: it breathes, sways and shakes a little."""
    sway = [gradient(t * rate, 0.37 + 9.1 * number, seed & 0xFFFF) * by for number, rate in enumerate(_SHAKES)]
    return replace(
        pose, yaw=pose.yaw + 0.011 * sway[0] + 0.005 * sway[1],
        horizon=pose.horizon + 0.016 * sway[2] + 0.007 * sway[3],
        roll=pose.roll + 0.010 * sway[4] + 0.004 * sway[5],
    )  # fmt: skip


_SHAKES = (0.9, 3.1, 1.1, 3.7, 0.7, 2.9)


def _floor(shot: Shot, line: Line, ground: Ground, duration_s: float) -> float:
    """Least camera height that clears all land near the path, in metres."""
    reach = _SPEED_M_S[shot.pace] * duration_s
    begin, end = (-10.0, reach + 110.0) if shot.sense > 0 else (-10.0 - reach, 110.0)
    top, wide = 0.0, 25.0 if shot.aerial else 10.0
    for step in range(24):
        y = begin + (end - begin) * step / 23
        for side in (-wide, 0.0, wide):
            top = max(top, ground(line(y) + side, y))
    return top


_LOFTY = {"mountain": 0.16, "volcano": 0.42, "canyon": 0.15, "ocean": 0.10}
"""How much further down the frame the horizon lies where there is more to see above it."""


def ease(t: float) -> float:
    t = min(max(t, 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


def _heading(line: Line, y: float) -> tuple[float, float]:
    """Where a camera that follows the line from y stands, and where it looks: both without the line's jitter."""
    x = sum(line(y + ahead) for ahead in (-60.0, 0.0, 60.0, 120.0, 180.0)) / 5
    far = sum(line(y + ahead) for ahead in (240.0, 320.0, 400.0)) / 3
    return x, math.atan2(far - x, 340.0) * 0.8


def _still(way: _Way) -> Pose:
    x, yaw = _heading(way.line, 0.0)
    return Pose(x, 0.0, way.height, yaw, way.horizon, way.focal, 0.0)


def _flight(way: _Way, t: float) -> Pose:
    y = way.speed * t
    x, yaw = _heading(way.line, y)
    _, later = _heading(way.line, y + 40.0)
    sway = math.sin(t * 0.5) * 0.012
    z = way.height * (1.0 + 0.10 * ease(t / max(way.duration_s, 5.0)))
    horizon = way.horizon + 0.012 * math.sin(t * 0.37)
    return Pose(x, y, z, yaw + sway, horizon, way.focal, (later - yaw) * 0.25 + sway * 0.6)


def _dolly(way: _Way, t: float) -> Pose:
    y = 0.6 * way.speed * t
    x, yaw = _heading(way.line, y)
    return Pose(x, y, way.height, yaw, way.horizon, way.focal, 0.0)


def _tracking(way: _Way, t: float) -> Pose:
    """Along with something that moves: lower and faster than a dolly, a shoulder's width off the line."""
    y = 1.1 * way.speed * t
    x, yaw = _heading(way.line, y)
    return Pose(x + 5.0, y, way.height * 0.8, yaw - 0.03, way.horizon + 0.03, 1.05, 0.01 * math.sin(t * 0.9))


def _first_person(way: _Way, t: float) -> Pose:
    """The eyes of someone who walks: steps rock the view, a wide lens."""
    stride = {"slow": 1.5, "normal": 1.9, "fast": 2.9}[way.shot.pace]
    y = 0.22 * way.speed * t
    x, yaw = _heading(way.line, y)
    step = 2.0 * math.pi * stride * t
    z = max(way.height * 0.42, 4.2) + 0.05 * math.sin(step)
    look = 0.03 * math.sin(t * 0.7) + 0.006 * math.sin(step * 0.5)
    return Pose(x, y, z, yaw + look, way.horizon + 0.010 * math.sin(step + 0.6), 0.88, 0.007 * math.sin(step * 0.5))


def _static(way: _Way, t: float) -> Pose:
    return _still(way)


def _pan(way: _Way, t: float) -> Pose:
    still = _still(way)
    turn = (way.eased(t) - 0.5) * 0.075 * min(way.duration_s, _CALM_S) * way.reach
    return replace(still, yaw=still.yaw + turn)


def _tilt(way: _Way, t: float) -> Pose:
    still = _still(way)
    # Looking up, the horizon sinks in the frame.
    turn = (way.eased(t) if way.shot.sense > 0 else 1.0 - way.eased(t)) * abs(way.reach)
    return replace(still, horizon=still.horizon - 0.10 + 0.34 * turn)


def _zoom(way: _Way, t: float) -> Pose:
    still = _still(way)
    closer = (way.eased(t) if way.shot.sense > 0 else 1.0 - way.eased(t)) * abs(way.reach)
    return replace(still, focal=still.focal * (1.0 + 0.6 * closer), horizon=still.horizon + 0.05 * closer)


def _truck(way: _Way, t: float) -> Pose:
    still = _still(way)
    # From high above, steps must be longer to be seen.
    off = (t - 0.5 * way.duration_s) * 0.45 * way.speed * max(still.z / 40.0, 1.0)
    return replace(still, x=still.x + off * math.cos(still.yaw), y=still.y - off * math.sin(still.yaw))


def _crane(way: _Way, t: float) -> Pose:
    still = _still(way)
    up = way.eased(t) if way.shot.sense > 0 else 1.0 - way.eased(t)
    lift = (0.9 if way.shot.aerial else 3.2) * abs(way.reach) * min(way.duration_s, _CALM_S) / 6.0
    # The lens sinks as the arm rises, to keep the place in sight.
    return replace(still, z=still.z * (1.0 + lift * up), horizon=max(still.horizon - 0.13 * up, 0.12))


def _orbit(way: _Way, t: float) -> Pose:
    still = _still(way)
    radius, centre = 230.0, 230.0
    angle = (t / way.duration_s - 0.5) * 0.09 * min(way.duration_s, _CALM_S) * way.reach
    x = way.line(centre) - radius * math.sin(angle + still.yaw)
    y = centre - radius * math.cos(angle + still.yaw)
    return Pose(x, y, still.z * 1.15, still.yaw + angle, still.horizon, still.focal, 0.0)


_MOVES: dict[str, Callable[[_Way, float], Pose]] = {
    "flight": _flight, "dolly": _dolly, "tracking": _tracking, "first_person": _first_person, "static": _static,
    "handheld": _static, "pan": _pan, "tilt": _tilt, "zoom": _zoom, "truck": _truck, "crane": _crane, "orbit": _orbit,
}  # fmt: skip
