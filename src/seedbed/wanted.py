"""Which of an owner's tasks a list shows, as SQL. Owns no table, asks nothing of the database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The tasks of an account, or of one of its keys, made through `dialect` and not removed.

    `status` is one of the core's; `failure` is the code of a failed task, and `not_failure` one that it must
    not have; `model` is a model's id; `since` and `until` bound when it was asked for, `until` not included; `text`
    is a part of its prompt, in capitals or not; `echo` is what the task's echo must hold. None wants all.
    """

    dialect: str | None = None
    account_id: int | None = None
    key_id: int | None = None
    status: str | None = None
    failure: str | None = None
    not_failure: str | None = None
    model: str | None = None
    ids: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    echo: dict[str, Any] | None = None

    def sql(self) -> tuple[str, list[Any]]:
        """The condition, with parameters from $1 on, and their values."""
        if self.account_id is None and self.key_id is None:
            raise ValueError("a list is of an account or of a key")
        parts = {
            "dialect = {}": self.dialect,
            "account_id = {}": self.account_id,
            "key_id = {}": self.key_id,
            "status = {}::task_status": self.status,
            "error_code = {}": self.failure,
            "error_code IS DISTINCT FROM {}": self.not_failure,
            "model = {}": self.model,
            "id = ANY ({}::text[])": None if self.ids is None else list(self.ids),
            "created_at >= {}": self.since,
            "created_at < {}": self.until,
            "prompt ILIKE {}": None if self.text is None else like(self.text),
            "echo @> {}::jsonb": None if self.echo is None else orjson.dumps(self.echo).decode(),
        }
        given = [(condition, value) for condition, value in parts.items() if value is not None]
        conditions = [condition.format(f"${number}") for number, (condition, _) in enumerate(given, start=1)]
        return " AND ".join([*conditions, "deleted_at IS NULL"]), [value for _, value in given]


def like(text: str) -> str:
    """What holds `text`, as a pattern of LIKE."""
    literal = re.sub(r"([%_\\])", r"\\\1", text)
    return f"%{literal}%"
