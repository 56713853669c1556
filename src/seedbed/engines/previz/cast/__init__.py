"""The subjects of a shot: where they stand and go (`staging`), and who plays them (`actors`)."""

from __future__ import annotations

from seedbed.engines.previz.cast.actors import PLAYED, Scenery, actors_of
from seedbed.engines.previz.cast.staging import Ground, Stage
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.shapes import Air, Palette, Troupe

__all__ = ["PLAYED", "Stage", "troupe"]


def troupe(shot: Shot, stage: Stage, ground: Ground, air: Air, *, seed: int, dark: float) -> Troupe | None:
    """All that plays on `stage` in the light of `air`; `dark` is 0 by day and 1 by night."""
    scenery = Scenery(shot, ground, Palette(), seed, dark)
    found = [actor for mark in stage.marks for actor in actors_of(mark, scenery)]
    return Troupe(found, scenery.palette.rows(), air) if found else None
