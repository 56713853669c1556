"""The caller's side of the sandbox: one fresh process for each medium, bounded, watched, and gone at the end.

Promises that a hostile file costs its process and nothing else: at most 1 GiB of memory, 10 s until the
medium has proven to be what it claims, 10 s of silence after that and 180 s in all. On time-out, refusal or
cancellation the process and its group are killed. What it writes is held to be as hostile as the file:
its messages are read as a few numbers and codes, its file must be a plain one of the expected name.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import stat
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from seedbed.media.forms import Form, Kind
from seedbed.media.refusals import REASONS, Refused

PROBE_S_MAX = 10.0
SILENCE_S_MAX = 10.0
WORK_S_MAX = 180.0
"""For the longest clips: 60 s of 1080p take about 40 s on two cores."""
LINE_BYTES_MAX = 4096
PLAIN_BYTES_MAX = 512 << 20
# Threads' own heaps would count as memory taken, used or not.
ENVIRONMENT = {"MALLOC_ARENA_MAX": "2", "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"}
PLAIN_NAMES: dict[Kind, str] = {"image": "plain.png", "video": "plain.mp4", "audio": "plain.wav"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """What a medium is. `path` is the plain file, or None where it was only probed; sizes in pixels."""

    kind: Kind
    path: Path | None
    width: int = 0
    height: int = 0
    duration_s: float = 0.0
    walls: frozenset[str] = frozenset()


async def normalise(source: Path, form: Form, folder: Path) -> Plain:
    """Make a plain file of the medium at `source` in `folder` (empty, and its own). Raises Refused."""
    return await _run(source, form, folder, "plain")


async def probe(source: Path, form: Form, folder: Path) -> Plain:
    """Find out whether the medium at `source` would be taken; writes nothing. Raises Refused."""
    return await _run(source, form, folder, "probe")


async def _run(source: Path, form: Form, folder: Path, mode: Literal["plain", "probe"]) -> Plain:
    async with _lines() as (lines, their_end):
        process = await _started(source, form, folder, mode, their_end)
        try:
            os.close(their_end)
            told = await _listen(process, lines)
        finally:
            await _end(process)
    return _believed(told, folder, mode)


@contextlib.asynccontextmanager
async def _lines() -> AsyncIterator[tuple[asyncio.StreamReader, int]]:
    """A pipe of our own: asyncio's would have us wait for whoever else holds its other end."""
    ours, theirs = os.pipe()
    reader = asyncio.StreamReader(limit=LINE_BYTES_MAX)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours, "rb", 0)
    )
    try:
        yield reader, theirs
    finally:
        transport.close()


async def _started(source: Path, form: Form, folder: Path, mode: str, stdout: int) -> asyncio.subprocess.Process:
    try:
        with source.open("rb") as medium:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-m", "seedbed.media.decoding", form.name, mode, str(os.getpid())),
                stdin=medium,
                stdout=stdout,
                stderr=asyncio.subprocess.DEVNULL,
                cwd=folder,
                env=ENVIRONMENT,
                start_new_session=True,
            )
    except BaseException:
        os.close(stdout)
        raise


@dataclass(slots=True)
class _Told:
    """What the process said, as far as it can be believed."""

    walls: frozenset[str] = frozenset()
    probed: bool = False
    plain: dict[str, Any] | None = None


async def _listen(process: asyncio.subprocess.Process, lines: asyncio.StreamReader) -> _Told:
    """Everything up to the last word. Raises Refused for a refusal, a death or a deadline."""
    told, begun_s = _Told(), time.monotonic()
    while told.plain is None:
        left_s = begun_s + (WORK_S_MAX if told.probed else PROBE_S_MAX) - time.monotonic()
        try:
            line = await asyncio.wait_for(lines.readline(), min(left_s, SILENCE_S_MAX))
        except (TimeoutError, ValueError):
            raise Refused("costly") from None
        if not line:
            raise Refused(_cause_of_death(await _exit_code(process)))
        _heed(told, line)
    return told


def _heed(told: _Told, line: bytes) -> None:
    try:
        word = json.loads(line)
        ((name, value),) = word.items()
    except (ValueError, AttributeError, RecursionError):
        raise Refused("damaged") from None
    if name == "refused":
        raise Refused(value if isinstance(value, str) and value in REASONS else "damaged")
    if name == "walls":
        told.walls = frozenset({"network", "files", "calls"}.intersection(map(str, value)))
    elif name == "probe":
        told.probed = True
    elif name == "plain" and isinstance(value, dict):
        told.plain = value


async def _exit_code(process: asyncio.subprocess.Process) -> int:
    """What it ended with; one that only closed its mouth is ended here."""
    with contextlib.suppress(TimeoutError):
        return await asyncio.wait_for(process.wait(), 1.0)
    return 0


def _cause_of_death(code: int) -> str:
    return "costly" if -code in (signal.SIGXCPU, signal.SIGKILL, signal.SIGXFSZ) else "damaged"


async def _end(process: asyncio.subprocess.Process) -> None:
    """The whole group, dead and buried, even where the caller is cancelled once more."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await asyncio.shield(process.wait())


def _believed(told: _Told, folder: Path, mode: str) -> Plain:
    """Numbers within bounds, and a file that is one."""
    found = told.plain or {}
    kind = found.get("kind")
    width, height, duration_s = (found.get(name, 0) for name in ("width", "height", "duration_s"))
    sizes = isinstance(width, int) and isinstance(height, int) and 0 <= width <= 1 << 26 and 0 <= height <= 1 << 26
    if kind not in PLAIN_NAMES or not sizes or not isinstance(duration_s, int | float) or not 0 <= duration_s < 1e6:
        raise Refused("damaged")
    kind = cast(Kind, kind)
    path = folder / PLAIN_NAMES[kind] if mode == "plain" else None
    if path is not None:
        try:
            status = path.lstat()
        except OSError:
            raise Refused("damaged") from None
        if not stat.S_ISREG(status.st_mode) or not 0 < status.st_size <= PLAIN_BYTES_MAX:
            raise Refused("damaged")
    return Plain(kind=kind, path=path, width=width, height=height, duration_s=float(duration_s), walls=told.walls)
