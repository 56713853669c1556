"""The client stands alone, and its two kinds have the same calls."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from typing import Any

import pytest

from seedbed.client import (
    AsyncOpenClient,
    AsyncStudioClient,
    ClientError,
    OpenClient,
    Refused,
    StudioClient,
    errors,
)
from seedbed.client.blocking import run


def test_the_client_imports_nothing_of_the_server() -> None:
    told = "import sys, seedbed.client; print(*sorted(m for m in sys.modules if m.startswith('seedbed')))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert all(name == "seedbed" or name.startswith("seedbed.client") for name in done.stdout.split())
    assert "seedbed.client.webhooks" in done.stdout


def calls(kind: type) -> dict[str, Any]:
    found = inspect.getmembers(kind, callable)
    return {name: method for name, method in found if not name.startswith("_") and name not in ("close", "aclose")}


@pytest.mark.parametrize(("blocking", "awaited"), [(OpenClient, AsyncOpenClient), (StudioClient, AsyncStudioClient)])
def test_both_kinds_have_the_same_calls(blocking: type, awaited: type) -> None:
    assert calls(blocking).keys() == calls(awaited).keys()
    for name, method in calls(blocking).items():
        there = calls(awaited)[name]
        assert inspect.signature(method) == inspect.signature(there), name
        assert method.__doc__ == there.__doc__
        assert method.__doc__, name
        assert not inspect.iscoroutinefunction(method), name
    assert inspect.signature(blocking) == inspect.signature(awaited)


async def test_a_client_that_blocks_may_be_used_inside_a_loop() -> None:
    with OpenClient("http://127.0.0.1:1", "key") as client:
        assert client.url == "http://127.0.0.1:1"
        assert "key" not in repr(client)


async def test_what_would_wait_for_a_loop_is_a_fault_and_no_hang() -> None:
    with pytest.raises(RuntimeError, match="waited for an event loop"):
        run(asyncio.sleep(1))


def test_every_error_is_in_the_tree_of_its_module() -> None:
    def below(kind: type) -> list[type]:
        return [kind, *(each for child in kind.__subclasses__() for each in below(child))]

    for kind in below(ClientError):
        if kind.__module__ == errors.__name__:
            assert kind.__name__ in (errors.__doc__ or ""), kind
    assert issubclass(errors.BY_STATUS[429], Refused)
