"""Reads reference clips: small grey frames for those who study motion, single frames at full size.

Clips come from the worker as H.264 in BT.709, but nothing here relies on it. A clip is decoded in order and never
held: memory is a few frames, whatever its length.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from PIL import Image

from seedbed.engines import FPS, EngineError
from seedbed.engines.previz.jit import kernel

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Check = Callable[[], None]

_ROUGHLY = {"skip_loop_filter": "all"}
"""Half of the decoder's work is to smooth block edges, which nobody sees in a copy of a tenth the size."""
_PLANAR = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuv444p", "gray", "yuvj422p", "yuvj444p"})


@contextlib.contextmanager
def decoded(path: Path, *, roughly: bool = False) -> Iterator[Iterator[tuple[float, VideoFrame]]]:
    """The frames of a clip in order, each with its time in seconds from the first one's. Raises EngineError when
    there are none or they cannot be read."""
    try:
        with av.open(str(path)) as box:
            if not box.streams.video:
                raise EngineError("The video could not be read")
            stream = box.streams.video[0]
            stream.thread_type = "SLICE"
            if roughly:
                stream.codec_context.options = dict(_ROUGHLY)
            yield _timed(box.decode(stream))
    except (FFmpegError, OSError) as error:
        raise EngineError("The video could not be read") from error


def _timed(frames: Iterator[VideoFrame]) -> Iterator[tuple[float, VideoFrame]]:
    start, last = None, -1.0 / FPS
    for frame in frames:
        time = frame.time if frame.time is not None else last + 1.0 / FPS
        start = time if start is None else start
        last = max(time - start, last)
        yield last, frame


def luma_of(frame: VideoFrame) -> Bytes:
    """The luma of `frame`, (rows, columns)."""
    if frame.format.name not in _PLANAR:
        frame = frame.reformat(format="gray")
    plane = frame.planes[0]
    values = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return np.ascontiguousarray(values[: frame.height, : frame.width])


def small_frames(path: Path, longer_px: int, check: Check) -> Iterator[tuple[float, Floats]]:
    """Each frame's time in seconds and its luma, 0 … 255, shrunk by a whole factor to at most `longer_px`."""
    with decoded(path, roughly=True) as frames:
        for time, frame in frames:
            check()
            luma = luma_of(frame)
            factor = max(-(-max(luma.shape) // longer_px), 1)
            small = np.empty((max(luma.shape[0] // factor, 1), max(luma.shape[1] // factor, 1)), np.float32)
            shrink(small, luma, factor)
            yield time, small


@kernel
def shrink(out: Floats, luma: Bytes, factor: int) -> None:
    """Means of factor × factor pixels."""
    share = np.float32(1.0 / (factor * factor))
    sums = np.empty(out.shape[1] * factor, np.uint16)
    for y in range(out.shape[0]):
        sums[:] = 0
        # Rows are summed first: that goes over many pixels at once. 257 rows of bytes fit into 16 bits.
        for row in range(y * factor, (y + 1) * factor):
            for x in range(sums.shape[0]):
                sums[x] += luma[row, x]
        for x in range(out.shape[1]):
            total = np.uint32(0)
            for k in range(x * factor, (x + 1) * factor):
                total += sums[k]
            out[y, x] = np.float32(total) * share


def last_picture(path: Path, check: Check) -> Image.Image:
    """The last frame of a clip in RGB, at its own size. Raises EngineError when there is none."""
    last: Any = None
    with decoded(path) as frames:
        for _, frame in frames:
            check()
            last = frame
    if last is None:
        raise EngineError("The video could not be read")
    return picture_of(last)


def picture_of(frame: VideoFrame) -> Image.Image:
    """`frame` in RGB: BT.709 unless it says otherwise."""
    said = int(frame.colorspace)
    full = int(frame.color_range) == 2 or frame.format.name.startswith("yuvj")
    rgb = frame.reformat(
        format="rgb24", src_colorspace=said if said in (1, 5, 6) else 1, dst_colorspace=1,
        src_color_range=2 if full else 1, dst_color_range=2,
    )  # fmt: skip
    return Image.fromarray(rgb.to_ndarray())
