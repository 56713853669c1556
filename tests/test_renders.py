"""Renders: the size that is asked of an engine, `adaptive` among them, and what the task keeps of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seedbed import db
from seedbed.catalogue import ADAPTIVE
from seedbed.engines import Kind, Progress, RenderRequest, RenderResult
from seedbed.settings import Settings, load
from seedbed.tasks import MediaRef
from tests import hostile_files as files
from tests.conftest import Person, free_port
from tests.engines_for_tests import Clip
from tests.media_samples import Shelf, shelf, written
from tests.test_worker import bought, over
from tests.workers import at_work


def picture(width: int, height: int, *, orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return written(Image.new("RGB", (width, height), (90, 40, 200)), "JPEG", exif=exif.tobytes())


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Shelf]:
    lying = np.full((90, 160, 3), 70, np.uint8)
    stock = {
        "odd.jpg": picture(333, 517),
        "turned.jpg": picture(400, 300, orientation=6),
        "thread.jpg": picture(3000, 20),
        "tower.jpg": picture(20, 3000),
        "square.jpg": picture(7, 7),
        # Held upright, and stored lying down as phones do.
        "phone.mov": files.film(
            tmp_path / "phone",
            width=160,
            height=90,
            frames=12,
            form="mov",
            paint=lambda number: lying,
            prepare=lambda stream: stream.set_display_rotation(90),
        ).read_bytes(),
        "sound.wav": files.wav(bytes([128, 140]) * 4000),
    }
    async with shelf(stock) as found:
        yield found


@pytest.fixture
def settings(dsn: str, tmp_path: Path, host: Shelf) -> Settings:
    trusted = f"127.0.0.1:{host.port}"
    return load(
        data_dir=tmp_path / "data", database_url=dsn, port=free_port(), poll_s=0.2, lease_s=2.0, trusted_hosts=trusted
    )


class Measured(Clip):
    """Remembers the sizes that were asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.media: list[tuple[Kind, int, int]] = []

    async def render(self, request: RenderRequest, scratch: Path, progress: Progress) -> RenderResult:
        self.asked.append((request.width, request.height))
        self.media = [(medium.kind, medium.width, medium.height) for medium in request.media]
        return await super().render(request, scratch, progress)


@pytest.mark.parametrize(
    ("names", "size"),
    [
        ([], (854, 480)),  # 16:9, for want of a picture
        (["sound.wav"], (854, 480)),
        (["odd.jpg"], (480, 746)),  # 480 · 517/333 = 745.2…
        (["turned.jpg"], (480, 640)),
        (["thread.jpg"], (1120, 480)),  # 21:9 at most
        (["tower.jpg"], (480, 1120)),
        (["square.jpg"], (480, 480)),
        (["phone.mov"], (480, 854)),
        (["sound.wav", "phone.mov", "odd.jpg"], (480, 854)),  # the first that can be seen
        (["odd.jpg", "thread.jpg"], (480, 746)),
    ],
)
async def test_adaptive_takes_the_ratio_of_the_first_that_can_be_seen(
    pool: db.Pool,
    alice: Person,
    host: Shelf,
    settings: Settings,
    tmp_path: Path,
    sound: None,
    names: list[str],
    size: tuple[int, int],
) -> None:
    media = tuple(MediaRef(url=f"http://127.0.0.1:{host.port}/{name}", role="reference") for name in names)
    task = await bought(
        pool, alice, aspect_ratio=ADAPTIVE, media=media, mode="image_to_video" if media else "text_to_video"
    )
    engine = Measured()
    async with at_work(settings, tmp_path, engine):
        found = await over(pool, task)
    # Clip makes what it is asked for, and the proof compares the file with the same size.
    assert (found.status, found.error_message) == ("succeeded", None)
    assert engine.asked == [size]
    assert (found.aspect_ratio, found.width, found.height) == (ADAPTIVE, *size)
    assert [kind for kind, _, _ in engine.media] == [
        {".jpg": "image", ".mov": "video", ".wav": "audio"}[Path(name).suffix] for name in names
    ]
    assert all((kind == "audio") == (width == height == 0) for kind, width, height in engine.media)


async def test_a_video_of_another_size_than_the_adaptive_one_is_refused(
    pool: db.Pool, alice: Person, host: Shelf, settings: Settings, tmp_path: Path, sound: None
) -> None:
    class Wide(Clip):
        async def render(self, request: RenderRequest, scratch: Path, progress: Progress) -> RenderResult:
            wide = RenderRequest(prompt="", width=854, height=480, duration_s=request.duration_s, seed=0)
            return await super().render(wide, scratch, progress)

    odd = (MediaRef(url=f"http://127.0.0.1:{host.port}/odd.jpg", role="first_frame"),)
    task = await bought(pool, alice, aspect_ratio=ADAPTIVE, media=odd, mode="image_to_video")
    async with at_work(settings, tmp_path, Wide()):
        found = await over(pool, task)
    assert (found.status, found.error_code, found.width) == ("failed", "output_rejected", None)
    assert "480×746 was asked for and 854×480 came" in (found.error_message or "")
