"""A `Shot`: what the engine understood of one shot, in closed vocabularies, and how gaps are filled.

What a text does not say is taken from the shot before it, else from what it does say, else drawn by its salt: the
hash of the words that are not known. The same meaning gives the same shot.
"""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass
from typing import Any

from seedbed.engines.previz.script.meaning import Meaning

LISTED_MAX = 40

_DRAWN_AS = {
    "forest": "forest", "jungle": "jungle", "mountain": "mountain", "canyon": "canyon", "volcano": "volcano",
    "desert": "desert", "meadow": "meadow", "coast": "coast", "ocean": "ocean", "city": "meadow", "space": "desert",
    "underwater": "coast", "interior": "meadow",
}  # fmt: skip
_LANDS = frozenset({"forest", "jungle", "mountain", "canyon", "volcano", "desert", "meadow", "coast", "ocean"})
"""Places that are land or sea; the names of all others tell their worlds apart."""
_HELD = frozenset(
    ("trees", "clouds", "water", "wind", "stars", "sun", "moon", "music", "birds", "aurora", "lightning", "storm",
     "rainbow", "meteor", "fireflies", "petals", "leaves", "flowers")
)  # fmt: skip
"""Subjects that a world and its sound hold by themselves; the camera turns to all others."""
_UNDRAWN = frozenset({"food"})
"""What there is no model for but on a table."""
_LOW = frozenset({"dolly", "static", "tracking", "first_person", "handheld"})
"""Moves that stay near the ground unless an aerial view is asked for."""
_NEAR = frozenset({"interior", "underwater", "space"})
"""Places that are never seen from above unless that is asked for."""
_INHERITED = ("season", "time", "weather", "style")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One shot, said in the engine's own words.

    `place` is what was understood and `setting` what is drawn for it. `sense` is 1 for in, right, up or clockwise
    and -1 for the contrary. `without` names what there must be none of. `salt` is 32 bits from the words it does
    not know, which move the palette and the camera; `site` likewise decides where the world lies. `hour` is finer
    than `time` ("noon", "golden", "blue"), and `course` says which hours pass; `bodies` are the planets and other
    worlds that space holds. No word says `near` and `aside`: how many times nearer than usual the camera is, and
    how far round its subject in radians; cuts on beats differ by them.
    """

    setting: str
    water: str
    season: str
    time: str
    weather: str
    move: str
    pace: str
    aerial: bool
    place: str = ""
    sense: int = 1
    handheld: bool = False
    tempo: str = "real"
    style: str = "natural"
    light: str = ""
    moods: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    salt: int = 0
    site: int = 0
    hour: str = ""
    course: str = ""
    bodies: tuple[str, ...] = ()
    near: float = 1.0
    aside: float = 0.0

    def plan(self) -> dict[str, Any]:
        """The shot as plain JSON, for people to read."""
        said = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        del said["salt"], said["site"], said["near"], said["aside"]
        return said | {"notes": self._notes()}

    def _notes(self) -> list[str]:
        notes = []
        undrawn = [subject for subject in self.subjects if subject in _UNDRAWN and self.place != "interior"]
        if undrawn:
            notes.append(f"understood, but not drawn: {', '.join(undrawn)}")
        if self.unknown:
            notes.append(
                f"not known, so their letters alone move palette, layout and motion: {', '.join(self.unknown)}"
            )
        return notes


def shot_of(meaning: Meaning, text: str, before: Shot | None = None) -> Shot:
    """The shot that `meaning`, which was read of `text`, asks for. What it leaves open is as in the shot `before`
    it; a shot that names no place of its own stays where that one was."""
    salt = _salt(meaning, text)
    place = meaning.first("place") or meaning.first("hint")
    stays = before is not None and place is None and meaning.first("water") is None
    kept = {name: meaning.first(name) or (getattr(before, name) if before else None) for name in _INHERITED}
    if before is not None and stays:
        setting, water, place, site = before.setting, before.water, before.place, before.site
        salt = salt or before.salt
        without = before.without
    else:
        place, setting, water = _where(meaning, place, salt)
        site, without = _site(meaning, place, salt), ()
    weather = _weather(meaning, kept["weather"])
    if "weather" not in meaning.said and {"storm", "lightning"} & set(meaning.every("subject")):
        weather = weather if ("weather", "rain") in meaning.denied else "rain"
    time = kept["time"] or _unsaid_time(meaning, place, salt)
    season = kept["season"] or _unsaid_season(meaning, salt)
    if meaning.first("season") is None and weather == "snow":
        season = "winter"
    return Shot(
        setting=setting, water=water, season=season, time=time, weather=weather, place=place, **_camera(meaning, place),
        style=kept["style"] or "natural", light=meaning.first("light") or "", moods=tuple(meaning.every("mood")),
        subjects=tuple(meaning.every("subject")), without=tuple(sorted({*without, *_without(meaning)})),
        known=tuple(meaning.known)[: 4 * LISTED_MAX], unknown=tuple(meaning.unknown)[:LISTED_MAX],
        salt=salt, site=site, hour=meaning.first("hour") or "", course=meaning.first("course") or "",
        bodies=tuple(meaning.every("body")),
    )  # fmt: skip


def _salt(meaning: Meaning, text: str) -> int:
    strange = " ".join(meaning.unknown) if meaning.known or meaning.unknown else text
    return zlib.crc32(strange.encode("utf-8", "replace")) if strange.strip() else 0


def _site(meaning: Meaning, place: str, salt: int) -> int:
    """Who is in it counts as well: no two prompts share a world by accident."""
    others = [name for name in meaning.every("subject") if name not in _HELD]
    if place not in _LANDS:
        others.append(place)
    return salt ^ zlib.crc32(" ".join(others).encode()) if others else salt


def _camera(meaning: Meaning, place: str) -> dict[str, Any]:
    moves = meaning.every("move")
    tempo = meaning.first("tempo") or ("time_lapse" if meaning.first("course") else "real")
    handheld = "handheld" in moves
    steady = [move for move in moves if move not in ("handheld", "flight")] or [m for m in moves if m != "handheld"]
    move = steady[0] if steady else "handheld" if handheld else "static" if tempo == "time_lapse" else "flight"
    view = meaning.first("view")
    # What is told of somebody or something is seen from near by; a place alone, from above.
    told = any(subject not in _HELD for subject in meaning.every("subject"))
    aerial = view == "aerial" if view else move not in _LOW and not told and place not in _NEAR
    return {
        "move": move, "sense": int(meaning.first("sense") or 1), "handheld": handheld, "tempo": tempo,
        "pace": meaning.first("pace") or "normal", "aerial": aerial,
    }  # fmt: skip


def _where(meaning: Meaning, place: str | None, salt: int) -> tuple[str, str, str]:
    """The place, the setting drawn for it, and its water."""
    water = meaning.first("water")
    nothing = place is None and water is None
    if place is None:
        bare = ("subject", "trees") in meaning.denied
        first = {"ocean": "ocean", "lake": "mountain", "river": "forest"}.get(water or "")
        among = [s for s in (first, "forest", "mountain", "meadow", "forest", "coast", "desert") if s]
        free = [s for s in among if ("place", s) not in meaning.denied and not (bare and s == "forest")] or ["meadow"]
        place = free[0] if water else _draw(salt, 0, tuple(free[:4]))
    setting = _DRAWN_AS[place]
    if water is None:
        crossed = "bridge" in meaning.every("subject") or (place == "city" and "ship" in meaning.every("subject"))
        water = {"coast": "ocean", "ocean": "ocean", "canyon": "river"}.get(setting, "none")
        if water == "none" and (nothing or crossed):
            water = "river"
        if ("water", water) in meaning.denied or ("subject", "water") in meaning.denied:
            setting, water = ("meadow" if setting in ("coast", "ocean") else setting), "none"
    return place, setting, water


def _weather(meaning: Meaning, kept: str | None) -> str:
    if kept and ("weather", kept) not in meaning.denied:
        return kept
    no_clouds = {("weather", "cloudy"), ("subject", "clouds")} & meaning.denied
    return "clear" if no_clouds else "fair"


def _unsaid_time(meaning: Meaning, place: str | None, salt: int) -> str:
    lit = "fireworks" in meaning.every("subject") or (place == "city" and meaning.first("style") == "neon")
    if place == "space" or (lit and ("time", "night") not in meaning.denied):
        return "night"
    free = [time for time in ("day", "day", "sunset", "sunrise") if ("time", time) not in meaning.denied] or ["night"]
    return _draw(salt, 7, tuple(free)) if salt else free[0]


def _unsaid_season(meaning: Meaning, salt: int) -> str:
    free = [name for name in ("summer", "autumn", "spring") if ("season", name) not in meaning.denied]
    return _draw(salt, 3, tuple(free))


def _without(meaning: Meaning) -> set[str]:
    """What there must be none of, by the names of subjects, waters and weathers."""
    told = {"subject", "water", "weather", "place", "style"}
    names = {"cloudy": "clouds", "forest": "trees"}
    return {names.get(value, value) for name, value in meaning.denied if name in told}


def _draw(salt: int, turn: int, among: tuple[str, ...]) -> str:
    return among[(salt >> turn) % len(among)]
