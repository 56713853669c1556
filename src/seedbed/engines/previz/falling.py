"""Kernel that lets rain or snow fall in front of a drawn frame.

Drops hang in a box that travels with the camera and wraps around, so their number never changes; each is a
function of its number, the seed and the time. Near ones are large and fast, far ones small and faint.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.noise import fraction

Floats = NDArray[np.float32]


@kernel
def let_fall(light: Floats, width: int, height: int, count: int, seconds: float, snow: bool, glow: float,
             seed: int) -> None:  # fmt: skip
    """Adds `count` drops to `light` (3, rows, stride); `glow` is how bright one is, in linear light."""
    size = math.sqrt(width * height)
    speed = 0.16 if snow else 1.9
    for drop in range(count):
        near = 0.25 + 0.75 * fraction(drop, 1, seed) ** 2
        x = fraction(drop, 2, seed) + 0.05 * seconds * near
        y = fraction(drop, 3, seed) + speed * seconds * near
        if snow:
            x += 0.02 * near * math.sin(seconds * (0.8 + fraction(drop, 4, seed)) + drop)
        px, py = (x - math.floor(x)) * width, (y - math.floor(y)) * (height + 60.0) - 30.0
        radius = size * (0.0022 if snow else 0.00055) * near
        length = radius if snow else size * 0.035 * near
        strength = glow * near * (0.8 if snow else 0.30)
        reach = max(radius, 0.8)
        for j in range(max(int(py - length), 0), min(int(py + length) + 2, height)):
            lean = 0.0 if snow else (j - py) * 0.04
            for i in range(max(int(px + lean - reach), 0), min(int(px + lean + reach) + 2, width)):
                dx, dy = (i - px - lean) / reach, (j - py) / max(length, 0.8)
                part = 1.0 - dx * dx - dy * dy
                if part > 0.0:
                    part *= strength * min(radius / reach, 1.0)
                    for c in range(3):
                        light[c, j, i] += part
