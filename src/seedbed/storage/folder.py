"""Objects as files under one folder of this machine, or of one that it mounts."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from seedbed.errors import ConfigError
from seedbed.storage.objects import CHUNK_BYTES, Head, ObjectMissing, StorageError, Stored, plainly

STALE_PARTIAL_S = 86_400


class Folder:
    """Objects as files. Plain calls, not obstore, whose local store never syncs and reads 30 times slower."""

    def __init__(self, root: Path) -> None:
        self._root, self._partials = root, root / ".partial"

    @classmethod
    def open(cls, url: str) -> Folder:
        if "://" in url:
            raise ConfigError(f"SEEDBED_STORAGE_URL: must be a folder or s3://bucket/prefix (got {url!r})")
        store = cls(Path(url).expanduser().absolute())
        try:
            store._partials.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"SEEDBED_STORAGE_URL: cannot make the folder {url!r}: {error.strerror}") from None
        store._sweep()
        return store

    def _sweep(self) -> None:
        """Removes what writers that were killed left behind, a day later."""
        for path in self._partials.iterdir():
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > STALE_PARTIAL_S:
                    path.unlink()

    def put(self, key: str, source: Path, content_type: str, go_on: Callable[[], None]) -> Stored:
        target, partial = self._root / key, self._partials / uuid.uuid4().hex
        with plainly(f"storing {key}"):
            try:
                stored = _copied(source, partial, go_on)
                target.parent.mkdir(parents=True, exist_ok=True)
                go_on()
                partial.replace(target)
            finally:
                partial.unlink(missing_ok=True)
            # All the way up: a folder that another writer has just made may not be on the disk yet.
            for folder in target.relative_to(self._root).parents:
                _sync_folder(self._root / folder)
        return stored

    def chunks(self, key: str, start: int, end: int) -> Iterator[bytes]:
        with plainly(f"reading {key}"), (self._root / key).open("rb", buffering=0) as file:
            file.seek(start)
            while start < end and (piece := file.read(min(CHUNK_BYTES, end - start))):
                start += len(piece)
                yield piece

    def head(self, key: str) -> Head | None:
        try:
            with plainly(f"looking for {key}"):
                found = (self._root / key).stat()
        except ObjectMissing:
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        return Head(found.st_size, _local_etag(found), datetime.fromtimestamp(int(found.st_mtime), UTC))

    def delete(self, key: str) -> None:
        with plainly(f"removing {key}"):
            (self._root / key).unlink(missing_ok=True)

    def probe(self) -> None:
        path = self._partials / uuid.uuid4().hex
        with plainly("probing storage"):
            try:
                with path.open("xb") as file:
                    file.write(b"ready")
                    file.flush()
                    os.fsync(file.fileno())
                if path.read_bytes() != b"ready":
                    raise StorageError("storage gave back other bytes than were written")
            finally:
                path.unlink(missing_ok=True)


def _copied(source: Path, partial: Path, go_on: Callable[[], None]) -> Stored:
    """Copies `source` to the new file `partial` and waits until it is on the disk."""
    digest = hashlib.sha256()
    with source.open("rb") as reader, partial.open("xb") as writer:
        while piece := reader.read(CHUNK_BYTES):
            go_on()
            digest.update(piece)
            writer.write(piece)
        writer.flush()
        os.fsync(writer.fileno())
        written = os.fstat(writer.fileno())
    return Stored(written.st_size, digest.hexdigest(), _local_etag(written))


def _local_etag(found: os.stat_result) -> str:
    return f'"{found.st_size:x}-{found.st_mtime_ns:x}"'


def _sync_folder(folder: Path) -> None:
    """Makes the names in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
