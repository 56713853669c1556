"""The only HTTP client for addresses that users give: webhook receivers and media.

Owns the rule what "a public https URL" is, as text (`check_url`, `is_public`) and at the moment a socket
opens (`PublicClient`). Promises that no connection is opened to an address that is not public: a name is
looked up once for each connection, every answer must be public, and what is dialled is the checked
address, never the name; so neither a redirect nor a name that changes its answer gets around it. Every
exchange ends by its deadline, whatever the other side does, and leaves no socket behind.

Never follows a redirect of a POST, never keeps cookies or connections, never reads proxy settings, never
unpacks a compressed body, never opens a Unix socket. The operator's trusted hosts alone are exempt from
the rule on addresses, ports and https; they are matched as they are spelled, never by what they resolve to.

    OutboundError        `message` may be shown to the task's owner: it holds no address that DNS gave
    ├── Blocked          the address is not one that this server may talk to
    ├── Unreachable      no connection, no TLS, or an answer that is not HTTP
    │   └── TimedOut     not done by the deadline, or slower than the least speed
    ├── HostBusy         that host has its share of exchanges in flight; nothing was sent, come back later
    ├── TooLarge         the answer's body is over the limit
    └── BadAnswer        compressed without being asked, or redirected too often
        └── BadStatus    `status` is not the one that was needed
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
import time
import unicodedata
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urljoin

import httpcore2
import idna

from seedbed import __version__
from seedbed.errors import ConfigError, InvalidRequest, SeedbedError

URL_CHARACTERS_MAX = 2048
REDIRECTS_MAX = 3
BODY_PREFIX_BYTES = 4096
DIALS_MAX = 3
LOOKUPS_MAX = 64
"""Look-ups at a time. They wait in threads of their own, so that a dead name server starves nothing else."""
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


# Addresses -----------------------------------------------------------------------------------------

# IANA's two registries of special-purpose addresses, whole, and what clouds put beside them. Python's own
# `is_global` follows the patch release and passes 64:ff9b::7f00:1 and 2002:7f00:1:: on 3.11.
_V4_BLOCKS = """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
    192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15
    198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 168.63.129.16/32"""  # the last: Azure's host agent
_V6_BLOCKS = "2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3ffe::/16 3fff::/20"
_REFUSED_V4 = [ipaddress.IPv4Network(block) for block in _V4_BLOCKS.split()]
_REFUSED_V6 = [ipaddress.IPv6Network(block) for block in _V6_BLOCKS.split()]
_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: str | ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether anyone on the Internet reaches the same machine under this address; False for no address.

    An IPv6 address that wraps an IPv4 one is refused, whatever it wraps. The one exception is NAT64's
    well-known prefix, which is what a name server gives on networks without IPv4: there the inner
    address decides.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip in _NAT64 and ip.scope_id is None:
        ip = ipaddress.IPv4Address(ip.packed[12:])
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in block for block in _REFUSED_V4)
    isatap = int(ip) >> 32 & 0xFDFF_FFFF == 0x5EFE  # RFC 5214: an IPv4 address behind 0:5efe or 200:5efe
    return ip.scope_id is None and ip in _UNICAST_V6 and not isatap and not any(ip in block for block in _REFUSED_V6)


# URLs ----------------------------------------------------------------------------------------------

_PORTS = {"http": 80, "https": 443}
_SHAPE = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.ASCII | re.IGNORECASE)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_SAFE = "!$&'()*+,;=:@/?%~[]-._"
_INNER_SUFFIXES = "localhost localdomain local internal intranet private corp home lan home.arpa onion svc"
_INNER_NAMES = frozenset(_INNER_SUFFIXES.split())


@dataclass(frozen=True, slots=True)
class _Target:
    """A URL that may be asked: `host` without brackets, `path` with its query, in ASCII."""

    scheme: str
    host: str
    port: int
    path: str
    trusted: bool

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.path}"

    @property
    def origin(self) -> httpcore2.Origin:
        return httpcore2.Origin(self.scheme.encode(), self.host.encode(), self.port)


def check_url(url: str, trusted: frozenset[str] = frozenset(), *, field: str | None = None) -> str:
    """The normal form of a public https URL, to be kept and used in place of `url`. Asks no name server.

    `trusted` holds the operator's exempt hosts as `host` (any port) or `host:port` (that one alone).
    Raises InvalidRequest for `field`, saying what to change; ConfigError for a bad entry of `trusted`.
    """
    try:
        return _parse(url, trusted).url
    except Blocked as refusal:
        raise InvalidRequest(refusal.message, field=field) from None


def _parse(url: str, trusted: frozenset[str]) -> _Target:
    """The URL taken apart by the one set of rules for submissions, requests and redirects. Raises Blocked."""
    _check_characters(url)
    shape = _SHAPE.fullmatch(url)
    if not shape:
        raise Blocked("The URL must begin with https:// and a host name")
    scheme, authority, path, query, fragment = shape.groups(default="")
    scheme = scheme.lower()
    if fragment:
        raise Blocked("The URL must not have a fragment; remove the part from '#' on")
    host, port_text = _split_authority(authority)
    port = int(port_text) if port_text else _PORTS[scheme]
    exempt = _is_trusted(host, port, trusted)
    if not exempt:
        _check_public(scheme, host, port)
    target = _Target(scheme, host, port, quote((path or "/") + query, safe=_SAFE), exempt)
    if len(target.url) > URL_CHARACTERS_MAX:
        raise Blocked(f"The URL must not be longer than {URL_CHARACTERS_MAX} characters once it is encoded")
    return target


def _check_characters(url: str) -> None:
    if len(url) > URL_CHARACTERS_MAX:
        raise Blocked(f"The URL must not be longer than {URL_CHARACTERS_MAX} characters")
    # C: control, format (joiners, direction marks), surrogate, private, unassigned; Z: every kind of space.
    if "\\" in url or any(unicodedata.category(character)[0] in "CZ" for character in url):
        raise Blocked("The URL must not hold spaces, control characters, invisible characters or backslashes")


def _split_authority(authority: str) -> tuple[str, str]:
    """The host in its one normal spelling, and the port's digits or ''."""
    if "@" in authority:
        raise Blocked("The URL must not hold a user name or password; remove the part before '@'")
    if "%" in authority:
        raise Blocked("The URL's host must not be percent-encoded or have a zone")
    if authority.startswith("["):
        literal, bracket, rest = authority[1:].partition("]")
        if not bracket:
            raise Blocked("The URL's IPv6 address must end with ']'")
        host = _ipv6(literal)
    else:
        name, colon, port = authority.partition(":")
        host, rest = _host(name), colon + port
    if rest and not (_PORT.fullmatch(rest[1:]) and rest[0] == ":" and 1 <= int(rest[1:]) <= 65535):
        raise Blocked("The URL's port must be a number from 1 to 65535")
    return host, rest[1:]


def _ipv6(literal: str) -> str:
    try:
        return str(ipaddress.IPv6Address(literal))
    except ValueError:
        raise Blocked("The URL's IPv6 address is not one") from None


def _host(name: str) -> str:
    """A domain name or IPv4 address in lower-case ASCII without a trailing dot; no other spelling passes."""
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True, std3_rules=True).decode("ascii")
        except UnicodeError:
            raise Blocked("The URL's host is not a valid international domain name") from None
    name = name.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise Blocked("The URL needs a host name of letters, digits, hyphens and dots")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            ipaddress.IPv4Address(name)
        except ValueError:
            raise Blocked("The URL's IPv4 address must be four decimal numbers from 0 to 255") from None
    return name


def _check_public(scheme: str, host: str, port: int) -> None:
    if scheme != "https":
        raise Blocked("The URL must begin with https://")
    if port != 443:
        raise Blocked("The URL must use port 443; remove the port")
    labels = host.split(".")
    if ":" in host or _NUMBER.fullmatch(labels[-1]):
        if not is_public(host):
            raise Blocked("The URL must not name a private or reserved address")
    elif len(labels) < 2 or labels[-1] in _INNER_NAMES or ".".join(labels[-2:]) in _INNER_NAMES:
        raise Blocked("The URL's host must be a public domain name")


def _is_trusted(host: str, port: int, trusted: frozenset[str]) -> bool:
    if not trusted:
        return False
    entries = _trusted_entries(trusted)
    return (host, None) in entries or (host, port) in entries


@lru_cache(maxsize=64)
def _trusted_entries(trusted: frozenset[str]) -> frozenset[tuple[str, int | None]]:
    """The entries as (host, port or None for any), spelled as URLs' hosts are. Raises ConfigError."""
    entries = set()
    for entry in trusted:
        bare_ipv6 = entry.count(":") > 1 and not entry.startswith("[")
        try:
            host, port = _split_authority(f"[{entry}]" if bare_ipv6 else entry)
        except Blocked:
            raise ConfigError(
                f"SEEDBED_TRUSTED_HOSTS: {entry!r} must be a host or host:port, with no scheme and no path"
            ) from None
        entries.add((host, int(port) if port else None))
    return frozenset(entries)


# The client ----------------------------------------------------------------------------------------

Resolve = Callable[[str, int], Awaitable[Iterable[str]]]
"""Name and port → every address of the name, best first. Raises OSError when there is none."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to a POST. Header names are lower case; `body_prefix` is at most BODY_PREFIX_BYTES, raw."""

    status: int
    headers: Mapping[str, str]
    body_prefix: bytes


@dataclass(frozen=True, slots=True)
class Download:
    """A file that was fetched whole. `url` is where the last redirect led; the rest is what the server said."""

    url: str
    content_type: str
    size_bytes: int
    etag: str | None


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
        _trusted_entries(trusted)
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
        target = _parse(url, self._trusted)
        sent = {"Content-Length": str(len(content)), **(headers or {})}
        head: httpcore2.Response | None = None
        prefix = bytearray()
        with self._slot(target):
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

    async def download(
        self,
        url: str,
        path: Path,
        *,
        size_bytes_max: int,
        timeout_s: float = 30.0,
        stall_s: float = 5.0,
        bytes_per_s_min: int = 10_000,
    ) -> Download:
        """Fetches `url` into a new file at `path`, following up to REDIRECTS_MAX redirects, each checked anew.

        `timeout_s` is for all of it; `stall_s` is how long the server may be silent, and how long it has
        before its average speed must reach `bytes_per_s_min`. The file is there only when all of the body
        is: on any error or cancellation it is removed. Raises any OutboundError, and OSError when the file
        cannot be written (FileExistsError when there is one, which is left alone).
        """
        limits = _Limits(size_bytes_max, stall_s, bytes_per_s_min)
        target = _parse(url, self._trusted)
        with _translated(target):
            async with asyncio.timeout(timeout_s):
                for _ in range(REDIRECTS_MAX + 1):
                    async with self._hop(target, stall_s) as response:
                        following = _redirect(target, response, self._trusted)
                        if following is None:
                            _check_answer(target, response, limits)
                            size_bytes = await _save(response, path, limits)
                            headers = _headers(response)
                            content_type = headers.get("content-type", "")
                            return Download(target.url, content_type, size_bytes, headers.get("etag"))
                    target = following
        raise BadAnswer(f"The URL redirects more than {REDIRECTS_MAX} times")

    @asynccontextmanager
    async def _hop(self, target: _Target, stall_s: float) -> AsyncIterator[httpcore2.Response]:
        with self._slot(target):
            async with self._exchange("GET", target, {}, None, stall_s=stall_s) as response:
                yield response

    @contextmanager
    def _slot(self, target: _Target) -> Iterator[None]:
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
        target: _Target,
        headers: Mapping[str, str],
        content: bytes | None,
        *,
        stall_s: float | None = None,
    ) -> AsyncIterator[httpcore2.Response]:
        """One request on a connection of its own, which is closed on every way out."""
        dialer = _Dialer(self._resolve, target.trusted, self._timeout_s / DIALS_MAX)
        connection = httpcore2.AsyncHTTPConnection(target.origin, self._tls, network_backend=dialer)
        request = httpcore2.Request(
            method,
            httpcore2.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path),
            headers=list({"Host": target.netloc, **_HEADERS, **headers}.items()),
            content=content,
            extensions={"timeout": {"read": stall_s}},
        )
        try:
            yield await connection.handle_async_request(request)
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
            return self._stream
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


@contextmanager
def _translated(target: _Target) -> Iterator[None]:
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


def _redirect(target: _Target, response: httpcore2.Response, trusted: frozenset[str]) -> _Target | None:
    """Where the answer sends us, under the same rules as a submitted URL; None when it is no redirect."""
    if response.status not in _REDIRECTS:
        return None
    values = [value for name, value in response.headers if name.lower() == b"location"]
    if len(values) != 1:
        raise BadStatus(f"{target.host} answered {response.status} without saying where to go", response.status)
    location = values[0].decode("utf-8", "surrogateescape").partition("#")[0]  # what is not UTF-8 is refused
    try:
        _check_characters(location)
        return _parse(_absolute(target, location), trusted)
    except (Blocked, ValueError):
        raise Blocked(f"{target.host} redirects to an address that is not a public https URL") from None


def _absolute(target: _Target, location: str) -> str:
    """`urljoin` is asked for paths alone: it is too forgiving about anything that may hold another host."""
    if re.match(r"[a-z][a-z0-9+.-]*:", location, re.IGNORECASE):
        return location
    return f"{target.scheme}:{location}" if location.startswith("//") else urljoin(target.url, location)


def _check_answer(target: _Target, response: httpcore2.Response, limits: _Limits) -> None:
    if response.status != 200:
        raise BadStatus(f"{target.host} answered {response.status}", response.status)
    headers = _headers(response)
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise BadAnswer(f"{target.host} compressed the file although it was asked not to")
    declared = headers.get("content-length", "")
    if declared.isascii() and declared.isdigit():
        limits.check(int(declared))


async def _save(response: httpcore2.Response, path: Path, limits: _Limits) -> int:
    """Writes the body to a new file and gives its size in bytes; if anything goes wrong, nothing of it stays."""
    file = await asyncio.to_thread(path.open, "xb")
    try:
        with file:
            return await _write_body(response, file, limits)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


async def _write_body(response: httpcore2.Response, file: BinaryIO, limits: _Limits) -> int:
    size_bytes, pending, begun_s = 0, bytearray(), time.monotonic()
    async with aclosing(response.aiter_stream()) as pieces:
        async for piece in pieces:
            size_bytes += len(piece)
            limits.check(size_bytes, time.monotonic() - begun_s)
            pending += piece
            if len(pending) >= _WRITE_BYTES:
                await asyncio.to_thread(file.write, pending)
                pending = bytearray()
    await asyncio.to_thread(file.write, pending)
    return size_bytes
