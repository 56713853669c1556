"""S3 for tests: a real endpoint (moto, in a process of its own), and one that misbehaves on demand.

Use with `from tests.s3 import s3_server` (session-wide) or `StubS3` as a context manager.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

import pytest

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test-secret"}
"""What a process needs in its environment to speak to either endpoint."""


@dataclass(frozen=True)
class S3Server:
    """A running endpoint at `url`."""

    url: str

    def bucket(self) -> str:
        """Makes a bucket nobody has used yet; its name."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        request = urllib.request.Request(f"{self.url}/{name}", method="PUT")
        with urllib.request.urlopen(request, timeout=10):
            return name

    def storage_url(self, bucket: str, prefix: str = "") -> str:
        return f"s3://{bucket}/{prefix}?region=us-east-1&endpoint={self.url}&allow_http=true"

    def uploads(self, bucket: str) -> int:
        """How many multipart uploads are open in `bucket`."""
        with urllib.request.urlopen(f"{self.url}/{bucket}?uploads", timeout=10) as answer:
            return int(answer.read().count(b"<UploadId>"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    port, log = free_port(), tmp_path_factory.mktemp("moto") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_up(url, process, log)
            yield S3Server(url)
        finally:
            process.terminate()
            process.wait(10)


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"the S3 server did not start:\n{log.read_text()}")


Misdeed = Callable[["_Handler"], None]


class StubS3:
    """An endpoint with one bucket in memory. Each misdeed in `misdeeds` spoils one request, in turn.

    `always` spoils every one. `requests` lists what came, as "PUT /bucket/key".
    """

    def __init__(self, *misdeeds: Misdeed, always: Misdeed | None = None) -> None:
        self.misdeeds, self.always = deque(misdeeds), always
        self.objects: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = False
        self._server.stub = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"s3://bucket?region=us-east-1&endpoint={self.endpoint}&allow_http=true"

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> StubS3:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    timeout = 5
    stub: StubS3

    def setup(self) -> None:
        super().setup()
        self.stub = self.server.stub  # type: ignore[attr-defined]

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self) -> None:
        self.stub.requests.append(f"{self.command} {self.path}")
        self.body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        misdeed = self.stub.misdeeds.popleft() if self.stub.misdeeds else self.stub.always
        (misdeed or behaving)(self)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _answer

    def reply(self, status: int, body: bytes = b"", *, claimed: int | None = None) -> None:
        """Sends an answer; `claimed` is the length it says it has."""
        size = len(body) if claimed is None else claimed
        self.send_response(status)
        self.send_header("Content-Length", str(size))
        if status == 206:
            self.send_header("Content-Range", f"bytes 0-{size - 1}/{size}")
        self.send_header("ETag", '"stub"')
        self.send_header("Last-Modified", "Sat, 21 Nov 2026 09:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def behaving(handler: _Handler) -> None:
    """Does what S3 would do with one small object."""
    objects, path = handler.stub.objects, handler.path
    if handler.command == "PUT":
        objects[path] = handler.body
        return handler.reply(200)
    if handler.command == "DELETE":
        objects.pop(path, None)
        return handler.reply(204)
    if path not in objects:
        return handler.reply(404)
    return handler.reply(206 if handler.headers.get("Range") else 200, objects[path])


def failing(handler: _Handler) -> None:
    """Answers 500."""
    handler.reply(500, b"<Error><Code>InternalError</Code></Error>")


def hanging(handler: _Handler) -> None:
    """Says nothing until the server closes."""
    handler.stub.closing.wait(60)
    handler.close_connection = True


def cutting(handler: _Handler) -> None:
    """Closes the connection instead of answering."""
    handler.close_connection = True


def losing_half(handler: _Handler) -> None:
    """Keeps half of what it was given, and says that all is well."""
    handler.stub.objects[handler.path] = handler.body[: len(handler.body) // 2]
    handler.reply(200)


def sending_half(handler: _Handler) -> None:
    """Announces the whole object, sends half and closes."""
    whole = handler.stub.objects[handler.path]
    handler.reply(206, whole[: len(whole) // 2], claimed=len(whole))
    handler.close_connection = True
