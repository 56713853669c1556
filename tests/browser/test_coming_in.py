"""Coming in by a browser: the one-time link, signing in and out."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.house import House
from tests.browser.watched import Browsers
from tests.console.people import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_first_link_makes_the_admin_who_signs_in_again(house: House, browsers: Browsers) -> None:
    page = await browsers.page(None, house.links[0])
    await page.get_by_label("Email").fill("owner@example.org")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_role("heading", name="Create", exact=True)).to_be_visible()
    await expect(page.get_by_role("link", name="Administration")).to_be_visible()
    another = await browsers.page(None, house.links[0], expected="status of 404")
    await expect(another.get_by_role("button", name="Go on")).to_have_count(0)
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_url(f"{house.url}/sign-in")
    await page.goto("/keys")
    await page.get_by_label("Email").fill("owner@example.org")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(f"{house.url}/keys")
    await expect(page.get_by_role("cell", name="first key")).to_be_visible()


@pytest.mark.parametrize("fault", ["throw", "console", "policy", "500"])
async def test_a_fault_of_a_page_is_seen(house: House, browsers: Browsers, fault: str) -> None:
    """The watch itself: each kind of fault is noted."""
    this = await browsers.of()
    page = await this.page("/sign-in")
    if fault == "throw":
        await page.evaluate("setTimeout(() => { throw new Error('boo') })")
    elif fault == "console":
        await page.evaluate("console.error('boo')")
    elif fault == "policy":
        await page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: '1'}))")
    else:
        await page.route("**/boo", lambda route: route.fulfill(status=500))
        await page.evaluate("fetch('/boo')")
    await page.evaluate("new Promise((resolve) => setTimeout(resolve))")
    await page.reload()
    assert this.faults
    this.faults.clear()
