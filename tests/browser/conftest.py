"""Debian's Chromium before a real service. Both live as long as the pytest process, and all tests here share a loop."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from tests.browser import authors
from tests.browser import house as houses
from tests.browser.authors import Author
from tests.browser.house import House
from tests.browser.watched import PATIENCE_MS, Browsers
from tests.conftest import TEMPLATE, other_database

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(server: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    name = f"house_{uuid4().hex}"
    conn = await asyncpg.connect(server)
    await conn.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    await conn.close()
    async with houses.opened(tmp_path_factory.mktemp("house"), other_database(server, name)) as this:
        yield this


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    path = shutil.which("chromium")
    assert path, "these tests drive Chromium: `make test` installs it"
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def author(house: House) -> Author:
    """Somebody whose shelf is not empty, for tests that only look."""
    return await authors.settled(house)


@pytest_asyncio.fixture(loop_scope="session")
async def browsers(chromium: Browser, house: House) -> AsyncIterator[Browsers]:
    """Browsers of this test; at its end nothing may have gone wrong in any."""
    this = Browsers(chromium, house)
    yield this
    assert await this.end() == []
