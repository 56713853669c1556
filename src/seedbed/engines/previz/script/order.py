"""Where a prompt speaks of several shots: cuts it into pieces, in order, with their joins and lengths.

Labels ("Shot 1:", "镜头一："), times ("[0-3s]") and "cut to" always begin a shot; weaker words ("then", "finally")
propose one, and `storyboard` decides whether it would show anything new.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

TEXT_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Piece:
    """The text of one shot. `join` is how it follows the one before: "cut", "dissolve" or "fade" (through black);
    `start_s` and `end_s` are times that were told, `length_s` a length that was told. `sure` is False where the
    text may as well go on about the same shot. `leaves` is True when it fades to black."""

    text: str
    join: str = "cut"
    sure: bool = True
    start_s: float | None = None
    end_s: float | None = None
    length_s: float | None = None
    leaves: bool = False


_COUNT = r"(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|[一二三四五六七八九十]{1,2})"
_UNIT = r"(?:seconds?|secs?|s|秒钟?|сек(?:унд[аы]?)?|с|saniye|sn|sekund[ay]?)"
_CLOCK = r"\d{1,3}(?::\d{2})?(?:\.\d+)?"
_LABEL = (
    rf"(?:\b(?:shot|scene|кадр|сцена|план|sahne|plan|çekim|uj[ęe]cie|scena)\s*(?:#|no\.?\s*|№)?\s*{_COUNT}\b"
    rf"|(?:镜头|鏡頭|场景|場景|分镜|分鏡)\s*{_COUNT}|第\s*{_COUNT}\s*(?:个|個)?(?:镜头|鏡頭|镜|鏡|幕|场|場))"
    rf"\s*(?:[(\[（【]\s*(?P<length>\d{{1,3}}(?:\.\d+)?)\s*{_UNIT}\s*[)\]）】])?\s*(?:[:：.,，、)\-–—]|(?=[\[(（【])|(?<=[一-龥]))"
)


def _span(number: int) -> str:
    return rf"(?P<a{number}>{_CLOCK})\s*{_UNIT}?\s*(?:-|–|—|~|to|至|到)\s*(?P<b{number}>{_CLOCK})"


_TIMES = (
    r"(?:[\[(（【]\s*" + _span(1) + rf"\s*{_UNIT}?\s*[\])）】]\s*[:：]?"
    r"|(?<![\w:.])(?:from\s+)?" + _span(2) + rf"\s*{_UNIT}\s*[:：,，]"
    r"|(?<![\w:.])(?P<a3>\d{1,2}:\d{2})\s*[-–—]\s*(?P<b3>\d{1,2}:\d{2})\s*[:：,]?)"
)
_LEAD = r"(?:\band\s+|\bit\s+|\bthe (?:shot|scene|camera|film|video)\s+|\bwe\s+|\ba\s+)?"
_DISSOLVE = (
    rf"{_LEAD}\b(?:(?:slow|soft|gentle|slowly|softly|gently)\s+)?(?:cross[- ]?)?(?:dissolv(?:es?|ing)|fad(?:es?|ing))"
    r"\s+(?:in)?to\b(?!\s+black)|\b(?:morphs?|morphing|transforms?|transforming)\s+into\b"
    r"|\btransition(?:s|ing)?\s+(?:in)?to\b|(?:溶解|叠化|疊化|淡入|渐变|漸變|过渡|過渡)(?:到|至|为|為)"
    r"|\bпереход(?:ит)?\s+(?:в|к)\b|\bprzenika\s+w\b"
)
_FADE = r"\bfad(?:es?|ing)\s+(?:out\s+)?to\s+black\b(?:\s*(?:,|and|then|to)\s*)*"
_BEAT = r"(?!\s+(?:the\s+|every\s+|each\s+|its\s+)?(?:beats?|music|rhythm|tempo|song|track|soundtrack|drums?|bass)\b)"
"""What films are cut to, which is no shot."""
_CUT = (
    rf"{_LEAD}\b(?:(?:smash|hard|match|jump|quick|sharp)[- ]?)?(?:cut(?:s|ting)?\s+(?:back\s+)?to\b{_BEAT}|cut:)"
    r"|\bswitch(?:es)?\s+to\b|(?:切换到|切換到|切到|切至|转到|轉到|镜头切|鏡頭切)"
    r"|\bсклейка\b[:,]?|\bkesme\b[:,]?|\bcięcie\b[:,]?"
)
_THEN = (
    r"\b(?:and\s+)?(?:then|after (?:that|this)|afterwards?|next|finally|lastly|in the end|at last|followed by|"
    r"subsequently)\b(?=[\s,:])\s*,?|(?:然后|然後|接着|接著|随后|隨後|之后|之後|最后|最後)\s*[，,]?"
    r"|\b(?:затем|потом|после этого|наконец|sonra|ardından|son olarak|potem|następnie|wreszcie|na ko[nń]cu)\b\s*,?"
)
_MARKS = re.compile(
    rf"(?P<label>{_LABEL})|(?P<times>{_TIMES})|(?P<fade>{_FADE})|(?P<dissolve>{_DISSOLVE})|(?P<cut>{_CUT})|(?P<then>{_THEN})",
    re.IGNORECASE,
)
_FROM_TO = re.compile(
    r"\b(?P<what>transition(?:s|ing)?|transform(?:s|ation|ing)?|morph(?:s|ing)?|chang(?:es?|ing))\s+from\s+(?P<a>.+?)\s+(?:in)?to\s+(?=\w)",
    re.IGNORECASE | re.DOTALL,
)
_KINDS = ("label", "times", "fade", "dissolve", "cut", "then")


class _Mark(NamedTuple):
    kind: str
    begin: int
    end: int
    found: re.Match[str]


def pieces(prompt: str) -> list[Piece]:
    """The shots that `prompt` tells of, at least one. Text before the first label or time counts for all."""
    prompt = prompt[:TEXT_MAX]
    marks = _marks(prompt)
    if not marks:
        return _from_to(prompt)
    spine = any(mark.kind in ("label", "times") for mark in marks)
    head = prompt[: marks[0].begin]
    shared = head if spine and marks[0].kind in ("label", "times") else ""
    found: list[Piece] = [] if shared or not _says(head) else [Piece(head)]
    ahead = Piece("")
    for number, mark in enumerate(marks):
        end = marks[number + 1].begin if number + 1 < len(marks) else len(prompt)
        text = prompt[mark.end : end]
        ahead = _marked(ahead, mark, found)
        if not _says(text):
            continue
        if spine and mark.kind == "then":
            found[-1:] = [replace(found[-1], text=f"{found[-1].text}, {text}") if found else Piece(text)]
        else:
            found.append(replace(ahead, text=text))
        ahead = Piece("")
    if ahead.join == "fade" and found:
        found[-1] = replace(found[-1], leaves=True)
    with_shared = [replace(piece, text=f"{shared} {piece.text}") for piece in found] if _says(shared) else found
    return with_shared or [Piece(prompt)]


def _marks(prompt: str) -> list[_Mark]:
    found = []
    for match in _MARKS.finditer(prompt):
        kind = next(kind for kind in _KINDS if match.group(kind) is not None)
        found.append(_Mark(kind, match.start(), match.end(), match))
    return found


def _marked(ahead: Piece, mark: _Mark, found: list[Piece]) -> Piece:
    """What is known of the next piece, now that `mark` stands before it too."""
    group = mark.found.group
    if mark.kind == "label":
        length = group("length")
        return replace(ahead, sure=True, length_s=float(length) if length else ahead.length_s)
    if mark.kind == "times":
        begin, end = (next(group(f"{name}{n}") for n in (1, 2, 3) if group(f"{name}{n}")) for name in "ab")
        return replace(ahead, sure=True, start_s=_seconds(begin), end_s=_seconds(end))
    if mark.kind in ("fade", "dissolve"):
        if mark.kind == "fade" and found:
            found[-1] = replace(found[-1], leaves=True)
        return replace(ahead, join=mark.kind, sure=True)
    firm = mark.kind == "cut" or ahead.join != "cut" or ahead.start_s is not None
    return replace(ahead, sure=firm or (ahead.sure and ahead != Piece("")))


def _seconds(clock: str) -> float:
    minutes, _, seconds = clock.rpartition(":")
    return (float(minutes) * 60 if minutes else 0.0) + float(seconds)


def _says(text: str) -> bool:
    return any(char.isalnum() for char in text)


def _from_to(prompt: str) -> list[Piece]:
    """ "A transition from dawn to night" is two shots, the one dissolving into the other."""
    match = _FROM_TO.search(prompt)
    if match is None:
        return [Piece(prompt)]
    head = prompt[: match.start()]
    return [Piece(f"{head} {match.group('a')}"), Piece(f"{head} {prompt[match.end() :]}", join="dissolve", sure=False)]
