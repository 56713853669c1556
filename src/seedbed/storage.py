"""Where outputs are kept: a local folder, or a bucket of S3, and the links that lead to them.

Owns the objects under one address and their keys; no table. It promises that an object is there whole
or not at all, that a key is made by the server alone and can name nothing outside the store, that an
upload is tried again when S3 fails and that every wait ends, and that a link cannot be guessed. It never
touches the database, which remembers each object's content type and size.

The address is a folder's path, or `s3://bucket/prefix` with the optional query parameters `region`,
`endpoint` and `allow_http=true`. Credentials, and whatever the address does not say, come from the usual
`AWS_*` environment variables (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`,
`AWS_REGION`, `AWS_ENDPOINT_URL`, …), a web identity, a container's role or a machine's, in this order.

The lower part is what a route needs to serve a file well (RFC 9110, 6266), as pure functions.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import os
import random
import re
import stat
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit

import obstore
from obstore.exceptions import BaseError, GenericError
from obstore.store import S3Store

from seedbed.errors import ConfigError, SeedbedError

if TYPE_CHECKING:
    from obstore.store import S3Config

T = TypeVar("T")

CHUNK_BYTES = 1 << 20
PART_BYTES = 8 << 20
"""One part of a multipart upload; anything smaller goes up in one request."""
PARTS_AT_ONCE = 2
PRESIGNED_S_MAX = 7 * 86_400
"""S3 refuses a presigned link that lives longer."""
STALE_PARTIAL_S = 86_400
READY_S = 30.0
READY_TIMEOUT_S = 10.0
BACK_OFF_S_MAX = 10.0
SECRET_BYTES_MIN = 16

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}(\.[a-z0-9]{1,8}){1,2}", re.ASCII)
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}(/[A-Za-z0-9][A-Za-z0-9._-]{0,127}){0,7}", re.ASCII)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}", re.ASCII)
_SEGMENT = re.compile(r"(0|[1-9][0-9]{0,11})\.[A-Za-z0-9_-]{22}", re.ASCII)


class StorageError(SeedbedError):
    """The store could not do it. The message is for the operator; `retryable` says whether to try again."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class ObjectMissing(StorageError):
    """No object has this key."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What was stored: its length, the SHA-256 of its bytes in hex, and the store's own entity tag."""

    size_bytes: int
    sha256: str
    etag: str


@dataclass(frozen=True, slots=True)
class Head:
    """What the store knows of an object."""

    size_bytes: int
    etag: str
    modified: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long S3 is given: whole uploads tried, seconds for one request, first pause, seconds in all."""

    attempts_max: int = 4
    request_timeout_s: float = 90.0
    back_off_s: float = 0.5
    upload_timeout_s: float = 900.0


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


def _checked(key: str) -> str:
    """`key`, if it can only mean something inside the store; ValueError else."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"not a storage key: {key!r}")
    return key


class Storage:
    """One store, opened once for a process and safe to use from many tasks. Call `close` at the end."""

    def __init__(
        self,
        backend: _Local | _S3,
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
        backend = _S3.open(url, patience) if url.startswith("s3://") else _Local.open(url)
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
        if isinstance(self._backend, _S3):
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
        if not isinstance(self._backend, _S3):
            return None
        return await self._run(self._backend.sign, key, min(max(1, expires_s), PRESIGNED_S_MAX))

    def verify(self, signature: str, key: str, now: float) -> bool:
        """Whether `signature`, the segment before the key in a link, opens `key` at Unix time `now`."""
        if not _SEGMENT.fullmatch(signature) or not _KEY.fullmatch(key):
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


class _Local:
    """Objects as files. Plain calls, not obstore, whose local store never syncs and reads 30 times slower."""

    def __init__(self, root: Path) -> None:
        self._root, self._partials = root, root / ".partial"

    @classmethod
    def open(cls, url: str) -> _Local:
        if "://" in url:
            raise ConfigError(f"SEEDBED_STORAGE_URL: must be a folder or s3://bucket/prefix (got {url!r})")
        store = cls(Path(url).expanduser().absolute())
        try:
            store._partials.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"SEEDBED_STORAGE_URL: cannot make the folder {url!r}: {error.strerror}") from None
        store._sweep()
        return store

    def _sweep(self) -> None:
        """Removes what writers that were killed left behind, a day later."""
        for path in self._partials.iterdir():
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > STALE_PARTIAL_S:
                    path.unlink()

    def put(self, key: str, source: Path, content_type: str, go_on: Callable[[], None]) -> Stored:
        target, partial = self._root / key, self._partials / uuid.uuid4().hex
        with _plainly(f"storing {key}"):
            try:
                stored = _copied(source, partial, go_on)
                target.parent.mkdir(parents=True, exist_ok=True)
                go_on()
                partial.replace(target)
            finally:
                partial.unlink(missing_ok=True)
            # All the way up: a folder that another writer has just made may not be on the disk yet.
            for folder in target.relative_to(self._root).parents:
                _sync_folder(self._root / folder)
        return stored

    def chunks(self, key: str, start: int, end: int) -> Iterator[bytes]:
        with _plainly(f"reading {key}"), (self._root / key).open("rb", buffering=0) as file:
            file.seek(start)
            while start < end and (piece := file.read(min(CHUNK_BYTES, end - start))):
                start += len(piece)
                yield piece

    def head(self, key: str) -> Head | None:
        try:
            with _plainly(f"looking for {key}"):
                found = (self._root / key).stat()
        except ObjectMissing:
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        return Head(found.st_size, _local_etag(found), datetime.fromtimestamp(int(found.st_mtime), UTC))

    def delete(self, key: str) -> None:
        with _plainly(f"removing {key}"):
            (self._root / key).unlink(missing_ok=True)

    def probe(self) -> None:
        path = self._partials / uuid.uuid4().hex
        with _plainly("probing storage"):
            try:
                with path.open("xb") as file:
                    file.write(b"ready")
                    file.flush()
                    os.fsync(file.fileno())
                if path.read_bytes() != b"ready":
                    raise StorageError("storage gave back other bytes than were written")
            finally:
                path.unlink(missing_ok=True)


def _copied(source: Path, partial: Path, go_on: Callable[[], None]) -> Stored:
    """Copies `source` to the new file `partial` and waits until it is on the disk."""
    digest = hashlib.sha256()
    with source.open("rb") as reader, partial.open("xb") as writer:
        while piece := reader.read(CHUNK_BYTES):
            go_on()
            digest.update(piece)
            writer.write(piece)
        writer.flush()
        os.fsync(writer.fileno())
        written = os.fstat(writer.fileno())
    return Stored(written.st_size, digest.hexdigest(), _local_etag(written))


def _local_etag(found: os.stat_result) -> str:
    return f'"{found.st_size:x}-{found.st_mtime_ns:x}"'


def _sync_folder(folder: Path) -> None:
    """Makes the names in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _S3:
    """Objects in a bucket.

    Only obstore's blocking calls, each in a thread of ours: its asynchronous ones answer from threads of
    their own, which abort the process when they meet an interpreter that is already closing.
    """

    def __init__(self, store: S3Store, prefix: str, *, static_keys: bool) -> None:
        self._store, self.prefix, self.static_keys = store, prefix, static_keys

    @classmethod
    def open(cls, url: str, patience: Patience) -> _S3:
        bucket, prefix, options = _s3_address(url)
        request_time = timedelta(seconds=patience.request_timeout_s)
        # One plain DELETE for one object: not every S3 knows the bulk one that obstore prefers.
        config: S3Config = {"disable_bulk_delete": True}
        if endpoint := options.get("endpoint"):
            config["endpoint"] = endpoint
        if region := options.get("region"):
            config["region"] = region
        store = S3Store(
            bucket,
            config=config,
            client_options={"allow_http": _allow_http(options), "timeout": request_time},
            retry_config={
                "max_retries": 2,
                "retry_timeout": request_time,
                "backoff": {
                    "init_backoff": timedelta(seconds=patience.back_off_s / 2),
                    "max_backoff": timedelta(seconds=patience.back_off_s * 4),
                },
            },
        )
        static_keys = bool(os.environ.get("AWS_ACCESS_KEY_ID")) and not os.environ.get("AWS_SESSION_TOKEN")
        return cls(store, prefix, static_keys=static_keys)

    def put(self, key: str, source: Path, content_type: str, go_on: Callable[[], None]) -> Stored:
        digest, sent = hashlib.sha256(), 0

        def parts() -> Iterator[bytes]:
            nonlocal sent
            with source.open("rb") as file:
                while part := file.read(PART_BYTES):
                    go_on()  # what it raises makes obstore abort the multipart upload
                    digest.update(part)
                    sent += len(part)
                    yield part

        with _plainly(f"storing {key}"):
            small = source.stat().st_size <= PART_BYTES
            obstore.put(
                self._store,
                self.prefix + key,
                b"".join(parts()) if small else parts(),
                attributes={"Content-Type": content_type},
                use_multipart=not small,
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
            )
        found = self.head(key)
        if found is None or found.size_bytes != sent:
            came = found.size_bytes if found else 0
            raise StorageError(f"storing {key}: {came} of {sent} bytes arrived", retryable=True)
        return Stored(sent, digest.hexdigest(), found.etag)

    def chunks(self, key: str, start: int, end: int) -> Iterator[bytes]:
        with _plainly(f"reading {key}"):
            answer = obstore.get(self._store, self.prefix + key, options={"range": (start, end)})
            for piece in answer.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(piece)

    def head(self, key: str) -> Head | None:
        try:
            with _plainly(f"looking for {key}"):
                found = obstore.head(self._store, self.prefix + key)
        except ObjectMissing:
            return None
        return Head(found["size"], quoted_etag(found["e_tag"] or ""), found["last_modified"])

    def delete(self, key: str) -> None:
        with _plainly(f"removing {key}"), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, self.prefix + key)

    def probe(self) -> None:
        path = f"{self.prefix}probe/{uuid.uuid4().hex}"
        with _plainly("probing storage"):
            obstore.put(self._store, path, b"ready")
            try:
                if bytes(obstore.get(self._store, path).bytes()) != b"ready":
                    raise StorageError("storage gave back other bytes than were written")
            finally:
                obstore.delete(self._store, path)

    def sign(self, key: str, expires_s: int) -> str:
        with _plainly(f"signing a link to {key}"):
            return obstore.sign(self._store, "GET", self.prefix + key, timedelta(seconds=expires_s))


def _s3_address(url: str) -> tuple[str, str, dict[str, str]]:
    """Bucket, prefix (empty or with a slash at its end) and options of `s3://…`. Raises ConfigError."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise ConfigError("SEEDBED_STORAGE_URL: credentials belong in AWS_ACCESS_KEY_ID and its kin")
    prefix = parts.path.strip("/")
    if not _BUCKET.fullmatch(parts.netloc) or (prefix and not _KEY.fullmatch(prefix)):
        raise ConfigError(f"SEEDBED_STORAGE_URL: must be s3://bucket/prefix (got {url.partition('?')[0]!r})")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := options.keys() - {"region", "endpoint", "allow_http"}:
        raise ConfigError(
            f"SEEDBED_STORAGE_URL: unknown option {min(unknown)!r}; known are region, endpoint, allow_http"
        )
    return parts.netloc, f"{prefix}/" if prefix else "", options


def _allow_http(options: dict[str, str]) -> bool:
    """Whether the endpoint may be plain http. Raises ConfigError where it is, and may not."""
    variables = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    places = [options.get("endpoint"), *(os.environ.get(name) for name in variables)]
    endpoint = next((place for place in places if place), "https://")
    allowed = options.get("allow_http", os.environ.get("AWS_ALLOW_HTTP", "")).lower() in ("true", "1")
    if not endpoint.startswith(("http://", "https://")):
        raise ConfigError(f"SEEDBED_STORAGE_URL: endpoint must begin with https:// (got {endpoint!r})")
    if endpoint.startswith("http://") and not allowed:
        raise ConfigError(f"SEEDBED_STORAGE_URL: {endpoint!r} is not encrypted; add allow_http=true to use it")
    return allowed


@contextlib.contextmanager
def _plainly(action: str) -> Iterator[None]:
    """Turns what the system and obstore raise into StorageError, in one line."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ObjectMissing(f"{action}: there is no such object, bucket or file") from error
    except OSError as error:
        raise StorageError(f"{action}: {error.strerror or 'the system refused'}") from error
    except BaseError as error:
        first_line = str(error).partition("\n")[0]
        raise StorageError(f"{action}: {first_line}", retryable=isinstance(error, GenericError)) from error


# What a route needs to serve a file.


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """The range lies outside the file: answer 416 with `Content-Range: bytes */<size>`."""

    size_bytes: int


def parse_range(header: str | None, size_bytes: int) -> tuple[int, int] | Unsatisfiable | None:
    """What a Range header asks of a file (RFC 9110, 14.2): (start, end without), Unsatisfiable, or None.

    None means the whole file: no header, another unit, bad syntax, or several ranges, which a server
    may ignore.
    """
    found = re.fullmatch(r"bytes=[ \t,]*([0-9]*)-([0-9]*)[ \t,]*", header or "", re.ASCII | re.IGNORECASE)
    if not found or not any(found.groups()):
        return None
    first, last = (_position(digits) for digits in found.groups())
    if first is None:
        assert last is not None
        if size_bytes == 0 and last:
            return None
        return (max(0, size_bytes - last), size_bytes) if last else Unsatisfiable(size_bytes)
    if last is not None and last < first:
        return None
    if first >= size_bytes:
        return Unsatisfiable(size_bytes)
    return first, size_bytes if last is None else min(last + 1, size_bytes)


def _position(digits: str) -> int | None:
    """The number, where there is one; 20 digits are beyond every file, so the rest need not be read."""
    return int(digits.lstrip("0")[:20] or "0") if digits else None


def content_range(start: int, end: int, size_bytes: int) -> str:
    """The Content-Range of a 206 answer with the bytes from `start` up to but without `end`."""
    return f"bytes {start}-{end - 1}/{size_bytes}"


def content_disposition(filename: str, kind: Literal["inline", "attachment"]) -> str:
    """A Content-Disposition (RFC 6266, 8187) that every client reads, whatever is in `filename`.

    Path separators, control characters and what is no text become `_`; the name is cut to 150 characters.
    """
    name = re.sub(r"[\x00-\x1f\x7f-\x9f\\/\ud800-\udfff]", "_", filename)[-150:].strip(" .") or "file"
    plain = re.sub(r'[^ -~]|["%]', "_", name)
    value = f'{kind}; filename="{plain}"'
    return value if plain == name else f"{value}; filename*=UTF-8''{quote(name, safe='')}"


def quoted_etag(opaque: str) -> str:
    """An entity tag as it stands in a header, from bare or quoted text."""
    return '"' + re.sub(r"[^!#-~]", "", opaque.removeprefix("W/")) + '"'


def not_modified(if_none_match: str | None, etag: str) -> bool:
    """Whether an If-None-Match header names `etag`, so that 304 is the answer (weak comparison)."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or etag in re.findall(r'"[!#-~\x80-\xff]*"', if_none_match)


def range_holds(if_range: str | None, etag: str, last_modified: str) -> bool:
    """Whether a Range header counts, given its If-Range (strong comparison); if not, send the whole file.

    `last_modified` is the Last-Modified header as this server writes it.
    """
    return if_range is None or if_range.strip() in (etag, last_modified)
