"""The page of the Open API is true: its commands are run, its errors provoked, its verifier is given messages."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from seedbed import accounts, db
from seedbed.dialects import open_v1
from seedbed.errors import TASK_FAILURES
from seedbed.settings import Settings
from tests.conftest import Person, free_port, make_person, served
from tests.dialects.documents import PAGES, blocks, run
from tests.dialects.wire import GENERATIONS, PREFIX, RIVER, move, submit
from tests.engines_for_tests import Clip
from tests.relay import Relay
from tests.workers import at_work

PAGE = (PAGES / "open-api.md").read_text()
WEBHOOKS = (PAGES / "webhooks.md").read_text()
VARYING = {"requestId", "url", "createdAt", "sizeBytes", "expiresAt", "promptPlan"}


def alike(value: Any, name: str = "") -> Any:
    """`value` without what varies from one run to the next."""
    if isinstance(value, dict) and name not in VARYING:
        return {key: alike(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [alike(each) for each in value]
    if name in VARYING and value is not None:
        return f"some {name}"
    return re.sub(r"in \d+ s$", "in some s", value) if name == "message" else value


async def test_every_command_of_the_page(settings: Settings, alice: Person, tmp_path: Path, sound: None) -> None:
    """In the page's own order, as one reader would; a worker comes when the page waits for the video."""
    page = blocks(PAGE)
    ran = 0
    async with served(settings) as url:
        variables = {"SEEDBED_URL": url, "SEEDBED_KEY": alice.key}
        for block, following in zip(page, [*page[1:], None], strict=True):
            if block.language != "bash":
                continue
            waits = block.text.startswith("until ")
            async with at_work(settings, tmp_path, Clip()) if waits else contextlib.nullcontext():
                said = await run(block.text, tmp_path, variables)
            ran += 1
            if following is None or (following.language, following.heading) != ("json", block.heading):
                continue
            answers = [json.loads(line) for line in said.splitlines()]
            assert answers, block.text
            expected = json.loads(following.text)
            for answer in answers:
                assert list(alike(answer).items()) == list(alike(expected).items()), block.text
            assert all(answer == answers[0] for answer in answers)
            if "requestId" in answers[0]:
                variables["REQUEST_ID"] = answers[0]["requestId"]
            if answers[0].get("output"):
                variables["VIDEO_URL"] = answers[0]["output"]["url"]
    assert ran == sum(block.language == "bash" for block in page) >= 10
    assert (tmp_path / "lighthouse.mp4").read_bytes()[4:8] == b"ftyp"


def test_the_page_has_a_command_for_every_route() -> None:
    commands = " ".join(block.text for block in blocks(PAGE) if block.language == "bash")
    for method, path, _ in open_v1.ROUTES:
        where = re.escape(f"$SEEDBED_URL{PREFIX}{path}".replace("{requestId}", "$REQUEST_ID"))
        assert re.search(rf'curl --silent (--\S+ )?(POST )?"{where}["?]', commands), (method, path)


# Errors ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scene:
    settings: Settings
    api: httpx2.AsyncClient
    pool: db.Pool
    relay: Relay
    alice: Person


@pytest.fixture
async def scene(settings: Settings, dsn: str, pool: db.Pool, alice: Person) -> AsyncIterator[Scene]:
    async with (
        Relay(dsn) as relay,
        served(settings.model_copy(update={"database_url": relay.dsn})) as url,
        httpx2.AsyncClient(base_url=url, timeout=60) as api,
    ):
        yield Scene(settings, api, pool, relay, alice)


async def _invalid(scene: Scene) -> httpx2.Response:
    return await scene.api.post(GENERATIONS, json=RIVER | {"duration": 3}, headers=scene.alice.auth)


async def _unauthorized(scene: Scene) -> httpx2.Response:
    return await scene.api.get(f"{PREFIX}/balance")


async def _insufficient(scene: Scene) -> httpx2.Response:
    async with db.transaction(scene.pool) as conn:
        poor = await make_person(conn, "poor", credits=12)
    return await scene.api.post(GENERATIONS, json=RIVER, headers=poor.auth)


async def _not_found(scene: Scene) -> httpx2.Response:
    return await scene.api.get(f"{GENERATIONS}/req_4mPz0Kq7sVbYtR2nLdXw9A", headers=scene.alice.auth)


async def _wrong_method(scene: Scene) -> httpx2.Response:
    return await scene.api.delete(GENERATIONS, headers=scene.alice.auth)


async def _conflict(scene: Scene) -> httpx2.Response:
    headers = scene.alice.auth | {"Idempotency-Key": "order-1001-scene-08"}
    await scene.api.post(GENERATIONS, json=RIVER, headers=headers)
    return await scene.api.post(GENERATIONS, json=RIVER | {"duration": 6}, headers=headers)


async def _too_large(scene: Scene) -> httpx2.Response:
    return await scene.api.post(GENERATIONS, content=b" " * (1 << 21), headers=scene.alice.auth)


async def _limited(scene: Scene) -> httpx2.Response:
    await scene.api.get(f"{PREFIX}/balance", headers=scene.alice.auth)
    async with db.transaction(scene.pool) as conn:
        await conn.execute(
            "UPDATE rate_windows SET requests = 600, started_at = now() - $1::interval", timedelta(seconds=18)
        )
    return await scene.api.get(f"{PREFIX}/balance", headers=scene.alice.auth)


async def _fault(scene: Scene) -> httpx2.Response:
    async with db.transaction(scene.pool) as conn:
        await conn.execute("ALTER TABLE tasks RENAME TO elsewhere")
    return await scene.api.get(GENERATIONS, headers=scene.alice.auth)


async def _busy(scene: Scene) -> httpx2.Response:
    await scene.relay.cut()
    return await scene.api.post(GENERATIONS, json=RIVER, headers=scene.alice.auth)


PROVOKED: dict[str, Callable[[Scene], Awaitable[httpx2.Response]]] = {
    "400 `invalid_request`": _invalid,
    "401 `unauthorized`": _unauthorized,
    "402 `insufficient_credits`": _insufficient,
    "404 `not_found`": _not_found,
    "405 `invalid_request`": _wrong_method,
    "409 `idempotency_conflict`": _conflict,
    "413 `invalid_request`": _too_large,
    "429 `rate_limited`": _limited,
    "500 `internal_error`": _fault,
    "503 `service_busy`": _busy,
}


def printed_errors() -> dict[str, Any]:
    return {block.heading: json.loads(block.text) for block in blocks(PAGE) if re.match(r"\d{3} ", block.heading)}


def test_every_error_of_the_page_is_provoked() -> None:
    assert printed_errors().keys() == PROVOKED.keys()
    rows = re.findall(r"^\| (\d{3}) \| (`\w+`) \|", PAGE, re.M)
    assert [f"{status} {code}" for status, code in rows] == list(PROVOKED)


@pytest.mark.parametrize("heading", PROVOKED)
async def test_each_error_as_it_is_printed(scene: Scene, heading: str) -> None:
    answer = await PROVOKED[heading](scene)
    assert answer.status_code == int(heading[:3])
    assert alike(answer.json()) == alike(printed_errors()[heading])
    assert f"`{answer.json()['error']['code']}`" in heading
    assert ("retry-after" in answer.headers) is (answer.status_code in (429, 503))
    assert answer.headers["x-request-id"]


async def test_the_printed_failure(api: httpx2.AsyncClient, alice: Person, pool: db.Pool) -> None:
    (printed,) = [json.loads(block.text) for block in blocks(PAGE) if block.heading == "Why a task failed"]
    task_id = await submit(api, alice, prompt=printed["prompt"])
    await move(pool, task_id, "failed")
    told = (await api.get(f"{GENERATIONS}/{task_id}", headers=alice.auth)).json()
    assert list(alike(told).items()) == list(alike(printed).items())


def _rows(heading: str) -> list[str]:
    """What stands in the first column of the tables under a heading, without its quotes."""
    section = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", PAGE, re.M | re.S)
    assert section is not None, heading
    return re.findall(r"^\| `(\w+)` \|", section[1], re.M)


def test_every_field_status_and_failure_is_on_the_page() -> None:
    assert _rows("Fields") == list(open_v1.Generation.model_fields)
    assert _rows("Why a task failed") == list(TASK_FAILURES)
    assert _rows("Look at a task") == ["queued", "processing", "succeeded", "failed", "cancelled"]
    assert _rows("List tasks") == ["limit", "after", "status"]


# Webhooks ----------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def receiver(port: int) -> AsyncIterator[asyncio.Queue[tuple[dict[str, str], bytes]]]:
    """A webhook's receiver: the headers and body of each message, in a queue."""
    got: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[1:-2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head)}
        body = await reader.readexactly(int(headers["content-length"]))
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        got.put_nowait((headers, body))

    async with await asyncio.start_server(take, "127.0.0.1", port):
        yield got


def verifiers() -> dict[str, Callable[..., bool]]:
    (snippet,) = [block.text for block in blocks(WEBHOOKS) if block.language == "python"]
    names: dict[str, Any] = {}
    exec(compile(snippet, "docs/en/webhooks.md", "exec"), names)
    return names


@pytest.mark.parametrize("secret", ["a plain secret", "whsec_c2VlZGJlZCB0ZXN0IHNlY3JldCAxMjM0"])
async def test_a_webhook_as_it_is_printed_and_verified(
    settings: Settings, pool: db.Pool, tmp_path: Path, secret: str, sound: None
) -> None:
    """A real worker posts to a real receiver, which checks both signatures with the page's own lines."""
    port = free_port()
    settings = settings.model_copy(update={"trusted_hosts": f"127.0.0.1:{port}"})
    async with db.transaction(pool) as conn:
        carol = await make_person(conn, "carol")
        key_id, key = await accounts.create_key(
            conn,
            carol.account_id,
            "open",
            webhook_url=f"http://127.0.0.1:{port}/default",
            webhook_secret=secret,
        )
    carol = Person(carol.account_id, key_id, key)
    async with (
        receiver(port) as got,
        served(settings) as url,
        httpx2.AsyncClient(base_url=url) as api,
        at_work(settings, tmp_path, Clip()),
    ):
        task_id = await submit(api, carol, duration=4, resolution="480p")
        headers, body = await asyncio.wait_for(got.get(), 60)
        told = json.loads(body)
        assert (await api.get(told["output"]["url"])).status_code == 200
    (printed,) = [json.loads(b.text) for b in blocks(PAGE) if b.heading == "Webhooks" and b.language == "json"]
    assert list(alike(told).items()) == list(alike(printed).items())
    assert told["requestId"] == task_id
    assert headers["content-type"] == "application/json"

    verify, verify_seedance = (verifiers()[name] for name in ("verify", "verify_seedance"))
    assert verify(headers, body, secret)
    assert verify_seedance(headers, body, secret)
    assert not verify(headers, body + b" ", secret)
    assert not verify_seedance(headers, body + b" ", secret)
    assert not verify(headers, body, "another secret")
    assert not verify_seedance(headers, body, "another secret")
    assert not verify(headers | {"webhook-id": "msg_another"}, body, secret)
    late = str(int(headers["webhook-timestamp"]) - 301)
    assert not verify(headers | {"webhook-timestamp": late}, body, secret)
    assert not verify(headers, body, secret, tolerance_s=-1)
