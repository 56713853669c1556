"""The only HTTP client for addresses that users give: webhook receivers and media.

Promises that no connection is opened to an address that is not public: beyond the text of the URL
(`addresses`) a name is looked up once for each connection, every answer must be public, and what is
dialled is the checked address, never the name; so neither a redirect nor a name that changes its answer
gets around it. Every exchange ends by its deadline, whatever the other side does, and leaves no socket
behind.

Never follows a redirect of a POST, never keeps cookies or connections, never reads proxy settings, never
unpacks a compressed body, never opens a Unix socket.

    OutboundError        `message` may be shown to the task's owner: it holds no address that DNS gave
    ├── Blocked          the address is not one that this server may talk to
    ├── Unreachable      no connection, no TLS, or an answer that is not HTTP
    │   └── TimedOut     not done by the deadline, or slower than the least speed
    ├── HostBusy         that host has its share of exchanges in flight; nothing was sent, come back later
    ├── TooLarge         the answer's body is over the limit
    └── BadAnswer        compressed without being asked, in crumbs, or redirected too often
        └── BadStatus    `status` is not the one that was needed
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import httpcore2

from seedbed import __version__
from seedbed.addresses import NotPublic, Target, follow, is_public, parse, trusted_entries
from seedbed.errors import SeedbedError

REDIRECTS_MAX = 3
BODY_PREFIX_BYTES = 4096
HEAD_BYTES_MAX = 1 << 16
DIALS_MAX = 3
LOOKUPS_MAX = 64
"""Look-ups at a time. They wait in threads of their own, so that a dead name server starves nothing else."""
CRUMBS_MAX, CRUMB_BYTES = 4096, 64
_WRITE_BYTES = 1 << 20
_HEADERS = {
    "User-Agent": f"seedbed/{__version__}",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class OutboundError(SeedbedError):
    """An exchange with a user's address came to nothing. `message` is safe to show to the task's owner."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Blocked(OutboundError):
    pass


class Unreachable(OutboundError):
    pass


class TimedOut(Unreachable):
    pass


class HostBusy(OutboundError):
    pass


class TooLarge(OutboundError):
    pass


class BadAnswer(OutboundError):
    pass


class BadStatus(BadAnswer):
    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


Resolve = Callable[[str, int], Awaitable[Iterable[str]]]
"""Name and port → every address of the name, best first. Raises OSError when there is none."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to a POST. Header names are lower case; `body_prefix` is at most BODY_PREFIX_BYTES, raw."""

    status: int
    headers: Mapping[str, str]
    body_prefix: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with all of its body, raw. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Download:
    """A file that was fetched whole. `url` is where the last redirect led; the rest is what the server said.

    Where `changed` is false nothing was fetched: the server still has what the caller knows.
    """

    url: str
    content_type: str
    size_bytes: int
    etag: str | None
    changed: bool = True


@dataclass(frozen=True, slots=True)
class _Limits:
    size_bytes_max: int
    stall_s: float
    bytes_per_s_min: int

    def check(self, size_bytes: int, elapsed_s: float = 0.0) -> None:
        if size_bytes > self.size_bytes_max:
            raise TooLarge(f"The file is larger than {self.size_bytes_max} bytes")
        if elapsed_s > self.stall_s and size_bytes < self.bytes_per_s_min * elapsed_s:
            raise TimedOut(f"The file came at less than {self.bytes_per_s_min} bytes a second")


class PublicClient:
    """Exchanges with addresses that users give. Use it as an async context manager, or call `aclose`.

    `host_max` exchanges may be in flight for one host and port; `timeout_s` is a POST's whole time unless
    the call says otherwise. `resolve` looks names up (a trailing dot keeps the machine's search domains
    out) and `tls` verifies servers; the system's resolver and certificates by default.
    Raises ConfigError for a bad entry of `trusted`.
    """

    def __init__(
        self,
        trusted: frozenset[str] = frozenset(),
        *,
        host_max: int = 10,
        timeout_s: float = 15.0,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        trusted_entries(trusted)
        self._trusted, self._host_max, self._timeout_s = trusted, host_max, timeout_s
        self._resolver = _SystemResolver()
        self._resolve = resolve or self._resolver
        self._tls = tls or httpcore2.default_ssl_context()
        self._in_flight: Counter[tuple[str, int]] = Counter()

    async def __aenter__(self) -> PublicClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Lets the look-up threads go. Exchanges still running end by their own deadlines."""
        self._resolver.close()

    async def post(
        self,
        url: str,
        content: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float | None = None,
    ) -> Reply:
        """Sends `content` and gives the answer, whatever its status; a redirect is an answer like any other.

        The answer counts once its head is there: a body that then stalls or breaks off costs only the rest
        of `body_prefix`. Raises Blocked, Unreachable, TimedOut or HostBusy.
        """
        target = _target(url, self._trusted)
        sent = {"Content-Length": str(len(content)), **(headers or {})}
        head: httpcore2.Response | None = None
        prefix = bytearray()
        try:
            with _translated(target):
                async with (
                    asyncio.timeout(self._timeout_s if timeout_s is None else timeout_s),
                    self._exchange("POST", target, sent, content) as head,
                    aclosing(head.aiter_stream()) as pieces,
                ):
                    async for piece in pieces:
                        prefix += piece
                        if len(prefix) >= BODY_PREFIX_BYTES:
                            break
        except Unreachable:
            if head is None:
                raise
        assert head is not None
        return Reply(head.status, _headers(head), bytes(prefix[:BODY_PREFIX_BYTES]))

    async def ask(
        self,
        url: str,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        size_bytes_max: int,
        timeout_s: float,
    ) -> Answer:
        """A GET, or a POST of `content`, and the answer with all of its body, whatever its status.

        A redirect is an answer like any other. Raises Blocked, Unreachable, TimedOut, HostBusy, or TooLarge for a
        body of more than `size_bytes_max`.
        """
        target = _target(url, self._trusted)
        length = {} if content is None else {"Content-Length": str(len(content))}
        method = "GET" if content is None else "POST"
        body = bytearray()
        with _translated(target):
            async with (
                asyncio.timeout(timeout_s),
                self._exchange(method, target, {**length, **(headers or {})}, content) as head,
                aclosing(head.aiter_stream()) as pieces,
            ):
                async for piece in pieces:
                    body += piece
                    if len(body) > size_bytes_max:
                        raise TooLarge(f"{target.host} answered with more than {size_bytes_max} bytes")
        return Answer(head.status, _headers(head), bytes(body))

    async def download(
        self,
        url: str,
        path: Path,
        *,
        size_bytes_max: int,
        timeout_s: float = 30.0,
        stall_s: float = 5.0,
        bytes_per_s_min: int = 10_000,
        known: str | None = None,
    ) -> Download:
        """Fetches `url` into a new file at `path`, following up to REDIRECTS_MAX redirects, each checked anew.

        `timeout_s` is for all of it; `stall_s` is how long the server may be silent, and how long it has
        before its average speed must reach `bytes_per_s_min`. `known` is the entity tag of what the caller has
        already: where that is still right, no file is made. The file is there only when all of the body is:
        on any error or cancellation it is removed. Raises any OutboundError, and OSError when the file
        cannot be written (FileExistsError when there is one, which is left alone).
        """
        limits = _Limits(size_bytes_max, stall_s, bytes_per_s_min)
        target = _target(url, self._trusted)
        asked = {} if known is None else {"If-None-Match": known}
        with _translated(target):
            async with asyncio.timeout(timeout_s):
                for _ in range(REDIRECTS_MAX + 1):
                    async with self._exchange("GET", target, asked, stall_s=stall_s) as response:
                        if known is not None and response.status == 304:
                            return Download(target.url, "", 0, known, changed=False)
                        following = _redirect(target, response, self._trusted)
                        if following is None:
                            _check_answer(target, response, limits)
                            with _new_file(path) as file:
                                size_bytes = await _save(response, file, limits)
                            headers = _headers(response)
                            content_type = headers.get("content-type", "")
                            return Download(target.url, content_type, size_bytes, headers.get("etag"))
                    target = following
        raise BadAnswer(f"The URL redirects more than {REDIRECTS_MAX} times")

    @contextmanager
    def _slot(self, target: Target) -> Iterator[None]:
        """One of the host's places, or HostBusy at once: waiting here would hold up other hosts' work."""
        key = (target.host, target.port)
        if self._in_flight[key] >= self._host_max:
            raise HostBusy(f"{target.host} already has {self._host_max} requests in flight")
        self._in_flight[key] += 1
        try:
            yield
        finally:
            self._in_flight[key] -= 1
            if not self._in_flight[key]:
                del self._in_flight[key]

    @asynccontextmanager
    async def _exchange(
        self,
        method: str,
        target: Target,
        headers: Mapping[str, str] = MappingProxyType({}),
        content: bytes | None = None,
        *,
        stall_s: float | None = None,
    ) -> AsyncIterator[httpcore2.Response]:
        """One request, in one of its host's places, on a connection of its own that is closed on every way out."""
        dialer = _Dialer(self._resolve, target.trusted, self._timeout_s / DIALS_MAX)
        url = httpcore2.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
        connection = httpcore2.AsyncHTTPConnection(url.origin, self._tls, network_backend=dialer)
        request = httpcore2.Request(
            method,
            url,
            headers=list({"Host": target.netloc, **_HEADERS, **headers}.items()),
            content=content,
            extensions={"timeout": {"read": stall_s}},
        )
        with self._slot(target):
            try:
                response = await connection.handle_async_request(request)
                dialer.head.done = True
                yield response
            finally:
                await dialer.aclose()


class _Dialer(httpcore2.AsyncNetworkBackend):
    """Opens the one TCP connection of an exchange: where "public" is decided.

    It keeps the stream because the library forgets it when it is cancelled during the TLS handshake.
    """

    def __init__(self, resolve: Resolve, trusted: bool, dial_timeout_s: float) -> None:
        self._resolve, self._trusted, self._dial_timeout_s = resolve, trusted, dial_timeout_s
        self._tcp = httpcore2.AnyIOBackend()
        self._stream: httpcore2.AsyncNetworkStream | None = None
        self.head = _HeadMeter()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        addresses = await self._addresses(host, port)
        for address in addresses[:DIALS_MAX]:
            try:
                self._stream = await self._tcp.connect_tcp(address, port, timeout=self._dial_timeout_s)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout, OSError):
                continue
            self._check_peer(host, addresses)
            return _Metered(self._stream, self.head)
        raise Unreachable(f"{host} does not accept connections")

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.AsyncNetworkStream:
        raise Blocked("Unix sockets are never opened")

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        """What may be dialled for `host`: its literal, or all that one look-up gave. Raises Blocked, Unreachable.

        Both say the same: who may not reach a private name may not learn that it exists either.
        """
        try:
            addresses: Sequence[str] = [str(ipaddress.ip_address(host))]
        except ValueError:
            name = host if self._trusted else f"{host}."
            try:
                addresses = list(dict.fromkeys(await self._resolve(name, port)))
            except (OSError, UnicodeError):
                addresses = []
        if not addresses:
            raise Unreachable(f"{host} has no public address")
        if not self._trusted and not all(map(is_public, addresses)):
            raise Blocked(f"{host} has no public address")
        return addresses

    def _check_peer(self, host: str, addresses: Sequence[str]) -> None:
        """Holds the library to the address it was given: nothing has been sent yet."""
        if self._trusted or self._stream is None:
            return
        peer = ipaddress.ip_address(self._stream.get_extra_info("server_addr")[0])
        if peer not in map(ipaddress.ip_address, addresses):
            raise Blocked(f"{host} has no public address")

    async def aclose(self) -> None:
        if self._stream is not None:
            await self._stream.aclose()


@dataclass(slots=True)
class _HeadMeter:
    """What has been read of an answer whose head is not complete; `done` once it is."""

    size_bytes: int = 0
    done: bool = False


class _Metered(httpcore2.AsyncNetworkStream):
    """A stream that ends when a head does not: the library reads interim answers without end, at a great cost."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream, head: _HeadMeter) -> None:
        self._stream, self._head = stream, head

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not self._head.done and self._head.size_bytes >= HEAD_BYTES_MAX:
            raise httpcore2.RemoteProtocolError("the head of the answer is too long")
        got = await self._stream.read(max_bytes, timeout)
        self._head.size_bytes += len(got)
        return got

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        return _Metered(await self._stream.start_tls(ssl_context, server_hostname, timeout), self._head)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _SystemResolver:
    """The machine's own resolver, in threads of its own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUPS_MAX, thread_name_prefix="lookup")

    async def __call__(self, name: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        infos = await loop.run_in_executor(self._threads, _lookup, name, port)
        return [str(info[4][0]) for info in infos]

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _lookup(name: str, port: int) -> list[tuple[Any, ...]]:
    return list(socket.getaddrinfo(name.encode("ascii"), port, type=socket.SOCK_STREAM))


# Answers -------------------------------------------------------------------------------------------


def _target(url: str, trusted: frozenset[str]) -> Target:
    try:
        return parse(url, trusted)
    except NotPublic as refusal:
        raise Blocked(str(refusal)) from None


@contextmanager
def _translated(target: Target) -> Iterator[None]:
    """Turns what the library raises into this module's errors. A request that we built wrong stays a bug."""
    try:
        yield
    except httpcore2.LocalProtocolError:
        raise
    except (TimeoutError, httpcore2.TimeoutException):
        raise TimedOut(f"{target.host} took too long") from None
    except httpcore2.ConnectError as error:
        raise Unreachable(f"The TLS connection to {target.host} failed{_tls_reason(error)}") from None
    except httpcore2.NetworkError:
        raise Unreachable(f"{target.host} broke off the connection") from None
    except httpcore2.ProtocolError:
        raise Unreachable(f"{target.host} broke off or did not answer in HTTP") from None


def _tls_reason(error: Exception) -> str:
    cause = error.__cause__
    return f": {cause.verify_message}" if isinstance(cause, ssl.SSLCertVerificationError) else ""


def _headers(response: httpcore2.Response) -> dict[str, str]:
    """Names in lower case; of a repeated name the first value."""
    headers: dict[str, str] = {}
    for name, value in response.headers:
        headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return headers


def _redirect(target: Target, response: httpcore2.Response, trusted: frozenset[str]) -> Target | None:
    """Where the answer sends us, under the same rules as a submitted URL; None when it is no redirect."""
    if response.status not in _REDIRECTS:
        return None
    values = [value for name, value in response.headers if name.lower() == b"location"]
    if len(values) != 1:
        raise BadStatus(f"{target.host} answered {response.status} without saying where to go", response.status)
    try:
        return follow(target, values[0].decode(), trusted)
    except ValueError:
        raise Blocked(f"{target.host} redirects to an address that is not a public https URL") from None


def _check_answer(target: Target, response: httpcore2.Response, limits: _Limits) -> None:
    if response.status != 200:
        raise BadStatus(f"{target.host} answered {response.status}", response.status)
    headers = _headers(response)
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise BadAnswer(f"{target.host} compressed the file although it was asked not to")
    declared = headers.get("content-length", "")
    if declared.isascii() and declared.isdigit():
        limits.check(int(declared))


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that was not there before, and is not there after anything went wrong."""
    with path.open("xb") as file:
        try:
            yield file
            file.flush()
        except BaseException:
            path.unlink(missing_ok=True)
            raise


async def _save(response: httpcore2.Response, file: BinaryIO, limits: _Limits) -> int:
    """Writes the body out, away from the event loop, and gives its size in bytes."""
    size_bytes, pending, begun_s = 0, bytearray(), time.monotonic()
    async with aclosing(response.aiter_stream()) as pieces:
        number = 0
        async for piece in pieces:
            number += 1
            size_bytes += len(piece)
            if number > CRUMBS_MAX and size_bytes < CRUMB_BYTES * number:
                raise BadAnswer("The file came in pieces of a few bytes")  # each costs as much as a large one
            limits.check(size_bytes, time.monotonic() - begun_s)
            pending += piece
            if len(pending) >= _WRITE_BYTES:
                await asyncio.to_thread(file.write, pending)
                pending = bytearray()
    await asyncio.to_thread(file.write, pending)
    return size_bytes
