"""The audit log: what operators did to accounts, when, and who did it. Owns `audit_log`, which only grows.

A line is written in the transaction of the deed, so that neither is there without the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from seedbed.db import Connection

Action = Literal[
    "account.made", "account.suspended", "account.resumed", "admin.made", "admin.unmade", "credits.granted",
    "key.made", "key.rotated", "key.revoked", "identity.ended",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One deed: `by` did it to the account `email`; None is whoever ran a command on the server."""

    id: int
    at: datetime
    action: Action
    by: str | None
    account_id: int
    email: str
    details: str


async def note(conn: Connection, action: Action, account_id: int, *, by: int | None, details: str = "") -> None:
    """Write a line. `by` is an admin's account, or None for the command line; `details` say how much, or which."""
    await conn.execute(
        "INSERT INTO audit_log (action, account_id, by_id, details) VALUES ($1, $2, $3, $4)",
        action,
        account_id,
        by,
        details,
    )


async def note_key(conn: Connection, action: Action, key_id: int, *, by: int | None) -> None:
    """Write a line about a key, to its account, by the hint that lists show of it."""
    await conn.execute(
        """
        INSERT INTO audit_log (action, account_id, by_id, details)
        SELECT $1, account_id, $3, hint FROM api_keys WHERE id = $2
        """,
        action,
        key_id,
        by,
    )


async def lines(conn: Connection, *, before: int, limit: int) -> list[Line]:
    """The newest lines older than the line `before`."""
    rows = await conn.fetch(
        """
        SELECT l.id, l.at, l.action, b.email AS by, l.account_id, a.email, l.details
        FROM audit_log l JOIN accounts a ON a.id = l.account_id LEFT JOIN accounts b ON b.id = l.by_id
        WHERE l.id < $1 ORDER BY l.id DESC LIMIT $2
        """,
        before,
        limit,
    )
    return [Line(**row) for row in rows]
