"""Real sockets that answer as a test says, and a client that may reach them."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from seedbed.outbound import PublicClient

BODY = b'{"success":true}'
Answer = Callable[[str, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def response(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Fine"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if "Content_Length" not in headers and "Transfer_Encoding" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Receiver:
    """A server that notes which address each connection was dialled at, and every request."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.answer, self.tls = answer, tls
        self.dialled: list[tuple[str, int]] = []
        self.requests: list[bytes] = []
        self.stack = AsyncExitStack()

    async def listen(self, host: str, port: int = 0) -> int:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        server = await asyncio.start_server(self._serve, host, port, family=family, backlog=1024)
        self.stack.push_async_callback(server.wait_closed)
        self.stack.callback(server.close)
        return server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.dialled.append(writer.get_extra_info("sockname")[:2])
        try:
            if self.tls and writer.get_extra_info("sockname")[1] == 443:
                await writer.start_tls(self.tls)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            self.requests.append(head + await reader.readexactly(int(length[1]) if length else 0))
            await self.answer(head.split(b" ")[1].decode(), reader, writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client left, which is what many of these tests want
        finally:
            writer.transport.abort()


@asynccontextmanager
async def receiving(answer: Answer | bytes, hosts: tuple[str, ...] = ("127.0.0.1",)) -> AsyncIterator[Receiver]:
    """A receiver on a free port of each of `hosts`; its `netlocs` name them, and may be trusted."""

    async def say(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        await reader.read(1)  # until the client has gone, so that nothing it should read is reset

    receiver = Receiver(say if isinstance(answer, bytes) else answer)
    async with receiver.stack:
        receiver.netlocs = [f"{host}:{await receiver.listen(host)}" for host in hosts]
        receiver.url = f"http://{receiver.netlocs[0]}/hook"
        yield receiver


def trusting(*receivers: Receiver, **options: object) -> PublicClient:
    return PublicClient(frozenset(netloc for receiver in receivers for netloc in receiver.netlocs), **options)
