"""A task as the console's pages show it: links of this very server, words for states, what came of the money."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from seedbed.console._door import Visit
from seedbed.errors import TASK_FAILURES
from seedbed.tasks import MediaRef, Status, Task

STATES: dict[Status, str] = {
    "queued": "Waiting",
    "processing": "In the making",
    "succeeded": "Ready",
    "failed": "Failed",
    "cancelled": "Cancelled",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A task and its links. A page uses what it needs."""

    task: Task
    state: str
    video: str | None
    last_frame: str | None
    poster: str | None
    download: str | None

    @property
    def refunded(self) -> int:
        return self.task.price_credits if self.task.status in ("failed", "cancelled") else 0

    @property
    def took_s(self) -> int | None:
        """Whole seconds from its acceptance to its end."""
        if self.task.finished_at is None:
            return None
        return round((self.task.finished_at - self.task.created_at).total_seconds())


def shown(visit: Visit, task: Task) -> Shown:
    """`task` for a page."""
    link = own_link(visit, task.output_key)
    return Shown(
        task=task,
        state=visit.say(STATES[task.status]),
        video=link,
        last_frame=own_link(visit, task.last_frame_key),
        poster=own_link(visit, task.thumbnail_key),
        download=f"{link}?download=1" if link and link.startswith("/") else link,
    )


def own_link(visit: Visit, key: str | None) -> str | None:
    """The address of a stored file. Our own is written without the host: whichever name the reader came by is right."""
    if key is None:
        return None
    url, base = visit.runtime.storage.link(key), visit.runtime.settings.base_url
    return url.removeprefix(base) if url.startswith(f"{base}/") else url


def failure(visit: Visit, task: Task) -> tuple[str, str] | None:
    """What went wrong: in our words, and what was said at the time."""
    if task.error_code is None:
        return None
    meaning = TASK_FAILURES.get(task.error_code, "")
    said = task.error_message or ""
    return visit.say(meaning) if meaning else "", "" if said == meaning else visit.say(said)


def media_of(visit: Visit, task: Task) -> list[dict[str, Any]]:
    """The media of a request: what each is for, its address, and whether the page may show it."""
    return [_medium(visit, medium) for medium in task.media]


def _medium(visit: Visit, medium: MediaRef) -> dict[str, Any]:
    base = visit.runtime.settings.base_url
    inside = medium.url.startswith(f"{base}/files/")
    return {
        "role": medium.role,
        "kind": medium.kind,
        "url": medium.url,
        "local": medium.url.removeprefix(base) if inside else None,
        "name": PurePosixPath(urlsplit(medium.url).path).name or medium.url,
    }
