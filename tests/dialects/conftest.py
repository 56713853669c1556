"""What the tests of dialects stand on, beside the cast of all tests."""

from __future__ import annotations

from typing import Any

import pytest

from seedbed import accounts, catalogue, db
from tests.conftest import Person, make_person


async def another_key(conn: db.Connection, person: Person) -> Person:
    """A key of the Studio API for the same account."""
    key_id, secret = await accounts.create_key(conn, person.account_id, "studio")
    return Person(person.account_id, key_id, secret)


@pytest.fixture
async def ana(pool: db.Pool) -> Person:
    """Somebody with a key of the Studio API and enough for everything."""
    async with db.transaction(pool) as conn:
        return await another_key(conn, await make_person(conn, "ana", credits=100_000))


@pytest.fixture
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The OpenAPI document of the dialect that the test's module is about."""
    found: dict[str, Any] = request.module.DIALECT.document(catalogue.load())
    return found
