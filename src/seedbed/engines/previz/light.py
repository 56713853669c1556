"""The light of a shot: where its sun or moon stands, what that and the sky throw on the land, and the air's colours.

All tables of hours and weathers live here. Colours are written as the display should show them (sRGB) and handed
on as the linear light that the film curve turns into them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.script import Shot

Floats = NDArray[np.float32]

STOPS = (0.0, 0.045, 0.11, 0.24, 0.55, 1.2)
"""Slopes above the horizon at which the colours of the air are given; the last is as good as overhead."""


def linear(*colours: str) -> Floats:
    """sRGB colours like `e0a526` as rows of linear light."""
    rows = [[int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)] for colour in colours]
    value = np.array(rows)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def shown(*colours: str, exposure: float) -> Floats:
    """The linear light that a film curve of this exposure shows as about as bright as `colours`, of the same hue.

    Only the luminance goes back through the curve: undone channel by channel, a bright orange would become a red
    so deep that whatever it is mixed with turns red as well.
    """
    rows = linear(*colours).astype(np.float64)
    y = np.minimum(rows @ np.array([0.2126, 0.7152, 0.0722]), 0.90)[:, None]
    a, b, c = 2.51 - 2.43 * y, 0.03 - 0.59 * y, -0.14 * y
    light = (-b + np.sqrt(b * b - 4 * a * c)) / (2 * a)
    return np.asarray(rows / np.maximum(y, 1e-6) * light / exposure, dtype=np.float32)


def floats(values: list[float]) -> Floats:
    return np.array(values, dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """One time of day under an open sky. `turn` and `height` of the light on the land, in degrees; `lamp` its
    sun, sky and bounce; `toward` and `away` the air before the sun and opposite, from the horizon up (see `STOPS`);
    `glow` the colour round the sun and how much of it; `cloud` lit, dark side, rim before the sun, base; `murk`
    the same for an overcast; `disc` the colour and power of sun or moon, `low` its place up the visible sky."""

    name: str
    turn: float
    height: float
    lamp: tuple[float, ...]
    exposure: float
    warm: float
    toward: tuple[str, ...]
    away: tuple[str, ...]
    glow: tuple[str, float, float]
    cloud: tuple[str, str, str, str]
    murk: tuple[str, str, str, str]
    disc: tuple[str, float]
    low: float


HOURS = {
    "day": Hour(
        name="day",
        turn=58.0, height=30.0, lamp=(3.3, 2.6, 1.75, 0.22, 0.33, 0.52, 0.10, 0.08, 0.05), exposure=0.80, warm=0.5,
        toward=("c8dff0", "a8cfee", "7cb6ea", "4f96de", "2e72c2", "1f579f"),
        away=("c0d8ea", "9cc6e8", "6ca8e0", "448ad4", "2666b4", "1b5096"),
        glow=("fff4dc", 0.35, 5.0), cloud=("ffffff", "8fa3bd", "fffaf0", "7d90aa"),
        murk=("e2e7ea", "7e8994", "eef0f0", "8a949d"), disc=("fff6e0", 9.0), low=2.4,
    ),
    "noon": Hour(
        name="noon",
        turn=70.0, height=56.0, lamp=(3.7, 3.15, 2.4, 0.24, 0.35, 0.55, 0.11, 0.09, 0.06), exposure=0.74, warm=0.35,
        toward=("bcd8f0", "96c4ee", "64a6e8", "3a86da", "1f62b8", "154c98"),
        away=("b6d4ee", "8ebeea", "5c9ee2", "3480d4", "1c5cb0", "134890"),
        glow=("fffaf0", 0.15, 5.0), cloud=("ffffff", "93aac6", "ffffff", "8399b6"),
        murk=("e8ecee", "848f9a", "f2f4f4", "909aa3"), disc=("fffbf0", 10.0), low=4.0,
    ),
    "golden": Hour(
        name="golden",
        turn=15.0, height=15.0, lamp=(3.3, 2.05, 0.95, 0.34, 0.37, 0.50, 0.20, 0.13, 0.07), exposure=0.90, warm=1.2,
        toward=("ffdfa0", "fdcb86", "eebd8e", "c5b2a6", "86a0c0", "5c82b4"),
        away=("dcc4b4", "c2bcc2", "9fb0cc", "7c9cc8", "557fb6", "3d68a2"),
        glow=("ffd890", 1.0, 5.0), cloud=("ffe6c0", "8d8798", "fff0c8", "a08878"),
        murk=("e0c9a8", "7f7a80", "f2dcb4", "947f70"), disc=("ffe8b8", 9.0), low=0.62,
    ),
    "sunset": Hour(
        name="sunset",
        turn=15.0, height=11.0, lamp=(3.3, 1.62, 0.62, 0.36, 0.34, 0.47, 0.22, 0.12, 0.07), exposure=0.92, warm=1.0,
        toward=("ffbe6a", "f8a252", "e68c60", "b98690", "7180a8", "43608f"),
        away=("b89c98", "a695a2", "8c8fae", "6f80ac", "4a669a", "314d82"),
        glow=("ffba62", 1.0, 5.5), cloud=("ffbe8c", "635c7c", "ffd88c", "b8644e"),
        murk=("bd947e", "5c5a68", "dcae8c", "7c6462"), disc=("ffdc94", 9.0), low=0.36,
    ),
    "sunrise": Hour(
        name="sunrise",
        turn=-15.0, height=12.0, lamp=(3.0, 1.85, 0.98, 0.36, 0.40, 0.56, 0.19, 0.13, 0.09), exposure=0.92, warm=0.6,
        toward=("fbdcb4", "f5c8a6", "e8b6a8", "c2aabc", "8299c2", "5274aa"),
        away=("d2b4b4", "bca9ba", "98a0c4", "7690c4", "4e74b0", "365a98"),
        glow=("ffd49a", 1.0, 5.5), cloud=("ffdcbe", "7c7c9c", "ffefc8", "c8948a"),
        murk=("cdb8aa", "73758a", "e4cab4", "968686"), disc=("ffeabc", 9.0), low=0.36,
    ),
    "blue": Hour(
        name="blue",
        turn=15.0, height=14.0, lamp=(0.42, 0.40, 0.52, 0.17, 0.25, 0.46, 0.04, 0.04, 0.06), exposure=1.15, warm=-0.1,
        toward=("e8ad7c", "c99a94", "8f8fb0", "5c76ac", "2f4f92", "1a3470"),
        away=("6d7da6", "5a72a8", "4a68a6", "37599c", "223f80", "152c62"),
        glow=("f0a868", 0.22, 3.0), cloud=("a08aa0", "46557f", "e6a482", "6a6488"),
        murk=("6f7d9c", "35415f", "8f8aa0", "46516e"), disc=("ffc890", 0.0), low=0.0,
    ),
    "night": Hour(
        name="night",
        turn=14.0, height=30.0, lamp=(0.30, 0.40, 0.62, 0.07, 0.11, 0.22, 0.012, 0.018, 0.03), exposure=1.5, warm=-0.4,
        toward=("33496e", "293e63", "203356", "182848", "101c38", "0b142a"),
        away=("263a5c", "203354", "192a49", "13213e", "0d1831", "091126"),
        glow=("7f98c4", 0.16, 9.0), cloud=("7f93b8", "222f4c", "c4d4f0", "1a2540"),
        murk=("4a5a7a", "182238", "7488ac", "202c46"), disc=("f4f2e6", 2.2), low=0.60,
    ),
}  # fmt: skip

_WET = frozenset({"rain", "snow", "fog", "cloudy", "storm"})


def hour_of(shot: Shot) -> Hour:
    """The hour of `shot`: its time of day, or the finer one that it names."""
    finer = {"blue": ("sunset", "sunrise", "night"), "golden": ("sunset", "sunrise"), "noon": ("day",)}
    return HOURS[shot.hour] if shot.time in finer.get(shot.hour, ()) else HOURS[shot.time]


def weather_of(shot: Shot) -> str:
    """The weather as the sky sees it: that of `shot`, or a storm where it names one, without what it denies."""
    stormy = "storm" in shot.subjects or ("lightning" in shot.subjects and shot.weather in ("fair", "rain", "cloudy"))
    weather = "storm" if stormy and shot.weather != "snow" else shot.weather
    if "clouds" in shot.without and weather in ("fair", "cloudy"):
        return "clear"
    if weather == "fair" and shot.time == "night" and {"stars", "aurora", "meteor"} & set(shot.subjects):
        return "clear"
    return weather


def _aim(turn_deg: float, height_deg: float) -> Floats:
    turn, height = math.radians(turn_deg), math.radians(height_deg)
    return floats([math.sin(turn) * math.cos(height), math.cos(turn) * math.cos(height), math.sin(height)])


def turned(way: Floats, yaw: float) -> Floats:
    """A direction that was given for a camera heading along +y, for one heading along `yaw` (radians)."""
    x, y, z = (float(value) for value in way)
    return floats([x * math.cos(yaw) + y * math.sin(yaw), y * math.cos(yaw) - x * math.sin(yaw), z])


def land_way(shot: Shot, heading: float) -> Floats:
    """The way from the land to the light that falls on it. `heading` in radians is where the disc stands."""
    hour = hour_of(shot)
    return _aim(math.degrees(heading), 34.0 if "rainbow" in shot.subjects else hour.height)


def light_of(shot: Shot) -> tuple[Floats, Floats, Floats, float, float]:
    """The way to the light (3), the lamps of sun, sky and bounce (3, 3), the air overhead and at the horizon
    (2, 3), the film's exposure and its lean to warmth. The way is for a camera that heads along +y."""
    hour = hour_of(shot)
    lamp = np.array(hour.lamp, dtype=np.float32).reshape(3, 3)
    air = shown(hour.away[-1], hour.toward[0], exposure=hour.exposure)
    weather = weather_of(shot)
    if weather in _WET:
        grey = lamp[0].mean()
        sunny = {"cloudy": 0.5, "storm": 0.12}.get(weather, 0.22)
        more = 0.5 if weather == "storm" else 1.0
        lamp[1] = lamp[1] + more * grey * (0.22 - 0.1 * sunny) * np.array([0.95, 1.0, 1.08], np.float32)
        lamp[0] *= sunny
        murk = shown(*hour.murk, exposure=hour.exposure)
        air = (air * 0.25 + 0.75 * np.stack([murk[1], murk[0]])).astype(np.float32)
    if "aurora" in shot.subjects and shot.time == "night":
        lamp[1] += np.array([0.02, 0.10, 0.06], np.float32)
    return _aim(hour.turn, hour.height), lamp, air, hour.exposure, hour.warm
