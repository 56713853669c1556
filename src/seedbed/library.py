"""The library: an owner's tasks in lists, of one dialect or over all.

Owns no table. `browse` goes from one page to the next by the last task of the one before, so that no page costs more
than another and what is bought meanwhile shifts nothing. `page_with_total` counts all
that came before and all that there are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from seedbed import tasks
from seedbed.db import Connection
from seedbed.errors import NotFound
from seedbed.tasks import Task
from seedbed.wanted import Wanted, like

LOOKED_THROUGH = 10_000
"""How many prompts a search reads at a time: what takes a twentieth of a second."""


@dataclass(frozen=True, slots=True)
class Page:
    """Tasks in the order that was asked for. `last`: the task after which the next page begins, or None."""

    tasks: list[Task]
    last: str | None


async def browse(
    conn: Connection, wanted: Wanted, *, limit: int, after: str | None = None, oldest_first: bool = False
) -> Page:
    """Up to `limit` of the tasks that are `wanted`, newest first, from the one that follows `after`.

    `after` need not be wanted, and may have been removed since. A search for text looks through LOOKED_THROUGH tasks
    at a time, so others may follow a page that is not full.
    Raises NotFound where `after` is not the owner's.
    """
    where, values = replace(wanted, text=None).sql()
    order, beyond = ("ASC", ">") if oldest_first else ("DESC", "<")
    if after is not None:
        values.append(await _place(conn, after, wanted))
        where += f" AND seq {beyond} ${len(values)}"
    if wanted.text is not None:
        return await _searched(conn, where, values, order, wanted.text, limit)
    rows = await conn.fetch(_found(where, order, f"LIMIT ${len(values) + 1}"), *values, limit + 1)
    found = [tasks.of_row(row) for row in rows[:limit]]
    return Page(found, found[-1].id if len(rows) > limit else None)


async def page_with_total(conn: Connection, wanted: Wanted, *, limit: int, offset: int) -> tuple[list[Task], int]:
    """Up to `limit` of the tasks that are `wanted`, newest first, after the first `offset`; how many there are in all.

    The pages of a list that grows meanwhile move along with it.
    """
    where, values = wanted.sql()
    total: int = await conn.fetchval(f"SELECT count(*) FROM tasks WHERE {where}", *values)
    if offset >= total:
        return [], total
    part = f"OFFSET ${len(values) + 1} LIMIT ${len(values) + 2}"
    rows = await conn.fetch(_found(where, "DESC", part), *values, offset, limit)
    return [tasks.of_row(row) for row in rows], total


def _found(where: str, order: str, part: str) -> str:
    """A part of a list as SQL: it is found in an index alone, and only its own rows are read."""
    ids = f"SELECT id FROM tasks WHERE {where} ORDER BY seq {order} {part}"
    return f"SELECT t.* FROM ({ids}) page JOIN tasks t ON t.id = page.id ORDER BY t.seq {order}"


async def _searched(conn: Connection, where: str, values: list[Any], order: str, text: str, limit: int) -> Page:
    near = f"SELECT * FROM tasks WHERE {where} ORDER BY seq {order} LIMIT {LOOKED_THROUGH}"
    holds = f"prompt ILIKE ${len(values) + 1} ORDER BY seq {order} LIMIT ${len(values) + 2}"
    rows = await conn.fetch(f"SELECT * FROM ({near}) near WHERE {holds}", *values, like(text), limit + 1)
    found = [tasks.of_row(row) for row in rows[:limit]]
    if len(rows) > limit:
        return Page(found, found[-1].id)
    end: str | None = await conn.fetchval(
        f"SELECT id FROM tasks WHERE {where} ORDER BY seq {order} OFFSET {LOOKED_THROUGH - 1} LIMIT 1", *values
    )
    return Page(found, end)


async def _place(conn: Connection, task_id: str, wanted: Wanted) -> int:
    """Where a task of the same owner and dialect stands among all, removed or not. Raises NotFound."""
    seq: int | None = None
    if "\x00" not in task_id:  # which PostgreSQL's text cannot hold
        seq = await conn.fetchval(
            "SELECT seq FROM tasks WHERE id = $1 AND ($2::text IS NULL OR dialect = $2)"
            " AND CASE WHEN $3::bigint IS NULL THEN key_id = $4 ELSE account_id = $3 END",
            task_id,
            wanted.dialect,
            wanted.account_id,
            wanted.key_id,
        )
    if seq is None:
        raise NotFound("Task not found")
    return seq
