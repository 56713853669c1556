"""Animations, clips and sounds come in right: rates, turns, sizes, ranges, levels, lengths."""

from __future__ import annotations

import struct
import wave
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw

from seedbed import media
from seedbed.media.refusals import Refused
from seedbed.media.sandbox import Plain
from tests import hostile_files as files
from tests.media_samples import BLUE, GREEN, RED, WHITE, corners, near, plain, quarters, written

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


@pytest.mark.parametrize("form", ["GIF", "WEBP"])
async def test_an_animation_that_is_clear_in_places_is_seen_over_white(tmp_path: Path, form: str) -> None:
    """Each frame by itself: what the one before showed is gone where this one is clear."""
    frames = []
    for colour, left in ((RED, 0), (BLUE, 32)):
        image = Image.new("RGBA", (64, 48), (0, 0, 0, 0))
        ImageDraw.Draw(image).ellipse((left, 0, left + 31, 47), fill=colour)
        frames.append(image)
    exact = {"lossless": True} if form == "WEBP" else {"disposal": 2}
    data = written(frames[0], form, save_all=True, append_images=frames[1:], duration=500, loop=0, **exact)
    clip = await film(tmp_path, data)
    shown = [clip.frames[number][24, x].tolist() for number in (3, 20) for x in (12, 52)]
    assert near(shown, [RED, (255, 255, 255), (255, 255, 255), BLUE], 24), shown


async def test_an_animation_of_differences_is_put_together(tmp_path: Path) -> None:
    """GIFs hold only what has changed since the frame before."""
    first, second = Image.new("RGB", (64, 48), GREEN), Image.new("RGB", (64, 48), GREEN)
    second.paste(RED, (0, 0, 16, 16))
    data = written(first, "GIF", save_all=True, append_images=[second], duration=500, disposal=1)
    clip = await film(tmp_path, data)
    assert near([tuple(clip.frames[20][6, 6]), tuple(clip.frames[20][40, 50])], [RED, GREEN], 24)


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


async def test_a_phones_film(tmp_path: Path) -> None:
    """All at once, as a phone writes it: HEVC of ten bits in HLG, lying on its side, at an uneven rate, with sound."""
    upright = quarters(64, 96)
    stored = np.asarray(upright.rotate(90, expand=True)).astype(np.uint16) * 257
    times = [Fraction(number, 30) + Fraction(number % 3, 200) for number in range(30)]

    def phone(stream: object) -> None:
        context = stream.codec_context  # type: ignore[attr-defined]
        context.colorspace, context.color_trc, context.color_primaries, context.color_range = 9, 18, 9, 1
        context.codec_tag = "hvc1"
        stream.set_display_rotation(-90)  # type: ignore[attr-defined]

    made = {"codec": "libx265", "pixel_format": "yuv420p10le", "form": "mov", "options": {"x265-params": "log-level=0"}}
    data = clip_bytes(
        tmp_path, width=96, height=64, times=times, sound=True, paint=lambda n: stored, prepare=phone, **made
    )
    clip = await film(tmp_path, data)
    assert (clip.found.width, clip.found.height) == (64, 96)
    assert abs(clip.proof.frames - 24) <= 1
    assert clip.proof.audio is not None
    found = corners(Image.fromarray(clip.frames[10]))
    # The film's colours are wide and bright, so that they are judged by which of the three is strongest.
    assert [int(np.argmax(colour)) for colour in found[:3]] == [0, 1, 2], found
    assert min(found[3]) > 200, found


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


@pytest.mark.parametrize("layout", ["float", "extensible", "surround"])
async def test_wavs_of_other_makes(tmp_path: Path, layout: str) -> None:
    """Samples as floats; a header of the extensible kind; six channels, of which the first two lead."""
    channels = 6 if layout == "surround" else 2
    tone = _tone(48_000)[:, None].repeat(channels, 1)
    if layout == "float":
        kind, bits, samples = 3, 32, tone.astype("<f4").tobytes()
    else:
        kind, bits, samples = 0xFFFE, 16, (tone * 32767).astype("<i2").tobytes()
    frame = channels * bits // 8
    head = struct.pack("<HHIIHH", kind, channels, 48_000, 48_000 * frame, frame, bits)
    if kind == 0xFFFE:
        guid = bytes.fromhex("0100000000001000800000aa00389b71")
        head += struct.pack("<HHI", 22, bits, 0x3F if channels == 6 else 3) + guid
    body = b"WAVEfmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", len(samples)) + samples
    sound = await heard(tmp_path, b"RIFF" + struct.pack("<I", len(body)) + body)
    assert abs(len(sound) - 48_000) < 100
    for side in (sound[:, 0], sound[:, 1]):
        assert abs(_pitch(side) - 440) < 3
        assert 0.2 < np.abs(side[4800:-4800]).max() <= 1.0


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
