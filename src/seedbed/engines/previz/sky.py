"""Kernels that bake the sky: air, sun or moon, stars, and a layer of clouds with tops, bases and lit sides.

The panorama is drawn once for a shot and only sampled afterwards. Its columns run evenly from `turn_min` to
`turn_max` (the tangent of the angle from the middle direction), its rows with the square root of the
elevation's slope, so that most of them lie near the horizon where a frame looks.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.noise import fraction, layered

Floats = NDArray[np.float32]

SLOPE_MAX = 1.6
"""Slope of the panorama's last row."""

# Rows of the `air` colours.
ZENITH, HORIZON, GLOW, CLOUD_LIT, CLOUD_DARK, DISC = range(6)
# Slots of the `mood` numbers.
COVER, GLOW_WIDTH, DISC_SIZE, STARS, CLOUD_SCALE = range(5)


@kernel
def _cloud(x: float, y: float, z: float, cover: float, seed: int) -> float:
    """Density at a point of the layer; z is 0 at its base and 1 at the highest top."""
    shape = layered(x, y, 4, seed) + 0.5 * layered(x * 0.23, y * 0.23, 2, seed + 5) + cover
    thick = shape - 0.15 - z * 0.75 - max(0.12 - z, 0.0) * 3.0
    # Billows add little: where the layer is clear anyway they are not worth their price.
    if thick < -0.14:
        return -1.0
    return float(thick + 0.16 * layered(x * 4.0 + z * 3.0, y * 4.0 - z * 2.0, 2, seed + 9))


@kernel
def paint_sky(out: Floats, turn_min: float, turn_max: float, yaw: float, sun: Floats, air: Floats, mood: Floats,
              steps: int, seed: int) -> None:  # fmt: skip
    """Fills `out` (rows, columns, 3), linear light; row 0 is the horizon."""
    rows, columns = out.shape[0], out.shape[1]
    base, deep = 900.0, 620.0
    scale = 1.0 / (1500.0 * mood[CLOUD_SCALE])
    for j in range(rows):
        slope = max(SLOPE_MAX * (j / (rows - 1.0)) ** 2, 0.0008)
        for i in range(columns):
            turn = turn_min + (turn_max - turn_min) * i / (columns - 1.0)
            azimuth = yaw + math.atan(turn)
            inverse = 1.0 / math.sqrt(1.0 + slope * slope)
            dx, dy, dz = math.sin(azimuth) * inverse, math.cos(azimuth) * inverse, slope * inverse
            toward = max(dx * sun[0] + dy * sun[1] + dz * sun[2], 0.0)
            low = math.exp(-dz * 5.5)
            glow = toward ** mood[GLOW_WIDTH] * 0.55 + 0.8 * toward ** (mood[GLOW_WIDTH] * 9.0)
            disc = min(max((toward - 1.0 + mood[DISC_SIZE]) / (mood[DISC_SIZE] * 0.25), 0.0), 1.0)
            red = air[0, 0] + (air[1, 0] - air[0, 0]) * low + air[2, 0] * glow + air[5, 0] * disc
            green = air[0, 1] + (air[1, 1] - air[0, 1]) * low + air[2, 1] * glow + air[5, 1] * disc
            blue = air[0, 2] + (air[1, 2] - air[0, 2]) * low + air[2, 2] * glow + air[5, 2] * disc
            if mood[STARS] > 0.0 and fraction(i, j, seed + 77) > 0.9975:
                twinkle = mood[STARS] * fraction(i, j, seed + 78) * (1.0 - low)
                red, green, blue = red + twinkle, green + twinkle, blue + twinkle
            far = base / max(dz, 0.012)
            reach = deep / max(dz, 0.06)
            clear, lit, dark = 1.0, 0.0, 0.0
            start = fraction(i, j, seed + 79)
            for step in range(steps):
                t = far + reach * (step + start) / steps
                x, y, z = dx * t * scale, dy * t * scale, (step + start) / steps
                density = _cloud(x, y, z, mood[COVER], seed)
                if density <= 0.0:
                    continue
                ahead = _cloud(x + sun[0] * 0.16, y + sun[1] * 0.16, z + 0.20, mood[COVER], seed)
                part = clear * (1.0 - math.exp(-density * 9.0 * (14.0 / steps)))
                bright = math.exp(-max(ahead, 0.0) * 4.5) * (0.5 + 0.5 * z)
                lit += part * bright
                dark += part * (1.0 - bright)
                clear -= part
                if clear < 0.03:
                    break
            fade = math.exp(-far / 26000.0)
            silver = 1.0 + 1.5 * toward**8
            veil = (1.0 - clear) * fade
            lit, dark = lit * fade, dark * fade
            out[j, i, 0] = red * (1 - veil) + lit * air[3, 0] * silver + dark * air[4, 0]
            out[j, i, 1] = green * (1 - veil) + lit * air[3, 1] * silver + dark * air[4, 1]
            out[j, i, 2] = blue * (1 - veil) + lit * air[3, 2] * silver + dark * air[4, 2]
