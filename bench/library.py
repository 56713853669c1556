"""How long the console's pages take for an account with 100,000 tasks.

    python -m bench.library [--tasks 100000]

Starts a PostgreSQL and the application of its own, fills an account, and reads each page several times over HTTP.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import httpx2
from tests.conftest import free_port, served
from tests.console.people import Browser

from seedbed import accounts, db, ledger, tasks
from seedbed.accounts import Caller
from seedbed.catalogue import load
from seedbed.embedded import connect_or_start
from seedbed.settings import load as load_settings
from seedbed.tasks import TaskRequest

READS = 15
LIMIT_MS = 100
EMAIL = "many@example.org"

PAGES = {
    "library": "/library",
    "older": "/library?after={middle}",
    "rare state": "/library?state=failed",
    "rare model": "/library?model=seedance-1.5-pro",
    "early day": "/library?until={day}",
    "frequent word": "/library?text=river",
    "rare word": "/library?text=zeppelin",
    "create": "/",
    "task": "/tasks/{middle}",
}
"""What is read: the first page, one in the middle, and what has to pass over nearly all tasks."""


async def fill(pool: db.Pool, account_id: int, count: int) -> dict[str, str]:
    """Many tasks like one. Returns what stands in the addresses of PAGES."""
    model = load().model[0]
    caller = Caller(None, account_id, None, None, None)
    wanted = TaskRequest(
        id_prefix="req_", dialect="open", model=model, mode="text_to_video", prompt="A river " + "in autumn " * 20,
        aspect_ratio="16:9", resolution="480p", duration_s=4, trace_id="bench",
    )  # fmt: skip
    async with db.transaction(pool) as conn:
        await ledger.grant(conn, account_id, 10**6, "bench")
        first = (await tasks.create(conn, caller, wanted, queued_max=10)).id
        await tasks.cancel(conn, await tasks.get(conn, first))
    async with db.connection(pool) as conn:
        changed = ("seq", "id", "dialect", "created_at")
        columns = ", ".join(
            row[0]
            for row in await conn.fetch(
                "SELECT quote_ident(column_name) FROM information_schema.columns"
                " WHERE table_name = 'tasks' AND column_name <> ALL ($1)",
                list(changed),
            )
        )
        await conn.execute(
            f"""
            INSERT INTO tasks (id, dialect, created_at, {columns})
            SELECT 'req_' || n, (ARRAY['open', 'studio', 'ark', 'console'])[n % 4 + 1],
                   now() - make_interval(secs => 3600 * ({count} - n)), {columns}
            FROM tasks, generate_series(1, {count}) n WHERE id = $1 ORDER BY n
            """,
            first,
        )
        await conn.execute("VACUUM ANALYZE tasks")
        day = await conn.fetchval("SELECT min(created_at)::date + 3 FROM tasks")
    return {"middle": f"req_{count // 2}", "day": str(day)}


async def measure(dsn: str, count: int) -> dict[str, float]:
    """Median milliseconds of each page."""
    await db.migrate(dsn)
    pool = await db.open_pool(dsn, size=4, name="bench")
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(data_dir=Path(folder), database_url=dsn, port=free_port())
        async with served(settings) as url, httpx2.AsyncClient(base_url=url, timeout=60) as http:
            await Browser(http).sign_up(EMAIL)
            async with db.connection(pool) as conn:
                account_id = await accounts.find(conn, EMAIL)
            places = await fill(pool, account_id, count)
            found = {}
            for name, path in PAGES.items():
                spent = []
                for _ in range(READS):
                    began = time.perf_counter()
                    answer = await http.get(path.format(**places))
                    spent.append((time.perf_counter() - began) * 1000)
                    assert answer.status_code == 200, (name, answer.status_code)
                found[name] = statistics.median(spent)
    await pool.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    count = parser.parse_args().tasks
    with tempfile.TemporaryDirectory() as folder, connect_or_start(Path(folder) / "postgres") as dsn:
        found = asyncio.run(measure(dsn, count))
    for name, spent in found.items():
        print(f"{name:15} {spent:7.1f} ms{'' if spent <= LIMIT_MS else '  over the limit'}")


if __name__ == "__main__":
    main()
