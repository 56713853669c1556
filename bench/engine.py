"""The no-op engines of the benchmarks: all else is what is measured."""

from __future__ import annotations

import os
from pathlib import Path

from seedbed.engines import EngineError, Progress, RenderRequest, RenderResult


class Noop:
    """Links the file named by BENCH_CLIP into the scratch folder."""

    name = "noop"

    async def render(self, request: RenderRequest, scratch: Path, progress: Progress) -> RenderResult:
        video = scratch / "video.mp4"
        os.link(os.environ["BENCH_CLIP"], video)
        return RenderResult(video=video)

    async def aclose(self) -> None:
        pass


class Refuse:
    """Does nothing at all: the task ends at once, without a file to prove and store."""

    name = "refuse"

    async def render(self, request: RenderRequest, scratch: Path, progress: Progress) -> RenderResult:
        raise EngineError("no-op")

    async def aclose(self) -> None:
        pass
