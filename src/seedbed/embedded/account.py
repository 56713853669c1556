"""Whom the server runs as, what that user can reach, and how our child processes are started.

PostgreSQL refuses to run as root, so root becomes another user in every child. Promises that no child outlives
us (on Linux) and that nobody's permissions are changed. Never starts a shell.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedbed.errors import ConfigError

DEFAULT_USER = "nobody"

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded now: not in a forked child
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Account:
    """`dropped` says that we are root and become this user in child processes."""

    uid: int
    gid: int
    dropped: bool

    def give(self, target: Path | int) -> None:
        """Make a file or folder of ours (a path, never followed, or a descriptor) this user's."""
        if self.dropped:
            os.chown(target, self.uid, self.gid, follow_symlinks=isinstance(target, int))

    def reaches(self, *paths: Path) -> bool:
        """Whether this user can enter, or execute, all of them; tried out, since modes are not all there is."""
        if not self.dropped:
            return True
        tests = ["test", "-x", str(paths[0])]
        for path in paths[1:]:
            tests += ["-a", "-x", str(path)]
        return subprocess.run(tests, **self.child_options()).returncode == 0

    def child_options(self) -> dict[str, Any]:
        """Popen's arguments for every child of ours: the user, a bare environment, an end tied to ours."""
        options: dict[str, Any] = {
            "cwd": "/",
            "env": {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
            "preexec_fn": _tie_to(os.getpid()),
        }
        if self.dropped:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options


def choose(data: Path, user: str | None) -> Account:
    """This process's own user; for root, who owns the database in `data`, else `user`, else `nobody`.

    Raises ConfigError when root has nobody to become.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), dropped=False)
    with contextlib.suppress(FileNotFoundError):
        owner = data.stat()
        if owner.st_uid != 0:
            return Account(owner.st_uid, owner.st_gid, dropped=True)
    name = user or DEFAULT_USER
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        entry = None
    if entry is None or entry.pw_uid == 0:
        raise ConfigError(
            f"PostgreSQL refuses to run as root, and {name!r} is no other user of this machine. "
            "Run as an ordinary user, or set SEEDBED_DATABASE_URL."
        )
    return Account(entry.pw_uid, entry.pw_gid, dropped=True)


@contextlib.contextmanager
def names_for(account: Account, *folders: Path) -> Iterator[tuple[list[str], list[int]]]:
    """Names under which the account can use folders of its own, and the descriptors that its processes must
    inherit for that (none where the plain paths will do).

    Where a parent is closed to the account, the name is that of an open descriptor in /proc, which leads
    into the folder without passing through its parents.
    """
    if account.reaches(*folders):
        yield [str(folder) for folder in folders], []
        return
    if sys.platform != "linux":
        raise ConfigError(
            f"{folders[0]} lies in a folder that is closed to the user the database runs as (uid {account.uid}). "
            "Run as an ordinary user, or set SEEDBED_DATA_DIR to a folder which that user can reach."
        )
    with contextlib.ExitStack() as stack:
        descriptors: list[int] = []
        for folder in folders:
            descriptors.append(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW))
            stack.callback(os.close, descriptors[-1])
        yield [f"/proc/self/fd/{fd}" for fd in descriptors], descriptors


def open_private(path: Path, flags: int, account: Account) -> int:
    """Open a file of the account's, made for it alone when missing; a link in its place is refused."""
    fd = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        account.give(fd)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _tie_to(owner_pid: int) -> Callable[[], None]:
    """What a child does between fork and exec, after it became its user (which would undo this)."""

    def tie() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0)
        if os.getppid() != owner_pid:  # it died before we were tied to it
            os._exit(1)

    return tie
