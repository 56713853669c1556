"""The Studio API by the client: every field arrives, a film and its last frame come back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest

from seedbed import accounts, db, tasks
from seedbed.client import InvalidRequest, NotFound, Retries, StudioTask, TaskFailed, Unauthorized
from seedbed.client.studio_api import mode_of
from seedbed.settings import Settings
from seedbed.tasks import Task
from tests.client.conftest import Way
from tests.client.proxy import SWALLOW, between
from tests.conftest import Person, make_person
from tests.engines_for_tests import Broken, Clip
from tests.media_samples import quarters, written
from tests.workers import at_work

PICTURE = written(quarters(), "PNG")


@pytest.fixture
async def ana(pool: db.Pool) -> Person:
    """Somebody with a key of the Studio API."""
    async with db.transaction(pool) as conn:
        person = await make_person(conn, "ana", credits=10_000)
        key_id, secret = await accounts.create_key(conn, person.account_id, "studio")
    return Person(person.account_id, key_id, secret)


async def kept(pool: db.Pool, task_id: str) -> Task:
    async with db.connection(pool) as conn:
        return await tasks.get(conn, task_id)


async def test_from_the_prompt_to_the_last_frame(
    api: httpx2.AsyncClient, ana: Person, settings: Settings, tmp_path: Path, way: Way, sound: None
) -> None:
    seen: list[StudioTask] = []
    film, frame = tmp_path / "river.mp4", tmp_path / "last.png"
    async with at_work(settings, tmp_path, Clip()), way.studio(str(api.base_url), ana.key) as client:
        done = await client.generate("A river", output=film, seen=seen.append, seed=123, duration_s=4, channel="wild")
        await client.download(done.last_frame_url, frame)
        assert await client.plan(done) == {"engine": "clip"}
    assert (done.status, done.succeeded, done.error, done.progress) == ("completed", True, None, 1.0)
    assert (done.quality_tier, done.channel, done.credits, done.credits_refunded) == ("standard", "wild", 24, 0)
    assert done.seed == 123
    assert done.created_at < done.updated_at
    assert seen[-1] == done
    assert film.read_bytes()[4:8] == b"ftyp"
    assert frame.read_bytes().startswith(b"\x89PNG")


async def test_every_field_arrives(
    api: httpx2.AsyncClient, ana: Person, pool: db.Pool, tmp_path: Path, way: Way, sound: None
) -> None:
    picture = tmp_path / "photo.png"
    picture.write_bytes(PICTURE)
    frames: dict[str, Any] = {
        "quality_tier": "pro",
        "channel": "wild",
        "aspect_ratio": "adaptive",
        "duration_s": 15,
        "resolution": "4k",
        "image": picture,
        "end_image": "https://example.com/end.png",
        "generate_audio": False,
        "fixed_lens": True,
        "seed": 7,
    }
    async with between(str(api.base_url)) as proxy, way.studio(proxy.url, ana.key) as client:
        first = await kept(pool, (await client.create("A river", **frames)).id)
        assert (first.quality, first.channel, first.aspect_ratio, first.duration_s) == ("pro", "wild", "adaptive", 15)
        assert (first.resolution, first.audio, first.fixed_lens, first.seed) == ("4k", False, True, 7)
        assert [(each.role, each.field) for each in first.media] == [
            ("first_frame", "image_url"),
            ("last_frame", "end_image_url"),
        ]
        proxy.fates = [SWALLOW]
        again = await client.create("A river", media=[picture.as_posix().replace(str(picture), first.media[1].url)])
        assert again.credits == 30
        assert [each.role for each in (await kept(pool, again.id)).media] == ["reference"]
        with pytest.raises(InvalidRequest, match="'seed' must be left out"):
            await client.create("A river", quality_tier="mini", seed=1)
        with pytest.raises(InvalidRequest, match="'image_url' is required"):
            await client.create("A river", end_image="https://example.com/end.png")


def test_the_mode_is_that_of_the_media() -> None:
    assert mode_of({}) == "text-to-video"
    assert mode_of({"media": [], "image": None}) == "text-to-video"
    assert mode_of({"image": "x"}) == mode_of({"end_image": "x"}) == "image-to-video"
    assert mode_of({"image": "x", "media": ["y"]}) == "media-to-video"


async def test_what_comes_to_nothing_is_told(
    api: httpx2.AsyncClient, ana: Person, alice: Person, settings: Settings, tmp_path: Path, way: Way, sound: None
) -> None:
    url = str(api.base_url)
    async with at_work(settings, tmp_path, Broken()), way.studio(url, ana.key) as client:
        with pytest.raises(TaskFailed, match="failed: The engine cannot draw this") as failed:
            await client.generate("refuse it")
        task = failed.value.task
        assert isinstance(task, StudioTask)
        assert (task.credits, task.credits_refunded, task.url, task.last_frame_url) == (30, 30, None, None)
        with pytest.raises(NotFound) as unknown:
            await client.get("sd2_unknown")
        assert unknown.value.request_id
    async with way.studio(url, alice.key, retries=Retries(tries=1)) as client:
        with pytest.raises(Unauthorized):
            await client.create("A river")
