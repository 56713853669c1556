"""From a prompt to what is done with a picture: how the camera moves, and what comes alive.

Asks `words` for the shot and adds what only matters to pictures: the sense of a move (in or out, left or right)
and the living things. A word after "no" or "without" does not count. The same prompt gives the same direction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from seedbed.engines.previz.script import Shot

_LIVING: dict[str, str] = {
    "flames": "candle candles candlelight candlelit flame flames fire fireplace bonfire campfire torch lantern "
    "lanterns flicker flickering birthday свеча свечи mum mumlar świeca świece 蜡烛 烛光",
    "blown": "blow blows blowing blew blown задувает üflüyor zdmuchuje 吹灭",
    "snow": "snow snowing snowfall snowy snowflake snowflakes blizzard снег kar śnieg 雪 下雪",
    "rain": "rain raining rainy drizzle downpour storm stormy дождь yağmur deszcz 雨 下雨",
    "fog": "fog foggy mist misty haze hazy туман sis mgła 雾",
    "smoke": "smoke smoky steam steaming incense дым duman dym 烟",
    "water": "water river rivers stream creek brook lake pond ocean sea seas wave waves surf bay lagoon waterfall "
    "harbour harbor shimmer shimmering reflection reflections "
    "река море океан nehir deniz rzeka morze 河 河流 海 海洋 湖 水",
    "wind": "wind windy breeze breezy sway swaying rustle rustling leaves foliage tree trees forest grass flowers "
    "ветер rüzgar wiatr 风",
    "clouds": "cloud clouds cloudy timelapse drifting облака bulutlar chmury 云",
    "sun": "sun sunlight sunny sunshine sunrise sunset dawn golden sunbeam rays "
    "солнце закат рассвет güneş słońce 阳光 日出 日落",
    "person": "woman man girl boy person portrait face child lady guy people model smile smiles smiling she he "
    "женщина мужчина девушка kadın erkek kobieta mężczyzna 女人 男人 女孩 人",
}
_THING = {word: thing for thing, words in _LIVING.items() for word in words.split()}
_NOT = frozenset({"no", "not", "without", "never", "без", "bez", "没有"})
_MOVES = {
    "dolly": "push", "flight": "push", "tracking": "push", "push": "push", "push_in": "push", "forward": "push",
    "first_person": "push", "zoom": "zoom", "zoom_in": "zoom", "zoom_out": "pull", "pull": "pull",
    "dolly_out": "pull", "pan": "pan", "truck": "truck", "tilt": "tilt", "crane": "crane", "orbit": "orbit",
    "static": "static", "handheld": "handheld", "aerial": "push",
}  # fmt: skip
_SAID = (
    (r"\b(?:zoom\w*|pull\w*|doll\w+|push\w*|mov\w+|track\w*)(?: \w+){0,2}? (?:out|back|backwards?|away)\b", "pull"),
    (r"\b(?:hand-?held|shaky)\b", "handheld"),
    (r"\b(?:crane|jib|pedestal|rising|rises)\b", "crane"),
    (r"\b(?:truck\w*|slides?|sliding|crab\w*)\b", "truck"),
    (r"\b(?:push\w*|doll\w+)\b", "push"),
)
_PACE = {"slow": 0.7, "calm": 0.7, "normal": 1.0, "fast": 1.5}


@dataclass(frozen=True, slots=True)
class Direction:
    """`move` is one of push, pull, zoom, pan, truck, tilt, crane, orbit, handheld, static; `across` is 1 to the
    right and -1 to the left, `upward` 1 up and -1 down; `pace` multiplies how far it goes; `living` what moves."""

    move: str
    across: int
    upward: int
    pace: float
    living: frozenset[str]

    def plan(self) -> dict[str, Any]:
        """For people to read."""
        return {"camera": self.move, "living": sorted(self.living)}


def read(prompt: str, shot: Shot, *, fixed: bool) -> Direction:
    """What `prompt` (of which `shot` was read) asks of a picture. Any string is taken."""
    text = " ".join(prompt.casefold()[:20_000].split())
    found, denied = _found(re.findall(r"[^\W\d_]+", text))
    # Chinese is written without spaces: its words are looked for inside.
    found |= {thing for word, thing in _THING.items() if ord(word[0]) > 0x2E80 and word in text}
    weather = getattr(shot, "weather", "")
    if weather in ("snow", "rain", "fog") and weather not in denied:
        found.add(weather)
    move = "static" if fixed else _move(text, shot)
    across = -1 if re.search(r"\b(?:left|leftwards?|counter-?clockwise)\b", text) else 1
    upward = -1 if re.search(r"\b(?:tilt\w*|crane|camera|pedestal)(?: \w+){0,2}? down\b", text) else 1
    return Direction(move, across, upward, _PACE.get(str(getattr(shot, "pace", "normal")), 1.0), frozenset(found))


def _found(said: list[str]) -> tuple[set[str], set[str]]:
    """What is spoken of, and what only to say that it is not there."""
    found: set[str] = set()
    denied: set[str] = set()
    for place, word in enumerate(said):
        thing = _THING.get(word)
        if thing:
            (denied if _NOT & set(said[max(place - 2, 0) : place]) else found).add(thing)
    return found, denied - found


def _move(text: str, shot: Shot) -> str:
    for pattern, move in _SAID:
        if re.search(pattern, text):
            return move
    return _MOVES.get(str(getattr(shot, "move", "")), "push")
