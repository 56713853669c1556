"""Forks `seedbed` commands on demand, with everything imported already: a killed process costs no second start.

Each line of its input is an order, each answered by one line; at the end of its input every child is killed.
Run by `processes.Nursery`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from typing import Any

import seedbed.app
import seedbed.cli
import seedbed.supervisor
import seedbed.worker
import tests.engines_for_tests  # noqa: F401

children: set[int] = set()


def start(argv: list[str], environment: dict[str, str], log: str) -> int:
    if child := os.fork():
        children.add(child)
        return child
    code = 1
    try:
        os.setsid()
        os.environ.clear()
        os.environ.update(environment)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for target, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
            os.dup2(source, target)
        code = seedbed.cli.app(argv, standalone_mode=False) or 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def poll(child: int) -> int | None:
    """The exit code of a child that has ended (below zero: the signal that ended it), or None."""
    if child not in children:
        return 0
    found, status = os.waitpid(child, os.WNOHANG)
    if not found:
        return None
    children.discard(child)
    return os.waitstatus_to_exitcode(status)


def main() -> None:
    orders: dict[str, Any] = {"start": start, "poll": poll}
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        order, *words = json.loads(line)
        print(json.dumps(orders[order](*words)), flush=True)
    for child in children:
        os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    main()
