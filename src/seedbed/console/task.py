"""A task's page: what was asked for, what came of it, what it cost; cancel and remove."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from seedbed import accounts, db, tasks, views, webhooks
from seedbed.console._door import Visit
from seedbed.console._shown import STATES, media_of
from seedbed.console._wishes import ROLES
from seedbed.console.create import new_token, own, result_of
from seedbed.errors import InvalidRequest
from seedbed.tasks import Task
from seedbed.web import redirect

DELIVERIES_MAX = 20

APIS = {
    "open": "Open API",
    "studio": "Studio API",
    "ark": "Ark API",
    "openai": "OpenAI Videos API",
    "mcp": "MCP",
}
"""Where a task came from, by its dialect; all others come from the console."""


async def task_page(visit: Visit) -> Response:
    """Everything about a task."""
    return await _page(visit, await own(visit, visit.request.path_params["id"]))


async def cancel(visit: Visit) -> Response:
    """End a task that has not ended, and give its credits back."""
    task = await own(visit, visit.request.path_params["id"])
    try:
        async with db.transaction(visit.runtime.pool) as conn:
            await tasks.cancel(conn, task)
    except InvalidRequest as error:
        return await _page(visit, await own(visit, task.id), status=400, notice=visit.say(error.message))
    visit.runtime.wake()
    return redirect(f"/tasks/{task.id}?done=cancelled")


async def remove(visit: Visit) -> Response:
    """Take an ended task away, with its files."""
    task = await own(visit, visit.request.path_params["id"])
    try:
        async with db.transaction(visit.runtime.pool) as conn:
            await tasks.remove(conn, task)
    except InvalidRequest as error:
        return await _page(visit, task, status=400, notice=visit.say(error.message))
    return redirect("/library?done=removed")


async def _page(visit: Visit, task: Task, *, status: int = 200, notice: str | None = None) -> Response:
    async with db.connection(visit.runtime.pool) as conn:
        history = await tasks.events(conn, task.id)
        deliveries = await webhooks.list_deliveries(conn, task_id=task.id, limit=DELIVERIES_MAX)
        keys = await accounts.list_keys(conn, visit.member.account_id) if task.key_id else []
    key = next((each for each in keys if each.id == task.key_id), None)
    return await visit.page(
        "task.html",
        status=status,
        notice=notice,
        token=new_token(),
        source=visit.say("Console") if task.dialect == "console" else APIS.get(task.dialect, task.dialect),
        key=key,
        history=[_entry(visit, row) for row in history],
        deliveries=deliveries,
        media=media_of(visit, task),
        roles=ROLES,
        plan=views.understood(task.plan or {}),
        **result_of(visit, task),
    )


def _entry(visit: Visit, row: Any) -> dict[str, Any]:
    return {
        "at": row["at"],
        "state": visit.say(STATES[row["status"]]),
        "status": row["status"],
        "attempt": row["attempt"],
    }
