"""The OpenAPI document of the Studio API, made from the catalogue, with an example of every answer.

Each tier's own resolutions stand in a variant of the request for each mode, so that whatever the document
allows is accepted.
"""

from __future__ import annotations

from functools import partial

from seedbed import __version__
from seedbed.catalogue import Catalogue, Model, price
from seedbed.dialects import _openapi
from seedbed.dialects._openapi import (
    IDEMPOTENCY,
    NOT_BLANK,
    PROGRESS,
    REPLAYED,
    Json,
    nullable,
    object_of,
    ok,
    place,
    ref,
)
from seedbed.engines import Mode
from seedbed.errors import TASK_FAILURES

PROMPT = "A cinematic shot of a glass train crossing a snowy mountain bridge"
ERRORS = _openapi.ERRORS | {
    402: ("insufficient_credits", "This request needs 30 credits and 12 are available", {}),
    429: ("rate_limited", "More than 30 requests in 60 seconds; try again in 12 s", {}),
}
URL: Json = {"type": "string", "format": "public-https-url", "maxLength": 2048}
TASK_ID: Json = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}


def _refused(code: str, message: str, more: Json) -> Json:
    return {"error": {"code": code, "message": message} | more}


_made = partial(_openapi.operation, refusal=partial(_openapi.refusal, errors=ERRORS, body=_refused))


def document(catalogue: Catalogue) -> Json:
    """The OpenAPI 3.1 document for what `catalogue` sells through this dialect."""
    models = catalogue.sold_by("studio")
    tiers = {model.quality: model for model in models}
    standard = tiers.get("standard")
    made = (
        standard is not None and "text_to_video" in standard.modes and "720p" in standard.resolutions("text_to_video")
    )
    charged = price(standard, "text_to_video", "720p", 5) if standard and made else 0
    return {
        "openapi": "3.1.0",
        "info": {"title": "Seedbed Studio API", "version": __version__, "license": {"name": "Apache-2.0"}},
        "security": [{"key": []}],
        "paths": {
            "/api/v1/video/seedance2": {
                "post": _made(
                    "Make a video",
                    ok("Accepted", _accepted(charged), {"Idempotent-Replayed": REPLAYED}),
                    status=202,
                    errors=(400, 401, 402, 409, 413, 429, 500, 503),
                    parameters=[IDEMPOTENCY],
                    body=_submission(),
                )
            },
            "/api/v1/tasks/{id}": {
                "get": _made(
                    "Get a task",
                    ok("Task", _task(charged), {"X-Task-Progress": PROGRESS}),
                    errors=(401, 404, 429, 500, 503),
                    parameters=[TASK_ID],
                )
            },
            "/api/v1/tasks/{id}/plan": {
                "get": _made(
                    "Get what was understood",
                    ok("Plan", _plan()),
                    errors=(401, 404, 429, 500, 503),
                    parameters=[TASK_ID],
                )
            },
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "A key `sk_live_…`"}},
            "schemas": _schemas(models),
        },
    }


# Examples ----------------------------------------------------------------------------------------------------


def _submission() -> Json:
    example = {"mode": "text-to-video", "quality_tier": "standard", "prompt": PROMPT, "aspect_ratio": "16:9"}
    example |= {"duration": "5", "resolution": "720p"}
    content = {"schema": ref("Submission"), "example": example}
    return {"required": True, "content": {"application/json": content}}


def _accepted(charged: int) -> Json:
    return {
        "id": "sd2_1234567890",
        "status": "processing",
        "model": "seedance2",
        "quality_tier": "standard",
        "channel": "standard",
        "credits_used": charged,
    }


def _task(charged: int) -> Json:
    folder = "https://video.example.com/files/0.c2lnbmF0dXJl/outputs/4f/sd2_1234567890/1"
    output = {
        "video_url": f"{folder}/sd2_1234567890.mp4",
        "last_frame_url": f"{folder}/sd2_1234567890_last_frame.png",
        "seed": 123,
    }
    return _accepted(charged) | {
        "status": "completed",
        "credits_refunded": 0,
        "output": output,
        "error": None,
        "created_at": "2026-06-03T10:00:00.000Z",
        "updated_at": "2026-06-03T10:03:12.000Z",
    }


def _plan() -> Json:
    return {"id": "sd2_1234567890", "status": "completed", "prompt_plan": {"setting": "mountain", "season": "winter"}}


# Schemas -----------------------------------------------------------------------------------------------------


_MODES: dict[str, Mode] = {"text": "text_to_video", "image": "image_to_video", "media": "image_to_video"}


def _schemas(models: tuple[Model, ...]) -> Json:
    text: Json = {"type": "string"}
    instant: Json = {"type": "string", "format": "date-time"}
    credits: Json = {"type": "integer", "minimum": 0}
    uri: Json = {"type": "string", "format": "uri"}
    accepted = {
        "id": text,
        "status": ref("Status"),
        "model": {"const": "seedance2"},
        "quality_tier": {"enum": [model.quality for model in models]},
        "channel": {"enum": ["standard", "real", "wild"]},
        "credits_used": credits,
    }
    output = object_of({"video_url": uri, "last_frame_url": uri, "seed": {"type": "integer", "minimum": 0}})
    failure = object_of({"code": {"enum": [*TASK_FAILURES, "cancelled"]}, "message": text})
    task = accepted | {
        "credits_refunded": credits,
        "output": nullable(output),
        "error": nullable(failure),
        "created_at": instant,
        "updated_at": instant,
    }
    plan: Json = {"type": "object", "description": "As the engine says it; names may be added"}
    codes = {"enum": sorted({code for code, _, _ in ERRORS.values()})}
    variants = [_variant(model, name) for model in models for name, mode in _MODES.items() if mode in model.modes]
    return {
        "Submission": {"anyOf": variants or [_openapi.NOTHING]},
        "Status": {"enum": ["processing", "completed", "failed"]},
        "Accepted": object_of(accepted),
        "Task": object_of(task),
        "Plan": object_of({"id": text, "status": ref("Status"), "prompt_plan": nullable(plan)}),
        "Error": object_of({"error": object_of({"code": codes, "message": text})}),
    }


def _variant(model: Model, mode: str) -> Json:
    """What one tier takes in one mode. `null` stands for an absent field."""
    takes_seed = model.quality != "mini"
    required: Json = {"prompt": {"type": "string", "minLength": 3, "maxLength": 10_000, "pattern": NOT_BLANK}}
    optional: Json = {
        "channel": {"enum": ["standard", "wild"] if takes_seed else ["standard", "real", "wild"]},
        "generate_audio": {"type": "boolean", "default": True},
        "fixed_lens": {"type": "boolean", "default": False},
    }
    place(required, optional, "aspect_ratio", {"enum": list(model.aspect_ratios)}, "16:9")
    place(required, optional, "duration", {"enum": [*map(str, model.durations_s), *model.durations_s]}, "5")
    place(required, optional, "resolution", {"enum": list(model.resolutions(_MODES[mode]))}, "720p")
    (optional if mode == "text" else required)["mode"] = {"const": f"{mode}-to-video"}
    (optional if model.quality == "standard" else required)["quality_tier"] = {"const": model.quality}
    if takes_seed:
        optional["seed"] = {"type": "integer", "minimum": -1, "maximum": 2**32 - 1}
    if mode == "image":
        required["image_url"] = URL
        optional["end_image_url"] = URL
    if mode == "media":
        required["media_urls"] = {"type": "array", "minItems": 1, "maxItems": 12, "items": URL}
        optional["image_url"] = URL
    return object_of(required, {name: nullable(found) for name, found in optional.items()})
