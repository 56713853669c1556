"""What tests stand on: a real PostgreSQL for the run, a fresh database for each test, and a small cast.

One server is shared by all xdist workers; the first to come starts it. Each test that asks for `dsn` gets
a database of its own, copied from a migrated template. `alice` and `bob` have accounts, keys and credits.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch
from uuid import uuid4

import asyncpg
import httpx2
import pytest
import uvicorn

from seedbed import accounts, db, embedded, ledger
from seedbed.app import build_app
from seedbed.embedded import connect_or_start
from seedbed.errors import ApiError
from seedbed.protocol import LimitedHttp
from seedbed.settings import Settings, load

T = TypeVar("T")

TEMPLATE = "seedbed_template"
TEMPLATE_LOCK = 0x7E3D
HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""The run's server need not outlive a power cut, and each test's database is made in a third of the time."""


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches them."""
    for name in list(os.environ):
        if name.startswith("SEEDBED_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the run's PostgreSQL, with a migrated template database on it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with contextlib.ExitStack() as stack:
        with patch.dict(embedded.SETTINGS, HASTY):
            dsn = stack.enter_context(connect_or_start(shared / "postgres"))
        asyncio.run(_make_template(dsn))
        yield dsn


async def _make_template(dsn: str) -> None:
    conn = await asyncpg.connect(dsn)
    await conn.execute("SELECT pg_advisory_lock($1)", TEMPLATE_LOCK)
    if not await conn.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", TEMPLATE):
        await conn.execute(f"CREATE DATABASE {TEMPLATE}")
        await db.migrate(other_database(dsn, TEMPLATE))
    await conn.close()


def other_database(dsn: str, name: str) -> str:
    """`dsn` with another database's name in its path."""
    head, _, query = dsn.partition("?")
    return f"{head.rpartition('/')[0]}/{name}?{query}"


@contextlib.asynccontextmanager
async def database(server: str, template: str) -> AsyncIterator[str]:
    """A copy of the database `template`, for as long as it is needed."""
    name = f"test_{uuid4().hex}"
    conn = await asyncpg.connect(server)
    await conn.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    try:
        yield other_database(server, name)
    finally:
        await conn.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await conn.close()


@pytest.fixture
async def dsn(server: str) -> AsyncIterator[str]:
    """A fresh, migrated database of the test's own."""
    async with database(server, TEMPLATE) as dsn:
        yield dsn


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[db.Pool]:
    pool = await db.open_pool(dsn, size=20, name="test")
    yield pool
    with contextlib.suppress(Exception):
        await asyncio.wait_for(pool.close(), 5)
    pool.terminate()


@pytest.fixture
async def conn(pool: db.Pool) -> AsyncIterator[db.Connection]:
    """A connection whose statements commit one by one."""
    async with db.connection(pool) as conn:
        yield conn


async def at_once(pool: db.Pool, acts: Iterable[Callable[[db.Connection], Awaitable[T]]]) -> list[T | ApiError]:
    """Lets all loose at one moment, each in a transaction of its own; what each gave, or how it was refused."""
    acts = list(acts)
    barrier = asyncio.Barrier(len(acts))

    async def one(act: Callable[[db.Connection], Awaitable[T]]) -> T | ApiError:
        async with pool.acquire() as conn:
            await barrier.wait()
            try:
                async with conn.transaction():
                    return await act(conn)
            except ApiError as refused:
                return refused

    return await asyncio.gather(*map(one, acts))


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> Settings:
    """Settings on the test's own database and folder, with a free port."""
    return load(data_dir=tmp_path / "data", database_url=dsn, port=free_port(), poll_s=0.2, lease_s=2.0)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Person:
    """Somebody with an account, credits and a key of the Open API."""

    account_id: int
    key_id: int
    key: str

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


async def make_person(conn: db.Connection, name: str, credits: int = 1000, **key: object) -> Person:
    account_id = await accounts.create(conn, f"{name}@example.com")
    if credits:
        await ledger.grant(conn, account_id, credits, "test")
    key_id, secret = await accounts.create_key(conn, account_id, "open", **key)  # type: ignore[arg-type]
    return Person(account_id, key_id, secret)


@pytest.fixture
async def alice(pool: db.Pool) -> Person:
    async with db.transaction(pool) as conn:
        return await make_person(conn, "alice")


@pytest.fixture
async def bob(pool: db.Pool) -> Person:
    async with db.transaction(pool) as conn:
        return await make_person(conn, "bob")


class _Server(uvicorn.Server):
    """uvicorn's, without its naps: it looks ten times a second whether to end, and then waits for a tenth more."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.told_to_end = asyncio.Event()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.told_to_end.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)  # in which connections that have nothing to do are gone
        await self._wait_tasks_to_complete()
        await self.lifespan.shutdown()


@contextlib.asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[str]:
    """The production application on a real socket; gives its address."""
    config = uvicorn.Config(
        build_app(settings), http=LimitedHttp, host=settings.host, port=settings.port, log_config=None
    )
    server = _Server(config)
    with contextlib.closing(socket.socket(proto=socket.IPPROTO_TCP)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        running = asyncio.create_task(server._serve([listener]))
        while not server.started:
            assert not running.done(), "the server did not start"
            await asyncio.sleep(0.01)
        try:
            yield settings.base_url
        finally:
            server.told_to_end.set()
            await running


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the running application (no worker: what is queued stays queued)."""
    async with served(settings) as url, httpx2.AsyncClient(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture
async def sound(pool: db.Pool) -> AsyncIterator[None]:
    """After the test the ledger is proved."""
    yield
    async with db.connection(pool) as conn:
        assert await ledger.audit(conn) == []
