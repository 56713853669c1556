"""What takes and verifies webhooks: the receivers of the documentation, whose tests run them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from seedbed.docsite.library import FOLDER

RECEIVERS = {"Python": "receiver.py", "JavaScript": "receiver.mjs", "Go": "receiver.go"}


@dataclass(frozen=True, slots=True)
class Snippet:
    """A small program. `name` is its file's."""

    language: str
    name: str
    text: str


@cache
def receivers() -> tuple[Snippet, ...]:
    """A receiver in each language."""
    folder = FOLDER / "samples" / "webhooks"
    return tuple(
        Snippet(language, name, (folder / name).read_text("utf-8").strip()) for language, name in RECEIVERS.items()
    )
