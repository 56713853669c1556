"""Signing in with an OpenID Connect provider, through the pages, against a provider that signs for real."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from seedbed import db, identities, oidc, signin
from seedbed.settings import Settings, load
from tests.conftest import served
from tests.console.abroad import accounts_of, back, configured, go, leave, stays_out
from tests.console.people import PASSWORD, Browser
from tests.oidc_stand import SECRET, Stand, person, standing


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with standing() as stand:
        yield stand


@pytest.fixture
def settings(settings: Settings, stand: Stand) -> Settings:
    return configured(settings, stand)


# People ----------------------------------------------------------------------------------------------------------


async def test_somebody_new_gets_an_account_and_finds_it_again(
    browser: Browser, other: Browser, stand: Stand, conn: db.Connection
) -> None:
    page = await browser.see("/sign-in?next=%2Fkeys")
    assert "Sign in with Acme ID" in page
    assert f'href="{browser.origin}/sign-in/start?next=%2Fkeys"' in page
    assert 'name="password"' in page
    stand.who = person("Alice", email="Alice@Example.org")
    entered = await go(browser, "/keys?a=b")
    assert (entered.status_code, entered.headers["location"]) == (303, "/keys?a=b")
    assert entered.headers["cache-control"] == "no-store"
    assert "alice@example.org" in await browser.see("/account")
    assert "Acme ID" in await browser.see("/account")

    asked = stand.authorized[0]
    assert asked["scope"] == "openid email profile"
    assert asked["redirect_uri"] == f"{browser.origin}/sign-in/callback"
    assert len(asked["code_challenge"]) == 43
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3

    stand.who = person("Alice", email="alice.smith@elsewhere.example")
    assert (await go(other)).headers["location"] == "/"
    assert "alice@example.org" in await other.see("/account"), "one is known by the subject, whatever the address"
    assert await accounts_of(conn) == ["alice@example.org"]
    assert not await conn.fetchval("SELECT is_admin FROM accounts")
    stand.who = person("Alice", email="alice\x00@example.org")
    assert (await go(other)).status_code == 303


async def test_the_cookies_of_an_attempt_and_of_a_session(browser: Browser, stand: Stand) -> None:
    stand.who = person("alice")
    left = await leave(browser)
    assert left.headers["cache-control"] == "no-store"
    cookie = left.headers["set-cookie"]
    assert cookie.startswith("attempt-")
    for part in ("HttpOnly", "SameSite=lax", f"Max-Age={identities.ATTEMPT_S}", "Path=/"):
        assert part in cookie
    assert parse_qs(urlsplit(left.headers["location"]).query)["state"][0] not in cookie
    entered = await browser.http.get(await back(browser, left))
    kept = {each.partition("=")[0]: each for each in entered.headers.get_list("set-cookie")}
    assert "Max-Age=0" in kept[cookie.partition("=")[0]]
    assert "HttpOnly" in kept["session"]


async def test_two_tabs_do_not_disturb_each_other(browser: Browser, stand: Stand) -> None:
    stand.who = person("alice")
    first, second = await leave(browser, "/keys"), await leave(browser, "/team")
    assert (await browser.http.get(await back(browser, first))).headers["location"] == "/keys"
    assert (await browser.http.get(await back(browser, second))).headers["location"] == "/team"
    for _ in range(8):
        await leave(browser)
    assert len([name for name in browser.http.cookies if name.startswith("attempt-")]) <= 4


async def test_somebody_new_in_two_browsers_at_once_gets_one_account(
    browser: Browser, other: Browser, stand: Stand, conn: db.Connection
) -> None:
    stand.who = person("alice")
    ways = [(each, await back(each, await leave(each))) for each in (browser, other)]
    answers = await asyncio.gather(*(each.http.get(way) for each, way in ways))
    assert [answer.headers["location"] for answer in answers] == ["/", "/"]
    assert await accounts_of(conn) == ["alice@example.org"]


async def test_a_new_account_begins_with_the_credits_of_a_sign_up(
    settings: Settings, stand: Stand, conn: db.Connection, sound: None
) -> None:
    stand.who = person("alice")
    given = load(**dict(settings) | {"sign_up_credits": 50})
    async with served(given) as url, httpx2.AsyncClient(base_url=url) as http:
        await go(Browser(http))
    assert await conn.fetchval("SELECT available_credits FROM accounts") == 50


async def test_a_verified_address_finds_its_account_and_locks_others_out(
    browser: Browser, other: Browser, stand: Stand, conn: db.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever signed up with somebody's address beforehand, and waits, loses their way in (pre-hijacking)."""
    await other.sign_up("alice@example.org")
    stand.who = person("alice")
    assert (await go(browser)).headers["location"] == "/account?done=linked"
    page = await browser.see("/account?done=linked")
    assert "its password works no more" in page.lower()
    assert "There is none. Choose one" in page
    assert (await other.http.get("/account")).status_code == 303, "the sessions of before have ended"
    again = await other.send("/sign-in", "/sign-in", email="alice@example.org", password=PASSWORD)
    assert again.status_code == 400
    assert await accounts_of(conn) == ["alice@example.org"]
    assert [each.how for each in await identities.of_account(conn, 1)] == ["linked"]
    for _ in range(50):
        if "Look through its API keys" in (said := capsys.readouterr().out):
            break
        await asyncio.sleep(0.02)
    assert "Acme ID" in said, "the owner of the address is told by mail"


async def test_an_unverified_address_finds_nothing_and_makes_nothing(
    browser: Browser, other: Browser, stand: Stand, conn: db.Connection
) -> None:
    await other.sign_up("alice@example.org")
    for verified in (False, None, "false", 1, "yes", [True]):
        for name in ("alice", "bob"):
            stand.who = person(name, email_verified=verified)
            await stays_out(browser, await go(browser), 403, "has not verified that")
    for email in (None, "", "nobody", 7, "a@b@c", "alice@example.org\nbcc"):
        stand.who = person("carol", email=email)
        await stays_out(browser, await go(browser), 403, "email address")
    assert await accounts_of(conn) == ["alice@example.org"]
    assert (await other.http.get("/account")).status_code == 200


async def test_an_address_that_was_given_to_somebody_else_opens_nothing(
    browser: Browser, other: Browser, stand: Stand, conn: db.Connection
) -> None:
    stand.who = person("alice")
    await go(other)
    stand.who = person("alice", sub="the-next-alice")
    await stays_out(browser, await go(browser), 403, "connected with somebody else at Acme ID")
    assert (await other.http.get("/account")).status_code == 200


async def test_whoever_is_signed_in_connects_and_keeps_the_password(
    browser: Browser, other: Browser, stand: Stand, conn: db.Connection
) -> None:
    await browser.sign_up("alice@example.org")
    assert "Connect with Acme ID" in await browser.see("/account")
    before = browser.http.cookies["session"]
    stand.who = person("alice")
    assert (await go(browser, "/account")).headers["location"] == "/account?done=connected"
    assert browser.http.cookies["session"] != before
    assert await signin.find_session(conn, before, address="", agent="") is None, "the old session has ended"
    await other.post("/sign-in", email="alice@example.org", password=PASSWORD)
    assert "alice@example.org" in await other.see("/account")

    stand.who = person("bob")
    await go(other)
    assert "alice@example.org" in await other.see("/account"), "not made somebody else on the way"
    gone = await other.send("/account", "/account/identities/1/end")
    assert gone.headers["location"] == "/account?done=disconnected"
    assert (await browser.http.get("/account")).status_code == 303
    assert "Connect with Acme ID" in await other.see("/account?done=disconnected")
    assert await conn.fetchval("SELECT ended_at IS NOT NULL FROM identities"), "it is still known how it was"


async def test_nobody_locks_themselves_out(browser: Browser, other: Browser, stand: Stand) -> None:
    stand.who = person("alice")
    await go(browser)
    page = await browser.see("/account")
    assert "/account/identities/" not in page
    csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
    assert (await browser.post("/account/identities/1/end", csrf=csrf)).status_code == 400
    chosen = await browser.send("/account", "/account/password", password=PASSWORD)
    assert chosen.headers["location"] == "/account?done=password-changed"
    stand.who = person("bob")
    await go(other)
    await other.send("/account", "/account/password", password=PASSWORD)
    csrf = (await other.see("/account")).partition('name="csrf" value="')[2].partition('"')[0]
    assert (await other.post("/account/identities/1/end", csrf=csrf)).status_code == 404, "another's"


# Who may ---------------------------------------------------------------------------------------------------------


async def test_accounts_are_made_for_the_invited_alone(
    settings: Settings, stand: Stand, conn: db.Connection, sound: None
) -> None:
    given = load(**dict(settings) | {"sign_up": "invited", "sign_up_credits": 50})
    async with served(given) as url, httpx2.AsyncClient(base_url=url) as http, httpx2.AsyncClient(base_url=url) as her:
        browser, alice = Browser(http), Browser(her)
        stand.who = person("bob")
        await stays_out(browser, await go(browser), 403, "There is no account for bob@example.org")
        assert "Go on with Acme ID" not in await browser.see("/sign-up")
        assert await accounts_of(conn) == []

        await signin.sign_up(conn, "alice@example.org", signin.hashed(PASSWORD))
        await alice.post("/sign-in", email="alice@example.org", password=PASSWORD)
        page = await alice.send("/team", "/team/invitations", email="bob@example.org")
        link = page.text.partition('<code id="link">')[2].partition("</code>")[0].removeprefix(url)
        assert "Go on with Acme ID" in await browser.see(link)
        assert (await go(browser, link)).headers["location"] == link
        joined = await browser.send(link, "")
        assert joined.headers["location"] == "/team?done=joined"
        assert await conn.fetchval("SELECT sum(available_credits) FROM accounts") == 0, "the invited begin without"


async def test_only_some_domains_may_come_in(settings: Settings, stand: Stand, conn: db.Connection) -> None:
    given = load(**dict(settings) | {"oidc_domains": "Acme.example, acme.test"})
    async with served(given) as url, httpx2.AsyncClient(base_url=url) as http:
        browser = Browser(http)
        for email in ("alice@example.org", "alice@sub.acme.example", "alice@acme.example.evil.example"):
            stand.who = person("alice", email=email)
            await stays_out(browser, await go(browser), 403, "cannot sign in here")
        stand.who = person("alice", email="alice@acme.test", email_verified=False)
        await stays_out(browser, await go(browser), 403, "has not verified")
        assert await accounts_of(conn) == []
        stand.who = person("alice", email="alice@ACME.example")
        assert (await go(browser)).headers["location"] == "/"
        await browser.send("/account", "/sign-out")
        stand.who = person("alice", email="alice@elsewhere.example")
        await stays_out(browser, await go(browser), 403, "cannot sign in here")


async def test_without_passwords_there_are_none(
    settings: Settings, stand: Stand, pool: db.Pool, conn: db.Connection
) -> None:
    given = load(**dict(settings) | {"password_sign_in": "off"})
    async with served(given) as url, httpx2.AsyncClient(base_url=url) as http, httpx2.AsyncClient(base_url=url) as two:
        browser, other = Browser(http), Browser(two)
        for page in ("/sign-in", "/sign-up"):
            assert 'type="password"' not in await browser.see(page)
        assert (await browser.http.get("/forgot")).headers["location"] == "/sign-in"
        async with db.transaction(pool) as inner:
            alice = await signin.sign_up(inner, "alice@example.org", signin.hashed(PASSWORD))
            token = await signin.make_link(inner, "reset", account_id=alice)
        assert 'type="password"' not in await browser.see(f"/link/{token}")
        for path in ("/sign-in", "/sign-up", "/forgot", f"/link/{token}"):
            answer = await browser.post(path, email="alice@example.org", password=PASSWORD)
            assert (answer.status_code, "session" in browser.http.cookies) == (400, False), path
            assert "sign in with Acme ID" in answer.text
        stand.who = person("carol")
        assert (await go(browser)).headers["location"] == "/"
        page = await browser.see("/account")
        assert 'type="password"' not in page
        csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
        assert (await browser.post("/account/password", csrf=csrf, password=PASSWORD)).status_code == 400
        assert await conn.fetchval("SELECT count(*) FROM passwords") == 1

        async with db.transaction(pool) as inner:
            link = await signin.make_link(inner, "first", account_id=alice)
        assert "Go on with Acme ID" in await other.see(f"/link/{link}")


async def test_the_first_administrator_may_come_by_the_provider(
    browser: Browser, other: Browser, stand: Stand, pool: db.Pool, conn: db.Connection
) -> None:
    async with db.transaction(pool) as inner:
        admin = await inner.fetchval(
            "INSERT INTO accounts (email, is_admin) VALUES ('admin@localhost', true) RETURNING id"
        )
        token = await signin.make_link(inner, "first", account_id=admin)
    stand.who = person("alice", email_verified=False)
    await stays_out(browser, await go(browser, f"/link/{token}"), 403, "has not verified")
    stand.who = person("alice")
    assert (await go(browser, f"/link/{token}")).headers["location"] == "/"
    assert "alice@example.org" in await browser.see("/admin/accounts")
    assert await accounts_of(conn) == ["alice@example.org"]
    stand.who = person("mallory")
    assert (await go(other, f"/link/{token}")).status_code == 404, "the link works once"
    assert await accounts_of(conn) == ["alice@example.org"]
    page = await browser.see("/admin/accounts/1")
    assert "by the first link" in page
    done = await browser.send("/admin/accounts/1", "/admin/accounts/1/identities/1/end")
    assert done.headers["location"] == "/admin/accounts/1?done=disconnected"
    assert (await browser.http.get("/account")).status_code == 303


async def test_the_address_may_stand_in_userinfo(browser: Browser, stand: Stand, conn: db.Connection) -> None:
    stand.who, stand.userinfo = {"sub": "id-of-alice"}, person("alice", sub="id-of-mallory")
    await stays_out(browser, await go(browser), 502, "cannot be trusted")
    stand.userinfo = person("alice", email_verified=False)
    await stays_out(browser, await go(browser), 403, "has not verified")
    stand.who, stand.userinfo = {"sub": "id-of-alice", "email_verified": True}, person("alice", email_verified=None)
    await stays_out(browser, await go(browser), 403, "has not verified")
    stand.userinfo = person("alice")
    assert (await go(browser)).headers["location"] == "/"
    assert await accounts_of(conn) == ["alice@example.org"]


async def test_without_a_provider_there_is_nothing_of_it(settings: Settings, stand: Stand) -> None:
    given = load(**{name: value for name, value in dict(settings).items() if not name.startswith("oidc_")})
    async with served(given) as url, httpx2.AsyncClient(base_url=url) as http:
        browser = Browser(http)
        assert "/sign-in/start" not in await browser.see("/sign-in")
        await browser.sign_up("alice@example.org")
        assert "Connected accounts" not in await browser.see("/account")
        for path in ("/sign-in/start", "/sign-in/callback?state=a&code=b"):
            assert (await browser.http.get(path)).status_code == 404


async def test_a_provider_that_is_down_is_told_and_hangs_nothing(
    browser: Browser, stand: Stand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(oidc, "ASK_S", 0.5)
    stand.who, stand.down = person("alice"), True
    answer = await leave(browser, "/keys")
    assert (answer.status_code, "Acme ID does not answer" in answer.text) == (503, True)
    assert "next=%2Fkeys" in answer.text
    assert 'name="password"' in await browser.see("/sign-in"), "the page itself asks the provider nothing"
    stand.down = False
    monkeypatch.setattr(oidc, "RETRY_S", 0)
    address = await back(browser, await leave(browser))
    stand.silent_s, began = 3, time.monotonic()
    await stays_out(browser, await browser.http.get(address), 503, "Acme ID does not answer")
    assert time.monotonic() - began < 2.5
    stand.silent_s, stand.secret = 0, "changed there"
    capsys.readouterr()
    await stays_out(browser, await go(browser), 502, "does not work now")
    log = capsys.readouterr().out
    assert "invalid_client" in log
    assert SECRET not in log
    stand.secret = SECRET
    assert (await go(browser)).status_code == 303


async def test_pages_say_it_in_the_readers_language(browser: Browser, stand: Stand) -> None:
    browser.http.headers["Accept-Language"] = "ru"
    assert "Acme ID" in await browser.see("/sign-in")
    stand.refuses = "access_denied"
    answer = await go(browser)
    assert "Acme ID" in answer.text
    assert "did not let you in" not in answer.text
    assert stand.authorized[0]["ui_locales"] == "ru"
