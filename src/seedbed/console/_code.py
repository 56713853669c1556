"""A task as a program would ask for it: the call of an API that can say it, in curl, Python and JavaScript.

Pure functions. Which API it is depends on who sells the model; what that API has no word for is named.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from seedbed.catalogue import Catalogue, Model
from seedbed.dialects import ark_v3, open_v1, studio_v1
from seedbed.engines import Role
from seedbed.tasks import Task


@dataclass(frozen=True, slots=True)
class Call:
    """A request of an API, and how its answers name things. `unsaid` is what of the task the request leaves out."""

    api: str
    submit: str
    status: str
    body: dict[str, Any]
    id_field: str
    video: tuple[str, ...]
    going: tuple[str, ...]
    unsaid: tuple[str, ...]


def call_of(task: Task, sold: Catalogue) -> Call | None:
    """The call that asks for `task`, by an API that sells its model; None where there is none that we can write."""
    model = sold.by_id.get(task.model)
    if model is None:
        return None
    calls = [say(task, model) for dialect, say in _SAYERS.items() if dialect in model.dialects]
    return min(calls, key=lambda call: len(call.unsaid), default=None)


def _open_call(task: Task, _: Model) -> Call:
    body: dict[str, Any] = {
        "model": task.model,
        "prompt": task.prompt,
        "aspectRatio": task.aspect_ratio,
        "duration": task.duration_s,
        "resolution": task.resolution,
    }
    if task.media:
        body["mediaUrls"] = [medium.url for medium in task.media]
    unsaid = {
        "seed": task.echo.get("seed") is not None,
        "silence": not task.audio,
        "fixed lens": task.fixed_lens,
        "what each medium is for": [medium.role for medium in task.media] != _roles_by_rule(task),
        "more than 5 media": len(task.media) > open_v1.MEDIA_MAX,
    }
    return Call(
        api="Open API",
        submit=f"{open_v1.PREFIX}/video/generations",
        status=f"{open_v1.PREFIX}/video/generations/",
        body=body,
        id_field="requestId",
        video=("output", "url"),
        going=("queued", "processing"),
        unsaid=_named(unsaid),
    )


def _roles_by_rule(task: Task) -> list[Role]:
    """The roles that number and kinds of the media give them where nobody says: up to two pictures are frames."""
    frames = len(task.media) <= 2 and all(medium.kind in ("image", None) for medium in task.media)
    roles: list[Role] = ["first_frame", "last_frame"]
    return roles[: len(task.media)] if frames else ["reference"] * len(task.media)


def _studio_call(task: Task, model: Model) -> Call:
    body: dict[str, Any] = {
        "mode": _studio_mode(task),
        "quality_tier": model.quality,
        "prompt": task.prompt,
        "aspect_ratio": task.aspect_ratio,
        "duration": str(task.duration_s),
        "resolution": task.resolution,
        "generate_audio": task.audio,
        "fixed_lens": task.fixed_lens,
    }
    if task.channel != "standard":
        body["channel"] = task.channel
    takes_seed = model.quality != "mini" and task.channel != "real"
    if takes_seed:
        body["seed"] = task.seed
    for medium in task.media:
        if medium.role == "reference":
            body.setdefault("media_urls", []).append(medium.url)
        else:
            body[{"first_frame": "image_url", "last_frame": "end_image_url"}[medium.role]] = medium.url
    unsaid = {
        "seed": task.echo.get("seed") is not None and not takes_seed,
        "sounds among the references": any(medium.kind == "audio" for medium in task.media),
    }
    return Call(
        api="Studio API",
        submit=f"{studio_v1.PREFIX}/video/seedance2",
        status=f"{studio_v1.PREFIX}/tasks/",
        body=body,
        id_field="id",
        video=("output", "video_url"),
        going=("processing",),
        unsaid=_named(unsaid),
    )


def _ark_call(task: Task, _: Model) -> Call:
    content: list[dict[str, Any]] = [{"type": "text", "text": task.prompt}]
    for medium in task.media:
        kind = medium.kind or "image"
        role = f"reference_{kind}" if medium.role == "reference" else medium.role
        content.append({"type": f"{kind}_url", f"{kind}_url": {"url": medium.url}, "role": role})
    body = {
        "model": task.model,
        "content": content,
        "ratio": task.aspect_ratio,
        "duration": task.duration_s,
        "resolution": task.resolution,
        "seed": task.seed,
        "generate_audio": task.audio,
        "camera_fixed": task.fixed_lens,
    }
    mixed = {medium.role == "reference" for medium in task.media} == {True, False}
    return Call(
        api="Ark API",
        submit=f"{ark_v3.PREFIX}/contents/generations/tasks",
        status=f"{ark_v3.PREFIX}/contents/generations/tasks/",
        body=body,
        id_field="id",
        video=("content", "video_url"),
        going=("queued", "running"),
        unsaid=_named({"frames together with references": mixed}),
    )


def _studio_mode(task: Task) -> str:
    if any(medium.role == "reference" for medium in task.media):
        return "media-to-video"
    return "image-to-video" if task.media else "text-to-video"


def _named(unsaid: dict[str, bool]) -> tuple[str, ...]:
    return tuple(name for name, there in unsaid.items() if there)


_SAYERS: dict[str, Callable[[Task, Model], Call]] = {"open": _open_call, "studio": _studio_call, "ark": _ark_call}


# In three languages ----------------------------------------------------------------------------------------------


def curl(call: Call, base_url: str) -> str:
    """For a shell. The key is read from SEEDBED_KEY."""
    body = json.dumps(call.body, ensure_ascii=False, indent=2)
    return (
        f"curl {shlex.quote(base_url + call.submit)} \\\n"
        '  -H "Authorization: Bearer $SEEDBED_KEY" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)}"
    )


def python(call: Call, base_url: str) -> str:
    """With `requests`: submits, waits for the end, prints the video's address."""
    body = _python_literal(call.body)
    found = "".join(f"[{part!r}]" for part in call.video).replace("'", '"')
    going = ", ".join(f'"{state}"' for state in call.going)
    return f'''import os
import time

import requests

base = {json.dumps(base_url)}
headers = {{"Authorization": "Bearer " + os.environ["SEEDBED_KEY"]}}
body = {body}
answer = requests.post(base + "{call.submit}", json=body, headers=headers, timeout=60)
answer.raise_for_status()
task_id = answer.json()["{call.id_field}"]
while True:
    answer = requests.get(base + "{call.status}" + task_id, headers=headers, timeout=60)
    answer.raise_for_status()
    task = answer.json()
    if task["status"] not in ({going},):
        break
    time.sleep(3)
print(task{found} if task["status"] in ("succeeded", "completed") else task)
'''


def javascript(call: Call, base_url: str) -> str:
    """For Node.js 18 or later, as a module."""
    body = json.dumps(call.body, ensure_ascii=False, indent=2)
    found = (
        "".join(f".{part}" for part in call.video).replace(".output.", ".output?.").replace(".content.", ".content?.")
    )
    return f"""const base = {json.dumps(base_url)};
const headers = {{ Authorization: `Bearer ${{process.env.SEEDBED_KEY}}`, "Content-Type": "application/json" }};
const body = {body};

async function ask(path, options) {{
  const answer = await fetch(base + path, {{ headers, ...options }});
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}}

const {{ {call.id_field}: taskId }} = await ask("{call.submit}", {{ method: "POST", body: JSON.stringify(body) }});
let task;
do {{
  await new Promise((go) => setTimeout(go, 3000));
  task = await ask("{call.status}" + taskId);
}} while ({json.dumps(list(call.going))}.includes(task.status));
console.log(task{found}, task.error);
"""


def _python_literal(value: dict[str, Any]) -> str:
    """JSON as Python writes it, one field a line. JSON's text is Python's too, but for its three names."""
    names = {True: "True", False: "False", None: "None"}
    lines = []
    for name, each in value.items():
        text = names[each] if each is None or isinstance(each, bool) else json.dumps(each, ensure_ascii=False)
        lines.append(f"    {json.dumps(name)}: {text},\n")
    return "{\n" + "".join(lines) + "}"


LANGUAGES: dict[str, Callable[[Call, str], str]] = {"curl": curl, "Python": python, "JavaScript": javascript}
"""What programs are written in here, the simplest first."""
