"""Bytes straight onto a socket: for requests that no decent HTTP client will send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

LAST_WORD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: last-word\r\nConnection: close\r\n\r\n"

PATIENCE_S = 60
"""How long a server may take, on however busy a machine."""


@dataclass(frozen=True)
class Answer:
    """One answer; `closed` says whether the server hung up after it."""

    status: int
    headers: dict[str, str]
    body: bytes
    closed: bool


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def exchange(url: str, *pieces: bytes) -> list[Answer]:
    """Send the pieces and nothing more; all answers until the server hangs up or has nothing to say.

    A server that keeps the connection open is asked for one more thing, which it must answer: so the end
    of what it had to say is known without a clock.
    """
    async with connected(url) as (reader, writer):
        for piece in pieces:
            writer.write(piece)
        writer.write(LAST_WORD)
        raw = await asyncio.wait_for(_read_all(reader), PATIENCE_S)
    answers = list(_split(raw))
    if answers and answers[-1].headers.get("x-request-id") == "last-word":
        return answers[:-1]
    return [*answers[:-1], replace(answers[-1], closed=True)] if answers else []


async def _read_all(reader: asyncio.StreamReader) -> bytes:
    raw = bytearray()
    try:
        while piece := await reader.read(1 << 16):
            raw += piece
    except ConnectionError:
        pass
    return bytes(raw)


def _split(raw: bytes) -> Iterable[Answer]:
    while raw:
        head, _, raw = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if "content-length" in headers:
            size = int(headers["content-length"])
            body, raw = raw[:size], raw[size:]
        elif headers.get("transfer-encoding") == "chunked":
            body, raw = _chunks(raw)
        else:
            body, raw = raw, b""
        yield Answer(int(first.split()[1]), headers, body, False)


def _chunks(raw: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, _, raw = raw.partition(b"\r\n")
        if int(size, 16) == 0:
            return body, raw.removeprefix(b"\r\n")
        body, raw = body + raw[: int(size, 16)], raw[int(size, 16) + 2 :]


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    """A request as it is written on the wire, with no header but those given."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", *headers, "", ""]).encode("latin-1") + body
