"""What every kind of store says of an object, and how each says that it could not."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from obstore.exceptions import BaseError, GenericError

from seedbed.errors import SeedbedError

CHUNK_BYTES = 1 << 20
KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}(/[A-Za-z0-9][A-Za-z0-9._-]{0,127}){0,7}", re.ASCII)


class StorageError(SeedbedError):
    """The store could not do it. The message is for the operator; `retryable` says whether to try again."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class ObjectMissing(StorageError):
    """No object has this key."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What was stored: its length, the SHA-256 of its bytes in hex, and the store's own entity tag."""

    size_bytes: int
    sha256: str
    etag: str


@dataclass(frozen=True, slots=True)
class Head:
    """What the store knows of an object."""

    size_bytes: int
    etag: str
    modified: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long S3 is given: whole uploads tried, seconds for one request, first pause, seconds in all."""

    attempts_max: int = 4
    request_timeout_s: float = 90.0
    back_off_s: float = 0.5
    upload_timeout_s: float = 900.0


@contextlib.contextmanager
def plainly(action: str) -> Iterator[None]:
    """Turns what the system and obstore raise into StorageError, in one line."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ObjectMissing(f"{action}: there is no such object, bucket or file") from error
    except OSError as error:
        raise StorageError(f"{action}: {error.strerror or 'the system refused'}") from error
    except BaseError as error:
        first_line = str(error).partition("\n")[0]
        raise StorageError(f"{action}: {first_line}", retryable=isinstance(error, GenericError)) from error


def quoted_etag(opaque: str) -> str:
    """An entity tag as it stands in a header, from bare or quoted text."""
    return '"' + re.sub(r"[^!#-~]", "", opaque.removeprefix("W/")) + '"'
