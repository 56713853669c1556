"""Paints a developed frame: watercolour, oil, anime, comic.

Tones and strokes are found in a reduced picture, of 360 lines for a frame of 720, and brought back to the frame
along its own edges; what has sharp borders (bands of tone, ink, dots) is cut at the frame's full size.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.finish import strokes, study, texture
from seedbed.engines.previz.finish.brush import (
    ANIME,
    BLUE,
    COMIC,
    FIRST,
    FOOT,
    GAIN,
    OIL,
    RED,
    SECOND,
    WATERCOLOUR,
    lay,
)
from seedbed.engines.previz.grade import Planes

Floats = NDArray[np.float32]
Check = Callable[[], None]

KINDS = {"watercolour": WATERCOLOUR, "oil": OIL, "anime": ANIME, "comic": COMIC}
_SMOOTH = {WATERCOLOUR: (1.7, 2.4, 2), OIL: (1.1, 1.6, 1), ANIME: (1.1, 1.6, 1), COMIC: (1.1, 1.7, 1)}
"""How wide the squares are whose means are taken, how far away, and how often; in pixels of 360 lines."""
_LINES = 180.0
"""A frame of four times as many lines is reduced by two, of nine times by three."""


class Easel:
    """What one painted style needs at one size: its tile and what stands still. Frames share it, unchanged."""

    def __init__(self, style: str, width: int, height: int, seed: int) -> None:
        self._kind = KINDS[style]
        short = min(width, height)
        self._less = max(round(math.sqrt(short / _LINES)), 1)
        self._rows, self._columns = -(-height // self._less), -(-width // self._less)
        self._unit = short / (360.0 * self._less)
        scale, rows, columns = short / 720.0, self._rows, self._columns
        self._still = np.zeros((2, rows, columns), np.float32)
        self._drift = np.zeros((2, rows, columns), np.float32)
        if self._kind == WATERCOLOUR:
            self._tile = texture.paper(scale, seed)
            self._still[0], self._still[1] = texture.pigment(rows, columns, seed), texture.border(rows, columns, seed)
        elif self._kind == OIL:
            self._tile = texture.canvas(scale, seed)
            self._drift, self._hairs = texture.drift(rows, columns, seed), strokes.hairs(seed)
            apart = (self._unit * 6.4, self._unit * 3.1)
            self._spots = [strokes.places(rows, columns, max(size, 1.5), seed) for size in apart]
        elif self._kind == COMIC:
            self._tile = texture.halftone(scale)
        else:
            self._tile = np.zeros((1, 1), np.float32)

    def paint(self, planes: Planes, check: Check) -> Planes:
        """The frame, painted. The given planes are left as they are."""
        tones = np.empty((3, self._rows, self._columns), np.float32)
        study.reduce(*planes, self._less, tones)
        check()
        maps = np.empty((6, self._rows, self._columns), np.float32)
        flat = self._flat(tones)
        check()
        flat = self._own(flat, maps)
        check()
        study.guide(flat[0], tones[0], self._px(1.6), 4e-4, maps[GAIN], maps[FOOT])
        maps[BLUE : RED + 1] = flat[1:3]
        out = (np.empty_like(planes[0]), np.empty_like(planes[1]), np.empty_like(planes[2]))
        lay(self._kind, planes[0], maps, self._less, self._tile, *out)
        return out

    def _px(self, size: float) -> int:
        """A length in pixels of the reduced picture, of one that is `size` where that has 360 lines."""
        return max(round(size * self._unit), 1)

    def _flat(self, tones: Floats) -> Floats:
        """Tones without their small detail."""
        flat, spare = np.empty_like(tones), np.empty_like(tones)
        reach, away, passes = _SMOOTH[self._kind]
        study.flatten(tones, self._px(reach), away * self._unit, flat)
        if passes == 2:
            study.flatten(flat, self._px(reach * 0.5), away * 0.6 * self._unit, spare)
            flat = spare
        study.sparkle(tones, flat)
        return flat

    def _own(self, flat: Floats, maps: Floats) -> Floats:
        """Fills the two maps that a style has to itself, and gives its tones."""
        first, second = maps[FIRST], maps[SECOND]
        if self._kind == WATERCOLOUR:
            study.slopes(flat[0], second)
            study.box(second, first, 1)
            ring = np.exp(-((self._still[1] - 1.1) ** 2) * 1.4)
            first[:] = np.minimum(first * (13.0 * self._unit), 1.3) + 0.26 * self._still[0] + 0.8 * ring
            second[:] = self._still[1]
            return flat
        if self._kind == OIL:
            out, unit = flat.copy(), self._unit
            study.slopes(flat[0], second)
            way = study.runs(flat[0], self._drift, self._px(1.6), 0.03)
            height = np.zeros_like(second)
            for spots, size in zip(self._spots, (1.0, 0.5), strict=True):
                long, broad = max(12.0 * size * unit, 2.0), max(3.4 * size * unit, 1.2)
                strokes.brush(flat, second, way, spots, self._hairs, long, broad, size < 1.0, out, height)
            strokes.relief(height, first)
            second[:] = out[0]
            return out
        study.contours(flat[0], self._px(1.5), first)
        second[:] = flat[0]
        return flat
