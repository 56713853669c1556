"""A clip that is edited: its times, what stays, what the words change."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from seedbed.engines.previz.grade import Planes
from seedbed.engines.previz.references.edited import Edited, wish_of
from tests.engines.reference_films import (
    PHRASE,
    TALL,
    WIDE,
    Floats,
    code_of,
    coded,
    filmed,
    moving,
    never,
    rows_of,
    shown,
)
from tests.engines.test_stills import landscape, ssim


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of 40 frames in a green landscape, numbered from 1."""
    t = np.arange(40) / 24
    frames = moving((0.10 * t, 0 * t, 0.05 * t, 0 * t), picture=landscape(size=(640, 360)))
    numbered = (coded(number, frame) for number, frame in enumerate(frames, 1))
    return filmed(tmp_path_factory.mktemp("clips") / "walk.mp4", numbered)


def edited(clip: Path, change: str, frames: int = 40, **options: object) -> Edited:
    size = {"width": WIDE, "height": TALL} | options
    return Edited(clip, PHRASE + change, frames=frames, seed=1, check=never, **size)  # type: ignore[arg-type]


def gradients(luma: NDArray[np.uint8]) -> Floats:
    return np.stack(np.gradient(luma.astype(np.float32)))


@pytest.mark.parametrize("change", ["", "make it winter", "at night in the rain"])
def test_each_frame_shows_its_own_time(walk: Path, change: str) -> None:
    film = edited(walk, change, 48)
    numbers = [code_of(film.draw(number, never)[0]) for number in range(48)]
    assert numbers == [*range(1, 41), *[40] * 8], "the last frame holds"


def test_a_clip_of_another_rate_keeps_its_times(tmp_path: Path) -> None:
    frames = (coded(number, image) for number, image in enumerate(moving(rows_of("still", 12)), 1))
    film = edited(filmed(tmp_path / "clip.mp4", frames, fps=12), "sunset", 24)
    assert [code_of(film.draw(number, never)[0]) for number in range(24)] == [1 + number // 2 for number in range(24)]


def test_without_a_wish_the_clip_comes_back_as_it_is(walk: Path) -> None:
    film = edited(walk, "keep everything")
    with av.open(str(walk)) as box:
        for number, frame in enumerate(box.decode(video=0)):
            luma = np.frombuffer(memoryview(frame.planes[0]), np.uint8).reshape(-1, frame.planes[0].line_size)
            assert np.array_equal(film.draw(number, never)[0], luma[:, :WIDE])


@pytest.mark.parametrize(
    "change",
    ["autumn", "winter", "spring", "summer", "night", "sunset", "sunrise", "fog", "rain", "clouds", "a winter night"],
)
def test_an_edit_keeps_what_is_where(walk: Path, change: str) -> None:
    plain, film = edited(walk, ""), edited(walk, change)
    for number in (0, 15, 39):
        a, b = gradients(plain.draw(number, never)[0]), gradients(film.draw(number, never)[0])
        assert float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())) >= 0.8


def seen(clip: Path, change: str, number: int = 20) -> tuple[Floats, Floats]:
    """The land and the sky of a frame, as RGB rows, 0 … 1."""
    rgb = shown(edited(clip, change).draw(number, never)).astype(np.float32) / 255
    return rgb[110:150].reshape(-1, 3), rgb[:50].reshape(-1, 3)


def test_seasons_show_on_the_land(walk: Path) -> None:
    own, _ = seen(walk, "")
    autumn, _ = seen(walk, "autumn")
    winter, _ = seen(walk, "winter")
    spring, _ = seen(walk, "spring")
    assert (own[:, 1] > own[:, 0]).mean() > 0.6, "it was green"
    assert (autumn[:, 0] > autumn[:, 1] * 1.05).mean() > 0.6, "leaves are red and gold"
    assert winter.mean() > own.mean() + 0.15
    assert np.ptp(winter, axis=1).mean() < 0.5 * np.ptp(own, axis=1).mean(), "snow has no colour"
    assert spring.mean() > own.mean() + 0.01
    hues = autumn[:, 1] / autumn[:, 0]
    assert np.percentile(hues, 90) - np.percentile(hues, 10) > 0.15, "no two trees alike"


def test_light_and_weather_show(walk: Path) -> None:
    land, sky = seen(walk, "")
    night, dark_sky = seen(walk, "make it night")
    assert night.mean() < 0.55 * land.mean()
    assert (night[:, 2] - night[:, 0]).mean() > (land[:, 2] - land[:, 0]).mean() + 0.02, "and bluer"
    assert dark_sky.mean() < 0.4 * sky.mean()
    evening_land, evening_sky = seen(walk, "at sunset")
    assert evening_land[:, 0].mean() / evening_land[:, 2].mean() > 1.25 * land[:, 0].mean() / land[:, 2].mean()
    assert (evening_sky[:, 0] - evening_sky[:, 2]).mean() > (sky[:, 0] - sky[:, 2]).mean() + 0.1
    grey, _ = seen(walk, "in thick fog")
    assert grey.std() < 0.85 * land.std()
    assert np.ptp(seen(walk, "cloudy")[1], axis=1).mean() < 0.5 * np.ptp(sky, axis=1).mean()


def test_lamps_stay_lit_at_night(tmp_path: Path) -> None:
    image = landscape(size=(640, 360)).resize((WIDE, TALL))
    ImageDraw.Draw(image).rectangle((250, 100, 258, 110), fill=(255, 236, 170))
    film = edited(filmed(tmp_path / "clip.mp4", [image] * 4), "night", 4)
    luma = film.draw(2, never)[0]
    assert luma[102:108, 252:256].mean() > 150
    assert luma[60:170, 10:100].mean() < 70


def test_rain_falls_and_snow_falls(walk: Path) -> None:
    for weather in ("rain", "snow"):
        film, dry = edited(walk, weather), edited(walk, "cloudy" if weather == "rain" else "winter, cloudy")
        fallen = []
        for number in (38, 39):
            wet, calm = (one.draw(number, never)[0][:80].astype(np.float32) for one in (film, dry))
            fallen.append(wet - calm)
        assert np.abs(fallen[1] - fallen[0]).mean() > 0.5, "what falls moves over what is there"


@pytest.mark.parametrize("change", ["autumn", "winter", "sunset", "night", "cloudy"])
def test_an_edit_does_not_flicker(tmp_path: Path, change: str) -> None:
    """On a scene that stands but for the camera's noise, nothing else moves; whole frames keep their light."""
    image = np.asarray(landscape(size=(640, 360)).resize((WIDE, TALL)), np.float32)
    rng = np.random.default_rng(2)
    noisy = [
        Image.fromarray(np.clip(image + rng.normal(0, 2.5, image.shape), 0, 255).astype(np.uint8)) for _ in range(12)
    ]
    clip = filmed(tmp_path / "clip.mp4", noisy)
    plain, film = edited(clip, "", 12), edited(clip, change, 12)
    before = np.stack([plain.draw(number, never)[0].astype(np.float32) for number in range(12)])
    after = np.stack([film.draw(number, never)[0].astype(np.float32) for number in range(12)])
    assert after.std(0).mean() < 2.0 * before.std(0).mean() + 0.5
    assert np.abs(np.diff(after.mean((1, 2)))).max() < 0.6


def test_frames_may_be_asked_for_in_any_order_by_anyone(walk: Path) -> None:
    film = edited(walk, "autumn, fog")
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(lambda number: film.draw(number, never), range(40)))
    again = edited(walk, "autumn, fog")
    for number in (30, 3, 39, 0):
        for one, other in zip(again.draw(number, never), threaded[number], strict=True):
            assert np.array_equal(one, other)


def test_memory_is_bounded_by_what_is_asked_for(walk: Path) -> None:
    film = edited(walk, "autumn")
    for number in range(40):
        film.draw(number, never)
        assert len(film._source._kept) <= 8
    huge = Edited(walk, PHRASE, width=3840, height=2160, frames=40, seed=1, check=never)
    huge.draw(25, never)
    assert sum(seen.planes[0].nbytes for seen in huge._source._kept.values()) < 160 << 20


def test_the_whole_clip_is_fitted_to_another_ratio(walk: Path) -> None:
    film = edited(walk, "", width=180, height=180)
    wide = Image.fromarray(shown(edited(walk, "").draw(5, never)))
    square = np.asarray(wide.crop((70, 0, 250, 180)).convert("L"), np.float32)
    assert ssim(np.asarray(Image.fromarray(shown(film.draw(5, never))).convert("L"), np.float32), square) > 0.97


def test_a_style_is_laid_over_at_the_end(walk: Path) -> None:
    calls: list[int] = []

    def negative(planes: Planes, number: int, check: Callable[[], None]) -> Planes:
        calls.append(number)
        return (251 - planes[0], planes[1], planes[2])

    film = edited(walk, "", restyle=negative)
    assert np.array_equal(film.draw(7, never)[0], 251 - edited(walk, "").draw(7, never)[0])
    assert calls == [7]


@pytest.mark.parametrize(
    ("prompt", "wish"),
    [
        ("make it autumn", {"season": "autumn"}),
        ("turn the summer into winter", {"season": "winter"}),
        ("change day to night", {"time": "night"}),
        ("a sunset instead of day", {"time": "sunset"}),
        ("let it snow", {"season": "winter", "weather": "snow"}),
        ("from day to a rainy night, no fog", {"time": "night", "weather": "rain"}),
        ("nothing at all", {}),
    ],
)
def test_what_an_edit_asks_for(prompt: str, wish: dict[str, str]) -> None:
    assert wish_of(PHRASE + prompt).plan() == wish
