"""What workers do beside their jobs: deadlines, with a real worker, and the files of removed tasks."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import httpx2
import pytest

from seedbed import db, files, ledger, library, queue, sweeps, tasks
from seedbed.errors import InvalidRequest, NotFound, TaskFailure
from seedbed.ledger import Balance
from seedbed.runtime import open_runtime
from seedbed.settings import Settings
from seedbed.storage import Storage, StorageError
from seedbed.wanted import Wanted
from tests.conftest import Person, served
from tests.dialects.wire import GENERATIONS, publish, submit
from tests.test_tasks import LANE, accept, in_state
from tests.test_worker import Gate, bought, over
from tests.webhook_receivers import until
from tests.workers import at_work


async def late(pool: db.Pool, task_id: str) -> None:
    """Its time is over, by the database's clock."""
    async with db.connection(pool) as conn:
        await conn.execute("UPDATE tasks SET expires_at = now() - interval '1 ms' WHERE id = $1", task_id)


async def test_a_deadline_is_counted_by_the_database(conn: db.Connection, alice: Person) -> None:
    task = await accept(conn, alice, expires_s=3600)
    assert task.expires_at is not None
    assert (task.expires_at - task.created_at).total_seconds() == 3600
    assert (await accept(conn, alice)).expires_at is None


async def test_a_waiting_task_expires_without_ever_starting(
    pool: db.Pool, conn: db.Connection, alice: Person, sound: None
) -> None:
    task = await accept(conn, alice, expires_s=3600, webhook_url="https://example.com/hook")
    assert await tasks.overdue(conn) == []
    async with conn.transaction():
        assert await tasks.expire(conn, task.id) is None
    await late(pool, task.id)
    assert await tasks.overdue(conn) == [task.id]
    async with conn.transaction():
        ended = await tasks.expire(conn, task.id)
    assert ended is not None
    assert (ended.status, ended.error_code) == ("failed", "expired")
    assert await ledger.balance(conn, alice.account_id) == Balance(1000, 0)
    assert await conn.fetchval("SELECT count(*) FROM pgqueuer WHERE entrypoint = $1", LANE) == 0
    assert await conn.fetchval("SELECT count(*) FROM pgqueuer WHERE entrypoint = $1", queue.CALLBACK) == 1
    assert await tasks.overdue(conn) == []
    assert await tasks.expire(conn, task.id) is None


async def test_a_task_that_is_late_is_not_started(pool: db.Pool, conn: db.Connection, alice: Person) -> None:
    task = await accept(conn, alice, expires_s=3600)
    await late(pool, task.id)
    async with conn.transaction():
        assert await tasks.start(conn, task.id, attempts_max=3) is None
    found = await tasks.get(conn, task.id)
    assert (found.error_code, found.attempt) == ("expired", 0)


async def test_an_end_that_came_first_stands(pool: db.Pool, conn: db.Connection, alice: Person, sound: None) -> None:
    for status in ("succeeded", "failed", "cancelled"):
        task = await in_state(conn, alice, status, expires_s=3600)  # type: ignore[arg-type]
        await late(pool, task.id)
        assert await tasks.expire(conn, task.id) is None
        assert (await tasks.get(conn, task.id)).status == status
    assert await tasks.overdue(conn) == []


async def test_a_worker_ends_what_is_overdue_and_stops_its_render(
    settings: Settings, pool: db.Pool, alice: Person, tmp_path: Path, sound: None
) -> None:
    gate = Gate()
    async with at_work(settings, tmp_path, gate):
        running = await bought(pool, alice, expires_s=3600)
        await until(lambda: gate.inside == 1)
        waiting = await bought(pool, alice, expires_s=3600)
        await late(pool, running.id)
        await late(pool, waiting.id)
        for task in (running, waiting):
            ended = await asyncio.wait_for(over(pool, task), 5)
            assert (ended.status, ended.error_code) == ("failed", "expired")
        await until(lambda: gate.cancelled == 1, 5)
        async with db.connection(pool) as conn:
            assert await ledger.balance(conn, alice.account_id) == Balance(1000, 0)
    assert gate.begun == ["A river"]


# Removal ---------------------------------------------------------------------------------------------------------


async def test_what_is_removed_is_seen_no_more_and_stays_in_the_books(
    conn: db.Connection, alice: Person, sound: None
) -> None:
    for status in ("succeeded", "failed", "cancelled"):
        task = await in_state(conn, alice, status)  # type: ignore[arg-type]
        history = await tasks.events(conn, task.id)
        await tasks.remove(conn, task)
        await tasks.remove(conn, task)
        with pytest.raises(NotFound):
            await tasks.get_own(conn, task.id, dialect="open", key_id=alice.key_id)
        assert (await library.browse(conn, Wanted(key_id=alice.key_id), limit=5)).tasks == []
        found = await tasks.get(conn, task.id)
        assert found.deleted_at is not None
        assert await tasks.events(conn, task.id) == history
        if task.output_key:
            assert await files.find(conn, task.output_key) is None


async def test_what_has_not_ended_cannot_be_removed(conn: db.Connection, alice: Person) -> None:
    for status in ("queued", "processing"):
        task = await in_state(conn, alice, status)  # type: ignore[arg-type]
        with pytest.raises(InvalidRequest, match="cancel it first"):
            await tasks.remove(conn, task)
        assert (await tasks.get(conn, task.id)).deleted_at is None


async def test_links_end_at_once_and_the_bytes_with_the_sweep(
    settings: Settings, pool: db.Pool, alice: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(settings) as url, httpx2.AsyncClient(base_url=url) as api:
        task_id = await submit(api, alice)
        key = await publish(settings, pool, task_id, b"a film")
        link = (await api.get(f"{GENERATIONS}/{task_id}", headers=alice.auth)).json()["output"]["url"]
        assert (await api.get(link)).content == b"a film"
        async with db.transaction(pool) as conn:
            await tasks.remove(conn, await tasks.get(conn, task_id))
        assert (await api.get(link)).status_code == 404
        assert (await api.get(f"{GENERATIONS}/{task_id}", headers=alice.auth)).status_code == 404
    stored = settings.data_dir / "files" / key
    assert stored.exists()
    async with open_runtime(settings, pool_size=4, name="sweep") as runtime:
        with monkeypatch.context() as broken:

            async def refuse(self: Storage, key: str) -> None:
                raise StorageError("away")

            broken.setattr(Storage, "delete", refuse)
            await sweeps.clear_removed(runtime)
        async with db.connection(pool) as conn:
            assert await files.removed(conn) == [key], "what could not be removed waits for the next sweep"
        await sweeps.clear_removed(runtime)
        await sweeps.clear_removed(runtime)
    assert not stored.exists()
    async with db.connection(pool) as conn:
        assert await files.removed(conn) == []


async def test_a_kept_file_is_never_forgotten(conn: db.Connection, alice: Person) -> None:
    task = await in_state(conn, alice, "succeeded")
    assert task.output_key is not None
    await files.forget(conn, task.output_key)
    assert await files.find(conn, task.output_key) is not None
    with contextlib.suppress(TaskFailure):
        await files.remove_all(conn, "another")
    assert await files.find(conn, task.output_key) is not None
