"""How a film looks when it is finished: styles, light and mood, laid over drawn light or over a finished picture.

`recipe` holds the tables of taste; `wear` and `tape` are what film and video do to a picture; `study` finds the
strokes and contours of one, `paint` paints it with them on what `texture` makes. `Finish` joins these for a shot.
Grain moves with every frame; paper, canvas and halftone stand still. No style keeps anything between frames:
any frame may be finished by any thread at any time, with the same result.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz import grade
from seedbed.engines.previz.finish import paint, tape, wear
from seedbed.engines.previz.finish.recipe import STYLES, Recipe, film, matrix, recipe_for
from seedbed.engines.previz.grade import Planes
from seedbed.engines.previz.script import Shot, read

__all__ = ["Finish", "Planes", "warm"]

Floats = NDArray[np.float32]
Check = Callable[[], None]

_INVERSE = 1024
_LIGHT_MAX = 2.2
"""The linear light of a finished picture's white: brighter, and every sheet of paper in it would glow."""

_KNEE = 1.2
"""From which light on a finished picture glows: it has had its glow once."""


class Finish:
    """The look of one shot at one size. Building it makes tables and tiles; frames then share them, unchanged."""

    def __init__(
        self, shot: Shot, *, width: int, height: int, fps: int, seed: int, exposure: float = 1.0, warm: float = 0.0,
        saturation: float = 1.0,
    ) -> None:  # fmt: skip
        self.style = shot.style if shot.style in STYLES else "natural"
        self.width, self.height = width, height
        self._fps, self._seed = fps, seed
        recipe = recipe_for(self.style, shot.light, shot.moods)
        self._recipe, self._leans = recipe, recipe != STYLES[self.style]
        scale = math.sqrt(width * height) / 960.0
        grain = grade.grain_tile(seed, recipe.grain_px * max(scale, 0.7) if recipe.grain_px else 0.0)
        self._bath = _bath(recipe, grain, exposure, warm, saturation)
        # A finished picture has its scene's exposure, warmth, glow and vignette: only the style's own are added.
        over = replace(
            recipe,
            gain=recipe.gain**0.6,
            saturation=recipe.saturation**0.6,
            bloom=(recipe.bloom[0] * 0.6, recipe.bloom[1] * 0.6, recipe.bloom[2] * 0.6),
            vignette=max(recipe.vignette - 0.12, 0.0),
        )
        self._over = _bath(over, grain, 1.0, 0.0, 1.0)
        self._inverse = _inverse()
        self._block = max(round(math.sqrt(width * height) / 120), 4)
        self._easel = paint.Easel(self.style, width, height, seed) if self.style in paint.KINDS else None

    def develop(self, light: Floats, number: int, check: Check) -> Planes:
        """Frame `number` from linear light (3, rows, stride), of which the first `width` columns count."""
        return self._styled(light, number, self._bath, self._recipe.knee, check)

    def restyle(self, planes: Planes, number: int, check: Check, *, regrade: bool = False) -> Planes:
        """The same style over a finished frame, which is left as it is; natural gives back the very planes.

        With `regrade`, the shot's light and moods are laid over a natural picture too, where it has any.
        """
        if self.style == "natural" and not (regrade and self._leans):
            return planes
        if planes[0].shape != (self.height, self.width):
            raise ValueError(f"a frame of {planes[0].shape} cannot be finished at {(self.height, self.width)}")
        light = np.empty((3, self.height, self.width), np.float32)
        grade.undevelop(*planes, self._inverse, light)
        check()
        return self._styled(light, number, self._over, _KNEE, check)

    def _styled(self, light: Floats, number: int, bath: grade.Bath, knee: float, check: Check) -> Planes:
        planes = self._developed(light, number, bath, knee)
        check()
        if self._easel is not None:
            planes = self._easel.paint(planes, check)
        elif self.style == "vhs":
            planes = tape.play(planes, number, self._seed)
        elif self.style == "vintage":
            wear.dirty(planes, number, self._fps, self._seed)
        elif self.style == "cinematic":
            wear.letterbox(planes)
        return planes

    def _developed(self, light: Floats, number: int, bath: grade.Bath, knee: float) -> Planes:
        width, height, block = self.width, self.height, self._block
        small = np.empty((3, -(-height // block), -(-width // block)), np.float32)
        grade.shrink(light, width, height, block, knee, small)
        grade.spread(small, np.empty_like(small), self._recipe.reach)
        planes = empty_planes(width, height)
        gate = grade.Gate(number, 1.0, 0.0, 0.0)
        if self.style == "vintage":
            gate = wear.gate(number, self._seed)
        grade.develop(light, small, block, bath, gate, *planes)
        return planes


def empty_planes(width: int, height: int) -> Planes:
    """Room for one frame."""
    half = (height // 2, width // 2)
    return np.empty((height, width), np.uint8), np.empty(half, np.uint8), np.empty(half, np.uint8)


def _bath(recipe: Recipe, grain: Floats, exposure: float, warm: float, saturation: float) -> grade.Bath:
    return grade.Bath(
        curve=film(recipe, exposure, warm), grain=grain, strength=recipe.grain, stain=recipe.stain,
        mix=matrix(recipe, saturation), saturation=saturation * recipe.saturation,
        bloom=np.array(recipe.bloom, np.float32), vignette=recipe.vignette,
        scale=np.array([1.0 + recipe.fringe, 1.0, 1.0 - recipe.fringe], np.float32),
    )  # fmt: skip


def _inverse() -> Floats:
    """A table from display values 0 … 1 to the light that the plain film curve makes them of."""
    curve = grade.film_curve(1.0, 0.0)[0].astype(np.float64)
    root = np.linspace(0.0, 2.0, grade.CURVE)
    rising = np.concatenate([[True], np.diff(curve) > 0])
    light = np.interp(np.linspace(0.0, 1.0, _INVERSE), curve[rising], root[rising]) ** 2
    return np.asarray(np.minimum(light, _LIGHT_MAX), np.float32)


def warm() -> None:
    """Compiles every kernel of this package and keeps the results on disk."""
    light = np.full((3, 64, 80), 0.3, np.float32)
    light[:, 20:40, 20:40] = 1.5
    for style in ("natural", "noir", "vintage", "vhs", *paint.KINDS):
        shot = replace(read("a river"), style=style)
        finish = Finish(shot, width=64, height=64, fps=24, seed=1)
        finish.restyle(finish.develop(light, 1, _go_on), 1, _go_on)


def _go_on() -> None:
    """Nobody stops a warming."""
