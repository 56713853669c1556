"""Cities: an avenue, a skyline with its river, an old town; by day, at dusk, by night, in rain, snow and fog.

`plan` says where everything is, of `houses` and what stands in a `street`, in the paints of a `kit`; `path` moves the
camera; `City` draws the frames.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz import falling, light
from seedbed.engines.previz.camera import Pose, Steer
from seedbed.engines.previz.city import plan as plans
from seedbed.engines.previz.city.backdrop import paint_behind
from seedbed.engines.previz.city.build import pose
from seedbed.engines.previz.city.kit import kit_of
from seedbed.engines.previz.city.path import path
from seedbed.engines.previz.frame import Check, Frame, blank
from seedbed.engines.previz.look import look
from seedbed.engines.previz.moments import place_seed
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.shapes import Actor, Palette, Prop, Troupe, draw_sprites, still_air
from seedbed.engines.previz.shapes.pattern import grain_tile
from seedbed.engines.previz.shapes.sprites import halos
from seedbed.engines.previz.sky import Sight, heading, raise_dome
from seedbed.engines.previz.stage import View
from seedbed.engines.previz.world import ripples

__all__ = ["City"]

Floats = NDArray[np.float32]


class Extra(Protocol):
    """What is in the street beside what a city has by itself; `glows` are sprites at a time in seconds."""

    @property
    def actors(self) -> Sequence[Actor]: ...

    @property
    def glows(self) -> Sequence[Callable[[float], Floats]]: ...


Extras = Callable[[Palette], Extra]
"""Makes it with paints of the city's palette."""

_HAZE_M = {"fog": (150.0, 420.0), "rain": (520.0, 1300.0), "snow": (380.0, 950.0), "storm": (420.0, 1100.0)}
"""How far one sees in a street and over the roofs, metres."""


class City:
    """All frames of a shot in a city. Building it takes about a second; `frame` is pure and may be called from any
    thread. `exposure`, `warm` and `saturation` are how to print it."""

    def __init__(
        self, shot: Shot, *, seed: int, width: int, height: int, frames: int, fps: int, fixed: bool, detail: int,
        pool: Executor, check: Check, tempo: float = 1.0, extras: Extras | None = None, steer: Steer | None = None,
                clear_m: float = 0.0,
    ) -> None:  # fmt: skip
        """`detail` is texels on a side of the sky's panorama, times three; no car drives within `clear_m` of the
        street's middle."""
        self.width, self.height, self.fps, self.tempo = width, height, fps, tempo
        own = place_seed(shot, seed)
        self.seed = own
        base = look(shot)
        self.exposure, self.warm = base.exposure, base.warm
        self.saturation = 1.0 if shot.time == "night" else 0.95
        kind = plans.kind_of(shot)
        poses = path(shot, kind, frames=frames, fps=fps, fixed=fixed, seed=own, tempo=tempo)
        self.poses = steer(poses) if steer else poses
        sight = self._sight(frames / fps)
        dome = pool.submit(raise_dome, shot, sight, rows=detail // 5, columns=detail // 2, seed=own, check=check)
        kit = kit_of(shot)
        self.plan = plans.plan(shot, kit, self._way(), own, clear_m)
        check()
        self._dome = dome.result()
        self._kit, self._kind = kit, kind
        sun = light.land_way(shot, heading(shot, sight))
        near, far = _HAZE_M.get(shot.weather, (2400.0, 3600.0))
        hazes, lamp = _horizon(self._dome.at(0.0, 0.0, 0.0)), base.lamp.copy()
        if shot.time == "night":
            # The city lights its own air and walls.
            hazes = hazes + np.array([0.030, 0.020, 0.012], np.float32)
            lamp[2] += np.array([0.060, 0.042, 0.026], np.float32)
            lamp[1] += np.array([0.012, 0.010, 0.010], np.float32)
        self._air = still_air(
            sun, lamp, hazes, near if kind != "skyline" else far, self._dome.at(0.0, 0.0, 0.0), (sight.low, sight.high)
        )
        self._air = self._air._replace(bulbs=plans.bulbs_of(self.plan.lamps))
        extra = extras(kit.palette) if extras else None
        self._lights = tuple(extra.glows) if extra else ()
        actors = [*self.plan.actors, *(extra.actors if extra else ())]
        focus = self._focus() if kind != "skyline" else None
        self._troupe = Troupe(
            actors, kit.palette.rows(), self._air, focus=focus, ridge=0.34 if kind == "street" else 0.12
        )
        self._sea = self._water(kit.palette)
        self._tile = ripples(own) if self._sea else None
        self._falls = falling.falls(shot, own)
        self._grain = grain_tile()
        self._halos = plans.bulbs_of(self.plan.halos)

    @property
    def faces(self) -> int:
        """Triangles in the city."""
        return self._troupe.faces

    def _sight(self, duration_s: float) -> Sight:
        size = math.sqrt(self.width * self.height)
        poses = self.poses
        half = max(self.width / size * 0.5 / pose.focal for pose in poses)
        top = max(
            (pose.horizon * self.height + abs(pose.roll) * self.width / 2) / (pose.focal * size) for pose in poses
        )
        yaw = float(np.mean([pose.yaw for pose in poses]))
        turns = [pose.yaw - yaw for pose in poses]
        low = math.tan(max(math.atan(-half) + min(turns) - 0.12, -1.3))
        high = math.tan(min(math.atan(half) + max(turns) + 0.12, 1.3))
        return Sight(yaw=yaw, low=low, high=high, top=max(top, 0.03), half=half, duration_s=duration_s, x=poses[0].x,
                     y=poses[0].y, ridge=(0.05,))  # fmt: skip

    def _way(self) -> plans.Way:
        xs, ys = [pose.x for pose in self.poses], [pose.y for pose in self.poses]
        return min(xs), max(xs), min(ys), max(ys), min(pose.z for pose in self.poses)

    def _focus(self) -> tuple[Floats, Floats]:
        """What is near the camera's way: it gets the finer shadows."""
        x0, x1, y0, y1, _ = self._way()
        return np.array([x0 - 34, y0 - 8, 0], np.float32), np.array([x1 + 34, y1 + 95, 36], np.float32)

    def _water(self, palette: Palette) -> Troupe | None:
        surface = self.plan.water.mesh()
        if surface is None:
            return None
        return Troupe([Prop(surface, pose())], palette.rows(), self._air, shadows=False)

    def _view(self, number: int) -> View:
        p: Pose = self.poses[number]
        size = math.sqrt(self.width * self.height)
        return View(p.x, p.y, p.z, p.yaw, p.horizon * self.height, p.roll, p.focal * size,
                    number / self.fps * self.tempo, p.yaw - self._dome.sight.yaw)  # fmt: skip

    def frame(self, number: int, check: Check) -> Frame:
        """Frame `number` in linear light."""
        view, film_s = self._view(number), number / self.fps
        frame = blank(self.width, self.height, view)
        pano = self._dome.at(film_s, view.x, view.y)
        paint_behind(frame, self._dome, pano, self._air.haze, check)
        if self._sea is not None and self.plan.river is not None:
            self._sea.draw(frame, view.seconds, check, pano=pano)
        wet = 0.95 if self._kit.wet and self._kind != "skyline" else 0.0
        self._troupe.draw(frame, view.seconds, check, water=self._tile, pano=pano, wet=wet,
                          level=self.plan.river if self.plan.river is not None else 0.0)  # fmt: skip
        check()
        self._glow(frame, view.seconds, check)
        flash = self._dome.flash(film_s)
        if flash > 0.0:
            frame.light[..., : self.width] *= np.float32(1.0 + flash)
        first = self._view(0)
        for fall in self._falls:
            fall.draw(frame.light, self.width, self.height, film_s, (first.yaw - view.yaw) * view.focal,
                      view.horizon - first.horizon)  # fmt: skip
        return frame

    def _glow(self, frame: Frame, seconds: float, check: Check) -> None:
        """The air around lamps: more of it in rain and fog."""
        rows = [self._halos]
        if self._kit.night or self._kit.wet:
            rows += [driver.eyes(seconds) for driver in self.plan.drivers]
        lights = [glow(seconds) for glow in self._lights]
        if lights:
            draw_sprites(frame, np.concatenate(lights), check, grain=self._grain)
        lamps = np.concatenate(rows)
        if len(lamps):
            thick = 0.32 if self._air.haze_m < 1500 else 0.20
            draw_sprites(frame, halos(lamps, thick, 0.42 if thick > 0.3 else 0.28), check, grain=self._grain)


def _horizon(pano: Floats) -> Floats:
    """The colour of the air before the lowest sky, (columns, 3): what is far away passes into it without an edge."""
    low = pano[1:5, :, :3].mean(0)
    reach = max(len(low) // 24, 1)
    padded = np.pad(low, ((reach, reach), (0, 0)), mode="edge")
    box = np.full(2 * reach + 1, 1.0 / (2 * reach + 1))
    return np.stack([np.convolve(padded[:, c], box, mode="valid") for c in range(3)], 1).astype(np.float32)


def warm(shot: Shot, pool: Executor) -> None:
    """Compiles every kernel that a city needs, by two frames of a small one in the rain and one by a river."""
    for water, weather, aerial in (("none", "rain", False), ("river", "fair", True)):
        own = replace(shot, place="city", water=water, weather=weather, aerial=aerial, time="night", known=())
        city = City(
            own, seed=1, width=64, height=48, frames=1, fps=24, fixed=False, detail=120, pool=pool, check=_go_on
        )
        city.frame(0, _go_on)


def _go_on() -> None:
    """Nobody stops a warm-up."""
