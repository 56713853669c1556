"""A photograph as a shot: fitted by cover, with a slow push-in.

The stand-in for image-to-video until the engine learns to carry a picture into its world: the first frame is
the customer's image, and the camera moves.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from seedbed.engines import EngineError

Bytes = NDArray[np.uint8]
Planes = tuple[Bytes, Bytes, Bytes]
PUSH = 0.12
"""How much nearer the last frame is."""


class Still:
    """All frames of a push into one image. `draw` is pure and may be called from any thread."""

    def __init__(self, path: Path, *, width: int, height: int, frames: int, fixed: bool) -> None:
        try:
            with Image.open(path) as opened:
                upright = ImageOps.exif_transpose(opened).convert("RGBA")
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise EngineError("The image could not be read") from error
        paper = Image.new("RGBA", upright.size, "black")
        image = Image.alpha_composite(paper, upright).convert("RGB")
        self._size, self._frames, self._fixed = (width, height), frames, fixed
        self._image = ImageOps.fit(image, (width * 5 // 4, height * 5 // 4), Image.Resampling.LANCZOS)

    def draw(self, number: int, check: Callable[[], None]) -> Planes:
        """Frame `number` as the three planes of 4:2:0 BT.709."""
        check()
        share = 0.0 if self._fixed else number / max(self._frames - 1, 1)
        crop = 0.5 - 0.5 / (1.0 + PUSH * share * share * (3.0 - 2.0 * share))
        wide, tall = self._image.size
        box = (wide * crop, tall * crop, wide * (1 - crop), tall * (1 - crop))
        frame = self._image.resize(self._size, Image.Resampling.BICUBIC, box=box)
        return planes(np.asarray(frame, np.float32) / np.float32(255))


def planes(picture: NDArray[np.float32]) -> Planes:
    """An sRGB picture (rows, columns, 3) of 0 … 1 as 4:2:0 BT.709 in limited range."""
    r, g, b = picture[..., 0], picture[..., 1], picture[..., 2]
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    u, v = (b - y) / 1.8556, (r - y) / 1.5748
    small = [c.reshape(c.shape[0] // 2, 2, c.shape[1] // 2, 2).mean((1, 3)) for c in (u, v)]
    luma = np.clip(16.5 + 219 * y, 16, 235).astype(np.uint8)
    blue, red = (np.clip(128.5 + 224 * c, 16, 240).astype(np.uint8) for c in small)
    return luma, blue, red
