"""Idempotency keys: once, the same bytes again, and never two at a time."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx2
import pytest

from seedbed import db, idempotency
from seedbed.errors import IdempotencyConflict, InvalidRequest
from seedbed.idempotency import Answer
from tests.conftest import Person, at_once
from tests.test_spine import GENERATIONS

POST = "POST /x"
ANSWER = Answer(200, b'{"n": 1}')
BODY = {"model": "seedance-2.0", "prompt": "A river"}


async def keep(pool: db.Pool, person: Person, key: str = "k", body: bytes = b"{}", error: type | None = None) -> None:
    """Carry out a request, as dialects do; `error` is raised before the commit."""
    async with db.transaction(pool) as conn:
        assert await idempotency.find(conn, person.account_id, POST, key, body) is None
        await idempotency.keep(conn, person.account_id, POST, key, body, ANSWER)
        if error:
            raise error


# One key ---------------------------------------------------------------------------------------------------------


async def test_the_answer_is_kept_with_the_commit(pool: db.Pool, alice: Person) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await keep(pool, alice, error=ZeroDivisionError)
    await keep(pool, alice)
    async with db.transaction(pool) as conn:
        assert await idempotency.find(conn, alice.account_id, POST, "k", b"{}") == ANSWER


async def test_another_body_is_refused(pool: db.Pool, alice: Person) -> None:
    await keep(pool, alice)
    async with db.transaction(pool) as conn:
        with pytest.raises(IdempotencyConflict, match="another body"):
            await idempotency.find(conn, alice.account_id, POST, "k", b"{} ")


async def test_the_scope_is_account_endpoint_and_key(pool: db.Pool, alice: Person, bob: Person) -> None:
    await keep(pool, alice)
    async with db.transaction(pool) as conn:
        for account_id, endpoint, key in (
            (bob.account_id, POST, "k"),
            (alice.account_id, "POST /y", "k"),
            (alice.account_id, POST, "K"),
        ):
            assert await idempotency.find(conn, account_id, endpoint, key, b"other") is None


async def test_a_duplicate_in_flight_is_refused_and_not_made_to_wait(pool: db.Pool, alice: Person) -> None:
    async with db.transaction(pool) as first:
        assert await idempotency.find(first, alice.account_id, POST, "k", b"{}") is None
        await idempotency.keep(first, alice.account_id, POST, "k", b"{}", ANSWER)
        async with db.transaction(pool) as second:
            async with asyncio.timeout(30):
                with pytest.raises(IdempotencyConflict, match="being carried out"):
                    await idempotency.find(second, alice.account_id, POST, "k", b"{}")
    async with db.transaction(pool) as third:
        assert await idempotency.find(third, alice.account_id, POST, "k", b"{}") == ANSWER


async def test_a_kept_answer_is_found_by_many_at_once(pool: db.Pool, alice: Person) -> None:
    """The lock is for those who carry out; a replay needs none."""
    await keep(pool, alice)
    async with db.transaction(pool) as one, db.transaction(pool) as two:
        for conn in (one, two, one):
            assert await idempotency.find(conn, alice.account_id, POST, "k", b"{}") == ANSWER


async def test_a_race_has_one_winner(pool: db.Pool, alice: Person) -> None:
    """Whoever comes gets the lock, a conflict, or the winner's answer; the deed is done once."""
    deeds: Counter[str] = Counter()
    for round_ in range(10):
        key = f"k{round_}"

        async def come(conn: db.Connection, key: str = key) -> str:
            found = await idempotency.find(conn, alice.account_id, POST, key, b"{}")
            if found is not None:
                return "replayed" if found == ANSWER else "wrong answer"
            deeds[key] += 1
            await idempotency.keep(conn, alice.account_id, POST, key, b"{}", ANSWER)
            return "done"

        answers = await at_once(pool, [come] * 12)
        told = Counter("refused" if isinstance(answer, IdempotencyConflict) else answer for answer in answers)
        assert told["done"] == 1, told
        assert told.keys() <= {"done", "refused", "replayed"}
        assert deeds[key] == 1


async def test_keys_are_forgotten_after_their_time(pool: db.Pool, alice: Person) -> None:
    await keep(pool, alice, "old")
    await keep(pool, alice, "new")
    async with db.transaction(pool) as conn:
        await conn.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = 'old'")
        await idempotency.sweep(conn, ttl_s=86_400)
        assert await idempotency.find(conn, alice.account_id, POST, "new", b"{}") == ANSWER
        assert await idempotency.find(conn, alice.account_id, POST, "old", b"other") is None


@pytest.mark.parametrize("key", ["a", "x" * 255, "!~", "0b5c9f2e-8a41-4f6b-9d11-7b1f0e5a2c3d"])
def test_a_key_is_printable(key: str) -> None:
    assert idempotency.check_key(key) == key


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "tab\t", "nul\x00", "ümlaut", "\x7f"])
def test_anything_else_is_no_key(key: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        idempotency.check_key(key)
    assert refused.value.field == "Idempotency-Key"


def test_a_fingerprint_is_sha256() -> None:
    assert idempotency.fingerprint(b"abc").hex().startswith("ba7816bf8f01cfea414140de5dae2223b00361a3")


# Over HTTP -------------------------------------------------------------------------------------------------------


async def test_a_repeat_gets_the_first_answers_bytes(api: httpx2.AsyncClient, alice: Person, sound: None) -> None:
    headers = alice.auth | {"Idempotency-Key": "once"}
    first = await api.post(GENERATIONS, json=BODY, headers=headers)
    assert first.status_code == 200
    assert "idempotent-replayed" not in first.headers
    for body in (
        b'{"model": "seedance-2.0", "prompt": "A river"}',
        b'{"prompt":"A river",\n "model":"seedance-2.0"}',
        b'{"prompt":"\\u0041 river","model":"seedance-2.0","duration":null}',
    ):
        again = await api.post(GENERATIONS, content=body, headers=headers)
        assert (again.status_code, again.content) == (200, first.content)
        assert again.headers["idempotent-replayed"] == "true"
    other = await api.post(GENERATIONS, json=BODY | {"duration": 6}, headers=headers)
    assert other.status_code == 409
    assert other.json()["error"]["code"] == "idempotency_conflict"
    balance = (await api.get("/api/open/v1/balance", headers=alice.auth)).json()
    assert balance["creditsHeld"] == 40


async def test_one_of_many_repeats_at_once_is_carried_out(api: httpx2.AsyncClient, alice: Person, sound: None) -> None:
    headers = alice.auth | {"Idempotency-Key": "many"}
    answers = await asyncio.gather(*(api.post(GENERATIONS, json=BODY, headers=headers) for _ in range(30)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
    tasks = (await api.get(GENERATIONS, headers=alice.auth)).json()
    assert len(tasks["data"]) == 1


async def test_a_refused_request_leaves_its_key_free(api: httpx2.AsyncClient, alice: Person, sound: None) -> None:
    headers = alice.auth | {"Idempotency-Key": "again"}
    bad = await api.post(GENERATIONS, json=BODY | {"duration": 99}, headers=headers)
    assert bad.status_code == 400
    dear = await api.post(GENERATIONS, json=BODY | {"duration": 15, "resolution": "1080p"}, headers=headers)
    assert dear.status_code == 200
    assert "idempotent-replayed" not in dear.headers
