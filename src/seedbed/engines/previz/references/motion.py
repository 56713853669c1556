"""The camera path of a clip: how its frames as a whole move, turn and grow from one to the next.

Each frame is laid onto an earlier one, the key, by a similarity (shift, turn, scale) that is refined from coarse to
fine (inverse compositional Lucas-Kanade, Baker and Matthews, 2004). Pixels that do not follow count less at each
step, so what moves before the camera does not lead it. A key serves until too little of it is left in view, which
keeps slow moves free of drift. A cut inside the clip is passed over at the speed of before.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedbed.engines import FPS, EngineError
from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.references.clip import Check, small_frames

Floats = NDArray[np.float32]
f32 = np.float32

WIDEST_PX = 160
"""Longer side of the copies that are compared."""
_COARSEST_PX = 18
_REKEY = 0.10
"""A key is given up when the view has moved, turned or grown by this share."""
_LIKE_MIN = 0.25
"""Least correlation of two frames that are laid onto each other; below, the scene has changed."""
_GROWTH_MAX, _SHIFT_MAX = 0.16, 0.30
"""The most that a camera moves from frame to frame: growth and turn, and shares of the width."""
_SPEED_S = 0.4
_GLIDE_S = 1.0
"""Over how much of its end a clip's speed is measured, and how long it takes to lose two thirds of it after."""


@dataclass(frozen=True, slots=True)
class CameraPath:
    """Where the camera looks in each frame, from where it looked in the first.

    `pan_x` is in frame widths to the right, `pan_y` in frame heights downwards, both measured in the first frame's
    picture; `zoom` is the natural logarithm of how much larger things are; `roll` in radians, positive where the
    picture turns clockwise, so that the horizon falls to the right. `ratio` is the clip's width by its height;
    `seen` how many of the frames lie inside the clip.
    """

    pan_x: Floats
    pan_y: Floats
    zoom: Floats
    roll: Floats
    ratio: float
    seen: int

    def __len__(self) -> int:
        return len(self.zoom)

    @classmethod
    def of(cls, rows: Sequence[NDArray[Any]], *, ratio: float, seen: int) -> CameraPath:
        """A path of the rows pan_x, pan_y, zoom and roll."""
        pan_x, pan_y, zoom, roll = (np.ascontiguousarray(row, np.float32) for row in rows)
        return cls(pan_x, pan_y, zoom, roll, ratio, seen)

    @property
    def still(self) -> bool:
        """Whether the camera hardly moves at all."""
        spans = [float(np.ptp(part)) for part in (self.pan_x, self.pan_y, self.zoom, self.roll)]
        return max(spans) < 0.004

    def part(self, begin: int, frames: int) -> CameraPath:
        """The path of `frames` frames from `begin` on, measured from where it is then; at its end it rests."""
        at = np.minimum(np.arange(begin, begin + frames), len(self) - 1)
        first = at[0]
        seen = np.exp(self.zoom[first] + 1j * self.roll[first]) * (
            (self.pan_x[at] - self.pan_x[first]) * self.ratio + 1j * (self.pan_y[at] - self.pan_y[first])
        )
        rows = (seen.real / self.ratio, seen.imag, self.zoom[at] - self.zoom[first], self.roll[at] - self.roll[first])
        return CameraPath.of(rows, ratio=self.ratio, seen=max(min(self.seen - begin, frames), 1))

    def plan(self) -> dict[str, Any]:
        """For people to read: the whole way, in shares of the frame, times and degrees."""
        return {
            "pan": round(float(self.pan_x[-1]), 3), "tilt": round(-float(self.pan_y[-1]), 3),
            "zoom": round(math.exp(float(self.zoom[-1])), 3), "roll_deg": round(math.degrees(float(self.roll[-1])), 1),
        }  # fmt: skip


def path_of(clip_path: Path, frames_wanted: int, check: Check = lambda: None) -> CameraPath:
    """The camera path of a clip at 24 frames a second, `frames_wanted` long; where the clip ends sooner it goes on at
    its last smooth speed and comes to rest. Raises EngineError when the clip cannot be read."""
    times, rows, ratio = track(clip_path, frames_wanted, check)
    wanted = np.arange(frames_wanted) / FPS
    seen = min(int(np.searchsorted(wanted, times[-1] + 1e-6)), frames_wanted)
    late = np.maximum(wanted - times[-1], 0.0)
    speed = speed_at_end(times, rows)
    glide = _GLIDE_S * (1.0 - np.exp(-late / _GLIDE_S))
    parts = [
        (np.interp(wanted, times, row) + rate * glide).astype(np.float32) for row, rate in zip(rows, speed, strict=True)
    ]
    return CameraPath.of(parts, ratio=ratio, seen=max(seen, 1))


def speed_at_end(times: NDArray[np.float64], rows: NDArray[np.float64]) -> list[float]:
    """How fast each row runs at its end, in its units a second."""
    part = times >= times[-1] - _SPEED_S
    if part.sum() < 3:
        return [0.0] * len(rows)
    return [float(np.polyfit(times[part], row[part], 1)[0]) for row in rows]


def track(
    clip_path: Path, frames_wanted: int | None, check: Check
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Times of the clip's own frames in seconds, the rows (pan_x, pan_y, zoom, roll) at these, and the ratio."""
    times: list[float] = []
    views: list[tuple[float, float, float, float]] = []
    tracker: Tracker | None = None
    shape = (1, 1)
    for time, small in small_frames(clip_path, WIDEST_PX, check):
        if tracker is None or small.shape != shape:
            tracker, shape = Tracker(small, tracker), small.shape
        else:
            tracker.see(small)
        times.append(time)
        views.append(tracker.view())
        if frames_wanted is not None and time > frames_wanted / FPS:
            break
    if not times:
        raise EngineError("The video could not be read")
    return np.array(times), np.array(views, np.float64).T.copy(), shape[1] / shape[0]


class Tracker:
    """Follows a camera frame by frame. A point z of the first frame (pixels from the middle, right + i down) is seen
    at exp(`grown`) z + `moved` now; `step` is the same from the frame before, and `cut` says that there was none
    that shows the same scene."""

    def __init__(self, first: Floats, before: Tracker | None = None) -> None:
        self.grown: complex = before.grown if before else 0j
        self.moved: complex = before.moved if before else 0j
        self.step: tuple[complex, complex] = (0j, 0j)
        self.cut = False
        self._width, self._height = first.shape[1], first.shape[0]
        self._key = self._last = levels_of(first)
        self._key_grown, self._key_moved = self.grown, self.moved
        self._log: complex = 0j
        self._shift: complex = 0j

    def see(self, small: Floats) -> None:
        """Takes the next frame."""
        levels = levels_of(small)
        guess = self._log + self.step[0], self._shift * cmath.exp(self.step[0]) + self.step[1]
        log, shift, like = _laid(self._key, levels, *guess)
        self.cut, lost = False, not self._credible(log - self._log, shift - self._shift, like)
        if lost:
            log, shift, like = _laid(self._last, levels, 0j, 0j)
            self.cut = not self._credible(log, shift, like)
            log, shift = self.step if self.cut else (log, shift)
            self._rekey(self._last)
        growth = log - self._log
        self.step = growth, shift - cmath.exp(growth) * self._shift
        self._log, self._shift = log, shift
        self.grown, self.moved = self._key_grown + log, cmath.exp(log) * self._key_moved + shift
        self._last = levels
        if max(abs(shift) / self._width, abs(log)) > _REKEY or lost:
            self._rekey(levels)

    def view(self) -> tuple[float, float, float, float]:
        """pan_x, pan_y, zoom and roll now, as in `CameraPath`."""
        middle = -self.moved / cmath.exp(self.grown)
        return middle.real / self._width, middle.imag / self._height, self.grown.real, self.grown.imag

    def _credible(self, growth: complex, shift: complex, like: float) -> bool:
        """Whether a camera may have moved so from one frame to the next."""
        return like >= _LIKE_MIN and abs(growth) < _GROWTH_MAX and abs(shift) < _SHIFT_MAX * self._width

    def _rekey(self, levels: list[Floats]) -> None:
        self._key = self._last = levels
        self._key_grown, self._key_moved = self.grown, self.moved
        self._log, self._shift = 0j, 0j


def levels_of(small: Floats) -> list[Floats]:
    """A frame at half its size again and again, finest first, each without its slow changes of light."""
    levels = [small]
    while max(levels[-1].shape) > 2 * _COARSEST_PX and min(levels[-1].shape) > 10:
        half = np.empty((levels[-1].shape[0] // 2, levels[-1].shape[1] // 2), np.float32)
        halve(half, levels[-1])
        levels.append(half)
    return [_even(level) for level in levels]


def _even(level: Floats) -> Floats:
    out = np.empty_like(level)
    flatten(out, level, max(max(level.shape) // 8, 2))
    return out


def _laid(key: list[Floats], now: list[Floats], log: complex, shift: complex) -> tuple[complex, complex, float]:
    """How `now` must be seen to lie on `key`, from a guess: logarithm of the growth, shift in pixels of the finest
    level, and how well the two correlate then (-1 … 1)."""
    grow = cmath.exp(log)
    at = np.array([grow.real, grow.imag, shift.real, shift.imag])
    like = 0.0
    for number in range(len(key) - 1, -1, -1):
        scale = float(1 << number)
        at[2:] /= scale
        if number == len(key) - 1:
            search(at, key[number], now[number], 3)
        like = refine(at, key[number], now[number], 3 if number == 0 else 8)
        at[2:] *= scale
    return cmath.log(complex(at[0], at[1])), complex(at[2], at[3]), like


@kernel
def halve(out: Floats, level: Floats) -> None:
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            top, low = level[2 * y], level[2 * y + 1]
            out[y, x] = f32(0.25) * (top[2 * x] + top[2 * x + 1] + low[2 * x] + low[2 * x + 1])


@kernel
def flatten(out: Floats, level: Floats, reach: int) -> None:
    """`level` without the mean of the square of (2 * reach + 1) around each pixel, one unit of deviation."""
    rows, columns = level.shape
    total = np.zeros((rows + 1, columns + 1))
    for y in range(rows):
        line = 0.0
        for x in range(columns):
            line += level[y, x]
            total[y + 1, x + 1] = total[y, x + 1] + line
    power = 0.0
    for y in range(rows):
        top, low = max(y - reach, 0), min(y + reach + 1, rows)
        for x in range(columns):
            left, right = max(x - reach, 0), min(x + reach + 1, columns)
            around = total[low, right] - total[top, right] - total[low, left] + total[top, left]
            value = level[y, x] - around / ((low - top) * (right - left))
            out[y, x] = value
            power += value * value
    gain = f32(1.0 / (math.sqrt(power / (rows * columns)) + 0.5))
    for y in range(rows):
        for x in range(columns):
            out[y, x] *= gain


@kernel
def search(at: NDArray[np.float64], key: Floats, now: Floats, reach: int) -> None:
    """Moves the shift of `at` by up to `reach` whole pixels to where the two differ least."""
    best, best_x, best_y = 1e30, 0, 0
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            cost, count = 0.0, 0
            for y in range(key.shape[0]):
                for x in range(key.shape[1]):
                    zx, zy = x - 0.5 * (key.shape[1] - 1), y - 0.5 * (key.shape[0] - 1)
                    i = math.floor(at[0] * zx - at[1] * zy + at[2] + dx + 0.5 * key.shape[1])
                    j = math.floor(at[1] * zx + at[0] * zy + at[3] + dy + 0.5 * key.shape[0])
                    if 0 <= i < now.shape[1] and 0 <= j < now.shape[0]:
                        cost += min(abs(now[j, i] - key[y, x]), 1.5)
                        count += 1
            if count * 3 > key.size:
                cost = cost / count + 0.004 * (dx * dx + dy * dy) ** 0.5
                if cost < best:
                    best, best_x, best_y = cost, dx, dy
    at[2] += best_x
    at[3] += best_y


@kernel
def refine(at: NDArray[np.float64], key: Floats, now: Floats, turns: int) -> float:
    """Refines the similarity `at` (real and imaginary part of the growth, shift in pixels) by which a point of `key`
    is found in `now`. Returns how well the two correlate where both are seen."""
    rows, columns = key.shape
    cx, cy = 0.5 * (columns - 1), 0.5 * (rows - 1)
    system, side = np.empty((4, 4)), np.empty(4)
    spread, like = 0.9, 0.0
    for _ in range(turns):
        system[:], side[:] = 0.0, 0.0
        off, weights, aa, bb, ab = 0.0, 0.0, 0.0, 0.0, 0.0
        doubt = f32(1.0 / (spread * spread))
        for y in range(1, rows - 1):
            zy = y - cy
            for x in range(1, columns - 1):
                zx = x - cx
                px = at[0] * zx - at[1] * zy + at[2] + cx
                py = at[1] * zx + at[0] * zy + at[3] + cy
                if px < 0.0 or py < 0.0 or px >= columns - 1.0 or py >= rows - 1.0:
                    continue
                i, j = int(px), int(py)
                a, b = f32(px - i), f32(py - j)
                top = now[j, i] + (now[j, i + 1] - now[j, i]) * a
                low = now[j + 1, i] + (now[j + 1, i + 1] - now[j + 1, i]) * a
                seen, own = top + (low - top) * b, key[y, x]
                e = seen - own
                w = f32(1.0) / (f32(1.0) + e * e * doubt)
                w = w * w
                off += w * abs(e)
                weights += w
                aa += own * own
                bb += seen * seen
                ab += own * seen
                gx = f32(0.5) * (key[y, x + 1] - key[y, x - 1])
                gy = f32(0.5) * (key[y + 1, x] - key[y - 1, x])
                g0, g1 = gx * zx + gy * zy, gy * zx - gx * zy
                wx, wy, w0, w1 = w * gx, w * gy, w * g0, w * g1
                system[0, 0] += w0 * g0
                system[0, 1] += w0 * g1
                system[0, 2] += w0 * gx
                system[0, 3] += w0 * gy
                system[1, 1] += w1 * g1
                system[1, 2] += w1 * gx
                system[1, 3] += w1 * gy
                system[2, 2] += wx * gx
                system[2, 3] += wx * gy
                system[3, 3] += wy * gy
                side[0] += w0 * e
                side[1] += w1 * e
                side[2] += wx * e
                side[3] += wy * e
        if weights < 0.02 * rows * columns:
            return -1.0
        like = ab / math.sqrt(aa * bb + 1e-12)
        spread = min(max(1.6 * off / weights, 0.08), spread)
        # Where there is little to hold on to, steps stay small.
        count = float(rows * columns)
        for row in range(4):
            system[row, row] += 0.001 * count * (cx * cx + cy * cy if row < 2 else 1.0) + 1e-9
        _solve(system, side)
        # The step was found for the key: it is undone there, then the way to the frame is taken.
        u, v = 1.0 + side[0], side[1]
        size = u * u + v * v
        ga, gb = (at[0] * u + at[1] * v) / size, (at[1] * u - at[0] * v) / size
        at[0], at[1] = ga, gb
        at[2] -= ga * side[2] - gb * side[3]
        at[3] -= gb * side[2] + ga * side[3]
        if abs(side[2]) + abs(side[3]) + (abs(side[0]) + abs(side[1])) * columns * 0.5 < 0.004:
            break
    return like


@kernel
def _solve(system: NDArray[np.float64], side: NDArray[np.float64]) -> None:
    """Solves the symmetric system, of which the upper half is given, into `side` (by Cholesky's square root)."""
    for row in range(4):
        for column in range(row, 4):
            total = system[row, column]
            for k in range(row):
                total -= system[k, row] * system[k, column]
            if column == row:
                system[row, row] = math.sqrt(max(total, 1e-12))
            else:
                system[row, column] = total / system[row, row]
    for row in range(4):
        for k in range(row):
            side[row] -= system[k, row] * side[k]
        side[row] /= system[row, row]
    for row in range(3, -1, -1):
        for k in range(row + 1, 4):
            side[row] -= system[row, k] * side[k]
        side[row] /= system[row, row]
