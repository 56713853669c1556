"""Coming in and going out: sign-up, sign-in, forgotten passwords, first links, sessions."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.responses import Response

from seedbed import accounts, db, identities, ledger, mail, signin, teams
from seedbed.console._door import Visit, own_path
from seedbed.errors import ApiError, InvalidRequest, NotFound, RateLimited
from seedbed.signin import Link
from seedbed.telemetry import log
from seedbed.web import redirect, words

# Browsers claim to be those that came before them: the later ones stand first.
BROWSERS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("YaBrowser/", "Yandex"), ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"), ("Linux", "Linux"),
)  # fmt: skip


async def sign_in_page(visit: Visit) -> Response:
    """The form; whoever has signed in goes on."""
    to = own_path(visit.request.query_params.get("next"))
    return redirect(to) if visit.session else await visit.page("sign_in.html", next=to, email="")


async def sign_in(visit: Visit) -> Response:
    """Begin a session, for the right password."""
    _passwords(visit)
    email, to = visit.form.get("email", ""), own_path(visit.form.get("next"))
    try:
        await _count(visit, email)
    except RateLimited as error:
        return await visit.page("sign_in.html", status=429, notice=visit.say(error.message), next=to, email=email)
    async with db.connection(visit.runtime.pool) as conn:
        account_id, kept = await signin.kept_password(conn, email)
    if not await asyncio.to_thread(signin.checked, visit.form.get("password", ""), kept) or account_id is None:
        notice = visit.say("This email and this password do not go together.")
        return await visit.page("sign_in.html", status=400, notice=notice, next=to, email=email)
    return await visit.enter_as(account_id, to)


async def sign_up_page(visit: Visit) -> Response:
    """The form, where accounts may be made."""
    return redirect("/") if visit.session else await visit.page("sign_up.html", email="", open=_open(visit))


async def sign_up(visit: Visit) -> Response:
    """Make an account, and begin its first session."""
    _passwords(visit)
    if not _open(visit):
        raise InvalidRequest("Accounts are made by invitation here")
    email, password = visit.form.get("email", ""), visit.form.get("password", "")
    try:
        await _count(visit, email)
        signin.check_password(password, email)
        kept = await asyncio.to_thread(signin.hashed, password)
        async with db.transaction(visit.runtime.pool) as conn:
            account_id = await signin.sign_up(conn, email, kept, language=visit.language)
            if visit.runtime.settings.sign_up_credits:
                await ledger.grant(conn, account_id, visit.runtime.settings.sign_up_credits, "sign-up")
    except ApiError as error:
        notice = visit.say(error.message)
        return await visit.page("sign_up.html", status=error.status, notice=notice, email=email, open=True)
    return await visit.enter_as(account_id, "/")


async def forgot_page(visit: Visit) -> Response:
    """Where a link for a new password is asked for."""
    return await visit.page("forgot.html", sent=False) if visit.passwords else redirect("/sign-in")


async def forgot(visit: Visit) -> Response:
    """Send a link, if there is such an account; the answer is the same where there is none."""
    _passwords(visit)
    email = visit.form.get("email", "")
    await _count(visit, email)
    visit.later(_post_link(visit, email.strip().lower()))
    return await visit.page("forgot.html", sent=True)


async def _post_link(visit: Visit, email: str) -> None:
    """Mail the way to a new password, in the account's language, whoever asked for it in whichever.

    It all comes after the answer, whose time tells nobody who has an account.
    """
    settings = visit.runtime.settings
    try:
        async with db.transaction(visit.runtime.pool) as conn:
            account_id, _ = await signin.kept_password(conn, email)
            if account_id is None:
                return
            token = await signin.make_link(conn, "reset", account_id=account_id)
            language = await accounts.language(conn, account_id)
    except db.UNAVAILABLE as error:
        log.error("a link for a new password could not be made", error=repr(error))
        return
    link = f"{settings.base_url}/link/{token}"
    await mail.send(settings, email, mail.new_password(words(language or visit.language), link))


async def link_page(visit: Visit) -> Response:
    """A link that was sent: choose a password, or join a team."""
    return await _link(visit, await _looked_at(visit))


async def link(visit: Visit) -> Response:
    """Set the password that was chosen, and begin a session; or join a team with the account that one has."""
    found = await _looked_at(visit)
    token = visit.request.path_params["token"]
    if found.known:
        return await _join(visit, found, token)
    _passwords(visit)
    email, password = found.email, visit.form.get("password", "")
    try:
        if found.link.purpose == "first":
            email = accounts.check_email(visit.form.get("email") or email)
        signin.check_password(password, email)
        kept = await asyncio.to_thread(signin.hashed, password)
        async with db.transaction(visit.runtime.pool) as conn:
            account_id = await _let_in(conn, token, email, kept)
            await accounts.set_language(conn, account_id, visit.language)
    except NotFound:
        raise
    except ApiError as error:
        return await _link(visit, found, error, email=email)
    return await visit.enter_as(account_id, "/team" if found.link.purpose == "invite" else "/")


@dataclass(frozen=True, slots=True)
class _Followed:
    """A link with the address that it is for; `known` where that is invited and has an account already."""

    link: Link
    email: str
    inviter: str | None
    known: bool


async def _looked_at(visit: Visit) -> _Followed:
    """What the link of the path is for. Raises NotFound."""
    token, inviter = visit.request.path_params["token"], None
    async with db.connection(visit.runtime.pool) as conn:
        found = await signin.look_at_link(conn, token)
        if found.purpose == "invite":
            inviter = await teams.inviter(conn, token)
        email = found.email or (await accounts.get(conn, found.account_id or 0)).email
        account_id, _ = await signin.kept_password(conn, email)
    return _Followed(found, email, inviter, found.purpose == "invite" and account_id is not None)


async def _link(visit: Visit, found: _Followed, error: ApiError | None = None, *, email: str | None = None) -> Response:
    return await visit.page(
        "join.html" if found.known else "password.html",
        status=error.status if error else 200,
        notice=visit.say(error.message) if error else None,
        purpose=found.link.purpose,
        email=email or found.email,
        inviter=found.inviter,
        here=visit.request.url.path,
    )


async def _join(visit: Visit, found: _Followed, token: str) -> Response:
    """Only who is signed in as the invited address joins: whoever invited may know the link, too."""
    if visit.session is None or visit.session.email != found.email:
        return await _link(visit, found, InvalidRequest("Sign in with the address that was invited"))
    try:
        async with db.transaction(visit.runtime.pool) as conn:
            await teams.join(conn, visit.session.account_id, token)
    except InvalidRequest as error:
        return await _link(visit, found, error)
    return redirect("/team?done=joined")


async def _let_in(conn: db.Connection, token: str, email: str, kept: str) -> int:
    """Use a link up, for an account with a password. Returns its id. Raises NotFound, InvalidRequest."""
    link = await signin.look_at_link(conn, token)
    if link.purpose == "invite":
        account_id = await signin.sign_up(conn, email, kept)
        await teams.join(conn, account_id, token)
        return account_id
    await signin.use_link(conn, token)
    assert link.account_id is not None
    if link.purpose == "first":
        await accounts.rename(conn, link.account_id, email)
    await signin.set_password(conn, link.account_id, kept)
    return link.account_id


async def sign_out(visit: Visit) -> Response:
    """End this session."""
    async with db.transaction(visit.runtime.pool) as conn:
        await signin.end_session(conn, visit.member.account_id, visit.member.id)
    return visit.leave(redirect("/sign-in"))


async def account_page(visit: Visit) -> Response:
    """The sessions, and the ways to sign in."""
    return await _account(visit)


async def _account(visit: Visit, error: ApiError | None = None) -> Response:
    async with db.connection(visit.runtime.pool) as conn:
        sessions = await signin.list_sessions(conn, visit.member.account_id)
        connected = await identities.of_account(conn, visit.member.account_id)
        _, kept = await signin.kept_password(conn, visit.member.email)
    return await visit.page(
        "account.html", status=error.status if error else 200, notice=visit.say(error.message) if error else None,
        sessions=sessions, browser=browser, connected=connected, has_password=kept is not None,
    )  # fmt: skip


def browser(agent: str) -> str:
    """A User-Agent in two words, such as "Firefox, Windows"; one that is no browser's as it is."""
    found = [next((name for mark, name in marks if mark in agent), "") for marks in (BROWSERS, SYSTEMS)]
    return ", ".join(found) if all(found) else agent


async def end_session(visit: Visit) -> Response:
    """End a session, this one or another."""
    number = visit.form.get("session", "")
    if not (number.isascii() and number.isdigit() and len(number) < 18):
        raise InvalidRequest("'session' must be a number")
    async with db.transaction(visit.runtime.pool) as conn:
        await signin.end_session(conn, visit.member.account_id, int(number))
    if int(number) == visit.member.id:
        return visit.leave(redirect("/sign-in"))
    return redirect("/account?done=session-ended")


async def change_password(visit: Visit) -> Response:
    """A new password for the old one. All sessions end, and this browser begins another."""
    _passwords(visit)
    member, new = visit.member, visit.form.get("password", "")
    await _count(visit, member.email)
    async with db.connection(visit.runtime.pool) as conn:
        _, kept = await signin.kept_password(conn, member.email)
    try:
        if kept is not None and not await asyncio.to_thread(signin.checked, visit.form.get("old", ""), kept):
            raise InvalidRequest("The old password is another one")
        signin.check_password(new, member.email)
    except InvalidRequest as error:
        return await _account(visit, error)
    hashed = await asyncio.to_thread(signin.hashed, new)
    async with db.transaction(visit.runtime.pool) as conn:
        await signin.set_password(conn, member.account_id, hashed)
    return await visit.enter_as(member.account_id, "/account?done=password-changed")


async def _count(visit: Visit, email: str) -> None:
    async with db.transaction(visit.runtime.pool) as conn:
        await signin.count_try(conn, visit.address, email)


def _passwords(visit: Visit) -> None:
    """Raises InvalidRequest where people sign in with the provider alone."""
    if not visit.passwords:
        label = visit.provider.label if visit.provider else ""
        raise InvalidRequest(visit.say("There are no passwords here: sign in with {provider}.", provider=label))


def _open(visit: Visit) -> bool:
    return visit.runtime.settings.sign_up == "open"
