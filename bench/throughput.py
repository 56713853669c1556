"""Queue throughput with a no-op engine (goal: 500 tasks/s), and accept-to-start latency when idle (p50 ≤ 20 ms).

`Refuse` shows the queue and the core: claim, start, engine, end with its refund. `Noop` goes the whole way:
a real file is proved, stored and published too. The floor is PgQueuer alone: as many empty jobs claimed and
finished on the same database.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path

import httpx2

from bench.stand import PYTHON, Stand, percentile, pool_of, process, run, wait_until
from seedbed import catalogue, db, queue, tasks
from seedbed.accounts import Caller
from seedbed.tasks import TaskRequest

PORT = 8914
TASKS, PROBES = 3000, 200
WORKERS, CONCURRENCY = 2, 8


def _clip(folder: Path) -> Path:
    from tests.engines_for_tests import _clip as make

    return make(854, 480, 4, True, str(folder))


def _worker(stand: Stand, engine: str) -> tuple[list[str], dict[str, str]]:
    environment = stand.environment | {
        "SEEDBED_ENGINES": f"previz=bench.engine:{engine}",
        "BENCH_CLIP": str(_clip(stand.folder)),
    }
    return [PYTHON, "-m", "seedbed", "worker", "--concurrency", str(CONCURRENCY)], environment


async def _fill(stand: Stand, count: int) -> None:
    """Queue `count` tasks."""
    model = catalogue.load().by_id["seedance-2.0"]
    caller = Caller(1, stand.account_id, "open", None, None)
    async with pool_of(stand.dsn) as pool:
        for _ in range(count // 100):
            async with db.transaction(pool) as conn:
                for _ in range(100):
                    request = TaskRequest(
                        id_prefix="req_",
                        dialect="open",
                        model=model,
                        mode="text_to_video",
                        prompt="bench",
                        aspect_ratio="16:9",
                        resolution="480p",
                        duration_s=4,
                        trace_id="bench",
                    )
                    await tasks.create(conn, caller, request, queued_max=10**9)


async def _ended(pool: db.Pool) -> tuple[int, float]:
    """Tasks ended, and the seconds between the first start and the last end."""
    async with db.connection(pool) as conn:
        row = await conn.fetchrow(
            "SELECT count(*), coalesce(extract(epoch FROM max(finished_at) - min(started_at)), 0)::float8 "
            "FROM tasks WHERE finished_at IS NOT NULL AND prompt = 'bench'"
        )
        assert row is not None
        return row[0], row[1]


def measure(stand: Stand, engine: str) -> dict[str, float]:
    asyncio.run(_fill(stand, TASKS))
    command, environment = _worker(stand, engine)
    seconds = 0.0

    async def wait() -> None:
        nonlocal seconds
        async with pool_of(stand.dsn) as pool:
            done = 0
            while done < TASKS:
                await asyncio.sleep(0.2)
                done, seconds = await _ended(pool)

    with process(command, environment), process(command, environment):
        run(wait)
        found = {"tasks_per_s": TASKS / seconds}
    floor = asyncio.run(_floor(stand))
    return found | {"pgqueuer_alone_per_s": floor, "ratio": found["tasks_per_s"] / floor}


async def _floor(stand: Stand) -> float:
    """PgQueuer alone on one connection: jobs claimed in batches of CONCURRENCY and finished one by one."""
    from uuid import uuid4

    worker = uuid4()
    async with pool_of(stand.dsn) as pool, db.connection(pool) as conn:
        async with conn.transaction():
            for number in range(TASKS):
                await queue.enqueue(conn, "bench", str(number))
        began = time.perf_counter()
        while jobs := await queue.claim(conn, worker, ["bench"], at_most=CONCURRENCY, lease_s=30):
            for job in jobs:
                await queue.done(conn, worker, job)
        return TASKS / (time.perf_counter() - began)


def latency(stand: Stand) -> dict[str, float]:
    """Milliseconds from the acceptance of a task to its start in an idle worker, by the database's clock."""
    command, environment = _worker(stand, "Noop")
    serve = [PYTHON, "-m", "seedbed", "serve", "--no-worker", "--port", str(PORT)]
    body = {"model": "seedance-2.0", "prompt": "latency", "duration": 4, "resolution": "480p"}
    url = f"http://127.0.0.1:{PORT}"
    with process(serve, stand.environment), process(command, environment):
        wait_until(f"{url}/readyz")
        with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {stand.key}"}) as client:
            for _ in range(PROBES):
                client.post("/api/open/v1/video/generations", json=body).raise_for_status()
                time.sleep(0.05)
        times = asyncio.run(_waits(stand))
    return {
        "start_ms_p50": statistics.median(times),
        "start_ms_p99": percentile(times, 0.99),
    }


async def _waits(stand: Stand) -> list[float]:
    async with pool_of(stand.dsn) as pool, db.connection(pool) as conn:
        rows = await conn.fetch(
            """
            SELECT extract(epoch FROM p.at - q.at)::float8 * 1000
            FROM tasks t JOIN task_events q ON q.task_id = t.id AND q.status = 'queued'
            JOIN task_events p ON p.task_id = t.id AND p.status = 'processing'
            WHERE t.prompt = 'latency' ORDER BY t.seq OFFSET 10
            """
        )
        return [row[0] for row in rows]
