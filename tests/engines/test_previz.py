"""The embedded renderer: what it understands, what it draws, and how it sounds."""

from __future__ import annotations

import wave
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seedbed.engines import EngineError, InputMedia, RenderRequest
from seedbed.engines.previz import Previz, script
from seedbed.engines.previz.reel import Detail, Reel
from seedbed.engines.previz.sound import RATE, compose
from tests.engines import films

PROMPT = "A river flowing through an autumn forest, aerial view, cinematic motion"
POOL = ThreadPoolExecutor(2)
ROUGH = Detail(rays=1, grid=1024, fineness=0.8)


def never() -> None:
    """A render that nobody stops."""


def reel(prompt: str, *, seed: int = 5, width: int = 320, height: int = 180, fixed: bool = False) -> Reel:
    return Reel(
        script.read(prompt),
        seed=seed,
        width=width,
        height=height,
        frames=96,
        fps=24,
        fixed=fixed,
        detail=ROUGH,
        pool=POOL,
        check=never,
    )


def rgb(reel: Reel, number: int) -> np.ndarray:
    """A frame as (rows, columns, 3), 0 … 1."""
    luma, blue, red = reel.draw(number, never)
    y = (luma.astype(float) - 16) / 219
    u, v = ((plane.astype(float).repeat(2, 0).repeat(2, 1) - 128) / 224 for plane in (blue, red))
    return np.clip(np.stack([y + 1.5748 * v, y - 0.1873 * u - 0.4681 * v, y + 1.8556 * u], 2), 0, 1)


@pytest.fixture(scope="module")
def autumn() -> Reel:
    return reel(PROMPT, width=640, height=360)


# What it understands


def test_the_documents_prompt_is_understood_in_full() -> None:
    shot = script.read(PROMPT)
    assert (shot.setting, shot.water, shot.season, shot.move, shot.aerial) == (
        "forest",
        "river",
        "autumn",
        "flight",
        True,
    )
    assert shot.unknown == ()
    assert shot.salt == 0


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (
            "A cinematic transition from sunrise over the ocean to a glowing night skyline",
            {"time": "sunrise", "water": "ocean"},
        ),
        (
            "SNOWFALL over a mountain LAKE, slow pan",
            {"weather": "snow", "water": "lake", "move": "pan", "season": "winter"},
        ),
        ("dunes in the desert at dusk, orbiting drone", {"setting": "desert", "time": "sunset", "move": "orbit"}),
        (
            "foggy meadow at dawn, static camera",
            {"setting": "meadow", "weather": "fog", "move": "static", "aerial": False},
        ),
        ("a lake, zoom in", {"water": "lake", "move": "zoom"}),
        ("starry night above the sea", {"time": "night", "setting": "ocean"}),
    ],
)
def test_words_set_fields(prompt: str, expected: dict[str, object]) -> None:
    shot = script.read(prompt)
    assert {name: getattr(shot, name) for name in expected} == expected


def test_unknown_words_are_listed_and_make_another_world() -> None:
    plain, strange = script.read("a river"), script.read("a river of quetzal feathers")
    assert strange.unknown == ("quetzal", "feathers")
    assert strange.plan()["unknown"] == ["quetzal", "feathers"]
    assert plain.salt != strange.salt
    a, b = rgb(reel("a river"), 0), rgb(reel("a river of quetzal feathers"), 0)
    assert np.abs(a - b).mean() > 0.02


@pytest.mark.parametrize("prompt", ["", "   ", "🍂" * 5000, "\x01\x1b", "ß" * 10_000, "河流穿过秋天的森林"])
def test_any_string_is_a_shot(prompt: str) -> None:
    shot = script.read(prompt)
    assert shot.setting in {"forest", "mountain", "desert", "meadow", "coast"}
    assert len(shot.unknown) <= script.LISTED_MAX


# What it draws


def test_an_autumn_forest_is_seen(autumn: Reel) -> None:
    picture = rgb(autumn, 0)
    red, green, blue = (picture[..., c] for c in range(3))
    land_part = slice(picture.shape[0] // 3, None)
    warm = (red > green * 1.05) & (green > blue * 1.1)
    assert warm[land_part].mean() > 0.5, "orange, red and gold"
    cool = blue > red
    assert 0.02 < cool[land_part].mean() < 0.4, "a river"
    assert cool[: picture.shape[0] // 12].mean() > 0.8, "a sky"
    leaves = picture[land_part][warm[land_part]]
    assert leaves.std(0).min() > 0.05, "crowns with light and shadow sides"


def test_the_seasons_and_hours_differ() -> None:
    looks = {
        prompt: rgb(reel(prompt), 0).mean((0, 1))
        for prompt in ("autumn forest", "winter forest", "summer forest", "summer forest at night")
    }
    autumn, winter, summer, night = looks.values()
    assert autumn[0] / autumn[1] > summer[0] / summer[1] + 0.2
    assert winter.max() / winter.min() < 1.35, "grey and white"
    assert night.sum() < summer.sum() * 0.7


def test_a_flight_shows_perspective(autumn: Reel) -> None:
    """Flying on, near ground passes faster than far ground, and both move down the frame."""
    before, after = (autumn.draw(number, never)[0].astype(np.float32) for number in (10, 16))
    far, near = slice(120, 184), slice(270, 334)
    moves = []
    for rows in (far, near):
        parts = [films.shift(before[rows, x : x + 96], after[rows, x : x + 96])[0] for x in range(32, 512, 96)]
        moves.append(float(np.median(parts)))
    assert moves[0] > 0.2
    assert moves[1] > moves[0] * 2


def test_the_water_moves_while_the_land_stands_still() -> None:
    with_river, without = reel(PROMPT, fixed=True), reel("autumn forest, aerial", fixed=True)
    changes = []
    for shot in (with_river, without):
        a, b = (shot.light(number, never)[:, 60:, :320] for number in (0, 40))
        changes.append(np.abs(a - b).mean(0) / (a.mean(0) + 0.05))
    assert (changes[0] > 0.08).mean() > 2 * (changes[1] > 0.08).mean() + 0.01
    assert np.median(changes[1]) < 0.08, "only cloud shadows pass over the land"


def test_a_soft_sky_is_dithered(autumn: Reel) -> None:
    sky_part = autumn.draw(0, never)[0][:20].astype(int)
    longest = max(
        max((len(run) for run in np.split(row, np.flatnonzero(np.diff(row)) + 1)), default=0) for row in sky_part
    )
    assert longest < 40, "no band of one value across the sky"


def test_frames_are_pure(autumn: Reel) -> None:
    alone = [autumn.draw(number, never) for number in (3, 50)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda number: autumn.draw(number, never), (3, 50, 3, 50)))
    for number, planes in enumerate(together):
        for plane, expected in zip(planes, alone[number % 2], strict=True):
            assert np.array_equal(plane, expected)


@pytest.mark.parametrize(("width", "height"), [(3840, 2160), (1080, 1920), (2520, 1080)])
def test_large_frames(width: int, height: int) -> None:
    large = Reel(
        script.read(PROMPT), seed=1, width=width, height=height, frames=2, fps=24, fixed=True,
        detail=Detail(rays=1, grid=512, fineness=0.5), pool=POOL, check=never,
    )  # fmt: skip
    luma, blue, red = large.draw(0, never)
    assert luma.shape == (height, width)
    assert blue.shape == red.shape == (height // 2, width // 2)
    small = reel(PROMPT, seed=1, width=width // 8 // 2 * 2, height=height // 8 // 2 * 2, fixed=True).draw(0, never)[0]
    shrunk = np.asarray(Image.fromarray(luma).resize((small.shape[1], small.shape[0]), Image.Resampling.BOX), float)
    assert np.corrcoef(shrunk.ravel(), small.ravel().astype(float))[0, 1] > 0.7, "the same place at another size"


@pytest.mark.parametrize("move", ["flight", "pan", "tilt", "zoom", "orbit", "dolly", "static"])
def test_camera_moves(move: str) -> None:
    poses = reel(f"autumn forest, {move}").poses
    same = poses[0] == poses[-1]
    assert same == (move == "static")
    steps = np.array([[p.x, p.y, p.z, p.yaw * 100, p.horizon * 100, p.focal * 100] for p in poses])
    assert np.abs(np.diff(steps, 2, axis=0)).max() < 0.05, "no jolt"
    assert set(reel(f"autumn forest, {move}", fixed=True).poses) == {
        reel(f"autumn forest, {move}", fixed=True).poses[0]
    }


@pytest.mark.parametrize(
    "prompt",
    [
        "waves on the coast",
        "mountain lake",
        "desert dunes",
        "winter river, snow",
        "night, stars",
        "rain on a meadow",
        "fog",
    ],
)
def test_every_place_has_a_picture(prompt: str) -> None:
    picture = rgb(reel(prompt, width=160, height=90), 1)
    assert picture.std() > 0.02
    assert 0.02 < picture.mean() < 0.9


def test_a_stopped_draw_ends_at_once() -> None:
    class Enough(Exception):
        pass

    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise Enough

    shot = reel(PROMPT, width=640, height=360)
    with pytest.raises(Enough):
        shot.draw(0, check)
    assert calls == 4


# From an image

REQUEST = RenderRequest(
    prompt="slow push in", width=128, height=72, duration_s=4, seed=1, audio=False, mode="image_to_video"
)


def photo(path: Path, size: tuple[int, int] = (300, 300), **options: object) -> InputMedia:
    image = Image.new("RGB", size, (200, 40, 30))
    image.paste((30, 60, 200), (0, 0, size[0] // 2, size[1]))
    image.paste((240, 240, 240), (size[0] // 3, size[1] // 3, size[0] // 3 * 2, size[1] // 3 * 2))
    image.save(path, **options)  # type: ignore[arg-type]
    return InputMedia(path=path, kind="image", role="first_frame")


async def test_an_image_is_the_first_frame_and_the_camera_moves_in(tmp_path: Path) -> None:
    medium = photo(tmp_path / "photo.png")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    result = await Previz().render(replace(REQUEST, media=(medium,)), scratch, lambda share: None)
    shown = films.colours(result.video)
    with Image.open(medium.path) as image:
        covered = image.convert("RGB").crop((0, 66, 300, 234)).resize((128, 72))
    assert np.abs(np.asarray(covered, float) / 255 - shown[0]).mean() < 0.03
    white = [(frame.min(2) > 0.8).mean() for frame in (shown[0], shown[-1])]
    assert white[1] > white[0] * 1.1, "nearer"
    assert result.plan["source"] == "image"


async def test_a_turned_photo_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    medium = photo(tmp_path / "photo.jpg", (300, 200), exif=exif)
    result = await Previz().render(replace(REQUEST, media=(medium,), fixed_lens=True), tmp_path, lambda share: None)
    first = films.colours(result.video)[0]
    assert first[5, 64, 2] > first[5, 64, 0], "blue, which was on the left, is on top"
    assert first[-5, 64, 0] > first[-5, 64, 2]


async def test_a_broken_image_is_refused_in_words_for_its_owner(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
    medium = InputMedia(path=broken, kind="image", role="first_frame")
    with pytest.raises(EngineError) as refused:
        await Previz().render(replace(REQUEST, media=(medium,)), tmp_path, lambda share: None)
    assert str(tmp_path) not in refused.value.message


async def test_media_without_an_image_is_drawn_from_the_words(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((np.sin(np.arange(RATE) * 0.05) * 9000).astype("<i2").tobytes())
    medium = InputMedia(path=path, kind="audio", role="reference")
    result = await Previz().render(replace(REQUEST, media=(medium,)), tmp_path, lambda share: None)
    assert result.plan["source"] == "text"


# How it sounds


def test_sound_is_exact_stereo_and_repeatable() -> None:
    cuts = (script.Cut(script.read(PROMPT), 4 * 24),)
    sound = compose(cuts, 3, 4)
    assert sound.shape == (4 * RATE, 2)
    assert sound.dtype == np.float32
    assert np.abs(sound).max() < 1.0
    assert np.abs(sound[:50]).max() < 1e-3, "begins from silence"
    assert np.abs(sound[-50:]).max() < 1e-3, "ends in silence"
    assert sound[RATE:-RATE].std() > 0.01, "is heard"
    assert np.abs(sound[:, 0] - sound[:, 1]).mean() > 1e-3, "two ears"
    assert np.array_equal(sound, compose(cuts, 3, 4))
    assert not np.array_equal(sound, compose(cuts, 4, 4))


def test_rain_is_heard() -> None:
    def hiss(prompt: str) -> float:
        spectrum = np.abs(np.fft.rfft(compose((script.Cut(script.read(prompt), 4 * 24),), 1, 4)[:, 0]))
        return float((spectrum[4 * 4000 : 4 * 8000] ** 2).sum())

    assert hiss("a meadow in the rain") > 3 * hiss("a meadow, clear sky")
