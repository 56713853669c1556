"""`seedbed generate`, `seedbed fetch` and `seedbed demo`: a video from a prompt, with a progress bar."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import httpx2
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from seedbed import views
from seedbed.client import (
    Accepted,
    ClientError,
    InvalidRequest,
    NotFound,
    OpenClient,
    OpenFields,
    StudioClient,
    StudioFields,
    StudioTask,
    Task,
    TaskFailed,
    Unauthorized,
)
from seedbed.errors import ConfigError, SeedbedError
from seedbed.settings import PREFIX, Settings

PROMPT = "A river flowing through an autumn forest, aerial view, cinematic motion"
STUDIO_KEY = "sk_live_"
OPEN_ONLY = ("model",)
STUDIO_ONLY = ("tier", "channel", "seed", "fixed_lens", "silent", "last_frame")
CLIPS = frozenset({".mp4", ".mov", ".m4v", ".mp3", ".wav"})
READY_S = 120.0

Client = OpenClient | StudioClient


class GenerationFailed(SeedbedError):
    """The video was not made; the message says why. Its credits were given back."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the options of `seedbed generate` ask for. None, and False for a switch, is what was not said."""

    media: tuple[str, ...] = ()
    duration: int | None = None
    ratio: str | None = None
    resolution: str | None = None
    model: str | None = None
    tier: str | None = None
    channel: str | None = None
    seed: int | None = None
    fixed_lens: bool = False
    silent: bool = False
    last_frame: Path | None = None

    def check(self, names: tuple[str, ...], words: str) -> None:
        """Raises ConfigError where one of `names`, which this key's API does not have, was said."""
        for name in names:
            if getattr(self, name) not in (None, False):
                raise ConfigError(f"--{name.replace('_', '-')} {words}")

    def for_open(self, media: list[str]) -> OpenFields:
        fields: OpenFields = {
            "media": media or None,
            "duration_s": self.duration,
            "aspect_ratio": self.ratio,
            "resolution": self.resolution,
        }
        if self.model is not None:
            fields["model"] = self.model
        return fields

    def for_studio(self, media: list[str]) -> StudioFields:
        """One or two pictures are the first and the last frame, as in the Open API; anything else is a reference."""
        frames = len(media) <= 2 and not any(is_clip(address) for address in media)
        return {
            "image": media[0] if frames and media else None,
            "end_image": media[1] if frames and len(media) == 2 else None,
            "media": None if frames else media,
            "duration_s": self.duration,
            "aspect_ratio": self.ratio,
            "resolution": self.resolution,
            "quality_tier": self.tier,
            "channel": self.channel,
            "seed": self.seed,
            "fixed_lens": self.fixed_lens or None,
            "generate_audio": False if self.silent else None,
        }


def is_clip(address: str) -> bool:
    """Whether an address is named as a video or a sound."""
    return PurePosixPath(urlsplit(address).path).suffix.lower() in CLIPS


def make(url: str, key: str, prompt: str, wanted: Wanted, output: Path | None, said: Console) -> Path:
    """Submit, wait and save. Returns the file's path (`<task id>.mp4` by default).

    Local files among the media are uploaded first. Ctrl-C cancels the task where its API can, and else says how
    to get it later. Raises GenerationFailed when the task did not succeed, ConfigError when the service refuses
    or is away.
    """
    _check_place(output)
    with _connected(url, key) as client:
        submit, once = _submission(client, prompt, wanted, said), uuid.uuid4().hex
        task_id = None
        try:
            accepted = submit(once)
            task_id = accepted.id
            said.print(f"accepted [bold]{task_id}[/] for {accepted.credits} credits")
            return _collect(client, task_id, output, wanted.last_frame, said)
        except KeyboardInterrupt:
            # The answer may be on its way still: the same submission again tells what became of the first.
            _leave(client, task_id or submit(once).id, said)
            raise


def fetch(url: str, key: str, task_id: str, output: Path | None, said: Console) -> Path:
    """Wait for a task that was asked for before, and save it. Ctrl-C leaves it alone. Raises what `make` raises."""
    _check_place(output)
    with _connected(url, key) as client:
        return _collect(client, task_id, output, None, said)


@contextmanager
def _connected(url: str, key: str) -> Iterator[Client]:
    """The client that the key is for. What goes wrong is said for whoever sits at the terminal."""
    kind = StudioClient if key.startswith(STUDIO_KEY) else OpenClient
    try:
        with kind(url, key) as client:
            yield client
    except TaskFailed as error:
        raise GenerationFailed(str(error)) from None
    except ClientError as error:
        # Of what is refused for good, another time makes no difference.
        passes = error.task_id and not isinstance(error, NotFound | Unauthorized | InvalidRequest)
        later = f"; get the video later: seedbed fetch {error.task_id}" if passes else ""
        raise ConfigError(f"{error}{later}") from None


def _check_place(output: Path | None) -> None:
    """A video that cannot be saved is not bought."""
    if output is None:
        return
    try:
        output.absolute().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{output.parent} cannot be made: {error.strerror}") from None
    if output.is_dir():
        raise ConfigError(f"{output} is a folder; name the file")


def _submission(client: Client, prompt: str, wanted: Wanted, said: Console) -> Callable[[str], Accepted]:
    """What buys `wanted` under an Idempotency-Key, the same bytes each time."""
    if isinstance(client, StudioClient):
        wanted.check(OPEN_ONLY, f"is of the Open API, and this key, which begins with {STUDIO_KEY}, is not")
        studio_fields = wanted.for_studio(_addresses(client, wanted.media, said))
        return lambda once: client.create(prompt, once=once, **studio_fields)
    wanted.check(STUDIO_ONLY, f"is of the Studio API, whose keys begin with {STUDIO_KEY}")
    open_fields = wanted.for_open(_addresses(client, wanted.media, said))
    return lambda once: client.create(prompt, once=once, **open_fields)


def _addresses(client: Client, media: tuple[str, ...], said: Console) -> list[str]:
    """The address of each medium; what is on this machine's own disk is uploaded."""
    found = []
    for medium in media:
        if "://" in medium:
            found.append(medium)
            continue
        with said.status(f"uploading {medium}"):
            kept = client.upload(Path(medium).expanduser())
        said.print(f"uploaded {medium} ({kept.kind}, {kept.size_bytes / 1e6:.1f} MB)", markup=False)
        found.append(kept.url)
    return found


def _collect(client: Client, task_id: str, output: Path | None, last_frame: Path | None, said: Console) -> Path:
    """Wait for a task and save its video, with a progress bar. Errors name the task."""
    path = (output or Path(f"{task_id}.mp4")).absolute()
    columns = (TextColumn("{task.description:<11}"), BarColumn(bar_width=40), TaskProgressColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=said) as bar:
            row = bar.add_task("queued", total=1.0)

            def seen(found: Task) -> None:
                bar.update(row, description=found.status, completed=found.progress)

            done = client.wait(task_id, seen=seen)
            if not done.succeeded:
                raise TaskFailed(done)
            assert done.url is not None
            client.download(done.url, path)
            if last_frame is not None and isinstance(done, StudioTask) and done.last_frame_url is not None:
                client.download(done.last_frame_url, last_frame)
    except ClientError as error:
        error.task_id = task_id
        raise
    _tell_plan(client, task_id, said)
    return path


def _leave(client: Client, task_id: str, said: Console) -> None:
    """Cancel the task, or say how to get it later where that cannot be."""
    try:
        if isinstance(client, OpenClient):
            client.cancel(task_id)
            said.print(f"cancelled {task_id}; its credits are given back")
            return
        reason = "cannot be cancelled by this API"
    except ClientError as error:
        reason = f"is not cancelled: {error}"
    said.print(f"{task_id} {reason}; get the video later: seedbed fetch {task_id}", markup=False, soft_wrap=True)


def _tell_plan(client: Client, task_id: str, said: Console) -> None:
    """What was understood of the prompt. One that cannot be told costs nobody the video."""
    with contextlib.suppress(ClientError):
        for number, line in enumerate(views.understood(client.plan(task_id) or {})):
            said.print("understood: " if number == 0 else "            ", end="")
            said.print(line, markup=False, soft_wrap=True)


# The demo ----------------------------------------------------------------------------------------------------


DEMO = Wanted(model="seedance-2.0", duration=5, ratio="16:9", resolution="720p")


def demo(settings: Settings, output: Path, said: Console) -> Path:
    """Start the service on a free port, make the documents' first video through it, and stop it again."""
    said.print(f"[bold]Seedbed[/] makes a video of: [italic]{PROMPT}[/]\n")
    with _service(settings, said) as url:
        key = _key(settings)
        path = make(url, key, PROMPT, DEMO, output, said)
    size_mb = path.stat().st_size / 1e6
    said.print(f"\nYour video ({size_mb:.1f} MB, 1280x720, 5 s) is at [bold]{path}[/]")
    said.print("Next:  [bold]make serve[/]  runs the service;  README.md shows how to call it\n")
    return path


@contextmanager
def _service(settings: Settings, said: Console) -> Iterator[str]:
    """A running service on a free port of this machine, for as long as the block lasts."""
    log_path = settings.data_dir / "demo.log"
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("wb") as log, said.status("starting the service") as status:
        process = subprocess.Popen(
            [sys.executable, "-m", "seedbed", "serve", "--port", "0"],
            env=os.environ | {f"{PREFIX}DATA_DIR": str(settings.data_dir.absolute())},
            stdout=log,
            stderr=log,
        )
        try:
            url = _ready(process, settings.data_dir, log_path)
            status.stop()
            said.print(f"the service answers at {url}")
            yield url
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()


def _ready(process: subprocess.Popen[bytes], data_dir: Path, log_path: Path) -> str:
    """The service's address, once a worker is seen. Raises ConfigError with the end of its log."""
    end = time.monotonic() + READY_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError, ValueError, KeyError, httpx2.HTTPError):
            running = json.loads((data_dir / "running.json").read_text())
            if running["pid"] == process.pid and httpx2.get(f"{running['url']}/readyz").is_success:
                return str(running["url"])
        time.sleep(0.1)
    tail = log_path.read_text(errors="replace")[-2000:]
    raise ConfigError(f"the service did not start; the end of {log_path}:\n{tail}")


def _key(settings: Settings) -> str:
    """A fresh key for the demo, on the admin's account."""
    command = [sys.executable, "-m", "seedbed", "key", "create", "--account", "admin@localhost", "--name", "demo"]
    done = subprocess.run(
        command,
        env=os.environ | {f"{PREFIX}DATA_DIR": str(settings.data_dir.absolute())},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ConfigError(done.stderr.strip())
    return done.stdout.strip()
