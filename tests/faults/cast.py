"""What fault tests say again and again: submit, look, and what must be true of a task in the end."""

from __future__ import annotations

from pathlib import Path

import httpx2

from seedbed import db, tasks
from seedbed.settings import Settings
from seedbed.tasks import Status, Task
from tests.conftest import Person
from tests.faults.processes import GENERATIONS, PATIENCE_S, until

PRICE_CREDITS = 16
BODY = {"model": "seedance-2.0", "prompt": "A river", "duration": 4, "resolution": "480p"}
"""The smallest thing sold: 4 seconds at 480p, for PRICE_CREDITS."""


async def submit(api: httpx2.AsyncClient, person: Person, prompt: str = "A river", **headers: str) -> str:
    """The id of a new task."""
    answer = await api.post(GENERATIONS, json=BODY | {"prompt": prompt}, headers=person.auth | headers)
    assert answer.status_code == 200, answer.text
    task_id: str = answer.json()["requestId"]
    return task_id


async def reached(pool: db.Pool, task_id: str, *states: Status, timeout_s: float = PATIENCE_S) -> Task:
    """Wait until the task is in one of `states`."""

    async def look() -> Task | None:
        async with db.connection(pool) as conn:
            task = await tasks.get(conn, task_id)
        return task if task.status in states else None

    return await until(look, f"{task_id} being {' or '.join(states)}", timeout_s=timeout_s)


async def ended(pool: db.Pool, task_id: str, *, timeout_s: float = PATIENCE_S) -> Task:
    return await reached(pool, task_id, *tasks.TERMINAL, timeout_s=timeout_s)


async def balance(conn: db.Connection, person: Person) -> tuple[int, int]:
    """Credits available and held."""
    row = await conn.fetchrow("SELECT available_credits, held_credits FROM accounts WHERE id = $1", person.account_id)
    return (row[0], row[1])


async def jobs(conn: db.Connection) -> int:
    found: int = await conn.fetchval("SELECT count(*) FROM pgqueuer")
    return found


def stored(settings: Settings) -> list[str]:
    """The keys of all files in storage, finished or not."""
    root = settings.data_dir / "files"
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def begun(log: Path) -> list[str]:
    """The prompts that `Slow` began to render, in order, one for each beginning."""
    return [line.partition(" ")[2] for line in log.read_text().splitlines()] if log.exists() else []


async def check_made_once(conn: db.Connection, settings: Settings, person: Person, task: Task, *, attempt: int) -> None:
    """One output, that of `attempt`; one charge; no job left behind; no other file published or kept."""
    assert task.status == "succeeded"
    assert task.attempt == attempt
    files = await conn.fetch("SELECT key FROM files WHERE task_id = $1", task.id)
    assert [row["key"] for row in files] == [task.output_key]
    assert await balance(conn, person) == (1000 - PRICE_CREDITS, 0)
    assert await until(lambda: _no_jobs(conn), "the end of all jobs")
    assert task.output_key in stored(settings)


async def _no_jobs(conn: db.Connection) -> bool:
    return await jobs(conn) == 0
