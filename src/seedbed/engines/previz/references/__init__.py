"""What a customer's references become: a camera path, a look, beats and a sound, or a clip to go on from or to edit.

`clip` and `source` read videos, `motion` finds how their camera moves and `follow` lays that onto ours; `continued`
goes on where a clip ends, `edited` (with `change`) gives one back in another season, light or weather; `palette`
takes over colours, texture and horizon; `beats` finds the beats of a sound and cuts a film on them; `sound` decodes;
`phrases` reads what the prompt says about all this. `read` is the door. No weights; the same input gives the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seedbed.engines import FPS, RenderRequest
from seedbed.engines.previz import stills
from seedbed.engines.previz.camera import Pose, Steer
from seedbed.engines.previz.film import Film
from seedbed.engines.previz.grade import Planes
from seedbed.engines.previz.references import beats as rhythm
from seedbed.engines.previz.references import follow, motion, palette, phrases, sound
from seedbed.engines.previz.references.beats import Beats, accents, beats_of, retime
from seedbed.engines.previz.references.continued import Continued
from seedbed.engines.previz.references.edited import Edited, Restyle
from seedbed.engines.previz.references.motion import CameraPath
from seedbed.engines.previz.references.palette import LookHint, Toned, composed
from seedbed.engines.previz.references.sound import load_sound
from seedbed.engines.previz.script import Cut, Shot
from seedbed.engines.previz.sound import RATE
from seedbed.engines.previz.stills import direction

__all__ = [
    "Beats", "CameraPath", "Continued", "Edited", "LookHint", "References", "Toned", "accents", "beats_of", "composed",
    "load_sound", "read", "retime", "warm",
]  # fmt: skip

Floats = NDArray[np.float32]
Check = Callable[[], None]


class Picture(Protocol):
    """What draws frames."""

    def draw(self, number: int, check: Check) -> Planes: ...

    def plan(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class References:
    """What a request's references ask for; None where they say nothing.

    `clip` is the video that `phrase` ("continue", "edit") is about. `path` leads the camera, `look` colours and
    composes the film. `beats` are those of the reference sounds; `synced` says that the prompt wants to see them.
    `sound` (samples, 2) at 48 kHz is as long as the film and takes the place of one of our own.
    """

    phrase: phrases.Phrase = ""
    clip: Path | None = None
    path: CameraPath | None = None
    look: LookHint | None = None
    beats: Beats | None = None
    sound: Floats | None = None
    synced: bool = False
    fixed: bool = False
    pulses: Floats | None = None

    def picture(
        self, request: RenderRequest, shot: Shot, check: Check, restyle: Restyle | None = None
    ) -> Picture | None:
        """What draws the film where the references are the film: a clip to edit or to go on from, or a first or last
        picture, whose camera follows `path` and the beats. None where a world has to be built for the prompt.
        `restyle` is laid over the frames of an edited clip. Raises EngineError when one cannot be read."""
        size = {"width": request.width, "height": request.height, "frames": request.frame_count}
        if self.clip is not None and self.phrase == "edit":
            return Edited(self.clip, request.prompt, **size, seed=request.seed, check=check, restyle=restyle)
        way = direction.read(request.prompt, shot, fixed=request.fixed_lens)
        if self.clip is not None:
            return Continued(self.clip, way, **size, seed=request.seed, fixed=request.fixed_lens, check=check)
        roles = {medium.role for medium in request.media if medium.kind == "image"}
        if not roles & {"first_frame", "last_frame"}:
            return None
        return stills.choose(request, shot, check, self._in_picture(way, request, backwards="first_frame" not in roles))

    def _in_picture(self, way: direction.Direction, request: RenderRequest, *, backwards: bool) -> Floats | None:
        if self.fixed or (self.path is None and self.pulses is None):
            return None
        frames = request.frame_count
        if self.path is not None:
            size = {"width": request.width, "height": request.height, "frames": frames}
            poses = follow.picture_poses(self.path, **size, backwards=backwards)
        else:
            poses = follow.asked_poses(way, frames, backwards=backwards)
        if self.pulses is None:
            return poses
        # The picture itself is seen as it is.
        whole = self.pulses.copy()
        whole[-1 if backwards else 0] = 0.0
        return follow.pushed(poses, whole)

    def cuts(self, told: tuple[Cut, ...], frames: int) -> tuple[Cut, ...]:
        """The film's shots, cut on the beats where there are some."""
        return told if self.beats is None else retime(told, self.beats, frames, FPS, synced=self.synced)

    def steer(self, *, ratio: float, begin: int = 0, rise: float = 0.0) -> Steer:
        """Leads the camera of a shot in a world, which starts at the film's frame `begin`, in a frame of so much width
        to its height: as the clip's camera moved meanwhile, composed as the pictures are, with a small push at every
        beat. `rise` is how far the land stands above its horizon (`palette.rise_of`)."""

        def led(asked: list[Pose]) -> list[Pose]:
            found = asked
            if self.path is not None and not self.fixed:
                found = follow.follow(found, self.path.part(begin, len(asked)), ratio=ratio)
            if self.look is not None:
                found = composed(found, self.look, rise=rise)
            if self.pulses is not None and not self.fixed:
                found = follow.accented(found, self.pulses[begin:])
            return found

        return led

    def toned(self, picture: Picture, request: RenderRequest, check: Check) -> Picture:
        """`picture` in the look of the reference pictures. Draws a few frames to know how it looks without."""
        if self.look is None:
            return picture
        return Toned(picture, self.look, frames=request.frame_count, seed=request.seed, check=check)

    def plan(self) -> dict[str, Any]:
        """What was understood, for people to read; empty without references."""
        parts = {"camera": self.path, "look": self.look, "rhythm": self.beats}
        told: dict[str, Any] = {name: part.plan() for name, part in parts.items() if part is not None}
        if self.clip is not None:
            told["clip"] = self.phrase
        if self.sound is not None:
            told["sound"] = "the clip's" if self.beats is None else "the reference"
        return {"references": told} if told else {}


def read(request: RenderRequest, check: Check = lambda: None) -> References:
    """Gathers what the media of `request` are for. Raises EngineError when one cannot be read.

    - A video, and a prompt that says strictly to edit it: the film is that video, changed. Its own sound is kept
      unless there is a reference sound. First and last pictures do not count then; reference pictures grade it.
    - A video, and a prompt that says to continue from it: the film begins at its last frame. A first picture would
      contradict that and does not count.
    - Any other video leads the camera: in the world of the prompt, or in the first or last picture. Between a first
      and a last picture the way is given already, so it does not count there. With a fixed lens it never does.
    - Where several videos are given, the first is the one that the prompt speaks of; the second then leads nothing.
    - Pictures that are neither first nor last give palette, texture and horizon; the first counts double.
    - Sounds are the film's sound, all at once from its beginning, where sound is wanted at all; their beats move cuts
      and push the camera a little. One picture or one shot stays one shot unless the prompt wants it on the beat.
    """
    videos = [medium.path for medium in request.media if medium.kind == "video"]
    phrase = phrases.phrase_of(request.prompt) if videos else ""
    path = None
    if videos and not phrase and not request.fixed_lens:
        path = motion.path_of(videos[0], request.frame_count, check)
    hints = [medium.path for medium in request.media if medium.kind == "image" and medium.role == "reference"]
    look = palette.hint_of(hints, width=request.width, height=request.height, check=check) if hints else None
    samples = request.frame_count * RATE // FPS
    heard, found = _heard(request, check)
    mix = sound.fitted(heard, samples) if heard else None
    if mix is None and phrase == "edit" and request.audio and sound.has_sound(videos[0]):
        mix = sound.fitted([load_sound(videos[0], seconds_max=request.duration_s + 1.0)], samples)
    return References(
        phrase=phrase, clip=videos[0] if phrase else None, path=path, look=look, beats=found,
        sound=mix if request.audio else None, synced=phrases.synced(request.prompt), fixed=request.fixed_lens,
        pulses=accents(found, request.frame_count, FPS) if found and not request.fixed_lens else None,
    )  # fmt: skip


def _heard(request: RenderRequest, check: Check) -> tuple[list[Floats], Beats | None]:
    """The reference sounds, and the beats of them all together."""
    heard = []
    for medium in request.media:
        if medium.kind == "audio":
            check()
            heard.append(load_sound(medium.path, seconds_max=request.duration_s + 1.0))
    if not heard:
        return [], None
    found = beats_of(sound.fitted(heard, max(len(part) for part in heard)), RATE)
    check()
    return heard, found if len(found) else rhythm.NONE


def warm() -> None:
    """Compiles every kernel of this package and keeps the results on disk."""
    image = Image.effect_noise((160, 96), 60).convert("RGB")
    planes = palette.planes_of(image)
    look = "strictly edit this video: winter, night, rain"
    with TemporaryDirectory() as scratch:
        clip = Path(scratch) / "clip.mp4"
        with Film(clip, width=160, height=96, fps=FPS, quality="mini", sound=None) as film:
            for _ in range(4):
                film.add(*planes)
        motion.path_of(clip, 6)
        edited = Edited(clip, look, width=96, height=64, frames=6, seed=1, check=_go_on)
        for number in (0, 2):
            edited.draw(number, _go_on)
        night = Edited(clip, "strictly edit this video: night", width=96, height=64, frames=6, seed=1, check=_go_on)
        night.draw(0, _go_on)
        image.save(Path(scratch) / "look.png")
        hint = palette.hint_of([Path(scratch) / "look.png"], width=96, height=64)
        Toned(edited, hint, frames=6, seed=1, check=_go_on).draw(1, _go_on)


def _go_on() -> None:
    """Nobody stops a warming."""
