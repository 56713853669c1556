"""The wire dialects: thin adapters over one core, which know nothing of one another.

A dialect is a module with `NAME`, `PREFIX`, `build()` giving its application, `document(catalogue)` giving
its OpenAPI document, and `callback_body(task, status, url)` giving what its webhooks say. A new one is a
new file and one line in `DIALECTS`.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from seedbed.dialects import open_v1
from seedbed.tasks import Status, Task

DIALECTS: dict[str, ModuleType] = {open_v1.NAME: open_v1}
"""Dialect name, as it stands on each task → its module."""


def callback_body(task: Task, status: Status, url: str | None) -> dict[str, Any]:
    """What the webhook of `task` says of its change to `status`; `url` is the output's link, if there is one."""
    body: dict[str, Any] = DIALECTS[task.dialect].callback_body(task, status, url)
    return body
