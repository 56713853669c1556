"""What happens in the sky at moments that the seed decides: strokes of lightning (see `moments`), shooting stars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.moments import Moment

Floats = NDArray[np.float32]

_STROKES = ((0.0, 1.0), (0.125, 0.75), (0.25, 0.45))
"""Seconds and strength of a flash's strokes: lightning flickers."""
_FADE_S = 0.07
SEEN = 0.03


@dataclass(frozen=True, slots=True)
class Strike:
    """A flash at `at_s`; `lines` (n, 5) is its bolt: turn and slope of both ends, and brightness."""

    at_s: float
    turn: float
    lines: Floats
    power: float

    def strength(self, seconds: float) -> float:
        """How bright it is, 0 … about 1."""
        gone = [(seconds - self.at_s - after, strong) for after, strong in _STROKES]
        value = sum(strong * math.exp(-t / _FADE_S) for t, strong in gone if t >= 0.0)
        return value if value > SEEN else 0.0


@dataclass(frozen=True, slots=True)
class Meteor:
    """A streak from `at_s` on: begins at (turn, slope), moves by (right, up) a second, for `lasts_s`."""

    at_s: float
    turn: float
    slope: float
    right: float
    up: float
    lasts_s: float
    power: float

    def lines(self, seconds: float) -> Floats | None:
        """The streak as (n, 5) lines, its head the brightest; None when there is none now."""
        t = (seconds - self.at_s) / self.lasts_s
        if not 0.0 <= t <= 1.35:
            return None
        head, tail = min(t, 1.0), max(t - 0.45, 0.0)
        cuts = np.linspace(tail, head, 9)
        x, y = self.turn + self.right * self.lasts_s * cuts, self.slope + self.up * self.lasts_s * cuts
        fade = np.linspace(0.05, 1.0, 8) ** 1.6 * self.power * (1.0 if t < 1.0 else max(1.35 - t, 0.0) / 0.35)
        return np.stack([x[:-1], y[:-1], x[1:], y[1:], fade], 1).astype(np.float32)


def strikes(rng: np.random.Generator, moments: Sequence[Moment], low: float, high: float, top: float) -> list[Strike]:
    """A stroke at each of the `moments`, between turns low … high."""
    found = []
    for moment in moments:
        turn = low + moment.side * (high - low)
        begin = top * float(rng.uniform(0.75, 1.05))
        found.append(Strike(moment.at_s, turn, _bolt(rng, turn, begin, top), moment.power))
    return found


def _bolt(rng: np.random.Generator, turn: float, begin: float, top: float) -> Floats:
    """A channel from the clouds to the ground, with branches."""
    lines: list[tuple[float, float, float, float, float]] = []
    ground = turn + float(rng.normal(0.0, 0.35)) * top

    def channel(ax: float, ay: float, bx: float, by: float, bright: float, depth: int) -> None:
        points = np.array([[ax, ay], [bx, by]])
        for turn_ in range(6 if depth == 0 else 5):
            middle = (points[:-1] + points[1:]) / 2
            length = np.hypot(*(points[1:] - points[:-1]).T)
            normal = np.stack([points[1:, 1] - points[:-1, 1], points[:-1, 0] - points[1:, 0]], 1)
            middle += normal * rng.normal(0.0, 0.19 if turn_ else 0.12, (len(middle), 1))
            points = np.insert(points, np.arange(1, len(points)), middle, axis=0)
            del length
        fade = np.ones(len(points) - 1) if depth == 0 else np.linspace(1.0, 0.25, len(points) - 1)
        for (px, py), (qx, qy), part in zip(points[:-1], points[1:], fade, strict=True):
            lines.append((float(px), float(py), float(qx), float(qy), bright * float(part)))
        if depth < 2:
            for _ in range(int(rng.integers(3, 6)) if depth == 0 else int(rng.integers(0, 3))):
                at = int(rng.uniform(0.05, 0.75) * len(points))
                side = float(rng.choice([-1.0, 1.0]))
                reach = abs(by - ay) * float(rng.uniform(0.2, 0.45))
                x, y = points[at]
                channel(float(x), float(y), float(x) + side * reach * float(rng.uniform(0.4, 1.0)),
                        max(float(y) - reach, 0.0), bright * 0.42, depth + 1)  # fmt: skip

    channel(turn, begin, ground, 0.0, 1.0, 0)
    return np.array(lines, np.float32)


def meteors(rng: np.random.Generator, duration_s: float, low: float, high: float, top: float) -> list[Meteor]:
    """About two in three seconds."""
    found = []
    at = float(rng.uniform(0.1, 0.7))
    side = float(rng.choice([-1.0, 1.0]))
    while at < duration_s - 0.2:
        lasts = float(rng.uniform(0.35, 0.8))
        right = side * float(rng.uniform(0.25, 0.55))
        found.append(
            Meteor(at, float(rng.uniform(low, high)), top * float(rng.uniform(0.55, 1.0)), right,
                   -abs(right) * float(rng.uniform(0.25, 0.55)), lasts, float(rng.uniform(0.5, 1.0)))
        )  # fmt: skip
        at += float(rng.uniform(0.7, 2.2))
    return found
