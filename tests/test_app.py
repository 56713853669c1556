"""The application around the dialects: request ids, health, readiness, metrics, what it answers elsewhere."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from seedbed import __version__, db, queue
from seedbed.settings import Settings
from tests.conftest import Person, served
from tests.dialects.wire import GENERATIONS, PREFIX, SHORT, submit
from tests.raw import exchange, request
from tests.relay import Relay

EVERYWHERE = [
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/openapi/open.json"),
    ("GET", "/files/0.aaaaaaaaaaaaaaaaaaaaaa/x"),
    ("GET", "/nowhere"),
    ("DELETE", "/healthz"),
    ("GET", f"{PREFIX}/models"),
    ("GET", f"{PREFIX}/nowhere"),
    ("GET", PREFIX),
    ("PUT", GENERATIONS),
    ("GET", f"{PREFIX}/balance"),
    ("POST", GENERATIONS),
]


# Ids of requests ---------------------------------------------------------------------------------------------


async def test_every_answer_has_an_id(api: httpx2.AsyncClient) -> None:
    seen = set()
    for method, path in EVERYWHERE:
        answer = await api.request(method, path)
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"]), (method, path)
        assert len(answer.headers.get_list("x-request-id")) == 1
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        seen.add(answer.headers["x-request-id"])
    assert len(seen) == len(EVERYWHERE)


async def test_a_clients_own_id_is_kept(api: httpx2.AsyncClient, alice: Person, conn: db.Connection) -> None:
    mine = "My-request_1.2"
    answer = await api.post(GENERATIONS, json=SHORT, headers=alice.auth | {"X-Request-Id": mine})
    assert answer.headers["x-request-id"] == mine
    assert await conn.fetchval("SELECT trace_id FROM tasks") == mine


async def test_an_odd_id_is_not(settings: Settings) -> None:
    async with served(settings) as url:
        for bad in ("", "two words", "x" * 65, "a/b", "<b>", "ümlaut", "a,b"):
            (answer,) = await exchange(url, request("GET", "/healthz", "Host: localhost", f"X-Request-Id: {bad}"))
            assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"]), bad


async def test_an_id_cannot_split_the_answer(settings: Settings) -> None:
    async with served(settings) as url:
        sent = request("GET", "/healthz", "Host: localhost", "X-Request-Id: a", "X-Request-Id: b\r\n Set-Cookie: c")
        assert [answer.status for answer in await exchange(url, sent)] == [400]
        sent = request("GET", "/healthz", "Host: localhost", "X-Request-Id: a", "X-Request-Id: b")
        assert [answer.headers["x-request-id"] for answer in await exchange(url, sent)] == ["a"]


# Elsewhere ---------------------------------------------------------------------------------------------------


async def test_what_is_nowhere(api: httpx2.AsyncClient) -> None:
    for path in ("/nowhere", "/api", "/api/open", "/api/open/v2/models", "/api/open/v1x", "/openapi/other.json"):
        answer = await api.get(path)
        assert (answer.status_code, answer.text) == (404, "There is no such path\n"), path
    for path in ("/healthz", "/metrics", "/files/a/b"):
        answer = await api.post(path)
        assert (answer.status_code, answer.text) == (405, "This path does not take that method\n"), path
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


async def test_a_person_who_is_nowhere_sees_a_page(api: httpx2.AsyncClient) -> None:
    person = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "pl"}
    lost = await api.get("/nowhere", headers=person)
    assert (lost.status_code, lost.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "Nie ma takiej strony" in lost.text
    assert "frame-ancestors 'none'" in lost.headers["content-security-policy"]
    for path, wanted in (("/library/", "/library"), ("/docs/en/quickstart/", "/docs/en/quickstart")):
        tidy = await api.get(path, headers=person)
        assert (tidy.status_code, tidy.headers["location"]) == (303, wanted)
    for path in ("//example.org/", "/\\example.org/", "/%2fexample.org/", "/x%0a/"):
        assert (await api.get(f"{api.base_url}{path}", headers=person)).status_code == 404, path
    answer = await api.get("/api/open/v1/nowhere", headers=person)
    assert answer.headers["content-type"] == "application/json", "a dialect says it in its own shape"


async def test_browsers_that_ask_for_an_icon_by_themselves_get_the_mark(api: httpx2.AsyncClient) -> None:
    answer = await api.get("/favicon.ico")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.content.startswith(b"<svg")


async def test_head_is_get_without_a_body(api: httpx2.AsyncClient, alice: Person) -> None:
    for path in (f"{PREFIX}/models", f"{PREFIX}/balance", "/healthz"):
        head, get = await api.head(path, headers=alice.auth), await api.get(path, headers=alice.auth)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == get.headers["content-length"]


# Health ------------------------------------------------------------------------------------------------------


async def test_alive(api: httpx2.AsyncClient) -> None:
    answer = await api.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": __version__})


@pytest.fixture
async def worker(pool: db.Pool) -> None:
    """A worker that has just signed in."""
    async with db.connection(pool) as conn:
        id = uuid4()
        await queue.sign_in(conn, id, 4711, ["previz"], 1)
        text = "# TYPE seedbed_renders_running gauge\nseedbed_renders_running 3\n"
        await queue.seen(conn, id, [], text)


async def test_ready(api: httpx2.AsyncClient, worker: None, conn: db.Connection) -> None:
    answer = await api.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "checks": {"database": "ok", "worker": "ok", "storage": "ok"},
    }
    await conn.execute("UPDATE workers SET seen_at = now() - interval '31 s'")
    answer = await api.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert answer.json() == {
        "status": "not ready",
        "checks": {
            "database": "ok",
            "worker": "none seen for 30 s; start one with `seedbed worker`",
            "storage": "ok",
        },
    }


async def test_not_ready_without_the_database(settings: Settings, dsn: str, worker: None) -> None:
    async with (
        Relay(dsn) as relay,
        served(settings.model_copy(update={"database_url": relay.dsn})) as url,
        httpx2.AsyncClient(base_url=url, timeout=60) as api,
    ):
        assert (await api.get("/readyz")).status_code == 200
        await relay.cut()
        answer = await api.get("/readyz")
        assert (answer.status_code, answer.json()["checks"]) == (
            503,
            {"database": "does not answer", "worker": "unknown", "storage": "ok"},
        )
        assert (await api.get("/healthz")).status_code == 200
        assert (await api.get("/metrics")).status_code == 200
        await relay.mend()
        assert (await api.get("/readyz")).status_code == 200


async def test_not_ready_without_storage(settings: Settings, worker: None, tmp_path: Path) -> None:
    files = tmp_path / "files"
    async with (
        served(settings.model_copy(update={"storage_url": str(files)})) as url,
        httpx2.AsyncClient(base_url=url) as api,
    ):
        (files / ".partial").rmdir()
        files.rmdir()
        answer = await api.get("/readyz")
        assert (answer.status_code, answer.json()["checks"]["storage"]) == (503, "does not answer")


# Metrics -----------------------------------------------------------------------------------------------------


async def sample(api: httpx2.AsyncClient, name: str, **labels: str) -> float:
    """The value of one sample; 0 where there is none yet."""
    answer = await api.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    for family in text_string_to_metric_families(answer.text):
        for found in family.samples:
            if found.name == name and labels.items() <= found.labels.items():
                return float(found.value)
    return 0.0


async def test_requests_are_counted_by_route(api: httpx2.AsyncClient, alice: Person) -> None:
    """By pattern, never by path: ids and nonsense make no new series."""
    task_id = await submit(api, alice)
    one = {"method": "GET", "route": f"{GENERATIONS}/{{requestId}}", "status": "200"}
    before = await sample(api, "seedbed_http_requests_total", **one)
    lost = await sample(api, "seedbed_http_requests_total", method="other", route="other", status="404")
    for _ in range(3):
        await api.get(f"{GENERATIONS}/{task_id}", headers=alice.auth)
    for path in ("/a", "/b", f"{PREFIX}/c"):
        await api.get(path)
    assert await sample(api, "seedbed_http_requests_total", **one) == before + 3
    assert await sample(api, "seedbed_http_requests_total", method="other", route="other", status="404") == lost + 3
    assert task_id not in (await api.get("/metrics")).text
    assert await sample(api, "seedbed_http_request_duration_seconds_count", route=one["route"]) >= 3


async def test_what_is_accepted_is_counted_once(api: httpx2.AsyncClient, alice: Person) -> None:
    model = {"dialect": "open", "model": "seedance-2.0"}
    tasks = await sample(api, "seedbed_tasks_accepted_total", **model)
    held = await sample(api, "seedbed_credits_held_total")
    for _ in range(2):
        await api.post(GENERATIONS, json=SHORT, headers=alice.auth | {"Idempotency-Key": "k"})
    await api.post(GENERATIONS, json=SHORT | {"duration": 99}, headers=alice.auth)
    assert await sample(api, "seedbed_tasks_accepted_total", **model) == tasks + 1
    assert await sample(api, "seedbed_credits_held_total") == held + 40


async def test_the_queue_and_the_workers_are_shown(api: httpx2.AsyncClient, alice: Person, worker: None) -> None:
    for _ in range(2):
        await submit(api, alice)
    assert await sample(api, "seedbed_queue_waiting", lane="render:previz") == 2
    assert await sample(api, "seedbed_queue_claimed", lane="render:previz") == 0
    assert await sample(api, "seedbed_workers") == 1
    assert await sample(api, "seedbed_renders_running", worker=f"{socket.gethostname()}-4711") == 3
