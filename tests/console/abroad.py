"""Somebody's way through the provider, as a browser goes it: from our page to its, and back."""

from __future__ import annotations

from typing import Any

import httpx2

from seedbed import db
from seedbed.settings import Settings, load
from tests.console.people import Browser, heading
from tests.oidc_stand import CLIENT, SECRET, Stand


def configured(settings: Settings, stand: Stand, **otherwise: Any) -> Settings:
    given = {
        "oidc_issuer": stand.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET, "oidc_label": "Acme ID",
    }  # fmt: skip
    return load(**dict(settings) | given | otherwise)


async def leave(browser: Browser, to: str = "/") -> httpx2.Response:
    """On to the provider."""
    return await browser.http.get("/sign-in/start", params={"next": to}, headers={"Sec-Fetch-Site": "same-origin"})


async def back(browser: Browser, left: httpx2.Response) -> str:
    """What the provider answers the browser: an address of ours."""
    assert left.status_code == 303, heading(left.text)
    async with httpx2.AsyncClient() as there:
        return str((await there.get(left.headers["location"])).headers["location"])


async def go(browser: Browser, to: str = "/") -> httpx2.Response:
    """All the way through the provider."""
    return await browser.http.get(await back(browser, await leave(browser, to)))


async def accounts_of(conn: db.Connection) -> list[str]:
    return [row[0] for row in await conn.fetch("SELECT email FROM accounts ORDER BY id")]


async def stays_out(browser: Browser, answer: httpx2.Response, status: int, says: str) -> None:
    assert (answer.status_code, says in heading(answer.text)) == (status, True), heading(answer.text)
    assert "session" not in browser.http.cookies
    assert not [name for name in browser.http.cookies if name.startswith("attempt-")], "what was begun is over"
