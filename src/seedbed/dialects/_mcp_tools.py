"""The tools of the MCP dialect. Each is a declaration and one function; errors are told to the agent, who mends them.

A tool's function takes who calls and the checked arguments, and returns what its output schema says. What it
raises becomes a result that is marked as an error, with words that say what to change; nothing of ours shows.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
from mcp_types import Tool, ToolAnnotations

from seedbed import db, ledger, library, protocol, tasks, telemetry
from seedbed.accounts import Caller
from seedbed.catalogue import Catalogue, Model
from seedbed.db import Connection
from seedbed.dialects import _http, _json, _mcp_shapes, _media, _upload
from seedbed.dialects._http import instant
from seedbed.dialects._json import choice
from seedbed.dialects._mcp_shapes import NAME, Arguments, Asked, Listed, Named, Sent, Submission, Waited
from seedbed.dialects._openapi import Json
from seedbed.errors import (
    ApiError,
    IdempotencyConflict,
    InsufficientCredits,
    InternalError,
    InvalidRequest,
    NotFound,
    RateLimited,
    ServiceBusy,
)
from seedbed.idempotency import Answer
from seedbed.intake import Desk
from seedbed.runtime import Runtime
from seedbed.tasks import Status, Task, TaskRequest
from seedbed.telemetry import log
from seedbed.uploads import Upload
from seedbed.wanted import Wanted

ID_PREFIX = "mcp_"
POLL_S, POLL_S_MAX = 0.25, 1.5
WAITS_MAX, WAITS_OF_ACCOUNT_MAX = 500, 50
"""Waits at a time in one process, and of one account; each is an open connection and a look a second."""

VIDEO_URI = "seedbed://videos/{task_id}/video.mp4"

STOPPING = "This server is stopping; the video goes on being made. Call wait_for_video again in a few seconds."
"""The note of a wait that was cut short."""

Report = Callable[[float, str], Awaitable[None]]
"""Tells the client of progress: the share done, 0 … 1, and a word for people."""


@dataclass(slots=True)
class Waits:
    """Who is waiting in this process."""

    by_account: Counter[int] = field(default_factory=Counter)

    @contextlib.contextmanager
    def one(self, account_id: int) -> Iterator[None]:
        """A place for one wait. Raises RateLimited, ServiceBusy."""
        if self.by_account[account_id] >= WAITS_OF_ACCOUNT_MAX:
            raise RateLimited(
                f"{WAITS_OF_ACCOUNT_MAX} waits of this account are open already; use get_video meanwhile",
                retry_after_s=5,
            )
        if self.by_account.total() >= WAITS_MAX:
            raise ServiceBusy("Too many are waiting at the same time; use get_video meanwhile", retry_after_s=5)
        self.by_account[account_id] += 1
        try:
            yield
        finally:
            self.by_account[account_id] -= 1
            if not self.by_account[account_id]:
                del self.by_account[account_id]


@dataclass(frozen=True, slots=True)
class Visit:
    """One request: who calls, and what the process holds. `blobs` is the turn of whoever reads a file whole.

    `state` is that of the request's scope.
    """

    caller: Caller
    runtime: Runtime
    desk: Desk
    waits: Waits
    blobs: asyncio.Semaphore
    state: dict[str, Any]

    @property
    def trace_id(self) -> str:
        found: str = self.state["trace_id"]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A tool as declared. `act` returns what `gives` describes."""

    name: str
    title: str
    says: str
    takes: type[Arguments] = Arguments
    gives: Json
    act: Callable[[Visit, Any, Report], Awaitable[Json]]
    read_only: bool = True
    destructive: bool = False
    idempotent: bool = True
    open_world: bool = False

    def told(self, catalogue: Catalogue) -> Tool:
        """The tool as MCP lists it."""
        return Tool(
            name=self.name,
            title=self.title,
            description=self.says,
            input_schema=_mcp_shapes.input_schema(self.takes, catalogue),
            output_schema=self.gives,
            annotations=ToolAnnotations(
                title=self.title,
                read_only_hint=self.read_only,
                destructive_hint=self.destructive,
                idempotent_hint=self.idempotent,
                open_world_hint=self.open_world,
            ),
        )


# What is asked -----------------------------------------------------------------------------------------------


def parse(asked: Asked, visit: Visit) -> TaskRequest:
    """A request checked against the catalogue. Raises InvalidRequest that names the argument and its choices."""
    _json.check_prompt(asked.prompt)
    runtime = visit.runtime
    model = _model(asked.model, runtime.catalogue)
    media = _media.refs("media_urls", asked.media_urls, model, runtime)
    mode = _media.mode_of("media_urls", media, model)
    choice("aspect_ratio", asked.aspect_ratio, model.aspect_ratios)
    choice("duration", asked.duration, model.durations_s)
    choice("resolution", asked.resolution, model.resolutions(mode))
    return TaskRequest(
        id_prefix=ID_PREFIX,
        dialect=NAME,
        model=model,
        mode=mode,
        prompt=asked.prompt,
        aspect_ratio=asked.aspect_ratio,
        resolution=asked.resolution,
        duration_s=asked.duration,
        trace_id=visit.trace_id,
        media=media,
        seed=asked.seed,
        audio=asked.audio,
        last_frame=True,
    )


def _model(name: str | None, catalogue: Catalogue) -> Model:
    sold = {model.id: model for model in catalogue.sold_by(NAME)}
    if not sold:
        raise InvalidRequest("This server sells no model to agents; its operator can, in the catalogue")
    found: Model = next(iter(sold.values())) if name is None else sold[choice("model", name, tuple(sold))]
    return found


# What the tools do ---------------------------------------------------------------------------------------------


async def list_models(visit: Visit, _: Arguments, __: Report) -> Json:
    return _mcp_shapes.models_body(visit.runtime.catalogue)


async def quote(visit: Visit, asked: Asked, _: Report) -> Json:
    wanted = parse(asked, visit)
    usd = wanted.price_credits / visit.runtime.catalogue.credits_per_usd
    return {"model": wanted.model.id, "credits": wanted.price_credits, "usd": round(usd, 4)}


async def generate(visit: Visit, asked: Submission, _: Report) -> Json:
    wanted = parse(asked, visit)
    body = _json.canonical(asked.model_dump(exclude={"idempotency_key"}, exclude_none=True))
    act = _http.creating(visit.runtime, visit.caller, wanted, _accepted)
    done, replayed = await _http.carry_out(
        visit.runtime, visit.caller, "MCP generate_video", asked.idempotency_key, body, act
    )
    if not replayed:
        _http.count(wanted)
    return cast(Json, orjson.loads(done.body))


def _accepted(task: Task) -> Answer:
    return Answer(200, orjson.dumps({"task_id": task.id, "status": task.status, "credits": task.price_credits}))


async def wait(visit: Visit, asked: Waited, report: Report) -> Json:
    end, nap_s, told = time.monotonic() + asked.timeout_s, POLL_S, -1.0
    stopping = protocol.stopping(visit.state)
    with visit.waits.one(visit.caller.account_id):
        while True:
            task = await own(visit, asked.task_id)
            if task.progress > told:  # which may fall, when a render begins anew; what is told must rise
                told = task.progress
                await report(told, task.status)
            left_s = end - time.monotonic()
            if task.ended or left_s <= 0:
                return _video(visit, task)
            if stopping.is_set():
                return _video(visit, task) | {"notes": [STOPPING]}
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(nap_s, left_s)):
                    await stopping.wait()
            nap_s = min(nap_s * 1.3, POLL_S_MAX)


async def get(visit: Visit, asked: Named, _: Report) -> Json:
    return _video(visit, await own(visit, asked.task_id))


async def cancel(visit: Visit, asked: Named, _: Report) -> Json:
    async with db.transaction(visit.runtime.pool) as conn:
        task = await tasks.cancel(conn, await _own(conn, visit, asked.task_id))
    visit.runtime.wake()
    return _video(visit, task)


async def list_videos(visit: Visit, asked: Listed, _: Report) -> Json:
    if asked.status is not None:
        choice("status", asked.status, tasks.STATUSES)
    found, more = await page(visit, asked.limit, asked.after, cast(Status | None, asked.status))
    link = visit.runtime.storage.link
    return {"videos": [_mcp_shapes.short_body(task, task.status, link) for task in found], "has_more": more}


async def balance(visit: Visit, _: Arguments, __: Report) -> Json:
    async with db.connection(visit.runtime.pool) as conn:
        found = await ledger.balance(conn, visit.caller.account_id)
    return {"credits_available": found.available, "credits_held": found.held}


async def upload(visit: Visit, asked: Sent, _: Report) -> Json:
    try:
        content = base64.b64decode("".join(asked.data.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest("'data' must be base64 of the file's bytes", field="data") from None
    async with _upload.folder_of(visit.desk) as folder:
        path = folder / "body"
        await asyncio.to_thread(path.write_bytes, content)
        kept = await visit.desk.take(visit.caller.account_id, path, None, folder)
    telemetry.UPLOADED.labels(kept.kind).inc()
    return upload_body(visit.runtime, kept)


def upload_body(runtime: Runtime, kept: Upload) -> Json:
    return {
        "url": _upload.address(runtime, kept),
        "kind": kept.kind,
        "size_bytes": kept.size_bytes,
        "expires_at": instant(kept.expires_at),
    }


async def own(visit: Visit, task_id: str) -> Task:
    """A task of the caller's account that was made through MCP. Raises NotFound."""
    async with db.connection(visit.runtime.pool) as conn:
        return await _own(conn, visit, task_id)


async def _own(conn: Connection, visit: Visit, task_id: str) -> Task:
    try:
        return await tasks.get_own(conn, task_id, dialect=NAME, account_id=visit.caller.account_id)
    except NotFound:
        raise NotFound("This account has no such video; list_videos tells which it has") from None


async def page(visit: Visit, limit: int, after: str | None, status: Status | None) -> tuple[list[Task], bool]:
    """Such tasks, newest first, and whether there are more. Raises NotFound for an unknown `after`."""
    async with db.connection(visit.runtime.pool) as conn:
        wanted = Wanted(dialect=NAME, account_id=visit.caller.account_id, status=status)
        found = await library.browse(conn, wanted, limit=limit, after=after)
    return found.tasks, found.last is not None


def _video(visit: Visit, task: Task) -> Json:
    return _mcp_shapes.video_body(task, task.status, visit.runtime.storage.link)


OFFERS: tuple[Offer, ...] = (
    Offer(
        name="list_models",
        title="List video models",
        says="Every model that can make a video here: lengths, ratios, resolutions, and credits for a second of video.",
        gives=_mcp_shapes.MODELS,
        act=list_models,
    ),
    Offer(
        name="quote_video",
        title="Ask what a video would cost",
        says="What generate_video would charge for the same arguments. Checks them and buys nothing.",
        takes=Asked,
        gives=_mcp_shapes.PRICE,
        act=quote,
    ),
    Offer(
        name="generate_video",
        title="Make a video",
        says="Start making a video from a prompt, and pictures, clips or sounds. Charges credits, which are given back "
        "if the video is not made. Returns at once with a task_id: call wait_for_video with it next. Give an "
        "idempotency_key, so that a repeated call does not buy a second video.",
        takes=Submission,
        gives=_mcp_shapes.ACCEPTED,
        act=generate,
        read_only=False,
        idempotent=False,
        open_world=True,
    ),
    Offer(
        name="wait_for_video",
        title="Wait for a video",
        says="Wait until a video is made, failed or was cancelled, but no longer than timeout_s, and tell its state. "
        "While `ended` is false, call it again. Reports progress to clients that ask for it.",
        takes=Waited,
        gives=_mcp_shapes.VIDEO,
        act=wait,
    ),
    Offer(
        name="get_video",
        title="Look at a video",
        says="A video's state right now, with its address once it is made.",
        takes=Named,
        gives=_mcp_shapes.VIDEO,
        act=get,
    ),
    Offer(
        name="cancel_video",
        title="Cancel a video",
        says="Stop making a video that has not ended, and get its credits back.",
        takes=Named,
        gives=_mcp_shapes.VIDEO,
        act=cancel,
        read_only=False,
        destructive=True,
    ),
    Offer(
        name="list_videos",
        title="List videos",
        says="The account's videos that were made by agents, newest first. Long prompts are cut.",
        takes=Listed,
        gives=_mcp_shapes.VIDEOS,
        act=list_videos,
    ),
    Offer(
        name="get_balance",
        title="Look at the balance",
        says="Credits to spend, and credits held by videos that are being made.",
        gives=_mcp_shapes.BALANCE,
        act=balance,
    ),
    Offer(
        name="upload_media",
        title="Upload a picture, clip or sound",
        says="Keep a small file (about 700 kB) for 7 days, at an address that media_urls takes. For a larger one, post "
        "its bytes to /mcp/files of this server with the same key.",
        takes=Sent,
        gives=_mcp_shapes.UPLOAD,
        act=upload,
        read_only=False,
        idempotent=False,
    ),
)
BY_NAME = {offer.name: offer for offer in OFFERS}


# How they are called -----------------------------------------------------------------------------------------


async def call(offer: Offer, arguments: dict[str, Any], visit: Visit, report: Report) -> Json:
    """The result that the tool comes to, as MCP has it, or an error that its agent can read. Raises nothing."""
    try:
        given = {name: value for name, value in arguments.items() if value is not None}
        return told(await offer.act(visit, _checked(offer, given), report))
    except ApiError as error:
        return refusal(error)
    except db.UNAVAILABLE as error:
        log.warning("the database is away", error=repr(error))
        return refusal(ServiceBusy(retry_after_s=_http.BUSY_RETRY_S))
    except Exception:
        log.exception("a tool failed", tool=offer.name, request_id=visit.trace_id)
        return refusal(InternalError())


def _checked(offer: Offer, given: dict[str, Any]) -> Arguments:
    """What the tool takes. Raises InvalidRequest, which for an unknown argument names those that there are."""
    known = offer.takes.model_fields
    for name in given:
        if name not in known:
            wrong = f"{_json.shown(name)} is not an argument of {offer.name}, which takes {', '.join(known) or 'none'}"
            raise InvalidRequest(wrong, field=name)
    return _json.check(offer.takes, given)


def told(body: Json) -> Json:
    """The structure, the same as text for agents that read no structures, and a link to the file where there is one."""
    content: list[Json] = [{"type": "text", "text": orjson.dumps(body).decode()}]
    if body.get("video"):
        uri = VIDEO_URI.format(task_id=body["task_id"])
        content.append({"type": "resource_link", "uri": uri, "name": f"{body['task_id']}.mp4", "mimeType": "video/mp4"})
    return {"content": content, "isError": False, "structuredContent": body}


def refusal(error: ApiError) -> Json:
    """An error as a result: words for the agent, and the same for programs in `_meta`."""
    message = error.message
    if isinstance(error, IdempotencyConflict):
        message = message.replace("This Idempotency-Key", "This 'idempotency_key'").replace("body", "request")
    told: Json = {"code": error.code, "message": message}
    if isinstance(error, InsufficientCredits):
        told |= {"required": error.required, "available": error.available}
    if error.retry_after_s is not None:
        told["retry_after_s"] = error.retry_after_s
    content = [{"type": "text", "text": f"{error.code}: {message}"}]
    return {"_meta": {"seedbed/error": told}, "content": content, "isError": True}
