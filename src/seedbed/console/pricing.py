"""Prices, and the way to Stripe and back. Nothing here gives credits: only what Stripe signs does."""

from __future__ import annotations

from starlette.responses import Response

from seedbed import billing, db, ledger
from seedbed.billing import Order
from seedbed.catalogue import Model
from seedbed.console._door import Visit
from seedbed.errors import ApiError, InvalidRequest, NotFound, ServiceBusy
from seedbed.payments import NoSuchCustomer, Payments, Purchase
from seedbed.prices import major
from seedbed.web import redirect

EXAMPLE = ("text_to_video", "720p", 5)
"""The video that packs are counted in, of the first model that makes it: mode, resolution, seconds."""

LANGUAGE_THERE = {"zh-Hans": "zh", "zh-Hant": "zh-TW"}
"""What Stripe calls the languages that it calls otherwise."""

WAIT_S, WAIT_LONG_S = 3, 600
"""How often the page after a payment looks for the credits, and how long."""


async def pricing_page(visit: Visit) -> Response:
    """What everything costs; for members, buttons that buy."""
    return await _page(visit)


async def buy(visit: Visit) -> Response:
    """Order a pack or a subscription, and go to Stripe to pay."""
    try:
        offer = visit.runtime.prices.by_id.get(visit.form.get("item", ""))
        if offer is None:
            raise InvalidRequest("This is not for sale any more; choose another")
        payments, account_id = await _payments(visit), visit.member.account_id
        async with db.transaction(visit.runtime.pool) as conn:
            order = await billing.open_order(conn, account_id, offer, visit.runtime.prices.currency)
        url = await _checkout(visit, payments, order)
    except ApiError as error:
        return await _page(visit, status=error.status, notice=visit.say(error.message))
    return await _leave(visit, url)


async def portal(visit: Visit) -> Response:
    """Go to Stripe's page of cards, invoices and subscriptions."""
    try:
        payments = await _payments(visit)
        async with db.connection(visit.runtime.pool) as conn:
            customer = await billing.customer(conn, visit.member.account_id)
        if customer is None:
            raise InvalidRequest("You have not bought anything yet")
        url = await payments.portal(customer, f"{_base(visit)}/pricing")
    except NoSuchCustomer:
        return await _page(visit, status=400, notice=visit.say("You have not bought anything yet"))
    except ApiError as error:
        return await _page(visit, status=error.status, notice=visit.say(error.message))
    return await _leave(visit, url)


async def set_ending(visit: Visit) -> Response:
    """Let a subscription end with its period, or go on after all. The page shows it once Stripe has said so."""
    ending = visit.form.get("ending") == "yes"
    try:
        async with db.connection(visit.runtime.pool) as conn:
            own = [each.id for each in await billing.subscriptions(conn, visit.member.account_id)]
        if visit.form.get("subscription") not in own:
            raise NotFound("There is no such subscription")
        payments = await _payments(visit)
        await payments.set_ending(visit.form["subscription"], ending=ending)
    except ApiError as error:
        return await _page(visit, status=error.status, notice=visit.say(error.message))
    return redirect(f"/pricing?done={'ending' if ending else 'going-on'}")


async def paid_page(visit: Visit) -> Response:
    """After the payment: the credits are here, or on their way."""
    async with db.connection(visit.runtime.pool) as conn:
        order = await billing.find_order(conn, visit.member.account_id, visit.request.path_params["order_id"])
        here = await billing.is_paid(conn, order.id)
        age_s: float = await conn.fetchval("SELECT extract(epoch FROM now() - $1)", order.created_at)
    answer = await visit.page("paid.html", order=order, here=here)
    if not here and age_s < WAIT_LONG_S:
        answer.headers["Refresh"] = str(WAIT_S)
    return answer


async def cancelled_page(visit: Visit) -> Response:
    """Somebody came back from Stripe without paying."""
    async with db.connection(visit.runtime.pool) as conn:
        order = await billing.find_order(conn, visit.member.account_id, visit.request.path_params["order_id"])
    return await visit.page("unpaid.html", order=order)


async def _checkout(visit: Visit, payments: Payments, order: Order) -> str:
    """Where the order is paid. A customer that Stripe has forgotten is made anew, once."""
    async with db.connection(visit.runtime.pool) as conn:
        known = await billing.customer(conn, order.account_id)
    try:
        return await _session(visit, payments, order, known or await _new_customer(visit, payments, order, None))
    except NoSuchCustomer:
        try:
            return await _session(visit, payments, order, await _new_customer(visit, payments, order, known))
        except NoSuchCustomer:
            raise ServiceBusy(retry_after_s=60) from None


async def _new_customer(visit: Visit, payments: Payments, order: Order, instead_of: str | None) -> str:
    made = await payments.make_customer(visit.member.email, order.id)
    async with db.transaction(visit.runtime.pool) as conn:
        return await billing.keep_customer(conn, order.account_id, made, instead_of)


async def _session(visit: Visit, payments: Payments, order: Order, customer: str) -> str:
    return await payments.checkout(
        Purchase(order.id, visit.words.within("offer", order.title), order.amount, order.currency, order.every),
        customer,
        success_url=f"{_base(visit)}/billing/paid/{order.id}",
        cancel_url=f"{_base(visit)}/billing/cancelled/{order.id}",
        language=LANGUAGE_THERE.get(visit.language, visit.language),
    )


async def _leave(visit: Visit, url: str) -> Response:
    """On to Stripe, by a page of ours: the policy lets no form end on another site, not even by a redirect."""
    answer = await visit.page("leave.html", url=url)
    answer.headers["Refresh"] = f"0; url={url}"
    return answer


async def _page(visit: Visit, *, status: int = 200, notice: str | None = None) -> Response:
    bought, subscribed, owing, customer = [], [], 0, None
    if visit.session is not None:
        async with db.connection(visit.runtime.pool) as conn:
            account_id = visit.session.account_id
            bought = await billing.history(conn, account_id)
            subscribed = await billing.subscriptions(conn, account_id)
            owing = await ledger.owed(conn, account_id)
            customer = await billing.customer(conn, account_id)
    sold, prices = visit.runtime.catalogue, visit.runtime.prices
    return await visit.page(
        "pricing.html", status=status, notice=notice, prices=prices, models=sold.model, bought=bought,
        subscribed=subscribed, owing=owing, customer=customer, takes_payments=visit.runtime.payments is not None,
        money=visit.words.money,
        whole=lambda amount: visit.words.money(amount, prices.currency), major=major,
        example=next(filter(None, (_example(model) for model in sold.model)), None),
    )  # fmt: skip


def _example(model: Model) -> tuple[str, int, int] | None:
    """What the example costs with a model: its name, its seconds, its price in credits."""
    mode, resolution, seconds = EXAMPLE
    milli = model.credits_per_second.get(mode, {}).get(resolution)  # type: ignore[call-overload]
    return None if not milli or seconds not in model.durations_s else (model.id, seconds, -(-milli * seconds // 1000))


async def _payments(visit: Visit) -> Payments:
    """The way to Stripe, for one errand. Raises RateLimited, and InvalidRequest where there is none."""
    if visit.runtime.payments is None:
        raise InvalidRequest("This server takes no payments: its operator grants credits")
    async with db.transaction(visit.runtime.pool) as conn:
        await billing.count_errand(conn, visit.member.account_id)
    return visit.runtime.payments


def _base(visit: Visit) -> str:
    return visit.runtime.settings.base_url
