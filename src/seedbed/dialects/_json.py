"""JSON as dialects take it: strictly, so that what is kept and compared means one thing; and checked in words.

Knows no dialect and no HTTP. What is refused is an InvalidRequest that says what must change.
"""

from __future__ import annotations

import json
import math
from codecs import BOM_UTF8
from typing import Any, NoReturn, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from seedbed.errors import InvalidRequest, MissingField

DEPTH_MAX = 32
"""Values within each other, the body itself among them."""

Shape = TypeVar("Shape", bound=BaseModel)

# Texts ---------------------------------------------------------------------------------------------------------


def parse_object(raw: bytes) -> dict[str, Any]:
    """A JSON object, strictly: UTF-8, no duplicate names, no NaN, no NUL, no lone surrogates, not too deep."""
    value = _read_back(raw)
    if value is None:
        value = _read_strictly(raw)
    if not isinstance(value, dict):
        raise InvalidRequest("The request body must be a JSON object")
    # No text has half a pair or a NUL but by an escape, and nothing is nested deeper than brackets open.
    if b"\\u" in raw or raw.count(b"{") + raw.count(b"[") >= DEPTH_MAX:
        check_values(value)
    return value


def _read_back(raw: bytes) -> Any:
    """What a fast reader and writer agree on to the byte, so that nothing was lost on the way; None for all else.

    Most clients write as this writer does, without blanks.
    """
    try:
        value = orjson.loads(raw)
        return value if orjson.dumps(value) == raw else None
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None


def _read_strictly(raw: bytes) -> Any:
    try:
        return _STRICT.decode(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise InvalidRequest("The request body is not UTF-8") from None
    except RecursionError:
        raise InvalidRequest(f"The request body is nested deeper than {DEPTH_MAX}") from None
    except json.JSONDecodeError as error:
        what = "it begins with a byte order mark" if raw.startswith(BOM_UTF8) else error.msg.removesuffix(" at")
        raise InvalidRequest(f"The request body is not JSON: {what} at character {error.pos}") from None
    except ValueError:
        raise InvalidRequest("The request body holds a number with too many digits") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidRequest(f"The request body has the name {shown(twice)} twice")
    return found


def _constant(text: str) -> NoReturn:
    raise InvalidRequest(f"The request body holds {text}, which is not JSON")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise InvalidRequest("The request body holds a number that is too large")
    return number


_STRICT = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)


def check_values(root: Any) -> None:
    """Raises InvalidRequest for what cannot be kept as JSON, or is nested too deep."""
    level, depth = [root], 0
    while level:
        depth += 1
        if depth > DEPTH_MAX:
            raise InvalidRequest(f"The request body is nested deeper than {DEPTH_MAX}")
        below: list[Any] = []
        for value in level:
            _check_text(value)
            if isinstance(value, dict):
                for name in value:
                    _check_text(name)
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
        level = below


def _check_text(value: Any) -> None:
    if not isinstance(value, str):
        return
    if "\x00" in value:
        raise InvalidRequest("The request body holds the character U+0000, which cannot be kept; remove it")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise InvalidRequest("The request body holds half of a surrogate pair; send whole characters") from None


def given(values: dict[str, Any]) -> dict[str, Any]:
    """An object without its nulls, which are absent fields."""
    return {name: value for name, value in values.items() if value is not None}


def canonical(values: dict[str, Any]) -> bytes:
    """The bytes that equal bodies have in common, however they were written."""
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")


def text(value: Any) -> str:
    """`value` as JSON text, numbers and names as they were."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# Shapes --------------------------------------------------------------------------------------------------------


def check(shape: type[Shape], values: dict[str, Any]) -> Shape:
    """`values` as a `shape`. Raises InvalidRequest that names the first field at fault and what it must be."""
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = _plain(".".join(str(part) for part in first["loc"]))
        refused = MissingField if first["type"] == "missing" else InvalidRequest
        raise refused(_fault(where, first["type"], first["msg"]), field=where) from None


def _fault(where: str, kind: str, message: str) -> str:
    name = f"'{where}'"
    if kind == "missing":
        return f"{name} is required"
    if kind == "extra_forbidden":
        return f"{name} is not a field of this request"
    if kind == "model_type":
        return f"{name} must be an object"
    message = message.removeprefix("Value error, ")
    return f"{name}: {message[:1].lower()}{message[1:]}"


def choice(field: str, value: Any, allowed: tuple[Any, ...]) -> Any:
    """`value`, where it is allowed. Raises InvalidRequest that names the field and its choices."""
    if value not in allowed:
        raise InvalidRequest(f"'{field}' must be one of {', '.join(map(str, allowed))}", field=field)
    return value


def check_prompt(prompt: str) -> None:
    """Raise InvalidRequest for a prompt of blanks."""
    if not prompt.strip():
        raise InvalidRequest("'prompt' must say what the video shows; it is blank", field="prompt")


def whole(value: object) -> object:
    """JSON knows one kind of number: 5.0 is the integer 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def seconds(value: object) -> object:
    """A length that is written as a string; a whole number is taken too."""
    value = whole(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def shown(name: str) -> str:
    """A client's own name, quoted back."""
    return f"'{_plain(name)}'"


def _plain(name: str) -> str:
    """A client's own name, short and printable."""
    return "".join(c if c.isprintable() else "?" for c in name[:64])
