"""The embedded PostgreSQL works: settings, drivers, paths, its log."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from seedbed.embedded import cluster
from seedbed.embedded.account import Account
from tests.embedded.conftest import IS_ROOT, ORDINARY, Owner, log_of, only_root, query


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
