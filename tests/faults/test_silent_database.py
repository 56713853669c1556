"""A database that neither answers nor hangs up: every wait for it ends, in words, and nothing is lost or left open."""

from __future__ import annotations

import asyncio
import time

import httpx2
import psutil
import pytest

from seedbed import db
from seedbed.app import POOL_SIZE
from seedbed.settings import Settings
from tests.conftest import Person, served
from tests.faults.cast import BODY, PRICE_CREDITS, balance
from tests.faults.processes import GENERATIONS
from tests.faults.proxy import Proxy, proxied

ANSWER_S = 1.0
BOUND_S = 2 * (ANSWER_S + db.GRACE_S) + 3
"""What the settings' page promises."""

AT_ONCE = 100
"""Many more than the API has connections."""


def through(proxy: Proxy, settings: Settings) -> Settings:
    return settings.model_copy(update={"database_url": proxy.url, "database_timeout_s": ANSWER_S, "lease_s": 60.0})


async def post(api: httpx2.AsyncClient, person: Person, key: str) -> tuple[httpx2.Response, float]:
    began = time.monotonic()
    answer = await api.post(GENERATIONS, json=BODY, headers=person.auth | {"Idempotency-Key": key})
    return answer, time.monotonic() - began


def dialled(proxy: Proxy) -> int:
    """The API's own sockets to the database."""
    there = psutil.Process().net_connections("tcp")
    return sum(1 for each in there if each.raddr and each.raddr.port == proxy.port)


def assert_busy(answer: httpx2.Response, took_s: float) -> None:
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "service_busy"), answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    assert took_s < BOUND_S


async def test_requests_are_answered_while_the_database_says_nothing(
    proxy: Proxy, settings: Settings, alice: Person, conn: db.Connection, proved: None
) -> None:
    """It falls silent under load, stays so for rounds of requests, and comes back: as if it never had been away."""
    limits = httpx2.Limits(max_connections=AT_ONCE)
    async with (
        served(through(proxy, settings)) as url,
        httpx2.AsyncClient(base_url=url, timeout=60, limits=limits) as api,
    ):
        before = await asyncio.gather(*(post(api, alice, f"before-{number}") for number in range(40)))
        assert {answer.status_code for answer, _ in before} == {200}
        proxy.swallow()
        for _ in range(3):
            for answer, took_s in await asyncio.gather(*(post(api, alice, f"{n}") for n in range(AT_ONCE))):
                assert_busy(answer, took_s)
            assert dialled(proxy) <= POOL_SIZE, "what is given up is closed"
        ready = await api.get("/readyz", timeout=BOUND_S)
        assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "does not answer")
        assert (await api.get("/healthz", timeout=0.5)).status_code == 200
        link = await api.get(f"/files/{'x' * 22}/outputs/x.mp4", timeout=BOUND_S)
        assert link.status_code == 404, "a forged link is told from a good one without the database"
        proxy.heal()
        after = await asyncio.gather(*(post(api, alice, f"{number}") for number in range(5)))
        assert {answer.status_code for answer, _ in after} == {200}
    made = await conn.fetchval("SELECT count(*) FROM tasks")
    assert made == 40 + 5, "what was refused had not been carried out, or its key found it"
    assert await balance(conn, alice) == (1000 - 45 * PRICE_CREDITS, 45 * PRICE_CREDITS)


async def test_a_commit_without_an_answer_is_found_by_its_key(
    proxy: Proxy, settings: Settings, alice: Person, conn: db.Connection, proved: None
) -> None:
    """The COMMIT arrives, its answer does not: 503 in time, and the same key gives the task that was made."""
    async with served(through(proxy, settings)) as url, httpx2.AsyncClient(base_url=url, timeout=60) as api:
        proxy.hold = lambda message: message.sql.startswith("COMMIT")
        assert_busy(*await post(api, alice, "one"))
        proxy.clear()
        proxy.heal()
        while not await conn.fetchval("SELECT count(*) FROM tasks"):
            await asyncio.sleep(0.05)
        answer, _ = await post(api, alice, "one")
        assert (answer.status_code, answer.headers["Idempotent-Replayed"]) == (200, "true")
    assert await conn.fetchval("SELECT count(*) FROM tasks") == 1
    assert await balance(conn, alice) == (1000 - PRICE_CREDITS, PRICE_CREDITS)


async def test_a_lock_that_is_never_let_go_ends_the_wait_and_costs_no_connection(
    settings: Settings, pool: db.Pool, alice: Person, bob: Person, conn: db.Connection, proved: None
) -> None:
    """The database lives and answers others; who waits for the lock is told, and served when it is gone."""
    patient = settings.model_copy(update={"database_timeout_s": ANSWER_S, "lease_s": 60.0})
    async with served(patient) as url, httpx2.AsyncClient(base_url=url, timeout=60) as api:
        async with db.transaction(pool) as holding:
            await holding.execute("SELECT FROM accounts WHERE id = $1 FOR UPDATE", alice.account_id)
            stuck = [asyncio.create_task(post(api, alice, f"{number}")) for number in range(4)]
            while not stuck[0].done():
                answer, took_s = await post(api, bob, str(time.monotonic()))
                assert (answer.status_code, took_s < ANSWER_S) == (200, True)
                await asyncio.sleep(0.1)
            for waiting in stuck:
                assert_busy(*await waiting)
            there = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'seedbed api' AND state = 'active'"
            assert await conn.fetchval(f"{there} AND datname = current_database()") == 0, "nothing waits on"
        answer, _ = await post(api, alice, "0")
        assert answer.status_code == 200


async def test_an_honest_queue_is_not_mistaken_for_silence(dsn: str) -> None:
    """Each statement ends in time, if slowly: everybody in the row is served, long after the bound for silence."""
    pool = await db.open_pool(dsn, size=2, answer_s=1.0)

    async def one() -> None:
        async with db.connection(pool) as own:
            await own.execute("SELECT pg_sleep(0.6)")

    began = time.monotonic()
    await asyncio.gather(*(one() for _ in range(24)))
    assert time.monotonic() - began > BOUND_S
    await pool.close()


async def test_who_waits_behind_silence_is_told_at_once(dsn: str) -> None:
    """Nobody waits out the silence of those before: the row is told as soon as it is known."""
    async with proxied(dsn) as proxy:
        pool = await db.open_pool(proxy.url, size=2, answer_s=ANSWER_S)
        proxy.swallow()

        async def one() -> float:
            began = time.monotonic()
            with pytest.raises(db.UNAVAILABLE):
                async with db.transaction(pool) as own:
                    await own.execute("SELECT 1")
            return time.monotonic() - began

        assert max(await asyncio.gather(*(one() for _ in range(200)))) < BOUND_S
        proxy.heal()
        async with db.connection(pool) as own:
            assert await own.fetchval("SELECT 1") == 1
        pool.terminate()
