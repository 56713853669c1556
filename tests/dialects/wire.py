"""What the tests of dialects share: the Open API's addresses and its document's own request; tasks in every state."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import httpx2

from seedbed import db, storage, tasks
from seedbed.errors import TaskFailure
from seedbed.files import StoredFile
from seedbed.runtime import open_runtime
from seedbed.settings import Settings
from seedbed.tasks import Output, Status
from tests.conftest import Person

PREFIX = "/api/open/v1"
GENERATIONS = f"{PREFIX}/video/generations"
QUOTE = f"{GENERATIONS}/quote"

RIVER: dict[str, Any] = {
    "model": "seedance-2.0",
    "prompt": "A river flowing through an autumn forest, aerial view, cinematic motion",
    "aspectRatio": "16:9",
    "duration": 5,
    "resolution": "720p",
}
SHORT: dict[str, Any] = {"model": "seedance-2.0", "prompt": "A river"}
PHOTO = "https://example.com/photo.jpg"


def error(code: str, message: str, **more: int) -> dict[str, Any]:
    return {"success": False, "error": {"code": code, "message": message, **more}}


def assert_error(answer: httpx2.Response, status: int, code: str, message: str, **more: int) -> None:
    """The whole body, and the status: nothing more, nothing less."""
    assert (answer.status_code, answer.json()) == (status, error(code, message, **more))
    assert answer.headers["content-type"] == "application/json"


async def submit(api: httpx2.AsyncClient, person: Person, **fields: Any) -> str:
    """A task's id, accepted through the front door."""
    answer = await api.post(GENERATIONS, json=SHORT | fields, headers=person.auth)
    assert answer.status_code == 200, answer.text
    task_id: str = answer.json()["requestId"]
    return task_id


async def credits(api: httpx2.AsyncClient, person: Person) -> tuple[int, int]:
    """What the balance says: available, held."""
    told = (await api.get(f"{PREFIX}/balance", headers=person.auth)).json()
    return told["creditsAvailable"], told["creditsHeld"]


async def move(pool: db.Pool, task_id: str, to: Status | Literal["expired"]) -> None:
    """Bring a queued task to the state `to`, by the steps that a worker takes."""
    async with db.transaction(pool) as conn:
        if to in ("processing", "succeeded"):
            started = await tasks.start(conn, task_id, attempts_max=3)
            assert started is not None
        if to == "succeeded":
            output = with_pictures(output_of(task_id), await tasks.get(conn, task_id))
            assert await tasks.succeed(conn, task_id, 1, output)
        elif to == "failed":
            assert await tasks.fail(conn, task_id, TaskFailure("render_failed", "The engine cannot draw this"))
        elif to == "expired":
            assert await tasks.fail(conn, task_id, TaskFailure("expired", "Too late"))
        elif to == "cancelled":
            await tasks.cancel(conn, await tasks.get(conn, task_id))


PLAN = {"setting": "forest", "shots": [{"move": "forward"}]}


def output_of(task_id: str, content: bytes = b"a film") -> Output:
    video = StoredFile(
        key=storage.output_key(task_id, 1, "video.mp4"),
        content_type="video/mp4",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).digest(),
    )
    return Output(video=video, width=1280, height=720, engine="previz", plan=PLAN)


def with_pictures(output: Output, task: tasks.Task) -> Output:
    """`output` with the pictures that its task asked for."""

    def beside(ending: str, content_type: str) -> StoredFile:
        key = f"{output.video.key.removesuffix('.mp4')}_{ending}"
        return StoredFile(key=key, content_type=content_type, size_bytes=1, sha256=bytes(32))

    return replace(
        output,
        last_frame=beside("last_frame.png", "image/png") if task.last_frame else None,
        thumbnail=beside("thumbnail.webp", "image/webp") if task.previews else None,
        spritesheet=beside("spritesheet.jpg", "image/jpeg") if task.previews else None,
    )


async def publish(settings: Settings, pool: db.Pool, task_id: str, content: bytes) -> str:
    """Finish a queued task with `content` as its stored output. Returns the storage key."""
    output = output_of(task_id, content)
    source = Path(settings.data_dir) / "source"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_bytes(content)
    async with open_runtime(settings, pool_size=2, name="test") as runtime:
        with contextlib.closing(runtime.storage) as store:
            await store.put(output.video.key, source, output.video.content_type)
    async with db.transaction(pool) as conn:
        await tasks.start(conn, task_id, attempts_max=3)
        assert await tasks.succeed(conn, task_id, 1, output)
    return output.video.key


def raw_json(values: Any) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode()
