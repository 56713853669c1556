"""What the MCP dialect's tools take and tell: arguments, the video as agents see it, and the schemas of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from seedbed.catalogue import Catalogue
from seedbed.dialects._http import instant
from seedbed.dialects._json import whole
from seedbed.dialects._openapi import Json, nullable, object_of
from seedbed.tasks import STATUSES, Status, Task

NAME = "mcp"
"""The dialect's, as it stands on its tasks."""

PROMPT_CHARS_MAX = 10_000
SHORT_CHARS, SHORT_NOTES = 200, 10
"""What a list and a webhook show of texts: an agent's attention is dear, and a webhook's body bounded."""

MEDIA_MAX = 5
SEED_MAX = 2**32 - 1
WAIT_S, WAIT_S_MAX = 45, 300
"""Many agents give a tool a minute."""

PAGE_DEFAULT, PAGE_MAX = 20, 50
IDEMPOTENCY_KEY = r"^[!-~]{1,255}$"


class Arguments(BaseModel):
    """What a tool takes: nothing, unless a subclass says more."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Asked(Arguments):
    """A video, as it is asked for."""

    prompt: str = Field(
        description="What the video shows, in words: place, light, subject, action, camera, style. "
        "The resource seedbed://prompt-guide tells how to write a good one.",
        min_length=1,
        max_length=PROMPT_CHARS_MAX,
    )
    model: str | None = Field(default=None, description="Which model makes it; the first of list_models by default")
    media_urls: list[str] = Field(
        default=[],
        description="Public https addresses of pictures, videos or sounds, or addresses that upload_media gave. "
        "One picture is the first frame, two are the first and the last; anything else is a reference.",
        max_length=MEDIA_MAX,
    )
    aspect_ratio: str = Field(default="16:9", description="Width to height")
    duration: Annotated[int, BeforeValidator(whole)] = Field(default=5, description="Length in seconds")
    resolution: str = Field(default="720p", description="Pixels of the short side; more costs more")
    audio: bool = Field(default=True, description="Whether the video has sound")
    seed: Annotated[int, BeforeValidator(whole), Field(ge=0, le=SEED_MAX)] | None = Field(
        default=None, description="The same request with the same seed gives the same video; drawn by default"
    )


class Submission(Asked):
    idempotency_key: str | None = Field(
        default=None,
        description="Any text of 1 to 255 printable ASCII characters without blanks that names this purchase. "
        "A repeat of the call with the same key buys nothing and gives the first answer again.",
        pattern=IDEMPOTENCY_KEY,
    )


class Named(Arguments):
    task_id: str = Field(description="The id that generate_video gave", min_length=1, max_length=64)


class Waited(Named):
    timeout_s: Annotated[int, BeforeValidator(whole)] = Field(
        default=WAIT_S,
        description="Longest wait in seconds; the present state is told when it is over",
        ge=0,
        le=WAIT_S_MAX,
    )


class Listed(Arguments):
    limit: Annotated[int, BeforeValidator(whole)] = Field(
        default=PAGE_DEFAULT, description="How many videos", ge=1, le=PAGE_MAX
    )
    after: str | None = Field(default=None, description="Go on after the video with this task id", max_length=64)
    status: str | None = Field(
        default=None, description="Only videos of this status", json_schema_extra={"enum": list(STATUSES)}
    )


class Sent(Arguments):
    data: str = Field(
        description="The file's bytes in base64: .jpg .png .webp .gif .bmp .mp4 .mov .mp3 or .wav", min_length=1
    )


# Schemas -----------------------------------------------------------------------------------------------------

TEXT: Json = {"type": "string"}
WHOLE: Json = {"type": "integer"}
LINK: Json = {"type": "string", "format": "uri"}
INSTANT: Json = {"type": "string", "format": "date-time"}

VIDEO: Json = object_of(
    {
        "task_id": TEXT,
        "status": {"enum": list(STATUSES)},
        "ended": {"type": "boolean", "description": "Whether the status is final"},
        "progress": {"type": "number", "minimum": 0, "maximum": 1},
        "model": TEXT,
        "prompt": TEXT,
        "duration": WHOLE,
        "aspect_ratio": TEXT,
        "resolution": TEXT,
        "seed": WHOLE,
        "credits": {"type": "integer", "description": "What it costs"},
        "credits_refunded": {"type": "integer", "description": "All of it, where the video was not made"},
        "created_at": INSTANT,
        "video": nullable(
            object_of({"url": LINK, "width": WHOLE, "height": WHOLE})
            | {"description": "The finished MP4; null until it has succeeded"}
        ),
        "last_frame_url": nullable(
            LINK | {"description": "The last frame as a picture: what a next shot can begin with"}
        ),
        "notes": {
            "type": "array",
            "items": TEXT,
            "description": "What the engine says of the prompt once the video is made: what it did not know, or draw; "
            "and why a wait was cut short",
        },
        "error": nullable(object_of({"code": TEXT, "message": TEXT})),
    }
)
ACCEPTED: Json = object_of({"task_id": TEXT, "status": {"enum": list(STATUSES)}, "credits": WHOLE})
PRICE: Json = object_of({"model": TEXT, "credits": WHOLE, "usd": {"type": "number"}})
BALANCE: Json = object_of({"credits_available": WHOLE, "credits_held": WHOLE})
UPLOAD: Json = object_of(
    {"url": LINK, "kind": {"enum": ["image", "video", "audio"]}, "size_bytes": WHOLE, "expires_at": INSTANT}
)
VIDEOS: Json = object_of({"videos": {"type": "array", "items": VIDEO}, "has_more": {"type": "boolean"}})
RATES: Json = {"type": "object", "additionalProperties": {"type": "number"}}
MODELS: Json = object_of(
    {
        "models": {
            "type": "array",
            "items": object_of(
                {
                    "id": TEXT,
                    "title": TEXT,
                    "durations": {"type": "array", "items": WHOLE},
                    "aspect_ratios": {"type": "array", "items": TEXT},
                    "references": {"type": "boolean", "description": "Whether it takes more than two pictures"},
                    "credits_per_second": {
                        "type": "object",
                        "description": "By mode (without or with media) and resolution",
                        "additionalProperties": RATES,
                    },
                }
            ),
        },
        "credits_per_usd": WHOLE,
    }
)


def input_schema(shape: type[Arguments], catalogue: Catalogue) -> Json:
    """The JSON Schema of a tool's arguments, with the choices that `catalogue` leaves."""
    schema = shape.model_json_schema()
    properties: Json = {name: _plain(told) for name, told in schema.get("properties", {}).items()}
    for name, choices in _choices(catalogue).items():
        if issubclass(shape, Asked):
            properties[name]["enum"] = choices
    return {
        "type": "object",
        "properties": properties,
        "required": schema.get("required", []),
        "additionalProperties": False,
    }


def _choices(catalogue: Catalogue) -> dict[str, list[Any]]:
    """What some model takes; which one takes what is told by list_models, and by the refusal."""
    sold = catalogue.sold_by(NAME)
    return {
        "model": [model.id for model in sold],
        "aspect_ratio": list(dict.fromkeys(ratio for model in sold for ratio in model.aspect_ratios)),
        "resolution": list(
            dict.fromkeys(name for model in sold for mode in model.modes for name in model.resolutions(mode))
        ),
        "duration": sorted({seconds for model in sold for seconds in model.durations_s}),
    }


_BOUNDS = {"ge": "minimum", "le": "maximum"}
"""What is left of bounds on a number that is made whole first."""


def _plain(told: Json) -> Json:
    """A property without titles, and without the null that stands for an absent one."""
    told = {_BOUNDS.get(name, name): value for name, value in told.items() if name != "title"}
    for option in told.pop("anyOf", ()):
        if option != {"type": "null"}:
            told |= {_BOUNDS.get(name, name): value for name, value in option.items()}
    if told.get("default", ...) is None:
        del told["default"]
    return told


# What is told ------------------------------------------------------------------------------------------------


def video_body(task: Task, status: Status, link: Callable[[str], str]) -> Json:
    """A task as agents see it; `link` gives the address of a stored file."""
    done = status == "succeeded" and task.output_key is not None
    return {
        "task_id": task.id,
        "status": status,
        "ended": status in ("succeeded", "failed", "cancelled"),
        "progress": round(task.progress, 3),
        "model": task.model,
        "prompt": task.prompt,
        "duration": task.duration_s,
        "aspect_ratio": task.aspect_ratio,
        "resolution": task.resolution,
        "seed": task.seed,
        "credits": task.price_credits,
        "credits_refunded": task.price_credits if status in ("failed", "cancelled") else 0,
        "created_at": instant(task.created_at),
        "video": {"url": link(task.output_key or ""), "width": task.width, "height": task.height} if done else None,
        "last_frame_url": link(task.last_frame_key) if done and task.last_frame_key else None,
        "notes": _notes(task.plan) if done else [],
        "error": {"code": task.error_code, "message": task.error_message} if status == "failed" else None,
    }


def _notes(plan: dict[str, Any] | None) -> list[str]:
    """An engine's plan has what names it likes; `notes`, where there are any, are sentences for people."""
    notes = (plan or {}).get("notes")
    return [note for note in notes if isinstance(note, str)] if isinstance(notes, list) else []


def short_body(task: Task, status: Status, link: Callable[[str], str]) -> Json:
    """A task in a list or a webhook: its prompt and the engine's notes are cut."""
    body = video_body(task, status, link)
    return body | {"prompt": _cut(task.prompt), "notes": [_cut(note) for note in body["notes"][:SHORT_NOTES]]}


def _cut(text: str) -> str:
    return text if len(text) <= SHORT_CHARS else text[: SHORT_CHARS - 1] + "…"


def models_body(catalogue: Catalogue) -> Json:
    """Every model with what it can do and what a second costs."""
    return {
        "models": [
            {
                "id": model.id,
                "title": model.title,
                "durations": model.durations_s,
                "aspect_ratios": model.aspect_ratios,
                "references": model.references,
                "credits_per_second": {
                    mode: {name: rate / 1000 for name, rate in model.credits_per_second[mode].items()}
                    for mode in model.modes
                },
            }
            for model in catalogue.sold_by(NAME)
        ],
        "credits_per_usd": catalogue.credits_per_usd,
    }
