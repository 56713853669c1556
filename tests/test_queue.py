"""The queue: jobs commit with their tasks, go in order, are held by beats, and come back from the silent."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from uuid import UUID, uuid4

import pytest

from seedbed import db, queue, tasks
from seedbed.queue import Depth, Job
from tests.conftest import Person
from tests.test_tasks import LANE, accept

LEASE_S = 20.0


async def claim(conn: db.Connection, worker: UUID, at_most: int = 100, lanes: tuple[str, ...] = ("a",)) -> list[Job]:
    return await queue.claim(conn, worker, lanes, at_most=at_most, lease_s=LEASE_S)


async def age(conn: db.Connection, job: Job, seconds: float = LEASE_S + 1) -> None:
    """As if the job's worker had been silent for `seconds`."""
    await conn.execute(
        "UPDATE pgqueuer SET heartbeat = heartbeat - make_interval(secs => $2) WHERE id = $1", job.id, seconds
    )


async def come_due(conn: db.Connection) -> None:
    """As if every delay were over."""
    await conn.execute("UPDATE pgqueuer SET execute_after = now()")


# Enqueue -------------------------------------------------------------------------------------------------------


async def test_a_job_is_there_with_the_commit_and_not_before(pool: db.Pool) -> None:
    async def enqueue_and_break() -> None:
        async with db.transaction(pool) as conn:
            await queue.enqueue(conn, "a", "dropped")
            raise ZeroDivisionError

    async with db.connection(pool) as other:
        async with db.transaction(pool) as conn:
            await queue.enqueue(conn, "a", "kept")
            assert await claim(other, uuid4()) == []
        with pytest.raises(ZeroDivisionError):
            await enqueue_and_break()
        assert [job.payload for job in await claim(other, uuid4())] == ["kept"]


async def test_jobs_go_by_priority_then_first_come(conn: db.Connection) -> None:
    priorities = [0, 5, -3, 5, 0, -3, 2**31 - 1, -(2**31)]
    for number, priority in enumerate(priorities):
        await queue.enqueue(conn, "a", str(number), priority=priority)
    order = sorted(range(len(priorities)), key=lambda number: (-priorities[number], number))
    claimed = [(await claim(conn, uuid4(), at_most=1))[0].payload for _ in priorities]
    assert claimed == [str(number) for number in order]


async def test_a_batch_takes_the_best_and_no_more_than_asked(conn: db.Connection) -> None:
    for number in range(6):
        await queue.enqueue(conn, "a", str(number), priority=number)
    assert sorted(job.payload for job in await claim(conn, uuid4(), at_most=2)) == ["4", "5"]
    assert len(await claim(conn, uuid4(), at_most=3)) == 3
    assert [job.payload for job in await claim(conn, uuid4(), at_most=3)] == ["0"]


async def test_lanes_are_queues_of_their_own(conn: db.Connection) -> None:
    for lane in ("a", "b", "c"):
        await queue.enqueue(conn, lane, f"in {lane}", priority=ord(lane))
    assert [job.payload for job in await claim(conn, uuid4(), lanes=("a",))] == ["in a"]
    assert await claim(conn, uuid4(), lanes=("a", "nothing")) == []
    rest = await claim(conn, uuid4(), lanes=("a", "b", "c"))
    assert {(job.lane, job.payload) for job in rest} == {("b", "in b"), ("c", "in c")}
    assert await claim(conn, uuid4(), lanes=()) == []


async def test_a_delayed_job_waits(conn: db.Connection) -> None:
    await queue.enqueue(conn, "a", "later", delay_s=3600)
    await queue.enqueue(conn, "a", "now", priority=-5)
    assert [job.payload for job in await claim(conn, uuid4())] == ["now"]
    await come_due(conn)
    assert [job.payload for job in await claim(conn, uuid4())] == ["later"]


async def test_a_named_job_can_be_dropped_while_it_waits(conn: db.Connection) -> None:
    worker = uuid4()
    await queue.enqueue(conn, "a", "one", unique="one")
    await queue.enqueue(conn, "a", "two", unique="two")
    await queue.drop(conn, "one")
    await queue.drop(conn, "unknown")
    [job] = await claim(conn, worker)
    assert job.payload == "two"
    await queue.drop(conn, "two")
    assert await queue.beat(conn, worker, [job.id]) == {job.id}, "a claimed job stays with its worker"


async def test_a_cancelled_waiting_task_leaves_no_job(conn: db.Connection, alice: Person) -> None:
    task = await accept(conn, alice)
    assert await conn.fetchval("SELECT count(*) FROM pgqueuer") == 1
    await tasks.cancel(conn, task)
    assert await conn.fetchval("SELECT count(*) FROM pgqueuer") == 0


async def test_a_cancelled_running_task_keeps_its_job_until_the_worker_ends_it(
    conn: db.Connection, alice: Person
) -> None:
    worker, task = uuid4(), await accept(conn, alice)
    [job] = await claim(conn, worker, lanes=(LANE,))
    await tasks.start(conn, task.id, attempts_max=3)
    await tasks.cancel(conn, task)
    assert await queue.done(conn, worker, job)
    assert await conn.fetchval("SELECT count(*) FROM pgqueuer") == 0


def test_a_render_lane_names_its_engines_in_order() -> None:
    for engines in (("previz",), ("b", "a"), ("a", "b", "c")):
        assert queue.lane_engines(queue.render_lane(engines)) == engines
    assert queue.lane_engines(queue.CALLBACK) == ()


# Leases --------------------------------------------------------------------------------------------------------


async def test_a_silent_workers_job_goes_to_the_next(conn: db.Connection) -> None:
    first, second = uuid4(), uuid4()
    await queue.enqueue(conn, "a", "x")
    [job] = await claim(conn, first)
    assert await claim(conn, second) == []
    await age(conn, job, LEASE_S - 5)
    assert await claim(conn, second) == [], "the lease has not run out"
    await age(conn, job, 6)
    assert await claim(conn, second) == [job]
    for late in (
        queue.done(conn, first, job),
        queue.give_back(conn, first, job),
    ):
        assert not await late
    assert await queue.beat(conn, first, [job.id]) == set()
    assert await queue.beat(conn, second, [job.id]) == {job.id}
    assert await claim(conn, first) == []
    assert await queue.done(conn, second, job)
    assert not await queue.done(conn, second, job)
    assert await conn.fetchval("SELECT count(*) FROM pgqueuer") == 0


async def test_a_beat_keeps_a_job(conn: db.Connection) -> None:
    first, second = uuid4(), uuid4()
    for number in range(3):
        await queue.enqueue(conn, "a", str(number))
    kept, forgotten, other = await claim(conn, first)
    for job in (kept, forgotten, other):
        await age(conn, job)
    assert await queue.beat(conn, first, [kept.id, other.id, 10**9]) == {kept.id, other.id}
    assert await claim(conn, second) == [forgotten]
    assert await queue.beat(conn, first, []) == set()


async def test_a_job_given_back_waits_again(conn: db.Connection) -> None:
    worker, other = uuid4(), uuid4()
    await queue.enqueue(conn, "a", "x", priority=7)
    [job] = await claim(conn, worker)
    assert not await queue.give_back(conn, other, job)
    assert await queue.give_back(conn, worker, job, delay_s=3600)
    assert not await queue.give_back(conn, worker, job), "it is nobody's now"
    assert not await queue.done(conn, worker, job)
    assert await claim(conn, other) == []
    await come_due(conn)
    assert await claim(conn, other) == [job]
    assert await queue.give_back(conn, other, job)
    assert await claim(conn, worker) == [job], "without a delay it is due at once"
    assert await conn.fetchval("SELECT attempts FROM pgqueuer") == 2


async def test_many_claim_each_job_once(pool: db.Pool) -> None:
    async with db.transaction(pool) as conn:
        for number in range(300):
            await queue.enqueue(conn, "a", str(number), priority=number % 7)
    barrier = asyncio.Barrier(8)

    async def work(size: int) -> list[str]:
        worker, taken = uuid4(), []
        async with db.connection(pool) as conn:
            await barrier.wait()
            while jobs := await claim(conn, worker, at_most=size):
                taken += [job.payload for job in jobs]
                for job in jobs[::2]:
                    assert await queue.done(conn, worker, job)
        return taken

    taken = await asyncio.gather(*(work(size) for size in (1, 1, 2, 3, 5, 8, 13, 21)))
    assert Counter(itertools.chain(*taken)) == Counter(map(str, range(300)))


# Notices -------------------------------------------------------------------------------------------------------


async def test_waking_is_heard_while_one_listens(pool: db.Pool) -> None:
    heard: asyncio.Queue[None] = asyncio.Queue()
    async with db.connection(pool) as conn, db.connection(pool) as speaker:
        async with queue.listening(conn, lambda: heard.put_nowait(None)):
            for _ in range(3):
                await queue.wake(speaker)
                await asyncio.wait_for(heard.get(), 30)
        await queue.wake(speaker)
        await conn.fetchval("SELECT 1")
        assert heard.empty()


async def test_nobody_is_woken_by_an_enqueue(pool: db.Pool) -> None:
    """PgQueuer's own notices would make all commits queue up; `wake` is told after the commit instead."""
    async with db.connection(pool) as conn:
        channels = await conn.fetch("SELECT tgname FROM pg_trigger WHERE tgrelid = 'pgqueuer'::regclass")
        assert channels == []


async def test_listening_ends_when_its_connection_is_gone(pool: db.Pool) -> None:
    async def listen() -> None:
        async with db.connection(pool) as conn, queue.listening(conn, lambda: None):
            await other.execute("SELECT pg_terminate_backend($1)", conn.get_server_pid())
            while not conn.is_closed():
                await asyncio.sleep(0.01)

    async with db.connection(pool) as other, asyncio.timeout(30):
        with contextlib.suppress(*db.UNAVAILABLE):
            await listen()
        assert await other.fetchval("SELECT 1") == 1


# What is seen from outside ---------------------------------------------------------------------------------------


async def test_depths_tell_what_waits_and_what_is_claimed(conn: db.Connection) -> None:
    for number in range(3):
        await queue.enqueue(conn, "a", str(number))
    await queue.enqueue(conn, "b", "later", delay_s=3600)
    await claim(conn, uuid4(), at_most=1)
    await conn.execute("UPDATE pgqueuer SET execute_after = now() - interval '90 s' WHERE payload = '2'")
    a, b = await queue.depths(conn)
    assert (a.lane, a.waiting, a.claimed) == ("a", 2, 1)
    assert 90 <= a.oldest_s < 150
    assert b == Depth("b", 0, 0, 0.0)
    assert sorted(await queue.lanes(conn)) == ["a", "b"]


async def test_workers_come_and_go(conn: db.Connection) -> None:
    one, two = uuid4(), uuid4()
    for worker in (one, two, one):
        await queue.sign_in(conn, worker, 4711, ["previz", "other"], 3)
    await queue.seen(conn, one, ["req_1"], "seedbed_x 1\n")
    found = {row["id"]: row for row in await queue.workers(conn, within_s=30)}
    assert found.keys() == {one, two}
    assert (found[one]["pid"], found[one]["engines"], found[one]["concurrency"]) == (4711, ["previz", "other"], 3)
    assert (found[one]["running"], found[one]["metrics"]) == (["req_1"], "seedbed_x 1\n")
    await conn.execute("UPDATE workers SET seen_at = now() - interval '2 hours' WHERE id = $1", two)
    assert [row["id"] for row in await queue.workers(conn, within_s=30)] == [one]
    await queue.forget_workers(conn)
    assert await conn.fetchval("SELECT count(*) FROM workers") == 1
    await queue.sign_out(conn, one)
    assert await queue.workers(conn, within_s=30) == []


async def test_the_log_of_finished_jobs_is_swept(conn: db.Connection) -> None:
    await queue.enqueue(conn, "a", "x")
    assert await conn.fetchval("SELECT count(*) FROM pgqueuer_log") > 0
    await queue.sweep(conn, keep_s=3600)
    assert await conn.fetchval("SELECT count(*) FROM pgqueuer_log") > 0
    await queue.sweep(conn, keep_s=-1)
    assert await conn.fetchval("SELECT count(*) FROM pgqueuer_log") == 0
