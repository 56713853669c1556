"""How pages look and feel: languages, light and dark, a phone, the keyboard alone, films that play on hover."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.authors import Author
from tests.browser.house import House
from tests.browser.watched import PHONE, Browsers

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAPER = "getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(251, 251, 249)", "rgb(18, 21, 19)"
STOP = """() => {
  const here = document.activeElement;
  if (!here || here === document.body) return null;
  const marks = [here, here.closest("label")].filter(Boolean).map((each) => getComputedStyle(each));
  const box = here.getBoundingClientRect();
  return {
    name: here.id || here.name || here.textContent.trim().slice(0, 40) || here.getAttribute("aria-label"),
    seen: marks.some((style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1),
    inside: box.bottom > 0 && box.top < innerHeight,
  };
}"""


async def test_the_language_is_chosen_and_kept(house: House, browsers: Browsers) -> None:
    page = await browsers.page(await house.person("reader"), "/keys")
    for name, tag, heading in (("Русский", "ru", "Ключи API"), ("简体中文", "zh-Hans", "API 密钥")):
        await page.locator("details.pick summary").click()
        await page.get_by_role("link", name=name).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        assert await page.locator("html").get_attribute("lang") == tag
    await page.goto("/docs")
    await expect(page).to_have_url(re.compile("/docs/zh-Hans/$"))


@pytest.mark.parametrize(("scheme", "first", "second"), [("light", LIGHT, DARK), ("dark", DARK, LIGHT)])
async def test_light_and_dark(browsers: Browsers, scheme: str, first: str, second: str) -> None:
    """The system's wish holds until somebody chooses, from then on the choice, on every page."""
    page = await browsers.page(None, "/sign-in", color_scheme=scheme)
    assert await page.evaluate(PAPER) == first
    await page.get_by_role("button", name="Light or dark").click()
    assert await page.evaluate(PAPER) == second
    await page.goto("/docs/en/")
    assert await page.evaluate(PAPER) == second


async def test_no_page_is_wider_than_a_phone(author: Author, browsers: Browsers) -> None:
    wide = []
    signed_in = await browsers.page(author.person, viewport=PHONE, expected="status of 40[34]")
    outside = await browsers.page(None, viewport=PHONE)
    for page, paths in ((signed_in, author.pages), (outside, author.open_pages)):
        for path in paths:
            await page.goto(path)
            if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wide.append(path)
    assert wide == []


async def test_the_menu_of_a_phone(author: Author, browsers: Browsers) -> None:
    page = await browsers.page(author.person, "/keys", viewport=PHONE)
    menu, link = page.get_by_role("button", name="Menu"), page.get_by_role("link", name="Webhooks")
    await expect(link).to_be_hidden()
    await menu.click()
    await expect(link).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(link).to_be_hidden()
    await expect(menu).to_be_focused()
    await expect(menu).to_have_attribute("aria-expanded", "false")
    await page.keyboard.press("Enter")
    await link.click()
    await expect(page.get_by_role("heading", level=1, name="Webhooks")).to_be_visible()


async def stops(page: Page, most: int = 200) -> list[str]:
    """Tab through the page from its start: where it stops. Every stop must show that it is there."""
    names: list[str] = []
    for _ in range(most):
        await page.keyboard.press("Tab")
        stop = await page.evaluate(STOP)
        if stop is None:
            return names
        assert stop["seen"], f"{page.url}: {stop['name']!r} has the focus and does not show it"
        assert stop["inside"], f"{page.url}: {stop['name']!r} has the focus out of sight"
        names.append(stop["name"])
    raise AssertionError(f"{page.url}: the keyboard does not come to the end")


@pytest.mark.parametrize("path", ["/", "/library", "/keys", "/team", "/docs/en/quickstart"])
async def test_every_stop_of_the_keyboard_is_seen(author: Author, browsers: Browsers, path: str) -> None:
    page = await browsers.page(author.person, path)
    await page.evaluate("document.activeElement.blur()")
    names = await stops(page)
    assert names[0] == "Skip to the content"
    assert len(names) > 8


async def test_a_film_is_asked_for_by_the_keyboard_alone(house: House, browsers: Browsers) -> None:
    page = await browsers.page(await house.person("typist"), "/")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Prompt", exact=True)).to_be_focused()
    await page.keyboard.type("A quiet lake")
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.name === 'resolution'"):
            await page.keyboard.press("ArrowLeft")
        if await page.evaluate("document.activeElement.matches('[data-submit]')"):
            break
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"\?task="))
    await expect(page.get_by_role("link", name="980 credits")).to_be_visible()
    cancel = page.get_by_role("button", name="Cancel")
    await cancel.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="1,000 credits")).to_be_visible()


async def test_the_list_of_languages_closes_by_escape(browsers: Browsers) -> None:
    page = await browsers.page(None, "/sign-in")
    summary = page.locator("details.pick summary")
    await summary.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="Polski")).to_be_visible()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("link", name="Polski")).to_be_hidden()
    await expect(summary).to_be_focused()


async def test_films_of_the_library_play_under_the_pointer(author: Author, browsers: Browsers) -> None:
    page = await browsers.page(author.person, "/library", reduced_motion="no-preference")
    tile, film = page.locator(".tile a").filter(has=page.locator("video")), page.locator(".tile video")
    await expect(film).to_have_count(1)
    await tile.hover()
    await page.wait_for_function("(film) => film.currentTime > 0.1 && !film.paused", arg=await film.element_handle())
    await page.get_by_role("heading", level=1).hover()
    await page.wait_for_function("(film) => film.currentTime === 0 && film.paused", arg=await film.element_handle())


async def test_films_stay_still_for_whoever_wants_that(author: Author, browsers: Browsers) -> None:
    page = await browsers.page(author.person, "/library", reduced_motion="reduce")
    await page.locator(".tile a").filter(has=page.locator("video")).hover()
    assert await page.locator(".tile video").evaluate("(film) => film.paused")


async def test_the_library_is_filtered(author: Author, browsers: Browsers) -> None:
    page = await browsers.page(author.person, "/library")
    await expect(page.locator(".tile")).to_have_count(2)
    await page.get_by_label("State").select_option("cancelled")
    await expect(page.locator(".tile")).to_have_count(1)
    await expect(page).to_have_url(re.compile(r"/library\?state=cancelled$"))
    await page.get_by_role("link", name="Show all").click()
    await expect(page.locator(".tile")).to_have_count(2)


async def test_the_librarys_filters_are_folded_on_a_phone(author: Author, browsers: Browsers) -> None:
    page = await browsers.page(author.person, "/library", viewport=PHONE)
    words, summary = page.get_by_placeholder("Words of the prompt"), page.locator("summary", has_text="Filter")
    await expect(words).to_be_hidden()
    await summary.click()
    await words.fill("no such film")
    await page.get_by_role("button", name="Show").click()
    await expect(words).to_have_value("no such film")
    await expect(words).to_be_visible()
    await page.set_viewport_size({"width": 1280, "height": 860})
    await expect(summary).to_be_hidden()
    await expect(words).to_be_visible()
