"""The console: what a person sees. Pages made on the server; small scripts make them pleasant, and none is needed.

Owns no table; everything goes through the core that the dialects use. A page is a handler in one of this package's
modules (`async (Visit) -> Response`), a template, and a line in ROUTES.
"""

from __future__ import annotations

from pathlib import Path

from seedbed.console import (
    _watch,
    admin,
    create,
    keys,
    library,
    pricing,
    provider,
    sign_in,
    task,
    team,
    usage,
    webhooks,
)
from seedbed.console._door import Door, Endpoint, Handler
from seedbed.oidc import CALLBACK
from seedbed.web import Pages, Static

__all__ = ["routes"]

TEMPLATES = Path(__file__).with_name("templates")

OPEN: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/", create.home),
    ("GET", "/sign-in", sign_in.sign_in_page),
    ("POST", "/sign-in", sign_in.sign_in),
    ("GET", "/sign-in/start", provider.start),
    ("GET", CALLBACK, provider.callback),
    ("GET", "/sign-up", sign_in.sign_up_page),
    ("POST", "/sign-up", sign_in.sign_up),
    ("GET", "/forgot", sign_in.forgot_page),
    ("POST", "/forgot", sign_in.forgot),
    ("GET", "/link/{token}", sign_in.link_page),
    ("POST", "/link/{token}", sign_in.link),
    ("GET", "/pricing", pricing.pricing_page),
)
"""For whoever comes."""

MEMBERS: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/", create.submit),
    ("GET", "/price", create.price),
    ("GET", "/library", library.library_page),
    ("GET", "/tasks/{id}", task.task_page),
    ("GET", "/tasks/{id}/events", _watch.events),
    ("POST", "/tasks/{id}/again", create.again),
    ("POST", "/tasks/{id}/cancel", task.cancel),
    ("POST", "/tasks/{id}/remove", task.remove),
    ("POST", "/sign-out", sign_in.sign_out),
    ("GET", "/account", sign_in.account_page),
    ("POST", "/account/sessions/end", sign_in.end_session),
    ("POST", "/account/password", sign_in.change_password),
    ("POST", "/account/identities/{identity_id:int}/end", provider.disconnect),
    ("GET", "/keys", keys.keys_page),
    ("POST", "/keys", keys.make),
    ("GET", "/keys/{key_id:int}", keys.key_page),
    ("POST", "/keys/{key_id:int}", keys.change),
    ("POST", "/keys/{key_id:int}/rotate", keys.rotate),
    ("POST", "/keys/{key_id:int}/revoke", keys.revoke),
    ("GET", "/usage", usage.usage_page),
    ("POST", "/usage/notice", usage.set_notice),
    ("GET", "/usage/ledger.csv", usage.ledger_csv),
    ("GET", "/webhooks", webhooks.webhooks_page),
    ("POST", "/webhooks/test", webhooks.test),
    ("POST", "/webhooks/on", webhooks.turn_on),
    ("GET", "/webhooks/{delivery_id}", webhooks.delivery_page),
    ("POST", "/webhooks/{delivery_id}/redeliver", webhooks.redeliver),
    ("GET", "/team", team.team_page),
    ("POST", "/team/invitations", team.invite),
    ("POST", "/team/invitations/{invitation_id:int}/revoke", team.revoke),
    ("POST", "/team/leave", team.leave),
    ("POST", "/team/members/{member_id:int}/give", team.give),
    ("POST", "/team/members/{member_id:int}/take-back", team.take_back),
    ("POST", "/team/members/{member_id:int}/role", team.set_role),
    ("POST", "/team/members/{member_id:int}/remove", team.remove),
    ("POST", "/pricing/buy", pricing.buy),
    ("POST", "/billing/portal", pricing.portal),
    ("POST", "/billing/ending", pricing.set_ending),
    ("GET", "/billing/paid/{order_id}", pricing.paid_page),
    ("GET", "/billing/cancelled/{order_id}", pricing.cancelled_page),
)
"""For those who have signed in."""

FILES: tuple[tuple[str, str, Handler], ...] = (("POST", "/uploads", create.upload),)
"""For those who have signed in; what is sent is a file and no form."""

ADMINS: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/admin", admin.overview_page),
    ("GET", "/admin/accounts", admin.accounts_page),
    ("POST", "/admin/accounts", admin.make_account),
    ("GET", "/admin/accounts/{account_id:int}", admin.account_page),
    ("POST", "/admin/accounts/{account_id:int}/grant", admin.grant),
    ("POST", "/admin/accounts/{account_id:int}/admin", admin.set_admin),
    ("POST", "/admin/accounts/{account_id:int}/identities/{identity_id:int}/end", admin.end_identity),
    ("POST", "/admin/accounts/{account_id:int}/suspended", admin.set_suspended),
    ("POST", "/admin/accounts/{account_id:int}/keys/{key_id:int}/revoke", admin.revoke_key),
    ("GET", "/admin/catalogue", admin.catalogue_page),
    ("GET", "/admin/checkup", admin.checkup_page),
    ("GET", "/admin/audit", admin.audit_page),
)
"""For admins."""


def door(static: Static, *, files: str = "") -> Door:
    """What all pages go through. `files` are the hosts that videos come from, if others than ours."""
    return Door(Pages(static, [TEMPLATES], files=files))


def routes(door: Door) -> list[tuple[str, str, Endpoint]]:
    """Method, path and endpoint of all pages."""
    return [
        *((method, path, door.open_to_all(handler)) for method, path, handler in OPEN),
        *((method, path, door.members(handler)) for method, path, handler in MEMBERS),
        *((method, path, door.files(handler)) for method, path, handler in FILES),
        *((method, path, door.admins(handler)) for method, path, handler in ADMINS),
    ]
