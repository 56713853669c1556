"""Pictures that come alive: what a customer's images become when they are a shot's first and last frame.

`direction` reads the prompt for pictures, `fit` lays them over the frame, `depth` studies the place, `parallax`
moves through it, `light` makes it live, `finish` rounds to bytes; `still` joins these for one picture and
`passage` leads from one picture to another. No weights; the same input gives the same frames.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from seedbed.engines import FPS, RenderRequest
from seedbed.engines.previz.stills import direction, fit
from seedbed.engines.previz.stills.finish import Planes
from seedbed.engines.previz.stills.passage import Passage
from seedbed.engines.previz.stills.still import Check, Still
from seedbed.engines.previz.words import Shot

__all__ = ["Passage", "Picture", "Still", "choose"]


class Picture(Protocol):
    """What draws frames."""

    def draw(self, number: int, check: Check) -> Planes: ...

    def plan(self) -> dict[str, Any]: ...


def choose(request: RenderRequest, shot: Shot, check: Check) -> Picture:
    """What draws the frames of `request`, which has at least one image. Raises EngineError when one cannot be
    read."""
    way = direction.read(request.prompt, shot, fixed=request.fixed_lens)
    first, last = _ends(request)
    size = {"width": request.width, "height": request.height, "frames": request.frame_count, "fps": FPS}
    if first is not None and last is not None:
        return Passage(fit.load(first), fit.load(last), way, seed=request.seed, check=check, **size)
    path = first if first is not None else last
    assert path is not None
    return Still(fit.load(path), way, seed=request.seed, backwards=first is None, **size)


def _ends(request: RenderRequest) -> tuple[Path | None, Path | None]:
    """The images of the first and of the last frame; one that is only a reference stands in for the first."""
    images = [medium for medium in request.media if medium.kind == "image"]
    first = next((medium.path for medium in images if medium.role == "first_frame"), None)
    last = next((medium.path for medium in images if medium.role == "last_frame"), None)
    if first is None and last is None:
        first = images[0].path
    return first, last
