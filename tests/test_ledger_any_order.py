"""Any order of what can happen to credits keeps the ledger's rules: a plain model of balances beside the database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
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

from seedbed import ledger, tasks
from seedbed.errors import InsufficientCredits, InvalidRequest
from seedbed.ledger import Balance
from tests.conftest import Person, make_person
from tests.test_ledger import REFUSED
from tests.test_tasks import accept, output_of, priced


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
