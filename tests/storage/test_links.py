"""Links that nobody can guess, and keys that are plain."""

from __future__ import annotations

import base64
import hashlib
import os
import string
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seedbed import storage
from seedbed.storage import Storage
from tests.s3 import S3Server
from tests.storage.conftest import BASE_URL, DAY_S, KEY, file_of, opened

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


# Where links lead, for the policy of pages


def origin_of(link: str) -> str:
    return "/".join(link.split("/")[:3])


async def test_links_of_a_bucket_lead_where_a_policy_lets_pages_go(remote: Storage, s3_server: S3Server) -> None:
    url = s3_server.storage_url(s3_server.bucket())
    allowed = storage.origins(url, None)
    presigned = await remote.presigned(KEY, 60)
    assert presigned is not None
    assert allowed == [origin_of(presigned)] == [origin_of(remote.link(KEY, ttl_s=60))]
    public = opened(url, public_url="https://cdn.example.com/films/")
    assert origin_of(public.link(KEY)) in storage.origins(url, "https://cdn.example.com/films/")
    public.close()


def test_a_folder_and_amazons_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert storage.origins(None, None) == storage.origins("/var/films", None) == []
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    assert storage.origins("s3://films?region=eu-west-1", None) == ["https://*.amazonaws.com"]
