"""Idempotency on the Open API: the same key and body are carried out once and answered with the same bytes."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import httpx2
import pytest

from seedbed import accounts, db, idempotency, ledger
from seedbed.settings import Settings
from tests.conftest import Person, make_person, served
from tests.dialects.wire import GENERATIONS, PREFIX, RIVER, SHORT, assert_error

USED = "This Idempotency-Key was used with another body"
RUNNING = "A request with this Idempotency-Key is being carried out; try again shortly"


async def post(api: httpx2.AsyncClient, person: Person, key: str, body: bytes | None = None) -> httpx2.Response:
    headers = person.auth | {"Idempotency-Key": key, "Content-Type": "application/json"}
    return await api.post(GENERATIONS, content=body or b'{"model":"seedance-2.0","prompt":"A river"}', headers=headers)


async def count(conn: db.Connection) -> int:
    found: int = await conn.fetchval("SELECT count(*) FROM tasks")
    return found


async def test_a_repeat_gets_the_same_bytes(
    api: httpx2.AsyncClient, alice: Person, conn: db.Connection, sound: None
) -> None:
    first = await post(api, alice, "a-unique-id-per-request")
    assert first.status_code == 200
    assert "idempotent-replayed" not in first.headers
    task_id = first.json()["requestId"]
    assert (await api.post(f"{GENERATIONS}/{task_id}/cancel", headers=alice.auth)).status_code == 200
    for _ in range(2):
        again = await post(api, alice, "a-unique-id-per-request")
        assert again.headers["idempotent-replayed"] == "true"
        assert (again.status_code, again.content) == (200, first.content), "although the task is cancelled by now"
        assert again.headers["content-type"] == first.headers["content-type"]
    assert await count(conn) == 1


async def test_a_repeat_needs_no_credits(api: httpx2.AsyncClient, pool: db.Pool, sound: None) -> None:
    async with db.transaction(pool) as conn:
        poor = await make_person(conn, "poor", credits=40)
    first = await post(api, poor, "k")
    again = await post(api, poor, "k")
    assert (first.status_code, again.content) == (200, first.content)
    assert (await post(api, poor, "other")).status_code == 402


SAME = [
    b'{"model":"seedance-2.0","prompt":"A r\\u00edver","duration":5,"metadata":{"b":[1,{"y":1,"x":2}],"a":1}}',
    '{ "prompt" : "A ríver",\n"metadata":{"a":1,"b":[1,{"x":2,"y":1}]},'
    '\t"duration": 5 , "model":"seedance-2.0"}'.encode(),
    '{"webhookUrl":null,"model":"seedance-2.0","resolution":null,"prompt":"A ríver","duration":5,'
    '"metadata":{"b":[1,{"y":1,"x":2}],"a":1},"mediaUrls":null}'.encode(),
]
OTHER = [
    '{"model":"seedance-2.0","prompt":"A ríver","duration":5,"metadata":{"b":[{"y":1,"x":2},1],"a":1}}'.encode(),
    '{"model":"seedance-2.0","prompt":"A ríver ","duration":5,"metadata":{"b":[1,{"y":1,"x":2}],"a":1}}'.encode(),
    '{"model":"seedance-2.0","prompt":"A ríver","duration":5,"metadata":{"b":[1,{"y":1,"x":"2"}],"a":1}}'.encode(),
    '{"model":"seedance-2.0","prompt":"A ríver","duration":5,'
    '"metadata":{"b":[1,{"y":1,"x":2}],"a":1,"c":null}}'.encode(),
    '{"model":"seedance-2.0","prompt":"A ríver","duration":5}'.encode(),
]


async def test_what_counts_as_the_same_body(api: httpx2.AsyncClient, alice: Person, conn: db.Connection) -> None:
    """The order of names, blanks, escapes and nulls mean nothing; everything else does."""
    answers = [await post(api, alice, "k", body) for body in SAME]
    assert {answer.content for answer in answers} == {answers[0].content}
    for body in OTHER:
        refused = await post(api, alice, "k", body)
        assert_error(refused, 409, "idempotency_conflict", USED)
        assert "retry-after" not in refused.headers, "it never passes"
    assert await count(conn) == 1


async def test_one_in_flight_is_not_waited_for(
    api: httpx2.AsyncClient, alice: Person, pool: db.Pool, sound: None
) -> None:
    """The first is held up inside its transaction: the second is refused at once, whatever its body."""
    async with db.transaction(pool) as holding:
        await holding.execute("SELECT FROM accounts WHERE id = $1 FOR UPDATE", alice.account_id)
        first = asyncio.create_task(post(api, alice, "k"))
        async with db.connection(pool) as watching:
            while not await watching.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                assert not first.done()
                await asyncio.sleep(0.01)
        for body in ((), (SAME[0],)):
            refused = await post(api, alice, "k", *body)
            assert_error(refused, 409, "idempotency_conflict", RUNNING)
            assert refused.headers["retry-after"] == "1", "of a conflict that passes"
        assert not first.done()
    accepted = await first
    assert accepted.status_code == 200
    again = await post(api, alice, "k")
    assert (again.content, again.headers["idempotent-replayed"]) == (accepted.content, "true")


async def test_many_at_once_make_one_task(settings: Settings, alice: Person, conn: db.Connection, sound: None) -> None:
    limits = httpx2.Limits(max_connections=100)
    async with (
        served(settings) as url,
        httpx2.AsyncClient(base_url=url, timeout=60, limits=limits) as api,
    ):
        answers = await asyncio.gather(*(post(api, alice, "k") for _ in range(200)))
    seen = Counter(answer.status_code for answer in answers)
    assert set(seen) <= {200, 409}
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
    assert sum("idempotent-replayed" not in a.headers for a in answers if a.status_code == 200) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert_error(answer, 409, "idempotency_conflict", RUNNING)
    assert await count(conn) == 1
    assert (await ledger.balance(conn, alice.account_id)) == ledger.Balance(960, 40)


async def test_only_success_is_kept(api: httpx2.AsyncClient, pool: db.Pool, conn: db.Connection, sound: None) -> None:
    async with db.transaction(pool) as one:
        poor = await make_person(one, "poor", credits=30, monthly=1)
    bad = b'{"model":"seedance-2.0","prompt":"A river","duration":99}'
    assert (await post(api, poor, "k", bad)).status_code == 400
    assert (await post(api, poor, "k")).status_code == 402
    assert await conn.fetchval("SELECT count(*) FROM idempotency_keys") == 0
    async with db.transaction(pool) as one:
        await ledger.grant(one, poor.account_id, 10)
    assert (await post(api, poor, "k")).status_code == 200, "the refusals left no trace, not in the month either"
    assert (await post(api, poor, "other")).status_code == 429
    assert (await post(api, poor, "k")).status_code == 200, "a repeat is not a task"
    assert [row[0] for row in await conn.fetch("SELECT key FROM idempotency_keys")] == ["k"]


async def test_a_fault_of_ours_is_not_kept(api: httpx2.AsyncClient, alice: Person, conn: db.Connection) -> None:
    await conn.execute("ALTER TABLE task_events RENAME TO elsewhere")
    assert (await post(api, alice, "k")).status_code == 500
    await conn.execute("ALTER TABLE elsewhere RENAME TO task_events")
    assert (await post(api, alice, "k")).status_code == 200


async def test_the_scope_is_an_account_and_an_endpoint(
    api: httpx2.AsyncClient, alice: Person, bob: Person, conn: db.Connection, sound: None
) -> None:
    _, second = await accounts.create_key(conn, alice.account_id, "open")
    sister = Person(alice.account_id, 0, second)
    first = await post(api, alice, "k")
    from_the_sister = await post(api, sister, "k")
    assert from_the_sister.content == first.content, "two keys of one account share the scope"
    assert_error(await post(api, sister, "k", SAME[0]), 409, "idempotency_conflict", USED)
    from_bob = await post(api, bob, "k", SAME[0])
    assert (from_bob.status_code, "idempotent-replayed" in from_bob.headers) == (200, False)
    quote = await api.post(f"{GENERATIONS}/quote", json=RIVER, headers=alice.auth | {"Idempotency-Key": "k"})
    assert quote.json() == {"success": True, "creditsRequired": 40}
    assert await count(conn) == 2


@pytest.mark.parametrize("key", ["x" * 256, "two words", "tab\there", "ümlaut"])
async def test_a_bad_key(settings: Settings, alice: Person, conn: db.Connection, key: str) -> None:
    async with served(settings) as url, httpx2.AsyncClient(base_url=url) as api:
        answer = await api.post(
            GENERATIONS,
            json=SHORT,
            headers=[*alice.auth.items(), ("Idempotency-Key", key.encode("latin-1"))],  # type: ignore[list-item]
        )
        assert_error(
            answer,
            400,
            "invalid_request",
            "Idempotency-Key must be 1 to 255 printable ASCII characters without blanks",
        )
        assert await count(conn) == 0


async def test_the_longest_and_the_shortest_key(api: httpx2.AsyncClient, alice: Person, conn: db.Connection) -> None:
    for key in ("x" * 255, "!", "~" * 255, "'; DROP TABLE tasks; --".replace(" ", "")):
        first = await post(api, alice, key)
        assert first.status_code == 200
        assert (await post(api, alice, key)).content == first.content
    empty = await post(api, alice, "")
    assert_error(
        empty,
        400,
        "invalid_request",
        "Idempotency-Key must be 1 to 255 printable ASCII characters without blanks",
    )
    assert await count(conn) == 4


async def test_a_key_is_remembered_for_a_day(
    api: httpx2.AsyncClient, alice: Person, conn: db.Connection, settings: Settings
) -> None:
    first = await post(api, alice, "k")
    for age_s, known in ((settings.idempotency_ttl_s - 60, True), (settings.idempotency_ttl_s + 60, False)):
        await conn.execute("UPDATE idempotency_keys SET created_at = now() - $1::interval", timedelta(seconds=age_s))
        await idempotency.sweep(conn, ttl_s=settings.idempotency_ttl_s)
        again = await post(api, alice, "k")
        assert again.status_code == 200
        assert (again.content == first.content) is known


async def test_the_balance_was_charged_once(api: httpx2.AsyncClient, alice: Person, sound: None) -> None:
    for _ in range(3):
        await post(api, alice, "k")
    told = (await api.get(f"{PREFIX}/balance", headers=alice.auth)).json()
    assert told == {"success": True, "creditsAvailable": 960, "creditsHeld": 40}
