"""Webhooks in the console: what was sent, tests through a real worker, redeliveries, whose they are."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from seedbed import accounts, db, ledger, webhooks
from seedbed.console.webhooks import TESTS_PER_MINUTE
from seedbed.settings import Settings
from seedbed.webhooks import Outcome
from tests.conftest import Person, served
from tests.console.people import Browser, heading
from tests.engines_for_tests import Clip
from tests.webhook_receivers import Receiver, check_signatures, opened, receiving, told, until
from tests.workers import at_work


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def console(settings: Settings, receiver: Receiver, tmp_path: Path) -> AsyncIterator[Browser]:
    """Alice at a service with a worker, which may reach the receiver."""
    mine = settings.model_copy(update={"trusted_hosts": f"127.0.0.1:{receiver.port}"})
    async with served(mine) as url, httpx2.AsyncClient(base_url=url) as http, at_work(mine, tmp_path, Clip()):
        browser = Browser(http)
        await browser.sign_up("alice@example.org")
        yield browser


async def key_of(conn: db.Connection, email: str, secret: str | None = None) -> Person:
    account_id = await accounts.find(conn, email)
    key_id, _ = await accounts.create_key(conn, account_id, "open", name="mine", webhook_secret=secret)
    return Person(account_id, key_id, "")


async def settled(browser: Browser, where: str, word: str) -> str:
    """The page of a delivery, once it says `word`."""
    for _ in range(200):
        page = await browser.see(where)
        if f">{word}</span></h1>" in page:
            return page
        await asyncio.sleep(0.05)
    raise AssertionError(heading(page))


async def test_a_test_is_sent_once_signed_and_shown(console: Browser, conn: db.Connection, receiver: Receiver) -> None:
    key = await key_of(conn, "alice@example.org", "s3cret")
    sent = await console.send("/webhooks", "/webhooks/test", url=receiver.url, key=str(key.key_id))
    where, _, done = sent.headers["location"].partition("?")
    assert done == "done=test"
    page = await settled(console, where, "delivered")
    [got] = receiver.got
    check_signatures(got, "s3cret")
    assert got.headers["webhook-id"] == where.rpartition("/")[2]
    assert b'"test":true' in got.body
    assert "HTTP 200" in page
    assert "&#34;test&#34;: true" in page
    assert '<pre class="answer">ok</pre>' in page
    listed = await console.see("/webhooks")
    assert where in listed
    assert ">test</td>" in listed


async def test_a_test_that_is_refused_is_not_tried_again(
    console: Browser, conn: db.Connection, receiver: Receiver
) -> None:
    receiver.answers = [told(500, b"<script>no</script>")]
    key = await key_of(conn, "alice@example.org")
    sent = await console.send("/webhooks", "/webhooks/test", url=receiver.url, key=str(key.key_id))
    where = sent.headers["location"].partition("?")[0]
    page = await settled(console, where, "given up")
    assert "&lt;script&gt;no&lt;/script&gt;" in page
    assert "x-seedance-signature" not in receiver.got[0].headers, "this key has no secret"
    again = await console.send(where, f"{where}/redeliver")
    assert again.headers["location"] == f"{where}?done=again"
    assert (await settled(console, where, "delivered")).count("HTTP ") == 2
    assert receiver.got[0].body == receiver.got[1].body
    assert receiver.got[0].headers["webhook-id"] == receiver.got[1].headers["webhook-id"]


async def test_no_test_goes_inside(console: Browser, conn: db.Connection, receiver: Receiver) -> None:
    """Neither by an address, nor by one that is the server's, nor by a key of somebody else's."""
    key = await key_of(conn, "alice@example.org")
    stranger = await accounts.create(conn, "bob@example.org")
    his, _ = await accounts.create_key(conn, stranger, "open")
    for url, number in (
        ("http://127.0.0.1:1/", key.key_id), ("https://10.0.0.1/", key.key_id), ("https://localhost/", key.key_id),
        ("file:///etc/passwd", key.key_id), ("", key.key_id), (f"{console.origin}/keys", key.key_id),
        (receiver.url, his), (receiver.url, 999_999), (receiver.url, 0),
        ("https://example.com/" + "a" * 3000, key.key_id),
    ):  # fmt: skip
        answer = await console.send("/webhooks", "/webhooks/test", url=url, key=str(number))
        assert answer.status_code == 400, (url, number)
    assert await webhooks.sent(conn, key.account_id) == []
    assert receiver.got == []


async def test_a_name_that_leads_inside_is_refused_by_the_worker(console: Browser, conn: db.Connection) -> None:
    key = await key_of(conn, "alice@example.org")
    sent = await console.send("/webhooks", "/webhooks/test", url="https://nobody.invalid/", key=str(key.key_id))
    where = sent.headers["location"].partition("?")[0]
    assert "no public address" in await settled(console, where, "given up")


async def test_tests_are_few(console: Browser, conn: db.Connection, receiver: Receiver) -> None:
    key = await key_of(conn, "alice@example.org")
    for _ in range(TESTS_PER_MINUTE):
        sent = await console.send("/webhooks", "/webhooks/test", url=receiver.url, key=str(key.key_id))
        assert sent.status_code == 303
    sent = await console.send("/webhooks", "/webhooks/test", url=receiver.url, key=str(key.key_id))
    assert sent.status_code == 429
    await until(lambda: len(receiver.got) == TESTS_PER_MINUTE)


async def test_deliveries_are_listed_and_turned_on_again(browser: Browser, conn: db.Connection) -> None:
    await browser.sign_up("alice@example.org")
    alice = await key_of(conn, "alice@example.org")
    await accounts_credit(conn, alice)
    made = [await opened(conn, alice, "https://example.com/gone") for _ in range(55)]
    await webhooks.record(conn, made[0], Outcome(duration_s=0.1, status=410, answer="gone"))
    first = await browser.see("/webhooks")
    assert re.findall(r'href="/webhooks/(msg_\w+)"', first) == [each.id for each in made[:4:-1]]
    following = re.search(r'href="(/webhooks\?before=\d+)" rel="next"', first)
    assert following
    second = await browser.see(following[1])
    assert re.findall(r'href="/webhooks/(msg_\w+)"', second) == [each.id for each in made[4::-1]]
    assert "Addresses that are turned off" in first
    done = await browser.send("/webhooks", "/webhooks/on")
    assert done.headers["location"] == "/webhooks?done=on"
    assert "Addresses that are turned off" not in await browser.see("/webhooks")
    page = await browser.see(f"/webhooks/{made[0].id}")
    assert "HTTP 410" in page
    assert "&#34;n&#34;: 1" in page


async def accounts_credit(conn: db.Connection, person: Person) -> None:
    await ledger.grant(conn, person.account_id, 10_000)


async def test_anothers_deliveries_are_not_there(browser: Browser, other: Browser, conn: db.Connection) -> None:
    await browser.sign_up("alice@example.org")
    await other.sign_up("bob@example.org")
    alice = await key_of(conn, "alice@example.org")
    await accounts_credit(conn, alice)
    delivery = await opened(conn, alice, "https://example.com/gone")
    await webhooks.record(conn, delivery, Outcome(duration_s=0.1, status=410))
    token = (await other.see("/keys")).partition('name="csrf" value="')[2].partition('"')[0]
    path = f"/webhooks/{delivery.id}"
    answers = [
        await other.http.get(path),
        await other.post(f"{path}/redeliver", csrf=token),
        await other.post("/webhooks/on", csrf=token, url="https://example.com/gone"),
        await other.http.get("/webhooks/msg_0"),
        await other.http.get("/webhooks/%27;--"),
        await other.post("/webhooks/msg_0/redeliver", csrf=token),
    ]
    assert [answer.status_code for answer in answers] == [404] * 6
    assert delivery.id not in await other.see("/webhooks")
    assert len(await webhooks.turned_off(conn, alice.account_id)) == 1


async def test_the_receivers_of_the_documentation_are_offered(browser: Browser) -> None:
    await browser.sign_up("alice@example.org")
    page = await browser.see("/webhooks")
    for word in ("hmac.compare_digest(expected, each.encode())", "timingSafeEqual", "hmac.Equal"):
        assert word in page.replace("&#39;", "'").replace("&#34;", '"')
