"""Where Stripe tells what was paid: one endpoint, which believes nothing that is not signed.

The signature is of the raw bytes, so nothing is parsed before it was good, and the database is not asked either. An
answer of 2xx tells Stripe that the event has had its effect; after any other it sends the event again, for days.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from seedbed import billing, db, telemetry
from seedbed.dialects._http import answer, guard, read_body, runtime_of
from seedbed.errors import ApiError, NotFound
from seedbed.telemetry import log

PATH = "/billing/stripe"
EVENT_BYTES_MAX = 512 * 1024
"""Far above the largest event of those that are acted upon."""

EVENT_S_MAX = 15.0


async def _receive(request: Request) -> Response:
    runtime = runtime_of(request)
    if runtime.payments is None:
        raise NotFound("This server takes no payments: SEEDBED_STRIPE_KEY is not set")
    body = await read_body(request, EVENT_BYTES_MAX, EVENT_S_MAX)
    event = billing.read_event(runtime.payments.verified(body, request.headers.get("stripe-signature")))
    async with db.transaction(runtime.pool) as conn:
        outcome = await billing.receive(conn, event)
    telemetry.STRIPE_EVENTS.labels(outcome).inc()
    log.info("Stripe event", id=event.id, type=event.type, outcome=outcome)
    return answer({"outcome": outcome})


def _error_body(error: ApiError) -> dict[str, Any]:
    return {"error": {"code": error.code, "message": error.message}}


receive = guard(_receive, _error_body)
