"""Which deliveries are believed: those of the real service, by both signatures, and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from seedbed import accounts, db
from seedbed.client import ClientError, webhooks
from seedbed.client.webhooks import MissingSignature, StaleDelivery, UnreadableDelivery, WrongSignature
from seedbed.settings import Settings
from seedbed.webhooks import sign
from tests.conftest import Person, served
from tests.engines_for_tests import Clip
from tests.webhook_receivers import receiving
from tests.workers import at_work

SECRET = "whsec_" + "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0"
BODY = b'{"success":true,"requestId":"req_1","status":"succeeded","output":{"type":"video","url":"u"},"error":null}'
NOW = 1_800_000_000


def signed(body: bytes = BODY, secret: str = SECRET, at: int = NOW, message_id: str = "msg_1") -> dict[str, str]:
    """The headers of a delivery, as the service writes them."""
    return {"webhook-id": message_id, "webhook-timestamp": str(at)} | sign(secret, message_id, at, body)


def verify(body: bytes = BODY, headers: Mapping[str, str] | None = None, **more: Any) -> webhooks.Event:
    return webhooks.verify(body, signed() if headers is None else headers, **{"secret": SECRET, "now": NOW} | more)


@pytest.mark.parametrize("secret", ["s3cret", SECRET, "whsec_not base64!"])
@pytest.mark.parametrize("kind", ["open", "studio"])
async def test_deliveries_of_the_service_are_believed(
    settings: Settings, pool: db.Pool, alice: Person, tmp_path: Path, secret: str, kind: str
) -> None:
    async with receiving() as receiver:
        mine = settings.model_copy(update={"trusted_hosts": f"127.0.0.1:{receiver.port}"})
        async with db.transaction(pool) as conn:
            _, key = await accounts.create_key(
                conn,
                alice.account_id,
                kind,
                webhook_url=receiver.url,
                webhook_secret=secret,  # type: ignore[arg-type]
            )
        body = {"model": "seedance-2.0", "resolution": "480p"} if kind == "open" else {}
        path = "/api/open/v1/video/generations" if kind == "open" else "/api/v1/video/seedance2"
        async with served(mine) as url, httpx2.AsyncClient(base_url=url) as client, at_work(mine, tmp_path, Clip()):
            auth = {"Authorization": f"Bearer {key}"}
            made = (await client.post(path, json=body | {"prompt": "A river"}, headers=auth)).json()
            [delivery] = await receiver.wait(1)
            event = webhooks.verify(delivery.body, delivery.headers, secret)
    assert event.task_id == made.get("requestId", made.get("id"))
    assert event.status == ("succeeded" if kind == "open" else "completed")
    assert event.url is not None
    assert event.url.startswith(settings.base_url)
    assert event.delivery_id == delivery.headers["webhook-id"]
    assert event.sent_at is not None
    assert abs(event.sent_at.timestamp() - time.time()) < 60
    assert event.body == json.loads(delivery.body)
    only_seedance = {name: value for name, value in delivery.headers.items() if not name.startswith("webhook")}
    untimed = webhooks.verify(delivery.body, only_seedance, secret, untimed=True)
    assert (untimed.task_id, untimed.delivery_id, untimed.sent_at) == (event.task_id, None, None)


def test_the_names_of_headers_may_be_in_any_case() -> None:
    assert verify(headers={name.title(): value for name, value in signed().items()}).delivery_id == "msg_1"


def test_one_of_several_secrets_and_signatures_is_enough() -> None:
    assert verify(secret=["old", SECRET]).task_id == "req_1"
    both = signed() | {"webhook-signature": f"v1,AAAA v2,x {signed()['webhook-signature']}"}
    assert verify(headers=both).task_id == "req_1"
    with pytest.raises(WrongSignature):
        verify(secret=["old", "older"])


def test_a_delivery_is_believed_for_a_while() -> None:
    for age_s in (-300, 0, 300):
        assert verify(now=NOW + age_s).status == "succeeded"
    for age_s in (-301, 301, 10**9):
        with pytest.raises(StaleDelivery, match=f"was sent {age_s} s ago; 300 s are allowed"):
            verify(now=NOW + age_s)
    assert verify(now=NOW + 301, tolerance_s=400).status == "succeeded"


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": str(NOW + 1)},
        {"webhook-timestamp": f" {NOW}"},
        {"webhook-timestamp": "١٨٠٠٠٠٠٠٠٠"},
        {"webhook-timestamp": "9" * 5000},
        {"webhook-timestamp": f"{NOW}.0"},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,подпись"},
        {"webhook-signature": signed()["webhook-signature"].removeprefix("v1,")},
        {"webhook-signature": signed()["webhook-signature"].replace("v1", "v1a")},
        {"webhook-signature": signed()["x-seedance-signature"]},
        signed(secret="another"),
        signed(body=BODY + b" "),
    ],
)
def test_what_was_changed_is_not_believed(change: dict[str, str]) -> None:
    with pytest.raises(WrongSignature):
        verify(headers=signed() | change)
    with pytest.raises(WrongSignature):
        verify(headers=signed() | change, untimed=True)


def test_a_changed_body_is_not_believed() -> None:
    for body in (BODY + b"\n", BODY[:-1], b"", BODY.replace(b"req_1", b"req_2")):
        with pytest.raises(WrongSignature, match="is not that of this message"):
            verify(body)


def test_a_header_that_is_missing_is_named() -> None:
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        with pytest.raises(MissingSignature, match=f"has no {name}"):
            verify(headers={given: value for given, value in signed().items() if given != name})
    with pytest.raises(MissingSignature, match="has no x-seedance-signature"):
        verify(headers={}, untimed=True)
    assert issubclass(MissingSignature, webhooks.WebhookError)
    assert issubclass(webhooks.WebhookError, ClientError)


def test_the_signature_without_a_time_counts_only_where_it_is_asked_for() -> None:
    """Else whoever caught a message could take its time away and send it again for ever."""
    bare = {"x-seedance-signature": signed()["x-seedance-signature"]}
    with pytest.raises(MissingSignature, match="has no webhook-id"):
        verify(headers=bare)
    assert verify(headers=bare, untimed=True).task_id == "req_1"
    assert verify(headers={"x-seedance-signature": bare["x-seedance-signature"].upper()}, untimed=True).url == "u"
    with pytest.raises(WrongSignature, match="x-seedance-signature"):
        verify(BODY + b" ", headers=bare, untimed=True)
    # Where there is a time, it counts, whatever is allowed.
    with pytest.raises(StaleDelivery):
        verify(untimed=True, now=NOW + 301)


def test_headers_that_are_no_text_are_not_believed() -> None:
    """Servers hand on bytes that are not UTF-8 as halves of surrogate pairs."""
    for name in ("webhook-id", "webhook-signature", "webhook-timestamp"):
        with pytest.raises(WrongSignature):
            verify(headers=signed() | {name: "\udcff"})
    with pytest.raises(WrongSignature):
        verify(headers={"x-seedance-signature": "\udcff"}, untimed=True)


def test_a_task_of_the_ark_api_is_an_event_too() -> None:
    body = b'{"id":"cgt-1","status":"succeeded","content":{"video_url":"u","last_frame_url":"v"},"error":null}'
    event = verify(body, headers=signed(body))
    assert (event.task_id, event.status, event.url) == ("cgt-1", "succeeded", "u")
    body = b'{"id":"cgt-1","status":"running","error":null}'
    assert verify(body, headers=signed(body)).url is None


def test_a_signed_message_that_is_no_event() -> None:
    for body in (
        b"",
        b"{",
        b"[]",
        b"1",
        b'"x"',
        b'{"id":"x"}',
        b'{"status":"x"}',
        b'{"id":"x","status":"y","output":1}',
        b'{"id":1,"status":"y"}',
        b'{"id":"x","status":null}',
    ):
        with pytest.raises(UnreadableDelivery):
            verify(body, headers=signed(body))


@pytest.mark.parametrize("secret", ["", [], ["good", ""], "whsec_"])
def test_an_empty_secret_is_never_used(secret: Any) -> None:
    with pytest.raises(ValueError, match="secret is empty"):
        verify(secret=secret, headers=signed(secret="x"))
