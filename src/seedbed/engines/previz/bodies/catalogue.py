"""All bodies by name."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from seedbed.engines.previz.bodies import beasts, bird, dragon, ghost, people, robot, small, suits, swimmer
from seedbed.engines.previz.bodies.actors import Ground, Place, Walker
from seedbed.engines.previz.bodies.form import Grain
from seedbed.engines.previz.bodies.model import Model
from seedbed.engines.previz.shapes.paint import Palette

Detail = Literal["low", "high"]
_Maker = Callable[..., Model]

_MAKERS: dict[str, _Maker] = {
    **dict.fromkeys(people.KINDS, people.person_model),
    **dict.fromkeys([*bird.KINDS, *bird.ALIASES], bird.bird_model),
    **dict.fromkeys([*swimmer.KINDS, *swimmer.ALIASES], swimmer.swimmer_model),
    **dict.fromkeys(robot.KINDS, robot.robot_model),
    **dict.fromkeys(suits.KINDS, suits.suited_model),
    **dict.fromkeys(ghost.KINDS, ghost.ghost_model),
    **dict.fromkeys(dragon.KINDS, dragon.dragon_model),
    **dict.fromkeys(small.KINDS, small.small_model),
    **dict.fromkeys([*beasts.KINDS, *beasts.ALIASES], beasts.beast_model),
}
KINDS = tuple(_MAKERS)


def model(kind: str, *, seed: int, palette: Palette, detail: Detail = "high", **looks: object) -> Model:
    """A body of a kind of KINDS, its paints added to `palette`; what `looks` does not wish is drawn by `seed`.

    Looks: of people `outfit`, `hair`, `skin`, `hair_colour`, `colour`, `colour2` (sRGB like `8a2f36`), `height`
    (metres); of animals `colour`, and `size` (a factor) of four-legged ones, `rider` of horses."""
    rng = np.random.default_rng([seed & 0x7FFFFFFF, zlib.crc32(kind.encode())])
    return _MAKERS[kind](kind, rng, palette, Grain(detail == "high"), **looks)


def _several(
    kind: str | Sequence[str], count: int, seed: int, palette: Palette, detail: Detail, looks: int, **wish: object
) -> list[Model]:
    """At most `looks` different ones, again and again: meshes are shared."""
    names = [kind] if isinstance(kind, str) else list(kind)
    made = [
        model(names[k % len(names)], seed=seed * 977 + k, palette=palette, detail=detail, **wish)
        for k in range(min(count, looks))
    ]
    return [made[k % len(made)] for k in range(count)]


def crowd(
    count: int, *, seed: int, palette: Palette, area: tuple[float, float, float, float], yaw: float = 0.0,
    motion: str = "walk", kind: str | Sequence[str] = ("man", "woman", "woman", "man", "child"), detail: Detail = "low",
    both_ways: bool = True, spread: float = 0.12, ground: Ground | None = None, looks: int = 14, **wish: object,
) -> list[Walker]:  # fmt: skip
    """So many within `area` (x, y, x, y; metres) at the start. Those that travel go along `yaw`, or half of them the
    other way, each in a lane of its own, none faster than the one ahead; others face anywhere within `spread`
    turns of `yaw`."""
    rng = np.random.default_rng([seed & 0x7FFFFFFF, 71])
    models = _several(kind, count, seed, palette, detail, looks, **wish)
    spots = _apart(rng, count, area)
    walkers = []
    for k, (body, (x, y)) in enumerate(zip(models, spots, strict=True)):
        back = both_ways and bool(rng.random() < 0.5)
        lean, phase, pace = float(rng.normal(0, 1)), float(rng.random()), float(rng.uniform(0.92, 1.08))
        if body.speed(motion) > 0:
            heading = yaw + (math.pi if back else 0.0) + 0.02 * lean
            far = 400.0
            line = [(x, y), (x + math.sin(heading) * far, y + math.cos(heading) * far)]
            walkers.append(Walker(body, motion, line, phase, pace, ground=ground))
        else:
            heading = yaw + spread * 2 * math.pi * lean * 0.5
            z = ground(x, y) if ground else 0.0
            act = motion if k % 3 or motion != "stand" else ("look", "talk")[int(rng.random() * 2)]
            act = act if act in body.motions else motion
            walkers.append(Walker(body, act, _fixed((x, y, z, heading)), phase, pace))
    return walkers


def _fixed(place: Place) -> Callable[[float], Place]:
    return lambda seconds: place


def _apart(rng: np.random.Generator, count: int, area: tuple[float, float, float, float]) -> list[tuple[float, float]]:
    """Spots that keep away from one another, the best of several throws each."""
    x0, y0, x1, y1 = area
    spots: list[tuple[float, float]] = []
    for _ in range(count):
        throws = rng.random((14, 2)) * [x1 - x0, y1 - y0] + [x0, y0]
        if spots:
            gaps = np.linalg.norm(throws[:, None] - np.array(spots)[None], axis=2).min(1)
            best = throws[int(gaps.argmax())]
        else:
            best = throws[0]
        spots.append((float(best[0]), float(best[1])))
    return spots


def flock(
    kind: str, count: int, *, seed: int, palette: Palette, centre: tuple[float, float, float], yaw: float = 0.0,
    formation: Literal["v", "loose", "circle"] = "loose", spread: float = 6.0, detail: Detail = "low", motion: str = "",
    speed: float = 0.0, radius: float = 25.0, **wish: object,
) -> list[Walker]:  # fmt: skip
    """Birds (or whatever flies) around `centre` at the start, metres: in a V, loosely, or circling over it at
    `radius`. `spread` is the distance between neighbours, `speed` in m/s is the kind's own unless given."""
    rng = np.random.default_rng([seed & 0x7FFFFFFF, 72])
    models = _several(kind, count, seed, palette, detail, 5, **wish)
    walkers = []
    for k, body in enumerate(models):
        act = motion or ("fly" if formation == "v" or k % 3 else "soar")
        act = act if act in body.motions else body.motions[0]
        pace = speed or body.speed(act)
        lots = rng.normal(0, 1, 3)
        if formation == "v":
            rank, arm = (k + 1) // 2, 1 if k % 2 else -1
            offset = np.array([arm * rank * 0.75, -rank * 0.9, 0.0]) * spread + lots * spread * 0.06
        else:
            offset = lots * np.array([1.0, 1.0, 0.35]) * spread * max(count, 2) ** 0.4 * 0.5
        drift = rng.random(4)
        path = (
            _ring(centre, radius, offset, pace, drift)
            if formation == "circle"
            else _glide(centre, yaw, offset, pace, drift, 0.05 if formation == "v" else 0.5)
        )
        walkers.append(Walker(body, act, path, float(rng.random()), float(rng.uniform(0.94, 1.06))))
    return walkers


def _glide(
    centre: tuple[float, float, float], yaw: float, offset: np.ndarray, speed: float, drift: np.ndarray, wander: float
) -> Callable[[float], Place]:
    """Straight on, a little up and down and to the sides."""
    ahead, right = (math.sin(yaw), math.cos(yaw)), (math.cos(yaw), -math.sin(yaw))
    a, b = (0.5 + 0.5 * float(drift[0])), (0.5 + 0.5 * float(drift[1]))
    p, q = 2 * math.pi * float(drift[2]), 2 * math.pi * float(drift[3])

    def path(seconds: float) -> Place:
        side = offset[0] + wander * 1.6 * math.sin(a * seconds + p)
        run = offset[1] + speed * seconds
        turn = math.atan2(wander * 1.6 * a * math.cos(a * seconds + p), speed)
        up = offset[2] + wander * 0.8 * math.sin(b * seconds + q)
        return (float(centre[0] + ahead[0] * run + right[0] * side),
            float(centre[1] + ahead[1] * run + right[1] * side),
                float(centre[2] + up), yaw + turn)  # fmt: skip

    return path


def _ring(
    centre: tuple[float, float, float], radius: float, offset: np.ndarray, speed: float, drift: np.ndarray
) -> Callable[[float], Place]:
    """Around and around, to the right."""
    own = max(radius + float(offset[0]), 0.3 * radius)
    start, rise = 2 * math.pi * float(drift[0]), 2 * math.pi * float(drift[1])

    def path(seconds: float) -> Place:
        turn = start + speed * seconds / own
        up = float(offset[2]) + 0.05 * radius * math.sin(0.5 * seconds + rise)
        return centre[0] - own * math.cos(turn), centre[1] + own * math.sin(turn), centre[2] + up, turn

    return path


def school(
    kind: str, count: int, *, seed: int, palette: Palette, centre: tuple[float, float, float], yaw: float = 0.0,
    spread: float = 0.0, detail: Detail = "low", speed: float = 0.0, circle: float = 0.0, **wish: object,
) -> list[Walker]:  # fmt: skip
    """Fish close together around `centre`, along `yaw` or, with `circle` metres, around it in a ring."""
    rng = np.random.default_rng([seed & 0x7FFFFFFF, 73])
    models = _several(kind, count, seed, palette, detail, 6, **wish)
    gap = spread or 6.0 * max(body.height for body in models)
    walkers = []
    for body in models:
        pace = speed or body.speed(body.motions[0])
        offset = rng.normal(0, 1, 3) * np.array([1.0, 1.3, 0.55]) * gap * max(count, 2) ** (1 / 3) * 0.45
        drift = rng.random(4)
        path = (
            _ring(centre, circle, offset, pace, drift)
            if circle
            else _glide(centre, yaw, offset, pace, drift, 0.25 * gap)
        )
        walkers.append(Walker(body, body.motions[0], path, float(rng.random()), float(rng.uniform(0.9, 1.1))))
    return walkers


def leap(
    centre: tuple[float, float, float], yaw: float, speed: float, *, high: float, every: float, start: float = 0.0
) -> Callable[[float], Place]:
    """A path that arcs `high` metres out of the water (at the centre's height) and back below it, once in `every`
    seconds: how dolphins travel."""

    def path(seconds: float) -> Place:
        run, phase = speed * seconds, 2 * math.pi * (seconds / every + start)
        up = high * (1.35 * math.sin(phase) - 0.35)
        return centre[0] + math.sin(yaw) * run, centre[1] + math.cos(yaw) * run, centre[2] + up, yaw

    return path
