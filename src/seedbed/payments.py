"""Stripe's API, through its official library: Checkout, the customer portal, signatures of webhooks.

Owns no table and decides nothing: what was paid is known from webhooks alone. Every call has a bound on its time, and
an idempotency key where it makes something, so that the library may try it again. Calls have threads of their own:
while Stripe is silent, nothing else waits for one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from seedbed.errors import ConfigError, InvalidRequest, ServiceBusy
from seedbed.settings import Settings
from seedbed.telemetry import log

if TYPE_CHECKING:
    from stripe import StripeClient

CALL_S = 15.0
"""Longest wait for one answer."""

TRIES_AGAIN = 1
CALLS_AT_ONCE = 8
SIGNATURE_S = 300
"""How old a signed event may be; one that is sent again is signed again."""

Answer = TypeVar("Answer")


class NoSuchCustomer(Exception):
    """Stripe does not know the customer: it was deleted, or the key is now of another account."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """What Checkout is to sell. `amount` is in minor units; `every` is None for one payment."""

    order_id: str
    title: str
    amount: int
    currency: str
    every: str | None


class Payments:
    """One Stripe account."""

    def __init__(self, client: StripeClient, webhook_secret: str) -> None:
        self._client, self._secret = client, webhook_secret
        self._threads = ThreadPoolExecutor(CALLS_AT_ONCE, "stripe")

    def close(self) -> None:
        """Wait for no call: what has been made at Stripe is found by its idempotency key."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def make_customer(self, email: str, order_id: str) -> str:
        """A new customer's id. Raises ServiceBusy."""
        params: Any = {"email": email}
        options: Any = {"idempotency_key": f"{order_id}-customer"}
        made = await self._call(lambda: self._client.v1.customers.create(params, options))
        return made.id

    async def checkout(
        self, purchase: Purchase, customer: str, *, success_url: str, cancel_url: str, language: str
    ) -> str:
        """The address of a page where this is paid. Raises ServiceBusy, NoSuchCustomer."""
        order = {"order": purchase.order_id}
        price: dict[str, Any] = {
            "currency": purchase.currency, "unit_amount": purchase.amount, "product_data": {"name": purchase.title},
        }  # fmt: skip
        params: Any = {
            "customer": customer, "client_reference_id": purchase.order_id, "metadata": order, "locale": language,
            "success_url": success_url, "cancel_url": cancel_url, "line_items": [{"price_data": price, "quantity": 1}],
        }  # fmt: skip
        if purchase.every is None:
            params |= {"mode": "payment", "payment_intent_data": {"metadata": order}}
        else:
            price["recurring"] = {"interval": purchase.every}
            params |= {"mode": "subscription", "subscription_data": {"metadata": order}}
        options: Any = {"idempotency_key": f"{purchase.order_id}-{customer}"}
        made = await self._call(lambda: self._client.v1.checkout.sessions.create(params, options))
        return str(made.url)

    async def portal(self, customer: str, return_url: str) -> str:
        """The address of the customer's own page, with cards and invoices. Raises ServiceBusy, NoSuchCustomer."""
        params: Any = {"customer": customer, "return_url": return_url}
        made = await self._call(lambda: self._client.v1.billing_portal.sessions.create(params))
        return str(made.url)

    async def set_ending(self, subscription: str, *, ending: bool) -> None:
        """Let a subscription end with the period that is paid, or go on after all. Raises ServiceBusy."""
        params: Any = {"cancel_at_period_end": ending}
        await self._call(lambda: self._client.v1.subscriptions.update(subscription, params))

    def verified(self, body: bytes, signature: str | None) -> dict[str, Any]:
        """The event that `body` is, if Stripe signed it of late. Raises InvalidRequest."""
        import stripe

        try:
            stripe.WebhookSignature.verify_header(body, signature, self._secret, SIGNATURE_S)
            event = orjson.loads(body)
        except stripe.SignatureVerificationError:
            raise InvalidRequest(
                "The Stripe-Signature header is not of this body, this endpoint and this time"
            ) from None
        except (ValueError, TypeError):
            raise InvalidRequest("The body is not an event of Stripe") from None
        if not isinstance(event, dict):
            raise InvalidRequest("The body is not an event of Stripe")
        return event

    async def _call(self, ask: Callable[[], Answer]) -> Answer:
        import stripe

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        except stripe.InvalidRequestError as error:
            if error.code == "resource_missing" and error.param == "customer":
                raise NoSuchCustomer from None
            log.error("Stripe refuses a request", error=error.user_message, code=error.code, param=error.param)
        except (stripe.AuthenticationError, stripe.PermissionError) as error:
            log.error("Stripe refuses SEEDBED_STRIPE_KEY", error=type(error).__name__)
        except stripe.StripeError as error:
            log.warning("Stripe does not answer", error=repr(error))
        raise ServiceBusy(
            "The payment provider cannot be reached now. Nothing was charged; please try again in a minute.",
            retry_after_s=60,
        )


def open_payments(settings: Settings) -> Payments | None:
    """The Stripe account of the settings, if they name one. Raises ConfigError for half of a set-up."""
    key, secret = (
        found.get_secret_value() if found else "" for found in (settings.stripe_key, settings.stripe_webhook_secret)
    )
    if not key and not secret:
        return None
    if not key.startswith(("sk_", "rk_")):
        raise ConfigError("SEEDBED_STRIPE_KEY: must be a secret or restricted key, which begins with sk_ or rk_")
    if not secret.startswith("whsec_"):
        raise ConfigError(
            "SEEDBED_STRIPE_WEBHOOK_SECRET: must be the signing secret of the endpoint "
            f"{settings.base_url}/billing/stripe, which begins with whsec_; without it no payment would be credited"
        )
    # Half a second of imports, which servers without Stripe do not pay.
    import stripe

    stripe.enable_telemetry = False
    client = stripe.StripeClient(
        key,
        http_client=stripe.RequestsClient(timeout=CALL_S),
        base_addresses={"api": settings.stripe_api_url} if settings.stripe_api_url else None,
        max_network_retries=TRIES_AGAIN,
    )
    return Payments(client, secret)
