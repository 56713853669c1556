"""The command line beside a running service: accounts, keys, videos, webhooks, and Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from seedbed import accounts, ledger
from tests.client.proxy import HOLD, PASS, between
from tests.home import ROOT, Home, balance, wait
from tests.media_samples import quarters, written
from tests.webhook_receivers import check_signatures, receiving, told, until


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """`seedbed serve` with an embedded database and an engine that answers at once, or says no."""
    home = Home(tmp_path_factory.mktemp("home"))
    home.more = {"SEEDBED_ENGINES": "previz=tests.engines_for_tests:Broken", "SEEDBED_TRUSTED_HOSTS": "127.0.0.1"}
    out, err = home.folder / "out", home.folder / "err"
    with out.open("w") as stdout, err.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "seedbed", "serve", "--port", "0"],
            env=home.environment(SEEDBED_LOG_FORMAT="json"),
            cwd=ROOT,
            stdout=stdout,
            stderr=stderr,
        )
    try:
        wait(lambda: _answers(home), lambda: f"{process.poll()} {err.read_text()}")
        home.key = out.read_text().strip()
        found = re.search(r"^  (http\S+/link/\S+)$", err.read_text(), re.MULTILINE)
        assert found, err.read_text()
        home.link = found[1]
        yield home
    finally:
        process.terminate()
        assert process.wait(60) == 0, err.read_text()
    assert out.read_text() == f"{home.key}\n", "the key alone is on stdout"
    assert home.key not in err.read_text().partition("Try:")[0]
    assert re.findall(r"^  (http\S+/link/\S+)$", err.read_text(), re.MULTILINE) == [home.link], "the link, once"


def _answers(home: Home) -> bool:
    with contextlib.suppress(OSError, ValueError, httpx2.HTTPError):
        home.url = json.loads((home.folder / "running.json").read_text())["url"]
        return httpx2.get(f"{home.url}/readyz").is_success
    return False


def test_the_first_start_shows_a_key_once(service: Home) -> None:
    assert accounts.well_formed(service.key)
    first = service.json("account", "list")[0]
    assert (first["email"], first["is_admin"]) == ("admin@localhost", True)


def test_the_first_start_shows_a_link_to_the_console(service: Home) -> None:
    assert service.link.startswith(f"{service.url}/link/")
    page = httpx2.get(service.link)
    assert page.status_code == 200
    assert "its administrator" in page.text
    assert 'value="admin@localhost"' in page.text


def test_accounts_and_keys_beside_the_service(service: Home) -> None:
    number = service.ok("account", "create", "Alice@Example.com", "--credits", "50").strip()
    assert number.isdigit()
    key = service.ok("key", "create", "--account", "alice@example.com", "--name", "laptop", "--monthly", "7").strip()
    assert accounts.well_formed(key)
    assert balance(service, key) == 50
    assert service.ok("credit", "grant", "alice@example.com", "25", "--note", "invoice 17") == "75\n"
    assert balance(service, key) == 75
    [listed] = service.json("key", "list", "--account", "alice@example.com")
    assert key not in service.ok("key", "list")
    assert (listed["name"], listed["api"], listed["per_minute"], listed["monthly"]) == ("laptop", "open", 600, 7)
    assert listed["last_used_at"] is not None
    assert key not in json.dumps(listed)
    rotated = service.ok("key", "rotate", str(listed["id"])).strip()
    assert (balance(service, key), balance(service, rotated)) == ("unauthorized", 75)
    assert service.ok("key", "revoke", str(listed["id"])) == ""
    assert balance(service, rotated) == "unauthorized"
    assert "There is no live key" in service.refused("key", "rotate", str(listed["id"]))
    assert "There is an account" in service.refused("account", "create", "alice@example.com")
    [account] = [row for row in service.json("account", "list") if row["email"] == "alice@example.com"]
    assert (account["available_credits"], account["held_credits"]) == (75, 0)
    audited = service.run("credit", "audit")
    assert (audited.returncode, audited.stdout) == (0, "")
    assert f"{len(ledger.CHECKS)} rules proved" in audited.stderr


def test_a_studio_key_opens_another_api(service: Home) -> None:
    key = service.ok("key", "create", "--account", "admin@localhost", "--api", "studio").strip()
    assert key.startswith("sk_live_")
    assert balance(service, key) == "unauthorized"


def test_a_video_from_the_command_line(service: Home, tmp_path: Path) -> None:
    small = ("--duration", "4", "--resolution", "480p", "--url", service.url)
    target = tmp_path / "new" / "river.mp4"
    told_path = service.ok("generate", "A river", *small, "--key", service.key, "-o", str(target))
    assert told_path == f"{target}\n"
    assert target.read_bytes()[4:8] == b"ftyp"
    assert [path.name for path in target.parent.iterdir()] == ["river.mp4"]
    planned = service.run("generate", "planned", *small, "--key", service.key, "-o", str(target))
    assert "understood: setting forest, season autumn, aerial\n" in planned.stderr
    assert "            not known: zorblat\n" in planned.stderr
    said = service.refused("generate", "refuse it", *small, SEEDBED_KEY=service.key, SEEDBED_URL=service.url)
    assert "The engine cannot draw this" in said
    assert "'duration' must be one of" in service.refused(
        "generate", "x", "--duration", "99", "--url", service.url, "--key", service.key
    )
    assert "Invalid API key" in service.refused("generate", "x", "--url", service.url, "--key", "nonsense")
    assert "SEEDBED_KEY is not set" in service.refused("generate", "x", "--url", service.url)


def test_a_task_is_shown(service: Home, tmp_path: Path) -> None:
    small = ("--duration", "4", "--resolution", "480p", "--url", service.url, "--key", service.key)
    service.ok("generate", "planned [b]prompt[/b]", *small, "-o", str(tmp_path / "v.mp4"))
    auth = {"Authorization": f"Bearer {service.key}"}
    one = httpx2.get(f"{service.url}/api/open/v1/video/generations?limit=1", headers=auth).json()["data"][0]
    found = service.json("task", "show", one["requestId"])
    assert (found["status"], found["size"], found["seed"] >= 0) == ("succeeded", "854x480", True)
    assert found["prompt_plan"]["season"] == "autumn"
    assert found["last_frame_url"] is None, "the Open API does not show it, so it is not made"
    assert found["video_url"].rpartition("/files/")[2] == one["output"]["url"].rpartition("/files/")[2]
    shown = service.ok("task", "show", one["requestId"]).splitlines()
    assert "prompt          planned [b]prompt[/b]" in shown
    assert "understood      setting forest, season autumn, aerial" in shown
    assert "                not known: zorblat" in shown
    assert [line for line in shown if "processing (attempt 1)" in line]
    assert service.refused("task", "show", "req_unknown") == "seedbed: No such task\n"


def test_a_video_that_cannot_be_paid(service: Home) -> None:
    service.ok("account", "create", "poor@example.com")
    key = service.ok("key", "create", "--account", "poor@example.com").strip()
    assert "needs 40 credits and 0 are available" in service.refused(
        "generate", "x", "--url", service.url, "--key", key
    )


def test_ctrl_c_cancels_the_video(service: Home) -> None:
    key = service.ok("key", "create", "--account", "admin@localhost").strip()
    before = balance(service, key)
    process = subprocess.Popen(
        [sys.executable, "-m", "seedbed", "generate", "wait", "--url", service.url],
        env=service.environment(SEEDBED_KEY=key),
        # A test run in the background ignores Ctrl-C, and so would its children.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    headers = {"Authorization": f"Bearer {key}"}

    def status() -> str:
        tasks = httpx2.get(f"{service.url}/api/open/v1/video/generations", headers=headers).json()["data"]
        return str(tasks[0]["status"]) if tasks else ""

    assert process.stderr is not None
    assert process.stderr.readline().startswith("accepted req_")
    wait(lambda: status() == "processing")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode not in (0, None)
    assert out == ""
    assert "its credits are given back" in err
    assert status() == "cancelled"
    assert balance(service, key) == before


def test_local_files_and_the_fields_of_the_studio_api(service: Home, tmp_path: Path) -> None:
    key = service.ok("key", "create", "--account", "admin@localhost", "--api", "studio").strip()
    picture, film, frame = tmp_path / "photo.png", tmp_path / "film.mp4", tmp_path / "last.png"
    picture.write_bytes(written(quarters(), "PNG"))
    here = ("--url", service.url, "--key", key, "-o", str(film))
    fields = ("--seed", "7", "--channel", "wild", "--fixed-lens", "--silent", "--last-frame", str(frame))
    done = service.run("generate", "planned", "--media", str(picture), *here, "--duration", "4", *fields)
    assert (done.returncode, done.stdout) == (0, f"{film}\n"), done.stderr
    assert f"uploaded {picture} (image, 0.0 MB)\naccepted sd2_" in done.stderr
    assert "understood: setting forest" in done.stderr
    assert film.read_bytes()[4:8] == b"ftyp"
    assert frame.read_bytes().startswith(b"\x89PNG")
    [task_id] = re.findall(r"accepted (\w+) for 24 credits", done.stderr)
    found = service.json("task", "show", task_id)
    assert (found["api"], found["seed"], found["mode"]) == ("studio", 7, "image_to_video")
    assert [medium.partition(":")[0] for medium in found["media"]] == ["first_frame"]
    film.unlink()
    assert service.ok("fetch", task_id, *here) == f"{film}\n"
    assert film.read_bytes()[4:8] == b"ftyp"


def test_what_cannot_be_made_is_said_before_anything_is_bought(service: Home, tmp_path: Path) -> None:
    studio = service.ok("key", "create", "--account", "admin@localhost", "--api", "studio").strip()
    key = service.ok("key", "create", "--account", "admin@localhost").strip()
    before = balance(service, key)
    cases = [
        (key, ("--tier", "pro"), "--tier is of the Studio API, whose keys begin with sk_live_"),
        (key, ("--fixed-lens",), "--fixed-lens is of the Studio API"),
        (studio, ("--model", "seedance-2.0"), "--model is of the Open API, and this key"),
        (key, ("--media", str(tmp_path / "nothing.png")), "nothing.png could not be read: No such file"),
        (key, ("-o", str(tmp_path)), "is a folder; name the file"),
        (key, ("-o", "/dev/null/video.mp4"), "/dev/null cannot be made: "),
        ("ключ", (), "The API key holds characters that no key has"),
    ]
    for each, args, words in cases:
        assert words in service.refused("generate", "x", "--url", service.url, "--key", each, *args)
    assert "must begin with https://" in service.refused("generate", "x", "--url", "localhost", "--key", key)
    said = service.refused("fetch", "req_unknown", "--url", service.url, "--key", key)
    assert said.endswith("seedbed: Task not found\n"), "and nothing of getting it later"
    assert balance(service, key) == before


async def test_ctrl_c_of_what_cannot_be_cancelled_says_how_to_get_it(service: Home, tmp_path: Path) -> None:
    command = ("key", "create", "--account", "admin@localhost", "--api", "studio")
    key = (await asyncio.to_thread(service.ok, *command)).strip()
    async with between(service.url, PASS, HOLD) as proxy:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "seedbed", "generate", "A river", "--duration", "4", "--url", proxy.url),
            env=service.environment(SEEDBED_KEY=key),
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await until(lambda: len(proxy.heads) == 2)
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode not in (0, None)
    assert out == b""
    [task_id] = re.findall(r"accepted (sd2_\w+) for 24 credits", err.decode())
    assert f"{task_id} cannot be cancelled by this API; get the video later: seedbed fetch {task_id}\n" in err.decode()
    film = tmp_path / "film.mp4"
    later = ("fetch", task_id, "-o", str(film), "--url", service.url, "--key", key)
    assert await asyncio.to_thread(service.ok, *later) == f"{film}\n"


async def test_ctrl_c_before_the_answer_buys_nothing(service: Home) -> None:
    """The submission is carried out and its answer does not come: who gives up then must not pay."""
    key = service.ok("key", "create", "--account", "admin@localhost").strip()
    before = balance(service, key)
    async with between(service.url, HOLD) as proxy:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "seedbed", "generate", "wait", "--url", proxy.url),
            env=service.environment(SEEDBED_KEY=key),
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with httpx2.AsyncClient(base_url=service.url, headers={"Authorization": f"Bearer {key}"}) as client:

            async def statuses() -> list[str]:
                found = (await client.get("/api/open/v1/video/generations")).json()["data"]
                return [task["status"] for task in found]

            await until(lambda: _is(statuses, ["processing"]), timeout_s=60)
            process.send_signal(signal.SIGINT)
            out, err = await asyncio.wait_for(process.communicate(), 60)
            assert (out, await statuses()) == (b"", ["cancelled"]), err
    assert process.returncode != 0
    assert b"its credits are given back" in err
    assert balance(service, key) == before
    keys = {re.search(r"idempotency-key: (\w+)", head, re.IGNORECASE)[1] for head in proxy.heads[:2]}  # type: ignore[index]
    assert len(keys) == 1


async def _is(ask: Callable[[], Awaitable[object]], expected: object) -> bool:
    return await ask() == expected


async def test_webhooks_from_the_command_line(service: Home) -> None:
    async def run(*args: str) -> str:
        return await asyncio.to_thread(service.ok, *args)

    async with receiving() as receiver:
        await run("account", "create", "hook@example.com", "--credits", "100")
        secret = ("--webhook-url", receiver.url, "--webhook-secret", "s3cret")
        key = (await run("key", "create", "--account", "hook@example.com", *secret)).strip()
        async with httpx2.AsyncClient(base_url=service.url, headers={"Authorization": f"Bearer {key}"}) as api:
            body = {"model": "seedance-2.0", "prompt": "x", "duration": 4, "resolution": "480p"}
            made = (await api.post("/api/open/v1/video/generations", json=body)).json()["requestId"]
            [first] = await receiver.wait(1)
            assert orjson.loads(first.body)["requestId"] == made
            check_signatures(first, "s3cret")

            async def listed() -> Any:
                return json.loads(await run("webhook", "list", "--task", made, "--json"))

            async def state(wanted: str) -> bool:
                return bool((await listed())[0]["state"] == wanted)

            await until(lambda: state("delivered"))
            [delivery] = await listed()
            assert (delivery["tries"], delivery["status"], delivery["url"]) == (1, 200, receiver.url)
            receiver.answers.append(told(410))
            assert await run("webhook", "redeliver", delivery["id"]) == ""
            _, again = await receiver.wait(2)
            assert (again.body, again.headers["webhook-id"]) == (first.body, delivery["id"])
            await until(lambda: state("off"))
            assert await run("webhook", "enable", "hook@example.com", receiver.url) == ""
            said = await asyncio.to_thread(service.refused, "webhook", "enable", "hook@example.com", receiver.url)
            assert "is not turned off" in said


def test_a_second_service_is_told_who_has_the_folder(service: Home) -> None:
    pid = json.loads((service.folder / "running.json").read_text())["pid"]
    said = service.refused("serve", "--port", "0")
    assert str(pid) in said
    assert _answers(service)


def test_a_port_that_is_taken(service: Home, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = Home(tmp_path).refused("serve", "--port", port)
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use; choose another with --port" in said
    assert not (tmp_path / "postgres").exists(), "nothing was started"


def test_a_doctor_finds_a_good_service_good(service: Home) -> None:
    findings = {row["check"]: row for row in service.json("doctor")}
    assert {row["state"] for row in findings.values()} == {"ok"}
    assert findings.keys() == {
        "disk",
        "catalogue",
        "payments",
        "sign-in",
        "engines",
        "storage",
        "database",
        "ledger",
        "tasks",
        "workers",
    }
    assert "1 workers" in findings["workers"]["detail"]
