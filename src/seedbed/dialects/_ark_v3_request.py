"""What an Ark task asks for: fields, flags at the end of the text, and the rules of its media."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from seedbed.catalogue import ADAPTIVE, Catalogue, Model
from seedbed.dialects import _http, _inline, _json, _media
from seedbed.dialects._json import choice, whole
from seedbed.engines import FPS, Kind, Mode, Role
from seedbed.errors import InvalidRequest, MissingField, NotFound
from seedbed.runtime import Runtime
from seedbed.tasks import MediaRef, TaskRequest

NAME = "ark"
ID_PREFIX = "cgt-"

TEXT_CHARS_MAX = 10_000
SEED_MAX = 2**32 - 1
EXPIRES_S_MIN, EXPIRES_S, EXPIRES_S_MAX = 3_600, 172_800, 259_200
SAFETY_CHARS_MAX = 64
REFERENCES_MAX: dict[Kind, int] = {"image": 9, "video": 3, "audio": 3}
TOGETHER_S_MAX = 15
"""What all reference videos may last together, and all reference sounds."""

RESOLUTION, DURATION, DURATION_CHOSEN = "720p", 5, -1
CHOSEN_CHARS, CHOSEN_STEP_CHARS = 120, 40
"""A length that is left to us is DURATION for so many characters of text, and a second more for each step more."""

Whole = Annotated[int, BeforeValidator(whole)]


class ModelNotFound(NotFound):
    """No model of this name is sold here."""


class Constraint(InvalidRequest):
    """The content is of no one kind of task."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Text(_Strict):
    type: Literal["text"]
    text: str = Field(max_length=TEXT_CHARS_MAX)


class Address(_Strict):
    url: str = Field(min_length=1)


class Image(_Strict):
    type: Literal["image_url"]
    image_url: Address
    role: Literal["first_frame", "last_frame", "reference_image"] | None = None


class Video(_Strict):
    type: Literal["video_url"]
    video_url: Address
    role: Literal["reference_video"] | None = None


class Audio(_Strict):
    type: Literal["audio_url"]
    audio_url: Address
    role: Literal["reference_audio"] | None = None


ITEMS: dict[str, type[Text | Image | Video | Audio]] = {
    "text": Text,
    "image_url": Image,
    "video_url": Video,
    "audio_url": Audio,
}


class Submission(_Strict):
    """A request for a task. Items of `content` are read one by one, so that a fault is told of the right one.

    Fields of which ONLY one value is taken have been looked at before.
    """

    model: str
    content: list[Any] = Field(min_length=1)
    callback_url: str | None = None
    return_last_frame: bool = False
    service_tier: Literal["default"] = "default"
    execution_expires_after: Annotated[Whole, Field(ge=EXPIRES_S_MIN, le=EXPIRES_S_MAX)] = EXPIRES_S
    priority: Annotated[Whole, Field(ge=0, le=9)] = 0
    generate_audio: bool = True
    draft: bool = False
    safety_identifier: str | None = Field(default=None, min_length=1, max_length=SAFETY_CHARS_MAX)
    resolution: str | None = None
    ratio: str | None = None
    duration: Whole | None = None
    seed: Annotated[Whole, Field(ge=-1, le=SEED_MAX)] | None = None
    camera_fixed: bool | None = None
    watermark: bool = False
    output_format: Literal["mp4"] = "mp4"


UNSUPPORTED: dict[str, str] = {
    "frames": "the length is in whole seconds here; use 'duration'",
    "tools": "there are no tools here; leave it out",
    "omni_reference_task_type": "what references are for is told by their roles; leave it out",
}
"""Fields of the vendor's that no value of is taken, and what to do instead."""

ONLY: dict[str, tuple[Any, str]] = {
    "service_tier": ("default", "there is one tier here, 'default'"),
    "draft": (False, "there are no drafts here; ask for '480p' to see something quickly"),
    "watermark": (False, "this server draws no watermark; leave it out or send false"),
    "output_format": ("mp4", "the video is an MP4 here; 'mov' is not made"),
}
"""Fields of which one value is taken, and why no other."""


# A request ---------------------------------------------------------------------------------------------------


def parse(values: dict[str, Any], runtime: Runtime, trace_id: str) -> TaskRequest:
    """A request checked against the catalogue. Raises InvalidRequest that names the field, ModelNotFound.

    Media inside the request stay `data:` URLs; see `_inline`.
    """
    _check_unsupported(values)
    asked = _json.check(Submission, values)
    model = _model(asked.model, runtime.catalogue)
    items = [_item(index, item) for index, item in enumerate(asked.content)]
    text, flags = _text(items)
    asked = _with_flags(asked, flags)
    media = _media_of(items, model, runtime)
    if not text and not media:
        raise MissingField("'content' needs a text that says what the video shows", field="content")
    mode: Mode = "image_to_video" if media else "text_to_video"
    if mode not in model.modes:
        what = "must be text alone: it takes no media" if media else "needs media: it does not work from text alone"
        raise InvalidRequest(f"'content' for {asked.model} {what}", field="content")
    callback_url = asked.callback_url
    if callback_url is not None:
        callback_url = _media.receiver("callback_url", callback_url, runtime)
    return TaskRequest(
        id_prefix=ID_PREFIX,
        dialect=NAME,
        model=model,
        mode=mode,
        prompt=text,
        aspect_ratio=_ratio(asked, model),
        resolution=_resolution(asked, model, mode),
        duration_s=_duration(asked, model, text),
        trace_id=trace_id,
        media=media,
        seed=asked.seed,
        audio=asked.generate_audio,
        fixed_lens=bool(asked.camera_fixed),
        last_frame=asked.return_last_frame,
        webhook_url=callback_url,
        callback_always=True,
        echo=_echo(asked),
        expires_s=asked.execution_expires_after,
        priority=asked.priority,
    )


def _check_unsupported(values: dict[str, Any]) -> None:
    for field, hint in UNSUPPORTED.items():
        if field in values and not (field == "tools" and values[field] == []):
            raise InvalidRequest(f"'{field}' is not supported: {hint}", field=field)
        values.pop(field, None)
    for field, (only, hint) in ONLY.items():
        if isinstance(found := values.get(field), type(only)) and found != only:
            raise InvalidRequest(f"'{field}': {hint}", field=field)


def _model(name: str, catalogue: Catalogue) -> Model:
    _http.check_sold(catalogue.sold_by(NAME), "/api/v3")
    model = catalogue.find(NAME, name)
    if model is None:
        names = ", ".join(each.names_in(NAME)[0] for each in catalogue.sold_by(NAME))
        raise ModelNotFound(f"There is no such model here; there are {names}", field="model")
    return model


def _ratio(asked: Submission, model: Model) -> str:
    if asked.ratio is None:
        return ADAPTIVE if ADAPTIVE in model.aspect_ratios else model.aspect_ratios[0]
    return cast(str, choice("ratio", asked.ratio, model.aspect_ratios))


def default_resolution(model: Model, mode: Mode) -> str:
    sold = model.resolutions(mode)
    return RESOLUTION if RESOLUTION in sold else sold[0]


def _resolution(asked: Submission, model: Model, mode: Mode) -> str:
    if asked.resolution is None:
        return default_resolution(model, mode)
    return cast(str, choice("resolution", asked.resolution, model.resolutions(mode)))


def default_duration(model: Model) -> int:
    return DURATION if DURATION in model.durations_s else model.durations_s[0]


def _duration(asked: Submission, model: Model, text: str) -> int:
    if asked.duration == DURATION_CHOSEN:
        wanted = DURATION + max(0, len(text) - CHOSEN_CHARS) // CHOSEN_STEP_CHARS
        return min(model.durations_s, key=lambda seconds: abs(seconds - wanted))
    if asked.duration is None:
        return default_duration(model)
    return cast(int, choice("duration", asked.duration, (*model.durations_s, DURATION_CHOSEN)))


def _echo(asked: Submission) -> dict[str, Any]:
    """What the answers say again, in the client's own words."""
    said = {
        "model": asked.model,
        "service_tier": asked.service_tier,
        "execution_expires_after": asked.execution_expires_after,
    }
    return said if asked.safety_identifier is None else said | {"safety_identifier": asked.safety_identifier}


# Content -----------------------------------------------------------------------------------------------------


def _item(index: int, item: Any) -> Text | Image | Video | Audio:
    """One item of `content`, nulls left out. Raises InvalidRequest with the item's place before the field's name."""
    where = f"content.{index}"
    if not isinstance(item, dict):
        raise InvalidRequest(f"'{where}' must be an object", field=where)
    item = {name: _json.given(value) if isinstance(value, dict) else value for name, value in _json.given(item).items()}
    if "type" not in item:
        raise MissingField(f"'{where}.type' is required", field=f"{where}.type")
    if not isinstance(item["type"], str) or item["type"] not in ITEMS:
        choices = ", ".join(ITEMS)
        raise InvalidRequest(f"'{where}.type' must be one of {choices}", field=f"{where}.type")
    try:
        return _json.check(ITEMS[item["type"]], item)
    except InvalidRequest as refused:
        field = f"{where}.{refused.field}"
        message = refused.message.replace(f"'{refused.field}'", f"'{field}'", 1)
        raise type(refused)(message, field=field) from None


def _text(items: Iterable[Text | Image | Video | Audio]) -> tuple[str, dict[str, str]]:
    texts = [item.text for item in items if isinstance(item, Text)]
    if len(texts) > 1:
        raise Constraint("'content' may have one text; join them", field="content")
    if texts and not texts[0].strip():
        raise InvalidRequest("'content' has a text that is blank; say what the video shows", field="content")
    return flags_of(texts[0]) if texts else ("", {})


def _media_of(items: list[Text | Image | Video | Audio], model: Model, runtime: Runtime) -> tuple[MediaRef, ...]:
    """The media, each in the role that it was given, or that it has when nothing else could be meant."""
    found = [(index, item) for index, item in enumerate(items) if not isinstance(item, Text)]
    roles = _roles([item for _, item in found])
    if any(role in FRAMES for role in roles):
        _check_frames(roles)
    elif roles:
        _check_references(roles, model)
    refs = [_ref(index, item, role, runtime) for (index, item), role in zip(found, roles, strict=True)]
    return tuple(sorted(refs, key=lambda ref: ref.role == "last_frame"))


FRAMES = ("first_frame", "last_frame")
KINDS: dict[str, Kind] = {"reference_image": "image", "reference_video": "video", "reference_audio": "audio"}


def _roles(items: list[Image | Video | Audio]) -> list[str]:
    """A picture that is alone and says nothing is the first frame; videos and sounds can only be references."""
    if len(items) == 1 and isinstance(items[0], Image) and items[0].role is None:
        return ["first_frame"]
    for item in items:
        if isinstance(item, Image) and item.role is None:
            raise MissingField(
                "'content' has several media: each picture needs a 'role', first_frame, last_frame or reference_image",
                field="content",
            )
    return [item.role or f"reference_{item.type.removesuffix('_url')}" for item in items]


def _check_frames(roles: list[str]) -> None:
    if any(role not in FRAMES for role in roles):
        raise Constraint("'content' may have a first and a last frame, or references, not both", field="content")
    for role in FRAMES:
        if roles.count(role) > 1:
            raise Constraint(f"'content' may have one {role}", field="content")
    if "first_frame" not in roles:
        raise Constraint("'content' has a last_frame and needs a first_frame to begin with", field="content")


def _check_references(roles: list[str], model: Model) -> None:
    if not model.references:
        raise Constraint(
            "'content' has references, and this model takes a first and a last frame only", field="content"
        )
    for role, kind in KINDS.items():
        if roles.count(role) > REFERENCES_MAX[kind]:
            raise Constraint(f"'content' may have {REFERENCES_MAX[kind]} of {role}", field="content")
    if set(roles) == {"reference_audio"}:
        raise Constraint("'content' has sounds alone; add a reference picture or video", field="content")


def _ref(index: int, item: Image | Video | Audio, role: str, runtime: Runtime) -> MediaRef:
    field = f"content.{index}.{item.type}.url"
    kind = KINDS.get(role, "image")
    address: Address = getattr(item, item.type)
    if _inline.is_inline(address.url):
        url, said = address.url, cast(Kind | None, _inline.kind_of(field, address.url, (kind,)))
    else:
        url, said = _media.medium(field, address.url, runtime), _media.kind_of(field, address.url, (kind,))
    return MediaRef(
        url=url,
        role=cast(Role, role if role in FRAMES else "reference"),
        kind=said,
        field=field,
        only=(kind,),
        together_s=TOGETHER_S_MAX if role in ("reference_video", "reference_audio") else None,
    )


# Flags -------------------------------------------------------------------------------------------------------

FLAGS: dict[str, str] = {
    **dict.fromkeys(("rs", "resolution"), "resolution"),
    **dict.fromkeys(("rt", "ratio"), "ratio"),
    **dict.fromkeys(("dur", "duration"), "duration"),
    **dict.fromkeys(("cf", "camerafixed", "camera_fixed"), "camera_fixed"),
    **dict.fromkeys(("wm", "watermark"), "watermark"),
    **dict.fromkeys(("fps", "framespersecond"), "framespersecond"),
    "seed": "seed",
}
"""What may stand at the end of the text as `--flag value` → the field that it stands for."""

_NUMBER = re.compile(r"-?\d{1,10}", re.ASCII)
_BOOLEANS = {"true": True, "false": False}


def flags_of(text: str) -> tuple[str, dict[str, str]]:
    """The text without the known flags at its end, and their values by flag; other words stay where they are."""
    words = list(re.finditer(r"\S+", text))
    flags: dict[str, str] = {}
    kept: list[str] = []
    end = len(words)
    while end >= 2 and words[end - 2][0].startswith("--") and not words[end - 1][0].startswith("--"):
        name, value = words[end - 2][0].removeprefix("--").lower(), words[end - 1][0]
        if name in FLAGS:
            flags.setdefault(name, value)
        else:
            kept.insert(0, f"{words[end - 2][0]} {value}")
        end -= 2
    if not flags:
        return text, {}
    head = text[: words[end - 1].end()] if end else ""
    return " ".join([*([head.rstrip()] if head else []), *kept]), flags


def _with_flags(asked: Submission, flags: dict[str, str]) -> Submission:
    """A field that the request has stands; a flag fills one that it has not. Raises InvalidRequest for its value."""
    found = {}
    for flag, text in flags.items():
        field = FLAGS[flag]
        value = _flag_value(flag, field, text)
        if field in Submission.model_fields and field not in asked.model_fields_set:
            found[field] = value
    return asked.model_copy(update=found)


def _flag_value(flag: str, field: str, text: str) -> object:
    if field in ("camera_fixed", "watermark"):
        value = _BOOLEANS[choice(f"--{flag}", text.lower(), tuple(_BOOLEANS))]
        if field == "watermark" and value:
            raise InvalidRequest(f"'--{flag}': {ONLY['watermark'][1]}", field="content")
        return value
    if field in ("duration", "seed", "framespersecond"):
        if not _NUMBER.fullmatch(text):
            raise InvalidRequest(f"'--{flag}' must be a whole number", field="content")
        return _checked_number(flag, field, int(text))
    return text


def _checked_number(flag: str, field: str, number: int) -> int:
    if field == "framespersecond":
        choice(f"--{flag}", number, (FPS,))
    if field == "seed" and not -1 <= number <= SEED_MAX:
        raise InvalidRequest(f"'--{flag}' must be from -1 to {SEED_MAX}", field="content")
    return number
