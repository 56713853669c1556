"""What every dialect needs of HTTP: who calls, a body in time, one execution a key, errors in one's own shape.

Knows no dialect. A dialect is a mounted application made by `application`; its handlers take a Request and
return a Response, and whatever they raise is rendered by the dialect's own `error_body`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sized
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NoReturn

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route

from seedbed import accounts, db, idempotency, tasks, telemetry
from seedbed.accounts import Api, Caller
from seedbed.db import Connection
from seedbed.dialects import _json
from seedbed.errors import (
    ApiError,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    RequestTooSlow,
    ServiceBusy,
    Unauthorized,
)
from seedbed.idempotency import Answer
from seedbed.limits import Shared
from seedbed.protocol import WHOLE
from seedbed.runtime import Runtime
from seedbed.tasks import Task, TaskRequest
from seedbed.telemetry import log

BUSY_RETRY_S = 2
BODY_S_MAX = 30.0
"""How long a body of JSON may take to come; that is 35 kB a second for the largest."""
LARGE_BODY_S_MAX = 300.0
LARGE_BODIES_AT_ONCE = 4
"""Bodies with media inside that one process reads at a time."""

NUMBER_DIGITS_MAX = 9
"""Of a number in a query, leading zeros too: whoever sends more means no page."""

REPLAYED = "Idempotent-Replayed"
"""The header of an answer that was given before."""

Handler = Callable[[Request], Awaitable[Response]]
ErrorBody = Callable[[ApiError], dict[str, Any]]
ErrorHead = Callable[[ApiError], tuple[int, dict[str, str]]]
"""The status and the further headers of an error, for a dialect where they are not the error's own."""
Method = Literal["GET", "POST", "DELETE"]
Routes = tuple[tuple[Method, str, Handler], ...]


def runtime_of(request: Request) -> Runtime:
    """The process's runtime; it is there from the moment that the first request can come."""
    runtime: Runtime = request.app.state.runtime
    return runtime


def trace_id(request: Request) -> str:
    """The request's id, which its answer carries as X-Request-Id."""
    found: str = request.scope["state"]["trace_id"]
    return found


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer. `content` may be bytes that are JSON already."""
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    return Response(body, status, headers, media_type="application/json")


_large_bodies = asyncio.Semaphore(LARGE_BODIES_AT_ONCE)

# Applications ----------------------------------------------------------------------------------------------


def own_head(error: ApiError) -> tuple[int, dict[str, str]]:
    """The status that the error declares, and nothing more."""
    return error.status, {}


def application(routes: Routes, error_body: ErrorBody, error_head: ErrorHead = own_head) -> Starlette:
    """A dialect to mount at its prefix: `routes`, and every error and fallback in the shape of `error_body`.

    The application finds its runtime in `app.state.runtime`, which must be there before the first request.
    """
    app = Starlette()
    app.router.redirect_slashes = False
    for method, pattern, handler in routes:
        add_route(app, method, pattern, guard(handler, error_body, error_head))
    add_fallbacks(app, error_body)
    return app


def add_route(app: Starlette, method: str, pattern: str, handler: Handler) -> None:
    """Route `method` (GET brings HEAD) on `pattern` to `handler`, and let metrics know the pattern."""

    async def endpoint(request: Request) -> Response:
        return await handler(request)

    endpoint.pattern = pattern  # type: ignore[attr-defined]
    app.router.add_route(pattern, endpoint, methods=[method])


def guard(handler: Handler, error_body: ErrorBody, error_head: ErrorHead = own_head) -> Handler:
    """`handler`, with everything that it raises rendered as an answer of the dialect."""

    async def guarded(request: Request) -> Response:
        try:
            return await handler(request)
        except ApiError as error:
            return refuse(error, error_body, error_head)
        except db.UNAVAILABLE as error:
            log.warning("the database is away", error=repr(error))
            return refuse(ServiceBusy(retry_after_s=BUSY_RETRY_S), error_body, error_head)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception:
            log.exception("a request failed")
            return refuse(InternalError(), error_body, error_head)

    guarded.__doc__, guarded.__name__ = handler.__doc__, handler.__name__
    return guarded


def refuse(error: ApiError, error_body: ErrorBody, error_head: ErrorHead = own_head) -> Response:
    """An error as an answer, with the headers that belong to its status."""
    status, headers = error_head(error)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status in (429, 503) or error.retry_after_s:
        headers["Retry-After"] = str(error.retry_after_s or BUSY_RETRY_S)
    if isinstance(error, PayloadTooLarge | RequestTooSlow):
        # The rest of the body is not read: nothing sensible can follow on this connection.
        headers["Connection"] = "close"
    return answer(error_body(error), status, headers)


def add_fallbacks(app: Starlette, error_body: ErrorBody) -> None:
    """Answer unknown paths and wrong methods in the dialect's own shape."""

    async def fallback(request: Request, raised: Exception) -> Response:
        assert isinstance(raised, HTTPException)
        if raised.status_code != 405:
            return refuse(NotFound("There is no such path"), error_body)
        response = refuse(MethodNotAllowed(), error_body)
        response.headers["Allow"] = _allowed(request)
        return response

    app.add_exception_handler(HTTPException, fallback)


def _allowed(request: Request) -> str:
    """The methods of the path: each has a route of its own, and the framework would name the first alone."""
    routes = [route for route in request.app.router.routes if isinstance(route, Route)]
    pattern = next(route.path for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return ", ".join(sorted({method for route in routes if route.path == pattern for method in route.methods or ()}))


# Who calls ---------------------------------------------------------------------------------------------------


async def authenticate(request: Request, *apis: Api, shared: Shared | None = None) -> Caller:
    """The caller behind the Authorization header, with this request counted, in the minute of `shared` too.

    Raises Unauthorized, or RateLimited: for the key's minute, for the shared one, and for an address that keeps
    guessing (which never locks out a good key from the same address).
    """
    runtime = runtime_of(request)
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    try:
        if scheme.lower() != "bearer":
            raise Unauthorized
        secret = secret.strip()
        if not accounts.well_formed(secret):
            raise Unauthorized
        async with db.connection(runtime.pool) as conn:
            return await accounts.authenticate(conn, secret, apis, shared)
    except Unauthorized:
        address = request.client.host if request.client else ""
        runtime.refusals.check(address)
        runtime.refusals.add(address)
        raise


# Bodies ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON object as sent, without its nulls, and its canonical bytes (of which equal bodies have the same)."""

    values: dict[str, Any]
    canonical: bytes


async def read_object(request: Request) -> Body:
    """The request's JSON object. Raises InvalidRequest, PayloadTooLarge before it is all in memory, RequestTooSlow."""
    return _body(await read_bytes(request))


async def read_large_object(request: Request, size_bytes_max: int) -> Body:
    """The same where media may stand inside: up to `size_bytes_max`, in LARGE_BODY_S_MAX seconds, parsed in a thread.

    Raises ServiceBusy too, while LARGE_BODIES_AT_ONCE others are read: each takes several times its size of memory.
    """
    small = runtime_of(request).settings.body_bytes_max
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared[:20]) <= small:
        return await read_object(request)
    if _large_bodies.locked():
        raise ServiceBusy("Too many large requests at the same time; try again shortly", retry_after_s=BUSY_RETRY_S)
    async with _large_bodies:
        return await asyncio.to_thread(_body, await read_body(request, size_bytes_max, LARGE_BODY_S_MAX))


def _body(raw: bytes) -> Body:
    values = _json.given(_json.parse_object(raw))
    return Body(values, _json.canonical(values))


async def read_bytes(request: Request) -> bytes:
    """The request's body. Raises PayloadTooLarge before it is all in memory, RequestTooSlow."""
    return await read_body(request, runtime_of(request).settings.body_bytes_max)


async def read_body(request: Request, size_bytes_max: int, body_s_max: float | None = None) -> bytes:
    """The same, of at most so many bytes, within so many seconds."""
    body_s_max = BODY_S_MAX if body_s_max is None else body_s_max
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared[:20]) > size_bytes_max:
        _too_large(size_bytes_max)
    if WHOLE in request.scope["state"]:
        return await _whole(request, size_bytes_max)
    try:
        async with asyncio.timeout(body_s_max):
            return await _whole(request, size_bytes_max)
    except TimeoutError:
        raise RequestTooSlow(f"The request body did not come within {body_s_max:.0f} seconds") from None


async def _whole(request: Request, size_bytes_max: int) -> bytes:
    raw, more = bytearray(), True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        raw += message.get("body", b"")
        if len(raw) > size_bytes_max:
            _too_large(size_bytes_max)
        more = message.get("more_body", False)
    return bytes(raw)


def _too_large(size_bytes_max: int) -> NoReturn:
    raise PayloadTooLarge(f"The request body is over {size_bytes_max} bytes")


def check_sold(models: Sized, path: str) -> None:
    """Raise NotFound where the operator's catalogue sells nothing here."""
    if not models:
        raise NotFound(f"This server's catalogue has no model for {path}")


def instant(at: datetime) -> str:
    """A time in UTC as ISO 8601 with milliseconds."""
    seconds = orjson.dumps(at)[1:20].decode()  # in a tenth of the time that `isoformat` takes
    return f"{seconds}.{at.microsecond // 1000:03}Z"


# Once ----------------------------------------------------------------------------------------------------------


async def replayed(request: Request, caller: Caller, body: Body) -> Response | None:
    """The first answer to this Idempotency-Key, where there is one: before anything is checked that may have changed.

    Raises IdempotencyConflict as `once` does.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    endpoint = f"{request.method} {request.url.path}"
    async with db.connection(runtime_of(request).pool) as conn:
        kept = await idempotency.find(conn, caller.account_id, endpoint, idempotency.check_key(key), body.canonical)
    return None if kept is None else answer(kept.body, kept.status, {REPLAYED: "true"})


async def once(
    request: Request, caller: Caller, body: Body, act: Callable[[Connection], Awaitable[Answer]]
) -> Response:
    """Carry out `act` in one transaction, and no more than once for an Idempotency-Key.

    A repeat gets the first answer's very bytes and the header `Idempotent-Replayed: true`. Raises
    IdempotencyConflict for another body under the key, and while the first is being carried out.
    """
    endpoint, key = f"{request.method} {request.url.path}", request.headers.get("idempotency-key")
    done, replayed = await carry_out(runtime_of(request), caller, endpoint, key, body.canonical, act)
    return answer(done.body, done.status, {REPLAYED: "true"} if replayed else None)


async def carry_out(
    runtime: Runtime,
    caller: Caller,
    endpoint: str,
    key: str | None,
    body: bytes,
    act: Callable[[Connection], Awaitable[Answer]],
) -> tuple[Answer, bool]:
    """What `once` does, for a dialect whose key is no header: the answer, and whether it is an earlier one."""
    kept = None
    async with db.transaction(runtime.pool) as conn:
        if key is not None:
            kept = await idempotency.find(conn, caller.account_id, endpoint, idempotency.check_key(key), body)
        done = kept or await act(conn)
        if key is not None and kept is None:
            await idempotency.keep(conn, caller.account_id, endpoint, key, body, done)
    if kept is None:
        runtime.wake()
    return done, kept is not None


async def accept(
    request: Request,
    caller: Caller,
    body: Body,
    wanted: TaskRequest,
    told: Callable[[Task], Answer],
    *,
    also: Callable[[Connection, str], Awaitable[None]] | None = None,
) -> Response:
    """Accept the task `wanted`, which `body` asks for, no more than once for an Idempotency-Key; `told` is the answer.

    `also` is done with the task's id in the same transaction. Raises what `once` and `tasks.create` raise.
    """
    act = creating(runtime_of(request), caller, wanted, told, also)
    response = await once(request, caller, body, act)
    if REPLAYED not in response.headers:
        count(wanted)
    return response


def creating(
    runtime: Runtime,
    caller: Caller,
    wanted: TaskRequest,
    told: Callable[[Task], Answer],
    also: Callable[[Connection, str], Awaitable[None]] | None = None,
) -> Callable[[Connection], Awaitable[Answer]]:
    """What `once` and `carry_out` carry out for a task that is asked for."""

    async def act(conn: Connection) -> Answer:
        task = await tasks.create(conn, caller, wanted, queued_max=runtime.settings.queued_max)
        if also is not None:
            await also(conn, task.id)
        return told(task)

    return act


def count(wanted: TaskRequest) -> None:
    """Let metrics know of a task that was accepted, once it is committed."""
    telemetry.ACCEPTED.labels(wanted.dialect, wanted.model.id).inc()
    telemetry.HELD.inc(wanted.price_credits)


def query_number(text: str | None, name: str, *, default: int, most: int) -> int:
    """The parameter `name` of a list. Raises InvalidRequest unless it is a whole number from 1 to `most`."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS_MAX and 1 <= int(text) <= most):
        raise InvalidRequest(f"'{name}' must be a whole number from 1 to {most}", field=name)
    return int(text)
