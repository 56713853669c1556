"""Webhooks: every delivery with its body and answers; tests, redeliveries, addresses that are turned off."""

from __future__ import annotations

import re
from collections import defaultdict

import orjson
from starlette.responses import Response

from seedbed import accounts, addresses, db, limits, webhooks
from seedbed.accounts import Key
from seedbed.console import _fields
from seedbed.console._door import Visit
from seedbed.console._snippets import receivers
from seedbed.errors import ApiError, InvalidRequest, NotFound
from seedbed.web import redirect

TESTS_PER_MINUTE = 10
"""Of an account: a test is a request to a stranger's machine."""

SHOWN_BYTES_MAX = 64 * 1024
DELIVERY = re.compile(r"msg_[0-9A-Za-z]{1,64}")


async def webhooks_page(visit: Visit) -> Response:
    """The deliveries, the latest first; a form for a test; what is turned off; how to verify."""
    return await _page(visit)


async def delivery_page(visit: Visit) -> Response:
    """One delivery: what was sent, and what each try brought."""
    async with db.connection(visit.runtime.pool) as conn:
        sent, body, tries = await webhooks.opened(conn, visit.member.account_id, _delivery_id(visit))
    return await visit.page("delivery.html", sent=sent, body=_readable(body), tries=tries)


async def test(visit: Visit) -> Response:
    """Have a worker send a test."""
    settings, account_id, form = visit.runtime.settings, visit.member.account_id, visit.form
    try:
        url = addresses.check_url(form.get("url", "").strip(), settings.trusted, field="url")
        if addresses.is_below(url, settings.base_url):
            raise InvalidRequest("This server takes no webhooks itself: give an address of yours", field="url")
        key_id = _fields.whole_number(form, "key", 1, _fields.INT8_MAX)
        async with db.transaction(visit.runtime.pool) as conn:
            await limits.take_minute(conn, f"webhook tests of account {account_id}", TESTS_PER_MINUTE)
        async with db.transaction(visit.runtime.pool) as conn:
            if key_id not in [key.id for key in await _live_keys(conn, account_id)]:
                raise InvalidRequest("Choose a key: its secret signs the test", field="key")
            delivery_id = await webhooks.open_test(conn, account_id, key_id, url)
    except NotFound:
        raise
    except ApiError as error:
        return await _page(visit, status=error.status, notice=visit.say(error.message), form=form)
    visit.runtime.wake()
    return redirect(f"/webhooks/{delivery_id}?done=test")


async def redeliver(visit: Visit) -> Response:
    """Send a delivery again, with its id and its bytes."""
    async with db.transaction(visit.runtime.pool) as conn:
        sent, _, _ = await webhooks.opened(conn, visit.member.account_id, _delivery_id(visit))
        await limits.take_minute(conn, f"redeliveries of account {visit.member.account_id}", 6 * TESTS_PER_MINUTE)
        await webhooks.redeliver(conn, sent.id)
    visit.runtime.wake()
    return redirect(f"/webhooks/{sent.id}?done=again")


async def turn_on(visit: Visit) -> Response:
    """Let an address receive again."""
    async with db.transaction(visit.runtime.pool) as conn:
        await webhooks.turn_on(conn, visit.member.account_id, visit.form.get("url", ""))
    return redirect("/webhooks?done=on")


def _delivery_id(visit: Visit) -> str:
    found: str = visit.request.path_params["delivery_id"]
    if not DELIVERY.fullmatch(found):
        raise NotFound("There is no such delivery")
    return found


async def _live_keys(conn: db.Connection, account_id: int) -> list[Key]:
    return [key for key in await accounts.list_keys(conn, account_id) if key.revoked_at is None]


def _readable(body: bytes) -> str:
    """A body in lines, as far as it is JSON; else as it is."""
    try:
        text = orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        text = body.decode("utf-8", "replace")
    return text[:SHOWN_BYTES_MAX]


async def _page(
    visit: Visit, *, status: int = 200, notice: str | None = None, form: dict[str, str] | None = None
) -> Response:
    account_id = visit.member.account_id
    async with db.connection(visit.runtime.pool) as conn:
        sent = await webhooks.sent(conn, account_id, before=_fields.before(visit), limit=_fields.PAGE + 1)
        off = await webhooks.turned_off(conn, account_id)
        keys = await _live_keys(conn, account_id)
    return await visit.page(
        "webhooks.html",
        status=status,
        notice=notice,
        sent=sent[: _fields.PAGE],
        older=sent[_fields.PAGE - 1].seq if len(sent) > _fields.PAGE else None,
        newest="before" not in visit.request.query_params,
        off=off,
        keys=keys,
        snippets=receivers(),
        form=defaultdict(str, form or {}),
    )
