"""What clips and sounds have in common: one demuxer for each form, and the codecs that are taken.

Runs in the sandbox alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

RATE_HZ = 48_000
SECONDS_MAX = 60
PACKETS_MAX = 60_000

DEMUXERS = {"mp4": "mov", "mov": "mov", "mp3": "mp3", "wav": "wav"}
VIDEO_CODECS = frozenset(
    {"h264", "hevc", "av1", "vp9", "vp8", "mpeg4", "h263", "mjpeg", "prores", "dnxhd", "mpeg2video"}
)
SOUND_CODECS = frozenset(
    {"aac", "mp3", "mp2", "alac", "opus", "ac3", "eac3", "flac", "adpcm_ms", "adpcm_ima_wav", "adpcm_ima_qt"}
    | {"pcm_u8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le"}
    | {"pcm_f32be", "pcm_f64le", "pcm_alaw", "pcm_mulaw"}
)
_MOV_OPTIONS = {"max_streams": "32", "enable_drefs": "0", "use_absolute_path": "0"}

Beat = Callable[[], None]
"""Called as the work goes on."""


def open_media(form: str, file: BinaryIO) -> InputContainer:
    """The container, by its one demuxer. The bytes alone are given, so that nothing else can be opened."""
    file.seek(0)
    options = _MOV_OPTIONS if DEMUXERS[form] == "mov" else {}
    return av.open(file, "r", format=DEMUXERS[form], metadata_errors="ignore", options=options)


def known(stream: VideoStream | AudioStream, codecs: frozenset[str]) -> bool:
    """Whether the stream is in one of the codecs; one that this build does not know has no context at all."""
    return stream.codec_context is not None and stream.codec_context.codec.canonical_name in codecs
