"""The folder: whole objects or none, whatever is killed, full or gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from seedbed.storage import Patience, Storage, StorageError
from tests.storage.conftest import DAY_S, KEY, PUT, child, file_of, opened


def visible(root: Path) -> list[Path]:
    """The files that a key can reach."""
    return [path for path in root.rglob("*") if path.is_file() and ".partial" not in path.parts]


@pytest.mark.parametrize("pieces", [0, 1, 3])
async def test_kill_in_mid_put_leaves_no_visible_object(tmp_path: Path, pieces: int) -> None:
    root, pipe = tmp_path / "files", tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = child(PUT, root, pipe, KEY)
    with pipe.open("wb", buffering=0) as feed:
        for _ in range(pieces):
            feed.write(bytes(1 << 20))
        feed.write(b"x")
        while len(list((root / ".partial").iterdir())) == 0:
            time.sleep(0.01)
        writer.send_signal(signal.SIGKILL)
        assert writer.communicate()[0] == ""
    assert writer.returncode == -signal.SIGKILL
    assert visible(root) == []
    left = list((root / ".partial").iterdir())
    assert len(left) == 1

    opened(root).close()
    assert left[0].exists()
    os.utime(left[0], times=(time.time() - DAY_S - 60,) * 2)
    store = opened(root)
    assert not left[0].exists()
    await store.put(KEY, file_of(tmp_path, 10), "video/mp4")
    assert [path.relative_to(root).as_posix() for path in visible(root)] == [KEY]
    store.close()


async def test_cancelling_a_put_stops_it_and_cleans_up(tmp_path: Path, local: Storage) -> None:
    root, pipe = tmp_path / "files", tmp_path / "pipe"
    os.mkfifo(pipe)
    putting = asyncio.create_task(local.put(KEY, pipe, "video/mp4"))
    feed = await asyncio.to_thread(pipe.open, "wb", 0)
    with feed:
        await asyncio.to_thread(feed.write, bytes(2 << 20))
        putting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await putting
        with contextlib.suppress(BrokenPipeError):
            await asyncio.to_thread(feed.write, bytes(2 << 20))
    async with asyncio.timeout(10):
        while list((root / ".partial").iterdir()):
            await asyncio.sleep(0.01)
    assert visible(root) == []


async def test_an_endless_source_is_given_up(tmp_path: Path) -> None:
    root, pipe = tmp_path / "files", tmp_path / "pipe"
    os.mkfifo(pipe)
    store = opened(root, patience=Patience(upload_timeout_s=0.1))
    putting = asyncio.create_task(store.put(KEY, pipe, "video/mp4"))
    with await asyncio.to_thread(pipe.open, "wb", 0), pytest.raises(StorageError, match=r"took over 0\.1 s"):
        await putting
    store.close()
    assert visible(root) == []


REPORT = """
try:
    await store.put(key, Path(source), "video/mp4")
except StorageError as error:
    print("refused:", error)
small = Path(source).with_name("small")
small.write_bytes(b"small")
print((await store.put("outputs/small", small, "video/mp4")).size_bytes)
print(sorted(str(path.relative_to(root)) for path in Path(root).rglob("*") if path.is_file()))
"""


def can_mount() -> bool:
    trial = ["unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt"]
    with contextlib.suppress(OSError):
        return subprocess.run(trial, capture_output=True, timeout=10).returncode == 0
    return False


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    assert can_mount(), "a disk of its own takes a mount namespace: run the tests as root, or allow them to users"
    (tmp_path / "files").mkdir()
    script = 'mount -t tmpfs -o size=4m tmpfs "$0" && exec "$@"'
    before = ("unshare", "-rm", "sh", "-c", script, str(tmp_path / "files"))
    process = child(REPORT, tmp_path / "files", file_of(tmp_path, 8 << 20), KEY, before=before)
    out, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")
    assert out.splitlines() == [f"refused: storing {KEY}: No space left on device", "5", "['outputs/small']"]


def test_a_file_over_the_limit_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    before = ("sh", "-c", 'ulimit -f 4096; exec "$@"', "sh")
    process = child(REPORT, tmp_path / "files", file_of(tmp_path, 8 << 20), KEY, before=before)
    out, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")
    assert out.splitlines() == [f"refused: storing {KEY}: File too large", "5", "['outputs/small']"]


async def test_ready_fails_when_the_folder_is_gone(tmp_path: Path, local: Storage) -> None:
    (tmp_path / "files" / ".partial").rmdir()
    with pytest.raises(StorageError):
        await local.ready()
    (tmp_path / "files" / ".partial").mkdir()
    await local.ready()
    assert list((tmp_path / "files").rglob("*")) == [tmp_path / "files" / ".partial"]
