"""What grows and lies on the sea's floor: rocks, corals, sponges, kelp. Metres; the origin is where it stands."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.shapes import NO_BULBS, Palette, mesh, paint
from seedbed.engines.previz.shapes.mesh import Mesh, joined
from seedbed.engines.previz.shapes.paint import MOTTLED

Floats = NDArray[np.float32]

CORALS = ("e8505b", "f08a4b", "f5b14c", "d95fa2", "9b5fc0", "5fb7c9", "f2d16b", "e3726d")


@dataclass(frozen=True, slots=True)
class Growth:
    """What things grow with: lots, paints, how far away they are (`fine` is for what the camera comes near to) and
    how much they glow by themselves in the dark."""

    rng: np.random.Generator
    palette: Palette
    fine: bool = True
    glow: float = 0.0

    def skin(self, **look: object) -> int:
        """A colour by lot; in the dark it glows in the cold tones of living light."""
        pick = int(self.rng.integers(len(CORALS)))
        cold = ("2fd8ff", "35ffb0", "5a7bff", "c44dff")[pick % 4]
        return self.palette.add(paint(CORALS[pick], glow=cold, glow_by=self.glow, **look))  # type: ignore[arg-type]


def rock(grown: Growth, size_m: float) -> Mesh:
    """A weathered boulder."""
    rng, palette = grown.rng, grown.palette
    stone = palette.add(paint("6f6a5c", pattern=MOTTLED, numbers=(1.3, 0.5, int(rng.integers(99)))))
    ball = mesh.sphere(1.0, 16, 10) if grown.fine else mesh.sphere(1.0, 11, 7)
    lumps = rng.normal(size=(5, 3))
    bulge = sum(0.16 * np.sin(2.2 * ball.points @ lump + k) for k, lump in enumerate(lumps))
    points = (
        ball.points * (1.0 + np.asarray(bulge, np.float32)[:, None]) * np.array([1.0, 0.8, 0.62], np.float32) * size_m
    )
    return mesh.mesh(points, ball.faces, uv=ball.uv * size_m, flat=False, welded=True).painted(stone)


def antlers(grown: Growth, tall_m: float) -> Mesh:
    """A branching coral."""
    rng, skin = grown.rng, grown.skin(gloss=0.15)
    sides, forks = (5, 3) if grown.fine else (4, 2)
    parts: list[Mesh] = []

    def grow(start: NDArray[np.float64], way: NDArray[np.float64], length: float, thick: float, depth: int) -> None:
        bend = way + rng.normal(size=3) * 0.18
        bend /= np.linalg.norm(bend)
        middle, end = start + way * length * 0.5, start + (way + bend) * length * 0.5
        parts.append(mesh.tube([start, middle, end], [thick, thick * 0.85, thick * 0.7], sides, caps=not depth))
        if depth:
            for _ in range(2):
                fork = bend + rng.normal(size=3) * 0.55
                fork[2] = abs(fork[2]) + 0.25
                grow(end, fork / np.linalg.norm(fork), length * 0.74, thick * 0.68, depth - 1)

    grow(np.zeros(3), np.array([0.0, 0.0, 1.0]), tall_m * 0.34, tall_m * 0.055, forks)
    return joined(parts).painted(skin)


def brain(grown: Growth, size_m: float) -> Mesh:
    """A round coral."""
    skin = grown.skin(gloss=0.1, pattern=MOTTLED, numbers=(9.0, 0.7, int(grown.rng.integers(99))))
    return (mesh.sphere(size_m, 16, 9) if grown.fine else mesh.sphere(size_m, 10, 6)).scaled(1, 1, 0.7).painted(skin)


def sponge(grown: Growth, tall_m: float) -> Mesh:
    """A cluster of open tubes."""
    rng, palette, skin = grown.rng, grown.palette, grown.skin(gloss=0.1, two_sided=True)
    dark = palette.add(paint("2a1c26", two_sided=True))
    parts = []
    for _ in range(int(rng.integers(4, 8))):
        lean, x, y = rng.uniform(-0.25, 0.25), *rng.uniform(-0.35, 0.35, 2) * tall_m
        high, wide = tall_m * rng.uniform(0.5, 1.0), tall_m * rng.uniform(0.07, 0.12)
        outside = mesh.lathe([(wide * 0.7, 0), (wide, high * 0.6), (wide * 1.15, high)], 10)
        inside = mesh.lathe([(wide * 1.15, high), (wide * 0.9, high * 0.96), (0, high * 0.8)], 10)
        tube = joined([outside.painted(skin), inside.painted(dark)])
        parts.append(tube.turned(pitch=float(lean), roll=float(rng.uniform(-0.25, 0.25))).moved(float(x), float(y)))
    return joined(parts)


def fan(grown: Growth, size_m: float) -> Mesh:
    """A flat lace of branches."""
    rng, skin = grown.rng, grown.skin(two_sided=True, gloss=0.1)
    count, sides = (10, 4) if grown.fine else (7, 3)
    parts = []
    for angle in np.linspace(-1.15, 1.15, count):
        reach = size_m * (0.75 + 0.25 * rng.random()) * math.cos(angle * 0.6)
        way = np.array([math.sin(angle), 0.0, math.cos(angle)])
        steps = np.linspace(0.05, 1.0, 6)[:, None]
        path = way * steps * reach + np.array([0, 1, 0]) * rng.normal(size=(6, 1)) * 0.015 * size_m
        parts.append(mesh.tube(path, np.linspace(0.03, 0.008, 6) * size_m, sides, caps=False))
        for along in (0.4, 0.7):
            for side in (-0.5, 0.5):
                twig = np.array([math.sin(angle + side), 0, math.cos(angle + side)]) * reach * 0.28
                parts.append(
                    mesh.tube(
                        [way * reach * along, way * reach * along + twig],
                        [0.012 * size_m, 0.005 * size_m],
                        3,
                        caps=False,
                    )
                )
    return joined(parts).painted(skin)


@dataclass(frozen=True, slots=True)
class Kelp:
    """A ribbon that the water sways: an actor of `JOINTS` bones, standing at `where`."""

    mesh: Mesh
    where: tuple[float, float, float]
    tall_m: float
    phase: float
    still: bool = False

    JOINTS = 6

    def pose(self, seconds: float) -> Floats:
        share = np.arange(self.JOINTS) / (self.JOINTS - 1)
        sway = 0.16 * self.tall_m * share**1.6
        poses = np.zeros((self.JOINTS, 3, 4), np.float32)
        poses[:, 0, 0] = poses[:, 1, 1] = poses[:, 2, 2] = 1.0
        poses[:, 0, 3] = self.where[0] + sway * np.sin(seconds * 0.9 + self.phase - 2.0 * share)
        poses[:, 1, 3] = self.where[1] + 0.6 * sway * np.sin(seconds * 0.7 + 2 * self.phase - 1.7 * share)
        poses[:, 2, 3] = self.where[2]
        # Low plants reach fewer joints than there are, and nobody counts bones that hold nothing.
        return poses[: int(self.mesh.bones.max()) + 1]

    def bulbs(self, seconds: float) -> Floats:
        return NO_BULBS


def kelp(rng: np.random.Generator, palette: Palette, where: tuple[float, float, float], tall_m: float) -> Kelp:
    leaf = palette.add(paint("5d7a2e", two_sided=True, gloss=0.25))
    parts = []
    for _ in range(5):
        turn, rows = float(rng.uniform(0, 6.28)), 14
        high = tall_m * float(rng.uniform(0.6, 1.0))
        wide = 0.05 * tall_m
        t = np.linspace(0, 1, rows)
        half = wide * np.sin(np.pi * (0.08 + 0.9 * t)) ** 0.6
        wave = 0.35 * wide * np.sin(9 * t + turn)
        off = 0.10 * tall_m * t
        left, right = np.stack([-half, off + wave, t * high], 1), np.stack([half, off - wave, t * high], 1)
        net = np.stack([left, right], 1)
        parts.append(mesh.surface(net).turned(yaw=turn))
    whole = joined(parts).painted(leaf)
    place = np.clip(whole.points[:, 2] / tall_m, 0, 1) * (Kelp.JOINTS - 1)
    low = np.minimum(place.astype(np.int32), Kelp.JOINTS - 2)
    bones = np.stack([low, low + 1], 1).astype(np.int32)
    return Kelp(
        replace(whole, bones=bones, weights=(1 - (place - low)).astype(np.float32)),
        where,
        tall_m,
        float(rng.uniform(0, 6.28)),
    )
