"""Create: from a prompt to a film that plays, and what one cannot buy."""

from __future__ import annotations

import re

from seedbed import db
from tests.console.people import Browser, heading


async def test_first(browser: Browser) -> None:
    first = await browser.see("/")
    assert "Films from words" in first
    await browser.sign_up("alice@example.org")
    page = await browser.see("/")
    open("/tmp/create_page.html", "w").write(page)
    assert "Make the video" in page
    await browser.see("/library")
