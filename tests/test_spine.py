"""A prompt becomes a video: the whole path, with the production application and a real worker."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx2
import pytest

from seedbed.engines import Progress, RenderRequest, RenderResult
from seedbed.settings import Settings
from tests.conftest import Person
from tests.engines_for_tests import Broken, Clip
from tests.workers import at_work

GENERATIONS = "/api/open/v1/video/generations"


async def ended(api: httpx2.AsyncClient, person: Person, task_id: str) -> dict:
    for _ in range(300):
        body = (await api.get(f"{GENERATIONS}/{task_id}", headers=person.auth)).json()
        if body["status"] not in ("queued", "processing"):
            return body
        await asyncio.sleep(0.05)
    raise AssertionError(f"still {body['status']}")


async def test_a_prompt_becomes_a_video(
    api: httpx2.AsyncClient, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    body = {"model": "seedance-2.0", "prompt": "A river", "duration": 4, "resolution": "480p", "metadata": {"a": 1}}
    async with at_work(settings, tmp_path, Clip()):
        accepted = (await api.post(GENERATIONS, json=body, headers=alice.auth)).json()
        assert accepted == {
            "success": True,
            "requestId": accepted["requestId"],
            "status": "queued",
            "creditsCharged": 16,
        }
        told = await ended(api, alice, accepted["requestId"])
    assert told["status"] == "succeeded", told
    assert told["metadata"] == {"a": 1}
    file = await api.get(told["output"]["url"])
    assert file.headers["content-type"] == "video/mp4"
    assert file.content[4:8] == b"ftyp"
    balance = (await api.get("/api/open/v1/balance", headers=alice.auth)).json()
    assert balance == {"success": True, "creditsAvailable": 984, "creditsHeld": 0}


async def test_what_goes_wrong_is_refunded(
    api: httpx2.AsyncClient, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    expected = {
        "refuse": ("render_failed", "The engine cannot draw this"),
        "crash": ("render_failed", "The engine failed unexpectedly"),
        "garbage": ("output_rejected", None),
        "short": ("output_rejected", None),
    }
    async with at_work(settings, tmp_path, Broken()):
        for word, (code, message) in expected.items():
            body = {"model": "seedance-2.0", "prompt": word, "duration": 5, "resolution": "480p"}
            accepted = (await api.post(GENERATIONS, json=body, headers=alice.auth)).json()
            told = await ended(api, alice, accepted["requestId"])
            assert told["status"] == "failed"
            assert told["output"] is None
            assert told["error"]["code"] == code
            if message:
                assert told["error"]["message"] == message
    balance = (await api.get("/api/open/v1/balance", headers=alice.auth)).json()
    assert balance == {"success": True, "creditsAvailable": 1000, "creditsHeld": 0}


class Babbling(Clip):
    """Makes a good video and a plan that no database can keep."""

    plan: dict[str, object]

    async def render(self, request: RenderRequest, scratch: Path, progress: Progress) -> RenderResult:
        made = await super().render(request, scratch, progress)
        return RenderResult(video=made.video, plan=self.plan)


@pytest.mark.parametrize("plan", [{"said": "a\x00b"}, {"said": object()}, {"said": "\ud800"}])
async def test_a_plan_that_cannot_be_kept_costs_no_video(
    api: httpx2.AsyncClient, alice: Person, settings: Settings, tmp_path: Path, sound: None, plan: dict[str, object]
) -> None:
    engine = Babbling()
    engine.plan = plan
    body = {"model": "seedance-2.0", "prompt": "A river", "duration": 4, "resolution": "480p"}
    async with at_work(settings, tmp_path, engine):
        accepted = (await api.post(GENERATIONS, json=body, headers=alice.auth)).json()
        assert (await ended(api, alice, accepted["requestId"]))["status"] == "succeeded"
