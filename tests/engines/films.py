"""Reads a finished video back with PyAV, for tests that look at what a customer would get."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from seedbed.engines import Engine, RenderRequest


@dataclass(frozen=True)
class Facts:
    """What the file itself says."""

    codec: str
    pixels: str
    width: int
    height: int
    fps: float
    frames: int
    video_s: float
    audio_codec: str | None
    audio_s: float
    colours: tuple[int, int, int, int]
    atoms: list[str]
    sha256: str


def facts(path: Path) -> Facts:
    with av.open(str(path)) as box:
        video = box.streams.video[0]
        context = video.codec_context
        sound = box.streams.audio[0] if box.streams.audio else None
        samples = 0
        if sound is not None:
            samples = sum(frame.samples for frame in box.decode(sound))
            box.seek(0)
        colours = [0, 0, 0, 0]
        count, last = 0, 0
        for frame in box.decode(video):
            assert frame.pts is None or count == 0 or frame.pts > last
            count, last = count + 1, frame.pts or 0
            colours = [int(v) for v in (frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range)]
        return Facts(
            codec=context.name,
            pixels=context.pix_fmt or "",
            width=video.width,
            height=video.height,
            fps=float(video.average_rate or 0),
            frames=count,
            video_s=float(video.duration * video.time_base) if video.duration and video.time_base else 0.0,
            audio_codec=sound.codec_context.name if sound is not None else None,
            audio_s=float(sound.duration * sound.time_base)
            if sound is not None and sound.duration
            else samples / 48000,
            colours=(colours[0], colours[1], colours[2], colours[3]),
            atoms=atoms(path.read_bytes()),
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        )


def atoms(data: bytes) -> list[str]:
    """The names of a file's top-level boxes, in order."""
    names, at = [], 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        names.append(data[at + 4 : at + 8].decode("latin-1"))
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8:
            break
        at += size
    return names


def greys(path: Path) -> list[NDArray[np.float32]]:
    """The luma of every frame."""
    with av.open(str(path)) as box:
        return [frame.to_ndarray(format="gray").astype(np.float32) for frame in box.decode(video=0)]


def colours(path: Path) -> list[NDArray[np.float32]]:
    """Every frame as RGB, 0 … 1."""
    with av.open(str(path)) as box:
        return [frame.to_ndarray(format="rgb24").astype(np.float32) / 255 for frame in box.decode(video=0)]


def shift(before: NDArray[np.float32], after: NDArray[np.float32]) -> tuple[float, float]:
    """How many pixels (down, right) the picture moved, by phase correlation refined with a parabola."""
    window = np.outer(np.hanning(before.shape[0]), np.hanning(before.shape[1]))
    a, b = (np.fft.fft2((part - part.mean()) * window) for part in (before, after))
    cross = np.conj(a) * b
    peak = np.real(np.fft.ifft2(cross / np.maximum(np.abs(cross), 1e-6)))
    place = np.unravel_index(int(peak.argmax()), peak.shape)
    moved = []
    for axis, at in enumerate(place):
        line = np.roll(np.take(peak, int(place[1 - axis]), axis=1 - axis), 1 - int(at))[:3]
        bend = line[0] - 2 * line[1] + line[2]
        part = 0.5 * (line[0] - line[2]) / bend if abs(bend) > 1e-9 else 0.0
        size = peak.shape[axis]
        moved.append(float((int(at) + size // 2) % size - size // 2 + part))
    return moved[0], moved[1]


def soft(frame: NDArray[np.float32], size: int = 6) -> NDArray[np.float32]:
    """Means of tiles of so many pixels: what the frame shows, without its detail."""
    rows, columns = (side // size * size for side in frame.shape)
    tiles = frame[:rows, :columns].reshape(rows // size, size, columns // size, size)
    return np.asarray(tiles.mean((1, 3)))


def sound(path: Path) -> NDArray[np.float32]:
    """The sound as a player would play it, (samples, channels) within -1 … 1."""
    with av.open(str(path)) as box:
        return np.concatenate([frame.to_ndarray() for frame in box.decode(audio=0)], axis=1).T


@dataclass(frozen=True)
class Made:
    """A film that an engine made: its file, and what the engine says it understood."""

    path: Path
    plan: dict[str, Any]

    @cached_property
    def luma(self) -> NDArray[np.float32]:
        """(frames, rows, columns) in grey, 0 … 255, from the colours that a player shows."""
        weights = np.array([0.2126, 0.7152, 0.0722], np.float32) * 255
        return np.stack([frame @ weights for frame in self.colours])

    @cached_property
    def colours(self) -> NDArray[np.float32]:
        """(frames, rows, columns, 3) as RGB, 0 … 1."""
        return np.stack(colours(self.path))

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


class Studio:
    """Has films made by an engine, each request once, so that many tests may look at one film."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine, self._folder = engine, folder
        self._made: dict[RenderRequest, Made] = {}

    def film(self, request: RenderRequest) -> Made:
        """The film of `request`."""
        if request not in self._made:
            scratch = self._folder / str(len(self._made))
            scratch.mkdir()
            result = asyncio.run(self._engine.render(request, scratch, lambda share: None))
            self._made[request] = Made(result.video, result.plan)
        return self._made[request]
