"""The beats of a sound, and a film that is cut on them.

Onsets are rises of the spectrum in bands a third of an octave wide, each placed to the millisecond where the sound
itself swells. The tempo is that whose grid explains the onsets best: every tick on an onset, every strong onset on
a tick. The grid then follows the onsets, so that a tempo may drift. Noise and silence have no beats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.script import Cut, Shot

Floats = NDArray[np.float32]
_Line = NDArray[np.float64]

FRAMES_MIN = 16
"""The shortest shot between two cuts."""
_HOP_S, _WINDOW_S = 0.005, 0.023
_SLOWEST_BPM, _FASTEST_BPM = 50.0, 200.0
_APART_S = 0.09
"""Two onsets closer together are one."""
_NEAR_S = 0.045
"""How far from its tick an onset may lie."""
_SURE = 0.50
"""Least share of the onsets that a grid must explain, and of its ticks that must have one."""
_FALL_S = 0.2


@dataclass(frozen=True, slots=True)
class Beats:
    """`times_s` rise; `strengths` are 0 … 1, the strongest 1; `tempo_bpm` is 0 where there are no beats."""

    times_s: Floats
    strengths: Floats
    tempo_bpm: float

    def __len__(self) -> int:
        return len(self.times_s)

    def plan(self) -> dict[str, Any]:
        """For people to read."""
        return {"beats": len(self), "tempo_bpm": round(self.tempo_bpm, 1)}


NONE = Beats(np.zeros(0, np.float32), np.zeros(0, np.float32), 0.0)


def beats_of(samples: Floats, rate: int) -> Beats:
    """The beats of `samples`, (count,) or (count, channels), within -1 … 1."""
    mono = np.asarray(samples, np.float32)
    mono = mono if mono.ndim == 1 else mono.mean(1)
    if len(mono) < rate or float(np.abs(mono).max()) < 1e-3:
        return NONE
    times, strengths = _onsets(mono, rate)
    if len(times) < 3:
        return NONE
    period, phase, score = _grid(times, strengths)
    if score < _SURE:
        return NONE
    ticks, weights = _followed(times, strengths, period, phase, len(mono) / rate)
    if len(ticks) < 3:
        return NONE
    pace = float(np.polyfit(np.arange(len(ticks)), ticks, 1)[0])
    return Beats(ticks.astype(np.float32), weights.astype(np.float32), 60.0 / pace)


# Onsets ---------------------------------------------------------------------------------------------------------


def _onsets(mono: Floats, rate: int) -> tuple[_Line, _Line]:
    """When something begins to sound, in seconds, and how strongly, 0 … 1."""
    rise = _rises(mono, rate)
    wide = round(0.35 / _HOP_S)
    floor = _median(rise, wide)
    peaks = [
        k for k in range(1, len(rise) - 1)
        if rise[k] >= rise[k - 1] and rise[k] > rise[k + 1] and rise[k] > 1.6 * floor[k] + 0.35
    ]  # fmt: skip
    kept: list[int] = []
    for k in sorted(peaks, key=lambda k: -rise[k]):
        if all(abs(k - other) * _HOP_S >= _APART_S for other in kept):
            kept.append(k)
    kept.sort()
    times = np.array([_placed(mono, rate, k * _HOP_S) for k in kept])
    heights = np.array([rise[k] - floor[k] for k in kept])
    if not len(heights):
        return times, heights
    loud = heights > 0.12 * float(np.quantile(heights, 0.95))
    return times[loud], np.clip(heights[loud] / float(np.quantile(heights, 0.95)), 0.0, 1.0)


def _rises(mono: Floats, rate: int) -> _Line:
    """How much the logarithm of the bands' loudness rises, for every hop; a click is about 1 or more."""
    hop, size = round(rate * _HOP_S), 1 << round(math.log2(rate * _WINDOW_S))
    padded = np.pad(mono, (size // 2, size // 2 + hop))
    count = len(mono) // hop
    bands = _bands(size, rate)
    window = np.hanning(size).astype(np.float32)
    loud = np.empty((count, bands.shape[1]), np.float32)
    for begin in range(0, count, 512):
        rows = np.arange(begin, min(begin + 512, count))
        part = np.lib.stride_tricks.sliding_window_view(padded, size)[rows * hop]
        loud[rows] = np.abs(np.fft.rfft(part * window, axis=1)) @ bands
    level = np.log1p(loud / (0.02 * float(np.quantile(loud, 0.98)) + 1e-6)).astype(np.float64)
    rise = np.zeros(count)
    before = np.maximum(level[:-3], level[1:-2])
    rise[3:] = np.maximum(level[3:] - before, 0.0).mean(1)
    return np.convolve(rise, [0.25, 0.5, 0.25], mode="same")


def _bands(size: int, rate: int) -> Floats:
    """(bins, bands): which bins belong to which third of an octave."""
    hertz = np.fft.rfftfreq(size, 1.0 / rate)
    edges = 60.0 * 2.0 ** (np.arange(27) / 3.0)
    found = [(hertz >= low) & (hertz < high) for low, high in pairwise(edges)]
    kept = [band / band.sum() for band in found if band.any()]
    return np.array(kept, np.float32).T


def _median(line: _Line, reach: int) -> _Line:
    """The median of what is around each value."""
    step = 4
    wide = np.pad(line, reach, mode="reflect") if len(line) > reach else np.pad(line, reach, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(wide, 2 * reach + 1)[::step]
    return np.interp(np.arange(len(line)), np.arange(0, len(line), step), np.median(windows, 1))


def _placed(mono: Floats, rate: int, about_s: float) -> float:
    """The moment near `about_s` in which the sound swells most."""
    cell = max(rate // 1000, 1)
    first = max(int((about_s - 0.035) * rate), 0)
    part = mono[first : first + round(0.065 * rate)]
    cells = len(part) // cell
    if cells < 12:
        return about_s
    # What changes fast tells beginnings apart from tones that go on.
    power = np.square(np.diff(part[: cells * cell], prepend=part[:1])).reshape(cells, cell).sum(1).astype(np.float64)
    total = np.concatenate([[0.0], np.cumsum(power)])
    at = np.arange(4, cells - 4)
    before, after = total[at] - total[at - 4], total[at + 4] - total[at]
    swell = np.log((after + 1e-9 + 0.01 * power.max()) / (before + 1e-9 + 0.01 * power.max()))
    return (first + int(at[int(np.argmax(swell * np.sqrt(after)))]) * cell) / rate


# Tempo ----------------------------------------------------------------------------------------------------------


def _grid(times: _Line, strengths: _Line) -> tuple[float, float, float]:
    """The period and phase, in seconds, whose ticks fit the onsets best, and how well, 0 … 1."""
    best = (0.5, 0.0, 0.0)
    span = float(times[-1] - times[0])
    for period in 60.0 / np.exp(np.linspace(math.log(_SLOWEST_BPM), math.log(_FASTEST_BPM), 420)):
        if span < 2.0 * period:
            continue
        phase = _phase(times, strengths, period)
        score = _fit(times, strengths, period, phase, span)
        if score > best[2]:
            best = (float(period), phase, score)
    return best


def _phase(times: _Line, strengths: _Line, period: float) -> float:
    """Where the ticks of `period` must lie to meet the most onsets."""
    turn = np.exp(2j * np.pi * times[:, None] / period * np.arange(1, 4)[None, :])
    share = (strengths[:, None] * turn).sum(0)
    grid = np.linspace(0.0, 1.0, 96, endpoint=False)
    waves = np.exp(-2j * np.pi * grid[:, None] * np.arange(1, 4)[None, :])
    return float(grid[int(np.argmax((waves * share[None, :]).real.sum(1)))] * period)


def _fit(times: _Line, strengths: _Line, period: float, phase: float, span: float) -> float:
    """The harmonic mean of how full the ticks are and how much of the onsets is on them."""
    place = (times - phase) / period
    off = np.abs(place - np.round(place)) * period
    near = np.exp(-0.5 * (off / (0.5 * _NEAR_S)) ** 2)
    # By chance, too, onsets lie near ticks; more so where ticks are many.
    chance = min(_NEAR_S * 1.25 / period, 0.5)
    near = np.clip((near - chance) / (1.0 - chance), 0.0, 1.0)
    met = np.zeros(round(span / period) + 3)
    number = (np.round(place) - np.round(place).min()).astype(int)
    np.maximum.at(met, np.clip(number, 0, len(met) - 1), near * strengths)
    ticks = int(span / period + 1.02)
    full = float(np.sort(met)[::-1][:ticks].mean()) / float(np.quantile(strengths, 0.8))
    held = float((near * strengths).sum() / strengths.sum())
    full = min(full, 1.0)
    score = 2.0 * full * held / max(full + held, 1e-6)
    # Of tempos that fit alike, the one that people would tap.
    return score * math.exp(-0.045 * math.log2(60.0 / period / 115.0) ** 2)


def _followed(times: _Line, strengths: _Line, period: float, phase: float, length_s: float) -> tuple[_Line, _Line]:
    """The ticks laid onto the onsets near them, from the strongest onset outwards, with their strengths."""
    place = np.abs((times - phase) / period - np.round((times - phase) / period)) * period
    start = int(np.argmax(strengths - place / _NEAR_S))
    ahead = _walk(times, strengths, float(times[start]), period, length_s)
    back = _walk(times, strengths, float(times[start]), -period, length_s)
    ticks = np.array([*[tick for tick, _ in back[:0:-1]], *[tick for tick, _ in ahead]])
    weights = np.array([*[weight for _, weight in back[:0:-1]], *[weight for _, weight in ahead]])
    # Before the first and after the last onset there is no beat to be heard.
    heard = (ticks > times[0] - _NEAR_S) & (ticks < times[-1] + _NEAR_S)
    ticks, weights = ticks[heard], weights[heard]
    return ticks, weights / max(float(weights.max(initial=0.0)), 1e-6)


def _walk(times: _Line, strengths: _Line, at: float, period: float, length_s: float) -> list[tuple[float, float]]:
    """Ticks with their strengths from `at` on, as long as the sound lasts."""
    found: list[tuple[float, float]] = []
    step = period
    while -1e-3 <= at <= length_s:
        near = int(np.argmin(np.abs(times - at) - 0.01 * strengths))
        off = float(times[near]) - at
        weight = 0.15
        if abs(off) <= _NEAR_S + 0.03 * len(found[:1]):
            at, weight = float(times[near]), float(strengths[near])
            step += 0.15 * off if found else 0.0
        step = min(max(step / period, 0.94), 1.06) * period
        found.append((at, weight))
        at += step
    return found


# Cuts -----------------------------------------------------------------------------------------------------------


def accents(beats: Beats, frames: int, fps: int) -> Floats:
    """(frames,) a pulse for every beat, 0 … 1: there within one frame, a tenth of it left after 200 ms."""
    line = np.zeros(frames, np.float32)
    for time, strength in zip(beats.times_s, beats.strengths, strict=True):
        first = round(float(time) * fps)
        after = np.arange(max(frames - first, 0)) / fps
        pulse = float(strength) * np.exp(-math.log(10.0) * after / _FALL_S)
        line[first:] = np.maximum(line[first:], pulse[: len(line[first:])])
    return line


def retime(cuts: tuple[Cut, ...], beats: Beats, frames: int, fps: int, *, synced: bool = False) -> tuple[Cut, ...]:
    """The same film with its cuts on beats. Where there is but one shot and the film is to be `synced`, it becomes
    several views of the same place, each two to four beats long. No shot is shorter than `FRAMES_MIN` frames."""
    if len(beats) < 2:
        return cuts
    if len(cuts) == 1:
        return _split(cuts[0], beats, frames, fps) if synced else cuts
    ends = np.cumsum([cut.frames for cut in cuts])[:-1]
    placed = _placed_ends([int(end) for end in ends], beats, frames, fps)
    return _with_ends(cuts, placed, frames)


def _placed_ends(ends: list[int], beats: Beats, frames: int, fps: int) -> list[int]:
    """Each end moved to the beat near it, a strong one rather than a weak one; it stays where none is left."""
    at = [round(float(time) * fps) for time in beats.times_s]
    placed: list[int] = []
    for number, end in enumerate(ends):
        low = (placed[-1] if placed else 0) + FRAMES_MIN
        high = frames - FRAMES_MIN * (len(ends) - number)
        free = [k for k in range(len(at)) if low <= at[k] <= high]
        nearest = min(free, key=lambda k: abs(at[k] - end) - 4.0 * float(beats.strengths[k]), default=None)
        placed.append(min(max(end, low), max(high, low)) if nearest is None else at[nearest])
    return placed


def _with_ends(cuts: tuple[Cut, ...], ends: list[int], frames: int) -> tuple[Cut, ...]:
    edges = [0, *ends, frames]
    return tuple(replace(cut, frames=end - begin) for cut, (begin, end) in zip(cuts, pairwise(edges), strict=True))


_VIEWS = (
    ("flight", 1, True), ("truck", 1, False), ("zoom", 1, False), ("orbit", -1, True), ("pan", -1, False),
    ("crane", 1, False), ("dolly", 1, False), ("tilt", 1, False),
)  # fmt: skip
"""Move, sense and whether from the air: neighbours differ in all that an eye notices first."""
_FRAMINGS = ((1.0, 0.0), (1.36, 0.24), (0.5, -0.2), (1.25, -0.28), (0.62, 0.2))
"""How near the camera is, and how far round its subject, view after view: wide follows close, as an editor has it."""


def _split(cut: Cut, beats: Beats, frames: int, fps: int) -> tuple[Cut, ...]:
    """One shot as several views of its place, cut on beats."""
    at = [round(float(time) * fps) for time in beats.times_s]
    apart = 60.0 / beats.tempo_bpm * fps
    group = 4 if apart < 9.0 else 3 if apart < 12.0 else 2
    group = max(group, math.ceil(FRAMES_MIN / apart))
    strong = max(range(group), key=lambda k: float(np.mean(beats.strengths[k::group]) if len(at) > k else 0.0))
    ends: list[int] = []
    for frame in at[strong::group]:
        if frame - (ends[-1] if ends else 0) >= FRAMES_MIN and frames - frame >= FRAMES_MIN:
            ends.append(frame)
    parts = tuple(_view(cut, number) for number in range(len(ends) + 1))
    return _with_ends(parts, ends, frames)


def _view(cut: Cut, number: int) -> Cut:
    """View `number` of the shot's place; the first is as the prompt has it."""
    if number == 0:
        return cut
    shot: Shot = cut.shot
    others = [view for view in _VIEWS if view[0] != shot.move]
    move, sense, aerial = others[(number - 1 + shot.site) % len(others)] if number % 3 else (shot.move, 1, shot.aerial)
    near, aside = _FRAMINGS[number % len(_FRAMINGS)]
    framed = replace(shot, move=move, sense=sense, aerial=aerial and near <= 1.0, near=near, aside=aside)
    return Cut(framed, cut.frames, "cut", cut.leaves)
