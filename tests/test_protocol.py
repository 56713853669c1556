"""Slow senders: heads and bodies that dribble in are cut off, and nobody else notices."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import httpx2
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from seedbed import protocol
from seedbed.dialects import _http, _upload
from seedbed.protocol import LimitedHttp
from seedbed.settings import Settings
from tests.conftest import Person, served
from tests.dialects.wire import GENERATIONS, PREFIX
from tests.raw import _read_all, _split, connected, request

HEAD_S, BODY_S, REQUEST_S = 0.6, 0.5, 1.2
GET = request("GET", "/healthz", "Host: localhost")


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_S", HEAD_S)
    monkeypatch.setattr(protocol, "REQUEST_S", REQUEST_S)
    monkeypatch.setattr(_http, "BODY_S_MAX", BODY_S)
    monkeypatch.setattr(_upload, "BODY_S_MAX", BODY_S)


@pytest.fixture
async def url(settings: Settings) -> AsyncIterator[str]:
    async with served(settings) as url:
        yield url


async def dribble(url: str, start: bytes, drop: bytes, *, every_s: float = 0.05) -> tuple[list[int], bytes, float]:
    """Send `start` at once and then `drop` again and again until the server hangs up: statuses, last body, seconds."""
    began = time.monotonic()
    async with connected(url) as (reader, writer):
        told = asyncio.create_task(_read_all(reader))
        writer.write(start)
        async with asyncio.timeout(30):
            while not told.done():
                writer.write(drop)
                await asyncio.sleep(every_s)
        answers = list(_split(told.result()))
    return [answer.status for answer in answers], answers[-1].body if answers else b"", time.monotonic() - began


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        (b"", b""),
        (b"G", b"E"),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: ", b"x"),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n", b"X-More: 1\r\n"),
        (b"", b"\r\n"),
    ],
    ids=["silence", "method", "header", "headers", "blank-lines"],
)
async def test_a_head_must_come_in_time(url: str, start: bytes, drop: bytes) -> None:
    statuses, _, took_s = await dribble(url, start, drop)
    assert statuses in ([408], [400] if start == b"G" else [408])
    assert took_s < HEAD_S + 5


@pytest.mark.parametrize("drop", [b"", b"\r\n", b"GET / HTTP/1.1\r\n"], ids=["silence", "blank-lines", "next"])
async def test_a_connection_that_was_good_once_gets_no_more_time(url: str, drop: bytes) -> None:
    statuses, _, took_s = await dribble(url, GET, drop)
    assert statuses[0] == 200
    assert took_s < 5 + HEAD_S + 5, "uvicorn keeps a quiet one for 5 s"


async def test_a_body_must_come_in_time(url: str, alice: Person) -> None:
    auth = f"Authorization: Bearer {alice.key}"
    for path, words in (
        (GENERATIONS, b"The request body did not come within"),
        (f"{GENERATIONS}/quote", b"The request body did not come within"),
        (f"{PREFIX}/files", b"The file did not arrive within"),
    ):
        for head, drop in (("Content-Length: 1000", b" "), ("Transfer-Encoding: chunked", b"1\r\n \r\n")):
            start = request("POST", path, "Host: localhost", auth, head)
            statuses, body, took_s = await dribble(url, start, drop)
            assert statuses == [400], (path, head)
            assert b'"code":"invalid_request"' in body
            assert words in body
            assert took_s < BODY_S + 5


async def test_a_body_that_nobody_reads_must_end_too(url: str) -> None:
    """Refused before its body is read: the rest of it may not come for ever."""
    start = request("POST", GENERATIONS, "Host: localhost", "Content-Length: 100000")
    statuses, _, took_s = await dribble(url, start, b" ")
    assert statuses == [401]
    assert took_s < REQUEST_S + 5


async def _slow_answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Two pieces, the second long after any head's time is over."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]})
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    await asyncio.sleep(3 * HEAD_S)
    await send({"type": "http.response.body", "body": b"after"})


@pytest.mark.parametrize("behind", [b"\r\n", b"GET / HTTP/1.1\r\nHost:"], ids=["blank-line", "half-a-head"])
async def test_an_answer_is_not_cut_by_what_comes_behind_its_request(behind: bytes) -> None:
    server = uvicorn.Server(uvicorn.Config(_slow_answer, http=LimitedHttp, lifespan="off", log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = asyncio.create_task(server._serve([listener]))
        statuses, body, took_s = await dribble(f"http://127.0.0.1:{listener.getsockname()[1]}", GET + behind, b"")
        server.should_exit = True
        await running
    assert statuses[0] == 200
    assert body == b"firstafter" if len(statuses) == 1 else statuses == [200, 408]
    assert 3 * HEAD_S <= took_s < 3 * HEAD_S + 10


async def test_others_are_served_meanwhile(url: str) -> None:
    slow = [asyncio.create_task(dribble(url, b"GET / HTTP/1.1\r\n", b"")) for _ in range(100)]
    await asyncio.sleep(0.1)
    async with httpx2.AsyncClient(base_url=url) as client:
        assert (await client.get("/healthz")).status_code == 200
    assert {tuple(statuses) for statuses, _, _ in await asyncio.gather(*slow)} == {(408,)}
