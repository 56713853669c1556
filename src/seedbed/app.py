"""The web application: dialects mounted, files, health, metrics; ids and counts for every request.

Owns no table. `build_app` takes the settings and opens what it needs when the server starts.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
from prometheus_client.core import GaugeMetricFamily
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seedbed import __version__, catalogue, console, db, docsite, downloads, queue, storage, stripe_hook, telemetry
from seedbed.dialects import DIALECTS
from seedbed.dialects._http import Handler, add_route, refuse
from seedbed.docsite import Docsite
from seedbed.errors import ApiError, InvalidRequest, MethodNotAllowed, NotFound
from seedbed.intake import Desk
from seedbed.runtime import Runtime, open_runtime
from seedbed.scratch import Scratch
from seedbed.settings import Settings
from seedbed.storage import StorageError
from seedbed.telemetry import log
from seedbed.web import Static

POOL_SIZE = 24
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
HOST = re.compile(r"([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")
SECURITY_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin")]
"""Under `no-referrer` browsers send our own forms with `Origin: null`, as those of other sites (Fetch, 3.2)."""

UNFRAMED = [(b"x-frame-options", b"DENY"), (b"content-security-policy", b"frame-ancestors 'none'")]
"""Of answers that bring no policy of their own: files and JSON are framed by nobody, either."""

HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")
"""Where clients come by https: browsers try nothing else for a year (RFC 6797)."""


def build_app(settings: Settings) -> ASGIApp:
    """The whole service as one ASGI application. `settings.database_url` must be set and migrated."""
    sold = catalogue.load(settings.catalogue)
    mounted = {name: module.build() for name, module in DIALECTS.items()}

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            answer_s = settings.database_timeout_s
            opened = open_runtime(settings, pool_size=POOL_SIZE, name="seedbed api", answer_s=answer_s)
            runtime = await stack.enter_async_context(opened)
            scratch = Scratch(settings.data_dir / "scratch")
            stack.callback(scratch.close)
            desk = Desk(runtime, scratch)
            for each in (app, *mounted.values()):
                each.state.runtime, each.state.desk = runtime, desk
            for each in mounted.values():
                await stack.enter_async_context(each.router.lifespan_context(each))
            yield

    app = Starlette(lifespan=lifespan)
    app.router.redirect_slashes = False
    add_route(app, "GET", "/healthz", health)
    add_route(app, "GET", "/readyz", ready)
    add_route(app, "GET", "/metrics", metrics)
    add_route(app, "GET", "/files/{signature}/{key:path}", downloads.serve)
    add_route(app, "POST", stripe_hook.PATH, stripe_hook.receive)
    pages = Static()
    files = " ".join(storage.origins(settings.storage_url, settings.storage_public_url))
    add_route(app, "GET", "/static/{mark}/{name:path}", pages.serve)
    add_route(app, "GET", "/favicon.ico", pages.icon)
    door = console.door(pages, files=files)
    for method, path, page in console.routes(door):
        add_route(app, method, path, page)
    for path, handler in docsite.routes(Docsite(pages, base_url=settings.base_url)):
        add_route(app, "GET", path, handler)
    for name, module in DIALECTS.items():
        add_route(app, "GET", f"/openapi/{name}.json", _document(module.document(sold)))
    app.add_exception_handler(HTTPException, _fallback(door.nowhere()))
    prefixed = _Prefixed({module.PREFIX: mounted[name] for name, module in DIALECTS.items()}, app)
    return Observed(prefixed, https=settings.base_url.startswith("https://"))


class _Prefixed:
    """The dialects, each below its prefix, before all else: nearly every request is theirs.

    One look finds whose it is, however many there are. The prefix alone, without a slash behind it, is their root.
    """

    def __init__(self, mounted: dict[str, ASGIApp], rest: ASGIApp) -> None:
        self._mounted, self._rest = mounted, rest
        self._prefix = re.compile(f"({'|'.join(map(re.escape, mounted))})(?:/|\\Z)")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._prefix.match(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self._rest(scope, receive, send)
            return
        scope["root_path"] = prefix = found[1]
        if scope["path"] == prefix:
            scope["path"] += "/"
        await self._mounted[prefix](scope, receive, send)


def _document(openapi: dict[str, Any]) -> Handler:
    async def document(_: Request) -> Response:
        return JSONResponse(openapi)

    return document


def _fallback(nowhere: Handler) -> Callable[[Request, Exception], Awaitable[Response]]:
    """What answers where no route does: `nowhere` to a person's browser, a line of text to a program."""

    async def fallback(request: Request, raised: Exception) -> Response:
        assert isinstance(raised, HTTPException)
        if raised.status_code == 404 and "text/html" in request.headers.get("accept", "") and request.method == "GET":
            return await nowhere(request)
        error: ApiError = MethodNotAllowed() if raised.status_code == 405 else NotFound("There is no such path")
        response = _refuse(request.url.path, error)
        response.headers.update(raised.headers or {})
        return response

    return fallback


def _refuse(path: str, error: ApiError) -> Response:
    """An error met before or outside every route: in the shape of the dialect whose path it is, else text."""
    for dialect in DIALECTS.values():
        if f"{path}/".startswith(f"{dialect.PREFIX}/"):
            return refuse(error, dialect.error_body)
    return PlainTextResponse(f"{error.message}\n", error.status)


# Health --------------------------------------------------------------------------------------------------------


async def health(_: Request) -> Response:
    """Alive: the process answers."""
    return JSONResponse({"status": "ok", "version": __version__})


async def ready(request: Request) -> Response:
    """Ready: the database and the storage answer, and a worker was seen lately. 503 names what does not."""
    runtime: Runtime = request.app.state.runtime
    checks: dict[str, str] = {}
    try:
        async with db.connection(runtime.pool) as conn:
            seen = await queue.workers(conn)
        checks["database"] = "ok"
        checks["worker"] = "ok" if seen else f"none seen for {queue.SEEN_S:.0f} s; start one with `seedbed worker`"
    except db.UNAVAILABLE as error:
        log.warning("not ready: the database is away", error=repr(error))
        checks |= {"database": "does not answer", "worker": "unknown"}
    try:
        await runtime.storage.ready()
        checks["storage"] = "ok"
    except StorageError as error:
        log.warning("not ready: storage", error=str(error))
        checks["storage"] = "does not answer"
    good = all(found == "ok" for found in checks.values())
    return JSONResponse(
        {"status": "ready" if good else "not ready", "checks": checks},
        200 if good else 503,
        None if good else {"Retry-After": "2"},
    )


async def metrics(request: Request) -> Response:
    """Prometheus metrics of this process, of all live workers and of the queue."""
    runtime: Runtime = request.app.state.runtime
    texts: dict[str, str] = {}
    gauges: list[GaugeMetricFamily] = []
    try:
        async with db.connection(runtime.pool) as conn:
            seen = await queue.workers(conn)
            depths = await queue.depths(conn)
        texts = {f"{row['host']}-{row['pid']}": row["metrics"] for row in seen}
        gauges = _queue_gauges(depths, len(seen))
    except db.UNAVAILABLE as error:
        log.warning("metrics without the database", error=repr(error))
    body = telemetry.exposition(telemetry.Workers(texts, gauges))
    return Response(body, media_type="text/plain; version=0.0.4; charset=utf-8")


def _queue_gauges(depths: list[queue.Depth], workers: int) -> list[GaugeMetricFamily]:
    names = telemetry.QUEUE_GAUGES
    waiting, claimed, oldest, alive = (
        GaugeMetricFamily(name, help_text, labels=() if name == "seedbed_workers" else ("lane",))
        for name, help_text in names.items()
    )
    for depth in depths:
        waiting.add_metric([depth.lane], depth.waiting)
        claimed.add_metric([depth.lane], depth.claimed)
        oldest.add_metric([depth.lane], depth.oldest_s)
    alive.add_metric([], workers)
    return [waiting, claimed, oldest, alive]


# Every request ---------------------------------------------------------------------------------------------------


class Observed:
    """Gives each request an id (the client's own, where it is a plain one), counts it and times it.

    Refuses a Host header that is not a host. Pure ASGI: it costs a few microseconds.
    """

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = [*SECURITY_HEADERS, *([HTTPS_ONLY] if https else [])]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        traces, hosts = (
            [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
            for wanted in (b"x-request-id", b"host")
        )
        trace = traces[0] if traces and REQUEST_ID.fullmatch(traces[0]) else uuid.uuid4().hex
        scope.setdefault("state", {})["trace_id"] = trace
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=trace)
        began, status = time.perf_counter(), 500

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = list(message.get("headers", ()))
                framing = () if any(name == b"content-security-policy" for name, _ in given) else UNFRAMED
                message["headers"] = [*given, (b"x-request-id", trace.encode()), *self._headers, *framing]
            await send(message)

        try:
            if len(hosts) == 1 and HOST.fullmatch(hosts[0]):
                await self._app(scope, receive, send_marked)
            else:
                bad = _refuse(scope["path"], InvalidRequest("The Host header must name one host"))
                bad.headers["Connection"] = "close"
                await bad(scope, receive, send_marked)
        finally:
            route = _route(scope)
            telemetry.REQUESTS.labels(scope["method"] if route != "other" else "other", route, str(status)).inc()
            telemetry.REQUEST_SECONDS.labels(route).observe(time.perf_counter() - began)


def _route(scope: Scope) -> str:
    """The route's pattern, never the path itself: the labels of a metric must be few."""
    pattern: str | None = getattr(scope.get("endpoint"), "pattern", None)
    return "other" if pattern is None else f"{scope.get('root_path', '')}{pattern}"
