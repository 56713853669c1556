"""MCP's page and OpenAPI document say what the server does: names, limits, examples, and a program that is run."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from seedbed import catalogue, db
from seedbed.cli import app as commands
from seedbed.dialects import _mcp_resources, _mcp_shapes, _mcp_tools, mcp
from seedbed.settings import Settings, load
from tests.conftest import Person, make_person, served
from tests.dialects.test_open_v1_schema import nothing_is_found
from tests.engines_for_tests import Clip
from tests.workers import at_work

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "en" / "mcp.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.+?)```", PAGE, re.DOTALL)


def rows(heading: str) -> dict[str, list[str]]:
    """The table under a heading, by the names in its first column."""
    section = PAGE.partition(f" {heading}\n")[2].partition("\n#")[0]
    lines = [line.strip("|") for line in section.splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    return {row[0].strip("`| "): row[1:] for row in cells}


def test_every_tool_is_on_the_page_with_its_arguments() -> None:
    told = rows("Tools")
    assert list(told) == list(_mcp_tools.BY_NAME)
    for name, offer in _mcp_tools.BY_NAME.items():
        if not issubclass(offer.takes, _mcp_shapes.Asked):
            assert set(re.findall(r"`(\w+)`", told[name][0])) == set(offer.takes.model_fields), name
        assert told[name][2].startswith("reads") is offer.read_only


def test_every_argument_of_a_video_is_on_the_page_with_its_default() -> None:
    told = rows("A video")
    schema = _mcp_shapes.input_schema(_mcp_shapes.Submission, catalogue.load())
    assert set(told) == set(schema["properties"])
    for name in ("aspect_ratio", "duration", "resolution"):
        assert told[name][0].strip("`") == str(schema["properties"][name]["default"])
    for name in ("model", "aspect_ratio", "resolution"):
        assert re.findall(r"`([^`]+)`", told[name][1]) == schema["properties"][name]["enum"]


def test_every_resource_is_on_the_page() -> None:
    uris = [_mcp_resources.GUIDE_URI, *(template.uri_template for template in _mcp_resources.TEMPLATES)]
    assert list(rows("Resources")) == uris


def test_the_limits_are_those_of_the_code() -> None:
    for words in (
        f"{_mcp_tools.WAITS_OF_ACCOUNT_MAX} of an account, {_mcp_tools.WAITS_MAX} of a process",
        f"| one wait | {_mcp_shapes.WAIT_S_MAX} s |",
        f"after {_mcp_shapes.WAIT_S} s",
        f"Files up to {_mcp_resources.BLOB_BYTES_MAX >> 20} MiB",
        f"account's {_mcp_resources.LISTED_MAX} newest",
        f"(20; 1 to {_mcp_shapes.PAGE_MAX})",
        f"Up to {_mcp_shapes.MEDIA_MAX} pictures",
    ):
        assert words in PAGE, words


def test_the_examples_fit_their_schemas() -> None:
    http, stdio, video, refusal = (json.loads(block) for block in blocks("json"))
    jsonschema.validate(video, _mcp_shapes.VIDEO)
    assert list(video) == list(_mcp_shapes.VIDEO["properties"])
    server = http["mcpServers"]["seedbed"]
    assert server["url"].endswith(mcp.PREFIX)
    local = stdio["mcpServers"]["seedbed"]
    assert {command.name or command.callback.__name__ for command in commands.registered_commands} >= set(local["args"])  # type: ignore[union-attr]
    assert set(local["env"]) == {"SEEDBED_URL", "SEEDBED_KEY"}
    code, message = refusal["content"][0]["text"].split(": ", 1)
    assert refusal["_meta"]["seedbed/error"] == {"code": code, "message": message}


async def test_the_program_of_the_page_makes_a_video(
    settings: Settings, alice: Person, tmp_path: Path, sound: None
) -> None:
    (program,) = blocks("python")
    async with served(settings) as url, at_work(settings, tmp_path, Clip()):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program),
            env=os.environ | {"SEEDBED_URL": url, "SEEDBED_KEY": alice.key},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, err.decode()
    assert re.fullmatch(rf"{url}/files/\S+\.mp4\n", out.decode())


@pytest.mark.parametrize("path", ["/mcp", "/mcp/files"])
def test_the_examples_of_the_openapi_document_fit(path: str) -> None:
    document = mcp.document(catalogue.load())
    named = {(method.upper(), route) for route, methods in document["paths"].items() for method in methods}
    assert named == {("POST", "/mcp"), ("POST", "/mcp/files")}
    seen = 0
    posted: dict[str, Any] = document["paths"][path]["post"]
    for said in (posted["requestBody"], *posted["responses"].values()):
        for content in said.get("content", {}).values():
            if "example" in content:
                schema = content["schema"] | {"components": document["components"]}
                jsonschema.validate(content["example"], schema)
                seen += 1
    assert seen >= 8


async def test_schemathesis_finds_nothing(settings: Settings, pool: db.Pool, tmp_path: Path, sound: None) -> None:
    async with db.transaction(pool) as conn:
        robot = await make_person(conn, "robot", per_minute=10**6)
    await nothing_is_found(settings, tmp_path, "/openapi/mcp.json", robot.key, 60)


def test_the_guide_is_found_and_links_to_what_there_is() -> None:
    text = _mcp_resources.guide()
    assert text.startswith("# How to write prompts for videos")
    assert 2_000 < len(text) < 12_000, "an agent reads all of it"


def test_origins_are_a_list_by_commas() -> None:
    found = load(mcp_origins=" https://Agents.Example/ ,, http://lab:3000")
    assert found.allowed_origins == {"https://agents.example", "http://lab:3000"}
    assert load().allowed_origins == frozenset()
