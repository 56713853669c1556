"""`/files/…`: only published outputs, only through genuine links, whole or in parts."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from seedbed import db, downloads
from seedbed.runtime import open_runtime
from seedbed.settings import Settings
from seedbed.storage import Storage
from tests.conftest import Person, served
from tests.dialects.wire import GENERATIONS, output_of, publish, submit
from tests.raw import exchange, request
from tests.relay import Relay
from tests.s3 import CREDENTIALS, S3Server, s3_server

__all__ = ["s3_server"]

SECRET = "sixteen bytes or more"
CONTENT = bytes(range(256)) * 10_000
"""A film of 2.56 MB: more than one piece of the store's reading."""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"secret_key": SecretStr(SECRET)})


def store_of(settings: Settings, *, ago_s: float = 0) -> Storage:
    """The server's own store, as it was `ago_s` seconds ago."""
    return Storage.open(
        settings.storage_url or str(settings.data_dir / "files"),
        base_url=settings.base_url,
        secret=SECRET.encode(),
        ttl_s=settings.link_ttl_s,
        clock=lambda: time.time() - ago_s,
    )


async def told_link(api: httpx2.AsyncClient, person: Person, task_id: str) -> str:
    url: str = (await api.get(f"{GENERATIONS}/{task_id}", headers=person.auth)).json()["output"]["url"]
    return url


@pytest.fixture
async def link(api: httpx2.AsyncClient, alice: Person, settings: Settings, pool: db.Pool) -> str:
    """The link to a published film, as the API tells it."""
    task_id = await submit(api, alice)
    await publish(settings, pool, task_id, CONTENT)
    return await told_link(api, alice, task_id)


def assert_missing(answer: httpx2.Response) -> None:
    assert (answer.status_code, answer.text) == (404, "There is no such file\n")
    assert "etag" not in answer.headers


# Whole -------------------------------------------------------------------------------------------------------


async def test_a_link_gives_the_film_to_whoever_has_it(api: httpx2.AsyncClient, link: str) -> None:
    answer = await api.get(link)
    assert answer.status_code == 200
    assert answer.content == CONTENT
    headers = answer.headers
    assert headers["content-type"] == "video/mp4"
    assert headers["content-length"] == str(len(CONTENT))
    assert headers["accept-ranges"] == "bytes"
    assert headers["content-disposition"] == 'inline; filename="video.mp4"'
    assert headers["cache-control"] == "private, max-age=31536000, immutable"
    assert headers["access-control-allow-origin"] == "*"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["etag"].startswith('"')
    digest = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    assert headers["repr-digest"] == f"sha-256=:{digest}:"
    part = await api.get(link, headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.headers["repr-digest"]) == (206, headers["repr-digest"]), "of the whole file"
    assert abs(parsedate_to_datetime(headers["last-modified"]).timestamp() - time.time()) < 600
    saved = await api.get(f"{link}?download")
    assert saved.content == CONTENT
    assert saved.headers["content-disposition"] == 'attachment; filename="video.mp4"'


async def test_head_tells_the_same_without_the_film(api: httpx2.AsyncClient, link: str) -> None:
    head, get = await api.head(link), await api.get(link)
    assert (head.status_code, head.content) == (200, b"")
    varying = ("date", "x-request-id")
    for name in get.headers.keys() | head.headers.keys():
        assert name in varying or head.headers[name] == get.headers[name], name
    part = await api.head(link, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.headers["content-length"]) == (206, "10")


# Parts -------------------------------------------------------------------------------------------------------

SIZE = len(CONTENT)
ACROSS = 1 << 20
"""Where one piece of the store's reading ends and the next begins."""


async def test_parts(api: httpx2.AsyncClient, link: str) -> None:
    for asked, start, end in (
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=100-199", 100, 200),
        (f"bytes={ACROSS - 2}-{ACROSS + 1}", ACROSS - 2, ACROSS + 2),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE),
        ("bytes=5-", 5, SIZE),
        ("bytes=-7", SIZE - 7, SIZE),
        (f"bytes=-{SIZE * 2}", 0, SIZE),
        (f"bytes=10-{'9' * 40}", 10, SIZE),
        ("BYTES=1-2", 1, 3),
    ):
        answer = await api.get(link, headers={"Range": asked})
        assert answer.status_code == 206, asked
        assert answer.content == CONTENT[start:end]
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
        assert answer.headers["content-length"] == str(end - start)
        assert answer.headers["content-type"] == "video/mp4"


async def test_parts_that_are_not_there(api: httpx2.AsyncClient, link: str) -> None:
    for asked in (f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 1}", "bytes=-0", f"bytes={'9' * 5000}-"):
        answer = await api.get(link, headers={"Range": asked})
        assert (answer.status_code, answer.content) == (416, b""), asked
        assert answer.headers["content-range"] == f"bytes */{SIZE}"


async def test_ranges_that_mean_nothing_are_ignored(api: httpx2.AsyncClient, link: str) -> None:
    for asked in ("bytes=9-5", "bytes=a-b", "frames=0-1", "bytes=", "bytes=-", "bytes=0-1,4-5", "0-1", "bytes 0-1"):
        answer = await api.get(link, headers={"Range": asked})
        assert answer.status_code == 200, asked
        assert len(answer.content) == SIZE
        assert "content-range" not in answer.headers


async def test_all_the_parts_make_the_film(api: httpx2.AsyncClient, link: str) -> None:
    whole = b""
    while len(whole) < SIZE:
        whole += (await api.get(link, headers={"Range": f"bytes={len(whole)}-{len(whole) + 700_000}"})).content
    assert whole == CONTENT


# Conditions --------------------------------------------------------------------------------------------------


async def test_what_the_client_has_already(api: httpx2.AsyncClient, link: str) -> None:
    etag = (await api.head(link)).headers["etag"]
    for known in (etag, "*", f'"other", {etag}', f"W/{etag}"):
        answer = await api.get(link, headers={"If-None-Match": known, "Range": "bytes=0-1"})
        assert (answer.status_code, answer.content) == (304, b""), known
        assert answer.headers["etag"] == etag
        assert "content-range" not in answer.headers
    for unknown in ('"other"', etag.strip('"'), ""):
        assert (await api.get(link, headers={"If-None-Match": unknown})).status_code == 200


async def test_a_part_only_of_the_film_that_is_meant(api: httpx2.AsyncClient, link: str) -> None:
    headers = (await api.head(link)).headers
    for same in (headers["etag"], headers["last-modified"]):
        answer = await api.get(link, headers={"If-Range": same, "Range": "bytes=0-1"})
        assert answer.status_code == 206
    for other in ('"other"', f"W/{headers['etag']}", "Sat, 01 Jan 2000 00:00:00 GMT"):
        answer = await api.get(link, headers={"If-Range": other, "Range": "bytes=0-1"})
        assert (answer.status_code, len(answer.content)) == (200, SIZE)


async def test_two_films_have_two_tags(
    api: httpx2.AsyncClient, alice: Person, settings: Settings, pool: db.Pool
) -> None:
    tags = []
    for content in (b"one", b"two", b"one"):
        task_id = await submit(api, alice)
        await publish(settings, pool, task_id, content)
        tags.append((await api.head(await told_link(api, alice, task_id))).headers["etag"])
    assert tags[0] == tags[2] != tags[1]


# Only genuine links ------------------------------------------------------------------------------------------


async def test_a_link_that_was_tampered_with(api: httpx2.AsyncClient, link: str) -> None:
    base, _, rest = link.partition("/files/")
    signature, _, key = rest.partition("/")
    expires, _, mac = signature.partition(".")
    swapped = mac[:-1] + ("A" if mac[-1] != "A" else "B")
    for bad in (
        f"{expires}.{swapped}/{key}",
        f"{expires}.{mac}=/{key}",
        f"{expires}.{mac[:-1]}/{key}",
        f"{int(time.time()) + 3600}.{mac}/{key}",
        f"00.{mac}/{key}",
        f"-0.{mac}/{key}",
        f"{mac}/{key}",
        key,
        f"{signature}/{key}x",
        f"{signature}/{key.replace('/1/', '/2/')}",
        f"{signature}/{key.replace('video', 'other')}",
        f"{signature}/{key}/",
        f"{signature}//{key}",
        f"{signature}/./{key}",
        f"{signature}/x/../{key}",
        f"{signature}/{key}%00",
        f"{signature}/",
    ):
        (answer,) = await exchange(base, request("GET", f"/files/{bad}", "Host: localhost"))
        assert (answer.status, answer.body) == (404, b"There is no such file\n"), bad
    for cut in (f"/{key}", signature, ""):
        assert (await api.get(f"{base}/files/{cut}")).status_code == 404
    assert (await api.get(link)).status_code == 200


async def test_what_was_never_published_is_not_there(
    api: httpx2.AsyncClient, alice: Person, settings: Settings, pool: db.Pool, tmp_path: Path
) -> None:
    """The bytes are in the store and the link is genuine, but no task says that this is its output."""
    task_id = await submit(api, alice)
    output = output_of(task_id)
    with contextlib.closing(store_of(settings)) as store:
        source = tmp_path / "source"
        source.write_bytes(CONTENT)
        await store.put(output.video.key, source, "video/mp4")
        assert_missing(await api.get(store.link(output.video.key)))
        await publish(settings, pool, task_id, CONTENT)
        assert (await api.get(store.link(output.video.key))).status_code == 200


async def test_another_servers_signature_opens_nothing(api: httpx2.AsyncClient, link: str, settings: Settings) -> None:
    key = link.partition("/files/")[2].partition("/")[2]
    foreign = Storage.open(str(settings.data_dir / "files"), base_url=settings.base_url, secret=b"another secret" * 2)
    with contextlib.closing(foreign):
        assert_missing(await api.get(foreign.link(key)))


async def test_links_that_end(settings: Settings, alice: Person, pool: db.Pool) -> None:
    short = settings.model_copy(update={"link_ttl_s": 600})
    async with served(short) as url, httpx2.AsyncClient(base_url=url) as api:
        task_id = await submit(api, alice)
        key = await publish(short, pool, task_id, b"a film")
        link = await told_link(api, alice, task_id)
        expires = int(link.partition("/files/")[2].partition(".")[0])
        assert 0 < expires - time.time() <= 601
        assert (await api.get(link)).content == b"a film"
        for ago_s, alive in ((500, True), (700, False)):
            with contextlib.closing(store_of(short, ago_s=ago_s)) as then:
                answer = await api.get(then.link(key))
                if alive:
                    assert answer.status_code == 200
                else:
                    assert_missing(answer)


async def test_links_hold_across_restarts(settings: Settings, alice: Person, pool: db.Pool) -> None:
    """With no secret given, one is drawn once and kept in the database."""
    own = settings.model_copy(update={"secret_key": None})
    async with served(own) as url, httpx2.AsyncClient(base_url=url) as api:
        task_id = await submit(api, alice)
        await publish(own, pool, task_id, b"a film")
        link = await told_link(api, alice, task_id)
    async with served(own) as url, httpx2.AsyncClient(base_url=url) as api:
        assert (await api.get(link)).content == b"a film"
        assert await told_link(api, alice, task_id) == link


async def test_the_links_begin_with_the_public_address(settings: Settings, alice: Person, pool: db.Pool) -> None:
    named = settings.model_copy(update={"public_url": "https://video.example.com/seedbed"})
    async with served(named), httpx2.AsyncClient(base_url=f"http://127.0.0.1:{named.port}") as api:
        task_id = await submit(api, alice)
        await publish(named, pool, task_id, b"a film")
        link = await told_link(api, alice, task_id)
        assert link.startswith("https://video.example.com/seedbed/files/0.")
        assert (await api.get(link.removeprefix("https://video.example.com/seedbed"))).content == b"a film"


async def test_a_file_that_the_disk_lost(api: httpx2.AsyncClient, link: str, settings: Settings) -> None:
    """The head was sent: what is left is to break off, so that nobody takes it for the whole."""
    key = link.partition("/files/")[2].partition("/")[2]
    (settings.data_dir / "files" / key).unlink()
    with pytest.raises(httpx2.RemoteProtocolError):
        await api.get(link)


async def test_the_database_is_away(settings: Settings, dsn: str, alice: Person, pool: db.Pool) -> None:
    async with (
        Relay(dsn) as relay,
        served(settings.model_copy(update={"database_url": relay.dsn})) as url,
        httpx2.AsyncClient(base_url=url, timeout=60) as api,
    ):
        task_id = await submit(api, alice)
        await publish(settings, pool, task_id, b"a film")
        link = await told_link(api, alice, task_id)
        await relay.cut()
        answer = await api.get(link)
        assert (answer.status_code, answer.text) == (503, "The service is busy; try again shortly\n")
        assert answer.headers["retry-after"] == "2"
        assert_missing(await api.get(f"{link}x"))
        await relay.mend()
        assert (await api.get(link)).content == b"a film"


# S3 ----------------------------------------------------------------------------------------------------------


async def test_from_s3_by_a_fresh_redirect(
    settings: Settings,
    alice: Person,
    pool: db.Pool,
    s3_server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The link is ours and lives for ever; where it leads is signed anew each time, for an hour."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    there = settings.model_copy(update={"storage_url": s3_server.storage_url(s3_server.bucket(), "films")})
    async with served(there) as url, httpx2.AsyncClient(base_url=url) as api:
        assert (await api.get("/readyz")).json()["checks"]["storage"] == "ok"
        task_id = await submit(api, alice)
        key = await publish(there, pool, task_id, CONTENT)
        link = await told_link(api, alice, task_id)
        assert link.startswith(f"{url}/files/0.")
        answer = await api.get(link)
        assert (answer.status_code, answer.headers["cache-control"]) == (302, "no-store")
        target = answer.headers["location"]
        assert target.startswith(s3_server.url)
        assert urlsplit(target).path.endswith(f"/films/{key}")
        assert parse_qs(urlsplit(target).query)["X-Amz-Expires"] == ["3600"]
        async with httpx2.AsyncClient() as elsewhere:
            film = await elsewhere.get(target)
            part = await elsewhere.get(target, headers={"Range": "bytes=0-9"})
        assert film.content == CONTENT
        assert film.headers["content-type"] == "video/mp4"
        assert (part.status_code, part.content) == (206, CONTENT[:10])
        assert_missing(await api.get(link.replace("/1/", "/2/")))


async def test_the_database_is_asked_before_the_disk(api: httpx2.AsyncClient, link: str, settings: Settings) -> None:
    async with open_runtime(settings, pool_size=1, name="test") as runtime, db.transaction(runtime.pool) as conn:
        await conn.execute("DELETE FROM files")
    assert_missing(await api.get(link))


# Ranges and headers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "size_bytes", "expected"),
    [
        (None, 100, None),
        ("bytes=0-0", 100, (0, 1)),
        ("bytes=0-99", 100, (0, 100)),
        ("bytes=0-100", 100, (0, 100)),
        ("bytes=10-", 100, (10, 100)),
        ("bytes=-10", 100, (90, 100)),
        ("bytes=-1000", 100, (0, 100)),
        ("Bytes=5-6", 100, (5, 7)),
        ("bytes= 5-6 ", 100, (5, 7)),
        ("bytes=,5-6,", 100, (5, 7)),
        ("bytes=0-" + "9" * 5000, 100, (0, 100)),
        ("bytes=" + "0" * 5000 + "1-2", 100, (1, 3)),
        ("bytes=-" + "9" * 5000, 100, (0, 100)),
        ("bytes=100-", 100, downloads.Unsatisfiable(100)),
        ("bytes=100-200", 100, downloads.Unsatisfiable(100)),
        ("bytes=" + "9" * 5000 + "-", 100, downloads.Unsatisfiable(100)),
        ("bytes=-0", 100, downloads.Unsatisfiable(100)),
        ("bytes=0-", 0, downloads.Unsatisfiable(0)),
        ("bytes=-5", 0, None),
        ("bytes=-0", 0, downloads.Unsatisfiable(0)),
        ("bytes=6-5", 100, None),
        ("bytes=0-1,5-6", 100, None),
        ("bytes=-", 100, None),
        ("bytes=", 100, None),
        ("bytes=a-b", 100, None),
        ("bytes=٣-٤", 100, None),
        ("bytes=1-2-3", 100, None),
        ("bytes 1-2", 100, None),
        ("seconds=1-2", 100, None),
        ("bytes=+1-2", 100, None),
        ("", 100, None),
    ],
)
def test_parse_range(header: str | None, size_bytes: int, expected: object) -> None:
    assert downloads.parse_range(header, size_bytes) == expected


@given(st.text() | st.from_regex(r"bytes=[0-9]{0,4}-[0-9]{0,4}", fullmatch=True), st.integers(0, 5000))
def test_a_range_lies_inside_the_file(header: str, size_bytes: int) -> None:
    found = downloads.parse_range(header, size_bytes)
    if isinstance(found, tuple):
        assert 0 <= found[0] < found[1] <= size_bytes


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(1, 5000))
def test_a_range_holds_what_was_asked(first: int, last: int, size_bytes: int) -> None:
    content = list(range(size_bytes))
    found = downloads.parse_range(f"bytes={first}-{last}", size_bytes)
    wanted = content[first : last + 1]
    if first > last:
        assert found is None
    elif not wanted:
        assert found == downloads.Unsatisfiable(size_bytes)
    else:
        assert isinstance(found, tuple)
        assert content[slice(*found)] == wanted
        assert downloads.content_range(*found, size_bytes) == f"bytes {wanted[0]}-{wanted[-1]}/{size_bytes}"


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("a.mp4", 'inline; filename="a.mp4"'),
        ("a b.mp4", 'inline; filename="a b.mp4"'),
        ("видео.mp4", "inline; filename=\"_____.mp4\"; filename*=UTF-8''%D0%B2%D0%B8%D0%B4%D0%B5%D0%BE.mp4"),
        ('a"b.mp4', "inline; filename=\"a_b.mp4\"; filename*=UTF-8''a%22b.mp4"),
        ("50%41.mp4", "inline; filename=\"50_41.mp4\"; filename*=UTF-8''50%2541.mp4"),
        ("../../etc/passwd", 'inline; filename="_.._etc_passwd"'),
        ("a\r\nSet-Cookie: x", 'inline; filename="a__Set-Cookie: x"'),
        ("\ud800.mp4", 'inline; filename="_.mp4"'),
        ("", 'inline; filename="file"'),
        ("...", 'inline; filename="file"'),
    ],
)
def test_content_disposition(filename: str, expected: str) -> None:
    assert downloads.content_disposition(filename, "inline") == expected
    assert downloads.content_disposition(filename, "attachment") == expected.replace("inline", "attachment", 1)


@given(st.text())
def test_a_disposition_is_one_printable_line(filename: str) -> None:
    value = downloads.content_disposition(filename, "attachment")
    assert value.isascii()
    assert value.isprintable()
    assert value.count('"') == 2


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, False),
        ('"abc"', True),
        ('W/"abc"', True),
        ('"x", "abc"', True),
        ('"x","a,b" , W/"abc"', True),
        ("*", True),
        ('"x"', False),
        ("abc", False),
        ('"abcd"', False),
        ("", False),
    ],
)
def test_if_none_match(header: str | None, expected: bool) -> None:
    assert downloads.not_modified(header, '"abc"') is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, True),
        ('"abc"', True),
        ('W/"abc"', False),
        ('"x"', False),
        ("Sat, 21 Nov 2026 09:00:00 GMT", True),
        ("Sat, 21 Nov 2026 09:00:01 GMT", False),
        ("", False),
    ],
)
def test_if_range(header: str | None, expected: bool) -> None:
    assert downloads.range_holds(header, '"abc"', "Sat, 21 Nov 2026 09:00:00 GMT") is expected
