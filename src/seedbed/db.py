"""The database: a pool, one transaction helper, and migrations.

Owns the connection pool and the schema's version. Domain functions take a connection and never commit;
`transaction()` is opened at the edges alone (dialects, worker, command line) and never spans a fetch, a
render or an upload. All SQL in this project is PostgreSQL's.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import asyncpg

from seedbed.errors import ConfigError

if TYPE_CHECKING:
    Connection = asyncpg.pool.PoolConnectionProxy[Any] | asyncpg.Connection[Any]
    Record = asyncpg.Record
else:
    Connection = asyncpg.Connection
    Record = asyncpg.Record

MIGRATION_LOCK = 0x5EEDBED
"""Advisory lock under which one process at a time migrates."""

ACQUIRE_S = 60.0
"""Longest wait for a free connection before the request is answered `service_busy`."""

UNAVAILABLE: tuple[type[BaseException], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InterfaceError,
    # A connection whose server died at an awkward moment: "cannot switch to state …".
    asyncpg.InternalClientError,
    ConnectionError,
    OSError,
    TimeoutError,
)
"""What asyncpg and the sockets raise while the database restarts, is full, or has let a connection go."""

UNUSABLE: tuple[type[BaseException], ...] = (
    asyncpg.ClientConfigurationError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    ConnectionError,
    FileNotFoundError,
    TimeoutError,
    socket.gaierror,
)
"""What an address that leads to no database of ours raises."""


@contextmanager
def explained() -> Iterator[None]:
    """Turn what keeps a program from the operator's database into ConfigError."""
    try:
        yield
    except UNUSABLE as error:
        reason = str(error) or type(error).__name__
        raise ConfigError(f"SEEDBED_DATABASE_URL: the database cannot be used: {reason}") from error


class Pool:
    """Connections for whoever comes, first come, first served: asyncpg alone lets a newcomer overtake who waits."""

    def __init__(self, raw: asyncpg.Pool[Any]) -> None:
        self._raw, self._turns = raw, asyncio.Semaphore(raw.get_max_size())

    @asynccontextmanager
    async def acquire(self, acquire_s: float = ACQUIRE_S) -> AsyncIterator[Connection]:
        """A connection of one's own; waits so long for its turn. Raises one of UNAVAILABLE."""
        async with asyncio.timeout(acquire_s):
            await self._turns.acquire()
        try:
            async with self._raw.acquire(timeout=acquire_s) as conn:
                yield conn
        finally:
            self._turns.release()

    async def close(self) -> None:
        """Close all connections, once they are free."""
        await self._raw.close()

    def terminate(self) -> None:
        """Close all connections, free or not."""
        self._raw.terminate()


async def open_pool(dsn: str, *, size: int = 16, name: str = "seedbed", silent_s: float = 20.0) -> Pool:
    """A pool of at most `size` connections to `dsn`. Raises one of UNAVAILABLE when nobody answers.

    A transaction in which this process says nothing for `silent_s` is rolled back by the database: a frozen
    or unreachable machine would keep its locks for hours, and nobody could take over what it did.
    """
    raw = await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        max_inactive_connection_lifetime=300,
        command_timeout=60,
        server_settings={
            "application_name": name,
            "timezone": "UTC",
            "jit": "off",
            "idle_in_transaction_session_timeout": f"{silent_s * 1000:.0f}",
        },
        reset=_keep_session,
    )
    assert raw is not None
    return Pool(raw)


async def _keep_session(connection: Connection) -> None:
    """Nothing to reset: sessions hold no state of ours, and a reset is a round trip for every request."""


@asynccontextmanager
async def connection(pool: Pool, acquire_s: float = ACQUIRE_S) -> AsyncIterator[Connection]:
    """A connection for single statements, each of which commits by itself; waits `acquire_s` for a free one."""
    async with pool.acquire(acquire_s) as conn:
        yield conn


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """A connection inside one transaction: committed at the end, rolled back on any exception."""
    async with connection(pool) as conn, conn.transaction():
        yield conn


def head() -> str:
    """The revision that this version of the program needs."""
    from seedbed.migrations import HEAD

    return HEAD


async def revision(conn: Connection) -> str | None:
    """The revision that the database is at; None before the first migration."""
    if await conn.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    found: str | None = await conn.fetchval("SELECT version_num FROM alembic_version")
    return found


async def migrate(dsn: str) -> bool:
    """Bring the schema to `head()` under a lock. Returns whether there was anything to do.

    Raises ConfigError when the database is newer than this program.
    """
    conn = await asyncpg.connect(dsn, timeout=30)
    try:
        if await revision(conn) == head():
            return False
        await conn.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        if await revision(conn) == head():
            return False
        await asyncio.to_thread(_upgrade, dsn)
        return True
    finally:
        await conn.close()


def _upgrade(dsn: str) -> None:
    """Run Alembic. It is imported here alone: an up-to-date start does not pay for it."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "seedbed:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["dsn"] = dsn
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise ConfigError(f"The database is of another version: {error}. Install the version that made it.") from error
