"""What happens in the air and on the mountain, measured in pictures and sound that belong together: flashes and their
bangs, plumes of ash, the course of the sun, banks of fog; edits of clips, clipped lights, and cuts on beats."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from seedbed.engines.previz import script
from seedbed.engines.previz.production import DETAIL
from seedbed.engines.previz.reel import Reel
from seedbed.engines.previz.sound import RATE, scene

Floats = NDArray[np.float32]
POOL = ThreadPoolExecutor(2)
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
FPS = 24


def never() -> None:
    """A render that nobody stops."""


@cache
def reel(prompt: str, *, width: int = 160, height: int = 90, frames: int = 96, seed: int = 3, fixed: bool = True) -> Reel:
    return Reel(script.read(prompt), seed=seed, width=width, height=height, frames=frames, fps=FPS, fixed=fixed,
                detail=DETAIL["mini"], pool=POOL, check=never)  # fmt: skip


def bright(film: Reel, number: int) -> float:
    """The mean luminance of a frame in linear light."""
    light = film.light(number, never)[:, :, : film.width]
    return float(np.tensordot(LUMA, light, 1).mean())


RATE_HZ = 480


def heard(prompt: str, layer: str, seconds: float, seed: int = 3) -> NDArray[np.float64]:
    """The power of one layer of the sound of `prompt`, `RATE_HZ` times a second: the whole less the same without it."""
    shot = script.read(prompt)
    count = int(seconds * RATE)
    alone = scene.bed(shot, seed, 0, count) - scene.bed(replace(shot, without=(*shot.without, layer)), seed, 0, count)
    step = RATE // RATE_HZ
    return (alone.astype(np.float64) ** 2).sum(0)[: count // step * step].reshape(-1, step).mean(1)


# Flashes and bangs


def test_thunder_follows_its_lightning_by_its_distance() -> None:
    prompt = "a thunderstorm over the meadow at night, low angle"
    film = reel(prompt)
    light = np.array([bright(film, number) for number in range(96)])
    flashes = [k / FPS for k in range(1, 96) if light[k] > 1.15 * light[k - 1] and light[max(k - 6, 0) : k].max() < light[k]]
    power = heard(prompt, "thunder", 8.0)
    loud = np.log10(power + 1e-3 * power.max())
    claps = [k / RATE_HZ for k in range(100, len(loud)) if loud[k] - loud[k - 15 : k - 5].max() > 0.5]
    assert len(flashes) >= 2
    for flash in flashes:
        after = [clap - flash for clap in claps if 0.25 < clap - flash < 3.1]
        assert after, f"no thunder after the flash at {flash:.2f} s"
    first = np.argmax(power > 0.02 * power.max()) / RATE_HZ
    assert first > flashes[0] + 0.25, "nothing thunders before the first flash"


def test_shells_bang_as_they_flash() -> None:
    prompt = "fireworks over a meadow at night, no music"
    film = reel(prompt)
    light = np.array([bright(film, number) for number in range(96)])
    flashes = np.maximum(np.diff(light, prepend=light[0]), 0.0)
    power = np.sqrt(heard(prompt, "fireworks", 4.0)).reshape(96, -1)
    swells = np.maximum(np.diff(power.max(1), prepend=power.max()), 0.0)

    def alike(lag: int) -> float:
        return float(np.corrcoef(flashes[24:72], np.roll(swells, -lag)[24:72])[0, 1])

    lags = {lag: alike(lag) for lag in range(-20, 21)}
    best = max(lags, key=lambda lag: lags[lag])
    assert 0 <= best <= 4, "a bang comes with its flash or a few frames after"
    assert lags[best] > 0.5


@pytest.mark.parametrize("tempo", ["slow motion", "time lapse"])
def test_bangs_keep_to_their_flashes_at_any_tempo(tempo: str) -> None:
    prompt = f"{tempo} of a thunderstorm over the meadow at night, low angle"
    film = reel(prompt)
    strikes = [strike.at_s for strike in film.world.sky.strikes]
    power = heard(prompt, "thunder", 4.0)
    first = np.argmax(power > 0.02 * power.max()) / RATE_HZ
    assert 0.25 < first - strikes[0] < 3.2
