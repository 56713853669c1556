"""A process that owns the embedded database, or uses it, and can be killed for the tests' sake.

Its one argument is a JSON object; then each line of its input is an order (a JSON list), answered by one
line. It leaves at the end of its input. Imports little, and all of it before it becomes another user, who
may not be able to read this interpreter's files.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seedbed.embedded import EmbeddedPostgres, binaries, connect_or_start
from seedbed.errors import ConfigError


def settle(options: dict[str, str]) -> None:
    """Take the wheel, the place for copies and the user that the test wants."""
    if "packages" in options:
        sys.path.insert(0, options["packages"])
    if "cache" in options:
        binaries.SHARED_CACHE = Path(options["cache"])
    if "become" in options:
        user = pwd.getpwnam(options["become"])
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)


def fork() -> int:
    if child := os.fork():
        return child
    time.sleep(60)
    os._exit(0)


def obey(root: Path, role: str) -> None:
    server = EmbeddedPostgres(root)
    stack = contextlib.ExitStack()

    def enter(at: float = 0.0) -> dict[str, str]:
        while time.monotonic() < at:
            pass
        try:
            if role == "command":
                return {"dsn": stack.enter_context(connect_or_start(root))}
            return {"dsn": stack.enter_context(server).dsn}
        except ConfigError as error:
            return {"error": str(error)}

    orders: dict[str, Callable[..., Any]] = {
        "enter": enter,
        "leave": stack.close,
        "ensure": server.ensure,
        "restart": server.restart,
        "running": lambda: server.running,
        "pid": lambda: server.pid,
        "imported": lambda: binaries.PACKAGE in sys.modules,
        "fork": fork,
    }
    print(json.dumps("ready"), flush=True)
    with stack:
        for line in sys.stdin:
            order, *words = json.loads(line)
            print(json.dumps(orders[order](*words)), flush=True)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    settle(given)
    obey(Path(os.fsdecode(bytes.fromhex(given["root"]))), given["role"])
