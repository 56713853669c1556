"""What stands in rooms: tables, chairs, candles, books, lamps. Metres; the origin is where it stands, its front +y."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seedbed.engines.previz.noise import gradient
from seedbed.engines.previz.shapes import NO_BULBS, Palette, mesh, paint
from seedbed.engines.previz.shapes.mesh import Mesh, joined, placed, rotation
from seedbed.engines.previz.shapes.paint import MOTTLED, STREAKS

Floats = NDArray[np.float32]

WOOD = ("6b4426", "84552f", "4a2e1d", "a07445")


def wood(palette: Palette, tone: int = 0, gloss: float = 0.35) -> int:
    return palette.add(paint(WOOD[tone % len(WOOD)], pattern=STREAKS, numbers=(11.0, 0.35, 3 + tone), gloss=gloss))


def table(palette: Palette, *, wide: float, deep: float, cloth: str | None) -> Mesh:
    """0.76 m high."""
    grain = wood(palette)
    parts = [mesh.box(wide, deep, 0.045).moved(0, 0, 0.715).painted(grain)]
    parts += [
        _leg().moved(x * (wide / 2 - 0.10), y * (deep / 2 - 0.10)).painted(grain) for x in (-1, 1) for y in (-1, 1)
    ]
    parts += [mesh.box(wide - 0.22, 0.03, 0.10).moved(0, y * (deep / 2 - 0.10), 0.62).painted(grain) for y in (-1, 1)]
    if cloth:
        linen = palette.add(paint(cloth, gloss=0.03, two_sided=True))
        parts.append(mesh.box(wide * 0.36, deep + 0.02, 0.006).moved(0, 0, 0.761).painted(linen))
        for side in (-1, 1):
            turn = np.linspace(-wide * 0.18, wide * 0.18, 25)
            fold = 0.012 * np.sin(turn * 60) * side
            y = side * (deep / 2 + 0.012)
            net = [np.stack([turn, y + fold * drop / 0.22, np.full(25, 0.766 - drop)], 1) for drop in (0.22, 0.1, 0.0)]
            parts.append(mesh.surface(net).painted(linen))
    return joined(parts)


def _leg() -> Mesh:
    return mesh.lathe(
        [(0.022, 0), (0.03, 0.05), (0.024, 0.12), (0.036, 0.45), (0.028, 0.55), (0.042, 0.62), (0.042, 0.72)], 12
    )


def chair(palette: Palette, *, cushion: str) -> Mesh:
    """A dining chair; its sitter looks to +y."""
    grain, soft = wood(palette, 1), palette.add(paint(cushion, gloss=0.02, pattern=MOTTLED, numbers=(30, 0.12, 2)))
    parts = [
        mesh.box(0.44, 0.43, 0.04).moved(0, 0, 0.42).painted(grain),
        _pillow(0.42, 0.41, 0.06).moved(0, 0, 0.46).painted(soft),
    ]
    for x in (-0.19, 0.19):
        parts.append(mesh.tube([[x, 0.18, 0], [x, 0.19, 0.43]], [0.018, 0.024], 8).painted(grain))
        parts.append(
            mesh.tube([[x, -0.20, 0], [x, -0.19, 0.45], [x, -0.26, 0.98]], [0.018, 0.024, 0.018], 8).painted(grain)
        )
    for z in (0.62, 0.78, 0.93):
        y = -0.19 - 0.07 * (z - 0.45) / 0.53
        turn = np.linspace(-0.19, 0.19, 7)
        parts.append(mesh.tube(np.stack([turn, y - 0.02 * np.cos(turn * 8), np.full(7, z)], 1), 0.02, 6).painted(grain))
    return joined(parts)


def _pillow(x: float, y: float, z: float) -> Mesh:
    turn = 2 * np.pi * np.arange(20) / 20
    rim = np.stack(
        [
            np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** 0.4 * x / 2,
            np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** 0.4 * y / 2,
        ],
        1,
    )
    rings = [np.column_stack([rim * s, np.full(20, h * z)]) for s, h in ((0.9, 0), (1.0, 0.4), (0.95, 0.8), (0.6, 1.0))]
    return mesh.loft(rings)


def plate(palette: Palette) -> Mesh:
    white = palette.add(paint("f1eee6", gloss=0.75, mirror=0.06))
    return mesh.lathe(
        [(0.07, 0), (0.09, 0.004), (0.135, 0.018), (0.137, 0.021), (0.09, 0.010), (0, 0.008)], 24
    ).painted(white)


def glass(palette: Palette, wine: str | None) -> Mesh:
    """A stemmed glass, with wine of a colour."""
    clear = palette.add(paint("cfe0e4", gloss=0.95, mirror=0.5, opacity=0.16, two_sided=True))
    bowl = mesh.lathe(
        [(0.036, 0), (0.030, 0.003), (0.005, 0.010), (0.004, 0.085), (0.026, 0.10), (0.040, 0.14), (0.033, 0.20)], 16
    )
    parts = [bowl.painted(clear)]
    if wine:
        red = palette.add(paint(wine, gloss=0.9, mirror=0.1))
        parts.append(mesh.lathe([(0.0, 0.095), (0.024, 0.101), (0.037, 0.135), (0, 0.135)], 14).painted(red))
    return joined(parts)


def vase(palette: Palette, rng: np.random.Generator, bloom: str) -> Mesh:
    """With a bunch of flowers."""
    clay = palette.add(paint("3f6f73", gloss=0.6, mirror=0.05))
    stem, petal = palette.add(paint("3f6a2c")), palette.add(paint(bloom, two_sided=True, gloss=0.05))
    parts = [
        mesh.lathe(
            [(0.045, 0), (0.075, 0.05), (0.08, 0.11), (0.045, 0.19), (0.05, 0.22), (0.04, 0.21), (0, 0.16)], 20
        ).painted(clay)
    ]
    for _ in range(11):
        lean, turn = float(rng.uniform(0.05, 0.5)), float(rng.uniform(0, 6.28))
        tip = np.array([math.cos(turn) * lean * 0.3, math.sin(turn) * lean * 0.3, 0.34 + 0.12 * float(rng.random())])
        parts.append(mesh.tube(np.array([np.array([0, 0, 0.15]), tip * [0.6, 0.6, 0.85], tip]), 0.004, 5).painted(stem))
        parts.append(
            _bloom(0.05).turned(pitch=-lean * math.sin(turn), roll=lean * math.cos(turn)).moved(*tip).painted(petal)
        )
    return joined(parts)


def _bloom(radius: float) -> Mesh:
    """Three whorls of petals."""
    parts = []
    for whorl, (count, open_, size) in enumerate(((7, 0.95, 1.0), (6, 0.6, 0.8), (5, 0.3, 0.55))):
        for k in range(count):
            turn = 2 * math.pi * (k + 0.5 * whorl) / count
            side = np.linspace(-1, 1, 4)
            rows = []
            for s in (0.05, 0.5, 1.0):
                out = radius * size * s * math.sin(open_ * (0.6 + 0.6 * s))
                up = radius * size * s * math.cos(open_ * (0.6 + 0.6 * s))
                across = side * radius * 0.34 * size * math.sin(math.pi * min(s, 0.85))
                rows.append(
                    np.stack(
                        [
                            out * math.cos(turn) - across * math.sin(turn),
                            out * math.sin(turn) + across * math.cos(turn),
                            np.full(4, up),
                        ],
                        1,
                    )
                )
            parts.append(mesh.surface(rows))
    return joined(parts)


def books(palette: Palette, rng: np.random.Generator, *, wide: float, tall: float) -> Mesh:
    """A case full of books against a wall, its front to +y."""
    grain = wood(palette, 2)
    shelves = int(tall // 0.36)
    case: list[Sequence[float]] = [
        (0, -0.14, 0, wide, 0.03, tall),
        (-wide / 2, 0, 0, 0.03, 0.30, tall),
        (wide / 2, 0, 0, 0.03, 0.30, tall),
    ]
    case += [(0, 0, level * tall / shelves - 0.015, wide, 0.30, 0.03) for level in range(shelves + 1)]
    spines = [
        palette.add(paint(c, gloss=0.15))
        for c in ("7a2b25", "1f3b4d", "3b5a3a", "8a6b3a", "4b3a5e", "c2b391", "2c2c30", "9c4a2a")
    ]
    rows, colours = [], []
    for level in range(shelves):
        x = -wide / 2 + 0.03
        while x < wide / 2 - 0.06:
            thick, high, deep, lot = rng.uniform((0.018, 0.2, 0.15, 0.0), (0.05, 0.3, 0.2, 1.0))
            if lot < 0.06:
                x += 0.08
                continue
            rows.append((x + thick / 2, 0.0, level * tall / shelves + 0.015, thick * 0.94, deep, high))
            colours.append(spines[int(lot * 977) % len(spines)])
            x += thick
    return joined([blocks(case, grain), blocks(rows, colours)])


@dataclass(frozen=True, slots=True)
class Candle:
    """A candle with a flame that moves and lights: an actor of two bones, its wax and its flame."""

    mesh: Mesh
    where: tuple[float, float, float]
    tall_m: float
    seed: int
    power: float
    still: bool = False
    """A `power` of 0 burns, and leaves it to others to light what is around."""

    def pose(self, seconds: float) -> Floats:
        lean = 0.16 * gradient(seconds * 2.3, 1.7, self.seed) + 0.10 * gradient(seconds * 6.1, 4.2, self.seed)
        tip = 0.16 * gradient(seconds * 2.7, 8.3, self.seed)
        x, y, z = self.where
        stand = placed(np.eye(3, dtype=np.float32), x, y, z)
        size = 1.0 + 0.14 * gradient(seconds * 5.3, 2.9, self.seed)
        flame = rotation(roll=lean, pitch=tip) * np.array([1.0, 1.0, size], np.float32)
        return np.stack([stand, placed(flame, x, y, z + self.tall_m)])

    def bulbs(self, seconds: float) -> Floats:
        if self.power <= 0.0:
            return NO_BULBS
        x, y, z = self.where
        bright = self.power * (
            1.0 + 0.22 * gradient(seconds * 7.0, 3.1, self.seed) + 0.12 * gradient(seconds * 2.1, 5.5, self.seed)
        )
        off = 0.006 * gradient(seconds * 4.0, 6.6, self.seed)
        return np.array(
            [[x + off, y, z + self.tall_m + 0.035, 0.26 * bright, 0.155 * bright, 0.078 * bright, 0.95]], np.float32
        )


def candle(palette: Palette, where: tuple[float, float, float], tall_m: float, seed: int, power: float) -> Candle:
    wax = palette.add(paint("f3e8cf", glow="ff9a50", glow_by=0.08, gloss=0.4))
    brass = palette.add(paint("c9993f", gloss=0.85, mirror=0.35))
    wick = palette.add(paint("1c1612"))
    outer = palette.add(paint("ff9a35", glow="ff8a2a", glow_by=2.6, opacity=0.85))
    inner = palette.add(paint("fff3c8", glow="ffe6a0", glow_by=5.0))
    stick = mesh.lathe(
        [(0.05, 0), (0.052, 0.006), (0.018, 0.016), (0.013, 0.05), (0.022, 0.07), (0.026, 0.075), (0, 0.075)], 16
    )
    body = mesh.lathe([(0.0115, 0.07), (0.0112, tall_m - 0.004), (0.009, tall_m), (0, tall_m - 0.003)], 12)
    parts = [
        stick.painted(brass),
        body.painted(wax),
        mesh.tube([[0, 0, tall_m - 0.005], [0.001, 0, tall_m + 0.009]], 0.0011, 5).painted(wick),
    ]
    fire = [mesh.lathe([(0.001, 0.002), (0.0052, 0.010), (0.0060, 0.018), (0.0036, 0.034), (0, 0.052)],
        10).painted(outer),
            mesh.lathe([(0.001, 0.004), (0.0036, 0.011), (0.0040, 0.018), (0, 0.036)], 8).painted(inner)]  # fmt: skip
    whole = joined([joined(parts).boned(0), joined(fire).boned(1)])
    return Candle(whole, where, tall_m, seed, power)


def blocks(rows: Sequence[Sequence[float]] | NDArray[np.float64], paints: int | Sequence[int]) -> Mesh:
    """Many upright boxes at once: rows (n, 6) of the middle of the foot x, y, z and width, depth, height, metres."""
    given = np.asarray(rows, np.float64).reshape(-1, 6)
    count = len(given)
    low = given[:, :3] - given[:, 3:] * [0.5, 0.5, 0.0]
    # The corners of the six sides, each counterclockwise from outside, as shares of the box.
    points = low[:, None] + given[:, None, 3:] * _CORNERS[None]
    across = np.abs(_ALONG[None] * given[:, None, 3:]).sum(2)
    up = np.abs(_UPWARD[None] * given[:, None, 3:]).sum(2)
    uv = np.stack([across * np.tile([0, 1, 1, 0], 6), up * np.tile([0, 0, 1, 1], 6)], 2)
    starts = (np.arange(count * 6) * 4)[:, None, None]
    faces = (starts + np.array([[0, 1, 2], [0, 2, 3]])).reshape(-1, 3).astype(np.int32)
    total = count * 24
    own = np.broadcast_to(np.asarray(paints, np.int32), count)
    return Mesh(
        points.reshape(-1, 3).astype(np.float32), np.tile(_OUTWARD, (count, 1)).astype(np.float32),
        uv.reshape(-1, 2).astype(np.float32), faces, np.repeat(own, 12).astype(np.int32),
        np.zeros((total, 2), np.int32), np.ones(total, np.float32),
    )  # fmt: skip


def sheet(origin: Sequence[float], across: Sequence[float], up: Sequence[float], us: ArrayLike, vs: ArrayLike,
          holes: Sequence[tuple[float, float, float, float]] = ()) -> Mesh:  # fmt: skip
    """A plane through `origin` along two unit axes, cut at `us` and `vs` metres, seen from the side where `across`
    runs to the right and `up` upwards; without the cells whose middles lie in `holes` (least and most u, v)."""
    u, v = np.unique(np.asarray(us, np.float64)), np.unique(np.asarray(vs, np.float64))
    gu, gv = np.meshgrid(u, v)
    places = np.asarray(origin) + gu[..., None] * np.asarray(across) + gv[..., None] * np.asarray(up)
    at = np.arange(gu.size).reshape(gu.shape)
    mu, mv = np.meshgrid((u[1:] + u[:-1]) / 2, (v[1:] + v[:-1]) / 2)
    keep = np.ones(mu.shape, np.bool_)
    for u0, u1, v0, v1 in holes:
        keep &= ~((mu > u0) & (mu < u1) & (mv > v0) & (mv < v1))
    a, b, c, d = (corner[keep] for corner in (at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
    count = gu.size
    facing = np.cross(across, up)
    return Mesh(
        places.reshape(-1, 3).astype(np.float32), np.tile(facing, (count, 1)).astype(np.float32),
        np.stack([gu, gv], 2).reshape(-1, 2).astype(np.float32), faces, np.zeros(len(faces), np.int32),
        np.zeros((count, 2), np.int32), np.ones(count, np.float32),
    )  # fmt: skip


_CORNERS = np.array([
    [0, 0, 0], [1, 0, 0], [1, 0, 1], [0, 0, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1], [1, 0, 1],
    [1, 1, 0], [0, 1, 0], [0, 1, 1], [1, 1, 1], [0, 1, 0], [0, 0, 0], [0, 0, 1], [0, 1, 1],
    [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1], [0, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 0],
], np.float64)  # fmt: skip
_ALONG = np.repeat(np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0], [1, 0, 0]]), 4, 0)
_UPWARD = np.repeat(np.array([[0, 0, 1], [0, 0, 1], [0, 0, 1], [0, 0, 1], [0, 1, 0], [0, 1, 0]]), 4, 0)
_OUTWARD = np.repeat(np.array([[0, -1, 0], [1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, 0, 1], [0, 0, -1]]), 4, 0)


def taper(palette: Palette, where: tuple[float, float, float], seed: int, power: float, number: int) -> Candle:
    """A birthday candle: thin, striped by its number, 8 cm tall."""
    wax = palette.add(paint(("e86a8a", "6ab0e0", "f0d060", "8fcf7a")[number % 4], gloss=0.4))
    outer = palette.add(paint("ff9a35", glow="ff8a2a", glow_by=2.6, opacity=0.85))
    inner = palette.add(paint("fff3c8", glow="ffe6a0", glow_by=5.0))
    stick = mesh.lathe([(0.0045, 0), (0.0045, 0.08), (0, 0.08)], 8).painted(wax)
    fire = [mesh.lathe([(0.001, 0), (0.0048, 0.010), (0.0030, 0.024), (0, 0.040)], 8).painted(outer),
            mesh.lathe([(0.001, 0.002), (0.0032, 0.010), (0, 0.028)], 8).painted(inner)]  # fmt: skip
    return Candle(joined([stick.boned(0), joined(fire).boned(1)]), where, 0.082, seed, power)
