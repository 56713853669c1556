"""Several processes and one embedded PostgreSQL: services, commands, and who waits for whom."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from seedbed.embedded import connect_or_start
from seedbed.embedded.account import Account
from seedbed.embedded.lock import Holder, Lock
from seedbed.errors import ConfigError
from tests.embedded.conftest import Owner, log_of, processes_in, query


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
    assert processes_in(root / "data") == []


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
    assert processes_in(made / "data") == []


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
    assert processes_in(made / "data") == []
    assert log_of(made).rstrip().endswith("database system is shut down")
