"""Who uses the embedded database: locks that the kernel gives up when their holder dies.

Owns the files `lock` and `guests` of the root. They are never removed, since a removed file can be locked
by two. Never waits longer than it is told to.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Literal

from seedbed.embedded.account import Account, open_private

Role = Literal["service", "command"]


@dataclass(frozen=True, slots=True)
class Holder:
    """What an owner writes into its lock: its process, why it holds it, and where its server's socket is."""

    pid: int
    role: Role
    socket_dir: str


class Lock:
    """An flock on the file `path`, held by at most one object of a process at a time."""

    _open: ClassVar[set[int]] = set()

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    @property
    def held(self) -> bool:
        return self._fd is not None

    def take(self, account: Account, *, shared: bool = False) -> bool:
        """Hold it, alone or shared, if that is possible at once. The file is made for `account`."""
        fd = open_private(self._path, os.O_RDWR, account)
        try:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        self._open.add(fd)
        return True

    def wait_alone(self) -> None:
        """Turn a shared hold into the only one, however long the others stay."""
        assert self._fd is not None
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def write(self, holder: Holder) -> None:
        """Say who holds it; for the holder only."""
        assert self._fd is not None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, json.dumps(asdict(holder)).encode(), 0)

    def read(self) -> Holder | None:
        """Who held it last; None when nobody says so, as in the moment between taking it and writing."""
        try:
            return Holder(**json.loads(self._path.read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def release(self) -> None:
        """Give it up; nothing happens when it is not held."""
        if self._fd is None:
            return
        fd, self._fd = self._fd, None
        self._open.discard(fd)
        os.close(fd)

    @classmethod
    def _close_in_child(cls) -> None:
        """A forked child that kept them open would hold them after its parent's death."""
        for fd in cls._open:
            with contextlib.suppress(OSError):
                os.close(fd)
        cls._open.clear()


os.register_at_fork(after_in_child=Lock._close_in_child)


class Pause:
    """Waits that grow from 5 to 100 ms; False, without a wait, once the deadline (monotonic, s) is past."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._wait_s = 0.005

    def __call__(self) -> bool:
        if time.monotonic() >= self._deadline:
            return False
        time.sleep(self._wait_s)
        self._wait_s = min(self._wait_s * 1.3, 0.1)
        return True
