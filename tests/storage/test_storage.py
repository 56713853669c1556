"""Storage, in a folder and in S3 alike: what is put comes back, whole or not at all."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest

from seedbed import storage
from seedbed.errors import ConfigError
from seedbed.storage import ObjectMissing, Storage, StorageError, Stored
from tests.storage.conftest import KEY, file_of, opened, read

# Both stores, one behaviour


@pytest.mark.parametrize("size_bytes", [0, 1, 70_000, (20 << 20) + 7])
async def test_what_is_put_comes_back(store: Storage, tmp_path: Path, size_bytes: int) -> None:
    source = file_of(tmp_path, size_bytes)
    content = source.read_bytes()
    stored = await store.put(KEY, source, "video/mp4")
    head = await store.head(KEY)
    assert head is not None
    assert stored == Stored(size_bytes, hashlib.sha256(content).hexdigest(), head.etag)
    assert head.size_bytes == size_bytes
    assert head.etag == storage.quoted_etag(head.etag)
    assert abs(head.modified.timestamp() - time.time()) < 60
    assert await read(store, KEY, 0, size_bytes) == content


async def test_ranges(store: Storage, tmp_path: Path) -> None:
    source = file_of(tmp_path, 3 << 20)
    content = source.read_bytes()
    await store.put(KEY, source, "video/mp4")
    for start, end in [(0, 1), (5, 10), (1 << 20, (1 << 20) + 1), (100, (2 << 20) + 100), (7, 7), (1, 3 << 20)]:
        assert await read(store, KEY, start, end) == content[start:end]
    with pytest.raises(ValueError):
        await read(store, KEY, 5, 4)


async def test_a_range_beyond_the_end_is_an_error_not_a_short_answer(store: Storage, tmp_path: Path) -> None:
    await store.put(KEY, file_of(tmp_path, 100), "video/mp4")
    with pytest.raises(StorageError):
        await read(store, KEY, 50, 200)


async def test_a_reader_may_leave_early(store: Storage, tmp_path: Path) -> None:
    await store.put(KEY, file_of(tmp_path, 4 << 20), "video/mp4")
    pieces = store.get_range(KEY, 0, 4 << 20)
    assert len(await anext(pieces)) > 0
    await pieces.aclose()  # type: ignore[attr-defined]


async def test_a_second_put_replaces_the_first(store: Storage, tmp_path: Path) -> None:
    first = await store.put(KEY, file_of(tmp_path, 10), "video/mp4")
    second = await store.put(KEY, file_of(tmp_path, 20), "video/mp4")
    head = await store.head(KEY)
    assert head is not None
    assert head.size_bytes == 20
    assert first.etag != second.etag == head.etag


async def test_what_is_missing(store: Storage, tmp_path: Path) -> None:
    assert await store.head(KEY) is None
    with pytest.raises(ObjectMissing):
        await read(store, KEY, 0, 1)
    await store.delete(KEY)
    with pytest.raises(ObjectMissing):
        await store.put(KEY, tmp_path / "no such file", "video/mp4")
    await store.put(KEY, file_of(tmp_path, 10), "video/mp4")
    assert await store.head(KEY.rpartition("/")[0]) is None
    assert await store.head(f"{KEY}/below") is None
    await store.delete(KEY)
    assert await store.head(KEY) is None


async def test_ready_leaves_nothing_behind(store: Storage) -> None:
    await store.ready()
    await store.ready()


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../b", "a/./b", "a//b", ".partial/x", "a/b/", "a\n"])
async def test_keys_from_elsewhere_are_refused(store: Storage, tmp_path: Path, key: str) -> None:
    source = file_of(tmp_path, 1)
    for call in [store.put(key, source, "x"), store.head(key), store.delete(key), store.presigned(key, 5)]:
        with pytest.raises(ValueError, match="not a storage key"):
            await call
    with pytest.raises(ValueError, match="not a storage key"):
        await anext(store.get_range(key, 0, 1))
    with pytest.raises(ValueError, match="not a storage key"):
        store.link(key)
    assert not store.verify("0." + "A" * 22, key, 0)


# Addresses


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("gs://bucket/x", "must be a folder or s3://"),
        ("s3://", "must be s3://bucket/prefix"),
        ("s3://bucket/../x", "must be s3://bucket/prefix"),
        ("s3://key:secret@bucket/x", "credentials belong in AWS_ACCESS_KEY_ID"),
        ("s3://bucket?regoin=x", "unknown option 'regoin'"),
        ("s3://bucket?endpoint=minio:9000", "must begin with https://"),
        ("s3://bucket?endpoint=http://minio:9000", "add allow_http=true"),
        ("s3://bucket?endpoint=http://minio:9000&allow_http=false", "add allow_http=true"),
    ],
)
def test_bad_addresses_say_what_to_change(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=f"SEEDBED_STORAGE_URL.*{says}"):
        opened(url)


def test_a_plain_endpoint_from_the_environment_needs_leave_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://minio:9000")
    with pytest.raises(ConfigError, match="allow_http"):
        opened("s3://bucket")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    opened("s3://bucket").close()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot make the folder"):
        opened(tmp_path / "file" / "below")


def test_a_short_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="SEEDBED_SECRET_KEY"):
        opened(tmp_path, secret=b"short")
