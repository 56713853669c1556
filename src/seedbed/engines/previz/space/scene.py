"""What a shot in space holds, and how its frames are put together from the farthest thing to the nearest."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.camera import Steer
from seedbed.engines.previz.frame import Frame
from seedbed.engines.previz.light import linear
from seedbed.engines.previz.script import Shot, read
from seedbed.engines.previz.sets import view_of
from seedbed.engines.previz.sky.tiles import covers
from seedbed.engines.previz.space import backdrop, worlds
from seedbed.engines.previz.space.company import Company
from seedbed.engines.previz.space.eye import FOCAL, Eye, Vector, asked, facing, led, path, turn, unit
from seedbed.engines.previz.space.flare import draw_flare, draw_star
from seedbed.engines.previz.space.galaxy import draw_galaxy, paint_arms
from seedbed.engines.previz.space.globe import Globe, draw_globe
from seedbed.engines.previz.space.hole import draw_hole, follow
from seedbed.engines.previz.space.rocks import draw_rocks, paint_rock
from seedbed.engines.previz.space.tiles import soft
from seedbed.engines.previz.stage import FAR_M

Floats = NDArray[np.float32]
Check = Callable[[], None]

_ROWS = 48
"""Rows drawn between two looks at whether to stop."""
_TEXELS_MAX = 800_000
_FAN, _TURNS = 400, 420
_EMPTY = np.zeros((0, 4), np.float32)

_GAS = {
    "blue": ("16305c", "2f6f9c", "ffe2c4", "2a1626"),
    "rose": ("3a1840", "a33a5c", "ffd9b0", "24140f"),
    "gold": ("3a2a1c", "b0743a", "fff0d0", "1c1210"),
    "teal": ("0f3440", "2f8f86", "ffe9d0", "301418"),
}


class Detail(Protocol):
    """What of a quality tier counts here: texels on a map's side."""

    @property
    def grid(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Setting:
    """Where the camera begins, about what it moves, and the light: `sun` (3) is the way to it. `low` is close over
    a body's ground. `gas` is how strong the clouds of gas are, `hue` their colours."""

    main: str
    begin: Eye
    target: Vector
    low: bool
    sun: Vector
    gas: float
    hue: str
    flare: bool


class Space:
    """All frames of one shot in space. Building it bakes its maps in the threads of `pool`."""

    exposure = 0.95
    warm = 0.25
    saturation = 1.0

    def __init__(
        self, shot: Shot, *, seed: int, width: int, height: int, frames: int, fps: int, fixed: bool, detail: Detail,
        pool: Executor, check: Check, steer: Steer = lambda poses: poses,
    ) -> None:  # fmt: skip
        """`steer` has the last word on where the camera looks."""
        self.width, self.height, self.fps = width, height, fps
        digest = hashlib.sha256(f"{seed}:{shot.site}:space:{','.join(shot.bodies)}".encode()).digest()
        self.seed = int.from_bytes(digest[:4], "little") & 0x3FFFFFFF
        rng = np.random.default_rng([self.seed, 31])
        ratio = width / height
        company = Company(shot, self.seed)
        self.setting = place = settle(shot, rng, ratio, company=bool(company))
        calm = (
            replace(shot, move="tracking" if place.low else "static", handheld=False, pace="slow") if company else shot
        )
        eyes = path(calm, place.begin, place.target, frames=frames, fps=fps, fixed=fixed, low=place.low)
        self._rate = {"slow_motion": 0.5, "time_lapse": 6.0, "hyperlapse": 6.0}.get(shot.tempo, 1.0)
        if company:
            self.poses = steer(company.framed(frames=frames, fps=fps, ratio=ratio, fixed=fixed, tempo=self._rate))
            self.eyes = [led(eye, pose, ratio) for eye, pose in zip(eyes, self.poses, strict=True)]
        else:
            # A reference holds the first eye and turns it; beats only push the lens.
            self.poses = steer(asked(eyes))
            self.eyes = [led(eyes[round(pose.x)], pose, ratio) for pose in self.poses]
        self._troupe = company.troupe(place.begin, place.sun, self._shine(), against=place.flare) if company else None
        self._size = math.sqrt(width * height)
        self._scale = detail.grid / 1856.0 * min(max(math.sqrt(width * height / 921_600.0), 0.3), 1.6)
        self._pool, self._check = pool, check
        self._power = np.array([2.1, 2.03, 1.94], np.float32)
        self._bake(shot, rng)
        pad = -(-width // 16) * 16
        self._stride = pad + (16 if (pad // 16) % 2 == 0 else 0)

    def _shine(self) -> Floats:
        """What the world below throws back onto whoever is there."""
        tint = {"earth": ("3f6fae", 0.9), "mars": ("9a5a3a", 0.7), "moon": ("8a8a88", 0.6), "star": ("ffb25e", 0.9),
                "gas_giant": ("c0a074", 0.35), "nebula": ("6a4a7a", 0.25)}.get(self.setting.main, ("5a6a80",
                        0.15))  # fmt: skip
        return np.asarray(linear(tint[0])[0] * np.float32(tint[1] * (1.0 if self.setting.low else 0.4)), np.float32)

    # Baking

    def _run(self, work: Callable[[int, int], None], total: int) -> None:
        """Calls `work(first, last)` for strips of rows, side by side."""

        def part(first: int) -> None:
            self._check()
            work(first, min(first + 32, total))

        list(self._pool.map(part, range(0, total, 32)))

    def _bake(self, shot: Shot, rng: np.random.Generator) -> None:
        place = self.setting
        self._axes, self._half, self._tall = _patch(self.eyes, self.width / self._size, self.height / self._size)
        rich = place.main == "nebula"
        columns = int((1000 if rich else 460) * self._scale)
        gas = np.empty((max(int(columns * self._tall / self._half), 8), columns, 3), np.float32)
        shift, tints = float(rng.uniform(0.0, 60.0)), linear(*_GAS[place.hue])
        self._run(
            lambda first, last: backdrop.paint_gas(
                gas[first:last], self._axes, self._half, self._tall, tints, soft(), place.gas, 0.18 if rich else -0.05,
                22 if rich else 14, shift, first, len(gas),
            ),
            len(gas),
        )  # fmt: skip
        self._gas = gas
        reach = math.atan(math.hypot(self._half, self._tall)) + 0.1
        amount = 0.0 if "stars" in shot.without else 1.0
        self._stars = backdrop.scatter_stars(rng, self.eyes, reach, amount)
        self._globes: list[Globe] = []
        self._rocks = np.zeros((0, 7), np.float32)
        self._disc = _EMPTY
        main = place.main
        if main in worlds.KINDS:
            self._globes.append(self._globe(main, shot, rng))
        elif main == "galaxy":
            self._disc = self._arms(rng)
        if "asteroid" in (*shot.bodies, main):
            self._rocks = _rocks(rng, place.begin, main == "asteroid")
            side = int(112 * min(max(self._scale, 0.3), 1.5))
            self._shapes = np.empty((3, side, 2 * side, 5), np.float32)
            for number, look in enumerate(rng.uniform(0.0, 40.0, 3)):
                self._run(self._carve(self._shapes[number], float(look)), side)

    def _carve(self, shape: Floats, look: float) -> Callable[[int, int], None]:
        return lambda first, last: paint_rock(shape, soft(), look, first, last)

    def _globe(self, kind: str, shot: Shot, rng: np.random.Generator) -> Globe:
        window, shape = _window(self.eyes, self.width, self.height, self._size, _TEXELS_MAX * min(self._scale, 1.5))
        skin, more = np.empty((*shape, 4), np.float32), np.empty((*shape, 3), np.float32)
        form = worlds.KINDS[kind]
        origin = rng.uniform(0.0, 40.0, 3).astype(np.float32)
        if form == 2:
            origin = _storm(self.setting.begin, rng)
        number, other = {
            "earth": (0.10, 0.0),
            "alien": (-0.15, 0.0),
            "jade": (0.0, 0.0),
            "moon": (0.9, 0.0),
            "ice": (0.5, 0.0),
        }.get(kind, (0.30, 1.0))
        tints, seed = worlds.PALETTES[kind], int(rng.integers(1 << 20))
        self._run(
            lambda first, last: worlds.paint_world(
                skin, more, form, window, origin, soft(), tints, number, other, first, last, seed
            ),
            shape[0],
        )
        air = {
            "earth": ("6fb1ff", 0.016), "alien": ("c08cff", 0.020), "jade": ("8fe0c8", 0.018), "ice": ("b8d8f0", 0.010),
            "mars": ("c08a68", 0.004),
            "gas_giant": ("f0d8b0", 0.006), "blue_giant": ("a8d0ff", 0.010),
        }.get(kind, ("000000", 0.0))  # fmt: skip
        ringed = form == 2 and (kind == "gas_giant" or rng.random() < 0.5)
        bump = {"moon": 1.0, "mars": 0.7, "ice": 0.8}.get(kind, 0.25)
        return Globe(
            np.zeros(3, np.float32), 1.0, self.setting.sun.astype(np.float32), self._power, linear(air[0])[0], air[1],
            skin, more, window, bump, np.array([1.3, 0.80, 0.32], np.float32), _rings(rng) if ringed else _EMPTY,
            1.28, 2.32, {0: 0.0022, 2: 0.010}.get(form, 0.0012) * self._rate,
        )  # fmt: skip

    def _arms(self, rng: np.random.Generator) -> Floats:
        side = int(1150 * min(self._scale, 1.6))
        disc = np.empty((side, side, 4), np.float32)
        wind, seed = float(rng.uniform(3.2, 4.4)), int(rng.integers(1 << 20))
        self._run(lambda first, last: paint_arms(disc, soft(), 2, wind, first, last, seed), side)
        return disc

    # Drawing

    def light(self, number: int, check: Check) -> Floats:
        """Frame `number` in linear light: (3, rows, stride), of which the first `width` columns count."""
        out = self._sky(number, check)
        if self._troupe is not None:
            own = number / self.fps * self._rate
            view = view_of(self.poses[number], self.width, self.height, own)
            depth = np.full(out.shape[1:], FAR_M, np.float32)
            self._troupe.draw(Frame(out, depth, view, self.width), own, check)
        return out

    def _sky(self, number: int, check: Check) -> Floats:
        """The worlds and the stars."""
        out = np.zeros((3, self.height, self._stride), np.float32)
        eye = self.eyes[number].packed(self._size)
        seconds = number / self.fps
        own = seconds * self._rate
        place = self.setting
        if place.main == "black_hole":
            self._draw_hole(out, eye, own, check)
            return out
        for first, last in self._strips(check):
            backdrop.lay_backdrop(out, self.width, first, last, self.height, eye, self._gas, self._axes, self._half,
                                  self._tall)  # fmt: skip
        backdrop.lay_stars(out, self.width, self.height, eye, self._stars, 0.0)
        if place.flare:
            draw_flare(
                out, self.width, self.height, eye, place.sun.astype(np.float32), self._power, self._sunny(number)
            )
        for first, last in self._strips(check):
            if len(self._disc):
                draw_galaxy(out, self.width, self.height, first, last, eye, self._disc, 1.5)
            if place.main == "star":
                draw_star(out, self.width, self.height, first, last, eye, covers(), linear("ffb25e")[0], own)
            for globe in self._globes:
                draw_globe(out, self.width, self.height, first, last, eye, globe, own)
        if len(self._rocks):
            check()
            away = np.linalg.norm(self._rocks[:, :3] - eye[0], axis=1)
            order = np.ascontiguousarray(self._rocks[np.argsort(-away)])
            sun, tint = place.sun.astype(np.float32), linear("6e655c")[0]
            draw_rocks(out, self.width, self.height, eye, order, self._shapes, sun, self._power, tint, own)
        return out

    def _draw_hole(self, out: Floats, eye: Floats, own: float, check: Check) -> None:
        distance = float(np.linalg.norm(eye[0]))
        widest = math.atan(math.hypot(self.width, self.height) / 2 / float(eye[4, 0])) + 0.6
        orbits, ends = np.empty((_FAN, _TURNS), np.float32), np.empty(_FAN, np.float32)
        follow(orbits, ends, distance, widest)
        pole = np.array([0.0, 0.0, 1.0], np.float32)
        backdrop.lay_stars(out, self.width, self.height, eye, self._stars, math.sqrt(2.0 / distance))
        for first, last in self._strips(check):
            draw_hole(out, self.width, self.height, first, last, eye, orbits, ends, widest, covers(), pole, own,
                      self._gas, self._axes, self._half, self._tall)  # fmt: skip

    def _strips(self, check: Check) -> Iterator[tuple[int, int]]:
        for first in range(0, self.height, _ROWS):
            check()
            yield first, min(first + _ROWS, self.height)

    def _sunny(self, number: int) -> float:
        """How much of the sun no body hides, 0 … 1."""
        place = self.eyes[number].place
        if not self._globes:
            return 1.0
        along = -float(place @ self.setting.sun)
        if along <= 0.0:
            return 1.0
        miss = math.sqrt(max(float(place @ place) - along * along, 0.0))
        return min(max((miss - 1.0) / 0.03 + 0.3, 0.0), 1.0)


_ORDER = ("black_hole", "earth", "gas_giant", "mars", "moon", "planet", "galaxy", "nebula", "star", "asteroid")


_LOW = ("in orbit", "orbits the", "orbiting", "station", "surface")
"""Words that put the camera close over the ground; "orbit" alone is a move."""


def settle(shot: Shot, rng: np.random.Generator, aspect: float, *, company: bool = False) -> Setting:
    """What is seen, from where, and in what light. `company` is closer by: the world is to be behind it."""
    said = [body for body in _ORDER if body in shot.bodies]
    people = {"people", "plane"} & set(shot.subjects)
    main = said[0] if said else "earth" if people else "nebula" if "stars" in shot.subjects else "planet"
    if main == "planet":
        main = str(rng.choice(["alien", "jade", "blue_giant", "gas_giant", "ice"]))
    side = float(rng.choice([-1.0, 1.0]))
    words = " ".join(shot.known).lower()
    low = main in ("earth", "moon", "mars") and (company or any(phrase in words for phrase in _LOW))
    lon, lat = float(rng.uniform(0.0, 2 * math.pi)), float(rng.uniform(0.12, 0.32)) * float(rng.choice([-1.0, 1.0]))
    out = np.array([math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)])
    centre = np.zeros(3)
    # Upright frames are narrow: what fills them must be farther off.
    far = max(1.0, 1.25 / min(aspect, 1.25)) if aspect < 1.25 else 1.0
    roll = side * float(rng.uniform(0.10, 0.28))
    if low:
        begin, target = _over(out, roll * 0.6)
    else:
        distance = {"gas_giant": 5.4, "blue_giant": 5.0, "galaxy": 2.0, "black_hole": 27.0, "nebula": 8.0, "star": 3.9,
                    "asteroid": 9.0}.get(main, 3.7) * far  # fmt: skip
        lift = {"galaxy": 0.62, "black_hole": 0.13, "gas_giant": 0.26, "blue_giant": 0.22}.get(main, lat)
        out = np.array([math.cos(lift) * math.cos(lon), math.cos(lift) * math.sin(lon), math.sin(lift)])
        begin = facing(out * distance, centre, FOCAL, roll)
        target = centre
        if main in worlds.KINDS:
            # A third to one side, with room for the dark.
            shift = 0.12 * side if worlds.KINDS[main] != 2 else 0.0
            begin = replace(begin, right=turn(begin.right, begin.up, shift), ahead=turn(begin.ahead, begin.up, shift))
    sun, flare = _sun(begin, out, side, low, shot, main)
    if company and not flare:
        # Whoever is near is lit from the camera's side.
        sun = unit(begin.right * side * 0.74 - begin.ahead * (0.30 if low else 0.52) + begin.up * 0.42)
    gas = {"nebula": 0.62, "galaxy": 0.022, "black_hole": 0.016}.get(main, 0.030)
    hue = str(rng.choice(list(_GAS)))
    return Setting(main, begin, target, low, sun, gas, hue, flare)


def _over(out: Vector, roll: float) -> tuple[Eye, Vector]:
    """An eye close over the ground at `out`, looking ahead so that the limb lies in the upper part of the frame."""
    altitude = 0.22
    place = out * (1.0 + altitude)
    east = unit(np.cross(np.array([0.0, 0.0, 1.0]), out))
    along = unit(0.9 * east + 0.35 * np.cross(out, east))
    limb = math.asin(1.0 / (1.0 + altitude))
    aim = limb - 0.13
    ahead = unit(-out * math.cos(aim) + along * math.sin(aim))
    right = unit(np.cross(ahead, out))
    up = np.cross(right, ahead)
    eye = Eye(place, turn(right, ahead, roll), turn(up, ahead, roll), ahead, FOCAL)
    return eye, place + ahead * 0.6


def _sun(begin: Eye, out: Vector, side: float, low: bool, shot: Shot, main: str) -> tuple[Vector, bool]:
    """The way to the sun, and whether it is seen."""
    seen = shot.time in ("sunrise", "sunset") or "sun" in shot.subjects
    if "sun" in shot.without or main in ("galaxy", "nebula", "black_hole", "star"):
        seen = False
    if low and seen:
        return unit(begin.ahead + begin.up * 0.225 + begin.right * side * 0.12), True
    if low:
        return unit(out * 0.62 + begin.right * side * 0.75 + begin.ahead * 0.25), False
    if seen:
        return unit(begin.ahead * 0.86 + begin.right * side * 0.36 + begin.up * 0.17), True
    return unit(begin.right * side * 0.86 - begin.ahead * 0.42 + begin.up * 0.22), False


def _patch(eyes: list[Eye], across: float, down: float) -> tuple[Floats, float, float]:
    """The plane of the sky that all `eyes` look at: its axes (3, 3) and the tangents at its edges."""
    middle = eyes[len(eyes) // 2]
    axes = np.stack([middle.right, middle.up, middle.ahead])
    half = tall = 0.0
    for eye in [*eyes[:: max(len(eyes) // 8, 1)], eyes[-1]]:
        for x in (-1, 1):
            for y in (-1, 1):
                way = eye.ahead + (eye.right * x * across + eye.up * y * down) / (2 * eye.focal)
                u, v, w = axes @ way
                half, tall = max(half, abs(u / max(w, 0.2))), max(tall, abs(v / max(w, 0.2)))
    return axes.astype(np.float32), half * 1.03, tall * 1.03


def _window(eyes: list[Eye], width: int, height: int, size: float, most: float) -> tuple[Floats, tuple[int, int]]:
    """The part of the sphere that `eyes` see: first longitude and latitude and the steps between texels, and how
    many rows and columns."""
    u, v = np.meshgrid(np.linspace(-0.5, 0.5, 41) * width / size, np.linspace(-0.5, 0.5, 31) * height / size)
    longitudes, latitudes, finest = [], [], math.inf
    first = eyes[0].place
    base = math.atan2(first[1], first[0])
    for eye in [*eyes[:: max(len(eyes) // 8, 1)], eyes[-1]]:
        way = eye.ahead[:, None, None] + (eye.right[:, None, None] * u + eye.up[:, None, None] * v) / eye.focal
        way /= np.linalg.norm(way, axis=0)
        along = -np.tensordot(eye.place, way, 1)
        under = along**2 - (eye.place @ eye.place - 1.0)
        hit = (under > 0) & (along > 0)
        finest = min(finest, (float(np.linalg.norm(eye.place)) - 1.0) / (eye.focal * size))
        if not hit.any():
            continue
        point = eye.place[:, None] + way[:, hit] * (along - np.sqrt(np.maximum(under, 0.0)))[hit]
        longitudes.append((np.arctan2(point[1], point[0]) - base + np.pi) % (2 * np.pi) - np.pi)
        latitudes.append(np.arcsin(np.clip(point[2], -1.0, 1.0)))
    if not longitudes:
        longitudes, latitudes = [np.array([-0.5, 0.5])], [np.array([-0.5, 0.5])]
    lon, lat = np.concatenate(longitudes), np.concatenate(latitudes)
    margin = 0.14
    west, east = max(float(lon.min()) - margin, -math.pi), min(float(lon.max()) + margin, math.pi)
    south, north = max(float(lat.min()) - margin, -1.565), min(float(lat.max()) + margin, 1.565)
    texel = max(finest, math.sqrt((east - west) * (north - south) / most))
    rows, columns = int((north - south) / texel) + 2, int((east - west) / texel) + 2
    window = [west + base, south, (east - west) / (columns - 1), (north - south) / (rows - 1)]
    return np.array(window, np.float32), (rows, columns)


def _storm(begin: Eye, rng: np.random.Generator) -> Floats:
    """Where a gas giant's great storm lies: on the side that is seen."""
    lon = math.atan2(begin.place[1], begin.place[0]) + float(rng.uniform(-0.5, 0.5))
    z = float(rng.choice([-1.0, 1.0])) * float(rng.uniform(0.28, 0.42))
    flat = math.sqrt(1.0 - z * z)
    return np.array([flat * math.cos(lon), flat * math.sin(lon), z], np.float32)


def _rings(rng: np.random.Generator) -> Floats:
    """(700, 4): light and opacity from the inner edge out, with gaps and fine grooves."""
    place = np.linspace(0.0, 1.0, 700)
    wave = sum(
        np.sin(place * f + rng.uniform(0.0, 6.28)) * a
        for f, a in ((23.0, 0.3), (61.0, 0.3), (147.0, 0.25), (390.0, 0.2))
    )
    dense = np.interp(place, [0, 0.02, 0.22, 0.26, 0.62, 0.64, 0.70, 0.72, 0.96, 1.0], [0, 0.2, 0.3, 0.8, 0.95, 0.06,
                                                                                       0.05, 0.75, 0.6, 0])  # fmt: skip
    dense = np.where(np.abs(place - 0.90) < 0.006, 0.08, dense)
    opaque = np.clip(dense * (1.0 + 0.28 * wave), 0.0, 0.97)
    warm, pale = linear("b89f80", "e6d8c0")
    mix = np.clip(0.5 + 0.4 * wave, 0.0, 1.0)[:, None]
    return np.concatenate([warm * (1 - mix) + pale * mix, opaque[:, None]], 1).astype(np.float32)


def _rocks(rng: np.random.Generator, begin: Eye, many: bool) -> Floats:
    """(n, 7): a swarm before the camera, mostly small and far, a few large and near."""
    count = 46 if many else 18
    rows = []
    for number in range(count):
        depth = float(rng.uniform(3.6, 18.0)) if number > 4 else float(rng.uniform(3.4, 5.0))
        if not many:
            depth *= 0.22
        spread = depth * 0.62
        # The nearest keep clear of the middle.
        aside = 0.45 if number <= 4 else 0.0
        x = float(rng.choice([-1.0, 1.0])) * float(rng.uniform(aside, 1.0)) * spread
        y = float(rng.normal(0.0, 0.36)) * spread * 0.8
        size = (0.10 + 0.40 * float(rng.random()) ** 3) * (0.9 if number > 4 else 1.0) * (1.0 if many else 0.10)
        where = begin.place + begin.ahead * depth + begin.right * x + begin.up * y
        rows.append(
            [*where, size, float(rng.uniform(-0.35, 0.35)), float(rng.uniform(0, 6.28)), float(rng.uniform(0, 40))]
        )
    return np.array(rows, np.float32)


@dataclass(frozen=True)
class _Rough:
    grid: int = 96


def warm(pool: Executor) -> None:
    """Compiles every kernel of this package."""
    for prompt in ("earth from space, sun", "saturn and asteroids", "a black hole", "a galaxy", "supernova"):
        shot = replace(read(prompt), place="space")
        space = Space(shot, seed=1, width=32, height=32, frames=1, fps=24, fixed=True, detail=_Rough(), pool=pool,
                      check=lambda: None)  # fmt: skip
        space.light(0, lambda: None)
