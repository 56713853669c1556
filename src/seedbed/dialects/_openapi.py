"""What OpenAPI documents are put together from. Knows no dialect.

A document says what the server does and no more: whatever it allows is accepted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

BLANK = r"\u0009-\u000D\u001C-\u0020\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000"
"""What `str.strip` takes away, spelt out: what `\\s` means depends on who reads the document."""

NO_NUL = r"^[^\u0000]*$"
NOT_BLANK = rf"^[^\u0000]*[^\u0000{BLANK}][^\u0000]*$"

REQUEST_ID: Json = {
    "description": "This request's id: quote it when you ask for help",
    "required": True,
    "schema": {"type": "string"},
}
RETRY_AFTER: Json = {
    "description": "Seconds to wait",
    "required": True,
    "schema": {"type": "integer", "minimum": 1},
}
PROGRESS: Json = {
    "description": "The share that is done",
    "required": True,
    "schema": {"type": "number", "minimum": 0, "maximum": 1},
}
REPLAYED: Json = {
    "description": "There when this is the answer to an earlier request with the same Idempotency-Key",
    "schema": {"const": "true"},
}

IDEMPOTENCY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and body within 24 hours is carried out once and answered the same.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}

Errors = dict[int, tuple[str, str, Json]]
"""By status: the code, a message, and what else an error says."""

ERRORS: Errors = {
    400: ("invalid_request", "The request must change; the message names the field", {}),
    401: ("unauthorized", "Invalid API key", {}),
    404: ("not_found", "Task not found", {}),
    409: ("idempotency_conflict", "This Idempotency-Key was used with another body", {}),
    413: ("invalid_request", "The request body is over 1048576 bytes", {}),
    500: ("internal_error", "Something failed on our side. The request was not carried out; try it again.", {}),
    503: ("service_busy", "The service is busy; try again shortly", {}),
}
"""What every dialect says alike."""


def operation(
    summary: str,
    ok: Json,
    *,
    errors: tuple[int, ...],
    parameters: list[Json] | None = None,
    body: Json | None = None,
    security: list[Json] | None = None,
    status: int = 200,
    refusal: Callable[[int], Json],
) -> Json:
    """One operation: how it is called, what it answers when all is well, and which `errors` it may answer."""
    found: Json = {
        "summary": summary,
        "operationId": summary.lower().replace(" ", "_").replace("'", ""),
        "responses": {str(status): ok} | {str(error): refusal(error) for error in errors},
    }
    if parameters:
        found["parameters"] = parameters
    if body:
        found["requestBody"] = body
    if security is not None:
        found["security"] = security
    return found


def ok(schema: str, example: Json, headers: Json | None = None) -> Json:
    return {
        "description": "Done",
        "headers": {"X-Request-Id": REQUEST_ID} | (headers or {}),
        "content": {"application/json": {"schema": ref(schema), "example": example}},
    }


def refusal(status: int, errors: Errors, body: Callable[[str, str, Json], Json]) -> Json:
    """The answer to what is refused with `status`; `body` puts code, message and more into a dialect's shape."""
    code, message, more = errors[status]
    answer: Json = {
        "description": code,
        "headers": {"X-Request-Id": REQUEST_ID},
        "content": {"application/json": {"schema": ref("Error"), "example": body(code, message, more)}},
    }
    if status in (429, 503):
        answer["headers"] |= {"Retry-After": RETRY_AFTER}
    elif status == 409:
        answer["headers"] |= {"Retry-After": RETRY_AFTER | {"required": False}}
    return answer


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def object_of(required: Json, optional: Json | None = None) -> Json:
    return {
        "type": "object",
        "properties": required | (optional or {}),
        "required": list(required),
        "additionalProperties": False,
    }


def nullable(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def place(required: Json, optional: Json, name: str, choices: Json, default: object) -> None:
    """Put a field with an enum where it belongs: one whose default a model does not have must be said."""
    if default in choices["enum"]:
        optional[name] = choices | {"default": default}
    else:
        required[name] = choices


NOTHING: Json = {"not": {}}
"""What nothing fits: the request of a dialect in which the catalogue sells nothing."""


def file_body() -> Json:
    """A file as it is, or as the one part of a form."""
    raw: Json = {"schema": {"type": "string", "format": "binary"}}
    form = {"schema": object_of({"file": {"type": "string", "format": "binary"}})}
    return {"required": True, "content": {"application/octet-stream": raw, "multipart/form-data": form}}
