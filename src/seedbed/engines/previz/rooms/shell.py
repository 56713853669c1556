"""The shell of a room: floor, walls, ceiling, windows with what is outside, and how open each place is to daylight."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.rooms.plan import Box, Plan, Window
from seedbed.engines.previz.shapes import mesh, paint
from seedbed.engines.previz.shapes.mesh import Mesh
from seedbed.engines.previz.things.furniture import blocks, sheet

Doubles = NDArray[np.float64]
_STEP_M = 0.5
_CASTS_FROM_M = -1.6
"""The ceiling before this y lets the key light in, which comes from behind the camera."""
OUTSIDE = {
    "day": ("cfe3f4", 1.7), "sunset": ("f2a763", 1.4), "sunrise": ("f3c4a0", 1.4), "night": ("16233f", 0.30),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Coat:
    """Rows of the palette for what the shell is made of."""

    wall: int
    floor: int
    ceiling: int
    trim: int


def shell(plan: Plan, coat: Coat, *, ceiled: bool = True) -> list[Mesh]:
    """Floor, ceiling, the walls to the left, right and back with their windows, and the world outside."""
    box, half = plan.box, plan.box.wide / 2
    xs, ys = _cuts(-half, half), _cuts(box.near, box.far)
    parts = [sheet((0, 0, 0), (1, 0, 0), (0, 1, 0), xs, ys).painted(coat.floor)]
    if ceiled:
        above = sheet((0, 0, box.tall), (-1, 0, 0), (0, 1, 0), xs, _cuts(_CASTS_FROM_M, box.far))
        parts.append(above.painted(coat.ceiling))
    for wall in ("left", "right", "back"):
        windows = [w for w in plan.windows if w.wall == wall]
        parts.append(_wall(box, wall, windows).painted(coat.wall))
        parts += [_window(box, w, coat.trim) for w in windows]
    parts.append(_skirting(box, coat.trim))
    if plan.windows:
        parts += _outside(plan)
    return parts


def window_at(box: Box, window: Window) -> tuple[Doubles, Doubles, Doubles]:
    """The middle of a window, half its width as a vector along the wall, and the way into the room."""
    middle = 0.5 * (window.sill + window.head)
    half = box.wide / 2
    if window.wall == "back":
        return np.array([window.at, box.far, middle]), np.array([window.wide / 2, 0, 0]), np.array([0.0, -1.0, 0.0])
    side = -1.0 if window.wall == "left" else 1.0
    return (
        np.array([side * half, window.at, middle]), np.array([0, window.wide / 2, 0]), np.array([-side, 0.0, 0.0])
    )  # fmt: skip


def daylit(form: Mesh, plan: Plan, base: float, gain: float = 1.0) -> Mesh:
    """With `ao` by how much of the windows each point faces, at least `base` times how far it is from corners."""
    points, normals = form.points.astype(np.float64), form.normals.astype(np.float64)
    shade = np.full(len(points), base)
    for window in plan.windows:
        centre, along, inward = window_at(plan.box, window)
        way = centre - inward * 0.05 - points
        square = (way * way).sum(1)
        far = np.sqrt(square) + 1e-6
        area = 2 * np.linalg.norm(along) * (window.head - window.sill)
        leaving = np.clip(-(way @ inward) / far, 0.0, 1.0)
        facing = 0.35 + 0.65 * np.clip((normals * way).sum(1) / far, 0.0, 1.0)
        shade += gain * area * (0.15 + leaving) * facing / (3.0 * square + area)
    return replace(form, ao=np.clip(shade * _cornered(points, normals, plan.box), 0.0, 1.0).astype(np.float32))


def _cornered(points: Doubles, normals: Doubles, box: Box) -> Doubles:
    """1 in the open, less where walls, floor and ceiling meet."""
    half = box.wide / 2
    share = np.ones(len(points))
    for axis, at, side in ((0, -half, 1), (0, half, -1), (1, box.far, -1), (2, 0.0, 1), (2, box.tall, -1)):
        gap = np.abs(points[:, axis] - at)
        turned = 1.0 - np.clip(normals[:, axis] * side, 0.0, 1.0)
        share *= 1.0 - 0.5 * turned * np.exp(-gap / 0.45)
    return share


def _cuts(low: float, high: float, *more: float) -> list[float]:
    count = max(round((high - low) / _STEP_M), 2)
    return [*np.linspace(low, high, count + 1), *more]


def _wall(box: Box, wall: str, windows: Sequence[Window]) -> Mesh:
    half = box.wide / 2
    edges = [w.at + side * w.wide / 2 for w in windows for side in (-1, 1)]
    heights = _cuts(0.0, box.tall, *[z for w in windows for z in (w.sill, w.head)])
    holes = [(w.at - w.wide / 2, w.at + w.wide / 2, w.sill, w.head) for w in windows]
    if wall == "back":
        return sheet((0, box.far, 0), (1, 0, 0), (0, 0, 1), _cuts(-half, half, *edges), heights, holes)
    along = _cuts(box.near, box.far, *edges)
    if wall == "left":
        return sheet((-half, 0, 0), (0, 1, 0), (0, 0, 1), along, heights, holes)
    mirrored = [(-b, -a, c, d) for a, b, c, d in holes]
    return sheet((half, 0, 0), (0, -1, 0), (0, 0, 1), [-v for v in along], heights, mirrored)


def _window(box: Box, window: Window, trim: int) -> Mesh:
    """Frame, bars, sill and the thickness of the wall."""
    tall, wide = window.head - window.sill, window.wide
    rows = [(side * (wide / 2 + 0.03), 0.09, window.sill, 0.08, 0.22, tall) for side in (-1, 1)]
    rows += [(0, 0.09, z, wide + 0.14, 0.22, 0.07) for z in (window.sill - 0.06, window.head - 0.01)]
    rows.append((0, -0.06, window.sill - 0.05, wide + 0.24, 0.24, 0.045))
    rows += [(wide * s, 0.10, window.sill, 0.045, 0.05, tall) for s in (0.0, -0.48, 0.48)]
    rows += [(0, 0.10, window.sill + tall * s, wide, 0.05, 0.045) for s in (0.0, 0.5, 0.97)]
    return _on_wall(box, window, rows, trim)


def _on_wall(box: Box, window: Window, rows: Sequence[tuple[float, ...]], own: int) -> Mesh:
    """Blocks whose x runs along the wall from the window's middle and whose y runs outwards."""
    given = np.array(rows, np.float64)
    if window.wall == "back":
        return blocks(given + np.array([window.at, box.far, 0, 0, 0, 0]), own)
    turned = given[:, [1, 0, 2, 4, 3, 5]]
    side = -1.0 if window.wall == "left" else 1.0
    turned[:, 0] = side * (box.wide / 2 + turned[:, 0])
    turned[:, 1] += window.at
    return blocks(turned, own)


def _skirting(box: Box, trim: int) -> Mesh:
    half, long, middle = box.wide / 2, box.far - box.near, (box.far + box.near) / 2
    return blocks([(-half + 0.015, middle, 0, 0.03, long, 0.13), (half - 0.015, middle, 0, 0.03, long, 0.13),
                   (0, box.far - 0.015, 0, box.wide, 0.03, 0.13)], trim)  # fmt: skip


def _outside(plan: Plan) -> list[Mesh]:
    """Sky and a hedge, which glow and so cast no shadow."""
    colour, bright = OUTSIDE[plan.time]
    green = {"winter": "b9c2c8", "autumn": "a8763a"}.get(plan.shot.season, "6f9a58")
    sky = plan.palette.add(paint("000000", glow=colour, glow_by=bright))
    hedge = plan.palette.add(paint("000000", glow=green, glow_by=max(bright * 0.75, 0.6) if not plan.night else 0.02))
    box, parts = plan.box, []
    for wall in sorted({w.wall for w in plan.windows}):
        turn = np.linspace(-16, 16, 161)
        lumps = 1.15 + 0.30 * np.sin(turn * 1.3 + plan.seed % 7) + 0.16 * np.sin(turn * 3.1) + 0.08 * np.sin(turn * 7.7)
        for net, own in (((np.full(161, -4.0), np.full(161, 14.0)), sky), ((np.full(161, -4.0), lumps), hedge)):
            off = 6.0 if own == sky else 5.0
            rows = [np.stack([turn, np.full(161, off), z], 1) for z in net]
            form = mesh.surface(rows).painted(own)
            if wall == "back":
                parts.append(form.moved(0, box.far))
            else:
                spin = -math.pi / 2 if wall == "left" else math.pi / 2
                parts.append(form.turned(yaw=spin).moved(math.copysign(box.wide / 2, spin)))
    return parts
