"""Videos of strangers become plain ones: 24 frames a second, upright, SDR, in H.264, with their sound.

Runs in the sandbox alone, with the one demuxer that the caller names. A clip is read through once before
anything is made of it: its length and pictures are counted, never believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any, BinaryIO

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.filter import Graph
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from seedbed.media import sounds, tones
from seedbed.media.containers import (
    PACKETS_MAX,
    RATE_HZ,
    SECONDS_MAX,
    SOUND_CODECS,
    VIDEO_CODECS,
    Beat,
    known,
    open_media,
)
from seedbed.media.refusals import Refused

FPS = 24
SECONDS_SLACK = Fraction(1, 2)
"""What a clip of 60 s may be over it: containers round, and sound ends a little after the picture."""
FRAME_SIDE_MAX, FRAME_PIXELS_MAX = 8192, 7680 * 4320
SIDE_MAX = 1920
INDEX_BYTES_MAX = 16 << 20
SAMPLE_AT = Fraction(1, 4 * FPS)
"""Each frame shows what is on a quarter of a frame later: times are rounded to ticks, some up and some down."""


@dataclass(frozen=True, slots=True)
class Clip:
    """What a read-through found. Sizes are those of the coded picture; times are in seconds."""

    width: int
    height: int
    frames: int
    start_s: Fraction
    duration_s: Fraction
    has_sound: bool

    @property
    def ticks(self) -> int:
        """Frames of the plain clip."""
        return max(1, round(min(self.duration_s, Fraction(SECONDS_MAX)) * FPS))


# Videos ------------------------------------------------------------------------------------------------------


def probe(form: str, file: BinaryIO) -> Clip:
    """Read a video through and decode its first picture. Raises Refused."""
    _check_boxes(file)
    with open_media(form, file) as container:
        stream, sound = _streams(container)
        _check_frame(stream.codec_context.width, stream.codec_context.height)
        start, end, count = _extent(container, stream)
        tick_s = stream.time_base or Fraction(1, 1000)
        if (end - start) * tick_s > SECONDS_MAX + SECONDS_SLACK:
            raise Refused("long")
        has_sound = sound is not None
    with open_media(form, file) as container:
        stream, _ = _streams(container)
        first = next(_pictures(container, stream), None)
        if first is None:
            raise Refused("empty")
    return Clip(first.width, first.height, count, start * tick_s, (end - start) * tick_s, has_sound)


def normalise(form: str, file: BinaryIO, clip: Clip, path: Path, threads: int, beat: Beat) -> tuple[int, int]:
    """Write the plain clip; gives its width and height. Raises Refused."""
    with open_media(form, file) as container, _film(path) as film:
        stream, _ = _streams(container)
        frames = _timed(_pictures(container, stream), clip, stream.time_base or Fraction(1, 1000))
        size = write_frames(film, frames, clip.ticks, _aspect(stream), path.parent, threads, beat, sound=clip.has_sound)
        if clip.has_sound:
            with open_media(form, file) as again:
                _, sound = _streams(again)
                assert sound is not None
                _add_sound(film, again, sound, clip, beat)
    return size


def _film(path: Path) -> OutputContainer:
    return av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})


def _check_boxes(file: BinaryIO) -> None:
    """Every box at the top must end inside the file, and an index be among them: else a part is missing."""
    file.seek(0, 2)
    size, at, kinds = file.tell(), 0, dict[bytes, tuple[int, int]]()
    for _ in range(PACKETS_MAX):
        if at >= size:
            break
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:
            length = size - at
        if len(head) < 8 or length < 8 or at + length > size:
            # Some cameras leave zeros or a few bytes behind the last box.
            if kinds.keys() >= {b"moov", b"mdat"} and not any(head):
                break
            raise Refused("damaged")
        kinds[head[4:8]] = at, length
        at += length
    if not kinds.keys() >= {b"moov", b"mdat"}:
        raise Refused("damaged")
    at, length = kinds[b"moov"]
    if length > INDEX_BYTES_MAX:
        raise Refused("costly")
    file.seek(at)
    _check_times(file.read(length))


def _check_times(index: bytes) -> None:
    """No picture may last for a negative time: the demuxer would quietly make something up instead."""
    todo = [(0, len(index))]
    while todo:
        at, end = todo.pop()
        while at + 8 <= end:
            length, kind = int.from_bytes(index[at : at + 4], "big"), index[at + 4 : at + 8]
            if length == 0:  # QuickTime ends some lists so
                break
            if length < 8 or at + length > end:
                raise Refused("damaged")
            if kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
                todo.append((at + 8, at + length))
            elif kind == b"stts":
                count = int.from_bytes(index[at + 12 : at + 16], "big")
                if 16 + 8 * count > length or any(high & 0x80 for high in index[at + 20 : at + 16 + 8 * count : 8]):
                    raise Refused("damaged")
            at += length


def _streams(container: InputContainer) -> tuple[VideoStream, AudioStream | None]:
    """The picture track, and the first of sound that can be decoded."""
    pictures = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not pictures:
        raise Refused("empty")
    if not known(pictures[0], VIDEO_CODECS):
        raise Refused("codec")
    return pictures[0], next((s for s in container.streams.audio if known(s, SOUND_CODECS)), None)


def _check_frame(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise Refused("empty")
    if max(width, height) > FRAME_SIDE_MAX or width * height > FRAME_PIXELS_MAX:
        raise Refused("dimensions")


def _extent(container: InputContainer, stream: VideoStream) -> tuple[int, int, int]:
    """First and last tick of the pictures, and how many there are."""
    start, end, count = None, 0, 0
    for packet in container.demux(stream):
        if packet.size == 0 and packet.dts is None:
            continue
        count += 1
        if count > PACKETS_MAX:
            raise Refused("rate")
        if packet.is_corrupt:
            raise Refused("damaged")
        at = packet.pts if packet.pts is not None else packet.dts
        if at is not None and not packet.is_discard:
            start = at if start is None else min(start, at)
            end = max(end, at + max(1, packet.duration or 0))
    if start is None:
        raise Refused("damaged" if stream.frames else "empty")
    return start, end, count


def _pictures(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    # By slices: each further thread by frame would hold a whole picture, and 8K ones are 50 MB.
    stream.thread_type = "SLICE"
    for frame in container.decode(stream):
        if frame.is_corrupt:
            raise Refused("damaged")
        _check_frame(frame.width, frame.height)
        yield frame


def _timed(frames: Iterator[VideoFrame], clip: Clip, tick_s: Fraction) -> Iterator[tuple[Fraction, VideoFrame]]:
    """Each picture with its time from the clip's start; one without a time comes right after the last."""
    last_s = Fraction(-1, FPS)
    for frame in frames:
        at_s = last_s + Fraction(1, FPS) if frame.pts is None else frame.pts * tick_s - clip.start_s
        last_s = max(last_s, at_s)
        yield last_s, frame


def _aspect(stream: VideoStream) -> Fraction:
    """A pixel's width by its height, where it is believable."""
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return aspect if Fraction(1, 4) <= aspect <= 4 else Fraction(1)


def write_frames(
    film: OutputContainer,
    frames: Iterable[tuple[Fraction, VideoFrame]],
    ticks: int,
    aspect: Fraction,
    folder: Path,
    threads: int,
    beat: Beat,
    *,
    sound: bool = False,
) -> tuple[int, int]:
    """Encode `ticks` frames, each the picture that is on at its time; gives the size. Raises Refused."""
    out: Any = None
    easel = _Easel(aspect, folder, threads)
    done, held = 0, None
    for at_s, frame in frames:
        if out is None:
            out = _encoder(film, easel.size_of(frame), threads, sound=sound)
        upto = min(ticks, ceil((at_s - SAMPLE_AT) * FPS))
        done = _repeat(film, out, held, done, upto, beat)
        if done >= ticks:
            break
        held = easel.plain(frame)
    if out is None or held is None:
        raise Refused("empty")
    _repeat(film, out, held, done, ticks, beat)
    film.mux(out.encode(None))
    return out.width, out.height


def _encoder(film: OutputContainer, size: tuple[int, int], threads: int, *, sound: bool) -> VideoStream:
    options = {"preset": "veryfast", "crf": "15", "bf": "0", "g": "24", "threads": str(threads)}
    out: VideoStream = film.add_stream("libx264", rate=FPS, options=options)
    out.width, out.height, out.pix_fmt = *size, "yuv420p"
    out.codec_context.time_base = Fraction(1, FPS)
    out.codec_context.colorspace = out.codec_context.color_primaries = out.codec_context.color_trc = 1
    out.codec_context.color_range = 1
    if sound:  # all tracks must be there before the first packet is written
        film.add_stream("aac", rate=RATE_HZ, layout="stereo", options={"b": "192k"})
    return out


def _repeat(film: OutputContainer, out: Any, held: VideoFrame | None, done: int, upto: int, beat: Beat) -> int:
    """Show `held` until the frame `upto`; before the first picture there is nothing to show."""
    if held is None:
        return done
    for number in range(done, upto):
        held.pts, held.time_base = number, Fraction(1, FPS)
        film.mux(out.encode(held))
        beat()
    return max(done, upto)


class _Easel:
    """Turns pictures of any size, shape, turn, range and light into upright ones of one size, in BT.709."""

    def __init__(self, aspect: Fraction, folder: Path, threads: int) -> None:
        self._aspect, self._folder, self._threads = aspect, folder, threads
        self._size: tuple[int, int] | None = None
        self._key: object = None
        self._graph: Graph | None = None

    def size_of(self, frame: VideoFrame) -> tuple[int, int]:
        """The plain size: square pixels, upright, even, SIDE_MAX at most; that of the first picture for all."""
        if self._size is None:
            width, height = frame.width * max(Fraction(1), self._aspect), frame.height / min(Fraction(1), self._aspect)
            if _quarter(frame) % 2:
                width, height = height, width
            scale = min(Fraction(1), SIDE_MAX / max(width, height))
            self._size = max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2))
        return self._size

    def plain(self, frame: VideoFrame) -> VideoFrame:
        key = (
            frame.width,
            frame.height,
            frame.format.name,
            frame.colorspace,
            frame.color_range,
            frame.color_trc,
            frame.rotation,
        )
        if key != self._key:
            self._graph, self._key = self._built(frame), key
        assert self._graph is not None
        self._graph.vpush(frame)
        return self._graph.vpull()

    def _built(self, frame: VideoFrame) -> Graph:
        width, height = self.size_of(frame)
        quarter = _quarter(frame)
        if quarter % 2:
            width, height = height, width
        graph = Graph()
        graph.threads = self._threads
        nodes = [
            graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 90000))
        ]
        coded = f"in_color_matrix={_matrix(frame)}:in_range={_range(frame)}"
        if light := tones.light_of(int(frame.color_trc)):
            table = tones.write(light, self._folder)
            nodes.append(graph.add("scale", f"{width}:{height}:flags=bicubic:{coded}:out_range=pc"))
            nodes.append(graph.add("format", "gbrp10le"))
            nodes.append(graph.add("lut3d", f"file={table}:interp=tetrahedral"))
            nodes.append(graph.add("scale", "out_color_matrix=bt709:out_range=tv"))
        else:
            target = "out_color_matrix=bt709:out_range=tv"
            nodes.append(graph.add("scale", f"{width}:{height}:flags=bicubic:{coded}:{target}"))
        nodes.append(graph.add("format", "yuv420p"))
        nodes.extend(graph.add(name, args) for name, args in _TURNS[quarter])
        nodes.append(graph.add("buffersink"))
        graph.link_nodes(*nodes).configure()
        return graph


_TURNS: dict[int, tuple[tuple[str, str | None], ...]] = {
    0: (),
    1: (("transpose", "cclock"),),
    2: (("hflip", None), ("vflip", None)),
    3: (("transpose", "clock"),),
}


def _quarter(frame: VideoFrame) -> int:
    """Quarter turns to the left that bring the picture upright."""
    return round(frame.rotation / 90) % 4


def _matrix(frame: VideoFrame) -> str:
    """How its luma and chroma were made; by custom BT.709 for high definition where it does not say."""
    if frame.format.is_rgb:
        return "auto"
    named = {1: "bt709", 4: "fcc", 5: "bt470", 6: "smpte170m", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}
    return named.get(int(frame.colorspace), "bt709" if frame.height >= 720 else "smpte170m")


def _range(frame: VideoFrame) -> str:
    full = int(frame.color_range) == 2 or frame.format.name.startswith("yuvj") or frame.format.is_rgb
    return "pc" if full else "tv"


# Its sound ----------------------------------------------------------------------------------------------------


def _add_sound(film: OutputContainer, container: InputContainer, stream: AudioStream, clip: Clip, beat: Beat) -> None:
    """The clip's sound beside its picture: silence where it begins later or ends earlier, cut where it goes on."""
    out = film.streams.audio[0]
    samples, written = clip.ticks * RATE_HZ // FPS, 0
    shifted = _shifted(sounds.heard(container, stream), clip.start_s)
    for frame in sounds.stereo(shifted, "fltp", samples, whole=True):
        frame.pts, frame.time_base = written, Fraction(1, RATE_HZ)
        written += frame.samples
        film.mux(out.encode(frame))
        beat()
    film.mux(out.encode(None))


def _shifted(frames: Iterable[AudioFrame], start_s: Fraction) -> Iterator[AudioFrame]:
    for frame in frames:
        if frame.pts is not None and frame.time_base:
            frame.pts -= round(start_s / frame.time_base)
        yield frame
