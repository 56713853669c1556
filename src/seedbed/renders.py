"""Renders: what an attempt makes, from its media to files in storage that wait to be published.

Owns no table. It promises that an engine gets plain files and a size in pixels, that what it made is proven
before it is stored, and that nothing of an attempt stays in storage once `discard` is called. It moves no
task: whether the files are the task's is decided by whoever called, when it commits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from seedbed import catalogue, intake, media, storage, telemetry
from seedbed.engines import FPS, Engine, EngineError, InputMedia, Progress, RenderRequest, RenderResult
from seedbed.errors import TaskFailure
from seedbed.files import StoredFile
from seedbed.media.kept import Kept
from seedbed.outbound import PublicClient
from seedbed.runtime import Runtime
from seedbed.scratch import Scratch
from seedbed.storage import StorageError
from seedbed.tasks import Output, Task
from seedbed.telemetry import log

FILES = {
    "video": (".mp4", "video/mp4"),
    "last_frame": ("_last_frame.png", "image/png"),
    "thumbnail": ("_thumbnail.webp", "image/webp"),
    "spritesheet": ("_spritesheet.jpg", "image/jpeg"),
}
"""What an attempt may store, as `tasks.Output` calls it → how its name ends, and its type."""


def video_key(task: Task) -> str:
    """Where the task's present attempt keeps its video."""
    return file_keys(task.id, task.attempt)["video"]


def file_keys(task_id: str, attempt: int) -> dict[str, str]:
    """Where an attempt keeps each of its files, by their names in `FILES`."""
    return {name: storage.output_key(task_id, attempt, f"{task_id}{end}") for name, (end, _) in FILES.items()}


@dataclass(frozen=True, slots=True)
class Renderer:
    """The engines of one worker, and what they work with."""

    runtime: Runtime
    engines: dict[str, Engine]
    scratch: Scratch
    client: PublicClient
    _kept: dict[str, tuple[Kept, ExitStack]] = field(default_factory=dict)

    @property
    def _kept_s(self) -> float:
        """A render may be long, and the pause before the next one is short."""
        return self.runtime.settings.render_timeout_s + 60

    async def make(self, task: Task, engines: Sequence[str], note: Progress) -> Output:
        """Run the first of `engines` that can make the task, prove what comes out and store it.

        Raises EngineError, TaskFailure, StorageError; OSError where the scratch folder fails. After an EngineError
        that another attempt may mend, the task's downloads are kept for that.
        """
        again = False
        try:
            return await self._made(task, engines, note)
        except EngineError as error:
            again = error.retryable
            raise
        finally:
            if not again:
                self._forget(task.id)

    async def _made(self, task: Task, engines: Sequence[str], note: Progress) -> Output:
        with ExitStack() as stack:
            inputs = await self._inputs(task, stack)
            request = _render_request(task, inputs)
            engine, result = await self._run(request, engines, stack, note)
            video = await asyncio.to_thread(media.probe_output, result.video)
            media.check_output(
                video,
                width=request.width,
                height=request.height,
                frame_count=request.frame_count,
                fps=FPS,
                audio=request.audio,
            )
            pictures = await self._pictures(task, result.video, video.frames, stack)
            files = await self._store(task, {"video": result.video} | pictures)
        return Output(
            **files,
            width=video.width,
            height=video.height,
            engine=engine,
            plan=_keepable(result.plan),
            input_s=sum(medium.duration_s for medium in inputs if medium.kind == "video"),
        )

    async def discard(self, task_id: str, attempt: int) -> None:
        """Remove what an attempt has stored, if anything. Raises StorageError."""
        for key in file_keys(task_id, attempt).values():
            await self.runtime.storage.delete(key)

    async def _inputs(self, task: Task, stack: ExitStack) -> tuple[InputMedia, ...]:
        if not task.media:
            return ()
        if task.id not in self._kept:
            place = ExitStack()
            self._kept[task.id] = Kept(place.enter_context(self.scratch.folder())), place
        kept, _ = self._kept[task.id]
        kept.used_at = time.monotonic()
        folder = stack.enter_context(self.scratch.folder())
        return await intake.media_of(task, self.runtime, self.client, folder, kept)

    def tidy(self) -> None:
        """Forget the downloads of tasks that went to another worker, or ended without us."""
        old = [name for name, (kept, _) in self._kept.items() if time.monotonic() - kept.used_at > self._kept_s]
        for task_id in old:
            self._forget(task_id)

    def _forget(self, task_id: str) -> None:
        if found := self._kept.pop(task_id, None):
            found[1].close()

    async def _run(
        self, request: RenderRequest, engines: Sequence[str], stack: ExitStack, note: Progress
    ) -> tuple[str, RenderResult]:
        """The first that can make it, in the catalogue's order."""
        failed: EngineError | None = None
        for name in engines:
            if name not in self.engines:
                continue
            folder, began = stack.enter_context(self.scratch.folder()), time.monotonic()
            try:
                async with asyncio.timeout(self.runtime.settings.render_timeout_s):
                    return name, await self.engines[name].render(request, folder, note)
            except TimeoutError:
                raise TaskFailure("timeout", "The render took longer than this server allows") from None
            except EngineError as error:
                log.warning("the engine could not make it", engine=name, error=error.message)
                failed = error
            finally:
                telemetry.RENDER_SECONDS.labels(name).observe(time.monotonic() - began)
        raise failed or TaskFailure("no_engine", "No engine here can make this video")

    async def _pictures(self, task: Task, video: Path, frames: int, stack: ExitStack) -> dict[str, Path]:
        """What the task wants beside its video, made from it, by name."""
        made: dict[str, Path] = {}
        if not (task.last_frame or task.previews):
            return made
        folder = stack.enter_context(self.scratch.folder())
        if task.last_frame:
            made["last_frame"] = folder / "last.png"
            await asyncio.to_thread(media.save_last_frame, video, made["last_frame"])
        if task.previews:
            made |= {"thumbnail": folder / "thumbnail.webp", "spritesheet": folder / "sheet.jpg"}
            await asyncio.to_thread(media.save_previews, video, made["thumbnail"], made["spritesheet"], frames=frames)
        return made

    async def _store(self, task: Task, made: dict[str, Path]) -> dict[str, StoredFile]:
        """All of the attempt's files, or none."""
        keys, files = file_keys(task.id, task.attempt), {}
        try:
            for name, path in made.items():
                content_type = FILES[name][1]
                stored = await self.runtime.storage.put(keys[name], path, content_type)
                files[name] = StoredFile(
                    key=keys[name],
                    content_type=content_type,
                    size_bytes=stored.size_bytes,
                    sha256=bytes.fromhex(stored.sha256),
                )
        except StorageError:
            with suppress(StorageError):
                await self.discard(task.id, task.attempt)
            raise
        return files


def _render_request(task: Task, inputs: tuple[InputMedia, ...]) -> RenderRequest:
    seen = next(((medium.width, medium.height) for medium in inputs if medium.width and medium.height), None)
    width, height = catalogue.pixels(task.resolution, task.aspect_ratio, like=seen)
    return RenderRequest(
        prompt=task.prompt,
        width=width,
        height=height,
        duration_s=task.duration_s,
        seed=task.seed,
        mode=task.mode,
        media=inputs,
        audio=task.audio,
        fixed_lens=task.fixed_lens,
        quality=task.quality,
        channel=task.channel,
        model=task.model,
    )


def _keepable(plan: dict[str, Any]) -> dict[str, Any]:
    """An engine's plan, if the database can keep it as JSON: a video is not thrown away for its plan."""
    try:
        text = orjson.dumps(plan)
    except TypeError as error:
        log.warning("the engine's plan is not plain JSON and is not kept", error=str(error))
        return {}
    if b"\\u0000" in text:
        log.warning("the engine's plan holds U+0000 and is not kept")
        return {}
    return plan
