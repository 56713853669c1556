"""Animals: birds of several kinds, insects, frogs, horses, dogs, wolves, cats."""

from __future__ import annotations

import numpy as np

from seedbed.engines.previz.sound.take import (
    RATE,
    Ears,
    Line,
    Take,
    band,
    bell,
    burst,
    ease,
    filtered,
    glided,
    hump,
    plant,
    sine,
    single,
    struck,
)

STRIDE_S = {"slow": 1.12, "normal": 0.76, "fast": 0.50}
"""Seconds of a horse's stride: walk, trot, gallop."""
_HOOFS = {
    "slow": ((0.0, 1.0), (0.26, 0.8), (0.5, 0.95), (0.77, 0.8)),
    "normal": ((0.0, 1.0), (0.5, 0.9)),
    "fast": ((0.0, 0.7), (0.2, 0.9), (0.42, 1.0)),
}
"""Where in the stride each hoof falls, and how hard."""


def songbirds(take: Take, many: float) -> Ears:
    """Small birds, each with a phrase of its own that it repeats; `many` 1 (a few) … 4 (the dawn chorus)."""
    total = take.empty()
    for _ in range(max(round(2.2 * many), 1)):
        phrase = _PHRASES[int(take.rng.integers(len(_PHRASES)))](take.rng)
        pan, near = float(take.rng.uniform(0.05, 0.95)), float(take.rng.uniform(0.3, 1.0)) ** 1.5
        gap = len(phrase) / RATE + float(take.rng.uniform(0.7, 2.4))
        for at in take.times(gap, 0.2, first_s=float(take.rng.uniform(0.1, min(gap, 1.6)))):
            plant(total, float(at), phrase, near, pan)
    return total


def _trill(rng: np.random.Generator) -> Line:
    """One note many times over, quicker than one can count."""
    pitch, note = float(rng.uniform(3400, 5600)), float(rng.uniform(0.045, 0.075))
    one = glided(note, pitch * np.array([1.12, 1.0, 0.88])) * hump(note, 0.3)
    return np.asarray(np.concatenate([one * g for g in np.linspace(0.4, 1, int(rng.integers(7, 15)))]), np.float32)


def _whistle(rng: np.random.Generator) -> Line:
    """A few clear notes with rests."""
    notes = []
    for _ in range(int(rng.integers(2, 5))):
        pitch, length = float(rng.uniform(2100, 3600)), float(rng.uniform(0.11, 0.26))
        bend = pitch * np.array([1.0, *rng.uniform(0.92, 1.1, 2)])
        notes += [glided(length, bend, (1.0, 0.06)) * hump(length, 0.25), np.zeros(int(0.05 * RATE), np.float32)]
    return np.concatenate(notes)


def _warble(rng: np.random.Generator) -> Line:
    """A run that throws itself up and down."""
    length = float(rng.uniform(0.5, 0.9))
    bends = float(rng.uniform(2700, 4300)) * np.exp(0.22 * rng.standard_normal(int(length * 16) + 4))
    count = int(length * RATE)
    gate = 0.15 + 0.85 * np.sin(np.linspace(0, np.pi * (len(bends) - 1), count)) ** 2
    return np.asarray(glided(length, bends) * gate * hump(length, 0.15), np.float32)


def _cuckoo(rng: np.random.Generator) -> Line:
    high = float(rng.uniform(640, 700))
    first, second = glided(0.17, np.array([high, high * 0.99]), (1.0, 0.08)), glided(0.24, np.full(2, high * 0.79))
    rest = np.zeros(int(0.11 * RATE), np.float32)
    return np.concatenate([first * hump(0.17), rest, second * hump(0.24)]) * np.float32(0.8)


_PHRASES = (_trill, _whistle, _warble, _whistle, _trill, _warble, _cuckoo)


def gulls(take: Take) -> Ears:
    """Gulls: falling cries, alone and in laughing rows."""
    total = take.empty()
    for at in take.times(1.5, 0.4, first_s=float(take.rng.uniform(0.2, 0.6))):
        pan, near = float(take.rng.uniform(0.1, 0.9)), float(take.rng.uniform(0.4, 1.0))
        top, row = float(take.rng.uniform(1050, 1400)), int(take.rng.integers(1, 6))
        length = 0.62 if row < 3 else 0.22
        for number in range(row):
            cry = glided(length, top * np.array([0.72, 1.0, 1.02, 0.9, 0.74]), (0.5, 1.0, 0.7, 0.4, 0.25, 0.12))
            plant(total, float(at) + number * (length + 0.05), cry * hump(length, 0.2), 0.6 * near, pan)
    return total


def owl(take: Take) -> Ears:
    """An owl: a long call, a rest, and a trembling one."""
    total = take.empty()
    for at in take.times(4.2, 0.15, first_s=float(take.rng.uniform(0.5, 1.1))):
        pitch = float(take.rng.uniform(350, 410))
        for late, length in ((0.0, 0.45), (1.0, 0.16), (1.22, 0.75)):
            call = glided(length, pitch * np.array([0.94, 1.0, 1.0, 0.93]), (1.0, 0.12, 0.04)) * hump(length, 0.3)
            if length > 0.7:
                call *= 0.65 + 0.35 * sine(Take(len(call), take.rng).phase(9.0))
            plant(total, float(at) + late, call, 1.0, 0.28)
    return total


def crows(take: Take) -> Ears:
    """Hoarse calls in threes."""
    total = take.empty()
    for at in take.times(2.6, 0.3, first_s=float(take.rng.uniform(0.4, 0.9))):
        pan, pitch = float(take.rng.uniform(0.1, 0.9)), float(take.rng.uniform(420, 520))
        for number in range(int(take.rng.integers(2, 4))):
            tone = glided(0.26, pitch * np.array([0.9, 1.05, 0.95, 0.8]), (0.6, 0.8, 1.0, 0.9, 0.6, 0.4, 0.25))
            rasp = Take(len(tone), take.rng).mono(bell((1500, 0.5, 1.0)))
            call = tone * (np.float32(0.5) + np.float32(0.5) * rasp) * hump(0.26, 0.2)
            plant(total, float(at) + 0.42 * number, call, 0.5, pan)
    return total


def eagle(take: Take) -> Ears:
    """A bird of prey far up: a thin falling scream."""
    total = take.empty()
    for at in take.times(3.4, 0.2, first_s=float(take.rng.uniform(0.4, 0.9))):
        course = 2900 * np.array([0.8, 1.05, 1.0, 0.92, 0.84, 0.76])
        scream = glided(0.95, course, (1.0, 0.4, 0.2)) * hump(0.95, 0.12)
        plant(total, float(at), scream, 0.7, float(take.rng.uniform(0.25, 0.75)))
    return total


def waterfowl(take: Take) -> Ears:
    """Ducks and geese: nasal notes in groups."""
    total = take.empty()
    for at in take.times(1.5, 0.4, first_s=0.4):
        pan, pitch = float(take.rng.uniform(0.15, 0.85)), float(take.rng.uniform(240, 380))
        for number in range(int(take.rng.integers(2, 5))):
            quack = glided(0.17, pitch * np.array([1.1, 1.0, 0.85]), (0.5, 0.7, 1.0, 1.0, 0.7, 0.5, 0.3, 0.2))
            plant(total, float(at) + 0.24 * number, quack * hump(0.17, 0.15), 0.45 * 0.85**number, pan)
    return total


def jungle(take: Take) -> Ears:
    """The canopy of a jungle: whoops, ratchets and insects under them."""
    total = songbirds(take, 1.5) + np.float32(0.25) * cicadas(take)
    for at in take.times(1.6, 0.4, first_s=0.3):
        pan = float(take.rng.uniform(0.05, 0.95))
        if take.rng.integers(2):
            for number in range(int(take.rng.integers(3, 6))):
                whoop = glided(0.19, 520 * 1.07**number * np.array([0.7, 1.0, 1.5]), (1.0, 0.2)) * hump(0.19, 0.6)
                plant(total, float(at) + 0.24 * number, whoop, 0.7, pan)
        else:
            clicks = burst(take.rng, 0.02, bell((1900, 0.4, 1.0)), 0.004)
            for number in range(12):
                plant(total, float(at) + 0.045 * number, clicks, 0.9, pan)
    return total


def crickets(take: Take) -> Ears:
    """Crickets by night, each at its own pitch and beat."""
    total = take.empty()
    clock = take.clock()
    for pitch, every, pan in ((4150.0, 0.62, 0.25), (4620.0, 0.81, 0.75), (3900.0, 1.07, 0.5)):
        turn = (clock / (every * float(take.rng.uniform(0.95, 1.05))) + float(take.rng.uniform())) % 1.0
        chirp = ease(turn / 0.04) * ease((0.42 - turn) / 0.04)
        pulse = np.clip(np.sin(np.float32(2 * np.pi * 28) * clock), 0, 1) ** 1.5
        plant(total, 0.0, sine(take.phase(pitch)) * take.drawn(chirp * pulse), 0.7, pan)
    return total


def cicadas(take: Take) -> Ears:
    """Insects of a hot day: a buzz that swells."""
    buzz = take.noise(bell((4900, 0.16, 1.0), (7300, 0.2, 0.5)), 0.9)
    rattle = np.float32(0.55) + np.float32(0.45) * sine(take.phase(86.0))
    return buzz * rattle * take.drawn(take.gusts(0.5, 0.5))


def bees(take: Take) -> Ears:
    """Bees that come near and go again."""
    total = take.empty()
    for at in take.times(1.8, 0.4, first_s=0.3):
        length, pan = float(take.rng.uniform(1.1, 1.9)), float(take.rng.uniform(0.1, 0.9))
        course = float(take.rng.uniform(170, 230)) * np.exp(0.05 * take.rng.standard_normal(14))
        plant(total, float(at), glided(length, course, (1.0, 0.7, 0.6, 0.4, 0.3, 0.2)) * hump(length, 0.5), 0.5, pan)
    return total


def frogs(take: Take) -> Ears:
    """Frogs about a pond at night."""
    total = take.empty()
    for _ in range(3):
        pitch, pan = float(take.rng.uniform(330, 620)), float(take.rng.uniform(0.05, 0.95))
        tone = glided(0.22, pitch * np.array([0.8, 1.0, 1.05]), (0.7, 1.0, 0.6, 0.4)) * hump(0.22, 0.3)
        croak = tone * (0.5 + 0.5 * sine(Take(len(tone), take.rng).phase(47.0)))
        for at in take.times(float(take.rng.uniform(0.8, 1.5)), 0.15):
            plant(total, float(at), croak, 0.5, pan)
    return total


def horse(take: Take, pace: str, ground: str) -> Ears:
    """Hoofs in the gait of the pace: a walk in four beats, a trot in two, a gallop in three and a rest. `ground` is
    "hard", "soft" or "snow"."""
    total = take.empty()
    stride = STRIDE_S[pace]
    clops = [_hoof(take.rng, ground, shift) for shift in (1.0, 1.09, 0.94, 1.04)]
    for at in np.arange(float(take.rng.uniform(0.05, 0.2)), take.seconds, stride):
        for number, (place, force) in enumerate(_HOOFS[pace]):
            late = float(take.rng.normal(0, 0.006))
            plant(total, float(at) + place * stride + late, clops[number], force, 0.4 + 0.07 * number)
    return total


def _hoof(rng: np.random.Generator, ground: str, shift: float) -> Line:
    thud = struck(0.2, ((92 * shift, 1.0, 0.028), (148 * shift, 0.6, 0.02)), 0.002)
    tops = {"hard": (1.0, 0.25), "soft": (0.18, 0.45), "snow": (0.0, 0.6)}[ground]
    clop = struck(0.2, ((760 * shift, 0.7, 0.010), (1230 * shift, 0.45, 0.008), (2100 * shift, 0.2, 0.005)))
    grit = burst(rng, 0.2, band(300, 2600 if ground != "snow" else 4200), 0.018, 0.004)
    return single(thud + np.float32(tops[0]) * clop + np.float32(tops[1]) * grit)


def dog(take: Take) -> Ears:
    """A dog that barks twice or three times, waits, and barks again."""
    total = take.empty()
    pitch = float(take.rng.uniform(360, 520))
    for at in take.times(2.3, 0.3, first_s=float(take.rng.uniform(0.4, 0.8))):
        for number in range(int(take.rng.integers(2, 4))):
            tone = glided(0.17, pitch * np.array([0.75, 1.25, 1.1, 0.7]), (0.8, 1.0, 0.9, 0.6, 0.5, 0.35, 0.25, 0.2))
            rough = Take(len(tone), take.rng).mono(bell((1100, 0.7, 1.0)))
            bark = (tone + np.float32(0.45) * rough) * hump(0.17, 0.12)
            plant(total, float(at) + 0.34 * number, bark, 0.7, 0.58)
    return total


def wolves(take: Take) -> Ears:
    """Wolves that howl: one begins and others fall in."""
    total = take.empty()
    for number, at in enumerate(take.times(1.5, 0.3, first_s=0.3)):
        length = float(take.rng.uniform(1.8, 2.7))
        top = float(take.rng.uniform(430, 600))
        howl = glided(length, top * np.array([0.62, 0.95, 1.0, 1.01, 0.97, 0.8, 0.6]), (1.0, 0.35, 0.14, 0.05))
        plant(
            total, float(at), howl * hump(length, 0.22), 0.8 if number % 2 == 0 else 0.45, (0.3, 0.75, 0.55)[number % 3]
        )
    return total


def purr(take: Take, big: bool) -> Ears:
    """A cat that purrs, in and out; a big one growls instead."""
    beat = take.phase(take.gusts(1.0, 0.05) * np.float32(17.0 if big else 25.0))
    pulse = np.exp(np.float32(-4) * beat) * ease(beat / np.float32(0.1))
    tone = bell((75, 0.6, 1.0), (160, 0.7, 0.8), (420, 0.6, 0.25)) if big else bell((130, 0.7, 1.0), (420, 0.9, 0.35))
    breath = ease(0.6 + np.sin(np.float32(2 * np.pi / (2.6 if big else 1.7)) * take.clock())) + np.float32(0.25)
    return single(take.noise(tone, 0.3) * pulse * take.drawn(breath) * np.float32(2.2))


def herd(take: Take) -> Ears:
    """Large animals on the move: soft steps, breath, and a low call far away."""
    total = take.empty()
    step = struck(0.2, ((70.0, 1.0, 0.03), (120.0, 0.5, 0.02)), 0.004)
    rustle = burst(take.rng, 0.25, bell((1800, 0.8, 1.0)), 0.05, 0.03)
    for at in take.times(0.62, 0.25):
        pan = float(take.rng.uniform(0.25, 0.75))
        plant(total, float(at), step, 0.6 * float(take.rng.uniform(0.6, 1.0)), pan)
        plant(total, float(at), rustle, 0.18, pan)
    for at in take.times(4.0, 0.2, first_s=1.1):
        course = 165 * np.array([0.8, 1.0, 1.12, 1.1, 0.9])
        call = glided(1.3, course, (0.8, 1.0, 0.9, 0.5, 0.3, 0.2)) * hump(1.3, 0.3)
        plant(total, float(at), call, 0.4, 0.7)
    return total


def wings(take: Take) -> Ears:
    """A flock that takes off: wing beats that begin dense and go away."""
    clock = take.clock()
    total = take.empty()
    for rate, pan in ((8.5, 0.3), (9.7, 0.7), (7.4, 0.5)):
        beat = np.clip(np.sin(2 * np.pi * rate * clock + float(take.rng.uniform(0, 6))), 0, 1) ** 2
        course = beat * np.exp(-np.abs(clock - 0.8 * float(take.rng.uniform(0.8, 1.3))) / 1.2)
        plant(total, 0.0, take.mono(bell((650, 0.8, 1.0), (2200, 0.8, 0.3))) * take.drawn(course), 0.6, pan)
    return total


def breathing(take: Take) -> Ears:
    """Breath in a helmet or a mask, in and out through a valve."""
    turn = take.clock() / 3.6 % 1.0
    into = ease(turn / 0.12) * ease((0.40 - turn) / 0.12)
    out = ease((turn - 0.48) / 0.10) * ease((0.92 - turn) / 0.25)
    air = take.noise(bell((1500, 0.45, 1.0), (3300, 0.4, 0.35)), 0.3) * take.drawn(into)
    low = take.noise(bell((620, 0.5, 1.0), (1200, 0.5, 0.3)), 0.3) * take.drawn(out)
    return filtered(air * np.float32(0.7) + low, band(150, 5000))
