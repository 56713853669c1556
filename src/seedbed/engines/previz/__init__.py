"""The embedded engine: a landscape film from a prompt, drawn on the CPU. No weights, no GPU, no network.

`script` reads the prompt into shots; `look`, `world`, `land` and `sky` make its place; `camera` moves through
it; `frames` and `grade` draw; `sound` plays; `film` writes the file. The picture is a function of the request
alone: the same request gives the same bytes on the same machine. Nothing is kept between renders but compiled
kernels, so renders may run at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from seedbed.engines import FPS, Progress, RenderRequest, RenderResult
from seedbed.engines.previz import falling, script, sky, space, stills
from seedbed.engines.previz.film import Film
from seedbed.engines.previz.grade import Planes
from seedbed.engines.previz.reel import Detail, Reel
from seedbed.engines.previz.sound import compose

DETAIL = {
    "mini": Detail(rays=1, grid=1408, fineness=0.75),
    "standard": Detail(rays=1, grid=1856, fineness=0.85),
    "pro": Detail(rays=2, grid=2304, fineness=1.2),
}
_DRAWING_BYTES_MAX = 600 << 20
"""Memory that frames in the making may take; fewer are made at once where they are large."""
_BEAT_S = 0.4
_PREPARED = 0.08
"""The share of a render's progress that stands for its preparation."""


class _Stopped(Exception):
    """The render was cancelled: unwinds a drawing thread."""


class _Picture(Protocol):
    def draw(self, number: int, check: Callable[[], None]) -> Planes: ...


class Previz:
    """The `Engine` called "previz"."""

    name = "previz"

    async def render(self, request: RenderRequest, scratch: Path, progress: Progress) -> RenderResult:
        """Draws the film of `request` into `scratch`. Raises EngineError when an input image cannot be read."""
        stop = threading.Event()
        share = 0.0

        def reach(done: float) -> None:
            nonlocal share
            share = max(share, done)

        # A thread of its own: in a shared pool a cancelled render might wait for strangers before it can end.
        thread = ThreadPoolExecutor(1, thread_name_prefix="previz")
        work = asyncio.get_running_loop().run_in_executor(thread, _film, request, scratch, stop, reach)
        try:
            while not work.done():
                progress(share)
                await asyncio.wait({work}, timeout=_BEAT_S)
            result = work.result()
        except asyncio.CancelledError:
            stop.set()
            await _settle(work)
            raise
        finally:
            stop.set()
            thread.shutdown(wait=True)
        progress(1.0)
        return result

    async def aclose(self) -> None:
        """Nothing is held."""


async def _settle(work: asyncio.Future[RenderResult]) -> None:
    """Waits until the render's threads have seen that they must stop, which they look for every few milliseconds;
    being cancelled again does not make the wait end sooner."""
    while not work.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({work})
    if not work.cancelled():
        work.exception()


def _film(request: RenderRequest, scratch: Path, stop: threading.Event, reach: Progress) -> RenderResult:
    """The whole render, in one thread that hands frames of a small pool to the encoder in order."""

    def check() -> None:
        if stop.is_set():
            raise _Stopped

    shot = script.read(request.prompt)
    video = scratch / "video.mp4"
    threads = max(1, min(_cpu_count(), _DRAWING_BYTES_MAX // (request.width * request.height * 16)))
    with ThreadPoolExecutor(threads, thread_name_prefix="previz") as pool:
        picture, plan = _picture(request, shot, pool, check)
        sound = compose(shot, request.seed, request.duration_s) if request.audio else None
        check()
        reach(_PREPARED)
        size = {"width": request.width, "height": request.height}
        with Film(video, **size, fps=FPS, quality=request.quality, sound=sound) as film:
            for number, planes in enumerate(_drawn(picture, request.frame_count, pool, threads + 2, check), 1):
                film.add(*planes)
                reach(_PREPARED + (0.99 - _PREPARED) * number / request.frame_count)
        check()
    return RenderResult(video=video, plan=plan)


def _picture(
    request: RenderRequest, shot: script.Shot, pool: Executor, check: Callable[[], None]
) -> tuple[_Picture, dict[str, Any]]:
    """What draws the frames, and what to say about it."""
    plan = {"engine": Previz.name, "seed": request.seed, "fixed_lens": request.fixed_lens} | shot.plan()
    frame_count, fixed = request.frame_count, request.fixed_lens
    if any(medium.kind == "image" for medium in request.media):
        still = stills.choose(request, shot, check)
        return still, plan | {"source": "image"} | still.plan()
    reel = Reel(
        shot, seed=request.seed, width=request.width, height=request.height, frames=frame_count, fps=FPS, fixed=fixed,
        detail=DETAIL[request.quality], pool=pool, check=check,
    )  # fmt: skip
    return reel, plan | {"source": "text"}


def _drawn(
    picture: _Picture, frame_count: int, pool: Executor, ahead: int, check: Callable[[], None]
) -> Iterator[Planes]:
    """All frames in order, drawn in the pool, at most `ahead` of them at a time."""
    waiting: deque[Future[Planes]] = deque()
    try:
        for number in range(frame_count):
            waiting.append(pool.submit(picture.draw, number, check))
            if len(waiting) == ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _cpu_count() -> int:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def warm() -> None:
    """Compiles every kernel and keeps the results on disk, so that no later render waits for a compiler."""
    request = RenderRequest(
        prompt="a river in the forest, rain", width=64, height=64, duration_s=1, seed=1, quality="mini"
    )
    stills.warm()
    sky.warm()
    falling.warm()
    with ThreadPoolExecutor(1) as pool:
        space.warm(pool)
    with TemporaryDirectory() as scratch:
        _film(request, Path(scratch), threading.Event(), lambda share: None)
