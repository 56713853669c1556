"""Engines that tests put in the place of a real one: `SEEDBED_ENGINES=previz=tests.engines_for_tests:Clip`.

Each makes real files that pass the proof; what differs is when and whether.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np

from seedbed.engines import FPS, EngineError, Progress, RenderRequest, RenderResult

PLAN = {
    "engine": "broken",
    "setting": "forest",
    "season": "autumn",
    "water": "",
    "aerial": True,
    "handheld": False,
    "subjects": [],
    "notes": ["not known: zorblat"],
}

_making = threading.Lock()


def _clip(width: int, height: int, duration_s: int, audio: bool, folder: str) -> Path:
    with _making:
        return _made(width, height, duration_s, audio, folder)


@lru_cache(maxsize=32)
def _made(width: int, height: int, duration_s: int, audio: bool, folder: str) -> Path:
    """A small real MP4 of the asked size and length, made once a process."""
    path = Path(folder) / f"clip-{os.getpid()}-{width}x{height}-{duration_s}-{audio}.mp4"
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as out:
        video = out.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "40", "g": "240"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        sound = out.add_stream("aac", rate=48000) if audio else None
        for index in range(duration_s * FPS):
            shade = np.full((height, width, 3), 40 + index % 100, np.uint8)
            frame = av.VideoFrame.from_ndarray(shade, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            out.mux(video.encode(frame))
        out.mux(video.encode())
        if sound is not None:
            silence = av.AudioFrame.from_ndarray(
                np.zeros((2, 48000 * duration_s), np.float32), format="fltp", layout="stereo"
            )
            silence.sample_rate, silence.pts = 48000, 0
            out.mux(sound.encode(silence))
            out.mux(sound.encode())
    return path


class Clip:
    """Answers at once with a clip of the right size."""

    name = "clip"

    async def render(self, request: RenderRequest, scratch: Path, progress: Progress) -> RenderResult:
        source = await asyncio.to_thread(
            _clip, request.width, request.height, request.duration_s, request.audio, os.environ.get("TMPDIR", "/tmp")
        )
        video = scratch / "video.mp4"
        shutil.copyfile(source, video)
        progress(1.0)
        return RenderResult(video=video, plan={"engine": self.name})

    async def aclose(self) -> None:
        pass


class Slow(Clip):
    """Takes SLOW_S seconds (60 by default), with progress, and notes each beginning in SLOW_LOG."""

    name = "slow"

    async def render(self, request: RenderRequest, scratch: Path, progress: Progress) -> RenderResult:
        if log := os.environ.get("SLOW_LOG"):
            with open(log, "a") as file:
                file.write(f"{os.getpid()} {request.prompt}\n")
        total_s = float(os.environ.get("SLOW_S", "60"))
        for step in range(20):
            await asyncio.sleep(total_s / 20)
            progress((step + 1) / 20)
        return await super().render(request, scratch, progress)


class Deadly(Clip):
    """Kills its whole worker."""

    name = "deadly"

    async def render(self, request: RenderRequest, scratch: Path, progress: Progress) -> RenderResult:
        os._exit(9)


class Broken(Clip):
    """Cannot make anything; says so, or lies, or breaks, by the prompt's first word."""

    name = "broken"

    async def render(self, request: RenderRequest, scratch: Path, progress: Progress) -> RenderResult:
        word = request.prompt.split()[0]
        if word == "refuse":
            raise EngineError("The engine cannot draw this")
        if word == "later":
            raise EngineError("The engine is busy", retryable=True)
        if word == "wait":
            await asyncio.sleep(3600)
        if word == "crash":
            raise RuntimeError("a bug with a secret path /etc/shadow")
        result = await super().render(request, scratch, progress)
        if word == "planned":
            return RenderResult(video=result.video, plan=PLAN)
        if word == "garbage":
            result.video.write_bytes(b"this is no video")
        if word == "short":
            other = RenderRequest(
                prompt="", width=request.width, height=request.height, duration_s=request.duration_s - 1, seed=0
            )
            return await super().render(other, scratch, progress)
        return result
