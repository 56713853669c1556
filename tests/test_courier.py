"""Webhooks on the wire: one try, and a real worker that tries until a receiver has the message."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seedbed import db, queue, tasks, webhooks
from seedbed.dialects import DIALECTS, callback_body
from seedbed.errors import TaskFailure
from seedbed.outbound import PublicClient
from seedbed.settings import Settings
from seedbed.tasks import MediaRef
from seedbed.webhooks import Delivery, Outcome
from tests.conftest import Person, make_person
from tests.engines_for_tests import Broken, Clip, Slow
from tests.test_spine import GENERATIONS, ended
from tests.test_tasks import accept, in_state, output_of
from tests.webhook_receivers import Receiver, check_signatures, opened, receiving, told, until
from tests.workers import at_work

ROOT = Path(__file__).parents[1]
SECRET = "a secret of the key's"
BODY = {"model": "seedance-2.0", "prompt": "A river", "duration": 4, "resolution": "480p"}


def trusting(settings: Settings, *receivers: Receiver, **more: Any) -> Settings:
    hosts = ",".join(f"127.0.0.1:{receiver.port}" for receiver in receivers)
    return settings.model_copy(update={"trusted_hosts": hosts, "drain_s": 0.0, **more})


def delivery_to(url: str, secret: str | None = None, body: bytes = b'{"n":1}') -> Delivery:
    return Delivery(id="msg_1", account_id=1, url=url, body=body, state="pending", tries=0, secret=secret)


async def send(receiver: Receiver, timeout_s: float = 30, **more: Any) -> Outcome:
    async with PublicClient(frozenset({f"127.0.0.1:{receiver.port}"})) as client:
        return await webhooks.send(client, delivery_to(receiver.url, **more), timeout_s=timeout_s)


# One try -------------------------------------------------------------------------------------------------------------


async def test_a_try_sends_the_body_signed() -> None:
    async with receiving() as receiver:
        outcome = await send(receiver, secret=SECRET, body='{"ü":1}'.encode())
    assert outcome.delivered
    assert (outcome.status, outcome.answer, outcome.error) == (200, "ok", None)
    [got] = receiver.got
    assert got.path == "/hook"
    assert got.body == '{"ü":1}'.encode()
    assert got.headers["content-type"] == "application/json"
    assert got.headers["webhook-id"] == "msg_1"
    check_signatures(got, SECRET)


async def test_without_a_secret_nothing_is_signed() -> None:
    async with receiving() as receiver:
        assert (await send(receiver)).delivered
    headers = receiver.got[0].headers
    assert "webhook-id" in headers
    assert not {"x-seedance-signature", "webhook-signature"} & headers.keys()


async def test_a_redirect_is_never_followed() -> None:
    async with receiving() as target:
        for status in (301, 302, 303, 307, 308):
            async with receiving(told(status, Location=target.url)) as receiver:
                outcome = await send(receiver)
            assert (outcome.status, outcome.delivered) == (status, False)
    assert target.got == []


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"",
        b"hello?\r\n\r\n",
        b"HTTP/1.1 999999 X\r\n\r\n",
        b"\x00" * 200,
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200",
    ],
)
async def test_garbage_is_an_error_in_words(answer: bytes | None) -> None:
    async with receiving(answer) as receiver:
        outcome = await send(receiver)
    assert not outcome.delivered
    assert outcome.status is None
    assert outcome.error
    assert outcome.error.isprintable()


async def test_nobody_there_is_an_error_in_words() -> None:
    async with receiving() as receiver:
        pass
    outcome = await send(receiver)
    assert outcome.error == "127.0.0.1 does not accept connections"


async def test_a_slow_receiver_is_given_up() -> None:
    async with receiving(3600.0) as receiver:
        outcome = await send(receiver, timeout_s=0.3)
    assert outcome.error
    assert not outcome.delivered


async def test_an_answer_is_kept_short_and_readable() -> None:
    async with receiving(told(500, b"\x00\xff" + "ü".encode() * 50_000)) as receiver:
        outcome = await send(receiver)
    assert outcome.status == 500
    assert outcome.answer.startswith("��ü")
    assert len(outcome.answer) <= webhooks.ANSWER_CHARS_MAX


async def test_an_answer_of_any_bytes_can_be_logged(conn: db.Connection, alice: Person) -> None:
    async with receiving(told(500, bytes(range(256)) * 4)) as receiver:
        outcome = await send(receiver)
    delivery = await opened(conn, alice)
    assert await webhooks.record(conn, delivery, outcome) == 5


async def test_a_receiver_asks_for_time_in_seconds_or_with_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    asked = {
        "120": (120, 120),
        "999999999999999999": (86_400, 86_400),
        later: (7_190, 7_210),
        "Fri, 31 Dec 9999 23:59:59 GMT": (86_400, 86_400),
        "Wed, 21 Oct 2015 07:28:00 GMT": (0, 0),
        "soon": (0, 0),
        "-5": (0, 0),
    }
    for text, (least, most) in asked.items():
        async with receiving(told(503, Retry_After=text)) as receiver:
            outcome = await send(receiver)
        assert least <= outcome.retry_after_s <= most, text


@given(
    text=st.text(st.characters(max_codepoint=255), max_size=40)
    | st.from_regex(r"Mon, \d{1,30} Jan \d{1,30} \d{1,30}:\d\d:\d\d ([+-]\d{1,30}|GMT)", fullmatch=True)
)
@example("Mon, 01 Jan 99999999999999999999 00:00:00 GMT")
@example("Mon, 01 Jan 2027 00:00:00 +999999999999999999999")
def test_no_wish_for_time_breaks_the_worker(text: str) -> None:
    assert 0 <= webhooks._retry_after({"retry-after": text}, time.time()) <= 86_400


# With a real worker --------------------------------------------------------------------------------------------------


async def come_due(conn: db.Connection) -> None:
    """As if the wait for the next try were over."""
    await conn.execute("UPDATE pgqueuer SET execute_after = now() WHERE entrypoint = 'callback'")
    await queue.wake(conn)


async def test_what_a_receiver_gets(
    pool: db.Pool, settings: Settings, tmp_path: Path, api: httpx2.AsyncClient, sound: None
) -> None:
    """A success, a failure and a cancellation, in the contract's words, signed with the key's secret."""
    async with db.transaction(pool) as conn:
        person = await make_person(conn, "carol", webhook_secret=SECRET)
    async with receiving() as receiver:
        trusted = trusting(settings, receiver)
        made = {}
        async with db.transaction(pool) as conn:
            for word in ("good", "refuse"):
                asked: dict[str, Any] = {"duration_s": 4, "resolution": "480p", "webhook_url": receiver.url}
                made[word] = (await accept(conn, person, prompt=word, **asked)).id
            cancelled = await in_state(conn, person, "cancelled", webhook_url=receiver.url)
        async with at_work(trusted, tmp_path, Broken()):
            got = {orjson.loads(request.body)["requestId"]: request for request in await receiver.wait(3)}
        status = (await api.get(f"{GENERATIONS}/{made['good']}", headers=person.auth)).json()
        file = await api.get(status["output"]["url"])
        assert file.content[4:8] == b"ftyp"
    for request in got.values():
        check_signatures(request, SECRET)
    assert len({request.headers["webhook-id"] for request in got.values()}) == 3
    head = {"success": True, "output": None, "error": None}
    assert orjson.loads(got[made["good"]].body) == head | {
        "requestId": made["good"],
        "status": "succeeded",
        "output": {"type": "video", "url": status["output"]["url"]},
    }
    assert orjson.loads(got[made["refuse"]].body) == head | {
        "requestId": made["refuse"],
        "status": "failed",
        "error": {"code": "render_failed", "message": "The engine cannot draw this"},
    }
    assert orjson.loads(got[cancelled.id].body) == head | {"requestId": cancelled.id, "status": "cancelled"}


async def test_every_try_carries_the_same_message(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path
) -> None:
    async with db.transaction(pool) as conn:
        await conn.execute("UPDATE api_keys SET webhook_secret = $1", SECRET)
    bad: list[bytes | float | None] = [told(500), None, b"garbage\r\n\r\n", told(302, Location="http://10.0.0.1/")]
    async with receiving(*bad) as receiver:
        async with db.transaction(pool) as conn:
            task = await in_state(conn, alice, "cancelled", webhook_url=receiver.url)
        async with at_work(trusting(settings, receiver), tmp_path, Clip()), db.connection(pool) as conn:
            for count in range(1, 6):
                await receiver.wait(count)
                await until(lambda count=count: _tried(conn, count))
                if count == 2:
                    # What has changed since is not in the message, which was opened with the first try.
                    await conn.execute("UPDATE tasks SET webhook_url = 'https://elsewhere.example.com/'")
                await come_due(conn)
            await until(lambda: _nothing_queued(conn))
            [listed] = await webhooks.list_deliveries(conn, task_id=task.id)
            statuses = [row["status"] for row in await conn.fetch("SELECT status FROM delivery_tries ORDER BY try")]
    assert (listed["state"], listed["tries"]) == ("delivered", 5)
    assert statuses == [500, None, None, 302, 200]
    assert len(receiver.got) == 5
    assert len({(request.headers["webhook-id"], request.body) for request in receiver.got}) == 1
    for request in receiver.got:
        check_signatures(request, SECRET)


async def _tried(conn: db.Connection, count: int) -> bool:
    found: int = await conn.fetchval("SELECT count(*) FROM delivery_tries")
    return found >= count


async def _nothing_queued(conn: db.Connection) -> bool:
    return not await conn.fetchval("SELECT count(*) FROM pgqueuer")


async def test_an_address_that_is_gone_gets_nothing_more(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path
) -> None:
    async with (
        receiving(told(410)) as receiver,
        at_work(trusting(settings, receiver), tmp_path, Clip()) as worker,
        db.connection(pool) as conn,
    ):

        async def tell() -> list[str]:
            await in_state(conn, alice, "cancelled", webhook_url=receiver.url)
            worker.runtime.wake()
            await until(lambda: _nothing_queued(conn))
            return [row["state"] for row in await webhooks.list_deliveries(conn)]

        assert [await tell() for _ in range(3)][-1] == ["off"] * 3
        assert len(receiver.got) == 1
        await webhooks.turn_on(conn, alice.account_id, receiver.url)
        assert await tell() == ["delivered", *["off"] * 3]
        assert len(receiver.got) == 2


async def test_a_message_is_not_lost_when_nobody_was_there_to_send_it(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path
) -> None:
    """The task is committed and its worker is gone: whoever comes next sends the message."""
    async with receiving() as receiver:
        async with db.transaction(pool) as conn:
            task = await in_state(conn, alice, "succeeded", webhook_url=receiver.url)
        async with at_work(trusting(settings, receiver), tmp_path, Clip()):
            [got] = await receiver.wait(1)
        assert orjson.loads(got.body)["requestId"] == task.id


async def test_a_worker_killed_in_a_delivery_loses_nothing(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path
) -> None:
    """kill -9 while the receiver is silent; another worker sends the same message when the lease is over."""
    async with receiving(3600.0) as receiver:
        trusted = trusting(settings, receiver)
        async with db.transaction(pool) as conn:
            await in_state(conn, alice, "cancelled", webhook_url=receiver.url)
        environment = os.environ | {
            "SEEDBED_DATABASE_URL": settings.database_url,
            "SEEDBED_DATA_DIR": str(tmp_path / "killed"),
            "SEEDBED_ENGINES": "previz=tests.engines_for_tests:Clip",
            "SEEDBED_TRUSTED_HOSTS": trusted.trusted_hosts,
        }
        process = subprocess.Popen([sys.executable, "-m", "seedbed", "worker"], cwd=ROOT, env=environment)
        try:
            await receiver.wait(1)
        finally:
            process.kill()
            process.wait()
        assert process.returncode == -signal.SIGKILL
        async with db.connection(pool) as conn:
            assert await conn.fetchval("SELECT count(*) FROM delivery_tries") == 0
            await conn.execute("UPDATE pgqueuer SET heartbeat = heartbeat - interval '1 hour'")
            async with at_work(trusted, tmp_path, Clip()):
                first, second = await receiver.wait(2)
                await until(lambda: _nothing_queued(conn))
        assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)


async def test_a_busy_host_costs_no_try(pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path) -> None:
    """Twelve messages for a receiver that takes ten at a time: two wait without a try counted."""
    async with receiving(*[2.0] * 10) as receiver:
        async with db.transaction(pool) as conn:
            for _ in range(12):
                await in_state(conn, alice, "cancelled", webhook_url=receiver.url)
        async with at_work(trusting(settings, receiver), tmp_path, Clip()), db.connection(pool) as conn:
            await receiver.wait(10)
            waiting = "SELECT count(*) FROM pgqueuer WHERE status = 'queued' AND attempts > 0"
            await until(lambda: _counts(conn, waiting, 2))
            assert len(receiver.got) == 10
            assert await conn.fetchval("SELECT max(tries) FROM deliveries") == 0
            await receiver.wait(12)
            await until(lambda: _nothing_queued(conn))
            rows = await webhooks.list_deliveries(conn)
    assert [(row["state"], row["tries"]) for row in rows] == [("delivered", 1)] * 12


async def _counts(conn: db.Connection, query: str, count: int) -> bool:
    return bool(await conn.fetchval(query) == count)


async def test_tarpits_do_not_hold_up_others(pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path) -> None:
    """200 messages for a receiver that never answers, then one for a good one."""
    async with receiving(*[3600.0] * 300) as tarpit, receiving() as healthy:
        async with db.transaction(pool) as conn:
            for _ in range(200):
                await in_state(conn, alice, "cancelled", webhook_url=tarpit.url)
            await in_state(conn, alice, "cancelled", webhook_url=healthy.url)
        async with at_work(trusting(settings, tarpit, healthy, webhook_timeout_s=3600), tmp_path, Clip()):
            await healthy.wait(1)
            await tarpit.wait(10)
            async with db.transaction(pool) as conn:
                await in_state(conn, alice, "cancelled", webhook_url=healthy.url)
            await healthy.wait(2)
            assert (tarpit.hanging, len(tarpit.got)) == (10, 10), "and no more than its share was sent to the tarpit"


async def test_a_video_is_made_while_receivers_hang(
    pool: db.Pool, api: httpx2.AsyncClient, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    async with receiving(*[3600.0] * 20) as tarpit:
        async with db.transaction(pool) as conn:
            for _ in range(20):
                await in_state(conn, alice, "cancelled", webhook_url=tarpit.url)
        async with at_work(trusting(settings, tarpit, webhook_timeout_s=3600), tmp_path, Clip()):
            await tarpit.wait(10)
            accepted = (await api.post(GENERATIONS, json=BODY, headers=alice.auth)).json()
            assert (await ended(api, alice, accepted["requestId"]))["status"] == "succeeded"


async def test_a_draining_worker_hands_its_deliveries_over(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path
) -> None:
    async with receiving(3600.0) as receiver:
        async with db.transaction(pool) as conn:
            await in_state(conn, alice, "cancelled", webhook_url=receiver.url)
        async with at_work(trusting(settings, receiver), tmp_path, Clip()):
            await receiver.wait(1)
        async with db.connection(pool) as conn:
            row = await conn.fetchrow("SELECT status::text, execute_after <= now() AS due FROM pgqueuer")
            assert row is not None
            assert (row["status"], row["due"]) == ("queued", True)
        async with at_work(trusting(settings, receiver), tmp_path, Clip()):
            first, second = await receiver.wait(2)
        assert first.headers["webhook-id"] == second.headers["webhook-id"]


BODY_BYTES_MAX = 20_000
"""What the documentation promises, and Standard Webhooks asks for."""


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_no_dialect_says_too_much(conn: db.Connection, alice: Person, dialect: str) -> None:
    """The longest of everything that a customer or an engine can put into a task."""
    asked = {
        "dialect": dialect,
        "prompt": "🌊" * 10_000,
        "metadata": orjson.dumps({"x": "é" * 400_000}).decode(),
        "media": tuple(MediaRef(url=f"https://e.org/{'x' * 2000}{n}", role="reference") for n in range(12)),
        "webhook_url": "https://example.com/hook",
        "callback_always": True,
        "last_frame": True,
    }
    failure = TaskFailure("render_failed", '🌊"\\' * 300_000)
    for status in tasks.STATUSES:
        task = await in_state(conn, alice, "processing" if status in ("succeeded", "failed") else status, **asked)
        if status == "succeeded":
            made = output_of(task.id)
            last = replace(made.video, key=made.video.key.replace(".mp4", ".png"), content_type="image/png")
            await tasks.succeed(conn, task.id, 1, replace(made, last_frame=last))
        elif status == "failed":
            await tasks.fail(conn, task.id, failure, attempt=1)
        task = await tasks.get(conn, task.id)
        assert task.status == status
        body = callback_body(task, status, lambda key: f"https://{'v' * 200}.example.com/{'p' * 1500}/{key}")
        assert len(orjson.dumps(body)) <= BODY_BYTES_MAX


async def test_bodies_are_small_whatever_went_wrong(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    message = '🌊"\\\x01' * 300_000
    async with receiving() as receiver:
        long_url = f"{receiver.url}?{'x' * (2048 - len(receiver.url) - 1)}"
        async with db.transaction(pool) as conn:
            task = await in_state(conn, alice, "processing", webhook_url=long_url)
            await tasks.fail(conn, task.id, TaskFailure("render_failed", message), attempt=1)
            await in_state(conn, alice, "succeeded", webhook_url=long_url)
        public = "https://" + "v" * 200 + ".example.com/" + "p" * 1500
        async with at_work(trusting(settings, receiver, public_url=public), tmp_path, Slow()):
            got = await receiver.wait(2)
    assert {orjson.loads(request.body)["status"] for request in got} == {"failed", "succeeded"}
    assert all(len(request.body) <= BODY_BYTES_MAX for request in got)
