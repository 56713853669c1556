"""The Open API to the letter: each route's answer, prices, a task in each state, lists, webhooks' addresses."""

from __future__ import annotations

import itertools
import json
import math
import re
from fractions import Fraction
from typing import Any

import httpx2
import pytest

from seedbed import db
from seedbed.settings import Settings
from tests.conftest import Person, make_person
from tests.dialects.wire import (
    GENERATIONS,
    PHOTO,
    PREFIX,
    QUOTE,
    RIVER,
    SHORT,
    assert_error,
    credits,
    move,
    submit,
)

LONG = list(range(4, 16))


RATES = {
    ("seedance-2.0", "text_to_video"): ("4", "8", "16"),
    ("seedance-2.0", "image_to_video"): ("6.4", "12.8", "25.6"),
    ("seedance-2.0-fast", "text_to_video"): ("2.5", "5", "10"),
    ("seedance-2.0-fast", "image_to_video"): ("4", "8", "16"),
    ("seedance-1.5-pro", "text_to_video"): ("2", "4", "8"),
    ("seedance-1.5-pro", "image_to_video"): ("3.2", "6.4", "12.8"),
}


"""Credits a second at 480p, 720p and 1080p: the contract's table."""


RESOLUTIONS = ("480p", "720p", "1080p")


RATIOS = ("16:9", "9:16", "1:1")


def durations(model: str) -> list[int]:
    return [5, 10] if model == "seedance-1.5-pro" else LONG


def body_for(model: str, mode: str, resolution: str, duration: int) -> dict[str, Any]:
    media = {"mediaUrls": [PHOTO]} if mode == "image_to_video" else {}
    return {"model": model, "prompt": "A river", "resolution": resolution, "duration": duration, **media}


# Models and prices -------------------------------------------------------------------------------------------


async def test_models_need_no_key_and_say_all(api: httpx2.AsyncClient) -> None:
    answer = await api.get(f"{PREFIX}/models")
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "data": [
            {
                "id": model,
                "type": "video_generation",
                "mode": mode,
                "durations": durations(model),
                "aspectRatios": list(RATIOS),
                "resolutions": list(RESOLUTIONS),
                "usdPerSecond": {
                    name: float(Fraction(rate) / 128) for name, rate in zip(RESOLUTIONS, rates, strict=True)
                },
            }
            for (model, mode), rates in RATES.items()
        ],
    }
    assert b'"usdPerSecond":{"480p":0.05,"720p":0.1,"1080p":0.2}' in answer.content
    with_a_bad_key = await api.get(f"{PREFIX}/models", headers={"Authorization": "Bearer nonsense"})
    assert with_a_bad_key.content == answer.content


async def test_every_price_of_the_table(api: httpx2.AsyncClient, pool: db.Pool) -> None:
    async with db.transaction(pool) as conn:
        buyer = await make_person(conn, "buyer", credits=100_000, per_minute=100_000)
    for (model, mode), rates in RATES.items():
        for (resolution, rate), duration in itertools.product(zip(RESOLUTIONS, rates, strict=True), durations(model)):
            body = body_for(model, mode, resolution, duration)
            price = math.ceil(Fraction(rate) * duration)
            answer = await api.post(QUOTE, json=body, headers=buyer.auth)
            assert (answer.status_code, answer.json()) == (200, {"success": True, "creditsRequired": price}), body
    assert await credits(api, buyer) == (100_000, 0)


async def test_what_is_charged_is_what_was_quoted(api: httpx2.AsyncClient, pool: db.Pool, sound: None) -> None:
    async with db.transaction(pool) as conn:
        buyer = await make_person(conn, "buyer", credits=100_000)
    spent = 0
    for (model, mode), resolution in itertools.product(RATES, RESOLUTIONS):
        body = body_for(model, mode, resolution, durations(model)[1])
        quoted = (await api.post(QUOTE, json=body, headers=buyer.auth)).json()["creditsRequired"]
        charged = (await api.post(GENERATIONS, json=body, headers=buyer.auth)).json()["creditsCharged"]
        assert charged == quoted
        spent += charged
    assert await credits(api, buyer) == (100_000 - spent, spent)


@pytest.mark.parametrize(
    ("body", "price"),
    [
        (
            RIVER
            | {
                "webhookUrl": "https://your-app.com/webhooks/seedance",
                "metadata": {"projectId": "proj_1001", "sceneId": "scene_08"},
            },
            40,
        ),
        (
            {
                "model": "seedance-2.0",
                "prompt": "A young woman blows out birthday candles, warm indoor lighting, shallow depth of field",
                "mediaUrls": ["https://example.com/photo.jpg"],
                "aspectRatio": "16:9",
                "duration": 5,
                "resolution": "720p",
            },
            64,
        ),
        (
            {
                "model": "seedance-2.0-fast",
                "prompt": "A fashion film with energetic camera motion synced to the beat",
                "mediaUrls": ["https://example.com/reference-image.jpg", "https://example.com/reference-audio.mp3"],
                "aspectRatio": "9:16",
                "duration": 8,
                "resolution": "720p",
                "webhookUrl": "https://your-app.com/webhooks/seedance",
            },
            64,
        ),
        (
            {
                "model": "seedance-2.0",
                "prompt": "A cinematic transition from sunrise over the ocean to a glowing night skyline",
                "mediaUrls": ["https://example.com/first-frame.jpg", "https://example.com/last-frame.jpg"],
                "aspectRatio": "16:9",
                "duration": 6,
                "resolution": "1080p",
            },
            154,
        ),
    ],
    ids=["text", "first frame", "references", "first and last frame"],
)
async def test_the_documents_own_requests(
    api: httpx2.AsyncClient, alice: Person, body: dict[str, Any], price: int, sound: None
) -> None:
    answer = await api.post(GENERATIONS, json=body, headers=alice.auth)
    assert answer.status_code == 200
    told = answer.json()
    assert re.fullmatch(r"req_[0-9A-Za-z]{22}", told["requestId"]), "131 random bits"
    assert list(told.items()) == [
        ("success", True),
        ("requestId", told["requestId"]),
        ("status", "queued"),
        ("creditsCharged", price),
    ]
    assert await credits(api, alice) == (1000 - price, price)


async def test_a_quote_buys_nothing_and_needs_no_credits(api: httpx2.AsyncClient, pool: db.Pool) -> None:
    async with db.transaction(pool) as conn:
        poor = await make_person(conn, "poor", credits=0)
    answer = await api.post(QUOTE, json=RIVER, headers=poor.auth)
    assert answer.json() == {"success": True, "creditsRequired": 40}
    assert (await api.get(GENERATIONS, headers=poor.auth)).json() == {"success": True, "data": [], "hasMore": False}
    assert_error(
        await api.post(QUOTE, json=RIVER | {"duration": 3}, headers=poor.auth),
        400,
        "invalid_request",
        "'duration' must be one of 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
    )


async def test_the_balance(api: httpx2.AsyncClient, alice: Person, pool: db.Pool, sound: None) -> None:
    async def told() -> dict[str, Any]:
        answer = await api.get(f"{PREFIX}/balance", headers=alice.auth)
        assert answer.status_code == 200
        body: dict[str, Any] = answer.json()
        return body

    assert await told() == {"success": True, "creditsAvailable": 1000, "creditsHeld": 0}
    first, second = await submit(api, alice), await submit(api, alice)
    assert await told() == {"success": True, "creditsAvailable": 920, "creditsHeld": 80}
    await move(pool, first, "succeeded")
    assert await told() == {"success": True, "creditsAvailable": 920, "creditsHeld": 40}
    await move(pool, second, "failed")
    assert await told() == {"success": True, "creditsAvailable": 960, "creditsHeld": 0}


# A task in each state ----------------------------------------------------------------------------------------


async def test_the_status_in_every_state(
    api: httpx2.AsyncClient, alice: Person, pool: db.Pool, settings: Settings, sound: None
) -> None:
    metadata = {"projectId": "proj_1001", "list": [1, 2.5, None, True, "ü"]}
    for state in ("queued", "processing", "succeeded", "failed", "cancelled"):
        task_id = await submit(api, alice, **RIVER, metadata=metadata)
        await move(pool, task_id, state)  # type: ignore[arg-type]
        answer = await api.get(f"{GENERATIONS}/{task_id}", headers=alice.auth)
        assert answer.status_code == 200
        told = answer.json()
        link = None
        if state == "succeeded":
            link = {"type": "video", "url": told["output"]["url"]}
            pattern = rf"{settings.base_url}/files/0\.[\w-]{{22}}/outputs/[0-9a-f]{{2}}/{task_id}/1/video\.mp4"
            assert re.fullmatch(pattern, link["url"])
        expected = {
            "success": True,
            "requestId": task_id,
            "status": state,
            "model": "seedance-2.0",
            "prompt": RIVER["prompt"],
            "duration": 5,
            "aspectRatio": "16:9",
            "output": link,
            "error": {"code": "render_failed", "message": "The engine cannot draw this"} if state == "failed" else None,
            "metadata": metadata,
        }
        assert list(told.items()) == list(expected.items())
        assert answer.headers["x-task-progress"] == ("1.000" if state == "succeeded" else "0.000")


async def test_what_was_understood_is_told_once_the_video_is_there(
    api: httpx2.AsyncClient, alice: Person, pool: db.Pool
) -> None:
    for state in ("queued", "processing", "succeeded", "failed", "cancelled"):
        task_id = await submit(api, alice, **RIVER)
        await move(pool, task_id, state)  # type: ignore[arg-type]
        answer = await api.get(f"{GENERATIONS}/{task_id}/plan", headers=alice.auth)
        plan = {"setting": "forest", "shots": [{"move": "forward"}]} if state == "succeeded" else None
        assert answer.json() == {"success": True, "requestId": task_id, "status": state, "promptPlan": plan}


async def test_metadata_is_given_back_as_it_came_or_not_at_all(api: httpx2.AsyncClient, alice: Person) -> None:
    bare = (await api.get(f"{GENERATIONS}/{await submit(api, alice)}", headers=alice.auth)).json()
    assert "metadata" not in bare
    for text in ("{}", '{"z":1,"a":{"b":[]}}', '{"n":12345678901234567890123,"e":1.5,"t":null,"k":"é\\n"}'):
        raw = f'{{"model":"seedance-2.0","prompt":"x","metadata":{text}}}'.encode()
        task_id = (await api.post(GENERATIONS, content=raw, headers=alice.auth)).json()["requestId"]
        told = await api.get(f"{GENERATIONS}/{task_id}", headers=alice.auth)
        assert told.content.endswith(b',"metadata":' + text.encode() + b"}")


async def test_defaults_and_null_as_an_absent_field(
    api: httpx2.AsyncClient, alice: Person, conn: db.Connection
) -> None:
    optional = ("mediaUrls", "aspectRatio", "duration", "resolution", "webhookUrl", "metadata")
    told = []
    for body in (SHORT, SHORT | dict.fromkeys(optional)):
        answer = await api.post(GENERATIONS, json=body, headers=alice.auth)
        assert answer.json()["creditsCharged"] == 40
        row = dict(await conn.fetchrow("SELECT * FROM tasks WHERE id = $1", answer.json()["requestId"]) or {})
        told.append({name: row[name] for name in ("aspect_ratio", "duration_s", "resolution", "mode", "webhook_url")})
        assert row["metadata"] is None
    assert told[0] == told[1]
    assert told[0] == {
        "aspect_ratio": "16:9",
        "duration_s": 5,
        "resolution": "720p",
        "mode": "text_to_video",
        "webhook_url": None,
    }
    for name in ("model", "prompt"):
        answer = await api.post(GENERATIONS, json=SHORT | {name: None}, headers=alice.auth)
        assert_error(answer, 400, "invalid_request", f"'{name}' is required")
    whole = await api.post(QUOTE, json=SHORT | {"duration": 5.0}, headers=alice.auth)
    assert whole.json() == {"success": True, "creditsRequired": 40}


@pytest.mark.parametrize("state", ["queued", "processing", "cancelled"])
async def test_cancel_refunds_at_once_and_may_be_repeated(
    api: httpx2.AsyncClient, alice: Person, pool: db.Pool, state: Any, sound: None
) -> None:
    task_id = await submit(api, alice)
    await move(pool, task_id, state)
    for _ in range(2):
        answer = await api.post(f"{GENERATIONS}/{task_id}/cancel", headers=alice.auth)
        assert (answer.status_code, answer.json()) == (
            200,
            {"success": True, "requestId": task_id, "status": "cancelled"},
        )
        assert await credits(api, alice) == (1000, 0)
    told = (await api.get(f"{GENERATIONS}/{task_id}", headers=alice.auth)).json()
    assert (told["status"], told["output"], told["error"]) == ("cancelled", None, None)


@pytest.mark.parametrize("state", ["succeeded", "failed"])
async def test_cancel_comes_too_late(
    api: httpx2.AsyncClient, alice: Person, pool: db.Pool, state: Any, sound: None
) -> None:
    task_id = await submit(api, alice)
    await move(pool, task_id, state)
    before = await credits(api, alice), (await api.get(f"{GENERATIONS}/{task_id}", headers=alice.auth)).json()
    assert_error(
        await api.post(f"{GENERATIONS}/{task_id}/cancel", headers=alice.auth),
        400,
        "invalid_request",
        f"The task has {state} already and cannot be cancelled",
    )
    after = await credits(api, alice), (await api.get(f"{GENERATIONS}/{task_id}", headers=alice.auth)).json()
    assert after == before


# The number and kinds of media -------------------------------------------------------------------------------


FRAMES = [("first_frame", "image"), ("last_frame", "image")]


ROLES: list[tuple[list[str], list[tuple[str, str | None]]]] = [
    (["a.jpg"], FRAMES[:1]),
    (["a.JPEG", "b.png"], FRAMES),
    (["a.webp", "b.gif"], FRAMES),
    (["a.bmp"], FRAMES[:1]),
    (["a.jpg?size=1.pdf"], FRAMES[:1]),
    (["plain"], [("first_frame", None)]),
    (["v1.2/plain", "b.png"], [("first_frame", None), ("last_frame", "image")]),
    (["a.jpg", "b.jpg", "c.jpg"], [("reference", "image")] * 3),
    (["a.jpg"] * 5, [("reference", "image")] * 5),
    (["a.mp4"], [("reference", "video")]),
    (["a.mov"], [("reference", "video")]),
    (["a.m4v"], [("reference", "video")]),
    (["a.mp3"], [("reference", "audio")]),
    (["a.jpg", "b.wav"], [("reference", "image"), ("reference", "audio")]),
    (["plain", "b.mp4"], [("reference", None), ("reference", "video")]),
]


@pytest.mark.parametrize("model", ["seedance-2.0", "seedance-2.0-fast"])
async def test_the_mode_follows_from_the_media(
    api: httpx2.AsyncClient, pool: db.Pool, conn: db.Connection, model: str
) -> None:
    async with db.transaction(pool) as one:
        buyer = await make_person(one, "buyer", credits=10_000)
    for names, roles in ROLES:
        urls = [f"https://example.com/{name}" for name in names]
        task_id = await submit(api, buyer, model=model, mediaUrls=urls)
        mode, media = await conn.fetchrow("SELECT mode, media FROM tasks WHERE id = $1", task_id) or ("", "")
        assert mode == "image_to_video"
        found = json.loads(media)
        assert [(item["role"], item["kind"]) for item in found] == roles, names
        assert [item["url"] for item in found] == urls


async def test_one_model_takes_pictures_alone(api: httpx2.AsyncClient, alice: Person) -> None:
    for names, roles in ROLES:
        urls = [f"https://example.com/{name}" for name in names]
        body = {"model": "seedance-1.5-pro", "prompt": "A river", "mediaUrls": urls}
        told = await api.post(GENERATIONS, json=body, headers=alice.auth)
        if roles[0][0] == "first_frame":
            assert told.status_code == 200, names
        else:
            assert told.status_code == 400
            assert told.json()["error"]["message"] == (
                "'mediaUrls' must be one or two pictures for seedance-1.5-pro (first and last frame)"
            )


# Lists -------------------------------------------------------------------------------------------------------


async def test_the_list_of_tasks(api: httpx2.AsyncClient, alice: Person, bob: Person, pool: db.Pool) -> None:
    made = [await submit(api, alice, prompt=f"Film {index}") for index in range(7)]
    await submit(api, bob)
    await move(pool, made[1], "cancelled")
    await move(pool, made[4], "cancelled")
    newest_first = made[::-1]

    async def page(query: str) -> tuple[list[str], bool]:
        answer = await api.get(f"{GENERATIONS}{query}", headers=alice.auth)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told.keys() == {"success", "data", "hasMore"}
        return [task["requestId"] for task in told["data"]], told["hasMore"]

    assert await page("") == (newest_first, False)
    assert await page("?limit=7") == (newest_first, False)
    assert await page("?limit=6") == (newest_first[:6], True)
    assert await page("?limit=1") == (newest_first[:1], True)
    assert await page(f"?limit=3&after={newest_first[2]}") == (newest_first[3:6], True)
    assert await page(f"?limit=3&after={newest_first[5]}") == (newest_first[6:], False)
    assert await page(f"?after={newest_first[6]}") == ([], False)
    assert await page("?status=cancelled") == ([made[4], made[1]], False)
    assert await page("?status=cancelled&limit=1") == ([made[4]], True)
    assert await page(f"?status=cancelled&after={made[4]}") == ([made[1]], False)
    assert await page("?status=succeeded") == ([], False)


async def test_what_the_list_says_of_a_task(api: httpx2.AsyncClient, alice: Person, pool: db.Pool) -> None:
    task_id = await submit(api, alice, **RIVER, metadata={"a": 1})
    await move(pool, task_id, "succeeded")
    entry = (await api.get(GENERATIONS, headers=alice.auth)).json()["data"][0]
    status = (await api.get(f"{GENERATIONS}/{task_id}", headers=alice.auth)).json()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["createdAt"])
    del status["success"]
    assert entry == status | {"resolution": "720p", "creditsCharged": 40, "createdAt": entry["createdAt"]}


async def test_a_bad_question_about_the_list(api: httpx2.AsyncClient, alice: Person) -> None:
    for limit in ("0", "101", "-1", "1.0", "ten", "", "%D9%A3", "1" * 30, "1e1"):
        answer = await api.get(f"{GENERATIONS}?limit={limit}", headers=alice.auth)
        assert_error(answer, 400, "invalid_request", "'limit' must be a whole number from 1 to 100")
    for status in ("done", "", "QUEUED", "%00"):
        answer = await api.get(f"{GENERATIONS}?status={status}", headers=alice.auth)
        assert_error(
            answer,
            400,
            "invalid_request",
            "'status' must be one of queued, processing, succeeded, failed, cancelled",
        )


# Webhooks ----------------------------------------------------------------------------------------------------


async def test_the_requests_webhook_goes_before_the_keys(
    api: httpx2.AsyncClient, pool: db.Pool, conn: db.Connection
) -> None:
    async with db.transaction(pool) as one:
        carol = await make_person(one, "carol", webhook_url="https://carol.example.com/default")
    for given, expected in {
        "https://carol.example.com/this-one": "https://carol.example.com/this-one",
        None: "https://carol.example.com/default",
        "HTTPS://Carol.Example.com:443/a b": None,
    }.items():
        answer = await api.post(GENERATIONS, json=SHORT | {"webhookUrl": given}, headers=carol.auth)
        if expected is None:
            assert answer.status_code == 400
            continue
        task_id = answer.json()["requestId"]
        assert await conn.fetchval("SELECT webhook_url FROM tasks WHERE id = $1", task_id) == expected


async def test_a_callback_is_queued_at_the_end_and_not_before(
    api: httpx2.AsyncClient, alice: Person, pool: db.Pool, conn: db.Connection
) -> None:
    told: dict[str, list[str]] = {}
    for state in ("queued", "processing", "succeeded", "failed", "cancelled"):
        task_id = await submit(api, alice, webhookUrl="https://alice.example.com/hook")
        await move(pool, task_id, state)  # type: ignore[arg-type]
        rows = await conn.fetch("SELECT payload FROM pgqueuer WHERE entrypoint = 'callback'")
        told[state] = [row[0].decode().split()[1] for row in rows if row[0].decode().startswith(task_id)]
    assert told == {
        "queued": [],
        "processing": [],
        "succeeded": ["succeeded"],
        "failed": ["failed"],
        "cancelled": ["cancelled"],
    }
