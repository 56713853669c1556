"""All solid things of a shot, ready to be drawn into its frames: shadows first, then bodies, glass last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.frame import Check, Frame
from seedbed.engines.previz.shapes import mirror, project, raster, resolve, shadow
from seedbed.engines.previz.shapes.mesh import Mesh, joined
from seedbed.engines.previz.shapes.paint import GLOW_BLUE, GLOW_RED, OPACITY
from seedbed.engines.previz.shapes.pattern import grain_tile
from seedbed.engines.previz.shapes.shade import Air, Lit, haze_columns, veil_table
from seedbed.engines.previz.shapes.shadow import Shade
from seedbed.engines.previz.stage import View

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]
Box = tuple[Floats, Floats]
"""The lowest and the highest corner, metres."""

_UPRIGHT = -1e9
"""Where a mirror is when there is none."""
_TIMES_S = (0.0, 1.0, 2.0, 4.0, 7.0, 11.0, 15.0)
"""When to look at how far things move."""
_FLAT_M = 0.3
"""What lies lower than this over the lowest point casts no shadow worth room in the map."""


class Actor(Protocol):
    """A thing in the world. `mesh` is fixed; `pose` says where its bones are, (bones, 3, 4), metres, at a time in
    seconds; `bulbs` the lamps it carries then, (n, 7): see `shade.Air`. `still` promises that it never moves."""

    @property
    def mesh(self) -> Mesh: ...

    @property
    def still(self) -> bool: ...

    def pose(self, seconds: float) -> Floats: ...

    def bulbs(self, seconds: float) -> Floats: ...


NO_BULBS = np.zeros((0, 7), np.float32)


@dataclass(frozen=True, slots=True)
class Prop:
    """An actor that stands where `where` (3, 4) puts it."""

    mesh: Mesh
    where: Floats
    lights: Floats = field(default_factory=lambda: NO_BULBS)
    still: bool = True

    def pose(self, seconds: float) -> Floats:
        return self.where[None]

    def bulbs(self, seconds: float) -> Floats:
        return self.lights


@dataclass(frozen=True, slots=True)
class _Posed:
    """The troupe at one time: points and normals in the world."""

    places: Floats
    facings: Floats


@dataclass(frozen=True, slots=True)
class _Seen:
    """The triangles of one picture: `count` of them, in the rows top … bottom and the columns left … right."""

    edges: Floats
    bounds: Ints
    source: Ints
    count: int
    skin: resolve.Skin

    @property
    def left(self) -> int:
        return int(self.bounds[: self.count, 0].min())

    @property
    def right(self) -> int:
        return int(self.bounds[: self.count, 1].max()) + 1

    def bands(self, height: int) -> list[tuple[int, int]]:
        """First and last row (exclusive) of every band that holds any."""
        top = int(self.bounds[: self.count, 2].min()) // raster.BAND * raster.BAND
        bottom = min(int(self.bounds[: self.count, 3].max()) + 1, height)
        return [(y, min(y + raster.BAND, height)) for y in range(top, bottom, raster.BAND)]


class Troupe:
    """Draws `actors`. Building it bakes what stands still; `draw` is pure and may be called from any thread."""

    def __init__(
        self, actors: Sequence[Actor], paints: Floats, air: Air, *, shadows: bool = True, dark: float = 0.6,
        focus: Box | None = None, ridge: float = 0.0,
    ) -> None:  # fmt: skip
        """`paints` (n, SLOTS) is the palette of all meshes, `dark` the sun's part of the light on what they stand
        on. `focus` is what the camera sees near by: it gets a finer shadow map. `ridge` is the slope up to which the
        horizon, as polished things mirror it, is built up."""
        self._actors = sorted(actors, key=lambda actor: not actor.still)
        self._paints, self._dark, self._ridge = np.ascontiguousarray(paints), dark, ridge
        still = [actor for actor in self._actors if actor.still]
        self._movers = self._actors[len(still) :]
        self._mesh = joined(_numbered(self._actors))
        self._open = self._mesh.open
        self._still_points = sum(len(actor.mesh.points) for actor in still)
        self._still_faces = sum(len(actor.mesh.faces) for actor in still)
        self._still_bones = sum(int(actor.mesh.bones.max()) + 1 for actor in still)
        rows = self._paints[self._mesh.paint]
        self._solid: Bools = rows[:, OPACITY] >= 1.0
        self._casts = self._solid & (rows[:, GLOW_RED : GLOW_BLUE + 1].sum(1) < 0.5)
        self._air = air
        self._veil, self._veil_per_m = veil_table(air.haze_m)
        self._grain = grain_tile()
        self._fixed_bulbs = np.concatenate([air.bulbs, *(_bulbs(actor, 0.0) for actor in still)])
        self._set = self._stand(still)
        self._near, self._far, self._moving = (shadow.no_shade() for _ in range(3))
        if shadows and self._casts.any():
            self._bake_shade(focus)

    @property
    def faces(self) -> int:
        return len(self._mesh.faces)

    def _stand(self, still: Sequence[Actor]) -> _Posed:
        mesh, count = self._mesh, self._still_points
        places, facings = np.empty((count, 3), np.float32), np.empty((count, 3), np.float32)
        if count:
            poses = np.concatenate([np.asarray(actor.pose(0.0), np.float32) for actor in still])
            project.pose(mesh.points[:count], mesh.normals[:count], mesh.bones[:count], mesh.weights[:count], poses,
                         places, facings)  # fmt: skip
        return _Posed(places, facings)

    def _posed(self, seconds: float) -> _Posed:
        mesh, count = self._mesh, self._still_points
        if not self._movers:
            return self._set
        poses = np.concatenate([np.asarray(actor.pose(seconds), np.float32) for actor in self._movers])
        places, facings = np.empty_like(mesh.points), np.empty_like(mesh.normals)
        places[:count], facings[:count] = self._set.places, self._set.facings
        project.pose(mesh.points[count:], mesh.normals[count:], mesh.bones[count:] - np.int32(self._still_bones),
                     mesh.weights[count:], poses, places[count:], facings[count:])  # fmt: skip
        return _Posed(places, facings)

    def _bake_shade(self, focus: Box | None) -> None:
        """The maps of what stands still, and the frame of the map of what moves."""
        faces, sun = self._mesh.faces, self._air.sun
        standing = self._casts.copy()
        standing[self._still_faces :] = False
        moving = self._casts & ~standing
        if standing.any():
            box = _bounds([self._set.places[np.unique(faces[standing])]])
            # What lies flat on the ground shades nothing, and points on it are then found to be in the sun at once.
            standing[: self._still_faces] &= (
                self._set.places[faces[: self._still_faces], 2].max(1) > self._set.places[:, 2].min() + _FLAT_M
            )
            self._far = self._cast(box, standing)
            if focus is not None and np.prod(focus[1] - focus[0]) < 0.5 * np.prod(box[1] - box[0]):
                self._near = self._cast(focus, standing)
        if moving.any():
            used = np.unique(faces[moving])
            low, high = _bounds([self._posed(t).places[used] for t in _TIMES_S])
            if focus is not None:
                low[:2], high[:2] = np.maximum(low[:2], focus[0][:2]), np.minimum(high[:2], focus[1][:2])
            if (high > low).all():
                self._moving = shadow.empty_shade(low - 1, high + 1, sun, _texels(low, high))

    def _cast(self, box: Box, which: Bools) -> Shade:
        shade = shadow.empty_shade(box[0] - 1, box[1] + 1, self._air.sun, _texels(*box))
        shadow.cast(self._set.places, self._mesh.faces, which, 0, self._still_faces, shade.frame, shade.heights)
        shadow.survey(shade.heights, shade.low, shade.high)
        return shade

    def _moving_at(self, posed: _Posed) -> Shade:
        if len(self._moving.heights) < 2:
            return self._moving
        empty = self._moving
        shade = empty._replace(heights=empty.heights.copy(), low=empty.low.copy(), high=empty.high.copy())
        shadow.cast(
            posed.places, self._mesh.faces, self._casts, self._still_faces, self.faces, shade.frame, shade.heights
        )
        shadow.survey(shade.heights, shade.low, shade.high)
        return shade

    def _lit(self, view: View, width: int, seconds: float, moving: Shade, eye_z: float) -> Lit:
        air = self._air
        bulbs = np.concatenate([self._fixed_bulbs, *(_bulbs(actor, seconds) for actor in self._movers)])
        ahead = (bulbs[:, 0] - view.x) * np.sin(view.yaw) + (bulbs[:, 1] - view.y) * np.cos(view.yaw)
        bulbs = np.ascontiguousarray(bulbs[ahead > -6.0 * bulbs[:, 6]])
        return Lit(
            air.sun, air.lamp, haze_columns(air, view, width), self._veil, self._veil_per_m, air.pano, air.turn_min,
            air.turn_max, bulbs, self._near, self._far, moving, np.array([view.x, view.y, eye_z], np.float32),
            float(view.yaw), float(view.skyward), self._ridge, self._grain,
        )  # fmt: skip

    def draw(
        self, frame: Frame, seconds: float, check: Check, *, water: Floats | None = None, level: float = 0.0,
        wet: float = 0.0, polish: float = 0.0, pano: Floats | None = None,
    ) -> None:  # fmt: skip
        """Into `frame`, which holds the land already. With `water` (the ripple tile of the land's water, whose
        surface is at `level`), what stands over it is mirrored in it. `wet` 0 … 1 is how much the floor of the
        troupe itself mirrors at `level`, as asphalt does in rain; with `polish` 1, as lacquer does. `pano` is the
        sky of this frame."""
        posed = self._posed(seconds)
        moving = self._moving_at(posed)
        sky = self._air.pano if pano is None else np.ascontiguousarray(pano, np.float32)
        lit = self._lit(frame.view, frame.width, seconds, moving, frame.view.z)._replace(pano=sky)
        for y in range(0, frame.height, 8 * raster.BAND):
            check()
            shadow.fall_on(frame.light, frame.depth, lit.near, lit.far, moving, lit.sun, frame.view, y,
                           min(y + 8 * raster.BAND, frame.height), frame.width, self._dark)  # fmt: skip
        if water is not None:
            self._mirror(frame, posed, seconds, moving, water, level, 0.0, 0.0, check)
        seen = self._set_up(frame.view, frame.width, frame.height, posed, None)
        if seen is not None:
            self._fill(frame, posed, seen, lit, check, wet, polish, level, seconds, moving)

    def _set_up(self, view: View, width: int, height: int, posed: _Posed, level: float | None) -> _Seen | None:
        """The triangles that a camera sees, of the scene mirrored at `level` if one is given."""
        mesh, places = self._mesh, posed.places
        if level is not None:
            places = places * np.array([1, 1, -1], np.float32) + np.array([0, 0, 2 * level], np.float32)
        clip = np.empty((len(places), 3), np.float32)
        project.project(places, view, clip)
        count = len(mesh.faces)
        edges, bounds, source = (
            np.empty((count, 9), np.float32), np.empty((count, 4), np.int32), np.empty(count, np.int32),
        )  # fmt: skip
        top = np.float32(-1e9 if level is None else level + 0.04)
        seen = project.set_up(clip, mesh.faces, mesh.paint, self._paints, posed.places, float(top), width, height,
                              edges, bounds, source, level is not None)  # fmt: skip
        if not seen:
            return None
        planes, own = np.empty((seen, resolve.PLANES), np.float32), np.empty(seen, np.int32)
        resolve.lay_planes(edges, source, seen, mesh.faces, posed.facings, mesh.uv, self._open, mesh.paint, planes, own)
        return _Seen(edges, bounds, source, seen, resolve.Skin(planes, own, self._paints))

    def _fill(
        self, frame: Frame, posed: _Posed, seen: _Seen, lit: Lit, check: Check, wet: float, polish: float,
        level: float, seconds: float, moving: Shade,
    ) -> None:  # fmt: skip
        solid = self._solid[seen.source[: seen.count]]
        glass = np.flatnonzero(~solid).astype(np.int32)
        order = glass[np.argsort(-self._distance(posed.places, seen.source[glass], frame), kind="stable")]
        near, who = _samples(frame.width)
        cover = np.zeros((1, 1), np.float32)
        # Glass is laid over what the floor mirrors; what it must not cover is then found in the depths.
        both = bool(len(order)) and wet <= 0.0
        for y0, y1 in seen.bands(frame.height):
            check()
            raster.clear(near, who, frame.depth, y0, y1, frame.width)
            raster.cover(near, who, solid, seen.edges, seen.bounds, seen.count, y0, y1, frame.width)
            resolve.resolve(frame.light, frame.depth, cover, near, who, seen.skin, lit, frame.view, y0, y1, frame.width,
                            seen.left, seen.right, _UPRIGHT)  # fmt: skip
            if both:
                resolve.lay_glass(frame.light, near, who, order, seen.edges, seen.bounds, seen.skin, lit, frame.view,
                                  y0, y1, frame.width)  # fmt: skip
        if wet > 0.0:
            self._mirror(frame, posed, seconds, moving, None, level, wet, polish, check)
            for y0, y1 in seen.bands(frame.height) if len(order) else []:
                check()
                raster.clear(near, who, frame.depth, y0, y1, frame.width)
                resolve.lay_glass(frame.light, near, who, order, seen.edges, seen.bounds, seen.skin, lit, frame.view,
                                  y0, y1, frame.width)  # fmt: skip

    def _distance(self, places: Floats, faces: Ints, frame: Frame) -> Floats:
        middle = places[self._mesh.faces[faces]].mean(1)
        eye = np.array([frame.view.x, frame.view.y, frame.view.z], np.float32)
        return np.asarray(np.linalg.norm(middle - eye, axis=1), np.float32)

    def _mirror(
        self, frame: Frame, posed: _Posed, seconds: float, moving: Shade, water: Floats | None, level: float,
        wet: float, polish: float, check: Check,
    ) -> None:  # fmt: skip
        """The mirrored scene, at half the frame's size, over what of the frame lies at `level`."""
        view = frame.view
        width, height = -(-frame.width // 2), -(-frame.height // 2)
        small = view._replace(horizon=view.horizon / 2, focal=view.focal / 2)
        seen = self._set_up(small, width, height, posed, level)
        if seen is None:
            return
        image, cover = np.zeros((3, height, width), np.float32), np.zeros((height, width), np.float32)
        depth = np.full((height, width), 1e9, np.float32)
        near, who = _samples(width)
        solid = self._solid[seen.source[: seen.count]]
        lit = self._lit(small, width, seconds, moving, 2.0 * level - view.z)
        for y0, y1 in seen.bands(height):
            check()
            if not mirror.clear_to_level(near, who, frame.depth, view, level, y0, y1, frame.width, width):
                continue
            raster.cover(near, who, solid, seen.edges, seen.bounds, seen.count, y0, y1, width)
            resolve.resolve(image, depth, cover, near, who, seen.skin, lit, small, y0, y1, width, seen.left,
                            seen.right, level)  # fmt: skip
        for y0 in range(0, frame.height, raster.BAND):
            check()
            y1 = min(y0 + raster.BAND, frame.height)
            if water is not None:
                mirror.lay_on_water(frame.light, frame.depth, image, cover, water, view, level, 0.012, 0.9, y0, y1,
                                    frame.width)  # fmt: skip
            else:
                mirror.lay_on_floor(frame.light, frame.depth, image, cover, self._grain, view, level, wet, polish,
                                    y0, y1, frame.width)  # fmt: skip


def _numbered(actors: Sequence[Actor]) -> list[Mesh]:
    """The actors' meshes, with bones that count through all of them."""
    counts = [int(actor.mesh.bones.max()) + 1 for actor in actors]
    starts = np.cumsum([0, *counts])
    return [
        replace(actor.mesh, bones=actor.mesh.bones + np.int32(start))
        for actor, start in zip(actors, starts[:-1], strict=True)
    ]


def _samples(width: int) -> tuple[Floats, Ints]:
    return np.empty((4, raster.BAND, width), np.float32), np.empty((4, raster.BAND, width), np.int32)


def _bulbs(actor: Actor, seconds: float) -> Floats:
    return np.asarray(actor.bulbs(seconds), np.float32).reshape(-1, 7)


def _bounds(clouds: Sequence[Floats]) -> Box:
    """The box around points, less what lies flat on the ground."""
    points = np.concatenate(clouds)
    tall = points[points[:, 2] > points[:, 2].min() + _FLAT_M]
    used = tall if len(tall) else points
    low, high = used.min(0), used.max(0)
    low[2] = points[:, 2].min()
    return low, high


def _texels(low: Floats, high: Floats) -> int:
    """The size of a map over a box: finer than five centimetres is never needed."""
    return 1024 if float(np.linalg.norm(high - low)) < 60.0 else 2048
