"""The air: wind over six kinds of ground, rain on three, thunder, snow.

Every function fills a `Take` with one layer. What goes on all the time has an RMS near 1 in each ear.
"""

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
    filtered,
    glided,
    plant,
    sine,
    single,
    spray,
    struck,
)


def wind(take: Take, ground: str, strength: float) -> Ears:
    """Air that comes in gusts; `strength` 0 (a breath) … 1 (a gale). `ground` is "open", "forest", "mountain",
    "desert", "grass" or "streets" and decides what the gusts set in motion."""
    gust = take.gusts(0.4, 0.3 + 0.3 * strength) * take.gusts(1.3, 0.12 + 0.15 * strength)
    body = take.noise(band(60, 260, 0.7)) * take.drawn(gust)
    rush = take.noise(bell((420, 0.8, 1.0), (900, 0.9, 0.4))) * take.drawn(gust**1.7)
    if ground in ("forest", "grass"):
        body *= np.float32(0.6)
    total = body + np.float32(0.45 + 0.4 * strength) * rush
    if ground == "forest":
        total += 0.85 * _leaves(take, gust)
    elif ground == "grass":
        total += 0.25 * take.noise(bell((2600, 0.7, 1.0))) * take.drawn(gust**2 * take.gusts(3.0, 0.25))
    elif ground == "mountain":
        total += (0.5 + 0.9 * strength) * _howl(take, gust, (290.0, 415.0, 610.0))
    elif ground == "desert":
        total += 0.5 * take.noise(bell((6500, 0.6, 1.0))) * take.drawn(gust**2.2 * take.gusts(5.0, 0.3))
        total += 0.5 * _howl(take, gust, (180.0, 262.0))
    elif ground == "streets":
        total += 0.3 * _howl(take, gust, (350.0, 520.0))
    return single(total / np.float32(1.35))


def _leaves(take: Take, gust: Line) -> Ears:
    """Foliage that a gust runs through: a hiss of many leaves, in flutters."""
    hiss = take.noise(bell((3800, 0.75, 1.0), (7500, 0.6, 0.5)), 0.95)
    flutter = np.stack([take.drawn(gust**1.8 * take.gusts(9.0, 0.3)) for _ in range(2)])
    return np.asarray(hiss * flutter * np.float32(0.8), np.float32)


def _howl(take: Take, gust: Line, pitches: tuple[float, ...]) -> Ears:
    """Narrow voices of the wind in rock and wire, which rise with the gust."""
    total = take.empty()
    for number, pitch in enumerate(pitches):
        hz = pitch * gust**0.35 * take.gusts(1.2, 0.03)
        rough = take.gusts(14.0, 0.35) * ease((gust - 0.6) / 1.2) * gust
        line = sine(take.phase(hz)) * take.drawn(rough)
        pan = 0.2 + 0.6 * number / max(len(pitches) - 1, 1)
        plant(total, 0.0, line, 0.8, pan)
    return total


def rain(take: Take, surface: str, heavy: bool) -> Ears:
    """Rain on "leaves", "asphalt", "water" or "ground": a far hiss and near drops."""
    swell = take.gusts(0.5, 0.15)
    high = 9000 if heavy else 12000
    hiss = take.noise(band(900 if heavy else 2200, high, 0.25), 0.95) * take.drawn(swell)
    rate = 900.0 if heavy else 420.0
    near = {"leaves": _on_leaves, "asphalt": _on_asphalt, "water": _on_water, "ground": _on_ground}[surface](take, rate)
    near /= np.float32(max(float(near.std()), 1e-9))
    return np.float32(0.9) * hiss + np.float32(0.45) * near


def _on_leaves(take: Take, rate: float) -> Ears:
    grains = [burst(take.rng, 0.012, bell((hz, 0.6, 1.0)), 0.0025, 0.0003) for hz in (1600.0, 2900.0)]
    return spray(take, rate * 0.4, grains, heavy=1.3)


def _on_ground(take: Take, rate: float) -> Ears:
    grains = [burst(take.rng, 0.016, bell((hz, 0.8, 1.0)), 0.003, 0.0005) for hz in (700.0, 1300.0)]
    return spray(take, rate * 0.5, grains, heavy=2.0)


def _on_asphalt(take: Take, rate: float) -> Ears:
    splats = [burst(take.rng, 0.01, band(lo, 11000), 0.0016, 0.0002) for lo in (1800.0, 4200.0)]
    runs = take.noise(bell((1100, 0.5, 1.0))) * take.drawn(take.gusts(6.0, 0.25))
    drops = spray(take, rate * 1.2, splats, heavy=1.5)
    return drops / np.float32(max(float(drops.std()), 1e-9)) + np.float32(0.25) * runs


def _on_water(take: Take, rate: float) -> Ears:
    """Drops that close a bubble behind them: short rings that rise a little."""
    grains = [glided(0.03, np.array([hz, hz * 1.12])) * decay(0.03, 0.006, 0.0005) for hz in _ladder(1600, 4300, 3)]
    return spray(take, rate * 0.35, grains, heavy=1.3)


def _ladder(low: float, high: float, steps: int) -> list[float]:
    return [float(hz) for hz in np.geomspace(low, high, steps)]


def thunder(take: Take) -> Ears:
    """After every stroke of lightning, by its distance, a tearing crack and then a rumble that rolls away; what is far
    is soft and dull, and rolls only."""
    total = take.empty()
    for stroke in take.cues.strokes:
        near = min(max(1.12 - 0.32 * stroke.after_s, 0.3), 1.0)
        _strike(take, total, stroke.heard_s, near, stroke.side)
    return total


def _strike(take: Take, total: Ears, at: float, near: float, side: float) -> None:
    rng = take.rng
    for late in (0.0, *rng.uniform(0.0, 0.28, int(rng.integers(3, 7)))):
        crack = burst(rng, 0.5, band(250, 3200 * near, 0.4), 0.035 + 0.03 * float(rng.uniform()), 0.002)
        plant(total, at + float(late), crack, 0.8 * near, 0.3 + 0.4 * side + float(rng.uniform(-0.1, 0.1)))
    roll = Take(int(5.5 * RATE), rng)
    clock = roll.clock()
    course = np.exp(-clock / 1.5) * ease(clock / 0.06)
    for peak in rng.uniform(0.3, 3.2, 5):
        course += 0.5 * np.exp(-peak / 2.2) * np.exp(-(((clock - peak) / 0.22) ** 2))
    course *= roll.gusts(7.0, 0.3) * ease((5.4 - clock) / 1.5)
    plant(total, at + 0.05, roll.noise(band(32, 130, 0.3), 0.6) * roll.drawn(course), 2.2)
    plant(total, at + 0.05, roll.noise(bell((240, 0.8, 1.0)), 0.6) * roll.drawn(course**1.6), 0.8 * near)


def snow(take: Take) -> Ears:
    """Hush: air without treble, and flakes that one hears more than one thinks."""
    air = take.noise(bell((330, 1.0, 1.0), (110, 0.8, 0.6)), 0.9) * take.drawn(take.gusts(0.3, 0.25))
    ticks = spray(take, 45.0, [burst(take.rng, 0.006, bell((5200, 0.5, 1.0)), 0.001)], heavy=2.0)
    return air + np.float32(0.25) * ticks


def room(take: Take) -> Ears:
    """A quiet room: air, far pipes and the mains."""
    air = take.noise(band(50, 300, 0.6), 0.6)
    hum = sine(take.phase(100.0)) * np.float32(0.10) + sine(take.phase(50.0)) * np.float32(0.12)
    return air + hum


def clock_ticks(take: Take) -> Ears:
    """A clock on the wall, tick and tock, one a second."""
    total = take.empty()
    for number, at in enumerate(np.arange(0.35, take.seconds, 0.5)):
        low = 0.88 if number % 2 else 1.0
        tick = struck(0.09, ((2150 * low, 1.0, 0.006), (3900 * low, 0.6, 0.004), (620 * low, 0.5, 0.012)))
        plant(total, float(at), tick, 1.0, 0.62)
    return total


def vacuum(take: Take) -> Ears:
    """Space: no air to carry anything; a deep drone that beats against itself, and a shimmer far above."""
    total = take.empty()
    for number, hz in enumerate((32.7, 49.0, 49.35, 65.6, 98.3, 131.2)):
        breath = take.gusts(0.15, 0.4)
        plant(total, 0.0, sine(take.phase(hz)) * take.drawn(breath), 0.75 / (1 + 0.35 * number), 0.2 + 0.12 * number)
    air = take.noise(bell((90, 0.7, 1.0), (700, 0.5, 0.06)), 0.9) * take.drawn(take.gusts(0.2, 0.5))
    shimmer = take.noise(bell((2350, 0.02, 1.0), (3140, 0.02, 0.8), (4710, 0.015, 0.5)), 1.0)
    return single(total + np.float32(0.5) * air + np.float32(0.05) * shimmer * take.drawn(take.gusts(0.4, 0.7)))


def dulled(ears: Ears, above_hz: float) -> Ears:
    """What is left of sounds behind a wall or a surface."""
    return filtered(ears, band(10.0, above_hz))
