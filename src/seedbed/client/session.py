"""What both APIs share: a key's view of one service, with waiting, files and one submission that buys once.

Written as coroutines over a `Wire`. What the two APIs spell differently is an `Api`, which each names.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from seedbed import __version__
from seedbed.client import answers, downloads, retries
from seedbed.client.answers import Accepted, HasId, Task, Upload
from seedbed.client.errors import ClientError, RateLimited, ServiceFailed, TaskFailed, Unreachable, WaitTimeout
from seedbed.client.retries import Retries
from seedbed.client.wire import Answer, AsyncWire, BlockingWire, Request

T = TypeVar("T", bound=Task)
R = TypeVar("R")
Medium = str | os.PathLike[str]
"""The address of a picture, video or sound as a string, or a local file as a Path."""

DEFAULT_URL = "http://127.0.0.1:8787"
TIMEOUT_S, WAIT_S = 30.0, 3600.0
OUTAGE_S_MAX = 120.0
"""How long a service that does not answer is waited for, by whoever waits for a task."""

UPLOAD_S = 300.0
"""How long the service may take to look through an upload."""

TRIES = Retries()


@dataclass(frozen=True, slots=True, kw_only=True)
class Api(Generic[T]):
    """How one API spells what both have. `tasks` is the path that a task's id stands under."""

    tasks: str
    read_task: Callable[[Mapping[str, Any]], T]
    plan: str
    """The field of what was understood of the prompt."""
    poll_s: tuple[float, float]
    """Seconds between looks at a task: at first, and at most."""


class Session(Generic[T]):
    """One key's view of one service by one of its APIs.

    `url` and `key` are SEEDBED_URL's and SEEDBED_KEY's by default; `timeout_s` is the most that an answer is waited
    for. Any call raises ClientError, as the tree in `errors` has it. A `task` is its id, or anything with an `id`.
    """

    _API: ClassVar[Api[Any]]
    _WIRE: ClassVar[type[AsyncWire | BlockingWire]] = AsyncWire

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        retries: Retries = TRIES,
    ) -> None:
        self.url = _checked_url(url or os.environ.get("SEEDBED_URL") or DEFAULT_URL)
        self._key = _checked_key(key or os.environ.get("SEEDBED_KEY"))
        self._wire, self._retries, self._timeout_s = self._WIRE(timeout_s), retries, timeout_s

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    async def get(self, task: str | HasId) -> T:
        """A task as it stands. Raises NotFound for one that this key may not see."""
        return await self._get(task, None)

    async def _get(self, task: str | HasId, end: float | None) -> T:
        """`get`, given up at the monotonic time `end`, or a second later where the service holds its answer back."""
        timeout_s = None if end is None else min(self._timeout_s, max(end - time.monotonic(), 1.0))
        answer = await self._call("GET", self._task_path(task), timeout_s=timeout_s, end=end)
        found: T = self._read(self._API.read_task, answer)
        return replace(found, progress=answers.share(answer.headers.get("x-task-progress")))

    async def plan(self, task: str | HasId) -> Mapping[str, Any] | None:
        """What was understood of the prompt, in the engine's own words; None before the video is there."""
        answer = await self._call("GET", f"{self._task_path(task)}/plan")
        found: Mapping[str, Any] | None = self._read(lambda body: body[self._API.plan], answer)
        return found

    def _task_path(self, task: str | HasId) -> str:
        return f"{self._API.tasks}/{id_of(task)}"

    async def wait(
        self, task: str | HasId, *, timeout_s: float = WAIT_S, seen: Callable[[T], object] | None = None
    ) -> T:
        """The task once it has ended, however it ended; `seen` is told of each look at it.

        A service that is away meanwhile is waited for. Raises WaitTimeout after `timeout_s` seconds: the task
        goes on. A task that could not be looked at even once raises what its looks did, with its id.
        """
        end, (nap_s, nap_s_max) = time.monotonic() + timeout_s, self._API.poll_s
        found: T | None = None
        while True:
            try:
                found = await self._look(task, end)
            except (Unreachable, ServiceFailed, RateLimited) as error:
                error.task_id = id_of(task)
                if found is None or time.monotonic() < end:
                    raise
                raise WaitTimeout(found, timeout_s) from error
            if seen is not None:
                seen(found)
            if found.ended:
                return found
            left_s = end - time.monotonic()
            if left_s <= 0:
                raise WaitTimeout(found, timeout_s)
            await self._wire.sleep(min(nap_s, left_s))
            nap_s = min(nap_s * 1.3, nap_s_max)

    async def _look(self, task: str | HasId, end: float) -> T:
        """`get`, through an outage that is not too long."""
        given_up = min(time.monotonic() + OUTAGE_S_MAX, end)
        while True:
            try:
                return await self._get(task, end)
            except (Unreachable, ServiceFailed):
                left_s = given_up - time.monotonic()
                if left_s <= 0:
                    raise
            await self._wire.sleep(min(self._retries.longest_s, left_s))

    async def download(
        self, source: str | T, path: str | os.PathLike[str], *, progress: downloads.Progress | None = None
    ) -> int:
        """Save a task's video, or the file at an address, as `path`: whole or not at all. Returns its bytes.

        A download that was cut goes on where it ended, in this call or in a later one. `progress` is told of
        the bytes so far and in all. The key is not sent. Raises FileError for what the disk does not take.
        """
        url = source if isinstance(source, str) else source.url
        if url is None:
            assert not isinstance(source, str)
            raise TaskFailed(source) if source.ended else ClientError(f"{source.id} is {source.status}: no video yet")
        return await downloads.download(self._wire, self._retries, url, Path(path), progress)

    async def upload(self, path: str | os.PathLike[str]) -> Upload:
        """Have the service keep a local picture, video or sound for 7 days, at an address for requests.

        It is read through first: what a task could not use is refused (InvalidRequest). Raises FileError where
        the file cannot be read.
        """
        headers = {"Content-Type": "application/octet-stream"}
        answer = await self._call("POST", "/api/open/v1/files", body=Path(path), headers=headers, timeout_s=UPLOAD_S)
        return self._read(answers.upload, answer)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wire.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # Underneath --------------------------------------------------------------------------------------------

    async def _submit(
        self, path: str, fields: Mapping[str, Any], once: str | None, read: Callable[[Mapping[str, Any]], Accepted]
    ) -> Accepted:
        """Buy once, however often it has to be asked: all tries go under one Idempotency-Key."""
        key = once or uuid.uuid4().hex
        try:
            answer = await self._call("POST", path, json_body=fields, headers={"Idempotency-Key": key})
            accepted = self._read(read, answer)
        except ClientError as error:
            error.idempotency_key = key
            raise
        return replace(accepted, replayed=answer.headers.get("idempotent-replayed") == "true")

    async def _finish(
        self,
        accepted: Accepted,
        output: str | os.PathLike[str] | None,
        timeout_s: float,
        seen: Callable[[T], object] | None,
    ) -> T:
        """Wait for what was bought, and save it. Raises TaskFailed; any error names the task."""
        try:
            done = await self.wait(accepted, timeout_s=timeout_s, seen=seen)
            if not done.succeeded:
                raise TaskFailed(done)
            if output is not None:
                await self.download(done, output)
        except ClientError as error:
            error.task_id = accepted.id
            raise
        return done

    async def _addresses(self, media: Sequence[Medium]) -> list[str]:
        """The address of each medium; local files are uploaded."""
        return [each if isinstance(each, str) else (await self.upload(each)).url for each in media]

    async def _call(
        self,
        method: Literal["GET", "POST"],
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        json_body: Mapping[str, Any] | None = None,
        body: bytes | Path = b"",
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        end: float | None = None,
    ) -> Answer:
        """An answer of success. Fields and parameters that are None are left out; `end` is that of `retries.send`."""
        sent = {"Authorization": f"Bearer {self._key}", "User-Agent": f"seedbed-client/{__version__}"}
        sent |= headers or {}
        if json_body is not None:
            body = _json(_given(json_body))
            sent["Content-Type"] = "application/json"
        asked = urlencode(_given(query or {}))
        url = f"{self.url}{path}{'?' if asked else ''}{asked}"
        request = Request(method=method, url=url, headers=sent, body=body, timeout_s=timeout_s)
        return await retries.send(self._wire, request, self._retries, end)

    def _read(self, read: Callable[[Mapping[str, Any]], R], answer: Answer) -> R:
        return answers.reading(read, retries.parsed(answer.body), self.url)


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _json(values: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(values, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ClientError(f"the request cannot be written as JSON: {error}") from None


def id_of(task: str | HasId) -> str:
    """A task's id, as a path takes it."""
    found = task if isinstance(task, str) else task.id
    if not found.strip(".") or not found.isascii():
        raise ClientError(f"{found!r} is no task id")
    return quote(found, safe="")


def _checked_url(url: str) -> str:
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ClientError(f"{url!r} is no address of a service: it must begin with https:// or http://")
    return url.rstrip("/")


def _checked_key(key: str | None) -> str:
    key = (key or "").strip()
    if not key:
        raise ClientError("There is no API key: give one, or set SEEDBED_KEY")
    if not (key.isascii() and key.isprintable()):
        raise ClientError("The API key holds characters that no key has; copy it again")
    return key
