"""Periodic noise in three dimensions, which planets and clouds of gas are made of; built once in a process."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.noise import scatter
from seedbed.engines.previz.sky.tiles import billow_at

Floats = NDArray[np.float32]

_SIDE = 64


@cache
def soft() -> Floats:
    """(64, 64, 64) of mean 0 and deviation about 1, with lumps of an eighth of the side."""
    rng = np.random.default_rng(19)
    f = np.fft.fftfreq(_SIDE) * _SIDE
    distance = np.sqrt(f[:, None, None] ** 2 + f[None, :, None] ** 2 + f[None, None, :] ** 2)
    band = np.exp(-(((distance - 8.0) / 3.5) ** 2))
    field = np.real(np.fft.ifftn(np.fft.fftn(rng.standard_normal((_SIDE,) * 3)) * band))
    return np.ascontiguousarray(field / field.std(), dtype=np.float32)


@kernel
def layers(tile: Floats, x: float, y: float, z: float, octaves: int) -> float:
    """Octaves of a tile's noise; lumps of the first are about one unit wide. Deviation about 0.6."""
    total, gain, scale = 0.0, 0.5, 0.125
    for octave in range(octaves):
        shift = 0.37 * octave
        total += gain * billow_at(tile, x * scale + shift, y * scale + 0.7 * shift, z * scale - shift)
        scale *= 2.03
        gain *= 0.53
    return total


@kernel
def ridges(tile: Floats, x: float, y: float, z: float, octaves: int) -> float:
    """Crests of the tile's noise, 0 … about 1."""
    total, gain, scale = 0.0, 0.5, 0.125
    for octave in range(octaves):
        shift = 0.29 * octave
        value = billow_at(tile, x * scale + shift, y * scale - shift, z * scale + 0.6 * shift)
        total += gain * math.exp(-abs(value) * 1.8)
        scale *= 2.07
        gain *= 0.5
    return total


@kernel
def craters(x: float, y: float, z: float, per: float, seed: int) -> float:
    """Height of craters of one size, `per` of them to a unit: a bowl, a rim, and what was thrown out."""
    px, py, pz = x * per, y * per, z * per
    fx, fy, fz = math.floor(px), math.floor(py), math.floor(pz)
    cx, cy, cz = int(fx), int(fy), int(fz)
    height = 0.0
    for dz in range(-1, 2):
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                bits = scatter(cx + dx + 977 * (cz + dz), cy + dy, seed)
                if bits & 7 > 4:
                    continue
                ox = cx + dx + ((bits >> 3) & 255) / 255.0 - px
                oy = cy + dy + ((bits >> 11) & 255) / 255.0 - py
                oz = cz + dz + ((bits >> 19) & 255) / 255.0 - pz
                radius = 0.18 + 0.34 * ((bits >> 27) & 31) / 31.0
                away = math.sqrt(ox * ox + oy * oy + oz * oz) / radius
                if away < 2.0:
                    bowl = min(away * away, 1.0) - 1.0
                    rim = math.exp(-(((away - 1.0) * 4.5) ** 2))
                    height += radius * (0.55 * bowl + 0.30 * rim)
    return height / per
