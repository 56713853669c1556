"""Administration: who sees it, what it shows of a running service, what admins can do; the first link."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx2
import pytest

from seedbed import accounts, audit_log, db, ledger, supervisor, tasks
from seedbed.errors import InvalidRequest, NotFound, TaskFailure
from seedbed.settings import Settings
from tests.conftest import Person, served
from tests.console.people import PASSWORD, Browser, heading
from tests.engines_for_tests import Slow
from tests.test_tasks import accept
from tests.workers import at_work

pytestmark = pytest.mark.usefixtures("sound")
PAGES = ("/admin", "/admin/accounts", "/admin/catalogue", "/admin/checkup", "/admin/audit")


@pytest.fixture
async def admin(browser: Browser, conn: db.Connection) -> Browser:
    await browser.sign_up("root@example.org")
    await accounts.set_admin(conn, await accounts.find(conn, "root@example.org"), admin=True)
    return browser


async def test_the_first_link_makes_the_first_person_the_admin(
    settings: Settings, browser: Browser, pool: db.Pool
) -> None:
    assert settings.database_url
    first = await supervisor._first_start(settings.database_url)
    assert first is not None
    assert accounts.well_formed(first.key)
    assert await supervisor._first_start(settings.database_url) is None, "only once"
    link = f"/link/{first.link}"
    assert "its administrator" in await browser.see(link)
    for email, password in (("no address", PASSWORD), ("me@example.org", "short")):
        assert (await browser.post(link, email=email, password=password)).status_code == 400
    done = await browser.post(link, email="Me@example.org", password=PASSWORD)
    assert done.status_code == 303
    assert "me@example.org" in await browser.see("/account")
    assert "10,000 credits" in await browser.see("/admin")
    assert (await browser.http.get(link)).status_code == 404


async def test_others_find_nothing(admin: Browser, other: Browser, conn: db.Connection) -> None:
    await other.sign_up("bob@example.org")
    bob = await accounts.find(conn, "bob@example.org")
    key_id, _ = await accounts.create_key(conn, bob, "open")
    token = (await other.see("/keys")).partition('name="csrf" value="')[2].partition('"')[0]
    account = f"/admin/accounts/{bob}"
    answers = [await other.http.get(path) for path in (*PAGES, account)]
    answers += [
        await other.post(path, csrf=token, credits="5", admin="yes", email="x@example.org")
        for path in (f"{account}/grant", f"{account}/admin", f"{account}/keys/{key_id}/revoke", "/admin/accounts")
    ]
    assert {(answer.status_code, heading(answer.text)) for answer in answers} == {(404, "Not Found")}
    assert await ledger.balance(conn, bob) == ledger.Balance(0, 0)
    assert 'href="/admin"' not in await other.see("/keys")
    assert 'href="/admin"' in await admin.see("/keys")


async def test_accounts_are_found_and_given_credits(admin: Browser, conn: db.Connection) -> None:
    for number in range(60):
        await accounts.create(conn, f"p{number:02}@example.net")
    first = await admin.see("/admin/accounts?q=EXAMPLE.NET")
    assert first.count("@example.net</a>") == 50
    following = re.search(r'href="([^"]+)" rel="next"', first)
    assert following
    assert (await admin.see(following[1].replace("&amp;", "&"))).count("@example.net</a>") == 10
    assert "There is no such account." in await admin.see("/admin/accounts?q=%25")
    found = await accounts.find(conn, "p07@example.net")
    where = f"/admin/accounts/{found}"
    assert f'href="{where}"' in await admin.see("/admin/accounts?q=p07")
    given = await admin.send(where, f"{where}/grant", credits="250", note=" for  <b>you</b> ")
    assert given.headers["location"] == f"{where}?done=granted"
    page = await admin.see(where)
    assert "for &lt;b&gt;you&lt;/b&gt; (root@example.org)" in page
    assert (await ledger.balance(conn, found)).available == 250
    for bad in ("", "0", "-1", "1" * 19, "1.5"):
        answer = await admin.send(where, f"{where}/grant", credits=bad)
        assert answer.status_code == 400
        assert heading(answer.text).startswith("p07@example.net")
    for path in ("/admin/accounts/999999", f"/admin/accounts/{2**64}"):
        assert (await admin.http.get(path)).status_code == 404
    token = (await admin.see("/keys")).partition('name="csrf" value="')[2].partition('"')[0]
    assert (await admin.post("/admin/accounts/999999/grant", csrf=token, credits="5")).status_code == 404
    made = await admin.send("/admin/accounts", "/admin/accounts", email="New@example.net")
    assert made.headers["location"] == f"/admin/accounts/{await accounts.find(conn, 'new@example.net')}?done=made"


async def test_admins_are_made_and_there_is_always_one(admin: Browser, other: Browser, conn: db.Connection) -> None:
    await other.sign_up("bob@example.org")
    root, bob = [await accounts.find(conn, f"{name}@example.org") for name in ("root", "bob")]
    mine, his = f"/admin/accounts/{root}", f"/admin/accounts/{bob}"
    only = await admin.send(mine, f"{mine}/admin")
    assert (only.status_code, "only admin" in heading(only.text)) == (400, True)
    assert (await admin.send(his, f"{his}/admin")).headers["location"] == f"{his}?done=admin"
    assert (await other.send(mine, f"{mine}/admin")).status_code == 303
    assert (await admin.http.get("/admin")).status_code == 404, "at once"
    assert (await other.http.get("/admin")).status_code == 200


async def test_a_key_of_anybodys_is_revoked(
    admin: Browser, api: httpx2.AsyncClient, conn: db.Connection, alice: Person
) -> None:
    where = f"/admin/accounts/{alice.account_id}"
    assert (await api.get("/api/open/v1/balance", headers=alice.auth)).status_code == 200
    done = await admin.send(where, f"{where}/keys/{alice.key_id}/revoke")
    assert done.headers["location"] == f"{where}?done=revoked"
    assert (await api.get("/api/open/v1/balance", headers=alice.auth)).status_code == 401
    token = (await admin.see("/keys")).partition('name="csrf" value="')[2].partition('"')[0]
    root = await accounts.find(conn, "root@example.org")
    mixed = await admin.post(f"/admin/accounts/{root}/keys/{alice.key_id}/revoke", csrf=token)
    assert mixed.status_code == 404


async def test_the_service_is_seen_at_work(
    settings: Settings, conn: db.Connection, alice: Person, tmp_path: Path
) -> None:
    settings = settings.model_copy(update={"drain_s": 0.0})
    async with served(settings) as url, httpx2.AsyncClient(base_url=url) as http:
        browser = Browser(http)
        await browser.sign_up("root@example.org")
        await accounts.set_admin(conn, await accounts.find(conn, "root@example.org"), admin=True)
        assert "No worker was seen" in await browser.see("/admin")
        async with conn.transaction():
            doomed = await accept(conn, alice)
            await tasks.fail(conn, doomed.id, TaskFailure("invalid_media", "https://example.com/<a>.png is no picture"))
        async with conn.transaction():
            running = await accept(conn, alice)
            await accept(conn, alice)
        async with at_work(settings, tmp_path, Slow()):
            for _ in range(100):
                page = await browser.see("/admin")
                if '<p class="doing">' in page:
                    break
                await asyncio.sleep(0.1)
        assert f'<code>{running.id}</code> seedance-2.0 <span class="faint">alice@example.com</span>' in page
        assert "https://example.com/&lt;a&gt;.png is no picture" in page
        assert re.search(
            r'<code>render:previz</code></td><td class="of-number">1</td><td class="of-number">1</td>', page
        )
        assert "<h2><code>seedance-2.0</code>" in await browser.see("/admin/catalogue")
        assert "rules proved" not in await browser.see("/admin/checkup"), "which takes long, and is asked for"
        checked = await browser.see("/admin/checkup?ledger=prove")
        assert "rules proved" in checked
        await conn.execute(
            "UPDATE accounts SET available_credits = available_credits + 1 WHERE id = $1", alice.account_id
        )
        assert "entries say" in await browser.see("/admin/checkup?ledger=prove")
        await conn.execute(
            "UPDATE accounts SET available_credits = available_credits - 1 WHERE id = $1", alice.account_id
        )


async def test_a_suspended_account_is_refused_everywhere_until_it_is_let_in_again(
    admin: Browser, other: Browser, conn: db.Connection, api: httpx2.AsyncClient
) -> None:
    await other.sign_up("bob@example.org")
    bob = await accounts.find(conn, "bob@example.org")
    _, secret = await accounts.create_key(conn, bob, "open")
    page, key = f"/admin/accounts/{bob}", {"Authorization": f"Bearer {secret}"}

    async def balance() -> int:
        return (await api.get("/api/open/v1/balance", headers=key)).status_code

    assert await balance() == 200
    done = await admin.send(page, f"{page}/suspended")
    assert done.headers["location"] == f"{page}?done=suspended"
    assert await balance() == 401
    assert (await other.http.get("/library")).status_code == 303, "the session has no account to show"
    refused = await other.send("/sign-in", "/sign-in", email="bob@example.org", password=PASSWORD)
    assert refused.status_code == 401
    assert "This account is suspended" in refused.text
    assert "suspended" in await admin.see("/admin/accounts")
    await admin.send(page, f"{page}/suspended")
    assert await balance() == 200
    assert (await other.http.get("/library")).status_code == 200, "and the session is there again"


async def test_an_admin_is_not_suspended(admin: Browser, conn: db.Connection) -> None:
    root = await accounts.find(conn, "root@example.org")
    assert f"/admin/accounts/{root}/suspended" not in await admin.see(f"/admin/accounts/{root}")
    with pytest.raises(InvalidRequest, match="take the role from it first"):
        await accounts.suspend(conn, root)
    with pytest.raises(NotFound):
        await accounts.suspend(conn, 999_999)
    with pytest.raises(NotFound):
        await accounts.resume(conn, 999_999)


async def test_what_admins_do_is_written_down(admin: Browser, conn: db.Connection) -> None:
    bob = await accounts.create(conn, "bob@example.org")
    key_id, _ = await accounts.create_key(conn, bob, "open")
    await audit_log.note(conn, "account.made", bob, by=None)
    page = f"/admin/accounts/{bob}"
    await admin.send(page, f"{page}/grant", credits="7")
    await admin.send(page, f"{page}/keys/{key_id}/revoke")
    await admin.send(page, f"{page}/suspended")
    await admin.send(page, f"{page}/suspended")
    refused = await admin.send(page, f"{page}/grant", credits="none")
    assert refused.status_code == 400
    seen = await admin.see("/admin/audit")
    done = [(line.action, line.by, line.details) for line in await audit_log.lines(conn, before=2**63 - 1, limit=9)]
    root, hint = "root@example.org", (await accounts.list_keys(conn, bob))[0].hint
    assert done == [
        ("account.resumed", root, ""), ("account.suspended", root, ""), ("key.revoked", root, hint),
        ("credits.granted", root, "7"), ("account.made", None, ""),
    ]  # fmt: skip
    for said in ("Let the account in again", "Suspended the account", hint, "command line"):
        assert said in seen
    assert page in seen
    oldest = (await audit_log.lines(conn, before=2**63 - 1, limit=9))[-1].id
    assert "Nothing has been done yet" in await admin.see(f"/admin/audit?before={oldest}")
