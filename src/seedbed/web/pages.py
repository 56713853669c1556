"""Templates become pages: escaped, in the reader's language, under a policy that runs no stranger's script."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from seedbed.web.languages import DEFAULT, LANGUAGES, phrases
from seedbed.web.static import Static

TEMPLATES = Path(__file__).with_name("templates")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob: {files}; "
    "media-src 'self' blob: {files}; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Of content (CSP level 3). `files` are the other hosts that videos and pictures come from, if there are any."""


class Pages:
    """Renders templates from `folders` (the shared ones are found after them)."""

    def __init__(self, static: Static, folders: Sequence[Path] = (), *, files: str = "") -> None:
        self.static = static
        self._policy = POLICY.format(files=files).replace("  ", " ").replace(" ;", ";")
        self._environment = Environment(
            loader=FileSystemLoader([*folders, TEMPLATES]), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._environment.globals |= {"static": static.url, "languages": LANGUAGES}

    def page(
        self, request: Request, template: str, *, language: str = DEFAULT, status: int = 200, **values: Any
    ) -> Response:
        """`template` with `values`, as a page in `language`."""
        text = self._environment.get_template(template).render(
            _=partial(translated, language), language=language, path=request.url.path, **values
        )
        headers = {
            "Content-Security-Policy": self._policy,
            "X-Frame-Options": "DENY",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
            "Vary": "Accept-Language, Cookie",
            "Content-Language": language,
        }
        return HTMLResponse(text, status, headers)


def translated(language: str, phrase: str, **values: object) -> str:
    """`phrase` in `language`, its {names} filled in."""
    text = phrases(language).get(phrase, phrase)
    return text.format(**values) if values else text


def redirect(where: str) -> Response:
    """To another page of this server, by GET."""
    return RedirectResponse(where, 303)
