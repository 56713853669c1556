"""What users send comes in right: every odd picture, clip and sound as a plain file, fetched once, in its role."""

from __future__ import annotations

import asyncio
import contextlib
import io
import struct
import wave
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageCms

from seedbed import media
from seedbed.errors import TaskFailure
from seedbed.media import forms, inputs, sandbox
from seedbed.media.inputs import OwnFile, fetch_all, own_file
from seedbed.media.refusals import Refused
from seedbed.media.sandbox import Plain
from seedbed.outbound import PublicClient
from seedbed.tasks import MediaRef
from tests import hostile_files as files

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 190, 40), (30, 40, 210), (250, 250, 250)


async def plain(tmp_path: Path, data: bytes) -> Plain:
    """The medium through the sandbox."""
    source, own = tmp_path / "source", tmp_path / f"own-{len(list(tmp_path.iterdir()))}"
    source.write_bytes(data)
    own.mkdir()
    form = forms.sniff(source)
    assert form is not None
    found = await sandbox.normalise(source, form, own)
    assert found.path is not None
    assert found.path.parent == own
    return found


def written(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def quarters(width: int = 60, height: int = 40) -> Image.Image:
    """Red and green above blue and white: nothing about it is the same when turned."""
    image = Image.new("RGB", (width, height))
    for place, colour in enumerate((RED, GREEN, BLUE, WHITE)):
        image.paste(colour, (place % 2 * width // 2, place // 2 * height // 2, width, height))
    return image


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    width, height = image.size
    spots = [(width // 4, height // 4), (3 * width // 4, height // 4)]
    spots += [(x, 3 * height // 4) for x, _ in spots]
    return [tuple(image.convert("RGB").getpixel(spot)) for spot in spots]


def near(found: object, wanted: object, tolerance: int = 12) -> bool:
    return bool(np.abs(np.asarray(found, int) - np.asarray(wanted, int)).max() <= tolerance)


# Pictures ----------------------------------------------------------------------------------------------------


async def picture(tmp_path: Path, data: bytes) -> Image.Image:
    found = await plain(tmp_path, data)
    assert (found.kind, found.duration_s) == ("image", 0)
    with Image.open(found.path) as image:  # type: ignore[arg-type]
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (found.width, found.height))
        return image.copy()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
async def test_every_kind_of_picture_comes_in(tmp_path: Path, form: str) -> None:
    image = await picture(tmp_path, written(quarters(61, 41), form))
    assert image.size == (61, 41)
    assert near(corners(image), [RED, GREEN, BLUE, WHITE])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
async def test_a_picture_stands_upright(tmp_path: Path, form: str, orientation: int) -> None:
    # What a camera writes that was held so: the inverse of what the tag says to do.
    lying = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = quarters() if lying is None else quarters().transpose(lying)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = await picture(tmp_path, written(stored, form, exif=exif.tobytes()))
    assert image.size == (60, 40)
    assert near(corners(image), [RED, GREEN, BLUE, WHITE])


async def test_nothing_but_pixels_is_left(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    data = written(quarters(), "JPEG", exif=exif.tobytes(), comment=b"a secret", icc_profile=_profile(2.2))
    found = await plain(tmp_path, data)
    kinds, at, raw = set(), 8, found.path.read_bytes()  # type: ignore[union-attr]
    while at < len(raw):
        (length,) = struct.unpack(">I", raw[at : at + 4])
        kinds.add(raw[at + 4 : at + 8])
        at += length + 12
    assert kinds == {b"IHDR", b"IDAT", b"IEND"}


def _see_through(mode: str) -> Image.Image:
    image = quarters().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 30, 20))
    if mode == "LA":
        return image.convert("LA")
    if mode == "P":
        paletted = image.convert("RGB").quantize(4)
        paletted.info["transparency"] = paletted.getpixel((5, 5))
        return paletted
    return image


@pytest.mark.parametrize(
    ("mode", "form"), [("RGBA", "PNG"), ("RGBA", "WEBP"), ("LA", "PNG"), ("P", "PNG"), ("P", "GIF")]
)
async def test_transparent_places_are_white(tmp_path: Path, mode: str, form: str) -> None:
    image = await picture(tmp_path, written(_see_through(mode), form, **({"lossless": True} if form == "WEBP" else {})))
    assert near(corners(image)[0], (255, 255, 255), 2)
    assert mode == "LA" or near(corners(image)[1:], [GREEN, BLUE, WHITE])


async def test_half_transparent_places_are_half_white(tmp_path: Path) -> None:
    image = await picture(tmp_path, written(Image.new("RGBA", (9, 9), (200, 0, 0, 128)), "PNG"))
    assert near(image.getpixel((4, 4)), (227, 127, 127), 2)


async def test_sixteen_bits_of_grey_keep_their_steps(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(1, -1).repeat(8, 0)
    image = await picture(tmp_path, written(Image.fromarray(ramp), "PNG"))
    assert near(np.asarray(image)[4, :, 0], np.arange(256), 1)


async def test_sixteen_bits_of_colour(tmp_path: Path) -> None:
    row = b"\0" + struct.pack(">HHH", 0xC000, 0x8000, 0x4000) * 4
    import zlib

    image = await picture(tmp_path, files.png(4, 3, zlib.compress(row * 3), bits=16))
    assert near(image.getpixel((1, 1)), (192, 128, 64), 1)


@pytest.mark.parametrize("bits", [1, 2, 4])
async def test_few_bits_of_grey(tmp_path: Path, bits: int) -> None:
    import zlib

    image = await picture(tmp_path, files.png(8, 2, zlib.compress((b"\0" + b"\xff" * bits) * 2), bits=bits, colour=0))
    assert image.getpixel((3, 1)) == (255, 255, 255)


async def test_printers_colours(tmp_path: Path) -> None:
    image = await picture(tmp_path, written(quarters().convert("CMYK"), "JPEG", quality=95))
    assert near(corners(image), [RED, GREEN, BLUE, WHITE], 16)


def _profile(gamma: float) -> bytes:
    """An RGB profile (ICC.1:2001) with sRGB's primaries and a power for its curve."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(79),
        b"wtpt": b"XYZ " + bytes(4) + fixed(0.9642, 1.0, 0.8249),
        b"rXYZ": b"XYZ " + bytes(4) + fixed(0.4361, 0.2225, 0.0139),
        b"gXYZ": b"XYZ " + bytes(4) + fixed(0.3851, 0.7169, 0.0971),
        b"bXYZ": b"XYZ " + bytes(4) + fixed(0.1431, 0.0606, 0.7141),
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    at, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", at + len(body), bytes(4), 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + fixed(0.9642, 1.0, 0.8249)
    return head.ljust(128, b"\0") + table + body


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
async def test_a_profile_becomes_srgb(tmp_path: Path, form: str) -> None:
    ImageCms.ImageCmsProfile(io.BytesIO(_profile(1.0)))  # it is a real one
    data = written(Image.new("RGB", (16, 16), (128, 128, 128)), form, icc_profile=_profile(1.0))
    # Half of the light is 188 of 255 in sRGB.
    assert near((await picture(tmp_path, data)).getpixel((8, 8)), (188, 188, 188), 3)


async def test_a_broken_profile_counts_as_none(tmp_path: Path) -> None:
    data = written(quarters(), "PNG", icc_profile=b"no profile at all" * 20)
    assert near(corners(await picture(tmp_path, data)), [RED, GREEN, BLUE, WHITE])


async def test_a_large_picture_is_made_smaller(tmp_path: Path) -> None:
    image = await picture(tmp_path, written(quarters(8000, 6000), "JPEG"))
    assert image.size == (4096, 3072)
    assert near(corners(image), [RED, GREEN, BLUE, WHITE])


async def test_the_thinnest_pictures(tmp_path: Path) -> None:
    assert (await picture(tmp_path, written(Image.new("RGB", (1, 1), RED), "PNG"))).size == (1, 1)
    assert (await picture(tmp_path, written(Image.new("RGB", (9000, 1), RED), "PNG"))).size == (4096, 1)


# Moving pictures ------------------------------------------------------------------------------------------------


@dataclass
class Film:
    """A plain clip, proven and decoded."""

    found: Plain
    frames: np.ndarray
    proof: media.Video

    def colour(self, number: int) -> tuple[int, ...]:
        frame = self.frames[number]
        return tuple(frame[frame.shape[0] // 2, frame.shape[1] // 2])


async def film(tmp_path: Path, data: bytes) -> Film:
    found = await plain(tmp_path, data)
    assert found.kind == "video"
    assert found.path is not None
    proof = media.probe_output(found.path)
    assert (proof.codec, proof.pixel_format, proof.fps, proof.steady) == ("h264", "yuv420p", 24, True)
    assert (proof.width, proof.height) == (found.width, found.height)
    assert (proof.pixel_aspect, proof.rotation_deg) == (1, 0)
    assert proof.duration_s == proof.frames * Fraction(1, 24) == pytest.approx(Fraction(found.duration_s))
    with av.open(str(found.path)) as box:
        stream = box.streams.video[0]
        assert (stream.codec_context.colorspace, stream.codec_context.color_trc) == (1, 1)
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in box.decode(stream)])
    return Film(found, frames, proof)


@pytest.mark.parametrize("form", ["GIF", "WEBP"])
async def test_an_animation_is_a_video(tmp_path: Path, form: str) -> None:
    colours = [RED, GREEN, BLUE]
    pictures = [Image.new("RGB", (61, 41), colour) for colour in colours]
    data = written(pictures[0], form, save_all=True, append_images=pictures[1:], duration=[250, 500, 250], loop=0)
    clip = await film(tmp_path, data)
    assert (clip.proof.width, clip.proof.height, clip.proof.frames) == (60, 40, 24)
    shown = [clip.colour(number) for number in (0, 5, 6, 17, 18, 23)]
    assert near(shown, [RED, RED, GREEN, GREEN, BLUE, BLUE], 20)


async def test_an_animation_without_times_runs_as_in_a_browser(tmp_path: Path) -> None:
    pictures = [Image.new("RGB", (32, 32), (40 * number, 0, 0)) for number in range(6)]
    data = written(pictures[0], "GIF", save_all=True, append_images=pictures[1:], duration=0)
    assert (await film(tmp_path, data)).proof.frames == round(0.6 * 24)


async def test_sixty_frames_are_taken(tmp_path: Path) -> None:
    pictures = [Image.new("RGB", (16, 16), (4 * number, 0, 0)) for number in range(60)]
    data = written(pictures[0], "GIF", save_all=True, append_images=pictures[1:], duration=50)
    assert (await film(tmp_path, data)).proof.frames == 72


def clip_bytes(tmp_path: Path, **options: object) -> bytes:
    return files.film(tmp_path / "made", **options).read_bytes()  # type: ignore[arg-type]


def _solid(*colours: tuple[int, int, int], width: int = 64, height: int = 48) -> Callable[[int], np.ndarray]:
    return lambda number: np.full((height, width, 3), colours[number % len(colours)], np.uint8)


@pytest.mark.parametrize("form", ["mp4", "mov"])
@pytest.mark.parametrize("fps", [12, 24, 25, 30, 60, Fraction(24000, 1001), Fraction(30000, 1001)])
async def test_every_rate_becomes_24(tmp_path: Path, fps: Fraction | int, form: str) -> None:
    count = round(2 * fps)
    data = clip_bytes(tmp_path, frames=count, fps=fps, form=form, paint=lambda n: np.full((48, 64, 3), 2 * n, np.uint8))
    clip = await film(tmp_path, data)
    assert clip.proof.frames == round(count / Fraction(fps) * 24)
    seen = clip.frames[:, 24, 32, 0].astype(float)
    # Each frame shows what was on at its time, to within a frame of the source.
    wanted = np.minimum(2 * np.arange(len(seen)) / 24 * float(fps), 2 * (count - 1))
    assert np.abs(seen - wanted).max() < 2 * (1 + float(fps) / 96) + 4


async def test_an_uneven_rate_is_made_even(tmp_path: Path) -> None:
    times = [Fraction(0), Fraction(1, 10), Fraction(1), Fraction(3, 2)]
    clip = await film(tmp_path, clip_bytes(tmp_path, times=times, paint=_solid(RED, GREEN, BLUE, WHITE)))
    shown = [clip.colour(number) for number in (0, 2, 4, 20, 25, 34, 36)]
    assert near(shown, [RED, RED, GREEN, GREEN, BLUE, BLUE, WHITE], 24)


@pytest.mark.parametrize(("turn", "size"), [(0, (64, 48)), (90, (48, 64)), (180, (64, 48)), (270, (48, 64))])
async def test_a_turned_clip_stands_upright(tmp_path: Path, turn: int, size: tuple[int, int]) -> None:
    upright = quarters(*size)
    stored = np.asarray(upright.rotate(-turn, expand=True))
    data = clip_bytes(
        tmp_path, frames=6, paint=lambda n: stored, prepare=lambda stream: stream.set_display_rotation(turn)
    )
    clip = await film(tmp_path, data)
    assert (clip.found.width, clip.found.height) == size
    assert near(corners(Image.fromarray(clip.frames[3])), [RED, GREEN, BLUE, WHITE], 24)


async def test_odd_sizes_and_wide_pixels(tmp_path: Path) -> None:
    odd = await film(tmp_path, clip_bytes(tmp_path, width=65, height=49, pixel_format="yuv444p", frames=6))
    assert (odd.proof.width, odd.proof.height) in {(64, 48), (66, 50), (64, 50), (66, 48)}

    def wide(stream: object) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)  # type: ignore[attr-defined]

    anamorphic = await film(tmp_path, clip_bytes(tmp_path, width=1440, height=1080, frames=6, prepare=wide))
    assert (anamorphic.proof.width, anamorphic.proof.height) == (1920, 1080)


async def test_a_large_clip_is_made_smaller(tmp_path: Path) -> None:
    clip = await film(
        tmp_path, clip_bytes(tmp_path, width=2160, height=3840, frames=4, options={"preset": "ultrafast"})
    )
    assert (clip.proof.width, clip.proof.height) == (1080, 1920)


async def test_8k_is_taken_and_more_is_not(tmp_path: Path) -> None:
    fast = {"preset": "ultrafast"}
    clip = await film(tmp_path, clip_bytes(tmp_path, width=7680, height=4320, frames=3, options=fast))
    assert (clip.proof.width, clip.proof.height) == (1920, 1080)
    with pytest.raises(Refused, match="dimensions"):
        await plain(tmp_path, clip_bytes(tmp_path, width=8200, height=4320, frames=2, options=fast))


@pytest.mark.parametrize(("transfer", "code"), [(16, 0.58069), (18, 0.75)])
async def test_high_dynamic_range_becomes_standard(tmp_path: Path, transfer: int, code: float) -> None:
    """Reference white, 203 cd/m², is 58 % of PQ and 75 % of HLG: light grey on a standard screen."""

    def hdr(stream: object) -> None:
        context = stream.codec_context  # type: ignore[attr-defined]
        context.colorspace, context.color_trc, context.color_primaries, context.color_range = 9, transfer, 9, 1

    levels = [code, 0.0, 1.0]

    def paint(number: int) -> np.ndarray:
        return np.full((48, 64, 3), round(levels[number // 8] * 65535), np.uint16)

    data = clip_bytes(tmp_path, frames=24, pixel_format="yuv420p10le", codec="libx264", prepare=hdr, paint=paint)
    clip = await film(tmp_path, data)
    white, black, peak = (clip.colour(number) for number in (4, 12, 20))
    assert near(white, (235, 235, 235), 12), white
    assert max(white) - min(white) <= 6, "grey stays grey"
    assert max(black) <= 4
    assert min(peak) >= 250


async def test_ten_bits_of_standard_range_keep_their_colours(tmp_path: Path) -> None:
    clip = await film(tmp_path, clip_bytes(tmp_path, frames=6, pixel_format="yuv420p10le", paint=_solid(GREEN)))
    assert near(clip.colour(3), GREEN, 14)


async def test_sound_comes_along_and_ends_with_the_picture(tmp_path: Path) -> None:
    clip = await film(tmp_path, clip_bytes(tmp_path, frames=48, sound=True))
    assert clip.proof.audio is not None
    assert (clip.proof.audio.channels, clip.proof.audio.sample_rate_hz) == (2, 48_000)
    assert abs(clip.proof.audio.duration_s - 2) < Fraction(1, 20)
    assert (await film(tmp_path, clip_bytes(tmp_path, frames=48))).proof.audio is None


async def test_a_clip_of_60_seconds_is_taken_and_a_longer_one_is_not(tmp_path: Path) -> None:
    assert (await film(tmp_path, clip_bytes(tmp_path, frames=60, fps=1))).proof.frames == 1440
    with pytest.raises(Refused, match="long"):
        await plain(tmp_path, clip_bytes(tmp_path, frames=61, fps=1))


# Sounds --------------------------------------------------------------------------------------------------------


async def heard(tmp_path: Path, data: bytes) -> np.ndarray:
    """The plain sound: samples by channel, −1 … 1."""
    found = await plain(tmp_path, data)
    assert (found.kind, found.width, found.height) == ("audio", 0, 0)
    with wave.open(str(found.path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48_000, 2, 2)
        assert file.getnframes() == pytest.approx(found.duration_s * 48_000)
        raw = file.readframes(file.getnframes())
    return np.frombuffer(raw, "<i2").reshape(-1, 2) / 32768


def _tone(rate: int, length_s: float = 1.0, hertz: float = 440) -> np.ndarray:
    return np.sin(np.arange(int(rate * length_s)) * 2 * np.pi * hertz / rate) * 0.5


def _pitch(samples: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * 48_000 / len(samples))


@pytest.mark.parametrize(
    ("rate", "bits"), [(8_000, 8), (11_025, 8), (22_050, 16), (44_100, 24), (48_000, 16), (96_000, 32)]
)
@pytest.mark.parametrize("channels", [1, 2])
async def test_every_wav_is_heard_at_its_pitch_and_level(tmp_path: Path, rate: int, bits: int, channels: int) -> None:
    tone = _tone(rate).repeat(channels)
    raw = (tone * 2 ** (bits - 1)).astype(np.int64) + (128 if bits == 8 else 0)
    samples = b"".join(int(value).to_bytes(bits // 8, "little", signed=bits > 8) for value in raw)
    sound = await heard(tmp_path, files.wav(samples, rate=rate, channels=channels, bits=bits))
    assert abs(len(sound) - 48_000) < 100
    for side in (sound[:, 0], sound[:, 1]):
        assert abs(_pitch(side) - 440) < 3
        assert 0.47 < np.abs(side[4800:-4800]).max() < 0.53


async def test_an_mp3_with_and_without_a_tag(tmp_path: Path) -> None:
    bare = files.mp3(tmp_path / "made", 2.0)
    start = bare.index(b"\xff\xfb")
    for data in (bare[start:], files.id3(b"TIT2" + struct.pack(">IH", 6, 0) + b"\0title") + bare[start:]):
        sound = await heard(tmp_path, data)
        assert abs(len(sound) / 48_000 - 2) < 0.15
        assert abs(_pitch(sound[:, 0]) - 0.06 * 44_100 / (2 * np.pi)) < 3


async def test_no_more_of_a_sound_is_kept_than_a_video_can_last(tmp_path: Path) -> None:
    sound = await heard(tmp_path, files.wav(bytes([128]) * 8000 * 90))
    assert len(sound) == 60 * 48_000


# Which forms -----------------------------------------------------------------------------------------------------


def _brands(*brands: bytes) -> bytes:
    return files.box(b"ftyp", brands[0], bytes(4), *brands[1:]) + bytes(64)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (_brands(b"isom"), "mp4"),
        (_brands(b"M4V ", b"mp42"), "mp4"),
        (_brands(b"XAVC", b"mp42"), "mp4"),
        (_brands(b"qt  "), "mov"),
        (_brands(b"M4A ", b"mp42", b"isom"), None),
        (_brands(b"heic", b"mif1"), None),
        (_brands(b"avif", b"isom"), None),
        (_brands(b"abcd"), None),
        (struct.pack(">I", 0) + b"ftypisom" + bytes(64), None),
        (b"\xff\xfe<\0h\0t\0m\0l\0" + bytes(4000), None),
        (b"BMW is a car, and this is no picture of one", None),
        (b"GIF88a" + bytes(40), None),
        (b"RIFF\0\0\0\0WEBP", "webp"),
    ],
)
def test_a_form_is_told_by_its_first_bytes(tmp_path: Path, data: bytes, name: str | None) -> None:
    path = tmp_path / "medium"
    path.write_bytes(data)
    form = forms.sniff(path)
    assert (form and form.name) == name


# Fetching ------------------------------------------------------------------------------------------------------


@dataclass
class Shelf:
    """A host of media: what is asked for, and how often."""

    port: int
    media: dict[str, bytes]
    asked: Counter[str] = field(default_factory=Counter)
    tags: dict[str, str] = field(default_factory=dict)
    unchanged: Counter[str] = field(default_factory=Counter)
    hold: asyncio.Event = field(default_factory=asyncio.Event)

    def ref(self, name: str, kind: str | None = None, role: str = "reference") -> MediaRef:
        return MediaRef(url=f"http://127.0.0.1:{self.port}/{name}", role=role, kind=kind)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def shelf(media: dict[str, bytes]) -> AsyncIterator[Shelf]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            name = head.split(b" ")[1].decode().lstrip("/")
            found.asked[name] += 1
            if name == "slow":
                await found.hold.wait()
            data, tag = media.get(name), found.tags.get(name, "")
            status = b"404 Not Found" if data is None else b"200 OK"
            body = data or b""
            if tag and f"if-none-match: {tag}\r\n" in head.decode().lower():
                found.unchanged[name] += 1
                status, body = b"304 Not Modified", b""
            lines = b"Content-Length: %d\r\nConnection: close\r\n" % len(body)
            if tag:
                lines += f"ETag: {tag}\r\n".encode()
            writer.write(b"HTTP/1.1 %s\r\n" % status + lines + b"\r\n" + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    found = Shelf(server.sockets[0].getsockname()[1], media)
    async with server:
        yield found
        found.hold.set()


OWN = "http://127.0.0.1:8787"


async def fetched(tmp_path: Path, host: Shelf, *refs: MediaRef, **options: object) -> tuple[list[tuple], Counter[str]]:
    """(kind, role, file) of each medium, and what was noted."""
    folder, noted = tmp_path / f"task-{len(list(tmp_path.iterdir()))}", Counter()
    folder.mkdir()

    async def read_own(own: OwnFile, path: Path, bytes_max: int) -> bool:
        if own != OwnFile("0.signature", "uploads/ab/picture.png"):
            return False
        path.write_bytes(written(quarters(), "PNG"))
        return True

    async with PublicClient(frozenset({f"127.0.0.1:{host.port}"})) as client:
        found = await fetch_all(
            refs,
            folder,
            client,
            own_base_url=OWN,
            read_own=read_own,
            note=lambda outcome: noted.update([outcome]),
            **options,  # type: ignore[arg-type]
        )
    assert not list(folder.glob("raw-*")), "a stranger's bytes are not left lying about"
    return [(each.kind, each.role, each.path) for each in found], noted


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("stock")
    moving = [Image.new("RGB", (16, 16), colour) for colour in (RED, GREEN)]
    return {
        "picture.png": written(quarters(), "PNG"),
        "other": written(quarters(), "JPEG"),
        "moving.gif": written(moving[0], "GIF", save_all=True, append_images=moving[1:], duration=100),
        "clip.mp4": files.film(folder / "clip", frames=12).read_bytes(),
        "sound.wav": files.wav(bytes([128, 140]) * 4000),
        "half.png": written(quarters(400, 400), "PNG")[:300],
        "page.html": files.HTML,
        "list": files.HLS,
        "slow": written(quarters(), "PNG"),
    }


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        (["picture.png"], ["first_frame"]),
        (["picture.png", "other"], ["first_frame", "last_frame"]),
        (["picture.png", "picture.png"], ["first_frame", "last_frame"]),
        (["picture.png", "other", "picture.png"], ["reference"] * 3),
        (["clip.mp4"], ["reference"]),
        (["picture.png", "sound.wav"], ["reference"] * 2),
        (["moving.gif"], ["reference"]),
        (["picture.png", "moving.gif"], ["reference"] * 2),
    ],
)
async def test_roles_are_decided_by_the_bytes(
    tmp_path: Path, stock: dict[str, bytes], names: list[str], roles: list[str]
) -> None:
    async with shelf(stock) as host:
        found, noted = await fetched(tmp_path, host, *(host.ref(name) for name in names))
    assert [role for _, role, _ in found] == roles
    assert host.asked == Counter(set(names)), "each URL is fetched once"
    assert noted == {"fetched": len(set(names))}
    kinds = {"moving.gif": "video", "clip.mp4": "video", "sound.wav": "audio"}
    assert [kind for kind, _, _ in found] == [kinds.get(name, "image") for name in names]
    for kind, _, path in found:
        assert path.name == sandbox.PLAIN_NAMES[kind]


async def test_a_model_without_references_takes_still_pictures_only(tmp_path: Path, stock: dict[str, bytes]) -> None:
    async with shelf(stock) as host:
        found, _ = await fetched(tmp_path, host, host.ref("other"), host.ref("picture.png"), references=False)
        assert [role for _, role, _ in found] == ["first_frame", "last_frame"]
        for names, place in ((["moving.gif"], 0), (["other", "clip.mp4"], 1), (["other", "other", "other"], 2)):
            with pytest.raises(TaskFailure) as failure:
                await fetched(tmp_path, host, *(host.ref(name) for name in names), references=False)
            assert failure.value.code == "invalid_media"
            assert failure.value.message == f"'mediaUrls.{place}': this model takes one or two still pictures only"


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("missing.png", "image", "could not be fetched: 127.0.0.1 answered 404"),
        ("half.png", "image", "is damaged, or only a part of a file"),
        ("page.html", None, "is not a picture, video or sound in a format that is taken"),
        ("list", "video", "is not a picture, video or sound in a format that is taken"),
        ("picture.png", "video", "is named as a video and is a picture"),
        ("clip.mp4", "image", "is named as a picture and is a video"),
        ("sound.wav", "video", "is named as a video and is a sound"),
    ],
)
async def test_the_url_at_fault_is_named(
    tmp_path: Path, stock: dict[str, bytes], name: str, kind: str | None, reason: str
) -> None:
    async with shelf(stock) as host:
        with pytest.raises(TaskFailure) as failure:
            await fetched(tmp_path, host, host.ref("other"), host.ref(name, kind), host.ref("missing.png"))
    assert failure.value.code == "invalid_media"
    assert failure.value.message == f"'mediaUrls.1' {reason}"


async def test_sizes_are_limited_by_kind(tmp_path: Path, stock: dict[str, bytes]) -> None:
    limits = inputs.Limits(bytes_max={"image": 100, "video": 10_000_000, "audio": 100})
    async with shelf(stock) as host:
        for kind in ("image", None):
            with pytest.raises(
                TaskFailure, match=r"'mediaUrls.0' is larger than 0 MB, the most that a picture may have"
            ):
                await fetched(tmp_path, host, host.ref("picture.png", kind), limits=limits)
        await fetched(tmp_path, host, host.ref("clip.mp4", "video"), limits=limits)
    assert inputs.BYTES_MAX == {"image": 30_000_000, "video": 100_000_000, "audio": 15_000_000}


async def test_addresses_that_are_not_public_are_never_dialled(tmp_path: Path, stock: dict[str, bytes]) -> None:
    async with shelf(stock) as host, shelf(stock) as inner:
        for url in (
            f"http://127.0.0.1:{inner.port}/other",
            f"https://localhost:{inner.port}/other",
            "file:///etc/passwd",
        ):
            with pytest.raises(TaskFailure, match=r"'mediaUrls.0' could not be fetched: The URL"):
                await fetched(tmp_path, host, MediaRef(url=url, role="reference"))
    assert not inner.asked


async def test_files_of_our_own_are_read_in_place(tmp_path: Path, stock: dict[str, bytes]) -> None:
    async with shelf(stock) as host:
        own = MediaRef(url=f"{OWN}/files/0.signature/uploads/ab/picture.png", role="first_frame", kind="image")
        found, noted = await fetched(tmp_path, host, own)
        assert [each[:2] for each in found] == [("image", "first_frame")]
        assert noted == {"read": 1}
        gone = MediaRef(url=f"{OWN}/files/0.signature/uploads/ab/gone.png", role="first_frame", kind="image")
        with pytest.raises(TaskFailure, match=r"'mediaUrls.0' is not, or no longer, a file of this server"):
            await fetched(tmp_path, host, gone)
    assert not host.asked


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (f"{OWN}/files/sig/a/b.png", OwnFile("sig", "a/b.png")),
        (f"{OWN}/files/sig/a/b.png?download", OwnFile("sig", "a/b.png")),
        ("HTTP://127.0.0.1:8787/files/sig/b.png", OwnFile("sig", "b.png")),
        (f"{OWN}/files/sig/", None),
        (f"{OWN}/files/sig", None),
        (f"{OWN}/metrics", None),
        (f"{OWN}.evil.example/files/sig/b.png", None),
        (f"{OWN}@evil.example/files/sig/b.png", None),
        ("https://127.0.0.1:8787/files/sig/b.png", None),
        ("http://127.0.0.1:87870/files/sig/b.png", None),
        ("http://[/files/sig/b.png", None),
    ],
)
def test_which_urls_are_our_own(url: str, found: OwnFile | None) -> None:
    assert own_file(url, OWN) == found


async def test_cancelling_stops_downloads_and_leaves_nothing(tmp_path: Path, stock: dict[str, bytes]) -> None:
    async with shelf(stock) as host:
        running = asyncio.create_task(fetched(tmp_path, host, host.ref("other"), host.ref("slow")))
        while not host.asked["slow"]:
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert not list(tmp_path.rglob("raw-*"))


async def test_a_busy_host_is_waited_for(
    tmp_path: Path, stock: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "BUSY_NAP_S", 0.02)
    many = stock | {f"picture-{number}": stock["other"] for number in range(12)}
    async with shelf(many) as host:
        found, noted = await fetched(tmp_path, host, *(host.ref(f"picture-{number}") for number in range(12)))
    assert len(found) == noted["fetched"] == 12
