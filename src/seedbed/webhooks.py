"""Webhooks: signed, retried on a schedule, every try logged.

Owns `deliveries`, `delivery_tries` and `webhooks_off`. A delivery is one message about one state of one
task: its id and body never change, however often it is tried, so that a receiver can drop repeats. It is
opened in the worker from a job that was queued with the change of state, so none is lost. One that is a
test is of no task, and is opened where it is asked for. Sending is the worker's, through `outbound` alone.
Nothing here commits, and nothing here knows a dialect: the body comes ready.

Signatures. Where the key has a secret, `x-seedance-signature` is the hex HMAC-SHA256 of the body, as
Seedance documents it. It covers no time, so a captured message could be sent again; the headers of
Standard Webhooks (https://www.standardwebhooks.com, 1.0) beside it cover id and time as well.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import orjson

from seedbed import queue
from seedbed.accounts import BASE62
from seedbed.db import Connection, Record
from seedbed.errors import NotFound
from seedbed.outbound import HostBusy, OutboundError, PublicClient

SCHEDULE_S = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds before each try, counted from the end of the try before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How a dialect's callbacks are tried, and how long each try may take: by default as the operator has set."""

    schedule_s: tuple[int, ...] = SCHEDULE_S
    timeout_s: float | None = None


ONCE = Patience(schedule_s=(0,))
"""Of tests, at which somebody looks."""

TEST = "test"
"""The word of a test's job, where others have the state of a task."""

RETRY_AFTER_S_MAX = 86_400
ANSWER_CHARS_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message to one address, as the worker needs it. `tries` are those already made."""

    id: str
    account_id: int
    url: str
    body: bytes
    state: str
    tries: int
    secret: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one try: an HTTP status with the start of the answer, or an error in words."""

    duration_s: float
    status: int | None = None
    answer: str = ""
    error: str | None = None
    retry_after_s: float = 0

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        return self.status == 410


# Signing -------------------------------------------------------------------------------------------------


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The signature headers of a message; `timestamp` is in seconds since 1970."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    standard = base64.b64encode(hmac.digest(_standard_key(secret), signed, "sha256")).decode()
    return {
        "x-seedance-signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
        "webhook-signature": f"v1,{standard}",
    }


def _standard_key(secret: str) -> bytes:
    """Standard Webhooks writes keys as `whsec_` and base64; any other secret is taken as its own bytes."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


# Delivering ----------------------------------------------------------------------------------------------


async def open_delivery(conn: Connection, task_id: str, event: str, url: str, body: bytes) -> Delivery:
    """The delivery of a task's change to `event`: made at the first call, found again afterwards."""
    message_id = _new_id()
    await conn.execute(
        """
        INSERT INTO deliveries (id, account_id, key_id, task_id, event, url, body, state)
        SELECT $1, t.account_id, t.key_id, t.id, $3, $4, $5,
               CASE WHEN o.url IS NULL THEN 'pending' ELSE 'off' END::delivery_state
        FROM tasks t LEFT JOIN webhooks_off o ON o.account_id = t.account_id AND o.url = $4
        WHERE t.id = $2
        ON CONFLICT (task_id, event) DO NOTHING
        """,
        message_id,
        task_id,
        event,
        url,
        body,
    )
    row = await conn.fetchrow(
        """
        SELECT d.id, d.account_id, d.url, d.body, d.state, d.tries, k.webhook_secret AS secret
        FROM deliveries d LEFT JOIN api_keys k ON k.id = d.key_id WHERE d.task_id = $1 AND d.event = $2
        """,
        task_id,
        event,
    )
    if row is None:
        raise NotFound(f"There is no task {task_id}")
    return Delivery(**dict(row))


def _new_id() -> str:
    return "msg_" + "".join(secrets.choice(BASE62) for _ in range(22))


async def open_test(conn: Connection, account_id: int, key_id: int, url: str) -> str:
    """Queue a test of an address, signed with a key's secret, for a worker to send once. Returns the delivery's id.

    The body has the fields that receivers look for in the messages of all dialects, and `test`. A test goes to an
    address that is turned off as well.
    """
    message_id = _new_id()
    told = {"test": True, "success": True, "id": message_id, "requestId": message_id, "status": "succeeded"}
    await conn.execute(
        "INSERT INTO deliveries (id, account_id, key_id, url, body) VALUES ($1, $2, $3, $4, $5)",
        message_id,
        account_id,
        key_id,
        url,
        orjson.dumps(told | {"output": None, "error": None}),
    )
    job = f"{message_id} {TEST}"
    await queue.enqueue(conn, queue.CALLBACK, job, unique=job)
    return message_id


async def get_test(conn: Connection, delivery_id: str) -> Delivery:
    """A test, as the worker needs it. Raises NotFound."""
    row = await conn.fetchrow(
        """
        SELECT d.id, d.account_id, d.url, d.body, d.state, d.tries, k.webhook_secret AS secret
        FROM deliveries d LEFT JOIN api_keys k ON k.id = d.key_id WHERE d.id = $1 AND d.task_id IS NULL
        """,
        delivery_id,
    )
    if row is None:
        raise NotFound(f"There is no test {delivery_id}")
    return Delivery(**dict(row))


async def send(client: PublicClient, delivery: Delivery, *, timeout_s: float, now: float | None = None) -> Outcome:
    """Try once. Raises HostBusy when the receiver has its share in flight: nothing was sent then."""
    timestamp = int(time.time() if now is None else now)
    headers = {
        "content-type": "application/json",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(timestamp),
    }
    if delivery.secret:
        headers |= sign(delivery.secret, delivery.id, timestamp, delivery.body)
    began = time.monotonic()
    try:
        reply = await client.post(delivery.url, delivery.body, headers, timeout_s=timeout_s)
    except HostBusy:
        raise
    except OutboundError as error:
        return Outcome(duration_s=time.monotonic() - began, error=error.message)
    return Outcome(
        duration_s=time.monotonic() - began,
        status=reply.status,
        answer=reply.body_prefix.decode("utf-8", "replace").replace("\x00", "�")[:ANSWER_CHARS_MAX],
        retry_after_s=_retry_after(reply.headers, timestamp),
    )


def _retry_after(headers: Mapping[str, str], now: float) -> float:
    """Seconds that the receiver asks us to wait, as a number or a date (RFC 9110, 10.2.3); at most a day."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), RETRY_AFTER_S_MAX))
    try:
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return 0
    moment = datetime.fromtimestamp(now, UTC)
    seconds = (until.replace(tzinfo=until.tzinfo or UTC) - moment).total_seconds()
    return min(max(seconds, 0), RETRY_AFTER_S_MAX)


async def record(
    conn: Connection, delivery: Delivery, outcome: Outcome, schedule_s: Sequence[int] = SCHEDULE_S
) -> float | None:
    """Log a try. Returns the seconds until the next one, or None when there is none."""
    tried = delivery.tries + 1
    wait_s = None
    if outcome.delivered:
        state = "delivered"
    elif outcome.gone:
        state = "off"
        await _turn_off(conn, delivery, "the receiver answered 410 Gone")
    elif tried >= len(schedule_s):
        state = "failed"
    else:
        state, wait_s = "pending", max(schedule_s[tried], outcome.retry_after_s)
    await conn.execute(
        """
        WITH tried AS (
            INSERT INTO delivery_tries (delivery_id, try, duration_s, status, error, answer)
            SELECT $1, coalesce(max(try), 0) + 1, $4, $5, $6, $7 FROM delivery_tries WHERE delivery_id = $1
        )
        UPDATE deliveries SET state = $2::delivery_state, tries = $3, next_at = now() + $8::interval,
            delivered_at = CASE WHEN $2::delivery_state = 'delivered' THEN now() END
        WHERE id = $1
        """,
        delivery.id,
        state,
        tried,
        outcome.duration_s,
        outcome.status,
        outcome.error,
        outcome.answer,
        None if wait_s is None else timedelta(seconds=wait_s),
    )
    return wait_s


async def _turn_off(conn: Connection, delivery: Delivery, reason: str) -> None:
    await conn.execute(
        "INSERT INTO webhooks_off (account_id, url, reason) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        delivery.account_id,
        delivery.url,
        reason,
    )


# For owners and operators ----------------------------------------------------------------------------------


async def list_deliveries(conn: Connection, *, task_id: str | None = None, limit: int = 50) -> list[Record]:
    """Deliveries, newest first, each with its last try's status and error."""
    return await conn.fetch(
        """
        SELECT d.id, d.task_id, d.event::text, d.url, d.state::text, d.tries, d.created_at, d.next_at,
               last.status, last.error
        FROM deliveries d LEFT JOIN LATERAL (
            SELECT status, error FROM delivery_tries WHERE delivery_id = d.id ORDER BY try DESC LIMIT 1
        ) last ON true
        WHERE $1::text IS NULL OR d.task_id = $1
        ORDER BY d.created_at DESC LIMIT $2
        """,
        task_id,
        limit,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A delivery as its owner sees it. `seq` is its place in the list; `status` and `error` are of its last try."""

    seq: int
    id: str
    task_id: str | None
    event: str | None
    url: str
    state: str
    tries: int
    created_at: datetime
    next_at: datetime | None
    status: int | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One try of a delivery, and what came of it."""

    number: int
    at: datetime
    duration_s: float
    status: int | None
    error: str | None
    answer: str | None


_SENT = """
    SELECT d.seq, d.id, d.task_id, d.event::text, d.url, d.state::text, d.tries, d.created_at, d.next_at,
           last.status, last.error
    FROM deliveries d LEFT JOIN LATERAL (
        SELECT status, error FROM delivery_tries WHERE delivery_id = d.id ORDER BY try DESC LIMIT 1
    ) last ON true
"""


async def sent(conn: Connection, account_id: int, *, before: int = 2**63 - 1, limit: int = 50) -> list[Sent]:
    """An account's deliveries before the place `before`, the newest first."""
    rows = await conn.fetch(
        f"{_SENT} WHERE d.account_id = $1 AND d.seq < $2 ORDER BY d.seq DESC LIMIT $3", account_id, before, limit
    )
    return [Sent(**dict(row)) for row in rows]


async def opened(conn: Connection, account_id: int, delivery_id: str) -> tuple[Sent, bytes, list[Try]]:
    """One of an account's deliveries, its body and its tries, the last first. Raises NotFound."""
    row = await conn.fetchrow(f"{_SENT} WHERE d.account_id = $1 AND d.id = $2", account_id, delivery_id)
    if row is None:
        raise NotFound("There is no such delivery")
    body = await conn.fetchval("SELECT body FROM deliveries WHERE id = $1", delivery_id)
    tries = await conn.fetch(
        """
        SELECT try AS number, at, duration_s, status, error, answer FROM delivery_tries
        WHERE delivery_id = $1 ORDER BY try DESC LIMIT 100
        """,
        delivery_id,
    )
    return Sent(**dict(row)), bytes(body), [Try(**dict(each)) for each in tries]


async def turned_off(conn: Connection, account_id: int) -> list[Record]:
    """An account's addresses that receive nothing (url, at, reason), the last first."""
    return await conn.fetch(
        "SELECT url, at, reason FROM webhooks_off WHERE account_id = $1 ORDER BY at DESC", account_id
    )


async def redeliver(conn: Connection, delivery_id: str) -> None:
    """Send a delivery again from the schedule's start, whatever became of it. Raises NotFound.

    One that waits for its next try goes now; one that is being tried right now is left to that try.
    """
    row = await conn.fetchrow(
        """
        UPDATE deliveries SET state = 'pending', tries = 0, next_at = now() WHERE id = $1
        RETURNING task_id, event::text
        """,
        delivery_id,
    )
    if row is None:
        raise NotFound(f"There is no delivery {delivery_id}")
    job = f"{delivery_id} {TEST}" if row["task_id"] is None else f"{row['task_id']} {row['event']}"
    if not await queue.hasten(conn, job):
        await queue.enqueue(conn, queue.CALLBACK, job, unique=job)


async def turn_on(conn: Connection, account_id: int, url: str) -> None:
    """Let an address that was turned off receive again. Raises NotFound when it is not off."""
    found = await conn.fetchval(
        "DELETE FROM webhooks_off WHERE account_id = $1 AND url = $2 RETURNING url", account_id, url
    )
    if found is None:
        raise NotFound(f"{url} is not turned off")
