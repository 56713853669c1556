"""The text of a URL: what passes, in which form, and what a refusal says."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedbed import addresses
from seedbed.addresses import check_url
from seedbed.errors import ConfigError, InvalidRequest
from seedbed.outbound import PublicClient
from tests import ssrf_vectors as vectors


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


@pytest.mark.parametrize(
    ("url", "base_url", "below"),
    [
        ("https://video.example.com/hook", "https://video.example.com", True),
        ("https://video.example.com", "https://video.example.com", True),
        ("HTTPS://VIDEO.Example.COM.:443/api/open/v1/x?y=/", "https://video.example.com", True),
        ("https://video.example.com/hook", "https://video.example.com/seedbed", False),
        ("https://video.example.com/seedbed/hook", "https://video.example.com/seedbed", True),
        ("https://video.example.com/seedbed?x", "https://video.example.com/seedbed", True),
        ("https://video.example.com/seedbedding", "https://video.example.com/seedbed", False),
        ("https://video.example.com.evil.org/", "https://video.example.com", False),
        ("https://evil.org/video.example.com", "https://video.example.com", False),
        ("https://evil.org/?https://video.example.com", "https://video.example.com", False),
        ("http://127.0.0.1:8787/hook", "http://127.0.0.1:8787", True),
        ("http://127.0.0.1:8788/hook", "http://127.0.0.1:8787", False),
        ("http://[0:0::1]:8787/", "http://[::1]:8787", True),
        ("https://bücher.example/", "https://xn--bcher-kva.example", True),
        ("https://video.example.com\\@evil.org/", "https://video.example.com", False),
        ("no address", "https://video.example.com", False),
    ],
)
def test_which_addresses_are_the_servers_own(url: str, base_url: str, below: bool) -> None:
    assert addresses.is_below(url, base_url) is below
