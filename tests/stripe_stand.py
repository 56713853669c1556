"""A stand-in for Stripe: a real HTTP server with the parts of its API that are used, and events signed as it signs.

It keeps customers, Checkout sessions and subscriptions, refuses what Stripe refuses, answers a repeated idempotency
key with its first answer, and makes the events of payments, refunds and disputes. Tests deliver those, in any order.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import httpx2
import stripe
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from seedbed.settings import Settings, load
from tests.stands import stood

KEY, SECRET = "sk_test_stand_in", "whsec_stand_in"
MONTH_S = 30 * 86_400


def unbracket(body: str) -> dict[str, Any]:
    """Stripe's forms: `line_items[0][price_data][currency]=usd`."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(body, keep_blank_values=True):
        parts = name.replace("]", "").split("[")
        here = found
        for part in parts[:-1]:
            here = here.setdefault(part, {})
        here[parts[-1]] = value
    return found


@dataclass
class Stand:
    """What the stand-in knows. `down` makes it answer 500, `asked` counts its calls by path."""

    url: str = ""
    down: bool = False
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    subscriptions: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, tuple[bytes, Response]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    # The API ---------------------------------------------------------------------------------------------------

    async def __call__(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        if self.down:
            return JSONResponse({"error": {"type": "api_error", "message": "down"}}, 500)
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return JSONResponse({"error": {"type": "invalid_request_error", "message": "Invalid API Key"}}, 401)
        body, once = await request.body(), request.headers.get("idempotency-key", "")
        if once in self.answers:
            first, answer = self.answers[once]
            assert first == body, "a key with another body is a mistake that Stripe refuses"
            return answer
        answer = self._act(request.url.path, unbracket(body.decode()))
        if once:
            self.answers[once] = (body, answer)
        return answer

    def _act(self, path: str, form: dict[str, Any]) -> Response:
        if path == "/v1/customers":
            made = {"id": self.id("cus"), "object": "customer", "email": form["email"]}
            self.customers[made["id"]] = made
            return JSONResponse(made)
        if path.startswith("/v1/subscriptions/"):
            found = self.subscriptions[path.rpartition("/")[2]]
            found["cancel_at_period_end"] = form["cancel_at_period_end"] == "true"
            return JSONResponse(found)
        if form.get("customer") not in self.customers:
            error = {"type": "invalid_request_error", "code": "resource_missing", "param": "customer"}
            return JSONResponse({"error": error | {"message": "No such customer"}}, 400)
        if path == "/v1/billing_portal/sessions":
            return JSONResponse({"id": self.id("bps"), "object": "billing_portal.session", "url": f"{self.url}/portal"})
        assert path == "/v1/checkout/sessions", path
        made = {"id": self.id("cs"), "object": "checkout.session", "payment_intent": None, "subscription": None, **form}
        made |= {"url": f"{self.url}/pay/{made['id']}", "payment_status": "unpaid", "amount_total": self._total(form)}
        self.sessions[made["id"]] = made
        return JSONResponse(made)

    @staticmethod
    def _total(form: dict[str, Any]) -> int:
        return sum(
            int(item["price_data"]["unit_amount"]) * int(item["quantity"]) for item in form["line_items"].values()
        )

    # What happens at Stripe ------------------------------------------------------------------------------------

    def id(self, prefix: str) -> str:
        return f"{prefix}_{next(self.numbers):06}"

    def event(self, type_: str, about: dict[str, Any], *, at: float | None = None) -> dict[str, Any]:
        return {
            "id": self.id("evt"), "object": "event", "type": type_, "created": int(at or time.time()),
            "api_version": "2026-10-28.endive", "livemode": False, "data": {"object": json.loads(json.dumps(about))},
        }  # fmt: skip

    @property
    def last(self) -> dict[str, Any]:
        return list(self.sessions.values())[-1]

    def pay(self, session: dict[str, Any] | None = None, *, slowly: bool = False) -> dict[str, Any]:
        """A pack's Checkout is completed; `slowly` by a bank transfer that has not come."""
        session = session or self.last
        session["payment_intent"] = session["payment_intent"] or self.id("pi")
        session["payment_status"] = "unpaid" if slowly else "paid"
        return self.event("checkout.session.completed", session)

    def subscribe(self, session: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """A subscription's Checkout is completed: the events in the order in which they come to pass."""
        session = session or self.last
        now = int(time.time())
        subscription = {
            "id": self.id("sub"), "object": "subscription", "status": "active", "cancel_at_period_end": False,
            "cancel_at": None, "metadata": session["subscription_data"]["metadata"], "customer": session["customer"],
            "items": {"data": [{"id": self.id("si"), "current_period_end": now + MONTH_S}]},
        }  # fmt: skip
        self.subscriptions[subscription["id"]] = subscription
        session |= {"subscription": subscription["id"], "payment_status": "paid"}
        begun = self.event("customer.subscription.created", subscription)
        return [
            begun,
            *self.invoice(subscription, "subscription_create"),
            self.event("checkout.session.completed", session),
        ]

    def invoice(self, subscription: dict[str, Any], reason: str = "subscription_cycle") -> list[dict[str, Any]]:
        """A period is paid."""
        session = next(each for each in self.sessions.values() if each["subscription"] in (subscription["id"], None))
        invoice = {
            "id": self.id("in"), "object": "invoice", "billing_reason": reason, "status": "paid",
            "amount_paid": session["amount_total"], "currency": "usd",
            "parent": {"type": "subscription_details", "subscription_details": {
                "metadata": subscription["metadata"], "subscription": subscription["id"]}},
        }  # fmt: skip
        payment = {
            "id": self.id("inpay"), "object": "invoice_payment", "invoice": invoice["id"], "status": "paid",
            "payment": {"type": "payment_intent", "payment_intent": self.id("pi")},
        }  # fmt: skip
        return [self.event("invoice.paid", invoice), self.event("invoice_payment.paid", payment)]

    def refund(self, intent: str, amount: int, status: str = "succeeded") -> dict[str, Any]:
        return self.event("refund.created", {
            "id": self.id("re"), "object": "refund", "amount": amount, "payment_intent": intent, "status": status,
        })  # fmt: skip

    def dispute(self, intent: str, amount: int, status: str = "needs_response") -> dict[str, Any]:
        return self.event("charge.dispute.created", {
            "id": self.id("du"), "object": "dispute", "amount": amount, "payment_intent": intent, "status": status,
        })  # fmt: skip

    def then(self, event: dict[str, Any], type_: str, *, later_s: float = 1, **changed: Any) -> dict[str, Any]:
        """A later event about the same object."""
        return self.event(type_, event["data"]["object"] | changed, at=event["created"] + later_s)


async def deliver(
    api: httpx2.AsyncClient, event: dict[str, Any] | bytes, *, secret: str = SECRET, age_s: int = 0, signed: bool = True
) -> httpx2.Response:
    """One event, posted as Stripe posts it; the signature is made by its own library."""
    body = event if isinstance(event, bytes) else json.dumps(event, indent=2).encode()
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if signed:
        text = body.decode("utf-8", "replace")
        at = int(time.time()) - age_s
        headers["Stripe-Signature"] = stripe.WebhookSignature.generate_signature_header(text, secret, at)
    return await api.post("/billing/stripe", content=body, headers=headers)


def selling(settings: Settings, stand: Stand) -> Settings:
    """`settings` of a service that takes payments, through `stand`."""
    return load(**dict(settings) | {"stripe_key": KEY, "stripe_webhook_secret": SECRET, "stripe_api_url": stand.url})


@contextlib.asynccontextmanager
async def standing(stand: Stand | None = None) -> AsyncIterator[Stand]:
    """The stand-in, or one like it, on a socket of its own."""
    stand = stand or Stand()
    async with stood(stand):
        yield stand
