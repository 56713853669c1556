"""Solid things as triangles: a `Mesh`, ready-made forms, and how to move, colour and join them.

Metres, in a frame of its own: x to the right, y ahead, z up, the origin where it stands. Faces run counterclockwise
seen from outside. A mesh never changes; every function returns a new one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Mesh:
    """`points` and unit `normals` (n, 3), `uv` (n, 2) in metres over the surface, `faces` (m, 3), `paint` (m) rows
    of the palette. A point follows `bones[:, 0]` by `weights` and `bones[:, 1]` by the rest. `ao` (n) is the share
    of the sky's light that finds its way to a point, 0 … 1; empty is 1 throughout."""

    points: Floats
    normals: Floats
    uv: Floats
    faces: Ints
    paint: Ints
    bones: Ints
    weights: Floats
    ao: Floats = field(default_factory=lambda: np.zeros(0, np.float32))

    def painted(self, paint: int) -> Mesh:
        """In one paint."""
        return replace(self, paint=np.full(len(self.faces), paint, np.int32))

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Mesh:
        """Shifted by metres."""
        return replace(self, points=self.points + np.array([x, y, z], np.float32))

    def scaled(self, x: float, y: float | None = None, z: float | None = None) -> Mesh:
        """Stretched about the origin, along every axis by its own factor (> 0) or along all by the first."""
        size = np.array([x, x if y is None else y, x if z is None else z], np.float32)
        return replace(self, points=self.points * size, normals=_unit(self.normals / size), uv=self.uv)

    def turned(self, *, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> Mesh:
        """Rotated about the origin, in radians: roll about y, then pitch about x (nose up), then yaw about z, which
        turns ahead (y) towards the right (x)."""
        spin = rotation(yaw=yaw, pitch=pitch, roll=roll)
        return replace(self, points=self.points @ spin.T, normals=self.normals @ spin.T)

    def boned(self, bone: int, other: int | None = None, weights: ArrayLike | None = None) -> Mesh:
        """Held by a bone, or by two: `weights` (n) is how much by the first."""
        count = len(self.points)
        pair = np.empty((count, 2), np.int32)
        pair[:, 0], pair[:, 1] = bone, bone if other is None else other
        held = np.ones(count, np.float32) if weights is None else np.asarray(weights, np.float32)
        return replace(self, bones=pair, weights=held)

    @property
    def open(self) -> Floats:
        """`ao`, written out for every point."""
        return self.ao if len(self.ao) else np.ones(len(self.points), np.float32)

    def grounded(self, reach: float = 1.0, dark: float = 0.5, floor: float = 0.0) -> Mesh:
        """Darker towards the ground at the height `floor`: down to 1 - `dark` there, not at all from `reach` up."""
        low = np.clip(1.0 - (self.points[:, 2] - floor) / reach, 0.0, 1.0)
        return replace(self, ao=(self.open * (1.0 - dark * low * low)).astype(np.float32))

    def creased(self, reach: float, dark: float = 0.7) -> Mesh:
        """Darker where the mesh itself stands in the sky's way within `reach` metres: in creases, under eaves."""
        return replace(self, ao=(self.open * (1.0 - dark * _blocked(self, reach))).astype(np.float32))


def rotation(*, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> Floats:
    """(3, 3) in the order of `Mesh.turned`."""
    cy, sy, cp, sp, cr, sr = (f(a) for a in (yaw, pitch, roll) for f in (math.cos, math.sin))
    about_z = np.array([[cy, sy, 0], [-sy, cy, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_y = np.array([[cr, 0, sr], [0, 1, 0], [-sr, 0, cr]])
    return np.asarray(about_z @ about_x @ about_y, np.float32)


def placed(spin: Floats, x: float, y: float, z: float) -> Floats:
    """A (3, 4) pose: turned by `spin`, then moved."""
    return np.column_stack([spin, np.array([x, y, z], np.float32)]).astype(np.float32)


def then(outer: Floats, inner: Floats) -> Floats:
    """The pose of what is posed `inner` within a frame that is posed `outer`."""
    return np.column_stack([outer[:, :3] @ inner[:, :3], outer[:, :3] @ inner[:, 3] + outer[:, 3]]).astype(np.float32)


def joined(meshes: Iterable[Mesh]) -> Mesh:
    """All in one."""
    parts = list(meshes)
    starts = np.cumsum([0, *[len(part.points) for part in parts[:-1]]])
    return Mesh(
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.normals for part in parts]),
        np.concatenate([part.uv for part in parts]),
        np.concatenate([part.faces + np.int32(start) for part, start in zip(parts, starts, strict=True)]),
        np.concatenate([part.paint for part in parts]),
        np.concatenate([part.bones for part in parts]),
        np.concatenate([part.weights for part in parts]),
        np.concatenate([part.open for part in parts]) if any(len(part.ao) for part in parts) else parts[0].ao[:0],
    )


def surface(points: ArrayLike, *, uv: ArrayLike | None = None, closed: bool = False, flat: bool = False) -> Mesh:
    """A net of points (rows, columns, 3): rows go up, columns to the right seen from outside. `closed` joins the
    last column to the first; `flat` gives every face a normal of its own."""
    net = np.asarray(points, np.float64)
    if closed:
        net = np.concatenate([net, net[:, :1]], 1)
    rows, columns = net.shape[:2]
    if uv is None:
        across = np.cumsum(_steps(net, 1), 1).mean(0)[None].repeat(rows, 0)
        up = np.cumsum(_steps(net, 0), 0).mean(1)[:, None].repeat(columns, 1)
        laid = np.stack([across, up], 2)
    else:
        laid = np.asarray(uv, np.float64)
        laid = np.concatenate([laid, laid[:, :1]], 1) if closed else laid
    at = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = at[:-1, :-1].ravel(), at[:-1, 1:].ravel(), at[1:, 1:].ravel(), at[1:, :-1].ravel()
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return mesh(net.reshape(-1, 3), faces, uv=laid.reshape(-1, 2), flat=flat, welded=True)


def mesh(
    points: ArrayLike, faces: ArrayLike, *, uv: ArrayLike | None = None, flat: bool = True, welded: bool = False
) -> Mesh:
    """From points and faces; normals are each face's own when `flat`, else smooth. `welded`: points at one place
    share their normal. Faces without area are dropped."""
    p, f = np.asarray(points, np.float64), np.asarray(faces, np.int64).reshape(-1, 3)
    t = np.zeros((len(p), 2)) if uv is None else np.asarray(uv, np.float64)
    cross = np.cross(p[f[:, 1]] - p[f[:, 0]], p[f[:, 2]] - p[f[:, 0]])
    solid = np.linalg.norm(cross, axis=1) > 1e-12
    f, cross = f[solid], cross[solid]
    if flat:
        p, t, normals = p[f].reshape(-1, 3), t[f].reshape(-1, 2), np.repeat(cross, 3, 0)
        f = np.arange(len(p)).reshape(-1, 3)
    else:
        where = np.unique(np.round(p, 5), axis=0, return_inverse=True)[1].ravel() if welded else np.arange(len(p))
        sums = np.zeros((int(where.max()) + 1, 3))
        for corner in range(3):
            np.add.at(sums, where[f[:, corner]], cross)
        normals = sums[where]
    count = len(p)
    return Mesh(
        p.astype(np.float32), _unit(normals.astype(np.float32)), t.astype(np.float32), f.astype(np.int32),
        np.zeros(len(f), np.int32), np.zeros((count, 2), np.int32), np.ones(count, np.float32),
    )  # fmt: skip


def box(x: float, y: float, z: float) -> Mesh:
    """Standing on the ground, centred: x wide, y long, z tall. The walls' `uv` runs around and up."""
    w, d = x / 2, y / 2
    corners = np.array([[-w, -d], [w, -d], [w, d], [-w, d]])
    sides = []
    around = 0.0
    for k in range(4):
        (x0, y0), (x1, y1) = corners[k], corners[(k + 1) % 4]
        length = math.hypot(x1 - x0, y1 - y0)
        net = [[[x0, y0, 0], [x1, y1, 0]], [[x0, y0, z], [x1, y1, z]]]
        run = [[[around, 0], [around + length, 0]], [[around, z], [around + length, z]]]
        sides.append(surface(net, uv=run, flat=True))
        around += length
    for height, order in ((z, (0, 1, 2, 3)), (0.0, (3, 2, 1, 0))):
        lid = np.array([[*corners[k], height] for k in order])
        sides.append(mesh(lid, [[0, 1, 2], [0, 2, 3]], uv=lid[:, :2]))
    return joined(sides)


def lathe(outline: Sequence[tuple[float, float]], sides: int = 16, *, flat: bool = False) -> Mesh:
    """A body of revolution about z: `outline` is (radius, height) from the bottom up. A radius of 0 closes it."""
    turn = 2 * np.pi * np.arange(sides) / sides
    ring = np.stack([np.cos(turn), np.sin(turn)], 1)
    net = [np.column_stack([ring * radius, np.full(sides, height)]) for radius, height in outline]
    return surface(np.array(net), closed=True, flat=flat)


def cylinder(radius: float, height: float, sides: int = 16) -> Mesh:
    """Upright, with its lids."""
    side = lathe([(radius, 0), (radius, height)], sides)
    lids = lathe([(radius, height), (0, height)], sides, flat=True), lathe([(0, 0), (radius, 0)], sides, flat=True)
    return joined([side, *lids])


def cone(radius: float, height: float, sides: int = 16) -> Mesh:
    return joined([lathe([(radius, 0), (0, height)], sides), lathe([(0, 0), (radius, 0)], sides, flat=True)])


def sphere(radius: float, sides: int = 16, rings: int = 10) -> Mesh:
    """About the origin."""
    angles = np.linspace(-np.pi / 2, np.pi / 2, rings + 1)
    return lathe([(radius * max(math.cos(a), 0.0), radius * math.sin(a)) for a in angles], sides)


def tube(path: ArrayLike, radii: ArrayLike, sides: int = 8, *, caps: bool = True) -> Mesh:
    """A bent tube along points (n, 3), with a radius for each, closed at its ends."""
    line = np.asarray(path, np.float64)
    width = np.broadcast_to(np.asarray(radii, np.float64), len(line))
    along = np.gradient(line, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-12
    side = np.cross(along[0], [0.0, 0.0, 1.0])
    side = side if np.linalg.norm(side) > 1e-3 else np.array([1.0, 0.0, 0.0])
    rings = []
    turn = 2 * np.pi * np.arange(sides) / sides
    for point, ahead, radius in zip(line, along, width, strict=True):
        side = side - ahead * (side @ ahead)
        side /= np.linalg.norm(side)
        up = np.cross(side, ahead)
        # Counterclockwise seen from the far end, so that columns run to the right seen from outside.
        rings.append(point + radius * (np.cos(turn)[:, None] * side - np.sin(turn)[:, None] * up))
    if caps:
        rings = [np.repeat(line[:1], sides, 0), *rings, np.repeat(line[-1:], sides, 0)]
    return surface(np.array(rings), closed=True)


def loft(rings: ArrayLike, *, caps: bool = True, flat: bool = False) -> Mesh:
    """A skin over closed rings (rows, columns, 3), from the bottom up, each counterclockwise seen from above."""
    net = np.asarray(rings, np.float64)
    if caps:
        ends = [np.repeat(ring.mean(0, keepdims=True), net.shape[1], 0)[None] for ring in (net[0], net[-1])]
        net = np.concatenate([ends[0], net, ends[1]])
    return surface(net, closed=True, flat=flat)


def _blocked(mesh: Mesh, reach: float) -> Floats:
    """The share of rays from each point, out over its surface, that meet a cell of space that holds some of it."""
    cell = reach / 3.0
    spread = [(a, b) for a in np.linspace(0, 1, 7) for b in np.linspace(0, 1, 7) if a + b <= 1.0]
    corners = [mesh.points[mesh.faces[:, k]] for k in range(3)]
    filled = np.concatenate([corners[0] * (1 - a - b) + corners[1] * a + corners[2] * b for a, b in spread])
    low = mesh.points.min(0) - 2 * reach
    sides = np.ceil((mesh.points.max(0) + 2 * reach - low) / cell).astype(int) + 1
    solid = np.zeros(sides, np.bool_)
    solid[tuple(((filled - low) / cell).astype(int).T)] = True
    turn, lift = 2.399963 * np.arange(24), (np.arange(24) + 0.5) / 24
    rays = np.stack([np.cos(turn) * np.sqrt(1 - lift**2), np.sin(turn) * np.sqrt(1 - lift**2), lift], 1)
    hits = np.zeros(len(mesh.points))
    normals = mesh.normals.astype(np.float64)
    side = np.cross(normals, np.where(np.abs(normals[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]]))
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-9
    over = np.cross(normals, side)
    for ray in rays:
        way = side * ray[0] + over * ray[1] + normals * ray[2]
        met = np.zeros(len(hits), np.bool_)
        for far in (0.45, 0.7, 1.0):
            # The first cells along a ray are the surface's own.
            at = ((mesh.points + normals * cell * 1.2 + way * reach * far - low) / cell).astype(int)
            met |= solid[tuple(np.clip(at, 0, sides - 1).T)]
        hits += met * ray[2]
    return np.asarray(hits / rays[:, 2].sum(), np.float32)


def _steps(net: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    step = np.linalg.norm(np.diff(net, axis=axis, prepend=np.take(net, [0], axis)), axis=2)
    return np.asarray(step, np.float64)


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)
