"""From an image file to the planes that the rest of the package samples: upright, on black, covering the frame.

Owns the fit and the change into BT.709 luma and colour differences, as 32-bit floats in the encoder's own code
values (luma 16 … 235, differences around 128). Never keeps more than one copy of the picture at full size.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from seedbed.engines import EngineError
from seedbed.engines.previz.jit import kernel

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
f32 = np.float32

PAD = 2
"""Pixels repeated around luma, so that a bicubic sample needs no look at the border."""
FINER = 1.2
"""How much finer than the frame a picture is kept when it has the pixels and the camera will come nearer."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A picture ready to be sampled. `luma` has PAD pixels around it; `blue` and `red` are half its size, with one
    pixel around them. `scale` is pixels of the picture to a pixel of the frame. `small` is the same view in RGB,
    0 … 1, at the size asked for, for those who study it."""

    luma: Floats
    blue: Floats
    red: Floats
    scale: float
    small: Floats


def load(path: Path) -> Image.Image:
    """The image upright, without transparency, in RGB. Raises EngineError when it cannot be read."""
    try:
        with Image.open(path) as opened:
            upright = ImageOps.exif_transpose(opened)
            if upright.mode.startswith("I"):
                # Pillow clips sixteen bits where it should scale them.
                upright = Image.fromarray((np.asarray(upright).clip(0, 65535) // 257).astype(np.uint8))
            if upright.mode != "RGB":
                upright = upright.convert("RGBA")
                upright = Image.alpha_composite(Image.new("RGBA", upright.size, "black"), upright).convert("RGB")
            upright.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise EngineError("The image could not be read") from error
    return upright


def cover(image: Image.Image, width: int, height: int) -> Image.Image:
    """The middle of `image` at the frame's ratio, at the frame's size."""
    return ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)


def sheet(image: Image.Image, *, width: int, height: int, finer: bool, small_px: int) -> Sheet:
    """`image` fitted to a frame of width × height pixels. `finer` keeps more pixels than the frame's where there
    are any; `small_px` is the longer side of the small copy."""
    share = min(image.width / width, image.height / height)
    scale = FINER if finer and share >= FINER else 1.0
    wide, tall = (round(side * scale / 2) * 2 for side in (width, height))
    fitted = cover(image, wide, tall)
    shrink = small_px / max(width, height)
    little = fitted.resize((max(round(width * shrink), 16), max(round(height * shrink), 16)), Image.Resampling.BOX)
    small = np.asarray(little, np.float32) / f32(255)
    luma = np.empty((tall + 2 * PAD, wide + 2 * PAD), np.float32)
    blue, red = (np.empty((tall // 2 + 2, wide // 2 + 2), np.float32) for _ in range(2))
    split(np.asarray(fitted), luma, blue, red)
    return Sheet(luma, blue, red, wide / width, np.ascontiguousarray(small))


@kernel
def split(rgb: Bytes, luma: Floats, blue: Floats, red: Floats) -> None:
    """sRGB bytes into padded planes of code values."""
    height, width = rgb.shape[0], rgb.shape[1]
    by, half = f32(219.0 / 255.0), f32(0.25 * 224.0 / 255.0)
    for y in range(luma.shape[0]):
        j = min(max(y - PAD, 0), height - 1)
        for x in range(luma.shape[1]):
            i = min(max(x - PAD, 0), width - 1)
            grey = f32(0.2126) * rgb[j, i, 0] + f32(0.7152) * rgb[j, i, 1] + f32(0.0722) * rgb[j, i, 2]
            luma[y, x] = f32(16.0) + by * grey
    for y in range(blue.shape[0]):
        j = min(max(y - 1, 0), height // 2 - 1) * 2
        for x in range(blue.shape[1]):
            i = min(max(x - 1, 0), width // 2 - 1) * 2
            r = f32(rgb[j, i, 0]) + f32(rgb[j, i + 1, 0]) + f32(rgb[j + 1, i, 0]) + f32(rgb[j + 1, i + 1, 0])
            g = f32(rgb[j, i, 1]) + f32(rgb[j, i + 1, 1]) + f32(rgb[j + 1, i, 1]) + f32(rgb[j + 1, i + 1, 1])
            b = f32(rgb[j, i, 2]) + f32(rgb[j, i + 1, 2]) + f32(rgb[j + 1, i, 2]) + f32(rgb[j + 1, i + 1, 2])
            blue[y, x] = f32(128.0) + half * (f32(-0.114572) * r - f32(0.385428) * g + f32(0.5) * b)
            red[y, x] = f32(128.0) + half * (f32(0.5) * r - f32(0.454153) * g - f32(0.045847) * b)
