"""Logs and metrics.

Logs go to stderr through structlog, as console lines or JSON; what is bound with `log.bind` or in the
context (the request id, the task) stands in every line. Metrics are Prometheus'. Each process counts its
own; a worker sends its counts with its sign of life, and `/metrics` shows those of all live workers with
the label `worker`, so that one address is enough to scrape for the whole service.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator, Mapping

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

log = structlog.stdlib.get_logger("seedbed")

disable_created_metrics()  # type: ignore[no-untyped-call]

API = CollectorRegistry(auto_describe=True)
WORKER = CollectorRegistry(auto_describe=True)

_LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_RENDER_S = (0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1280)

REQUESTS = Counter(
    "seedbed_http_requests", "HTTP requests, by route pattern", ["method", "route", "status"], registry=API
)
REQUEST_SECONDS = Histogram(
    "seedbed_http_request_duration_seconds", "Time to answer", ["route"], buckets=_LATENCY_S, registry=API
)
ACCEPTED = Counter("seedbed_tasks_accepted", "Tasks accepted", ["dialect", "model"], registry=API)
UPLOADED = Counter("seedbed_uploads_accepted", "Uploads taken", ["kind"], registry=API)
HELD = Counter("seedbed_credits_held", "Credits set aside for accepted tasks", registry=API)
STRIPE_EVENTS = Counter(
    "seedbed_stripe_events", "Signed events of Stripe, by what came of them", ["outcome"], registry=API
)

ENDED = Counter("seedbed_tasks_ended", "Renders that ended a task", ["engine", "status", "code"], registry=WORKER)
RENDER_SECONDS = Histogram(
    "seedbed_render_duration_seconds", "Time in the engine", ["engine"], buckets=_RENDER_S, registry=WORKER
)
WAIT_SECONDS = Histogram(
    "seedbed_task_wait_seconds",
    "Time from acceptance to the first start",
    buckets=(*_LATENCY_S, *_RENDER_S[5:]),
    registry=WORKER,
)
RUNNING = Gauge("seedbed_renders_running", "Renders in progress", registry=WORKER)
LOST = Counter("seedbed_renders_lost", "Renders whose task was cancelled or claimed by another", registry=WORKER)
CAPTURED = Counter("seedbed_credits_captured", "Credits taken for succeeded tasks", registry=WORKER)
RELEASED = Counter("seedbed_credits_released", "Credits given back for failed tasks", registry=WORKER)
FETCHES = Counter("seedbed_media_fetches", "Media that tasks point to, by outcome", ["outcome"], registry=WORKER)
DELIVERIES = Counter("seedbed_webhook_tries", "Webhook tries, by outcome", ["outcome"], registry=WORKER)

QUEUE_GAUGES: dict[str, str] = {
    "seedbed_queue_waiting": "Jobs waiting, by lane",
    "seedbed_queue_claimed": "Jobs in a worker's hands, by lane",
    "seedbed_queue_oldest_seconds": "Age of the oldest waiting job, by lane",
    "seedbed_workers": "Workers seen lately",
}
"""What `/metrics` reads from the database at each scrape."""


def set_up_logs(level: str, form: str) -> None:
    """Send our log, and the libraries', to stderr in one form. Call it once, at a process's start."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: structlog.typing.Processor
    if form == "json":
        shared.append(structlog.processors.format_exc_info)
        last = structlog.processors.JSONRenderer()
    else:
        # Plain: the default shows the local variables of every frame, keys and passwords among them.
        last = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel("WARNING")
    logging.getLogger("seedbed").setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).setLevel("WARNING")


def worker_metrics() -> str:
    """This worker's counts, as text."""
    return generate_latest(WORKER).decode()


class Workers:
    """The counts of other processes as a collector: `texts` maps a worker's name to its own text."""

    def __init__(self, texts: Mapping[str, str], gauges: Iterable[Metric] = ()) -> None:
        self._texts, self._gauges = texts, gauges

    def collect(self) -> Iterator[Metric]:
        merged: dict[str, Metric] = {}
        for worker, text in self._texts.items():
            for family in text_string_to_metric_families(text):
                into = merged.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                for sample in family.samples:
                    labels = {**sample.labels, "worker": worker}
                    into.add_sample(sample.name, labels, sample.value)
        yield from self._gauges
        yield from merged.values()


def exposition(workers: Workers) -> bytes:
    """All metrics in Prometheus' text format 0.0.4: this process's and the workers'."""
    there = CollectorRegistry()
    there.register(workers)
    return generate_latest(API) + generate_latest(there)
