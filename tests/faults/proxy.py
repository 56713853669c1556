"""A proxy for PostgreSQL's wire protocol that sees each message of its clients and can fail between any two.

It stands on a TCP port before the test's server. Messages from clients are read one by one (a test may
count them, read the SQL in them, or end the world at one); answers pass as bytes. It never changes any.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

CANCEL_REQUEST = 80877102


@dataclass(frozen=True, slots=True)
class Message:
    """One message from a client: `link` numbers its connection, `kind` is the protocol's letter."""

    link: int
    kind: str
    body: bytes

    @property
    def sql(self) -> str:
        """The SQL text of a Query or Parse; empty for any other kind."""
        if self.kind == "Q":
            return self.body[:-1].decode()
        return self.body.split(b"\0")[1].decode() if self.kind == "P" else ""


Rule = Callable[[Message], bool]


@dataclass(eq=False, slots=True)
class _Link:
    """One client's connection with the server's behind it."""

    number: int
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    mute: bool = False


@dataclass(eq=False)
class Proxy:
    """`before` and `after` say at which message to end the world: unsent, or sent with its answer withheld.

    Then `strike` is called (to kill whoever the client is) and every connection ends, for the server and for
    a client that lives; new ones end at once, until `clear`. `hold` says at which message to call `strike`
    and to stop the clocks instead: as after `swallow`, beginning with this message.
    """

    dsn: str
    port: int = 0
    seen: list[Message] = field(default_factory=list)
    before: Rule | None = None
    after: Rule | None = None
    hold: Rule | None = None
    strike: Callable[[], None] = lambda: None
    struck: asyncio.Event = field(default_factory=asyncio.Event)
    _links: dict[int, _Link] = field(default_factory=dict)
    _pumps: set[asyncio.Task[None]] = field(default_factory=set)
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _over: bool = False
    _count: int = 0

    @property
    def url(self) -> str:
        """The database's address through this proxy."""
        parts = urlsplit(self.dsn)
        return f"postgresql://{parts.username}@127.0.0.1:{self.port}{parts.path}?sslmode=disable"

    def swallow(self) -> None:
        """From now on nothing arrives, either way; connections stay open, and new ones are let in."""
        self._open.clear()

    def heal(self) -> None:
        """What was held back since `swallow` arrives after all, as TCP would have it."""
        self._open.set()

    def clear(self) -> None:
        """Forget the rules and what was seen; connections made from now on work."""
        self.before = self.after = self.hold = None
        self._over = False
        self.strike = lambda: None
        self.seen.clear()
        self.struck = asyncio.Event()

    async def settled(self) -> None:
        """Wait until the server has ended every session that came through here."""
        async with asyncio.timeout(60):
            while self._links:
                await asyncio.sleep(0.005)

    # One connection --------------------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pumps.add(task)
        task.add_done_callback(self._pumps.discard)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._serve(reader, writer)
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(4)
        start = head + await reader.readexactly(struct.unpack("!i", head)[0] - 4)
        await self._open.wait()
        server_reader, server_writer = await self._dial()
        self._count += 1
        link = _Link(self._count, writer, server_writer)
        self._links[link.number] = link
        try:
            server_writer.write(start)
            back = asyncio.create_task(self._answers(link, server_reader))
            if struct.unpack("!i", start[4:8])[0] != CANCEL_REQUEST:
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                    await self._requests(link, reader)
            if server_writer.can_write_eof():
                with contextlib.suppress(OSError, RuntimeError):
                    server_writer.write_eof()
            await back
        finally:
            server_writer.close()
            self._links.pop(link.number, None)

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.dsn)
        query = parse_qs(parts.query)
        port = query.get("port", [str(parts.port or 5432)])[0]
        host = query.get("host", [parts.hostname or "127.0.0.1"])[0]
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, int(port))

    async def _requests(self, link: _Link, reader: asyncio.StreamReader) -> None:
        """Pass messages until the client is gone or the world stops."""
        while not self._over:
            head = await reader.readexactly(5)
            body = await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)
            await self._open.wait()
            if self._over:
                return
            message = Message(link.number, chr(head[0]), body)
            self.seen.append(message)
            if self.before is not None and self.before(message):
                self._stop()
                return
            if self.hold is not None and self.hold(message):
                self.swallow()
                self.strike()
                self.struck.set()
                await self._open.wait()
            last = self.after is not None and self.after(message)
            link.mute = last
            link.server.write(head + body)
            await link.server.drain()
            if last:
                self._stop()
                return

    def _stop(self) -> None:
        self._over = True
        for link in self._links.values():
            link.mute = True
        self.strike()
        for link in list(self._links.values()):
            link.client.close()
        self.struck.set()

    async def _answers(self, link: _Link, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                await self._open.wait()
                if not link.mute:
                    link.client.write(data)
                    await link.client.drain()
        link.client.close()


@contextlib.asynccontextmanager
async def proxied(dsn: str) -> AsyncIterator[Proxy]:
    """A proxy before `dsn`, for as long as the block lasts."""
    proxy = Proxy(dsn)
    proxy.heal()
    server = await asyncio.start_server(proxy._accept, "127.0.0.1", 0, limit=1 << 22)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for pump in list(proxy._pumps):
            pump.cancel()
        await asyncio.gather(*proxy._pumps, return_exceptions=True)
