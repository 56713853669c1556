"""Where outputs are kept: a local folder, or a bucket of S3, and the links that lead to them.

Owns the objects under one address and their keys; no table. It promises that an object is there whole
or not at all, that a key is made by the server alone and can name nothing outside the store, that an
upload is tried again when S3 fails and that every wait ends, and that a link cannot be guessed. It never
touches the database, which remembers each object's content type and size.

The address is a folder's path, or `s3://bucket/prefix` with the optional query parameters `region`,
`endpoint` and `allow_http=true`. Credentials, and whatever the address does not say, come from the usual
`AWS_*` environment variables (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`,
`AWS_REGION`, `AWS_ENDPOINT_URL`, …), a web identity, a container's role or a machine's, in this order.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import random
import re
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from seedbed.errors import ConfigError
from seedbed.storage.bucket import Bucket, origin
from seedbed.storage.folder import Folder
from seedbed.storage.objects import KEY, Head
from seedbed.storage.objects import ObjectMissing as ObjectMissing
from seedbed.storage.objects import Patience as Patience
from seedbed.storage.objects import StorageError as StorageError
from seedbed.storage.objects import Stored as Stored
from seedbed.storage.objects import quoted_etag as quoted_etag

T = TypeVar("T")

PRESIGNED_S_MAX = 7 * 86_400
"""S3 refuses a presigned link that lives longer."""
READY_S = 30.0
READY_TIMEOUT_S = 10.0
BACK_OFF_S_MAX = 10.0
SECRET_BYTES_MIN = 16

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}(\.[a-z0-9]{1,8}){1,2}", re.ASCII)
_SEGMENT = re.compile(r"(0|[1-9][0-9]{0,11})\.[A-Za-z0-9_-]{22}", re.ASCII)


def output_key(task_id: str, attempt: int, name: str) -> str:
    """The key of a task's output: `outputs/<2 hex>/<task_id>/<attempt>/<name>`.

    `name` has an extension and no path, `attempt` is 1 or more. Raises ValueError for anything else.
    """
    if not _PART.fullmatch(task_id):
        raise ValueError(f"not a task id: {task_id!r}")
    if not 1 <= attempt <= 999_999:
        raise ValueError(f"not an attempt: {attempt!r}")
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a file name: {name!r}")
    shard = hashlib.sha256(task_id.encode()).hexdigest()[:2]
    return f"outputs/{shard}/{task_id}/{attempt}/{name}"


def origins(url: str | None, public_url: str | None) -> list[str]:
    """The other hosts that links of the store at `url` lead to, as a page's policy names them. Raises ConfigError.

    None for a folder: its links are this server's own.
    """
    if url is None or not url.startswith("s3://"):
        return []
    named = urlsplit(public_url) if public_url else None
    return [*([f"{named.scheme}://{named.netloc}"] if named else []), origin(url)]


def _checked(key: str) -> str:
    """`key`, if it can only mean something inside the store; ValueError else."""
    if not KEY.fullmatch(key):
        raise ValueError(f"not a storage key: {key!r}")
    return key


class Storage:
    """One store, opened once for a process and safe to use from many tasks. Call `close` at the end."""

    def __init__(
        self,
        backend: Folder | Bucket,
        *,
        public_url: str | None,
        base_url: str,
        link_key: bytes,
        ttl_s: int,
        patience: Patience,
        clock: Callable[[], float],
    ) -> None:
        self._backend, self._patience, self._clock = backend, patience, clock
        self._public_url, self._base_url = public_url, base_url
        self._link_key, self._ttl_s = link_key, ttl_s
        self._ready_until, self._ready_lock = 0.0, asyncio.Lock()
        # Its own threads: an upload that hangs must not keep name look-ups (the loop's default pool) waiting.
        self._threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="storage")

    @classmethod
    def open(
        cls,
        url: str,
        *,
        base_url: str,
        secret: bytes,
        public_url: str | None = None,
        ttl_s: int = 0,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.time,
    ) -> Storage:
        """The store at `url` (a folder, made when missing, or `s3://…`); reaches no network.

        `base_url` is this server's own address and `secret` signs links under it; `public_url` is the
        address of a bucket that anyone may read; links live for `ttl_s` seconds, or for ever where it
        is 0. Raises ConfigError.
        """
        if len(secret) < SECRET_BYTES_MIN:
            raise ConfigError(f"SEEDBED_SECRET_KEY: must be at least {SECRET_BYTES_MIN} bytes long")
        patience = patience or Patience()
        backend = Bucket.open(url, patience) if url.startswith("s3://") else Folder.open(url)
        return cls(
            backend,
            public_url=public_url.rstrip("/") if public_url else None,
            base_url=base_url.rstrip("/"),
            # A key of its own, so that no other signature under the same secret is ever a link.
            link_key=hmac.digest(secret, b"seedbed file links 1", "sha256"),
            ttl_s=ttl_s,
            patience=patience,
            clock=clock,
        )

    def close(self) -> None:
        """Lets go of the threads. What is under way ends by itself, within one request's time-out."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def put(self, key: str, path: Path, content_type: str) -> Stored:
        """Stores the file at `path` under `key`, whole or not at all, replacing what was there.

        An upload that S3 failed (5xx, connection, time-out, wrong length) is tried again with growing
        pauses; a full disk or a refusal is not. When cancelled, nothing more is written within one chunk
        of a folder, or one request of S3. Raises StorageError.
        """
        _checked(key)
        stopped = threading.Event()
        try:
            async with asyncio.timeout(self._patience.upload_timeout_s):
                return await self._put(key, path, content_type, stopped)
        except TimeoutError:
            raise StorageError(f"storing {key} took over {self._patience.upload_timeout_s:g} s") from None
        finally:
            stopped.set()

    async def _put(self, key: str, path: Path, content_type: str, stopped: threading.Event) -> Stored:
        def go_on() -> None:
            if stopped.is_set():
                raise StorageError(f"storing {key} was stopped")

        attempt = 1
        while True:
            try:
                return await self._run(self._backend.put, key, path, content_type, go_on)
            except StorageError as error:
                if not error.retryable or attempt >= self._patience.attempts_max:
                    raise
            pause_s = min(BACK_OFF_S_MAX, self._patience.back_off_s * 2 ** (attempt - 1))
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            attempt += 1

    async def get_range(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to but without `end`, in pieces of about 1 MiB; all of them, or it raises.

        Raises ObjectMissing, and StorageError where the object ends before `end`.
        """
        _checked(key)
        if not 0 <= start <= end:
            raise ValueError(f"not a range: {start}–{end}")
        # Nobody closes the iterator: when this coroutine is cancelled its thread may still be inside, and
        # the last reference to go, here or there, closes the file or the connection.
        pieces = self._backend.chunks(key, start, end)
        while start < end:
            piece = await self._run(next, pieces, b"")
            if not piece:
                raise StorageError(f"{key} ended {end - start} bytes early", retryable=True)
            start += len(piece)
            yield piece

    async def head(self, key: str) -> Head | None:
        """What is known of the object, or None where there is none. Raises StorageError."""
        return await self._run(self._backend.head, _checked(key))

    async def delete(self, key: str) -> None:
        """Removes the object, if it is there. Raises StorageError."""
        await self._run(self._backend.delete, _checked(key))

    async def ready(self) -> None:
        """Writes, reads and removes a small object; a success counts for 30 s. Raises StorageError."""
        async with self._ready_lock:
            if time.monotonic() < self._ready_until:
                return
            try:
                async with asyncio.timeout(READY_TIMEOUT_S):
                    await self._run(self._backend.probe)
            except TimeoutError:
                raise StorageError(f"storage did not answer within {READY_TIMEOUT_S:g} s") from None
            self._ready_until = time.monotonic() + READY_S

    def link(self, key: str, *, ttl_s: int | None = None) -> str:
        """An address that gives the object to whoever has it, for `ttl_s` seconds (0: for ever; None: as set).

        A public bucket's own address where there is one (it never ends). Else a presigned one where S3
        can keep the promise: 7 days at most, and keys that do not expire before the link. Else this
        server's `/files/<signature>/<key>`, which ends in the file's own name.
        """
        _checked(key)
        ttl_s = self._ttl_s if ttl_s is None else ttl_s
        if isinstance(self._backend, Bucket):
            if self._public_url:
                return f"{self._public_url}/{self._backend.prefix}{key}"
            if self._backend.static_keys and 0 < ttl_s <= PRESIGNED_S_MAX:
                return self._backend.sign(key, ttl_s)
        return self.own_link(key, ttl_s=ttl_s)

    def own_link(self, key: str, *, ttl_s: int) -> str:
        """This server's own address for the object, wherever it lies; for `ttl_s` seconds (0: for ever)."""
        expires = int(self._clock()) + ttl_s if ttl_s else 0
        return f"{self._base_url}/files/{self._sign(_checked(key), expires)}/{key}"

    async def presigned(self, key: str, expires_s: int) -> str | None:
        """S3's own address for the object, valid for `expires_s` seconds (1 … 7 days), or None for a folder.

        What `/files` redirects to, so that a link outlives what S3 can sign. Raises StorageError.
        """
        _checked(key)
        if not isinstance(self._backend, Bucket):
            return None
        return await self._run(self._backend.sign, key, min(max(1, expires_s), PRESIGNED_S_MAX))

    def verify(self, signature: str, key: str, now: float) -> bool:
        """Whether `signature`, the segment before the key in a link, opens `key` at Unix time `now`."""
        if not _SEGMENT.fullmatch(signature) or not KEY.fullmatch(key):
            return False
        expires = int(signature.partition(".")[0])
        # The text is compared, not the bytes it stands for: one link has one spelling.
        genuine = hmac.compare_digest(self._sign(key, expires), signature)
        return genuine and (expires == 0 or now < expires)

    def _sign(self, key: str, expires: int) -> str:
        """`<expires>.<signature>`: 128 bits of HMAC-SHA256, 22 characters of base64url."""
        mac = hmac.digest(self._link_key, f"{expires}\n{key}".encode(), "sha256")[:16]
        return f"{expires}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    async def _run(self, function: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)
