"""Media on their way to an engine, through a real worker: fetched, refused, refunded, cancelled, and never inwards."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from seedbed import catalogue, db, intake, tasks, telemetry, worker
from seedbed.engines import EngineError, Progress, RenderRequest, RenderResult
from seedbed.ledger import Balance
from seedbed.outbound import PublicClient
from seedbed.runtime import open_runtime
from seedbed.settings import Settings, load
from seedbed.tasks import MediaRef
from tests import hostile_files as files
from tests import ssrf_vectors as vectors
from tests.conftest import Person, free_port
from tests.engines_for_tests import Clip
from tests.media_samples import Shelf, quarters, shelf, written
from tests.relay import Relay
from tests.test_spine import GENERATIONS, ended
from tests.test_tasks import accept
from tests.webhook_receivers import until
from tests.workers import at_work

BODY: dict[str, Any] = {"model": "seedance-2.0", "prompt": "A river", "duration": 4, "resolution": "480p"}


class Seeing(Clip):
    """Notes what it was given: kind, role, form and size of each medium."""

    def __init__(self) -> None:
        self.seen: list[list[tuple[str, str, str]]] = []
        self.places: list[Path] = []

    async def render(self, request: RenderRequest, scratch: Path, progress: Progress) -> RenderResult:
        self.seen.append([(each.kind, each.role, each.path.suffix) for each in request.media])
        self.places += [each.path for each in request.media]
        for each in request.media:
            assert each.path.stat().st_size > 0
            if each.kind == "image":
                with Image.open(each.path) as image:
                    assert (image.format, image.mode) == ("PNG", "RGB")
        return await super().render(request, scratch, progress)


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Shelf]:
    stock = {
        "picture.png": written(quarters(), "PNG"),
        "other": written(quarters(), "JPEG"),
        "clip.mp4": files.film(tmp_path / "clip", frames=12).read_bytes(),
        "sound.wav": files.wav(bytes([128, 140]) * 4000),
        "huge.png": files.huge_png(),
        "playlist.mp4": files.HLS,
        "slow": b"",
    }
    async with shelf(stock) as found:
        yield found


@pytest.fixture
def settings(dsn: str, tmp_path: Path, host: Shelf) -> Settings:
    return load(
        data_dir=tmp_path / "data",
        database_url=dsn,
        port=free_port(),
        poll_s=0.2,
        lease_s=2.0,
        trusted_hosts=f"127.0.0.1:{host.port}",
    )


def fetches(outcome: str) -> float:
    return telemetry.FETCHES.labels(outcome)._value.get()  # type: ignore[no-any-return]


async def ask(api: httpx2.AsyncClient, person: Person, host: Shelf, *names: str, **more: object) -> str:
    body = BODY | {"mediaUrls": [f"http://127.0.0.1:{host.port}/{name}" for name in names]} | more
    answer = await api.post(GENERATIONS, json=body, headers=person.auth)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["requestId"])


async def balance(api: httpx2.AsyncClient, person: Person) -> Balance:
    body = (await api.get("/api/open/v1/balance", headers=person.auth)).json()
    return Balance(available=body["creditsAvailable"], held=body["creditsHeld"])


@pytest.mark.parametrize(
    ("names", "seen"),
    [
        (["picture.png"], [("image", "first_frame", ".png")]),
        (["other", "picture.png"], [("image", "first_frame", ".png"), ("image", "last_frame", ".png")]),
        (
            ["picture.png", "clip.mp4", "sound.wav"],
            [("image", "reference", ".png"), ("video", "reference", ".mp4"), ("audio", "reference", ".wav")],
        ),
    ],
)
async def test_an_engine_gets_plain_files_with_their_roles(
    api: httpx2.AsyncClient,
    alice: Person,
    host: Shelf,
    settings: Settings,
    tmp_path: Path,
    sound: None,
    names: list[str],
    seen: list[tuple[str, str, str]],
) -> None:
    engine, before = Seeing(), fetches("fetched")
    async with at_work(settings, tmp_path, engine):
        told = await ended(api, alice, await ask(api, alice, host, *names))
    assert told["status"] == "succeeded", told
    assert engine.seen == [seen]
    assert fetches("fetched") - before == len(names)
    assert not any(place.exists() for place in engine.places), "the scratch folder is gone"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["picture.png", "missing"], "'mediaUrls.1' could not be fetched: 127.0.0.1 answered 404"),
        (["huge.png"], "'mediaUrls.0' has more than 50 megapixels"),
        (["picture.png", "playlist.mp4"], "'mediaUrls.1' is not a picture, video or sound in a format that is taken"),
    ],
)
async def test_media_that_cannot_be_used_are_refunded(
    api: httpx2.AsyncClient,
    alice: Person,
    host: Shelf,
    settings: Settings,
    tmp_path: Path,
    sound: None,
    names: list[str],
    message: str,
) -> None:
    engine = Seeing()
    async with at_work(settings, tmp_path, engine):
        told = await ended(api, alice, await ask(api, alice, host, *names))
        again = await ended(api, alice, await ask(api, alice, host, "picture.png"))
    assert (told["status"], told["error"]) == ("failed", {"code": "invalid_media", "message": message})
    assert again["status"] == "succeeded", "the worker lives"
    assert len(engine.seen) == 1
    assert await balance(api, alice) == Balance(available=1000 - 26, held=0)


async def test_a_model_for_pictures_refuses_a_clip_without_a_name(
    api: httpx2.AsyncClient, alice: Person, host: Shelf, settings: Settings, tmp_path: Path, sound: None
) -> None:
    """Its address has no ending, so only the bytes tell; the price was for media either way."""
    host.media["nameless"] = host.media["clip.mp4"]
    async with at_work(settings, tmp_path, Seeing()):
        wanted = await ask(api, alice, host, "nameless", model="seedance-1.5-pro", duration=5)
        told = await ended(api, alice, wanted)
    assert told["error"] == {
        "code": "invalid_media",
        "message": "'mediaUrls.0': this model takes one or two still pictures only",
    }


class Third(Seeing):
    """Can do it at the third attempt."""

    async def render(self, request: RenderRequest, scratch: Path, progress: Progress) -> RenderResult:
        result = await super().render(request, scratch, progress)
        if len(self.seen) < 3:
            raise EngineError("not yet", retryable=True)
        return result


async def test_media_are_fetched_again_only_where_they_have_changed(
    api: httpx2.AsyncClient,
    alice: Person,
    host: Shelf,
    settings: Settings,
    tmp_path: Path,
    sound: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A render is tried three times: what keeps its tag comes once, what has none or another comes each time."""
    monkeypatch.setattr(worker, "RETRY_S", 0.05)
    engine = Third()
    host.media["plain.png"] = host.media["turning.png"] = host.media["picture.png"]
    host.tags |= {"picture.png": '"one"', "turning.png": '"a"'}
    before = {outcome: fetches(outcome) for outcome in ("fetched", "kept")}
    async with at_work(settings, tmp_path, engine) as there:
        task_id = await ask(api, alice, host, "picture.png", "plain.png", "turning.png")
        await until(lambda: len(engine.seen) == 1)
        host.tags["turning.png"] = '"b"'
        told = await ended(api, alice, task_id)
        assert told["status"] == "succeeded", told
        assert host.asked == {"picture.png": 3, "plain.png": 3, "turning.png": 3}
        assert host.unchanged["picture.png"] == 2
        assert host.unchanged["plain.png"] == 0
        assert host.unchanged["turning.png"] in (1, 2), "the second attempt may have come before it turned"
        kept = fetches("kept") - before["kept"]
        assert (kept, kept + fetches("fetched") - before["fetched"]) == (host.unchanged.total(), 9)
        assert len(set(map(tuple, engine.seen))) == 1
        assert there._renderer._kept == {}
        assert list((tmp_path / "scratch").glob("worker-*/*")) == [], "nothing is kept of a task that has ended"


async def test_downloads_of_a_task_that_does_not_come_back_are_forgotten(
    api: httpx2.AsyncClient, alice: Person, host: Shelf, settings: Settings, tmp_path: Path, sound: None
) -> None:
    host.tags["picture.png"] = '"one"'
    async with at_work(settings, tmp_path, Third()) as there:
        task_id = await ask(api, alice, host, "picture.png")
        await until(lambda: bool(there._renderer._kept) and not there._renders)
        assert (await api.post(f"{GENERATIONS}/{task_id}/cancel", headers=alice.auth)).json()["success"]
        there._renderer.tidy()
        [(kept, _)] = there._renderer._kept.values()
        assert len(list(kept.folder.iterdir())) == 1
        kept.used_at -= settings.render_timeout_s + 61
        there._renderer.tidy()
        assert not kept.folder.exists()


async def test_a_database_that_is_away_is_not_the_mediums_fault(
    pool: db.Pool, alice: Person, settings: Settings, tmp_path: Path
) -> None:
    """Its errors are OSErrors and TimeoutErrors too: the task is tried again, and neither failed nor out of time."""
    async with (
        Relay(settings.database_url or "") as relay,
        PublicClient() as client,
        open_runtime(settings.model_copy(update={"database_url": relay.dsn}), pool_size=2, name="x") as runtime,
    ):
        link = runtime.storage.own_link("uploads/aa/up_x.png", ttl_s=60)
        async with db.connection(pool) as conn:
            task = await accept(conn, alice, media=(MediaRef(url=link, role="reference"),))
        await relay.cut()
        with pytest.raises(EngineError, match="could not be looked up") as raised:
            await intake.media_of(task, runtime, client, tmp_path)
        assert raised.value.retryable


async def test_a_task_is_cancelled_while_its_media_come(
    api: httpx2.AsyncClient, alice: Person, host: Shelf, settings: Settings, tmp_path: Path, sound: None
) -> None:
    engine = Seeing()
    async with at_work(settings, tmp_path, engine) as there:
        task_id = await ask(api, alice, host, "slow", "picture.png")
        await until(lambda: host.asked["slow"] > 0)
        answer = await api.post(f"{GENERATIONS}/{task_id}/cancel", headers=alice.auth)
        assert answer.json()["status"] == "cancelled"
        await until(lambda: not there._renders)
        assert list((tmp_path / "scratch").glob("worker-*/*")) == []
    assert engine.seen == []
    assert await balance(api, alice) == Balance(available=1000, held=0)


# Never inwards -----------------------------------------------------------------------------------------------

_dialled: list[object] | None = None


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto") and _dialled is not None:
        _dialled.append(arguments[1])


@pytest.fixture
def dialled() -> Iterable[list[object]]:
    """Every address that this process connects to while the test runs, as the interpreter itself reports it."""
    global _dialled
    if not getattr(sys, "_seedbed_hook", False):
        sys.addaudithook(_hook)
        sys._seedbed_hook = True  # type: ignore[attr-defined]
    _dialled = []
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
        assert _dialled == [listener.getsockname()], "the hook works"
    _dialled.clear()
    yield _dialled
    _dialled = None


def _storable(url: str) -> bool:
    """Whether such a text can be in the database at all."""
    try:
        return "\x00" not in url and bool(url.encode())
    except UnicodeEncodeError:
        return False


async def test_no_address_of_an_attacker_is_ever_dialled(
    alice: Person,
    settings: Settings,
    tmp_path: Path,
    pool: db.Pool,
    dialled: list[object],
    sound: None,
) -> None:
    """As if each had got past the submission: the worker alone must hold."""
    names = vectors.refused_names()
    asked: dict[str, int] = {}

    async def resolve(name: str, port: int) -> list[str]:
        bare = name.rstrip(".")
        answers = names[bare][0] if bare in names else [[]]
        found = answers[min(asked.get(bare, 0), len(answers) - 1)]
        asked[bare] = asked.get(bare, 0) + 1
        return found

    urls = [url for url in vectors.refused_urls() if _storable(url)] + [f"https://{name}/photo.jpg" for name in names]
    assert len(urls) > 1500
    step = 200
    ids = []
    async with db.connection(pool) as conn:
        for at in range(0, len(urls), step):
            media = tuple(MediaRef(url=url, role="reference") for url in urls[at : at + step])
            task = await accept(
                conn,
                alice,
                mode="image_to_video",
                media=media,
                model=catalogue.load().by_id["seedance-2.0"],
                resolution="480p",
                duration_s=4,
            )
            ids.append(task.id)
        before, ours = fetches("unreachable"), set(dialled)
        async with at_work(settings, tmp_path, Clip(), resolve=resolve, host_max=1000):
            for task_id in ids:
                while not (await tasks.get(conn, task_id)).ended:
                    await asyncio.sleep(0.05)
        for task_id in ids:
            task = await tasks.get(conn, task_id)
            assert task.error_code == "invalid_media"
            assert (task.error_message or "").startswith("'mediaUrls.0' could not be fetched: ")
    assert fetches("unreachable") - before == len(urls), "each was tried"
    database = settings.database_url or ""
    outside = {str(address) for address in set(dialled) - ours} - {"None"}
    assert all("PGSQL" in address or _port(database) in address for address in outside), outside


def _port(dsn: str) -> str:
    """What marks a connection to the test's own database."""
    return dsn.rpartition("@")[2].partition("/")[0].rpartition(":")[2] or "5432"
