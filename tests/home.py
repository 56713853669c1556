"""The command line as a person has it: real processes on a data folder of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).parents[1]


@dataclass
class Home:
    """A data folder and the environment of the commands that work on it."""

    folder: Path
    more: dict[str, str] = field(default_factory=dict)
    url: str = ""
    key: str = ""
    link: str = ""

    def environment(self, **more: str) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SEEDBED_")}
        return clean | {"SEEDBED_DATA_DIR": str(self.folder), "COLUMNS": "200"} | self.more | more

    def run(self, *args: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "seedbed", *args],
            env=self.environment(**more),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def ok(self, *args: str, **more: str) -> str:
        """What the command printed, having done its work."""
        done = self.run(*args, **more)
        assert done.returncode == 0, (args, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stdout

    def refused(self, *args: str, code: int = 1, **more: str) -> str:
        """What the command said when it could not: one line for an operator, no traceback, no result."""
        done = self.run(*args, **more)
        assert done.returncode == code, (args, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        assert done.stdout == ""
        if code == 1:
            assert done.stderr.splitlines()[-1].startswith("seedbed: ") or done.stderr.startswith("seedbed: ")
        return done.stderr

    def json(self, *args: str) -> Any:
        return json.loads(self.ok(*args, "--json"))


def wait(holds: Callable[[], bool], else_say: Callable[[], str] = str, timeout_s: float = 90) -> None:
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, else_say()
        time.sleep(0.05)


def balance(home: Home, key: str) -> int | str:
    """What the key's account can spend, or the code of the refusal."""
    body = httpx2.get(f"{home.url}/api/open/v1/balance", headers={"Authorization": f"Bearer {key}"}).json()
    return body["creditsAvailable"] if body["success"] else body["error"]["code"]
