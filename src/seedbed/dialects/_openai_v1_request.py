"""What is asked of the OpenAI Videos dialect: bodies as forms or JSON, and the tasks that they ask for.

A picture or clip that comes with a form is on this machine's disk by the time that the request is checked, and becomes
an upload of the server's own only when all the rest is right.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.requests import Request

from seedbed import catalogue
from seedbed.catalogue import ADAPTIVE, Catalogue, Model
from seedbed.dialects import _form, _http, _inline, _json, _media, _upload
from seedbed.dialects._http import Body, runtime_of
from seedbed.dialects._json import choice, whole
from seedbed.engines import Kind, Mode
from seedbed.errors import InvalidRequest, NotFound, PayloadTooLarge
from seedbed.intake import Desk
from seedbed.media.inputs import BYTES_MAX, NAMES
from seedbed.runtime import Runtime
from seedbed.tasks import MediaRef, Task, TaskRequest

NAME = "openai"
ID_PREFIX = "video_"
MODEL, SECONDS, SIZE = "sora-2", "4", "720x1280"
"""What is made where the request does not say, as far as the catalogue has it."""

PROMPT_CHARS_MAX = 32_000
SEED_MAX = 2**32 - 1
BODY_CHARS_MAX = BYTES_MAX["image"] * 4 // 3 + (128 << 10)
"""Of JSON with a picture inside: the largest picture as base64, and room for the rest."""

REFERENCE = "input_reference"
IMAGE_URL = f"{REFERENCE}[image_url]"
"""How a form calls a field within a field."""


class ImageReference(BaseModel):
    """A picture by its address: public https, this server's own, or data: with the picture in it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    image_url: str


class Submission(BaseModel):
    """A request for a video. The last three fields are this server's own; the SDK sends them as `extra_body`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    prompt: str = Field(min_length=1, max_length=PROMPT_CHARS_MAX)
    model: str | None = None
    seconds: Annotated[str, BeforeValidator(_json.seconds)] | None = None
    size: str | None = None
    input_reference: ImageReference | None = None
    seed: Annotated[int, BeforeValidator(whole), Field(ge=-1, le=SEED_MAX)] | None = None
    generate_audio: bool = True
    fixed_lens: bool = False


class Remix(BaseModel):
    """A request for another version of a video."""

    model_config = ConfigDict(extra="forbid", strict=True)

    prompt: str = Field(min_length=1, max_length=PROMPT_CHARS_MAX)


class NotReady(NotFound):
    """The video has no file yet, or never will."""

    code = "not_ready"


# Bodies --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sent:
    """A request's fields, and the file that came with it, if one did, in a `folder` that lasts as long as this."""

    body: Body
    file: Path | None = None
    claimed: Kind | None = None


@dataclass(slots=True)
class _Room:
    """A folder for one body, taken from the desk when it is first needed."""

    desk: Desk
    stack: AsyncExitStack
    _folder: Path | None = field(default=None)

    async def folder(self) -> Path:
        if self._folder is None:
            self._folder = await self.stack.enter_async_context(_upload.folder_of(self.desk))
        return self._folder


@asynccontextmanager
async def received(request: Request) -> AsyncIterator[Sent]:
    """The body of a request for a video: a form, streamed to disk where it is large, or JSON.

    Raises InvalidRequest, PayloadTooLarge, RequestTooSlow; ServiceBusy where too many files come at a time.
    """
    async with AsyncExitStack() as stack:
        room = _Room(request.app.state.desk, stack)
        if _form.is_form(request.headers.get("content-type", "")):
            yield await _from_form(request, room)
        else:
            yield await _from_json(request)


async def _from_json(request: Request) -> Sent:
    return Sent(await _http.read_large_object(request, BODY_CHARS_MAX))


async def _from_form(request: Request, room: _Room) -> Sent:
    boundary = _form.boundary_of(request.headers.get("content-type", ""))
    if boundary is None:
        raise InvalidRequest("A form must be multipart/form-data with a boundary")
    small = runtime_of(request).settings.body_bytes_max
    if _declared(request) <= small:
        form = await _http.read_body(request, small)
        return await _with_file(*_taken_apart(form, boundary, small), form, room)
    path = await _upload.save(request, await room.folder(), _upload.FILE_BYTES_MAX + small)
    if not path.stat().st_size:
        raise InvalidRequest("The form is empty")
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as mapped:
        found = await asyncio.to_thread(_taken_apart, mapped, boundary, small)
        return await _with_file(*found, mapped, room)


def _declared(request: Request) -> float:
    """The length that the body says it has; without end where it does not say."""
    declared = request.headers.get("content-length", "")
    return int(declared[:20]) if declared.isdigit() else float("inf")


def _taken_apart(form: _form.Bytes, boundary: bytes, text_bytes_max: int) -> tuple[Body, _form.Part | None]:
    """The fields of a form, and its file, if it has one."""
    try:
        parts = list(_form.parts(form, boundary))
    except _form.Malformed:
        raise InvalidRequest("The body is not the form that its Content-Type says it is") from None
    names = [part.name for part in parts]
    for name in names:
        if names.count(name) > 1:
            raise InvalidRequest(f"The form has the field '{name[:64]}' twice", field=name[:64])
    file = next((part for part in parts if part.name == REFERENCE and _is_file(form, part)), None)
    texts = {
        part.name: _text(form, part, BODY_CHARS_MAX if part.name == IMAGE_URL else text_bytes_max)
        for part in parts
        if part is not file
    }
    values = _as_json(texts)
    if file is not None and REFERENCE in values:
        raise InvalidRequest(f"The form has the field '{REFERENCE}' twice", field=REFERENCE)
    return Body(values, _json.canonical(values)), file


async def _with_file(body: Body, part: _form.Part | None, form: _form.Bytes, room: _Room) -> Sent:
    """The form's file beside its fields, in which it counts by its bytes: sent again, it is the same request."""
    if part is None:
        return Sent(body)
    file = (await room.folder()) / "medium"
    digest = await asyncio.to_thread(_copy, form, part, file)
    canonical = _json.canonical(body.values | {REFERENCE: {"sha256": digest}})
    return Sent(Body(body.values, canonical), file, _upload.claim(part.content_type))


def _is_file(form: _form.Bytes, part: _form.Part) -> bool:
    """Whether it is the picture itself: tools leave out file names, and nothing that is taken looks like an address."""
    head = bytes(form[part.start : min(part.start + 16, part.end)]).lstrip().lower()
    return part.is_file or not head.startswith((b"{", b"http", b"data:"))


def _copy(form: _form.Bytes, part: _form.Part, to: Path) -> str:
    """Write the part to a file; gives its SHA-256 in hex."""
    if part.start == part.end:
        raise InvalidRequest(f"'{REFERENCE}' is an empty file", field=REFERENCE)
    digest = hashlib.sha256()
    with to.open("xb") as file:
        for at in range(part.start, part.end, 1 << 20):
            piece = form[at : min(at + (1 << 20), part.end)]
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def _text(form: _form.Bytes, part: _form.Part, bytes_max: int) -> str:
    shown = part.name[:64]
    if part.is_file:
        raise InvalidRequest(f"'{shown}' must be text, and came as a file", field=shown)
    if part.end - part.start > bytes_max:
        raise PayloadTooLarge(f"'{shown}' is over {bytes_max} bytes", field=shown)
    try:
        return bytes(form[part.start : part.end]).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest(f"'{shown}' is not UTF-8; a file needs a file name", field=shown) from None


def _as_json(texts: dict[str, Any]) -> dict[str, Any]:
    """The fields of a form as JSON would have them: a form knows nothing but text."""
    values = dict(texts)
    if IMAGE_URL in values and REFERENCE in values:
        raise InvalidRequest(f"The form has the field '{REFERENCE}' twice", field=REFERENCE)
    if IMAGE_URL in values:
        values[REFERENCE] = {"image_url": values.pop(IMAGE_URL)}
    elif values.get(REFERENCE, "").lstrip().startswith("{"):
        values[REFERENCE] = _json.parse_object(values[REFERENCE].encode())
    elif REFERENCE in values:
        raise InvalidRequest(f"'{REFERENCE}' must be a file, or an object with image_url", field=REFERENCE)
    if re.fullmatch(r"-?\d{1,10}", values.get("seed", "")):
        values["seed"] = int(values["seed"])
    for name in ("generate_audio", "fixed_lens"):
        if values.get(name) in ("true", "false"):
            values[name] = values[name] == "true"
    _json.check_values(values)
    return values


# Tasks -----------------------------------------------------------------------------------------------------------


def sizes(model: Model, mode: Mode) -> dict[str, tuple[str, str]]:
    """The sizes that a model makes, as `width`x`height` → resolution and aspect ratio."""
    found = {}
    for resolution in model.resolutions(mode):
        for ratio in model.aspect_ratios:
            if ratio != ADAPTIVE:
                width, height = catalogue.pixels(resolution, ratio)
                found[f"{width}x{height}"] = (resolution, ratio)
    return found


def parse_submission(values: dict[str, Any], runtime: Runtime, trace_id: str, *, file: bool) -> TaskRequest:
    """A request checked against the catalogue; `file`: a picture or clip came with it, and is not in the answer yet.

    Raises InvalidRequest that names the field and its choices.
    """
    if isinstance(picture := values.get(REFERENCE), dict):
        values = values | {REFERENCE: _json.given(picture)}
    asked = _json.check(Submission, values)
    _json.check_prompt(asked.prompt)
    name, model = _model(asked.model, runtime.catalogue)
    media = _media_of(asked, runtime)
    mode = _mode(model, from_media=bool(media) or file)
    made = sizes(model, mode)
    size = choice("size", asked.size or default(SIZE, tuple(made)), tuple(made))
    lengths = tuple(map(str, model.durations_s))
    seconds = choice("seconds", asked.seconds or default(SECONDS, lengths), lengths)
    resolution, ratio = made[size]
    return TaskRequest(
        id_prefix=ID_PREFIX,
        dialect=NAME,
        model=model,
        mode=mode,
        prompt=asked.prompt,
        aspect_ratio=ratio,
        resolution=resolution,
        duration_s=int(seconds),
        trace_id=trace_id,
        media=media,
        seed=asked.seed,
        audio=asked.generate_audio,
        fixed_lens=asked.fixed_lens,
        previews=True,
        echo={"model": name},
    )


def _model(asked: str | None, sold: Catalogue) -> tuple[str, Model]:
    """The model, and what the request calls it."""
    names = tuple(name for model in sold.sold_by(NAME) for name in model.names_in(NAME))
    _http.check_sold(names, "/v1/videos")
    name = choice("model", asked or default(MODEL, names), names)
    found = sold.find(NAME, name)
    assert found is not None
    return name, found


def default(wanted: str, made: tuple[str, ...]) -> str:
    """`wanted` where it is made, else what comes first."""
    return wanted if wanted in made else made[0]


def _mode(model: Model, *, from_media: bool) -> Mode:
    mode: Mode = "image_to_video" if from_media else "text_to_video"
    if mode not in model.modes:
        what = "must be left out: this model works" if from_media else "is required: this model works not"
        raise InvalidRequest(f"'{REFERENCE}' {what} from text alone", field=REFERENCE)
    return mode


def _media_of(asked: Submission, runtime: Runtime) -> tuple[MediaRef, ...]:
    if asked.input_reference is None:
        return ()
    field, url = f"{REFERENCE}.image_url", asked.input_reference.image_url
    if _inline.is_inline(url):
        return (first_frame(url, field, _inline.kind_of(field, url, ("image",))),)
    address = _media.medium(field, url, runtime)
    return (first_frame(address, field, _media.kind_of(field, url, ("image",))),)


def first_frame(url: str, field: str, kind: Kind | None) -> MediaRef:
    return MediaRef(url=url, role="first_frame", kind=kind, field=field, only=("image",))


def reference(url: str, kind: Kind, model: Model) -> MediaRef:
    """What a file that came with a request is for: a picture begins the video, a clip leads it.

    Raises InvalidRequest for a sound, and for a clip where the model takes none.
    """
    if kind == "image":
        return first_frame(url, REFERENCE, kind)
    if kind == "audio" or not model.references:
        taken = "a picture or a video" if model.references else "a picture"
        raise InvalidRequest(f"'{REFERENCE}' is {NAMES[kind]}, and {taken} belongs there", field=REFERENCE)
    return MediaRef(url=url, role="reference", kind=kind, field=REFERENCE, only=("video",))


# A video made again ------------------------------------------------------------------------------------------------

_VERB = r"(?:continue|extend|carry on|resume|pick up)"
_GOES_ON = re.compile(
    rf"^\W*(?:please )?{_VERB}\b|\b{_VERB}(?:\W+\w+){{0,4}}?\W+(?:video|clip|shot|scene|film|footage|story)\b",
    re.IGNORECASE,
)


def directed(prompt: str) -> str:
    """`prompt` with the phrase before it that tells every engine what the clip is for.

    A remix keeps its video and changes what the prompt says, unless that asks for what comes after it.
    """
    if _GOES_ON.search(prompt):
        return f"Continue from the supplied previous clip. {prompt}"
    return f"Strictly edit the supplied source video. {prompt}"


def parse_remix(values: dict[str, Any], earlier: Task, runtime: Runtime, trace_id: str) -> TaskRequest:
    """The task that makes `earlier` again by a new prompt, with its settings. Raises InvalidRequest."""
    asked = _json.check(Remix, values)
    _json.check_prompt(asked.prompt)
    if earlier.output_key is None:
        raise NotReady("Only a completed video can be remixed")
    model = runtime.catalogue.by_id.get(earlier.model)
    if model is None or NAME not in model.dialects or not model.references:
        raise InvalidRequest("The model of this video makes no remixes any more")
    mode = _mode(model, from_media=True)
    if earlier.resolution not in model.resolutions(mode):
        raise InvalidRequest("The model of this video makes no remixes of its size any more")
    link = runtime.storage.own_link(earlier.output_key, ttl_s=0)
    return TaskRequest(
        id_prefix=ID_PREFIX,
        dialect=NAME,
        model=model,
        mode=mode,
        prompt=directed(asked.prompt),
        aspect_ratio=earlier.aspect_ratio,
        resolution=earlier.resolution,
        duration_s=earlier.duration_s,
        trace_id=trace_id,
        media=(MediaRef(url=link, role="reference", kind="video", field="video", only=("video",)),),
        seed=earlier.seed,
        audio=earlier.audio,
        fixed_lens=earlier.fixed_lens,
        previews=True,
        echo={
            "model": earlier.echo.get("model", model.id),
            "prompt": asked.prompt,
            "remixed_from": earlier.id,
        },
    )
