"""A task, watched: server-sent events of its states and progress, until it ends.

    event: progress   data: {"status", "state", "progress"}     at once, and with each change
    event: ended      data: {"status", "state"}                 the last one
    event: gone                                                 removed, or no longer the reader's

A stream looks at the database, so neither a worker's end nor this process's matters to it: the browser comes back by
itself. It ends after WATCH_S, and at once where the session has ended; a member has WATCHED_MAX at a time.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse

from seedbed import db, signin, tasks
from seedbed.console._door import Visit
from seedbed.console._shown import STATES
from seedbed.errors import NotFound, RateLimited
from seedbed.protocol import ENDLESS
from seedbed.tasks import Task

WATCH_S = 300.0
WATCHED_MAX = 12
LOOK_S = 0.7
QUIET_S = 15.0
"""After so long without a change a comment keeps the connection alive, and the session is looked at."""

BACK_MS = 1_500
"""When a browser comes back whose stream has ended."""

_watching: Counter[int] = Counter()
"""Streams by account, in this process."""


async def events(visit: Visit) -> Response:
    """The events of a task of the member's."""
    account_id = visit.member.account_id
    async with db.connection(visit.runtime.pool) as conn:
        task = await tasks.get_own(conn, visit.request.path_params["id"], account_id=account_id)
    if _watching[account_id] >= WATCHED_MAX:
        raise RateLimited(f"{WATCHED_MAX} tasks are being watched already", retry_after_s=5)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if visit.request.method == "HEAD":
        return Response(None, headers=headers, media_type="text/event-stream")
    visit.request.scope["state"][ENDLESS] = True
    return StreamingResponse(_counted(visit, task), headers=headers, media_type="text/event-stream")


async def _counted(visit: Visit, task: Task) -> AsyncIterator[str]:
    account_id = visit.member.account_id
    _watching[account_id] += 1
    try:
        async for event in _events(visit, task):
            yield event
    finally:
        _watching[account_id] -= 1
        if not _watching[account_id]:
            del _watching[account_id]


async def _events(visit: Visit, task: Task) -> AsyncIterator[str]:
    clock = asyncio.get_running_loop().time
    until, spoke, told = clock() + WATCH_S, clock(), ""
    yield f"retry: {BACK_MS}\n\n"
    while True:
        event = _event(visit, task)
        if event != told:
            yield event
            told, spoke = event, clock()
        if task.ended or clock() >= until:
            return
        await asyncio.sleep(LOOK_S)
        try:
            if clock() - spoke >= QUIET_S:
                if not await _signed_in(visit):
                    return
                yield ": still here\n\n"
                spoke = clock()
            async with db.connection(visit.runtime.pool) as conn:
                task = await tasks.get_own(conn, task.id, account_id=visit.member.account_id)
        except NotFound:
            yield "event: gone\ndata: {}\n\n"
            return
        except db.UNAVAILABLE:
            continue


def _event(visit: Visit, task: Task) -> str:
    told: dict[str, object] = {"status": task.status, "state": visit.say(STATES[task.status])}
    if not task.ended:
        told["progress"] = round(task.progress, 3)
    return f"event: {'ended' if task.ended else 'progress'}\ndata: {json.dumps(told)}\n\n"


async def _signed_in(visit: Visit) -> bool:
    async with db.connection(visit.runtime.pool) as conn:
        return await signin.find_session(conn, visit.token, address=visit.address, agent=visit.agent) is not None
