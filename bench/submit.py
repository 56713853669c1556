"""submit/s against pgbench's own transaction (TPC-B-like) on the same database, at the same concurrency."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from bench.stand import PEOPLE, PYTHON, Stand, http, load, process, run, wait_until
from seedbed.embedded import binaries

PORT = 8913
ROUNDS, ROUND_S, CONNECTIONS = 3, 4.0, 16


def measure(stand: Stand) -> dict[str, float]:
    body = json.dumps({"model": "seedance-2.0", "prompt": "A river flowing through an autumn forest"}).encode()
    ours: list[float] = []
    peers: list[float] = []
    _pgbench(stand, "-i", "-s", str(PEOPLE), "-q")
    command = [PYTHON, "-m", "seedbed", "serve", "--no-worker", "--port", str(PORT)]
    with process(command, stand.environment):
        wait_until(f"http://127.0.0.1:{PORT}/healthz")

        async def main() -> None:
            requests = [http("POST", "/api/open/v1/video/generations", key, body) for key in stand.keys]
            rate, _ = await load(
                PORT, lambda number: requests[number % PEOPLE], seconds=ROUND_S, connections=CONNECTIONS
            )
            ours.append(rate)

        for _ in range(ROUNDS):
            run(main)
            said = _pgbench(stand, "-c", str(CONNECTIONS), "-j", "2", "-T", str(int(ROUND_S)), "-n")
            found = re.search(r"tps = ([\d.]+)", said)
            assert found, said
            peers.append(float(found[1]))
    return {
        "submits_per_s": statistics.median(ours),
        "pgbench_per_s": statistics.median(peers),
        "ratio": statistics.median(a / b for a, b in zip(ours, peers, strict=True)),
    }


def _pgbench(stand: Stand, *options: str) -> str:
    """pgbench of the embedded PostgreSQL's own build, else the machine's."""
    parts = urlsplit(stand.dsn)
    socket = parse_qs(parts.query)["host"][0]
    program = _program()
    done = subprocess.run(
        [program, "-h", socket, "-U", parts.username or "seedbed", *options, parts.path.lstrip("/")],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PGPORT": "5432"},
    )
    return done.stdout + done.stderr


def _program() -> str:
    for folder in binaries._installs().values():
        if (path := Path(folder) / "pgbench").exists():
            return str(path)
    return "pgbench"
