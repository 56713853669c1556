"""What the form of Create asks for, as the core takes it; and what was asked for, as the form has it again.

Owns no table. Everything that the catalogue sells is to be had here, whichever dialect sells it to programs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seedbed import catalogue
from seedbed.catalogue import Catalogue, Model
from seedbed.dialects import _media
from seedbed.engines import Kind, Mode, Role
from seedbed.errors import InvalidRequest
from seedbed.runtime import Runtime
from seedbed.tasks import MediaRef, Task, TaskRequest

DIALECT = "console"
ID_PREFIX = "req_"
PROMPT_CHARS_MAX = 10_000
MEDIA_MAX = 12
SEED_MAX = 2**32 - 1

ROLES: dict[Role, str] = {"first_frame": "First frame", "last_frame": "Last frame", "reference": "Reference"}
KINDS: dict[Role, tuple[Kind, ...]] = {
    "first_frame": ("image",),
    "last_frame": ("image",),
    "reference": ("image", "video", "audio"),
}
"""What each role may be."""

DEFAULTS = {"ratio": "16:9", "duration": "5", "resolution": "720p", "audio": "on"}


def blank(sold: Catalogue) -> dict[str, str]:
    """The form as it is before anything is typed."""
    return {**DEFAULTS, "model": sold.model[0].id}


def again(task: Task) -> dict[str, str]:
    """The form that asks for `task` once more. Its seed stands there only where a seed was asked for."""
    seed = task.echo.get("seed") if task.dialect == DIALECT else None
    form = {
        "prompt": task.prompt,
        "model": task.model,
        "ratio": task.aspect_ratio,
        "duration": str(task.duration_s),
        "resolution": task.resolution,
        "seed": "" if seed is None else str(seed),
    }
    form |= {name: "on" for name in ("audio", "fixed_lens") if getattr(task, name)}
    for number, medium in enumerate(task.media[:MEDIA_MAX]):
        form |= {f"media{number}": medium.url, f"role{number}": medium.role}
    return form


def wish(form: Mapping[str, str], runtime: Runtime, trace_id: str) -> TaskRequest:
    """The form's request, checked against the catalogue. Raises InvalidRequest that says what to change."""
    prompt = form.get("prompt", "").replace("\r\n", "\n")
    if not prompt.strip():
        raise InvalidRequest("Say in the prompt what the video shows", field="prompt")
    if len(prompt) > PROMPT_CHARS_MAX:
        raise InvalidRequest(f"The prompt has more than {PROMPT_CHARS_MAX} characters", field="prompt")
    model, mode, resolution, duration_s = offer(form, runtime.catalogue, with_media=bool(_addresses(form)))
    seed = _seed(form.get("seed", ""))
    return TaskRequest(
        id_prefix=ID_PREFIX,
        dialect=DIALECT,
        model=model,
        mode=mode,
        prompt=prompt,
        aspect_ratio=_chosen("ratio", "ratio", form, model.aspect_ratios),
        resolution=resolution,
        duration_s=duration_s,
        trace_id=trace_id,
        media=_media_of(form, model, runtime),
        seed=seed,
        audio=bool(form.get("audio")),
        fixed_lens=bool(form.get("fixed_lens")),
        last_frame=True,
        previews=True,
        echo={"seed": seed},
    )


def offer(form: Mapping[str, str], sold: Catalogue, *, with_media: bool) -> tuple[Model, Mode, str, int]:
    """All that a price depends on: model, mode, resolution and seconds. Raises InvalidRequest."""
    model = sold.by_id.get(form.get("model", ""))
    if model is None:
        raise InvalidRequest("Choose a model", field="model")
    mode: Mode = "image_to_video" if with_media else "text_to_video"
    if mode not in model.modes:
        raise InvalidRequest(
            f"{model.id} works from text alone; take the media away, or choose another model"
            if with_media
            else f"{model.id} needs a picture or a clip, or choose another model",
            field="model",
        )
    resolution = _chosen("resolution", "resolution", form, model.resolutions(mode))
    duration = _chosen("duration", "length", form, tuple(map(str, model.durations_s)))
    return model, mode, resolution, int(duration)


def price(form: Mapping[str, str], sold: Catalogue) -> int:
    """Whole credits. `media` says, where it is not empty, that there are media. Raises InvalidRequest."""
    model, mode, resolution, duration_s = offer(form, sold, with_media=bool(form.get("media")))
    return catalogue.price(model, mode, resolution, duration_s)


def abilities(model: Model) -> dict[str, Any]:
    """What a model can do, as plain JSON for the form's script."""
    return {
        "ratios": model.aspect_ratios,
        "durations": [str(seconds) for seconds in model.durations_s],
        "resolutions": {mode: model.resolutions(mode) for mode in model.modes},
        "references": model.references,
    }


def _chosen(field: str, name: str, form: Mapping[str, str], allowed: tuple[str, ...]) -> str:
    value = form.get(field, "")
    if value not in allowed:
        raise InvalidRequest(f"With this model the {name} is one of {', '.join(allowed)}", field=field)
    return value


def _seed(text: str) -> int | None:
    text = text.strip()
    if text in ("", "-1"):
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(SEED_MAX)) and int(text) <= SEED_MAX):
        raise InvalidRequest(f"The seed is a whole number from 0 to {SEED_MAX}, or nothing", field="seed")
    return int(text)


def _addresses(form: Mapping[str, str]) -> list[tuple[int, str]]:
    """The places of the form that hold an address."""
    named = ((number, form.get(f"media{number}", "").strip()) for number in range(MEDIA_MAX))
    return [(number, url) for number, url in named if url]


def _media_of(form: Mapping[str, str], model: Model, runtime: Runtime) -> tuple[MediaRef, ...]:
    found = [
        _medium(place, url, form.get(f"role{number}", ""), runtime)
        for place, (number, url) in enumerate(_addresses(form), start=1)
    ]
    roles = [medium.role for medium in found]
    for role in ("first_frame", "last_frame"):
        if roles.count(role) > 1:
            raise InvalidRequest("A video has one first frame and one last frame", field="media")
    if "last_frame" in roles and "first_frame" not in roles:
        raise InvalidRequest("A last frame needs a first frame to begin with", field="media")
    if "reference" in roles and not model.references:
        raise InvalidRequest(f"{model.id} takes a first and a last frame, and no references", field="media")
    return tuple(sorted(found, key=lambda medium: list(ROLES).index(medium.role)))


def _medium(place: int, url: str, role: str, runtime: Runtime) -> MediaRef:
    name = f"medium {place}"
    if role not in ROLES:
        raise InvalidRequest(f"Choose what {name} is for", field="media")
    only = KINDS[role]
    address = _media.medium(name, url, runtime)
    return MediaRef(url=address, role=role, kind=_media.kind_of(name, url, only), field=name, only=only)
