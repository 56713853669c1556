"""The Ark API, `/api/v3`: what Seedance's maker serves itself, for its official SDKs unmodified.

A task belongs to the account: every key of it, of either kind, sees the task. Errors have the maker's shape and codes,
and say to its SDKs whether sending again can help: they send 408, 409, 429 and 5xx twice more by themselves, a
purchase too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import orjson
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from seedbed import db, library, tasks, telemetry
from seedbed.accounts import Caller
from seedbed.catalogue import ADAPTIVE, Catalogue, pixels
from seedbed.db import Connection
from seedbed.dialects import _ark_v3_request, _ark_v3_schema, _http, _inline
from seedbed.dialects._ark_v3_request import EXPIRES_S, ID_PREFIX, NAME, Constraint, ModelNotFound
from seedbed.dialects._http import answer, runtime_of
from seedbed.dialects._json import choice
from seedbed.engines import FPS
from seedbed.errors import (
    ApiError,
    IdempotencyConflict,
    InsufficientCredits,
    InvalidRequest,
    MethodNotAllowed,
    MissingField,
    NotFound,
    PayloadTooLarge,
    QueueFull,
    QuotaSpent,
    RateLimited,
    ServiceBusy,
    Unauthorized,
)
from seedbed.idempotency import Answer
from seedbed.tasks import Status, Task
from seedbed.wanted import Wanted
from seedbed.webhooks import Patience

__all__ = ["ID_PREFIX", "NAME"]

PREFIX = "/api/v3"
BODY_BYTES_MAX = 64 << 20
PAGE_DEFAULT, PAGE_MAX, PAGES_MAX = 20, 500, 500
RETRY_S_MAX = 2
"""The maker's SDKs wait up to 2 s before their second and third try, whatever `Retry-After` says."""

PATIENCE = Patience(schedule_s=(0, 5, 5, 5), timeout_s=5.0)

STATUSES: dict[Status, str] = {
    "queued": "queued",
    "processing": "running",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}
EXPIRED = "expired"
TIERS = ("default", "flex")


class _RunningTask(InvalidRequest):
    """A task that runs cannot be deleted."""


class _CancelledTask(InvalidRequest):
    """A task that was cancelled cannot be deleted."""


class _Unsure(ServiceBusy):
    """The database went away while a task was being accepted: it may have been."""


# Errors ------------------------------------------------------------------------------------------------------

ERRORS: dict[type[ApiError], tuple[int, str, str]] = {
    Unauthorized: (401, "AuthenticationError", "Unauthorized"),
    MissingField: (400, "MissingParameter", "BadRequest"),
    Constraint: (400, "InvalidParameter.TaskTypeConstraint", "BadRequest"),
    _RunningTask: (409, "InvalidAction.RunningTaskDeletion", "Conflict"),
    _CancelledTask: (409, "InvalidAction.CancelledTaskDeletion", "Conflict"),
    PayloadTooLarge: (413, "InvalidParameter", "BadRequest"),
    InvalidRequest: (400, "InvalidParameter", "BadRequest"),
    InsufficientCredits: (403, "AccountOverdueError", "Forbidden"),
    ModelNotFound: (404, "InvalidEndpointOrModel.NotFound", "NotFound"),
    NotFound: (404, "ResourceNotFound", "NotFound"),
    MethodNotAllowed: (405, "MethodNotAllowed", "MethodNotAllowed"),
    IdempotencyConflict: (409, "IdempotencyConflict", "Conflict"),
    QuotaSpent: (429, "SetLimitExceeded", "TooManyRequests"),
    RateLimited: (429, "RateLimitExceeded", "TooManyRequests"),
    QueueFull: (429, "QuotaExceeded", "TooManyRequests"),
    ServiceBusy: (503, "ServiceUnavailable", "ServiceUnavailable"),
    ApiError: (500, "InternalServiceError", "InternalServerError"),
}
"""Status, code and type of each of our errors; a kind that is not named is told as its nearest ancestor."""


def _told(error: ApiError) -> tuple[int, str, str]:
    return next(ERRORS[kind] for kind in type(error).__mro__ if kind in ERRORS)


def error_body(error: ApiError) -> dict[str, Any]:
    """An error in this dialect's shape."""
    _, code, kind = _told(error)
    trace_id = structlog.contextvars.get_contextvars().get("request_id", "")
    message = f"{error.message.rstrip('.')}. Request id: {trace_id}"
    return {"error": {"code": code, "message": message, "param": error.field or "", "type": kind}}


def error_head(error: ApiError) -> tuple[int, dict[str, str]]:
    """The status, and whether the maker's SDKs may send the request again."""
    soon = error.retry_after_s is not None and error.retry_after_s <= RETRY_S_MAX
    return _told(error)[0], {} if soon and not isinstance(error, _Unsure) else {"x-should-retry": "false"}


# What is sent ------------------------------------------------------------------------------------------------


def callback_body(task: Task, status: Status, link: Callable[[str], str]) -> dict[str, Any]:
    """What a callback says: the answer that `GET` would give at that state."""
    return _task_body(task, status, link)


def _task_body(task: Task, status: Status, link: Callable[[str], str]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": task.id,
        "model": task.echo.get("model", task.model),
        "status": _status(task, status),
        "error": _task_error(task) if status == "failed" else None,
    }
    if status == "succeeded":
        body |= {"content": _content(task, link), "usage": _usage(task)}
    body |= {
        "created_at": int(task.created_at.timestamp()),
        "updated_at": int(task.updated_at.timestamp()),
        "seed": task.seed,
        "resolution": task.resolution,
        "ratio": _ratio(task),
        "duration": task.duration_s,
        "framespersecond": FPS,
        "service_tier": task.echo.get("service_tier", "default"),
        "execution_expires_after": task.echo.get("execution_expires_after", EXPIRES_S),
        "generate_audio": task.audio,
        "draft": False,
        "priority": task.priority,
    }
    if "safety_identifier" in task.echo:
        body["safety_identifier"] = task.echo["safety_identifier"]
    return body


def _status(task: Task, status: Status) -> str:
    return EXPIRED if status == "failed" and task.error_code == EXPIRED else STATUSES[status]


def _task_error(task: Task) -> dict[str, str | None]:
    return {"code": task.error_code, "message": task.error_message}


def _content(task: Task, link: Callable[[str], str]) -> dict[str, str]:
    keys = {"video_url": task.output_key, "last_frame_url": task.last_frame_key}
    return {name: link(key) for name, key in keys.items() if key}


def _usage(task: Task) -> dict[str, int]:
    """Tokens: the seconds that went in and came out, times the pixels of 24 frames, by 1024."""
    seconds = Fraction(task.input_s or 0).limit_denominator(1000) + task.duration_s
    tokens = round(seconds * (task.width or 0) * (task.height or 0) * FPS / 1024)
    return {"completion_tokens": tokens, "total_tokens": tokens}


def _ratio(task: Task) -> str:
    """The ratio that was asked for; where that is `adaptive`, the one that was made, once it is there."""
    if task.aspect_ratio != ADAPTIVE or task.width is None or task.height is None:
        return task.aspect_ratio
    size = task.width, task.height
    exact = Fraction(*size)
    named = (each for each in _ark_v3_schema.RATIOS if pixels(task.resolution, each) == size)
    return next(named, f"{exact.numerator}:{exact.denominator}")


# Routes ------------------------------------------------------------------------------------------------------


async def create(request: Request) -> Response:
    """Accept a task. Its credits are taken now and given back if it fails, expires or is cancelled."""
    caller = await _http.authenticate(request, "open", "studio")
    body = await _http.read_large_object(request, BODY_BYTES_MAX)
    if (first := await _http.replayed(request, caller, body)) is not None:
        return first
    wanted = _ark_v3_request.parse(dict(body.values), runtime_of(request), _http.trace_id(request))
    async with _inline.kept(request, caller, wanted) as kept:
        try:
            return await _http.accept(request, caller, body, kept.wanted, _accepted, also=kept.attach)
        except db.UNAVAILABLE as error:
            if "idempotency-key" in request.headers:
                raise  # sent again, it is carried out once
            telemetry.log.warning("a task may have been accepted", error=repr(error))
            message = "The service is busy and cannot say whether the task was accepted; look at the list of tasks"
            raise _Unsure(message, retry_after_s=RETRY_S_MAX) from None


def _accepted(task: Task) -> Answer:
    safety = {name: task.echo[name] for name in ("safety_identifier",) if name in task.echo}
    return Answer(200, orjson.dumps({"id": task.id} | safety))


async def get(request: Request) -> Response:
    """A task of this account, with its video once it has succeeded."""
    caller = await _http.authenticate(request, "open", "studio")
    runtime = runtime_of(request)
    async with db.connection(runtime.pool) as conn:
        task = await _own(conn, request, caller)
    body = _task_body(task, task.status, runtime.storage.link)
    return answer(body, headers={"X-Task-Progress": f"{task.progress:.3f}"})


async def list_tasks(request: Request) -> Response:
    """Tasks of this account, newest first, a page of those that pass the filters, and how many there are in all."""
    caller = await _http.authenticate(request, "open", "studio")
    runtime, query = runtime_of(request), request.query_params
    size = _http.query_number(query.get("page_size"), "page_size", default=PAGE_DEFAULT, most=PAGE_MAX)
    number = _http.query_number(query.get("page_num"), "page_num", default=1, most=PAGES_MAX)
    wanted = _wanted(request, caller)
    async with db.connection(runtime.pool) as conn:
        found, total = await library.page_with_total(conn, wanted, limit=size, offset=(number - 1) * size)
    items = [_task_body(task, task.status, runtime.storage.link) for task in found]
    return answer({"items": items, "total": total})


def _wanted(request: Request, caller: Caller) -> Wanted:
    query = request.query_params
    said = {"model": query.get("filter.model"), "service_tier": query.get("filter.service_tier")}
    if said["service_tier"] is not None:
        choice("filter.service_tier", said["service_tier"], TIERS)
    ids = query.getlist("filter.task_ids")
    if "\x00" in f"{said['model']}{''.join(ids)}":
        raise InvalidRequest("A filter holds the character U+0000; remove it", field="filter")
    echo = {name: value for name, value in said.items() if value is not None}
    wanted = Wanted(dialect=NAME, account_id=caller.account_id, ids=tuple(ids) or None, echo=echo or None)
    status = query.get("filter.status")
    return wanted if status is None else _of_status(wanted, status)


def _of_status(wanted: Wanted, status: str) -> Wanted:
    """What is wanted in one of this dialect's statuses: an expired task is a failed one to the core."""
    core: dict[str, Status] = {name: status for status, name in STATUSES.items()}
    choice("filter.status", status, (*core, EXPIRED))
    if status == EXPIRED:
        return replace(wanted, status="failed", failure=EXPIRED)
    return replace(wanted, status=core[status], not_failure=EXPIRED)


async def delete(request: Request) -> Response:
    """Cancel a task that waits, or remove one that has ended, with its files. One that runs is left alone."""
    caller = await _http.authenticate(request, "open", "studio")
    runtime = runtime_of(request)
    async with db.transaction(runtime.pool) as conn:
        task = await _own(conn, request, caller, lock=True)
        if task.status == "processing":
            raise _RunningTask("The task is running and cannot be deleted", field="id")
        if task.status == "cancelled":
            raise _CancelledTask("The task was cancelled and cannot be deleted", field="id")
        if task.status == "queued":
            await tasks.cancel(conn, task)
        else:
            await tasks.remove(conn, task)
    runtime.wake()
    return answer({})


async def _own(conn: Connection, request: Request, caller: Caller, *, lock: bool = False) -> Task:
    task_id = request.path_params["id"]
    return await tasks.get_own(conn, task_id, dialect=NAME, account_id=caller.account_id, lock=lock)


ROUTES: _http.Routes = (
    ("POST", "/contents/generations/tasks", create),
    ("GET", "/contents/generations/tasks", list_tasks),
    ("GET", "/contents/generations/tasks/{id}", get),
    ("DELETE", "/contents/generations/tasks/{id}", delete),
)


def build() -> Starlette:
    """The application to mount at PREFIX; it finds its runtime in `app.state.runtime`."""
    return _http.application(ROUTES, error_body, error_head)


def document(catalogue: Catalogue) -> dict[str, Any]:
    """The OpenAPI document of what `catalogue` sells here."""
    return _ark_v3_schema.document(catalogue)
