"""What is wrong with an installation, and what to do about it: for `seedbed doctor` and the console's admins."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from seedbed import catalogue, db, engines, ledger, prices, queue
from seedbed.engines import EngineError
from seedbed.errors import ConfigError, SeedbedError
from seedbed.oidc import Provider, SignInRefused, open_provider
from seedbed.payments import open_payments
from seedbed.settings import Settings
from seedbed.storage import Storage, StorageError

FREE_BYTES_MIN = 1 << 30
OLD_JOB_S = 600.0
STORAGE_REMEDY = "see SEEDBED_STORAGE_URL and its credentials"
SOUND = f"sound ({len(ledger.CHECKS)} rules proved)"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: whether it is good, what was found, and what to do when it is not."""

    check: str
    good: bool
    detail: str
    remedy: str = ""

    @property
    def row(self) -> dict[str, str]:
        """The finding as it is printed."""
        state, remedy = ("ok", "") if self.good else ("WRONG", self.remedy)
        return {"check": self.check, "state": state, "detail": self.detail, "do": remedy}


def examine(settings: Settings, database: Callable[[Settings], AbstractContextManager[str]]) -> list[Finding]:
    """Every check, in the order in which to mend them. `database` opens the one that the settings name."""
    findings = [
        _disk(settings), _catalogue(settings), _payments(settings), _sign_in(settings), _engines(settings),
        _storage(settings),
    ]  # fmt: skip
    try:
        with database(settings) as dsn:
            findings += asyncio.run(_in_database(dsn))
    except (SeedbedError, *db.UNAVAILABLE) as error:  # type: ignore[misc]
        findings.append(
            Finding("database", False, str(error), "see <data_dir>/postgres/postgres.log, or SEEDBED_DATABASE_URL")
        )
    return findings


async def of_service(
    settings: Settings, storage: Storage, provider: Provider | None, conn: db.Connection, *, prove: bool
) -> list[Finding]:
    """The checks that a running service can make of itself; with `prove` the ledger too, whose proof reads all of it.

    `conn` must be outside any transaction.
    """
    return [
        _disk(settings),
        await _publishes(provider),
        await _stores(storage, settings.storage_url or str(settings.data_dir / "files")),
        *await _of_database(conn, prove=prove),
    ]


def _disk(settings: Settings) -> Finding:
    place = settings.data_dir.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    return Finding(
        "disk",
        free >= FREE_BYTES_MIN,
        f"{free / 1e9:.1f} GB free under {place}",
        f"free space, or move --data-dir; {FREE_BYTES_MIN / 1e9:.0f} GB is the least",
    )


def _catalogue(settings: Settings) -> Finding:
    try:
        found = catalogue.load(settings.catalogue)
    except ConfigError as error:
        return Finding("catalogue", False, str(error), "mend the line that it names")
    return Finding("catalogue", True, f"{len(found.model)} models")


def _payments(settings: Settings) -> Finding:
    """The price list and the keys, as far as they can be told without buying anything."""
    try:
        sold, account = prices.load(settings.prices), open_payments(settings)
    except ConfigError as error:
        return Finding("payments", False, str(error), "mend the line or the setting that it names")
    if account is None:
        return Finding("payments", True, "none: operators grant credits")
    account.close()
    return Finding("payments", True, f"{len(sold.by_id)} offers in {sold.currency}, through Stripe")


def _sign_in(settings: Settings) -> Finding:
    try:
        provider = open_provider(settings)
    except ConfigError as error:
        return Finding("sign-in", False, str(error), "mend the setting that it names")

    async def asked() -> Finding:
        try:
            return await _publishes(provider)
        finally:
            if provider is not None:
                await provider.aclose()

    return asyncio.run(asked())


async def _publishes(provider: Provider | None) -> Finding:
    """Whether the provider's discovery document and its keys are there and will do."""
    if provider is None:
        return Finding("sign-in", True, "by password")
    try:
        keys = await provider.examine()
    except SignInRefused as refusal:
        return Finding("sign-in", False, str(refusal), "see SEEDBED_OIDC_ISSUER, or wait until the provider is back")
    return Finding("sign-in", True, f"with {provider.issuer}; signing keys: {keys}")


def _engines(settings: Settings) -> Finding:
    try:
        found = engines.offered(settings.engines)
    except EngineError as error:
        return Finding("engines", False, error.message, "install what it needs, or change SEEDBED_ENGINES")
    return Finding("engines", True, f"{', '.join(found)} can run here")


def _storage(settings: Settings) -> Finding:
    url = settings.storage_url or str(settings.data_dir / "files")

    try:
        store = Storage.open(url, base_url=settings.base_url, secret=b"only for this check")
    except ConfigError as error:
        return Finding("storage", False, f"{url}: {error}", STORAGE_REMEDY)
    try:
        return asyncio.run(_stores(store, url))
    finally:
        store.close()


async def _stores(store: Storage, url: str) -> Finding:
    try:
        await store.ready()
    except (ConfigError, StorageError) as error:
        return Finding("storage", False, f"{url}: {error}", STORAGE_REMEDY)
    return Finding("storage", True, f"{url} can be written and read")


async def _in_database(dsn: str) -> list[Finding]:
    pool = await db.open_pool(dsn, size=1, name="seedbed doctor")
    try:
        async with db.connection(pool) as conn:
            return await _of_database(conn)
    finally:
        await pool.close()


async def _of_database(conn: db.Connection, *, prove: bool = True) -> list[Finding]:
    revision = await db.revision(conn)
    if revision != db.head():
        detail = f"at revision {revision}, this version needs {db.head()}"
        return [Finding("database", False, detail, "run `seedbed migrate`")]
    version = await conn.fetchval("SHOW server_version")
    return [
        Finding("database", True, f"PostgreSQL {version}, revision {revision}"),
        *([await _ledger(conn)] if prove else []),
        await _orphans(conn),
        await _workers(conn),
    ]


async def _ledger(conn: db.Connection) -> Finding:
    breaches = await ledger.audit(conn)
    return Finding("ledger", not breaches, "; ".join(breaches) or SOUND, "tell us: this must not happen")


async def _orphans(conn: db.Connection) -> Finding:
    lost = await conn.fetchval(
        """
        SELECT count(*) FROM tasks t WHERE t.status IN ('queued', 'processing')
        AND NOT EXISTS (SELECT FROM pgqueuer q WHERE q.dedupe_key = t.id)
        """
    )
    return Finding("tasks", lost == 0, f"{lost} waiting without a job", "tell us: this must not happen")


async def _workers(conn: db.Connection) -> Finding:
    seen = await queue.workers(conn)
    depths = await queue.depths(conn)
    waiting, oldest_s = sum(d.waiting for d in depths), max((d.oldest_s for d in depths), default=0.0)
    detail = f"{len(seen)} workers; {waiting} jobs wait, the oldest for {oldest_s:.0f} s"
    stuck = waiting > 0 and (not seen or oldest_s > OLD_JOB_S)
    return Finding("workers", not stuck, detail, "start a worker, or more: `seedbed worker`")
