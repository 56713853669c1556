"""The last frame of an output as a picture of its own: what a next shot begins with.

It is decoded from the very file that is stored, so that it is what a player shows last, grain and all.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation
from numpy.typing import NDArray
from PIL import Image

from seedbed.media.proof import DECODER_ERRORS, opened, reject, streams_of

DECODE_S_MAX = 120.0
"""For 15 s of 4k in one group of pictures, on a slow machine with other work."""

UNTAGGED = 2
HIGH_DEFINITION = 720
SHRINKING = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP
PNG_LEVEL = 2
"""Costs half of the default's time and 5 % more bytes; grain does not compress."""


def save_last_frame(video: Path, png: Path) -> None:
    """Write the last picture of an output that `probe_output` has accepted to `png`, in its own size, as sRGB.

    Decodes from the last key frame on, which may be the first: 0.3 s of processor time for 5 s of 720p,
    4 s of 4k. Keeps one picture at a time. Raises TaskFailure (`output_rejected`).
    """
    with opened(video) as file:
        try:
            with av.open(file, "r", format="mp4", metadata_errors="ignore") as container:
                stream, _ = streams_of(container)
                stream.thread_type, stream.codec_context.thread_count = "AUTO", 2
                container.seek(stream.duration or 0, stream=stream)
                last = _last(container.decode(stream))
        except DECODER_ERRORS as error:
            reject("it cannot be decoded", error)
    if last is None or last.is_corrupt:
        reject("its last picture is damaged" if last else "it has no pictures")
    Image.fromarray(as_shown(last)).save(png, "PNG", compress_level=PNG_LEVEL)


def as_shown(frame: VideoFrame, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """The frame's pixels as players show them, in sRGB; shrunk to `size` (width, height), where one is given."""
    # As players do: high definition that does not say how its colours were made is BT.709.
    untagged = int(frame.colorspace) == UNTAGGED and frame.height >= HIGH_DEFINITION
    matrix = Colorspace.ITU709 if untagged else None
    width, height = size or (frame.width, frame.height)
    if (width, height) != (frame.width, frame.height):
        frame = frame.reformat(width, height, "rgb24", src_colorspace=matrix, interpolation=SHRINKING)
    return frame.to_ndarray(format="rgb24", src_colorspace=matrix).astype(np.uint8, copy=False)


def _last(frames: Iterator[VideoFrame]) -> VideoFrame | None:
    give_up_at, last = time.monotonic() + DECODE_S_MAX, None
    for frame in frames:
        if time.monotonic() > give_up_at:
            reject("its last picture takes too long to reach")
        last = frame
    return last
