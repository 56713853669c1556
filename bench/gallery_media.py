"""What some films of the gallery begin with, made by code alone: a picture of a look, a rhythm, a clip."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import wave
from pathlib import Path

import numpy as np
from PIL import Image

from seedbed.engines import RenderRequest, previz

RATE = 48_000
BEAT_S = 0.5


def draw_look(path: Path) -> None:
    """Magenta and gold over deep blue: a palette for a fashion film, with the grain of a photograph."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[0:540, 0:960] / 540.0
    sweep = np.exp(-(((x - 0.95) * 1.6 + (y - 0.5)) ** 2) * 5.0)[..., None]
    rim = np.exp(-(((x - 0.55) + 0.5 * (y - 0.5)) ** 2) * 30.0)[..., None]
    page = np.array([0.05, 0.04, 0.16]) + sweep * np.array([0.75, 0.10, 0.45]) + rim * np.array([0.85, 0.55, 0.22])
    page = page * (1.1 - 0.5 * y[..., None]) + rng.standard_normal((540, 960, 1)) * 0.012
    Image.fromarray((np.clip(page, 0, 1) ** (1 / 1.6) * 255).astype(np.uint8)).save(path, quality=92)


def play_beat(path: Path) -> None:
    """Ten seconds of four to the floor: kick, hat and a bass line."""
    rng = np.random.default_rng(6)
    count = 10 * RATE
    time = np.arange(count) / RATE
    mix = np.zeros(count)
    for number in range(int(10 / BEAT_S)):
        at = int(number * BEAT_S * RATE)
        t = time[: count - at]
        mix[at:] += np.sin(2 * np.pi * (48 * t + 26 * (1 - np.exp(-t * 28)))) * np.exp(-t * 9) * 0.9
        mix[at:] += rng.standard_normal(len(t)) * np.exp(-t * 160) * 0.25
        off = at + int(BEAT_S / 2 * RATE)
        if off < count:
            t = time[: count - off]
            mix[off:] += rng.standard_normal(len(t)) * np.exp(-t * 90) * 0.10
            note = (55.0, 55.0, 65.4, 49.0)[number // 4 % 4]
            mix[off:] += np.sign(np.sin(2 * np.pi * note * t)) * np.exp(-t * 7) * 0.10
    samples = (np.tanh(mix * 0.8) * 30_000).astype("<i2")
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())


def film_clip(path: Path) -> None:
    """A summer river by the engine itself."""
    request = RenderRequest(
        prompt="A river in a summer forest, aerial, sunny", width=960, height=540, duration_s=5, seed=4, audio=False
    )
    with tempfile.TemporaryDirectory() as scratch:
        result = asyncio.run(previz.Previz().render(request, Path(scratch), lambda share: None))
        shutil.move(result.video, path)
