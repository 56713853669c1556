"""The embedded PostgreSQL, with real servers and real processes that are really killed.

Most tests run twice: with an owner that is root (skipped when the tests are not) inside folders closed to
everybody else, and with an ordinary one. The owner is a process of its own (embedded_owner.py), so that it
can be killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import importlib.util
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from seedbed.embedded import EmbeddedPostgres, binaries, cluster, connect_or_start
from seedbed.embedded.account import Account
from seedbed.embedded.lock import Holder, Lock
from seedbed.errors import ConfigError

IS_ROOT = os.geteuid() == 0
OWNER = Path(__file__).with_name("embedded_owner.py")
ORDINARY = pwd.getpwnam("nobody") if IS_ROOT else pwd.getpwuid(os.geteuid())
only_root = pytest.mark.skipif(not IS_ROOT, reason="root becomes another user")
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of the dead")


# The other process


class Owner:
    """A process that owns the database or uses it, and does what it is told over its standard input."""

    def __init__(self, root: Path, *, ordinary: bool, role: str = "service", **options: str) -> None:
        options |= {"root": os.fsencode(root).hex(), "role": role}
        if ordinary and IS_ROOT:
            options["become"] = ORDINARY.pw_name
            options.setdefault("packages", _reachable_packages())
        self.process = subprocess.Popen(
            [sys.executable, OWNER, json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PGPORT": "1", "PGHOST": "/nowhere", "PGDATA": "/nowhere", "PGOPTIONS": "-c x=y"},
        )
        assert self.hear() == "ready"

    def tell(self, *words: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def hear(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def ask(self, *words: Any) -> Any:
        self.tell(*words)
        return self.hear()

    def enter(self) -> str:
        """Start or join the database; its DSN."""
        answer = self.ask("enter")
        assert "dsn" in answer, answer
        return answer["dsn"]

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        self.process.send_signal(number)
        self.process.wait()

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


_packages: list[tempfile.TemporaryDirectory[str]] = []


def _wheel() -> Path:
    spec = importlib.util.find_spec(binaries.PACKAGE)
    assert spec
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


def _copy_wheel(to: Path) -> Path:
    package = _wheel()
    unneeded = shutil.ignore_patterns("*.a", "include", "pginstall")
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.exists():
            shutil.copytree(folder, to / folder.name, symlinks=True, ignore=unneeded)
    return to


def _reachable_packages() -> str:
    """Where the ordinary user finds the wheel: a checkout under /root is closed to it."""
    package = _wheel()
    if Account(ORDINARY.pw_uid, ORDINARY.pw_gid, dropped=True).reaches(package):
        return str(package.parent)
    if not _packages:
        _packages.append(tempfile.TemporaryDirectory())
        Path(_packages[0].name).chmod(0o755)
        _copy_wheel(Path(_packages[0].name))
    return _packages[0].name


# Fixtures


def _processes_in(data: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.Error):
            if process.info["name"] == "postgres" and process.cwd() == str(data):
                found.append(process)
    return found


@pytest.fixture(params=[pytest.param("root", marks=only_root), "ordinary"])
def ordinary(request: pytest.FixtureRequest) -> bool:
    return request.param == "ordinary"


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """An empty folder for roots: closed to all but root, or the ordinary user's."""
    if "ordinary" in request.fixturenames and request.getfixturevalue("ordinary") and IS_ROOT:
        folder = Path(tempfile.mkdtemp(dir="/tmp"))
        os.chown(folder, ORDINARY.pw_uid, ORDINARY.pw_gid)
    else:
        folder = tmp_path
        folder.chmod(0o700)
    yield folder
    left = [process for data in folder.rglob("data") for process in _processes_in(data)]
    for process in left:
        process.kill()
    shutil.rmtree(folder)
    assert not left


@pytest.fixture
def root(place: Path) -> Path:
    """Where no database was yet."""
    return place / "postgres"


@pytest.fixture(scope="session")
def cleanly_stopped() -> Iterator[Path]:
    """A database to copy, as making one takes half a second."""
    with tempfile.TemporaryDirectory() as name:
        with EmbeddedPostgres(Path(name) / "postgres"):
            pass
        yield Path(name) / "postgres"


@pytest.fixture
def made(root: Path, cleanly_stopped: Path) -> Path:
    """Where there is a database already."""
    root.mkdir()
    shutil.copystat(root.parent, root)
    os.chown(root, root.parent.stat().st_uid, root.parent.stat().st_gid)
    subprocess.run(["cp", "-a", cleanly_stopped / "data", root], check=True)
    return root


@pytest.fixture
def owners(ordinary: bool, place: Path) -> Iterator[Callable[..., Owner]]:
    """Makes owners, and ends them."""
    owners: list[Owner] = []

    def make(root: Path, **options: str) -> Owner:
        owners.append(Owner(root, ordinary=ordinary, **options))
        return owners[-1]

    yield make
    for owner in owners:
        owner.close()


async def query(dsn: str, statement: str, *values: Any) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(statement, *values)
    finally:
        await connection.close()


async def gone(data: Path) -> None:
    """Wait until nothing runs on `data`."""
    while _processes_in(data):
        await asyncio.sleep(0.05)


def ended(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    return True


def adopt_orphans(wanted: bool) -> None:
    """Become the parent of descendants that lose theirs, or (on a change of mind) reap what came of it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, int(wanted), 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    if not wanted:
        for child in psutil.Process().children():
            if child.name() == "postgres" and child.status() == psutil.STATUS_ZOMBIE:
                child.wait()


def log_of(root: Path) -> str:
    return (root / "postgres.log").read_text()


# A database that works


async def test_a_new_database_is_as_promised(owners: Callable[..., Owner], root: Path, ordinary: bool) -> None:
    owner = owners(root)
    dsn = owner.enter()

    connection = await asyncpg.connect(dsn)
    shown = {row["name"]: row["setting"] for row in await connection.fetch("SELECT name, setting FROM pg_settings")}
    locale = await connection.fetchrow(
        "SELECT datlocprovider::text, datlocale, pg_encoding_to_char(encoding) AS encoding, datname"
        " FROM pg_database WHERE datname = current_database()"
    )
    await connection.close()

    assert {name: shown[name] for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")} == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
    }
    assert (shown["max_connections"], int(shown["shared_buffers"]) * 8192) == ("200", 128 << 20)
    assert (shown["TimeZone"], shown["log_timezone"], shown["log_statement"]) == ("UTC", "UTC", "none")
    assert shown["listen_addresses"] == ""
    assert dict(locale) == {"datlocprovider": "b", "datlocale": "C.UTF-8", "encoding": "UTF8", "datname": "seedbed"}

    server = psutil.Process(owner.ask("pid"))
    assert server.uids().effective == ORDINARY.pw_uid != 0
    assert server.net_connections("inet") == []
    run = (root / "run").stat()
    assert (stat.S_IMODE(run.st_mode), run.st_uid) == (0o700, ORDINARY.pw_uid)
    assert stat.S_IMODE((root / "postgres.log").stat().st_mode) == 0o600
    assert owner.ask("imported") is False


async def test_both_drivers_take_the_dsn(owners: Callable[..., Owner], made: Path) -> None:
    dsn = owners(made).enter()
    assert dsn.startswith("postgresql://")
    assert await query(dsn, "SELECT current_database()") == "seedbed"
    assert await through_sqlalchemy(dsn) == "seedbed"


async def through_sqlalchemy(dsn: str) -> Any:
    engine = create_async_engine(make_url(dsn).set(drivername="postgresql+asyncpg"))
    async with engine.connect() as connection:
        answer = (await connection.execute(text("SELECT current_database()"))).scalar()
    await engine.dispose()
    return answer


PATHS = [
    "with blanks and 'quotes' \"both\"",
    "Ünïcödé 動画 & % + # ?:8",
    "\udcff bytes",
    "one, two",
    "long " + "x" * 150,
]


@pytest.mark.parametrize(
    ("ordinary", "name"),
    [(True, name) for name in PATHS] + [pytest.param(False, name, marks=only_root) for name in PATHS[2:]],
)
async def test_any_path_works_with_both_drivers(
    owners: Callable[..., Owner], place: Path, ordinary: bool, name: str
) -> None:
    root = place / name / "postgres"
    owner = owners(root)
    dsn = owner.enter()
    assert await query(dsn, "SELECT current_database()") == "seedbed"
    assert await through_sqlalchemy(dsn) == "seedbed"

    socket_dir = Path(make_url(dsn).query["host"])
    assert Path(json.loads((root / "lock").read_bytes())["socket_dir"]) == socket_dir
    if not socket_dir.is_relative_to(root):
        found = socket_dir.stat()
        assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o700, ORDINARY.pw_uid)
        owner.ask("leave")
        assert not socket_dir.exists()


async def test_a_socket_folder_that_somebody_else_made_is_refused(
    owners: Callable[..., Owner], place: Path, tmp_path: Path
) -> None:
    root = place / ("x" * 100) / "postgres"
    folder = cluster.socket_folder(root, Account(ORDINARY.pw_uid, ORDINARY.pw_gid, dropped=False))
    owner = owners(root)

    def refused() -> bool:
        error = owner.ask("enter")["error"]
        return str(folder) in error and "Find out who made it" in error

    try:
        folder.mkdir()
        folder.chmod(0o777)
        assert refused()
        folder.rmdir()
        target = tmp_path / "elsewhere"
        target.mkdir(mode=0o700)
        (target / f"{cluster.SOCKET_NAME}").touch()
        folder.symlink_to(target)
        assert refused()
        assert (target / f"{cluster.SOCKET_NAME}").exists()
        folder.unlink()
        if IS_ROOT:
            folder.mkdir(mode=0o700)
            os.chown(folder, 12345, 12345)
            assert refused()
            folder.rmdir()
        owner.enter()
    finally:
        owner.ask("leave")
        assert not folder.exists()


async def test_statements_stay_out_of_the_log(owners: Callable[..., Owner], made: Path) -> None:
    dsn = owners(made).enter()
    with pytest.raises(asyncpg.DivisionByZeroError):
        await query(dsn, "SELECT 'open sesame', 1 / 0")
    assert "division by zero" in log_of(made)
    assert "open sesame" not in log_of(made)


async def test_an_overlong_log_is_put_aside(owners: Callable[..., Owner], made: Path) -> None:
    owner = owners(made)
    owner.enter()
    owner.ask("leave")
    with (made / "postgres.log").open("a") as log:
        log.write("x" * (10 << 20))
    owner.enter()
    assert (made / "postgres.log.1").stat().st_size > 10 << 20
    assert "ready to accept connections" in log_of(made)
    assert len(log_of(made)) < 10_000


async def test_operators_settings_cannot_undo_durability(owners: Callable[..., Owner], made: Path) -> None:
    owner = owners(made)
    dsn = owner.enter()
    await query(dsn, "ALTER SYSTEM SET fsync = off")
    await query(dsn, "ALTER SYSTEM SET listen_addresses = '*'")
    owner.ask("restart")
    assert await query(dsn, "SHOW fsync") == "on"
    assert await query(dsn, "SHOW listen_addresses") == ""


# Every way to end


async def commit_rows(dsn: str, then: Callable[[], None]) -> list[int]:
    """Insert row after row from four connections, call `then` in the midst of it; the rows acknowledged."""
    await query(dsn, "CREATE TABLE IF NOT EXISTS kept (n bigint PRIMARY KEY)")
    done: list[int] = []

    async def write(first: int) -> None:
        with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
            connection = await asyncpg.connect(dsn)
            try:
                for n in range(first, first + 100_000):
                    await connection.execute("INSERT INTO kept VALUES ($1)", n)
                    done.append(n)
            finally:
                connection.terminate()

    writers = [asyncio.create_task(write(100_000 * i)) for i in range(4)]
    while len(done) < 100:
        await asyncio.sleep(0.005)
    await asyncio.to_thread(then)
    await asyncio.gather(*writers)
    return done


async def none_lost(dsn: str, rows: list[int]) -> bool:
    return bool(await query(dsn, "SELECT count(*) FROM kept WHERE n = ANY($1)", rows) == len(rows) >= 100)


@only_linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_killed_owner_takes_its_server_with_it_cleanly(
    owners: Callable[..., Owner], made: Path, number: signal.Signals
) -> None:
    owner = owners(made)
    rows = await commit_rows(owner.enter(), lambda: owner.kill(number))
    await gone(made / "data")
    assert log_of(made).rstrip().endswith("database system is shut down")
    assert not (made / "data" / "postmaster.pid").exists()

    again = owners(made).enter()
    assert "was not properly shut down" not in log_of(made)
    assert await none_lost(again, rows)


@only_linux
async def test_a_start_waits_for_the_last_owners_server_to_end(owners: Callable[..., Owner], made: Path) -> None:
    owner = owners(made)
    rows = await commit_rows(owner.enter(), owner.kill)
    dsn = owners(made).enter()
    assert "was not properly shut down" not in log_of(made)
    assert await none_lost(dsn, rows)


@pytest.mark.parametrize("first", ["owner", "server"])
async def test_no_row_is_lost_when_both_are_killed(owners: Callable[..., Owner], made: Path, first: str) -> None:
    owner = owners(made)
    dsn = owner.enter()
    server = psutil.Process(owner.ask("pid"))

    def kill_both() -> None:
        if first == "owner":
            server.suspend()  # or else it would begin a clean stop
            owner.kill()
            server.kill()
        else:
            server.kill()
            owner.kill()

    rows = await commit_rows(dsn, kill_both)
    assert (made / "data" / "postmaster.pid").exists()
    again = owners(made).enter()
    assert "was not properly shut down" in log_of(made)
    assert await none_lost(again, rows)


async def test_a_server_without_an_owner_is_ended_first(owners: Callable[..., Owner], made: Path) -> None:
    """As it is where the system does not end it: on macOS, or for the moment of its clean stop.

    Nobody reaps it here, as in a container whose first process does not: that must not hold up the start.
    """
    adopt_orphans(True)
    owner = owners(made)
    dsn = owner.enter()
    await query(dsn, "CREATE TABLE kept AS SELECT 7 AS n")
    server = psutil.Process(owner.ask("pid"))
    server.suspend()
    owner.kill()
    waking = threading.Timer(0.5, server.resume)
    waking.start()
    try:
        dsn = await asyncio.wait_for(asyncio.to_thread(owners(made).enter), cluster.STOP_S - 5)
        assert await query(dsn, "SELECT n FROM kept") == 7
    finally:
        waking.join()
        adopt_orphans(False)
    assert ended(server)


async def test_backends_that_outlive_their_postmaster_are_ended(owners: Callable[..., Owner], made: Path) -> None:
    owner = owners(made)
    dsn = owner.enter()
    await query(dsn, "CREATE TABLE kept AS SELECT 7 AS n")
    held = await asyncpg.connect(dsn)
    backend = psutil.Process(await held.fetchval("SELECT pg_backend_pid()"))
    backend.suspend()
    psutil.Process(owner.ask("pid")).kill()
    owner.kill()
    assert backend.is_running()

    assert await query(owners(made).enter(), "SELECT n FROM kept") == 7
    assert ended(backend)
    held.terminate()


async def test_a_stale_pid_file_harms_nobody(owners: Callable[..., Owner], made: Path, place: Path) -> None:
    """Neither a process called postgres that works elsewhere, nor another program in our folder."""
    owner = owners(made)
    dsn = owner.enter()
    await query(dsn, "CREATE TABLE kept AS SELECT 7 AS n")
    psutil.Process(owner.ask("pid")).kill()
    owner.kill()
    await gone(made / "data")

    named = place / "postgres-elsewhere" / "postgres"
    named.parent.mkdir()
    shutil.copy(shutil.which("sleep") or "", named)
    pid_file = made / "data" / "postmaster.pid"
    rest = pid_file.read_text().partition("\n")[2]
    bystanders = [
        subprocess.Popen([named, "60"], cwd=named.parent),
        subprocess.Popen(["sleep", "60"], cwd=made / "data"),
    ]
    try:
        for bystander in bystanders:
            pid_file.write_text(f"{bystander.pid}\n{rest}")
            again = owners(made)
            assert await query(again.enter(), "SELECT n FROM kept") == 7
            psutil.Process(again.ask("pid")).kill()
            again.kill()
            await gone(made / "data")
        assert [bystander.poll() for bystander in bystanders] == [None, None]
    finally:
        for bystander in bystanders:
            bystander.kill()
            bystander.wait()


async def test_ensure_brings_a_dead_server_back(owners: Callable[..., Owner], made: Path) -> None:
    owner = owners(made)
    dsn = owner.enter()
    rows = await commit_rows(dsn, psutil.Process(owner.ask("pid")).kill)
    while owner.ask("running"):  # a killed process takes a moment to die
        await asyncio.sleep(0.01)
    assert owner.ask("ensure") is True
    assert owner.ask("running") is True
    assert owner.ask("ensure") is False
    assert await none_lost(dsn, rows)


async def test_restart_gives_a_new_server_under_the_same_dsn(owners: Callable[..., Owner], made: Path) -> None:
    owner = owners(made)
    dsn = owner.enter()
    before = owner.ask("pid")
    owner.ask("restart")
    assert owner.ask("pid") != before
    assert await query(dsn, "SELECT 1") == 1
    assert "interrupted" not in log_of(made)


async def test_a_forked_child_of_a_killed_owner_holds_nothing(owners: Callable[..., Owner], made: Path) -> None:
    owner = owners(made)
    owner.enter()
    child = psutil.Process(owner.ask("fork"))
    owner.kill()
    assert await query(owners(made).enter(), "SELECT 1") == 1
    assert child.is_running()
    child.kill()


async def test_a_start_that_was_killed_leaves_nothing_half_made(owners: Callable[..., Owner], root: Path) -> None:
    owner = owners(root)
    owner.tell("enter")
    while not list(root.glob("data.new-*/PG_VERSION")):
        await asyncio.sleep(0.005)
    owner.kill()
    assert not (root / "data").exists()
    again = owners(root)
    assert await query(again.enter(), "SELECT current_database()") == "seedbed"
    again.ask("leave")
    again.enter()
    assert list(root.glob("data.new-*")) == []


async def test_the_server_outlives_the_thread_that_started_it(made: Path) -> None:
    server = EmbeddedPostgres(made)
    try:
        starter = threading.Thread(target=server.start)
        starter.start()
        starter.join()
        assert await query(server.dsn, "SELECT pg_sleep(0.2)::text") == ""
        assert server.running
    finally:
        server.stop()
    assert not server.running
    server.stop()


async def test_ensure_is_only_for_the_started(place: Path) -> None:
    with pytest.raises(RuntimeError, match="started and not stopped"):
        EmbeddedPostgres(place / "postgres").ensure()


# Several processes


async def test_a_second_service_is_told_who_runs(owners: Callable[..., Owner], made: Path) -> None:
    first, second = owners(made), owners(made)
    dsn = first.enter()
    assert second.ask("enter") == {
        "error": f"Seedbed already runs on {made} (process {first.process.pid}). "
        "Stop that one first, or give this one another folder in SEEDBED_DATA_DIR."
    }
    assert await query(dsn, "SELECT 1") == 1
    first.ask("leave")
    assert await query(second.enter(), "SELECT 1") == 1


async def test_of_two_services_at_once_one_runs(owners: Callable[..., Owner], root: Path) -> None:
    pair = [owners(root), owners(root)]
    at = time.monotonic() + 0.2
    for owner in pair:
        owner.tell("enter", at)
    answers = [owner.hear() for owner in pair]
    assert sorted(key for answer in answers for key in answer) == ["dsn", "error"]
    assert log_of(root).count("starting PostgreSQL") == 1


async def test_commands_at_once_share_one_server(owners: Callable[..., Owner], root: Path) -> None:
    commands = [owners(root, role="command") for _ in range(4)]
    at = time.monotonic() + 0.2
    for command in commands:
        command.tell("enter", at)
    assert len({command.hear()["dsn"] for command in commands}) == 1
    assert log_of(root).count("starting PostgreSQL") == 1
    for command in commands:
        command.tell("leave")
    for command in commands:
        command.hear()
    assert _processes_in(root / "data") == []


async def test_a_command_stays_for_those_who_joined_it(owners: Callable[..., Owner], made: Path) -> None:
    first, second = owners(made, role="command"), owners(made, role="command")
    first.enter()
    dsn = second.enter()
    first.tell("leave")
    with pytest.raises(subprocess.TimeoutExpired):
        first.process.wait(0.3)
    assert await query(dsn, "SELECT 1") == 1
    second.ask("leave")
    first.hear()
    assert _processes_in(made / "data") == []


async def test_a_command_uses_the_service_and_leaves_it_running(owners: Callable[..., Owner], made: Path) -> None:
    service, command = owners(made), owners(made, role="command")
    service.tell("enter")
    while '"service"' not in ((made / "lock").read_text() if (made / "lock").exists() else ""):
        await asyncio.sleep(0.001)
    dsn = command.enter()
    assert service.hear() == {"dsn": dsn}
    command.ask("leave")
    assert await query(dsn, "SELECT 1") == 1


async def test_a_service_waits_for_a_command(owners: Callable[..., Owner], made: Path) -> None:
    command, service = owners(made, role="command"), owners(made)
    command.enter()
    service.tell("enter")
    await asyncio.sleep(0.2)
    command.ask("leave")
    assert "dsn" in service.hear()


async def test_a_command_gives_up_on_an_owner_whose_server_is_silent(place: Path) -> None:
    root = place / "postgres"
    root.mkdir()
    lock = Lock(root / "lock")
    assert lock.take(Account(os.geteuid(), os.getegid(), dropped=False))
    lock.write(Holder(os.getpid(), "service", str(root / "run")))
    with (
        pytest.raises(ConfigError, match=f"belongs to process {os.getpid()} and has not answered for 0.1 s"),
        connect_or_start(root, timeout_s=0.1),
    ):
        pytest.fail("there is no server")
    lock.release()


async def test_a_failing_command_stops_its_server(made: Path) -> None:
    async def fail() -> None:
        with connect_or_start(made) as dsn:
            await query(dsn, "SELECT 1 / 0")

    with pytest.raises(asyncpg.DivisionByZeroError):
        await fail()
    assert _processes_in(made / "data") == []
    assert log_of(made).rstrip().endswith("database system is shut down")


# What the operator must mend


def test_a_file_in_the_folders_place(owners: Callable[..., Owner], root: Path) -> None:
    root.write_text("mine")
    error = owners(root).ask("enter")["error"]
    assert f"The database folder {root} cannot be used" in error
    assert error.endswith("Set SEEDBED_DATA_DIR to a folder.")
    assert root.read_text() == "mine"


@pytest.mark.parametrize("ordinary", [True])
def test_a_folder_that_cannot_be_written(owners: Callable[..., Owner], place: Path, ordinary: bool) -> None:
    place.chmod(0o500)
    try:
        error = owners(place / "postgres").ask("enter")["error"]
    finally:
        place.chmod(0o700)
    assert "Permission denied" in error
    assert error.endswith("Run as the user who owns that folder, or set SEEDBED_DATA_DIR to one of your own.")


async def test_another_major_version_is_left_alone(owners: Callable[..., Owner], made: Path) -> None:
    owner = owners(made)
    await query(owner.enter(), "CREATE TABLE kept AS SELECT 7 AS n")
    owner.ask("leave")
    version = made / "data" / "PG_VERSION"
    ours = version.read_text()
    version.write_text("12\n")
    before = {path: path.stat().st_mtime_ns for path in (made / "data").rglob("*")}

    error = owner.ask("enter")["error"]
    assert f"The database in {made} is of PostgreSQL 12; this installation has" in error
    assert ours.strip() in error
    assert "pg_dump" in error
    assert {path: path.stat().st_mtime_ns for path in (made / "data").rglob("*")} == before

    version.write_text(ours)
    assert await query(owner.enter(), "SELECT n FROM kept") == 7


def test_files_that_are_no_database_are_left_alone(owners: Callable[..., Owner], root: Path) -> None:
    (root / "data").mkdir(parents=True)
    (root / "data" / "letter.txt").write_text("mine")
    if IS_ROOT:
        for folder in (root, root / "data"):
            os.chown(folder, ORDINARY.pw_uid, ORDINARY.pw_gid)
    error = owners(root).ask("enter")["error"]
    assert error.startswith(f"{root / 'data'} holds files but no PostgreSQL database.")
    assert [path.name for path in (root / "data").iterdir()] == ["letter.txt"]


async def test_a_server_that_will_not_start_says_why_and_can_be_mended(
    owners: Callable[..., Owner], made: Path
) -> None:
    owner = owners(made)
    owner.enter()
    owner.ask("leave")
    configuration = made / "data" / "postgresql.conf"
    good = configuration.read_text()
    configuration.write_text(f"{good}\nbogus_setting = 1\n")
    error = owner.ask("enter")["error"]
    assert error.startswith("PostgreSQL did not start: ")
    assert "contains errors" in error
    configuration.write_text(good)
    assert await query(owner.enter(), "SELECT 1") == 1


@pytest.fixture
def small_disk(place: Path) -> Iterator[Callable[[int], Path]]:
    """A disk of so many MB, mounted; called again it changes its size."""
    disk = place / "disk"
    disk.mkdir()

    def resize(size_mb: int) -> Path:
        options = f"{'remount,' if disk.is_mount() else ''}size={size_mb}m"
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk], capture_output=True).returncode:
            pytest.skip("this machine lets nobody mount")
        os.chown(disk, ORDINARY.pw_uid, ORDINARY.pw_gid)
        return disk

    yield resize
    if disk.is_mount():
        subprocess.run(["umount", disk], check=True)


@only_root
@pytest.mark.parametrize("ordinary", [False])
async def test_a_full_disk(
    small_disk: Callable[[int], Path], owners: Callable[..., Owner], request: pytest.FixtureRequest, ordinary: bool
) -> None:
    root = small_disk(20) / "postgres"
    owner = owners(root)
    request.addfinalizer(owner.close)
    enough = "Free some space and start again; nothing that was stored is lost."
    error = owner.ask("enter")["error"]
    assert error.startswith("The embedded database could not be created: ")
    assert error.endswith(enough)
    assert list(root.glob("data*")) == []

    small_disk(100)
    await query(owner.enter(), "CREATE TABLE kept AS SELECT 7 AS n")
    owner.ask("leave")
    ballast = root / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))
    error = owner.ask("enter")["error"]
    assert "No space left on device" in error
    assert error.endswith(enough)

    ballast.unlink()
    assert await query(owner.enter(), "SELECT n FROM kept") == 7
    owner.ask("leave")


# Root


@only_root
def test_root_needs_somebody_to_become(tmp_path: Path) -> None:
    for name in ("root", "no-such-user"):
        with pytest.raises(ConfigError, match=f"refuses to run as root, and '{name}' is no other user"):
            EmbeddedPostgres(tmp_path / "postgres", user=name).start()


@only_root
@pytest.mark.parametrize("closed", [True, False])
async def test_root_opens_nothing_and_copies_the_binaries(closed: bool) -> None:
    """A checkout in a private home: nothing there may become readable to others, and it must simply work."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        top = Path(name)
        top.chmod(0o755)
        home, cache = top / "home", top / "cache"
        home.mkdir(mode=0o700)
        packages = home / "site-packages"
        _copy_wheel(packages)
        root = (home if closed else top) / "data" / "postgres"
        before = {path: stat.S_IMODE(path.stat().st_mode) for path in (home, *packages.rglob("*"))}

        for _ in range(2):
            owner = Owner(root, ordinary=False, packages=str(packages), cache=str(cache))
            try:
                assert await query(owner.enter(), "SELECT 1") == 1
                program = Path(psutil.Process(owner.ask("pid")).exe())
            finally:
                owner.close()
            assert program.is_relative_to(cache if closed else root / "bin")
            assert len(list((cache if closed else root / "bin").iterdir())) == 1
        assert {path: stat.S_IMODE(path.stat().st_mode) for path in (home, *packages.rglob("*"))} == before
        assert cache.exists() is closed


@only_root
@pytest.mark.parametrize("ordinary", [True])
async def test_root_runs_an_ordinary_users_database_as_that_user(
    owners: Callable[..., Owner], made: Path, ordinary: bool
) -> None:
    owner = owners(made)
    await query(owner.enter(), "CREATE TABLE kept AS SELECT 7 AS n")
    owner.ask("leave")
    with EmbeddedPostgres(made, user="daemon") as server:
        assert server.pid
        assert psutil.Process(server.pid).uids().effective == ORDINARY.pw_uid
        assert await query(server.dsn, "SELECT n FROM kept") == 7
    assert await query(owner.enter(), "SELECT n FROM kept") == 7


@only_root
async def test_root_may_choose_the_user(place: Path) -> None:
    with EmbeddedPostgres(place / "postgres", user="daemon") as server:
        assert server.pid
        assert psutil.Process(server.pid).username() == "daemon"
        assert await query(server.dsn, "SELECT 1") == 1


@only_root
@pytest.mark.parametrize("ordinary", [True])
def test_an_ordinary_user_is_told_of_anothers_database(
    owners: Callable[..., Owner], place: Path, ordinary: bool
) -> None:
    root = place / "postgres"
    with EmbeddedPostgres(root, user="daemon"):
        pass
    error = owners(root).ask("enter")["error"]
    assert "Permission denied" in error
    assert "Run as the user who owns that folder" in error
