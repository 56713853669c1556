"""Administration: the service at work, its accounts, what it sells, and its check-up. For admins alone."""

from __future__ import annotations

from starlette.responses import Response

from seedbed import accounts, audit_log, checkup, db, identities, ledger, oversight, queue
from seedbed.audit_log import Action
from seedbed.checkup import Finding
from seedbed.console import _fields
from seedbed.console._door import Visit
from seedbed.db import Connection
from seedbed.errors import ApiError, IdempotencyConflict, InvalidRequest, NotFound
from seedbed.telemetry import log
from seedbed.web import redirect

NOTE_CHARS_MAX, SEARCH_CHARS_MAX = 200, 100
LINES = 10
FAILED = 20


async def overview_page(visit: Visit) -> Response:
    """Workers and what each does, the queue by lane, and what failed of late."""
    async with db.connection(visit.runtime.pool) as conn:
        workers = await oversight.workers(conn)
        depths = await queue.depths(conn)
        failed = await oversight.failed(conn, limit=FAILED)
    return await visit.page(
        "admin.html",
        workers=workers,
        depths=depths,
        failed=failed,
        engines=sorted({engine for worker in workers for engine in worker.engines}),
        seen_s=queue.SEEN_S,
    )


async def accounts_page(visit: Visit) -> Response:
    """All accounts, or those whose address holds what is sought."""
    text = visit.request.query_params.get("q", "")[:SEARCH_CHARS_MAX].replace("\x00", "")
    async with db.connection(visit.runtime.pool) as conn:
        found = await accounts.search(conn, text, before=_fields.before(visit), limit=_fields.PAGE + 1)
    return await visit.page(
        "admin_accounts.html",
        found=found[: _fields.PAGE],
        older=found[_fields.PAGE - 1].id if len(found) > _fields.PAGE else None,
        q=text,
    )


async def make_account(visit: Visit) -> Response:
    """A new account without a password: whoever has the address sets one by way of "forgotten"."""
    async with db.transaction(visit.runtime.pool) as conn:
        account_id = await accounts.create(conn, visit.form.get("email", ""))
        await _note(visit, conn, "account.made", account_id)
    return redirect(f"/admin/accounts/{account_id}?done=made")


async def account_page(visit: Visit) -> Response:
    """One account: its balance, keys and last ledger lines, and what an admin can do."""
    return await _account(visit, _fields.part(visit, "account_id"))


async def grant(visit: Visit) -> Response:
    """Give an account credits, with a note that names the admin."""
    account_id = _fields.part(visit, "account_id")
    try:
        credits = _fields.credits(visit.form)
        note = _fields.line(visit.form, "note", NOTE_CHARS_MAX)
        signed = f"{note} ({visit.member.email})" if note else visit.member.email
        async with db.transaction(visit.runtime.pool) as conn:
            await accounts.get(conn, account_id)
            if await _fields.is_first(visit, conn):
                await ledger.grant(conn, account_id, credits, signed)
                await _note(visit, conn, "credits.granted", account_id, f"{credits}")
    except (InvalidRequest, IdempotencyConflict) as error:
        return await _account(visit, account_id, error)
    return redirect(f"/admin/accounts/{account_id}?done=granted")


async def set_admin(visit: Visit) -> Response:
    """Make an account an admin, or no longer one."""
    account_id, is_admin = _fields.part(visit, "account_id"), visit.form.get("admin") == "yes"
    try:
        async with db.transaction(visit.runtime.pool) as conn:
            await accounts.set_admin(conn, account_id, admin=is_admin)
            await _note(visit, conn, "admin.made" if is_admin else "admin.unmade", account_id)
    except InvalidRequest as error:
        return await _account(visit, account_id, error)
    return redirect(f"/admin/accounts/{account_id}?done=admin")


async def set_suspended(visit: Visit) -> Response:
    """Refuse an account's keys and sessions, or let them in again."""
    account_id, suspended = _fields.part(visit, "account_id"), visit.form.get("suspended") == "yes"
    try:
        async with db.transaction(visit.runtime.pool) as conn:
            await (accounts.suspend if suspended else accounts.resume)(conn, account_id)
            await _note(visit, conn, "account.suspended" if suspended else "account.resumed", account_id)
    except InvalidRequest as error:
        return await _account(visit, account_id, error)
    return redirect(f"/admin/accounts/{account_id}?done={'suspended' if suspended else 'resumed'}")


async def revoke_key(visit: Visit) -> Response:
    """Refuse a key of an account from now on."""
    account_id, key_id = _fields.part(visit, "account_id"), _fields.part(visit, "key_id")
    async with db.transaction(visit.runtime.pool) as conn:
        if key_id not in [key.id for key in await accounts.list_keys(conn, account_id)]:
            raise NotFound("There is no such key")
        await accounts.revoke_key(conn, key_id)
        await audit_log.note_key(conn, "key.revoked", key_id, by=visit.member.account_id)
    return redirect(f"/admin/accounts/{account_id}?done=revoked")


async def end_identity(visit: Visit) -> Response:
    """Close the way by which somebody signs in with the provider: their account waits for whom it is given to next."""
    account_id, identity_id = _fields.part(visit, "account_id"), _fields.part(visit, "identity_id")
    async with db.transaction(visit.runtime.pool) as conn:
        await identities.end(conn, account_id, identity_id)
        await _note(visit, conn, "identity.ended", account_id)
    log.info("an identity was ended", account_id=account_id, identity=identity_id, by=visit.member.email)
    return redirect(f"/admin/accounts/{account_id}?done=disconnected")


async def catalogue_page(visit: Visit) -> Response:
    """What is sold, as this process has read it."""
    return await visit.page("admin_catalogue.html", catalogue=visit.runtime.catalogue)


async def checkup_page(visit: Visit) -> Response:
    """Is all well? With `ledger` in the address the ledger is proved, too, while one waits."""
    runtime, findings = visit.runtime, list[Finding]()
    prove = "ledger" in visit.request.query_params
    try:
        async with db.connection(runtime.pool) as conn:
            findings = await checkup.of_service(runtime.settings, runtime.storage, runtime.provider, conn, prove=prove)
    except db.UNAVAILABLE as error:
        # A ledger that is too large to prove within a request's time is one for the command line.
        log.warning("the check-up did not end", error=repr(error))
    return await visit.page("admin_checkup.html", findings=findings, proved=prove)


async def audit_page(visit: Visit) -> Response:
    """What administrators did to accounts, the newest first."""
    async with db.connection(visit.runtime.pool) as conn:
        found = await audit_log.lines(conn, before=_fields.before(visit), limit=_fields.PAGE + 1)
    older = found[_fields.PAGE - 1].id if len(found) > _fields.PAGE else None
    return await visit.page("admin_audit.html", found=found[: _fields.PAGE], older=older)


async def _note(visit: Visit, conn: Connection, action: Action, account_id: int, details: str = "") -> None:
    await audit_log.note(conn, action, account_id, by=visit.member.account_id, details=details)


async def _account(visit: Visit, account_id: int, error: ApiError | None = None) -> Response:
    async with db.connection(visit.runtime.pool) as conn:
        account = await accounts.get(conn, account_id)
        keys = await accounts.list_keys(conn, account_id)
        connected = await identities.of_account(conn, account_id)
        lines = await ledger.statement(conn, account_id, limit=LINES)
    return await visit.page(
        "admin_account.html",
        status=error.status if error else 200,
        notice=visit.say(error.message) if error else None,
        account=account,
        keys=keys,
        connected=connected,
        lines=lines,
        once=_fields.new_once(),
    )
