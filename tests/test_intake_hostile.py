"""Every hostile file through a real worker: each task fails in our own words and is refunded, and the worker lives."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import psutil

from seedbed import catalogue, db, ledger, tasks
from seedbed.media.refusals import REASONS
from seedbed.settings import Settings
from seedbed.tasks import Task
from tests import hostile_files as files
from tests.conftest import Person
from tests.engines_for_tests import Clip
from tests.faults.cast import balance
from tests.media_samples import quarters, shelf, written
from tests.test_media_hostile import CASES
from tests.test_tasks import accept
from tests.workers import at_work

EACH_S_MAX = 13.0
"""The sandbox's own deadline is 10 s; what is over it is the start and the end of a process."""

GROWS_BYTES_MAX = 200 << 20
"""What the worker's own process may grow by: a stranger's file is never in it as a whole."""


def hostile(tmp_path: Path) -> dict[str, bytes]:
    good = files.film(tmp_path / "good.mp4", frames=48, sound=True).read_bytes()
    made = {name: make(good, tmp_path / "making") for name, (_, make) in CASES.items()}
    return made | files.REFUSED_BY_SIGHT


async def ended(pool: db.Pool, task_id: str) -> Task:
    while True:
        async with db.connection(pool) as conn:
            task = await tasks.get(conn, task_id)
        if task.ended:
            return task
        await asyncio.sleep(0.1)


async def test_no_file_harms_the_worker(
    pool: db.Pool, conn: db.Connection, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    made = hostile(tmp_path)
    names = {str(number): name for number, name in enumerate(made)}
    media = dict(zip(names, made.values(), strict=True)) | {"good": written(quarters(), "PNG")}
    model = catalogue.load().by_id["seedance-2.0"]
    await ledger.grant(conn, alice.account_id, 2000)
    before = psutil.Process().memory_info().rss
    async with contextlib.AsyncExitStack() as stack:
        host = await stack.enter_async_context(shelf(media))
        more = {"trusted_hosts": f"127.0.0.1:{host.port}", "lease_s": 30.0, "concurrency": 2}
        await stack.enter_async_context(at_work(settings.model_copy(update=more), tmp_path, Clip()))

        async def one(number: str) -> Task:
            refs = (host.ref(number),)
            async with db.connection(pool) as own:
                task = await accept(own, alice, mode="image_to_video", media=refs, model=model, duration_s=4)
            return await ended(pool, task.id)

        found = await asyncio.gather(*map(one, names))
        assert (await one("good")).status == "succeeded", "the worker lives"
    for name, task in zip(names.values(), found, strict=True):
        assert (task.status, task.error_code) == ("failed", "invalid_media"), name
        told = (task.error_message or "").removeprefix("'mediaUrls.0' ")
        assert told in REASONS.values(), (name, told)
        assert task.started_at is not None
        assert task.finished_at is not None
        assert (task.finished_at - task.started_at).total_seconds() < EACH_S_MAX, name
    assert await balance(conn, alice) == (3000 - found[0].price_credits, 0), "one video is paid for"
    assert psutil.Process().memory_info().rss - before < GROWS_BYTES_MAX
    assert not list((tmp_path / "scratch").glob("worker-*/*"))
