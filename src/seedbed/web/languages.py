"""The six languages of the pages, and which of them a reader gets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po
from starlette.requests import Request

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
COOKIE = "language"
LOCALES = Path(__file__).with_name("locales")


def language_of(request: Request) -> str:
    """The language of a reader: the one chosen before, else the first of the browser's that there is, else English."""
    chosen = request.cookies.get(COOKIE, "")
    return chosen if chosen in LANGUAGES else accepted(request.headers.get("accept-language", ""))


def accepted(header: str) -> str:
    """The best of LANGUAGES for an Accept-Language header (RFC 9110, 12.5.4); DEFAULT where it names none."""
    wishes: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:1000].split(",")):
        tag, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
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


@cache
def phrases(language: str) -> Mapping[str, str]:
    """What the English phrases of the templates are in `language`; a phrase that is missing stays English."""
    path = LOCALES / f"{language}.po"
    if not path.exists():
        return {}
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language.replace("-", "_"))
    return {str(message.id): str(message.string) for message in catalogue if message.id and message.string}
