"""Ten thousand equal posts at once, and ends of a task that meet: one of them wins, and only one is paid for."""

from __future__ import annotations

import asyncio
import random
import resource
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from seedbed import accounts, db, ledger, queue, tasks
from seedbed.accounts import Api
from seedbed.dialects import studio_v1
from seedbed.errors import InvalidRequest, TaskFailure
from seedbed.files import StoredFile
from seedbed.tasks import Output, Task
from tests.conftest import Person, free_port, make_person
from tests.faults.cast import BODY, PRICE_CREDITS, balance
from tests.faults.processes import GENERATIONS, Crew, until
from tests.test_tasks import accept

POSTS, CONNECTIONS = 10_000, 1_000
ROUNDS, AT_ONCE = 500, 8


@pytest.fixture
def many_sockets() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + 512
    assert hard == resource.RLIM_INFINITY or hard >= wanted, "this machine allows too few open files"
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@dataclass(frozen=True)
class Door:
    """A way in: where tasks are posted, the smallest body, what it costs, and the status of an accepted one."""

    api: Api
    path: str
    body: dict[str, Any]
    price_credits: int
    accepted: int


OPEN = Door("open", GENERATIONS, BODY, PRICE_CREDITS, 200)
STUDIO = Door(
    "studio", "/api/v1/video/seedance2", {"prompt": "A river", "quality_tier": "mini", "duration": "4"}, 9, 202
)


@pytest.mark.parametrize("door", [OPEN, STUDIO], ids=lambda door: door.api)
async def test_ten_thousand_equal_posts_with_one_key(
    pool: db.Pool, conn: db.Connection, crew: Crew, many_sockets: None, door: Door
) -> None:
    """The Studio API lets 30 through a minute: minutes pass there all the time, so that many races are run."""
    async with db.transaction(pool) as own:
        eager = await make_person(own, "eager", credits=10_000)
        _, secret = await accounts.create_key(own, eager.account_id, door.api, per_minute=1_000_000)
    port = free_port()
    crew.api(port=port, lease_s=60)
    await until(lambda: _listens(port), "a listening API")
    body = orjson.dumps(door.body)
    head = (
        f"POST {door.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {secret}\r\n"
        f"Idempotency-Key: all-the-same\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    barrier = asyncio.Barrier(CONNECTIONS)
    clients = [_client(port, head.encode() + body, POSTS // CONNECTIONS, barrier) for _ in range(CONNECTIONS)]
    minutes = asyncio.create_task(_minutes_pass(pool)) if door is STUDIO else None
    answers = Counter(answer for found in await asyncio.gather(*clients) for answer in found)
    assert answers.total() == POSTS
    kinds: Counter[str] = Counter()
    accepted: set[bytes] = set()
    for (status, replayed, text), count in answers.items():
        if status == door.accepted:
            kinds["replayed" if replayed else "accepted"] += count
            accepted.add(text)
        else:
            kinds[f"{status} {orjson.loads(text)['error']['code']}"] += count
    limited = kinds.pop("429 rate_limited", 0)
    if minutes is None:
        assert limited == 0
    else:
        minutes.cancel()
        assert POSTS - limited > studio_v1.REQUESTS_PER_MINUTE, "more than one minute's worth came through"
    assert kinds["accepted"] == 1
    assert set(kinds) <= {"accepted", "replayed", "409 idempotency_conflict"}, kinds
    assert kinds["replayed"] > 0
    assert len(accepted) == 1
    assert await conn.fetchval("SELECT count(*) FROM tasks") == 1
    assert await conn.fetchval("SELECT count(*) FROM pgqueuer") == 1
    assert await balance(conn, eager) == (10_000 - door.price_credits, door.price_credits)


async def _minutes_pass(pool: db.Pool) -> None:
    """Every window of a minute ends, again and again."""
    while True:
        async with db.connection(pool) as conn:
            await conn.execute("UPDATE rate_windows SET started_at = now() - interval '1 hour'")
        await asyncio.sleep(0.05)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def _client(port: int, request: bytes, count: int, barrier: asyncio.Barrier) -> list[tuple[int, bool, bytes]]:
    """One connection's `count` posts, begun when everybody is connected: status, whether replayed, body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await barrier.wait()
    answers = []
    for _ in range(count):
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        size = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
        answers.append((int(head[9:12]), b"idempotent-replayed: true" in head, await reader.readexactly(size)))
    writer.close()
    return answers


# Ends that meet ------------------------------------------------------------------------------------------------


async def test_every_end_of_a_task_against_every_other(
    pool: db.Pool, conn: db.Connection, alice: Person, proved: None
) -> None:
    """A worker succeeds, another attempt fails, the customer cancels, a third worker starts it anew: all at once."""
    await ledger.grant(conn, alice.account_id, ROUNDS * PRICE_CREDITS)
    before = (await balance(conn, alice))[0]
    won: Counter[str] = Counter()
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with gate:
            won[await _round(pool, alice, random.Random(number))] += 1

    await asyncio.gather(*(one(number) for number in range(ROUNDS)))
    assert won.total() == ROUNDS
    assert set(won) == {"succeeded", "failed", "cancelled"}, won
    assert await balance(conn, alice) == (before - won["succeeded"] * PRICE_CREDITS, 0)
    kinds = dict(await conn.fetch("SELECT kind::text, count(*) FROM ledger_transactions GROUP BY kind"))
    assert kinds["hold"] == ROUNDS
    assert kinds["capture"] == won["succeeded"]
    assert kinds["release"] == ROUNDS - won["succeeded"]
    assert await conn.fetchval("SELECT count(*) FROM files") == won["succeeded"]
    ends = "SELECT count(*) FROM task_events WHERE status IN ('succeeded', 'failed', 'cancelled')"
    assert await conn.fetchval(ends) == ROUNDS
    # The callback of each end, and nothing else, is left in the queue.
    callbacks = await conn.fetch("SELECT payload FROM pgqueuer WHERE entrypoint = $1", queue.CALLBACK)
    assert len(callbacks) == len({bytes(row[0]) for row in callbacks}) == ROUNDS


async def _round(pool: db.Pool, person: Person, chance: random.Random) -> str:
    """One task with everything that may end it let loose at one moment; gives how it ended."""
    task = await _running(pool, person)
    contenders = [_succeed(pool, task), _cancel(pool, task), _fail(pool, task), _cancel(pool, task)]
    if chance.random() < 0.25:
        contenders.append(_restart(pool, task))
    chance.shuffle(contenders)
    barrier = asyncio.Barrier(len(contenders))

    async def compete(contender):
        await barrier.wait()
        # Spread over the length of a transaction, so that each may be first.
        await asyncio.sleep(chance.random() * 0.003)
        return await contender

    claims = await asyncio.gather(*(compete(contender) for contender in contenders))
    async with db.transaction(pool) as conn:
        if not (now := await tasks.get(conn, task.id)).ended:
            # The restart was first, so the others' attempt was over; only a cancel could have ended it.
            await tasks.fail(conn, task.id, TaskFailure("worker_lost", "lost"), attempt=now.attempt)
            now = await tasks.get(conn, task.id)
            claims.append("failed")
        await conn.execute("DELETE FROM pgqueuer WHERE dedupe_key = $1", task.id)
    assert sum(claim is not None for claim in claims) == 1, claims
    assert now.status in claims
    return now.status


async def _running(pool: db.Pool, person: Person) -> Task:
    async with db.connection(pool) as conn:
        hook = "https://example.com/hook"
        task = await accept(conn, person, resolution="480p", duration_s=4, webhook_url=hook)
    async with db.transaction(pool) as conn:
        started = await tasks.start(conn, task.id, attempts_max=9)
    assert started is not None
    return started


async def _succeed(pool: db.Pool, task: Task) -> str | None:
    video = StoredFile(key=f"outputs/{task.id}", content_type="video/mp4", size_bytes=1, sha256=bytes(32))
    output = Output(video=video, width=1280, height=720, engine="clip")
    async with db.transaction(pool) as conn:
        moved = await tasks.succeed(conn, task.id, task.attempt, output)
    return moved and moved.status


async def _fail(pool: db.Pool, task: Task) -> str | None:
    async with db.transaction(pool) as conn:
        moved = await tasks.fail(conn, task.id, TaskFailure("render_failed", "broken"), attempt=task.attempt)
    return moved and moved.status


async def _restart(pool: db.Pool, task: Task) -> None:
    async with db.transaction(pool) as conn:
        await tasks.start(conn, task.id, attempts_max=9)


async def _cancel(pool: db.Pool, task: Task) -> str | None:
    """None also where another cancel was first: that one has done it."""
    try:
        async with db.transaction(pool) as conn:
            assert (await tasks.cancel(conn, task)).status == "cancelled"
            ours = await conn.fetchval("SELECT xmin = pg_current_xact_id()::xid FROM tasks WHERE id = $1", task.id)
    except InvalidRequest:
        return None
    return "cancelled" if ours else None
