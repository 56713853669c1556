"""What a process holds open: the pool, the storage, the catalogue and the signing secret.

Opened once at a process's start and handed down; nothing here is a global. The database may be away
for a while at any time: the pool opens new connections when it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from seedbed import catalogue, db, prices, queue
from seedbed.addresses import trusted_entries
from seedbed.catalogue import Catalogue
from seedbed.db import Connection, Pool
from seedbed.limits import Refusals
from seedbed.oidc import Provider, open_provider
from seedbed.payments import Payments, open_payments
from seedbed.prices import Prices
from seedbed.settings import Settings
from seedbed.storage import Storage
from seedbed.telemetry import log

CLOSE_S = 5.0
"""How long connections in use may take at the end."""


class Waker:
    """Tells idle workers that there is work, after the commit. Many calls at once become one notice.

    A notice that is lost costs a worker's `poll_s` and nothing more.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool, self._due = pool, asyncio.Event()

    def __call__(self) -> None:
        self._due.set()

    async def run(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                async with db.connection(self._pool) as conn:
                    await queue.wake(conn)
            except db.UNAVAILABLE as error:
                log.warning("workers were not woken", error=repr(error))


@dataclass(frozen=True, slots=True)
class Runtime:
    settings: Settings
    pool: Pool
    catalogue: Catalogue
    prices: Prices
    payments: Payments | None
    provider: Provider | None
    storage: Storage
    wake: Waker
    refusals: Refusals = field(repr=False)


@asynccontextmanager
async def open_runtime(
    settings: Settings, *, pool_size: int, name: str, answer_s: float = db.ANSWER_S
) -> AsyncIterator[Runtime]:
    """Everything that a process of the service needs, closed again at the end.

    `settings.database_url` must be set: whoever calls has started the embedded server already.
    Raises ConfigError for a bad catalogue, price list, secret or storage, and for half a set-up of payments or of
    sign-in with a provider.
    """
    assert settings.database_url is not None
    found, sold = catalogue.load(settings.catalogue), prices.load(settings.prices)
    payments = open_payments(settings)
    trusted_entries(settings.trusted)
    provider = open_provider(settings)
    async with AsyncExitStack() as stack:
        if provider is not None:
            stack.push_async_callback(provider.aclose)
        if payments is not None:
            stack.callback(payments.close)
        pool = await db.open_pool(
            settings.database_url, size=pool_size, name=name, silent_s=settings.lease_s, answer_s=answer_s
        )
        stack.push_async_callback(_close, pool)
        async with db.transaction(pool) as conn:
            secret = await _signing_secret(conn, settings)
        storage = Storage.open(
            settings.storage_url or str(settings.data_dir / "files"),
            base_url=settings.base_url,
            secret=secret,
            public_url=settings.storage_public_url,
            ttl_s=settings.link_ttl_s,
        )
        stack.callback(storage.close)
        wake = Waker(pool)
        stack.push_async_callback(_end, asyncio.create_task(wake.run()))
        refusals = Refusals(settings.unauthorized_per_minute)
        yield Runtime(settings, pool, found, sold, payments, provider, storage, wake, refusals)


async def _close(pool: Pool) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(pool.close(), CLOSE_S)
    pool.terminate()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _signing_secret(conn: Connection, settings: Settings) -> bytes:
    """The operator's secret, else one drawn once for the whole service and kept in the database."""
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value().encode()
    await conn.execute(
        "INSERT INTO server_secrets (name, value) VALUES ('links', $1) ON CONFLICT DO NOTHING", secrets.token_bytes(32)
    )
    return bytes(await conn.fetchval("SELECT value FROM server_secrets WHERE name = 'links'"))
