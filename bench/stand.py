"""What the benchmarks stand on: a throw-away embedded database, people, and processes pinned to cores."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httptools
import httpx2

from seedbed import accounts, db, ledger
from seedbed.embedded import EmbeddedPostgres

ROOT = Path(__file__).parents[1]
PEOPLE = 10


@dataclass(frozen=True)
class Stand:
    """A migrated database in a temporary folder, with rich accounts and a key of each."""

    dsn: str
    folder: Path
    keys: list[str]
    account_id: int

    @property
    def key(self) -> str:
        return self.keys[0]

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "SEEDBED_DATABASE_URL": self.dsn,
            "SEEDBED_DATA_DIR": str(self.folder),
            "SEEDBED_LOG_LEVEL": "error",
            "SEEDBED_QUEUED_MAX": "10000000",
            "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))),
        }


@contextlib.contextmanager
def stand() -> Iterator[Stand]:
    with tempfile.TemporaryDirectory(prefix="seedbed-bench-") as name:
        folder = Path(name)
        with EmbeddedPostgres(folder / "postgres") as embedded:
            asyncio.run(db.migrate(embedded.dsn))
            people = asyncio.run(_people(embedded.dsn))
            yield Stand(embedded.dsn, folder, [key for _, key in people], people[0][0])


async def _people(dsn: str) -> list[tuple[int, str]]:
    """As many accounts as pgbench has branches: both sides meet the same contention."""
    people = []
    pool = await db.open_pool(dsn, size=1)
    async with db.transaction(pool) as conn:
        for number in range(PEOPLE):
            account_id = await accounts.create(conn, f"bench{number}@example.com")
            await ledger.grant(conn, account_id, 10**12)
            _, key = await accounts.create_key(conn, account_id, "open", per_minute=2**31 - 1)
            people.append((account_id, key))
    await pool.close()
    return people


@contextlib.contextmanager
def process(
    command: list[str], environment: dict[str, str], *, core: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A child process, on one core where `core` says which."""
    pin = ["taskset", "-c", str(core)] if core is not None else []
    child = subprocess.Popen([*pin, *command], env=environment, cwd=ROOT)
    try:
        yield child
    finally:
        child.terminate()
        child.wait(30)


def cpu_s(pid: int) -> float:
    """The processor time, in seconds, that a process itself has taken so far, to the nanosecond."""
    clock = (~pid << 3) | 2  # as clock_getcpuclockid(3) makes it, on Linux
    return time.clock_gettime(clock)


def wait_until(url: str, timeout_s: float = 30.0) -> None:
    """Wait until `url` answers 200."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        with contextlib.suppress(httpx2.HTTPError):
            if httpx2.get(url).status_code == 200:
                return
        time.sleep(0.05)
    raise TimeoutError(url)


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Answer:
    """Reads one HTTP answer: enough to know its status, its body and where it ends."""

    def __init__(self) -> None:
        self.body, self.done = b"", False

    def on_body(self, piece: bytes) -> None:
        self.body += piece

    def on_message_complete(self) -> None:
        self.done = True


async def load(
    port: int, request: Callable[[int], bytes], *, seconds: float, connections: int
) -> tuple[float, list[float]]:
    """Send `request(n)` over kept-alive connections for `seconds`. Returns answers a second and times (s).

    A hand-made client: a real one costs several times what the server does, on the same two cores.
    """
    times: list[float] = []
    numbers = iter(range(10**9))
    end = time.perf_counter() + seconds

    async def one(connection: Connection) -> None:
        while (began := time.perf_counter()) < end:
            await _exchange(connection, request(next(numbers)))
            times.append(time.perf_counter() - began)

    async with connected(port, connections) as opened:
        began = time.perf_counter()
        await asyncio.gather(*map(one, opened))
    return len(times) / (time.perf_counter() - began), times


@contextlib.asynccontextmanager
async def connected(port: int, connections: int) -> AsyncIterator[list[Connection]]:
    """Open connections, for `answers`."""
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]
    yield opened
    for _, writer in opened:
        writer.close()


async def answers(connections: list[Connection], requests: Iterable[bytes]) -> list[bytes]:
    """Send each request, one after another over every connection. Returns the bodies of their answers, in order."""
    bodies: dict[int, bytes] = {}
    left = enumerate(requests)

    async def one(connection: Connection) -> None:
        for number, request in left:
            bodies[number] = await _exchange(connection, request)

    await asyncio.gather(*map(one, connections))
    return [bodies[number] for number in sorted(bodies)]


async def _exchange(connection: Connection, request: bytes) -> bytes:
    """The body of the answer, which must be a good one."""
    reader, writer = connection
    writer.write(request)
    answer = Answer()
    parser = httptools.HttpResponseParser(answer)
    while not answer.done:
        parser.feed_data(await reader.read(65536))
    if parser.get_status_code() not in (200, 202):
        raise RuntimeError(f"answered {parser.get_status_code()}: {answer.body.decode()}")
    return answer.body


JSON = "Content-Type: application/json\r\n"


def http(method: str, path: str, key: str, body: bytes = b"", headers: str = JSON) -> bytes:
    """The bytes of a request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n{headers}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@contextlib.asynccontextmanager
async def pool_of(dsn: str) -> AsyncIterator[db.Pool]:
    pool = await db.open_pool(dsn, size=4)
    try:
        yield pool
    finally:
        await pool.close()


def run(main: Callable[[], Awaitable[None]]) -> None:
    import uvloop

    uvloop.run(main())  # type: ignore[arg-type]


PYTHON = sys.executable
