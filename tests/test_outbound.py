"""The outbound client against real sockets.

What needs only loopback runs here. What needs forbidden and public addresses that both answer is in the
functions named `attack_…`: `test_attacks` runs this file again inside a network namespace, where a route
makes every address there is local, so that a connection to any of them would succeed and be counted.
"""

from __future__ import annotations

import asyncio
import datetime
import fcntl
import gc
import gzip
import ipaddress
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from seedbed import addresses, outbound
from seedbed.errors import ConfigError, InvalidRequest
from seedbed.outbound import PublicClient, check_url
from tests import ssrf_vectors as vectors

OWN_NETWORK = os.environ.get("SEEDBED_TEST_NETWORK") == "own"
OTHER_PORTS = (22, 25, 80, 6379, 8080, 8443)
BODY = b'{"success":true}'


# A receiver ----------------------------------------------------------------------------------------

Answer = Callable[[str, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def response(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Fine"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if "Content_Length" not in headers and "Transfer_Encoding" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Receiver:
    """A server that notes which address each connection was dialled at, and every request."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.answer, self.tls = answer, tls
        self.dialled: list[tuple[str, int]] = []
        self.requests: list[bytes] = []
        self.stack = AsyncExitStack()

    async def listen(self, host: str, port: int = 0) -> int:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        server = await asyncio.start_server(self._serve, host, port, family=family, backlog=1024)
        self.stack.push_async_callback(server.wait_closed)
        self.stack.callback(server.close)
        return server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.dialled.append(writer.get_extra_info("sockname")[:2])
        try:
            if self.tls and writer.get_extra_info("sockname")[1] == 443:
                await writer.start_tls(self.tls)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            self.requests.append(head + await reader.readexactly(int(length[1]) if length else 0))
            await self.answer(head.split(b" ")[1].decode(), reader, writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client left, which is what many of these tests want
        finally:
            writer.transport.abort()


@asynccontextmanager
async def receiving(answer: Answer | bytes, hosts: tuple[str, ...] = ("127.0.0.1",)) -> AsyncIterator[Receiver]:
    """A receiver on a free port of each of `hosts`; its `netlocs` name them, and may be trusted."""

    async def say(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        await reader.read(1)  # until the client has gone, so that nothing it should read is reset

    receiver = Receiver(say if isinstance(answer, bytes) else answer)
    async with receiver.stack:
        receiver.netlocs = [f"{host}:{await receiver.listen(host)}" for host in hosts]
        receiver.url = f"http://{receiver.netlocs[0]}/hook"
        yield receiver


def trusting(*receivers: Receiver, **options: object) -> PublicClient:
    return PublicClient(frozenset(netloc for receiver in receivers for netloc in receiver.netlocs), **options)


def open_sockets() -> int:
    """How many sockets this process holds."""
    gc.collect()
    links = (os.path.join("/proc/self/fd", fd) for fd in os.listdir("/proc/self/fd"))
    return sum(os.readlink(link).startswith("socket:") for link in links if os.path.lexists(link))


# The text of a URL ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://Hooks.EXAMPLE.com:443/A?b=C", "https://hooks.example.com/A?b=C"),
        ("https://example.com./a", "https://example.com/a"),
        ("https://example.com?a=b", "https://example.com/?a=b"),
        ("https://example.com/a/../b//c", "https://example.com/a/../b//c"),
        ("https://example.com/%7Ea%0d%0a?x=%00&y=a+b", "https://example.com/%7Ea%0d%0a?x=%00&y=a+b"),
        ("https://example.com/видео é.mp4".replace(" ", "_"), None),
        ('https://example.com/a"<b>|^`{c}', "https://example.com/a%22%3Cb%3E%7C%5E%60%7Bc%7D"),
        ("https://example.com/?u=http://127.0.0.1/@:", "https://example.com/?u=http://127.0.0.1/@:"),
        ("https://my_bucket.s3.example.com/", "https://my_bucket.s3.example.com/"),
        ("https://straße.de/", "https://xn--strae-oqa.de/"),
        ("https://例え。jp/", "https://xn--r8jz45g.jp/"),
        ("https://ⓔxample．com/", "https://example.com/"),
        ("https://93.184.216.34/", "https://93.184.216.34/"),
        ("https://９３.184.216.34/", "https://93.184.216.34/"),
        ("https://[2606:2800:0220:0001::0001]:443/", "https://[2606:2800:220:1::1]/"),
        ("https://127.0.0.1.nip.example.com/", "https://127.0.0.1.nip.example.com/"),
        ("https://example.com/" + "a" * 2028, "https://example.com/" + "a" * 2028),
    ],
)
def test_public_urls_get_one_normal_form(url: str, normal: str | None) -> None:
    normal = normal or "https://example.com/%D0%B2%D0%B8%D0%B4%D0%B5%D0%BE_%C3%A9.mp4"
    assert check_url(url) == normal
    assert check_url(normal) == normal


@given(st.text(max_size=40), st.text(st.characters(codec="utf-8"), max_size=40))
def test_whatever_passes_is_ascii_stable_and_names_the_same_host(host: str, rest: str) -> None:
    try:
        normal = check_url(f"https://{host}/{rest}")
    except InvalidRequest:
        return
    assert normal.isascii()
    assert check_url(normal) == normal
    assert re.fullmatch(r"https://(\[[0-9a-f:]+\]|[a-z0-9._-]+)/[!-~]*", normal)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://example.com/", "The URL must begin with https:// and a host name"),
        ("http://example.com/", "The URL must begin with https://"),
        ("https://example.com:8443/", "The URL must use port 443; remove the port"),
        ("https://a:b@example.com/", "The URL must not hold a user name or password; remove the part before '@'"),
        ("https://example.com/#a", "The URL must not have a fragment; remove the part from '#' on"),
        ("https://10.0.0.5/", "The URL must not name a private or reserved address"),
        ("https://0x7f.1/", "The URL's IPv4 address must be four decimal numbers from 0 to 255"),
        ("https://[::g]/", "The URL's IPv6 address is not one"),
        ("https://[::1/", "The URL's IPv6 address must end with ']'"),
        ("https://localhost/", "The URL's host must be a public domain name"),
        ("https://a%2eb.com/", "The URL's host must not be percent-encoded or have a zone"),
        ("https://exa mple.com/", None),
        ("https://☃.com/", "The URL's host is not a valid international domain name"),
        ("https://a..com/", "The URL needs a host name of letters, digits, hyphens and dots"),
        ("https://a.com:x/", "The URL's port must be a number from 1 to 65535"),
        ("https://a.com/" + "a" * 2048, "The URL must not be longer than 2048 characters"),
        ("https://a.com/" + "é" * 400, "The URL must not be longer than 2048 characters once it is encoded"),
    ],
)
def test_a_refusal_says_what_to_change(url: str, message: str | None) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_url(url, field="webhookUrl")
    spaces = "The URL must not hold spaces, control characters, invisible characters or backslashes"
    assert caught.value.message == (message or spaces)
    assert caught.value.field == "webhookUrl"
    assert caught.value.status == 400


def test_the_vectors_are_many_and_distinct() -> None:
    assert len(vectors.refused_urls()) >= 2500
    assert len(vectors.refused_names()) >= 400
    assert len(vectors.refused_redirects()) >= 250


def test_every_forbidden_address_is_not_public_and_its_neighbours_are() -> None:
    forbidden = [*vectors.FORBIDDEN_V4, *vectors.FORBIDDEN_V6, "", "a", "127.1", "2130706433", "fe80::1%lo"]
    forbidden += [address for v4 in vectors.FORBIDDEN_V4 for address in vectors.wrapped(v4)]
    assert [address for address in forbidden if addresses.is_public(address)] == []
    assert [address for address in vectors.PUBLIC if not addresses.is_public(address)] == []


TRUSTED = frozenset({"minio", "10.0.0.5:9000", "::1", "[fd00::1]:8080", "hooks.internal:443", "bücher.local"})


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("http://minio/", "http://minio/"),
        ("http://MINIO.:9000/a", "http://minio:9000/a"),
        ("https://minio:22/", "https://minio:22/"),
        ("http://10.0.0.5:9000/", "http://10.0.0.5:9000/"),
        ("https://10.0.0.5:9000/", "https://10.0.0.5:9000/"),
        ("http://[0:0::1]:5/", "http://[::1]:5/"),
        ("https://[fd00:0::1]:8080/", "https://[fd00::1]:8080/"),
        ("https://hooks.internal/", "https://hooks.internal/"),
        ("http://hooks.internal:443/", "http://hooks.internal:443/"),
        ("http://xn--bcher-kva.local/", "http://xn--bcher-kva.local/"),
    ],
)
def test_a_trusted_host_is_exempt_on_its_ports(url: str, normal: str) -> None:
    assert check_url(url, TRUSTED) == normal
    with pytest.raises(InvalidRequest):
        check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.5/",
        "http://10.0.0.5:9001/",
        "http://10.0.0.6:9000/",
        "http://0x0a000005:9000/",
        "http://10.5:9000/",
        "http://[::ffff:10.0.0.5]:9000/",
        "http://[fd00::1]/",
        "http://[::2]/",
        "http://127.0.0.1/",
        "http://localhost/",
        "http://a.minio/",
        "http://minio.example.com/",
        "https://minio2/",
        "http://hooks.internal/",
        "https://hooks.internal:8443/",
        "ftp://minio/",
        "http://user@minio/",
        "http://minio\\@a.com/",
        "http://minio#a",
        "http://minio%2e/",
    ],
)
def test_trust_goes_no_further_than_its_spelling(url: str) -> None:
    with pytest.raises(InvalidRequest):
        check_url(url, TRUSTED)


@pytest.mark.parametrize("entry", ["http://minio", "minio/", "*", "*.local", "minio:0", "minio:x", "a b", "u@minio"])
def test_a_bad_trusted_entry_is_named(entry: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"SEEDBED_TRUSTED_HOSTS: {entry!r} must be a host or host:port")):
        PublicClient(frozenset({entry}))


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


# Attacks, in a network where every address is local ------------------------------------------------


def test_attacks(tmp_path: Path) -> None:
    """Runs every `attack_…` below, in a network namespace where this machine allows one."""
    own = shutil.which("unshare") is not None
    own = own and subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode == 0
    pytest_in_there = [sys.executable, "-m", "pytest", __file__, "-q", "-rA", "-s", "-p", "no:cacheprovider"]
    pytest_in_there += ["--noconftest", "-o", "addopts=", "-o", "python_functions=attack_*"]
    pytest_in_there += [f"--basetemp={tmp_path / 'in there'}"]
    done = subprocess.run(
        [*(["unshare", "-rn"] if own else []), *pytest_in_there],
        env=os.environ | {"SEEDBED_TEST_NETWORK": "own" if own else "shared"},
        capture_output=True,
        text=True,
        check=False,
    )
    print("in a network of its own" if own else "NO NETWORK NAMESPACE HERE: only loopback listeners were watched")
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= (16 if own else 3)
    if own:
        assert "skipped" not in done.stdout


needs_own_network = pytest.mark.skipif(not OWN_NETWORK, reason="needs a network namespace of its own")


def make_every_address_local() -> None:
    """Brings `lo` up and routes all of IPv4 and IPv6 to it, by ioctl and netlink."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, 0x8914, struct.pack("16sH14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: up, running
    for family in (socket.AF_INET, socket.AF_INET6):
        # RTM_NEWROUTE: a route of type "local" for /0 in the table of local addresses (255), out of lo (1).
        route = struct.pack("BBBBBBBBI", family, 0, 0, 0, 255, 4, 254 if family == socket.AF_INET else 0, 2, 0)
        route += struct.pack("HHI", 8, 4, 1)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
            netlink.send(struct.pack("IHHII", 16 + len(route), 24, 0x1 | 0x4 | 0x400, 1, 0) + route)
            code = struct.unpack("i", netlink.recv(4096)[16:20])[0]
        assert code in (0, -17), os.strerror(-code)  # -17: it is there already


def tcp_opens() -> int:
    """How often anything in this network tried to open a TCP connection, answered or not."""
    names, values = [line.split() for line in Path("/proc/self/net/snmp").read_text().splitlines() if "Tcp:" in line]
    return int(values[names.index("ActiveOpens")])


@cache
def authority() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A throw-away certificate authority: (what its server shows, what a client that knows it trusts)."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test")])
    now = datetime.datetime.now(datetime.UTC)
    hosts: list[x509.GeneralName] = [x509.DNSName(host) for host in ("*.example.com", "my_bucket.example.com")]
    hosts += [x509.IPAddress(ipaddress.ip_address(ip)) for ip in (vectors.PUBLIC_V4, vectors.PUBLIC_V6)]
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(secret + pem)
        file.flush()
        server.load_cert_chain(file.name)
    return server, ssl.create_default_context(cadata=pem.decode())


class NameServer(asyncio.DatagramProtocol):
    """A real name server: `zone` holds what the first, second … look-up of a name answers (the last repeats)."""

    def __init__(self, zone: dict[str, list[list[str]]]) -> None:
        self.zone, self.asked = zone, Counter[str]()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, query: bytes, client: tuple[str, int]) -> None:
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += 1 + query[at]
        name, kind = ".".join(labels).lower(), struct.unpack(">H", query[at + 1 : at + 3])[0]
        found = [ipaddress.ip_address(address) for address in self.answer(name, kind == 1)]
        found = [ip for ip in found if (kind, ip.version) in ((1, 4), (28, 6))]
        records = [struct.pack(">HHHIH", 0xC00C, kind, 1, 0, len(ip.packed)) + ip.packed for ip in found]
        flags = 0x8580 if name in self.zone else 0x8583
        head = query[:2] + struct.pack(">HHHHH", flags, 1, len(records), 0, 0)
        self.transport.sendto(head + query[12 : at + 5] + b"".join(records), client)

    def answer(self, name: str, first_half: bool) -> list[str]:
        """The system's resolver asks for IPv4 and IPv6 addresses apart: both questions are one look-up."""
        self.asked[name] += first_half
        answers = self.zone.get(name, [[]])
        return answers[min(max(self.asked[name], 1), len(answers)) - 1]

    async def resolve(self, name: str, port: int) -> list[str]:
        """For a machine without namespaces, where the system's own resolver cannot be pointed here."""
        return self.answer(name.rstrip("."), first_half=True)


class Inside:
    """What an attack finds: a client with the production policy, and every address there is listening."""

    def __init__(self, client: PublicClient, receiver: Receiver, names: NameServer) -> None:
        self.client, self.receiver, self.names = client, receiver, names

    def opened(self) -> int:
        """TCP connections tried so far, by the kernel's own count where the network is ours alone."""
        return tcp_opens() if OWN_NETWORK else len(self.receiver.dialled)

    async def refuse(self, url: str, tmp_path: Path) -> list[Exception | None]:
        """How a webhook to `url` and a download of it fail."""
        file = tmp_path / "file"
        ways = self.client.post(url, BODY), self.client.download(url, file, size_bytes_max=1 << 20)
        errors = await asyncio.gather(*ways, return_exceptions=True)
        assert not file.exists()
        return [error if isinstance(error, Exception) else None for error in errors]


PUBLIC_NAMES = {
    "hooks.example.com": [[vectors.PUBLIC_V4]],
    "six.example.com": [[vectors.PUBLIC_V6]],
    "both.example.com": [[vectors.PUBLIC_V6, vectors.PUBLIC_V4]],
    "my_bucket.example.com": [[vectors.PUBLIC_V4]],
    "xn--0.example.com": [[vectors.PUBLIC_V4]],
    "nat.example.com": [[f"64:ff9b::{vectors.PUBLIC_V4}"]],
    "other.example.net": [[vectors.PUBLIC_V4]],
    "rebind.example.com": [[vectors.PUBLIC_V4], ["127.0.0.1"]],
    "rebind6.example.com": [[vectors.PUBLIC_V6], ["::1"], [vectors.PUBLIC_V6, "fd00::1"]],
}
REDIRECTS = [*vectors.refused_redirects()]


async def answer_inside(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if redirect := re.fullmatch(r"/redirect/(\d+)/(\d+)", path):
        writer.write(response(int(redirect[1]), Location=REDIRECTS[int(redirect[2])]))
    elif path == "/rebind":
        writer.write(response(302, Location="https://rebind.example.com/"))
    else:
        writer.write(response(200, b"reached"))


@pytest.fixture
async def inside() -> AsyncIterator[Inside]:
    server_tls, client_tls = authority()
    receiver = Receiver(answer_inside, server_tls)
    names = NameServer(PUBLIC_NAMES | {name: answers for name, (answers, _) in vectors.refused_names().items()})
    async with receiver.stack:
        if OWN_NETWORK:
            make_every_address_local()
            for port in (443, *OTHER_PORTS):
                await receiver.listen("0.0.0.0", port)
                await receiver.listen("::", port)
            configured = re.findall(r"^nameserver\s+(\S+)", Path("/etc/resolv.conf").read_text(), re.MULTILINE)
            for address in configured or ["127.0.0.1"]:
                loop = asyncio.get_running_loop()
                transport, _ = await loop.create_datagram_endpoint(lambda: names, (address, 53))
                receiver.stack.callback(transport.close)
        else:
            for port in (443, *OTHER_PORTS):
                for host in ("127.0.0.1", "::1"):
                    try:
                        await receiver.listen(host, port)
                    except OSError as error:
                        print(f"not watched: {host} port {port}: {error.strerror}")
        resolve = None if OWN_NETWORK else names.resolve
        async with PublicClient(tls=client_tls, resolve=resolve, host_max=100, timeout_s=10) as client:
            yield Inside(client, receiver, names)


@needs_own_network
async def attack_control_every_forbidden_address_listens(inside: Inside) -> None:
    """Without this the rest would prove nothing: a careless client does get through."""
    loop, reached = asyncio.get_running_loop(), []
    addresses = [*vectors.FORBIDDEN_V4, *vectors.FORBIDDEN_V6, "64:ff9b::7f00:1", *vectors.PUBLIC]
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family) as careless:
            careless.setblocking(False)
            try:
                await asyncio.wait_for(loop.sock_connect(careless, (address, 443)), 1)
                reached.append(address)
            except OSError:
                pass  # multicast, "this host" and their like: the kernel itself will not
    await asyncio.sleep(0.1)
    must = {"127.0.0.1", "10.0.0.5", "169.254.169.254", "100.100.100.200", "192.168.0.1", "168.63.129.16"}
    must |= {"::1", "fd00::1", "fd00:ec2::254", "64:ff9b::7f00:1", "2001:db8::1", vectors.PUBLIC_V4, vectors.PUBLIC_V6}
    assert must <= set(reached)
    assert {address for address, _ in inside.receiver.dialled} >= must
    print(f"control: {len(reached)} of {len(addresses)} addresses answer a careless client")


@needs_own_network
@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("hooks.example.com", vectors.PUBLIC_V4),
        ("six.example.com", vectors.PUBLIC_V6),
        ("both.example.com", None),
        ("my_bucket.example.com", vectors.PUBLIC_V4),
        ("xn--0.example.com", vectors.PUBLIC_V4),
        ("nat.example.com", "64:ff9b::5db8:d822"),
        (vectors.PUBLIC_V4, vectors.PUBLIC_V4),
        (f"[{vectors.PUBLIC_V6}]", vectors.PUBLIC_V6),
    ],
)
async def attack_control_public_addresses_are_reached(
    inside: Inside, tmp_path: Path, host: str, address: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(variable, "http://10.0.0.5:8080")
    opened = inside.opened()
    assert (await inside.client.post(f"https://{host}/hook", BODY)).body_prefix == b"reached"
    got = await inside.client.download(f"https://{host}/file", tmp_path / "file", size_bytes_max=100)
    assert (got.size_bytes, (tmp_path / "file").read_bytes()) == (7, b"reached")
    allowed = {address} if address else {vectors.PUBLIC_V4, vectors.PUBLIC_V6}
    assert {dialled for dialled, _ in inside.receiver.dialled} <= allowed
    assert {port for _, port in inside.receiver.dialled} == {443}
    assert inside.opened() == opened + 2
    assert [request.split(b"\r\n")[1].decode() for request in inside.receiver.requests] == [f"Host: {host}"] * 2
    assert sum(inside.names.asked.values()) == (0 if host[0] in "[9" else 2), "one look-up for each connection"


async def attack_by_the_text_of_the_url(inside: Inside, tmp_path: Path) -> None:
    opened, refused = inside.opened(), vectors.refused_urls()
    for url, why in refused.items():
        with pytest.raises(InvalidRequest):
            pytest.fail(f"{why}: {url!r} became {check_url(url)!r}")
        errors = await inside.refuse(url, tmp_path)
        assert [type(error) for error in errors] == [outbound.Blocked] * 2, (url, why, errors)
    assert (inside.opened() - opened, inside.receiver.dialled, inside.names.asked) == (0, [], Counter())
    print(f"text: {len(refused)} URLs refused twice over, 0 connections, 0 look-ups")


async def attack_by_what_the_name_server_says(inside: Inside, tmp_path: Path) -> None:
    opened, refused = inside.opened(), vectors.refused_names()
    for name, (answers, why) in refused.items():
        url = check_url(f"https://{name}/hook")
        errors = await inside.refuse(url, tmp_path)
        expected = outbound.Blocked if answers[0] else outbound.Unreachable
        assert [type(error) for error in errors] == [expected] * 2, (url, why, errors)
        assert all(str(error).endswith(" has no public address") for error in errors)
    assert (inside.opened() - opened, inside.receiver.dialled) == (0, [])
    assert sum(inside.names.asked.values()) == 2 * len(refused)
    print(f"names: {len(refused)} names refused twice over, 0 connections")


async def attack_at_the_socket_itself(inside: Inside) -> None:
    """The last gate alone, as if every check of the text had been got around."""
    opened, hosts = inside.opened(), [*vectors.FORBIDDEN_V4, *vectors.FORBIDDEN_V6]
    hosts += [host for v4 in ("127.0.0.1", "10.0.0.5") for host, _ in vectors.spellings(v4) if host.isascii()]
    hosts += ["localhost", "", "metadata.google.internal", "127.0.0.1\x00.example.com", "a" * 300, "..", "%"]
    for host in hosts:
        dialer = outbound._Dialer(inside.client._resolve, False, 1.0)
        with pytest.raises((outbound.Blocked, outbound.Unreachable)):
            pytest.fail(f"{host!r} was dialled: {await dialer.connect_tcp(host, 443)}")
    with pytest.raises(outbound.Blocked):
        await outbound._Dialer(inside.client._resolve, True, 1.0).connect_unix_socket("/run/docker.sock")
    assert (inside.opened() - opened, inside.receiver.dialled) == (0, [])
    print(f"socket: {len(hosts)} hosts refused, 0 connections")


@needs_own_network
async def attack_by_rebinding(inside: Inside, tmp_path: Path) -> None:
    assert (await inside.client.post("https://rebind.example.com/", BODY)).status == 200
    with pytest.raises(outbound.Blocked):
        await inside.client.post("https://rebind.example.com/", BODY)
    assert (await inside.client.post("https://rebind6.example.com/", BODY)).status == 200
    for _ in range(2):
        errors = await inside.refuse("https://rebind6.example.com/", tmp_path)
        assert [type(error) for error in errors] == [outbound.Blocked] * 2
    # A redirect to the name that was public a moment ago.
    with pytest.raises(outbound.Blocked):
        await inside.client.download("https://hooks.example.com/rebind", tmp_path / "file", size_bytes_max=100)
    dialled = [address for address, _ in inside.receiver.dialled]
    assert dialled == [vectors.PUBLIC_V4, vectors.PUBLIC_V6, vectors.PUBLIC_V4]


@needs_own_network
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def attack_by_redirects(inside: Inside, tmp_path: Path, status: int) -> None:
    opened = inside.opened()
    for number, location in enumerate(REDIRECTS):
        url = f"https://hooks.example.com/redirect/{status}/{number}"
        if "\t" not in location:  # a server may not send that one, and the client says so
            assert (await inside.client.post(url, BODY)).status == status
        with pytest.raises((outbound.Blocked, outbound.Unreachable)):
            pytest.fail(f"{location!r} led to {await inside.client.download(url, tmp_path / 'file', size_bytes_max=9)}")
        assert list(tmp_path.iterdir()) == []
    assert Counter(inside.receiver.dialled).keys() == {(vectors.PUBLIC_V4, 443)}
    assert inside.opened() - opened == len(inside.receiver.dialled)
    print(f"redirects: {len(REDIRECTS)} places refused for {status}")


@needs_own_network
async def attack_by_a_false_certificate(inside: Inside) -> None:
    with pytest.raises(outbound.Unreachable, match=r"^The TLS connection to other\.example\.net failed: Hostname mis"):
        await inside.client.post("https://other.example.net/", BODY)
    async with PublicClient() as client:
        with pytest.raises(outbound.Unreachable, match="failed: self-signed certificate"):
            await client.post("https://hooks.example.com/", BODY)
    assert inside.receiver.requests == []


@needs_own_network
async def attack_control_a_trusted_host_is_reached_and_no_other(inside: Inside, tmp_path: Path) -> None:
    async with PublicClient(frozenset({"10.0.0.5:8080", "169.254.169.254"})) as client:
        assert (await client.post("http://10.0.0.5:8080/", BODY)).status == 200
        assert (await client.post("http://169.254.169.254/", BODY)).status == 200
        for url in ("http://10.0.0.5/", "https://10.0.0.5/", "http://10.0.0.6:8080/", "http://[::ffff:a00:5]:8080/"):
            with pytest.raises(outbound.Blocked):
                await client.post(url, BODY)
    assert inside.receiver.dialled == [("10.0.0.5", 8080), ("169.254.169.254", 80)]
