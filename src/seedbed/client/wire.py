"""How requests travel: one way for programs that block, one for those on asyncio.

All else in this package is written once, as coroutines over a `Wire`. Those of `BlockingWire` never
suspend, so that what is built on it runs to its end without an event loop (see `blocking`).
"""

from __future__ import annotations

import asyncio
import stat
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

import httpx2

from seedbed.client.errors import ClientError, FileError, Unreachable

P = ParamSpec("P")
T = TypeVar("T")
PIECE_BYTES = 1 << 18
CONNECT_S_MAX = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as plain data. `body` is bytes, or a local file that is sent as it lies there.

    `timeout_s` bounds each wait for the network, and not the whole; None takes the wire's own.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Path = b""
    timeout_s: float | None = None
    follow_redirects: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, whole. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer whose body, as it came over the wire, is still to be read. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]


class Wire(Protocol):
    """What carries requests. Raises Unreachable where no whole answer comes, FileError for a body that is no file."""

    async def send(self, request: Request) -> Answer: ...

    def stream(self, request: Request) -> AbstractAsyncContextManager[Stream]: ...

    async def sleep(self, duration_s: float) -> None: ...

    async def off_loop(self, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `act` returns, which may block."""
        ...

    async def close(self) -> None: ...


class BlockingWire:
    """For programs without an event loop: each coroutine does all its work at the first step."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._http = httpx2.Client()

    async def send(self, request: Request) -> Answer:
        async with self.stream(request) as answer:
            return Answer(answer.status, answer.headers, b"".join([piece async for piece in answer.pieces]))

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Stream]:
        headers, timeout = _head(request), _timeout(request, self._timeout_s)
        body = _pieces(request.body) if isinstance(request.body, Path) else request.body
        with (
            _explained(request),
            self._http.stream(
                request.method,
                request.url,
                headers=headers,
                content=body,
                timeout=timeout,
                follow_redirects=request.follow_redirects,
            ) as answer,
        ):
            yield Stream(answer.status_code, dict(answer.headers), _each(answer.iter_raw()))

    async def sleep(self, duration_s: float) -> None:
        time.sleep(duration_s)  # noqa: ASYNC251 -- it is to block

    async def off_loop(self, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return act(*args, **kwargs)

    async def close(self) -> None:
        self._http.close()


class AsyncWire:
    """For programs on asyncio. Files are read and written in threads."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._http = httpx2.AsyncClient()

    async def send(self, request: Request) -> Answer:
        async with self.stream(request) as answer:
            return Answer(answer.status, answer.headers, b"".join([piece async for piece in answer.pieces]))

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Stream]:
        headers, timeout = _head(request), _timeout(request, self._timeout_s)
        body = _threaded(_pieces(request.body)) if isinstance(request.body, Path) else request.body
        with _explained(request):
            async with self._http.stream(
                request.method,
                request.url,
                headers=headers,
                content=body,
                timeout=timeout,
                follow_redirects=request.follow_redirects,
            ) as answer:
                yield Stream(answer.status_code, dict(answer.headers), answer.aiter_raw())

    async def sleep(self, duration_s: float) -> None:
        await asyncio.sleep(duration_s)

    async def off_loop(self, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(act, *args, **kwargs)

    async def close(self) -> None:
        await self._http.aclose()


# What both need ----------------------------------------------------------------------------------------------


def _head(request: Request) -> dict[str, str]:
    """The headers, asking for bytes as they are, so that ranges and sizes are those of the file."""
    headers = dict(request.headers) | {"Accept-Encoding": "identity"}
    if isinstance(request.body, Path):
        try:
            found = request.body.stat()
        except OSError as error:
            raise _unreadable(request.body, error) from None
        if not stat.S_ISREG(found.st_mode):
            raise FileError(f"{request.body} could not be read: it is no file")
        headers["Content-Length"] = str(found.st_size)
    return headers


def _timeout(request: Request, timeout_s: float) -> httpx2.Timeout:
    waits_s = request.timeout_s or timeout_s
    return httpx2.Timeout(waits_s, connect=min(waits_s, CONNECT_S_MAX))


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                yield piece
    except OSError as error:
        raise _unreadable(path, error) from None


async def _threaded(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(next, pieces, b""):
        yield piece


async def _each(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def _unreadable(path: Path, error: OSError) -> FileError:
    return FileError(f"{path} could not be read: {error.strerror}")


@contextmanager
def _explained(request: Request) -> Iterator[None]:
    """Says what the HTTP library means."""
    try:
        yield
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise ClientError(f"{request.url} is no address: {error}") from None
    except httpx2.HTTPError as error:
        place = httpx2.URL(request.url).copy_with(query=None, fragment=None)
        reason = str(error) or type(error).__name__
        raise Unreachable(f"{place} does not answer: {reason}") from None
