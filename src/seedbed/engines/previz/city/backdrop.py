"""Kernel that paints the sky, with its stars and its sun or moon, behind a city."""

from __future__ import annotations

import math

import numpy as np

from seedbed.engines.previz.frame import Check, Frame
from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.sky import SLOPE_MAX, Dome, Lights, sprinkle
from seedbed.engines.previz.stage import Floats, View, f32

_STRIP = 64


def paint_behind(frame: Frame, dome: Dome, pano: Floats, hazes: Floats, check: Check) -> None:
    """The sky over the horizon of `frame`, and beneath it the air, whose colours are `hazes` (columns, 3)."""
    for x in range(0, frame.width, _STRIP):
        check()
        _paint(frame.light, x, min(x + _STRIP, frame.width), frame.width, frame.view, pano, dome.sight.low,
               dome.sight.high, hazes, dome.lights)  # fmt: skip


@kernel
def _paint(
    light: Floats, x0: int, x1: int, width: int, view: View, pano: Floats, turn_min: float, turn_max: float,
    hazes: Floats, lights: Lights,
) -> None:  # fmt: skip
    height, rows, columns = light.shape[1], pano.shape[0], pano.shape[1]
    above = np.zeros((height, 3), np.float32)
    for x in range(x0, x1):
        turn = (x + 0.5 - width * 0.5) / view.focal
        heading = math.tan(math.atan(turn) + view.skyward)
        horizon = view.horizon + view.roll * turn * view.focal
        length = math.sqrt(1.0 + turn * turn)
        place = min(max((heading - turn_min) / (turn_max - turn_min), 0.0), 1.0)
        u = place * (columns - 1.01)
        i = int(u)
        fu = f32(u - i)
        end = min(max(int(horizon), 0), height)
        per = 1.0 / (view.focal * length)
        for y in range(end):
            slope = (horizon - y - 0.5) * per
            v = math.sqrt(min(max(slope / SLOPE_MAX, 0.0), 1.0)) * (rows - 1.01)
            j = int(v)
            fv = f32(v - j)
            for c in range(3):
                a = pano[j, i, c] + (pano[j, i + 1, c] - pano[j, i, c]) * fu
                b = pano[j + 1, i, c] + (pano[j + 1, i + 1, c] - pano[j + 1, i, c]) * fu
                above[y, c] = a + (b - a) * fv
        sprinkle(above, 0, end, heading, turn, view.focal, horizon, view.seconds, pano, turn_min, turn_max, lights)
        air = int(place * (hazes.shape[0] - 1))
        for c in range(3):
            for y in range(end):
                light[c, y, x] = above[y, c]
            for y in range(end, height):
                light[c, y, x] = hazes[air, c]
