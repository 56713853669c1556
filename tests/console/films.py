"""What tests of films in the console share: who bought, and a worker that makes them at once."""

from __future__ import annotations

import asyncio
import re

from seedbed import accounts, db, ledger
from tests.console.people import Browser

FORM = {
    "prompt": "A river", "model": "seedance-2.0", "ratio": "16:9", "duration": "4", "resolution": "480p", "audio": "on",
}  # fmt: skip
"""The cheapest film: 16 credits."""


async def rich(browser: Browser, pool: db.Pool, email: str = "alice@example.org", credits: int = 1000) -> int:
    """Sign up, with credits. Returns the account's id."""
    await browser.sign_up(email)
    async with db.transaction(pool) as conn:
        account_id = await accounts.find(conn, email)
        if credits:
            await ledger.grant(conn, account_id, credits, "test")
    return account_id


async def buy(browser: Browser, **fields: str) -> str:
    """Send the form of Create; gives the task's id."""
    answer = await browser.send("/", "/", **(FORM | fields))
    assert answer.status_code == 303, said(answer.text)
    return answer.headers["location"].removeprefix("/?task=")


async def ended(browser: Browser, task_id: str) -> str:
    """The task's page, once it has ended."""
    for _ in range(300):
        page = await browser.see(f"/tasks/{task_id}")
        if "data-events" not in page:
            return page
        await asyncio.sleep(0.05)
    raise AssertionError("the task did not end")


def said(page: str) -> str:
    """The notice above the form."""
    found = re.search(r'<p class="notice bad" role="alert">(.*?)</p>', page, re.DOTALL)
    return found[1] if found else ""


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found
    return found[1]
