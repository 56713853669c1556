"""Under water: a reef on a sandy floor, kelp and fish in the light that the waves let through."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz import bodies
from seedbed.engines.previz.camera import Steer
from seedbed.engines.previz.cast import staging
from seedbed.engines.previz.frame import Check, Frame
from seedbed.engines.previz.light import linear
from seedbed.engines.previz.noise import layered
from seedbed.engines.previz.reef import growth, water_light
from seedbed.engines.previz.reef.deep import Torch, living_lights, sparks
from seedbed.engines.previz.reef.swimmers import Path, cast_in, has_submarine
from seedbed.engines.previz.rooms.beams import SHAFT, draw_beams
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.sets import Set
from seedbed.engines.previz.shapes import Actor, Palette, Prop, draw_sprites, mesh, paint, still_air
from seedbed.engines.previz.shapes.mesh import Mesh, joined, placed, rotation
from seedbed.engines.previz.shapes.paint import STREAKS
from seedbed.engines.previz.shapes.raster import BAND
from seedbed.engines.previz.world import ripples

Floats = NDArray[np.float32]

_REACH_M = 90.0
_REEF = staging.Role(6.0, 1.3, "land", 0.0, 0.0, 1.0)


def floor_at(x: float, y: float, seed: int) -> float:
    """The sea's floor at (x, y), in metres over its mean."""
    return 2.2 * layered(x / 26.0, y / 26.0, 4, seed) + 0.04 * float(
        np.sin(2.4 * x + 3.0 * layered(x / 5, y / 5, 2, seed))
    )


def reef(
    shot: Shot, *, seed: int, width: int, height: int, frames: int, fps: int, fixed: bool, tempo: float, steer: Steer
) -> Set:
    """All frames of a shot under water."""
    own = (seed ^ shot.salt) & 0x3FFFFFFF
    rng = np.random.default_rng([own, 51])
    palette = Palette()
    deep, night = _any_of(shot, *_DEEP), shot.time == "night"
    dark = deep or night
    actors: list[Actor] = [Prop(_floor(own, palette), _at(0, 0, 0))]
    actors += _grown(rng, palette, own, bare="coral" in shot.without, glow=0.55 if night else 0.16 if deep else 0.0)
    crew = cast_in(shot, palette, own, lambda x, y: floor_at(x, y, own), frames / fps * tempo)
    actors += crew.actors
    if "fish" not in shot.without:
        actors += _swimming(shot, palette, own)
    mark = staging.Mark("reef", _REEF, 0.0, 15.0, floor_at(0, 15, own), 0.0, 0.0)
    poses = staging.framed(
        shot, mark, lambda x, y: floor_at(x, y, own), frames=frames, fps=fps, ratio=width / height, fixed=fixed,
        seed=own, tempo=tempo,
    )  # fmt: skip
    bright = 0.055 if deep else {"night": 0.10, "sunset": 0.6, "sunrise": 0.65}.get(shot.time, 1.0)
    sea = linear("04202f", "0f6a86", "9fe3e8") * np.float32(bright)
    if shot.weather in ("rain", "snow", "fog", "cloudy"):
        sea = (sea * np.array([0.75, 0.7, 0.7], np.float32)).astype(np.float32)
    sun = np.array([0.32, -0.22, 0.92], np.float32)
    lamp = np.array([[2.1, 2.25, 1.9], [0.42, 0.70, 0.82], [0.10, 0.18, 0.18]], np.float32) * np.float32(bright)
    far = np.repeat(sea[water_light.OPEN][None], 8, 0)
    air = still_air(
        sun / np.linalg.norm(sun), lamp, far, 21.0, np.repeat(sea[2][None, None], 4, 0).repeat(4, 1), (-2.0, 2.0)
    )
    torch = _torch(shot, own, crew.vessel) if dark else None
    living = living_lights(own, lambda x, y: floor_at(x, y, own)) if dark else np.zeros((0, 7), np.float32)
    air = air._replace(bulbs=living if torch is None else np.concatenate([living, torch.bulbs()]))
    tile = ripples(own)
    drift = np.array([0.10, 0.55, 0.62], np.float32)
    glow = (sea[water_light.BRIGHT] * np.float32(0.55)).astype(np.float32)

    drift = drift if dark else glow

    def behind(frame: Frame, check: Check) -> None:
        for y in range(0, frame.height, BAND):
            check()
            water_light.paint_far(frame.light, frame.view, sea, y, min(y + BAND, frame.height), frame.width)

    def between(frame: Frame, check: Check) -> None:
        seen = np.empty(water_light.RAYS, np.float32)
        water_light.rays(frame.view, own & 0xFFFF, seen)
        for y in range(0, frame.height, BAND):
            check()
            end = min(y + BAND, frame.height)
            water_light.net_of_light(
                frame.light, frame.depth, tile, frame.view, 0.62 if not dark else 0.2, y, end, frame.width
            )
            water_light.shafts(frame.light, frame.depth, frame.view, glow, seen, y, end, frame.width)
        water_light.specks(frame.light, frame.view, drift, 500, own & 0xFFFF, frame.width)
        if torch is not None:
            draw_beams(frame, torch.cones(frame.view.seconds), np.zeros((0, SHAFT), np.float32), check)
        if crew.mouths:
            air_rows = crew.bubbles(frame.view.seconds)
            air_rows[:, 4:7] *= np.float32(max(bright, 0.25))
            draw_sprites(frame, air_rows, check)
        if dark:
            draw_sprites(frame, sparks(living, frame.view.seconds, own & 0xFFFF), check)

    return Set(
        steer(poses), actors, palette.rows(), air, width=width, height=height, fps=fps, tempo=tempo, behind=behind,
            between=between
    )  # fmt: skip


def _at(x: float, y: float, z: float, yaw: float = 0.0) -> Floats:
    return placed(rotation(yaw=yaw), x, y, z)


def _floor(seed: int, palette: Palette) -> Mesh:
    """Fine where the camera is, coarse towards the haze."""
    sand = palette.add(paint("84704e", pattern=STREAKS, numbers=(2.2, 0.50, 5), gloss=0.02))
    steps = np.concatenate(
        [np.linspace(-_REACH_M, -14, 12, endpoint=False), np.linspace(-14, 14, 37), np.linspace(15, _REACH_M, 12)]
    )
    ys = np.concatenate([np.linspace(-6, 30, 46, endpoint=False), np.linspace(30, 110, 16)])
    net = np.array([[[x, y, floor_at(x, y, seed)] for x in steps] for y in ys])
    # Ripples run across, and wander; troughs are darker.
    bend = np.array([[layered(x / 3.1, y / 3.1, 2, seed + 3) for x in steps] for y in ys])
    laid = np.stack([net[..., 1] + 0.55 * bend, 2.2 * net[..., 0]], 2)
    form = mesh.surface(net, uv=laid).painted(sand)
    high = net[..., 2] - net[..., 2].mean()
    open_ = np.clip(0.80 + 0.16 * high + 0.22 * bend, 0.42, 1.0)
    return replace(form, ao=open_.ravel().astype(np.float32))


def _grown(rng: np.random.Generator, palette: Palette, seed: int, *, bare: bool, glow: float) -> list[Actor]:
    """Rocks with corals about them in the middle, kelp to the sides."""
    parts: list[Mesh] = []
    for number in range(26):
        near = number < 11
        x = float(rng.normal(0, 3.4)) if near else float(rng.choice((-1, 1)) * rng.uniform(4, 20))
        y = float(15 + rng.normal(0, 2.4)) if near else float(rng.uniform(13, 46))
        size = float(rng.uniform(0.7, 1.9 if near else 3.0))
        base = floor_at(x, y, seed) - 0.15 * size
        grown = growth.Growth(rng, palette, y < 21.0, glow)
        parts.append(growth.rock(grown, size).turned(yaw=float(rng.uniform(0, 6))).moved(x, y, base))
        for _ in range(0 if bare else 7 if near else 2):
            turn, off = float(rng.uniform(0, 6.28)), size * float(rng.uniform(0.2, 1.35))
            px, py = x + off * np.cos(turn), y + off * np.sin(turn)
            pz = max(floor_at(px, py, seed) - 0.03, base + size * 0.62 * max(1 - (off / size) ** 2, 0.0) ** 0.5 - 0.08)
            kind = _KINDS[int(rng.integers(len(_KINDS)))]
            form = kind(grown, float(rng.uniform(0.7, 1.5)) * (0.4 if kind is growth.brain else 1.0))
            parts.append(form.turned(yaw=float(rng.uniform(-0.6, 0.6))).moved(float(px), float(py), float(pz)))
    found: list[Actor] = [Prop(joined(parts), _at(0, 0, 0))]
    for _ in range(0 if bare else 14):
        side = 1 if rng.random() < 0.5 else -1
        x, y = side * float(rng.uniform(5.5, 15)), float(rng.uniform(11, 28))
        found.append(growth.kelp(rng, palette, (x, y, floor_at(x, y, seed) - 0.1), float(rng.uniform(3.0, 7.0))))
    return found


_DEEP = ("deep sea", "abyss", "submarine", "submersible", "trench", "depths", "深海", "潜艇", "глубоков")


def _any_of(shot: Shot, *words: str) -> bool:
    said = " ".join((*shot.known, *shot.unknown)).lower()
    return any(word in said for word in words)


def _torch(shot: Shot, seed: int, vessel: Path | None) -> Torch | None:
    """The lamps of a submarine, or a diver's, who is behind the camera."""
    if has_submarine(shot):
        return Torch((0.0, 9.5, floor_at(0.0, 9.5, seed) + 2.4), (0.3, 0.6, -0.42), fixed=True, carried=vessel)
    if _any_of(shot, "diver", "torch", "flashlight", "abyss", "deep sea", "trench", "深海"):
        return Torch((3.4, 5.0, floor_at(3.4, 5.0, seed) + 2.9), (-0.33, 0.90, -0.20), fixed=False)
    return None


def _swimming(shot: Shot, palette: Palette, seed: int) -> list[Actor]:
    """Schools of fish."""
    found: list[Actor] = []
    for number, (x, y, z, yaw, count) in enumerate(_SCHOOLS):
        high = floor_at(x, y, seed) + z
        found += bodies.school(
            "fish", count, seed=seed + number, palette=palette, centre=(x, y, high), yaw=yaw, spread=0.55, speed=0.7
        )
    return found


_SCHOOLS = (
    (-2.6, 12.5, 1.6, 1.5, 16),
    (2.4, 15.0, 2.4, -1.7, 22),
    (0.0, 20.0, 3.6, 1.4, 26),
    (1.2, 10.4, 0.9, -1.4, 5),
)
"""Where schools are when a shot begins: x, y, metres over the floor, heading, how many."""
_KINDS = (growth.antlers, growth.brain, growth.sponge, growth.fan, growth.antlers)
