"""Files to disk: whole or not at all, and not from the start again after a cut.

What has come lies in `<name>.part`, and beside it, in `<name>.part.json`, which file that is a part of. A
later call goes on from there (RFC 9110: Range with If-Range) if the service still has that very file, and
starts again if not. At the end the size must be right, and the SHA-256 too where the service tells it
(RFC 9530: Repr-Digest); then the file takes its name in one step.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from seedbed.client.errors import ClientError, FileError, UnexpectedAnswer, Unreachable
from seedbed.client.retries import Retries, told
from seedbed.client.wire import Request, Stream, Wire

Progress = Callable[[int, int | None], object]
"""Told of the bytes that have come, and of how many there are in all, where that is known."""

REFUSAL_BYTES_MAX = 1 << 16


@dataclass(frozen=True, slots=True)
class Version:
    """Which file it is that a part belongs to: what If-Range takes, and the size in bytes where it is known."""

    validator: str | None
    size_bytes: int | None
    sha256: bytes | None = None


class _Part:
    """The file that grows beside its later name."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self.note = target.with_name(f"{target.name}.part.json")

    def found(self) -> tuple[int, Version]:
        """What an earlier try left: the bytes that are there, and what they are a part of."""
        try:
            told = json.loads(self.note.read_bytes())
            version = Version(str(told["validator"]), told["size_bytes"])
            return self.path.stat().st_size, version
        except (OSError, ValueError, KeyError, TypeError):
            return 0, Version(None, None)

    def open(self, start: int, version: Version) -> BinaryIO:
        """The file, to be written from `start` on. What cannot be gone on with later leaves no note."""
        if start == 0:
            self.note.unlink(missing_ok=True)
            self.path.unlink(missing_ok=True)
            if version.validator is not None:
                self.note.write_text(json.dumps({"validator": version.validator, "size_bytes": version.size_bytes}))
        file = self.path.open("r+b" if start else "wb")
        file.truncate(start)
        file.seek(start)
        return file

    def finish(self, version: Version) -> int:
        """Give the file its name, if it is what was sent. Returns its size in bytes."""
        size = self.path.stat().st_size
        if version.size_bytes not in (None, size) or (version.sha256 and version.sha256 != _sha256(self.path)):
            self.drop()
            raise FileError(f"{self.target} did not come as it was sent; try again")
        os.replace(self.path, self.target)
        self.note.unlink(missing_ok=True)
        return size

    def drop(self) -> None:
        for path in (self.path, self.note):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def give_up(self) -> None:
        """Keep what a later call can go on with, and nothing else."""
        if not self.note.exists() or not self.found()[0]:
            self.drop()


async def download(wire: Wire, retries: Retries, url: str, path: Path, progress: Progress | None = None) -> int:
    """Save the file at `url` as `path`. Returns its size in bytes.

    A cut is mended `retries.tries` times without a byte between them. Raises Refused, Unreachable, FileError;
    what has come then stays in `<name>.part` for the next call, and whatever was at `path` before stays there.
    """
    if path.is_dir():
        raise FileError(f"{path} is a folder; name the file")
    part, tried, before = _Part(path), 0, -1
    while True:
        try:
            return await _once(wire, url, part, progress)
        except OSError as error:
            await wire.off_loop(part.drop)
            raise FileError(f"{path} could not be written: {error.strerror}") from None
        except ClientError as error:
            come, _ = await wire.off_loop(part.found)
            tried = 1 if come > before else tried + 1
            before, pause_s = come, retries.pause_s(tried, error)
            if pause_s is None:
                await wire.off_loop(part.give_up)
                raise
        await wire.sleep(pause_s)


async def _once(wire: Wire, url: str, part: _Part, progress: Progress | None) -> int:
    """One request, from where the part ends."""
    have, known = await wire.off_loop(part.found)
    headers = {"Range": f"bytes={have}-", "If-Range": known.validator} if have and known.validator else {}
    request = Request(method="GET", url=url, headers=headers, follow_redirects=True)
    async with wire.stream(request) as answer:
        if answer.status == 416:
            # The part is longer than the file, or all of it: only a fresh start tells.
            await wire.off_loop(part.drop)
            raise Unreachable(f"{part.target} could not be continued")
        if answer.status not in (200, 206):
            raise told(request, answer, await _beginning(answer))
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise UnexpectedAnswer(f"{url.partition('?')[0]} is sent in a coding that was not asked for")
        start, version = _place(answer)
        if start not in (0, have):
            await wire.off_loop(part.drop)
            raise Unreachable(f"{part.target} could not be continued where it ended")
        await _save(wire, answer, part, start, version, progress)
    return await wire.off_loop(part.finish, version)


async def _save(
    wire: Wire, answer: Stream, part: _Part, start: int, version: Version, progress: Progress | None
) -> None:
    file, done = await wire.off_loop(part.open, start, version), start
    try:
        async for piece in answer.pieces:
            await wire.off_loop(file.write, piece)
            done += len(piece)
            if progress is not None:
                progress(done, version.size_bytes)
        await wire.off_loop(_settle, file)
    finally:
        await wire.off_loop(file.close)


def _settle(file: BinaryIO) -> None:
    """Onto the disk, before the name says that it is whole."""
    file.flush()
    os.fsync(file.fileno())


async def _beginning(answer: Stream) -> bytes:
    """Enough of a refusal to tell what it is."""
    body = b""
    async for piece in answer.pieces:
        body += piece
        if len(body) > REFUSAL_BYTES_MAX:
            break
    return body


def _place(answer: Stream) -> tuple[int, Version]:
    """Where in the file the answer begins, and which file that is."""
    headers, start = answer.headers, 0
    size = headers.get("content-length")
    if answer.status == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", headers.get("content-range", ""), re.ASCII)
        if found is None:
            return -1, Version(None, None)
        start, size = int(found[1]), found[2]
    size_bytes = int(size) if size is not None and re.fullmatch(r"[0-9]{1,18}", size) else None
    return start, Version(_validator(headers), size_bytes, _digest(headers.get("repr-digest")))


def _validator(headers: Mapping[str, str]) -> str | None:
    """What If-Range may say (RFC 9110, 13.1.5): a strong entity tag. A time is too coarse to trust."""
    tag = headers.get("etag", "")
    return tag if re.fullmatch(r'"[!#-~]*"', tag) else None


def _digest(header: str | None) -> bytes | None:
    """The SHA-256 of the whole file, where a Repr-Digest tells it."""
    found = re.search(r"(?:^|[,\s])sha-256=:([A-Za-z0-9+/]{43}=):", header or "")
    return base64.b64decode(found[1]) if found else None


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
