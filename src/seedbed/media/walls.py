"""What keeps a decoder in: limits and walls that a process puts up around itself and cannot take down.

Always: bounds on memory, processor time, file size and open files; no core dump, no new privileges, no
capabilities, low priority, death with the parent. Where the kernel has them: a network of its own with
nothing in it (namespace), no file but the program's own and one folder (Landlock), and no sockets, no new
programs or processes and no signals to others (seccomp, on x86-64 and AArch64). `put_up` says which stand.

Raw system calls through ctypes, so that nothing has to be installed. Linux alone; elsewhere only the bounds hold.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

MEMORY_BYTES_MAX = 1 << 30
FILE_BYTES_MAX = 512 << 20
FILES_MAX = 64
CPU_S_FIRST = 20
"""Processor seconds before the medium is known to be what it claims: ten on each of two cores."""
CPU_S_MAX = 400

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_THREAD = 0x10000000, 0x40000000, 0x10000
_SYS_SECCOMP = {"x86_64": 317, "aarch64": 277}
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# By architecture: what is refused outright. Sockets; programs and processes; other processes' memory and
# signals; namespaces and mounts; keys, kernel modules, other ways to run code in the kernel; shared memory.
_REFUSED = {
    "x86_64": (
        "41-55 57-59 62 101 129 200 322 310 311 424 434 438 297 272 308 165 166 155 161 163 167 168 169 "
        "175 176 313 246 320 248-250 321 298 323 425-427 303 304 29-31 64-71 240-245 428-433 442"
    ),
    "aarch64": (
        "198-212 242 243 221 281 129 130 138 117 270 271 424 434 438 240 97 268 39 40 41 51 89 224 225 142 "
        "105 106 273 104 294 217-219 280 241 282 425-427 264 265 194-197 186-193 180-185 428-433 442"
    ),
}
_CLONE = {"x86_64": 56, "aarch64": 220}
_TGKILL = {"x86_64": 234, "aarch64": 131}
_CLONE3 = 435

_libc = ctypes.CDLL(None, use_errno=True)


def put_up(folder: Path, *, parent: int) -> frozenset[str]:
    """Shut this process in, with `folder` the only place it can write to; it must still have one thread.

    `parent` is the process whose death ends this one. Gives the names of the walls that stand, of
    `network`, `files` and `calls`. Never raises for a wall that the system does not have.
    """
    _bound()
    if not sys.platform.startswith("linux"):
        return frozenset()
    _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    walls = {"network"} if _no_network() else set()
    _drop_capabilities()
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if _only_own_files(folder):
        walls.add("files")
    if _few_calls():
        walls.add("calls")
    else:
        # The kernel counts threads as processes, so without the finer wall there are none of either.
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    return frozenset(walls)


def allow_long_work() -> None:
    """More processor time, once the medium has proven to be what it claims."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S_MAX, CPU_S_MAX))


def _bound() -> None:
    """Limits that every Unix has."""
    os.nice(10)
    for limit, soft, hard in (
        (resource.RLIMIT_AS, MEMORY_BYTES_MAX, MEMORY_BYTES_MAX),
        (resource.RLIMIT_DATA, MEMORY_BYTES_MAX, MEMORY_BYTES_MAX),
        (resource.RLIMIT_CPU, CPU_S_FIRST, CPU_S_MAX),
        (resource.RLIMIT_FSIZE, FILE_BYTES_MAX, FILE_BYTES_MAX),
        (resource.RLIMIT_NOFILE, FILES_MAX, FILES_MAX),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        # macOS knows RLIMIT_AS and refuses to set it. A lower bound that is there already stays.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(limit, (soft, hard))


def _no_network() -> bool:
    """A network namespace of our own, without even a loopback; by way of a user namespace where we are not root."""
    done: bool = _libc.unshare(_CLONE_NEWNET) == 0 or _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0
    return done


def _drop_capabilities() -> None:
    head = struct.pack("=Ii", 0x20080522, 0)
    _libc.capset(head, bytes(24))


# Files (Landlock) ------------------------------------------------------------------------------------------------

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_FILE, _MAKE_REG, _TRUNCATE = 1, 2, 4, 8, 32, 256, 1 << 14
_READ = _READ_FILE | _READ_DIR
_KNOWN_TO_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}
_READABLE = ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/dev/urandom")


def _only_own_files(folder: Path) -> bool:
    """The interpreter and its libraries to be read, `folder` to be written, nothing else."""
    abi = _libc.syscall(444, None, ctypes.c_size_t(0), 1)
    if abi < 1:
        return False
    handled = _KNOWN_TO_ABI.get(abi, _KNOWN_TO_ABI[3])
    attributes = struct.pack("=Q", handled) + (struct.pack("=Q", 3) if abi >= 4 else b"")  # and TCP
    rules = _libc.syscall(444, attributes, ctypes.c_size_t(len(attributes)), 0)
    if rules < 0:
        return False
    program = {*_READABLE, sys.prefix, sys.base_prefix, *filter(None, sys.path), str(Path(__file__).parents[2])}
    for place in sorted(program):
        _allow(rules, place, _READ & handled)
    _allow(rules, str(folder), (_READ | _WRITE_FILE | _REMOVE_FILE | _MAKE_REG | _TRUNCATE) & handled)
    done: bool = _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 and _libc.syscall(446, rules, 0) == 0
    os.close(rules)
    return done


def _allow(rules: int, place: str, access: int) -> None:
    try:
        descriptor = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not os.path.isdir(place):
        access &= _READ_FILE | _WRITE_FILE | _EXECUTE
    _libc.syscall(445, rules, 1, struct.pack("=Qi", access, descriptor), 0)
    os.close(descriptor)


# System calls (seccomp) ------------------------------------------------------------------------------------------

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_NUMBER_AT, _ARCH_AT, _FIRST_ARGUMENT_AT = 0, 4, 16


def _few_calls() -> bool:
    """A filter that refuses (EPERM) what no decoder needs."""
    machine = platform.machine()
    if machine not in _REFUSED or sys.byteorder != "little":
        return False
    program = b"".join(struct.pack("=HBBI", *step) for step in _filter(machine))
    kept = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("@HP", len(program) // 8, ctypes.addressof(kept))
    # Flag 1: for all threads, should there be any.
    done: bool = _libc.syscall(_SYS_SECCOMP[machine], 1, 1, described) == 0
    return done


def _filter(machine: str) -> Iterator[tuple[int, int, int, int]]:
    """The steps of the filter: operation, skip if true, skip if not, operand."""
    refuse = 0x00050000 | errno.EPERM
    yield _LOAD, 0, 0, _ARCH_AT
    yield _EQUAL, 1, 0, _AUDIT_ARCH[machine]
    yield _RETURN, 0, 0, _KILL
    yield _LOAD, 0, 0, _NUMBER_AT
    yield _AT_LEAST, 0, 1, 0x40000000  # the x32 interface, which numbers the same calls anew
    yield _RETURN, 0, 0, _KILL
    for number in _numbers(_REFUSED[machine]):
        yield _EQUAL, 0, 1, number
        yield _RETURN, 0, 0, refuse
    # The C library then makes its threads with `clone`, whose flags can be read here.
    yield _EQUAL, 0, 1, _CLONE3
    yield _RETURN, 0, 0, 0x00050000 | errno.ENOSYS
    yield _EQUAL, 0, 4, _CLONE[machine]
    yield _LOAD, 0, 0, _FIRST_ARGUMENT_AT
    yield _ANY_BIT, 0, 1, _CLONE_THREAD
    yield _RETURN, 0, 0, _ALLOW
    yield _RETURN, 0, 0, refuse
    yield _EQUAL, 0, 3, _TGKILL[machine]  # which is how a process aborts itself
    yield _LOAD, 0, 0, _FIRST_ARGUMENT_AT
    yield _EQUAL, 1, 0, os.getpid()
    yield _RETURN, 0, 0, refuse
    yield _RETURN, 0, 0, _ALLOW


def _numbers(text: str) -> Iterator[int]:
    for part in text.split():
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)
