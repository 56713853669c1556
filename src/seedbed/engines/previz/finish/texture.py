"""What a picture is painted on: tiles of paper, canvas and halftone, and maps of pigment that stand still.

Tiles repeat without a seam and grow with the frame, so that a style looks the same at any size.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def side(unit: float) -> int:
    """Pixels on the side of a tile for a frame of `unit` times 720 lines: a power of two."""
    size = 256
    while size < 360 * unit and size < 2048:
        size *= 2
    return size


def _noise(rng: np.random.Generator, rows: int, columns: int, finest: float, coarsest: float, slope: float) -> Floats:
    """Noise of unit deviation without a seam, of features from `finest` to `coarsest` pixels, falling with `slope`."""
    wave = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)[None, :])
    wave[0, 0] = 1.0
    share = wave**-slope * np.exp(-((wave * finest) ** 2)) * (1.0 - np.exp(-((wave * coarsest) ** 2)))
    share[0, 0] = 0.0
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((rows, columns))) * share, (rows, columns))
    return np.asarray(noise / max(float(noise.std()), 1e-9), np.float32)


def paper(unit: float, seed: int) -> Floats:
    """Cold-pressed paper lit from the upper left: about -1 … 1, mean 0."""
    size, rng = side(unit), np.random.default_rng([seed, 1])
    relief = _noise(rng, size, size, 2.2 * unit, 22.0 * unit, 0.7)
    tooth = _noise(rng, size, size, 1.0 * unit, 5.0 * unit, 0.0)
    surface = relief + 0.45 * tooth
    step = max(round(unit), 1)
    lit = np.roll(surface, (step, step), (0, 1)) - np.roll(surface, (-step, -step), (0, 1))
    both = 0.62 * lit / lit.std() + 0.5 * surface / surface.std()
    return np.ascontiguousarray(np.clip(both / both.std() * 0.5, -1.4, 1.4), np.float32)


def canvas(unit: float, seed: int) -> Floats:
    """Linen in plain weave, lit from the upper left: about -1 … 1, mean 0."""
    size, rng = side(unit), np.random.default_rng([seed, 2])
    threads = max(round(size / (3.4 * unit)) // 2 * 2, 2)
    turn = np.arange(size) * (np.pi * threads / size)
    uneven = _noise(rng, size, size, 3.0 * unit, 60.0 * unit, 0.8)
    across, down = np.meshgrid(turn, turn)
    across, down = across + 0.35 * uneven, down + 0.35 * np.roll(uneven, size // 3, 0)
    over = np.cos(across) * np.cos(down) > 0
    height = np.where(over, np.abs(np.sin(across)), np.abs(np.sin(down))) + 0.18 * uneven
    step = max(round(0.7 * unit), 1)
    lit = np.roll(height, (step, step), (0, 1)) - np.roll(height, (-step, -step), (0, 1))
    return np.ascontiguousarray(np.clip((lit - lit.mean()) / lit.std() * 0.55, -1.3, 1.3), np.float32)


def halftone(unit: float) -> Floats:
    """The threshold, 0 … 1 evenly spread, below which a dot of a screen at 45 degrees covers a pixel."""
    size = side(unit)
    dots = max(round(size / (8.2 * unit)), 1)
    turn = (np.arange(size) + 0.5) * (2.0 * np.pi * dots / size)
    wave = 0.5 - 0.25 * (np.cos(turn)[:, None] + np.cos(turn)[None, :])
    diagonal = 0.5 - 0.5 * np.cos(turn)[:, None] * np.cos(turn)[None, :]
    del wave
    order = np.sort(diagonal, axis=None)
    return np.ascontiguousarray(np.searchsorted(order, diagonal) / diagonal.size, np.float32)


def pigment(rows: int, columns: int, seed: int) -> Floats:
    """(rows, columns) of how unevenly a wash dries: broad blooms and fine mottling, unit deviation, mean 0."""
    rng = np.random.default_rng([seed, 3])
    size = float(min(rows, columns))
    blooms = _noise(rng, 2 * rows, 2 * columns, 0.08 * size, 0.8 * size, 1.0)[:rows, :columns]
    mottle = _noise(rng, 2 * rows, 2 * columns, 0.012 * size, 0.1 * size, 0.6)[:rows, :columns]
    return np.ascontiguousarray(0.75 * blooms + 0.5 * mottle, np.float32)


def border(rows: int, columns: int, seed: int) -> Floats:
    """(rows, columns): how far inside the painted field a point lies, in units of the ragged edge's width."""
    rng = np.random.default_rng([seed, 4])
    size = float(min(rows, columns))
    y, x = (np.arange(rows) + 0.5)[:, None], (np.arange(columns) + 0.5)[None, :]
    inside = np.minimum(np.minimum(x, columns - x), np.minimum(y, rows - y)) / size
    ragged = _noise(rng, 2 * rows, 2 * columns, 0.02 * size, 0.5 * size, 1.1)[:rows, :columns]
    return np.ascontiguousarray((inside - 0.030 + 0.011 * ragged) / 0.008, np.float32)


def drift(rows: int, columns: int, seed: int) -> Floats:
    """(2, rows, columns): the way a brush goes where nothing leads it, mostly level, in slow curls; unit vectors."""
    rng = np.random.default_rng([seed, 5])
    size = float(min(rows, columns))
    curl = _noise(rng, 2 * rows, 2 * columns, 0.12 * size, 0.9 * size, 0.8)[:rows, :columns]
    angle = 0.75 * curl
    return np.ascontiguousarray(np.stack([np.cos(angle), np.sin(angle)]), np.float32)
