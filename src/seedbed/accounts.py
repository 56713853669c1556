"""Accounts and their API keys.

Owns `accounts` (but for the balances, which are the ledger's) and `api_keys`. A key's secret is shown
once and kept only as its SHA-256; `authenticate` finds it, checks its limits and notes its use in one
round trip, and a revoked key is refused at once because nothing is cached. Nothing here commits.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg

from seedbed import limits
from seedbed.db import Connection, Record
from seedbed.errors import InvalidRequest, NotFound, Unauthorized

Api = Literal["open", "studio"]

PREFIXES: dict[Api, str] = {"open": "sd2_live_", "studio": "sk_live_"}
PER_MINUTE: dict[Api, int] = {"open": 600, "studio": 600}
"""Requests a minute of a key that was given no limit."""

BASE62 = string.digits + string.ascii_letters
SECRET_CHARS, CHECKSUM_CHARS = 40, 6
KEY = re.compile(rf"({'|'.join(PREFIXES.values())})([0-9A-Za-z]{{{SECRET_CHARS}}})([0-9A-Za-z]{{{CHECKSUM_CHARS}}})")
EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,189}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request comes from: a key and the account that pays. `monthly` is the key's quota of tasks.

    A person at the console comes without a key: `key_id` and `api` are None.
    """

    key_id: int | None
    account_id: int
    api: Api | None
    monthly: int | None
    webhook_url: str | None


@dataclass(frozen=True, slots=True)
class Key:
    """A key as listed: all but its secret."""

    id: int
    email: str
    api: Api
    name: str
    hint: str
    per_minute: int
    monthly: int | None
    webhook_url: str | None
    signs: bool
    """Whether its webhooks are signed: it has a secret for that."""
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


# Accounts ----------------------------------------------------------------------------------------------


async def create(conn: Connection, email: str, *, is_admin: bool = False, language: str | None = None) -> int:
    """Make an account. Returns its id. Raises InvalidRequest for a bad address or one already taken.

    `language` is the tag of the one that it reads, if that is known.
    """
    email = check_email(email)
    try:
        account_id: int = await conn.fetchval(
            "INSERT INTO accounts (email, is_admin, language) VALUES ($1, $2, $3) RETURNING id",
            email,
            is_admin,
            language,
        )
    except asyncpg.UniqueViolationError:
        raise InvalidRequest(f"There is an account for {email} already", field="email") from None
    return account_id


def check_email(email: str) -> str:
    """The address in its one form. Raises InvalidRequest for what is no address."""
    email = email.strip().lower()
    if not EMAIL.fullmatch(email):
        raise InvalidRequest(f"{email!r} is not an email address", field="email")
    return email


async def find(conn: Connection, email: str) -> int:
    """The id of the account of `email`. Raises NotFound."""
    account_id: int | None = await conn.fetchval("SELECT id FROM accounts WHERE email = $1", email.strip().lower())
    if account_id is None:
        raise NotFound(f"There is no account for {email}")
    return account_id


async def language(conn: Connection, account_id: int) -> str | None:
    """The tag of the language that an account reads, if it is known."""
    found: str | None = await conn.fetchval("SELECT language FROM accounts WHERE id = $1", account_id)
    return found


async def set_language(conn: Connection, account_id: int, language: str) -> None:
    """What language an account reads, by its tag."""
    await conn.execute(
        "UPDATE accounts SET language = $2 WHERE id = $1 AND language IS DISTINCT FROM $2", account_id, language
    )


async def set_low_balance(conn: Connection, account_id: int, credits: int | None) -> None:
    """Below how many credits to spend the account is warned; None for never."""
    await conn.execute(
        "UPDATE accounts SET low_balance_credits = $2, low_balance_told_at = NULL WHERE id = $1", account_id, credits
    )


async def newly_low(conn: Connection) -> list[Record]:
    """Accounts (email, language, available, threshold) that have fallen below their threshold; each is told of it once.

    One that has risen again is told at its next fall.
    """
    await conn.execute(
        """
        UPDATE accounts SET low_balance_told_at = NULL
        WHERE low_balance_credits IS NOT NULL AND low_balance_told_at IS NOT NULL
          AND available_credits >= low_balance_credits
        """
    )
    return await conn.fetch(
        """
        UPDATE accounts SET low_balance_told_at = now()
        WHERE low_balance_credits IS NOT NULL AND low_balance_told_at IS NULL
          AND available_credits < low_balance_credits
        RETURNING email, language, available_credits AS available, low_balance_credits AS threshold
        """
    )


async def rename(conn: Connection, account_id: int, email: str) -> None:
    """Call an account by another address. Raises InvalidRequest for a bad address or one already taken."""
    email = check_email(email)
    try:
        await conn.execute("UPDATE accounts SET email = $2 WHERE id = $1", account_id, email)
    except asyncpg.UniqueViolationError:
        raise InvalidRequest(f"There is an account for {email} already", field="email") from None


async def set_admin(conn: Connection, account_id: int, *, admin: bool) -> None:
    """Make an account an admin, or no longer one. Raises NotFound, and InvalidRequest for the last admin."""
    await conn.execute("SELECT id FROM accounts WHERE is_admin ORDER BY id FOR NO KEY UPDATE")
    others = await conn.fetchval("SELECT EXISTS (SELECT FROM accounts WHERE is_admin AND id <> $1)", account_id)
    if not admin and not others:
        raise InvalidRequest("This is the only admin: make another one first")
    done = await conn.fetchval("UPDATE accounts SET is_admin = $2 WHERE id = $1 RETURNING id", account_id, admin)
    if done is None:
        raise NotFound("There is no such account")


@dataclass(frozen=True, slots=True)
class Account:
    """An account as an operator sees it."""

    id: int
    email: str
    is_admin: bool
    available_credits: int
    held_credits: int
    created_at: datetime


async def get(conn: Connection, account_id: int) -> Account:
    """An account. Raises NotFound."""
    found = await search(conn, account_id=account_id)
    if not found:
        raise NotFound("There is no such account")
    return found[0]


async def search(
    conn: Connection, text: str = "", *, account_id: int | None = None, before: int = 2**63 - 1, limit: int = 50
) -> list[Account]:
    """Accounts whose address holds `text`, the newest first, made before the account `before`."""
    rows = await conn.fetch(
        """
        SELECT id, email, is_admin, available_credits, held_credits, created_at FROM accounts
        WHERE strpos(email, $1) > 0 AND ($2::bigint IS NULL OR id = $2) AND id < $3 ORDER BY id DESC LIMIT $4
        """,
        text.strip().lower(),
        account_id,
        before,
        limit,
    )
    return [Account(*row) for row in rows]


# Keys --------------------------------------------------------------------------------------------------


def new_secret(api: Api) -> str:
    """A fresh secret: the API's prefix, 40 random base62 characters (238 bits), 6 of checksum."""
    body = "".join(secrets.choice(BASE62) for _ in range(SECRET_CHARS))
    return PREFIXES[api] + body + _checksum(PREFIXES[api] + body)


def _checksum(text: str) -> str:
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(CHECKSUM_CHARS):
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return digits


def well_formed(secret: str) -> bool:
    """Whether `secret` can be a key at all: its shape and checksum are right. Needs no database."""
    match = KEY.fullmatch(secret)
    return match is not None and _checksum(match[1] + match[2]) == match[3]


def _sha256(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _hint(secret: str) -> str:
    return f"{secret[: secret.rindex('_') + 4]}…{secret[-4:]}"


async def create_key(
    conn: Connection,
    account_id: int,
    api: Api,
    *,
    name: str = "",
    per_minute: int | None = None,
    monthly: int | None = None,
    webhook_url: str | None = None,
    webhook_secret: str | None = None,
) -> tuple[int, str]:
    """Make a key. Returns its id and its secret, which is never shown again."""
    secret = new_secret(api)
    key_id: int = await conn.fetchval(
        """
        INSERT INTO api_keys (account_id, api, name, hint, secret_sha256, per_minute, monthly,
                              webhook_url, webhook_secret)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id
        """,
        account_id,
        api,
        name,
        _hint(secret),
        _sha256(secret),
        per_minute,
        monthly,
        webhook_url,
        webhook_secret,
    )
    return key_id, secret


async def change_key(
    conn: Connection,
    key_id: int,
    *,
    name: str,
    per_minute: int | None,
    monthly: int | None,
    webhook_url: str | None,
    webhook_secret: str | None,
) -> None:
    """Give a key another name, limits (None: the API's own, or none) and webhook; a secret of None stays as it is.

    Raises NotFound for an unknown or revoked key.
    """
    done = await conn.fetchval(
        """
        UPDATE api_keys SET name = $2, per_minute = $3, monthly = $4, webhook_url = $5,
                            webhook_secret = coalesce($6, webhook_secret)
        WHERE id = $1 AND revoked_at IS NULL RETURNING id
        """,
        key_id,
        name,
        per_minute,
        monthly,
        webhook_url,
        webhook_secret,
    )
    if done is None:
        raise NotFound(f"There is no live key {key_id}")


async def rotate_key(conn: Connection, key_id: int) -> str:
    """Give a key a new secret; the old one stops working at once, its tasks and limits stay.

    Raises NotFound for an unknown or revoked key.
    """
    api: Api | None = await conn.fetchval(
        "SELECT api FROM api_keys WHERE id = $1 AND revoked_at IS NULL FOR UPDATE", key_id
    )
    if api is None:
        raise NotFound(f"There is no live key {key_id}")
    secret = new_secret(api)
    await conn.execute(
        "UPDATE api_keys SET secret_sha256 = $2, hint = $3, rotated_at = now() WHERE id = $1",
        key_id,
        _sha256(secret),
        _hint(secret),
    )
    return secret


async def revoke_key(conn: Connection, key_id: int) -> None:
    """Refuse a key from now on. Raises NotFound for an unknown or already revoked one."""
    done = await conn.fetchval(
        "UPDATE api_keys SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL RETURNING id", key_id
    )
    if done is None:
        raise NotFound(f"There is no live key {key_id}")


async def list_keys(conn: Connection, account_id: int | None = None) -> list[Key]:
    """All keys, or an account's, newest first."""
    rows = await conn.fetch(
        """
        SELECT k.*, a.email FROM api_keys k JOIN accounts a ON a.id = k.account_id
        WHERE $1::bigint IS NULL OR k.account_id = $1 ORDER BY k.id DESC
        """,
        account_id,
    )
    return [_key(row) for row in rows]


def _key(row: Record) -> Key:
    return Key(
        id=row["id"],
        email=row["email"],
        api=row["api"],
        name=row["name"],
        hint=row["hint"],
        per_minute=row["per_minute"] or PER_MINUTE[row["api"]],
        monthly=row["monthly"],
        webhook_url=row["webhook_url"],
        signs=row["webhook_secret"] is not None,
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )


_PER_MINUTE = "CASE api " + " ".join(f"WHEN '{api}' THEN {allowed}" for api, allowed in PER_MINUTE.items()) + " END"
_COUNTED = f"""
    WITH key AS (
        SELECT id, account_id, api, coalesce(per_minute, {_PER_MINUTE}) AS per_minute,
               monthly, webhook_url, last_used_at
        FROM api_keys WHERE secret_sha256 = $1 AND revoked_at IS NULL
    ), hit AS (
        {limits.HIT.format(source="SELECT 'key ' || id, now(), 1 FROM key")}
    ), used AS (
        UPDATE api_keys SET last_used_at = now() FROM key
        WHERE api_keys.id = key.id
          AND (key.last_used_at IS NULL OR key.last_used_at < now() - interval '1 minute')
    )
"""
_AUTHENTICATE = f"{_COUNTED} SELECT key.*, requests, resets_in_s FROM key, hit"
_OF_ACCOUNT = """
    SELECT $2::text || ' ' || account_id, now(), 1 FROM key, hit
    WHERE api = ANY ($3::text[]) AND hit.requests <= per_minute
"""
_AUTHENTICATE_SHARED = f"""
    {_COUNTED}, shared AS ({limits.HIT.format(source=_OF_ACCOUNT)})
    SELECT key.*, hit.*, shared.requests AS shared_requests, shared.resets_in_s AS shared_resets_in_s
    FROM key CROSS JOIN hit LEFT JOIN shared ON true
"""
"""The same in one round trip; what the key's own limit refuses is not the other keys' loss."""


async def authenticate(
    conn: Connection, secret: str, apis: tuple[Api, ...], shared: limits.Shared | None = None
) -> Caller:
    """Who `secret` belongs to, with this request counted against its minute, and that of `shared`.

    Raises Unauthorized for a secret that is malformed, unknown, revoked or of an API not in `apis`, and
    RateLimited when the key's minute is used up, or the one that it shares.
    """
    if not well_formed(secret):
        raise Unauthorized
    if shared is None:
        row = await conn.fetchrow(_AUTHENTICATE, _sha256(secret))
    else:
        row = await conn.fetchrow(_AUTHENTICATE_SHARED, _sha256(secret), shared.name, apis)
    if row is None or row["api"] not in apis:
        raise Unauthorized
    limits.check_window(row["requests"], row["per_minute"], float(row["resets_in_s"]))
    if shared is not None:
        limits.check_window(row["shared_requests"], shared.allowed, float(row["shared_resets_in_s"]))
    return Caller(row["id"], row["account_id"], row["api"], row["monthly"], row["webhook_url"])
