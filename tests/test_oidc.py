"""The provider of sign-in: what is kept of it and for how long, its keys' changes, its silence; half a set-up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from seedbed import oidc
from seedbed.checkup import examine
from seedbed.errors import ConfigError
from seedbed.oidc import Person, Provider, SignInRefused, open_provider
from seedbed.settings import load
from tests.oidc_stand import CLIENT, SECRET, Stand, ec_key, person, rsa_key, signed, standing

VERIFIER = "v" * 43
ALICE = Person("", "id-of-alice", "alice@example.org", True)


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with standing() as stand:
        stand.who = person("alice")
        yield stand


@asynccontextmanager
async def opened(stand: Stand, **otherwise: Any) -> AsyncIterator[Provider]:
    given = {"oidc_issuer": stand.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET}
    provider = open_provider(load(**given | otherwise))
    assert provider is not None
    try:
        yield provider
    finally:
        await provider.aclose()


async def code(provider: Provider) -> str:
    """A code for an attempt whose nonce is "n", fetched as a browser does."""
    way = await provider.way(state="s", nonce="n", verifier=VERIFIER, language="en")
    async with httpx2.AsyncClient() as there:
        back = (await there.get(way)).headers["location"]
    return parse_qs(urlsplit(back).query)["code"][0]


async def who(provider: Provider) -> Person:
    return await provider.person(await code(provider), nonce="n", verifier=VERIFIER)


async def refused(provider: Provider) -> SignInRefused:
    with pytest.raises(SignInRefused) as caught:
        await who(provider)
    return caught.value


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Moves the clock by which things are kept."""
    passed = [0.0]
    real = time.monotonic
    monkeypatch.setattr(oidc.time, "monotonic", lambda: real() + passed[0])  # type: ignore[attr-defined]

    def move(seconds: float) -> None:
        passed[0] += seconds

    return move


async def test_what_it_publishes_is_asked_for_once_an_hour(stand: Stand, later: Any) -> None:
    async with opened(stand) as provider:
        for _ in range(3):
            found = await who(provider)
            assert found == Person(stand.issuer, ALICE.subject, ALICE.email, True)
        assert stand.asked.count("/.well-known/openid-configuration") == stand.asked.count("/keys") == 1
        later(oidc.KEEP_S + 1)
        await who(provider)
        assert stand.asked.count("/.well-known/openid-configuration") == stand.asked.count("/keys") == 2


async def test_everybody_at_once_asks_once(stand: Stand) -> None:
    async with opened(stand) as provider:
        ways = await asyncio.gather(
            *(provider.way(state=f"{n}", nonce="n", verifier=VERIFIER, language="en") for n in range(20))
        )
        assert len(set(ways)) == 20
        assert stand.asked == ["/.well-known/openid-configuration"]


async def test_keys_change(stand: Stand, later: Any) -> None:
    async with opened(stand) as provider:
        await who(provider)
        stand.keys = [stand.keys[0], rsa_key("second")]
        later(oidc.REFETCH_S)
        assert (await who(provider)).subject == "id-of-alice"
        assert stand.asked.count("/keys") == 2
        stand.keys = [ec_key("second")]
        later(oidc.REFETCH_S)
        assert (await who(provider)).subject == "id-of-alice", "another key by the same name"
        assert stand.asked.count("/keys") == 3


async def test_unknown_keys_do_not_make_it_ask_without_end(stand: Stand, later: Any) -> None:
    async with opened(stand) as provider:
        await who(provider)
        strange = ec_key("strange")
        stand.sign = lambda claims: signed(strange, claims)
        for _ in range(5):
            assert (await refused(provider)).reason == "untrusted"
        assert stand.asked.count("/keys") == 1
        later(oidc.REFETCH_S)
        assert (await refused(provider)).reason == "untrusted"
        assert stand.asked.count("/keys") == 2


async def test_a_provider_that_is_away_is_left_alone_for_a_moment(stand: Stand, later: Any) -> None:
    stand.down = True
    async with opened(stand) as provider:
        for _ in range(3):
            assert (await refused(provider)).reason == "away"
        assert len(stand.asked) == 1
        stand.down = False
        later(oidc.RETRY_S)
        await who(provider)
        stand.down = True
        later(oidc.KEEP_S)
        assert (await provider.way(state="s", nonce="n", verifier=VERIFIER, language="en")).startswith(stand.url)
        later(oidc.STALE_S)
        assert (await refused(provider)).reason == "away"


async def test_a_silent_provider_holds_nobody_up(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "ASK_S", 0.3)
    monkeypatch.setattr(oidc, "EXCHANGE_S", 0.5)
    async with opened(stand) as provider:
        ready = await code(provider)
        stand.silent_s = 0.25
        began = time.monotonic()
        with pytest.raises(SignInRefused) as caught:
            await provider.person(ready, nonce="n", verifier=VERIFIER)  # tokens and keys: 0.5 s together
        assert caught.value.reason == "away"
        assert time.monotonic() - began < 2
    stand.silent_s = 2
    async with opened(stand) as provider:
        began = time.monotonic()
        ways = [provider.way(state="s", nonce="n", verifier=VERIFIER, language="en") for _ in range(10)]
        found = await asyncio.gather(*ways, return_exceptions=True)
        assert {getattr(each, "reason", None) for each in found} == {"away"}
        assert time.monotonic() - began < 1.5, "all wait together, and not one after another"
    stand.silent_s = 0


@pytest.mark.parametrize(
    ("says", "message"),
    [
        ({"issuer": "https://evil.example"}, "calls itself 'https://evil.example'"),
        ({"issuer": None}, "calls itself None"),
        ({"token_endpoint": None}, "token_endpoint is None"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint"),
        ({"jwks_uri": "http://10.0.0.1/keys"}, "/keys: The URL must"),
        ({"id_token_signing_alg_values_supported": ["HS256", "none"]}, "must offer one of"),
        ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, "takes no client secret"),
    ],
)
async def test_a_description_that_will_not_do(stand: Stand, says: dict[str, Any], message: str) -> None:
    stand.says = says
    async with opened(stand) as provider:
        with pytest.raises(SignInRefused, match=r".") as caught:
            await provider.examine()
        assert message in str(caught.value)


async def test_an_access_token_that_is_none_goes_nowhere(stand: Stand) -> None:
    stand.who, stand.userinfo, stand.access = {"sub": "id-of-alice"}, person("alice"), "a\r\nX-Evil: 1"
    async with opened(stand) as provider:
        assert (await who(provider)).email is None
    assert "/userinfo" not in stand.asked


async def test_an_address_that_is_none_is_left_out(stand: Stand) -> None:
    async with opened(stand) as provider:
        for email in ("alice@example.org\x00", "a" * 300 + "@example.org", 7, ["alice@example.org"]):
            stand.who = person("alice", email=email)
            assert (await who(provider)).email is None
        stand.sign = lambda _: f"{'W' * 20000}.{'W1tb' * 20000}.c2ln"
        assert (await refused(provider)).reason == "untrusted"


async def test_an_issuer_may_have_a_path_and_ways_of_its_own(stand: Stand) -> None:
    stand.path = "/realms/films/"
    stand.says = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    stand.keys = [rsa_key("a"), ec_key("b"), rsa_key("c")]
    async with opened(stand) as provider:
        assert (await who(provider)).issuer == f"{stand.url}/realms/films/"
        assert await provider.examine() == 3
    stand.secret = "another"
    async with opened(stand) as provider:
        found = await refused(provider)
        assert (found.reason, "invalid_client" in str(found)) == ("setup", True)
        assert SECRET not in str(found)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"oidc_issuer": "https://a.example"}, "SEEDBED_OIDC_CLIENT_ID: must be set"),
        ({"oidc_client_id": "a", "oidc_client_secret": "b"}, "SEEDBED_OIDC_ISSUER: must be set"),
        ({"oidc_issuer": "https://a.example", "oidc_client_id": "a"}, "SEEDBED_OIDC_CLIENT_SECRET: must be set"),
        ({"password_sign_in": "off"}, "SEEDBED_PASSWORD_SIGN_IN: off needs SEEDBED_OIDC_ISSUER"),
        (
            {"oidc_issuer": "http://a.example", "oidc_client_id": "a", "oidc_client_secret": "b"},
            "SEEDBED_OIDC_ISSUER: must begin with https://",
        ),
        (
            {"oidc_issuer": "https://a.example:99999", "oidc_client_id": "a", "oidc_client_secret": "b"},
            "SEEDBED_OIDC_ISSUER: the port must be",
        ),
    ],
)
def test_half_a_set_up_is_told(given: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_provider(load(**given))
    assert str(caught.value).startswith(message)


def test_without_settings_there_is_none() -> None:
    assert open_provider(load()) is None


async def test_the_label_is_the_host_where_nothing_is_said() -> None:
    given = {"oidc_issuer": "https://login.example.com/a", "oidc_client_id": "a", "oidc_client_secret": "b"}
    provider = open_provider(load(**given))
    inner = open_provider(load(**given | {"oidc_issuer": "http://sso.lan:81", "trusted_hosts": "sso.lan"}))
    assert provider is not None
    assert inner is not None
    assert provider.label == "login.example.com"
    assert inner.issuer == "http://sso.lan:81"


async def test_the_doctor_asks_it(stand: Stand, dsn: str) -> None:
    given = {"oidc_issuer": stand.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET, "database_url": dsn}

    async def finding(**otherwise: Any) -> tuple[bool, str]:
        settings = load(**given | otherwise)
        found = await asyncio.to_thread(examine, settings, lambda _: nullcontext(dsn))
        return next((each.good, each.detail) for each in found if each.check == "sign-in")

    assert await finding() == (True, f"with {stand.issuer}; signing keys: 1")
    good, detail = await finding(oidc_issuer=f"{stand.issuer}/")
    assert (good, f"the provider calls itself '{stand.issuer}'" in detail) == (False, True)
    stand.down = True
    assert (await finding())[0] is False
