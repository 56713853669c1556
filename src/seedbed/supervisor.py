"""`seedbed serve`: one process that keeps the whole service up.

It owns the embedded database (unless there is another), runs the API itself and the worker as a child.
A worker or a database that dies is started again; when this process dies in any way, both end with it.
SIGTERM and SIGINT drain: no new connections, requests finished, renders finished or handed back.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
import uvloop

from seedbed import accounts, db, ledger, signin
from seedbed.app import build_app
from seedbed.embedded import EmbeddedPostgres
from seedbed.errors import ConfigError
from seedbed.protocol import LimitedHttp
from seedbed.runtime import open_runtime
from seedbed.settings import PREFIX, Settings
from seedbed.telemetry import log

ADMIN = "admin@localhost"
FIRST_CREDITS = 10_000
FIRST_LOCK = 0x5EEDF1
LOOK_S = 0.25
RESPAWN_S_MIN, RESPAWN_S_MAX = 0.5, 10.0
HEALTHY_S = 60.0

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class First:
    """What the first start makes for the admin: a key, and the token of a link that opens the console once."""

    key: str
    link: str


Announce = Callable[[Settings, First | None], None]


def serve(settings: Settings, *, with_worker: bool, announce: Announce) -> None:
    """Run until told to stop. `announce` hears the final settings and, once ever, what the first start made.

    Must be called from the main thread. Raises ConfigError when the port or the data folder is taken.
    """
    with _listening(settings) as listener, _database(settings) as (dsn, embedded):
        port = listener.getsockname()[1]
        settings = settings.model_copy(update={"database_url": dsn, "port": port})
        # uvicorn raises the signal that ended it once more when it is done: by then it must be harmless.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        uvloop.run(_serve(settings, listener, embedded, with_worker, announce))


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; choose another with --port"
        ) from None
    with contextlib.closing(listener):
        yield listener


@contextmanager
def _database(settings: Settings) -> Iterator[tuple[str, EmbeddedPostgres | None]]:
    if settings.database_url is not None:
        with db.explained():
            yield settings.database_url, None
        return
    with EmbeddedPostgres(settings.data_dir / "postgres") as embedded:
        yield embedded.dsn, embedded


async def _serve(
    settings: Settings,
    listener: socket.socket,
    embedded: EmbeddedPostgres | None,
    with_worker: bool,
    announce: Announce,
) -> None:
    assert settings.database_url is not None
    await db.migrate(settings.database_url)
    # Whatever is wrong is told by us, not by the web server, and before the only showing of the first key and link.
    async with open_runtime(settings, pool_size=1, name="seedbed start"):
        pass
    first = await _first_start(settings.database_url)
    server = uvicorn.Server(
        uvicorn.Config(
            build_app(settings),
            http=LimitedHttp,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
            limit_concurrency=None,
            backlog=4096,
        )
    )
    worker = _Child(settings) if with_worker else None
    keeping = asyncio.create_task(_keep(server, embedded, worker))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        if server.started:
            _say_where(settings)
            announce(settings, first)
        await serving
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        if worker is not None:
            await worker.end(settings.drain_s + 15)


def _say_where(settings: Settings) -> None:
    """Leave a note in the data folder for programs that want to find this service."""
    note = settings.data_dir / "running.json"
    note.parent.mkdir(parents=True, exist_ok=True)
    partial = note.with_suffix(".part")
    partial.write_text(json.dumps({"pid": os.getpid(), "url": settings.base_url}))
    os.replace(partial, note)


async def _keep(server: uvicorn.Server, embedded: EmbeddedPostgres | None, worker: _Child | None) -> None:
    """Look after the database and the worker until the server stops."""
    while not server.should_exit:
        try:
            if embedded is not None:
                await _keep_database(embedded)
            if worker is not None:
                worker.ensure()
        except Exception:
            # No memory, no descriptors, no processes: what cannot be started now may be in a moment.
            log.exception("the database or the worker could not be looked after; it is tried again")
        await asyncio.sleep(LOOK_S)


async def _first_start(dsn: str) -> First | None:
    """On a service without accounts, make the admin's with some credits. Returns its key and link, the only time."""
    pool = await db.open_pool(dsn, size=1, name="seedbed first start")
    try:
        async with db.transaction(pool) as conn:
            await conn.execute("SELECT pg_advisory_xact_lock($1)", FIRST_LOCK)
            if await conn.fetchval("SELECT EXISTS (SELECT FROM accounts)"):
                return None
            account_id = await accounts.create(conn, ADMIN, is_admin=True)
            await ledger.grant(conn, account_id, FIRST_CREDITS, "first start")
            _, secret = await accounts.create_key(conn, account_id, "open", name="first key")
            return First(secret, await signin.make_link(conn, "first", account_id=account_id))
    finally:
        await pool.close()


async def _keep_database(embedded: EmbeddedPostgres) -> None:
    try:
        if await asyncio.to_thread(embedded.ensure):
            log.error("the database had died and was started again")
    except ConfigError as error:
        log.error("the database does not start; it is tried again", error=str(error))


class _Child:
    """The worker process: started again when it dies, less eagerly each time it dies young."""

    def __init__(self, settings: Settings) -> None:
        self._environment = os.environ | {
            f"{PREFIX}{name.upper()}": value for name, value in _told(settings).items() if value is not None
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._began, self._not_before, self._wait_s = 0.0, 0.0, RESPAWN_S_MIN

    def ensure(self) -> None:
        now = time.monotonic()
        if self._process is not None and self._process.poll() is None:
            return
        if self._process is not None and self._not_before == 0.0:
            if now - self._began > HEALTHY_S:
                self._wait_s = RESPAWN_S_MIN
            log.error("the worker died and is started again", exit_code=self._process.returncode, wait_s=self._wait_s)
            self._not_before = now + self._wait_s
            self._wait_s = min(self._wait_s * 2, RESPAWN_S_MAX)
        if now >= self._not_before:
            self._began, self._not_before = now, 0.0
            self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        owner = os.getpid()

        def die_with_owner() -> None:
            if _libc is not None:
                _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
                if os.getppid() != owner:
                    os._exit(1)

        # A session of its own: Ctrl-C at the terminal reaches us alone, and we end the worker in turn.
        return subprocess.Popen(
            [sys.executable, "-m", "seedbed", "worker"],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_owner,
        )

    async def end(self, timeout_s: float) -> None:
        """Ask it to drain; kill it after `timeout_s`."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        end = time.monotonic() + timeout_s
        while self._process.poll() is None and time.monotonic() < end:
            await asyncio.sleep(0.05)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


def _told(settings: Settings) -> dict[str, str | None]:
    """What the worker must know that its environment may not say: options of `serve`, and the final port."""
    return {
        "data_dir": str(settings.data_dir.absolute()),
        "database_url": settings.database_url,
        "host": settings.host,
        "port": str(settings.port),
        "public_url": settings.public_url,
    }
