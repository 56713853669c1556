"""The no-op engine of the benchmarks: hands over a ready-made video, so that all else is what is measured."""

from __future__ import annotations

import os
from pathlib import Path

from seedbed.engines import Progress, RenderRequest, RenderResult


class Noop:
    """Links the file named by BENCH_CLIP into the scratch folder."""

    name = "noop"

    async def render(self, request: RenderRequest, scratch: Path, progress: Progress) -> RenderResult:
        video = scratch / "video.mp4"
        os.link(os.environ["BENCH_CLIP"], video)
        return RenderResult(video=video)

    async def aclose(self) -> None:
        pass
