"""Limits: a key's minute, its month, and addresses that guess."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from seedbed import accounts, db, limits
from seedbed.errors import RateLimited, Unauthorized
from seedbed.limits import Refusals
from tests.conftest import Person, make_person
from tests.dialects.wire import GENERATIONS, PREFIX, SHORT, assert_error, submit

BALANCE = f"{PREFIX}/balance"


async def age(conn: db.Connection, seconds: float) -> None:
    """Let every window have begun earlier."""
    await conn.execute("UPDATE rate_windows SET started_at = started_at - $1::interval", timedelta(seconds=seconds))


# A minute ----------------------------------------------------------------------------------------------------


async def test_one_request_too_many(api: httpx2.AsyncClient, pool: db.Pool, conn: db.Connection, sound: None) -> None:
    async with db.transaction(pool) as one:
        hasty = await make_person(one, "hasty", per_minute=3)
    task_id = await submit(api, hasty)
    for _ in range(2):
        assert (await api.get(BALANCE, headers=hasty.auth)).status_code == 200
    for method, path in (
        ("GET", BALANCE),
        ("POST", GENERATIONS),
        ("GET", GENERATIONS),
        ("POST", f"{GENERATIONS}/quote"),
        ("GET", f"{GENERATIONS}/{task_id}"),
        ("POST", f"{GENERATIONS}/{task_id}/cancel"),
    ):
        answer = await api.request(method, path, json=SHORT, headers=hasty.auth)
        wait_s = int(answer.headers["retry-after"])
        assert 1 <= wait_s <= 60
        message = f"More than 3 requests in 60 seconds; try again in {wait_s} s"
        assert_error(answer, 429, "rate_limited", message)
    assert (await api.get(f"{PREFIX}/models")).status_code == 200, "it takes no key, so it counts for none"
    await age(conn, 61)
    assert (await api.get(f"{GENERATIONS}/{task_id}", headers=hasty.auth)).json()["status"] == "queued"


async def test_the_answer_says_when_to_come_back(api: httpx2.AsyncClient, pool: db.Pool, conn: db.Connection) -> None:
    async with db.transaction(pool) as one:
        hasty = await make_person(one, "hasty", per_minute=1)
    await api.get(BALANCE, headers=hasty.auth)
    await age(conn, 50)
    answer = await api.get(BALANCE, headers=hasty.auth)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) <= 10


async def test_600_a_minute_where_nothing_is_said(api: httpx2.AsyncClient, alice: Person, conn: db.Connection) -> None:
    assert (await api.get(BALANCE, headers=alice.auth)).status_code == 200
    await conn.execute("UPDATE rate_windows SET requests = 599")
    assert (await api.get(BALANCE, headers=alice.auth)).status_code == 200
    answer = await api.get(BALANCE, headers=alice.auth)
    assert answer.status_code == 429
    assert answer.json()["error"]["message"].startswith("More than 600 requests in 60 seconds; ")


async def test_keys_count_each_for_itself(api: httpx2.AsyncClient, pool: db.Pool) -> None:
    async with db.transaction(pool) as conn:
        hasty = await make_person(conn, "hasty", per_minute=1)
        _, second = await accounts.create_key(conn, hasty.account_id, "open", per_minute=1)
    for secret in (hasty.key, second):
        told = [(await api.get(BALANCE, headers={"Authorization": f"Bearer {secret}"})).status_code for _ in range(2)]
        assert told == [200, 429]


async def test_many_at_once_are_counted_exactly(pool: db.Pool) -> None:
    async with db.transaction(pool) as conn:
        person = await make_person(conn, "person", per_minute=25)

    async def ask() -> str:
        async with db.connection(pool) as conn:
            try:
                await accounts.authenticate(conn, person.key, ("open",))
            except RateLimited:
                return "refused"
            return "let in"

    assert Counter(await asyncio.gather(*(ask() for _ in range(100)))) == {"let in": 25, "refused": 75}


async def test_a_minute_that_an_account_s_keys_share(conn: db.Connection, alice: Person, bob: Person) -> None:
    minute = limits.Shared("errands", 3)
    _, hasty = await accounts.create_key(conn, alice.account_id, "studio", per_minute=1)
    _, calm = await accounts.create_key(conn, alice.account_id, "studio")
    for _ in range(9):
        with contextlib.suppress(RateLimited):
            await accounts.authenticate(conn, hasty, ("studio",), minute)
    for _ in range(2):  # for what its own limit refuses is not the other keys' loss,
        assert (await accounts.authenticate(conn, calm, ("studio",), minute)).account_id == alice.account_id
    with pytest.raises(RateLimited) as refused:
        await accounts.authenticate(conn, calm, ("studio",), minute)
    assert refused.value.message.startswith("More than 3 requests in 60 seconds")
    await accounts.authenticate(conn, calm, ("studio",))
    with pytest.raises(Unauthorized):  # nor what a key of another API asks for
        await accounts.authenticate(conn, bob.key, ("studio",), minute)
    windows = {row[0]: row[1] for row in await conn.fetch("SELECT subject, requests FROM rate_windows")}
    assert windows[f"errands {alice.account_id}"] == 4
    assert f"errands {bob.account_id}" not in windows


async def test_old_windows_are_swept(conn: db.Connection, alice: Person, bob: Person) -> None:
    await accounts.authenticate(conn, alice.key, ("open",))
    await age(conn, 3601)
    await accounts.authenticate(conn, bob.key, ("open",))
    await limits.sweep(conn)
    assert [row[0] for row in await conn.fetch("SELECT subject FROM rate_windows")] == [f"key {bob.key_id}"]


# A month -----------------------------------------------------------------------------------------------------


async def test_a_months_quota_counts_accepted_tasks(
    api: httpx2.AsyncClient, pool: db.Pool, conn: db.Connection, sound: None
) -> None:
    async with db.transaction(pool) as one:
        modest = await make_person(one, "modest", credits=90, monthly=2)
    assert (await api.post(GENERATIONS, json={"model": "?"}, headers=modest.auth)).status_code == 400
    dear = SHORT | {"duration": 15}
    assert (await api.post(GENERATIONS, json=dear, headers=modest.auth)).status_code == 402
    task_id = await submit(api, modest)
    await api.post(f"{GENERATIONS}/{task_id}/cancel", headers=modest.auth)
    await submit(api, modest)
    for _ in range(2):
        answer = await api.post(GENERATIONS, json=SHORT, headers=modest.auth)
        assert_error(answer, 429, "rate_limited", "The key's monthly quota of 2 tasks is used up")
        now = datetime.now(UTC)
        next_month = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)
        assert abs(int(answer.headers["retry-after"]) - (next_month - now).total_seconds()) < 120
    assert (await api.post(f"{GENERATIONS}/quote", json=SHORT, headers=modest.auth)).status_code == 200
    assert (await api.get(GENERATIONS, headers=modest.auth)).status_code == 200
    await conn.execute("UPDATE key_months SET month = month - interval '1 month'")
    await submit(api, modest)


async def test_a_quota_of_nothing(api: httpx2.AsyncClient, pool: db.Pool) -> None:
    async with db.transaction(pool) as conn:
        looker = await make_person(conn, "looker", monthly=0)
    answer = await api.post(GENERATIONS, json=SHORT, headers=looker.auth)
    assert_error(answer, 429, "rate_limited", "The key's monthly quota of 0 tasks is used up")
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_quota_under_fire(api: httpx2.AsyncClient, pool: db.Pool, sound: None) -> None:
    async with db.transaction(pool) as conn:
        modest = await make_person(conn, "modest", credits=10_000, monthly=5)
    answers = await asyncio.gather(*(api.post(GENERATIONS, json=SHORT, headers=modest.auth) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 5, 429: 15}


# Guessers ----------------------------------------------------------------------------------------------------


def test_an_address_may_err_so_often_in_a_minute() -> None:
    refusals = Refusals(per_minute=2)
    for now in (100.0, 110.0):
        refusals.check("a", now)
        refusals.add("a", now)
    with pytest.raises(RateLimited) as refused:
        refusals.check("a", 120.0)
    assert refused.value.retry_after_s == 40
    refusals.check("b", 120.0)
    refusals.check("a", 160.0)
    refusals.add("a", 160.0)
    refusals.check("a", 161.0)


def test_a_flood_of_addresses_is_forgotten_oldest_first() -> None:
    refusals = Refusals(per_minute=1)
    refusals.add("first", 0.0)
    for number in range(Refusals.ADDRESSES_MAX - 1):
        refusals.add(str(number), 0.0)
    with pytest.raises(RateLimited):
        refusals.check("first", 1.0)
    refusals.add("one more", 0.0)
    refusals.check("first", 1.0)
    with pytest.raises(RateLimited):
        refusals.check("0", 1.0)


def test_at_the_window_s_very_end() -> None:
    limits.check_window(600, 600, 0.4)
    with pytest.raises(RateLimited) as refused:
        limits.check_window(601, 600, 0.4)
    assert refused.value.retry_after_s == 1
