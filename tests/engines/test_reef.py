"""The reef, measured in its frames: moving light, life in the dark, and how little it draws."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz import script
from seedbed.engines.previz.camera import Pose
from seedbed.engines.previz.reef import reef, water_light
from seedbed.engines.previz.sets import Set, view_of

Floats = NDArray[np.float32]
WIDE, HIGH = 256, 144


def go() -> None:
    """Nothing stops these renders."""


def take(prompt: str, *, fixed: bool = True) -> Set:
    return reef(
        script.read(prompt), seed=4, width=WIDE, height=HIGH, frames=48, fps=24, fixed=fixed, tempo=1.0,
        steer=lambda poses: poses,
    )  # fmt: skip


def light(shown: Set, number: int = 0) -> Floats:
    frame = shown.frame(number, go)
    return frame.light[:, :, : frame.width]


def test_light_dances_on_the_sand_under_a_fixed_lens() -> None:
    shown = take("a coral reef under water")
    assert len(set(shown.poses)) == 1
    a, b = light(shown, 0), light(shown, 12)
    sand = np.s_[:, 3 * HIGH // 4 :]
    moved = abs(a[sand] - b[sand]).mean() / a[sand].mean()
    assert 0.01 < moved < 0.5


def test_sand_has_tone_and_ripples() -> None:
    sand = light(take("a coral reef under water"))[:, 3 * HIGH // 4 :].mean(0)
    assert np.percentile(sand, 50) < 0.55
    assert np.percentile(sand, 95) / np.percentile(sand, 5) > 1.5


def test_the_reef_glows_by_night() -> None:
    day, night = light(take("a coral reef under water by day")), light(take("a coral reef under water at night"))
    assert night.mean() < 0.35 * day.mean()
    glowing = (night.max(0) > 0.15) & (night[1] + night[2] > 2.2 * night[0])
    assert 0.003 < glowing.mean() < 0.3
    assert not ((day.max(0) > 6 * np.median(day.max(0))).mean() > 0.02)


def test_a_submarine_lights_its_way() -> None:
    dark, lit = light(take("the deep sea, a reef in the abyss trenches")), light(take("the deep sea, a submarine"))
    assert np.percentile(lit, 99.5) > 0.25
    assert np.median(dark) < 0.1


def test_the_far_sea_brightens_evenly_towards_the_surface() -> None:
    view = view_of(Pose(0.0, 0.0, 2.0, 0.1, 0.6, 1.1, 0.08), WIDE, HIGH, 0.0)
    sea = np.array([[0.0, 0.01, 0.02], [0.01, 0.15, 0.25], [0.35, 0.76, 0.81]], np.float32)
    far = np.zeros((3, HIGH, WIDE), np.float32)
    water_light.paint_far(far, view, sea, 0, HIGH, WIDE)
    assert (np.diff(far, axis=1) <= 1e-6).all()
    assert abs(np.diff(far, 2, axis=2)).max() < 1e-3
    assert far[2, 0].mean() > 2 * far[2, -1].mean()


def test_it_is_light_to_draw() -> None:
    assert take("a coral reef under water")._troupe.faces < 76_000


def test_any_thread_draws_the_same() -> None:
    shown = take("a coral reef at night", fixed=False)
    alone = [shown.frame(n, go).light.tobytes() for n in (0, 20, 40)]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda n: shown.frame(n, go).light.tobytes(), (0, 20, 40))) == alone
