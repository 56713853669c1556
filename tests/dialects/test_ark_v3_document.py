"""The Ark API's document and page are true: examples are what the server says, commands are run."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import httpx2

from seedbed import db
from seedbed.dialects import ark_v3
from seedbed.settings import Settings
from tests.conftest import Person, make_person, served
from tests.dialects.ark_wire import MODEL, PREFIX, PRO_1_5, inside, medium, text
from tests.dialects.documents import PAGES, alike, blocks, checked, contents, nothing_is_found, operations, run
from tests.dialects.schemathesis_hooks import MEDIUM
from tests.dialects.test_ark_v3 import BAD, CLIP, FIRST, LAST, REFERENCE, SOUND
from tests.dialects.test_studio_v1 import Told
from tests.dialects.wire import move
from tests.test_worker import at_work

DIALECT, PAGE = ark_v3, (PAGES / "ark.md").read_text()
VARYING = ("id", "video_url", "last_frame_url", "seed", "created_at", "updated_at", "message")


async def test_every_example_fits_and_is_what_the_server_says(
    api: httpx2.AsyncClient, alice: Person, pool: db.Pool, document: dict[str, Any]
) -> None:
    assert (await api.get("/openapi/ark.json")).json() == json.loads(json.dumps(document))
    assert {(method, path) for method, path, _ in operations(document)} == {
        (method, f"{PREFIX}{path}") for method, path, _ in ark_v3.ROUTES
    }
    story = sorted(operations(document), key=lambda each: ("POST", "GET", "DELETE").index(each[0]))
    task_id = ""
    for method, path, operation in story:
        found = dict(contents(operation))
        for content in found.values():
            checked(document, content["schema"], content["example"])
        body = found["request"]["example"] if "request" in found else None
        answer = await api.request(method, path.replace("{id}", task_id), json=body, headers=alice.auth)
        assert answer.status_code == 200, answer.text
        checked(document, found["200"]["schema"], answer.json())
        assert alike(answer.json(), found["200"]["example"], VARYING) == found["200"]["example"]
        for name, header in operation["responses"]["200"]["headers"].items():
            assert name in answer.headers or not header.get("required"), name
        if not task_id:
            task_id = answer.json()["id"]
            await move(pool, task_id, "succeeded")


def test_the_document_allows_what_is_taken_and_refuses_what_is_not(document: dict[str, Any]) -> None:
    schema, good = {"$ref": "#/components/schemas/Task"}, {"model": MODEL, "content": [text()]}
    nulls = dict.fromkeys(
        name for name in document["components"]["schemas"]["Task"]["anyOf"][0]["properties"] if name not in good
    )
    for fields in (
        {},
        nulls,
        {"content": [text(), FIRST, LAST]},
        {"content": [text(), FIRST], "model": PRO_1_5},
        {"content": [text(), *[REFERENCE] * 9]},
        {"content": [REFERENCE, CLIP | {"role": "reference_video"}, SOUND | {"role": "reference_audio"}]},
        {"content": [medium("image", inside(MEDIUM))]},
        {"duration": -1, "seed": -1, "ratio": "adaptive", "resolution": "4k", "priority": 9},
    ):
        checked(document, schema, good | fields)
    allowed = []
    for name, (fields, _, _, _) in BAD.items():
        with contextlib.suppress(AssertionError):
            checked(document, schema, good | {name: value for name, value in fields.items() if value is not None})
            allowed.append(name)
    # What an address or a text may be is told in words, and what is missing here is null there.
    assert set(allowed) <= {
        *("an address inside", "an asset", "a private callback", "a clip as a first frame"),
        *("bytes that are no base64", "bytes that are not base64 at all", "bytes that are no picture"),
        *("bytes of another kind", "flags alone", "a flag of a strange value", "a flag beyond the model"),
        *("a flag of a large seed", "a flag for a watermark", "thirty frames", "a fixed lens, perhaps"),
        *("no model", "no content"),
    }, allowed


async def test_schemathesis_finds_nothing(settings: Settings, pool: db.Pool, tmp_path: Path, sound: None) -> None:
    async with db.transaction(pool) as conn:
        robot = await make_person(conn, "robot", credits=100_000_000, per_minute=100_000_000)
    # A task that is deleted while it waits is cancelled, and still there.
    without = "use_after_free"
    await nothing_is_found(settings, tmp_path, "/openapi/ark.json", robot.key, 200, exclude_checks=without)


async def test_every_command_of_the_page(settings: Settings, alice: Person, tmp_path: Path, sound: None) -> None:
    page, variables, ran = blocks(PAGE), {"SEEDBED_KEY": alice.key}, 0
    async with served(settings) as url, httpx2.AsyncClient(base_url=url) as client:
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
                async with at_work(settings, tmp_path, Told()):
                    await _ended(client, alice, said["id"])
            ran += 1
    assert ran == len(ark_v3.ROUTES)


async def _ended(client: httpx2.AsyncClient, person: Person, task_id: str) -> None:
    path = f"{PREFIX}/contents/generations/tasks/{task_id}"
    while (await client.get(path, headers=person.auth)).json()["status"] != "succeeded":
        await asyncio.sleep(0.1)
