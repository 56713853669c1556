"""The Open API, for keys that begin with `sd2_live_`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, TypedDict, Unpack

from seedbed.client import answers
from seedbed.client.answers import Accepted, Balance, HasId, Model, OpenTask
from seedbed.client.blocking import Blocking, blocking, blocking_iterator
from seedbed.client.session import WAIT_S, Api, Medium, Session
from seedbed.client.wire import BlockingWire

PREFIX = "/api/open/v1"
GENERATIONS = f"{PREFIX}/video/generations"
MODEL = "seedance-2.0"
PAGE = 100
Status = Literal["queued", "processing", "succeeded", "failed", "cancelled"]


class OpenFields(TypedDict, total=False):
    """What a submission may say beside its prompt. What is None or absent is left to the API's own default."""

    model: str
    """`seedance-2.0` where none is given."""
    media: Sequence[Medium] | None
    """Addresses, and local files as Paths, which are uploaded. One or two pictures are the first and the last
    frame; anything else is a reference."""
    aspect_ratio: str | None
    duration_s: int | None
    resolution: str | None
    webhook_url: str | None
    metadata: Mapping[str, Any] | None
    """Anything of yours: JSON that each look at the task gives back."""


class AsyncOpenClient(Session[OpenTask]):
    """The Open API for programs on asyncio. `url` and `key` are SEEDBED_URL's and SEEDBED_KEY's by default."""

    _API: ClassVar[Api[OpenTask]] = Api(
        tasks=GENERATIONS, read_task=answers.open_task, plan="promptPlan", poll_s=(0.25, 3.0)
    )

    async def create(self, prompt: str, *, once: str | None = None, **fields: Unpack[OpenFields]) -> Accepted:
        """Ask for a video. Its credits are taken now, and come back if it fails or is cancelled.

        A submission whose answer is lost is sent again under the same Idempotency-Key: it never buys twice.
        `once` is that key, for whoever may have to ask again after this program has ended; else one is drawn.
        Give addresses and no Paths then: an upload has another address each time. Raises InvalidRequest,
        InsufficientCredits, RateLimited, IdempotencyConflict (`once` was used with other fields).
        """
        return await self._submit(GENERATIONS, await self._body(prompt, fields), once, answers.open_accepted)

    async def quote(self, prompt: str, **fields: Unpack[OpenFields]) -> int:
        """The credits that this submission would take. Buys nothing."""
        answer = await self._call("POST", f"{GENERATIONS}/quote", json_body=await self._body(prompt, fields))
        return self._read(lambda body: int(body["creditsRequired"]), answer)

    async def generate(
        self,
        prompt: str,
        *,
        output: str | os.PathLike[str] | None = None,
        timeout_s: float = WAIT_S,
        seen: Callable[[OpenTask], object] | None = None,
        once: str | None = None,
        **fields: Unpack[OpenFields],
    ) -> OpenTask:
        """Ask for a video, wait for it, and save it as `output` where that is given. Returns the ended task.

        Raises TaskFailed where no video came of it, WaitTimeout after `timeout_s` seconds, and what `create`
        raises. Each error's `task_id` is the task's, once there is one: it can be waited for again.
        """
        accepted = await self.create(prompt, once=once, **fields)
        return await self._finish(accepted, output, timeout_s, seen)

    async def cancel(self, task: str | HasId) -> None:
        """End a task that has not ended, and have its credits back. Raises InvalidRequest for one that has."""
        await self._call("POST", f"{self._task_path(task)}/cancel")

    async def tasks(self, *, status: Status | None = None, after: str | HasId | None = None) -> AsyncIterator[OpenTask]:
        """The tasks of this key, newest first, all pages of them, from the one that follows `after`."""
        last = after if after is None or isinstance(after, str) else after.id
        while True:
            query = {"limit": PAGE, "status": status, "after": last}
            answer = await self._call("GET", GENERATIONS, query=query)
            page, more = self._read(
                lambda body: ([answers.open_task(entry) for entry in body["data"]], bool(body["hasMore"])), answer
            )
            for found in page:
                yield found
            if not (more and page):
                return
            last = page[-1].id

    async def models(self) -> list[Model]:
        """What can be made, and what a second of it costs: an entry for each model and mode."""
        answer = await self._call("GET", f"{PREFIX}/models")
        return self._read(lambda body: [answers.model(entry) for entry in body["data"]], answer)

    async def balance(self) -> Balance:
        """The credits of the key's account."""
        return self._read(answers.balance, await self._call("GET", f"{PREFIX}/balance"))

    async def _body(self, prompt: str, fields: OpenFields) -> dict[str, Any]:
        """A submission in the API's own names."""
        media = fields.get("media")
        return {
            "model": fields.get("model", MODEL),
            "prompt": prompt,
            "mediaUrls": await self._addresses(media) if media else None,
            "aspectRatio": fields.get("aspect_ratio"),
            "duration": fields.get("duration_s"),
            "resolution": fields.get("resolution"),
            "webhookUrl": fields.get("webhook_url"),
            "metadata": fields.get("metadata"),
        }


class _AtOnce(AsyncOpenClient):
    _WIRE = BlockingWire


class OpenClient(Blocking):
    """The Open API for programs that block. `url` and `key` are SEEDBED_URL's and SEEDBED_KEY's by default."""

    _SESSION = _AtOnce

    create = blocking(AsyncOpenClient.create)
    quote = blocking(AsyncOpenClient.quote)
    generate = blocking(AsyncOpenClient.generate)
    get = blocking(AsyncOpenClient.get)
    wait = blocking(AsyncOpenClient.wait)
    cancel = blocking(AsyncOpenClient.cancel)
    plan = blocking(AsyncOpenClient.plan)
    download = blocking(AsyncOpenClient.download)
    upload = blocking(AsyncOpenClient.upload)
    tasks = blocking_iterator(AsyncOpenClient.tasks)
    models = blocking(AsyncOpenClient.models)
    balance = blocking(AsyncOpenClient.balance)
