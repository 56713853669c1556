"""Every page before axe-core: light and dark, wide and on a phone, signed in and not. Nothing serious is found."""

from __future__ import annotations

import pytest

from seedbed.docsite.library import Library
from tests.browser import axe
from tests.browser.authors import Author
from tests.browser.watched import PHONE, WIDE, Browsers

pytestmark = pytest.mark.asyncio(loop_scope="session")

COLOURS = ["color-contrast", "link-in-text-block"]
"""What depends on light and dark; all else is the same in both."""

DOCS = [f"/docs/en/{page.path}" for page in Library().book("en").pages]


async def look(browsers: Browsers, author: Author | None, paths: list[str], *, phone: bool) -> list[str]:
    """All rules in light and wide, the colours in dark on a phone; for `phone` all rules there, and dark wide."""
    found = []
    browser = await browsers.of(author.person if author else None, expected="status of 40[34]")
    page = await browser.page()
    for path in paths:
        await page.emulate_media(color_scheme="light")
        await page.set_viewport_size(WIDE)
        await page.goto(path)
        found += await axe.faults(page)
        await page.emulate_media(color_scheme="dark")
        if phone:
            found += await axe.faults(page, rules=COLOURS)
        await page.set_viewport_size(PHONE)
        found += await axe.faults(page, rules=None if phone else COLOURS)
    return found


async def test_the_console(author: Author, browsers: Browsers) -> None:
    assert await look(browsers, author, author.pages, phone=True) == []


async def test_what_anybody_sees(author: Author, browsers: Browsers) -> None:
    assert await look(browsers, None, [*author.open_pages, "/docs/en/nowhere", *DOCS[:2]], phone=True) == []


@pytest.mark.parametrize("part", range(5))
async def test_the_documentation(browsers: Browsers, part: int) -> None:
    """Its pages are alike: what a phone changes was looked at above."""
    assert await look(browsers, None, DOCS[2:][part::5], phone=False) == []


async def test_a_fault_is_found(browsers: Browsers) -> None:
    """The look itself."""
    page = await browsers.page(None, "/sign-in")
    await page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=/favicon.ico>')")
    assert ["image-alt" in each for each in await axe.faults(page)] == [True]
    await page.evaluate("document.querySelector('main img').remove()")
    assert await axe.faults(page, grave=False) == []
    await page.evaluate("document.documentElement.style.setProperty('--soft', '#ddd')")
    await page.evaluate("document.documentElement.style.setProperty('--faint', '#ddd')")
    assert ["color-contrast" in each for each in await axe.faults(page)] == [True]
