"""The console: what a person sees. Pages made on the server; small scripts make them pleasant, and none is needed.

Owns no table; everything goes through the core that the dialects use. A page is a handler in one of this package's
modules (`async (Visit) -> Response`), a template, and a line in ROUTES.
"""

from __future__ import annotations

from pathlib import Path

from seedbed.console import _watch, create, keys, library, sign_in, task
from seedbed.console._door import Door, Endpoint, Handler
from seedbed.web import Pages, Static

__all__ = ["routes"]

TEMPLATES = Path(__file__).with_name("templates")

OPEN: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/", create.home),
    ("GET", "/sign-in", sign_in.sign_in_page),
    ("POST", "/sign-in", sign_in.sign_in),
    ("GET", "/sign-up", sign_in.sign_up_page),
    ("POST", "/sign-up", sign_in.sign_up),
    ("GET", "/forgot", sign_in.forgot_page),
    ("POST", "/forgot", sign_in.forgot),
    ("GET", "/link/{token}", sign_in.link_page),
    ("POST", "/link/{token}", sign_in.link),
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
    ("GET", "/keys", keys.keys_page),
    ("POST", "/keys", keys.make),
    ("POST", "/keys/{key_id:int}/rotate", keys.rotate),
    ("POST", "/keys/{key_id:int}/revoke", keys.revoke),
)
"""For those who have signed in."""

FILES: tuple[tuple[str, str, Handler], ...] = (("POST", "/uploads", create.upload),)
"""For those who have signed in; what is sent is a file and no form."""

ADMINS: tuple[tuple[str, str, Handler], ...] = ()
"""For admins."""


def routes(static: Static, *, files: str = "") -> list[tuple[str, str, Endpoint]]:
    """Method, path and endpoint of all pages. `files` are the hosts that videos come from, if others than ours."""
    door = Door(Pages(static, [TEMPLATES], files=files))
    return [
        *((method, path, door.open_to_all(handler)) for method, path, handler in OPEN),
        *((method, path, door.members(handler)) for method, path, handler in MEMBERS),
        *((method, path, door.files(handler)) for method, path, handler in FILES),
        *((method, path, door.admins(handler)) for method, path, handler in ADMINS),
    ]
