"""The library and a task's page: all of one's own, nothing of another's, at a constant price."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import asyncpg
import pytest

from seedbed import db, tasks
from seedbed.accounts import Caller, create_key
from seedbed.catalogue import load
from seedbed.console.library import PAGE
from seedbed.library import LOOKED_THROUGH, browse
from seedbed.tasks import MediaRef, TaskRequest
from seedbed.wanted import Wanted
from tests.console.films import buy, hidden, rich, said
from tests.console.people import Browser, heading

SOLD = load()
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"


async def made(pool: db.Pool, account_id: int, prompt: str = "A river", **given: object) -> str:
    """A task of any dialect, as its dialect would have made it."""
    key_id = given.pop("key_id", None)
    wanted = {
        "id_prefix": "req_", "dialect": "open", "model": SOLD.model[0], "mode": "text_to_video", "prompt": prompt,
        "aspect_ratio": "16:9", "resolution": "480p", "duration_s": 4, "trace_id": "t",
    } | given  # fmt: skip
    caller = Caller(key_id, account_id, "open", None, None)  # type: ignore[arg-type]
    async with db.transaction(pool) as conn:
        return (await tasks.create(conn, caller, TaskRequest(**wanted), queued_max=10_000)).id  # type: ignore[arg-type]


def walled(page: str) -> list[str]:
    return re.findall(r'<li class="tile [a-z]+">\s*<a href="/tasks/([^"]+)"', page)


async def test_all_dialects_newest_first_page_by_page(browser: Browser, pool: db.Pool) -> None:
    account_id = await rich(browser, pool, credits=100_000)
    assert "Nothing here yet" in await browser.see("/library")
    ids = [await made(pool, account_id, dialect=("open", "studio", "ark", "openai")[n % 4]) for n in range(PAGE + 3)]
    ids.append(await buy(browser))
    first = await browser.see("/library")
    assert walled(first) == ids[::-1][:PAGE]
    older = re.findall(r'rel="next" href="([^"]+)"', first)[0]
    await made(pool, account_id)
    second = await browser.see(older)
    assert walled(second) == ids[::-1][PAGE:], "what came meanwhile shifts nothing"
    assert 'rel="next"' not in second


async def test_filters(browser: Browser, pool: db.Pool) -> None:
    account_id = await rich(browser, pool, credits=100_000)
    async with db.transaction(pool) as conn:
        key_id, _ = await create_key(conn, account_id, "open", name="my <app>")
    by_key = await made(pool, account_id, "By a key", key_id=key_id)
    fast = await made(pool, account_id, "100%_sure", model=SOLD.model[1])
    old = await made(pool, account_id, "Old RIVER")
    gone = await made(pool, account_id, "Cancelled river")
    async with db.transaction(pool) as conn:
        await conn.execute("UPDATE tasks SET created_at = $2 WHERE id = $1", old, datetime(2024, 5, 17, 23, tzinfo=UTC))
        await tasks.cancel(conn, await tasks.get(conn, gone))

    async def shown(**given: str) -> list[str]:
        answer = await browser.http.get("/library", params=given)
        assert answer.status_code == 200
        return walled(answer.text)

    assert await shown(state="cancelled") == [gone]
    assert await shown(model=SOLD.model[1].id) == [fast]
    assert await shown(key=str(key_id)) == [by_key]
    assert await shown(key=str(key_id + 1)) == []
    assert await shown(text="river") == [gone, old]
    assert await shown(text="0%_s") == [fast]
    assert await shown(text="0%s") == [], "no character is a pattern"
    assert await shown(text="\\") == []
    assert await shown(since="2024-05-17", until="2024-05-17") == [old]
    assert await shown(until="2024-05-16") == []
    assert await shown(text="river", state="queued", since="2024-01-01", until="2024-12-31") == [old]
    assert "my &lt;app&gt;" in await browser.see(f"/library?key={key_id}")


@pytest.mark.parametrize(
    "query",
    [
        "state=done", "key=x", "key=99999999999999999999", "since=yesterday", "until=2026-02-30", "until=9999-12-31",
        f"text={'a' * 201}", "text=%00", "model=%00",
    ],
)  # fmt: skip
async def test_a_filter_that_means_nothing_says_so(browser: Browser, pool: db.Pool, query: str) -> None:
    account_id = await rich(browser, pool)
    await made(pool, account_id)
    answer = await browser.http.get(f"/library?{query}")
    assert answer.status_code == 400
    assert said(answer.text)
    assert len(walled(answer.text)) == 1


async def test_a_page_costs_the_same_queries_however_much_it_shows(
    browser: Browser, pool: db.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_id = await rich(browser, pool, credits=100_000)
    asked: list[str] = []
    for name in ("fetch", "fetchrow", "fetchval", "execute"):
        real = getattr(asyncpg.Connection, name)

        def counted(self, query, *args, real=real, **options):  # type: ignore[no-untyped-def]
            asked.append(query)
            return real(self, query, *args, **options)

        monkeypatch.setattr(asyncpg.Connection, name, counted)

    async def cost(path: str) -> int:
        asked.clear()
        await browser.see(path)
        return len(asked)

    await made(pool, account_id)
    few = {path: await cost(path) for path in ("/library", "/library?text=river", "/")}
    for _ in range(PAGE):
        await made(pool, account_id)
    many = {path: await cost(path) for path in few}
    assert all(many[path] <= few[path] <= 5 for path in few), (few, many)


async def test_a_search_goes_on_where_it_stopped(pool: db.Pool, browser: Browser) -> None:
    account_id = await rich(browser, pool)
    needle = await made(pool, account_id, "A needle")
    async with db.connection(pool) as conn:
        columns = await conn.fetchval(
            "SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns"
            " WHERE table_name = 'tasks' AND column_name NOT IN ('seq', 'id', 'prompt', 'status', 'finished_at')"
        )
        await conn.execute(
            f"""
            INSERT INTO tasks (id, prompt, status, finished_at, {columns})
            SELECT 'req_' || n, 'Hay', 'cancelled', now(), {columns}
            FROM tasks, generate_series(1, {LOOKED_THROUGH + 5}) n WHERE id = $1
            """,
            needle,
        )
        wanted = Wanted(account_id=account_id, text="needle")
        first = await browse(conn, wanted, limit=10)
        assert first.tasks == []
        assert first.last is not None
        second = await browse(conn, wanted, limit=10, after=first.last)
        assert ([task.id for task in second.tasks], second.last) == ([needle], None)
    assert "older ones to look through" in await browser.see("/library?text=needle")


# A task's page


async def test_everything_about_a_task(browser: Browser, pool: db.Pool) -> None:
    account_id = await rich(browser, pool)
    task_id = await made(
        pool, account_id, EVIL, metadata='{"a": "</pre><script>alert(3)</script>"}', mode="image_to_video",
        media=(MediaRef(url="https://example.org/<b>.png", role="first_frame", kind="image"),),
        webhook_url="https://example.org/hook",
    )  # fmt: skip
    async with db.transaction(pool) as conn:
        await tasks.start(conn, task_id, attempts_max=3)
        await tasks.cancel(conn, await tasks.get(conn, task_id))
        await conn.execute("UPDATE tasks SET plan = $2 WHERE id = $1", task_id, '{"setting": "<i>forest</i>"}')
        await conn.execute(
            "INSERT INTO deliveries (id, account_id, task_id, event, url, body) "
            "SELECT 'd1', account_id, id, 'cancelled', $2, '' FROM tasks WHERE id = $1",
            task_id,
            "https://example.org/hook?<u>",
        )
    for path in (f"/tasks/{task_id}", "/library", f"/?task={task_id}"):
        page = await browser.see(path)
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "{{7*7}}" in page, "shown as it is"
    page = await browser.see(f"/tasks/{task_id}")
    for told in ("Waiting", "In the making", "Cancelled", "26 credits", "given back", "Open API",
                 "setting &lt;i&gt;forest", "&lt;u&gt;"):  # fmt: skip
        assert told in page


async def test_anothers_task_is_not_there(browser: Browser, other: Browser, pool: db.Pool) -> None:
    await rich(browser, pool)
    task_id = await buy(browser)
    await rich(other, pool, "bob@example.org")
    token = hidden(await other.see("/keys"), "csrf")

    async def answers(name: str) -> list[tuple[int, bytes]]:
        paths = [
            f"/tasks/{name}",
            f"/tasks/{name}/events",
            f"/?task={name}",
            f"/?from={name}",
            f"/library?after={name}",
        ]
        found = [await other.http.get(path) for path in paths]
        found += [
            await other.post(f"/tasks/{name}/{act}", csrf=token, token="t") for act in ("cancel", "remove", "again")
        ]
        return [(answer.status_code, answer.content) for answer in found]

    theirs = await answers(task_id)
    assert [status for status, _ in theirs] == [404] * 8
    assert theirs == await answers("req_" + "0" * 22), "byte for byte"
    assert walled(await other.see("/library")) == []
    assert walled(await browser.see("/library")) == [task_id]


async def test_cancel_and_remove(browser: Browser, pool: db.Pool, sound: None) -> None:
    await rich(browser, pool)
    task_id = await buy(browser)
    token = hidden(await browser.see("/keys"), "csrf")
    early = await browser.post(f"/tasks/{task_id}/remove", csrf=token)
    assert (early.status_code, said(early.text)) == (400, "The task has not ended; cancel it first")
    assert (await browser.post(f"/tasks/{task_id}/cancel", csrf="x")).status_code == 400
    done = await browser.send(f"/tasks/{task_id}", f"/tasks/{task_id}/cancel")
    assert "its credits are back" in await browser.see(done.headers["location"])
    assert "1,000 credits" in await browser.see("/library")
    removed = await browser.send(f"/tasks/{task_id}", f"/tasks/{task_id}/remove")
    page = await browser.see(removed.headers["location"])
    assert "gone" in page
    assert walled(page) == []
    assert heading((await browser.http.get(f"/tasks/{task_id}")).text) == "Not Found"


async def test_a_film_that_is_ready_cannot_be_cancelled(browser: Browser, pool: db.Pool) -> None:
    account_id = await rich(browser, pool)
    task_id = await made(pool, account_id)
    token = hidden(await browser.see("/keys"), "csrf")
    async with db.transaction(pool) as conn:
        await tasks.fail(conn, task_id, tasks.TaskFailure("render_failed", "It broke"))
    late = await browser.post(f"/tasks/{task_id}/cancel", csrf=token)
    assert (late.status_code, said(late.text)) == (400, "The task has failed already and cannot be cancelled")
