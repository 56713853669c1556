"""The making of one film: what its prompt and its references ask for, who draws each cut, and how it sounds."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

from seedbed.engines import FPS, RenderRequest
from seedbed.engines.previz import references, script
from seedbed.engines.previz.camera import Pose
from seedbed.engines.previz.channels import tempered
from seedbed.engines.previz.finish import Finish
from seedbed.engines.previz.frame import Check
from seedbed.engines.previz.grade import Planes
from seedbed.engines.previz.reel import Detail
from seedbed.engines.previz.references.edited import Restyle
from seedbed.engines.previz.references.palette import Toned, rise_of
from seedbed.engines.previz.show import Picture, mixed
from seedbed.engines.previz.sound import Sound, compose, from_audio
from seedbed.engines.previz.stills.finish import smooth
from seedbed.engines.previz.takes import picture_of, unplayed

DETAIL = {
    "mini": Detail(rays=1, grid=1536, fineness=0.8),
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
        self._given = self._drawn_from(told[0].shot)
        if self._given:
            # The customer's own pictures keep their look; a channel is for what is made up.
            self.cuts: tuple[script.Cut, ...] = (script.Cut(told[0].shot, request.frame_count),)
        else:
            told = tempered(told, request.prompt, request.channel, request.seed)
            self.cuts = self._references.cuts(told, request.frame_count)
        self.plan = self._understood()

    def _drawn_from(self, shot: script.Shot) -> references.Picture | None:
        """What draws the film from a picture or a clip that was given, in the style that the prompt names."""
        restyle = self._restyle(shot)
        picture = self._references.picture(self._request, shot, self._check, restyle)
        if picture is None or shot.style == "natural" or self._references.phrase == "edit":
            return picture
        roles = {medium.role for medium in self._request.media if medium.kind == "image"}
        last = self._request.frame_count - 1 if "last_frame" in roles else None
        return Eased(picture, restyle, first=roles != {"last_frame"}, last=last)

    def _restyle(self, shot: script.Shot) -> Restyle:
        """The prompt's style, light and mood over frames that are developed already."""
        request = self._request
        finish = Finish(shot, width=request.width, height=request.height, fps=FPS, seed=request.seed)
        return lambda planes, number, check: finish.restyle(planes, number, check, regrade=True)

    def _understood(self) -> dict[str, Any]:
        """The first shot's words, and all shots where there are several."""
        request, kinds = self._request, {medium.kind for medium in self._request.media}
        plan: dict[str, Any] = {"seed": request.seed, "fixed_lens": request.fixed_lens, "channel": request.channel}
        plan |= self.cuts[0].shot.plan()
        if len(self.cuts) > 1:
            plan["shots"] = [cut.plan(FPS) for cut in self.cuts]
        plan["source"] = "text" if not self._given else "image" if "image" in kinds else "video"
        if not self._given:
            plan["notes"] = plan["notes"] + [note for cut in self.cuts for note in unplayed(cut.shot)]
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


class Eased:
    """A picture that grows into its style within a second, and out of it before its last frame, where these frames
    are pictures that were given and must show as they are."""

    def __init__(self, picture: references.Picture, restyle: Restyle, *, first: bool, last: int | None) -> None:
        self._picture, self._restyle, self._first, self._last = picture, restyle, first, last

    def plan(self) -> dict[str, Any]:
        """What the picture says."""
        return self._picture.plan()

    def draw(self, number: int, check: Check) -> Planes:
        """Frame `number` as the three planes of 4:2:0 BT.709."""
        planes = self._picture.draw(number, check)
        away = [number] if self._first else []
        away += [self._last - number] if self._last is not None else []
        share = smooth(min(min(away, default=FPS) / FPS, 1.0))
        if share <= 0.0:
            return planes
        styled = self._restyle(planes, number, check)
        return styled if share >= 1.0 else mixed(planes, styled, share)


class _Planned:
    """A picture that says nothing of itself."""

    def __init__(self, picture: Picture) -> None:
        self.draw = picture.draw

    def plan(self) -> dict[str, Any]:
        return {}
