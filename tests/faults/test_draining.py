"""SIGTERM under load: each render is finished or handed back, none is done twice, none counts as a failed try."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import httpx2

from seedbed import db, tasks
from seedbed.settings import Settings
from tests.conftest import Person
from tests.faults.cast import PRICE_CREDITS, balance, begun, ended, jobs, reached, stored, submit
from tests.faults.processes import Crew, until

TASKS = 12


async def test_a_draining_worker_finishes_what_it_has_and_claims_nothing(
    api: httpx2.AsyncClient,
    alice: Person,
    conn: db.Connection,
    pool: db.Pool,
    crew: Crew,
    settings: Settings,
    tmp_path: Path,
) -> None:
    log = tmp_path / "slow.log"
    ids = [await submit(api, alice, f"number {number}") for number in range(TASKS)]
    leaving = crew.worker("Slow", concurrency=3, drain_s=60, SLOW_S=1.5, SLOW_LOG=log)
    await until(lambda: _count(log, 3), "three renders")
    leaving.send(signal.SIGTERM)
    assert await leaving.ended() == 0
    finished = [task for task in await _all(conn, ids) if task.status == "succeeded"]
    # Everything that it began it finished, and it has begun nothing since.
    assert len(finished) == len(begun(log))
    assert len(finished) < TASKS
    assert all(task.status == "queued" and task.attempt == 0 for task in await _all(conn, ids) if not task.ended)
    assert await conn.fetchval("SELECT count(*) FROM pgqueuer WHERE status = 'picked'") == 0
    assert await conn.fetchval("SELECT count(*) FROM workers") == 0
    crew.worker("Slow", concurrency=4, SLOW_S=0.2, SLOW_LOG=log)
    await asyncio.gather(*(ended(pool, task_id) for task_id in ids))
    await _check_each_made_once(conn, settings, alice, ids, log)


async def test_what_a_draining_worker_cannot_finish_is_handed_back_and_does_not_count(
    api: httpx2.AsyncClient,
    alice: Person,
    conn: db.Connection,
    pool: db.Pool,
    crew: Crew,
    settings: Settings,
    tmp_path: Path,
) -> None:
    """Handed back more often than a task may be tried: it still succeeds."""
    task_id = await submit(api, alice)
    for times in range(1, 5):
        log = tmp_path / f"{times}.log"
        leaving = crew.worker("Slow", drain_s=0, lease_s=60, attempts_max=3, SLOW_LOG=log)
        await until(lambda log=log: _count(log, 1), "the render's beginning")
        leaving.send(signal.SIGTERM)
        assert await leaving.ended() == 0
        task = await tasks.get(conn, task_id)
        assert (task.status, task.attempt, task.tries, task.progress) == ("processing", times, 0, 0)
        # Waiting for anybody at once: no lease stands between.
        assert await conn.fetchval("SELECT status FROM pgqueuer WHERE execute_after <= now()") == "queued"
    crew.worker(lease_s=60, attempts_max=3)
    task = await ended(pool, task_id)
    assert (task.status, task.attempt, task.tries) == ("succeeded", 5, 1)
    assert await balance(conn, alice) == (1000 - PRICE_CREDITS, 0)
    assert stored(settings) == [task.output_key]


async def test_workers_that_come_and_go_under_load_render_everything_once(
    api: httpx2.AsyncClient,
    alice: Person,
    conn: db.Connection,
    pool: db.Pool,
    crew: Crew,
    settings: Settings,
) -> None:
    """Signals fall at any moment of claim, start and finish; the lease is too long to help."""

    def next_worker():
        return crew.worker(concurrency=2, drain_s=0, lease_s=3600, poll_s=0.05)

    worker = next_worker()
    ids: list[str] = []
    for number in range(40):
        ids.append(await submit(api, alice, f"number {number}"))
        if number % 4 == 3:
            await reached(pool, ids[-4], "processing", "succeeded")
            worker.send(signal.SIGTERM)
            assert await worker.ended() == 0
            assert await conn.fetchval("SELECT count(*) FROM pgqueuer WHERE status = 'picked'") == 0
            worker = next_worker()
    made = await asyncio.gather(*(ended(pool, task_id) for task_id in ids))
    assert {task.status for task in made} == {"succeeded"}
    assert {task.tries for task in made} == {1}
    assert await balance(conn, alice) == (1000 - 40 * PRICE_CREDITS, 0)
    assert stored(settings) == sorted(str(task.output_key) for task in made)
    assert await jobs(conn) == 0


async def _check_each_made_once(
    conn: db.Connection, settings: Settings, person: Person, ids: list[str], log: Path
) -> None:
    made = await _all(conn, ids)
    assert {(task.status, task.attempt) for task in made} == {("succeeded", 1)}
    assert sorted(begun(log)) == sorted(f"number {number}" for number in range(TASKS))
    assert await balance(conn, person) == (1000 - TASKS * PRICE_CREDITS, 0)
    assert stored(settings) == sorted(str(task.output_key) for task in made)
    assert await jobs(conn) == 0


async def _all(conn: db.Connection, ids: list[str]) -> list[tasks.Task]:
    return [await tasks.get(conn, task_id) for task_id in ids]


async def _count(log: Path, least: int) -> bool:
    return len(begun(log)) >= least
