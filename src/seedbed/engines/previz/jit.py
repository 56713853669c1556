"""The one door to numba, typed, so that the rest of the engine reads as plain typed Python.

Every kernel is compiled once, kept on disk for later processes, and runs without the interpreter lock;
none uses numba's own threads, whose default layers must not be entered by two renders at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba

_HERE = Path(__file__).parent


def _forget_stale() -> None:
    """Drops compiled kernels that are older than any source here: one kernel is compiled into others, and numba
    looks only at the file of the outermost."""
    newest = max(source.stat().st_mtime for source in _HERE.rglob("*.py"))
    for index in _HERE.rglob("*.nbi"):
        with contextlib.suppress(OSError):
            if index.stat().st_mtime < newest:
                index.unlink()


_forget_stale()

F = TypeVar("F", bound=Callable[..., object])
_FLAGS = {"reassoc", "contract", "arcp", "nsz", "afn"}


def kernel(function: F) -> F:
    """Compile `function` at its first call. Reassociation is allowed; NaN and infinity keep their meaning."""
    return cast(F, numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_FLAGS)(function))


def inlined(function: F) -> F:
    """As `kernel`, for what is called once a pixel: its body is set into its callers, so no arrays are passed."""
    return cast(F, numba.njit(nogil=True, error_model="numpy", fastmath=_FLAGS, inline="always")(function))
