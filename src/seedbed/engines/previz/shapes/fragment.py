"""The buffer in which pieces of surface wait to be lit together: rows of one flat array, a column for each piece.

Rows are fixed distances apart in one array, so a compiler sees that they never overlap and lights many at once.
"""

from __future__ import annotations

ROOM = 256
"""Pieces that are lit together, at most: their rows stay in the processor's cache."""
_NAMES = 35

(
    X, Y, Z, NORMAL_X, NORMAL_Y, NORMAL_Z, GAZE_X, GAZE_Y, GAZE_Z, FACING, COLOUR_R, COLOUR_G, COLOUR_B, GLOW_R, GLOW_G,
    GLOW_B, GLOSSY, MIRRORS, OPEN, SUNLIT, VEIL, HAZE_R, HAZE_G, HAZE_B, LIGHT_R, LIGHT_G, LIGHT_B, SHARE, AT_U, AT_V,
    WIDE_U, WIDE_V, CLEAR, AHEAD, SPARE,
) = (name * ROOM for name in range(_NAMES))  # fmt: skip
"""Place, unit normal, unit direction of sight and the cosine between them; paint and own light; the sky's share; the
sun's share; how much air hides, and its colour; light towards the eye; share of the pixel; place and width of the
pixel in metres over the surface; opacity; distance straight ahead."""

SIZE = _NAMES * ROOM
# Rows of the whole numbers that go with them.
COLUMN, ROW, TRIANGLE = 0, ROOM, 2 * ROOM
"""Column of the image; row of the palette; which of the triangles that are seen."""
NUMBERS = 3 * ROOM
