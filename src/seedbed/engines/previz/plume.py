"""The plume of a volcano: ash that rises, billows and leans with the wind, lit by the sun and, from below, by the lava;
and the glowing stones that every blast throws out.

The ash is a column of lumps (`sky.tiles.billows`) that are carried up along a bent axis. It is marched through on a
coarse grid, as smoke has no edges, and laid over what lies behind it. All is a function of the time alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.frame import Check, Frame, blank
from seedbed.engines.previz.jit import inlined, kernel
from seedbed.engines.previz.moments import TEMPO, Moment, blasts
from seedbed.engines.previz.noise import fraction
from seedbed.engines.previz.script import Shot, read
from seedbed.engines.previz.shapes.sprites import SPRITE, draw_sprites
from seedbed.engines.previz.sky.tiles import billow_at, billows
from seedbed.engines.previz.stage import View

Floats = NDArray[np.float32]
f32 = np.float32

# Slots of `Plume.form`: where the vent is, the radius of its mouth, how fast ash rises and drifts to the right and
# ahead (m/s), and the size of the tile of lumps.
X, Y, Z, MOUTH, RISE, RIGHT, AHEAD, TILE_M = range(8)
_STEPS = 15
_STONES = 46
_PULL = 9.8
_TAIL_S = (0.0, 0.06, 0.13, 0.21)


@dataclass(frozen=True, slots=True)
class Plume:
    """`form` (8) as in the slots above; `sun` the way to the light, `lamp` (3, 3) as the land's; `air` (3) the haze and
    `veil` how much of it lies before the vent; `glow` how strong the lava's light is. `tempo` is seconds of the world
    in one of the film."""

    form: Floats
    sun: Floats
    lamp: Floats
    air: Floats
    veil: float
    glow: float
    blasts: tuple[Moment, ...]
    tempo: float
    seed: int

    def draw(self, frame: Frame, seconds: float, check: Check) -> None:
        """Into `frame`, which holds the land and its distances; `seconds` are the world's."""
        view, width, height = frame.view, frame.width, frame.height
        block = max(round(math.sqrt(width * height) / 330.0), 1)
        fx, fy = math.sin(view.yaw), math.cos(view.yaw)
        dx, dy = float(self.form[X]) - view.x, float(self.form[Y]) - view.y
        ahead = dx * fx + dy * fy
        if ahead < 4.0 * float(self.form[MOUTH]):
            return
        small = np.zeros((4, -(-height // block) + 1, -(-width // block) + 1), np.float32)
        heat = self.glow * self._pulse(seconds)
        for top in range(0, small.shape[1], 24):
            check()
            _march(small, top, min(top + 24, small.shape[1]), block, width, view, ahead, self.form, self.sun, self.lamp,
                   self.air, self.veil, heat, seconds, billows())  # fmt: skip
        _lay(frame.light, frame.depth, small, block, width, ahead)
        check()
        draw_sprites(frame, self._stones(seconds), check)

    def _pulse(self, seconds: float) -> float:
        """How bright the melt is: it flares at every blast."""
        ages = [(seconds - blast.at_s * self.tempo, blast.power) for blast in self.blasts]
        flare = sum(power * math.exp(-age / 0.7) for age, power in ages if 0.0 <= age < 4.0)
        return 0.75 + 0.12 * math.sin(1.9 * seconds) + 0.07 * math.sin(4.7 * seconds + 1.0) + 0.8 * flare

    def _stones(self, seconds: float) -> Floats:
        """Melt on its way up and down after each blast, with tails; and the flash over the mouth."""
        rows: list[Floats] = []
        for number, blast in enumerate(self.blasts):
            age = seconds - blast.at_s * self.tempo
            if not 0.0 <= age < 9.0:
                continue
            rows += [self._thrown(number, blast.power, age - back, part) for back, part in
                     zip(_TAIL_S, (1.0, 0.5, 0.28, 0.14), strict=True) if age >= back]  # fmt: skip
            if age < 1.2:
                flash = np.zeros((1, SPRITE), np.float32)
                flash[0, :3] = self.form[[X, Y, Z]] + np.array([0.0, 0.0, 0.3 * self.form[MOUTH]], np.float32)
                flash[0, 3] = 2.6 * float(self.form[MOUTH])
                flash[0, 4:7] = np.array([1.3, 0.42, 0.10]) * (blast.power * (1.2 - age) ** 2 * 0.5 * self.glow)
                rows.append(flash)
        return np.concatenate(rows) if rows else np.zeros((0, SPRITE), np.float32)

    def _thrown(self, number: int, power: float, age: float, part: float) -> Floats:
        lots = np.array([[fraction(stone, 16 * number + k, self.seed) for k in range(4)] for stone in range(_STONES)])
        turn, mouth = 6.2832 * lots[:, 0], float(self.form[MOUTH])
        speed = (34.0 + 44.0 * lots[:, 1]) * math.sqrt(power)
        lean = 0.10 + 0.42 * lots[:, 2] ** 1.5
        aside, up = speed * np.sin(lean), speed * np.cos(lean)
        stones = np.zeros((_STONES, SPRITE), np.float32)
        off = 0.45 * mouth * lots[:, 3] + aside * age
        stones[:, 0] = self.form[X] + off * np.cos(turn) + 0.3 * self.form[RIGHT] * age
        stones[:, 1] = self.form[Y] + off * np.sin(turn)
        stones[:, 2] = self.form[Z] - 0.2 * mouth + up * age - 0.5 * _PULL * age * age
        stones[:, 3] = 1.5 + 2.4 * lots[:, 1] ** 4
        hot = part * self.glow * np.clip(1.0 - age / (4.0 + 4.5 * lots[:, 3]), 0.0, 1.0)
        stones[:, 4], stones[:, 5], stones[:, 6] = 5.2 * hot, 2.1 * hot**1.35, 0.55 * hot**2.2
        return stones


def plume_of(
    shot: Shot, vent: tuple[float, float, float], mouth_m: float, sun: Floats, lamp: Floats, air: Floats, haze_m: float,
    exposure: float, seed: int,
) -> Plume:  # fmt: skip
    """The plume over a crater at `vent` (metres) that is `mouth_m` wide from its middle; the other arguments are those
    of the land's light. `seed` is the place's."""
    rng = np.random.default_rng([seed, 48])
    strong = 1.9 if "wind" in shot.subjects or shot.weather == "rain" else 1.0
    side = 1.0 if rng.random() < 0.5 else -1.0
    right, ahead = side * strong * float(rng.uniform(8.0, 12.0)), strong * float(rng.uniform(-1.5, 3.0))
    form = np.array([*vent, mouth_m, 25.0, right, ahead, 430.0], np.float32)
    veil = 0.85 * (1.0 - math.exp(-((math.hypot(vent[0], vent[1]) / haze_m) ** 1.25)))
    # By day the sun outshines the melt.
    glow = (1.0 - 0.42 * min(float(lamp[0].mean()) / 2.0, 1.0)) / max(exposure, 0.5)
    return Plume(form, sun, lamp, air, veil, glow, blasts(shot, seed), TEMPO[shot.tempo], seed & 0xFFFF)


@inlined
def _reach(form: Floats, up: float) -> float:
    """The radius of the plume `up` metres above its mouth."""
    return float(form[MOUTH] * (0.62 + 0.16 * math.exp(-up / 40.0)) + 0.40 * up)


@inlined
def _bend(form: Floats, up: float) -> float:
    """Seconds for which the wind has carried what is `up` metres high."""
    return float(max(up, 0.0) / form[RISE] * min(0.25 + max(up, 0.0) / 420.0, 1.0))


@inlined
def _ash(form: Floats, lumps: Floats, x: float, y: float, up: float, seconds: float) -> float:
    """Density at a place in metres from the mouth, 0 … 1: a column that its own lumps gnaw."""
    if up < -0.5 * form[MOUTH]:
        return 0.0
    carried = _bend(form, up)
    ox, oy = x - form[RIGHT] * carried, y - form[AHEAD] * carried
    reach = _reach(form, up)
    off = math.sqrt(ox * ox + oy * oy) / reach
    if off > 1.35:
        return 0.0
    risen = up - form[RISE] * seconds
    lump = billow_at(lumps, ox / form[TILE_M], oy / form[TILE_M], risen / form[TILE_M])
    fine = billow_at(lumps, ox / 130.0 + 0.3, oy / 130.0, risen / 130.0 * 1.07)
    body = 1.22 - off + 0.78 * (lump - 0.62) + 0.26 * (fine - 0.6)
    thick = min(max((body - 0.22) * 4.0, 0.0), 1.0)
    return float(thick * min(max(0.6 + up / (0.3 * form[MOUTH]), 0.0), 1.0))


@kernel
def _march(
    small: Floats, top: int, end: int, block: int, width: int, view: View, ahead: float, form: Floats, sun: Floats,
    lamp: Floats, air: Floats, veil: float, heat: float, seconds: float, lumps: Floats,
) -> None:  # fmt: skip
    """Rows `top` … `end` of a coarse picture (4, rows, columns): light, and how much of what is behind is hidden."""
    fx, fy = math.sin(view.yaw), math.cos(view.yaw)
    high = view.z - form[Z]
    for j in range(top, end):
        for i in range(small.shape[2]):
            px, py = (i + 0.5) * block - 0.5 * width, (j + 0.5) * block
            turn = px / view.focal
            slope = (view.horizon + view.roll * px - py) / view.focal
            up = high + slope * ahead
            if up < -0.4 * form[MOUTH]:
                continue
            carried = _bend(form, up)
            reach = 1.3 * _reach(form, up)
            # How far ahead and to the side the axis is at this height, seen from the camera.
            ax, ay = form[X] + form[RIGHT] * carried - view.x, form[Y] + form[AHEAD] * carried - view.y
            axis, aside = ax * fx + ay * fy, ax * fy - ay * fx
            if abs(turn * axis - aside) > reach or axis < reach:
                continue
            step = 2.0 * reach / _STEPS
            clear, red, green, blue = 1.0, 0.0, 0.0, 0.0
            start = fraction(i, j, 5)
            for k in range(_STEPS):
                z = axis - reach + (k + start) * step
                x, y = view.x + (fx + fy * turn) * z - form[X], view.y + (fy - fx * turn) * z - form[Y]
                h = high + slope * z
                mass = _ash(form, lumps, x, y, h, seconds)
                if mass < 0.01:
                    continue
                thick = 1.0 - math.exp(-mass * step * 0.034)
                reach_h = _reach(form, h)
                near = 0.40 * reach_h
                shade = _ash(form, lumps, x + sun[0] * near, y + sun[1] * near, h + sun[2] * near, seconds)
                far = 1.1 * reach_h
                shade += 0.8 * _ash(form, lumps, x + sun[0] * far, y + sun[1] * far, h + sun[2] * far, seconds)
                lit = math.exp(-2.3 * shade)
                over = _ash(form, lumps, x, y, h + 0.35 * reach_h, seconds)
                open_ = 1.0 - 0.62 * over
                under = 1.0 - 0.75 * _ash(form, lumps, x, y, h - 0.30 * reach_h, seconds) if h > 0.0 else 1.0
                ember = heat * (1.5 * math.exp(-max(h, 0.0) / (0.55 * form[MOUTH]))
                                + 0.34 * under * math.exp(-max(h, 0.0) / (2.6 * form[MOUTH])))  # fmt: skip
                seen = clear * thick
                tone = 0.10
                red += seen * (tone * 1.03 * (lamp[0, 0] * lit + lamp[1, 0] * open_) + 1.15 * ember)
                green += seen * (tone * (lamp[0, 1] * lit + lamp[1, 1] * open_) + 0.33 * ember * min(ember + 0.35, 1.3))
                blue += seen * (tone * 0.97 * (lamp[0, 2] * lit + lamp[1, 2] * open_) + 0.055 * ember * ember)
                clear -= seen
                if clear < 0.02:
                    break
            hidden = 1.0 - clear
            small[0, j, i] = red + (air[0] * hidden - red) * veil
            small[1, j, i] = green + (air[1] * hidden - green) * veil
            small[2, j, i] = blue + (air[2] * hidden - blue) * veil
            small[3, j, i] = hidden


@kernel
def _lay(light: Floats, depth: Floats, small: Floats, block: int, width: int, ahead: float) -> None:
    """The coarse picture over the frame, behind what is nearer than the vent."""
    rows, columns = small.shape[1], small.shape[2]
    one = f32(1.0)
    for y in range(light.shape[1]):
        v = min(max((y + 0.5) / block - 0.5, 0.0), rows - 1.001)
        j = int(v)
        low = f32(v - j)
        for x in range(width):
            if depth[y, x] < ahead:
                continue
            u = min(max((x + 0.5) / block - 0.5, 0.0), columns - 1.001)
            i = int(u)
            right = f32(u - i)
            a, b = (one - right) * (one - low), right * (one - low)
            c, d = (one - right) * low, right * low
            hidden = small[3, j, i] * a + small[3, j, i + 1] * b + small[3, j + 1, i] * c + small[3, j + 1, i + 1] * d
            if hidden <= f32(0.002):
                continue
            for k in range(3):
                laid = small[k, j, i] * a + small[k, j, i + 1] * b + small[k, j + 1, i] * c + small[k, j + 1, i + 1] * d
                light[k, y, x] = light[k, y, x] * (one - hidden) + laid


def warm() -> None:
    """Compiles every kernel of this module."""
    view = View(0.0, 0.0, 60.0, 0.0, 30.0, 0.0, 40.0, 0.0, 0.0)
    lamp, sun = np.ones((3, 3), np.float32), np.array([0.3, 0.2, 0.9], np.float32)
    shot = read("a volcano")
    plume = plume_of(shot, (0.0, 900.0, 100.0), 70.0, sun, lamp, np.ones(3, np.float32), 3600.0, 0.8, 1)
    plume.draw(blank(48, 32, view), 0.5, lambda: None)
