"""`seedbed generate` and `seedbed demo`: a video from a prompt, with a progress bar."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from seedbed import views
from seedbed.client import Client, ClientError, Generation
from seedbed.errors import ConfigError, SeedbedError
from seedbed.settings import PREFIX, Settings

PROMPT = "A river flowing through an autumn forest, aerial view, cinematic motion"
DEMO_FIELDS = {"model": "seedance-2.0", "duration": 5, "aspectRatio": "16:9", "resolution": "720p"}
READY_S = 120.0


class GenerationFailed(SeedbedError):
    """The video was not made; the message says why. Its credits were given back."""


def make(url: str, key: str, prompt: str, fields: dict[str, Any], output: Path | None, said: Console) -> Path:
    """Submit, wait and save. Returns the file's path (`<task id>.mp4` by default). Ctrl-C cancels the task.

    Raises GenerationFailed when the task did not succeed, ConfigError when the service refuses or is away.
    """
    try:
        with Client(url, key) as client:
            once = uuid.uuid4().hex
            try:
                task_id, charged = client.create(prompt, once=once, **fields)
                said.print(f"accepted [bold]{task_id}[/] for {charged} credits")
                done = _wait(client, task_id, said)
            except KeyboardInterrupt:
                # The answer may be on its way still: the same submission again tells what became of the first.
                task_id, _ = client.create(prompt, once=once, **fields)
                client.cancel(task_id)
                said.print(f"cancelled {task_id}; its credits are given back")
                raise
            if done.url is None:
                raise GenerationFailed(f"{task_id} {done.status}: {done.error or 'no reason given'}")
            path = (output or Path(f"{task_id}.mp4")).absolute()
            path.parent.mkdir(parents=True, exist_ok=True)
            client.download(done.url, path)
            _tell_plan(client, task_id, said)
            return path
    except ClientError as error:
        raise ConfigError(str(error)) from None


def _tell_plan(client: Client, task_id: str, said: Console) -> None:
    """What was understood of the prompt. One that cannot be told costs nobody the video."""
    with contextlib.suppress(ClientError):
        for number, line in enumerate(views.understood(client.plan(task_id) or {})):
            said.print("understood: " if number == 0 else "            ", end="")
            said.print(line, markup=False, soft_wrap=True)


def _wait(client: Client, task_id: str, said: Console) -> Generation:
    """Wait with a progress bar."""
    columns = (TextColumn("{task.description:<11}"), BarColumn(bar_width=40), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=said) as bar:
        row = bar.add_task("queued", total=1.0)

        def seen(found: Generation) -> None:
            bar.update(row, description=found.status, completed=found.progress)

        return client.wait(task_id, seen=seen)


# The demo ----------------------------------------------------------------------------------------------------


def demo(settings: Settings, output: Path, said: Console) -> Path:
    """Start the service on a free port, make the documents' first video through it, and stop it again."""
    said.print(f"[bold]Seedbed[/] makes a video of: [italic]{PROMPT}[/]\n")
    with _service(settings, said) as url:
        key = _key(settings)
        path = make(url, key, PROMPT, DEMO_FIELDS, output, said)
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
