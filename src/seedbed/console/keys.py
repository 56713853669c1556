"""API keys: made, shown once, rotated, revoked."""

from __future__ import annotations

from collections import defaultdict
from typing import cast

from starlette.responses import Response

from seedbed import accounts, addresses, db
from seedbed.accounts import Api
from seedbed.console import _fields
from seedbed.console._door import Visit
from seedbed.errors import InvalidRequest, NotFound
from seedbed.web import redirect

NAME_CHARS_MAX, SECRET_CHARS_MAX = 100, 200
KEYS_MAX = 200
"""Live keys of an account."""


async def keys_page(visit: Visit) -> Response:
    """All keys of the account, and a form for another."""
    return await _page(visit)


async def make(visit: Visit) -> Response:
    """A new key, whose secret this one page shows."""
    form = visit.form
    try:
        api = cast(Api, form.get("api", ""))
        if api not in accounts.PREFIXES:
            raise InvalidRequest("Choose an API")
        name = " ".join(form.get("name", "").split())[:NAME_CHARS_MAX]
        webhook_url = form.get("webhook_url", "").strip() or None
        if webhook_url is not None:
            webhook_url = addresses.check_url(webhook_url, visit.runtime.settings.trusted)
        async with db.transaction(visit.runtime.pool) as conn:
            live = [key for key in await accounts.list_keys(conn, visit.member.account_id) if not key.revoked_at]
            if len(live) >= KEYS_MAX:
                raise InvalidRequest(f"An account has at most {KEYS_MAX} live keys; revoke one first")
            _, secret = await accounts.create_key(
                conn,
                visit.member.account_id,
                api,
                name=name,
                per_minute=_fields.whole_number(form, "per_minute", 1, 1_000_000),
                monthly=_fields.whole_number(form, "monthly", 0, 1_000_000_000),
                webhook_url=webhook_url,
                webhook_secret=form.get("webhook_secret", "").strip()[:SECRET_CHARS_MAX] or None,
            )
    except InvalidRequest as error:
        return await _page(visit, status=400, notice=visit.say(error.message), form=form)
    return await _page(visit, secret=secret)


async def rotate(visit: Visit) -> Response:
    """A new secret for a key, shown once."""
    key_id = await _own(visit)
    async with db.transaction(visit.runtime.pool) as conn:
        secret = await accounts.rotate_key(conn, key_id)
    return await _page(visit, secret=secret)


async def revoke(visit: Visit) -> Response:
    """Refuse a key from now on."""
    key_id = await _own(visit)
    async with db.transaction(visit.runtime.pool) as conn:
        await accounts.revoke_key(conn, key_id)
    return redirect("/keys?done=revoked")


async def _page(
    visit: Visit, *, status: int = 200, notice: str | None = None, secret: str | None = None,
    form: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    async with db.connection(visit.runtime.pool) as conn:
        found = await accounts.list_keys(conn, visit.member.account_id)
    return await visit.page(
        "keys.html", status=status, notice=notice, keys=found, secret=secret, form=defaultdict(str, form or {})
    )


async def _own(visit: Visit) -> int:
    """The key of the path, if it is this account's. Raises NotFound."""
    key_id: int = visit.request.path_params["key_id"]
    async with db.connection(visit.runtime.pool) as conn:
        if key_id not in [key.id for key in await accounts.list_keys(conn, visit.member.account_id)]:
            raise NotFound("There is no such key")
    return key_id
