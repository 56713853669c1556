"""Files in TOML that an operator writes: read, checked, and every mistake told with file, line and what to change."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from seedbed.errors import ConfigError

Shape = TypeVar("Shape", bound=BaseModel)


def read(path: Path, shape: type[Shape]) -> tuple[Shape, str]:
    """The file at `path` as a `shape`, and its text. Raises ConfigError with file, line and what to change."""
    try:
        text = path.read_text(encoding="utf-8")
        return shape.model_validate(tomllib.loads(text)), text
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from None
    except ValidationError as error:
        lines = [f"{path}:{line(text, e['loc'])}: {_dotted(e['loc'])}: {_said(e['msg'])}" for e in _faults(error)]
        raise ConfigError("\n".join(lines)) from None


def line(text: str, location: tuple[Any, ...]) -> int:
    """The line of the deepest part of `location` that the text has, counted from 1.

    tomllib keeps no positions, so this walks the headers: `[[model]]` counts tables, `[model.x]` names
    one inside the last, and a key belongs to the header above it.
    """
    best, best_depth = 1, 0
    counts: Counter[str] = Counter()
    path: tuple[str, ...] = ()
    here: tuple[str, ...]
    names = tuple(str(part) for part in location)
    for number, content in enumerate(text.splitlines(), start=1):
        if table := re.match(r"\s*\[\[\s*(\w+)\s*\]\]", content):
            path = here = (table[1], str(counts[table[1]]))
            counts[table[1]] += 1
        elif header := re.match(r"\s*\[\s*(\w+)\s*\.([^\]]+)\]", content):
            path = here = (header[1], str(counts[header[1]] - 1), *_parts(header[2]))
        elif key := re.match(r"""([\w\s."'-]+)=""", content):
            here = (*path, *_parts(key[1]))
        else:
            continue
        depth = len(here) if names[: len(here)] == here else 0
        if depth > best_depth:
            best, best_depth = number, depth
    return best


def _parts(name: str) -> list[str]:
    """The parts of a TOML name: with dots between them, perhaps quoted."""
    return [part.strip(" \t\"'") for part in name.split(".")]


def _faults(error: ValidationError) -> list[ErrorDetails]:
    """What is wrong, without "too short" for a list that has items, all of them wrong."""
    found = error.errors()
    lists = {each["loc"][:depth] for each in found for depth in range(len(each["loc"]))}
    return [each for each in found if each["type"] != "too_short" or each["loc"] not in lists]


def _said(message: str) -> str:
    return message.removeprefix("Value error, ")


def _dotted(location: tuple[Any, ...]) -> str:
    return ".".join(str(part + 1) if isinstance(part, int) else part for part in location)
