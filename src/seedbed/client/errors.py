"""Everything that can go wrong for a program that uses the client.

ClientError                    the root: status, code, message, request_id
├── Unreachable                no answer came, or not all of it
├── Refused                    the service answered with an error
│   ├── InvalidRequest         400, 405, 413  the request must change; the message says where
│   ├── Unauthorized           401
│   ├── InsufficientCredits    402  says `required` and `available`
│   ├── NotFound               404
│   ├── IdempotencyConflict    409
│   ├── RateLimited            429  says `retry_after_s`
│   └── ServiceFailed          5xx
├── UnexpectedAnswer           the answer is not one of this API
├── TaskFailed                 the task ended without a video; `task` says why
├── WaitTimeout                the task has not ended in time; it goes on
├── FileError                  a local file cannot be read or written, or is not what was sent
└── webhooks.WebhookError      a delivery is not to be believed
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seedbed.client.answers import Task


class ClientError(Exception):
    """The root of what this package raises.

    `status`, `code` and `request_id` are the answer's, and None where there was none. Where a submission
    failed, `idempotency_key` is the key that it was sent with: the same submission under it buys no second
    video. Where a task had been bought, `task_id` is its id.
    """

    def __init__(
        self, message: str, *, status: int | None = None, code: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.code, self.request_id = message, status, code, request_id
        self.idempotency_key: str | None = None
        self.task_id: str | None = None


class Unreachable(ClientError):
    """No answer came, or only a part of one, however often it was asked for."""


class Refused(ClientError):
    """The service answered with an error. `retry_after_s` is how long it asks to wait, where it does."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id)
        self.retry_after_s = retry_after_s


class InvalidRequest(Refused):
    """The request must change; the message names the field."""


class Unauthorized(Refused):
    """There is no key, or none that opens this API."""


class InsufficientCredits(Refused):
    """The balance is too low. `required` and `available` are credits, where the API tells them."""

    required: int | None = None
    available: int | None = None


class NotFound(Refused):
    """There is nothing there that this key may see."""


class IdempotencyConflict(Refused):
    """The Idempotency-Key was used with another body, or its first request still runs."""


class RateLimited(Refused):
    """A limit is reached. One that ends within the longest pause has been waited for already."""


class ServiceFailed(Refused):
    """The service cannot answer now, and did not on any try."""


class UnexpectedAnswer(ClientError):
    """Something answers at this address that does not speak this API."""


class TaskFailed(ClientError):
    """The task ended without a video, and its credits are back. `task` is its last state."""

    def __init__(self, task: Task) -> None:
        error = task.error
        super().__init__(
            f"{task.id} {task.status}: {error.message if error else 'no reason given'}",
            code=error.code if error else None,
        )
        self.task, self.task_id = task, task.id


class WaitTimeout(ClientError):
    """The task has not ended in time. It goes on, and may be waited for again; `task` is its last state."""

    def __init__(self, task: Task, timeout_s: float) -> None:
        super().__init__(f"{task.id} is still {task.status} after {timeout_s:.0f} s")
        self.task, self.task_id = task, task.id


class FileError(ClientError):
    """A local file cannot be read or written, or what came is not what the service says it sent."""


BY_STATUS: dict[int, type[Refused]] = {
    400: InvalidRequest,
    401: Unauthorized,
    402: InsufficientCredits,
    404: NotFound,
    405: InvalidRequest,
    409: IdempotencyConflict,
    413: InvalidRequest,
    429: RateLimited,
}


def refusal(
    status: int, body: Any, *, request_id: str | None = None, retry_after_s: float | None = None, place: str = ""
) -> Refused:
    """The error of an answer; `body` is its JSON, whatever that is, and `place` says who answered."""
    told = body.get("error") if isinstance(body, dict) else None
    told = told if isinstance(told, dict) else {}
    message, code = told.get("message"), told.get("code")
    kind = BY_STATUS.get(status, ServiceFailed if status >= 500 else Refused)
    error = kind(
        message if isinstance(message, str) else f"{place or 'the service'} answers {status}",
        status=status,
        code=code if isinstance(code, str) else None,
        request_id=request_id,
        retry_after_s=retry_after_s,
    )
    if isinstance(error, InsufficientCredits):
        error.required, error.available = _whole(told.get("required")), _whole(told.get("available"))
    return error


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None
