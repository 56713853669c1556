"""Those who should not come in by the provider: forged answers, forged tokens, other people's attempts."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlencode

import httpx2
import orjson
import pytest

from seedbed import db, identities
from seedbed.settings import Settings
from tests.console.abroad import accounts_of, back, configured, go, leave, stays_out
from tests.console.people import Browser, heading
from tests.oidc_stand import CLIENT, SECRET, Stand, ec_key, person, rsa_key, signed, standing


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with standing() as stand:
        stand.who = person("alice")
        yield stand


@pytest.fixture
def settings(settings: Settings, stand: Stand) -> Settings:
    return configured(settings, stand)


OVER, UNTRUSTED = "has expired, or was begun in another browser", "cannot be trusted"


# Attempts --------------------------------------------------------------------------------------------------------


async def test_an_answer_in_another_browser_leads_nowhere(
    browser: Browser, other: Browser, stand: Stand, conn: db.Connection
) -> None:
    """Login CSRF: Mallory's answer is not to sign Alice's browser in; and Alice's stolen address not Mallory's."""
    answer = await back(browser, await leave(browser))
    await stays_out(other, await other.http.get(answer), 403, OVER)
    guessed = "; ".join(f"{name}=x.Lw==" for name in browser.http.cookies)
    await stays_out(other, await other.http.get(answer, headers={"Cookie": guessed}), 403, OVER)
    assert await accounts_of(conn) == []
    assert (await browser.http.get(answer)).status_code == 303, "what others try takes nothing from it"


async def test_a_code_is_of_its_attempt(browser: Browser, other: Browser, stand: Stand, conn: db.Connection) -> None:
    """A code that was stolen, or slipped in, meets another attempt's verifier."""
    theirs, mine = await back(browser, await leave(browser)), await back(other, await leave(other))
    codes = [address.partition("code=")[2].partition("&")[0] for address in (theirs, mine)]
    await stays_out(other, await other.http.get(mine.replace(codes[1], codes[0])), 403, OVER)
    assert await accounts_of(conn) == []


async def test_an_answer_works_once(browser: Browser, stand: Stand, conn: db.Connection) -> None:
    left = await leave(browser)
    cookies = dict(browser.http.cookies)
    answer = await back(browser, left)
    assert (await browser.http.get(answer)).status_code == 303
    async with httpx2.AsyncClient(base_url=browser.origin, cookies=cookies) as http:
        await stays_out_of(http, answer)
    both = await back(browser, await leave(browser))
    found = await asyncio.gather(browser.http.get(both), browser.http.get(both))
    assert sorted(each.status_code for each in found) == [303, 403]


async def stays_out_of(http: httpx2.AsyncClient, answer: str) -> None:
    again = await http.get(answer)
    assert (again.status_code, OVER in heading(again.text)) == (403, True)
    assert "session" not in http.cookies


async def test_an_attempt_ends(browser: Browser, stand: Stand, conn: db.Connection) -> None:
    answer = await back(browser, await leave(browser))
    await conn.execute("UPDATE sign_in_attempts SET begun_at = now() - interval '10 minutes 1 second'")
    await stays_out(browser, await browser.http.get(answer), 403, OVER)
    await leave(browser)
    await conn.execute("UPDATE sign_in_attempts SET begun_at = now() - interval '21 minutes'")
    await identities.sweep(conn)
    assert await conn.fetchval("SELECT count(*) FROM sign_in_attempts") == 0


async def test_made_up_answers_lead_nowhere(browser: Browser) -> None:
    for query in (
        {}, {"state": ""}, {"code": "x"}, {"state": "x", "code": "y"}, {"state": "x" * 5000, "code": "y"},
        {"state": "\x00", "code": "\x00"}, {"error": "access_denied"}, {"state": "é", "error": "<script>"},
    ):  # fmt: skip
        await stays_out(browser, await browser.http.get(f"/sign-in/callback?{urlencode(query)}"), 403, OVER)


async def test_what_the_database_keeps_opens_nothing(browser: Browser, stand: Stand, conn: db.Connection) -> None:
    await leave(browser)
    row = str(await conn.fetchrow("SELECT * FROM sign_in_attempts"))
    assert stand.authorized == []
    for name, value in browser.http.cookies.items():
        assert name.startswith("attempt-")
        assert value.partition(".")[0] not in row


async def test_a_session_of_before_is_not_kept(browser: Browser, stand: Stand) -> None:
    """Fixation: whatever session the browser came with, it leaves with another."""
    answer = await back(browser, await leave(browser))
    browser.http.cookies.set("session", "chosen-by-a-stranger", domain="127.0.0.1")
    entered = await browser.http.get(answer)
    fresh = entered.headers["set-cookie"].partition("session=")[2].partition(";")[0]
    assert fresh not in ("", "chosen-by-a-stranger")


async def test_another_site_begins_nothing(browser: Browser, stand: Stand, conn: db.Connection) -> None:
    for site in ("cross-site", "same-site", "?"):
        answer = await browser.http.get("/sign-in/start?next=/keys", headers={"Sec-Fetch-Site": site})
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fkeys")
    assert await conn.fetchval("SELECT count(*) FROM sign_in_attempts") == 0


async def test_nobody_is_sent_elsewhere(browser: Browser, stand: Stand) -> None:
    for to in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb", ""):
        assert (await go(browser, to)).headers["location"] == "/"
        await _with_another_cookie(browser, to)


async def _with_another_cookie(browser: Browser, to: str) -> None:
    await browser.send("/account", "/sign-out")
    left = await leave(browser)
    name = left.headers["set-cookie"].partition("=")[0]
    secret = browser.http.cookies[name].partition(".")[0]
    browser.http.cookies.clear()
    forged = f"{name}={secret}.{base64.urlsafe_b64encode(to.encode()).decode()}"
    entered = await browser.http.get(await back(browser, left), headers={"Cookie": forged})
    assert entered.headers["location"] == "/"


async def test_beginning_is_slowed_down(browser: Browser, stand: Stand) -> None:
    for _ in range(identities.BEGUN_PER_MINUTE):
        await leave(browser)
    answer = await leave(browser)
    assert (answer.status_code, "Too many attempts" in heading(answer.text)) == (429, True)


# Who answered ----------------------------------------------------------------------------------------------------


async def test_another_providers_answer_is_refused(browser: Browser, stand: Stand, conn: db.Connection) -> None:
    """Mix-up (RFC 9207): what names another issuer is not for this one."""
    stand.says = {"authorization_response_iss_parameter_supported": True}
    answer = await back(browser, await leave(browser))
    assert "iss=" in answer
    assert (await browser.http.get(answer)).status_code == 303
    await browser.send("/account", "/sign-out")
    for forged in ("iss=https%3A%2F%2Fevil.example", "iss=", ""):
        answer = await back(browser, await leave(browser))
        own = f"iss={urlencode({'': stand.issuer})[1:]}"
        assert own in answer
        await stays_out(browser, await browser.http.get(answer.replace(own, forged)), 502, UNTRUSTED)
    stand.says = {}
    answer = await back(browser, await leave(browser))
    await stays_out(browser, await browser.http.get(f"{answer}&iss=https://evil.example"), 502, UNTRUSTED)


async def test_a_refusal_of_the_provider_is_told(browser: Browser, stand: Stand) -> None:
    for error, status, says in (
        ("access_denied", 403, "Acme ID did not let you in"),
        ("login_required", 403, "Acme ID did not let you in"),
        ("temporarily_unavailable", 503, "Acme ID does not answer"),
        ("invalid_scope", 502, "does not work now"),
        ("<script>alert(1)</script>", 502, "does not work now"),
    ):
        stand.refuses = error
        answer = await go(browser, "/keys")
        await stays_out(browser, answer, status, says)
        assert "evil.example" not in answer.text
        assert "<script>alert" not in answer.text
        assert "next=%2Fkeys" in answer.text, "another try leads where one wanted to go"


# Tokens ----------------------------------------------------------------------------------------------------------


WRONG: list[dict[str, Any]] = [
    {"iss": "https://evil.example"}, {"iss": None}, {"iss": ["https://evil.example"]},
    {"aud": "another-client"}, {"aud": None}, {"aud": []}, {"aud": ["another-client"]},
    {"aud": [CLIENT, "another-client"]}, {"aud": [CLIENT, "another-client"], "azp": "another-client"},
    {"azp": "another-client"},
    {"exp": int(time.time()) - 120}, {"exp": None}, {"exp": "soon"}, {"exp": float("inf")},
    {"iat": int(time.time()) + 3600}, {"iat": None}, {"nbf": int(time.time()) + 3600},
    {"nonce": "another"}, {"nonce": None}, {"nonce": ""}, {"nonce": 7},
    {"sub": None}, {"sub": ""}, {"sub": "a" * 256}, {"sub": 7}, {"sub": "a\x00b"},
    {"at_hash": "bm90IGl0"},
]  # fmt: skip


async def test_a_token_with_wrong_claims_signs_nobody_in(browser: Browser, stand: Stand, conn: db.Connection) -> None:
    for claims in WRONG:
        stand.claims = claims
        answer = await go(browser)
        assert answer.status_code == 502, claims
        await stays_out(browser, answer, 502, UNTRUSTED)
    assert await accounts_of(conn) == []
    stand.claims = {}
    assert (await go(browser)).status_code == 303, "and the right one does"


async def test_clocks_may_differ_a_little(browser: Browser, stand: Stand) -> None:
    stand.claims = {"exp": int(time.time()) - 30, "iat": int(time.time()) + 30, "aud": [CLIENT], "azp": CLIENT}
    assert (await go(browser)).status_code == 303


def _b64(value: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


def _unsigned(alg: str) -> Callable[[dict[str, Any]], str]:
    return lambda claims: f"{_b64({'alg': alg, 'kid': 'first'})}.{_b64(claims)}."


def _by_secret(key: bytes) -> Callable[[dict[str, Any]], str]:
    """HS256: with the client's secret, or with the public key, the oldest of forgeries."""

    def sign(claims: dict[str, Any]) -> str:
        text = f"{_b64({'alg': 'HS256', 'kid': 'first'})}.{_b64(claims)}"
        mac = hmac.new(key, text.encode(), hashlib.sha256).digest()
        return f"{text}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"

    return sign


def _cut(claims: dict[str, Any]) -> str:
    """A signature of the right length that is none."""
    return f"{_b64({'alg': 'ES256', 'kid': 'first'})}.{_b64(claims)}.{'A' * 86}"


STRANGERS = ec_key("first")

FORGERIES: dict[str, Callable[[dict[str, Any]], str]] = {
    "none": _unsigned("none"),
    "None": _unsigned("None"),
    "empty": _unsigned("ES256"),
    "unknown algorithm": _unsigned("ES999"),
    "no signature": _cut,
    "the client's secret": _by_secret(SECRET.encode()),
    "a stranger's key": lambda claims: signed(STRANGERS, claims),
    "a stranger's key in the header": lambda claims: signed(STRANGERS, claims, jwk=STRANGERS.as_dict(private=False)),
    "an unknown key": lambda claims: signed(ec_key("unknown"), claims),
    "a critical extension": lambda claims: signed(STRANGERS, claims, crit=["b64"], b64=False),
    "two parts": lambda claims: f"{_b64({'alg': 'ES256'})}.{_b64(claims)}",
    "no base64": lambda _: "%.%.%",
    "no JSON": lambda _: "bm90.anNvbg.c2ln",
    "a list": lambda _: f"{_b64([])}.{_b64([])}.c2ln",
    "not ASCII": lambda _: "é.é.é",
    "nothing": lambda _: "",
    "a long header": lambda claims: f"{_b64({'alg': 'ES256', 'kid': 'first', 'x': 'a' * 9000})}.{_b64(claims)}.c2ln",
    "an odd algorithm": lambda claims: f"{_b64({'alg': {}, 'kid': []})}.{_b64(claims)}.c2ln",
}


async def test_a_forged_token_signs_nobody_in(browser: Browser, stand: Stand, conn: db.Connection) -> None:
    for forgery, sign in FORGERIES.items():
        stand.sign = sign
        answer = await go(browser)
        assert answer.status_code == 502, forgery
        await stays_out(browser, answer, 502, UNTRUSTED)
    assert await accounts_of(conn) == []
    stand.sign = None
    assert (await go(browser)).status_code == 303, "and the right one does"


async def test_the_public_key_is_no_secret(browser: Browser, stand: Stand, conn: db.Connection) -> None:
    stand.keys = [rsa_key("first")]
    for encoding in ("PEM", "DER"):
        stand.sign = _by_secret(stand.keys[0].as_bytes(encoding=encoding, private=False))  # type: ignore[call-overload, union-attr]
        await stays_out(browser, await go(browser), 502, UNTRUSTED)
    stand.sign = None
    assert (await go(browser)).status_code == 303
