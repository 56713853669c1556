"""Every subject in every kind of place, under every move of the camera: whatever a prompt asks for can be drawn."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from seedbed.engines.previz import cast, script
from seedbed.engines.previz.reel import Detail
from seedbed.engines.previz.takes import picture_of

POOL = ThreadPoolExecutor(2)
ROUGH = Detail(rays=1, grid=420, fineness=0.5)
PLACES = ("jungle", "open ocean", "city street", "outer space", "under water", "dining room", "fashion runway")
MOVES = ("orbit", "pan left", "tilt up", "zoom out", "dolly in", "truck right", "crane down", "tracking shot",
         "first person", "static", "handheld", "drone flight")  # fmt: skip
NAMES = {"people": "woman", "animals": "deer", "fire": "campfire"}


def never() -> None:
    """A render that nobody stops."""


def drawn(prompt: str, *, frames: int = 24, fixed: bool = False) -> float:
    """The spread of the last frame's luma."""
    picture = picture_of(
        script.read(prompt), seed=9, width=96, height=54, frames=frames, fps=24, fixed=fixed, detail=ROUGH, pool=POOL,
        check=never, steer=lambda poses: poses,
    )  # fmt: skip
    planes = picture.draw(frames - 1, never)
    assert [plane.shape for plane in planes] == [(54, 96), (27, 48), (27, 48)]
    return float(planes[0].std())


@pytest.mark.parametrize("number", range(len(cast.PLAYED)))
def test_every_subject_can_be_drawn_somewhere(number: int) -> None:
    kind = sorted(cast.PLAYED)[number]
    place, move = PLACES[number % len(PLACES)], MOVES[number % len(MOVES)]
    assert drawn(f"a {NAMES.get(kind, kind)} in a {place}, {move}") > 1.0


@pytest.mark.parametrize("move", MOVES)
def test_the_longest_film_about_the_fastest_subject(move: str) -> None:
    assert drawn(f"a plane over a jungle, {move}", frames=360) > 1.0
    assert drawn(f"birds over a jungle, {move}, time lapse", frames=360) > 1.0
