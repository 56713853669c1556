"""Attacks on the console's pages by words: whatever people, programs or receivers write stays words.

Every place that takes text holds markup, every page is read, and no element or attribute comes of it; nor does a
mark that turns the direction of writing reach what stands beside it, nor a cell of a spreadsheet become a formula.
"""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx2
import pytest

from seedbed import accounts, db, queue
from seedbed.console.usage import harmless
from seedbed.web import Static
from tests.console.cast import FIELDS, MEMBERS, POSTS, ROUTES, Owner, endow, enter, filled, names
from tests.console.people import Browser

TURN = "\u202e"
"""Right-to-left override: what follows is shown backwards."""

VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "path", "circle", "rect", "source"}
QUERIES = ("text", "state", "model", "key", "since", "until", "after", "before", "q", "done", "next", "prompt", "days")
MARKS = {
    "prompt": "pr", "metadata": "me", "plan": "pl", "media": "md", "error": "er", "key": "ke", "note": "no",
    "email": "em", "invited": "in", "agent": "ag", "url": "ur", "answer": "an", "body": "bo", "outcome": "ou",
    "off": "of", "host": "ho", "lane": "la", "title": "ti", "trace": "tr",
}  # fmt: skip
"""A place that takes text, and what is written there in its payload."""


def evil(place: str) -> str:
    """Markup for every context of a page, marked with its place."""
    mark = MARKS[place]
    return (
        f"{mark}<xss-{mark} onclick=x>\"'></script></title></textarea></pre>--><img src=x onerror=x>{{{{7*7}}}}{TURN}"
    )


def evil_email(place: str) -> str:
    return f"{MARKS[place]}<xss-{MARKS[place]}/onclick=x>\"'@<xss-{MARKS[place]}>.example"


@dataclass
class Shown(HTMLParser):
    """A page as a browser reads it: what is wrong, and the text with the element that it is in."""

    wrong: list[str] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __init__(self, page: str) -> None:
        super().__init__()
        self.wrong, self.texts, self.open = [], [], []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag.startswith("xss") or (tag == "script" and "src" not in given) or tag in ("style", "base", "iframe"):
            self.wrong.append(tag)
        self.wrong += [f"{tag} {name}" for name in given if name.startswith(("on", "xss", "style"))]
        self.wrong += [
            f"{tag} {name}={value}"
            for name, value in given.items()
            if name in ("href", "src", "action", "poster", "formaction")
            and not re.match(r"/(?![/\\])|https?://|[?#]|$|blob:|data:image/", value)
        ]
        self.texts += [(f"@{name}", value) for name, value in given.items()]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))


@pytest.fixture
async def alice(browser: Browser, pool: db.Pool) -> Owner:
    """An administrator in whose account everything that may be written is evil."""
    owner = await endow(await enter(browser, pool, evil_email("email")), pool)
    async with db.connection(pool) as conn:
        await accounts.set_admin(conn, owner.account_id, admin=True)
        await poison(conn, owner)
    return owner


SAME = (
    "dialect, account_id, key_id, trace_id, turn, model, mode, prompt, aspect_ratio, resolution, duration_s, seed, "
    "audio, fixed_lens, quality, price_credits"
)


async def poison(conn: db.Connection, owner: Owner) -> None:
    """Write markup wherever text is kept, past all checks of the ways in."""
    await conn.execute(
        "UPDATE tasks SET prompt = $1, metadata = $2::json, plan = $3::json, media = $4::jsonb, trace_id = $5, "
        "mode = 'image_to_video'",
        evil("prompt"),
        json.dumps({evil("metadata"): evil("metadata")}),
        json.dumps({"setting": "water", "style": evil("plan")}),
        json.dumps([{"url": f"https://example.org/{evil('media')}", "role": "first_frame", "kind": "image"}]),
        evil("trace"),
    )
    await conn.execute(
        f"INSERT INTO tasks (id, status, error_code, error_message, finished_at, {SAME}) "
        f"SELECT 'req_failed', 'failed', 'invalid_media', $1, now(), {SAME} FROM tasks LIMIT 1",
        evil("error"),
    )
    await conn.execute("UPDATE api_keys SET name = $1, webhook_url = $2", evil("key"), evil("url"))
    await conn.execute("UPDATE accounts SET email = lower(email)")
    await conn.execute("ALTER TABLE ledger_transactions DISABLE TRIGGER ALL")
    await conn.execute("UPDATE ledger_transactions SET note = $1 WHERE kind = 'grant'", evil("note"))
    await conn.execute("UPDATE one_time_links SET email = $1 WHERE email IS NOT NULL", evil("invited"))
    await conn.execute("UPDATE sessions SET agent = $1", evil("agent"))
    await conn.execute("UPDATE deliveries SET url = $1, body = $2", evil("url"), evil("body").encode())
    await conn.execute(
        "UPDATE delivery_tries SET answer = $1, error = $2, status = NULL", evil("answer"), evil("outcome")
    )
    await conn.execute("UPDATE webhooks_off SET url = $1, reason = $1", evil("off"))
    await conn.execute("UPDATE orders SET title = $1", evil("title").replace(TURN, ""))  # it is the operator's
    await conn.execute(
        "INSERT INTO payments (id, order_id, account_id, credits, amount, currency) "
        "SELECT 'pi_x', id, account_id, credits, amount, currency FROM orders"
    )
    await conn.execute(
        "INSERT INTO workers (id, host, pid, engines, concurrency, running) "
        "SELECT gen_random_uuid(), $1, 1, ARRAY[$1], 1, array_agg(id) FROM tasks",
        evil("host"),
    )
    await queue.enqueue(conn, evil("lane"), "job", unique="job")
    owner.places["id"] = "req_failed"


NOT_HERE = ("/sign-in/start", "/sign-in/callback")
"""Where nobody signs people in elsewhere."""


async def pages(owner: Owner) -> dict[str, str]:
    """Every page, of both tasks."""
    waiting = owner.places | {"id": await one_that_waits(owner)}
    found = {}
    for method, path in ROUTES:
        if method == "GET" and not path.endswith((".csv", "/events", "/price")):
            for places in (owner.places, waiting) if "{id}" in path else (owner.places,):
                where = filled(path, places)
                answer = await owner.browser.http.get(where)
                assert answer.status_code in (200, 303) or where in NOT_HERE, (where, answer.status_code)
                found[where] = answer.text
    for query in (f"/?task={owner.places['id']}", f"/?from={waiting['id']}"):
        found[query] = await owner.browser.see(query)
    return found


async def one_that_waits(owner: Owner) -> str:
    wall = re.findall(r'href="/tasks/([^"]+)"', await owner.browser.see("/library?state=queued"))
    return str(wall[0])


async def test_what_people_write_stays_words_on_every_page(alice: Owner) -> None:
    seen = set()
    for where, page in (await pages(alice)).items():
        shown = Shown(page)
        assert not shown.wrong, (where, shown.wrong)
        text = "".join(value for _, value in shown.texts)
        assert "}49{" not in text
        seen |= {place for place, mark in MARKS.items() if f"{mark}<xss-{mark}" in text}
    assert MARKS.keys() - seen <= {"metadata"}, "each was shown somewhere, so that it was tested"
    assert any("me<xss-me" in json.dumps(page) or "me&lt;xss-me" in page for page in (await pages(alice)).values())


BLOCKS = {"td", "th", "p", "h1", "h2", "dd", "li", "option", "textarea", "pre", "div"}
ISOLATED = {"bdi", "code"}


async def test_a_turned_direction_stays_with_its_own_words(alice: Owner) -> None:
    """A mark of direction ends with its block, or with what is isolated (UAX #9): nothing of ours follows it."""
    rules = (await alice.browser.http.get(Static().url("style.css"))).text
    assert re.search(r"(^|[,}\s])code[^{]*\{[^}]*unicode-bidi:\s*isolate", rules)
    loose = []
    for where, page in (await pages(alice)).items():
        for tag, text in Shown(page).texts:
            before, turned, after = text.partition(TURN)
            if not turned or tag.startswith("@") or tag in ISOLATED:
                continue
            closed = after.startswith("\u2069") and "\u2068" in before
            if not closed and not (tag in BLOCKS and re.fullmatch(r"[\u2026\s]*", after)):
                loose.append((where, tag, text))
    assert not loose


async def test_what_is_asked_for_stays_words(alice: Owner) -> None:
    for method, path in ROUTES:
        if method == "GET" and not names(path) and path not in ("/admin/checkup", "/usage/ledger.csv"):
            answer = await alice.browser.http.get(path, params=dict.fromkeys(QUERIES, evil("prompt")))
            assert answer.status_code < 500
            if answer.headers.get("content-type", "").startswith("text/html"):
                assert not Shown(answer.text).wrong, path
            else:
                assert answer.headers["x-content-type-options"] == "nosniff"


async def test_what_is_sent_stays_words(alice: Owner, pool: db.Pool) -> None:
    forms = [path for path in POSTS if path != "/uploads"]
    async with httpx2.AsyncClient(base_url=alice.browser.origin) as http:
        for path in forms:
            if path not in ("/sign-out", "/account/sessions/end", "/account/password"):
                answer = await alice.post(filled(path, alice.places), **dict.fromkeys(FIELDS, evil("prompt")))
                assert answer.status_code < 500, path
                assert not Shown(answer.text).wrong, path
            answer = await Browser(http).post(filled(path, alice.places), **dict.fromkeys(FIELDS, evil("prompt")))
            assert answer.status_code < 500, path
            assert not Shown(answer.text).wrong, path
        await http.post("/sign-in", data={"email": evil_email("email")}, headers={"Origin": alice.browser.origin})


async def test_events_are_data(alice: Owner) -> None:
    events = next(path for _, path in MEMBERS if path.endswith("/events"))
    async with alice.browser.http.stream("GET", filled(events, alice.places)) as answer:
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        lines = [line async for line in answer.aiter_lines()]
    assert "event: ended" in lines
    assert all(re.fullmatch(r"|retry: \d+|event: [a-z]+|data: \{[^<>]*\}", line) for line in lines), lines


async def test_told_as_json_it_is_no_page(alice: Owner) -> None:
    told = await alice.browser.http.get("/price", params={"model": evil("prompt")})
    assert told.headers["content-type"] == "application/json"
    gone = await alice.browser.http.get("/tasks/%3Cxss%3E", headers={"Accept": "application/json"})
    assert (gone.status_code, gone.headers["content-type"]) == (404, "application/json")
    assert "xss" not in gone.text


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "\n=", "  =", "＝", "＋", "－", "＠"])
async def test_no_cell_of_the_file_is_a_formula(browser: Browser, pool: db.Pool, start: str) -> None:
    """Whether a spreadsheet parts cells by commas, semicolons or tabs."""
    alice = await endow(await enter(browser, pool, f"{'=' if start == '=' else 'a'}lice@example.org"), pool)
    note = f'{start}HYPERLINK("x");{start}1,{start}2\t{start}3\n{start}4"{start}5'
    async with db.connection(pool) as conn:
        await conn.execute("ALTER TABLE ledger_transactions DISABLE TRIGGER ALL")
        await conn.execute("UPDATE ledger_transactions SET note = $1 WHERE kind = 'grant'", note)
    text = (await alice.browser.http.get("/usage/ledger.csv")).text
    told = [cell for row in csv.reader(io.StringIO(text)) for cell in row if "HYPERLINK" in cell]
    assert told == [harmless(note)]
    for word in re.split(r'[,;\t\r\n"]\s*', text):
        assert re.fullmatch(r"[+-]?\d+", word) or not word.startswith(tuple("=+-@＝＋－＠")), word
