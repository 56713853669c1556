"""Accounts and keys: what a secret is made of, who it lets in, rotation, revocation."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedbed import accounts, db
from seedbed.errors import InvalidRequest, NotFound, Unauthorized
from seedbed.settings import Settings
from tests.conftest import Person, free_port, served
from tests.dialects.wire import GENERATIONS, PREFIX, submit

BALANCE = f"{PREFIX}/balance"


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


# Secrets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("api", "prefix"), [("open", "sd2_live_"), ("studio", "sk_live_")])
def test_a_secret(api: accounts.Api, prefix: str) -> None:
    secret = accounts.new_secret(api)
    assert re.fullmatch(rf"{prefix}[0-9A-Za-z]{{46}}", secret)
    assert accounts.well_formed(secret)
    assert len({accounts.new_secret(api) for _ in range(100)}) == 100


def test_the_checksum_is_the_same_for_ever() -> None:
    """Keys in the hands of clients must go on working: a key of the first version."""
    assert accounts.well_formed("sd2_live_0123456789abcdefghijABCDEFGHIJ01234567891UfSwL")
    assert accounts.well_formed("sk_live_0123456789abcdefghijABCDEFGHIJ01234567890m6tsC")


@given(st.integers(0, 54), st.sampled_from(accounts.BASE62 + "_-é٣\n "))
def test_one_wrong_character_shows(place: int, character: str) -> None:
    secret = accounts.new_secret("open")
    changed = secret[:place] + character + secret[place + 1 :]
    assert accounts.well_formed(changed) is (changed == secret)


@pytest.mark.parametrize("change", ["", " {}", "{} ", "{}\n", "{}{}", "Bearer {}", "{}\x00"])
def test_what_is_no_key(change: str) -> None:
    assert not accounts.well_formed(change.replace("{}", accounts.new_secret("open")))


async def test_only_the_digest_is_kept(conn: db.Connection, alice: Person) -> None:
    row = dict(await conn.fetchrow("SELECT * FROM api_keys WHERE id = $1", alice.key_id) or {})
    assert row["secret_sha256"] == hashlib.sha256(alice.key.encode()).digest()
    kept = " ".join(str(value) for value in row.values())
    assert alice.key not in kept
    assert row["hint"] == f"{alice.key[:12]}…{alice.key[-4:]}"
    assert repr(await accounts.list_keys(conn)).find(alice.key) == -1


# Accounts ----------------------------------------------------------------------------------------------------


async def test_an_account_has_one_address(conn: db.Connection) -> None:
    account_id = await accounts.create(conn, "  Carol@Example.com ")
    assert await accounts.find(conn, "CAROL@example.com") == account_id
    with pytest.raises(InvalidRequest, match=r"There is an account for carol@example\.com already"):
        await accounts.create(conn, "carol@EXAMPLE.com")
    for bad in ("", "carol", "@example.com", "carol@", "a b@example.com", "a@b@c", "a\n@b.c", "x" * 65 + "@b.c"):
        with pytest.raises(InvalidRequest, match="is not an email address"):
            await accounts.create(conn, bad)
    with pytest.raises(NotFound):
        await accounts.find(conn, "nobody@example.com")


# Keys --------------------------------------------------------------------------------------------------------


async def test_who_a_key_belongs_to(conn: db.Connection, alice: Person) -> None:
    key_id, secret = await accounts.create_key(
        conn, alice.account_id, "open", name="shop", monthly=7, webhook_url="https://example.com/hook"
    )
    caller = await accounts.authenticate(conn, secret, ("open",))
    assert caller == accounts.Caller(key_id, alice.account_id, "open", 7, "https://example.com/hook")


async def test_a_key_opens_its_own_api_alone(conn: db.Connection, alice: Person) -> None:
    _, studio = await accounts.create_key(conn, alice.account_id, "studio")
    with pytest.raises(Unauthorized):
        await accounts.authenticate(conn, studio, ("open",))
    with pytest.raises(Unauthorized):
        await accounts.authenticate(conn, alice.key, ("studio",))
    assert (await accounts.authenticate(conn, studio, ("open", "studio"))).api == "studio"


async def test_rotation_keeps_the_tasks(
    api: httpx2.AsyncClient, alice: Person, conn: db.Connection, sound: None
) -> None:
    task_id = await submit(api, alice)
    fresh = await accounts.rotate_key(conn, alice.key_id)
    assert (await api.get(BALANCE, headers=alice.auth)).status_code == 401, "the old secret is dead at once"
    told = await api.get(f"{GENERATIONS}/{task_id}", headers=bearer(fresh))
    assert told.json()["status"] == "queued"
    listed = (await api.get(GENERATIONS, headers=bearer(fresh))).json()["data"]
    assert [task["requestId"] for task in listed] == [task_id]
    assert (await api.post(f"{GENERATIONS}/{task_id}/cancel", headers=bearer(fresh))).status_code == 200


async def test_rotation_keeps_limits_and_webhook(conn: db.Connection, alice: Person) -> None:
    key_id, secret = await accounts.create_key(
        conn, alice.account_id, "open", per_minute=9, monthly=3, webhook_url="https://a.example.com", webhook_secret="s"
    )
    before = await conn.fetchrow("SELECT * FROM api_keys WHERE id = $1", key_id)
    fresh = await accounts.rotate_key(conn, key_id)
    after = await conn.fetchrow("SELECT * FROM api_keys WHERE id = $1", key_id)
    changed = {name for name, value in dict(before or {}).items() if after is None or after[name] != value}
    assert changed == {"secret_sha256", "hint", "rotated_at"}
    assert fresh != secret
    assert fresh.startswith("sd2_live_")


async def test_revocation_counts_on_every_server_within_a_second(
    settings: Settings, alice: Person, pool: db.Pool
) -> None:
    """Two servers that both know the key well; neither remembers it."""
    other = settings.model_copy(update={"port": free_port()})
    async with (
        served(settings) as one,
        served(other) as two,
        httpx2.AsyncClient() as client,
    ):
        for url in (one, two, one, two):
            assert (await client.get(url + BALANCE, headers=alice.auth)).status_code == 200
        async with db.transaction(pool) as conn:
            await accounts.revoke_key(conn, alice.key_id)
        for url in (one, two):
            assert (await client.get(url + BALANCE, headers=alice.auth)).status_code == 401


async def test_a_revoked_key_stays_so(conn: db.Connection, alice: Person) -> None:
    await accounts.revoke_key(conn, alice.key_id)
    for act in (accounts.revoke_key, accounts.rotate_key):
        with pytest.raises(NotFound, match=f"There is no live key {alice.key_id}"):
            await act(conn, alice.key_id)
    with pytest.raises(Unauthorized):
        await accounts.authenticate(conn, alice.key, ("open",))


async def test_two_keys_of_an_account_share_credits_and_no_tasks(
    api: httpx2.AsyncClient, alice: Person, conn: db.Connection, sound: None
) -> None:
    _, second = await accounts.create_key(conn, alice.account_id, "open")
    task_id = await submit(api, alice)
    expected = {"success": True, "creditsAvailable": 960, "creditsHeld": 40}
    assert (await api.get(BALANCE, headers=bearer(second))).json() == expected
    assert (await api.get(GENERATIONS, headers=bearer(second))).json()["data"] == []
    for method, path in (("GET", f"{GENERATIONS}/{task_id}"), ("POST", f"{GENERATIONS}/{task_id}/cancel")):
        assert (await api.request(method, path, headers=bearer(second))).status_code == 404
    assert (await api.get(BALANCE, headers=alice.auth)).json() == expected


async def test_use_is_noted_once_a_minute(conn: db.Connection, alice: Person) -> None:
    async def noted() -> object:
        return await conn.fetchval("SELECT last_used_at FROM api_keys WHERE id = $1", alice.key_id)

    assert await noted() is None
    await accounts.authenticate(conn, alice.key, ("open",))
    first = await noted()
    assert first is not None
    await accounts.authenticate(conn, alice.key, ("open",))
    assert await noted() == first
    await conn.execute("UPDATE api_keys SET last_used_at = last_used_at - $1::interval", timedelta(seconds=61))
    await accounts.authenticate(conn, alice.key, ("open",))
    assert await noted() > first  # type: ignore[operator]


async def test_the_list_of_keys(conn: db.Connection, alice: Person, bob: Person) -> None:
    await accounts.create_key(conn, alice.account_id, "studio", name="mine", per_minute=5, monthly=1)
    found = await accounts.list_keys(conn, alice.account_id)
    assert [(key.api, key.name, key.per_minute, key.monthly) for key in found] == [
        ("studio", "mine", 5, 1),
        ("open", "", 600, None),
    ]
    assert {key.email for key in await accounts.list_keys(conn)} == {"alice@example.com", "bob@example.com"}
