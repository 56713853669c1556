"""From a prompt and a number of frames to the shots of the film, in order, whose frames add up exactly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from seedbed.engines.previz.script.meaning import Meaning, understand
from seedbed.engines.previz.script.order import Piece, pieces
from seedbed.engines.previz.script.shot import Shot, shot_of

SHOTS_MAX = 8
FRAMES_MIN = 16
"""The shortest shot: fewer frames are a flash, not a shot."""
_SHOWN = ("place", "hint", "water", "season", "time", "weather", "move", "view", "tempo", "style", "subject")
"""Fields of which at least one must be said for "then" to begin another shot."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One shot of a film. `join` is how it follows the one before ("cut", "dissolve", "fade"); `leaves` says that
    it ends in black."""

    shot: Shot
    frames: int
    join: str = "cut"
    leaves: bool = False

    def plan(self, fps: int) -> dict[str, Any]:
        """For people to read."""
        return {"frames": self.frames, "seconds": round(self.frames / fps, 3), "join": self.join} | self.shot.plan()


def storyboard(prompt: str, *, frames: int, fps: int) -> tuple[Cut, ...]:
    """The shots of `prompt` for a film of `frames` frames: at least one, at most as many as there is room for.

    Times that the prompt tells are kept as far as they fit; what it does not tell is shared out evenly.
    """
    found = _told(pieces(prompt))
    room = max(min(frames // FRAMES_MIN, SHOTS_MAX), 1)
    found = found[:room]
    lengths = _lengths([piece for piece, _ in found], frames, fps)
    cuts: list[Cut] = []
    for (piece, meaning), length in zip(found, lengths, strict=True):
        shot = shot_of(meaning, piece.text, cuts[-1].shot if cuts else None)
        cuts.append(Cut(shot, length, piece.join if cuts else "cut", piece.leaves))
    return tuple(cuts)


def _told(found: list[Piece]) -> list[tuple[Piece, Meaning]]:
    """The pieces with their meanings; a piece that may go on about the shot before it, and shows nothing new, does."""
    told: list[tuple[Piece, Meaning]] = []
    for piece in found:
        meaning = understand(piece.text)
        if told and not piece.sure and not (_shows(meaning) and _shows(told[-1][1])):
            text = f"{told[-1][0].text}, {piece.text}"
            told[-1] = (replace(told[-1][0], text=text), understand(text))
        else:
            told.append((piece, meaning))
    return told


def _shows(meaning: Meaning) -> bool:
    return any(meaning.first(name) for name in _SHOWN)


def _lengths(found: list[Piece], frames: int, fps: int) -> list[int]:
    """Frames of each piece, none shorter than `FRAMES_MIN` while there is room, together exactly `frames`."""
    wanted = [_wanted_s(piece) for piece in found]
    known = sum(length for length in wanted if length is not None)
    open_ended = sum(length is None for length in wanted)
    total = frames / fps
    each = max((total - known) / open_ended, FRAMES_MIN / fps) if open_ended else 0.0
    lengths = [each if length is None else length for length in wanted]
    over = sum(lengths)
    if over < total and not open_ended:
        lengths[-1] += total - over
        over = total
    ends: list[int] = []
    so_far = 0.0
    for number, length in enumerate(lengths):
        so_far += length
        least = (ends[-1] if ends else 0) + FRAMES_MIN
        most = frames - FRAMES_MIN * (len(lengths) - 1 - number)
        ends.append(min(max(round(so_far / over * frames), least), most))
    ends[-1] = frames
    return [end - begin for begin, end in zip([0, *ends[:-1]], ends, strict=True)]


def _wanted_s(piece: Piece) -> float | None:
    if piece.start_s is not None and piece.end_s is not None and piece.end_s > piece.start_s:
        return piece.end_s - piece.start_s
    return piece.length_s if piece.length_s else None
