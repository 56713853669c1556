"""A receiver of webhooks that answers as a test says and keeps what it got."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

from seedbed import db, webhooks
from seedbed.webhooks import Delivery
from tests.conftest import Person
from tests.test_tasks import in_state


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """Computed by OpenSSL through another library than the one under test."""
    mac = HMAC(key, hashes.SHA256())
    mac.update(data)
    return mac.finalize()


async def opened(conn: db.Connection, person: Person, url: str = "https://example.com/hook") -> Delivery:
    task = await in_state(conn, person, "cancelled", webhook_url=url)
    return await webhooks.open_delivery(conn, task.id, "cancelled", url, b'{"n":1}')


@dataclass
class Request:
    """What a receiver got. `headers` have lower-case names."""

    path: str
    headers: dict[str, str]
    body: bytes


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def told(status: int, body: bytes = b"", **headers: str) -> bytes:
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body


@dataclass
class Receiver:
    """A server of webhooks. `answers` are given one after another, and OK from then on.

    None cuts the connection, and a number is seconds of silence before OK.
    """

    answers: list[bytes | float | None] = field(default_factory=list)
    got: list[Request] = field(default_factory=list)
    hanging: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
            body = await reader.readexactly(int(headers["content-length"]))
            self.got.append(Request(head[0].split()[1], headers, body))
            answer = self.answers.pop(0) if self.answers else OK
            if isinstance(answer, float):
                self.hanging += 1
                await asyncio.sleep(answer)
                self.hanging -= 1
                answer = OK
            if answer is not None:
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def wait(self, count: int) -> list[Request]:
        await until(lambda: len(self.got) >= count)
        return self.got


@contextlib.asynccontextmanager
async def receiving(*answers: bytes | float | None) -> AsyncIterator[Receiver]:
    receiver = Receiver(list(answers))
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        with contextlib.suppress(asyncio.CancelledError):
            await receiver._serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=512)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def until(holds: Callable[[], bool | Awaitable[bool]], timeout_s: float = 60) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = holds()
            if await found if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(0.02)


def check_signatures(request: Request, secret: str) -> None:
    """What a receiver does."""
    assert request.headers["x-seedance-signature"] == hmac_sha256(secret.encode(), request.body).hex()
    age_s = time.time() - int(request.headers["webhook-timestamp"])
    assert -5 < age_s < 300
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    expected = base64.b64encode(hmac_sha256(secret.encode(), signed)).decode()
    assert expected in [part.removeprefix("v1,") for part in request.headers["webhook-signature"].split()]
