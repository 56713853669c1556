"""What the tests of the Ark API share: the official SDK in both its forms, and somebody to use it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx2
from volcenginesdkarkruntime import Ark, AsyncArk

from tests.conftest import Person

PREFIX = "/api/v3"
TASKS = f"{PREFIX}/contents/generations/tasks"
MODEL = "doubao-seedance-2-0-260128"
FAST = "doubao-seedance-2-0-fast-260128"
PRO_1_5 = "doubao-seedance-1-5-pro-251215"
TRAIN = "A cinematic shot of a glass train crossing a snowy mountain bridge"


def text(words: str = TRAIN) -> dict[str, Any]:
    return {"type": "text", "text": words}


def medium(kind: str, url: str, role: str | None = None) -> dict[str, Any]:
    return {"type": f"{kind}_url", f"{kind}_url": {"url": url}} | ({"role": role} if role else {})


def inside(data: bytes, kind: str = "image/png") -> str:
    """The bytes as a `data:` URL."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


@contextlib.asynccontextmanager
async def using(kind: str, base_url: str, key: str) -> AsyncIterator[Sdk]:
    """The SDK while the block lasts."""
    made = Sdk(kind, base_url, key)
    try:
        yield made
    finally:
        await made.close()


class Sdk:
    """The official SDK, unmodified, behind one way to call its two clients."""

    def __init__(self, kind: str, base_url: str, key: str) -> None:
        self.kind = kind
        made = Ark if kind == "sync" else AsyncArk
        self.client = made(api_key=key, base_url=f"{base_url}{PREFIX}")
        self.tasks = self.client.content_generation.tasks

    async def __call__(self, method: str, **asked: Any) -> Any:
        call = getattr(self.tasks, method)
        return await asyncio.to_thread(call, **asked) if self.kind == "sync" else await call(**asked)

    async def close(self) -> None:
        done = self.client.close()
        if done is not None:
            await done

    async def create(self, words: str | None = TRAIN, *media: dict[str, Any], **fields: Any) -> str:
        content = [*([] if words is None else [text(words)]), *media]
        made = await self(
            "create", **{"model": MODEL, "resolution": "480p", "duration": 4, "content": content} | fields
        )
        return str(made.id)

    async def get(self, task_id: str) -> Any:
        return await self("get", task_id=task_id)

    async def ended(self, task_id: str, timeout_s: float = 180) -> Any:
        async with asyncio.timeout(timeout_s):
            while (found := await self.get(task_id)).status in ("queued", "running"):
                await asyncio.sleep(0.1)
        return found


async def post(api: httpx2.AsyncClient, person: Person, **fields: Any) -> httpx2.Response:
    return await api.post(TASKS, json={"model": MODEL, "content": [text()]} | fields, headers=person.auth)


async def made(api: httpx2.AsyncClient, person: Person, **fields: Any) -> str:
    answer = await post(api, person, **fields)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def refused(
    answer: httpx2.Response, status: int, code: str, message: str, *, kind: str, param: str = "", again: bool = False
) -> None:
    """The whole body, and whether the SDK may send it again."""
    trace = answer.headers["x-request-id"]
    told = {"code": code, "message": f"{message}. Request id: {trace}", "param": param, "type": kind}
    assert (answer.status_code, answer.json()) == (status, {"error": told})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers.get("x-should-retry") == (None if again else "false")
