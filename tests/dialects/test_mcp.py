"""MCP over HTTP, with the protocol's own client: tools, progress, resources, and who sees what."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import av
import httpx2
import jsonschema
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, Tool
from PIL import Image

from seedbed import accounts, db, ledger, tasks
from seedbed.dialects import _mcp_resources, _mcp_tools
from seedbed.engines import Progress, RenderRequest, RenderResult
from seedbed.settings import Settings
from tests.conftest import Person, make_person, served
from tests.dialects.wire import move
from tests.engines_for_tests import Broken, Clip
from tests.test_media_inputs import quarters, written
from tests.webhook_receivers import receiving
from tests.workers import at_work

MODES = ["auto", "legacy"]
"""The revision of 2026, which has no handshake, and those before it."""
SHORT: dict[str, Any] = {"prompt": "A river", "duration": 4, "resolution": "480p"}


@contextlib.asynccontextmanager
async def agent(url: str, person: Person, mode: str = "auto", **options: Any) -> AsyncIterator[Client]:
    """An agent's own client with a key."""
    async with httpx2.AsyncClient(headers=person.auth, timeout=60) as http:
        transport = streamable_http_client(f"{url}/mcp", http_client=http, **options)
        async with Client(transport, mode=mode) as client:
            yield client


async def told(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a tool tells when all is well; the text says the same as the structure."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result
    assert json.loads(result.content[0].text) == result.structured_content  # type: ignore[union-attr]
    found: dict[str, Any] = result.structured_content
    return found


async def refused(client: Client, tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    result = await client.call_tool(tool, arguments)
    assert result.is_error, result
    assert result.structured_content is None
    return result.content[0].text, (result.meta or {})["seedbed/error"]  # type: ignore[union-attr]


@pytest.fixture
async def url(settings: Settings) -> AsyncIterator[str]:
    async with served(settings) as url:
        yield url


class Stepwise(Clip):
    """Tells progress in steps that last."""

    async def render(self, request: RenderRequest, scratch: Path, progress: Progress) -> RenderResult:
        for share in (0.2, 0.4, 0.6, 0.8):
            progress(share)
            await asyncio.sleep(0.7)
        return await super().render(request, scratch, progress)


# Tools -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
async def test_the_tools_are_told_with_schemas_that_hold(url: str, alice: Person, mode: str) -> None:
    async with agent(url, alice, mode) as client:
        assert client.protocol_version == ("2025-11-25" if mode == "legacy" else "2026-07-28")
        assert client.server_info is not None
        assert client.server_info.name == "seedbed"
        found = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert list(found) == [offer.name for offer in _mcp_tools.OFFERS]
    for tool in found.values():
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        jsonschema.Draft202012Validator.check_schema(tool.output_schema)
        assert tool.input_schema["additionalProperties"] is False
        assert tool.description
        assert all(told["description"] for told in tool.input_schema["properties"].values())
    assert _hints(found["generate_video"]) == (False, False, False, True)
    assert _hints(found["cancel_video"]) == (False, True, True, False)
    assert _hints(found["upload_media"]) == (False, False, False, False)
    reading = {name for name, tool in found.items() if _hints(tool) == (True, False, True, False)}
    assert reading == set(found) - {"generate_video", "cancel_video", "upload_media"}


def _hints(tool: Tool) -> tuple[bool | None, ...]:
    hints = tool.annotations
    assert hints is not None
    return hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint


async def test_the_schema_of_a_request_holds_what_the_catalogue_sells(url: str, alice: Person) -> None:
    async with agent(url, alice) as client:
        found = {tool.name: tool for tool in (await client.list_tools()).tools}
    asked = found["generate_video"].input_schema
    assert asked["required"] == ["prompt"]
    assert asked["properties"]["model"]["enum"] == ["seedance-2.0", "seedance-2.0-fast", "seedance-1.5-pro"]
    assert asked["properties"]["duration"]["enum"] == list(range(4, 16))
    assert asked["properties"]["seed"] == {
        "type": "integer",
        "minimum": 0,
        "maximum": 4294967295,
        "description": asked["properties"]["seed"]["description"],
    }
    assert "idempotency_key" not in found["quote_video"].input_schema["properties"]
    assert found["wait_for_video"].input_schema["properties"]["timeout_s"]["maximum"] == 300


@pytest.mark.parametrize("mode", MODES)
async def test_a_prompt_becomes_a_video(
    url: str, alice: Person, settings: Settings, tmp_path: Path, sound: None, mode: str
) -> None:
    reported: list[tuple[float, float | None, str | None]] = []

    async def report(progress: float, total: float | None, message: str | None) -> None:
        reported.append((progress, total, message))

    async with agent(url, alice, mode) as client, at_work(settings, tmp_path, Stepwise()):
        models = await told(client, "list_models")
        assert models["credits_per_usd"] == 128
        assert [model["id"] for model in models["models"]] == ["seedance-2.0", "seedance-2.0-fast", "seedance-1.5-pro"]
        assert models["models"][0]["credits_per_second"]["text_to_video"] == {"480p": 4, "720p": 8, "1080p": 16}
        price = await told(client, "quote_video", **SHORT)
        assert price == {"model": "seedance-2.0", "credits": 16, "usd": 0.125}
        accepted = await told(client, "generate_video", **SHORT, seed=7, idempotency_key="first")
        assert accepted == {"task_id": accepted["task_id"], "status": "queued", "credits": 16}
        assert accepted["task_id"].startswith("mcp_")
        assert await told(client, "get_balance") == {"credits_available": 984, "credits_held": 16}
        waited = await client.call_tool(
            "wait_for_video", {"task_id": accepted["task_id"]}, progress_callback=report, read_timeout_seconds=60
        )
        video = waited.structured_content
        assert video == await told(client, "get_video", task_id=accepted["task_id"])
        listed = await told(client, "list_videos")
    assert video | {"created_at": ""} == {
        "task_id": accepted["task_id"],
        "status": "succeeded",
        "ended": True,
        "progress": 1,
        "model": "seedance-2.0",
        "prompt": "A river",
        "duration": 4,
        "aspect_ratio": "16:9",
        "resolution": "480p",
        "seed": 7,
        "credits": 16,
        "credits_refunded": 0,
        "created_at": "",
        "video": {"url": video["video"]["url"], "width": 854, "height": 480},
        "last_frame_url": video["last_frame_url"],
        "notes": [],
        "error": None,
    }
    assert listed == {"videos": [video], "has_more": False}
    link = waited.content[1]
    assert (link.type, link.uri) == ("resource_link", f"seedbed://videos/{accepted['task_id']}/video.mp4")  # type: ignore[union-attr]
    shares = [share for share, _, _ in reported]
    assert shares == sorted(set(shares)), "progress rises with each notice"
    assert len([share for share in shares if 0 < share < 1]) >= 2, "progress moves"
    assert reported[-1][:2] == (1, 1)


async def test_a_wait_ends_in_time_and_is_taken_up_again(
    url: str, alice: Person, settings: Settings, tmp_path: Path, pool: db.Pool
) -> None:
    async with agent(url, alice) as client:
        task_id = (await told(client, "generate_video", **SHORT))["task_id"]
        began = time.monotonic()
        state = await told(client, "wait_for_video", task_id=task_id, timeout_s=1)
        assert 0.9 < time.monotonic() - began < 5
        assert (state["status"], state["ended"], state["video"]) == ("queued", False, None)
        assert not (await told(client, "wait_for_video", task_id=task_id, timeout_s=0))["ended"]
        async with at_work(settings, tmp_path, Clip()):
            assert (await told(client, "wait_for_video", task_id=task_id))["status"] == "succeeded"


@pytest.mark.parametrize("mode", MODES)
async def test_a_wait_does_not_keep_the_server_from_stopping(settings: Settings, alice: Person, mode: str) -> None:
    """Whoever waits is told that the video goes on, whether progress is told or the answer is plain JSON."""
    waiting = asyncio.Event()

    async def report(progress: float, total: float | None, message: str | None) -> None:
        waiting.set()

    async with contextlib.AsyncExitStack() as serving:
        url = await serving.enter_async_context(served(settings))
        async with agent(url, alice, mode) as client, httpx2.AsyncClient(headers=alice.auth, timeout=60) as http:
            task_id = (await told(client, "generate_video", **SHORT))["task_id"]
            asked = {"task_id": task_id, "timeout_s": 300}
            message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
            message["params"] = {"name": "wait_for_video", "arguments": asked}
            waits = [
                asyncio.create_task(client.call_tool("wait_for_video", asked, progress_callback=report)),
                asyncio.create_task(http.post(f"{url}/mcp", json=message, headers={"Accept": "application/json"})),
            ]
            await asyncio.wait_for(waiting.wait(), 10)
            await asyncio.sleep(2)
            began = time.monotonic()
            async with asyncio.timeout(30):
                await serving.aclose()
            assert time.monotonic() - began < 5
            result, answer = await asyncio.gather(*waits)
    states = [result.structured_content, answer.json()["result"]["structuredContent"]]
    for state in states:
        assert (state["task_id"], state["status"], state["ended"]) == (task_id, "queued", False)
        assert state["notes"] == [_mcp_tools.STOPPING]


async def test_a_failed_video_says_why_and_is_refunded(
    url: str, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    async with agent(url, alice) as client, at_work(settings, tmp_path, Broken()):
        task_id = (await told(client, "generate_video", **SHORT | {"prompt": "crash it"}))["task_id"]
        state = await told(client, "wait_for_video", task_id=task_id)
        assert (state["status"], state["credits_refunded"], state["video"]) == ("failed", 16, None)
        assert state["error"]["code"] == "render_failed"
        assert "/etc/shadow" not in json.dumps(state)
        assert (await told(client, "get_balance"))["credits_available"] == 1000
        task_id = (await told(client, "generate_video", **SHORT | {"prompt": "planned zorblat"}))["task_id"]
        assert (await told(client, "wait_for_video", task_id=task_id))["notes"] == ["not known: zorblat"]


async def test_the_webhook_of_a_key_tells_the_same(
    url: str, alice: Person, settings: Settings, tmp_path: Path, pool: db.Pool
) -> None:
    async with receiving() as receiver:
        async with db.transaction(pool) as conn:
            key_id, secret = await accounts.create_key(conn, alice.account_id, "open", webhook_url=receiver.url)
        trusting = settings.model_copy(update={"trusted_hosts": f"127.0.0.1:{receiver.port}"})
        async with (
            agent(url, Person(alice.account_id, key_id, secret)) as client,
            at_work(trusting, tmp_path, Clip()),
        ):
            task_id = (await told(client, "generate_video", **SHORT))["task_id"]
            [request] = await receiver.wait(1)
            state = await told(client, "get_video", task_id=task_id)
    assert json.loads(request.body) == state
    assert state["status"] == "succeeded"


async def test_a_video_is_cancelled(url: str, alice: Person, pool: db.Pool, sound: None) -> None:
    async with agent(url, alice) as client:
        task_id = (await told(client, "generate_video", **SHORT))["task_id"]
        waiting = asyncio.create_task(told(client, "wait_for_video", task_id=task_id))
        await asyncio.sleep(0.3)
        state = await told(client, "cancel_video", task_id=task_id)
        assert (state["status"], state["ended"], state["credits_refunded"]) == ("cancelled", True, 16)
        assert (await waiting)["status"] == "cancelled", "who waits is told"
        assert await told(client, "cancel_video", task_id=task_id) == state, "again changes nothing"
        done = (await told(client, "generate_video", **SHORT))["task_id"]
        await move(pool, done, "failed")
        text, error = await refused(client, "cancel_video", task_id=done)
        assert text == "invalid_request: The task has failed already and cannot be cancelled"
        assert error["code"] == "invalid_request"


async def test_a_repeated_purchase_buys_once(url: str, alice: Person, pool: db.Pool, sound: None) -> None:
    async with agent(url, alice) as client:
        answers = await asyncio.gather(
            *(client.call_tool("generate_video", SHORT | {"idempotency_key": "one"}) for _ in range(10))
        )
        bought = {answer.structured_content["task_id"] for answer in answers if not answer.is_error}
        assert len(bought) == 1
        for answer in answers:
            assert not answer.is_error or "is being carried out" in answer.content[0].text  # type: ignore[union-attr]
        again = await told(client, "generate_video", **SHORT, audio=True, idempotency_key="one")
        assert again["task_id"] in bought, "a default that is written out is the same request"
        text, error = await refused(client, "generate_video", prompt="A lake", idempotency_key="one")
        assert text == "idempotency_conflict: This 'idempotency_key' was used with another request"
        assert error["code"] == "idempotency_conflict"
        other = await told(client, "generate_video", **SHORT)
        assert other["task_id"] not in bought
    async with db.connection(pool) as conn:
        assert (await ledger.balance(conn, alice.account_id)).held == 32


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "'prompt' is required"),
    ({"prompt": " \n"}, "'prompt' must say what the video shows; it is blank"),
    ({"prompt": 7}, "'prompt': input should be a valid string"),
    ({"prompt": "x" * 10_001}, "'prompt': string should have at most 10000 characters"),
    ({"prompt": "x", "size": "big"}, "'size' is not a field of this request"),
    ({"prompt": "x", "model": "sora"}, "'model' must be one of seedance-2.0, seedance-2.0-fast, seedance-1.5-pro"),
    ({"prompt": "x", "resolution": "4k"}, "'resolution' must be one of 480p, 720p, 1080p"),
    ({"prompt": "x", "aspect_ratio": "5:4"}, "'aspect_ratio' must be one of 16:9, 9:16, 1:1"),
    ({"prompt": "x", "duration": 3}, "'duration' must be one of 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15"),
    ({"prompt": "x", "duration": "5"}, "'duration': input should be a valid integer"),
    ({"prompt": "x", "model": "seedance-1.5-pro", "duration": 4}, "'duration' must be one of 5, 10"),
    ({"prompt": "x", "seed": -1}, "'seed': input should be greater than or equal to 0"),
    ({"prompt": "x", "media_urls": ["http://127.0.0.1/a.png"]}, "'media_urls.0': "),
    ({"prompt": "x", "media_urls": ["https://example.com/a.svg"]}, "'media_urls.0' must end in one of .jpg,"),
    (
        {"prompt": "x", "model": "seedance-1.5-pro", "duration": 5, "media_urls": ["https://example.com/a.mp4"]},
        "'media_urls' must be one or two pictures for seedance-1.5-pro",
    ),
    ({"prompt": "x", "media_urls": ["https://example.com/a.png"] * 6}, "'media_urls': list should have at most 5"),
]


async def test_wrong_requests_are_told_what_to_change(url: str, alice: Person, pool: db.Pool) -> None:
    async with agent(url, alice) as client:
        for arguments, message in WRONG:
            for tool in ("generate_video", "quote_video"):
                text, error = await refused(client, tool, **arguments)
                assert text.startswith(f"invalid_request: {message}"), text
                assert error["code"] == "invalid_request"
        text, _ = await refused(client, "generate_video", prompt="x", idempotency_key="two words")
        assert text.startswith("invalid_request: 'idempotency_key': ")
        text, _ = await refused(client, "wait_for_video", task_id="mcp_x", timeout_s=301)
        assert text == "invalid_request: 'timeout_s': input should be less than or equal to 300"
        text, _ = await refused(client, "list_videos", status="done")
        assert text.startswith("invalid_request: 'status' must be one of queued, processing,")
        text, _ = await refused(client, "list_videos", limit=51)
        assert text == "invalid_request: 'limit': input should be less than or equal to 50"
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT count(*) FROM tasks") == 0


async def test_what_cannot_be_paid_is_said_with_figures(url: str, pool: db.Pool) -> None:
    async with db.transaction(pool) as conn:
        poor = await make_person(conn, "poor", credits=5)
    async with agent(url, poor) as client:
        text, error = await refused(client, "generate_video", **SHORT)
    assert text == "insufficient_credits: This request needs 16 credits and 5 are available"
    assert error == {
        "code": "insufficient_credits",
        "message": "This request needs 16 credits and 5 are available",
        "required": 16,
        "available": 5,
    }


async def test_lists_have_pages(url: str, alice: Person, pool: db.Pool) -> None:
    async with agent(url, alice) as client:
        made = [
            (await told(client, "generate_video", **SHORT | {"prompt": f"{n} " * 150}))["task_id"] for n in range(3)
        ]
        await move(pool, made[0], "cancelled")
        first = await told(client, "list_videos", limit=2)
        assert [video["task_id"] for video in first["videos"]] == [made[2], made[1]]
        assert first["has_more"]
        assert first["videos"][0]["prompt"] == ("2 " * 150)[:199] + "…", "an agent's attention is dear"
        rest = await told(client, "list_videos", limit=2, after=made[1])
        assert [video["task_id"] for video in rest["videos"]] == [made[0]]
        assert not rest["has_more"]
        assert len((await told(client, "list_videos", status="cancelled"))["videos"]) == 1
        assert (await refused(client, "list_videos", after="mcp_none"))[1]["code"] == "not_found"


async def test_an_uploaded_picture_becomes_the_first_frame(url: str, alice: Person, pool: db.Pool) -> None:
    png = written(quarters(640, 360), "png")
    async with agent(url, alice) as client:
        kept = await told(client, "upload_media", data=base64.b64encode(png).decode())
        assert (kept["kind"], kept["size_bytes"]) == ("image", len(png))
        price = await told(client, "quote_video", **SHORT, media_urls=[kept["url"]])
        assert price["credits"] == 26, "a picture costs what pictures cost"
        task_id = (await told(client, "generate_video", **SHORT, media_urls=[kept["url"]]))["task_id"]
        for data, message in (
            ("%%%", "'data' must be base64 of the file's bytes"),
            (base64.b64encode(b"no picture").decode(), "The file"),
        ):
            text, _ = await refused(client, "upload_media", data=data)
            assert text.startswith(f"invalid_request: {message}")
    async with db.connection(pool) as conn:
        task = await tasks.get(conn, task_id)
    assert [(ref.role, ref.kind) for ref in task.media] == [("first_frame", "image")]


async def test_an_unknown_tool(url: str, alice: Person) -> None:
    async with agent(url, alice) as client:
        with pytest.raises(MCPError, match="There is no such tool; there are list_models, quote_video") as raised:
            await client.call_tool("drop_tables", {})
    assert raised.value.code == -32602


# Resources -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
async def test_finished_files_are_read(
    url: str, alice: Person, settings: Settings, tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with agent(url, alice, mode) as client, at_work(settings, tmp_path, Clip()):
        task_id = (await told(client, "generate_video", **SHORT))["task_id"]
        video = await told(client, "wait_for_video", task_id=task_id)
        address = f"seedbed://videos/{task_id}"
        guide, listed = (await client.list_resources()).resources
        assert (guide.uri, listed.uri) == ("seedbed://prompt-guide", f"{address}/video.mp4")
        assert listed.title == "A river"
        text = (await client.read_resource(guide.uri)).contents[0].text  # type: ignore[union-attr]
        assert text == (Path(__file__).parents[2] / "docs" / "en" / "prompt-guide.md").read_text()
        templates = [each.uri_template for each in (await client.list_resource_templates()).resource_templates]
        assert templates == [each.uri_template for each in _mcp_resources.TEMPLATES]
        state = (await client.read_resource(address)).contents[0]
        assert json.loads(state.text) == video  # type: ignore[union-attr]
        film, still = [
            (await client.read_resource(f"{address}/{name}")).contents[0] for name in ("video.mp4", "last-frame.png")
        ]
        monkeypatch.setattr(_mcp_resources, "BLOB_BYTES_MAX", 1000)
        large = (await client.read_resource(f"{address}/video.mp4")).contents[0]
    assert (film.mime_type, still.mime_type) == ("video/mp4", "image/png")
    with av.open(io.BytesIO(base64.b64decode(film.blob))) as decoded:  # type: ignore[union-attr]
        assert sum(1 for _ in decoded.decode(video=0)) == 96
    assert Image.open(io.BytesIO(base64.b64decode(still.blob))).size == (854, 480)  # type: ignore[union-attr]
    assert (large.mime_type, large.text.strip()) == ("text/uri-list", video["video"]["url"])  # type: ignore[union-attr]


async def test_resources_that_are_not_there(url: str, alice: Person) -> None:
    async with agent(url, alice) as client:
        task_id = (await told(client, "generate_video", **SHORT))["task_id"]
        for uri, message in (
            (f"seedbed://videos/{task_id}/video.mp4", "The video is queued: it has no file yet"),
            (f"seedbed://videos/{task_id}/../secret", "There is no such resource"),
            ("seedbed://videos/mcp_unknown", "Task not found"),
            ("file:///etc/passwd", "There is no such resource"),
        ):
            with pytest.raises(MCPError, match=message) as raised:
                await client.read_resource(uri)
            assert raised.value.code == -32602


# Who sees what -------------------------------------------------------------------------------------------------


async def test_accounts_do_not_see_one_another(url: str, alice: Person, bob: Person, pool: db.Pool) -> None:
    async with agent(url, alice) as client:
        task_id = (await told(client, "generate_video", **SHORT))["task_id"]
    async with agent(url, bob) as client:
        for tool in ("get_video", "wait_for_video", "cancel_video"):
            text, _ = await refused(client, tool, task_id=task_id)
            assert text == "not_found: Task not found"
        assert (await told(client, "list_videos"))["videos"] == []
        assert (await refused(client, "list_videos", after=task_id))[1]["code"] == "not_found"
        with pytest.raises(MCPError, match="Task not found"):
            await client.read_resource(f"seedbed://videos/{task_id}")
    async with db.connection(pool) as conn:
        assert (await tasks.get(conn, task_id)).status == "queued"


async def test_either_kind_of_key_sees_the_accounts_tasks_and_no_other_api_does(
    url: str, alice: Person, pool: db.Pool
) -> None:
    async with db.transaction(pool) as conn:
        key_id, secret = await accounts.create_key(conn, alice.account_id, "studio")
    studio = Person(alice.account_id, key_id, secret)
    async with agent(url, alice) as client:
        task_id = (await told(client, "generate_video", **SHORT))["task_id"]
    async with agent(url, studio) as client:
        assert (await told(client, "get_video", task_id=task_id))["task_id"] == task_id
    async with httpx2.AsyncClient(base_url=url) as api:
        open_api = await api.get(f"/api/open/v1/video/generations/{task_id}", headers=alice.auth)
        other = await api.post(
            "/api/open/v1/video/generations", json={"model": "seedance-2.0", "prompt": "A"}, headers=alice.auth
        )
        assert (open_api.status_code, other.status_code) == (404, 200)
        assert (await api.get(f"/api/v1/tasks/{task_id}", headers=studio.auth)).status_code == 404
    async with agent(url, alice) as client:
        assert (await refused(client, "get_video", task_id=other.json()["requestId"]))[1]["code"] == "not_found"
        assert len((await told(client, "list_videos"))["videos"]) == 1


async def test_limits_of_the_key_hold(url: str, pool: db.Pool) -> None:
    async with db.transaction(pool) as conn:
        monthly = await make_person(conn, "monthly", monthly=1)
        hasty = await make_person(conn, "hasty", per_minute=3)
    async with agent(url, monthly) as client:
        await told(client, "generate_video", **SHORT)
        text, error = await refused(client, "generate_video", **SHORT)
        assert text == "rate_limited: The key's monthly quota of 1 tasks is used up"
        assert error["retry_after_s"] > 0
    async with agent(url, hasty, "2026-07-28") as client:
        for _ in range(3):
            await client.list_resource_templates()
        with pytest.raises(MCPError, match="More than 3 requests in 60 seconds; try again in"):
            await client.list_resource_templates()


async def test_many_waits_starve_nobody(url: str, alice: Person, bob: Person, pool: db.Pool) -> None:
    async with agent(url, alice) as client:
        task_id = (await told(client, "generate_video", **SHORT))["task_id"]
        waits = [asyncio.create_task(client.call_tool("wait_for_video", {"task_id": task_id})) for _ in range(20)]
        await asyncio.sleep(1)
        took = []
        async with httpx2.AsyncClient(base_url=url) as api:
            for _ in range(20):
                began = time.monotonic()
                answer = await api.get("/api/open/v1/balance", headers=bob.auth)
                took.append(time.monotonic() - began)
                assert answer.status_code == 200
        assert sorted(took)[10] < 1, took
        await move(pool, task_id, "cancelled")
        for done in await asyncio.gather(*waits):
            assert isinstance(done, CallToolResult)
            assert done.structured_content["status"] == "cancelled"


async def test_too_many_waits_are_refused_and_abandoned_ones_are_given_back(
    url: str, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_mcp_tools, "WAITS_OF_ACCOUNT_MAX", 2)
    for mode in MODES:
        async with agent(url, bob) as other, agent(url, alice, mode) as asking:
            task_id = (await told(asking, "generate_video", **SHORT))["task_id"]
            theirs = (await told(other, "generate_video", **SHORT))["task_id"]
            async with agent(url, alice, mode) as client:
                waits = [
                    asyncio.create_task(client.call_tool("wait_for_video", {"task_id": task_id})) for _ in range(2)
                ]
                async with asyncio.timeout(20):
                    while not (await asking.call_tool("wait_for_video", {"task_id": task_id, "timeout_s": 0})).is_error:
                        await asyncio.sleep(0.1)
                text, error = await refused(asking, "wait_for_video", task_id=task_id)
                assert text.startswith("rate_limited: 2 waits of this account are open already")
                assert error["retry_after_s"] == 5
                await told(other, "wait_for_video", task_id=theirs, timeout_s=0)
                for wait in waits:
                    wait.cancel()
                await asyncio.gather(*waits, return_exceptions=True)
            # The places of those who went away are free again.
            async with asyncio.timeout(10):
                while (await asking.call_tool("wait_for_video", {"task_id": task_id, "timeout_s": 0})).is_error:
                    await asyncio.sleep(0.2)
