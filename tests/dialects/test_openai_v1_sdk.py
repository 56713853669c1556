"""The official `openai` SDK, as it is, against `seedbed serve` in a process of its own with the real engine."""

from __future__ import annotations

import asyncio
import io
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import av
import httpx2
import numpy as np
import openai
import pytest
from numpy.typing import NDArray
from openai import AsyncOpenAI, OpenAI
from openai.types import Video
from PIL import Image

from seedbed import db
from tests.conftest import TEMPLATE, Person, free_port, make_person, other_database
from tests.dialects.conftest import another_key
from tests.faults.processes import ROOT, environment
from tests.media_samples import BLUE, GREEN, RED, WHITE, near, quarters, written

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")

SMALL = "480x854"
FIELDS = [
    *("id", "object", "model", "status", "progress", "created_at", "completed_at", "expires_at", "prompt", "size"),
    *("seconds", "remixed_from_video_id", "error"),
]
"""Of every video, in the contract's order."""

FIELD = "input_reference[image_url]"
SEASIDE = "A lighthouse on a rocky coast, orbit to the left"


@dataclass(frozen=True)
class House:
    """A running server, and who may use it."""

    url: str
    dsn: str
    ana: Person
    """Has a key of the Studio API."""
    bob: Person
    """Has a key of the Open API, and another account."""
    poor: Person


@pytest.fixture(scope="module")
def house(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder, port = tmp_path_factory.mktemp("house"), free_port()
    dsn = other_database(server, f"test_{uuid4().hex}")
    people = asyncio.run(_populated(server, dsn))
    settings = {"database_url": dsn, "data_dir": folder / "data", "port": port, "poll_s": 0.2, "drain_s": 0}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "seedbed", "serve"],
            env=environment(folder, **settings) | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(url, process, folder / "log")
            yield House(url, dsn, *people)
        finally:
            process.terminate()
            process.wait(60)
            asyncio.run(_dropped(server, dsn))


async def _populated(server: str, dsn: str) -> tuple[Person, Person, Person]:
    name = dsn.partition("?")[0].rpartition("/")[2]
    admin = await asyncpg.connect(server)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    await admin.close()
    pool = await db.open_pool(dsn, size=2, name="test")
    async with db.transaction(pool) as conn:
        ana = await another_key(conn, await make_person(conn, "ana", credits=100_000))
        bob, poor = await make_person(conn, "bob"), await make_person(conn, "poor", credits=15)
    await pool.close()
    return ana, bob, poor


async def _dropped(server: str, dsn: str) -> None:
    admin = await asyncpg.connect(server)
    await admin.execute(f"DROP DATABASE {dsn.partition('?')[0].rpartition('/')[2]} WITH (FORCE)")
    await admin.close()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            if httpx2.get(f"{url}/readyz").status_code == 200:
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture
def client(house: House) -> Iterator[OpenAI]:
    with OpenAI(api_key=house.ana.key, base_url=f"{house.url}/v1") as found:
        yield found


@contextmanager
def sync_client(house: House, person: Person, **options: object) -> Iterator[OpenAI]:
    with OpenAI(api_key=person.key, base_url=f"{house.url}/v1", **options) as found:  # type: ignore[arg-type]
        yield found


def decoded(video: bytes) -> tuple[list[NDArray[np.uint8]], float]:
    """Every frame, and the seconds of sound."""
    with av.open(io.BytesIO(video)) as box:
        frames = [frame.to_ndarray(format="rgb24") for frame in box.decode(video=0)]
    with av.open(io.BytesIO(video)) as box:
        sound = sum(frame.samples / frame.sample_rate for frame in box.decode(audio=0)) if box.streams.audio else 0.0
    return frames, sound


def picture(data: bytes, form: str) -> Image.Image:
    found = Image.open(io.BytesIO(data))
    assert found.format == form
    return found.convert("RGB")


# A video from end to end -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seaside(house: House) -> Video:
    """A finished film, for those who only look at one."""
    with sync_client(house, house.ana) as client:
        made = client.videos.create_and_poll(
            model="sora-2", prompt=SEASIDE, seconds="4", size=SMALL, extra_body={"seed": 7}
        )
    assert made.status == "completed", made.error
    return made


def test_from_words_to_a_video(client: OpenAI, house: House) -> None:
    began = time.time()
    made = client.videos.create(model="sora-2", prompt=SEASIDE, seconds="4", size="1024x1792")
    assert re.fullmatch(r"video_[0-9A-Za-z]{22}", made.id)
    assert made.to_dict().keys() == set(FIELDS)
    assert made.to_dict() | {"id": "", "created_at": 0} == {
        "id": "",
        "object": "video",
        "model": "sora-2",
        "status": "queued",
        "progress": 0,
        "created_at": 0,
        "completed_at": None,
        "expires_at": None,
        "prompt": SEASIDE,
        "size": "1024x1792",
        "seconds": "4",
        "remixed_from_video_id": None,
        "error": None,
    }
    assert abs(made.created_at - began) < 60
    seen = [made]
    while seen[-1].status in ("queued", "in_progress"):
        time.sleep(0.1)
        raw = client.videos.with_raw_response.retrieve(made.id)
        seen.append(raw.parse())
        assert ("openai-poll-after-ms" in raw.headers) == (seen[-1].status in ("queued", "in_progress"))
    done = seen[-1]
    assert done.status == "completed", done.error
    progress = [video.progress for video in seen]
    assert progress == sorted(progress), "it never goes back"
    assert len({each for each in progress if 0 < each < 100}) >= 3, "and it moves"
    assert done.progress == 100
    assert made.created_at <= (done.completed_at or 0) <= time.time()
    assert done.to_dict().keys() == set(FIELDS)
    frames, sound = decoded(client.videos.download_content(made.id).read())
    assert (len(frames), frames[0].shape) == (96, (1792, 1024, 3)), (
        "to the pixel, though no resolution of Seedance's has them"
    )
    assert abs(sound - 4) < 0.1


def test_every_variant_shows_the_same_film(client: OpenAI, seaside: Video) -> None:
    answers = {
        variant: client.videos.with_raw_response.download_content(seaside.id, variant=variant)
        for variant in ("video", "thumbnail", "spritesheet")
    }
    assert {name: raw.headers["content-type"] for name, raw in answers.items()} == {
        "video": "video/mp4",
        "thumbnail": "image/webp",
        "spritesheet": "image/jpeg",
    }
    video, thumbnail, sheet = (raw.parse().read() for raw in answers.values())
    frames, _ = decoded(video)
    assert frames[0].shape == (854, 480, 3)
    small, grid = picture(thumbnail, "WEBP"), picture(sheet, "JPEG")
    assert (small.size, grid.size) == ((360, 640), (720, 1280))
    shrunk = [np.asarray(Image.fromarray(frame).resize((180, 320)), float) for frame in frames]
    cells = [
        np.asarray(grid.crop((180 * x, 320 * y, 180 * x + 180, 320 * y + 320)), float)
        for y in range(4)
        for x in range(4)
    ]
    for number, cell in enumerate(cells):
        nearest = min(range(96), key=lambda index: float(np.abs(shrunk[index] - cell).mean()))
        assert abs(nearest - (6 * number + 3)) <= 1, "frames stand in their order, evenly spaced"
    shown = np.asarray(small.resize((180, 320)), float)
    assert min(float(np.abs(cell - shown).mean()) for cell in cells) < 6, "the thumbnail is one of them"


def test_the_file_streams_and_resumes(client: OpenAI, seaside: Video, tmp_path: Path) -> None:
    with client.videos.with_streaming_response.download_content(seaside.id) as answer:
        answer.stream_to_file(tmp_path / "film.mp4")
    whole = (tmp_path / "film.mp4").read_bytes()
    part = client.videos.download_content(seaside.id, extra_headers={"Range": "bytes=1000-1999"})
    assert part.response.status_code == 206
    assert part.response.headers["content-range"] == f"bytes 1000-1999/{len(whole)}"
    assert part.read() == whole[1000:2000]


# Pictures, and films made again ----------------------------------------------------------------------------------


def test_a_picture_is_the_first_frame(client: OpenAI, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(written(quarters(480, 854), "PNG"))
    with path.open("rb") as file:
        made = client.videos.create_and_poll(prompt="It stands still", seconds="4", size=SMALL, input_reference=file)
    assert made.status == "completed", made.error
    frames, _ = decoded(client.videos.download_content(made.id).read())
    spots = [(213, 120), (213, 360), (640, 120), (640, 360)]
    assert near([frames[0][spot] for spot in spots], [RED, GREEN, BLUE, WHITE], 20)


def test_a_remix_keeps_the_film_and_changes_its_light(client: OpenAI, seaside: Video) -> None:
    again = client.videos.remix(seaside.id, prompt="Make it deep night")
    assert (again.remixed_from_video_id, again.prompt) == (seaside.id, "Make it deep night")
    assert (again.model, again.size, again.seconds) == ("sora-2", SMALL, "4")
    done = client.videos.poll(again.id)
    assert done.status == "completed", done.error
    day, night = (decoded(client.videos.download_content(each).read())[0] for each in (seaside.id, again.id))
    assert len(night) == len(day) == 96
    assert night[48].mean() < 0.6 * day[48].mean(), "it is darker"

    def edges(frame: NDArray[np.uint8]) -> NDArray[np.float64]:
        light = np.log1p(frame.astype(float).mean(axis=2))
        return np.abs(np.diff(light, axis=0))[:, 1:] + np.abs(np.diff(light, axis=1))[1:]

    same = np.corrcoef(edges(day[48]).ravel(), edges(night[48]).ravel())[0, 1]
    other = np.corrcoef(edges(day[48]).ravel(), edges(np.ascontiguousarray(night[48][:, ::-1])).ravel())[0, 1]
    assert same > other + 0.2, "and what stands in it stands where it stood"


# Lists and ends --------------------------------------------------------------------------------------------------


def test_the_list_turns_its_own_pages(house: House) -> None:
    with sync_client(house, house.bob) as client:
        ids = [client.videos.create(prompt=f"River {number}", size=SMALL).id for number in range(5)]
        page = client.videos.list(limit=2)
        assert [video.id for video in page.data] == ids[:2:-1]
        assert (page.has_more, page.last_id) == (True, ids[3])
        assert [video.id for video in client.videos.list(limit=2)] == ids[::-1]
        assert [video.id for video in client.videos.list(limit=2, order="asc")] == ids
        assert [video.id for video in client.videos.list(after=ids[2], order="asc")] == ids[3:]
        for video_id in ids:
            gone = client.videos.delete(video_id)
            assert gone.to_dict() == {"id": video_id, "object": "video.deleted", "deleted": True}
        assert list(client.videos.list()) == []


def test_a_deleted_video_is_gone(client: OpenAI, house: House) -> None:
    made = client.videos.create_and_poll(prompt="A river", size=SMALL, extra_body={"generate_audio": False})
    frames, sound = decoded(client.videos.download_content(made.id).read())
    assert (len(frames), sound) == (96, 0), "the extra field was heard"
    client.videos.delete(made.id)
    for act in (client.videos.retrieve, client.videos.delete, client.videos.download_content):
        with pytest.raises(openai.NotFoundError):
            act(made.id)
    assert made.id not in {video.id for video in client.videos.list()}


# Errors ------------------------------------------------------------------------------------------------------------


class Counting(httpx2.HTTPTransport):
    """Remembers what was sent; loses the first `lost` answers after the server has given them."""

    def __init__(self, lost: int = 0) -> None:
        super().__init__()
        self.sent: list[httpx2.Request] = []
        self.lost = lost

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.sent.append(request)
        answer = super().handle_request(request)
        if self.lost:
            self.lost -= 1
            answer.close()
            raise httpx2.ReadError("the line went dead")
        return answer


def test_each_error_is_the_sdks_own_and_is_not_tried_again(house: House, client: OpenAI, seaside: Video) -> None:
    waiting = client.videos.create(prompt="A river", size=SMALL).id
    cases = [
        (openai.BadRequestError, house.ana, {"size": "641x480"}, "size", "invalid_value"),
        (openai.BadRequestError, house.ana, {"seconds": "99"}, "seconds", "invalid_value"),
        (openai.BadRequestError, house.ana, {"model": "sora-9"}, "model", "invalid_value"),
        (openai.BadRequestError, house.ana, {"extra_body": {"fps": 60}}, "fps", "invalid_value"),
        (openai.APIStatusError, house.poor, {}, None, "insufficient_quota"),
    ]
    for kind, person, fields, param, code in cases:
        transport = Counting()
        with (
            httpx2.Client(transport=transport) as http,
            sync_client(house, person, http_client=http) as caller,
            pytest.raises(kind) as raised,
        ):
            caller.videos.create(prompt="A river", **fields)  # type: ignore[arg-type]
        assert (raised.value.param, raised.value.code) == (param, code)
        assert isinstance(raised.value.body, dict)
        assert list(raised.value.body) == ["message", "type", "param", "code"]
        assert len(transport.sent) == 1
    assert raised.value.status_code == 402
    with sync_client(house, house.ana) as stranger, pytest.raises(openai.AuthenticationError) as refused:
        stranger.with_options(api_key="sd2_live_nonsense").videos.list()
    assert refused.value.code == "invalid_api_key"
    with sync_client(house, house.bob) as other, pytest.raises(openai.NotFoundError):
        other.videos.retrieve(seaside.id)
    with pytest.raises(openai.NotFoundError) as early:
        client.videos.download_content(waiting)
    assert early.value.code == "not_ready"
    with pytest.raises(openai.NotFoundError):
        client.videos.remix(waiting, prompt="By night")
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="sora-2", messages=[])
    client.videos.delete(waiting)


def test_a_video_that_fails_is_told_and_not_raised(client: OpenAI) -> None:
    """`create_and_poll` stops at the failure, whose code and words say what to change."""
    made = client.videos.create_and_poll(
        prompt="It stands still", size=SMALL, extra_body={FIELD: "https://nobody.example/photo.png"}
    )
    assert (made.status, made.completed_at) == ("failed", None)
    assert made.error is not None
    assert made.error.code == "invalid_media"
    assert made.error.message.startswith("'input_reference.image_url' could not be fetched: ")
    with pytest.raises(openai.NotFoundError) as empty:
        client.videos.download_content(made.id)
    assert empty.value.code == "not_ready"
    client.videos.delete(made.id)


def test_what_is_not_there_says_what_to_do_instead(client: OpenAI) -> None:
    film = ("film.mp4", b"\0\0\0\x18ftypmp42", "video/mp4")
    calls = {
        "remix changes a completed video": lambda: client.videos.edit(prompt="By night", video=film),
        "remix goes on from a completed video": lambda: client.videos.extend(
            prompt="It flies on", seconds="4", video=film
        ),
        "show one by a picture": lambda: client.videos.create_character(name="Mara", video=film),
    }
    for words, call in calls.items():
        with pytest.raises(openai.NotFoundError, match=words) as refused:
            call()
        assert refused.value.code == "not_found"
    with pytest.raises(openai.NotFoundError):
        client.videos.get_character("char_1")


def test_an_answer_that_is_lost_buys_once(house: House) -> None:
    """The SDK sends a request again by itself; with an Idempotency-Key that is one video."""
    transport = Counting(lost=1)
    with httpx2.Client(transport=transport) as http, sync_client(house, house.bob, http_client=http) as client:
        made = client.videos.create(
            prompt="A river",
            size=SMALL,
            input_reference=("a.png", written(quarters(), "PNG"), "image/png"),
            extra_headers={"Idempotency-Key": "lost-1"},
        )
        assert len(transport.sent) == 2
        assert [video.id for video in client.videos.list()] == [made.id]
        with pytest.raises(openai.ConflictError) as other:
            client.videos.create(prompt="A lake", extra_headers={"Idempotency-Key": "lost-1"})
        assert other.value.code == "idempotency_conflict"
        assert len(transport.sent) == 4, "another body under the key is not sent again"
        client.videos.delete(made.id)


def test_a_key_that_asks_too_often_waits_as_it_is_told(house: House) -> None:
    async def hasty() -> Person:
        pool = await db.open_pool(house.dsn, size=1, name="test")
        async with db.transaction(pool) as conn:
            found = await make_person(conn, f"hasty-{uuid4().hex[:8]}", per_minute=2)
        await pool.close()
        return found

    with sync_client(house, asyncio.run(hasty()), max_retries=0) as client:
        for _ in range(2):
            client.videos.list()
        with pytest.raises(openai.RateLimitError) as refused:
            client.videos.list()
    assert refused.value.code == "rate_limit_exceeded"
    assert 1 <= int(refused.value.response.headers["retry-after"]) <= 60


# Asynchronously ----------------------------------------------------------------------------------------------------


async def test_the_asynchronous_client(house: House) -> None:
    async with AsyncOpenAI(api_key=house.ana.key, base_url=f"{house.url}/v1") as client:
        plain, led = await asyncio.gather(
            client.videos.create_and_poll(prompt="A snowy forest", size=SMALL, seconds="4"),
            client.videos.create_and_poll(
                prompt="It stands still",
                size=SMALL,
                seconds="4",
                input_reference=written(quarters(480, 854), "PNG"),
            ),
        )
        assert (plain.status, led.status) == ("completed", "completed"), (plain.error, led.error)
        for made in (plain, led):
            frames, _ = decoded((await client.videos.download_content(made.id)).read())
            assert (len(frames), frames[0].shape) == (96, (854, 480, 3))
            sheet = await client.videos.download_content(made.id, variant="spritesheet")
            assert picture(sheet.read(), "JPEG").size == (720, 1280)
        again = await client.videos.remix(plain.id, prompt="Continue this video: the camera flies on")
        assert (await client.videos.poll(again.id)).status == "completed"
        ended = decoded((await client.videos.download_content(plain.id)).read())[0][-1].astype(float)
        begun = decoded((await client.videos.download_content(again.id)).read())[0][0].astype(float)
        assert np.abs(ended - begun).mean() < 12, "it goes on where the other ends"
        listed = [video.id async for video in client.videos.list(limit=1)]
        assert listed[:1] == [again.id]
        assert {plain.id, led.id} <= set(listed)
        assert (await client.videos.delete(again.id)).deleted
        with pytest.raises(openai.NotFoundError):
            await client.videos.retrieve(again.id)
        with pytest.raises(openai.BadRequestError):
            await client.videos.create(prompt=" ")
