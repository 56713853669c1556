"""The outbound client against real sockets on this machine: posts, downloads, and receivers that misbehave."""

from __future__ import annotations

import asyncio
import gc
import gzip
import os
import socket
from collections import Counter
from pathlib import Path

import pytest

from seedbed import outbound
from seedbed.outbound import PublicClient
from tests.receivers import BODY, receiving, response, trusting


def open_sockets() -> int:
    """How many sockets this process holds."""
    gc.collect()
    links = (os.path.join("/proc/self/fd", fd) for fd in os.listdir("/proc/self/fd"))
    return sum(os.readlink(link).startswith("socket:") for link in links if os.path.lexists(link))


# POST ----------------------------------------------------------------------------------------------


async def test_post_sends_what_it_was_given_and_little_else() -> None:
    async with (
        receiving(response(201, b"thanks", Set_Cookie="a=b", X_Two="1")) as receiver,
        trusting(receiver) as client,
    ):
        reply = await client.post(receiver.url + "?a=b", BODY, {"Content-Type": "application/json", "webhook-id": "m1"})
        again = await client.post(receiver.url, BODY)
    assert (reply.status, reply.body_prefix, again.status) == (201, b"thanks", 201)
    assert reply.headers["x-two"] == "1"
    head, _, body = receiver.requests[0].partition(b"\r\n\r\n")
    assert body == BODY
    assert head.decode().split("\r\n") == [
        "POST /hook?a=b HTTP/1.1",
        f"Host: {receiver.netlocs[0]}",
        f"User-Agent: seedbed/{outbound.__version__}",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
        f"Content-Length: {len(BODY)}",
        "Content-Type: application/json",
        "webhook-id: m1",
    ]
    assert b"cookie" not in receiver.requests[1].lower()


async def test_a_header_cannot_be_smuggled_in() -> None:
    async with receiving(response()) as receiver, trusting(receiver) as client:
        with pytest.raises(Exception, match="Illegal header value"):
            await client.post(receiver.url, BODY, {"X-A": "1\r\nX-B: 2"})
    assert receiver.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_post_never_follows_a_redirect(status: int) -> None:
    async with (
        receiving(response()) as elsewhere,
        receiving(response(status, Location=elsewhere.url)) as receiver,
        trusting(receiver, elsewhere) as client,
    ):
        reply = await client.post(receiver.url, BODY)
    assert (reply.status, reply.headers["location"]) == (status, elsewhere.url)
    assert (len(receiver.dialled), elsewhere.dialled) == (1, [])


async def test_ask_brings_all_of_an_answer_up_to_its_bound() -> None:
    long = os.urandom(3 * outbound.BODY_PREFIX_BYTES)
    async with (
        receiving(response(200, long)) as receiver,
        receiving(response(302, b"no", Location=receiver.url)) as mover,
        trusting(receiver, mover) as client,
    ):
        got = await client.ask(receiver.url, size_bytes_max=len(long), timeout_s=5)
        with pytest.raises(outbound.TooLarge, match=rf"^127\.0\.0\.1 answered with more than {len(long) - 1} bytes$"):
            await client.ask(receiver.url, size_bytes_max=len(long) - 1, timeout_s=5)
        moved = await client.ask(mover.url, BODY, {"X-A": "1"}, size_bytes_max=10, timeout_s=5)
    assert (got.status, got.body) == (200, long)
    assert (moved.status, moved.body, moved.headers["location"]) == (302, b"no", receiver.url)
    assert [request.split()[0] for request in receiver.requests] == [b"GET", b"GET"]
    assert mover.requests[0].startswith(b"POST ")
    assert mover.requests[0].endswith(BODY)
    async with PublicClient() as client:
        with pytest.raises(outbound.Blocked):
            await client.ask(receiver.url, size_bytes_max=10, timeout_s=5)


async def test_a_head_that_drips_hits_the_deadline() -> None:
    async def drip(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while not writer.is_closing():
            writer.write(b"X-A: a\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with receiving(drip) as receiver, trusting(receiver) as client:
        with pytest.raises(outbound.TimedOut, match=r"^127\.0\.0\.1 took too long$"):
            await client.post(receiver.url, BODY, timeout_s=0.5)


async def test_a_body_that_drips_costs_no_more_than_the_deadline() -> None:
    async def drip(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response(200, b"begun", Content_Length="1000"))
        while not writer.is_closing():
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with receiving(drip) as receiver, trusting(receiver, timeout_s=0.5) as client:
        reply = await client.post(receiver.url, BODY)
    assert reply.status == 200
    assert reply.body_prefix.startswith(b"begun.")


@pytest.mark.parametrize("framing", ["length", "chunked", "until closed"])
async def test_an_endless_body_is_cut_off(framing: str) -> None:
    sent = 0

    async def pour(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        headers = {"length": {"Content_Length": str(1 << 50)}, "chunked": {"Transfer_Encoding": "chunked"}}
        head = response(200, **headers.get(framing, {"Content_Length": "0"}))
        writer.write(head.replace(b"Content-Length: 0\r\n", b""))
        while not writer.is_closing() and sent < 1 << 28:
            sent += 65536
            writer.write(b"10000\r\n" + b"a" * 65536 + b"\r\n" if framing == "chunked" else b"a" * 65536)
            await writer.drain()

    async with receiving(pour) as receiver, trusting(receiver) as client:
        reply = await client.post(receiver.url, BODY)
    assert (reply.status, reply.body_prefix) == (200, b"a" * outbound.BODY_PREFIX_BYTES)
    assert sent < 1 << 26


async def test_endless_headers_are_cut_off() -> None:
    async def pour(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX-A: ")
        while not writer.is_closing():
            writer.write(b"a" * 65536)
            await writer.drain()

    async with receiving(pour) as receiver, trusting(receiver) as client:
        with pytest.raises(outbound.Unreachable, match="did not answer in HTTP"):
            await client.post(receiver.url, BODY)


async def test_endless_interim_answers_are_cut_off(tmp_path: Path) -> None:
    async def repeat(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)
            await writer.drain()

    async with receiving(repeat) as receiver, trusting(receiver) as client:
        with pytest.raises(outbound.Unreachable, match="did not answer in HTTP"):
            await client.post(receiver.url, BODY)
        with pytest.raises(outbound.Unreachable, match="did not answer in HTTP"):
            await client.download(receiver.url, tmp_path / "file", size_bytes_max=1 << 20)


async def test_a_file_in_crumbs_is_refused_and_one_in_small_pieces_is_not(tmp_path: Path) -> None:
    async def pieces(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size_bytes = int(path[1:])
        writer.write(response(Transfer_Encoding="chunked"))
        for _ in range(5000):
            writer.write(b"%x\r\n%b\r\n" % (size_bytes, b"a" * size_bytes))
            await writer.drain()
        writer.write(b"0\r\n\r\n")

    async with receiving(pieces) as receiver, trusting(receiver) as client:
        root = f"http://{receiver.netlocs[0]}"
        with pytest.raises(outbound.BadAnswer, match="pieces of a few bytes"):
            await client.download(f"{root}/1", tmp_path / "file", size_bytes_max=1 << 20)
        got = await client.download(f"{root}/100", tmp_path / "file", size_bytes_max=1 << 20)
    assert got.size_bytes == 500_000


async def test_a_gzip_bomb_stays_folded(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    async with receiving(response(200, bomb, Content_Encoding="gzip")) as receiver, trusting(receiver) as client:
        reply = await client.post(receiver.url, BODY)
        assert reply.body_prefix == bomb[: outbound.BODY_PREFIX_BYTES]
        with pytest.raises(outbound.BadAnswer, match="compressed"):
            await client.download(receiver.url, tmp_path / "file", size_bytes_max=1_000_000)
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "broke off"),
        (b"SSH-2.0-OpenSSH_9\r\n", "did not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "did not answer in HTTP"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "did not answer in HTTP"),
        (b"\x16\x03\x01\x02\x00", "broke off"),
    ],
)
async def test_what_is_not_http_is_unreachable(answer: bytes, message: str) -> None:
    async def say(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.write_eof()
        await reader.read(1)

    async with receiving(say) as receiver, trusting(receiver) as client:
        with pytest.raises(outbound.Unreachable, match=message):
            await client.post(receiver.url, BODY)


async def test_a_closed_port_and_an_unknown_name_are_unreachable() -> None:
    async with receiving(response()) as receiver:
        url = receiver.url
    async with trusting(receiver) as client:
        with pytest.raises(outbound.Unreachable, match="does not accept connections"):
            await client.post(url, BODY)

    async def unknown(name: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    async with PublicClient(resolve=unknown) as client:
        with pytest.raises(outbound.Unreachable, match=r"^a\.example\.com has no public address$"):
            await client.post("https://a.example.com/", BODY)


async def test_the_next_address_is_tried_when_one_is_dead_and_names_are_absolute_unless_trusted() -> None:
    asked = []

    async def resolve(name: str, port: int) -> list[str]:
        asked.append(name)
        return ["127.0.0.9", "127.0.0.8", "127.0.0.1"]

    async with receiving(response()) as receiver:
        port = receiver.netlocs[0].partition(":")[2]
        async with PublicClient(frozenset({"web"}), resolve=resolve) as client:
            assert (await client.post(f"http://web:{port}/", BODY)).status == 200
            with pytest.raises(outbound.Blocked):
                await client.post("https://hooks.example.com/", BODY)
    assert asked == ["web", "hooks.example.com."], "a search domain could lead a public name to an inner one"


async def test_a_name_server_that_never_answers_hits_the_deadline() -> None:
    async def never(name: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    async with PublicClient(resolve=never, timeout_s=0.2) as client:
        with pytest.raises(outbound.TimedOut):
            await client.post("https://a.example.com/", BODY)


async def test_a_tarpit_in_the_tls_handshake_leaves_no_socket_behind() -> None:
    async with receiving(response()) as receiver, trusting(receiver) as client:
        before = open_sockets()
        url = receiver.url.replace("http://", "https://")  # it waits for a request line that never ends
        for _ in range(5):
            with pytest.raises(outbound.TimedOut):
                await client.post(url, BODY, timeout_s=0.2)
        while len(receiver.stack._exit_callbacks) and open_sockets() > before:
            await asyncio.sleep(0.02)  # the receiver's own ends close when it sees the client gone
        assert open_sockets() == before
    assert len(receiver.dialled) == 5


async def test_ten_for_a_host_and_the_next_is_busy_at_once() -> None:
    gate = asyncio.Event()

    async def wait(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        writer.write(response(204))

    async with (
        receiving(wait) as slow,
        receiving(response()) as quick,
        trusting(slow, quick) as client,
    ):
        posts = [asyncio.create_task(client.post(slow.url, BODY)) for _ in range(10)]
        while len(slow.requests) < 10:
            await asyncio.sleep(0.01)
        with pytest.raises(outbound.HostBusy, match="already has 10 requests in flight"):
            await client.post(slow.url, BODY)
        with pytest.raises(outbound.HostBusy):
            await client.download(slow.url, Path("/nonexistent"), size_bytes_max=1)
        assert (await client.post(quick.url, BODY)).status == 200
        posts[0].cancel()
        await asyncio.wait(posts[:1])
        posts[0] = asyncio.create_task(client.post(slow.url, BODY))
        while len(slow.requests) < 11:
            await asyncio.sleep(0.01)
        gate.set()
        assert [reply.status for reply in await asyncio.gather(*posts)] == [204] * 10
        assert (await client.post(slow.url, BODY)).status == 204
    assert len(slow.dialled) == 12


async def test_many_at_once_each_get_their_own_answer() -> None:
    async def echo(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response(200, path.encode()))

    async with receiving(echo) as receiver, trusting(receiver, host_max=300) as client:
        before = open_sockets()
        replies = await asyncio.gather(*(client.post(f"{receiver.url}/{n}", BODY) for n in range(300)))
        assert [reply.body_prefix for reply in replies] == [f"/hook/{n}".encode() for n in range(300)]
        assert client._in_flight == Counter()
        while open_sockets() > before:
            await asyncio.sleep(0.02)


# Downloads -----------------------------------------------------------------------------------------


async def test_download_streams_to_a_file(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    answer = response(200, content, Content_Type="video/mp4", ETag='"v1"')
    async with receiving(answer) as receiver, trusting(receiver) as client:
        got = await client.download(receiver.url, tmp_path / "file", size_bytes_max=len(content))
        with pytest.raises(FileExistsError):
            await client.download(receiver.url, tmp_path / "file", size_bytes_max=len(content))
    assert got == outbound.Download(receiver.url, "video/mp4", len(content), '"v1"')
    assert (tmp_path / "file").read_bytes() == content


@pytest.mark.parametrize("declared", [True, False])
async def test_an_oversize_download_leaves_nothing(tmp_path: Path, declared: bool) -> None:
    sent = 0

    async def pour(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(response(200, Content_Length="5000000") if declared else b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing() and sent < 1 << 30:
            writer.write(b"a" * 65536)
            await writer.drain()
            sent += 65536

    async with receiving(pour) as receiver, trusting(receiver) as client:
        with pytest.raises(outbound.TooLarge, match=r"^The file is larger than 4000000 bytes$"):
            await client.download(receiver.url, tmp_path / "file", size_bytes_max=4_000_000)
    assert list(tmp_path.iterdir()) == []
    assert sent < 1 << 28


async def test_a_download_that_breaks_off_stalls_or_crawls_leaves_nothing(tmp_path: Path) -> None:
    async def serve(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response(200, b"a" * 1000, Content_Length="9999"))
        while path == "/crawl" and not writer.is_closing():
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(0.02)
        if path == "/stall":
            await reader.read(1)
        writer.write_eof()

    async with receiving(serve) as receiver, trusting(receiver) as client:
        root = f"http://{receiver.netlocs[0]}"
        for path, error, message in (
            ("/short", outbound.Unreachable, "broke off"),
            ("/stall", outbound.TimedOut, "took too long"),
            ("/crawl", outbound.TimedOut, "less than 10000 bytes a second"),
        ):
            with pytest.raises(error, match=message):
                await client.download(root + path, tmp_path / "file", size_bytes_max=10_000, stall_s=0.3)
            assert list(tmp_path.iterdir()) == []
        with pytest.raises(outbound.TimedOut, match="took too long"):
            await client.download(root + "/crawl", tmp_path / "file", size_bytes_max=10_000, timeout_s=0.3)
        task = asyncio.create_task(client.download(root + "/stall", tmp_path / "file", size_bytes_max=10_000))
        while not (tmp_path / "file").exists():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [201, 204, 206, 300, 304, 400, 403, 404, 410, 500])
async def test_only_200_is_a_download(tmp_path: Path, status: int) -> None:
    async with receiving(response(status)) as receiver, trusting(receiver) as client:
        with pytest.raises(outbound.BadStatus, match=f"answered {status}$") as caught:
            await client.download(receiver.url, tmp_path / "file", size_bytes_max=10)
    assert caught.value.status == status
    assert list(tmp_path.iterdir()) == []


async def test_three_redirects_are_followed_and_no_more(tmp_path: Path) -> None:
    async def count(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = int(path[1:])
        moved = response(302, Location=f"./{left - 1}#part", Set_Cookie="a=b")
        writer.write(moved if left else response(200, b"here"))

    async with receiving(count) as receiver, trusting(receiver) as client:
        root = f"http://{receiver.netlocs[0]}"
        got = await client.download(f"{root}/3", tmp_path / "file", size_bytes_max=10)
        assert (got.url, (tmp_path / "file").read_bytes()) == (f"{root}/0", b"here")
        assert len(receiver.dialled) == 4
        with pytest.raises(outbound.BadAnswer, match="redirects more than 3 times"):
            await client.download(f"{root}/4", tmp_path / "other", size_bytes_max=10)
    assert len(receiver.dialled) == 8
    assert b"cookie" not in b"".join(receiver.requests).lower()


async def test_a_trusted_host_may_not_vouch_for_another(tmp_path: Path) -> None:
    async with receiving(response(200, b"secret")) as inner:
        for location in (inner.url, f"https://{inner.netlocs[0]}/", "https://127.0.0.1/", "file:///etc/passwd"):
            async with receiving(response(302, Location=location)) as receiver, trusting(receiver) as client:
                with pytest.raises(outbound.Blocked, match="redirects to an address that is not a public https URL"):
                    await client.download(receiver.url, tmp_path / "file", size_bytes_max=10)
    assert inner.dialled == []


@pytest.mark.parametrize("headers", [{}, {"Location": ""}])
async def test_a_redirect_to_nowhere_is_an_error(tmp_path: Path, headers: dict[str, str]) -> None:
    async with receiving(response(302, **headers)) as receiver, trusting(receiver) as client:
        with pytest.raises(outbound.BadAnswer):
            await client.download(receiver.url, tmp_path / "file", size_bytes_max=10)
