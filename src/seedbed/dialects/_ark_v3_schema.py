"""The OpenAPI document of the Ark API, made from the catalogue, with an example of every answer.

What content may be put together stands in variants of the request, by model and kind of task, so that whatever the
document allows is accepted.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from seedbed import __version__
from seedbed.catalogue import Catalogue, Model
from seedbed.dialects import _ark_v3_request as rules
from seedbed.dialects import _openapi
from seedbed.dialects._openapi import IDEMPOTENCY, NOT_BLANK, PROGRESS, REPLAYED, Json, nullable, object_of, ref
from seedbed.engines import FPS
from seedbed.errors import TASK_FAILURES

RATIOS = ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9")
PROMPT = "A cinematic shot of a glass train crossing a snowy mountain bridge"
ID = "cgt-1234567890"
MODEL = "doubao-seedance-2-0-260128"
ASKED_FOR = "Request id: 6f1c2d3e4b5a69788796a5b4c3d2e1f0"

Refusal = tuple[str, str, str, str]
"""Code, type, parameter and message."""
ERRORS: dict[int, Refusal] = {
    400: (
        "InvalidParameter",
        "BadRequest",
        "ratio",
        "'ratio' must be one of 16:9, 4:3, 1:1, 3:4, 9:16, 21:9, adaptive",
    ),
    401: ("AuthenticationError", "Unauthorized", "", "Invalid API key"),
    403: ("AccountOverdueError", "Forbidden", "", "This request needs 40 credits and 12 are available"),
    404: ("ResourceNotFound", "NotFound", "", "Task not found"),
    409: ("InvalidAction.RunningTaskDeletion", "Conflict", "id", "The task is running and cannot be deleted"),
    413: ("InvalidParameter", "BadRequest", "", "The request body is over 67108864 bytes"),
    429: ("RateLimitExceeded", "TooManyRequests", "", "More than 600 requests in 60 seconds; try again in 12 s"),
    500: (
        "InternalServiceError",
        "InternalServerError",
        "",
        "Something failed on our side. The request was not carried out; try it again",
    ),
    503: ("ServiceUnavailable", "ServiceUnavailable", "", "The service is busy; try again shortly"),
}
CODES = sorted({code for code, _, _, _ in ERRORS.values()} | {
    "IdempotencyConflict",
    "InvalidAction.CancelledTaskDeletion",
    "InvalidEndpointOrModel.NotFound",
    "InvalidParameter.TaskTypeConstraint",
    "MethodNotAllowed",
    "MissingParameter",
    "QuotaExceeded",
    "SetLimitExceeded",
})  # fmt: skip

TASK_ID: Json = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
RETRY: Json = {"description": "There when sending the request again cannot help", "schema": {"const": "false"}}


def refusal(status: int) -> Json:
    code, kind, param, message = ERRORS[status]
    example = {"error": {"code": code, "message": f"{message}. {ASKED_FOR}", "param": param, "type": kind}}
    answer: Json = {
        "description": code,
        "headers": {"X-Request-Id": _openapi.REQUEST_ID, "x-should-retry": RETRY},
        "content": {"application/json": {"schema": ref("Error"), "example": example}},
    }
    if status in (429, 503):
        answer["headers"] |= {"Retry-After": _openapi.RETRY_AFTER}
    return answer


_made = partial(_openapi.operation, refusal=refusal)


def document(catalogue: Catalogue) -> Json:
    """The OpenAPI 3.1 document for what `catalogue` sells through this dialect."""
    tasks = "/api/v3/contents/generations/tasks"
    return {
        "openapi": "3.1.0",
        "info": {"title": "Seedbed Ark API", "version": __version__, "license": {"name": "Apache-2.0"}},
        "security": [{"key": []}],
        "paths": {
            tasks: {
                "post": _made(
                    "Create a task",
                    _openapi.ok("Created", {"id": ID}, {"Idempotent-Replayed": REPLAYED}),
                    errors=(400, 401, 403, 404, 409, 413, 429, 500, 503),
                    parameters=[IDEMPOTENCY],
                    body={"required": True, "content": {"application/json": {"schema": ref("Task"), "example": ASKED}}},
                ),
                "get": _made(
                    "List tasks",
                    _openapi.ok("Tasks", {"items": [SUCCEEDED], "total": 1}),
                    errors=(400, 401, 429, 500, 503),
                    parameters=_filters(),
                ),
            },
            f"{tasks}/{{id}}": {
                "get": _made(
                    "Get a task",
                    _openapi.ok("State", SUCCEEDED, {"X-Task-Progress": PROGRESS}),
                    errors=(401, 404, 429, 500, 503),
                    parameters=[TASK_ID],
                ),
                "delete": _made(
                    "Cancel or delete a task",
                    _openapi.ok("Nothing", {}),
                    errors=(401, 404, 409, 429, 500, 503),
                    parameters=[TASK_ID],
                ),
            },
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "A key of either API"}},
            "schemas": _schemas(catalogue.sold_by(rules.NAME)),
        },
    }


def _filters() -> list[Json]:
    text: Json = {"type": "string", "pattern": _openapi.NO_NUL}
    schemas: dict[str, Json] = {
        "page_num": {"type": "integer", "minimum": 1, "maximum": 500, "default": 1},
        "page_size": {"type": "integer", "minimum": 1, "maximum": 500, "default": 20},
        "filter.status": {"enum": _STATUSES},
        "filter.model": text,
        "filter.service_tier": {"enum": ["default", "flex"]},
        "filter.task_ids": {"type": "array", "items": text},
    }
    return [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in schemas.items()]


# Examples ----------------------------------------------------------------------------------------------------

ASKED: Json = {
    "model": MODEL,
    "content": [{"type": "text", "text": PROMPT}],
    "resolution": "720p",
    "ratio": "16:9",
    "duration": 5,
    "return_last_frame": True,
}
_FOLDER = f"https://video.example.com/files/0.c2lnbmF0dXJl/outputs/4f/{ID}/1"
SUCCEEDED: Json = {
    "id": ID,
    "model": MODEL,
    "status": "succeeded",
    "error": None,
    "content": {"video_url": f"{_FOLDER}/{ID}.mp4", "last_frame_url": f"{_FOLDER}/{ID}_last_frame.png"},
    "usage": {"completion_tokens": 108000, "total_tokens": 108000},
    "created_at": 1780480800,
    "updated_at": 1780480812,
    "seed": 10,
    "resolution": "720p",
    "ratio": "16:9",
    "duration": 5,
    "framespersecond": FPS,
    "service_tier": "default",
    "execution_expires_after": 172800,
    "generate_audio": True,
    "draft": False,
    "priority": 0,
}

# Schemas -----------------------------------------------------------------------------------------------------

_STATUSES = ["queued", "running", "succeeded", "failed", "cancelled", "expired"]
URL: Json = {"type": "string", "format": "public-https-url", "maxLength": 2048}


def _schemas(models: tuple[Model, ...]) -> Json:
    text: Json = {"type": "string"}
    whole: Json = {"type": "integer", "minimum": 0}
    uri: Json = {"type": "string", "format": "uri"}
    codes = {"enum": CODES}
    error = object_of({"code": codes, "message": text, "param": text, "type": text})
    return _ITEMS | {
        "Task": {"anyOf": [variant for model in models for variant in _variants(model)] or [_openapi.NOTHING]},
        "Created": object_of({"id": text}, {"safety_identifier": text}),
        "State": _state(text, whole, uri),
        "Tasks": object_of({"items": {"type": "array", "items": ref("State")}, "total": whole}),
        "Nothing": object_of({}),
        "Error": object_of({"error": error}),
    }


def _state(text: Json, whole: Json, uri: Json) -> Json:
    failure = object_of({"code": {"enum": list(TASK_FAILURES)}, "message": text})
    return object_of(
        {
            "id": text,
            "model": text,
            "status": {"enum": _STATUSES},
            "error": nullable(failure),
            "created_at": whole,
            "updated_at": whole,
            "seed": whole,
            "resolution": text,
            "ratio": {"type": "string", "pattern": r"^(\d+:\d+|adaptive)$"},
            "duration": whole,
            "framespersecond": {"const": FPS},
            "service_tier": {"const": "default"},
            "execution_expires_after": whole,
            "generate_audio": {"type": "boolean"},
            "draft": {"const": False},
            "priority": {"type": "integer", "minimum": 0, "maximum": 9},
        },
        {
            "content": object_of({"video_url": uri}, {"last_frame_url": uri}),
            "usage": object_of({"completion_tokens": whole, "total_tokens": whole}),
            "safety_identifier": text,
        },
    )


def _variants(model: Model) -> list[Json]:
    """What a model takes, by kind of task. `null` stands for an absent field."""
    found = [_variant(model, "text_to_video", _TEXT_ALONE)] if "text_to_video" in model.modes else []
    if "image_to_video" in model.modes:
        found.append(_variant(model, "image_to_video", _FRAMES))
        if model.references:
            found.append(_variant(model, "image_to_video", _REFERENCES))
    return found


def _variant(model: Model, mode: Any, content: Json) -> Json:
    required: Json = {"model": {"enum": list(model.names_in(rules.NAME))}, "content": content}
    optional: Json = {
        "callback_url": URL,
        "return_last_frame": {"type": "boolean", "default": False},
        "service_tier": {"const": "default"},
        "execution_expires_after": {
            "type": "integer",
            "minimum": rules.EXPIRES_S_MIN,
            "maximum": rules.EXPIRES_S_MAX,
            "default": rules.EXPIRES_S,
        },
        "priority": {"type": "integer", "minimum": 0, "maximum": 9, "default": 0},
        "generate_audio": {"type": "boolean", "default": True},
        "draft": {"const": False},
        "safety_identifier": {
            "type": "string",
            "minLength": 1,
            "maxLength": rules.SAFETY_CHARS_MAX,
            "pattern": _openapi.NO_NUL,
        },
        "resolution": {
            "enum": list(model.resolutions(mode)),
            "default": rules.default_resolution(model, mode),
        },
        "ratio": {"enum": list(model.aspect_ratios)},
        "duration": {"enum": [*model.durations_s, rules.DURATION_CHOSEN], "default": rules.default_duration(model)},
        "seed": {"type": "integer", "minimum": -1, "maximum": rules.SEED_MAX},
        "camera_fixed": {"type": "boolean", "default": False},
        "watermark": {"const": False},
        "output_format": {"const": "mp4"},
        "tools": {"type": "array", "maxItems": 0},
        "frames": {"type": "null"},
        "omni_reference_task_type": {"type": "null"},
    }
    return object_of(required, {name: nullable(found) for name, found in optional.items()})


def _medium(kind: str, role: str | None) -> Json:
    """An item; what only a picture can be, it must say. No role: it says none, or that it has none."""
    required: Json = {"type": {"const": f"{kind}_url"}, f"{kind}_url": object_of({"url": _address(kind)})}
    if role is None:
        return object_of(required, {"role": {"type": "null"}})
    if kind == "image":
        return object_of(required | {"role": {"const": role}})
    return object_of(required, {"role": nullable({"const": role})})


def _address(kind: str) -> Json:
    """An address, or the bytes themselves; a picture's is what the document's examples send."""
    if kind == "image":
        return {"anyOf": [URL, {"type": "string", "format": "data-url-of-image"}]}
    return URL | {"format": f"public-https-{kind}-url"}


def _row(*items: Json) -> Json:
    return {"type": "array", "prefixItems": list(items), "minItems": len(items), "maxItems": len(items)}


_WORDS: Json = {"type": "string", "minLength": 1, "maxLength": rules.TEXT_CHARS_MAX, "pattern": NOT_BLANK}
_ITEMS: Json = {
    "Text": object_of({"type": {"const": "text"}, "text": _WORDS}, {"role": {"type": "null"}}),
    "Picture": _medium("image", None),
    "FirstFrame": _medium("image", "first_frame"),
    "LastFrame": _medium("image", "last_frame"),
    "ReferencePicture": _medium("image", "reference_image"),
    "ReferenceVideo": _medium("video", "reference_video"),
    "ReferenceSound": _medium("audio", "reference_audio"),
}
_TEXT, _ALONE, _FIRST, _LAST, _PICTURE, _CLIP, _SOUND = (ref(name) for name in _ITEMS)


def _some(item: Json, most: int, *before: Json) -> Json:
    """One to `most` of one kind, after what stands `before` them."""
    found: Json = {"type": "array", "items": item, "minItems": len(before) + 1, "maxItems": len(before) + most}
    return found | ({"prefixItems": list(before)} if before else {})


_TEXT_ALONE = _row(_TEXT)
_FRAMES: Json = {
    "anyOf": [
        *(_row(_TEXT, item) for item in (_ALONE, _FIRST)),
        *(_row(item) for item in (_ALONE, _FIRST)),
        _row(_TEXT, _FIRST, _LAST),
        _row(_FIRST, _LAST),
    ],
    "description": "A first frame, or a first and a last one; a text beside them",
}
_REFERENCES: Json = {
    "anyOf": [
        _some(_PICTURE, rules.REFERENCES_MAX["image"], _TEXT),
        _some(_PICTURE, rules.REFERENCES_MAX["image"]),
        _some(_CLIP, rules.REFERENCES_MAX["video"], _TEXT),
        _some(_CLIP, rules.REFERENCES_MAX["video"]),
        _row(_PICTURE, _CLIP),
        _row(_PICTURE, _CLIP, _SOUND),
        _row(_CLIP, _SOUND),
    ],
    "description": "Up to 9 pictures, 3 videos and 3 sounds to go by, in any order, and a text; no sounds alone",
}
