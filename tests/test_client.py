"""The client: it never buys twice, and a file is there whole or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx2
import pytest

from seedbed import db
from seedbed.client import Client, ClientError, Generation
from seedbed.settings import Settings
from tests.conftest import Person, make_person
from tests.engines_for_tests import Broken, Clip
from tests.test_spine import working
from tests.webhook_receivers import until

T = TypeVar("T")
SMALL = {"model": "seedance-2.0", "duration": 4, "resolution": "480p"}

PASS, REFUSE, SWALLOW, HALF, HOLD = "pass", "refuse", "swallow", "half", "hold"
"""What happens to a request: it is passed on; cut before; cut after it was carried out; cut in its answer; carried
out, and its answer kept until the client has gone."""


@dataclass
class Proxy:
    """Stands between client and service, with a fate (or a ready answer) for each request; then passes all."""

    target: str
    fates: list[str | bytes] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    url: str = ""

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
                writer.write(answer[: len(answer) // 2] if fate == HALF else answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def ask(self, head: bytes, body: bytes) -> bytes:
        host, port = self.target.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = re.sub(rb"(?i)\r\nconnection: [^\r]*", b"", head)
        writer.write(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + body)
        try:
            return await reader.read()
        finally:
            writer.close()


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
        server.close()
        await asyncio.gather(*running, return_exceptions=True)


async def run(act: Callable[[Client], T], url: str, key: str, timeout_s: float = 30) -> T:
    """`act` with the client, which blocks, in a thread."""

    def there() -> T:
        with Client(url, key, timeout_s=timeout_s) as client:
            return act(client)

    return await asyncio.to_thread(there)


def ready(status: int, **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: 0\r\n{lines}\r\n".encode()


# Buying ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fates",
    [
        (),
        (SWALLOW, HALF),
        (REFUSE, SWALLOW),
        (ready(503, Retry_After="0"), SWALLOW, ready(429, Retry_After="0"), ready(502)),
    ],
)
async def test_a_lost_answer_never_buys_twice(
    api: httpx2.AsyncClient, pool: db.Pool, alice: Person, fates: tuple[str | bytes, ...], sound: None
) -> None:
    async with between(str(api.base_url), *fates) as proxy:
        task_id, charged = await run(lambda client: client.create("A river", **SMALL), proxy.url, alice.key)
        assert charged == 16
        assert len(proxy.heads) == len(fates) + 1
        keys = {re.findall(r"(?i)idempotency-key: (\S+)", head)[0] for head in proxy.heads}
        assert len(keys) == 1
        again, _ = await run(lambda client: client.create("A river", **SMALL), proxy.url, alice.key)
        assert again != task_id, "a second call is a second purchase"
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT count(*) FROM tasks") == 2
        assert await conn.fetchval("SELECT held_credits FROM accounts") == 32


async def test_a_first_try_that_still_runs_is_waited_for(
    api: httpx2.AsyncClient, pool: db.Pool, alice: Person, sound: None
) -> None:
    """The client loses patience while the service is slow: the next try is told 409, and a later one the answer."""
    async with between(str(api.base_url)) as proxy:
        async with db.transaction(pool) as conn:
            await conn.execute("SELECT FROM accounts WHERE id = $1 FOR UPDATE", alice.account_id)
            buying = asyncio.create_task(
                run(lambda client: client.create("A river", **SMALL), proxy.url, alice.key, timeout_s=1)
            )
            await until(lambda: len(proxy.heads) >= 2)
        task_id, charged = await buying
    assert charged == 16
    async with db.connection(pool) as conn:
        assert [row["id"] for row in await conn.fetch("SELECT id FROM tasks")] == [task_id]


async def test_a_refusal_is_not_tried_again(api: httpx2.AsyncClient, pool: db.Pool) -> None:
    async with db.transaction(pool) as conn:
        poor = await make_person(conn, "poor", 0)
        spent = await make_person(conn, "spent", 1000, monthly=0)
    cases = [
        (poor.key, SMALL, 402, "insufficient_credits"),
        ("nonsense", SMALL, 401, "unauthorized"),
        (poor.key, SMALL | {"duration": 99}, 400, "invalid_request"),
        # The month's end is not waited for.
        (spent.key, SMALL, 429, "rate_limited"),
    ]
    async with between(str(api.base_url)) as proxy:
        for key, fields, status, code in cases:
            before = len(proxy.heads)
            with pytest.raises(ClientError) as refused:
                await run(lambda client, fields=fields: client.create("x", **fields), proxy.url, key)
            assert (refused.value.status, refused.value.code) == (status, code)
            assert len(proxy.heads) == before + 1


async def test_nobody_there_is_told_after_a_few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedbed.client.TRIES", 3)
    async with between("http://127.0.0.1:1", *[REFUSE] * 99) as proxy:
        with pytest.raises(ClientError, match="does not answer") as refused:
            await run(lambda client: client.balance(), proxy.url, "key")
        assert len(proxy.heads) == 3
    assert refused.value.status is None


# Watching ----------------------------------------------------------------------------------------------------------


async def test_from_the_prompt_to_the_file(
    api: httpx2.AsyncClient, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    seen: list[Generation] = []

    def make(client: Client) -> tuple[Generation, int]:
        task_id, _ = client.create("A river", **SMALL)
        done = client.wait(task_id, seen=seen.append)
        assert done.url is not None
        return done, client.download(done.url, tmp_path / "river.mp4")

    async with working(settings, tmp_path, Clip()):
        done, size_bytes = await run(make, str(api.base_url), alice.key)
    assert (done.status, done.error, done.progress) == ("succeeded", None, 1.0)
    assert seen[-1] == done
    file = (tmp_path / "river.mp4").read_bytes()
    assert size_bytes == len(file)
    assert file == (await api.get(done.url or "")).content
    assert await run(lambda client: client.balance(), str(api.base_url), alice.key) == 984


async def test_a_failure_and_a_cancellation_are_told(
    api: httpx2.AsyncClient, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    def cancelled(client: Client) -> Generation:
        task_id, _ = client.create("A river", **SMALL)
        with pytest.raises(ClientError, match="is still queued after 0 s"):
            client.wait(task_id, timeout_s=0)
        client.cancel(task_id)
        return client.wait(task_id)

    found = await run(cancelled, str(api.base_url), alice.key)
    assert (found.status, found.ended, found.url, found.error) == ("cancelled", True, None, None)
    async with working(settings, tmp_path, Broken()):
        found = await run(
            lambda client: client.wait(client.create("refuse it", **SMALL)[0]), str(api.base_url), alice.key
        )
    assert (found.status, found.error) == ("failed", "The engine cannot draw this")
    with pytest.raises(ClientError) as refused:
        await run(lambda client: client.get("req_unknown"), str(api.base_url), alice.key)
    assert (refused.value.status, refused.value.code) == (404, "not_found")


# Downloading -------------------------------------------------------------------------------------------------------

FILE = bytes(range(256)) * 4000


async def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    whole = ready(200).replace(b"Content-Length: 0", b"Content-Length: %d" % len(FILE)) + FILE
    moved = ready(302, Location="/elsewhere")
    target = tmp_path / "file.mp4"

    async def download(proxy: Proxy) -> int:
        return await run(lambda client: client.download(f"{proxy.url}/file", target), proxy.url, "sd2_live_secret")

    async with between(
        "http://127.0.0.1:1", whole[: len(whole) // 2], REFUSE, ready(404), whole, moved, whole
    ) as proxy:
        for words in ("could not be read", "could not be read", "answers 404"):
            with pytest.raises(ClientError, match=words):
                await download(proxy)
            assert list(tmp_path.iterdir()) == []
        for _ in range(2):
            assert await download(proxy) == len(FILE)
            assert target.read_bytes() == FILE
        proxy.fates = [whole[:-1]]
        with pytest.raises(ClientError):
            await download(proxy)
        assert target.read_bytes() == FILE, "what was there before stays"
        assert [path.name for path in tmp_path.iterdir()] == ["file.mp4"]
        assert not any("sd2_live_secret" in head for head in proxy.heads), "the key is for the service alone"


async def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    whole = ready(200).replace(b"Content-Length: 0", b"Content-Length: 3") + b"abc"
    async with between("http://127.0.0.1:1", whole) as proxy:
        with pytest.raises(ClientError, match="could not be written: No such file"):
            await run(lambda client: client.download(f"{proxy.url}/x", tmp_path / "no" / "x"), proxy.url, "key")
