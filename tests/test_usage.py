"""What was spent: every day of a span, its edges, names of keys."""

from __future__ import annotations

from datetime import timedelta

from seedbed import db, tasks, usage
from tests.conftest import Person
from tests.test_tasks import accept, output_of


async def finished(conn: db.Connection, person: Person, when: str) -> None:
    """A video that was finished at `when`, in SQL."""
    async with conn.transaction():
        task = await accept(conn, person)
        await tasks.start(conn, task.id, attempts_max=3)
        await tasks.succeed(conn, task.id, 1, output_of(task.id))
        await conn.execute(f"UPDATE tasks SET finished_at = {when} WHERE id = $1", task.id)


async def test_a_span_has_every_day_and_no_other(conn: db.Connection, alice: Person, bob: Person) -> None:
    midnight = "date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"
    for when in ("now()", midnight, f"{midnight} - interval '1 s'", f"{midnight} - interval '6 days'"):
        await finished(conn, alice, when)
    await finished(conn, alice, f"{midnight} - interval '6 days 1 s'")
    await finished(conn, bob, "now()")
    week = await usage.of_account(conn, alice.account_id, 7)
    assert [day.tasks for day in week.days] == [1, 0, 0, 0, 0, 1, 2]
    assert {b.day - a.day for a, b in zip(week.days, week.days[1:], strict=False)} == {timedelta(days=1)}
    assert (week.tasks, week.credits, week.most) == (4, 160, 80)
    assert (await usage.of_account(conn, alice.account_id, 30)).tasks == 5


async def test_keys_are_named_and_removed_videos_count(conn: db.Connection, alice: Person) -> None:
    for _ in range(3):
        await finished(conn, alice, "now()")
    await conn.execute("UPDATE tasks SET key_id = NULL WHERE seq = (SELECT min(seq) FROM tasks)")
    await conn.execute("UPDATE tasks SET deleted_at = now(), model = 'other' WHERE seq = (SELECT max(seq) FROM tasks)")
    hint = await conn.fetchval("SELECT hint FROM api_keys WHERE id = $1", alice.key_id)
    found = await usage.of_account(conn, alice.account_id, 7)
    assert [(share.name, share.tasks, share.credits) for share in found.keys] == [(hint, 2, 80), ("", 1, 40)]
    assert [(share.name, share.tasks) for share in found.models] == [("seedance-2.0", 2), ("other", 1)]


async def test_nothing_spent_is_a_span_of_nothing(conn: db.Connection, alice: Person) -> None:
    found = await usage.of_account(conn, alice.account_id, 90)
    assert (len(found.days), found.tasks, found.credits, found.most, found.models, found.keys) == (90, 0, 0, 0, [], [])
