"""An API process that dies between any two messages of a submission leaves all of it or nothing."""

from __future__ import annotations

import contextlib
import signal

import httpx2

from seedbed import checkup, db, ledger
from tests.conftest import Person, free_port
from tests.faults.cast import BODY, PRICE_CREDITS, balance, jobs
from tests.faults.processes import GENERATIONS, Crew, Process, until
from tests.faults.proxy import Message, Proxy

CREDITS = 1000


async def test_an_api_killed_between_any_two_messages_of_a_submission(
    api: httpx2.AsyncClient, alice: Person, bob: Person, conn: db.Connection, crew: Crew, proxy: Proxy
) -> None:
    """Swept: the process is killed when N messages of the submission have been sent, for every N."""
    port = free_port()
    charged, forwarded = 0, 0
    outcomes: list[bool] = []
    while True:
        victim = await _warm_api(crew, proxy, port, bob)
        messages: list[Message] = []

        def nth(message: Message, number: int = forwarded, messages: list[Message] = messages) -> bool:
            # The notice to workers comes after the commit and races with the answer: it is not counted.
            if not message.sql.startswith("NOTIFY"):
                messages.append(message)
            return len(messages) > number

        proxy.strike = victim.kill
        proxy.before = nth
        key = f"kill-{forwarded}"
        lost = await _post(port, alice, key)
        if not proxy.struck.is_set():
            # No message was left to die at.
            assert lost is not None
            assert lost.status_code == 200
            victim.kill()
            charged += 1
            break
        assert lost is None
        assert await victim.ended() == -signal.SIGKILL
        await proxy.settled()
        accepted = await _check_all_or_nothing(conn, alice, charged)
        outcomes.append(accepted)
        # The same request once more, to a process that lives: it replays what was accepted, or carries it out.
        again = await api.post(GENERATIONS, json=BODY, headers=alice.auth | {"Idempotency-Key": key})
        assert again.status_code == 200, again.text
        assert ("idempotent-replayed" in again.headers) == accepted
        charged += 1
        assert await _check_all_or_nothing(conn, alice, charged) is False
        assert await conn.fetchval("SELECT count(*) FROM tasks WHERE id = $1", again.json()["requestId"]) == 1
        forwarded += 1
        if forwarded > 200:
            raise AssertionError("a submission has no end")
    # Nothing is accepted until one message, the COMMIT, and everything from then on.
    assert outcomes == sorted(outcomes)
    assert outcomes[0] is False
    assert forwarded >= 15
    assert any(message.sql.upper().startswith("COMMIT") for message in messages)


async def test_a_retry_after_a_lost_commit_replays(
    alice: Person, bob: Person, conn: db.Connection, crew: Crew, proxy: Proxy
) -> None:
    """The connection breaks between COMMIT and its answer: the client hears "busy", and its retry the first answer."""
    port = free_port()
    await _warm_api(crew, proxy, port, bob)
    proxy.after = lambda message: message.sql.upper().startswith("COMMIT")
    first = await _post(port, alice, "lost")
    assert first is not None
    assert first.status_code == 503
    assert first.json()["error"]["code"] == "service_busy"
    assert int(first.headers["retry-after"]) >= 1
    await proxy.settled()
    proxy.clear()
    second = await _answered(port, alice, "lost")
    assert second.headers["idempotent-replayed"] == "true"
    assert await balance(conn, alice) == (CREDITS - PRICE_CREDITS, PRICE_CREDITS)
    assert (
        await conn.fetchval("SELECT id FROM tasks WHERE account_id = $1", alice.account_id)
        == (second.json()["requestId"])
    )
    assert await _check_all_or_nothing(conn, alice, 1) is False


async def test_a_submission_cut_before_its_commit_is_carried_out_by_the_retry(
    alice: Person, bob: Person, conn: db.Connection, crew: Crew, proxy: Proxy
) -> None:
    port = free_port()
    await _warm_api(crew, proxy, port, bob)
    proxy.before = lambda message: message.sql.upper().startswith("COMMIT")
    first = await _post(port, alice, "cut")
    assert first is not None
    assert (first.status_code, first.json()["error"]["code"]) == (503, "service_busy")
    await proxy.settled()
    assert await balance(conn, alice) == (CREDITS, 0)
    proxy.clear()
    second = await _answered(port, alice, "cut")
    assert "idempotent-replayed" not in second.headers
    assert await balance(conn, alice) == (CREDITS - PRICE_CREDITS, PRICE_CREDITS)


# What is done -------------------------------------------------------------------------------------------------


async def _warm_api(crew: Crew, proxy: Proxy, port: int, bob: Person) -> Process:
    """A new API process behind the proxy that has served one submission: each message now is a submission's own."""
    proxy.clear()
    process = crew.api(dsn=proxy.url, port=port, lease_s=20)
    warm = await _answered(port, bob, None)
    assert warm.status_code == 200, warm.text

    async def woken() -> bool:
        return any(message.sql.startswith("NOTIFY") for message in proxy.seen)

    await until(woken, "the notice after the first submission")
    return process


async def _post(port: int, person: Person, key: str | None) -> httpx2.Response | None:
    """One submission on a connection of its own; None when the process died over it."""
    headers = person.auth | ({"Idempotency-Key": key} if key else {})
    with contextlib.suppress(httpx2.HTTPError):
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            return await client.post(GENERATIONS, json=BODY, headers=headers)
    return None


async def _answered(port: int, person: Person, key: str | None) -> httpx2.Response:
    """As a client does: again while nobody listens or the service is busy."""

    async def look() -> httpx2.Response | None:
        answer = await _post(port, person, key)
        return answer if answer is not None and answer.status_code != 503 else None

    return await until(look, f"an answer on port {port}")


async def _check_all_or_nothing(conn: db.Connection, person: Person, before: int) -> bool:
    """Whether one more task than `before` was accepted: with its hold and its job, or else without any trace."""
    count = await conn.fetchval("SELECT count(*) FROM tasks WHERE account_id = $1", person.account_id)
    assert count - before in (0, 1)
    assert await balance(conn, person) == (CREDITS - count * PRICE_CREDITS, count * PRICE_CREDITS)
    for table in ("idempotency_keys", "ledger_transactions"):
        rows = await conn.fetchval(f"SELECT count(*) FROM {table} WHERE account_id = $1", person.account_id)
        assert rows == count + (table == "ledger_transactions"), table
    whole = await conn.fetchval(
        "SELECT count(*) FROM tasks t JOIN pgqueuer q ON q.dedupe_key = t.id WHERE t.account_id = $1", person.account_id
    )
    assert whole == count
    assert await jobs(conn) == await conn.fetchval("SELECT count(*) FROM tasks")
    assert await ledger.audit(conn) == []
    assert (await checkup._orphans(conn)).good
    return bool(count > before)


async def test_a_video_that_may_have_been_bought_is_not_bought_again(
    alice: Person, bob: Person, conn: db.Connection, crew: Crew, proxy: Proxy
) -> None:
    """The openai SDK sends again what was answered with 503, and a request without a key would then buy twice."""
    port = free_port()
    await _warm_api(crew, proxy, port, bob)

    async def post(**headers: str) -> httpx2.Response:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            return await client.post("/v1/videos", json={"prompt": "A river"}, headers=alice.auth | headers)

    proxy.after = lambda message: message.sql.upper().startswith("COMMIT")
    unsure = await post()
    assert (unsure.status_code, unsure.headers["x-should-retry"]) == (503, "false")
    assert unsure.json()["error"]["message"].startswith("The service is busy and cannot say whether")
    await proxy.settled()
    proxy.clear()
    assert await conn.fetchval("SELECT count(*) FROM tasks WHERE account_id = $1", alice.account_id) == 1
    proxy.after = lambda message: message.sql.upper().startswith("COMMIT")
    lost = await post(**{"Idempotency-Key": "k"})
    assert lost.status_code == 503
    assert "x-should-retry" not in lost.headers, "with a key, sending it again is safe"
    await proxy.settled()
    proxy.clear()
    again = await post(**{"Idempotency-Key": "k"})
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert await conn.fetchval("SELECT count(*) FROM tasks WHERE account_id = $1", alice.account_id) == 2
