"""References that customers send along, measured on what is drawn from them: camera paths, going on, all together."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seedbed.engines import EngineError, InputMedia, RenderRequest
from seedbed.engines.previz import camera, references, script, stills
from seedbed.engines.previz.grade import Planes
from seedbed.engines.previz.references import follow, motion, palette, phrases
from seedbed.engines.previz.references.continued import Continued
from seedbed.engines.previz.references.edited import Edited
from seedbed.engines.previz.references.motion import CameraPath
from seedbed.engines.previz.stills import direction
from tests.engines.reference_films import (
    PHRASE,
    RATE,
    TALL,
    WIDE,
    Floats,
    clicks,
    filmed,
    like,
    moving,
    never,
    pattern,
    rows_of,
    shown,
    waved,
    world,
)
from tests.engines.test_stills import landscape, ssim

REQUEST = RenderRequest(prompt="", width=WIDE, height=TALL, duration_s=4, seed=1)


def found(path: CameraPath) -> tuple[Floats, ...]:
    return path.pan_x, path.pan_y, path.zoom, path.roll


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
