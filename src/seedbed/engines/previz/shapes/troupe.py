"""All solid things of a shot, ready to be drawn into its frames: shadows first, then bodies, glass last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.frame import Check, Frame
from seedbed.engines.previz.shapes import mirror, project, raster, shadow
from seedbed.engines.previz.shapes.mesh import Mesh, joined
from seedbed.engines.previz.shapes.paint import GLOW_BLUE, GLOW_RED, OPACITY
from seedbed.engines.previz.shapes.shade import Air
from seedbed.engines.previz.stage import FAR_M

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

SHADE_TEXELS = 1024


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


class Troupe:
    """Draws `actors`. Building it bakes what stands still; `draw` is pure and may be called from any thread."""

    def __init__(
        self, actors: Sequence[Actor], paints: Floats, air: Air, *, shadows: bool = True, dark: float = 0.6
    ) -> None:
        """`paints` (n, SLOTS) is the palette of all meshes, `dark` the sun's part of the light on what they stand
        on. `air.shade` is replaced by the troupe's own map."""
        ordered = sorted(actors, key=lambda actor: not actor.still)
        self._actors, self._paints, self._dark = ordered, np.ascontiguousarray(paints), dark
        counts = [int(actor.mesh.bones.max()) + 1 for actor in ordered]
        starts = np.cumsum([0, *counts])
        whole = joined([
            replace(actor.mesh, bones=actor.mesh.bones + np.int32(start))
            for actor, start in zip(ordered, starts[:-1], strict=True)
        ])  # fmt: skip
        self._mesh = whole
        self._still_faces = sum(len(actor.mesh.faces) for actor in ordered if actor.still)
        rows = self._paints[whole.paint]
        self._solid: Bools = rows[:, OPACITY] >= 1.0
        self._casts = self._solid & (rows[:, GLOW_RED : GLOW_BLUE + 1].sum(1) < 0.5)
        self._air, self._base = air, np.zeros((1, 1), np.float32)
        if shadows and self._casts.any():
            self._bake_shade()

    @property
    def faces(self) -> int:
        return len(self._mesh.faces)

    def _posed(self, seconds: float) -> _Posed:
        mesh = self._mesh
        poses = np.concatenate([np.asarray(actor.pose(seconds), np.float32) for actor in self._actors])
        places, facings = np.empty_like(mesh.points), np.empty_like(mesh.normals)
        project.pose(mesh.points, mesh.normals, mesh.bones, mesh.weights, poses, places, facings)
        return _Posed(places, facings)

    def _bake_shade(self) -> None:
        """The map's frame over all that ever casts, and the shade of what stands still."""
        times = (0.0, 2.0, 5.0, 10.0, 15.0)
        used = np.unique(self._mesh.faces[self._casts])
        bounds = [(p.min(0), p.max(0)) for p in (self._posed(t).places[used] for t in times)]
        low, high = np.min([low for low, _ in bounds], 0), np.max([high for _, high in bounds], 0)
        frame = shadow.frame_for(low - 1, high + 1, self._air.sun, SHADE_TEXELS)
        base = np.full((SHADE_TEXELS, SHADE_TEXELS), -1e9, np.float32)
        still = self._casts.copy()
        still[self._still_faces :] = False
        shadow.cast(self._posed(0.0).places, self._mesh.faces, still, frame, base)
        self._base, self._air = base, self._air._replace(shade=base, shade_from=frame)

    def _air_at(self, seconds: float, posed: _Posed) -> Air:
        air = self._air
        bulbs = [np.asarray(actor.bulbs(seconds), np.float32).reshape(-1, 7) for actor in self._actors]
        air = air._replace(bulbs=np.ascontiguousarray(np.concatenate([air.bulbs, *bulbs])))
        if len(self._base) > 1:
            map_ = self._base
            moving = self._casts.copy()
            moving[: self._still_faces] = False
            if moving.any():
                map_ = map_.copy()
                shadow.cast(posed.places, self._mesh.faces, moving, air.shade_from, map_)
            # What casts must not shade itself by the map's own grain.
            grain = 1.5 / float(np.abs(air.shade_from[:2, :3]).max())
            air = air._replace(shade=map_ - np.float32(grain))
        return air

    def draw(
        self, frame: Frame, seconds: float, check: Check, *, water: Floats | None = None, level: float = 0.0,
        pano: Floats | None = None,
    ) -> None:  # fmt: skip
        """Into `frame`, which holds the land already. With `water` (the ripple tile of the land's water, whose
        surface is at `level`), what stands over it is mirrored in it. `pano` is the sky of this frame."""
        posed = self._posed(seconds)
        air = self._air_at(seconds, posed)
        if pano is not None:
            air = air._replace(pano=pano)
        for y in range(0, frame.height, raster.BAND):
            check()
            shadow.fall_on(frame.light, frame.depth, air, frame.view, y, min(y + raster.BAND, frame.height),
                           frame.width, self._dark)  # fmt: skip
        if water is not None:
            self._mirror(frame, posed, air, water, level, check)
        self._fill(frame, posed, air, check)

    def _set_up(self, frame: Frame, places: Floats, over: bool) -> tuple[Floats, Ints, Ints, int]:
        mesh = self._mesh
        clip = np.empty((len(places), 3), np.float32)
        project.project(places, frame.view, clip)
        count = len(mesh.faces)
        edges, bounds, source = (
            np.empty((count, 9), np.float32), np.empty((count, 4), np.int32), np.empty(count, np.int32),
        )  # fmt: skip
        seen = project.set_up(
            clip, mesh.faces, mesh.paint, self._paints, frame.width, frame.height, edges, bounds, source, over
        )
        return edges, bounds, source, seen

    def _fill(self, frame: Frame, posed: _Posed, air: Air, check: Check) -> None:
        mesh = self._mesh
        edges, bounds, source, seen = self._set_up(frame, posed.places, False)
        if not seen:
            return
        solid = self._solid[source[:seen]]
        glass = np.flatnonzero(~solid).astype(np.int32)
        order = glass[np.argsort(-self._distance(posed.places, source[glass], frame), kind="stable")]
        left, right = int(bounds[:seen, 0].min()), int(bounds[:seen, 1].max()) + 1
        near = np.empty((raster.BAND, frame.width, 4), np.float32)
        who = np.empty((raster.BAND, frame.width, 4), np.int32)
        skin = (mesh.faces, posed.facings, mesh.uv, mesh.paint, self._paints, air, frame.view)
        first = int(bounds[:seen, 2].min()) // raster.BAND * raster.BAND
        for y0 in range(first, min(int(bounds[:seen, 3].max()) + 1, frame.height), raster.BAND):
            check()
            y1 = min(y0 + raster.BAND, frame.height)
            raster.clear(near, who, frame.depth, y0, y1, frame.width)
            raster.cover(near, who, solid, edges, bounds, seen, y0, y1, frame.width)
            raster.resolve(frame.light, frame.depth, near, who, edges, source, *skin, y0, y1, frame.width, left, right)
            if len(order):
                raster.lay_glass(frame.light, near, who, order, edges, bounds, source, *skin, y0, y1, frame.width)

    def _distance(self, places: Floats, faces: Ints, frame: Frame) -> Floats:
        middle = places[self._mesh.faces[faces]].mean(1)
        eye = np.array([frame.view.x, frame.view.y, frame.view.z], np.float32)
        return np.asarray(np.linalg.norm(middle - eye, axis=1), np.float32)

    def _mirror(self, frame: Frame, posed: _Posed, air: Air, water: Floats, level: float, check: Check) -> None:
        mesh = self._mesh
        flip = np.array([1, 1, -1], np.float32)
        places = posed.places * flip + np.array([0, 0, 2 * level], np.float32)
        facings = posed.facings * flip
        edges, bounds, source, seen = self._set_up(frame, places, True)
        if not seen:
            return
        image = Frame(np.zeros_like(frame.light), np.full_like(frame.depth, FAR_M), frame.view, frame.width)
        near = np.empty((raster.BAND, frame.width, 4), np.float32)
        who = np.empty((raster.BAND, frame.width, 4), np.int32)
        solid = np.ones(seen, np.bool_)
        left, right = int(bounds[:seen, 0].min()), int(bounds[:seen, 1].max()) + 1
        # The mirrored sun lights mirrored sides.
        under = air._replace(sun=air.sun * flip, shade=np.zeros((1, 1), np.float32))
        skin = (mesh.faces, facings, mesh.uv, mesh.paint, self._paints, under, frame.view)
        top, bottom = int(bounds[:seen, 2].min()), min(int(bounds[:seen, 3].max()) + 1, frame.height)
        for y0 in range(top // raster.BAND * raster.BAND, bottom, raster.BAND):
            check()
            y1 = min(y0 + raster.BAND, frame.height)
            mirror.clear_to_water(near, who, frame.depth, frame.view, level, y0, y1, frame.width)
            raster.cover(near, who, solid, edges, bounds, seen, y0, y1, frame.width)
            raster.resolve(image.light, image.depth, near, who, edges, source, *skin, y0, y1, frame.width, left, right)
        for y0 in range(0, frame.height, raster.BAND):
            check()
            mirror.lay_on_water(frame.light, frame.depth, image.light, image.depth, water, frame.view, level, 0.012,
                                0.9,
                                y0, min(y0 + raster.BAND, frame.height), frame.width)  # fmt: skip
