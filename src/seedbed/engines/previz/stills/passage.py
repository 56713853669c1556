"""From one picture to another without a dissolve: matter moves, light and colour travel, and what is far changes
first.

Where the two show the same place, every point is carried from where it was to where it will be by optical flow.
Where they do not, horizons are brought together and the camera goes on in one direction while the new picture
comes over the old one along a front with depth, as light would. The first frame is the first picture, the last
frame the last.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.noise import layered
from seedbed.engines.previz.stills import depth, finish, fit, flow, light, parallax
from seedbed.engines.previz.stills.direction import Direction
from seedbed.engines.previz.stills.finish import Planes
from seedbed.engines.previz.stills.parallax import at
from seedbed.engines.previz.stills.still import BAND, SPOTS_PX, STUDY_PX, Check, little

Floats = NDArray[np.float32]
f32 = np.float32

_SOFT = 0.24
"""How much of the whole passage the front takes over one point."""
_DARKEST = 5.0
"""Added to code values of luma before their ratio is taken: black has none."""


class _Side:
    """One of the two pictures with all that moves and colours it. `sign` is 1 for the first, -1 for the last."""

    def __init__(self, image: Image.Image, way: Direction, sign: int, *, width: int, height: int) -> None:
        self.sign = sign
        self.sheet = fit.sheet(image, width=width, height=height, finer=way.move != "static", small_px=SPOTS_PX)
        self.study = little(self.sheet.small, STUDY_PX)
        person = bool(way.living & {"person", "blown"})
        self.place = depth.study(self.study, water="water" in way.living, person=person)
        self.moving = light.life(way.living, self.sheet.small, 1e3, moving_sky=False).moving
        self.flow = np.zeros((2, 1, 1), np.float32)
        self.sure = np.ones((2, 2), np.float32)
        self.light = _light(self.study)


class Passage:
    """All frames of the way from one picture to the other. `draw` is pure and may be called from any thread."""

    def __init__(
        self, first: Image.Image, last: Image.Image, way: Direction, *, width: int, height: int, frames: int,
        fps: int, seed: int, check: Check,
    ) -> None:  # fmt: skip
        self.width, self.height, self._frames, self._fps = width, height, frames, fps
        self._way, self._seed = way, seed & 0x7FFFFFFF
        self.sides = [_Side(first, way, 1, width=width, height=height)]
        check()
        self.sides.append(_Side(last, way, -1, width=width, height=height))
        check()
        self.alike = self._join(check)
        self._order = self._when()
        self._cell = parallax.cell_px(width, height)
        self._tile = finish.dither()

    def plan(self) -> dict[str, Any]:
        """How the passage is made, for people to read."""
        return self._way.plan() | {"passage": {"alike": round(self.alike, 2)}}

    def _join(self, check: Check) -> float:
        """Finds how the two belong together, and says how much they do."""
        a, b = self.sides
        there, back = flow.between(a.study, b.study, check), flow.between(b.study, a.study, check)
        alike, a.sure, b.sure = flow.alike(a.study, b.study, there, back)
        for side, other, found in ((a, b, there), (b, a, back)):
            level = _level(found.shape[1:], side.place.horizon, other.place.horizon)
            side.flow = np.ascontiguousarray(alike * found + (1 - alike) * level, np.float32)
            side.sure = np.ascontiguousarray(1 - alike * (1 - side.sure), np.float32)
        return alike

    def _when(self) -> Floats:
        """When the front comes to each point of the frame, 0 … 1, evenly spread: far first, lights last."""
        a, b = self.sides
        rows, columns = b.study.shape[:2]
        near = 0.45 * a.place.maps[depth.NEAR] + 0.55 * b.place.maps[depth.NEAR]
        luma = depth.grey(b.study)
        lamps = np.clip((luma - depth.box(luma, max(columns // 80, 1))) * 3.0, 0.0, 1.0)
        grain = np.empty((rows, columns), np.float32)
        cloud(grain, self._seed)
        high = np.linspace(0.0, 1.0, rows, dtype=np.float32)[:, None]
        order = 0.50 * near + 0.26 * high + 0.14 * grain + 0.10 * lamps
        order = depth.guided(order.astype(np.float32), luma, max(columns // 40, 2), 2e-2)
        rank = np.argsort(np.argsort(order.ravel(), kind="stable"), kind="stable").reshape(rows, columns)
        return np.ascontiguousarray(rank / f32(rows * columns - 1), np.float32)

    def _pose(self, sign: int, share: float, left: float) -> Floats:
        """Where the camera is in one of the pictures; `left` is 0 where that picture is whole, 1 at the other."""
        free = (1.0 - self.alike) * min(self._way.pace, 1.3)
        q, a, u = left * free, sign * self._way.across, sign * self._way.upward
        move = self._way.move
        if move == "static":
            return parallax.STILL
        if move in ("pan", "truck", "orbit"):
            aside = 0.05 if move == "orbit" else 0.03
            return parallax.posed(1 + 0.13 * q, aside * q * a, 0, 0, 0.3, 0.075 * q * a, 0)
        if move in ("tilt", "crane"):
            return parallax.posed(1 + 0.13 * q, 0, -0.03 * q * u, 0, 0.3, 0, -0.05 * q * u)
        inward = -sign if move == "pull" else sign
        zoom, nearer = (0.15, 0.10) if inward > 0 else (-0.055, -0.05)
        return parallax.posed(1 + zoom * q, 0, -0.008 * q * sign, nearer * q, 0, 0, 0)

    def _mesh(self, side: _Side, number: int, share: float) -> Floats:
        rows, columns = parallax.nodes(self.width, self.height, self._cell)
        mesh = np.empty((2, rows, columns), np.float32)
        gone = share if side.sign > 0 else 1.0 - share
        maps, size = side.place.maps, (self.width, self.height)
        parallax.aim(mesh, maps[depth.NEAR], *size, self._cell, self._pose(side.sign, share, gone))
        follow(mesh, side.flow, gone, *size)
        away = number if side.sign > 0 else self._frames - 1 - number
        moving = side.moving * f32(1.0 - self.alike)
        light.stir(mesh, maps, moving, np.zeros((0, 5), np.float32), *size, away / self._fps, self._seed)
        return mesh

    def draw(self, number: int, check: Check) -> Planes:
        """Frame `number` as the three planes of 4:2:0 BT.709. `check` is called often and may raise to stop."""
        check()
        share = finish.smooth(number / max(self._frames - 1, 1))
        meshes = [self._mesh(side, number, share) for side in self.sides]
        check()
        glow = np.zeros((4, *meshes[0].shape[1:]), np.float32)
        mask = np.empty(meshes[0].shape[1:], np.float32)
        a, b = self.sides
        front(mask, glow, self._order, a.sure, b.sure, meshes[0], meshes[1], self._cell, self.width, self.height,
              share, _SOFT, (1.0 - self.alike) * math.sin(math.pi * share))  # fmt: skip
        tones = [np.empty_like(glow) for _ in meshes]
        relight(tones[0], meshes[0], meshes[1], a.light, b.light, self.width, self.height, share)
        relight(tones[1], meshes[1], meshes[0], b.light, a.light, self.width, self.height, 1.0 - share)
        out = finish.planes(self.width, self.height)
        for begin in range(0, self.height, BAND):
            check()
            self._band(out, meshes, mask, tones, glow, begin, min(begin + BAND, self.height))
        return out

    def _band(
        self, out: Planes, meshes: list[Floats], mask: Floats, tones: list[Floats], glow: Floats, begin: int, end: int
    ) -> None:
        """Rows `begin` … `end` (both even) of a frame."""
        cell = self._cell
        rows = mask[begin // cell : end // cell + 2]
        wanted = float(rows.min()) < 1.0, float(rows.max()) > 0.0
        for layer in range(3):
            less = 2 if layer else 1
            parts = []
            for side, mesh, tone, want, hidden in zip(self.sides, meshes, tones, wanted, (1.0, 0.0), strict=True):
                part = np.zeros(((end - begin) // less, self.width // less), np.float32)
                if want:
                    if layer == 0:
                        parallax.fetch(part, side.sheet.luma, mesh, cell, side.sheet.scale, begin, mask, hidden)
                    else:
                        plane = side.sheet.blue if layer == 1 else side.sheet.red
                        parallax.fetch_tint(part, plane, mesh, cell, side.sheet.scale, begin // 2)
                    develop(part, tone, layer, cell // less, begin // less)
                parts.append(part)
            lay(parts[0], parts[1], mask, cell // less, begin // less)
            if layer == 0:
                finish.round_luma(out[0], parts[0], glow, cell, self._tile, begin)
            else:
                finish.round_tint(out[layer], parts[0], glow, layer + 1, cell, self._tile, begin // 2)


@kernel
def cloud(out: Floats, seed: int) -> None:
    """Soft noise, 0 … 1."""
    rows, columns = out.shape
    for y in range(rows):
        for x in range(columns):
            value = layered(x / rows * 3.2, y / rows * 3.2, 3, seed + 71)
            out[y, x] = min(max(0.5 + value, 0.0), 1.0)


@kernel
def follow(mesh: Floats, field: Floats, part: float, width: int, height: int) -> None:
    """Moves places back along `part` of the flow that starts at where they end up."""
    for j in range(mesh.shape[1]):
        for i in range(mesh.shape[2]):
            x, y = mesh[0, j, i], mesh[1, j, i]
            sx, sy = x, y
            for _ in range(4):
                u, v = (sx + 0.5) / width, (sy + 0.5) / height
                sx = x - part * at(field[0], u, v) * width
                sy = y - part * at(field[1], u, v) * height
            mesh[0, j, i], mesh[1, j, i] = sx, sy


@kernel
def front(
    mask: Floats, glow: Floats, order: Floats, sure_a: Floats, sure_b: Floats, mesh_a: Floats, mesh_b: Floats,
    cell: int, width: int, height: int, share: float, soft: float, shine: float,
) -> None:  # fmt: skip
    """How much of the last picture shows at each point, and the light that runs with the front."""
    for j in range(mask.shape[0]):
        for i in range(mask.shape[1]):
            when = at(order, (i * cell + 0.5) / width, (j * cell + 0.5) / height)
            m = min(max((share * (1.0 + soft) - when) / soft, 0.0), 1.0)
            m = m * m * (3.0 - 2.0 * m)
            a = 0.04 + at(sure_a, (mesh_a[0, j, i] + 0.5) / width, (mesh_a[1, j, i] + 0.5) / height)
            b = 0.04 + at(sure_b, (mesh_b[0, j, i] + 0.5) / width, (mesh_b[1, j, i] + 0.5) / height)
            m = m * b / max(m * b + (1.0 - m) * a, 1e-6)
            mask[j, i] = m
            warm = shine * 4.0 * m * (1.0 - m)
            glow[0, j, i] = 1.0 + 0.06 * warm
            glow[1, j, i] = 9.0 * warm
            glow[2, j, i] = -2.5 * warm
            glow[3, j, i] = 2.0 * warm


@kernel
def relight(
    tone: Floats, own: Floats, others: Floats, light: Floats, aim: Floats, width: int, height: int, part: float
) -> None:
    """How a picture (seen through the mesh `own`) must be changed to stand in a light that has gone `part` of the
    way from its own to the other's: a gain for detail, and what to add to luma, blue and red."""
    for j in range(tone.shape[1]):
        for i in range(tone.shape[2]):
            u, v = (own[0, j, i] + 0.5) / width, (own[1, j, i] + 0.5) / height
            a, b = (others[0, j, i] + 0.5) / width, (others[1, j, i] + 0.5) / height
            here, there = at(light[0], u, v) + _DARKEST, at(aim[0], a, b) + _DARKEST
            ratio = (there / here) ** part
            gain = min(max(ratio**0.30, 0.65), 1.6)
            tone[0, j, i] = gain
            # Code values count from 16.
            tone[1, j, i] = here * ratio - _DARKEST - (here - _DARKEST) * gain + 16.0 * (1.0 - gain)
            for c in range(1, 3):
                from_, to = at(light[c], u, v), at(aim[c], a, b)
                tone[1 + c, j, i] = from_ + (to - from_) * part - from_ * gain + 128.0 * (1.0 - gain)


@kernel
def develop(values: Floats, tone: Floats, layer: int, cell: int, begin: int) -> None:
    """Code values of one layer in the light of `tone`, which has a point for every cell-th value."""
    height, width = values.shape
    lines = np.empty((2, tone.shape[2]), np.float32)
    for row in range(height):
        j = (begin + row) // cell
        b = f32(begin + row - j * cell) / f32(cell)
        for i in range(tone.shape[2]):
            lines[0, i] = tone[0, j, i] + (tone[0, j + 1, i] - tone[0, j, i]) * b
            lines[1, i] = tone[1 + layer, j, i] + (tone[1 + layer, j + 1, i] - tone[1 + layer, j, i]) * b
        for x in range(width):
            i = x // cell
            a = f32(x - i * cell) / f32(cell)
            gain = lines[0, i] + (lines[0, i + 1] - lines[0, i]) * a
            values[row, x] = values[row, x] * gain + lines[1, i] + (lines[1, i + 1] - lines[1, i]) * a


@kernel
def lay(under: Floats, over: Floats, mask: Floats, cell: int, begin: int) -> None:
    """`over` laid onto `under` by a mask with a point for every cell-th value."""
    height, width = under.shape
    line = np.empty(mask.shape[1], np.float32)
    for row in range(height):
        j = (begin + row) // cell
        b = f32(begin + row - j * cell) / f32(cell)
        for i in range(mask.shape[1]):
            line[i] = mask[j, i] + (mask[j + 1, i] - mask[j, i]) * b
        for x in range(width):
            i = x // cell
            m = line[i] + (line[i + 1] - line[i]) * (f32(x - i * cell) / f32(cell))
            under[row, x] += (over[row, x] - under[row, x]) * m


def _level(shape: tuple[int, ...], here: float, there: float) -> Floats:
    """A flow that brings the horizon from `here` to `there` and leaves the borders where they are."""
    rows, columns = shape
    field = np.zeros((2, rows, columns), np.float32)
    high = (np.arange(rows) + 0.5) / rows
    bend = np.minimum(high / here, (1 - high) / (1 - here))
    field[1] = (np.clip(there - here, -0.18, 0.18) * np.sin(bend * np.pi / 2) ** 2)[:, None]
    return field


def _light(rgb: Floats) -> Floats:
    """(3, rows, columns): luma above black, blue and red in code values, without their detail."""
    luma = depth.grey(rgb)
    codes = (219 * luma, 224 / 1.8556 * (rgb[..., 2] - luma), 224 / 1.5748 * (rgb[..., 0] - luma))
    reach = max(rgb.shape[1] // 22, 2)
    return np.ascontiguousarray([depth.box(depth.box(code, reach), reach) for code in codes], np.float32)
