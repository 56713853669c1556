"""A submission buys once, whatever becomes of its answers; what is refused is told, and not asked again."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest

from seedbed import db
from seedbed.client import (
    ClientError,
    IdempotencyConflict,
    InsufficientCredits,
    InvalidRequest,
    OpenClient,
    RateLimited,
    Refused,
    Retries,
    ServiceFailed,
    Unauthorized,
    UnexpectedAnswer,
    Unreachable,
)
from seedbed.client.retries import retry_after_s
from tests.client.conftest import SOON, Way
from tests.client.proxy import HALF, REFUSE, SWALLOW, between, ready
from tests.conftest import Person, make_person
from tests.webhook_receivers import until

SMALL = {"duration_s": 4, "resolution": "480p"}


@pytest.mark.parametrize(
    "fates",
    [
        (),
        (SWALLOW, HALF),
        (REFUSE, SWALLOW),
        (ready(503, Retry_After="0"), SWALLOW, ready(429, Retry_After="0"), ready(502)),
        (ready(408), ready(500), ready(504)),
    ],
)
async def test_a_lost_answer_never_buys_twice(
    api: httpx2.AsyncClient, pool: db.Pool, alice: Person, way: Way, fates: tuple[str | bytes, ...], sound: None
) -> None:
    async with between(str(api.base_url), *fates) as proxy, way.open(proxy.url, alice.key) as client:
        accepted = await client.create("A river", **SMALL)
        assert (accepted.credits, accepted.status, accepted.replayed) == (16, "queued", SWALLOW in fates)
        assert len(proxy.heads) == len(fates) + 1
        assert len(set(proxy.header("idempotency-key"))) == 1
        again = await client.create("A river", **SMALL)
        assert again.id != accepted.id, "a second call is a second purchase"
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT count(*) FROM tasks") == 2
        assert await conn.fetchval("SELECT held_credits FROM accounts") == 32


async def test_a_first_try_that_still_runs_is_waited_for(
    api: httpx2.AsyncClient, pool: db.Pool, alice: Person, way: Way, sound: None
) -> None:
    """The client loses patience while the service is slow: the next try is told 409, and a later one the answer."""
    async with (
        between(str(api.base_url)) as proxy,
        way.open(proxy.url, alice.key, timeout_s=1, retries=Retries()) as client,
    ):
        async with db.transaction(pool) as conn:
            await conn.execute("SELECT FROM accounts WHERE id = $1 FOR UPDATE", alice.account_id)
            buying = asyncio.ensure_future(client.create("A river", **SMALL))
            await until(lambda: len(proxy.heads) >= 2)
        accepted = await buying
    assert accepted.credits == 16
    async with db.connection(pool) as conn:
        assert [row["id"] for row in await conn.fetch("SELECT id FROM tasks")] == [accepted.id]


async def test_a_submission_that_was_given_up_can_be_taken_up_by_its_key(
    api: httpx2.AsyncClient, pool: db.Pool, alice: Person, way: Way, sound: None
) -> None:
    async with between(str(api.base_url), *[SWALLOW] * 5) as proxy, way.open(proxy.url, alice.key) as client:
        with pytest.raises(Unreachable, match="does not answer") as lost:
            await client.create("A river", **SMALL)
        assert (lost.value.status, lost.value.task_id, len(proxy.heads)) == (None, None, 5)
        accepted = await client.create("A river", once=lost.value.idempotency_key, **SMALL)
        assert accepted.replayed
        with pytest.raises(IdempotencyConflict, match="with another body") as other:
            await client.create("A lake", once=lost.value.idempotency_key, **SMALL)
        assert (other.value.status, len(proxy.heads)) == (409, 7), "that is not tried again"
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT count(*) FROM tasks") == 1


async def test_a_refusal_is_not_tried_again(api: httpx2.AsyncClient, pool: db.Pool, way: Way) -> None:
    async with db.transaction(pool) as conn:
        poor = await make_person(conn, "poor", 3)
        spent = await make_person(conn, "spent", 1000, monthly=0)
    cases = [
        (poor.key, SMALL, InsufficientCredits, 402, "insufficient_credits"),
        ("nonsense", SMALL, Unauthorized, 401, "unauthorized"),
        (poor.key, SMALL | {"duration_s": 99}, InvalidRequest, 400, "invalid_request"),
        # The month's end is not waited for.
        (spent.key, SMALL, RateLimited, 429, "rate_limited"),
    ]
    async with between(str(api.base_url)) as proxy:
        for key, fields, kind, status, code in cases:
            before = len(proxy.heads)
            async with way.open(proxy.url, key) as client:
                with pytest.raises(kind) as refused:
                    await client.create("x", **fields)
            error = refused.value
            assert isinstance(error, Refused)
            assert (error.status, error.code, len(proxy.heads)) == (status, code, before + 1)
            assert error.request_id
            assert error.message == str(error) != ""
            if isinstance(error, InsufficientCredits):
                assert (error.required, error.available) == (16, 3)
            if isinstance(error, RateLimited):
                assert error.retry_after_s is not None


async def test_a_pause_that_is_asked_for_is_kept(api: httpx2.AsyncClient, alice: Person, way: Way) -> None:
    async with between(str(api.base_url), ready(429, Retry_After="1")) as proxy:
        async with way.open(proxy.url, alice.key) as client:
            began = time.monotonic()
            assert (await client.balance()).available == 1000
            assert time.monotonic() - began >= 1
        proxy.fates = [ready(503, Retry_After="61")]
        async with way.open(proxy.url, alice.key) as client:
            with pytest.raises(ServiceFailed) as refused:
                await client.balance()
            assert (refused.value.retry_after_s, proxy.fates) == (61, [])


def test_a_pause_may_be_asked_for_by_a_date() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=30)
    assert 25 < (retry_after_s({"retry-after": format_datetime(soon, usegmt=True)}) or 0) <= 30
    assert retry_after_s({"retry-after": format_datetime(soon - timedelta(days=1), usegmt=True)}) == 0
    assert retry_after_s({"retry-after": "9" * 400}) == 999_999_999
    for nonsense in ("", "soon", "-1", "١"):
        assert retry_after_s({"retry-after": nonsense}) is None


def test_pauses_grow_to_a_limit_and_are_never_the_same() -> None:
    retries, error = Retries(tries=9, first_s=1, longest_s=6), Unreachable("x")
    pauses = [[retries.pause_s(tried, error) for _ in range(200)] for tried in range(1, 9)]
    for many, most in zip(pauses, (1, 2, 4, 6, 6, 6, 6, 6), strict=True):
        assert most / 2 <= min(many) < max(many) <= most  # type: ignore[type-var]
    assert retries.pause_s(9, error) is None
    assert retries.pause_s(1, ClientError("x")) is None


async def test_what_does_not_speak_the_api_is_told(way: Way) -> None:
    async with between("http://127.0.0.1:1") as proxy, way.open(proxy.url, "key") as client:
        for answer, words in (
            (ready(301, Location="https://video.example.com/"), "leads to https://video.example.com/; use that"),
            (ready(200, b"<html>hello</html>"), "not one of this API; is the address right"),
            (ready(200, b'{"success": true}'), "not one of this API"),
            (ready(200, b"[" * 100_000), "not one of this API"),
        ):
            proxy.fates = [answer]
            with pytest.raises(UnexpectedAnswer, match=words):
                await client.balance()
        proxy.fates = [ready(404, b"<html>nothing</html>")]
        with pytest.raises(Refused, match="/api/open/v1/balance answers 404") as refused:
            await client.balance()
        assert refused.value.code is None


async def test_nobody_there_is_told_after_a_few_tries(way: Way) -> None:
    async with (
        between("http://127.0.0.1:1", *[REFUSE] * 99) as proxy,
        way.open(proxy.url, "key", retries=Retries(tries=3, first_s=0.01)) as client,
    ):
        with pytest.raises(Unreachable, match="does not answer"):
            await client.balance()
        assert len(proxy.heads) == 3


def test_what_cannot_be_meant_is_refused_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("video.example.com", "ftp://video.example.com", "https://"):
        with pytest.raises(ClientError, match="must begin with https://"):
            OpenClient(url, "key")
    for key in ("", "ключ", "a\nb"):
        with pytest.raises(ClientError, match="API key"):
            OpenClient("http://127.0.0.1:1", key)
    monkeypatch.setenv("SEEDBED_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("SEEDBED_KEY", "sd2_live_secret")
    with OpenClient(retries=SOON) as client:
        assert repr(client) == "OpenClient('http://127.0.0.1:9')"
        for task in ("", ".", "..", "req_\ud800"):
            with pytest.raises(ClientError, match="is no task id"):
                client.get(task)
        for metadata in ({"a": float("nan")}, {"a": object()}, {"a": "\ud800"}, {"a": {1, 2}}):
            with pytest.raises(ClientError, match="cannot be written as JSON"):
                client.create("A river", metadata=metadata)
    with OpenClient("http://127.0.0.1:9", " sd2_live_secret\n", retries=SOON) as client:
        assert isinstance(client, OpenClient), "what a file ends with is no part of the key"
