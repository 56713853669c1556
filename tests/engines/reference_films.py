"""Clips whose every frame and camera is known, for the tests of references."""

from __future__ import annotations

import math
import wave
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from seedbed.engines.previz import camera, script
from seedbed.engines.previz.grade import Planes
from seedbed.engines.previz.production import DETAIL
from seedbed.engines.previz.reel import Reel

Floats = NDArray[np.float32]
Rows = tuple[NDArray[np.float64], ...]


WIDE, TALL, RATE = 320, 180, 48_000


PHRASE = "strictly edit the supplied source video: "


def never() -> None:
    """A render that nobody stops."""


@cache
def pattern(side: int = 1200) -> Image.Image:
    """Texture of every fineness, so that each way of moving shows."""
    rng = np.random.default_rng(3)
    total = np.zeros((side, side, 3), np.float32)
    for octave in range(2, 9):
        grid = rng.random((2**octave, 2**octave, 3)).astype(np.float32)
        layers = [Image.fromarray(grid[..., c]).resize((side, side), Image.Resampling.BICUBIC) for c in range(3)]
        total += (np.stack([np.asarray(layer) for layer in layers], 2) - 0.5) * 0.75**octave
    total -= total.min()
    return Image.fromarray((total / total.max() * 255).astype(np.uint8))


def view(
    picture: Image.Image, pan_x: float, pan_y: float, zoom: float, roll: float, size: tuple[int, int]
) -> Image.Image:
    """What a camera sees that looks at the picture's middle plus the pans (in frames), turned and zoomed."""
    width, height = size
    cos, sin = math.cos(-roll) / math.exp(zoom), math.sin(-roll) / math.exp(zoom)
    x, y = picture.width / 2 + pan_x * width, picture.height / 2 + pan_y * height
    turn = (cos, -sin, x - cos * width / 2 + sin * height / 2, sin, cos, y - sin * width / 2 - cos * height / 2)
    return picture.transform(size, Image.Transform.AFFINE, turn, Image.Resampling.BICUBIC)


def filmed(path: Path, frames: Iterable[Image.Image], *, fps: int = 24) -> Path:
    """A clip as the worker would hand it on: H.264 in BT.709."""
    with av.open(str(path), "w") as box:
        stream = box.add_stream("libx264", rate=fps, options={"preset": "veryfast", "crf": "15", "bf": "0", "g": "24"})
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = context.color_range = 1
        for number, image in enumerate(frames):
            if number == 0:
                stream.width, stream.height = image.size
            frame = av.VideoFrame.from_image(image).reformat(format="yuv420p", dst_colorspace=1, dst_color_range=1)
            frame.pts, frame.time_base = number, Fraction(1, fps)
            box.mux(stream.encode(frame))
        box.mux(stream.encode(None))
    return path


def moving(rows: Rows, *, blob: bool = True, picture: Image.Image | None = None) -> Iterable[Image.Image]:
    """Frames of a camera that goes through `rows` (pans, zoom, roll), with somebody walking through before it."""
    count = len(rows[0])
    for number in range(count):
        image = view(picture or pattern(), *(float(row[number]) for row in rows), (WIDE, TALL))  # type: ignore[arg-type]
        if blob:
            draw = ImageDraw.Draw(image)
            x, y, r = WIDE * (0.1 + 0.7 * number / count), TALL * (0.5 + 0.2 * math.sin(number / 6)), TALL * 0.2
            draw.ellipse((x - r, y - r, x + r, y + r), fill=(250, 60, 30))
            draw.rectangle((x - r / 2, y - r / 2, x + r / 3, y + r / 3), fill=(20, 200, 240))
        yield image


def rows_of(name: str, count: int) -> Rows:
    t = np.arange(count) / 24
    soft = (t / t[-1]) ** 2 * (3 - 2 * t / t[-1])
    none = np.zeros(count)
    return {
        "pan": (0.5 * soft, none, none, none),
        "zoom": (none, none, 0.4 * soft, none),
        "roll": (none, none, none, 0.2 * np.sin(t * 2.4)),
        "all": (0.3 * t / t[-1] + 0.03 * np.sin(3 * t), -0.12 * np.sin(t * 1.4), 0.3 * np.sin(t), 0.14 * np.sin(t * 2)),
        "still": (none, none, none, none),
    }[name]


def like(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def shown(planes: Planes) -> NDArray[np.uint8]:
    """RGB as a player shows it."""
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, values in zip(frame.planes, planes, strict=True):
        into = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        into[: values.shape[0], : values.shape[1]] = values
    rgb = frame.reformat(format="rgb24", src_colorspace=1, dst_colorspace=1, src_color_range=1, dst_color_range=2)
    return rgb.to_ndarray()


def world(prompt: str, frames: int, steer: camera.Steer, *, fixed: bool = False) -> tuple[list[Planes], Reel]:
    """All frames of a small world whose camera is steered."""
    with ThreadPoolExecutor(2) as pool:
        reel = Reel(
            script.read(prompt), seed=1, width=WIDE, height=TALL, frames=frames, fps=24, fixed=fixed,
            detail=replace(DETAIL["mini"], grid=800), pool=pool, check=never, steer=steer,
        )  # fmt: skip
        return list(pool.map(lambda number: reel.draw(number, never), range(frames))), reel


def coded(number: int, image: Image.Image) -> Image.Image:
    """`image` with its number in its lowest rows, in black and white fields: six of them, the lowest bit first."""
    draw = ImageDraw.Draw(image)
    for bit in range(6):
        light = 235 if number >> bit & 1 else 20
        draw.rectangle((10 + 30 * bit, TALL - 26, 35 + 30 * bit, TALL - 4), fill=(light, light, light))
    return image


def code_of(luma: NDArray[np.uint8]) -> int:
    fields = [luma[TALL - 20 : TALL - 10, 16 + 30 * bit : 30 + 30 * bit].mean() for bit in range(6)]
    middle = (max(fields) + min(fields)) / 2
    return sum(1 << bit for bit in range(6) if fields[bit] > middle)


def apart(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """How different two palettes are: the mean distance of their quantiles along many directions of a colour space
    of luma and two differences."""
    space = np.array([[0.2126, 0.7152, 0.0722], [-0.11, -0.39, 0.5], [0.5, -0.45, -0.05]]) * [[1.0], [1.6], [1.6]]
    ways = np.random.default_rng(0).standard_normal((40, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    at = np.linspace(0.01, 0.99, 50)
    one, other = (part.reshape(-1, 3)[::5] / 255 @ space.T @ ways.T for part in (a, b))
    return float(np.abs(np.quantile(one, at, 0) - np.quantile(other, at, 0)).mean())


def warm_picture() -> Image.Image:
    """Amber above teal, with grain."""
    y = np.linspace(0, 1, 450)[:, None, None]
    base = np.where(y < 0.62, np.array([0.85, 0.55, 0.25]) * (1.1 - 0.5 * y), np.array([0.10, 0.30, 0.34]) * (0.6 + y))
    grain = np.random.default_rng(4).normal(0, 0.07, (450, 800, 1))
    return Image.fromarray((np.clip(base + np.zeros((450, 800, 3)) + grain, 0, 1) * 255).astype(np.uint8))


def clicks(bpm: float, seconds: float, first: float = 0.31) -> tuple[Floats, NDArray[np.float64]]:
    samples = np.zeros(int(seconds * RATE), np.float32)
    times = np.arange(first, seconds - 0.06, 60 / bpm)
    line = np.arange(int(0.03 * RATE)) / RATE
    for time in times:
        begin = int(time * RATE)
        samples[begin : begin + len(line)] += 0.8 * np.sin(2 * np.pi * 1500 * line) * np.exp(-line / 0.006)
    return samples, times


def song(bpm: float, seconds: float) -> tuple[Floats, NDArray[np.float64]]:
    """Drums, hats on the eighths and a chord a bar; and when its bars begin."""
    rng = np.random.default_rng(1)
    count, beat = int(seconds * RATE), 60 / bpm
    mix = np.zeros(count)

    def add(at: float, part: NDArray[np.float64]) -> None:
        begin = int(at * RATE)
        if begin < count:
            mix[begin : begin + len(part)] += part[: count - begin]

    t, bar = np.arange(int(0.25 * RATE)) / RATE, np.arange(int(4 * beat * RATE)) / RATE
    bars = np.arange(0.2, seconds, 4 * beat)
    for number, at in enumerate(np.arange(0.2, seconds, beat)):
        kick = 0.8 * np.sin(2 * np.pi * (50 * t + 7 * (1 - np.exp(-t / 0.03)))) * np.exp(-t / 0.09)
        add(at, kick if number % 2 == 0 else 0.4 * rng.standard_normal(len(t)) * np.exp(-t / 0.05))
        for half in (0.0, 0.5):
            add(at + half * beat, 0.12 * np.diff(rng.standard_normal(len(t) + 1)) * np.exp(-t / 0.015))
    for number, at in enumerate(bars):
        chord = [(220, 277, 330), (196, 247, 294), (174, 220, 262)][number % 3]
        add(at, sum(0.12 * np.sin(2 * np.pi * f * bar) for f in chord) * np.minimum(bar / 0.01, 1) * np.exp(-bar / 2))
    return (mix / np.abs(mix).max() * 0.9).astype(np.float32), bars


def waved(path: Path, samples: Floats, rate: int = RATE) -> Path:
    line = samples if samples.ndim == 2 else samples[:, None]
    with wave.open(str(path), "wb") as out:
        out.setnchannels(line.shape[1])
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((np.clip(line, -1, 1) * 32767).astype("<i2").tobytes())
    return path
