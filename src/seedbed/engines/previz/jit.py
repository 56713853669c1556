"""The one door to numba, typed, so that the rest of the engine reads as plain typed Python.

Every kernel is compiled once, kept on disk for later processes, and runs without the interpreter lock;
none uses numba's own threads, whose default layers must not be entered by two renders at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

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


_MAKING = {
    "arange", "array", "ascontiguousarray", "astype", "concatenate", "copy", "empty", "empty_like", "flatten", "full",
    "full_like", "linspace", "ones", "ones_like", "ravel", "repeat", "reshape", "sort", "stack", "transpose", "unique",
    "zeros", "zeros_like",
}  # fmt: skip
"""Names that a function says when it makes an array."""
_ARRAYS = ("Floats", "Ints", "Words", "Bytes", "NDArray", "Planes")
"""How types of arrays are written."""


def kernel(function: F) -> F:
    """Compile `function` at its first call. Reassociation is allowed; NaN and infinity keep their meaning.

    One that makes no array counts no references to those it is given: counting is atomic, and threads that draw from
    the same arrays would wait for each other with every row they take.
    """
    counts: Any = {"_nrt": _makes_arrays(function)}
    return cast(F, numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_FLAGS, **counts)(function))


def _makes_arrays(function: Callable[..., object]) -> bool:
    """Whether `function` makes an array, gives one back, or calls a kernel that gives one back."""
    names = set(function.__code__.co_names)
    called = (getattr(function.__globals__.get(name), "py_func", None) for name in names)
    return bool(names & _MAKING) or any(_gives_arrays(each) for each in (function, *called) if each is not None)


def _gives_arrays(function: Callable[..., object]) -> bool:
    return any(kind in str(function.__annotations__.get("return")) for kind in _ARRAYS)


def inlined(function: F) -> F:
    """As `kernel`, for what is called once a pixel: its body is set into its callers, so no arrays are passed."""
    return cast(F, numba.njit(nogil=True, error_model="numpy", fastmath=_FLAGS, inline="always")(function))


def _prefetch(typing: Any, array: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        values = context.make_array(signature.args[0])(context, builder, given[0])
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")  # type: ignore[no-untyped-call]
        place = builder.bitcast(builder.gep(values.data, [given[1]]), byte)
        builder.call(function, [place, word(0), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(array, index), generate


prefetch = cast("Callable[[Any, Any], None]", intrinsic(_prefetch))
"""In kernels: has the processor bring an element of a flat array near, to be read soon. It is no error, and no use, if
the index lies outside."""
