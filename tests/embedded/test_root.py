"""The embedded PostgreSQL of an owner that is root."""

from __future__ import annotations

import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from seedbed.embedded import EmbeddedPostgres
from seedbed.errors import ConfigError
from tests.embedded.conftest import ORDINARY, Owner, copy_wheel, only_root, query


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
        copy_wheel(packages)
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
