"""The outbound client attacked through names, addresses, redirects and certificates: nothing forbidden is dialled.

It needs forbidden and public addresses that both answer. So `test_attacks` runs this file again inside a network
namespace, where a route makes every address there is local: a connection to any of them would succeed and be
counted. What runs there are the functions named `attack_…`.
"""

from __future__ import annotations

import asyncio
import datetime
import fcntl
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
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from seedbed import outbound
from seedbed.addresses import check_url
from seedbed.errors import InvalidRequest
from seedbed.outbound import PublicClient
from tests import ssrf_vectors as vectors
from tests.receivers import BODY, Receiver, response

OWN_NETWORK = os.environ.get("SEEDBED_TEST_NETWORK") == "own"
OTHER_PORTS = (22, 25, 80, 6379, 8080, 8443)


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
