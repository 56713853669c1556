"""Logs that machines can read, metrics of all processes in one place, and the page that lists them."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import httpx2
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families

from seedbed import db, queue, telemetry
from tests.conftest import Person
from tests.test_spine import GENERATIONS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "en" / "metrics.md"
BODY = {"model": "seedance-2.0", "prompt": "A river"}

WORKER_TEXT = """\
# HELP seedbed_tasks_ended_total Renders that ended a task
# TYPE seedbed_tasks_ended_total counter
seedbed_tasks_ended_total{code="",engine="previz",status="succeeded"} 7.0
# HELP seedbed_renders_running Renders in progress
# TYPE seedbed_renders_running gauge
seedbed_renders_running 2.0
# HELP seedbed_task_wait_seconds Time from acceptance to the first start
# TYPE seedbed_task_wait_seconds histogram
seedbed_task_wait_seconds_bucket{le="0.1"} 1.0
seedbed_task_wait_seconds_bucket{le="+Inf"} 3.0
seedbed_task_wait_seconds_count 3.0
seedbed_task_wait_seconds_sum 12.5
"""


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            at = (sample.name, frozenset(sample.labels.items()))
            assert at not in found, f"{at} is there twice"
            found[at] = sample.value
    return found


def value(text: str, name: str, **labels: str) -> float | None:
    return samples(text).get((name, frozenset(labels.items())))


# Metrics -----------------------------------------------------------------------------------------------------------


def test_workers_stand_beside_one_another() -> None:
    gauge = GaugeMetricFamily("seedbed_workers", "Workers seen lately")
    gauge.add_metric([], 2)
    texts = {"a-1": WORKER_TEXT, "b-2": WORKER_TEXT.replace("7.0", "8.0")}
    text = telemetry.exposition(telemetry.Workers(texts, [gauge])).decode()
    ended = {"code": "", "engine": "previz", "status": "succeeded"}
    assert value(text, "seedbed_tasks_ended_total", worker="a-1", **ended) == 7
    assert value(text, "seedbed_tasks_ended_total", worker="b-2", **ended) == 8
    assert value(text, "seedbed_renders_running", worker="a-1") == 2
    assert value(text, "seedbed_task_wait_seconds_bucket", worker="b-2", le="+Inf") == 3
    assert value(text, "seedbed_task_wait_seconds_sum", worker="b-2") == 12.5
    assert value(text, "seedbed_workers") == 2
    assert text.count("# TYPE seedbed_tasks_ended_total counter") == 1
    assert text.count("# TYPE seedbed_task_wait_seconds histogram") == 1
    assert "_created" not in text


def test_what_a_worker_sends_can_be_read_back() -> None:
    telemetry.ENDED.labels("previz", "failed", 'with "quotes"\n').inc(0)
    text = telemetry.exposition(telemetry.Workers({"a": telemetry.worker_metrics()})).decode()
    sent, shown = samples(telemetry.worker_metrics()), samples(text)
    for (name, labels), number in sent.items():
        assert shown[(name, labels | {("worker", "a")})] == number


async def test_one_address_shows_the_whole_service(pool: db.Pool, api: httpx2.AsyncClient, alice: Person) -> None:
    async with db.connection(pool) as conn:
        worker, old = uuid4(), uuid4()
        for each in (worker, old):
            await queue.sign_in(conn, each, 17, ["previz"], 1)
            await queue.seen(conn, each, [], WORKER_TEXT)
        await conn.execute("UPDATE workers SET seen_at = now() - interval '1 min', pid = 18 WHERE id = $1", old)
    before = (await api.get("/metrics")).text
    for _ in range(3):
        assert (await api.post(GENERATIONS, json=BODY, headers=alice.auth)).status_code == 200
    await api.get("/api/open/v1/nothing")
    await api.get("/nothing/at/all")
    answer = await api.get("/metrics")
    text = answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")

    def grown(name: str, **labels: str) -> float:
        return (value(text, name, **labels) or 0) - (value(before, name, **labels) or 0)

    route = {"method": "POST", "route": GENERATIONS, "status": "200"}
    assert grown("seedbed_http_requests_total", **route) == 3
    assert grown("seedbed_http_request_duration_seconds_count", route=GENERATIONS) == 3
    assert grown("seedbed_http_requests_total", method="other", route="other", status="404") == 2
    assert grown("seedbed_tasks_accepted_total", dialect="open", model="seedance-2.0") == 3
    assert grown("seedbed_credits_held_total") == 120
    assert value(text, "seedbed_queue_waiting", lane="render:previz") == 3
    assert value(text, "seedbed_queue_claimed", lane="render:previz") == 0
    assert value(text, "seedbed_workers") == 1
    [shown] = [labels for name, labels in samples(text) if name == "seedbed_renders_running" and labels]
    assert dict(shown)["worker"].endswith("-17")


async def test_metrics_are_few_whatever_is_asked(api: httpx2.AsyncClient) -> None:
    """No path, method or status that a client makes up becomes a label."""
    before = (await api.get("/metrics")).text.count("\n")
    for number in range(20):
        await api.get(f"/nothing/{number}")
        await api.get(f"/api/open/v1/video/generations/req_{number}")
        await api.request(f"M{number}", "/healthz")
        await api.get(f"/files/0.{number}/x")
    after = (await api.get("/metrics")).text
    assert after.count("\n") - before < 80
    assert "req_1" not in after
    assert 'method="M' not in after


def _families() -> dict[str, tuple[str, list[str]]]:
    """Every metric that the code makes, as Prometheus names it → type, labels."""
    found = {}
    for registry in (telemetry.API, telemetry.WORKER):
        for collector in list(registry._collector_to_names):
            [family] = collector.describe()
            assert isinstance(family, Metric)
            name = family.name + ("_total" if family.type == "counter" else "")
            found[name] = (family.type, sorted(collector._labelnames))
    for name in telemetry.QUEUE_GAUGES:
        found[name] = ("gauge", [] if name == "seedbed_workers" else ["lane"])
    return found


def test_every_metric_is_documented() -> None:
    rows = re.findall(r"^\| `(seedbed_\w+)` \| (\w+) \| (.+?) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    documented = {name: (kind, sorted(re.findall(r"`(\w+)`", labels))) for name, kind, labels, _ in rows}
    assert documented == _families()
    assert all(len(meaning.split()) > 2 for *_, meaning in rows)


# Logs --------------------------------------------------------------------------------------------------------------

SCRIPT = """
import logging, structlog
from seedbed import telemetry
telemetry.set_up_logs({level!r}, {form!r})
structlog.contextvars.bind_contextvars(request_id="abc")
telemetry.log.debug("quiet")
telemetry.log.info("said", task="req_1", n=3)
logging.getLogger("some.library").warning("a library says %s", "so")
logging.getLogger("some.library").info("a library chats")
def deep():
    secret = "hunter2"
    raise ValueError("broken")
try:
    deep()
except ValueError:
    telemetry.log.exception("it broke")
"""


def logged(form: str, level: str = "info") -> str:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(form=form, level=level)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout == ""
    return done.stderr


def test_json_logs_are_one_object_a_line() -> None:
    lines = [json.loads(line) for line in logged("json").splitlines()]
    assert [line["event"] for line in lines] == ["said", "a library says so", "it broke"]
    assert [line["level"] for line in lines] == ["info", "warning", "error"]
    assert all(line["request_id"] == "abc" for line in lines)
    assert lines[0] | {"task": "req_1", "n": 3} == lines[0]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line["timestamp"]) for line in lines)
    assert lines[2]["exception"].endswith("ValueError: broken")


def test_console_logs_say_the_same_to_people() -> None:
    text = logged("console")
    for words in ("said", "task=req_1", "request_id=abc", "a library says so", "it broke", "ValueError: broken"):
        assert words in text
    assert "quiet" not in text
    assert "chats" not in text
    assert "\x1b[" not in text, "no colours where nobody sees them"


def test_no_log_shows_what_variables_held() -> None:
    """A traceback that prints locals would print keys and secrets."""
    for form in ("console", "json"):
        text = logged(form)
        assert text.count("hunter2") == text.count('secret = "hunter2"'), "only as a line of the program, if at all"
        assert "locals" not in text


def test_the_level_is_the_settings() -> None:
    assert "quiet" in logged("json", "debug")
    assert logged("json", "error").count("\n") == 2


async def test_a_request_is_logged_with_its_id(api: httpx2.AsyncClient) -> None:
    for given, kept in (("my-id_1.2", True), ("x" * 65, False), ("a b", False), ("", False), ("ü", False)):
        answer = await api.get("/healthz", headers={"X-Request-Id": given.encode()})  # type: ignore[dict-item]
        found = answer.headers["x-request-id"]
        assert (found == given) == kept
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", found)
    ids = [answer.headers["x-request-id"] for answer in await asyncio.gather(*(api.get("/healthz") for _ in range(9)))]
    assert len(set(ids)) == 9
