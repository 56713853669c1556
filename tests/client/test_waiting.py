"""From a prompt to a file on disk by the Open API: waiting, outages meanwhile, cancelling, lists and uploads."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from seedbed import db, tasks
from seedbed.client import (
    Balance,
    ClientError,
    FileError,
    InvalidRequest,
    NotFound,
    OpenTask,
    RateLimited,
    Retries,
    ServiceFailed,
    TaskFailed,
    Unreachable,
    WaitTimeout,
    open_api,
    session,
)
from seedbed.settings import Settings
from tests.client.conftest import SOON, Way
from tests.client.proxy import PASS, REFUSE, between, ready
from tests.client.test_buying import SMALL
from tests.conftest import Person
from tests.dialects.wire import PLAN, move
from tests.engines_for_tests import Broken, Clip
from tests.media_samples import quarters, written
from tests.workers import at_work

PICTURE = written(quarters(), "PNG")


async def test_from_the_prompt_to_the_file(
    api: httpx2.AsyncClient, alice: Person, settings: Settings, tmp_path: Path, way: Way, sound: None
) -> None:
    seen: list[OpenTask] = []
    target = tmp_path / "river.mp4"
    async with at_work(settings, tmp_path, Clip()), way.open(str(api.base_url), alice.key) as client:
        done = await client.generate("A river", output=target, seen=seen.append, metadata={"scene": "8 – ж"}, **SMALL)
        assert await client.plan(done) == {"engine": "clip"}
        assert await client.balance() == Balance(available=984, held=0)
    assert (done.status, done.succeeded, done.ended, done.error, done.progress) == ("succeeded", True, True, None, 1.0)
    assert (done.model, done.prompt, done.duration_s, done.aspect_ratio) == ("seedance-2.0", "A river", 4, "16:9")
    assert done.metadata == {"scene": "8 – ж"}
    assert seen[-1] == done
    assert target.read_bytes() == (await api.get(done.url or "")).content
    assert not list(tmp_path.glob("*.part*"))


async def test_a_failure_and_a_cancellation_are_told(
    api: httpx2.AsyncClient, alice: Person, settings: Settings, tmp_path: Path, way: Way, sound: None
) -> None:
    async with way.open(str(api.base_url), alice.key) as client:
        accepted = await client.create("A river", **SMALL)
        with pytest.raises(WaitTimeout, match="is still queued after 0 s") as late:
            await client.wait(accepted, timeout_s=0)
        assert (late.value.task_id, late.value.task.status) == (accepted.id, "queued")
        with pytest.raises(ClientError, match="is queued: no video yet"):
            await client.download(late.value.task, tmp_path / "nothing.mp4")
        await client.cancel(accepted)
        found = await client.wait(accepted.id)
        assert (found.status, found.ended, found.succeeded, found.url, found.error) == (
            *("cancelled", True, False),
            *(None, None),
        )
        with pytest.raises(TaskFailed, match="cancelled: no reason given"):
            await client.download(found, tmp_path / "nothing.mp4")
        with pytest.raises(NotFound) as unknown:
            await client.get("req_unknown/../x")
        assert unknown.value.code == "not_found"
        async with at_work(settings, tmp_path, Broken()):
            with pytest.raises(TaskFailed, match="The engine cannot draw this") as failed:
                await client.generate("refuse it", output=tmp_path / "nothing.mp4", **SMALL)
            assert (failed.value.code, failed.value.status) == ("render_failed", None)
            assert failed.value.task_id == failed.value.task.id
            with pytest.raises(InvalidRequest):
                await client.cancel(failed.value.task)
    assert not (tmp_path / "nothing.mp4").exists()


async def test_an_outage_is_waited_for(
    api: httpx2.AsyncClient, pool: db.Pool, alice: Person, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with between(str(api.base_url)) as proxy, way.open(proxy.url, alice.key) as client:
        accepted = await client.create("A river", **SMALL)
        proxy.fates = [REFUSE, ready(502)] * 8
        waiting = asyncio.ensure_future(client.wait(accepted))
        await move(pool, accepted.id, "failed")
        assert (await waiting).status == "failed"
        assert proxy.fates == []
        monkeypatch.setattr(session, "OUTAGE_S_MAX", 0)
        proxy.fates = [REFUSE] * 99
        with pytest.raises(Unreachable) as lost:
            await client.wait(accepted)
        assert lost.value.task_id == accepted.id, "whoever paid can ask again"


async def test_a_wait_ends_in_time_whatever_the_service_says(api: httpx2.AsyncClient, alice: Person, way: Way) -> None:
    """Neither a long Retry-After nor an outage makes it longer than it was given."""
    held = [ready(429, Retry_After="30"), ready(503, Retry_After="30"), REFUSE]
    async with between(str(api.base_url)) as proxy, way.open(proxy.url, alice.key) as client:
        accepted = await client.create("A river", **SMALL)
        for fate, cause in zip(held, (RateLimited, ServiceFailed, Unreachable), strict=True):
            proxy.fates, began = [PASS, *[fate] * 99], time.monotonic()
            with pytest.raises(WaitTimeout) as late:
                await client.wait(accepted, timeout_s=0.8)
            assert 0.7 < time.monotonic() - began < 5
            assert (late.value.task.status, late.value.task_id) == ("queued", accepted.id)
            assert isinstance(late.value.__cause__, cause)
        proxy.fates = [held[0]] * 99
        with pytest.raises(RateLimited) as unseen:
            await client.wait(accepted, timeout_s=0.2)
        assert (unseen.value.task_id, unseen.value.retry_after_s) == (accepted.id, 30)


async def test_every_error_after_the_purchase_names_the_task(
    api: httpx2.AsyncClient, alice: Person, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "OUTAGE_S_MAX", 0)
    one = Retries(tries=1)
    async with between(str(api.base_url)) as proxy, way.open(proxy.url, alice.key, retries=one) as client:
        with pytest.raises(WaitTimeout) as late:
            await client.generate("A river", timeout_s=0, **SMALL)
        assert late.value.task_id == late.value.task.id
        proxy.fates = [PASS, REFUSE]
        with pytest.raises(Unreachable) as lost:
            await client.generate("A river", **SMALL)
        assert str(lost.value.task_id).startswith("req_")


async def test_all_pages_of_a_list(
    api: httpx2.AsyncClient, pool: db.Pool, alice: Person, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_api, "PAGE", 2)
    async with way.open(str(api.base_url), alice.key) as client:
        made = [(await client.create("A river", **SMALL)).id for _ in range(5)]
        await move(pool, made[1], "failed")

        async def listed(**asked: Any) -> list[OpenTask]:
            return [task async for task in client.tasks(**asked)]

        newest_first = made[::-1]
        everything = await listed()
        assert [task.id for task in everything] == newest_first
        assert {(task.resolution, task.credits) for task in everything} == {("480p", 16)}
        assert everything[0].created_at is not None
        assert everything[0].created_at > everything[-1].created_at  # type: ignore[operator]
        [failed] = await listed(status="failed")
        assert (failed.id, failed.error.code) == (made[1], "render_failed")  # type: ignore[union-attr]
        assert [task.id for task in await listed(after=everything[2])] == newest_first[3:]
        with pytest.raises(InvalidRequest, match="'status' must be one of"):
            await listed(status="nonsense")


async def test_models_quotes_and_plans(api: httpx2.AsyncClient, pool: db.Pool, alice: Person, way: Way) -> None:
    async with way.open(str(api.base_url), alice.key) as client:
        models = await client.models()
        assert {(model.id, model.mode) for model in models} >= {("seedance-2.0", "text_to_video")}
        [river] = [each for each in models if (each.id, each.mode) == ("seedance-2.0", "image_to_video")]
        assert (river.durations_s[0], river.aspect_ratios[0], river.usd_per_second["720p"]) == (4, "16:9", 0.1)
        assert await client.quote("A river") == 40
        assert await client.quote("A river", media=["https://example.com/a.png"], model="seedance-2.0-fast") == 40
        assert await client.balance() == Balance(available=1000, held=0)
        accepted = await client.create("A river", **SMALL)
        assert await client.plan(accepted) is None
        assert await client.balance() == Balance(available=984, held=16)
        await move(pool, accepted.id, "succeeded")
        assert await client.plan(accepted.id) == PLAN


async def test_local_files_are_uploaded_and_used(
    api: httpx2.AsyncClient, pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, way: Way
) -> None:
    picture, words = tmp_path / "a picture – ж.png", tmp_path / "words.txt"
    picture.write_bytes(PICTURE)
    words.write_text("no picture at all")
    async with between(str(api.base_url)) as proxy, way.open(proxy.url, alice.key, retries=SOON) as client:
        kept = await client.upload(picture)
        assert (kept.kind, kept.size_bytes, kept.url.startswith(settings.base_url)) == ("image", len(PICTURE), True)
        assert (await api.get(kept.url)).content == PICTURE
        proxy.fates = [REFUSE]
        accepted = await client.create("It moves", media=[picture, kept.url], **SMALL)
        with pytest.raises(InvalidRequest, match="is not a picture, video or sound"):
            await client.upload(words)
        for path in (tmp_path / "nothing.png", tmp_path):
            with pytest.raises(FileError, match=f"{path} could not be read: "):
                await client.create("x", media=[path])
    async with db.connection(pool) as conn:
        first, last = (await tasks.get(conn, accepted.id)).media
    assert (first.role, last.role, last.url) == ("first_frame", "last_frame", kept.url)
    assert first.url != kept.url
