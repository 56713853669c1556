"""From the shots of a film to its sound: what each place and thing sounds like, and music through the whole.

`compose` makes it; `from_audio` makes it of a sound that was given. Stereo, float32, `RATE` samples a second, within
-1 … 1, exactly as many samples as asked. The same shots and seed give the same samples. `scene` decides what is
heard in a shot, `words` tells an owl from a gull; `weather`, `waters`, `fires`, `town`, `machines` and `creatures`
synthesise it out of what `take` has; `score` plays the music; `colour` adds what a style does to sound and sets
loudness and peak.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from seedbed.engines import FPS
from seedbed.engines.previz.script import Cut
from seedbed.engines.previz.sound import colour, scene, score
from seedbed.engines.previz.sound.take import RATE, Ears, Line, Take, decibels, ease, reverberated, single

__all__ = ["RATE", "Sound", "compose", "from_audio"]

Sound = NDArray[np.float32]
"""(samples, 2)."""

CROSSED_S = {"cut": (0.03, 0.03), "dissolve": (0.3, 0.9)}
"""Seconds before and after a join in which both its shots are heard. A shot gives no more than a third of its length;
a picture dissolves after the join as well."""
FADE_S = 0.6
"""Seconds that a shot takes to fall silent before black, and to come back."""
_INTO_S, _OUT_S = 0.3, 0.8
_MUSIC_DB, _MUSIC_WET = -26.5, 0.95
_MUSIC_IN_FADE = 0.25
"""What is left of the music where the picture is black."""


def compose(cuts: Sequence[Cut], seed: int, duration_s: int) -> Sound:
    """(samples, 2) of sound for a film of `duration_s` whole seconds. The frames of `cuts` say where each begins;
    the last goes on to the end, whatever its frames."""
    count = duration_s * RATE
    film = Take(count, np.random.default_rng([seed, cuts[0].shot.salt, 7]))
    spans = _spans(cuts, count)
    mix = film.empty()
    for number, cut in enumerate(cuts):
        first, gain = _window(cuts, spans, number)
        if len(gain):
            lead_s = (spans[number][0] - first) / RATE
            mix[:, first : first + len(gain)] += scene.bed(cut.shot, seed, number, len(gain), lead_s) * gain
    theme = score.theme_of(cuts, seed, duration_s)
    mix += _music(film, cuts, spans, theme)
    mix = colour.coloured(mix, theme.style, film.rng)
    mix *= colour.faded(count, min(_INTO_S, duration_s / 4), min(_OUT_S, duration_s / 3))
    return _finished(colour.mastered(mix, theme.style))


def from_audio(samples: Sound, duration_s: int) -> Sound:
    """A sound that was given, (samples, 2) at `RATE`, as the sound of a film: cut where the film ends, with a short
    fade, or followed by silence; its level is its own. It is not said again where it is short."""
    count = duration_s * RATE
    kept = np.zeros((2, count), np.float32)
    held = min(len(samples), count)
    if held:
        given = np.nan_to_num(np.asarray(samples[:held], np.float32).T, posinf=1.0, neginf=-1.0)
        edge = min(int(0.02 * RATE), held // 2 or 1), min(int(0.35 * RATE), held // 2 or 1)
        kept[:, :held] = np.clip(given, -1, 1) * colour.faded(held, edge[0] / RATE, edge[1] / RATE)
    return _finished(kept)


def _finished(ears: Ears) -> Sound:
    return np.ascontiguousarray(np.clip(ears, -1, 1).T, np.float32)


def _spans(cuts: Sequence[Cut], count: int) -> list[tuple[int, int]]:
    """Where each shot begins and ends, in samples; together they are the film."""
    ends = [min(frames * RATE // FPS, count) for frames in accumulate(cut.frames for cut in cuts)]
    ends[-1] = count
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _third(span: tuple[int, int]) -> int:
    return (span[1] - span[0]) // 3


def _crossed(cuts: Sequence[Cut], spans: Sequence[tuple[int, int]], number: int) -> tuple[int, int]:
    """Samples before and after the beginning of the shot `number` in which it and the one before are both heard."""
    if not 0 < number < len(cuts) or cuts[number - 1].leaves:
        return 0, 0
    before, after = CROSSED_S.get(cuts[number].join, (0.0, 0.0))
    return min(int(before * RATE), _third(spans[number - 1])), min(int(after * RATE), _third(spans[number]))


def _dark(cuts: Sequence[Cut], number: int) -> bool:
    """Whether the shot `number` ends in black."""
    return cuts[number].leaves or (number + 1 < len(cuts) and cuts[number + 1].join == "fade")


def _window(cuts: Sequence[Cut], spans: Sequence[tuple[int, int]], number: int) -> tuple[int, Line]:
    """Where a shot begins to be heard, and its gain from there until it is heard no more: sine and cosine at a join,
    so that the power stays."""
    (begin, end), fade = spans[number], min(int(FADE_S * RATE), _third(spans[number]))
    (lead, risen), (sinking, tail) = _crossed(cuts, spans, number), _crossed(cuts, spans, number + 1)
    place = np.arange(begin - lead, end + tail, dtype=np.float32)
    gain = np.ones(len(place), np.float32)
    if lead + risen:
        gain *= np.sin(_course(place, begin - lead, begin + risen) * np.float32(np.pi / 2))
    elif number:
        rise = fade if cuts[number].join == "fade" else min(int(0.05 * RATE), fade)
        gain *= ease((place - begin) / max(rise, 1))
    if sinking + tail:
        gain *= np.cos(_course(place, end - sinking, end + tail) * np.float32(np.pi / 2))
    elif _dark(cuts, number):
        gain *= ease((end - place) / max(fade, 1))
    return begin - lead, gain


def _course(place: Line, begin: int, end: int) -> Line:
    """From 0 at `begin` to 1 at `end`."""
    return single(np.clip((place - np.float32(begin)) / np.float32(end - begin), 0, 1))


def _music(film: Take, cuts: Sequence[Cut], spans: Sequence[tuple[int, int]], theme: score.Theme) -> Ears:
    """The music in its hall. Every shot has a share of it; at a fade it sinks and comes back."""
    clock = film.clock() * np.float32(RATE)
    turns = [np.ones_like(clock)]
    for number in range(1, len(cuts)):
        before, after = (max(side, int(0.15 * RATE)) for side in _crossed(cuts, spans, number))
        turns.append(ease(_course(clock, spans[number][0] - before, spans[number][0] + after)))
    turns.append(np.zeros_like(clock))
    windows = [
        turns[number] * (1 - turns[number + 1]) * _sunk(cuts, spans, number, clock) for number in range(len(cuts))
    ]
    dry = score.play(film, cuts, windows, theme)
    if not dry.any():
        return dry
    hall = reverberated(dry, film.rng, 2.2, 4200.0, 0.02)
    return (dry + np.float32(_MUSIC_WET) * hall) * np.float32(decibels(_MUSIC_DB))


def _sunk(cuts: Sequence[Cut], spans: Sequence[tuple[int, int]], number: int, clock: Line) -> Line:
    begin, end = spans[number]
    fade = np.float32(min(FADE_S * RATE, max(_third(spans[number]), 1)))
    gain = np.ones_like(clock)
    if number and (cuts[number].join == "fade" or cuts[number - 1].leaves):
        gain *= ease((clock - begin) / fade)
    if _dark(cuts, number):
        gain *= ease((end - clock) / fade)
    return np.float32(_MUSIC_IN_FADE) + np.float32(1 - _MUSIC_IN_FADE) * gain
