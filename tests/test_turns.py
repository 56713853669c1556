"""Priority: it orders an account's own waiting tasks, and gives it no place that another account stands in."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seedbed import db, queue, tasks, turns
from seedbed.tasks import Task
from tests.conftest import Person, make_person
from tests.test_tasks import FREE, LANE, accept, output_of


async def begin(conn: db.Connection, lane: str = LANE) -> tuple[queue.Job, Task] | None:
    """What a worker does: claim a job, let the most urgent task have it, start that."""
    worker = uuid4()
    jobs = await queue.claim(conn, worker, [lane], at_most=1, lease_s=60)
    if not jobs:
        return None
    async with conn.transaction():
        task = await tasks.start(conn, await turns.first_in_line(conn, jobs[0]), attempts_max=3)
    assert task is not None
    return jobs[0], task


async def run_one(conn: db.Connection) -> Task | None:
    begun = await begin(conn)
    if begun is None:
        return None
    job, task = begun
    async with conn.transaction():
        assert await tasks.succeed(conn, task.id, task.attempt, output_of(task.id))
        await conn.execute("DELETE FROM pgqueuer WHERE id = $1", job.id)
    return task


async def test_the_urgent_go_first_and_the_rest_keep_their_order(
    conn: db.Connection, alice: Person, sound: None
) -> None:
    wanted = [0, 0, 9, 3, 0, 9, 3]
    made = [await accept(conn, alice, model=FREE, priority=priority) for priority in wanted]
    ran = []
    while task := await run_one(conn):
        ran.append(made.index(next(each for each in made if each.id == task.id)))
    assert ran == [2, 5, 3, 6, 0, 1, 4]


async def test_a_job_and_its_task_stay_one_when_tasks_change_places(conn: db.Connection, alice: Person) -> None:
    first, urgent = await accept(conn, alice), await accept(conn, alice, priority=9)
    begun = await begin(conn)
    assert begun is not None
    job, task = begun
    assert task.id == urgent.id
    # The waiting one can still be cancelled, with its job; a lost worker's job still means the task that it ran.
    rows = await conn.fetch("SELECT id, payload, dedupe_key, status::text FROM pgqueuer WHERE entrypoint = $1", LANE)
    assert {(bytes(row["payload"]).decode(), row["dedupe_key"], row["status"]) for row in rows} == {
        (urgent.id, urgent.id, "picked"),
        (first.id, first.id, "queued"),
    }
    again = await queue.claim(conn, uuid4(), [LANE], at_most=5, lease_s=0)
    assert {each.payload for each in again} == {urgent.id, first.id}
    mine = next(each for each in again if each.id == job.id)
    assert await turns.first_in_line(conn, mine) == urgent.id, "a task that runs keeps its job"
    await tasks.cancel(conn, first)
    assert (await tasks.get(conn, first.id)).status == "cancelled"


async def test_another_account_is_never_overtaken(conn: db.Connection, alice: Person, bob: Person) -> None:
    for _ in range(6):
        await accept(conn, alice, model=FREE)
    theirs = [(await accept(conn, bob, model=FREE)).id for _ in range(3)]
    for _ in range(6):
        await accept(conn, alice, model=FREE, priority=9)
    whose = []
    while task := await run_one(conn):
        whose.append(task.id in theirs)
    assert [place for place, his in enumerate(whose) if his] in ([0, 2, 4], [1, 3, 5])


async def test_two_workers_at_once_take_two_tasks(pool: db.Pool, alice: Person) -> None:
    async with db.transaction(pool) as conn:
        made = [await accept(conn, alice, model=FREE, priority=priority) for priority in (0, 0, 9, 9)]
    barrier = asyncio.Barrier(4)

    async def one() -> str:
        async with db.connection(pool) as conn:
            worker = uuid4()
            await barrier.wait()
            job = (await queue.claim(conn, worker, [LANE], at_most=1, lease_s=60))[0]
            await barrier.wait()
            async with conn.transaction():
                task_id = await turns.first_in_line(conn, job)
                assert await tasks.start(conn, task_id, attempts_max=3)
            return task_id

    begun = await asyncio.gather(*(one() for _ in range(4)))
    assert sorted(begun) == sorted(task.id for task in made)


async def test_a_task_of_another_lane_is_left_alone(conn: db.Connection, alice: Person) -> None:
    elsewhere = replace_engines("other")
    first = await accept(conn, alice, model=FREE)
    await accept(conn, alice, model=elsewhere, priority=9)
    second = await accept(conn, alice, model=FREE, priority=1)
    assert [task.id for task in [await run_one(conn), await run_one(conn)] if task] == [second.id, first.id]
    assert await run_one(conn) is None


def replace_engines(name: str) -> tasks.Model:
    return FREE.model_copy(update={"engines": (name,)})


async def test_priority_buys_no_share(conn: db.Connection, alice: Person, bob: Person) -> None:
    """Alice marks every second task as urgent and keeps two waiting; bob keeps one: neither gains by it."""
    shares = {alice.account_id: 0, bob.account_id: 0}
    await accept(conn, bob, model=FREE)
    waiting = 0
    for _ in range(40):
        if not waiting:
            await accept(conn, alice, model=FREE)
            await accept(conn, alice, model=FREE, priority=9)
            waiting = 2
        task = await run_one(conn)
        assert task is not None
        shares[task.account_id] += 1
        if task.account_id == bob.account_id:
            await accept(conn, bob, model=FREE)
        else:
            waiting -= 1
    assert abs(shares[alice.account_id] - shares[bob.account_id]) <= 3, shares


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(plan=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.booleans()), min_size=5, max_size=50))
def test_the_most_urgent_of_an_account_always_runs_next(dsn: str, plan: list[tuple[int, int, bool]]) -> None:
    asyncio.run(_race(dsn, plan))


async def _race(dsn: str, plan: list[tuple[int, int, bool]]) -> None:
    conn = await asyncpg.connect(dsn)
    try:
        people = [await make_person(conn, uuid4().hex, 0) for _ in range(3)]
        waiting: dict[int, list[tuple[int, int, str]]] = {person.account_id: [] for person in people}

        async def step() -> None:
            task = await run_one(conn)
            assert task is not None
            mine = waiting[task.account_id]
            assert min(mine)[2] == task.id
            mine.remove(min(mine))
            slots = await conn.fetchval(
                "SELECT count(*) FROM tasks t JOIN pgqueuer q ON q.dedupe_key = t.id AND q.priority = -t.turn "
                "WHERE t.status = 'queued'"
            )
            assert slots == sum(map(len, waiting.values())), "each waiting task stands where its job stands"

        for who, priority, run in plan:
            task = await accept(conn, people[who], model=FREE, priority=priority)
            waiting[task.account_id].append((-priority, task.seq, task.id))
            if run:
                await step()
        while any(waiting.values()):
            await step()
    finally:
        await conn.close()


async def test_a_priority_is_a_digit(conn: db.Connection, alice: Person) -> None:
    for priority in (-1, 10):
        with pytest.raises(asyncpg.CheckViolationError):
            await accept(conn, alice, priority=priority)
    request = await accept(conn, alice, priority=9)
    assert replace(request).priority == 9
