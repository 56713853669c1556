"""The documentation in a browser: its search, its tabs of code, what it copies."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.house import House
from tests.browser.watched import PHONE, Browsers

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_search_finds_a_page_by_the_keyboard(browsers: Browsers) -> None:
    page = await browsers.page(None, "/docs/en/")
    await page.keyboard.press("/")
    field, found = page.get_by_role("combobox"), page.get_by_role("option")
    await expect(field).to_be_focused()
    await page.keyboard.type("webhook signature")
    await expect(found.first).to_contain_text("ebhook")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("listbox")).to_be_hidden()
    await field.fill("webhook signatures on the moon")
    await expect(page.get_by_role("option", name="Nothing found")).to_be_visible()
    await field.fill("stripe")
    await expect(found.first).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("ArrowDown")
    await expect(found.nth(1)).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("ArrowUp")
    await expect(found.first).to_have_attribute("aria-selected", "true")
    where = await found.first.get_attribute("data-href")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(f"{where}$"))
    await expect(page.get_by_role("heading", level=1)).to_be_visible()


async def test_code_in_the_readers_own_language(house: House, browsers: Browsers) -> None:
    page = await browsers.page(None, "/docs/en/quickstart", permissions=["clipboard-read", "clipboard-write"])
    tabs = page.locator(".tabs").first
    await expect(tabs.get_by_role("tab", name="curl")).to_have_attribute("aria-selected", "true")
    await tabs.get_by_role("tab", name="curl").focus()
    await page.keyboard.press("ArrowRight")
    await expect(tabs.get_by_role("tab", name="Python")).to_be_focused()
    await expect(tabs.get_by_role("tabpanel")).to_have_count(1)
    await expect(tabs.get_by_role("tabpanel")).to_contain_text("import")
    await tabs.get_by_role("button", name="Copy").click()
    text = await page.evaluate("navigator.clipboard.readText()")
    compile(text, "quickstart", "exec")
    await expect(page.get_by_role("article")).to_contain_text(house.url)
    await page.goto("/docs/en/text-to-video")
    await expect(page.get_by_role("tab", name="Python").first).to_have_attribute("aria-selected", "true")


async def test_a_page_is_copied_for_an_agent(house: House, browsers: Browsers) -> None:
    page = await browsers.page(None, "/docs/en/webhooks", permissions=["clipboard-read", "clipboard-write"])
    button = page.get_by_role("button", name=re.compile("^Cop.* ?(for AI|ied)$"))
    await button.click()
    await expect(button).to_have_text("Copied")
    twin = await page.request.get("/docs/en/webhooks.md")
    assert await page.evaluate("navigator.clipboard.readText()") == await twin.text()


async def test_the_contents_on_a_phone(browsers: Browsers) -> None:
    page = await browsers.page(None, "/docs/en/", viewport=PHONE)
    link = page.get_by_role("navigation", name="Contents").get_by_role("link", name="Quickstart")
    await expect(link).to_be_hidden()
    await page.get_by_role("button", name="Contents").click()
    await expect(link).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(link).to_be_hidden()
    await page.get_by_role("button", name="Contents").click()
    await link.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Quickstart")
    assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
