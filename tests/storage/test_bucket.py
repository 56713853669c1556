"""S3 that misbehaves: uploads tried again, tries that end, no parts left behind."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from seedbed.storage import ObjectMissing, Patience, StorageError, Stored
from tests.s3 import (
    S3Server,
    StubS3,
    behaving,
    cutting,
    failing,
    hanging,
    losing_half,
    sending_half,
)
from tests.storage.conftest import KEY, PUT, child, file_of, opened, read

IMPATIENT = Patience(attempts_max=3, request_timeout_s=0.4, back_off_s=0.01, upload_timeout_s=30)


# S3 that misbehaves


@pytest.fixture
def stub_source(tmp_path: Path, s3_credentials: None) -> Path:
    return file_of(tmp_path, 100_000)


@pytest.mark.parametrize("misdeed", [failing, cutting, hanging, losing_half])
async def test_an_upload_is_tried_again(stub_source: Path, misdeed: object) -> None:
    with StubS3(*[misdeed] * 2) as stub:  # type: ignore[list-item]
        store = opened(stub.url, patience=IMPATIENT)
        stored = await store.put(KEY, stub_source, "video/mp4")
        store.close()
    assert stub.objects == {f"/bucket/{KEY}": stub_source.read_bytes()}
    assert stored == Stored(100_000, hashlib.sha256(stub_source.read_bytes()).hexdigest(), '"stub"')


@pytest.mark.parametrize("misdeed", [failing, cutting, hanging])
async def test_tries_end(stub_source: Path, misdeed: object) -> None:
    with StubS3(always=misdeed) as stub:  # type: ignore[arg-type]
        store = opened(stub.url, patience=IMPATIENT)
        with pytest.raises(StorageError, match=f"storing {KEY}") as caught:
            await store.put(KEY, stub_source, "video/mp4")
        store.close()
    assert "\n" not in str(caught.value)
    assert IMPATIENT.attempts_max <= len(stub.requests) <= IMPATIENT.attempts_max * 3
    assert stub.objects == {}


async def test_an_upload_that_always_arrives_short_is_refused(stub_source: Path) -> None:
    with StubS3(*[losing_half, behaving] * 3) as stub:
        store = opened(stub.url, patience=IMPATIENT)
        with pytest.raises(StorageError, match="50000 of 100000 bytes arrived"):
            await store.put(KEY, stub_source, "video/mp4")
        store.close()
    assert [request.partition(" ")[0] for request in stub.requests] == ["PUT", "HEAD"] * 3


async def test_a_slow_store_is_given_up_in_time(stub_source: Path) -> None:
    with StubS3(always=hanging) as stub:
        store = opened(stub.url, patience=Patience(request_timeout_s=30, upload_timeout_s=0.3))
        with pytest.raises(StorageError, match=r"took over 0\.3 s"):
            await store.put(KEY, stub_source, "video/mp4")
        store.close()


async def test_an_answer_cut_short_is_an_error(stub_source: Path) -> None:
    with StubS3() as stub:
        store = opened(stub.url, patience=IMPATIENT)
        await store.put(KEY, stub_source, "video/mp4")
        assert await read(store, KEY, 0, 100_000) == stub_source.read_bytes()
        stub.always = sending_half
        with pytest.raises(StorageError):
            await read(store, KEY, 0, 100_000)
        stub.always = failing
        with pytest.raises(StorageError):
            await read(store, KEY, 0, 100_000)
        with pytest.raises(StorageError):
            await store.head(KEY)
        with pytest.raises(StorageError):
            await store.delete(KEY)
        with pytest.raises(StorageError):
            await store.ready()
        store.close()


async def test_ready_is_remembered_and_failure_is_not(s3_credentials: None) -> None:
    with StubS3(*[failing] * 3) as stub:
        store = opened(stub.url, patience=IMPATIENT)
        with pytest.raises(StorageError):
            await store.ready()
        await store.ready()
        asked = len(stub.requests)
        await asyncio.gather(*[store.ready() for _ in range(10)])
        assert len(stub.requests) == asked
        assert stub.objects == {}
        store.close()


@pytest.mark.parametrize("status", [403, 404])
async def test_a_refusal_is_not_tried_again(stub_source: Path, status: int) -> None:
    with StubS3(always=lambda handler: handler.reply(status)) as stub:
        store = opened(stub.url, patience=IMPATIENT)
        with pytest.raises(StorageError):
            await store.put(KEY, stub_source, "video/mp4")
        store.close()
    assert stub.requests == [f"PUT /bucket/{KEY}"]


async def test_a_missing_bucket(s3_server: S3Server, stub_source: Path) -> None:
    store = opened(s3_server.storage_url("no-such-bucket"))
    with pytest.raises(ObjectMissing):
        await store.put(KEY, stub_source, "video/mp4")
    store.close()


async def test_a_cancelled_upload_leaves_no_parts(s3_server: S3Server, tmp_path: Path, s3_credentials: None) -> None:
    bucket = s3_server.bucket()
    store = opened(s3_server.storage_url(bucket))
    putting = asyncio.create_task(store.put(KEY, file_of(tmp_path, 100 << 20), "video/mp4"))
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(s3_server.uploads, bucket):
            await asyncio.sleep(0.01)
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    async with asyncio.timeout(20):
        while await asyncio.to_thread(s3_server.uploads, bucket):
            await asyncio.sleep(0.01)
    assert await store.head(KEY) is None
    store.close()


def test_a_process_ends_well_right_after_its_last_upload(
    s3_server: S3Server, tmp_path: Path, s3_credentials: None
) -> None:
    url, source = s3_server.storage_url(s3_server.bucket()), file_of(tmp_path, 10)
    body = PUT + "\nassert [piece async for piece in store.get_range(key, 0, 10)]"
    for _ in range(12):
        process = child(body, url, source, KEY)
        out, error = process.communicate(timeout=60)
        assert (process.returncode, out, error) == (0, "stored\n", "")
