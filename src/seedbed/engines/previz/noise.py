"""Gradient noise on the integer lattice, as kernels: the same seed gives the same field everywhere.

Owns no state. Fields have a mean near 0 and lie within about -1 … 1; `fraction` is uniform in 0 … 1.
"""

from __future__ import annotations

import math

from seedbed.engines.previz.jit import kernel


@kernel
def scatter(x: int, y: int, seed: int) -> int:
    """32 well-mixed bits for a lattice point."""
    bits = (x * 374761393 + y * 668265263 + seed * 1274126177) & 0xFFFFFFFF
    bits = ((bits ^ (bits >> 15)) * 2246822519) & 0xFFFFFFFF
    bits = ((bits ^ (bits >> 13)) * 3266489917) & 0xFFFFFFFF
    return bits ^ (bits >> 16)


@kernel
def fraction(x: int, y: int, seed: int) -> float:
    """A number in 0 … 1 for a lattice point."""
    return scatter(x, y, seed) * 2.3283064365386963e-10


@kernel
def _corner(x: int, y: int, seed: int, dx: float, dy: float) -> float:
    bits = scatter(x, y, seed)
    return ((bits & 0xFFFF) / 32768.0 - 1.0) * dx + ((bits >> 16) / 32768.0 - 1.0) * dy


@kernel
def gradient(x: float, y: float, seed: int) -> float:
    """Smooth noise with features one unit apart."""
    fx, fy = math.floor(x), math.floor(y)
    ix, iy = int(fx), int(fy)
    dx, dy = x - fx, y - fy
    wx = dx * dx * dx * (dx * (dx * 6.0 - 15.0) + 10.0)
    wy = dy * dy * dy * (dy * (dy * 6.0 - 15.0) + 10.0)
    low = _corner(ix, iy, seed, dx, dy)
    low += (_corner(ix + 1, iy, seed, dx - 1.0, dy) - low) * wx
    high = _corner(ix, iy + 1, seed, dx, dy - 1.0)
    high += (_corner(ix + 1, iy + 1, seed, dx - 1.0, dy - 1.0) - high) * wx
    return 1.5 * (low + (high - low) * wy)


@kernel
def layered(x: float, y: float, octaves: int, seed: int) -> float:
    """Octaves of noise, each twice as fine and half as strong."""
    total, gain = 0.0, 0.5
    for octave in range(octaves):
        total += gain * gradient(x, y, seed + octave * 101)
        x, y = x * 1.93 + y * 0.31 + 7.1, y * 1.93 - x * 0.31 + 3.7
        gain *= 0.5
    return total


@kernel
def ridged(x: float, y: float, octaves: int, seed: int) -> float:
    """Sharp crests and smooth valleys, 0 … 1."""
    total, gain, weight = 0.0, 0.5, 1.0
    for octave in range(octaves):
        crest = 1.0 - abs(gradient(x, y, seed + octave * 131))
        crest = crest * crest * weight
        weight = min(max(crest * 1.6, 0.0), 1.0)
        total += gain * crest
        x, y = x * 1.97 + y * 0.24 + 1.3, y * 1.97 - x * 0.24 + 9.2
        gain *= 0.5
    return total
