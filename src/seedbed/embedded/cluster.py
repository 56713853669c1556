"""The files and processes of one database: made whole, looked into, cleared of what a crash left.

Owns `data/`, the socket's folder and `postgres.log`. Promises that a database exists complete or not at all,
and that only processes named `postgres` whose working directory is our `data/` are signalled: a process id in
a file proves nothing. Never changes a database that it cannot run.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from seedbed.embedded.account import Account, names_for, open_private
from seedbed.embedded.lock import Pause
from seedbed.errors import ConfigError

DATABASE = USER = "seedbed"
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_BYTES_MAX = 107 if sys.platform == "linux" else 103
LOG_BYTES_MAX = 10 * 1024 * 1024
STOP_S = 30.0
"""How long a fast shutdown may take (it writes a checkpoint) before it becomes an immediate one."""

_ADVICE = (
    ("No space left on device", "Free some space and start again; nothing that was stored is lost."),
    ("Check free disk space", "Free some space and start again; nothing that was stored is lost."),
    ("Disk quota exceeded", "Free some space and start again; nothing that was stored is lost."),
    ("Read-only file system", "Set SEEDBED_DATA_DIR to a folder on a disk that can be written."),
    ("Permission denied", "Run as the user who owns that folder, or set SEEDBED_DATA_DIR to one of your own."),
    ("Not a directory", "Set SEEDBED_DATA_DIR to a folder."),
    ("File exists", "Set SEEDBED_DATA_DIR to a folder."),
    ("wrong ownership", "Give the folder `data` back to the user the server ran as (chown -R)."),
    ("user does not exist", "Run as a user that /etc/passwd names, or set SEEDBED_DATABASE_URL."),
    ("Operation not permitted", "Run as an ordinary user, or set SEEDBED_DATABASE_URL."),
    ("Invalid argument", "Run as an ordinary user, or set SEEDBED_DATABASE_URL."),
)


def advised(what: str, why: str) -> str:
    """A message for the operator: what failed, what the system said of it, what to do."""
    advice = next((advice for sign, advice in _ADVICE if sign in why), "Mend that, then start again.")
    return f"{what}: {why}\n{advice}"


# The database


def major_of(data: Path) -> int | None:
    """PostgreSQL's major version of the database in `data`; None when there is none yet.

    Raises ConfigError when there is something else.
    """
    try:
        return int((data / "PG_VERSION").read_text().split(".")[0])
    except FileNotFoundError:
        if not data.exists() or not any(data.iterdir()):
            return None
    except ValueError:
        pass
    raise ConfigError(
        f"{data} holds files but no PostgreSQL database. They were left alone; move them elsewhere, "
        "or restore the whole folder from a backup."
    )


def create(data: Path, binaries: Path, account: Account) -> None:
    """Make a new, empty database in `data`: made beside it, then renamed. Raises ConfigError or OSError."""
    fresh = data.parent / f"{data.name}.new-{secrets.token_hex(4)}"
    fresh.mkdir(mode=0o700)
    try:
        account.give(fresh)
        with names_for(account, fresh) as ((name,), descriptors):
            initdb = [str(binaries / "initdb"), "-D", name, "-U", USER, "-E", "UTF8", "--data-checksums"]
            initdb += ["--auth-local=trust", "--auth-host=reject"]
            initdb += ["--locale-provider=builtin", "--locale=C.UTF-8"]
            _run(initdb, "", account, descriptors)
            # Made before there is a server, so that a server that answers always has it.
            single = [str(binaries / "postgres"), "--single", "-D", name, "-c", "exit_on_error=on", "template1"]
            _run(single, f"CREATE DATABASE {DATABASE}\n", account, descriptors)
        fresh.rename(data)
        _sync(data.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def remove_unfinished(data: Path) -> None:
    """Remove what a `create` that was killed left beside `data`, and end what may still be writing there."""
    for leftover in data.parent.glob(f"{data.name}.new-*"):
        end_survivors(leftover)
        shutil.rmtree(leftover, ignore_errors=True)


def _run(command: list[str], said: str, account: Account, descriptors: list[int]) -> None:
    done = subprocess.run(
        command,
        input=said,
        capture_output=True,
        text=True,
        errors="replace",
        pass_fds=descriptors,
        **account.child_options(),
    )
    if done.returncode:
        words = " ".join(done.stderr.split())[-600:] or f"exit status {done.returncode}"
        raise ConfigError(advised("The embedded database could not be created", words))


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


# The socket


def socket_folder(root: Path, account: Account) -> Path:
    """Where the socket can be and still have an address that every client understands: `run/` in the root,
    else a folder under the temporary one. Raises ConfigError when there is no such place."""
    inside = root / "run"
    if _addressable(inside):
        return inside
    name = f"seedbed-{hashlib.sha256(os.fsencode(root)).hexdigest()[:16]}-{account.uid}"
    for temporary in (tempfile.gettempdir(), "/tmp"):
        if _addressable(outside := Path(temporary, name)):
            return outside
    raise ConfigError(f"{root} is too long for a socket's address. Choose a shorter SEEDBED_DATA_DIR or TMPDIR.")


def _addressable(folder: Path) -> bool:
    path = str(folder / SOCKET_NAME)
    try:
        # asyncpg takes a comma for the end of a host; a URL holds UTF-8 only.
        return len(path.encode()) <= SOCKET_PATH_BYTES_MAX and "," not in path
    except UnicodeEncodeError:
        return False


def prepare_socket_folder(folder: Path, account: Account) -> None:
    """Make it, or empty it. Raises ConfigError when somebody else made it or can write to it."""
    try:
        folder.mkdir(mode=0o700)
        account.give(folder)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
            raise ConfigError(
                f"{folder} exists and is not a private folder of the user the database runs as "
                f"(uid {account.uid}). Find out who made it, then remove it or set TMPDIR to another folder."
            ) from None
    for stale in folder.glob(f"{SOCKET_NAME}*"):
        stale.unlink(missing_ok=True)


# The processes


def end_survivors(data: Path) -> None:
    """End what still runs on `data`, which the caller owns: an earlier owner's server, or parts of a crashed one.

    A whole server gets the time for a clean stop, as its owner may have died this very moment. Backends
    without their postmaster cannot be saved, and they hold shared memory that the next server needs.
    """
    pid_file = data / "postmaster.pid"
    if processes := _processes_in(data):
        chief = _pid_in(pid_file)
        _end([process for process in processes if process.pid == chief], signal.SIGINT, STOP_S)
        for number in (signal.SIGQUIT, signal.SIGKILL):
            _end(_processes_in(data), number, 1.0)
    pid_file.unlink(missing_ok=True)


def _pid_in(pid_file: Path) -> int | None:
    try:
        return int(pid_file.read_bytes().split(b"\n")[0])
    except (FileNotFoundError, ValueError):
        return None


def _processes_in(data: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["name", "status"]):
        if process.info["name"] == "postgres" and process.info["status"] != psutil.STATUS_ZOMBIE:
            with contextlib.suppress(psutil.Error):  # gone, or somebody else's
                if process.cwd() == str(data):
                    found.append(process)
    return found


def _end(processes: list[psutil.Process], number: signal.Signals, patience_s: float) -> None:
    """Send them a signal and wait until they ended, or until patience does.

    Zombies count as ended: in a container there may be nobody to reap them.
    """
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
    pause = Pause(time.monotonic() + patience_s)
    while any(_alive(process) for process in processes) and pause():
        pass


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def answers(data: Path, socket_dir: Path) -> bool:
    """Whether the database takes connections: its pid file says so (asking that costs no line in the log
    while it recovers), and a connection gets as far as "ready for query"."""
    try:
        if not (data / "postmaster.pid").read_bytes().split(b"\n")[7].startswith(b"ready"):
            return False
    except (FileNotFoundError, IndexError):
        return False
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(socket_dir / SOCKET_NAME))
        return _greets(client)
    return False


def _greets(client: socket.socket) -> bool:
    """The opening of the frontend/backend protocol 3.0, without a password."""
    body = struct.pack("!i", 3 << 16) + f"user\0{USER}\0database\0{DATABASE}\0\0".encode()
    client.sendall(struct.pack("!i", len(body) + 4) + body)
    with client.makefile("rb") as answer:
        while len(head := answer.read(5)) == 5 and head[:1] != b"E":
            answer.read(int.from_bytes(head[1:]) - 4)
            if head[:1] == b"Z":
                client.sendall(b"X\0\0\0\4")
                return True
    return False


# The log


def open_log(path: Path, account: Account) -> int:
    """A descriptor that appends to the log; an overlong log is put aside first, over the one before."""
    with contextlib.suppress(FileNotFoundError):
        if path.lstat().st_size > LOG_BYTES_MAX:
            path.replace(path.with_name(f"{path.name}.1"))
    return open_private(path, os.O_WRONLY | os.O_APPEND, account)


def complaint(log_path: Path, offset_bytes: int) -> str:
    """What the server said against starting, from `offset_bytes` of its log on."""
    with log_path.open("rb") as log:
        log.seek(offset_bytes)
        lines = log.read().decode(errors="replace").splitlines()
    if not lines and shutil.disk_usage(log_path).free < 1 << 20:
        return "No space left on device, not even for its log"
    grave = [line for line in lines if re.search("FATAL|PANIC|DETAIL|HINT", line)]
    return "\n".join((grave or lines)[-4:]) or "it said nothing"
