"""Sounds of strangers become plain ones: 48 kHz, two channels, no longer than any video.

Runs in the sandbox alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.filter import Graph

from seedbed.media.containers import PACKETS_MAX, RATE_HZ, SECONDS_MAX, SOUND_CODECS, Beat, known, open_media
from seedbed.media.refusals import Refused


def probe(form: str, file: BinaryIO) -> Fraction:
    """Read a sound through and decode its beginning; gives its length in seconds. Raises Refused."""
    if form == "wav":
        _check_wave(file)
    with open_media(form, file) as container:
        stream = _sound(container)
        ticks = 0
        for count, packet in enumerate(container.demux(stream)):
            if count > 50 * PACKETS_MAX:
                raise Refused("costly")
            ticks += packet.duration or 0
        length_s = ticks * (stream.time_base or Fraction(1, RATE_HZ))
    with open_media(form, file) as container:
        if next(heard(container, _sound(container)), None) is None:
            raise Refused("empty")
    return length_s


def normalise(form: str, file: BinaryIO, path: Path, beat: Beat) -> Fraction:
    """Write the first SECONDS_MAX seconds as 16-bit stereo WAV at 48 kHz; gives their length. Raises Refused."""
    written = 0
    with open_media(form, file) as container, av.open(str(path), "w", format="wav") as wave:
        out = wave.add_stream("pcm_s16le", rate=RATE_HZ, layout="stereo")
        for frame in stereo(heard(container, _sound(container)), "s16", SECONDS_MAX * RATE_HZ):
            frame.pts, frame.time_base = written, Fraction(1, RATE_HZ)
            written += frame.samples
            wave.mux(out.encode(frame))
            beat()
        wave.mux(out.encode(None))
    if not written:
        raise Refused("empty")
    return Fraction(written, RATE_HZ)


def _sound(container: InputContainer) -> AudioStream:
    if not container.streams.audio:
        raise Refused("empty")
    if not known(container.streams.audio[0], SOUND_CODECS):
        raise Refused("codec")
    return container.streams.audio[0]


def _check_wave(file: BinaryIO) -> None:
    """The chunks of a WAV must be as long as they say, and its format be believable."""
    file.seek(0, 2)
    size, at, seen = file.tell(), 12, set()
    while at + 8 <= size and b"data" not in seen:
        file.seek(at)
        head = file.read(8)
        length = int.from_bytes(head[4:], "little")
        if at + 8 + length > size:
            raise Refused("damaged")
        if head[:4] == b"fmt ":
            form = file.read(16)
            channels, rate = int.from_bytes(form[2:4], "little"), int.from_bytes(form[4:8], "little")
            if not 1 <= channels <= 16 or not 4_000 <= rate <= 384_000:
                raise Refused("damaged")
        seen.add(head[:4])
        at += 8 + length + length % 2
    if not seen >= {b"fmt ", b"data"}:
        raise Refused("damaged")


def heard(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """The decoded sound. A few frames may be bad, as at the cut ends of streams; more is damage."""
    good = bad = 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            bad += 1
            if bad > 8 + good // 50:
                raise Refused("damaged") from None
            continue
        good += 1
        for frame in frames:
            if not 4_000 <= frame.sample_rate <= 384_000 or frame.layout.nb_channels > 16:
                raise Refused("damaged")
            yield frame


def stereo(
    frames: Iterable[AudioFrame], sample_format: str, samples: int, *, whole: bool = False
) -> Iterator[AudioFrame]:
    """Two channels at 48 kHz, `samples` at most. `whole`: exactly so many, by the frames' own times.

    One channel sounds from both sides as loud as it was; more than two are mixed down.
    """
    graph: Graph | None = None
    key = None
    for frame in frames:
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if graph is None:
            graph, key = _desk(frame, sample_format, samples, whole=whole), shape
        elif shape != key:
            raise Refused("damaged")  # a sound does not change its nature half-way
        try:
            graph.push(frame)
        except av.EOFError:  # there is enough
            break
        yield from _pulled(graph)
    if graph is not None:
        with contextlib.suppress(av.EOFError):
            graph.push(None)
        yield from _pulled(graph)


def _desk(frame: AudioFrame, sample_format: str, samples: int, *, whole: bool) -> Graph:
    graph = Graph()
    nodes = [
        graph.add_abuffer(
            sample_rate=frame.sample_rate,
            format=frame.format.name,
            layout=frame.layout.name,
            time_base=frame.time_base or Fraction(1, frame.sample_rate),
        )
    ]
    if frame.layout.nb_channels == 1:
        nodes.append(graph.add("pan", "stereo|c0=c0|c1=c0"))
    nodes.append(graph.add("aresample", f"{RATE_HZ}" + (":async=1:first_pts=0" if whole else "")))
    nodes.append(graph.add("aformat", f"sample_fmts={sample_format}:sample_rates={RATE_HZ}:channel_layouts=stereo"))
    if whole:
        nodes.append(graph.add("apad", f"whole_len={samples}"))
    nodes.append(graph.add("atrim", f"end_sample={samples}"))
    nodes.append(graph.add("asetnsamples", "n=1024:p=0"))
    nodes.append(graph.add("abuffersink"))
    graph.link_nodes(*nodes).configure()
    return graph


def _pulled(graph: Graph) -> Iterator[AudioFrame]:
    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        assert isinstance(frame, AudioFrame)
        yield frame
