"""Scratch folders for renders: one a render, all under one a process, swept when their owner was killed.

Owns `<data_dir>/scratch`. A process holds a lock on its own folder for as long as it lives, so that the
next one to start can tell whose folders are orphans and remove them.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Scratch:
    """This process's scratch space under `root`. Call `close` at the end."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root):
            # A new folder is locked before anybody else may sweep.
            _sweep(root)
            self._home = Path(tempfile.mkdtemp(prefix="worker-", dir=root))
            self._lock = os.open(self._home, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A fresh, empty folder, removed with all that is in it."""
        place = Path(tempfile.mkdtemp(dir=self._home))
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def close(self) -> None:
        shutil.rmtree(self._home, ignore_errors=True)
        os.close(self._lock)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _sweep(root: Path) -> None:
    """Remove the folders of processes that are gone."""
    for home in root.glob("worker-*"):
        try:
            lock = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(home, ignore_errors=True)
        finally:
            os.close(lock)
