"""The subjects of a shot: where they stand and go (`staging`), and who plays them (`crafts`, `creatures`, `fires`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.cast.crafts import CRAFTS
from seedbed.engines.previz.cast.creatures import CREATURES
from seedbed.engines.previz.cast.fires import FIRES, GLOWS, Glow
from seedbed.engines.previz.cast.lamplight import lamplight
from seedbed.engines.previz.cast.scenery import Scenery
from seedbed.engines.previz.cast.staging import Ground, Mark, Stage
from seedbed.engines.previz.frame import Check, Frame
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.shapes import Actor, Air, Palette, Troupe, draw_sprites

__all__ = ["PLAYED", "Cast", "Stage", "assembled", "players"]

Floats = NDArray[np.float32]

_PLAYERS: dict[str, Callable[[Mark, Scenery], list[Actor]]] = {**CRAFTS, **CREATURES, **FIRES}
PLAYED = frozenset(_PLAYERS)
"""The subjects that can be drawn."""


@dataclass(frozen=True, slots=True)
class Cast:
    """All that plays in a shot. `lamps` are the actors who carry some, `sky` the light that lies on the land.

    `draw` is pure and may be called from any thread."""

    troupe: Troupe | None
    glows: tuple[Glow, ...]
    lamps: tuple[Actor, ...]
    sky: Floats

    def __bool__(self) -> bool:
        return self.troupe is not None or bool(self.glows)

    def draw(
        self, frame: Frame, seconds: float, check: Check, *, water: Floats | None = None, pano: Floats | None = None
    ) -> None:
        """Into `frame`, which holds the place already; mirrored in its `water`, if there is any. `pano` is the sky."""
        if self.lamps:
            bulbs = np.concatenate([actor.bulbs(seconds) for actor in self.lamps]).astype(np.float32)
            view = frame.view
            lamplight(
                frame.light, frame.depth, view, bulbs, self.sky, math.sin(view.yaw), math.cos(view.yaw), frame.width
            )
            check()
        if self.troupe is not None:
            self.troupe.draw(frame, seconds, check, water=water, pano=pano)
        lights = [glow(seconds) for glow in self.glows]
        if lights:
            draw_sprites(frame, np.concatenate(lights), check)


def players(marks: Sequence[Mark], scenery: Scenery) -> tuple[list[Actor], tuple[Glow, ...]]:
    """Who plays `marks`, and what of them is light alone. Their paints are added to the scenery's palette."""
    actors = [actor for mark in marks for actor in _PLAYERS[mark.kind](mark, scenery)]
    return actors, tuple(GLOWS[mark.kind](mark, scenery) for mark in marks if mark.kind in GLOWS)


def assembled(shot: Shot, stage: Stage, ground: Ground, air: Air, *, seed: int, dark: float) -> Cast:
    """All that plays on `stage` in the light of `air`; `dark` is 0 by day and 1 by night."""
    scenery = Scenery(shot, ground, Palette(), seed, dark)
    actors, glows = players(stage.marks, scenery)
    lamps = tuple(actor for actor in actors if len(actor.bulbs(0.0)))
    sky = np.asarray(air.lamp[1] + 0.5 * air.lamp[0], np.float32)
    return Cast(Troupe(actors, scenery.palette.rows(), air) if actors else None, glows, lamps, sky)
