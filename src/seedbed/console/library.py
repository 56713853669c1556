"""The library: a wall of the account's tasks, over all dialects, newest first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from starlette.responses import Response

from seedbed import accounts, db, library, tasks
from seedbed.console._door import Visit
from seedbed.console._shown import STATES, shown
from seedbed.errors import InvalidRequest
from seedbed.wanted import Wanted

PAGE = 24
TEXT_CHARS_MAX = 200
FILTERS = ("text", "state", "model", "key", "since", "until")
KEY_MAX = 2**63 - 1


async def library_page(visit: Visit) -> Response:
    """The wall, or the part of it that the filters leave."""
    asked = visit.request.query_params
    given = {name: asked[name] for name in FILTERS if asked.get(name)}
    status, notice = 200, None
    try:
        wanted = _wanted(visit, given)
    except InvalidRequest as error:
        wanted, status, notice = Wanted(account_id=visit.member.account_id), 400, visit.say(error.message)
    async with db.connection(visit.runtime.pool) as conn:
        found = await library.browse(conn, wanted, limit=PAGE, after=asked.get("after"))
        keys = await accounts.list_keys(conn, visit.member.account_id)
    older = None if found.last is None else "/library?" + urlencode({**given, "after": found.last})
    return await visit.page(
        "library.html",
        status=status,
        notice=notice,
        wall=[shown(visit, task) for task in found.tasks],
        older=older,
        is_first="after" not in asked,
        newest="/library?" + urlencode(given),
        given=defaultdict(str, given),
        filtered=bool(given),
        states={name: visit.say(word) for name, word in STATES.items()},
        models=[model.id for model in visit.runtime.catalogue.model],
        keys=keys,
        key_names={key.id: key.name or key.hint for key in keys},
    )


def _wanted(visit: Visit, given: Mapping[str, str]) -> Wanted:
    """The tasks that the filters mean. Raises InvalidRequest."""
    state, key = given.get("state"), given.get("key")
    if state is not None and state not in tasks.STATUSES:
        raise InvalidRequest("Choose a state from the list", field="state")
    if key is not None and not (key.isascii() and key.isdigit() and int(key[:20]) <= KEY_MAX):
        raise InvalidRequest("Choose a key from the list", field="key")
    text = given.get("text", "").strip()
    if len(text) > TEXT_CHARS_MAX or "\x00" in text:
        raise InvalidRequest(f"Search for no more than {TEXT_CHARS_MAX} characters", field="text")
    model = given.get("model")
    if model is not None and "\x00" in model:
        raise InvalidRequest("Choose a model from the list", field="model")
    until = _day(given, "until")
    return Wanted(
        account_id=visit.member.account_id,
        status=state,
        model=model,
        key_id=None if key is None else int(key),
        text=text or None,
        since=_day(given, "since"),
        until=None if until is None else until + timedelta(days=1),
    )


def _day(given: Mapping[str, str], field: str) -> datetime | None:
    """The beginning, in UTC, of a day such as 2026-01-31."""
    if field not in given:
        return None
    try:
        day = date.fromisoformat(given[field])
    except ValueError:
        raise InvalidRequest("Write the day as year-month-day, such as 2026-01-31", field=field) from None
    if not 2000 <= day.year <= 9000:
        raise InvalidRequest("Write the day as year-month-day, such as 2026-01-31", field=field)
    return datetime.combine(day, time(), UTC)
