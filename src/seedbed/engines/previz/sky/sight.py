"""What of the sky a shot sees, where sun or moon stands in it, and the table of its stars."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.light import Hour, floats, hour_of, shown, turned
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.sky.clouds import SLOPE_MAX
from seedbed.engines.previz.sky.lights import D_SLOPE, D_TURN, FACE, SIZE, TURN, Lights, moon_face

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What of the sky a shot can see: its middle heading in radians, the tangents of its leftmost and rightmost,
    the slope of its highest pixel, half its width as a tangent, its seconds, where its camera begins, and the
    slopes to which the land rises from there, from left to right."""

    yaw: float
    low: float
    high: float
    top: float
    half: float
    duration_s: float
    x: float
    y: float
    ridge: tuple[float, ...] = ()


def disc_way(shot: Shot, sight: Sight) -> Floats:
    """Where sun or moon stands: at the hours that are known for it, in the frame and clear of the land."""
    hour = hour_of(shot)
    if "rainbow" in shot.subjects:
        # The bow stands opposite the sun, whose height decides how much of it rises over the land.
        return turned(way_of(math.pi, math.tan(math.radians(34.0))), sight.yaw)
    if hour.low >= 1.0:
        return turned(way_of(math.radians(hour.turn), math.tan(math.radians(hour.height))), sight.yaw)
    turn, ridge = _gap(hour, sight)
    top = min(sight.top, 0.5)
    slope = min(max(hour.low * top, ridge + 0.14 * top, 0.012), max(0.86 * top, 0.012))
    return turned(way_of(turn, slope), sight.yaw)


def heading(shot: Shot, sight: Sight) -> float:
    """Where the light on the land comes from, in radians from +y towards +x: from the disc, wherever it is drawn."""
    way = disc_way(shot, sight)
    return math.atan2(float(way[0]), float(way[1]))


def _gap(hour: Hour, sight: Sight) -> tuple[float, float]:
    """A heading within the frame, in radians from its middle, over which the land rises least; and that rise."""
    edge = math.atan(sight.half)
    best, found = math.inf, (0.0, 0.0)
    for share in (0.46, 0.3, 0.6, -0.46, -0.3, -0.6):
        turn = math.copysign(share * edge, share * hour.turn)
        place = (math.tan(turn) - sight.low) / (sight.high - sight.low) * (len(sight.ridge) - 1)
        number = min(max(int(place + 0.5), 0), len(sight.ridge) - 1)
        rise = max(sight.ridge[max(number - 1, 0) : number + 2], default=0.0)
        # Land that hides the disc counts; so does, a little, a place that the hour would not choose.
        cost = max(rise - (hour.low - 0.2) * sight.top, 0.0) + (0.0 if share == 0.46 else 0.004)
        if cost < best:
            best, found = cost, (turn, rise)
    return found


def way_of(turn: float, slope: float) -> Floats:
    flat = 1.0 / math.sqrt(1.0 + slope * slope)
    return floats([math.sin(turn) * flat, math.cos(turn) * flat, slope * flat])


def lights_of(shot: Shot, hour: Hour, weather: str, sight: Sight, rng: np.random.Generator, way: Floats, moon: bool,
            night: bool) -> Lights:  # fmt: skip
    power = shown(hour.disc[0], exposure=hour.exposure)[0] / shown("ffffff", exposure=hour.exposure)[0].max()
    power = power * (hour.disc[1] / hour.exposure)
    size, squash = 0.017 if hour.low < 1.0 else 0.012, 1.0
    face = np.ones((FACE, FACE), np.float32)
    if night:
        size = 0.030 if "moon" in shot.subjects else 0.017
        face = moon_face(_age(shot, rng), int(rng.integers(1 << 20)))
    elif hour.low < 0.5:
        squash = 0.93
    hidden = shine(weather, night and not moon)
    if ("sun" in shot.without and not night) or hour.disc[1] <= 0.0:
        hidden = 0.0
    x, y = (float(value) for value in way[:2])
    ahead = x * math.sin(sight.yaw) + y * math.cos(sight.yaw)
    right = x * math.cos(sight.yaw) - y * math.sin(sight.yaw)
    if ahead <= 0.02:
        hidden, ahead = 0.0, 1.0
    slope = float(way[2]) / math.hypot(x, y)
    disc = floats([right / ahead, slope, size if hidden > 0.0 else 0.0, *(power * hidden), squash])
    dim = hour.exposure > 1.1 and hour.exposure <= 1.3
    clear = weather in ("clear", "fair") or "stars" in shot.subjects
    if "stars" in shot.without or not (night or dim) or not clear:
        return Lights(np.zeros((0, 6), np.float32), disc, face)
    amount = 0.10 if dim else 1.0 if starlit(shot) or weather == "clear" else 0.55
    return Lights(_stars(sight, rng, amount * (0.6 if moon else 1.0), hour.exposure), disc, face)


def moved(lights: Lights, way: Floats, sight: Sight, turned_by: float) -> Lights:
    """`lights` with the disc at `way`, and the stars turned by so many radians."""
    x, y = (float(value) for value in way[:2])
    ahead = x * math.sin(sight.yaw) + y * math.cos(sight.yaw)
    right = x * math.cos(sight.yaw) - y * math.sin(sight.yaw)
    disc = lights.disc.copy()
    disc[D_TURN], disc[D_SLOPE] = right / max(ahead, 0.02), float(way[2]) / math.hypot(x, y)
    if ahead <= 0.02:
        disc[SIZE] = 0.0
    stars = lights.stars
    if turned_by and len(stars):
        low, high = math.atan(sight.low), math.atan(sight.high)
        azimuth = low + (np.arctan(stars[:, TURN]) + turned_by - low) % (high - low)
        stars = stars.copy()
        stars[:, TURN] = np.tan(azimuth)
        stars = np.ascontiguousarray(stars[np.argsort(stars[:, TURN], kind="stable")])
    return Lights(stars, disc, lights.face)


def shine(weather: str, moonless: bool) -> float:
    """How much of the disc's own light comes through the weather."""
    if moonless:
        return 0.0
    return {"cloudy": 0.35, "snow": 0.0, "fog": 0.16, "rain": 0.0, "storm": 0.0}.get(weather, 1.0)


def _age(shot: Shot, rng: np.random.Generator) -> float:
    """The moon's age: full unless the words or the seed say otherwise."""
    words = " ".join(shot.known).lower()
    if "crescent" in words:
        return 0.13 if rng.random() < 0.5 else 0.87
    if "full" in words or "moon" in shot.subjects:
        return 0.47
    return float(rng.uniform(0.36, 0.64))


_STAR_TINTS = ("9db8ff", "c8d8ff", "f4f4ff", "fff2dc", "ffd9a8", "ffb98a")


def _stars(sight: Sight, rng: np.random.Generator, amount: float, exposure: float) -> Floats:
    """(n, 6), by turn: many faint, few bright, as far as the panorama reaches."""
    low, high = math.atan(sight.low), math.atan(sight.high)
    rise = math.sin(math.atan(SLOPE_MAX))
    count = int(5200 * amount * (high - low) * rise)
    azimuth, up = rng.uniform(low, high, count), rng.uniform(0.0, rise, count)
    # Counts grow almost fourfold a magnitude; a film sees five of them well.
    bright = np.minimum(0.055 * rng.uniform(0.0, 1.0, count) ** -0.72, 2.6)
    tints = linear_tints()[rng.integers(0, len(_STAR_TINTS), count)]
    slope = up / np.sqrt(1.0 - up * up)
    air = 1.0 - np.exp(-up * 9.0)
    light = tints * (bright * air * 1.5 / exposure)[:, None]
    table = np.concatenate([np.tan(azimuth)[:, None], slope[:, None], light, rng.random((count, 1))], 1)
    return np.ascontiguousarray(table[np.argsort(table[:, 0])], dtype=np.float32)


def linear_tints() -> Floats:
    """Star colours of equal brightness, (6, 3)."""
    rows = shown(*_STAR_TINTS, exposure=1.0)
    return np.asarray(rows / rows.mean(1, keepdims=True), dtype=np.float32)


def starlit(shot: Shot) -> bool:
    return bool({"stars", "aurora", "meteor"} & set(shot.subjects))
