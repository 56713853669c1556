"""Kernels that draw a spiral galaxy: a disc of arms, dust and young stars, and a bulge that glows through it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.noise import fraction
from seedbed.engines.previz.space.tiles import layers, ridges

Floats = NDArray[np.float32]

REACH = 1.15
"""Half a side of the disc's map, in radii of the galaxy."""


@kernel
def paint_arms(disc: Floats, soft: Floats, arms: int, wind: float, first: int, last: int, seed: int) -> None:
    """Fills rows first … last of `disc` (side, side, 4): light, and how much dust hides what lies behind."""
    side = disc.shape[0]
    for j in range(first, last):
        for i in range(side):
            x, y = REACH * (2.0 * i / (side - 1.0) - 1.0), REACH * (2.0 * j / (side - 1.0) - 1.0)
            r = math.sqrt(x * x + y * y) + 1e-5
            angle = math.atan2(y, x)
            bend = layers(soft, x * 5.0, y * 5.0, 3.0, 4)
            fine = layers(soft, x * 26.0 + bend, y * 26.0, 9.0, 5)
            thread = ridges(soft, x * 15.0 + 0.6 * bend, y * 15.0 - 0.6 * bend, 5.0, 4)
            phase = arms * (angle - wind * math.log(r)) + 0.9 * bend
            arm = 0.5 + 0.5 * math.cos(phase)
            spur = 0.5 + 0.5 * math.cos(2.0 * phase + 1.6 + 1.1 * fine)
            young = arm**3.0 * (0.7 + 0.5 * spur) * min(r * 5.0, 1.0)
            fade = math.exp(-r * 2.6) * min(max((REACH - 0.02 - r) * 3.5, 0.0), 1.0)
            old = 0.55 * math.exp(-r * 4.2) + 0.10 * fade
            # Dust lies along the inner edge of each arm.
            lane = max(math.cos(phase + 0.85), 0.0) ** 5.0 * min(r * 7.0, 1.0)
            dust = min(lane * (0.35 + 1.1 * thread) + 0.35 * max(thread - 0.55, 0.0), 1.0) * math.exp(-r * 0.7)
            gas = young * fade * max(0.75 + 0.55 * fine, 0.05)
            knot = max(fine - 0.80 + 0.25 * arm, 0.0) * 4.0 * young * fade
            star = fraction(i, j, seed) ** 40 * fade * (0.4 + 3.0 * young) * 1.1
            disc[j, i, 0] = old * 1.00 + gas * 0.62 + knot * 1.30 + star * 0.9
            disc[j, i, 1] = old * 0.76 + gas * 0.78 + knot * 0.45 + star * 0.95
            disc[j, i, 2] = old * 0.50 + gas * 1.25 + knot * 0.80 + star * 1.1
            hidden = 1.0 - 0.80 * dust
            disc[j, i, 0] *= hidden
            disc[j, i, 1] *= hidden * (1.0 - 0.12 * dust)
            disc[j, i, 2] *= hidden * (1.0 - 0.25 * dust)
            disc[j, i, 3] = min(0.9 * dust + 0.6 * gas, 0.95) * min(max((REACH - r) * 3.0, 0.0), 1.0)


@kernel
def draw_galaxy(light: Floats, width: int, height: int, first: int, last: int, eye: Floats, disc: Floats,
                gain: float) -> None:  # fmt: skip
    """Draws a galaxy of radius 1 in the plane z = 0 over rows first … last of `light`."""
    focal, side = eye[4, 0], disc.shape[0]
    px, py, pz = eye[0, 0], eye[0, 1], eye[0, 2]
    scale = (side - 1.0) / (2.0 * REACH)
    tint = (1.0, 0.80, 0.55)
    for y in range(first, last):
        q = (height * 0.5 - y - 0.5) / focal
        for x in range(width):
            p = (x + 0.5 - width * 0.5) / focal
            norm = 1.0 / math.sqrt(1.0 + p * p + q * q)
            dx = (eye[1, 0] * p + eye[2, 0] * q + eye[3, 0]) * norm
            dy = (eye[1, 1] * p + eye[2, 1] * q + eye[3, 1]) * norm
            dz = (eye[1, 2] * p + eye[2, 2] * q + eye[3, 2]) * norm
            # The bulge: a round cloud, flatter than a ball, whose light along the ray is known in closed form.
            ez, fz = pz * 1.7, dz * 1.7
            along = dx * dx + dy * dy + fz * fz
            near = -(px * dx + py * dy + ez * fz) / along
            cx, cy, cz = px + dx * near, py + dy * near, ez + fz * near
            miss2 = cx * cx + cy * cy + cz * cz
            bulge = 1.9 * math.exp(-math.sqrt(miss2) * 13.0) + 0.30 * math.exp(-miss2 * 26.0)
            hidden = 0.0
            if abs(dz) > 1e-5 and -pz / dz > 0.0:
                t = -pz / dz
                gx, gy = px + dx * t, py + dy * t
                if abs(gx) < REACH and abs(gy) < REACH:
                    u = min(max((gx + REACH) * scale, 0.0), side - 1.01)
                    v = min(max((gy + REACH) * scale, 0.0), side - 1.01)
                    i, j = int(u), int(v)
                    fu, fv = np.float32(u - i), np.float32(v - j)
                    # Seen along its plane, a ray crosses more of the disc.
                    thick = min(0.32 / max(abs(dz), 0.10), 2.2) + 0.5
                    for c in range(4):
                        a = disc[j, i, c] + (disc[j, i + 1, c] - disc[j, i, c]) * fu
                        b = disc[j + 1, i, c] + (disc[j + 1, i + 1, c] - disc[j + 1, i, c]) * fu
                        value = a + (b - a) * fv
                        if c < 3:
                            light[c, y, x] = light[c, y, x] * np.float32(1.0 - hidden) + np.float32(
                                value * gain * thick
                            )
                        else:
                            hidden = value
            for c in range(3):
                light[c, y, x] += np.float32(bulge * tint[c] * gain * (1.0 - 0.35 * hidden))
