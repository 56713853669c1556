"""JSON as dialects take it: what is not looked through holds nothing that would be found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seedbed.dialects import _json
from seedbed.errors import InvalidRequest


def nested(levels: int) -> bytes:
    """Objects and lists by turns, so deep that the innermost text is on level `levels`."""
    value: Any = "leaf"
    for level in range(levels - 1):
        value = {"a": value} if level == levels - 2 or level % 2 else [value]
    return json.dumps(value).encode()


def test_the_deepest() -> None:
    assert _json.parse_object(nested(_json.DEPTH_MAX))
    for levels in (_json.DEPTH_MAX + 1, 100, 100_000):
        with pytest.raises(InvalidRequest, match="The request body is nested deeper than 32"):
            _json.parse_object(b'{"a":' * (levels - 1) + b"1" + b"}" * (levels - 1))
    wide = json.dumps({"a": [{"b": []}] * 500}).encode()
    assert len(_json.parse_object(wide)["a"]) == 500
    assert _json.parse_object(json.dumps({"a": "[{" * 500}).encode())


@pytest.mark.parametrize("text", ["夜", "😀", "\\", "\\u0041", "\u00e9\n", "[", '"'])
def test_texts_that_are_kept(text: str) -> None:
    for ascii_only in (True, False):
        raw = json.dumps({text: [text]}, ensure_ascii=ascii_only).encode()
        assert _json.parse_object(raw) == {text: [text]}


@pytest.mark.parametrize(
    "number", ["0", "-0", "1.0", "1e5", "1E-7", "0.1", "18446744073709551615", "18446744073709551616", "-1" + "0" * 40]
)
def test_numbers_are_what_they_are(number: str) -> None:
    found = _json.parse_object(b'{"a":%b}' % number.encode())["a"]
    assert (type(found), repr(found)) == (type(json.loads(number)), repr(json.loads(number)))


@pytest.mark.parametrize("raw", [b'{"a":1,"a":1}', b'{"a":1,"b":{"c":2,"d":3,"c":2}}', b'{"a":[{"":1,"":2}]}'])
def test_no_name_comes_twice(raw: bytes) -> None:
    with pytest.raises(InvalidRequest, match="' twice"):
        _json.parse_object(raw)


BROKEN = {
    b"\\u0000": "U\\+0000",
    b"\\ud800": "half of a surrogate pair",
    b"\\uDC00x": "half of a surrogate pair",
    b"\\ude00\\ud83d": "half of a surrogate pair",
    b"\x00": "not JSON: Invalid control character",
    b"\xed\xa0\x80": "not UTF-8",
}


@pytest.mark.parametrize("text", BROKEN)
def test_texts_that_cannot_be_kept(text: bytes) -> None:
    for raw in (b'{"%b": 1}', b'{"a": "%b"}', b'{"a": [{"b": {"%b": 1}}]}'):
        with pytest.raises(InvalidRequest, match=BROKEN[text]):
            _json.parse_object(raw % text)
