"""One picture that comes alive: seen as it is in the first frame, then moved through and lit as the prompt says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seedbed.engines.previz.stills import depth, finish, fit, light, parallax
from seedbed.engines.previz.stills.direction import Direction
from seedbed.engines.previz.stills.finish import Planes

Floats = NDArray[np.float32]
Check = Callable[[], None]

STUDY_PX, SPOTS_PX = 256, 640
"""Longer sides of the copies in which the place and its flames are looked for."""
BAND = 96
"""Rows of a frame drawn between two looks at whether to stop."""


class Still:
    """All frames of one picture. `draw` is pure and may be called from any thread.

    `backwards` runs the camera the other way, so that the picture is the last frame's instead of the first's.
    `poses`, (frames, 8) as in `parallax`, takes the place of the camera that `way` asks for.
    """

    def __init__(
        self, image: Image.Image, way: Direction, *, width: int, height: int, frames: int, fps: int, seed: int,
        backwards: bool = False, poses: Floats | None = None,
    ) -> None:  # fmt: skip
        self.width, self.height, self._frames, self._fps = width, height, frames, fps
        self._way, self._seed, self._backwards, self._poses = way, seed & 0x7FFFFFFF, backwards, poses
        moves = way.move != "static" or poses is not None
        self._sheet = fit.sheet(image, width=width, height=height, finer=moves, small_px=SPOTS_PX)
        small = self._sheet.small
        self.place = depth.study(
            little(small, STUDY_PX), water="water" in way.living, person=bool(way.living & {"person", "blown"})
        )
        self.life = light.life(way.living, small, frames / fps, moving_sky=bool(way.living & {"clouds", "wind"}))
        self._patches = finish.dark_patches(self._sheet, self.life.flames, width, height)
        self._sun, self._tone = _sun(small), _tone(small)
        self._cell = parallax.cell_px(width, height)
        self._tile = finish.dither()
        lit = self.life.lit
        self._lit = bool(lit.any())
        self._blown = bool((self.life.flames[:, light.OUT_S] < frames / fps).any())
        self._falling = [kind for kind in ("snow", "rain") if kind in way.living]

    def plan(self) -> dict[str, Any]:
        """What was found in the picture, for people to read."""
        maps = self.place.maps
        found = {"water": depth.WATER, "foliage": depth.LEAVES, "sky": depth.SKY}
        parts: dict[str, Any] = {name: round(float((maps[layer] > 0.5).mean()), 2) for name, layer in found.items()}
        return self._way.plan() | {"picture": parts | {"flames": len(self.life.flames)}}

    def _mesh(self, number: int) -> Floats:
        """Where each of frame `number`'s points lies in the picture, in pixels of the frame."""
        seconds = self._alive_s(number)
        rows, columns = parallax.nodes(self.width, self.height, self._cell)
        mesh = np.empty((2, rows, columns), np.float32)
        parallax.aim(mesh, self.place.maps[depth.NEAR], self.width, self.height, self._cell, self._pose(number))
        life = self.life
        light.stir(mesh, self.place.maps, life.moving, life.flames, self.width, self.height, seconds, self._seed)
        return mesh

    def _pose(self, number: int) -> Floats:
        if self._poses is not None:
            return np.asarray(self._poses[number], np.float32)
        share = number / max(self._frames - 1, 1)
        share = 1.0 - share if self._backwards else share
        return parallax.pose(self._way, share, share * self._frames / self._fps, self._frames / self._fps)

    def _alive_s(self, number: int) -> float:
        """Seconds that things have lived: none in the frame that is the picture."""
        return (self._frames - 1 - number if self._backwards else number) / self._fps

    def draw(self, number: int, check: Check) -> Planes:
        """Frame `number` as the three planes of 4:2:0 BT.709. `check` is called often and may raise to stop."""
        check()
        mesh, seconds = self._mesh(number), self._alive_s(number)
        out = finish.planes(self.width, self.height)
        glow = self._glow(mesh, seconds)
        check()
        for begin in range(0, self.height, BAND):
            check()
            self._band(out, mesh, glow, begin, min(begin + BAND, self.height), seconds)
        for kind in self._falling:
            light.let_fall(*out, mesh, self.place.maps, self._cell, kind == "snow", seconds, self._seed)
        return out

    def _glow(self, mesh: Floats, seconds: float) -> Floats:
        glow = np.zeros((4, *mesh.shape[1:]), np.float32)
        glow[light.GAIN] = 1.0
        life, size = self.life, (self.width, self.height)
        if self._lit:
            light.shine(
                glow, mesh, self.place.maps, life.lit, life.flames, self._sun, self._tone, *size, seconds, self._seed
            )
        if self._blown:
            light.wisps(glow, mesh, life.flames, *size, seconds, self._seed)
        return glow

    def _band(self, out: Planes, mesh: Floats, glow: Floats, begin: int, end: int, seconds: float) -> None:
        """Rows `begin` … `end` (both even) of a frame."""
        cell, scale, tile = self._cell, self._sheet.scale, self._tile
        luma = np.empty((end - begin, self.width), np.float32)
        parallax.fetch(luma, self._sheet.luma, mesh, cell, scale, begin, glow[light.GAIN], parallax.ALL)
        self._put_out(luma, 0, mesh, begin, seconds, 1)
        finish.round_luma(out[0], luma, glow, cell, tile, begin)
        for layer, plane in ((1, self._sheet.blue), (2, self._sheet.red)):
            tint = np.empty(((end - begin) // 2, self.width // 2), np.float32)
            parallax.fetch_tint(tint, plane, mesh, cell, scale, begin // 2)
            self._put_out(tint, layer, mesh, begin // 2, seconds, 2)
            finish.round_tint(out[layer], tint, glow, layer + 1, cell, tile, begin // 2)

    def _put_out(self, plane: Floats, layer: int, mesh: Floats, begin: int, seconds: float, less: int) -> None:
        if self._blown:
            size = (self.width, self.height)
            finish.quench(plane, self._patches, layer, mesh, self._cell, self.life.flames, *size, seconds, begin, less)


def little(small: Floats, longer_px: int) -> Floats:
    """A study copy shrunk further."""
    share = longer_px / max(small.shape[:2])
    size = (max(round(small.shape[1] * share), 16), max(round(small.shape[0] * share), 16))
    image = Image.fromarray((small * 255 + 0.5).astype(np.uint8)).resize(size, Image.Resampling.BOX)
    return np.ascontiguousarray(np.asarray(image, np.float32) / np.float32(255))


def _sun(small: Floats) -> Floats:
    """Where the light comes from: the middle of the brightest soft spot of the upper three quarters."""
    luma = depth.grey(small)
    soft = depth.box(luma, max(luma.shape[1] // 30, 1))[: max(luma.shape[0] * 3 // 4, 1)]
    row, column = np.unravel_index(int(soft.argmax()), soft.shape)
    return np.array([(column + 0.5) / luma.shape[1], (row + 0.5) / luma.shape[0]], np.float32)


def _tone(small: Floats) -> Floats:
    """The colour of fog in this light: that of the picture's upper part, paler. Luma, blue, red in code values."""
    r, g, b = (float(small[: small.shape[0] // 2, :, c].mean()) for c in range(3))
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    pale = 219.0 * min(0.25 + 0.85 * y, 0.92)
    return np.array([pale, 224 * (b - y) / 1.8556 * 0.5, 224 * (r - y) / 1.5748 * 0.5], np.float32)
