"""A source video given back, frame for frame, in another season, light, weather or style: "strictly edit".

What moves, when it moves and where its edges are stay the source's; the prompt decides the rest. A prompt that asks
for no change that we know gives the video back as it is, fitted to the frame.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedbed.engines import FPS
from seedbed.engines.previz.grade import Planes
from seedbed.engines.previz.references import change
from seedbed.engines.previz.references.clip import Check
from seedbed.engines.previz.references.source import FAR, Source, brightness
from seedbed.engines.previz.script.meaning import Meaning, understand
from seedbed.engines.previz.stills import depth, finish, light, parallax

Floats = NDArray[np.float32]
Restyle = Callable[[Planes, int, Check], Planes]

BAND = 96
_NOT_THIS = re.compile(
    r"\b(?:instead of|rather than|no longer|not|from)\s+(?:an?\s+|the\s+|this\s+)?[\w-]+(?=\s|[,.;]|$)", re.IGNORECASE
)
_SEASONS = {"autumn": change.AUTUMN, "winter": change.WINTER, "spring": change.SPRING, "summer": change.SUMMER}
_TIMES = {"night": change.NIGHT, "sunset": change.SUNSET, "sunrise": change.SUNRISE, "day": change.DAY}
_WEATHERS = {
    "cloudy": change.CLOUDY,
    "rain": change.WET,
    "snow": change.CLOUDY,
    "fog": change.FOG,
    "clear": change.CLEAR,
}
_ENDS_IN = {"dawn_dusk": "sunset", "day_night": "night", "night_day": "day"}
"""What a clip is turned into where the words are those of hours that pass: "change day to night"."""
_DARK, _BRIGHT = 0.18, 0.34
"""Mean lumas of a night and of a day: what already is so need not be made so."""
_BEGUN_S = 40.0
"""Rain and snow have fallen for this long when the film begins."""
_FIRM = {"rain": 0.75, "snow": 0.5}
"""What falls must leave the given video to be seen; see `let_fall`."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a prompt wants changed: "" where it says nothing."""

    season: str = ""
    time: str = ""
    weather: str = ""

    def plan(self) -> dict[str, str]:
        """For people to read."""
        return {name: value for name, value in (("season", self.season), ("time", self.time), ("weather", self.weather))
                if value}  # fmt: skip


def wish_of(prompt: str) -> Wish:
    """The changes that `prompt` asks for. Of "turn the summer into winter" the last counts; what is to give way
    ("instead of day") does not."""
    meaning = understand(_NOT_THIS.sub(" ", prompt[:20_000]))
    weather = _last(meaning, "weather")
    season = _last(meaning, "season") or ("winter" if weather == "snow" else "")
    time = _ENDS_IN.get(_last(meaning, "course")) or _last(meaning, "time")
    return Wish(season, time, "" if weather == "fair" else weather)


def _last(meaning: Meaning, name: str) -> str:
    said = meaning.every(name)
    return said[-1] if said else ""


class Edited:
    """All frames of the changed source. `draw` may be called from any thread, best roughly in order; `restyle` is
    called with each frame at its end."""

    def __init__(
        self, path: Path, prompt: str, *, width: int, height: int, frames: int, seed: int, check: Check,
        restyle: Restyle | None = None,
    ) -> None:  # fmt: skip
        self.width, self.height, self._frames, self._seed = width, height, frames, seed & 0x7FFFFFFF
        self.wish, self._restyle = wish_of(prompt), restyle
        self._source = Source(path, width=width, height=height)
        bright = brightness(path, check)
        self._knobs, self._day = _knobs(self.wish, bright), min(max(0.25 + 2.2 * bright, 0.3), 1.0)
        self._field = change.tile(self._seed)
        self._tables = np.concatenate([change.LEAVES, change.FRESH, change.LUSH, change.SKIES])
        self._dither = finish.dither()
        rng = np.random.default_rng([self._seed, 43])
        places = rng.random((260, 3)).astype(np.float32) * np.array([1.6, 0.75, 1.0], np.float32)
        self._stars = np.ascontiguousarray(places - np.array([0.3, 0.1, 0.0], np.float32))
        self._cell = parallax.cell_px(width, height)

    def plan(self) -> dict[str, Any]:
        """What is changed, for people to read."""
        return {"edit": self.wish.plan()}

    def draw(self, number: int, check: Check) -> Planes:
        """Frame `number` as the three planes of 4:2:0 BT.709. `check` is called often and may raise to stop."""
        check()
        seen, seconds = self._source.at(number, check), number / FPS
        out = finish.planes(self.width, self.height)
        if not self._knobs.any():
            for plane, own in zip(out, seen.planes, strict=True):
                plane[:] = own
            return self._restyle(out, number, check) if self._restyle else out
        pin = np.array([seen.grown.real, seen.grown.imag, seen.moved.real, seen.moved.imag, seen.horizon, self._day])
        for begin in range(0, self.height, BAND):
            check()
            change.change(
                *out, *seen.planes, seen.maps, self._knobs, self._field, pin, self._tables, self._dither, seconds,
                self._seed, begin, min(begin + BAND, self.height),
            )  # fmt: skip
        if self._knobs[change.NIGHT] > 0 and not self._knobs[change.WET] + self._knobs[change.FOG]:
            change.stars(out[0], seen.maps, pin, float(self._knobs[change.NIGHT]), seconds, self._stars)
        if self.wish.weather in ("rain", "snow"):
            self._fall(out, seen.maps, seconds)
        return self._restyle(out, number, check) if self._restyle else out

    def _fall(self, out: Planes, maps: Floats, seconds: float) -> None:
        """Rain or snow, behind what is nearer."""
        rows, columns = parallax.nodes(self.width, self.height, self._cell)
        mesh = np.empty((2, rows, columns), np.float32)
        mesh[0] = np.arange(columns, dtype=np.float32)[None, :] * self._cell
        mesh[1] = np.arange(rows, dtype=np.float32)[:, None] * self._cell
        place = np.zeros((5, *maps.shape[1:]), np.float32)
        place[depth.NEAR] = 0.45 * (1.0 - maps[FAR])
        light.let_fall(*out, mesh, place, self._cell, self.wish.weather == "snow", seconds + _BEGUN_S, self._seed,
                       _FIRM[self.wish.weather])  # fmt: skip


def _knobs(wish: Wish, mean: float) -> Floats:
    """How strong each change must be for a source of mean luma `mean`."""
    knobs = np.zeros(change.KNOBS, np.float32)
    if wish.season:
        knobs[_SEASONS[wish.season]] = 1.0
    if wish.time == "night":
        knobs[change.NIGHT] = np.clip((mean - _DARK) / (_BRIGHT - _DARK), 0.0, 1.0)
    elif wish.time == "day":
        knobs[change.DAY] = np.clip((_BRIGHT - mean) / (_BRIGHT - _DARK), 0.0, 1.0)
    elif wish.time:
        knobs[_TIMES[wish.time]] = 1.0
    if wish.weather in _WEATHERS:
        knobs[_WEATHERS[wish.weather]] = 0.45 if wish.weather == "snow" else 1.0
    return knobs
