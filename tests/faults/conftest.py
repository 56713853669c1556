"""Fixtures of the faults: a nursery for each pytest process, a crew for each test, and the proof at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from seedbed import checkup, db, ledger
from seedbed.settings import Settings
from tests.faults.processes import Crew, Nursery
from tests.faults.proxy import Proxy, proxied


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    this = Nursery(tmp_path_factory.mktemp("nursery"))
    yield this
    this.close()


@pytest.fixture
async def proved(pool: db.Pool) -> AsyncIterator[None]:
    """After the test the ledger is sound and no waiting task lacks its job."""
    yield
    async with db.connection(pool) as conn:
        assert await ledger.audit(conn) == []
        orphans = await checkup._orphans(conn)
        assert orphans.good, orphans.detail


@pytest.fixture
async def crew(nursery: Nursery, settings: Settings, tmp_path: Path, proved: None) -> AsyncIterator[Crew]:
    """Starts processes of the service; all of them are gone before the proof."""
    this = Crew(nursery, settings, tmp_path)
    yield this
    await this.dismiss()


@pytest.fixture
async def proxy(dsn: str) -> AsyncIterator[Proxy]:
    """A proxy before the test's database."""
    async with proxied(dsn) as this:
        yield this
