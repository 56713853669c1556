"""Styles, light and mood, measured on finished frames: each style by what makes people call it that."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from seedbed.engines.previz import grade
from seedbed.engines.previz.finish import Planes
from seedbed.engines.previz.finish.recipe import LIGHTS, MOODS, STYLES
from tests.engines.styled import (
    HEIGHT,
    PAINTED,
    WIDTH,
    colourfulness,
    finish,
    flat,
    go_on,
    luma,
    middle,
    picture,
    rgb_of,
    scene,
)


def same(a: Planes, b: Planes) -> bool:
    return all(np.array_equal(one, other) for one, other in zip(a, b, strict=True))


# --- what holds for all


def test_natural_develops_as_film_always_was() -> None:
    """The plain grade, said again in numpy: bloom, vignette, film curve, saturation, grain, 4:2:0."""
    light, number = scene().copy(), 7
    got = finish("natural", warm=1.0).develop(light, number, go_on)
    block = max(round((WIDTH * HEIGHT) ** 0.5 / 120), 4)
    small = np.empty((3, -(-HEIGHT // block), -(-WIDTH // block)), np.float32)
    grade.shrink(light, WIDTH, HEIGHT, block, 0.62, small)
    grade.spread(small, np.empty_like(small), 3)

    def stretch(count: int, cells: int) -> tuple[NDArray[np.intp], NDArray[np.floating]]:
        at = np.clip((np.arange(count) + 0.5) / block - 0.5, 0, cells - 1.001)
        return at.astype(int), at - at.astype(int)

    (j, dv), (i, du) = stretch(HEIGHT, small.shape[1]), stretch(WIDTH, small.shape[2])
    rows = small[:, j] + (small[:, np.minimum(j + 1, small.shape[1] - 1)] - small[:, j]) * dv[:, None]
    bloom = 0.55 * (rows[:, :, i] + (rows[:, :, np.minimum(i + 1, small.shape[2] - 1)] - rows[:, :, i]) * du)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    down, across = (y + 0.5) * 2 / HEIGHT - 1, (x + 0.5) * 2 / WIDTH - 1
    lit = (light[:, :, :WIDTH] + bloom) * (1 - 0.16 * down**2) * (1 - 0.16 * across**2)
    grey = np.tensordot([0.2126, 0.7152, 0.0722], lit, 1)
    lit = np.maximum(grey + (lit - grey) * 0.92, 0) * 0.8
    mapped = np.clip((lit * (2.51 * lit + 0.03)) / (lit * (2.43 * lit + 0.59) + 0.14), 0, 1)
    shown = np.where(mapped <= 0.0031308, mapped * 12.92, 1.055 * mapped ** (1 / 2.4) - 0.055)
    shown = shown + (shown - 0.45) * np.array([0.05, 0.012, -0.06])[:, None, None]
    shown = np.clip(shown * 0.985 + 0.012, 0, 1)
    value = np.tensordot([0.2126, 0.7152, 0.0722], shown, 1)
    grain = grade.grain_tile(3)[(y + number * 57) & 255, (x + (number * 131 & 255)) & 255]
    want = np.clip(16.5 + 219 * value + grain * 1.1 * (1 - 0.5 * value), 16, 235).astype(np.uint8)
    assert np.abs(got[0].astype(int) - want).max() <= 1
    assert (got[0] != want).mean() < 0.03
    blue = 128.5 + 224 * ((shown[2] - value) / 1.8556).reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean((1, 3))
    assert np.abs(got[1] - blue).max() < 3.5


def test_natural_gives_a_finished_picture_back_as_it_is() -> None:
    given = picture("portrait")
    before = [plane.tobytes() for plane in given]
    assert [
        plane.tobytes() for plane in finish("natural", light="glow", moods=("dark",)).restyle(given, 4, go_on)
    ] == before
    assert same(finish("unheard-of").restyle(given, 4, go_on), given)


@pytest.mark.parametrize("style", sorted(STYLES))
@pytest.mark.parametrize(("width", "height"), [(160, 90), (90, 160), (210, 90), (64, 64), (322, 182)])
def test_every_style_at_every_size(style: str, width: int, height: int) -> None:
    looks = finish(style, width, height)
    given = picture("skyline", width, height)
    before = [plane.copy() for plane in given]
    for planes in (looks.develop(scene(width, height), 5, go_on), looks.restyle(given, 5, go_on)):
        assert [plane.shape for plane in planes] == [(height, width), *[(height // 2, width // 2)] * 2]
        assert all(plane.dtype == np.uint8 and plane.flags.c_contiguous for plane in planes)
        assert planes[0].min() >= 16
        assert planes[0].max() <= 235
        assert min(planes[1].min(), planes[2].min()) >= 16
        assert max(planes[1].max(), planes[2].max()) <= 240
        assert planes[0].std() > 8
    assert all(np.array_equal(a, b) for a, b in zip(given, before, strict=True))


def test_an_edit_may_lay_a_mood_over_a_natural_picture() -> None:
    given = picture("portrait")
    assert finish("natural").restyle(given, 4, go_on, regrade=True) is given
    cold = finish("natural", moods=("cold",)).restyle(given, 4, go_on, regrade=True)
    (r, _, b), (cold_r, _, cold_b) = means(given), means(cold)
    assert cold_r - cold_b < r - b - 0.04
    assert np.abs(luma(cold) - luma(given)).mean() < 14


def test_a_frame_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be finished"):
        finish("noir").restyle(flat(0.5, 160, 90), 1, go_on)


@pytest.mark.parametrize("style", sorted(STYLES))
def test_frames_do_not_depend_on_who_makes_them_or_when(style: str) -> None:
    looks, light = finish(style, 160, 90), scene(160, 90)
    alone = [looks.develop(light, number, go_on) for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda number: looks.develop(light, number, go_on), [7, 6, 5, 4, 3, 2, 1, 0]))[::-1]
    assert all(same(a, b) for a, b in zip(alone, together, strict=True))
    assert same(finish(style, 160, 90).develop(light, 3, go_on), alone[3])
    if style not in ("anime", "comic"):
        assert not same(finish(style, 160, 90, seed=8).develop(light, 3, go_on), alone[3])


@pytest.mark.parametrize("style", sorted(STYLES))
def test_what_stands_still_is_painted_the_same_and_filmed_with_moving_grain(style: str) -> None:
    looks, light = finish(style), scene()
    one, other = looks.develop(light, 3, go_on), looks.develop(light, 4, go_on)
    assert same(one, other) == (style in PAINTED)


@pytest.mark.parametrize("style", PAINTED)
def test_paint_does_not_boil(style: str) -> None:
    """When the picture moves by two pixels, a painting changes not much more than the picture itself does."""
    wide = picture("portrait", WIDTH + 2, HEIGHT)
    both: list[Planes] = []
    for at in (0, 1):
        both.append((wide[0][:, 2 * at :][:, :WIDTH].copy(), wide[1][:, at:][:, : WIDTH // 2].copy(),
                     wide[2][:, at:][:, : WIDTH // 2].copy()))  # fmt: skip
    painted = [finish(style).restyle(planes, 1, go_on) for planes in both]
    moved = np.abs(luma(both[0]) - luma(both[1])).mean()
    assert moved > 1.5
    assert np.abs(luma(painted[0]) - luma(painted[1])).mean() < 2.0 * moved


def test_a_render_stops_when_it_is_told_to() -> None:
    class Enough(Exception):
        pass

    def check() -> None:
        raise Enough

    for style in STYLES:
        with pytest.raises(Enough):
            finish(style).develop(scene(), 1, check)


@pytest.mark.parametrize("style", sorted(STYLES))
def test_a_style_looks_the_same_at_twice_the_size(style: str) -> None:
    def reduced(planes: Planes, by: int) -> NDArray[np.floating]:
        values = luma(planes)
        return values.reshape(HEIGHT // 6, by * 6, WIDTH // 8, by * 8).mean((1, 3))

    small = finish(style).restyle(picture("portrait"), 3, go_on)
    large = finish(style, 640, 360).restyle(picture("portrait", 640, 360), 3, go_on)
    a, b = reduced(small, 1), reduced(large, 2)
    if style == "watercolour":
        a, b = middle(a, 0.12), middle(b, 0.12)
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.93
    assert abs(a.mean() - b.mean()) < 6


# --- light and mood


def means(planes: Planes) -> tuple[float, float, float]:
    r, g, b = rgb_of(planes).mean((0, 1))
    return float(r), float(g), float(b)


def developed(light: str = "", *moods: str, style: str = "natural") -> Planes:
    return finish(style, light=light, moods=moods).develop(scene(), 1, go_on)


@pytest.mark.parametrize("style", ["natural", "cinematic", "watercolour", "pastel"])
def test_moods_move_the_right_way(style: str) -> None:
    def felt(*moods: str) -> Planes:
        return developed("", *moods, style=style)

    plain = felt()
    (r, _, b), (wr, _, wb), (cr, _, cb) = means(plain), means(felt("warm")), means(felt("cold"))
    assert wr - wb > r - b + 0.03
    assert cr - cb < r - b - 0.03
    assert luma(felt("dark")).mean() < luma(plain).mean() - 8
    assert luma(felt("bright")).mean() > luma(plain).mean() + 3
    assert colourfulness(felt("bright")) > colourfulness(plain)
    assert colourfulness(felt("muted")) < 0.8 * colourfulness(plain)
    assert luma(felt("dramatic")).std() > 1.03 * luma(plain).std()
    assert colourfulness(felt("mysterious")) < colourfulness(plain)
    assert luma(felt("mysterious")).mean() < luma(plain).mean()
    assert luma(felt("romantic")).std() < luma(plain).std()


def test_lights_move_the_right_way() -> None:
    plain = developed()
    assert luma(developed("soft")).std() < luma(plain).std()
    assert luma(developed("hard")).std() > 1.04 * luma(plain).std()
    assert luma(developed("high_key")).mean() > luma(plain).mean() + 15
    assert luma(developed("backlit")).std() > luma(plain).std() * 0.9
    glow = np.full((3, HEIGHT, WIDTH), 0.05, np.float32)
    glow[:, 80:100, 150:170] = 4.0
    halo = {light: luma(finish("natural", light=light).develop(glow, 1, go_on))[86:94, 175:185].mean()
            for light in ("", "glow", "backlit", "hard")}  # fmt: skip
    assert halo["glow"] > halo[""] + 8
    assert halo["backlit"] > halo[""] + 4
    assert halo["hard"] < halo[""]


@pytest.mark.parametrize("word", [*LIGHTS, *MOODS])
def test_every_light_and_mood_is_seen_and_none_spoils_the_picture(word: str) -> None:
    changed = developed(word) if word in LIGHTS else developed("", word)
    difference = np.abs(rgb_of(changed) - rgb_of(developed())).mean()
    assert 0.006 < difference < 0.16
    assert luma(changed).std() > 20
