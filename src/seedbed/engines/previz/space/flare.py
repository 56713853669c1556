"""Kernels for a sun that is seen: its disc, its glare, and the ghosts that it leaves in the lens."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel

Floats = NDArray[np.float32]


@kernel
def draw_flare(light: Floats, width: int, height: int, eye: Floats, sun: Floats, power: Floats, shown: float) -> None:
    """Adds the glare of a sun in the direction `sun`, of which the share `shown` is not hidden."""
    depth = sun[0] * eye[3, 0] + sun[1] * eye[3, 1] + sun[2] * eye[3, 2]
    if depth < 0.2 or shown <= 0.0:
        return
    focal = eye[4, 0]
    sx = width * 0.5 + focal * (sun[0] * eye[1, 0] + sun[1] * eye[1, 1] + sun[2] * eye[1, 2]) / depth
    sy = height * 0.5 - focal * (sun[0] * eye[2, 0] + sun[1] * eye[2, 1] + sun[2] * eye[2, 2]) / depth
    if sx < -0.5 * width or sx > 1.5 * width or sy < -0.8 * height or sy > 1.8 * height:
        return
    size = math.sqrt(width * height)
    for y in range(height):
        for x in range(width):
            dx, dy = (x - sx) / size, (y - sy) / size
            d = math.sqrt(dx * dx + dy * dy)
            glare = 0.0016 / (d * d + 0.00018)
            if d < 0.9:
                glare += 0.05 * math.exp(-d * 7.0)
            if d < 0.5:
                # Blades of the aperture draw a star; a coated lens draws a streak.
                ray = abs(math.cos(3.0 * math.atan2(dy, dx) + 0.4))
                glare += 0.10 * ray**40 * math.exp(-d * 9.0)
            streak = 0.05 * math.exp(-abs(dy) * 260.0 - abs(dx) * 3.2) if abs(dy) < 0.03 else 0.0
            light[0, y, x] += np.float32(shown * power[0] * (glare + 0.4 * streak))
            light[1, y, x] += np.float32(shown * power[1] * (glare + 0.7 * streak))
            light[2, y, x] += np.float32(shown * power[2] * (glare * 0.92 + 1.6 * streak))


@kernel
def draw_star(light: Floats, width: int, height: int, first: int, last: int, eye: Floats, skin: Floats, tint: Floats,
              seconds: float) -> None:  # fmt: skip
    """Draws a star of radius 1 at the origin: boiling ground, dark limb, corona. `skin` is a periodic noise tile."""
    focal = eye[4, 0]
    px, py, pz = eye[0, 0], eye[0, 1], eye[0, 2]
    far2 = px * px + py * py + pz * pz
    size = skin.shape[1]
    for y in range(first, last):
        q = (height * 0.5 - y - 0.5) / focal
        for x in range(width):
            p = (x + 0.5 - width * 0.5) / focal
            norm = 1.0 / math.sqrt(1.0 + p * p + q * q)
            dx = (eye[1, 0] * p + eye[2, 0] * q + eye[3, 0]) * norm
            dy = (eye[1, 1] * p + eye[2, 1] * q + eye[3, 1]) * norm
            dz = (eye[1, 2] * p + eye[2, 2] * q + eye[3, 2]) * norm
            closest = -(px * dx + py * dy + pz * dz)
            if closest <= 0.0:
                continue
            miss = math.sqrt(max(far2 - closest * closest, 0.0))
            covered = min(max((1.0 - miss) * focal * norm / closest + 0.5, 0.0), 1.0)
            cx, cy, cz = px + dx * closest, py + dy * closest, pz + dz * closest
            lon = math.atan2(cy * eye[1, 1] + cx * eye[1, 0], cz)
            k = int(abs(math.sin(lon * 9.0) * 20.0 + math.sin(lon * 23.0 + seconds * 0.2) * 9.0)) & (size - 1)
            ray = 0.8 + 0.25 * skin[0, k, 7]
            up = max(miss - 1.0, 0.0)
            corona = (0.9 * math.exp(-up * 9.0 * ray) + 0.22 * math.exp(-up * 2.2)) * (1.0 - covered)
            for c in range(3):
                light[c, y, x] += np.float32(corona * tint[c])
            if covered > 0.0:
                hit = closest - math.sqrt(max(1.0 - miss * miss, 0.0))
                nx, ny, nz = px + dx * hit, py + dy * hit, pz + dz * hit
                u, v = math.atan2(ny, nx) * 1.3, math.asin(min(max(nz, -1.0), 1.0)) * 1.3
                i, j = int((u + 9.0) * size * 0.21), int((v + 9.0) * size * 0.21)
                k2 = int((u * 3.1 + v + 30.0 + seconds * 0.02) * size * 0.21)
                boil = skin[0, j & (size - 1), i & (size - 1)] + 0.8 * skin[1, (j * 3) & (size - 1), k2 & (size - 1)]
                limb = math.sqrt(max(1.0 - miss * miss, 0.0))
                tone = (0.45 + 0.75 * limb) * (1.0 + 0.16 * boil)
                for c in range(3):
                    deep = tint[c] ** (1.0 + 0.7 * (1.0 - limb))
                    value = 3.6 * tone * deep
                    light[c, y, x] += (np.float32(value) - light[c, y, x]) * np.float32(covered)
