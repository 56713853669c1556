"""The OpenID Connect provider that people may sign in with: what it publishes, the way to it, and what it says of them.

Owns no table and lets nobody in: `identities` decides whose account a person's is. The code flow with PKCE (OpenID
Connect Core 1.0, 3.1; RFC 7636; RFC 9700), as Authlib and joserfc build and check it. Every exchange has a bound on
its time and its size. What the provider publishes is kept for an hour, asked for by one at a time, and not again just
after a failure: a provider that is silent holds up nobody for long, and what it last said goes on for a day.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar
from urllib.parse import quote_plus, urlsplit

import orjson

from seedbed.addresses import trusted_entries
from seedbed.errors import ConfigError, SeedbedError
from seedbed.outbound import Answer, OutboundError, PublicClient
from seedbed.settings import Settings

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

CALLBACK = "/sign-in/callback"
"""Where the provider sends people back to."""

ASK_S, EXCHANGE_S = 5.0, 12.0
"""Longest wait for one answer, and for all that one sign-in asks."""

KEEP_S, STALE_S = 3600.0, 86_400.0
"""How long what the provider publishes is kept, and how long it will do while the provider is away."""

RETRY_S, REFETCH_S = 5.0, 10.0
"""How long after a failure nobody asks, and how old the keys must be to be asked for again for an unknown one."""

DOCUMENT_BYTES_MAX = 256 * 1024
KEYS_MAX = 64
TOKEN_HEADER_BYTES_MAX = 8192
LEEWAY_S = 60
"""How far the provider's clock may be off."""

SUBJECT_CHARACTERS_MAX = EMAIL_CHARACTERS_MAX = 255
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures of ID tokens: by a private key alone. With HS256 whoever knows the client's secret could sign one."""

EXCHANGES_AT_ONCE = 32

Reason = Literal["away", "setup", "declined", "over", "untrusted", "no_email", "unverified", "domain", "closed",
                 "taken", "another"]  # fmt: skip
"""Why somebody did not come in; the console has the words for it."""

Value = TypeVar("Value")


class SignInRefused(SeedbedError):
    """Nobody was signed in. `reason` is for people; the message is for the operator's log, and holds no secret."""

    def __init__(self, reason: Reason, message: str, *, email: str = "") -> None:
        super().__init__(message)
        self.reason, self.email = reason, email


@dataclass(frozen=True, slots=True)
class Person:
    """Who the provider says has signed in. `verified` says that it has made sure of `email`."""

    issuer: str
    subject: str
    email: str | None
    verified: bool


@dataclass(frozen=True, slots=True)
class Described:
    """What the provider says of itself (OpenID Connect Discovery 1.0, 3)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    algorithms: tuple[str, ...]
    auth_method: str
    names_itself: bool


class Provider:
    """One provider. Close it at the end."""

    def __init__(self, settings: Settings, client: PublicClient) -> None:
        assert settings.oidc_issuer is not None
        assert settings.oidc_client_id is not None
        assert settings.oidc_client_secret is not None
        self.issuer, self._client_id = settings.oidc_issuer, settings.oidc_client_id
        self._secret = settings.oidc_client_secret.get_secret_value()
        self.label = settings.oidc_label or str(urlsplit(self.issuer).hostname)
        self.domains = settings.allowed_domains
        self.open = (settings.oidc_sign_up or settings.sign_up) == "open"
        self._scopes, self._redirect_uri = settings.oidc_scopes, settings.base_url + CALLBACK
        self._client = client
        self._described = _Kept(self._fetch_description)
        self._keys: _Kept[KeySet] = _Kept(self._fetch_keys)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def examine(self) -> int:
        """Ask for all that the provider publishes. Returns how many keys it signs with. Raises SignInRefused."""
        return len((await self._keys.get()).keys)

    async def way(self, *, state: str, nonce: str, verifier: str, language: str) -> str:
        """The address to send a browser to. Raises SignInRefused ("away", "setup")."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        described = await self._described.get()
        uri: str = prepare_grant_uri(
            described.authorization_endpoint, self._client_id, "code", redirect_uri=self._redirect_uri,
            scope=self._scopes, state=state, nonce=nonce, code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256", ui_locales=language,
        )  # fmt: skip
        return uri

    async def check_sender(self, issuer: str | None) -> None:
        """Raises SignInRefused unless the answer in the browser's hands names this provider (RFC 9207)."""
        if issuer is None and not (await self._described.get()).names_itself:
            return
        if issuer != self.issuer:
            raise SignInRefused("untrusted", f"the answer names another issuer: {issuer!r}")

    async def person(self, code: str, *, nonce: str, verifier: str) -> Person:
        """Who a code stands for. It works once. Raises SignInRefused."""
        try:
            async with asyncio.timeout(EXCHANGE_S):
                return await self._person(code, nonce, verifier)
        except TimeoutError:
            raise SignInRefused("away", f"{self.issuer} took more than {EXCHANGE_S:.0f} s in all") from None

    async def _person(self, code: str, nonce: str, verifier: str) -> Person:
        described = await self._described.get()
        tokens = await self._redeem(described, code, verifier)
        access = _token(tokens.get("access_token"))
        claims = await self._claims(described, tokens.get("id_token"), nonce, access)
        subject = claims["sub"]
        if not 0 < len(subject) <= SUBJECT_CHARACTERS_MAX or not subject.isprintable():
            raise SignInRefused("untrusted", "the ID token's subject is empty, too long or not printable")
        told: Mapping[str, Any] = claims
        if not {"email", "email_verified"} <= claims.keys() and described.userinfo_endpoint and access:
            told = await self._userinfo(described.userinfo_endpoint, access, subject) or claims
        email, verified = told.get("email"), told.get("email_verified")
        usable = isinstance(email, str) and email.isprintable() and len(email) <= EMAIL_CHARACTERS_MAX
        return Person(self.issuer, subject, email if usable else None, verified is True or verified == "true")

    async def _redeem(self, described: Described, code: str, verifier: str) -> dict[str, Any]:
        """The tokens for a code. Authlib's Basic does not encode what RFC 6749 (2.3.1) wants encoded, so we do."""
        from authlib.oauth2 import ClientAuth
        from authlib.oauth2.rfc6749.parameters import prepare_token_request

        basic = described.auth_method == "client_secret_basic"
        client = (quote_plus(self._client_id), quote_plus(self._secret)) if basic else (self._client_id, self._secret)
        body = prepare_token_request(
            "authorization_code", code=code, redirect_uri=self._redirect_uri, code_verifier=verifier
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        uri, headers, body = ClientAuth(*client, auth_method=described.auth_method).prepare(
            "POST", described.token_endpoint, headers, body
        )
        answer = await self._ask(uri, body.encode(), headers)
        told = _object(answer)
        if answer.status == 200 and told is not None:
            return told
        error = str((told or {}).get("error", ""))[:64]
        if answer.status >= 500 or answer.status == 429:
            raise SignInRefused("away", f"{uri} answers {answer.status}")
        if error == "invalid_grant":
            raise SignInRefused("over", f"{uri} refuses the code")
        about = str((told or {}).get("error_description", ""))[:200]
        raise SignInRefused("setup", f"{uri} refuses this server with {answer.status}: {error!r} {about!r}")

    async def _claims(self, described: Described, token: object, nonce: str, access: str | None) -> dict[str, Any]:
        """The claims of an ID token that is the provider's, for this server and this attempt (Core 1.0, 3.1.3.7).

        A key that is not known, or no longer fits, may have been changed: the keys are asked for once more.
        """
        from joserfc.errors import BadSignatureError, InvalidKeyIdError

        if not isinstance(token, str):
            raise SignInRefused("untrusted", "the answer for the code holds no ID token")
        try:
            return self._checked(described, token, await self._keys.get(), nonce, access)
        except (InvalidKeyIdError, BadSignatureError):
            keys = await self._keys.get(REFETCH_S)
        try:
            return self._checked(described, token, keys, nonce, access)
        except (InvalidKeyIdError, BadSignatureError) as error:
            raise SignInRefused("untrusted", f"the ID token is not signed by a key of the provider: {error}") from None

    def _checked(
        self, described: Described, token: str, keys: KeySet, nonce: str, access: str | None
    ) -> dict[str, Any]:
        from authlib.oidc.core import CodeIDToken
        from joserfc import jws, jwt
        from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError

        registry = jws.JWSRegistry(algorithms=described.algorithms, strict_check_header=False)
        registry.max_header_length = TOKEN_HEADER_BYTES_MAX
        try:
            read = jwt.decode(token, keys, registry=registry)
            options = {"iss": {"essential": True, "value": self.issuer},
                       "aud": {"essential": True, "value": self._client_id}}  # fmt: skip
            params = {"nonce": nonce, "client_id": self._client_id, "access_token": access}
            claims = CodeIDToken(read.claims, read.header, options, params)
            claims.validate(leeway=LEEWAY_S)
        except (InvalidKeyIdError, BadSignatureError):
            raise
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            # The library meets some of what is malformed with errors of Python's own.
            raise SignInRefused("untrusted", f"the ID token is not good: {error!r}") from None
        return dict(claims)

    async def _userinfo(self, url: str, access: str, subject: str) -> dict[str, Any] | None:
        """What the provider says beside the ID token, if it is about the same person (Core 1.0, 5.3)."""
        answer = await self._ask(url, None, {"Authorization": f"Bearer {access}"})
        told = _object(answer)
        if answer.status != 200 or told is None or "email" not in told:
            return None
        if told.get("sub") != subject:
            raise SignInRefused("untrusted", "the provider's userinfo is about somebody else")
        return told

    # What it publishes -----------------------------------------------------------------------------------------

    async def _fetch_description(self) -> Described:
        from authlib.oidc.discovery import get_well_known_url

        url = get_well_known_url(self.issuer, external=True)
        return _described(self.issuer, await self._document(url))

    async def _fetch_keys(self) -> KeySet:
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet, import_key

        url = (await self._described.get()).jwks_uri
        listed, keys = (await self._document(url)).get("keys"), []
        for each in listed[:KEYS_MAX] if isinstance(listed, list) else ():
            if isinstance(each, dict) and each.get("kty") in ("RSA", "EC") and each.get("use", "sig") == "sig":
                with contextlib.suppress(JoseError, ValueError, TypeError, KeyError):
                    keys.append(import_key(each))
        if not keys:
            raise SignInRefused("setup", f"{url} lists no RSA or EC key for signatures")
        return KeySet(keys)

    async def _document(self, url: str) -> dict[str, Any]:
        answer = await self._ask(url)
        found = _object(answer)
        if answer.status == 200 and found is not None:
            return found
        away = answer.status >= 500 or answer.status == 429
        raise SignInRefused("away" if away else "setup", f"{url} answers {answer.status}, and no JSON object")

    async def _ask(self, url: str, content: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        try:
            return await self._client.ask(
                url, content, {"Accept": "application/json", **(headers or {})},
                size_bytes_max=DOCUMENT_BYTES_MAX, timeout_s=ASK_S,
            )  # fmt: skip
        except OutboundError as error:
            raise SignInRefused("away", f"{url}: {error.message}") from None


class _Kept(Generic[Value]):
    """Something that the provider publishes."""

    def __init__(self, fetch: Callable[[], Awaitable[Value]]) -> None:
        self._fetch, self._turn = fetch, asyncio.Lock()
        self._value: Value | None = None
        self._at_s = self._failed_s = float("-inf")
        self._failure: SignInRefused | None = None

    async def get(self, within_s: float = KEEP_S) -> Value:
        """What was fetched within so many seconds; else it is fetched. Raises SignInRefused when that fails."""
        async with self._turn:
            now_s = time.monotonic()
            if self._value is not None and now_s - self._at_s < within_s:
                return self._value
            if self._failure is None or now_s - self._failed_s >= RETRY_S:
                await self._refresh()
            if self._failure is not None and (self._value is None or now_s - self._at_s >= STALE_S):
                raise SignInRefused(self._failure.reason, str(self._failure))
            assert self._value is not None
            return self._value

    async def _refresh(self) -> None:
        try:
            self._value, self._failure = await self._fetch(), None
            self._at_s = time.monotonic()
        except SignInRefused as failure:
            self._failure, self._failed_s = failure, time.monotonic()


def _token(found: object) -> str | None:
    """An access token as it may stand in a header (RFC 6750, 2.1), if it is one."""
    return found if isinstance(found, str) and re.fullmatch(r"[\x21-\x7e]+", found) else None


def _object(answer: Answer) -> dict[str, Any] | None:
    """The JSON object that an answer is, if it is one."""
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _described(issuer: str, document: dict[str, Any]) -> Described:
    """A discovery document, as far as it is needed. Raises SignInRefused ("setup") for one that will not do."""
    named = document.get("issuer")
    if named != issuer:
        raise SignInRefused("setup", f"SEEDBED_OIDC_ISSUER is {issuer!r}, but the provider calls itself {named!r}")
    offered = _texts(document, "id_token_signing_alg_values_supported") or ["RS256"]
    algorithms = tuple(name for name in ALGORITHMS if name in offered)
    if not algorithms:
        raise SignInRefused("setup", f"the provider signs with {offered} alone; it must offer one of {ALGORITHMS}")
    methods = _texts(document, "token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    for method in ("client_secret_basic", "client_secret_post"):
        if method in methods:
            break
    else:
        raise SignInRefused("setup", f"the provider takes no client secret, but {methods} alone")
    return Described(
        authorization_endpoint=_endpoint(issuer, document, "authorization_endpoint"),
        token_endpoint=_endpoint(issuer, document, "token_endpoint"),
        jwks_uri=_endpoint(issuer, document, "jwks_uri"),
        userinfo_endpoint=_endpoint(issuer, document, "userinfo_endpoint") if "userinfo_endpoint" in document else None,
        algorithms=algorithms,
        auth_method=method,
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _texts(document: dict[str, Any], name: str) -> list[str]:
    found = document.get(name)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _endpoint(issuer: str, document: dict[str, Any], name: str) -> str:
    """An address of the document: https, or http below an issuer that is that itself."""
    url = document.get(name)
    schemes = ("https://", "http://") if issuer.startswith("http://") else ("https://",)
    if not isinstance(url, str) or not url.startswith(schemes) or "#" in url or not url.isprintable() or " " in url:
        raise SignInRefused("setup", f"the provider's {name} is {url!r}, and not an https URL")
    return url


def open_provider(settings: Settings) -> Provider | None:
    """The provider of the settings, if they name one; nothing is asked yet. Raises ConfigError for half a set-up."""
    given = {
        "SEEDBED_OIDC_ISSUER": settings.oidc_issuer,
        "SEEDBED_OIDC_CLIENT_ID": settings.oidc_client_id,
        "SEEDBED_OIDC_CLIENT_SECRET": settings.oidc_client_secret,
    }
    missing = [name for name, value in given.items() if not value]
    if len(missing) == len(given):
        if not settings.passwords:
            raise ConfigError("SEEDBED_PASSWORD_SIGN_IN: off needs SEEDBED_OIDC_ISSUER, or nobody could sign in")
        return None
    if missing:
        raise ConfigError(f"{missing[0]}: must be set, as the other settings of sign-in with a provider are")
    assert settings.oidc_issuer is not None
    there = urlsplit(settings.oidc_issuer)
    host = str(there.hostname)
    try:
        port = there.port or (443 if there.scheme == "https" else 80)
    except ValueError:
        raise ConfigError(f"SEEDBED_OIDC_ISSUER: the port must be 1 to 65535 (got {settings.oidc_issuer!r})") from None
    exempt = {(host, None), (host, port)} & trusted_entries(settings.trusted)
    if there.scheme == "http" and not exempt and host not in ("localhost", "127.0.0.1", "::1"):
        raise ConfigError(
            f"SEEDBED_OIDC_ISSUER: must begin with https://, or its host be in SEEDBED_TRUSTED_HOSTS: over http "
            f"anybody on the way could sign in as anyone (got {settings.oidc_issuer!r})"
        )
    own = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    client = PublicClient(settings.trusted | {own}, host_max=EXCHANGES_AT_ONCE, timeout_s=ASK_S)
    return Provider(settings, client)
