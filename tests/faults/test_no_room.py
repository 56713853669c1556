"""Storage that fails, disks that are full: the task fails and is refunded, and the worker goes on."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from seedbed import db
from seedbed.settings import Settings
from tests.conftest import Person
from tests.faults.cast import PRICE_CREDITS, balance, begun, ended, jobs, stored, submit
from tests.faults.processes import ROOT, Crew, environment, mounting, until
from tests.s3 import CREDENTIALS, StubS3, failing, losing_half

NARROW_BYTES = 16 * 1024
"""Less than any clip needs."""


async def test_storage_that_always_fails(
    api: httpx2.AsyncClient, alice: Person, conn: db.Connection, pool: db.Pool, crew: Crew, tmp_path: Path
) -> None:
    """The upload is tried again and again, the render is not; then the task fails."""
    log = tmp_path / "slow.log"
    with StubS3(always=failing) as bucket:
        task_id = await submit(api, alice)
        crew.worker("Slow", storage_url=bucket.url, SLOW_S=0, SLOW_LOG=log, **CREDENTIALS)
        task = await ended(pool, task_id)
        puts = [request for request in bucket.requests if request.startswith("PUT")]
    assert (task.status, task.error_code, task.attempt) == ("failed", "storage_failed", 1)
    assert task.error_message == "The video was made but could not be stored"
    assert len(puts) >= 4
    assert len(begun(log)) == 1
    assert await balance(conn, alice) == (1000, 0)
    assert await jobs(conn) == 0


async def test_storage_that_fails_for_a_while_costs_no_second_render(
    api: httpx2.AsyncClient, alice: Person, conn: db.Connection, pool: db.Pool, crew: Crew, tmp_path: Path
) -> None:
    log = tmp_path / "slow.log"
    with StubS3(failing, losing_half, failing) as bucket:
        task_id = await submit(api, alice)
        crew.worker("Slow", storage_url=bucket.url, SLOW_S=0, SLOW_LOG=log, **CREDENTIALS)
        task = await ended(pool, task_id)
        assert [path.removeprefix("/bucket/") for path in bucket.objects] == [task.output_key]
        size = await conn.fetchval("SELECT size_bytes FROM files WHERE task_id = $1", task_id)
        assert [len(body) for body in bucket.objects.values()] == [size]
    assert (task.status, task.attempt) == ("succeeded", 1)
    assert len(begun(log)) == 1
    assert await balance(conn, alice) == (1000 - PRICE_CREDITS, 0)


async def test_a_worker_that_may_write_no_large_file(
    api: httpx2.AsyncClient,
    alice: Person,
    conn: db.Connection,
    pool: db.Pool,
    crew: Crew,
    settings: Settings,
    tmp_path: Path,
) -> None:
    """The engine's own file does not fit: refunded, and nothing of it stays."""
    worker = crew.worker()
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (NARROW_BYTES, resource.RLIM_INFINITY))
    task = await ended(pool, await submit(api, alice))
    assert (task.status, task.error_code, task.attempt) == ("failed", "render_failed", 1)
    assert await balance(conn, alice) == (1000, 0)
    assert await jobs(conn) == 0
    assert stored(settings) == []
    assert [path for path in (settings.data_dir / "scratch").rglob("*") if path.is_file()] == []
    # With room again, the same worker makes the next one.
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    other = await ended(pool, await submit(api, alice))
    assert (other.status, other.attempt) == ("succeeded", 1)


@pytest.fixture(params=["files", "scratch"])
def narrow(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Iterator[str]:
    """A worker whose storage, or scratch, is a disk with room for next to nothing; gives which."""
    place = settings.data_dir / request.param
    command = [*mounting(place, NARROW_BYTES), sys.executable, "-m", "seedbed", "worker"]
    variables = environment(
        tmp_path,
        data_dir=settings.data_dir,
        database_url=settings.database_url,
        poll_s=0.2,
        engines="previz=tests.engines_for_tests:Clip",
    )
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(command, env=variables, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield request.param
            assert process.poll() is None, (tmp_path / "worker.log").read_text()
        finally:
            process.terminate()
            process.wait(60)


async def test_a_full_disk(
    api: httpx2.AsyncClient, alice: Person, conn: db.Connection, pool: db.Pool, proved: None, narrow: str
) -> None:
    """Twice: the first failure leaves the worker able to fail, and to say so, again."""
    code = {"files": "storage_failed", "scratch": "render_failed"}[narrow]
    for _ in range(2):
        task = await ended(pool, await submit(api, alice))
        assert (task.status, task.error_code, task.attempt) == ("failed", code, 1)
        assert task.error_message is not None
        assert "No space" not in task.error_message
    assert await balance(conn, alice) == (1000, 0)

    async def tidy() -> bool:
        return await jobs(conn) == 0

    await until(tidy, "the end of the jobs")
