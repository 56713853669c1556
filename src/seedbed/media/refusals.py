"""Why a medium is refused: a small set of codes, which is all that a decoder's process may say of it.

The words are ours and stand in `REASONS`; what a library says of a stranger's file goes nowhere.
"""

from __future__ import annotations

REASONS: dict[str, str] = {
    "unknown": "is not a picture, video or sound in a format that is taken",
    "damaged": "is damaged, or only a part of a file",
    "codec": "is written in a codec that is not taken",
    "empty": "has nothing in it to see or hear",
    "pixels": "has more than 50 megapixels",
    "dimensions": "is larger than 8K (7680 × 4320)",
    "long": "is longer than 60 seconds",
    "frames": "has more than 60 frames, the most that an animated picture may have",
    "rate": "has too many frames a second",
    "costly": "takes too much time or memory to read",
}
"""Code → what is said of the medium, after its name."""


class Refused(Exception):
    """The medium is not taken. `code` is one of REASONS."""

    def __init__(self, code: str) -> None:
        if code not in REASONS:
            raise ValueError(f"unknown reason {code!r}")
        super().__init__(code)
        self.code = code
