"""From a `Shot` and a seed to a world that can be drawn: the river's line, baked maps of the land, the sky.

Maps are squares of falling fineness that lie ahead of the camera's path, each a view of the same endless place.
Building is the only part that allocates much; afterwards a `World` is read only and shared by all threads.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz import land
from seedbed.engines.previz.camera import Pose
from seedbed.engines.previz.look import Look
from seedbed.engines.previz.noise import layered, ridged
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.sky import Dome, Sight, raise_dome

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Words = NDArray[np.int64]
Check = Callable[[], None]
"""Called between pieces of work; raises to stop them."""

_LINE_ROWS = 2600
_GRID_TOGETHER_MAX = 2600
_CELL_M = 4.3
_TALL_M = 16.0


@dataclass(frozen=True, slots=True)
class Plot:
    """Where the world is, before anything is baked: its seed, its look and the line of its water."""

    seed: int
    look: Look
    line: Floats

    def x_at(self, y: float) -> float:
        """The x of the river's middle, or of the shore, at y, in metres."""
        place = min(max((y - land.LINE_START_M) / land.LINE_STEP_M, 0.0), _LINE_ROWS - 1.001)
        row = int(place)
        a, b = float(self.line[row, 0]), float(self.line[row + 1, 0])
        return a + (b - a) * (place - row)

    def half_at(self, y: float) -> float:
        """Half the river's width at y, in metres; negative where there is no water."""
        place = min(max((y - land.LINE_START_M) / land.LINE_STEP_M, 0.0), _LINE_ROWS - 1.001)
        return float(self.line[int(place), 1])

    def bare(self, x: float, y: float) -> float:
        """Height of the land without its trees, in metres; negative under water."""
        ground = self.look.ground
        hills = 0.5 + 0.75 * layered(x / ground[land.RELIEF_M], y / ground[land.RELIEF_M], 5, self.seed)
        away = land.shore(x, y, self.line, float(ground[land.ONE_SIDED]))
        ridges = ridged(x / ground[land.RIDGE_M], y / ground[land.RIDGE_M], 7, self.seed + 11)
        return float(land.rise(hills, ridges, away, x, y, ground))

    def ground(self, x: float, y: float) -> float:
        """Height of the land with its trees, in metres, never below the water."""
        ground = self.look.ground
        hills = 0.5 + 0.75 * layered(x / ground[land.RELIEF_M], y / ground[land.RELIEF_M], 5, self.seed)
        away = land.shore(x, y, self.line, float(ground[land.ONE_SIDED]))
        top = land.rise(hills, 0.6, away, x, y, ground)
        return max(top + (_TALL_M if ground[land.TREES] > 0.3 and away > 0 else 0.0), 0.0)


@dataclass(frozen=True, slots=True)
class World:
    """What the drawing kernels read. Map k is heights and packed light from offsets[k] = (start, size), at
    maps[k] = (left, low, texels a metre), good to depth reach[k] in metres."""

    plot: Plot
    heights: Floats
    packed: Words
    maps: Floats
    offsets: Ints
    reach: tuple[float, ...]
    top_m: float
    near_top_m: float
    tile: Floats
    sky: Dome
    yaw: float
    trees: int


def plot(shot: Shot, look: Look, seed: int) -> Plot:
    """Stakes out the world of `seed`; the words the engine does not know are part of where it lies."""
    digest = hashlib.sha256(f"{seed}:{shot.site}:{shot.setting}:{shot.water}".encode()).digest()
    own = int.from_bytes(digest[:4], "little") & 0x3FFFFFFF
    return Plot(own, look, _line(shot, np.random.default_rng(own)))


def _line(shot: Shot, rng: np.random.Generator) -> Floats:
    """The shore table: see `land.LINE_START_M`."""
    y = land.LINE_START_M + land.LINE_STEP_M * np.arange(_LINE_ROWS)
    turns = {
        "river": ((78.0, 720.0), (30.0, 310.0), (6.0, 120.0)),
        "ocean": ((70.0, 760.0), (24.0, 260.0), (7.0, 90.0)),
    }
    x = np.zeros_like(y)
    for size, length in turns.get(shot.water, ((50.0, 700.0),)):
        length *= rng.uniform(0.85, 1.2)
        x += size * rng.uniform(0.85, 1.1) * np.sin(2 * np.pi * y / length + rng.uniform(0, 2 * np.pi))
    if shot.water == "river":
        half = 19.0 + 3.5 * np.sin(y / 63.0 + rng.uniform(0, 6)) + 2.5 * np.sin(y / 27.0 + rng.uniform(0, 6))
    elif shot.water == "lake":
        middle, length, wide = 520.0, 430.0, 210.0
        inside = np.clip(1.0 - ((y - middle) / length) ** 2, 0.0, None)
        ragged = 1.0 + 0.16 * np.sin(y / 71.0 + rng.uniform(0, 6)) + 0.08 * np.sin(y / 29.0)
        half = np.where(inside > 0, wide * np.sqrt(inside) * ragged, -np.abs(np.abs(y - middle) - length))
    else:
        half = np.full_like(y, 0.0 if shot.water == "ocean" else -40.0)
    slope = np.gradient(x, land.LINE_STEP_M)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), land.LINE_STEP_M))])
    return np.ascontiguousarray(np.stack([x, half, 1 / np.sqrt(1 + slope**2), along], 1), dtype=np.float32)


def build(
    shot: Shot,
    place: Plot,
    poses: Sequence[Pose],
    sight: Sight,
    *,
    width: int,
    height: int,
    grid: int,
    pool: Executor,
    check: Check,
) -> World:
    """Bakes the maps and the sky for all that `poses` can see, side by side in `pool`. `grid` is texels on a side."""
    half = max(width / math.sqrt(width * height) * 0.5 / pose.focal for pose in poses)
    yaw = sight.yaw
    squares = _squares(poses, half, yaw, grid)
    ends = np.cumsum([land.tiled_texels(size) for _, _, _, size, _ in squares])
    starts = [0, *ends[:-1].tolist()]
    heights, packed = np.zeros(int(ends[-1]), np.float32), np.zeros(int(ends[-1]), np.int64)

    def bake(number: int) -> int:
        left, low, texel, size, _ = squares[number]
        lo, hi = _visible(poses, half, left, low, texel, size)
        part = slice(starts[number], int(ends[number]))
        return _bake(place, heights[part], packed[part], left, low, texel, size, lo, hi, check)

    sky_drawn = pool.submit(raise_dome, shot, sight, rows=grid // 5, columns=grid // 2, seed=place.seed, check=check)
    # Very large maps are made one after another: each needs several times its own memory while it is made.
    trees = list((pool.map if grid <= _GRID_TOGETHER_MAX else map)(bake, range(len(squares))))
    return World(
        place, heights, packed, np.array([(left, low, 1 / texel) for left, low, texel, _, _ in squares], np.float32),
        np.array([(start, square[3]) for start, square in zip(starts, squares, strict=True)], np.int32),
        tuple(square[4] for square in squares), float(heights.max()), float(heights[: starts[1]].max()),
        ripples(place.seed), sky_drawn.result(), yaw, trees[0],
    )  # fmt: skip


Square = tuple[float, float, float, int, float]
"""left, low, texel in metres, size in texels, depth in metres to which it serves."""


def _squares(poses: Sequence[Pose], half: float, yaw: float, grid: int) -> list[Square]:
    """The maps from fine to coarse, each with its middle ahead of the middle of the path."""
    xs, ys = [pose.x for pose in poses], [pose.y for pose in poses]
    travel = math.hypot(max(xs) - min(xs), max(ys) - min(ys))
    near = min(0.4 * pose.z for pose in poses)
    squares: list[Square] = []
    extent = max(400.0, travel + 300.0)
    # Rows an odd number of cache lines long: on a power of two, a walk down a column meets only a few cache sets.
    sizes = [side // 32 * 32 + 16 for side in (grid, grid, grid, grid * 3 // 4)]
    for number, size in enumerate(sizes):
        ahead = near + extent * 0.5
        if number == len(sizes) - 1:
            extent = 9000.0
            ahead = extent * 0.47
        x = (max(xs) + min(xs)) / 2 + math.sin(yaw) * ahead
        y = (max(ys) + min(ys)) / 2 + math.cos(yaw) * ahead
        straight = near + extent - travel * 0.5 - 0.15 * extent
        sideways = (extent * 0.5 - travel * 0.5) / (half + abs(math.tan(yaw)))
        texel = extent / size
        left, low = (math.floor((edge - extent / 2) / texel) * texel for edge in (x, y))
        squares.append((left, low, texel, size, min(straight, sideways)))
        extent *= 2.6
    return squares


def _visible(poses: Sequence[Pose], half: float, left: float, low: float, texel: float, size: int) -> tuple[Ints, Ints]:
    """For each row of a map, the columns that some pose's wedge of sight crosses, with a margin."""
    margin = 45.0 + 6 * texel
    rows = low + texel * np.arange(size)
    lowest, highest = np.full(size, np.inf), np.full(size, -np.inf)
    far = 14000.0
    for pose in [*poses[:: max(len(poses) // 12, 1)], poses[-1]]:
        fx, fy = math.sin(pose.yaw), math.cos(pose.yaw)
        spread = half * 1.04
        corners = [(pose.x - fx * margin * 1.5, pose.y - fy * margin * 1.5)]
        corners += [(pose.x + (fx + fy * s) * far, pose.y + (fy - fx * s) * far) for s in (-spread, spread)]
        for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
            share = (rows - ay) / (by - ay) if abs(by - ay) > 1e-6 else np.full(size, np.nan)
            x = np.where((share >= 0) & (share <= 1), ax + (bx - ax) * share, np.nan)
            lowest, highest = np.fmin(lowest, x), np.fmax(highest, x)
    some = np.isfinite(lowest) & (highest > lowest)
    lo = np.where(some, np.clip((np.where(some, lowest, 0) - margin - left) / texel, 0, size), 0)
    hi = np.where(some, np.clip((np.where(some, highest, 0) + margin - left) / texel, 0, size), 0)
    return lo.astype(np.int32), hi.astype(np.int32)


def _bake(
    place: Plot, heights: Floats, packed: Words, left: float, low: float, texel: float, size: int,
    lo: Ints, hi: Ints, check: Check,
) -> int:  # fmt: skip
    """One map into `heights` and `packed`; returns its number of trees."""
    look, seed = place.look, place.seed
    ground = look.ground
    cells = size // land.COARSE + 5
    coarse = np.empty((4, cells, cells), np.float32)
    land.coarse_fields(coarse, texel, left, low, ground, seed)
    check()
    height, colour = np.zeros(size * size, np.float32), np.zeros((size * size, 3), np.float32)
    land.lay_ground(height, colour, coarse, texel, left, low, size, lo, hi, place.line, ground, look.soil, seed)
    check()
    land.lay_rock_and_snow(height, colour, texel, size, lo, hi, ground, look.soil, seed)
    check()
    trees = 0
    if ground[land.TREES] > -0.5:
        if texel > 2.4:
            land.plant_far(
                height, colour, coarse, texel, left, low, size, lo, hi, place.line, ground, look.crowns, seed
            )
        else:
            bare = height.copy()
            lobes = 12 if texel < 0.8 else 0
            trees = land.plant(height, colour, bare, coarse, texel, left, low, size, lo, hi, place.line, ground,
                               look.crowns, _CELL_M, lobes, seed)  # fmt: skip
    check()
    shade, near, wide = (np.empty(size * size, np.float32) for _ in range(3))
    land.cast_shadows(height, shade, size, texel, look.sun)
    check()
    above = np.maximum(height, 0)
    land.blur(above, near, size, max(int(1.3 / texel), 1))
    land.blur(above, wide, size, max(int(9.0 / texel), 2))
    check()
    land.light(height, colour, near, wide, shade, heights, packed, size, texel, lo, hi, look.sun, look.lamp,
               1.0 if texel < 2.4 else 0.7)  # fmt: skip
    check()
    return trees


def sight(place: Plot, poses: Sequence[Pose], *, width: int, height: int, duration_s: float) -> Sight:
    """What of the sky `poses` can see over the land of `place`."""
    size = math.sqrt(width * height)
    half = max(width / size * 0.5 / pose.focal for pose in poses)
    top = max((pose.horizon * height + abs(pose.roll) * width / 2) / (pose.focal * size) for pose in poses)
    yaw = float(np.mean([pose.yaw for pose in poses]))
    turns = [pose.yaw - yaw for pose in poses]
    low = math.tan(max(math.atan(-half) + min(turns) - 0.12, -1.3))
    high = math.tan(min(math.atan(half) + max(turns) + 0.12, 1.3))
    return Sight(
        yaw=yaw,
        low=low,
        high=high,
        top=max(top, 0.03),
        half=half,
        duration_s=duration_s,
        x=poses[0].x,
        y=poses[0].y,
        ridge=_ridge(place, poses[len(poses) // 2], yaw, low, high),
    )


def _ridge(place: Plot, pose: Pose, yaw: float, low: float, high: float) -> tuple[float, ...]:
    """The slopes to which the land rises before `pose`, over headings from the tangent `low` to `high`."""
    rises = []
    for turn in np.linspace(low, high, 25):
        heading = yaw + math.atan(float(turn))
        away = [150.0 * 1.22**step for step in range(20)]
        seen = [
            (place.ground(pose.x + math.sin(heading) * d, pose.y + math.cos(heading) * d) - pose.z) / d for d in away
        ]
        rises.append(max(0.0, *seen))
    return tuple(rises)


def ripples(seed: int, size: int = 256) -> Floats:
    """(3, size, size) periodic noise: two slopes of a rippled surface, and a soft cloud field of about -1 … 1."""
    rng = np.random.default_rng(seed + 1)
    frequency = np.fft.fftfreq(size)
    distance = np.hypot(frequency[:, None], frequency[None])
    distance[0, 0] = 1.0
    white = np.fft.fft2(rng.standard_normal((size, size)))
    band = distance**-0.9 * np.exp(-((distance * size / 26.0) ** 2)) * (distance * size > 2.5)
    surface = white * band
    sx = np.real(np.fft.ifft2(surface * 2j * np.pi * frequency[None]))
    sy = np.real(np.fft.ifft2(surface * 2j * np.pi * frequency[:, None]))
    soft = np.real(np.fft.ifft2(np.fft.fft2(rng.standard_normal((size, size))) * distance**-1.45))
    soft -= soft.mean()
    tiles = [sx / sx.std(), sy / sy.std(), np.clip(soft / soft.std() * 0.55, -1.0, 1.0)]
    return np.ascontiguousarray(np.stack(tiles), dtype=np.float32)
