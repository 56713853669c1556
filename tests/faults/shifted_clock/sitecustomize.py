"""Puts a process's calendar SHIFT_S seconds away from the world's: on its path, before anything else is imported.

Whatever measures lengths (`monotonic`) is left alone, as a wrong date leaves it.
"""

from __future__ import annotations

import datetime
import os
import time
from typing import Any

SHIFT_S = float(os.environ["SHIFT_S"])
_time, _time_ns, _gmtime, _localtime, _datetime, _date = (
    time.time,
    time.time_ns,
    time.gmtime,
    time.localtime,
    datetime.datetime,
    datetime.date,
)


class _Like(type):
    """Moments that C code makes are of the original class, and must still pass for what they are."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, cls.__mro__[1])


class _Datetime(_datetime, metaclass=_Like):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return cls.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls) -> Any:
        return cls.fromtimestamp(time.time(), datetime.UTC).replace(tzinfo=None)

    @classmethod
    def today(cls) -> Any:
        return cls.now()


class _Date(_date, metaclass=_Like):
    @classmethod
    def today(cls) -> Any:
        return cls.fromtimestamp(time.time())


time.time = lambda: _time() + SHIFT_S
time.time_ns = lambda: _time_ns() + int(SHIFT_S * 1e9)
time.gmtime = lambda seconds=None: _gmtime(time.time() if seconds is None else seconds)
time.localtime = lambda seconds=None: _localtime(time.time() if seconds is None else seconds)
datetime.datetime = _Datetime  # type: ignore[misc]
datetime.date = _Date  # type: ignore[misc]
