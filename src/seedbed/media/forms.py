"""Which media are taken, and how each is told by its first bytes. Nothing is decoded here.

The allowlist is short on purpose: what is not on it is refused whatever its name says, and a medium is only
ever given to the one reader of its own form.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

Kind = Literal["image", "video", "audio"]

_HEAD_BYTES = 4096
_TAGS_MAX = 4
_PADDING_BYTES_MAX = 64 << 10


@dataclass(frozen=True, slots=True)
class Form:
    """A way of writing a medium down. `kind` is what a name may call it."""

    name: str
    kind: Kind
    content_type: str
    extension: str


FORMS: dict[str, Form] = {
    form.name: form
    for form in (
        Form("jpeg", "image", "image/jpeg", ".jpg"),
        Form("png", "image", "image/png", ".png"),
        Form("webp", "image", "image/webp", ".webp"),
        Form("gif", "image", "image/gif", ".gif"),
        Form("bmp", "image", "image/bmp", ".bmp"),
        Form("mp4", "video", "video/mp4", ".mp4"),
        Form("mov", "video", "video/quicktime", ".mov"),
        Form("mp3", "audio", "audio/mpeg", ".mp3"),
        Form("wav", "audio", "audio/wav", ".wav"),
    )
}

# Brands are four bytes; a blank is written `_` here.
_BRANDS = frozenset(
    b"isom iso2 iso3 iso4 iso5 iso6 iso7 iso8 iso9 mp41 mp42 mp71 avc1 dash MSNV M4V_ M4VH M4VP XAVC qt__".split()
)
# Pictures and sounds in the same kind of boxes: their lists of brands may well name a video's.
_OTHER_BRANDS = frozenset(b"heic heix heim heis hevc hevx mif1 msf1 avif avis crx_ M4A_ M4B_ M4P_ jp2_ jpx_".split())


def sniff(path: Path) -> Form | None:
    """The form of the medium at `path`, by its own bytes; None for all that is not taken."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        name = _by_signature(head) or _by_boxes(head) or _mp3(file, head)
    return FORMS[name] if name else None


def _by_signature(head: bytes) -> str | None:
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if head[:4] == b"RIFF":
        return {b"WEBP": "webp", b"WAVE": "wav"}.get(head[8:12])
    # Two letters are no proof: the length of the second header must be one of those that there are.
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in (12, 40, 52, 56, 64, 108, 124):
        return "bmp"
    return None


def _by_boxes(head: bytes) -> str | None:
    """MP4 or QuickTime, by the brands of the box that comes first."""
    size = int.from_bytes(head[:4], "big")
    if head[4:8] != b"ftyp" or not 16 <= size <= 1024 or size % 4:
        return None
    brands = [head[at : at + 4].replace(b" ", b"_") for at in (8, *range(16, size, 4))]
    major = brands[0]
    if major in _OTHER_BRANDS or not _BRANDS.intersection(brands):
        return None
    return "mov" if major == b"qt__" else "mp4"


def _mp3(file: BinaryIO, head: bytes) -> str | None:
    """Two frames in a row, after the tags where there are some."""
    at = 0
    for _ in range(_TAGS_MAX):
        file.seek(at)
        tag = file.read(10)
        if tag[:3] != b"ID3":
            break
        if len(tag) < 10 or any(byte & 0x80 for byte in tag[6:]):
            return None
        size = tag[6] << 21 | tag[7] << 14 | tag[8] << 7 | tag[9]
        at += 10 + size + (10 if tag[5] & 0x10 else 0)
    file.seek(at)
    data = file.read(_PADDING_BYTES_MAX)
    if at:  # after a tag there may be zeros
        data = data.lstrip(b"\0")
    length = _mp3_frame_bytes(data[:4])
    return "mp3" if length and _mp3_frame_bytes(data[length : length + 4]) else None


_BITRATES_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITRATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def _mp3_frame_bytes(head: bytes) -> int:
    """The length of the MPEG layer III frame that begins so; 0 where none does."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or layer != 1 or bitrate in (0, 15) or rate == 3:
        return 0
    kbps = (_BITRATES_1 if version == 3 else _BITRATES_2)[bitrate]
    return (144 if version == 3 else 72) * kbps * 1000 // _RATES_HZ[version][rate] + padding
