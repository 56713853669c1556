"""The document and the page of the OpenAI dialect are true: examples are what the server says, commands are run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from seedbed import catalogue, db
from seedbed.dialects import openai_v1
from seedbed.dialects._openai_v1_request import sizes
from seedbed.settings import Settings
from tests.conftest import Person, make_person, served
from tests.dialects.documents import PAGES, alike, blocks, checked, contents, nothing_is_found, operations, run
from tests.dialects.test_openai_v1 import BAD, VIDEOS, Noting
from tests.dialects.test_studio_v1 import host
from tests.dialects.wire import move
from tests.test_worker import at_work

__all__ = ["host"]

DIALECT, PAGE = openai_v1, (PAGES / "openai-videos.md").read_text()
VARYING = ("id", "created_at", "completed_at", "remixed_from_video_id", "first_id", "last_id", "has_more")


async def test_every_example_fits_and_is_what_the_server_says(
    api: httpx2.AsyncClient, ana: Person, settings: Settings, tmp_path: Path, document: dict[str, Any]
) -> None:
    """The examples tell one story: a film is made, seen, downloaded, made again by night, listed and deleted."""
    assert (await api.get("/openapi/openai.json")).json() == json.loads(json.dumps(document))
    untold = {(method, path): operation for method, path, operation in operations(document)}
    assert untold.keys() == {(method, f"/v1{path}") for method, path, _ in openai_v1.ROUTES}
    for operation in untold.values():
        for _, content in contents(operation):
            checked(document, content["schema"], content["example"])
            with pytest.raises(AssertionError):
                checked(document, content["schema"], content["example"] | {"more": 1})
    form = untold["POST", VIDEOS]["requestBody"]["content"]["multipart/form-data"]
    checked(document, form["schema"], form["example"])

    async def tell(method: str, path: str, task_id: str = "") -> httpx2.Response:
        operation = untold.pop((method, path))
        found = dict(contents(operation))
        body = found["request"]["example"] if "request" in found else None
        answer = await api.request(method, path.replace("{id}", task_id), json=body, headers=ana.auth)
        assert answer.status_code == 200, answer.text
        if "200" in found:
            checked(document, found["200"]["schema"], answer.json())
            assert alike(answer.json(), found["200"]["example"], VARYING) == found["200"]["example"]
        for name, header in operation["responses"]["200"]["headers"].items():
            assert name in answer.headers or not header.get("required"), name
        return answer

    task_id = (await tell("POST", VIDEOS)).json()["id"]
    async with at_work(settings, tmp_path, Noting()):
        while (await api.get(f"{VIDEOS}/{task_id}", headers=ana.auth)).json()["status"] != "completed":
            await asyncio.sleep(0.1)
    one = f"{VIDEOS}/{{id}}"
    await tell("GET", one, task_id)
    await tell("GET", f"{one}/content", task_id)
    await tell("GET", VIDEOS)
    await tell("POST", f"{one}/remix", task_id)
    await tell("DELETE", one, task_id)
    assert untold == {}


def test_the_document_allows_what_is_taken_and_refuses_what_is_not(document: dict[str, Any]) -> None:
    schema = {"$ref": "#/components/schemas/Submission"}
    picture = {"image_url": "https://example.com/a.png"}
    for good in (
        {"prompt": "A river"},
        {"prompt": "A river", "model": None, "size": None, "seed": None, "input_reference": picture},
        {"prompt": "A river", "model": "sora-2", "size": "1024x1792", "seconds": 12},
        {"prompt": "A river", "model": "sora-2-pro", "size": "3840x2160", "seconds": "4", "input_reference": picture},
        {"prompt": "A river", "model": "videos-pro", "seed": -1, "generate_audio": False, "fixed_lens": True},
    ):
        checked(document, schema, good)
    allowed = []
    for name, (fields, _, _) in BAD.items():
        with contextlib.suppress(AssertionError):
            checked(document, schema, {"prompt": "A river"} | fields)
            allowed.append(name)
    assert allowed == ["a clip"], "the names of files are told in words"


async def test_schemathesis_finds_nothing(settings: Settings, pool: db.Pool, tmp_path: Path, sound: None) -> None:
    async with db.transaction(pool) as conn:
        robot = await make_person(conn, "robot", credits=100_000_000, per_minute=100_000_000)
    # The tool repeats Idempotency-Keys: the first answer comes again, though its video was deleted meanwhile.
    without = "ensure_resource_availability"
    await nothing_is_found(settings, tmp_path, "/openapi/openai.json", robot.key, 200, exclude_checks=without)


# The page --------------------------------------------------------------------------------------------------------


async def test_every_command_of_the_page(settings: Settings, ana: Person, tmp_path: Path, sound: None) -> None:
    """In the page's own order; a worker comes when the page looks at its video."""
    page, variables, ran = blocks(PAGE), {"SEEDBED_KEY": ana.key}, 0
    async with served(settings) as url:
        variables["SEEDBED_URL"] = url
        for block, following in zip(page, [*page[1:], None], strict=True):
            if block.language != "bash":
                continue
            said = await run(block.text, tmp_path, variables)
            ran += 1
            if following is None or (following.language, following.heading) != ("json", block.heading):
                continue
            expected = json.loads(following.text)
            assert list(alike(json.loads(said), expected, VARYING).items()) == list(expected.items()), block.text
            if ran == 1:
                variables["VIDEO_ID"] = json.loads(said)["id"]
                async with at_work(settings, tmp_path, Noting()), httpx2.AsyncClient(base_url=url) as client:
                    while not await _done(client, ana, variables["VIDEO_ID"]):
                        await asyncio.sleep(0.1)
    assert ran == len(openai_v1.ROUTES)
    heads = {name: (tmp_path / f"lighthouse.{name}").read_bytes()[:12] for name in ("mp4", "webp", "jpg")}
    assert (heads["mp4"][4:8], heads["webp"][8:], heads["jpg"][:3]) == (b"ftyp", b"WEBP", b"\xff\xd8\xff")


async def _done(client: httpx2.AsyncClient, person: Person, task_id: str) -> bool:
    return (await client.get(f"{VIDEOS}/{task_id}", headers=person.auth)).json()["status"] == "completed"


def test_the_page_tells_every_size() -> None:
    for model in catalogue.load().sold_by("openai"):
        row = re.search(rf"^\| `{model.names_in('openai')[0]}` \| ([\dx, ]+) \|$", PAGE, re.MULTILINE)
        assert row is not None
        assert row[1].split(", ") == list(sizes(model, "text_to_video")) == list(sizes(model, "image_to_video"))


def test_the_page_tells_every_status_and_code(document: dict[str, Any]) -> None:
    words = document["components"]["schemas"]
    codes = words["Error"]["properties"]["error"]["properties"]["code"]["enum"]
    for word in [*codes, *words["Video"]["properties"]["status"]["enum"]]:
        assert f"`{word}`" in PAGE, word


async def test_the_example_of_an_error_is_one(api: httpx2.AsyncClient, ana: Person) -> None:
    [example] = [json.loads(block.text) for block in blocks(PAGE) if block.heading == "Errors"]
    answer = await api.post(VIDEOS, json={"prompt": "A river", "seconds": "16"}, headers=ana.auth)
    assert answer.json() == example


async def test_a_failed_video_fits_the_document(
    api: httpx2.AsyncClient, ana: Person, pool: db.Pool, document: dict[str, Any]
) -> None:
    for state in ("failed", "expired", "cancelled", "processing"):
        answer = await api.post(VIDEOS, json={"prompt": "A river"}, headers=ana.auth)
        await move(pool, answer.json()["id"], state)
        told = (await api.get(f"{VIDEOS}/{answer.json()['id']}", headers=ana.auth)).json()
        checked(document, {"$ref": "#/components/schemas/Video"}, told)
