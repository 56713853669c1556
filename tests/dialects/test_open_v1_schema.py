"""The OpenAPI document of the Open API says what the server does: proved by schemathesis and by its own examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest

from seedbed import db
from seedbed.dialects import open_v1
from seedbed.settings import Settings
from tests.conftest import Person, make_person
from tests.dialects.documents import alike, checked, contents, nothing_is_found, operations
from tests.dialects.schemathesis_hooks import MEDIUM
from tests.dialects.wire import move, submit

DOCUMENT = "/openapi/open.json"
CASES_MIN = 500
"""Fewer cases than this, and the run has proved too little."""


async def test_schemathesis_finds_nothing(settings: Settings, pool: db.Pool, tmp_path: Path, sound: None) -> None:
    """Every check of the tool, in all its phases, with a fixed seed, over a real socket."""
    async with db.transaction(pool) as conn:
        robot = await make_person(conn, "robot", credits=100_000_000, per_minute=100_000_000)
    await nothing_is_found(settings, tmp_path, DOCUMENT, robot.key, CASES_MIN)


# The document's own examples ---------------------------------------------------------------------------------


@pytest.fixture
async def document(api: httpx2.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get(DOCUMENT)).json()
    return found


async def test_the_document_names_every_route(document: dict[str, Any]) -> None:
    named = {(method, path) for method, path, _ in operations(document)}
    assert named == {(method, f"{open_v1.PREFIX}{path}") for method, path, _ in open_v1.ROUTES}
    assert len({operation["operationId"] for _, _, operation in operations(document)}) == len(named)


async def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    seen = 0
    for method, path, operation in operations(document):
        for _, content in contents(operation):
            checked(document, content["schema"], content["example"])
            seen += 1
            with pytest.raises(AssertionError):
                checked(document, content["schema"], content["example"] | {"more": 1})
        assert {"500", "503"} < operation["responses"].keys(), (method, path)
    assert seen > 40


VARYING = ("requestId", "url", "createdAt", "sizeBytes", "expiresAt", "promptPlan")


async def test_every_example_is_what_the_server_says(
    api: httpx2.AsyncClient, alice: Person, pool: db.Pool, document: dict[str, Any]
) -> None:
    """The examples tell one story: a film is priced, bought, paid for, seen and listed; another is cancelled."""
    untold = {(method, path): operation for method, path, operation in operations(document)}

    async def tell(method: str, path: str, task_id: str = "", file: bytes | None = None) -> httpx2.Response:
        operation = untold.pop((method, f"{open_v1.PREFIX}{path}"))
        found = dict(contents(operation))
        body = found["request"]["example"] if "request" in found else None
        where = f"{open_v1.PREFIX}{path}".replace("{requestId}", task_id)
        headers = {} if operation.get("security") == [] else alice.auth
        answer = await api.request(method, where, json=body, content=file, headers=headers)
        expected = found["200"]["example"]
        assert answer.status_code == 200, answer.text
        checked(document, found["200"]["schema"], answer.json())
        if path == "/models":
            assert expected["data"][0] in answer.json()["data"], "one entry of many"
        else:
            assert alike(answer.json(), expected, VARYING) == expected
        for name, header in operation["responses"]["200"]["headers"].items():
            assert name in answer.headers or not header.get("required"), name
        return answer

    one = "/video/generations"
    await tell("GET", "/models")
    await tell("POST", f"{one}/quote")
    task_id = (await tell("POST", one)).json()["requestId"]
    await tell("GET", "/balance")
    await move(pool, task_id, "succeeded")
    await tell("GET", f"{one}/{{requestId}}", task_id)
    await tell("GET", f"{one}/{{requestId}}/plan", task_id)
    await tell("GET", one)
    await tell("POST", f"{one}/{{requestId}}/cancel", await submit(api, alice))
    await tell("POST", "/files", file=MEDIUM)
    assert untold == {}
