"""The door of MCP: keys, origins, bodies that are no messages, and what stands in answers that refuse."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import Any

import httpx2
import pytest
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.datastructures import Headers

from seedbed import accounts, db, tasks
from seedbed.dialects import _mcp_direct, _mcp_door, _mcp_resources, _mcp_tools
from seedbed.runtime import Runtime
from seedbed.settings import Settings
from tests.conftest import Person, make_person, served
from tests.dialects.wire import output_of
from tests.raw import connected, exchange, request
from tests.test_media_inputs import quarters, written

LEGACY = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
VERSION = "2026-07-28"
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


def call(tool: str, _meta: dict[str, Any] | None = None, **arguments: Any) -> dict[str, Any]:
    params = {"name": tool, "arguments": arguments} | ({"_meta": _meta} if _meta else {})
    return {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}


async def post(api: httpx2.AsyncClient, person: Person, message: Any, **headers: str) -> httpx2.Response:
    content = message if isinstance(message, bytes) else json.dumps(message).encode()
    given = LEGACY | person.auth | {"Content-Type": "application/json"} | headers
    return await api.post("/mcp", content=content, headers=given)


def assert_refused(answer: httpx2.Response, status: int, code: int, reason: str, message: str) -> None:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": code, "message": body["error"]["message"], "data": {"code": reason}},
    }
    assert body["error"]["message"].startswith(message), body
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]


# Keys ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "/mcp/files"])
async def test_nobody_without_a_key_comes_in(api: httpx2.AsyncClient, alice: Person, path: str) -> None:
    changed = alice.key[:-1] + ("a" if alice.key[-1] != "a" else "b")
    for given, message in (
        ({}, "Send an API key of this server as `Authorization: Bearer …`"),
        ({"Authorization": f"Bearer {changed}"}, "Invalid API key; send one of this server"),
        ({"Authorization": f"Basic {alice.key}"}, "Invalid API key"),
        ({"Authorization": "Bearer"}, "Invalid API key"),
    ):
        answer = await api.post(path, json=LIST, headers=LEGACY | given)
        assert_refused(answer, 401, -32600, "unauthorized", message)
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_revoked_key_is_refused_at_once(api: httpx2.AsyncClient, alice: Person, pool: db.Pool) -> None:
    assert (await post(api, alice, LIST)).status_code == 200
    async with db.connection(pool) as conn:
        await accounts.revoke_key(conn, alice.key_id)
    assert_refused(await post(api, alice, LIST), 401, -32600, "unauthorized", "Invalid API key")


async def test_the_hasty_are_told_when_to_come_back(api: httpx2.AsyncClient, pool: db.Pool, bob: Person) -> None:
    async with db.transaction(pool) as conn:
        key_id, secret = await accounts.create_key(conn, bob.account_id, "studio", per_minute=1)
    hasty = Person(bob.account_id, key_id, secret)
    assert (await post(api, hasty, LIST)).status_code == 200
    answer = await post(api, hasty, LIST)
    assert_refused(answer, 429, -32600, "rate_limited", "More than 1 requests in 60 seconds")
    assert 1 <= int(answer.headers["retry-after"]) <= 60


async def test_who_guesses_keys_is_slowed(settings: Settings) -> None:
    guessed = settings.model_copy(update={"unauthorized_per_minute": 3})
    async with served(guessed) as url, httpx2.AsyncClient(base_url=url) as api:
        seen = [(await api.post("/mcp", json=LIST, headers=LEGACY)).status_code for _ in range(5)]
    assert seen == [401, 401, 401, 429, 429]


# Messages --------------------------------------------------------------------------------------------------------


async def test_a_plain_call_is_one_json_object(api: httpx2.AsyncClient, alice: Person) -> None:
    for path in ("/mcp", "/mcp/"):
        answer = await api.post(path, json=call("get_balance"), headers=LEGACY | alice.auth)
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["result"]["structuredContent"] == {"credits_available": 1000, "credits_held": 0}
        assert answer.headers["x-request-id"]
        assert "mcp-session-id" not in answer.headers


META_2026 = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
PLAIN: list[tuple[dict[str, Any], dict[str, str]]] = [
    (call("get_balance"), {}),
    (call("list_models"), {}),
    (call("list_videos", limit=2), {}),
    (call("get_video", task_id="{task_id}"), {}),
    (call("get_video", task_id="mcp_none"), {}),
    (call("get_video"), {}),
    (call("quote_video", prompt="A river", duration=99), {}),
    (call("quote_video", prompt="A river by night — 夜"), {}),
    (call("generate_video", prompt="A river", resolution="1080p", duration=15), {}),
    (call("get_balance", {"traceparent": "00-1-1-01"}), {}),
    ({"jsonrpc": "2.0", "id": "text", "method": "tools/call", "params": {"name": "get_balance"}}, {}),
    (call("get_balance") | {"id": 2**53}, {"Accept": "application/json"}),
    (call("get_balance"), {"Content-Type": "application/json; charset=utf-8"}),
]
"""Calls that the machine is spared."""
ODD: list[tuple[dict[str, Any], dict[str, str]]] = [
    (call("get_balance") | {"id": 2**70}, {}),
    (call("get_balance") | {"more": 1}, {}),
    (call("no_such_tool"), {"Mcp-Name": "no_such_tool"}),
    (call("get_balance", {"progressToken": {}}), {}),
    ({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get_balance", "arguments": [1]}}, {}),
    ({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get_balance", "_meta": 5}}, {}),
    ({"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "get_balance"}}, {}),
    (call("get_balance"), {"Accept": "*/*"}),
    (call("get_balance"), {"Accept": "application/json-seq"}),
    (call("get_balance"), {"Content-Type": "text/plain"}),
    (call("get_balance"), {"MCP-Protocol-Version": "1999-01-01"}),
    (call("get_balance"), {"Mcp-Name": "list_models"}),
    (call("get_balance"), {"Mcp-Param-Limit": "1"}),
]
"""Calls for the machine: in most it finds something wrong."""


@pytest.mark.parametrize("version", [*HANDSHAKE_PROTOCOL_VERSIONS, VERSION])
async def test_a_call_is_answered_as_the_machine_would(
    api: httpx2.AsyncClient, pool: db.Pool, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the letter, by every revision of the protocol; and what is odd is never kept from it."""
    async with db.transaction(pool) as conn:
        person = await make_person(conn, "poor", 40)
    video = (await post(api, person, call("generate_video", prompt="A river"))).json()["result"]["structuredContent"]
    output = output_of(video["task_id"])
    async with db.transaction(pool) as conn:
        await tasks.start(conn, video["task_id"], attempts_max=1)
        frame = dataclasses.replace(output.video, key=output.video.key.replace("video.mp4", "last.png"))
        assert await tasks.succeed(conn, video["task_id"], 1, dataclasses.replace(output, last_frame=frame))
    read, direct = _mcp_direct.read, list[bool]()

    def watched(message: dict[str, Any], headers: Headers) -> _mcp_direct.Call | None:
        found = read(message, headers)
        direct.append(found is not None)
        return found

    for message, headers in PLAIN + ODD:
        asked = json.loads(json.dumps(message).replace("{task_id}", video["task_id"]))
        given = {"MCP-Protocol-Version": version} | headers
        if version == VERSION:
            meta = asked["params"].get("_meta", {})
            asked["params"]["_meta"] = META_2026 | meta if isinstance(meta, dict) else meta
            given = {"Mcp-Method": "tools/call", "Mcp-Name": asked["params"]["name"]} | given
        told = []
        for reader in (watched, lambda *_: None):
            monkeypatch.setattr(_mcp_direct, "read", reader)
            answer = await post(api, person, asked, **given)
            kept = {name: answer.headers.get(name) for name in ("content-type", "www-authenticate", "allow")}
            is_json = answer.headers.get("content-type") == "application/json" and answer.content
            told.append((answer.status_code, kept, answer.json() if is_json else answer.text))
        assert told[0] == told[1], (message, headers)
    assert direct[: len(PLAIN)] == [True] * len(PLAIN)


async def test_json_alone_is_enough_to_accept(api: httpx2.AsyncClient, alice: Person) -> None:
    answer = await post(api, alice, call("get_balance", {"progressToken": 1}), Accept="application/json")
    assert answer.json()["result"]["isError"] is False
    assert (await post(api, alice, LIST, Accept="text/html")).status_code == 406


async def test_progress_comes_as_events(api: httpx2.AsyncClient, alice: Person) -> None:
    made = (await post(api, alice, call("generate_video", prompt="A river"))).json()["result"]["structuredContent"]
    message = call("wait_for_video", {"progressToken": "mine"}, task_id=made["task_id"], timeout_s=0)
    answer = await post(api, alice, message)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    assert events[0]["method"] == "notifications/progress"
    assert events[0]["params"] == {"progressToken": "mine", "progress": 0, "total": 1, "message": "queued, 0%"}
    assert events[1]["result"]["structuredContent"]["status"] == "queued"


MALFORMED: list[tuple[bytes, str]] = [
    (b"", "The request body is not JSON"),
    (b"{", "The request body is not JSON"),
    (b"\xff\xfe", "The request body is not UTF-8"),
    (b"[]", "The request body must be a JSON object"),
    (json.dumps([LIST, LIST]).encode(), "The request body must be a JSON object"),
    (b'"tools/list"', "The request body must be a JSON object"),
    (b"{}", "The request body is not one JSON-RPC 2.0 request or notification"),
    (b'{"jsonrpc": "1.0", "id": 1, "method": "tools/list"}', "The request body is not one JSON-RPC 2.0"),
    (b'{"jsonrpc": "2.0", "id": {}, "method": "tools/list"}', "'id' must be a text or a whole number"),
    (b'{"jsonrpc": "2.0", "id": false, "method": "tools/list"}', "'id' must be a text or a whole number"),
    (b'{"jsonrpc": "2.0", "id": null, "method": "tools/list"}', "'id' must be a text or a whole number"),
    (b'{"jsonrpc": "2.0", "id": 1.5, "method": "tools/list"}', "'id' must be a text or a whole number"),
    (b'{"jsonrpc": "2.0", "id": 1, "method": 5}', "The request body is not one JSON-RPC 2.0"),
    (b'{"jsonrpc": "2.0", "id": 1, "id": 2, "method": "ping"}', "The request body has the name 'id' twice"),
    (b'{"jsonrpc": "2.0", "id": NaN, "method": "ping"}', "The request body holds NaN"),
    (json.dumps(call("quote_video", prompt="a\x00b")).encode(), "The request body holds the character U+0000"),
    (json.dumps(call("quote_video", prompt="\ud800")).encode(), "The request body holds half of a surrogate pair"),
    (b'{"a":' * 200 + b"1" + b"}" * 200, "The request body is nested deeper than 32"),
]


async def test_what_is_no_message_is_refused_in_words(api: httpx2.AsyncClient, alice: Person) -> None:
    for version in ("2025-06-18", VERSION):
        for body, message in MALFORMED:
            answer = await post(api, alice, body, **{"MCP-Protocol-Version": version})
            code = -32600 if "JSON-RPC" in message or "'id' must" in message else -32700
            assert_refused(answer, 400, code, "invalid_request", message)
            assert "pydantic" not in answer.text


async def test_messages_that_mean_nothing(api: httpx2.AsyncClient, alice: Person) -> None:
    unknown = await post(api, alice, {"jsonrpc": "2.0", "id": 1, "method": "tools/drop"})
    assert unknown.json()["error"]["code"] == -32601
    nameless = await post(api, alice, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {}})
    assert nameless.json()["error"]["code"] == -32602
    odd = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get_balance", "arguments": [1]}}
    assert (await post(api, alice, odd)).json()["error"]["code"] == -32602
    for answer in (unknown, nameless):
        assert "pydantic" not in answer.text
        assert "Traceback" not in answer.text
    note = await post(api, alice, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (note.status_code, note.content) == (202, b"")
    assert (await post(api, alice, LIST, **{"MCP-Protocol-Version": "1999-01-01"})).status_code == 400
    assert (await post(api, alice, LIST, **{"Content-Type": "text/plain"})).status_code == 400


async def test_a_huge_body_is_not_read(settings: Settings, alice: Person) -> None:
    small = settings.model_copy(update={"body_bytes_max": 2048})
    head = [f"Host: 127.0.0.1:{settings.port}", f"Authorization: Bearer {alice.key}", "Content-Type: application/json"]
    async with served(small) as url:
        async with connected(url) as (reader, writer):
            writer.write(request("POST", "/mcp", *head, "Content-Length: 1000000000000"))
            raw = await asyncio.wait_for(reader.read(), 10)
        assert raw.startswith(b"HTTP/1.1 413 ")
        assert b"The request body is over 2048 bytes" in raw
        for size, status in ((2048, 400), (2049, 413)):
            chunked = request("POST", "/mcp", *head, "Transfer-Encoding: chunked")
            (answer,) = await exchange(url, chunked + b"%x\r\n%b\r\n0\r\n\r\n" % (size, b"x" * size))
            assert answer.status == status


async def test_other_methods_and_paths(api: httpx2.AsyncClient, alice: Person) -> None:
    for method in ("GET", "DELETE", "PUT"):
        answer = await api.request(method, "/mcp", headers=alice.auth | {"Accept": "text/event-stream"})
        assert_refused(answer, 405, -32600, "invalid_request", "This path does not take that method")
        assert answer.headers["allow"] == "OPTIONS, POST"
    assert_refused(await api.post("/mcp/tools", headers=alice.auth), 404, -32600, "not_found", "There is no such path")


async def test_a_bug_of_ours_shows_nothing(
    api: httpx2.AsyncClient, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret /etc/shadow")

    monkeypatch.setattr(_mcp_tools.ledger, "balance", broken)
    monkeypatch.setattr(_mcp_resources, "listed", broken)
    result = (await post(api, alice, call("get_balance"))).json()["result"]
    assert result["isError"]
    assert result["content"][0]["text"].startswith("internal_error: Something failed on our side")
    listed = await post(api, alice, {"jsonrpc": "2.0", "id": 1, "method": "resources/list"})
    assert "error" in listed.json()
    assert "shadow" not in json.dumps(result) + listed.text


async def test_without_the_database_all_is_busy(
    api: httpx2.AsyncClient, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(_mcp_tools.ledger, "balance", away)
    result = (await post(api, alice, call("get_balance"))).json()["result"]
    assert result["content"][0]["text"] == "service_busy: The service is busy; try again shortly"
    monkeypatch.setattr("seedbed.dialects._http.accounts.authenticate", away)
    answer = await post(api, alice, call("get_balance"))
    assert_refused(answer, 503, -32603, "service_busy", "The service is busy")
    assert int(answer.headers["retry-after"]) >= 1


# Origins ---------------------------------------------------------------------------------------------------------


async def test_pages_of_other_origins_are_kept_out(api: httpx2.AsyncClient, alice: Person, settings: Settings) -> None:
    for origin in (
        "http://evil.example",
        "https://127.0.0.1.evil.example",
        "null",
        "http://evil.example:8787",
        "x",
        "",
    ):
        for path, body in (("/mcp", json.dumps(LIST).encode()), ("/mcp/files", b"bytes")):
            answer = await api.post(path, content=body, headers=LEGACY | alice.auth | {"Origin": origin})
            assert_refused(answer, 403, -32600, "invalid_request", "Web pages of this origin may not speak MCP here")
            assert "access-control-allow-origin" not in answer.headers
        assert (await api.options("/mcp", headers={"Origin": origin})).status_code == 403


async def test_a_rebound_name_is_kept_out(settings: Settings, alice: Person) -> None:
    """The page of evil.example, whose name now leads here, sends its own Host and Origin."""
    async with served(settings):
        body = json.dumps(LIST)
        head = (
            "POST /mcp HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n"
            f"Authorization: Bearer {alice.key}\r\nContent-Type: application/json\r\n"
            f"Accept: application/json, text/event-stream\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        (answer,) = await asyncio.wait_for(exchange(settings.base_url, (head + body).encode()), 10)
    assert answer.status == 403


async def test_own_pages_and_those_of_the_same_machine_may_speak(
    api: httpx2.AsyncClient, alice: Person, settings: Settings
) -> None:
    for origin in (settings.base_url, "http://localhost:6274", "http://127.0.0.1", "http://[::1]:5173"):
        asked = {"Origin": origin, "Access-Control-Request-Headers": "authorization, mcp-protocol-version"}
        before = await api.options("/mcp", headers=asked)
        assert before.status_code == 204
        assert before.headers["access-control-allow-headers"] == "authorization, mcp-protocol-version"
        answer = await post(api, alice, LIST, Origin=origin)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == origin


async def test_behind_a_proxy(settings: Settings, alice: Person) -> None:
    """The proxy may send any Host; only the public address and the operator's list count, and loopback no more."""
    public = settings.model_copy(
        update={"public_url": "https://video.example.com", "mcp_origins": "https://agents.example, http://lab:3000/"}
    )
    async with served(public), httpx2.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}") as api:
        for host in ("video.example.com", "backend:8787"):
            assert (await post(api, alice, LIST, Host=host)).status_code == 200
        for origin, status in (
            ("https://video.example.com", 200),
            ("https://VIDEO.example.com:443", 200),
            ("https://agents.example", 200),
            ("http://lab:3000", 200),
            ("http://video.example.com", 403),
            ("https://video.example.com:8443", 403),
            ("http://localhost:6274", 403),
            ("http://lab:3001", 403),
            ("https://video.example.com:99999", 403),
        ):
            assert (await post(api, alice, LIST, Origin=origin)).status_code == status, origin


# Uploads ---------------------------------------------------------------------------------------------------------


async def test_a_file_is_posted(api: httpx2.AsyncClient, alice: Person, pool: db.Pool) -> None:
    png = written(quarters(320, 200), "png")
    kept = await api.post("/mcp/files", content=png, headers=alice.auth | {"Content-Type": "image/png"})
    assert kept.status_code == 200
    assert list(kept.json()) == ["url", "kind", "size_bytes", "expires_at"]
    assert (await api.get(kept.json()["url"])).content == png
    asked = call("quote_video", prompt="It comes alive", media_urls=[kept.json()["url"]])
    assert (await post(api, alice, asked)).json()["result"]["structuredContent"]["credits"] == 64
    refused = await api.post("/mcp/files", content=b"not a picture", headers=alice.auth)
    assert_refused(refused, 400, -32600, "invalid_request", "The file")


async def test_the_document_of_the_door(api: httpx2.AsyncClient) -> None:
    document = (await api.get("/openapi/mcp.json")).json()
    assert list(document["paths"]) == ["/mcp", "/mcp/files"]
    assert document["openapi"] == "3.1.0"


def test_no_origin_is_allowed_by_an_empty_list(settings: Settings) -> None:
    class Only:
        def __init__(self) -> None:
            self.settings = settings

    runtime: Runtime = Only()  # type: ignore[assignment]
    assert not _mcp_door.allowed("", runtime)
    assert not _mcp_door.allowed("http://[", runtime)
