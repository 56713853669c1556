"""Webhooks in the database: signatures, the schedule, deliveries opened once and listed."""

from __future__ import annotations

import asyncio
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seedbed import db, webhooks
from seedbed.errors import NotFound
from seedbed.webhooks import Delivery, Outcome
from tests.conftest import Person
from tests.test_tasks import in_state
from tests.webhook_receivers import hmac_sha256, opened


def test_the_example_of_standard_webhooks() -> None:
    signed = webhooks.sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_known_hmac() -> None:
    """RFC 4231, test case 2."""
    signed = webhooks.sign("Jefe", "id", 0, b"what do ya want for nothing?")
    assert signed["x-seedance-signature"] == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


@given(secret=st.text(min_size=1), body=st.binary(max_size=200), timestamp=st.integers(0, 2**40))
@example(secret="whsec_not base64!", body=b"{}", timestamp=1)
@example(secret="whsec_", body=b"{}", timestamp=1)
@example(secret="whsec_YWJj", body=b"{}", timestamp=1)
def test_signatures_cover_what_they_should(secret: str, body: bytes, timestamp: int) -> None:
    signed = webhooks.sign(secret, "msg_1", timestamp, body)
    assert signed["x-seedance-signature"] == hmac_sha256(secret.encode(), body).hex()
    assert re.fullmatch(r"v1,[A-Za-z0-9+/]{43}=", signed["webhook-signature"])
    for other in (("msg_2", timestamp, body), ("msg_1", timestamp + 1, body), ("msg_1", timestamp, body + b" ")):
        assert webhooks.sign(secret, *other)["webhook-signature"] != signed["webhook-signature"]


# The schedule --------------------------------------------------------------------------------------------------------


MINUTE, HOUR = 60, 3600


DELAYS_S = [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR]


async def reopened(conn: db.Connection, delivery: Delivery) -> Delivery:
    task_id = await conn.fetchval("SELECT task_id FROM deliveries WHERE id = $1", delivery.id)
    return await webhooks.open_delivery(conn, task_id, "cancelled", "https://ignored.example.com/", b"ignored")


async def test_ten_tries_at_growing_distances(conn: db.Connection, alice: Person) -> None:
    delivery = await opened(conn, alice)
    assert (delivery.state, delivery.tries) == ("pending", 0)
    outcomes = [Outcome(duration_s=0.1, status=500, answer="no"), Outcome(duration_s=15, error="timed out")] * 5
    waits = []
    for outcome in outcomes:
        waits.append(await webhooks.record(conn, delivery, outcome))
        due = await conn.fetchval("SELECT next_at - now() FROM deliveries")
        assert due is None if waits[-1] is None else abs(due.total_seconds() - waits[-1]) < 60
        delivery = await reopened(conn, delivery)
        assert delivery.body == b'{"n":1}'
        assert delivery.url == "https://example.com/hook"
    assert waits == [*DELAYS_S, None]
    assert (delivery.state, delivery.tries) == ("failed", 10)
    tries = await conn.fetch("SELECT try, status, error, answer FROM delivery_tries ORDER BY try")
    assert [row["try"] for row in tries] == list(range(1, 11))
    assert [(row["status"], row["error"]) for row in tries] == [(500, None), (None, "timed out")] * 5


async def test_any_2xx_is_the_end(conn: db.Connection, alice: Person) -> None:
    for status in (200, 201, 204, 299):
        delivery = await opened(conn, alice)
        assert await webhooks.record(conn, delivery, Outcome(duration_s=0.1, status=status)) is None
        assert (await reopened(conn, delivery)).state == "delivered"
        row = await conn.fetchrow("SELECT delivered_at, next_at FROM deliveries WHERE id = $1", delivery.id)
        assert row is not None
        assert row["delivered_at"] is not None
        assert row["next_at"] is None


async def test_nothing_else_is(conn: db.Connection, alice: Person) -> None:
    for status in (100, 199, 300, 301, 302, 304, 307, 308, 400, 401, 404, 409, 429, 500, 503, 599):
        delivery = await opened(conn, alice)
        assert await webhooks.record(conn, delivery, Outcome(duration_s=0.1, status=status)) == 5, status
        assert (await reopened(conn, delivery)).state == "pending"


async def test_a_receiver_may_ask_for_more_time_and_not_for_less(conn: db.Connection, alice: Person) -> None:
    for asked, expected in ((0, 5), (3, 5), (7200, 7200), (86_400, 86_400)):
        delivery = await opened(conn, alice)
        outcome = Outcome(duration_s=0.1, status=503, retry_after_s=asked)
        assert await webhooks.record(conn, delivery, outcome) == expected


async def test_gone_turns_the_address_off_for_its_account(conn: db.Connection, alice: Person, bob: Person) -> None:
    url = "https://example.com/gone"
    delivery = await opened(conn, alice, url)
    assert await webhooks.record(conn, delivery, Outcome(duration_s=0.1, status=410)) is None
    assert (await reopened(conn, delivery)).state == "off"
    assert (await opened(conn, alice, url)).state == "off"
    assert (await opened(conn, alice, "https://example.com/other")).state == "pending"
    assert (await opened(conn, bob, url)).state == "pending"
    await webhooks.turn_on(conn, alice.account_id, url)
    assert (await opened(conn, alice, url)).state == "pending"
    with pytest.raises(NotFound, match="is not turned off"):
        await webhooks.turn_on(conn, alice.account_id, url)


async def test_a_delivery_is_opened_once(pool: db.Pool, alice: Person) -> None:
    async with db.transaction(pool) as conn:
        task = await in_state(conn, alice, "cancelled", webhook_url="https://example.com/")
    barrier = asyncio.Barrier(8)

    async def open_it(number: int) -> tuple[str, bytes]:
        async with db.connection(pool) as conn:
            await barrier.wait()
            found = await webhooks.open_delivery(
                conn, task.id, "cancelled", f"https://example.com/{number}", b"%d" % number
            )
            return found.id, found.body

    assert len(set(await asyncio.gather(*map(open_it, range(8))))) == 1
    async with db.connection(pool) as conn:
        with pytest.raises(NotFound):
            await webhooks.open_delivery(conn, "req_unknown", "failed", "https://example.com/", b"")


async def test_sending_again_starts_the_schedule_over(conn: db.Connection, alice: Person) -> None:
    """And leaves one job, whether one was waiting for its next try or none."""
    delivery = await opened(conn, alice)
    for tried in range(3):
        await webhooks.record(conn, await reopened(conn, delivery), Outcome(duration_s=0.1, status=500))
        assert (await reopened(conn, delivery)).tries == tried + 1
    await conn.execute("UPDATE pgqueuer SET execute_after = now() + interval '1 day'")
    await webhooks.redeliver(conn, delivery.id)
    found = await reopened(conn, delivery)
    assert (found.state, found.tries, found.id) == ("pending", 0, delivery.id)
    assert await conn.fetchval("SELECT count(*) FROM pgqueuer WHERE execute_after <= now()") == 1
    await conn.execute("DELETE FROM pgqueuer")
    await webhooks.record(conn, found, Outcome(duration_s=0.1, status=200))
    await webhooks.redeliver(conn, delivery.id)
    await webhooks.redeliver(conn, delivery.id)
    assert await conn.fetchval("SELECT count(*) FROM pgqueuer") == 1
    assert await webhooks.record(conn, await reopened(conn, delivery), Outcome(duration_s=0.1, status=500)) == 5
    assert await conn.fetchval("SELECT max(try) FROM delivery_tries") == 5, "the log goes on"
    [listed] = await webhooks.list_deliveries(conn)
    assert (listed["id"], listed["state"], listed["tries"], listed["status"]) == (delivery.id, "pending", 1, 500)
    with pytest.raises(NotFound, match="no delivery"):
        await webhooks.redeliver(conn, "msg_unknown")


async def test_deliveries_are_listed_newest_first(conn: db.Connection, alice: Person) -> None:
    made = [(await opened(conn, alice)).id for _ in range(4)]
    assert [row["id"] for row in await webhooks.list_deliveries(conn)] == made[::-1]
    assert [row["id"] for row in await webhooks.list_deliveries(conn, limit=2)] == made[:1:-1]
    task_id = await conn.fetchval("SELECT task_id FROM deliveries WHERE id = $1", made[1])
    assert [row["id"] for row in await webhooks.list_deliveries(conn, task_id=task_id)] == [made[1]]
