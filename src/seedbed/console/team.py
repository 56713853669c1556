"""The team: who is in it, invitations by mail, credits to a member and back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from seedbed import accounts, db, limits, mail, signin, teams
from seedbed.console import _fields
from seedbed.console._door import Visit
from seedbed.errors import ApiError, InvalidRequest, NotFound
from seedbed.web import redirect, words

INVITATIONS_PER_MINUTE = 10
"""Of an account: each is a mail to somebody who may not expect one."""


async def team_page(visit: Visit) -> Response:
    """Everybody in the team; for owners, what they can do there."""
    return await _page(visit)


async def invite(visit: Visit) -> Response:
    """Send an invitation. Where no mail goes out, the page shows the link, to be handed over."""
    account_id, settings = visit.member.account_id, visit.runtime.settings
    email = visit.form.get("email", "")
    try:
        async with db.transaction(visit.runtime.pool) as conn:
            await limits.take_minute(conn, f"invitations of account {account_id}", INVITATIONS_PER_MINUTE)
        async with db.transaction(visit.runtime.pool) as conn:
            token = await teams.invite(conn, account_id, email)
    except ApiError as error:
        return await _page(visit, status=error.status, notice=visit.say(error.message), email=email)
    url = f"{settings.base_url}/link/{token}"
    async with db.connection(visit.runtime.pool) as conn:
        invited, _ = await signin.kept_password(conn, email)
        reads = None if invited is None else await accounts.language(conn, invited)
    letter = mail.invitation(words(reads or visit.language), visit.member.email, url)
    posted = await mail.send(settings, email.strip().lower(), letter)
    if posted and settings.smtp_url is not None:
        return redirect("/team?done=invited")
    return await _page(visit, link=url)


async def revoke(visit: Visit) -> Response:
    """End an invitation."""
    invitation_id = _fields.part(visit, "invitation_id")
    return await _done(visit, "revoked", lambda conn: teams.revoke(conn, visit.member.account_id, invitation_id))


async def give(visit: Visit) -> Response:
    """Move credits to a member."""
    return await _move(visit, "given", teams.give)


async def take_back(visit: Visit) -> Response:
    """Move credits back."""
    return await _move(visit, "taken", teams.take_back)


async def _move(visit: Visit, word: str, move: Callable[[db.Connection, int, int, int], Awaitable[object]]) -> Response:
    """Once for a form, however often it is sent."""
    member_id = _fields.part(visit, "member_id")

    async def act(conn: db.Connection) -> None:
        if await _fields.is_first(visit, conn):
            await move(conn, visit.member.account_id, member_id, _fields.credits(visit.form))

    return await _done(visit, word, act)


async def set_role(visit: Visit) -> Response:
    """Make a member an owner, or an owner a member."""
    member_id, role = _fields.part(visit, "member_id"), visit.form.get("role", "")
    if role not in teams.ROLES:
        raise InvalidRequest("Choose a role")
    return await _done(visit, "role", lambda conn: teams.set_role(conn, visit.member.account_id, member_id, role))


async def remove(visit: Visit) -> Response:
    """Remove a member."""
    member_id = _fields.part(visit, "member_id")
    return await _done(visit, "removed", lambda conn: teams.remove(conn, visit.member.account_id, member_id))


async def leave(visit: Visit) -> Response:
    """Leave the team."""
    return await _done(visit, "left", lambda conn: teams.leave(conn, visit.member.account_id))


async def _done(visit: Visit, word: str, act: Callable[[db.Connection], Awaitable[object]]) -> Response:
    """Do it, and go on; what cannot be done is said over the page, and what is not there is not there."""
    try:
        async with db.transaction(visit.runtime.pool) as conn:
            await act(conn)
    except NotFound:
        raise
    except ApiError as error:
        return await _page(visit, status=error.status, notice=visit.say(error.message))
    return redirect(f"/team?done={word}")


async def _page(
    visit: Visit, *, status: int = 200, notice: str | None = None, email: str = "", link: str | None = None
) -> Response:
    account_id = visit.member.account_id
    async with db.connection(visit.runtime.pool) as conn:
        here = await teams.of(conn, account_id)
        members = await teams.members(conn, here) if here else []
        waiting = await teams.invitations(conn, here.team_id) if here and here.role == "owner" else []
    return await visit.page(
        "team.html",
        status=status,
        notice=notice,
        here=here,
        owns=here is None or here.role == "owner",
        members=members,
        waiting=waiting,
        email=email,
        link=link,
        once=_fields.new_once(),
    )
