"""The one door to numba, typed, so that the rest of the engine reads as plain typed Python.

Every kernel is compiled once, kept on disk for later processes, and runs without the interpreter lock;
none uses numba's own threads, whose default layers must not be entered by two renders at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def kernel(function: F) -> F:
    """Compile `function` at its first call. Reassociation is allowed; NaN and infinity keep their meaning."""
    flags = {"reassoc", "contract", "arcp", "nsz", "afn"}
    return cast(F, numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=flags)(function))
