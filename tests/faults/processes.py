"""The service's processes as tests start, break and end them.

`Nursery` forks `seedbed worker` and `seedbed serve --no-worker` in a few milliseconds; `Service` is the whole
`seedbed serve` as an operator starts it. Whatever still runs at the end of a test is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx2
import psutil

from seedbed.settings import Settings

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
GENERATIONS = "/api/open/v1/video/generations"
PATIENCE_S = 90.0
"""How long a thing that should come soon may take on a machine with much else to do."""


async def until(
    check: Callable[[], Awaitable[T | None]], what: str, *, timeout_s: float = PATIENCE_S, every_s: float = 0.03
) -> T:
    """Ask again and again until the answer is true; gives it. Fails with `what`, which never came."""
    end = time.monotonic() + timeout_s
    while True:
        if found := await check():
            return found
        if time.monotonic() > end:
            raise AssertionError(f"never came: {what}")
        await asyncio.sleep(every_s)


def environment(folder: Path, **settings: object) -> dict[str, str]:
    """What a process of the test sees: nobody's settings but these, and the tests' engines on its path.

    Names in lower case are settings; all others are variables as they are.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEEDBED_")}
    given = {f"SEEDBED_{name.upper()}" if name.islower() else name: str(value) for name, value in settings.items()}
    return kept | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "TMPDIR": str(folder)} | given


class Process:
    """One process of the service; `log` is what it said."""

    def __init__(self, pid: int, log: Path, poll: Callable[[], int | None]) -> None:
        self.pid, self.log = pid, log
        self.poll = poll
        """Its exit code once it has ended (below zero: the signal that ended it)."""

    def send(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)

    async def ended(self, timeout_s: float = PATIENCE_S) -> int:
        """Wait for its end; gives the exit code."""

        async def look() -> tuple[int] | None:
            code = self.poll()
            return None if code is None else (code,)

        return (await until(look, f"the end of process {self.pid}:\n{self.said()}", timeout_s=timeout_s))[0]

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Nursery:
    """A process that forks others: see `nursery`."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._mutex, self._count = folder, threading.Lock(), 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(folder),
            cwd=ROOT,
            text=True,
        )
        assert self._process.stdout is not None
        assert json.loads(self._process.stdout.readline()) == "ready"

    def start(self, *argv: str, env: dict[str, str]) -> Process:
        self._count += 1
        log = self._folder / f"{self._count}-{argv[0]}.log"
        pid: int = self._order("start", list(argv), env, str(log))
        return Process(pid, log, lambda: self._order("poll", pid))

    def _order(self, *words: object) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._mutex:
            self._process.stdin.write(json.dumps(words) + "\n")
            self._process.stdin.flush()
            answer: int = json.loads(self._process.stdout.readline())
            return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


class Crew:
    """The processes of one test, all on its database and its folder."""

    def __init__(self, nursery: Nursery, settings: Settings, folder: Path) -> None:
        self._nursery, self.settings, self.folder = nursery, settings, folder
        self._all: list[Process] = []

    def worker(self, engine: str = "Clip", *, dsn: str | None = None, **more: object) -> Process:
        """`seedbed worker` with one of the tests' engines in the real one's place."""
        offered = f"previz=tests.engines_for_tests:{engine}"
        return self._start("worker", dsn=dsn, more={"engines": offered} | more)

    def api(self, *, dsn: str | None = None, port: int, **more: object) -> Process:
        """`seedbed serve` without a worker."""
        return self._start("serve", "--no-worker", dsn=dsn, more={"port": port} | more)

    def _start(self, *argv: str, dsn: str | None, more: dict[str, object]) -> Process:
        own = {
            "data_dir": self.settings.data_dir,
            "database_url": dsn or self.settings.database_url,
            "port": self.settings.port,
            "poll_s": self.settings.poll_s,
            "lease_s": self.settings.lease_s,
        }
        process = self._nursery.start(*argv, env=environment(self.folder, **(own | more)))
        self._all.append(process)
        return process

    async def dismiss(self) -> None:
        """Kill what still runs."""
        for process in self._all:
            process.kill()
        for process in self._all:
            await process.ended()


def mounting(place: Path, size_bytes: int) -> list[str]:
    """The start of a command that runs with a disk of its own, of `size_bytes`, at `place`.

    It borrows root's name for that only where it must: the database's socket opens to its owner's real one.
    """
    command = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    tried = subprocess.run([*command, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True)
    assert tried.returncode == 0, f"no mount namespaces here; allow `unshare -m`: {tried.stderr.decode().strip()}"
    place.mkdir(parents=True, exist_ok=True)
    script = f'mount -t tmpfs -o size={size_bytes} none "{place}" && exec "$@"'
    return [*command, "sh", "-c", script, "sh"]


class Service:
    """`seedbed serve` on a folder of its own, database and worker included."""

    def __init__(self, folder: Path, port: int, within: Sequence[str], **settings: object) -> None:
        self.data_dir, self.port = folder / "data", port
        self._within = within
        self._log = folder / "serve.log"
        self.environment = environment(folder, data_dir=self.data_dir, port=port, poll_s=0.2, **settings)
        self._process: subprocess.Popen[bytes] | None = None
        self.key = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def start(self) -> None:
        with (self.data_dir.parent / "serve.out").open("ab") as out, self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._within, sys.executable, "-m", "seedbed", "serve"],
                env=self.environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,
            )

    @property
    def process(self) -> Process:
        assert self._process is not None
        return Process(self._process.pid, self._log, self._process.poll)

    async def ready(self) -> None:
        """Wait until the database, the storage and a worker answer; learns the admin's first key."""

        async def look() -> bool:
            assert self.process.poll() is None, self.process.said()
            with contextlib.suppress(httpx2.HTTPError):
                async with httpx2.AsyncClient(timeout=10) as client:
                    return (await client.get(f"{self.url}/readyz")).status_code == 200
            return False

        await until(look, f"a ready service:\n{self.process.said()}")
        self.key = self.key or (self.data_dir.parent / "serve.out").read_text().strip()

    def children(self) -> list[psutil.Process]:
        """The worker and the database's first process."""
        return psutil.Process(self.process.pid).children()

    def worker(self) -> psutil.Process | None:
        return next((child for child in self.children() if "worker" in _words(child)), None)

    def postmaster(self) -> psutil.Process | None:
        return next((child for child in self.children() if _name(child) == "postgres"), None)

    def kill(self) -> None:
        """End it all, whatever state it is in."""
        if self._process is None:
            return
        left: list[psutil.Process] = []
        with contextlib.suppress(psutil.NoSuchProcess):
            left = psutil.Process(self._process.pid).children(recursive=True)
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
                break
        _, alive = psutil.wait_procs(left, timeout=20)
        for process in alive:
            process.kill()
        psutil.wait_procs(alive, timeout=20)


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return ""


def _words(process: psutil.Process) -> Sequence[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return ()


@contextmanager
def service(folder: Path, port: int, within: Sequence[str] = (), **settings: object) -> Iterator[Service]:
    """A service started in `folder` by the command `within`; ended, killed if need be, with the block."""
    this = Service(folder, port, within, **settings)
    try:
        this.start()
        yield this
    finally:
        this.kill()
