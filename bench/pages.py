"""How long the console's pages take for an account with 100,000 tasks.

    python -m bench.pages [--tasks 100000]

Starts a PostgreSQL and the application of its own, and fills one account with tasks of several models and keys, their
ledger and their deliveries. Then it reads every page as a member and administrator, several times over HTTP.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from dataclasses import dataclass

import httpx2
from rich.console import Console
from rich.table import Table
from tests.conftest import Person, free_port, served
from tests.console.people import Browser
from tests.test_tasks import accept, output_of

from bench.stand import Stand, percentile, pool_of, stand
from seedbed import accounts, db, ledger, tasks, teams
from seedbed.settings import load

READS = 15
LIMIT_MS = 100
EMAIL = "many@example.org"
PRICE = 40
KEYS = 5
MODELS = ("seedance-2.0", "seedance-2.0-fast", "seedance-1.5-pro", "seedance2")

PAGES = {
    "create": "/",
    "create, a task watched": "/?task={middle}",
    "price": "/price?model=seedance-2.0&duration=5&resolution=720p",
    "library": "/library",
    "library, in the middle": "/library?after={middle}",
    "library, its beginning": "/library?after={early}",
    "library, a frequent state": "/library?state=succeeded",
    "library, a state of none": "/library?state=cancelled",
    "library, a model": "/library?model=seedance-2.0-fast",
    "library, a model of none": "/library?model=veo",
    "library, a key": "/library?key={key}",
    "library, a key of one early task": "/library?key={rare_key}",
    "library, an early day": "/library?until={day}",
    "library, days in the middle": "/library?since={day}&until={day}",
    "library, a frequent word": "/library?text=river",
    "library, a word of none": "/library?text=zeppelin",
    "library, all filters": "/library?text=zeppelin&state=succeeded&model=seedance-2.0&key={key}&since={day}",
    "task": "/tasks/{middle}",
    "usage, 7 days": "/usage?days=7",
    "usage, 30 days": "/usage",
    "usage, 90 days": "/usage?days=90",
    "ledger, in the middle": "/usage?before={line}",
    "ledger, its beginning": "/usage?before=300",
    "ledger.csv, its first bytes": "/usage/ledger.csv",
    "webhooks": "/webhooks",
    "webhooks, early ones": "/webhooks?before=300",
    "delivery": "/webhooks/{delivery}",
    "keys": "/keys",
    "team": "/team",
    "pricing": "/pricing",
    "account": "/account",
    "administration": "/admin",
    "accounts": "/admin/accounts",
    "accounts, sought": "/admin/accounts?q=many",
    "accounts, sought in vain": "/admin/accounts?q=zeppelin",
    "an account": "/admin/accounts/{account}",
    "catalogue": "/admin/catalogue",
    "check-up": "/admin/checkup",
    "audit log": "/admin/audit",
}

ENTRIES = """
    WITH made AS (
        INSERT INTO ledger_transactions (kind, account_id, task_id)
        SELECT $2::ledger_kind, $1, id FROM tasks WHERE id LIKE 'req!_n%' ESCAPE '!' ORDER BY seq RETURNING id
    ), taken AS (INSERT INTO ledger_entries SELECT id, $3::ledger_book, $1, -$5::bigint FROM made)
    INSERT INTO ledger_entries
    SELECT id, $4::ledger_book, CASE WHEN $4::ledger_book = 'held' THEN $1::bigint END, $5 FROM made
"""


@dataclass(frozen=True)
class Spent:
    """Milliseconds of one page, over all of its reads."""

    page: str
    times: list[float]

    @property
    def late(self) -> bool:
        return statistics.median(self.times) > LIMIT_MS

    @property
    def row(self) -> tuple[str, ...]:
        told = (min(self.times), statistics.median(self.times), percentile(self.times, 0.95))
        return (self.page, *(f"{each:.1f}" for each in told), "over the limit" if self.late else "")


async def fill(conn: db.Connection, account_id: int, count: int) -> dict[str, object]:
    """Many tasks like one, 20 seconds apart, with credits and deliveries. Returns what is in PAGES' addresses."""
    await ledger.grant(conn, account_id, PRICE * (count + 1), "bench")
    keys = [(await accounts.create_key(conn, account_id, "open", name=f"key {n}"))[0] for n in range(KEYS)]
    rare_key, _ = await accounts.create_key(conn, account_id, "open", name="rare")
    async with conn.transaction():
        first = await accept(conn, Person(account_id, rare_key, ""), prompt="A river " + "in autumn " * 20)
        await tasks.start(conn, first.id, attempts_max=3)
        await tasks.succeed(conn, first.id, 1, output_of(first.id))
        await teams.invite(conn, account_id, "somebody@example.org")
    age = f"make_interval(secs => 20 * ({count} - n))"
    changed = {
        "id": "'req_n' || n",
        "dialect": "(ARRAY['open', 'studio', 'ark', 'console'])[n % 4 + 1]",
        "model": f"(ARRAY{list(MODELS)})[n % {len(MODELS)} + 1]",
        "key_id": f"CASE WHEN n % 4 = 3 THEN NULL ELSE {keys[0]} + n % {KEYS} END",
        "created_at": f"now() - {age} - interval '15 s'",
        "finished_at": f"now() - {age}",
    }
    found = await conn.fetch(
        "SELECT quote_ident(column_name) FROM information_schema.columns "
        "WHERE table_name = 'tasks' AND column_name <> 'seq'"
    )
    columns = [row[0] for row in found]
    await conn.execute(
        f"INSERT INTO tasks ({', '.join(columns)}) SELECT {', '.join(changed.get(name, name) for name in columns)} "
        f"FROM tasks, generate_series(1, {count}) n WHERE id = $1 ORDER BY n",
        first.id,
    )
    await conn.execute(
        "INSERT INTO task_events (task_id, status, attempt) SELECT id, e.status::task_status, e.attempt FROM tasks, "
        "(VALUES ('queued', 0), ('processing', 1), ('succeeded', 1)) e (status, attempt) WHERE id LIKE 'req!_n%' "
        "ESCAPE '!'"
    )
    await conn.execute(ENTRIES, account_id, "hold", "available", "held", PRICE)
    await conn.execute(ENTRIES, account_id, "capture", "held", "revenue", PRICE)
    await conn.execute("UPDATE accounts SET available_credits = 0 WHERE id = $1", account_id)
    await conn.execute(
        "INSERT INTO deliveries (id, account_id, key_id, task_id, event, url, body, state) "
        "SELECT 'msg_' || substr(id, 5), account_id, key_id, id, 'succeeded', 'https://example.com/', '{}', "
        "'delivered' FROM tasks ORDER BY seq"
    )
    await conn.execute(
        "INSERT INTO delivery_tries (delivery_id, try, duration_s, status, answer) "
        "SELECT id, 1, 0.1, 200, '' FROM deliveries"
    )
    await conn.execute(
        "INSERT INTO accounts (email) SELECT 'person' || n || '@example.org' FROM generate_series(1, $1::int) n",
        count // 10,
    )
    await conn.execute("VACUUM ANALYZE")
    assert await ledger.audit(conn) == []
    return {
        "middle": f"req_n{count // 2}", "early": "req_n10", "delivery": f"msg_n{count // 2}", "account": account_id,
        "key": keys[1], "rare_key": rare_key,
        "line": await conn.fetchval("SELECT max(id) / 2 FROM ledger_transactions"),
        "day": await conn.fetchval("SELECT min(created_at)::date + 9 FROM tasks"),
    }  # fmt: skip


async def read(http: httpx2.AsyncClient, path: str) -> float:
    """Milliseconds to the end of a page, or to the first bytes of a file."""
    began = time.perf_counter()
    async with http.stream("GET", path) as answer:
        assert answer.status_code == 200, (path, answer.status_code)
        if path.endswith(".csv"):
            await anext(answer.aiter_bytes())
        else:
            await answer.aread()
        return (time.perf_counter() - began) * 1000


async def _measure(here: Stand, count: int) -> list[Spent]:
    settings = load(data_dir=here.folder, database_url=here.dsn, port=free_port(), log_level="error")
    async with served(settings) as url, httpx2.AsyncClient(base_url=url, timeout=60) as http, pool_of(here.dsn) as pool:
        await Browser(http).sign_up(EMAIL)
        async with db.connection(pool) as conn:
            await conn.execute("SET statement_timeout = 0")
            account_id = await accounts.find(conn, EMAIL)
            await accounts.set_admin(conn, account_id, admin=True)
            places = await fill(conn, account_id, count)
        found = []
        for name, pattern in PAGES.items():
            path = pattern.format(**places)
            await read(http, path)
            found.append(Spent(name, [await read(http, path) for _ in range(READS)]))
        return found


def measure(here: Stand, count: int = 100_000) -> list[Spent]:
    """The times of every page, where one account has `count` tasks."""
    return asyncio.run(_measure(here, count))


def table_of(found: list[Spent]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("page")
    for name in ("min, ms", "median", "p95"):
        table.add_column(name, justify="right")
    table.add_column(f"≤ {LIMIT_MS} ms")
    for each in found:
        table.add_row(*each.row, style="red" if each.late else None)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    count = parser.parse_args().tasks
    with stand() as here:
        Console(highlight=False).print(table_of(measure(here, count)))


if __name__ == "__main__":
    main()
