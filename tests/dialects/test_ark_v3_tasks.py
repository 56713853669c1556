"""What becomes of Ark tasks: who sees them, media inside requests, callbacks, what is told of what was made."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx2
import orjson
from PIL import Image

from seedbed import accounts, courier, db, queue, tasks, uploads, webhooks
from seedbed.dialects import ark_v3
from seedbed.errors import TaskFailure
from seedbed.outbound import PublicClient
from seedbed.runtime import open_runtime
from seedbed.settings import Settings
from seedbed.sweeps import clear_uploads
from tests import hostile_files as files
from tests.conftest import Person, make_person, served
from tests.dialects.ark_wire import MODEL, TASKS, inside, made, medium, post, refused
from tests.dialects.test_studio_v1 import Told
from tests.test_media_inputs import quarters, written
from tests.test_tasks import accept, output_of
from tests.test_worker import at_work
from tests.webhook_receivers import receiving, until

WAITS = "SELECT round(extract(epoch FROM execute_after - now())) FROM pgqueuer WHERE entrypoint = $1"
WHITE = inside(written(quarters(32, 24), "PNG"))


# Who sees what -----------------------------------------------------------------------------------------------


async def test_a_task_belongs_to_the_account_and_to_this_api(
    api: httpx2.AsyncClient, alice: Person, bob: Person, pool: db.Pool
) -> None:
    async with db.transaction(pool) as conn:
        other_id, secret = await accounts.create_key(conn, alice.account_id, "studio")
    other = Person(alice.account_id, other_id, secret)
    task_id = await made(api, alice)
    assert (await api.get(f"{TASKS}/{task_id}", headers=other.auth)).status_code == 200
    assert await made(api, other)
    refused(
        await api.get(f"{TASKS}/{task_id}", headers=bob.auth),
        404,
        "ResourceNotFound",
        "Task not found",
        kind="NotFound",
    )
    assert (await api.delete(f"{TASKS}/{task_id}", headers=bob.auth)).status_code == 404
    assert (await api.get(TASKS, headers=bob.auth)).json() == {"items": [], "total": 0}
    assert (await api.get(f"/api/open/v1/video/generations/{task_id}", headers=alice.auth)).status_code == 404
    elsewhere = await api.post(
        "/api/open/v1/video/generations", json={"model": "seedance-2.0", "prompt": "A river"}, headers=alice.auth
    )
    assert (await api.get(f"{TASKS}/{elsewhere.json()['requestId']}", headers=alice.auth)).status_code == 404
    assert (await api.get(TASKS, headers=alice.auth)).json()["total"] == 2


# Media inside the request ------------------------------------------------------------------------------------


async def test_media_inside_are_uploads_of_their_task_and_go_with_it(
    api: httpx2.AsyncClient, alice: Person, settings: Settings, pool: db.Pool, tmp_path: Path
) -> None:
    clip = inside(files.film(tmp_path / "clip", frames=12).read_bytes(), "video/mp4")
    task_id = await made(
        api,
        alice,
        content=[
            medium("image", WHITE, "reference_image"),
            medium("image", WHITE, "reference_image"),
            medium("video", clip, "reference_video"),
        ],
    )
    async with db.connection(pool) as conn:
        task = await tasks.get(conn, task_id)
        kept = await conn.fetch("SELECT key, kind, task_id, sha256 FROM uploads ORDER BY kind")
    assert [(row["kind"], row["task_id"]) for row in kept] == [("image", task_id), ("video", task_id)]
    assert len({each.url for each in task.media}) == 2, "the same picture is kept once"
    assert all(len(each.url) < 300 for each in task.media)
    async with open_runtime(settings, pool_size=2, name="sweep") as runtime:
        await clear_uploads(runtime)
        async with db.connection(pool) as conn:
            assert await conn.fetchval("SELECT count(*) FROM uploads") == 2, "they are needed yet"
            await tasks.cancel(conn, task)
        await clear_uploads(runtime)
        async with db.connection(pool) as conn:
            assert await conn.fetchval("SELECT count(*) FROM uploads") == 0
    assert not [path for path in (settings.data_dir / "files" / "uploads").rglob("*") if path.is_file()]


async def test_what_was_not_accepted_leaves_nothing(api: httpx2.AsyncClient, settings: Settings, pool: db.Pool) -> None:
    async with db.transaction(pool) as conn:
        poor = await make_person(conn, "poor", credits=1)
    content = [medium("image", WHITE, "first_frame"), medium("image", inside(b"no picture"), "last_frame")]
    assert (await post(api, poor, content=content)).status_code == 400
    assert (await post(api, poor, content=content[:1])).status_code == 403
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT count(*) FROM uploads") == 0
    assert not [path for path in (settings.data_dir / "files").rglob("uploads/*") if path.is_file()]


async def test_a_repeat_stores_nothing_again(api: httpx2.AsyncClient, alice: Person, pool: db.Pool) -> None:
    body = {"model": MODEL, "content": [medium("image", WHITE)]}
    head = alice.auth | {"Idempotency-Key": "once"}
    first = await api.post(TASKS, json=body, headers=head)
    again = await api.post(TASKS, json=body, headers=head)
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT count(*) FROM uploads") == 1


async def test_a_large_body(api: httpx2.AsyncClient, alice: Person, pool: db.Pool) -> None:
    """More than the other APIs take: noise that no compression makes small."""
    noise = written(Image.effect_noise((1400, 1000), 90), "PNG")
    assert len(noise) > 1 << 20
    assert await made(api, alice, content=[medium("image", inside(noise))])
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT size_bytes FROM uploads") == len(noise)


async def test_uploads_of_tasks_do_not_use_up_the_accounts_places(conn: db.Connection, alice: Person) -> None:
    async def reserved() -> str:
        return await uploads.reserve(
            conn, alice.account_id, kind="image", content_type="image/png", extension=".png", size_bytes=9
        )

    keys = []
    async with conn.transaction():
        for _ in range(uploads.FILES_MAX):
            keys.append(await reserved())
    task = await accept(conn, alice)
    for key in keys:
        await uploads.attach(conn, key, task.id)
    assert await reserved()
    assert await uploads.loose(conn, keys) == []


# Callbacks ---------------------------------------------------------------------------------------------------


async def test_every_change_of_state_is_called_back(alice: Person, settings: Settings, tmp_path: Path) -> None:
    async with receiving() as receiver:
        trusted = settings.model_copy(update={"trusted_hosts": f"127.0.0.1:{receiver.port}"})
        async with served(trusted) as url, httpx2.AsyncClient(base_url=url) as client:
            task_id = await made(client, alice, callback_url=receiver.url, duration=4, resolution="480p")
            async with at_work(trusted, tmp_path, Told()):
                await until(lambda: len(receiver.got) >= 3)
            found = (await client.get(f"{TASKS}/{task_id}", headers=alice.auth)).json()
    told = {body["status"]: body for body in (orjson.loads(request.body) for request in receiver.got)}
    assert told.keys() == {"queued", "running", "succeeded"}
    assert told["succeeded"] == found
    for status in ("queued", "running"):
        assert told[status].keys() == found.keys() - {"content", "usage"}
        assert told[status]["error"] is None


async def test_a_failure_and_an_expiry_are_told(api: httpx2.AsyncClient, alice: Person, pool: db.Pool) -> None:
    for code, status in (("render_failed", "failed"), ("expired", "expired")):
        task_id = await made(api, alice)
        async with db.transaction(pool) as conn:
            await tasks.fail(conn, task_id, TaskFailure(code, "Because"))
            task = await tasks.get(conn, task_id)
        body = ark_v3.callback_body(task, "failed", str)
        assert (body["status"], body["error"]) == (status, {"code": code, "message": "Because"})
        assert (await api.get(f"{TASKS}/{task_id}", headers=alice.auth)).json() == body


async def test_a_callback_that_is_not_taken_is_tried_three_times_more(
    conn: db.Connection, alice: Person, settings: Settings
) -> None:
    assert webhooks.Patience(schedule_s=(0, 5, 5, 5), timeout_s=5.0) == ark_v3.PATIENCE
    asked = {"dialect": "ark", "echo": {"model": "m", "service_tier": "default", "execution_expires_after": 3600}}
    waits: list[float | None] = []
    async with receiving(*[b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"] * 9) as receiver:
        trusted = settings.model_copy(update={"trusted_hosts": f"127.0.0.1:{receiver.port}"})
        task = await accept(conn, alice, webhook_url=receiver.url, callback_always=True, **asked)
        async with open_runtime(trusted, pool_size=3, name="test") as runtime, PublicClient(trusted.trusted) as client:
            worker = uuid4()
            for _ in range(6):
                await conn.execute("UPDATE pgqueuer SET execute_after = now()")
                jobs = await queue.claim(conn, worker, [queue.CALLBACK], at_most=1, lease_s=60)
                if not jobs:
                    break
                await courier.deliver(jobs[0], worker, runtime, client)
                waits.append(await conn.fetchval(WAITS, queue.CALLBACK))
    assert len(receiver.got) == 4
    assert [None if wait is None else int(wait) for wait in waits][:3] == [5, 5, 5]
    row = (await webhooks.list_deliveries(conn, task_id=task.id))[0]
    assert (row["state"], row["tries"], row["event"]) == ("failed", 4, "queued")


# Answers -----------------------------------------------------------------------------------------------------


async def test_the_ratio_and_tokens_of_what_was_made(api: httpx2.AsyncClient, alice: Person, pool: db.Pool) -> None:
    for (width, height), input_s, ratio, tokens in (
        ((1280, 720), 0.0, "16:9", 108_000),
        ((960, 720), 2.5, "4:3", 121_500),
        ((1030, 720), 0.0, "103:72", 86_906),
    ):
        task_id = await made(api, alice)
        async with db.transaction(pool) as conn:
            await tasks.start(conn, task_id, attempts_max=3)
            output = replace(output_of(task_id), width=width, height=height, input_s=input_s)
            assert await tasks.succeed(conn, task_id, 1, output)
        found = (await api.get(f"{TASKS}/{task_id}", headers=alice.auth)).json()
        assert (found["ratio"], found["usage"]) == (ratio, {"completion_tokens": tokens, "total_tokens": tokens})
        assert list(found["content"]) == ["video_url"], "no last frame was asked for"


async def test_deletion_meets_a_start(api: httpx2.AsyncClient, alice: Person, pool: db.Pool, sound: None) -> None:
    """Whoever is first decides; never both."""
    for _ in range(6):
        task_id = await made(api, alice, duration=4, resolution="480p")

        async def start(task_id: str = task_id) -> bool:
            async with db.transaction(pool) as conn:
                return await tasks.start(conn, task_id, attempts_max=3) is not None

        started, deleted = await asyncio.gather(start(), api.delete(f"{TASKS}/{task_id}", headers=alice.auth))
        assert deleted.status_code == (409 if started else 200), deleted.text
        status = (await api.get(f"{TASKS}/{task_id}", headers=alice.auth)).json()["status"]
        assert status == ("running" if started else "cancelled")
