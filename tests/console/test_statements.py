"""No page asks the database once for each of its rows: 30 of everything cost as many statements as 3."""

from __future__ import annotations

import re
from typing import Any

import asyncpg
import pytest

from seedbed import accounts, billing, db, ledger, prices, signin, tasks, teams, webhooks
from seedbed.webhooks import Outcome
from tests.conftest import Person
from tests.console.cast import ROUTES, Owner, endow, enter, filled
from tests.console.people import Browser
from tests.test_tasks import accept, output_of

QUERIES = (
    "/library?text=zeppelin", "/library?state=succeeded", "/?task={id}", "/?from={id}", "/usage?days=90",
    "/usage?before=999999", "/webhooks?before=999999", "/admin/accounts?q=person", "/admin/checkup?ledger=prove",
)  # fmt: skip

LEARNING = re.compile(r"pg_type|set_config")
"""What the driver asks when a connection meets a type for the first time."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that this process sends, as they go through the driver."""
    statements: list[str] = []
    prepared, plain = asyncpg.Connection._do_execute, asyncpg.Connection.execute

    async def note_prepared(self: Any, query: str, *args: Any, **more: Any) -> Any:
        statements.append(query)
        return await prepared(self, query, *args, **more)

    async def note_plain(self: Any, query: str, *args: Any, **more: Any) -> Any:
        if not args:  # else it goes on as a prepared one
            statements.append(query)
        return await plain(self, query, *args, **more)

    monkeypatch.setattr(asyncpg.Connection, "_do_execute", note_prepared)
    monkeypatch.setattr(asyncpg.Connection, "execute", note_plain)
    return statements


async def enrich(conn: db.Connection, owner: Owner, rounds: range) -> None:
    """For each round one more of everything that pages show in rows."""
    team = await teams.of(conn, owner.account_id)
    assert team
    one = owner.places["id"]
    delivery = await webhooks.get_test(conn, owner.places["delivery_id"])
    for number in rounds:
        key_id, _ = await accounts.create_key(conn, owner.account_id, "open", name=f"key {number}")
        await ledger.grant(conn, owner.account_id, 100)
        made = await accept(conn, Person(owner.account_id, key_id, ""), webhook_url="https://example.org/hook")
        await tasks.start(conn, made.id, attempts_max=3)
        await tasks.succeed(conn, made.id, 1, output_of(made.id))
        failed = await accept(conn, Person(owner.account_id, key_id, ""))
        await tasks.start(conn, failed.id, attempts_max=3)
        await tasks.fail(conn, failed.id, tasks.TaskFailure("render_failed", "no"))
        await webhooks.open_test(conn, owner.account_id, key_id, "https://example.org/hook")
        await webhooks.record(conn, delivery, Outcome(duration_s=0.1, status=500))
        await teams.invite(conn, owner.account_id, f"invited{number}@example.org")
        member_id = await accounts.create(conn, f"person{number}@example.org")
        await conn.execute(
            "INSERT INTO team_members (account_id, team_id, role) VALUES ($1, $2, 'member')", member_id, team.team_id
        )
        await teams.give(conn, owner.account_id, member_id, 1)
        await signin.open_session(conn, owner.account_id, address="127.0.0.1", agent="another")
        order = await billing.open_order(conn, owner.account_id, prices.load().pack[0], "usd")
        await conn.execute(
            "INSERT INTO payments (id, order_id, account_id, credits, amount, currency) "
            "SELECT $2, id, account_id, credits, amount, currency FROM orders WHERE id = $1",
            order.id,
            f"pi_{number}",
        )
        await conn.execute(
            "INSERT INTO webhooks_off (account_id, url, reason) VALUES ($1, $2, 'gone')",
            owner.account_id,
            f"https://example.org/{number}",
        )
        await conn.execute("INSERT INTO task_events (task_id, status, attempt) VALUES ($1, 'queued', 0)", one)
        await conn.execute(
            "INSERT INTO deliveries (id, account_id, task_id, event, url, body) "
            "SELECT $2, account_id, id, (enum_range(NULL::task_status))[$3], 'https://example.org/', '' FROM tasks "
            "WHERE id = $1 ON CONFLICT DO NOTHING",
            one,
            f"msg_more{number}",
            number % 5 + 1,
        )
        await conn.execute(
            "INSERT INTO workers (id, host, pid, engines, concurrency, running) "
            "VALUES (gen_random_uuid(), 'host', $1, '{previz}', 1, ARRAY[$2])",
            number,
            made.id,
        )


async def test_more_rows_cost_no_more_statements(browser: Browser, pool: db.Pool, asked: list[str]) -> None:
    owner = await endow(await enter(browser, pool, "alice@example.org"), pool)
    pages = [path for method, path in ROUTES if method == "GET" and not path.endswith("/events")]
    pages = [path for path in pages if not path.startswith("/sign-in/")]  # nobody signs people in elsewhere here
    pages = [filled(path, owner.places) for path in [*pages, *QUERIES]]

    async def counted() -> tuple[dict[str, int], int]:
        found, length = {}, 0
        for path in pages:
            asked.clear()
            answer = await browser.http.get(path)
            assert answer.status_code in (200, 303, 400), (path, answer.status_code)
            found[path] = len([query for query in asked if not LEARNING.search(query)])
            length += len(answer.content)
        return found, length

    async with db.transaction(pool) as conn:
        await accounts.set_admin(conn, owner.account_id, admin=True)
        await enrich(conn, owner, range(3))
    few, short = await counted()
    async with db.transaction(pool) as conn:
        await enrich(conn, owner, range(3, 30))
    many, long = await counted()
    assert many == few
    assert long > short + 100_000, "there was more to show"
    assert max(number for path, number in few.items() if "ledger=" not in path) <= 20, few
