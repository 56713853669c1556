"""What falls or floats between the lens and the land: rain, snow, petals, leaves, fireflies.

Everything hangs in a box that travels with the camera and wraps around, so its number never changes; each fleck is
a function of its number, the seed and the time. Near ones are large, fast and out of focus, far ones small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.light import hour_of, linear, shown, weather_of
from seedbed.engines.previz.noise import fraction
from seedbed.engines.previz.script import Shot

Floats = NDArray[np.float32]

_RATE = {"slow_motion": 0.35, "time_lapse": 2.0, "hyperlapse": 2.0}
# How many there are in a frame, and the colours of solid ones.
_COUNTS = {"rain": 1500, "storm": 2600, "snow": 1500, "petals": 170, "leaves": 70, "fireflies": 70}
_TINTS = {
    "petals": ("f8cdd6", "f3b4c4", "fbe3e6"),
    "leaves": ("b5651d", "c98a2b", "8c3a1c"),
    "fireflies": ("d8f06a", "f2e36a", "c4f080"),
}


@dataclass(frozen=True, slots=True)
class Fall:
    """One kind of fleck. `tints` (3, 3) are its colours in linear light, `lean` how far wind carries it for its
    fall, `seed` its own."""

    kind: str
    count: int
    tints: Floats
    lean: float
    rate: float
    seed: int

    def draw(self, light: Floats, width: int, height: int, seconds: float, right_px: float, down_px: float) -> None:
        """Draws over `light` (3, rows, stride). The picture has moved by so many pixels since the shot began."""
        t = seconds * self.rate
        place = (width, height, self.count, t, right_px, down_px)
        if self.kind in ("rain", "storm"):
            shutter = max(min(self.rate, 1.0), 0.4)
            let_rain(light, *place, self.lean, shutter, self.tints[0], self.seed)
        elif self.kind == "snow":
            let_snow(light, *place, self.lean, self.tints[0], self.seed)
        elif self.kind == "fireflies":
            let_glow(light, *place, self.tints, self.seed)
        else:
            let_tumble(light, *place, self.lean, 1.0 if self.kind == "petals" else 1.5, self.tints, self.seed)


def falls(shot: Shot, seed: int) -> tuple[Fall, ...]:
    """What falls in `shot`, far kinds first."""
    hour, weather = hour_of(shot), weather_of(shot)
    gust = float(np.random.default_rng([seed, 21]).uniform(-1.0, 1.0))
    windy = 1.0 if "wind" in shot.subjects or weather == "storm" else 0.45
    sky = shown(hour.murk[0], exposure=hour.exposure)[0]
    found = []
    for number, kind in enumerate(_kinds(shot, weather)):
        if kind in ("rain", "storm", "snow"):
            gain = 1.15 if kind == "snow" else 1.0
            tints = np.repeat(sky[None] * gain, 3, 0)
            if kind == "snow":
                tints = tints * 0.75 + 0.25 * tints.max()
        else:
            tints = linear(*_TINTS[kind])
            level = float(sky.mean()) * 1.1 if kind != "fireflies" else 4.0 / hour.exposure
            tints = tints * level
        lean = gust * windy * (0.45 if kind in ("rain", "storm") else 1.0)
        found.append(Fall(kind, _COUNTS[kind], np.ascontiguousarray(tints, dtype=np.float32), lean,
                          _RATE.get(shot.tempo, 1.0), seed * 7 + number))  # fmt: skip
    return tuple(found)


def _kinds(shot: Shot, weather: str) -> list[str]:
    kinds = [weather] if weather in ("rain", "storm", "snow") and shot.weather in ("rain", "snow") else []
    if "rain" in shot.without:
        kinds = [kind for kind in kinds if kind == "snow"]
    said = set(shot.subjects)
    if "petals" in said or (shot.season == "spring" and "wind" in said and weather not in ("rain", "storm", "snow")):
        kinds.append("petals")
    if "leaves" in said or (shot.season == "autumn" and "wind" in said and weather not in ("snow", "storm")):
        kinds.append("leaves")
    if "fireflies" in said and shot.time in ("night", "sunset"):
        kinds.append("fireflies")
    return [kind for kind in kinds if kind not in shot.without]


@kernel
def _wrap(value: float, size: float, margin: float) -> float:
    """`value` brought into -margin … size + margin."""
    span = size + 2.0 * margin
    return value - math.floor((value + margin) / span) * span


@kernel
def _streak(light: Floats, width: int, height: int, x: float, y: float, length: float, lean: float, thick: float,
            alpha: float, tint: Floats) -> None:  # fmt: skip
    """Blends in a line that ends at (x, y) and came from above, leaning, fading at both ends."""
    reach = max(thick, 0.7)
    strong = alpha * thick / reach
    for j in range(max(int(y - length) + 1, 0), min(int(y) + 1, height)):
        s = (y - j) / length
        middle = x - lean * (y - j)
        part = strong * min(4.0 * s * (1.0 - s), 1.0)
        for i in range(max(int(middle - reach), 0), min(int(middle + reach) + 2, width)):
            off = abs(i - middle) / reach
            if off < 1.0:
                weight = np.float32(part * (1.0 - off))
                for c in range(3):
                    light[c, j, i] += (tint[c] - light[c, j, i]) * weight


@kernel
def _fleck(light: Floats, width: int, height: int, x: float, y: float, wide: float, tall: float, angle: float,
           soft: float, alpha: float, tint: Floats) -> None:  # fmt: skip
    """Blends in an ellipse; its edge fades over the outer share `soft`."""
    if wide < 0.75:
        alpha, wide = alpha * wide / 0.75, 0.75
    if tall < 0.75:
        alpha, tall = alpha * tall / 0.75, 0.75
    reach = max(wide, tall) + 0.5
    cos, sin = math.cos(angle), math.sin(angle)
    inner = 1.0 / max(soft, 0.6 / min(wide, tall))
    for j in range(max(int(y - reach), 0), min(int(y + reach) + 2, height)):
        for i in range(max(int(x - reach), 0), min(int(x + reach) + 2, width)):
            dx, dy = i - x, j - y
            u, v = (dx * cos + dy * sin) / wide, (dy * cos - dx * sin) / tall
            away = u * u + v * v
            if away < 1.0:
                weight = np.float32(alpha * min((1.0 - math.sqrt(away)) * inner, 1.0))
                for c in range(3):
                    light[c, j, i] += (tint[c] - light[c, j, i]) * weight


@kernel
def let_rain(light: Floats, width: int, height: int, count: int, seconds: float, right_px: float, down_px: float,
             lean: float, shutter: float, tint: Floats, seed: int) -> None:  # fmt: skip
    """Rain: a few broad streaks near the lens, very many thin ones far off."""
    size = math.sqrt(width * height)
    for drop in range(count):
        far = 1.0 + 9.0 * math.sqrt(fraction(drop, 1, seed))
        near = 1.0 / far
        speed, length = 3.4 * near + 0.35, (0.105 * near + 0.012) * shutter
        tilt = lean * (0.9 + 0.2 * fraction(drop, 5, seed))
        margin = size * 0.14
        y = _wrap((fraction(drop, 3, seed) * 7.0 + speed * seconds) * size + down_px, float(height), margin)
        x = fraction(drop, 2, seed) * 9.0 * size + tilt * speed * seconds * size + right_px
        x = _wrap(x, float(width), margin)
        thick = max(size * 0.0021 * near, 0.35)
        alpha = 0.20 + 0.16 * fraction(drop, 4, seed)
        if near > 0.4:
            thick, alpha = thick * 1.6, alpha * 0.55
        _streak(light, width, height, x, y, length * size, tilt, thick, alpha, tint)


@kernel
def let_snow(light: Floats, width: int, height: int, count: int, seconds: float, right_px: float, down_px: float,
             lean: float, tint: Floats, seed: int) -> None:  # fmt: skip
    """Snow that swirls; flakes near the lens are large and out of focus."""
    size = math.sqrt(width * height)
    for flake in range(count):
        far = 1.0 + 11.0 * fraction(flake, 1, seed) ** 0.45
        near = 1.0 / far
        phase = 6.2832 * fraction(flake, 4, seed)
        margin = size * 0.05
        sway = 0.030 * math.sin(1.1 * seconds + phase) + 0.012 * math.sin(2.7 * seconds + 2.3 * phase)
        gust = lean * (0.42 * seconds + 0.10 * math.sin(0.8 * seconds + 3.0 * fraction(flake, 6, seed)))
        x = fraction(flake, 2, seed) * 9.0 * size + (sway + gust) * (near + 0.03) * size + right_px
        fall = (0.50 + 0.25 * fraction(flake, 5, seed)) * seconds + 0.02 * math.sin(1.7 * seconds + phase)
        y = fraction(flake, 3, seed) * 9.0 * size + fall * (near + 0.05) * size + down_px
        x, y = _wrap(x, float(width), margin), _wrap(y, float(height), margin)
        radius = size * 0.0080 * near * (0.7 + 0.6 * fraction(flake, 7, seed))
        blur = size * 0.011 * max(near - 0.30, 0.0)
        alpha = 0.85 * (radius / (radius + blur)) ** 1.4
        _fleck(light, width, height, x, y, radius + blur, radius + blur, 0.0, 0.55, alpha, tint)


@kernel
def let_tumble(light: Floats, width: int, height: int, count: int, seconds: float, right_px: float, down_px: float,
               lean: float, large: float, tints: Floats, seed: int) -> None:  # fmt: skip
    """Petals or leaves: small blades that turn over as they sail."""
    size, tint = math.sqrt(width * height), np.empty(3, np.float32)
    for blade in range(count):
        near = 1.0 / (1.0 + 6.0 * fraction(blade, 1, seed) ** 0.7)
        phase, spin = 6.2832 * fraction(blade, 4, seed), 1.5 + 2.5 * fraction(blade, 5, seed)
        margin = size * 0.05
        sway = 0.09 * math.sin(0.9 * seconds + phase) + 0.03 * math.sin(2.3 * seconds + 1.7 * phase)
        x = fraction(blade, 2, seed) * 9.0 * size + (sway + lean * 0.9 * seconds) * near * size + right_px
        fall = 0.26 * seconds + 0.05 * math.sin(1.3 * seconds + 2.0 * phase)
        y = fraction(blade, 3, seed) * 9.0 * size + fall * near * size + down_px
        x, y = _wrap(x, float(width), margin), _wrap(y, float(height), margin)
        wide = size * 0.0125 * near * large
        edge = abs(math.cos(spin * seconds + phase))
        blur = size * 0.010 * max(near - 0.45, 0.0)
        alpha = 0.92 * (wide / (wide + blur)) ** 1.5
        for c in range(3):
            tint[c] = tints[blade % 3, c] * np.float32(0.65 + 0.45 * edge)
        angle = phase + 0.8 * math.sin(spin * 0.7 * seconds + phase)
        _fleck(light, width, height, x, y, wide + blur, wide * (0.18 + 0.5 * edge) + blur, angle, 0.35, alpha, tint)


@kernel
def let_glow(light: Floats, width: int, height: int, count: int, seconds: float, right_px: float, down_px: float,
             tints: Floats, seed: int) -> None:  # fmt: skip
    """Fireflies over the lower part of the frame: each wanders and is lit for a while, now and then."""
    size = math.sqrt(width * height)
    for fly in range(count):
        near = 1.0 / (1.0 + 7.0 * fraction(fly, 1, seed))
        phase = 6.2832 * fraction(fly, 4, seed)
        pulse = math.sin((0.8 + 0.9 * fraction(fly, 5, seed)) * seconds + 2.0 * phase)
        shine = max(pulse, 0.0) ** 1.5
        if shine < 0.02:
            continue
        roam = 0.10 * near * size
        x = fraction(fly, 2, seed) * width + roam * (math.sin(0.7 * seconds + phase) + 0.4 * math.sin(1.9 * seconds))
        drop = 0.42 + 0.50 * fraction(fly, 3, seed)
        y = drop * height + roam * 0.6 * math.sin(0.9 * seconds + 1.7 * phase)
        x, y = _wrap(x + right_px, float(width), 20.0), y + down_px
        core = max(size * 0.0030 * near + 0.35, 0.6)
        reach = core * 7.0
        for j in range(max(int(y - reach), 0), min(int(y + reach) + 2, height)):
            for i in range(max(int(x - reach), 0), min(int(x + reach) + 2, width)):
                away = ((i - x) ** 2 + (j - y) ** 2) / (core * core)
                glow = shine * (math.exp(-away) + 0.05 * math.exp(-away * 0.12))
                for c in range(3):
                    light[c, j, i] += np.float32(tints[fly % 3, c] * glow)


def warm() -> None:
    """Compiles every kernel of this module."""
    light = np.zeros((3, 16, 16), np.float32)
    for kind in ("rain", "snow", "petals", "fireflies"):
        Fall(kind, 4, np.ones((3, 3), np.float32), 0.1, 1.0, 1).draw(light, 16, 16, 0.5, 0.0, 0.0)
