"""The same calls for programs without an event loop: each coroutine is run to its end where it stands.

That needs no loop and no thread, because the coroutines of a `BlockingWire` never suspend. So a client may
be used from any thread, and inside a running event loop too (which it blocks).
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, ClassVar, Concatenate, ParamSpec, Self, TypeVar

from seedbed.client.retries import Retries
from seedbed.client.session import TIMEOUT_S, TRIES, Session

P = ParamSpec("P")
R = TypeVar("R")


def run(coroutine: Coroutine[Any, Any, R]) -> R:
    """What a coroutine that never suspends returns."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        returned: R = end.value
        return returned
    coroutine.close()
    raise RuntimeError("a coroutine of the blocking client waited for an event loop")


def blocking(method: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]) -> Callable[Concatenate[Any, P], R]:
    """A session's method as one that blocks, of the same signature."""

    @functools.wraps(method)
    def call(self: Blocking, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return run(method(self._session, *args, **kwargs))

    return call


def blocking_iterator(
    method: Callable[Concatenate[Any, P], AsyncIterator[R]],
) -> Callable[Concatenate[Any, P], Iterator[R]]:
    """A session's iterating method as one that blocks, of the same signature."""

    @functools.wraps(method)
    def call(self: Blocking, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        found = method(self._session, *args, **kwargs)
        while True:
            try:
                yield run(_next(found))
            except StopAsyncIteration:
                return

    return call


async def _next(iterator: AsyncIterator[R]) -> R:
    return await anext(iterator)


class Blocking:
    """A session that blocks. Use it as a context manager, or close it."""

    _SESSION: ClassVar[type[Session[Any]]]
    """The session, over a wire that never suspends."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        retries: Retries = TRIES,
    ) -> None:
        self._session = self._SESSION(url, key, timeout_s=timeout_s, retries=retries)

    @property
    def url(self) -> str:
        """The service's address."""
        return self._session.url

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        run(self._session.aclose())
