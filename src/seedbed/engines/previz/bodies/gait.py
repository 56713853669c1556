"""How feet go: planted while they carry, at the ground's own speed, and through the air in between.

A leg's phase 0 … 1 begins when its foot comes down; for the part `duty` of the stride the foot stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Step:
    """Where a foot is against its middle place: `ahead` and `up` in metres, and how far through its stance (0 … 1) or
    its swing (0 … 1) it is; `swing` is 0 while it stands, `stance` 1 while it swings."""

    ahead: Doubles
    up: Doubles
    stance: Doubles
    swing: Doubles


def step(phase: Doubles, duty: float, length: float, lift: float, *, early: float = 0.42) -> Step:
    """`length` metres pass below a standing foot; it swings `lift` metres high, highest at `early` of its swing.
    A foot leaves and meets the ground at the ground's speed."""
    u = phase % 1.0
    stance, swing = np.minimum(u / duty, 1.0), np.maximum((u - duty) / (1 - duty), 0.0)
    ground = 0.5 - stance
    slope = -(1 - duty) / duty
    s = swing
    air = -0.5 + slope * s + (3 - 3 * slope) * s**2 + (2 * slope - 2) * s**3
    # The height's top is moved by bending the swing's own time.
    bent = s ** (np.log(0.5) / np.log(early))
    return Step(np.where(u < duty, ground, air) * length, lift * np.sin(np.pi * bent) ** 1.6, stance, swing)


def keyed(phase: Doubles, keys: dict[float, float]) -> Doubles:
    """A smooth periodic curve through keys {phase: value}."""
    times = np.array(sorted(keys))
    values = np.array([keys[t] for t in times])
    times3 = np.concatenate([times - 1, times, times + 1])
    values3 = np.tile(values, 3)
    slope = np.gradient(values3, times3)
    # No overshoot: flat at tops and bottoms.
    rise = np.diff(values3, prepend=values3[0]), np.diff(values3, append=values3[-1])
    slope = np.where(rise[0] * rise[1] <= 0, 0.0, slope)
    u = phase % 1.0
    i = np.clip(np.searchsorted(times3, u, "right") - 1, 0, len(times3) - 2)
    span = times3[i + 1] - times3[i]
    t = (u - times3[i]) / span
    a, b, da, db = values3[i], values3[i + 1], slope[i] * span, slope[i + 1] * span
    return np.asarray(a + (da + (3 * (b - a) - 2 * da - db + (2 * (a - b) + da + db) * t) * t) * t)


def cycle(frames: int) -> Doubles:
    """Phases 0 … 1 (exclusive), evenly."""
    return np.arange(frames) / frames


def wave(phase: Doubles, times: float = 1.0, lag: float = 0.0) -> Doubles:
    """A sine of `times` swings a cycle, which lags by a part of its swing."""
    return np.asarray(np.sin(2 * np.pi * (phase * times - lag)))


def covering(need: Doubles, share: int) -> Doubles:
    """A smooth periodic curve nowhere below `need`, rounded over 1/`share` of the cycle to either side."""
    width = max(len(need) // share, 1)
    shifts = range(-width, width + 1)
    top = np.max([np.roll(need, k) for k in shifts], 0)
    weight = np.hanning(2 * width + 3)[1:-1]
    return np.asarray(np.sum([np.roll(top, k) * w for k, w in zip(shifts, weight, strict=True)], 0) / weight.sum())
