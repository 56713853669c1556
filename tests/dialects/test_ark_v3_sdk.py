"""The maker's own SDK, unmodified, sync and async, against a running server with real renders."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import av
import httpx2
import pytest
import volcenginesdkarkruntime._exceptions as ark_errors

from seedbed import accounts, db, engines, ledger, tasks
from seedbed.errors import TaskFailure
from seedbed.ledger import Balance
from seedbed.settings import Settings
from tests import hostile_files as clips
from tests.conftest import Person, make_person, served
from tests.dialects.ark_wire import MODEL, PRO_1_5, TRAIN, Sdk, medium, text, using
from tests.dialects.test_studio_v1 import Told, host, settings
from tests.test_media_inputs import Shelf, quarters, written
from tests.test_tasks import output_of
from tests.test_worker import Gate, at_work
from tests.webhook_receivers import until

__all__ = ["host", "settings"]

BOTH = pytest.mark.parametrize("kind", ["sync", "async"])


@pytest.fixture
async def ark(settings: Settings, alice: Person, kind: str) -> AsyncIterator[Sdk]:
    async with served(settings) as url, using(kind, url, alice.key) as sdk:
        yield sdk


async def fetched(url: str) -> bytes:
    async with httpx2.AsyncClient() as client:
        return (await client.get(url)).raise_for_status().content


def sizes(data: bytes, tmp_path: Path) -> tuple[int, int, int]:
    """Width, height and frames of a video."""
    path = tmp_path / "fetched.mp4"
    path.write_bytes(data)
    with av.open(str(path)) as found:
        video = found.streams.video[0]
        return video.width, video.height, sum(1 for _ in found.decode(video))


# Real renders ------------------------------------------------------------------------------------------------


@BOTH
async def test_a_film_of_the_embedded_engine(
    ark: Sdk, alice: Person, settings: Settings, pool: db.Pool, tmp_path: Path, sound: None
) -> None:
    before = int(time.time())
    async with at_work(settings, tmp_path, engines.load("previz")):
        made = await ark(
            "create",
            model=MODEL,
            content=[text("A river flowing through an autumn forest --rs 480p --rt 1:1 --dur 4 --seed 10")],
            return_last_frame=True,
            generate_audio=False,
            safety_identifier="user-7",
        )
        assert (made.id[:4], made.safety_identifier) == ("cgt-", "user-7")
        found = await ark.ended(made.id)
    assert found.status == "succeeded", found.error
    assert before <= found.created_at <= found.updated_at <= time.time() + 1
    told = found.model_dump(exclude_unset=True)
    links = told.pop("content")
    assert set(links) == {"video_url", "last_frame_url"}
    assert told == {
        "id": made.id,
        "model": MODEL,
        "status": "succeeded",
        "error": None,
        "usage": {"completion_tokens": 4 * 480 * 480 * 24 // 1024, "total_tokens": 21_600},
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "seed": 10,
        "resolution": "480p",
        "ratio": "1:1",
        "duration": 4,
        "framespersecond": 24,
        "service_tier": "default",
        "execution_expires_after": 172_800,
        "generate_audio": False,
        "draft": False,
        "priority": 0,
        "safety_identifier": "user-7",
    }
    assert sizes(await fetched(links["video_url"]), tmp_path) == (480, 480, 96)
    assert (await fetched(links["last_frame_url"])).startswith(b"\x89PNG")
    async with db.connection(pool) as conn:
        task = await tasks.get(conn, made.id)
        assert task.prompt == "A river flowing through an autumn forest"
        assert await ledger.balance(conn, alice.account_id) == Balance(1000 - 16, 0)


@pytest.mark.parametrize("kind", ["async"])
async def test_a_picture_inside_the_request_comes_alive(
    ark: Sdk, alice: Person, settings: Settings, pool: db.Pool, tmp_path: Path, sound: None
) -> None:
    picture = base64.b64encode(written(quarters(320, 240), "PNG")).decode()
    async with at_work(settings, tmp_path, engines.load("previz")):
        task_id = await ark.create(None, medium("image", f"data:image/png;base64,{picture}"))
        async with db.connection(pool) as conn:
            kept = (await tasks.get(conn, task_id)).media[0]
        assert kept.url.startswith(f"{settings.base_url}/files/"), "the task holds an address, not the bytes"
        found = await ark.ended(task_id)
    assert (found.status, found.ratio) == ("succeeded", "4:3"), found.error
    assert sizes(await fetched(found.content.video_url), tmp_path) == (640, 480, 96)


# Every form of content ---------------------------------------------------------------------------------------


@BOTH
async def test_every_form_of_content(ark: Sdk, host: Shelf, settings: Settings, tmp_path: Path) -> None:
    def at(name: str) -> str:
        return f"http://127.0.0.1:{host.port}/{name}"

    first, last = medium("image", at("first"), "first_frame"), medium("image", at("last"), "last_frame")
    picture, clip = medium("image", at("first"), "reference_image"), medium("video", at("clip"), "reference_video")
    sound = medium("audio", at("sound"), "reference_audio")
    engine = Told()
    async with at_work(settings, tmp_path, engine):
        for words, media, roles in (
            (TRAIN, [], []),
            (TRAIN, [medium("image", at("first"))], ["first_frame"]),
            (None, [first], ["first_frame"]),
            (TRAIN, [last, first], ["first_frame", "last_frame"]),
            (TRAIN, [picture], ["reference"]),
            (None, [picture, clip, sound], ["reference"] * 3),
        ):
            found = await ark.ended(await ark.create(words, *media))
            assert found.status == "succeeded", found.error
            asked = engine.requests[-1]
            assert [each.role for each in asked.media] == roles
            assert asked.prompt == (words or "")
            clip_s = 0.5 if clip in media else 0
            seconds = 4 + clip_s
            expected = seconds * asked.width * asked.height * 24 / 1024
            assert found.usage.completion_tokens == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("kind", ["sync"])
async def test_clips_that_last_too_long_together_fail_and_are_refunded(
    ark: Sdk, alice: Person, settings: Settings, pool: db.Pool, host: Shelf, tmp_path: Path, sound: None
) -> None:
    host.media["long"] = clips.film(tmp_path / "long", frames=24 * 8).read_bytes()
    refs = [medium("video", f"http://127.0.0.1:{host.port}/{name}", "reference_video") for name in ("long", "long")]
    async with at_work(settings, tmp_path, Told()):
        found = await ark.ended(await ark.create(TRAIN, *refs))
    assert found.status == "failed"
    assert (found.error.code, found.error.message) == (
        "invalid_media",
        "'content.2.video_url.url' makes all that is a video last more than 15 seconds together",
    )
    async with db.connection(pool) as conn:
        assert await ledger.balance(conn, alice.account_id) == Balance(1000, 0)


# Lists -------------------------------------------------------------------------------------------------------


@BOTH
async def test_lists_pages_and_filters(ark: Sdk, pool: db.Pool) -> None:
    made = [await ark.create() for _ in range(5)]
    other = await ark.create(model=PRO_1_5, duration=5)
    async with db.transaction(pool) as conn:
        await tasks.cancel(conn, await tasks.get(conn, made[0]))
        await tasks.fail(conn, made[1], TaskFailure("render_failed", "no"))
        await tasks.fail(conn, made[2], TaskFailure("expired", "late"))
        await tasks.start(conn, made[3], attempts_max=3)

    async def ids(**asked: Any) -> tuple[list[str], int]:
        page = await ark("list", **asked)
        return [item.id for item in page.items], page.total

    assert await ids() == ([other, *made[::-1]], 6)
    assert await ids(page_num=2, page_size=4) == ([made[1], made[0]], 6)
    assert await ids(page_num=3, page_size=4) == ([], 6)
    expected = {"queued": [other, made[4]], "running": [made[3]], "cancelled": [made[0]], "failed": [made[1]]}
    for status, found in (expected | {"expired": [made[2]], "succeeded": []}).items():
        assert await ids(status=status) == (found, len(found)), status
    assert await ids(model=PRO_1_5) == ([other], 1)
    assert await ids(model="nobody's") == ([], 0)
    assert await ids(task_ids=[made[0], other, "cgt-nothing"]) == ([other, made[0]], 2)
    assert await ids(task_ids=made[1]) == ([made[1]], 1)
    assert await ids(service_tier="default", status="queued", page_size=1) == ([other], 2)
    assert await ids(service_tier="flex") == ([], 0)
    listed = (await ark("list", task_ids=other)).items[0]
    assert listed.model_dump(exclude_unset=True) == (await ark.get(other)).model_dump(exclude_unset=True)


# Deletion ----------------------------------------------------------------------------------------------------


@BOTH
async def test_deletion_in_every_state(ark: Sdk, alice: Person, pool: db.Pool, sound: None) -> None:
    waiting, running, good, bad, late = [await ark.create() for _ in range(5)]
    async with db.transaction(pool) as conn:
        for task_id in (running, good):
            await tasks.start(conn, task_id, attempts_max=3)
        await tasks.succeed(conn, good, 1, output_of(good))
        await tasks.fail(conn, bad, TaskFailure("render_failed", "no"))
        await tasks.fail(conn, late, TaskFailure("expired", "late"))
    link = (await ark.get(good)).content.video_url
    await ark("delete", task_id=waiting)
    assert (await ark.get(waiting)).status == "cancelled"
    with pytest.raises(ark_errors.ArkConflictError) as refused:
        await ark("delete", task_id=waiting)
    assert refused.value.code == "InvalidAction.CancelledTaskDeletion"
    with pytest.raises(ark_errors.ArkConflictError) as refused:
        await ark("delete", task_id=running)
    assert (refused.value.code, refused.value.type) == ("InvalidAction.RunningTaskDeletion", "Conflict")
    assert (await ark.get(running)).status == "running"
    for task_id in (good, bad, late):
        await ark("delete", task_id=task_id)
        with pytest.raises(ark_errors.ArkNotFoundError):
            await ark.get(task_id)
        with pytest.raises(ark_errors.ArkNotFoundError):
            await ark("delete", task_id=task_id)
    assert [item.id for item in (await ark("list")).items] == [running, waiting]
    async with httpx2.AsyncClient() as client:
        assert (await client.get(link)).status_code == 404
    async with db.connection(pool) as conn:
        assert await ledger.balance(conn, alice.account_id) == Balance(1000 - 32, 16)


# Errors ------------------------------------------------------------------------------------------------------


@BOTH
async def test_errors_are_the_sdks_own_exceptions(ark: Sdk, alice: Person, settings: Settings, pool: db.Pool) -> None:
    cases: list[tuple[dict[str, Any], type[ark_errors.ArkAPIStatusError], str, str | None, str | None]] = [
        ({"content": []}, ark_errors.ArkBadRequestError, "InvalidParameter", "content", "BadRequest"),
        ({"model": None}, ark_errors.ArkBadRequestError, "MissingParameter", "model", "BadRequest"),
        ({"ratio": "2:1"}, ark_errors.ArkBadRequestError, "InvalidParameter", "ratio", "BadRequest"),
        ({"model": "sora-2"}, ark_errors.ArkNotFoundError, "InvalidEndpointOrModel.NotFound", "model", "NotFound"),
        (
            {"content": [text(), medium("audio", "https://example.com/a.mp3", "reference_audio")]},
            ark_errors.ArkBadRequestError,
            "InvalidParameter.TaskTypeConstraint",
            "content",
            "BadRequest",
        ),
        (
            {"resolution": "4k", "duration": 15, "extra_body": {"duration": 15}, "priority": 9} | {"n": 1},
            ark_errors.ArkBadRequestError,
            "InvalidParameter",
            "n",
            "BadRequest",
        ),
    ]
    for fields, kind, code, param, error_type in cases:
        extra = {"extra_body": {"n": fields.pop("n")}} if "n" in fields else {}
        with pytest.raises(kind) as refused:
            await ark.create(**fields | extra)
        assert (refused.value.code, refused.value.param, refused.value.type) == (code, param, error_type)
        assert refused.value.request_id
        assert re.search(r"Request id: [0-9a-f]{32}", str(refused.value))
    with pytest.raises(ark_errors.ArkNotFoundError) as missing:
        await ark.get("cgt-nothing")
    assert missing.value.code == "ResourceNotFound"
    async with using(ark.kind, settings.base_url, accounts.new_secret("open")) as stranger:
        with pytest.raises(ark_errors.ArkAuthenticationError) as unknown:
            await stranger.create()
    assert (unknown.value.code, unknown.value.type) == ("AuthenticationError", "Unauthorized")
    async with db.transaction(pool) as conn:
        poor = await make_person(conn, "poor", credits=1)
    async with using(ark.kind, settings.base_url, poor.key) as sdk:
        with pytest.raises(ark_errors.ArkPermissionDeniedError) as broke:
            await sdk.create()
    assert broke.value.code == "AccountOverdueError"


@BOTH
async def test_limits_are_429_and_asked_once(ark: Sdk, settings: Settings, pool: db.Pool) -> None:
    async with db.transaction(pool) as conn:
        slow = await make_person(conn, "slow", per_minute=1)
        spent = await make_person(conn, "spent", monthly=0)
    for person, code in ((slow, "RateLimitExceeded"), (spent, "SetLimitExceeded")):
        async with using(ark.kind, settings.base_url, person.key) as sdk:
            if person is slow:
                await sdk("list")
            began = time.monotonic()
            with pytest.raises(ark_errors.ArkRateLimitError) as refused:
                await sdk.create()
        assert refused.value.code == code
        assert time.monotonic() - began < 0.4, "it was not sent again"


@BOTH
async def test_a_full_queue_is_429(settings: Settings, alice: Person, kind: str) -> None:
    small = settings.model_copy(update={"queued_max": 1})
    async with served(small) as url, using(kind, url, alice.key) as ark:
        await ark.create()
        with pytest.raises(ark_errors.ArkRateLimitError) as refused:
            await ark.create()
    assert refused.value.code == "QuotaExceeded"


# Retries -----------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def forgetful(port: int, lost: int) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A way to the server that loses its first `lost` answers; the address, and the bodies that went over it."""
    bodies: list[bytes] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        assert length is not None
        body = await reader.readexactly(int(length[1]))
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        there_writer.write(re.sub(rb"(?i)connection: keep-alive", b"Connection: close", head) + body)
        answer = await there_reader.read()
        bodies.append(body)
        if len(bodies) > lost:
            writer.write(answer)
            await writer.drain()
        there_writer.close()
        writer.close()

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", bodies


@BOTH
async def test_lost_answers_and_the_sdks_own_retries_buy_once(
    ark: Sdk, settings: Settings, pool: db.Pool, alice: Person, sound: None
) -> None:
    async with forgetful(settings.port, lost=2) as (url, bodies), using(ark.kind, url, alice.key) as sdk:
        task_id = await sdk.create(extra_headers={"Idempotency-Key": "order-17"})
    assert len(bodies) == 3, "two answers were lost, and the SDK sent it again each time"
    assert len(set(bodies)) == 1
    assert [item.id for item in (await ark("list")).items] == [task_id]
    async with db.connection(pool) as conn:
        assert await ledger.balance(conn, alice.account_id) == Balance(984, 16)


@BOTH
async def test_a_retry_with_one_key_buys_once(ark: Sdk, pool: db.Pool, alice: Person) -> None:
    head = {"Idempotency-Key": f"order-{os.getpid()}"}
    ids = {await ark.create(extra_headers=head) for _ in range(3)}
    assert len(ids) == 1
    with pytest.raises(ark_errors.ArkConflictError) as refused:
        await ark.create("Something else", extra_headers=head)
    assert refused.value.code == "IdempotencyConflict"
    async with db.connection(pool) as conn:
        assert await ledger.balance(conn, alice.account_id) == Balance(984, 16)


@BOTH
async def test_an_expired_task_is_refunded(
    ark: Sdk, alice: Person, settings: Settings, pool: db.Pool, tmp_path: Path
) -> None:
    task_id = await ark.create(execution_expires_after=3600)
    assert (await ark.get(task_id)).execution_expires_after == 3600
    async with db.connection(pool) as conn:
        task = await tasks.get(conn, task_id)
        assert task.expires_at is not None
        assert (task.expires_at - task.created_at).total_seconds() == 3600
        await conn.execute("UPDATE tasks SET expires_at = now() WHERE id = $1", task_id)
        assert await ledger.balance(conn, alice.account_id) == Balance(984, 16)
    async with at_work(settings, tmp_path, Told()):
        found = await ark.ended(task_id, timeout_s=10)
    assert (found.status, found.error.code) == ("expired", "expired")
    async with db.connection(pool) as conn:
        assert await ledger.balance(conn, alice.account_id) == Balance(1000, 0)


@BOTH
async def test_a_running_task_is_not_deleted_and_expires_in_time(
    ark: Sdk, alice: Person, settings: Settings, pool: db.Pool, tmp_path: Path, sound: None
) -> None:
    """The worker holds it in its hands: deletion is refused; when its time is over, the work stops and is refunded."""
    gate = Gate()
    async with at_work(settings, tmp_path, gate):
        task_id = await ark.create(execution_expires_after=3600)
        await until(lambda: gate.inside == 1)
        assert (await ark.get(task_id)).status == "running"
        with pytest.raises(ark_errors.ArkConflictError) as refused:
            await ark("delete", task_id=task_id)
        assert refused.value.code == "InvalidAction.RunningTaskDeletion"
        assert gate.cancelled == 0
        async with db.connection(pool) as conn:
            await conn.execute("UPDATE tasks SET expires_at = now() WHERE id = $1", task_id)
        found = await ark.ended(task_id, timeout_s=30)
        await until(lambda: gate.cancelled == 1)
    assert (found.status, found.error.code) == ("expired", "expired")
    assert [item.id for item in (await ark("list", status="expired")).items] == [task_id]
    async with db.connection(pool) as conn:
        assert await ledger.balance(conn, alice.account_id) == Balance(1000, 0)


# Priority ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["async"])
async def test_the_urgent_go_first_and_equals_in_their_order(
    ark: Sdk, settings: Settings, tmp_path: Path, sound: None
) -> None:
    """Five tasks wait when the worker comes, which has one pair of hands."""
    wanted = {"idle": 0, "late": None, "urgent": 9, "soon": 3, "also urgent": 9}
    made = {
        words: await ark.create(words, **({} if priority is None else {"priority": priority}))
        for words, priority in wanted.items()
    }
    for words, priority in wanted.items():
        assert (await ark.get(made[words])).priority == (priority or 0)
    engine = Told()
    async with at_work(settings.model_copy(update={"concurrency": 1}), tmp_path, engine):
        for task_id in made.values():
            assert (await ark.ended(task_id)).status == "succeeded"
    order = ["urgent", "also urgent", "soon", "idle", "late"]
    assert [request.prompt for request in engine.requests] == order
