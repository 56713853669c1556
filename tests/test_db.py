"""The database: transactions, migrations, and what its absence looks like."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest
from alembic import command
from alembic.config import Config

from seedbed import db, ledger, tasks, webhooks
from seedbed.errors import ConfigError
from tests.conftest import database, other_database


@pytest.fixture
async def empty(server: str) -> AsyncIterator[str]:
    """A database with nothing in it."""
    async with database(server, "template0") as dsn:
        yield dsn


async def count(conn: db.Connection) -> int:
    found: int = await conn.fetchval("SELECT count(*) FROM server_secrets")
    return found


INSERT = "INSERT INTO server_secrets VALUES ($1, '')"


# Transactions --------------------------------------------------------------------------------------------------------


async def test_a_transaction_is_all_or_nothing(pool: db.Pool, conn: db.Connection) -> None:
    async def insert(*names: str) -> None:
        async with db.transaction(pool) as inside:
            for name in names:
                await inside.execute(INSERT, name)
            assert await count(conn) == 0, "nothing is seen before the commit"

    with pytest.raises(asyncpg.UniqueViolationError):
        await insert("a", "b", "a")
    assert await count(conn) == 0
    await insert("a", "b")
    assert await count(conn) == 2


async def test_outside_a_transaction_each_statement_commits(pool: db.Pool, conn: db.Connection) -> None:
    async with db.connection(pool) as single:
        await single.execute(INSERT, "a")
        assert await count(conn) == 1


async def test_a_cancelled_transaction_leaves_nothing_and_its_connection_works(dsn: str) -> None:
    pool = await db.open_pool(dsn, size=1)
    try:

        async def slow() -> None:
            async with db.transaction(pool) as conn:
                await conn.execute(INSERT, "a")
                await conn.execute("SELECT pg_sleep(3600)")

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(slow(), 0.3)
        async with db.connection(pool) as conn:
            assert await count(conn) == 0
    finally:
        pool.terminate()


async def test_sessions_are_set_up(dsn: str) -> None:
    pool = await db.open_pool(dsn, size=1, name="who this is")
    try:
        async with db.connection(pool) as conn:
            assert await conn.fetchval("SHOW timezone") == "UTC"
            assert await conn.fetchval("SHOW application_name") == "who this is"
    finally:
        pool.terminate()


async def test_who_falls_silent_in_a_transaction_loses_it(dsn: str, conn: db.Connection) -> None:
    """A frozen process must not hold its locks."""
    pool = await db.open_pool(dsn, size=1, silent_s=1)

    async def freeze() -> None:
        async with db.transaction(pool) as frozen:
            await frozen.execute(INSERT, "a")
            await asyncio.wait_for(conn.execute(INSERT, "a"), 60)
            await frozen.execute("SELECT 1")

    try:
        with pytest.raises(db.UNAVAILABLE):
            await freeze()
        assert await count(conn) == 1
        async with db.connection(pool) as again:
            assert await count(again) == 1, "the pool has a new connection"
    finally:
        pool.terminate()


# Away ----------------------------------------------------------------------------------------------------------------


async def test_who_waits_for_a_connection_is_served_in_turn(dsn: str) -> None:
    """One that comes back at once, again and again, goes to the end of the row each time."""
    pool, served = await db.open_pool(dsn, size=2), []

    async def greedy() -> None:
        for _ in range(200):
            async with db.connection(pool):
                served.append("greedy")
                await asyncio.sleep(0)

    async def patient(number: int) -> None:
        async with db.connection(pool) as conn:
            served.append(str(number))
            await conn.fetchval("SELECT 1")

    async with asyncio.timeout(60):
        hogs = [asyncio.create_task(greedy()) for _ in range(4)]
        await asyncio.sleep(0.1)
        await asyncio.gather(*(patient(number) for number in range(20)))
        await asyncio.gather(*hogs)
    await pool.close()
    numbers = [name for name in served if name != "greedy"]
    assert numbers == [str(number) for number in range(20)]
    first, last = served.index("0"), served.index("19")
    assert served[first:last].count("greedy") <= 4, "each is overtaken once by those who came before it"


async def test_a_turn_is_given_back_whatever_happens(dsn: str) -> None:
    pool = await db.open_pool(dsn, size=1)
    with pytest.raises(ZeroDivisionError):
        async with db.transaction(pool):
            raise ZeroDivisionError
    async with db.connection(pool):
        with pytest.raises(TimeoutError):
            async with db.connection(pool, 0.05):
                pass
        late = asyncio.create_task(_ask(pool))
        await asyncio.sleep(0.05)
        late.cancel()
    assert await asyncio.wait_for(_ask(pool), 10) == 1
    await pool.close()


async def _ask(pool: db.Pool) -> int:
    async with db.connection(pool) as conn:
        return int(await conn.fetchval("SELECT 1"))


async def test_a_cut_connection_is_told_as_unavailable_and_replaced(pool: db.Pool, conn: db.Connection) -> None:
    async def cut() -> None:
        async with db.connection(pool) as other:
            await conn.execute("SELECT pg_terminate_backend($1)", other.get_server_pid())
            await other.execute("SELECT pg_sleep(60)")

    with pytest.raises(db.UNAVAILABLE):
        await cut()
    async with db.transaction(pool) as other:
        assert await count(other) == 0


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "postgresql://seedbed@127.0.0.1:1/seedbed",
        "postgresql://seedbed@/seedbed?host=/nowhere",
        "postgresql://seedbed@nowhere.invalid/seedbed",
    ],
)
async def test_an_address_that_leads_nowhere_is_explained(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^SEEDBED_DATABASE_URL: the database cannot be used: \S"), db.explained():
        await db.migrate(url)


async def test_a_database_or_user_that_is_not_there_is_explained(server: str) -> None:
    for url in (other_database(server, "nothing"), server.replace("//seedbed@", "//nobody@")):
        with pytest.raises(ConfigError, match="does not exist"), db.explained():
            await db.migrate(url)


def test_other_errors_are_left_alone() -> None:
    with pytest.raises(ZeroDivisionError), db.explained():
        raise ZeroDivisionError


# Migrations ----------------------------------------------------------------------------------------------------------


async def test_migrating_is_done_once_however_many_try(empty: str) -> None:
    conn = await asyncpg.connect(empty)
    try:
        assert await db.revision(conn) is None
        done = await asyncio.gather(*(db.migrate(empty) for _ in range(4)))
        assert sorted(done) == [False, False, False, True]
        assert await db.revision(conn) == db.head()
        assert await db.migrate(empty) is False
    finally:
        await conn.close()


async def test_what_an_earlier_version_left_is_kept(empty: str) -> None:
    """Tasks of revision 0002, in every state, come to the newest: plans in their words, attempts that may have left
    files behind, ledger lines, deliveries with their account."""
    await asyncio.to_thread(_upgrade_to, empty, "0002")
    conn = await asyncpg.connect(empty)
    await conn.execute("INSERT INTO accounts (email) VALUES ('a@example.com')")
    for status, attempt in (("queued", 0), ("processing", 2), ("succeeded", 2), ("failed", 1), ("cancelled", 0)):
        ended = status not in ("queued", "processing")
        await conn.execute(
            """
            INSERT INTO tasks (id, dialect, account_id, trace_id, status, attempt, turn, model, mode, prompt,
                               aspect_ratio, resolution, duration_s, seed, audio, fixed_lens, quality,
                               price_credits, plan, output_key, error_code, finished_at)
            VALUES ($1::text, 'open', 1, '', $1::text::task_status, $2, 0, 'm', 'text_to_video', 'p', '16:9', '720p',
                    5, 7, true, false, 'standard', 0, $3, $4, $5, $6)
            """,
            status,
            attempt,
            '{"setting": "forest"}' if status == "succeeded" else None,
            "outputs/x" if status == "succeeded" else None,
            "timeout" if status == "failed" else None,
            datetime.now(UTC) if ended else None,
        )
        for number in range(1, attempt + 1):
            await conn.execute(
                "INSERT INTO task_events (task_id, status, attempt) VALUES ($1, 'processing', $2)", status, number
            )
    await conn.execute("INSERT INTO api_keys (account_id, api, hint, secret_sha256) VALUES (1, 'open', 'h', 'x')")
    await conn.execute("UPDATE tasks SET key_id = 1 WHERE id = 'failed'")
    await conn.execute(
        "INSERT INTO deliveries (id, task_id, event, url, body) "
        "SELECT 'msg_' || id, id, status, 'https://example.com/', '{}' FROM tasks WHERE id IN ('failed', 'cancelled')"
    )
    for way in (("grant", None, "issued", "available"), ("hold", "queued", "available", "held")):
        await conn.execute(
            """
            WITH made AS (
                INSERT INTO ledger_transactions (kind, account_id, task_id) VALUES ($1, 1, $2) RETURNING id
            )
            INSERT INTO ledger_entries
            SELECT id, $3::ledger_book, CASE WHEN $3::ledger_book <> 'issued' THEN 1 END, -40 FROM made
            UNION ALL SELECT id, $4::ledger_book, 1, 40 FROM made
            """,
            *way,
        )
    await conn.execute("UPDATE accounts SET held_credits = 40")
    await db.migrate(empty)
    lines = await ledger.statement(conn, 1)
    assert [(line.kind, line.available, line.held, line.balance) for line in lines] == [
        ("hold", -40, 40, 0), ("grant", 40, 0, 40),
    ]  # fmt: skip
    sent = {each.task_id: each.state for each in await webhooks.sent(conn, 1)}
    assert sent == {"failed": "pending", "cancelled": "pending"}
    assert await conn.fetchval("SELECT key_id FROM deliveries WHERE task_id = 'failed'") == 1
    rows = await conn.fetch("SELECT task_id, attempt FROM open_attempts ORDER BY 1, 2")
    assert [tuple(row) for row in rows] == [("failed", 1), ("processing", 1), ("processing", 2), ("succeeded", 1)]
    for status in tasks.STATUSES:
        task = await tasks.get(conn, status)
        assert (task.last_frame, task.last_frame_key, task.width, task.channel) == (False, None, None, "standard")
        assert task.plan == ({"setting": "forest"} if status == "succeeded" else None)
    await conn.close()


def _upgrade_to(dsn: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "seedbed:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["dsn"] = dsn
    command.upgrade(config, revision)


async def test_a_failed_migration_leaves_nothing(empty: str) -> None:
    conn = await asyncpg.connect(empty)
    try:
        await conn.execute("CREATE TABLE deliveries (x int)")
        with pytest.raises(Exception, match="already exists"):
            await db.migrate(empty)
        assert [row[0] for row in await conn.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")] == [
            "deliveries"
        ]
        await conn.execute("DROP TABLE deliveries")
        assert await db.migrate(empty)
    finally:
        await conn.close()


async def test_a_newer_database_is_not_touched(dsn: str, conn: db.Connection) -> None:
    await conn.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigError, match="9999"):
        await db.migrate(dsn)
    assert await db.revision(conn) == "9999"
