"""The first pages that somebody reads: every example in them runs, one after another, against the real service."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from seedbed import db, ledger
from seedbed.settings import Settings
from tests.conftest import Person
from tests.engines_for_tests import Clip
from tests.media_samples import quarters, written
from tests.workers import at_work

PAGES = Path(__file__).parents[1] / "docs" / "en"
EXAMPLE = re.compile(r"^```(bash|python|javascript)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLAYED = {
    "bash": ["bash", "-euc"],
    "python": [sys.executable, "-c"],
    "javascript": ["node", "--input-type=module", "-e"],
}
ID = re.compile(r"req_[A-Za-z0-9]{22}")


@pytest.mark.parametrize("page", ["quickstart", "text-to-video", "image-to-video", "recipes"])
async def test_every_example_runs(
    api: httpx2.AsyncClient, alice: Person, pool: db.Pool, settings: Settings, tmp_path: Path, page: str
) -> None:
    assert shutil.which("node"), "node and jq run the examples: make test installs them"
    assert shutil.which("jq"), "node and jq run the examples: make test installs them"
    async with db.transaction(pool) as conn:
        await ledger.grant(conn, alice.account_id, 10_000)
    (tmp_path / "prompts.txt").write_text("A river\nA lake in the snow, without a line's end")
    (tmp_path / "portrait.jpg").write_bytes(written(quarters(640, 360), "JPEG"))
    environment = os.environ | {"SEEDBED_URL": str(api.base_url).rstrip("/"), "SEEDBED_KEY": alice.key}
    task = "req_1234567890"
    examples = EXAMPLE.findall((PAGES / f"{page}.md").read_text())
    assert len(examples) > 2
    async with at_work(settings, tmp_path, Clip()):
        for language, program in examples:
            done = await asyncio.to_thread(
                subprocess.run,
                [*PLAYED[language], program.replace("req_1234567890", task)],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=120,
            )
            assert done.returncode == 0, (program, done.stderr)
            for wrong in ('"success":false', "success: false", "undefined"):
                assert wrong not in done.stdout, (program, done.stdout)
            task = (ID.findall(done.stdout) or [task])[-1]
    async with db.connection(pool) as conn:
        if page == "recipes":
            assert await conn.fetchval("SELECT count(*) FROM tasks WHERE prompt LIKE 'A lake%'") == 1, (
                "not cut, not twice"
            )
