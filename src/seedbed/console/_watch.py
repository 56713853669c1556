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
from starlette.types import Receive, Scope, Send

from seedbed import db, signin, tasks
from seedbed.console._door import Visit
from seedbed.console._shown import STATES
from seedbed.errors import NotFound, RateLimited
from seedbed.protocol import ENDLESS
from seedbed.tasks import Task

EVENTS = "text/event-stream"
WATCH_S = 300.0
WATCHED_MAX = 12
LOOK_S = 0.7
QUIET_S = 15.0
"""After so long without a change a comment keeps the connection alive."""

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
        return Response(None, headers=headers, media_type=EVENTS)
    visit.request.scope["state"][ENDLESS] = True
    return _Counted(account_id, StreamingResponse(_events(visit, task), headers=headers, media_type=EVENTS))


class _Counted(Response):
    """A stream that counts from the moment when it is granted, so that many at once are no more than allowed."""

    def __init__(self, account_id: int, stream: StreamingResponse) -> None:
        self._account_id, self._stream = account_id, stream
        self.raw_headers = stream.raw_headers
        _watching[account_id] += 1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._stream(scope, receive, send)
        finally:
            _watching[self._account_id] -= 1
            if not _watching[self._account_id]:
                del _watching[self._account_id]


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
            async with db.connection(visit.runtime.pool) as conn:
                if not await signin.find_session(conn, visit.token, address=visit.address, agent=visit.agent):
                    return
                task = await tasks.get_own(conn, task.id, account_id=visit.member.account_id)
            if clock() - spoke >= QUIET_S:
                yield ": still here\n\n"
                spoke = clock()
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
