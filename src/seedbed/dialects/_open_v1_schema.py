"""The OpenAPI document of the Open API, made from the catalogue, with an example of every answer.

It says what the server does and no more: each model's own durations, ratios and resolutions stand in a
variant of the request, so that whatever the document allows is accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from seedbed import __version__
from seedbed.catalogue import Catalogue, Model, price
from seedbed.dialects import _openapi
from seedbed.dialects._openapi import (
    IDEMPOTENCY,
    NO_NUL,
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
from seedbed.errors import TASK_FAILURES

PROMPT = "A river flowing through an autumn forest, aerial view, cinematic motion"
OUTPUT = {
    "type": "video",
    "url": "https://video.example.com/files/0.c2lnbmF0dXJl/outputs/4f/req_1234567890/1/video.mp4",
}

ERRORS = _openapi.ERRORS | {
    402: (
        "insufficient_credits",
        "This request needs 40 credits and 12 are available",
        {"required": 40, "available": 12},
    ),
    429: ("rate_limited", "More than 600 requests in 60 seconds; try again in 12 s", {}),
}
UPLOAD = {
    "success": True,
    "url": "https://video.example.com/files/1780999200.c2lnbmF0dXJl/uploads/4f/4mPz0Kq7sVbYtR2nLdXw9A/image.png",
    "kind": "image",
    "sizeBytes": 48213,
    "expiresAt": "2026-06-10T10:00:00.000Z",
}


def document(catalogue: Catalogue) -> Json:
    """The OpenAPI 3.1 document for what `catalogue` sells through this dialect."""
    models = catalogue.sold_by("open")
    example, charged = _example(models[0]) if models else ({"model": "seedance-2.0", "prompt": PROMPT}, 0)
    task_id = {"name": "requestId", "in": "path", "required": True, "schema": {"type": "string"}}
    one = "/api/open/v1/video/generations/{requestId}"
    submission = {
        "required": True,
        "content": {"application/json": {"schema": ref("Generation"), "example": example}},
    }
    accepted = {"success": True, "requestId": "req_1234567890", "status": "queued", "creditsCharged": charged}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Seedbed Open API", "version": __version__, "license": {"name": "Apache-2.0"}},
        "security": [{"key": []}],
        "paths": {
            "/api/open/v1/models": {
                "get": _made("List models", ok("Models", _models(models)), errors=(500, 503), security=[])
            },
            "/api/open/v1/video/generations": {
                "post": _made(
                    "Make a video",
                    ok("Accepted", accepted, {"Idempotent-Replayed": REPLAYED}),
                    errors=(400, 401, 402, 409, 413, 429, 500, 503),
                    parameters=[IDEMPOTENCY],
                    body=submission,
                ),
                "get": _made(
                    "List this key's tasks",
                    ok("Tasks", {"success": True, "data": [_listed(charged)], "hasMore": False}),
                    errors=(400, 401, 404, 429, 500, 503),
                    parameters=_list_parameters(),
                ),
            },
            "/api/open/v1/video/generations/quote": {
                "post": _made(
                    "Ask what a video would cost",
                    ok("Quote", {"success": True, "creditsRequired": charged}),
                    errors=(400, 401, 413, 429, 500, 503),
                    body=submission,
                )
            },
            one: {
                "get": _made(
                    "Get a task",
                    ok("Task", _task(), {"X-Task-Progress": PROGRESS}),
                    errors=(401, 404, 429, 500, 503),
                    parameters=[task_id],
                )
            },
            f"{one}/plan": {
                "get": _made(
                    "Get what was understood",
                    ok("Plan", _plan()),
                    errors=(401, 404, 429, 500, 503),
                    parameters=[task_id],
                )
            },
            f"{one}/cancel": {
                "post": _made(
                    "Cancel a task",
                    ok("Cancelled", {"success": True, "requestId": "req_1234567890", "status": "cancelled"}),
                    errors=(400, 401, 404, 429, 500, 503),
                    parameters=[task_id],
                )
            },
            "/api/open/v1/files": {
                "post": _made(
                    "Upload a file",
                    ok("Upload", UPLOAD),
                    errors=(400, 401, 413, 429, 500, 503),
                    body=_openapi.file_body(),
                )
            },
            "/api/open/v1/balance": {
                "get": _made(
                    "Get the balance",
                    ok("Balance", {"success": True, "creditsAvailable": 960, "creditsHeld": 40}),
                    errors=(401, 429, 500, 503),
                )
            },
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "A key `sd2_live_…`"}},
            "schemas": _schemas(models),
        },
    }


# Operations ------------------------------------------------------------------------------------------------


def _refused(code: str, message: str, more: Json) -> Json:
    return {"success": False, "error": {"code": code, "message": message} | more}


_made = partial(_openapi.operation, refusal=partial(_openapi.refusal, errors=ERRORS, body=_refused))


def _list_parameters() -> list[Json]:
    return [
        {
            "name": "limit",
            "in": "query",
            "description": "How many, newest first",
            "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
        },
        {
            "name": "after",
            "in": "query",
            "description": "The requestId that the page before ended with",
            "schema": {"type": "string"},
        },
        {"name": "status", "in": "query", "schema": ref("Status")},
    ]


# Examples ----------------------------------------------------------------------------------------------------


def _task() -> Json:
    return {
        "success": True,
        "requestId": "req_1234567890",
        "status": "succeeded",
        "model": "seedance-2.0",
        "prompt": PROMPT,
        "duration": 5,
        "aspectRatio": "16:9",
        "output": OUTPUT,
        "error": None,
    }


def _plan() -> Json:
    understood = {"setting": "forest", "water": "river", "season": "autumn", "move": "forward", "aerial": True}
    return {"success": True, "requestId": "req_1234567890", "status": "succeeded", "promptPlan": understood}


def _listed(charged: int) -> Json:
    entry = _task() | {"resolution": "720p", "creditsCharged": charged, "createdAt": "2026-06-03T10:00:00.000Z"}
    del entry["success"]
    return entry


def _example(model: Model) -> tuple[Json, int]:
    """A request that the model takes, as near to the documents' own as it can, and what that costs."""

    def of(wanted: Any, sold: Sequence[Any]) -> Any:
        return wanted if wanted in sold else sold[0]

    mode = model.modes[0]
    resolution, duration_s = of("720p", model.resolutions(mode)), of(5, model.durations_s)
    found = {"model": model.id, "prompt": PROMPT, "aspectRatio": of("16:9", model.aspect_ratios)}
    found |= {"duration": duration_s, "resolution": resolution}
    if mode == "image_to_video":
        found["mediaUrls"] = ["https://example.com/photo.jpg"]
    return found, price(model, mode, resolution, duration_s)


def _models(models: Iterable[Model]) -> Json:
    entries = [
        {
            "id": model.id,
            "type": "video_generation",
            "mode": "image_to_video",
            "durations": list(model.durations_s),
            "aspectRatios": list(model.aspect_ratios),
            "resolutions": ["480p", "720p", "1080p"],
            "usdPerSecond": {"480p": 0.05, "720p": 0.1, "1080p": 0.2},
        }
        for model in models
    ]
    return {"success": True, "data": entries[:1]}


# Schemas -----------------------------------------------------------------------------------------------------


def _schemas(models: tuple[Model, ...]) -> Json:
    text: Json = {"type": "string"}
    true: Json = {"const": True}
    output = object_of({"type": {"const": "video"}, "url": {"type": "string", "format": "uri"}})
    failure = object_of({"code": {"enum": list(TASK_FAILURES)}, "message": text})
    credits: Json = {"type": "integer", "minimum": 0}
    task = {
        "requestId": text,
        "status": ref("Status"),
        "model": text,
        "prompt": text,
        "duration": {"type": "integer"},
        "aspectRatio": text,
        "output": nullable(output),
        "error": nullable(failure),
    }
    metadata = {"metadata": ref("Metadata")}
    listed = {"resolution": text, "creditsCharged": credits, "createdAt": {"type": "string", "format": "date-time"}}
    return {
        "Generation": {"oneOf": [_generation(model) for model in models] or [_openapi.NOTHING]},
        "Metadata": {
            "type": "object",
            "description": "Anything of the client's own, nested 32 deep at most; the status gives it back",
            "propertyNames": {"pattern": NO_NUL},
            "additionalProperties": ref("Value"),
        },
        "Value": {
            "anyOf": [
                {"type": ["boolean", "number", "null"]},
                {"type": "string", "pattern": NO_NUL},
                {"type": "array", "items": ref("Value")},
                ref("Metadata"),
            ]
        },
        "Status": {"enum": ["queued", "processing", "succeeded", "failed", "cancelled"]},
        "Accepted": object_of({"success": true, "requestId": text, "status": ref("Status"), "creditsCharged": credits}),
        "Task": object_of({"success": true, **task}, metadata),
        "Tasks": object_of(
            {
                "success": true,
                "data": {"type": "array", "items": object_of(task | listed, metadata)},
                "hasMore": {"type": "boolean"},
            }
        ),
        "Plan": object_of(
            {
                "success": true,
                "requestId": text,
                "status": ref("Status"),
                "promptPlan": nullable({"type": "object", "description": "As the engine says it; names may be added"}),
            }
        ),
        "Cancelled": object_of({"success": true, "requestId": text, "status": {"const": "cancelled"}}),
        "Quote": object_of({"success": true, "creditsRequired": credits}),
        "Balance": object_of({"success": true, "creditsAvailable": credits, "creditsHeld": credits}),
        "Upload": object_of(
            {
                "success": true,
                "url": {"type": "string", "format": "uri"},
                "kind": {"enum": ["image", "video", "audio"]},
                "sizeBytes": {"type": "integer", "minimum": 1},
                "expiresAt": {"type": "string", "format": "date-time"},
            }
        ),
        "Models": object_of({"success": true, "data": {"type": "array", "items": _model_entry()}}),
        "Error": object_of(
            {
                "success": {"const": False},
                "error": object_of(
                    {"code": {"enum": sorted({code for code, _, _ in ERRORS.values()})}, "message": text},
                    {"required": credits, "available": credits},
                ),
            }
        ),
    }


def _model_entry() -> Json:
    texts = {"type": "array", "items": {"type": "string"}}
    return object_of(
        {
            "id": {"type": "string"},
            "type": {"const": "video_generation"},
            "mode": {"enum": ["text_to_video", "image_to_video"]},
            "durations": {"type": "array", "items": {"type": "integer"}},
            "aspectRatios": texts,
            "resolutions": texts,
            "usdPerSecond": {"type": "object", "additionalProperties": {"type": "number"}},
        }
    )


def _generation(model: Model) -> Json:
    """What one model takes. `null` stands for an absent field."""
    resolutions = sorted({name for mode in model.modes for name in model.resolutions(mode)})
    kinds = "pictures, videos or sounds" if model.references else "pictures"
    url: Json = {"type": "string", "format": "public-https-url", "maxLength": 2048}
    optional: Json = {
        "webhookUrl": url | {"description": "Where the result is posted; the key's own address by default"},
        "metadata": ref("Metadata"),
    }
    prompt = {"type": "string", "minLength": 1, "maxLength": 10_000, "pattern": NOT_BLANK}
    required: Json = {"model": {"const": model.id}, "prompt": prompt}
    place(required, optional, "aspectRatio", {"enum": list(model.aspect_ratios)}, "16:9")
    place(required, optional, "duration", {"enum": list(model.durations_s), "description": "Seconds"}, 5)
    place(required, optional, "resolution", {"enum": resolutions}, "720p")
    if "image_to_video" in model.modes:
        (optional if "text_to_video" in model.modes else required)["mediaUrls"] = {
            "type": "array",
            "minItems": 1,
            "maxItems": 5 if model.references else 2,
            "items": url,
            "description": f"Public https addresses of {kinds}; one or two pictures are first and last frame",
        }
    schema = object_of(required, {name: nullable(found) for name, found in optional.items()})
    schema["title"] = model.title
    return schema
