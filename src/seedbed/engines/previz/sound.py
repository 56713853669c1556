"""From a `Shot` and a seed to sound: wind, water, rain, birds or crickets, and a quiet pad under them.

Stereo, float32, `RATE` samples a second, within -1 … 1, exactly as many samples as asked. The same shot and
seed give the same samples. Noise is shaped in the frequency domain, so it has no period to be heard.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.script import Shot

Sound = NDArray[np.float32]
_Line = NDArray[np.float64]

RATE = 48_000


def compose(shot: Shot, seed: int, duration_s: int) -> Sound:
    """(samples, 2) of sound for a shot of `duration_s` whole seconds."""
    count = duration_s * RATE
    rng = np.random.default_rng([seed, shot.salt, 7])
    time = np.arange(count) / RATE
    mix = np.zeros((count, 2))
    gusts = {"fog": 0.5, "clear": 0.7, "rain": 1.2, "snow": 1.3}.get(shot.weather, 1.0)
    mix += 0.10 * gusts * _stereo(rng, count, 240.0, 1.3, 0.30)
    if shot.setting == "forest":
        mix += 0.035 * gusts * _stereo(rng, count, 3200.0, 0.9, 0.35)
    if shot.water == "river":
        mix += 0.075 * _stereo(rng, count, 900.0, 0.8, 0.12) + 0.02 * _stereo(rng, count, 4200.0, 0.7, 0.2)
    elif shot.water != "none":
        swell = 0.45 + 0.55 * np.sin(2 * np.pi * time / 5.3 + rng.uniform(0, 6)) ** 2
        mix += 0.11 * _stereo(rng, count, 600.0, 1.1, 0.1) * swell[:, None]
    if shot.weather == "rain":
        mix += 0.09 * _stereo(rng, count, 5200.0, 0.9, 0.05)
    if shot.time == "night":
        mix += _crickets(rng, time)
    elif shot.weather in ("fair", "clear", "cloudy") and shot.setting != "desert":
        mix += _birds(rng, time, 3 if shot.season == "winter" else 7)
    mix += _pad(shot, rng, time)
    return _finish(mix, time, duration_s)


def _finish(mix: NDArray[np.float64], time: _Line, duration_s: int) -> Sound:
    edge = np.clip(time / 0.5, 0, 1) * np.clip((duration_s - time) / 0.9, 0, 1)
    soft = np.tanh(mix * 1.25 * (edge**1.5)[:, None])
    return np.ascontiguousarray(soft * 0.85, dtype=np.float32)


def _stereo(rng: np.random.Generator, count: int, centre_hz: float, width: float, sway: float) -> NDArray[np.float64]:
    """Noise in a band of `width` octaves about `centre_hz`, a little different in each ear, that swells."""
    size = 1 << (count - 1).bit_length()
    frequency = np.maximum(np.fft.rfftfreq(size, 1 / RATE), 1.0)
    band = np.exp(-0.5 * (np.log2(frequency / centre_hz) / width) ** 2) / np.sqrt(frequency / centre_hz)
    ears = []
    shared = rng.standard_normal(len(frequency)) + 1j * rng.standard_normal(len(frequency))
    for _ in range(2):
        own = rng.standard_normal(len(frequency)) + 1j * rng.standard_normal(len(frequency))
        noise = np.fft.irfft((0.6 * shared + 0.8 * own) * band)[:count]
        beats = 1 + sway * _wander(rng, count)
        ears.append(noise / noise.std() * beats)
    return np.stack(ears, 1)


def _wander(rng: np.random.Generator, count: int) -> _Line:
    """A slow random line of about -2 … 2."""
    knots = rng.standard_normal(max(count // RATE * 2, 2) + 4)
    place = np.linspace(1, len(knots) - 3, count)
    row = place.astype(int)
    t = place - row
    smooth = t * t * (3 - 2 * t)
    return np.asarray(knots[row] + (knots[row + 1] - knots[row]) * smooth)


def _birds(rng: np.random.Generator, time: _Line, calls: int) -> NDArray[np.float64]:
    """Far short calls, each a few gliding whistles."""
    out = np.zeros((len(time), 2))
    for _ in range(calls):
        start, pitch, pan = rng.uniform(0.2, time[-1]), rng.uniform(2300, 4300), rng.uniform(0.15, 0.85)
        for note in range(int(rng.integers(2, 6))):
            begin, length = start + note * rng.uniform(0.09, 0.16), rng.uniform(0.05, 0.10)
            part = slice(*np.searchsorted(time, (begin, begin + length)))
            t = (time[part] - begin) / length
            glide = pitch * (1 + 0.18 * np.sin(np.pi * t) * rng.uniform(-1, 1))
            tone = np.sin(2 * np.pi * np.cumsum(glide) / RATE) * np.sin(np.pi * t) ** 2 * 0.022
            out[part, 0] += tone * np.sqrt(1 - pan)
            out[part, 1] += tone * np.sqrt(pan)
    return out


def _crickets(rng: np.random.Generator, time: _Line) -> NDArray[np.float64]:
    out = np.zeros((len(time), 2))
    for pitch, pan in ((4150.0, 0.3), (4620.0, 0.7)):
        pulse = np.clip(np.sin(2 * np.pi * 17 * time + rng.uniform(0, 6)), 0, 1) ** 2
        chirp = np.clip(np.sin(2 * np.pi * 0.9 * time + rng.uniform(0, 6)) * 3, 0, 1)
        tone = np.sin(2 * np.pi * pitch * time) * pulse * chirp * 0.012
        out += np.stack([tone * (1 - pan), tone * pan], 1)
    return out


_CHORDS = {
    "autumn": ((146.83, 220.0, 277.18, 369.99), (123.47, 185.0, 293.66, 440.0)),
    "winter": ((146.83, 220.0, 261.63, 349.23), (116.54, 174.61, 293.66, 349.23)),
    "spring": ((130.81, 196.0, 329.63, 493.88), (174.61, 261.63, 329.63, 440.0)),
    "summer": ((164.81, 246.94, 311.13, 415.3), (110.0, 220.0, 277.18, 415.3)),
}


def _pad(shot: Shot, rng: np.random.Generator, time: _Line) -> NDArray[np.float64]:
    """Two soft chords that fade into each other, every note slightly out of tune between the ears."""
    length = max(float(time[-1]), 1.0)
    ears = np.zeros((len(time), 2))
    shift = 2.0 ** (int(rng.integers(-2, 3)) / 12)
    turn = np.clip((time / length - 0.42) / 0.16, 0, 1)
    turn = turn * turn * (3 - 2 * turn)
    for chord, weight in zip(_CHORDS[shot.season], (1 - turn, turn), strict=True):
        for pitch in chord:
            for ear in range(2):
                tune = pitch * shift * (1 + rng.uniform(-0.0012, 0.0012))
                phase = 2 * np.pi * tune * time + rng.uniform(0, 6)
                breath = 1 + 0.25 * np.sin(2 * np.pi * rng.uniform(0.07, 0.16) * time + rng.uniform(0, 6))
                voice = np.sin(phase) + 0.28 * np.sin(2 * phase) + 0.09 * np.sin(3 * phase)
                ears[:, ear] += voice * weight * breath * 0.016 * (220.0 / pitch) ** 0.3
    return ears * np.clip(time / 1.5, 0, 1)[:, None]
