"""Bodies that are forms, multipart/form-data (RFC 7578), taken apart strictly. Knows no dialect.

A form is a run of bytes, in memory or mapped from a file; its parts are found in it and not copied.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap

Bytes = bytes | bytearray | mmap

PART_HEAD_BYTES_MAX = 8 << 10
PARTS_MAX = 64

_BOUNDARY = re.compile(r'multipart/form-data\s*;.*?\bboundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_DISPOSITION = re.compile(rb"^content-disposition:[ \t]*form-data[ \t]*(;[^\r\n]*)$", re.IGNORECASE | re.MULTILINE)
_PARAMETER = re.compile(rb';[ \t]*([\w!#$&+^`|~*.-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))[ \t]*')
_TYPE = re.compile(rb"^content-type:[ \t]*([\w.+/-]+)", re.IGNORECASE | re.MULTILINE)


class Malformed(ValueError):
    """The bytes are no form."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its field's name, whether it came as a file, its own Content-Type ("" where it has none).

    Its bytes are those of the form from `start` up to but without `end`.
    """

    name: str
    is_file: bool
    content_type: str
    start: int
    end: int


def boundary_of(content_type: str) -> bytes | None:
    """The boundary that a Content-Type header names; None where it is no form's."""
    found = _BOUNDARY.match(content_type)
    return (found[1] or found[2]).encode("latin-1") if found else None


def is_form(content_type: str) -> bool:
    return content_type.lower().startswith("multipart/")


def parts(form: Bytes, boundary: bytes) -> Iterator[Part]:
    """The parts of `form`, in order. Raises Malformed, also for more than PARTS_MAX of them."""
    opening, closing = b"--" + boundary + b"\r\n", b"\r\n--" + boundary
    if form[: len(opening)] != opening:
        raise Malformed
    at = len(opening)
    for _ in range(PARTS_MAX):
        head_end = form.find(b"\r\n\r\n", at, at + PART_HEAD_BYTES_MAX)
        # A part may be empty: then its end begins with the line break of its head.
        end = -1 if head_end < 0 else form.find(closing, head_end + 2)
        if end < 0:
            raise Malformed
        yield _part(bytes(form[at:head_end]), head_end + 4, max(end, head_end + 4))
        at = end + len(closing) + 2
        after = bytes(form[at - 2 : at])
        if after == b"--":
            return
        if after != b"\r\n":
            raise Malformed
    raise Malformed


def _part(head: bytes, start: int, end: int) -> Part:
    disposition = _DISPOSITION.search(head.replace(b"\r\n", b"\n"))
    if disposition is None:
        raise Malformed
    given, at = {}, 0
    while at < len(disposition[1]):
        parameter = _PARAMETER.match(disposition[1], at)
        if parameter is None:
            raise Malformed
        name, quoted, plain = parameter.groups()
        given[name.lower()] = quoted if quoted is not None else plain
        at = parameter.end()
    if b"name" not in given:
        raise Malformed
    content_type = _TYPE.search(head)
    return Part(
        name=given[b"name"].decode("utf-8", "replace"),
        is_file=not given.keys().isdisjoint({b"filename", b"filename*"}),
        content_type=content_type[1].decode("ascii") if content_type else "",
        start=start,
        end=end,
    )
