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
"""Longest wait for one's turn while others are being served."""

ANSWER_S = 60.0
"""Longest wait for the database's answer, unless the process says otherwise."""

GRACE_S = 1.0
"""How much sooner a database that lives ends a statement than we give up waiting for it."""

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
    """Connections for whoever comes, first come, first served: asyncpg alone lets a newcomer overtake who waits.

    A database that falls silent (a frozen machine, a network that swallows everything) ends no wait by itself.
    So connecting and every statement end after `answer_s` or a second more; and when a connection has waited that
    long in vain while no other was served, everybody who waits for a turn is told at once. Nobody waits longer
    than twice `answer_s` and a few seconds for a database that does not answer.
    """

    def __init__(self, raw: asyncpg.Pool[Any], answer_s: float = ANSWER_S) -> None:
        self._raw, self._answer_s = raw, answer_s
        self._turns = asyncio.Semaphore(raw.get_max_size())
        self._waits: set[asyncio.Timeout] = set()
        self._served = 0

    @asynccontextmanager
    async def acquire(self, acquire_s: float = ACQUIRE_S) -> AsyncIterator[Connection]:
        """A connection of one's own; waits so long for its turn. Raises one of UNAVAILABLE."""
        await self._turn(acquire_s)
        served = self._served
        try:
            async with self._raw.acquire(timeout=min(acquire_s, self._answer_s)) as conn:
                with _let_go(conn):
                    yield conn
        except TimeoutError:
            if self._served == served:
                self._give_up()
            raise
        except Exception:
            self._served += 1
            raise
        else:
            self._served += 1
        finally:
            self._turns.release()

    async def _turn(self, acquire_s: float) -> None:
        async with asyncio.timeout(acquire_s) as wait:
            self._waits.add(wait)
            try:
                await self._turns.acquire()
            finally:
                self._waits.discard(wait)

    def _give_up(self) -> None:
        """The database is silent: nobody need wait for a turn."""
        now = asyncio.get_running_loop().time()
        for wait in self._waits:
            if not wait.expired():
                wait.reschedule(now)

    async def close(self) -> None:
        """Close all connections, once they are free."""
        await self._raw.close()

    def terminate(self) -> None:
        """Close all connections, free or not."""
        self._raw.terminate()


@contextmanager
def _let_go(conn: Connection) -> Iterator[None]:
    """A connection that did not answer in time is not asked to tidy up: that could take as long again."""
    try:
        yield
    except TimeoutError:
        conn.terminate()
        raise


async def open_pool(
    dsn: str, *, size: int = 16, name: str = "seedbed", silent_s: float = 20.0, answer_s: float = ANSWER_S
) -> Pool:
    """A pool of at most `size` connections to `dsn`. Raises one of UNAVAILABLE when nobody answers.

    A transaction in which this process says nothing for `silent_s` is rolled back by the database: a frozen
    or unreachable machine would keep its locks for hours, and nobody could take over what it did. A statement
    of more than `answer_s` is ended by the database, or given up a second later where that does not answer.
    """
    raw = await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        max_inactive_connection_lifetime=300,
        timeout=answer_s,
        command_timeout=answer_s + GRACE_S,
        server_settings={
            "application_name": name,
            "timezone": "UTC",
            "jit": "off",
            "idle_in_transaction_session_timeout": f"{silent_s * 1000:.0f}",
            "statement_timeout": f"{answer_s * 1000:.0f}",
        },
        reset=_keep_session,
    )
    assert raw is not None
    return Pool(raw, answer_s)


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
    async with connection(pool) as conn:
        whole = conn.transaction()
        await whole.start()
        try:
            yield conn
        except TimeoutError:
            raise  # The connection is let go, and the transaction with it.
        except BaseException:
            await whole.rollback()
            raise
        await whole.commit()


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
