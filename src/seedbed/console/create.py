"""Create: a prompt and a few choices become a task, which is watched until it plays."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from seedbed import db, idempotency, library, limits, tasks, telemetry
from seedbed.accounts import Caller
from seedbed.catalogue import ADAPTIVE, SHORT_SIDE, Model
from seedbed.console import _code, _wishes
from seedbed.console._door import Visit
from seedbed.console._shown import failure, shown
from seedbed.dialects import _http, _upload
from seedbed.errors import ApiError, IdempotencyConflict, InternalError, InvalidRequest
from seedbed.idempotency import Answer
from seedbed.tasks import Task, TaskRequest
from seedbed.wanted import Wanted
from seedbed.web import redirect

SUBMISSIONS_PER_MINUTE = 30
"""Of an account, in the console."""

TWICE_S = 5.0
"""How long the second click of a double click waits for what the first one bought."""

LATELY = 6
"""Tasks below the form."""

FILMS = (
    ("balloons", "Hot air balloons drift over a meadow at sunrise, slow crane up"),
    ("city", "A city street at night in the rain, neon signs, cyberpunk, dolly forward"),
    ("canyon", "A drone flies through a canyon at golden hour"),
)
"""The films of the front page and their prompts; bench/front_page.py renders them."""

FROM = "POST /"


async def home(visit: Visit) -> Response:
    """What this is, for a stranger; for a member the form, and the task that was just asked for."""
    if visit.session is None:
        return await visit.page("start.html", open=visit.may_sign_up, films=FILMS)
    query = visit.request.query_params
    form, task = _wishes.blank(visit.runtime.catalogue), None
    if watched := query.get("task") or query.get("from"):
        task = await own(visit, watched)
        form |= {"audio": ""} | _wishes.again(task)
    if "from" in query:
        task = None
    if uploaded := query.get("medium"):
        form |= {"media0": uploaded, "role0": "first_frame" if "/image." in uploaded else "reference"}
    form |= {name: query[name] for name in ("prompt", "model") if name in query}
    return await _page(visit, form, task=task)


async def submit(visit: Visit) -> Response:
    """Accept the form's task, once however often it is sent; what cannot be is said above the form."""
    return await _asked(visit, visit.form)


async def again(visit: Visit) -> Response:
    """Ask for a task once more, with another seed."""
    task = await own(visit, visit.request.path_params["id"])
    return await _asked(visit, _wishes.again(task) | {"seed": "", "token": visit.form.get("token", "")})


async def price(visit: Visit) -> Response:
    """What the form's choices cost, as JSON: `credits`, `text`, `enough`; or `message`, what is wrong with them."""
    try:
        credits = _wishes.price(visit.request.query_params, visit.runtime.catalogue)
    except InvalidRequest as error:
        return JSONResponse({"message": visit.say(error.message)}, 400, {"Cache-Control": "no-store"})
    told = {"credits": credits, "text": visit.count("{number} credit", "{number} credits", credits)}
    return JSONResponse(told, headers={"Cache-Control": "no-store"})


async def upload(visit: Visit) -> Response:
    """Keep a picture, video or sound for 7 days; gives its address, or goes back to the form with it."""
    kept = await _upload.keep(visit.request, _caller(visit))
    url = _upload.address(visit.runtime, kept)
    if "page" in visit.request.query_params:
        return redirect(f"/?medium={url}")
    local = url.removeprefix(visit.runtime.settings.base_url)
    return JSONResponse({"url": url, "local": local, "kind": kept.kind, "sizeBytes": kept.size_bytes})


async def own(visit: Visit, task_id: str) -> Task:
    """The member's own task, of whichever dialect. Raises NotFound."""
    async with db.connection(visit.runtime.pool) as conn:
        return await tasks.get_own(conn, task_id, account_id=visit.member.account_id)


def _caller(visit: Visit) -> Caller:
    """The member, who comes without a key."""
    return Caller(key_id=None, account_id=visit.member.account_id, api=None, monthly=None, webhook_url=None)


async def _asked(visit: Visit, form: Mapping[str, str]) -> Response:
    try:
        async with db.connection(visit.runtime.pool) as conn:
            await limits.take_minute(conn, f"console {visit.member.account_id}", SUBMISSIONS_PER_MINUTE)
        wanted = _wishes.wish(form, visit.runtime, _http.trace_id(visit.request))
        task_id = await _once(visit, form, wanted)
    except InternalError:
        raise
    except ApiError as error:
        return await _page(visit, form, status=error.status, notice=visit.say(error.message))
    return redirect(f"/?task={task_id}")


async def _once(visit: Visit, form: Mapping[str, str], wanted: TaskRequest) -> str:
    """The id of the task that the form asks for. The same form of the same page gives the same task."""
    asked = json.dumps(dict(form), sort_keys=True).encode()
    key = hashlib.sha256(asked).hexdigest() if form.get("token") else secrets.token_hex(32)
    until = asyncio.get_running_loop().time() + TWICE_S
    while True:
        try:
            return await _accepted(visit, key, asked, wanted)
        except IdempotencyConflict:
            if asyncio.get_running_loop().time() > until:
                raise
            await asyncio.sleep(0.1)


async def _accepted(visit: Visit, key: str, asked: bytes, wanted: TaskRequest) -> str:
    runtime, account_id = visit.runtime, visit.member.account_id
    async with db.transaction(runtime.pool) as conn:
        if kept := await idempotency.find(conn, account_id, FROM, key, asked):
            return kept.body.decode()
        task = await tasks.create(conn, _caller(visit), wanted, queued_max=runtime.settings.queued_max)
        await idempotency.keep(conn, account_id, FROM, key, asked, Answer(303, task.id.encode()))
    runtime.wake()
    telemetry.ACCEPTED.labels(wanted.dialect, wanted.model.id).inc()
    telemetry.HELD.inc(wanted.price_credits)
    return task.id


# The page --------------------------------------------------------------------------------------------------------


async def _page(
    visit: Visit, form: Mapping[str, str], *, status: int = 200, notice: str | None = None, task: Task | None = None
) -> Response:
    sold = visit.runtime.catalogue
    async with db.connection(visit.runtime.pool) as conn:
        lately = await library.browse(conn, Wanted(account_id=visit.member.account_id), limit=LATELY)
    return await visit.page(
        "create.html",
        status=status,
        notice=notice,
        form=defaultdict(str, form),
        token=new_token(),
        models=_by_seller(sold.model),
        abilities=json.dumps({model.id: _wishes.abilities(model) for model in sold.model}),
        hints={model.id: _hint(visit, model) for model in sold.model},
        choices=_choices(sold.model),
        roles=_wishes.ROLES,
        media_max=_wishes.MEDIA_MAX,
        prompt_chars_max=_wishes.PROMPT_CHARS_MAX,
        price=_price_of(form, visit),
        lately=[shown(visit, each) for each in lately.tasks],
        **result_of(visit, task),
    )


def new_token() -> str:
    """What makes a form of a page one of its kind, so that it buys once."""
    return secrets.token_urlsafe(16)


def result_of(visit: Visit, task: Task | None) -> dict[str, Any]:
    """What the panel of a task shows: the task, what went wrong, and its code."""
    if task is None:
        return {"result": None, "wrong": None, "call": None, "codes": {}, "cost_again": None}
    call = _code.call_of(task, visit.runtime.catalogue)
    base_url = visit.runtime.settings.base_url
    return {
        "result": shown(visit, task),
        "wrong": failure(visit, task),
        "call": call,
        "codes": {name: write(call, base_url) for name, write in _code.LANGUAGES.items()} if call else {},
        "cost_again": task.price_credits,
    }


def _price_of(form: Mapping[str, str], visit: Visit) -> str | None:
    has_media = any(form.get(f"media{number}") for number in range(_wishes.MEDIA_MAX))
    try:
        credits = _wishes.price({**form, "media": "1" if has_media else ""}, visit.runtime.catalogue)
    except InvalidRequest:
        return None
    return visit.count("{number} credit", "{number} credits", credits)


SELLERS = {"open": "Seedance", "studio": "Studio", "ark": "Ark", "openai": "OpenAI Videos"}
"""What the models of a dialect are called together."""


def _hint(visit: Visit, model: Model) -> str:
    """What a model is for and can do, in a line."""
    rates = [rate for rates in model.credits_per_second.values() for rate in rates.values()]
    seconds = model.durations_s
    lengths = (
        f"{seconds[0]}–{seconds[-1]}" if len(seconds) == seconds[-1] - seconds[0] + 1 else ", ".join(map(str, seconds))
    )
    parts = [
        visit.say(model.title),
        visit.say("{lengths} seconds", lengths=lengths),
        visit.say("first and last frame, references") if model.references else visit.say("first and last frame"),
        visit.say("from {rate} credits a second", rate=min(rates) / 1000),
    ]
    return " · ".join(parts)


def _by_seller(models: tuple[Model, ...]) -> dict[str, list[Model]]:
    found: dict[str, list[Model]] = {}
    for model in models:
        found.setdefault(SELLERS.get(model.dialects[0], model.dialects[0]), []).append(model)
    return found


def _choices(models: tuple[Model, ...]) -> dict[str, list[str]]:
    """All that any model takes, in a sensible order: without a script the form offers all of it."""
    ratios = dict.fromkeys(ratio for model in models for ratio in model.aspect_ratios)
    durations = sorted({seconds for model in models for seconds in model.durations_s})
    resolutions = dict.fromkeys(
        resolution for model in models for mode in model.modes for resolution in model.resolutions(mode)
    )
    return {
        "ratios": sorted(ratios, key=_wide_first),
        "durations": [str(seconds) for seconds in durations],
        "resolutions": sorted(resolutions, key=lambda name: SHORT_SIDE[name]),
    }


def _wide_first(ratio: str) -> float:
    across, _, down = ratio.partition(":")
    return 0.0 if ratio == ADAPTIVE else -int(across) / int(down)
