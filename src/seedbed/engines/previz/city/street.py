"""What stands in a street: lamps, trees, signs, traffic lights, benches, cars; and the cars that move."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.city.build import Builder, pick, pose
from seedbed.engines.previz.city.kit import NEON, Kit
from seedbed.engines.previz.noise import fraction
from seedbed.engines.previz.shapes import mesh
from seedbed.engines.previz.shapes.mesh import Mesh, joined
from seedbed.engines.previz.shapes.troupe import NO_BULBS

Floats = NDArray[np.float32]


def lamp_post(kit: Kit, reach: float = 2.2, tall: float = 8.0, *, sides: int = 6) -> Mesh:
    """A lamp whose arm reaches to the right, over the road."""
    path: list[list[float]] = [
        [0, 0, 0],
        [0, 0, tall * 0.55],
        [0, 0, tall * 0.9],
        [reach * 0.35, 0, tall],
        [reach, 0, tall],
    ]
    pole = mesh.tube(path, [0.10, 0.08, 0.065, 0.06, 0.05], sides).painted(kit.metal)
    head = mesh.box(0.75, 0.3, 0.14).moved(reach, 0, tall - 0.02).painted(kit.metal)
    light = mesh.box(0.66, 0.24, 0.08).moved(reach, 0, tall - 0.10).painted(kit.lamp)
    foot = mesh.cylinder(0.19, 0.7, sides).painted(kit.metal)
    return joined([pole, head, light, foot])


def lantern(kit: Kit) -> Mesh:
    """An old lamp on an iron post."""
    post = mesh.lathe([(0.16, 0), (0.14, 0.5), (0.06, 0.7), (0.05, 3.0), (0.10, 3.1)], 8).painted(kit.metal)
    glass = mesh.lathe([(0.10, 3.1), (0.22, 3.6), (0.10, 3.7)], 6, flat=True).painted(kit.lamp)
    hat = mesh.lathe([(0.28, 3.62), (0.06, 3.9), (0, 4.05)], 6, flat=True).painted(kit.metal)
    return joined([post, glass, hat])


def tree(kit: Kit, seed: int, *, bare: bool, near: bool = True) -> Mesh:
    """A street tree, seven metres or so; coarser when it is not `near`."""
    rng = np.random.default_rng([seed, 31])
    tall = float(rng.uniform(2.4, 3.1))
    parts = [
        mesh.tube(
            np.array([[0, 0, 0], [0.05, 0, tall * 0.6], [0, 0.05, tall + 1.4]]), [0.17, 0.13, 0.06], 6 if near else 3
        ).painted(kit.bark)
    ]
    for limb in range((6 if bare else 3) if near else (3 if bare else 0)):
        turn = limb * 2.4 + float(rng.uniform(0, 1))
        up, out = float(rng.uniform(1.6, 3.2)), float(rng.uniform(1.0, 1.9))
        along = out * np.array([math.cos(turn), math.sin(turn)])
        ends = [[0, 0, tall * 0.85], [*(0.5 * along), tall + up * 0.5], [*along, tall + up]]
        parts.append(mesh.tube(np.array(ends), [0.08, 0.05, 0.015], 4 if near else 3, caps=False).painted(kit.bark))
    if bare and not kit.snowy:
        return joined(parts)
    leaf = pick(rng, kit.leaves)
    for _ in range(5 if near else 3):
        radius = float(rng.uniform(0.95, 1.45)) * (1.0 if near else 1.2) * (0.6 if bare else 1.0)
        x, y, z = float(rng.normal(0, 0.75)), float(rng.normal(0, 0.75)), tall + 1.3 + float(rng.uniform(-0.3, 1.9))
        parts.append(_tuft(radius, int(rng.integers(1 << 20)), near=near).moved(x, y, z).painted(leaf))
    return joined(parts).grounded(2.2, 0.45, tall + 0.2) if not bare else joined(parts)


def _tuft(radius: float, seed: int, *, near: bool) -> Mesh:
    """A rough ball of leaves."""
    rows, columns = (6, 9) if near else (3, 5)
    rings = []
    for j in range(rows + 1):
        lift = -math.pi / 2 + math.pi * j / rows
        ring = []
        for i in range(columns):
            turn = 2 * math.pi * i / columns
            rough = radius * (0.72 + 0.55 * fraction(i, j if 0 < j < rows else 99 * j, seed))
            ring.append([rough * math.cos(lift) * math.cos(turn), rough * math.cos(lift) * math.sin(turn),
                         rough * math.sin(lift) * 0.85])  # fmt: skip
        rings.append(ring)
    return mesh.surface(np.array(rings), closed=True)


def traffic_light(kit: Kit, go: bool) -> Mesh:
    """A mast with an arm to the right over the road, its lights to the south."""
    arm = np.array([[0, 0, 0], [0, 0, 5.6], [0.4, 0, 6.0], [4.2, 0, 6.1]])
    mast = mesh.tube(arm, [0.11, 0.09, 0.07, 0.05], 6).painted(kit.metal)
    parts = [mast]
    for x, z in ((4.0, 5.4), (0.0, 3.0)):
        parts.append(mesh.box(0.36, 0.3, 1.05).moved(x, -0.1, z).painted(kit.dark))
        for number in range(3):
            on = number == (0 if go else 2)
            colour = (kit.green if go else kit.red) if on else kit.dark
            disc = mesh.cylinder(0.11, 0.08, 10).turned(pitch=math.pi / 2).moved(x, -0.22, z + 0.2 + 0.32 * number)
            parts.append(disc.painted(colour))
    return joined(parts)


def sign(out: Builder, kit: Kit, x: float, y: float, z: float, wide: float, tall: float, side: int, which: int) -> None:
    """A luminous board that stands out from a wall across the street's sight; `side` is where the street lies."""
    a, b = (x, x + side * wide) if side > 0 else (x + side * wide, x)
    neon = kit.neon[which]
    shift = 7.0 * which + 0.9 * round(z)
    columns, rows = max(round(wide / 0.9), 1), max(round(tall / 0.9), 1)
    out.box(a - 0.08, b + 0.08, y - 0.16, y + 0.16, z - 0.15, z + tall + 0.15, kit.dark)
    out.quad((a, y - 0.18, z), (b, y - 0.18, z), (b, y - 0.18, z + tall), (a, y - 0.18, z + tall), neon,
             uv=(shift, shift, shift + columns * 0.9, shift + rows * 0.9))  # fmt: skip
    out.quad((b, y + 0.18, z), (a, y + 0.18, z), (a, y + 0.18, z + tall), (b, y + 0.18, z + tall), neon,
             uv=(shift, shift, shift + columns * 0.9, shift + rows * 0.9))  # fmt: skip


def board(
    out: Builder, kit: Kit, x: float, y: float, z: float, wide: float, tall: float, side: int, which: int
) -> None:
    """A luminous panel flat on a wall that faces the street (`side` is where the street lies)."""
    far, near = (y + wide, y) if side < 0 else (y, y + wide)
    columns, rows = max(round(wide / 1.4), 1) * 0.9, max(round(tall / 1.4), 1) * 0.9
    at = x + side * 0.12
    out.box(min(x, at), max(x, at), y - 0.2, y + wide + 0.2, z - 0.2, z + tall + 0.2, kit.dark)
    at += side * 0.02
    out.quad((at, far, z), (at, near, z), (at, near, z + tall), (at, far, z + tall), kit.neon[which],
             uv=(3.0, 5.0, 3.0 + columns, 5.0 + rows))  # fmt: skip


def car(kit: Kit, body: int, seed: int, *, near: bool = True) -> Mesh:
    """A car that points ahead (y), 4.4 metres long; coarser when it is not `near`."""
    tall = 0.06 * (seed % 3)
    low = [
        (-2.2, 0.32),
        (-2.22, 0.62),
        (-2.15, 0.88),
        (-1.9, 0.95),
        (1.0, 0.93),
        (1.9, 0.80),
        (2.18, 0.62),
        (2.2, 0.32),
    ]
    parts = [_hull(low, 0.88, 0.80).painted(body)]
    cabin = [
        (-1.85, 0.92),
        (-1.35, 1.36 + tall),
        (-0.9, 1.44 + tall),
        (0.0, 1.44 + tall),
        (0.35, 1.38 + tall),
        (1.15, 0.92),
    ]
    parts.append(_hull(cabin, 0.80, 0.60).painted(kit.pane))
    roof = [(-1.36, 1.37 + tall), (-0.9, 1.455 + tall), (0.0, 1.455 + tall), (0.34, 1.39 + tall)]
    parts.append(_hull(roof, 0.63, 0.60).painted(body))
    if not near:
        parts += [mesh.box(1.74, 0.6, 0.6).moved(0, y).painted(kit.dark) for y in (-1.35, 1.38)]
    wheel = mesh.cylinder(0.33, 0.22, 12).turned(roll=math.pi / 2).painted(kit.dark)
    hub = mesh.cylinder(0.19, 0.24, 8).turned(roll=math.pi / 2).painted(kit.kerb)
    for x in (-0.90, 0.68) if near else ():
        for y in (-1.35, 1.38):
            parts += [wheel.moved(x, y, 0.33), hub.moved(x - 0.01, y, 0.33)]
    for x in (-0.62, 0.62):
        parts.append(mesh.box(0.40, 0.08, 0.15).moved(x, 2.12, 0.60).painted(kit.head))
        parts.append(mesh.box(0.42, 0.08, 0.14).moved(x, -2.18, 0.68).painted(kit.tail))
    parts.append(mesh.box(1.5, 4.0, 0.2).moved(0, 0, 0.2).painted(kit.dark))
    shade = mesh.mesh([[-0.94, -2.25, 0.02], [0.94, -2.25, 0.02], [0.94, 2.25, 0.02], [-0.94, 2.25, 0.02]],
                      [[0, 1, 2], [0, 2, 3]]).painted(kit.shade)  # fmt: skip
    return joined([*parts, shade])


def _hull(profile: list[tuple[float, float]], wide: float, top: float) -> Mesh:
    """A body from its side view (y, z), narrower at the top."""
    heights = [z for _, z in profile]
    low, high = min(heights), max(heights)
    half = [wide + (top - wide) * (z - low) / (high - low) for z in heights]
    left = np.array([[-w, y, z] for (y, z), w in zip(profile, half, strict=True)])
    right = left * [-1, 1, 1]
    skin = mesh.surface(np.stack([right, left]), flat=False)
    count = len(profile)
    fan = [[0, k + 1, k] for k in range(1, count - 1)]
    other = [[0, k, k + 1] for k in range(1, count - 1)]
    return joined([skin, mesh.mesh(left, other), mesh.mesh(right, fan)])


@dataclass(frozen=True, slots=True)
class Driver:
    """A car on a straight lane along y: at `y0` when the shot begins, `speed` in m/s, negative towards the camera.
    It turns up again at the other end of `low` … `high`."""

    mesh: Mesh
    x: float
    y0: float
    speed: float
    low: float
    high: float
    lights: bool
    still: bool = False

    def at(self, seconds: float) -> float:
        """Its y at a time."""
        return self.low + (self.y0 - self.low + self.speed * seconds) % (self.high - self.low)

    def pose(self, seconds: float) -> Floats:
        return pose(self.x, self.at(seconds), 0.0, 0.0 if self.speed > 0 else math.pi)[None]

    def bulbs(self, seconds: float) -> Floats:
        if not self.lights:
            return NO_BULBS
        way = 1.0 if self.speed > 0 else -1.0
        y = self.at(seconds)
        return np.array([[self.x, y + way * 5.5, 0.9, 0.55, 0.52, 0.44, 1.9],
                         [self.x, y - way * 2.7, 0.7, 0.55, 0.03, 0.02, 0.9]], np.float32)  # fmt: skip

    def eyes(self, seconds: float) -> Floats:
        """Where its lamps are seen from the south, for halos: (n, 7) as bulbs."""
        y = self.at(seconds)
        front = self.speed < 0
        colour = [2.6, 2.4, 2.0] if front else [1.8, 0.1, 0.06]
        return np.array(
            [[self.x + s * 0.62, y - 2.3, 0.65, *colour, 1.6 if front else 0.9] for s in (-1, 1)], np.float32
        )


def neon_bulb(x: float, y: float, z: float, which: int, strength: float = 0.6, reach: float = 2.2) -> list[float]:
    """The light that a sign throws around it."""
    return [x, y, z, *[value * strength for value in NEON[which]], reach]
