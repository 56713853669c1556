"""The light of a shot: where its sun or moon stands, what that and the sky throw on the land, and the air's colours.

All tables of hours and weathers live here. Colours are written as sRGB and handed on as linear light.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.script import Shot

Floats = NDArray[np.float32]


def linear(*colours: str) -> Floats:
    """sRGB colours like `e0a526` as rows of linear light."""
    rows = [[int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)] for colour in colours]
    value = np.array(rows)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def floats(values: list[float]) -> Floats:
    return np.array(values, dtype=np.float32)


def _aim(turn_deg: float, height_deg: float) -> Floats:
    turn, height = math.radians(turn_deg), math.radians(height_deg)
    return floats([math.sin(turn) * math.cos(height), math.cos(turn) * math.cos(height), math.sin(height)])


# sun's turn and height in degrees; sun, sky and bounce lamps; zenith, horizon, glow, lit and dark cloud, disc
_TIMES: dict[str, tuple[float, float, tuple[float, ...], tuple[str, ...], float, float]] = {
    "day": (64.0, 25.0, (3.3, 2.6, 1.75, 0.22, 0.33, 0.52, 0.10, 0.08, 0.05),
            ("3a6ea8", "b4cbdc", "ffe9c0", "ffffff", "7f92a8", "fff2d0"), 0.80, 1.0),
    "sunset": (38.0, 15.0, (3.1, 1.85, 0.85, 0.36, 0.40, 0.60, 0.20, 0.12, 0.07),
               ("3c5488", "f0b489", "ffb060", "ffd7a8", "75667c", "ffd890"), 0.92, 1.4),
    "sunrise": (-40.0, 16.0, (2.9, 2.05, 1.25, 0.38, 0.44, 0.62, 0.18, 0.13, 0.09),
                ("4a6a9c", "f3c9ae", "ffc890", "ffe6cc", "7f7a90", "ffe6b0"), 0.90, 1.1),
    "night": (-42.0, 34.0, (0.30, 0.40, 0.62, 0.07, 0.11, 0.22, 0.012, 0.018, 0.03),
              ("0a1630", "2a4066", "2a3c60", "6c7ea4", "141f38", "e8f0ff"), 1.5, -0.4),
}  # fmt: skip


def light_of(shot: Shot) -> tuple[Floats, Floats, Floats, float, float]:
    turn, height, lamps, colours, exposure, warm = _TIMES[shot.time]
    lamp = np.array(lamps, dtype=np.float32).reshape(3, 3)
    air = linear(*colours)
    air[3] *= 1.25
    air[5] *= 6.0 if shot.time != "night" else 1.6
    if shot.time == "night":
        air *= 0.8
    if shot.weather in ("fog", "rain", "snow", "cloudy"):
        grey = lamp[0].mean()
        sunny = 0.5 if shot.weather == "cloudy" else 0.22
        lamp[1] = lamp[1] + grey * (0.22 - 0.1 * sunny) * np.array([0.95, 1.0, 1.08], np.float32)
        lamp[0] *= sunny
        pale = air[1].mean() * np.array([0.95, 1.0, 1.05], np.float32) * 0.85
        air[0:2] = air[0:2] * 0.25 + pale * 0.75
        air[2] *= 0.3
        air[5] *= 0.1 if shot.weather != "cloudy" else 0.5
    return _aim(turn, height), lamp, air, exposure, warm


def mood_of(shot: Shot) -> Floats:
    cover = {"clear": -0.42, "fair": 0.06, "cloudy": 0.25, "rain": 0.5, "snow": 0.5, "fog": 0.3}[shot.weather]
    night = shot.time == "night"
    return floats([cover, 60.0 if night else 7.0, 0.00025 if night else 0.0006, 0.8 if night else 0.0, 1.0])
