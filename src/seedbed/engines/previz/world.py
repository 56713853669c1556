"""From a `Shot` and a seed to a world that can be drawn: the river's line, baked maps of the land, the sky.

Maps are squares of falling fineness that lie ahead of the camera's path, each a view of the same endless place.
Building is the only part that allocates much; afterwards a `World` is read only and shared by all threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz import land, relief, shade, trees
from seedbed.engines.previz.camera import Pose
from seedbed.engines.previz.hours import Sunway
from seedbed.engines.previz.look import Look, water_of
from seedbed.engines.previz.moments import place_seed
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.sky import Dome, Sight, raise_dome
from seedbed.engines.previz.waves import Sea, still

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Words = NDArray[np.int64]
Check = Callable[[], None]
"""Called between pieces of work; raises to stop them."""

_LINE_ROWS = 2600
_GRID_TOGETHER_MAX = 2600
_TALL_M = 16.0
_CELL = 8
_FAR_TEXEL_M = 2.4
"""From this size of texel on, a texel of forest is one crown."""
_OPEN_SEA_M = 1e5
_SIGHT_M = 14_000.0
_STILL = still()
_ONSHORE, _OFFSHORE = (0.93, -0.37), (0.36, -0.93)
"""Where the waves of a coast and of the open sea run."""


@dataclass(frozen=True, slots=True)
class Grade:
    """Land made level along a line: `points` (x, y, height) in metres, level for `half_m` to both sides and back to
    the land around over `shoulder_m`. One point is a round place, for a house; no tree stands on it."""

    points: tuple[tuple[float, float, float], ...]
    half_m: float
    shoulder_m: float = 8.0


@dataclass(frozen=True, slots=True)
class Plot:
    """Where the world is, before anything is baked: its seed, its look, the line of its water, the numbers of its
    shape, and the table of graded land (see `relief`)."""

    seed: int
    look: Look
    line: Floats
    shape: Floats
    grades: Floats

    def x_at(self, y: float) -> float:
        """The x of the river's middle, or of the shore, at y, in metres."""
        place = min(max((y - relief.LINE_START_M) / relief.LINE_STEP_M, 0.0), _LINE_ROWS - 1.001)
        row = int(place)
        a, b = float(self.line[row, 0]), float(self.line[row + 1, 0])
        return a + (b - a) * (place - row)

    def half_at(self, y: float) -> float:
        """Half the river's width at y, in metres; negative where there is no water."""
        place = min(max((y - relief.LINE_START_M) / relief.LINE_STEP_M, 0.0), _LINE_ROWS - 1.001)
        return float(self.line[int(place), 1])

    def shore_m(self, x: float, y: float) -> float:
        """Metres from the water's edge; below zero in the water."""
        return float(relief.shore(x, y, self.line, float(self.shape[relief.ONE_SIDED])))

    def bare(self, x: float, y: float) -> float:
        """Height of the bare land in metres, as it was graded; below zero it is the bed of the water."""
        return float(relief.bare(x, y, self.line, self.shape, self.grades, self.seed))

    def ground(self, x: float, y: float) -> float:
        """What a camera must stay above, in metres: the ground with its trees, never below the water."""
        top, scale = self.bare(x, y), float(self.shape[relief.SIZE])
        stands = self.shape[relief.TREES] > 0.3 and self.shore_m(x, y) > 0.0 and not self.is_clear(x, y)
        return max(top + (_TALL_M * scale if stands else 0.0), 0.0)

    def cleared(self, clearings: Sequence[tuple[float, float, float]] = (), grades: Sequence[Grade] = ()) -> Plot:
        """The same place with more room: no tree in the `clearings` (x, y, radius in metres), the land made level for
        `grades`."""
        return replace(self, grades=np.concatenate([self.grades, _graded(clearings, grades)]))

    def is_clear(self, x: float, y: float) -> bool:
        """Whether trees are kept away from a point."""
        every = np.arange(len(self.grades), dtype=np.int32)
        return bool(relief.is_clear(x, y, self.grades, every, len(every), 0.0))


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
    sea: Sea | None

    def waves(self, seconds: float) -> Floats:
        """The sea's surface at one time, for this frame alone; see `Sea.at`."""
        return self.sea.at(seconds) if self.sea else _STILL


def plot(
    shot: Shot, look: Look, seed: int, *, clearings: Sequence[tuple[float, float, float]] = (),
    grades: Sequence[Grade] = (),
) -> Plot:  # fmt: skip
    """Stakes out the world of `seed`; the words the engine does not know are part of where it lies. No tree stands
    in the `clearings` (x, y, radius in metres), nor where the land is made level for `grades`."""
    own = place_seed(shot, seed)
    rng = np.random.default_rng(own)
    staked = Plot(own, look, _line(shot, rng), look.ground.copy(), _graded(clearings, grades))
    if shot.setting == "volcano":
        ahead = float(rng.uniform(1750.0, 1950.0))
        staked.shape[relief.VENT_X] = staked.x_at(300.0) + float(rng.uniform(-260.0, 260.0))
        staked.shape[relief.VENT_Y] = ahead
    if not shot.aerial and staked.shape[relief.TREES] > -0.5:
        # A camera near the ground follows a way between the trees.
        way = _graded(_glade(staked, wide_m=21.0 if staked.shape[relief.TREES] > 0.3 else 30.0), ())
        staked = replace(staked, grades=np.concatenate([staked.grades, way]))
    return staked


def _graded(clearings: Sequence[tuple[float, float, float]], grades: Sequence[Grade]) -> Floats:
    """The table of graded land that the kernels read; see `relief.FROM_X`."""
    rows = [(x, y, 0.0, x, y, 0.0, -1.0, 0.0, radius) for x, y, radius in clearings]
    for grade in grades:
        ends = list(zip(grade.points, grade.points[1:], strict=False)) or [(grade.points[0], grade.points[0])]
        clear = grade.half_m + 0.5 * grade.shoulder_m
        rows += [(*a, *b, grade.half_m, grade.shoulder_m, clear) for a, b in ends]
    return np.array(rows, dtype=np.float32).reshape(-1, 9)


def _glade(staked: Plot, wide_m: float) -> list[tuple[float, float, float]]:
    """Discs along the line of the world, which narrow as they lead away."""
    ways = [(-60.0 + 14.0 * step) for step in range(28)]
    smooth = [sum(staked.x_at(y + ahead) for ahead in (-60.0, 0.0, 60.0, 120.0, 180.0)) / 5 for y in ways]
    return [(x, y, wide_m * (1.0 - 0.6 * max(y, 0.0) / 330.0)) for x, y in zip(smooth, ways, strict=True)]


def _line(shot: Shot, rng: np.random.Generator) -> Floats:
    """The shore table: see `relief.LINE_START_M`."""
    y = relief.LINE_START_M + relief.LINE_STEP_M * np.arange(_LINE_ROWS)
    turns = {
        "river": ((78.0, 720.0), (30.0, 310.0), (6.0, 120.0)),
        "ocean": ((70.0, 760.0), (24.0, 260.0), (7.0, 90.0)),
    }
    x = np.zeros_like(y)
    kind = water_of(shot)
    if shot.setting == "canyon":
        turns["river"] = ((46.0, 980.0), (16.0, 420.0), (4.0, 150.0))
    for size, length in turns.get(kind, ((50.0, 700.0),)):
        length *= rng.uniform(0.85, 1.2)
        x += size * rng.uniform(0.85, 1.1) * np.sin(2 * np.pi * y / length + rng.uniform(0, 2 * np.pi))
    if kind == "river":
        half = 19.0 + 3.5 * np.sin(y / 63.0 + rng.uniform(0, 6)) + 2.5 * np.sin(y / 27.0 + rng.uniform(0, 6))
    elif kind == "lake":
        middle, length, wide = 520.0, 430.0, 210.0
        inside = np.clip(1.0 - ((y - middle) / length) ** 2, 0.0, None)
        ragged = 1.0 + 0.16 * np.sin(y / 71.0 + rng.uniform(0, 6)) + 0.08 * np.sin(y / 29.0)
        half = np.where(inside > 0, wide * np.sqrt(inside) * ragged, -np.abs(np.abs(y - middle) - length))
    else:
        open_sea = kind == "ocean" and shot.setting == "ocean"
        half = np.full_like(y, 1e6 if open_sea else 0.0 if kind == "ocean" else -40.0)
    slope = np.gradient(x, relief.LINE_STEP_M)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), relief.LINE_STEP_M))])
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
    sunway: Sunway | None = None,
) -> World:
    """Bakes the maps and the sky for all that `poses` can see, side by side in `pool`. `grid` is texels on a side."""
    half = max(width / math.sqrt(width * height) * 0.5 / pose.focal for pose in poses)
    yaw, look, fine = sight.yaw, place.look, grid
    if place.shore_m(0.0, 0.0) < -_OPEN_SEA_M:
        grid = min(grid, 320)
    squares = _squares(place, poses, half, yaw, grid)
    ends = np.cumsum([shade.tiled_texels(size) for _, _, _, size, _ in squares])
    starts = [0, *ends[:-1].tolist()]
    heights, packed = np.zeros(int(ends[-1]), np.float32), np.zeros(int(ends[-1]), np.int64)

    shadows = _shadows_m(place, yaw)

    def bake(number: int) -> int:
        left, low, texel, size, reach = squares[number]
        # What lies farther than a map serves is another's, but for what throws its shadow back into it.
        reach = min(reach + shadows, _SIGHT_M) if number < len(squares) - 1 else _SIGHT_M
        lo, hi = _visible(poses, half, left, low, texel, size, reach)
        part = slice(starts[number], int(ends[number]))
        return _bake(place, heights[part], packed[part], left, low, texel, size, lo, hi, check)

    sky_drawn = pool.submit(raise_dome, shot, sight, rows=fine // 5, columns=fine // 2, seed=place.seed, check=check,
                           sunway=sunway)  # fmt: skip
    # Very large maps are made one after another: each needs several times its own memory while it is made.
    counts = list((pool.map if grid <= _GRID_TOGETHER_MAX else map)(bake, range(len(squares))))
    sea = None
    if look.waves_m > 0.0:
        sea = Sea(look.waves_m, _ONSHORE if place.shape[relief.ONE_SIDED] > 0.5 else _OFFSHORE, place.seed)
    most = 1.5 * look.waves_m
    return World(
        place, heights, packed, np.array([(left, low, 1 / texel) for left, low, texel, _, _ in squares], np.float32),
        np.array([(start, square[3]) for start, square in zip(starts, squares, strict=True)], np.int32),
        tuple(square[4] for square in squares), max(float(heights.max()), most),
        max(float(heights[: starts[1]].max()), most), ripples(place.seed), sky_drawn.result(), yaw, counts[0], sea,
    )  # fmt: skip


Square = tuple[float, float, float, int, float]
"""left, low, texel in metres, size in texels, depth in metres to which it serves."""


def _squares(place: Plot, poses: Sequence[Pose], half: float, yaw: float, grid: int) -> list[Square]:
    """The maps from fine to coarse, each with its middle ahead of the middle of the path."""
    xs, ys = [pose.x for pose in poses], [pose.y for pose in poses]
    travel = math.hypot(max(xs) - min(xs), max(ys) - min(ys))
    # Over what the camera flies, not over the sea.
    low_m = min(
        pose.z - max(place.ground(pose.x, pose.y), 0.0) for pose in (poses[0], poses[len(poses) // 2], poses[-1])
    )
    near = 0.4 * low_m
    squares: list[Square] = []
    # A camera near the ground sees blades of grass: its finest map is small.
    extent, ratio = max(400.0, travel + 300.0), 2.6
    if low_m < 45.0:
        extent, ratio = max(170.0, travel + 110.0), 3.3
    if low_m < 4.0:
        extent, ratio = max(52.0, travel + 40.0), 4.3
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
        extent *= ratio
    return squares


def _visible(
    poses: Sequence[Pose], half: float, left: float, low: float, texel: float, size: int, reach: float
) -> tuple[Ints, Ints]:
    """For each row of a map, the columns that some pose's wedge of sight crosses up to the depth `reach`, with a
    margin."""
    margin = 45.0 + 6 * texel
    rows = low + texel * np.arange(size)
    lowest, highest = np.full(size, np.inf), np.full(size, -np.inf)
    far = reach + 2.0 * margin
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


def _shadows_m(place: Plot, yaw: float) -> float:
    """From how far ahead a shadow may fall back towards a camera that looks along `yaw`, in metres."""
    sun, shape = place.look.sun, place.shape
    toward = float(sun[0]) * math.sin(yaw) + float(sun[1]) * math.cos(yaw)
    tall = _TALL_M + sum(float(shape[slot]) for slot in (relief.RELIEF, relief.RIDGE, relief.DUNE, relief.VENT_M))
    return max(tall * toward, 0.0) / max(float(sun[2]), 1e-3)


def _bake(
    place: Plot, heights: Floats, packed: Words, left: float, low: float, texel: float, size: int,
    lo: Ints, hi: Ints, check: Check,
) -> int:  # fmt: skip
    """One map into `heights` and `packed`; returns its number of trees."""
    look, seed, shape, grades = place.look, place.seed, place.shape, place.grades
    cell = _CELL if texel < _FAR_TEXEL_M else _CELL // 2
    cells = size // cell + 5
    coarse = np.empty((relief.FIELDS, cells, cells), np.float32)
    land.coarse_fields(coarse, cell, texel, left, low, shape, seed)
    check()
    height, colour = np.zeros(size * size, np.float32), np.zeros((size * size, 3), np.float32)
    land.lay_ground(height, colour, coarse, cell, texel, left, low, size, lo, hi, place.line, shape, grades, look.soil,
                    look.flowers, seed)  # fmt: skip
    check()
    land.lay_rock_and_snow(height, colour, coarse, cell, texel, left, low, size, lo, hi, shape, look.soil, look.bands,
                           seed)  # fmt: skip
    check()
    count = 0
    if shape[relief.TREES] > -0.5:
        if texel > _FAR_TEXEL_M:
            trees.plant_far(height, colour, coarse, cell, texel, left, low, size, lo, hi, place.line, shape, grades,
                            look.crowns, seed)  # fmt: skip
        else:
            bare = height.copy()
            lobes = 26 if texel < 0.2 else 12 if texel < 0.8 else 0
            count = trees.plant(height, colour, bare, coarse, cell, texel, left, low, size, lo, hi, place.line, shape,
                                grades, look.crowns, lobes, seed)  # fmt: skip
    check()
    lit, near, wide = (np.empty(size * size, np.float32) for _ in range(3))
    shade.cast_shadows(height, lit, size, texel, look.sun)
    check()
    above = np.maximum(height, 0)
    shade.blur(above, near, size, max(int(1.3 / texel), 1))
    shade.blur(above, wide, size, max(int(9.0 / texel), 2))
    check()
    shade.bake_light(height, colour, near, wide, lit, heights, packed, size, texel, lo, hi, look.sun, look.lamp,
                     1.0 if texel < _FAR_TEXEL_M else 0.7)  # fmt: skip
    if shape[relief.KIND] == relief.VOLCANO:
        shade.kindle(packed, size, texel, left, low, lo, hi, shape, seed)
    check()
    return count


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


def warm() -> None:
    """Compiles the kernels that only some places need: a sea's, and a volcano's."""
    Sea(1.0, _OFFSHORE, 1).at(0.0)
    size = shade.TILE
    shape = np.zeros(relief.SLOTS, np.float32)
    shape[relief.VENT_M] = 10.0
    lo, hi = np.zeros(size, np.int32), np.full(size, size, np.int32)
    shade.kindle(np.zeros(shade.tiled_texels(size), np.int64), size, 1.0, 0.0, 0.0, lo, hi, shape, 1)
