"""Objects in a bucket of S3, or of anything that speaks its protocol."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import obstore
from obstore.store import S3Store

from seedbed.errors import ConfigError
from seedbed.storage.objects import (
    CHUNK_BYTES,
    KEY,
    Head,
    ObjectMissing,
    Patience,
    StorageError,
    Stored,
    plainly,
    quoted_etag,
)

if TYPE_CHECKING:
    from obstore.store import S3Config

PART_BYTES = 8 << 20
"""One part of a multipart upload; anything smaller goes up in one request."""
PARTS_AT_ONCE = 2

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}", re.ASCII)


class Bucket:
    """Objects in a bucket.

    Only obstore's blocking calls, each in a thread of ours: its asynchronous ones answer from threads of
    their own, which abort the process when they meet an interpreter that is already closing.
    """

    def __init__(self, store: S3Store, prefix: str, *, static_keys: bool) -> None:
        self._store, self.prefix, self.static_keys = store, prefix, static_keys

    @classmethod
    def open(cls, url: str, patience: Patience) -> Bucket:
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

        with plainly(f"storing {key}"):
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
        with plainly(f"reading {key}"):
            answer = obstore.get(self._store, self.prefix + key, options={"range": (start, end)})
            for piece in answer.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(piece)

    def head(self, key: str) -> Head | None:
        try:
            with plainly(f"looking for {key}"):
                found = obstore.head(self._store, self.prefix + key)
        except ObjectMissing:
            return None
        return Head(found["size"], quoted_etag(found["e_tag"] or ""), found["last_modified"])

    def delete(self, key: str) -> None:
        with plainly(f"removing {key}"), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, self.prefix + key)

    def probe(self) -> None:
        path = f"{self.prefix}probe/{uuid.uuid4().hex}"
        with plainly("probing storage"):
            obstore.put(self._store, path, b"ready")
            try:
                if bytes(obstore.get(self._store, path).bytes()) != b"ready":
                    raise StorageError("storage gave back other bytes than were written")
            finally:
                obstore.delete(self._store, path)

    def sign(self, key: str, expires_s: int) -> str:
        with plainly(f"signing a link to {key}"):
            return obstore.sign(self._store, "GET", self.prefix + key, timedelta(seconds=expires_s))


def _s3_address(url: str) -> tuple[str, str, dict[str, str]]:
    """Bucket, prefix (empty or with a slash at its end) and options of `s3://…`. Raises ConfigError."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise ConfigError("SEEDBED_STORAGE_URL: credentials belong in AWS_ACCESS_KEY_ID and its kin")
    prefix = parts.path.strip("/")
    if not _BUCKET.fullmatch(parts.netloc) or (prefix and not KEY.fullmatch(prefix)):
        raise ConfigError(f"SEEDBED_STORAGE_URL: must be s3://bucket/prefix (got {url.partition('?')[0]!r})")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := options.keys() - {"region", "endpoint", "allow_http"}:
        raise ConfigError(
            f"SEEDBED_STORAGE_URL: unknown option {min(unknown)!r}; known are region, endpoint, allow_http"
        )
    return parts.netloc, f"{prefix}/" if prefix else "", options


def origin(url: str) -> str:
    """Where presigned links of the bucket at `url` lead, as a page's policy says it. Raises ConfigError."""
    endpoint = urlsplit(_endpoint(_s3_address(url)[2]))
    return f"{endpoint.scheme}://{endpoint.netloc}" if endpoint.netloc else "https://*.amazonaws.com"


def _endpoint(options: dict[str, str]) -> str:
    """The endpoint that was named, in the address or around it; without a host where there is none."""
    variables = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    places = [options.get("endpoint"), *(os.environ.get(name) for name in variables)]
    return next((place for place in places if place), "https://")


def _allow_http(options: dict[str, str]) -> bool:
    """Whether the endpoint may be plain http. Raises ConfigError where it is, and may not."""
    endpoint = _endpoint(options)
    allowed = options.get("allow_http", os.environ.get("AWS_ALLOW_HTTP", "")).lower() in ("true", "1")
    if not endpoint.startswith(("http://", "https://")):
        raise ConfigError(f"SEEDBED_STORAGE_URL: endpoint must begin with https:// (got {endpoint!r})")
    if endpoint.startswith("http://") and not allowed:
        raise ConfigError(f"SEEDBED_STORAGE_URL: {endpoint!r} is not encrypted; add allow_http=true to use it")
    return allowed
