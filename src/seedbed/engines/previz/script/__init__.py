"""From a prompt to what the engine shows: `read` for the whole as one shot, `storyboard` for its shots in order.

`tongue` knows how words are inflected, `lexicon` (and `lexicon.toml`) what they mean, `meaning` what a text says
and denies, `shot` what is drawn for it, `order` where one shot ends and the next begins. English in full; the
commonest words of Chinese, Russian, Turkish and Polish. Any string is taken, nothing in it can fail, and the same
prompt gives the same shots. Words that are not known are listed and still count, by their hash.
"""

from __future__ import annotations

from seedbed.engines.previz.script.meaning import WORDS_MAX, understand
from seedbed.engines.previz.script.order import TEXT_MAX
from seedbed.engines.previz.script.shot import LISTED_MAX, Shot, shot_of
from seedbed.engines.previz.script.storyboard import SHOTS_MAX, Cut, storyboard

__all__ = ["LISTED_MAX", "SHOTS_MAX", "WORDS_MAX", "Cut", "Shot", "read", "storyboard"]


def read(prompt: str) -> Shot:
    """What `prompt` asks for, taken as one shot: of things that it says in turn, the first."""
    return shot_of(understand(prompt[:TEXT_MAX]), prompt)
