"""What shows that a document and a page are true: schemathesis, the examples of the one, the commands of the other."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs

from seedbed.settings import Settings
from tests.conftest import served

SEED, EXAMPLES = "20261121", "15"
PAGES = Path(__file__).parents[2] / "docs" / "en"

# The document --------------------------------------------------------------------------------------------------


async def nothing_is_found(
    settings: Settings, tmp_path: Path, document: str, key: str, cases_min: int, **more: str
) -> None:
    """The tool's run against a server of our own; `more` are further options, with underscores."""
    root = Path(__file__).parents[2]
    async with served(settings.model_copy(update={"queued_max": 1_000_000})) as url:
        options = {
            "--url": url,
            "--header": f"Authorization: Bearer {key}",
            "--checks": "all",
            "--mode": "all",
            "--seed": SEED,
            "--max-examples": EXAMPLES,
            "--generation-database": "none",
            "--suppress-health-check": "too_slow",  # how fast this machine is says nothing of the service
            **{f"--{name.replace('_', '-')}": value for name, value in more.items()},
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}{document}", "--no-color"),
            *(word for option in options.items() for word in option),
            cwd=tmp_path,
            env=os.environ | {"SCHEMATHESIS_HOOKS": "tests.dialects.schemathesis_hooks", "PYTHONPATH": str(root)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told = (await process.communicate())[0].decode()
    assert process.returncode == 0, told
    passed = re.search(r"(\d+) generated, (\d+) passed", told)
    assert passed is not None, told
    assert int(passed[1]) == int(passed[2]) >= cases_min, told


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each JSON that goes in or out: its name and its media type object."""
    if "application/json" in (sent := operation.get("requestBody", {}).get("content", {})):
        yield "request", sent["application/json"]
    for status, answer in operation["responses"].items():
        if "application/json" in answer["content"]:
            yield status, answer["content"]["application/json"]


def checked(document: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    validator = jsonschema_rs.Draft202012Validator({**schema, "components": document["components"]})
    assert [str(fault) for fault in validator.iter_errors(value)] == []


def alike(told: Any, example: Any, varying: tuple[str, ...]) -> Any:
    """`told` with what varies from one task to the next put as in the example; what is null stays null."""
    if isinstance(told, list) and isinstance(example, list):
        return [alike(one, other, varying) for one, other in zip(told, example, strict=False)]
    if not isinstance(told, dict) or not isinstance(example, dict):
        return told
    return {
        name: example.get(name) if name in varying and value is not None else alike(value, example.get(name), varying)
        for name, value in told.items()
    }


# The page ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    heading: str


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order, each with the heading that it stands under."""
    found, heading = [], ""
    pattern = r"^(?:#+ (?P<heading>[^\n]*)|```(?P<language>\w+)\n(?P<text>.*?)^```)$"
    for match in re.finditer(pattern, page, re.M | re.S):
        if match["heading"] is not None:
            heading = match["heading"]
        else:
            found.append(Block(match["language"], match["text"], heading))
    return found


async def run(script: str, folder: Path, variables: dict[str, str]) -> str:
    """What a block of commands prints. It must succeed."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", script),
        cwd=folder,
        env={"PATH": os.environ["PATH"], **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, f"{script}\n{errors.decode()}"
    return out.decode()
