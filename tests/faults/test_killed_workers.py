"""Workers that are killed at any moment, frozen, or cut off: every task ends once, whoever ends it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2
import psutil
import pytest

from seedbed import checkup, db, ledger, tasks
from seedbed.embedded import connect_or_start
from seedbed.settings import Settings
from tests.conftest import Person, free_port
from tests.faults.cast import begun, check_made_once, ended, jobs, reached, stored, submit
from tests.faults.processes import GENERATIONS, Crew, Process, service, until
from tests.faults.proxy import Message, Proxy

LEASE_S = 2.0


async def test_a_worker_killed_in_mid_render_is_replaced_within_its_lease(
    api: httpx2.AsyncClient, alice: Person, conn: db.Connection, pool: db.Pool, crew: Crew, settings: Settings
) -> None:
    task_id = await submit(api, alice)
    victim = crew.worker("Slow")
    await reached(pool, task_id, "processing")
    await until(lambda: _progress(conn, task_id), "progress of the first render")
    victim.kill()
    killed_at = await conn.fetchval("SELECT clock_timestamp()")
    crew.worker()
    task = await ended(pool, task_id)
    await check_made_once(conn, settings, alice, task, attempt=2)
    assert task.tries == 2
    again = [row for row in await tasks.events(conn, task_id) if row["status"] == "processing"][-1]
    # The lease, and a few seconds for a busy machine to notice.
    assert (again["at"] - killed_at).total_seconds() < LEASE_S + 10
    assert stored(settings) == [task.output_key]


class _Steps:
    """Moments of a render as the database sees them, each told by the SQL that goes by.

    A worker's first statement of each kind is parsed on its connection, so its text can be seen; the COMMIT
    that belongs to it comes on the same connection.
    """

    def __init__(self, text: str, *, commit: bool) -> None:
        self._text, self._commit, self._link = text, commit, 0

    def __call__(self, message: Message) -> bool:
        if self._link == 0 and self._text in message.sql:
            self._link = message.link
            return not self._commit
        return self._commit and message.link == self._link and message.sql.upper().startswith("COMMIT")


CLAIM, START, FINISH = "FOR UPDATE SKIP LOCKED", "UPDATE tasks SET", "INSERT INTO files"
MOMENTS = {
    "as it claims": ("after", CLAIM, False, 1),
    "as it starts": ("after", START, False, 1),
    "before its start is committed": ("before", START, True, 1),
    "as its start is committed": ("after", START, True, 2),
    "as it finishes": ("before", FINISH, False, 2),
    "before its finish is committed": ("before", FINISH, True, 2),
    "as its finish is committed": ("after", FINISH, True, 1),
}


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_worker_killed_at_any_step(
    moment: str,
    api: httpx2.AsyncClient,
    alice: Person,
    conn: db.Connection,
    pool: db.Pool,
    crew: Crew,
    settings: Settings,
    proxy: Proxy,
) -> None:
    side, text, commit, attempt = MOMENTS[moment]
    setattr(proxy, side, _Steps(text, commit=commit))
    victim = crew.worker(dsn=proxy.url, lease_s=1)
    proxy.strike = victim.kill
    task_id = await submit(api, alice)
    await until(_happened(proxy), f"the moment {moment}: {victim.said()}")
    assert await victim.ended() == -signal.SIGKILL
    await proxy.settled()
    crew.worker(lease_s=1)
    task = await ended(pool, task_id)
    await check_made_once(conn, settings, alice, task, attempt=attempt)
    link = (await api.get(f"{GENERATIONS}/{task_id}", headers=alice.auth)).json()["output"]["url"]
    for key in stored(settings):
        # What the killed attempt left in storage is nobody's: only the task's own output can be fetched.
        assert task.output_key is not None
        answer = await api.get(link.replace(task.output_key, key))
        assert answer.status_code == (200 if key == task.output_key else 404)


async def test_a_frozen_worker_that_wakes_after_its_lease_changes_nothing(
    api: httpx2.AsyncClient, alice: Person, conn: db.Connection, pool: db.Pool, crew: Crew, settings: Settings
) -> None:
    task_id = await submit(api, alice)
    frozen = crew.worker("Slow", SLOW_S=3)
    await until(lambda: _progress(conn, task_id), "progress of the first render")
    frozen.send(signal.SIGSTOP)
    crew.worker()
    task = await ended(pool, task_id)
    before = await _everything(conn)
    frozen.send(signal.SIGCONT)
    await until(_says(frozen, "render lost", "render stopped", "let go"), "the frozen worker giving up")
    await until(_idle(conn, frozen), "the frozen worker having nothing in hand")
    assert await _everything(conn) == before
    await check_made_once(conn, settings, alice, task, attempt=2)
    assert stored(settings) == [task.output_key]
    # It has learnt, and works on.
    other_id = await submit(api, alice)
    assert (await ended(pool, other_id)).status == "succeeded"


async def test_a_worker_frozen_with_its_output_stored_deletes_it(
    api: httpx2.AsyncClient,
    alice: Person,
    conn: db.Connection,
    pool: db.Pool,
    crew: Crew,
    settings: Settings,
    proxy: Proxy,
) -> None:
    """The worst moment: the file is in storage, and the transaction that publishes it has begun and holds locks."""
    proxy.hold = _Steps(FINISH, commit=False)
    frozen = crew.worker(dsn=proxy.url)
    proxy.strike = lambda: frozen.send(signal.SIGSTOP)
    task_id = await submit(api, alice)
    await until(_happened(proxy), "the output stored and not yet published")
    (first,) = stored(settings)
    # It wakes while the attempt that replaced it is being rendered: the task is `processing`, but not its own.
    crew.worker("Slow", SLOW_S=5)
    await until(lambda: _second(conn, task_id), "progress of the second attempt")
    proxy.heal()
    frozen.send(signal.SIGCONT)
    await until(lambda: _deleted(settings, first), f"the fenced attempt's file gone:\n{frozen.said()}")
    assert await conn.fetchval("SELECT count(*) FROM files") == 0
    task = await tasks.get(conn, task_id)
    assert (task.status, task.attempt) == ("processing", 2)
    task = await ended(pool, task_id)
    await check_made_once(conn, settings, alice, task, attempt=2)
    assert stored(settings) == [task.output_key]
    moves = [(row["status"], row["attempt"]) for row in await tasks.events(conn, task_id)]
    assert moves == [("queued", 0), ("processing", 1), ("processing", 2), ("succeeded", 2)]


async def test_a_frozen_worker_that_nobody_replaced_finishes_its_render(
    api: httpx2.AsyncClient, alice: Person, conn: db.Connection, pool: db.Pool, crew: Crew, settings: Settings
) -> None:
    """A laptop that slept: the lease has run out, but the job is still this worker's, and so is the task."""
    task_id = await submit(api, alice)
    frozen = crew.worker("Slow", SLOW_S=3)
    await until(lambda: _progress(conn, task_id), "progress of the render")
    frozen.send(signal.SIGSTOP)
    await until(lambda: _stale(conn), "the end of its lease")
    frozen.send(signal.SIGCONT)
    task = await ended(pool, task_id)
    await check_made_once(conn, settings, alice, task, attempt=1)


async def test_a_worker_cut_off_from_the_database_stops_and_is_fenced(
    api: httpx2.AsyncClient,
    alice: Person,
    conn: db.Connection,
    pool: db.Pool,
    crew: Crew,
    settings: Settings,
    proxy: Proxy,
) -> None:
    task_id = await submit(api, alice)
    cut = crew.worker("Slow", dsn=proxy.url)
    await until(lambda: _progress(conn, task_id), "progress of the first render")
    proxy.swallow()
    # It can learn of nothing, and stops by itself: not once the network is back.
    await until(_says(cut, "render lost"), "the cut worker stopping by itself", timeout_s=LEASE_S * 2 + 20)
    crew.worker()
    task = await ended(pool, task_id)
    before = await _everything(conn)
    proxy.heal()
    await until(_idle(conn, cut), "the cut worker having nothing in hand")
    assert await _everything(conn) == before
    await check_made_once(conn, settings, alice, task, attempt=2)
    assert stored(settings) == [task.output_key]


async def test_a_late_claim_does_not_disturb_the_worker_that_has_the_job_by_then(
    api: httpx2.AsyncClient,
    alice: Person,
    conn: db.Connection,
    pool: db.Pool,
    crew: Crew,
    settings: Settings,
    proxy: Proxy,
    tmp_path: Path,
) -> None:
    """Claimed, frozen before the start, replaced, woken: its start must not take the running attempt's place."""
    frozen = crew.worker("Slow", dsn=proxy.url, SLOW_LOG=tmp_path / "frozen.log")
    await until(_swept(proxy), "the worker's first sweep")
    # The next transaction is the start of a render: frozen there, it has claimed and not started.
    proxy.hold = lambda message: message.sql.upper().startswith("BEGIN")
    proxy.strike = lambda: frozen.send(signal.SIGSTOP)
    task_id = await submit(api, alice)
    await until(_happened(proxy), "the worker frozen between claim and start")
    assert await conn.fetchval("SELECT status FROM pgqueuer") == "picked"
    crew.worker("Slow", SLOW_S=4, SLOW_LOG=tmp_path / "other.log")
    await until(lambda: _progress(conn, task_id), "progress of the other worker's render")
    proxy.heal()
    frozen.send(signal.SIGCONT)
    task = await ended(pool, task_id)
    await check_made_once(conn, settings, alice, task, attempt=1)
    assert begun(tmp_path / "frozen.log") == []
    assert begun(tmp_path / "other.log") == ["A river"]


async def test_a_task_that_kills_every_worker_fails_after_three_attempts(tmp_path: Path) -> None:
    with service(
        tmp_path, free_port(), lease_s=1, engines="previz=tests.engines_for_tests:Deadly", attempts_max=3
    ) as this:
        await this.ready()
        async with httpx2.AsyncClient(base_url=this.url, headers=this.auth, timeout=30) as client:
            body = {"model": "seedance-2.0", "prompt": "Death", "duration": 4, "resolution": "480p"}
            before = (await client.get("/api/open/v1/balance")).json()["creditsAvailable"]
            task_id = (await client.post(GENERATIONS, json=body)).json()["requestId"]

            async def look() -> dict | None:
                told = (await client.get(f"{GENERATIONS}/{task_id}")).json()
                return told if told["status"] not in ("queued", "processing") else None

            told = await until(look, "the end of a deadly task")
            assert told["status"] == "failed"
            assert told["error"]["code"] == "worker_lost"
            balance = (await client.get("/api/open/v1/balance")).json()
            assert (balance["creditsAvailable"], balance["creditsHeld"]) == (before, 0)
            await until(lambda: _alive(this.worker()), "another worker")
        with connect_or_start(this.data_dir / "postgres") as dsn:
            await _check_deadly(dsn, task_id)


async def _check_deadly(dsn: str, task_id: str) -> None:
    pool = await db.open_pool(dsn, size=1)
    try:
        async with db.connection(pool) as conn:
            states = [(row["status"], row["attempt"]) for row in await tasks.events(conn, task_id)]
            assert states == [("queued", 0), *(("processing", number) for number in (1, 2, 3)), ("failed", 3)]
            kinds = await conn.fetch("SELECT kind::text FROM ledger_transactions WHERE task_id = $1", task_id)
            assert sorted(row[0] for row in kinds) == ["hold", "release"]
            assert await jobs(conn) == 0
            assert await ledger.audit(conn) == []
            assert (await checkup._orphans(conn)).good
    finally:
        await pool.close()


# What is looked at ---------------------------------------------------------------------------------------


async def _progress(conn: db.Connection, task_id: str) -> float | None:
    task = await tasks.get(conn, task_id)
    return task.progress or None


async def _everything(conn: db.Connection) -> list[object]:
    """All that a worker could have written for a task."""
    return [
        await conn.fetch("SELECT * FROM tasks ORDER BY seq"),
        await conn.fetch("SELECT * FROM task_events ORDER BY id"),
        await conn.fetch("SELECT * FROM files ORDER BY key"),
        await conn.fetch("SELECT * FROM ledger_entries ORDER BY transaction_id, book"),
    ]


def _says(process: Process, *words: str) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return any(word in process.said() for word in words)

    return look


def _happened(proxy: Proxy) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return proxy.struck.is_set()

    return look


def _idle(conn: db.Connection, process: Process) -> Callable[[], Awaitable[bool]]:
    """The worker, seen since now, runs nothing."""
    since = asyncio.create_task(conn.fetchval("SELECT clock_timestamp()"))

    async def look() -> bool:
        found = await conn.fetchval(
            "SELECT running = '{}' FROM workers WHERE pid = $1 AND seen_at > $2", process.pid, await since
        )
        return bool(found)

    return look


async def _second(conn: db.Connection, task_id: str) -> bool:
    task = await tasks.get(conn, task_id)
    return task.attempt == 2 and task.progress > 0


async def _deleted(settings: Settings, key: str) -> bool:
    return key not in stored(settings)


async def _stale(conn: db.Connection) -> bool:
    return bool(
        await conn.fetchval(
            "SELECT count(*) FROM pgqueuer WHERE status = 'picked' AND heartbeat < now() - interval '2.2 s'"
        )
    )


def _swept(proxy: Proxy) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        texts = [message.sql for message in proxy.seen]
        at = next((index for index, text in enumerate(texts) if "pg_try_advisory_xact_lock" in text), None)
        return at is not None and any(text.upper().startswith("COMMIT") for text in texts[at:])

    return look


async def _alive(process: psutil.Process | None) -> bool:
    return process is not None and process.is_running()
