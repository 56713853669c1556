"""The two stores, open, for the tests of storage."""

from __future__ import annotations

import random
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from seedbed import storage
from seedbed.storage import Storage
from tests.s3 import (
    CREDENTIALS,
    S3Server,
    s3_server,
)

__all__ = ["s3_server"]
SECRET = b"a secret that nobody can guess!!"
BASE_URL = "https://seedbed.example"
KEY = storage.output_key("gen_1", 1, "gen_1.mp4")
DAY_S = 86_400


def opened(url: str | Path, **options: object) -> Storage:
    return Storage.open(str(url), **({"base_url": BASE_URL, "secret": SECRET} | options))  # type: ignore[arg-type]


def file_of(folder: Path, size_bytes: int) -> Path:
    path = folder / f"source-{size_bytes}"
    path.write_bytes(random.Random(size_bytes).randbytes(size_bytes))
    return path


async def read(store: Storage, key: str, start: int, end: int) -> bytes:
    return b"".join([piece async for piece in store.get_range(key, start, end)])


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
