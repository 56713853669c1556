"""Bodies that are files: streamed to disk, raw or as the one part of a form. Knows no dialect.

Never holds a body in memory, and never believes what it says of itself: a name that comes with a file is
not even read.
"""

from __future__ import annotations

import asyncio
import mmap
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from starlette.requests import Request

from seedbed import telemetry, uploads
from seedbed.accounts import Caller
from seedbed.engines import Kind
from seedbed.errors import InvalidRequest, PayloadTooLarge, RequestTooSlow, ServiceBusy
from seedbed.intake import Desk
from seedbed.media.inputs import BYTES_MAX, MB
from seedbed.runtime import Runtime
from seedbed.storage import StorageError
from seedbed.uploads import Upload

FORM_BYTES_MAX = 16 << 10
"""What a form may add to its file."""
PART_HEAD_BYTES_MAX = 8 << 10
BODY_S_MAX = 300.0
FILE_BYTES_MAX = max(BYTES_MAX.values())

_BOUNDARY = re.compile(r'multipart/form-data\s*;.*?\bboundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_NAME = re.compile(rb'^content-disposition:[^\r\n]*;\s*name="?file"?\s*(?:;|$)', re.IGNORECASE | re.MULTILINE)
_TYPE = re.compile(rb"^content-type:\s*([\w.+/-]+)", re.IGNORECASE | re.MULTILINE)


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
    is_form = content_type.lower().startswith("multipart/")
    most = FILE_BYTES_MAX + (FORM_BYTES_MAX if is_form else 0)
    path = folder / "body"
    try:
        async with asyncio.timeout(BODY_S_MAX):
            await _save(request, path, most)
    except TimeoutError:
        raise RequestTooSlow(f"The file did not arrive within {BODY_S_MAX:.0f} seconds", field="file") from None
    if is_form:
        boundary = _BOUNDARY.match(content_type)
        if boundary is None:
            raise InvalidRequest("A form with a file must be multipart/form-data with a boundary", field="file")
        content_type = await asyncio.to_thread(_unwrap, path, (boundary[1] or boundary[2]).encode("latin-1"))
        path = folder / "part"
    if not path.stat().st_size:
        raise InvalidRequest(
            "The file is empty; send its bytes as the body or as the part 'file' of a form", field="file"
        )
    return path, _claim(content_type)


async def _save(request: Request, path: Path, most: int) -> None:
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
    """Write the form's one part beside it (RFC 7578); gives the part's own Content-Type."""
    wrong = InvalidRequest("The form must have one part, called 'file'", field="file")
    if not path.stat().st_size:
        raise wrong
    opening, closing = b"--" + boundary + b"\r\n", b"\r\n--" + boundary
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
        head_end = body.find(b"\r\n\r\n", 0, PART_HEAD_BYTES_MAX)
        if body[: len(opening)] != opening or head_end < 0:
            raise wrong
        head, start = body[len(opening) : head_end].replace(b"\r\n", b"\n"), head_end + 4
        end = body.find(closing, start - 2)
        if not _NAME.search(head) or end < 0 or body[end + len(closing) : end + len(closing) + 2] != b"--":
            raise wrong
        file.seek(start)
        with path.with_name("part").open("xb") as part:
            shutil.copyfileobj(file, part, 1 << 20)
            part.truncate(max(0, end - start))
    found = _TYPE.search(head)
    return found[1].decode("ascii", "replace") if found else ""


def _claim(content_type: str) -> Kind | None:
    """The kind that a type names; the types that tools send when they know none name none."""
    kinds: dict[str, Kind] = {"image": "image", "video": "video", "audio": "audio"}
    return kinds.get(content_type.partition("/")[0].strip().lower())
