"""Addresses that requests point to: media, webhooks. Knows no dialect."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from seedbed.addresses import check_url, is_below
from seedbed.catalogue import Model
from seedbed.engines import Kind, Mode, Role
from seedbed.errors import InvalidRequest
from seedbed.intake import is_own
from seedbed.media.inputs import own_file
from seedbed.runtime import Runtime
from seedbed.tasks import MediaRef

KINDS: dict[str, Kind] = {
    **dict.fromkeys((".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp"), "image"),
    **dict.fromkeys((".mp4", ".mov", ".m4v"), "video"),
    **dict.fromkeys((".mp3", ".wav"), "audio"),
}
"""What a media URL's extension says it is."""


def public(field: str, url: str, runtime: Runtime) -> str:
    """A public https address, spelt in one way. Raises InvalidRequest that names the field."""
    try:
        return check_url(url, runtime.settings.trusted, field=field)
    except InvalidRequest as refused:
        raise InvalidRequest(f"'{field}': {refused.message}", field=field) from None


def receiver(field: str, url: str, runtime: Runtime) -> str:
    """The address of a webhook's receiver: a public one, and none of this server's own, which takes no webhooks."""
    if is_below(url, runtime.settings.base_url):
        raise InvalidRequest(f"'{field}' must not be an address of this server, which takes no webhooks", field=field)
    return public(field, url, runtime)


def medium(field: str, url: str, runtime: Runtime) -> str:
    """The address of a medium: a genuine link of this server's own, which is read in place, or a public one."""
    own = own_file(url, runtime.settings.base_url)
    if own is None:
        return public(field, url, runtime)
    if not is_own(runtime, own):
        raise InvalidRequest(f"'{field}' is not, or no longer, a file of this server", field=field)
    return url.partition("?")[0]


def kind_of(field: str, url: str, only: tuple[Kind, ...] = ("image", "video", "audio")) -> Kind | None:
    """What the URL's name says it is; None where it has no extension. Raises InvalidRequest for another kind."""
    suffix = PurePosixPath(unquote(urlsplit(url).path)).suffix.lower()
    if not re.fullmatch(r"\.[a-z0-9]{1,8}", suffix):
        return None
    taken = [name for name, kind in KINDS.items() if kind in only]
    if suffix not in taken:
        raise InvalidRequest(f"'{field}' must end in one of {', '.join(taken)}, or have no extension", field=field)
    return KINDS[suffix]


def refs(field: str, urls: list[str], model: Model, runtime: Runtime) -> tuple[MediaRef, ...]:
    """The media in the list `field`, each with its kind, as far as its name tells, and the role that all give it.

    One picture is the first frame, two are the first and the last; anything else is a reference. Raises
    InvalidRequest that names the field.
    """
    found = [
        (medium(f"{field}.{index}", url, runtime), kind_of(f"{field}.{index}", url)) for index, url in enumerate(urls)
    ]
    frames = len(found) <= 2 and all(kind in ("image", None) for _, kind in found)
    if not frames and not model.references:
        raise InvalidRequest(
            f"'{field}' must be one or two pictures for {model.id} (first and last frame)", field=field
        )
    roles: list[Role] = ["first_frame", "last_frame"] if frames else ["reference"] * len(found)
    return tuple(MediaRef(url=url, role=role, kind=kind) for (url, kind), role in zip(found, roles, strict=False))


def mode_of(field: str, media: tuple[MediaRef, ...], model: Model) -> Mode:
    """How `model` works from what the list `field` gave. Raises InvalidRequest that names it where it does not."""
    mode: Mode = "image_to_video" if media else "text_to_video"
    if mode not in model.modes:
        wrong = f"must be left out: {model.id} works from text alone" if media else f"is required by {model.id}"
        raise InvalidRequest(f"'{field}' {wrong}", field=field)
    return mode
