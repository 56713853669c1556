"""A stand-in for somebody else's service, on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


class StandIn(Protocol):
    """What answers; it is told its own address as `url`."""

    url: str

    @property
    def __call__(self) -> Callable[[Request], Awaitable[Response]]: ...


@contextlib.asynccontextmanager
async def stood(stand: StandIn) -> AsyncIterator[None]:
    """`stand` answers every GET and POST at `stand.url`, a port of its own."""
    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        stand.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = Starlette(routes=[Route("/{path:path}", stand.__call__, methods=["GET", "POST"])])
        server = uvicorn.Server(uvicorn.Config(app, log_config=None))
        running = asyncio.create_task(server._serve([listener]))
        while not server.started:
            assert not running.done(), "the stand-in did not start"
            await asyncio.sleep(0.01)
        try:
            yield
        finally:
            server.should_exit = True
            await running
