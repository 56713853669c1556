"""What surfaces look like: rows of a palette that `shade` reads, and the patterns drawn over them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

RED, GREEN, BLUE, GLOW_RED, GLOW_GREEN, GLOW_BLUE, GLOSS, MIRROR, OPACITY, PATTERN, TWO_SIDED = range(11)
P0, P1, P2, P3, P4, P5, P6, P7, P8 = range(11, 20)
"""What a pattern makes of its numbers is said beside its name."""
SLOTS = 20

PLAIN = 0
WINDOWS = 1
"""A facade of windows in a wall: width and height of a bay in metres, share of lit windows, how bright these are, a
seed; how much of the bricks shows 0 … 1, share of a bay's width and of its height that is window (0: ordinary)."""
STREAKS = 2
"""Grain along v (wood, hair): streaks a metre across, how strong, a seed."""
MOTTLED = 3
"""Soft spots (leaves, fur, stone, rust): spots a metre, how strong, a seed."""
TILES = 4
"""Courses (bricks, tiles, planks): width and height in metres, depth of the joint's tone 0 … 1, a seed."""
CHECKS = 5
"""A checkerboard: side in metres, how much darker every other field is."""
CURTAIN = 6
"""A facade of glass: width and height of a pane in metres, share of lit panes, how bright these are, a seed; share of
a floor's height that is an opaque band."""
SHOPS = 7
"""A row of shop fronts: width of a shop and height of the floor in metres, share of lit shops, how bright, a seed."""
GLYPHS = 8
"""Luminous characters in rows: side of one in metres, a seed, share of places that hold one."""
ASPHALT = 9
"""Tarmac: how rough its tone is 0 … 1, a seed."""
ROAD = 10
"""Tarmac with lanes; u runs across from the middle, v along: width of a lane in metres, lanes each way, how strong
the paint is 0 … 1, how rough the tarmac, a seed."""
STRIPES = 11
"""Bands along v: width of a band and of the gap in metres, their brightness over the paint's, a seed."""
WOOD = 12
"""Boards along v: width of a board in metres, how strong the grain is, a seed."""
CLOTH = 13
"""Weave with soft folds: threads a metre, how strong the folds are, a seed."""


def paint(
    colour: str | Sequence[float], *, glow: str | Sequence[float] = (0, 0, 0), glow_by: float = 1.0, gloss: float = 0.1,
    mirror: float = 0.0, opacity: float = 1.0, pattern: int = PLAIN, numbers: Sequence[float] = (),
    two_sided: bool = False,
) -> Floats:  # fmt: skip
    """One row (SLOTS): colours as sRGB like `e0a526` or as linear light. `gloss` 0 (chalk) … 1 (polish) is the
    sharpness of highlights, `mirror` 0 … 1 how much of the sky it throws back, `opacity` below 1 is glass or smoke.
    `glow` is light of its own."""
    row = np.zeros(SLOTS, np.float32)
    row[RED : BLUE + 1] = _light(colour)
    row[GLOW_RED : GLOW_BLUE + 1] = _light(glow) * np.float32(glow_by)
    row[GLOSS], row[MIRROR], row[OPACITY], row[PATTERN], row[TWO_SIDED] = gloss, mirror, opacity, pattern, two_sided
    row[P0 : P0 + len(numbers)] = numbers
    return row


class Palette:
    """Rows of paint, each kept once; `add` gives the number by which a mesh names it."""

    def __init__(self) -> None:
        self._rows: dict[bytes, int] = {}

    def add(self, row: Floats) -> int:
        return self._rows.setdefault(row.tobytes(), len(self._rows))

    def rows(self) -> Floats:
        """(n, SLOTS), n ≥ 1."""
        rows = [np.frombuffer(row, np.float32) for row in self._rows] or [np.zeros(SLOTS, np.float32)]
        return np.stack(rows)


def _light(colour: str | Sequence[float]) -> Floats:
    if not isinstance(colour, str):
        return np.asarray(colour, np.float32)
    value = np.array([int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)])
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)
