"""`seedbed mcp`: the tools over standard input and output, in a process of its own, against a running service."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import av
import httpx2
import pytest
from mcp import Client, MCPError, StdioServerParameters

from seedbed import accounts, bridge, db, tasks
from seedbed.engines import offered
from seedbed.settings import Settings
from tests.conftest import Person, served
from tests.engines_for_tests import Clip
from tests.home import ROOT
from tests.test_media_inputs import quarters, written
from tests.workers import at_work

SHORT: dict[str, Any] = {"prompt": "A river", "duration": 4, "resolution": "480p"}


@contextlib.asynccontextmanager
async def agent(url: str, key: str, mode: str = "auto", cwd: Path = ROOT) -> AsyncIterator[Client]:
    """An agent that has started `seedbed mcp` itself."""
    env = dict(os.environ) | {"SEEDBED_URL": url, "SEEDBED_KEY": key, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    command = StdioServerParameters(command=sys.executable, args=["-m", "seedbed", "mcp"], env=env, cwd=str(cwd))
    async with Client(command, mode=mode) as client:
        yield client


async def told(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result
    assert json.loads(result.content[0].text) == result.structured_content  # type: ignore[union-attr]
    found: dict[str, Any] = result.structured_content
    return found


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error, result
    text: str = result.content[0].text  # type: ignore[union-attr]
    return text


@pytest.fixture
async def url(settings: Settings) -> AsyncIterator[str]:
    async with served(settings) as url:
        yield url


async def test_a_film_by_the_embedded_engine_is_saved(
    url: str, alice: Person, settings: Settings, tmp_path: Path, sound: None
) -> None:
    """From a picture on this machine to an MP4 on this machine, through a real render."""
    picture = tmp_path / "a picture.png"
    picture.write_bytes(written(quarters(640, 360), "png"))
    shares: list[float] = []

    async def report(progress: float, total: float | None, message: str | None) -> None:
        shares.append(progress)

    engine = offered("previz")["previz"]
    async with agent(url, alice.key, cwd=tmp_path) as client, at_work(settings, tmp_path, engine):
        asked = SHORT | {"prompt": "The picture comes alive, slow dolly in", "media_urls": ["a picture.png"]}
        assert (await told(client, "quote_video", **asked))["credits"] == 26
        task_id = (await told(client, "generate_video", **asked))["task_id"]
        ended = False
        async with asyncio.timeout(120):
            while not ended:
                waited = await client.call_tool("wait_for_video", {"task_id": task_id}, progress_callback=report)
                ended = waited.structured_content["ended"]
        assert waited.structured_content["status"] == "succeeded", waited
        saved = await told(client, "save_video", task_id=task_id, path="film.mp4")
        resource = await client.read_resource(f"seedbed://videos/{task_id}/video.mp4")
    film = tmp_path / "film.mp4"
    assert saved == {"path": str(film), "size_bytes": film.stat().st_size}
    with av.open(str(film)) as decoded:
        assert sum(1 for _ in decoded.decode(video=0)) == 96
        assert (decoded.streams.video[0].width, decoded.streams.video[0].height) == (854, 480)
    assert resource.contents[0].mime_type == "video/mp4"
    assert [share for share in shares if 0 < share < 1], "progress moves"
    assert [path.name for path in tmp_path.glob("*.part")] == []


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_everything_goes_through(url: str, alice: Person, settings: Settings, tmp_path: Path, mode: str) -> None:
    async with agent(url, alice.key, mode) as client:
        assert client.instructions is not None
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert len(tools) == 10
        assert list(tools["upload_media"].input_schema["properties"]) == ["path"]
        assert tools["generate_video"].input_schema["properties"]["media_urls"]["description"].startswith("Paths of")
        assert (await told(client, "list_models"))["credits_per_usd"] == 128
        accepted = await told(client, "generate_video", **SHORT)
        assert (await told(client, "get_balance"))["credits_held"] == 16
        assert len((await told(client, "list_videos"))["videos"]) == 1
        state = await told(client, "wait_for_video", task_id=accepted["task_id"], timeout_s=1)
        assert not state["ended"]
        assert (await told(client, "get_video", task_id=accepted["task_id"]))["status"] == "queued"
        assert (await told(client, "cancel_video", task_id=accepted["task_id"]))["status"] == "cancelled"
        assert (await refused(client, "generate_video", **SHORT | {"resolution": "4k"})) == (
            "invalid_request: 'resolution' must be one of 480p, 720p, 1080p"
        )
        with pytest.raises(MCPError, match="There is no such tool"):
            await client.call_tool("drop_tables", {})
        guide = (await client.list_resources()).resources[0]
        assert guide.uri == "seedbed://prompt-guide"
        assert (await client.read_resource(guide.uri)).contents[0].text.startswith("# ")  # type: ignore[union-attr]
        assert len((await client.list_resource_templates()).resource_templates) == 3
        with pytest.raises(MCPError, match="Task not found"):
            await client.read_resource("seedbed://videos/mcp_unknown")


async def test_a_call_that_the_agent_gives_up_ends_on_the_service(url: str, alice: Person) -> None:
    async with agent(url, alice.key) as client:
        task_id = (await told(client, "generate_video", **SHORT))["task_id"]
        waiting = asyncio.create_task(client.call_tool("wait_for_video", {"task_id": task_id, "timeout_s": 300}))
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        began = time.monotonic()
        assert (await told(client, "get_balance"))["credits_held"] == 16
        assert time.monotonic() - began < 5


async def test_files_of_this_machine(url: str, alice: Person, pool: db.Pool, tmp_path: Path) -> None:
    picture, secret = tmp_path / "photo.png", tmp_path / "id_rsa.png"
    picture.write_bytes(written(quarters(640, 360), "png"))
    secret.write_text("-----BEGIN OPENSSH PRIVATE KEY-----")
    (tmp_path / "copy.png").write_bytes(picture.read_bytes())
    async with agent(url, alice.key, cwd=tmp_path) as client:
        kept = await told(client, "upload_media", path=str(picture))
        assert kept["kind"] == "image"
        again = await told(client, "upload_media", path=picture.as_uri())
        assert again == kept, "what was sent is not sent again"
        first = await told(
            client, "generate_video", **SHORT, media_urls=["photo.png", "./copy.png"], idempotency_key="a"
        )
        repeat = await told(
            client, "generate_video", **SHORT, media_urls=["copy.png", "photo.png"], idempotency_key="a"
        )
        assert repeat == first, "the same files are the same request"
        for wrong, message in (
            (
                "missing.png",
                f"'media_urls.0': there is no file {tmp_path / 'missing.png'}; give a path on this machine",
            ),
            ("id_rsa.png", f"'media_urls.0': {secret} is no picture, video or sound that is taken"),
            (str(tmp_path), f"'media_urls.0': there is no file {tmp_path};"),
            ("data:image/png;base64,AA", "'media_urls.0': "),
            ("ftp://example.com/a.png", "'media_urls.0': "),
        ):
            text = await refused(client, "generate_video", **SHORT, media_urls=[wrong])
            assert text.startswith(f"invalid_request: {message}"), text
        assert (await refused(client, "upload_media")) == "invalid_request: 'path' is required, as text"
        assert (await refused(client, "upload_media", path=7)) == "invalid_request: 'path' is required, as text"
    async with db.connection(pool) as conn:
        assert await conn.fetchval("SELECT count(*) FROM uploads") == 1, "the secret never left this machine"
        task = await tasks.get(conn, first["task_id"])
    assert [ref.role for ref in task.media] == ["first_frame", "last_frame"]


async def test_a_film_takes_no_other_files_place(
    url: str, alice: Person, settings: Settings, tmp_path: Path, bob: Person
) -> None:
    taken = tmp_path / "taken.mp4"
    taken.write_text("mine")
    async with agent(url, alice.key, cwd=tmp_path) as client:
        task_id = (await told(client, "generate_video", **SHORT))["task_id"]
        text = await refused(client, "save_video", task_id=task_id, path="film.mp4")
        assert text == "invalid_request: The video is queued: there is no file yet"
        async with at_work(settings, tmp_path, Clip()):
            await told(client, "wait_for_video", task_id=task_id)
        for path, message in (
            ("taken.mp4", f"'path': there is a file {taken} already; give another name"),
            ("film.sh", "'path' must name a new .mp4 file in a folder that there is"),
            ("nowhere/film.mp4", "'path' must name a new .mp4 file in a folder that there is"),
        ):
            text = await refused(client, "save_video", task_id=task_id, path=path)
            assert text.startswith(f"invalid_request: {message}"), text
        assert (await refused(client, "save_video", task_id="mcp_x", path="b.mp4")) == "not_found: Task not found"
        await told(client, "save_video", task_id=task_id, path="film.mp4")
    assert taken.read_text() == "mine"
    assert {path.name for path in tmp_path.glob("*.mp4")} == {"taken.mp4", "film.mp4"}
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]
    async with agent(url, bob.key, cwd=tmp_path) as client:
        assert (await refused(client, "save_video", task_id=task_id, path="c.mp4")) == "not_found: Task not found"


async def test_a_service_that_goes_away_and_comes_back(settings: Settings, alice: Person) -> None:
    async with agent(settings.base_url, alice.key) as client:
        with pytest.raises(MCPError, match=f"{settings.base_url} does not answer"):
            await client.list_tools()
        async with served(settings):
            assert (await told(client, "get_balance"))["credits_available"] == 1000
        with pytest.raises(MCPError, match="does not answer"):
            await client.call_tool("get_balance", {})
        async with served(settings):
            assert (await told(client, "get_balance"))["credits_available"] == 1000


async def test_a_key_that_is_no_good(url: str, alice: Person, pool: db.Pool) -> None:
    async with agent(url, accounts.new_secret("open")) as client:
        with pytest.raises(MCPError, match="Invalid API key; send one of this server"):
            await client.list_tools()


async def run(*args: str, **env: str) -> tuple[int, str, str]:
    """`seedbed mcp` on a standard input that is at its end."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SEEDBED_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "seedbed", "mcp", *args),
        env=clean | env,
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode(), err.decode()


async def test_wrong_calls_are_refused_in_words() -> None:
    assert await run() == (
        1,
        "",
        "seedbed: SEEDBED_KEY is not set; make a key with `seedbed key create`, or give --key\n",
    )
    code, out, err = await run("--url", "localhost:8787", SEEDBED_KEY="sd2_live_x")
    assert (code, out) == (1, "")
    assert err == "seedbed: SEEDBED_URL must begin with http:// or https:// (got 'localhost:8787')\n"
    assert await run(SEEDBED_KEY="sd2_live_x") == (0, "", ""), "an agent that has gone"


async def test_our_key_is_shown_to_no_other_server(tmp_path: Path) -> None:
    """The address of a video may lead elsewhere: to a bucket."""
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        moved = b"302 Found\r\nLocation: http://localhost:%d/bucket" % port
        status, body = (b"200 OK", b"film") if b"/bucket" in heads[-1] else (moved, b"")
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (status, len(body), body))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    ours = f"http://127.0.0.1:{port}"
    async with server, httpx2.AsyncClient(headers={"Authorization": "Bearer key"}) as http:
        await bridge.Bridge(ours, http)._download(f"{ours}/files/x", tmp_path / "film")
    assert len(heads) == 2
    assert not [head for head in heads if b"authorization" in head.lower()]
    assert (tmp_path / "film").read_bytes() == b"film"
