"""The service as its operator sees it: workers with what each does, and tasks that failed. Owns no table."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from seedbed import queue
from seedbed.db import Connection


@dataclass(frozen=True, slots=True)
class Running:
    """A task that a worker has in hand. `progress` is a share from 0 to 1."""

    id: str
    email: str
    model: str
    progress: float
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class Hand:
    """A worker seen of late."""

    host: str
    pid: int
    engines: tuple[str, ...]
    concurrency: int
    started_at: datetime
    running: tuple[Running, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """A task that failed, with the words that its owner was told."""

    id: str
    email: str
    model: str
    engine: str | None
    error_code: str
    error_message: str | None
    finished_at: datetime


async def workers(conn: Connection) -> list[Hand]:
    """Workers seen of late, the oldest first."""
    rows = await queue.workers(conn)
    found = await conn.fetch(
        """
        SELECT t.id, a.email, t.model, t.progress, t.started_at FROM tasks t JOIN accounts a ON a.id = t.account_id
        WHERE t.id = ANY ($1::text[])
        """,
        [task for row in rows for task in row["running"]],
    )
    known = defaultdict(list, {row["id"]: [Running(*row)] for row in found})
    return [
        Hand(
            row["host"], row["pid"], tuple(row["engines"]), row["concurrency"], row["started_at"],
            tuple(task for name in row["running"] for task in known[name]),
        )
        for row in rows
    ]  # fmt: skip


async def failed(conn: Connection, *, limit: int) -> list[Failed]:
    """The last tasks that failed, of all accounts."""
    rows = await conn.fetch(
        """
        SELECT t.id, a.email, t.model, t.engine, t.error_code, t.error_message, t.finished_at
        FROM tasks t JOIN accounts a ON a.id = t.account_id
        WHERE t.status = 'failed' ORDER BY t.finished_at DESC LIMIT $1
        """,
        limit,
    )
    return [Failed(*row) for row in rows]
