"""The database, or everything, is killed under `seedbed serve`: clients hear "busy" for a moment; nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psutil

from seedbed import checkup, db, ledger
from seedbed.embedded import connect_or_start
from tests.conftest import free_port
from tests.faults.cast import BODY, PRICE_CREDITS, begun
from tests.faults.processes import GENERATIONS, Service, service, until

BACK_S = 10.0
FIRST_CREDITS = 10_000


@dataclass
class Customer:
    """Submits one task after another, each under its own key, again until it is accepted; notes every answer."""

    service: Service
    accepted: dict[str, str] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    odd: list[str] = field(default_factory=list)
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def work(self, name: str) -> None:
        async with httpx2.AsyncClient(base_url=self.service.url, headers=self.service.auth, timeout=60) as client:
            number = 0
            while not self.enough.is_set():
                await self._submit(client, f"{name}-{number}")
                number += 1

    async def _submit(self, client: httpx2.AsyncClient, key: str) -> None:
        while key not in self.accepted:
            try:
                answer = await client.post(GENERATIONS, json=BODY, headers={"Idempotency-Key": key})
            except httpx2.HTTPError as error:
                self.odd.append(repr(error))
                return
            self._note(key, answer)
            await asyncio.sleep(0.05)

    def _note(self, key: str, answer: httpx2.Response) -> None:
        told = answer.json()
        code = "ok" if answer.status_code == 200 else told["error"]["code"]
        self.answers[f"{answer.status_code} {code}"] += 1
        if answer.status_code == 200:
            self.accepted[key] = told["requestId"]
        elif (answer.status_code, code) == (503, "service_busy"):
            if "retry-after" not in answer.headers:
                self.odd.append("503 without Retry-After")
        else:
            self.odd.append(answer.text)


async def test_the_database_is_killed_again_and_again_under_load(tmp_path: Path) -> None:
    with service(tmp_path, free_port(), engines="previz=tests.engines_for_tests:Clip", concurrency=2) as this:
        await this.ready()
        customer = Customer(this)
        buying = [asyncio.create_task(customer.work(f"customer-{number}")) for number in range(3)]
        worker = this.worker()
        for number in (signal.SIGKILL, signal.SIGQUIT, signal.SIGKILL, signal.SIGQUIT):
            await _more(customer, 5)
            postmaster = this.postmaster()
            assert postmaster is not None
            postmaster.send_signal(number)
            killed = time.monotonic()
            await until(lambda old=postmaster.pid: _another(this, old), "another database server")
            await _more(customer, 1)
            assert time.monotonic() - killed < BACK_S
        customer.enough.set()
        await asyncio.gather(*buying)
        assert customer.odd == []
        await _all_succeed(this, customer)
        # The worker lived through it all.
        assert this.worker() == worker
        assert await _stop(this) == 0
    with connect_or_start(this.data_dir / "postgres") as dsn:
        async with _reading(dsn) as conn:
            assert await conn.fetchval("SELECT count(*) FROM tasks") == len(customer.accepted)
            spent = len(customer.accepted) * PRICE_CREDITS
            assert await conn.fetchval("SELECT available_credits FROM accounts") == FIRST_CREDITS - spent
            assert await conn.fetchval("SELECT count(*) FROM files") == len(customer.accepted)
            await _check_sound(conn)


async def test_a_render_survives_the_database_it_began_on(tmp_path: Path) -> None:
    """Killed within the lease, the database costs a running render nothing: it is the first attempt that succeeds."""
    log = tmp_path / "slow.log"
    slow = "previz=tests.engines_for_tests:Slow"
    with service(tmp_path, free_port(), engines=slow, SLOW_S=3, SLOW_LOG=log) as this:
        await this.ready()
        customer = Customer(this)
        async with httpx2.AsyncClient(base_url=this.url, headers=this.auth, timeout=60) as client:
            await customer._submit(client, "one")
        await until(lambda: _has_begun(log), "the render")
        postmaster = this.postmaster()
        assert postmaster is not None
        postmaster.kill()
        await _all_succeed(this, customer)
        assert await _stop(this) == 0
    assert len(begun(log)) == 1
    with connect_or_start(this.data_dir / "postgres") as dsn:
        async with _reading(dsn) as conn:
            assert await conn.fetchval("SELECT attempt FROM tasks") == 1
            await _check_sound(conn)


async def test_everything_ends_with_a_killed_service_and_the_next_start_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "slow.log"
    slow = "previz=tests.engines_for_tests:Slow"
    with service(tmp_path, free_port(), engines=slow, lease_s=2, drain_s=1, SLOW_S=2, SLOW_LOG=log) as this:
        await this.ready()
        customer = Customer(this)
        async with httpx2.AsyncClient(base_url=this.url, headers=this.auth, timeout=60) as client:
            for number in range(3):
                await customer._submit(client, f"number-{number}")
        await until(lambda: _has_begun(log), "the first render")
        children = this.children()
        assert len(children) == 2
        this.process.kill()
        assert await this.process.ended() == -signal.SIGKILL
        await until(lambda: _gone(children), "the end of worker and database")
        this.start()
        await this.ready()
        # Once more, and started at once: the old worker and the old database are still ending when the new begin.
        this.process.kill()
        await this.process.ended()
        this.start()
        await this.ready()
        await _all_succeed(this, customer)
        assert await _stop(this) == 0
    with connect_or_start(this.data_dir / "postgres") as dsn:
        async with _reading(dsn) as conn:
            assert await conn.fetchval("SELECT count(*) FROM tasks") == 3
            assert await conn.fetchval("SELECT count(*) FROM files") == 3
            assert await conn.fetchval("SELECT available_credits FROM accounts") == FIRST_CREDITS - 3 * PRICE_CREDITS
            await _check_sound(conn)


# What is looked at --------------------------------------------------------------------------------------------


async def _more(customer: Customer, count: int) -> None:
    """Wait until `count` more tasks were accepted."""
    before = len(customer.accepted)

    async def look() -> bool:
        return len(customer.accepted) >= before + count

    await until(look, f"more accepted tasks; so far {customer.answers}, {customer.odd}")


async def _all_succeed(this: Service, customer: Customer) -> None:
    async with httpx2.AsyncClient(base_url=this.url, headers=this.auth, timeout=60) as client:
        for task_id in customer.accepted.values():

            async def look(task_id: str = task_id) -> str | None:
                answer = await client.get(f"{GENERATIONS}/{task_id}")
                if answer.status_code in (429, 503):  # the buyers may have used up the key's minute
                    return None
                assert answer.status_code == 200, answer.text
                status: str = answer.json()["status"]
                return status if status not in ("queued", "processing") else None

            end = f"the end of {task_id}:\n{this.process.said()[-4000:]}"
            assert await until(look, end, every_s=0.25) == "succeeded"


async def _another(this: Service, old: int) -> bool:
    new = this.postmaster()
    return new is not None and new.pid != old


async def _has_begun(log: Path) -> bool:
    return bool(begun(log))


async def _gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


async def _stop(this: Service) -> int:
    this.process.send(signal.SIGTERM)
    return await this.process.ended()


@contextlib.asynccontextmanager
async def _reading(dsn: str) -> AsyncIterator[db.Connection]:
    pool = await db.open_pool(dsn, size=1)
    try:
        async with db.connection(pool) as conn:
            yield conn
    finally:
        await pool.close()


async def _check_sound(conn: db.Connection) -> None:
    assert await ledger.audit(conn) == []
    assert (await checkup._orphans(conn)).good
    assert await conn.fetchval("SELECT count(*) FROM pgqueuer") == 0
