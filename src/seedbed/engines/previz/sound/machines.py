"""Things with engines: cars that pass, trains, ships, planes, helicopters, balloons, robots; and their horns."""

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
    decay,
    ease,
    glided,
    harmonics,
    hump,
    panned,
    plant,
    sine,
    single,
    struck,
)

_SOUND_M_S = 343.0
CLATTER_S = {"slow": 0.84, "normal": 0.56, "fast": 0.38}
"""Seconds from one rail joint to the next."""
_CAR_M_S = {"slow": 14.0, "normal": 24.0, "fast": 42.0}


def passing(take: Take, at_s: float, speed_m_s: float, apart_m: float, to_right: bool) -> tuple[Line, Line, Line]:
    """How a thing that drives past is heard, told at `clock()`: the factor of its pitch, its gain (1 where it is
    nearest, at `at_s`) and its pan."""
    way = (take.clock() - np.float32(at_s)) * np.float32(speed_m_s)
    apart = np.sqrt(way**2 + np.float32(apart_m**2))
    pitch = _SOUND_M_S / (_SOUND_M_S + speed_m_s * way / apart)
    side = way / apart if to_right else -way / apart
    return pitch.astype(np.float32), (apart_m / apart) ** 1.15, 0.5 + 0.45 * side


def _placed(take: Take, line: Line, gain: Line, pan: Line) -> Ears:
    turn = take.drawn(pan * np.float32(np.pi / 2))
    line = line * take.drawn(gain)
    return np.stack([line * np.cos(turn), line * np.sin(turn)])


def car_pass(take: Take, at_s: float, speed_m_s: float, to_right: bool) -> Ears:
    """One car that drives past: its engine falls in pitch as it goes by, its tyres rush loudest where it is near."""
    pitch, gain, pan = passing(take, at_s, speed_m_s, 6.0, to_right)
    base = float(take.rng.uniform(70, 95)) * (speed_m_s / 24.0) ** 0.5
    engine = harmonics(take.phase(base * pitch), (0.6, 1.0, 0.5, 0.75, 0.3, 0.4, 0.2, 0.22, 0.12, 0.12))
    tyres = take.mono(bell((750, 0.8, 1.0), (1600, 0.7, 0.5)))
    near = take.mono(band(2200, 7000)) * take.drawn(gain)
    return _placed(take, engine * np.float32(0.45) + tyres * np.float32(0.85) + near * np.float32(0.4), gain, pan)


def cars(take: Take, pace: str) -> Ears:
    """Cars that pass one after another, the first within two seconds."""
    total = take.empty()
    gap = {"slow": 3.6, "normal": 2.7, "fast": 1.8}[pace]
    times = take.times(gap, 0.25, first_s=min(float(take.rng.uniform(1.2, 1.9)), take.seconds / 2))
    right = bool(take.rng.integers(2))
    for number, at in enumerate(times):
        speed = _CAR_M_S[pace] * float(take.rng.uniform(0.85, 1.15))
        near = float(take.rng.uniform(0.6, 1.0)) if number else 1.0
        reach = int(90.0 / speed * RATE)
        part = Take(2 * reach, take.rng)
        passed = car_pass(part, reach / RATE, speed, right ^ bool(number % 2))
        passed *= part.drawn(ease(part.clock() * 1.5) * ease((part.seconds - part.clock()) * 1.5))
        plant(total, float(at) - reach / RATE, passed, near)
    return total


def horn(seconds: float, chord_hz: tuple[float, ...], bright: float = 0.7) -> Line:
    """A horn of several notes, brassy by `bright`."""
    gains = tuple(bright**number for number in range(9))
    total = np.sum([glided(seconds, np.array([0.985 * hz, hz, hz, hz]), gains) for hz in chord_hz], axis=0)
    time = np.linspace(0, seconds, total.shape[0], dtype=np.float32)
    edge = ease(time / np.float32(0.06)) * ease((np.float32(seconds) - time) / np.float32(0.12))
    return np.asarray(total * edge / np.float32(1.5 * len(chord_hz)), np.float32)


def train(take: Take, pace: str, steam: bool) -> Ears:
    """Wheels over the joints of the rails, two axles and two again, over a rumble; chuffs if it goes by steam."""
    gap = CLATTER_S[pace]
    clatter = take.empty()
    clacks = [_clack(take, low) for low in (1.0, 0.93)]
    for at in np.arange(float(take.rng.uniform(0.05, 0.3)), take.seconds, gap):
        for axle, late in enumerate((0.0, 0.155)):
            plant(clatter, float(at) + late * gap / 0.56, clacks[axle], 1.0 - 0.25 * axle, 0.42 + 0.16 * axle)
    shake = take.gusts(5.0, 0.18)
    rumble = take.noise(band(32, 170, 0.3), 0.6) * take.drawn(shake)
    steel = take.noise(bell((1500, 0.6, 0.5), (3400, 0.4, 0.35))) * take.drawn(take.gusts(2.5, 0.3))
    total = np.float32(0.55) * rumble + np.float32(0.13) * steel + np.float32(1.5) * clatter
    if steam:
        for at in np.arange(0.1, take.seconds, gap / 2):
            puff = burst(take.rng, 0.3, band(280, 3200, 0.4), 0.045, 0.012)
            plant(total, float(at), puff, 0.7 * float(take.rng.uniform(0.8, 1.1)))
    return single(total)


def _clack(take: Take, low: float) -> Line:
    body = struck(0.22, ((118 * low, 1.0, 0.03), (205 * low, 0.7, 0.02), (1240 * low, 0.28, 0.012)))
    body[: int(0.06 * RATE)] += np.float32(0.4) * burst(take.rng, 0.06, band(600, 5000), 0.008)
    return body


def train_horn(take: Take, steam: bool) -> Ears:
    """A far horn, or a steam whistle, long and short."""
    total = take.empty()
    chord = (587.0, 698.5, 880.0) if steam else (311.1, 370.0, 466.2)
    start = min(float(take.rng.uniform(1.2, 2.2)), take.seconds * 0.4)
    for late, length in ((0.0, 0.9), (1.15, 0.5)):
        plant(total, start + late, horn(length, chord, 0.35 if steam else 0.7), 1.0, 0.68)
    return total


def ship(take: Take) -> Ears:
    """The slow diesel of a ship, felt more than heard."""
    beat = take.phase(take.gusts(0.5, 0.02) * np.float32(5.2))
    knock = np.exp(np.float32(-5) * beat) * ease(beat / np.float32(0.05))
    body = harmonics(take.phase(41.0), (1.0, 0.8, 0.5, 0.35, 0.2, 0.15))
    low = take.mono(band(40, 220, 0.4))
    return panned((body * np.float32(0.5) + low * np.float32(0.6)) * (np.float32(0.45) + knock), 0.5)


def ship_horn(take: Take) -> Ears:
    """A blast of a big ship's horn, far over the water."""
    total = take.empty()
    start = min(float(take.rng.uniform(0.9, 1.6)), take.seconds * 0.3)
    blast = horn(min(2.2, take.seconds * 0.5), (98.0, 123.5, 146.8), 0.78)
    plant(total, start, blast, 1.0, 0.4)
    return total


def oars(take: Take) -> Ears:
    """A small boat that is rowed: a creak, a stroke, drops."""
    total = take.empty()
    for at in take.times(1.9, 0.08, first_s=0.4):
        creak = glided(0.35, np.array([210.0, 320.0, 260.0, 380.0]), (1.0, 0.7, 0.6, 0.4, 0.4)) * hump(0.35)
        plant(total, float(at), creak * (0.6 + 0.4 * sine(Take(len(creak), take.rng).phase(34.0))), 0.10, 0.4)
        stroke = Take(int(0.8 * RATE), take.rng).mono(bell((600, 0.8, 1.0), (2400, 0.9, 0.4))) * hump(0.8, 0.3)
        plant(total, float(at) + 0.3, stroke, 0.9, 0.55)
        for late in take.rng.uniform(0.9, 1.5, 4):
            pitch = float(take.rng.uniform(900, 1900))
            plant(total, float(at) + float(late), glided(0.05, np.array([pitch, 1.2 * pitch])) * decay(0.05, 0.01), 0.4)
    return total


def jet(take: Take) -> Ears:
    """An airliner overhead: a broad roar that sinks as it goes away, and the whine of its turbines."""
    pitch, gain, pan = passing(take, take.seconds * 0.42, 120.0, 260.0, bool(take.rng.integers(2)))
    roar = take.mono(band(60, 900, 0.35)) * take.drawn(take.gusts(3.0, 0.15))
    high = take.mono(bell((1700, 0.5, 1.0))) * take.drawn(gain)
    whine = harmonics(take.phase(1480.0 * pitch), (0.8, 0.5, 0.25)) * take.drawn(gain)
    line = roar + np.float32(0.35) * high + np.float32(0.16) * whine
    return _placed(take, np.asarray(line, np.float32), np.float32(0.35) + np.float32(0.65) * gain, pan)


def propeller(take: Take) -> Ears:
    """An old plane with a propeller that flies past."""
    pitch, gain, pan = passing(take, take.seconds * 0.45, 45.0, 60.0, bool(take.rng.integers(2)))
    gains = (1.0, 0.9, 0.6, 0.5, 0.35, 0.3, 0.22, 0.18, 0.12, 0.1)
    two = harmonics(take.phase(86.0 * pitch), gains) + harmonics(take.phase(87.1 * pitch), gains)
    air = take.mono(band(120, 1200, 0.4))
    return _placed(take, two * np.float32(0.45) + air * np.float32(0.35), gain, pan)


def rocket(take: Take) -> Ears:
    """The roar of a rocket: ground-shaking and torn."""
    tear = take.gusts(22.0, 0.45) * take.gusts(1.0, 0.15)
    body = take.noise(band(28, 260, 0.3), 0.6) * take.drawn(tear)
    return body + np.float32(0.35) * take.noise(band(300, 4500, 0.4), 0.8) * take.drawn(tear**1.5)


def helicopter(take: Take) -> Ears:
    """Blades that chop the air some eleven times a second, and a turbine."""
    beat = take.phase(take.gusts(0.4, 0.02) * np.float32(11.2))
    chop = np.exp(np.float32(-7) * beat) * ease(beat / np.float32(0.06)) + np.float32(0.12)
    slap = take.noise(bell((95, 0.7, 1.0), (320, 0.9, 0.5), (1100, 0.8, 0.14)), 0.5) * chop * np.float32(2.6)
    turbine = harmonics(take.phase(take.gusts(0.5, 0.004) * np.float32(2150)), (0.6, 0.2))
    return single(slap + panned(turbine, 0.5) * np.float32(0.045) + np.float32(0.15) * take.noise(band(200, 3000, 0.5)))


def burner(take: Take) -> Ears:
    """The burner of a balloon: it roars for a second or two, and then it is very quiet."""
    total = take.empty()
    for at in take.times(3.2, 0.2, first_s=float(take.rng.uniform(0.3, 0.7))):
        length = float(take.rng.uniform(1.1, 1.7))
        part = Take(int(length * RATE), take.rng)
        course = ease(part.clock() / 0.09) * ease((length - part.clock()) / 0.18) * part.gusts(8.0, 0.12)
        flame = part.noise(band(90, 2600, 0.35), 0.6) + np.float32(0.25) * part.noise(band(3500, 9000))
        plant(total, float(at), flame * part.drawn(course), 1.0)
    return total


def robot(take: Take) -> Ears:
    """Servo motors that whirr from one pose to the next, and a click where each ends."""
    total = take.empty()
    for at in take.times(0.75, 0.35, first_s=0.2):
        length, pan = float(take.rng.uniform(0.22, 0.5)), float(take.rng.uniform(0.3, 0.7))
        top = float(take.rng.uniform(420, 900))
        course = top * np.array([0.45, 0.95, 1.0, 1.0, 0.98, 0.6])
        whirr = glided(length, course, (0.6, 0.35, 0.5, 0.15, 0.3, 0.1, 0.2)) * hump(length, 0.15) ** 0.5
        plant(total, float(at), whirr, 0.35, pan)
        click = struck(0.12, ((190.0, 0.8, 0.02), (1750.0, 0.5, 0.006), (3300.0, 0.3, 0.004)))
        plant(total, float(at) + length, click, 0.9, pan)
    return total


def fog_horn(take: Take) -> Ears:
    """The low double tone of a lighthouse in fog."""
    total = take.empty()
    for at in take.times(5.0, 0.05, first_s=min(0.9, take.seconds * 0.2)):
        low, deep = horn(1.1, (116.5,), 0.8), horn(0.8, (87.3,), 0.82)
        plant(total, float(at), low, 0.9, 0.6)
        plant(total, float(at) + 1.1, deep, 1.0, 0.6)
    return total
