"""What a style does to the finished sound, and the last stage: no DC, the right loudness, no peak too high."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.sound.take import (
    RATE,
    Ears,
    Line,
    Take,
    band,
    burst,
    decibels,
    fast_size,
    frequencies,
    single,
    spray,
)

LOUDNESS = (-22.4, -18.3)
"""The range of a film's loudness, in LUFS, that `mastered` holds."""
_PEAK = decibels(-2.0)
"""The highest sample; an encoder may add most of a decibel to it."""
_GAIN_MAX_DB = 24.0
_BANDS = {
    "vintage": (140.0, 4600.0), "vhs": (70.0, 8500.0), "noir": (75.0, 6500.0), "oil": (30.0, 9000.0),
    "watercolour": (30.0, 9000.0), "pastel": (30.0, 10_000.0),
}  # fmt: skip
_BLOCK = 240
"""Samples in a step of the limiter: 5 ms."""


def coloured(ears: Ears, style: str, rng: np.random.Generator) -> Ears:
    """`ears` as the medium of `style` would play them back. Most styles leave them alone."""
    take = Take(ears.shape[1], rng)
    if style in ("vintage", "vhs"):
        ears = _wavering(take, ears, 1.0 if style == "vintage" else 0.35)
    if style in ("vintage", "noir"):
        return ears + np.float32(0.0055 if style == "vintage" else 0.0035) * record(take)
    if style == "vhs":
        return ears + np.float32(0.0045) * take.noise(band(1500, 9000), 0.9)
    return ears


def record(take: Take) -> Ears:
    """An old record or optical track: hiss, and dust."""
    dust = [burst(take.rng, 0.004, band(900, 8000), 0.0006, 0.0001), burst(take.rng, 0.01, band(400, 3000), 0.002)]
    return np.float32(0.5) * take.noise(band(1200, 8000), 0.6) + np.float32(2.2) * spray(take, 14.0, dust, heavy=4.0)


def _wavering(take: Take, ears: Ears, depth: float) -> Ears:
    """Wow and flutter: the speed of the tape sways."""
    clock = take.clock()
    late = 0.0016 * np.sin(2 * np.pi * 0.55 * clock) + 0.00008 * np.sin(2 * np.pi * 7.1 * clock)
    place = np.arange(take.count) + take.drawn(late * (depth * RATE)).astype(np.float64)
    row = np.clip(place.astype(np.int64), 0, take.count - 2)
    part = np.clip(place - row, 0, 1).astype(np.float32)
    return single(ears[:, row] + (ears[:, row + 1] - ears[:, row]) * part)


def mastered(ears: Ears, style: str) -> Ears:
    """`ears`, which begin and end in silence, without what lies below hearing, at a loudness in `LOUDNESS`, limited."""
    size = fast_size(ears.shape[1])
    hz = frequencies(size)
    spectrum = np.fft.rfft(ears, size)
    spectrum *= _below_hearing(hz)
    if style in _BANDS:
        spectrum *= band(*_BANDS[style])(hz)
    spectrum[:, 0] = 0
    raw = loudness(spectrum, size, ears.shape[1])
    gain_db = float(np.clip(raw, *LOUDNESS) - raw)
    clean = np.fft.irfft(spectrum, size)[:, : ears.shape[1]] * np.float32(decibels(min(gain_db, _GAIN_MAX_DB)))
    return limited(np.asarray(clean, np.float32))


def _below_hearing(hz: Line) -> Line:
    return single(1 / np.sqrt(1 + (np.float32(24.0) / hz) ** 6))


def loudness(spectrum: NDArray[np.complexfloating], size: int, count: int) -> float:
    """LUFS of `count` samples whose real FFT of `size` is given, both ears, without gates."""
    hz = frequencies(size)
    power = np.sum(np.abs(spectrum) ** 2, 0, dtype=np.float64)
    mean = 2 * float(np.sum(power * k_weight(hz) ** 2)) / (size * count)
    return -0.691 + 10 * float(np.log10(mean + 1e-12))


def k_weight(hz: Line) -> Line:
    """The gain of the two filters of ITU-R BS.1770: a shelf of 4 dB for the head and a high pass at 38 Hz."""
    high = (hz / np.float32(1682.0)) ** 2
    shelf = np.sqrt((1 + np.float32(2.51) * high**2) / (1 + high**2))
    low = (hz / np.float32(38.1)) ** 2
    return np.asarray(shelf * low / (1 + low), np.float32)


def limited(ears: Ears) -> Ears:
    """`ears` with no sample, nor any point half way between two, above the peak; the gain moves within 30 ms."""
    count = ears.shape[1]
    blocks = -(-count // _BLOCK)
    peaks = np.zeros(blocks * _BLOCK, np.float32)
    np.maximum(np.abs(ears).max(0), _between(ears), out=peaks[:count])
    need = np.minimum(np.float32(_PEAK) / np.maximum(peaks.reshape(blocks, _BLOCK).max(1), 1e-9), 1)
    if float(need.min()) >= 1:
        return ears
    reach = 6
    held = np.lib.stride_tricks.sliding_window_view(np.pad(need, 2 * reach + 1, constant_values=1), 2 * reach + 3).min(
        1
    )
    smooth = np.convolve(held, np.full(2 * reach + 1, 1 / (2 * reach + 1)), "valid").astype(np.float32)
    centres = (np.arange(len(smooth)) - (len(smooth) - blocks) / 2 + 0.5) * _BLOCK
    gain = np.interp(np.arange(count), centres, smooth).astype(np.float32)
    return ears * gain


def _between(ears: Ears) -> Line:
    """The largest magnitude half way between each sample and the next, by a short sinc."""
    taps = (0.6203, -0.1730, 0.0667, -0.0194)
    wide = np.pad(ears, ((0, 0), (3, 4)))
    count = ears.shape[1]
    total = np.zeros_like(ears)
    for number, tap in enumerate(taps):
        left, right = 3 - number, 4 + number
        total += np.float32(tap) * (wide[:, left : left + count] + wide[:, right : right + count])
    return np.asarray(np.abs(total).max(0), np.float32)


def faded(count: int, into_s: float, out_s: float) -> Line:
    """A gain that begins and ends at exactly 0."""
    time = np.arange(count, dtype=np.float32) / np.float32(RATE)
    edge = np.clip(time / np.float32(into_s), 0, 1) * np.clip(((count - 1) / RATE - time) / np.float32(out_s), 0, 1)
    return np.where(edge < 1, np.sin(np.float32(np.pi / 2) * edge) ** 2, 1).astype(np.float32)
