"""How long the console's pages take for an account with 100,000 tasks.

    python -m bench.pages [--tasks 100000]

Starts a PostgreSQL and the application of its own, fills an account, and reads each page several times over HTTP. The
check-up proves the whole ledger, and the file has all of it: they have no limit.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import httpx2
from tests.conftest import Person, free_port, served
from tests.console.people import Browser
from tests.test_tasks import accept, output_of

from seedbed import accounts, db, ledger, tasks
from seedbed.embedded import connect_or_start
from seedbed.settings import load

READS = 15
LIMIT_MS = 100
EMAIL = "many@example.org"
PRICE = 40

PAGES = {
    "library": "/library",
    "library, in the middle": "/library?after={task}",
    "library, rare state": "/library?state=failed",
    "library, rare model": "/library?model=seedance-1.5-pro",
    "library, early day": "/library?until={day}",
    "library, frequent word": "/library?text=river",
    "library, rare word": "/library?text=zeppelin",
    "create": "/",
    "task": "/tasks/{task}",
    "usage, 7 days": "/usage?days=7",
    "usage, 30 days": "/usage",
    "usage, 90 days": "/usage?days=90",
    "ledger, in the middle": "/usage?before={entry}",
    "ledger, its beginning": "/usage?before=300",
    "webhooks": "/webhooks",
    "webhooks, early ones": "/webhooks?before=300",
    "team": "/team",
    "administration": "/admin",
    "accounts": "/admin/accounts",
}
"""What is read: first pages, some in the middle, and what has to pass over nearly all tasks."""
UNLIMITED = {"check-up": "/admin/checkup", "ledger.csv": "/usage/ledger.csv"}

ENTRIES = """
    WITH made AS (
        INSERT INTO ledger_transactions (kind, account_id, task_id)
        SELECT $2::ledger_kind, $1, id FROM tasks WHERE id LIKE 'req!_n%' ESCAPE '!' RETURNING id
    ), taken AS (INSERT INTO ledger_entries SELECT id, $3::ledger_book, $1, -$5::bigint FROM made)
    INSERT INTO ledger_entries
    SELECT id, $4::ledger_book, CASE WHEN $4::ledger_book = 'held' THEN $1::bigint END, $5 FROM made
"""


async def fill(conn: db.Connection, account_id: int, count: int) -> dict[str, str]:
    """Many finished tasks like one, 20 seconds apart, with their credits and deliveries.

    Returns what stands in the addresses of PAGES.
    """
    await ledger.grant(conn, account_id, PRICE * (count + 1), "bench")
    key_id, _ = await accounts.create_key(conn, account_id, "open", name="bench")
    async with conn.transaction():
        first = await accept(conn, Person(account_id, key_id, ""), prompt="A river " + "in autumn " * 20)
        await tasks.start(conn, first.id, attempts_max=3)
        await tasks.succeed(conn, first.id, 1, output_of(first.id))
    at = f"now() - make_interval(secs => 20 * ({count} - n))"
    changed = {
        "id": "'req_n' || n",
        "dialect": "(ARRAY['open', 'studio', 'ark', 'console'])[n % 4 + 1]",
        "created_at": at,
        "finished_at": at,
    }
    rows = await conn.fetch(
        "SELECT quote_ident(column_name) FROM information_schema.columns "
        "WHERE table_name = 'tasks' AND column_name <> 'seq'"
    )
    columns = [row[0] for row in rows]
    await conn.execute(
        f"INSERT INTO tasks ({', '.join(columns)}) SELECT {', '.join(changed.get(name, name) for name in columns)} "
        f"FROM tasks, generate_series(1, {count}) n WHERE id = $1 ORDER BY n",
        first.id,
    )
    await conn.execute(ENTRIES, account_id, "hold", "available", "held", PRICE)
    await conn.execute(ENTRIES, account_id, "capture", "held", "revenue", PRICE)
    await conn.execute("UPDATE accounts SET available_credits = 0 WHERE id = $1", account_id)
    await conn.execute(
        "INSERT INTO deliveries (id, account_id, key_id, task_id, event, url, body, state) "
        "SELECT 'msg_' || id, account_id, key_id, id, 'succeeded', 'https://example.com/', '{}', 'delivered' FROM tasks"
    )
    await conn.execute("VACUUM ANALYZE")
    assert await ledger.audit(conn) == []
    return {
        "task": f"req_n{count // 2}",
        "day": str(await conn.fetchval("SELECT min(created_at)::date + 3 FROM tasks")),
        "entry": str(await conn.fetchval("SELECT max(id) / 2 FROM ledger_transactions")),
    }


async def measure(dsn: str, count: int) -> dict[str, float]:
    """Median milliseconds of each page."""
    await db.migrate(dsn)
    pool = await db.open_pool(dsn, size=4, name="bench", answer_s=600)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        settings = load(data_dir=Path(folder), database_url=dsn, port=free_port())
        async with served(settings) as url, httpx2.AsyncClient(base_url=url, timeout=60) as http:
            await Browser(http).sign_up(EMAIL)
            async with db.connection(pool) as conn:
                account_id = await accounts.find(conn, EMAIL)
                await accounts.set_admin(conn, account_id, admin=True)
                places = await fill(conn, account_id, count)
            for name, path in (PAGES | UNLIMITED).items():
                spent = []
                for _ in range(READS if name in PAGES else 1):
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
        late = name in PAGES and spent > LIMIT_MS
        print(f"{name:24} {spent:8.1f} ms{'  over the limit' if late else ''}")


if __name__ == "__main__":
    main()
