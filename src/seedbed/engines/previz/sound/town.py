"""People and their places: traffic, voices without words, applause, steps, a kitchen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.sound.machines import horn
from seedbed.engines.previz.sound.take import (
    RATE,
    Ears,
    Line,
    Take,
    band,
    bell,
    burst,
    ease,
    fast_size,
    frequencies,
    glided,
    hump,
    plant,
    single,
    spray,
    struck,
)

STEP_S = {"slow": 0.68, "normal": 0.54, "fast": 0.36}
"""Seconds from one step to the next."""
_VOWELS = (
    ((730.0, 1090.0, 2440.0), (1.0, 0.5, 0.16)),
    ((530.0, 1840.0, 2480.0), (1.0, 0.35, 0.2)),
    ((300.0, 2250.0, 2950.0), (1.0, 0.2, 0.16)),
    ((570.0, 850.0, 2410.0), (1.0, 0.5, 0.08)),
    ((320.0, 880.0, 2240.0), (1.0, 0.25, 0.06)),
)
"""Formants in Hz and their gains: ah, eh, ee, oh, oo."""
_SLOWER = 4
"""Voices hold nothing above 6 kHz, so they are made at a quarter of the rate."""


def traffic(take: Take) -> Ears:
    """The roll of a city: engines without number, tyres, a bus that pulls away."""
    roll = take.noise(band(45, 380, 0.55), 0.85) * take.drawn(take.gusts(0.35, 0.3))
    tyres = take.noise(bell((900, 0.7, 1.0), (1900, 0.6, 0.3)), 0.9) * take.drawn(take.gusts(0.5, 0.5))
    total = roll + np.float32(0.28) * tyres
    for at in take.times(3.0, 0.3, first_s=float(take.rng.uniform(0.4, 1.2))):
        length = float(take.rng.uniform(1.6, 2.6))
        course = float(take.rng.uniform(48, 70)) * np.array([0.9, 1.1, 1.5, 1.25, 1.7])
        motor = glided(length, course, (0.6, 1.0, 0.7, 0.5, 0.4, 0.3, 0.2, 0.15)) * hump(length, 0.4)
        plant(total, float(at), motor, 0.28, float(take.rng.uniform(0.1, 0.9)))
    return total


def car_horns(take: Take) -> Ears:
    """Horns of cars, streets away."""
    total = take.empty()
    for at in take.times(3.1, 0.4, first_s=min(float(take.rng.uniform(0.7, 1.6)), take.seconds / 2)):
        low = float(take.rng.uniform(335, 440))
        pan = float(take.rng.uniform(0.1, 0.9))
        beeps = ((0.0, 0.16), (0.26, 0.38)) if take.rng.integers(2) else ((0.0, 0.5),)
        for late, length in beeps:
            plant(total, float(at) + late, horn(length, (low, low * 1.26), 0.75), 1.0, pan)
    return total


def babble(take: Take, voices: int) -> Ears:
    """People who talk at once: glottal pulses through the formants of vowels that change from syllable to syllable,
    so that it sounds like speech and says nothing."""
    count = -(-take.count // _SLOWER)
    size = fast_size(count)
    sources = np.zeros((len(_VOWELS), 2, count), np.float32)
    for _ in range(voices):
        _speak(take, sources)
    hz = frequencies(size) / np.float32(_SLOWER)
    spectrum: NDArray[np.complex64] = np.zeros((2, size // 2 + 1), np.complex64)
    for source, (formants, gains) in zip(sources, _VOWELS, strict=True):
        curve = bell(*((f, 0.16 + 0.02 * n, g) for n, (f, g) in enumerate(zip(formants, gains, strict=True))))
        spectrum += np.fft.rfft(source, size) * (curve(hz) + np.float32(0.02))
    wide = np.zeros((2, size * _SLOWER // 2 + 1), np.complex64)
    wide[:, : size // 2] = spectrum[:, : size // 2]
    ears = np.fft.irfft(wide, size * _SLOWER)[:, : take.count]
    ears /= np.float32(max(float(ears.std()), 1e-9))
    return np.asarray(ears, np.float32)


def _speak(take: Take, sources: NDArray[np.float32]) -> None:
    """Adds one voice to the sources of all vowels, in place."""
    rng, count = take.rng, sources.shape[2]
    pitch = float(rng.choice((115.0, 205.0))) * float(rng.uniform(0.85, 1.2))
    pan, near = rng.uniform(0.1, 1.4), float(rng.uniform(0.4, 1.0))
    at = int(rng.uniform(-0.3, 0.3) * RATE / _SLOWER)
    while at < count:
        pause = rng.uniform() < 0.14
        length = int(RATE / _SLOWER * float(rng.uniform(0.25, 0.7) if pause else rng.uniform(0.10, 0.26)))
        if not pause and at + length > 0:
            begin, end = max(at, 0), min(at + length, count)
            place = (np.arange(begin, end, dtype=np.float32) - at) / np.float32(length)
            tune = pitch * float(rng.uniform(0.88, 1.2)) * (1.08 - 0.16 * place)
            turns = np.cumsum(tune * np.float32(_SLOWER / RATE))
            pulse = np.exp(np.float32(-9) * (turns - np.floor(turns))) - np.float32(0.11)
            syllable = pulse * np.minimum(place * 6, 1) * ease((1 - place) * 2.5) * np.float32(near)
            vowel = int(rng.integers(len(_VOWELS)))
            sources[vowel, 0, begin:end] += syllable * np.float32(np.cos(pan))
            sources[vowel, 1, begin:end] += syllable * np.float32(np.sin(pan))
        at += length


def applause(take: Take) -> Ears:
    """Many hands that clap, and a cheer that comes and goes."""
    claps = [
        burst(take.rng, 0.025, bell((hz, 0.5, 1.0), (hz * 2.3, 0.5, 0.4)), 0.0035, 0.0003)
        for hz in (900.0, 1200.0, 1600.0)
    ]
    hands = spray(take, 230.0, claps, take.gusts(0.8, 0.25), heavy=1.2)
    return hands / np.float32(max(float(hands.std()), 1e-9))


def steps(take: Take, pace: str, ground: str) -> Ears:
    """Somebody who walks on "hard", "soft" or "snow"; runs, if the pace is fast."""
    total = take.empty()
    gap = STEP_S[pace]
    heels = [_heel(take.rng, ground, shift) for shift in (1.0, 0.93)]
    for number, at in enumerate(np.arange(float(take.rng.uniform(0.1, 0.3)), take.seconds, gap)):
        late, force = float(take.rng.normal(0, 0.008)), float(take.rng.uniform(0.8, 1.05))
        plant(total, float(at) + late, heels[number % 2], force, 0.45 + 0.1 * (number % 2))
    return total


def _heel(rng: np.random.Generator, ground: str, shift: float) -> Line:
    if ground == "snow":
        crunch = burst(rng, 0.26, bell((1600 * shift, 0.7, 1.0), (4200, 0.7, 0.5)), 0.06, 0.03)
        grain = spray(Take(len(crunch), rng), 260.0, [burst(rng, 0.006, band(1200, 7000), 0.001)], heavy=2.0)[0]
        return single(
            crunch * (np.float32(0.5) + np.abs(grain) / np.float32(max(float(grain.std()), 1e-6))) * np.float32(0.3)
        )
    thud = struck(0.22, ((105 * shift, 0.9, 0.022), (190 * shift, 0.5, 0.014)), 0.002)
    if ground == "hard":
        tap = struck(0.22, ((820 * shift, 0.5, 0.008), (1900 * shift, 0.4, 0.005), (3300 * shift, 0.2, 0.003)))
        return thud * np.float32(0.7) + tap + np.float32(0.2) * burst(rng, 0.22, band(900, 6000), 0.012)
    scuff = burst(rng, 0.22, bell((1300 * shift, 0.9, 1.0), (3600, 0.7, 0.4)), 0.032, 0.012)
    return thud * np.float32(0.8) + np.float32(0.45) * scuff


def kitchen(take: Take) -> Ears:
    """Something that simmers, and now and then porcelain."""
    drops = [glided(0.03, np.array([hz, hz * 1.3])) * hump(0.03, 0.2) for hz in (420.0, 610.0, 880.0)]
    total = np.float32(0.35) * take.noise(band(2500, 9000), 0.7) * take.drawn(take.gusts(4.0, 0.3))
    total += np.float32(0.5) * spray(take, 26.0, drops, heavy=2.0)
    for at in take.times(1.7, 0.5, first_s=0.6):
        pitch = float(take.rng.uniform(1900, 2900))
        clink = struck(0.35, ((pitch, 0.5, 0.04), (pitch * 1.53, 0.4, 0.03), (pitch * 2.41, 0.25, 0.02)))
        plant(total, float(at), clink, float(take.rng.uniform(0.5, 1.2)), float(take.rng.uniform(0.3, 0.7)))
    return total
