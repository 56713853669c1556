"""Callbacks: a job with a task's change of state becomes one webhook, sent until it is taken or given up.

Owns no table. The body is written once, by the dialect that the task came through, when its delivery is
opened; no transaction is open while it is on its way.
"""

from __future__ import annotations

from typing import cast
from uuid import UUID

import orjson

from seedbed import db, dialects, queue, tasks, telemetry, webhooks
from seedbed.outbound import HostBusy, PublicClient
from seedbed.queue import Job
from seedbed.runtime import Runtime
from seedbed.tasks import Status
from seedbed.telemetry import log
from seedbed.webhooks import Delivery, Patience

HOST_BUSY_S = 1.0
"""How long a callback waits whose host has its share of requests in flight."""


async def deliver(job: Job, worker_id: UUID, runtime: Runtime, client: PublicClient) -> None:
    """Try one webhook; the job, which `worker_id` has claimed, waits for its next try or is done."""
    subject, word = job.payload.split(" ")
    if word == webhooks.TEST:
        async with db.connection(runtime.pool) as conn:
            delivery, patience = await webhooks.get_test(conn, subject), webhooks.ONCE
    else:
        delivery, patience = await _opened(subject, cast(Status, word), runtime)
    timeout_s = patience.timeout_s or runtime.settings.webhook_timeout_s
    if delivery.state != "pending":
        async with db.connection(runtime.pool) as conn:
            await queue.done(conn, worker_id, job)
        return
    try:
        outcome = await webhooks.send(client, delivery, timeout_s=timeout_s)
    except HostBusy:
        async with db.connection(runtime.pool) as conn:
            await queue.give_back(conn, worker_id, job, delay_s=HOST_BUSY_S)
        return
    async with db.transaction(runtime.pool) as conn:
        wait_s = await webhooks.record(conn, delivery, outcome, patience.schedule_s)
        if wait_s is None:
            await queue.done(conn, worker_id, job)
        else:
            await queue.give_back(conn, worker_id, job, delay_s=wait_s)
    telemetry.DELIVERIES.labels(_word(outcome)).inc()
    log.info("webhook tried", subject=subject, delivery=delivery.id, status=outcome.status, error=outcome.error)


async def _opened(task_id: str, status: Status, runtime: Runtime) -> tuple[Delivery, Patience]:
    async with db.transaction(runtime.pool) as conn:
        task = await tasks.get(conn, task_id)
        assert task.webhook_url is not None
        body = orjson.dumps(dialects.callback_body(task, status, runtime.storage.link))
        delivery = await webhooks.open_delivery(conn, task_id, status, task.webhook_url, body)
        return delivery, dialects.patience(task)


def _word(outcome: webhooks.Outcome) -> str:
    if outcome.delivered:
        return "delivered"
    return "unreachable" if outcome.status is None else "refused"
