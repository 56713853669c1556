"""What every engine promises, held against every engine of the registry that can run here, on real files.

An engine that needs what this machine lacks (weights, a vendor's key) is skipped with its own reason.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest

from seedbed.engines import FPS, REGISTRY, Engine, RenderRequest, RenderResult, load
from tests.engines import films

PROMPT = "A river flowing through an autumn forest, aerial view, cinematic motion"
SMALL = RenderRequest(prompt=PROMPT, width=160, height=90, duration_s=4, seed=7, quality="mini")


@pytest.fixture(scope="module", params=sorted(REGISTRY))
def engine(request: pytest.FixtureRequest) -> Engine:
    return load(request.param)


def child_processes() -> set[psutil.Process]:
    """Processes below this one, but for those of the database that the test run shares."""
    return {child for child in psutil.Process().children(recursive=True) if child.name() != "postgres"}


def seconds() -> float:
    """Seconds as this process would count them alone on the machine: the processor time it got, by its cores.

    By the wall a second means nothing while other tests run beside this one.
    """
    return time.process_time() / (os.cpu_count() or 1)


@pytest.fixture(scope="module")
def rendered(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> tuple[RenderResult, list[float], list[float]]:
    """One small render that several tests look at: its result, its progress, and when progress was told."""
    told: list[float] = []
    when: list[float] = []

    def progress(share: float) -> None:
        told.append(share)
        when.append(seconds())

    scratch = tmp_path_factory.mktemp("render")
    result = asyncio.run(engine.render(SMALL, scratch, progress))
    return result, told, when


async def render(engine: Engine, request: RenderRequest, scratch: Path) -> RenderResult:
    scratch.mkdir(parents=True, exist_ok=True)
    return await engine.render(request, scratch, lambda share: None)


def check_file(path: Path, request: RenderRequest) -> films.Facts:
    """The file is what was asked for, in every respect that a probe can see."""
    facts = films.facts(path)
    assert (facts.codec, facts.pixels) == ("h264", "yuv420p")
    assert (facts.width, facts.height) == (request.width, request.height)
    assert facts.fps == FPS
    assert facts.frames == request.frame_count
    assert abs(facts.video_s - request.duration_s) < 1e-3
    assert facts.colours == (1, 1, 1, 1), "primaries, transfer, matrix BT.709; range limited"
    assert facts.atoms.index("moov") < facts.atoms.index("mdat")
    if request.audio:
        assert facts.audio_codec == "aac"
        assert abs(facts.audio_s - request.duration_s) <= 1 / FPS
    else:
        assert facts.audio_codec is None
    return facts


def test_the_file_is_what_was_asked(rendered: tuple[RenderResult, list[float], list[float]]) -> None:
    check_file(rendered[0].video, SMALL)


def test_the_picture_moves(rendered: tuple[RenderResult, list[float], list[float]]) -> None:
    frames = films.greys(rendered[0].video)
    assert frames[0].std() > 8, "a picture, not a blank"
    assert np.abs(frames[0] - frames[-1]).mean() > 4


def test_progress_rises_from_nothing_to_one(rendered: tuple[RenderResult, list[float], list[float]]) -> None:
    _, told, when = rendered
    assert told[0] < 0.5
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert all(0.0 <= share <= 1.0 for share in told)
    assert all(later - earlier < 1.0 for earlier, later in pairwise(when))


def test_the_plan_is_plain_json(rendered: tuple[RenderResult, list[float], list[float]]) -> None:
    plan = rendered[0].plan
    assert json.loads(json.dumps(plan)) == plan


@pytest.mark.parametrize(
    ("width", "height", "audio"),
    [(160, 90, False), (90, 160, True), (120, 120, False), (128, 96, False), (96, 128, False), (210, 90, False)],
)
async def test_ratios_and_sound(engine: Engine, tmp_path: Path, width: int, height: int, audio: bool) -> None:
    request = replace(SMALL, width=width, height=height, audio=audio)
    check_file((await render(engine, request, tmp_path)).video, request)


async def test_the_longest_video(engine: Engine, tmp_path: Path) -> None:
    request = replace(SMALL, width=64, height=64, duration_s=15)
    check_file((await render(engine, request, tmp_path)).video, request)


async def test_a_wide_size_that_is_not_a_multiple_of_sixteen(engine: Engine, tmp_path: Path) -> None:
    request = replace(SMALL, width=854, height=480, audio=False)
    check_file((await render(engine, request, tmp_path)).video, request)


@pytest.mark.parametrize("quality", ["standard", "pro"])
async def test_quality_changes_detail_and_not_content(engine: Engine, tmp_path: Path, quality: str) -> None:
    request = replace(SMALL, audio=False, fixed_lens=True)
    rough = await render(engine, request, tmp_path / "mini")
    fine = await render(engine, replace(request, quality=quality), tmp_path / quality)  # type: ignore[arg-type]
    check_file(fine.video, request)
    a, b = films.greys(rough.video)[0], films.greys(fine.video)[0]
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.8
    assert np.corrcoef(films.soft(a).ravel(), films.soft(b).ravel())[0, 1] >= 0.9


async def test_same_request_same_bytes_and_another_seed_another_world(
    engine: Engine, rendered: tuple[RenderResult, list[float], list[float]], tmp_path: Path
) -> None:
    first = films.facts(rendered[0].video).sha256
    again = await render(engine, SMALL, tmp_path / "again")
    other = await render(engine, replace(SMALL, seed=8), tmp_path / "other")
    assert films.facts(again.video).sha256 == first
    assert films.facts(other.video).sha256 != first
    a, b = films.greys(again.video)[0], films.greys(other.video)[0]
    assert np.abs(a - b).mean() > 4, "not only the noise differs"


async def test_two_renders_at_once_are_what_they_are_alone(
    engine: Engine, rendered: tuple[RenderResult, list[float], list[float]], tmp_path: Path
) -> None:
    same, other = await asyncio.gather(
        render(engine, SMALL, tmp_path / "one"), render(engine, replace(SMALL, seed=9, audio=False), tmp_path / "two")
    )
    assert films.facts(same.video).sha256 == films.facts(rendered[0].video).sha256
    check_file(other.video, replace(SMALL, audio=False))


async def test_it_writes_inside_its_scratch_folder_only(engine: Engine, tmp_path: Path) -> None:
    scratch = tmp_path / "around" / "scratch"
    around, here = tmp_path, Path.cwd()
    before = set(here.iterdir())
    result = await render(engine, replace(SMALL, width=64, height=64), scratch)
    assert result.video.is_relative_to(scratch)
    assert result.video.is_file()
    outside = [path for path in around.rglob("*") if path.is_file() and not path.is_relative_to(scratch)]
    assert outside == []
    assert set(here.iterdir()) == before


@pytest.mark.parametrize("after_s", [0.0, 0.3, 1.5])
async def test_cancelling_ends_it_within_a_second(engine: Engine, tmp_path: Path, after_s: float) -> None:
    threads, children = set(threading.enumerate()), child_processes()
    started = asyncio.Event()
    loop = asyncio.get_running_loop()

    def progress(share: float) -> None:
        loop.call_soon_threadsafe(started.set)

    request = replace(SMALL, width=1280, height=720, duration_s=15, quality="pro")
    task = asyncio.create_task(engine.render(request, tmp_path, progress))
    await started.wait()
    await asyncio.sleep(after_s)
    asked, by_the_wall = seconds(), time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seconds() - asked < 1.0
    assert time.monotonic() - by_the_wall < 20.0
    # The event loop keeps its own pool of idle workers; a thread that draws has a name of the engine's.
    left = [t for t in threading.enumerate() if t not in threads and not t.name.startswith("asyncio_")]
    assert left == []
    assert child_processes() <= children
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    await asyncio.sleep(0.3)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) == size, "still writing"


async def test_a_fixed_lens_does_not_move(engine: Engine, tmp_path: Path) -> None:
    request = replace(SMALL, width=320, height=180, audio=False)
    still = films.greys((await render(engine, replace(request, fixed_lens=True), tmp_path / "still")).video)
    moving = films.greys((await render(engine, request, tmp_path / "moving")).video)
    assert _flow(still) < 0.1
    assert _flow(moving) > 0.5, "the measure sees motion where there is some"


def _flow(frames: list[films.NDArray[np.float32]]) -> float:
    """Median motion in pixels between the first frame and one two seconds later, over blocks with texture."""
    before, after = frames[2], frames[2 + 2 * FPS]
    moves = []
    size = 40
    for y in range(0, before.shape[0] - size + 1, size):
        for x in range(0, before.shape[1] - size + 1, size):
            a, b = before[y : y + size, x : x + size], after[y : y + size, x : x + size]
            if a.std() > 12:
                moves.append(float(np.hypot(*films.shift(a, b))))
    assert len(moves) >= 6, "too little to measure on"
    return float(np.median(moves))


HOSTILE = {
    "emoji": "🏞️🍂🎥🦊👩‍👩‍👧‍👦🇹🇷",
    "right to left": "نهر يجري عبر غابة في الخريف \u202e משקיף מלמעלה",
    "very long": "river " * 1666 + "end.",
    "one long word": "r" * 10_000,
    "control characters": "river\x01\x02\x1b[31m\x7f\u2028\u0085forest",
    "zalgo": "r\u0335\u0322\u031b\u0348i\u0337\u0321v\u0336e\u0338r\u0334" * 200,
    "format directives": "%s %n {0} ${HOME} `ls` '; DROP TABLE tasks; -- <script>",
    "punctuation": "!!! ... ---",
    "chinese": "河流穿过秋天的森林，航拍，电影感",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_prompts_still_give_a_video(engine: Engine, tmp_path: Path, name: str) -> None:
    request = replace(SMALL, prompt=HOSTILE[name], width=64, height=64, audio=False)
    check_file((await render(engine, request, tmp_path)).video, request)
