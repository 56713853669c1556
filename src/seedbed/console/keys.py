"""API keys: made, shown once, changed, rotated, revoked."""

from __future__ import annotations

from collections import defaultdict
from typing import TypedDict, cast

from starlette.responses import Response

from seedbed import accounts, addresses, db
from seedbed.accounts import Api, Key
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
        wishes = _wishes(visit)
        async with db.transaction(visit.runtime.pool) as conn:
            live = [key for key in await accounts.list_keys(conn, visit.member.account_id) if not key.revoked_at]
            if len(live) >= KEYS_MAX:
                raise InvalidRequest(f"An account has at most {KEYS_MAX} live keys; revoke one first")
            _, secret = await accounts.create_key(conn, visit.member.account_id, api, **wishes)
    except InvalidRequest as error:
        return await _page(visit, status=400, notice=visit.say(error.message), form=form)
    return await _page(visit, secret=secret)


async def key_page(visit: Visit) -> Response:
    """One key's name, limits and webhook, to be changed."""
    return await _key_page(visit, await _own(visit))


async def change(visit: Visit) -> Response:
    """Another name, limits or webhook for a key; its secret and its tasks stay."""
    key = await _own(visit)
    try:
        wishes = _wishes(visit)
    except InvalidRequest as error:
        return await _key_page(visit, key, status=400, notice=visit.say(error.message), form=visit.form)
    async with db.transaction(visit.runtime.pool) as conn:
        await accounts.change_key(conn, key.id, **wishes)
    return redirect("/keys?done=changed")


async def rotate(visit: Visit) -> Response:
    """A new secret for a key, shown once."""
    key = await _own(visit)
    async with db.transaction(visit.runtime.pool) as conn:
        secret = await accounts.rotate_key(conn, key.id)
    return await _page(visit, secret=secret)


async def revoke(visit: Visit) -> Response:
    """Refuse a key from now on."""
    key = await _own(visit)
    async with db.transaction(visit.runtime.pool) as conn:
        await accounts.revoke_key(conn, key.id)
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


async def _key_page(
    visit: Visit, key: Key, *, status: int = 200, notice: str | None = None, form: dict[str, str] | None = None
) -> Response:
    per_minute = None if key.per_minute == accounts.PER_MINUTE[key.api] else key.per_minute
    kept = {"name": key.name, "per_minute": per_minute, "monthly": key.monthly, "webhook_url": key.webhook_url}
    shown = form or {name: "" if value is None else str(value) for name, value in kept.items()}
    return await visit.page("key.html", status=status, notice=notice, key=key, form=defaultdict(str, shown))


async def _own(visit: Visit) -> Key:
    """The live key of the path, if it is this account's. Raises NotFound."""
    key_id = _fields.part(visit, "key_id")
    async with db.connection(visit.runtime.pool) as conn:
        for key in await accounts.list_keys(conn, visit.member.account_id):
            if key.id == key_id and not key.revoked_at:
                return key
    raise NotFound("There is no such key")


class _Wishes(TypedDict):
    name: str
    per_minute: int | None
    monthly: int | None
    webhook_url: str | None
    webhook_secret: str | None


def _wishes(visit: Visit) -> _Wishes:
    """What the form says of a key. Raises InvalidRequest."""
    form = visit.form
    webhook_url = form.get("webhook_url", "").strip()
    return _Wishes(
        name=_fields.line(form, "name", NAME_CHARS_MAX),
        per_minute=_fields.whole_number(form, "per_minute", 1, 1_000_000),
        monthly=_fields.whole_number(form, "monthly", 0, 1_000_000_000),
        webhook_url=addresses.check_url(webhook_url, visit.runtime.settings.trusted) if webhook_url else None,
        webhook_secret=form.get("webhook_secret", "").strip()[:SECRET_CHARS_MAX] or None,
    )
