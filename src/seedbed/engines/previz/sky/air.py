"""Kernels that bake what stands behind the clouds: the air's colours, the glow round sun or moon, the Milky Way and
the rainbow. Nothing here moves.

The panorama's columns run evenly from `turn_min` to `turn_max` (the tangent of the angle from the middle direction).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.light import STOPS
from seedbed.engines.previz.sky.clouds import SLOPE_MAX
from seedbed.engines.previz.sky.tiles import map_at

Floats = NDArray[np.float32]

_BOW_DEG = 41.2
_BOW_WIDE_DEG = 1.15


def ramp(stops: Floats, rows: int) -> Floats:
    """(rows, 3): colours given at `STOPS`, run smoothly through all rows."""
    slope = SLOPE_MAX * np.linspace(0.0, 1.0, rows) ** 2
    place, given = np.sqrt(slope), np.sqrt(np.array(STOPS))
    runs = np.stack([np.interp(place, given, stops[:, c]) for c in range(3)], 1)
    reach = max(rows // 14, 2)
    bell = np.hanning(2 * reach + 3)[1:-1]
    # Mirrored through its ends, a ramp keeps its slope there.
    padded = np.pad(runs, ((reach, reach), (0, 0)), mode="reflect", reflect_type="odd")
    smooth = [np.convolve(padded[:, c], bell / bell.sum(), mode="valid") for c in range(3)]
    return np.ascontiguousarray(np.maximum(np.stack(smooth, 1), 0.0), dtype=np.float32)


@kernel
def paint_air(back: Floats, turn_min: float, turn_max: float, yaw: float, sun: Floats, toward: Floats, away: Floats,
              glow: Floats, spread: float) -> None:  # fmt: skip
    """Fills `back` (rows, columns, 3) with air. `toward` and `away` (rows, 3) are its colours before the sun and
    opposite, `glow` (3) is the light round the disc, which falls off over `spread` (larger is tighter)."""
    rows, columns = back.shape[0], back.shape[1]
    flat = 1.0 / max(math.sqrt(sun[0] * sun[0] + sun[1] * sun[1]), 1e-3)
    for i in range(columns):
        turn = turn_min + (turn_max - turn_min) * i / (columns - 1.0)
        azimuth = yaw + math.atan(turn)
        dx, dy = math.sin(azimuth), math.cos(azimuth)
        facing = 0.5 + 0.5 * (dx * sun[0] + dy * sun[1]) * flat
        share = facing**2.5
        for j in range(rows):
            slope = SLOPE_MAX * (j / (rows - 1.0)) ** 2
            inverse = 1.0 / math.sqrt(1.0 + slope * slope)
            cosine = (dx * sun[0] + dy * sun[1] + slope * sun[2]) * inverse
            angle = math.sqrt(max(2.0 - 2.0 * min(cosine, 1.0), 0.0))
            # Near the horizon the glow lies flat: the air is thickest there.
            halo = 0.13 * math.exp(-angle * spread * 0.8) + 0.50 * math.exp(-angle * spread * 3.2)
            halo += 1.1 * math.exp(-angle * spread * 11.0)
            for c in range(3):
                back[j, i, c] = away[j, c] + (toward[j, c] - away[j, c]) * share + glow[c] * halo


@kernel
def paint_galaxy(back: Floats, turn_min: float, turn_max: float, yaw: float, pole: Floats, begin: Floats, cover: Floats,
                 strength: float) -> None:  # fmt: skip
    """Adds the Milky Way: a band at right angles to `pole`, measured from the direction `begin`."""
    rows, columns = back.shape[0], back.shape[1]
    sx = pole[1] * begin[2] - pole[2] * begin[1]
    sy = pole[2] * begin[0] - pole[0] * begin[2]
    sz = pole[0] * begin[1] - pole[1] * begin[0]
    for i in range(columns):
        azimuth = yaw + math.atan(turn_min + (turn_max - turn_min) * i / (columns - 1.0))
        for j in range(rows):
            slope = SLOPE_MAX * (j / (rows - 1.0)) ** 2
            inverse = 1.0 / math.sqrt(1.0 + slope * slope)
            dx, dy, dz = math.sin(azimuth) * inverse, math.cos(azimuth) * inverse, slope * inverse
            across = dx * pole[0] + dy * pole[1] + dz * pole[2]
            along = math.atan2(dx * sx + dy * sy + dz * sz, dx * begin[0] + dy * begin[1] + dz * begin[2])
            u, v = along * 0.22, across * 0.22
            lump = map_at(cover, 0, u, v + 0.2)
            fine = map_at(cover, 1, u * 2.6, v * 2.6 + 0.5)
            bend = across + 0.035 * lump
            band = math.exp(-((bend / 0.17) ** 2)) * (0.75 + 0.25 * lump) + 0.8 * math.exp(-((bend / 0.055) ** 2))
            lane = (across - 0.012 + 0.03 * map_at(cover, 1, u * 1.3, v * 0.4)) / 0.035
            dust = math.exp(-lane * lane) * min(max(0.75 + 0.5 * fine, 0.0), 1.0)
            dust += 0.5 * min(max(0.4 * fine + 0.3 * lump - 0.15, 0.0), 1.0) * math.exp(-((across / 0.12) ** 2))
            light = max(band * (0.8 + 0.2 * fine), 0.0) * (1.0 - 0.85 * min(dust, 1.0))
            light *= strength * (1.0 - math.exp(-dz * 11.0))
            core = math.exp(-((bend / 0.06) ** 2)) * (1.0 - min(dust, 1.0))
            back[j, i, 0] += light * (0.80 + 0.35 * core)
            back[j, i, 1] += light * (0.84 + 0.12 * core)
            back[j, i, 2] += light * (1.05 - 0.10 * core)


@kernel
def paint_bow(out: Floats, turn_min: float, turn_max: float, yaw: float, sun: Floats, strength: float) -> None:
    """Adds a rainbow round the point opposite the sun."""
    rows, columns = out.shape[0], out.shape[1]
    for i in range(columns):
        azimuth = yaw + math.atan(turn_min + (turn_max - turn_min) * i / (columns - 1.0))
        for j in range(rows):
            slope = SLOPE_MAX * (j / (rows - 1.0)) ** 2
            inverse = 1.0 / math.sqrt(1.0 + slope * slope)
            dx, dy, dz = math.sin(azimuth) * inverse, math.cos(azimuth) * inverse, slope * inverse
            cosine = -(dx * sun[0] + dy * sun[1] + dz * sun[2])
            degrees = math.acos(min(max(cosine, -1.0), 1.0)) * 57.29578
            place = (degrees - _BOW_DEG) / _BOW_WIDE_DEG
            for c in range(3):
                # Red lies outside, violet inside; within the bow the sky is brighter than without.
                off = place - (0.75 - 0.75 * c)
                out[j, i, c] += strength * (math.exp(-off * off * 2.2) + 0.10 / (1.0 + math.exp(place * 3.0)))
                outer = (degrees - 51.5) / 1.9 + (0.8 - 0.8 * c)
                out[j, i, c] += 0.16 * strength * math.exp(-outer * outer * 2.0)
