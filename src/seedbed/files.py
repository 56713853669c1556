"""Files of tasks: published with their success, found by whoever has the link, removed with their task.

Owns the table `files`. A row appears in the transaction that ends its task well. When the task is removed its
links end at once; the row stays until the object has gone from storage, so that no object is ever without a
row. Functions take a connection and never commit.
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
