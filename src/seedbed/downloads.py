"""`/files/<signature>/<key>`: outputs and uploads, to whoever has the link.

Serves only what a task has published (a row in `files`) or an account keeps (a row in `uploads`), so the
output of an attempt that lost its task is never seen. Ranges, entity tags and conditional requests as in
RFC 9110; on S3 it redirects to a fresh presigned address, so that a link outlives what S3 can sign.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Literal
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse

from seedbed import db, files, storage, uploads
from seedbed.db import Record
from seedbed.runtime import Runtime
from seedbed.storage import Storage, StorageError
from seedbed.telemetry import log

REDIRECT_S = 3600
CACHE = "private, max-age=31536000, immutable"


async def serve(request: Request) -> Response:
    """A file, or the part of it that the Range header asks for. 404 for anything but a genuine link."""
    runtime: Runtime = request.app.state.runtime
    signature, key = request.path_params["signature"], request.path_params["key"]
    if not runtime.storage.verify(signature, key, time.time()):
        return _missing()
    try:
        async with db.connection(runtime.pool) as conn:
            file = await files.find(conn, key) or await uploads.find(conn, key)
    except db.UNAVAILABLE:
        return PlainTextResponse("The service is busy; try again shortly\n", 503, {"Retry-After": "2"})
    if file is None:
        return _missing()
    return await answer(request, file, runtime.storage)


def _missing() -> Response:
    return PlainTextResponse("There is no such file\n", 404)


async def answer(request: Request, file: Record, store: Storage, *, cache: str = CACHE) -> Response:
    """The file, or the part of it that Range asks for; a redirect to S3 where it lies there. Raises StorageError.

    `cache` is what caches may do with it (Cache-Control).
    """
    elsewhere = await store.presigned(file["key"], REDIRECT_S)
    if elsewhere is not None:
        return RedirectResponse(elsewhere, 302, {"Cache-Control": "no-store"})
    size: int = file["size_bytes"]
    headers = _headers(file, download="download" in request.query_params) | {"Cache-Control": cache}
    if not_modified(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(None, 304, headers)
    wanted = request.headers.get("range")
    if not range_holds(request.headers.get("if-range"), headers["ETag"], headers["Last-Modified"]):
        wanted = None
    part = parse_range(wanted, size)
    if isinstance(part, Unsatisfiable):
        return Response(None, 416, {**headers, "Content-Range": f"bytes */{size}"})
    start, end = part or (0, size)
    headers["Content-Length"] = str(end - start)
    if part is not None:
        headers["Content-Range"] = content_range(start, end, size)
    status = 200 if part is None else 206
    if request.method == "HEAD":
        return Response(None, status, headers)
    return StreamingResponse(_bytes(store, file["key"], start, end), status, headers)


def _headers(file: Record, *, download: bool) -> dict[str, str]:
    name = file["key"].rpartition("/")[2]
    return {
        "Content-Type": file["content_type"],
        "ETag": storage.quoted_etag(bytes(file["sha256"]).hex()),
        "Repr-Digest": repr_digest(bytes(file["sha256"])),
        "Last-Modified": format_datetime(file["created_at"], usegmt=True),
        "Accept-Ranges": "bytes",
        "Content-Disposition": content_disposition(name, "attachment" if download else "inline"),
        "Access-Control-Allow-Origin": "*",
    }


async def _bytes(store: Storage, key: str, start: int, end: int) -> AsyncIterator[bytes]:
    try:
        async for piece in store.get_range(key, start, end):
            yield piece
    except StorageError as error:
        # The head is sent: all that is left is to break off, so that the client sees a short body.
        log.error("a file could not be read", key=key, error=str(error))
        raise


# Parts of files, and what their headers say (RFC 9110, 6266) -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """The range lies outside the file: answer 416 with `Content-Range: bytes */<size>`."""

    size_bytes: int


def parse_range(header: str | None, size_bytes: int) -> tuple[int, int] | Unsatisfiable | None:
    """What a Range header asks of a file (RFC 9110, 14.2): (start, end without), Unsatisfiable, or None.

    None means the whole file: no header, another unit, bad syntax, or several ranges, which a server
    may ignore.
    """
    found = re.fullmatch(r"bytes=[ \t,]*([0-9]*)-([0-9]*)[ \t,]*", header or "", re.ASCII | re.IGNORECASE)
    if not found or not any(found.groups()):
        return None
    first, last = (_position(digits) for digits in found.groups())
    if first is None:
        assert last is not None
        if size_bytes == 0 and last:
            return None
        return (max(0, size_bytes - last), size_bytes) if last else Unsatisfiable(size_bytes)
    if last is not None and last < first:
        return None
    if first >= size_bytes:
        return Unsatisfiable(size_bytes)
    return first, size_bytes if last is None else min(last + 1, size_bytes)


def _position(digits: str) -> int | None:
    """The number, where there is one; 20 digits are beyond every file, so the rest need not be read."""
    return int(digits.lstrip("0")[:20] or "0") if digits else None


def content_range(start: int, end: int, size_bytes: int) -> str:
    """The Content-Range of a 206 answer with the bytes from `start` up to but without `end`."""
    return f"bytes {start}-{end - 1}/{size_bytes}"


def content_disposition(filename: str, kind: Literal["inline", "attachment"]) -> str:
    """A Content-Disposition (RFC 6266, 8187) that every client reads, whatever is in `filename`.

    Path separators, control characters and what is no text become `_`; the name is cut to 150 characters.
    """
    name = re.sub(r"[\x00-\x1f\x7f-\x9f\\/\ud800-\udfff]", "_", filename)[-150:].strip(" .") or "file"
    plain = re.sub(r'[^ -~]|["%]', "_", name)
    value = f'{kind}; filename="{plain}"'
    return value if plain == name else f"{value}; filename*=UTF-8''{quote(name, safe='')}"


def repr_digest(sha256: bytes) -> str:
    """A Repr-Digest (RFC 9530, 3): that of the whole file, whichever part of it is sent."""
    return f"sha-256=:{base64.b64encode(sha256).decode()}:"


def not_modified(if_none_match: str | None, etag: str) -> bool:
    """Whether an If-None-Match header names `etag`, so that 304 is the answer (weak comparison)."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or etag in re.findall(r'"[!#-~\x80-\xff]*"', if_none_match)


def range_holds(if_range: str | None, etag: str, last_modified: str) -> bool:
    """Whether a Range header counts, given its If-Range (strong comparison); if not, send the whole file.

    `last_modified` is the Last-Modified header as this server writes it.
    """
    return if_range is None or if_range.strip() in (etag, last_modified)
