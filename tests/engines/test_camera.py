"""Words for the camera against what is seen to move in the frames, by an estimate that knows nothing of the words."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest

from seedbed.engines.previz import script
from seedbed.engines.previz.reel import Detail, Reel
from seedbed.engines.previz.references.motion import Tracker

POOL = ThreadPoolExecutor(2)
ROUGH = Detail(rays=1, grid=800, fineness=0.7)
WIDTH, HEIGHT, FRAMES = 192, 108, 72
BEFORE = 6


def never() -> None:
    """A render that nobody stops."""


@cache
def seen(words: str, *, fixed: bool = False, place: str = "a mountain valley, aerial view") -> np.ndarray:
    """(4, frames): pan to the right, pan down, growth and roll of what the frames show, by every sixth frame."""
    reel = Reel(
        script.read(f"{place}, {words}"), seed=5, width=WIDTH, height=HEIGHT, frames=FRAMES, fps=24, fixed=fixed,
        detail=ROUGH, pool=POOL, check=never,
    )  # fmt: skip
    tracker: Tracker | None = None
    views = []
    for number in range(0, FRAMES, BEFORE):
        luma = reel.draw(number, never)[0].astype(np.float32)
        if tracker is None:
            tracker = Tracker(luma)
        else:
            tracker.see(luma)
        views.append(tracker.view())
    return np.array(views).T


def end(words: str, **options: bool) -> np.ndarray:
    return seen(words, **options)[:, -1]


@pytest.mark.parametrize(("words", "sign"), [("pan right", 1), ("pan left", -1)])
def test_a_pan_turns_to_its_side(words: str, sign: int) -> None:
    pan, tilt, growth, roll = end(words)
    assert sign * pan > 0.05
    assert abs(tilt) < 0.04
    assert abs(growth) < 0.05
    assert abs(roll) < 0.05


@pytest.mark.parametrize(("words", "sign"), [("tilt up", -1), ("tilt down", 1)])
def test_a_tilt_looks_up_or_down(words: str, sign: int) -> None:
    pan, tilt, _, _ = end(words)
    assert sign * tilt > 0.08
    assert abs(pan) < 0.05


@pytest.mark.parametrize(("words", "sign"), [("zoom in", 1), ("zoom out", -1)])
def test_a_zoom_makes_things_larger_or_smaller(words: str, sign: int) -> None:
    assert sign * end(words)[2] > 0.15


@pytest.mark.parametrize(("words", "sign"), [("truck right", 1), ("truck left", -1)])
def test_a_truck_goes_sideways(words: str, sign: int) -> None:
    pan, _, growth, _ = end(words)
    assert sign * pan > 0.015
    assert abs(growth) < 0.08


@pytest.mark.parametrize(("words", "sign"), [("orbit clockwise", 1), ("orbit counterclockwise", -1)])
def test_an_orbit_goes_round(words: str, sign: int) -> None:
    assert sign * end(words)[0] > 0.03


@pytest.mark.parametrize("words", ["static camera", "locked off tripod shot"])
def test_a_static_camera_stands_still(words: str) -> None:
    assert np.abs(seen(words)).max() < 0.012


@pytest.mark.parametrize("words", ["orbit", "handheld", "zoom in", "drone flight"])
def test_a_fixed_lens_holds_whatever_the_words_say(words: str) -> None:
    assert np.abs(seen(words, fixed=True)).max() < 0.012


def test_a_crane_rises_or_sinks() -> None:
    up, down = seen("crane up"), seen("crane down")
    assert np.abs(up[:, -1] - down[:, -1]).max() > 0.03


def test_a_hand_shakes_and_a_tripod_does_not() -> None:
    shaken = seen("handheld camera, static")
    steps = np.abs(np.diff(shaken[:2], axis=1)).max(1)
    assert steps.max() > 0.002
    still = seen("static camera")
    assert np.abs(np.diff(still[:2], axis=1)).max() < steps.max() / 2


@pytest.mark.parametrize("words", ["drone flight", "dolly in", "tracking shot", "first person"])
def test_a_camera_that_goes_ahead_sees_things_come_nearer(words: str) -> None:
    assert end(words)[2] > 0.01


def test_a_fast_camera_goes_farther() -> None:
    slow, fast = (abs(end(f"{pace} pan right")[0]) for pace in ("slow", "fast"))
    assert fast > 1.5 * slow
