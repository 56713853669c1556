"""Cuts as one film: how many frames each gets, how they are joined, what is built and when."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest

from seedbed.engines.previz import script, show
from seedbed.engines.previz.grade import Planes

POOL = ThreadPoolExecutor(2)
SHOT = script.read("a forest")


@dataclass(frozen=True)
class Grey:
    """A picture whose frame n has the luma `base` + n."""

    base: int

    def draw(self, number: int, check: Callable[[], None]) -> Planes:
        check()
        half = np.full((8, 8), 128, np.uint8)
        return np.full((16, 16), self.base + number, np.uint8), half, half


def cut(frames: int, join: str = "cut", *, leaves: bool = False) -> script.Cut:
    return script.Cut(SHOT, frames, join, leaves)


def played(*cuts: script.Cut) -> tuple[list[float], list[tuple[int, int]], list[float]]:
    """The mean luma of every frame, what was built, and the progress that was told."""
    built: list[tuple[int, int]] = []
    told: list[float] = []

    def build(number: int, frames: int) -> Grey:
        built.append((number, frames))
        return Grey(20 + 70 * number)

    frames = show.play(cuts, build, pool=POOL, ahead=3, check=lambda: None, reach=told.append)
    return [float(planes[0].mean()) for planes in frames], built, told


def test_cuts_follow_one_another_frame_by_frame() -> None:
    lumas, built, told = played(cut(24), cut(30), cut(18))
    assert lumas == [20 + n for n in range(24)] + [90 + n for n in range(30)] + [160 + n for n in range(18)]
    assert built == [(0, 24), (1, 30), (2, 18)]
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)


def test_a_dissolve_lays_the_next_over_what_goes_on_beneath() -> None:
    lumas, built, _ = played(cut(30), cut(40, "dissolve"))
    blend = show.overlap([cut(30), cut(40, "dissolve")], 1)
    assert len(lumas) == 70
    assert built[0] == (0, 30 + blend), "the picture beneath is built for the frames that it lives on"
    for frame in range(blend):
        share = (frame + 1) / (blend + 1)
        below, above = 20 + 30 + frame, 90 + frame
        assert lumas[30 + frame] == pytest.approx(below + (above - below) * share, abs=1.0)
    assert lumas[30 + blend] == 90 + blend


def test_a_fade_goes_through_black() -> None:
    lumas, _, _ = played(cut(30), cut(30, "fade"))
    assert lumas[29] == pytest.approx(16, abs=1)
    assert lumas[30] < 40
    assert lumas[10] == 30, "far from the join nothing is dimmed"
    assert lumas[50] == 110


def test_a_film_that_leaves_ends_in_black() -> None:
    lumas, _, _ = played(cut(40, leaves=True))
    assert lumas[-1] == pytest.approx(16, abs=1)
    assert lumas[20] == 40


def test_a_stopped_film_ends_at_once() -> None:
    class Enough(Exception):
        pass

    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls > 6:
            raise Enough

    with pytest.raises(Enough):
        list(
            show.play([cut(200)], lambda number, frames: Grey(0), pool=POOL, ahead=3, check=check, reach=lambda s: None)
        )
    assert calls < 12


def test_the_share_of_a_mixture_is_exact() -> None:
    below, above = Grey(40).draw(0, lambda: None), Grey(200).draw(0, lambda: None)
    assert show.mixed(below, above, 0.0)[0].max() == 40
    assert show.mixed(below, above, 1.0)[0].min() == 200
    assert abs(int(show.mixed(below, above, 0.5)[0][0, 0]) - 120) <= 1
