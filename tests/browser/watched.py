"""Browsers that are watched: a page whose script fails, that breaks its own policy or gets a 5xx fails the test."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, WebError

from tests.browser.house import House, Person

PATIENCE_MS = 20_000
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


@dataclass
class Watched:
    """One browser of one person. `faults` is what went wrong in it; what matches `expected` was meant to."""

    context: BrowserContext
    house: House
    expected: str = ""
    faults: list[str] = field(default_factory=list)

    def start(self) -> None:
        self.context.on("console", self._console)
        self.context.on("weberror", self._thrown)
        self.context.on("response", self._response)
        self.context.on("requestfailed", self._lost)

    def _note(self, fault: str) -> None:
        if not (self.expected and re.search(self.expected, fault)):
            self.faults.append(fault)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(f"console: {message.text} ({message.location.get('url')})")

    def _thrown(self, error: WebError) -> None:
        self._note(f"thrown: {error.error}")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self._note(f"HTTP {response.status}: {response.url}")

    def _lost(self, request: Request) -> None:
        # Whoever leaves a page breaks off what it was loading.
        if request.failure != "net::ERR_ABORTED":
            self._note(f"lost: {request.failure}: {request.url}")

    async def page(self, path: str = "/") -> Page:
        """A tab of this browser, at `path` of the service."""
        page = await self.context.new_page()
        await page.goto(path)
        return page

    async def end(self) -> None:
        await self.context.close()


@dataclass
class Browsers:
    """Makes the browsers of a test."""

    chromium: Browser
    house: House
    all: list[Watched] = field(default_factory=list)

    async def of(self, person: Person | None = None, *, expected: str = "", **options: Any) -> Watched:
        """A browser, with the session of `person` if there is one. `options` are those of a context of Playwright's."""
        context = await self.chromium.new_context(
            base_url=self.house.url, **({"viewport": WIDE, "locale": "en-GB", "reduced_motion": "reduce"} | options)
        )
        context.set_default_timeout(PATIENCE_MS)
        if person is not None:
            await context.add_cookies([person.cookie])  # type: ignore[list-item]
        watched = Watched(context, self.house, expected)
        watched.start()
        self.all.append(watched)
        return watched

    async def page(self, person: Person | None = None, path: str = "/", **options: Any) -> Page:
        """A tab in a browser of its own."""
        return await (await self.of(person, **options)).page(path)

    async def end(self) -> list[str]:
        """Close them all; gives what went wrong in them."""
        for each in self.all:
            await each.end()
        return [fault for each in self.all for fault in each.faults]
