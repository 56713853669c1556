"""What an account has spent: by day, by model and by key. Owns no table; reads tasks that succeeded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from seedbed.db import Connection

DAYS = (7, 30, 90)
"""The spans that can be asked for, in days (UTC), today being the last."""


@dataclass(frozen=True, slots=True)
class Share:
    """Videos of one name and the whole credits that they cost."""

    name: str
    tasks: int
    credits: int


@dataclass(frozen=True, slots=True)
class Day:
    """Videos that were finished on one day (UTC), and the whole credits that they cost."""

    day: date
    tasks: int
    credits: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What was spent: every day of the span in order, and models and keys with the dearest first."""

    days: list[Day]
    models: list[Share]
    keys: list[Share]

    @property
    def credits(self) -> int:
        return sum(day.credits for day in self.days)

    @property
    def most(self) -> int:
        """The credits of the dearest day."""
        return max(day.credits for day in self.days)

    @property
    def tasks(self) -> int:
        return sum(day.tasks for day in self.days)


async def of_account(conn: Connection, account_id: int, days: int) -> Usage:
    """What an account's videos of the last `days` days have cost. Removed ones count: they were paid for.

    A key is named by its name, or its hint where it has none; a task made without one is named by "".
    """
    # The tasks are gone through once, and what is left of them is put together in three ways.
    rows = await conn.fetch(
        """
        WITH spent AS MATERIALIZED (
            SELECT date_bin('1 day', finished_at, '2000-01-01 00:00:00+00') AS day, model, key_id,
                   count(*) AS tasks, sum(price_credits) AS credits
            FROM tasks
            WHERE account_id = $1 AND status = 'succeeded'
              AND finished_at >= date_trunc('day', now(), 'UTC') - make_interval(days => $2 - 1)
            GROUP BY 1, 2, 3
        )
        SELECT (day AT TIME ZONE 'UTC')::date AS day, model, key_id, grouping(key_id) AS no_key,
               sum(tasks)::bigint AS tasks, sum(credits)::bigint AS credits
        FROM spent GROUP BY GROUPING SETS ((day), (model), (key_id))
        """,
        account_id,
        days,
    )
    by_day = {row["day"]: row for row in rows if row["day"] is not None}
    today = await conn.fetchval("SELECT (now() AT TIME ZONE 'UTC')::date")
    span = [today - timedelta(days=back) for back in reversed(range(days))]
    names = await _names(conn, [row["key_id"] for row in rows if row["key_id"] is not None])
    return Usage(
        [Day(day, *((by_day[day]["tasks"], by_day[day]["credits"]) if day in by_day else (0, 0))) for day in span],
        _dearest([Share(row["model"], row["tasks"], row["credits"]) for row in rows if row["model"] is not None]),
        _dearest(
            [Share(names.get(row["key_id"], ""), row["tasks"], row["credits"]) for row in rows if not row["no_key"]]
        ),
    )


async def _names(conn: Connection, keys: list[int]) -> dict[int, str]:
    rows = await conn.fetch("SELECT id, name, hint FROM api_keys WHERE id = ANY ($1::bigint[])", keys)
    return {row["id"]: row["name"] or row["hint"] for row in rows}


def _dearest(shares: list[Share]) -> list[Share]:
    return sorted(shares, key=lambda share: (-share.credits, -share.tasks, share.name))
