"""The land: each place has its own shape and colours, the sea moves as water does, and room is made where asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from seedbed.engines.previz import relief, script, world
from seedbed.engines.previz.look import look
from seedbed.engines.previz.reel import Detail, Reel
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.waves import LONG_M, SIDE, Sea
from seedbed.engines.previz.world import Grade, Plot

Floats = NDArray[np.float32]
POOL = ThreadPoolExecutor(2)
ROUGH = Detail(rays=1, grid=1024, fineness=0.8)
WIDTH, HEIGHT = 240, 136


def never() -> None:
    """A render that nobody stops."""


def reel(shot: Shot, *, seed: int = 5, fixed: bool = True) -> Reel:
    return Reel(
        shot, seed=seed, width=WIDTH, height=HEIGHT, frames=96, fps=24, fixed=fixed, detail=ROUGH, pool=POOL,
        check=never,
    )  # fmt: skip


@cache
def drawn(prompt: str) -> Reel:
    return reel(script.read(prompt))


def rgb(shot: Reel, number: int = 0) -> NDArray[np.float64]:
    """A frame as (rows, columns, 3), 0 … 1."""
    luma, blue, red = shot.draw(number, never)
    y = (luma.astype(float) - 16) / 219
    u, v = ((plane.astype(float).repeat(2, 0).repeat(2, 1) - 128) / 224 for plane in (blue, red))
    return np.clip(np.stack([y + 1.5748 * v, y - 0.1873 * u - 0.4681 * v, y + 1.8556 * u], 2), 0, 1)


def land_of(shot: Reel) -> NDArray[np.float64]:
    """The lower third of the first frame."""
    return rgb(shot)[2 * HEIGHT // 3 :]


def plot(prompt: str, seed: int = 5) -> Plot:
    shot = script.read(prompt)
    return world.plot(shot, look(shot), seed)


def slopes(place: Plot, near_m: float, far_m: float) -> NDArray[np.float64]:
    """How steep the bare land is, between two distances from the line of the world, a metre a metre."""
    found = []
    for y in np.linspace(100.0, 700.0, 25):
        for off in np.linspace(near_m, far_m, 25):
            x = place.x_at(float(y)) + float(off)
            here = place.bare(x, float(y))
            found.append(np.hypot(place.bare(x + 1.0, float(y)) - here, place.bare(x, float(y) + 1.0) - here))
    return np.array(found)


def map_at(shot: Reel, x: float, y: float, number: int = 0) -> float:
    """The height that one of the baked maps holds at a point."""
    left, low, per_m = (float(v) for v in shot.world.maps[number])
    start, size = (int(v) for v in shot.world.offsets[number])
    i, j = round((x - left) * per_m), round((y - low) * per_m)
    tile = (j >> 5) * ((size + 31) >> 5) + (i >> 5)
    return float(shot.world.heights[start + tile * 1089 + (j & 31) * 33 + (i & 31)])


# Where a prompt leads


@pytest.mark.parametrize(
    ("prompt", "setting", "water"),
    [
        ("the open ocean", "ocean", "ocean"),
        ("big waves at sea in a storm", "ocean", "ocean"),
        ("waves on a beach", "coast", "ocean"),
        ("the rocky coast", "coast", "ocean"),
        ("a canyon", "canyon", "river"),
        ("a volcano erupts", "volcano", "none"),
        ("a jungle river", "jungle", "river"),
        ("a mountain lake", "mountain", "lake"),
    ],
)
def test_each_place_is_drawn_as_itself(prompt: str, setting: str, water: str) -> None:
    shot = script.read(prompt)
    assert (shot.setting, shot.water) == (setting, water)
    assert not any("drawn as" in note for note in shot.plan()["notes"])


# Shapes


def test_canyon_walls_are_steep_and_stand_in_terraces() -> None:
    canyon, meadow = slopes(plot("a canyon"), 40.0, 200.0), slopes(plot("a meadow"), 40.0, 200.0)
    assert (canyon > 1.2).mean() > 0.2, "walls"
    assert (canyon < 0.35).mean() > 0.2, "treads between them"
    assert (meadow > 0.5).mean() < 0.01


def test_sand_lies_at_its_own_angle() -> None:
    steep = slopes(plot("desert dunes"), -300.0, 300.0)
    assert 0.35 < np.quantile(steep, 0.97) < 0.85, "slip faces of about 30 degrees"
    assert np.median(steep) < 0.25, "long windward backs"


def test_the_volcano_is_a_cone_with_a_crater_ahead() -> None:
    place = plot("a volcano")
    x, y = float(place.shape[relief.VENT_X]), float(place.shape[relief.VENT_Y])
    tall = float(place.shape[relief.VENT_M])
    middle, foot = place.bare(x, y), place.bare(x, y - 2.2 * tall)
    rim = max(place.bare(x + 0.17 * tall * np.sin(a), y + 0.17 * tall * np.cos(a)) for a in np.linspace(0, 6, 40))
    assert y > 1000.0
    assert rim > foot + 0.5 * tall
    assert middle < rim - 20.0
    flank = [place.bare(x, y - share * tall) for share in (0.3, 0.8, 1.3, 1.8)]
    assert all(a > b for a, b in pairwise(flank))


def test_a_beach_rises_gently_and_some_of_the_coast_is_cliff() -> None:
    place = plot("a beach")
    beach = [place.bare(place.x_at(y) + 8.0, y) for y in np.linspace(0.0, 900.0, 40)]
    assert 0.1 < np.median(beach) < 1.5
    inland = np.array([place.bare(place.x_at(y) + 90.0, y) for y in np.linspace(0.0, 2500.0, 120)])
    assert inland.max() > 18.0
    assert inland.min() < 12.0
    assert place.bare(place.x_at(100.0) - 60.0, 100.0) < -3.0


def test_the_map_shows_what_the_plot_says() -> None:
    shot = drawn("desert dunes, aerial")
    for x, y in ((10.0, 150.0), (-40.0, 200.0), (33.0, 260.0)):
        assert map_at(shot, shot.plot.x_at(y) + x, y) == pytest.approx(
            shot.plot.bare(shot.plot.x_at(y) + x, y), abs=0.8
        )


# Colours


def test_each_place_has_its_own_palette() -> None:
    prompts = ("a canyon", "desert dunes", "the open ocean", "a jungle", "a snowy field in winter", "a volcano")
    means = {prompt: land_of(drawn(prompt + ", aerial")).mean((0, 1)) for prompt in prompts}
    canyon, desert, ocean, jungle, snow, ash = means.values()
    assert canyon[0] > canyon[2] * 1.3, "red rock"
    assert desert[0] > desert[1] > desert[2], "sand"
    assert desert[0] > desert[2] * 1.35
    assert ocean[2] > ocean[0] * 1.2, "blue"
    assert jungle[1] > max(jungle[0], jungle[2]) * 1.15, "green"
    assert snow.min() > 0.5, "white"
    assert snow.max() / snow.min() < 1.25
    assert ash.max() < 0.5 * snow.min(), "dark"
    for first, a in means.items():
        for second, b in means.items():
            assert first == second or np.abs(a - b).max() > 0.06, (first, second)


def test_lava_glows_by_night_and_pulses_alone() -> None:
    volcano, meadow = drawn("a volcano at night, static"), drawn("a meadow at night, static")

    def hot(light: Floats) -> NDArray[np.bool_]:
        part: NDArray[np.bool_] = (light[0] > 0.8) & (light[0] > 3.0 * light[2])
        return part[:, :WIDTH]

    first, later = volcano.light(0, never), volcano.light(40, never)
    glowing = hot(first)
    assert 0.001 < glowing.mean() < 0.08
    assert hot(meadow.light(0, never)).sum() < 5, "a red star or two"
    changed = np.abs(later - first).max(0)[:, :WIDTH]
    ground = np.zeros_like(glowing)
    ground[HEIGHT * 3 // 4 :] = True
    assert changed[glowing].mean() > 0.1
    assert changed[ground].mean() < 0.02


def test_winter_is_white_and_every_season_differs() -> None:
    means = [land_of(drawn(f"a {season} meadow, aerial")).mean((0, 1)) for season in
             ("winter", "spring", "summer", "autumn")]  # fmt: skip
    assert means[0].mean() > 1.3 * max(mean.mean() for mean in means[1:])
    spring, summer, autumn = means[1:]
    assert autumn[0] / autumn[1] > summer[0] / summer[1] * 1.1
    assert np.abs(spring - summer).max() > 0.015


def test_flowers_grow_in_drifts_until_none_are_wanted() -> None:
    shot = replace(script.read("a summer meadow, static"), salt=0)
    plain = replace(shot, without=("flowers",))
    blooming, green = (reel(one).light(0, never)[:, HEIGHT // 2 :, :WIDTH] for one in (shot, plain))
    not_green = (blooming[0] > blooming[1] * 1.12) | (blooming[2] > blooming[1] * 0.9)
    never_green = (green[0] > green[1] * 1.12) | (green[2] > green[1] * 0.9)
    assert not_green.mean() > never_green.mean() + 0.01


def test_words_that_are_not_known_lean_the_palette() -> None:
    shot = script.read("an autumn forest, aerial")
    means = [land_of(reel(replace(shot, salt=salt))).mean((0, 1)) for salt in (0, 0x00FF10, 0xFF00EE)]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        ratio = (means[a] / means[a].sum()) / (means[b] / means[b].sum())
        assert np.abs(ratio - 1).max() > 0.03


# What there must be none of


def test_without_trees_the_land_is_bare() -> None:
    shot = script.read("a summer forest, aerial")
    wooded, bare = reel(shot), reel(replace(shot, without=("trees",)))
    assert wooded.world.trees > 500
    assert bare.world.trees == 0
    place = bare.plot
    over = [
        map_at(bare, place.x_at(y) + x, y) - place.bare(place.x_at(y) + x, y) for x in (-60, 0, 40) for y in (150, 200)
    ]
    assert max(over) < 1.5
    assert map_at_most(wooded) > map_at_most(bare) + 5.0


def map_at_most(shot: Reel) -> float:
    """The mean height above the bare ground, over a grid in the first map."""
    place = shot.plot
    spots = [(place.x_at(y) + x, y) for x in range(-70, 71, 14) for y in range(140, 240, 10)]
    return float(np.mean([map_at(shot, x, y) - place.bare(x, y) for x, y in spots]))


def test_without_water_the_river_is_gone() -> None:
    shot = script.read("a river in a meadow, aerial")
    assert reel(shot).world.heights.min() < -1.0
    assert reel(replace(shot, without=("water",))).world.heights.min() >= 0.0


def test_without_snow_the_peaks_are_rock() -> None:
    shot = script.read("mountains in summer, aerial")
    capped, bald = (rgb(reel(one))[: HEIGHT // 2] for one in (shot, replace(shot, without=("snow",))))
    assert np.abs(capped - bald).max(2).mean() > 0.01
    changed = np.abs(capped - bald).max(2) > 0.1
    assert capped[changed].mean() > bald[changed].mean() + 0.1


# The sea


def test_waves_run_as_fast_as_gravity_lets_their_length() -> None:
    sea = Sea(2.0, (0.0, -1.0), 3)
    step = 0.25
    spectra = np.array([np.fft.fft2(sea.at(number * step)[0, ..., 0]) for number in range(24)])
    still = np.fft.fftfreq(SIDE, LONG_M / SIDE) * 2 * np.pi
    checked = 0
    for j in range(4, 12):
        for i in range(3):
            # Towards -y: of the pair of opposite waves this one is by far the larger.
            wave = spectra[:, -j, i]
            if np.abs(wave).min() < 0.25 * np.abs(spectra[:, -12:, :4]).mean():
                continue
            turns = np.unwrap(np.angle(wave))
            speed = -np.polyfit(np.arange(24) * step, turns, 1)[0]
            assert speed == pytest.approx(np.sqrt(9.81 * np.hypot(still[i], still[-j])), rel=0.12)
            checked += 1
    assert checked > 4


@pytest.mark.parametrize("height_m", [0.6, 2.0, 5.0])
def test_waves_are_as_high_as_told(height_m: float) -> None:
    long = np.array([Sea(height_m, (0.6, -0.8), seed).at(7.0)[0, ..., 0] for seed in range(6)])
    assert 4.0 * long.std() == pytest.approx(height_m, rel=0.2)
    assert abs(long.mean()) < 0.1 * height_m
    bend = np.roll(long, 1, 2) + np.roll(long, -1, 2) + np.roll(long, 1, 1) + np.roll(long, -1, 1) - 4.0 * long
    assert (bend**3).mean() < -0.1 * bend.std() ** 3, "crests are sharper than troughs"


def test_the_sea_moves_and_its_frames_are_pure() -> None:
    shot = drawn("the open ocean, static")
    a, b = (shot.light(number, never)[:, HEIGHT * 3 // 4 :, :WIDTH] for number in (0, 12))
    assert np.abs(a - b).mean() > 0.1 * a.mean()
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda number: shot.draw(number, never), (4, 30, 4, 30)))
    for number, planes in enumerate(together):
        for plane, expected in zip(planes, shot.draw((4, 30)[number % 2], never), strict=True):
            assert np.array_equal(plane, expected)


def test_a_storm_raises_the_sea() -> None:
    calm, storm = drawn("a calm ocean, static, slow"), drawn("a stormy ocean, static")
    assert calm.world.sea is not None
    assert storm.world.sea is not None
    assert storm.world.sea.height_m > 3.0 * calm.world.sea.height_m
    assert storm.world.waves(1.0)[0, ..., 3].max() > calm.world.waves(1.0)[0, ..., 3].max()


def test_surf_runs_up_the_beach() -> None:
    shot = drawn("a beach, aerial, static")
    a, b = (shot.light(number, never)[:, HEIGHT // 3 :, :WIDTH] for number in (0, 30))
    white = [(part.min(0) > 0.75 * part.max(0)) & (part.mean(0) > 0.9) for part in (a, b)]
    assert white[0].mean() > 0.002
    assert (white[0] ^ white[1]).sum() > 0.3 * white[0].sum(), "foam moves"


# Room


def test_no_tree_stands_in_a_clearing() -> None:
    shot = script.read("a summer forest, aerial")
    whole = world.plot(shot, look(shot), 5)
    x, y = whole.x_at(200.0) + 30.0, 200.0
    opened = whole.cleared([(x, y, 18.0)])
    assert opened.is_clear(x, y)
    assert not opened.is_clear(x + 40.0, y)
    assert opened.ground(x, y) < opened.ground(x + 40.0, y) - 10.0 + abs(opened.bare(x, y) - opened.bare(x + 40.0, y))
    heights = baked(opened, shot)
    near = [(x + dx, y + dy) for dx in range(-12, 13, 3) for dy in range(-12, 13, 3)]
    assert max(heights(*at) - opened.bare(*at) for at in near) < 1.5
    ring = [(x + 34 * np.cos(a), y + 34 * np.sin(a)) for a in np.linspace(0, 6.2, 60)]
    assert np.mean([heights(*at) - opened.bare(*at) for at in ring]) > 4.0


def test_land_is_made_level_along_a_way() -> None:
    shot = script.read("a mountain forest, aerial")
    way = Grade(((-80.0, 180.0, 30.0), (80.0, 220.0, 34.0)), half_m=5.0, shoulder_m=12.0)
    place = world.plot(shot, look(shot), 5, grades=[way])
    assert place.bare(0.0, 200.0) == pytest.approx(32.0, abs=0.01)
    assert place.bare(-40.0, 190.0 + 3.0) == pytest.approx(31.0, abs=0.2)
    before = world.plot(shot, look(shot), 5)
    assert place.bare(0.0, 200.0 + 60.0) == pytest.approx(before.bare(0.0, 260.0))
    heights = baked(place, shot)
    assert heights(0.0, 200.0) == pytest.approx(32.0, abs=0.6)
    house = world.plot(shot, look(shot), 5, grades=[Grade(((50.0, 240.0, 20.0),), half_m=8.0)])
    assert house.bare(54.0, 243.0) == pytest.approx(20.0, abs=0.01)


def baked(place: Plot, shot: Shot):  # type: ignore[no-untyped-def]
    """A reader of the first map of a world that is baked for `place`."""
    whole = reel(shot)
    sight = world.sight(place, whole.poses, width=WIDTH, height=HEIGHT, duration_s=4.0)
    whole.world = world.build(
        shot, place, whole.poses, sight, width=WIDTH, height=HEIGHT, grid=1024, pool=POOL, check=never
    )
    return lambda x, y: map_at(whole, x, y)


def test_the_same_place_is_baked_to_the_same_bytes() -> None:
    first, again, other = (reel(script.read("a canyon, aerial"), seed=seed) for seed in (7, 7, 8))
    assert np.array_equal(first.world.heights, again.world.heights)
    assert np.array_equal(first.world.packed, again.world.packed)
    assert not np.array_equal(first.world.heights, other.world.heights)


def test_a_camera_near_the_ground_sees_finer_land_and_no_tree_in_its_way() -> None:
    low, high = drawn("a summer forest, dolly"), drawn("a summer forest, aerial")
    assert low.world.maps[0, 2] > 1.8 * high.world.maps[0, 2]
    for pose in low.poses[::24]:
        assert low.plot.is_clear(pose.x, pose.y)
        assert pose.z - low.plot.ground(pose.x, pose.y) > 2.0
