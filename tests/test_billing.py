"""Billing: whatever Stripe sends, how often and in what order, each payment gives its credits once and no more."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from seedbed import billing, db, ledger, prices, stripe_hook, tasks
from seedbed.errors import InsufficientCredits, InvalidRequest, RateLimited, TaskFailure
from seedbed.settings import Settings, load
from tests.conftest import Person, make_person, served
from tests.stripe_stand import Stand, deliver, selling, standing
from tests.test_tasks import accept, priced

PRICES = prices.load()
PACK, PLAN = PRICES.pack[0], PRICES.subscription[0]
PAID = prices.minor(PACK.amount, "usd")


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with standing() as stand:
        yield stand


@pytest.fixture
def settings(settings: Settings, stand: Stand) -> Settings:
    return selling(settings, stand)


@pytest.fixture
async def carol(pool: db.Pool) -> Person:
    """Somebody without credits."""
    async with db.transaction(pool) as conn:
        return await make_person(conn, "carol", 0)


@pytest.fixture(autouse=True)
def _proved(sound: None) -> None:
    """After each test the ledger is proved."""


class Till:
    """Sessions at the stand-in for orders of one person, without the pages."""

    def __init__(self, pool: db.Pool, stand: Stand, person: Person) -> None:
        self.pool, self.stand, self.person = pool, stand, person

    async def order(self, offer: prices.Pack = PACK) -> dict[str, Any]:
        async with db.transaction(self.pool) as conn:
            order = await billing.open_order(conn, self.person.account_id, offer, "usd")
        session = {
            "id": self.stand.id("cs"), "object": "checkout.session", "customer": "cus_1", "payment_intent": None,
            "subscription": None, "mode": "subscription" if offer.interval else "payment", "payment_status": "unpaid",
            "amount_total": order.amount, "metadata": {"order": order.id},
            "subscription_data": {"metadata": {"order": order.id}},
        }  # fmt: skip
        self.stand.sessions[session["id"]] = session
        return session

    async def has(self) -> tuple[int, int]:
        """What can be spent, and what is owed."""
        async with db.connection(self.pool) as conn:
            account = self.person.account_id
            return (await ledger.balance(conn, account)).available, await ledger.owed(conn, account)


@pytest.fixture
def till(pool: db.Pool, stand: Stand, carol: Person) -> Till:
    return Till(pool, stand, carol)


async def told(api: httpx2.AsyncClient, event: dict[str, Any]) -> str:
    answer = await deliver(api, event)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["outcome"])


# Buying --------------------------------------------------------------------------------------------------------


async def test_a_pack_is_credited_once_however_often_it_is_told(
    api: httpx2.AsyncClient, stand: Stand, till: Till
) -> None:
    await till.order()
    paid = stand.pay()
    assert await told(api, paid) == "granted"
    assert await till.has() == (PACK.credits, 0)
    assert await told(api, paid) == "repeated"
    assert await told(api, stand.pay()) == "repeated", "another event of the same payment"
    assert await till.has() == (PACK.credits, 0)
    await till.order()
    assert await told(api, stand.pay()) == "granted", "another order is another payment"
    assert await till.has() == (2 * PACK.credits, 0)


async def test_twenty_deliveries_at_once_grant_once(api: httpx2.AsyncClient, stand: Stand, till: Till) -> None:
    await till.order()
    events = [stand.pay() for _ in range(4)]
    outcomes = await asyncio.gather(*(told(api, event) for event in events * 5))
    assert sorted(outcomes) == ["granted"] + ["repeated"] * 19
    assert await till.has() == (PACK.credits, 0)


async def test_a_slow_payment_is_credited_when_it_comes(api: httpx2.AsyncClient, stand: Stand, till: Till) -> None:
    session = await till.order()
    assert await told(api, stand.pay(slowly=True)) == "not paid yet"
    assert await till.has() == (0, 0)
    session["payment_status"] = "paid"
    assert await told(api, stand.event("checkout.session.async_payment_succeeded", session)) == "granted"
    assert await till.has() == (PACK.credits, 0)


async def test_the_price_of_the_order_holds(api: httpx2.AsyncClient, stand: Stand, till: Till) -> None:
    session = await till.order()
    session |= {"credits": 10**9, "metadata": session["metadata"] | {"credits": "1000000000", "account": "1"}}
    assert await told(api, stand.pay()) == "granted"
    assert await till.has() == (PACK.credits, 0)


# What is not believed ------------------------------------------------------------------------------------------


async def test_what_is_not_signed_for_us_and_now_is_refused(
    api: httpx2.AsyncClient, stand: Stand, till: Till, conn: db.Connection
) -> None:
    await till.order()
    wrong: tuple[dict[str, Any], ...] = ({"secret": "whsec_another"}, {"age_s": 301}, {"signed": False})
    for how in wrong:
        answer = await deliver(api, stand.pay(), **how)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request"), how
        assert "Stripe-Signature" in answer.json()["error"]["message"]
    assert await till.has() == (0, 0)
    assert await conn.fetchval("SELECT count(*) FROM stripe_events") == 0


async def test_a_body_that_was_changed_is_refused(api: httpx2.AsyncClient, stand: Stand, till: Till) -> None:
    await till.order()
    good = await deliver(api, stand.event("a.b", {}))
    signature = good.request.headers["stripe-signature"]
    bad = await api.post(
        "/billing/stripe", content=good.request.content + b" ", headers={"Stripe-Signature": signature}
    )
    assert bad.status_code == 400


async def test_headers_of_nonsense_are_refused(api: httpx2.AsyncClient) -> None:
    for header in ("", "t=1", "t=x,v1=y", "t=99999999999,v1=é", "v1=" + "0" * 64, "t=-1,v1=,v1="):
        answer = await api.post("/billing/stripe", content=b"{}", headers={b"Stripe-Signature": header.encode()})
        assert answer.status_code == 400, header


NO_EVENTS = (
    b"",
    b"\xff",
    b"[]",
    b"{}",
    b'{"id":"e","type":"x","created":1}',
    b'{"id":"e","type":"x","created":"y","data":{"object":{}}}',
    b'{"id":"e","type":"x","created":1e300,"data":{"object":{}}}',
    b'{"id":"e","type":"x","created":1,"data":{"object":[]}}',
    b'{"id":"e","type":"refund.created","created":1,"data":{"object":{}}}',
    b'{"id":"e","type":"invoice_payment.paid","created":1,"data":{"object":{"payment":7}}}',
)


async def test_signed_bodies_that_are_no_events_are_refused(api: httpx2.AsyncClient, conn: db.Connection) -> None:
    for body in NO_EVENTS:
        answer = await deliver(api, body)
        assert answer.status_code == 400, (body, answer.text)
    assert await conn.fetchval("SELECT count(*) FROM stripe_events") == 0, "Stripe sends it again"


async def test_a_body_over_the_limit_is_refused(api: httpx2.AsyncClient) -> None:
    answer = await deliver(api, b" " * (stripe_hook.EVENT_BYTES_MAX + 1))
    assert answer.status_code == 413


async def test_unknown_events_and_those_of_other_sellers_change_nothing(
    api: httpx2.AsyncClient, stand: Stand, till: Till, conn: db.Connection
) -> None:
    session = await till.order()
    assert await told(api, stand.event("product.created", {"id": "prod_1"})) == "ignored"
    stranger = session | {"payment_status": "paid", "metadata": {"order": "ord_of_another_server"}}
    assert await told(api, stand.event("checkout.session.completed", stranger)) == "not ours"
    assert await told(api, stand.event("checkout.session.completed", stranger | {"metadata": None})) == "not ours"
    assert await told(api, stand.refund("pi_of_a_stranger", 100)) == "noted"
    assert await till.has() == (0, 0)
    assert await conn.fetchval("SELECT count(*) FROM stripe_events") == 4


async def test_without_a_key_there_is_no_endpoint(settings: Settings, stand: Stand) -> None:
    without = load(**dict(settings) | {"stripe_key": "", "stripe_webhook_secret": ""})
    async with served(without) as url, httpx2.AsyncClient(base_url=url) as api:
        assert (await deliver(api, stand.event("a.b", {}))).status_code == 404


# Money that goes back ------------------------------------------------------------------------------------------


async def test_refunds_take_their_share(api: httpx2.AsyncClient, stand: Stand, till: Till) -> None:
    session = await till.order()
    await told(api, stand.pay())
    intent = session["payment_intent"]
    third = stand.refund(intent, PAID // 3, "pending")
    assert await told(api, third) == "reversed"
    taken = PACK.credits * (PAID // 3) // PAID
    assert await till.has() == (PACK.credits - taken, 0)
    assert await told(api, stand.then(third, "refund.updated", status="succeeded")) == "noted"
    assert await told(api, stand.refund(intent, PAID - PAID // 3)) == "reversed"
    assert await till.has() == (0, 0), "all of the money takes all of the credits"
    assert await told(api, stand.then(third, "refund.failed", status="failed", later_s=9)) == "restored"
    assert await told(api, stand.then(third, "refund.updated", status="succeeded", later_s=2)) == "noted"
    left = PACK.credits - PACK.credits * (PAID - PAID // 3) // PAID
    assert await till.has() == (left, 0), "an older event does not undo the failure"


async def test_credits_that_were_spent_are_owed_and_paid_by_what_comes_next(
    api: httpx2.AsyncClient, stand: Stand, till: Till, pool: db.Pool, carol: Person
) -> None:
    session = await till.order()
    await told(api, stand.pay())
    async with db.transaction(pool) as conn:
        task = await accept(conn, carol, model=priced("100"))
    held = task.price_credits
    assert await told(api, stand.refund(session["payment_intent"], PAID)) == "reversed"
    assert await till.has() == (0, held), "what is there is taken, the rest is owed"
    async with db.transaction(pool) as conn:
        await tasks.fail(conn, task.id, TaskFailure("render_failed", "no"), attempt=None)
    assert await till.has() == (0, 0), "credits that come back pay the debt first: none is free to spend"
    async with db.transaction(pool) as conn:
        with pytest.raises(InsufficientCredits):
            await accept(conn, carol, model=priced("1"))


async def test_a_debt_is_paid_by_grants_and_purchases(
    api: httpx2.AsyncClient, stand: Stand, till: Till, pool: db.Pool, carol: Person
) -> None:
    session = await till.order()
    await told(api, stand.pay())
    async with db.transaction(pool) as conn:
        task = await accept(conn, carol, model=priced("200"))
        await tasks.start(conn, task.id, attempts_max=3)
    await told(api, stand.refund(session["payment_intent"], PAID))
    debt = task.price_credits
    assert await till.has() == (0, debt)
    async with db.transaction(pool) as conn:
        assert (await ledger.grant(conn, carol.account_id, 100)).available == 0
    assert await till.has() == (0, debt - 100)
    await till.order()
    await told(api, stand.pay())
    assert await till.has() == (PACK.credits - debt + 100, 0)


async def test_a_dispute_takes_credits_and_gives_them_back_when_it_is_won(
    api: httpx2.AsyncClient, stand: Stand, till: Till
) -> None:
    session = await till.order()
    await told(api, stand.pay())
    dispute = stand.dispute(session["payment_intent"], PAID, "warning_needs_response")
    assert await told(api, dispute) == "noted", "an inquiry moves no money"
    assert await till.has() == (PACK.credits, 0)
    assert await told(api, stand.then(dispute, "charge.dispute.updated", status="needs_response")) == "reversed"
    assert await till.has() == (0, 0)
    assert await told(api, stand.then(dispute, "charge.dispute.closed", status="won", later_s=5)) == "restored"
    assert await told(api, stand.then(dispute, "charge.dispute.updated", status="under_review", later_s=3)) == "noted"
    assert await till.has() == (PACK.credits, 0)


async def test_a_dispute_of_what_was_refunded_takes_nothing_twice(
    api: httpx2.AsyncClient, stand: Stand, till: Till
) -> None:
    session = await till.order()
    await told(api, stand.pay())
    intent = session["payment_intent"]
    await told(api, stand.refund(intent, PAID))
    assert await told(api, stand.dispute(intent, PAID, "lost")) == "noted"
    assert await till.has() == (0, 0)


async def test_any_order_of_events_comes_to_the_same(api: httpx2.AsyncClient, stand: Stand, till: Till) -> None:
    for number, order in enumerate(itertools.permutations(range(4))):
        session = await till.order()
        paid = stand.pay()
        half = stand.refund(session["payment_intent"], PAID // 2)
        dispute = stand.dispute(session["payment_intent"], PAID // 2)
        events = [paid, half, dispute, stand.then(dispute, "charge.dispute.closed", status="won")]
        for index in order:
            await told(api, events[index])
        assert await till.has() == (PACK.credits // 2 * (number + 1), 0), order


async def test_payment_refund_and_dispute_at_once(api: httpx2.AsyncClient, stand: Stand, till: Till) -> None:
    for _ in range(5):
        session = await till.order()
        events = [stand.pay(), stand.refund(session["payment_intent"], PAID)] * 5
        random.shuffle(events)
        await asyncio.gather(*(told(api, event) for event in events))
        assert await till.has() == (0, 0)


# Subscriptions -------------------------------------------------------------------------------------------------


async def test_a_subscription_is_credited_with_every_period(
    api: httpx2.AsyncClient, stand: Stand, till: Till, conn: db.Connection, carol: Person
) -> None:
    await till.order(PLAN)
    events = stand.subscribe()
    for event in [*reversed(events), *events]:
        await told(api, event)
    assert await till.has() == (PLAN.credits, 0)
    (live,) = await billing.subscriptions(conn, carol.account_id)
    assert (live.status, live.credits, live.ends_at) == ("active", PLAN.credits, None)
    with pytest.raises(InvalidRequest, match="have a subscription already"):
        await billing.open_order(conn, carol.account_id, PLAN, "usd")

    subscription = stand.subscriptions[live.id]
    renewed = stand.invoice(subscription)
    assert [await told(api, event) for event in renewed] == ["granted", "noted"]
    assert await till.has() == (2 * PLAN.credits, 0)
    assert await told(api, stand.invoice(subscription, "subscription_update")[0]) == "not a period"
    assert await till.has() == (2 * PLAN.credits, 0)

    intent = renewed[1]["data"]["object"]["payment"]["payment_intent"]
    assert await told(api, stand.refund(intent, prices.minor(PLAN.amount, "usd"))) == "reversed"
    assert await till.has() == (PLAN.credits, 0)


async def test_a_renewal_that_was_refunded_before_anything_else_was_heard(
    api: httpx2.AsyncClient, stand: Stand, till: Till
) -> None:
    await till.order(PLAN)
    begun, invoice, link, done = stand.subscribe()
    intent = link["data"]["object"]["payment"]["payment_intent"]
    refund = stand.refund(intent, prices.minor(PLAN.amount, "usd"))
    assert [await told(api, event) for event in (refund, link, invoice, begun, done)] == [
        "noted", "noted", "granted", "noted", "its invoice grants",
    ]  # fmt: skip
    assert await till.has() == (0, 0)


async def test_a_cancellation_ends_with_the_period(
    api: httpx2.AsyncClient, stand: Stand, till: Till, conn: db.Connection, carol: Person
) -> None:
    await till.order(PLAN)
    begun, *rest = stand.subscribe()
    for event in (begun, *rest):
        await told(api, event)
    ending = stand.then(begun, "customer.subscription.updated", cancel_at_period_end=True)
    ended = stand.then(begun, "customer.subscription.deleted", status="canceled", later_s=9)
    assert await told(api, ending) == "noted"
    (live,) = await billing.subscriptions(conn, carol.account_id)
    assert live.ends_at == live.period_ends_at is not None
    await told(api, ended)
    await told(api, stand.then(begun, "customer.subscription.updated", later_s=9))
    assert await billing.subscriptions(conn, carol.account_id) == [], "an event that comes late revives nothing"
    assert await till.has() == (PLAN.credits, 0), "what was paid stays"


# Orders --------------------------------------------------------------------------------------------------------


async def test_orders_that_nobody_paid_are_forgotten(
    api: httpx2.AsyncClient, stand: Stand, till: Till, conn: db.Connection
) -> None:
    await till.order()
    await told(api, stand.pay())
    await till.order()
    await conn.execute("UPDATE orders SET created_at = now() - interval '91 days'")
    await till.order()
    await billing.sweep(conn)
    assert await conn.fetchval("SELECT count(*) FROM orders") == 2


async def test_errands_to_stripe_are_bounded(conn: db.Connection, carol: Person) -> None:
    for _ in range(billing.ERRANDS_PER_MINUTE):
        await billing.count_errand(conn, carol.account_id)
    with pytest.raises(RateLimited):
        await billing.count_errand(conn, carol.account_id)
