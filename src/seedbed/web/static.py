"""Static files, under addresses that change with their content, so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

FOLDER = Path(__file__).with_name("static")
FOR_EVER = "public, max-age=31536000, immutable"
FOR_A_DAY = "public, max-age=86400"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}


class Static:
    """The files of FOLDER, listed once. Modules name one another by relative addresses, so one mark holds for all."""

    def __init__(self, folder: Path = FOLDER) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        self._files: Mapping[str, Path] = {path.relative_to(folder).as_posix(): path for path in paths}
        digest = hashlib.sha256()
        for name, path in self._files.items():
            content = path.read_bytes()
            digest.update(f"{name} {len(content)} ".encode() + content)
        self.mark = digest.hexdigest()[:12]

    def url(self, name: str) -> str:
        """Where `name` is served. Raises KeyError for a file that is not there."""
        _ = self._files[name]
        return f"/static/{self.mark}/{name}"

    async def serve(self, request: Request) -> Response:
        """A file, or the range asked for. An address of an earlier release gives today's file, and is not kept."""
        path = self._files.get(request.path_params["name"])
        if path is None:
            return Response("There is no such file\n", 404, media_type="text/plain")
        kept = FOR_EVER if request.path_params["mark"] == self.mark else "no-cache"
        return FileResponse(path, headers={"Cache-Control": kept}, media_type=_type(path))

    async def icon(self, request: Request) -> Response:
        """The mark, for browsers that show a file with no page around it and ask for an icon by themselves."""
        return FileResponse(self._files["mark.svg"], headers={"Cache-Control": FOR_A_DAY}, media_type=TYPES[".svg"])


def _type(path: Path) -> str:
    return TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
