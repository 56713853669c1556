"""The six languages of the pages, and which of them a reader gets."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

LANGUAGES: Mapping[str, str] = {
    "en": "English",
    "ru": "Русский",
    "zh-Hans": "简体中文",
    "zh-Hant": "繁體中文",
    "tr": "Türkçe",
    "pl": "Polski",
}
"""Tags (BCP 47) and what their speakers call them."""

DEFAULT = "en"
COOKIE, COOKIE_S = "language", 365 * 86_400
SWITCH = "language"
"""What the address of a page is given to choose a language."""


def language_of(request: Request, account: str | None = None) -> str:
    """The language of a reader: chosen in this browser, else the account's, else the browser's own, else English."""
    return chosen(request) or (account if account in LANGUAGES else None) or _accepted_by(request)


def chosen(request: Request) -> str | None:
    """The language that was chosen in this browser, if any was."""
    found = request.cookies.get(COOKIE, "")
    return found if found in LANGUAGES else None


def switched(request: Request) -> tuple[str, str] | None:
    """The language that a page's address chooses, and the address without that; None where it chooses none."""
    query = request.query_params.multi_items()
    wanted = dict(query).get(SWITCH, "")
    if wanted not in LANGUAGES:
        return None
    rest = urlencode([(name, value) for name, value in query if name != SWITCH])
    return wanted, request.url.path + (f"?{rest}" if rest else "")


def keep(response: Response, language: str, *, secure: bool) -> None:
    """Let the browser keep a choice, for a year."""
    response.set_cookie(COOKIE, language, max_age=COOKIE_S, path="/", secure=secure, samesite="lax")


def _accepted_by(request: Request) -> str:
    return accepted(",".join(request.headers.getlist("accept-language")))


def accepted(header: str) -> str:
    """The best of LANGUAGES for an Accept-Language header (RFC 9110, 12.5.4); DEFAULT where it names none."""
    wishes: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:1000].split(",")):
        tag, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().lower().removeprefix("q=") or 1)
        except ValueError:
            continue
        found = _known(tag.strip().lower())
        if found is not None and 0 < quality <= 1:
            wishes.append((-quality, place, found))
    return min(wishes)[2] if wishes else DEFAULT


def _known(tag: str) -> str | None:
    """Chinese goes by script, and by country where the tag has none (RFC 4647, 3.4)."""
    main, *rest = tag.split("-")
    if main == "zh":
        return "zh-Hant" if {"hant", "tw", "hk", "mo"} & set(rest) and "hans" not in rest else "zh-Hans"
    return main if main in LANGUAGES else None
