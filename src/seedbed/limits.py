"""How much a caller may do: windows of one minute, and quotas of one calendar month (UTC).

Owns `rate_windows` (one row a subject) and `key_months`. A window begins with its first request and ends
a minute later, so that the answer can say exactly when to come back. The monthly quota counts accepted
tasks: it is taken in the task's own transaction, so that a refused request costs nothing.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from dataclasses import dataclass

from seedbed.db import Connection
from seedbed.errors import QuotaSpent, RateLimited

WINDOW_S = 60

HIT = f"""
    INSERT INTO rate_windows AS w (subject, started_at, requests)
    {{source}}
    ON CONFLICT (subject) DO UPDATE SET
        requests = CASE WHEN w.started_at <= now() - interval '{WINDOW_S} s' THEN 1 ELSE w.requests + 1 END,
        started_at = CASE WHEN w.started_at <= now() - interval '{WINDOW_S} s' THEN now() ELSE w.started_at END
    RETURNING requests, extract(epoch FROM started_at - now()) + {WINDOW_S} AS resets_in_s
"""
"""One request counted in its subject's window; `source` gives rows of (subject, now(), 1)."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A window of all an account's keys together: `name` tells it from others, `allowed` requests fit in."""

    name: str
    allowed: int


async def take_minute(conn: Connection, subject: str, allowed: int) -> None:
    """Count one request of `subject` in its window. Raises RateLimited when it was one too many."""
    row = await conn.fetchrow(HIT.format(source="VALUES ($1, now(), 1)"), subject)
    assert row is not None
    check_window(row[0], allowed, float(row[1]))


def check_window(requests: int, allowed: int, resets_in_s: float) -> None:
    """Raise RateLimited when this request was one too many in its window."""
    if requests > allowed:
        wait_s = max(1, math.ceil(resets_in_s))
        raise RateLimited(
            f"More than {allowed} requests in {WINDOW_S} seconds; try again in {wait_s} s",
            retry_after_s=wait_s,
        )


def check_month(tasks: int, allowed: int | None, ends_in_s: float) -> None:
    """Raise QuotaSpent when a month's quota is used up."""
    if allowed is not None and tasks >= allowed:
        raise QuotaSpent(
            f"The key's monthly quota of {allowed} tasks is used up",
            retry_after_s=max(1, math.ceil(ends_in_s)),
        )


async def take_month(conn: Connection, key_id: int, allowed: int | None) -> None:
    """Count one accepted task against the key's month, inside the task's transaction.

    Raises QuotaSpent when the quota is used up, however many ask at once: the row is locked until commit.
    """
    row = await conn.fetchrow(
        """
        INSERT INTO key_months AS m (key_id, month, tasks)
        VALUES ($1, date_trunc('month', now() AT TIME ZONE 'UTC'), 1)
        ON CONFLICT (key_id, month) DO UPDATE SET tasks = m.tasks + 1
        RETURNING tasks, extract(epoch FROM
            (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC' - now())
        """,
        key_id,
    )
    assert row is not None
    check_month(row[0] - 1, allowed, float(row[1]))


async def sweep(conn: Connection) -> None:
    """Drop windows that ended long ago."""
    await conn.execute("DELETE FROM rate_windows WHERE started_at < now() - interval '1 hour'")


class Refusals:
    """Refused keys by address, in this process: a guesser is turned away before the database hears of it.

    Holds at most `ADDRESSES_MAX` addresses, forgetting the longest unseen first.
    """

    ADDRESSES_MAX = 10_000

    def __init__(self, per_minute: int) -> None:
        self._allowed = per_minute
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def check(self, address: str, now: float | None = None) -> None:
        """Raise RateLimited when `address` has been refused too often in its window."""
        now = time.monotonic() if now is None else now
        started, refused = self._windows.get(address, (now, 0))
        if now - started < WINDOW_S and refused >= self._allowed:
            wait_s = math.ceil(started + WINDOW_S - now)
            raise RateLimited(f"Too many refused API keys; try again in {wait_s} s", retry_after_s=wait_s)

    def add(self, address: str, now: float | None = None) -> None:
        """Count one refused key."""
        now = time.monotonic() if now is None else now
        started, refused = self._windows.pop(address, (now, 0))
        if now - started >= WINDOW_S:
            started, refused = now, 0
        self._windows[address] = (started, refused + 1)
        while len(self._windows) > self.ADDRESSES_MAX:
            self._windows.popitem(last=False)
