"""The team in the console: invitations with and without an account, credits, and who may not."""

from __future__ import annotations

import asyncio
import re

import httpx2
import pytest

from seedbed import accounts, db, ledger, teams
from seedbed.console.team import INVITATIONS_PER_MINUTE
from seedbed.settings import Settings, load
from tests.conftest import served
from tests.console.people import PASSWORD, Browser, Fields, heading
from tests.mailbox import mailbox

pytestmark = pytest.mark.usefixtures("sound")


async def invited(browser: Browser, email: str) -> str:
    """The path of an invitation's link: without a mail server the page shows it."""
    page = await browser.send("/team", "/team/invitations", email=email)
    found = re.search(r'<code id="link">[^<]*(/link/[^<]+)</code>', page.text)
    assert found, heading(page.text)
    return found[1]


async def token_of(browser: Browser) -> str:
    return (await browser.see("/keys")).partition('name="csrf" value="')[2].partition('"')[0]


async def test_somebody_new_makes_an_account_and_is_in(browser: Browser, other: Browser, conn: db.Connection) -> None:
    await browser.sign_up("alice@example.org")
    assert "You are in no team" in await browser.see("/team")
    link = await invited(browser, "Bob@example.org")
    assert "alice@example.org invites bob@example.org" in await other.see(link)
    bad = await other.post(link, password="short")
    assert (bad.status_code, "10" in heading(bad.text)) == (400, True)
    done = await other.send(link, "", password=PASSWORD)
    assert done.headers["location"] == "/team"
    page = await other.see("/team")
    assert "alice@example.org" in page
    assert "/team/members/" not in page, "a member decides nothing"
    assert (await other.http.get(link)).status_code == 404
    assert "bob@example.org" in await browser.see("/team")


async def test_somebody_with_an_account_signs_in_first(browser: Browser, other: Browser, conn: db.Connection) -> None:
    await browser.sign_up("alice@example.org")
    await other.sign_up("bob@example.org")
    link = await invited(browser, "bob@example.org")
    async with httpx2.AsyncClient(base_url=browser.origin) as http:
        stranger = Browser(http)
        assert f'href="/sign-in?next={link}"' in await stranger.see(link)
        refused = await stranger.post(link, password="another password")
        assert refused.status_code == 400
        entered = await stranger.post("/sign-in", email="bob@example.org", password="another password")
        assert entered.status_code == 400, "the link changes nobody's password"
    assert "You are signed in as alice@example.org" in await browser.see(link)
    taken = await browser.post(link, csrf=await token_of(browser))
    assert (taken.status_code, "Sign in with" in heading(taken.text)) == (400, True)
    assert (await other.send(link, "")).headers["location"] == "/team?done=joined"
    assert "Welcome" in await other.see("/team?done=joined")


async def test_credits_move_there_and_back(browser: Browser, other: Browser, conn: db.Connection) -> None:
    await browser.sign_up("alice@example.org")
    await other.sign_up("bob@example.org")
    alice, bob = [await accounts.find(conn, f"{name}@example.org") for name in ("alice", "bob")]
    await ledger.grant(conn, alice, 1000)
    await other.send(await invited(browser, "bob@example.org"), "")
    give = f"/team/members/{bob}/give"
    assert (await browser.send("/team", give, credits="300")).headers["location"] == "/team?done=given"
    for bad in ("", "0", "-5", "1.5", "701", "9" * 18, "x"):
        answer = await browser.send("/team", give, credits=bad)
        assert answer.status_code in (400, 402), bad
    back = f"/team/members/{bob}/take-back"
    too_much = await browser.send("/team", back, credits="301")
    assert (too_much.status_code, "no more" in heading(too_much.text)) == (400, True)
    assert (await browser.send("/team", back, credits="100")).headers["location"] == "/team?done=taken"
    assert [(await ledger.balance(conn, each)).available for each in (alice, bob)] == [800, 200]
    page = await other.see("/usage")
    assert "Moved in the team" in page
    assert "from alice@example.org" in page


async def test_a_form_sent_twice_moves_credits_once(browser: Browser, other: Browser, conn: db.Connection) -> None:
    await browser.sign_up("alice@example.org")
    await other.sign_up("bob@example.org")
    alice, bob = [await accounts.find(conn, f"{name}@example.org") for name in ("alice", "bob")]
    await ledger.grant(conn, alice, 1000)
    await other.send(await invited(browser, "bob@example.org"), "")
    give = f"/team/members/{bob}/give"
    form = Fields(await browser.see("/team")).forms[give] | {"credits": "300"}
    answers = await asyncio.gather(*(browser.post(give, **form) for _ in range(3)))
    assert {answer.status_code for answer in answers} <= {303, 409}
    assert (await browser.post(give, **form)).status_code == 303
    assert [(await ledger.balance(conn, each)).available for each in (alice, bob)] == [700, 300]
    assert (await browser.post(give, **form | {"credits": "301"})).status_code == 409, "it was used for another"
    assert (await browser.send("/team", give, credits="300")).status_code == 303, "another form is another move"
    assert (await ledger.balance(conn, bob)).available == 600


async def test_roles_removing_and_leaving(browser: Browser, other: Browser, conn: db.Connection) -> None:
    await browser.sign_up("alice@example.org")
    await other.sign_up("bob@example.org")
    await other.send(await invited(browser, "bob@example.org"), "")
    alice, bob = [await accounts.find(conn, f"{name}@example.org") for name in ("alice", "bob")]
    stuck = await browser.send("/team", "/team/leave")
    assert (stuck.status_code, "needs an owner" in heading(stuck.text)) == (400, True)
    assert (await browser.send("/team", f"/team/members/{bob}/role")).headers["location"] == "/team?done=role"
    assert f"/team/members/{alice}/remove" in await other.see("/team"), "bob is an owner now"
    assert (await other.send("/team", f"/team/members/{alice}/remove")).headers["location"] == "/team?done=removed"
    assert "You are in no team" in await browser.see("/team")
    assert (await other.send("/team", "/team/leave")).headers["location"] == "/team?done=left"
    assert await teams.of(conn, bob) is None


async def test_an_invitation_is_revoked(browser: Browser, other: Browser) -> None:
    await browser.sign_up("alice@example.org")
    link = await invited(browser, "bob@example.org")
    revoke = re.search(r'action="(/team/invitations/\d+/revoke)"', await browser.see("/team"))
    assert revoke
    assert (await browser.send("/team", revoke[1])).headers["location"] == "/team?done=revoked"
    for answer in (await other.http.get(link), await other.post(link, password=PASSWORD)):
        assert answer.status_code == 404


async def test_strangers_and_members_do_nothing(browser: Browser, other: Browser, conn: db.Connection) -> None:
    """Of another team everything is 404; in one's own, a member is told that an owner is needed."""
    await browser.sign_up("alice@example.org")
    await invited(browser, "carol@example.org")
    invitation = re.search(r"/team/invitations/(\d+)/revoke", await browser.see("/team"))
    assert invitation
    alice = await accounts.find(conn, "alice@example.org")
    await other.sign_up("bob@example.org")
    await invited(other, "dan@example.org")
    token = await token_of(other)
    paths = [f"/team/members/{alice}/{act}" for act in ("give", "take-back", "role", "remove")]
    for path in (*paths, f"/team/invitations/{invitation[1]}/revoke", f"/team/members/{2**63}/give"):
        answer = await other.post(path, csrf=token, credits="1", role="owner")
        assert (answer.status_code, heading(answer.text)) == (404, "Not Found"), path
    assert "alice@example.org" not in await other.see("/team")
    await conn.execute("UPDATE team_members SET role = 'member' WHERE account_id <> $1", alice)
    await conn.execute(
        "UPDATE team_members SET team_id = (SELECT team_id FROM team_members WHERE account_id = $1)", alice
    )
    for path in paths:
        answer = await other.post(path, csrf=token, credits="1", role="owner")
        assert (answer.status_code, "Only an owner" in answer.text) == (400, True), path


async def test_invitations_are_few(browser: Browser) -> None:
    await browser.sign_up("alice@example.org")
    for number in range(INVITATIONS_PER_MINUTE):
        await invited(browser, f"x{number}@example.org")
    answer = await browser.send("/team", "/team/invitations", email="y@example.org")
    assert answer.status_code == 429


async def test_an_invitation_comes_by_mail(settings: Settings) -> None:
    async with mailbox() as box:
        mine = load(**settings.model_dump(exclude_unset=True) | {"smtp_url": box.url})
        async with served(mine) as url, httpx2.AsyncClient(base_url=url) as http:
            browser = Browser(http)
            await browser.sign_up("alice@example.org")
            sent = await browser.send("/team", "/team/invitations", email="Bob@example.org")
            assert sent.headers["location"] == "/team?done=invited", "and the page does not show the link"
            [mail] = box.mails
            assert mail["To"] == "bob@example.org"
            text = mail.get_content()
            assert "alice@example.org invites you" in text
            link = re.search(rf"{re.escape(url)}(/link/\S+)", text)
            assert link
            assert "alice@example.org invites bob@example.org" in await browser.see(link[1])


async def test_a_mail_server_that_is_away_is_no_end_of_it(settings: Settings) -> None:
    mine = load(**settings.model_dump(exclude_unset=True) | {"smtp_url": "smtp://127.0.0.1:1"})
    async with served(mine) as url, httpx2.AsyncClient(base_url=url) as http:
        browser = Browser(http)
        await browser.sign_up("alice@example.org")
        assert await invited(browser, "bob@example.org"), "the link is shown instead"
