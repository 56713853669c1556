"""Cities, measured in the frames they are drawn into."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from seedbed.engines.previz import script
from seedbed.engines.previz.camera import Pose
from seedbed.engines.previz.city import City
from seedbed.engines.previz.city.build import pose
from seedbed.engines.previz.city.kit import kit_of
from seedbed.engines.previz.city.path import path
from seedbed.engines.previz.city.plan import kind_of, plan
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.shapes import Palette, Prop, mesh, paint
from seedbed.engines.previz.shapes.paint import CURTAIN, P2, PATTERN, WINDOWS
from seedbed.engines.previz.townsfolk import Shown

Floats = NDArray[np.float32]
WIDTH, HEIGHT, FPS = 192, 108, 24

STREET, SKYLINE, OLD = "a city street, noon", "aerial view of a city skyline, noon", "an old town with a church, noon"


def nothing() -> None:
    """Nobody stops the drawing."""


@pytest.fixture(scope="module")
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


def city(pool: Executor, prompt: str | Shot, *, seed: int = 3, fixed: bool = False, frames: int = 48) -> City:
    shot = script.read(prompt) if isinstance(prompt, str) else prompt
    return City(shot, seed=seed, width=WIDTH, height=HEIGHT, frames=frames, fps=FPS, fixed=fixed, detail=300, pool=pool,
                check=nothing)  # fmt: skip


def drawn(of: City, number: int = 0) -> Floats:
    return of.frame(number, nothing).light[:, :, :WIDTH]


def bright(picture: Floats) -> Floats:
    return np.asarray(picture.mean(0), np.float32)


def test_words_choose_the_kind_of_place() -> None:
    kinds = [kind_of(script.read(prompt)) for prompt in (STREET, SKYLINE, OLD, "neon street in the rain at night")]
    assert kinds == ["street", "skyline", "old", "street"]


@pytest.mark.parametrize("prompt", [STREET, SKYLINE, OLD, SKYLINE + " with a river"])
@pytest.mark.parametrize("move", ["flight", "truck", "orbit", "crane", "tracking", "first_person"])
def test_the_camera_is_never_inside_a_building(prompt: str, move: str) -> None:
    shot = replace(script.read(prompt), move=move, pace="fast")
    for seed in range(2):
        poses = path(shot, kind_of(shot), frames=240, fps=FPS, fixed=False, seed=seed)
        xs, ys = [pose.x for pose in poses], [pose.y for pose in poses]
        way = (min(xs), max(xs), min(ys), max(ys), min(pose.z for pose in poses))
        boxes = plan(shot, kit_of(shot), way, seed).boxes
        assert len(boxes) > 40
        assert _apart(poses, boxes) > 1.0


def _apart(poses: list[Pose], boxes: list[tuple[float, float, float, float, float]]) -> float:
    """The least distance from any pose to any building, in metres; 0 within one."""
    low = np.array([[b[0], b[2], 0.0] for b in boxes])
    high = np.array([[b[1], b[3], b[4]] for b in boxes])
    least = 1e9
    for place in poses[::6]:
        eye = np.array([place.x, place.y, place.z])
        off = np.maximum(np.maximum(low - eye, eye - high), 0.0)
        least = min(least, float(np.linalg.norm(off, axis=1).min()))
    return least


def window_light(made: City) -> Floats:
    """(3, rows, columns): the light that leaves through windows, as a frame shows it."""
    paints = made._troupe._paints
    lit = drawn(made)
    dark = paints.copy()
    dark[np.isin(dark[:, PATTERN], (WINDOWS, CURTAIN)), P2] = 0.0
    made._troupe._paints = dark
    difference = lit - drawn(made)
    made._troupe._paints = paints
    return difference


def test_windows_are_lit_by_night_and_hardly_by_day(pool: Executor) -> None:
    day, night = (window_light(city(pool, f"aerial city skyline, {hour}")) for hour in ("noon", "at night"))
    built = np.s_[:, 40:85]
    assert (bright(night[built]) > 0.05).mean() > 0.15
    assert bright(night[built]).mean() > 5 * bright(day[built]).mean()
    # Some rooms are lit warm and some cold.
    lit = night[built][:, bright(night[built]) > 0.1]
    warmth = lit[0] / np.maximum(lit[2], 1e-3)
    assert np.percentile(warmth, 85) > 1.5 * np.percentile(warmth, 5)


def test_cars_move_before_a_fixed_lens_and_nothing_else_does(pool: Executor) -> None:
    made = city(pool, replace(script.read(STREET), weather="clear", subjects=()), fixed=True)
    first, later = drawn(made), drawn(made, 24)
    assert len(set(made.poses)) == 1
    moved = np.abs(first - later).max(0) > 0.02
    left, right = moved[: HEIGHT // 2 - 12, :60], moved[: HEIGHT // 2 - 12, -60:]
    # Buildings at both sides stand still to the last bit of light; the road does not.
    assert left.mean() < 0.002
    assert right.mean() < 0.002
    assert moved[HEIGHT // 2 :].mean() > 0.03
    driver = made.plan.drivers[0]
    assert abs(driver.at(1.0) - driver.at(0.0)) == pytest.approx(abs(driver.speed), rel=1e-6)


def test_wet_asphalt_mirrors_the_street(pool: Executor) -> None:
    wet = city(pool, "a city street at night in the rain", seed=5)
    picture = wet.frame(0, nothing)
    # The same place, but dry: lights stand where they stood, the road between does not throw them back.
    wet._kit = replace(wet._kit, wet=False)
    dry = wet.frame(0, nothing)
    road = (picture.depth[:, :WIDTH] < 200) & (np.arange(HEIGHT)[:, None] > 0.68 * HEIGHT)
    difference = np.abs(picture.light - dry.light)[:, :, :WIDTH].max(0)
    assert (difference[road] > 0.01).mean() > 0.08
    assert (difference[: HEIGHT // 2] > 0.01).mean() < 0.02


def test_a_river_mirrors_the_skyline(pool: Executor) -> None:
    made = city(pool, "aerial city skyline by a river at night", frames=1)
    assert made.plan.river is not None
    picture = bright(drawn(made))
    tile, made._tile = made._tile, None
    bare = bright(drawn(made))
    made._tile = tile
    # What the mirror adds to the water is brighter under bright towers.
    water = slice(int(0.80 * HEIGHT), int(0.88 * HEIGHT))
    towers = picture[int(0.50 * HEIGHT) : int(0.74 * HEIGHT)].mean(0)
    thrown = (picture - bare)[water].mean(0)
    side = np.r_[4:84, 108:188]
    assert np.abs(thrown[side]).mean() > 0.005
    assert np.corrcoef(thrown[side], towers[side])[0, 1] > 0.3
    assert np.abs(picture - bare)[: HEIGHT // 2].max() < 1e-6


def test_snow_lies_on_the_roofs(pool: Executor) -> None:
    summer, winter = (
        bright(drawn(city(pool, f"an old town with a church, {word}, noon, overcast"))) for word in ("summer", "winter")
    )
    road = slice(int(0.75 * HEIGHT), HEIGHT)
    assert winter[road].mean() > 1.5 * summer[road].mean()


def test_fog_hides_what_is_far(pool: Executor) -> None:
    clear, fog = (drawn(city(pool, f"a city street, noon, {word}")) for word in ("clear sky", "fog"))
    far, near = np.s_[:, 50:58, 86:106], np.s_[:, 85:105, 10:50]
    contrast = [[picture[part].std() / picture[part].mean() for part in (far, near)] for picture in (clear, fog)]
    assert contrast[1][0] < 0.4 * contrast[0][0]
    assert contrast[1][1] > 0.4 * contrast[0][1]


def test_seeds_build_other_cities_and_one_seed_the_same_bytes(pool: Executor) -> None:
    one, same, other = (city(pool, STREET, seed=seed) for seed in (1, 1, 2))
    first = drawn(one, 7)
    assert first.tobytes() == drawn(same, 7).tobytes()
    assert list(pool.map(lambda _: drawn(one, 7).tobytes(), range(2))) == [first.tobytes()] * 2
    assert np.abs(first - drawn(other, 7)).mean() > 0.05


def test_people_may_be_handed_in(pool: Executor) -> None:
    def crowd(palette: Palette) -> Shown:
        return Shown([Prop(mesh.box(6, 1, 6).painted(palette.add(paint((0, 0, 0), glow=(9, 0, 0)))), pose(0, 12))])

    made = City(script.read(STREET), seed=3, width=WIDTH, height=HEIGHT, frames=2, fps=FPS, fixed=True, detail=300,
                pool=pool, check=nothing, extras=crowd)  # fmt: skip
    assert (drawn(made)[0] > 8).mean() > 0.05
