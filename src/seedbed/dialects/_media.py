"""Addresses that requests point to: media, webhooks; and pictures within an address. Knows no dialect."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from seedbed import outbound
from seedbed.engines import Kind
from seedbed.errors import InvalidRequest, PayloadTooLarge
from seedbed.intake import is_own
from seedbed.media.inputs import BYTES_MAX, MB, own_file
from seedbed.runtime import Runtime

KINDS: dict[str, Kind] = {
    **dict.fromkeys((".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp"), "image"),
    **dict.fromkeys((".mp4", ".mov", ".m4v"), "video"),
    **dict.fromkeys((".mp3", ".wav"), "audio"),
}
"""What a media URL's extension says it is."""

DATA_CHARS_MAX = BYTES_MAX["image"] * 4 // 3 + (64 << 10)
"""Of a body with a picture in it: the largest picture as base64, and room for the rest."""

_DATA = re.compile(r"data:image/[\w.+-]+;base64,", re.IGNORECASE | re.ASCII)


def public(field: str, url: str, runtime: Runtime) -> str:
    """A public https address, spelt in one way. Raises InvalidRequest that names the field."""
    try:
        return outbound.check_url(url, runtime.settings.trusted, field=field)
    except InvalidRequest as refused:
        raise InvalidRequest(f"'{field}': {refused.message}", field=field) from None


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


def is_data(url: object) -> bool:
    """Whether it is an address that holds its own picture (RFC 2397)."""
    return isinstance(url, str) and url[:5].lower() == "data:"


def save_data(field: str, url: str, path: Path) -> Kind:
    """Write the picture in `url`, data:image/…;base64,…, to `path`. Raises InvalidRequest that names the field."""
    head = _DATA.match(url)
    if head is None:
        raise InvalidRequest(f"'{field}' must be data:image/…;base64,… where it holds the picture itself", field=field)
    try:
        picture = base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest(f"'{field}' is not base64 after its comma", field=field) from None
    if not picture:
        raise InvalidRequest(f"'{field}' holds an empty picture", field=field)
    if len(picture) > BYTES_MAX["image"]:
        raise PayloadTooLarge(f"'{field}' is larger than {BYTES_MAX['image'] // MB} MB", field=field)
    path.write_bytes(picture)
    return "image"
