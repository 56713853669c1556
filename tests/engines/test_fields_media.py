"""What customers send along counts, measured on files as they get them: pictures, clips and sounds."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from seedbed.engines import FPS, InputMedia, RenderRequest
from seedbed.engines.previz import Previz
from seedbed.engines.previz.references import motion, palette
from tests.engines import films
from tests.engines.films import Studio
from tests.engines.reference_films import (
    TALL,
    WIDE,
    apart,
    clicks,
    code_of,
    coded,
    filmed,
    like,
    moving,
    rows_of,
    song,
    warm_picture,
    waved,
)  # fmt: skip
from tests.engines.test_fields import jumps, steps
from tests.engines.test_stills import evening, fitted, landscape, saved, ssim

Floats = NDArray[np.float32]
SMALL = RenderRequest(prompt="slow push in", width=192, height=108, duration_s=4, seed=3, quality="mini", audio=False)
FULL = replace(SMALL, width=WIDE, height=TALL)
FRAMES = SMALL.frame_count


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(Previz(), tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what is sent along."""
    return tmp_path_factory.mktemp("given")


def medium(path: Path, kind: str) -> InputMedia:
    return InputMedia(path=path, kind=kind, role="reference")  # type: ignore[arg-type]


# Pictures


@pytest.mark.parametrize(("width", "height"), [(320, 180), (180, 320), (320, 136)])
def test_a_first_picture_is_the_first_frame_and_then_it_lives(
    studio: Studio, given: Path, width: int, height: int
) -> None:
    image = landscape()
    first = saved(image, given / "first.png")
    made = studio.film(replace(SMALL, prompt="zoom in", width=width, height=height, media=(first,)))
    assert ssim(made.luma[0], fitted(image, width, height)) >= 0.95
    assert motion.path_of(made.path, FRAMES).zoom[-1] > 0.05, "the camera does what the prompt says"
    assert jumps(made.luma) == []
    assert made.plan["source"] == "image"


def test_a_picture_under_a_fixed_lens_moves_nowhere(studio: Studio, given: Path) -> None:
    first = saved(landscape(), given / "first.png")
    made = studio.film(replace(SMALL, prompt="snow, zoom in", fixed_lens=True, media=(first,)))
    assert motion.path_of(made.path, FRAMES).still
    assert np.abs(made.luma[48] - made.luma[47]).mean() > 0.3, "but it snows"


def test_a_passage_begins_and_ends_right_and_is_no_dissolve(studio: Studio, given: Path) -> None:
    one, other = landscape(), evening()
    media = (saved(one, given / "one.png"), saved(other, given / "other.png", "last_frame"))
    luma = studio.film(replace(FULL, prompt="day turns to night", media=media)).luma
    assert ssim(luma[0], fitted(one)) >= 0.95
    assert ssim(luma[-1], fitted(other)) >= 0.95
    ends = np.stack([luma[0].ravel(), luma[-1].ravel(), np.ones(luma[0].size)], 1)
    for number in (36, 48, 60):
        weights, *_ = np.linalg.lstsq(ends, luma[number].ravel(), rcond=None)
        left = luma[number].ravel() - ends @ weights
        assert left.std() > 0.3 * luma[number].std(), "no blend of the two ends explains it"
    assert max(float(np.abs(b - a).mean()) for a, b in pairwise(luma)) < 12, "no cut"


def test_a_reference_picture_gives_its_palette_and_its_horizon(studio: Studio, given: Path) -> None:
    warm_picture().save(given / "amber.png")
    request = replace(SMALL, prompt="a desert under a clear sky, static camera")
    plain = studio.film(request)
    made = studio.film(replace(request, media=(medium(given / "amber.png", "image"),)))
    aim = np.asarray(warm_picture().resize((192, 108)))
    for number in (0, 60):
        before, after = ((film.colours[number] * 255).astype(np.uint8) for film in (plain, made))
        assert apart(after, aim) <= 0.5 * apart(before, aim)
        assert palette.horizon_of(made.colours[number]) == pytest.approx(0.62, abs=0.05)
    own = palette.horizon_of(plain.colours[0])
    assert own is None or abs(own - 0.62) > 0.1, "it did not lie there anyway"


# Clips


@pytest.mark.parametrize("name", ["pan", "zoom", "roll"])
def test_the_camera_of_a_clip_is_followed(studio: Studio, given: Path, name: str) -> None:
    clip = filmed(given / f"{name}.mp4", moving(rows_of(name, FRAMES)))
    request = replace(FULL, prompt="a river in the autumn forest", media=(medium(clip, "video"),))
    asked, got = motion.path_of(clip, FRAMES), motion.path_of(studio.film(request).path, FRAMES)
    part = {"pan": "pan_x"}.get(name, name)
    assert like(getattr(asked, part), getattr(got, part)) >= 0.9
    assert np.ptp(getattr(got, part)) > 0.5 * np.ptp(getattr(asked, part))


def test_continue_begins_at_the_clips_last_frame_and_goes_on_as_it_moved(studio: Studio, given: Path) -> None:
    t = np.arange(36) / FPS
    rows = (0.12 * t, 0 * t, 0 * t, 0 * t)
    clip = filmed(given / "before.mp4", moving(rows, blob=False, picture=landscape(size=(960, 540))))
    prompt = "Continue from the supplied previous clip: the camera goes on"
    made = studio.film(replace(FULL, prompt=prompt, media=(medium(clip, "video"),)))
    assert ssim(made.luma[0], films.greys(clip)[-1]) >= 0.95
    speed = np.diff(motion.path_of(made.path, FRAMES).pan_x) * FPS
    assert speed[1:8].mean() == pytest.approx(0.12, rel=0.35)
    assert made.plan["references"]["clip"] == "continue"


def test_strictly_edit_keeps_times_and_shapes_and_changes_the_rest(studio: Studio, given: Path) -> None:
    t = np.arange(FRAMES) / FPS
    frames = moving((0.05 * t, 0 * t, 0.02 * t, 0 * t), picture=landscape(size=(640, 360)))
    clip = filmed(given / "source.mp4", (coded(1 + number % 62, frame) for number, frame in enumerate(frames)))
    prompt = "Strictly edit the supplied source video: make it winter"
    made = studio.film(replace(FULL, prompt=prompt, media=(medium(clip, "video"),)))
    assert [code_of(frame.astype(np.uint8)) for frame in made.luma] == [1 + number % 62 for number in range(FRAMES)]
    own, own_luma = np.stack(films.colours(clip)), np.stack(films.greys(clip))
    for number in (5, 50, 90):
        a, b = (np.stack(np.gradient(frame[:150])) for frame in (own_luma[number], made.luma[number]))
        assert float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())) >= 0.8
    land = np.s_[10:80:10, 110:150]
    assert made.colours[land].mean() > own[land].mean() + 0.15, "snow lies"
    assert np.ptp(made.colours[land], axis=3).mean() < 0.5 * np.ptp(own[land], axis=3).mean()


# Sounds


def test_a_reference_sound_is_the_films_sound(studio: Studio, given: Path) -> None:
    samples, _ = song(120, 4)
    audio = medium(waved(given / "song.wav", samples), "audio")
    made = studio.film(replace(SMALL, prompt="a meadow", audio=True, media=(audio,)))
    heard = films.sound(made.path)[: len(samples)].mean(1)
    count = len(heard)
    wanted = samples[:count]
    cross = np.fft.irfft(np.fft.rfft(heard, 2 * count) * np.conj(np.fft.rfft(wanted, 2 * count)))
    lag = int(np.argmax(cross))
    lag = lag - 2 * count if lag > count else lag
    assert abs(lag) <= 48_000 / FPS, "on its time, to the frame"
    assert cross.max() / (np.linalg.norm(heard) * np.linalg.norm(wanted)) >= 0.95
    assert films.facts(studio.film(replace(SMALL, prompt="a meadow", media=(audio,))).path).audio_codec is None


def test_cuts_and_pushes_of_the_camera_fall_on_the_beats(studio: Studio, given: Path) -> None:
    samples, times = clicks(100, 6)
    audio = medium(waved(given / "clicks.wav", samples), "audio")
    request = replace(SMALL, prompt="a mountain lake, cut to the beat", duration_s=6, media=(audio,))
    made = studio.film(request)
    cuts = np.cumsum([shot["frames"] for shot in made.plan["shots"]])[:-1]
    assert len(cuts) >= 2
    assert steps(made.luma)[cuts - 1].min() > 8.0, "the cuts of the plan are seen"
    assert set(jumps(made.luma)) <= set(cuts), "and no others"
    assert max(np.abs(times - at / FPS).min() for at in cuts) <= 0.08
    whole = studio.film(replace(request, prompt="a mountain lake"))
    assert "shots" not in whole.plan
    pushes = np.sort(np.argsort(-steps(whole.luma))[: len(times)] + 1) / FPS
    assert max(np.abs(pushes - at).min() for at in times) <= 0.08, "every beat is seen"
