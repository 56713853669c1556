"""Maps of planets: what covers each point of a sphere. Baked once, over the part that the shot can see.

A map holds colour (linear albedo) and shine, and cloud, height and the lights of towns, over longitude and latitude.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.light import linear
from seedbed.engines.previz.space.tiles import craters, layers, ridges

Floats = NDArray[np.float32]

# Columns of a map's second half.
CLOUD, HEIGHT, TOWN = range(3)


@kernel
def _ease(value: float, low: float, high: float) -> float:
    t = min(max((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@kernel
def _blend(out: Floats, tint: Floats, part: float) -> None:
    for c in range(3):
        out[c] += (tint[c] - out[c]) * np.float32(part)


@kernel
def _earth(skin: Floats, more: Floats, soft: Floats, x: float, y: float, z: float, tints: Floats, sea: float) -> None:
    """Oceans, continents from forest to desert and ice, weather, towns near coasts."""
    bend = layers(soft, x * 1.4 + 4.0, y * 1.4, z * 1.4, 3)
    height = layers(soft, x * 1.15 + 0.16 * bend, y * 1.15 + 0.12 * bend, z * 1.15 - 0.14 * bend, 8) - sea
    north = abs(z)
    land = _ease(height, -0.004, 0.006)
    rough = ridges(soft, x * 9.0, y * 9.0, z * 9.0, 4)
    dry = 1.0 - abs(north - 0.38) * 4.2 + 0.9 * layers(soft, x * 3.0 + 9.0, y * 3.0, z * 3.0, 4)
    for c in range(3):
        skin[c] = tints[0, c]
    _blend(skin, tints[1], _ease(height, -0.16, 0.0))
    shore = np.empty(3, np.float32)
    for c in range(3):
        shore[c] = tints[2, c] * np.float32(0.7 + 0.6 * rough)
    _blend(shore, tints[3], _ease(dry, 0.25, 0.75) * (0.7 + 0.5 * rough))
    _blend(shore, tints[4], _ease(height, 0.35, 0.75) * 0.7)
    _blend(shore, tints[5], _ease(north + 0.25 * height + 0.10 * bend, 0.80, 0.90))
    _blend(skin, shore, land)
    ice = _ease(north + 0.06 * bend, 0.90, 0.93)
    _blend(skin, tints[5], ice)
    skin[3] = (1.0 - land) * (1.0 - ice)
    # Weather runs along the parallels and curls where the noise shears it.
    wx, wy, wz = x * 1.9 + 0.30 * bend, y * 1.9 - 0.24 * bend, z * 2.8
    curl = layers(soft, wx, wy + 6.0, wz, 3)
    cloud = layers(soft, wx + 0.34 * curl, wy - 0.28 * curl, wz + 0.2 * curl, 8)
    wisp = ridges(soft, wx * 3.1 + 0.5 * curl, wy * 3.1, wz * 3.1, 4)
    belt = 0.20 * math.cos(z * 9.0) - 0.10
    more[CLOUD] = (0.55 + 0.42 * _ease(wisp, 0.15, 0.75)) * _ease(cloud + belt + 0.30 * (wisp - 0.45), 0.06, 0.62)
    more[HEIGHT] = max(height, 0.0) * 0.20 * land + 0.02 * rough * land
    town = ridges(soft, x * 34.0, y * 34.0, z * 34.0, 3) + 0.55 * layers(soft, x * 6.0, y * 6.0 + 2.0, z * 6.0, 4)
    more[TOWN] = land * (1.0 - ice) * _ease(town, 0.62, 1.10) ** 2 * (1.0 - 0.6 * _ease(dry, 0.2, 0.8))


@kernel
def _rocky(skin: Floats, more: Floats, soft: Floats, x: float, y: float, z: float, tints: Floats, pits: float,
           poles: float, seed: int) -> None:  # fmt: skip
    """Dark plains, bright highlands, craters of many sizes, ice at the poles."""
    bend = layers(soft, x * 1.5, y * 1.5 + 7.0, z * 1.5, 3)
    plain = layers(soft, x * 1.1 + 0.15 * bend, y * 1.1, z * 1.1 + 0.12 * bend, 6)
    grain = layers(soft, x * 14.0, y * 14.0, z * 14.0, 4)
    height = 0.0
    if pits > 0.0:
        for size in range(5):
            smooth = 1.0 - 0.6 * _ease(-plain, 0.05, 0.4) if size < 3 else 1.0
            height += pits * smooth * craters(x, y, z, (2.0, 4.6, 10.0, 23.0, 50.0)[size], seed + size)
    for c in range(3):
        skin[c] = tints[1, c] * np.float32(1.0 + 0.18 * grain)
    _blend(skin, tints[0], _ease(-plain, -0.05, 0.35) * 0.85)
    _blend(skin, tints[2], _ease(bend + 0.4 * plain, 0.15, 0.8) * 0.6)
    bright = 1.0 + min(max(height * 4.5, -0.25), 0.35)
    for c in range(3):
        skin[c] *= np.float32(bright)
    _blend(skin, tints[3], poles * _ease(abs(z) + 0.06 * bend, 0.90, 0.94))
    skin[3] = 0.0
    more[HEIGHT] = 0.32 * height + 0.0025 * grain + 0.010 * plain
    more[CLOUD] = 0.0
    more[TOWN] = 0.0


@kernel
def _giant(
    skin: Floats, more: Floats, soft: Floats, x: float, y: float, z: float, tints: Floats, storm: Floats
) -> None:
    """Bands that run round the planet, sheared into eddies, and one great storm."""
    turb = layers(soft, x * 1.6, y * 1.6, z * 9.0, 4)
    eddy = layers(soft, x * 5.0 + 1.2 * turb, y * 5.0 + 0.8 * turb, z * 16.0 + 1.0 * turb, 5)
    lat = z + 0.020 * turb + 0.010 * eddy
    dx, dy, dz = x - storm[0], y - storm[1], (z - storm[2]) * 2.0
    away = math.sqrt(dx * dx + dy * dy + dz * dz)
    eye = math.exp(-((away / 0.22) ** 2))
    lat += 0.05 * eye * math.sin(away * 55.0 + eddy)
    wave = 0.5 + 0.5 * math.sin(lat * 17.0 + 1.6 * math.sin(lat * 7.0))
    fine = 0.5 + 0.5 * math.sin(lat * 61.0 + 2.0 * turb)
    streak = layers(soft, x * 2.0 + 0.5 * eddy, y * 2.0, lat * 34.0, 3)
    for c in range(3):
        skin[c] = tints[0, c]
    _blend(skin, tints[1], min(max(wave * 1.1 - 0.05 + 0.25 * streak, 0.0), 1.0))
    _blend(skin, tints[2], 0.45 * fine * (1.0 - wave))
    _blend(skin, tints[3], _ease(eddy + 0.5 * streak, 0.25, 1.1) * 0.6)
    _blend(skin, tints[4], 0.8 * _ease(eye, 0.25, 0.75))
    _blend(skin, tints[2], _ease(abs(z), 0.80, 1.0) * 0.6)
    skin[3] = 0.0
    more[HEIGHT] = 0.0
    more[CLOUD] = 0.0
    more[TOWN] = 0.0


@kernel
def paint_world(skin: Floats, more: Floats, kind: int, window: Floats, origin: Floats, soft: Floats, tints: Floats,
                number: float, other: float, first: int, last: int, seed: int) -> None:  # fmt: skip
    """Fills rows first … last of a map: `skin` (rows, columns, 4) and `more` (rows, columns, 3). `window` holds the
    longitude and latitude of its first texel and the steps between; `kind` 0 has seas, 1 is bare, 2 is of gas."""
    for j in range(first, last):
        lat = window[1] + window[3] * j
        for i in range(skin.shape[1]):
            lon = window[0] + window[2] * i
            x, y, z = math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)
            if kind == 2:
                _giant(skin[j, i], more[j, i], soft, x, y, z, tints, origin)
                continue
            # Where the noise is cut decides what the world looks like; poles stay poles.
            if kind == 0:
                _earth(skin[j, i], more[j, i], soft, x + origin[0], y + origin[1], z, tints, number)
            else:
                _rocky(skin[j, i], more[j, i], soft, x + origin[0], y + origin[1], z, tints, number, other, seed)


PALETTES = {
    "earth": linear("04152e", "0d3f5c", "35502a", "b08f5e", "6f6455", "f2f6fa"),
    "mars": linear("5a2f1f", "b8683c", "d99a66", "f0e6dc"),
    "moon": linear("5b5a5c", "a5a29d", "bdb9b2", "d8d6d2"),
    "gas_giant": linear("a87c54", "dcc39c", "7c5638", "efdfc4", "a84c30"),
    "blue_giant": linear("3d6fb0", "a9cbe4", "274f8c", "dcecf6", "e8f2fa"),
    "ice": linear("6f8fa6", "c4d6e0", "e8f2f6", "f6fafc"),
    "jade": linear("06282a", "1f6a5c", "4a5a2c", "a08a4e", "6f7464", "eef4ee"),
    "alien": linear("1a1530", "4a2f6a", "5a4a2a", "b07a5a", "7f6f7a", "e9e2f2"),
}
KINDS = {"earth": 0, "alien": 0, "jade": 0, "ice": 1, "mars": 1, "moon": 1, "gas_giant": 2, "blue_giant": 2}
