"""Templates become pages: escaped, in the reader's language, under a policy that runs no stranger's script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from seedbed.web.languages import DEFAULT, LANGUAGES, SWITCH
from seedbed.web.static import Static
from seedbed.web.words import Words, words

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
            **_tools(words(language)), language=language, path=request.url.path, switch=_switch(request), **values
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


def _tools(said: Words) -> dict[str, Any]:
    """What templates say things with: phrases, counts, phrases in a context, sentences of the core; numbers, times."""
    return {
        "_": said, "_n": said.count, "_p": said.within, "told": said.retold, "noted": said.noted,
        "num": said.number, "signed": said.signed, "percent": said.percent,
        "day": said.day, "moment": said.moment, "seconds": said.seconds, "lasted": said.lasted,
    }  # fmt: skip


def _switch(request: Request) -> Callable[[str], str]:
    """The address of this page in another language."""
    rest = [(name, value) for name, value in request.query_params.multi_items() if name != SWITCH]
    return lambda language: "?" + urlencode([*rest, (SWITCH, language)])


def redirect(where: str) -> Response:
    """To another page of this server, by GET."""
    return RedirectResponse(where, 303)
