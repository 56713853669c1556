"""A task, watched: server-sent events, read by a real HTTP client."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from seedbed import db
from seedbed.console import _watch
from seedbed.settings import Settings
from tests.conftest import served
from tests.console.films import buy, rich
from tests.console.people import Browser
from tests.engines_for_tests import Slow
from tests.workers import at_work

Event = tuple[str, dict[str, object]]


async def events(http: httpx2.AsyncClient, task_id: str) -> AsyncIterator[Event]:
    async with http.stream("GET", f"/tasks/{task_id}/events", timeout=30) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        name = ""
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, json.loads(line.removeprefix("data: "))


async def test_from_waiting_to_ready_through_a_workers_restart(
    browser: Browser, pool: db.Pool, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sound: None
) -> None:
    monkeypatch.setenv("SLOW_S", "3")
    monkeypatch.setattr(_watch, "LOOK_S", 0.05)
    await rich(browser, pool)
    task_id = await buy(browser)
    seen: list[Event] = []

    async def watch() -> None:
        async for event in events(browser.http, task_id):
            seen.append(event)

    async def until(status: str, progress: float) -> None:
        async with asyncio.timeout(20):
            while not any(e["status"] == status and float(str(e["progress"])) >= progress for _, e in seen):
                await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    await until("queued", 0)
    async with at_work(settings, tmp_path / "first", Slow()) as worker:
        await until("processing", 0.1)
        worker.stop()
    async with at_work(settings, tmp_path / "second", Slow()):
        async with asyncio.timeout(30):
            await watching
    names = [name for name, _ in seen]
    assert names == ["progress"] * (len(names) - 1) + ["ended"]
    assert seen[0][1] == {"status": "queued", "state": "Waiting", "progress": 0}
    assert seen[-1][1] == {"status": "succeeded", "state": "Ready"}
    assert len(seen) > 5


async def test_a_head_is_no_stream(browser: Browser, pool: db.Pool) -> None:
    await rich(browser, pool)
    answer = await browser.http.head(f"/tasks/{await buy(browser)}/events")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")


async def test_an_ended_task_says_so_at_once(browser: Browser, pool: db.Pool) -> None:
    await rich(browser, pool)
    task_id = await buy(browser)
    await browser.send(f"/tasks/{task_id}", f"/tasks/{task_id}/cancel")
    assert [e async for e in events(browser.http, task_id)] == [
        ("ended", {"status": "cancelled", "state": "Cancelled"})
    ]


async def test_a_task_that_is_removed_is_gone(browser: Browser, pool: db.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_watch, "LOOK_S", 0.05)
    await rich(browser, pool)
    task_id = await buy(browser)
    found = []
    async for name, _ in events(browser.http, task_id):
        found.append(name)
        if len(found) == 1:
            async with db.connection(pool) as conn:
                await conn.execute(
                    "UPDATE tasks SET status = 'cancelled', finished_at = now(), deleted_at = now() WHERE id = $1",
                    task_id,
                )
    assert found == ["progress", "gone"]


async def test_watching_is_bounded_in_number_and_in_time(
    browser: Browser, pool: db.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_watch, "WATCHED_MAX", 2)
    monkeypatch.setattr(_watch, "WATCH_S", 1.5)
    account_id = await rich(browser, pool)
    task_id = await buy(browser)

    async def watch() -> float:
        began = time.monotonic()
        assert [e async for e in events(browser.http, task_id)] == [
            ("progress", {"status": "queued", "state": "Waiting", "progress": 0})
        ]
        return time.monotonic() - began

    watching = [asyncio.create_task(watch()) for _ in range(2)]
    async with asyncio.timeout(10):
        while _watch._watching[account_id] < 2:
            await asyncio.sleep(0.01)
    refused = await browser.http.get(f"/tasks/{task_id}/events")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
    assert all(1.4 < spent < 15 for spent in await asyncio.gather(*watching))
    assert account_id not in _watch._watching, "who has left is counted no more"
    assert [e async for e in events(browser.http, task_id)]


async def test_a_reader_who_leaves_is_counted_no_more(browser: Browser, pool: db.Pool) -> None:
    account_id = await rich(browser, pool)
    task_id = await buy(browser)
    async for _ in events(browser.http, task_id):
        assert _watch._watching[account_id] == 1
        break
    async with asyncio.timeout(10):
        while account_id in _watch._watching:
            await asyncio.sleep(0.01)


async def test_a_session_that_ends_ends_its_streams(
    browser: Browser, other: Browser, pool: db.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_watch, "QUIET_S", 0.2)
    monkeypatch.setattr(_watch, "LOOK_S", 0.05)
    account_id = await rich(browser, pool)
    task_id = await buy(browser)
    async for _ in events(browser.http, task_id):
        async with db.connection(pool) as conn:
            await conn.execute("UPDATE sessions SET ended_at = now() WHERE account_id = $1", account_id)
    assert (await browser.http.get(f"/tasks/{task_id}/events")).status_code == 303


async def test_a_stream_does_not_keep_the_server_from_stopping(settings: Settings, pool: db.Pool) -> None:
    server = served(settings)
    async with httpx2.AsyncClient(base_url=await server.__aenter__()) as http:
        browser = Browser(http)
        await rich(browser, pool)
        stream = events(http, await buy(browser))
        assert (await anext(stream))[0] == "progress"
        watching = asyncio.create_task(anext(stream, None))
        async with asyncio.timeout(10):
            await server.__aexit__(None, None, None)
            with pytest.raises(httpx2.RemoteProtocolError):
                await watching
