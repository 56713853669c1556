"""The Studio API, field by field: what it takes, what it refuses, what it says, and what a worker makes of it."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from seedbed import catalogue, db, ledger, tasks
from seedbed.dialects import studio_v1
from seedbed.engines import Progress, RenderRequest, RenderResult
from seedbed.settings import Settings, load
from tests import hostile_files as files
from tests.conftest import Person, free_port, make_person
from tests.dialects.conftest import another_key
from tests.dialects.wire import PLAN, move
from tests.media_samples import Shelf, quarters, shelf, written
from tests.test_last_frame import Moving, all_frames, pixels
from tests.test_worker import at_work

PREFIX = "/api/v1"
SUBMIT = f"{PREFIX}/video/seedance2"
TRAIN: dict[str, Any] = {
    "mode": "text-to-video",
    "quality_tier": "standard",
    "prompt": "A cinematic shot of a glass train crossing a snowy mountain bridge",
    "aspect_ratio": "16:9",
    "duration": "5",
    "resolution": "720p",
}
PICTURE = "https://example.com/photo.jpg"
INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


async def submit(api: httpx2.AsyncClient, person: Person, **fields: Any) -> httpx2.Response:
    return await api.post(SUBMIT, json={"prompt": "A river"} | fields, headers=person.auth)


async def made(api: httpx2.AsyncClient, person: Person, **fields: Any) -> str:
    answer = await submit(api, person, **fields)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def refused(answer: httpx2.Response, status: int, code: str, message: str) -> None:
    """The whole body: nothing more, nothing less."""
    assert (answer.status_code, answer.json()) == (status, {"error": {"code": code, "message": message}})
    assert answer.headers["content-type"] == "application/json"


async def quietly(pool: db.Pool) -> None:
    """The account's minute begins anew."""
    async with db.connection(pool) as conn:
        await conn.execute("DELETE FROM rate_windows")


# Asking ------------------------------------------------------------------------------------------------------


async def test_the_documents_own_request(api: httpx2.AsyncClient, ana: Person, pool: db.Pool, sound: None) -> None:
    answer = await api.post(SUBMIT, json=TRAIN, headers=ana.auth | {"Idempotency-Key": "demo-video-001"})
    assert answer.status_code == 202
    told = answer.json()
    assert re.fullmatch(r"sd2_[0-9A-Za-z]{22}", told["id"])
    assert list(told.items()) == [
        ("id", told["id"]),
        ("status", "processing"),
        ("model", "seedance2"),
        ("quality_tier", "standard"),
        ("channel", "standard"),
        ("credits_used", 30),
    ]
    async with db.connection(pool) as conn:
        assert (await ledger.balance(conn, ana.account_id)).held == 30


async def test_defaults_and_null_as_an_absent_field(api: httpx2.AsyncClient, ana: Person, pool: db.Pool) -> None:
    nulls = dict.fromkeys([name for name in studio_v1.Submission.model_fields if name != "prompt"])
    for fields in ({}, nulls):
        task_id = await made(api, ana, **fields)
        async with db.connection(pool) as conn:
            task = await tasks.get(conn, task_id)
        assert (task.model, task.quality, task.channel, task.mode) == (
            *("seedance2-standard", "standard", "standard"),
            "text_to_video",
        )
        assert (task.aspect_ratio, task.resolution, task.duration_s, task.media) == ("16:9", "720p", 5, ())
        assert (task.audio, task.fixed_lens, task.last_frame, task.metadata) == (True, False, True, None)


async def test_every_field_reaches_the_task(api: httpx2.AsyncClient, ana: Person, pool: db.Pool) -> None:
    task_id = await made(
        api,
        ana,
        mode="media-to-video",
        quality_tier="pro",
        channel="wild",
        aspect_ratio="adaptive",
        duration=15,
        resolution="4k",
        image_url="https://example.com/first.png",
        end_image_url="https://example.com/last.webp",
        media_urls=["https://example.com/a.mp4", "https://example.com/b"],
        generate_audio=False,
        fixed_lens=True,
        seed=4294967295,
    )
    async with db.connection(pool) as conn:
        task = await tasks.get(conn, task_id)
    assert (task.quality, task.channel, task.aspect_ratio, task.resolution) == ("pro", "wild", "adaptive", "4k")
    assert (task.duration_s, task.audio, task.fixed_lens, task.seed) == (15, False, True, 2**32 - 1)
    assert task.price_credits == 900
    picture, visible = ("image",), ("image", "video")
    assert [(each.field, each.role, each.kind, each.only) for each in task.media] == [
        ("image_url", "first_frame", "image", picture),
        ("end_image_url", "last_frame", "image", picture),
        ("media_urls.0", "reference", "video", visible),
        ("media_urls.1", "reference", None, visible),
    ]


@pytest.mark.parametrize(("duration", "seconds"), [("4", 4), ("15", 15), (7, 7), (7.0, 7)])
async def test_durations(api: httpx2.AsyncClient, ana: Person, pool: db.Pool, duration: object, seconds: int) -> None:
    task_id = await made(api, ana, duration=duration)
    async with db.connection(pool) as conn:
        assert (await tasks.get(conn, task_id)).duration_s == seconds


async def test_every_tier_channel_ratio_and_resolution(api: httpx2.AsyncClient, ana: Person, pool: db.Pool) -> None:
    for model in catalogue.load().sold_by("studio"):
        for resolution in model.resolutions("text_to_video"):
            answer = await submit(api, ana, quality_tier=model.quality, resolution=resolution, duration="4")
            charged = catalogue.price(model, "text_to_video", resolution, 4)
            assert (answer.status_code, answer.json()["credits_used"]) == (202, charged)
        await quietly(pool)
        for ratio in model.aspect_ratios:
            await made(api, ana, quality_tier=model.quality, aspect_ratio=ratio)
        for channel in studio_v1.CHANNELS:
            answer = await submit(api, ana, quality_tier=model.quality, channel=channel)
            assert (answer.json()["channel"], answer.json()["quality_tier"]) == (channel, model.quality)


async def test_a_seed_is_kept_or_drawn(api: httpx2.AsyncClient, ana: Person, pool: db.Pool) -> None:
    drawn = set()
    async with db.connection(pool) as conn:
        assert (await tasks.get(conn, await made(api, ana, seed=0))).seed == 0
        for fields in ({}, {"seed": -1}, {"seed": -1.0}):
            drawn.add((await tasks.get(conn, await made(api, ana, **fields))).seed)
    assert len(drawn) == 3
    assert all(0 <= seed <= 2**32 - 1 for seed in drawn)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no prompt": ({"prompt": None}, "'prompt' is required"),
    "two characters": ({"prompt": "ab"}, "'prompt': string should have at least 3 characters"),
    "10,001 characters": ({"prompt": "x" * 10_001}, "'prompt': string should have at most 10000 characters"),
    "blanks": ({"prompt": " \t\n "}, "'prompt' must say what the video shows; it is blank"),
    "an unknown field": ({"model": "seedance2"}, "'model' is not a field of this request"),
    "mode": ({"mode": "video"}, "'mode' must be one of text-to-video, image-to-video, media-to-video"),
    "tier": ({"quality_tier": "ultra"}, "'quality_tier' must be one of mini, standard, pro"),
    "channel": ({"channel": "loud"}, "'channel' must be one of standard, real, wild"),
    "ratio": ({"aspect_ratio": "2:1"}, "'aspect_ratio' must be one of 1:1, 21:9, 4:3, 3:4, 16:9, 9:16, adaptive"),
    "3 s": ({"duration": "3"}, "'duration' must be one of 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15"),
    "16 s": ({"duration": 16}, "'duration' must be one of 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15"),
    "5.5 s": ({"duration": 5.5}, "'duration': input should be a valid string"),
    "05 s": ({"duration": "05"}, "'duration' must be one of 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15"),
    "true s": ({"duration": True}, "'duration': input should be a valid string"),
    "480p": ({"resolution": "480p"}, "'resolution' must be one of 720p, 1080p"),
    "4k on standard": ({"resolution": "4k"}, "'resolution' must be one of 720p, 1080p"),
    "1080p-plus on mini": (
        {"resolution": "1080p-plus", "quality_tier": "mini"},
        "'resolution' must be one of 720p, 1080p",
    ),
    "audio in words": ({"generate_audio": "yes"}, "'generate_audio': input should be a valid boolean"),
    "lens as a number": ({"fixed_lens": 1}, "'fixed_lens': input should be a valid boolean"),
    "seed below": ({"seed": -2}, "'seed': input should be greater than or equal to -1"),
    "seed above": ({"seed": 2**32}, "'seed': input should be less than or equal to 4294967295"),
    "seed in words": ({"seed": "7"}, "'seed': input should be a valid integer"),
    "seed on real": ({"seed": 7, "channel": "real"}, "'seed' must be left out where 'channel' is real"),
    "seed on mini": ({"seed": -1, "quality_tier": "mini"}, "'seed' must be left out where 'quality_tier' is mini"),
    "no picture": ({"mode": "image-to-video"}, "'image_url' is required where 'mode' is image-to-video"),
    "an end alone": (
        {"mode": "media-to-video", "media_urls": [PICTURE], "end_image_url": PICTURE},
        "'end_image_url' needs an 'image_url' to begin with",
    ),
    "no media": ({"mode": "media-to-video"}, "'media_urls' is required where 'mode' is media-to-video"),
    "no media at all": (
        {"mode": "media-to-video", "media_urls": []},
        "'media_urls': list should have at least 1 item after validation, not 0",
    ),
    "13 media": (
        {"mode": "media-to-video", "media_urls": [PICTURE] * 13},
        "'media_urls': list should have at most 12 items after validation, not 13",
    ),
    "a picture for text": ({"image_url": PICTURE}, "'image_url' must be left out where 'mode' is text-to-video"),
    "media for a picture": (
        {"mode": "image-to-video", "image_url": PICTURE, "media_urls": [PICTURE]},
        "'media_urls' must be left out where 'mode' is image-to-video",
    ),
    "a clip as the first frame": (
        {"mode": "image-to-video", "image_url": "https://example.com/a.mp4"},
        "'image_url' must end in one of .jpg, .jpeg, .png, .webp, .gif, .bmp, or have no extension",
    ),
    "a private address": (
        {"mode": "image-to-video", "image_url": "https://10.0.0.5/photo.jpg"},
        "'image_url': The URL must not name a private or reserved address",
    ),
    "the cloud's metadata": (
        {"mode": "media-to-video", "media_urls": [PICTURE, "https://169.254.169.254/photo.jpg"]},
        "'media_urls.1': The URL must not name a private or reserved address",
    ),
    "plain http": (
        {"mode": "image-to-video", "image_url": PICTURE, "end_image_url": "http://example.com/photo.jpg"},
        "'end_image_url': The URL must begin with https://",
    ),
    "a sound": (
        {"mode": "media-to-video", "media_urls": [PICTURE, "https://example.com/a.mp3"]},
        "'media_urls.1' must end in one of .jpg, .jpeg, .png, .webp, .gif, .bmp, .mp4, .mov, .m4v, "
        "or have no extension",
    ),
}


async def test_each_field_at_fault_is_named(api: httpx2.AsyncClient, ana: Person, pool: db.Pool, sound: None) -> None:
    for name, (fields, message) in BAD.items():
        await quietly(pool)
        answer = await submit(api, ana, **fields)
        assert (answer.status_code, answer.json()) == (
            400,
            {"error": {"code": "invalid_request", "message": message}},
        ), name
    for url in ("http://example.com/a.jpg", "https://127.0.0.1/a.jpg", "https://10.0.0.5/a.jpg", "file:///etc/passwd"):
        answer = await submit(api, ana, mode="image-to-video", image_url=url)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
        assert answer.json()["error"]["message"].startswith("'image_url': ")
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT count(*) FROM tasks") == 0


# Refusals ----------------------------------------------------------------------------------------------------


async def test_everything_under_the_prefix_is_refused_in_one_shape(
    api: httpx2.AsyncClient, ana: Person, alice: Person, pool: db.Pool
) -> None:
    for headers in ({}, alice.auth, {"Authorization": "Bearer sk_live_nonsense"}, {"Authorization": ana.key}):
        refused(await api.post(SUBMIT, json=TRAIN, headers=headers), 401, "unauthorized", "Invalid API key")
    refused(await api.get(f"{PREFIX}/nothing", headers=ana.auth), 404, "not_found", "There is no such path")
    refused(await api.get(PREFIX, headers=ana.auth), 404, "not_found", "There is no such path")
    answer = await api.get(SUBMIT, headers=ana.auth)
    refused(answer, 405, "invalid_request", answer.json()["error"]["message"])
    assert answer.headers["allow"] == "POST"
    broken = await api.post(SUBMIT, content=b"{", headers=ana.auth)
    assert (broken.status_code, broken.json()["error"]["code"]) == (400, "invalid_request")
    large = await api.post(SUBMIT, content=b" " * (2 << 20), headers=ana.auth)
    refused(large, 413, "invalid_request", "The request body is over 1048576 bytes")
    async with db.transaction(pool) as conn:
        poor = await another_key(conn, await make_person(conn, "poor", credits=29))
    answer = await submit(api, poor)
    refused(answer, 402, "insufficient_credits", "This request needs 30 credits and 29 are available")


async def test_an_account_has_30_requests_a_minute_over_all_its_keys(
    api: httpx2.AsyncClient, ana: Person, pool: db.Pool, sound: None
) -> None:
    async with db.transaction(pool) as conn:
        sister = await another_key(conn, ana)
        other = await another_key(conn, await make_person(conn, "other"))
    answers = await asyncio.gather(
        *(api.get(f"{PREFIX}/tasks/sd2_none", headers=(ana, sister)[number % 2].auth) for number in range(34))
    )
    assert sorted(answer.status_code for answer in answers) == [404] * 30 + [429] * 4
    late = await submit(api, sister)
    assert (late.status_code, late.json()["error"]["code"]) == (429, "rate_limited")
    assert 1 <= int(late.headers["retry-after"]) <= 60
    assert (await submit(api, other)).status_code == 202, "another account has its own"
    async with db.connection(pool) as conn:
        await conn.execute("UPDATE rate_windows SET started_at = now() - interval '61 s'")
    assert (await submit(api, ana)).status_code == 202


async def test_one_key_buys_once(api: httpx2.AsyncClient, ana: Person, pool: db.Pool, sound: None) -> None:
    once = {"Idempotency-Key": "k-1"}
    first = await api.post(SUBMIT, json=TRAIN, headers=ana.auth | once)
    again = await api.post(SUBMIT, json=TRAIN, headers=ana.auth | once)
    assert (again.status_code, again.content) == (202, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    other = await api.post(SUBMIT, json=TRAIN | {"duration": "6"}, headers=ana.auth | once)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_conflict")
    crowd = await asyncio.gather(
        *(api.post(SUBMIT, json=TRAIN, headers=ana.auth | {"Idempotency-Key": "k-2"}) for _ in range(20))
    )
    assert {answer.status_code for answer in crowd} <= {202, 409}
    assert len({answer.content for answer in crowd if answer.status_code == 202}) == 1
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT count(*) FROM tasks") == 2


async def test_a_task_belongs_to_its_account(
    api: httpx2.AsyncClient, ana: Person, alice: Person, pool: db.Pool
) -> None:
    async with db.transaction(pool) as conn:
        sister, stranger = await another_key(conn, ana), await another_key(conn, alice)
    task_id = await made(api, ana)
    for path in (f"{PREFIX}/tasks/{task_id}", f"{PREFIX}/tasks/{task_id}/plan"):
        assert (await api.get(path, headers=sister.auth)).json()["id"] == task_id
        refused(await api.get(path, headers=stranger.auth), 404, "not_found", "Task not found")
    unknown = await api.get(f"{PREFIX}/tasks/sd2_{'A' * 22}", headers=stranger.auth)
    refused(unknown, 404, "not_found", "Task not found")
    through_open = await api.get(f"/api/open/v1/video/generations/{task_id}", headers=alice.auth)
    assert through_open.status_code == 404


# Looking -----------------------------------------------------------------------------------------------------


async def test_a_task_in_every_state(api: httpx2.AsyncClient, ana: Person, pool: db.Pool, sound: None) -> None:
    ends = {
        "queued": ("processing", 0, None),
        "processing": ("processing", 0, None),
        "succeeded": ("completed", 0, None),
        "failed": ("failed", 30, {"code": "render_failed", "message": "The engine cannot draw this"}),
        "cancelled": ("failed", 30, {"code": "cancelled", "message": "The task was cancelled"}),
    }
    for state, (status, refunded, error) in ends.items():
        task_id = await made(api, ana, seed=123)
        await move(pool, task_id, state)
        answer = await api.get(f"{PREFIX}/tasks/{task_id}", headers=ana.auth)
        told = answer.json()
        output = told["output"]
        if state == "succeeded":
            assert list(output) == ["video_url", "last_frame_url", "seed"]
            assert output["seed"] == 123
            assert all("/files/" in output[name] for name in ("video_url", "last_frame_url"))
        else:
            assert output is None
        assert list(told.items()) == [
            ("id", task_id),
            ("status", status),
            ("model", "seedance2"),
            ("quality_tier", "standard"),
            ("channel", "standard"),
            ("credits_used", 30),
            ("credits_refunded", refunded),
            ("output", output),
            ("error", error),
            ("created_at", told["created_at"]),
            ("updated_at", told["updated_at"]),
        ]
        assert re.fullmatch(INSTANT, told["created_at"])
        assert told["created_at"] <= told["updated_at"]
        plan = (await api.get(f"{PREFIX}/tasks/{task_id}/plan", headers=ana.auth)).json()
        assert plan == {"id": task_id, "status": status, "prompt_plan": PLAN if state == "succeeded" else None}


# Making ------------------------------------------------------------------------------------------------------


class Told(Moving):
    """Remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[RenderRequest] = []

    async def render(self, request: RenderRequest, scratch: Path, progress: Progress) -> RenderResult:
        self.requests.append(request)
        clips = [medium for medium in request.media if medium.kind != "image"]
        if clips:
            result = await Moving().render(RenderRequest(**_plain(request) | {"media": ()}), scratch, progress)
        else:
            result = await super().render(request, scratch, progress)
        return RenderResult(video=result.video, plan=PLAN)


def _plain(request: RenderRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in RenderRequest.__dataclass_fields__}


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Shelf]:
    stock = {
        "first": written(quarters(320, 240), "PNG"),
        "last": written(quarters(200, 100), "PNG"),
        "clip": files.film(tmp_path / "clip", frames=12).read_bytes(),
        "sound": files.wav(bytes([128, 140]) * 4000),
    }
    async with shelf(stock) as found:
        yield found


@pytest.fixture
def settings(dsn: str, tmp_path: Path, host: Shelf) -> Settings:
    trusted = f"127.0.0.1:{host.port}"
    return load(
        data_dir=tmp_path / "data", database_url=dsn, port=free_port(), poll_s=0.2, lease_s=2.0, trusted_hosts=trusted
    )


async def ended(api: httpx2.AsyncClient, person: Person, task_id: str, pool: db.Pool) -> dict[str, Any]:
    async with asyncio.timeout(120):
        while True:
            await quietly(pool)
            told: dict[str, Any] = (await api.get(f"{PREFIX}/tasks/{task_id}", headers=person.auth)).json()
            if told["status"] != "processing":
                return told
            await asyncio.sleep(0.1)


async def test_from_two_pictures_to_a_video_and_its_last_frame(
    api: httpx2.AsyncClient, ana: Person, host: Shelf, settings: Settings, tmp_path: Path, pool: db.Pool, sound: None
) -> None:
    engine = Told()
    frames = {"image_url": host.ref("first").url, "end_image_url": host.ref("last").url}
    async with at_work(settings, tmp_path, engine):
        task_id = await made(
            api, ana, mode="image-to-video", aspect_ratio="adaptive", duration="4", channel="wild", seed=7, **frames
        )
        told = await ended(api, ana, task_id, pool)
        assert told["status"] == "completed", told
        # The next shot begins where this one ends.
        begun = {"mode": "image-to-video", "image_url": told["output"]["last_frame_url"], "aspect_ratio": "adaptive"}
        after = await ended(api, ana, await made(api, ana, duration="4", **begun), pool)
    assert after["status"] == "completed", after
    request, following = engine.requests
    assert [(medium.role, medium.width, medium.height) for medium in following.media] == [("first_frame", 960, 720)]
    assert (following.width, following.height) == (960, 720)
    assert [(medium.role, medium.width, medium.height) for medium in request.media] == [
        ("first_frame", 320, 240),
        ("last_frame", 200, 100),
    ]
    assert (request.width, request.height, request.seed, request.channel) == (960, 720, 7, "wild")
    video, png = [(await api.get(told["output"][name])).content for name in ("video_url", "last_frame_url")]
    assert np.array_equal(pixels(png), all_frames(io.BytesIO(video))[-1])
    assert pixels(png).shape == (720, 960, 3)
    assert np.array_equal(engine.given[0], pixels(png))


async def test_one_picture_among_media_is_a_reference(
    api: httpx2.AsyncClient, ana: Person, host: Shelf, settings: Settings, tmp_path: Path, pool: db.Pool, sound: None
) -> None:
    engine = Told()
    async with at_work(settings, tmp_path, engine):
        for media in (["first"], ["clip", "first"]):
            urls = [host.ref(name).url for name in media]
            told = await ended(
                api, ana, await made(api, ana, mode="media-to-video", media_urls=urls, duration="4"), pool
            )
            assert told["status"] == "completed", told
    roles = [[(medium.kind, medium.role) for medium in request.media] for request in engine.requests]
    assert roles == [[("image", "reference")], [("video", "reference"), ("image", "reference")]]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mode": "image-to-video", "image_url": "clip"}, "'image_url' is a video, and a picture belongs there"),
        (
            {"mode": "media-to-video", "media_urls": ["first", "sound"]},
            "'media_urls.1' is a sound, and a picture or a video belongs there",
        ),
        (
            {"mode": "image-to-video", "image_url": "first", "end_image_url": "none"},
            "'end_image_url' could not be fetched: 127.0.0.1 answered 404",
        ),
    ],
)
async def test_media_that_cannot_be_used_are_named_and_refunded(
    api: httpx2.AsyncClient,
    ana: Person,
    host: Shelf,
    settings: Settings,
    tmp_path: Path,
    pool: db.Pool,
    sound: None,
    fields: dict[str, Any],
    message: str,
) -> None:
    def address(name: str) -> str:
        return host.ref(name).url

    asked = {
        name: [address(each) for each in value] if isinstance(value, list) else address(value)
        for name, value in fields.items()
        if name != "mode"
    }
    async with at_work(settings, tmp_path, Told()):
        told = await ended(api, ana, await made(api, ana, mode=fields["mode"], **asked), pool)
    assert (told["status"], told["error"]) == ("failed", {"code": "invalid_media", "message": message})
    assert told["credits_refunded"] == told["credits_used"] == 30
