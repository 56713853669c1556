"""Proof that an output is what was asked for, before its task may succeed.

Owns what Seedbed knows of video files; no table. It promises to look only at local files with one forced
demuxer, to decode no more than a few of its pictures, to end in bounded time and memory whatever the file
holds, and to speak of it in its own words. It never dials out and never changes a file.

Outputs come from engines, so this runs in the caller's process; it blocks, so call it from a thread.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from seedbed.errors import TaskFailure

SIZE_BYTES_MAX = 4 << 30
INDEX_BYTES_MAX = 16 << 20
BOXES_MAX = 4096
SAMPLES_MAX = 2_000_000
"""Samples that one table may claim: 40 s of raw sound, hours of video."""
PACKETS_MAX = 200_000
PROBE_S_MAX = 10.0
FRAME_PIXELS_MAX = 7680 * 4320
DECODED_FRAMES_MAX = 24
DECODED_PIXELS_MAX = 24 << 20
"""The last picture is decoded where it is this near to its key frame: 24 frames, or fewer where they are
large (12 of 1080p). In longer groups the key frame stands for it."""
SOUND_TOLERANCE_S = Fraction(1, 10)
"""How far sound may end from the picture. An AAC frame is 1,024 samples, or 2,048 with band replication:
up to 43 ms of padding at its end at 48 kHz, and as much at its start where nothing says to skip it."""

VIDEO_CODECS = frozenset({"h264", "hevc", "av1", "vp9"})
AUDIO_CODECS = frozenset({"aac", "mp3", "opus"})
PIXEL_FORMATS = frozenset({"yuv420p", "yuvj420p", "yuv420p10le"})

DECODER_ERRORS = (av.FFmpegError, ArithmeticError, LookupError, MemoryError, OSError, ValueError)
_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts"})
_ENTRY_BYTES = {b"stts": 8, b"ctts": 8, b"stsc": 12, b"stco": 4, b"co64": 8, b"stss": 4, b"elst": 12}


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """The sound of a video. `duration_s` is what is heard, without the encoder's lead-in.

    `offset_s` is how much later than the picture it begins.
    """

    codec: str
    sample_rate_hz: int
    channels: int
    offset_s: Fraction
    duration_s: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """What a video file holds, counted and decoded rather than claimed.

    `fps` is exact where `steady`, else the mean. `pixel_aspect` is a pixel's width by its height.
    `fast_start`: a player can begin before it has the whole file.
    """

    width: int
    height: int
    frames: int
    fps: Fraction
    steady: bool
    duration_s: Fraction
    codec: str
    pixel_format: str
    pixel_aspect: Fraction
    rotation_deg: int
    audio: Audio | None
    fast_start: bool
    size_bytes: int


def probe_output(path: Path) -> Video:
    """What the MP4 at `path` holds. Raises TaskFailure (`output_rejected`) when it cannot be played."""
    with opened(path) as file:
        size_bytes = os.fstat(file.fileno()).st_size
        layout = _layout(file, size_bytes)
        file.seek(0)
        try:
            # A file object, not a name: what is no file cannot be opened, and a name is never a protocol.
            with av.open(file, "r", format="mp4", metadata_errors="ignore", buffer_size=1 << 18) as container:
                return _probed(container, layout, size_bytes)
        except DECODER_ERRORS as error:
            reject("it cannot be decoded", error)


def check_output(video: Video, *, width: int, height: int, frame_count: int, fps: Fraction | int, audio: bool) -> None:
    """Raises TaskFailure (`output_rejected`), naming all that differs, unless `video` is what was asked for.

    Size and frame rate must be exact and pixels square; the length may differ by one frame, that of the
    sound by SOUND_TOLERANCE_S; sound is there if and only if it was asked for; and a browser must be
    able to play it, from the first bytes on.
    """
    length_s = Fraction(frame_count) / Fraction(fps)
    faults = [
        *_picture_faults(video, width, height),
        *_time_faults(video, frame_count, Fraction(fps)),
        *_sound_faults(video, audio, length_s),
    ]
    if not video.fast_start:
        faults.append("its index comes after its pictures, so it cannot be streamed")
    if faults:
        raise TaskFailure("output_rejected", f"The engine's video was not what was asked for: {'; '.join(faults)}")


def _picture_faults(video: Video, width: int, height: int) -> Iterator[str]:
    if (video.width, video.height) != (width, height):
        yield f"{width}×{height} was asked for and {video.width}×{video.height} came"
    if video.pixel_aspect != 1:
        yield f"square pixels were asked for and {video.pixel_aspect.numerator}:{video.pixel_aspect.denominator} came"
    if video.rotation_deg:
        yield f"it is turned by {video.rotation_deg}°"
    if video.codec not in VIDEO_CODECS:
        yield f"its codec {video.codec} cannot be played everywhere"
    elif video.pixel_format not in PIXEL_FORMATS:
        yield f"its pixel format {video.pixel_format} cannot be played everywhere"


def _time_faults(video: Video, frame_count: int, fps: Fraction) -> Iterator[str]:
    if abs(video.frames - frame_count) > 1 or abs(video.duration_s - frame_count / fps) > 1 / fps:
        yield (
            f"{frame_count} frames ({_seconds(frame_count / fps)}) were asked for"
            f" and {video.frames} ({_seconds(video.duration_s)}) came"
        )
    if not video.steady:
        yield f"{_number(fps)} frames a second were asked for and an uneven rate came"
    elif video.fps != fps:
        yield f"{_number(fps)} frames a second were asked for and {_number(video.fps)} came"


def _sound_faults(video: Video, wanted: bool, length_s: Fraction) -> Iterator[str]:
    if not wanted and video.audio:
        yield "no sound was asked for and some came"
    if not wanted or not video.audio:
        if wanted:
            yield "sound was asked for and none came"
        return
    if video.audio.codec not in AUDIO_CODECS:
        yield f"its sound codec {video.audio.codec} cannot be played everywhere"
    if abs(video.audio.offset_s) > SOUND_TOLERANCE_S:
        yield f"its sound begins {_seconds(video.audio.offset_s)} after its picture"
    if abs(video.audio.duration_s - length_s) > SOUND_TOLERANCE_S:
        yield f"{_seconds(length_s)} of sound were asked for and {_seconds(video.audio.duration_s)} came"


def _seconds(duration_s: Fraction) -> str:
    return f"{float(duration_s):.4g} s"


def _number(value: Fraction) -> str:
    return f"{float(value):.6g}"


def reject(reason: str, cause: BaseException | None = None) -> NoReturn:
    raise TaskFailure("output_rejected", f"The engine's video cannot be played: {reason}") from cause


def opened(path: Path) -> BinaryIO:
    """The file at `path`; never a pipe or a device, which might never answer."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        reject("there is no file", error)
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and 0 < found.st_size <= SIZE_BYTES_MAX:
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    reject("its file is empty, too large or no file")


# The boxes of the file (ISO/IEC 14496-12), read before any decoder sees it


@dataclass(frozen=True, slots=True)
class _Layout:
    """`claimed_s` is the length that the file's header gives."""

    fast_start: bool
    claimed_s: Fraction


def _layout(file: BinaryIO, size_bytes: int) -> _Layout:
    """Where the index lies and what it claims, once all sizes and counts in it are believable."""
    places: dict[bytes, tuple[int, int]] = {}
    for kind, start, end in _boxes_of(file, size_bytes):
        if kind in (b"moof", b"cmov") or (kind == b"moov" and kind in places):
            reject("its index is in pieces")
        places.setdefault(kind, (start, end))
    if not places.keys() >= {b"ftyp", b"moov", b"mdat"}:
        reject("it is no MP4 file, or only part of one")
    start, end = places[b"moov"]
    if end - start > INDEX_BYTES_MAX:
        reject("its index is too large")
    file.seek(start)
    claimed_s = _index_claim(file.read(end - start))
    return _Layout(fast_start=start < places[b"mdat"][0], claimed_s=claimed_s)


def _boxes_of(file: BinaryIO, size_bytes: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the content of each box at the top. Rejects sizes that cannot be."""
    at = 0
    for _ in range(BOXES_MAX):
        if at == size_bytes:
            return
        file.seek(at)
        found = _box(file.read(16), size_bytes - at)
        if found is None:
            break
        kind, head_bytes, box_bytes = found
        yield kind, at + head_bytes, at + box_bytes
        at += box_bytes
    reject("it is no MP4 file, or only part of one")


def _box(head: bytes, room: int) -> tuple[bytes, int, int] | None:
    """Kind, length of the head and of the whole of a box that has `room` bytes; None where it does not fit."""
    head_bytes, box_bytes = 8, int.from_bytes(head[:4], "big")
    if box_bytes == 1:
        head_bytes, box_bytes = 16, int.from_bytes(head[8:16], "big")
    elif box_bytes == 0:
        box_bytes = room
    return (head[4:8], head_bytes, box_bytes) if head_bytes <= box_bytes <= room else None


def _index_claim(index: bytes) -> Fraction:
    """The length in seconds that the index claims; rejects it where a box or a table overruns its own."""
    claimed_s, seen, todo = None, 0, [(0, len(index))]
    while todo:
        at, end = todo.pop()
        while at < end:
            found, seen = _box(index[at : at + 16], end - at), seen + 1
            # Only the last box of a file may leave its size open, so here 0 is a lie.
            if found is None or index[at : at + 4] == bytes(4) or seen > BOXES_MAX:
                reject("its index is damaged")
            kind, head_bytes, box_bytes = found
            content = (at + head_bytes, at + box_bytes)
            if kind in _CONTAINERS:
                todo.append(content)
            elif kind == b"mvhd":
                claimed_s = _header_length(index[slice(*content)])
            elif not _table_fits(kind, index[slice(*content)]):
                reject("its index is damaged")
            at += box_bytes
    if claimed_s is None:
        reject("its index is damaged")
    return claimed_s


def _table_fits(kind: bytes, table: bytes) -> bool:
    """Whether a table holds as many entries as it says, for no more samples than can be."""
    if kind in (b"stsz", b"stz2"):
        fixed, count = _number_at(table, 4), _number_at(table, 8)
        bits = 0 if kind == b"stsz" and fixed else 32 if kind == b"stsz" else fixed & 0xFF
        return len(table) >= 12 + count * bits // 8 and count <= SAMPLES_MAX
    if kind not in _ENTRY_BYTES:
        return True
    count = _number_at(table, 4)
    if len(table) < 8 + count * _ENTRY_BYTES[kind]:
        return False
    if kind not in (b"stts", b"ctts"):
        return True
    return sum(_number_at(table, 8 + 8 * entry) for entry in range(count)) <= SAMPLES_MAX


def _header_length(header: bytes) -> Fraction:
    """The length in seconds that a movie header gives, whose version decides how wide its fields are."""
    if header[:1] == b"\1":
        timescale, length = _number_at(header, 20), int.from_bytes(header[24:32], "big")
    else:
        timescale, length = _number_at(header, 12), _number_at(header, 16)
    if not timescale:
        reject("its index is damaged")
    return Fraction(length, timescale)


def _number_at(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")


# What the demuxer and the decoder say


@dataclass(slots=True)
class _Track:
    """What one pass over a track finds. Times are in seconds, `times` in ticks of the track's time base.

    `group` is the last key frame and all that came after it, or it alone where that is over `group_max`.
    """

    group_max: int
    times: list[int] = field(default_factory=list)
    end: int = 0
    first: Packet[Any] | None = None
    group: list[Packet[Any]] = field(default_factory=list)
    group_is_whole: bool = True

    def add(self, packet: Packet[Any]) -> None:
        if packet.is_corrupt or packet.pts is None or packet.size == 0:
            reject("it is damaged or only part of a file")
        self.first = self.first or packet
        if packet.is_keyframe:
            self.group, self.group_is_whole = [packet], True
        elif self.group_is_whole and len(self.group) < self.group_max:
            self.group.append(packet)
        else:
            self.group_is_whole = False
            del self.group[1:]
        if not packet.is_discard:
            self.times.append(packet.pts)
            self.end = max(self.end, packet.pts + (packet.duration or 0))


def _probed(container: InputContainer, layout: _Layout, size_bytes: int) -> Video:
    stream, sound = streams_of(container)
    codec = stream.codec_context
    pixels = codec.width * codec.height
    if not 0 < pixels <= FRAME_PIXELS_MAX:
        reject("its pictures have no size, or are too large")
    tracks = {stream.index: _Track(max(1, min(DECODED_FRAMES_MAX, DECODED_PIXELS_MAX // pixels)))}
    if sound:
        tracks[sound.index] = _Track(1)
    _read_through(container, tracks)
    picture, tick_s = tracks[stream.index], _tick_s(stream)
    fps, steady = _rate(sorted(picture.times), tick_s)
    start_s = min(picture.times) * tick_s
    # Where the last packet does not say how long it is shown, it is as long as the others.
    end_s = max(picture.end * tick_s, max(picture.times) * tick_s + (1 / fps if steady else 0))
    frame = _decoded_ends(codec, picture)
    audio = _audio(sound, tracks[sound.index], start_s) if sound else None
    length_s = max(end_s - start_s, audio.offset_s + audio.duration_s if audio else Fraction(0))
    if abs(layout.claimed_s - length_s) > SOUND_TOLERANCE_S + 1 / fps:
        reject(f"its header claims {_seconds(layout.claimed_s)} and {_seconds(length_s)} are there")
    return Video(
        width=frame.width,
        height=frame.height,
        frames=len(picture.times),
        fps=fps,
        steady=steady,
        duration_s=end_s - start_s,
        codec=codec.codec.canonical_name,
        pixel_format=frame.format.name,
        pixel_aspect=stream.sample_aspect_ratio or Fraction(1),
        rotation_deg=frame.rotation,
        audio=audio,
        fast_start=layout.fast_start,
        size_bytes=size_bytes,
    )


def streams_of(container: InputContainer) -> tuple[VideoStream, AudioStream | None]:
    """The one picture track, and the first of sound where there is one."""
    pictures = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    sounds = container.streams.audio[:1]
    if len(pictures) != 1:
        reject("it must have exactly one picture track")
    # A track in a codec that this build does not know has no context at all.
    if any(found.codec_context is None for found in (*pictures, *sounds)):
        reject("its codec is not known")
    return pictures[0], sounds[0] if sounds else None


def _read_through(container: InputContainer, tracks: dict[int, _Track]) -> None:
    """Reads every packet of the tracks once."""
    give_up_at = time.monotonic() + PROBE_S_MAX
    for count, packet in enumerate(container.demux(*(container.streams[index] for index in tracks))):
        if count > PACKETS_MAX or time.monotonic() > give_up_at:
            reject("it has too many pictures")
        if packet.pts is None and packet.size == 0:  # the demuxer's way to say that a track is over
            continue
        tracks[packet.stream_index].add(packet)
    if not all(track.times for track in tracks.values()):
        reject("a track of it is empty")


def _tick_s(stream: VideoStream | AudioStream) -> Fraction:
    if not stream.time_base:
        reject("its index is damaged")
    return stream.time_base


def _rate(times: list[int], tick_s: Fraction) -> tuple[Fraction, bool]:
    """Frames a second, and whether every picture comes when it should, but for less than one tick.

    A whole rate, or one of television's (n × 1000/1001), where the times agree with it; else the mean.
    """
    shown_s = (times[-1] - times[0]) * tick_s
    if not shown_s:
        return Fraction(1), False
    mean = (len(times) - 1) / shown_s
    for fps in (Fraction(round(mean)), Fraction(round(mean) * 1000, 1001), mean):
        if fps and _even(times, 1 / (fps * tick_s)):
            return fps, True
    return mean, False


def _even(times: list[int], step: Fraction) -> bool:
    """Whether the ticks are multiples of `step`, rounded. In whole numbers, as fractions take ten times longer."""
    up, down = step.numerator, step.denominator
    return all(abs((at - times[0]) * down - count * up) < down for count, at in enumerate(times))


def _decoded_ends(codec: VideoCodecContext, picture: _Track) -> VideoFrame:
    """The first picture, once it and the last are proven to be pictures of one size."""
    codec.thread_type = "SLICE"  # threads by frame keep pictures back, and cost more than they give here
    first, last = _decoded(codec, picture.group)
    if picture.first is not picture.group[0]:
        codec.flush_buffers()
        first, _ = _decoded(codec, [picture.first])
    if (last.width, last.height) != (first.width, first.height):
        reject("its pictures have several sizes")
    return first


def _decoded(codec: VideoCodecContext, packets: Iterable[Packet[Any] | None]) -> tuple[VideoFrame, VideoFrame]:
    """The first and the last picture that the packets give."""
    frames = [frame for packet in (*packets, None) for frame in codec.decode(packet)]
    if not frames or any(frame.is_corrupt for frame in frames):
        reject("its pictures are damaged")
    return frames[0], frames[-1]


def _audio(stream: AudioStream, track: _Track, pictures_start_s: Fraction) -> Audio:
    codec, tick_s = stream.codec_context, _tick_s(stream)
    if not any(codec.decode(packet) for packet in (track.first, *track.group, None)):
        reject("its sound cannot be decoded")
    start_s = max(Fraction(0), min(track.times) * tick_s)
    return Audio(
        codec=codec.codec.canonical_name,
        sample_rate_hz=codec.sample_rate,
        channels=codec.layout.nb_channels,
        offset_s=start_s - pictures_start_s,
        duration_s=track.end * tick_s - start_s,
    )
