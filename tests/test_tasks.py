"""Tasks: the table of transitions, fencing, fairness, paging."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seedbed import catalogue, db, files, ledger, queue, tasks
from seedbed.accounts import Caller
from seedbed.catalogue import Model
from seedbed.errors import (
    TASK_FAILURES,
    InsufficientCredits,
    InvalidRequest,
    NotFound,
    RateLimited,
    ServiceBusy,
    TaskFailure,
)
from seedbed.files import StoredFile
from seedbed.ledger import Balance
from seedbed.tasks import Output, Run, Status, Task, TaskRequest
from tests.conftest import Person, at_once, make_person

REFUSED = TaskFailure("render_failed", "no")
MODEL = catalogue.load().by_id["seedance-2.0"]
LANE = queue.render_lane(MODEL.engines)


def priced(rate: str) -> Model:
    """A model that costs `rate` credits a second."""
    return Model.model_validate(
        {
            "id": "priced",
            "title": "",
            "dialects": ["open"],
            "durations_s": [5],
            "aspect_ratios": ["16:9"],
            "engines": ["previz"],
            "credits_per_second": {"text_to_video": {"720p": rate}},
        }
    )


def caller_of(person: Person, **more: Any) -> Caller:
    return replace(Caller(person.key_id, person.account_id, "open", None, None), **more)


async def accept(
    conn: db.Connection, person: Person, *, queued_max: int = 10_000, monthly: int | None = None, **asked: Any
) -> Task:
    """A task of `person`'s as a dialect would make it: 40 credits, unless `asked` says otherwise."""
    request: dict[str, Any] = {
        "id_prefix": "req_",
        "dialect": "open",
        "model": MODEL,
        "mode": "text_to_video",
        "prompt": "A river",
        "aspect_ratio": "16:9",
        "resolution": "720p",
        "duration_s": 5,
        "trace_id": "trace",
    }
    caller = caller_of(person, monthly=monthly)
    async with conn.transaction():
        return await tasks.create(conn, caller, TaskRequest(**request | asked), queued_max=queued_max)


def output_of(task_id: str, attempt: int = 1) -> Output:
    """An output that a worker would have stored."""
    video = StoredFile(
        key=f"outputs/00/{task_id}/{attempt}/{task_id}.mp4",
        content_type="video/mp4",
        size_bytes=7,
        sha256=b"\x01" * 32,
    )
    return Output(
        video=video,
        width=1280,
        height=720,
        engine="previz",
        plan={"scene": "river"},
    )


async def in_state(conn: db.Connection, person: Person, status: Status, **asked: Any) -> Task:
    """A task brought to `status` along the allowed ways."""
    task = await accept(conn, person, **asked)
    if status == "cancelled":
        return await tasks.cancel(conn, task)
    if status != "queued":
        assert await tasks.start(conn, task.id, attempts_max=3)
    if status == "succeeded":
        assert await tasks.succeed(conn, task.id, 1, output_of(task.id))
    if status == "failed":
        assert await tasks.fail(conn, task.id, REFUSED, attempt=1)
    return await tasks.get(conn, task.id)


# Transitions ---------------------------------------------------------------------------------------------------

ALLOWED = {
    ("queued", "processing"),
    ("processing", "processing"),
    ("processing", "succeeded"),
    ("queued", "failed"),
    ("processing", "failed"),
    ("queued", "cancelled"),
    ("processing", "cancelled"),
}
"""Written down again on purpose: the test does not read the table that it tests."""


async def _enter(conn: db.Connection, task: Task, to: Status) -> Task | None:
    if to == "processing":
        return await tasks.start(conn, task.id, attempts_max=3)
    if to == "succeeded":
        return await tasks.succeed(conn, task.id, task.attempt, output_of(task.id, task.attempt))
    if to == "failed":
        return await tasks.fail(conn, task.id, REFUSED)
    return await tasks.cancel(conn, task)


async def test_every_transition_is_allowed_or_refused(pool: db.Pool, sound: None) -> None:
    for at in tasks.STATUSES:
        for to in ("processing", "succeeded", "failed", "cancelled"):
            async with db.transaction(pool) as conn:
                person = await make_person(conn, f"{at}-{to}")
            await _try_transition(pool, person, at, to)


async def _try_transition(pool: db.Pool, person: Person, at: Status, to: Status) -> None:
    async with db.transaction(pool) as conn:
        before = await in_state(conn, person, at)
        jobs = await conn.fetch("SELECT * FROM pgqueuer ORDER BY id")
        history = await tasks.events(conn, before.id)
    async with db.transaction(pool) as conn:
        if (at, to) in ALLOWED:
            moved = await _enter(conn, before, to)
            assert moved is not None
            assert moved.status == to
        elif to == "cancelled" and at != "cancelled":
            with pytest.raises(InvalidRequest, match=f"has {at} already"):
                await _enter(conn, before, to)
        else:
            assert (await _enter(conn, before, to)) == (before if to == "cancelled" else None)
    async with db.connection(pool) as conn:
        after = await tasks.get(conn, before.id)
        if (at, to) not in ALLOWED:
            assert after == before
            assert await conn.fetch("SELECT * FROM pgqueuer ORDER BY id") == jobs
            assert await tasks.events(conn, before.id) == history
            return
        assert after == moved
        assert [row["status"] for row in await tasks.events(conn, before.id)] == [*(r["status"] for r in history), to]
        assert after.ended == (to != "processing")
        assert (after.finished_at is not None) == after.ended
        balance = await ledger.balance(conn, person.account_id)
        expected = {"processing": (960, 40), "succeeded": (960, 0), "failed": (1000, 0), "cancelled": (1000, 0)}
        assert (balance.available, balance.held) == expected[to]


async def test_the_table_in_the_code_is_the_table_here() -> None:
    found = {(at, to) for to, sources in tasks.COMES_FROM.items() for at in sources}
    assert found == ALLOWED


async def test_an_accepted_task_is_what_was_asked(conn: db.Connection, alice: Person) -> None:
    media = (
        tasks.MediaRef(url="https://example.com/a.png", role="reference", kind="image"),
        tasks.MediaRef(url="https://example.com/b", role="reference"),
    )
    async with conn.transaction():
        task = await accept(
            conn,
            alice,
            mode="image_to_video",
            media=media,
            metadata='{"b":1,"a":1.50}',
            seed=7,
            prompt="Ein Fluß 🌊 \u2028",
            webhook_url="https://example.com/hook",
        )
    found = await tasks.get(conn, task.id)
    assert found == task
    assert found.id.startswith("req_")
    assert len(found.id) == 4 + tasks.ID_CHARS
    assert (found.status, found.attempt, found.tries, found.progress) == ("queued", 0, 0, 0.0)
    assert (found.media, found.metadata, found.seed) == (media, '{"b":1,"a":1.50}', 7)
    assert (found.prompt, found.price_credits) == ("Ein Fluß 🌊 \u2028", 64)
    [event] = await tasks.events(conn, task.id)
    assert (event["status"], event["attempt"], event["detail"]) == ("queued", 0, None)


async def test_without_a_seed_one_is_drawn(conn: db.Connection, alice: Person) -> None:
    seeds = {(await accept(conn, alice, seed=seed)).seed for seed in (None, -1, None, -1)}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**32 for seed in seeds)


async def test_the_webhook_is_the_requests_or_else_the_keys(conn: db.Connection, alice: Person) -> None:
    caller = caller_of(alice, webhook_url="https://key.example.com/")
    for asked, expected in (
        (None, "https://key.example.com/"),
        ("https://own.example.com/", "https://own.example.com/"),
    ):
        request = TaskRequest(
            id_prefix="req_",
            dialect="open",
            model=MODEL,
            mode="text_to_video",
            prompt="x",
            aspect_ratio="16:9",
            resolution="720p",
            duration_s=5,
            trace_id="t",
            webhook_url=asked,
        )
        async with conn.transaction():
            task = await tasks.create(conn, caller, request, queued_max=10)
        assert task.webhook_url == expected


async def test_what_cannot_be_paid_leaves_nothing(pool: db.Pool, sound: None) -> None:
    async with db.transaction(pool) as conn:
        poor = await make_person(conn, "poor", 39)
    with pytest.raises(InsufficientCredits):
        async with db.transaction(pool) as conn:
            await accept(conn, poor, monthly=5)
    async with db.connection(pool) as conn:
        for table in ("tasks", "task_events", "pgqueuer", "key_months"):
            assert await conn.fetchval(f"SELECT count(*) FROM {table}") == 0, table
        assert await ledger.balance(conn, poor.account_id) == Balance(39, 0)


# Attempts and fencing ----------------------------------------------------------------------------------------------


async def test_a_worker_that_lost_its_task_can_write_nothing(conn: db.Connection, alice: Person, sound: None) -> None:
    task = await accept(conn, alice)
    first = await tasks.start(conn, task.id, attempts_max=3)
    second = await tasks.start(conn, task.id, attempts_max=3)
    assert first is not None
    assert second is not None
    assert (first.attempt, second.attempt, second.tries) == (1, 2, 2)
    assert second.started_at == first.started_at
    assert await tasks.succeed(conn, task.id, 1, output_of(task.id, 1)) is None
    assert await tasks.fail(conn, task.id, REFUSED, attempt=1) is None
    assert not await tasks.hand_back(conn, task.id, 1)
    assert await tasks.watch(conn, [Run(task.id, 1, 0.9)]) == set()
    assert (await tasks.get(conn, task.id)).progress == 0
    assert await files.find(conn, output_of(task.id, 1).video.key) is None
    async with conn.transaction():
        assert await tasks.succeed(conn, task.id, 2, output_of(task.id, 2)) is not None
    done = await tasks.get(conn, task.id)
    assert (done.output_key, done.engine, done.plan, done.progress) == (
        output_of(task.id, 2).video.key,
        "previz",
        {"scene": "river"},
        1.0,
    )
    file = await files.find(conn, output_of(task.id, 2).video.key)
    assert file is not None
    assert (file["task_id"], file["size_bytes"], bytes(file["sha256"])) == (task.id, 7, b"\x01" * 32)


@pytest.mark.parametrize("attempts_max", [1, 3])
async def test_a_task_lost_too_often_fails(conn: db.Connection, alice: Person, attempts_max: int, sound: None) -> None:
    task = await accept(conn, alice)
    for _ in range(attempts_max):
        async with conn.transaction():
            assert await tasks.start(conn, task.id, attempts_max=attempts_max) is not None
    async with conn.transaction():
        assert await tasks.start(conn, task.id, attempts_max=attempts_max) is None
    lost = await tasks.get(conn, task.id)
    assert (lost.status, lost.error_code, lost.attempt) == ("failed", "worker_lost", attempts_max)
    assert str(attempts_max) in (lost.error_message or "")
    assert (await ledger.balance(conn, alice.account_id)).available == 1000


async def test_an_attempt_handed_back_does_not_count(conn: db.Connection, alice: Person) -> None:
    task = await accept(conn, alice)
    for attempt in range(1, 8):
        started = await tasks.start(conn, task.id, attempts_max=2)
        assert started is not None
        assert (started.attempt, started.tries) == (attempt, 1)
        assert await tasks.watch(conn, [Run(task.id, attempt, 0.5)]) == {task.id}
        assert await tasks.hand_back(conn, task.id, attempt)
        assert (await tasks.get(conn, task.id)).progress == 0
    for attempt in (8, 9):
        assert await tasks.start(conn, task.id, attempts_max=2) is not None
        assert (await tasks.get(conn, task.id)).attempt == attempt
    assert await tasks.start(conn, task.id, attempts_max=2) is None


async def test_watch_writes_progress_and_tells_what_is_still_ours(conn: db.Connection, alice: Person) -> None:
    running, cancelled, waiting = [await accept(conn, alice) for _ in range(3)]
    for task in (running, cancelled):
        assert await tasks.start(conn, task.id, attempts_max=3)
    await tasks.cancel(conn, cancelled)
    runs = [Run(task.id, 1, 0.25) for task in (running, cancelled, waiting)]
    assert await tasks.watch(conn, [*runs, Run("req_unknown", 1, 0.5)]) == {running.id}
    assert [(await tasks.get(conn, task.id)).progress for task in (running, cancelled, waiting)] == [0.25, 0, 0]
    assert await tasks.watch(conn, [Run(running.id, 1, 0.1)]) == {running.id}
    assert (await tasks.get(conn, running.id)).progress == 0.25, "progress never falls"
    assert await tasks.watch(conn, []) == set()


async def test_cancelling_again_changes_nothing(conn: db.Connection, alice: Person, sound: None) -> None:
    task = await accept(conn, alice, webhook_url="https://example.com/")
    first = await tasks.cancel(conn, task)
    again = await tasks.cancel(conn, task)
    assert again == first
    assert await conn.fetchval("SELECT count(*) FROM pgqueuer WHERE entrypoint = 'callback'") == 1
    assert len(await tasks.events(conn, task.id)) == 2


async def test_callbacks_are_queued_with_the_change(conn: db.Connection, alice: Person) -> None:
    expected: list[str] = []
    ends: tuple[Status, ...] = ("succeeded", "failed", "cancelled")
    for status, always in itertools.product(ends, (False, True)):
        task = await in_state(conn, alice, status, webhook_url="https://example.com/", callback_always=always)
        await in_state(conn, alice, status, callback_always=always)
        if always:
            expected.append(f"{task.id} queued")
        if always and status != "cancelled":
            expected.append(f"{task.id} processing")
        expected.append(f"{task.id} {status}")
    rows = await conn.fetch("SELECT payload FROM pgqueuer WHERE entrypoint = 'callback' ORDER BY id")
    assert [bytes(row["payload"]).decode() for row in rows] == expected


async def test_failures_keep_their_code_and_message(conn: db.Connection, alice: Person) -> None:
    for code in TASK_FAILURES:
        task = await in_state(conn, alice, "processing")
        await tasks.fail(conn, task.id, TaskFailure(code, f"why {code}"), attempt=1)
        found = await tasks.get(conn, task.id)
        assert (found.error_code, found.error_message) == (code, f"why {code}")
        detail = (await tasks.events(conn, task.id))[-1]["detail"]
        assert orjson.loads(detail) == {"code": code, "message": f"why {code}"}
    with pytest.raises(ValueError, match="unknown task failure"):
        TaskFailure("nonsense", "x")


async def test_a_failure_says_what_can_be_kept(conn: db.Connection, alice: Person, sound: None) -> None:
    """Whatever an engine says, its task ends; what is kept is text, and short enough for a webhook."""
    said = {
        "a\x00b": "a b",
        "half \ud800 a pair": "half   a pair",
        "two\r\nlines\x1b[31m": "two  lines [31m",
        "": TASK_FAILURES["render_failed"],
        "\x01" * 400_000: TASK_FAILURES["render_failed"],
        "x" * 1_000_000: "x" * 1000,
        "🌊" * 500_000: "🌊" * 1000,
        'Größe 水 "quoted"': 'Größe 水 "quoted"',
    }
    for message, kept in said.items():
        task = await in_state(conn, alice, "processing")
        async with conn.transaction():
            assert await tasks.fail(conn, task.id, TaskFailure("render_failed", message), attempt=1) is not None
        assert (await tasks.get(conn, task.id)).error_message == kept


# Limits --------------------------------------------------------------------------------------------------------------


async def test_an_account_may_have_so_many_waiting(pool: db.Pool, alice: Person, bob: Person, sound: None) -> None:
    async def buy(person: Person) -> Task:
        async with db.transaction(pool) as conn:
            return await accept(conn, person, queued_max=3)

    first = [await buy(alice) for _ in range(3)]
    with pytest.raises(ServiceBusy) as refused:
        await buy(alice)
    assert refused.value.retry_after_s == 30
    await buy(bob)
    async with db.transaction(pool) as conn:
        await tasks.start(conn, first[1].id, attempts_max=3)
    await buy(alice)
    with pytest.raises(ServiceBusy):
        await buy(alice)
    async with db.connection(pool) as conn:
        assert await ledger.balance(conn, alice.account_id) == Balance(1000 - 160, 160)


async def test_a_months_quota_holds_however_many_ask_at_once(pool: db.Pool, alice: Person, sound: None) -> None:
    told = await at_once(pool, [lambda conn: accept(conn, alice, monthly=5)] * 12)
    waits_s = [refused.retry_after_s or 0 for refused in told if isinstance(refused, RateLimited)]
    assert (len(told), len(waits_s)) == (12, 7)
    assert all(0 < wait_s <= 31 * 86_400 for wait_s in waits_s)
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT tasks FROM key_months") == 5


# Whose it is ---------------------------------------------------------------------------------------------------------


async def test_a_task_is_seen_by_its_key_alone(conn: db.Connection, alice: Person, bob: Person) -> None:
    task = await accept(conn, alice)
    assert (await tasks.get_own(conn, task.id, dialect="open", key_id=alice.key_id)).id == task.id
    for task_id, dialect, key_id in (
        (task.id, "open", bob.key_id),
        (task.id, "studio", alice.key_id),
        ("req_0", "open", alice.key_id),
    ):
        with pytest.raises(NotFound, match="Task not found"):
            await tasks.get_own(conn, task_id, dialect=dialect, key_id=key_id)
    with pytest.raises(NotFound):
        await tasks.get(conn, "req_0")


# Fairness ------------------------------------------------------------------------------------------------------------


async def _claim_and_start(conn: db.Connection) -> Task | None:
    """What one worker does next: claim a job, start its task, and end it."""
    worker = uuid4()
    jobs = await queue.claim(conn, worker, [LANE], at_most=1, lease_s=60)
    if not jobs:
        return None
    async with conn.transaction():
        task = await tasks.start(conn, jobs[0].payload, attempts_max=3)
        assert task is not None
        await tasks.succeed(conn, task.id, task.attempt, output_of(task.id))
        await queue.done(conn, worker, jobs[0])
    return task


async def _drain(conn: db.Connection) -> list[Task]:
    ran = []
    while (task := await _claim_and_start(conn)) is not None:
        ran.append(task)
    return ran


FREE = priced("0")


@pytest.mark.parametrize("already", [0, 1, 7])
async def test_one_task_waits_for_one_more_of_the_crowd_at_most(
    conn: db.Connection, alice: Person, bob: Person, already: int
) -> None:
    async with conn.transaction():
        for _ in range(300):
            await accept(conn, alice, model=FREE)
    for _ in range(already):
        ran = await _claim_and_start(conn)
        assert ran is not None
        assert ran.account_id == alice.account_id
    async with conn.transaction():
        await accept(conn, bob, model=FREE)
    order = [(await _claim_and_start(conn)) for _ in range(3)]
    place = [task.account_id for task in order if task is not None].index(bob.account_id)
    assert place <= 1


async def test_crowds_alternate_and_each_keeps_its_order(conn: db.Connection, alice: Person, bob: Person) -> None:
    made: dict[int, list[str]] = {alice.account_id: [], bob.account_id: []}
    async with conn.transaction():
        for person, count in ((alice, 20), (bob, 12)):
            for _ in range(count):
                made[person.account_id].append((await accept(conn, person, model=FREE)).id)
    ran = await _drain(conn)
    whose = [task.account_id for task in ran]
    assert all(a != b for a, b in itertools.pairwise(whose[:24])), "they take turns while both wait"
    assert set(whose[24:]) == {alice.account_id}
    for account, ids in made.items():
        assert [task.id for task in ran if task.account_id == account] == ids


async def test_steady_streams_share_evenly(conn: db.Connection, alice: Person, bob: Person) -> None:
    """Alice keeps ten waiting, bob one: whoever waits gets every second turn."""
    for _ in range(10):
        await accept(conn, alice, model=FREE)
    await accept(conn, bob, model=FREE)
    shares: Counter[int] = Counter()
    for _ in range(40):
        ran = await _claim_and_start(conn)
        assert ran is not None
        shares[ran.account_id] += 1
        await accept(conn, alice if ran.account_id == alice.account_id else bob, model=FREE)
    assert abs(shares[alice.account_id] - shares[bob.account_id]) <= 2


async def test_those_who_always_come_back_starve_nobody(pool: db.Pool, alice: Person) -> None:
    """Three accounts submit again as soon as their task has run; alice's ten run in every fourth place."""
    async with db.transaction(pool) as conn:
        mine = [(await accept(conn, alice, model=FREE)).id for _ in range(10)]
        people = [await make_person(conn, f"p{index}", 0) for index in range(3)]
        by_id = {person.account_id: person for person in people}
        for person in people:
            await accept(conn, person, model=FREE)
    ran = []
    async with db.connection(pool) as conn:
        for _ in range(40):
            task = await _claim_and_start(conn)
            assert task is not None
            ran.append(task.id)
            if task.account_id in by_id:
                await accept(conn, by_id[task.account_id], model=FREE)
    places = [ran.index(task) for task in mine if task in ran]
    assert len(places) == 10, "all of alice's have run"
    assert all(later - earlier <= 5 for earlier, later in itertools.pairwise(places))


async def test_who_cancels_a_crowd_is_not_made_to_wait_for_it(conn: db.Connection, alice: Person, bob: Person) -> None:
    for _ in range(30):
        await tasks.cancel(conn, await accept(conn, alice, model=FREE))
    for _ in range(30):
        await accept(conn, bob, model=FREE)
    task = await accept(conn, alice, model=FREE)
    assert task.id in [ran.id for ran in [await _claim_and_start(conn) for _ in range(2)] if ran is not None]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(plan=st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=5, max_size=60))
def test_nobody_is_overtaken_three_times(dsn: str, plan: list[tuple[int, bool]]) -> None:
    """Between a task's arrival at the head of its account and its start, no other account runs three."""
    asyncio.run(_race(dsn, plan))


async def _race(dsn: str, plan: list[tuple[int, bool]]) -> None:
    conn = await asyncpg.connect(dsn)
    try:
        people = [await make_person(conn, uuid4().hex, 0) for _ in range(4)]
        waiting: dict[int, list[str]] = {person.account_id: [] for person in people}
        overtaken: dict[int, Counter[int]] = {}

        async def run_one() -> None:
            task = await _claim_and_start(conn)
            assert task is not None
            assert waiting[task.account_id].pop(0) == task.id, "first in, first out"
            overtaken.pop(task.account_id, None)
            for account, queue_ in waiting.items():
                if queue_ and account != task.account_id:
                    counts = overtaken.setdefault(account, Counter())
                    counts[task.account_id] += 1
                    assert counts[task.account_id] <= 2, "another account ran three times before this one's turn"

        for who, run in plan:
            task = await accept(conn, people[who], model=FREE)
            waiting[task.account_id].append(task.id)
            if run:
                await run_one()
        while any(waiting.values()):
            await run_one()
    finally:
        await conn.close()
