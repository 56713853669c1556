"""Downloads that a task keeps from one attempt to the next, by URL and entity tag.

A render that is tried again a few seconds later asks each host whether its file has changed and, where it has
not, is spared the download. What a host gave no tag for is fetched anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Kept:
    """The downloads of one task, in a folder of its own that its owner removes."""

    folder: Path
    used_at: float = field(default_factory=time.monotonic)
    _tags: dict[str, str] = field(default_factory=dict)

    def tag(self, url: str) -> str | None:
        """The entity tag of what is kept for `url`."""
        return self._tags.get(url)

    def keep(self, url: str, tag: str | None, path: Path) -> None:
        """Keep the file at `path`, whose name its owner may then remove; nothing without a tag."""
        self._tags.pop(url, None)
        self._place(url).unlink(missing_ok=True)
        # Where there are no links, or no room, there is only no cache.
        with contextlib.suppress(OSError):
            if tag:
                os.link(path, self._place(url))
                self._tags[url] = tag

    def give(self, url: str, path: Path) -> None:
        """Put what is kept for `url` at `path`, where nothing is."""
        os.link(self._place(url), path)

    def _place(self, url: str) -> Path:
        return self.folder / hashlib.sha256(url.encode()).hexdigest()
