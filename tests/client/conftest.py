"""The same tests for both kinds of client: each is written once, as for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from seedbed.client import AsyncOpenClient, AsyncStudioClient, OpenClient, Retries, StudioClient

SOON = Retries(first_s=0.02, longest_s=0.05)


class Threaded:
    """A client that blocks, with each call in a thread, so that it is awaited like the other."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)
        if name == "tasks":
            return lambda **asked: self._each(method(**asked))
        return lambda *args, **asked: asyncio.to_thread(method, *args, **asked)

    async def _each(self, found: Any) -> AsyncIterator[Any]:
        for entry in await asyncio.to_thread(list, found):
            yield entry


class Way:
    """One of the two ways to use the client. Pauses are short unless a test says otherwise."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    @asynccontextmanager
    async def open(self, url: str, key: str, **more: Any) -> AsyncIterator[Any]:
        async with self._client(OpenClient, AsyncOpenClient, url, key, more) as client:
            yield client

    @asynccontextmanager
    async def studio(self, url: str, key: str, **more: Any) -> AsyncIterator[Any]:
        async with self._client(StudioClient, AsyncStudioClient, url, key, more) as client:
            yield client

    @asynccontextmanager
    async def _client(
        self, blocking: Any, awaited: Any, url: str, key: str, more: dict[str, Any]
    ) -> AsyncIterator[Any]:
        more = {"retries": SOON} | more
        if self.kind == "blocking":
            with blocking(url, key, **more) as client:
                yield Threaded(client)
        else:
            async with awaited(url, key, **more) as client:
                yield client


@pytest.fixture(params=["blocking", "asyncio"])
def way(request: pytest.FixtureRequest) -> Way:
    return Way(request.param)
