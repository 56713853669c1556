"""A wire with a will of its own: it stands between client and service, and loses, cuts and spoils what passes."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

PASS, REFUSE, SWALLOW, HALF, SPOIL, HOLD = "pass", "refuse", "swallow", "half", "spoil", "hold"
"""What happens to a request: it is passed on; cut before; cut after it was carried out; cut in its answer; answered
with its last byte changed; carried out, and its answer kept until the client has gone."""


@dataclass
class Proxy:
    """Stands between client and service, with a fate (or a ready answer) for each request; then passes all."""

    target: str
    fates: list[str | bytes] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    url: str = ""
    passed_bytes: int = 0

    def header(self, name: str) -> list[str | None]:
        """What each request said in the header `name`."""
        found = [re.search(rf"(?i)\r\n{name}: ([^\r]*)", head) for head in self.heads]
        return [each and each[1] for each in found]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(length[1])) if length else b""
            self.heads.append(head.decode())
            fate = self.fates.pop(0) if self.fates else PASS
            if fate == REFUSE:
                return
            answer = fate if isinstance(fate, bytes) else await self.ask(head, body)
            if fate == HOLD:
                await reader.read()
            elif fate != SWALLOW:
                answer = spoilt(answer) if fate == SPOIL else answer
                answer = answer[: len(answer) // 2] if fate == HALF else answer
                self.passed_bytes += len(answer)
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            await closed(writer)

    async def ask(self, head: bytes, body: bytes) -> bytes:
        host, port = self.target.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = re.sub(rb"(?i)\r\nconnection: [^\r]*", b"", head)
        writer.write(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + body)
        try:
            return await reader.read()
        finally:
            writer.transport.abort()


async def closed(writer: asyncio.StreamWriter) -> None:
    """Closed, with all that was written sent, unless nobody takes it any more."""
    writer.close()
    with contextlib.suppress(ConnectionError, TimeoutError):
        await asyncio.wait_for(writer.wait_closed(), 5)
    writer.transport.abort()


def spoilt(answer: bytes) -> bytes:
    return answer[:-1] + bytes([answer[-1] ^ 1])


@contextlib.asynccontextmanager
async def between(target: str, *fates: str | bytes) -> AsyncIterator[Proxy]:
    proxy, running = Proxy(target.rstrip("/"), list(fates)), set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.add(asyncio.current_task())
        await proxy.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        # One that is only just being let in would be left half open by a server that has closed.
        await asyncio.sleep(0.05)
        server.close()
        await asyncio.gather(*running, return_exceptions=True)


def ready(status: int, body: bytes = b"", **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body
