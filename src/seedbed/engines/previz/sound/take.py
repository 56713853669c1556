"""What the synthesisers are made of: a `Take` to fill, shaped noise, slow curves, tones and grains.

All signals are float32 at `RATE`. `Line` is (samples,), `Ears` (2, samples): left, right. Slow curves are computed
once every `STEP` samples and drawn out, and noise is shaped in the frequency domain, so nothing here loops over
samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.moments import Moments

Line = NDArray[np.float32]
Ears = NDArray[np.float32]
Curve = Callable[[Line], Line]
"""From frequencies in Hz to gains."""

RATE = 48_000
STEP = 64
"""Samples between two points of a slow curve: 750 of them a second."""
NOTHING = Moments()
_TURN = np.float32(2 * np.pi)


def decibels(level: float) -> float:
    """The factor of amplitude for `level` dB."""
    return float(10.0 ** (level / 20.0))


def single(values: NDArray[Any]) -> NDArray[np.float32]:
    """In single precision."""
    return np.asarray(values, np.float32)


@dataclass(frozen=True, slots=True)
class Take:
    """A stretch of `count` samples to be filled, the random numbers to do it with, and what flashes meanwhile in the
    picture, in the take's own seconds."""

    count: int
    rng: np.random.Generator
    cues: Moments = NOTHING

    @property
    def seconds(self) -> float:
        return self.count / RATE

    def empty(self) -> Ears:
        return np.zeros((2, self.count), np.float32)

    def clock(self) -> Line:
        """The times in seconds at which a slow curve is told."""
        return np.arange(-(-self.count // STEP) + 1, dtype=np.float32) * np.float32(STEP / RATE)

    def drawn(self, slow: NDArray[np.floating]) -> Line:
        """A slow curve, told at `clock()`, at every sample."""
        return stretched(np.asarray(slow, np.float32), STEP, self.count)

    def wander(self, rate_hz: float) -> Line:
        """A slow smooth random curve with mean 0 and a deviation near 1, told at `clock()`."""
        step = max(int(RATE / STEP / rate_hz), 1)
        points = len(self.clock())
        knots = self.rng.standard_normal(points // step + 2, dtype=np.float32)
        return stretched(knots, step, points, smooth=True) * np.float32(1.15)

    def gusts(self, rate_hz: float, depth: float) -> Line:
        """A gain at `clock()` that swells and sinks about 1, mostly within a factor of e ** ±`depth`."""
        return single(np.exp(np.float32(depth) * np.clip(self.wander(rate_hz), -1.7, 1.4)))

    def mono(self, curve: Curve) -> Line:
        """Noise of the spectrum `curve`, RMS 1."""
        size = fast_size(self.count)
        spectrum = self.rng.standard_normal(size + 2, dtype=np.float32).view(np.complex64)
        spectrum *= curve(frequencies(size))
        spectrum[0] = 0
        line = np.fft.irfft(spectrum, size)[: self.count]
        line *= np.float32(1 / max(float(np.sqrt(np.dot(line, line) / self.count)), 1e-9))
        return np.asarray(line, np.float32)

    def noise(self, curve: Curve, width: float = 0.75) -> Ears:
        """Noise of the spectrum `curve`, RMS 1 in each ear; `width` 0 is the same in both, 1 nothing in common."""
        common, ears = self.mono(curve), np.empty((2, self.count), np.float32)
        own = self.mono(curve)
        common *= np.float32(np.sqrt(1 - width / 2))
        own *= np.float32(np.sqrt(width / 2))
        np.add(common, own, out=ears[0])
        np.subtract(common, own, out=ears[1])
        return ears

    def phase(self, hz: NDArray[np.floating] | float) -> Line:
        """Turns so far, modulo 1, of an oscillator whose frequency in Hz is constant or told at `clock()`."""
        start = self.rng.uniform()
        if isinstance(hz, float):
            turns = np.arange(self.count) * (hz / RATE)
        else:
            turns = np.cumsum(self.drawn(hz), dtype=np.float64) / RATE
        turns += start
        return single((turns - np.floor(turns)).astype(np.float32))

    def times(self, gap_s: float, loose: float = 0.5, first_s: float | None = None) -> NDArray[np.float64]:
        """Times of events about `gap_s` apart, each gap off by up to the share `loose`; at least one where the
        take is not shorter than the first."""
        first = self.rng.uniform(0.1, 0.9) * gap_s if first_s is None else first_s
        gaps = gap_s * self.rng.uniform(1 - loose, 1 + loose, int(self.seconds / (gap_s * (1 - loose))) + 2)
        times = np.concatenate([[first], first + np.cumsum(gaps)])
        return times[times < self.seconds]


def frequencies(size: int) -> Line:
    """Of the real FFT of `size` samples, in Hz, 1 at least."""
    return single(np.maximum(np.arange(size // 2 + 1, dtype=np.float32) * np.float32(RATE / size), np.float32(1)))


def fast_size(count: int) -> int:
    """The least even length of a fast FFT that holds `count` samples."""
    best = 1 << max(count - 1, 1).bit_length()
    for odd in (3, 5, 9, 15, 25, 27, 45, 75, 81, 125, 135, 225, 375, 405, 625, 675, 1125):
        size = odd << max((-(-count // odd) - 1).bit_length(), 1)
        best = min(best, size)
    return best


def stretched(points: Line, step: int, count: int, smooth: bool = False) -> Line:
    """`points` drawn out to `step` samples from one to the next, cut at `count`; the last is held."""
    ramp = np.arange(step, dtype=np.float32) / np.float32(step)
    if smooth:
        ramp = ramp * ramp * (3 - 2 * ramp)
    line = (points[:-1, None] + np.diff(points)[:, None] * ramp[None, :]).ravel()
    if len(line) < count:
        line = np.concatenate([line, np.full(count - len(line), points[-1], np.float32)])
    return line[:count]


def sine(turns: Line) -> Line:
    return single(np.sin(_TURN * turns))


def harmonics(turns: Line, gains: tuple[float, ...] | NDArray[np.floating]) -> Line:
    """A tone of the given gains for its partials 1, 2, 3 … , by one table: `turns` is taken modulo 1."""
    grid = np.arange(4097, dtype=np.float64) * (2 * np.pi / 4096)
    table = np.zeros(4097, np.float64)
    for number, gain in enumerate(gains, 1):
        table += gain * np.sin(number * grid)
    place = turns * np.float32(4096)
    row = place.astype(np.int32) & 4095
    low = table.astype(np.float32)
    return np.asarray(low[row] + (low[row + 1] - low[row]) * (place - np.floor(place)), np.float32)


def ease(x: NDArray[np.floating]) -> Line:
    """From 0 to 1 and smooth at both ends; `x` is clipped."""
    held = np.clip(x, 0, 1).astype(np.float32)
    return single(held * held * (3 - 2 * held))


def band(low_hz: float, high_hz: float, tilt: float = 0.0) -> Curve:
    """Passes low … high with 12 dB an octave beyond; `tilt` 0.5 makes it pink, 1 brown."""

    def curve(hz: Line) -> Line:
        under, over = np.float32(low_hz) / hz, hz / np.float32(high_hz)
        gain = 1 / np.sqrt((1 + under**4) * (1 + over**4))
        return np.asarray(gain * hz ** np.float32(-tilt) if tilt else gain, np.float32)

    return curve


def bell(*peaks: tuple[float, float, float]) -> Curve:
    """A sum of peaks: (centre in Hz, width in octaves, gain)."""

    def curve(hz: Line) -> Line:
        octave = np.log2(hz)
        total = np.zeros_like(hz)
        for centre, width, gain in peaks:
            total += np.float32(gain) * np.exp(
                np.float32(-0.5 / width**2) * (octave - np.float32(np.log2(centre))) ** 2
            )
        return total

    return curve


def filtered(ears: Ears, curve: Curve) -> Ears:
    """`ears` through a filter without phase; the ends meet, so they should be quiet."""
    size = fast_size(ears.shape[-1])
    spectrum = np.fft.rfft(ears, size) * curve(frequencies(size))
    return np.asarray(np.fft.irfft(spectrum, size)[..., : ears.shape[-1]], np.float32)


def panned(line: Line, pan: float) -> Ears:
    """`line` at `pan` 0 (left) … 1 (right), at equal power."""
    turn = np.clip(pan, 0, 1) * np.pi / 2
    return np.stack([line * np.float32(np.cos(turn)), line * np.float32(np.sin(turn))])


def plant(out: Ears, at_s: float, grain: Line, gain: float = 1.0, pan: float = 0.5) -> None:
    """Adds `grain` to `out` at the time `at_s`, in place; what lies outside is cut off."""
    begin = round(at_s * RATE)
    first, last = max(begin, 0), min(begin + grain.shape[-1], out.shape[1])
    if last <= first:
        return
    part = grain[..., first - begin : last - begin]
    if part.ndim == 2:
        out[:, first:last] += part * np.float32(gain)
        return
    turn = min(max(pan, 0.0), 1.0) * np.pi / 2
    out[0, first:last] += part * np.float32(gain * np.cos(turn))
    out[1, first:last] += part * np.float32(gain * np.sin(turn))


def spray(take: Take, rate_hz: float, grains: list[Line], swell: Line | None = None, heavy: float = 1.0) -> Ears:
    """Very many small grains, about `rate_hz` a second of all kinds together, where `swell` (told at `clock()`) is
    high more of them. Their gains are random with mean 1; a larger `heavy` makes few loud and many soft."""
    size = fast_size(take.count + max(len(grain) for grain in grains))
    total = np.zeros((2, size // 2 + 1), np.complex64)
    number = max(int(take.rng.poisson(rate_hz * take.seconds / len(grains))), 1)
    for grain in grains:
        places = _places(take, number, swell)
        gains = take.rng.gamma(1 / heavy, heavy, number)
        turns = take.rng.uniform(0, np.pi / 2, number)
        hits = np.stack(
            [
                np.bincount(places, gains * np.cos(turns), size).astype(np.float32),
                np.bincount(places, gains * np.sin(turns), size).astype(np.float32),
            ]
        )
        total += np.fft.rfft(hits, size) * np.fft.rfft(grain.astype(np.float32), size)
    return np.asarray(np.fft.irfft(total, size)[:, : take.count], np.float32)


def _places(take: Take, number: int, swell: Line | None) -> NDArray[np.int64]:
    if swell is None:
        return take.rng.integers(0, take.count, number)
    share = np.cumsum(np.maximum(swell, 0) + 1e-6, dtype=np.float64)
    place = np.interp(take.rng.uniform(0, share[-1], number), share, np.arange(len(share)) * float(STEP))
    return np.asarray(np.minimum(place, take.count - 1).astype(np.int64))


def decay(seconds: float, half_s: float, attack_s: float = 0.001) -> Line:
    """A struck envelope of `seconds`: up in `attack_s`, then halved every `half_s`, and 0 at its end."""
    time = np.arange(int(seconds * RATE), dtype=np.float32) / np.float32(RATE)
    rise = ease(time / np.float32(attack_s))
    fall = np.exp2(-time / np.float32(half_s))
    return single(rise * fall * ease((np.float32(seconds) - time) / np.float32(min(seconds * 0.3, 0.05))))


def struck(seconds: float, partials: tuple[tuple[float, float, float], ...], attack_s: float = 0.001) -> Line:
    """A struck body: partials of (Hz, gain, half life in seconds)."""
    time = np.arange(int(seconds * RATE), dtype=np.float64) / RATE
    total = np.zeros(len(time), np.float32)
    for hz, gain, half_s in partials:
        total += (gain * np.sin(2 * np.pi * hz * time)).astype(np.float32) * decay(seconds, half_s, attack_s)
    return total


def burst(rng: np.random.Generator, seconds: float, curve: Curve, half_s: float, attack_s: float = 0.001) -> Line:
    """A short puff of noise of the spectrum `curve`, RMS 1 before its envelope."""
    return Take(int(seconds * RATE), rng).mono(curve) * decay(seconds, half_s, attack_s)


def glided(seconds: float, hz: NDArray[np.floating], gains: tuple[float, ...] = (1.0,)) -> Line:
    """A tone of `seconds` whose frequency follows the points `hz`, evenly spaced over it; no envelope."""
    count = int(seconds * RATE)
    course = np.interp(np.linspace(0, len(hz) - 1, count), np.arange(len(hz)), hz)
    turns = np.cumsum(course) / RATE
    return harmonics((turns - np.floor(turns)).astype(np.float32), gains)


def hump(seconds: float, rise: float = 0.3) -> Line:
    """An envelope of `seconds` that rises smoothly for the share `rise` of it and then sinks to 0."""
    place = np.linspace(0, 1, int(seconds * RATE), dtype=np.float32)
    return ease(place / np.float32(rise)) * ease((1 - place) / np.float32(1 - rise))


def reverberated(ears: Ears, rng: np.random.Generator, seconds: float, bright_hz: float, before_s: float) -> Ears:
    """The answer of a space alone: dies by 60 dB in `seconds`, duller than `bright_hz` and ever duller, `before_s`
    after the sound. As long as `ears`."""
    count = int(seconds * RATE)
    size = fast_size(ears.shape[1] + count)
    time = np.arange(count, dtype=np.float32) / np.float32(RATE)
    tail = rng.standard_normal((2, count), dtype=np.float32)
    tail *= np.exp(np.float32(-6.9 / seconds) * time) * ease(time / np.float32(0.012))
    answer = np.fft.rfft(np.roll(np.pad(tail, ((0, 0), (0, size - count))), int(before_s * RATE), 1))
    answer *= np.float32(1 / np.sqrt(np.mean(np.abs(answer) ** 2) + 1e-12)) * band(150.0, bright_hz)(frequencies(size))
    return np.asarray(np.fft.irfft(np.fft.rfft(ears, size) * answer, size)[:, : ears.shape[1]], np.float32)
