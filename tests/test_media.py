"""Media: an output is proven by what is in the file, whatever the file says of itself."""

from __future__ import annotations

import asyncio
import io
import os
import random
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from seedbed import media
from seedbed.errors import TaskFailure
from seedbed.media import Audio, Video

WIDTH, HEIGHT, FPS, FRAMES = 96, 64, 24, 48
RATE_HZ = 48_000


def make(
    path: Path,
    *,
    width: int = WIDTH,
    height: int = HEIGHT,
    fps: Fraction | int = FPS,
    frames: int = FRAMES,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    sound: str | None = "aac",
    sound_s: float | None = None,
    sound_from_s: float = 0,
    movflags: str = "+faststart",
    gap_at: int | None = None,
    tracks: int = 1,
    prepare: Callable[[Any], None] = lambda stream: None,
) -> Path:
    """A moving picture and a tone, in a real file. Picture n has the grey level 5 × n, modulo 250."""
    with av.open(str(path), "w", format="mp4", options={"movflags": movflags} if movflags else {}) as box:
        pictures = [box.add_stream(codec, rate=fps, options=options or {}) for _ in range(tracks)]
        for stream in pictures:
            stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
            prepare(stream)
        tone: Any = box.add_stream(sound, rate=RATE_HZ) if sound else None
        if tone is not None:
            tone.layout = "stereo"
        for stream in pictures:
            for number in range(frames):
                grey = np.full((height, width, 3), number * 5 % 250, np.uint8)
                frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
                late = gap_at is not None and number >= gap_at
                frame.pts, frame.time_base = number + late, 1 / Fraction(fps)
                box.mux(stream.encode(frame))
            box.mux(stream.encode(None))
        if tone is not None:
            _play(box, tone, float(frames / Fraction(fps)) if sound_s is None else sound_s, sound_from_s)
    return path


def _play(box: Any, tone: Any, length_s: float, from_s: float) -> None:
    heard = (np.sin(np.arange(int(length_s * RATE_HZ)) / 20) * 8000).astype(np.int16)
    for at in range(0, len(heard), 1024):
        piece = heard[at : at + 1024].repeat(2).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), format="s16", layout="stereo")
        frame.sample_rate, frame.pts = RATE_HZ, at + int(from_s * RATE_HZ)
        frame.time_base = Fraction(1, RATE_HZ)
        box.mux(tone.encode(frame))
    box.mux(tone.encode(None))


def check(path: Path, *, audio: bool = True, **asked: Any) -> None:
    wanted = {"width": WIDTH, "height": HEIGHT, "frame_count": FRAMES, "fps": FPS, "audio": audio} | asked
    media.check_output(media.probe_output(path), **wanted)


def refusal(path: Path, **asked: Any) -> str:
    """Why the file is not what was asked for."""
    with pytest.raises(TaskFailure) as caught:
        check(path, **asked)
    assert caught.value.code == "output_rejected"
    return caught.value.message


CANNOT = "The engine's video cannot be played: "
DIFFERS = "The engine's video was not what was asked for: "


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("media") / "good.mp4")


@pytest.fixture(scope="module")
def slow_start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("media") / "slow-start.mp4", movflags="")


# What is right


def test_what_a_good_file_holds(good: Path) -> None:
    video = media.probe_output(good)
    assert video == Video(
        width=96,
        height=64,
        frames=48,
        fps=Fraction(24),
        steady=True,
        duration_s=Fraction(2),
        codec="h264",
        pixel_format="yuv420p",
        pixel_aspect=Fraction(1),
        rotation_deg=0,
        audio=Audio(
            codec="aac", sample_rate_hz=48_000, channels=2, offset_s=Fraction(0), duration_s=video.audio.duration_s
        )
        if video.audio
        else None,
        fast_start=True,
        size_bytes=good.stat().st_size,
    )
    assert video.audio is not None
    assert abs(video.audio.duration_s - 2) <= Fraction(2048, RATE_HZ)
    check(good)


@pytest.mark.parametrize(
    "options",
    [
        {"g": "1"},
        {"g": "12"},
        {"g": "12", "bf": "3"},
        {"g": "250", "bf": "0"},
        {"g": "250", "bf": "4", "b-pyramid": "normal"},
        {"g": "24", "flags": "-cgop"},
        {"preset": "placebo", "crf": "40"},
    ],
)
def test_any_way_to_group_pictures(tmp_path: Path, options: dict[str, str]) -> None:
    check(make(tmp_path / "v.mp4", options=options))


@pytest.mark.parametrize(
    ("codec", "name"), [("libx264", "h264"), ("libx265", "hevc"), ("libsvtav1", "av1"), ("libvpx-vp9", "vp9")]
)
def test_playable_codecs(tmp_path: Path, codec: str, name: str) -> None:
    quiet = {"libx265": {"x265-params": "log-level=none"}, "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"}}
    path = make(tmp_path / "v.mp4", codec=codec, options=quiet.get(codec))
    assert media.probe_output(path).codec == name
    check(path)


@pytest.mark.parametrize("sound", ["aac", "libmp3lame", "libopus"])
def test_playable_sound(tmp_path: Path, sound: str) -> None:
    check(make(tmp_path / "v.mp4", sound=sound))


def test_silence_where_none_was_asked(tmp_path: Path) -> None:
    path = make(tmp_path / "v.mp4", sound=None)
    assert media.probe_output(path).audio is None
    check(path, audio=False)


@pytest.mark.parametrize("fps", [24, 25, 30, 60, Fraction(24_000, 1001), Fraction(30_000, 1001)])
def test_frame_rates_are_exact(tmp_path: Path, fps: Fraction | int) -> None:
    path = make(tmp_path / "v.mp4", fps=fps)
    video = media.probe_output(path)
    assert (video.fps, video.steady) == (fps, True)
    check(path, fps=fps)


def test_one_frame_more_or_less_is_let_pass(tmp_path: Path) -> None:
    check(make(tmp_path / "less.mp4", frames=FRAMES - 1))
    check(make(tmp_path / "more.mp4", frames=FRAMES + 1))


async def test_many_at_once(good: Path) -> None:
    probed = await asyncio.gather(*[asyncio.to_thread(media.probe_output, good) for _ in range(16)])
    assert len(set(probed)) == 1


# What is not what was asked for


@pytest.mark.parametrize(
    ("made", "asked", "says"),
    [
        ({"width": 128}, {}, "96×64 was asked for and 128×64 came"),
        ({"width": 64, "height": 96}, {}, "96×64 was asked for and 64×96 came"),
        ({"frames": 46, "sound_s": 2}, {}, "48 frames (2 s) were asked for and 46 (1.917 s) came"),
        ({"frames": 50, "sound_s": 2}, {}, "48 frames (2 s) were asked for and 50 (2.083 s) came"),
        ({"fps": 25}, {"frame_count": 47}, "24 frames a second were asked for and 25 came"),
        ({"fps": Fraction(24_000, 1001)}, {}, "24 frames a second were asked for and 23.976 came"),
        ({"fps": Fraction(2401, 100)}, {}, "24 frames a second were asked for and 24.01 came"),
        ({"gap_at": 20}, {}, "24 frames a second were asked for and an uneven rate came"),
        ({"sound": None}, {}, "sound was asked for and none came"),
        ({}, {"audio": False}, "no sound was asked for and some came"),
        ({"sound_s": 1.8}, {}, "2 s of sound were asked for and 1.8 s came"),
        ({"sound_s": 2.3}, {}, "2 s of sound were asked for and 2.3 s came"),
        ({"sound_from_s": 0.2}, {}, "its sound begins 0.178 s after its picture"),
        ({"movflags": ""}, {}, "its index comes after its pictures, so it cannot be streamed"),
        ({"codec": "mpeg4"}, {}, "its codec mpeg4 cannot be played everywhere"),
        ({"pixel_format": "yuv444p"}, {}, "its pixel format yuv444p cannot be played everywhere"),
        ({"sound": "alac"}, {}, "its sound codec alac cannot be played everywhere"),
    ],
)
def test_what_differs_is_named(tmp_path: Path, made: dict[str, Any], asked: dict[str, Any], says: str) -> None:
    assert refusal(make(tmp_path / "v.mp4", **made), **asked) == DIFFERS + says


def test_all_that_differs_is_named(tmp_path: Path) -> None:
    path = make(tmp_path / "v.mp4", width=64, fps=30, frames=60, sound=None, movflags="")
    assert refusal(path) == (
        f"{DIFFERS}96×64 was asked for and 64×64 came; 48 frames (2 s) were asked for and 60 (2 s) came;"
        " 24 frames a second were asked for and 30 came; sound was asked for and none came;"
        " its index comes after its pictures, so it cannot be streamed"
    )


def test_pixels_must_be_square(tmp_path: Path) -> None:
    def squeeze(stream: Any) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)

    says = refusal(make(tmp_path / "v.mp4", prepare=squeeze))
    assert says == f"{DIFFERS}square pixels were asked for and 4:3 came"


def test_pictures_must_stand_upright(tmp_path: Path) -> None:
    path = make(tmp_path / "v.mp4", prepare=lambda stream: stream.set_display_rotation(90))
    assert refusal(path).startswith(f"{DIFFERS}it is turned by")


def test_two_picture_tracks(tmp_path: Path) -> None:
    says = refusal(make(tmp_path / "v.mp4", tracks=2, sound=None))
    assert says == f"{CANNOT}it must have exactly one picture track"


def test_sound_alone(tmp_path: Path) -> None:
    path = make(tmp_path / "v.mp4", tracks=0)
    assert refusal(path) == f"{CANNOT}it must have exactly one picture track"


def test_an_index_in_pieces(tmp_path: Path) -> None:
    path = make(tmp_path / "v.mp4", movflags="frag_keyframe+empty_moov")
    assert refusal(path) == f"{CANNOT}its index is in pieces"


# What is no video


@pytest.mark.parametrize("tenths", range(10))
@pytest.mark.parametrize("kind", ["good", "slow_start"])
def test_truncated(request: pytest.FixtureRequest, tmp_path: Path, kind: str, tenths: int) -> None:
    content = request.getfixturevalue(kind).read_bytes()
    path = tmp_path / "v.mp4"
    path.write_bytes(content[: len(content) * tenths // 10])
    expected = "it is no MP4 file, or only part of one" if tenths else "its file is empty, too large or no file"
    assert refusal(path) == CANNOT + expected
    path.write_bytes(content[:-1])
    assert refusal(path) == f"{CANNOT}it is no MP4 file, or only part of one"


def webm() -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="webm") as box:
        stream = box.add_stream("libvpx-vp9", rate=24)
        stream.width, stream.height = 64, 64  # type: ignore[attr-defined]
        frame = av.VideoFrame(64, 64, "yuv420p")
        frame.pts = 0
        box.mux(stream.encode(frame))  # type: ignore[attr-defined]
        box.mux(stream.encode(None))  # type: ignore[attr-defined]
    return target.getvalue()


def png() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (96, 64)).save(target, "PNG")
    return target.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        random.Random(1).randbytes(100_000),
        bytes(100_000),
        b"This is a text.\n" * 1000,
        b"#EXTM3U\nhttp://127.0.0.1/x.ts\n",
        b"\0\0\0\x10ftypisom\0\0\0\0",
        b"\0",
        webm(),
        png(),
    ],
    ids=["random", "zeros", "text", "playlist", "head-only", "one-byte", "webm", "png"],
)
def test_other_things_under_a_videos_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(content)
    assert refusal(path) == f"{CANNOT}it is no MP4 file, or only part of one"


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    for path in (tmp_path / "pipe.mp4", tmp_path, Path("/dev/zero")):
        assert refusal(path) == f"{CANNOT}its file is empty, too large or no file"
    assert refusal(tmp_path / "missing.mp4") == f"{CANNOT}there is no file"


@pytest.mark.parametrize("name", ["concat:a.mp4", "http:", "subfile,,start,0,end,9,,:a.mp4", "-i", "%03d.mp4"])
def test_a_name_is_only_a_name(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(good.read_bytes())
    check(Path(name))


# What lies about itself


def box_at(content: bytes, *kinds: bytes) -> int:
    """Where the content of the box lies that is reached through `kinds`."""
    at = 0
    for kind in kinds:
        at = content.index(kind, at) + 4
    return at


def changed(path: Path, tmp_path: Path, at: int, new: bytes) -> Path:
    content = bytearray(path.read_bytes())
    content[at : at + len(new)] = new
    target = tmp_path / "lie.mp4"
    target.write_bytes(content)
    return target


@pytest.mark.parametrize("size", [0, 2, 7, 9, 0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("kind", [b"ftyp", b"moov", b"mdat", b"trak", b"mdia", b"stbl", b"stts", b"stsz", b"stco"])
def test_a_box_that_lies_about_its_size(good: Path, tmp_path: Path, kind: bytes, size: int) -> None:
    at = box_at(good.read_bytes(), kind) - 8
    path = changed(good, tmp_path, at, struct.pack(">I", size))
    if kind == b"mdat" and size == 0:  # a last box without a size lasts to the end: no lie
        check(path)
    else:
        assert refusal(path).startswith(CANNOT)


@pytest.mark.parametrize("size", [0, 15, 1 << 32, (1 << 64) - 1])
def test_a_wide_size_that_lies(tmp_path: Path, size: int) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(struct.pack(">I4sQ", 1, b"ftyp", size) + bytes(100))
    assert refusal(path) == f"{CANNOT}it is no MP4 file, or only part of one"


def test_a_wide_size_that_is_true(good: Path, tmp_path: Path) -> None:
    content = good.read_bytes()
    assert content.endswith(content[content.index(b"mdat") - 4 :])
    padding = struct.pack(">I4sQ", 1, b"free", 4096) + bytes(4080)
    path = tmp_path / "v.mp4"
    path.write_bytes(content + padding)
    check(path)


@pytest.mark.parametrize("count", [0xFFFFFFFF, 0x7FFFFFFF, 3_000_000])
@pytest.mark.parametrize("kind", [b"stts", b"ctts", b"stsc", b"stco", b"stss", b"elst", b"stsz"])
def test_a_table_that_lies_about_its_length(good: Path, tmp_path: Path, kind: bytes, count: int) -> None:
    at = box_at(good.read_bytes(), kind) + (8 if kind == b"stsz" else 4)
    path = changed(good, tmp_path, at, struct.pack(">I", count))
    assert refusal(path) == f"{CANNOT}its index is damaged"


def test_samples_of_one_size_without_end(good: Path, tmp_path: Path) -> None:
    at = box_at(good.read_bytes(), b"stsz") + 4
    path = changed(good, tmp_path, at, struct.pack(">II", 1, 0xFFFFFFFF))
    assert refusal(path) == f"{CANNOT}its index is damaged"


def test_one_table_entry_for_ever(good: Path, tmp_path: Path) -> None:
    at = box_at(good.read_bytes(), b"stts") + 8
    path = changed(good, tmp_path, at, struct.pack(">I", 0xFFFFFFFF))
    assert refusal(path) == f"{CANNOT}its index is damaged"


def test_a_header_that_lies_about_the_length(good: Path, tmp_path: Path) -> None:
    at = box_at(good.read_bytes(), b"mvhd") + 16
    path = changed(good, tmp_path, at, struct.pack(">I", 15_000))
    assert refusal(path) == f"{CANNOT}its header claims 15 s and 2 s are there"


def test_a_header_without_a_clock(good: Path, tmp_path: Path) -> None:
    path = changed(good, tmp_path, box_at(good.read_bytes(), b"mvhd") + 12, bytes(4))
    assert refusal(path) == f"{CANNOT}its index is damaged"


def test_pictures_that_lie_beyond_the_file(good: Path, tmp_path: Path) -> None:
    at = box_at(good.read_bytes(), b"stco") + 8
    path = changed(good, tmp_path, at, struct.pack(">I", 0x7FFFFFFF))
    assert refusal(path).startswith(CANNOT)


def test_a_picture_that_ends_beyond_the_file(tmp_path: Path) -> None:
    path = make(tmp_path / "v.mp4", sound=None)
    at = box_at(path.read_bytes(), b"stsz") + 12 + 4 * (FRAMES - 1)
    lie = changed(path, tmp_path, at, struct.pack(">I", 10_000))
    assert refusal(lie, audio=False) == f"{CANNOT}it is damaged or only part of a file"


def test_an_index_without_pictures(good: Path, tmp_path: Path) -> None:
    start = box_at(good.read_bytes(), b"mdat")
    path = changed(good, tmp_path, start, bytes(good.stat().st_size - start))
    assert refusal(path).startswith(CANNOT)


def test_an_index_that_is_only_a_shell(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    nest = b""
    for _ in range(5000):
        nest = struct.pack(">I4s", len(nest) + 8, b"trak") + nest
    header = struct.pack(">I4s12xII", 28, b"mvhd", 1000, 2000)
    for inside in (b"", header + nest, header + struct.pack(">I4s", 8, b"free") * 5000):
        boxes = [(b"ftyp", b"isom" + bytes(4)), (b"moov", inside), (b"mdat", bytes(8))]
        path.write_bytes(b"".join(struct.pack(">I4s", len(held) + 8, kind) + held for kind, held in boxes))
        assert refusal(path) == f"{CANNOT}its index is damaged"


def test_an_index_too_large_to_read(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    with path.open("wb") as file:
        file.write(struct.pack(">I4s", 16, b"ftyp") + b"isom" + bytes(4))
        file.write(struct.pack(">I4s", 32 << 20, b"moov"))
        file.truncate(16 + (32 << 20))
        file.seek(0, os.SEEK_END)
        file.write(struct.pack(">I4s", 8, b"mdat"))
    assert refusal(path) == f"{CANNOT}its index is too large"


def test_endless_boxes(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(struct.pack(">I4s", 8, b"free") * 100_000)
    assert refusal(path) == f"{CANNOT}it is no MP4 file, or only part of one"


def ends_well(path: Path) -> None:
    """Probing gives a video or a refusal in our own words, nothing else."""
    try:
        video = media.probe_output(path)
    except TaskFailure as error:
        failure = error
    else:
        assert video.width > 0
        assert video.frames > 0
        return
    assert failure.code == "output_rejected"
    assert failure.message.startswith(CANNOT)
    assert "Invalid data" not in failure.message
    assert str(path) not in failure.message


@given(content=st.binary(max_size=2000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(content)
    ends_well(path)


NASTY = [b"\xff" * 4, b"\x7f\xff\xff\xff", bytes(4), b"\0\0\0\1", b"\0\x0f\xff\xff", b"\xff", b"\0", b"\x80"]


@given(
    lies=st.lists(
        st.tuples(st.integers(0, 3500), st.sampled_from(NASTY) | st.binary(min_size=1, max_size=4)),
        min_size=1,
        max_size=8,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400, deadline=None)
def test_any_lie_in_the_index(good: Path, tmp_path: Path, lies: list[tuple[int, bytes]]) -> None:
    content = bytearray(good.read_bytes())
    for at, new in lies:
        content[at : at + len(new)] = new
    path = tmp_path / "v.mp4"
    path.write_bytes(content)
    ends_well(path)
