"""The sky of a shot: baked once, joined anew for each frame.

Air, glow and galaxy stand still; clouds are carried by the wind as if they lay on a plane at their base, between
bakes of their slow boiling; stars, sun and moon are drawn by the frame itself (`lights`). All of a `Dome` is read
only, and `at` is a function of the time and the camera's place alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.light import Hour, floats, hour_of, shown, weather_of
from seedbed.engines.previz.moments import strokes
from seedbed.engines.previz.script import Shot, read
from seedbed.engines.previz.sky.air import paint_air, paint_bow, paint_galaxy, ramp
from seedbed.engines.previz.sky.aurora import paint_aurora, ray_profile, soften
from seedbed.engines.previz.sky.clouds import SLOPE_MAX, Layer, paint_clouds
from seedbed.engines.previz.sky.compose import draw_bolt, join
from seedbed.engines.previz.sky.events import Meteor, Strike, meteors, strikes
from seedbed.engines.previz.sky.lights import Lights
from seedbed.engines.previz.sky.sight import Sight, disc_way, lights_of, moved, shine, starlit, way_of
from seedbed.engines.previz.sky.tiles import billows, covers

Floats = NDArray[np.float32]
Check = Callable[[], None]

_EMPTY = np.zeros((0, 0, 3), np.float32)
_OVERCAST = frozenset({"cloudy", "rain", "snow", "fog", "storm"})
_LAYERS = {
    "fair": Layer(1000.0, 820.0, 24_000.0, 34_000.0, 0.20, 0.55, 1.05, 16.0, 0.0, 0.5, 0.0, 4),
    "cloudy": Layer(1000.0, 750.0, 26_000.0, 26_000.0, 0.80, 0.35, 0.80, 7.0, 0.0, 0.0, 0.30, 3, 1.4),
    "storm": Layer(800.0, 3000.0, 42_000.0, 28_000.0, 0.58, 0.45, 0.95, 7.0, 0.0, 0.0, 0.14, 3, 1.3),
    "rain": Layer(600.0, 700.0, 20_000.0, 12_000.0, 0.95, 0.30, 0.70, 5.0, 0.15, 0.0, 0.45, 2, 2.0),
    "snow": Layer(700.0, 700.0, 22_000.0, 11_000.0, 0.94, 0.30, 0.70, 4.0, 0.15, 0.0, 0.40, 2, 2.0),
}
_WIND_M_S = {"fair": 26.0, "cloudy": 28.0, "storm": 55.0, "rain": 40.0, "snow": 24.0}
_WIND = (0.87, 0.49)
"""East and north: the way in which the shadows of clouds cross the land."""
_RATE = {"slow_motion": 0.4, "real": 1.0, "time_lapse": 26.0, "hyperlapse": 26.0}
_KEY_M = 900.0
"""The clouds travel at most about so far from one bake to the next."""
_KEYS_MAX = 4


class Sunway(Protocol):
    """Where sun or moon stands at a time, a unit vector; see `hours.Sunway`."""

    @property
    def here(self) -> Floats: ...

    @property
    def far(self) -> bool: ...

    @property
    def drift(self) -> float: ...

    def at(self, seconds: float) -> Floats: ...


@dataclass(frozen=True, slots=True)
class Tones:
    """The colours of the air, (6, 3) before the sun and opposite (see `STOPS`), and the light round the disc."""

    toward: Floats
    away: Floats
    glow: Floats
    spread: float

    def painted(self, sight: Sight, way: Floats, rows: int, columns: int) -> Floats:
        """(rows, columns, 3): the air with the disc at `way`."""
        back = np.empty((rows, columns, 3), np.float32)
        paint_air(back, sight.low, sight.high, sight.yaw, way, ramp(self.toward, rows), ramp(self.away, rows),
                  self.glow, self.spread)  # fmt: skip
        return back


@dataclass(frozen=True, slots=True)
class Dome:
    """`back` (rows, columns, 3) and the `keys` (n, rows, columns, 4) of the clouds at `times` (in the clouds' own
    seconds); `hazes` (columns, 3) is the air along the horizon; `way` (3) is where the disc stands, and
    `shine` how much of its light comes through the weather."""

    sight: Sight
    back: Floats
    keys: Floats
    times: tuple[float, ...]
    still: Floats
    front: Floats
    hazes: Floats
    way: Floats
    lights: Lights
    rate: float
    wind: tuple[float, float]
    base: float
    rows_seen: int
    strikes: tuple[Strike, ...]
    meteors: tuple[Meteor, ...]
    aurora: float
    shine: float
    flash_power: float
    seed: int
    tones: Tones
    galaxy: Floats
    sunway: Sunway | None = None

    def moment(self, seconds: float) -> Dome:
        """The sky at a time of the film, where hours pass: with sun, moon and stars where they are then, and the air
        that goes with them. Else the very same."""
        if self.sunway is None:
            return self
        way = self.sunway.at(seconds)
        lights = moved(self.lights, way, self.sight, self.sunway.drift * seconds)
        if not self.sunway.far:
            return replace(self, way=way, lights=lights)
        back = self.tones.painted(self.sight, way, *self.back.shape[:2])
        hazes = _hazes(back) * np.float32(0.85)
        if self.galaxy.shape[0]:
            back += _slid(self.galaxy, self.back.shape[1], self.sight, self.sunway.drift * seconds)
        still = _joined(back, self.keys, self.front)
        return replace(self, way=way, lights=lights, back=back, still=still, hazes=hazes)

    def flash(self, seconds: float) -> float:
        """How much brighter lightning makes the land now; 0 most of the time."""
        return self.flash_power * sum(s.power * s.strength(seconds) for s in self.strikes)

    def at(self, seconds: float, x: float, y: float) -> Floats:
        """(rows, columns, 4): the sky at a time, from a place in metres; light, and how much no cloud hides."""
        flash = self._flash(seconds)
        glow = self._glow(seconds)
        moving = len(self.keys) > 0
        if not moving and not glow.shape[0] and flash[1] <= 0.0 and not self.meteors:
            return self.still
        out = self.still.copy()
        if moving:
            first, second, blend, shifts = self._between(seconds, x, y)
            join(out, self.rows_seen, self.back, glow, first, second, blend, shifts, self.front, flash, self.base,
                 self.sight.low, self.sight.high)  # fmt: skip
        elif glow.shape[0]:
            out[: self.rows_seen, :, :3] += glow
        for strike in self.strikes:
            power = strike.power * strike.strength(seconds)
            if power > 0.0:
                draw_bolt(out, strike.lines, self.sight.low, self.sight.high, 16.0 * power, 0.86, 0.90, 1.0)
        for meteor in self.meteors:
            lines = meteor.lines(seconds)
            if lines is not None:
                draw_bolt(out, lines, self.sight.low, self.sight.high, 1.6, 0.95, 1.0, 0.96)
        return out

    def _flash(self, seconds: float) -> Floats:
        power = [(s.power * s.strength(seconds), s.turn) for s in self.strikes]
        strongest = max(power, default=(0.0, 0.0))
        return floats(
            [strongest[1], 0.8 * self.flash_power * strongest[0], 0.38, 0.05 * self.flash_power * strongest[0]]
        )

    def _glow(self, seconds: float) -> Floats:
        if self.aurora <= 0.0:
            return _EMPTY
        glow = np.zeros((self.rows_seen, *self.back.shape[1:]), np.float32)
        own = seconds * (1.0 + 0.25 * (self.rate - 1.0))
        low, high, top = self.sight.low, self.sight.high, self.sight.top
        paint_aurora(glow, len(self.back), low, high, own, top, covers(), ray_profile(), self.aurora, self.seed)
        soften(glow, 0.04 * self.aurora)
        soften(glow, 0.0)
        return glow

    def _between(self, seconds: float, x: float, y: float) -> tuple[Floats, Floats, float, Floats]:
        """The two bakes that the clouds are between, how far, and how far each has been carried."""
        own = seconds * self.rate
        number = sum(time <= own for time in self.times[1:])
        other = min(number + 1, len(self.times) - 1)
        span = self.times[other] - self.times[number]
        t = min(max((own - self.times[number]) / span, 0.0), 1.0) if span > 0 else 0.0
        shifts = np.empty((2, 2), np.float32)
        cos, sin = math.cos(self.sight.yaw), math.sin(self.sight.yaw)
        for k, key in enumerate((number, other)):
            east = self.wind[0] * (own - self.times[key]) - (x - self.sight.x)
            north = self.wind[1] * (own - self.times[key]) - (y - self.sight.y)
            shifts[k] = (east * cos - north * sin, north * cos + east * sin)
        return self.keys[number], self.keys[other], t * t * (3.0 - 2.0 * t), shifts


def raise_dome(
    shot: Shot, sight: Sight, *, rows: int, columns: int, seed: int, check: Check, sunway: Sunway | None = None
) -> Dome:
    """Bakes the sky of `shot`, as far as `sight` reaches, into panoramas of rows × columns. Sun or moon go by `sunway`,
    where there is one."""
    rng = np.random.default_rng([seed, 11])
    hour, weather = hour_of(shot), weather_of(shot)
    night = hour.exposure > 1.3
    moon = night and "moon" not in shot.without and ("moon" in shot.subjects or not starlit(shot))
    way = disc_way(shot, sight) if sunway is None else sunway.here
    tones = _tones(hour, weather, disc=not night or moon)
    back = tones.painted(sight, way, rows, columns)
    hazes = _hazes(back) * np.float32(0.85)
    galaxy = _EMPTY
    if night and weather in ("clear", "fair") and "stars" not in shot.without:
        galaxy = _galaxy(sight, np.random.default_rng([seed, 15]), 0.020 if moon else 0.060, rows, columns)
        back += _slid(galaxy, columns, sight, 0.0)
    check()
    rate = _RATE.get(shot.tempo, 1.0)
    speed = _WIND_M_S.get(weather, 0.0)
    wind = (_WIND[0] * speed, _WIND[1] * speed)
    times = _times(speed, rate, sight.duration_s)
    keys = _clouds(shot, hour, weather, sight, way, rows, columns, rng, times, check)
    if galaxy.shape[0]:
        # It has lots of its own, so that clouds lie alike by day and by night; the two that it drew are skipped.
        rng.choice([-1.0, 1.0])
        rng.uniform()
    front = _EMPTY
    if "rainbow" in shot.subjects and not night:
        front = np.zeros_like(back)
        paint_bow(front, sight.low, sight.high, sight.yaw, way, 0.42)
    still = _joined(back, keys, front)
    lights = lights_of(shot, hour, weather, sight, rng, way, moon, night)
    flashes = strokes(seed, sight.duration_s) if _thunder(shot) else ()
    bolts = strikes(rng, flashes, sight.low * 0.75, sight.high * 0.75, sight.top)
    streaks = meteors(rng, sight.duration_s, sight.low * 0.8, sight.high * 0.8, sight.top)
    northern = "aurora" in shot.subjects and night and weather in ("clear", "fair", "cloudy")
    return Dome(
        sight, back, keys, times, still, front, hazes, way, lights, rate, wind,
        _LAYERS.get(weather, _LAYERS["fair"]).base,
        _rows_seen(rows, sight.top), tuple(bolts), tuple(streaks) if "meteor" in shot.subjects and night else (),
        (0.55 if northern else 0.0) / hour.exposure, shine(weather, night and not moon), 0.9 / hour.exposure,
        int(rng.integers(1 << 30)), tones,
        galaxy if sunway is not None and sunway.far else _EMPTY, sunway,
    )  # fmt: skip


def _joined(back: Floats, keys: Floats, front: Floats) -> Floats:
    """(rows, columns, 4): the sky with its first clouds, and how much of what is behind them is seen."""
    still = np.ones((*back.shape[:2], 4), np.float32)
    if len(keys):
        still[..., 3] = np.clip(1.0 - keys[0, ..., 3], 0.0, 1.0)
        still[..., :3] = back * still[..., 3:] + keys[0, ..., :3]
    else:
        still[..., :3] = back
    if front.shape[0]:
        still[..., :3] += front
    return still


def _thunder(shot: Shot) -> bool:
    return weather_of(shot) == "storm" and "lightning" not in shot.without


def _rows_seen(rows: int, top: float) -> int:
    """The rows that change from frame to frame: those above are met by reflections at most."""
    return min(int(math.sqrt(min(top * 1.08 / SLOPE_MAX, 1.0)) * rows) + 3, rows)


def _times(speed: float, rate: float, duration_s: float) -> tuple[float, ...]:
    """When the clouds are baked, in their own seconds. One bake serves where they move little."""
    span = rate * duration_s
    count = 1 if rate <= 1.0 else min(max(math.ceil(speed * span / _KEY_M) + 1, 2), _KEYS_MAX)
    return (0.0,) if count == 1 else tuple(span * k / (count - 1) for k in range(count))


def _tones(hour: Hour, weather: str, *, disc: bool) -> Tones:
    toward, away = shown(*hour.toward, exposure=hour.exposure), shown(*hour.away, exposure=hour.exposure)
    glow = shown(hour.glow[0], exposure=hour.exposure)[0] * (hour.glow[1] if disc else 0.0)
    if weather in _OVERCAST:
        murk = shown(*hour.murk, exposure=hour.exposure)
        if weather in ("fog", "snow"):
            murk = murk * 0.4 + 0.6 * murk.mean(1, keepdims=True) * np.array([0.97, 1.0, 1.04], np.float32)
        dark = {"storm": 0.62, "rain": 0.72, "fog": 0.97}.get(weather, 1.0)
        low, high = murk[0] * dark, (murk[0] * 0.45 + murk[1] * 0.55) * dark
        if weather == "storm":
            low, high = murk[0] * 0.40, murk[1] * 0.30
        part = np.array([0.0, 0.15, 0.35, 0.6, 0.85, 1.0], np.float32)[:, None]
        grey = low + (high - low) * (part * (0.5 if weather == "fog" else 1.0))
        keep = {"cloudy": 0.35, "storm": 0.22}.get(weather, 0.10)
        toward, away = toward * keep + grey * (1 - keep), away * keep + grey * (1 - keep) * 0.92
        glow = glow * {"cloudy": 0.5, "fog": 0.28, "snow": 0.22, "storm": 0.18}.get(weather, 0.12)
    return Tones(toward.astype(np.float32), away.astype(np.float32), glow.astype(np.float32), hour.glow[2])


_MORE = 0.4
"""How much farther than the sky, as a tangent, the Milky Way is painted on both sides, where it moves."""


def _galaxy(sight: Sight, rng: np.random.Generator, strength: float, rows: int, columns: int) -> Floats:
    """The Milky Way rises from the horizon within the frame, leaning to one side: (rows, more columns, 3)."""
    low, high = sight.low - _MORE, sight.high + _MORE
    layer = np.zeros((rows, round(columns * (high - low) / (sight.high - sight.low)), 3), np.float32)
    side = float(rng.choice([-1.0, 1.0]))
    foot = sight.yaw - side * 0.45 * math.atan(sight.half)
    lean = math.radians(float(rng.uniform(38.0, 55.0)))
    begin = np.array([math.sin(foot), math.cos(foot), 0.0])
    right = np.array([math.cos(foot), -math.sin(foot), 0.0]) * side
    climb = right * math.cos(lean) + np.array([0.0, 0.0, 1.0]) * math.sin(lean)
    pole = np.cross(begin, climb).astype(np.float32)
    paint_galaxy(layer, low, high, sight.yaw, pole, begin.astype(np.float32), covers(), strength)
    return layer


def _slid(layer: Floats, columns: int, sight: Sight, turned: float) -> Floats:
    """What of the `layer` stands in the sky after it has turned by so many radians: (rows, columns, 3)."""
    per = columns / (sight.high - sight.low)
    place = min(max((_MORE - turned) * per, 0.0), layer.shape[1] - columns - 1.001)
    first = int(place)
    part = np.float32(place - first)
    left, right = layer[:, first : first + columns], layer[:, first + 1 : first + columns + 1]
    return np.asarray(left + (right - left) * part, np.float32)


def _clouds(shot: Shot, hour: Hour, weather: str, sight: Sight, way: Floats, rows: int, columns: int,
            rng: np.random.Generator, times: tuple[float, ...], check: Check) -> Floats:  # fmt: skip
    """(n, rows, columns, 4): the clouds at each of `times`; none where the weather has none."""
    if weather not in _LAYERS:
        return np.zeros((0, 1, 1, 4), np.float32)
    layer = _LAYERS[weather]
    if "clouds" in shot.subjects and weather == "fair":
        layer = layer._replace(cover=0.28)
    lit, dark, rim, under = shown(*hour.cloud, exposure=hour.exposure)
    if weather in _OVERCAST:
        lit, dark, rim, under = shown(*hour.murk, exposure=hour.exposure)
        if weather == "storm":
            lit, dark, rim, under = lit * 0.34, dark * 0.17, rim * 0.4, under * 0.12
        elif weather in ("rain", "snow"):
            gain = 0.62 if weather == "rain" else 1.05
            lit, dark, under = lit * gain, dark * gain, under * gain
    tints = np.stack([np.maximum(lit - dark * 0.7, 0.0), dark * 0.95, rim, (under - dark * 0.8) * 0.7])
    sun = _lit_from(hour, way)
    need = NormalDist(0.0, math.hypot(1.0, layer.patchy)).inv_cdf(1.0 - layer.cover)
    east, north = (float(value) for value in rng.uniform(0.0, layer.size, 2))
    begin = float(rng.uniform(0.0, 1.2))
    keys = np.empty((len(times), rows, columns, 4), np.float32)
    seed = int(rng.integers(1 << 30))
    # What races past may be drawn more roughly.
    stride = layer.stride * (1.0 if len(times) == 1 else 1.7)
    for key, time in zip(keys, times, strict=True):
        gone = _WIND_M_S[weather] * time
        own = layer._replace(stride=stride, morph=begin + time * 0.0045, need=need, east=east - _WIND[0] * gone,
                             north=north - _WIND[1] * gone)  # fmt: skip
        paint_clouds(key, sight.low, sight.high, sight.yaw, sun, tints.astype(np.float32), covers(), billows(), own,
                     _rows_seen(rows, sight.top), seed)  # fmt: skip
        check()
    keys[:, :, 1:-1] = (keys[:, :, :-2] + 2 * keys[:, :, 1:-1] + keys[:, :, 2:]) / 4
    return keys


def _lit_from(hour: Hour, way: Floats) -> Floats:
    """The way to the light as high clouds see it: under them, when the sun is low."""
    if hour.low >= 1.0 or hour.exposure > 1.3:
        return way
    height = {"sunset": -0.5, "sunrise": 0.5, "blue": 1.0}.get(hour.name, 3.0)
    return way_of(math.atan2(float(way[0]), float(way[1])), math.tan(math.radians(height)))


def _hazes(back: Floats) -> Floats:
    """The air along the horizon, smoothed along it: (columns, 3)."""
    rows, columns = back.shape[0], back.shape[1]
    seen = max(int(math.sqrt(0.03 / SLOPE_MAX) * rows), 2)
    low = back[:seen].mean(0)
    reach = max(columns // 12, 1)
    padded = np.pad(low, ((reach, reach), (0, 0)), mode="edge")
    bell = np.hanning(2 * reach + 3)[1:-1]
    smooth = [np.convolve(padded[:, c], bell / bell.sum(), mode="valid") for c in range(3)]
    return np.ascontiguousarray(np.stack(smooth, 1), dtype=np.float32)


def warm() -> None:
    """Compiles every kernel of this package, but for `sprinkle`, which the drawing of frames compiles."""
    sight = Sight(yaw=0.0, low=-0.7, high=0.7, top=0.3, half=0.6, duration_s=2.0, x=0.0, y=0.0)
    for prompt in ("time-lapse of a meadow", "aurora and a meteor shower at night", "a storm, a rainbow"):
        dome = raise_dome(read(prompt), sight, rows=24, columns=48, seed=1, check=lambda: None)
        moments = [0.1, *(strike.at_s for strike in dome.strikes), *(meteor.at_s for meteor in dome.meteors)]
        for seconds in moments:
            dome.at(seconds, 0.0, 0.0)
