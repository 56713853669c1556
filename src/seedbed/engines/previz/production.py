"""The making of one film: what its prompt and its references ask for, who draws each cut, and how it sounds."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

from seedbed.engines import FPS, RenderRequest
from seedbed.engines.previz import references, script
from seedbed.engines.previz.camera import Pose
from seedbed.engines.previz.finish import Finish
from seedbed.engines.previz.frame import Check
from seedbed.engines.previz.reel import Detail
from seedbed.engines.previz.references.edited import Restyle
from seedbed.engines.previz.references.palette import Toned, rise_of
from seedbed.engines.previz.show import Picture
from seedbed.engines.previz.sound import Sound, compose, from_audio
from seedbed.engines.previz.takes import picture_of

DETAIL = {
    "mini": Detail(rays=1, grid=1408, fineness=0.75),
    "standard": Detail(rays=1, grid=1856, fineness=0.85),
    "pro": Detail(rays=2, grid=2304, fineness=1.2),
}
_GLIMPSE = Detail(rays=1, grid=640, fineness=0.6)
"""As much as is needed to see where the land ends."""


class Production:
    """One film. `cuts` are its shots, `plan` what was understood, as plain JSON; `build` may add to it."""

    def __init__(self, request: RenderRequest, pool: Executor, check: Check) -> None:
        """Raises EngineError when a reference cannot be read."""
        self._request, self._pool, self._check = request, pool, check
        told = script.storyboard(request.prompt, frames=request.frame_count, fps=FPS)
        self._references = references.read(request, check)
        # A picture or a clip fills the film: what the prompt tells in turn happens in it.
        self._given = self._references.picture(request, told[0].shot, check, self._restyle(told[0].shot))
        single = (script.Cut(told[0].shot, request.frame_count),)
        self.cuts = single if self._given else self._references.cuts(told, request.frame_count)
        self.plan = self._understood()

    def _restyle(self, shot: script.Shot) -> Restyle:
        """The prompt's style, light and mood over frames that are developed already."""
        request = self._request
        finish = Finish(shot, width=request.width, height=request.height, fps=FPS, seed=request.seed)
        return lambda planes, number, check: finish.restyle(planes, number, check, regrade=True)

    def _understood(self) -> dict[str, Any]:
        """The first shot's words, and all shots where there are several."""
        request, kinds = self._request, {medium.kind for medium in self._request.media}
        plan: dict[str, Any] = {"seed": request.seed, "fixed_lens": request.fixed_lens} | self.cuts[0].shot.plan()
        if len(self.cuts) > 1:
            plan["shots"] = [cut.plan(FPS) for cut in self.cuts]
        plan["source"] = "text" if not self._given else "image" if "image" in kinds else "video"
        return plan | self._references.plan() | (self._given.plan() if self._given else {})

    def sound(self) -> Sound | None:
        """The film's sound: the reference's, or one of our own; None where none is wanted."""
        request = self._request
        if not request.audio:
            return None
        if self._references.sound is not None:
            return from_audio(self._references.sound, request.duration_s)
        return compose(self.cuts, request.seed, request.duration_s)

    def build(self, number: int, frames: int) -> Picture:
        """What draws the cut of a number, for so many frames."""
        picture = self._given or self._world(number, frames)
        look = self._references.look
        if look is None:
            return picture
        return Toned(_Planned(picture), look, frames=frames, seed=self._request.seed, check=self._check)

    def _world(self, number: int, frames: int) -> Picture:
        request, shot = self._request, self.cuts[number].shot
        begin = sum(cut.frames for cut in self.cuts[:number])
        ratio = request.width / request.height
        steer = self._references.steer(ratio=ratio, begin=begin, rise=self._rise(shot))
        return picture_of(
            shot, seed=request.seed, width=request.width, height=request.height, frames=frames, fps=FPS,
            fixed=request.fixed_lens, detail=DETAIL[request.quality], pool=self._pool, check=self._check, steer=steer,
        )  # fmt: skip

    def _rise(self, shot: script.Shot) -> float:
        """How far the land of `shot` stands above its horizon, by a glimpse; only a composition asks for that."""
        look = self._references.look
        if look is None or look.horizon is None:
            return 0.0
        seen: list[Pose] = []

        def noted(poses: list[Pose]) -> list[Pose]:
            seen.extend(poses)
            return poses

        ratio = self._request.width / self._request.height
        height = 96 if ratio >= 1 else 170
        glimpse = picture_of(
            shot, seed=self._request.seed, width=round(height * ratio / 2) * 2, height=height, frames=1, fps=FPS,
            fixed=True, detail=_GLIMPSE, pool=self._pool, check=self._check, steer=noted,
        )  # fmt: skip
        return rise_of(glimpse.draw(0, self._check), seen[0]) if seen else 0.0


class _Planned:
    """A picture that says nothing of itself."""

    def __init__(self, picture: Picture) -> None:
        self.draw = picture.draw

    def plan(self) -> dict[str, Any]:
        return {}
