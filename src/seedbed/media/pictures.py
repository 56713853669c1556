"""Pictures of strangers become plain ones: upright, sRGB, eight bits, opaque, of a bounded size, nothing else in them.

Runs in the sandbox alone. One reader for each form, chosen by the caller and never guessed.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageCms

from seedbed.media.refusals import Refused

PIXELS_MAX = 50_000_000
SIDE_MAX = 4096
"""Longest side of a plain picture: what the largest output can show."""
MOVING_SIDE_MAX = 1920
MOVING_FRAMES_MAX = 60
MOVING_S_MAX = 60
PAPER = (255, 255, 255)
"""What shows through transparent places: pictures with such places are mostly drawn for white pages."""

Image.MAX_IMAGE_PIXELS = None  # the limit is ours, and is checked before anything is decoded


def frame_count(form: str, file: BinaryIO) -> int:
    """How many frames a GIF or WebP shows, counted in its blocks up to one more than are taken; else 1."""
    count = {"gif": _gif_frames, "webp": _webp_frames}.get(form)
    file.seek(0)
    return count(file) if count else 1


def opened(form: str, file: BinaryIO) -> Image.Image:
    """The picture with its size checked and nothing decoded yet. Raises Refused."""
    if form in ("gif", "webp") and frame_count(form, file) > MOVING_FRAMES_MAX:
        raise Refused("frames")
    file.seek(0)
    image = Image.open(file, formats=[form.upper()])
    if image.width * image.height > PIXELS_MAX:
        raise Refused("pixels")
    if image.width < 1 or image.height < 1:
        raise Refused("damaged")
    return image


def plain(image: Image.Image, side_max: int = SIDE_MAX) -> Image.Image:
    """The picture as RGB, decoded now, its longest side at most `side_max` pixels.

    Transparent places show PAPER. A profile that cannot be read counts as none.
    """
    orientation = image.getexif().get(0x0112, 1)
    profile = image.info.get("icc_profile")
    image = _workable(image)
    if max(image.size) > side_max:
        scale = side_max / max(image.size)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
    image = _srgb(_opaque_mode(image), profile)
    if alpha is not None:
        paper = Image.new("RGB", image.size, PAPER)
        paper.paste(image, mask=alpha)
        image = paper
    return _upright(image, orientation)


def save(image: Image.Image, path: Path) -> None:
    """Write a plain picture as a PNG that holds its pixels and nothing else."""
    bare = Image.new("RGB", image.size)
    bare.paste(image)
    bare.save(path, "PNG", compress_level=1)


def moving(image: Image.Image) -> Iterator[tuple[Fraction, Fraction, Image.Image]]:
    """Each frame of an animation with when it begins and how long it shows, in seconds. Raises Refused.

    A frame that says it shows for less than 20 ms shows for 100, as in every browser.
    """
    at_s = Fraction(0)
    for number in range(MOVING_FRAMES_MAX + 1):
        try:
            image.seek(number)
        except EOFError:
            return
        frame = plain(image.copy(), MOVING_SIDE_MAX)
        shown_ms = int(image.info.get("duration") or 0)
        shown_s = Fraction(100 if shown_ms < 20 else shown_ms, 1000)
        if at_s + shown_s > MOVING_S_MAX:
            raise Refused("long")
        yield at_s, shown_s, frame
        at_s += shown_s
    raise Refused("frames")


_FLIPS: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _upright(image: Image.Image, orientation: object) -> Image.Image:
    turn = _FLIPS.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _workable(image: Image.Image) -> Image.Image:
    """Decoded, in a mode of eight bits a channel that can be scaled and converted well."""
    transparent = "transparency" in image.info
    if image.mode in ("I", "I;16", "I;16B", "I;16L", "I;16N"):
        image = _eight_bits(image)
    if image.mode in ("P", "1"):
        image = image.convert("RGBA" if transparent else "RGB")
    elif image.mode in ("L", "RGB") and transparent:
        image = image.convert("RGBA")
    elif image.mode not in ("L", "LA", "RGB", "RGBA", "CMYK", "LAB"):
        image = image.convert("RGB")
    image.load()
    return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of sixteen bits, without the clipping that a plain conversion does."""
    return image.point(lambda value: value * (1 / 256)).convert("L")


def _opaque_mode(image: Image.Image) -> Image.Image:
    if image.mode == "RGBA":
        return image.convert("RGB")
    return image.convert("L") if image.mode == "LA" else image


def _srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB in sRGB, by the picture's own profile where it has one that fits."""
    if profile and image.mode in ("RGB", "CMYK", "L", "LAB"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")


# Blocks ----------------------------------------------------------------------------------------------------------


def _gif_frames(file: BinaryIO) -> int:
    """Pictures in a GIF (GIF89a, appendix A). Raises Refused where its blocks end in the middle."""
    head = _exactly(file, 13)
    _skip(file, _table_bytes(head[10]))
    frames = 0
    while frames <= MOVING_FRAMES_MAX:
        kind = file.read(1)
        if kind in (b";", b""):
            break
        if kind == b"!":
            _skip(file, 1)
        elif kind == b",":
            _skip(file, _table_bytes(_exactly(file, 9)[8]) + 1)
            frames += 1
        else:
            raise Refused("damaged")
        while size := _exactly(file, 1)[0]:
            _skip(file, size)
    return frames


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _webp_frames(file: BinaryIO) -> int:
    """Pictures in a WebP: its ANMF chunks, or the one of a still."""
    head = _exactly(file, 12)
    end = int.from_bytes(head[4:8], "little") + 8
    size = file.seek(0, io.SEEK_END)
    if end > size:
        raise Refused("damaged")
    at, frames = 12, 0
    while at + 8 <= end and frames <= MOVING_FRAMES_MAX:
        file.seek(at)
        chunk = _exactly(file, 8)
        frames += chunk[:4] == b"ANMF"
        length = int.from_bytes(chunk[4:], "little")
        at += 8 + length + length % 2
    return max(1, frames)


def _exactly(file: BinaryIO, size_bytes: int) -> bytes:
    data = file.read(size_bytes)
    if len(data) < size_bytes:
        raise Refused("damaged")
    return data


def _skip(file: BinaryIO, size_bytes: int) -> None:
    file.seek(size_bytes, io.SEEK_CUR)
