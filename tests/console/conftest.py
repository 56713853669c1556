from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.console.people import Browser


@pytest.fixture
async def browser(api: httpx2.AsyncClient) -> AsyncIterator[Browser]:
    async with httpx2.AsyncClient(base_url=api.base_url) as http:
        yield Browser(http)


@pytest.fixture
async def other(api: httpx2.AsyncClient) -> AsyncIterator[Browser]:
    async with httpx2.AsyncClient(base_url=api.base_url) as http:
        yield Browser(http)
