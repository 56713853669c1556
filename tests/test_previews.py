"""Previews: a thumbnail and a sheet of frames, from the very video that is stored, and gone with it."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from seedbed import db, files, media, sweeps, tasks
from seedbed.engines import FPS
from seedbed.errors import TaskFailure
from seedbed.media.previews import CELL_SIDE, SAMPLES, sample_frames
from seedbed.renders import file_keys
from seedbed.settings import Settings
from tests.conftest import Person, served
from tests.test_last_frame import Moving, all_frames, film, kept
from tests.test_worker import bought, over
from tests.workers import at_work

Pixels = NDArray[np.uint8]


def shown(tmp_path: Path, video: Path, frames: int) -> tuple[Image.Image, Image.Image]:
    """The thumbnail and the sheet of a video."""
    paths = tmp_path / "t.webp", tmp_path / "s.jpg"
    media.save_previews(video, *paths, frames=frames)
    thumbnail, sheet = (Image.open(io.BytesIO(path.read_bytes())) for path in paths)
    assert (thumbnail.format, sheet.format, thumbnail.mode, sheet.mode) == ("WEBP", "JPEG", "RGB", "RGB")
    return thumbnail, sheet


def cells(sheet: Image.Image) -> list[NDArray[np.float64]]:
    width, height = sheet.width // 4, sheet.height // 4
    assert sheet.size == (4 * width, 4 * height)
    return [
        np.asarray(sheet.crop((width * x, height * y, width * x + width, height * y + height)), float)
        for y in range(4)
        for x in range(4)
    ]


def story(path: Path, width: int, height: int, shades: list[Pixels]) -> Path:
    """A film of the pictures given, one a frame."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as out:
        video = out.add_stream("libx264", rate=FPS, options={"crf": "4", "g": "250"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        for number, shade in enumerate(shades):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(shade), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path


def test_samples_are_evenly_spaced() -> None:
    assert sample_frames(96) == [3 + 6 * number for number in range(SAMPLES)]
    for frames in (1, 5, 16, 17, 97, 360):
        found = sample_frames(frames)
        assert len(found) == SAMPLES
        assert found == sorted(found)
        assert 0 <= found[0] <= found[-1] < frames
        if frames >= SAMPLES:
            assert len(set(found)) == SAMPLES


@pytest.mark.parametrize(
    ("size", "thumbnail_size", "cell"),
    [
        ((1280, 720), (640, 360), (320, 180)),
        ((720, 1280), (360, 640), (180, 320)),
        ((1024, 1792), (366, 640), (183, 320)),
        ((854, 480), (640, 360), (320, 180)),
        ((1680, 720), (640, 274), (320, 137)),
        ((96, 64), (96, 64), (96, 64)),
    ],
)
def test_sizes(tmp_path: Path, size: tuple[int, int], thumbnail_size: tuple[int, int], cell: tuple[int, int]) -> None:
    thumbnail, sheet = shown(tmp_path, film(tmp_path / "v.mp4", *size, 20, preset="ultrafast"), 20)
    assert thumbnail.size == thumbnail_size
    assert sheet.size == (4 * cell[0], 4 * cell[1])


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("frames", [1, 15, 16, 96])
def test_the_sheet_shows_the_film_in_its_order(tmp_path: Path, codec: str, frames: int) -> None:
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {"bf": "3"}
    video = film(tmp_path / "v.mp4", 96, 64, frames, codec=codec, **options)
    _, sheet = shown(tmp_path, video, frames)
    whole = [frame.astype(float) for frame in all_frames(video)]
    for cell, number in zip(cells(sheet), sample_frames(frames), strict=True):
        assert np.abs(cell - whole[number]).mean() < 15
        others = [np.abs(cell - other).mean() for index, other in enumerate(whole) if index != number]
        assert np.abs(cell - whole[number]).mean() < min(others, default=255)


def test_the_thumbnail_is_the_frame_with_most_to_see(tmp_path: Path) -> None:
    """Black at first, fog after it, a picture in the middle, white at the end."""
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 255, (6, 8, 3), np.uint8).repeat(16, 0).repeat(16, 1)
    fog = (picture // 12 + 150).astype(np.uint8)
    plain = [np.full_like(picture, level) for level in (0, 255)]
    frames = [plain[0]] * 12 + [fog] * 12 + [picture] * 6 + [plain[1]] * 18
    thumbnail, _ = shown(tmp_path, story(tmp_path / "v.mp4", 128, 96, frames), 48)
    assert np.abs(np.asarray(thumbnail, float) - picture).mean() < 12


def test_colours_are_the_films(tmp_path: Path) -> None:
    orange = np.empty((720, 1280, 3), np.uint8)
    orange[:] = (202, 59, 22)
    video = story(tmp_path / "v.mp4", 1280, 720, [orange] * 4)
    expected = np.asarray(all_frames(video)[0][360, 640], float)
    # `story` does not say how its colours are made, so players take high definition for BT.709.
    media.save_last_frame(video, tmp_path / "last.png")
    expected = np.asarray(Image.open(tmp_path / "last.png"), float)[360, 640]
    for found in shown(tmp_path, video, 4):
        assert np.abs(np.asarray(found, float) - expected).max() <= 6


def test_what_cannot_be_decoded_is_refused(tmp_path: Path) -> None:
    whole = film(tmp_path / "v.mp4", 96, 64, 48, g="250").read_bytes()
    broken = tmp_path / "broken.mp4"
    at = whole.index(b"mdat")
    broken.write_bytes(whole[: at + 40] + bytes(len(whole) - at - 40))
    for path, frames in ((broken, 48), (tmp_path / "missing.mp4", 48), (tmp_path / "v.mp4", 480)):
        with pytest.raises(TaskFailure) as refused:
            media.save_previews(path, tmp_path / "t.webp", tmp_path / "s.jpg", frames=frames)
        assert refused.value.code == "output_rejected"
    assert not (tmp_path / "t.webp").exists()


# Their task --------------------------------------------------------------------------------------------------------


async def test_they_are_stored_served_and_removed_with_their_video(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    wanted, unwanted = await bought(pool, alice, previews=True, last_frame=True), await bought(pool, alice)
    async with at_work(settings, tmp_path, Moving()) as worker:
        done, without = await over(pool, wanted), await over(pool, unwanted)
        assert (done.status, without.status) == ("succeeded", "succeeded"), done.error_message
        keys = file_keys(done.id, 1)
        assert (done.thumbnail_key, done.spritesheet_key) == (keys["thumbnail"], keys["spritesheet"])
        assert (without.thumbnail_key, without.spritesheet_key) == (None, None)
        assert kept(settings) == sorted([*keys.values(), str(without.output_key)])
        links = [worker.runtime.storage.link(keys[name]) for name in ("video", "thumbnail", "spritesheet")]
        async with served(settings) as url, httpx2.AsyncClient(base_url=url) as client:
            video, thumbnail, sheet = [await client.get(link) for link in links]
            assert [answer.headers["content-type"] for answer in (thumbnail, sheet)] == ["image/webp", "image/jpeg"]
            assert Image.open(io.BytesIO(thumbnail.content)).size == (640, 360)
            found = cells(Image.open(io.BytesIO(sheet.content)))[-1]
            small = [
                np.asarray(Image.fromarray(frame).resize((CELL_SIDE, 180), Image.Resampling.BOX), float)
                for frame in all_frames(io.BytesIO(video.content))[86:]
            ]
            assert min(range(10), key=lambda number: float(np.abs(found - small[number]).mean())) == 93 - 86
            async with db.transaction(pool) as conn:
                await tasks.remove(conn, done)
            assert {(await client.get(link)).status_code for link in links} == {404}
        await sweeps.clear_storage(worker.runtime, worker._renderer)
        assert kept(settings) == [without.output_key]
    async with db.connection(pool) as conn:
        assert await files.find(conn, keys["thumbnail"]) is None


async def test_without_room_for_them_nothing_is_stored(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    task = await bought(pool, alice, previews=True)
    # A folder stands where the sheet would go.
    (settings.data_dir / "files" / file_keys(task.id, 1)["spritesheet"]).mkdir(parents=True)
    async with at_work(settings, tmp_path, Moving()):
        found = await over(pool, task)
    assert (found.status, found.error_code) == ("failed", "storage_failed")
    assert kept(settings) == []
