"""Hours that pass within one shot: the stations of its light, and the way of sun or moon past them.

In a time lapse, and where a prompt says so ("from dawn to dusk", "day turns to night"), a place is built once for
each station and drawn between two of them. In a shot of usual speed the sun of a sunrise or a sunset moves a little.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass, replace

from seedbed.engines.previz.light import Floats, hour_of
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.sky.sight import Sight, disc_way, way_of

LAPSES = ("time_lapse", "hyperlapse")


@dataclass(frozen=True, slots=True)
class Station:
    """The light of a moment: a time and an hour of the script, reached after `share` of the shot. `climbs` is 1 in the
    morning, -1 in the evening and 0 at noon and by night."""

    time: str
    hour: str
    share: float
    climbs: int


_COURSES: dict[str, tuple[Station, ...]] = {
    "dawn_dusk": (Station("sunrise", "", 0.0, 1), Station("day", "", 0.32, 1), Station("day", "", 0.66, -1),
                  Station("sunset", "", 1.0, -1)),
    "day_night": (Station("day", "", 0.0, -1), Station("sunset", "", 0.45, -1), Station("sunset", "blue", 0.72, -1),
                  Station("night", "", 1.0, 0)),
    "night_day": (Station("night", "", 0.0, 0), Station("sunrise", "blue", 0.28, 1), Station("sunrise", "", 0.55, 1),
                  Station("day", "", 1.0, 1)),
    "sunrise": (Station("sunrise", "blue", 0.0, 1), Station("sunrise", "", 0.45, 1), Station("day", "", 1.0, 1)),
    "day": (Station("day", "", 0.0, 1), Station("day", "noon", 0.5, 0), Station("day", "", 1.0, -1)),
    "sunset": (Station("sunset", "golden", 0.0, -1), Station("sunset", "", 0.5, -1),
               Station("sunset", "blue", 1.0, -1)),
}  # fmt: skip
_RISE, _RISES_S = 0.020, 8.0
"""The slope by which a low sun moves in a shot of usual speed, and the seconds after which it moves no more."""
_NIGHT_TURN, _NIGHT_RISE = 0.16, 0.05


def stations(shot: Shot) -> tuple[Station, ...]:
    """The hours that pass in `shot`, in order; none where its light stays."""
    if "rainbow" in shot.subjects or (shot.tempo not in LAPSES and not shot.course):
        return ()
    return _COURSES.get(shot.course or shot.time, ())


def at_station(shot: Shot, station: Station) -> Shot:
    """`shot` as if it were all in the light of one station."""
    return replace(shot, time=station.time, hour=station.hour, course="", tempo=shot.tempo)


@dataclass(frozen=True, slots=True)
class Sunway:
    """Where sun or moon stands in a shot: knots of seconds, headings in radians from +y and slopes. `here` is where it
    stands for what is baked. `far` says that it moves so far that the air must follow; `drift` is the radians by which
    stars turn in a second."""

    seconds: tuple[float, ...]
    turns: tuple[float, ...]
    slopes: tuple[float, ...]
    here: Floats
    far: bool
    drift: float = 0.0

    def at(self, seconds: float) -> Floats:
        """The way to it, a unit vector (3)."""
        number = min(max(bisect.bisect_right(self.seconds, seconds) - 1, 0), len(self.seconds) - 2)
        begin, end = self.seconds[number], self.seconds[number + 1]
        part = min(max((seconds - begin) / max(end - begin, 1e-6), 0.0), 1.0)
        turn = self.turns[number] + (self.turns[number + 1] - self.turns[number]) * part
        return way_of(turn, self.slopes[number] + (self.slopes[number + 1] - self.slopes[number]) * part)


def sunway(shot: Shot, sight: Sight, passed: tuple[Station, ...] = (), own: int = 0) -> Sunway | None:
    """The way of the disc over a shot at the station `own` of those it has `passed`; None where it stands still."""
    hour = hour_of(shot)
    if "rainbow" in shot.subjects:
        return None
    if shot.time == "night":
        return _moonway(shot, sight) if passed or shot.tempo in LAPSES else None
    if passed:
        sunny = [station for station in passed if station.time != "night"]
        places = [_place(shot, station, sight, passed) for station in sunny]
        seconds = tuple(station.share * sight.duration_s for station in sunny)
        turn, slope = places[sunny.index(passed[own])]
        turns, slopes = tuple(turn for turn, _ in places), tuple(slope for _, slope in places)
        return Sunway(seconds, turns, slopes, way_of(turn, slope), far=True)
    if hour.name not in ("sunrise", "sunset") or shot.tempo != "real":
        return None
    turn, slope = _stands(shot, sight)
    sign = 1.0 if hour.name == "sunrise" else -1.0
    # A sun that is set as low as may be seen rises from there, or has come down to there.
    begin, end = (slope, slope + _RISE) if sign > 0 else (slope + 0.6 * _RISE, slope - 0.4 * _RISE)
    return Sunway((0.0, _RISES_S), (turn, turn + 0.004 * sign), (begin, end), way_of(turn, begin), far=False)


def _stands(shot: Shot, sight: Sight) -> tuple[float, float]:
    way = disc_way(shot, sight)
    return math.atan2(float(way[0]), float(way[1])), float(way[2]) / math.hypot(float(way[0]), float(way[1]))


def _moonway(shot: Shot, sight: Sight) -> Sunway:
    turn, slope = _stands(shot, sight)
    knots = (
        (turn - 0.4 * _NIGHT_TURN, turn + 0.6 * _NIGHT_TURN),
        (slope - 0.4 * _NIGHT_RISE, slope + 0.6 * _NIGHT_RISE),
    )
    return Sunway((0.0, sight.duration_s), *knots, way_of(turn, slope), True, 0.24 / max(sight.duration_s, 2.0))


def _place(shot: Shot, station: Station, sight: Sight, passed: tuple[Station, ...]) -> tuple[float, float]:
    """Heading and slope of the sun at a station: from left to right, in the frame while it is low."""
    if station.hour == "noon":
        return sight.yaw, math.tan(math.radians(56.0))
    if station.time == "day" and {one.climbs for one in passed if one.time == "day"} >= {1, -1}:
        wide = 1.1 if passed[0].time == "day" else 0.2
        return sight.yaw - wide * station.climbs, math.tan(math.radians(30.0))
    low = "sunrise" if station.climbs > 0 else "sunset"
    turn, slope = _stands(replace(shot, time=low, hour="", subjects=()), sight)
    if station.hour == "blue":
        return turn - 0.10 * station.climbs, -0.07
    if station.hour == "golden":
        return turn + 0.10 * station.climbs, min(2.1 * slope, max(0.86 * sight.top, slope))
    if station.time == "day":
        return turn + 0.62 * station.climbs, math.tan(math.radians(30.0))
    return turn, slope
