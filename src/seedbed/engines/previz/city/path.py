"""Where the camera is in a city: the moves that a shot may ask for, at a street's or a skyline's height and pace.

The main street runs along y at x = 0 and is clear of everything but cars, so every path stays over it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from seedbed.engines.previz.camera import Pose, ease, reframed, shaken
from seedbed.engines.previz.script import Shot

_CALM_S = 10.0


@dataclass(frozen=True, slots=True)
class _Way:
    """What a move is made of. `eye` in metres, `speed` in m/s, `aside` how far it may leave the middle."""

    shot: Shot
    duration_s: float
    eye: float
    horizon: float
    speed: float
    aside: float

    @property
    def reach(self) -> float:
        return {"slow": 0.6, "normal": 1.0, "fast": 1.5}[self.shot.pace] * self.shot.sense

    def back(self, t: float) -> float:
        """0 … 1 over the shot, or back."""
        share = ease(t / self.duration_s)
        return share if self.shot.sense > 0 else 1.0 - share

    @property
    def calm(self) -> float:
        return min(self.duration_s, _CALM_S)


def path(shot: Shot, kind: str, *, frames: int, fps: int, fixed: bool, seed: int, tempo: float = 1.0) -> list[Pose]:
    """One pose for each frame. `fixed` holds the first pose throughout."""
    pace = {"slow": 0.55, "normal": 1.0, "fast": 1.8}[shot.pace]
    duration_s = frames / fps
    eye, horizon, speed, aside = {
        "street": (3.4 if shot.move in ("flight", "crane", "orbit") else 1.9, 0.56, 6.0, 1.0),
        "old": (2.4 if shot.move in ("flight", "crane", "orbit") else 1.75, 0.57, 3.0, 1.3),
        "skyline": (118.0, 0.30, 15.0, 60.0),
    }[kind]
    if kind == "street" and shot.aerial and shot.move == "flight":
        eye = 6.0
    way = _Way(shot, duration_s, eye, horizon, speed * pace * tempo**0.25, aside)
    draw = _MOVES["static" if fixed else shot.move]
    poses = [draw(way, frame / fps) for frame in range(frames)]
    if shot.handheld and not fixed:
        poses = [shaken(pose, frame / fps, seed, 0.8) for frame, pose in enumerate(poses)]
    return reframed(poses, replace(shot, aside=0.4 * shot.aside))


def _still(way: _Way) -> Pose:
    return Pose(0.0, 0.0, way.eye, 0.02, way.horizon, 1.12, 0.0)


def _flight(way: _Way, t: float) -> Pose:
    sway = math.sin(t * 0.6)
    z = way.eye * (1.0 + 0.12 * ease(t / max(way.duration_s, 5.0)))
    return Pose(0.3 * way.aside * math.sin(t * 0.35), way.speed * way.shot.sense * t, z, 0.02 + 0.018 * sway,
                way.horizon + 0.008 * math.sin(t * 0.4), 1.12, 0.008 * sway)  # fmt: skip


def _dolly(way: _Way, t: float) -> Pose:
    return replace(_still(way), y=0.55 * way.speed * way.shot.sense * t)


def _tracking(way: _Way, t: float) -> Pose:
    return replace(_still(way), y=1.35 * way.speed * t, z=way.eye * 0.75, focal=1.05, roll=0.006 * math.sin(t))


def _first_person(way: _Way, t: float) -> Pose:
    """Someone who walks; over the roofs, someone who leans on a rail."""
    step = 2.0 * math.pi * 1.9 * t
    eye = way.eye if way.eye > 20 else 1.68
    look = 0.05 * math.sin(t * 0.7) + 0.005 * math.sin(step * 0.5)
    return Pose(0.15 * math.sin(step * 0.5) * 0.3, 0.25 * way.speed * t, eye + 0.035 * math.sin(step), look,
                way.horizon + 0.008 * math.sin(step + 0.6), 0.9, 0.006 * math.sin(step * 0.5))  # fmt: skip


def _static(way: _Way, t: float) -> Pose:
    return _still(way)


def _pan(way: _Way, t: float) -> Pose:
    turn = (way.back(t) - 0.5) * 0.09 * way.calm * abs(way.reach)
    return replace(_still(way), yaw=0.02 + turn)


def _tilt(way: _Way, t: float) -> Pose:
    return replace(_still(way), horizon=way.horizon - 0.02 + 0.34 * way.back(t) * abs(way.reach))


def _zoom(way: _Way, t: float) -> Pose:
    closer = way.back(t) * abs(way.reach)
    return replace(_still(way), focal=1.12 * (1.0 + 0.6 * closer), horizon=way.horizon + 0.03 * closer)


def _truck(way: _Way, t: float) -> Pose:
    off = (2.0 * ease(t / way.duration_s) - 1.0) * way.aside * way.shot.sense
    return replace(_still(way), x=off * (2.6 if way.aside < 20 else 0.7))


def _crane(way: _Way, t: float) -> Pose:
    lift = (0.55 * way.eye if way.eye > 20 else 9.0) * way.back(t) * abs(way.reach) * way.calm / 8.0
    return replace(_still(way), z=way.eye + lift, horizon=way.horizon - 0.10 * way.back(t))


def _orbit(way: _Way, t: float) -> Pose:
    """About a point down the street: as wide an arc as the street allows."""
    far = 300.0 if way.aside > 20 else 30.0
    angle = (t / way.duration_s - 0.5) * 0.10 * way.calm * way.reach
    angle = max(min(angle, way.aside * 2.2 / far), -way.aside * 2.2 / far)
    return replace(_still(way), x=-far * math.sin(angle), y=far * (1 - math.cos(angle)), yaw=0.02 + angle)


_MOVES: dict[str, Callable[[_Way, float], Pose]] = {
    "flight": _flight, "dolly": _dolly, "tracking": _tracking, "first_person": _first_person, "static": _static,
    "handheld": _static, "pan": _pan, "tilt": _tilt, "zoom": _zoom, "truck": _truck, "crane": _crane, "orbit": _orbit,
}  # fmt: skip
