"""A shot as a sequence of frames: joins camera, world and kernels, and owns the buffers that a thread draws in.

`Reel.draw` is pure: any frame may be drawn by any thread at any time, with the same result.
"""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz import camera, cast, falling, frames, light, relief, sky, stage, world
from seedbed.engines.previz.camera import Pose, Steer
from seedbed.engines.previz.cast import staging
from seedbed.engines.previz.finish import Finish
from seedbed.engines.previz.frame import Check, Frame, stride
from seedbed.engines.previz.grade import Planes
from seedbed.engines.previz.hours import Station, sunway
from seedbed.engines.previz.look import look
from seedbed.engines.previz.moments import TEMPO
from seedbed.engines.previz.plume import Plume, plume_of
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.shapes import still_air
from seedbed.engines.previz.stage import FAR_M, Scene, View

Floats = NDArray[np.float32]

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
        pool: Executor, check: Check, steer: Steer = lambda poses: poses, passed: tuple[Station, ...] = (),
        station: int = 0,
    ) -> None:  # fmt: skip
        """Of the hours that are `passed` meanwhile, `shot` is in the light of one `station`."""
        self.width, self.height, self.fps, self.detail = width, height, fps, detail
        self.look = look(shot)
        self.plot = world.plot(shot, self.look, seed)
        self._tempo = TEMPO[shot.tempo]
        self.stage = staging.stage(
            shot, self.plot.x_at, self.plot.half_at, self.plot.bare, among=cast.PLAYED, seed=self.plot.seed,
            seconds=frames / fps * self._tempo,
        )  # fmt: skip
        self.plot = self.plot.cleared(self.stage.clearings)
        self.poses = steer(self._path(shot, frames, fixed))
        sight = world.sight(self.plot, self.poses, width=width, height=height, duration_s=frames / fps)
        way = sunway(shot, sight, passed, station)
        heading = sky.heading(shot, sight) if way is None else math.atan2(float(way.here[0]), float(way.here[1]))
        self.look = replace(self.look, sun=light.land_way(shot, heading))
        self.plot = replace(self.plot, look=self.look)
        # Texels finer than the frame's pixels would never be seen, and would cost more than the frames themselves.
        grid = int(detail.grid * min(max((width * height / 921_600.0) ** 0.25, 0.35), 1.3))
        self.world = world.build(
            shot, self.plot, self.poses, sight, width=width, height=height, grid=grid, pool=pool, check=check,
            sunway=way,
        )  # fmt: skip
        self._scene = self._stage()
        self._falls = falling.falls(shot, self.plot.seed)
        self._finish = Finish(
            shot, width=width, height=height, fps=fps, seed=self.plot.seed, exposure=self.look.exposure,
            warm=self.look.warm, saturation=self.look.saturation,
        )  # fmt: skip
        dome, eye = self.world.sky, self.poses[0]
        air = still_air(
            self.look.sun,
            self.look.lamp,
            dome.hazes,
            self.look.haze_m,
            dome.at(0.0, eye.x, eye.y),
            (sight.low, sight.high),
        )
        self._plume = self._erupting(shot)
        dark = {"night": 1.0, "sunset": 0.35, "sunrise": 0.2}.get(shot.time, 0.0)
        self._cast = cast.assembled(shot, self.stage, self.plot.bare, air, seed=self.plot.seed, dark=dark)

    def _erupting(self, shot: Shot) -> Plume | None:
        """The plume of a volcano, unless it is denied."""
        shape, own = self.plot.shape, self.look
        if shape[relief.KIND] != relief.VOLCANO or "fire" in shot.without:
            return None
        x, y, mouth = float(shape[relief.VENT_X]), float(shape[relief.VENT_Y]), 0.17 * float(shape[relief.VENT_M])
        rim = max(self.plot.bare(x + mouth * dx, y + mouth * dy) for dx, dy in ((1, 0), (-1, 0), (0, -1)))
        hazes = self.world.sky.hazes
        return plume_of(
            shot, (x, y, rim - 0.25 * mouth), 0.8 * mouth, own.sun, own.lamp, hazes[len(hazes) // 2], own.haze_m,
            own.exposure, self.plot.seed,
        )  # fmt: skip

    def _path(self, shot: Shot, frames: int, fixed: bool) -> list[Pose]:
        """About the subject that leads, if there is one; else along the line of the land."""
        plot, fps = self.plot, self.fps
        if self.stage.marks:
            return staging.framed(
                shot, self.stage.marks[0], plot.bare, frames=frames, fps=fps, ratio=self.width / self.height,
                fixed=fixed, seed=plot.seed, tempo=self._tempo,
            )  # fmt: skip
        return camera.path(shot, plot.x_at, plot.ground, frames=frames, fps=fps, fixed=fixed, seed=plot.seed)

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
            # A map that serves a long way of the camera's may reach farther than any step: the next have the last.
            begin = min(max(int(np.searchsorted(d, reach * 0.8)), begin), count - 1)
        w, look, dome = self.world, self.look, self.world.sky
        water = look.water.copy()
        water[stage.GLINT] *= dome.shine
        return Scene(
            ramp, np.array(spans, np.int32), np.array(fades, np.float32), nearest, w.maps, w.offsets, w.heights,
            w.packed, w.top_m, w.tile, self.plot.line, relief.LINE_START_M, relief.LINE_STEP_M, dome.still,
            dome.sight.low, dome.sight.high, dome.hazes, water, look.tint, dome.way, dome.lights, look.sides, look.beds,
            look.banks,
        )  # fmt: skip

    def _view(self, number: int) -> View:
        pose = self.poses[number]
        size = math.sqrt(self.width * self.height)
        seconds = number / self.fps * self._tempo
        return View(pose.x, pose.y, pose.z, pose.yaw, pose.horizon * self.height, pose.roll, pose.focal * size, seconds,
                    pose.yaw - self.world.yaw, self.world.waves(seconds))  # fmt: skip

    def _swept(self, view: View) -> tuple[float, float]:
        """Pixels by which turning and tilting have moved the picture since the first frame."""
        first = self._view(0)
        return (first.yaw - view.yaw) * view.focal, view.horizon - first.horizon

    def frame(self, number: int, check: Check) -> Frame:
        """Frame `number` in linear light."""
        view, film_s = self._view(number), number / self.fps
        columns = stride(self.width)
        light = np.empty((3, self.height, columns), np.float32)
        # Distances are only kept for what is set into the land.
        depth = np.full((self.height if self._cast or self._plume else 1, columns), FAR_M, np.float32)
        dome = self.world.sky.moment(film_s)
        water = self._scene.water
        if dome.way[2] < 0.02:
            # The sun has gone down: nothing glitters.
            water = water.copy()
            water[stage.GLINT] *= min(max(1.0 + 50.0 * (float(dome.way[2]) - 0.02), 0.0), 1.0)
        scene = self._scene._replace(
            water=water, pano=dome.at(film_s, view.x, view.y), hazes=dome.hazes, sun=dome.way, lights=dome.lights
        )
        for x in range(0, self.width, _STRIP):
            check()
            right = min(x + _STRIP, self.width)
            frames.draw_strip(light, depth, x, right, self.width, self.height, self.detail.rays, view, scene)
        frame = Frame(light, depth, view, self.width)
        if self._plume:
            self._plume.draw(frame, view.seconds, check)
        if self._cast:
            self._cast.draw(
                frame, view.seconds, check, water=self.world.tile if self.look.wet else None, pano=scene.pano
            )
        flash = dome.flash(film_s)
        if flash > 0.0:
            light[..., : self.width] *= np.float32(1.0 + flash)
        across, down = self._swept(view)
        for fall in self._falls:
            fall.draw(light, self.width, self.height, film_s, across, down)
        return frame

    def light(self, number: int, check: Check) -> Floats:
        """As `frame`, its light alone: (3, rows, stride), of which the first `width` columns count."""
        return self.frame(number, check).light

    def draw(self, number: int, check: Check) -> Planes:
        """Frame `number` as the three planes of 4:2:0 BT.709. `check` is called often and may raise to stop."""
        light = self.light(number, check)
        check()
        return self._finish.develop(light, number, check)
