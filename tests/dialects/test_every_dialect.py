"""What holds over all dialects: whose tasks each shows, whose keys each takes; a task is one task everywhere."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from seedbed import accounts, catalogue, db, library, tasks
from seedbed.dialects import DIALECTS
from seedbed.settings import Settings
from seedbed.wanted import Wanted
from tests.conftest import Person, make_person, served
from tests.dialects.documents import checked
from tests.engines_for_tests import Clip
from tests.test_worker import at_work
from tests.webhook_receivers import receiving

PROMPT = "A river flowing through an autumn forest"
Call = tuple[str, str, Any]
"""Method, path, body."""


@dataclass(frozen=True)
class Ways:
    """What a program does through one dialect: how it asks for a task, looks, lists and stops, and what it is told."""

    keys: frozenset[str]
    submit: Call
    look: Callable[[str], Call]
    stop: Callable[[str], Call] | None
    listed: Call | None
    id: Callable[[Any], str]
    ids: Callable[[Any], list[str]]
    facts: Callable[[Any], dict[str, Any]]
    """Of a look: the state, and what the dialect tells of the task, by the names that `task show` has for them."""


def _call(tool: str, **arguments: Any) -> Call:
    params = {"name": tool, "arguments": arguments}
    return "POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def _told(answer: Any) -> Any:
    return answer["result"].get("structuredContent", {})


OPEN, STUDIO, BOTH = frozenset({"open"}), frozenset({"studio"}), frozenset({"open", "studio"})
GENERATIONS, ARK, VIDEOS = "/api/open/v1/video/generations", "/api/v3/contents/generations/tasks", "/v1/videos"

WAYS = {
    "open": Ways(
        OPEN,
        ("POST", GENERATIONS, {"model": "seedance-2.0", "prompt": PROMPT}),
        lambda id: ("GET", f"{GENERATIONS}/{id}", None),
        lambda id: ("POST", f"{GENERATIONS}/{id}/cancel", None),
        ("GET", GENERATIONS, None),
        lambda told: told["requestId"],
        lambda told: [task["requestId"] for task in told["data"]],
        lambda told: {
            "status": told["status"],
            "prompt": told["prompt"],
            "duration_s": told["duration"],
            "aspect_ratio": told["aspectRatio"],
            "model": told["model"],
            "video_url": (told["output"] or {}).get("url"),
        },
    ),
    "studio": Ways(
        STUDIO,
        ("POST", "/api/v1/video/seedance2", {"prompt": PROMPT}),
        lambda id: ("GET", f"/api/v1/tasks/{id}", None),
        None,
        None,
        lambda told: told["id"],
        lambda told: [],
        lambda told: {
            "status": {"processing": "queued", "completed": "succeeded"}[told["status"]],
            "price_credits": told["credits_used"],
            "video_url": (told["output"] or {}).get("video_url"),
            "last_frame_url": (told["output"] or {}).get("last_frame_url"),
        },
    ),
    "ark": Ways(
        BOTH,
        (
            "POST",
            ARK,
            {"model": "doubao-seedance-2-0-260128", "content": [{"type": "text", "text": PROMPT}], "ratio": "16:9"},
        ),
        lambda id: ("GET", f"{ARK}/{id}", None),
        lambda id: ("DELETE", f"{ARK}/{id}", None),
        ("GET", ARK, None),
        lambda told: told["id"],
        lambda told: [task["id"] for task in told["items"]],
        lambda told: {
            "status": told["status"],
            "duration_s": told["duration"],
            "aspect_ratio": told["ratio"],
            "resolution": told["resolution"],
            "seed": told["seed"],
            "video_url": told.get("content", {}).get("video_url"),
        },
    ),
    "openai": Ways(
        BOTH,
        ("POST", VIDEOS, {"prompt": PROMPT, "size": "1280x720"}),
        lambda id: ("GET", f"{VIDEOS}/{id}", None),
        lambda id: ("DELETE", f"{VIDEOS}/{id}", None),
        ("GET", VIDEOS, None),
        lambda told: told["id"],
        lambda told: [task["id"] for task in told["data"]],
        lambda told: {
            "status": {"queued": "queued", "completed": "succeeded"}[told["status"]],
            "prompt": told["prompt"],
            "duration_s": int(told["seconds"]),
            **({"size": told["size"]} if told["status"] == "completed" else {}),
        },
    ),
    "mcp": Ways(
        BOTH,
        _call("generate_video", prompt=PROMPT),
        lambda id: _call("get_video", task_id=id),
        lambda id: _call("cancel_video", task_id=id),
        _call("list_videos"),
        lambda told: _told(told)["task_id"],
        lambda told: [task["task_id"] for task in _told(told)["videos"]],
        lambda told: {
            "status": _told(told)["status"],
            "prompt": _told(told)["prompt"],
            "duration_s": _told(told)["duration"],
            "aspect_ratio": _told(told)["aspect_ratio"],
            "resolution": _told(told)["resolution"],
            "seed": _told(told)["seed"],
            "price_credits": _told(told)["credits"],
            "model": _told(told)["model"],
            "video_url": (_told(told)["video"] or {}).get("url"),
            "last_frame_url": _told(told)["last_frame_url"],
        },
    ),
}


@pytest.fixture
async def keys(alice: Person, pool: db.Pool) -> dict[str, Person]:
    """A key of each API, of one account."""
    async with db.transaction(pool) as conn:
        key_id, secret = await accounts.create_key(conn, alice.account_id, "studio")
    return {"open": alice, "studio": Person(alice.account_id, key_id, secret)}


async def send(api: httpx2.AsyncClient, person: Person, call: Call) -> httpx2.Response:
    method, path, body = call
    headers = person.auth | {"Accept": "application/json, text/event-stream"}
    return await api.request(method, path, json=body, headers=headers)


TOOL_STATUSES = {"not_found": 404, "service_busy": 503, "insufficient_credits": 402}


def code(answer: httpx2.Response) -> int:
    """The status; of a tool that failed, the one that its error has elsewhere."""
    told = answer.json() if answer.content else {}
    error = told.get("result", {}).get("_meta", {}).get("seedbed/error") if "jsonrpc" in told else None
    return TOOL_STATUSES.get(error["code"], 400) if error else answer.status_code


def key_for(name: str, keys: dict[str, Person]) -> Person:
    return keys[min(WAYS[name].keys)]


async def made_through_all(api: httpx2.AsyncClient, keys: dict[str, Person]) -> dict[str, str]:
    """A task through each dialect."""
    made = {}
    for name, ways in WAYS.items():
        answer = await send(api, key_for(name, keys), ways.submit)
        assert answer.status_code in (200, 202), (name, answer.text)
        made[name] = ways.id(answer.json())
    return made


async def shown(settings: Settings, task_id: str) -> dict[str, Any]:
    """What `seedbed task show` prints, by a process of its own."""
    own = {"SEEDBED_DATABASE_URL": str(settings.database_url), "SEEDBED_DATA_DIR": str(settings.data_dir)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "seedbed", "task", "show", task_id, "--json"),
        env=os.environ | own | {"SEEDBED_PUBLIC_URL": settings.base_url},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    found: dict[str, Any] = json.loads(out)
    return found


def unsigned(value: Any) -> Any:
    """A link without its signature and its end, which each telling makes anew."""
    return value.partition("/files/")[2].partition("/")[2].partition("?")[0] if str(value).startswith("http") else value


def test_every_dialect_is_here() -> None:
    assert set(WAYS) == set(DIALECTS)


async def test_keys_are_bound_to_their_api(api: httpx2.AsyncClient, keys: dict[str, Person]) -> None:
    for name, ways in WAYS.items():
        for kind, person in keys.items():
            calls = (ways.submit, ways.look("req_none"), *([ways.listed] if ways.listed else []))
            allowed = [(await send(api, person, call)).status_code != 401 for call in calls]
            assert allowed == [kind in ways.keys] * len(calls), (name, kind)


async def test_a_dialect_shows_only_what_was_made_through_it(
    api: httpx2.AsyncClient, keys: dict[str, Person], pool: db.Pool
) -> None:
    made = await made_through_all(api, keys)
    for through, ways in WAYS.items():
        for person in (keys[kind] for kind in sorted(ways.keys)):
            for by, task_id in made.items():
                answer = await send(api, person, ways.look(task_id))
                expected = 200 if by == through else 404
                assert code(answer) == expected, (through, by, answer.text)
                if by != through and ways.stop:
                    assert code(await send(api, person, ways.stop(task_id))) == 404, (through, by)
        if ways.listed:
            assert ways.ids((await send(api, key_for(through, keys), ways.listed)).json()) == [made[through]]
    async with db.connection(pool) as conn:
        assert {(await tasks.get(conn, task_id)).status for task_id in made.values()} == {"queued"}


async def test_a_task_is_the_same_through_its_dialect_the_console_and_the_command_line(
    api: httpx2.AsyncClient, keys: dict[str, Person], pool: db.Pool, settings: Settings, tmp_path: Path
) -> None:
    made = await made_through_all(api, keys)

    async def compare(state: str) -> None:
        async with db.connection(pool) as conn:
            page = await library.browse(conn, Wanted(account_id=keys["open"].account_id), limit=24)
        core = {task.id: task for task in page.tasks}
        assert list(core) == list(reversed(made.values())), "the console lists them all, newest first"
        told = dict(zip(made, await asyncio.gather(*(shown(settings, each) for each in made.values())), strict=True))
        for name, task_id in made.items():
            facts = WAYS[name].facts((await send(api, key_for(name, keys), WAYS[name].look(task_id))).json())
            assert facts["status"] == state
            for fact, value in facts.items():
                assert unsigned(value) == unsigned(told[name][fact]), (name, fact, state)
            task = core[task_id]
            assert (told[name]["id"], told[name]["api"], told[name]["account_id"]) == (task_id, name, task.account_id)
            for fact in ("status", "prompt", "model", "mode", "resolution", "duration_s", "seed", "price_credits"):
                assert told[name][fact] == getattr(task, fact), (name, fact)

    await compare("queued")
    async with at_work(settings, tmp_path, Clip()):
        async with asyncio.timeout(60):
            while await _unfinished(pool):
                await asyncio.sleep(0.1)
    await compare("succeeded")


@pytest.mark.parametrize("name", ["studio", "ark", "openai"])
async def test_a_keys_webhook_hears_what_a_look_says(
    api: httpx2.AsyncClient,
    alice: Person,
    settings: Settings,
    tmp_path: Path,
    pool: db.Pool,
    sound: None,
    name: str,
) -> None:
    async with receiving() as receiver:
        async with db.transaction(pool) as conn:
            kind: accounts.Api = "open" if "open" in WAYS[name].keys else "studio"
            key_id, secret = await accounts.create_key(conn, alice.account_id, kind, webhook_url=receiver.url)
        caller = Person(alice.account_id, key_id, secret)
        trusting = settings.model_copy(update={"trusted_hosts": f"127.0.0.1:{receiver.port}"})
        async with at_work(trusting, tmp_path, Clip()):
            task_id = WAYS[name].id((await send(api, caller, WAYS[name].submit)).json())
            told = [json.loads(request.body) for request in await receiver.wait(3 if name == "ark" else 1)]
        looked = (await send(api, caller, WAYS[name].look(task_id))).json()
    assert looked in told, "the end is told as a look tells it"
    assert {body["id"] for body in told} == {task_id}
    assert sorted(body["status"] for body in told)[-1] == {"ark": "succeeded"}.get(name, "completed")


@pytest.mark.parametrize("name", ["open", "studio", "ark", "openai"])
async def test_a_repeat_is_answered_though_the_request_would_be_refused_now(
    settings: Settings, keys: dict[str, Person], tmp_path: Path, name: str, sound: None
) -> None:
    """Bought under a key, and the model is sold no more when the lost answer is asked for again."""
    own = tmp_path / "own.toml"
    models = catalogue.BUILT_IN.read_text().split("[[model]]")
    own.write_text("[[model]]".join(part for part in models if f'"{name}"' not in part))
    method, path, body = WAYS[name].submit

    async def ask(url: str, key: str) -> httpx2.Response:
        async with httpx2.AsyncClient(base_url=url) as api:
            head = key_for(name, keys).auth | {"Idempotency-Key": key}
            return await api.request(method, path, json=body, headers=head)

    async with served(settings) as url:
        first = await ask(url, "k-1")
    async with served(settings.model_copy(update={"catalogue": own})) as url:
        again, other = await ask(url, "k-1"), await ask(url, "k-2")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert other.status_code == 404
    assert "This server's catalogue has no model for /" in other.text


@pytest.mark.parametrize("mode", ["text_to_video", "image_to_video"])
async def test_an_operators_own_models_are_sold_as_they_are(
    settings: Settings, keys: dict[str, Person], tmp_path: Path, mode: str, sound: None
) -> None:
    """One model for each way in, of one mode and of no usual length, ratio or resolution: said, and never a fault."""
    own = tmp_path / "own.toml"
    own.write_text(
        "credits_per_usd = 128\n"
        + "".join(
            f"""
            [[model]]
            id = "{name}-only"
            title = "Of one kind"
            dialects = ["{name}"]
            durations_s = [7]
            aspect_ratios = ["1:1"]
            engines = ["previz"]
            [model.credits_per_second.{mode}]
            1080p = "1"
            """
            for name in ("open", "studio", "ark", "openai", "mcp")
        )
    )
    picture = "https://example.com/a.png"
    shapes: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        # what fits the model whatever its mode; the same with a picture
        "open": (
            {"model": "open-only", "duration": 7, "aspectRatio": "1:1", "resolution": "1080p", "prompt": PROMPT},
            {"mediaUrls": [picture]},
        ),
        "studio": (
            {"duration": 7, "aspect_ratio": "1:1", "resolution": "1080p", "prompt": PROMPT},
            {"mode": "image-to-video", "image_url": picture},
        ),
        "ark": (
            {"model": "ark-only", "content": [{"type": "text", "text": PROMPT}]},
            {"content": [{"type": "image_url", "image_url": {"url": picture}}]},
        ),
        "openai": ({"prompt": PROMPT}, {"input_reference": {"image_url": picture}}),
    }
    async with (
        served(settings.model_copy(update={"catalogue": own})) as url,
        httpx2.AsyncClient(base_url=url, timeout=30) as api,
    ):
        for name, (plain, with_picture) in shapes.items():
            told = (await api.get(f"/openapi/{name}.json")).json()
            method, path, _ = WAYS[name].submit
            sent = told["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]["schema"]
            for body, kind in ((plain, "text_to_video"), (plain | with_picture, "image_to_video")):
                answer = await api.request(method, path, json=body, headers=key_for(name, keys).auth)
                assert (answer.status_code in (200, 202)) is (kind == mode), (name, kind, answer.text)
                assert answer.status_code in (200, 202, 400)
                assert fits(told, sent, body) is (kind == mode), (name, kind)
        usual = await api.post(GENERATIONS, json={"model": "open-only", "prompt": PROMPT}, headers=keys["open"].auth)
        assert usual.status_code == 400


def fits(document: dict[str, Any], schema: dict[str, Any], value: Any) -> bool:
    try:
        checked(document, schema, value)
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize("name", WAYS)
async def test_a_race_for_the_last_credits_is_lost_cleanly(
    api: httpx2.AsyncClient, keys: dict[str, Person], pool: db.Pool, sound: None, name: str
) -> None:
    """Credits for two: two of eight who ask at once are served, the others are told that it is the credits."""
    price = (await send(api, key_for(name, keys), WAYS[name].submit)).status_code in (200, 202) and await _held(pool)
    async with db.transaction(pool) as conn:
        poor = await make_person(conn, "poor", credits=2 * price)
        if "open" not in WAYS[name].keys:
            key_id, secret = await accounts.create_key(conn, poor.account_id, "studio")
            poor = Person(poor.account_id, key_id, secret)
    answers = await asyncio.gather(*(send(api, poor, WAYS[name].submit) for _ in range(8)))
    codes = sorted(code(answer) for answer in answers)
    assert codes[0] == codes[1] in (200, 202)
    assert all(400 <= refused < 500 for refused in codes[2:]), codes
    assert await _held(pool) == 3 * price


@pytest.mark.parametrize("name", WAYS)
async def test_a_full_queue_is_said_with_a_time(settings: Settings, keys: dict[str, Person], name: str) -> None:
    """The bound is an account's and the operator's to set; nothing is charged for what finds no place."""
    small = settings.model_copy(update={"queued_max": 1})
    async with served(small) as url, httpx2.AsyncClient(base_url=url, timeout=30) as api:
        first, second = [await send(api, key_for(name, keys), WAYS[name].submit) for _ in range(2)]
    assert code(first) in (200, 202)
    assert code(second) == (429 if name == "ark" else 503), second.text
    error = second.json().get("result", {}).get("_meta", {}).get("seedbed/error", {})
    assert int(error.get("retry_after_s") or second.headers["retry-after"]) >= 1


async def _held(pool: db.Pool) -> int:
    async with db.connection(pool) as conn:
        found: int = await conn.fetchval("SELECT coalesce(sum(price_credits), 0) FROM tasks")
    return found


async def _unfinished(pool: db.Pool) -> int:
    async with db.connection(pool) as conn:
        found: int = await conn.fetchval("SELECT count(*) FROM tasks WHERE status IN ('queued', 'processing')")
    return found
