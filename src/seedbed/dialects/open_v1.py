"""The Open API, `/api/open/v1`: Seedance's public API as its documents describe it.

Beside the documented routes: a quote, the balance, uploads, the list of a key's tasks, and what was understood
of a prompt, which the documented answers have no place for. Every answer under the
prefix has the shape `{"success": …}`, errors included.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from seedbed import db, ledger, library, tasks
from seedbed.accounts import Caller
from seedbed.catalogue import Catalogue
from seedbed.db import Connection
from seedbed.dialects import _http, _json, _media, _open_v1_schema, _upload
from seedbed.dialects._http import answer, instant, runtime_of
from seedbed.dialects._json import choice, whole
from seedbed.errors import ApiError, InsufficientCredits
from seedbed.idempotency import Answer
from seedbed.runtime import Runtime
from seedbed.tasks import Status, Task, TaskRequest
from seedbed.wanted import Wanted

NAME = "open"
PREFIX = "/api/open/v1"
ID_PREFIX = "req_"

PROMPT_CHARS_MAX = 10_000
MEDIA_MAX = 5
PAGE_DEFAULT, PAGE_MAX = 20, 100


class Generation(BaseModel):
    """A request for a video. What each model can do is told by `GET /models`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str = Field(description="Which model makes the video", examples=["seedance-2.0"])
    prompt: str = Field(
        description="What the video shows, in words",
        min_length=1,
        max_length=PROMPT_CHARS_MAX,
        examples=["A river flowing through an autumn forest, aerial view, cinematic motion"],
    )
    mediaUrls: list[str] = Field(
        default=[],
        description="Public https addresses of pictures, videos or sounds. One picture is the first frame, two "
        "are the first and the last; anything else is a reference.",
        min_length=1,
        max_length=MEDIA_MAX,
        examples=[["https://example.com/photo.jpg"]],
    )
    aspectRatio: str = Field(default="16:9", description="Width to height", examples=["16:9"])
    duration: Annotated[int, BeforeValidator(whole)] = Field(default=5, description="Length in seconds", examples=[5])
    resolution: str = Field(default="720p", description="Pixels of the short side", examples=["720p"])
    webhookUrl: str | None = Field(
        default=None,
        description="Where the result is posted; the key's own address by default",
        examples=["https://example.com/webhooks/seedance"],
    )
    metadata: dict[str, Any] | None = Field(
        default=None, description="Anything of yours; the status gives it back", examples=[{"projectId": "proj_1001"}]
    )


# What is sent ------------------------------------------------------------------------------------------------


def error_body(error: ApiError) -> dict[str, Any]:
    """An error in this dialect's shape; 402 also says `required` and `available` credits."""
    told: dict[str, Any] = {"code": error.code, "message": error.message}
    if isinstance(error, InsufficientCredits):
        told |= {"required": error.required, "available": error.available}
    return {"success": False, "error": told}


def callback_body(task: Task, status: Status, link: Callable[[str], str]) -> dict[str, Any]:
    """What the webhook says: the end of the status, without the request."""
    key = task.output_key if status == "succeeded" else None
    return {
        "success": True,
        "requestId": task.id,
        "status": status,
        "output": _output(link(key) if key else None),
        "error": _task_error(task),
    }


def _status_body(task: Task, runtime: Runtime) -> dict[str, Any]:
    body: dict[str, Any] = {
        "success": True,
        "requestId": task.id,
        "status": task.status,
        "model": task.model,
        "prompt": task.prompt,
        "duration": task.duration_s,
        "aspectRatio": task.aspect_ratio,
        "output": _output(runtime.storage.link(task.output_key) if task.output_key else None),
        "error": _task_error(task),
    }
    if task.metadata is not None:
        body["metadata"] = orjson.Fragment(task.metadata)
    return body


def _output(url: str | None) -> dict[str, str] | None:
    return None if url is None else {"type": "video", "url": url}


def _task_error(task: Task) -> dict[str, str | None] | None:
    return None if task.error_code is None else {"code": task.error_code, "message": task.error_message}


def _models_body(catalogue: Catalogue) -> dict[str, Any]:
    entries = [
        {
            "id": model.id,
            "type": "video_generation",
            "mode": mode,
            "durations": model.durations_s,
            "aspectRatios": model.aspect_ratios,
            "resolutions": model.resolutions(mode),
            "usdPerSecond": {
                resolution: _json_number(catalogue.usd_per_second(model, mode, resolution))
                for resolution in model.resolutions(mode)
            },
        }
        for model in catalogue.sold_by(NAME)
        for mode in model.modes
    ]
    return {"success": True, "data": entries}


def _json_number(amount: Decimal) -> float:
    """The shortest float of the exact amount: 0.05 is written 0.05."""
    return float(amount)


# What is asked -----------------------------------------------------------------------------------------------


def parse_generation(values: dict[str, Any], runtime: Runtime, trace_id: str) -> TaskRequest:
    """A request checked against the catalogue. Raises InvalidRequest that names the field and its choices."""
    asked = _json.check(Generation, values)
    _json.check_prompt(asked.prompt)
    sold = {model.id: model for model in runtime.catalogue.sold_by(NAME)}
    _http.check_sold(sold, f"{PREFIX}/video/generations")
    model = sold[choice("model", asked.model, tuple(sold))]
    media = _media.refs("mediaUrls", asked.mediaUrls, model, runtime)
    mode = _media.mode_of("mediaUrls", media, model)
    choice("aspectRatio", asked.aspectRatio, model.aspect_ratios)
    choice("duration", asked.duration, model.durations_s)
    choice("resolution", asked.resolution, model.resolutions(mode))
    webhook_url = asked.webhookUrl
    if webhook_url is not None:
        webhook_url = _media.receiver("webhookUrl", webhook_url, runtime)
    return TaskRequest(
        id_prefix=ID_PREFIX,
        dialect=NAME,
        model=model,
        mode=mode,
        prompt=asked.prompt,
        aspect_ratio=asked.aspectRatio,
        resolution=asked.resolution,
        duration_s=asked.duration,
        trace_id=trace_id,
        media=media,
        metadata=None if asked.metadata is None else _json.text(asked.metadata),
        webhook_url=webhook_url,
    )


# Routes ------------------------------------------------------------------------------------------------------


async def list_models(request: Request) -> Response:
    """Every model and mode with what it can do and what a second costs. Needs no key."""
    return answer(_models_body(runtime_of(request).catalogue))


async def create(request: Request) -> Response:
    """Accept a task. Its credits are charged now and given back if it fails or is cancelled."""
    caller = await _http.authenticate(request, "open")
    body = await _http.read_object(request)
    if (first := await _http.replayed(request, caller, body)) is not None:
        return first
    wanted = parse_generation(body.values, runtime_of(request), _http.trace_id(request))
    return await _http.accept(request, caller, body, wanted, _accepted)


def _accepted(task: Task) -> Answer:
    done = {"success": True, "requestId": task.id, "status": task.status, "creditsCharged": task.price_credits}
    return Answer(200, orjson.dumps(done))


async def quote(request: Request) -> Response:
    """What a task would cost. Takes the body of a submission and charges nothing."""
    await _http.authenticate(request, "open")
    body = await _http.read_object(request)
    wanted = parse_generation(body.values, runtime_of(request), _http.trace_id(request))
    return answer({"success": True, "creditsRequired": wanted.price_credits})


async def status(request: Request) -> Response:
    """A task of this key, with its output once it has succeeded."""
    caller = await _http.authenticate(request, "open")
    runtime = runtime_of(request)
    async with db.connection(runtime.pool) as conn:
        task = await _own(conn, request, caller)
    # The documented body has no place for it, and a progress bar needs it.
    return answer(_status_body(task, runtime), headers={"X-Task-Progress": f"{task.progress:.3f}"})


async def plan(request: Request) -> Response:
    """What was understood of the prompt; null until the video is there."""
    caller = await _http.authenticate(request, "open")
    async with db.connection(runtime_of(request).pool) as conn:
        task = await _own(conn, request, caller)
    return answer({"success": True, "requestId": task.id, "status": task.status, "promptPlan": task.plan})


async def cancel(request: Request) -> Response:
    """End a task that is queued or processing, and give its credits back."""
    caller = await _http.authenticate(request, "open")
    runtime = runtime_of(request)
    async with db.transaction(runtime.pool) as conn:
        task = await tasks.cancel(conn, await _own(conn, request, caller))
    runtime.wake()
    return answer({"success": True, "requestId": task.id, "status": task.status})


async def list_tasks(request: Request) -> Response:
    """This key's tasks, newest first."""
    caller = await _http.authenticate(request, "open")
    runtime, query = runtime_of(request), request.query_params
    limit = _http.query_number(query.get("limit"), "limit", default=PAGE_DEFAULT, most=PAGE_MAX)
    status = query.get("status")
    if status is not None:
        choice("status", status, tasks.STATUSES)
    async with db.connection(runtime.pool) as conn:
        page = await library.browse(
            conn, Wanted(dialect=NAME, key_id=caller.key_id, status=status), limit=limit, after=query.get("after")
        )
    listed = [_listed(task, runtime) for task in page.tasks]
    return answer({"success": True, "data": listed, "hasMore": page.last is not None})


def _listed(task: Task, runtime: Runtime) -> dict[str, Any]:
    """A task in a list: its status and what the list alone tells."""
    entry = _status_body(task, runtime)
    del entry["success"]
    return entry | {
        "resolution": task.resolution,
        "creditsCharged": task.price_credits,
        "createdAt": instant(task.created_at),
    }


async def balance(request: Request) -> Response:
    """The credits of this key's account: to spend, and held by tasks that have not ended."""
    caller = await _http.authenticate(request, "open")
    async with db.connection(runtime_of(request).pool) as conn:
        found = await ledger.balance(conn, caller.account_id)
    return answer({"success": True, "creditsAvailable": found.available, "creditsHeld": found.held})


async def upload(request: Request) -> Response:
    """Keep a picture, video or sound for 7 days, at an address that `mediaUrls` takes.

    An upload is its account's, and no task's: a key of the Studio API, which has no such path, may make one.
    """
    caller = await _http.authenticate(request, "open", "studio")
    kept = await _upload.keep(request, caller)
    done = {
        "success": True,
        "url": _upload.address(runtime_of(request), kept),
        "kind": kept.kind,
        "sizeBytes": kept.size_bytes,
        "expiresAt": instant(kept.expires_at),
    }
    return answer(done)


async def _own(conn: Connection, request: Request, caller: Caller) -> Task:
    return await tasks.get_own(conn, request.path_params["requestId"], dialect=NAME, key_id=caller.key_id)


ROUTES: _http.Routes = (
    ("GET", "/models", list_models),
    ("POST", "/video/generations", create),
    ("GET", "/video/generations", list_tasks),
    ("POST", "/video/generations/quote", quote),
    ("GET", "/video/generations/{requestId}", status),
    ("GET", "/video/generations/{requestId}/plan", plan),
    ("POST", "/video/generations/{requestId}/cancel", cancel),
    ("POST", "/files", upload),
    ("GET", "/balance", balance),
)


def build() -> Starlette:
    """The application to mount at PREFIX; it finds its runtime in `app.state.runtime`."""
    return _http.application(ROUTES, error_body)


def document(catalogue: Catalogue) -> dict[str, Any]:
    """The OpenAPI document of what `catalogue` sells here."""
    return _open_v1_schema.document(catalogue)
