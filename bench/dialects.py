"""What a dialect adds: status/s and submit/s through each, against the Open API in the same run (goal: 1.3 or less)."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from typing import Any

import httpx2

from bench.stand import PYTHON, Stand, http, load, process, run, wait_until

PORT = 8914
ROUNDS, ROUND_S, CONNECTIONS = 5, 2.0, 16
PROMPT = "A river flowing through an autumn forest"
BASE = "open"


@dataclass(frozen=True)
class Way:
    """A dialect's two ways in that every program uses: where a task is asked for, and where it is looked at."""

    path: str
    body: dict[str, Any]
    id: str = "id"

    @property
    def sent(self) -> bytes:
        return json.dumps(self.body).encode()


WAYS = {
    BASE: Way("/api/open/v1/video/generations", {"model": "seedance-2.0", "prompt": PROMPT}, "requestId"),
    "ark": Way(
        "/api/v3/contents/generations/tasks",
        {"model": "doubao-seedance-2-0-260128", "content": [{"type": "text", "text": PROMPT}]},
    ),
    "openai": Way("/v1/videos", {"model": "sora-2", "prompt": PROMPT}),
}


def measure(stand: Stand) -> dict[str, dict[str, float]]:
    """By dialect: `status` and `submit`, how many times longer each takes than through the Open API."""
    rates: dict[str, dict[str, list[float]]] = {name: {"status": [], "submit": []} for name in WAYS}
    with process([PYTHON, "-m", "seedbed", "serve", "--no-worker", "--port", str(PORT)], stand.environment, core=0):
        wait_until(f"http://127.0.0.1:{PORT}/healthz")
        made = {name: _made(stand, way) for name, way in WAYS.items()}

        async def main() -> None:
            for _ in range(ROUNDS):
                for name, way in WAYS.items():
                    look = http("GET", f"{way.path}/{made[name]}", stand.key)
                    rates[name]["status"].append(await _rate([look]))
                    head = "Content-Type: application/json\r\n"
                    rates[name]["submit"].append(
                        await _rate([http("POST", way.path, key, way.sent, head) for key in stand.keys])
                    )

        run(main)
    return {
        name: {
            what: statistics.median(base / own for base, own in zip(rates[BASE][what], rates[name][what], strict=True))
            for what in ("status", "submit")
        }
        for name in WAYS
        if name != BASE
    }


async def _rate(requests: list[bytes]) -> float:
    rate, _ = await load(
        PORT, lambda number: requests[number % len(requests)], seconds=ROUND_S, connections=CONNECTIONS
    )
    return rate


def _made(stand: Stand, way: Way) -> str:
    answer = httpx2.post(
        f"http://127.0.0.1:{PORT}{way.path}", json=way.body, headers={"Authorization": f"Bearer {stand.key}"}
    )
    return str(answer.raise_for_status().json()[way.id])
