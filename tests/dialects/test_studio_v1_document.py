"""The Studio API's document and page are true: examples are what the server says, commands are run."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from seedbed import accounts, db
from seedbed.dialects import studio_v1
from seedbed.limits import Shared
from seedbed.settings import Settings
from tests.conftest import Person, make_person, served
from tests.dialects.documents import PAGES, alike, blocks, checked, contents, nothing_is_found, operations, run
from tests.dialects.test_studio_v1 import BAD, PREFIX, TRAIN, Told, host
from tests.dialects.wire import move
from tests.test_worker import at_work

__all__ = ["host"]

DIALECT, PAGE = studio_v1, (PAGES / "studio-api.md").read_text()
VARYING = ("id", "video_url", "last_frame_url", "seed", "created_at", "updated_at", "prompt_plan")


async def test_every_example_fits_and_is_what_the_server_says(
    api: httpx2.AsyncClient, ana: Person, pool: db.Pool, document: dict[str, Any]
) -> None:
    served_document = (await api.get("/openapi/studio.json")).json()
    assert served_document == json.loads(json.dumps(document))
    assert {(method, path) for method, path, _ in operations(document)} == {
        (method, f"{PREFIX}{path}") for method, path, _ in studio_v1.ROUTES
    }
    task_id = ""
    for method, path, operation in operations(document):
        found = dict(contents(operation))
        for content in found.values():
            checked(document, content["schema"], content["example"])
        status = "202" if method == "POST" else "200"
        body = found["request"]["example"] if "request" in found else None
        answer = await api.request(method, path.replace("{id}", task_id), json=body, headers=ana.auth)
        assert str(answer.status_code) == status, answer.text
        checked(document, found[status]["schema"], answer.json())
        assert alike(answer.json(), found[status]["example"], VARYING) == found[status]["example"]
        if not task_id:
            task_id = answer.json()["id"]
            await move(pool, task_id, "succeeded")


def test_the_document_allows_what_is_taken_and_refuses_what_is_not(document: dict[str, Any]) -> None:
    schema = {"$ref": "#/components/schemas/Submission"}
    picture = "https://example.com/a.png"
    for good in (
        TRAIN,
        {"prompt": "A river"},
        {"prompt": "A river", "mode": None, "quality_tier": None, "seed": None, "duration": 15},
        {"prompt": "A river", "quality_tier": "mini", "channel": "real"},
        {"prompt": "A river", "quality_tier": "pro", "resolution": "4k", "seed": -1, "aspect_ratio": "adaptive"},
        {"prompt": "A river", "mode": "image-to-video", "image_url": picture, "end_image_url": picture},
        {"prompt": "A river", "mode": "media-to-video", "media_urls": [picture] * 12, "image_url": picture},
    ):
        checked(document, schema, good)
    allowed = []
    for name, (fields, _) in BAD.items():
        with contextlib.suppress(AssertionError):
            checked(document, schema, {"prompt": "A river"} | fields)
            allowed.append(name)
    # What the names of files may be, and which addresses are public, is told in words and by the format's name.
    named = {"a clip as the first frame", "a sound"}
    assert set(allowed) <= named | {"a private address", "the cloud's metadata", "plain http"}


async def test_schemathesis_finds_nothing(
    settings: Settings, pool: db.Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sound: None
) -> None:
    """Every check of the tool. The limit of an account is lifted, or all would be one 429."""
    monkeypatch.setattr(studio_v1, "MINUTE", Shared(studio_v1.NAME, 10**6))
    async with db.transaction(pool) as conn:
        person = await make_person(conn, "robot", credits=100_000_000)
        _, key = await accounts.create_key(conn, person.account_id, "studio", per_minute=10**6)
    await nothing_is_found(settings, tmp_path, "/openapi/studio.json", key, 200)


async def test_every_command_of_the_page(settings: Settings, ana: Person, tmp_path: Path, sound: None) -> None:
    page, variables, ran = blocks(PAGE), {"SEEDBED_KEY": ana.key}, 0
    async with served(settings) as url:
        variables["SEEDBED_URL"] = url
        for block, following in zip(page, [*page[1:], None], strict=True):
            if block.language != "bash":
                continue
            assert following is not None
            said = json.loads(await run(block.text, tmp_path, variables))
            expected = json.loads(following.text)
            assert list(alike(said, expected, VARYING).items()) == list(expected.items())
            if not ran:
                variables["TASK_ID"] = said["id"]
                async with at_work(settings, tmp_path, Told()), httpx2.AsyncClient(base_url=url) as client:
                    while not await _done(client, ana, said["id"]):
                        await asyncio.sleep(3)  # thirty requests a minute
            ran += 1
    assert ran == len(studio_v1.ROUTES)


async def _done(client: httpx2.AsyncClient, person: Person, task_id: str) -> bool:
    return (await client.get(f"{PREFIX}/tasks/{task_id}", headers=person.auth)).json()["status"] == "completed"
