"""What was ordered, what Stripe said was paid or paid back, and the credits that follow from it.

Owns `orders`, `payments`, `payment_intents`, `paybacks`, `subscriptions`, `stripe_events` and
`accounts.stripe_customer`. Credits move by events alone, in the event's transaction. Events come twice, at once and in
any order, so each is kept by its id, a payment is a row that can be made once, and what a payment has had taken back
is worked out anew from all its refunds and disputes, whichever came first. One lock makes events wait for each other:
they are few, and two that cross could each miss what the other says. Nothing here commits.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from seedbed import ledger, limits
from seedbed.db import Connection
from seedbed.errors import InvalidRequest, NotFound
from seedbed.prices import Every, Pack, minor

LOCK = 0x5EEDCA5E
ERRANDS_PER_MINUTE = 10
UNPAID_DAYS = 90
"""How long an order may wait for its payment: far longer than any way to pay takes."""

LIVE = ("active", "past_due", "trialing", "unpaid", "incomplete", "paused")
"""Subscriptions in these states may still cost their owner something."""


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody set out to buy, at the price of that moment. `amount` is in minor units of the currency."""

    id: str
    account_id: int
    item: str
    title: str
    credits: int
    amount: int
    currency: str
    every: Every | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Paid:
    """One payment, for people. `reversed_credits` were taken back, or are owed, because the money went back."""

    id: str
    title: str
    credits: int
    reversed_credits: int
    amount: int
    currency: str
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription that lives. `ends_at` is set once it will not be renewed."""

    id: str
    title: str
    credits: int
    amount: int
    currency: str
    every: Every
    status: str
    period_ends_at: datetime | None
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Event:
    """An event of Stripe whose signature was good. `about` is the object that it tells the state of."""

    id: str
    type: str
    at: datetime
    about: Mapping[str, Any]


# Orders --------------------------------------------------------------------------------------------------------


async def open_order(conn: Connection, account_id: int, offer: Pack, currency: str) -> Order:
    """Note what an account is about to buy. Commit it before Stripe hears of it: the payment will name it.

    Raises InvalidRequest for a second subscription beside a live one.
    """
    if offer.interval and await subscriptions(conn, account_id):
        raise InvalidRequest("You have a subscription already; end that one before you begin another")
    row = await conn.fetchrow(
        """
        INSERT INTO orders (id, account_id, item, title, credits, amount, currency, every)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *
        """,
        f"ord_{secrets.token_hex(16)}",
        account_id,
        offer.id,
        offer.title,
        offer.credits,
        minor(offer.amount, currency),
        currency,
        offer.interval,
    )
    assert row is not None
    return Order(**row)


async def count_errand(conn: Connection, account_id: int) -> None:
    """Count a visit to Stripe. Raises RateLimited. Call it in a transaction of its own, which commits."""
    await limits.take_minute(conn, f"errands to Stripe of {account_id}", ERRANDS_PER_MINUTE)


async def find_order(conn: Connection, account_id: int, order_id: str) -> Order:
    """One of an account's orders. Raises NotFound."""
    row = None
    if "\x00" not in order_id:  # which PostgreSQL's text cannot hold
        row = await conn.fetchrow("SELECT * FROM orders WHERE id = $1 AND account_id = $2", order_id, account_id)
    if row is None:
        raise NotFound("There is no such order")
    return Order(**row)


async def is_paid(conn: Connection, order_id: str) -> bool:
    """Whether credits have come of an order."""
    found: bool = await conn.fetchval("SELECT EXISTS (SELECT FROM payments WHERE order_id = $1)", order_id)
    return found


async def customer(conn: Connection, account_id: int) -> str | None:
    """What Stripe calls the account's owner."""
    found: str | None = await conn.fetchval("SELECT stripe_customer FROM accounts WHERE id = $1", account_id)
    return found


async def keep_customer(conn: Connection, account_id: int, found: str, instead_of: str | None) -> str:
    """Keep a customer's id where the account still has `instead_of`. Returns the one that it has now."""
    await conn.execute(
        "UPDATE accounts SET stripe_customer = $2 WHERE id = $1 AND stripe_customer IS NOT DISTINCT FROM $3",
        account_id,
        found,
        instead_of,
    )
    return await customer(conn, account_id) or found


async def history(conn: Connection, account_id: int, *, limit: int = 50) -> list[Paid]:
    """An account's payments, the newest first."""
    rows = await conn.fetch(
        """
        SELECT p.id, o.title, p.credits, p.reversed_credits, p.amount, p.currency, p.paid_at
        FROM payments p JOIN orders o ON o.id = p.order_id
        WHERE p.account_id = $1 ORDER BY p.paid_at DESC LIMIT $2
        """,
        account_id,
        limit,
    )
    return [Paid(**row) for row in rows]


async def subscriptions(conn: Connection, account_id: int) -> list[Subscribed]:
    """An account's subscriptions that live."""
    rows = await conn.fetch(
        """
        SELECT s.id, o.title, o.credits, o.amount, o.currency, o.every, s.status, s.period_ends_at, s.ends_at
        FROM subscriptions s JOIN orders o ON o.id = s.order_id
        WHERE s.account_id = $1 AND s.status = ANY ($2::text[]) ORDER BY o.created_at
        """,
        account_id,
        LIVE,
    )
    return [Subscribed(**row) for row in rows]


async def sweep(conn: Connection) -> None:
    """Forget orders that were never paid."""
    await conn.execute(
        """
        DELETE FROM orders o WHERE o.created_at < now() - make_interval(days => $1)
          AND NOT EXISTS (SELECT FROM payments p WHERE p.order_id = o.id)
          AND NOT EXISTS (SELECT FROM subscriptions s WHERE s.order_id = o.id)
        """,
        UNPAID_DAYS,
    )


# Events --------------------------------------------------------------------------------------------------------


def read_event(body: Mapping[str, Any]) -> Event:
    """The event in a body that Stripe signed. Raises InvalidRequest where it has not an event's shape."""
    try:
        about = body["data"]["object"]
        event = Event(str(body["id"]), str(body["type"]), datetime.fromtimestamp(body["created"], UTC), about)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        raise InvalidRequest("The body is not an event of Stripe") from None
    if not isinstance(about, dict):
        raise InvalidRequest("The body is not an event of Stripe")
    return event


async def receive(conn: Connection, event: Event) -> str:
    """Let an event have its effect, once. Returns what came of it, in a word or two.

    Raises InvalidRequest where the event lacks what one of its type has; nothing is kept of it then.
    """
    await conn.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
    if await conn.fetchval("SELECT EXISTS (SELECT FROM stripe_events WHERE id = $1)", event.id):
        return "repeated"
    act = ACTS.get(event.type)
    try:
        outcome = "ignored" if act is None else await act(conn, event)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError):
        raise InvalidRequest(f"The event is not a {event.type} of an API version that is understood") from None
    await conn.execute(
        "INSERT INTO stripe_events (id, type, created_at, outcome) VALUES ($1, $2, $3, $4)",
        event.id,
        event.type,
        event.at,
        outcome,
    )
    return outcome


async def _session(conn: Connection, event: Event) -> str:
    """A Checkout page was completed, or its slow payment has come. A subscription's money is told by its invoices."""
    session = event.about
    order = await _order(conn, _metadata(session))
    if order is None:
        return "not ours"
    if order.every is not None or session["mode"] != "payment":
        return "its invoice grants"
    if session["payment_status"] == "unpaid":
        return "not paid yet"
    amount = session.get("amount_total")
    return await _paid(conn, order, session["id"], amount, [_id(session.get("payment_intent"))])


async def _invoice(conn: Connection, event: Event) -> str:
    """A period of a subscription was paid: the first, or a renewal."""
    invoice = event.about
    order = await _order(conn, _of_subscription(invoice))
    if order is None:
        return "not ours"
    if invoice["billing_reason"] not in ("subscription_create", "subscription_cycle"):
        return "not a period"
    intents = [_id(invoice.get("payment_intent"))]
    for each in (invoice.get("payments") or {}).get("data", ()):
        intents.append(_id(each["payment"].get("payment_intent")))
    return await _paid(conn, order, invoice["id"], invoice.get("amount_paid"), intents)


async def _invoice_payment(conn: Connection, event: Event) -> str:
    """Which money paid an invoice: refunds name the one, and credits were given for the other."""
    intent = _id(event.about["payment"].get("payment_intent"))
    if intent is None:
        return "ignored"
    payment_id = _id(event.about["invoice"])
    assert payment_id is not None
    await _link(conn, intent, payment_id)
    await _reconcile(conn, payment_id)
    return "noted"


async def _subscription(conn: Connection, event: Event) -> str:
    """A subscription began, changed or ended."""
    told = event.about
    order = await _order(conn, _metadata(told))
    if order is None:
        return "not ours"
    period = told.get("current_period_end") or _period_end(told)
    ends = told.get("cancel_at") or (period if told.get("cancel_at_period_end") else None)
    await conn.execute(
        """
        INSERT INTO subscriptions AS s (id, order_id, account_id, status, period_ends_at, ends_at, said_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (id) DO UPDATE SET status = $4, period_ends_at = $5, ends_at = $6, said_at = $7
        WHERE s.said_at <= $7 AND s.status <> 'canceled'
        """,
        told["id"],
        order.id,
        order.account_id,
        told["status"],
        _time(period),
        _time(ends),
        event.at,
    )
    return "noted"


REFUND_RANK = {"pending": 0, "requires_action": 0, "succeeded": 1, "failed": 2, "canceled": 2}
"""A refund goes from one rank to the next; one that failed is never made good by an older event."""

DISPUTE_RANK = {
    "warning_needs_response": 0, "warning_under_review": 0, "needs_response": 1, "under_review": 1,
    "warning_closed": 2, "prevented": 2, "won": 2, "lost": 2,
}  # fmt: skip
"""Of an inquiry ("warning") no money has moved; of a dispute it has, until it is won."""


async def _refund(conn: Connection, event: Event) -> str:
    """Money goes back to whoever paid, or could not be sent back after all."""
    status = event.about["status"] or "succeeded"
    counts = status not in ("failed", "canceled")
    return await _payback(conn, event, status, REFUND_RANK.get(status, 0), counts)


async def _dispute(conn: Connection, event: Event) -> str:
    """Whoever paid asks the bank for the money."""
    status = event.about["status"]
    counts = status in ("needs_response", "under_review", "lost")
    return await _payback(conn, event, status, DISPUTE_RANK.get(status, 0), counts)


async def _payback(conn: Connection, event: Event, status: str, rank: int, counts: bool) -> str:
    intent = _id(event.about.get("payment_intent"))
    if intent is None:
        return "ignored"
    await conn.execute(
        """
        INSERT INTO paybacks AS p (id, payment_intent, amount, status, rank, counts, said_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (id) DO UPDATE SET amount = $3, status = $4, rank = $5, counts = $6, said_at = $7
        WHERE (p.rank, p.said_at) <= ($5, $7)
        """,
        event.about["id"],
        intent,
        event.about["amount"],
        status,
        rank,
        counts,
        event.at,
    )
    payment_id = await conn.fetchval("SELECT payment_id FROM payment_intents WHERE id = $1", intent)
    return "noted" if payment_id is None else await _reconcile(conn, payment_id)


ACTS: Mapping[str, Callable[[Connection, Event], Awaitable[str]]] = {
    "checkout.session.completed": _session,
    "checkout.session.async_payment_succeeded": _session,
    "invoice.paid": _invoice,
    "invoice_payment.paid": _invoice_payment,
    "customer.subscription.created": _subscription,
    "customer.subscription.updated": _subscription,
    "customer.subscription.deleted": _subscription,
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
    "charge.dispute.created": _dispute,
    "charge.dispute.updated": _dispute,
    "charge.dispute.closed": _dispute,
}
"""The events to subscribe the endpoint to; all others are kept and change nothing."""


async def _paid(conn: Connection, order: Order, payment_id: str, amount: int | None, intents: list[str | None]) -> str:
    """Credits for a payment, if it has had none yet."""
    new = await conn.fetchval(
        """
        INSERT INTO payments (id, order_id, account_id, credits, amount, currency)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING RETURNING id
        """,
        payment_id,
        order.id,
        order.account_id,
        order.credits,
        order.amount if amount is None else amount,
        order.currency,
    )
    if new is not None:
        await ledger.purchase(conn, order.account_id, order.credits, payment_id=payment_id, note=order.title)
    for intent in filter(None, intents):
        await _link(conn, intent, payment_id)
    await _reconcile(conn, payment_id)
    return "repeated" if new is None else "granted"


async def _link(conn: Connection, intent: str, payment_id: str) -> None:
    await conn.execute(
        "INSERT INTO payment_intents (id, payment_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", intent, payment_id
    )


async def _reconcile(conn: Connection, payment_id: str) -> str:
    """Bring what was taken back of a payment to what its refunds and disputes come to.

    That is the credits' share of the money that went back, rounded down: all of them when all of it did.
    """
    payment = await conn.fetchrow(
        """
        SELECT p.account_id, p.credits, p.amount, p.reversed_credits, o.title, coalesce(
            (SELECT sum(b.amount) FROM payment_intents i JOIN paybacks b ON b.payment_intent = i.id
             WHERE i.payment_id = p.id AND b.counts), 0)::bigint AS back
        FROM payments p JOIN orders o ON o.id = p.order_id WHERE p.id = $1
        """,
        payment_id,
    )
    if payment is None:
        return "noted"
    amount, credits, account_id = payment["amount"], payment["credits"], payment["account_id"]
    due = 0 if amount == 0 else credits * min(payment["back"], amount) // amount
    more, note = due - payment["reversed_credits"], payment["title"]
    if more == 0:
        return "noted"
    await conn.execute("UPDATE payments SET reversed_credits = $2 WHERE id = $1", payment_id, due)
    if more < 0:
        await ledger.restore(conn, account_id, -more, payment_id=payment_id, note=note)
        return "restored"
    await ledger.reverse(conn, account_id, more, payment_id=payment_id, note=note)
    return "reversed"


async def _order(conn: Connection, metadata: Mapping[str, Any]) -> Order | None:
    """The order that an object of Stripe is marked with; None where another seller's account made the object."""
    row = await conn.fetchrow("SELECT * FROM orders WHERE id = $1", str(metadata.get("order")))
    return None if row is None else Order(**row)


def _metadata(about: Mapping[str, Any]) -> Mapping[str, Any]:
    found = about.get("metadata") or {}
    return found if isinstance(found, dict) else {}


def _of_subscription(invoice: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the subscription of an invoice is marked with. It moved in the API's version of March 2025."""
    parent = (invoice.get("parent") or {}).get("subscription_details") or invoice.get("subscription_details") or {}
    return _metadata(parent)


def _period_end(subscription: Mapping[str, Any]) -> int | None:
    """When what is paid ends. It moved to the items in the same version."""
    items = (subscription.get("items") or {}).get("data") or [{}]
    found: int | None = items[0].get("current_period_end")
    return found


def _id(field: Any) -> str | None:
    """An object's id: the field holds it, or the object itself."""
    found: str | None = field["id"] if isinstance(field, dict) else field
    return found


def _time(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
