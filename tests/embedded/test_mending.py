"""What an operator must mend before the embedded PostgreSQL can start, said in words."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.embedded.conftest import IS_ROOT, ORDINARY, Owner, only_root, query


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
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk], capture_output=True, text=True)
        assert done.returncode == 0, f"root may not mount here; give it CAP_SYS_ADMIN: {done.stderr}"
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
