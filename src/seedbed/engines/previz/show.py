"""The cuts of a film as one run of frames: each is built when its turn comes and forgotten after, and joined as told.

A dissolve lays the first frames of a cut over what goes on of the one before; a fade goes through black.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from typing import Protocol

import numpy as np

from seedbed.engines.previz.frame import Check
from seedbed.engines.previz.grade import Planes
from seedbed.engines.previz.script import Cut

DISSOLVE_FRAMES = 20
FADE_FRAMES = 10
BLACK = (16, 128, 128)
PREPARING = 10
"""How many frames' work the building of a cut is taken for, when progress is told."""


class Picture(Protocol):
    """What draws the frames of one cut. `draw` is pure: any thread may draw any frame at any time."""

    def draw(self, number: int, check: Check) -> Planes: ...


Build = Callable[[int, int], Picture]
"""Builds the picture of the cut of a number, for so many frames: more than the cut's where a dissolve needs them."""


def play(
    cuts: Sequence[Cut], build: Build, *, pool: Executor, ahead: int, check: Check, reach: Callable[[float], None]
) -> Iterator[Planes]:
    """All frames of the film in order, drawn in `pool`, at most `ahead` of them at a time. `reach` is told the share
    of the work that is done."""
    work = sum(cut.frames for cut in cuts) + PREPARING * len(cuts)
    done = 0
    before: Picture | None = None
    for number, cut in enumerate(cuts):
        check()
        picture = build(number, cut.frames + overlap(cuts, number + 1))
        done += PREPARING
        reach(done / work)
        under = before if cut.join == "dissolve" else None
        # Numbers go on in the picture before: its frames after its own last one.
        goes_on = cuts[number - 1].frames
        for planes in _drawn(cuts, number, picture, under, goes_on, pool, ahead, check):
            yield planes
            done += 1
            reach(done / work)
        before = picture


def overlap(cuts: Sequence[Cut], number: int) -> int:
    """Frames that the cut before `number` lives on beneath it."""
    if number >= len(cuts) or cuts[number].join != "dissolve":
        return 0
    return min(DISSOLVE_FRAMES, cuts[number].frames * 2 // 3)


def _drawn(
    cuts: Sequence[Cut], number: int, picture: Picture, under: Picture | None, goes_on: int, pool: Executor, ahead: int,
    check: Check,
) -> Iterator[Planes]:  # fmt: skip
    cut = cuts[number]
    blend = overlap(cuts, number) if under is not None else 0

    def one(frame: int) -> Planes:
        planes = picture.draw(frame, check)
        if under is not None and frame < blend:
            return mixed(under.draw(goes_on + frame, check), planes, (frame + 1) / (blend + 1))
        return _faded(cuts, number, frame, planes)

    waiting: deque[Future[Planes]] = deque()
    try:
        for frame in range(cut.frames):
            waiting.append(pool.submit(one, frame))
            if len(waiting) == ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _faded(cuts: Sequence[Cut], number: int, frame: int, planes: Planes) -> Planes:
    """Out of black and into it, where the cuts say so."""
    cut = cuts[number]
    length = min(FADE_FRAMES, cut.frames // 3)
    share = 1.0
    if cut.join == "fade" and number:
        share = min(share, (frame + 1) / (length + 1))
    if cut.leaves or (number + 1 < len(cuts) and cuts[number + 1].join == "fade"):
        share = min(share, (cut.frames - 1 - frame) / length)
    return planes if share >= 1.0 else _dimmed(planes, share)


def mixed(below: Planes, above: Planes, share: float) -> Planes:
    """`share` of `above` (0 … 1) laid over `below`."""
    weight = np.uint16(round(share * 256))
    rest = np.uint16(256) - weight
    layers = [
        ((a.astype(np.uint16) * rest + b * weight + np.uint16(128)) >> 8).astype(np.uint8)
        for a, b in zip(below, above, strict=True)
    ]
    return layers[0], layers[1], layers[2]


def _dimmed(planes: Planes, share: float) -> Planes:
    black = [np.full_like(plane, value) for plane, value in zip(planes, BLACK, strict=True)]
    return mixed((black[0], black[1], black[2]), planes, share)
