"""Idempotency keys: the same request twice is carried out once.

Owns `idempotency_keys`. The scope is (account, endpoint, key). Only answers of success are kept, in the
transaction that earned them, so that a failed request may simply be sent again. A duplicate that arrives
while the first is being carried out is refused rather than made to wait.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from seedbed.db import Connection
from seedbed.errors import IdempotencyConflict, InvalidRequest

KEY_CHARS_MAX = 255

BUSY_RETRY_S = 1
"""When to ask again for what is being carried out: the answer says so, and another conflict does not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A kept answer: the status and the very bytes of the first one."""

    status: int
    body: bytes


def check_key(key: str) -> str:
    """The key as sent. Raises InvalidRequest unless it is 1 to 255 printable ASCII characters."""
    if not 1 <= len(key) <= KEY_CHARS_MAX or not all(" " < c <= "~" for c in key):
        raise InvalidRequest(
            f"Idempotency-Key must be 1 to {KEY_CHARS_MAX} printable ASCII characters without blanks",
            field="Idempotency-Key",
        )
    return key


async def find(conn: Connection, account_id: int, endpoint: str, key: str, body: bytes) -> Answer | None:
    """The answer kept under `key`, or None: then the request is ours to carry out, until we commit.

    `body` is the request in canonical form. Raises IdempotencyConflict when the key was used with another
    body, or when a request with it is being carried out right now.
    """
    row = await conn.fetchrow(
        """
        WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock($4) AS ours)
        SELECT turn.ours, k.fingerprint, k.status, k.body
        FROM turn LEFT JOIN idempotency_keys k
            ON k.account_id = $1 AND k.endpoint = $2 AND k.key = $3
        """,
        account_id,
        endpoint,
        key,
        _lock(account_id, endpoint, key),
    )
    assert row is not None
    if row["fingerprint"] is None and row["ours"]:
        # The row may have been committed between our snapshot and our lock: look once more, under the lock.
        row = await conn.fetchrow(
            """
            SELECT true AS ours, fingerprint, status, body FROM idempotency_keys
            WHERE account_id = $1 AND endpoint = $2 AND key = $3
            """,
            account_id,
            endpoint,
            key,
        )
        if row is None:
            return None
    if row["fingerprint"] is None:
        raise IdempotencyConflict(
            "A request with this Idempotency-Key is being carried out; try again shortly", retry_after_s=BUSY_RETRY_S
        )
    if row["fingerprint"] != fingerprint(body):
        raise IdempotencyConflict("This Idempotency-Key was used with another body")
    return Answer(row["status"], bytes(row["body"]))


async def keep(conn: Connection, account_id: int, endpoint: str, key: str, body: bytes, answer: Answer) -> None:
    """Keep an answer, in the transaction that earned it."""
    await conn.execute(
        """
        INSERT INTO idempotency_keys (account_id, endpoint, key, fingerprint, status, body)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        account_id,
        endpoint,
        key,
        fingerprint(body),
        answer.status,
        answer.body,
    )


async def sweep(conn: Connection, *, ttl_s: float) -> None:
    """Forget keys older than `ttl_s`."""
    await conn.execute("DELETE FROM idempotency_keys WHERE created_at < now() - $1::interval", timedelta(seconds=ttl_s))


def fingerprint(body: bytes) -> bytes:
    """SHA-256 of the canonical body."""
    return hashlib.sha256(body).digest()


def _lock(account_id: int, endpoint: str, key: str) -> int:
    digest = hashlib.sha256(f"{account_id} {endpoint} {key}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
