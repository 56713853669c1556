"""Skins over stations: the cross-sections of a trunk, limb, fin or garment become a closed mesh held by bones.

A station is (x, y, z, side, front, back): where the section's middle is and how far the skin is from it to the
sides, to the front and to the back, in metres. Between stations everything runs along smooth curves, so that the same
stations give a fine mesh and a coarse one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seedbed.engines.previz.shapes.mesh import Mesh, loft

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]

FRONT = (0.0, 1.0, 0.0)
UP = (0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Hold:
    """Which bones hold a skin along its stations: `bones` in order, and where one hands over to the next: at the
    station `at` (counted from 0, may lie between two), softly over `soft` stations to either side."""

    bones: tuple[int, ...]
    at: tuple[float, ...] = ()
    soft: tuple[float, ...] = ()

    def over(self, mesh: Mesh, place: Doubles) -> Mesh:
        """`mesh` held by these bones; `place` (n) is each point's station."""
        if not self.at:
            return mesh.boned(self.bones[0])
        at, soft = np.array(self.at), np.array(self.soft)
        joint = np.abs(place[:, None] - at).argmin(1)
        away = np.clip((place - at[joint]) / soft[joint] * 0.5 + 0.5, 0, 1)
        weights = 1 - away * away * (3 - 2 * away)
        first = np.array(self.bones)[joint]
        pair = np.stack([first, np.array(self.bones)[joint + 1]], 1)
        return replace(mesh, bones=pair.astype(np.int32), weights=weights.astype(np.float32))


@dataclass(frozen=True, slots=True)
class Grain:
    """How fine a model is."""

    high: bool

    def __call__(self, high: int, low: int) -> int:
        """One of two counts of rows, columns or parts."""
        return high if self.high else low


def curve(stations: ArrayLike, count: int) -> tuple[Doubles, Doubles]:
    """A smooth curve (count, k) through stations (n, k), and the station (count) at which each point lies. Points
    are dense where stations are."""
    given = np.asarray(stations, np.float64)
    last = len(given) - 1
    place = np.linspace(0, last, count)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(given, axis=0), axis=1) + 1e-9)])
    slope = np.gradient(given, along, axis=0)
    low = np.minimum(place.astype(int), last - 1)
    t = (place - low)[:, None]
    span = (along[low + 1] - along[low])[:, None]
    a, b, da, db = given[low], given[low + 1], slope[low] * span, slope[low + 1] * span
    line = a + (da + (3 * (b - a) - 2 * da - db + (2 * (a - b) + da + db) * t) * t) * t
    return line, place


Shape = Callable[[Doubles, Doubles, Doubles], Doubles]
"""Moves a net of points (rows, columns, 3), given each row's station and each column's angle from the right
(radians, a quarter turn is the front)."""


def skin(
    stations: Sequence[Sequence[float]], rows: int, columns: int, hold: Hold, *, front: Sequence[float] = FRONT,
    power: float = 2.0, paint: int = 0, shape: Shape | None = None, level: bool = False, turn: float = 0.0,
) -> Mesh:  # fmt: skip
    """A closed skin over stations. Sections stand across the line of stations, or lie flat when `level`; their
    front points along `front`. `power` 2 makes ellipses, more makes them boxier."""
    data, place = curve(stations, rows)
    middle = data[:, :3]
    along = _unit(np.gradient(middle, axis=0))
    if level:
        along = np.tile(_unit((middle[-1] - middle[0])[None] * [0, 0, 1]), (rows, 1))
    ahead = np.asarray(front, np.float64)
    fore = _unit(ahead - (along @ ahead)[:, None] * along)
    right = np.cross(fore, along)
    angle = 2 * np.pi * np.arange(columns) / columns + turn
    across, deep = _rounded(np.cos(angle), power), _rounded(np.sin(angle), power)
    side, ahead_by, behind_by = np.maximum(data[:, 3:6], 1e-4).T
    reach = np.where(deep[None] >= 0, ahead_by[:, None], behind_by[:, None]) * deep
    net = middle[:, None] + right[:, None] * (side[:, None] * across)[..., None] + fore[:, None] * reach[..., None]
    if shape is not None:
        net = shape(net, place, angle)
    made = loft(net)
    return hold.over(made, np.repeat(np.concatenate([place[:1], place, place[-1:]]), columns + 1)).painted(paint)


def mirrored(mesh: Mesh, swap: dict[int, int] | None = None) -> Mesh:
    """The left twin of what is on the right, held by the bones that `swap` names."""
    flip = np.array([-1, 1, 1], np.float32)
    bones = mesh.bones
    if swap:
        table = np.arange(int(max(bones.max(), *swap)) + 1, dtype=np.int32)
        table[list(swap)] = list(swap.values())
        bones = table[bones]
    return replace(
        mesh, points=mesh.points * flip, normals=mesh.normals * flip, faces=mesh.faces[:, ::-1].copy(), bones=bones
    )


def both(mesh: Mesh, swap: dict[int, int] | None = None) -> list[Mesh]:
    """What is on the right, and its twin."""
    return [mesh, mirrored(mesh, swap)]


def melded(part: Mesh, onto: Mesh, reach: float) -> Mesh:
    """`part` with its normals led over into those of the body that it grows from, within `reach` metres, so that no
    crease shows where they meet."""
    apart = np.linalg.norm(part.points[:, None] - onto.points[None], axis=2)
    near = np.argsort(apart, axis=1)[:, :4]
    closeness = 1 / (np.take_along_axis(apart, near, 1) + 0.01) ** 2
    closeness /= closeness.sum(1, keepdims=True)
    facing = (onto.normals[near] * closeness[..., None]).sum(1)
    foot = (onto.points[near] * closeness[..., None]).sum(1)
    height = ((part.points - foot) * facing).sum(1)
    k = (np.clip(1 - np.abs(height) / reach, 0, 1) ** 1.5 * (apart.min(1) < 3 * reach))[:, None]
    return replace(part, normals=_unit(part.normals * (1 - k) + facing * k).astype(np.float32))


def _rounded(value: Doubles, power: float) -> Doubles:
    return np.asarray(np.sign(value) * np.abs(value) ** (2.0 / power), np.float64)


def _unit(vectors: NDArray[np.floating]) -> Doubles:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12), np.float64)


def blade(outline: ArrayLike, thick: float, hold: Hold, *, paint: int = 0, rows: int = 0) -> Mesh:
    """A thin closed fin, ear, feather or wing: `outline` rows are (x, y, z, x, y, z), a leading and a trailing edge
    from root to tip; `thick` metres at its root, edges sharp."""
    given = np.asarray(outline, np.float64)
    data, place = curve(given, rows or len(given))
    lead, trail = data[:, :3], data[:, 3:6]
    along = np.gradient((lead + trail) / 2, axis=0)
    normal = np.cross(trail - lead, along)
    normal = _unit(normal * np.where(normal @ normal.sum(0) < 0, -1.0, 1.0)[:, None])
    bulge = normal * (thick * np.linspace(1, 0.25, len(data)))[:, None]
    middle, edge = lead * 0.6 + trail * 0.4, _unit(lead - trail)
    net = np.stack([lead, middle - bulge, trail, middle + bulge], 1)
    facing = np.stack([edge, -normal, -edge, normal], 1)
    made = loft(net)
    corners = made.points[made.faces]
    if np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() < 0:
        made, facing = loft(net[:, ::-1]), facing[:, ::-1]
    # Two triangles meet one edge from above and one from below: only the fin's own plane says how it is lit.
    normals = made.normals.reshape(-1, 5, 3).copy()
    normals[1:-1] = np.concatenate([facing, facing[:, :1]], 1)
    made = replace(made, normals=normals.reshape(-1, 3))
    return hold.over(made, np.repeat(np.concatenate([place[:1], place, place[-1:]]), 5)).painted(paint)


def split(mesh: Mesh, columns: int, other: int, where: Callable[[Doubles], NDArray[np.bool_]]) -> Mesh:
    """A skin of so many columns with whole fields of it in another paint: those whose middles (n, 3) `where` picks."""
    row, column = (mesh.faces // (columns + 1)).min(1), (mesh.faces % (columns + 1)).min(1)
    field = row * (columns + 1) + column
    count = np.bincount(field)
    centre = mesh.points[mesh.faces].mean(1).astype(np.float64)
    sums = np.stack([np.bincount(field, centre[:, axis]) for axis in range(3)], 1)
    middle = np.asarray(sums / np.maximum(count, 1)[:, None], np.float64)
    return replace(mesh, paint=np.where(where(middle)[field], other, mesh.paint).astype(np.int32))
