"""The resources of the MCP dialect: the prompt guide, and the files of videos that were made.

A small file is read as bytes; of a larger one the address is told, which any program can fetch.
"""

from __future__ import annotations

import asyncio
import base64
import re
from functools import cache
from pathlib import Path

import orjson
from mcp_types import BlobResourceContents, ReadResourceResult, Resource, ResourceTemplate, TextResourceContents

import seedbed
from seedbed import db, files
from seedbed.dialects import _mcp_shapes
from seedbed.dialects._mcp_tools import VIDEO_URI, Visit, own, page
from seedbed.errors import NotFound, ServiceBusy
from seedbed.storage import StorageError
from seedbed.tasks import Task
from seedbed.telemetry import log

GUIDE_URI = "seedbed://prompt-guide"
TASK_URI = "seedbed://videos/{task_id}"
LAST_FRAME_URI = "seedbed://videos/{task_id}/last-frame.png"
LISTED_MAX = 20

BLOB_BYTES_MAX = 8 << 20
"""The largest file that is read as bytes: it is in memory several times over, as base64 in JSON."""

_URI = re.compile(r"seedbed://videos/([0-9A-Za-z_-]{1,64})(?:/(video\.mp4|last-frame\.png))?")


@cache
def guide() -> str:
    """The prompt guide, from the package or from the source tree."""
    package = Path(seedbed.__file__).parent
    places = (folder / "docs" / "en" / "prompt-guide.md" for folder in (package, package.parents[1]))
    return next(place for place in places if place.is_file()).read_text(encoding="utf-8")


TEMPLATES = [
    ResourceTemplate(
        uri_template=TASK_URI,
        name="video",
        title="A video's state",
        description="What get_video tells",
        mime_type="application/json",
    ),
    ResourceTemplate(
        uri_template=VIDEO_URI,
        name="video-file",
        title="A finished video",
        description=f"The MP4 up to {BLOB_BYTES_MAX >> 20} MiB; of a larger one its address, as text/uri-list",
    ),
    ResourceTemplate(
        uri_template=LAST_FRAME_URI,
        name="last-frame",
        title="The last frame of a finished video",
        description=f"The PNG up to {BLOB_BYTES_MAX >> 20} MiB; of a larger one its address, as text/uri-list",
    ),
]


async def listed(visit: Visit) -> list[Resource]:
    """The guide, and the newest videos of the caller's account."""
    found, _ = await page(visit, LISTED_MAX, None, "succeeded")
    guided = Resource(
        uri=GUIDE_URI,
        name="prompt-guide",
        title="How to write prompts for videos",
        description="Read it before the first generate_video",
        mime_type="text/markdown",
        size=len(guide().encode()),
    )
    return [guided, *(_video(task) for task in found)]


def _video(task: Task) -> Resource:
    return Resource(
        uri=VIDEO_URI.format(task_id=task.id),
        name=f"{task.id}.mp4",
        title=task.prompt[:80],
        description=f"{task.duration_s} s, {task.width}x{task.height}, by {task.model}",
        mime_type="video/mp4",
    )


async def read(uri: str, visit: Visit) -> ReadResourceResult:
    """What is at `uri`. Raises NotFound, ServiceBusy."""
    if uri == GUIDE_URI:
        return ReadResourceResult(contents=[TextResourceContents(uri=uri, mime_type="text/markdown", text=guide())])
    match = _URI.fullmatch(uri)
    if match is None:
        raise NotFound("There is no such resource; resources/list and resources/templates/list tell what there is")
    task = await own(visit, match[1])
    if match[2] is None:
        text = orjson.dumps(_mcp_shapes.video_body(task, task.status, visit.runtime.storage.link)).decode()
        return ReadResourceResult(contents=[TextResourceContents(uri=uri, mime_type="application/json", text=text)])
    key = task.output_key if match[2] == "video.mp4" else task.last_frame_key
    if key is None:
        raise NotFound(f"The video is {task.status}: it has no file" + ("" if task.ended else " yet"))
    async with visit.blobs:
        return ReadResourceResult(contents=[await _file(uri, key, visit)])


async def _file(uri: str, key: str, visit: Visit) -> TextResourceContents | BlobResourceContents:
    async with db.connection(visit.runtime.pool) as conn:
        row = await files.find(conn, key)
    if row is None:
        raise NotFound("The file is no longer kept")
    if row["size_bytes"] > BLOB_BYTES_MAX:
        return TextResourceContents(uri=uri, mime_type="text/uri-list", text=visit.runtime.storage.link(key) + "\r\n")
    content = bytearray()
    try:
        async for piece in visit.runtime.storage.get_range(key, 0, row["size_bytes"]):
            content += piece
    except StorageError as error:
        log.error("a file could not be read", key=key, error=str(error))
        raise ServiceBusy("The file could not be read; try again shortly") from None
    blob = await asyncio.to_thread(lambda: base64.b64encode(content).decode())
    return BlobResourceContents(uri=uri, mime_type=row["content_type"], blob=blob)
