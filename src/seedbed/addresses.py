"""What a public https URL is: the rules for addresses that users give, as text.

Owns the lists of addresses that are not public and the one way a URL is taken apart; submissions,
requests and redirects all go through `parse`, so that no two of them can read a URL differently. A host
passes in one normal spelling or not at all. Never asks a name server: what a name's answers are worth is
decided with `is_public` where the socket opens, in `outbound`.

The operator's trusted hosts are exempt from the rules on scheme, port and address, and from no other;
they are matched as they are spelled.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urljoin

import idna

from seedbed.errors import ConfigError, InvalidRequest

URL_CHARACTERS_MAX = 2048


class NotPublic(ValueError):
    """The URL is not one that this server asks. The message tells its author what to change."""


# IANA's two registries of special-purpose addresses, whole, and what clouds put beside them. Python's own
# `is_global` follows the patch release and passes 64:ff9b::7f00:1 and 2002:7f00:1:: on 3.11.
_V4_BLOCKS = """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
    192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15
    198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 168.63.129.16/32"""  # the last: Azure's host agent
_V6_BLOCKS = "2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3ffe::/16 3fff::/20"
_REFUSED_V4 = [ipaddress.IPv4Network(block) for block in _V4_BLOCKS.split()]
_REFUSED_V6 = [ipaddress.IPv6Network(block) for block in _V6_BLOCKS.split()]
_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: str | ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether anyone on the Internet reaches the same machine under this address; False for no address.

    An IPv6 address that wraps an IPv4 one is refused, whatever it wraps. The one exception is NAT64's
    well-known prefix, which is what a name server gives on networks without IPv4: there the inner
    address decides.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip in _NAT64 and ip.scope_id is None:
        ip = ipaddress.IPv4Address(ip.packed[12:])
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in block for block in _REFUSED_V4)
    isatap = int(ip) >> 32 & 0xFDFF_FFFF == 0x5EFE  # RFC 5214: an IPv4 address behind 0:5efe or 200:5efe
    return ip.scope_id is None and ip in _UNICAST_V6 and not isatap and not any(ip in block for block in _REFUSED_V6)


_PORTS = {"http": 80, "https": 443}
_SHAPE = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.ASCII | re.IGNORECASE)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_SAFE = "!$&'()*+,;=:@/?%~[]-._"
_INNER_SUFFIXES = "localhost localdomain local internal intranet private corp home lan home.arpa onion svc"
_INNER_NAMES = frozenset(_INNER_SUFFIXES.split())


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be asked: `host` without brackets, `path` with its query, in ASCII."""

    scheme: str
    host: str
    port: int
    path: str
    trusted: bool

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.path}"


def check_url(url: str, trusted: frozenset[str] = frozenset(), *, field: str | None = None) -> str:
    """The normal form of a public https URL, to be kept and used in place of `url`. Asks no name server.

    `trusted` holds the operator's exempt hosts as `host` (any port) or `host:port` (that one alone).
    Raises InvalidRequest for `field`, saying what to change; ConfigError for a bad entry of `trusted`.
    """
    try:
        return parse(url, trusted).url
    except NotPublic as refusal:
        raise InvalidRequest(str(refusal), field=field) from None


def is_below(url: str, base_url: str) -> bool:
    """Whether `url` is `base_url` or an address below it, however the two are spelled. False for no address."""
    own = frozenset({base_url.partition("//")[2].partition("/")[0]})
    try:
        there, here = parse(url, own), parse(base_url, own)
    except NotPublic:
        return False
    path, below = there.path.partition("?")[0], here.path.rstrip("/")
    return (there.host, there.port) == (here.host, here.port) and f"{path}/".startswith(f"{below}/")


def follow(target: Target, location: str, trusted: frozenset[str]) -> Target:
    """Where a redirect from `target` leads, its fragment left out, under the same rules. Raises NotPublic."""
    location = location.partition("#")[0]
    _check_characters(location)
    if location.startswith("//"):
        return parse(f"{target.scheme}:{location}", trusted)
    if re.match(r"[a-z][a-z0-9+.-]*:", location, re.ASCII | re.IGNORECASE):
        return parse(location, trusted)
    return parse(urljoin(target.url, location), trusted)  # a path alone: with hosts `urljoin` is too forgiving


def parse(url: str, trusted: frozenset[str]) -> Target:
    """The URL taken apart by the one set of rules for submissions, requests and redirects. Raises NotPublic."""
    _check_characters(url)
    shape = _SHAPE.fullmatch(url)
    if not shape:
        raise NotPublic("The URL must begin with https:// and a host name")
    scheme, authority, path, query, fragment = shape.groups(default="")
    scheme = scheme.lower()
    if fragment:
        raise NotPublic("The URL must not have a fragment; remove the part from '#' on")
    host, port_text = _split_authority(authority)
    port = int(port_text) if port_text else _PORTS[scheme]
    exempt = _is_trusted(host, port, trusted)
    if not exempt:
        _check_public(scheme, host, port)
    target = Target(scheme, host, port, quote((path or "/") + query, safe=_SAFE), exempt)
    if len(target.url) > URL_CHARACTERS_MAX:
        raise NotPublic(f"The URL must not be longer than {URL_CHARACTERS_MAX} characters once it is encoded")
    return target


def _check_characters(url: str) -> None:
    if len(url) > URL_CHARACTERS_MAX:
        raise NotPublic(f"The URL must not be longer than {URL_CHARACTERS_MAX} characters")
    # C: control, format (joiners, direction marks), surrogate, private, unassigned; Z: every kind of space.
    if "\\" in url or any(unicodedata.category(character)[0] in "CZ" for character in url):
        raise NotPublic("The URL must not hold spaces, control characters, invisible characters or backslashes")


def _split_authority(authority: str) -> tuple[str, str]:
    """The host in its one normal spelling, and the port's digits or ''."""
    if "@" in authority:
        raise NotPublic("The URL must not hold a user name or password; remove the part before '@'")
    if "%" in authority:
        raise NotPublic("The URL's host must not be percent-encoded or have a zone")
    if authority.startswith("["):
        literal, bracket, rest = authority[1:].partition("]")
        if not bracket:
            raise NotPublic("The URL's IPv6 address must end with ']'")
        host = _ipv6(literal)
    else:
        name, colon, port = authority.partition(":")
        host, rest = _host(name), colon + port
    if rest and not (_PORT.fullmatch(rest[1:]) and rest[0] == ":" and 1 <= int(rest[1:]) <= 65535):
        raise NotPublic("The URL's port must be a number from 1 to 65535")
    return host, rest[1:]


def _ipv6(literal: str) -> str:
    try:
        return str(ipaddress.IPv6Address(literal))
    except ValueError:
        raise NotPublic("The URL's IPv6 address is not one") from None


def _host(name: str) -> str:
    """A domain name or IPv4 address in lower-case ASCII without a trailing dot; no other spelling passes."""
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True, std3_rules=True).decode("ascii")
        except UnicodeError:
            raise NotPublic("The URL's host is not a valid international domain name") from None
    name = name.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise NotPublic("The URL needs a host name of letters, digits, hyphens and dots")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            ipaddress.IPv4Address(name)
        except ValueError:
            raise NotPublic("The URL's IPv4 address must be four decimal numbers from 0 to 255") from None
    return name


def _check_public(scheme: str, host: str, port: int) -> None:
    if scheme != "https":
        raise NotPublic("The URL must begin with https://")
    if port != 443:
        raise NotPublic("The URL must use port 443; remove the port")
    labels = host.split(".")
    if ":" in host or _NUMBER.fullmatch(labels[-1]):
        if not is_public(host):
            raise NotPublic("The URL must not name a private or reserved address")
    elif len(labels) < 2 or labels[-1] in _INNER_NAMES or ".".join(labels[-2:]) in _INNER_NAMES:
        raise NotPublic("The URL's host must be a public domain name")


def _is_trusted(host: str, port: int, trusted: frozenset[str]) -> bool:
    if not trusted:
        return False
    entries = trusted_entries(trusted)
    return (host, None) in entries or (host, port) in entries


@lru_cache(maxsize=64)
def trusted_entries(trusted: frozenset[str]) -> frozenset[tuple[str, int | None]]:
    """The entries as (host, port or None for any), spelled as URLs' hosts are. Raises ConfigError."""
    entries = set()
    for entry in trusted:
        bare_ipv6 = entry.count(":") > 1 and not entry.startswith("[")
        try:
            host, port = _split_authority(f"[{entry}]" if bare_ipv6 else entry)
        except NotPublic:
            raise ConfigError(
                f"SEEDBED_TRUSTED_HOSTS: {entry!r} must be a host or host:port, with no scheme and no path"
            ) from None
        entries.add((host, int(port) if port else None))
    return frozenset(entries)
