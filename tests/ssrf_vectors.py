"""What an attacker would give as a webhook or media URL to reach the inside of the server's network.

`refused_urls` are refused by their text alone; `refused_names` look public and lie in the name server;
`refused_redirects` are where an honest-looking public host sends its visitor. Each comes with the reason.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

PUBLIC_V4 = "93.184.216.34"
PUBLIC_V6 = "2606:2800:220:1:248:1893:25c8:1946"

FORBIDDEN_V4 = {
    "0.0.0.0": "this host",
    "0.1.2.3": "this network",
    "10.0.0.5": "private",
    "10.255.255.255": "private, last",
    "100.64.0.1": "carrier NAT",
    "100.100.100.200": "Alibaba's metadata",
    "100.127.255.254": "carrier NAT, last",
    "127.0.0.1": "loopback",
    "127.1.2.3": "loopback, inner",
    "127.255.255.254": "loopback, last",
    "168.63.129.16": "Azure's host agent",
    "169.254.169.254": "cloud metadata",
    "169.254.170.2": "container credentials",
    "172.16.0.1": "private",
    "172.17.0.1": "container bridge",
    "172.31.255.255": "private, last",
    "192.0.0.192": "Oracle's metadata",
    "192.0.2.1": "documentation",
    "192.31.196.1": "AS112",
    "192.52.193.1": "AMT",
    "192.88.99.1": "6to4 relay",
    "192.168.0.1": "private",
    "192.168.255.255": "private, last",
    "192.175.48.1": "AS112",
    "198.18.0.1": "benchmarking",
    "198.19.255.255": "benchmarking, last",
    "198.51.100.7": "documentation",
    "203.0.113.9": "documentation",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast, local",
    "240.0.0.1": "reserved",
    "255.255.255.255": "broadcast",
}

FORBIDDEN_V6 = {
    "::": "this host",
    "::1": "loopback",
    "::2": "reserved",
    "64:ff9b:1::1": "local NAT64",
    "64:ff9b:1:ffff::a00:5": "local NAT64",
    "100::1": "discard",
    "100:0:0:1::1": "dummy",
    "200::1": "OSI addresses",
    "400::1": "unassigned",
    "1fff:ffff::1": "just below global unicast",
    "2001::1": "Teredo",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2": "Teredo",
    "2001:1::1": "port control",
    "2001:2::1": "benchmarking",
    "2001:3::1": "AMT",
    "2001:4:112::1": "AS112",
    "2001:10::1": "ORCHID",
    "2001:20::1": "ORCHID 2",
    "2001:30::1": "remote identification",
    "2001:db8::1": "documentation",
    "2002::1": "6to4",
    "2620:4f:8000::1": "AS112",
    "3ffe::1": "6bone",
    "3fff::1": "documentation",
    "4000::1": "just above global unicast",
    "5f00::1": "segment routing",
    "fc00::1": "unique local",
    "fd00::1": "unique local",
    "fd00:ec2::254": "Amazon's metadata",
    "fd20:ce::254": "Google's metadata",
    "fe80::1": "link-local",
    "fe80::a9fe:a9fe": "OpenStack's metadata",
    "febf::1": "link-local, last",
    "fec0::1": "site-local",
    "ff01::1": "multicast",
    "ff02::1": "multicast",
    "ff05::2": "multicast",
    "ff0e::1": "multicast, global",
}

PUBLIC = [PUBLIC_V4, PUBLIC_V6, "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"]
PUBLIC += ["126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0"]
PUBLIC += ["191.255.255.255", "192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0"]
PUBLIC += ["223.255.255.255", "2001:200::1", "2001:4860:4860::8888", "2400:cb00::1", "2a00:1450::1", "2c0f::1"]
PUBLIC += [f"64:ff9b::{PUBLIC_V4}"]


def wrapped(v4: str) -> dict[str, str]:
    """IPv6 addresses that carry the IPv4 address `v4`."""
    number = int(ipaddress.IPv4Address(v4))
    high, low = f"{number >> 16:x}", f"{number & 0xFFFF:x}"
    teredo = ~number & 0xFFFF_FFFF
    return {
        f"::ffff:{v4}": "mapped",
        f"::{v4}": "compatible",
        f"::ffff:0:{v4}": "translated",
        f"64:ff9b::{v4}": "NAT64",
        f"64:ff9b:1::{v4}": "local NAT64",
        f"2002:{high}:{low}::1": "6to4",
        f"2001:0:5db8:d822:0:ffff:{teredo >> 16:x}:{teredo & 0xFFFF:x}": "Teredo",
        f"2606:2800:220:1::5efe:{v4}": "ISATAP",
        f"2606:2800:220:1:200:5efe:{high}:{low}": "ISATAP",
        f"fe80::5efe:{v4}": "ISATAP, link-local",
    }


def _translate(text: str, digits: str, dot: str = ".") -> str:
    return text.translate({ord(str(value)): digit for value, digit in enumerate(digits)} | {ord("."): dot})


def spellings(v4: str) -> Iterator[tuple[str, str]]:
    """Hosts that some parser, resolver or browser takes for `v4`."""
    number = int(ipaddress.IPv4Address(v4))
    a, b, c, d = ipaddress.IPv4Address(v4).packed
    yield v4, "plain"
    yield f"{v4}.", "trailing dot"
    yield f"{number}", "decimal"
    yield f"{number}.", "decimal, trailing dot"
    yield f"{number + 2**32}", "decimal, overflowing"
    yield f"0x{number:08x}", "hexadecimal"
    yield f"0X{number:08X}", "hexadecimal, upper case"
    yield f"0x0000000000{number:08x}", "hexadecimal, padded"
    yield f"0{number:o}", "octal"
    yield f"00000{number:o}", "octal, padded"
    yield f"{a}.{number & 0xFFFFFF}", "two parts"
    yield f"0x{a:x}.{number & 0xFFFFFF}", "two parts, mixed"
    yield f"{a}.{b}.{number & 0xFFFF}", "three parts"
    yield f"0{a:o}.0x{b:x}.{number & 0xFFFF}", "three parts, mixed"
    yield f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}", "dotted hexadecimal"
    yield f"0{a:o}.0{b:o}.0{c:o}.0{d:o}", "dotted octal"
    yield f"0{a:03o}.{b}.0x{c:02x}.{d}", "dotted, mixed"
    yield f"{a:04d}.{b:04d}.{c:04d}.{d:04d}", "leading zeros"
    yield f"{a + 256}.{b}.{c}.{d}", "overflowing part"
    yield f"{v4}.0", "five parts"
    yield f"[{v4}]", "in brackets"
    yield _translate(v4, "０１２３４５６７８９"), "full-width digits"
    yield _translate(v4, "０１２３４５６７８９", "．"), "full-width digits and dots"
    yield _translate(v4, "0123456789", "。"), "ideographic full stops"
    yield _translate(v4, "0123456789", "｡"), "half-width full stops"
    yield _translate(v4, "0123456789", "․"), "dot leaders"
    yield _translate(v4, "⓪①②③④⑤⑥⑦⑧⑨"), "circled digits"
    yield _translate(v4, "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗"), "bold digits"
    yield _translate(v4, "⁰¹²³⁴⁵⁶⁷⁸⁹"), "superscript digits"
    yield "".join(f"%{ord(character):02x}" for character in v4), "percent-encoded"
    yield v4.replace(".", "%2e"), "percent-encoded dots"
    yield "".join(f"%25{ord(character):02x}" for character in v4), "percent-encoded twice"
    yield v4.replace(".", "\u200b.", 1), "zero-width space"
    yield f"\u00ad{v4}", "soft hyphen"
    for address, why in wrapped(v4).items():
        yield f"[{address}]", why
        yield f"[{ipaddress.IPv6Address(address).exploded.upper()}]", f"{why}, in full"


_NAMES = """
    localhost LOCALHOST localhost. localhost.localdomain a.localhost foo.bar.localhost ip6-localhost loopback
    ⓛⓞⓒⓐⓛⓗⓞⓢⓣ ｌｏｃａｌｈｏｓｔ localhoſt 𝐥𝐨𝐜𝐚𝐥𝐡𝐨𝐬𝐭 ℒocalhost
    metadata metadata.google.internal METADATA.GOOGLE.INTERNAL metadata.google.internal. metadata.google。internal
    instance-data instance-data.ec2.internal ip-10-0-0-5.eu-west-1.compute.internal host.docker.internal
    gateway.docker.internal kubernetes kubernetes.default.svc kubernetes.default.svc.cluster.local
    postgres redis db printer.local router.lan nas.home server.corp wiki.intranet vault.private box.home.arpa
    ß.internal straße.local 例え.localhost expyuzz4wqqyqhjn.onion wpad intranet com
    example..com .example.com example.com.. ... . -example.com example-.com exa_mple!.com exam*ple.com
    a,b.example.com example.com;.internal 'example.com' example.com& {example.com} <example.com> exa"mple.com
    example.com%00 example.com%0d%0a example.com%2f@127.0.0.1 %6c%6f%63%61%6c%68%6f%73%74 127.0.0.1%2eexample.com
    a\u200dlocalhost.com exam\u200cple.com \u202eexample.com exam\u2060ple.com ex\ufeffample.com example.com\u0000
    ☃.example.com -例え.example.com 0x7f.1 0x.0x.0x.0x 0x7f.0.0.0x 127.0x0.1 1e3.1 08.8.8.8 1.2.3.09 99999 0 00 0x
    1.2.3 93.184.216.34.5 93.184.55330 1572395042 256.256.256.256 127.0.0.1:443:443 ::1 fe80::1 ::ffff:7f00:1
    [::1 ::1] [] [::1]] [[::1]] [::1%lo] [::1%25lo] [fe80::1%eth0] [fe80::1%25eth0] [fe80::1%1] [v1.::1] [::1]a
    [::1]. [localhost] [127.0.0.1] [::127.0.0.1.] [::0x7f.1] [::１] [0:0:0:0:0:0:0:0:1] [:::1] [1::2::3] [::fffff]
    """
NAMES = _NAMES.split()
NAMES += ["a" * 64 + ".com", "a." * 127 + "com", "١٢٧.٠.٠.١", "host name.com", "a\tb.com", "a\nb.com", "a\u3000b.com"]

PORTS = [0, 1, 7, 19, 21, 22, 23, 25, 53, 80, 81, 110, 143, 444, 445, 587, 853, 993, 2375, 2379, 3000, 3306, 4430]
PORTS += [5432, 5672, 6379, 6443, 8000, 8080, 8443, 8500, 8787, 9000, 9090, 9200, 10250, 11211, 15672, 27017, 65535]

_SCHEMES = """
    http ftp ftps sftp file gopher data dict ldap ldaps jar jar:http jar:https telnet tftp ssh smb nfs rsync git
    git+ssh svn ws wss unix http+unix https+unix docker tcp udp netdoc php phar expect glob zip compress.zlib ogg
    rtsp rtmp rtp hls concat javascript vbscript about blob chrome view-source feed mailto news redis s3 gs httpss
    xhttps h\u200bttps ｈｔｔｐｓ httpſ
    """
SCHEMES = _SCHEMES.split()


def _tricks() -> Iterator[tuple[str, str]]:
    """Whole URLs that parsers read differently."""
    inner, outer = "127.0.0.1", PUBLIC_V4
    for at in (f"{outer}@{inner}", f"{inner}@{outer}", f"a:b@{inner}", f"@{inner}", f"{outer}:443@{inner}"):
        yield f"https://{at}/", "user name"
    for at in (f"{outer}@{outer}@{inner}", f"{outer}%40{inner}", f"{outer}＠{inner}", f"{outer}:@{inner}"):
        yield f"https://{at}/", "user name"
    for slash in ("\\", "\\\\", "\\/", "/\\", "%5c", "＼", "∕", "／"):
        yield f"https:{slash}{slash}{inner}/", "slashes"
        yield f"https://{outer}{slash}@{inner}" if slash != "/\\" else f"https:/\\/{inner}/", "slashes"
    for mark in ("#", "?#", "/#", "/?#", "#@", "/#@", ";#@", "#\\@"):
        yield f"https://{outer}{mark}{inner}/", "fragment"
    yield "https://hooks.example.com#", "fragment"
    for gap in ("\r\n", "\n", "\r", "\t", " ", "\x00", "\x0b", "\x1f", "\x7f", "\x85", "\xa0", "\u2028", "\u2029"):
        yield f"https://{outer}{gap}@{inner}/", "control character in the host"
        yield f"https://{outer}/{gap}Host: {inner}", "control character in the path"
        yield f"https://{outer}/?a={gap}b", "control character in the query"
        yield f"{gap}https://{outer}/", "control character in front"
        yield f"https://{outer}/{gap}", "control character at the end"
        yield f"ht{gap}tps://{outer}/", "control character in the scheme"
    for url in ("", " ", "/", "//", f"//{outer}/", f"/{outer}", outer, f"{outer}/", "https", "https:", "https:/"):
        yield url, "no URL"
    for url in ("https://", "https:///", "https:////", f"https:///{outer}/", f"https:/{outer}/", f"https:{outer}"):
        yield url, "no host"
    for url in ("https://?a", "https://#a", "https://:443/", "https://@/", "https://./", "https://[/", "://a.com"):
        yield url, "no host"
    for port in (
        "",
        "a",
        "-1",
        "+443",
        " 443",
        "443a",
        "65536",
        "99999",
        "0443443",
        "４４３",
        "443:443",
        "0x1bb",
        "%34",
    ):
        yield f"https://{outer}:{port}/", "bad port"
        yield f"https://[{PUBLIC_V6}]:{port}/", "bad port"
    yield f"https://{outer}/" + "a" * 2048, "too long"
    yield f"https://{outer}/" + "é" * 500, "too long once encoded"
    yield f"https://{outer}/\ud800", "lone surrogate"
    yield f"url:https://{outer}/", "prefix"
    yield f"<https://{outer}/>", "in angle brackets"
    yield f"https://{outer}/\u202egnp.exe", "direction mark"


def refused_urls() -> dict[str, str]:
    """URL → why. All are refused by their text, before any name server is asked."""
    found: dict[str, str] = {}
    for v4, kind in FORBIDDEN_V4.items():
        for host, why in spellings(v4):
            found[f"https://{host}/hook"] = f"{kind}: {why}"
    for v6, kind in FORBIDDEN_V6.items():
        found[f"https://[{v6}]/hook"] = kind
        found[f"https://[{v6.upper()}]:443/"] = f"{kind}: upper case"
        found[f"https://[{ipaddress.IPv6Address(v6).exploded}]/"] = f"{kind}: in full"
        found[f"https://[{v6}%25lo]/"] = f"{kind}: zone"
        found[f"https://{v6}/"] = f"{kind}: without brackets"
    found |= {f"https://{name}/": "name" for name in NAMES}
    for host in (PUBLIC_V4, f"[{PUBLIC_V6}]", "hooks.example.com", "127.0.0.1"):
        found |= {f"https://{host}:{port}/": f"port {port}" for port in PORTS}
        found |= {f"http://{host}:{port}/": f"http on port {port}" for port in PORTS}
        found |= {f"{scheme}://{host}/": f"scheme {scheme}" for scheme in SCHEMES}
        found |= {f"{scheme}:{host}": f"scheme {scheme}" for scheme in SCHEMES}
    found["http://hooks.example.com:443/"] = "http on the port of https"
    found |= {"file:///etc/passwd": "file", "data:text/plain,hello": "data", "dict://127.0.0.1:6379/info": "dict"}
    found |= {"jar:https://hooks.example.com!/a": "jar", "gopher://127.0.0.1:6379/_PING": "gopher"}
    return found | dict(_tricks())


def refused_names() -> dict[str, tuple[list[list[str]], str]]:
    """Name → (what each look-up answers, why). The text is innocent; the name server is not."""
    found: dict[str, tuple[list[list[str]], str]] = {}
    inner = FORBIDDEN_V4 | FORBIDDEN_V6
    for v4 in ("127.0.0.1", "10.0.0.5", "169.254.169.254"):
        inner |= wrapped(v4)
    for number, (address, why) in enumerate(inner.items()):
        outer = PUBLIC_V6 if ":" in address else PUBLIC_V4
        found[f"alone{number}.example.com"] = [[address]], why
        found[f"last{number}.example.com"] = [[outer, address]], f"{why}, behind a public one"
        found[f"first{number}.example.com"] = [[address, outer]], f"{why}, before a public one"
        found[f"beside{number}.example.com"] = [[PUBLIC_V4, PUBLIC_V6, address]], f"{why}, among both kinds"
    for v4 in FORBIDDEN_V4:
        found[f"{v4}.nip.example.com"] = [[v4]], "name that spells its address"
        found[f"{v4.replace('.', '-')}.sslip.example.com"] = [[v4]], "name that spells its address"
    found["many.example.com"] = [[*(f"93.184.216.{last}" for last in range(30, 50)), "10.0.0.5"]], "one of many"
    found["kubernetes.default"] = [["10.96.0.1"]], "name of a cluster"
    found["nowhere.example.com"] = [[]], "no address"
    found["१२७.०.०.१"] = [[]], "digits of another script"
    found["xn--11b.xn--11b"] = [["127.0.0.1"]], "made of punycode"
    return found


def refused_redirects() -> dict[str, str]:
    """Location → why, as an answer of https://hooks.example.com/."""
    found: dict[str, str] = {}
    for v4, kind in FORBIDDEN_V4.items():
        found[f"https://{v4}/"] = kind
        found[f"http://{v4}/latest/meta-data/"] = kind
        found[f"//{v4}/"] = f"{kind}, without a scheme"
    found |= {f"https://[{v6}]/": kind for v6, kind in FORBIDDEN_V6.items()}
    found |= {f"https://{host}/": why for host, why in spellings("127.0.0.1") if host.isascii()}
    found |= {f"{scheme}://{PUBLIC_V4}/": f"scheme {scheme}" for scheme in SCHEMES if scheme.isascii()}
    found |= {f"https://{PUBLIC_V4}:{port}/": f"port {port}" for port in PORTS}
    found |= {f"https://alone{number}.example.com/": "name of a private address" for number in range(20)}
    found |= {f"https://{name}/": "name" for name in NAMES[:14] if name.isascii()}
    found |= {"https://localhost:8787/": "this machine", "http://hooks.example.com/": "no TLS"}
    found |= {"file:///etc/passwd": "file", "data:,hello": "data", "javascript:alert(1)": "script"}
    found |= {
        "https://hooks.example.com@127.0.0.1/": "user name",
        "https://127.0.0.1\\@hooks.example.com/": "backslash",
    }
    found |= {"\\\\127.0.0.1\\": "backslashes", "/\\127.0.0.1/": "backslash", "https:\\\\127.0.0.1/": "backslashes"}
    found |= {"https:////127.0.0.1/": "slashes", "////127.0.0.1/": "slashes", "/ok\twith a tab": "tab"}
    return found
