"""What runs in the sandbox's process: `python -I -m seedbed.media.decoding FORM MODE PARENT`.

The medium is standard input, the current folder is where the plain file goes, and standard output carries
one JSON object a line: `walls`, `probe`, `beat` while work goes on, and at the end `plain` or `refused`
with a code. Nothing else is ever said; standard error leads nowhere.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
from av.video.frame import VideoFrame
from PIL import Image

from seedbed.media import clips, pictures, sounds, walls
from seedbed.media.refusals import Refused

BEAT_S = 1.0
PLAIN_NAMES = {"image": "plain.png", "video": "plain.mp4", "audio": "plain.wav"}


def main(form: str, mode: str, parent: int) -> None:
    """Probe the medium, and in the mode `plain` make the plain file of it too."""
    folder = Path.cwd()
    standing = walls.put_up(folder, parent=parent)
    say({"walls": sorted(standing)})
    try:
        with open(0, "rb", closefd=False) as file:
            Work(form, file, folder, make=mode == "plain", threads=2 if "calls" in standing else 1).run()
    except Refused as refused:
        say({"refused": refused.code})
    except MemoryError:
        say({"refused": "costly"})
    except Exception:
        # Whatever a library says here is about a stranger's bytes, and may quote them.
        say({"refused": "damaged"})


def say(line: dict[str, Any]) -> None:
    os.write(1, json.dumps(line).encode() + b"\n")


class Work:
    """One medium."""

    def __init__(self, form: str, file: BinaryIO, folder: Path, *, make: bool, threads: int) -> None:
        self._form, self._file, self._folder = form, file, folder
        self._make, self._threads = make, threads
        self._said_at = time.monotonic()

    def run(self) -> None:
        if self._form in ("mp4", "mov"):
            self._video()
        elif self._form in ("mp3", "wav"):
            self._audio()
        elif pictures.frame_count(self._form, self._file) > 1:
            self._moving()
        else:
            self._picture()

    def _beat(self) -> None:
        now = time.monotonic()
        if now - self._said_at > BEAT_S:
            self._said_at = now
            say({"beat": True})

    def _proven(self, kind: str, **found: Any) -> Path:
        """Say what the medium is; from now on it may take longer."""
        say({"probe": {"kind": kind, **found}})
        walls.allow_long_work()
        return self._folder / PLAIN_NAMES[kind]

    def _picture(self) -> None:
        image = pictures.plain(pictures.opened(self._form, self._file))
        path = self._proven("image", width=image.width, height=image.height)
        if self._make:
            pictures.save(image, path)
        say({"plain": {"kind": "image", "width": image.width, "height": image.height}})

    def _moving(self) -> None:
        image = pictures.opened(self._form, self._file)
        if max(image.size) > clips.FRAME_SIDE_MAX or image.width * image.height > clips.FRAME_PIXELS_MAX:
            raise Refused("dimensions")
        lengths: list[Fraction] = []
        for _, shown_s, _ in self._frames(image):
            lengths.append(shown_s)
        duration_s = sum(lengths, Fraction(0))
        path = self._proven("video", width=image.width, height=image.height, duration_s=float(duration_s))
        size = image.size
        if self._make:
            ticks = max(1, round(duration_s * clips.FPS))
            with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as film:
                frames = ((at_s, _video_frame(frame)) for at_s, _, frame in self._frames(image))
                size = clips.write_frames(film, frames, ticks, Fraction(1), self._folder, self._threads, self._beat)
            duration_s = Fraction(ticks, clips.FPS)
        say({"plain": {"kind": "video", "width": size[0], "height": size[1], "duration_s": float(duration_s)}})

    def _frames(self, image: Image.Image) -> Iterator[tuple[Fraction, Fraction, Image.Image]]:
        for found in pictures.moving(image):
            self._beat()
            yield found

    def _video(self) -> None:
        clip = clips.probe(self._form, self._file)
        path = self._proven("video", width=clip.width, height=clip.height, duration_s=float(clip.duration_s))
        size, duration_s = (clip.width, clip.height), clip.duration_s
        if self._make:
            size = clips.normalise(self._form, self._file, clip, path, self._threads, self._beat)
            duration_s = Fraction(clip.ticks, clips.FPS)
        say({"plain": {"kind": "video", "width": size[0], "height": size[1], "duration_s": float(duration_s)}})

    def _audio(self) -> None:
        duration_s = sounds.probe(self._form, self._file)
        path = self._proven("audio", duration_s=float(duration_s))
        if self._make:
            duration_s = sounds.normalise(self._form, self._file, path, self._beat)
        say({"plain": {"kind": "audio", "duration_s": float(duration_s)}})


def _video_frame(image: Image.Image) -> VideoFrame:
    frame: VideoFrame = VideoFrame.from_image(image)  # type: ignore[no-untyped-call]
    return frame


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
