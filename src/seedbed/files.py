"""Files of tasks: published with their success, found by whoever has the link, removed with their task.

Owns the tables `files` and `open_attempts` (whose rows begin and end with a task's moves). A row of `files` appears
in the transaction that ends its task well. When the task is removed its links end at once; the row stays until the
object has gone from storage, so that no object is ever without a row. Functions take a connection and never commit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from seedbed.db import Connection, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file of a task. `key` is its place in storage and holds the attempt that made it."""

    key: str
    content_type: str
    size_bytes: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, whoever made it."""

    task_id: str
    number: int


async def publish(conn: Connection, task_id: str, files: Iterable[StoredFile]) -> None:
    """From now on the files are found."""
    for file in files:
        await conn.execute(
            "INSERT INTO files (key, task_id, content_type, size_bytes, sha256) VALUES ($1, $2, $3, $4, $5)",
            file.key,
            task_id,
            file.content_type,
            file.size_bytes,
            file.sha256,
        )


async def find(conn: Connection, key: str) -> Record | None:
    """The published file at `key`: task_id, content_type, size_bytes, sha256, created_at."""
    return await conn.fetchrow("SELECT * FROM files WHERE key = $1 AND removed_at IS NULL", key)


async def remove_all(conn: Connection, task_id: str) -> None:
    """A task's files are found no more."""
    await conn.execute("UPDATE files SET removed_at = now() WHERE task_id = $1 AND removed_at IS NULL", task_id)


async def removed(conn: Connection, *, at_most: int = 100) -> list[str]:
    """Keys of removed files. Remove the objects, then `forget` each."""
    rows = await conn.fetch("SELECT key FROM files WHERE removed_at IS NOT NULL ORDER BY removed_at LIMIT $1", at_most)
    return [row[0] for row in rows]


async def forget(conn: Connection, key: str) -> None:
    """A removed file is in storage no more."""
    await conn.execute("DELETE FROM files WHERE key = $1 AND removed_at IS NOT NULL", key)


async def abandoned(conn: Connection, *, older_than_s: float, at_most: int = 100) -> list[Attempt]:
    """Attempts, begun so long ago, whose files can never be published: their task has ended, or gone on to another.

    Remove what they have stored, then `forget_attempt`.
    """
    rows = await conn.fetch(
        """
        SELECT a.task_id, a.attempt FROM open_attempts a JOIN tasks t ON t.id = a.task_id
        WHERE a.started_at < now() - make_interval(secs => $1)
          AND (t.status NOT IN ('queued', 'processing') OR t.attempt <> a.attempt)
        ORDER BY a.started_at LIMIT $2
        """,
        older_than_s,
        at_most,
    )
    return [Attempt(row[0], row[1]) for row in rows]


async def forget_attempt(conn: Connection, attempt: Attempt) -> None:
    """Nothing of the attempt is in storage any more."""
    await conn.execute("DELETE FROM open_attempts WHERE task_id = $1 AND attempt = $2", attempt.task_id, attempt.number)
