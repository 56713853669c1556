"""Pictures that come alive: what a customer's images become when they are a shot's first and last frame.

`direction` reads the prompt for pictures, `fit` lays them over the frame, `depth` studies the place, `parallax`
moves through it, `light` makes it live, `finish` rounds to bytes; `still` joins these for one picture and
`passage` leads from one picture to another. No weights; the same input gives the same frames.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seedbed.engines import FPS, RenderRequest
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.stills import direction, fit
from seedbed.engines.previz.stills.finish import Planes
from seedbed.engines.previz.stills.passage import Passage
from seedbed.engines.previz.stills.still import Check, Still

Floats = NDArray[np.float32]

__all__ = ["Passage", "Picture", "Still", "choose", "warm"]


class Picture(Protocol):
    """What draws frames."""

    def draw(self, number: int, check: Check) -> Planes: ...

    def plan(self) -> dict[str, Any]: ...


def choose(request: RenderRequest, shot: Shot, check: Check, poses: Floats | None = None) -> Picture:
    """What draws the frames of `request`, which has at least one image. `poses`, (frames, 8), takes the place of the
    prompt's camera where there is one picture. Raises EngineError when one cannot be read."""
    way = direction.read(request.prompt, shot, fixed=request.fixed_lens)
    first, last = _ends(request)
    if first is not None and last is not None:
        return Passage(
            fit.load(first), fit.load(last), way, width=request.width, height=request.height,
            frames=request.frame_count, fps=FPS, seed=request.seed, check=check,
        )  # fmt: skip
    path = first if first is not None else last
    assert path is not None
    return Still(
        fit.load(path), way, width=request.width, height=request.height, frames=request.frame_count, fps=FPS,
        seed=request.seed, backwards=first is None, poses=poses,
    )  # fmt: skip


def _ends(request: RenderRequest) -> tuple[Path | None, Path | None]:
    """The images of the first and of the last frame; one that is only a reference stands in for the first."""
    images = [medium for medium in request.media if medium.kind == "image"]
    first = next((medium.path for medium in images if medium.role == "first_frame"), None)
    last = next((medium.path for medium in images if medium.role == "last_frame"), None)
    if first is None and last is None:
        first = images[0].path
    return first, last


def warm() -> None:
    """Compiles every kernel of this package and keeps the results on disk."""
    words = frozenset({"flames", "blown", "snow", "rain", "fog", "smoke", "water", "wind", "clouds", "sun", "person"})
    way = direction.Direction("push", 1, 1, 1.0, words)
    image = Image.new("RGB", (96, 64), (70, 40, 20))
    for place in (24, 48, 72):
        image.paste((255, 230, 150), (place, 24, place + 3, 34))
    still = Still(image, way, width=96, height=64, frames=24, fps=FPS, seed=1)
    passage = Passage(image, image.rotate(180), way, width=96, height=64, frames=24, fps=FPS, seed=1, check=_go_on)
    still.draw(20, _go_on)
    passage.draw(12, _go_on)


def _go_on() -> None:
    """Nobody stops a warming."""
