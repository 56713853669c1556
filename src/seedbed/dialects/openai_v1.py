"""The OpenAI Videos API, `/v1/videos`: what programs written for it need to run here by a change of base URL.

A video belongs to the account: every key of it, of either API, sees it. Whatever is under the prefix answers in this
dialect's error shape, other paths of OpenAI's included.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from seedbed import db, downloads, files, library, tasks, telemetry
from seedbed.accounts import Caller
from seedbed.catalogue import Catalogue, pixels
from seedbed.db import Connection, Record
from seedbed.dialects import _http, _inline, _openai_v1_request, _openai_v1_schema
from seedbed.dialects._http import Body, answer, runtime_of
from seedbed.dialects._json import choice
from seedbed.dialects._openai_v1_request import NAME, REFERENCE, NotReady, Sent
from seedbed.errors import (
    ApiError,
    IdempotencyConflict,
    InsufficientCredits,
    NotFound,
    QuotaSpent,
    ServiceBusy,
)
from seedbed.idempotency import Answer
from seedbed.tasks import Status, Task, TaskRequest
from seedbed.wanted import Wanted

__all__ = ["NAME", "PREFIX", "ROUTES", "build", "callback_body", "document", "error_body"]

PREFIX = "/v1"
PAGE_DEFAULT, PAGE_MAX = 20, 100
POLL_AFTER_MS = 1000
"""The SDK keeps to the first answer's for as long as it polls, and a key has 600 requests a minute."""

STATUSES: dict[Status, str] = {
    "queued": "queued",
    "processing": "in_progress",
    "succeeded": "completed",
    "failed": "failed",
    "cancelled": "failed",
}
CALLBACK_PROMPT_BYTES_MAX = 12_000
"""As JSON; a webhook's message must stay small."""

VARIANTS = ("video", "thumbnail", "spritesheet")
ORDERS = ("asc", "desc")

ERRORS: dict[str, tuple[str, str]] = {
    "invalid_request": ("invalid_request_error", "invalid_value"),
    "unauthorized": ("invalid_request_error", "invalid_api_key"),
    "insufficient_credits": ("insufficient_quota", "insufficient_quota"),
    "not_found": ("invalid_request_error", "not_found"),
    "idempotency_conflict": ("invalid_request_error", "idempotency_conflict"),
    "rate_limited": ("rate_limit_error", "rate_limit_exceeded"),
    "internal_error": ("server_error", "internal_error"),
    "service_busy": ("server_error", "service_busy"),
}
"""The core's codes → this dialect's type and code."""

STATUS_CODES = {405: "method_not_allowed", 413: "payload_too_large"}


class Unsure(ServiceBusy):
    """The database went away in mid-purchase. Without an Idempotency-Key, sending it again may buy twice."""


# What is sent ------------------------------------------------------------------------------------------------


def error_body(error: ApiError) -> dict[str, Any]:
    """An error in this dialect's shape."""
    kind, code = ERRORS.get(error.code, ("invalid_request_error", error.code))
    code = STATUS_CODES.get(error.status, code)
    return {"error": {"message": error.message, "type": kind, "param": error.field, "code": code}}


def error_head(error: ApiError) -> tuple[int, dict[str, str]]:
    """The status, and the header that keeps the SDK from trying again where it cannot help."""
    over = isinstance(error, InsufficientCredits | QuotaSpent | Unsure)
    over = over or (isinstance(error, IdempotencyConflict) and error.retry_after_s is None)
    return error.status, {"x-should-retry": "false"} if over else {}


def callback_body(task: Task, status: Status, link: Callable[[str], str]) -> dict[str, Any]:
    """What the webhook of a key says: the answer that `GET /v1/videos/{id}` would give, but for a very long prompt."""
    body = _video(task, status)
    while len(orjson.dumps(body["prompt"])) > CALLBACK_PROMPT_BYTES_MAX:
        body["prompt"] = body["prompt"][: len(body["prompt"]) * 3 // 4].rstrip("…") + "…"
    return body


def _video(task: Task, status: Status) -> dict[str, Any]:
    return {
        "id": task.id,
        "object": "video",
        "model": task.echo.get("model", task.model),
        "status": STATUSES[status],
        "progress": _percent(task, status),
        "created_at": _unix(task.created_at),
        "completed_at": _unix(task.finished_at) if status == "succeeded" else None,
        # Files stay until their video is deleted, and are fetched with a key: no link in an answer could end.
        "expires_at": None,
        "prompt": task.echo.get("prompt", task.prompt),
        "size": _size(task),
        "seconds": str(task.duration_s),
        "remixed_from_video_id": task.echo.get("remixed_from"),
        "error": _failure(task, status),
    }


def _size(task: Task) -> str:
    width, height = pixels(task.resolution, task.aspect_ratio)
    return f"{width}x{height}"


def _percent(task: Task, status: Status) -> int:
    """Whole percents; 100 is said of a video that is there, and of no other."""
    return 100 if status == "succeeded" else min(99, int(task.progress * 100))


def _unix(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())


def _failure(task: Task, status: Status) -> dict[str, Any] | None:
    if status == "cancelled":
        return {"code": "cancelled", "message": "The video was cancelled"}
    return {"code": task.error_code, "message": task.error_message} if status == "failed" else None


def _told(task: Task) -> Response:
    headers = {} if task.ended else {"openai-poll-after-ms": str(POLL_AFTER_MS)}
    return answer(_video(task, task.status), headers=headers)


# Routes ------------------------------------------------------------------------------------------------------


async def create(request: Request) -> Response:
    """Accept a video. Its credits are taken now and given back if it fails."""
    caller, runtime = await _caller(request), runtime_of(request)
    async with _openai_v1_request.received(request) as sent:
        if (first := await _http.replayed(request, caller, sent.body)) is not None:
            return first
        wanted = _openai_v1_request.parse_submission(
            dict(sent.body.values), runtime, _http.trace_id(request), file=sent.file is not None
        )
        async with _kept(request, caller, sent, wanted) as kept:
            return await _accept(request, caller, sent.body, kept)


def _kept(
    request: Request, caller: Caller, sent: Sent, wanted: TaskRequest
) -> AbstractAsyncContextManager[_inline.Kept]:
    """The request with what came in it stored, for as long as its task needs it."""
    if sent.file is None:
        return _inline.kept(request, caller, wanted)
    role = partial(_openai_v1_request.reference, model=wanted.model)
    return _inline.kept_file(request, caller, wanted, sent.file, sent.claimed, REFERENCE, role)


async def _accept(request: Request, caller: Caller, body: Body, kept: _inline.Kept) -> Response:
    try:
        return await _http.accept(request, caller, body, kept.wanted, _accepted, also=kept.attach)
    except db.UNAVAILABLE as error:
        if "idempotency-key" in request.headers:
            raise
        telemetry.log.warning("a video may have been accepted", error=repr(error))
        raise Unsure("The service is busy and cannot say whether the video was accepted; list your videos") from None


def _accepted(task: Task) -> Answer:
    return Answer(200, orjson.dumps(_video(task, task.status)))


async def remix(request: Request) -> Response:
    """Accept another version of a completed video, by a new prompt."""
    caller, runtime = await _caller(request), runtime_of(request)
    body = await _http.read_object(request)
    if (first := await _http.replayed(request, caller, body)) is not None:
        return first
    async with db.connection(runtime.pool) as conn:
        earlier = await _own(conn, request, caller)
    wanted = _openai_v1_request.parse_remix(body.values, earlier, runtime, _http.trace_id(request))
    return await _accept(request, caller, body, _inline.Kept(wanted, ()))


async def list_videos(request: Request) -> Response:
    """The account's videos, newest first or oldest first."""
    caller, runtime, query = await _caller(request), runtime_of(request), request.query_params
    limit = _http.query_number(query.get("limit"), "limit", default=PAGE_DEFAULT, most=PAGE_MAX)
    order = choice("order", query.get("order", "desc"), ORDERS)
    async with db.connection(runtime.pool) as conn:
        page = await library.browse(
            conn,
            Wanted(dialect=NAME, account_id=caller.account_id),
            limit=limit,
            after=query.get("after"),
            oldest_first=order == "asc",
        )
    found = {
        "object": "list",
        "data": [_video(task, task.status) for task in page.tasks],
        "first_id": page.tasks[0].id if page.tasks else None,
        "last_id": page.tasks[-1].id if page.tasks else None,
        "has_more": page.last is not None,
    }
    return answer(found)


async def retrieve(request: Request) -> Response:
    """A video of this account, and how far it is."""
    caller = await _caller(request)
    async with db.connection(runtime_of(request).pool) as conn:
        return _told(await _own(conn, request, caller))


async def delete(request: Request) -> Response:
    """Take a video away for good, with its files; one that is not finished is stopped, and paid back, first."""
    caller, runtime = await _caller(request), runtime_of(request)
    async with db.transaction(runtime.pool) as conn:
        task = await _own(conn, request, caller, lock=True)
        if not task.ended:
            task = await tasks.cancel(conn, task)
        await tasks.remove(conn, task)
    runtime.wake()
    return answer({"id": task.id, "object": "video.deleted", "deleted": True})


async def content(request: Request) -> Response:
    """The bytes of a completed video, its thumbnail or its sheet of frames, or the part that Range asks for."""
    caller, runtime = await _caller(request), runtime_of(request)
    variant = choice("variant", request.query_params.get("variant", "video"), VARIANTS)
    async with db.connection(runtime.pool) as conn:
        file = await _file(conn, await _own(conn, request, caller), variant)
    return await downloads.answer(request, file, runtime.storage, cache="private, no-cache")


async def _file(conn: Connection, task: Task, variant: str) -> Record:
    if task.status != "succeeded":
        told = STATUSES[task.status]
        wait = "; wait until it is completed" if not task.ended else ""
        raise NotReady(f"The video is {told.replace('_', ' ')} and has no content{wait}")
    key = {"video": task.output_key, "thumbnail": task.thumbnail_key, "spritesheet": task.spritesheet_key}[variant]
    file = await files.find(conn, key) if key is not None else None
    if file is None:
        raise NotFound("There is no such file of this video")
    return file


async def _caller(request: Request) -> Caller:
    return await _http.authenticate(request, "open", "studio")


async def _own(conn: Connection, request: Request, caller: Caller, *, lock: bool = False) -> Task:
    task_id = request.path_params["id"]
    try:
        return await tasks.get_own(conn, task_id, dialect=NAME, account_id=caller.account_id, lock=lock)
    except NotFound:
        raise NotFound("Video not found", field="video_id") from None


ROUTES: _http.Routes = (
    ("POST", "/videos", create),
    ("GET", "/videos", list_videos),
    ("GET", "/videos/{id}", retrieve),
    ("DELETE", "/videos/{id}", delete),
    ("GET", "/videos/{id}/content", content),
    ("POST", "/videos/{id}/remix", remix),
)


ABSENT = {
    "/videos/edits": "'edit' is not here; remix changes a completed video by a new prompt",
    "/videos/extensions": "'extend' is not here; remix goes on from a completed video: 'Continue this video: …'",
    "/videos/characters": "Characters are not here; show one by a picture, as the 'input_reference' of a video",
}
"""Paths of OpenAI's own that the SDK can call, and what to do instead."""


def _absent(message: str) -> _http.Handler:
    async def absent(_: Request) -> Response:
        raise NotFound(message)

    return absent


def build() -> Starlette:
    """The application to mount at PREFIX; it finds its runtime in `app.state.runtime`."""
    absent: _http.Routes = tuple(("POST", path, _absent(message)) for path, message in ABSENT.items())
    return _http.application((*absent, *ROUTES), error_body, error_head)


def document(catalogue: Catalogue) -> dict[str, Any]:
    """The OpenAPI document of what `catalogue` sells here."""
    return _openai_v1_schema.document(catalogue)
