"""Keys and webhooks by hand: made, copied, used, revoked; sent again."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Dialog, Page, expect

from seedbed import db, webhooks
from tests.browser.authors import Author
from tests.browser.house import GENERATIONS, House
from tests.browser.watched import Browsers
from tests.webhook_receivers import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

CLIPBOARD = ["clipboard-read", "clipboard-write"]


def answer_once(page: Page, *, yes: bool) -> None:
    """What the person says to the next question."""

    async def answer(dialog: Dialog) -> None:
        await (dialog.accept() if yes else dialog.dismiss())

    page.once("dialog", answer)


async def test_a_key_is_made_copied_used_and_revoked(house: House, browsers: Browsers) -> None:
    page = await browsers.page(await house.person("keeper"), "/keys", permissions=CLIPBOARD)
    await expect(page.get_by_text("No keys yet.")).to_be_visible()
    await page.get_by_label("Name").fill("storefront")
    await page.get_by_label("Default webhook").fill(house.receiver.url)
    await page.get_by_role("button", name="Make a key").click()
    secret = await page.locator("#secret").inner_text()
    assert re.fullmatch(r"sd2_live_\w{46}", secret)
    copy = page.get_by_role("button", name=re.compile("^Cop(y|ied)$"))
    await copy.click()
    await expect(copy).to_have_text("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == secret
    async with house.client(secret) as api:
        assert (await api.get("/api/open/v1/balance")).status_code == 200
        await page.goto("/keys")
        assert secret not in await page.content()
        row = page.get_by_role("row").filter(has_text="storefront")
        await expect(row).not_to_contain_text("never")
        answer_once(page, yes=False)
        await row.get_by_role("button", name="Revoke").click()
        assert (await api.get("/api/open/v1/balance")).status_code == 200
        answer_once(page, yes=True)
        await row.get_by_role("button", name="Revoke").click()
        await expect(page.get_by_text("The key works no more.")).to_be_visible()
        await expect(row.get_by_text("revoked")).to_be_visible()
        assert (await api.get("/api/open/v1/balance")).status_code == 401


async def test_a_webhook_is_sent_again(house: House, browsers: Browsers) -> None:
    person = await house.person("listener")
    key = await house.key(person, name="app", webhook_url=house.receiver.url, webhook_secret="whsec_bbbb")
    task = await house.order(key, "A quiet lake")
    async with house.client(key) as api:
        assert (await api.post(f"{GENERATIONS}/{task}/cancel")).status_code == 200
    await until(lambda: any(task.encode() in each.body for each in house.receiver.got))
    page = await browsers.page(person, "/webhooks")
    await expect(page.get_by_role("row").filter(has_text=house.receiver.url)).to_have_count(1)
    await page.get_by_role("table").get_by_role("link").first.click()
    await expect(page.locator("#body")).to_contain_text(task)
    await expect(page.get_by_role("row").filter(has_text="HTTP 200")).to_have_count(1)
    await page.get_by_role("button", name="Send again").click()
    await expect(page.get_by_text("It is sent again.")).to_be_visible()
    await expect(page.get_by_role("row").filter(has_text="HTTP 200")).to_have_count(2)
    mine = [each for each in house.receiver.got if task.encode() in each.body]
    assert len(mine) == 2
    assert mine[0].body == mine[1].body
    assert (
        mine[0].headers["webhook-id"] == mine[1].headers["webhook-id"] == page.url.rpartition("/")[2].partition("?")[0]
    )


async def test_a_test_is_sent(house: House, browsers: Browsers) -> None:
    person = await house.person("tester")
    await house.key(person, name="app", webhook_secret="whsec_cccc")
    page = await browsers.page(person, "/webhooks")
    await page.get_by_label("Address").fill(house.receiver.url)
    await page.get_by_role("button", name="Send a test").click()
    await expect(page.get_by_role("row").filter(has_text="HTTP 200")).to_have_count(1)
    await expect(page.locator("h1 .state")).to_have_text("delivered")
    number = page.url.rpartition("/")[2].partition("?")[0]
    assert number in [each.headers["webhook-id"] for each in house.receiver.got]
    async with db.connection(house.pool) as conn:
        assert (await webhooks.opened(conn, person.account_id, number))[0].state == "delivered"


async def test_a_request_is_copied_as_code(author: Author, browsers: Browsers) -> None:
    browser = await browsers.of(author.person, permissions=CLIPBOARD)
    page = await browser.page(f"/tasks/{author.film}")
    await page.get_by_text("This request as code").click()
    for name, sign in (("curl", "curl "), ("Python", "import "), ("JavaScript", "await fetch(")):
        await page.get_by_role("tab", name=name).click()
        await page.get_by_role("button", name=f"Copy as {name}").click()
        text = await page.evaluate("navigator.clipboard.readText()")
        assert sign in text
        assert "A lighthouse on a cliff at dusk" in text
        await expect(page.get_by_role("tabpanel")).to_have_count(1)
    another = await browser.page(f"/tasks/{author.film}")
    await another.get_by_text("This request as code").click()
    await expect(another.get_by_role("tab", name="JavaScript")).to_have_attribute("aria-selected", "true")
