"""The worker: what engines do to it, what customers do meanwhile, and how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from seedbed import db, engines, ledger, queue, tasks, telemetry
from seedbed.engines import EngineError, Progress, RenderRequest, RenderResult
from seedbed.ledger import Balance
from seedbed.settings import Settings
from seedbed.tasks import Task
from tests.conftest import Person
from tests.engines_for_tests import Broken, Clip
from tests.test_spine import GENERATIONS, ended
from tests.test_tasks import LANE, MODEL, accept, in_state, output_of
from tests.test_telemetry import value
from tests.webhook_receivers import until
from tests.workers import at_work

ROOT = Path(__file__).parents[1]
BODY = {"model": "seedance-2.0", "prompt": "A river", "duration": 4, "resolution": "480p"}
SMALL: dict[str, Any] = {"duration_s": 4, "resolution": "480p"}


class Gate(Clip):
    """Renders once it is opened; tells who is inside."""

    name = "gate"

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.begun: list[str] = []
        self.inside = self.most = self.cancelled = 0
        self.progress: Progress | None = None

    async def render(self, request: RenderRequest, scratch: Path, progress: Progress) -> RenderResult:
        self.begun.append(request.prompt)
        self.progress = progress
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await self.open.wait()
            return await super().render(request, scratch, progress)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.inside -= 1


class Odd(Clip):
    """Breaks in the way that the prompt names."""

    async def render(self, request: RenderRequest, scratch: Path, progress: Progress) -> RenderResult:
        match request.prompt:
            case "no file":
                return RenderResult(video=scratch / "nothing.mp4")
            case "a folder":
                return RenderResult(video=scratch)
            case "timed out":
                raise TimeoutError
            case "disk full":
                raise OSError(28, "No space left on device", "/secret/path")
            case "no memory":
                raise MemoryError
            case "loud":
                raise EngineError("no \x00 \ud800 " + "way " * 10_000)
            case "strange plan":
                result = await super().render(request, scratch, progress)
                return RenderResult(video=result.video, plan={"deep": [[1.5, None, "ü"]]})
        for share in (0.5, 7.0, -1.0, 0.2):
            progress(share)
        return await super().render(request, scratch, progress)


async def bought(pool: db.Pool, person: Person, prompt: str = "A river", **asked: Any) -> Task:
    async with db.transaction(pool) as conn:
        return await accept(conn, person, prompt=prompt, **SMALL | asked)


async def over(pool: db.Pool, task: Task) -> Task:
    """The task, once it has ended."""
    async with db.connection(pool) as conn, asyncio.timeout(60):
        while not (found := await tasks.get(conn, task.id)).ended:
            await asyncio.sleep(0.02)
        return found


async def status_of(pool: db.Pool, task: Task) -> str:
    async with db.connection(pool) as conn:
        return (await tasks.get(conn, task.id)).status


def stored(settings: Settings) -> list[Path]:
    return [path for path in (settings.data_dir / "files").rglob("*.mp4") if ".partial" not in path.parts]


# Engines -----------------------------------------------------------------------------------------------------------


async def test_whatever_an_engine_does_its_task_ends_and_is_refunded(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    expected = {
        "no file": "output_rejected",
        "a folder": "output_rejected",
        "timed out": "timeout",
        "disk full": "render_failed",
        "no memory": "render_failed",
        "loud": "render_failed",
    }
    made = {prompt: await bought(pool, alice, prompt) for prompt in [*expected, "fine", "strange plan"]}
    async with at_work(settings, tmp_path, Odd()):
        found = {prompt: await over(pool, task) for prompt, task in made.items()}
    for prompt, code in expected.items():
        assert (found[prompt].status, found[prompt].error_code) == ("failed", code), prompt
        assert "/" not in (found[prompt].error_message or ""), "no path is shown"
        assert found[prompt].tries == 1
    assert [found[prompt].status for prompt in ("fine", "strange plan")] == ["succeeded"] * 2
    assert found["fine"].progress == 1
    assert len(stored(settings)) == 2
    assert list((tmp_path / "scratch").rglob("*")) == []
    async with db.connection(pool) as conn:
        assert await ledger.balance(conn, alice.account_id) == Balance(1000 - 2 * 16, 0)
        assert await conn.fetchval("SELECT count(*) FROM pgqueuer") == 0


async def test_a_passing_fault_is_tried_again_later_and_later(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    task = await bought(pool, alice, "later")
    waits = []
    waiting = (
        "SELECT extract(epoch FROM execute_after - updated) FROM pgqueuer WHERE status = 'queued' AND attempts = $1"
    )
    async with at_work(settings, tmp_path, Broken()) as worker, db.connection(pool) as conn:
        for tried in (1, 2):
            await until(lambda tried=tried: _there(conn, waiting, tried))
            waits.append(round(float(await conn.fetchval(waiting, tried))))
            assert await status_of(pool, task) == "processing"
            await conn.execute("UPDATE pgqueuer SET execute_after = now()")
            worker.runtime.wake()
        found = await over(pool, task)
    assert waits == [2, 4]
    assert (found.status, found.error_code, found.tries) == ("failed", "render_failed", 3)
    assert found.error_message == "The engine is busy"


async def _there(conn: db.Connection, query: str, *args: Any) -> bool:
    return await conn.fetchval(query, *args) is not None


async def test_the_next_engine_of_a_model_takes_over(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    both = MODEL.model_copy(update={"engines": ("broken", "clip")})
    alone = MODEL.model_copy(update={"engines": ("other",)})
    task = await bought(pool, alice, "refuse", model=both)
    nobodys = await bought(pool, alice, model=alone)
    hers = await bought(pool, alice, "refuse", model=MODEL.model_copy(update={"engines": ("broken", "other")}))
    async with at_work(settings, tmp_path, broken=Broken(), clip=Clip()):
        assert (await over(pool, task)).engine == "clip"
        assert (await over(pool, hers)).error_code == "render_failed"
        assert await status_of(pool, nobodys) == "queued"
    async with db.connection(pool) as conn:
        [depth] = await queue.depths(conn)
        assert (depth.lane, depth.waiting, depth.claimed) == ("render:other", 1, 0)


async def test_a_render_may_take_so_long(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    gate, task = Gate(), await bought(pool, alice)
    async with at_work(settings.model_copy(update={"render_timeout_s": 0.3}), tmp_path, gate):
        found = await over(pool, task)
    assert (found.status, found.error_code, found.tries) == ("failed", "timeout", 1)
    assert (gate.inside, gate.cancelled) == (0, 1)


# Customers ---------------------------------------------------------------------------------------------------------


async def test_cancelling_stops_the_render_and_refunds_at_once(
    pool: db.Pool, api: httpx2.AsyncClient, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    gate = Gate()
    async with at_work(settings, tmp_path, gate):
        accepted = (await api.post(GENERATIONS, json=BODY, headers=alice.auth)).json()
        await until(lambda: gate.inside == 1)
        answer = await api.post(f"{GENERATIONS}/{accepted['requestId']}/cancel", headers=alice.auth)
        assert answer.json()["status"] == "cancelled"
        balance = (await api.get("/api/open/v1/balance", headers=alice.auth)).json()
        assert (balance["creditsAvailable"], balance["creditsHeld"]) == (1000, 0)
        await until(lambda: gate.cancelled == 1, timeout_s=20)
        gate.open.set()
        # The place is free again: the next task runs, and the cancelled one left nothing behind.
        after = (await api.post(GENERATIONS, json=BODY, headers=alice.auth)).json()
        assert (await ended(api, alice, after["requestId"]))["status"] == "succeeded"
    assert len(stored(settings)) == 1
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT count(*) FROM pgqueuer") == 0


async def test_a_file_that_comes_too_late_is_deleted(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    """The task is cancelled between the storing of its file and its success."""
    gate, task = Gate(), await bought(pool, alice)
    async with at_work(settings, tmp_path, gate):
        await until(lambda: gate.inside == 1)
        async with db.transaction(pool) as conn:
            # Whoever would end the task now must wait for this transaction.
            await conn.execute("SELECT FROM tasks WHERE id = $1 FOR UPDATE", task.id)
            gate.open.set()
            await until(lambda: len(stored(settings)) == 1)
            await tasks.cancel(conn, task)
        await until(lambda: stored(settings) == [])
    async with db.connection(pool) as conn:
        found = await tasks.get(conn, task.id)
        assert (found.status, found.output_key) == ("cancelled", None)
        assert await conn.fetchval("SELECT count(*) FROM files") == 0
        assert await conn.fetchval("SELECT count(*) FROM pgqueuer") == 0


async def test_progress_is_seen_and_never_falls(
    api: httpx2.AsyncClient, alice: Person, settings: Settings, tmp_path: Path
) -> None:
    gate = Gate()
    async with at_work(settings, tmp_path, gate):
        task_id = (await api.post(GENERATIONS, json=BODY, headers=alice.auth)).json()["requestId"]

        async def shown() -> str:
            return (await api.get(f"{GENERATIONS}/{task_id}", headers=alice.auth)).headers["x-task-progress"]

        assert await shown() == "0.000"
        await until(lambda: gate.progress is not None)
        assert gate.progress is not None
        gate.progress(0.25)
        await until(lambda: _is(shown(), "0.250"))
        gate.progress(0.1)
        gate.progress(0.5)
        await until(lambda: _is(shown(), "0.500"))
        gate.open.set()
        await ended(api, alice, task_id)
        assert await shown() == "1.000"


async def _is(told: Any, expected: str) -> bool:
    return bool(await told == expected)


# Many at once --------------------------------------------------------------------------------------------------------


async def test_so_many_renders_at_a_time_and_no_more(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    gate = Gate()
    made = [await bought(pool, alice, f"n{number}") for number in range(8)]
    async with at_work(settings.model_copy(update={"concurrency": 3}), tmp_path, gate), db.connection(pool) as conn:
        await until(lambda: gate.inside == 3)
        await until(lambda: _running(conn, 3))
        [depth] = await queue.depths(conn)
        assert (depth.waiting, depth.claimed) == (5, 3), "what it cannot render it leaves to others"
        assert sorted(gate.begun) == ["n0", "n1", "n2"]
        gate.open.set()
        for task in made:
            assert (await over(pool, task)).status == "succeeded"
    assert gate.most == 3
    assert sorted(gate.begun) == [f"n{number}" for number in range(8)]


async def _running(conn: db.Connection, count: int) -> bool:
    return any(len(row["running"]) == count for row in await queue.workers(conn, within_s=30))


async def test_two_workers_share_and_do_nothing_twice(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    one, two = Gate(), Gate()
    made = [await bought(pool, alice, f"n{number}") for number in range(10)]
    async with at_work(settings, tmp_path / "1", one), at_work(settings, tmp_path / "2", two):
        await until(lambda: (one.inside, two.inside) == (1, 1))
        one.open.set()
        two.open.set()
        for task in made:
            found = await over(pool, task)
            assert (found.status, found.attempt) == ("succeeded", 1)
    assert sorted(one.begun + two.begun) == sorted(f"n{number}" for number in range(10))


# Losing and ending ---------------------------------------------------------------------------------------------------


async def test_a_worker_that_lost_its_claim_stops_and_publishes_nothing(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    gate, task = Gate(), await bought(pool, alice)
    async with at_work(settings, tmp_path, gate), db.connection(pool) as conn:
        await until(lambda: gate.inside == 1)
        thief = uuid4()
        async with conn.transaction():
            await conn.execute("UPDATE pgqueuer SET heartbeat = now() - interval '1 hour'")
            [job] = await queue.claim(conn, thief, [LANE], at_most=1, lease_s=1)
            second = await tasks.start(conn, task.id, attempts_max=3)
        assert second is not None
        assert second.attempt == 2
        await until(lambda: gate.cancelled == 1)
        async with conn.transaction():
            assert await tasks.succeed(conn, task.id, 2, output_of(task.id, 2)) is not None
            assert await queue.done(conn, thief, job)
        gate.open.set()
    assert stored(settings) == []
    async with db.connection(pool) as conn:
        assert (await tasks.get(conn, task.id)).output_key == output_of(task.id, 2).video.key


async def test_a_stopped_worker_hands_its_render_over_and_it_does_not_count(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    task = await bought(pool, alice)
    hasty = settings.model_copy(update={"drain_s": 0.0, "attempts_max": 1})
    for attempt in (1, 2):
        gate = Gate()
        async with at_work(hasty, tmp_path, gate):
            await until(lambda gate=gate: gate.inside == 1)
        assert (gate.inside, gate.cancelled) == (0, 1)
        async with db.connection(pool) as conn:
            found = await tasks.get(conn, task.id)
            assert (found.status, found.attempt, found.tries) == ("processing", attempt, 0)
            assert await queue.workers(conn, within_s=3600) == [], "it has signed out"
    async with at_work(hasty, tmp_path, Clip()):
        found = await over(pool, task)
    assert (found.status, found.attempt, found.tries) == ("succeeded", 3, 1)


async def test_a_stopped_worker_lets_its_render_end(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    gate = Gate()
    running, waiting = await bought(pool, alice), await bought(pool, alice)
    async with at_work(settings.model_copy(update={"drain_s": 60.0}), tmp_path, gate) as worker:
        await until(lambda: gate.inside == 1)
        worker.stop()
        await asyncio.sleep(0)
        gate.open.set()
    assert await status_of(pool, running) == "succeeded"
    assert await status_of(pool, waiting) == "queued"


async def test_jobs_without_work_are_cleared_away(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    async with db.transaction(pool) as conn:
        for status in ("succeeded", "failed", "cancelled"):
            task = await in_state(conn, alice, status)  # type: ignore[arg-type]
            await conn.execute("DELETE FROM pgqueuer")
            await queue.enqueue(conn, LANE, task.id)
        await queue.enqueue(conn, LANE, "req_unknown")
    gate = Gate()
    async with at_work(settings, tmp_path, gate), db.connection(pool) as conn:
        await until(lambda: _empty(conn))
    assert gate.begun == []


async def _empty(conn: db.Connection) -> bool:
    return not await conn.fetchval("SELECT count(*) FROM pgqueuer")


async def test_a_render_outlives_its_connections(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    """Every connection of the worker is cut, at each stage; the render goes on and its task succeeds once."""
    gate, made = Gate(), [await bought(pool, alice) for _ in range(2)]
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'test worker' AND datname = current_database()"
    )
    async with at_work(settings, tmp_path, gate), db.connection(pool) as conn:
        await until(lambda: gate.inside == 1)
        assert len(await conn.fetch(cut)) > 0
        gate.open.set()
        await conn.fetch(cut)
        for task in made:
            found = await over(pool, task)
            assert (found.status, found.attempt) == ("succeeded", 1)
    assert len(stored(settings)) == 2


# What is seen --------------------------------------------------------------------------------------------------------


async def test_what_a_worker_does_is_counted(pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path) -> None:
    before = telemetry.worker_metrics()
    async with at_work(settings, tmp_path, Odd()), db.connection(pool) as conn:
        for prompt in ("fine", "fine", "no memory"):
            await over(pool, await bought(pool, alice, prompt))
        assert [row["engines"] for row in await queue.workers(conn, within_s=30)] == [["previz"]]
    after = telemetry.worker_metrics()

    def grown(name: str, **labels: str) -> float:
        return (value(after, name, **labels) or 0) - (value(before, name, **labels) or 0)

    assert grown("seedbed_tasks_ended_total", engine="previz", status="succeeded", code="") == 2
    assert grown("seedbed_tasks_ended_total", engine="", status="failed", code="render_failed") == 1
    assert grown("seedbed_render_duration_seconds_count", engine="previz") == 3
    assert grown("seedbed_task_wait_seconds_count") == 3
    assert grown("seedbed_credits_captured_total") == 32
    assert grown("seedbed_credits_released_total") == 16
    assert value(after, "seedbed_renders_running") == 0


async def test_readiness_follows_the_worker(api: httpx2.AsyncClient, settings: Settings, tmp_path: Path) -> None:
    async def ready() -> int:
        return (await api.get("/readyz")).status_code

    assert await ready() == 503
    async with at_work(settings, tmp_path, Clip()):
        async with asyncio.timeout(60):
            while await ready() != 200:
                await asyncio.sleep(0.05)
    answer = await api.get("/readyz")
    assert answer.status_code == 503
    assert "seedbed worker" in answer.json()["checks"]["worker"]


async def test_old_things_are_swept(pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path) -> None:
    async with db.connection(pool) as conn:
        await conn.execute(
            """
            INSERT INTO idempotency_keys (account_id, endpoint, key, fingerprint, status, body, created_at)
            SELECT $1, 'e', k, '', 200, '', now() - k::interval FROM unnest(ARRAY['23 hours', '25 hours']) AS k
            """,
            alice.account_id,
        )
        async with at_work(settings, tmp_path, Clip()):
            await until(lambda: _left(conn, 1))
        assert await conn.fetchval("SELECT key FROM idempotency_keys") == "23 hours"


async def _left(conn: db.Connection, count: int) -> bool:
    return bool(await conn.fetchval("SELECT count(*) FROM idempotency_keys") == count)


# Real processes ------------------------------------------------------------------------------------------------------


def environment(settings: Settings, engine: str) -> dict[str, str]:
    return os.environ | {
        "SEEDBED_DATABASE_URL": settings.database_url or "",
        "SEEDBED_DATA_DIR": str(settings.data_dir),
        "SEEDBED_ENGINES": f"previz=tests.engines_for_tests:{engine}",
        "SEEDBED_LOG_FORMAT": "json",
    }


async def test_a_task_that_kills_its_workers_is_given_up(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    task = await bought(pool, alice)
    patient = {"SEEDBED_ATTEMPTS_MAX": "2"}
    for attempt in (1, 2):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "seedbed", "worker", cwd=ROOT, env=environment(settings, "Deadly") | patient
        )
        assert await asyncio.wait_for(process.wait(), 60) == 9
        async with db.connection(pool) as conn:
            found = await tasks.get(conn, task.id)
            assert (found.status, found.attempt, found.tries) == ("processing", attempt, attempt)
            await conn.execute("UPDATE pgqueuer SET heartbeat = now() - interval '1 hour'")
    gate = Gate()
    async with at_work(settings.model_copy(update={"attempts_max": 2}), tmp_path, gate):
        found = await over(pool, task)
    assert (found.status, found.error_code, gate.begun) == ("failed", "worker_lost", [])


async def test_the_workers_log_carries_the_requests_id(
    api: httpx2.AsyncClient, alice: Person, settings: Settings
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "seedbed", "worker"],
        cwd=ROOT,
        env=environment(settings, "Broken"),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        made = {}
        for word in ("good", "crash"):
            body = BODY | {"prompt": word}
            answer = await api.post(GENERATIONS, json=body, headers=alice.auth | {"X-Request-Id": f"trace-{word}"})
            assert answer.headers["x-request-id"] == f"trace-{word}"
            made[word] = answer.json()["requestId"]
        for task_id in made.values():
            await ended(api, alice, task_id)
    finally:
        process.terminate()
        _, text = process.communicate(timeout=60)
    assert process.returncode == 0
    lines = [json.loads(line) for line in text.splitlines()]
    for word, event in (("good", "task ended"), ("crash", "the engine broke"), ("crash", "task ended")):
        [line] = [one for one in lines if one["event"] == event and one.get("task") == made[word]]
        assert (line["request_id"], line["attempt"]) == (f"trace-{word}", 1)
    for line in lines:
        assert (line.get("task") in made.values()) == ("request_id" in line), line


def test_an_engine_that_cannot_run_is_told_at_the_start(settings: Settings) -> None:
    unusable = {
        "previz=tests.engines_for_tests:Nothing": "has no 'Nothing'",
        "previz=no.such.module:X": "needs a package that is not installed: no",
        "nothing": "unknown engine 'nothing'; known are previz",
    }
    for wanted, words in unusable.items():
        with pytest.raises(EngineError) as refused:
            engines.offered(wanted)
        assert words in refused.value.message
    done = subprocess.run(
        [sys.executable, "-m", "seedbed", "worker"],
        cwd=ROOT,
        env=environment(settings, "Clip") | {"SEEDBED_ENGINES": "nothing"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "seedbed: SEEDBED_ENGINES: unknown engine 'nothing'; known are previz\n"
