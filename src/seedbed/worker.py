"""The worker: claims jobs, has tasks rendered and callbacks delivered, ends tasks, sweeps.

    claim ─▶ start ─▶ engine ─▶ proof ─▶ storage ─▶ succeed      each arrow may be the last: the job's
                                                                lease then runs out, somebody claims it
                                                                again, and the attempt's number fences
                                                                off whatever this process still writes
Loops, each of which survives the database's absence by itself: listen (wake-up notices), claim, beat (keep
the lease), watch (progress out, cancellations in), sign (be seen), expire (end what is overdue), sweep
(forget what is old).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import structlog

from seedbed import courier, db, queue, renders, sweeps, tasks, telemetry, turns
from seedbed.engines import Engine, EngineError
from seedbed.errors import TaskFailure
from seedbed.outbound import PublicClient
from seedbed.queue import Job
from seedbed.renders import Renderer
from seedbed.runtime import Runtime
from seedbed.scratch import Scratch
from seedbed.storage import StorageError
from seedbed.tasks import Output, Run, Status, Task
from seedbed.telemetry import log

WATCH_S = 0.4
SIGN_S = 2.0
SWEEP_S = 60.0
EXPIRE_S = 1.0
RETRY_S = 2.0
"""Seconds before a render that failed for a passing reason is tried again; doubled each time."""

CLAIM_MAX = 64
"""Jobs taken by one look."""

NAP_S_MAX = 2.0
LISTEN_S = 5.0
"""How often the listening connection is tried: one that a network has forgotten says nothing by itself."""


@dataclass(slots=True, eq=False)
class _Render:
    """One attempt in progress."""

    job: Job
    task: Task
    progress: float = 0.0
    made: bool = False
    lost: bool = False
    work: asyncio.Task[Any] | None = None

    @property
    def run(self) -> Run:
        return Run(self.task.id, self.task.attempt, self.progress)

    def note(self, share: float) -> None:
        self.progress = max(self.progress, min(share, 1.0))

    def lose(self) -> None:
        """The task is no longer ours: stop, and write nothing. Said twice, it does not stop the tidying up."""
        if not self.lost and self.work is not None:
            self.work.cancel()
        self.lost = True


@dataclass(slots=True, eq=False)
class _Places:
    """Room for one kind of work: the lanes that bring it, how many at a time, and what is done with a job."""

    lanes: list[str]
    at_once: int
    work: Callable[[Job], Coroutine[Any, Any, None]]
    taken: int = 0
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def free(self) -> int:
        return min(self.at_once - self.taken, CLAIM_MAX)


@dataclass(slots=True)
class Worker:
    """One worker process. `run` works until `stop` is called, then drains and returns."""

    runtime: Runtime
    engines: dict[str, Engine]
    scratch: Scratch
    client: PublicClient
    id: UUID = field(default_factory=uuid4)
    _renderer: Renderer = field(init=False)
    _renders: dict[int, _Render] = field(default_factory=dict)
    _jobs: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _held: dict[int, Job] = field(default_factory=dict)
    _places: list[_Places] = field(default_factory=list)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)
    _draining: bool = False
    _beaten_at: float = 0.0

    def __post_init__(self) -> None:
        self._renderer = Renderer(self.runtime, self.engines, self.scratch, self.client)

    # Life ----------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Claim nothing more and end once the work in hand is finished or handed back."""
        self._stopping.set()
        self._wake()

    def _wake(self) -> None:
        for places in self._places:
            places.woken.set()

    async def run(self) -> None:
        """Work until `stop`, then drain. The database may be away at any time, also at the start."""
        settings = self.runtime.settings
        self._places = [
            _Places(self._lanes(), settings.concurrency, self._render),
            _Places([queue.CALLBACK], settings.webhook_concurrency, self._deliver),
        ]
        self._beaten_at = time.monotonic()
        loops = [
            asyncio.create_task(self._forever(step.__name__, step, until=self._ended))
            for step in (self._listen, self._beat, self._watch, self._sign, self._expire, self._sweep)
        ]
        try:
            await asyncio.gather(*(self._claiming(places) for places in self._places))
            await self._drain()
        finally:
            # A cancellation may be lost: where a broken connection is let go, its error takes its place.
            self._ended.set()
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
            await self._sign_out()

    async def _claiming(self, places: _Places) -> None:
        """Claim until we stop."""
        await self._forever("_claim", partial(self._claim, places), until=self._stopping)

    async def _forever(self, name: str, step: Callable[[], Awaitable[None]], *, until: asyncio.Event) -> None:
        """Repeat `step`; while the database is away, try again after growing naps."""
        nap_s = 0.1
        while not until.is_set():
            try:
                await step()
            except db.UNAVAILABLE as error:
                log.warning("the database is away", loop=name, error=repr(error))
            except Exception:
                # A worker whose beats have stopped must not look alive: it goes on trying, and says so.
                log.exception("a loop broke", loop=name)
            else:
                nap_s = 0.1
                continue
            await asyncio.sleep(nap_s)
            nap_s = min(nap_s * 2, NAP_S_MAX)

    async def _drain(self) -> None:
        """Let running work end within `drain_s`; what has not is handed back for another worker."""
        if self._jobs:
            log.info("draining", jobs=len(self._jobs))
            await asyncio.wait(self._jobs.values(), timeout=self.runtime.settings.drain_s)
        self._draining = True
        for work in list(self._jobs.values()):
            work.cancel()
        if self._jobs:
            await asyncio.wait(self._jobs.values(), timeout=10)
        with contextlib.suppress(*db.UNAVAILABLE):
            async with db.connection(self.runtime.pool) as conn:
                await queue.wake(conn)

    async def _sign_out(self) -> None:
        with contextlib.suppress(*db.UNAVAILABLE):
            async with db.connection(self.runtime.pool) as conn:
                await queue.sign_out(conn, self.id)

    # Loops ---------------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        """Hear wake-up notices on a connection of its own, until it breaks."""
        async with db.connection(self.runtime.pool) as conn, queue.listening(conn, self._wake):
            self._wake()
            while not conn.is_closed():
                await asyncio.sleep(LISTEN_S)
                await conn.execute("SELECT")
        raise ConnectionError("the listening connection was closed")

    async def _claim(self, places: _Places) -> None:
        """Take as many jobs as there is room for; when none came, wait for a notice or the next look."""
        places.woken.clear()
        settings, claimed = self.runtime.settings, 0
        if places.free:
            async with db.connection(self.runtime.pool) as conn:
                jobs = await queue.claim(conn, self.id, places.lanes, at_most=places.free, lease_s=settings.lease_s)
            claimed = len(jobs)
            for job in jobs:
                # Our own job comes again when its beat was late: it is being done already.
                if job.id not in self._held:
                    self._held[job.id] = job
                    places.taken += 1
                    self._jobs[job.id] = asyncio.create_task(self._work(job, places))
        if not claimed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(places.woken.wait(), settings.poll_s)

    def _lanes(self, waiting: Iterable[str] = ()) -> list[str]:
        """The render lanes that our engines serve: the catalogue's, and those that tasks wait in anyway."""
        known = {queue.render_lane(model.engines) for model in self.runtime.catalogue.model} | set(waiting)
        return [lane for lane in known if any(name in self.engines for name in queue.lane_engines(lane))]

    async def _beat(self) -> None:
        """Keep the leases. A render whose job another worker has by now is lost.

        So is one that goes on while the database could not be told of it for a whole lease: another worker
        may have it. What is made already waits: its attempt's number decides.
        """
        lease_s, began, held = self.runtime.settings.lease_s, time.monotonic(), set(self._held)
        try:
            if held:
                # A network that swallows everything must not keep us from seeing how long it has been.
                async with asyncio.timeout(lease_s / 4), db.connection(self.runtime.pool, lease_s / 4) as conn:
                    kept = await queue.beat(conn, self.id, held)
                self._lose(held - kept, "another worker has claimed it")
        except db.UNAVAILABLE:
            if time.monotonic() - self._beaten_at > lease_s:
                unmade = {job for job, render in self._renders.items() if not render.made}
                self._lose(unmade, "no beat has reached the database for a lease")
            raise
        self._beaten_at = began
        await asyncio.sleep(lease_s / 5)

    def _lose(self, jobs: set[int], reason: str) -> None:
        for job in jobs & self._renders.keys():
            render = self._renders[job]
            if render.lost:
                continue
            log.warning("render lost", task=render.task.id, attempt=render.task.attempt, reason=reason)
            render.lose()

    async def _watch(self) -> None:
        """Send progress, and stop what was cancelled or claimed by another."""
        await asyncio.sleep(WATCH_S)
        renders = [render for render in self._renders.values() if not render.lost]
        if not renders:
            return
        async with db.connection(self.runtime.pool) as conn:
            ours = await tasks.watch(conn, [render.run for render in renders])
        for render in renders:
            if render.task.id not in ours and render.job.id in self._renders:
                log.info("render stopped: the task has ended", task=render.task.id)
                render.lose()

    async def _sign(self) -> None:
        """Be seen by `/readyz` and `/metrics`."""
        running = [render.task.id for render in self._renders.values()]
        async with db.connection(self.runtime.pool) as conn:
            await queue.sign_in(conn, self.id, os.getpid(), list(self.engines), self.runtime.settings.concurrency)
            await queue.seen(conn, self.id, running, telemetry.worker_metrics())
        await asyncio.sleep(SIGN_S)

    async def _expire(self) -> None:
        """End tasks whose time is over."""
        await sweeps.expire(self.runtime)
        await asyncio.sleep(EXPIRE_S)

    async def _sweep(self) -> None:
        """Forget what is old."""
        # A catalogue that changed its engines leaves tasks behind in lanes that it no longer names.
        self._places[0].lanes = self._lanes(await sweeps.forget_old(self.runtime))
        self._renderer.tidy()
        await sweeps.tell_low_balances(self.runtime)
        await sweeps.clear_storage(self.runtime, self._renderer)
        await asyncio.sleep(SWEEP_S)

    # One job -------------------------------------------------------------------------------------------------

    async def _work(self, job: Job, places: _Places) -> None:
        """Do one job. Whatever goes wrong ends here: the lease runs out and the job is claimed again."""
        structlog.contextvars.clear_contextvars()
        try:
            await places.work(job)
        except asyncio.CancelledError:
            if self._draining:
                await self._give_back(job)
        except db.UNAVAILABLE as error:
            log.warning("a job was left to its lease", lane=job.lane, payload=job.payload, error=repr(error))
        except Exception:
            log.exception("a job broke", lane=job.lane, payload=job.payload)
        finally:
            self._renders.pop(job.id, None)
            self._held.pop(job.id, None)
            self._jobs.pop(job.id, None)
            places.taken -= 1
            places.woken.set()
            telemetry.RUNNING.set(len(self._renders))

    async def _give_back(self, job: Job) -> None:
        """Hand a job to whoever comes next; an unfinished attempt does not count."""
        render = self._renders.get(job.id)
        with contextlib.suppress(*db.UNAVAILABLE, StorageError):
            async with db.transaction(self.runtime.pool) as conn:
                ours = await queue.give_back(conn, self.id, job)
                if ours and render is not None:
                    await tasks.hand_back(conn, render.task.id, render.task.attempt)
            if ours and render is not None:
                await self._renderer.discard(render.task.id, render.task.attempt)

    # Renders -------------------------------------------------------------------------------------------------

    async def _start(self, job: Job) -> _Render | None:
        """Begin an attempt. None: the task has ended, or the job is another worker's by now."""
        render = None
        try:
            async with db.transaction(self.runtime.pool) as conn:
                # A claim of long ago may be another's now, whose running attempt must not be taken over.
                if not await queue.beat(conn, self.id, [job.id]):
                    return None
                task_id = await turns.first_in_line(conn, job)
                task = await tasks.start(conn, task_id, attempts_max=self.runtime.settings.attempts_max)
                if task is None:
                    await queue.done(conn, self.id, job)
                else:
                    render = _Render(job, task, work=asyncio.current_task())
        finally:
            # Also when we are stopped in mid-commit: the attempt, begun or not, is then handed back.
            if render is not None:
                self._renders[job.id] = render
        return render

    async def _render(self, job: Job) -> None:
        render = await self._start(job)
        if render is None:
            return
        task = render.task
        telemetry.RUNNING.set(len(self._renders))
        structlog.contextvars.bind_contextvars(request_id=task.trace_id, task=task.id, attempt=task.attempt)
        if task.attempt == 1 and task.started_at is not None:
            telemetry.WAIT_SECONDS.observe((task.started_at - task.created_at).total_seconds())
        try:
            await self._attempt(render)
        except asyncio.CancelledError:
            if not render.lost:
                raise
            telemetry.LOST.inc()
            await self._let_go(render)

    async def _attempt(self, render: _Render) -> None:
        """Render, prove, store, and end the task one way or the other."""
        task = render.task
        try:
            output = await self._renderer.make(task, queue.lane_engines(render.job.lane), render.note)
        except EngineError as error:
            if error.retryable and task.tries < self.runtime.settings.attempts_max:
                await self._again(render, error)
                return
            await self._end(render, TaskFailure("render_failed", error.message))
        except TaskFailure as failure:
            await self._end(render, failure)
        except StorageError as error:
            log.error("the output could not be stored", error=str(error))
            await self._end(render, TaskFailure("storage_failed", "The video was made but could not be stored"))
        except db.UNAVAILABLE as error:
            if not isinstance(error, OSError):
                raise
            # A full or broken disk under the scratch folder is this machine's fault, not the task's.
            log.error("the scratch folder failed", error=repr(error))
            await self._end(render, TaskFailure("render_failed", "The worker ran out of room"))
        except Exception:
            log.exception("the engine broke")
            await self._end(render, TaskFailure("render_failed", "The engine failed unexpectedly"))
        else:
            await self._publish(render, output)

    # The end of an attempt -----------------------------------------------------------------------------------

    async def _publish(self, render: _Render, output: Output) -> None:
        """End the task well, unless it is somebody else's by now: then the stored file goes."""

        async def commit(conn: db.Connection) -> bool:
            moved = await tasks.succeed(conn, render.task.id, render.task.attempt, output)
            if moved is not None:
                await queue.done(conn, self.id, render.job)
            return moved is not None

        # When it is not done, the answer to an earlier COMMIT may have been lost: the task is ours and succeeded.
        if not await self._insist(render, commit) and not await self._let_go(render):
            return
        _tell("succeeded", output.engine, "")
        telemetry.CAPTURED.inc(render.task.price_credits)

    async def _end(self, render: _Render, failure: TaskFailure) -> None:
        async def commit(conn: db.Connection) -> bool:
            moved = await tasks.fail(conn, render.task.id, failure, attempt=render.task.attempt)
            if moved is not None:
                await queue.done(conn, self.id, render.job)
            return moved is not None

        if await self._insist(render, commit):
            _tell("failed", "", failure.code)
            telemetry.RELEASED.inc(render.task.price_credits)
        else:
            await self._let_go(render)

    async def _insist(self, render: _Render, commit: Callable[[db.Connection], Awaitable[bool]]) -> bool:
        """Commit the end of an attempt, again and again while the database is away."""
        render.made = True
        nap_s = 0.1
        while True:
            try:
                async with db.transaction(self.runtime.pool) as conn:
                    done = await commit(conn)
            except db.UNAVAILABLE as error:
                log.warning("the end of a render waits for the database", error=repr(error))
                await asyncio.sleep(nap_s)
                nap_s = min(nap_s * 2, NAP_S_MAX)
            else:
                if render.task.webhook_url is not None:
                    self.runtime.wake()
                return done

    async def _again(self, render: _Render, error: EngineError) -> None:
        """Try later: the job waits, and the next start is another attempt."""
        wait_s = RETRY_S * 2 ** (render.task.tries - 1)
        log.warning("the render is tried again", error=error.message, wait_s=wait_s)
        async with db.transaction(self.runtime.pool) as conn:
            await queue.give_back(conn, self.id, render.job, delay_s=wait_s)

    async def _let_go(self, render: _Render) -> bool:
        """Give up an attempt: delete what it stored, unless that is the task's output; then this is true.

        The job of a task that has ended goes too; one that is still ours is anybody's at once. A job that
        another worker has claimed is left alone.
        """

        async def commit(conn: db.Connection) -> bool:
            task = await tasks.get(conn, render.task.id)
            if task.ended:
                await queue.done(conn, self.id, render.job)
            else:
                await queue.give_back(conn, self.id, render.job)
            return task.output_key == renders.video_key(render.task)

        ours = await self._insist(render, commit)
        if not ours:
            with contextlib.suppress(StorageError):
                await self._renderer.discard(render.task.id, render.task.attempt)
        return ours

    # Callbacks -----------------------------------------------------------------------------------------------

    async def _deliver(self, job: Job) -> None:
        await courier.deliver(job, self.id, self.runtime, self.client)


def _tell(status: Status, engine: str, code: str) -> None:
    telemetry.ENDED.labels(engine, status, code).inc()
    log.info("task ended", status=status, engine=engine, code=code)
