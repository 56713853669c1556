"""`seedbed serve` where the machine itself runs out: of file descriptors, of disk under the database."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import secrets
import subprocess
import sys
from pathlib import Path

import httpx2
import psutil

from seedbed.embedded import connect_or_start
from tests.conftest import free_port
from tests.faults.cast import BODY
from tests.faults.processes import GENERATIONS, ROOT, Service, mounting, service, until
from tests.faults.test_database_restarts import Customer, _all_succeed, _check_sound, _reading, _stop

ROOM_BYTES = 192 << 20
CLIP = "previz=tests.engines_for_tests:Clip"


async def test_a_worker_that_cannot_be_started_now_is_started_when_it_can(tmp_path: Path) -> None:
    with service(tmp_path, free_port(), engines=CLIP, lease_s=2) as this:
        await this.ready()
        _, hard = resource.prlimit(this.process.pid, resource.RLIMIT_NOFILE)
        # Not one descriptor more: neither a pipe to a new process nor a connection.
        resource.prlimit(this.process.pid, resource.RLIMIT_NOFILE, (1, hard))
        worker = this.worker()
        assert worker is not None
        worker.kill()
        try:
            await until(lambda: _said(this, "Too many open files"), "the start that fails")
        finally:
            resource.prlimit(this.process.pid, resource.RLIMIT_NOFILE, (hard, hard))
        await until(lambda: _another_worker(this, worker), "another worker")
        customer = Customer(this)
        async with httpx2.AsyncClient(base_url=this.url, headers=this.auth, timeout=60) as client:
            await customer._submit(client, "after")
        await _all_succeed(this, customer)
        assert await _stop(this) == 0
    with connect_or_start(this.data_dir / "postgres") as dsn:
        async with _reading(dsn) as conn:
            await _check_sound(conn)


async def test_a_full_disk_under_the_database(tmp_path: Path) -> None:
    """Busy while it lasts, even where PostgreSQL has to stop; what was accepted before and after is all there."""
    place = tmp_path / "data" / "postgres"
    with service(tmp_path, free_port(), mounting(place, ROOM_BYTES), engines=CLIP) as this:
        await this.ready()
        customer = Customer(this)
        ballast = Path(f"/proc/{this.process.pid}/root{place}/ballast")
        async with httpx2.AsyncClient(base_url=this.url, headers=this.auth, timeout=60) as client:
            await customer._submit(client, "before")
            _fill(ballast)
            sent: list[httpx2.Response] = []
            number = 0

            async def refused() -> bool:
                nonlocal number
                number += 1
                # Large and not to be compressed, so that the log of changes fills up soon.
                body = BODY | {"metadata": {"noise": secrets.token_hex(100_000)}}
                answer = await client.post(GENERATIONS, json=body, headers={"Idempotency-Key": f"during-{number}"})
                sent.append(answer)
                return answer.status_code != 200

            await until(refused, "a database without room")
            # Killed on top of that, it may not even be able to recover until there is room.
            postmaster = this.postmaster()
            assert postmaster is not None
            postmaster.kill()
            for _ in range(40):
                await refused()
                await asyncio.sleep(0.05)
            for answer in sent:
                assert answer.status_code in (200, 503), answer.text
                if answer.status_code == 503:
                    assert answer.json()["error"]["code"] == "service_busy"
            ballast.unlink()
            await customer._submit(client, "after")
            customer.accepted |= {
                str(index): answer.json()["requestId"] for index, answer in enumerate(sent) if answer.status_code == 200
            }
        await _all_succeed(this, customer)
        assert customer.odd == []
        states = {finding["check"]: finding["state"] for finding in _doctor(this)}
        assert (states["ledger"], states["tasks"]) == ("ok", "ok")
        assert await _stop(this) == 0


def _fill(ballast: Path) -> None:
    """Leave no room on the disk where `ballast` is."""
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 16))


def _doctor(this: Service) -> list[dict[str, str]]:
    """What `seedbed doctor` finds, asked where the service's disks are."""
    borrowed = [] if os.geteuid() == 0 else ["-U", "--preserve-credentials"]
    enter = ["nsenter", "-t", str(this.process.pid), *borrowed, "-m", "--"]
    command = [*enter, sys.executable, "-m", "seedbed", "doctor", "--json"]
    told = subprocess.run(command, env=this.environment, cwd=ROOT, capture_output=True, text=True)
    found: list[dict[str, str]] = json.loads(told.stdout)
    return found


async def _said(this: Service, words: str) -> bool:
    return words in this.process.said()


async def _another_worker(this: Service, old: psutil.Process) -> bool:
    new = this.worker()
    return new is not None and new.pid != old.pid
