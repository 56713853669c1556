"""The client: both documented APIs, for programs that block and for those on asyncio.

    with OpenClient("https://video.example.com", "sd2_live_…") as client:
        task = client.generate("A lighthouse in a storm", output="lighthouse.mp4")

`OpenClient` and `AsyncOpenClient` have the same calls, as have `StudioClient` and `AsyncStudioClient`; a key
opens one of the two APIs. Webhooks are verified by `webhooks.verify`. It imports nothing of the server.
"""

from seedbed.client import webhooks
from seedbed.client.answers import Accepted, Balance, Failure, Model, OpenTask, StudioTask, Task, Upload
from seedbed.client.errors import (
    ClientError,
    FileError,
    IdempotencyConflict,
    InsufficientCredits,
    InvalidRequest,
    NotFound,
    RateLimited,
    Refused,
    ServiceFailed,
    TaskFailed,
    Unauthorized,
    UnexpectedAnswer,
    Unreachable,
    WaitTimeout,
)
from seedbed.client.open_api import AsyncOpenClient, OpenClient, OpenFields
from seedbed.client.retries import Retries
from seedbed.client.studio_api import AsyncStudioClient, StudioClient, StudioFields

__all__ = [
    "Accepted",
    "AsyncOpenClient",
    "AsyncStudioClient",
    "Balance",
    "ClientError",
    "Failure",
    "FileError",
    "IdempotencyConflict",
    "InsufficientCredits",
    "InvalidRequest",
    "Model",
    "NotFound",
    "OpenClient",
    "OpenFields",
    "OpenTask",
    "RateLimited",
    "Refused",
    "Retries",
    "ServiceFailed",
    "StudioClient",
    "StudioFields",
    "StudioTask",
    "Task",
    "TaskFailed",
    "Unauthorized",
    "UnexpectedAnswer",
    "Unreachable",
    "Upload",
    "WaitTimeout",
    "webhooks",
]
