"""Credits: a double-entry, append-only ledger in whole credits.

Owns `ledger_transactions`, `ledger_entries` and the balances in `accounts`. Each account has three books,
`available`, `held` and `owed` (below zero); the house has `issued` (credits given out, below zero) and `revenue`.
The entries of a transaction sum to zero. A task has one hold, resolved exactly once: captured when it
succeeds, released when it does not. A transfer moves credits from one account to another. Unique indexes
and checks in the database enforce all of this, and `audit` proves it at any moment. Nothing here commits.

Money that goes back to its payer takes its credits along. What is there is taken (`reversal`); the rest is owed
(`debt`). Whatever comes in to an account that owes pays that first (`settlement`), so that no account that owes has
anything to spend.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from seedbed.db import Connection, Pool, Record, connection
from seedbed.errors import InsufficientCredits

Resolution = Literal["capture", "release"]
Kind = Literal[
    "grant", "hold", "capture", "release", "transfer", "purchase", "reversal", "debt", "restoration", "settlement"
]

LATEST = 2**63 - 1
"""A place behind every line of a statement."""

Gift = Literal["grant", "purchase", "restoration"]
"""The ways in which credits come out of `issued`."""


@dataclass(frozen=True, slots=True)
class Balance:
    """Whole credits: `available` to spend, `held` by tasks that have not ended."""

    available: int
    held: int


async def grant(conn: Connection, account_id: int, credits: int, note: str | None = None) -> Balance:
    """Give `credits` (more than zero) to an account; what it owes is paid from them. Returns its new balance."""
    if credits <= 0:
        raise ValueError("a grant is of one credit or more")
    return await _issue(conn, "grant", account_id, credits, note, None)


async def purchase(conn: Connection, account_id: int, credits: int, *, payment_id: str, note: str) -> Balance:
    """Give `credits` (more than zero) that a payment bought. Call it once a payment, in that one's transaction."""
    return await _issue(conn, "purchase", account_id, credits, note, payment_id)


async def restore(conn: Connection, account_id: int, credits: int, *, payment_id: str, note: str) -> Balance:
    """Give back `credits` (more than zero) that `reverse` took: the money has come to us again."""
    return await _issue(conn, "restoration", account_id, credits, note, payment_id)


async def reverse(conn: Connection, account_id: int, credits: int, *, payment_id: str, note: str) -> int:
    """Take back `credits` (more than zero) of a payment that was paid back. Returns how many of them are now owed.

    What can be spent is taken, and no balance gets below zero; the rest is a debt. Locks the account's row.
    """
    available: int = await conn.fetchval(
        "SELECT available_credits FROM accounts WHERE id = $1 FOR NO KEY UPDATE", account_id
    )
    taken = min(available, credits)
    if taken:
        await _move(conn, "reversal", account_id, ("available", "issued"), taken, note, payment_id)
    if credits > taken:
        told = f"{note}: {credits - taken}"
        await _move(conn, "debt", account_id, ("owed", "issued"), credits - taken, told, payment_id)
    return credits - taken


async def owed(conn: Connection, account_id: int) -> int:
    """What the account owes, in whole credits."""
    found: int = await conn.fetchval("SELECT owed_credits FROM accounts WHERE id = $1", account_id)
    return found


async def _issue(
    conn: Connection, kind: Gift, account_id: int, credits: int, note: str | None, payment_id: str | None
) -> Balance:
    await _move(conn, kind, account_id, ("issued", "available"), credits, note, payment_id)
    return await _settle(conn, account_id)


async def _settle(conn: Connection, account_id: int) -> Balance:
    """Pay from what has come in as much as is owed. Call it with the account's row locked. Returns the balance."""
    row = await conn.fetchrow(
        "SELECT available_credits, held_credits, owed_credits FROM accounts WHERE id = $1", account_id
    )
    assert row is not None
    available, held, owing = row
    paid = min(available, owing)
    if paid:
        await _move(conn, "settlement", account_id, ("available", "owed"), paid, None, None)
    return Balance(available - paid, held)


async def _move(
    conn: Connection, kind: Kind, account_id: int, books: tuple[str, str], credits: int, note: str | None,
    payment_id: str | None,
) -> None:  # fmt: skip
    """One transaction from a book to another, both of `account_id` or the house, and the balances with it."""
    source, target = books
    await conn.execute(
        """
        WITH moved AS (
            UPDATE accounts
            SET available_credits = available_credits + change.available, owed_credits = owed_credits - change.owed
            FROM (SELECT CASE 'available' WHEN $4 THEN -$3::bigint WHEN $5 THEN $3::bigint ELSE 0 END AS available,
                         CASE 'owed' WHEN $4 THEN -$3::bigint WHEN $5 THEN $3::bigint ELSE 0 END AS owed) AS change
            WHERE id = $1
        ), made AS (
            INSERT INTO ledger_transactions (kind, account_id, note, payment_id)
            VALUES ($2::text::ledger_kind, $1, $6, $7) RETURNING id
        )
        INSERT INTO ledger_entries (transaction_id, book, account_id, credits)
        SELECT made.id, book::ledger_book, CASE WHEN book <> 'issued' THEN $1 END, credits
        FROM made, (VALUES ($4::text, -$3::bigint), ($5::text, $3::bigint)) AS side (book, credits)
        """,
        account_id,
        kind,
        credits,
        source,
        target,
        note,
        payment_id,
    )


async def transfer(conn: Connection, payer_id: int, payee_id: int, credits: int, note: str | None = None) -> None:
    """Move `credits` (more than zero) from one account to another. Locks both rows until the transaction ends.

    Raises InsufficientCredits where the payer has fewer to spend, and LookupError for an unknown account.
    """
    if credits <= 0 or payer_id == payee_id:
        raise ValueError("a transfer is of one credit or more, between two accounts")
    # In one order, whoever pays: two transfers that cross must not wait for one another.
    rows = await conn.fetch(
        "SELECT id, available_credits FROM accounts WHERE id = ANY ($1::bigint[]) ORDER BY id FOR NO KEY UPDATE",
        [payer_id, payee_id],
    )
    available = {row["id"]: row["available_credits"] for row in rows}
    if len(available) < 2:
        raise LookupError(f"no account {payer_id} or {payee_id}")
    if available[payer_id] < credits:
        raise InsufficientCredits(required=credits, available=available[payer_id])
    await conn.execute(
        """
        WITH moved AS (
            UPDATE accounts
            SET available_credits = available_credits + CASE WHEN id = $1 THEN -$3::bigint ELSE $3::bigint END
            WHERE id IN ($1, $2)
        ), made AS (
            INSERT INTO ledger_transactions (kind, account_id, counter_account_id, note)
            VALUES ('transfer', $1, $2, $4) RETURNING id
        )
        INSERT INTO ledger_entries (transaction_id, book, account_id, credits)
        SELECT id, 'available'::ledger_book, $1, -$3::bigint FROM made UNION ALL
        SELECT id, 'available'::ledger_book, $2, $3::bigint FROM made
        """,
        payer_id,
        payee_id,
        credits,
        note,
    )
    await _settle(conn, payee_id)


async def hold(conn: Connection, account_id: int, task_id: str, credits: int) -> None:
    """Set `credits` aside for a task. Locks the account's row until the transaction ends.

    Raises InsufficientCredits, which says what is needed and what there is.
    """
    moved = await conn.fetchval(
        """
        WITH moved AS (
            UPDATE accounts
            SET available_credits = available_credits - $3, held_credits = held_credits + $3
            WHERE id = $1 AND available_credits >= $3
            RETURNING id
        ), made AS (
            INSERT INTO ledger_transactions (kind, account_id, task_id)
            SELECT 'hold', id, $2 FROM moved RETURNING id
        ), entered AS (
            INSERT INTO ledger_entries (transaction_id, book, account_id, credits)
            SELECT id, 'available'::ledger_book, $1, -$3::bigint FROM made UNION ALL
            SELECT id, 'held'::ledger_book, $1, $3::bigint FROM made
        )
        SELECT id FROM moved
        """,
        account_id,
        task_id,
        credits,
    )
    if moved is None:
        raise InsufficientCredits(required=credits, available=(await balance(conn, account_id)).available)


async def capture(conn: Connection, task_id: str) -> None:
    """Take a task's held credits for good. A second resolution raises UniqueViolationError."""
    await _resolve(conn, task_id, "capture")


async def release(conn: Connection, task_id: str) -> None:
    """Give a task's held credits back. A second resolution raises UniqueViolationError."""
    await _resolve(conn, task_id, "release")


async def _resolve(conn: Connection, task_id: str, kind: Resolution) -> None:
    done = await conn.fetchrow(
        """
        WITH held AS (
            SELECT t.account_id, e.credits
            FROM ledger_transactions t JOIN ledger_entries e ON e.transaction_id = t.id AND e.book = 'held'
            WHERE t.task_id = $1 AND t.kind = 'hold'
        ), made AS (
            INSERT INTO ledger_transactions (kind, account_id, task_id)
            SELECT $2::ledger_kind, account_id, $1 FROM held RETURNING id
        ), entered AS (
            INSERT INTO ledger_entries (transaction_id, book, account_id, credits)
            SELECT made.id, 'held'::ledger_book, held.account_id, -held.credits FROM made, held UNION ALL
            SELECT made.id, CASE $2::ledger_kind WHEN 'capture' THEN 'revenue' ELSE 'available' END::ledger_book,
                   CASE $2::ledger_kind WHEN 'release' THEN held.account_id END, held.credits
            FROM made, held
        ), moved AS (
            UPDATE accounts
            SET held_credits = held_credits - held.credits,
                available_credits = available_credits
                    + CASE $2::ledger_kind WHEN 'release' THEN held.credits ELSE 0 END
            FROM held WHERE accounts.id = held.account_id
            RETURNING CASE WHEN owed_credits > 0 THEN accounts.id END AS in_debt
        )
        SELECT moved.in_debt FROM made, moved
        """,
        task_id,
        kind,
    )
    if done is None:
        raise LookupError(f"task {task_id} holds no credits")
    if kind == "release" and done["in_debt"] is not None:
        await _settle(conn, done["in_debt"])


async def balance(conn: Connection, account_id: int) -> Balance:
    """What the account has. Raises LookupError for an unknown account."""
    row = await conn.fetchrow("SELECT available_credits, held_credits FROM accounts WHERE id = $1", account_id)
    if row is None:
        raise LookupError(f"no account {account_id}")
    return Balance(row[0], row[1])


@dataclass(frozen=True, slots=True)
class Line:
    """One transaction as one account sees it: what changed in its two books, and what it could spend afterwards.

    `task_id` is of a hold and its resolution; `other` is the email of whom a transfer came from or went to.
    """

    id: int
    at: datetime
    kind: Kind
    task_id: str | None
    other: str | None
    note: str | None
    available: int
    held: int
    balance: int


_LINES = """
    SELECT p.transaction_id AS id, t.created_at AS at, t.kind::text, t.task_id, o.email AS other, t.note,
           p.available, p.held, {balance} AS balance
    FROM page p JOIN ledger_transactions t ON t.id = p.transaction_id
    LEFT JOIN accounts o ON t.counter_account_id IS NOT NULL
        AND o.id = CASE t.account_id WHEN $1 THEN t.counter_account_id ELSE t.account_id END
    ORDER BY p.transaction_id {order}
"""
_PAGE = """
    SELECT transaction_id, coalesce(sum(credits) FILTER (WHERE book = 'available'), 0)::bigint AS available,
           coalesce(sum(credits) FILTER (WHERE book = 'held'), 0)::bigint AS held
    FROM ledger_entries WHERE account_id = $1 AND transaction_id {side} $2
    GROUP BY transaction_id ORDER BY transaction_id {order} LIMIT $3
"""


async def statement(conn: Connection, account_id: int, *, before: int = LATEST, limit: int = 50) -> list[Line]:
    """An account's lines before the line `before`, newest first; what it costs grows with those behind it alone."""
    rows = await conn.fetch(
        f"""
        WITH page AS ({_PAGE.format(side="<", order="DESC")}), newer AS (
            SELECT coalesce(sum(credits), 0)::bigint AS credits FROM ledger_entries
            WHERE account_id = $1 AND transaction_id >= $2 AND book = 'available'
        )
        """
        + _LINES.format(
            balance="""
            (SELECT available_credits FROM accounts WHERE id = $1) - (SELECT credits FROM newer)
            - coalesce(sum(p.available) OVER (
                ORDER BY p.transaction_id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::bigint""",
            order="DESC",
        ),
        account_id,
        before,
        limit,
    )
    return [_line(row) for row in rows]


async def whole_statement(pool: Pool, account_id: int, *, at_once: int = 1000) -> AsyncIterator[list[Line]]:
    """All of an account's lines, oldest first, `at_once` at a time; no connection is held between two."""
    after = balance = 0
    while True:
        async with connection(pool) as conn:
            rows = await conn.fetch(
                f"WITH page AS ({_PAGE.format(side='>', order='ASC')})"
                + _LINES.format(
                    balance="$4::bigint + sum(p.available) OVER (ORDER BY p.transaction_id)::bigint", order="ASC"
                ),
                account_id,
                after,
                at_once,
                balance,
            )
        if not rows:
            return
        lines = [_line(row) for row in rows]
        yield lines
        after, balance = lines[-1].id, lines[-1].balance


def _line(row: Record) -> Line:
    return Line(**dict(row))


CHECKS: dict[str, str] = {
    "entries of a transaction sum to zero": """
        SELECT 'transaction ' || transaction_id || ' sums to ' || sum(credits)
        FROM ledger_entries GROUP BY transaction_id HAVING sum(credits) <> 0""",
    "every transaction has two entries": """
        SELECT 'transaction ' || t.id || ' has ' || count(e.book)
        FROM ledger_transactions t LEFT JOIN ledger_entries e ON e.transaction_id = t.id
        GROUP BY t.id HAVING count(e.book) <> 2""",
    "each kind moves credits between books of its own": """
        SELECT 'transaction ' || t.id || ' is a ' || t.kind || ' and has ' || e.credits || ' in ' || e.book
        FROM ledger_transactions t JOIN ledger_entries e ON e.transaction_id = t.id
        JOIN (VALUES ('grant', 'issued', 'available'), ('hold', 'available', 'held'), ('capture', 'held', 'revenue'),
                     ('release', 'held', 'available'), ('purchase', 'issued', 'available'),
                     ('restoration', 'issued', 'available'), ('reversal', 'available', 'issued'),
                     ('transfer', 'available', 'available'),
                     ('debt', 'owed', 'issued'), ('settlement', 'available', 'owed')
             ) AS way (kind, source, target) ON way.kind = t.kind::text
        WHERE NOT (e.book::text = way.source AND e.credits <= 0 OR e.book::text = way.target AND e.credits >= 0)""",
    "entries are in the books of their transaction's account": """
        SELECT 'transaction ' || t.id || ' is of account ' || t.account_id || ' and touches ' || e.account_id
        FROM ledger_transactions t JOIN ledger_entries e ON e.transaction_id = t.id
        WHERE e.account_id <> t.account_id AND t.kind::text <> 'transfer'""",
    "a transfer takes from its account and gives to the other": """
        SELECT 'transaction ' || t.id || ' is from ' || t.account_id || ' to '
            || coalesce(t.counter_account_id::text, '-') || ' and has ' || e.credits
            || ' for ' || coalesce(e.account_id::text, '-')
        FROM ledger_transactions t JOIN ledger_entries e ON e.transaction_id = t.id
        WHERE t.kind::text = 'transfer' AND (e.credits = 0 OR e.account_id IS DISTINCT FROM
            CASE WHEN e.credits < 0 THEN t.account_id ELSE t.counter_account_id END)""",
    "balances equal the sums of their entries": """
        SELECT 'account ' || a.id || ' has ' || a.available_credits || '/' || a.held_credits
            || ', entries say ' || coalesce(s.available, 0) || '/' || coalesce(s.held, 0)
        FROM accounts a LEFT JOIN (
            SELECT account_id, coalesce(sum(credits) FILTER (WHERE book = 'available'), 0) AS available,
                   coalesce(sum(credits) FILTER (WHERE book = 'held'), 0) AS held
            FROM ledger_entries WHERE account_id IS NOT NULL GROUP BY account_id
        ) s ON s.account_id = a.id
        WHERE (a.available_credits, a.held_credits) <> (coalesce(s.available, 0), coalesce(s.held, 0))""",
    "debts equal the sums of their entries": """
        SELECT 'account ' || a.id || ' owes ' || a.owed_credits || ', entries say ' || coalesce(-s.owed, 0)
        FROM accounts a LEFT JOIN (
            SELECT account_id, sum(credits) AS owed FROM ledger_entries WHERE book::text = 'owed' GROUP BY account_id
        ) s ON s.account_id = a.id
        WHERE a.owed_credits <> coalesce(-s.owed, 0)""",
    "an account that owes has nothing to spend": """
        SELECT 'account ' || id || ' owes ' || owed_credits || ' and could spend ' || available_credits
        FROM accounts WHERE owed_credits > 0 AND available_credits > 0""",
    "what a payment moves names it": """
        SELECT 'transaction ' || id || ' is a ' || kind || ' of payment ' || coalesce(payment_id, 'nothing')
        FROM ledger_transactions
        WHERE (kind::text IN ('purchase', 'reversal', 'debt', 'restoration')) <> (payment_id IS NOT NULL)""",
    "a payment is granted once, and taken back as far as it was paid back": """
        SELECT 'payment ' || p.id || ' of ' || p.credits || ' was granted ' || coalesce(s.granted, 0)
            || ' and should have ' || p.reversed_credits || ' taken back, not ' || coalesce(s.taken, 0)
        FROM payments p LEFT JOIN (
            SELECT t.payment_id, min(t.account_id) AS account_id,
                   count(*) FILTER (WHERE t.kind::text = 'purchase') AS grants,
                   sum(-e.credits) FILTER (WHERE t.kind::text = 'purchase') AS granted,
                   sum(e.credits) FILTER (WHERE t.kind::text <> 'purchase') AS taken
            FROM ledger_transactions t JOIN ledger_entries e ON e.transaction_id = t.id AND e.book = 'issued'
            WHERE t.payment_id IS NOT NULL GROUP BY t.payment_id
        ) s ON s.payment_id = p.id
        WHERE (s.grants, s.granted, s.account_id, coalesce(s.taken, 0))
            IS DISTINCT FROM (1::bigint, p.credits::numeric, p.account_id, p.reversed_credits::numeric)""",
    "each task has one hold, of its price": """
        SELECT 'task ' || t.id || ' costs ' || t.price_credits || ' and holds ' || coalesce(e.credits::text, 'nothing')
        FROM tasks t
        LEFT JOIN ledger_transactions h ON h.task_id = t.id AND h.kind = 'hold'
        LEFT JOIN ledger_entries e ON e.transaction_id = h.id AND e.book = 'held'
        WHERE e.credits IS DISTINCT FROM t.price_credits OR h.account_id <> t.account_id""",
    "a task is resolved when it has ended, in the way it ended": """
        SELECT 'task ' || t.id || ' is ' || t.status || ' with ' || coalesce(string_agg(r.kind::text, ', '), 'nothing')
        FROM tasks t LEFT JOIN ledger_transactions r ON r.task_id = t.id AND r.kind IN ('capture', 'release')
        GROUP BY t.id
        HAVING coalesce(array_agg(r.kind::text) FILTER (WHERE r.kind IS NOT NULL), '{}') <> CASE
            WHEN t.status = 'succeeded' THEN ARRAY['capture']
            WHEN t.status IN ('failed', 'cancelled') THEN ARRAY['release']
            ELSE '{}'::text[] END""",
    "a resolution moves what was held": """
        SELECT 'task ' || h.task_id || ' held ' || he.credits || ' and resolved ' || -re.credits
        FROM ledger_transactions h
        JOIN ledger_entries he ON he.transaction_id = h.id AND he.book = 'held'
        JOIN ledger_transactions r ON r.task_id = h.task_id AND r.kind IN ('capture', 'release')
        JOIN ledger_entries re ON re.transaction_id = r.id AND re.book = 'held'
        WHERE h.kind = 'hold' AND (he.credits + re.credits <> 0 OR r.account_id <> h.account_id)""",
}
"""What `audit` proves, each as a query that finds the rows that break it."""


async def audit(conn: Connection) -> list[str]:
    """Every breach of the ledger's rules, in words; an empty list is the proof that there is none.

    Call it outside any transaction: it opens one of its own, so that all checks see one moment.
    """
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        return [f"{rule}: {row[0]}" for rule, query in CHECKS.items() for row in await conn.fetch(query)]
