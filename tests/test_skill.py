"""The skill for coding agents: its commands are executed as they stand, against the real service."""

from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path

import httpx2
import pytest

from seedbed import db
from seedbed.settings import Settings
from tests.conftest import Person, served
from tests.engines_for_tests import Clip
from tests.workers import at_work


async def test_an_agent_that_does_as_it_says_gets_a_video(
    settings: Settings, pool: db.Pool, alice: Person, tmp_path: Path, sound: None
) -> None:
    async with served(settings) as url, at_work(settings, tmp_path, Clip()), httpx2.AsyncClient(base_url=url) as http:
        answer = await http.get("/downloads/seedance-skill.md")
        assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
        text = answer.text
        assert url in text, "it names this server"
        script = "set -euo pipefail\n" + "\n".join(re.findall(r"```bash\n(.*?)```", text, re.DOTALL))
        done = await asyncio.to_thread(
            subprocess.run, ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120,
            check=False, env={"SEEDBED_URL": url, "SEEDBED_KEY": alice.key, "PATH": "/usr/local/bin:/usr/bin:/bin"},
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "paper-boat.mp4").stat().st_size > 1000
    assert '"creditsRequired"' in done.stdout
    assert '"url"' in done.stdout, "the video was uploaded"
    assert '"promptPlan"' in done.stdout


def test_its_head_says_when_to_use_it() -> None:
    text = (Path(__file__).parents[1] / "docs" / "skill" / "seedance-skill.md").read_text()
    head = re.match(r"---\nname: ([a-z0-9-]{1,64})\ndescription: (.{1,1024})\n---\n", text)
    assert head, "a name and a description, as agents read them"


@pytest.mark.parametrize("word", ["402", "Idempotency-Key", "Retry-After", "strictly", "continue from"])
def test_it_teaches_what_matters(word: str) -> None:
    assert word in (Path(__file__).parents[1] / "docs" / "skill" / "seedance-skill.md").read_text()
