"""Somebody who has used the service for a while: films, keys, webhooks, a team, payments."""

from __future__ import annotations

from dataclasses import dataclass

from seedbed import db, signin, teams, webhooks
from tests.browser.house import GENERATIONS, House, Person
from tests.webhook_receivers import until


@dataclass(frozen=True)
class Author:
    """`film` is a task that succeeded, `cancelled` one that was called off, `delivery` the webhook about it."""

    person: Person
    key: str
    film: str
    cancelled: str
    delivery: str
    invitation: str

    @property
    def pages(self) -> list[str]:
        """Every page of the console that somebody who has signed in can see."""
        return [
            "/", f"/?task={self.film}", f"/?from={self.film}", "/library", f"/tasks/{self.film}",
            f"/tasks/{self.cancelled}", "/usage", "/keys", "/webhooks", f"/webhooks/{self.delivery}", "/team",
            "/pricing", "/account", "/tasks/nowhere", "/admin", "/admin/accounts",
            f"/admin/accounts/{self.person.account_id}",
            "/admin/catalogue", "/admin/checkup",
        ]  # fmt: skip

    @property
    def open_pages(self) -> list[str]:
        """Every page of the console for whoever comes."""
        return ["/", "/sign-in", "/sign-up", "/forgot", "/pricing", self.invitation]


async def settled(house: House) -> Author:
    """An administrator with a film that the embedded engine drew."""
    person = await house.person("author", credits=5000, admin=True)
    key = await house.key(person, name="storefront", webhook_url=house.receiver.url, webhook_secret="whsec_aaaa")
    film = await house.order(key, "A lighthouse on a cliff at dusk, waves below; the camera circles it slowly")
    cancelled = await house.order(key, "A red fox runs through deep snow among pines")
    async with house.client(key) as api:
        assert (await api.post(f"{GENERATIONS}/{cancelled}/cancel")).status_code == 200
    async with db.transaction(house.pool) as conn:
        member = await house.person("member")
        await teams.join(conn, member.account_id, await teams.invite(conn, person.account_id, member.email))
        invitation = await teams.invite(conn, person.account_id, "new@example.org")
        assert (await signin.look_at_link(conn, invitation)).purpose == "invite"
    await house.made(film)

    async def delivered() -> bool:
        async with db.connection(house.pool) as conn:
            return [each.state for each in await webhooks.sent(conn, person.account_id)] == ["delivered"] * 2

    await until(delivered)
    async with db.connection(house.pool) as conn:
        delivery = (await webhooks.sent(conn, person.account_id))[-1].id
    return Author(person, key, film, cancelled, delivery, f"/link/{invitation}")
