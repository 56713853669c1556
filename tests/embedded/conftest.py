"""What the tests of the embedded PostgreSQL stand on: its owner in a process of its own, and its folders.

Most tests run twice: with an owner that is root (skipped when the tests are not) inside folders closed to
everybody else, and with an ordinary one. The owner is a process of its own (owner.py), so that it can be
killed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from seedbed.embedded import EmbeddedPostgres, binaries
from seedbed.embedded.account import Account

IS_ROOT = os.geteuid() == 0
OWNER = Path(__file__).with_name("owner.py")
ORDINARY = pwd.getpwnam("nobody") if IS_ROOT else pwd.getpwuid(os.geteuid())
only_root = pytest.mark.skipif(not IS_ROOT, reason="root becomes another user")


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


def copy_wheel(to: Path) -> Path:
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
        copy_wheel(Path(_packages[0].name))
    return _packages[0].name


def processes_in(data: Path) -> list[psutil.Process]:
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
    left = [process for data in folder.rglob("data") for process in processes_in(data)]
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


def log_of(root: Path) -> str:
    return (root / "postgres.log").read_text()
