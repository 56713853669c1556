"""A wire between a program and its PostgreSQL that can be cut and mended: the database goes away and comes back."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

SOCKET = ".s.PGSQL.5432"


class Relay:
    """Passes bytes both ways between a socket of its own and the server behind `dsn` (over a Unix socket).

    `dsn` is the address through the relay, `passed_bytes` what has gone over it, both ways. While it is
    cut, nobody listens and what was open is closed.
    """

    def __init__(self, dsn: str) -> None:
        parts = urlsplit(dsn)
        query = parse_qs(parts.query)
        self._behind = f"{query['host'][0]}/{SOCKET}"
        self._folder = Path(tempfile.mkdtemp(prefix="relay-", dir="/tmp"))
        self.dsn = urlunsplit(parts._replace(query=urlencode({**query, "host": str(self._folder)}, doseq=True)))
        self.passed_bytes = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Relay:
        await self.mend()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cut()
        shutil.rmtree(self._folder)

    async def mend(self) -> None:
        """Take connections (again)."""
        self._server = await asyncio.start_unix_server(self._join, str(self._folder / SOCKET))

    async def cut(self) -> None:
        """Close everything and take no more."""
        if self._server is None:
            return
        self._server.close()
        (self._folder / SOCKET).unlink(missing_ok=True)
        self._server = None
        for writer in list(self._open):
            writer.transport.abort()
        while self._open:
            await asyncio.sleep(0.01)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_unix_connection(self._behind)
        await asyncio.gather(self._pass(reader, there_writer), self._pass(there_reader, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with contextlib.suppress(ConnectionError):
                while piece := await reader.read(1 << 16):
                    self.passed_bytes += len(piece)
                    writer.write(piece)
                    await writer.drain()
        finally:
            writer.transport.abort()
            self._open.discard(writer)
