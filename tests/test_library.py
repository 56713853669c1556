"""Lists of an owner's tasks: every filter, both orders, pages with totals, and 100,000 tasks."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from seedbed import db, library, tasks
from seedbed.errors import NotFound, TaskFailure
from seedbed.wanted import Wanted
from tests.conftest import Person
from tests.test_tasks import FREE, accept, in_state

EXPIRED = TaskFailure("expired", "late")


async def ids(conn: db.Connection, *, limit: int = 500, offset: int = 0, **wanted: object) -> tuple[list[str], int]:
    page, total = await library.page_with_total(conn, Wanted(dialect="open", **wanted), limit=limit, offset=offset)  # type: ignore[arg-type]
    return [task.id for task in page], total


async def test_every_filter(conn: db.Connection, alice: Person, bob: Person) -> None:
    mine = {"account_id": alice.account_id}
    waiting = (await accept(conn, alice, model=FREE, echo={"model": "m", "tier": 1})).id
    failed = (await in_state(conn, alice, "failed", model=FREE, echo={"model": "n"})).id
    late = (await accept(conn, alice, model=FREE)).id
    await tasks.fail(conn, late, EXPIRED)
    other_model = (await accept(conn, alice)).id
    await accept(conn, alice, dialect="studio")
    theirs = (await accept(conn, bob, model=FREE)).id
    assert await ids(conn, **mine) == ([other_model, late, failed, waiting], 4)
    assert await ids(conn, key_id=bob.key_id) == ([theirs], 1)
    assert await ids(conn, **mine, status="queued") == ([other_model, waiting], 2)
    assert await ids(conn, **mine, status="failed") == ([late, failed], 2)
    assert await ids(conn, **mine, failure="expired") == ([late], 1)
    assert await ids(conn, **mine, status="failed", not_failure="expired") == ([failed], 1)
    assert await ids(conn, **mine, model=FREE.id) == ([late, failed, waiting], 3)
    assert await ids(conn, **mine, ids=(waiting, theirs, "nothing")) == ([waiting], 1)
    assert await ids(conn, **mine, ids=()) == ([], 0)
    assert await ids(conn, **mine, echo={"model": "m"}) == ([waiting], 1)
    assert await ids(conn, **mine, limit=2) == ([other_model, late], 4)
    assert await ids(conn, **mine, limit=2, offset=3) == ([waiting], 4)
    assert await ids(conn, **mine, limit=2, offset=4) == ([], 4)
    await tasks.remove(conn, await tasks.get(conn, late))
    assert await ids(conn, **mine) == ([other_model, failed, waiting], 3)


def test_a_list_has_an_owner() -> None:
    with pytest.raises(ValueError, match="of an account or of a key"):
        Wanted(dialect="open").sql()


async def test_both_orders_of_an_account_and_a_start_that_is_gone(conn: db.Connection, alice: Person) -> None:
    made = [(await in_state(conn, alice, "failed", model=FREE)).id for _ in range(5)]

    async def page(*, after: str | None = None, oldest_first: bool = False) -> tuple[list[str], bool]:
        wanted = Wanted(dialect="open", account_id=alice.account_id)
        found = await library.browse(conn, wanted, limit=2, after=after, oldest_first=oldest_first)
        return [task.id for task in found.tasks], found.last is not None

    assert await page() == ([made[4], made[3]], True)
    assert await page(after=made[3]) == ([made[2], made[1]], True)
    assert await page(oldest_first=True) == ([made[0], made[1]], True)
    assert await page(after=made[3], oldest_first=True) == ([made[4]], False)
    await tasks.remove(conn, await tasks.get(conn, made[3]))
    assert await page(after=made[3]) == ([made[2], made[1]], True), "a page goes on after a task that was removed"
    for unknown in ("req_0", "nul\x00"):
        with pytest.raises(NotFound):
            await page(after=unknown)


async def test_pages_show_every_task_once_while_more_arrive(conn: db.Connection, alice: Person, bob: Person) -> None:
    made = []
    for index in range(11):
        made.append((await accept(conn, alice, model=FREE)).id)
        await accept(conn, bob, model=FREE)
        if index % 3 == 0:
            await tasks.cancel(conn, await tasks.get(conn, made[-1]))
    mine = Wanted(dialect="open", key_id=alice.key_id)
    seen: list[str] = []
    after = None
    while after is not None or not seen:
        page = await library.browse(conn, mine, limit=4, after=after)
        assert 1 <= len(page.tasks) <= 4
        seen += [task.id for task in page.tasks]
        after = page.last
        await accept(conn, alice, model=FREE)
    assert seen == made[::-1]
    cancelled = replace(mine, status="cancelled")
    page = await library.browse(conn, cancelled, limit=100)
    assert ([task.id for task in page.tasks], page.last) == ([made[9], made[6], made[3], made[0]], None)
    page = await library.browse(conn, cancelled, limit=4)
    assert (len(page.tasks), page.last) == (4, None)
    anothers = (
        Wanted(dialect="open", key_id=bob.key_id),
        Wanted(dialect="studio", key_id=alice.key_id),
        Wanted(account_id=bob.account_id, key_id=alice.key_id),
    )
    for wanted in anothers:
        with pytest.raises(NotFound):
            await library.browse(conn, wanted, limit=4, after=made[0])


async def test_a_search_in_either_order(conn: db.Connection, alice: Person) -> None:
    made = [(await accept(conn, alice, model=FREE, prompt=f"A needle {n}")).id for n in range(3)]
    await accept(conn, alice, model=FREE, prompt="Hay")
    wanted = Wanted(account_id=alice.account_id, text="NEEDLE")
    newest = await library.browse(conn, wanted, limit=2)
    assert ([task.id for task in newest.tasks], newest.last) == ([made[2], made[1]], made[1])
    oldest = await library.browse(conn, wanted, limit=2, after=made[0], oldest_first=True)
    assert ([task.id for task in oldest.tasks], oldest.last) == ([made[1], made[2]], None)


MANY = """
    INSERT INTO tasks (id, dialect, account_id, key_id, trace_id, status, turn, model, mode, prompt, aspect_ratio,
                       resolution, duration_s, seed, audio, fixed_lens, quality, price_credits, echo,
                       error_code, finished_at)
    SELECT 'req_' || n, 'open', $1, $2, '', CASE n % 2 WHEN 0 THEN 'failed' ELSE 'cancelled' END::task_status, 0,
           'm' || n % 3, 'text_to_video', repeat('word ', 40), '16:9', '720p', 5, 0, true, false, 'standard', 0,
           jsonb_build_object('model', 'name-' || n % 3), CASE n % 2 WHEN 0 THEN 'render_failed' END, now()
    FROM generate_series(1, 100000) n
"""


async def test_a_hundred_thousand_tasks(conn: db.Connection, alice: Person) -> None:
    await conn.execute(MANY, alice.account_id, alice.key_id)
    await conn.execute("VACUUM ANALYZE tasks")
    mine = {"account_id": alice.account_id}
    asked: list[tuple[dict[str, object], int, int, float]] = [
        (mine, 0, 100_000, 0.3),
        (mine, 90_000, 100_000, 0.3),
        (mine | {"status": "failed"}, 20_000, 50_000, 0.3),
        (mine | {"model": "m1"}, 0, 33_334, 0.3),
        (mine | {"ids": ("req_1", "req_99999")}, 0, 2, 0.05),
        (mine | {"echo": {"model": "name-1"}}, 0, 33_334, 1.0),
    ]
    for wanted, offset, total, most_s in asked:
        took_s = []
        for _ in range(3):
            began = time.perf_counter()
            page, count = await ids(conn, limit=20, offset=offset, **wanted)
            took_s.append(time.perf_counter() - began)
        assert (count, len(page)) == (total, min(20, total))
        assert min(took_s) < most_s, (wanted, took_s)
    began = time.perf_counter()
    for oldest_first in (False, True):
        wanted_here = Wanted(dialect="open", account_id=alice.account_id)
        found = await library.browse(conn, wanted_here, limit=20, after="req_50000", oldest_first=oldest_first)
        assert (len(found.tasks), found.last) == (20, found.tasks[-1].id)
    assert time.perf_counter() - began < 0.1
