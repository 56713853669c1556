"""Phrases of a prompt that say what a reference is for. Any string is taken; case, punctuation and line breaks do not
matter."""

from __future__ import annotations

import re
from typing import Literal

Phrase = Literal["", "continue", "edit"]

_GIVEN = r"supplied|provided|given|attached|uploaded|included"
_CLIP = r"videos?|clips?|footage|shots?|film|movie|sequence"
_OWN = r"the|this|that|my|our"
_CONTINUE = re.compile(
    rf"\b(?:continu(?:e|es|ed|ing|ation)|carry(?:ing)? on|extend(?:s|ed|ing)?|resum(?:e|es|ing)|pick(?:s|ing)? up)"
    rf"(?: (?:on|onwards?|directly|straight|seamlessly|smoothly|right|exactly))*(?: (?:from|of|with|after))?"
    rf"(?: where)?(?: (?:the )?(?:end|last frame) of)?(?: (?:{_OWN}))?"
    rf"(?: (?:{_GIVEN}))?(?: (?:previous|preceding|prior|earlier|last|source|reference))*(?: (?:{_GIVEN}))?"
    rf" (?:{_CLIP})\b"
)
_EDIT = re.compile(
    rf"\b(?:strict(?:ly)?|only|just)[ -]?(?: only)? ?edit(?:s|ed|ing)?(?: of)?(?: (?:{_OWN}))?"
    rf"(?: (?:{_GIVEN}|source|original|input|reference|existing))* (?:{_CLIP})\b"
)
_NAMED = re.compile(
    rf"\b(?:{_GIVEN}|previous|preceding|prior|earlier|last|source|reference|original|input|existing|this|my)\b"
)
_DENIED = re.compile(r"(?:\b(?:not|never|without)|n t|\bdont) (?:\w+ )?$")
_SYNCED = re.compile(
    r"\b(?:beat|music|rhythm|tempo|audio|song|track|soundtrack) "
    r"(?:synced|synchroni[sz]ed|matched|driven|cuts?|cutting)\b"
    r"|\b(?:sync(?:ed|hroni[sz]ed|s|ing)?|cuts?|cutting|edit(?:ed|s)?|timed|match(?:ed|es|ing)?|set|choreographed|move[sd]?"
    r"|moving|in time|in sync|in rhythm)(?: \w+){0,4}? (?:to|on|with)(?: the)?(?: \w+){0,2}? "
    r"(?:beats?|music|rhythm|tempo|song|track|soundtrack|drums?|bass|audio)\b"
    r"|\bon (?:the|every|each) (?:beat|downbeat|kick|drum)s?\b|\brhythmic(?:ally)? (?:cuts?|edit\w*|montage)\b"
    r"|卡点|踩点|节拍|跟随节奏|под ритм|в такт|под музыку|ritme|müziğe göre|do rytmu|w rytm"
)


def phrase_of(prompt: str) -> Phrase:
    """ "continue" or "edit" where `prompt` says to continue from a given clip or strictly to edit one. Where it says
    both, the one that comes first counts."""
    text = plain(prompt)
    ahead, change = _first(_CONTINUE, text), _first(_EDIT, text)
    if ahead is not None and (change is None or ahead.start() < change.start()):
        return "continue"
    return "edit" if change is not None else ""


def synced(prompt: str) -> bool:
    """Whether `prompt` wants cuts or movement on the beats of the music."""
    return _first(_SYNCED, plain(prompt)) is not None


def plain(prompt: str) -> str:
    """Lower case, with single spaces for all that is no letter and no digit."""
    return " ".join(re.sub(r"[^\w]+|_", " ", prompt[:20_000].casefold()).split())


def _first(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """The first match that is not denied and that names a clip which is there."""
    for match in pattern.finditer(text):
        if _DENIED.search(text[: match.start()]) is None and (pattern is _SYNCED or _NAMED.search(match.group())):
            return match
    return None
