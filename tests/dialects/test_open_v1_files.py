"""Uploads: what is taken, for how long, how much of it, and that a task finds it again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from seedbed import accounts, db, intake, sweeps, uploads
from seedbed.dialects import _upload
from seedbed.errors import InvalidRequest
from seedbed.runtime import open_runtime
from seedbed.settings import Settings
from tests import hostile_files as files
from tests.conftest import Person
from tests.dialects.wire import GENERATIONS, PREFIX
from tests.engines_for_tests import Clip
from tests.media_samples import quarters, written
from tests.test_spine import ended
from tests.webhook_receivers import until
from tests.workers import at_work

FILES = f"{PREFIX}/files"
PICTURE = written(quarters(), "PNG")


async def send(api: httpx2.AsyncClient, person: Person, content: bytes = PICTURE, **headers: str) -> httpx2.Response:
    return await api.post(FILES, content=content, headers=person.auth | headers)


def refused(answer: httpx2.Response, status: int, message: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json() == {"success": False, "error": {"code": "invalid_request", "message": message}}


def kept_files(settings: Settings) -> list[Path]:
    return [path for path in (settings.data_dir / "files" / "uploads").rglob("*") if path.is_file()]


async def test_a_file_is_kept_for_seven_days_at_an_address(
    api: httpx2.AsyncClient, alice: Person, settings: Settings
) -> None:
    answer = await send(api, alice)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body == {
        "success": True,
        "url": body["url"],
        "kind": "image",
        "sizeBytes": len(PICTURE),
        "expiresAt": body["expiresAt"],
    }
    expires = datetime.strptime(body["expiresAt"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert abs(expires - datetime.now(UTC) - timedelta(days=7)) < timedelta(minutes=2)
    assert body["url"].startswith(f"{settings.base_url}/files/")
    assert body["url"].endswith("/image.png")
    found = await api.get(body["url"])
    assert (found.status_code, found.content) == (200, PICTURE)
    assert found.headers["content-type"] == "image/png"
    assert found.headers["x-content-type-options"] == "nosniff"


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("media")
    moving = [quarters(16, 16), quarters(16, 16).rotate(90)]
    return {
        "picture": PICTURE,
        "animation": written(moving[0], "GIF", save_all=True, append_images=moving[1:], duration=100),
        "video": files.film(folder / "clip", frames=12).read_bytes(),
        "sound": files.wav(bytes([128, 140]) * 4000),
    }


@pytest.mark.parametrize(
    ("name", "kind", "ending"),
    [
        ("picture", "image", "image.png"),
        ("animation", "video", "video.gif"),
        ("video", "video", "video.mp4"),
        ("sound", "audio", "audio.wav"),
    ],
)
async def test_every_kind_comes_raw_or_in_a_form(
    api: httpx2.AsyncClient, alice: Person, media: dict[str, bytes], name: str, kind: str, ending: str
) -> None:
    raw = (await send(api, alice, media[name])).json()
    form = (await api.post(FILES, files={"file": ("../../etc/passwd", media[name])}, headers=alice.auth)).json()
    for body in (raw, form):
        assert (body["kind"], body["sizeBytes"]) == (kind, len(media[name]))
        assert body["url"].rpartition("/")[2] == ending
        assert (await api.get(body["url"])).content == media[name]
    assert raw["url"] != form["url"]


async def test_a_task_reads_an_upload_in_place(
    api: httpx2.AsyncClient, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    url = (await send(api, alice)).json()["url"]
    body = {"model": "seedance-2.0", "prompt": "A river", "duration": 4, "resolution": "480p", "mediaUrls": [url]}
    async with at_work(settings, tmp_path, Clip()):
        task = (await api.post(GENERATIONS, json=body, headers=alice.auth)).json()
        told = await ended(api, alice, task["requestId"])
    assert told["status"] == "succeeded", told


async def test_an_upload_may_vanish_before_its_task_runs(
    api: httpx2.AsyncClient, alice: Person, settings: Settings, tmp_path: Path, conn: db.Connection, sound: None
) -> None:
    url = (await send(api, alice)).json()["url"]
    body = {"model": "seedance-2.0", "prompt": "A river", "duration": 4, "resolution": "480p", "mediaUrls": [url]}
    task = (await api.post(GENERATIONS, json=body, headers=alice.auth)).json()
    await conn.execute("DELETE FROM uploads")
    async with at_work(settings, tmp_path, Clip()):
        told = await ended(api, alice, task["requestId"])
    assert told["error"] == {
        "code": "invalid_media",
        "message": "'mediaUrls.0' is not, or no longer, a file of this server",
    }


async def test_only_genuine_links_are_taken_at_submission(
    api: httpx2.AsyncClient, alice: Person, settings: Settings
) -> None:
    url = (await send(api, alice)).json()["url"]
    forged = url.replace("/files/", "/files/9")
    for bad in (forged, url.replace("image.png", "other.png"), f"{settings.base_url}/files/0.{'A' * 22}/uploads/a.png"):
        body = {"model": "seedance-2.0", "prompt": "A river", "mediaUrls": [url, bad]}
        answer = await api.post(GENERATIONS, json=body, headers=alice.auth)
        refused(answer, 400, "'mediaUrls.1' is not, or no longer, a file of this server")
    for elsewhere in (f"{settings.base_url}/metrics", f"{settings.base_url}/readyz"):
        body = {"model": "seedance-2.0", "prompt": "A river", "mediaUrls": [elsewhere]}
        refused(
            await api.post(GENERATIONS, json=body, headers=alice.auth),
            400,
            "'mediaUrls.0': The URL must begin with https://",
        )


# Refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(files.REFUSED_BY_SIGHT.keys() - {"empty"}))
async def test_what_is_no_medium_is_refused(
    api: httpx2.AsyncClient, alice: Person, settings: Settings, name: str
) -> None:
    answer = await send(api, alice, files.REFUSED_BY_SIGHT[name], **{"Content-Type": "video/mp4"})
    refused(answer, 400, "The file is not a picture, video or sound in a format that is taken")
    assert kept_files(settings) == []


async def test_a_file_is_read_through_before_it_is_kept(
    api: httpx2.AsyncClient, alice: Person, settings: Settings, conn: db.Connection
) -> None:
    refused(await send(api, alice, files.huge_png()), 400, "The file has more than 50 megapixels")
    refused(await send(api, alice, PICTURE[:80]), 400, "The file is damaged, or only a part of a file")
    assert kept_files(settings) == []
    assert await conn.fetchval("SELECT count(*) FROM uploads") == 0
    assert list((settings.data_dir / "scratch").glob("worker-*/*")) == [], "nothing is left on the way"


async def test_the_type_must_not_contradict_the_bytes(api: httpx2.AsyncClient, alice: Person) -> None:
    wrong = "The file is named as a video and is a picture"
    refused(await send(api, alice, **{"Content-Type": "video/mp4"}), 400, wrong)
    refused(await api.post(FILES, files={"file": ("a", PICTURE, "video/mp4")}, headers=alice.auth), 400, wrong)
    for kind in ("image/jpeg", "application/octet-stream", "application/x-www-form-urlencoded", "nonsense"):
        assert (await send(api, alice, **{"Content-Type": kind})).status_code == 200, kind


async def test_a_file_over_its_limit_is_413(
    api: httpx2.AsyncClient, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = PICTURE + bytes(30_000_001 - len(PICTURE))
    refused(await send(api, alice, large), 413, "The file is larger than 30 MB, the most that a picture may have")
    monkeypatch.setattr(_upload, "FILE_BYTES_MAX", 1_000_000)
    refused(await send(api, alice, bytes(1_000_001)), 413, "The file is larger than 1 MB")

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(65_536)

    try:
        answer = await api.post(FILES, content=endless(), headers=alice.auth)
    except httpx2.HTTPError:
        pass  # the server hung up while we were still sending
    else:
        refused(answer, 413, "The file is larger than 1 MB")


def form(*parts: bytes, boundary: bytes = b"XX", end: bytes = b"--XX--\r\n") -> bytes:
    return b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + end


HEAD = b'Content-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--XX--\r\n",
        form(HEAD + PICTURE, HEAD + PICTURE),
        form(HEAD + PICTURE, b'Content-Disposition: form-data; name="x"\r\n\r\n1'),
        form(b'Content-Disposition: form-data; name="other"\r\n\r\n' + PICTURE),
        form(b'Content-Disposition: form-data; filename="name=file"\r\n\r\n' + PICTURE),
        form(HEAD + PICTURE, end=b""),
        form(HEAD.rstrip() + PICTURE),
        b"junk" + form(HEAD + PICTURE),
        form(b"X: " + b"y" * 9000 + b"\r\n" + HEAD + PICTURE),
    ],
)
async def test_a_form_must_be_one_file(api: httpx2.AsyncClient, alice: Person, body: bytes) -> None:
    answer = await send(api, alice, body, **{"Content-Type": "multipart/form-data; boundary=XX"})
    refused(answer, 400, "The form must have one part, called 'file'")


async def test_odd_forms_that_are_right(api: httpx2.AsyncClient, alice: Person) -> None:
    near = PICTURE + b"\r\n--X\r\n--"  # what looks nearly like a boundary belongs to the file
    kinds = ('multipart/form-data; boundary="XX"', "Multipart/Form-Data; charset=utf-8; boundary=XX")
    for kind in kinds:
        answer = await send(api, alice, form(HEAD + near), **{"Content-Type": kind})
        assert answer.json()["sizeBytes"] == len(near), answer.text
        assert (await api.get(answer.json()["url"])).content == near
    answer = await send(api, alice, form(HEAD + PICTURE), **{"Content-Type": "multipart/form-data"})
    refused(answer, 400, "A form with a file must be multipart/form-data with a boundary")


async def test_an_empty_body(api: httpx2.AsyncClient, alice: Person) -> None:
    refused(
        await send(api, alice, b""),
        400,
        "The file is empty; send its bytes as the body or as the part 'file' of a form",
    )


async def test_a_key_is_needed(api: httpx2.AsyncClient) -> None:
    answer = await api.post(FILES, content=PICTURE)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorized"


async def test_a_key_of_the_studio_api_uploads_too(api: httpx2.AsyncClient, pool: db.Pool, alice: Person) -> None:
    """What is kept is the account's: the Studio API has no such path, and its tasks need media all the same."""
    async with db.transaction(pool) as conn:
        _, key = await accounts.create_key(conn, alice.account_id, "studio")
    auth = {"Authorization": f"Bearer {key}"}
    kept = await api.post(FILES, content=PICTURE, headers=auth)
    assert kept.status_code == 200, kept.text
    body = {"prompt": "It moves", "mode": "image-to-video", "image_url": kept.json()["url"]}
    assert (await api.post("/api/v1/video/seedance2", json=body, headers=auth)).status_code == 202
    assert (await api.get(f"{PREFIX}/balance", headers=auth)).status_code == 401, "and nothing else of this API"


# Bounds ----------------------------------------------------------------------------------------------------------


async def test_an_account_keeps_so_much_and_no_more(
    api: httpx2.AsyncClient, alice: Person, bob: Person, conn: db.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "FILES_MAX", 2)
    answers = await asyncio.gather(*(send(api, alice) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 400, 400, 400]
    refused(
        next(answer for answer in answers if answer.status_code == 400),
        400,
        "This account keeps 2 uploads already; each is kept for 7 days",
    )
    assert (await send(api, bob)).status_code == 200
    await conn.execute("UPDATE uploads SET expires_at = now()")
    assert (await send(api, alice)).status_code == 200, "what has expired makes room"
    monkeypatch.setattr(uploads, "BYTES_MAX", 2 * len(PICTURE) - 1)
    answer = await send(api, alice)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("This account would keep more than")


async def test_a_process_takes_so_many_at_once(
    api: httpx2.AsyncClient, alice: Person, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    port = settings.port
    streams = []
    head = f"POST {FILES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.key}\r\nContent-Length: 1000\r\n\r\nx"
    for _ in range(intake.UPLOADS_AT_ONCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode())
        streams.append((reader, writer))
    places = settings.data_dir / "scratch"
    await until(lambda: len(list(places.glob("worker-*/*/body"))) == intake.UPLOADS_AT_ONCE)
    answer = await send(api, alice)
    assert answer.json()["error"] == {
        "code": "service_busy",
        "message": "Too many uploads at the same time; try again shortly",
    }
    assert answer.headers["retry-after"] == "2"
    for _, writer in streams:
        writer.close()
        await writer.wait_closed()
    await until(lambda: not list(places.glob("worker-*/*")))
    assert (await send(api, alice)).status_code == 200


async def test_the_sweep_removes_what_has_expired(
    api: httpx2.AsyncClient, alice: Person, settings: Settings, conn: db.Connection
) -> None:
    old, new = [(await send(api, alice)).json()["url"] for _ in range(2)]
    old_key = old.partition("/files/")[2].partition("/")[2]
    await conn.execute("UPDATE uploads SET expires_at = now() WHERE key = $1", old_key)
    assert (await api.get(old)).status_code == 404, "it is gone from the moment that it expires"
    async with open_runtime(settings, pool_size=4, name="sweep") as runtime:
        await sweeps.clear_uploads(runtime)
    assert await conn.fetchval("SELECT count(*) FROM uploads") == 1
    assert len(kept_files(settings)) == 1
    assert (await api.get(new)).status_code == 200


async def test_a_row_without_its_object_is_never_found(conn: db.Connection, alice: Person) -> None:
    options: dict[str, Any] = {"kind": "image", "content_type": "image/png", "extension": ".png", "size_bytes": 9}
    async with conn.transaction():
        key = await uploads.reserve(conn, alice.account_id, **options)
    assert await uploads.find(conn, key) is None
    assert (await uploads.publish(conn, key, bytes(32))).key == key
    assert (await uploads.find(conn, key) or {})["size_bytes"] == 9
    await uploads.forget(conn, key)
    with pytest.raises(InvalidRequest):
        await uploads.publish(conn, key, bytes(32))


async def test_storage_that_fails_is_said_and_swept(
    api: httpx2.AsyncClient, alice: Person, settings: Settings, conn: db.Connection
) -> None:
    obstacle = settings.data_dir / "files" / "uploads"
    obstacle.write_text("a file where a folder should be")
    answer = await send(api, alice)
    assert answer.status_code == 503
    assert answer.json()["error"] == {
        "code": "service_busy",
        "message": "The file could not be stored; try again shortly",
    }
    obstacle.unlink()
    # What could not be removed keeps its row, is never found, and goes with the sweep.
    assert await conn.fetchval("SELECT count(*) FROM uploads WHERE sha256 IS NOT NULL") == 0
    await conn.execute("UPDATE uploads SET expires_at = now()")
    async with open_runtime(settings, pool_size=4, name="sweep") as runtime:
        await sweeps.clear_uploads(runtime)
    assert await conn.fetchval("SELECT count(*) FROM uploads") == 0
    assert (await send(api, alice)).status_code == 200
