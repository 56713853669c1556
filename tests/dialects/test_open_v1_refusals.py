"""The Open API's refusals to the letter: each status, each field at fault, each body."""

from __future__ import annotations

import itertools
import re
from typing import Any

import httpx2
import pytest

from seedbed import accounts, db
from seedbed.errors import TASK_FAILURES
from seedbed.settings import Settings
from tests.conftest import Person, make_person, served
from tests.dialects.wire import (
    GENERATIONS,
    PHOTO,
    PREFIX,
    QUOTE,
    RIVER,
    SHORT,
    assert_error,
    credits,
    error,
    move,
    submit,
)
from tests.relay import Relay

# Refusals: 400 -----------------------------------------------------------------------------------------------


ONE_OF_DURATIONS = "'duration' must be one of 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15"


ENDINGS = ".jpg, .jpeg, .png, .webp, .gif, .bmp, .mp4, .mov, .m4v, .mp3, .wav"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown field": ({"aspect_ratio": "16:9"}, "'aspect_ratio' is not a field of this request"),
    "unknown field with a value of null in it": ({"seed": {}}, "'seed' is not a field of this request"),
    "no such model": (
        {"model": "seedance-9"},
        "'model' must be one of seedance-2.0, seedance-2.0-fast, seedance-1.5-pro",
    ),
    "model of a wrong type": ({"model": 2.0}, "'model': input should be a valid string"),
    "prompt of a wrong type": ({"prompt": ["a"]}, "'prompt': input should be a valid string"),
    "empty prompt": ({"prompt": ""}, "'prompt': string should have at least 1 character"),
    "blank prompt": ({"prompt": " \n\t\u2003\u00a0"}, "'prompt' must say what the video shows; it is blank"),
    "long prompt": ({"prompt": "x" * 10_001}, "'prompt': string should have at most 10000 characters"),
    "no such ratio": ({"aspectRatio": "21:9"}, "'aspectRatio' must be one of 16:9, 9:16, 1:1"),
    "ratio of a wrong type": ({"aspectRatio": 1.5}, "'aspectRatio': input should be a valid string"),
    "too short": ({"duration": 3}, ONE_OF_DURATIONS),
    "too long": ({"duration": 16}, ONE_OF_DURATIONS),
    "below zero": ({"duration": -5}, ONE_OF_DURATIONS),
    "far too long": ({"duration": 10**300}, ONE_OF_DURATIONS),
    "not for this model": ({"model": "seedance-1.5-pro", "duration": 6}, "'duration' must be one of 5, 10"),
    "duration as text": ({"duration": "5"}, "'duration': input should be a valid integer"),
    "half a second": ({"duration": 5.5}, "'duration': input should be a valid integer"),
    "duration as a truth": ({"duration": True}, "'duration': input should be a valid integer"),
    "no such resolution": ({"resolution": "4k"}, "'resolution' must be one of 480p, 720p, 1080p"),
    "resolution of a wrong type": ({"resolution": 720}, "'resolution': input should be a valid string"),
    "metadata of a wrong type": ({"metadata": "x"}, "'metadata': input should be a valid dictionary"),
    "metadata as a list": ({"metadata": []}, "'metadata': input should be a valid dictionary"),
    "media as text": ({"mediaUrls": PHOTO}, "'mediaUrls': input should be a valid list"),
    "no media in the list": (
        {"mediaUrls": []},
        "'mediaUrls': list should have at least 1 item after validation, not 0",
    ),
    "six media": ({"mediaUrls": [PHOTO] * 6}, "'mediaUrls': list should have at most 5 items after validation, not 6"),
    "a medium that is a number": ({"mediaUrls": [PHOTO, 7]}, "'mediaUrls.1': input should be a valid string"),
    "a medium that is null": ({"mediaUrls": [None]}, "'mediaUrls.0': input should be a valid string"),
    "a medium of another kind": (
        {"mediaUrls": [PHOTO, "https://example.com/film.avi"]},
        f"'mediaUrls.1' must end in one of {ENDINGS}, or have no extension",
    ),
    "a medium hidden behind an escape": (
        {"mediaUrls": ["https://example.com/page%2ehtml"]},
        f"'mediaUrls.0' must end in one of {ENDINGS}, or have no extension",
    ),
    "plain http": (
        {"mediaUrls": [PHOTO, "http://example.com/photo.jpg"]},
        "'mediaUrls.1': The URL must begin with https://",
    ),
    "no address at all": (
        {"mediaUrls": ["photo.jpg"]},
        "'mediaUrls.0': The URL must begin with https:// and a host name",
    ),
    "a private address": (
        {"mediaUrls": ["https://192.168.1.4/photo.jpg"]},
        "'mediaUrls.0': The URL must not name a private or reserved address",
    ),
    "the cloud's metadata": (
        {"mediaUrls": ["https://169.254.169.254/photo.jpg"]},
        "'mediaUrls.0': The URL must not name a private or reserved address",
    ),
    "an inner name": (
        {"mediaUrls": ["https://localhost/photo.jpg"]},
        "'mediaUrls.0': The URL's host must be a public domain name",
    ),
    "a user and a password": (
        {"mediaUrls": ["https://me:secret@example.com/photo.jpg"]},
        "'mediaUrls.0': The URL must not hold a user name or password; remove the part before '@'",
    ),
    "another port": (
        {"mediaUrls": ["https://example.com:8443/photo.jpg"]},
        "'mediaUrls.0': The URL must use port 443; remove the port",
    ),
    "webhook of a wrong type": ({"webhookUrl": {}}, "'webhookUrl': input should be a valid string"),
    "webhook over http": (
        {"webhookUrl": "http://example.com/hook"},
        "'webhookUrl': The URL must begin with https://",
    ),
    "webhook to this machine": (
        {"webhookUrl": "https://127.0.0.1/hook"},
        "'webhookUrl': The URL must not name a private or reserved address",
    ),
    "webhook to this machine, in IPv6": (
        {"webhookUrl": "https://[::ffff:7f00:1]/hook"},
        "'webhookUrl': The URL must not name a private or reserved address",
    ),
    "webhook in another scheme": (
        {"webhookUrl": "ftp://example.com/hook"},
        "'webhookUrl': The URL must begin with https:// and a host name",
    ),
    "webhook with a user": (
        {"webhookUrl": "https://me@example.com/hook"},
        "'webhookUrl': The URL must not hold a user name or password; remove the part before '@'",
    ),
}


@pytest.mark.parametrize("path", [GENERATIONS, QUOTE], ids=["submission", "quote"])
async def test_each_field_at_fault_is_named(api: httpx2.AsyncClient, alice: Person, path: str) -> None:
    for what, (change, message) in REFUSED.items():
        answer = await api.post(path, json=SHORT | change, headers=alice.auth)
        assert (answer.status_code, answer.json()) == (400, error("invalid_request", message)), what
    assert (await api.get(GENERATIONS, headers=alice.auth)).json()["data"] == []
    assert await credits(api, alice) == (1000, 0)


async def test_the_longest_prompt_is_counted_in_characters(api: httpx2.AsyncClient, alice: Person) -> None:
    prompt = "🎬" * 10_000
    told = await api.get(f"{GENERATIONS}/{await submit(api, alice, prompt=prompt)}", headers=alice.auth)
    assert told.json()["prompt"] == prompt


async def test_a_webhook_to_this_server_is_refused_and_to_a_neighbour_is_not(settings: Settings, alice: Person) -> None:
    own = settings.model_copy(update={"public_url": "https://video.example.com/seedbed"})
    async with served(own), httpx2.AsyncClient(base_url=settings.base_url) as api:
        for address in ("https://Video.example.com:443/seedbed/api/open/v1/files", "https://video.example.com/seedbed"):
            answer = await api.post(GENERATIONS, json=SHORT | {"webhookUrl": address}, headers=alice.auth)
            message = "'webhookUrl' must not be an address of this server, which takes no webhooks"
            assert_error(answer, 400, "invalid_request", message)
        neighbour = SHORT | {"webhookUrl": "https://video.example.com/hooks"}
        assert (await api.post(GENERATIONS, json=neighbour, headers=alice.auth)).status_code == 200


# Refusals: 401, 402, 404, 405 --------------------------------------------------------------------------------


UNAUTHORIZED = b'{"success":false,"error":{"code":"unauthorized","message":"Invalid API key"}}'


KEYED: list[tuple[str, str]] = [
    ("POST", GENERATIONS),
    ("GET", GENERATIONS),
    ("POST", QUOTE),
    ("GET", f"{GENERATIONS}/req_1234567890"),
    ("POST", f"{GENERATIONS}/req_1234567890/cancel"),
    ("GET", f"{PREFIX}/balance"),
]


async def test_without_a_good_key(settings: Settings, alice: Person, conn: db.Connection) -> None:
    revoked, secret = await accounts.create_key(conn, alice.account_id, "open")
    await accounts.revoke_key(conn, revoked)
    _, studio = await accounts.create_key(conn, alice.account_id, "studio")
    headers: list[dict[str, str]] = [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": alice.key},
        {"Authorization": f"Basic {alice.key}"},
        {"Authorization": f"Bearer {alice.key}x"},
        {"Authorization": f"Bearer {alice.key[:-1]}"},
        {"Authorization": f"Bearer {alice.key} {alice.key}"},
        {"Authorization": f"Bearer {alice.key.swapcase()}"},
        {"Authorization": "Bearer sd2_live_your_api_key"},
        {"Authorization": f"Bearer {accounts.new_secret('open')}"},
        {"Authorization": f"Bearer {secret}"},
        {"Authorization": f"Bearer {studio}"},
        {"X-Api-Key": alice.key},
    ]
    patient = settings.model_copy(update={"unauthorized_per_minute": 1000})
    async with served(patient) as url, httpx2.AsyncClient(base_url=url) as api:
        for (method, path), given in itertools.product(KEYED, headers):
            answer = await api.request(method, path, headers=given, json=RIVER)
            assert answer.content == UNAUTHORIZED, (method, path, given)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
        for method, path in KEYED:
            assert (await api.request(method, f"{path}?key={alice.key}", json=RIVER)).status_code == 401


async def test_the_scheme_is_taken_in_any_case(api: httpx2.AsyncClient, alice: Person) -> None:
    for scheme in ("bearer", "BEARER", "Bearer  "):
        answer = await api.get(f"{PREFIX}/balance", headers={"Authorization": f"{scheme} {alice.key}"})
        assert answer.status_code == 200


async def test_too_few_credits(api: httpx2.AsyncClient, pool: db.Pool, sound: None) -> None:
    async with db.transaction(pool) as conn:
        poor = await make_person(conn, "poor", credits=52)
    await submit(api, poor)
    assert_error(
        await api.post(GENERATIONS, json=RIVER, headers=poor.auth),
        402,
        "insufficient_credits",
        "This request needs 40 credits and 12 are available",
        required=40,
        available=12,
    )
    assert await credits(api, poor) == (12, 40)
    assert len((await api.get(GENERATIONS, headers=poor.auth)).json()["data"]) == 1
    await submit(api, poor, duration=4, resolution="480p", model="seedance-2.0-fast")
    assert await credits(api, poor) == (2, 50)


def _alike(answers: list[httpx2.Response]) -> None:
    """All the same to the byte, but for what the clock and the request id say."""
    told = set()
    for answer in answers:
        headers = {name: value for name, value in answer.headers.items() if name not in ("x-request-id", "date")}
        told.add((answer.status_code, answer.content, tuple(sorted(headers.items()))))
    assert len(told) == 1


async def test_anothers_task_is_an_unknown_one(
    api: httpx2.AsyncClient, alice: Person, bob: Person, conn: db.Connection
) -> None:
    """On every route that takes an id, in the path or in the query."""
    _, sister = await accounts.create_key(conn, alice.account_id, "open")
    others = Person(alice.account_id, 0, sister)
    task_id = await submit(api, alice)
    ids = [
        task_id,
        "req_1234567890",
        "req_" + "A" * 22,
        "sd2_" + task_id[4:],
        task_id.swapcase(),
        "'; DROP TABLE tasks; --",
        "%00",
        f"{task_id}%00",
        "%ff%fe",
        "%ed%a0%80",
        "..%5c..%5cetc",
        "x" * 4000,
        "🎬",
    ]
    for make in (
        lambda id: ("GET", f"{GENERATIONS}/{id}"),
        lambda id: ("GET", f"{GENERATIONS}/{id}/plan"),
        lambda id: ("POST", f"{GENERATIONS}/{id}/cancel"),
        lambda id: ("GET", f"{GENERATIONS}?after={id}"),
    ):
        answers = []
        for person in (bob, others):
            for id in ids:
                method, path = make(id)
                answers.append(await api.request(method, path, headers=person.auth))
        assert_error(answers[0], 404, "not_found", "Task not found")
        _alike(answers)
    told = (await api.get(f"{GENERATIONS}/{task_id}", headers=alice.auth)).json()
    assert told["status"] == "queued"
    for person in (bob, others):
        assert (await api.get(GENERATIONS, headers=person.auth)).json()["data"] == []


async def test_an_unknown_path_under_the_prefix(api: httpx2.AsyncClient, alice: Person) -> None:
    for path in (
        PREFIX,
        f"{PREFIX}/",
        f"{PREFIX}/model",
        f"{PREFIX}/models/",
        f"{PREFIX}/models/seedance-2.0",
        f"{GENERATIONS}/",
        f"{GENERATIONS}//cancel",
        f"{GENERATIONS}/a/b",
        f"{GENERATIONS}/a/cancel/",
        f"{GENERATIONS}/%2e%2e/%2e%2e/balance/",
        f"{PREFIX}/x%0ay",
        "/api/open/v1/../v1/models/",
        f"{PREFIX}/video/Generations",
    ):
        for method in ("GET", "POST", "DELETE"):
            answer = await api.request(method, path, headers=alice.auth)
            assert_error(answer, 404, "not_found", "There is no such path")


async def test_an_id_with_a_line_break_is_an_unknown_one(api: httpx2.AsyncClient, alice: Person) -> None:
    for method, path in (("GET", f"{GENERATIONS}/x%0ay"), ("POST", f"{GENERATIONS}/x%0ay/cancel")):
        assert_error(await api.request(method, path, headers=alice.auth), 404, "not_found", "Task not found")


async def test_a_wrong_method(api: httpx2.AsyncClient, alice: Person) -> None:
    for path, allowed in {
        f"{PREFIX}/models": "GET, HEAD",
        GENERATIONS: "GET, HEAD, POST",
        QUOTE: "POST",
        f"{GENERATIONS}/req_1234567890": "GET, HEAD",
        f"{GENERATIONS}/req_1234567890/cancel": "POST",
        f"{PREFIX}/balance": "GET, HEAD",
    }.items():
        for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
            answer = await api.request(method, path, headers=alice.auth)
            assert_error(answer, 405, "invalid_request", "This path does not take that method")
            assert answer.headers["allow"] == allowed


# Refusals: 500, 503 ------------------------------------------------------------------------------------------


async def test_a_fault_of_ours(api: httpx2.AsyncClient, alice: Person, conn: db.Connection) -> None:
    """Something is wrong with the database: the client learns nothing of it, and nothing was charged."""
    await conn.execute("DROP TABLE task_events")
    for answer in (
        await api.post(GENERATIONS, json=RIVER, headers=alice.auth),
        await api.post(GENERATIONS, json=RIVER, headers=alice.auth | {"Idempotency-Key": "a"}),
    ):
        assert_error(
            answer,
            500,
            "internal_error",
            "Something failed on our side. The request was not carried out; try it again.",
        )
    assert await credits(api, alice) == (1000, 0)
    assert (await api.get(f"{PREFIX}/models")).status_code == 200


async def test_the_database_is_away_and_comes_back(
    settings: Settings, dsn: str, alice: Person, pool: db.Pool, sound: None
) -> None:
    async with (
        Relay(dsn) as relay,
        served(settings.model_copy(update={"database_url": relay.dsn})) as url,
        httpx2.AsyncClient(base_url=url, timeout=60) as api,
    ):
        task_id = await submit(api, alice)
        await relay.cut()
        for method, path in KEYED:
            answer = await api.request(method, path, headers=alice.auth, json=RIVER)
            assert_error(answer, 503, "service_busy", "The service is busy; try again shortly")
            assert answer.headers["retry-after"] == "2"
        assert (await api.get(f"{PREFIX}/models")).status_code == 200, "it needs no database"
        assert (await api.get(f"{PREFIX}/balance", headers={"Authorization": "Bearer x"})).status_code == 401
        await relay.mend()
        for _ in range(3):
            answer = await api.get(f"{GENERATIONS}/{task_id}", headers=alice.auth)
            assert answer.json()["status"] == "queued"


async def test_a_full_queue(settings: Settings, alice: Person, bob: Person, pool: db.Pool, sound: None) -> None:
    async with (
        served(settings.model_copy(update={"queued_max": 2})) as url,
        httpx2.AsyncClient(base_url=url, timeout=30) as api,
    ):
        first = await submit(api, alice)
        await submit(api, alice)
        answer = await api.post(GENERATIONS, json=RIVER, headers=alice.auth)
        assert_error(
            answer,
            503,
            "service_busy",
            "2 tasks of this account are waiting already; try again when some have run",
        )
        assert answer.headers["retry-after"] == "30"
        assert await credits(api, alice) == (920, 80)
        await submit(api, bob)
        await move(pool, first, "processing")
        await submit(api, alice)
        assert (await api.post(GENERATIONS, json=RIVER, headers=alice.auth)).status_code == 503


def test_every_way_to_fail_is_told_in_words() -> None:
    assert all(re.fullmatch(r"[a-z_]+", code) and text[0].isupper() for code, text in TASK_FAILURES.items())
