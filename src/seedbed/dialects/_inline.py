"""Media that stand inside a request, as `data:` URLs: kept as uploads of their task. Knows no dialect.

A task never holds their bytes. They are looked at like every upload before the task is accepted, and removed when
it was not, or has ended.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from starlette.requests import Request

from seedbed import db, uploads
from seedbed.accounts import Caller
from seedbed.db import Connection
from seedbed.dialects._http import runtime_of
from seedbed.engines import Kind
from seedbed.errors import InvalidRequest, PayloadTooLarge, ServiceBusy
from seedbed.intake import Desk
from seedbed.storage import StorageError
from seedbed.tasks import MediaRef, TaskRequest
from seedbed.telemetry import UPLOADED, log
from seedbed.uploads import Upload

_HEAD = re.compile(r"data:(image|video|audio)/[a-z0-9.+-]{1,40}(?:;[a-z0-9=.-]{1,40})?;base64,", re.IGNORECASE)
HEAD_CHARS_MAX = 160


def is_inline(url: str) -> bool:
    return url[:5].lower() == "data:"


def kind_of(field: str, url: str, only: tuple[Kind, ...]) -> Kind:
    """What the URL says it holds. Raises InvalidRequest that names the field."""
    head = _HEAD.match(url[:HEAD_CHARS_MAX])
    kind = cast(Kind, head[1].lower()) if head else None
    if kind is None or kind not in only:
        allowed = " or ".join(f"data:{each}/<format>;base64,<bytes>" for each in only)
        raise InvalidRequest(f"'{field}' must be an address, or {allowed}", field=field)
    return kind


@dataclass(frozen=True, slots=True)
class Kept:
    """A request whose media are addresses all, and the uploads that some of them became."""

    wanted: TaskRequest
    keys: tuple[str, ...]

    async def attach(self, conn: Connection, task_id: str) -> None:
        """Keep the uploads for the task, in the transaction that accepts it."""
        for key in self.keys:
            await uploads.attach(conn, key, task_id)


@asynccontextmanager
async def kept(request: Request, caller: Caller, wanted: TaskRequest) -> AsyncIterator[Kept]:
    """`wanted` with its inline media stored. They are removed again unless the block attaches them to a task.

    Raises InvalidRequest and PayloadTooLarge that name the field, and ServiceBusy.
    """
    inline = {medium.url: medium for medium in wanted.media if is_inline(medium.url)}
    if not inline:
        yield Kept(wanted, ())
        return
    desk, stored = cast(Desk, request.app.state.desk), dict[str, Upload]()
    try:
        async with desk.folder() as folder:
            for number, (url, medium) in enumerate(inline.items()):
                place = folder / str(number)
                await asyncio.to_thread(place.mkdir)
                stored[url] = await _stored(desk, caller, medium, place)
        yield Kept(replace(wanted, media=_addressed(request, wanted.media, stored)), _keys(stored))
    finally:
        await _drop_loose(desk, _keys(stored))


@asynccontextmanager
async def kept_file(
    request: Request,
    caller: Caller,
    wanted: TaskRequest,
    path: Path,
    claimed: Kind | None,
    field: str,
    role: Callable[[str, Kind], MediaRef],
) -> AsyncIterator[Kept]:
    """The same for a file that came with the request as `field`: `role` says of its address and kind what it is for."""
    desk = cast(Desk, request.app.state.desk)
    try:
        upload = await desk.take(caller.account_id, path, claimed, path.parent)
    except InvalidRequest as refused:
        raise type(refused)(refused.message.replace("The file", f"'{field}'", 1), field=field) from None
    UPLOADED.labels(upload.kind).inc()
    try:
        link = runtime_of(request).storage.own_link(upload.key, ttl_s=uploads.KEEP_S)
        yield Kept(replace(wanted, media=(role(link, upload.kind),)), (upload.key,))
    finally:
        await _drop_loose(desk, (upload.key,))


def _keys(stored: dict[str, Upload]) -> tuple[str, ...]:
    return tuple(upload.key for upload in stored.values())


async def _stored(desk: Desk, caller: Caller, medium: MediaRef, folder: Path) -> Upload:
    field, path = medium.field, folder / "body"
    try:
        await asyncio.to_thread(_decode, medium.url, path)
        found = await desk.take(caller.account_id, path, medium.kind, folder)
    except binascii.Error:
        raise InvalidRequest(f"'{field}' is not base64", field=field) from None
    except InvalidRequest as refused:
        kind = PayloadTooLarge if isinstance(refused, PayloadTooLarge) else InvalidRequest
        raise kind(f"'{field}': {refused.message[:1].lower()}{refused.message[1:]}", field=field) from None
    except StorageError as error:
        log.error("a medium inside a request could not be stored", error=str(error))
        raise ServiceBusy("The request's media could not be stored; try again shortly", retry_after_s=5) from None
    UPLOADED.labels(found.kind).inc()
    return found


def _decode(url: str, path: Path) -> None:
    path.write_bytes(base64.b64decode(url[url.index(",", 0, HEAD_CHARS_MAX) + 1 :], validate=True))


def _addressed(request: Request, media: tuple[MediaRef, ...], stored: dict[str, Upload]) -> tuple[MediaRef, ...]:
    storage = runtime_of(request).storage
    links = {url: storage.own_link(upload.key, ttl_s=uploads.KEEP_S) for url, upload in stored.items()}
    return tuple(replace(medium, url=links.get(medium.url, medium.url)) for medium in media)


async def _drop_loose(desk: Desk, keys: tuple[str, ...]) -> None:
    """Remove what belongs to no task; while the database is away that is left to the sweep."""
    if not keys:
        return
    with contextlib.suppress(*db.UNAVAILABLE):
        async with db.connection(desk.runtime.pool) as conn:
            loose = await uploads.loose(conn, keys)
        for key in loose:
            await desk.drop(key)
