"""From a prompt to a `Shot`: what the engine understood, in closed vocabularies.

English, a modest lexicon, no grammar: each word that is known sets one field, and the first to set a field
wins. Words that are not known are listed as such and still count: their hash (`Shot.salt`) moves the
layout and the palette, so two prompts never share a world by accident. The same prompt gives the same Shot.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import asdict, dataclass
from typing import Any

WORDS_MAX = 2000
LISTED_MAX = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One shot, said in the engine's own words. `salt` is 32 bits from the words it does not know."""

    setting: str
    water: str
    season: str
    time: str
    weather: str
    move: str
    pace: str
    aerial: bool
    known: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    salt: int = 0

    def plan(self) -> dict[str, Any]:
        """The shot as plain JSON, for people to read."""
        said = asdict(self)
        del said["salt"]
        return said | {"known": list(self.known), "unknown": list(self.unknown)}


_GROUPS: dict[str, dict[str, str]] = {
    "setting": {
        "forest": "forest forests woods woodland trees tree jungle taiga grove canopy foliage",
        "mountain": "mountain mountains alps alpine peak peaks ridge summit cliff cliffs canyon highlands",
        "desert": "desert dunes dune sahara sand sandy arid oasis",
        "meadow": "meadow meadows field fields grassland prairie savanna plain plains hills countryside steppe",
        "coast": "coast coastline beach shore island islands",
    },
    "water": {
        "river": "river rivers stream creek brook rapids waterfall",
        "lake": "lake lakes pond lagoon reservoir",
        "ocean": "ocean sea seas waves wave surf bay",
    },
    "season": {
        "autumn": "autumn autumnal fall october november",
        "winter": "winter wintry december january icy frozen snowy",
        "spring": "spring april may blossom blossoms blooming",
        "summer": "summer june july august lush",
    },
    "time": {
        "sunrise": "sunrise dawn morning daybreak",
        "sunset": "sunset dusk evening twilight golden",
        "night": "night midnight moonlight moonlit stars starry nocturnal",
        "day": "day daytime noon midday sunny daylight",
    },
    "weather": {
        "fog": "fog foggy mist misty haze hazy",
        "rain": "rain rainy raining storm stormy drizzle downpour",
        "snow": "snow snowing snowfall snowflakes blizzard",
        "cloudy": "cloudy clouds overcast",
        "clear": "clear cloudless",
    },
    "move": {
        "orbit": "orbit orbits orbiting circling circle around",
        "pan": "pan panning pans sweeping panorama panoramic",
        "tilt": "tilt tilting tilts",
        "zoom": "zoom zooming zooms",
        "dolly": "dolly push tracking forward travelling",
        "static": "static still locked tripod motionless",
        "flight": "flight fly flying flyover drone soaring gliding",
    },
    "pace": {
        "slow": "slow slowly gentle calm peaceful serene",
        "fast": "fast quick rapid speeding racing dynamic energetic",
    },
    "view": {"aerial": "aerial drone flyover overhead above bird flight soaring"},
    "style": {
        "": "cinematic motion camera view shot film footage movie video scene landscape nature flowing flows "
        "moving beautiful realistic photorealistic lighting light colours colors color wide water sky valley "
        "sun warm"
    },
}
_LEXICON: dict[str, list[tuple[str, str]]] = {}
for _field, _values in _GROUPS.items():
    for _value, _words in _values.items():
        for _word in _words.split():
            _LEXICON.setdefault(_word, []).append((_field, _value))

_SILENT = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "in",
        "on",
        "at",
        "to",
        "and",
        "or",
        "with",
        "by",
        "from",
        "into",
        "through",
        "over",
        "under",
        "for",
        "as",
        "is",
        "are",
        "its",
        "it",
        "this",
        "that",
        "up",
        "down",
        "out",
        "very",
        "some",
        "very",
        "our",
        "their",
        "his",
        "her",
    ]
)


def read(prompt: str) -> Shot:
    """What `prompt` asks for. Any string is taken; nothing in it can fail."""
    words = re.findall(r"[^\W\d_]+", prompt.casefold())[:WORDS_MAX]
    said: dict[str, str] = {}
    known: dict[str, None] = {}
    unknown: dict[str, None] = {}
    for word in words:
        if word in _LEXICON:
            known[word] = None
            for group, value in _LEXICON[word]:
                said.setdefault(group, value)
        elif word not in _SILENT:
            unknown[word] = None
    strange = " ".join(unknown) if words else prompt
    salt = zlib.crc32(strange.encode("utf-8", "replace")) if strange.strip() else 0
    return _complete(said, tuple(known), tuple(unknown)[:LISTED_MAX], salt)


def _complete(said: dict[str, str], known: tuple[str, ...], unknown: tuple[str, ...], salt: int) -> Shot:
    """Fills what was not said: from what was, or from the salt when nothing was."""
    nothing = "setting" not in said and "water" not in said
    weather = said.get("weather", "fair")
    setting = said.get("setting") or _setting_for(said.get("water"), salt if nothing else None)
    water = said.get("water") or _water_for(setting, nothing)
    season = said.get("season") or ("winter" if weather == "snow" else _draw(salt, 3, ("summer", "autumn", "spring")))
    move = said.get("move", "flight")
    return Shot(
        setting=setting,
        water=water,
        season=season,
        time=said.get("time") or ("day" if not salt else _draw(salt, 7, ("day", "day", "sunset", "sunrise"))),
        weather=weather,
        move=move,
        pace=said.get("pace", "normal"),
        aerial="view" in said or move not in ("dolly", "static"),
        known=known,
        unknown=unknown,
        salt=salt,
    )


def _setting_for(water: str | None, salt: int | None) -> str:
    if water is None:
        return _draw(salt or 0, 0, ("forest", "mountain", "meadow", "forest"))
    return {"ocean": "coast", "lake": "mountain", "river": "forest"}[water]


def _water_for(setting: str, nothing: bool) -> str:
    if setting == "coast":
        return "ocean"
    return "river" if nothing else "none"


def _draw(salt: int, turn: int, among: tuple[str, ...]) -> str:
    return among[(salt >> turn) % len(among)]
