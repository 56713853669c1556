"""FFmpeg's own filters for pictures, through PyAV's build of it: what the embedded engine is held against.

Both write with our encoder settings, so that the difference is how frames are made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import av.filter
import numpy as np
from PIL import Image

from seedbed.engines import FPS, RenderRequest
from seedbed.engines.previz.film import Film
from seedbed.engines.previz.grade import Planes


def has(name: str) -> bool:
    """Whether this build of FFmpeg has the filter `name`."""
    return name in av.filter.filters_available


def zoompan(request: RenderRequest, picture: Path, out: Path) -> None:
    """From a picture to a video, by a slow zoom into its middle."""
    count, size = request.frame_count, f"{request.width}x{request.height}"
    ask = f"z='1+0.2*on/{count}':x='iw/2-iw/zoom/2':y='ih/2-ih/zoom/2':d={count}:s={size}:fps={FPS}"
    image = _fitted(request, picture)
    _write(request, _filtered([(0, image)], "zoompan", ask), out)


def minterpolate(request: RenderRequest, first: Path, last: Path, out: Path) -> None:
    """From one picture to another, by its motion-compensated interpolation. It looks at two frames on either side,
    so each picture is shown twice, one frame apart; and it is told not to take the change for a cut."""
    a, b = _fitted(request, first), _fitted(request, last)
    count = request.frame_count
    shown = [(0, a), (1, a), (count, b), (count + 1, b)]
    _write(request, _filtered(shown, "minterpolate", f"fps={FPS}:mi_mode=mci:scd=none"), out)


def _fitted(request: RenderRequest, picture: Path) -> Image.Image:
    return Image.open(picture).convert("RGB").resize((request.width, request.height), Image.Resampling.LANCZOS)


def _filtered(shown: Sequence[tuple[int, Image.Image]], name: str, ask: str) -> Iterator[av.VideoFrame]:
    """The frames that the filter `name` makes of pictures, each at the time of a frame's number."""
    width, height = shown[0][1].size
    graph = av.filter.Graph()
    kind = av.VideoFormat("yuv420p", width, height)
    source = graph.add_buffer(width=width, height=height, format=kind, time_base=Fraction(1, FPS))
    graph.link_nodes(source, graph.add(name, ask), graph.add("buffersink")).configure()
    for number, image in shown:
        rgb = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
        frame = rgb.reformat(format="yuv420p", dst_colorspace=1, dst_color_range=1)
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        graph.vpush(frame)
        yield from _ready(graph)
    graph.vpush(None)
    yield from _ready(graph)


def _ready(graph: av.filter.Graph) -> Iterator[av.VideoFrame]:
    while True:
        try:
            yield graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return


def _write(request: RenderRequest, frames: Iterator[av.VideoFrame], out: Path) -> None:
    size = {"width": request.width, "height": request.height}
    made = 0
    with Film(out, **size, fps=FPS, quality=request.quality, sound=None) as film:
        for frame in frames:
            if made < request.frame_count:
                film.add(*_planes(frame))
            made += 1
    if made < request.frame_count:
        raise RuntimeError(f"{made} frames where {request.frame_count} were wanted")


def _planes(frame: av.VideoFrame) -> Planes:
    parts = [
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        for plane in frame.planes
    ]
    return parts[0], parts[1], parts[2]
