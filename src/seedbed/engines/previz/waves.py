"""Waves of open water: two periodic tiles of the sea's surface, as they are at one time.

Each is a sum of plane waves with random phases under a wind-sea spectrum, every one moving at the speed that gravity
gives its length in deep water (angular frequency squared = g times wave number; Tessendorf, "Simulating Ocean
Water"). The long tile holds the swell, the short one the chop upon it, without a gap between their bands.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel

Floats = NDArray[np.float32]
Waves = NDArray[np.complex64]

SIDE = 128
"""Texels on a tile's side."""
LONG_M, SHORT_M = 400.0, 52.0
"""Lengths of the tiles' sides."""
SPLIT_M = 13.0
"""Wavelength at which the short tile takes over from the long one."""
CHOP = 1.15
"""How far crests are drawn together, in units of the waves' own circular motion."""

# Channels of a tile: metres above the mean, its slopes, and how far crests fold (1: they break).
HEIGHT, SLOPE_X, SLOPE_Y, FOLD = range(4)
_G = 9.81


class Sea:
    """The water of one shot. Read only once built; `at` may be called by any thread."""

    def __init__(self, height_m: float, toward: tuple[float, float], seed: int) -> None:
        """`height_m` is the significant wave height; `toward` is where the wind blows, as a unit vector."""
        self.height_m = height_m
        rng = np.random.default_rng([seed, 0x5EA])
        longest = 30.0 + 26.0 * height_m
        self._tiles = [
            _Tile(LONG_M, (SPLIT_M, math.inf), longest, height_m / 4.0, toward, rng),
            _Tile(SHORT_M, (1.2, SPLIT_M), longest, 0.035 + 0.03 * height_m, toward, rng),
        ]

    def at(self, seconds: float) -> Floats:
        """(2, SIDE, SIDE, 4): the long and the short tile; channels last, as all of a place are read at once."""
        out = np.empty((2, SIDE, SIDE, 4), np.float32)
        for tile, into in zip(self._tiles, out, strict=True):
            tile.fill(into, seconds)
        return out


def still() -> Floats:
    """A surface without waves, for water that has none."""
    return np.zeros((2, 1, 1, 4), np.float32)


class _Tile:
    def __init__(
        self, side_m: float, band_m: tuple[float, float], longest_m: float, deviation_m: float,
        toward: tuple[float, float], rng: np.random.Generator,
    ) -> None:  # fmt: skip
        step = 2 * np.pi / side_m
        k = np.fft.fftfreq(SIDE, 1.0 / SIDE) * step
        kx, ky = k[None, :], k[:, None]
        number = np.hypot(kx, ky)
        number[0, 0] = 1.0
        length = 2 * np.pi / number
        along = (kx * toward[0] + ky * toward[1]) / number
        # A wind sea: energy falls with the fourth power of the wave number, and little runs against the wind.
        size = np.exp(-0.6 * (length / longest_m) ** 2) / number**2
        size *= np.where(along > 0, along**2 + 0.04, 0.03) ** 0.5
        size *= (length >= band_m[0]) & (length < band_m[1])
        size[0, 0] = 0.0
        phases = rng.standard_normal((SIDE, SIDE)) + 1j * rng.standard_normal((SIDE, SIDE))
        start = phases * size
        spread = math.sqrt(2.0 * float((np.abs(start) ** 2).sum())) or 1.0
        start *= deviation_m * SIDE * SIDE / spread
        self._start = start.astype(np.complex64)
        self._mirror = np.conj(np.roll(start[::-1, ::-1], (1, 1), (0, 1))).astype(np.complex64)
        self._turns = np.sqrt(_G * number).astype(np.float32)
        self._fold = (CHOP * number).astype(np.float32)
        self._slope = (1j * kx - ky).astype(np.complex64)
        self._draw = (1j * kx / number - ky / number).astype(np.complex64)
        self._per_m = SIDE / side_m

    def fill(self, out: Floats, seconds: float) -> None:
        """`out` (SIDE, SIDE, 4)."""
        turned = np.exp(-1j * (self._turns * np.float32(seconds))).astype(np.complex64)
        wave = self._start * turned + self._mirror * np.conj(turned)
        # Two real fields at once, as the real and the imaginary part.
        both = np.fft.ifft2(wave * (1.0 + 1j * self._fold)).astype(np.complex64)
        slopes = np.fft.ifft2(wave * self._slope).astype(np.complex64)
        pulled = np.fft.ifft2(wave * self._draw).astype(np.complex64)
        _gather(out, both, slopes, pulled, CHOP * self._per_m)


@kernel
def _gather(out: Floats, both: Waves, slopes: Waves, pulled: Waves, scale: float) -> None:
    """Draws each field together towards the crests: a point takes what circular motion carried to it."""
    side = both.shape[0]
    for j in range(side):
        for i in range(side):
            u = i - pulled[j, i].real * scale
            v = j - pulled[j, i].imag * scale
            iu, iv = math.floor(u), math.floor(v)
            fu, fv = np.float32(u - iu), np.float32(v - iv)
            i0, j0, i1, j1 = int(iu) % side, int(iv) % side, (int(iu) + 1) % side, (int(iv) + 1) % side
            one = np.float32(1.0)
            a, b = (one - fu) * (one - fv), fu * (one - fv)
            c, d = (one - fu) * fv, fu * fv
            high = both[j0, i0] * a + both[j0, i1] * b + both[j1, i0] * c + both[j1, i1] * d
            tilt = slopes[j0, i0] * a + slopes[j0, i1] * b + slopes[j1, i0] * c + slopes[j1, i1] * d
            fold = high.imag
            # Where crests gather, the same rise is met on a shorter way.
            steeper = one / max(one - fold, np.float32(0.45))
            out[j, i, HEIGHT] = high.real
            out[j, i, SLOPE_X] = tilt.real * steeper
            out[j, i, SLOPE_Y] = tilt.imag * steeper
            out[j, i, FOLD] = fold
