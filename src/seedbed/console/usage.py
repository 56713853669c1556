"""Usage and credits: the balance, what was spent on what, the ledger line by line and as a file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.responses import Response, StreamingResponse

from seedbed import accounts, db, ledger, usage
from seedbed.console import _fields
from seedbed.console._door import Visit
from seedbed.errors import InvalidRequest
from seedbed.ledger import Line
from seedbed.usage import Day
from seedbed.web import redirect

DAYS = 30
"""The span that is shown at first."""

COLUMNS = ("id", "time_utc", "kind", "task", "with", "note", "available_change", "held_change", "available_after")
FORMULA = re.compile(r"""(?:^|(?<=[;,\t\r\n"]))(?=\s*[=+\-@＝＋－＠])""")
"""Where a spreadsheet sees a formula begin (OWASP, CSV injection): at a cell's start, and behind what parts cells, for
which some take a semicolon or a tab."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A day's bar in the plot, in the plot's own units."""

    day: Day
    x: float
    height: float


async def usage_page(visit: Visit) -> Response:
    """Everything about the account's credits; the ledger a page at a time, earlier pages of it alone."""
    return await _page(visit)


async def set_notice(visit: Visit) -> Response:
    """Warn from now on below so many credits, or never."""
    try:
        credits = _fields.whole_number(visit.form, "low", 1, _fields.CREDITS_MAX)
    except InvalidRequest as error:
        return await _page(visit, status=400, notice=visit.say(error.message))
    async with db.transaction(visit.runtime.pool) as conn:
        await accounts.set_low_balance(conn, visit.member.account_id, credits)
    return redirect("/usage?done=notice")


async def ledger_csv(visit: Visit) -> Response:
    """The whole ledger of the account, oldest first, as CSV (RFC 4180), sent while it is read."""
    headers = {
        "Content-Disposition": 'attachment; filename="ledger.csv"',
        "Cache-Control": "no-store",
    }
    lines = _csv(visit.runtime.pool, visit.member.account_id)
    return StreamingResponse(lines, headers=headers, media_type="text/csv; charset=utf-8")


async def _csv(pool: db.Pool, account_id: int) -> AsyncIterator[str]:
    yield _rows([list(COLUMNS)])
    async for lines in ledger.whole_statement(pool, account_id):
        yield _rows([_cells(line) for line in lines])


def _rows(rows: list[list[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _cells(line: Line) -> list[object]:
    told = [harmless(cell or "") for cell in (line.task_id, line.other, line.note)]
    return [line.id, f"{line.at:%Y-%m-%d %H:%M:%S}", line.kind, *told, line.available, line.held, line.balance]


def harmless(cell: str) -> str:
    """Text for a cell that no spreadsheet runs: what would begin a formula gets an apostrophe before it."""
    return FORMULA.sub("'", cell)


async def _page(visit: Visit, *, status: int = 200, notice: str | None = None) -> Response:
    account_id, days, newest = visit.member.account_id, _days(visit), "before" not in visit.request.query_params
    async with db.connection(visit.runtime.pool) as conn:
        spent = await usage.of_account(conn, account_id, days) if newest else None
        lines = await ledger.statement(conn, account_id, before=_fields.before(visit), limit=_fields.PAGE + 1)
    return await visit.page(
        "usage.html",
        status=status,
        notice=notice,
        spent=spent,
        spans=usage.DAYS,
        days=days,
        bars=_bars(spent.days) if spent else [],
        lines=lines[: _fields.PAGE],
        older=lines[_fields.PAGE - 1].id if len(lines) > _fields.PAGE else None,
        low_at=visit.member.low_balance_credits,
    )


def _days(visit: Visit) -> int:
    text = visit.request.query_params.get("days", "")
    return next((days for days in usage.DAYS if text == str(days)), DAYS)


def _bars(days: list[Day]) -> list[Bar]:
    """The plot is 100 units high, and 10 wide for each day."""
    most = max(max(day.credits for day in days), 1)
    return [
        Bar(day, 10 * number + 1.5, round(max(100 * day.credits / most, 1.5 if day.credits else 0), 2))
        for number, day in enumerate(days)
    ]
