"""The library: an account's tasks over all dialects, as their owner looks through them.

Owns no table. Pages follow one another by the last task of the one before, so that none costs more than another,
and what is bought meanwhile shifts nothing.
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
    """Tasks, newest first. `older` is the task after which the next page begins; None: this is the last one."""

    tasks: list[Task]
    older: str | None


async def browse(conn: Connection, wanted: Wanted, *, limit: int, after: str | None = None) -> Page:
    """Up to `limit` of an account's tasks that are `wanted`, older than `after`.

    A search for text looks through LOOKED_THROUGH tasks at a time, so others may follow a page that is not full.
    Raises NotFound where `after` is not the account's.
    """
    where, values = replace(wanted, text=None).sql()
    if after is not None:
        values.append(await _place(conn, after, wanted))
        where += f" AND seq < ${len(values)}"
    if wanted.text is not None:
        return await _searched(conn, where, values, wanted.text, limit)
    # The page is found in an index alone; only its own rows are read.
    rows = await conn.fetch(
        f"""
        SELECT t.* FROM (SELECT id FROM tasks WHERE {where} ORDER BY seq DESC LIMIT ${len(values) + 1}) page
        JOIN tasks t ON t.id = page.id ORDER BY t.seq DESC
        """,
        *values,
        limit + 1,
    )
    found = [tasks.of_row(row) for row in rows[:limit]]
    return Page(found, found[-1].id if len(rows) > limit else None)


async def _searched(conn: Connection, where: str, values: list[Any], text: str, limit: int) -> Page:
    near = f"SELECT * FROM tasks WHERE {where} ORDER BY seq DESC LIMIT {LOOKED_THROUGH}"
    rows = await conn.fetch(
        f"SELECT * FROM ({near}) near WHERE prompt ILIKE ${len(values) + 1} ORDER BY seq DESC LIMIT ${len(values) + 2}",
        *values,
        like(text),
        limit + 1,
    )
    found = [tasks.of_row(row) for row in rows[:limit]]
    if len(rows) > limit:
        return Page(found, found[-1].id)
    end: str | None = await conn.fetchval(
        f"SELECT id FROM tasks WHERE {where} ORDER BY seq DESC OFFSET {LOOKED_THROUGH - 1} LIMIT 1", *values
    )
    return Page(found, end)


async def _place(conn: Connection, task_id: str, owner: Wanted) -> int:
    """Where the account's task stands among all, removed or not. Raises NotFound."""
    seq: int | None = None
    if "\x00" not in task_id:  # which PostgreSQL's text cannot hold
        seq = await conn.fetchval("SELECT seq FROM tasks WHERE id = $1 AND account_id = $2", task_id, owner.account_id)
    if seq is None:
        raise NotFound("Task not found")
    return seq
