"""A task's code asks for the very task: it is run, by the programs that it is written for."""

from __future__ import annotations

import asyncio
import html
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from seedbed import accounts, db
from seedbed.settings import Settings
from tests.console.films import buy, rich
from tests.console.people import Browser
from tests.engines_for_tests import Clip
from tests.workers import at_work

ASKED = (
    "SELECT dialect, model, mode, prompt, aspect_ratio, resolution, duration_s, audio, fixed_lens, media, seed"
    " FROM tasks ORDER BY seq"
)
PROMPT = 'A "river" isn\'t $HOME `ls` \\ ${x}\n第二行 </pre> ${{7}}'
PICTURE = "https://example.org/it's.png"


def codes(page: str) -> dict[str, str]:
    return {
        name: html.unescape(text)
        for name, text in re.findall(
            r'data-tab="([^"]+)".*?<pre tabindex="0"><code id="code-\d">(.*?)</code></pre>', page, re.DOTALL
        )
    }


async def run(args: list[str], key: str, base: str) -> str:
    env = {**os.environ, "SEEDBED_KEY": key, "NO_PROXY": "*"}
    child = await asyncio.create_subprocess_exec(
        *args, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode == 0, err.decode()
    return out.decode()


async def secret_of(pool: db.Pool, account_id: int, api: accounts.Api) -> str:
    async with db.transaction(pool) as conn:
        return (await accounts.create_key(conn, account_id, api))[1]


@pytest.mark.parametrize(
    ("dialect", "kind", "fields"),
    [
        ("open", "open", {"model": "seedance-2.0"}),
        ("open", "open", {"model": "seedance-2.0-fast", "media0": PICTURE, "role0": "first_frame"}),
        ("studio", "studio", {"model": "seedance2-standard", "resolution": "720p", "seed": "7", "audio": ""}),
        ("studio", "studio", {"model": "seedance2-pro", "resolution": "4k", "fixed_lens": "on", "ratio": "adaptive",
                              "media0": PICTURE, "role0": "reference", "seed": "9"}),
        ("ark", "studio", {"model": "ark-seedance-2.0", "seed": "8", "media0": PICTURE, "role0": "reference"}),
    ],
)  # fmt: skip
async def test_the_shells_call_asks_for_the_very_task(
    browser: Browser, pool: db.Pool, dialect: str, kind: accounts.Api, fields: dict[str, str]
) -> None:
    account_id = await rich(browser, pool, credits=10_000)
    task_id = await buy(browser, prompt=PROMPT, **fields)
    page = await browser.see(f"/tasks/{task_id}")
    assert "has no word for" not in page
    await run(["bash", "-c", codes(page)["curl"] + " -sf"], await secret_of(pool, account_id, kind), browser.origin)
    async with db.connection(pool) as conn:
        first, second = [dict(row) for row in await conn.fetch(ASKED)]
    assert (first.pop("dialect"), second.pop("dialect")) == ("console", dialect)
    for row in (first, second):
        row["media"] = re.findall(r'"(?:url|role)": "[^"]+"', row["media"])
        if "seed" not in fields:
            del row["seed"]
    assert first == second


@pytest.mark.parametrize(
    ("language", "program"), [("Python", [sys.executable]), ("JavaScript", ["node", "--input-type=module"])]
)
@pytest.mark.parametrize(
    ("model", "kind", "resolution"),
    [("seedance-2.0", "open", "480p"), ("seedance2-mini", "studio", "720p"), ("ark-seedance-2.0-fast", "open", "480p")],
)
async def test_programs_wait_for_the_film(
    browser: Browser, pool: db.Pool, settings: Settings, tmp_path: Path, language: str, program: list[str],
    model: str, kind: accounts.Api, resolution: str,
) -> None:  # fmt: skip
    assert shutil.which(program[0]), f"{program[0]} is missing: `make test` installs it, as root on Debian"
    account_id = await rich(browser, pool)
    text = codes(await browser.see(f"/tasks/{await buy(browser, model=model, resolution=resolution)}"))[language]
    flag = "-c" if language == "Python" else "-e"
    key = await secret_of(pool, account_id, kind)
    async with at_work(settings, tmp_path, Clip()):
        out = await run([*program, flag, text], key, browser.origin)
    assert (await browser.http.get(out.split()[0])).headers["content-type"] == "video/mp4"


async def test_what_an_api_cannot_say_is_named(browser: Browser, pool: db.Pool) -> None:
    await rich(browser, pool)
    task_id = await buy(
        browser, seed="7", audio="", fixed_lens="on", media0="https://example.org/a.png", role0="reference"
    )
    page = await browser.see(f"/tasks/{task_id}")
    assert "This API has no word for: seed, silence, fixed lens, what each medium is for." in page
