"""A small typed client of the Open API. Imports nothing of the server, so it may be copied out whole."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx2

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})
RETRIED = frozenset({409, 429, 500, 502, 503, 504})
"""409 is the answer while our own first try, whose answer was lost, is still being carried out."""

TRIES = 5
PAUSE_S_MAX = 60.0
POLL_S, POLL_S_MAX = 0.25, 3.0


class ClientError(Exception):
    """The service refused, or could not be reached. `status` is None when there was no answer."""

    def __init__(self, message: str, *, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True, slots=True)
class Generation:
    """A task as the service tells it: `url` is the output's, once `status` is "succeeded"; `progress` is 0 … 1."""

    id: str
    status: str
    url: str | None = None
    error: str | None = None
    progress: float = 0.0

    @property
    def ended(self) -> bool:
        return self.status in TERMINAL


class Client:
    """One key's view of one service. Use it as a context manager."""

    def __init__(self, base_url: str, key: str, *, timeout_s: float = 30.0) -> None:
        self._http = httpx2.Client(
            base_url=base_url.rstrip("/"), headers={"Authorization": f"Bearer {key}"}, timeout=timeout_s
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def create(self, prompt: str, *, once: str | None = None, **fields: Any) -> tuple[str, int]:
        """Submit a task; `fields` are the API's own names. Returns its id and the credits charged.

        A submission whose answer was lost is sent again under the same Idempotency-Key: it never buys twice.
        `once` is that key, for whoever may have to ask again what became of it; else one is drawn.
        """
        body = {"prompt": prompt} | {name: value for name, value in fields.items() if value is not None}
        headers = {"Idempotency-Key": once or uuid.uuid4().hex}
        answer = self._call("POST", "/api/open/v1/video/generations", json=body, headers=headers)
        return answer["requestId"], answer["creditsCharged"]

    def get(self, task_id: str) -> Generation:
        response = self._send("GET", f"/api/open/v1/video/generations/{task_id}")
        answer = response.json()
        output, error = answer["output"], answer["error"]
        return Generation(
            id=task_id,
            status=answer["status"],
            url=output["url"] if output else None,
            error=error["message"] if error else None,
            progress=float(response.headers.get("x-task-progress", 0)),
        )

    def plan(self, task_id: str) -> dict[str, Any] | None:
        """What was understood of the prompt, in the engine's own words; None before the video is there."""
        found: dict[str, Any] | None = self._call("GET", f"/api/open/v1/video/generations/{task_id}/plan")["promptPlan"]
        return found

    def cancel(self, task_id: str) -> None:
        self._call("POST", f"/api/open/v1/video/generations/{task_id}/cancel")

    def balance(self) -> int:
        """Credits to spend."""
        available: int = self._call("GET", "/api/open/v1/balance")["creditsAvailable"]
        return available

    def wait(
        self, task_id: str, *, timeout_s: float = 3600.0, seen: Callable[[Generation], None] | None = None
    ) -> Generation:
        """Poll until the task has ended, telling `seen` of each answer. Raises ClientError after `timeout_s`."""
        end, nap_s = time.monotonic() + timeout_s, POLL_S
        while True:
            found = self.get(task_id)
            if seen is not None:
                seen(found)
            if found.ended:
                return found
            if time.monotonic() > end:
                raise ClientError(f"{task_id} is still {found.status} after {timeout_s:.0f} s")
            time.sleep(nap_s)
            nap_s = min(nap_s * 1.3, POLL_S_MAX)

    def download(self, url: str, path: Path) -> int:
        """Save the file at `url` as `path`, whole or not at all. Returns its size in bytes."""
        partial = path.with_name(path.name + ".part")
        try:
            with self._http.stream("GET", url, headers={"Authorization": ""}, follow_redirects=True) as answer:
                if answer.status_code != 200:
                    raise ClientError(f"{url} answers {answer.status_code}", status=answer.status_code)
                with partial.open("wb") as file:
                    for piece in answer.iter_bytes():
                        file.write(piece)
            os.replace(partial, path)
        except httpx2.HTTPError as error:
            raise ClientError(f"{url} could not be read: {error}") from None
        except OSError as error:
            raise ClientError(f"{path} could not be written: {error.strerror}") from None
        finally:
            partial.unlink(missing_ok=True)
        return path.stat().st_size

    def _call(self, method: str, path: str, **request: Any) -> Any:
        return self._send(method, path, **request).json()

    def _send(self, method: str, path: str, **request: Any) -> httpx2.Response:
        for attempt in range(1, TRIES + 1):
            try:
                answer = self._http.request(method, path, **request)
            except httpx2.HTTPError as error:
                if attempt == TRIES:
                    raise ClientError(f"{self._http.base_url} does not answer: {error}") from None
                time.sleep(0.2 * 2**attempt)
                continue
            if answer.status_code == 200:
                return answer
            pause_s = _pause_s(answer, attempt)
            # A quota that ends with the month is not waited for.
            if answer.status_code not in RETRIED or attempt == TRIES or pause_s > PAUSE_S_MAX:
                raise _refusal(answer)
            time.sleep(pause_s)
        raise AssertionError("unreachable")


def _pause_s(answer: httpx2.Response, attempt: int) -> float:
    asked = answer.headers.get("retry-after", "")
    return float(asked) if asked.isdigit() else 0.2 * 2**attempt


def _refusal(answer: httpx2.Response) -> ClientError:
    try:
        error = answer.json()["error"]
        return ClientError(error["message"], status=answer.status_code, code=error["code"])
    except (ValueError, KeyError, TypeError):
        return ClientError(f"the service answers {answer.status_code}", status=answer.status_code)
