"""Reference sounds: beats, cuts on them, and the sound itself."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from seedbed.engines.previz import references, script
from seedbed.engines.previz.grade import Planes
from seedbed.engines.previz.references import beats as rhythm
from seedbed.engines.previz.references import phrases, sound
from tests.engines.reference_films import RATE, clicks, never, song, waved


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
