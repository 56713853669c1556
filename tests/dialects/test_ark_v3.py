"""The Ark API, field by field: what it takes, flags at the end of the text, what it refuses and how."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from seedbed import db, tasks
from seedbed.dialects import _ark_v3_request as rules
from seedbed.dialects import ark_v3
from tests.conftest import Person
from tests.dialects.ark_wire import (
    FAST,
    MODEL,
    PREFIX,
    PRO_1_5,
    TASKS,
    TRAIN,
    inside,
    made,
    medium,
    post,
    refused,
    text,
)
from tests.raw import exchange

PICTURE = "https://example.com/photo.jpg"
BAD_REQUEST = "BadRequest"


# Asking ------------------------------------------------------------------------------------------------------


async def test_defaults_and_null_as_an_absent_field(api: httpx2.AsyncClient, alice: Person, pool: db.Pool) -> None:
    names = set(rules.Submission.model_fields) | set(rules.UNSUPPORTED)
    nulls = dict.fromkeys(names - {"model", "content"})
    for fields in ({}, nulls):
        task_id = await made(api, alice, **fields)
        async with db.connection(pool) as conn:
            task = await tasks.get(conn, task_id)
        assert (task.dialect, task.model, task.mode, task.prompt) == ("ark", "ark-seedance-2.0", "text_to_video", TRAIN)
        assert (task.aspect_ratio, task.resolution, task.duration_s, task.media) == ("adaptive", "720p", 5, ())
        assert (task.audio, task.fixed_lens, task.last_frame, task.priority) == (True, False, False, 0)
        assert (task.callback_always, task.webhook_url, task.price_credits) == (True, None, 40)
        assert task.expires_at is not None
        assert (task.expires_at - task.created_at).total_seconds() == 172_800


async def test_nulls_are_absent_inside_the_content_too(api: httpx2.AsyncClient, alice: Person) -> None:
    words = text() | {"role": None, "image_url": None, "video_url": None}
    picture = {"type": "image_url", "image_url": {"url": PICTURE, "detail": None}, "text": None, "role": None}
    assert await made(api, alice, content=[words, picture])
    answer = await post(api, alice, content=[{"type": "image_url", "image_url": {"url": None}}])
    refused(
        *(answer, 400, "MissingParameter", "'content.0.image_url.url' is required"),
        kind=BAD_REQUEST,
        param="content.0.image_url.url",
    )


async def test_every_field_reaches_the_task(api: httpx2.AsyncClient, alice: Person, pool: db.Pool) -> None:
    task_id = await made(
        api,
        alice,
        model=FAST,
        content=[text(), medium("image", PICTURE, "first_frame"), medium("image", PICTURE, "last_frame")],
        callback_url="https://example.com/hook",
        return_last_frame=True,
        service_tier="default",
        execution_expires_after=259_200,
        priority=9,
        generate_audio=False,
        draft=False,
        safety_identifier="s" * 64,
        resolution="1080p",
        ratio="21:9",
        duration=15.0,
        seed=4294967295,
        camera_fixed=True,
        watermark=False,
        output_format="mp4",
        tools=[],
    )
    async with db.connection(pool) as conn:
        task = await tasks.get(conn, task_id)
    assert (task.model, task.resolution, task.aspect_ratio, task.duration_s) == (
        *("ark-seedance-2.0-fast", "1080p", "21:9", 15),
    )
    assert (task.seed, task.fixed_lens, task.audio, task.last_frame, task.priority) == (2**32 - 1, True, False, True, 9)
    assert (task.webhook_url, task.price_credits) == ("https://example.com/hook", 240)
    assert [(each.field, each.role, each.kind, each.only) for each in task.media] == [
        ("content.1.image_url.url", "first_frame", "image", ("image",)),
        ("content.2.image_url.url", "last_frame", "image", ("image",)),
    ]
    found = (await api.get(f"{TASKS}/{task_id}", headers=alice.auth)).json()
    assert (found["model"], found["safety_identifier"], found["priority"]) == (FAST, "s" * 64, 9)
    assert (found["status"], found["error"], found["ratio"]) == ("queued", None, "21:9")
    assert "content" not in found
    assert "usage" not in found


async def test_a_length_that_is_left_to_us(api: httpx2.AsyncClient, alice: Person) -> None:
    for words, model, seconds in (
        ("a river", MODEL, 5),
        ("x" * 120, MODEL, 5),
        ("x" * 200, MODEL, 7),
        ("x" * 5000, MODEL, 15),
        ("x" * 5000, PRO_1_5, 12),
    ):
        task_id = await made(api, alice, model=model, content=[text(words)], duration=-1, resolution="480p")
        found = (await api.get(f"{TASKS}/{task_id}", headers=alice.auth)).json()
        assert found["duration"] == seconds


@pytest.mark.parametrize(
    ("words", "prompt", "flags"),
    [
        ("a cat --rs 480p --rt 9:16 --dur 6 --seed 7 --cf true", "a cat", ("480p", "9:16", 6, 7, True)),
        (
            "a cat --resolution 1080p --ratio 1:1 --duration 4 --camerafixed true --watermark false --seed 7 --fps 24",
            "a cat",
            ("1080p", "1:1", 4, 7, True),
        ),
        ("a cat\n--dur 6\t--seed  7 \n", "a cat", ("720p", "adaptive", 6, 7, False)),
        ("a --dur 6 cat --seed 7", "a --dur 6 cat", ("720p", "adaptive", 5, 7, False)),
        ("a cat --style noir --dur 6 --seed 7", "a cat --style noir", ("720p", "adaptive", 6, 7, False)),
        ("a cat --dur 6 --seed 7 --style noir", "a cat --style noir", ("720p", "adaptive", 6, 7, False)),
        ("a cat -- and --seed 7", "a cat -- and", ("720p", "adaptive", 5, 7, False)),
        ("a cat --seed 8 --seed 7", "a cat", ("720p", "adaptive", 5, 7, False)),
    ],
)
async def test_flags_at_the_end_of_the_text(
    api: httpx2.AsyncClient, alice: Person, pool: db.Pool, words: str, prompt: str, flags: tuple[Any, ...]
) -> None:
    task_id = await made(api, alice, content=[text(words)])
    async with db.connection(pool) as conn:
        task = await tasks.get(conn, task_id)
    assert task.prompt == prompt
    assert (task.resolution, task.aspect_ratio, task.duration_s, task.seed, task.fixed_lens) == flags


def test_a_text_without_flags_stays_as_it_is() -> None:
    for words in ("a  cat ", " --", "--dur", "a --dur", "--dur 5 then", "a -dur 5", "--x 1 --y 2"):
        assert rules.flags_of(words) == (words, {})
    assert rules.flags_of("--dur 5") == ("", {"dur": "5"})
    assert rules.flags_of("--x 1 --dur 5") == ("--x 1", {"dur": "5"})
    long = "--x " * 100_000
    assert rules.flags_of(long) == (long, {})


async def test_a_field_of_the_request_goes_before_a_flag(api: httpx2.AsyncClient, alice: Person) -> None:
    words = f"{TRAIN} --rs 480p --dur 6 --seed 3"
    task_id = await made(api, alice, content=[text(words)], resolution="1080p", duration=4)
    found = (await api.get(f"{TASKS}/{task_id}", headers=alice.auth)).json()
    assert (found["resolution"], found["duration"], found["seed"]) == ("1080p", 4, 3)


# Refusals ----------------------------------------------------------------------------------------------------

INVALID, MISSING, KIND = "InvalidParameter", "MissingParameter", "InvalidParameter.TaskTypeConstraint"
FIRST, LAST = medium("image", PICTURE, "first_frame"), medium("image", PICTURE, "last_frame")
REFERENCE, CLIP = medium("image", PICTURE, "reference_image"), medium("video", "https://example.com/a.mp4")
SOUND = medium("audio", "https://example.com/a.mp3")

BAD: dict[str, tuple[dict[str, Any], str, str, str]] = {
    # what is sent beside a good model and text; code, param, message
    "no model": ({"model": None}, MISSING, "model", "'model' is required"),
    "a model that is a number": ({"model": 2}, INVALID, "model", "'model': input should be a valid string"),
    "no content": ({"content": None}, MISSING, "content", "'content' is required"),
    "content of nothing": ({"content": []}, INVALID, "content", "'content': list should have at least 1 item"),
    "content that is text": ({"content": TRAIN}, INVALID, "content", "'content': input should be a valid list"),
    "an item that is text": ({"content": [TRAIN]}, INVALID, "content.0", "'content.0' must be an object"),
    "an item of no type": ({"content": [{"text": "a"}]}, MISSING, "content.0.type", "'content.0.type' is required"),
    "an item of a strange type": (
        {"content": [{"type": "draft_task", "draft_task": {"id": "cgt-1"}}]},
        INVALID,
        "content.0.type",
        "'content.0.type' must be one of text, image_url, video_url, audio_url",
    ),
    "a text without text": ({"content": [{"type": "text"}]}, MISSING, "content.0.text", "'content.0.text' is required"),
    "a blank text": (
        {"content": [text(" \n")]},
        INVALID,
        "content",
        "'content' has a text that is blank; say what the video shows",
    ),
    "flags alone": (
        {"content": [text("--dur 5")]},
        MISSING,
        "content",
        "'content' needs a text that says what the video shows",
    ),
    "two texts": ({"content": [text(), text()]}, KIND, "content", "'content' may have one text; join them"),
    "a picture without a picture": (
        {"content": [{"type": "image_url"}]},
        MISSING,
        "content.0.image_url",
        "'content.0.image_url' is required",
    ),
    "a picture without an address": (
        {"content": [{"type": "image_url", "image_url": {}}]},
        MISSING,
        "content.0.image_url.url",
        "'content.0.image_url.url' is required",
    ),
    "a strange role": (
        {"content": [medium("image", PICTURE, "middle_frame")]},
        INVALID,
        "content.0.role",
        "'content.0.role': input should be 'first_frame', 'last_frame' or 'reference_image'",
    ),
    "a clip as a first frame": (
        {"content": [medium("image", "https://example.com/a.mp4", "first_frame")]},
        INVALID,
        "content.0.image_url.url",
        "'content.0.image_url.url' must end in one of .jpg, .jpeg, .png, .webp, .gif, .bmp, or have no extension",
    ),
    "an address inside": (
        {"content": [medium("image", "https://127.0.0.2/a.png")]},
        INVALID,
        "content.0.image_url.url",
        "",
    ),
    "an asset": ({"content": [medium("image", "asset://asset-1")]}, INVALID, "content.0.image_url.url", ""),
    "bytes that are no base64": (
        {"content": [medium("image", "data:image/png;base64,***")]},
        INVALID,
        "content.0.image_url.url",
        "'content.0.image_url.url' is not base64",
    ),
    "bytes of another kind": (
        {"content": [text(), medium("image", "data:video/mp4;base64,AAAA")]},
        INVALID,
        "content.1.image_url.url",
        "'content.1.image_url.url' must be an address, or data:image/<format>;base64,<bytes>",
    ),
    "bytes that are not base64 at all": (
        {"content": [medium("image", "data:image/png,abc")]},
        INVALID,
        "content.0.image_url.url",
        "'content.0.image_url.url' must be an address, or data:image/<format>;base64,<bytes>",
    ),
    "bytes that are no picture": (
        {"content": [medium("image", inside(b"this is no picture"))]},
        INVALID,
        "content.0.image_url.url",
        "",
    ),
    "a last frame alone": (
        {"content": [text(), LAST]},
        KIND,
        "content",
        "'content' has a last_frame and needs a first_frame to begin with",
    ),
    "two first frames": ({"content": [FIRST, FIRST]}, KIND, "content", "'content' may have one first_frame"),
    "a frame and a reference": (
        {"content": [FIRST, REFERENCE]},
        KIND,
        "content",
        "'content' may have a first and a last frame, or references, not both",
    ),
    "a frame and a clip": (
        {"content": [FIRST, CLIP]},
        KIND,
        "content",
        "'content' may have a first and a last frame, or references, not both",
    ),
    "pictures without roles": (
        {"content": [medium("image", PICTURE)] * 2},
        MISSING,
        "content",
        "'content' has several media: each picture needs a 'role', first_frame, last_frame or reference_image",
    ),
    "ten pictures": ({"content": [REFERENCE] * 10}, KIND, "content", "'content' may have 9 of reference_image"),
    "four clips": ({"content": [CLIP] * 4}, KIND, "content", "'content' may have 3 of reference_video"),
    "four sounds": ({"content": [CLIP, *[SOUND] * 4]}, KIND, "content", "'content' may have 3 of reference_audio"),
    "sounds alone": (
        {"content": [text(), SOUND]},
        KIND,
        "content",
        "'content' has sounds alone; add a reference picture or video",
    ),
    "references of a model that takes none": (
        {"model": PRO_1_5, "content": [REFERENCE]},
        KIND,
        "content",
        "'content' has references, and this model takes a first and a last frame only",
    ),
    "4k of a model that has none": (
        {"model": FAST, "resolution": "4k"},
        INVALID,
        "resolution",
        "'resolution' must be one of 480p, 720p, 1080p",
    ),
    "a ratio that is none": (
        {"ratio": "2:1"},
        INVALID,
        "ratio",
        "'ratio' must be one of 16:9, 4:3, 1:1, 3:4, 9:16, 21:9, adaptive",
    ),
    "too long": (
        {"duration": 16},
        INVALID,
        "duration",
        "'duration' must be one of 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, -1",
    ),
    "half a second": ({"duration": 5.5}, INVALID, "duration", "'duration': input should be a valid integer"),
    "frames": (
        {"frames": 57},
        INVALID,
        "frames",
        "'frames' is not supported: the length is in whole seconds here; use 'duration'",
    ),
    "tools": (
        {"tools": [{"type": "web_search"}]},
        INVALID,
        "tools",
        "'tools' is not supported: there are no tools here; leave it out",
    ),
    "frames in a list": (
        {"frames": []},
        INVALID,
        "frames",
        "'frames' is not supported: the length is in whole seconds here; use 'duration'",
    ),
    "a draft": (
        {"draft": True},
        INVALID,
        "draft",
        "'draft': there are no drafts here; ask for '480p' to see something quickly",
    ),
    "flex": ({"service_tier": "flex"}, INVALID, "service_tier", "'service_tier': there is one tier here, 'default'"),
    "a watermark": (
        {"watermark": True},
        INVALID,
        "watermark",
        "'watermark': this server draws no watermark; leave it out or send false",
    ),
    "mov": (
        {"output_format": "mov"},
        INVALID,
        "output_format",
        "'output_format': the video is an MP4 here; 'mov' is not made",
    ),
    "a watermark that is a number": (
        {"watermark": 0},
        INVALID,
        "watermark",
        "'watermark': input should be a valid boolean",
    ),
    "no time": (
        {"execution_expires_after": 3599},
        INVALID,
        "execution_expires_after",
        "'execution_expires_after': input should be greater than or equal to 3600",
    ),
    "all the time": (
        {"execution_expires_after": 259_201},
        INVALID,
        "execution_expires_after",
        "'execution_expires_after': input should be less than or equal to 259200",
    ),
    "a priority of ten": ({"priority": 10}, INVALID, "priority", "'priority': input should be less than or equal to 9"),
    "a seed below": ({"seed": -2}, INVALID, "seed", "'seed': input should be greater than or equal to -1"),
    "a long name": (
        {"safety_identifier": "s" * 65},
        INVALID,
        "safety_identifier",
        "'safety_identifier': string should have at most 64 characters",
    ),
    "a private callback": ({"callback_url": "http://10.0.0.1/"}, INVALID, "callback_url", ""),
    "an unknown field": ({"n": 2}, INVALID, "n", "'n' is not a field of this request"),
    "a flag of a strange value": (
        {"content": [text("a --dur soon")]},
        INVALID,
        "content",
        "'--dur' must be a whole number",
    ),
    "a flag beyond the model": ({"content": [text("a --dur 30")]}, INVALID, "duration", ""),
    "a flag of a large seed": (
        {"content": [text("a --seed 4294967296")]},
        INVALID,
        "content",
        "'--seed' must be from -1 to 4294967295",
    ),
    "a flag for a watermark": (
        {"content": [text("a --wm true")]},
        INVALID,
        "content",
        "'--wm': this server draws no watermark; leave it out or send false",
    ),
    "thirty frames": ({"content": [text("a --fps 30")]}, INVALID, "--fps", "'--fps' must be one of 24"),
    "a fixed lens, perhaps": (
        {"content": [text("a --cf perhaps")]},
        INVALID,
        "--cf",
        "'--cf' must be one of true, false",
    ),
}


async def test_what_is_wrong_is_named(api: httpx2.AsyncClient, alice: Person, pool: db.Pool) -> None:
    for fault, (fields, code, param, message) in BAD.items():
        answer = await post(api, alice, **fields)
        assert answer.status_code == 400, fault
        if not message:
            told = answer.json()["error"]
            assert (told["code"], told["param"]) == (code, param), fault
            message = told["message"].partition(". Request id")[0]
            assert message.startswith(f"'{param}'"), fault
        refused(answer, 400, code, _with_count(message, answer), kind=BAD_REQUEST, param=param)
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT count(*) FROM tasks") == 0
        assert await conn.fetchval("SELECT count(*) FROM uploads") == 0


def _with_count(message: str, answer: httpx2.Response) -> str:
    """What pydantic says of a list's length ends in what it found."""
    told: str = answer.json()["error"]["message"].partition(". Request id")[0]
    return told if "at least 1 item" in message and told.startswith(message) else message


async def test_a_body_that_is_no_object(api: httpx2.AsyncClient, alice: Person) -> None:
    for body in (b"", b"[]", b"{", b'{"a":1,"a":1}', b"\xff"):
        answer = await api.post(TASKS, content=body, headers=alice.auth)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, INVALID)


async def test_a_body_that_is_too_large_is_not_read(api: httpx2.AsyncClient, alice: Person) -> None:
    size = ark_v3.BODY_BYTES_MAX
    head = f"POST {TASKS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {alice.key}\r\n"
    [answer] = await exchange(str(api.base_url), f"{head}Content-Length: {size + 1}\r\n\r\n".encode())
    told = json.loads(answer.body)["error"]
    assert (answer.status, told["code"], told["type"]) == (413, INVALID, BAD_REQUEST)
    assert told["message"].startswith(f"The request body is over {size} bytes. Request id: ")
    assert answer.headers["connection"] == "close"


async def test_every_answer_under_the_prefix_has_the_shape(api: httpx2.AsyncClient, alice: Person) -> None:
    for path in (PREFIX, f"{PREFIX}/nothing", f"{TASKS}/a/b"):
        answer = await api.get(path, headers=alice.auth)
        assert answer.status_code == 404
        assert answer.json()["error"].keys() == {"code", "message", "param", "type"}
        assert answer.json()["error"]["code"] == "ResourceNotFound"
    answer = await api.put(TASKS, headers=alice.auth)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert answer.json()["error"]["code"] == "MethodNotAllowed"
    answer = await api.get(f"{TASKS}/cgt-nothing")
    refused(answer, 401, "AuthenticationError", "Invalid API key", kind="Unauthorized")
    answer = await api.get(f"{TASKS}/cgt-nothing%00", headers=alice.auth)
    refused(answer, 404, "ResourceNotFound", "Task not found", kind="NotFound")


async def test_a_fault_of_ours_is_not_tried_again(
    api: httpx2.AsyncClient, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(tasks, "create", broken)
    answer = await post(api, alice)
    message = "Something failed on our side. The request was not carried out; try it again"
    refused(answer, 500, "InternalServiceError", message, kind="InternalServerError")


async def test_an_acceptance_in_doubt_is_not_tried_again(
    api: httpx2.AsyncClient, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away while the task is accepted: sending it again by itself could buy it twice."""

    async def away(*_: object, **__: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as gone:
        gone.setattr(tasks, "create", away)
        answer = await post(api, alice)
        assert (answer.status_code, answer.headers["x-should-retry"]) == (503, "false")
        assert "look at the list of tasks" in answer.json()["error"]["message"]
    with monkeypatch.context() as gone:
        gone.setattr(tasks, "get_own", away)
        answer = await api.get(f"{TASKS}/cgt-1", headers=alice.auth)
    refused(
        answer,
        503,
        "ServiceUnavailable",
        "The service is busy; try again shortly",
        kind="ServiceUnavailable",
        again=True,
    )


async def test_lists_refuse_what_they_do_not_know(api: httpx2.AsyncClient, alice: Person) -> None:
    for query, param in (
        ("page_num=0", "page_num"),
        ("page_num=501", "page_num"),
        ("page_size=501", "page_size"),
        ("page_size=ten", "page_size"),
        ("filter.status=completed", "filter.status"),
        ("filter.service_tier=gold", "filter.service_tier"),
        ("filter.model=%00", "filter"),
        ("filter.task_ids=%00", "filter"),
    ):
        answer = await api.get(f"{TASKS}?{query}", headers=alice.auth)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), query
