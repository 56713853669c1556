"""The Studio API, for keys that begin with `sk_live_`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, TypedDict, Unpack

from seedbed.client import answers
from seedbed.client.answers import Accepted, StudioTask
from seedbed.client.blocking import Blocking, blocking
from seedbed.client.session import WAIT_S, Api, Medium, Session
from seedbed.client.wire import BlockingWire

PREFIX = "/api/v1"
Mode = Literal["text-to-video", "image-to-video", "media-to-video"]


class StudioFields(TypedDict, total=False):
    """What a submission may say beside its prompt. What is None or absent is left to the API's own default."""

    mode: Mode | None
    """Found from the media where none is given."""
    quality_tier: str | None
    channel: str | None
    aspect_ratio: str | None
    duration_s: int | None
    resolution: str | None
    image: Medium | None
    """The first frame: an address, or a local file as a Path, which is uploaded."""
    end_image: Medium | None
    """The last frame, beside an `image`."""
    media: Sequence[Medium] | None
    """Pictures and videos to go by."""
    generate_audio: bool | None
    fixed_lens: bool | None
    seed: int | None


class AsyncStudioClient(Session[StudioTask]):
    """The Studio API for programs on asyncio. `url` and `key` are SEEDBED_URL's and SEEDBED_KEY's by default."""

    # An account has thirty requests a minute, over all its keys.
    _API: ClassVar[Api[StudioTask]] = Api(
        tasks=f"{PREFIX}/tasks", read_task=answers.studio_task, plan="prompt_plan", poll_s=(2.5, 6.0)
    )

    async def create(self, prompt: str, *, once: str | None = None, **fields: Unpack[StudioFields]) -> Accepted:
        """Ask for a video. Its credits are taken now, and come back if it fails.

        A submission whose answer is lost is sent again under the same Idempotency-Key: it never buys twice.
        `once` is that key, for whoever may have to ask again after this program has ended; else one is drawn.
        Give addresses and no Paths then: an upload has another address each time. Raises InvalidRequest,
        InsufficientCredits, RateLimited, IdempotencyConflict (`once` was used with other fields).
        """
        body = await self._body(prompt, fields)
        return await self._submit(f"{PREFIX}/video/seedance2", body, once, answers.studio_accepted)

    async def generate(
        self,
        prompt: str,
        *,
        output: str | os.PathLike[str] | None = None,
        timeout_s: float = WAIT_S,
        seen: Callable[[StudioTask], object] | None = None,
        once: str | None = None,
        **fields: Unpack[StudioFields],
    ) -> StudioTask:
        """Ask for a video, wait for it, and save it as `output` where that is given. Returns the ended task.

        Raises TaskFailed where no video came of it, WaitTimeout after `timeout_s` seconds, and what `create`
        raises. Each error's `task_id` is the task's, once there is one: it can be waited for again.
        """
        accepted = await self.create(prompt, once=once, **fields)
        return await self._finish(accepted, output, timeout_s, seen)

    async def _body(self, prompt: str, fields: StudioFields) -> dict[str, Any]:
        """A submission in the API's own names."""
        duration_s = fields.get("duration_s")
        media = fields.get("media")
        return {
            "prompt": prompt,
            "mode": fields.get("mode") or mode_of(fields),
            "quality_tier": fields.get("quality_tier"),
            "channel": fields.get("channel"),
            "aspect_ratio": fields.get("aspect_ratio"),
            "duration": None if duration_s is None else str(duration_s),
            "resolution": fields.get("resolution"),
            "image_url": await self._address(fields.get("image")),
            "end_image_url": await self._address(fields.get("end_image")),
            "media_urls": await self._addresses(media) if media else None,
            "generate_audio": fields.get("generate_audio"),
            "fixed_lens": fields.get("fixed_lens"),
            "seed": fields.get("seed"),
        }

    async def _address(self, medium: Medium | None) -> str | None:
        return None if medium is None else (await self._addresses([medium]))[0]


def mode_of(fields: StudioFields) -> Mode:
    """The mode that the media of a submission call for."""
    if fields.get("media"):
        return "media-to-video"
    frames = fields.get("image") is not None or fields.get("end_image") is not None
    return "image-to-video" if frames else "text-to-video"


class _AtOnce(AsyncStudioClient):
    _WIRE = BlockingWire


class StudioClient(Blocking):
    """The Studio API for programs that block. `url` and `key` are SEEDBED_URL's and SEEDBED_KEY's by default."""

    _SESSION = _AtOnce

    create = blocking(AsyncStudioClient.create)
    generate = blocking(AsyncStudioClient.generate)
    get = blocking(AsyncStudioClient.get)
    wait = blocking(AsyncStudioClient.wait)
    plan = blocking(AsyncStudioClient.plan)
    download = blocking(AsyncStudioClient.download)
    upload = blocking(AsyncStudioClient.upload)
