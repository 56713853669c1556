"""Every way in which the embedded PostgreSQL can end, with real processes that are really killed."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import asyncpg
import psutil
import pytest

from seedbed.embedded import EmbeddedPostgres, cluster
from tests.embedded.conftest import Owner, log_of, processes_in, query

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of the dead")


async def gone(data: Path) -> None:
    """Wait until nothing runs on `data`."""
    while processes_in(data):
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
