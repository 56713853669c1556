"""A shot as a sequence of frames: joins camera, world and kernels, and owns the buffers that a thread draws in.

`Reel.draw` is pure: any frame may be drawn by any thread at any time, with the same result.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz import camera, falling, frames, grade, land, light, sky, stage, world
from seedbed.engines.previz.look import look
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.stage import Scene, View

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
    """All frames of one shot. Building it bakes the world in the threads of `pool`, which takes a second or two."""

    def __init__(
        self, shot: Shot, *, seed: int, width: int, height: int, frames: int, fps: int, fixed: bool, detail: Detail,
        pool: Executor, check: Check,
    ) -> None:  # fmt: skip
        self.width, self.height, self.fps, self.detail = width, height, fps, detail
        self.look = look(shot)
        self.plot = world.plot(shot, self.look, seed)
        self.poses = camera.path(shot, self.plot.x_at, self.plot.ground, frames=frames, fps=fps, fixed=fixed)
        sight = world.sight(self.plot, self.poses, width=width, height=height, duration_s=frames / fps)
        self.look = replace(self.look, sun=light.land_way(shot, sky.heading(shot, sight)))
        self.plot = replace(self.plot, look=self.look)
        # Texels finer than the frame's pixels would never be seen, and would cost more than the frames themselves.
        grid = int(detail.grid * min(max((width * height / 921_600.0) ** 0.25, 0.35), 1.3))
        self.world = world.build(
            shot, self.plot, self.poses, sight, width=width, height=height, grid=grid, pool=pool, check=check
        )
        self._scene = self._stage()
        self._falls = falling.falls(shot, self.plot.seed)
        self._curve = grade.film_curve(self.look.exposure, self.look.warm)
        self._grain = grade.grain_tile(self.plot.seed)
        pad = -(-width // 16) * 16
        self._stride = pad + (16 if (pad // 16) % 2 == 0 else 0)

    def _stage(self) -> Scene:
        """The steps away from the camera, which all columns of all frames share, and the map that serves each."""
        size = math.sqrt(self.width * self.height)
        lowest = min(pose.z for pose in self.poses)
        steepest = max((1 - pose.horizon) * self.height / (pose.focal * size) for pose in self.poses)
        depth, steps = max(0.95 * (lowest - self.world.near_top_m), 0.12 * lowest) / steepest, []
        fineness = self.detail.fineness * math.sqrt(size / 960.0)
        near, far = 0.0033 / fineness, 0.0105 / fineness
        while depth < 8600.0:
            steps.append(depth)
            depth *= 1.0 + near + (far - near) * min(max(math.log(depth / 220.0) / 1.6, 0.0), 1.0)
        count = len(steps)
        ramp = np.zeros((4, count), np.float32)
        ramp[stage.DEPTH] = steps
        d = np.array(steps)
        ramp[stage.HAZE] = 1 - np.exp(-((d / self.look.haze_m) ** 1.25))
        ramp[stage.MIST] = self.look.mist * (1 - np.exp(-((d / 620.0) ** 1.5)))
        ramp[stage.RIPPLE] = 1 / (1 + (d / 330.0) ** 1.6)
        spans: list[tuple[int, int, int]] = []
        fades: list[float] = []
        nearest = np.zeros(count, np.int32)
        begin = 0
        for number, reach in enumerate(self.world.reach):
            end = count if number == len(self.world.reach) - 1 else int(np.searchsorted(d, reach))
            # A map fades in only where the one before it still serves.
            until = spans[-1][1] - 1 if number else begin
            spans.append((begin, max(end, begin + 1), number))
            fades.append(float(min(d[begin] * 1.25, d[until])))
            nearest[begin:end] = number
            begin = max(int(np.searchsorted(d, reach * 0.8)), begin)
        w, look, dome = self.world, self.look, self.world.sky
        water = look.water.copy()
        water[stage.GLINT] *= dome.shine
        return Scene(
            ramp, np.array(spans, np.int32), np.array(fades, np.float32), nearest, w.maps, w.offsets, w.heights,
            w.packed, w.top_m, w.tile, self.plot.line, land.LINE_START_M, land.LINE_STEP_M, dome.still,
            dome.sight.low, dome.sight.high, dome.hazes, water, look.tint, dome.way, dome.lights,
        )  # fmt: skip

    def _view(self, number: int) -> View:
        pose = self.poses[number]
        size = math.sqrt(self.width * self.height)
        seconds = number / self.fps
        return View(pose.x, pose.y, pose.z, pose.yaw, pose.horizon * self.height, pose.roll, pose.focal * size, seconds,
                    pose.yaw - self.world.yaw)  # fmt: skip

    def _swept(self, view: View) -> tuple[float, float]:
        """Pixels by which turning and tilting have moved the picture since the first frame."""
        first = self._view(0)
        return (first.yaw - view.yaw) * view.focal, view.horizon - first.horizon

    def light(self, number: int, check: Check) -> Floats:
        """Frame `number` in linear light: (3, rows, stride), of which the first `width` columns count."""
        out = np.empty((3, self.height, self._stride), np.float32)
        view = self._view(number)
        scene = self._scene._replace(pano=self.world.sky.at(view.seconds, view.x, view.y))
        for x in range(0, self.width, _STRIP):
            check()
            right = min(x + _STRIP, self.width)
            frames.draw_strip(out, x, right, self.width, self.height, self.detail.rays, view, scene)
        flash = self.world.sky.flash(view.seconds)
        if flash > 0.0:
            out[..., : self.width] *= np.float32(1.0 + flash)
        aside, down = self._swept(view)
        for fall in self._falls:
            fall.draw(out, self.width, self.height, view.seconds, aside, down)
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
