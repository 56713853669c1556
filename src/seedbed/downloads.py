"""`/files/<signature>/<key>`: outputs and uploads, to whoever has the link.

Serves only what a task has published (a row in `files`) or an account keeps (a row in `uploads`), so the
output of an attempt that lost its task is never seen. Ranges, entity tags and conditional requests as in
RFC 9110; on S3 it redirects to a fresh presigned address, so that a link outlives what S3 can sign.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from email.utils import format_datetime

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse

from seedbed import db, storage, tasks, uploads
from seedbed.db import Record
from seedbed.runtime import Runtime
from seedbed.storage import Storage, StorageError, Unsatisfiable
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
            file = await tasks.find_file(conn, key) or await uploads.find(conn, key)
    except db.UNAVAILABLE:
        return PlainTextResponse("The service is busy; try again shortly\n", 503, {"Retry-After": "2"})
    if file is None:
        return _missing()
    elsewhere = await runtime.storage.presigned(key, REDIRECT_S)
    if elsewhere is not None:
        return RedirectResponse(elsewhere, 302, {"Cache-Control": "no-store"})
    return _answer(request, file, runtime.storage)


def _missing() -> Response:
    return PlainTextResponse("There is no such file\n", 404)


def _answer(request: Request, file: Record, store: Storage) -> Response:
    size: int = file["size_bytes"]
    headers = _headers(file, download="download" in request.query_params)
    if storage.not_modified(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(None, 304, headers)
    wanted = request.headers.get("range")
    if not storage.range_holds(request.headers.get("if-range"), headers["ETag"], headers["Last-Modified"]):
        wanted = None
    part = storage.parse_range(wanted, size)
    if isinstance(part, Unsatisfiable):
        return Response(None, 416, {**headers, "Content-Range": f"bytes */{size}"})
    start, end = part or (0, size)
    headers["Content-Length"] = str(end - start)
    if part is not None:
        headers["Content-Range"] = storage.content_range(start, end, size)
    status = 200 if part is None else 206
    if request.method == "HEAD":
        return Response(None, status, headers)
    return StreamingResponse(_bytes(store, file["key"], start, end), status, headers)


def _headers(file: Record, *, download: bool) -> dict[str, str]:
    name = file["key"].rpartition("/")[2]
    return {
        "Content-Type": file["content_type"],
        "ETag": storage.quoted_etag(bytes(file["sha256"]).hex()),
        "Last-Modified": format_datetime(file["created_at"], usegmt=True),
        "Accept-Ranges": "bytes",
        "Cache-Control": CACHE,
        "Content-Disposition": storage.content_disposition(name, "attachment" if download else "inline"),
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
