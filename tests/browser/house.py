"""The whole service as browsers meet it: a real `seedbed serve` with its worker, a till, a receiver of webhooks.

`House` makes people who are signed in, so that only tests about signing in do that by hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import httpx2
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from seedbed import accounts, db, ledger, signin, tasks
from tests import stripe_stand, webhook_receivers
from tests.conftest import free_port
from tests.console.people import PASSWORD
from tests.faults.processes import Service, service

GENERATIONS = "/api/open/v1/video/generations"
QUICK = {"model": "seedance-2.0", "resolution": "480p", "duration": 4}
"""The cheapest film that the embedded engine draws."""


@dataclass(frozen=True)
class Person:
    """Somebody with an account and a session. `cookie` is what their browser keeps."""

    account_id: int
    email: str
    cookie: dict[str, str]


@dataclass
class Till(stripe_stand.Stand):
    """The stand-in for Stripe with its Checkout as people see it; what was paid is told to `told_to`."""

    told_to: str = ""

    async def __call__(self, request: Request) -> Response:
        kind, _, number = request.url.path.strip("/").partition("/")
        if kind != "pay":
            return await super().__call__(request)
        session = self.sessions[number]
        if request.method == "GET":
            return HTMLResponse(_checkout_page(session))
        events = self.subscribe(session) if session["mode"] == "subscription" else [self.pay(session)]
        async with httpx2.AsyncClient(base_url=self.told_to) as client:
            for event in events:
                answer = await stripe_stand.deliver(client, event)
                assert answer.status_code == 200, answer.text
        return RedirectResponse(session["success_url"], 303)


def _checkout_page(session: dict[str, Any]) -> str:
    return (
        "<!doctype html><html lang=en><title>Checkout</title><link rel=icon href=data:,><h1>Checkout</h1>"
        f"<p>{session['amount_total'] / 100:.2f}</p><form method=post><button>Pay</button></form>"
        f'<a href="{escape(session["cancel_url"])}">Back</a>'
    )


@dataclass
class House:
    """A running service: `till` takes the payments, `receiver` the webhooks, `pool` is its database."""

    service: Service
    pool: db.Pool
    till: Till
    receiver: webhook_receivers.Receiver
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _password: str = ""

    @property
    def url(self) -> str:
        return self.service.url

    @property
    def links(self) -> list[str]:
        """The paths of the links that the service has said: the one of its first start, then those of mails."""
        return re.findall(r"/link/[\w-]+", self.service.process.said())

    async def person(self, name: str, *, credits: int = 1000, admin: bool = False) -> Person:
        """Somebody new, who is signed in already. Their password is `PASSWORD`."""
        email = f"{name}-{next(self._numbers)}@example.org"
        self._password = self._password or await asyncio.to_thread(signin.hashed, PASSWORD)
        async with db.transaction(self.pool) as conn:
            account_id = await accounts.create(conn, email, is_admin=admin)
            await signin.set_password(conn, account_id, self._password)
            if credits:
                await ledger.grant(conn, account_id, credits, "from a friend")
            token = await signin.open_session(conn, account_id, address="127.0.0.1", agent="a test")
        return Person(account_id, email, {"name": "session", "value": token, "url": self.url})

    async def key(self, person: Person, **options: Any) -> str:
        """A key of theirs."""
        async with db.transaction(self.pool) as conn:
            return (await accounts.create_key(conn, person.account_id, "open", **options))[1]

    async def order(self, key: str, prompt: str, **options: Any) -> str:
        """Buy a film through the API; gives its task's id."""
        async with self.client(key) as api:
            answer = await api.post(GENERATIONS, json=QUICK | {"prompt": prompt} | options)
            assert answer.status_code == 200, answer.text
            return str(answer.json()["requestId"])

    async def made(self, task_id: str, timeout_s: float = 120) -> None:
        """Wait until a film is ready."""

        async def look() -> bool:
            async with db.connection(self.pool) as conn:
                status = (await tasks.get(conn, task_id)).status
            assert status not in ("failed", "cancelled"), status
            return status == "succeeded"

        await webhook_receivers.until(look, timeout_s)

    def client(self, key: str) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self.url, timeout=60, headers={"Authorization": f"Bearer {key}"})


@contextlib.asynccontextmanager
async def opened(folder: Path, dsn: str, **settings: object) -> AsyncIterator[House]:
    """A service on the empty database `dsn`, with its files in `folder`."""
    till, port = Till(told_to="", url=""), free_port()
    till.told_to = f"http://127.0.0.1:{port}"
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(stripe_stand.standing(till))
        receiver = await stack.enter_async_context(webhook_receivers.receiving())
        trusted = f"127.0.0.1:{receiver.port},{till.url.removeprefix('http://')}"
        given = {
            "database_url": dsn, "trusted_hosts": trusted, "stripe_api_url": till.url, "stripe_key": stripe_stand.KEY,
            "stripe_webhook_secret": stripe_stand.SECRET, "drain_s": 0,
        }  # fmt: skip
        running = stack.enter_context(service(folder, port, (), **(given | settings)))
        await running.ready()
        pool = await db.open_pool(dsn, size=2, name="house")
        stack.push_async_callback(pool.close)
        yield House(running, pool, till, receiver)
