"""The wire dialects: thin adapters over one core, which know nothing of one another.

A dialect is a module with `NAME`, `PREFIX`, `build()` giving its application, `document(catalogue)` giving
its OpenAPI document, and `callback_body(task, status, link)` giving what its webhooks say. A new one is a
new file and one line in `DIALECTS`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from seedbed.dialects import mcp, open_v1, studio_v1
from seedbed.tasks import Status, Task

DIALECTS: dict[str, ModuleType] = {open_v1.NAME: open_v1, studio_v1.NAME: studio_v1, mcp.NAME: mcp}
"""Dialect name, as it stands on each task → its module."""


def callback_body(task: Task, status: Status, link: Callable[[str], str]) -> dict[str, Any]:
    """What the webhook of `task` says of its change to `status`; `link` gives the address of a stored file."""
    body: dict[str, Any] = DIALECTS[task.dialect].callback_body(task, status, link)
    return body
