"""Signing in with the OpenID Connect provider: the way there, the way back, and the words when somebody stays out.

An attempt is bound to its browser by a cookie of its own, so that two tabs do not disturb each other; the way back
without it leads nowhere, whoever made up the address.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from urllib.parse import quote

from starlette.responses import Response

from seedbed import accounts, db, identities, ledger, mail, signin
from seedbed.console import _fields
from seedbed.console._door import Visit, own_path
from seedbed.errors import InvalidRequest, NotFound, RateLimited
from seedbed.identities import ATTEMPT_S, Entered
from seedbed.oidc import Person, Provider, Reason, SignInRefused
from seedbed.telemetry import log
from seedbed.web import redirect, words

ATTEMPTS_MAX = 4
"""Cookies of attempts that a browser keeps; with more, all of them are old ones that nobody came back from."""

TO_CHARACTERS_MAX = 1024
STATUS: dict[Reason, int] = {"away": 503, "setup": 502, "untrusted": 502}
"""How a page that says why answers; 403 for what is not here."""

DECLINED = frozenset({"access_denied", "consent_required", "interaction_required", "login_required"})
AWAY = frozenset({"server_error", "temporarily_unavailable"})


async def start(visit: Visit) -> Response:
    """On to the provider. Only from pages of ours: another site is not to sign anybody in."""
    provider = _provider(visit)
    to = own_path(visit.request.query_params.get("next"))
    if visit.request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return redirect(f"/sign-in?next={quote(to, safe='')}")
    try:
        async with db.transaction(visit.runtime.pool) as conn:
            attempt = await identities.begin(conn, provider.issuer, address=visit.address)
        where = await provider.way(
            state=attempt.state, nonce=attempt.nonce, verifier=attempt.verifier, language=visit.language
        )
    except RateLimited as error:
        return await _stay(visit, to, error.status, visit.say("Too many attempts. Please wait a minute."))
    except SignInRefused as refusal:
        return await _refused(visit, refusal, to)
    answer = redirect(where)
    answer.headers["Cache-Control"] = "no-store"
    old = [name for name in visit.request.cookies if name.startswith(_cookie(visit))]
    for name in old if len(old) >= ATTEMPTS_MAX else ():
        _forget(visit, answer, name)
    answer.set_cookie(
        _cookie(visit, attempt.state), f"{attempt.browser}.{_packed(to)}", max_age=ATTEMPT_S, path="/",
        secure=visit.secure, httponly=True, samesite="lax",
    )  # fmt: skip
    return answer


async def callback(visit: Visit) -> Response:
    """Back from the provider: a session, or the words why there is none. What it says counts once."""
    provider, state = _provider(visit), visit.request.query_params.get("state", "")
    name = _cookie(visit, state)
    browser, _, packed = visit.request.cookies.get(name, "").partition(".")
    to = _unpacked(packed)
    try:
        answer = await _come_in(visit, provider, state, browser, to)
    except SignInRefused as refusal:
        answer = await _refused(visit, refusal, to)
    _forget(visit, answer, name)
    return answer


async def _come_in(visit: Visit, provider: Provider, state: str, browser: str, to: str) -> Response:
    query = visit.request.query_params
    async with db.transaction(visit.runtime.pool) as conn:
        attempt = await identities.take(conn, provider.issuer, state=state, browser=browser)
    await provider.check_sender(query.get("iss"))
    if error := query.get("error"):
        reason: Reason = "declined" if error in DECLINED else "away" if error in AWAY else "setup"
        raise SignInRefused(reason, f"the provider sent the browser back with {error[:64]!r}")
    person = await provider.person(query.get("code", ""), nonce=attempt.nonce, verifier=attempt.verifier)
    async with db.transaction(visit.runtime.pool) as conn:
        entered = await _whose(visit, conn, provider, person, to)
        email = (await accounts.get(conn, entered.account_id)).email
        language = await accounts.language(conn, entered.account_id) or visit.language
    if entered.how is not None:
        log.info("an identity was kept", account_id=entered.account_id, how=entered.how, issuer=person.issuer)
    if entered.how == "linked":
        letter = mail.connected(words(language), email, visit.runtime.settings.base_url, provider.label)
        visit.later(mail.send(visit.runtime.settings, email, letter))
    if entered.how in ("linked", "connected"):
        return await visit.enter_as(entered.account_id, f"/account?done={entered.how}")
    return await visit.enter_as(entered.account_id, "/" if entered.how == "first" else to)


async def _whose(visit: Visit, conn: db.Connection, provider: Provider, person: Person, to: str) -> Entered:
    """Whose account it is; of somebody who came from the first link, the administrator's."""
    token = to.removeprefix("/link/")
    if token != to and (await signin.look_at_link(conn, token)).purpose == "first":
        return await identities.enter_first(conn, person, token)
    credits, signed_in = visit.runtime.settings.sign_up_credits, visit.session.account_id if visit.session else None
    entered = await identities.enter(
        conn, person, may_sign_up=provider.open, domains=provider.domains, signed_in=signed_in
    )
    if (
        entered.how == "made"
        and credits
        and not await signin.is_invited(conn, accounts.check_email(person.email or ""))
    ):
        await ledger.grant(conn, entered.account_id, credits, "sign-up")
    return entered


async def disconnect(visit: Visit) -> Response:
    """Close the way through the provider, where there is another one."""
    number = _fields.part(visit, "identity_id")
    async with db.transaction(visit.runtime.pool) as conn:
        _, kept = await signin.kept_password(conn, visit.member.email)
        if kept is None or not visit.passwords:
            raise InvalidRequest(visit.say("You would have no other way to sign in: choose a password first."))
        await identities.end(conn, visit.member.account_id, number)
    log.info("an identity was ended", account_id=visit.member.account_id, identity=number)
    return await visit.enter_as(visit.member.account_id, "/account?done=disconnected")


# What people are told --------------------------------------------------------------------------------------------


async def _refused(visit: Visit, refusal: SignInRefused, to: str) -> Response:
    log.warning("nobody was signed in by the provider", reason=refusal.reason, why=str(refusal))
    return await _stay(visit, to, STATUS.get(refusal.reason, 403), _words(visit, refusal))


async def _stay(visit: Visit, to: str, status: int, notice: str) -> Response:
    return await visit.page("sign_in.html", status=status, notice=notice, next=to, email="")


def _words(visit: Visit, refusal: SignInRefused) -> str:
    names = {"provider": _provider(visit).label, "email": refusal.email}
    other = visit.session.email if visit.session else ""
    words: dict[Reason, str] = {
        "away": visit.say("{provider} does not answer. Please try again in a minute.", **names),
        "setup": visit.say(
            "Signing in with {provider} does not work now. Whoever runs this server finds the reason in its log.",
            **names,
        ),
        "untrusted": visit.say(
            "The answer of {provider} cannot be trusted, so nobody was signed in. Please try again; "
            "whoever runs this server finds the reason in its log.",
            **names,
        ),
        "declined": visit.say("{provider} did not let you in. Try again, or ask whoever runs it.", **names),
        "over": visit.say("This attempt to sign in has expired, or was begun in another browser. Please try again."),
        "no_email": visit.say("{provider} does not say what your email address is, and an account needs one.", **names),
        "unverified": visit.say(
            "{provider} has not verified that {email} is yours. Verify it there, then try again.", **names
        ),
        "domain": visit.say("Accounts with an address such as {email} cannot sign in here.", **names),
        "closed": visit.say("There is no account for {email}. Accounts are made by invitation here.", **names),
        "taken": visit.say(
            "The account of {email} is connected with somebody else at {provider}. Ask whoever runs this server.",
            **names,
        ),
        "another": visit.say("At {provider} you are {email}, and here {other}. Sign out first.", other=other, **names),
    }
    return words[refusal.reason]


# Cookies ---------------------------------------------------------------------------------------------------------


def _cookie(visit: Visit, state: str | None = None) -> str:
    """The name of an attempt's cookie, or what such names begin with. Under `__Host-` nobody else can set it."""
    mark = "" if state is None else hashlib.sha256(state.encode()).hexdigest()[:12]
    return f"{'__Host-' if visit.secure else ''}attempt-{mark}"


def _forget(visit: Visit, answer: Response, name: str) -> None:
    answer.delete_cookie(name, path="/", secure=visit.secure, httponly=True, samesite="lax")


def _packed(to: str) -> str:
    return base64.urlsafe_b64encode((to if len(to) <= TO_CHARACTERS_MAX else "/").encode()).decode().rstrip("=")


def _unpacked(packed: str) -> str:
    try:
        return own_path(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode())
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return "/"


def _provider(visit: Visit) -> Provider:
    if visit.provider is None:
        raise NotFound("There is no such page")
    return visit.provider
