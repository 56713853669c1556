"""The receivers of docs/samples are run: they take what the real service sends, once, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from seedbed import accounts, db, webhooks
from seedbed.settings import Settings
from seedbed.webhooks import sign
from tests.conftest import Person, served
from tests.engines_for_tests import Clip
from tests.workers import at_work

FOLDER = Path(__file__).parents[1] / "docs" / "samples" / "webhooks"
PROGRAMS = {"receiver.py": sys.executable, "receiver.mjs": "node", "receiver.go": "go"}
NAMES = ["receiver.py", "receiver.mjs", pytest.param("receiver.go", marks=pytest.mark.timeout(900))]
BUILD_S_MAX = 600
SECRETS = ["s3cret", "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0", "whsec_not base64!"]
Commands = Callable[[str], list[str]]
BODY = b'{"success":true,"requestId":"req_1","status":"succeeded","output":null,"error":null}'


@dataclass
class Running:
    url: str
    process: asyncio.subprocess.Process

    async def line(self) -> Any:
        """The next event that it tells of."""
        assert self.process.stdout is not None
        return json.loads(await asyncio.wait_for(self.process.stdout.readline(), 60))

    async def post(self, headers: dict[str, str], body: bytes = BODY, **more: Any) -> int:
        async with httpx2.AsyncClient() as client:
            return (
                await client.request(**{"method": "POST", "url": self.url, "headers": headers, "content": body} | more)
            ).status_code


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[str]]:
    """What runs a receiver; the one in Go is built first, once. Go alone may be missing."""
    folder = tmp_path_factory.mktemp("go")

    def command(name: str) -> list[str]:
        program = shutil.which(PROGRAMS[name])
        if program is None and name == "receiver.go":
            pytest.skip("Go, which nothing else here needs, is not installed")
        assert program, f"{PROGRAMS[name]} is missing: `make test` installs it, as root on Debian"
        if name != "receiver.go":
            return [program, str(FOLDER / name)]
        binary = folder / "receiver"
        if not binary.exists():
            subprocess.run(
                [program, "build", "-o", str(binary), str(FOLDER / name)],
                env=os.environ | {"GOCACHE": str(folder / "cache")},
                check=True,
                timeout=BUILD_S_MAX,
            )
        return [str(binary)]

    return command


@contextlib.asynccontextmanager
async def running(command: list[str], secret: str) -> AsyncIterator[Running]:
    process = await asyncio.create_subprocess_exec(
        *command,
        env=os.environ | {"WEBHOOK_SECRET": secret, "PORT": "0"},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        receiver = Running("", process)
        receiver.url = f"http://127.0.0.1:{(await receiver.line())['listening']}/"
        yield receiver
    finally:
        process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


def signed(secret: str, body: bytes = BODY, message_id: str = "msg_1", age_s: int = 0) -> dict[str, str]:
    sent_at = int(time.time()) - age_s
    return {"webhook-id": message_id, "webhook-timestamp": str(sent_at)} | sign(secret, message_id, sent_at, body)


@pytest.mark.parametrize("name", NAMES)
async def test_deliveries_of_the_service_are_taken(
    settings: Settings, pool: db.Pool, alice: Person, tmp_path: Path, commands: Commands, name: str
) -> None:
    """Two keys' deliveries to one receiver: that of another secret is refused, and would be tried again."""
    async with running(commands(name), SECRETS[0]) as receiver:
        mine = settings.model_copy(update={"trusted_hosts": receiver.url.removeprefix("http://").rstrip("/")})
        async with db.transaction(pool) as conn:
            made = [
                (await accounts.create_key(conn, alice.account_id, "open", webhook_url=receiver.url, webhook_secret=s))[
                    1
                ]
                for s in (SECRETS[1], SECRETS[0])
            ]
        async with served(mine) as url, httpx2.AsyncClient(base_url=url) as client, at_work(mine, tmp_path, Clip()):
            tasks = []
            for key in made:
                answer = await client.post(
                    "/api/open/v1/video/generations",
                    json={"model": "seedance-2.0", "prompt": "A river", "duration": 4, "resolution": "480p"},
                    headers={"Authorization": f"Bearer {key}"},
                )
                tasks.append(answer.json()["requestId"])
            told = await receiver.line()
            tries: list[Any] = []
            while len({row["task_id"] for row in tries if row["tries"]}) < 2:
                await asyncio.sleep(0.1)
                async with db.connection(pool) as conn:
                    tries = await webhooks.list_deliveries(conn)
    found = {row["task_id"]: row for row in tries}
    assert told == {"delivery": found[tasks[1]]["id"], "task": tasks[1], "status": "succeeded"}
    assert (found[tasks[1]]["state"], found[tasks[1]]["status"]) == ("delivered", 204)
    assert (found[tasks[0]]["state"], found[tasks[0]]["status"]) == ("pending", 401)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("name", NAMES)
async def test_what_is_not_genuine_or_not_new_is_not_handled(commands: Commands, name: str, secret: str) -> None:
    async with running(commands(name), secret) as receiver:
        good = signed(secret)
        assert await receiver.post(good) == 204
        assert await receiver.line() == {"delivery": "msg_1", "task": "req_1", "status": "succeeded"}
        assert await receiver.post(signed(secret, age_s=200)) == 204, "a repeat is thanked for"
        for headers in (
            {},
            {"x-seedance-signature": good["x-seedance-signature"]},
            {name: value for name, value in good.items() if name != "webhook-signature"},
            good | {"webhook-signature": "v1,"},
            good | {"webhook-signature": good["webhook-signature"][3:]},
            good | {"webhook-id": "msg_2"},
            good | {"webhook-timestamp": str(int(good["webhook-timestamp"]) + 1)},
            good | {"webhook-timestamp": "9" * 4000},
            good | {"webhook-timestamp": "soon"},
            signed("another"),
            signed(secret, age_s=400),
            signed(secret, age_s=-400),
        ):
            assert await receiver.post(headers) == 401, headers
        assert await receiver.post(good, BODY + b"\n") == 401
        assert await receiver.post(good, b"") == 401
        assert await receiver.post(good, b"x" * 70_000) == 413
        assert await receiver.post(good, method="GET") in (405, 501)
        # One that cannot be handled is not done: it comes again.
        for _ in range(2):
            assert await receiver.post(signed(secret, b"{", "msg_3"), b"{") == 500
        new = signed(secret, message_id="msg_4")
        new["webhook-signature"] = f"v1,AAAA v2,x {new['webhook-signature']}"
        assert await receiver.post(new) == 204
        assert (await receiver.line())["delivery"] == "msg_4", "nothing else was told in between"


def test_the_three_agree_on_what_they_believe() -> None:
    texts = {name: (FOLDER / name).read_text() for name in PROGRAMS}
    for name, text in texts.items():
        numbers = [
            re.search(rf"(?i){constant}\s*=\s*([0-9_* ]+)", text)
            for constant in ("tolerance_?s", "remember_?s", "body_?bytes_?max")
        ]
        assert [eval(found[1]) for found in numbers if found] == [300, 4 * 86_400, 65_536], name
        for word in ("webhook-id", "webhook-timestamp", "webhook-signature", "whsec_", "v1,", "[0-9]{1,12}"):
            assert word in text, (name, word)
    assert sum(webhooks.SCHEDULE_S) < 4 * 86_400, "an id is remembered for as long as it may come again"


@pytest.mark.timeout(900)
@pytest.mark.skipif(shutil.which("go") is None, reason="Go, which nothing else here needs, is not installed")
def test_go_finds_nothing_to_say(tmp_path: Path) -> None:
    for command in (["go", "vet"], ["gofmt", "-l"]):
        done = subprocess.run(
            [*command, str(FOLDER / "receiver.go")],
            env=os.environ | {"GOCACHE": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=BUILD_S_MAX,
        )
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
