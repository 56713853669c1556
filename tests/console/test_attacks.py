"""Attacks on the console's forms and ids, over all of its routes: whoever adds a page is tested here without a word.

Other sites send forms, strangers knock, members ask for what is others' or for what owners and admins do. All is
refused, and the database holds what it held before.
"""

from __future__ import annotations

import itertools

import httpx2
import pytest

from seedbed import accounts, db, signin
from seedbed.settings import Settings, load
from tests.console.cast import (
    ADMINS,
    FIELDS,
    FILES,
    GUARDED,
    MEMBERS,
    NOWHERE,
    OPEN,
    POSTS,
    ROUTES,
    Owner,
    contents,
    endow,
    enter,
    filled,
    names,
)
from tests.console.people import Browser, heading
from tests.stripe_stand import KEY, SECRET

FORM = "application/x-www-form-urlencoded"
ODD_IDS = ["%00", "%F0%9F%92%A9", "..%2f..%2fetc", "%E2%80%AE", "9" * 30, "a" * 3000, "%27%22%3E%3Cb%3E", "-1", "%ff"]

QUERIES = ("after", "before", "key", "text", "state", "since", "model", "task", "from", "days", "q", "next", "done")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With payments, so that the routes of buying have something to do. Nothing answers at that address."""
    return load(
        **dict(settings) | {"stripe_key": KEY, "stripe_webhook_secret": SECRET, "stripe_api_url": "http://127.0.0.1:9"}
    )


@pytest.fixture
async def alice(browser: Browser, pool: db.Pool) -> Owner:
    """An owner, who is the administrator, too."""
    owner = await endow(await enter(browser, pool, "alice@example.org"), pool, member="carol@example.org")
    async with db.connection(pool) as conn:
        await accounts.set_admin(conn, owner.account_id, admin=True)
        await conn.execute(
            "INSERT INTO subscriptions (id, order_id, account_id, status, said_at) "
            "VALUES ('sub_a', $1, $2, 'active', now())",
            owner.places["order_id"],
            owner.account_id,
        )
    owner.fields["subscription"] = "sub_a"
    return owner


@pytest.fixture
async def mallory(other: Browser, pool: db.Pool) -> Owner:
    """Somebody with an account, and a team, of their own."""
    return await endow(await enter(other, pool, "mallory@example.org"), pool)


async def test_every_form_needs_the_token_of_its_session(alice: Owner, mallory: Owner, pool: db.Pool) -> None:
    async with httpx2.AsyncClient(base_url=alice.browser.origin) as http:
        elsewhere = await enter(Browser(http), pool, alice.email)
    assert len({alice.csrf, mallory.csrf, elsewhere.csrf}) == 3
    held = await contents(pool)
    for path in [filled(path, alice.places) for path in POSTS]:
        for token in ("", "x", alice.csrf[:-1], alice.csrf + "A", mallory.csrf, elsewhere.csrf):
            answer = await alice.browser.post(path, **FIELDS | alice.fields | {"csrf": token})
            assert answer.status_code == 400, (path, token)
            assert "open for too long" in answer.text, path
        without = await alice.browser.http.post(
            path, data=FIELDS | alice.fields, headers={"Origin": alice.browser.origin}
        )
        assert without.status_code == 400, path
    assert await contents(pool) == held


OTHER_SITES = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Origin": "https://evil.example", "Referer": "http://127.0.0.1/"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


async def test_every_form_of_another_site_is_refused_whatever_it_knows(alice: Owner, pool: db.Pool) -> None:
    held = await contents(pool)
    form = FIELDS | alice.fields | {"csrf": alice.csrf}
    async with httpx2.AsyncClient(base_url=alice.browser.origin) as stranger:
        for path, headers in itertools.product(POSTS, OTHER_SITES):
            where = f"{filled(path, alice.places)}?csrf={alice.csrf}"
            for http in (alice.browser.http, stranger):
                answer = await http.post(where, data=form, headers=headers)
                assert answer.status_code == 400, (path, headers, answer.status_code)
                assert "another site" in answer.text, path
    assert await contents(pool) == held


async def test_only_forms_are_read_as_forms(alice: Owner, pool: db.Pool) -> None:
    """What other sites can send without a preflight is of these types, and would hold a token that it guessed."""
    held = await contents(pool)
    body = str(httpx2.QueryParams(FIELDS | alice.fields | {"csrf": alice.csrf}))
    types = ("text/plain", "multipart/form-data; boundary=x", "application/json", f"text/x; a={FORM}", "")
    for path, content_type in itertools.product(set(POSTS) - {path for _, path in FILES}, types):
        headers = {"Origin": alice.browser.origin} | ({"Content-Type": content_type} if content_type else {})
        answer = await alice.browser.http.post(filled(path, alice.places), content=body, headers=headers)
        assert answer.status_code == 400, (path, content_type)
    assert await contents(pool) == held


async def test_with_its_token_every_form_is_taken(alice: Owner, pool: db.Pool) -> None:
    """The control: what is refused above is refused for nothing else."""
    for route in [route for route in GUARDED if route[0] == "POST"]:
        async with httpx2.AsyncClient(base_url=alice.browser.origin) as http:
            fresh = await enter(Browser(http), pool, alice.email)
            fresh.fields = alice.fields
            answer = await fresh.ask(route, alice.places)
        assert answer.status_code != 500, route
        assert "open for too long" not in answer.text, route
        assert "another site" not in answer.text, route


async def test_strangers_are_shown_the_door(alice: Owner, pool: db.Pool) -> None:
    held = await contents(pool)
    async with httpx2.AsyncClient(base_url=alice.browser.origin) as http:
        nobody = Owner(Browser(http), 0, "", "x", fields=alice.fields)
        for cookie in ("", "x" * 43, "0" * 4000):
            http.cookies.clear()
            if cookie:
                http.cookies.set("session", cookie, domain="127.0.0.1", path="/")
            for route in GUARDED:
                answer = await nobody.ask(route, alice.places)
                if route in FILES:
                    assert answer.status_code == 401, route
                else:
                    assert answer.status_code == 303, route
                    assert answer.headers["location"].startswith("/sign-in?next=%2F"), route
    assert await contents(pool) == held


async def test_what_is_anothers_is_not_there(alice: Owner, mallory: Owner, pool: db.Pool) -> None:
    """Not by one byte does the answer differ from that for an id which nothing has."""
    held, seen = await contents(pool), 0
    for route in [route for route in MEMBERS if names(route[1])]:
        [name] = names(route[1])
        assert alice.places[name] != NOWHERE[name]
        there = await mallory.ask(route, alice.places)
        nowhere = await mallory.ask(route, NOWHERE)
        assert (there.status_code, nowhere.status_code) == (404, 404), route
        assert there.content == nowhere.content, route
        assert told(there) == told(nowhere), route
        mine = await mallory.browser.http.head(filled(route[1], mallory.places)) if route[0] == "GET" else None
        assert mine is None or mine.status_code == 200, route
        seen += 1
    assert seen > 10
    assert await contents(pool) == held


async def test_what_forms_name_is_ones_own(alice: Owner, mallory: Owner, pool: db.Pool) -> None:
    held = await contents(pool)
    for path, field, theirs, nothing in (
        ("/account/sessions/end", "session", alice.fields["session"], "987654321"),
        ("/webhooks/test", "key", alice.places["key_id"], "987654321"),
        ("/billing/ending", "subscription", "sub_a", "sub_nothing"),
    ):
        one, two = await mallory.post(path, **{field: theirs}), await mallory.post(path, **{field: nothing})
        assert one.status_code == two.status_code, path
        assert 400 <= one.status_code < 500, path
        assert heading(one.text) == heading(two.text), path
    for name in ("task", "from"):
        one = await mallory.browser.http.get("/", params={name: alice.places["id"]})
        two = await mallory.browser.http.get("/", params={name: NOWHERE["id"]})
        assert (one.status_code, one.content) == (404, two.content)
    for query in ({"after": alice.places["id"]}, {"after": NOWHERE["id"]}):
        assert (await mallory.browser.http.get("/library", params=query)).status_code == 404
    page = await mallory.browser.see(f"/library?key={alice.places['key_id']}")
    assert alice.places["id"] not in page
    assert await contents(pool) == held


async def test_administration_is_for_administrators(alice: Owner, mallory: Owner, pool: db.Pool) -> None:
    held = await contents(pool)
    nowhere = await mallory.browser.http.get("/tasks/req_doesnotexist")
    for route in ADMINS:
        answer = await mallory.ask(route, alice.places)
        assert answer.status_code == 404, route
        assert heading(answer.text) == heading(nowhere.text), route
        if route[0] == "GET":
            assert (await alice.ask(route, alice.places)).status_code == 200, route
    assert await contents(pool) == held


async def test_a_team_is_run_by_its_owners(alice: Owner, mallory: Owner, pool: db.Pool) -> None:
    """A member, and the owner of another team, do nothing on any route of the team; a member may leave."""
    async with httpx2.AsyncClient(base_url=alice.browser.origin) as http:
        carol = await enter(Browser(http), pool, "carol@example.org")
        held = await contents(pool)
        deeds = [route for route in MEMBERS if route[0] == "POST" and route[1].startswith("/team/")]
        assert len(deeds) > 6
        for route in deeds:
            if names(route[1]):
                assert (await mallory.ask(route, alice.places)).status_code == 404, route
            if route[1] != "/team/leave":
                answer = await carol.ask(route, alice.places | {"member_id": str(alice.account_id)})
                assert answer.status_code in (400, 404), (route, answer.status_code)
        page = await carol.browser.see("/team")
        assert "invited-by-" not in page
        assert "credits</span>" not in page, "others' balances are for owners"
        assert await contents(pool) == held
        assert (await carol.ask(("POST", "/team/leave"), {})).headers["location"] == "/team?done=left"


async def test_ids_of_nonsense_are_not_there(alice: Owner) -> None:
    for route, odd in itertools.product([route for route in ROUTES if names(route[1])], ODD_IDS):
        answer = await alice.ask(route, dict.fromkeys(alice.places, odd))
        assert answer.status_code == 404, (route, odd, answer.status_code)


async def test_addresses_of_nonsense_are_no_fault_of_ours(alice: Owner) -> None:
    plain = [path for method, path in ROUTES if method == "GET" and not names(path) and path != "/admin/checkup"]
    for path, name, odd in itertools.product(plain, QUERIES, ODD_IDS[:2]):
        answer = await alice.browser.http.get(f"{path}?{name}={odd}")
        assert answer.status_code < 500, (path, name, odd)


async def test_a_link_is_no_way_into_another_account(alice: Owner, mallory: Owner, pool: db.Pool) -> None:
    """Guessed links are not there; one that was followed lets nobody in again, nor does its session survive."""
    token = alice.places["token"]
    for guess in (token[:-1], token.swapcase(), token + "A", token.encode().hex()):
        assert (await mallory.browser.http.get(f"/link/{guess}")).status_code == 404
    done = await mallory.post(f"/link/{token}", password="a new long password")
    assert done.status_code == 303
    assert (await alice.browser.http.get("/account")).status_code == 303, "all sessions of before have ended"
    async with db.connection(pool) as conn:
        live = await signin.list_sessions(conn, mallory.account_id)
    assert live == [], "the session that the browser came with has ended, too"
    assert (await mallory.browser.http.get(f"/link/{token}")).status_code == 404


def told(answer: httpx2.Response) -> dict[str, str]:
    """The headers that say something."""
    return {name: value for name, value in answer.headers.items() if name not in ("date", "x-request-id")}


def test_every_route_is_walked() -> None:
    assert len(ROUTES) == len(set(ROUTES)) > 50
    assert {*OPEN, *GUARDED} == set(ROUTES)
