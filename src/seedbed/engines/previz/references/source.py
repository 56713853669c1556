"""A source video, frame by frame at the film's size, with what must be known of each to change its season or light.

Frames are decoded in order, once, under a lock, however many threads ask; memory is bounded by the frames that are
asked for at a time. Frame k shows what the source shows at the time k / 24; after its end the last frame holds.
What a frame looks like follows from the source alone, so any frame may be asked for again: the source is then
read anew.
"""

from __future__ import annotations

import cmath
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from seedbed.engines import FPS, EngineError
from seedbed.engines.previz.grade import Planes
from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.references.clip import Check, decoded, luma_of, shrink
from seedbed.engines.previz.references.motion import WIDEST_PX, Tracker
from seedbed.engines.previz.stills.depth import box, guided, spread

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
f32 = np.float32

MEAN, SKY, FAR, LAMP, HEARTH = range(5)
"""The maps of a frame."""
_STUDY_PX = 144
_USED_MAX = 6
_WAITING_BYTES_MAX = 192 << 20
"""Memory of frames that were passed on the way to one asked for, and are kept until their turn comes."""
_FRESH = 0.25
"""How much of what a frame's sky looks like is its own; the rest is carried on from the frame before."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One frame. `maps` (5, rows, columns) are small: mean luma around, open sky, distance, lamps with their glow,
    what warm lamps light; all 0 … 1. A point z of the frame, pixels from the middle, right + i down, was at
    (z - `moved`) / `grown` in the first frame. `horizon` is its row as a share of the height."""

    planes: Planes
    maps: Floats
    grown: complex
    moved: complex
    horizon: float


class Source:
    """All frames of a video, covering width × height pixels. `at` may be called from any thread."""

    def __init__(self, path: Path, *, width: int, height: int) -> None:
        self._path, self.width, self.height = path, width, height
        self._lock = threading.Lock()
        self._most = max(_WAITING_BYTES_MAX * 2 // (3 * width * height), 12)
        self._kept: dict[int, Seen] = {}
        self._used: list[int] = []
        self._reader: Iterator[Seen] | None = None
        self._next = 0

    def at(self, number: int, check: Check) -> Seen:
        """What frame `number` of the film shows. Raises EngineError when the source cannot be read."""
        with self._lock:
            if number < self._next and number not in self._kept:
                self._reader, self._next = None, 0
                self._kept.clear()
                self._used.clear()
            if self._reader is None:
                self._reader = self._read()
            while self._next <= number:
                check()
                self._kept[self._next] = next(self._reader)
                self._next += 1
            self._forget(number)
            return self._kept[number]

    def _forget(self, number: int) -> None:
        """Frames that were given are kept a little while, in case one is asked for again."""
        if number not in self._used:
            self._used.append(number)
        while len(self._used) > _USED_MAX:
            self._kept.pop(self._used.pop(0), None)
        while len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]

    def _read(self) -> Iterator[Seen]:
        """What the source shows at each frame's time, without end."""
        number, shown = 0, None
        student = _Student(self.width, self.height)
        with decoded(self._path) as frames:
            for time, frame in frames:
                # Times are rounded to ticks: a frame is on from a quarter of a frame before its own.
                while shown is not None and number / FPS < time - 0.25 / FPS:
                    yield shown
                    number += 1
                shown = student.see(frame)
        if shown is None:
            raise EngineError("The video could not be read")
        while True:
            yield shown


class _Student:
    """Brings frames to the film's size and studies each, in order."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._graph: Graph | None = None
        self._key: object = None
        self._tracker: Tracker | None = None
        self._factor = max(-(-max(width, height) // WIDEST_PX), 1)
        self._sky: Floats | None = None
        self._horizon: float | None = None

    def see(self, frame: VideoFrame) -> Seen:
        planes = self._fitted(frame)
        grey = _little(planes[0], self._factor)
        step = 1.0 + 0j, 0j
        if self._tracker is None:
            self._tracker = Tracker(grey)
        else:
            self._tracker.see(grey)
            step = cmath.exp(self._tracker.step[0]), self._tracker.step[1] * self._factor
        maps = self._study(planes, step, cut=self._tracker.cut)
        return Seen(
            planes, maps, cmath.exp(self._tracker.grown), self._tracker.moved * self._factor, self._horizon or 0.4
        )

    def _fitted(self, frame: VideoFrame) -> Planes:
        """The middle of `frame` at the film's ratio and size, in BT.709, limited range."""
        key = (frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range)
        if self._graph is None or key != self._key:
            self._graph, self._key = _scaler(frame, self.width, self.height), key
        self._graph.vpush(frame)
        fitted = self._graph.vpull()
        assert isinstance(fitted, VideoFrame)
        parts = []
        for layer, plane in enumerate(fitted.planes):
            values = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
            less = 2 if layer else 1
            parts.append(np.ascontiguousarray(values[: self.height // less, : self.width // less]))
        return parts[0], parts[1], parts[2]

    def _study(self, planes: Planes, step: tuple[complex, complex], *, cut: bool) -> Floats:
        factor = 2 * max(round(max(self.width, self.height) / _STUDY_PX / 2), 1)
        luma, blue, red = (_little(plane, factor // less) for plane, less in zip(planes, (1, 2, 2), strict=True))
        luma, blue, red = (luma - 16) / f32(219), (blue - 128) / f32(224), (red - 128) / f32(224)
        sky = _open_sky(luma, blue, red)
        if self._sky is not None and not cut:
            before = np.empty_like(sky)
            carry(before, self._sky, step[0].real, step[0].imag, step[1].real / factor, step[1].imag / factor)
            sky = before + f32(_FRESH) * (sky - before)
        self._sky = sky
        horizon = float(np.clip(np.median(sky.sum(0)) / len(sky), 0.18, 0.62))
        # Where there is no sky to be seen, what lies in the lower half may be ground, or a room.
        outside = float(np.clip(sky.mean() / 0.06, 0.0, 1.0))
        horizon += (0.55 - horizon) * (1.0 - outside)
        self._horizon = horizon if self._horizon is None or cut else self._horizon + 0.1 * (horizon - self._horizon)
        soft = guided(sky, luma, 3, 2e-3)
        high = (np.arange(len(sky), dtype=np.float32) + 0.5)[:, None] / len(sky)
        near = np.clip((high - self._horizon) / (1.0 - self._horizon), 0.0, 1.0) ** f32(0.8)
        near *= f32(0.3 + 0.7 * outside)
        far = np.maximum(1.0 - near, soft)
        mean = box(luma, 2)
        lamp = np.clip((luma - box(luma, 6) - 0.12) * 5.0, 0.0, 1.0) * np.clip((luma - 0.55) * 6.0, 0.0, 1.0)
        lamp = (lamp * (1.0 - soft)).astype(np.float32)
        hearth = 15.0 * box(box(lamp * np.clip((red - blue) * 6.0, 0.0, 1.0).astype(np.float32), 11), 11)
        maps = np.stack([mean, soft, far, box(box(lamp, 2), 2), hearth])
        return np.ascontiguousarray(np.clip(maps, 0.0, 1.0), np.float32)


def _scaler(frame: VideoFrame, width: int, height: int) -> Graph:
    """A filter that crops `frame` to the ratio of width × height, from its middle, and scales it."""
    share = min(frame.width / width, frame.height / height)
    across, down = min(round(width * share), frame.width), min(round(height * share), frame.height)
    said = {1: "bt709", 5: "bt470", 6: "smpte170m", 7: "smpte240m", 9: "bt2020"}
    rgb = frame.format.is_rgb
    full = int(frame.color_range) == 2 or frame.format.name.startswith("yuvj") or rgb
    matrix = "auto" if rgb else said.get(int(frame.colorspace), "bt709")
    colours = f"in_color_matrix={matrix}:in_range={'pc' if full else 'tv'}"
    way = "area" if across > 1.5 * width else "bicubic"
    graph = Graph()
    graph.threads = 1
    nodes = [
        graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base),
        graph.add("crop", f"{across}:{down}"),
        graph.add("scale", f"{width}:{height}:flags={way}+accurate_rnd:{colours}:out_color_matrix=bt709:out_range=tv"),
        graph.add("format", "yuv420p"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*nodes).configure()
    return graph


def _little(plane: Bytes, factor: int) -> Floats:
    small = np.empty((max(plane.shape[0] // factor, 1), max(plane.shape[1] // factor, 1)), np.float32)
    shrink(small, plane, factor)
    return small


def _open_sky(luma: Floats, blue: Floats, red: Floats) -> Floats:
    """How likely each place is open sky: to be reached from the upper border without crossing edges, plants or what
    is dark. Clouds are passed by on their sides."""
    rows, columns = luma.shape
    down, across = np.gradient(luma)
    rough = box(np.hypot(down, across).astype(np.float32), 1)
    green = np.clip((-blue - 0.02) * 14.0, 0.0, 1.0) * np.clip((0.01 - red) * 30.0, 0.0, 1.0)
    dark = np.clip((float(np.quantile(luma[: max(rows // 6, 1)], 0.5)) * 0.5 - luma) * 8.0, 0.0, 1.0)
    # Walls in lamplight are smooth as well; a sky as warm is brighter.
    wall = np.clip((red - 0.03) * 16.0, 0.0, 1.0) * np.clip((0.70 - luma) * 5.0, 0.0, 1.0)
    high = np.linspace(0.0, 1.0, rows, dtype=np.float32)[:, None]
    cost = np.maximum(rough - 0.012, 0.0) + 0.10 * (green + dark + wall) + 0.02 * np.clip(high - 0.45, 0.0, 1.0)
    cost = (cost * (144.0 / columns) + 0.0006).astype(np.float32)
    far = np.full(luma.shape, 1e3, np.float32)
    far[0] = np.maximum(cost[0] - 0.02, 0.0) * 3.0
    spread(far, cost)
    return np.asarray(np.clip((0.34 - box(far, 1)) / 0.16, 0.0, 1.0), np.float32)


@kernel
def carry(out: Floats, before: Floats, grow: float, turn: float, right: float, down: float) -> None:
    """`before` as it has to be after the camera's step: grown by the complex number `grow` + i `turn`, then moved, in
    texels."""
    rows, columns = out.shape
    size = grow * grow + turn * turn
    for y in range(rows):
        for x in range(columns):
            zx, zy = x - 0.5 * (columns - 1) - right, y - 0.5 * (rows - 1) - down
            px = min(max((zx * grow + zy * turn) / size + 0.5 * (columns - 1), 0.0), columns - 1.001)
            py = min(max((zy * grow - zx * turn) / size + 0.5 * (rows - 1), 0.0), rows - 1.001)
            i, j = int(px), int(py)
            a, b = px - i, py - j
            top = before[j, i] + (before[j, i + 1] - before[j, i]) * a
            low = before[j + 1, i] + (before[j + 1, i + 1] - before[j + 1, i]) * a
            out[y, x] = top + (low - top) * b


def brightness(path: Path, check: Check) -> float:
    """The mean luma of a clip's first seconds, 0 … 1."""
    found: list[float] = []
    with decoded(path, roughly=True) as frames:
        for number, (_, frame) in enumerate(frames):
            check()
            if number % 12 == 0:
                found.append((float(luma_of(frame)[::4, ::4].mean()) - 16.0) / 219.0)
            if len(found) >= 7:
                break
    if not found:
        raise EngineError("The video could not be read")
    return float(np.mean(found))
