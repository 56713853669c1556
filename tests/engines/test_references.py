"""References that customers send along, measured on what is drawn from them: camera paths, edits, looks and beats."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import wave
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from seedbed.engines import EngineError, InputMedia, RenderRequest
from seedbed.engines.previz import camera, references, script, stills
from seedbed.engines.previz.grade import Planes
from seedbed.engines.previz.production import DETAIL
from seedbed.engines.previz.reel import Reel
from seedbed.engines.previz.references import beats as rhythm
from seedbed.engines.previz.references import follow, motion, palette, phrases, sound
from seedbed.engines.previz.references.continued import Continued
from seedbed.engines.previz.references.edited import Edited, wish_of
from seedbed.engines.previz.references.motion import CameraPath
from seedbed.engines.previz.stills import direction
from tests.engines.test_stills import evening, landscape, rough, ssim

Floats = NDArray[np.float32]
Rows = tuple[NDArray[np.float64], ...]
WIDE, TALL, RATE = 320, 180, 48_000
ROOT = Path(__file__).parents[2]
PHRASE = "strictly edit the supplied source video: "
REQUEST = RenderRequest(prompt="", width=WIDE, height=TALL, duration_s=4, seed=1)


def never() -> None:
    """A render that nobody stops."""


# Clips and sounds that are known to the last digit


@cache
def pattern(side: int = 1200) -> Image.Image:
    """Texture of every fineness, so that each way of moving shows."""
    rng = np.random.default_rng(3)
    total = np.zeros((side, side, 3), np.float32)
    for octave in range(2, 9):
        grid = rng.random((2**octave, 2**octave, 3)).astype(np.float32)
        layers = [Image.fromarray(grid[..., c]).resize((side, side), Image.Resampling.BICUBIC) for c in range(3)]
        total += (np.stack([np.asarray(layer) for layer in layers], 2) - 0.5) * 0.75**octave
    total -= total.min()
    return Image.fromarray((total / total.max() * 255).astype(np.uint8))


def view(
    picture: Image.Image, pan_x: float, pan_y: float, zoom: float, roll: float, size: tuple[int, int]
) -> Image.Image:
    """What a camera sees that looks at the picture's middle plus the pans (in frames), turned and zoomed."""
    width, height = size
    cos, sin = math.cos(-roll) / math.exp(zoom), math.sin(-roll) / math.exp(zoom)
    x, y = picture.width / 2 + pan_x * width, picture.height / 2 + pan_y * height
    turn = (cos, -sin, x - cos * width / 2 + sin * height / 2, sin, cos, y - sin * width / 2 - cos * height / 2)
    return picture.transform(size, Image.Transform.AFFINE, turn, Image.Resampling.BICUBIC)


def filmed(path: Path, frames: Iterable[Image.Image], *, fps: int = 24) -> Path:
    """A clip as the worker would hand it on: H.264 in BT.709."""
    with av.open(str(path), "w") as box:
        stream = box.add_stream("libx264", rate=fps, options={"preset": "veryfast", "crf": "15", "bf": "0", "g": "24"})
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = context.color_range = 1
        for number, image in enumerate(frames):
            if number == 0:
                stream.width, stream.height = image.size
            frame = av.VideoFrame.from_image(image).reformat(format="yuv420p", dst_colorspace=1, dst_color_range=1)
            frame.pts, frame.time_base = number, Fraction(1, fps)
            box.mux(stream.encode(frame))
        box.mux(stream.encode(None))
    return path


def moving(rows: Rows, *, blob: bool = True, picture: Image.Image | None = None) -> Iterable[Image.Image]:
    """Frames of a camera that goes through `rows` (pans, zoom, roll), with somebody walking through before it."""
    count = len(rows[0])
    for number in range(count):
        image = view(picture or pattern(), *(float(row[number]) for row in rows), (WIDE, TALL))  # type: ignore[arg-type]
        if blob:
            draw = ImageDraw.Draw(image)
            x, y, r = WIDE * (0.1 + 0.7 * number / count), TALL * (0.5 + 0.2 * math.sin(number / 6)), TALL * 0.2
            draw.ellipse((x - r, y - r, x + r, y + r), fill=(250, 60, 30))
            draw.rectangle((x - r / 2, y - r / 2, x + r / 3, y + r / 3), fill=(20, 200, 240))
        yield image


def rows_of(name: str, count: int) -> Rows:
    t = np.arange(count) / 24
    soft = (t / t[-1]) ** 2 * (3 - 2 * t / t[-1])
    none = np.zeros(count)
    return {
        "pan": (0.5 * soft, none, none, none),
        "zoom": (none, none, 0.4 * soft, none),
        "roll": (none, none, none, 0.2 * np.sin(t * 2.4)),
        "all": (0.3 * t / t[-1] + 0.03 * np.sin(3 * t), -0.12 * np.sin(t * 1.4), 0.3 * np.sin(t), 0.14 * np.sin(t * 2)),
        "still": (none, none, none, none),
    }[name]


def found(path: CameraPath) -> tuple[Floats, ...]:
    return path.pan_x, path.pan_y, path.zoom, path.roll


def like(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def shown(planes: Planes) -> NDArray[np.uint8]:
    """RGB as a player shows it."""
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, values in zip(frame.planes, planes, strict=True):
        into = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        into[: values.shape[0], : values.shape[1]] = values
    rgb = frame.reformat(format="rgb24", src_colorspace=1, dst_colorspace=1, src_color_range=1, dst_color_range=2)
    return rgb.to_ndarray()


def refilmed(tmp_path: Path, frames: Iterable[Planes]) -> CameraPath:
    """The camera path of what was drawn, found in a file as a customer would get it."""
    images = [Image.fromarray(shown(planes)) for planes in frames]
    return motion.path_of(filmed(tmp_path / "drawn.mp4", images), len(images))


# The path of a camera


@pytest.mark.parametrize("name", ["pan", "zoom", "roll", "all"])
def test_a_cameras_path_is_found_behind_somebody_who_walks(tmp_path: Path, name: str) -> None:
    rows = rows_of(name, 48)
    path = motion.path_of(filmed(tmp_path / "clip.mp4", moving(rows)), 48)
    for true, measured in zip(rows, found(path), strict=True):
        true = true - true[0]
        if np.ptp(true) > 0:
            assert like(true, measured) >= 0.99
            assert np.ptp(measured) == pytest.approx(np.ptp(true), rel=0.1)
        else:
            assert np.ptp(measured) < 0.02


def test_a_camera_that_stands_stands(tmp_path: Path) -> None:
    path = motion.path_of(filmed(tmp_path / "clip.mp4", moving(rows_of("still", 24))), 24)
    assert path.still
    assert not motion.path_of(filmed(tmp_path / "other.mp4", moving(rows_of("roll", 24))), 24).still


def test_a_clip_that_ends_sooner_goes_on_and_comes_to_rest(tmp_path: Path) -> None:
    t = np.arange(30) / 24
    rows = (0.2 * t, 0 * t, 0 * t, 0 * t)
    path = motion.path_of(filmed(tmp_path / "clip.mp4", moving(rows)), 120)
    assert (len(path), path.seen) == (120, 30)
    speed = np.diff(path.pan_x) * 24
    assert speed[30:34].mean() == pytest.approx(0.2, rel=0.15)
    assert np.diff(speed[31:]).max() <= 1e-4, "it only slows down"
    assert speed[-1] < 0.02


def test_times_are_the_clips_own(tmp_path: Path) -> None:
    """At 12 frames a second the same steps take twice as long."""
    t = np.arange(24) / 24
    path = motion.path_of(filmed(tmp_path / "clip.mp4", moving((0.24 * t, 0 * t, 0 * t, 0 * t)), fps=12), 46)
    assert path.pan_x[23] == pytest.approx(0.12, abs=0.015)
    assert path.pan_x[44] == pytest.approx(0.22, abs=0.015)


def test_a_cut_inside_a_clip_does_not_throw_the_camera(tmp_path: Path) -> None:
    t = np.arange(24) / 24
    one = list(moving((0.2 * t, 0 * t, 0 * t, 0 * t), blob=False))
    two = list(moving((0.2 * t, 0 * t, 0 * t, 0 * t), blob=False, picture=landscape(7, (1200, 1200))))
    path = motion.path_of(filmed(tmp_path / "clip.mp4", one + two), 48)
    assert np.abs(np.diff(path.pan_x)).max() < 0.03
    assert np.abs(np.diff(path.roll)).max() < 0.02


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(200))
    for read in (lambda: motion.path_of(broken, 10), lambda: references.load_sound(broken)):
        with pytest.raises(EngineError) as refused:
            read()
        assert str(tmp_path) not in refused.value.message


def world(prompt: str, frames: int, steer: camera.Steer, *, fixed: bool = False) -> tuple[list[Planes], Reel]:
    """All frames of a small world whose camera is steered."""
    with ThreadPoolExecutor(2) as pool:
        reel = Reel(
            script.read(prompt), seed=1, width=WIDE, height=TALL, frames=frames, fps=24, fixed=fixed,
            detail=replace(DETAIL["mini"], grid=800), pool=pool, check=never, steer=steer,
        )  # fmt: skip
        return list(pool.map(lambda number: reel.draw(number, never), range(frames))), reel


def test_a_world_is_seen_by_the_clips_camera(tmp_path: Path) -> None:
    pan_x, pan_y, zoom, roll = rows_of("all", 36)
    rows = (pan_x * 0.6, pan_y * 0, zoom * 0.7, roll * 0.7)
    path = motion.path_of(filmed(tmp_path / "clip.mp4", moving(rows)), 36)
    steer = references.References(path=path).steer(ratio=WIDE / TALL)
    drawn, _ = world("a river in the autumn forest", 36, steer)
    measured = refilmed(tmp_path, drawn)
    for name in ("pan_x", "zoom", "roll"):
        assert like(getattr(path, name), getattr(measured, name)) >= 0.9, name
    assert np.ptp(measured.pan_x) == pytest.approx(np.ptp(path.pan_x), rel=0.15)


@pytest.mark.parametrize("name", ["pan", "zoom", "roll"])
def test_a_picture_is_seen_by_the_clips_camera(tmp_path: Path, name: str) -> None:
    rows = rows_of(name, 36)
    path = motion.path_of(filmed(tmp_path / "clip.mp4", moving(rows)), 36)
    way = direction.read("", script.read(""), fixed=False)
    size = {"width": WIDE, "height": TALL, "frames": 36}
    picture = pattern().crop((0, 0, 960, 540))
    still = stills.Still(picture, way, **size, fps=24, seed=1, poses=follow.picture_poses(path, **size))
    drawn = [still.draw(number, never) for number in range(36)]
    measured = refilmed(tmp_path, drawn)
    part = {"pan": "pan_x"}.get(name, name)
    assert like(getattr(path, part), getattr(measured, part)) >= 0.95
    fitted = np.asarray(picture.resize((WIDE, TALL), Image.Resampling.LANCZOS).convert("L"), np.float32)
    assert ssim(drawn[0][0].astype(np.float32), fitted * 219 / 255 + 16) > 0.95


def test_a_last_picture_is_where_the_clips_camera_arrives(tmp_path: Path) -> None:
    path = motion.path_of(filmed(tmp_path / "clip.mp4", moving(rows_of("pan", 36))), 36)
    poses = follow.picture_poses(path, width=WIDE, height=TALL, frames=36, backwards=True)
    assert poses[-1] == pytest.approx([1, 0, 0, 0, 0.3, 0, 0, 0], abs=1e-6)
    assert np.diff(poses[:, 5]).min() > -1e-4, "it comes from the left"
    assert poses[0, 5] < -0.1


# Going on from a clip


@pytest.mark.parametrize("prompt", ["slow push in", "static camera"])
def test_a_film_goes_on_where_the_clip_ends(tmp_path: Path, prompt: str) -> None:
    t = np.arange(36) / 24
    frames = list(moving((0.12 * t, 0 * t, 0 * t, 0.06 * t), blob=False, picture=landscape(size=(960, 540))))
    clip = filmed(tmp_path / "clip.mp4", frames)
    way = direction.read(prompt, script.read(prompt), fixed=False)
    film = Continued(clip, way, width=WIDE, height=TALL, frames=48, seed=1, fixed=False, check=never)
    drawn = [film.draw(number, never) for number in range(48)]
    last = np.asarray(frames[-1].convert("L"), np.float32)
    assert ssim(shown(drawn[0]).astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32), last) >= 0.95
    measured = refilmed(tmp_path, drawn)
    pan, roll = np.diff(measured.pan_x) * 24, np.diff(measured.roll) * 24
    assert pan[1:8].mean() == pytest.approx(0.12, rel=0.35)
    assert roll[1:8].mean() == pytest.approx(0.06, rel=0.4)
    assert abs(pan[-6:].mean()) < 0.06, "and the speed fades"


def test_a_fixed_lens_does_not_go_on(tmp_path: Path) -> None:
    t = np.arange(24) / 24
    clip = filmed(tmp_path / "clip.mp4", moving((0.2 * t, 0 * t, 0 * t, 0 * t)))
    way = direction.read("push in", script.read("push in"), fixed=True)
    film = Continued(clip, way, width=WIDE, height=TALL, frames=24, seed=1, fixed=True, check=never)
    assert refilmed(tmp_path, [film.draw(number, never) for number in range(0, 24, 3)]).still


@pytest.mark.parametrize(
    ("prompt", "phrase"),
    [
        ("Continue from the supplied previous clip: she runs on", "continue"),
        ("CONTINUE  from the\nsupplied, previous clip.", "continue"),
        ("Please continue the previous clip with rain", "continue"),
        ("continuing seamlessly from the previous video", "continue"),
        ("extend the provided video", "continue"),
        ("Strictly edit the supplied source video; make it winter", "edit"),
        ("strictly-edit the source video", "edit"),
        ("strictly edit the original footage, at night", "edit"),
        ("Do not continue from the previous clip", ""),
        ("a road that continues past the house", ""),
        ("edit the colours", ""),
        ("", ""),
    ],
)
def test_phrases_with_a_fixed_meaning(prompt: str, phrase: str) -> None:
    assert phrases.phrase_of(prompt) == phrase


# Editing a clip


def coded(number: int, image: Image.Image) -> Image.Image:
    """`image` with its number in its lowest rows, in black and white fields: six of them, the lowest bit first."""
    draw = ImageDraw.Draw(image)
    for bit in range(6):
        light = 235 if number >> bit & 1 else 20
        draw.rectangle((10 + 30 * bit, TALL - 26, 35 + 30 * bit, TALL - 4), fill=(light, light, light))
    return image


def code_of(luma: NDArray[np.uint8]) -> int:
    fields = [luma[TALL - 20 : TALL - 10, 16 + 30 * bit : 30 + 30 * bit].mean() for bit in range(6)]
    middle = (max(fields) + min(fields)) / 2
    return sum(1 << bit for bit in range(6) if fields[bit] > middle)


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
        steps, dry_steps = [], []
        for number in (38, 39):
            steps.append(film.draw(number, never)[0][:80].astype(np.float32))
            dry_steps.append(dry.draw(number, never)[0][:80].astype(np.float32))
        assert np.abs(steps[1] - steps[0]).mean() > 1.5 * np.abs(dry_steps[1] - dry_steps[0]).mean()


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


# The look of pictures


class Held:
    """Draws one picture for ever."""

    def __init__(self, image: Image.Image) -> None:
        self.planes = palette.planes_of(image)

    def draw(self, number: int, check: Callable[[], None]) -> Planes:
        return self.planes

    def plan(self) -> dict[str, object]:
        return {"held": True}


def apart(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """How different two palettes are: the mean distance of their quantiles along many directions of a colour space
    of luma and two differences."""
    space = np.array([[0.2126, 0.7152, 0.0722], [-0.11, -0.39, 0.5], [0.5, -0.45, -0.05]]) * [[1.0], [1.6], [1.6]]
    ways = np.random.default_rng(0).standard_normal((40, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    at = np.linspace(0.01, 0.99, 50)
    one, other = (part.reshape(-1, 3)[::5] / 255 @ space.T @ ways.T for part in (a, b))
    return float(np.abs(np.quantile(one, at, 0) - np.quantile(other, at, 0)).mean())


def warm_picture() -> Image.Image:
    """Amber above teal, with grain."""
    y = np.linspace(0, 1, 450)[:, None, None]
    base = np.where(y < 0.62, np.array([0.85, 0.55, 0.25]) * (1.1 - 0.5 * y), np.array([0.10, 0.30, 0.34]) * (0.6 + y))
    grain = np.random.default_rng(4).normal(0, 0.07, (450, 800, 1))
    return Image.fromarray((np.clip(base + np.zeros((450, 800, 3)) + grain, 0, 1) * 255).astype(np.uint8))


@pytest.fixture
def amber(tmp_path: Path) -> Path:
    warm_picture().save(tmp_path / "amber.png")
    return tmp_path / "amber.png"


@pytest.mark.parametrize("make", [landscape, evening])
def test_a_pictures_palette_carries_over(amber: Path, make: Callable[[], Image.Image]) -> None:
    hint = palette.hint_of([amber], width=WIDE, height=TALL)
    held = Held(make().resize((WIDE, TALL)))
    toned = palette.Toned(held, hint, frames=24, seed=1, check=never)
    aim = np.asarray(warm_picture().resize((WIDE, TALL)))
    assert apart(shown(toned.draw(3, never)), aim) < 0.5 * apart(shown(held.planes), aim)
    assert "look" in toned.plan()


def test_texture_moves_towards_the_pictures(amber: Path) -> None:
    grainy = palette.hint_of([amber], width=WIDE, height=TALL)
    assert grainy.statistics.grain > 2.0
    smooth = Image.fromarray((rough(TALL, WIDE, 5, 6.0)[..., None] * [60, 50, 40] + 120).astype(np.uint8))
    toned = palette.Toned(Held(smooth), grainy, frames=2, seed=1, check=never)
    own, now = palette.statistics([Held(smooth).planes]), palette.statistics([toned.draw(0, never)])
    for name in ("grain", "fine"):
        wanted, before, after = (getattr(part, name) for part in (grainy.statistics, own, now))
        assert abs(after - wanted) < 0.5 * abs(before - wanted), name
    moves = toned.draw(0, never)[0].astype(int) - toned.draw(1, never)[0]
    assert np.abs(moves).mean() > 0.5, "grain is alive"


def test_smooth_pictures_make_smooth_films(tmp_path: Path) -> None:
    soft = Image.fromarray((rough(TALL, WIDE, 5, 6.0)[..., None] * [60, 50, 40] + 120).astype(np.uint8))
    soft.save(tmp_path / "soft.png")
    hint = palette.hint_of([tmp_path / "soft.png"], width=WIDE, height=TALL)
    held = Held(warm_picture().resize((WIDE, TALL)))
    now = palette.statistics([palette.Toned(held, hint, frames=2, seed=1, check=never).draw(0, never)])
    assert now.fine < 0.75 * palette.statistics([held.planes]).fine


def test_the_first_picture_counts_double(amber: Path, tmp_path: Path) -> None:
    evening().save(tmp_path / "evening.png")
    paths = [amber, tmp_path / "evening.png"]
    one, other = (palette.hint_of([path], width=WIDE, height=TALL).statistics.luma for path in paths)
    both = palette.hint_of(paths, width=WIDE, height=TALL).statistics.luma
    assert both == pytest.approx((2 * one + other) / 3, abs=1e-6)
    assert palette.hint_of(paths[::-1], width=WIDE, height=TALL).statistics.luma != pytest.approx(both, abs=1.0)


def test_the_horizon_comes_from_the_picture(amber: Path) -> None:
    hint = palette.hint_of([amber], width=WIDE, height=TALL)
    assert hint.horizon == pytest.approx(0.62, abs=0.02)
    assert palette.horizon_of(np.asarray(pattern().resize((256, 144)), np.float32) / 255 * 0.0 + 0.5) is None
    posed = [camera.Pose(0, 0, 10, 0, 0.3 + 0.01 * n, 1.1, 0) for n in range(4)]
    moved = palette.composed(posed, hint)
    assert np.mean([pose.horizon for pose in moved]) == pytest.approx(0.62, abs=0.02)
    assert moved[3].horizon - moved[0].horizon == pytest.approx(0.03), "and it moves as before"


def test_a_world_is_composed_as_the_picture_is(amber: Path) -> None:
    look = palette.hint_of([amber], width=WIDE, height=TALL)

    def ends(steer: camera.Steer) -> tuple[float, float]:
        """Where the drawn land ends, and how far that is above the horizon."""
        drawn, reel = world("a desert, static camera", 1, steer, fixed=True)
        row = palette.horizon_of(shown(drawn[0]).astype(np.float32) / 255)
        assert row is not None
        return row, palette.rise_of(drawn[0], reel.poses[0])

    before, rise = ends(lambda poses: poses)
    assert abs(before - 0.62) > 0.15
    steer = references.References(look=look).steer(ratio=WIDE / TALL, rise=rise)
    assert ends(steer)[0] == pytest.approx(0.62, abs=0.05)


# Beats


def clicks(bpm: float, seconds: float, first: float = 0.31) -> tuple[Floats, NDArray[np.float64]]:
    samples = np.zeros(int(seconds * RATE), np.float32)
    times = np.arange(first, seconds - 0.06, 60 / bpm)
    line = np.arange(int(0.03 * RATE)) / RATE
    for time in times:
        begin = int(time * RATE)
        samples[begin : begin + len(line)] += 0.8 * np.sin(2 * np.pi * 1500 * line) * np.exp(-line / 0.006)
    return samples, times


def song(bpm: float, seconds: float) -> tuple[Floats, NDArray[np.float64]]:
    """Drums, hats on the eighths and a chord a bar; and when its bars begin."""
    rng = np.random.default_rng(1)
    count, beat = int(seconds * RATE), 60 / bpm
    mix = np.zeros(count)

    def add(at: float, part: NDArray[np.float64]) -> None:
        begin = int(at * RATE)
        if begin < count:
            mix[begin : begin + len(part)] += part[: count - begin]

    t, bar = np.arange(int(0.25 * RATE)) / RATE, np.arange(int(4 * beat * RATE)) / RATE
    bars = np.arange(0.2, seconds, 4 * beat)
    for number, at in enumerate(np.arange(0.2, seconds, beat)):
        kick = 0.8 * np.sin(2 * np.pi * (50 * t + 7 * (1 - np.exp(-t / 0.03)))) * np.exp(-t / 0.09)
        add(at, kick if number % 2 == 0 else 0.4 * rng.standard_normal(len(t)) * np.exp(-t / 0.05))
        for half in (0.0, 0.5):
            add(at + half * beat, 0.12 * np.diff(rng.standard_normal(len(t) + 1)) * np.exp(-t / 0.015))
    for number, at in enumerate(bars):
        chord = [(220, 277, 330), (196, 247, 294), (174, 220, 262)][number % 3]
        add(at, sum(0.12 * np.sin(2 * np.pi * f * bar) for f in chord) * np.minimum(bar / 0.01, 1) * np.exp(-bar / 2))
    return (mix / np.abs(mix).max() * 0.9).astype(np.float32), bars


@pytest.mark.parametrize("bpm", [60, 75, 90, 113, 120, 140, 165, 180])
def test_clicks_are_beats(bpm: int) -> None:
    samples, times = clicks(bpm, 8)
    beats = rhythm.beats_of(samples, RATE)
    assert len(beats) == len(times)
    assert np.abs(beats.times_s - times).max() < 0.02
    assert beats.tempo_bpm == pytest.approx(bpm, rel=0.01)


@pytest.mark.parametrize("bpm", [84, 120, 150])
def test_a_songs_downbeats_are_found(bpm: int) -> None:
    samples, bars = song(bpm, 9)
    beats = rhythm.beats_of(samples, RATE)
    assert max(np.abs(beats.times_s - bar).min() for bar in bars) < 0.03
    assert beats.tempo_bpm == pytest.approx(bpm, rel=0.02)


def test_what_has_no_beat_has_none() -> None:
    rng = np.random.default_rng(0)
    noise = 0.3 * rng.standard_normal(6 * RATE).astype(np.float32)
    tone = 0.5 * np.sin(np.arange(6 * RATE) * 0.05).astype(np.float32)
    wind = np.convolve(noise, np.ones(200, np.float32) / 20, "same")
    for sound_ in (np.zeros(6 * RATE, np.float32), noise, tone, wind, np.stack([noise, -noise], 1), noise[:100]):
        assert len(rhythm.beats_of(sound_, RATE)) == 0


def test_accents_pulse_on_beats() -> None:
    beats = rhythm.Beats(np.array([0.5, 1.0, 1.52], np.float32), np.array([1.0, 0.5, 1.0], np.float32), 120.0)
    line = rhythm.accents(beats, 48, 24)
    assert [int(at) for at in np.flatnonzero(np.diff(line, prepend=0) > 0.2)] == [12, 24, 36]
    assert line[12] == pytest.approx(1.0)
    assert line[17] < 0.15
    assert line.min() >= 0
    assert line.max() <= 1


class Plain:
    """A shot of one grey, for a cut to be seen."""

    def __init__(self, light: int) -> None:
        self._light = light

    def draw(self, number: int, check: Callable[[], None]) -> Planes:
        half = np.full((18, 32), 128, np.uint8)
        return np.full((36, 64), self._light + number % 2, np.uint8), half, half


def cut_times(cuts: tuple[script.Cut, ...]) -> NDArray[np.float64]:
    """When cuts are seen in the film that is drawn of `cuts`."""
    shots = [Plain(60 + 90 * (number % 2)) for number in range(len(cuts))]
    frames = [
        shot.draw(k, never)[0].astype(float) for shot, cut in zip(shots, cuts, strict=True) for k in range(cut.frames)
    ]
    jumps = [float(np.abs(b - a).mean()) for a, b in pairwise(frames)]
    return np.array([number + 1 for number, jump in enumerate(jumps) if jump > 20]) / 24


@pytest.mark.parametrize("bpm", [70, 120, 170])
def test_cuts_fall_on_beats(bpm: int) -> None:
    samples, times = clicks(bpm, 8)
    beats = rhythm.beats_of(samples, RATE)
    told = script.storyboard("Shot 1: a forest. Shot 2: a beach. Shot 3: a city at night.", frames=192, fps=24)
    cuts = rhythm.retime(told, beats, 192, 24)
    assert [cut.shot for cut in cuts] == [cut.shot for cut in told]
    assert sum(cut.frames for cut in cuts) == 192
    seen_at = cut_times(cuts)
    assert len(seen_at) == 2
    assert max(np.abs(times - at).min() for at in seen_at) < 0.08


@pytest.mark.parametrize("bpm", [70, 120, 170])
def test_one_shot_is_cut_to_the_beat_only_where_that_is_wanted(bpm: int) -> None:
    samples, times = clicks(bpm, 8)
    beats = rhythm.beats_of(samples, RATE)
    told = script.storyboard("a fashion film in the desert", frames=192, fps=24)
    assert rhythm.retime(told, beats, 192, 24) == told
    cuts = rhythm.retime(told, beats, 192, 24, synced=True)
    assert len(cuts) >= 4
    assert min(cut.frames for cut in cuts) >= 16
    assert sum(cut.frames for cut in cuts) == 192
    assert max(np.abs(times - at).min() for at in cut_times(cuts)) < 0.08
    assert {cut.shot.setting for cut in cuts} == {"desert"}
    assert all((a.shot.move, a.shot.sense) != (b.shot.move, b.shot.sense) for a, b in pairwise(cuts))


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("a fashion film synced to the beat", True),
        ("beat-synced cuts", True),
        ("cuts in time with the music", True),
        ("卡点视频", True),
        ("the drums of war, a beach", False),
        ("a musician on a beach", False),
    ],
)
def test_the_prompt_says_whether_the_beat_is_to_be_seen(prompt: str, wanted: bool) -> None:
    assert phrases.synced(prompt) is wanted


# Sounds


def waved(path: Path, samples: Floats, rate: int = RATE) -> Path:
    line = samples if samples.ndim == 2 else samples[:, None]
    with wave.open(str(path), "wb") as out:
        out.setnchannels(line.shape[1])
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((np.clip(line, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def test_a_sound_is_loaded_as_it_is(tmp_path: Path) -> None:
    left = 0.5 * np.sin(np.arange(RATE) * 0.02).astype(np.float32)
    both = np.stack([left, -0.5 * left], 1)
    loaded = references.load_sound(waved(tmp_path / "a.wav", both))
    assert loaded.shape == (RATE, 2)
    assert loaded == pytest.approx(both, abs=1e-3)
    one = references.load_sound(waved(tmp_path / "b.wav", left[: RATE // 2], 24_000))
    assert abs(len(one) - RATE) < 64
    assert np.array_equal(one[:, 0], one[:, 1])
    assert np.abs(one).max() == pytest.approx(0.5, abs=0.01)
    assert len(references.load_sound(tmp_path / "a.wav", seconds_max=0.25)) == RATE // 4


def test_sounds_fill_the_film() -> None:
    loud = np.full((RATE, 2), 0.8, np.float32)
    mix = sound.fitted([loud, loud[: RATE // 2]], RATE * 2)
    assert mix.shape == (RATE * 2, 2)
    assert np.abs(mix).max() <= 0.98
    assert not mix[RATE:].any()
    assert sound.fitted([loud], RATE // 2)[-1, 0] == pytest.approx(0.0, abs=1e-6)


# All together


def test_every_mix_of_references_means_something(tmp_path: Path) -> None:
    samples, _ = clicks(120, 5)
    clip = filmed(tmp_path / "clip.mp4", moving(rows_of("pan", 30)))
    landscape().save(tmp_path / "first.png")
    video = InputMedia(path=clip, kind="video", role="reference")
    audio = InputMedia(path=waved(tmp_path / "a.wav", samples), kind="audio", role="reference")
    first = InputMedia(path=tmp_path / "first.png", kind="image", role="first_frame")
    hint = replace(first, role="reference")

    def read(prompt: str, *media: InputMedia, **options: object) -> references.References:
        return references.read(replace(REQUEST, prompt=prompt, media=media, **options))  # type: ignore[arg-type]

    assert references.read(REQUEST) == references.References()
    whole = read("a meadow", first, video, audio)
    assert whole.path is not None
    assert whole.beats is not None
    assert whole.sound is not None
    assert whole.sound.shape == (4 * RATE, 2)
    request = replace(REQUEST, media=(first, video, audio), prompt="a meadow")
    picture = whole.picture(request, script.read("a meadow"), never)
    assert isinstance(picture, stills.Still)
    drawn = [picture.draw(number, never) for number in range(0, 40, 2)]
    assert np.ptp(refilmed(tmp_path, drawn).pan_x) > 0.05, "the picture follows the video"
    assert read("a meadow", first, video, fixed_lens=True).path is None
    assert read("a meadow", audio, audio=False).sound is None
    assert read("a meadow", hint, video).picture(replace(REQUEST, media=(hint,)), script.read("a"), never) is None
    assert read("a meadow", hint).look is not None
    assert read("Continue from the supplied previous clip", video, first).phrase == "continue"
    ahead = replace(REQUEST, prompt="continue from the previous clip", media=(video, first))
    assert isinstance(references.read(ahead).picture(ahead, script.read("a"), never), Continued)
    change = replace(REQUEST, prompt=PHRASE + "autumn", media=(video, hint))
    both = references.read(change)
    drawn_by = both.picture(change, script.read("autumn"), never)
    assert isinstance(drawn_by, Edited)
    assert isinstance(both.toned(drawn_by, change, never), palette.Toned)
    assert both.sound is None, "the clip has none"
    assert set(whole.plan()["references"]) == {"camera", "rhythm", "sound"}


def test_shots_take_the_path_up_where_the_film_is(tmp_path: Path) -> None:
    rows = rows_of("all", 48)
    path = CameraPath.of(rows, ratio=WIDE / TALL, seen=48)
    part = path.part(20, 28)
    assert len(part) == 28
    assert part.zoom == pytest.approx(path.zoom[20:] - path.zoom[20])
    told = references.References(path=path, pulses=np.zeros(48, np.float32))
    poses = [camera.Pose(0, 0, 10, 0.3, 0.4, 1.1, 0)] * 28
    led = told.steer(ratio=WIDE / TALL, begin=20)(poses)
    assert (led[0].yaw, led[0].focal) == pytest.approx((0.3, 1.1))
    assert led[10].roll == pytest.approx(math.tan(path.roll[30] - path.roll[20]), abs=1e-5)


COUNT_COMPILED = """
import importlib, pkgutil, sys
from pathlib import Path
from tempfile import TemporaryDirectory
from seedbed.engines.previz import references, stills
from tests.engines import test_references as t

def compiled():
    found = {}
    for package in (references, stills):
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            for name, kernel in vars(module).items():
                if hasattr(kernel, "signatures"):
                    found[f"{kernel.__module__}.{name}"] = len(kernel.signatures)
    return found

stills.warm()
references.warm()
before = compiled()
with TemporaryDirectory() as scratch:
    clip = t.filmed(Path(scratch) / "clip.mp4", t.moving(t.rows_of("all", 8)))
    t.motion.path_of(clip, 12)
    for change in ("", "autumn", "snow", "night, fog", "rain"):
        t.edited(clip, change, 8).draw(5, t.never)
    t.landscape().save(Path(scratch) / "a.png")
    hint = t.palette.hint_of([Path(scratch) / "a.png"], width=320, height=180)
    t.palette.Toned(t.edited(clip, "", 8), hint, frames=8, seed=1, check=t.never).draw(1, t.never)
    way = t.direction.read("push in", t.script.read(""), fixed=False)
    film = t.Continued(clip, way, width=320, height=180, frames=8, seed=1, fixed=False, check=t.never)
    film.draw(7, t.never)
assert compiled() == before, {name: count for name, count in compiled().items() if before.get(name) != count}
"""


def test_no_reference_waits_for_a_compiler_once_it_is_warm() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COUNT_COMPILED], capture_output=True, text=True, timeout=170, check=False,
        cwd=ROOT, env=os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
