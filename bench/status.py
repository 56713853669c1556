"""status/s on one core, against a bare FastAPI route with one asyncpg read (goal: 0.6 or more)."""

from __future__ import annotations

import statistics
from functools import partial

import httpx2

from bench.stand import PYTHON, Stand, http, load, process, run, wait_until

OURS, BARE = 8911, 8912
ROUNDS, ROUND_S, CONNECTIONS = 5, 2.0, 16


def _same(request: bytes, _: int) -> bytes:
    return request


def measure(stand: Stand) -> dict[str, float]:
    """Both servers share one core and take turns; the client and PostgreSQL have the other."""
    ours = [PYTHON, "-m", "seedbed", "serve", "--no-worker", "--port", str(OURS)]
    bare = [PYTHON, "-m", "uvicorn", "bench.bare:app", "--port", str(BARE), "--no-access-log", "--log-level", "error"]
    rates: dict[int, list[float]] = {OURS: [], BARE: []}
    with process(ours, stand.environment, core=0), process(bare, stand.environment, core=0):
        wait_until(f"http://127.0.0.1:{OURS}/healthz")
        wait_until(f"http://127.0.0.1:{BARE}/openapi.json")
        body = {"model": "seedance-2.0", "prompt": "A river flowing through an autumn forest"}
        made = httpx2.post(
            f"http://127.0.0.1:{OURS}/api/open/v1/video/generations",
            json=body,
            headers={"Authorization": f"Bearer {stand.key}"},
        ).json()
        paths = {
            OURS: f"/api/open/v1/video/generations/{made['requestId']}",
            BARE: f"/tasks/{made['requestId']}",
        }

        async def main() -> None:
            for _ in range(ROUNDS):
                for port, path in paths.items():
                    request = http("GET", path, stand.key)
                    rate, _ = await load(port, partial(_same, request), seconds=ROUND_S, connections=CONNECTIONS)
                    rates[port].append(rate)

        run(main)
    return {
        "ours_per_s": statistics.median(rates[OURS]),
        "bare_per_s": statistics.median(rates[BARE]),
        "ratio": statistics.median(a / b for a, b in zip(rates[OURS], rates[BARE], strict=True)),
    }
