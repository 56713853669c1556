"""The wire dialects: thin adapters over one core, which know nothing of one another.

A dialect is a module with `NAME`, `PREFIX`, `ROUTES` (method, pattern, handler), `build()` giving its application,
`document(catalogue)` giving its OpenAPI document, `error_body(error)` giving an error in its shape, and
`callback_body(task, status, link)` giving what its webhooks say; it may have a `PATIENCE`, how these are tried.
ARCHITECTURE.md has the steps to add one.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from seedbed.dialects import ark_v3, mcp, open_v1, openai_v1, studio_v1
from seedbed.tasks import Status, Task
from seedbed.webhooks import Patience

DIALECTS: dict[str, ModuleType] = {module.NAME: module for module in (open_v1, studio_v1, ark_v3, openai_v1, mcp)}
"""Dialect name, as it stands on each task → its module."""


def callback_body(task: Task, status: Status, link: Callable[[str], str]) -> dict[str, Any]:
    """What the webhook of `task` says of its change to `status`; `link` gives the address of a stored file."""
    body: dict[str, Any] = DIALECTS[task.dialect].callback_body(task, status, link)
    return body


def patience(task: Task) -> Patience:
    """How the webhooks of `task` are tried."""
    found: Patience = getattr(DIALECTS[task.dialect], "PATIENCE", Patience())
    return found
