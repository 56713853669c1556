"""The last frame as a picture: the very pixels that a player shows last, kept with the video and gone with it."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import httpx2
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from numpy.typing import NDArray
from PIL import Image

from seedbed import db, files, media, tasks
from seedbed.engines import FPS, Progress, RenderRequest, RenderResult
from seedbed.errors import TaskFailure
from seedbed.renders import file_keys
from seedbed.runtime import open_runtime
from seedbed.settings import Settings
from tests.conftest import Person, served
from tests.engines_for_tests import Clip
from tests.test_worker import ROOT, bought, environment, over
from tests.webhook_receivers import until
from tests.workers import at_work

Pixels = NDArray[np.uint8]


def film(path: Path, width: int, height: int, frames: int, *, codec: str = "libx264", **options: str) -> Path:
    """A moving picture in which no frame is like another, and its sound."""
    rng = np.random.default_rng(5)
    ground = rng.integers(0, 255, (height // 8 + 1, width // 8 + frames + 1, 3), np.uint8)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as out:
        video = out.add_stream(codec, rate=FPS, options=options)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.codec_context.colorspace = Colorspace.ITU709
        sound: Any = out.add_stream("aac", rate=48_000, layout="stereo")
        for number in range(frames):
            part = ground[:, number : number + width // 8 + 1].repeat(8, 0).repeat(8, 1)[:height, :width]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(part), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        heard = av.AudioFrame.from_ndarray(np.zeros((2, 48_000 * frames // FPS), np.float32), "fltp", "stereo")
        heard.sample_rate, heard.pts = 48_000, 0
        out.mux(sound.encode(heard))
        out.mux(sound.encode(None))
    return path


def all_frames(video: Path | io.BytesIO) -> list[Pixels]:
    """Every frame, decoded from the very first on, by one thread."""
    with av.open(video if isinstance(video, io.BytesIO) else str(video), "r", format="mp4") as box:
        box.streams.video[0].thread_type = "NONE"
        return [frame.to_ndarray(format="rgb24") for frame in box.decode(video=0)]


def pixels(png: Path | bytes) -> Pixels:
    image = Image.open(io.BytesIO(png) if isinstance(png, bytes) else png)
    assert (image.format, image.mode) == ("PNG", "RGB")
    return np.asarray(image)


# The picture -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"g": "250", "bf": "3", "preset": "fast"}),
        ("libx264", {"g": "10", "bf": "0"}),
        ("libx264", {"g": "1"}),
        ("libx264", {"x264-params": "open-gop=1:keyint=9:bframes=4:b-pyramid=normal"}),
        ("libx265", {"x265-params": "log-level=none:keyint=20:bframes=4"}),
        ("libsvtav1", {"preset": "12", "svtav1-params": "lp=1"}),
        ("libvpx-vp9", {"deadline": "realtime"}),
    ],
)
def test_it_is_the_last_that_is_shown(tmp_path: Path, codec: str, options: dict[str, str]) -> None:
    for frames in (1, 47, 48):
        path = film(tmp_path / f"{frames}.mp4", 96, 64, frames, codec=codec, **options)
        media.save_last_frame(path, tmp_path / "last.png")
        shown = all_frames(path)
        assert len(shown) == frames
        assert np.array_equal(pixels(tmp_path / "last.png"), shown[-1])
        assert frames == 1 or not np.array_equal(shown[-1], shown[-2]), "a frame too early would be seen"


@pytest.mark.parametrize(("height", "tagged"), [(480, True), (720, True), (720, False)])
def test_its_colours_are_the_videos(tmp_path: Path, height: int, tagged: bool) -> None:
    """Orange in BT.709; high definition that does not name its matrix is of BT.709 too."""
    path = tmp_path / "orange.mp4"
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as out:
        video = out.add_stream("libx264", rate=FPS, options={"crf": "1"})
        video.width, video.height, video.pix_fmt = 96, height, "yuv420p"
        if tagged:
            context = video.codec_context
            context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
            context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        frame = av.VideoFrame(96, height, "yuv420p")
        for plane, level in zip(frame.planes, (91, 98, 192), strict=True):
            np.frombuffer(memoryview(plane), np.uint8)[:] = level
        frame.pts, frame.time_base = 0, Fraction(1, FPS)
        out.mux(video.encode(frame))
        out.mux(video.encode(None))
    media.save_last_frame(path, tmp_path / "last.png")
    found = pixels(tmp_path / "last.png")
    assert found.shape == (height, 96, 3)
    assert np.abs(found.reshape(-1, 3) - np.array([202.0, 59, 22])).max() <= 3


def test_what_cannot_be_decoded_is_refused(tmp_path: Path) -> None:
    whole = film(tmp_path / "v.mp4", 96, 64, 48, g="250").read_bytes()
    broken = tmp_path / "broken.mp4"
    at = whole.index(b"mdat")
    broken.write_bytes(whole[: at + 40] + bytes(len(whole) - at - 40))
    for path in (broken, tmp_path / "missing.mp4"):
        with pytest.raises(TaskFailure) as refused:
            media.save_last_frame(path, tmp_path / "last.png")
        assert refused.value.code == "output_rejected"
    assert not (tmp_path / "last.png").exists()


# Its task ----------------------------------------------------------------------------------------------------------


class Moving(Clip):
    """Real moving pictures, all of them in one group; remembers the media that it was given."""

    name = "moving"

    def __init__(self) -> None:
        self.given: list[Pixels] = []

    async def render(self, request: RenderRequest, scratch: Path, progress: Progress) -> RenderResult:
        self.given = [np.asarray(Image.open(medium.path)) for medium in request.media]
        args = (scratch / "v.mp4", request.width, request.height, request.frame_count)
        video = await asyncio.to_thread(film, *args, g="250", preset="superfast")
        return RenderResult(video=video)


def kept(settings: Settings) -> list[str]:
    """The keys of all that is in storage."""
    root = settings.data_dir / "files"
    paths = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
    return sorted(str(path) for path in paths if ".partial" not in path.parts)


def both(task_id: str, attempt: int) -> tuple[str, str]:
    """The keys of an attempt's video and of its last frame."""
    keys = file_keys(task_id, attempt)
    return keys["video"], keys["last_frame"]


async def test_it_is_stored_and_served_with_its_video(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    wanted = await bought(pool, alice, last_frame=True)
    unwanted = await bought(pool, alice)
    async with at_work(settings, tmp_path, Moving()):
        done, without = await over(pool, wanted), await over(pool, unwanted)
    assert (done.status, without.status) == ("succeeded", "succeeded")
    assert (done.output_key, done.last_frame_key) == both(done.id, 1)
    assert (done.width, done.height) == (854, 480)
    assert without.last_frame_key is None
    assert kept(settings) == sorted([*both(done.id, 1), str(without.output_key)])
    # Another process, later: the row and the objects are all that is left of the first.
    async with (
        served(settings) as url,
        httpx2.AsyncClient(base_url=url) as client,
        open_runtime(settings, pool_size=2, name="test") as runtime,
    ):
        video = await client.get(runtime.storage.link(str(done.output_key)))
        png = await client.get(runtime.storage.link(str(done.last_frame_key)))
    assert (png.status_code, png.headers["content-type"]) == (200, "image/png")
    shown = all_frames(io.BytesIO(video.content))
    assert len(shown) == 96
    assert shown[-1].shape == (480, 854, 3)
    assert np.array_equal(pixels(png.content), shown[-1])


async def test_the_next_shot_begins_with_it(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    engine = Moving()
    first = await bought(pool, alice, last_frame=True)
    async with at_work(settings, tmp_path, engine) as worker:
        done = await over(pool, first)
        link = worker.runtime.storage.own_link(str(done.last_frame_key), ttl_s=0)
        reference = tasks.MediaRef(url=link, role="first_frame", kind="image")
        second = await over(pool, await bought(pool, alice, mode="image_to_video", media=(reference,)))
    assert second.status == "succeeded", second.error_message
    path = settings.data_dir / "files" / str(done.output_key)
    [given] = engine.given
    assert np.array_equal(given, all_frames(path)[-1])


async def test_it_goes_with_a_video_that_comes_too_late(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    """The task is cancelled between the storing of its files and its success."""
    task = await bought(pool, alice, last_frame=True)
    async with at_work(settings, tmp_path, Moving()):
        async with db.transaction(pool) as conn:
            await until(lambda: _begun(pool, task.id))
            await conn.execute("SELECT FROM tasks WHERE id = $1 FOR UPDATE", task.id)
            await until(lambda: len(kept(settings)) == 2, timeout_s=30)
            await tasks.cancel(conn, task)
        await until(lambda: kept(settings) == [])
    async with db.connection(pool) as conn:
        assert (await tasks.get(conn, task.id)).last_frame_key is None
        assert await conn.fetchval("SELECT count(*) FROM files") == 0


async def _begun(pool: db.Pool, task_id: str) -> bool:
    async with db.connection(pool) as conn:
        return (await tasks.get(conn, task_id)).status == "processing"


async def test_one_that_cannot_be_stored_leaves_nothing(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    task = await bought(pool, alice, last_frame=True)
    # A folder stands where the picture would go.
    (settings.data_dir / "files" / file_keys(task.id, 1)["last_frame"]).mkdir(parents=True)
    async with at_work(settings, tmp_path, Moving()):
        found = await over(pool, task)
    assert (found.status, found.error_code) == ("failed", "storage_failed")
    assert kept(settings) == []


# What a killed worker leaves ---------------------------------------------------------------------------------------


async def test_files_of_a_worker_killed_before_it_published_are_swept(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    task = await bought(pool, alice, last_frame=True)
    lost, published = both(task.id, 1), both(task.id, 2)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "seedbed", "worker", cwd=ROOT, env=environment(settings, "Clip") | dict(os.environ)
    )
    async with db.transaction(pool) as conn:
        await until(lambda: _begun(pool, task.id), timeout_s=60)
        # Its success must wait for us, and we kill it first.
        await conn.execute("SELECT FROM tasks WHERE id = $1 FOR UPDATE", task.id)
        await until(lambda: kept(settings) == sorted(lost), timeout_s=60)
        process.kill()
        await process.wait()
    async with db.connection(pool) as conn:
        await conn.execute("UPDATE pgqueuer SET heartbeat = now() - interval '1 hour'")
        async with at_work(settings, tmp_path, Clip()):
            assert (await over(pool, task)).attempt == 2
        assert kept(settings) == sorted([*lost, *published])
        assert await files.abandoned(conn, older_than_s=3600) == [], "it is too young"
        await conn.execute("UPDATE open_attempts SET started_at = now() - interval '1 day'")
        async with at_work(settings, tmp_path, Clip()):
            await until(lambda: kept(settings) == sorted(published))
            await until(lambda: _none_open(conn))


async def _none_open(conn: db.Connection) -> bool:
    return not await conn.fetchval("SELECT count(*) FROM open_attempts")


async def test_only_attempts_that_nobody_can_publish_are_swept(pool: db.Pool, alice: Person) -> None:
    task, ended = await bought(pool, alice), await bought(pool, alice)
    long_ago = timedelta(days=9)
    async with db.transaction(pool) as conn:
        await tasks.start(conn, task.id, attempts_max=9)
        await tasks.start(conn, task.id, attempts_max=9)
        await tasks.start(conn, ended.id, attempts_max=9)
        await tasks.fail(conn, ended.id, TaskFailure("render_failed", "no"))
        await conn.execute("UPDATE open_attempts SET started_at = started_at - $1::interval", long_ago)
    async with db.connection(pool) as conn:
        found = await files.abandoned(conn, older_than_s=3600)
        assert {(attempt.task_id, attempt.number) for attempt in found} == {(task.id, 1), (ended.id, 1)}
        for attempt in found:
            await files.forget_attempt(conn, attempt)
        assert await files.abandoned(conn, older_than_s=3600) == []
        assert await conn.fetchval("SELECT count(*) FROM open_attempts") == 1, "the one that still runs"
