"""The way in for media: a task's own on their way to an engine, and uploads on their way into storage.

Owns no table. The worker asks it for what a task points to; the API hands it what clients send. Nothing is
kept or used before the sandbox has read it, and no transaction is open while anything is moved.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from seedbed import db, files, telemetry, uploads
from seedbed.engines import EngineError, InputMedia, Kind
from seedbed.errors import InvalidRequest, PayloadTooLarge, ServiceBusy, TaskFailure
from seedbed.media import inputs, sandbox
from seedbed.media.forms import Form
from seedbed.media.inputs import OwnFile
from seedbed.media.kept import Kept
from seedbed.media.refusals import REASONS, Refused
from seedbed.outbound import PublicClient
from seedbed.runtime import Runtime
from seedbed.scratch import Scratch
from seedbed.storage import ObjectMissing, StorageError
from seedbed.tasks import Task
from seedbed.telemetry import log
from seedbed.uploads import Upload

UPLOADS_AT_ONCE = 8
"""Bodies that one process takes at a time; each may be 100 MB on its disk."""
PROBES_AT_ONCE = 2

# A task's media ------------------------------------------------------------------------------------------------


async def media_of(
    task: Task, runtime: Runtime, client: PublicClient, folder: Path, kept: Kept | None = None
) -> tuple[InputMedia, ...]:
    """The task's media as plain files in `folder`, with their roles. Takes at most as long as a render may.

    `kept` is what an earlier attempt here has fetched.

    Raises TaskFailure for media that cannot be had or read, EngineError (retryable) when our own storage
    does not answer.
    """
    model = runtime.catalogue.by_id.get(task.model)

    async def read_own(own: OwnFile, path: Path, bytes_max: int) -> bool:
        return await _read_own(runtime, own, path, bytes_max)

    try:
        async with asyncio.timeout(runtime.settings.render_timeout_s):
            return await inputs.fetch_all(
                task.media,
                folder,
                client,
                own_base_url=runtime.settings.base_url,
                read_own=read_own,
                references=model is None or model.references,
                note=lambda outcome: telemetry.FETCHES.labels(outcome).inc(),
                kept=kept,
            )
    except TimeoutError:
        raise TaskFailure("timeout", "The media took longer than this server allows") from None
    except StorageError as error:
        log.error("a file of our own could not be read", error=str(error))
        raise EngineError("A file of this server could not be read", retryable=True) from None


def is_own(runtime: Runtime, own: OwnFile) -> bool:
    """Whether the link is genuine and has not ended."""
    return runtime.storage.verify(own.signature, own.key, time.time())


async def _read_own(runtime: Runtime, own: OwnFile, path: Path, bytes_max: int) -> bool:
    if not is_own(runtime, own):
        return False
    try:
        async with db.connection(runtime.pool) as conn:
            row = await files.find(conn, own.key) or await uploads.find(conn, own.key)
    except db.UNAVAILABLE as error:
        # Many of these are OSErrors, or even a TimeoutError: nothing above may take them for the medium's own.
        log.warning("the database is away", error=repr(error))
        raise EngineError("A file of this server could not be looked up", retryable=True) from None
    if row is None or row["size_bytes"] > bytes_max:
        return False
    try:
        with path.open("xb") as file:
            async for piece in runtime.storage.get_range(own.key, 0, row["size_bytes"]):
                await asyncio.to_thread(file.write, piece)
    except ObjectMissing:
        return False
    return True


# Uploads -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Desk:
    """Where one process takes uploads in. `folder()` is a place for one body."""

    runtime: Runtime
    scratch: Scratch
    _bodies: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(UPLOADS_AT_ONCE))
    _probes: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PROBES_AT_ONCE))

    @contextlib.asynccontextmanager
    async def folder(self) -> AsyncIterator[Path]:
        """A fresh folder while there is room. Raises ServiceBusy."""
        if self._bodies.locked():
            raise ServiceBusy("Too many uploads at the same time; try again shortly", retry_after_s=2)
        async with self._bodies:
            with self.scratch.folder() as folder:
                yield folder

    async def take(self, account_id: int, path: Path, claimed: Kind | None, folder: Path) -> Upload:
        """Keep the file at `path` for the account, once it has proven to be a medium that a task could use.

        `claimed` is the kind that the client says it is. Raises InvalidRequest, PayloadTooLarge, StorageError.
        """
        form = _identified(path, claimed)
        async with self._probes:
            kind = await _probed(path, form, folder)
        size_bytes = path.stat().st_size
        async with db.transaction(self.runtime.pool) as conn:
            key = await uploads.reserve(
                conn,
                account_id,
                kind=kind,
                content_type=form.content_type,
                extension=form.extension,
                size_bytes=size_bytes,
            )
        try:
            stored = await self.runtime.storage.put(key, path, form.content_type)
            async with db.transaction(self.runtime.pool) as conn:
                return await uploads.publish(conn, key, bytes.fromhex(stored.sha256))
        except BaseException:
            await self.drop(key)
            raise

    async def drop(self, key: str) -> None:
        """Remove what is there of an upload that came to nothing; what fails here is left to the sweep."""
        with contextlib.suppress(*db.UNAVAILABLE, StorageError):
            await self.runtime.storage.delete(key)
            async with db.connection(self.runtime.pool) as conn:
                await uploads.forget(conn, key)


def _identified(path: Path, claimed: Kind | None) -> Form:
    try:
        return inputs.identify(path, claimed, inputs.Limits())
    except Refused as refused:
        raise InvalidRequest(f"The file {REASONS[refused.code]}", field="file") from None
    except inputs.Oversized as oversized:
        raise PayloadTooLarge(f"The file {oversized.reason}", field="file") from None
    except inputs.Unfit as unfit:
        raise InvalidRequest(f"The file {unfit.reason}", field="file") from None


async def _probed(path: Path, form: Form, folder: Path) -> Kind:
    own = folder / "probe"
    own.mkdir()
    try:
        return (await sandbox.probe(path, form, own)).kind
    except Refused as refused:
        raise InvalidRequest(f"The file {REASONS[refused.code]}", field="file") from None
