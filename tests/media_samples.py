"""Pictures, clips and sounds of known content, a shelf that serves them, and what the sandbox makes of them."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from seedbed.media import forms, sandbox
from seedbed.media.sandbox import Plain
from seedbed.tasks import MediaRef

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 190, 40), (30, 40, 210), (250, 250, 250)


async def plain(tmp_path: Path, data: bytes) -> Plain:
    """The medium through the sandbox."""
    source, own = tmp_path / "source", tmp_path / f"own-{len(list(tmp_path.iterdir()))}"
    source.write_bytes(data)
    own.mkdir()
    form = forms.sniff(source)
    assert form is not None
    found = await sandbox.normalise(source, form, own)
    assert found.path is not None
    assert found.path.parent == own
    return found


def written(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def quarters(width: int = 60, height: int = 40) -> Image.Image:
    """Red and green above blue and white: nothing about it is the same when turned."""
    image = Image.new("RGB", (width, height))
    for place, colour in enumerate((RED, GREEN, BLUE, WHITE)):
        image.paste(colour, (place % 2 * width // 2, place // 2 * height // 2, width, height))
    return image


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    width, height = image.size
    spots = [(width // 4, height // 4), (3 * width // 4, height // 4)]
    spots += [(x, 3 * height // 4) for x, _ in spots]
    return [tuple(image.convert("RGB").getpixel(spot)) for spot in spots]


def near(found: object, wanted: object, tolerance: int = 12) -> bool:
    return bool(np.abs(np.asarray(found, int) - np.asarray(wanted, int)).max() <= tolerance)


@dataclass
class Shelf:
    """A host of media: what is asked for, and how often."""

    port: int
    media: dict[str, bytes]
    asked: Counter[str] = field(default_factory=Counter)
    tags: dict[str, str] = field(default_factory=dict)
    unchanged: Counter[str] = field(default_factory=Counter)
    hold: asyncio.Event = field(default_factory=asyncio.Event)

    def ref(self, name: str, kind: str | None = None, role: str = "reference") -> MediaRef:
        return MediaRef(url=f"http://127.0.0.1:{self.port}/{name}", role=role, kind=kind)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def shelf(media: dict[str, bytes]) -> AsyncIterator[Shelf]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            name = head.split(b" ")[1].decode().lstrip("/")
            found.asked[name] += 1
            if name == "slow":
                await found.hold.wait()
            data, tag = media.get(name), found.tags.get(name, "")
            status = b"404 Not Found" if data is None else b"200 OK"
            body = data or b""
            if tag and f"if-none-match: {tag}\r\n" in head.decode().lower():
                found.unchanged[name] += 1
                status, body = b"304 Not Modified", b""
            lines = b"Content-Length: %d\r\nConnection: close\r\n" % len(body)
            if tag:
                lines += f"ETag: {tag}\r\n".encode()
            writer.write(b"HTTP/1.1 %s\r\n" % status + lines + b"\r\n" + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    found = Shelf(server.sockets[0].getsockname()[1], media)
    async with server:
        yield found
        found.hold.set()
