"""Tool calls that need none of the protocol's machine: one request, one result, nothing to tell in between.

The machine opens streams, tasks and a connection for each message, which costs several times what most tools do. A
call that is in order, by the protocol's own rules for its revision, is answered here, to the letter as the machine
would; whatever is odd, and whatever may tell progress, goes to the machine, which knows how to refuse it.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import Any, Literal, NamedTuple

import orjson
from mcp.shared.inbound import (
    MCP_PARAM_HEADER_PREFIX,
    MCP_PROTOCOL_VERSION_HEADER,
    InboundModernRoute,
    classify_inbound_request,
    find_duplicated_routing_header,
)
from mcp_types import DEFAULT_NEGOTIATED_VERSION, SERVER_INFO_META_KEY
from mcp_types.methods import validate_client_request
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.responses import Response

from seedbed.dialects import _mcp_tools
from seedbed.dialects._http import answer
from seedbed.dialects._mcp_tools import Offer, Visit
from seedbed.dialects._openapi import Json

CALL: Literal["tools/call"] = "tools/call"
JSON = "application/json"
FIELDS = frozenset({"jsonrpc", "id", "method", "params"})
PARAMS = frozenset({"name", "arguments", "_meta"})
PARAM_PREFIX = MCP_PARAM_HEADER_PREFIX.lower()
RULED, RULED_PREFIX = frozenset({b"accept", b"content-type"}), b"mcp-"
"""The headers that the protocol has rules for."""

ID_MAX = 2**53
"""Of ids that are numbers. The writer of JSON takes none of over 64 bits."""

JUDGED_MAX, JUDGED_BYTES_MAX = 512, 2048
"""How many clients' ways to call are remembered, and of what size."""


class Call(NamedTuple):
    """A call in order: what is called, with what, under which id and revision of the protocol."""

    offer: Offer
    arguments: dict[str, Any]
    id: int | str
    version: str


def read(message: dict[str, Any], headers: Headers) -> Call | None:
    """The call that a message is; None where the machine must see it. `message` has passed `_json.parse_object`.

    Who may be told of progress is the caller's to ask.
    """
    if message.get("method") != CALL or message.get("jsonrpc") != "2.0" or not message.keys() <= FIELDS:
        return None
    params = message.get("params")
    if not isinstance(params, dict) or not params.keys() <= PARAMS or not _plain_id(message.get("id")):
        return None
    offer = _mcp_tools.BY_NAME.get(params["name"]) if isinstance(params.get("name"), str) else None
    arguments = params.get("arguments", {})
    if offer is None or not isinstance(arguments, dict):
        return None
    version = _version(offer.name, params, headers)
    return None if version is None else Call(offer, arguments, message["id"], version)


def _plain_id(value: Any) -> bool:
    if isinstance(value, str):
        return True
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= ID_MAX


# Revisions (what a client says of itself and of the revision, it says at each call: it is judged once) -----------


def _version(tool: str, params: dict[str, Any], headers: Headers) -> str | None:
    """The revision that a call keeps, `_meta` and headers included; None where it keeps none that we know."""
    ruled = [pair for pair in headers.raw if pair[0] in RULED or pair[0].startswith(RULED_PREFIX)]
    said = b"\0".join(chain.from_iterable(ruled))
    try:
        meta = orjson.dumps(params["_meta"]) if "_meta" in params else b""
    except orjson.JSONEncodeError:  # a number of more than 64 bits
        return None
    judge = _judged if len(said) + len(meta) <= JUDGED_BYTES_MAX else _judged.__wrapped__
    return judge(tool, said, meta)


@lru_cache(JUDGED_MAX)
def _judged(tool: str, said: bytes, meta: bytes) -> str | None:
    """The same; `said` are the names and values of the headers that there are rules for, with NULs between."""
    parts = said.decode("latin-1").split("\0")
    sent = list(zip(parts[::2], parts[1::2], strict=False))
    given = dict(sent)
    accepted = [kind.partition(";")[0].strip() for kind in given.get("accept", "").split(",")]
    if JSON not in accepted or given.get("content-type", "").partition(";")[0] != JSON:
        return None
    if find_duplicated_routing_header(sent):
        return None
    params: Json = {"name": tool} | ({"_meta": orjson.loads(meta)} if meta else {})
    version = given.get(MCP_PROTOCOL_VERSION_HEADER, DEFAULT_NEGOTIATED_VERSION)
    if version not in HANDSHAKE_PROTOCOL_VERSIONS:
        route = classify_inbound_request({"method": CALL, "params": params}, headers=given)
        if not isinstance(route, InboundModernRoute) or any(name.startswith(PARAM_PREFIX) for name in given):
            return None
    return version if not meta or _fits(params, version) else None


def _fits(params: Json, version: str) -> bool:
    try:
        validate_client_request(CALL, version, params)
    except ValidationError:
        return False
    return True


async def carry_out(call: Call, visit: Visit, stamp: Json, headers: dict[str, str]) -> Response:
    """The answer to a call; `stamp` is what results say of this server where their revision has a place for it."""
    result = await _mcp_tools.call(call.offer, call.arguments, visit, _unheard)
    if call.version in MODERN_PROTOCOL_VERSIONS:
        result["resultType"] = "complete"
        result["_meta"] = result.get("_meta", {}) | {SERVER_INFO_META_KEY: stamp}
    return answer({"jsonrpc": "2.0", "id": call.id, "result": result}, headers=headers)


async def _unheard(share: float, word: str) -> None:
    """Progress that nobody asked for."""
