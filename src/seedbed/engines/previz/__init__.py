"""The embedded engine: a landscape film from a prompt, drawn on the CPU. No weights, no GPU, no network.

`script` reads the prompt into shots; `look`, `world`, `land` and `sky` make its place; `camera` moves through
it; `frames` draw and `finish` develops; `sound` plays; `film` writes the file. The picture is a function of the request
alone: the same request gives the same bytes on the same machine. Nothing is kept between renders but compiled
kernels, so renders may run at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from seedbed.engines import FPS, Progress, RenderRequest, RenderResult
from seedbed.engines.previz import city, falling, finish, plume, references, script, sky, space, stills, world
from seedbed.engines.previz.film import Film
from seedbed.engines.previz.production import Production
from seedbed.engines.previz.show import play

_DRAWING_BYTES_MAX = 600 << 20
"""Memory that frames in the making may take; fewer are made at once where they are large."""
_BEAT_S = 0.4


class _Stopped(Exception):
    """The render was cancelled: unwinds a drawing thread."""


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

    video = scratch / "video.mp4"
    threads = max(1, min(_cpu_count(), _DRAWING_BYTES_MAX // (request.width * request.height * 16)))
    with ThreadPoolExecutor(threads, thread_name_prefix="previz") as pool:
        film = Production(request, pool, check)
        # Composed beside the first shot's preparation: neither keeps both cores busy.
        sound = pool.submit(film.sound)
        frames = play(
            film.cuts, film.build, pool=pool, ahead=threads + 2, check=check, reach=lambda done: reach(0.98 * done)
        )
        first = next(frames)
        size = {"width": request.width, "height": request.height}
        with Film(video, **size, fps=FPS, quality=request.quality, sound=sound.result()) as out:
            for planes in chain((first,), frames):
                out.add(*planes)
        check()
    return RenderResult(video=video, plan={"engine": Previz.name} | film.plan)


def _cpu_count() -> int:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def warm(half: int | None = None) -> None:
    """Compiles every kernel and keeps the results on disk, so that no later render waits for a compiler. `half` (0 or
    1) does about half of that work: two processes on two cores are done sooner."""
    if half != 1:
        for package in (stills, finish, references, sky, falling, world, plume):
            package.warm()
        with ThreadPoolExecutor(1) as pool:
            space.warm(pool)
    if half != 0:
        with ThreadPoolExecutor(1) as pool:
            city.warm(script.read("a city street at night"), pool)
        with TemporaryDirectory() as scratch:
            for prompt in _WARMING:
                request = RenderRequest(prompt=prompt, width=64, height=64, duration_s=1, seed=1, quality="mini")
                _film(request, Path(scratch), threading.Event(), lambda share: None)


_WARMING = ("a glass train on a bridge in the rain, river", "a coral reef under water", "a fashion show", "a campfire")
"""Prompts that between them call every kernel."""
