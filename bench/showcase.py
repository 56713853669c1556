"""An account with a past, for pictures of the console: a month of work, films that the engine drew, a team, payments.

Everything is done through the service or its own core, so that ledger, plots and deliveries agree; then times are moved
back, which only a database of one's own allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2
from tests.browser.house import House, Person
from tests.conftest import Person as Owner
from tests.console.people import Browser
from tests.test_tasks import accept, output_of
from tests.webhook_receivers import told, until

from seedbed import accounts, catalogue, db, ledger, tasks, teams, webhooks

NAME = "maya@nordlys.example"
HOOK = "https://shop.nordlys.example/hooks/videos"
SHORT = {"model": "seedance-2.0", "ratio": "16:9", "duration": "4", "resolution": "480p", "audio": "on"}

FILMS = (
    ("A sailing yacht leans into the wind on a bright blue sea, aerial view, sunlight on the waves", "hand", 60),
    ("A steam train crosses a stone viaduct in the mountains, golden evening light, wide shot", "hand", 51),
    ("Hot-air balloons rise over a desert canyon at dawn, slow forward flight", "storefront", 44),
    ("Neon city street at night in the rain, reflections on wet asphalt, slow dolly in", "storefront", 29),
    ("A coral reef with tropical fish, shafts of sunlight, the camera glides forward", "hand", 22),
    ("Northern lights above a frozen lake and a small wooden cabin, time-lapse", "storefront", 20),
    ("A red fox runs through deep snow among pines, low sun, handheld tracking shot", "hand", 5),
    ("A lighthouse on a cliff at dusk, waves below; the camera circles it slowly", "hand", 1),
)
"""What is drawn: the prompt, who asked for it (by hand, or the key of that name), and how many hours ago."""

MONTH = (0, 3, 5, 4, 6, 2, 1, 4, 6, 7, 5, 8, 3, 2, 5, 7, 6, 9, 11, 4, 3, 8, 12, 9, 7, 14, 5, 4, 9)
"""Films a day of the month before, of which only their cost is left: they were removed."""


@dataclass(frozen=True)
class Showcase:
    """What the pages show."""

    person: Person
    film: str
    waiting: str
    failed: str
    delivery: str
    invitation: str
    key: int


async def settled(house: House) -> Showcase:
    """Fill the service. At the end its worker sleeps, with one film half made and one waiting."""
    async with httpx2.AsyncClient(base_url=house.url, timeout=60) as http:
        browser = Browser(http)
        await browser.sign_up(NAME)
        async with db.transaction(house.pool) as conn:
            account_id = await accounts.find(conn, NAME)
            await accounts.set_admin(conn, account_id, admin=True)
        cookie = {"name": "session", "value": http.cookies["session"], "url": house.url}
        person = Person(account_id, NAME, cookie)
        keys = await _keys(house, person)
        await _administer(browser)
        await _month(house, person, keys)
        await _pay(house, browser)
        films = []
        for prompt, by, _ in FILMS:
            films.append(await _film(house, browser, keys, prompt, by))
            await house.made(films[-1], 600)
        failed = await house.order(keys["storefront"][1], "Our shop window", mediaUrls=[house.till.last["url"]])
        cancelled = await house.order(keys["nightly trailers"][1], "A storm at sea, lightning, dark clouds")
        async with house.client(keys["nightly trailers"][1]) as api:
            await api.post(f"/api/open/v1/video/generations/{cancelled}/cancel")
        invitation = await _team(house, person)
        await until(lambda: _quiet(house), 120)
        worker = house.service.worker()
        assert worker is not None
        worker.suspend()
        making = await _film(house, browser, keys, "A red dragon flies over a medieval town at sunrise, epic", "hand")
        await _film(house, browser, keys, "A dancer in white turns once around on an empty stage", "hand")
    await _move_back(
        house, dict(zip(films, (hours for *_, hours in FILMS), strict=True)) | {failed: 0.8, cancelled: 0.6}
    )
    async with db.transaction(house.pool) as conn:
        assert await tasks.start(conn, making, attempts_max=3)
        await conn.execute("UPDATE tasks SET progress = 0.62 WHERE id = $1", making)
        await conn.execute("UPDATE workers SET seen_at = now() + interval '1 hour', running = ARRAY[$1]", making)
    async with db.connection(house.pool) as conn:
        assert await ledger.audit(conn) == []
        sent = await webhooks.sent(conn, account_id)
    retried = next(each.id for each in sent if each.tries > 1)
    return Showcase(person, films[-1], making, failed, retried, f"/link/{invitation}", keys["storefront"][0])


async def _keys(house: House, person: Person) -> dict[str, tuple[int, str]]:
    hook: dict[str, Any] = {"webhook_url": house.receiver.url, "webhook_secret": "whsec_c2hvd2Nhc2U"}
    async with db.transaction(house.pool) as conn:
        made = {
            "storefront": await accounts.create_key(conn, person.account_id, "open", name="storefront", **hook),
            "nightly trailers": await accounts.create_key(
                conn, person.account_id, "open", name="nightly trailers", per_minute=60, monthly=5000
            ),
            "old laptop": await accounts.create_key(conn, person.account_id, "studio", name="old laptop"),
        }
        await accounts.revoke_key(conn, made["old laptop"][0])
    return made


async def _administer(browser: Browser) -> None:
    """What an administrator does, for the audit log."""
    for email, credits in (("studio@fjordfilm.example", "2500"), ("free@trial.example", "40")):
        made = await browser.send("/admin/accounts", "/admin/accounts", email=email)
        page = made.headers["location"].partition("?")[0]
        await browser.send(page, f"{page}/grant", credits=credits, note="welcome")
    await browser.send(page, f"{page}/suspended")


async def _month(house: House, person: Person, keys: dict[str, tuple[int, str]]) -> None:
    """Films of the weeks before, whose files are gone, with their credits."""
    numbers = [keys["storefront"][0], keys["nightly trailers"][0], None]
    models = catalogue.load().by_id
    sizes = ("480p", "720p", "720p", "1080p")
    async with db.transaction(house.pool) as conn:
        await ledger.grant(conn, person.account_id, 20_000, "opening credits")
        for day, count in enumerate(MONTH):
            for number in range(count):
                turn = day + number
                owner = Owner(person.account_id, numbers[number % 3], "")  # type: ignore[arg-type]
                model = models[("seedance-2.0", "seedance-2.0-fast", "seedance-2.0")[turn % 3]]
                task = await accept(conn, owner, model=model, resolution=sizes[turn % 4], duration_s=4 + turn % 3)
                assert await tasks.start(conn, task.id, attempts_max=3)
                assert await tasks.succeed(conn, task.id, 1, output_of(task.id))
                await tasks.remove(conn, await tasks.get(conn, task.id))
                await _shift(conn, task.id, 24 * (len(MONTH) - day) - number)


async def _pay(house: House, browser: Browser) -> None:
    for item in ("studio", "creator"):
        answer = await browser.send("/pricing", "/pricing/buy", item=item)
        assert answer.status_code == 200
        async with httpx2.AsyncClient() as http:
            paid = await http.post(house.till.last["url"])
            assert paid.status_code == 303


async def _film(house: House, browser: Browser, keys: dict[str, tuple[int, str]], prompt: str, by: str) -> str:
    if by != "hand":
        return await house.order(keys[by][1], prompt)
    answer = await browser.send("/", "/", **(SHORT | {"prompt": prompt}))
    assert answer.status_code == 303
    return answer.headers["location"].removeprefix("/?task=")


async def _team(house: House, person: Person) -> str:
    async with db.transaction(house.pool) as conn:
        for name, credits in (("jonas", 1200), ("wei", 400)):
            member = await accounts.create(conn, f"{name}@nordlys.example")
            await teams.join(conn, member, await teams.invite(conn, person.account_id, f"{name}@nordlys.example"))
            await teams.give(conn, person.account_id, member, credits)
        return await teams.invite(conn, person.account_id, "ines@nordlys.example")


async def _quiet(house: House) -> bool:
    """Nothing waits and everything has been told."""
    async with db.connection(house.pool) as conn:
        return not await conn.fetchval(
            "SELECT EXISTS (SELECT FROM tasks WHERE finished_at IS NULL)"
            " OR EXISTS (SELECT FROM deliveries WHERE state = 'pending')"
        )


async def _move_back(house: House, hours: dict[str, float]) -> None:
    async with db.transaction(house.pool) as conn:
        for task_id, back in hours.items():
            await _shift(conn, task_id, back)
        await conn.execute("UPDATE deliveries SET url = $1", HOOK)
        await conn.execute("UPDATE api_keys SET webhook_url = $1 WHERE webhook_url IS NOT NULL", HOOK)


async def _shift(conn: db.Connection, task_id: str, hours: float) -> None:
    """Let a task have happened earlier. The ledger lets nobody change it, but for its own database's owner."""
    times = {
        "tasks": ("id", ("created_at", "updated_at", "started_at", "finished_at")),
        "task_events": ("task_id", ("at",)),
        "ledger_transactions": ("task_id", ("created_at",)),
        "deliveries": ("task_id", ("created_at", "delivered_at")),
    }
    await conn.execute("SET LOCAL session_replication_role = replica")
    for table, (column, names) in times.items():
        moved = ", ".join(f"{name} = {name} - make_interval(secs => $2)" for name in names)
        await conn.execute(f"UPDATE {table} SET {moved} WHERE {column} = $1", task_id, hours * 3600)
    await conn.execute(
        "UPDATE delivery_tries SET at = at - make_interval(secs => $2)"
        " FROM deliveries d WHERE d.id = delivery_id AND d.task_id = $1",
        task_id,
        hours * 3600,
    )
    await conn.execute("SET LOCAL session_replication_role = origin")


ANSWERS = [told(503, b"busy, come back"), told(200, b'{"received": true}')]
"""What the receiver of webhooks says first."""
