"""The pricing page, the way to Stripe and back: nothing is credited but by what Stripe signs."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx2
import pytest

from seedbed import db, ledger, prices
from seedbed.catalogue import load as load_catalogue
from seedbed.settings import Settings, load
from tests.console.people import Browser, Fields, heading
from tests.stripe_stand import Stand, deliver, selling, standing

PACK, PLAN = prices.load().pack[0], prices.load().subscription[0]


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with standing() as stand:
        yield stand


@pytest.fixture
def settings(settings: Settings, stand: Stand) -> Settings:
    return selling(settings, stand)


async def buy(browser: Browser, item: str) -> httpx2.Response:
    token = Fields(await browser.see("/pricing")).forms["/pricing/buy"]["csrf"]
    return await browser.post("/pricing/buy", csrf=token, item=item)


async def test_everybody_sees_the_prices(browser: Browser) -> None:
    page = await browser.see("/pricing")
    for offer in prices.load().by_id.values():
        assert f"{offer.credits:,} credits" in page
        assert f"${offer.amount:,}" in page
    for model in load_catalogue().model:
        assert model.id in page
    assert "/sign-in?next=/pricing" in page
    assert "/pricing/buy" not in page
    assert "12.8" in page
    polish = await browser.http.get("/pricing", headers={"Accept-Language": "pl"})
    assert "10,00" in polish.text, "amounts are written as the reader writes them"


async def test_a_pack_is_bought(
    browser: Browser, stand: Stand, api: httpx2.AsyncClient, conn: db.Connection, sound: None
) -> None:
    await browser.sign_up("dora@example.org")
    left = await buy(browser, PACK.id)
    session = stand.last
    assert left.status_code == 200
    assert left.headers["refresh"] == f"0; url={session['url']}"
    assert session["url"] in left.text, "without a refresh there is a link"
    assert session["line_items"]["0"]["price_data"]["unit_amount"] == "1000"
    assert stand.customers[session["customer"]]["email"] == "dora@example.org"

    back, away = (str(httpx2.URL(session[name]).path) for name in ("success_url", "cancel_url"))
    waiting = await browser.http.get(back)
    assert "Waiting for your payment" in waiting.text
    assert waiting.headers["refresh"] == "3"
    assert "Nothing was charged" in await browser.see(away)
    assert await conn.fetchval("SELECT sum(available_credits) FROM accounts") == 0, "coming back gives nothing"

    assert (await deliver(api, stand.pay())).json() == {"outcome": "granted"}
    here = await browser.http.get(back)
    assert "Your credits are here" in here.text
    assert "refresh" not in here.headers
    assert f"{PACK.credits:,} credits" in here.text
    assert "Your payments" in await browser.see("/pricing")
    await buy(browser, PACK.id)
    assert len(stand.customers) == 1, "a customer is made once"


async def test_a_subscription_is_begun_cancelled_and_taken_up_again(
    browser: Browser, stand: Stand, api: httpx2.AsyncClient, sound: None
) -> None:
    await browser.sign_up("dora@example.org")
    await buy(browser, PLAN.id)
    assert stand.last["mode"] == "subscription"
    assert stand.last["line_items"]["0"]["price_data"]["recurring"] == {"interval": "month"}
    begun, *rest = stand.subscribe()
    for event in (begun, *rest):
        assert (await deliver(api, event)).status_code == 200
    assert "Renews on" in await browser.see("/pricing")
    again = await buy(browser, PLAN.id)
    assert again.status_code == 400
    assert "subscription already" in heading(again.text)

    (subscription,) = stand.subscriptions.values()
    for ending, shows in ((True, "Ends on"), (False, "Renews on")):
        done = await browser.send("/pricing", "/billing/ending")
        assert done.headers["location"] == f"/pricing?done={'ending' if ending else 'going-on'}"
        assert subscription["cancel_at_period_end"] is ending
        told = stand.event("customer.subscription.updated", subscription, at=begun["created"] + 1 + (not ending))
        assert (await deliver(api, told)).json() == {"outcome": "noted"}
        assert shows in await browser.see("/pricing")

    portal = await browser.send("/pricing", "/billing/portal")
    assert portal.headers["refresh"] == f"0; url={stand.url}/portal"


async def test_while_stripe_is_down_nothing_is_lost(browser: Browser, stand: Stand, api: httpx2.AsyncClient) -> None:
    await browser.sign_up("dora@example.org")
    stand.down = True
    refused = await buy(browser, PACK.id)
    assert refused.status_code == 503
    assert "Nothing was charged" in heading(refused.text)
    assert len(stand.asked) == 2, "the library tries once again"
    stand.down = False
    assert (await buy(browser, PACK.id)).status_code == 200
    assert (await deliver(api, stand.pay())).json() == {"outcome": "granted"}


async def test_a_customer_that_stripe_has_forgotten_is_made_anew(browser: Browser, stand: Stand) -> None:
    await browser.sign_up("dora@example.org")
    await buy(browser, PACK.id)
    stand.customers.clear()
    gone = await browser.send("/pricing", "/billing/portal")
    assert gone.status_code == 400
    assert (await buy(browser, PACK.id)).status_code == 200
    assert list(stand.customers) == [stand.last["customer"]]


async def test_nobody_gets_at_what_is_anothers(
    browser: Browser, other: Browser, stand: Stand, api: httpx2.AsyncClient
) -> None:
    await browser.sign_up("dora@example.org")
    await other.sign_up("eve@example.org")
    await buy(browser, PLAN.id)
    path = str(httpx2.URL(stand.last["success_url"]).path)
    for event in stand.subscribe():
        await deliver(api, event)
    assert (await other.http.get(path)).status_code == 404
    assert (await other.http.get(path.replace("paid", "cancelled"))).status_code == 404
    token = Fields(await other.see("/pricing")).forms["/pricing/buy"]["csrf"]
    (subscription,) = stand.subscriptions
    taken = await other.post("/billing/ending", csrf=token, subscription=subscription, ending="yes")
    assert taken.status_code == 404
    assert stand.subscriptions[subscription]["cancel_at_period_end"] is False
    assert (await other.post("/billing/portal", csrf=token)).status_code == 400, "who never bought has no page there"


async def test_forms_of_nonsense(browser: Browser, stand: Stand) -> None:
    await browser.sign_up("dora@example.org")
    answer = await buy(browser, "nothing")
    assert answer.status_code == 400
    assert "not for sale" in heading(answer.text)
    assert (await browser.post("/pricing/buy", item=PACK.id)).status_code == 400, "without its token"
    for _ in range(10):
        last = await buy(browser, PACK.id)
    assert last.status_code == 200
    assert (await buy(browser, PACK.id)).status_code == 429


class TestWithoutStripe:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return load(**dict(settings) | {"stripe_key": "", "stripe_webhook_secret": ""})

    async def test_the_page_says_who_grants(self, browser: Browser) -> None:
        await browser.sign_up("dora@example.org")
        page = await browser.see("/pricing")
        assert "its operator grants credits" in page
        assert "/pricing/buy" not in page
        token = Fields(page).forms["/sign-out"]["csrf"]
        refused = await browser.post("/pricing/buy", csrf=token, item=PACK.id)
        assert refused.status_code == 400
        assert "takes no payments" in heading(refused.text)


async def test_a_debt_is_told(browser: Browser, stand: Stand, api: httpx2.AsyncClient, conn: db.Connection) -> None:
    await browser.sign_up("dora@example.org")
    await buy(browser, PACK.id)
    await deliver(api, stand.pay())
    account = await conn.fetchval("SELECT id FROM accounts")
    async with conn.transaction():
        await ledger.reverse(conn, account, PACK.credits + 7, payment_id=stand.last["id"], note="test")
    page = await browser.see("/pricing")
    assert re.search(r"owes 7 credits", page)
