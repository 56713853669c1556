"""How people come in: passwords, sessions, and links that work once.

Owns `passwords`, `sessions` and `one_time_links`. Of secrets only hashes are kept: argon2id of passwords, SHA-256 of
session and link tokens, which are random. Functions take a connection and never commit; hashing a password takes
tens of milliseconds of processor time, so `checked` and `hashed` are for a thread.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from seedbed import accounts, limits
from seedbed.db import Connection
from seedbed.errors import InvalidRequest, NotFound

PASSWORD_CHARS_MIN, PASSWORD_CHARS_MAX = 10, 256
SESSION_S, SESSION_IDLE_S = 30 * 86_400, 14 * 86_400
"""How long a session lasts, and how long unused."""

TRIES_PER_MINUTE = 10
"""Of one address, and for one account."""

Purpose = Literal["first", "reset", "invite"]
LINK_S: dict[Purpose, int] = {"first": 365 * 86_400, "reset": 3600, "invite": 7 * 86_400}
"""How long a link waits to be followed."""

_hasher = PasswordHash((Argon2Hasher(),))
_NOBODY = _hasher.hash(secrets.token_urlsafe())
"""What a password is compared with where there is no account: both take as long."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody's session. `address` and `agent` are of its last request but for a minute.

    Below `low_balance_credits` to spend the account is warned. `language` is the tag of the one that it reads.
    """

    id: int
    account_id: int
    email: str
    is_admin: bool
    low_balance_credits: int | None
    language: str | None
    created_at: datetime
    seen_at: datetime
    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link that works once: whose it is, for what, and the address that it was sent to."""

    purpose: Purpose
    account_id: int | None
    email: str | None


# Passwords -----------------------------------------------------------------------------------------------------


def check_password(password: str, email: str) -> None:
    """Raises InvalidRequest that says what a good password is."""
    if len(password) < PASSWORD_CHARS_MIN:
        raise InvalidRequest(f"A password has at least {PASSWORD_CHARS_MIN} characters", field="password")
    if len(password) > PASSWORD_CHARS_MAX:
        raise InvalidRequest(f"A password has at most {PASSWORD_CHARS_MAX} characters", field="password")
    if password.strip().lower() in (email.lower(), email.partition("@")[0].lower()) or len(set(password)) < 4:
        raise InvalidRequest("This password would be guessed at once: choose another", field="password")


def hashed(password: str) -> str:
    """The argon2id hash to keep. Slow on purpose."""
    return _hasher.hash(password)


def checked(password: str, kept: str | None) -> bool:
    """Whether `password` is the one of the hash `kept`; as slow, and false, where there is none."""
    good = _hasher.verify(password[:PASSWORD_CHARS_MAX], kept or _NOBODY)
    return good and kept is not None


async def kept_password(conn: Connection, email: str) -> tuple[int | None, str | None]:
    """The account of an address and its hash, as far as there are any."""
    row = await conn.fetchrow(
        "SELECT a.id, p.hash FROM accounts a LEFT JOIN passwords p ON p.account_id = a.id WHERE a.email = $1",
        email.strip().lower(),
    )
    return (None, None) if row is None else (row["id"], row["hash"])


async def set_password(conn: Connection, account_id: int, kept: str) -> None:
    """From now on this is the password, of which `kept` is the hash. All sessions end, all links are void."""
    await conn.execute(
        """
        INSERT INTO passwords (account_id, hash) VALUES ($1, $2)
        ON CONFLICT (account_id) DO UPDATE SET hash = $2, changed_at = now()
        """,
        account_id,
        kept,
    )
    await _shut_sessions_and_links(conn, account_id)


async def shut(conn: Connection, account_id: int) -> None:
    """From now on no password opens an account. All sessions end, all links are void."""
    await conn.execute("DELETE FROM passwords WHERE account_id = $1", account_id)
    await _shut_sessions_and_links(conn, account_id)


async def _shut_sessions_and_links(conn: Connection, account_id: int) -> None:
    await end_sessions(conn, account_id)
    await conn.execute(
        "UPDATE one_time_links SET used_at = now() WHERE account_id = $1 AND used_at IS NULL", account_id
    )


async def sign_up(conn: Connection, email: str, kept: str, *, language: str | None = None) -> int:
    """Make an account with a password. Returns its id. Raises InvalidRequest for an address that is bad or taken."""
    account_id = await accounts.create(conn, email, language=language)
    await set_password(conn, account_id, kept)
    return account_id


async def count_try(conn: Connection, address: str, email: str) -> None:
    """Count an attempt to come in. Raises RateLimited. Call it in a transaction of its own, which commits."""
    await limits.take_minute(conn, f"sign-in from {address}", TRIES_PER_MINUTE)
    await limits.take_minute(conn, f"sign-in to {email.strip().lower()[:256]}", TRIES_PER_MINUTE)


# Sessions ------------------------------------------------------------------------------------------------------


def _sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def open_session(conn: Connection, account_id: int, *, address: str, agent: str) -> str:
    """Begin a session. Returns its token, for a cookie."""
    token = secrets.token_urlsafe(32)
    await conn.execute(
        "INSERT INTO sessions (account_id, token_sha256, address, agent) VALUES ($1, $2, $3, $4)",
        account_id,
        _sha256(token),
        address[:64],
        _plain(agent),
    )
    return token


def _plain(agent: str) -> str:
    return "".join(char if char.isprintable() else " " for char in agent[:256])


async def find_session(conn: Connection, token: str, *, address: str, agent: str) -> Session | None:
    """The live session of a token, noted as seen."""
    row = await conn.fetchrow(
        """
        WITH live AS (
            SELECT s.*, a.email, a.is_admin, a.low_balance_credits, a.language
            FROM sessions s JOIN accounts a ON a.id = s.account_id
            WHERE s.token_sha256 = $1 AND s.ended_at IS NULL
              AND s.created_at > now() - make_interval(secs => $4) AND s.seen_at > now() - make_interval(secs => $5)
        ), seen AS (
            UPDATE sessions SET seen_at = now(), address = $2, agent = $3 FROM live
            WHERE sessions.id = live.id AND live.seen_at < now() - interval '1 minute'
        )
        SELECT * FROM live
        """,
        _sha256(token),
        address[:64],
        _plain(agent),
        SESSION_S,
        SESSION_IDLE_S,
    )
    return None if row is None else _session(row)


async def list_sessions(conn: Connection, account_id: int) -> list[Session]:
    """An account's live sessions, the last used first."""
    rows = await conn.fetch(
        """
        SELECT s.*, a.email, a.is_admin, a.low_balance_credits, a.language
        FROM sessions s JOIN accounts a ON a.id = s.account_id
        WHERE s.account_id = $1 AND s.ended_at IS NULL
          AND s.created_at > now() - make_interval(secs => $2) AND s.seen_at > now() - make_interval(secs => $3)
        ORDER BY s.seen_at DESC
        """,
        account_id,
        SESSION_S,
        SESSION_IDLE_S,
    )
    return [_session(row) for row in rows]


async def end_session(conn: Connection, account_id: int, session_id: int) -> None:
    """End one of an account's sessions. Raises NotFound."""
    done = await conn.fetchval(
        "UPDATE sessions SET ended_at = now() WHERE id = $1 AND account_id = $2 AND ended_at IS NULL RETURNING id",
        session_id,
        account_id,
    )
    if done is None:
        raise NotFound("There is no such session")


async def end_sessions(conn: Connection, account_id: int) -> None:
    """End all sessions of an account."""
    await conn.execute("UPDATE sessions SET ended_at = now() WHERE account_id = $1 AND ended_at IS NULL", account_id)


def _session(row: asyncpg.Record) -> Session:
    return Session(**{name: row[name] for name in Session.__dataclass_fields__})


# Links that work once --------------------------------------------------------------------------------------------


async def make_link(
    conn: Connection, purpose: Purpose, *, account_id: int | None = None, email: str | None = None
) -> str:
    """A new link's token."""
    token = secrets.token_urlsafe(32)
    await conn.execute(
        """
        INSERT INTO one_time_links (token_sha256, purpose, account_id, email, expires_at)
        VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))
        """,
        _sha256(token),
        purpose,
        account_id,
        email,
        LINK_S[purpose],
    )
    return token


async def look_at_link(conn: Connection, token: str) -> Link:
    """What a link is for; it can still be used. Raises NotFound for one that is unknown, used or too old."""
    row = await conn.fetchrow(
        "SELECT * FROM one_time_links WHERE token_sha256 = $1 AND used_at IS NULL AND expires_at > now()",
        _sha256(token),
    )
    if row is None:
        raise NotFound("This link has been used already, or is too old")
    return Link(row["purpose"], row["account_id"], row["email"])


async def use_link(conn: Connection, token: str) -> Link:
    """What a link is for; it cannot be used again. Raises NotFound as `look_at_link` does."""
    link = await look_at_link(conn, token)
    done = await conn.fetchval(
        "UPDATE one_time_links SET used_at = now() WHERE token_sha256 = $1 AND used_at IS NULL RETURNING purpose",
        _sha256(token),
    )
    if done is None:
        raise NotFound("This link has been used already, or is too old")
    return link


async def is_invited(conn: Connection, email: str) -> bool:
    """Whether an invitation of an address waits to be followed."""
    found: bool = await conn.fetchval(
        """
        SELECT EXISTS (SELECT FROM one_time_links
        WHERE purpose = 'invite' AND email = $1 AND used_at IS NULL AND expires_at > now())
        """,
        email,
    )
    return found


def link_id(token: str) -> bytes:
    """What a link is kept by."""
    return _sha256(token)


async def void_link(conn: Connection, token_sha256: bytes) -> None:
    """Let a link work no more, if it still would."""
    await conn.execute(
        "UPDATE one_time_links SET used_at = now() WHERE token_sha256 = $1 AND used_at IS NULL", token_sha256
    )


async def sweep(conn: Connection) -> None:
    """Forget sessions and links that are long over."""
    await conn.execute(
        """
        DELETE FROM sessions
        WHERE coalesce(ended_at, seen_at + make_interval(secs => $1)) < now() - interval '90 days'
        """,
        SESSION_IDLE_S,
    )
    await conn.execute("DELETE FROM one_time_links WHERE expires_at < now() - interval '30 days'")
