"""A shot as a sequence of frames: joins camera, world and kernels, and owns the buffers that a thread draws in.

`Reel.draw` is pure: any frame may be drawn by any thread at any time, with the same result.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz import camera, frames, grade, land, world
from seedbed.engines.previz.look import look
from seedbed.engines.previz.words import Shot

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Planes = tuple[Bytes, Bytes, Bytes]
Check = Callable[[], None]

_STRIP = 32
"""Columns drawn between two looks at whether to stop."""


@dataclass(frozen=True, slots=True)
class Detail:
    """What a quality tier changes: rays to a pixel's width, texels on a map's side, how fine the steps are."""

    rays: int
    grid: int
    fineness: float


class Reel:
    """All frames of one shot. Building it bakes the world, which takes about a second."""

    def __init__(
        self, shot: Shot, *, seed: int, width: int, height: int, frames: int, fps: int, fixed: bool, detail: Detail,
        check: Check,
    ) -> None:  # fmt: skip
        self.width, self.height, self.fps, self.detail = width, height, fps, detail
        self.look = look(shot)
        self.plot = world.plot(shot, self.look, seed)
        self.poses = camera.path(shot, self.plot.x_at, self.plot.ground, frames=frames, fps=fps, fixed=fixed)
        self.world = world.build(self.plot, self.poses, width=width, height=height, grid=detail.grid, check=check)
        self._march()
        self._curve = grade.film_curve(self.look.exposure, self.look.warm)
        self._grain = grade.grain_tile(self.plot.seed)
        pad = -(-width // 16) * 16
        self._stride = pad + (16 if (pad // 16) % 2 == 0 else 0)

    def _march(self) -> None:
        """The steps away from the camera, which all columns of all frames share, and the map that serves each."""
        size = math.sqrt(self.width * self.height)
        lowest = min(pose.z for pose in self.poses)
        steepest = max((1 - pose.horizon) * self.height / (pose.focal * size) for pose in self.poses)
        depth, steps = max(0.95 * (lowest - self.world.near_top_m), 0.12 * lowest) / steepest, []
        near, far = 0.0030 / self.detail.fineness, 0.0085 / self.detail.fineness
        while depth < 8600.0:
            steps.append(depth)
            depth *= 1.0 + near + (far - near) * min(max(math.log(depth / 220.0) / 1.6, 0.0), 1.0)
        count = len(steps)
        ramp = np.zeros((4, count), np.float32)
        ramp[frames.DEPTH] = steps
        d = np.array(steps)
        ramp[frames.HAZE] = 1 - np.exp(-((d / self.look.haze_m) ** 1.25))
        ramp[frames.MIST] = self.look.mist * (1 - np.exp(-((d / 620.0) ** 1.5)))
        ramp[frames.RIPPLE] = 1 / (1 + (d / 330.0) ** 1.6)
        self._ramp = ramp
        spans, fades, far_map = [], [], np.zeros(count, np.int32)
        begin = 0
        for number, reach in enumerate(self.world.reach):
            last = number == len(self.world.reach) - 1
            end = count if last else int(np.searchsorted(d, reach))
            spans.append((begin, max(end, begin + 1), number))
            # A map fades in only where the one before it still serves.
            until = spans[-2][1] - 1 if number else begin
            fades.append(float(min(d[begin] * 1.25, d[until])))
            far_map[begin:end] = number
            begin = max(int(np.searchsorted(d, reach * 0.8)), begin)
        self._spans = np.array(spans, np.int32)
        self._fades = np.array(fades, np.float32)
        self._far_map = far_map

    def _view(self, number: int) -> Floats:
        pose = self.poses[number]
        size = math.sqrt(self.width * self.height)
        seconds = number / self.fps
        return np.array(
            [pose.x, pose.y, pose.z, pose.yaw, pose.horizon * self.height, pose.roll, pose.focal * size, seconds,
             pose.yaw - self.world.yaw + 0.0022 * seconds], np.float32,
        )  # fmt: skip

    def light(self, number: int, check: Check) -> Floats:
        """Frame `number` in linear light: (3, rows, stride), of which the first `width` columns count."""
        out = np.empty((3, self.height, self._stride), np.float32)
        view, w, look = self._view(number), self.world, self.look
        for x in range(0, self.width, _STRIP):
            check()
            frames.draw_strip(
                out, x, min(x + _STRIP, self.width), self.width, self.height, self.detail.rays, view, self._ramp,
                self._spans, self._fades, w.maps, w.offsets, w.heights, w.packed, self._far_map, w.top_m, w.tile,
                self.plot.line, land.LINE_START_M, land.LINE_STEP_M, w.pano, w.pano_span, look.water, look.tint,
                look.sun,
            )  # fmt: skip
        return out

    def draw(self, number: int, check: Check) -> Planes:
        """Frame `number` as the three planes of 4:2:0 BT.709. `check` is called often and may raise to stop."""
        light = self.light(number, check)
        check()
        block = max(round(math.sqrt(self.width * self.height) / 120), 4)
        small = np.empty((3, -(-self.height // block), -(-self.width // block)), np.float32)
        grade.shrink(light, self.width, self.height, block, small)
        grade.spread(small, np.empty_like(small), 3)
        planes = (
            np.empty((self.height, self.width), np.uint8),
            np.empty((self.height // 2, self.width // 2), np.uint8),
            np.empty((self.height // 2, self.width // 2), np.uint8),
        )
        grade.develop(light, small, block, self._curve, self._grain, number, 1.1, 0.16, self.look.saturation, *planes)
        return planes
