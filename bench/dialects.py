"""What a dialect adds: the server's processor time for a status and a submission through each, against the Open API's.

In each round every dialect has its turn, in an order that moves on, and is set against the Open API's turn of that
round; processor time counts nobody else's work. So the ratios hold on a machine that is shared.
`python -m bench.dialects` prints them.
"""

from __future__ import annotations

import itertools
import json
import math
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from bench.stand import (
    JSON,
    PYTHON,
    Connection,
    Stand,
    answers,
    connected,
    cpu_s,
    http,
    process,
    run,
    stand,
    wait_until,
)
from seedbed import accounts, db, ledger
from seedbed.accounts import Api
from seedbed.dialects.studio_v1 import REQUESTS_PER_MINUTE as STUDIO_PER_MINUTE

PORT = 8914
ROUNDS, TURN, CONNECTIONS = 45, 80, 16
"""A dialect's turn is so many requests."""

PROMPT = "A river flowing through an autumn forest"
BASE = "open"


@dataclass(frozen=True)
class Call:
    """One request: its method, path, body and headers but for the key's."""

    method: str
    path: str
    body: bytes = b""
    headers: str = JSON

    def bytes_for(self, key: str) -> bytes:
        return http(self.method, self.path, key, self.body, self.headers)


@dataclass(frozen=True)
class Way:
    """The two ways in that every program uses: where a task is asked for, and, by its id, where it is looked at."""

    submit: Call
    status: Callable[[str], Call]
    id: Callable[[Any], str]
    api: Api = "open"
    """Whose keys it takes."""


def _posted(path: str, body: Any, headers: str = JSON) -> Call:
    """As the SDKs write it."""
    return Call("POST", path, orjson.dumps(body), headers)


def _rest(path: str, body: dict[str, Any], id: str = "id") -> Way:
    return Way(_posted(path, body), lambda task_id: Call("GET", f"{path}/{task_id}"), lambda told: str(told[id]))


def _form(path: str, body: dict[str, str]) -> Way:
    """The same as the SDK sends it: a form, always."""
    parts = "".join(
        f'--b0undary\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in body.items()
    )
    sent = Call(
        "POST", path, f"{parts}--b0undary--\r\n".encode(), "Content-Type: multipart/form-data; boundary=b0undary\r\n"
    )
    return Way(sent, lambda task_id: Call("GET", f"{path}/{task_id}"), lambda told: str(told["id"]))


def _mcp(version: str, meta: dict[str, Any] | None = None) -> Way:
    """A revision of the protocol, with what its clients send of themselves."""

    def call(tool: str, arguments: dict[str, str]) -> Call:
        headers = f"{JSON}Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: {version}\r\n"
        params: dict[str, Any] = {"name": tool, "arguments": arguments}
        if meta is not None:
            params["_meta"] = meta
            headers += f"Mcp-Method: tools/call\r\nMcp-Name: {tool}\r\n"
        return _posted("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}, headers)

    return Way(
        call("generate_video", {"prompt": PROMPT}),
        lambda task_id: call("get_video", {"task_id": task_id}),
        lambda told: str(told["result"]["structuredContent"]["task_id"]),
    )


WAYS = {
    BASE: _rest("/api/open/v1/video/generations", {"model": "seedance-2.0", "prompt": PROMPT}, "requestId"),
    "studio": Way(
        _posted("/api/v1/video/seedance2", {"prompt": PROMPT}),
        lambda task_id: Call("GET", f"/api/v1/tasks/{task_id}"),
        lambda told: str(told["id"]),
        "studio",
    ),
    "ark": _rest(
        "/api/v3/contents/generations/tasks",
        {"model": "doubao-seedance-2-0-260128", "content": [{"type": "text", "text": PROMPT}]},
    ),
    "openai, JSON": _rest("/v1/videos", {"model": "sora-2", "prompt": PROMPT}),
    "openai, forms": _form("/v1/videos", {"model": "sora-2", "prompt": PROMPT}),
    "mcp of 2025": _mcp("2025-11-25"),
    "mcp of 2026": _mcp(
        "2026-07-28",
        {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    ),
}

ACCOUNTS = math.ceil(ROUNDS * TURN / ((STUDIO_PER_MINUTE - 1) // 2))
"""The Studio API takes 30 requests a minute of an account, by contract. This many have turns enough for the whole run,
however fast it is; and every dialect's requests are spread over the same ones."""


def measure(stand: Stand) -> dict[str, dict[str, float]]:
    """By dialect: `status` and `submit`, how many times the processor time of the Open API's each takes."""
    spent: dict[str, dict[str, list[float]]] = {what: {name: [] for name in WAYS} for what in ("status", "submit")}
    command = [PYTHON, "-m", "seedbed", "serve", "--no-worker", "--port", str(PORT)]

    async def main() -> None:
        keys = await _keys(stand.dsn)
        names = list(WAYS)
        async with connected(PORT, CONNECTIONS) as connections:
            requests = {name: await _requests(connections, way, keys[way.api]) for name, way in WAYS.items()}
            for number in range(ROUNDS):
                first = number % len(names)
                for what, found in spent.items():
                    for name in names[first:] + names[:first]:
                        before = cpu_s(server.pid)
                        await answers(connections, itertools.islice(requests[name][what], TURN))
                        found[name].append(cpu_s(server.pid) - before)

    with process(command, stand.environment, core=0) as server:
        wait_until(f"http://127.0.0.1:{PORT}/healthz")
        run(main)
    return {
        name: {what: _times(found[name], found[BASE]) for what, found in spent.items()} for name in WAYS if name != BASE
    }


def _times(own: list[float], base: list[float]) -> float:
    return statistics.median(ours / theirs for ours, theirs in zip(own, base, strict=True))


async def _keys(dsn: str) -> dict[Api, list[str]]:
    """Rich accounts, with a key for each API."""
    keys: dict[Api, list[str]] = {"open": [], "studio": []}
    pool = await db.open_pool(dsn, size=1)
    async with db.transaction(pool) as conn:
        for number in range(ACCOUNTS):
            account_id = await accounts.create(conn, f"dialects{number}@example.com")
            await ledger.grant(conn, account_id, 10**9)
            for api, made in keys.items():
                made.append((await accounts.create_key(conn, account_id, api, per_minute=2**31 - 1))[1])
    await pool.close()
    return keys


async def _requests(connections: list[Connection], way: Way, keys: list[str]) -> dict[str, Iterator[bytes]]:
    """Without end: submissions with one key after another, and looks at a task of each."""
    submissions = [way.submit.bytes_for(key) for key in keys]
    bodies = await answers(connections, submissions)
    ids = [way.id(json.loads(body)) for body in bodies]
    looks = [way.status(task_id).bytes_for(key) for task_id, key in zip(ids, keys, strict=True)]
    return {"status": itertools.cycle(looks), "submit": itertools.cycle(submissions)}


if __name__ == "__main__":
    with stand() as here:
        for name, times in measure(here).items():
            print(f"{name:14}", "  ".join(f"{what} {ratio:.2f}×" for what, ratio in times.items()))
