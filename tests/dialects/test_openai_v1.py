"""The OpenAI Videos dialect, field by field: what it takes, refuses and says, and what a worker makes of it."""

from __future__ import annotations

import asyncio
import io
import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from seedbed import accounts, catalogue, db, errors, ledger, sweeps, tasks
from seedbed.dialects import openai_v1
from seedbed.dialects._openai_v1_request import sizes
from seedbed.engines import Progress, RenderRequest, RenderResult
from seedbed.settings import Settings
from tests.conftest import Person, make_person, served
from tests.dialects.conftest import another_key
from tests.dialects.test_studio_v1 import host, settings
from tests.dialects.wire import move
from tests.engines_for_tests import Clip
from tests.media_samples import quarters, written
from tests.s3 import CREDENTIALS, S3Server, s3_server
from tests.test_last_frame import all_frames, kept
from tests.test_worker import Gate, at_work
from tests.webhook_receivers import until

__all__ = ["host", "s3_server", "settings"]

VIDEOS = "/v1/videos"
PICTURE = written(quarters(), "PNG")
FIELDS = [
    *("id", "object", "model", "status", "progress", "created_at", "completed_at", "expires_at", "prompt", "size"),
    *("seconds", "remixed_from_video_id", "error"),
]


class Noting(Clip):
    """Makes plain films at once, and remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[RenderRequest] = []

    async def render(self, request: RenderRequest, scratch: Path, progress: Progress) -> RenderResult:
        self.requests.append(request)
        return await super().render(request, scratch, progress)


async def submit(api: httpx2.AsyncClient, person: Person, **fields: Any) -> httpx2.Response:
    return await api.post(VIDEOS, json={"prompt": "A river"} | fields, headers=person.auth)


async def made(api: httpx2.AsyncClient, person: Person, **fields: Any) -> str:
    answer = await submit(api, person, **fields)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def task_of(pool: db.Pool, task_id: str) -> tasks.Task:
    async with db.connection(pool) as conn:
        return await tasks.get(conn, task_id)


def refused(
    answer: httpx2.Response, status: int, code: str, message: str, param: str | None = None, kind: str | None = None
) -> None:
    """The whole body: nothing more, nothing less."""
    told = {"message": message, "type": kind or "invalid_request_error", "param": param, "code": code}
    assert (answer.status_code, answer.json()) == (status, {"error": told})
    assert answer.headers["content-type"] == "application/json"


# Asking ------------------------------------------------------------------------------------------------------


async def test_the_contracts_own_request(api: httpx2.AsyncClient, ana: Person, pool: db.Pool, sound: None) -> None:
    answer = await submit(api, ana, model="sora-2", seconds="8", size="1280x720")
    assert answer.status_code == 200
    told = answer.json()
    assert re.fullmatch(r"video_[0-9A-Za-z]{22}", told["id"])
    assert list(told.items()) == [
        ("id", told["id"]),
        ("object", "video"),
        ("model", "sora-2"),
        ("status", "queued"),
        ("progress", 0),
        ("created_at", told["created_at"]),
        ("completed_at", None),
        ("expires_at", None),
        ("prompt", "A river"),
        ("size", "1280x720"),
        ("seconds", "8"),
        ("remixed_from_video_id", None),
        ("error", None),
    ]
    async with db.connection(pool) as conn:
        assert (await ledger.balance(conn, ana.account_id)).held == 64


async def test_defaults_and_null_as_an_absent_field(api: httpx2.AsyncClient, ana: Person, pool: db.Pool) -> None:
    nulls = dict.fromkeys(["model", "seconds", "size", "input_reference", "seed", "generate_audio", "fixed_lens"])
    for fields in ({}, nulls):
        answer = await submit(api, ana, **fields)
        assert [answer.json()[name] for name in ("model", "seconds", "size")] == ["sora-2", "4", "720x1280"]
        task = await task_of(pool, answer.json()["id"])
        assert (task.quality, task.mode, task.media, task.previews) == ("standard", "text_to_video", (), True)
        assert (task.aspect_ratio, task.resolution, task.duration_s) == ("9:16", "720p", 4)
        assert (task.audio, task.fixed_lens, task.last_frame) == (True, False, False)


async def test_nulls_are_absent_inside_the_picture_too(api: httpx2.AsyncClient, ana: Person, pool: db.Pool) -> None:
    picture = {"image_url": "https://example.com/a.png", "file_id": None}
    task = await task_of(pool, await made(api, ana, input_reference=picture))
    assert [medium.role for medium in task.media] == ["first_frame"]
    answer = await submit(api, ana, input_reference={"image_url": None, "file_id": None})
    refused(answer, 400, "invalid_value", "'input_reference.image_url' is required", "input_reference.image_url")


async def test_every_model_name_size_and_length(api: httpx2.AsyncClient, ana: Person, pool: db.Pool) -> None:
    for model in catalogue.load().sold_by("openai"):
        for name in model.names_in("openai"):
            for size, (resolution, ratio) in sizes(model, "text_to_video").items():
                answer = await submit(api, ana, model=name, size=size)
                assert (answer.status_code, answer.json()["model"], answer.json()["size"]) == (200, name, size)
                task = await task_of(pool, answer.json()["id"])
                width, height = catalogue.pixels(task.resolution, task.aspect_ratio)
                assert f"{width}x{height}" == size
                assert (task.resolution, task.aspect_ratio) == (resolution, ratio)
                assert task.price_credits == catalogue.price(model, "text_to_video", resolution, 4)
        for seconds in model.durations_s:
            for sent in (str(seconds), seconds):
                assert (await submit(api, ana, model=model.id, seconds=sent)).json()["seconds"] == str(seconds)


@pytest.mark.parametrize(
    ("model", "size"),
    [("sora-2", "720x1280"), ("sora-2", "1280x720"), ("sora-2-pro", "1024x1792"), ("sora-2-pro", "1792x1024")],
)
async def test_the_sizes_of_the_first_api_are_delivered_to_the_pixel(
    api: httpx2.AsyncClient, ana: Person, settings: Settings, tmp_path: Path, size: str, model: str, sound: None
) -> None:
    width, height = map(int, size.split("x"))
    engine = Noting()
    async with at_work(settings, tmp_path, engine):
        told = await ended(api, ana, await made(api, ana, model=model, size=size))
    assert told["status"] == "completed", told
    assert [(request.width, request.height, request.quality) for request in engine.requests] == [
        (width, height, "pro" if model == "sora-2-pro" else "standard")
    ]
    frame = all_frames(io.BytesIO((await content(api, ana, told["id"])).content))[0]
    assert frame.shape == (height, width, 3)


async def test_extensions(api: httpx2.AsyncClient, ana: Person, pool: db.Pool) -> None:
    task = await task_of(pool, await made(api, ana, seed=4294967295, generate_audio=False, fixed_lens=True))
    assert (task.seed, task.audio, task.fixed_lens) == (4294967295, False, True)
    form = {"prompt": "A river", "seed": "7", "generate_audio": "false", "fixed_lens": "true"}
    answer = await api.post(VIDEOS, files={name: (None, text) for name, text in form.items()}, headers=ana.auth)
    task = await task_of(pool, answer.json()["id"])
    assert (task.seed, task.audio, task.fixed_lens) == (7, False, True)


LENGTHS = "4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15"
BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "no prompt": ({"prompt": None}, "prompt", "'prompt' is required"),
    "an empty prompt": ({"prompt": ""}, "prompt", "'prompt': string should have at least 1 character"),
    "blanks": ({"prompt": " \t\n "}, "prompt", "'prompt' must say what the video shows; it is blank"),
    "32,001 characters": (
        {"prompt": "x" * 32_001},
        "prompt",
        "'prompt': string should have at most 32000 characters",
    ),
    "an unknown field": ({"n": 2}, "n", "'n' is not a field of this request"),
    "an unknown model": (
        {"model": "sora-1"},
        "model",
        "'model' must be one of sora-2, videos-standard, sora-2-pro, videos-pro",
    ),
    "a model of another API": (
        {"model": "seedance-2.0"},
        "model",
        "'model' must be one of sora-2, videos-standard, sora-2-pro, videos-pro",
    ),
    "3 s": ({"seconds": "3"}, "seconds", f"'seconds' must be one of {LENGTHS}"),
    "16 s": ({"seconds": 16}, "seconds", f"'seconds' must be one of {LENGTHS}"),
    "4.5 s": ({"seconds": 4.5}, "seconds", "'seconds': input should be a valid string"),
    "true s": ({"seconds": True}, "seconds", "'seconds': input should be a valid string"),
    "sizes": (
        {"size": "641x480"},
        "size",
        "'size' must be one of " + ", ".join(sizes(catalogue.load().by_id["videos-standard"], "text_to_video")),
    ),
    "a size of the other model": (
        {"size": "854x480", "model": "sora-2-pro"},
        "size",
        "'size' must be one of " + ", ".join(sizes(catalogue.load().by_id["videos-pro"], "text_to_video")),
    ),
    "a size in numbers": ({"size": 720}, "size", "'size': input should be a valid string"),
    "seed below": ({"seed": -2}, "seed", "'seed': input should be greater than or equal to -1"),
    "seed above": ({"seed": 2**32}, "seed", "'seed': input should be less than or equal to 4294967295"),
    "seed in words": ({"seed": "7"}, "seed", "'seed': input should be a valid integer"),
    "audio in words": (
        {"generate_audio": "yes"},
        "generate_audio",
        "'generate_audio': input should be a valid boolean",
    ),
    "a bare address": (
        {"input_reference": "https://example.com/a.png"},
        "input_reference",
        "'input_reference' must be an object",
    ),
    "a file by its id": (
        {"input_reference": {"file_id": "file-1"}},
        "input_reference.image_url",
        "'input_reference.image_url' is required",
    ),
    "a clip": (
        {"input_reference": {"image_url": "https://example.com/a.mp4"}},
        "input_reference.image_url",
        "'input_reference.image_url' must end in one of .jpg, .jpeg, .png, .webp, .gif, .bmp, or have no extension",
    ),
}


async def test_each_field_at_fault_is_named(api: httpx2.AsyncClient, ana: Person, pool: db.Pool, sound: None) -> None:
    for name, (fields, param, message) in BAD.items():
        answer = await submit(api, ana, **fields)
        told = {"message": message, "type": "invalid_request_error", "param": param, "code": "invalid_value"}
        assert (answer.status_code, answer.json()) == (400, {"error": told}), name
    for url in ("http://example.com/a.jpg", "https://127.0.0.1/a.jpg", "https://10.0.0.5/a.jpg", "file:///etc/passwd"):
        answer = await submit(api, ana, input_reference={"image_url": url})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "input_reference.image_url")
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT count(*) FROM tasks") == 0


# Refusals ----------------------------------------------------------------------------------------------------


async def test_everything_under_the_prefix_is_refused_in_one_shape(
    api: httpx2.AsyncClient, ana: Person, pool: db.Pool
) -> None:
    for headers in ({}, {"Authorization": "Bearer sk_live_nonsense"}, {"Authorization": ana.key}):
        answer = await api.post(VIDEOS, json={"prompt": "A river"}, headers=headers)
        refused(answer, 401, "invalid_api_key", "Invalid API key")
        assert answer.headers["www-authenticate"] == "Bearer"
    for path in ("/v1", "/v1/", "/v1/models", "/v1/chat/completions", f"{VIDEOS}/a/b"):
        refused(await api.get(path, headers=ana.auth), 404, "not_found", "There is no such path")
    answer = await api.put(VIDEOS, headers=ana.auth)
    refused(answer, 405, "method_not_allowed", "This path does not take that method")
    assert answer.headers["allow"] == "GET, HEAD, POST"
    answer = await api.patch(f"{VIDEOS}/video_1", headers=ana.auth)
    assert answer.headers["allow"] == "DELETE, GET, HEAD"
    broken = await api.post(VIDEOS, content=b"{", headers=ana.auth)
    assert (broken.status_code, broken.json()["error"]["code"]) == (400, "invalid_value")
    large = await api.post(f"{VIDEOS}/video_1/remix", content=b" " * (2 << 20), headers=ana.auth)
    refused(large, 413, "payload_too_large", "The request body is over 1048576 bytes")
    refused(await api.get(f"{VIDEOS}/video_none", headers=ana.auth), 404, "not_found", "Video not found", "video_id")
    async with db.transaction(pool) as conn:
        poor = await another_key(conn, await make_person(conn, "poor", credits=31))
    answer = await submit(api, poor)
    told = "This request needs 32 credits and 31 are available"
    refused(answer, 402, "insufficient_quota", told, kind="insufficient_quota")
    assert answer.headers["x-should-retry"] == "false"


async def test_the_prefix_swallows_nothing_else(api: httpx2.AsyncClient) -> None:
    for path in ("/v10", "/v1videos", "/v2/videos", "/vi/videos"):
        answer = await api.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/plain; charset=utf-8")
    assert (await api.get("/api/v1/nothing")).json() == {
        "error": {"code": "not_found", "message": "There is no such path"}
    }
    assert (await api.get("/healthz")).status_code == 200


async def test_too_many_requests_say_when_to_come_again(api: httpx2.AsyncClient, pool: db.Pool) -> None:
    async with db.transaction(pool) as conn:
        hasty = await make_person(conn, "hasty", per_minute=1)
    assert (await api.get(VIDEOS, headers=hasty.auth)).status_code == 200
    answer = await api.get(VIDEOS, headers=hasty.auth)
    told = answer.json()["error"]
    assert (answer.status_code, told["type"], told["code"]) == (429, "rate_limit_error", "rate_limit_exceeded")
    assert 1 <= int(answer.headers["retry-after"]) <= 60


async def test_one_key_buys_once(api: httpx2.AsyncClient, ana: Person, pool: db.Pool, sound: None) -> None:
    async def post(key: str, **fields: Any) -> httpx2.Response:
        body = {"prompt": "A river"} | fields
        return await api.post(VIDEOS, json=body, headers=ana.auth | {"Idempotency-Key": key})

    first, again = await post("k-1"), await post("k-1")
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    other = await post("k-1", seconds="5")
    message = "This Idempotency-Key was used with another body"
    refused(other, 409, "idempotency_conflict", message)
    assert other.headers["x-should-retry"] == "false"
    crowd = await asyncio.gather(*(post("k-2") for _ in range(20)))
    assert {answer.status_code for answer in crowd} <= {200, 409}
    assert all("x-should-retry" not in answer.headers for answer in crowd), "who waits a little gets the answer"
    assert len({answer.content for answer in crowd if answer.status_code == 200}) == 1
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT count(*) FROM tasks") == 2


async def test_a_video_belongs_to_its_account(
    api: httpx2.AsyncClient, ana: Person, alice: Person, pool: db.Pool
) -> None:
    async with db.transaction(pool) as conn:
        key_id, secret = await accounts.create_key(conn, ana.account_id, "open")
        stranger = await another_key(conn, alice)
    sister = Person(ana.account_id, key_id, secret)
    task_id = await made(api, ana)
    assert (await api.get(f"{VIDEOS}/{task_id}", headers=sister.auth)).json()["id"] == task_id
    assert [video["id"] for video in (await api.get(VIDEOS, headers=sister.auth)).json()["data"]] == [task_id]
    one = f"{VIDEOS}/{task_id}"
    for answer in (
        await api.get(one, headers=stranger.auth),
        await api.get(f"{one}/content", headers=stranger.auth),
        await api.delete(one, headers=stranger.auth),
        await api.post(f"{one}/remix", json={"prompt": "By night"}, headers=stranger.auth),
        await api.get(f"{VIDEOS}?after={task_id}", headers=stranger.auth),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert (await api.get(VIDEOS, headers=stranger.auth)).json()["data"] == []
    assert (await api.get(f"/api/v1/tasks/{task_id}", headers=ana.auth)).status_code == 404


# Looking -----------------------------------------------------------------------------------------------------


async def test_a_video_in_every_state(api: httpx2.AsyncClient, ana: Person, pool: db.Pool, sound: None) -> None:
    ends: dict[str, tuple[str, int, dict[str, str] | None]] = {
        "queued": ("queued", 0, None),
        "processing": ("in_progress", 0, None),
        "succeeded": ("completed", 100, None),
        "failed": ("failed", 0, {"code": "render_failed", "message": "The engine cannot draw this"}),
        "expired": ("failed", 0, {"code": "expired", "message": "Too late"}),
        "cancelled": ("failed", 0, {"code": "cancelled", "message": "The video was cancelled"}),
    }
    for state, (status, progress, error) in ends.items():
        task_id = await made(api, ana, size="1280x720")
        await move(pool, task_id, state)
        answer = await api.get(f"{VIDEOS}/{task_id}", headers=ana.auth)
        told = answer.json()
        assert list(told) == FIELDS
        assert (told["status"], told["progress"], told["error"]) == (status, progress, error)
        assert (told["completed_at"] is not None) == (status == "completed")
        assert told["completed_at"] is None or told["completed_at"] >= told["created_at"]
        polled = answer.headers.get("openai-poll-after-ms")
        assert polled == ("1000" if status in ("queued", "in_progress") else None)


async def test_progress_is_in_whole_percents_and_100_only_at_the_end(
    api: httpx2.AsyncClient, ana: Person, pool: db.Pool
) -> None:
    task_id = await made(api, ana)
    await move(pool, task_id, "processing")
    for share, percent in ((0.004, 0), (0.019, 1), (0.5, 50), (0.999, 99), (1.0, 99)):
        async with db.connection(pool) as conn:
            await tasks.watch(conn, [tasks.Run(task_id, 1, share)])
        assert (await api.get(f"{VIDEOS}/{task_id}", headers=ana.auth)).json()["progress"] == percent


async def test_lists(api: httpx2.AsyncClient, ana: Person, pool: db.Pool) -> None:
    empty = (await api.get(VIDEOS, headers=ana.auth)).json()
    assert empty == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}
    ids = [await made(api, ana, prompt=f"River {number}") for number in range(3)]
    whole = (await api.get(VIDEOS, headers=ana.auth)).json()
    assert list(whole) == ["object", "data", "first_id", "last_id", "has_more"]
    assert [video["id"] for video in whole["data"]] == ids[::-1]
    assert (whole["first_id"], whole["last_id"], whole["has_more"]) == (ids[2], ids[0], False)
    assert list(whole["data"][0]) == FIELDS
    page = (await api.get(f"{VIDEOS}?limit=1&order=asc&after={ids[0]}", headers=ana.auth)).json()
    assert ([video["id"] for video in page["data"]], page["has_more"]) == ([ids[1]], True)
    await api.delete(f"{VIDEOS}/{ids[0]}", headers=ana.auth)
    after = (await api.get(f"{VIDEOS}?order=asc&after={ids[0]}", headers=ana.auth)).json()
    assert [video["id"] for video in after["data"]] == ids[1:], "a page goes on where a deleted video stood"
    for query, message in (
        ("limit=0", "'limit' must be a whole number from 1 to 100"),
        ("limit=101", "'limit' must be a whole number from 1 to 100"),
        ("limit=x", "'limit' must be a whole number from 1 to 100"),
        ("order=up", "'order' must be one of asc, desc"),
    ):
        answer = await api.get(f"{VIDEOS}?{query}", headers=ana.auth)
        refused(answer, 400, "invalid_value", message, query.partition("=")[0])
    answer = await api.get(f"{VIDEOS}?after=video_none", headers=ana.auth)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


# Ends --------------------------------------------------------------------------------------------------------


async def content(api: httpx2.AsyncClient, person: Person, task_id: str, variant: str = "video") -> httpx2.Response:
    return await api.get(f"{VIDEOS}/{task_id}/content", params={"variant": variant}, headers=person.auth)


async def ended(api: httpx2.AsyncClient, person: Person, task_id: str) -> dict[str, Any]:
    async with asyncio.timeout(120):
        while True:
            told: dict[str, Any] = (await api.get(f"{VIDEOS}/{task_id}", headers=person.auth)).json()
            if told["status"] not in ("queued", "in_progress"):
                return told
            await asyncio.sleep(0.1)


async def test_content_as_the_files_are(
    api: httpx2.AsyncClient, ana: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    async with at_work(settings, tmp_path, Noting()):
        task_id = await made(api, ana, size="854x480")
        assert (await ended(api, ana, task_id))["status"] == "completed"
    types = {"video": "video/mp4", "thumbnail": "image/webp", "spritesheet": "image/jpeg"}
    for variant, content_type in types.items():
        whole = await content(api, ana, task_id, variant)
        assert (whole.status_code, whole.headers["content-type"]) == (200, content_type)
        assert int(whole.headers["content-length"]) == len(whole.content)
        assert whole.headers["cache-control"] == "private, no-cache"
        one = f"{VIDEOS}/{task_id}/content?variant={variant}"
        part = await api.get(one, headers=ana.auth | {"Range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, whole.content[10:20])
        known = await api.get(one, headers=ana.auth | {"If-None-Match": whole.headers["etag"]})
        assert (known.status_code, known.content) == (304, b"")
        beyond = await api.get(one, headers=ana.auth | {"Range": f"bytes={len(whole.content)}-"})
        assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(whole.content)}")
        head = await api.head(one, headers=ana.auth)
        assert (head.headers["content-length"], head.content) == (str(len(whole.content)), b"")
        if variant != "video":
            assert (
                Image.open(io.BytesIO(whole.content)).format
                == {"image/webp": "WEBP", "image/jpeg": "JPEG"}[content_type]
            )
    assert (await content(api, ana, task_id)).headers["content-disposition"] == f'inline; filename="{task_id}.mp4"'
    message = "'variant' must be one of video, thumbnail, spritesheet"
    refused(await content(api, ana, task_id, "audio"), 400, "invalid_value", message, "variant")
    assert (await api.get(f"{VIDEOS}/{task_id}/content")).status_code == 401


async def test_content_in_s3_is_a_redirect_that_clients_follow(
    ana: Person, settings: Settings, tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    there = settings.model_copy(update={"storage_url": s3_server.storage_url(s3_server.bucket(), "films")})
    async with served(there) as url, httpx2.AsyncClient(base_url=url, follow_redirects=True, timeout=30) as api:
        async with at_work(there, tmp_path, Noting()):
            task_id = await made(api, ana, size="854x480")
            assert (await ended(api, ana, task_id))["status"] == "completed"
        for variant, content_type in (("video", "video/mp4"), ("thumbnail", "image/webp")):
            answer = await content(api, ana, task_id, variant)
            assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)
            [ours] = answer.history
            assert (ours.status_code, ours.headers["cache-control"]) == (302, "no-store")
            assert "authorization" not in answer.request.headers, "the key stays with us"


async def test_there_is_no_content_before_the_end(api: httpx2.AsyncClient, ana: Person, pool: db.Pool) -> None:
    for state, message in (
        ("queued", "The video is queued and has no content; wait until it is completed"),
        ("processing", "The video is in progress and has no content; wait until it is completed"),
        ("failed", "The video is failed and has no content"),
        ("cancelled", "The video is failed and has no content"),
    ):
        task_id = await made(api, ana)
        await move(pool, task_id, state)
        refused(await content(api, ana, task_id), 404, "not_ready", message)


@pytest.mark.parametrize("state", ["queued", "processing", "succeeded", "failed", "cancelled"])
async def test_deleting_in_every_state(
    api: httpx2.AsyncClient, ana: Person, pool: db.Pool, state: str, sound: None
) -> None:
    task_id = await made(api, ana)
    await move(pool, task_id, state)
    answer = await api.delete(f"{VIDEOS}/{task_id}", headers=ana.auth)
    assert answer.json() == {"id": task_id, "object": "video.deleted", "deleted": True}
    for gone in (await api.get(f"{VIDEOS}/{task_id}", headers=ana.auth), await content(api, ana, task_id)):
        refused(gone, 404, "not_found", "Video not found", "video_id")
    refused(await api.delete(f"{VIDEOS}/{task_id}", headers=ana.auth), 404, "not_found", "Video not found", "video_id")
    assert (await api.get(VIDEOS, headers=ana.auth)).json()["data"] == []
    async with db.connection(pool) as conn:
        balance = await ledger.balance(conn, ana.account_id)
    assert (balance.held, balance.available) == (0, 100_000 - (32 if state == "succeeded" else 0))


async def test_deleting_clears_the_files(
    api: httpx2.AsyncClient, ana: Person, settings: Settings, tmp_path: Path, pool: db.Pool, sound: None
) -> None:
    async with at_work(settings, tmp_path, Noting()) as worker:
        task_id = await made(api, ana, size="854x480")
        assert (await ended(api, ana, task_id))["status"] == "completed"
        assert len(kept(settings)) == 3
        await api.delete(f"{VIDEOS}/{task_id}", headers=ana.auth)
        await sweeps.clear_storage(worker.runtime, worker._renderer)
        assert kept(settings) == []


async def test_deleting_stops_the_work(
    api: httpx2.AsyncClient, ana: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    gate = Gate()
    async with at_work(settings, tmp_path, gate):
        task_id = await made(api, ana)
        await until(lambda: gate.inside == 1)
        await api.delete(f"{VIDEOS}/{task_id}", headers=ana.auth)
        await until(lambda: gate.cancelled == 1)
    assert kept(settings) == []


# Webhooks ----------------------------------------------------------------------------------------------------


async def test_a_webhook_stays_small(api: httpx2.AsyncClient, ana: Person, pool: db.Pool) -> None:
    prompts = ("A river", "🌊" * 32_000, '"\\' * 16_000, "\x01" * 31_999 + "x")
    for prompt in prompts:
        task = await task_of(pool, await made(api, ana, prompt=prompt))
        body = openai_v1.callback_body(task, "queued", str)
        assert len(json.dumps(body, ensure_ascii=False).encode()) < 20_000
        assert body["prompt"] == prompt if prompt == "A river" else prompt.startswith(body["prompt"].removesuffix("…"))
        assert len(body["prompt"]) > 1_000 or prompt == "A river"
        assert (await api.get(f"{VIDEOS}/{task.id}", headers=ana.auth)).json()["prompt"] == prompt


async def test_a_catalogue_without_a_model_for_it(settings: Settings, pool: db.Pool, tmp_path: Path) -> None:
    """An operator's own catalogue may sell nothing here: the service starts all the same, and says so."""
    own = tmp_path / "own.toml"
    kept_models = catalogue.BUILT_IN.read_text().split("[[model]]")
    own.write_text("[[model]]".join(part for part in kept_models if '"openai"' not in part))
    async with db.transaction(pool) as conn:
        ana = await another_key(conn, await make_person(conn, "ana"))
    async with served(settings.model_copy(update={"catalogue": own})) as url, httpx2.AsyncClient(base_url=url) as api:
        answer = await submit(api, ana)
        refused(answer, 404, "not_found", "This server's catalogue has no model for /v1/videos")
        assert (await api.get("/openapi/openai.json")).status_code == 200


def test_every_code_of_the_core_has_a_word_here() -> None:
    codes = {
        kind.code for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ApiError)
    }
    assert codes == openai_v1.ERRORS.keys()
