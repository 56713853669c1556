"""Uploads: media that accounts keep here for a few days, to name in their requests.

Owns the table `uploads`. What came inside a request is kept for its task alone. A row is there before its object
and goes after it, so that no object is ever without a row; a row without `sha256` is one whose object is still on
its way, and is never found. What an account may keep at a time is bounded in files and in bytes. Functions take a
connection and never commit.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from seedbed.accounts import BASE62
from seedbed.db import Connection, Record
from seedbed.engines import Kind
from seedbed.errors import InvalidRequest

KEEP_S = 7 * 86_400
"""How long an upload is kept."""

STORING_S = 3_600
"""How long the way into storage may take before the row counts as forgotten."""

FILES_MAX, BYTES_MAX = 200, 2_000_000_000
"""What an account may keep at a time."""

ID_CHARS = 22


@dataclass(frozen=True, slots=True)
class Upload:
    """A kept file. `key` is its place in storage."""

    key: str
    kind: Kind
    size_bytes: int
    expires_at: datetime


async def reserve(
    conn: Connection, account_id: int, *, kind: Kind, content_type: str, extension: str, size_bytes: int
) -> str:
    """Make room for a file and give the key to store it under. Raises InvalidRequest when there is none left."""
    # Two uploads at once must not both take the last place.
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('uploads', $1))", account_id)
    row = await conn.fetchrow(
        """
        SELECT count(*) FILTER (WHERE task_id IS NULL) AS files, coalesce(sum(size_bytes), 0) AS bytes FROM uploads
        WHERE account_id = $1 AND expires_at > now()
        """,
        account_id,
    )
    assert row is not None
    if row["files"] >= FILES_MAX:
        raise InvalidRequest(f"This account keeps {FILES_MAX} uploads already; each is kept for 7 days", field="file")
    if row["bytes"] + size_bytes > BYTES_MAX:
        raise InvalidRequest(
            f"This account would keep more than {BYTES_MAX // 10**6} MB of uploads; each is kept for 7 days",
            field="file",
        )
    token = "".join(secrets.choice(BASE62) for _ in range(ID_CHARS))
    key = f"uploads/{secrets.token_hex(1)}/{token}/{kind}{extension}"
    await conn.execute(
        """
        INSERT INTO uploads (key, account_id, kind, content_type, size_bytes, expires_at)
        VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
        """,
        key,
        account_id,
        kind,
        content_type,
        size_bytes,
        STORING_S,
    )
    return key


async def publish(conn: Connection, key: str, sha256: bytes) -> Upload:
    """The file is stored: from now on it is found, for KEEP_S seconds."""
    row = await conn.fetchrow(
        """
        UPDATE uploads SET sha256 = $2, expires_at = now() + make_interval(secs => $3) WHERE key = $1
        RETURNING key, kind, size_bytes, expires_at
        """,
        key,
        sha256,
        KEEP_S,
    )
    if row is None:
        raise InvalidRequest("The upload took too long; send it again", field="file")
    return Upload(row["key"], row["kind"], row["size_bytes"], row["expires_at"])


async def attach(conn: Connection, key: str, task_id: str) -> None:
    """Keep the file for a task, until that has ended: it counts among the account's bytes and not among its files."""
    await conn.execute("UPDATE uploads SET task_id = $2 WHERE key = $1", key, task_id)


async def loose(conn: Connection, keys: Sequence[str]) -> list[str]:
    """Those of `keys` that are kept for no task."""
    rows = await conn.fetch("SELECT key FROM uploads WHERE key = ANY ($1::text[]) AND task_id IS NULL", list(keys))
    return [row[0] for row in rows]


async def find(conn: Connection, key: str) -> Record | None:
    """The kept file at `key`: content_type, size_bytes, sha256, created_at, expires_at."""
    return await conn.fetchrow(
        "SELECT * FROM uploads WHERE key = $1 AND sha256 IS NOT NULL AND expires_at > now()", key
    )


async def expired(conn: Connection, *, at_most: int = 100) -> list[str]:
    """Keys whose time is over, or whose task has ended. Remove the objects, then `forget` them."""
    rows = await conn.fetch(
        """
        (SELECT key FROM uploads WHERE expires_at <= now() ORDER BY expires_at LIMIT $1)
        UNION
        (SELECT u.key FROM uploads u JOIN tasks t ON t.id = u.task_id
         WHERE u.task_id IS NOT NULL AND t.finished_at IS NOT NULL LIMIT $1)
        """,
        at_most,
    )
    return [row["key"] for row in rows]


async def forget(conn: Connection, key: str) -> None:
    """The object is gone, or never came."""
    await conn.execute("DELETE FROM uploads WHERE key = $1", key)
