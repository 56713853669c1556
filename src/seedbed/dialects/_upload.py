"""Bodies that are files: streamed to disk, raw or as the one part of a form. Knows no dialect.

Never holds a body in memory, and never believes what it says of itself: a name that comes with a file is
not even read.
"""

from __future__ import annotations

import asyncio
import mmap
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from starlette.requests import Request

from seedbed import telemetry, uploads
from seedbed.accounts import Caller
from seedbed.dialects import _form
from seedbed.engines import Kind
from seedbed.errors import InvalidRequest, PayloadTooLarge, RequestTooSlow, ServiceBusy
from seedbed.intake import Desk
from seedbed.media.inputs import BYTES_MAX, MB
from seedbed.runtime import Runtime
from seedbed.storage import StorageError
from seedbed.uploads import Upload

FORM_BYTES_MAX = 16 << 10
"""What a form may add to its file."""
BODY_S_MAX = 300.0
FILE_BYTES_MAX = max(BYTES_MAX.values())


async def keep(request: Request, caller: Caller) -> Upload:
    """Keep the file that was sent for the caller's account. Raises what `receive` and `Desk.take` raise."""
    desk = cast(Desk, request.app.state.desk)
    async with folder_of(desk) as folder:
        path, claimed = await receive(request, folder)
        kept = await desk.take(caller.account_id, path, claimed, folder)
    telemetry.UPLOADED.labels(kept.kind).inc()
    return kept


@asynccontextmanager
async def folder_of(desk: Desk) -> AsyncIterator[Path]:
    """A folder for one upload. Raises ServiceBusy when there is no room, or when the file cannot be stored."""
    try:
        async with desk.folder() as folder:
            yield folder
    except StorageError as error:
        telemetry.log.error("an upload could not be stored", error=str(error))
        raise ServiceBusy("The file could not be stored; try again shortly", retry_after_s=5) from None


def address(runtime: Runtime, kept: Upload) -> str:
    """Where an upload is found for as long as it is kept: what a request's media take."""
    return runtime.storage.own_link(kept.key, ttl_s=uploads.KEEP_S)


async def receive(request: Request, folder: Path) -> tuple[Path, Kind | None]:
    """The file that was sent, in `folder`, and the kind that its Content-Type says it is, if it says any.

    Raises InvalidRequest for an empty body, a form that is not one part called `file`, or a body that takes
    longer than BODY_S_MAX (RequestTooSlow); PayloadTooLarge.
    """
    content_type = request.headers.get("content-type", "")
    is_form = _form.is_form(content_type)
    path = await save(request, folder, FILE_BYTES_MAX + (FORM_BYTES_MAX if is_form else 0))
    if is_form:
        boundary = _form.boundary_of(content_type)
        if boundary is None:
            raise InvalidRequest("A form with a file must be multipart/form-data with a boundary", field="file")
        content_type = await asyncio.to_thread(_unwrap, path, boundary)
        path = folder / "part"
    if not path.stat().st_size:
        raise InvalidRequest(
            "The file is empty; send its bytes as the body or as the part 'file' of a form", field="file"
        )
    return path, claim(content_type)


async def save(request: Request, folder: Path, most: int) -> Path:
    """The request's body of at most `most` bytes as a file in `folder`. Raises PayloadTooLarge, RequestTooSlow."""
    path = folder / "body"
    try:
        async with asyncio.timeout(BODY_S_MAX):
            await _write(request, path, most)
    except TimeoutError:
        raise RequestTooSlow(f"The file did not arrive within {BODY_S_MAX:.0f} seconds", field="file") from None
    return path


async def _write(request: Request, path: Path, most: int) -> None:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared[:20]) > most:
        _too_large()
    size = 0
    with path.open("xb") as file:
        async for piece in request.stream():
            size += len(piece)
            if size > most:
                _too_large()
            await asyncio.to_thread(file.write, piece)


def _too_large() -> None:
    raise PayloadTooLarge(f"The file is larger than {FILE_BYTES_MAX // MB} MB", field="file")


def _unwrap(path: Path, boundary: bytes) -> str:
    """Write the form's one part beside it; gives the part's own Content-Type."""
    wrong = InvalidRequest("The form must have one part, called 'file'", field="file")
    if not path.stat().st_size:
        raise wrong
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
        try:
            [part] = _form.parts(body, boundary)
        except ValueError:
            raise wrong from None
        if part.name != "file":
            raise wrong
        file.seek(part.start)
        with path.with_name("part").open("xb") as single:
            shutil.copyfileobj(file, single, 1 << 20)
            single.truncate(part.end - part.start)
    return part.content_type


def claim(content_type: str) -> Kind | None:
    """The kind that a type names; the types that tools send when they know none name none."""
    kinds: dict[str, Kind] = {"image": "image", "video": "video", "audio": "audio"}
    return kinds.get(content_type.partition("/")[0].strip().lower())
