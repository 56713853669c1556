"""The ledger: any order of events keeps its rules, every rule can be broken and is then found, and neither
concurrency nor kill -9 loses a credit.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from seedbed import accounts, db, ledger, tasks
from seedbed.errors import InsufficientCredits, InvalidRequest, TaskFailure
from seedbed.ledger import Balance
from tests.conftest import Person, make_person
from tests.test_tasks import accept, output_of, priced

ROOT = Path(__file__).parents[1]
REFUSED = TaskFailure("render_failed", "no")


# Any order ---------------------------------------------------------------------------------------------------


class Books(RuleBasedStateMachine):
    """A plain model of balances beside the real database. `dsn` is set by the test."""

    dsn = ""
    people = Bundle("people")
    live = Bundle("live")
    ended = Bundle("ended")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.conn: Any = self.runner.run(asyncpg.connect(self.dsn))
        self.balances: dict[int, list[int]] = {}
        self.owed: dict[int, int] = {}
        self.tasks: dict[str, tuple[int, int, str]] = {}
        self.attempts: dict[str, int] = {}

    def teardown(self) -> None:
        self.runner.run(self.conn.close())
        self.runner.close()

    def do(self, act: Callable[[], Awaitable[Any]]) -> Any:
        """Run `act` in a transaction of its own."""

        async def run() -> Any:
            async with self.conn.transaction():
                return await act()

        return self.runner.run(run())

    def resolve(self, task: str, status: str) -> None:
        account, price, _ = self.tasks[task]
        self.tasks[task] = (account, price, status)
        self.balances[account][1] -= price
        if status != "succeeded":
            self.comes_in(account, price)

    def comes_in(self, account: int, credits: int) -> None:
        """Credits pay what is owed first."""
        paid = min(self.owed.get(account, 0), credits)
        self.owed[account] = self.owed.get(account, 0) - paid
        self.balances[account][0] += credits - paid

    @initialize(target=people, credits=st.tuples(*[st.sampled_from([0, 1, 39, 40, 400])] * 3))
    def begin(self, credits: tuple[int, ...]) -> Any:
        made = []
        for each in credits:
            name = uuid4().hex
            person = self.do(lambda name=name, each=each: make_person(self.conn, name, each))
            self.balances[person.account_id] = [each, 0]
            made.append(person)
        return multiple(*made)

    @rule(person=people, credits=st.integers(1, 1000))
    def grant(self, person: Person, credits: int) -> None:
        self.comes_in(person.account_id, credits)
        told = self.do(lambda: ledger.grant(self.conn, person.account_id, credits))
        assert told == Balance(*self.balances[person.account_id])

    @rule(payer=people, payee=people, credits=st.integers(1, 500))
    def transfer(self, payer: Person, payee: Person, credits: int) -> None:
        purse = self.balances[payer.account_id]

        def move() -> Any:
            return self.do(lambda: ledger.transfer(self.conn, payer.account_id, payee.account_id, credits))

        if payer == payee:
            with pytest.raises(ValueError, match="two accounts"):
                move()
        elif credits > purse[0]:
            with pytest.raises(InsufficientCredits) as refused:
                move()
            assert (refused.value.required, refused.value.available) == (credits, purse[0])
        else:
            move()
            purse[0] -= credits
            self.comes_in(payee.account_id, credits)

    @invariant()
    def statements_end_in_the_balances(self) -> None:
        for account, (available, held) in self.balances.items():
            lines = self.runner.run(ledger.statement(self.conn, account, limit=1000))
            assert (lines[0].balance if lines else 0) == available
            assert sum(line.held for line in lines) == held
            two = lines[1:2]
            for line in two:
                assert self.runner.run(ledger.statement(self.conn, account, before=line.id + 1, limit=1)) == two

    @rule(person=people, credits=st.integers(1, 300), back=st.integers(0, 300), later=st.integers(0, 300))
    def pay(self, person: Person, credits: int, back: int, later: int) -> None:
        """Credits are bought, some of them taken back, and some of those given back in the end."""
        back = min(back, credits)
        later = min(later, back)
        account, name = person.account_id, uuid4().hex
        self.comes_in(account, credits)
        taken = min(self.balances[account][0], back)
        self.balances[account][0] -= taken
        self.owed[account] = self.owed.get(account, 0) + back - taken
        self.comes_in(account, later)

        async def act() -> None:
            await self.conn.execute(
                "INSERT INTO orders (id, account_id, item, title, credits, amount, currency) "
                "VALUES ($1, $2, 'pack', 'Pack', $3, 1, 'usd')",
                name,
                account,
                credits,
            )
            await self.conn.execute(
                "INSERT INTO payments (id, order_id, account_id, credits, amount, currency, reversed_credits) "
                "VALUES ($1, $1, $2, $3, 1, 'usd', $4)",
                name,
                account,
                credits,
                back - later,
            )
            await ledger.purchase(self.conn, account, credits, payment_id=name, note="")
            if back:
                assert await ledger.reverse(self.conn, account, back, payment_id=name, note="") == back - taken
            if later:
                await ledger.restore(self.conn, account, later, payment_id=name, note="")

        self.do(act)

    @rule(person=people, credits=st.integers(-5, 0))
    def grant_nothing(self, person: Person, credits: int) -> None:
        with pytest.raises(ValueError, match="one credit or more"):
            self.do(lambda: ledger.grant(self.conn, person.account_id, credits))

    @rule(target=live, person=people, rate=st.sampled_from(["0", "0.001", "8", "12.8", "90"]))
    def buy(self, person: Person, rate: str) -> Any:
        model = priced(rate)
        balance = self.balances[person.account_id]
        price = {"0": 0, "0.001": 1, "8": 40, "12.8": 64, "90": 450}[rate]
        if price > balance[0]:
            with pytest.raises(InsufficientCredits) as refused:
                self.do(lambda: accept(self.conn, person, model=model))
            assert (refused.value.required, refused.value.available) == (price, balance[0])
            return multiple()
        task = self.do(lambda: accept(self.conn, person, model=model))
        assert task.price_credits == price
        balance[0] -= price
        balance[1] += price
        self.tasks[task.id] = (person.account_id, price, "queued")
        self.attempts[task.id] = 0
        return task.id

    @rule(person=people)
    def change_ones_mind(self, person: Person) -> None:
        """A transaction that is rolled back leaves no trace."""

        async def buy_and_break() -> None:
            await ledger.grant(self.conn, person.account_id, 1000)
            await accept(self.conn, person)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            self.do(buy_and_break)

    @rule(task=live)
    def start(self, task: str) -> None:
        started = self.do(lambda: tasks.start(self.conn, task, attempts_max=10_000))
        if self.tasks[task][2] in tasks.TERMINAL:
            assert started is None
        else:
            self.attempts[task] += 1
            assert started.attempt == self.attempts[task]
            self.tasks[task] = (*self.tasks[task][:2], "processing")

    @rule(target=ended, task=consumes(live), back=st.integers(0, 1))
    def succeed(self, task: str, back: int) -> str:
        attempt = self.attempts[task] - back
        moved = self.do(lambda: tasks.succeed(self.conn, task, attempt, output_of(task, attempt)))
        if self.tasks[task][2] == "processing" and not back:
            assert moved.status == "succeeded"
            self.resolve(task, "succeeded")
        else:
            assert moved is None
        return task

    @rule(target=ended, task=consumes(live), stale=st.booleans())
    def fail(self, task: str, stale: bool) -> str:
        attempt = self.attempts[task] - 1 if stale else None
        moved = self.do(lambda: tasks.fail(self.conn, task, REFUSED, attempt=attempt))
        if self.tasks[task][2] in tasks.TERMINAL or stale:
            assert moved is None
        else:
            self.resolve(task, "failed")
        return task

    @rule(target=ended, task=consumes(live))
    def cancel(self, task: str) -> str:
        async def act() -> None:
            await tasks.cancel(self.conn, await tasks.get(self.conn, task))

        if self.tasks[task][2] in ("succeeded", "failed"):
            with pytest.raises(InvalidRequest):
                self.do(act)
        else:
            self.do(act)
            if self.tasks[task][2] != "cancelled":
                self.resolve(task, "cancelled")
        return task

    @rule(target=live, task=consumes(ended))
    def again(self, task: str) -> str:
        """What was tried once, well or not, may be tried with every other verb."""
        return task

    @rule(task=ended, resolve=st.sampled_from([ledger.capture, ledger.release]))
    def resolve_twice(self, task: str, resolve: Callable[[Any, str], Awaitable[None]]) -> None:
        if self.tasks[task][2] in tasks.TERMINAL:
            with pytest.raises(asyncpg.UniqueViolationError):
                self.do(lambda: resolve(self.conn, task))

    @rule(task=live)
    def hold_twice(self, task: str) -> None:
        account, price, _ = self.tasks[task]
        with pytest.raises((asyncpg.UniqueViolationError, InsufficientCredits)):
            self.do(lambda: ledger.hold(self.conn, account, task, price))

    @rule(resolve=st.sampled_from([ledger.capture, ledger.release]))
    def resolve_nothing(self, resolve: Callable[[Any, str], Awaitable[None]]) -> None:
        with pytest.raises(LookupError):
            self.do(lambda: resolve(self.conn, "req_unknown"))

    @invariant()
    def balances_are_the_models(self) -> None:
        rows = self.runner.run(self.conn.fetch("SELECT id, available_credits, held_credits FROM accounts"))
        found = {row[0]: list(row)[1:] for row in rows}
        assert {account: found[account] for account in self.balances} == self.balances
        owing = self.runner.run(self.conn.fetch("SELECT id, owed_credits FROM accounts WHERE owed_credits > 0"))
        assert dict(map(tuple, owing)) == {account: credits for account, credits in self.owed.items() if credits}

    @invariant()
    def the_ledger_is_sound(self) -> None:
        assert self.runner.run(ledger.audit(self.conn)) == []


def test_any_order_of_events_keeps_the_books(dsn: str) -> None:
    class Here(Books):
        pass

    Here.dsn = dsn
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )


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
    barrier = asyncio.Barrier(16)

    async def buy() -> int | None:
        """What was left when it was refused, or None."""
        async with pool.acquire() as conn:
            await barrier.wait()
            try:
                await accept(conn, person)
            except InsufficientCredits as refused:
                return refused.available
            return None

    told = await asyncio.gather(*(buy() for _ in range(16)))
    assert (told.count(None), told.count(0)) == (5, 11)
    async with db.connection(pool) as conn:
        assert await ledger.balance(conn, person.account_id) == Balance(0, 200)


async def test_transfers_that_cross_and_spend_at_once_lose_nothing(pool: db.Pool, sound: None) -> None:
    """Three people send to one another all at once, more than they have: nobody waits for ever, nobody owes."""
    async with db.transaction(pool) as conn:
        people = [await make_person(conn, name, 100) for name in ("a", "b", "c")]
    barrier = asyncio.Barrier(18)

    async def send(number: int) -> int:
        payer, payee = people[number % 3], people[(number + 1 + number // 9) % 3]
        async with pool.acquire() as conn:
            await barrier.wait()
            try:
                async with conn.transaction():
                    await ledger.transfer(conn, payer.account_id, payee.account_id, 40)
            except InsufficientCredits:
                return 0
            return 1

    assert sum(await asyncio.gather(*map(send, range(18)))) >= 6
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
    barrier = asyncio.Barrier(3)

    async def send(payee: Person) -> bool:
        async with pool.acquire() as conn:
            await barrier.wait()
            try:
                async with conn.transaction():
                    await ledger.transfer(conn, payer.account_id, payee.account_id, 100)
            except InsufficientCredits:
                return False
            return True

    assert sorted(await asyncio.gather(*map(send, payees))) == [False, False, True]


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
    barrier = asyncio.Barrier(9)

    async def end(how: int) -> bool:
        async with pool.acquire() as conn:
            await barrier.wait()
            async with conn.transaction():
                if how == 0:
                    return await tasks.succeed(conn, task.id, 1, output_of(task.id)) is not None
                if how == 1:
                    return await tasks.fail(conn, task.id, REFUSED, attempt=1) is not None
                try:
                    moved = await tasks.cancel(conn, task)
                except InvalidRequest:
                    return False
                return moved.status == "cancelled"

    ways = [how % 3 for how in range(9)]
    won = [how for how, done in zip(ways, await asyncio.gather(*map(end, ways)), strict=True) if done]
    # Cancelling a cancelled task is no error, so all who cancelled may have won together.
    assert len(won) == 1 or set(won) == {2}


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
