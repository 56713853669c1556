"""What projection does to a film: the gate's weave, the lamp's flicker, dust, hairs, scratches, and the mask of
a wide screen.

A function of the frame's number and the seed alone. Draws into planes that the caller has just made.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.grade import Gate, Planes
from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.noise import fraction, gradient

Bytes = NDArray[np.uint8]

WIDE = 2.39
"""Width to height of the wide screen."""
_NARROW_MAX = 2.2
"""A frame that is wider than this is wide enough as it is."""


def bar(width: int, height: int) -> int:
    """Rows that the mask covers at the top, and as many at the bottom: even, and none where the frame is upright."""
    if width <= height or width / height >= _NARROW_MAX:
        return 0
    return max(round((height - width / WIDE) / 4) * 2, 0)


def letterbox(planes: Planes) -> None:
    """Masks `planes` to the wide screen, in place."""
    luma, blue, red = planes
    rows = bar(luma.shape[1], luma.shape[0])
    if rows:
        for plane, black, cut in ((luma, 16, rows), (blue, 128, rows // 2), (red, 128, rows // 2)):
            plane[:cut] = black
            plane[-cut:] = black


def gate(number: int, seed: int) -> Gate:
    """Where the film of frame `number` stands in the gate, less than a pixel off, and how bright the lamp is."""
    right = 0.7 * gradient(number * 0.31, 0.5, seed + 1) + 0.12 * (fraction(number, 1, seed) - 0.5)
    down = 0.7 * gradient(number * 0.43, 4.5, seed + 2) + 0.20 * (fraction(number, 2, seed) - 0.5)
    lamp = 1.0 + 0.030 * (fraction(number, 3, seed) - 0.5) + 0.045 * gradient(number * 0.23, 8.5, seed + 3)
    return Gate(number, lamp, min(max(right, -0.95), 0.95), min(max(down, -0.95), 0.95))


def dirty(planes: Planes, number: int, fps: int, seed: int) -> None:
    """Lays this frame's dust, hairs and scratches on `planes`, in place."""
    _spots(planes[0], number, seed)
    _scratches(planes[0], number, fps, seed)


@kernel
def _spots(luma: Bytes, number: int, seed: int) -> None:
    """Specks that are there for one frame only, most dark, some light; now and then a hair."""
    height, width = luma.shape
    size = math.sqrt(width * height)
    count = int(1.0 + 10.0 * fraction(number, 11, seed) ** 2)
    for spot in range(count):
        key = number * 64 + spot
        light = fraction(key, 12, seed) < 0.35
        x, y = fraction(key, 13, seed) * width, fraction(key, 14, seed) * height
        radius = max(size * (0.0007 + 0.0026 * fraction(key, 15, seed) ** 3), 0.8)
        strength = 40.0 + 90.0 * fraction(key, 16, seed)
        hair = fraction(key, 17, seed) < 0.10
        steps = 60 if hair else 4
        angle = fraction(key, 18, seed) * 6.2832
        bend = (fraction(key, 19, seed) - 0.5) * 0.12
        for step in range(steps):
            if hair:
                radius = max(size * 0.0006, 0.6)
                angle += bend + 0.10 * (fraction(key, 100 + step, seed) - 0.5)
                x += math.cos(angle) * size * 0.0011
                y += math.sin(angle) * size * 0.0011
            else:
                x += (fraction(key, 30 + step, seed) - 0.5) * radius * 1.6
                y += (fraction(key, 40 + step, seed) - 0.5) * radius * 1.6
            _dab(luma, x, y, radius, strength * (0.5 if hair else 1.0) * (1.0 if light else -1.0))


@kernel
def _dab(luma: Bytes, x: float, y: float, radius: float, strength: float) -> None:
    height, width = luma.shape
    for j in range(max(int(y - radius - 1), 0), min(int(y + radius + 2), height)):
        for i in range(max(int(x - radius - 1), 0), min(int(x + radius + 2), width)):
            away = math.sqrt((i - x) ** 2 + (j - y) ** 2)
            cover = min(max(radius + 0.5 - away, 0.0), 1.0)
            if cover > 0.0:
                luma[j, i] = int(min(max(luma[j, i] + strength * cover, 22.0), 232.0))


@kernel
def _scratches(luma: Bytes, number: int, fps: int, seed: int) -> None:
    """Upright lines that stay for a third of a second or two and wander a little."""
    height, width = luma.shape
    for lane in range(3):
        spell = int((number + lane * 7) / (fps * 0.75))
        if fraction(spell * 3 + lane, 51, seed) > 0.42:
            continue
        home = fraction(spell * 3 + lane, 52, seed) * width
        strength = 16.0 + 26.0 * fraction(spell * 3 + lane, 53, seed)
        if fraction(spell * 3 + lane, 54, seed) < 0.3:
            strength = -strength
        thick = max(0.00055 * width, 0.5)
        for y in range(height):
            x = home + 0.004 * width * gradient(number * 0.2, y * 1.3 / height + lane * 9.0, seed + 61)
            cut = gradient(y * 7.0 / height, number * 0.7 + lane * 5.0, seed + 62)
            here = strength * min(max(0.5 + 1.5 * cut, 0.0), 1.0)
            for i in range(max(int(x - thick), 0), min(int(x + thick) + 2, width)):
                cover = min(max(thick + 0.5 - abs(i - x), 0.0), 1.0)
                luma[y, i] = int(min(max(luma[y, i] + here * cover, 16.0), 235.0))
