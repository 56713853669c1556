"""Tasks: what customers ask for, from acceptance to its one end.

Owns `tasks` and `task_events`. A task moves only through `_move`, which is one conditional
UPDATE with its event; when it finds no row, somebody else was first and nothing is written. `attempt` is
the fencing token: each start raises it, and whatever a worker writes must name the attempt it started.

    queued ──▶ processing ──▶ succeeded        capture
       │            ├───────▶ failed           release
       └────────────┴───────▶ cancelled        release

The end of a task, the resolution of its hold, its output, its callback and the end of its queue job are
one transaction. Functions take a connection and never commit. Nothing here knows how a task looks on the
wire, nor how a callback is sent: a job with (task id, status) is enqueued and the worker does the rest.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, cast, get_args

import orjson

from seedbed import catalogue, files, ledger, limits, queue
from seedbed.accounts import BASE62, Caller
from seedbed.catalogue import Model
from seedbed.db import Connection, Record
from seedbed.engines import Channel, Kind, Mode, Quality, Role
from seedbed.errors import TASK_FAILURES, InvalidRequest, NotFound, QueueFull, TaskFailure
from seedbed.files import StoredFile

Status = Literal["queued", "processing", "succeeded", "failed", "cancelled"]
STATUSES: tuple[Status, ...] = get_args(Status)
TERMINAL: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled"})

COMES_FROM: dict[Status, tuple[Status, ...]] = {
    "queued": (),
    "processing": ("queued", "processing"),
    "succeeded": ("processing",),
    "failed": ("queued", "processing"),
    "cancelled": ("queued", "processing"),
}
"""The table of transitions: which states a state may be entered from. A restart re-enters `processing`."""

ID_CHARS = 22
"""Random base62 characters of a task id: 131 bits."""

MESSAGE_CHARS_MAX = 1_000
"""What a task keeps of a failure's message: a webhook must stay small, whatever an engine says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRef:
    """A medium that the request points to. `kind` is None where the URL's name does not tell.

    `field` is what the dialect calls it. Where `only` says what it may be, its role is what was asked for;
    else number and kinds decide, once the bytes are there. `together_s` is the most that all media of its kind
    may last together, in seconds.
    """

    url: str
    role: Role
    kind: Kind | None = None
    field: str | None = None
    only: tuple[Kind, ...] | None = None
    together_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRequest:
    """What a dialect asks for, checked against the catalogue. `metadata` is JSON text, given back as it came.

    `aspect_ratio` may be `catalogue.ADAPTIVE`: the worker then takes that of the first picture or video.
    `last_frame` asks for the video's last frame as a picture too. For 5 s of 720p that costs a third of a
    second of processor time and a third of the video's size, so only dialects whose answers show it ask.
    `previews` asks for a thumbnail and a sheet of frames: 0.8 s of processor time, and 0.2 MB.
    `callback_always` has the webhook told of every state, not of the end alone. `echo` is what the dialect will
    say again of its request, as plain JSON. A task that has not ended `expires_s` seconds after it was accepted
    fails as `expired`. `priority` (0 to 9, higher first) orders the account's own waiting tasks; see `turns`.
    """

    id_prefix: str
    dialect: str
    model: Model
    mode: Mode
    prompt: str
    aspect_ratio: str
    resolution: str
    duration_s: int
    trace_id: str
    media: tuple[MediaRef, ...] = ()
    seed: int | None = None
    audio: bool = True
    fixed_lens: bool = False
    last_frame: bool = False
    previews: bool = False
    channel: Channel = "standard"
    metadata: str | None = None
    webhook_url: str | None = None
    callback_always: bool = False
    echo: dict[str, Any] = field(default_factory=dict)
    expires_s: int | None = None
    priority: int = 0

    @property
    def price_credits(self) -> int:
        return catalogue.price(self.model, self.mode, self.resolution, self.duration_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task as it stands in the database.

    `last_frame` and `previews` say which pictures of it are wanted; `width` and `height`, in pixels, `input_s`, the
    seconds of video that it was made from, and the keys of its files are there once it has succeeded.
    """

    seq: int
    id: str
    dialect: str
    account_id: int
    key_id: int | None
    trace_id: str
    status: Status
    attempt: int
    tries: int
    progress: float
    model: str
    mode: Mode
    prompt: str
    aspect_ratio: str
    resolution: str
    duration_s: int
    seed: int
    media: tuple[MediaRef, ...]
    audio: bool
    fixed_lens: bool
    last_frame: bool
    previews: bool
    quality: Quality
    channel: Channel
    metadata: str | None
    webhook_url: str | None
    callback_always: bool
    echo: dict[str, Any]
    priority: int
    expires_at: datetime | None
    price_credits: int
    engine: str | None
    plan: dict[str, Any] | None
    width: int | None
    height: int | None
    input_s: float | None
    output_key: str | None
    last_frame_key: str | None
    thumbnail_key: str | None
    spritesheet_key: str | None
    error_code: str | None
    error_message: str | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    deleted_at: datetime | None

    @property
    def ended(self) -> bool:
        return self.status in TERMINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What an attempt has made: a video of `width` by `height` pixels, and the pictures of it that were wanted.

    `input_s` is how many seconds of video the request's media had.
    """

    video: StoredFile
    width: int
    height: int
    engine: str
    plan: dict[str, Any] = field(default_factory=dict)
    input_s: float = 0
    last_frame: StoredFile | None = None
    thumbnail: StoredFile | None = None
    spritesheet: StoredFile | None = None

    @property
    def files(self) -> list[StoredFile]:
        pictures = (self.last_frame, self.thumbnail, self.spritesheet)
        return [self.video, *(picture for picture in pictures if picture is not None)]


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt in a worker's hands, with the share done, 0 … 1."""

    task_id: str
    attempt: int
    progress: float


# The customer's side -----------------------------------------------------------------------------------


async def create(conn: Connection, caller: Caller, request: TaskRequest, *, queued_max: int) -> Task:
    """Accept a task: hold its credits, write it down and queue it, all in the caller's transaction.

    Raises InsufficientCredits, QuotaSpent (the key's month), QueueFull (`queued_max` tasks of the
    account wait already).
    """
    task_id = request.id_prefix + "".join(secrets.choice(BASE62) for _ in range(ID_CHARS))
    if caller.key_id is not None and caller.monthly is not None:
        await limits.take_month(conn, caller.key_id, caller.monthly)
    row = await conn.fetchrow(_CREATE, *_columns(task_id, caller, request))
    assert row is not None
    if row["span"] >= queued_max:
        await _check_room(conn, caller.account_id, queued_max)
    await queue.enqueue(conn, queue.render_lane(request.model.engines), task_id, priority=-row["turn"], unique=task_id)
    # Last, because it locks the account's row until the commit: an account's submissions queue up behind it.
    await ledger.hold(conn, caller.account_id, task_id, request.price_credits)
    task = of_row(row)
    if task.callback_always:
        await _callback(conn, task)
    return task


# Fairness is start-time fair queueing: a task's turn comes after the turn of the account's last waiting
# task, or else is that of whoever is at the front; but an account that has just had that turn gets the
# next one, or those who always have one task waiting would hold the front for ever. So accounts alternate,
# however many tasks each has.
_CREATE = """
    WITH mine AS (
        SELECT max(turn) AS last, min(turn) AS first FROM tasks WHERE account_id = $3 AND status = 'queued'
    ), front AS (
        SELECT min(turn) AS turn FROM tasks WHERE status = 'queued'
    ), made AS (
        INSERT INTO tasks (id, dialect, account_id, key_id, trace_id, model, mode, prompt, aspect_ratio,
                           resolution, duration_s, seed, media, audio, fixed_lens, quality, metadata,
                           webhook_url, callback_always, price_credits, last_frame, channel,
                           echo, expires_at, priority, previews, turn)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
               $23, now() + make_interval(secs => $24), $25, $26,
               coalesce(mine.last + 1, front.turn + (front.turn IS NOT DISTINCT FROM (
                   SELECT turn FROM tasks WHERE account_id = $3 AND started_at IS NOT NULL
                   ORDER BY started_at DESC LIMIT 1))::int, 0)
        FROM mine, front
        RETURNING *
    ), noted AS (
        INSERT INTO task_events (task_id, status, attempt) SELECT id, status, attempt FROM made
    )
    SELECT made.*, made.turn - coalesce(mine.first, made.turn) AS span FROM made, mine
"""


def _columns(task_id: str, caller: Caller, request: TaskRequest) -> tuple[Any, ...]:
    seed = secrets.randbelow(2**32) if request.seed in (None, -1) else request.seed
    media = [asdict(medium) for medium in request.media]
    return (
        task_id,
        request.dialect,
        caller.account_id,
        caller.key_id,
        request.trace_id,
        request.model.id,
        request.mode,
        request.prompt,
        request.aspect_ratio,
        request.resolution,
        request.duration_s,
        seed,
        orjson.dumps(media).decode(),
        request.audio,
        request.fixed_lens,
        request.model.quality,
        request.metadata,
        request.webhook_url or caller.webhook_url,
        request.callback_always,
        request.price_credits,
        request.last_frame,
        request.channel,
        orjson.dumps(request.echo).decode(),
        request.expires_s,
        request.priority,
        request.previews,
    )


async def _check_room(conn: Connection, account_id: int, queued_max: int) -> None:
    """Turns of an account's waiting tasks are near consecutive, so they are counted only near the limit."""
    waiting = await conn.fetchval("SELECT count(*) FROM tasks WHERE account_id = $1 AND status = 'queued'", account_id)
    if waiting > queued_max:
        raise QueueFull(
            f"{queued_max} tasks of this account are waiting already; try again when some have run", retry_after_s=30
        )


async def get(conn: Connection, task_id: str) -> Task:
    """A task, whoever owns it. Raises NotFound."""
    row = await conn.fetchrow("SELECT * FROM tasks WHERE id = $1", task_id)
    if row is None:
        raise NotFound("No such task")
    return of_row(row)


async def get_own(
    conn: Connection,
    task_id: str,
    *,
    dialect: str | None = None,
    key_id: int | None = None,
    account_id: int | None = None,
    lock: bool = False,
) -> Task:
    """A key's own task of a dialect (None: of any), or an account's; with `lock` it moves no further until the commit.

    Raises NotFound, the same for an unknown one and another's.
    """
    row = None
    if "\x00" not in task_id:  # which PostgreSQL's text cannot hold
        row = await conn.fetchrow(
            "SELECT * FROM tasks WHERE id = $1 AND ($2::text IS NULL OR dialect = $2)"
            f" AND (key_id = $3 OR account_id = $4) AND deleted_at IS NULL{' FOR UPDATE' if lock else ''}",
            task_id,
            dialect,
            key_id,
            account_id,
        )
    if row is None:
        raise NotFound("Task not found")
    return of_row(row)


async def cancel(conn: Connection, task: Task) -> Task:
    """End a task that has not ended, and refund it; on a cancelled one this changes nothing.

    Raises InvalidRequest for one that succeeded or failed. Its worker learns of it from `watch`.
    """
    moved = await _move(conn, task.id, "cancelled")
    if moved is None:
        now = await get(conn, task.id)
        if now.status == "cancelled":
            return now
        raise InvalidRequest(f"The task has {now.status} already and cannot be cancelled")
    await queue.drop(conn, task.id)
    await _settle(conn, moved)
    return moved


async def remove(conn: Connection, task: Task) -> None:
    """Take an ended task from its owner's sight, with its files, whose links end now. Ledger and events stay.

    Raises InvalidRequest for one that has not ended. Removing it again changes nothing.
    """
    gone = await conn.fetchval(
        "UPDATE tasks SET deleted_at = coalesce(deleted_at, now()) WHERE id = $1 AND status = ANY ($2) RETURNING id",
        task.id,
        list(TERMINAL),
    )
    if gone is None:
        raise InvalidRequest("The task has not ended; cancel it first")
    await files.remove_all(conn, task.id)


async def events(conn: Connection, task_id: str) -> list[Record]:
    """A task's history: at, status, attempt, detail (JSON text)."""
    return await conn.fetch(
        "SELECT at, status, attempt, detail FROM task_events WHERE task_id = $1 ORDER BY id", task_id
    )


# The worker's side -------------------------------------------------------------------------------------


async def start(conn: Connection, task_id: str, *, attempts_max: int) -> Task | None:
    """Begin the next attempt. None: there is nothing to render, because the task has ended.

    A task whose time is over ends here, as `failed` with the code `expired`; one whose earlier attempts were
    all lost, with the code `worker_lost`.
    """
    if await expire(conn, task_id):
        return None
    moved = await _move(conn, task_id, "processing", tries_max=attempts_max)
    if moved is None:
        await fail(
            conn,
            task_id,
            TaskFailure("worker_lost", f"The render was lost {attempts_max} times; it is not tried again"),
        )
    elif moved.callback_always:
        await _callback(conn, moved)
    return moved


async def watch(conn: Connection, runs: Sequence[Run]) -> set[str]:
    """Note the progress of a worker's runs. Returns the ids that are still theirs: the rest must stop."""
    rows = await conn.fetch(
        """
        WITH runs AS (SELECT * FROM unnest($1::text[], $2::int[], $3::real[]) AS r (id, attempt, progress)),
        moved AS (
            UPDATE tasks t SET progress = r.progress, updated_at = now() FROM runs r
            WHERE t.id = r.id AND t.status = 'processing' AND t.attempt = r.attempt AND t.progress < r.progress
        )
        SELECT t.id FROM tasks t JOIN runs r ON r.id = t.id
        WHERE t.status = 'processing' AND t.attempt = r.attempt
        """,
        [run.task_id for run in runs],
        [run.attempt for run in runs],
        [run.progress for run in runs],
    )
    return {row[0] for row in rows}


async def succeed(conn: Connection, task_id: str, attempt: int, output: Output) -> Task | None:
    """End a task well: publish its output and take its credits. None: this attempt is no longer the task's."""
    moved = await _move(conn, task_id, "succeeded", attempt=attempt, output=output)
    if moved is not None:
        await files.publish(conn, task_id, output.files)
        await _settle(conn, moved)
    return moved


async def fail(conn: Connection, task_id: str, failure: TaskFailure, *, attempt: int | None = None) -> Task | None:
    """End a task badly and refund it. None: it has ended already, or this attempt is no longer the task's."""
    moved = await _move(conn, task_id, "failed", attempt=attempt, failure=failure)
    if moved is not None:
        await _settle(conn, moved)
    return moved


async def overdue(conn: Connection, *, at_most: int = 100) -> list[str]:
    """Ids of tasks whose time is over and that have not ended: `expire` each, in a transaction of its own."""
    rows = await conn.fetch(
        "SELECT id FROM tasks WHERE status IN ('queued', 'processing') AND expires_at <= now() "
        "ORDER BY expires_at LIMIT $1",
        at_most,
    )
    return [row[0] for row in rows]


async def expire(conn: Connection, task_id: str) -> Task | None:
    """End a task whose time is over, as `failed` with the code `expired`. None: it is not, or the task has ended."""
    over = await conn.fetchval("SELECT expires_at <= now() FROM tasks WHERE id = $1", task_id)
    moved = await fail(conn, task_id, TaskFailure("expired", TASK_FAILURES["expired"])) if over else None
    if moved is not None:
        await queue.drop(conn, task_id)
    return moved


async def hand_back(conn: Connection, task_id: str, attempt: int) -> bool:
    """An attempt that a draining worker gave up does not count against the task's tries."""
    found = await conn.fetchval(
        """
        UPDATE tasks SET tries = tries - 1, progress = 0, updated_at = now()
        WHERE id = $1 AND status = 'processing' AND attempt = $2 RETURNING id
        """,
        task_id,
        attempt,
    )
    return found is not None


# The one way a task moves --------------------------------------------------------------------------------


async def _move(
    conn: Connection,
    task_id: str,
    to: Status,
    *,
    attempt: int | None = None,
    tries_max: int | None = None,
    output: Output | None = None,
    failure: TaskFailure | None = None,
) -> Task | None:
    """Enter the state `to` and note it. None when the task is elsewhere, or at another attempt or try."""
    row = await conn.fetchrow(
        _MOVE,
        task_id,
        to,
        COMES_FROM[to],
        attempt,
        tries_max,
        failure.code if failure else None,
        _sayable(failure) if failure else None,
        *(_output_columns(output) if output else [None] * 9),
    )
    return None if row is None else of_row(row)


def _output_columns(output: Output) -> list[Any]:
    plan = orjson.dumps(output.plan).decode()
    pictures = (output.last_frame, output.thumbnail, output.spritesheet)
    keys = [picture.key if picture else None for picture in pictures]
    return [output.video.key, output.engine, plan, output.width, output.height, output.input_s, *keys]


def _sayable(failure: TaskFailure) -> str:
    """A failure's message as it can be kept and sent: no control characters, no halves of pairs, not long."""
    message = "".join(c if c.isprintable() else " " for c in failure.message[:MESSAGE_CHARS_MAX])
    return message.strip() or TASK_FAILURES[failure.code]


_MOVE = """
    WITH moved AS (
        UPDATE tasks SET
            status = $2::task_status,
            attempt = attempt + ($2::task_status = 'processing')::int,
            tries = tries + ($2::task_status = 'processing')::int,
            progress = CASE $2::task_status WHEN 'processing' THEN 0 WHEN 'succeeded' THEN 1 ELSE progress END,
            started_at = CASE $2::task_status WHEN 'processing' THEN coalesce(started_at, now()) ELSE started_at END,
            finished_at = CASE WHEN $2::task_status <> 'processing' THEN now() END,
            updated_at = now(),
            error_code = $6, error_message = $7,
            output_key = $8, engine = $9, plan = $10, width = $11, height = $12, input_s = $13,
            last_frame_key = $14, thumbnail_key = $15, spritesheet_key = $16
        WHERE id = $1 AND status = ANY ($3::task_status[])
          AND ($4::int IS NULL OR attempt = $4) AND ($5::int IS NULL OR tries < $5)
        RETURNING *
    ), noted AS (
        INSERT INTO task_events (task_id, status, attempt, detail)
        SELECT id, status, attempt, CASE WHEN $6::text IS NOT NULL THEN
            jsonb_build_object('code', $6::text, 'message', $7::text) END
        FROM moved
    ), opened AS (
        INSERT INTO open_attempts (task_id, attempt) SELECT id, attempt FROM moved WHERE status = 'processing'
    ), published AS (
        DELETE FROM open_attempts o USING moved m
        WHERE m.status = 'succeeded' AND o.task_id = m.id AND o.attempt = m.attempt
    )
    SELECT * FROM moved
"""


async def _settle(conn: Connection, task: Task) -> None:
    """What every end brings: the hold is resolved, and the callback queued."""
    if task.status == "succeeded":
        await ledger.capture(conn, task.id)
    else:
        await ledger.release(conn, task.id)
    await _callback(conn, task)


async def _callback(conn: Connection, task: Task) -> None:
    if task.webhook_url is not None:
        job = f"{task.id} {task.status}"
        await queue.enqueue(conn, queue.CALLBACK, job, unique=None if task.status == "processing" else job)


_FIELDS = tuple(name for name in Task.__dataclass_fields__ if name not in ("media", "plan", "mode", "echo"))


def of_row(row: Record) -> Task:
    """The task of a whole row of `tasks`."""
    values: dict[str, Any] = {name: row[name] for name in _FIELDS}
    media: Iterable[dict[str, Any]] = orjson.loads(row["media"])
    return Task(
        **values,
        mode=cast(Mode, row["mode"]),
        media=tuple(MediaRef(**item | {"only": item.get("only") and tuple(item["only"])}) for item in media),
        plan=None if row["plan"] is None else orjson.loads(row["plan"]),
        echo=orjson.loads(row["echo"]),
    )
