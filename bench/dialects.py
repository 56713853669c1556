"""What a dialect adds: the server's processor time for a status and a submission through each, against the Open API's.

Each is measured beside the Open API's, by turns, and processor time counts nobody else's work: the ratios hold on a
machine that is shared.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from bench.stand import JSON, PYTHON, Stand, cpu_s, http, load, process, run, wait_until

PORT = 8914
ROUNDS, ROUND_S, CONNECTIONS = 9, 0.7, 16
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


def _posted(path: str, body: Any, headers: str = JSON) -> Call:
    return Call("POST", path, json.dumps(body).encode(), headers)


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
"""The Studio API is not among them: its 30 requests a minute are its contract."""


def measure(stand: Stand) -> dict[str, dict[str, float]]:
    """By dialect: `status` and `submit`, how many times the processor time of the Open API's each takes."""
    spent: dict[str, dict[str, list[tuple[float, float]]]] = {
        name: {"status": [], "submit": []} for name in WAYS if name != BASE
    }
    command = [PYTHON, "-m", "seedbed", "serve", "--no-worker", "--port", str(PORT)]
    with process(command, stand.environment, core=0) as server:
        wait_until(f"http://127.0.0.1:{PORT}/healthz")
        sent = {
            name: {
                "status": [way.status(_made(stand, way)).bytes_for(stand.key)],
                "submit": [way.submit.bytes_for(key) for key in stand.keys],
            }
            for name, way in WAYS.items()
        }

        async def main() -> None:
            for _ in range(ROUNDS):
                for name, found in spent.items():
                    for what, seen in found.items():
                        base = await _spent_s(server.pid, sent[BASE][what])
                        seen.append((base, await _spent_s(server.pid, sent[name][what])))

        run(main)
    return {name: {what: _times(seen) for what, seen in found.items()} for name, found in spent.items()}


def _times(seen: list[tuple[float, float]]) -> float:
    """Of the least disturbed round of each: what else runs on the machine only ever adds."""
    return min(own for _, own in seen) / min(base for base, _ in seen)


async def _spent_s(pid: int, requests: list[bytes]) -> float:
    """Processor time of a request, in seconds."""
    before = cpu_s(pid)
    _, times = await load(
        PORT, lambda number: requests[number % len(requests)], seconds=ROUND_S, connections=CONNECTIONS
    )
    return (cpu_s(pid) - before) / len(times)


def _made(stand: Stand, way: Way) -> str:
    headers = dict(line.split(": ", 1) for line in way.submit.headers.splitlines())
    answer = httpx2.post(
        f"http://127.0.0.1:{PORT}{way.submit.path}",
        content=way.submit.body,
        headers=headers | {"Authorization": f"Bearer {stand.key}"},
    )
    return way.id(answer.raise_for_status().json())
