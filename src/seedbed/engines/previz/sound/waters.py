"""Waters: a river or fall, a lake at its bank, surf, the hull of a boat, and the world below the surface."""

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
    hump,
    plant,
    single,
    spray,
)


def _bubble(hz: float, seconds: float, rise: float) -> Line:
    """A ringing bubble: its pitch rises as it nears the surface."""
    course = hz * np.linspace(1.0, rise, 8) ** 1.5
    return glided(seconds, course) * decay(seconds, seconds / 5, 0.002)


def river(take: Take, haste: float) -> Ears:
    """Running water; `haste` 0.5 (lazy) … 1.5 (rapids): turbulence, gurgling bubbles and the hiss of splashes."""
    deep = take.noise(bell((260, 0.9, 1.0), (600, 0.6, 0.7)), 0.85) * take.drawn(take.gusts(1.5, 0.18))
    splash = take.noise(band(1500, 6500, 0.3), 0.95) * take.drawn(take.gusts(4.0, 0.22) * take.gusts(0.4, 0.2))
    grains = [_bubble(float(hz), 0.05 + 12 / float(hz), 1.25) for hz in np.geomspace(440, 1900, 5)]
    gurgle = spray(take, 55 * haste, grains, take.gusts(1.2, 0.8), heavy=2.0)
    gurgle /= np.float32(max(float(gurgle.std()), 1e-9))
    return single(np.float32(0.55) * deep + np.float32(0.28 + 0.3 * haste) * splash + np.float32(0.55) * gurgle)


def fall(take: Take) -> Ears:
    """A waterfall: an even roar with weight below and spray above."""
    roar = take.noise(band(70, 3500, 0.45), 0.9) * take.drawn(take.gusts(2.0, 0.08))
    thump = take.noise(band(35, 110), 0.7) * take.drawn(take.gusts(5.0, 0.3))
    return single(
        np.float32(0.85) * roar + np.float32(0.4) * thump + np.float32(0.25) * take.noise(band(3000, 10000), 1.0)
    )


def lake(take: Take) -> Ears:
    """Ripples that lap at a bank, each a slosh that ends in drops."""
    total = np.float32(0.12) * take.noise(band(200, 1400, 0.6), 0.9)
    for at in take.times(1.35, 0.35, first_s=float(take.rng.uniform(0.2, 0.7))):
        length, size = float(take.rng.uniform(0.55, 1.0)), float(take.rng.uniform(0.6, 1.2))
        pan = float(take.rng.uniform(0.2, 0.8))
        centre = float(take.rng.uniform(420, 800))
        slosh = Take(int(length * RATE), take.rng).mono(bell((centre, 0.6, 1.0), (centre * 3, 0.7, 0.25)))
        plant(total, float(at), slosh * hump(length, 0.35), size, pan)
        for _ in range(int(take.rng.integers(2, 5))):
            drop = _bubble(float(take.rng.uniform(500, 1300)), 0.07, 1.4)
            plant(total, float(at) + length * float(take.rng.uniform(0.35, 0.95)), drop, 0.55 * size, pan)
    return total


def surf(take: Take, rough: float) -> Ears:
    """Waves that come in, break and run out over sand; `rough` 0 (a calm sea) … 1 (a storm). The first breaks
    within two seconds."""
    gap = 5.6 - 1.6 * rough
    total = take.noise(band(50, 420, 0.5), 0.9) * take.drawn(take.gusts(0.4, 0.2)) * np.float32(0.5)
    clock = take.clock()
    swell, crash, wash = (np.zeros(len(clock), np.float32) for _ in range(3))
    for at in take.times(gap, 0.2, first_s=float(take.rng.uniform(1.2, 1.9)) - gap):
        size = float(take.rng.uniform(0.75, 1.15))
        swell += size * ease((clock - at + 2.4) / 2.2) * np.exp(-np.maximum(clock - at, 0) / 0.9)
        crash += size * ease((clock - at) / 0.30) * np.exp(-np.maximum(clock - at, 0) / 0.65)
        wash += size * ease((clock - at - 0.3) / 1.0) * np.exp(-np.maximum(clock - at - 0.6, 0) / 1.5)
    total += take.noise(band(60, 700, 0.4), 0.85) * take.drawn(swell)
    total += take.noise(band(250, 5200, 0.35), 0.85) * take.drawn(crash) * np.float32(1.2 + 0.5 * rough)
    total += take.noise(band(2400, 9500), 0.95) * take.drawn(wash * take.gusts(12.0, 0.12)) * np.float32(0.4)
    return total


def hull(take: Take) -> Ears:
    """Water along the side of a vessel under way: a steady rush, and slaps at the bow."""
    rush = take.noise(band(300, 3800, 0.5), 0.8) * take.drawn(take.gusts(1.6, 0.3))
    total = np.float32(0.6) * rush
    for at in take.times(1.7, 0.3):
        slap = burst(take.rng, 0.6, bell((350, 0.8, 1.0), (1600, 1.0, 0.4)), 0.09, 0.03)
        plant(total, float(at), slap, 1.1, float(take.rng.uniform(0.3, 0.7)))
    return total


def depths(take: Take) -> Ears:
    """Under water: a weight on the ears, slow currents, and bubbles that rise in strings."""
    total = take.noise(band(28, 120, 0.5), 0.5) * take.drawn(take.gusts(0.25, 0.25))
    total += take.noise(bell((260, 0.6, 0.5))) * take.drawn(take.gusts(0.5, 0.5)) * np.float32(0.35)
    for at in take.times(1.5, 0.4, first_s=float(take.rng.uniform(0.2, 0.7))):
        pan, pitch = float(take.rng.uniform(0.15, 0.85)), float(take.rng.uniform(260, 620))
        for number in range(int(take.rng.integers(5, 12))):
            place = float(at) + number * float(take.rng.uniform(0.05, 0.11))
            grain = _bubble(pitch * float(take.rng.uniform(0.8, 1.5)), float(take.rng.uniform(0.06, 0.12)), 1.45)
            plant(total, place, grain, float(take.rng.uniform(0.5, 1.1)), pan)
    return total


def whales(take: Take) -> Ears:
    """Far calls of whales: long bent tones."""
    total = take.empty()
    for at in take.times(3.4, 0.25, first_s=float(take.rng.uniform(0.2, 0.6))):
        length = float(take.rng.uniform(1.6, 2.6))
        base = float(take.rng.uniform(150, 300))
        bends = base * np.array([1.0, *take.rng.uniform(0.85, 2.1, 4), float(take.rng.uniform(0.8, 1.6))])
        smooth = np.interp(np.linspace(0, 5, 80), np.arange(6), bends)
        smooth = np.convolve(np.pad(smooth, 8, "edge"), np.hanning(17) / np.hanning(17).sum(), "valid")
        call = glided(length, smooth, (1.0, 0.45, 0.22, 0.08)) * hump(length, 0.3)
        plant(total, float(at), call, 1.0, float(take.rng.uniform(0.2, 0.8)))
    return total
