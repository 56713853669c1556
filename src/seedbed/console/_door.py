"""Who is at the door of the console: sessions in a cookie, forms that only our own pages can send, errors as pages.

A handler is `async (Visit) -> Response`. `open_to_all` and `members` make endpoints of it; whatever it raises becomes
a page, and on a form's POST a notice over the page that the form is on.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from seedbed import accounts, db, signin
from seedbed.errors import (
    ApiError,
    InternalError,
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
    ServiceBusy,
    Unauthorized,
)
from seedbed.ledger import Balance, balance
from seedbed.oidc import Provider
from seedbed.runtime import Runtime
from seedbed.signin import Session
from seedbed.telemetry import log
from seedbed.web import Pages, Words, language_of, languages, redirect, words

FORM_BYTES_MAX = 256 * 1024
"""A prompt of 10,000 characters takes up to 120,000 bytes in a form."""

RETRY_S = 60
"""What a page that says "too many" or "too busy" names as the time to wait: no window of ours is longer."""

SAFE = frozenset({"GET", "HEAD"})
TIDY = re.compile(r"(/[\w.-]+)+/+", re.ASCII)
"""A path with a slash too many, and with nothing in it that could be read as another host."""

_ERRANDS: set[asyncio.Task[object]] = set()
"""Kept here, because the event loop alone would let them be collected."""


@dataclass
class Visit:
    """One request of a person. `session` is None where nobody has signed in; `unread` is its body, until it is read."""

    request: Request
    pages: Pages
    runtime: Runtime
    session: Session | None
    token: str
    form: dict[str, str] = field(default_factory=dict)
    unread: bool = False

    @property
    def member(self) -> Session:
        """Who has signed in. For handlers of `members` alone."""
        assert self.session is not None
        return self.session

    @property
    def language(self) -> str:
        return language_of(self.request, self.session.language if self.session else None)

    @property
    def words(self) -> Words:
        """The reader's language."""
        return words(self.language)

    @property
    def provider(self) -> Provider | None:
        """The OpenID Connect provider that people may sign in with."""
        return self.runtime.provider

    @property
    def passwords(self) -> bool:
        """Whether people may sign in with passwords."""
        return self.runtime.settings.passwords

    @property
    def may_sign_up(self) -> bool:
        """Whether anybody may make an account, one way or the other."""
        by_password = self.passwords and self.runtime.settings.sign_up == "open"
        return by_password or (self.provider is not None and self.provider.open)

    def way_in(self, to: str) -> str:
        """The address that leads by the provider to `to`: at the public one, where the cookie is looked for."""
        return f"{self.runtime.settings.base_url}/sign-in/start?next={quote(to, safe='')}"

    @property
    def csrf(self) -> str:
        """What a form must bring along: only pages of this session know it."""
        mac = hmac.new(self.token.encode(), b"form", hashlib.sha256).digest()
        return base64.urlsafe_b64encode(mac).decode().rstrip("=")

    @property
    def address(self) -> str:
        return self.request.client.host if self.request.client else ""

    @property
    def agent(self) -> str:
        return self.request.headers.get("user-agent", "")

    def say(self, phrase: str, **values: object) -> str:
        """A phrase in the reader's language; without values also a sentence of the core, such as an error's message."""
        return self.words(phrase, **values) if values else self.words.retold(phrase)

    def count(self, one: str, many: str, number: int, **values: object) -> str:
        """A phrase that depends on how many there are, in the reader's language."""
        return self.words.count(one, many, number, **values)

    def _is_low(self, held: Balance | None) -> bool:
        least = self.session.low_balance_credits if self.session else None
        return held is not None and least is not None and held.available < least

    async def page(self, template: str, *, status: int = 200, notice: str | None = None, **values: Any) -> Response:
        """A page of the console. `notice` is what went wrong."""
        held: Balance | None = None
        if self.session is not None:
            async with db.connection(self.runtime.pool) as conn:
                held = await balance(conn, self.session.account_id)
        answer = self.pages.page(
            self.request, template, language=self.language, status=status, visit=self, session=self.session,
            balance=held, low=self._is_low(held), csrf=self.csrf, notice=notice,
            done=self.request.query_params.get("done"), **values,
        )  # fmt: skip
        answer.headers["Cache-Control"] = "no-store"
        if status in (429, 503):
            answer.headers["Retry-After"] = str(RETRY_S)
        return answer

    async def enter_as(self, account_id: int, to: str) -> Response:
        """A new session, never the one that the browser came with, which ends."""
        async with db.transaction(self.runtime.pool) as conn:
            if self.session is not None:
                with contextlib.suppress(NotFound):
                    await signin.end_session(conn, self.session.account_id, self.session.id)
            token = await signin.open_session(conn, account_id, address=self.address, agent=self.agent)
            reads = await accounts.language(conn, account_id)
        answer = self._enter(redirect(to), token)
        if reads is not None and languages.chosen(self.request) is None:
            languages.keep(answer, reads, secure=self.secure)
        return answer

    def _enter(self, response: Response, token: str) -> Response:
        """Let the browser keep a new session."""
        secure = self.secure
        response.set_cookie(
            cookie_name(secure), token, max_age=signin.SESSION_S, path="/", secure=secure, httponly=True, samesite="lax"
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    def leave(self, response: Response) -> Response:
        """Let the browser forget its session."""
        response.delete_cookie(cookie_name(self.secure), path="/", secure=self.secure, httponly=True, samesite="lax")
        return response

    def later(self, errand: Coroutine[Any, Any, object]) -> None:
        """Do something after the answer: nobody can tell from how long that took whether it was done at all."""
        task = asyncio.create_task(errand)
        _ERRANDS.add(task)
        task.add_done_callback(_ERRANDS.discard)

    @property
    def secure(self) -> bool:
        return self.runtime.settings.base_url.startswith("https://")


def cookie_name(secure: bool) -> str:
    """Under `__Host-` no other host, and nothing without TLS, can set it."""
    return "__Host-session" if secure else "session"


Handler = Callable[[Visit], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Door:
    """Makes endpoints of handlers."""

    pages: Pages

    def open_to_all(self, handler: Handler) -> Endpoint:
        """For whoever comes."""
        return self._endpoint(handler)

    def members(self, handler: Handler) -> Endpoint:
        """For those who have signed in; others are sent to do that first, and back."""

        async def guarded(visit: Visit) -> Response:
            if visit.session is not None:
                return await handler(visit)
            url = visit.request.url
            back = url.path + (f"?{url.query}" if url.query else "") if visit.request.method in SAFE else "/"
            return redirect(f"/sign-in?next={quote(back, safe='')}")

        return self._endpoint(guarded)

    def nowhere(self) -> Endpoint:
        """For a person at an address where nothing is; one that only has a slash too many is sent on."""

        async def lost(visit: Visit) -> Response:
            path: str = visit.request.scope["path"]
            if TIDY.fullmatch(path):
                return redirect(path.rstrip("/"))
            raise NotFound("There is no such page")

        return self._endpoint(lost)

    def files(self, handler: Handler) -> Endpoint:
        """For those who have signed in, who send a file: the handler reads it, and the form's token is in the address.

        What goes wrong is told as JSON, where JSON was asked for.
        """

        async def guarded(visit: Visit) -> Response:
            if visit.session is None:
                raise Unauthorized("Sign in first")
            if not hmac.compare_digest(visit.request.query_params.get("csrf", "").encode(), visit.csrf.encode()):
                raise InvalidRequest("This page was open for too long. Please try again.")
            return await handler(visit)

        return self._endpoint(guarded, reads_form=False)

    def admins(self, handler: Handler) -> Endpoint:
        """For admins; for others there is nothing here."""

        async def guarded(visit: Visit) -> Response:
            if not visit.member.is_admin:
                raise NotFound("There is no such page")
            return await handler(visit)

        return self.members(guarded)

    def _endpoint(self, handler: Handler, *, reads_form: bool = True) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            visit = Visit(request, self.pages, request.app.state.runtime, None, "", unread=request.method not in SAFE)
            try:
                await _recognise(visit)
                if request.method in SAFE and (choice := languages.switched(request)):
                    return await _switch(visit, *choice)
                if request.method not in SAFE:
                    check_origin(request, visit.runtime.settings.base_url)
                    if reads_form:
                        visit.form = await read_form(request)
                        visit.unread = False
                        _check_token(visit)
                answer = await handler(visit)
                answer.headers.setdefault("Cache-Control", "no-store")
                return answer
            except ClientDisconnect:
                return Response(status_code=400)
            except ApiError as error:
                return await _wrong(visit, error)
            except db.UNAVAILABLE as error:
                log.warning("the database is away", error=repr(error))
                return await _wrong(visit, ServiceBusy(retry_after_s=2))
            except Exception:
                log.exception("a page failed")
                return await _wrong(visit, InternalError())

        return endpoint


def _check_token(visit: Visit) -> None:
    given = visit.form.pop("csrf", "")
    if visit.session is not None and not hmac.compare_digest(given.encode(), visit.csrf.encode()):
        raise InvalidRequest(visit.say("This page was open for too long. Please try again."))


async def _recognise(visit: Visit) -> None:
    token = visit.request.cookies.get(cookie_name(visit.secure))
    if token:
        async with db.connection(visit.runtime.pool) as conn:
            visit.session = await signin.find_session(conn, token, address=visit.address, agent=visit.agent)
        visit.token = token if visit.session else ""
    if visit.session is not None and visit.session.language != visit.language:
        await _remember(visit, visit.language)


async def _remember(visit: Visit, language: str) -> None:
    """Keep with the account what language it reads: its mails are written in it."""
    async with db.transaction(visit.runtime.pool) as conn:
        await accounts.set_language(conn, visit.member.account_id, language)


async def _switch(visit: Visit, language: str, back: str) -> Response:
    """Read on in another language, from now on."""
    if visit.session is not None:
        await _remember(visit, language)
    answer = redirect(own_path(back))
    languages.keep(answer, language, secure=visit.secure)
    answer.headers["Cache-Control"] = "no-store"
    return answer


async def _wrong(visit: Visit, error: ApiError) -> Response:
    """An error as a page of its own, or as JSON for a script. It needs no database."""
    answer = _told(visit, error) if _wants_json(visit.request) else _page_of(visit, error)
    answer.headers["Cache-Control"] = "no-store"
    if error.retry_after_s:
        answer.headers["Retry-After"] = str(error.retry_after_s)
    if visit.unread:
        answer.headers["Connection"] = "close"  # nothing sensible can follow a body that is not read
    return answer


def _wants_json(request: Request) -> bool:
    return request.headers.get("accept", "").startswith("application/json")


def _told(visit: Visit, error: ApiError) -> Response:
    return JSONResponse({"message": visit.say(error.message)}, error.status)


def _page_of(visit: Visit, error: ApiError) -> Response:
    return visit.pages.page(
        visit.request, "wrong.html", language=visit.language, status=error.status, visit=visit,
        session=visit.session, balance=None, low=False, csrf=visit.csrf if visit.session else "", notice=None,
        done=None, message=visit.say(error.message), title=HTTPStatus(error.status).phrase,
    )  # fmt: skip


def check_origin(request: Request, base_url: str) -> None:
    """Raises InvalidRequest for a form that another site sent (browsers say so; OWASP, CSRF, "verifying origin")."""
    origin = request.headers.get("origin")
    if origin is None:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise InvalidRequest("This form was sent by another site")
        return
    own = urlsplit(base_url)
    if origin not in (f"{own.scheme}://{own.netloc}", f"{request.url.scheme}://{request.headers.get('host', '')}"):
        raise InvalidRequest("This form was sent by another site")


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form. Raises InvalidRequest, PayloadTooLarge."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise InvalidRequest("A form was expected")
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > FORM_BYTES_MAX:
            raise PayloadTooLarge(f"The form is over {FORM_BYTES_MAX} bytes")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=200)
    except ValueError:
        raise InvalidRequest("The form cannot be read") from None
    if any("\x00" in value for _, value in pairs):
        raise InvalidRequest("The form holds the character U+0000")
    return dict(pairs)


def own_path(path: str | None) -> str:
    """Where to go on to: a path of this server, whatever was asked for."""
    if path and path.startswith("/") and not path.startswith(("//", "/\\")) and "\\" not in path and path.isprintable():
        return path
    return "/"
