"""`seedbed mcp`: a service's MCP tools for an agent on this machine, over standard input and output.

Everything is the service's own: each message goes on to its `/mcp`, and progress and answers come back. What is
added is what only a program on this machine can do: media may be paths of files here, which are sent to the
service first, and a finished video is saved here. Nothing is kept but which files were sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import httpx2
import mcp_types as types
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp_types.version import LATEST_MODERN_VERSION
from pydantic import BaseModel

from seedbed import __version__
from seedbed.dialects import _mcp_shapes
from seedbed.dialects._mcp_door import INSTRUCTIONS
from seedbed.dialects._mcp_tools import refusal, told
from seedbed.dialects._openapi import object_of
from seedbed.dialects._upload import FILE_BYTES_MAX
from seedbed.errors import ApiError, ConfigError, InternalError, InvalidRequest
from seedbed.media import forms
from seedbed.media.inputs import MB

TRIES, PAUSE_S = 4, 0.25
"""How often a message is sent to a service that does not answer, and the first pause."""

SILENCE_S = 60.0
"""How long the service may send nothing: in a long wait it tells progress, or that it is there, every 15 s."""

SENT_S = 6 * 86_400
"""How long the address of a file that was sent is used again: a day less than the service keeps it."""

PIECE_BYTES = 1 << 20
TAKES_MEDIA = ("generate_video", "quote_video")
LOCAL_MEDIA = " Paths of files on this machine are taken too, and sent to the service."
LINKS = "://", "data:"

UPLOAD_TOOL = types.Tool(
    name="upload_media",
    title="Upload a picture, clip or sound",
    description="Send a file of this machine to the service, which keeps it for 7 days. media_urls takes the address, "
    "and takes paths too: this is for a file that many videos will use.",
    input_schema=object_of({"path": {"type": "string", "description": "Path of the file, absolute for choice"}}),
    output_schema=_mcp_shapes.UPLOAD,
    annotations=types.ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
    ),
)
SAVE_TOOL = types.Tool(
    name="save_video",
    title="Save a finished video here",
    description="Save a video that has succeeded as a new .mp4 file on this machine. Takes no other file's place.",
    input_schema=object_of(
        {
            "task_id": {"type": "string", "description": "The id that generate_video gave"},
            "path": {"type": "string", "description": "Path of the new file, absolute for choice"},
        }
    ),
    output_schema=object_of({"path": {"type": "string"}, "size_bytes": {"type": "integer"}}),
    annotations=types.ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
    ),
)

Context = ServerRequestContext[Any, Any]
Result = TypeVar("Result", bound=BaseModel)


async def serve(url: str, key: str) -> None:
    """Serve one agent until it closes its end. Raises ConfigError for an address that is none."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ConfigError(f"SEEDBED_URL must begin with http:// or https:// (got {url!r})")
    timeout = httpx2.Timeout(30.0, read=SILENCE_S)
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=timeout) as http,
        stdio_server() as (read, write),
    ):
        server = Bridge(url.rstrip("/"), http).server()
        await server.run(read, write, server.create_initialization_options())


@dataclass(slots=True)
class Bridge:
    """One service as this machine's agent sees it. `sent` has the files that were sent, by their SHA-256."""

    url: str
    http: httpx2.AsyncClient
    sent: dict[str, tuple[float, dict[str, Any]]] = field(default_factory=dict)

    def server(self) -> Server[Any]:
        return Server(
            "seedbed",
            version=__version__,
            title="Seedbed",
            instructions=INSTRUCTIONS,
            on_list_tools=self.list_tools,
            on_call_tool=self.call_tool,
            on_list_resources=self.list_resources,
            on_list_resource_templates=self.list_resource_templates,
            on_read_resource=self.read_resource,
        )

    # What goes on as it is --------------------------------------------------------------------------------------

    async def list_resources(
        self, _: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        return await self._ask(types.ListResourcesRequest(params=params), types.ListResourcesResult)

    async def list_resource_templates(
        self, _: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        return await self._ask(types.ListResourceTemplatesRequest(params=params), types.ListResourceTemplatesResult)

    async def read_resource(self, _: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        asked = types.ReadResourceRequest(params=types.ReadResourceRequestParams(uri=params.uri))
        return await self._ask(asked, types.ReadResourceResult)

    async def _ask(self, asked: types.Request[Any, Any], gives: type[Result], ctx: Context | None = None) -> Result:
        """The service's answer. One that cannot be reached is asked again; nothing that is sent here buys twice."""
        for attempt in range(1, TRIES + 1):
            try:
                return await self._ask_once(asked, gives, ctx)
            except (httpx2.HTTPError, MCPError) as error:
                if isinstance(error, MCPError) and error.code != types.CONNECTION_CLOSED:
                    raise
                if attempt == TRIES:
                    raise MCPError(types.INTERNAL_ERROR, f"{self.url} does not answer: {error}") from None
                await asyncio.sleep(PAUSE_S * 2**attempt)
        raise AssertionError("unreachable")

    async def _ask_once(self, asked: types.Request[Any, Any], gives: type[Result], ctx: Context | None) -> Result:
        async def report(progress: float, total: float | None, message: str | None) -> None:
            assert ctx is not None
            await ctx.session.report_progress(progress, total, message)

        transport = streamable_http_client(f"{self.url}/mcp", http_client=self.http, max_sse_event_size=None)
        try:
            async with Client(transport, mode=LATEST_MODERN_VERSION, cache=None) as client:
                return await client.session.send_request(asked, gives, progress_callback=report if ctx else None)
        except Exception as error:
            raise _cause(error) from None

    # What is changed on its way ----------------------------------------------------------------------------------

    async def list_tools(self, _: Context, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        """The service's tools, with what this machine adds to them."""
        found = await self._ask(types.ListToolsRequest(params=params), types.ListToolsResult)
        for tool in found.tools:
            properties = tool.input_schema.get("properties", {})
            if tool.name in TAKES_MEDIA and "media_urls" in properties:
                properties["media_urls"]["description"] += LOCAL_MEDIA
        tools = [UPLOAD_TOOL if tool.name == UPLOAD_TOOL.name else tool for tool in found.tools]
        return types.ListToolsResult(tools=[*tools, SAVE_TOOL])

    async def call_tool(self, ctx: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        arguments = dict(params.arguments or {})
        try:
            if params.name == UPLOAD_TOOL.name:
                return _result(told(await self.send(_only_text(arguments, "path"), "path")))
            if params.name == SAVE_TOOL.name:
                return _result(told(await self.save(_only_text(arguments, "task_id"), _only_text(arguments, "path"))))
            if params.name in TAKES_MEDIA and isinstance(arguments.get("media_urls"), list):
                arguments["media_urls"] = await self._addresses(arguments["media_urls"])
        except ApiError as error:
            return _result(refusal(error))
        except Refused as refused:
            return refused.result
        if params.name == "generate_video" and arguments.get("idempotency_key") is None:
            arguments["idempotency_key"] = uuid.uuid4().hex
        asked = types.CallToolRequest(params=types.CallToolRequestParams(name=params.name, arguments=arguments))
        return await self._ask(asked, types.CallToolResult, ctx)

    async def _addresses(self, media: list[Any]) -> list[Any]:
        """`media` with each file of this machine sent to the service."""
        found = []
        for index, medium in enumerate(media):
            if isinstance(medium, str) and (medium.startswith("file://") or not any(each in medium for each in LINKS)):
                medium = (await self.send(medium, f"media_urls.{index}"))["url"]
            found.append(medium)
        return found

    # Files of this machine ---------------------------------------------------------------------------------------

    async def send(self, name: str, argument: str) -> dict[str, Any]:
        """Send a file to the service, once. Only what is a medium by its bytes ever leaves this machine."""
        path = _path(name)
        size_bytes, digest = await asyncio.to_thread(_examined, path, argument)
        until, kept = self.sent.get(digest, (0.0, {}))
        if time.time() > until:
            kept = await self._post(path, size_bytes, argument)
            self.sent[digest] = time.time() + SENT_S, kept
        return kept

    async def _post(self, path: Path, size_bytes: int, argument: str) -> dict[str, Any]:
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size_bytes)}
        try:
            answer = await self.http.post(f"{self.url}/mcp/files", content=_pieces(path), headers=headers, timeout=300)
            body = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise InternalError(f"{self.url} did not take {path}: {error}") from None
        if answer.status_code != 200:
            raise InvalidRequest(f"'{argument}': {path} was not taken: {_reason(body)}", field=argument)
        found: dict[str, Any] = body
        return found

    async def save(self, task_id: str, name: str) -> dict[str, Any]:
        """Save a finished video as a new file. Raises ApiError."""
        path = _path(name)
        if path.suffix.lower() != ".mp4" or not path.parent.is_dir():
            raise InvalidRequest(
                f"'path' must name a new .mp4 file in a folder that there is (got {path})", field="path"
            )
        video = await self._video(task_id)
        partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
        try:
            await self._download(video["url"], partial)
            os.link(partial, path)  # which, unlike a rename, takes no other file's place
        except FileExistsError:
            raise InvalidRequest(f"'path': there is a file {path} already; give another name", field="path") from None
        except OSError as error:
            raise InvalidRequest(f"'path': {path} cannot be written: {error.strerror}", field="path") from None
        except httpx2.HTTPError as error:
            raise InternalError(f"The video could not be fetched: {error}") from None
        finally:
            partial.unlink(missing_ok=True)
        return {"path": str(path), "size_bytes": path.stat().st_size}

    async def _video(self, task_id: str) -> dict[str, Any]:
        asked = types.CallToolRequest(
            params=types.CallToolRequestParams(name="get_video", arguments={"task_id": task_id})
        )
        found = await self._ask(asked, types.CallToolResult)
        if found.is_error:
            raise Refused(found)
        task: dict[str, Any] = found.structured_content
        if task["video"] is None:
            raise InvalidRequest(f"The video is {task['status']}: there is no file" + ("" if task["ended"] else " yet"))
        video: dict[str, Any] = task["video"]
        return video

    async def _download(self, url: str, path: Path) -> None:
        # The address is as good as a key to the file, and may lead to another server: ours is not shown to it.
        request = self.http.build_request("GET", url)
        del request.headers["Authorization"]
        answer = await self.http.send(request, stream=True, follow_redirects=True)
        try:
            answer.raise_for_status()
            with path.open("xb") as file:
                async for piece in answer.aiter_bytes(PIECE_BYTES):
                    await asyncio.to_thread(file.write, piece)
        finally:
            await answer.aclose()


class Refused(Exception):
    """The service's own refusal of what was asked on the way."""

    def __init__(self, result: types.CallToolResult) -> None:
        super().__init__()
        self.result = result


def _result(told: dict[str, Any]) -> types.CallToolResult:
    return types.CallToolResult.model_validate(told)


def _cause(error: Exception) -> Exception:
    """What went wrong inside the groups that the library's tasks wrap it in."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _path(name: str) -> Path:
    if name.startswith("file://"):
        name = unquote(urlsplit(name).path)
    return Path(name).expanduser().absolute()


def _examined(path: Path, argument: str) -> tuple[int, str]:
    """The size and SHA-256 of a medium. Raises InvalidRequest."""
    if not path.is_file():
        wanted = "a path on this machine" if argument == "path" else "a path on this machine, or an https address"
        raise InvalidRequest(f"'{argument}': there is no file {path}; give {wanted}", field=argument)
    try:
        if forms.sniff(path) is None:
            raise InvalidRequest(f"'{argument}': {path} is no picture, video or sound that is taken", field=argument)
        size_bytes = path.stat().st_size
        if size_bytes > FILE_BYTES_MAX:
            raise InvalidRequest(f"'{argument}': {path} is larger than {FILE_BYTES_MAX // MB} MB", field=argument)
        with path.open("rb") as file:
            return size_bytes, hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InvalidRequest(f"'{argument}': {path} cannot be read: {error.strerror}", field=argument) from None


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield piece


def _only_text(arguments: dict[str, Any], name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidRequest(f"'{name}' is required, as text", field=name)
    return value


def _reason(body: Any) -> str:
    try:
        return str(body["error"]["message"])
    except (KeyError, TypeError):
        return "the service did not say why"
