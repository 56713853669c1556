"""Whose turn it is within one account: the places in the queue are shared out fairly, and priority fills them.

Owns no table. A task's place (its `turn`, and its job's) is given when it is accepted, whatever its priority, so
no priority moves an account before another. When the place comes up, the account's most urgent waiting task takes
it, and the task that stood there takes the other's place: one exchange for each start, however long the queue.
"""

from __future__ import annotations

from seedbed import queue
from seedbed.db import Connection
from seedbed.queue import Job


async def first_in_line(conn: Connection, job: Job) -> str:
    """The id of the task that the claimed render `job` is for from now on.

    That is the task of the same account and lane that comes first by priority, then by age; almost always
    the job's own. A job whose task has begun keeps it.
    """
    for row in await conn.fetch(_BEFORE, job.payload):
        # The task before its job, as whoever cancels it; one that somebody else has is not waited for.
        turn = await conn.fetchval(_LOCK, row["id"])
        if turn is not None and await queue.exchange(conn, job, row["id"]):
            await conn.execute(
                "UPDATE tasks SET turn = CASE id WHEN $1 THEN $4::int ELSE $3::int END WHERE id IN ($1, $2)",
                job.payload,
                row["id"],
                row["held_turn"],
                turn,
            )
            found: str = row["id"]
            return found
    return job.payload


_LOCK = "SELECT turn FROM tasks WHERE id = $1 AND status = 'queued' FOR UPDATE SKIP LOCKED"
# A few, because the first may wait in the lane of other engines, or another worker may take it at this moment.
_BEFORE = """
    SELECT before.id, held.turn AS held_turn
    FROM tasks held JOIN tasks before ON before.account_id = held.account_id AND before.status = 'queued'
    WHERE held.id = $1 AND held.status = 'queued'
      AND (before.priority > held.priority OR before.priority = held.priority AND before.seq < held.seq)
    ORDER BY before.priority DESC, before.seq LIMIT 8
"""
