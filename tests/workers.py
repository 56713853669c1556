"""A worker in the test's own process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from seedbed.engines import Engine
from seedbed.outbound import PublicClient, Resolve
from seedbed.runtime import open_runtime
from seedbed.scratch import Scratch
from seedbed.settings import Settings
from seedbed.worker import Worker


@contextlib.asynccontextmanager
async def at_work(
    settings: Settings,
    tmp_path: Path,
    *previz: Engine,
    resolve: Resolve | None = None,
    host_max: int = 10,
    **named: Engine,
) -> AsyncIterator[Worker]:
    """A worker with the engines named, or one that stands in for `previz`; it drains at the end.

    It looks names up with `resolve`, and asks a host for `host_max` things at a time.
    """
    scratch = Scratch(tmp_path / "scratch")
    async with (
        PublicClient(settings.trusted, resolve=resolve, host_max=host_max) as client,
        open_runtime(settings, pool_size=12, name="test worker") as runtime,
    ):
        worker = Worker(runtime, named or {"previz": previz[0]}, scratch, client)
        running = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            worker.stop()
            await running
            scratch.close()
