"""Whether a webhook came from the service, lately, and as it was sent.

The service signs in two ways. `webhook-signature` is that of Standard Webhooks
(https://www.standardwebhooks.com, 1.0): it covers the delivery's id, the time and the body. The one that
Seedance documents, `x-seedance-signature`, covers the body alone, so whoever has caught a message can send it
again for ever; it counts here only where `untimed` says so.

A message that was answered late comes again, under the same id. Keep the ids of what is done, for four days.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from seedbed.client import answers
from seedbed.client.errors import ClientError

TOLERANCE_S = 300.0
TIMESTAMP_DIGITS = 12


class WebhookError(ClientError):
    """A delivery is not to be believed: answer it with 401, and do nothing else."""


class MissingSignature(WebhookError):
    """A header that a signed delivery has is not there."""


class WrongSignature(WebhookError):
    """It was not signed with this secret, or was changed on the way."""


class StaleDelivery(WebhookError):
    """It was sent too long ago, or the clocks differ by too much."""


class UnreadableDelivery(WebhookError):
    """It is signed, and its body is not what the service sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What became of a task: its end, and what came before it where the Ark API asked to be told. `body` says all.

    `delivery_id` is the same in every try of one message: drop those that are done. It is None, and so is
    `sent_at`, only where the message had no more than the signature without a time. `url` is the video's.
    """

    delivery_id: str | None
    sent_at: datetime | None
    task_id: str
    status: str
    url: str | None
    body: Mapping[str, Any]


def verify(
    body: bytes,
    headers: Mapping[str, str],
    secret: str | Sequence[str],
    *,
    tolerance_s: float = TOLERANCE_S,
    untimed: bool = False,
    now: float | None = None,
) -> Event:
    """What a delivery says, once it is known to be genuine.

    `body` is the request's, byte for byte as it came; `headers` are its headers, in any case. `secret` is the
    key's webhook secret, or several while one is being replaced. The message may have been sent `tolerance_s`
    seconds ago, or by a clock that is as far ahead. With `untimed`, a message that has no `webhook-signature`
    is taken by its `x-seedance-signature`. `now` is in seconds since 1970.

    Raises MissingSignature, WrongSignature, StaleDelivery, UnreadableDelivery; ValueError for an empty secret.
    """
    secrets = [secret] if isinstance(secret, str) else list(secret)
    if not secrets or not all(map(_key, secrets)):
        raise ValueError("the webhook secret is empty")
    given = {name.lower(): value for name, value in headers.items()}
    if untimed and "webhook-signature" not in given:
        _check_untimed(body, given, secrets)
        return _event(body, None, None)
    sent_at = _check(body, given, secrets, tolerance_s, time.time() if now is None else now)
    return _event(body, given["webhook-id"], datetime.fromtimestamp(sent_at, UTC))


def _check(body: bytes, given: Mapping[str, str], secrets: list[str], tolerance_s: float, now: float) -> int:
    message_id, sent_at = _header(given, "webhook-id"), _header(given, "webhook-timestamp")
    signatures = _header(given, "webhook-signature").split()
    if not (sent_at.isascii() and sent_at.isdigit() and len(sent_at) <= TIMESTAMP_DIGITS):
        raise WrongSignature("webhook-timestamp is no number of seconds since 1970")
    signed = _bytes(f"{message_id}.{sent_at}.") + body
    expected = [b"v1," + base64.b64encode(hmac.digest(_key(each), signed, "sha256")) for each in secrets]
    if not _any_equal(expected, [_bytes(each) for each in signatures]):
        raise WrongSignature("webhook-signature is not that of this message under this secret")
    # Only what is signed is believed, its time too.
    if abs(now - int(sent_at)) > tolerance_s:
        raise StaleDelivery(f"the message was sent {now - int(sent_at):.0f} s ago; {tolerance_s:.0f} s are allowed")
    return int(sent_at)


def _check_untimed(body: bytes, given: Mapping[str, str], secrets: list[str]) -> None:
    signature = _header(given, "x-seedance-signature")
    expected = [hmac.new(each.encode(), body, hashlib.sha256).hexdigest().encode() for each in secrets]
    if not _any_equal(expected, [_bytes(signature.strip().lower())]):
        raise WrongSignature("x-seedance-signature is not that of this message under this secret")


def _header(given: Mapping[str, str], name: str) -> str:
    value = given.get(name)
    if not value:
        raise MissingSignature(f"the message has no {name}; has its key a webhook secret?")
    return value


def _bytes(header: str) -> bytes:
    """A header's bytes; what no server could have read as text is spelt out, and so fits nothing."""
    return header.encode("utf-8", "backslashreplace")


def _any_equal(expected: list[bytes], given: list[bytes]) -> bool:
    """Whether one of `given` is one of `expected`, in a time that tells nothing about either."""
    found = [hmac.compare_digest(one, other) for one in expected for other in given]
    return any(found)


def _key(secret: str) -> bytes:
    """Standard Webhooks writes keys as `whsec_` and base64; any other secret is taken as its own bytes."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def _event(body: bytes, delivery_id: str | None, sent_at: datetime | None) -> Event:
    try:
        told = json.loads(body)
        task_id, status = answers.text(told.get("requestId") or told["id"]), answers.text(told["status"])
        output = told.get("output") or told.get("content") or {}
        url = output.get("url") or output.get("video_url")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UnreadableDelivery("the message is signed, and is not about a task") from None
    return Event(delivery_id=delivery_id, sent_at=sent_at, task_id=task_id, status=status, url=url, body=told)
