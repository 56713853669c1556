"""Webhooks: signatures, the schedule, and what receivers of every kind get from a real worker."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from hypothesis import example, given
from hypothesis import strategies as st

from seedbed import db, queue, tasks, webhooks
from seedbed.errors import NotFound, TaskFailure
from seedbed.outbound import PublicClient
from seedbed.settings import Settings
from seedbed.webhooks import Delivery, Outcome
from tests.conftest import Person, make_person
from tests.engines_for_tests import Broken, Clip, Slow
from tests.test_spine import GENERATIONS, ended, working
from tests.test_tasks import accept, in_state

ROOT = Path(__file__).parents[1]
SECRET = "a secret of the key's"
BODY = {"model": "seedance-2.0", "prompt": "A river", "duration": 4, "resolution": "480p"}


# Signing -----------------------------------------------------------------------------------------------------------


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """Computed by OpenSSL through another library than the one under test."""
    mac = HMAC(key, hashes.SHA256())
    mac.update(data)
    return mac.finalize()


def test_the_example_of_standard_webhooks() -> None:
    signed = webhooks.sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_known_hmac() -> None:
    """RFC 4231, test case 2."""
    signed = webhooks.sign("Jefe", "id", 0, b"what do ya want for nothing?")
    assert signed["x-seedance-signature"] == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


@given(secret=st.text(min_size=1), body=st.binary(max_size=200), timestamp=st.integers(0, 2**40))
@example(secret="whsec_not base64!", body=b"{}", timestamp=1)
@example(secret="whsec_", body=b"{}", timestamp=1)
@example(secret="whsec_YWJj", body=b"{}", timestamp=1)
def test_signatures_cover_what_they_should(secret: str, body: bytes, timestamp: int) -> None:
    signed = webhooks.sign(secret, "msg_1", timestamp, body)
    assert signed["x-seedance-signature"] == hmac_sha256(secret.encode(), body).hex()
    assert re.fullmatch(r"v1,[A-Za-z0-9+/]{43}=", signed["webhook-signature"])
    for other in (("msg_2", timestamp, body), ("msg_1", timestamp + 1, body), ("msg_1", timestamp, body + b" ")):
        assert webhooks.sign(secret, *other)["webhook-signature"] != signed["webhook-signature"]


# The schedule --------------------------------------------------------------------------------------------------------

MINUTE, HOUR = 60, 3600
DELAYS_S = [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR]


async def opened(conn: db.Connection, person: Person, url: str = "https://example.com/hook") -> Delivery:
    task = await in_state(conn, person, "cancelled", webhook_url=url)
    return await webhooks.open_delivery(conn, task.id, "cancelled", url, b'{"n":1}')


async def reopened(conn: db.Connection, delivery: Delivery) -> Delivery:
    task_id = await conn.fetchval("SELECT task_id FROM deliveries WHERE id = $1", delivery.id)
    return await webhooks.open_delivery(conn, task_id, "cancelled", "https://ignored.example.com/", b"ignored")


async def test_ten_tries_at_growing_distances(conn: db.Connection, alice: Person) -> None:
    delivery = await opened(conn, alice)
    assert (delivery.state, delivery.tries) == ("pending", 0)
    outcomes = [Outcome(duration_s=0.1, status=500, answer="no"), Outcome(duration_s=15, error="timed out")] * 5
    waits = []
    for outcome in outcomes:
        waits.append(await webhooks.record(conn, delivery, outcome))
        due = await conn.fetchval("SELECT next_at - now() FROM deliveries")
        assert due is None if waits[-1] is None else abs(due.total_seconds() - waits[-1]) < 60
        delivery = await reopened(conn, delivery)
        assert delivery.body == b'{"n":1}'
        assert delivery.url == "https://example.com/hook"
    assert waits == [*DELAYS_S, None]
    assert (delivery.state, delivery.tries) == ("failed", 10)
    tries = await conn.fetch("SELECT try, status, error, answer FROM delivery_tries ORDER BY try")
    assert [row["try"] for row in tries] == list(range(1, 11))
    assert [(row["status"], row["error"]) for row in tries] == [(500, None), (None, "timed out")] * 5


async def test_any_2xx_is_the_end(conn: db.Connection, alice: Person) -> None:
    for status in (200, 201, 204, 299):
        delivery = await opened(conn, alice)
        assert await webhooks.record(conn, delivery, Outcome(duration_s=0.1, status=status)) is None
        assert (await reopened(conn, delivery)).state == "delivered"
        row = await conn.fetchrow("SELECT delivered_at, next_at FROM deliveries WHERE id = $1", delivery.id)
        assert row is not None
        assert row["delivered_at"] is not None
        assert row["next_at"] is None


async def test_nothing_else_is(conn: db.Connection, alice: Person) -> None:
    for status in (100, 199, 300, 301, 302, 304, 307, 308, 400, 401, 404, 409, 429, 500, 503, 599):
        delivery = await opened(conn, alice)
        assert await webhooks.record(conn, delivery, Outcome(duration_s=0.1, status=status)) == 5, status
        assert (await reopened(conn, delivery)).state == "pending"


async def test_a_receiver_may_ask_for_more_time_and_not_for_less(conn: db.Connection, alice: Person) -> None:
    for asked, expected in ((0, 5), (3, 5), (7200, 7200), (86_400, 86_400)):
        delivery = await opened(conn, alice)
        outcome = Outcome(duration_s=0.1, status=503, retry_after_s=asked)
        assert await webhooks.record(conn, delivery, outcome) == expected


async def test_gone_turns_the_address_off_for_its_account(conn: db.Connection, alice: Person, bob: Person) -> None:
    url = "https://example.com/gone"
    delivery = await opened(conn, alice, url)
    assert await webhooks.record(conn, delivery, Outcome(duration_s=0.1, status=410)) is None
    assert (await reopened(conn, delivery)).state == "off"
    assert (await opened(conn, alice, url)).state == "off"
    assert (await opened(conn, alice, "https://example.com/other")).state == "pending"
    assert (await opened(conn, bob, url)).state == "pending"
    await webhooks.turn_on(conn, alice.account_id, url)
    assert (await opened(conn, alice, url)).state == "pending"
    with pytest.raises(NotFound, match="is not turned off"):
        await webhooks.turn_on(conn, alice.account_id, url)


async def test_a_delivery_is_opened_once(pool: db.Pool, alice: Person) -> None:
    async with db.transaction(pool) as conn:
        task = await in_state(conn, alice, "cancelled", webhook_url="https://example.com/")
    barrier = asyncio.Barrier(8)

    async def open_it(number: int) -> tuple[str, bytes]:
        async with db.connection(pool) as conn:
            await barrier.wait()
            found = await webhooks.open_delivery(
                conn, task.id, "cancelled", f"https://example.com/{number}", b"%d" % number
            )
            return found.id, found.body

    assert len(set(await asyncio.gather(*map(open_it, range(8))))) == 1
    async with db.connection(pool) as conn:
        with pytest.raises(NotFound):
            await webhooks.open_delivery(conn, "req_unknown", "failed", "https://example.com/", b"")


async def test_sending_again_starts_the_schedule_over(conn: db.Connection, alice: Person) -> None:
    """And leaves one job, whether one was waiting for its next try or none."""
    delivery = await opened(conn, alice)
    for tried in range(3):
        await webhooks.record(conn, await reopened(conn, delivery), Outcome(duration_s=0.1, status=500))
        assert (await reopened(conn, delivery)).tries == tried + 1
    await conn.execute("UPDATE pgqueuer SET execute_after = now() + interval '1 day'")
    await webhooks.redeliver(conn, delivery.id)
    found = await reopened(conn, delivery)
    assert (found.state, found.tries, found.id) == ("pending", 0, delivery.id)
    assert await conn.fetchval("SELECT count(*) FROM pgqueuer WHERE execute_after <= now()") == 1
    await conn.execute("DELETE FROM pgqueuer")
    await webhooks.record(conn, found, Outcome(duration_s=0.1, status=200))
    await webhooks.redeliver(conn, delivery.id)
    await webhooks.redeliver(conn, delivery.id)
    assert await conn.fetchval("SELECT count(*) FROM pgqueuer") == 1
    assert await webhooks.record(conn, await reopened(conn, delivery), Outcome(duration_s=0.1, status=500)) == 5
    assert await conn.fetchval("SELECT max(try) FROM delivery_tries") == 5, "the log goes on"
    [listed] = await webhooks.list_deliveries(conn)
    assert (listed["id"], listed["state"], listed["tries"], listed["status"]) == (delivery.id, "pending", 1, 500)
    with pytest.raises(NotFound, match="no delivery"):
        await webhooks.redeliver(conn, "msg_unknown")


async def test_deliveries_are_listed_newest_first(conn: db.Connection, alice: Person) -> None:
    made = [(await opened(conn, alice)).id for _ in range(4)]
    assert [row["id"] for row in await webhooks.list_deliveries(conn)] == made[::-1]
    assert [row["id"] for row in await webhooks.list_deliveries(conn, limit=2)] == made[:1:-1]
    task_id = await conn.fetchval("SELECT task_id FROM deliveries WHERE id = $1", made[1])
    assert [row["id"] for row in await webhooks.list_deliveries(conn, task_id=task_id)] == [made[1]]


# A receiver ----------------------------------------------------------------------------------------------------------


@dataclass
class Request:
    """What a receiver got. `headers` have lower-case names."""

    path: str
    headers: dict[str, str]
    body: bytes


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def told(status: int, body: bytes = b"", **headers: str) -> bytes:
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body


@dataclass
class Receiver:
    """A server of webhooks. `answers` are given one after another, and OK from then on.

    None cuts the connection, and a number is seconds of silence before OK.
    """

    answers: list[bytes | float | None] = field(default_factory=list)
    got: list[Request] = field(default_factory=list)
    hanging: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
            body = await reader.readexactly(int(headers["content-length"]))
            self.got.append(Request(head[0].split()[1], headers, body))
            answer = self.answers.pop(0) if self.answers else OK
            if isinstance(answer, float):
                self.hanging += 1
                await asyncio.sleep(answer)
                self.hanging -= 1
                answer = OK
            if answer is not None:
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def wait(self, count: int) -> list[Request]:
        await until(lambda: len(self.got) >= count)
        return self.got


@contextlib.asynccontextmanager
async def receiving(*answers: bytes | float | None) -> AsyncIterator[Receiver]:
    receiver = Receiver(list(answers))
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        with contextlib.suppress(asyncio.CancelledError):
            await receiver._serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=512)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def until(holds: Callable[[], bool | Awaitable[bool]], timeout_s: float = 60) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = holds()
            if await found if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(0.02)


def trusting(settings: Settings, *receivers: Receiver, **more: Any) -> Settings:
    hosts = ",".join(f"127.0.0.1:{receiver.port}" for receiver in receivers)
    return settings.model_copy(update={"trusted_hosts": hosts, "drain_s": 0.0, **more})


def delivery_to(url: str, secret: str | None = None, body: bytes = b'{"n":1}') -> Delivery:
    return Delivery(id="msg_1", account_id=1, url=url, body=body, state="pending", tries=0, secret=secret)


async def send(receiver: Receiver, timeout_s: float = 30, **more: Any) -> Outcome:
    async with PublicClient(frozenset({f"127.0.0.1:{receiver.port}"})) as client:
        return await webhooks.send(client, delivery_to(receiver.url, **more), timeout_s=timeout_s)


def check_signatures(request: Request, secret: str) -> None:
    """What a receiver does."""
    assert request.headers["x-seedance-signature"] == hmac_sha256(secret.encode(), request.body).hex()
    age_s = time.time() - int(request.headers["webhook-timestamp"])
    assert -5 < age_s < 300
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    expected = base64.b64encode(hmac_sha256(secret.encode(), signed)).decode()
    assert expected in [part.removeprefix("v1,") for part in request.headers["webhook-signature"].split()]


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
        async with working(trusted, tmp_path, Broken()):
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
        async with working(trusting(settings, receiver), tmp_path, Clip()), db.connection(pool) as conn:
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
        working(trusting(settings, receiver), tmp_path, Clip()) as worker,
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
        async with working(trusting(settings, receiver), tmp_path, Clip()):
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
            async with working(trusted, tmp_path, Clip()):
                first, second = await receiver.wait(2)
                await until(lambda: _nothing_queued(conn))
        assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)


async def test_a_busy_host_costs_no_try(pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path) -> None:
    """Twelve messages for a receiver that takes ten at a time: two wait without a try counted."""
    async with receiving(*[2.0] * 10) as receiver:
        async with db.transaction(pool) as conn:
            for _ in range(12):
                await in_state(conn, alice, "cancelled", webhook_url=receiver.url)
        async with working(trusting(settings, receiver), tmp_path, Clip()), db.connection(pool) as conn:
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
        async with working(trusting(settings, tarpit, healthy, webhook_timeout_s=3600), tmp_path, Clip()):
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
        async with working(trusting(settings, tarpit, webhook_timeout_s=3600), tmp_path, Clip()):
            await tarpit.wait(10)
            accepted = (await api.post(GENERATIONS, json=BODY, headers=alice.auth)).json()
            assert (await ended(api, alice, accepted["requestId"]))["status"] == "succeeded"


async def test_a_draining_worker_hands_its_deliveries_over(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path
) -> None:
    async with receiving(3600.0) as receiver:
        async with db.transaction(pool) as conn:
            await in_state(conn, alice, "cancelled", webhook_url=receiver.url)
        async with working(trusting(settings, receiver), tmp_path, Clip()):
            await receiver.wait(1)
        async with db.connection(pool) as conn:
            row = await conn.fetchrow("SELECT status::text, execute_after <= now() AS due FROM pgqueuer")
            assert row is not None
            assert (row["status"], row["due"]) == ("queued", True)
        async with working(trusting(settings, receiver), tmp_path, Clip()):
            first, second = await receiver.wait(2)
        assert first.headers["webhook-id"] == second.headers["webhook-id"]


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
        async with working(trusting(settings, receiver, public_url=public), tmp_path, Slow()):
            got = await receiver.wait(2)
    assert {orjson.loads(request.body)["status"] for request in got} == {"failed", "succeeded"}
    assert all(len(request.body) <= webhooks.BODY_BYTES_MAX == 20_000 for request in got)
