"""Previews of an output: a thumbnail to show it by, and a sheet of its frames to look through it.

Both are decoded from the very file that is stored, in one pass. The thumbnail is the sample with the most to
see, so that a film which opens in fog or ends in black is not shown by that.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from PIL import Image

from seedbed.media.last_frame import DECODE_S_MAX, as_shown
from seedbed.media.proof import DECODER_ERRORS, opened, reject, streams_of

COLUMNS = ROWS = 4
SAMPLES = COLUMNS * ROWS
CELL_SIDE, THUMBNAIL_SIDE = 320, 640
"""Pixels of the long side of a frame in the sheet, and of the thumbnail; smaller videos keep their size."""

WEBP_QUALITY, JPEG_QUALITY = 82, 86

Pixels = NDArray[np.uint8]


def save_previews(video: Path, thumbnail: Path, sheet: Path, *, frames: int) -> None:
    """Write the previews of an output that `probe_output` has accepted and found to have `frames` pictures, as sRGB.

    The sheet is a JPEG of 16 frames, four by four, row by row, from the middle of each sixteenth of the film, without
    gaps: every frame is at most 320 pixels long, a multiple of whole pixels of the sheet. The thumbnail is a WebP of at
    most 640. Decodes the whole film: 0.5 s of processor time for 5 s of 720p. Raises TaskFailure (`output_rejected`).
    """
    with opened(video) as file:
        try:
            with av.open(file, "r", format="mp4", metadata_errors="ignore") as container:
                stream, _ = streams_of(container)
                stream.thread_type, stream.codec_context.thread_count = "AUTO", 2
                cells, best = _looked_through(_sampled(container.decode(stream), frames))
        except DECODER_ERRORS as error:
            reject("it cannot be decoded", error)
    rows = [np.concatenate(cells[at : at + COLUMNS], axis=1) for at in range(0, SAMPLES, COLUMNS)]
    Image.fromarray(np.concatenate(rows)).save(sheet, "JPEG", quality=JPEG_QUALITY, optimize=True)
    Image.fromarray(best).save(thumbnail, "WEBP", quality=WEBP_QUALITY, method=4)


def sample_frames(frames: int) -> list[int]:
    """Which pictures of a film of `frames` the sheet shows; a film of fewer than 16 shows some of them again."""
    return [(2 * number + 1) * frames // (2 * SAMPLES) for number in range(SAMPLES)]


def _sampled(decoded: Iterator[VideoFrame], frames: int) -> Iterator[VideoFrame]:
    give_up_at, wanted = time.monotonic() + DECODE_S_MAX, sample_frames(frames)
    for number, frame in enumerate(decoded):
        if time.monotonic() > give_up_at:
            reject("it takes too long to look through")
        for _ in range(wanted.count(number)):
            if frame.is_corrupt:
                reject("a picture of it is damaged")
            yield frame


def _looked_through(samples: Iterator[VideoFrame]) -> tuple[list[Pixels], Pixels]:
    """The frames of the sheet, and the one to show the film by."""
    cells: list[Pixels] = []
    best, most = None, -1.0
    for frame in samples:
        cells.append(as_shown(frame, fitted(frame, CELL_SIDE)))
        seen = _to_see(cells[-1])
        if seen > most:
            best, most = as_shown(frame, fitted(frame, THUMBNAIL_SIDE)), seen
    if best is None or len(cells) != SAMPLES:
        reject("it has fewer pictures than it says")
    return cells, best


def fitted(frame: VideoFrame, side: int) -> tuple[int, int]:
    """Width and height of `frame` with its long side at most `side`."""
    shrink = min(1.0, side / max(frame.width, frame.height))
    return max(1, round(frame.width * shrink)), max(1, round(frame.height * shrink))


def _to_see(cell: Pixels) -> float:
    """How much a frame has to show: the spread of its light, and of its colours."""
    red, green, blue = (cell[..., each].astype(np.float32) for each in range(3))
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return float(light.std() + 0.5 * ((blue - light).std() + (red - light).std()))
