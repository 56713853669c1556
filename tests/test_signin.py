"""How people come in: passwords, sessions, links that work once."""

from __future__ import annotations

import pytest

from seedbed import accounts, db, signin
from seedbed.errors import InvalidRequest, NotFound, RateLimited

GOOD = "correct horse battery"
KEPT = signin.hashed(GOOD)


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short", "at least 10"),
        ("x" * 257, "at most 256"),
        ("aaaaaaaaaaaa", "guessed"),
        ("Alice@Example.org", "guessed"),
        (" alice@example.org ", "guessed"),
    ],
)
def test_a_bad_password_is_told_why(password: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        signin.check_password(password, "alice@example.org")
    signin.check_password(GOOD, "alice@example.org")


def test_only_the_password_itself_is_right() -> None:
    assert signin.checked(GOOD, KEPT)
    assert not signin.checked(GOOD + " ", KEPT)
    assert not signin.checked(GOOD, None)
    assert KEPT.startswith("$argon2id$")
    assert signin.hashed(GOOD) != KEPT, "salted"


async def test_sign_up_makes_an_account_once(conn: db.Connection) -> None:
    account_id = await signin.sign_up(conn, " Alice@Example.org", KEPT)
    assert await signin.kept_password(conn, "ALICE@example.org ") == (account_id, KEPT)
    assert await signin.kept_password(conn, "bob@example.org") == (None, None)
    with pytest.raises(InvalidRequest, match="already"):
        await signin.sign_up(conn, "alice@example.org", KEPT)
    with pytest.raises(InvalidRequest, match="not an email"):
        await signin.sign_up(conn, "alice", KEPT)


async def test_a_session_is_found_listed_and_ended(conn: db.Connection) -> None:
    account_id = await signin.sign_up(conn, "alice@example.org", KEPT)
    one = await signin.open_session(conn, account_id, address="10.0.0.1", agent="Firefox\n on\x00 Linux")
    two = await signin.open_session(conn, account_id, address="10.0.0.2", agent="curl")
    assert one != two
    found = await signin.find_session(conn, one, address="10.0.0.1", agent="Firefox")
    assert found is not None
    assert (found.email, found.is_admin, found.agent) == ("alice@example.org", False, "Firefox  on  Linux")
    assert await signin.find_session(conn, one + "x", address="", agent="") is None
    assert {session.address for session in await signin.list_sessions(conn, account_id)} == {"10.0.0.1", "10.0.0.2"}

    stranger = await accounts.create(conn, "bob@example.org")
    with pytest.raises(NotFound):
        await signin.end_session(conn, stranger, found.id)
    await signin.end_session(conn, account_id, found.id)
    assert await signin.find_session(conn, one, address="", agent="") is None
    assert await signin.find_session(conn, two, address="", agent="") is not None
    with pytest.raises(NotFound):
        await signin.end_session(conn, account_id, found.id)


@pytest.mark.parametrize(
    "older", ["created_at = now() - interval '31 days'", "seen_at = now() - interval '15 days'"], ids=["old", "idle"]
)
async def test_a_session_ends_by_itself(conn: db.Connection, older: str) -> None:
    account_id = await signin.sign_up(conn, "alice@example.org", KEPT)
    token = await signin.open_session(conn, account_id, address="", agent="")
    await conn.execute(f"UPDATE sessions SET {older}")
    assert await signin.find_session(conn, token, address="", agent="") is None
    assert await signin.list_sessions(conn, account_id) == []


async def test_a_session_is_seen_at_most_once_a_minute(conn: db.Connection) -> None:
    account_id = await signin.sign_up(conn, "alice@example.org", KEPT)
    token = await signin.open_session(conn, account_id, address="10.0.0.1", agent="Firefox")
    await signin.find_session(conn, token, address="10.0.0.9", agent="Opera")
    assert [session.address for session in await signin.list_sessions(conn, account_id)] == ["10.0.0.1"]
    await conn.execute("UPDATE sessions SET seen_at = now() - interval '2 minutes'")
    await signin.find_session(conn, token, address="10.0.0.9", agent="Opera")
    assert [session.agent for session in await signin.list_sessions(conn, account_id)] == ["Opera"]


async def test_a_new_password_ends_all_sessions_and_links(conn: db.Connection) -> None:
    account_id = await signin.sign_up(conn, "alice@example.org", KEPT)
    token = await signin.open_session(conn, account_id, address="", agent="")
    link = await signin.make_link(conn, "reset", account_id=account_id)
    await signin.set_password(conn, account_id, signin.hashed("another good one"))
    assert await signin.find_session(conn, token, address="", agent="") is None
    with pytest.raises(NotFound):
        await signin.look_at_link(conn, link)


async def test_a_link_works_once(conn: db.Connection) -> None:
    account_id = await accounts.create(conn, "alice@example.org")
    token = await signin.make_link(conn, "first", account_id=account_id)
    assert (await signin.look_at_link(conn, token)).purpose == "first"
    assert await signin.use_link(conn, token) == signin.Link("first", account_id, None)
    for again in (signin.use_link, signin.look_at_link):
        with pytest.raises(NotFound, match="used already"):
            await again(conn, token)


async def test_an_old_link_is_void(conn: db.Connection) -> None:
    token = await signin.make_link(conn, "invite", email="carol@example.org")
    await conn.execute("UPDATE one_time_links SET expires_at = now()")
    with pytest.raises(NotFound):
        await signin.use_link(conn, token)


async def test_guesses_are_slowed_down_by_address_and_by_account(conn: db.Connection) -> None:
    for number in range(signin.TRIES_PER_MINUTE):
        await signin.count_try(conn, f"10.0.0.{number}", "alice@example.org")
    with pytest.raises(RateLimited):
        await signin.count_try(conn, "10.0.1.1", " ALICE@example.org")
    for number in range(signin.TRIES_PER_MINUTE):
        await signin.count_try(conn, "10.0.2.2", f"{number}@example.org")
    with pytest.raises(RateLimited):
        await signin.count_try(conn, "10.0.2.2", "somebody@example.org")


async def test_what_is_long_over_is_forgotten(conn: db.Connection) -> None:
    account_id = await signin.sign_up(conn, "alice@example.org", KEPT)
    await signin.open_session(conn, account_id, address="", agent="")
    await signin.open_session(conn, account_id, address="", agent="")
    await signin.make_link(conn, "reset", account_id=account_id)
    await conn.execute(
        "UPDATE sessions SET ended_at = now() - interval '91 days' WHERE id = (SELECT min(id) FROM sessions)"
    )
    await conn.execute("UPDATE one_time_links SET expires_at = now() - interval '31 days'")
    await signin.sweep(conn)
    assert await conn.fetchval("SELECT count(*) FROM sessions") == 1
    assert await conn.fetchval("SELECT count(*) FROM one_time_links") == 0
