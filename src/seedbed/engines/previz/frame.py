"""One frame while it is drawn: light, distances and the camera, which all that draw in it share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.stage import FAR_M, View

Floats = NDArray[np.float32]
Check = Callable[[], None]
"""Called often while drawing; raises to stop it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """`light` (3, rows, stride) is linear; `depth` (rows, stride) the metres straight ahead to what each pixel shows.
    Only the first `width` columns count."""

    light: Floats
    depth: Floats
    view: View
    width: int

    @property
    def height(self) -> int:
        return int(self.light.shape[1])


def stride(width: int) -> int:
    """Columns to keep for a row of `width`: rows start on cache lines, and never a power of two apart."""
    pad = -(-width // 16) * 16
    return pad + (16 if (pad // 16) % 2 == 0 else 0)


def blank(width: int, height: int, view: View) -> Frame:
    """Nothing yet: dark sky everywhere."""
    columns = stride(width)
    return Frame(np.zeros((3, height, columns), np.float32), np.full((height, columns), FAR_M, np.float32), view, width)
