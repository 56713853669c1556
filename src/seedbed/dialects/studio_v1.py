"""The Studio API, `/api/v1`: the second of the documented APIs, with tiers, channels and its own error shape.

Beside the documented routes: what was understood of a prompt, which the documented answers have no place for.
A task belongs to the account: every key of it sees the task.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, cast

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from seedbed import db, tasks
from seedbed.accounts import Caller
from seedbed.catalogue import Catalogue, Model
from seedbed.dialects import _http, _json, _media, _studio_v1_schema
from seedbed.dialects._http import answer, instant, runtime_of
from seedbed.dialects._json import choice, whole
from seedbed.engines import Channel, Kind, Mode, Role
from seedbed.errors import ApiError, InvalidRequest
from seedbed.idempotency import Answer
from seedbed.limits import Shared
from seedbed.runtime import Runtime
from seedbed.tasks import MediaRef, Status, Task, TaskRequest

NAME = "studio"
PREFIX = "/api/v1"
ID_PREFIX = "sd2_"
MODEL = "seedance2"

PROMPT_CHARS_MIN, PROMPT_CHARS_MAX = 3, 10_000
MEDIA_MAX = 12
SEED_MAX = 2**32 - 1
REQUESTS_PER_MINUTE = 30
"""Of an account, over all its keys."""
MINUTE = Shared(NAME, REQUESTS_PER_MINUTE)

MODES = ("text-to-video", "image-to-video", "media-to-video")
CHANNELS: tuple[Channel, ...] = ("standard", "real", "wild")
WITHOUT_SEED = {"channel": "real", "quality_tier": "mini"}
BELONGS = {
    "image_url": ("image-to-video", "media-to-video"),
    "end_image_url": ("image-to-video", "media-to-video"),
    "media_urls": ("media-to-video",),
}
"""The modes that a medium's field belongs to."""

STATUSES: dict[Status, str] = {
    "queued": "processing",
    "processing": "processing",
    "succeeded": "completed",
    "failed": "failed",
    "cancelled": "failed",
}


class Submission(BaseModel):
    """A request for a video."""

    model_config = ConfigDict(extra="forbid", strict=True)

    mode: str = "text-to-video"
    quality_tier: str = "standard"
    channel: str = "standard"
    prompt: str = Field(min_length=PROMPT_CHARS_MIN, max_length=PROMPT_CHARS_MAX)
    aspect_ratio: str = "16:9"
    duration: Annotated[str, BeforeValidator(_json.seconds)] = "5"
    resolution: str = "720p"
    image_url: str | None = None
    end_image_url: str | None = None
    media_urls: list[str] | None = Field(default=None, min_length=1, max_length=MEDIA_MAX)
    generate_audio: bool = True
    fixed_lens: bool = False
    seed: Annotated[int, BeforeValidator(whole), Field(ge=-1, le=SEED_MAX)] | None = None


# What is sent ------------------------------------------------------------------------------------------------


def error_body(error: ApiError) -> dict[str, Any]:
    """An error in this dialect's shape."""
    return {"error": {"code": error.code, "message": error.message}}


def callback_body(task: Task, status: Status, link: Callable[[str], str]) -> dict[str, Any]:
    """What the webhook of a key says: the answer that `GET /tasks/{id}` would give."""
    return _task_body(task, status, link)


def _accepted(task: Task, status: Status) -> dict[str, Any]:
    return {
        "id": task.id,
        "status": STATUSES[status],
        "model": MODEL,
        "quality_tier": task.quality,
        "channel": task.channel,
        "credits_used": task.price_credits,
    }


def _task_body(task: Task, status: Status, link: Callable[[str], str]) -> dict[str, Any]:
    return _accepted(task, status) | {
        "credits_refunded": task.price_credits if status in ("failed", "cancelled") else 0,
        "output": _output(task, link) if status == "succeeded" else None,
        "error": _error(task, status),
        "created_at": instant(task.created_at),
        "updated_at": instant(task.updated_at),
    }


def _output(task: Task, link: Callable[[str], str]) -> dict[str, Any]:
    assert task.output_key is not None
    assert task.last_frame_key is not None
    return {"video_url": link(task.output_key), "last_frame_url": link(task.last_frame_key), "seed": task.seed}


def _error(task: Task, status: Status) -> dict[str, Any] | None:
    if status == "cancelled":
        return {"code": "cancelled", "message": "The task was cancelled"}
    return {"code": task.error_code, "message": task.error_message} if status == "failed" else None


# What is asked -----------------------------------------------------------------------------------------------


def parse_submission(values: dict[str, Any], runtime: Runtime, trace_id: str) -> TaskRequest:
    """A request checked against the catalogue. Raises InvalidRequest that names the field and its choices."""
    asked = _json.check(Submission, values)
    _json.check_prompt(asked.prompt)
    choice("mode", asked.mode, MODES)
    model = _model(asked, runtime.catalogue)
    mode: Mode = "text_to_video" if asked.mode == "text-to-video" else "image_to_video"
    if mode not in model.modes:
        made = tuple(name for name in MODES if (name == "text-to-video") is ("text_to_video" in model.modes))
        choice("mode", asked.mode, made)
    choice("channel", asked.channel, CHANNELS)
    choice("aspect_ratio", asked.aspect_ratio, model.aspect_ratios)
    choice("duration", asked.duration, tuple(map(str, model.durations_s)))
    choice("resolution", asked.resolution, model.resolutions(mode))
    _check_seed(asked)
    return TaskRequest(
        id_prefix=ID_PREFIX,
        dialect=NAME,
        model=model,
        mode=mode,
        prompt=asked.prompt,
        aspect_ratio=asked.aspect_ratio,
        resolution=asked.resolution,
        duration_s=int(asked.duration),
        trace_id=trace_id,
        media=_media_of(asked, runtime),
        seed=asked.seed,
        audio=asked.generate_audio,
        fixed_lens=asked.fixed_lens,
        last_frame=True,
        channel=cast(Channel, asked.channel),
    )


def _model(asked: Submission, catalogue: Catalogue) -> Model:
    """The model of a tier is the one of its quality."""
    tiers = {model.quality: model for model in catalogue.sold_by(NAME)}
    _http.check_sold(tiers, f"{PREFIX}/video/seedance2")
    found: Model = tiers[choice("quality_tier", asked.quality_tier, tuple(tiers))]
    return found


def _check_seed(asked: Submission) -> None:
    for field, value in WITHOUT_SEED.items():
        if asked.seed is not None and getattr(asked, field) == value:
            raise InvalidRequest(f"'seed' must be left out where '{field}' is {value}", field="seed")


def _media_of(asked: Submission, runtime: Runtime) -> tuple[MediaRef, ...]:
    """The media of the request, each in the role of its field."""
    for field, modes in BELONGS.items():
        if getattr(asked, field) is not None and asked.mode not in modes:
            raise InvalidRequest(f"'{field}' must be left out where 'mode' is {asked.mode}", field=field)
    needed = {"image-to-video": "image_url", "media-to-video": "media_urls"}.get(asked.mode)
    if needed is None:
        return ()
    if getattr(asked, needed) is None:
        raise InvalidRequest(f"'{needed}' is required where 'mode' is {asked.mode}", field=needed)
    if asked.end_image_url is not None and asked.image_url is None:
        raise InvalidRequest("'end_image_url' needs an 'image_url' to begin with", field="end_image_url")
    frames: list[tuple[str, str | None, Role]] = [
        ("image_url", asked.image_url, "first_frame"),
        ("end_image_url", asked.end_image_url, "last_frame"),
    ]
    found = [_ref(field, url, role, ("image",), runtime) for field, url, role in frames if url is not None]
    for index, url in enumerate(asked.media_urls or ()):
        found.append(_ref(f"media_urls.{index}", url, "reference", ("image", "video"), runtime))
    return tuple(found)


def _ref(field: str, url: str, role: Role, only: tuple[Kind, ...], runtime: Runtime) -> MediaRef:
    address = _media.medium(field, url, runtime)
    return MediaRef(url=address, role=role, kind=_media.kind_of(field, url, only), field=field, only=only)


# Routes ------------------------------------------------------------------------------------------------------


async def create(request: Request) -> Response:
    """Accept a task. Its credits are taken now and given back if it fails."""
    caller = await _caller(request)
    body = await _http.read_object(request)
    if (first := await _http.replayed(request, caller, body)) is not None:
        return first
    wanted = parse_submission(body.values, runtime_of(request), _http.trace_id(request))
    return await _http.accept(
        request, caller, body, wanted, lambda task: Answer(202, orjson.dumps(_accepted(task, task.status)))
    )


async def status(request: Request) -> Response:
    """A task of this account, with its output once it is completed."""
    task = await _own(request)
    link = runtime_of(request).storage.link
    return answer(_task_body(task, task.status, link), headers={"X-Task-Progress": f"{task.progress:.3f}"})


async def plan(request: Request) -> Response:
    """What was understood of the prompt; null until the video is there."""
    task = await _own(request)
    return answer({"id": task.id, "status": STATUSES[task.status], "prompt_plan": task.plan})


async def _caller(request: Request) -> Caller:
    """Who asks, with the request counted for the account, whichever of its keys was used."""
    return await _http.authenticate(request, "studio", shared=MINUTE)


async def _own(request: Request) -> Task:
    caller = await _caller(request)
    async with db.connection(runtime_of(request).pool) as conn:
        return await tasks.get_own(conn, request.path_params["id"], dialect=NAME, account_id=caller.account_id)


ROUTES: _http.Routes = (
    ("POST", "/video/seedance2", create),
    ("GET", "/tasks/{id}", status),
    ("GET", "/tasks/{id}/plan", plan),
)


def build() -> Starlette:
    """The application to mount at PREFIX; it finds its runtime in `app.state.runtime`."""
    return _http.application(ROUTES, error_body)


def document(catalogue: Catalogue) -> dict[str, Any]:
    """The OpenAPI document of what `catalogue` sells here."""
    return _studio_v1_schema.document(catalogue)
