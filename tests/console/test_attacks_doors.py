"""Attacks on the way in: sessions, cookies, headers, guesses, redirects, uploads and streams."""

from __future__ import annotations

import asyncio
import itertools
import re
import statistics
import time
from collections.abc import AsyncIterator
from urllib.parse import urljoin, urlsplit

import httpx2
import pytest

from seedbed import db, signin, tasks
from seedbed.console import _watch
from seedbed.settings import Settings
from seedbed.web import Static
from tests.conftest import served
from tests.console.cast import FILES, GUARDED, ROUTES, Owner, contents, endow, enter, filled, take_up
from tests.console.people import PASSWORD, Browser, heading
from tests.raw import exchange, request

NEW = "quite another password"
ELSEWHERE = [
    "//evil.example", "///evil.example", "\\\\evil.example", "/\\evil.example", "\\/evil.example", "/\t/evil.example",
    "/\n/evil.example", "/\r/evil.example", "https://evil.example", "https:evil.example", "HTTPS:/evil.example",
    "javascript:alert(1)", "data:text/html,x", "@evil.example", "user@evil.example", "evil.example",
    " //evil.example", "\u00a0//evil.example", "/\u202e//evil.example", "%2f%2fevil.example", "?x=//evil.example",
    "/..//evil.example", "/.//evil.example", "//%65vil.example", "/%5cevil.example", "/%09/evil.example",
    "http://127.0.0.1@evil.example", "//127.0.0.1:1@evil.example/", "\x00//evil.example", "/" * 50 + "evil.example",
]  # fmt: skip


@pytest.fixture
async def alice(browser: Browser, pool: db.Pool) -> Owner:
    return await endow(await enter(browser, pool, "alice@example.org"), pool)


async def opens(browser: Browser, token: str) -> bool:
    """Whether a session's token lets one in."""
    async with httpx2.AsyncClient(base_url=browser.origin, cookies={"session": token}) as http:
        return (await http.get("/account")).status_code == 200


# Sessions and cookies ----------------------------------------------------------------------------------------------


async def test_whoever_comes_in_gets_another_session_and_the_one_before_ends(alice: Owner, pool: db.Pool) -> None:
    browser, seen = alice.browser, [alice.browser.http.cookies["session"]]

    async def rotated(answer: httpx2.Response) -> None:
        assert answer.status_code == 303, heading(answer.text)
        seen.append(browser.http.cookies["session"])
        assert len(set(seen)) == len(seen)
        assert [await opens(browser, token) for token in seen] == [False] * (len(seen) - 1) + [True]
        alice.csrf = (await take_up(browser, alice.account_id, alice.email, seen[-1])).csrf

    await rotated(await alice.post("/sign-in", password=PASSWORD, email=alice.email))
    await rotated(await alice.post("/account/password", old=PASSWORD, password=NEW))
    async with db.transaction(pool) as conn:
        link = await signin.make_link(conn, "reset", account_id=alice.account_id)
    await rotated(await alice.post(f"/link/{link}", password=PASSWORD))
    gone = await alice.post("/sign-out")
    assert "session" not in browser.http.cookies
    assert "Max-Age=0" in gone.headers["set-cookie"]
    assert not await opens(browser, seen[-1]), "the token itself has ended, not the cookie alone"


@pytest.mark.parametrize("chosen", ["x" * 43, "0" * 43, "session", "../..", "a" * 5000])
async def test_nobody_chooses_anothers_session(browser: Browser, pool: db.Pool, chosen: str) -> None:
    await enter(browser, pool, "alice@example.org")
    browser.http.cookies.clear()
    browser.http.cookies.set("session", chosen, domain="127.0.0.1", path="/")
    entered = await browser.post("/sign-in", email="alice@example.org", password=PASSWORD)
    assert entered.status_code == 303
    assert re.match(r"session=[A-Za-z0-9_-]{43};", entered.headers["set-cookie"])
    assert not await opens(browser, chosen)


@pytest.mark.parametrize("https", [False, True])
async def test_the_cookie_is_kept_from_scripts_and_other_sites(settings: Settings, pool: db.Pool, https: bool) -> None:
    if https:
        settings = settings.model_copy(update={"public_url": "https://videos.example.org"})
    async with served(settings) as _, httpx2.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}") as http:
        form = {"email": "alice@example.org", "password": PASSWORD}
        entered = await http.post("/sign-up", data=form, headers={"Origin": settings.base_url})
        token = entered.headers["set-cookie"].partition("=")[2].partition(";")[0]
        name = "__Host-session" if https else "session"
        cookie = {"Cookie": f"{name}={token}", "Origin": settings.base_url}
        page = await http.get("/account", headers=cookie)
        csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
        left = await http.post("/sign-out", data={"csrf": csrf}, headers=cookie)
        for answer in (entered, left):
            first, *flags = [part.strip().lower() for part in answer.headers["set-cookie"].split(";")]
            assert first.startswith(f"{name.lower()}=")
            assert {"httponly", "samesite=lax", "path=/"} <= set(flags)
            assert ("secure" in flags) is https
            assert not [flag for flag in flags if flag.startswith("domain")]
        assert page.headers.get("strict-transport-security") == ("max-age=31536000" if https else None)
        if https:
            plain = await http.get("/account", headers={"Cookie": f"session={token}"})
            assert plain.status_code == 303, "a cookie that anybody on the way could have set is not read"


# Headers -----------------------------------------------------------------------------------------------------------


async def test_no_answer_is_framed_sniffed_or_kept(alice: Owner) -> None:
    """Pages, errors, files, documents, the APIs: of everything there is, to everybody."""
    elsewhere = [
        "/healthz", "/readyz", "/metrics", "/nowhere", "/docs/en/", "/docs/en/nothing", "/docs/en/quickstart.md",
        "/llms.txt", "/files/0.aaaaaaaaaaaaaaaaaaaaaa/x", "/static/x/nothing", Static().url("style.css"),
        Static().url("mark.svg"), "/openapi/open.json", "/api/open/v1/models", "/api/v1/tasks/x", "/v1/videos",
        "/billing/stripe",
    ]  # fmt: skip
    async with httpx2.AsyncClient(base_url=alice.browser.origin) as stranger:
        for path in elsewhere:
            for method in ("GET", "POST", "DELETE"):
                unframed(await stranger.request(method, path), f"{method} {path}")
        for method, path in ROUTES:
            where = filled(path, alice.places)
            for http in (stranger, alice.browser.http):
                # Forms have no token here, so that they are refused; a stream is asked for by its head alone.
                answer = await http.request("HEAD" if method == "GET" else method, where)
                unframed(answer, f"{method} {path}")
                assert answer.headers["cache-control"] == "no-store", (method, path)
                assert answer.headers["referrer-policy"] == "same-origin"


def unframed(answer: httpx2.Response, what: str) -> None:
    policies = answer.headers.get_list("content-security-policy")
    assert len(policies) == 1, what
    assert "frame-ancestors 'none'" in policies[0], what
    assert answer.headers.get_list("x-frame-options") == ["DENY"], what
    assert answer.headers["x-content-type-options"] == "nosniff", what
    if answer.headers.get("content-type", "").startswith("text/html"):
        assert re.search(r"default-src 'none'; script-src 'self';", policies[0]), what
        assert "form-action 'self'" in policies[0], what
        assert "base-uri 'none'" in policies[0], what
        assert "unsafe" not in policies[0], what
        assert "*" not in policies[0], what


# Where one is sent -------------------------------------------------------------------------------------------------


async def test_one_is_sent_nowhere_else(alice: Owner, other: Browser, pool: db.Pool) -> None:
    own = urlsplit(alice.browser.origin).netloc
    for number, wanted in enumerate(ELSEWHERE):
        there = await alice.browser.http.get("/sign-in", params={"next": wanted})
        assert there.status_code == 303
        assert urlsplit(urljoin(f"{alice.browser.origin}/sign-in", there.headers["location"])).netloc == own, wanted
        page = await other.http.get("/sign-in", params={"next": wanted})
        kept = re.search(r'name="next" value="([^"]*)"', page.text)
        assert kept, wanted
        assert urlsplit(urljoin(f"{alice.browser.origin}/sign-in", kept[1])).netloc == own, wanted
        if number < 8:
            entered = await other.post("/sign-in", email=alice.email, password=PASSWORD, next=wanted)
            assert entered.status_code == 303, heading(entered.text)
            assert entered.headers["location"] == "/", wanted
            other.http.cookies.clear()


@pytest.mark.parametrize("path", ["//evil.example/", "//evil.example/..", "/%2fevil.example", "/\\evil.example/%2e%2e"])
async def test_no_path_becomes_a_host(settings: Settings, path: str) -> None:
    async with served(settings) as url:
        [answer] = await exchange(url, request("GET", path, "Host: localhost"))
        assert answer.status in (303, 404)
        assert "evil" not in answer.headers.get("location", "")


# Guesses -----------------------------------------------------------------------------------------------------------


def stranger(origin: str, address: str) -> httpx2.AsyncClient:
    """A client that comes from another address of this machine."""
    return httpx2.AsyncClient(base_url=origin, transport=httpx2.AsyncHTTPTransport(local_address=address))


@pytest.mark.parametrize("form", ["/sign-in", "/sign-up", "/forgot"])
async def test_tries_are_counted_by_address_and_by_account(browser: Browser, pool: db.Pool, form: str) -> None:
    await enter(browser, pool, "alice@example.org")
    many = signin.TRIES_PER_MINUTE

    async def tried(address: str, email: str) -> int:
        async with stranger(browser.origin, address) as http:
            answer = await Browser(http).post(form, email=email, password="short")
            if answer.status_code == 429:
                assert 0 < int(answer.headers["retry-after"]) <= 60
            return answer.status_code

    for email in ("alice@example.org", "nobody@example.org"):
        prefix = "127.0.1" if email.startswith("alice") else "127.0.2"
        found = [await tried(f"{prefix}.{number + 1}", email) for number in range(many + 1)]
        assert 429 not in found[:many], (email, found)
        assert found[many] == 429, (email, "one account, from everywhere")
    found = [await tried("127.0.3.1", f"p{number}@example.org") for number in range(many + 1)]
    assert (429 in found[:many], found[many]) == (False, 429), "many accounts, from one place"


async def test_who_has_an_account_cannot_be_told_from_the_answer_or_its_time(
    browser: Browser, other: Browser, pool: db.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signin, "TRIES_PER_MINUTE", 10_000)
    await enter(browser, pool, "alice@example.org")
    async with db.transaction(pool) as conn:
        await conn.execute("INSERT INTO accounts (email) VALUES ('invited@example.org')")
    people = ("alice@example.org", "nobody@example.org", "invited@example.org")

    async def asked(form: str, email: str) -> tuple[float, int, str]:
        began = time.perf_counter()
        answer = await other.post(form, email=email, password="wrong horse battery")
        return time.perf_counter() - began, answer.status_code, answer.text.replace(email, "")

    for form in ("/sign-in", "/forgot"):
        times: dict[str, list[float]] = {email: [] for email in people}
        answers = set()
        for _, email in itertools.product(range(9), people):
            spent, status, text = await asked(form, email)
            times[email].append(spent)
            answers.add((status, text))
        assert len(answers) == 1, form
        middle = [statistics.median(times[email]) for email in people]
        assert max(middle) - min(middle) < max(0.6 * min(middle), 0.02), (form, middle)


async def test_a_password_of_any_length_costs_one_hash(browser: Browser, other: Browser, pool: db.Pool) -> None:
    await enter(browser, pool, "alice@example.org")
    long = "ab1 " * 50_000

    async def spent(password: str) -> float:
        began = time.perf_counter()
        answer = await other.post("/sign-in", email="alice@example.org", password=password)
        assert answer.status_code == 400
        return time.perf_counter() - began

    short_s, long_s = [min([await spent(text) for _ in range(3)]) for text in ("ab1 " * 4, long)]
    assert long_s < 2 * short_s + 0.1
    began = time.perf_counter()
    refused = await other.post("/sign-up", email="bob@example.org", password=long)
    assert (refused.status_code, "256" in heading(refused.text)) == (400, True)
    assert time.perf_counter() - began < 2


# Uploads -----------------------------------------------------------------------------------------------------------


async def test_an_upload_is_refused_before_it_is_read(alice: Owner, settings: Settings, pool: db.Pool) -> None:
    """Of one that says it has a gigabyte nothing is waited for, unless somebody who may sends it."""
    held = await contents(pool)
    token = alice.browser.http.cookies["session"]
    for cookie, csrf, status in (
        ("", alice.csrf, 401), ("session=x", alice.csrf, 401), (f"session={token}", "x", 400),
        (f"session={token}", "", 400), (f"session={token}", alice.csrf, 413),
    ):  # fmt: skip
        headers = [f"Content-Length: {1 << 30}", f"Origin: {settings.base_url}", "Host: localhost"]
        headers += [f"Cookie: {cookie}"] if cookie else []
        [(_, path)] = FILES
        async with asyncio.timeout(5):
            [answer] = await exchange(settings.base_url, request("POST", f"{path}?csrf={csrf}", *headers))
        assert (answer.status, answer.closed) == (status, True), (cookie, csrf)
    assert await contents(pool) == held


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/html", b"<!doctype html><script>alert(1)</script>"), ("image/png", b"<html><script>alert(1)</script>"),
        ("image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
        ("image/png", b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>'),
        ("video/mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"), ("application/pdf", b"%PDF-1.4\n"),
        ("image/png", b"GIF89a/*<script>*/=1;" + b"\x00" * 64),
    ],
)  # fmt: skip
async def test_what_a_browser_would_run_is_no_medium(alice: Owner, pool: db.Pool, kind: str, body: bytes) -> None:
    form = {"file": ('../../x"><img src=x onerror=y>.html', body, kind)}
    for sent in ({"content": body, "headers": {"Content-Type": kind}}, {"files": form, "headers": {}}):
        headers = {"Origin": alice.browser.origin} | sent.pop("headers")  # type: ignore[operator]
        answer = await alice.browser.http.post(f"/uploads?csrf={alice.csrf}", headers=headers, **sent)  # type: ignore[arg-type]
        assert answer.status_code in (400, 413), answer.text[:500]
        assert "onerror" not in answer.text
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT count(*) FROM uploads") == 0


# Streams -----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def watcher(alice: Owner, pool: db.Pool) -> AsyncIterator[Owner]:
    yield alice
    async with asyncio.timeout(10):
        while alice.account_id in _watch._watching:
            await asyncio.sleep(0.02)


async def test_forty_streams_at_once_are_as_many_as_are_allowed(
    watcher: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_watch, "WATCH_S", 3.0)
    path = filled("/tasks/{id}/events", watcher.places)
    limits = httpx2.Limits(max_connections=50)
    cookies = {"session": watcher.browser.http.cookies["session"]}
    async with httpx2.AsyncClient(base_url=watcher.browser.origin, cookies=cookies, limits=limits, timeout=30) as http:
        found = await asyncio.gather(*(http.get(path) for _ in range(40)))
    statuses = [answer.status_code for answer in found]
    assert statuses.count(200) == _watch.WATCHED_MAX
    assert statuses.count(429) == 40 - _watch.WATCHED_MAX


@pytest.mark.parametrize("how", ["/sign-out", "/account/password", "/account/sessions/end"])
async def test_who_has_left_sees_nothing_more(
    watcher: Owner, pool: db.Pool, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, and although there is something new to see with every look."""
    monkeypatch.setattr(_watch, "LOOK_S", 0.05)
    path, seen = filled("/tasks/{id}/events", watcher.places), []
    async with db.transaction(pool) as conn:
        await tasks.start(conn, watcher.places["id"], attempts_max=3)

    async def progress() -> None:
        for number in itertools.count(1):
            async with db.connection(pool) as conn:
                await conn.execute("UPDATE tasks SET progress = $2 WHERE id = $1", watcher.places["id"], number / 1e4)
            await asyncio.sleep(0.03)

    async def watch() -> None:
        async with watcher.browser.http.stream("GET", path) as answer:
            async for line in answer.aiter_lines():
                seen.append(line)

    moving, watching = asyncio.create_task(progress()), asyncio.create_task(watch())
    async with asyncio.timeout(10):
        while len(seen) < 12:
            await asyncio.sleep(0.02)
        token = watcher.browser.http.cookies["session"]
        left = await watcher.post(how, old=PASSWORD, password=NEW)
        assert left.status_code == 303
        assert not await opens(watcher.browser, token)
        async with asyncio.timeout(3):
            await watching
    moving.cancel()


def test_streams_are_among_the_guarded() -> None:
    assert ("GET", "/tasks/{id}/events") in GUARDED
