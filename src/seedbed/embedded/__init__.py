"""PostgreSQL without an installation: the binaries of a wheel, run by this process under its own rules.

Owns one folder, the root (`<data_dir>/postgres`):

    data/            the database, never touched when it is of another major version
    run/             the socket's folder, unless its path is too long for a socket (see below)
    postgres.log     what the server says; becomes postgres.log.1 at a start when over 10 MB
    lock             held by the owner for as long as it lives; says who that is and where the socket is
    guests           held, shared, by every command that uses the database (see `connect_or_start`)
    bin/             as root only: a copy of the binaries, when the server's user cannot reach the originals

Promises: one owner at a time; the server ends cleanly when its owner stops it or dies in any way (on Linux;
elsewhere a killed owner's server stays up until the next start, which ends it first); what was committed
survives every kind of end; no TCP port is opened; only the server's user and root can reach the socket.

Outside the root there are only things that may be deleted while nothing runs:
`<temp>/seedbed-<hash of the root>-<uid>`, for the socket, when `run/` would make its address too long or
holds a comma (removed at a clean stop); and, as root with both the binaries and the root in private folders
(such as /root), a copy of the binaries in `/var/cache/seedbed`, or else in `<temp>/seedbed-bin`.

Started by root, the server runs as the user who owns `data/`, at first `nobody`. Where the root's parents are
closed to that user it gets its folders as open descriptors and names them through /proc, so that no
permissions are changed and the data stays where it was asked to be.

Never imports or runs the wheel's own Python code, and never listens to PG* variables.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import psutil

from seedbed.embedded import account, binaries, cluster
from seedbed.embedded.account import Account
from seedbed.embedded.lock import Holder, Lock, Pause, Role
from seedbed.errors import ConfigError

__all__ = ["SETTINGS", "EmbeddedPostgres", "connect_or_start"]

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "huge_pages": "off",  # "try" ends in SIGBUS where a container's limit is below its host's
    "max_wal_size": "1GB",
    "random_page_cost": "1.1",
    "jit": "off",  # every statement here is short
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "log_statement": "none",
    "log_min_error_statement": "panic",  # the values in a statement can be secrets
    "log_line_prefix": "%m [%p] ",
}
"""Given on the server's command line, where neither postgresql.conf nor ALTER SYSTEM can undo them."""


class EmbeddedPostgres:
    """A PostgreSQL server that lives exactly as long as its owner wants it.

    `root` is its folder, made when missing; `user` is whom the server runs as when root makes a new database.
    Every method blocks, and may be called from any thread: out of an event loop, through a worker thread.
    """

    def __init__(self, root: Path, *, user: str | None = None) -> None:
        self.root = Path(root).resolve()
        self.data = self.root / "data"
        self.log_path = self.root / "postgres.log"
        self._user = user
        self._lock = Lock(self.root / "lock")
        self._socket_dir = self.root / "run"
        self._outside: Path | None = None  # the socket's folder once it is ours, where it is not in the root
        self._process: subprocess.Popen[bytes] | None = None
        self._spawner: ThreadPoolExecutor | None = None
        self._mutex = threading.RLock()

    @property
    def dsn(self) -> str:
        """A `postgresql://` URL for asyncpg, and for SQLAlchemy once its driver is named; valid once started."""
        return _dsn(self._socket_dir)

    @property
    def running(self) -> bool:
        """Whether the server that this object started is alive."""
        return self.pid is not None

    @property
    def pid(self) -> int | None:
        """The process id of the server, for as long as it is alive."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self, timeout_s: float = 120.0) -> EmbeddedPostgres:
        """Own the root and return once the server answers; started already, only make sure that it runs.

        A command that owns the database for the moment is waited for. Raises ConfigError when a service owns
        it, when the folder cannot be used, when the database is of another major version, and when the
        server does not answer within `timeout_s` seconds. After an error nothing runs and nothing is held.
        """
        deadline = time.monotonic() + timeout_s
        with self._mutex, _explained(self.root):
            if not self._lock.held:
                self._own("service", deadline)
            try:
                if not self.running:
                    self._bring_up(deadline)
            except BaseException:
                self.stop()
                raise
        return self

    def ensure(self, timeout_s: float = 120.0) -> bool:
        """Bring the server back if it died; True when it had to be. Raises ConfigError as `start` does, but
        stays the owner, so that it may be called again; RuntimeError when this object is not started."""
        with self._mutex, _explained(self.root):
            if not self._lock.held:
                raise RuntimeError("ensure() is for a server that was started and not stopped")
            if self.running:
                return False
            self._bring_up(time.monotonic() + timeout_s)
            return True

    def restart(self, timeout_s: float = 120.0) -> None:
        """Stop the server if it is alive and bring it up again, owning the root throughout. Raises as `ensure`."""
        with self._mutex:
            self._end_server()
            self.ensure(timeout_s)

    def stop(self) -> None:
        """End the server cleanly (transactions still open are rolled back) and give up the root. Safe to
        call at any time, and again."""
        with self._mutex:
            self._end_server()
            if self._spawner is not None:
                self._spawner.shutdown()
                self._spawner = None
            if self._outside is not None:
                shutil.rmtree(self._outside, ignore_errors=True)
                self._outside = None
            self._lock.release()

    def __enter__(self) -> EmbeddedPostgres:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # Owning the root

    def _own(self, role: Role, deadline: float) -> None:
        """Hold the lock, waiting for a command but not for a service."""
        pause = Pause(deadline)
        while not self._try_own(role):
            holder = self._lock.read()
            # A dead one's word stands for the moment before the new owner writes its own.
            if holder and holder.role == "service" and psutil.pid_exists(holder.pid):
                raise ConfigError(
                    f"Seedbed already runs on {self.root} (process {holder.pid}). "
                    "Stop that one first, or give this one another folder in SEEDBED_DATA_DIR."
                )
            if not pause():
                raise ConfigError(f"{self.root} is still in use by {_who(holder)}. Wait for it or stop it.")

    def _try_own(self, role: Role) -> bool:
        """Hold the lock and say so in it, or return False because somebody else does."""
        self.root.mkdir(parents=True, exist_ok=True)
        runner = account.choose(self.data, self._user)
        if not self._lock.take(runner):
            return False
        try:
            self._socket_dir = cluster.socket_folder(self.root, runner)
            self._lock.write(Holder(os.getpid(), role, str(self._socket_dir)))
        except BaseException:
            self._lock.release()
            raise
        return True

    # The server's life

    def _bring_up(self, deadline: float) -> None:
        """From a lock that is held, and no server of ours, to a server that answers."""
        runner = account.choose(self.data, self._user)
        major = cluster.major_of(self.data)
        programs = binaries.find(major, runner, self.root)
        cluster.end_survivors(self.data)
        cluster.remove_unfinished(self.data)
        if major is None:
            cluster.create(self.data, programs, runner)
        cluster.prepare_socket_folder(self._socket_dir, runner)
        if self._socket_dir.parent != self.root:
            self._outside = self._socket_dir
        log_offset = self._launch(programs, runner)
        pause = Pause(deadline)
        while not cluster.answers(self.data, self._socket_dir):
            if not self.running:
                words = cluster.complaint(self.log_path, log_offset)
                raise ConfigError(cluster.advised("PostgreSQL did not start", words))
            if not pause():
                self._end_server()
                raise ConfigError(f"PostgreSQL did not answer in time; {self.log_path} may say why.")

    def _launch(self, programs: Path, runner: Account) -> int:
        """Start the server process; returns where in the log its own words begin, in bytes.

        Linux ends a child when the *thread* that forked it ends, not the process: so one thread does all the
        forking and lives until `stop`, and callers may come from any thread.
        """
        if self._spawner is None:
            self._spawner = ThreadPoolExecutor(1, thread_name_prefix="embedded-postgres")
        log = cluster.open_log(self.log_path, runner)
        try:
            offset = os.fstat(log).st_size
            with account.names_for(runner, self.data, self._socket_dir) as ((data, run), descriptors):
                quoted = '"' + run.replace('"', '""') + '"'
                command = [str(programs / "postgres"), "-D", data, "-k", quoted]
                for name, value in SETTINGS.items():
                    command += ["-c", f"{name}={value}"]
                self._spawner.submit(self._spawn, command, log, descriptors, runner).result()
        finally:
            os.close(log)
        return offset

    def _spawn(self, command: list[str], log: int, descriptors: list[int], runner: Account) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=descriptors,
            start_new_session=True,  # Ctrl-C is for the owner, who stops the server last
            **runner.child_options(),
        )

    def _end_server(self) -> None:
        process = self._process
        if process is None:
            return
        patience_s = {signal.SIGINT: cluster.STOP_S, signal.SIGQUIT: 10.0, signal.SIGKILL: None}
        for number, longest_s in patience_s.items():
            if process.poll() is None:
                process.send_signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(longest_s)
        self._process = None


@contextlib.contextmanager
def connect_or_start(root: Path, *, user: str | None = None, timeout_s: float = 120.0) -> Iterator[str]:
    """The DSN of the database in `root`, whether or not somebody runs it already.

    Where a service or another command owns it, that one's server is used as soon as it answers. Else this
    process owns it for the length of the block; leaving the block waits for the other commands that came to
    use it meanwhile, then stops the server. Raises ConfigError as `EmbeddedPostgres.start` does, and when an
    owner's server does not answer within `timeout_s` seconds.
    """
    server = EmbeddedPostgres(root, user=user)
    guests = Lock(server.root / "guests")
    try:
        with _explained(server.root):
            dsn = _join(server, guests, timeout_s)
        yield dsn
    finally:
        try:
            if server.running:
                guests.wait_alone()
        finally:
            server.stop()
            guests.release()


def _join(server: EmbeddedPostgres, guests: Lock, timeout_s: float) -> str:
    """Become a guest, then the owner if there is none: an owner stops only while it is the only guest."""
    deadline = time.monotonic() + timeout_s
    pause = Pause(deadline)
    server.root.mkdir(parents=True, exist_ok=True)
    while True:
        if guests.held or guests.take(account.choose(server.data, server._user), shared=True):
            if server._try_own("command"):
                server._bring_up(deadline)
                return server.dsn
            holder = server._lock.read()
            if holder and cluster.answers(server.data, Path(holder.socket_dir)):
                return _dsn(Path(holder.socket_dir))
        if not pause():
            raise ConfigError(
                f"The database in {server.root} belongs to {_who(server._lock.read())} and has not answered for "
                f"{timeout_s:g} s; {server.log_path} may say why. Stop that process and try again."
            )


def _dsn(socket_dir: Path) -> str:
    # The port is spelt out, or else asyncpg takes it from PGPORT.
    return f"postgresql://{cluster.USER}@/{cluster.DATABASE}?host={quote(str(socket_dir))}&port=5432"


def _who(holder: Holder | None) -> str:
    return f"process {holder.pid}" if holder else "another process"


@contextlib.contextmanager
def _explained(root: Path) -> Iterator[None]:
    """Turn what the operating system refuses into what the operator should do."""
    try:
        yield
    except OSError as error:
        raise ConfigError(cluster.advised(f"The database folder {root} cannot be used", str(error))) from error
