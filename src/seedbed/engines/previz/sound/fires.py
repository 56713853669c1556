"""Fires: a candle, a campfire, a volcano, and fireworks."""

from __future__ import annotations

import numpy as np

from seedbed.engines.previz.sound.take import (
    RATE,
    Ears,
    Take,
    band,
    bell,
    burst,
    glided,
    hump,
    plant,
    single,
    spray,
    struck,
)


def candle(take: Take) -> Ears:
    """A small flame near the ear: a soft flutter, and now and then a spark."""
    flutter = take.noise(bell((160, 0.8, 1.0), (420, 0.7, 0.4)), 0.5) * take.drawn(take.gusts(6.0, 0.5))
    sparks = spray(take, 5.0, _sparks(take)[:2], heavy=2.0)
    return flutter * np.float32(0.5) + np.float32(0.5) * sparks


def fire(take: Take) -> Ears:
    """A burning hearth or campfire: roar, hiss and crackling wood."""
    roar = take.noise(band(50, 240, 0.5), 0.7) * take.drawn(take.gusts(5.0, 0.35) * take.gusts(0.6, 0.2))
    hiss = take.noise(band(2800, 8500), 0.9) * take.drawn(take.gusts(3.0, 0.6))
    crackle = spray(take, 26.0, _sparks(take), take.gusts(1.5, 1.2), heavy=2.5)
    total = np.float32(0.35) * roar + np.float32(0.05) * hiss + np.float32(1.5) * crackle
    for at in take.times(1.1, 0.6):
        snap = burst(take.rng, 0.05, band(900, 7000), 0.004, 0.0003)
        plant(total, float(at), snap, float(take.rng.uniform(1.5, 3.5)), float(take.rng.uniform(0.3, 0.7)))
    return single(total)


def _sparks(take: Take) -> list[np.ndarray[tuple[int], np.dtype[np.float32]]]:
    return [
        burst(take.rng, 0.02, bell((hz, 0.45, 1.0)), 0.0011 + 1.2 / hz, 0.0002)
        for hz in (1500.0, 2400.0, 3600.0, 5200.0)
    ]


def lava(take: Take) -> Ears:
    """A volcano: the ground trembles, melt bubbles, gas escapes, and bursts throw stone."""
    tremor = take.noise(band(22, 75, 0.2), 0.5) * take.drawn(take.gusts(1.0, 0.4))
    gas = take.noise(band(500, 4200, 0.5), 0.9) * take.drawn(take.gusts(0.7, 0.7))
    blops = [glided(0.28, np.array([hz, hz * 0.75, hz * 1.5])) * hump(0.28, 0.25) for hz in (75.0, 110.0, 165.0)]
    total = tremor + np.float32(0.16) * gas + np.float32(0.7) * spray(take, 7.0, blops, heavy=2.0)
    for blast in take.cues.blasts:
        boom = burst(take.rng, 2.0, band(25, 160, 0.4), 0.30, 0.012)
        plant(total, blast.heard_s, boom, 2.4 * blast.power, blast.side)
        stones = burst(take.rng, 1.6, band(400, 2600), 0.22, 0.15)
        plant(total, blast.heard_s, stones, 0.35 * blast.power, blast.side)
    return single(total)


def fireworks(take: Take) -> Ears:
    """Shells that whistle up, burst with a thud as they flash, and crackle as they fall."""
    total = take.empty()
    for shell in take.cues.shells:
        pan, near = 0.15 + 0.7 * shell.side, shell.power
        rise = float(take.rng.uniform(0.6, 0.9))
        pitch = float(take.rng.uniform(1300, 1900))
        whistle = glided(rise, pitch * np.array([1.0, 1.5, 1.8, 1.9, 1.75]), (1.0, 0.25)) * hump(rise, 0.75)
        after = shell.heard_s
        plant(total, after - rise, whistle, 0.16 * near, pan)
        plant(total, after, burst(take.rng, 1.4, band(35, 170, 0.4), 0.13, 0.003), 2.6 * near, pan)
        plant(total, after, struck(0.6, ((58.0, 1.0, 0.10), (87.0, 0.5, 0.07)), 0.004), 1.6 * near, pan)
        plant(total, after, burst(take.rng, 0.3, band(500, 5000), 0.02, 0.001), 0.9 * near, pan)
        shower = Take(int(1.5 * RATE), take.rng)
        fading = np.exp(-shower.clock() / 0.45)
        stars = spray(shower, 110.0, _sparks(take)[1:], fading, heavy=2.0) * shower.drawn(fading)
        plant(total, after + 0.3, stars, 1.0 * near)
    return total
