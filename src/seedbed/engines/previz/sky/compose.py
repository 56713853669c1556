"""Kernels that join the sky's layers for one frame: what stands still, clouds on the move, and what flashes or glows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.sky.clouds import SLOPE_MAX

Floats = NDArray[np.float32]

_NODE = 8


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
    nodes = columns // _NODE + 2
    warp = np.empty((2, 2, nodes), np.float32)
    step = (turn_max - turn_min) / (columns - 1.0)
    one = np.float32(1.0)
    for j in range(min(top, rows)):
        slope = max(SLOPE_MAX * (j / (rows - 1.0)) ** 2, 0.0015)
        for node in range(nodes):
            turn = turn_min + step * node * _NODE
            ahead = base / (slope * math.sqrt(1.0 + turn * turn))
            for k in range(2):
                y = max(ahead - shifts[k, 1], 0.05 * ahead)
                x = ahead * turn - shifts[k, 0]
                warp[k, 0, node] = (x / y - turn_min) / step
                warp[k, 1, node] = math.sqrt(min(base / math.sqrt(x * x + y * y) / SLOPE_MAX, 1.0)) * (rows - 1.0)
        for i in range(columns):
            node = i // _NODE
            part = np.float32((i - node * _NODE) / _NODE)
            red, green, blue, cover = np.float32(0.0), np.float32(0.0), np.float32(0.0), np.float32(0.0)
            for k in range(2):
                share = np.float32(blend if k == 1 else 1.0 - blend)
                if share <= 0.0:
                    continue
                veil = second if k == 1 else first
                u = warp[k, 0, node] + (warp[k, 0, node + 1] - warp[k, 0, node]) * part
                v = warp[k, 1, node] + (warp[k, 1, node + 1] - warp[k, 1, node]) * part
                u = min(max(u, np.float32(0.0)), np.float32(columns - 1.01))
                v = min(max(v, np.float32(0.0)), np.float32(rows - 1.01))
                iu, iv = int(u), int(v)
                fu, fv = u - np.float32(iu), v - np.float32(iv)
                a, b = (one - fu) * (one - fv) * share, fu * (one - fv) * share
                c, d = (one - fu) * fv * share, fu * fv * share
                p, q, r, s = veil[iv, iu], veil[iv, iu + 1], veil[iv + 1, iu], veil[iv + 1, iu + 1]
                red += p[0] * a + q[0] * b + r[0] * c + s[0] * d
                green += p[1] * a + q[1] * b + r[1] * c + s[1] * d
                blue += p[2] * a + q[2] * b + r[2] * c + s[2] * d
                cover += p[3] * a + q[3] * b + r[3] * c + s[3] * d
            clear = max(one - cover, np.float32(0.0))
            out[j, i, 0] = back[j, i, 0] * clear + red
            out[j, i, 1] = back[j, i, 1] * clear + green
            out[j, i, 2] = back[j, i, 2] * clear + blue
            out[j, i, 3] = clear
    if glow.shape[0] > 0:
        for j in range(min(top, glow.shape[0])):
            for i in range(columns):
                clear = out[j, i, 3]
                for c3 in range(3):
                    out[j, i, c3] += glow[j, i, c3] * clear
    if front.shape[0] > 0:
        for j in range(min(top, rows)):
            for i in range(columns):
                for c3 in range(3):
                    out[j, i, c3] += front[j, i, c3]
    if flash[1] > 0.0:
        for j in range(min(top, rows)):
            slope = SLOPE_MAX * (j / (rows - 1.0)) ** 2
            for i in range(columns):
                off = (turn_min + step * i - flash[0]) / flash[2]
                rise = (slope - 0.20) / 0.35
                near = math.exp(-off * off - rise * rise)
                lit = flash[1] * near * (1.0 - out[j, i, 3]) + flash[3]
                out[j, i, 0] += lit * 0.78
                out[j, i, 1] += lit * 0.84
                out[j, i, 2] += lit


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
