"""Who the attacks on the console are made by and against: accounts with one of everything, and browsers signed in.

`places` fills in the ids of a route's path. A route with a new kind of id fails the tests until it is told here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx2

from seedbed import accounts, billing, console, db, ledger, prices, signin, tasks, teams, webhooks
from seedbed.webhooks import Outcome
from tests.conftest import Person
from tests.console.people import PASSWORD, Browser
from tests.test_tasks import accept, output_of

Route = tuple[str, str]
OPEN, MEMBERS, FILES, ADMINS = (
    [(method, path) for method, path, _ in group]
    for group in (console.OPEN, console.MEMBERS, console.FILES, console.ADMINS)
)
ROUTES: list[Route] = [*OPEN, *MEMBERS, *FILES, *ADMINS]
GUARDED: list[Route] = [*MEMBERS, *FILES, *ADMINS]
POSTS = [path for method, path in ROUTES if method == "POST"]

FIELDS = {
    "email": "somebody@example.org", "password": "another long password", "old": PASSWORD, "prompt": "A river",
    "model": "seedance-2.0", "ratio": "16:9", "duration": "4", "resolution": "480p", "api": "open", "name": "more",
    "credits": "1", "role": "owner", "admin": "yes", "low": "5", "item": prices.load().pack[0].id, "ending": "yes",
    "url": "https://example.org/hook", "note": "a gift",
}  # fmt: skip
"""What would be good in any form, so that nothing but what is attacked can be wrong with it."""


@dataclass
class Owner:
    """An account, signed in, with what belongs to it."""

    browser: Browser
    account_id: int
    email: str
    csrf: str
    places: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)

    async def post(self, path: str, **more: str) -> httpx2.Response:
        """A good form, as from our own pages."""
        return await self.browser.post(path, **FIELDS | self.fields | {"csrf": self.csrf} | more)

    async def ask(self, route: Route, places: Mapping[str, str]) -> httpx2.Response:
        """The route, with the ids of `places`, as a page of ours would ask for it."""
        method, path = route[0], filled(route[1], places)
        if method == "GET":
            return await self.browser.http.get(path)
        if route in FILES:
            return await self.browser.http.post(
                f"{path}?csrf={self.csrf}", content=b"x", headers={"Origin": self.browser.origin}
            )
        return await self.post(path)


def filled(path: str, places: Mapping[str, str]) -> str:
    """A path with its ids. Raises KeyError for an id that nobody here has."""
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: places[found[1]], path)


def names(path: str) -> list[str]:
    """The ids that a path holds."""
    return re.findall(r"\{(\w+)(?::\w+)?\}", path)


async def enter(browser: Browser, pool: db.Pool, email: str) -> Owner:
    """Sign somebody in whose account is made here, without the tries that sign-up counts."""
    async with db.transaction(pool) as conn:
        kept = await conn.fetchval("SELECT id FROM accounts WHERE email = $1", email)
        account_id = kept or await signin.sign_up(conn, email, HASHED)
        token = await signin.open_session(conn, account_id, address="127.0.0.1", agent="test")
    return await take_up(browser, account_id, email, token)


async def take_up(browser: Browser, account_id: int, email: str, token: str) -> Owner:
    browser.http.cookies.clear()
    browser.http.cookies.set("session", token, domain="127.0.0.1", path="/")
    return Owner(browser, account_id, email, await csrf_of(browser))


async def csrf_of(browser: Browser) -> str:
    return (await browser.see("/account")).partition('name="csrf" value="')[2].partition('"')[0]


HASHED = signin.hashed(PASSWORD)


async def endow(owner: Owner, pool: db.Pool, *, text: str = "A river", member: str = "") -> Owner:
    """Give an account one of everything. `text` stands wherever people may write; `member` joins its team."""
    async with db.transaction(pool) as conn:
        await ledger.grant(conn, owner.account_id, 1000, text)
        key_id, _ = await accounts.create_key(conn, owner.account_id, "open", name=text)
        person = Person(owner.account_id, key_id, "")
        task = await accept(conn, person, prompt=text, webhook_url="https://example.org/hook")
        await tasks.start(conn, task.id, attempts_max=3)
        await tasks.succeed(conn, task.id, 1, output_of(task.id))
        waiting = await accept(conn, person, prompt=text)
        delivery_id = await webhooks.open_test(conn, owner.account_id, key_id, "https://example.org/hook")
        delivery = await webhooks.get_test(conn, delivery_id)
        await webhooks.record(conn, delivery, Outcome(duration_s=0.1, status=410, answer=text))
        await teams.invite(conn, owner.account_id, f"invited-by-{owner.account_id}@example.org")
        team = await teams.of(conn, owner.account_id)
        assert team
        [invitation] = await teams.invitations(conn, team.team_id)
        order = await billing.open_order(conn, owner.account_id, prices.load().pack[0], "usd")
        link = await signin.make_link(conn, "reset", account_id=owner.account_id)
        member_id = owner.account_id
        if member:
            member_id = await signin.sign_up(conn, member, HASHED)
            await conn.execute(
                "INSERT INTO team_members (account_id, team_id, role) VALUES ($1, $2, 'member')",
                member_id,
                team.team_id,
            )
        identity = await conn.fetchval(
            "INSERT INTO identities (account_id, issuer, subject, how) "
            "VALUES ($1, 'https://id.example.org', $2, 'connected') RETURNING id",
            owner.account_id,
            owner.email,
        )
        session = await conn.fetchval("SELECT max(id) FROM sessions WHERE account_id = $1", owner.account_id)
    owner.places |= {
        "id": waiting.id, "key_id": str(key_id), "delivery_id": delivery_id, "invitation_id": str(invitation.id),
        "member_id": str(member_id), "order_id": order.id, "account_id": str(owner.account_id), "token": link,
        "identity_id": str(identity),
    }  # fmt: skip
    owner.fields |= {"key": str(key_id), "session": str(session), "media0": ""}
    return owner


NOWHERE = {
    "id": "req_doesnotexist", "key_id": "987654321", "delivery_id": "msg_doesnotexist", "invitation_id": "987654321",
    "member_id": "987654321", "order_id": "ord_doesnotexist", "account_id": "987654321", "token": "doesnotexist",
    "identity_id": "987654321",
}  # fmt: skip
"""Ids that nothing has."""


async def contents(pool: db.Pool) -> dict[str, str]:
    """What the database holds, table by table, but for what every visit counts."""
    async with db.connection(pool) as conn:
        tables = await conn.fetch(
            "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'rate_windows'"
        )
        return {
            name: await conn.fetchval(
                f"SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) FROM {name} t"
            )
            for (name,) in tables
        }
