"""Somebody at the console, without a browser: cookies, forms as its own pages have them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

import httpx2

PASSWORD = "correct horse battery"


class Fields(HTMLParser):
    """What the forms of a page would send by themselves, by their actions."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, str]] = {}
        self._now: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._now = self.forms.setdefault(given.get("action", ""), {})
        elif tag == "input" and "name" in given:
            self._now[given["name"]] = given.get("value", "")


@dataclass
class Browser:
    """One browser: `http` keeps the cookies."""

    http: httpx2.AsyncClient

    @property
    def origin(self) -> str:
        return str(self.http.base_url).rstrip("/")

    async def see(self, path: str) -> str:
        """A page that must be there."""
        answer = await self.http.get(path)
        assert answer.status_code == 200, (path, answer.status_code, heading(answer.text))
        return answer.text

    async def send(self, page: str, action: str, **fields: str) -> httpx2.Response:
        """The form `action` of `page`, filled in with `fields`."""
        form = Fields(await self.see(page)).forms[action] | fields
        return await self.post(action or page, **form)

    async def post(self, path: str, **fields: str) -> httpx2.Response:
        """Whatever is sent, as from our own pages."""
        return await self.http.post(path, data=fields, headers={"Origin": self.origin})

    async def sign_up(self, email: str) -> None:
        answer = await self.send("/sign-up", "/sign-up", email=email, password=PASSWORD)
        assert (answer.status_code, answer.headers["location"]) == (303, "/"), heading(answer.text)


def heading(text: str) -> str:
    """A page's title, and what it says is wrong."""
    title = re.search(r"<h1[^>]*>(.*?)</h1>", text, re.DOTALL)
    notice = re.search(r'<p class="notice[^>]*>(.*?)</p>', text, re.DOTALL)
    return " | ".join(found[1] for found in (title, notice) if found)
