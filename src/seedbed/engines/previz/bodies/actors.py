"""Models on their ways through the world: one along a path, and flocks, schools and crowds of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.bodies.model import AIR, LAND, Model
from seedbed.engines.previz.shapes.mesh import Mesh, placed, rotation
from seedbed.engines.previz.shapes.troupe import NO_BULBS

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

Place = tuple[float, float, float, float]
"""x, y, z in metres and the heading (yaw) in radians."""
Path = Callable[[float], Place]
Ground = Callable[[float, float], float]

_LONGEST_S = 60.0
_STEP_S = 1 / 24


class Walker:
    """A model in motion: an `Actor` of `shapes.Troupe`.

    `path` is where it is at a time in seconds, or the waypoints (x, y) or (x, y, z) that it passes at its own speed
    times `pace`; past the last it goes straight on. Its limbs keep time with the ground it covers, so that feet do
    not slide whatever the path does. `phase` (0 … 1) is where in its motion it begins, `ground` gives the height
    below waypoints.
    """

    still = False

    def __init__(
        self, model: Model, motion: str, path: Path | Sequence[Sequence[float]], phase: float = 0.0, pace: float = 1.0,
        *, ground: Ground | None = None,
    ) -> None:  # fmt: skip
        self.model, self.motion = model, motion
        self._phase, self._pace = phase, pace
        speed = model.speed(motion)
        self._path = path if callable(path) else along(path, max(speed, 0.01) * pace, ground)
        # Only feet tie limbs to the ground: wings and fins beat at their own time.
        self._afoot = model.medium == LAND and speed > 0
        self._covered = self._measure() if self._afoot and callable(path) else None

    @property
    def mesh(self) -> Mesh:
        return self.model.mesh

    def bulbs(self, seconds: float) -> Floats:
        return NO_BULBS

    def _measure(self) -> Doubles:
        """Metres covered at even times up to the longest film."""
        count = int(_LONGEST_S / _STEP_S) + 1
        spots = np.array([self._path(k * _STEP_S)[:2] for k in range(count)])
        return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(spots, axis=0), axis=1))])

    def clock(self, seconds: float) -> float:
        """The time within its motion."""
        start = self._phase * self.model.period(self.motion)
        if self._covered is None:
            return start + seconds * self._pace
        place = min(max(seconds / _STEP_S, 0.0), len(self._covered) - 1.001)
        i = int(place)
        metres = float(self._covered[i] + (self._covered[i + 1] - self._covered[i]) * (place - i))
        return start + metres / self.model.speed(self.motion)

    def where(self, seconds: float) -> Floats:
        """(3, 4): the model's frame in the world."""
        x, y, z, yaw = self._path(seconds)
        if self.model.medium == LAND:
            return placed(rotation(yaw=yaw), x, y, z)
        before, after = self._path(seconds - 0.15), self._path(seconds + 0.15)
        flat = math.hypot(after[0] - before[0], after[1] - before[1])
        pitch = math.atan2(after[2] - before[2], max(flat, 1e-3)) if flat > 1e-4 else 0.0
        turn = (after[3] - before[3] + math.pi) % (2 * math.pi) - math.pi
        bank = 0.0
        if self.model.medium == AIR:
            bank = max(-0.9, min(0.9, math.atan(turn / 0.3 * flat / 0.3 / 9.81)))
        return placed(rotation(yaw=yaw, pitch=pitch, roll=bank), x, y, z)

    def pose(self, seconds: float) -> Floats:
        own = self.model.pose(self.motion, self.clock(seconds))
        frame = self.where(seconds)
        made = frame[:, :3] @ own
        made[:, :, 3] += frame[:, 3]
        return made


def along(points: Sequence[Sequence[float]], speed: float, ground: Ground | None = None) -> Path:
    """A smooth path through waypoints at an even speed in m/s, then straight on."""
    given = np.array([[p[0], p[1], p[2] if len(p) > 2 else 0.0] for p in points], np.float64)
    if len(given) == 1:
        given = np.stack([given[0], given[0] + [0, 1e-3, 0]])
        speed = 0.0
    line = _rounded(given)
    run = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    ends = (line[1] - line[0]) / (run[1] - run[0]), (line[-1] - line[-2]) / (run[-1] - run[-2])

    def spot(metres: float) -> Doubles:
        if metres <= 0:
            return np.asarray(line[0] + ends[0] * metres)
        if metres >= run[-1]:
            return np.asarray(line[-1] + ends[1] * (metres - run[-1]))
        return np.array([np.interp(metres, run, line[:, axis]) for axis in range(3)])

    ahead = 0.25 if len(given) > 2 else 0.05

    def path(seconds: float) -> Place:
        metres = speed * seconds
        x, y, z = spot(metres)
        fore, back = spot(metres + ahead), spot(metres - ahead)
        yaw = math.atan2(fore[0] - back[0], fore[1] - back[1])
        return float(x), float(y), float(z) + (ground(float(x), float(y)) if ground else 0.0), yaw

    return path


def _rounded(points: Doubles) -> Doubles:
    """A curve through points, finely."""
    if len(points) < 3:
        return points
    slope = np.gradient(points, axis=0)
    parts = []
    for a, b, da, db in zip(points[:-1], points[1:], slope[:-1], slope[1:], strict=True):
        t = np.linspace(0, 1, 24, endpoint=False)[:, None]
        parts.append(a + (da + (3 * (b - a) - 2 * da - db + (2 * (a - b) + da + db) * t) * t) * t)
    return np.concatenate([*parts, points[-1:]])


def standing(
    model: Model, motion: str, x: float, y: float, z: float = 0.0, yaw: float = 0.0, phase: float = 0.0
) -> Walker:
    """On one spot."""
    return Walker(model, motion, lambda seconds: (x, y, z, yaw), phase)
