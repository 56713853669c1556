"""The ledger: every rule can be broken and is then found, and neither concurrency nor kill -9 loses a credit."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from seedbed import accounts, db, ledger, tasks
from seedbed.errors import ApiError, InsufficientCredits, InvalidRequest, TaskFailure
from seedbed.ledger import Balance
from seedbed.tasks import Task
from tests.conftest import Person, at_once, make_person
from tests.test_tasks import accept, output_of, priced

ROOT = Path(__file__).parents[1]
REFUSED = TaskFailure("render_failed", "no")


# The database itself refuses --------------------------------------------------------------------------------------


@pytest.fixture
async def books(conn: db.Connection, alice: Person) -> dict[str, str]:
    """Tasks of alice's, by the state they are in. She has given credits away, too."""
    made = {}
    async with conn.transaction():
        friend = await make_person(conn, "friend", 0)
        await ledger.grant(conn, alice.account_id, 7)
        await ledger.transfer(conn, alice.account_id, friend.account_id, 7, "a present")
    for status in ("queued", "processing", "succeeded", "failed", "cancelled"):
        async with conn.transaction():
            task = await accept(conn, alice)
            made[status] = task.id
            if status in ("processing", "succeeded", "failed"):
                await tasks.start(conn, task.id, attempts_max=3)
            if status == "succeeded":
                await tasks.succeed(conn, task.id, 1, output_of(task.id))
            if status == "failed":
                await tasks.fail(conn, task.id, REFUSED)
            if status == "cancelled":
                await tasks.cancel(conn, task)
    assert await ledger.balance(conn, alice.account_id) == Balance(1000 - 3 * 40, 2 * 40)
    await pay_back(conn)
    assert await ledger.audit(conn) == []
    return made


async def pay_back(conn: db.Connection) -> None:
    """Payments of debra's, whose account has each kind of transaction that they bring, and owes 30 credits."""
    async with conn.transaction():
        person = await make_person(conn, "debra", 0)
        debra = person.account_id
        await conn.execute(
            "INSERT INTO orders (id, account_id, item, title, credits, amount, currency) "
            "VALUES ('ord_1', $1, 'pack', 'Pack', 100, 1000, 'usd')",
            debra,
        )
        for payment, back in (("cs_1", 100), ("cs_2", 90)):
            await conn.execute(
                "INSERT INTO payments (id, order_id, account_id, credits, amount, currency, reversed_credits) "
                "VALUES ($1, 'ord_1', $2, 100, 1000, 'usd', $3)",
                payment,
                debra,
                back,
            )
        assert await ledger.purchase(conn, debra, 100, payment_id="cs_1", note="Pack") == Balance(100, 0)
        assert await ledger.purchase(conn, debra, 100, payment_id="cs_2", note="Pack") == Balance(200, 0)
        task = await accept(conn, person, model=priced("10"))
        await tasks.start(conn, task.id, attempts_max=3)
        await tasks.succeed(conn, task.id, 1, output_of(task.id))
        assert await ledger.reverse(conn, debra, 100, payment_id="cs_1", note="Pack") == 0
        assert await ledger.reverse(conn, debra, 100, payment_id="cs_2", note="Pack") == 50
        assert await ledger.restore(conn, debra, 10, payment_id="cs_2", note="Pack") == Balance(0, 0)
        assert await ledger.grant(conn, debra, 10) == Balance(0, 0)
        assert await ledger.owed(conn, debra) == 30


async def test_the_ledger_is_append_only(conn: db.Connection, books: dict[str, str]) -> None:
    for table in ("ledger_transactions", "ledger_entries"):
        before = await conn.fetch(f"SELECT * FROM {table} ORDER BY 1, 2")
        for change in (
            "UPDATE {} SET account_id = account_id",
            "DELETE FROM {}",
            "DELETE FROM {} WHERE false",
            "TRUNCATE {} CASCADE",
        ):
            with pytest.raises(asyncpg.RaiseError, match="append-only"):
                await conn.execute(change.format(table))
        assert before
        assert await conn.fetch(f"SELECT * FROM {table} ORDER BY 1, 2") == before


async def test_the_database_refuses_what_no_rule_allows(conn: db.Connection, books: dict[str, str]) -> None:
    new_transaction = "INSERT INTO ledger_transactions (kind, account_id, task_id) SELECT {}, account_id, {} FROM tasks"
    for statement in (
        "UPDATE accounts SET available_credits = -1",
        "UPDATE accounts SET held_credits = -1",
        new_transaction.format("'hold'", "NULL"),
        new_transaction.format("'transfer'", "NULL"),
        "INSERT INTO ledger_transactions (kind, account_id, counter_account_id) "
        "SELECT 'transfer', id, id FROM accounts",
        "INSERT INTO ledger_transactions (kind, account_id, counter_account_id) "
        "SELECT 'grant', min(id), max(id) FROM accounts",
        new_transaction.format("'grant'", "id"),
        new_transaction.format("'capture'", "id") + " WHERE status = 'failed'",
        new_transaction.format("'release'", "id") + " WHERE status = 'succeeded'",
        new_transaction.format("'hold'", "id") + " WHERE status = 'queued'",
        "INSERT INTO ledger_entries SELECT max(id), 'revenue', max(account_id), 1 FROM ledger_transactions",
        "INSERT INTO ledger_entries SELECT max(id), 'held', NULL, 1 FROM ledger_transactions",
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await conn.execute(statement)
    assert await ledger.audit(conn) == []


BREAKS: dict[str, list[str]] = {
    "entries of a transaction sum to zero": [
        "UPDATE ledger_entries SET credits = credits - 1 WHERE book = 'issued'",
        "UPDATE ledger_entries SET credits = credits + 1 WHERE book = 'revenue'",
    ],
    "every transaction has two entries": [
        "INSERT INTO ledger_transactions (kind, account_id) SELECT 'grant', id FROM accounts",
        "INSERT INTO ledger_entries SELECT max(id), 'issued', NULL, 0 FROM ledger_transactions",
    ],
    "each kind moves credits between books of its own": [
        "UPDATE ledger_transactions SET kind = 'grant', task_id = NULL WHERE kind = 'hold'",
        "UPDATE ledger_transactions SET kind = 'capture' WHERE kind = 'release'",
        "UPDATE ledger_entries SET book = 'revenue' WHERE book = 'issued'",
        "UPDATE ledger_entries e SET credits = -credits FROM ledger_transactions t "
        "WHERE t.id = e.transaction_id AND t.kind = 'capture'",
    ],
    "entries are in the books of their transaction's account": [
        "WITH b AS (INSERT INTO accounts (email) VALUES ('b@example.com') RETURNING id) "
        f"UPDATE ledger_entries e SET account_id = b.id FROM b, ledger_transactions t "
        f"WHERE t.id = e.transaction_id AND t.kind = '{kind}' AND e.account_id IS NOT NULL"
        for kind in ("grant", "hold", "capture", "release", "purchase", "reversal", "debt", "restoration", "settlement")
    ],
    "debts equal the sums of their entries": [
        "UPDATE accounts SET owed_credits = owed_credits + 1 WHERE owed_credits > 0",
        "UPDATE accounts SET owed_credits = 5 WHERE owed_credits = 0",
        "UPDATE ledger_entries SET credits = credits - 1 WHERE book = 'owed' AND credits < 0",
    ],
    "an account that owes has nothing to spend": [
        "UPDATE accounts SET available_credits = 1 WHERE owed_credits > 0",
        "UPDATE accounts SET owed_credits = 1 WHERE available_credits > 0",
    ],
    "what a payment moves names it": [
        "UPDATE ledger_transactions SET payment_id = NULL WHERE kind = 'debt'",
        "UPDATE ledger_transactions SET payment_id = 'cs_1' WHERE kind = 'settlement'",
    ],
    "a payment is granted once, and taken back as far as it was paid back": [
        "UPDATE payments SET credits = credits + 1 WHERE id = 'cs_1'",
        "UPDATE payments SET reversed_credits = 89 WHERE id = 'cs_2'",
        "UPDATE ledger_transactions SET payment_id = 'cs_1' WHERE kind = 'purchase'",
        "INSERT INTO payments (id, order_id, account_id, credits, amount, currency) "
        "SELECT 'cs_3', 'ord_1', account_id, 1, 1, 'usd' FROM payments WHERE id = 'cs_1'",
    ],
    "a transfer takes from its account and gives to the other": [
        "UPDATE ledger_transactions SET account_id = counter_account_id, counter_account_id = account_id "
        "WHERE kind = 'transfer'",
        "UPDATE ledger_entries e SET credits = -credits FROM ledger_transactions t "
        "WHERE t.id = e.transaction_id AND t.kind = 'transfer'",
        "UPDATE ledger_entries e SET credits = 0 FROM ledger_transactions t "
        "WHERE t.id = e.transaction_id AND t.kind = 'transfer'",
    ],
    "balances equal the sums of their entries": [
        "UPDATE accounts SET available_credits = available_credits + 1",
        "UPDATE accounts SET held_credits = held_credits - 1 WHERE held_credits > 0",
        "UPDATE accounts SET available_credits = available_credits + 1, held_credits = held_credits - 1 "
        "WHERE held_credits > 0",
        "INSERT INTO accounts (email, available_credits) VALUES ('ghost@example.com', 5)",
    ],
    "each task has one hold, of its price": [
        "UPDATE tasks SET price_credits = price_credits + 1 WHERE status = 'queued'",
        "UPDATE ledger_transactions SET task_id = 'req_other' WHERE kind = 'hold' "
        "AND task_id = (SELECT id FROM tasks WHERE status = 'queued')",
        "WITH b AS (INSERT INTO accounts (email) VALUES ('b@example.com') RETURNING id) "
        "UPDATE tasks SET account_id = b.id FROM b WHERE status = 'queued'",
    ],
    "a task is resolved when it has ended, in the way it ended": [
        "UPDATE tasks SET status = 'succeeded', output_key = 'x', finished_at = now() WHERE status = 'queued'",
        "UPDATE tasks SET status = 'processing', finished_at = NULL WHERE status = 'cancelled'",
        "UPDATE tasks SET status = 'cancelled', output_key = NULL, width = NULL, height = NULL "
        "WHERE status = 'succeeded'",
        "UPDATE ledger_transactions SET kind = 'release' WHERE kind = 'capture'",
    ],
    "a resolution moves what was held": [
        "WITH c AS (SELECT id FROM ledger_transactions WHERE kind = 'capture') "
        "UPDATE ledger_entries SET credits = credits + CASE book WHEN 'held' THEN 1 ELSE -1 END "
        "FROM c WHERE transaction_id = c.id",
        "WITH b AS (INSERT INTO accounts (email) VALUES ('b@example.com') RETURNING id) "
        "UPDATE ledger_transactions SET account_id = b.id FROM b WHERE kind = 'release'",
    ],
}
"""Rule of the audit → ways of breaking it that the triggers would refuse."""


async def test_the_audit_finds_every_breach(conn: db.Connection, books: dict[str, str]) -> None:
    for law, statement in ((law, one) for law, ways in BREAKS.items() for one in ways):
        undone = conn.transaction(isolation="repeatable_read")
        await undone.start()
        await conn.execute("SET LOCAL session_replication_role = replica")
        assert await conn.execute(statement) not in ("UPDATE 0", "INSERT 0 0"), statement
        breaches = await ledger.audit(conn)
        assert any(breach.startswith(f"{law}: ") for breach in breaches), (statement, breaches)
        await undone.rollback()
        assert await ledger.audit(conn) == []


def test_every_rule_of_the_audit_is_broken_here() -> None:
    assert BREAKS.keys() == ledger.CHECKS.keys()


async def test_an_unknown_account_has_no_balance(conn: db.Connection) -> None:
    with pytest.raises(LookupError):
        await ledger.balance(conn, 12345)


# Many at once --------------------------------------------------------------------------------------------------------


async def test_a_balance_is_spent_once_however_many_ask_at_once(pool: db.Pool, sound: None) -> None:
    async with db.transaction(pool) as conn:
        person = await make_person(conn, "poor", 5 * 40)
    told = await at_once(pool, [lambda conn: accept(conn, person)] * 16)
    left = [refused.available for refused in told if isinstance(refused, InsufficientCredits)]
    assert (left, len(told)) == ([0] * 11, 16)
    async with db.connection(pool) as conn:
        assert await ledger.balance(conn, person.account_id) == Balance(0, 200)


async def transfer(conn: db.Connection, *, payer: Person, payee: Person, credits: int) -> None:
    await ledger.transfer(conn, payer.account_id, payee.account_id, credits)


async def test_transfers_that_cross_and_spend_at_once_lose_nothing(pool: db.Pool, sound: None) -> None:
    """Three people send to one another all at once, more than they have: nobody waits for ever, nobody owes."""
    async with db.transaction(pool) as conn:
        people = [await make_person(conn, name, 100) for name in ("a", "b", "c")]
    pairs = [(people[number % 3], people[(number + 1 + number // 9) % 3]) for number in range(18)]
    told = await at_once(pool, [partial(transfer, payer=payer, payee=payee, credits=40) for payer, payee in pairs])
    assert {type(answer) for answer in told} <= {type(None), InsufficientCredits}
    assert told.count(None) >= 6
    async with db.connection(pool) as conn:
        left = [await ledger.balance(conn, person.account_id) for person in people]
        with pytest.raises(LookupError):
            await ledger.transfer(conn, people[0].account_id, 999_999, 1)
        with pytest.raises(ValueError, match="one credit or more"):
            await ledger.transfer(conn, people[0].account_id, people[1].account_id, 0)
    assert sum(each.available for each in left) == 300
    assert min(each.available for each in left) >= 0


async def test_two_transfers_of_all_there_is_move_it_once(pool: db.Pool, sound: None) -> None:
    async with db.transaction(pool) as conn:
        payer, *payees = [await make_person(conn, name, 100) for name in ("a", "b", "c", "d")]
    told = await at_once(pool, [partial(transfer, payer=payer, payee=payee, credits=100) for payee in payees])
    assert told.count(None) == 1
    assert sum(isinstance(answer, InsufficientCredits) for answer in told) == 2


async def test_a_statement_is_paged_and_whole(pool: db.Pool, conn: db.Connection, books: dict[str, str]) -> None:
    alice_id = await conn.fetchval("SELECT account_id FROM tasks LIMIT 1")
    whole = [line for part in [p async for p in ledger.whole_statement(pool, alice_id, at_once=3)] for line in part]
    before, paged = ledger.LATEST, []
    while page := await ledger.statement(conn, alice_id, before=before, limit=4):
        paged += page
        before = page[-1].id
    assert paged == whole[::-1]
    assert [(line.kind, line.available, line.held, line.balance) for line in whole[:4]] == [
        ("grant", 1000, 0, 1000), ("grant", 7, 0, 1007), ("transfer", -7, 0, 1000), ("hold", -40, 40, 960),
    ]  # fmt: skip
    assert (whole[2].other, whole[2].note) == ("friend@example.com", "a present")
    friend = await ledger.statement(conn, await accounts.find(conn, "friend@example.com"))
    assert [(line.kind, line.available, line.other) for line in friend] == [("transfer", 7, "alice@example.com")]
    assert await ledger.statement(conn, 12345) == []


async def test_ends_that_race_resolve_once(pool: db.Pool, alice: Person, sound: None) -> None:
    for _ in range(8):
        await _race_ends(pool, alice)


async def _race_ends(pool: db.Pool, alice: Person) -> None:
    async with db.transaction(pool) as conn:
        task = await accept(conn, alice)
        await tasks.start(conn, task.id, attempts_max=3)
    ways = (
        lambda conn: tasks.succeed(conn, task.id, 1, output_of(task.id)),
        lambda conn: tasks.fail(conn, task.id, REFUSED, attempt=1),
        lambda conn: tasks.cancel(conn, task),
    )
    told = await at_once(pool, ways * 3)
    won = [moved.status for moved in told if isinstance(moved, Task)]
    # Cancelling a cancelled task is no error, so all who cancelled may have won together.
    assert len(won) == 1 or set(won) == {"cancelled"}
    assert all(isinstance(refused, InvalidRequest) for refused in told if isinstance(refused, ApiError))


async def hammer(dsn: str, seed: int) -> None:
    """One process of `test_killed_processes_lose_no_credit`: buys and ends tasks until it is killed."""
    chance = random.Random(seed)
    conn = await asyncpg.connect(dsn)
    people = [
        Person(row["account_id"], row["id"], "") for row in await conn.fetch("SELECT id, account_id FROM api_keys")
    ]
    while True:
        person = chance.choice(people)
        try:
            task = await accept(conn, person)
        except InsufficientCredits:
            if chance.random() < 0.2:
                async with conn.transaction():
                    await ledger.grant(conn, person.account_id, 80)
            continue
        async with conn.transaction():
            await tasks.start(conn, task.id, attempts_max=3)
        how = chance.randrange(4)
        async with conn.transaction():
            if how == 0:
                await tasks.succeed(conn, task.id, 1, output_of(task.id))
            elif how == 1:
                await tasks.fail(conn, task.id, REFUSED, attempt=1)
            elif how == 2:
                await tasks.cancel(conn, task)


@contextlib.contextmanager
def hammering(dsn: str, seed: int) -> Iterator[subprocess.Popen[bytes]]:
    code = f"import asyncio; from tests.test_ledger import hammer; asyncio.run(hammer({dsn!r}, {seed}))"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        _, said = process.communicate()
        assert process.returncode == -signal.SIGKILL, said.decode()


async def test_killed_processes_lose_no_credit(dsn: str, pool: db.Pool, sound: None) -> None:
    async with db.transaction(pool) as conn:
        for name in ("a", "b", "c"):
            await make_person(conn, name, 120)

    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(hammering(dsn, seed)) for seed in range(4)]
        async with db.connection(pool) as conn:
            for turn in range(3):
                await _grown(conn, 60, processes[turn:])
                os.kill(processes[turn].pid, signal.SIGKILL)
                assert await ledger.audit(conn) == []
                assert await conn.fetchval("SELECT min(available_credits) FROM accounts") >= 0
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT count(*) FROM tasks WHERE finished_at IS NOT NULL") > 20


async def _grown(conn: db.Connection, by: int, living: list[subprocess.Popen[bytes]]) -> None:
    """Wait until `by` more ledger transactions are there."""
    until = by + await conn.fetchval("SELECT count(*) FROM ledger_transactions")
    async with asyncio.timeout(60):
        while await conn.fetchval("SELECT count(*) FROM ledger_transactions") < until:
            assert all(process.poll() is None for process in living), "a process ended by itself"
            await asyncio.sleep(0.02)
