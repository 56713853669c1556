"""Storage: whole objects or none, uploads tried again, and links nobody can guess."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import random
import signal
import string
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seedbed import storage
from seedbed.errors import ConfigError
from seedbed.storage import ObjectMissing, Patience, Storage, StorageError, Stored
from tests.s3 import (
    CREDENTIALS,
    S3Server,
    StubS3,
    behaving,
    cutting,
    failing,
    hanging,
    losing_half,
    s3_server,
    sending_half,
)

__all__ = ["s3_server"]

SECRET = b"a secret that nobody can guess!!"
BASE_URL = "https://seedbed.example"
KEY = storage.output_key("gen_1", 1, "gen_1.mp4")
IMPATIENT = Patience(attempts_max=3, request_timeout_s=0.4, back_off_s=0.01, upload_timeout_s=30)
DAY_S = 86_400


def opened(url: str | Path, **options: object) -> Storage:
    return Storage.open(str(url), **({"base_url": BASE_URL, "secret": SECRET} | options))  # type: ignore[arg-type]


def file_of(folder: Path, size_bytes: int) -> Path:
    path = folder / f"source-{size_bytes}"
    path.write_bytes(random.Random(size_bytes).randbytes(size_bytes))
    return path


async def read(store: Storage, key: str, start: int, end: int) -> bytes:
    return b"".join([piece async for piece in store.get_range(key, start, end)])


def visible(root: Path) -> list[Path]:
    """The files that a key can reach."""
    return [path for path in root.rglob("*") if path.is_file() and ".partial" not in path.parts]


@pytest.fixture
def s3_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Storage]:
    store = opened(tmp_path / "files")
    yield store
    store.close()


@pytest.fixture
def remote(s3_server: S3Server, s3_credentials: None) -> Iterator[Storage]:
    store = opened(s3_server.storage_url(s3_server.bucket(), "some/prefix"))
    yield store
    store.close()


@pytest.fixture(params=["local", "remote"])
def store(request: pytest.FixtureRequest) -> Storage:
    found: Storage = request.getfixturevalue(request.param)
    return found


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


# The folder


def child(body: str, *arguments: str | Path, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """A Python process that runs the asynchronous `body` with a store at its first argument."""
    head = """
        import asyncio, sys
        from pathlib import Path
        from seedbed.storage import Storage, StorageError
        root, source, key = sys.argv[1:4]
        store = Storage.open(root, base_url="http://x", secret=bytes(32))
        """
    program = textwrap.dedent(head) + "async def main():\n" + textwrap.indent(textwrap.dedent(body), "    ")
    return subprocess.Popen(
        [*before, sys.executable, "-c", program + "\nasyncio.run(main())", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


PUT = 'await store.put(key, Path(source), "video/mp4")\nprint("stored")'


@pytest.mark.parametrize("pieces", [0, 1, 3])
async def test_kill_in_mid_put_leaves_no_visible_object(tmp_path: Path, pieces: int) -> None:
    root, pipe = tmp_path / "files", tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = child(PUT, root, pipe, KEY)
    with pipe.open("wb", buffering=0) as feed:
        for _ in range(pieces):
            feed.write(bytes(1 << 20))
        feed.write(b"x")
        while len(list((root / ".partial").iterdir())) == 0:
            time.sleep(0.01)
        writer.send_signal(signal.SIGKILL)
        assert writer.communicate()[0] == ""
    assert writer.returncode == -signal.SIGKILL
    assert visible(root) == []
    left = list((root / ".partial").iterdir())
    assert len(left) == 1

    opened(root).close()
    assert left[0].exists()
    os.utime(left[0], times=(time.time() - DAY_S - 60,) * 2)
    store = opened(root)
    assert not left[0].exists()
    await store.put(KEY, file_of(tmp_path, 10), "video/mp4")
    assert [path.relative_to(root).as_posix() for path in visible(root)] == [KEY]
    store.close()


async def test_cancelling_a_put_stops_it_and_cleans_up(tmp_path: Path, local: Storage) -> None:
    root, pipe = tmp_path / "files", tmp_path / "pipe"
    os.mkfifo(pipe)
    putting = asyncio.create_task(local.put(KEY, pipe, "video/mp4"))
    feed = await asyncio.to_thread(pipe.open, "wb", 0)
    with feed:
        await asyncio.to_thread(feed.write, bytes(2 << 20))
        putting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await putting
        with contextlib.suppress(BrokenPipeError):
            await asyncio.to_thread(feed.write, bytes(2 << 20))
    async with asyncio.timeout(10):
        while list((root / ".partial").iterdir()):
            await asyncio.sleep(0.01)
    assert visible(root) == []


async def test_an_endless_source_is_given_up(tmp_path: Path) -> None:
    root, pipe = tmp_path / "files", tmp_path / "pipe"
    os.mkfifo(pipe)
    store = opened(root, patience=Patience(upload_timeout_s=0.1))
    putting = asyncio.create_task(store.put(KEY, pipe, "video/mp4"))
    with await asyncio.to_thread(pipe.open, "wb", 0), pytest.raises(StorageError, match=r"took over 0\.1 s"):
        await putting
    store.close()
    assert visible(root) == []


REPORT = """
try:
    await store.put(key, Path(source), "video/mp4")
except StorageError as error:
    print("refused:", error)
small = Path(source).with_name("small")
small.write_bytes(b"small")
print((await store.put("outputs/small", small, "video/mp4")).size_bytes)
print(sorted(str(path.relative_to(root)) for path in Path(root).rglob("*") if path.is_file()))
"""


def can_mount() -> bool:
    trial = ["unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt"]
    with contextlib.suppress(OSError):
        return subprocess.run(trial, capture_output=True, timeout=10).returncode == 0
    return False


@pytest.mark.skipif(not can_mount(), reason="needs a mount namespace of its own")
def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    script = 'mount -t tmpfs -o size=4m tmpfs "$0" && exec "$@"'
    before = ("unshare", "-rm", "sh", "-c", script, str(tmp_path / "files"))
    process = child(REPORT, tmp_path / "files", file_of(tmp_path, 8 << 20), KEY, before=before)
    out, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")
    assert out.splitlines() == [f"refused: storing {KEY}: No space left on device", "5", "['outputs/small']"]


def test_a_file_over_the_limit_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    before = ("sh", "-c", 'ulimit -f 4096; exec "$@"', "sh")
    process = child(REPORT, tmp_path / "files", file_of(tmp_path, 8 << 20), KEY, before=before)
    out, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")
    assert out.splitlines() == [f"refused: storing {KEY}: File too large", "5", "['outputs/small']"]


async def test_ready_fails_when_the_folder_is_gone(tmp_path: Path, local: Storage) -> None:
    (tmp_path / "files" / ".partial").rmdir()
    with pytest.raises(StorageError):
        await local.ready()
    (tmp_path / "files" / ".partial").mkdir()
    await local.ready()
    assert list((tmp_path / "files").rglob("*")) == [tmp_path / "files" / ".partial"]


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


# Links


def split(link: str) -> tuple[str, str]:
    """The signature and the key of a link of ours."""
    signature, _, key = link.removeprefix(f"{BASE_URL}/files/").partition("/")
    return signature, key


def test_a_link_for_ever(local: Storage) -> None:
    link = local.link(KEY)
    assert link.startswith(f"{BASE_URL}/files/0.")
    assert link.endswith("/gen_1.mp4")
    signature, key = split(link)
    assert key == KEY
    assert len(base64.urlsafe_b64decode(signature.partition(".")[2] + "==")) == 16
    assert local.verify(signature, key, 0)
    assert local.verify(signature, key, 1e12)
    assert local.link(KEY) == link


def test_a_link_that_ends(tmp_path: Path) -> None:
    store = opened(tmp_path, ttl_s=60, clock=lambda: 1_000.5)
    signature, key = split(store.link(KEY))
    assert signature.startswith("1060.")
    assert store.verify(signature, key, 1_059.9)
    assert not store.verify(signature, key, 1_060)
    assert split(store.link(KEY, ttl_s=0))[0].startswith("0.")
    assert split(store.link(KEY, ttl_s=5))[0].startswith("1005.")
    store.close()


def test_a_link_opens_nothing_else(tmp_path: Path) -> None:
    store, other = opened(tmp_path), opened(tmp_path, secret=bytes(32))
    signature, key = split(store.link(KEY, ttl_s=60))
    expires, _, mac = signature.partition(".")
    assert store.verify(signature, key, 0)
    assert not other.verify(signature, key, 0)
    assert not store.verify(signature, storage.output_key("gen_2", 1, "gen_1.mp4"), 0)
    assert not store.verify(signature, storage.output_key("gen_1", 2, "gen_1.mp4"), 0)
    for changed in [
        f"0.{mac}",
        f"{int(expires) + 1}.{mac}",
        f"0{expires}.{mac}",
        f"{expires}.{mac}=",
        f"{expires}{mac}",
    ]:
        assert not store.verify(changed, key, 0)
    store.close()
    other.close()


BASE64URL = string.ascii_letters + string.digits + "-_"


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    store = opened(tmp_path_factory.mktemp("files"))
    yield store
    store.close()


@given(place=st.integers(0, 21), letter=st.sampled_from(BASE64URL))
def test_every_letter_of_a_signature_counts(signer: Storage, place: int, letter: str) -> None:
    signature, key = split(signer.link(KEY))
    changed = signature[: 2 + place] + letter + signature[3 + place :]
    assume(changed != signature)
    assert not signer.verify(changed, key, 0)


@given(signature=st.text(), key=st.text(), now=st.floats(allow_nan=True))
def test_no_text_opens_anything_or_breaks_verification(signer: Storage, signature: str, key: str, now: float) -> None:
    assert not signer.verify(signature, key, now)
    assert not signer.verify(signature, KEY, now)


async def test_s3_links_for_ever_are_ours_and_lead_to_a_presigned_one(remote: Storage, tmp_path: Path) -> None:
    source = file_of(tmp_path, 1000)
    await remote.put(KEY, source, "video/mp4")
    for ttl_s in (0, 8 * DAY_S):
        signature, key = split(remote.link(KEY, ttl_s=ttl_s))
        assert remote.verify(signature, key, time.time())
    url = await remote.presigned(KEY, 3600)
    assert url is not None
    assert "X-Amz-Expires=3600" in url
    assert fetched(url) == ("video/mp4", source.read_bytes())
    assert "X-Amz-Expires=604800&" in (await remote.presigned(KEY, 10**9) or "")


async def test_s3_links_that_end_are_presigned(remote: Storage, tmp_path: Path) -> None:
    source = file_of(tmp_path, 1000)
    await remote.put(KEY, source, "video/mp4")
    link = remote.link(KEY, ttl_s=7 * DAY_S)
    assert f"/some/prefix/{KEY}?" in link
    assert "X-Amz-Expires=604800&" in link
    assert fetched(link) == ("video/mp4", source.read_bytes())


def test_keys_that_expire_sign_nothing_that_should_outlive_them(
    s3_credentials: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "temporary")
    store = opened("s3://bucket", ttl_s=3600)
    assert store.link(KEY).startswith(f"{BASE_URL}/files/")
    store.close()


def test_a_public_bucket_has_its_own_address(s3_credentials: None) -> None:
    store = opened("s3://bucket/some/prefix", public_url="https://cdn.example/", ttl_s=3600)
    assert store.link(KEY) == f"https://cdn.example/some/prefix/{KEY}"
    store.close()


async def test_a_folder_has_nothing_presigned(local: Storage) -> None:
    assert await local.presigned(KEY, 3600) is None


def fetched(url: str) -> tuple[str | None, bytes]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read()


# Keys


def test_output_key() -> None:
    shard = hashlib.sha256(b"gen_1").hexdigest()[:2]
    assert storage.output_key("gen_1", 3, "gen_1.mp4") == f"outputs/{shard}/gen_1/3/gen_1.mp4"
    assert storage.output_key("gen_1", 3, "last_frame.png").endswith("/3/last_frame.png")


@given(st.text(), st.integers(), st.text())
def test_a_key_is_plain_or_refused(task_id: str, attempt: int, name: str) -> None:
    for parts in [(task_id, 1, "v.mp4"), ("gen_1", attempt, "v.mp4"), ("gen_1", 1, name)]:
        try:
            key = storage.output_key(*parts)
        except ValueError:
            continue
        shards = key.split("/")
        assert len(shards) == 5
        assert set(key) <= set(string.ascii_letters + string.digits + "_-./")
        assert not any(shard.startswith(".") for shard in shards)
        assert os.path.normpath(key) == key


@pytest.mark.parametrize("name", ["", ".mp4", "a", "a/b.mp4", "..", "a.mp4\n", "ａ.mp4", "a.mp4/..", "a\x00.mp4"])
def test_bad_names(name: str) -> None:
    with pytest.raises(ValueError, match="not a file name"):
        storage.output_key("gen_1", 1, name)


def test_entity_tags() -> None:
    assert storage.quoted_etag("abc") == storage.quoted_etag('"abc"') == storage.quoted_etag('W/"abc"') == '"abc"'
    assert storage.quoted_etag('a"b\r\nc') == '"abc"'
