"""The temper of a film: what a channel adds to a prompt where the prompt leaves that open.

"standard" adds nothing. "real" shows a place as a documentary would: plain lens, restrained colours, little music.
"wild" draws by the seed a bold style and mood, and hurries. What a prompt says of style, mood or pace always stands,
and so does what it denies.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from seedbed.engines import Channel
from seedbed.engines.previz.script import Cut
from seedbed.engines.previz.script.meaning import Meaning, understand
from seedbed.engines.previz.script.order import TEXT_MAX

_BOLD_STYLES = ("cinematic", "neon", "anime", "vintage", "oil", "comic", "pastel")
_BOLD_MOODS = ("dramatic", "mysterious", "bright")


def tempered(cuts: tuple[Cut, ...], prompt: str, channel: Channel, seed: int) -> tuple[Cut, ...]:
    """The shots of `prompt`, which are `cuts`, in the temper of `channel`: one for the whole film."""
    if channel == "standard":
        return cuts
    meaning = understand(prompt[:TEXT_MAX])
    added = _real(meaning) if channel == "real" else _wild(meaning, seed)
    return tuple(replace(cut, shot=replace(cut.shot, **added)) for cut in cuts)


def _real(meaning: Meaning) -> dict[str, Any]:
    said = meaning.first("style") or ("style", "documentary") in meaning.denied
    return {} if said else {"style": "documentary"}


def _wild(meaning: Meaning, seed: int) -> dict[str, Any]:
    added: dict[str, Any] = {}
    for_style, for_mood = np.random.default_rng([seed, 7]).random(2)
    if meaning.first("style") is None:
        styles = [style for style in _BOLD_STYLES if ("style", style) not in meaning.denied]
        added["style"] = styles[int(for_style * len(styles))] if styles else "natural"
    if meaning.first("mood") is None:
        moods = [mood for mood in _BOLD_MOODS if ("mood", mood) not in meaning.denied]
        added["moods"] = (moods[int(for_mood * len(moods))],) if moods else ()
    if meaning.first("pace") is None and meaning.first("tempo") is None and ("pace", "fast") not in meaning.denied:
        added["pace"] = "fast"
    return added
