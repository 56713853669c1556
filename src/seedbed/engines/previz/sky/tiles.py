"""Periodic noise that the sky is made of, built once in a process, and how to look it up."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import inlined, kernel
from seedbed.engines.previz.noise import fraction

Floats = NDArray[np.float32]

_COVER = 512
_BILLOW = 64


@kernel
def _nearest(points: Floats, x: float, y: float, z: float) -> float:
    """Distance to the nearest of the points, one in each cell of a periodic grid; at most 1."""
    cells = points.shape[0]
    cx, cy, cz = int(x), int(y), int(z)
    nearest = 1.0
    for dz in range(-1, 2):
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                p = points[(cz + dz) % cells, (cy + dy) % cells, (cx + dx) % cells]
                ox, oy, oz = cx + dx + p[0] - x, cy + dy + p[1] - y, cz + dz + p[2] - z
                nearest = min(nearest, ox * ox + oy * oy + oz * oz)
    return math.sqrt(nearest)


@kernel
def _worley(tile: Floats, cells: int, weight: float, seed: int) -> None:
    """Adds `weight` times one less the distance to the nearest of scattered points, `cells` to a side."""
    size = tile.shape[0]
    points = np.empty((cells, cells, cells, 3), np.float32)
    for c in range(cells):
        for b in range(cells):
            for k in range(3 * cells):
                points[c, b, k // 3, k % 3] = fraction(k // 3 + 64 * (k % 3), b + 4096 * c, seed)
    per = cells / size
    for z in range(size):
        for y in range(size):
            for x in range(size):
                tile[z, y, x] += weight * (1.0 - _nearest(points, x * per, y * per, z * per))


@cache
def billows() -> Floats:
    """(64, 64, 64) periodic cauliflower: 0 between the lumps, about 1 in their middles."""
    tile = np.zeros((_BILLOW, _BILLOW, _BILLOW), np.float32)
    for cells, weight in ((5, 0.60), (11, 0.28), (23, 0.12)):
        _worley(tile, cells, weight, 40 + cells)
    low, high = np.quantile(tile, (0.01, 0.99))
    return np.asarray(np.clip((tile - low) / (high - low), 0.0, 1.0), dtype=np.float32)


@cache
def covers() -> Floats:
    """(2, 512, 512) periodic fields of mean 0 and deviation 1, with lumps of every size up to a fifth of the tile."""
    rng = np.random.default_rng(8)
    frequency = np.fft.fftfreq(_COVER) * _COVER
    distance = np.hypot(frequency[:, None], frequency[None])
    distance[0, 0] = 1.0
    band = distance**-1.9 * (1.0 - np.exp(-((distance / 8.0) ** 2))) * np.exp(-((distance / 60.0) ** 2))
    tiles = []
    for _ in range(2):
        field = np.real(np.fft.ifft2(np.fft.fft2(rng.standard_normal((_COVER, _COVER))) * band))
        tiles.append(field / field.std())
    return np.ascontiguousarray(np.stack(tiles), dtype=np.float32)


@inlined
def map_at(tile: Floats, which: int, u: float, v: float) -> float:
    """A periodic map of unit size, sampled smoothly."""
    size = tile.shape[1]
    su, sv = u * size, v * size
    fu, fv = math.floor(su), math.floor(sv)
    i, j = int(fu), int(fv)
    du, dv = np.float32(su - fu), np.float32(sv - fv)
    i0, j0 = np.uint64(i & (size - 1)), np.uint64(j & (size - 1))
    i1, j1 = np.uint64((i + 1) & (size - 1)), np.uint64((j + 1) & (size - 1))
    k = np.uint64(which)
    a = tile[k, j0, i0] + (tile[k, j0, i1] - tile[k, j0, i0]) * du
    b = tile[k, j1, i0] + (tile[k, j1, i1] - tile[k, j1, i0]) * du
    return float(a + (b - a) * dv)


@inlined
def billow_at(tile: Floats, u: float, v: float, w: float) -> float:
    """A periodic cube of unit size, sampled smoothly."""
    size = tile.shape[0]
    su, sv, sw = u * size, v * size, w * size
    fu, fv, fw = math.floor(su), math.floor(sv), math.floor(sw)
    i, j, k = int(fu), int(fv), int(fw)
    du, dv, dw = np.float32(su - fu), np.float32(sv - fv), np.float32(sw - fw)
    i0, j0, k0 = np.uint64(i & (size - 1)), np.uint64(j & (size - 1)), np.uint64(k & (size - 1))
    i1, j1, k1 = np.uint64((i + 1) & (size - 1)), np.uint64((j + 1) & (size - 1)), np.uint64((k + 1) & (size - 1))
    a = tile[k0, j0, i0] + (tile[k0, j0, i1] - tile[k0, j0, i0]) * du
    b = tile[k0, j1, i0] + (tile[k0, j1, i1] - tile[k0, j1, i0]) * du
    c = tile[k1, j0, i0] + (tile[k1, j0, i1] - tile[k1, j0, i0]) * du
    d = tile[k1, j1, i0] + (tile[k1, j1, i1] - tile[k1, j1, i0]) * du
    a, c = a + (b - a) * dv, c + (d - c) * dv
    return float(a + (c - a) * dw)
