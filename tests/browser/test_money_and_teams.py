"""Money and teams by hand: to the till and back, an invitation followed in another browser, credits moved."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.house import House
from tests.browser.watched import Browsers
from tests.console.people import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_credits_are_bought_and_are_there_at_once(house: House, browsers: Browsers) -> None:
    page = await browsers.page(await house.person("buyer", credits=10), "/pricing")
    offer = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Starter"))
    await offer.get_by_role("button", name="Buy").click()
    await expect(page.get_by_role("heading", name="Checkout")).to_be_visible()
    await expect(page.get_by_text("10.00")).to_be_visible()
    await page.get_by_role("link", name="Back").click()
    await expect(page).to_have_url(re.compile(f"{house.url}/billing/cancelled/"))
    await expect(page.get_by_role("link", name="10 credits")).to_be_visible()

    await page.goto("/pricing")
    await offer.get_by_role("button", name="Buy").click()
    await page.get_by_role("button", name="Pay").click()
    await expect(page.get_by_role("heading", name="Your credits are here")).to_be_visible()
    await expect(page.get_by_role("link", name="1,290 credits")).to_be_visible()
    await page.get_by_role("link", name="Your payments").click()
    await expect(page.get_by_role("row").filter(has_text="Starter")).to_contain_text("$10.00")


async def test_a_subscription_begins_and_is_cancelled(house: House, browsers: Browsers) -> None:
    page = await browsers.page(await house.person("subscriber", credits=0), "/pricing")
    offer = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Creator"))
    await offer.get_by_role("button", name="Subscribe").click()
    await page.get_by_role("button", name="Pay").click()
    await expect(page.get_by_role("link", name="2,688 credits")).to_be_visible()
    await page.goto("/pricing")
    await expect(page.get_by_text("Renews on")).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Cancel it").click()
    await expect(page).to_have_url(re.compile("done=ending"))
    [kept] = house.till.subscriptions.values()
    assert kept["cancel_at_period_end"] is True


async def test_somebody_is_invited_and_given_credits(house: House, browsers: Browsers) -> None:
    page = await browsers.page(await house.person("owner"), "/team")
    await page.get_by_label("Email").fill("joiner@example.org")
    await page.get_by_role("button", name="Invite").click()
    await expect(page.get_by_role("heading", name="Hand this link over")).to_be_visible()
    assert (await page.locator("#link").inner_text()) == house.url + house.links[-1]

    other = await browsers.page(None, house.links[-1])
    await expect(other.get_by_text("invites joiner@example.org to a team")).to_be_visible()
    await other.get_by_label("Password").fill(PASSWORD)
    await other.get_by_role("button", name="Go on").click()
    await expect(other).to_have_url(f"{house.url}/team")
    await expect(other.get_by_role("link", name="0 credits", exact=True)).to_be_visible()

    await page.goto("/team")
    member = page.get_by_role("listitem").filter(has_text="joiner@example.org")
    await member.get_by_text("Manage").click()
    await member.get_by_label("Move credits there").fill("300")
    await member.get_by_role("button", name="Move", exact=True).click()
    await expect(page.get_by_text("The credits have been moved.")).to_be_visible()
    await expect(page.get_by_role("link", name="700 credits")).to_be_visible()
    await other.reload()
    await expect(other.get_by_role("link", name="300 credits")).to_be_visible()
