"""Every process but the database has the wrong date: leases, links and remembered keys do not care."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx2
import pytest

from seedbed import db, tasks
from seedbed.settings import Settings
from tests.conftest import Person, free_port
from tests.faults.cast import BODY, check_made_once, ended
from tests.faults.processes import GENERATIONS, ROOT, Crew, service, until

DAY_S = 86_400
LEASE_S = 2.0
SHIFTED_PATH = f"{Path(__file__).parent / 'shifted_clock'}:{ROOT}"


@pytest.mark.parametrize("shift_s", [-DAY_S, DAY_S], ids=["a day behind", "a day ahead"])
async def test_leases_and_expiry_run_by_the_database_clock(
    shift_s: int, alice: Person, conn: db.Connection, pool: db.Pool, crew: Crew, settings: Settings, tmp_path: Path
) -> None:
    port = free_port()
    with service(
        tmp_path,
        port,
        database_url=settings.database_url,
        lease_s=LEASE_S,
        idempotency_ttl_s=DAY_S,
        link_ttl_s=3600,
        engines="previz=tests.engines_for_tests:Slow",
        SLOW_S=4,
        PYTHONPATH=SHIFTED_PATH,
        SHIFT_S=shift_s,
    ) as this:
        await this.ready()
        async with httpx2.AsyncClient(base_url=this.url, headers=alice.auth, timeout=30) as client:
            first = await _submit(client)
            task_id = first.json()["requestId"]

            async def moving() -> bool:
                return (await tasks.get(conn, task_id)).progress > 0

            await until(moving, "progress of the first render")
            victim = this.worker()
            assert victim is not None
            victim.kill()
            killed_at = await conn.fetchval("SELECT clock_timestamp()")

            async def again() -> float | None:
                begun = [row["at"] for row in await tasks.events(conn, task_id) if row["attempt"] == 2]
                return (begun[0] - killed_at).total_seconds() if begun else None

            # Not at once, and not after a day: when its lease is over.
            assert LEASE_S / 4 < await until(again, "the second attempt") < LEASE_S + 10
            # Beside the second attempt a worker with the right date, which must leave it alone for all its length.
            crew.worker(data_dir=this.data_dir)
            task = await ended(pool, task_id)
            there = settings.model_copy(update={"data_dir": this.data_dir})
            await check_made_once(conn, there, alice, task, attempt=2)
            # A sweep by the wrong date has forgotten nothing.
            replayed = await _submit(client)
            assert replayed.headers["idempotent-replayed"] == "true"
            assert replayed.content == first.content
            # The process that dates a link is the one that checks it.
            link = (await client.get(f"{GENERATIONS}/{task_id}")).json()["output"]["url"]
            assert (await client.get(link)).status_code == 200
            dated = parsedate_to_datetime((await client.get("/healthz")).headers["date"])
    now = await conn.fetchval("SELECT now()")
    assert abs((dated - now).total_seconds() - shift_s) < 3600, "the process had the right date"
    for table, column in (("task_events", "at"), ("tasks", "finished_at"), ("idempotency_keys", "created_at")):
        moments = [row[0] for row in await conn.fetch(f"SELECT {column} FROM {table}")]
        assert moments
        assert all(abs((moment - now).total_seconds()) < 3600 for moment in moments), table


async def _submit(client: httpx2.AsyncClient) -> httpx2.Response:
    answer = await client.post(GENERATIONS, json=BODY, headers={"Idempotency-Key": "clock"})
    assert answer.status_code == 200, answer.text
    return answer
