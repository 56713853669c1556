"""A file is there whole or not at all; what was cut goes on where it ended, if it still is the same file."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import resource
from pathlib import Path
from typing import Any

import httpx2
import pytest

from seedbed import db
from seedbed.client import ClientError, FileError, NotFound, Retries, UnexpectedAnswer, Unreachable
from seedbed.settings import Settings
from tests.client.conftest import SOON, Way
from tests.client.proxy import HALF, REFUSE, SPOIL, SWALLOW, Proxy, between, ready
from tests.conftest import Person
from tests.dialects.wire import publish, submit

FILM = os.urandom(1_000_000)
OTHER = os.urandom(700_000)
ONCE = Retries(tries=1)
HEAD_BYTES_MAX = 2_000


@pytest.fixture
async def link(api: httpx2.AsyncClient, settings: Settings, pool: db.Pool, alice: Person) -> str:
    """The path of a video that the service serves."""
    return await served(api, settings, pool, alice, FILM)


async def served(api: httpx2.AsyncClient, settings: Settings, pool: db.Pool, alice: Person, content: bytes) -> str:
    task_id = await submit(api, alice)
    await publish(settings, pool, task_id, content)
    told = await api.get(f"/api/open/v1/video/generations/{task_id}", headers=alice.auth)
    return str(told.json()["output"]["url"]).removeprefix(settings.base_url)


async def get(way: Way, proxy: Proxy, path: str, target: Path, retries: Retries = SOON, **more: Any) -> int:
    async with way.open(proxy.url, "sd2_live_secret", retries=retries) as client:
        size_bytes: int = await client.download(f"{proxy.url}{path}", target, **more)
        return size_bytes


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


async def test_a_cut_download_goes_on_where_it_ended(
    api: httpx2.AsyncClient, link: str, tmp_path: Path, way: Way
) -> None:
    target, seen = tmp_path / "film.mp4", []
    async with between(str(api.base_url), HALF, REFUSE, HALF, SWALLOW) as proxy:
        size = await get(way, proxy, link, target, progress=lambda done, total: seen.append((done, total)))
    assert (size, target.read_bytes() == FILM) == (len(FILM), True)
    assert proxy.passed_bytes < len(FILM) + 4 * HEAD_BYTES_MAX, "nothing came twice"
    etag = f'"{hashlib.sha256(FILM).hexdigest()}"'
    assert proxy.header("if-range") == [None, etag, etag, etag, etag]
    starts = [int(each.removeprefix("bytes=").removesuffix("-")) for each in proxy.header("range")[1:] if each]
    assert len(FILM) / 3 < starts[0] == starts[1] < starts[2] == starts[3] < len(FILM)
    assert seen == sorted(seen)
    assert seen[-1] == (len(FILM), len(FILM))
    assert not any("sd2_live_secret" in head for head in proxy.heads), "the key is for the service alone"
    assert "film.mp4" in left(tmp_path)
    assert not list(tmp_path.glob("*.part*"))


async def test_a_later_call_goes_on_where_an_earlier_one_gave_up(
    api: httpx2.AsyncClient, link: str, tmp_path: Path, way: Way
) -> None:
    target = tmp_path / "film.mp4"
    target.write_bytes(b"what was here before")
    async with between(str(api.base_url), HALF, HALF, HALF) as proxy:
        for _ in range(3):
            with pytest.raises(Unreachable):
                await get(way, proxy, link, target, ONCE)
            assert target.read_bytes() == b"what was here before"
            assert left(tmp_path) == ["film.mp4", "film.mp4.part", "film.mp4.part.json"]
        # An odd end: the process was killed with less on the disk than had come.
        with (tmp_path / "film.mp4.part").open("r+b") as part:
            part.truncate(123_456)
        await get(way, proxy, link, target, ONCE)
    assert proxy.header("range")[-1] == "bytes=123456-"
    assert target.read_bytes() == FILM
    assert left(tmp_path) == ["film.mp4"]


async def test_a_changed_file_starts_again(
    api: httpx2.AsyncClient, link: str, settings: Settings, pool: db.Pool, alice: Person, tmp_path: Path, way: Way
) -> None:
    other = await served(api, settings, pool, alice, OTHER)
    target = tmp_path / "film.mp4"
    async with between(str(api.base_url), HALF) as proxy:
        with pytest.raises(Unreachable):
            await get(way, proxy, link, target, ONCE)
        assert await get(way, proxy, other, target, ONCE) == len(OTHER)
    first, second = hashlib.sha256(FILM).hexdigest(), proxy.header("if-range")[1]
    assert second == f'"{first}"', "it was asked for the rest of the first file"
    assert target.read_bytes() == OTHER
    assert left(tmp_path) == ["film.mp4"]


async def test_a_part_that_is_too_long_or_no_part_at_all(
    api: httpx2.AsyncClient, link: str, tmp_path: Path, way: Way
) -> None:
    target, part = tmp_path / "film.mp4", tmp_path / "film.mp4.part"
    note = tmp_path / "film.mp4.part.json"
    good = json.dumps({"validator": f'"{hashlib.sha256(FILM).hexdigest()}"', "size_bytes": len(FILM)})
    async with between(str(api.base_url)) as proxy:
        for kept, told in (
            (FILM + b"more", good),
            (FILM, good),
            (b"rubbish", "{"),
            (b"rubbish", "[]"),
            (b"rubbish", None),
            (None, good),
        ):
            for path, content in ((part, kept), (note, told)):
                path.unlink(missing_ok=True)
                if content is not None:
                    path.write_bytes(content if isinstance(content, bytes) else content.encode())
            target.unlink(missing_ok=True)
            await get(way, proxy, link, target)
            assert target.read_bytes() == FILM
            assert left(tmp_path) == ["film.mp4"]


async def test_what_did_not_come_as_it_was_sent_is_thrown_away(
    api: httpx2.AsyncClient, link: str, tmp_path: Path, way: Way
) -> None:
    """A byte that was changed on the way or on the disk: only the digest of the whole can tell."""
    target = tmp_path / "film.mp4"
    async with between(str(api.base_url), SPOIL, HALF) as proxy:
        with pytest.raises(FileError, match="did not come as it was sent"):
            await get(way, proxy, link, target)
        assert left(tmp_path) == []
        with pytest.raises(Unreachable):
            await get(way, proxy, link, target, ONCE)
        with (tmp_path / "film.mp4.part").open("r+b") as part:
            part.write(bytes([FILM[0] ^ 1]))
        with pytest.raises(FileError, match="did not come as it was sent"):
            await get(way, proxy, link, target)
        assert left(tmp_path) == []
        await get(way, proxy, link, target)
    assert target.read_bytes() == FILM


async def test_a_server_without_entity_tags_or_ranges(tmp_path: Path, way: Way) -> None:
    target, small = tmp_path / "file.mp4", FILM[:50_000]
    whole, moved = ready(200, small), ready(302, Location="/elsewhere")
    digest = base64.b64encode(hashlib.sha256(small).digest()).decode()
    async with between("http://127.0.0.1:1", whole[:20_000], REFUSE, whole) as proxy:
        await get(way, proxy, "/file", target)
        assert target.read_bytes() == small
        assert proxy.header("range") == [None] * 3, "a part of an unknown file is no part"
        proxy.fates = [ready(200, small, ETag='W/"weak"')[:20_000], ready(503, Retry_After="0"), moved, whole]
        await get(way, proxy, "/file", target)
        assert target.read_bytes() == small
        # It says that it has a tag, and then sends all of it, or another part than was asked for.
        tagged = ready(200, small, ETag='"tag"')
        proxy.fates, proxy.heads = [tagged[:20_000], tagged], []
        await get(way, proxy, "/file", target)
        assert [each is not None for each in proxy.header("range")] == [False, True]
        assert target.read_bytes() == small
        wrong = ready(206, small[5:], ETag='"tag"', Content_Range=f"bytes 5-{len(small) - 1}/{len(small)}")
        proxy.fates, proxy.heads = [tagged[:20_000], wrong, ready(206, small, ETag='"tag"'), tagged], []
        await get(way, proxy, "/file", target)
        assert target.read_bytes() == small
        proxy.fates = [ready(200, small, Repr_Digest=f"md5=:x:, sha-256=:{digest}:")]
        await get(way, proxy, "/file", target)
        proxy.fates = [ready(200, small[:-1], Repr_Digest=f"sha-256=:{digest}:")]
        with pytest.raises(FileError, match="did not come as it was sent"):
            await get(way, proxy, "/file", target)
        proxy.fates = [ready(200, small, Content_Encoding="gzip")]
        with pytest.raises(UnexpectedAnswer, match="a coding that was not asked for"):
            await get(way, proxy, "/file", target)
        proxy.fates = [ready(416)] * 9
        with pytest.raises(Unreachable, match="could not be continued"):
            await get(way, proxy, "/file", target)
        proxy.fates = [ready(404, b"There is no such file\n")]
        with pytest.raises(NotFound, match="/file answers 404"):
            await get(way, proxy, "/file?secret", target)
    assert target.read_bytes() == small, "what was there before stays"
    assert left(tmp_path) == ["file.mp4"]


async def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, way: Way) -> None:
    whole = ready(200, b"abc", ETag='"tag"')
    async with between("http://127.0.0.1:1", whole, ready(200, FILM, ETag='"tag"')) as proxy:
        with pytest.raises(FileError, match="could not be written: No such file"):
            await get(way, proxy, "/x", tmp_path / "no" / "x")
        with pytest.raises(FileError, match="is a folder; name the file"):
            await get(way, proxy, "/x", tmp_path)
        assert len(proxy.heads) == 1
        with pytest.raises(ClientError, match="is no address"):
            async with way.open(proxy.url, "key") as client:
                await client.download("file:///etc/passwd", tmp_path / "x")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        try:
            with pytest.raises(FileError, match="x could not be written: File too large"):
                await get(way, proxy, "/x", tmp_path / "x")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert left(tmp_path) == []
