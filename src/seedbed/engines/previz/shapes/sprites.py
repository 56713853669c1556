"""Soft discs that face the camera: halos of lamps, flames, smoke, sparks. They are tested against the frame's depths.

A sprite is a row of ten: x, y, z and radius in metres, red, green and blue in linear light, how much of what is
behind it hides 0 … 1 (0 only adds its light), how ragged it is 0 … 1, and a seed.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.frame import Check, Frame
from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.noise import fraction
from seedbed.engines.previz.shapes.pattern import grain_tile, noise_at
from seedbed.engines.previz.stage import View, f32

Floats = NDArray[np.float32]
SPRITE = 10


def draw_sprites(frame: Frame, sprites: Floats, check: Check, *, grain: Floats | None = None) -> None:
    """Lays `sprites` (n, SPRITE) over `frame`, the farthest first."""
    if not len(sprites):
        return
    view = frame.view
    ahead = (sprites[:, 0] - view.x) * np.sin(view.yaw) + (sprites[:, 1] - view.y) * np.cos(view.yaw)
    order = np.argsort(-ahead, kind="stable")
    ordered = np.ascontiguousarray(sprites[order][ahead[order] > 0.3], dtype=np.float32)
    check()
    _lay(frame.light, frame.depth, frame.width, view, ordered, grain_tile() if grain is None else grain)


def halos(bulbs: Floats, size: float = 0.22, strength: float = 0.5) -> Floats:
    """The glow of the air around lamps (n, 7): see `shade.Air`."""
    rows = np.zeros((len(bulbs), SPRITE), np.float32)
    rows[:, :3], rows[:, 3] = bulbs[:, :3], bulbs[:, 6] * size
    rows[:, 4:7] = bulbs[:, 3:6] * strength
    return rows


def flames(x: float, y: float, z: float, height: float, seconds: float, *, seed: int = 0, count: int = 26) -> Floats:
    """A fire whose foot is at (x, y, z), `height` metres tall."""
    rows = []
    for number in range(count):
        a, c, d = (fraction(number, k, seed) for k in range(3))
        age = (seconds * (1.1 + 0.6 * a) + c) % 1.0
        turn, off = 6.2832 * d, 0.16 * height * a * (1 - 0.75 * age)
        sway = 0.06 * height * math.sin(seconds * 5.0 + 9.0 * a) * age
        hot = (1.0 - age) * min(age * 8.0, 1.0)
        rows.append([x + off * math.cos(turn) + sway, y + off * math.sin(turn), z + height * age * (0.45 + 0.55 * c),
                     height * 0.17 * (1 - 0.65 * age), 2.6 * hot, (1.5 - 0.9 * age) * hot, 0.45 * hot * hot, 0.0, 0.7,
                     number])  # fmt: skip
    return np.array(rows, np.float32)


def smoke(
    x: float, y: float, z: float, seconds: float, *, size: float = 1.0, rise: float = 6.0, tone: float = 0.25,
    wind: float = 0.6, seed: int = 0, count: int = 22,
) -> Floats:  # fmt: skip
    """A plume that leaves (x, y, z) and rises `rise` metres; its puffs grow and fade. `tone` is its brightness."""
    rows = []
    for number in range(count):
        a, c = fraction(number, 11, seed), fraction(number, 12, seed)
        age = (seconds * 0.16 + (number + 0.5 * a) / count) % 1.0
        aside = 0.35 * size * (c - 0.5) + wind * rise * 0.35 * age * age
        part = 0.5 * (1.0 - age) ** 1.5 * min(age * 12.0, 1.0)
        rows.append([x + aside, y + size * 0.3 * (a - 0.5), z + rise * age, size * (0.35 + 1.25 * age), tone, tone,
                     tone * 1.04, part, 0.8, number])  # fmt: skip
    return np.array(rows, np.float32)


def sparks(
    x: float, y: float, z: float, seconds: float, *, rise: float = 2.5, seed: int = 0, count: int = 30
) -> Floats:
    """Glowing specks that leave a fire at (x, y, z)."""
    rows = []
    for number in range(count):
        a, c, d = (fraction(number, k, seed + 5) for k in range(3))
        age = (seconds * (0.5 + 0.4 * a) + c) % 1.0
        turn = 6.2832 * d + 1.7 * math.sin(seconds * 2.0 + 9 * a)
        off = 0.25 * rise * age * (0.3 + a)
        hot = 3.0 * (1 - age) ** 2
        rows.append([x + off * math.cos(turn), y + off * math.sin(turn), z + rise * age, 0.015, 1.6 * hot, 0.7 * hot,
                     0.15 * hot, 0.0, 0.0, number])  # fmt: skip
    return np.array(rows, np.float32)


@kernel
def _lay(light: Floats, depth: Floats, width: int, view: View, sprites: Floats, grain: Floats) -> None:
    height = light.shape[1]
    fx, fy = math.sin(view.yaw), math.cos(view.yaw)
    for k in range(sprites.shape[0]):
        dx, dy = sprites[k, 0] - view.x, sprites[k, 1] - view.y
        ahead, side = dx * fx + dy * fy, dx * fy - dy * fx
        per = view.focal / ahead
        u = side * per
        cx = u + 0.5 * width
        cy = view.horizon + view.roll * u - (sprites[k, 2] - view.z) * per
        wide = sprites[k, 3] * per
        radius = max(wide, 0.8)
        # What is smaller than a pixel is as much dimmer.
        dim = (wide / radius) ** 2
        ragged, hides, seed = sprites[k, 8], sprites[k, 7], sprites[k, 9]
        for j in range(max(int(cy - radius), 0), min(int(cy + radius) + 2, height)):
            for i in range(max(int(cx - radius), 0), min(int(cx + radius) + 2, width)):
                x, y = (i + 0.5 - cx) / radius, (j + 0.5 - cy) / radius
                far = x * x + y * y
                if far >= 1.0:
                    continue
                # Soft where it dips into something solid.
                clear = min(max((depth[j, i] - ahead) / (0.5 * sprites[k, 3] + 0.01) + 0.5, 0.0), 1.0)
                if clear <= 0.0:
                    continue
                part = (1.0 - far) * (1.0 - far)
                if ragged > 0.0:
                    torn = noise_at(grain, x * 1.6 + seed * 3.7, y * 1.6 + seed * 1.3)
                    torn += 0.5 * noise_at(grain, x * 3.9 + seed * 5.1, y * 3.9 - seed)
                    part *= min(max(1.0 + ragged * (1.6 * torn - 0.1), 0.0), 2.0)
                part = min(part * dim * clear, 1.0)
                keep = f32(1.0 - min(hides * part * 1.6, 1.0)) if hides > 0.0 else f32(1.0)
                add = f32(part) if hides <= 0.0 else f32(1.0) - keep
                for c in range(3):
                    light[c, j, i] = light[c, j, i] * keep + sprites[k, 4 + c] * add
