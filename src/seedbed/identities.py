"""Who people are at the OpenID Connect provider, and whose account that is.

Owns `identities` (a row is never deleted: it says how somebody came to an account, and when that ended) and
`sign_in_attempts`. A person is known by issuer and subject, never by an address, which may change hands; an address
that the provider has verified finds an account once. Functions take a connection and never commit.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from seedbed import accounts, limits, signin
from seedbed.db import Connection
from seedbed.errors import InvalidRequest, NotFound
from seedbed.oidc import Person, SignInRefused

ATTEMPT_S = 600
"""How long somebody may take at the provider."""

BEGUN_PER_MINUTE = 60
"""Attempts from one address: a whole office may share it."""

How = Literal["first", "made", "linked", "connected"]
"""How an identity came to its account: the first administrator's, a new account, one that was found by its verified
address, or one whose owner was signed in to it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to sign in. The browser keeps `browser`; it sees `state` and `nonce`, and never `verifier`."""

    state: str
    browser: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Entered:
    """Whose account a person's is. `how` is None for one who has been here before."""

    account_id: int
    how: How | None


@dataclass(frozen=True, slots=True)
class Identity:
    """A way into an account."""

    id: int
    issuer: str
    email: str | None
    how: How
    made_at: datetime
    used_at: datetime


# Attempts --------------------------------------------------------------------------------------------------------


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


async def begin(conn: Connection, issuer: str, *, address: str) -> Attempt:
    """A new attempt, of the browser that keeps its `browser`. Raises RateLimited."""
    await limits.take_minute(conn, f"provider sign-in from {address}", BEGUN_PER_MINUTE)
    state, browser, nonce = (secrets.token_urlsafe(32) for _ in range(3))
    attempt = Attempt(state, browser, nonce, verifier=secrets.token_urlsafe(48))
    await conn.execute(
        """
        INSERT INTO sign_in_attempts (state_sha256, browser_sha256, issuer, nonce, verifier)
        VALUES ($1, $2, $3, $4, $5)
        """,
        _sha256(attempt.state),
        _sha256(attempt.browser),
        issuer,
        attempt.nonce,
        attempt.verifier,
    )
    return attempt


async def take(conn: Connection, issuer: str, *, state: str, browser: str) -> Attempt:
    """The attempt that a browser comes back from, which cannot be taken again. Call it in a transaction of its own.

    Raises SignInRefused ("over") for one that is unknown, taken, too old, another browser's or at another provider;
    another browser's stays as it is.
    """
    row = await conn.fetchrow(
        """
        DELETE FROM sign_in_attempts
        WHERE state_sha256 = $1 AND browser_sha256 = $2 AND issuer = $3
          AND begun_at > now() - make_interval(secs => $4)
        RETURNING nonce, verifier
        """,
        _sha256(state),
        _sha256(browser),
        issuer,
        ATTEMPT_S,
    )
    if row is None:
        raise SignInRefused("over", "no attempt of this browser has this state")
    return Attempt(state, browser, row["nonce"], row["verifier"])


# People ----------------------------------------------------------------------------------------------------------


async def enter(
    conn: Connection,
    person: Person,
    *,
    may_sign_up: bool,
    domains: frozenset[str] = frozenset(),
    signed_in: int | None = None,
) -> Entered:
    """Whose account a person's is; the first time, the one that has their verified address, or a new one.

    An account that is found so loses its password, its sessions and its links: whoever made it may never have had
    the address. They stay where the browser is signed in to it (`signed_in`). An account that is somebody else's at
    the provider is nobody's by its address: addresses are given to new people. Raises SignInRefused.
    """
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"{person.issuer} {person.subject}")
    if domains:
        _check_domain(person, domains)
    known = await _known(conn, person)
    if known is not None:
        return Entered(known, None)
    email = _address(person)
    account_id = await conn.fetchval("SELECT id FROM accounts WHERE email = $1 FOR NO KEY UPDATE", email)
    if signed_in is not None and account_id != signed_in:
        raise SignInRefused("another", "the browser is signed in to another account", email=email)
    if account_id is None:
        if not may_sign_up and not await signin.is_invited(conn, email):
            raise SignInRefused("closed", "there is no account, and none may be made", email=email)
        return await _keep(conn, person, await accounts.create(conn, email), "made")
    if signed_in is None:
        entered = await _keep(conn, person, account_id, "linked")
        await signin.shut(conn, account_id)
        return entered
    return await _keep(conn, person, account_id, "connected")


async def enter_first(conn: Connection, person: Person, token: str) -> Entered:
    """Make the first administrator's account a person's, by the link that was printed for it, which is used up.

    Raises NotFound for a link that is not that, InvalidRequest for an address that is taken, and SignInRefused.
    """
    link = await signin.use_link(conn, token)
    if link.purpose != "first" or link.account_id is None:
        raise NotFound("This link has been used already, or is too old")
    if await _known(conn, person) is not None:
        raise SignInRefused("taken", "the first link was followed by somebody who has an account", email="")
    await accounts.rename(conn, link.account_id, _address(person))
    await signin.shut(conn, link.account_id)
    return await _keep(conn, person, link.account_id, "first")


async def _known(conn: Connection, person: Person) -> int | None:
    account_id: int | None = await conn.fetchval(
        """
        UPDATE identities SET used_at = now(), email = $3
        WHERE issuer = $1 AND subject = $2 AND ended_at IS NULL RETURNING account_id
        """,
        person.issuer,
        person.subject,
        person.email,
    )
    return account_id


def _address(person: Person) -> str:
    """The person's verified address, in its one form."""
    try:
        email = accounts.check_email(person.email or "")
    except InvalidRequest:
        raise SignInRefused("no_email", f"the provider gives no usable address: {person.email!r}") from None
    if not person.verified:
        raise SignInRefused("unverified", "the provider has not verified the address", email=email)
    return email


def _check_domain(person: Person, domains: frozenset[str]) -> None:
    email = _address(person)
    if email.rpartition("@")[2] not in domains:
        raise SignInRefused("domain", "the address is of no domain in SEEDBED_OIDC_DOMAINS", email=email)


async def _keep(conn: Connection, person: Person, account_id: int, how: How) -> Entered:
    kept = await conn.fetchval(
        """
        INSERT INTO identities (account_id, issuer, subject, email, how) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (account_id, issuer) WHERE ended_at IS NULL DO NOTHING RETURNING id
        """,
        account_id,
        person.issuer,
        person.subject,
        person.email,
        how,
    )
    if kept is None:
        raise SignInRefused("taken", "the account is somebody else's at the provider", email=person.email or "")
    return Entered(account_id, how)


async def of_account(conn: Connection, account_id: int) -> list[Identity]:
    """The ways into an account that are open, the newest first."""
    rows = await conn.fetch(
        """
        SELECT id, issuer, email, how, made_at, used_at FROM identities
        WHERE account_id = $1 AND ended_at IS NULL ORDER BY id DESC
        """,
        account_id,
    )
    return [Identity(*row) for row in rows]


async def end(conn: Connection, account_id: int, identity_id: int) -> None:
    """Close a way into an account, and end its sessions. Raises NotFound."""
    done = await conn.fetchval(
        "UPDATE identities SET ended_at = now() WHERE id = $1 AND account_id = $2 AND ended_at IS NULL RETURNING id",
        identity_id,
        account_id,
    )
    if done is None:
        raise NotFound("There is no such identity")
    await signin.end_sessions(conn, account_id)


async def sweep(conn: Connection) -> None:
    """Forget attempts that nobody came back from."""
    await conn.execute("DELETE FROM sign_in_attempts WHERE begun_at < now() - make_interval(secs => $1)", 2 * ATTEMPT_S)
