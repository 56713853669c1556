"""What is thrown at the Open API: bodies that lie, requests that smuggle, keys that are guessed, text that bites."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import httpx2
import pytest

from seedbed import accounts, db
from seedbed.settings import Settings
from tests.conftest import Person, served
from tests.dialects.wire import GENERATIONS, PREFIX, QUOTE, SHORT, assert_error, error, raw_json, submit
from tests.raw import PATIENCE_S, connected, exchange, request
from tests.relay import Relay

HOST = "Host: localhost"
SIZE_MAX = 1 << 20
TOO_LARGE = f"The request body is over {SIZE_MAX} bytes"
DEEP = "The request body is nested deeper than 32"
NOT_UTF8 = "The request body is not UTF-8"
HALF = "The request body holds half of a surrogate pair; send whole characters"
NUL = "The request body holds the character U+0000, which cannot be kept; remove it"
NOT_JSON = "The request body is not JSON: "


def auth(person: Person) -> str:
    return f"Authorization: Bearer {person.key}"


async def count(conn: db.Connection) -> int:
    found: int = await conn.fetchval("SELECT count(*) FROM tasks")
    return found


# Bodies ------------------------------------------------------------------------------------------------------


def _with(text: str) -> bytes:
    """A good request but for the JSON text of one value in its metadata."""
    return f'{{"model":"seedance-2.0","prompt":"x","metadata":{{"a":{text}}}}}'.encode()


BODIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", f"{NOT_JSON}Expecting value at character 0"),
    "blanks": (b" \n", f"{NOT_JSON}Expecting value at character 2"),
    "null": (b"null", "The request body must be a JSON object"),
    "a list": (b"[]", "The request body must be a JSON object"),
    "a list of requests": (json.dumps([SHORT]).encode(), "The request body must be a JSON object"),
    "a text": (b'"model"', "The request body must be a JSON object"),
    "a number": (b"1", "The request body must be a JSON object"),
    "a form": (b"model=seedance-2.0&prompt=x", f"{NOT_JSON}Expecting value at character 0"),
    "cut short": (b'{"model":"seedance-2.0"', f"{NOT_JSON}Expecting ',' delimiter at character 23"),
    "two objects": (b"{}{}", f"{NOT_JSON}Extra data at character 2"),
    "single quotes": (b"{'model':1}", f"{NOT_JSON}Expecting property name enclosed in double quotes at character 1"),
    "a raw line break in a text": (_with('"\n"'), f"{NOT_JSON}Invalid control character at character 54"),
    "UTF-16": (json.dumps(SHORT).encode("utf-16"), NOT_UTF8),
    "UTF-16 without a mark": (
        json.dumps(SHORT).encode("utf-16-le"),
        f"{NOT_JSON}Expecting property name enclosed in double quotes at character 1",
    ),
    "a byte order mark": (
        b"\xef\xbb\xbf" + json.dumps(SHORT).encode(),
        f"{NOT_JSON}it begins with a byte order mark at character 0",
    ),
    "Latin-1": (_with('"é"').decode().encode("latin-1"), NOT_UTF8),
    "an overlong slash": (_with('"?"').replace(b"?", b"\xc0\xaf"), NOT_UTF8),
    "a surrogate in UTF-8": (_with('"?"').replace(b"?", b"\xed\xa0\x80"), NOT_UTF8),
    "compressed": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", NOT_UTF8),
    "NaN": (_with("NaN"), "The request body holds NaN, which is not JSON"),
    "infinity": (_with("-Infinity"), "The request body holds -Infinity, which is not JSON"),
    "1e999": (_with("1e999"), "The request body holds a number that is too large"),
    "-1e999": (_with("-1e999"), "The request body holds a number that is too large"),
    "a million digits": (_with("9" * 1_000_000), "The request body holds a number with too many digits"),
    "a name twice": (
        b'{"model":"seedance-2.0","prompt":"x","model":"seedance-2.0"}',
        "The request body has the name 'model' twice",
    ),
    "a name twice, once escaped": (
        b'{"model":"seedance-2.0","prompt":"x","pr\\u006fmpt":"y"}',
        "The request body has the name 'prompt' twice",
    ),
    "a name twice, inside": (_with('[{"b":1,"c":{"d":1,"d":1}}]'), "The request body has the name 'd' twice"),
    "a name twice, and long": (
        _with('{"' + "n" * 500 + '":1,"' + "n" * 500 + '":2}'),
        f"The request body has the name '{'n' * 64}' twice",
    ),
    "a NUL in a text": (_with('"a\\u0000b"'), NUL),
    "a NUL in a name": (_with('{"a\\u0000":1}'), NUL),
    "a NUL in the prompt": (b'{"model":"seedance-2.0","prompt":"\\u0000"}', NUL),
    "half a pair": (_with('"\\ud83c"'), HALF),
    "the other half": (_with('"\\udfac"'), HALF),
    "halves the wrong way round": (_with('"\\udfac\\ud83c"'), HALF),
    "half a pair in a name": (_with('{"\\ud83c":1}'), HALF),
    "33 deep": (_with("[" * 31 + "]" * 31), DEEP),
    "100,000 lists": (b"[" * 100_000 + b"]" * 100_000, DEEP),
    "100,000 lists inside": (_with("[" * 100_000 + "]" * 100_000), DEEP),
    "100,000 lists without an end": (b"[" * 100_000, DEEP),
    "100,000 objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, DEEP),
    "an unknown name that bites": (
        b'{"model":"seedance-2.0","prompt":"x","\\u001b[31m<script>\\u202e":1}',
        "'?[31m<script>?' is not a field of this request",
    ),
}


@pytest.mark.parametrize("path", [GENERATIONS, QUOTE], ids=["submission", "quote"])
async def test_bad_bodies(api: httpx2.AsyncClient, alice: Person, conn: db.Connection, path: str, sound: None) -> None:
    for what, (body, message) in BODIES.items():
        answer = await api.post(path, content=body, headers=alice.auth | {"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()) == (400, error("invalid_request", message)), what
    assert await count(conn) == 0


async def test_what_is_large_and_legal(api: httpx2.AsyncClient, alice: Person) -> None:
    """The very limits: 32 levels, a mebibyte, the largest number that Python reads."""
    for body in (
        _with("[" * 30 + "]" * 30),
        _with("9" * 4300),
        _with("1e308"),
        _with('"' + "x" * (SIZE_MAX - len(_with('""'))) + '"'),
    ):
        assert len(body) <= SIZE_MAX
        answer = await api.post(GENERATIONS, content=body, headers=alice.auth)
        assert answer.status_code == 200, answer.text
        told = await api.get(f"{GENERATIONS}/{answer.json()['requestId']}", headers=alice.auth)
        assert told.json()["metadata"] == json.loads(body)["metadata"]


async def test_the_content_type_never_changes_what_a_body_means(api: httpx2.AsyncClient, alice: Person) -> None:
    body, form = raw_json(SHORT), b"model=seedance-2.0&prompt=x"
    for kind in (
        None,
        "application/json",
        "application/json; charset=utf-16",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "\u00ff/\u00ff",
    ):
        headers = alice.auth if kind is None else alice.auth | {"Content-Type": kind.encode("latin-1")}  # type: ignore[dict-item]
        assert (await api.post(QUOTE, content=body, headers=headers)).json() == {"success": True, "creditsRequired": 40}
        refused = await api.post(QUOTE, content=form, headers=headers)
        assert_error(refused, 400, "invalid_request", f"{NOT_JSON}Expecting value at character 0")


TEXTS = [
    "\u202e\u2066 right to left \u2069\u202c \u200f\u200e",
    "z\u0300\u0301\u0302\u0303\u0304" + "\u0334\u0335\u0336\u0337\u0338" * 200 + "algo",
    "🎬 👩‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "<script>alert(1)</script>{{7*7}}${7*7}%s%n",
    "'; DROP TABLE tasks; --",
    "\ufeff\uffff\ufffe\U0010ffff\ufdd0",
    "\x01\x02\x1b[31m\x7f\x80\x9f",
    "e\u0301 is not \u00e9",
    "\\u0000 written out",
    "../../../etc/passwd",
    " leading and trailing \n",
]


async def test_text_is_kept_and_given_back_unharmed(api: httpx2.AsyncClient, alice: Person, sound: None) -> None:
    """No normalisation, no stripping, no escaping: whatever is shown is escaped where it is shown."""
    for text in TEXTS:
        metadata = {text: text, "in": [text]}
        task_id = await submit(api, alice, prompt=text, metadata=metadata, duration=4, resolution="480p")
        told = (await api.get(f"{GENERATIONS}/{task_id}", headers=alice.auth)).json()
        assert told["prompt"] == text
        assert told["metadata"] == metadata
        listed = (await api.get(f"{GENERATIONS}?limit=1", headers=alice.auth)).json()["data"][0]
        assert (listed["prompt"], listed["metadata"]) == (text, metadata)


# Too large: refused before it is read ------------------------------------------------------------------------


async def test_a_declared_size_is_refused_before_the_body(settings: Settings, alice: Person) -> None:
    async with served(settings) as url:
        for declared in (SIZE_MAX + 1, 10**12):
            async with connected(url) as (reader, writer):
                writer.write(request("POST", GENERATIONS, HOST, auth(alice), f"Content-Length: {declared}"))
                raw = await asyncio.wait_for(reader.read(), PATIENCE_S)
            head, _, body = raw.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 413 ")
            assert b"connection: close" in head.lower()
            assert json.loads(body) == error("invalid_request", TOO_LARGE)


async def test_nobody_is_told_to_go_on_in_vain(settings: Settings, alice: Person) -> None:
    """A client that asks first (Expect: 100-continue) learns of its refusal before it has sent a byte."""
    async with served(settings) as url:
        for headers, status in (
            ([auth(alice), f"Content-Length: {SIZE_MAX + 1}"], 413),
            (["Authorization: Bearer x", "Content-Length: 10"], 401),
        ):
            async with connected(url) as (reader, writer):
                writer.write(request("POST", GENERATIONS, HOST, "Expect: 100-continue", *headers))
                line = await asyncio.wait_for(reader.readline(), PATIENCE_S)
            assert line.startswith(b"HTTP/1.1 %d " % status)


async def test_a_body_without_end_is_cut_off(settings: Settings, alice: Person, conn: db.Connection) -> None:
    """Chunks without end: the server answers and hangs up soon after the first mebibyte."""
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    async with served(settings) as url, connected(url) as (reader, writer):
        writer.write(request("POST", GENERATIONS, HOST, auth(alice), "Transfer-Encoding: chunked"))
        answered = asyncio.create_task(reader.read())
        sent = 0
        while not answered.done() and sent < 256 * SIZE_MAX:
            writer.write(chunk)
            sent += 0x10000
            try:
                await asyncio.wait_for(writer.drain(), PATIENCE_S)
            except ConnectionError:
                break
            await asyncio.sleep(0)
        try:
            raw = await asyncio.wait_for(answered, PATIENCE_S)
        except ConnectionError:
            raw = b""  # our own writing met the closed connection before we could read the answer
    assert sent < 64 * SIZE_MAX, "the server took all of it"
    if raw:
        assert raw.startswith(b"HTTP/1.1 413 ")
        assert json.loads(raw.partition(b"\r\n\r\n")[2]) == error("invalid_request", TOO_LARGE)
    assert await count(conn) == 0


async def test_chunks_of_one_byte_too_many(settings: Settings, alice: Person) -> None:
    async with served(settings) as url:
        for extra, status in ((0, 400), (1, 413)):
            body = b"".join(
                b"%x\r\n%b\r\n" % (size, b"x" * size) for size in (SIZE_MAX // 2, SIZE_MAX // 2 - 1, 1 + extra)
            )
            head = request("POST", QUOTE, HOST, auth(alice), "Transfer-Encoding: chunked")
            answer = (await exchange(url, head + body + b"0\r\n\r\n"))[0]
            assert answer.status == status
            assert ("connection" in answer.headers) is (status == 413)


async def test_the_limit_is_the_operators(settings: Settings, alice: Person) -> None:
    small = settings.model_copy(update={"body_bytes_max": 1024})
    async with served(small) as url, httpx2.AsyncClient(base_url=url) as api:
        assert (await api.post(QUOTE, json=SHORT | {"prompt": "x" * 900}, headers=alice.auth)).status_code == 200
        answer = await api.post(QUOTE, json=SHORT | {"prompt": "x" * 1000}, headers=alice.auth)
        assert_error(answer, 413, "invalid_request", "The request body is over 1024 bytes")


async def test_a_head_without_end_is_cut_off(settings: Settings, alice: Person) -> None:
    """One header, many headers, a path or a chunk's extension without end: hung up on, with little kept."""
    start = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
    chunked = request("POST", QUOTE, HOST, auth(alice), "Transfer-Encoding: chunked")
    async with served(settings) as url:
        for begin, more in (
            (start + b"X: ", b"a" * 4096),
            (start, b"X: a\r\n" * 500),
            (start + b"X: a", b",a" * 2048),
            (b"GET /", b"a" * 4096),
            (b"", b"\r\n" * 2048),
            (chunked + b"1;", b"a" * 4096),
        ):
            async with connected(url) as (reader, writer):
                writer.write(begin)
                answered = asyncio.create_task(reader.read())
                sent = 0
                while not answered.done() and sent < 64 * SIZE_MAX:
                    writer.write(more)
                    sent += len(more)
                    try:
                        await asyncio.wait_for(writer.drain(), PATIENCE_S)
                    except ConnectionError:
                        break
                    await asyncio.sleep(0)
                with contextlib.suppress(ConnectionError):
                    assert (await asyncio.wait_for(answered, PATIENCE_S)).startswith(b"HTTP/1.1 400 ")
            assert sent < 32 * SIZE_MAX, begin
        large = request("GET", "/healthz", HOST, f"X: {'a' * 60_000}")
        assert [answer.status for answer in await exchange(url, large, large)] == [200, 200]


# Requests that two servers would read differently ------------------------------------------------------------

SECOND = b"GET /api/open/v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
BODY = raw_json(SHORT)
LENGTH = f"Content-Length: {len(BODY)}"

SMUGGLED: dict[str, list[str]] = {
    "a length and chunks": [f"Content-Length: {len(SECOND) + 5}", "Transfer-Encoding: chunked"],
    "chunks and a length": ["Transfer-Encoding: chunked", "Content-Length: 6"],
    "two lengths": [LENGTH, "Content-Length: 0"],
    "two equal lengths": [LENGTH, LENGTH],
    "a list of lengths": [f"{LENGTH}, {len(BODY)}"],
    "a length with a sign": [f"Content-Length: +{len(BODY)}"],
    "a length below zero": ["Content-Length: -1"],
    "a length in hexadecimal": ["Content-Length: 0x1d"],
    "a length of 40 digits": ["Content-Length: " + "9" * 40],
    "a blank before the colon": [f"Content-Length : {len(BODY)}"],
    "a folded header": ["X-A: b\r\n Content-Length: 0", LENGTH],
    "an unknown coding": ["Transfer-Encoding: xchunked", LENGTH],
    "identity": ["Transfer-Encoding: identity", LENGTH],
    "chunked twice": ["Transfer-Encoding: chunked, chunked"],
    "chunked, but not last": ["Transfer-Encoding: chunked, gzip"],
    "chunked behind a vertical tab": ["Transfer-Encoding: \x0bchunked"],
    "a bare carriage return": [LENGTH, "X-A: b\rContent-Length: 0"],
    "a NUL in a header": [LENGTH, "X-A: b\0c"],
    "a header without a name": [LENGTH, ": b"],
}


async def test_smuggling(settings: Settings, alice: Person, conn: db.Connection) -> None:
    """400 and close: what stands behind such a request is never read as another one."""
    async with served(settings) as url:
        for what, headers in SMUGGLED.items():
            for body in (BODY, b"0\r\n\r\n"):
                sent = request("POST", GENERATIONS, HOST, auth(alice), *headers, body=body + SECOND)
                told = await exchange(url, sent)
                assert [(answer.status, answer.closed) for answer in told] == [(400, True)], what
        for what, sent in {
            "line feeds alone": request("POST", GENERATIONS, HOST, auth(alice), LENGTH, body=BODY).replace(b"\r", b""),
            "a chunk of no size": request("POST", GENERATIONS, HOST, "Transfer-Encoding: chunked", body=b"zz\r\n\r\n"),
            "a chunk below zero": request("POST", GENERATIONS, HOST, "Transfer-Encoding: chunked", body=b"-1\r\n\r\n"),
            "a chunk of 17 digits": request(
                "POST", GENERATIONS, HOST, "Transfer-Encoding: chunked", body=b"f" * 17 + b"\r\n"
            ),
            "a blank in the path": b"GET /health z HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "an unknown method": request("FOO", "/healthz", HOST),
            "a tunnel": request("CONNECT", "example.com:443", HOST),
            "TLS": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
        }.items():
            told = await exchange(url, sent)
            assert [(answer.status, answer.closed) for answer in told][-1:] == [(400, True)], what
    assert await count(conn) == 0


async def test_pipelined_requests_are_answered_in_turn(settings: Settings, alice: Person) -> None:
    one = request("POST", QUOTE, HOST, auth(alice), LENGTH, body=BODY)
    async with served(settings) as url:
        told = await exchange(url, one + SECOND + one)
        assert [answer.status for answer in told] == [200, 200, 200]
        assert told[0].body == told[2].body == b'{"success":true,"creditsRequired":40}'
        # Refused before its body was read: the body is not taken for the next request.
        refused = request("POST", QUOTE, HOST, f"Content-Length: {len(SECOND)}", body=SECOND)
        told = await exchange(url, refused + one)
        assert [answer.status for answer in told] == [401, 200]


@pytest.mark.parametrize("path", [f"{PREFIX}/models", "/healthz"])
async def test_a_bad_host(settings: Settings, path: str) -> None:
    shaped = raw_json(error("invalid_request", "The Host header must name one host")).replace(b": ", b":")
    expected = shaped.replace(b", ", b",") if path.startswith(PREFIX) else b"The Host header must name one host\n"
    async with served(settings) as url:
        for hosts in (
            [],
            ["Host: "],
            ["Host: a b"],
            ["Host: a/b"],
            ["Host: user@a"],
            ["Host: a:port"],
            ["Host: a:123456"],
            ["Host: a..b"],
            ['Host: a"><script>'],
            ["Host: [::1"],
            [HOST, "Host: elsewhere"],
            [HOST, HOST],
        ):
            answer = (await exchange(url, request("GET", path, *hosts)))[0]
            assert (answer.status, answer.closed, answer.body) == (400, True, expected), hosts
            assert answer.headers["connection"] == "close"
        for host in ("localhost", "127.0.0.1:8787", "[::1]", "[::1]:80", "video.example.com.", "my_box"):
            assert [a.status for a in await exchange(url, request("GET", path, f"Host: {host}"))] == [200], host


# Guessing ----------------------------------------------------------------------------------------------------


async def test_guesses_never_reach_the_database(settings: Settings, dsn: str, alice: Person) -> None:
    """Not a byte goes to the database for a key whose checksum is wrong; then the address must wait."""
    async with (
        Relay(dsn) as relay,
        served(settings.model_copy(update={"database_url": relay.dsn, "unauthorized_per_minute": 30})) as url,
        httpx2.AsyncClient(base_url=url) as api,
    ):
        assert (await api.get(f"{PREFIX}/balance", headers=alice.auth)).status_code == 200
        before = relay.passed_bytes
        told = []
        for number in range(60):
            guess = f"{alice.key[:-6]}{number:06d}"
            told.append(await api.get(f"{PREFIX}/balance", headers={"Authorization": f"Bearer {guess}"}))
        assert [answer.status_code for answer in told] == [401] * 30 + [429] * 30
        assert relay.passed_bytes == before
        late = told[-1]
        wait_s = int(late.headers["retry-after"])
        assert 1 <= wait_s <= 60
        assert_error(late, 429, "rate_limited", f"Too many refused API keys; try again in {wait_s} s")

        unknown = {"Authorization": f"Bearer {accounts.new_secret('open')}"}
        assert (await api.get(f"{PREFIX}/balance", headers=unknown)).status_code == 429
        assert (await api.get(f"{PREFIX}/balance")).status_code == 429
        assert (await api.get(f"{PREFIX}/balance", headers=alice.auth)).status_code == 200, "a good key is let in"
        assert (await api.get(f"{PREFIX}/models")).status_code == 200


async def test_another_address_is_not_made_to_wait(settings: Settings, alice: Person) -> None:
    async with served(settings.model_copy(update={"unauthorized_per_minute": 1})) as url:

        async def guess(address: str) -> int:
            transport = httpx2.AsyncHTTPTransport(local_address=address)
            async with httpx2.AsyncClient(base_url=url, transport=transport) as api:
                return (await api.get(f"{PREFIX}/balance")).status_code

        assert [await guess("127.0.0.2"), await guess("127.0.0.2")] == [401, 429]
        assert await guess("127.0.0.3") == 401


# Ids and headers that bite -----------------------------------------------------------------------------------


async def test_traversal(settings: Settings, alice: Person) -> None:
    async with served(settings) as url:
        for path in (
            "/api/open/v1/../../../../etc/passwd",
            f"{GENERATIONS}/..%2f..%2f..%2fetc%2fpasswd",
            f"{GENERATIONS}/%2e%2e%2f%2e%2e",
            "/files/0.aaaaaaaaaaaaaaaaaaaaaa/../../../../etc/passwd",
            "/files/0.aaaaaaaaaaaaaaaaaaaaaa/..%2f..%2f..%2fetc%2fpasswd",
            "/files/0.aaaaaaaaaaaaaaaaaaaaaa/%2e%2e/%2e%2e/postgres/PG_VERSION",
            "/files/../data/postgres",
            "/openapi/../healthz.json",
        ):
            told = await exchange(url, request("GET", path, HOST, auth(alice)))
            assert [answer.status for answer in told] == [404], path


async def test_a_request_in_which_everything_is_odd(settings: Settings, alice: Person) -> None:
    """Absolute form, odd query, unknown headers: answered as if they were not there."""
    async with served(settings) as url:
        told = await exchange(
            url,
            request("GET", f"http://elsewhere.example{PREFIX}/balance?a=%zz&=&&b", HOST, auth(alice), "X-\x7e: \xff"),
            request("GET", f"{PREFIX}/balance", HOST, auth(alice), "Accept: text/html", "Range: bytes=0-1"),
        )
    bodies: list[dict[str, Any]] = [json.loads(answer.body) for answer in told]
    assert bodies == [{"success": True, "creditsAvailable": 1000, "creditsHeld": 0}] * 2
