"""Kernels that join the layers of the sky for one frame: what stands still, what drifts, what flashes or glows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.sky.clouds import SLOPE_MAX

Floats = NDArray[np.float32]

_NODE = 8


@kernel
def _warps(warp: Floats, slope: float, rows: int, turn_min: float, step: float, shifts: Floats, base: float) -> None:
    """Where in the bakes the clouds of one row come from, at every eighth column: `warp` (2, 2, nodes) holds columns
    and rows for both bakes."""
    for node in range(warp.shape[2]):
        turn = turn_min + step * node * _NODE
        ahead = base / (slope * math.sqrt(1.0 + turn * turn))
        for k in range(2):
            y = max(ahead - shifts[k, 1], 0.05 * ahead)
            x = ahead * turn - shifts[k, 0]
            warp[k, 0, node] = (x / y - turn_min) / step
            warp[k, 1, node] = math.sqrt(min(base / math.sqrt(x * x + y * y) / SLOPE_MAX, 1.0)) * (rows - 1.0)


@kernel
def _carry(row: Floats, veil: Floats, warp: Floats, share: float) -> None:
    """Adds `share` of the clouds of one bake to a row (columns, 4)."""
    rows, columns = veil.shape[0], veil.shape[1]
    one, zero, part_of = np.float32(1.0), np.float32(0.0), np.float32(share)
    wide, high, eighth = np.float32(columns - 1.01), np.float32(rows - 1.01), np.float32(1.0 / _NODE)
    for i in range(columns):
        node = i // _NODE
        part = np.float32(i - node * _NODE) * eighth
        u = warp[0, node] + (warp[0, node + 1] - warp[0, node]) * part
        v = warp[1, node] + (warp[1, node + 1] - warp[1, node]) * part
        u, v = min(max(u, zero), wide), min(max(v, zero), high)
        iu, iv = int(u), int(v)
        fu, fv = u - np.float32(iu), v - np.float32(iv)
        a, b = (one - fu) * (one - fv) * part_of, fu * (one - fv) * part_of
        c, d = (one - fu) * fv * part_of, fu * fv * part_of
        p, q, r, s = veil[iv, iu], veil[iv, iu + 1], veil[iv + 1, iu], veil[iv + 1, iu + 1]
        for k in range(4):
            row[i, k] += p[k] * a + q[k] * b + r[k] * c + s[k] * d


@kernel
def _light_up(row: Floats, slope: float, turn_min: float, step: float, flash: Floats) -> None:
    """Adds what a flash throws on the clouds of one row, and on the air."""
    rise = (slope - 0.20) / 0.35
    for i in range(row.shape[0]):
        off = (turn_min + step * i - flash[0]) / flash[2]
        lit = flash[1] * math.exp(-off * off - rise * rise) * (1.0 - row[i, 3]) + flash[3]
        row[i, 0] += lit * 0.78
        row[i, 1] += lit * 0.84
        row[i, 2] += lit


@kernel
def join(out: Floats, top: int, back: Floats, glow: Floats, first: Floats, second: Floats, blend: float,
         shifts: Floats, front: Floats, flash: Floats, base: float, turn_min: float,
         turn_max: float) -> None:  # fmt: skip
    """Fills the rows under `top` of `out` (rows, columns, 4): light, and the share of it that no cloud hides.

    `back` stands behind the clouds, and so does what `glow` adds; `first` and `second` are clouds (colour times
    opacity, opacity), `blend` of the way from one to the other, each moved by its (right, ahead) in `shifts`
    (2, 2), in metres at the height `base`. `front` and what `flash` (4) lights lie before them; glow and front
    may be empty. `flash` is turn, strength and width of a flash within the clouds, and its strength in the air.
    """
    rows, columns = out.shape[0], out.shape[1]
    warp = np.empty((2, 2, columns // _NODE + 2), np.float32)
    step = (turn_max - turn_min) / (columns - 1.0)
    for j in range(min(top, rows)):
        slope = max(SLOPE_MAX * (j / (rows - 1.0)) ** 2, 0.0015)
        _warps(warp, slope, rows, turn_min, step, shifts, base)
        row = out[j]
        row[:] = 0.0
        _carry(row, first, warp[0], 1.0 - blend)
        if blend > 0.0:
            _carry(row, second, warp[1], blend)
        glows, fronts = j < glow.shape[0], front.shape[0] > 0
        for i in range(columns):
            clear = max(np.float32(1.0) - row[i, 3], np.float32(0.0))
            row[i, 3] = clear
            for c in range(3):
                behind = back[j, i, c] + glow[j, i, c] if glows else back[j, i, c]
                row[i, c] += behind * clear
                if fronts:
                    row[i, c] += front[j, i, c]
        if flash[1] > 0.0:
            _light_up(row, slope, turn_min, step, flash)


@kernel
def draw_bolt(pano: Floats, lines: Floats, turn_min: float, turn_max: float, power: float, red: float, green: float,
              blue: float) -> None:  # fmt: skip
    """Adds bright lines (n, 5) to a panorama: turn and slope of both ends, and brightness."""
    rows, columns = pano.shape[0], pano.shape[1]
    per = (columns - 1.0) / (turn_max - turn_min)
    wide = max(columns / 900.0, 0.75)
    for n in range(lines.shape[0]):
        ax, bx = (lines[n, 0] - turn_min) * per, (lines[n, 2] - turn_min) * per
        ay = math.sqrt(max(lines[n, 1], 0.0) / SLOPE_MAX) * (rows - 1.0)
        by = math.sqrt(max(lines[n, 3], 0.0) / SLOPE_MAX) * (rows - 1.0)
        reach = int(2.0 + 9.0 * wide * lines[n, 4])
        low, high = max(int(min(ay, by)) - reach, 0), min(int(max(ay, by)) + reach + 1, rows)
        left, right = max(int(min(ax, bx)) - reach, 0), min(int(max(ax, bx)) + reach + 1, columns)
        span = max((bx - ax) ** 2 + (by - ay) ** 2, 1e-6)
        for j in range(low, high):
            for i in range(left, right):
                t = min(max(((i - ax) * (bx - ax) + (j - ay) * (by - ay)) / span, 0.0), 1.0)
                dx, dy = i - ax - t * (bx - ax), j - ay - t * (by - ay)
                d = (dx * dx + dy * dy) / (wide * wide)
                lit = power * lines[n, 4] * math.exp(-d * 1.4)
                halo = 0.03 * power * lines[n, 4] * lines[n, 4] * math.exp(-d * 0.05)
                # Segments overlap at their ends: the brightest counts, not the sum.
                pano[j, i, 0] = max(pano[j, i, 0], lit * red) + halo * 0.5 * red * 0.2
                pano[j, i, 1] = max(pano[j, i, 1], lit * green) + halo * 0.5 * green * 0.2
                pano[j, i, 2] = max(pano[j, i, 2], lit * blue) + halo * 0.7 * blue * 0.25
