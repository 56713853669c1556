"""Every kind of picture comes in right: upright, opaque, in sRGB, 8 bits, not too large."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests import hostile_files as files
from tests.media_samples import BLUE, GREEN, RED, WHITE, corners, near, plain, quarters, written


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


async def test_sixteen_bits_with_a_transparent_half(tmp_path: Path) -> None:
    import zlib

    pixel = struct.pack(">HHHH", 0xC000, 0x8000, 0x4000, 0xFFFF), struct.pack(">HHHH", 0, 0, 0, 0)
    row = b"\0" + pixel[0] * 2 + pixel[1] * 2
    image = await picture(tmp_path, files.png(4, 3, zlib.compress(row * 3), bits=16, colour=6))
    assert near([image.getpixel((0, 1)), image.getpixel((3, 1))], [(192, 128, 64), (255, 255, 255)], 1)


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
