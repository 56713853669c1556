"""The OpenAPI document of the OpenAI Videos dialect, made from the catalogue, with an example of every answer.

Each model's own sizes and lengths stand in a variant of the request, so that whatever the document allows is accepted.
A form has the same fields, all of them as text, and its picture as a file.
"""

from __future__ import annotations

from functools import partial

from seedbed import __version__
from seedbed.catalogue import Catalogue, Model
from seedbed.dialects import _openai_v1_request as asked
from seedbed.dialects import _openapi
from seedbed.dialects._openapi import IDEMPOTENCY, NOT_BLANK, REPLAYED, Json, nullable, object_of, ok, ref
from seedbed.engines import Mode
from seedbed.errors import TASK_FAILURES

PROMPT = "A lighthouse on a rocky coast at sunset, slow orbit to the left, cinematic"
AGAIN = "The same by night, in heavy snow"
BAD = "invalid_request_error"
ERRORS: _openapi.Errors = {
    400: ("invalid_value", "'seconds' must be one of 4, 5, 6, 7, 8, 9, 10, 11, 12", {"type": BAD, "param": "seconds"}),
    401: ("invalid_api_key", "Invalid API key", {"type": BAD}),
    402: ("insufficient_quota", "This request needs 32 credits and 12 are available", {"type": "insufficient_quota"}),
    404: ("not_found", "Video not found", {"type": BAD, "param": "video_id"}),
    409: ("idempotency_conflict", "This Idempotency-Key was used with another body", {"type": BAD}),
    413: ("payload_too_large", "The request body is over 1048576 bytes", {"type": BAD}),
    429: ("rate_limit_exceeded", "More than 600 requests in a minute", {"type": "rate_limit_error"}),
    500: ("internal_error", "Something failed on our side. The request was not carried out.", {"type": "server_error"}),
    503: ("service_busy", "The service is busy; try again shortly", {"type": "server_error"}),
}
CODES = sorted({code for code, _, _ in ERRORS.values()} | {"not_ready", "method_not_allowed"})
TYPES = sorted({more["type"] for _, _, more in ERRORS.values()})

TEXT: Json = {"type": "string"}
TIME: Json = {"type": "integer", "description": "Unix time in seconds"}
VIDEO_ID: Json = {"name": "id", "in": "path", "required": True, "schema": TEXT}
VARIANT: Json = {
    "name": "variant",
    "in": "query",
    "description": "The video, a picture to show it by, or 16 of its frames on one sheet",
    "schema": {"enum": ["video", "thumbnail", "spritesheet"], "default": "video"},
}
POLL: Json = {
    "description": "Milliseconds to wait before asking again; there until the video is finished",
    "schema": {"type": "integer", "minimum": 1},
}


def _refused(code: str, message: str, more: Json) -> Json:
    return {"error": {"message": message, "type": more["type"], "param": more.get("param"), "code": code}}


_made = partial(_openapi.operation, refusal=partial(_openapi.refusal, errors=ERRORS, body=_refused))


def document(catalogue: Catalogue) -> Json:
    """The OpenAPI 3.1 document for what `catalogue` sells through this dialect."""
    models = catalogue.sold_by(asked.NAME)
    video = _video()
    one = "/v1/videos/{id}"
    taking = (400, 401, 402, 409, 413, 429, 500, 503)
    accepted = video | {"status": "queued", "progress": 0, "completed_at": None}
    page = {"object": "list", "data": [video], "first_id": video["id"], "last_id": video["id"], "has_more": False}
    again = {"schema": ref("Remix"), "example": {"prompt": AGAIN}}
    remixed = accepted | {"prompt": AGAIN, "remixed_from_video_id": video["id"]}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Seedbed OpenAI Videos API", "version": __version__, "license": {"name": "Apache-2.0"}},
        "security": [{"key": []}],
        "paths": {
            "/v1/videos": {
                "post": _made(
                    "Make a video",
                    ok("Video", accepted, {"Idempotent-Replayed": REPLAYED}),
                    errors=taking,
                    parameters=[IDEMPOTENCY],
                    body=_submission(),
                ),
                "get": _made(
                    "List videos", ok("Videos", page), errors=(400, 401, 404, 429, 500, 503), parameters=_paging()
                ),
            },
            one: {
                "get": _made(
                    "Get a video",
                    ok("Video", video, {"openai-poll-after-ms": POLL}),
                    errors=(401, 404, 429, 500, 503),
                    parameters=[VIDEO_ID],
                ),
                "delete": _made(
                    "Delete a video",
                    ok("Deleted", {"id": video["id"], "object": "video.deleted", "deleted": True}),
                    errors=(401, 404, 429, 500, 503),
                    parameters=[VIDEO_ID],
                ),
            },
            f"{one}/content": {
                "get": _made(
                    "Download a video",
                    _bytes(),
                    errors=(400, 401, 404, 429, 500, 503),
                    parameters=[VIDEO_ID, VARIANT],
                )
            },
            f"{one}/remix": {
                "post": _made(
                    "Remix a video",
                    ok("Video", remixed, {"Idempotent-Replayed": REPLAYED}),
                    errors=tuple(sorted((*taking, 404))),
                    parameters=[VIDEO_ID, IDEMPOTENCY],
                    body={"required": True, "content": {"application/json": again}},
                )
            },
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "A key of either API"}},
            "schemas": _schemas(models),
        },
    }


# Operations --------------------------------------------------------------------------------------------------


def _submission() -> Json:
    example = {"prompt": PROMPT, "model": "sora-2", "seconds": "4", "size": "1280x720"}
    content = {
        "application/json": {"schema": ref("Submission"), "example": example},
        "multipart/form-data": {"schema": ref("Form"), "example": example},
    }
    return {"required": True, "content": content}


def _paging() -> list[Json]:
    return [
        {
            "name": "limit",
            "in": "query",
            "description": "How many",
            "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
        },
        {
            "name": "order",
            "in": "query",
            "description": "Newest first, or oldest first",
            "schema": {"enum": ["asc", "desc"], "default": "desc"},
        },
        {"name": "after", "in": "query", "description": "The last_id of the page before", "schema": TEXT},
    ]


def _bytes() -> Json:
    types = ("video/mp4", "image/webp", "image/jpeg")
    binary: Json = {"schema": {"type": "string", "format": "binary"}}
    return {
        "description": "The file; parts of it for a Range header (206, 416), nothing for one that is known (304)",
        "headers": {"X-Request-Id": _openapi.REQUEST_ID, "ETag": {"required": True, "schema": TEXT}},
        "content": dict.fromkeys(types, binary),
    }


def _video() -> Json:
    return {
        "id": "video_1234567890",
        "object": "video",
        "model": "sora-2",
        "status": "completed",
        "progress": 100,
        "created_at": 1780480800,
        "completed_at": 1780480992,
        "expires_at": None,
        "prompt": PROMPT,
        "size": "1280x720",
        "seconds": "4",
        "remixed_from_video_id": None,
        "error": None,
    }


# Schemas -----------------------------------------------------------------------------------------------------


def _schemas(models: tuple[Model, ...]) -> Json:
    names = [name for model in models for name in model.names_in(asked.NAME)]
    failure = object_of({"code": {"enum": [*TASK_FAILURES, "cancelled"]}, "message": TEXT})
    video = {
        "id": TEXT,
        "object": {"const": "video"},
        "model": TEXT,
        "status": {"enum": ["queued", "in_progress", "completed", "failed"]},
        "progress": {"type": "integer", "minimum": 0, "maximum": 100},
        "created_at": TIME,
        "completed_at": nullable(TIME),
        "expires_at": {"type": "null", "description": "Files stay until their video is deleted"},
        "prompt": TEXT,
        "size": {"type": "string", "pattern": r"^\d+x\d+$"},
        "seconds": TEXT,
        "remixed_from_video_id": nullable(TEXT),
        "error": nullable(failure),
    }
    error = {"message": TEXT, "type": {"enum": TYPES}, "param": nullable(TEXT), "code": {"enum": CODES}}
    page = {"object": {"const": "list"}, "data": {"type": "array", "items": ref("Video")}}
    page |= {"first_id": nullable(TEXT), "last_id": nullable(TEXT), "has_more": {"type": "boolean"}}
    standard = asked.default(asked.MODEL, tuple(names)) if names else ""
    return {
        "Submission": {
            "anyOf": [_variant(model, mode, standard) for model in models for mode in model.modes] or [_openapi.NOTHING]
        },
        "Form": _form(models, standard) if names else _openapi.NOTHING,
        "Remix": object_of({"prompt": _prompt()}),
        "Video": object_of(video),
        "Videos": object_of(page),
        "Deleted": object_of({"id": TEXT, "object": {"const": "video.deleted"}, "deleted": {"const": True}}),
        "Error": object_of({"error": object_of(error)}),
    }


def _prompt() -> Json:
    return {"type": "string", "minLength": 1, "maxLength": asked.PROMPT_CHARS_MAX, "pattern": NOT_BLANK}


def _fields(model: Model, mode: Mode, standard: str) -> tuple[Json, Json]:
    """What a JSON body and a form have alike: the fields that must be there, and those that may."""
    sizes, lengths = tuple(asked.sizes(model, mode)), tuple(map(str, model.durations_s))
    required: Json = {"prompt": _prompt()}
    named = model.names_in(asked.NAME)
    named_as: Json = {"enum": list(named)}
    optional: Json = {
        "seconds": {"enum": list(lengths), "default": asked.default(asked.SECONDS, lengths)},
        "size": {"enum": list(sizes), "default": asked.default(asked.SIZE, sizes)},
        "seed": {"type": "integer", "minimum": -1, "maximum": asked.SEED_MAX},
    }
    if standard in named:
        optional["model"] = named_as | {"default": standard}
    else:
        required["model"] = named_as
    return required, optional


def _variant(model: Model, mode: Mode, standard: str) -> Json:
    """What one model takes in one mode, as JSON. `null` stands for an absent field."""
    required, optional = _fields(model, mode, standard)
    optional |= {"generate_audio": {"type": "boolean", "default": True}}
    optional |= {"fixed_lens": {"type": "boolean", "default": False}}
    optional["seconds"]["enum"] += list(model.durations_s)
    if mode == "image_to_video":
        url: Json = {"type": "string", "format": "public-https-url", "maxLength": 2048}
        url["description"] = "A picture to begin with: public https, this server's own, or data:image/…;base64,…"
        required[asked.REFERENCE] = object_of({"image_url": url})
    return object_of(required, {name: nullable(found) for name, found in optional.items()})


def _form(models: tuple[Model, ...], standard: str) -> Json:
    """The same as a form, for the model that is taken where none is named: in words, the others' sizes are above."""
    model = next(each for each in models if standard in each.names_in(asked.NAME))
    required, optional = _fields(model, model.modes[0], standard)
    made = [asked.sizes(model, mode) for mode in model.modes]
    optional["size"]["enum"] = [size for size in made[0] if all(size in other for other in made)]
    optional |= {"generate_audio": {"enum": ["true", "false"]}, "fixed_lens": {"enum": ["true", "false"]}}
    if "image_to_video" in model.modes:
        file: Json = {"type": "string", "format": "binary", "description": "A picture to begin with, or a video"}
        (optional if "text_to_video" in model.modes else required)[asked.REFERENCE] = file
    return object_of(required, optional) | {
        "description": "The other models take the same fields; what each can do stands in Submission"
    }
