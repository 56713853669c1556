"""Frames and sound into one MP4: H.264 yuv420p tagged BT.709, AAC, the index in front.

Frames go to the encoder in order as they come; none is kept. The same frames and sound give the same bytes:
the number of encoder threads is fixed and nothing writes a date or a version.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream
from numpy.typing import NDArray

from seedbed.engines.previz.sound import RATE, Sound

Bytes = NDArray[np.uint8]

THREADS = 4
"""Encoder threads. x264 is reproducible for a given number only, so it does not follow the machine's."""
_LEAN = "no-cabac=1:b-adapt=0"
"""A quarter less of the encoder's time at the same quality, for a fifteenth more bytes."""
_PRESETS = {"mini": ("superfast", "23", _LEAN), "standard": ("superfast", "20", _LEAN), "pro": ("veryfast", "16", "")}
"""x264's preset, rate factor and more. At one factor "veryfast" keeps less of what was drawn than "superfast", so
pro's is lower by more than a tier: each tier is closer to its drawing than the one below."""
_CHUNK = 1024
"""Samples in one AAC frame."""


class Film:
    """An MP4 that is being written. A context manager: leaving it finishes the file, or drops it on an error."""

    def __init__(self, path: Path, *, width: int, height: int, fps: int, quality: str, sound: Sound | None) -> None:
        self._box = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"})
        preset, crf, more = _PRESETS[quality]
        video: VideoStream = self._box.add_stream("libx264", rate=fps)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.time_base = video.codec_context.time_base = Fraction(1, fps)
        video.options = {"preset": preset, "crf": crf, "threads": str(THREADS), "profile": "high", "flags": "+bitexact"}
        if more:
            video.options |= {"x264-params": more}
        context = video.codec_context
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        context.colorspace = Colorspace.ITU709
        context.color_range = ColorRange.MPEG
        self._video, self._fps, self._frames = video, fps, 0
        self._sound, self._played = sound, 0
        self._audio: AudioStream | None = None
        if sound is not None:
            self._audio = self._box.add_stream("aac", rate=RATE, options={"flags": "+bitexact"})
            self._audio.layout = "stereo"
            self._audio.bit_rate = 160_000

    def __enter__(self) -> Film:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()
        self._box.close()

    def add(self, luma: Bytes, blue: Bytes, red: Bytes) -> None:
        """Appends one frame: three planes, 4:2:0, limited range."""
        height, width = luma.shape
        frame = av.VideoFrame(width, height, "yuv420p")
        for plane, values in zip(frame.planes, (luma, blue, red), strict=True):
            into = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
            into[: values.shape[0], : values.shape[1]] = values
        frame.pts, frame.time_base = self._frames, Fraction(1, self._fps)
        frame.color_primaries, frame.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        frame.colorspace, frame.color_range = Colorspace.ITU709, ColorRange.MPEG
        self._box.mux(self._video.encode(frame))
        self._frames += 1
        self._play(self._frames * RATE // self._fps)

    def _play(self, until: int) -> None:
        """Encodes sound up to the sample `until`, so that both streams advance together in the file."""
        if self._audio is None or self._sound is None:
            return
        while self._played < min(until, len(self._sound)):
            chunk = self._sound[self._played : self._played + _CHUNK]
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(chunk.T), format="fltp", layout="stereo")
            frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), self._played
            self._box.mux(self._audio.encode(frame))
            self._played += len(chunk)

    def _finish(self) -> None:
        if self._sound is not None and self._audio is not None:
            self._play(len(self._sound))
            self._box.mux(self._audio.encode(None))
        self._box.mux(self._video.encode(None))
