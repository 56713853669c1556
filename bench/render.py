"""How long 5 seconds at 720p take in the embedded renderer, and where the time goes: `python bench/render.py`.

Prints wall and CPU seconds for preparing the world, drawing, sound, and encoding, and the whole render as a
ratio of the encoder alone on the very same frames in the same run, which holds on any machine.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from seedbed.engines import FPS, RenderRequest, previz
from seedbed.engines.previz import script
from seedbed.engines.previz.film import Film
from seedbed.engines.previz.grade import Planes
from seedbed.engines.previz.production import DETAIL
from seedbed.engines.previz.reel import Reel
from seedbed.engines.previz.sound import compose

PROMPT = "A river flowing through an autumn forest, aerial view, cinematic motion"
T = TypeVar("T")
Spent = tuple[float, float]


def clocked(work: Callable[[], T]) -> tuple[T, Spent]:
    """The work's result, and the wall and CPU seconds it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    done = work()
    return done, (time.perf_counter() - wall, time.process_time() - cpu)


def encode(path: Path, frames: list[Planes], request: RenderRequest) -> None:
    with Film(path, width=request.width, height=request.height, fps=FPS, quality=request.quality, sound=None) as film:
        for planes in frames:
            film.add(*planes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--quality", choices=("mini", "standard", "pro"), default="standard")
    chosen = parser.parse_args()
    request = RenderRequest(
        prompt=PROMPT,
        width=chosen.width,
        height=chosen.height,
        duration_s=chosen.seconds,
        seed=1,
        quality=chosen.quality,
    )
    previz.warm()
    shot = script.read(PROMPT)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as pool:
        scratch = Path(folder)
        reel, prepared = clocked(
            lambda: Reel(
                shot, seed=1, width=request.width, height=request.height, frames=request.frame_count, fps=FPS,
                fixed=False, detail=DETAIL[request.quality], pool=pool, check=lambda: None,
            )
        )  # fmt: skip
        frames, drawn = clocked(lambda: [reel.draw(number, lambda: None) for number in range(request.frame_count)])
        _, sounded = clocked(lambda: compose((script.Cut(shot, request.frame_count),), 1, request.duration_s))
        _, encoded = clocked(lambda: encode(scratch / "alone.mp4", frames, request))
        whole_folder = scratch / "whole"
        whole_folder.mkdir()
        result, whole = clocked(lambda: asyncio.run(previz.Previz().render(request, whole_folder, lambda share: None)))
        size = result.video.stat().st_size
    rows = {
        "prepare": prepared,
        "draw, one thread": drawn,
        "sound": sounded,
        "encode alone": encoded,
        "whole render": whole,
    }
    print(f"{request.width}x{request.height}, {request.duration_s} s, {request.quality}: {size / 1e6:.1f} MB")
    print(f"{'':18}{'wall s':>8}{'CPU s':>8}{'CPU / encoder':>15}{'CPU ms / frame':>16}")
    for name, (wall, cpu) in rows.items():
        print(f"{name:18}{wall:8.2f}{cpu:8.2f}{cpu / encoded[1]:15.2f}{cpu / request.frame_count * 1e3:16.1f}")
    print(f"whole render: {whole[0] / encoded[0]:.2f} times the encoder's own wall time")


if __name__ == "__main__":
    main()
