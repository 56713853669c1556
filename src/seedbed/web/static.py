"""Static files, under addresses that change with their content, so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

FOLDER = Path(__file__).with_name("static")
FOR_EVER = "public, max-age=31536000, immutable"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str


class Static:
    """The files of FOLDER, read once. Modules name one another by relative addresses, so one mark holds for all."""

    def __init__(self, folder: Path = FOLDER) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        self._files: Mapping[str, _File] = {
            path.relative_to(folder).as_posix(): _File(path.read_bytes(), _type(path)) for path in paths
        }
        digest = hashlib.sha256()
        for name, file in self._files.items():
            digest.update(f"{name} {len(file.content)} ".encode() + file.content)
        self.mark = digest.hexdigest()[:12]

    def url(self, name: str) -> str:
        """Where `name` is served. Raises KeyError for a file that is not there."""
        _ = self._files[name]
        return f"/static/{self.mark}/{name}"

    async def serve(self, request: Request) -> Response:
        """A file. An address of an earlier release gives today's file, and is not kept."""
        file = self._files.get(request.path_params["name"])
        if file is None:
            return Response("There is no such file\n", 404, media_type="text/plain")
        kept = FOR_EVER if request.path_params["mark"] == self.mark else "no-cache"
        return Response(file.content, headers={"Cache-Control": kept}, media_type=file.media_type)


def _type(path: Path) -> str:
    return TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
