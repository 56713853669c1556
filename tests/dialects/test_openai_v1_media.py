"""What goes into a video of the OpenAI dialect beside words: pictures, clips, and earlier videos."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from seedbed import db, sweeps
from seedbed.dialects._openai_v1_request import directed
from seedbed.engines.previz.references.phrases import phrase_of
from seedbed.settings import Settings
from tests.conftest import Person, make_person
from tests.dialects.conftest import another_key
from tests.dialects.test_openai_v1 import FIELDS, PICTURE, VIDEOS, Noting, ended, made, refused, task_of
from tests.dialects.test_studio_v1 import host, settings
from tests.dialects.wire import move
from tests.media_samples import Shelf, quarters, written
from tests.test_worker import at_work

__all__ = ["host", "settings"]

# Remixes -----------------------------------------------------------------------------------------------------


async def test_a_remix_is_the_same_task_by_a_new_prompt(
    api: httpx2.AsyncClient, ana: Person, settings: Settings, tmp_path: Path, pool: db.Pool, sound: None
) -> None:
    engine = Noting()
    async with at_work(settings, tmp_path, engine):
        first = await made(api, ana, size="480x854", seconds="5", seed=9, fixed_lens=True)
        assert (await ended(api, ana, first))["status"] == "completed"
        asking = {"json": {"prompt": "By night"}, "headers": ana.auth | {"Idempotency-Key": "by-night"}}
        answer = await api.post(f"{VIDEOS}/{first}/remix", **asking)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert list(told) == FIELDS
        assert (told["prompt"], told["remixed_from_video_id"], told["status"]) == ("By night", first, "queued")
        assert (told["model"], told["size"], told["seconds"]) == ("sora-2", "480x854", "5")
        assert (await ended(api, ana, told["id"]))["status"] == "completed"
    await api.delete(f"{VIDEOS}/{first}", headers=ana.auth)
    again = await api.post(f"{VIDEOS}/{first}/remix", **asking)
    assert (again.status_code, again.content) == (200, answer.content), "what was bought is told, whatever became of it"
    task, request = await task_of(pool, told["id"]), engine.requests[1]
    assert (task.seed, task.audio, task.fixed_lens, task.mode) == (9, True, True, "image_to_video")
    assert request.prompt == "Strictly edit the supplied source video. By night"
    assert [(medium.kind, medium.role, medium.width, medium.height) for medium in request.media] == [
        ("video", "reference", 480, 854)
    ]


async def test_only_completed_videos_are_remixed(api: httpx2.AsyncClient, ana: Person, pool: db.Pool) -> None:
    for state in ("queued", "processing", "failed", "cancelled"):
        task_id = await made(api, ana)
        await move(pool, task_id, state)
        answer = await api.post(f"{VIDEOS}/{task_id}/remix", json={"prompt": "By night"}, headers=ana.auth)
        refused(answer, 404, "not_ready", "Only a completed video can be remixed")
    task_id = await made(api, ana)
    await move(pool, task_id, "succeeded")
    for body, param in (({}, "prompt"), ({"prompt": " "}, "prompt"), ({"prompt": "x", "seconds": "8"}, "seconds")):
        answer = await api.post(f"{VIDEOS}/{task_id}/remix", json=body, headers=ana.auth)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("prompt", "begins"),
    [
        ("Make it night", "Strictly edit the supplied source video. "),
        ("The river continues through the shot", "Strictly edit the supplied source video. "),
        ("Long extended shadows", "Strictly edit the supplied source video. "),
        ("Continue: she opens the door", "Continue from the supplied previous clip. "),
        ("please extend this", "Continue from the supplied previous clip. "),
        ("Now carry on where the last shot ends", "Continue from the supplied previous clip. "),
        ("Let the camera fly on, extend the video by a minute", "Continue from the supplied previous clip. "),
    ],
)
def test_a_remix_edits_unless_it_is_to_go_on(prompt: str, begins: str) -> None:
    assert directed(prompt) == begins + prompt
    assert phrase_of(directed(prompt)) == ("edit" if "edit" in begins else "continue"), "and the engine reads it so"


# Pictures ----------------------------------------------------------------------------------------------------


async def test_every_way_to_send_a_picture(
    api: httpx2.AsyncClient,
    ana: Person,
    host: Shelf,
    settings: Settings,
    tmp_path: Path,
    pool: db.Pool,
    sound: None,
) -> None:
    engine = Noting()
    data = f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"
    address = host.ref("first").url
    text = {"prompt": (None, "A river"), "size": (None, "854x480")}
    ways: dict[str, dict[str, Any]] = {
        "a file part": {"files": text | {"input_reference": ("a.png", PICTURE, "image/png")}},
        "a file without a type": {"files": text | {"input_reference": ("upload", PICTURE)}},
        "an address in a form": {"files": text | {"input_reference[image_url]": (None, address)}},
        "a picture in an address in a form": {"files": text | {"input_reference[image_url]": (None, data)}},
        "an object in a form": {"files": text | {"input_reference": (None, json.dumps({"image_url": address}))}},
        "an address": {"json": {"prompt": "A river", "size": "854x480", "input_reference": {"image_url": address}}},
        "a picture in an address": {
            "json": {"prompt": "A river", "size": "854x480", "input_reference": {"image_url": data}}
        },
    }
    async with at_work(settings, tmp_path, engine) as worker:
        for name, body in ways.items():
            answer = await api.post(VIDEOS, headers=ana.auth, **body)
            assert answer.status_code == 200, (name, answer.text)
            told = await ended(api, ana, answer.json()["id"])
            assert told["status"] == "completed", (name, told)
            [medium] = engine.requests[-1].media
            assert (medium.kind, medium.role) == ("image", "first_frame"), name
            assert engine.requests[-1].mode == "image_to_video"
        await sweeps.clear_storage(worker.runtime, worker._renderer)
    async with db.connection(pool) as conn:
        left = await conn.fetchval("SELECT count(*) FROM uploads")
    assert left == 0, "what came with a request goes when its task has ended"


async def test_a_clip_leads_and_a_sound_is_refused(
    api: httpx2.AsyncClient, ana: Person, host: Shelf, pool: db.Pool, settings: Settings, tmp_path: Path, sound: None
) -> None:
    engine = Noting()
    text = {"prompt": (None, "A river"), "size": (None, "854x480")}
    async with at_work(settings, tmp_path, engine):
        answer = await api.post(VIDEOS, files=text | {"input_reference": ("a", host.media["clip"])}, headers=ana.auth)
        assert (await ended(api, ana, answer.json()["id"]))["status"] == "completed"
    assert [(medium.kind, medium.role) for medium in engine.requests[0].media] == [("video", "reference")]
    answer = await api.post(VIDEOS, files=text | {"input_reference": ("a", host.media["sound"])}, headers=ana.auth)
    message = "'input_reference' is a sound, and a picture or a video belongs there"
    refused(answer, 400, "invalid_value", message, "input_reference")
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT count(*) FROM tasks") == 1
        assert await conn.fetchval("SELECT count(*) FROM uploads WHERE task_id IS NULL") == 0


async def test_a_picture_of_a_request_that_is_refused_is_not_kept(
    api: httpx2.AsyncClient, ana: Person, pool: db.Pool, sound: None
) -> None:
    part = {"input_reference": ("a.png", PICTURE, "image/png")}
    for fields, status in (({"prompt": "A river", "size": "1x1"}, 400), ({}, 400), ({"prompt": "A river"}, 402)):
        if status == 402:
            async with db.transaction(pool) as conn:
                ana = await another_key(conn, await make_person(conn, "poor", credits=1))
        text = {name: (None, value) for name, value in fields.items()}
        answer = await api.post(VIDEOS, files=text | part, headers=ana.auth)
        assert answer.status_code == status, answer.text
    bad = await api.post(
        VIDEOS, files={"prompt": (None, "A river"), "input_reference": ("a.png", b"no picture")}, headers=ana.auth
    )
    message = "'input_reference' is not a picture, video or sound in a format that is taken"
    refused(bad, 400, "invalid_value", message, "input_reference")
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT count(*) FROM uploads") == 0


async def test_a_form_sent_again_is_the_same_request(
    api: httpx2.AsyncClient, ana: Person, pool: db.Pool, sound: None
) -> None:
    async def post(picture: bytes) -> httpx2.Response:
        form = {"prompt": (None, "A river"), "input_reference": ("a.png", picture, "image/png")}
        return await api.post(VIDEOS, files=form, headers=ana.auth | {"Idempotency-Key": "k"})

    first, again = await post(PICTURE), await post(PICTURE)
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    other = await post(written(quarters(61, 40), "PNG"))
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_conflict")
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT count(*) FROM tasks") == 1
        assert await conn.fetchval("SELECT count(*) FROM uploads") == 1
