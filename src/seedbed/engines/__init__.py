"""What makes videos: the protocol that every engine keeps, and the registry that finds them.

An engine turns one `RenderRequest` into files in a scratch folder. It knows nothing of accounts, money,
queues or storage, and engines know nothing of one another. A new engine is a new file and one line in
`REGISTRY`; its module is imported only when a worker offers it, so that heavy libraries stay out of
every other process.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

FPS = 24
"""Frames a second of every output."""

Mode = Literal["text_to_video", "image_to_video"]
Role = Literal["first_frame", "last_frame", "reference"]
Kind = Literal["image", "video", "audio"]
Quality = Literal["mini", "standard", "pro"]
Channel = Literal["standard", "real", "wild"]
"""The temper of a video: as the prompt has it, true to life, or let loose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputMedia:
    """One medium of the request, fetched and checked: a local file that may be opened.

    `width` and `height` are its pixels as it stands upright; 0 for a sound. `duration_s` is 0 for a picture.
    """

    path: Path
    kind: Kind
    role: Role
    width: int = 0
    height: int = 0
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderRequest:
    """All that decides the picture. The same request gives the same bytes on the same machine.

    `width` and `height` are even pixels; `duration_s` whole seconds, so the video has exactly
    `frame_count` frames at `FPS`; `seed` is 0 … 2**32 - 1.
    """

    prompt: str
    width: int
    height: int
    duration_s: int
    seed: int
    mode: Mode = "text_to_video"
    media: tuple[InputMedia, ...] = ()
    audio: bool = True
    fixed_lens: bool = False
    quality: Quality = "standard"
    channel: Channel = "standard"
    model: str = "seedance-2.0"

    @property
    def frame_count(self) -> int:
        return self.duration_s * FPS


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderResult:
    """`video` is an MP4 inside the scratch folder; `plan` is what the engine understood, as plain JSON."""

    video: Path
    plan: dict[str, Any] = field(default_factory=dict)


class EngineError(Exception):
    """The engine cannot make this video. `message` is shown to the task's owner: no paths, no internals.

    `retryable` says whether another attempt (or the next engine of the model) may do better.
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.message, self.retryable = message, retryable


Progress = Callable[[float], None]
"""Called with the share done, 0 … 1, never falling; cheap, and safe from any thread."""


class Engine(Protocol):
    """One way of making videos.

    `render` writes only inside `scratch` (an empty folder of its own that the caller removes), calls
    `progress` at least once a second, and raises EngineError when it cannot. When its asyncio task is
    cancelled it stops within one second, threads and child processes included, and re-raises.
    Several renders may run at once in one process.
    """

    name: str

    async def render(self, request: RenderRequest, scratch: Path, progress: Progress) -> RenderResult: ...

    async def aclose(self) -> None: ...


REGISTRY: dict[str, str] = {
    "previz": "seedbed.engines.previz:Previz",
}
"""Engine name → `module:factory`. The factory takes no argument and may raise EngineError."""


def load(name: str, where: str | None = None) -> Engine:
    """The engine called `name`, from the registry or from `where` (`module:factory`).

    Raises EngineError when it is unknown or cannot run on this machine.
    """
    where = where or REGISTRY.get(name)
    if where is None:
        raise EngineError(f"unknown engine {name!r}; known are {', '.join(sorted(REGISTRY))}")
    module_name, _, factory = where.partition(":")
    try:
        engine: Engine = getattr(importlib.import_module(module_name), factory)()
    except ImportError as error:
        raise EngineError(f"engine {name!r} needs a package that is not installed: {error.name}") from error
    except AttributeError:
        raise EngineError(f"engine {name!r}: {module_name} has no {factory!r}") from None
    return engine


def offered(wanted: str) -> dict[str, Engine]:
    """The engines that a worker offers: those named in `wanted`, or all that can run on this machine.

    `wanted` is a list by commas; an entry may be `name=module:factory`, which puts another engine in the
    place of a registered one. Raises EngineError when a named one cannot run, or when there is none.
    """
    named = dict(_named(entry) for entry in wanted.split(",") if entry.strip())
    found: dict[str, Engine] = {}
    for name in named or REGISTRY:
        try:
            found[name] = load(name, named.get(name))
        except EngineError:
            if named:
                raise
    if not found:
        raise EngineError("no engine can run on this machine")
    return found


def _named(entry: str) -> tuple[str, str | None]:
    name, _, where = entry.strip().partition("=")
    return name.strip(), where.strip() or None
