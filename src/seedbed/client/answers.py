"""What the service answers, as frozen values, read with care: what is not as the API says is told, not guessed.

Fields that a later version adds are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, Protocol, TypeVar

from seedbed.client.errors import UnexpectedAnswer

T = TypeVar("T")
Mode = Literal["text_to_video", "image_to_video"]
Kind = Literal["image", "video", "audio"]


class HasId(Protocol):
    """Anything that stands for a task."""

    @property
    def id(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a task came to nothing: a code of the API's page, and words for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A submission that was taken: the task's id, and the credits that it holds.

    `replayed` says that this is the answer to an earlier submission under the same Idempotency-Key.
    """

    id: str
    status: str
    credits: int
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task as its API tells it. `url` is the video's once it succeeded; `progress` is 0 … 1."""

    SUCCEEDED: ClassVar[str]
    ENDED: ClassVar[frozenset[str]]

    id: str
    status: str
    progress: float = 0.0
    url: str | None = None
    error: Failure | None = None

    @property
    def ended(self) -> bool:
        return self.status in self.ENDED

    @property
    def succeeded(self) -> bool:
        return self.status == self.SUCCEEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTask(Task):
    """A task of the Open API: queued, processing, succeeded, failed or cancelled.

    `resolution`, `credits` and `created_at` are told by lists alone, and None elsewhere.
    """

    SUCCEEDED: ClassVar[str] = "succeeded"
    ENDED: ClassVar[frozenset[str]] = frozenset({"succeeded", "failed", "cancelled"})

    model: str
    prompt: str
    duration_s: int
    aspect_ratio: str
    metadata: Mapping[str, Any] | None = None
    resolution: str | None = None
    credits: int | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudioTask(Task):
    """A task of the Studio API: processing, completed or failed (a cancelled one too)."""

    SUCCEEDED: ClassVar[str] = "completed"
    ENDED: ClassVar[frozenset[str]] = frozenset({"completed", "failed"})

    quality_tier: str
    channel: str
    credits: int
    credits_refunded: int
    last_frame_url: str | None
    seed: int | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What one model makes in one mode, and what a second of it costs in dollars, by resolution."""

    id: str
    mode: Mode
    durations_s: tuple[int, ...]
    aspect_ratios: tuple[str, ...]
    resolutions: tuple[str, ...]
    usd_per_second: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Credits to spend, and those set aside for tasks that have not ended."""

    available: int
    held: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that the service keeps until `expires_at`, at an address that requests may name."""

    url: str
    kind: Kind
    size_bytes: int
    expires_at: datetime


# Reading -----------------------------------------------------------------------------------------------------


def reading(read: Callable[[Mapping[str, Any]], T], body: Any, place: str) -> T:
    """`body` read by `read`. Raises UnexpectedAnswer where a field is missing or of another kind."""
    try:
        return read(body)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UnexpectedAnswer(f"{place} gives an answer that is not one of this API; is the address right?") from None


def open_accepted(body: Mapping[str, Any]) -> Accepted:
    return Accepted(id=text(body["requestId"]), status=text(body["status"]), credits=int(body["creditsCharged"]))


def open_task(body: Mapping[str, Any]) -> OpenTask:
    output, created = body["output"], body.get("createdAt")
    return OpenTask(
        id=text(body["requestId"]),
        status=text(body["status"]),
        url=text(output["url"]) if output else None,
        error=failure(body["error"]),
        model=text(body["model"]),
        prompt=text(body["prompt"]),
        duration_s=int(body["duration"]),
        aspect_ratio=text(body["aspectRatio"]),
        metadata=body.get("metadata"),
        resolution=body.get("resolution"),
        credits=body.get("creditsCharged"),
        created_at=instant(created) if created else None,
    )


def studio_accepted(body: Mapping[str, Any]) -> Accepted:
    return Accepted(id=text(body["id"]), status=text(body["status"]), credits=int(body["credits_used"]))


def studio_task(body: Mapping[str, Any]) -> StudioTask:
    output = body["output"] or {"video_url": None, "last_frame_url": None, "seed": None}
    return StudioTask(
        id=text(body["id"]),
        status=text(body["status"]),
        url=output["video_url"],
        error=failure(body["error"]),
        quality_tier=text(body["quality_tier"]),
        channel=text(body["channel"]),
        credits=int(body["credits_used"]),
        credits_refunded=int(body["credits_refunded"]),
        last_frame_url=output["last_frame_url"],
        seed=output["seed"],
        created_at=instant(body["created_at"]),
        updated_at=instant(body["updated_at"]),
    )


def model(body: Mapping[str, Any]) -> Model:
    return Model(
        id=text(body["id"]),
        mode=body["mode"],
        durations_s=tuple(body["durations"]),
        aspect_ratios=tuple(body["aspectRatios"]),
        resolutions=tuple(body["resolutions"]),
        usd_per_second=dict(body["usdPerSecond"]),
    )


def balance(body: Mapping[str, Any]) -> Balance:
    return Balance(available=int(body["creditsAvailable"]), held=int(body["creditsHeld"]))


def upload(body: Mapping[str, Any]) -> Upload:
    return Upload(
        url=text(body["url"]),
        kind=body["kind"],
        size_bytes=int(body["sizeBytes"]),
        expires_at=instant(body["expiresAt"]),
    )


def failure(error: Any) -> Failure | None:
    return None if error is None else Failure(code=text(error["code"]), message=text(error["message"]))


def text(value: Any) -> str:
    """`value`, where it is text. Raises TypeError."""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} is no text")
    return value


def instant(value: str) -> datetime:
    """A time in UTC. Raises ValueError."""
    return datetime.fromisoformat(value).astimezone(UTC)


def share(value: str | None) -> float:
    """The header X-Task-Progress as 0 … 1; 0 where there is none that makes sense."""
    try:
        return min(max(float(value or 0), 0.0), 1.0)
    except ValueError:
        return 0.0
