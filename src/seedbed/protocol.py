"""HTTP as uvicorn speaks it, with the limits that it lacks: on the bytes of a head, and on the time of a request.

Without them a header without end is kept in memory until there is none left, and whoever sends a byte now and
then keeps a connection for ever. What a request's body may hold is the business of whoever reads it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_BYTES_MAX = 64 << 10
HEAD_S = 20.0
"""A head must be whole this long after its connection is there, or after its own first byte."""

REQUEST_S = 330.0
"""A body must be whole this long after its head: a little more than its reader allows, who can say why."""


ENDLESS = "endless"
"""What an answer without an end notes in its scope's state, so that it does not keep a server from stopping."""

WHOLE = "whole"
"""What the state of a request's scope has once its body is all here: whoever reads it needs no clock."""

_STOPPING = "stopping"


def stopping(state: dict[str, Any]) -> asyncio.Event:
    """What is set once the server is to stop: an answer that may be long in coming waits for it beside its own end.

    `state` is that of the request's scope.
    """
    event: asyncio.Event = state.setdefault(_STOPPING, asyncio.Event())
    return event


class LimitedHttp(HttpToolsProtocol):
    """One connection. Bytes are counted since the last piece of a request was whole: a head, a piece of a body."""

    _pending_bytes = 0
    _in_head = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._allow(HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._allow(None)
        super().connection_lost(exc)

    def shutdown(self) -> None:
        super().shutdown()
        if self.cycle is None or self.cycle.response_complete:
            return
        stopping(self.scope["state"]).set()
        if ENDLESS in self.scope["state"]:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        self._pending_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._pending_bytes > HEAD_BYTES_MAX:
            self.send_400_response(f"The request's head is over {HEAD_BYTES_MAX} bytes\n")
        elif self._pending_bytes and self._deadline is None:
            self._allow(HEAD_S)  # blank lines, which belong to no request, would never come to an end

    def on_message_begin(self) -> None:
        self._in_head = True
        self._allow(HEAD_S)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._pending_bytes = 0
        self._in_head = False
        self._allow(REQUEST_S)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._pending_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._pending_bytes = 0
        self._allow(None)
        self.scope["state"][WHOLE] = True
        super().on_message_complete()

    def _allow(self, time_s: float | None) -> None:
        """So much time from now on until the next of its kind; None: as long as it takes."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if time_s is None else self.loop.call_later(time_s, self._too_slow)

    def _too_slow(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering and not self.cycle.more_body:
            # An earlier request, whole, still gets its answer; only then is it seen to what came behind it.
            self._allow(HEAD_S)
            return
        if self._in_head or self.cycle is None or (answering and not self.cycle.response_started):
            self._say_too_slow()
        self.transport.close()

    def _say_too_slow(self) -> None:
        text = b"The request did not come in time\n"
        head = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[408] + head % len(text) + text)
