"""Files made to hurt whoever reads them, and plain ones to compare with. Each function writes one file."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, body: bytes, *, bits: int = 8, colour: int = 2, before: bytes = b"") -> bytes:
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + before + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def zeros(size_bytes: int) -> bytes:
    """Zeros, packed a thousandfold, made without having them all."""
    packer, out, block = zlib.compressobj(9), bytearray(), bytes(1 << 20)
    for _ in range(size_bytes >> 20):
        out += packer.compress(block)
    return bytes(out + packer.flush())


def huge_png() -> bytes:
    """65,535 × 65,535: 12 GB of pixels in a few kilobytes."""
    return png(65_535, 65_535, zlib.compress(bytes(1 << 20)))


def bomb_png() -> bytes:
    """A picture of believable size, whose data unpacks to 256 MB."""
    return png(64, 64, zeros(256 << 20))


def text_bomb_png() -> bytes:
    """A small picture with 200 comments, each of which unpacks to 64 MiB."""
    bomb = chunk(b"zTXt", b"Comment\0\0" + zeros(64 << 20)) * 200
    return png(1, 1, zlib.compress(bytes(4)), before=bomb)


def wide_png() -> bytes:
    """Just over 50 megapixels, all of it there."""
    return png(10_000, 5_001, zeros(10_000 * 5_001 * 3 + (2 << 20)))


def many_frames_gif(frames: int = 100_000) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    frame = b"!\xf9\x04\0\1\0\0\0" + b",\0\0\0\0\1\0\1\0\0" + b"\x02\x02D\x01\0"
    return head + frame * frames + b";"


def huge_canvas_gif() -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0x80, 0, 0) + bytes(6)
    return head + (b",\0\0\0\0\1\0\1\0\0" + b"\x02\x02D\x01\0") * 2 + b";"


def endless_gif() -> bytes:
    """Sub-blocks without end."""
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    return head + b"!\xfe" + (b"\xff" + b"A" * 255) * 4000


def scans_jpeg() -> bytes:
    """A progressive picture near the limit on pixels, whose last scan comes again and again."""
    import io

    out = io.BytesIO()
    Image.new("RGB", (7000, 7000), (90, 120, 40)).save(out, "JPEG", progressive=True, quality=30)
    data = out.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * 1000 + b"\xff\xd9"


def box(kind: bytes, *content: bytes) -> bytes:
    data = b"".join(content)
    return struct.pack(">I", len(data) + 8) + kind + data


def lying_mp4(good: bytes, kind: bytes, at: int, value: bytes) -> bytes:
    """`good` with `value` written `at` bytes into the content of its first box of `kind`."""
    place = good.index(kind) + 4 + at
    return good[:place] + value + good[place + len(value) :]


def boxes_in_boxes_mp4() -> bytes:
    inner = b""
    for _ in range(20_000):
        inner = inner[: 1 << 16]
        inner = box(b"trak", inner)
    return box(b"ftyp", b"isom", bytes(4), b"isom") + box(b"moov", inner) + box(b"mdat", bytes(64))


def film(
    path: Path,
    *,
    width: int = 64,
    height: int = 48,
    frames: int = 24,
    fps: Fraction | int = 24,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    sound: bool = False,
    form: str = "mp4",
    prepare: Any = None,
    paint: Any = None,
    times: list[Fraction] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A real clip. `paint(n)` gives the picture n as RGB; `times` when each is shown; `prepare(stream)` comes first."""
    with av.open(str(path), "w", format=form) as out:
        stream: Any = out.add_stream(codec, rate=fps, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        if prepare:
            prepare(stream)
        tone: Any = out.add_stream("aac", rate=48_000, layout="mono") if sound else None
        if times:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(len(times) if times else frames):
            rgb = paint(number) if paint else np.full((height, width, 3), number * 5 % 250, np.uint8)
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24" if rgb.dtype == np.uint8 else "rgb48le")
            frame.pts = round(times[number] * 1000) if times else number
            frame.time_base = Fraction(1, 1000) if times else 1 / Fraction(fps)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if tone is not None:
            length_s = float(times[-1]) if times else float(frames / Fraction(fps))
            heard = (np.sin(np.arange(int(length_s * 48_000)) * 0.05) * 9000).astype(np.int16).reshape(1, -1)
            piece = av.AudioFrame.from_ndarray(heard, format="s16", layout="mono")
            piece.sample_rate, piece.pts = 48_000, 0
            out.mux(tone.encode(piece))
            out.mux(tone.encode(None))
    return path


def wav(samples: bytes, *, rate: int = 8000, channels: int = 1, bits: int = 8, claim: int | None = None) -> bytes:
    """A WAV that claims `claim` bytes of samples, or as many as there are."""
    size = len(samples) if claim is None else claim
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * block, block, bits)
    inner = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size) + samples
    return b"RIFF" + struct.pack("<I", min(len(inner), 2**32 - 1)) + inner


def mp3(path: Path, length_s: float = 1.0) -> bytes:
    with av.open(str(path), "w", format="mp3") as out:
        tone = out.add_stream("mp3", rate=44_100, layout="mono")
        heard = (np.sin(np.arange(int(length_s * 44_100)) * 0.06) * 9000).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(heard, format="s16p", layout="mono")
        frame.sample_rate, frame.pts = 44_100, 0
        out.mux(tone.encode(frame))
        out.mux(tone.encode(None))
    return path.read_bytes()


def soundtrack(path: Path) -> bytes:
    """An MP4 that has sound and no pictures."""
    with av.open(str(path), "w", format="mp4") as out:
        tone = out.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 48_000, 0
        out.mux(tone.encode(frame))
        out.mux(tone.encode(None))
    return path.read_bytes()


def synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def id3(*frames: bytes, size: int | None = None) -> bytes:
    """An ID3v2.3 tag. A frame is its own bytes, whatever its head claims."""
    data = b"".join(frames)
    return b"ID3\x03\0\0" + synchsafe(len(data) if size is None else size) + data


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
HLS = b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
FITS = b"SIMPLE  =                    T".ljust(80) + b"BITPIX  =                    8".ljust(80) + b"END".ljust(2720)
PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
HTML = b"<!doctype html><script>alert(1)</script>"
TIFF = b"II*\0\x08\0\0\0" + bytes(64)
AVI = b"RIFF\x40\0\0\0AVI LIST" + bytes(64)
MKV = b"\x1a\x45\xdf\xa3" + bytes(64)
DASH = b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>'
CONCAT = b"ffconcat version 1.0\nfile /etc/passwd\n"
HEIC = box(b"ftyp", b"heic", bytes(4), b"mif1heic") + bytes(64)
REFUSED_BY_SIGHT = {
    "svg": SVG,
    "hls": HLS,
    "fits": FITS,
    "pdf": PDF,
    "html": HTML,
    "tiff": TIFF,
    "avi": AVI,
    "matroska": MKV,
    "dash": DASH,
    "concat": CONCAT,
    "heic": HEIC,
    "empty": b"",
    "one byte": b"\xff",
    "text": b"ID3 tags are described here",
    "zip": b"PK\x03\x04" + bytes(64),
    "a tag and nothing more": id3(b"TIT2" + struct.pack(">IH", 4, 0) + b"\0abc"),
    "a tag beyond the end": id3(b"abc", size=(1 << 28) - 1),
}
