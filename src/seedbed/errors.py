"""Every error a client, an operator or a task can meet, declared once.

    SeedbedError
    ├── ApiError                 answers an HTTP request: code, status, message, field
    │   ├── InvalidRequest       400  the request must change
    │   │   ├── MissingField     400  something that is needed is not there
    │   │   ├── PayloadTooLarge  413  the body is over its limit
    │   │   └── RequestTooSlow   400  the body did not come in time
    │   ├── Unauthorized         401
    │   ├── InsufficientCredits  402  says `required` and `available`
    │   ├── NotFound             404
    │   ├── MethodNotAllowed     405
    │   ├── IdempotencyConflict  409
    │   ├── RateLimited          429  says when to try again
    │   │   └── QuotaSpent       429  the key's month is used up
    │   ├── InternalError        500
    │   └── ServiceBusy          503  says when to try again
    │       └── QueueFull        503  the account has too many tasks waiting
    ├── TaskFailure              ends a task as `failed`, with a code its owner sees
    └── ConfigError              the operator must change a setting or a file

Codes are wire vocabulary: they never change, messages may. Dialects map codes where theirs differ.
"""

from __future__ import annotations

from typing import ClassVar


class SeedbedError(Exception):
    """The root: every error raised on purpose by this package."""


class ApiError(SeedbedError):
    """An answer to an HTTP request. `message` tells the client what to change; `field` names where."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    default: ClassVar[str] = "Something failed on our side. The request was not carried out; try it again."

    def __init__(
        self, message: str | None = None, *, field: str | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message or self.default)
        self.field = field
        self.retry_after_s = retry_after_s

    @property
    def message(self) -> str:
        return str(self)


class InvalidRequest(ApiError):
    code, status = "invalid_request", 400
    default = "Invalid request body"


class MissingField(InvalidRequest):
    default = "Something that is needed is not in the request"


class PayloadTooLarge(InvalidRequest):
    status = 413
    default = "The request body is too large"


class RequestTooSlow(InvalidRequest):
    default = "The request body did not come in time"


class Unauthorized(ApiError):
    code, status = "unauthorized", 401
    default = "Invalid API key"


class InsufficientCredits(ApiError):
    """`required` and `available` are whole credits."""

    code, status = "insufficient_credits", 402

    def __init__(self, *, required: int, available: int) -> None:
        super().__init__(f"This request needs {required} credits and {available} are available")
        self.required, self.available = required, available


class NotFound(ApiError):
    code, status = "not_found", 404
    default = "Not found"


class MethodNotAllowed(ApiError):
    code, status = "invalid_request", 405
    default = "This path does not take that method"


class IdempotencyConflict(ApiError):
    code, status = "idempotency_conflict", 409
    default = "This Idempotency-Key was used with another body"


class RateLimited(ApiError):
    code, status = "rate_limited", 429
    default = "Too many requests"


class QuotaSpent(RateLimited):
    default = "The quota is used up"


class InternalError(ApiError):
    code, status = "internal_error", 500


class ServiceBusy(ApiError):
    code, status = "service_busy", 503
    default = "The service is busy; try again shortly"


class QueueFull(ServiceBusy):
    default = "Too many tasks of this account are waiting"


class TaskFailure(SeedbedError):
    """Ends a task as `failed` and refunds it. `code` is one of `TASK_FAILURES`; `message` is for its owner."""

    def __init__(self, code: str, message: str) -> None:
        if code not in TASK_FAILURES:
            raise ValueError(f"unknown task failure code {code!r}")
        super().__init__(message)
        self.code, self.message = code, message


TASK_FAILURES: dict[str, str] = {
    "invalid_media": "A media URL could not be fetched or is not what its name says",
    "render_failed": "The engine could not make this video",
    "output_rejected": "The engine's video was not what was asked for",
    "storage_failed": "The video could not be stored",
    "worker_lost": "The task was lost by its worker three times",
    "timeout": "The render took longer than allowed",
    "no_engine": "No engine can make this video any more",
    "expired": "The task did not end within the time that its request gave it",
}
"""What a failed task can say, and what each means. Every one of them is refunded in full."""


class ConfigError(SeedbedError):
    """A setting or a file is wrong. The message names it, its value and what to put there instead."""
