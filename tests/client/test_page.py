"""The page of the client is true: every name is there, and its programs are run against a service."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from seedbed import client
from seedbed.client import ClientError, OpenClient, OpenFields, StudioClient, StudioFields
from seedbed.settings import Settings
from tests.client.test_surface import calls
from tests.conftest import Person
from tests.engines_for_tests import Clip
from tests.workers import at_work

PAGES = Path(__file__).parents[2] / "docs" / "en"
PAGE = (PAGES / "client.md").read_text()
PROGRAMS = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)


def test_every_call_field_and_error_is_documented() -> None:
    for kind in (OpenClient, StudioClient):
        for name in calls(kind):
            if name != "url":
                assert f"| `{name}(" in PAGE, name
    fields = PAGE.partition("## Fields")[2].partition("##")[0]
    for name in (*OpenFields.__annotations__, *StudioFields.__annotations__):
        assert f"`{name}`" in fields, name
    errors = PAGE.partition("## Errors")[2]
    for name in client.__all__:
        found = getattr(client, name)
        if isinstance(found, type) and issubclass(found, ClientError):
            assert f"`{name}`" in errors, name
    hooks = (PAGES / "webhooks.md").read_text()
    for name in ("MissingSignature", "WrongSignature", "StaleDelivery", "UnreadableDelivery", "WebhookError"):
        assert hasattr(client.webhooks, name)
        assert f"`{name}`" in hooks


@pytest.mark.parametrize("program", PROGRAMS)
async def test_every_program_runs(
    api: httpx2.AsyncClient, alice: Person, settings: Settings, tmp_path: Path, program: str
) -> None:
    (tmp_path / "program.py").write_text(program)
    async with at_work(settings, tmp_path, Clip()):
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "program.py"],
            cwd=tmp_path,
            env=os.environ | {"SEEDBED_URL": str(api.base_url), "SEEDBED_KEY": alice.key},
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert (tmp_path / "lighthouse.mp4").read_bytes()[4:8] == b"ftyp"
