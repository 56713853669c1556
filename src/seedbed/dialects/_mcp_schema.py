"""What of MCP is told without MCP: refusals at the door, and the OpenAPI document of how messages are posted."""

from __future__ import annotations

from functools import partial

from seedbed import __version__
from seedbed.dialects import _mcp_shapes, _openapi
from seedbed.dialects._openapi import NO_NUL, Json, ok, ref
from seedbed.errors import ApiError, InvalidRequest

ERRORS: _openapi.Errors = _openapi.ERRORS | {
    401: ("unauthorized", "Send an API key of this server as `Authorization: Bearer …`", {}),
    403: ("invalid_request", "Web pages of this origin may not speak MCP here", {}),
    429: ("rate_limited", "More than 600 requests in 60 seconds; try again in 12 s", {}),
}
LIST_TOOLS = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
UPLOAD = {
    "url": "https://video.example.com/files/1780999200.c2lnbmF0dXJl/uploads/4f/4mPz0Kq7sVbYtR2nLdXw9A/image.png",
    "kind": "image",
    "size_bytes": 48213,
    "expires_at": "2026-06-10T10:00:00.000Z",
}


PARSE_ERROR, INVALID_REQUEST, INTERNAL_ERROR = -32700, -32600, -32603
"""JSON-RPC's own codes."""


def error_body(error: ApiError) -> Json:
    """A refusal as a JSON-RPC error without an id: the request was not looked into so far."""
    code = INTERNAL_ERROR if error.status >= 500 else INVALID_REQUEST
    if type(error) is InvalidRequest and error.field is None:
        code = PARSE_ERROR  # the bytes are no JSON object that is taken; else it is what stands in it
    return rpc_error(code, error.message, error.code)


def rpc_error(code: int, message: str, reason: str) -> Json:
    return {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message, "data": {"code": reason}}}


def document() -> Json:
    """The OpenAPI 3.1 document."""
    refusal = partial(_openapi.refusal, errors=ERRORS, body=_refused)
    message: Json = {
        "required": True,
        "content": {"application/json": {"schema": ref("Message"), "example": LIST_TOOLS}},
    }
    answered = ok("Answer", {"jsonrpc": "2.0", "id": 1, "result": {"tools": []}})
    answered["content"]["text/event-stream"] = {"schema": {"type": "string"}}
    posted = _openapi.operation(
        "Send a message", answered, errors=(400, 401, 403, 413, 429, 500, 503), body=message, refusal=refusal
    )
    posted["responses"]["202"] = {"description": "A notification was taken"}
    kept = _openapi.operation(
        "Upload a file",
        ok("Upload", UPLOAD),
        errors=(400, 401, 403, 413, 429, 500, 503),
        body=_openapi.file_body(),
        refusal=refusal,
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "Seedbed over MCP", "version": __version__, "license": {"name": "Apache-2.0"}},
        "security": [{"key": []}],
        "paths": {"/mcp": {"post": posted}, "/mcp/files": {"post": kept}},
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "A key of either API"}},
            "schemas": _schemas(),
        },
    }


def _refused(code: str, message: str, _: Json) -> Json:
    return rpc_error(INVALID_REQUEST, message, code)


def _schemas() -> Json:
    version: Json = {"const": "2.0"}
    number: Json = {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": NO_NUL}]}
    return {
        "Message": {
            "type": "object",
            "properties": {
                "jsonrpc": version,
                "id": number,
                "method": {"type": "string", "pattern": NO_NUL},
                "params": {"type": ["object", "null"], "description": "As MCP says for the method"},
            },
            "required": ["jsonrpc", "method"],
        },
        "Answer": {
            "type": "object",
            "properties": {"jsonrpc": version, "id": number, "result": {"type": "object"}, "error": {"type": "object"}},
            "required": ["jsonrpc", "id"],
        },
        "Upload": _mcp_shapes.UPLOAD,
        "Error": {
            "type": "object",
            "properties": {
                "jsonrpc": version,
                "id": {"type": "null"},
                "error": _openapi.object_of(
                    {"code": {"type": "integer"}, "message": {"type": "string"}, "data": {"type": "object"}}
                ),
            },
            "required": ["jsonrpc", "id", "error"],
        },
    }
