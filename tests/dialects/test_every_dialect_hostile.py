"""What strangers try, on every dialect: bodies that bite, ids that climb, other people's tasks, and a bad moment."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx2
import pytest

from seedbed import accounts, db, tasks
from seedbed.dialects import DIALECTS
from seedbed.settings import Settings
from tests.conftest import Person, make_person, served
from tests.dialects.test_every_dialect import ARK, GENERATIONS, VIDEOS, WAYS, Call, code, key_for, keys, send
from tests.dialects.wire import move
from tests.raw import exchange, request
from tests.relay import Relay

__all__ = ["keys"]

HTTP = ("open", "studio", "ark", "openai")
"""Those whose errors are HTTP's; MCP's are told inside JSON-RPC, and tested with it."""

INVALID = {"open": "invalid_request", "studio": "invalid_request", "ark": "InvalidParameter", "openai": "invalid_value"}
ABSENT = {"open": "not_found", "studio": "not_found", "ark": "ResourceNotFound", "openai": "not_found"}


def fault(name: str, answer: httpx2.Response) -> tuple[int, str, str]:
    """Status, code and message of an error that has the dialect's shape to the letter."""
    told = answer.json()
    assert answer.headers["content-type"] == "application/json", name
    assert answer.headers["x-request-id"], name
    if name == "open":
        assert told.pop("success") is False
    fields = {"ark": {"code", "message", "param", "type"}, "openai": {"code", "message", "param", "type"}}
    assert told.keys() == {"error"}, name
    assert told["error"].keys() == fields.get(name, {"code", "message"}), name
    return answer.status_code, told["error"]["code"], told["error"]["message"]


# Bodies ------------------------------------------------------------------------------------------------------


def bodies(good: bytes) -> dict[str, bytes]:
    """What is wrong before any field is looked at; `good` is a request that would be taken."""

    def beside(text: str) -> bytes:
        return good[:-1] + f",{text}}}".encode()

    return {
        "nothing": b"",
        "null": b"null",
        "a list of it": b"[" + good + b"]",
        "cut short": good[:-1],
        "two of it": good * 2,
        "a byte order mark": b"\xef\xbb\xbf" + good,
        "UTF-16": good.decode().encode("utf-16"),
        "no UTF-8": good.replace(b"river", b"r\xffver"),
        "a surrogate in UTF-8": good.replace(b"river", b"r\xed\xa0\x80ver"),
        "half a pair": good.replace(b"river", b"\\ud83c"),
        "half a pair in a name": beside('"\\ud83c":1'),
        "a NUL": good.replace(b"river", b"\\u0000"),
        "a NUL in a name": beside('"a\\u0000":1'),
        "NaN": beside('"seed":NaN'),
        "infinity": beside('"seed":-Infinity'),
        "1e999": beside('"seed":1e999'),
        "a million digits": beside(f'"seed":{"9" * 1_000_000}'),
        "a name twice": beside('"seed":1,"seed":1'),
        "a name twice, once escaped": beside('"seed":1,"s\\u0065ed":1'),
        "33 deep": beside(f'"seed":{"[" * 32 + "]" * 32}'),
        "100,000 lists": beside(f'"seed":{"[" * 100_000 + "]" * 100_000}'),
        "100,000 objects": good[:-1] + b',"a":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
        "a long unknown name": beside(f'"{"n" * 100_000}":1'),
        "a name that bites": beside('"\\u001b[31m\\u202e":1'),
    }


@pytest.mark.parametrize("name", HTTP)
async def test_bodies_that_bite(
    api: httpx2.AsyncClient, keys: dict[str, Person], conn: db.Connection, name: str, sound: None
) -> None:
    person = key_for(name, keys)
    method, path, body = WAYS[name].submit
    good = json.dumps(body, separators=(",", ":")).encode()
    for what, sent in bodies(good).items():
        await conn.execute("DELETE FROM rate_windows")
        answer = await api.request(method, path, content=sent, headers=person.auth)
        status, said, message = fault(name, answer)
        assert (status, said) == (400, INVALID[name]), what
        assert len(answer.content) < 600, f"{what}: what was sent is not sent back"
        assert message.isprintable(), what
    assert await conn.fetchval("SELECT count(*) FROM tasks") == 0
    await conn.execute("DELETE FROM rate_windows")
    for kind in ("text/plain", "application/xml", "application/json; charset=utf-16", "\u00ff"):
        taken = await api.request(
            method, path, content=good, headers={**person.auth, "Content-Type": kind.encode("latin-1")}
        )  # type: ignore[dict-item]
        assert taken.status_code in (200, 202), "the type of a body changes nothing of what it means"


NUMBERS = {
    "open": ("duration",),
    "studio": ("duration", "seed"),
    "ark": ("duration", "seed", "priority", "execution_expires_after", "frames"),
    "openai": ("seconds", "seed"),
}


@pytest.mark.parametrize("name", HTTP)
async def test_numbers_beyond_everything(
    api: httpx2.AsyncClient, keys: dict[str, Person], conn: db.Connection, name: str
) -> None:
    method, path, body = WAYS[name].submit
    for field in NUMBERS[name]:
        for number in (10**4299, -(10**4298), 2**63, -(2**63) - 1, 1e308, 5.5, True, [], "5" * 5000):
            await conn.execute("DELETE FROM rate_windows")
            answer = await api.request(method, path, json=body | {field: number}, headers=key_for(name, keys).auth)
            status, said, message = fault(name, answer)
            assert (status, said) == (400, INVALID[name]), (field, number)
            assert message.startswith(f"'{field}'"), message
            assert len(message) < 300
    assert await conn.fetchval("SELECT count(*) FROM tasks") == 0


TEXTS = (
    "\u202e\u2066 right to left",
    "z\u0334\u0335\u0336" * 50,
    "🎬 👩‍👩‍👧‍👦",
    "'; DROP TABLE tasks; --",
    "\x01\x7f\x80 \U0010ffff",
)


@pytest.mark.parametrize("name", ["open", "openai"])
async def test_texts_come_back_unharmed(api: httpx2.AsyncClient, keys: dict[str, Person], name: str) -> None:
    method, path, body = WAYS[name].submit
    for text in TEXTS:
        made = await api.request(method, path, json=body | {"prompt": text}, headers=key_for(name, keys).auth)
        told = await send(api, key_for(name, keys), WAYS[name].look(WAYS[name].id(made.json())))
        assert told.json()["prompt"] == text


# Lists -------------------------------------------------------------------------------------------------------

LISTS = {"open": (GENERATIONS, "limit", "after"), "ark": (ARK, "page_size", "filter.task_ids")} | {
    "openai": (VIDEOS, "limit", "after")
}


@pytest.mark.parametrize("name", LISTS)
async def test_pages_without_end(api: httpx2.AsyncClient, keys: dict[str, Person], name: str) -> None:
    """Zeros before a number, digits that are none of ours, numbers that no database holds: never more than a page."""
    path, size, _ = LISTS[name]
    for number in (
        "00000000199999999",
        "0000000019" + "9" * 30,
        "9" * 400,
        "%D9%A3",
        "-1",
        "+1",
        "1e1",
        "0x1",
        "",
        "%00",
    ):
        answer = await api.get(f"{path}?{size}={number}", headers=key_for(name, keys).auth)
        assert fault(name, answer)[:2] == (400, INVALID[name]), number
        assert f"'{size}' must be a whole number from 1 to " in fault(name, answer)[2]
    assert (await api.get(f"{path}?{size}=0000007", headers=key_for(name, keys).auth)).status_code == 200


# Ids ---------------------------------------------------------------------------------------------------------

ODD_IDS = (
    *("..", "%2e%2e", ".", "%00", "x%00y", "%ED%A0%80", "%F0%9F", "%ff", "%0a", "%0d%0aX-A:%20b", "*", "%7Bid%7D"),
    *(
        "%27%3B%20DROP%20TABLE%20tasks%3B--",
        "a" * 5000,
        "..%2f..%2f..%2fetc%2fpasswd",
        "%252e%252e",
        "req_%20",
        "%C3%A9",
    ),
)


@pytest.mark.parametrize("name", HTTP)
async def test_ids_that_climb_or_bite(
    settings: Settings, keys: dict[str, Person], conn: db.Connection, name: str
) -> None:
    person = key_for(name, keys)
    host, key = "Host: localhost", f"Authorization: Bearer {person.key}"
    async with served(settings) as url:
        for odd in ODD_IDS:
            await conn.execute("DELETE FROM rate_windows")
            for method, path, _ in (WAYS[name].look(odd), *([stop(odd)] if (stop := WAYS[name].stop) else [])):
                [answer] = await exchange(url, request(method, path, host, key, "Content-Length: 0"))
                told = httpx2.Response(answer.status, headers=answer.headers, content=answer.body)
                assert answer.status in (404, 405), (odd, answer)
                assert fault(name, told)[1] in (ABSENT[name], INVALID[name], "MethodNotAllowed", "method_not_allowed")


# Other people's tasks ----------------------------------------------------------------------------------------

ROUTES: dict[str, tuple[Callable[[str], Call], ...]] = {
    "open": (
        lambda id: ("GET", f"{GENERATIONS}/{id}", None),
        lambda id: ("GET", f"{GENERATIONS}/{id}/plan", None),
        lambda id: ("POST", f"{GENERATIONS}/{id}/cancel", None),
        lambda id: ("GET", f"{GENERATIONS}?after={id}", None),
    ),
    "studio": (
        lambda id: ("GET", f"/api/v1/tasks/{id}", None),
        lambda id: ("GET", f"/api/v1/tasks/{id}/plan", None),
    ),
    "ark": (
        lambda id: ("GET", f"{ARK}/{id}", None),
        lambda id: ("DELETE", f"{ARK}/{id}", None),
        lambda id: ("GET", f"{ARK}?filter.task_ids={id}", None),
    ),
    "openai": (
        lambda id: ("GET", f"{VIDEOS}/{id}", None),
        lambda id: ("DELETE", f"{VIDEOS}/{id}", None),
        lambda id: ("GET", f"{VIDEOS}/{id}/content", None),
        lambda id: ("GET", f"{VIDEOS}/{id}/content?variant=spritesheet", None),
        lambda id: ("POST", f"{VIDEOS}/{id}/remix", {"prompt": "By night"}),
        lambda id: ("GET", f"{VIDEOS}?after={id}", None),
    ),
}


def test_every_route_with_an_id_is_tried() -> None:
    for name, calls in ROUTES.items():
        there = {(method, pattern.replace("{requestId}", "{id}")) for method, pattern, _ in DIALECTS[name].ROUTES}
        tried = {(method, path.partition("?")[0]) for method, path, _ in (call("{id}") for call in calls)}
        prefix = DIALECTS[name].PREFIX
        assert {(method, f"{prefix}{path}") for method, path in there if "{id}" in path} <= tried


@pytest.mark.parametrize("name", HTTP)
@pytest.mark.parametrize("state", ["queued", "succeeded", "cancelled"])
async def test_anothers_task_is_an_unknown_one_to_the_byte(
    api: httpx2.AsyncClient, keys: dict[str, Person], pool: db.Pool, name: str, state: tasks.Status, sound: None
) -> None:
    """Status, every header and every byte: nothing tells that the task is there, and nothing changes it."""
    task_id = WAYS[name].id((await send(api, key_for(name, keys), WAYS[name].submit)).json())
    if state != "queued":
        await move(pool, task_id, state)
    async with db.transaction(pool) as conn:
        eve = await make_person(conn, "eve")
        key_id, secret = await accounts.create_key(conn, eve.account_id, "studio")
    strangers = {"open": eve, "studio": Person(eve.account_id, key_id, secret)}

    async def seen(call: Call) -> tuple[int, bytes, list[tuple[str, str]]]:
        method, path, body = call
        person = strangers[min(WAYS[name].keys)]
        answer = await api.request(method, path, json=body, headers=person.auth | {"X-Request-Id": "the-same"})
        return answer.status_code, answer.content, [item for item in answer.headers.items() if item[0] != "date"]

    head, _, tail = task_id.partition(task_id[-22:])
    unknown = f"{head}{'A' * 22}{tail}"
    for call in ROUTES[name]:
        theirs, nobodys = await seen(call(task_id)), await seen(call(unknown))
        assert theirs == nobodys, call(task_id)
        assert theirs[0] == 404 or "task_ids" in call(task_id)[1]
    async with db.connection(pool) as conn:
        kept = await tasks.get(conn, task_id)
    assert (kept.status, kept.deleted_at) == (state, None)


# Everything under a prefix -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HTTP)
async def test_everything_under_a_prefix_has_its_shape(settings: Settings, keys: dict[str, Person], name: str) -> None:
    prefix, person = DIALECTS[name].PREFIX, key_for(name, keys)
    method, path, body = WAYS[name].submit
    wrong = {"open": "invalid_request", "studio": "invalid_request", "ark": "MethodNotAllowed"}
    large = {"openai": "payload_too_large"} | {each: INVALID[each] for each in HTTP if each != "openai"}
    async with served(settings) as url, httpx2.AsyncClient(base_url=url, timeout=30) as api:
        for nowhere in (prefix, f"{prefix}/", f"{prefix}/nothing", f"{path}//", f"{prefix}/a%0ab", f"{prefix}/%00"):
            answer = await api.get(nowhere, headers=person.auth)
            assert fault(name, answer)[:2] == (404, ABSENT[name]), nowhere
        for verb in ("PUT", "PATCH", "TRACE", "OPTIONS", "PROPFIND"):
            answer = await api.request(verb, path, headers=person.auth)
            assert fault(name, answer)[:2] == (405, wrong.get(name, "method_not_allowed")), verb
            assert method in answer.headers["allow"]
        answer = await api.request(method, path, json=body)
        assert fault(name, answer)[0] == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        auth = f"Authorization: Bearer {person.key}"
        declared = request(method, path, "Host: localhost", auth, f"Content-Length: {1 << 30}")
        [cut] = await exchange(url, declared)
        told = httpx2.Response(cut.status, headers=cut.headers, content=cut.body)
        assert fault(name, told)[:2] == (413, large[name])
        assert (cut.closed, cut.headers["connection"]) == (True, "close")
        for hosts in ([], ["Host: a b"], ["Host: a", "Host: b"]):
            [bad] = await exchange(url, request("GET", path, *hosts))
            told = httpx2.Response(bad.status, headers=bad.headers, content=bad.body)
            status, said, message = fault(name, told)
            assert (status, said) == (400, INVALID[name])
            assert message.startswith("The Host header must name one host")


# A bad moment ------------------------------------------------------------------------------------------------


async def test_a_database_that_is_away_is_said_by_all_and_comes_back(
    settings: Settings, dsn: str, keys: dict[str, Person], sound: None
) -> None:
    async with (
        Relay(dsn) as relay,
        served(settings.model_copy(update={"database_url": relay.dsn})) as url,
        httpx2.AsyncClient(base_url=url, timeout=60) as api,
    ):
        made = {
            name: ways.id((await send(api, key_for(name, keys), ways.submit)).json()) for name, ways in WAYS.items()
        }
        await relay.cut()
        for name, ways in WAYS.items():
            calls = (ways.submit, ways.look(made[name]), *([ways.listed] if ways.listed else []))
            for call in calls:
                answer = await send(api, key_for(name, keys), call)
                assert code(answer) == 503, (name, call[1], answer.text)
                if name in HTTP:
                    said = {"ark": "ServiceUnavailable"}.get(name, "service_busy")
                    assert fault(name, answer)[1] == said
                    assert int(answer.headers["retry-after"]) >= 1
        await relay.mend()
        for name, ways in WAYS.items():
            for _ in range(3):
                answer = await send(api, key_for(name, keys), ways.look(made[name]))
                assert code(answer) == 200, (name, answer.text)


@pytest.mark.parametrize("name", WAYS)
async def test_credits_that_somebody_else_is_moving_are_not_waited_for_for_ever(
    settings: Settings, keys: dict[str, Person], pool: db.Pool, name: str, sound: None
) -> None:
    """Another purchase holds the balance: 503 after a while, nothing is taken, and asking again succeeds."""
    hasty = settings.model_copy(update={"database_timeout_s": 1.0})
    person = key_for(name, keys)
    async with served(hasty) as url, httpx2.AsyncClient(base_url=url, timeout=30) as api:
        async with db.transaction(pool) as conn:
            await conn.execute("SELECT FROM accounts WHERE id = $1 FOR UPDATE", person.account_id)
            busy = await send(api, person, WAYS[name].submit)
        assert code(busy) == 503, busy.text
        if name in HTTP:
            assert fault(name, busy)[1] == ("ServiceUnavailable" if name == "ark" else "service_busy")
            assert int(busy.headers["retry-after"]) >= 1
        async with db.connection(pool) as conn:
            assert await conn.fetchval("SELECT count(*) FROM tasks") == 0
            assert await conn.fetchval("SELECT held_credits FROM accounts WHERE id = $1", person.account_id) == 0
        assert code(await send(api, person, WAYS[name].submit)) in (200, 202)
