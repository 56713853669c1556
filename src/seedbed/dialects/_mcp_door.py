"""The door of MCP: who may speak, what counts as a message, and the protocol's machine behind it.

Each message is a POST of its own, with the key in its Authorization header: there are no sessions to lose, and
any process can answer any message. An answer is one JSON object, or a stream of events where there may be
progress to tell. Who has no key reaches nothing; a web page may speak to us only from origins that are ours or
the operator's, which is what keeps rebound names out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    CallToolRequestParams,
    CallToolResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from seedbed import __version__, db
from seedbed.catalogue import Catalogue
from seedbed.dialects import _http, _json, _mcp_direct, _mcp_resources, _mcp_tools, _upload
from seedbed.dialects._http import answer, runtime_of
from seedbed.dialects._mcp_schema import error_body, rpc_error
from seedbed.dialects._mcp_tools import Visit, Waits
from seedbed.errors import ApiError, InternalError, InvalidRequest, ServiceBusy, Unauthorized
from seedbed.runtime import Runtime
from seedbed.telemetry import log

VISIT = "seedbed.visit"
"""Where a request's scope keeps who calls."""

BLOBS_AT_ONCE = 4
"""Files that a process reads whole at a time; each may be 8 MiB, several times over."""

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
INSTRUCTIONS = (
    "Seedbed makes short videos with sound from words, and from pictures, clips and sounds. Look at list_models for "
    "what there is and what it costs, read the resource seedbed://prompt-guide once, then call generate_video with an "
    "idempotency_key, and wait_for_video until `ended` is true. Credits are given back for a video that is not made."
)


# Handlers ------------------------------------------------------------------------------------------------------

Context = ServerRequestContext[Any, Any]


def _visit(ctx: Context) -> Visit:
    assert ctx.request is not None
    visit: Visit = ctx.request.scope[VISIT]
    return visit


async def call_tool(ctx: Context, params: CallToolRequestParams) -> CallToolResult:
    offer = _mcp_tools.BY_NAME.get(params.name)
    if offer is None:
        raise MCPError(INVALID_PARAMS, f"There is no such tool; there are {', '.join(_mcp_tools.BY_NAME)}")

    async def report(share: float, word: str) -> None:
        await ctx.session.report_progress(share, 1.0, f"{word}, {share:.0%}")

    return CallToolResult.model_validate(await _mcp_tools.call(offer, params.arguments or {}, _visit(ctx), report))


async def list_resources(ctx: Context, _: PaginatedRequestParams | None) -> ListResourcesResult:
    with _told():
        return ListResourcesResult(resources=await _mcp_resources.listed(_visit(ctx)))


async def list_resource_templates(_: Context, __: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
    return ListResourceTemplatesResult(resource_templates=_mcp_resources.TEMPLATES)


async def read_resource(ctx: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
    with _told():
        return await _mcp_resources.read(params.uri, _visit(ctx))


class _told:
    """Errors as errors of the protocol: those of the core in words, and of all else only that it failed."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, Exception):
            return
        if isinstance(error, db.UNAVAILABLE):
            error = ServiceBusy()
        if not isinstance(error, ApiError):
            log.exception("a message failed", error=repr(error))
            error = InternalError()
        code = INTERNAL_ERROR if error.status >= 500 else INVALID_PARAMS
        raise MCPError(code, error.message, {"code": error.code}) from None


def _server(catalogue: Catalogue) -> Server[Any]:
    tools = {offer.name: offer.told(catalogue) for offer in _mcp_tools.OFFERS}

    async def list_tools(_: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=list(tools.values()))

    def schema(name: str) -> dict[str, Any] | None:
        """What the library would list all tools for, at each call."""
        return tools[name].input_schema if name in tools else None

    return Server(
        "seedbed",
        version=__version__,
        title="Seedbed",
        instructions=INSTRUCTIONS,
        get_tool_input_schema=schema,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_resource_templates,
        on_read_resource=read_resource,
    )


# The door ------------------------------------------------------------------------------------------------------


async def post(request: Request) -> Response:
    """One message of a client that has a key, answered by the protocol's own machine."""
    origin = request.headers.get("origin")
    if origin is not None and not allowed(origin, runtime_of(request)):
        return _foreign()
    visit = await _visit_of(request)
    raw = await _http.read_bytes(request)
    message = _json.parse_object(raw)
    telling = _may_tell_progress(message)
    call = None if telling else _mcp_direct.read(message, request.headers)
    if call is not None:
        return await _mcp_direct.carry_out(call, visit, request.app.state.stamp, _shared(origin))
    _check_message(message)
    request.scope[VISIT] = visit
    streamed = telling and "text/event-stream" in request.headers.get("accept", "*/*")
    manager: StreamableHTTPSessionManager = request.app.state.managers["stream" if streamed else "json"]
    return _Passed(manager, raw, _shared(origin))


async def _visit_of(request: Request) -> Visit:
    try:
        caller = await _http.authenticate(request, "open", "studio")
    except Unauthorized:
        if "authorization" in request.headers:
            raise Unauthorized("Invalid API key; send one of this server as `Authorization: Bearer …`") from None
        raise Unauthorized("Send an API key of this server as `Authorization: Bearer …`") from None
    state = request.app.state
    return Visit(caller, runtime_of(request), state.desk, state.waits, state.blobs, request.scope["state"])


def _check_message(message: dict[str, Any]) -> None:
    """Raise InvalidRequest for what is not one JSON-RPC message."""
    try:
        # The library takes a request whose id is of no good kind for a notification, which nobody answers.
        if not isinstance(message.get("id", 0), int | str) or isinstance(message.get("id"), bool):
            raise InvalidRequest("'id' must be a text or a whole number", field="id")
        jsonrpc_message_adapter.validate_python(message, by_name=False)
    except ValidationError:
        raise InvalidRequest(
            "The request body is not one JSON-RPC 2.0 request or notification", field="jsonrpc"
        ) from None


def _may_tell_progress(message: dict[str, Any]) -> bool:
    """Whether there may be something to send before the answer: progress, or signs of life in a long wait."""
    params = message.get("params")
    if message.get("method") != "tools/call" or not isinstance(params, dict):
        return False
    meta = params.get("_meta")
    return params.get("name") == "wait_for_video" or (isinstance(meta, dict) and "progressToken" in meta)


class _Passed(Response):
    """An answer that the protocol's machine sends, to a message that we have read already."""

    def __init__(self, manager: StreamableHTTPSessionManager, raw: bytes, shared: dict[str, str]) -> None:
        super().__init__()
        self._manager, self._raw = manager, raw
        self._shared = [(name.lower().encode(), value.encode()) for name, value in shared.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        unread: list[Message] = [{"type": "http.request", "body": self._raw, "more_body": False}]

        async def replay() -> Message:
            return unread.pop() if unread else await receive()

        async def send_shared(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self._shared]
            await send(message)

        await self._manager.handle_request(scope, replay, send_shared)


# Origins (a name that an attacker's page has rebound to us comes with that page's origin) -----------------------


def allowed(origin: str, runtime: Runtime) -> bool:
    """Whether a web page of `origin` may speak to us: our own, the operator's, and on one machine any of it."""
    settings = runtime.settings
    if origin.lower() in settings.allowed_origins:
        return True
    try:
        theirs, ours = urlsplit(origin), urlsplit(settings.base_url)
        if (theirs.scheme, theirs.hostname, _port(theirs)) == (ours.scheme, ours.hostname, _port(ours)):
            return True
    except ValueError:
        return False
    return theirs.scheme in _PORTS and theirs.hostname in LOOPBACK and ours.hostname in LOOPBACK


_PORTS = {"http": 80, "https": 443}


def _port(url: Any) -> int | None:
    port: int | None = url.port
    return port or _PORTS.get(url.scheme)


def _foreign() -> Response:
    message = "Web pages of this origin may not speak MCP here; the operator can let them, in SEEDBED_MCP_ORIGINS"
    return answer(rpc_error(INVALID_REQUEST, message, "invalid_request"), 403)


def _shared(origin: str | None) -> dict[str, str]:
    """What lets a page of an allowed origin read the answer."""
    if origin is None:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "WWW-Authenticate, Retry-After, X-Request-Id",
        "Vary": "Origin",
    }


async def preflight(request: Request) -> Response:
    """What a browser asks before it sends a page's message."""
    origin = request.headers.get("origin")
    if origin is None or not allowed(origin, runtime_of(request)):
        return _foreign()
    asked = {
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": request.headers.get("access-control-request-headers", "Authorization"),
        "Access-Control-Max-Age": "600",
    }
    return Response(None, 204, _shared(origin) | asked)


async def upload(request: Request) -> Response:
    """Keep a picture, video or sound for 7 days, at an address that `media_urls` takes."""
    origin = request.headers.get("origin")
    if origin is not None and not allowed(origin, runtime_of(request)):
        return _foreign()
    visit = await _visit_of(request)
    kept = await _upload.keep(request, visit.caller)
    return answer(_mcp_tools.upload_body(visit.runtime, kept), headers=_shared(origin))


HANDLERS: dict[str, _http.Handler] = {"post": post, "preflight": preflight, "upload": upload}


def build(routes: Iterable[tuple[str, str, str]]) -> Starlette:
    """The application with a handler, by its name, for each method and path."""
    app = Starlette(lifespan=_lifespan)
    app.router.redirect_slashes = False
    for method, path, name in routes:
        _http.add_route(app, method, path, _http.guard(HANDLERS[name], error_body))
    _http.add_fallbacks(app, error_body)
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    app.state.waits, app.state.blobs = Waits(), asyncio.Semaphore(BLOBS_AT_ONCE)
    runtime: Runtime = app.state.runtime
    most = runtime.settings.body_bytes_max
    server = _server(runtime.catalogue)
    app.state.stamp = server.server_info_stamp
    app.state.managers = {
        name: StreamableHTTPSessionManager(
            server, stateless=True, json_response=name == "json", max_request_body_size=most
        )
        for name in ("json", "stream")
    }
    async with app.state.managers["json"].run(), app.state.managers["stream"].run():
        yield
