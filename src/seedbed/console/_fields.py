"""What forms and addresses hold, read strictly."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

import orjson

from seedbed import idempotency
from seedbed.console._door import Visit
from seedbed.db import Connection
from seedbed.errors import InvalidRequest, NotFound

CREDITS_MAX = 10**12
"""Most credits moved or given by one form."""

INT8_MAX = 2**63 - 1
PAGE = 50
"""Rows of a list on one page."""


def whole_number(form: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    """A whole number of a form; None where nothing was typed. Raises InvalidRequest."""
    text = form.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and least <= int(text) <= most):
        raise InvalidRequest(f"'{name}' must be a whole number from {least} to {most}", field=name)
    return int(text)


def credits(form: Mapping[str, str]) -> int:
    """The field `credits`: one or more. Raises InvalidRequest."""
    number = whole_number(form, "credits", 1, CREDITS_MAX)
    if number is None:
        raise InvalidRequest("Say how many credits", field="credits")
    return number


def line(form: Mapping[str, str], name: str, chars_max: int) -> str:
    """A field of one line, without blanks around and in rows; cut at `chars_max`."""
    return " ".join(form.get(name, "").split())[:chars_max].strip()


def before(visit: Visit) -> int:
    """Where a page of a list begins: `before` in the address, or the end. Raises InvalidRequest."""
    return whole_number(visit.request.query_params, "before", 0, 10**18) or INT8_MAX


def part(visit: Visit, name: str) -> int:
    """A number in the path that may be an id. Raises NotFound for one that no row can have."""
    number: int = visit.request.path_params[name]
    if number > INT8_MAX:
        raise NotFound("There is no such page")
    return number


def new_once() -> str:
    """What a form that moves credits carries in its field `once`, so that sent twice it moves them once."""
    return secrets.token_urlsafe(16)


async def is_first(visit: Visit, conn: Connection) -> bool:
    """Whether a form that carries `once` is here for the first time; noted in the caller's transaction.

    Raises IdempotencyConflict while its first sending is still being carried out.
    """
    once = visit.form.get("once", "")
    if not once:
        return True
    account_id, endpoint = visit.member.account_id, f"form {visit.request.url.path}"
    body = orjson.dumps(visit.form, option=orjson.OPT_SORT_KEYS)
    if await idempotency.find(conn, account_id, endpoint, idempotency.check_key(once), body) is not None:
        return False
    await idempotency.keep(conn, account_id, endpoint, once, body, idempotency.Answer(303, b""))
    return True
