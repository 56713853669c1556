"""What a worker does beside its jobs: ends tasks whose time is over, and clears away what nobody can use.

Owns no table. Everything here may run in many workers at once and be broken off anywhere: it is done again,
and twice is once. No transaction is open while storage is spoken to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from seedbed import (
    accounts,
    billing,
    db,
    files,
    idempotency,
    identities,
    limits,
    mail,
    queue,
    signin,
    tasks,
    telemetry,
    uploads,
)
from seedbed.db import Connection
from seedbed.renders import Renderer
from seedbed.runtime import Runtime
from seedbed.storage import StorageError
from seedbed.telemetry import log
from seedbed.web import DEFAULT, words

ABANDONED_S = 3600.0
"""What a store may need, beyond the longest render, before an attempt's leftovers are swept."""

LOCK = 0x5EEDBEE5


async def expire(runtime: Runtime) -> None:
    """End tasks whose time is over. A worker that renders one hears of it as of a cancellation."""
    async with db.connection(runtime.pool) as conn:
        late = await tasks.overdue(conn)
    for task_id in late:
        async with db.transaction(runtime.pool) as conn:
            task = await tasks.expire(conn, task_id)
        if task is not None:
            telemetry.ENDED.labels("", "failed", "expired").inc()
            telemetry.RELEASED.inc(task.price_credits)
            log.info("task ended", task=task_id, status="failed", code="expired")
            runtime.wake()


async def forget_old(runtime: Runtime) -> list[str]:
    """Forget what is old, which one worker of all does at a time. Returns the lanes that have jobs."""
    async with db.transaction(runtime.pool) as conn:
        if await conn.fetchval("SELECT pg_try_advisory_xact_lock($1)", LOCK):
            await idempotency.sweep(conn, ttl_s=runtime.settings.idempotency_ttl_s)
            await limits.sweep(conn)
            await billing.sweep(conn)
            await queue.sweep(conn)
            await queue.forget_workers(conn)
            await signin.sweep(conn)
            await identities.sweep(conn)
        return await queue.lanes(conn)


async def tell_low_balances(runtime: Runtime) -> None:
    """Mail those whose credits have run low. Each is told once, until it has had enough again."""
    settings = runtime.settings
    async with db.transaction(runtime.pool) as conn:
        low = await accounts.newly_low(conn)
    for row in low:
        letter = mail.low_balance(
            words(row["language"] or DEFAULT), row["email"], row["available"], row["threshold"],
            f"{settings.base_url}/usage",
        )  # fmt: skip
        await mail.send(settings, row["email"], letter)


async def clear_storage(runtime: Runtime, renderer: Renderer) -> None:
    """Take out of storage what no link leads to any more."""
    await _abandoned(runtime, renderer)
    await clear_removed(runtime)
    await clear_uploads(runtime)


async def _abandoned(runtime: Runtime, renderer: Renderer) -> None:
    """What attempts have stored that nobody can publish any more: their workers died, as a rule."""
    async with db.connection(runtime.pool) as conn:
        attempts = await files.abandoned(conn, older_than_s=runtime.settings.render_timeout_s + ABANDONED_S)
    for attempt in attempts:
        try:
            await renderer.discard(attempt.task_id, attempt.number)
        except StorageError as error:
            log.warning("an abandoned attempt's files stay for now", task=attempt.task_id, error=str(error))
            continue
        async with db.connection(runtime.pool) as conn:
            await files.forget_attempt(conn, attempt)


async def clear_removed(runtime: Runtime) -> None:
    """Files of removed tasks."""
    await _clear(runtime, files.removed, files.forget)


async def clear_uploads(runtime: Runtime) -> None:
    """Uploads whose time is over."""
    await _clear(runtime, uploads.expired, uploads.forget)


async def _clear(
    runtime: Runtime,
    found: Callable[[Connection], Awaitable[list[str]]],
    forget: Callable[[Connection, str], Awaitable[None]],
) -> None:
    """Take the objects `found` out of storage, and only then `forget` their rows."""
    async with db.connection(runtime.pool) as conn:
        keys = await found(conn)
    for key in keys:
        try:
            await runtime.storage.delete(key)
        except StorageError as error:
            log.warning("an object that nobody may have any more stays for now", key=key, error=str(error))
            continue
        async with db.connection(runtime.pool) as conn:
            await forget(conn, key)
