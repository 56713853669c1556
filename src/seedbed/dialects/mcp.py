"""MCP, `/mcp`: the service as tools and resources for agents, by the Model Context Protocol's streamable HTTP.

What is here is what every process needs of the dialect. The door itself is loaded with the application: a
worker, which renders webhooks alone, need not wait for the protocol's library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette

from seedbed.catalogue import Catalogue
from seedbed.dialects import _mcp_schema, _mcp_shapes
from seedbed.dialects._mcp_schema import error_body
from seedbed.tasks import Status, Task

__all__ = ["NAME", "PREFIX", "ROUTES", "build", "callback_body", "document", "error_body"]

NAME = _mcp_shapes.NAME
PREFIX = "/mcp"
ROUTES = (
    ("POST", "/", "post"),
    ("OPTIONS", "/", "preflight"),
    ("POST", "/files", "upload"),
    ("OPTIONS", "/files", "preflight"),
)
"""Each with the name of its handler in the door."""


def callback_body(task: Task, status: Status, link: Callable[[str], str]) -> dict[str, Any]:
    """What the webhook of a key says: what `list_videos` would tell."""
    return _mcp_shapes.short_body(task, status, link)


def build() -> Starlette:
    """The application to mount at PREFIX, whose lifespan must run; it finds its runtime in `app.state.runtime`."""
    from seedbed.dialects import _mcp_door

    return _mcp_door.build(ROUTES)


def document(catalogue: Catalogue) -> dict[str, Any]:
    """The OpenAPI document of how messages are posted; what they say is told by MCP itself."""
    return _mcp_schema.document()
