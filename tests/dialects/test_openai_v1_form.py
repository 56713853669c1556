"""Forms of the OpenAI dialect that lie, are broken, or are too much: refused in words, and nothing is left behind."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator

import httpx2
import pytest

from seedbed import db, intake
from seedbed.dialects import _form, _upload
from seedbed.settings import Settings
from tests import hostile_files as files
from tests.conftest import Person
from tests.dialects.test_openai_v1 import PICTURE, VIDEOS
from tests.webhook_receivers import until

KIND = {"Content-Type": "multipart/form-data; boundary=XX"}
PROMPT = b'Content-Disposition: form-data; name="prompt"\r\n\r\nA river'
FILE = b'Content-Disposition: form-data; name="input_reference"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'


def form(*parts: bytes, end: bytes = b"--XX--\r\n") -> bytes:
    return b"".join(b"--XX\r\n" + part + b"\r\n" for part in parts) + end


def text(name: str, value: bytes) -> bytes:
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value


async def post(api: httpx2.AsyncClient, person: Person, body: bytes, **headers: str) -> httpx2.Response:
    return await api.post(VIDEOS, content=body, headers=person.auth | KIND | headers)


FIELD = "input_reference[image_url]"
BROKEN = "The body is not the form that its Content-Type says it is"
BAD: dict[str, tuple[bytes, str, str | None]] = {
    "nothing": (b"", BROKEN, None),
    "no parts": (b"--XX--\r\n", BROKEN, None),
    "no end": (form(PROMPT, end=b""), BROKEN, None),
    "junk before": (b"junk" + form(PROMPT), BROKEN, None),
    "junk after a boundary": (b"--XX junk\r\n" + PROMPT + b"\r\n--XX--", BROKEN, None),
    "a part without a head": (form(b"A river"), BROKEN, None),
    "a head without an end": (form(b'Content-Disposition: form-data; name="prompt"\r\nA river'), BROKEN, None),
    "a part without a name": (form(b"Content-Disposition: form-data\r\n\r\nA river"), BROKEN, None),
    "a head of 9 kB": (form(b"X: " + b"y" * 9000 + b"\r\n" + PROMPT), BROKEN, None),
    "65 parts": (form(*(text(f"a{number}", b"1") for number in range(65))), BROKEN, None),
    "a name within a file's name": (
        form(b'Content-Disposition: form-data; filename="x; name=prompt"\r\n\r\nA river'),
        BROKEN,
        None,
    ),
    "twice": (form(PROMPT, PROMPT), "The form has the field 'prompt' twice", "prompt"),
    "two pictures": (
        form(PROMPT, FILE + PICTURE, FILE + PICTURE),
        "The form has the field 'input_reference' twice",
        "input_reference",
    ),
    "an address and another": (
        form(
            PROMPT,
            text("input_reference", b'{"image_url":"https://a.example/a.png"}'),
            text(FIELD, b"https://b.example"),
        ),
        "The form has the field 'input_reference' twice",
        "input_reference",
    ),
    "a picture and an address": (
        form(PROMPT, FILE + PICTURE, text("input_reference[image_url]", b"https://example.com/a.png")),
        "The form has the field 'input_reference' twice",
        "input_reference",
    ),
    "a prompt as a file": (
        form(PROMPT.replace(b'"prompt"', b'"prompt"; filename="a.txt"')),
        "'prompt' must be text, and came as a file",
        "prompt",
    ),
    "an empty file": (form(PROMPT, FILE), "'input_reference' is an empty file", "input_reference"),
    "an address as text": (
        form(PROMPT, text("input_reference", b"https://example.com/a.png")),
        "'input_reference' must be a file, or an object with image_url",
        "input_reference",
    ),
    "an unknown field": (form(PROMPT, text("fps", b"60")), "'fps' is not a field of this request", "fps"),
    "a list": (form(PROMPT, text("size[]", b"720x1280")), "'size[]' is not a field of this request", "size[]"),
    "an unknown file": (
        form(PROMPT, FILE.replace(b"input_reference", b"mask") + PICTURE),
        "'mask' must be text, and came as a file",
        "mask",
    ),
    "a seed in words": (form(PROMPT, text("seed", b"seven")), "'seed': input should be a valid integer", "seed"),
    "a seed of many digits": (
        form(PROMPT, text("seed", b"9" * 5000)),
        "'seed': input should be a valid integer",
        "seed",
    ),
    "audio in capitals": (
        form(PROMPT, text("generate_audio", b"True")),
        "'generate_audio': input should be a valid boolean",
        "generate_audio",
    ),
    "U+0000": (
        form(text("prompt", b"A\x00river")),
        "The request body holds the character U+0000, which cannot be kept; remove it",
        None,
    ),
    "not UTF-8": (form(text("prompt", b"\xff")), "'prompt' is not UTF-8; a file needs a file name", "prompt"),
    "broken JSON": (
        form(PROMPT, text("input_reference", b"{")),
        "The request body is not JSON: Expecting property name enclosed in double quotes at character 1",
        None,
    ),
    "no medium": (
        form(PROMPT, FILE + b"<svg/>"),
        "'input_reference' is not a picture, video or sound in a format that is taken",
        "input_reference",
    ),
    "a picture that is cut off": (
        form(PROMPT, FILE + PICTURE[:80]),
        "'input_reference' is damaged, or only a part of a file",
        "input_reference",
    ),
    "a picture that says it is a video": (
        form(PROMPT, FILE.replace(b"image/png", b"video/mp4") + PICTURE),
        "'input_reference' is named as a video and is a picture",
        "input_reference",
    ),
    "a huge picture": (
        form(PROMPT, FILE + files.huge_png()),
        "'input_reference' has more than 50 megapixels",
        "input_reference",
    ),
}


async def test_what_is_wrong_with_a_form_is_said(
    api: httpx2.AsyncClient, ana: Person, conn: db.Connection, settings: Settings, sound: None
) -> None:
    for name, (body, message, param) in BAD.items():
        answer = await post(api, ana, body)
        told = {"message": message, "type": "invalid_request_error", "param": param, "code": "invalid_value"}
        assert (answer.status_code, answer.json()) == (400, {"error": told}), name
    answer = await api.post(VIDEOS, content=form(PROMPT), headers=ana.auth | {"Content-Type": "multipart/form-data"})
    assert answer.json()["error"]["message"] == "A form must be multipart/form-data with a boundary"
    assert await conn.fetchval("SELECT count(*) FROM tasks") == 0
    assert await conn.fetchval("SELECT count(*) FROM uploads") == 0
    assert list((settings.data_dir / "scratch").glob("worker-*/*")) == [], "nothing is left on the way"


async def test_pictures_inside_an_address(api: httpx2.AsyncClient, ana: Person, conn: db.Connection) -> None:
    good = base64.b64encode(PICTURE).decode()
    field = "input_reference.image_url"
    allowed = f"'{field}' must be an address, or data:image/<format>;base64,<bytes>"
    bad = {
        "data:,": allowed,
        f"data:text/html;base64,{good}": allowed,
        f"data:video/mp4;base64,{good}": allowed,
        f"data:image/png,{good}": allowed,
        f"data:image/png;base64,{good}!": f"'{field}' is not base64",
    }
    for url, message in bad.items():
        for request in (
            {"json": {"prompt": "A river", "input_reference": {"image_url": url}}},
            {"files": {"prompt": (None, "A river"), "input_reference[image_url]": (None, url)}},
        ):
            answer = await api.post(VIDEOS, headers=ana.auth, **request)  # type: ignore[arg-type]
            told = answer.json()["error"]
            assert (answer.status_code, told["param"], told["message"]) == (400, field, message), url[:40]
    empty = await api.post(
        VIDEOS, json={"prompt": "A river", "input_reference": {"image_url": "data:image/png;base64,"}}, headers=ana.auth
    )
    assert (empty.status_code, empty.json()["error"]["param"]) == (400, field)
    assert await conn.fetchval("SELECT count(*) FROM uploads") == 0


async def test_what_is_too_much_is_413(
    api: httpx2.AsyncClient, ana: Person, monkeypatch: pytest.MonkeyPatch, conn: db.Connection
) -> None:
    def refused(answer: httpx2.Response, message: str, param: str | None) -> None:
        told = {"message": message, "type": "invalid_request_error", "param": param, "code": "payload_too_large"}
        assert (answer.status_code, answer.json()) == (413, {"error": told})

    large = form(PROMPT, FILE + PICTURE + bytes(30_000_001 - len(PICTURE)))
    message = "'input_reference' is larger than 30 MB, the most that a picture may have"
    refused(await post(api, ana, large), message, "input_reference")
    words = form(text("prompt", b"x" * (1 << 20) + b"x"))
    refused(await post(api, ana, words), "'prompt' is over 1048576 bytes", "prompt")
    monkeypatch.setattr(_upload, "FILE_BYTES_MAX", 1_000_000)
    body = form(PROMPT, FILE + bytes(3_000_000))
    refused(await post(api, ana, body), "The file is larger than 1 MB", "file")

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(65_536)

    try:
        answer = await api.post(VIDEOS, content=endless(), headers=ana.auth | KIND)
    except httpx2.HTTPError:
        pass  # the server hung up while we were still sending
    else:
        refused(answer, "The file is larger than 1 MB", "file")
    assert await conn.fetchval("SELECT count(*) FROM uploads") == 0


async def test_a_form_without_a_length_is_taken(api: httpx2.AsyncClient, ana: Person, conn: db.Connection) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        whole = form(PROMPT, FILE + PICTURE)
        for at in range(0, len(whole), 97):
            yield whole[at : at + 97]

    answer = await api.post(VIDEOS, content=pieces(), headers=ana.auth | KIND)
    assert answer.status_code == 200, answer.text
    assert await conn.fetchval("SELECT task_id FROM uploads") == answer.json()["id"]


async def test_a_picture_needs_no_file_name(api: httpx2.AsyncClient, ana: Person, conn: db.Connection) -> None:
    answer = await post(api, ana, form(PROMPT, text("input_reference", PICTURE)))
    assert answer.status_code == 200, answer.text
    assert await conn.fetchval("SELECT kind FROM uploads") == "image"


async def test_many_small_forms_at_once_need_no_place_for_files(
    api: httpx2.AsyncClient, ana: Person, settings: Settings
) -> None:
    """The SDK sends every request as a form: those without a file are not counted among the uploads."""
    held = []
    head = (
        f"POST {VIDEOS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ana.key}\r\nContent-Type: {KIND['Content-Type']}"
    )
    for _ in range(intake.UPLOADS_AT_ONCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
        writer.write(f"{head}\r\nContent-Length: 9000000\r\n\r\nx".encode())
        held.append((reader, writer))
    places = settings.data_dir / "scratch"
    await until(lambda: len(list(places.glob("worker-*/*/body"))) == intake.UPLOADS_AT_ONCE)
    answers = await asyncio.gather(*(post(api, ana, form(PROMPT)) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    full = await post(api, ana, form(PROMPT, FILE + PICTURE))
    assert (full.status_code, full.json()["error"]["code"]) == (503, "service_busy")
    assert full.headers["retry-after"] == "2"
    for _, writer in held:
        writer.close()
        await writer.wait_closed()
    await until(lambda: not list(places.glob("worker-*/*")))
    assert (await post(api, ana, form(PROMPT, FILE + PICTURE))).status_code == 200


# Forms themselves ------------------------------------------------------------------------------------------------


def test_parts_are_found_where_they_are() -> None:
    near = b"\r\n--X\r\n--\r\n--XY"[:-1]
    body = form(PROMPT, FILE + near, text("empty", b""), text("x", b"\r\n"))
    found = list(_form.parts(body, b"XX"))
    assert [(part.name, part.is_file, part.content_type) for part in found] == [
        ("prompt", False, ""),
        ("input_reference", True, "image/png"),
        ("empty", False, ""),
        ("x", False, ""),
    ]
    assert [body[part.start : part.end] for part in found] == [b"A river", near, b"", b"\r\n"]


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ('form-data; name="prompt"', "prompt"),
        ("form-data; name=prompt", "prompt"),
        ('Form-Data;name="prompt" ; x="a;b\\"c"', "prompt"),
        ('form-data; name="a%22b"', "a%22b"),
        ('form-data; name="größe"', "größe"),
    ],
)
def test_odd_heads_that_are_right(head: str, name: str) -> None:
    [part] = _form.parts(form(f"content-disposition: {head}\r\n\r\nx".encode()), b"XX")
    assert (part.name, part.is_file) == (name, False)
