"""What the rest says to PgQueuer: enqueue, claim, beat, finish, wake.

PgQueuer owns the tables `pgqueuer*`; this module is the only one that names them. A job is enqueued on
the caller's connection, so it commits with the task it belongs to. A lane is a queue of its own: renders
wait in the lane of the engines that may serve them, callbacks in one lane for all. A claimed job is held
by beats; a worker that stays silent for a lease loses its jobs to the next one that asks.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import QueryQueueBuilder
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.types import QueueEntrypoint, QueueManagerId

from seedbed.db import UNAVAILABLE, Connection, Record

CALLBACK = "callback"
RENDER = "render:"
CHANNEL = "seedbed_work"
SEEN_S = 30.0
"""A worker that was silent for longer counts as gone."""

_sql = QueryQueueBuilder()


@dataclass(frozen=True, slots=True)
class Job:
    """Queue work in a worker's hands. `payload` is the id of what it is about."""

    id: int
    lane: str
    payload: str


def render_lane(engines: Sequence[str]) -> str:
    """The lane of renders that these engines, in this order, may serve."""
    return RENDER + ",".join(engines)


def lane_engines(lane: str) -> tuple[str, ...]:
    """The engines of a render lane, in order; none for any other lane."""
    return tuple(lane.removeprefix(RENDER).split(",")) if lane.startswith(RENDER) else ()


# Enqueue: on the caller's transaction --------------------------------------------------------------------


async def enqueue(
    conn: Connection, lane: str, payload: str, *, priority: int = 0, delay_s: float = 0, unique: str | None = None
) -> None:
    """Add a job. Higher priority goes first; `unique` names it so that `drop` finds it while it waits."""
    queries = Queries(AsyncpgDriver(conn))  # type: ignore[arg-type]
    await queries.enqueue(lane, payload.encode(), priority, timedelta(seconds=delay_s), dedupe_key=unique, headers=None)


async def drop(conn: Connection, unique: str) -> None:
    """Remove the waiting job called `unique`; one that is claimed already stays with its worker."""
    await conn.execute("DELETE FROM pgqueuer WHERE dedupe_key = $1 AND status = 'queued'", unique)


async def exchange(conn: Connection, job: Job, unique: str) -> bool:
    """Let a claimed job and the waiting one called `unique`, in the same lane, change what they are about.

    Both must be called by their payload. False, and nothing changed: none waits by that name in the lane.
    """
    other = await conn.fetchval(
        """
        UPDATE pgqueuer SET dedupe_key = NULL WHERE dedupe_key = $1 AND status = 'queued' AND entrypoint = $2
        RETURNING id
        """,
        unique,
        job.lane,
    )
    if other is None:
        return False
    named = "UPDATE pgqueuer SET payload = $2, dedupe_key = $3 WHERE id = $1"
    await conn.execute(named, job.id, unique.encode(), unique)
    await conn.execute(named, other, job.payload.encode(), job.payload)
    return True


async def hasten(conn: Connection, unique: str) -> bool:
    """Let the job called `unique` wait no longer. Returns whether there is one, waiting or claimed."""
    await conn.execute("UPDATE pgqueuer SET execute_after = now() WHERE dedupe_key = $1 AND status = 'queued'", unique)
    found: bool = await conn.fetchval("SELECT EXISTS (SELECT FROM pgqueuer WHERE dedupe_key = $1)", unique)
    return found


async def wake(conn: Connection) -> None:
    """Tell idle workers to look. Call it after the commit, so that commits need not queue up to notify."""
    await conn.execute(f"NOTIFY {CHANNEL}")


# Work ----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def listening(conn: Connection, heard: Callable[[], None]) -> AsyncIterator[None]:
    """Call `heard` at every `wake`, while the block lasts and `conn` lives."""

    def on_notify(*_: Any) -> None:
        heard()

    await conn.add_listener(CHANNEL, on_notify)
    try:
        yield
    finally:
        # A connection that is gone has no listener left, and must not hide why the block ended.
        with contextlib.suppress(*UNAVAILABLE):
            await conn.remove_listener(CHANNEL, on_notify)


async def claim(conn: Connection, worker: UUID, lanes: Iterable[str], *, at_most: int, lease_s: float) -> list[Job]:
    """Take up to `at_most` jobs: waiting ones by priority, and those whose worker was silent for `lease_s`."""
    query = _sql.build_dequeue_query(
        batch_size=at_most,
        entrypoints=(entrypoints := [QueueEntrypoint(lane) for lane in lanes]),
        concurrency_limits=[0] * len(entrypoints),
        queue_manager_id=QueueManagerId(worker),
        global_concurrency_limit=None,
        heartbeat_timeout=timedelta(seconds=lease_s),
    )
    return [_job(row) for row in await conn.fetch(query.sql, *query.args)]


def _job(row: Record) -> Job:
    return Job(row["id"], row["entrypoint"], bytes(row["payload"]).decode())


async def beat(conn: Connection, worker: UUID, jobs: Iterable[int]) -> set[int]:
    """Keep a worker's jobs. Returns those it still has; the others were claimed by somebody else."""
    rows = await conn.fetch(
        """
        UPDATE pgqueuer SET heartbeat = now()
        WHERE id = ANY($1::bigint[]) AND queue_manager_id = $2 AND status = 'picked' RETURNING id
        """,
        list(jobs),
        worker,
    )
    return {row[0] for row in rows}


async def done(conn: Connection, worker: UUID, job: Job) -> bool:
    """Remove a finished job, in the transaction that finished its work. False when it is no longer ours."""
    found = await conn.fetchval(
        "DELETE FROM pgqueuer WHERE id = $1 AND queue_manager_id = $2 AND status = 'picked' RETURNING id",
        job.id,
        worker,
    )
    return found is not None


async def give_back(conn: Connection, worker: UUID, job: Job, *, delay_s: float = 0) -> bool:
    """Let a job wait again, for `delay_s` at least. False when it is no longer ours."""
    found = await conn.fetchval(
        """
        UPDATE pgqueuer SET status = 'queued', queue_manager_id = NULL, attempts = attempts + 1,
               updated = now(), execute_after = now() + $3
        WHERE id = $1 AND queue_manager_id = $2 AND status = 'picked' RETURNING id
        """,
        job.id,
        worker,
        timedelta(seconds=delay_s),
    )
    return found is not None


# What is seen from outside ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Depth:
    """One lane: jobs waiting (and due), jobs claimed, and seconds that the oldest due one has waited."""

    lane: str
    waiting: int
    claimed: int
    oldest_s: float


async def depths(conn: Connection) -> list[Depth]:
    """Every lane that has jobs."""
    rows = await conn.fetch(
        """
        SELECT entrypoint, count(*) FILTER (WHERE status = 'queued' AND execute_after <= now()) AS waiting,
               count(*) FILTER (WHERE status = 'picked') AS claimed,
               coalesce(extract(epoch FROM now() - min(execute_after)
                   FILTER (WHERE status = 'queued' AND execute_after <= now())), 0)::float8 AS oldest_s
        FROM pgqueuer GROUP BY entrypoint ORDER BY entrypoint
        """
    )
    return [Depth(*row) for row in rows]


async def lanes(conn: Connection) -> list[str]:
    """The lanes that have jobs now, whatever the catalogue says today."""
    return [row[0] for row in await conn.fetch("SELECT DISTINCT entrypoint FROM pgqueuer")]


async def sweep(conn: Connection, *, keep_s: float = 3600) -> None:
    """Drop PgQueuer's log of finished jobs: the tasks' own events say more."""
    await conn.execute("DELETE FROM pgqueuer_log WHERE created < now() - $1::interval", timedelta(seconds=keep_s))


# Workers ---------------------------------------------------------------------------------------------------


async def sign_in(conn: Connection, worker: UUID, pid: int, engines: Sequence[str], concurrency: int) -> None:
    """Register a worker, so that `/readyz` and `/metrics` know of it."""
    await conn.execute(
        """
        INSERT INTO workers (id, host, pid, engines, concurrency) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (id) DO UPDATE SET seen_at = now()
        """,
        worker,
        socket.gethostname(),
        pid,
        list(engines),
        concurrency,
    )


async def seen(conn: Connection, worker: UUID, running: Sequence[str], metrics: str) -> None:
    """A worker's sign of life, with the tasks it runs and its metrics in Prometheus' text format."""
    await conn.execute(
        "UPDATE workers SET seen_at = now(), running = $2, metrics = $3 WHERE id = $1", worker, list(running), metrics
    )


async def sign_out(conn: Connection, worker: UUID) -> None:
    """Forget a worker that ends in good order."""
    await conn.execute("DELETE FROM workers WHERE id = $1", worker)


async def workers(conn: Connection, *, within_s: float = SEEN_S) -> list[Record]:
    """Workers seen within the last `within_s`, with id, host, pid, engines, concurrency, running, metrics."""
    return await conn.fetch(
        "SELECT * FROM workers WHERE seen_at > now() - $1::interval ORDER BY started_at", timedelta(seconds=within_s)
    )


async def forget_workers(conn: Connection, *, silent_s: float = 3600) -> None:
    """Drop the rows of workers that were killed."""
    await conn.execute("DELETE FROM workers WHERE seen_at < now() - $1::interval", timedelta(seconds=silent_s))
