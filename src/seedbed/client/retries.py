"""When a request is sent again, and after how long. One home for both wires and all calls."""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from seedbed.client.errors import ClientError, Refused, UnexpectedAnswer, Unreachable, refusal
from seedbed.client.wire import Answer, Request, Stream, Wire

AGAIN = frozenset({408, 429, 500, 502, 503, 504})
RETRY_AFTER_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How patient a client is.

    A request is sent at most `tries` times, with a pause of `first_s` seconds that doubles up to `longest_s`,
    less a random part of up to a half, so that clients which failed together do not come back together. A
    Retry-After is kept to; where it asks for more than `asked_s_max`, as a quota does that ends with the
    month, the error is raised at once.
    """

    tries: int = 5
    first_s: float = 0.5
    longest_s: float = 8.0
    asked_s_max: float = 60.0

    def pause_s(self, tried: int, error: ClientError) -> float | None:
        """Seconds until the next try after `tried` of them; None where there is to be none."""
        if tried >= self.tries or not passes(error):
            return None
        pause_s = min(self.first_s * 2.0 ** (tried - 1), self.longest_s) * random.uniform(0.5, 1.0)
        asked_s = error.retry_after_s if isinstance(error, Refused) else None
        if asked_s is None:
            return pause_s
        # Some of the own pause comes on top: all who were told the same second would come at once.
        return asked_s + pause_s / 4 if asked_s <= self.asked_s_max else None


def passes(error: ClientError) -> bool:
    """Whether the same request may do better later.

    A conflict may where it says when: then our own first try, whose answer was lost, is still being carried out.
    """
    if isinstance(error, Refused):
        return error.status in AGAIN or (error.status == 409 and error.retry_after_s is not None)
    return isinstance(error, Unreachable)


async def send(wire: Wire, request: Request, retries: Retries, end: float | None = None) -> Answer:
    """The answer of success, however many tries it takes. Raises ClientError.

    No try begins after the monotonic time `end`: what the last one met is raised then.
    """
    tried = 0
    while True:
        tried += 1
        try:
            answer = await wire.send(request)
            if 200 <= answer.status < 300:
                return answer
            raise told(request, answer, answer.body)
        except ClientError as error:
            pause_s = retries.pause_s(tried, error)
            if pause_s is None:
                raise
            left_s = math.inf if end is None else end - time.monotonic()
            if pause_s >= left_s:
                await wire.sleep(max(left_s, 0))
                raise
        await wire.sleep(pause_s)


def told(request: Request, answer: Answer | Stream, body: bytes) -> ClientError:
    """What an answer that is no success means."""
    place, headers = request.url.partition("?")[0], answer.headers
    if 300 <= answer.status < 400:
        elsewhere = headers.get("location", "nowhere")
        return UnexpectedAnswer(f"{place} leads to {elsewhere}; use that address", status=answer.status)
    return refusal(
        answer.status,
        parsed(body),
        request_id=headers.get("x-request-id"),
        retry_after_s=retry_after_s(headers),
        place=place,
    )


def parsed(body: bytes) -> Any:
    """The JSON of an answer; None where it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The seconds that a Retry-After asks for, as a number or a date (RFC 9110, 10.2.3)."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:RETRY_AFTER_DIGITS])
    try:
        until = parsedate_to_datetime(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return max((until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)
