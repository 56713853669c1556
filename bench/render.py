"""How fast the embedded engine is: `python -m bench.render`.

From a text, at each size: the whole render against the encoder alone on the very same frames; where its time goes;
the most memory it held. From pictures: against FFmpeg's `zoompan` and `minterpolate`, which write with the same
encoder. Each measurement has a process of its own, so that its memory and CPU seconds are its own. Ratios are within
one run and hold on any machine; seconds are this machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench import peers
from bench.draw_scenes import draw_skyline, draw_sunrise
from seedbed.engines import FPS, InputMedia, RenderRequest, previz
from seedbed.engines.previz.film import Film
from seedbed.engines.previz.production import Production

PROMPT = "A river flowing through an autumn forest, aerial view, cinematic motion"
SIZES = {
    "480p": (854, 480, 5, ""),
    "720p": (1280, 720, 5, "≤ 5 s"),
    "1080p": (1920, 1080, 5, "≤ 11 s"),
    "4k": (3840, 2160, 1, "5 s: ≤ 60 s"),
}
"""Width, height, seconds, and how long that may take on two cores. 4k is a film of one second: as much as is needed
to see what a frame costs."""


@dataclass(frozen=True)
class Spent:
    """Seconds by the wall and of CPU, and the most memory that the process held, in MiB."""

    wall_s: float
    cpu_s: float
    peak_mib: float


@contextmanager
def stopwatch() -> Iterator[Callable[[], tuple[float, float]]]:
    """Tells the wall and CPU seconds since."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield lambda: (time.perf_counter() - wall, time.process_time() - cpu)


def measured(work: Callable[..., Any], request: RenderRequest, *given: Any) -> Spent:
    """What `work(request, …)` takes; runs in a process of its own, whose kernels are loaded before."""
    with tempfile.TemporaryDirectory() as folder:
        whole(replace(request, width=160, height=90, duration_s=1), Path(folder))
    with stopwatch() as since:
        work(request, *given)
        wall, cpu = since()
    return Spent(wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def whole(request: RenderRequest, scratch: Path) -> None:
    """The render as a worker runs it."""
    asyncio.run(previz.Previz().render(request, scratch, lambda share: None))


def parts(request: RenderRequest, dump: Path) -> dict[str, float]:
    """CPU seconds of preparing, drawing and sound, one thread drawing; leaves the planes of all frames in `dump`."""
    drawn = 0.0
    with ThreadPoolExecutor(2) as pool, dump.open("wb") as out:
        with stopwatch() as since:
            production = Production(request, pool, lambda: None)
            picture = production.build(0, request.frame_count)
            prepared = since()[1]
        for number in range(request.frame_count):
            with stopwatch() as since:
                planes = picture.draw(number, lambda: None)
                drawn += since()[1]
            for plane in planes:
                out.write(plane.data)
        with stopwatch() as since:
            production.sound()
            sounded = since()[1]
    return {"prepare": prepared, "draw": drawn, "sound": sounded}


def encode(request: RenderRequest, dump: Path, out: Path) -> None:
    """The encoder alone, on the planes in `dump`."""
    width, height = request.width, request.height
    frames = np.memmap(dump, np.uint8, "r", shape=(request.frame_count, width * height * 3 // 2))
    with Film(out, width=width, height=height, fps=FPS, quality=request.quality, sound=None) as film:
        for frame in frames:
            luma, blue, red = np.split(frame, [width * height, width * height * 5 // 4])
            film.add(luma.reshape(height, width), blue.reshape(height // 2, -1), red.reshape(height // 2, -1))


def alone(work: Callable[..., Any], *given: Any) -> Any:
    """What `work` returns, run in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(work, *given).result()


def from_text(table: Table, name: str, request: RenderRequest, goal: str) -> None:
    """A row: the whole render of `request`, and the encoder alone on its frames."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        ours: Spent = alone(measured, whole, request, scratch)
        share = alone(parts, request, scratch / "planes")
        floor: Spent = alone(measured, encode, request, scratch / "planes", scratch / "alone.mp4")
    told = ", ".join(f"{what} {cpu_s:.1f}" for what, cpu_s in share.items())
    table.add_row(
        f"text → {name}, {request.duration_s} s", _spent(ours), f"encoder alone {_spent(floor)}",
        f"{ours.cpu_s / floor.cpu_s:.1f}", goal, f"{told}; {1e3 * share['draw'] / request.frame_count:.0f} ms a frame",
        f"{ours.peak_mib:.0f}",
    )  # fmt: skip


def from_pictures(table: Table, request: RenderRequest, pictures: tuple[Path, ...]) -> None:
    """A row: a film that begins at the first of `pictures` and ends at the second, and FFmpeg's filter for that."""
    name = "zoompan" if len(pictures) == 1 else "minterpolate"
    roles = ("first_frame", "last_frame")
    media = tuple(
        InputMedia(path=path, kind="image", role=role)  # type: ignore[arg-type]
        for path, role in zip(pictures, roles, strict=False)
    )
    request = replace(request, media=media, mode="image_to_video", prompt="slow zoom in", audio=False)
    with tempfile.TemporaryDirectory() as folder:
        ours: Spent = alone(measured, whole, request, Path(folder))
        peer: Spent | None = None
        if peers.has(name):
            peer = alone(measured, getattr(peers, name), request, *pictures, Path(folder) / "peer.mp4")
    table.add_row(
        f"{'picture' if len(pictures) == 1 else 'first → last picture'} → 720p, {request.duration_s} s", _spent(ours),
        f"ffmpeg {name} {_spent(peer)}" if peer else f"ffmpeg's {name} is not at hand",
        f"{ours.cpu_s / peer.cpu_s:.2f}" if peer else "", "", "", f"{ours.peak_mib:.0f}",
    )  # fmt: skip


def _spent(spent: Spent) -> str:
    return f"{spent.wall_s:.1f} s, CPU {spent.cpu_s:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default=",".join(SIZES), help="by commas, of " + ", ".join(SIZES))
    parser.add_argument("--quality", choices=("mini", "standard", "pro"), default="standard")
    parser.add_argument("--seconds", type=int, help="length of every film, in place of the usual")
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    console = Console(highlight=False, width=180)
    console.print(f"[bold]The embedded engine[/] on {os.cpu_count()} cores, load {load:.1f} when it began\n")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("what", "ours", "floor or peer", "CPU ratio", "goal", "CPU s of it", "peak MiB"):
        table.add_column(name)
    base = RenderRequest(prompt=PROMPT, width=1280, height=720, duration_s=5, seed=1, quality=chosen.quality)
    for name in filter(None, chosen.sizes.split(",")):
        width, height, seconds, goal = SIZES[name]
        request = replace(base, width=width, height=height, duration_s=chosen.seconds or seconds)
        from_text(table, name, request, goal)
    with tempfile.TemporaryDirectory() as folder:
        first, last = Path(folder) / "sunrise.jpg", Path(folder) / "skyline.jpg"
        draw_sunrise(first)
        draw_skyline(last)
        base = replace(base, duration_s=chosen.seconds or base.duration_s)
        from_pictures(table, base, (first,))
        from_pictures(table, base, (first, last))
    console.print(table)


if __name__ == "__main__":
    main()
