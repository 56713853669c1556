"""A stand-in for an OpenID Connect provider: a real HTTP server with discovery, authorization, tokens and keys.

It keeps the rules that a provider keeps: the client's secret, the redirect URI, PKCE, codes that work once. Its ID
tokens carry real signatures. Tests make it lie by `claims`, `sign` and the like.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import itertools
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from tests.stands import stood

CLIENT, SECRET = "seedbed-console", "s3cret: with +/% signs"


def rsa_key(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"})


def ec_key(name: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": name, "use": "sig", "alg": "ES256"})


@dataclass
class Stand:
    """What the stand-in knows, and how it misbehaves."""

    url: str = ""
    path: str = ""
    """Behind the host's name, as with providers that have realms."""
    keys: list[Key] = field(default_factory=lambda: [ec_key("first")])
    who: dict[str, Any] = field(default_factory=dict)
    """Who is signed in at the provider: `sub`, `email` and so on."""
    refuses: str = ""
    """The error that people are sent back with, instead of a code."""
    says: dict[str, Any] = field(default_factory=dict)
    """What the discovery document says otherwise; None takes a member away."""
    claims: dict[str, Any] = field(default_factory=dict)
    """Claims of ID tokens that are otherwise; None takes one away."""
    sign: Callable[[dict[str, Any]], str] | None = None
    """How ID tokens are signed; by the last key, with its algorithm, where nothing is said."""
    userinfo: dict[str, Any] | None = None
    access: str = "for-userinfo"
    down: bool = False
    silent_s: float = 0
    secret: str = SECRET
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    authorized: list[dict[str, str]] = field(default_factory=list)
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def issuer(self) -> str:
        return f"{self.url}{self.path}"

    async def __call__(self, request: Request) -> Response:
        path = request.url.path.removeprefix(self.path.rstrip("/"))
        self.asked.append(path)
        if self.silent_s:
            await asyncio.sleep(self.silent_s)
        if self.down:
            return Response("down", 503)
        if path == "/.well-known/openid-configuration":
            return JSONResponse(self.description())
        if path == "/keys":
            return JSONResponse({"keys": [key.as_dict(private=False) for key in self.keys] + [{"kty": "AKP"}, "odd"]})
        if path == "/authorize":
            return self._authorize(dict(request.query_params))
        if path == "/token":
            return self._token(request, dict(parse_qsl((await request.body()).decode(), strict_parsing=True)))
        assert path == "/userinfo", path
        assert request.headers["authorization"] == "Bearer for-userinfo"
        return JSONResponse(self.userinfo)

    def description(self) -> dict[str, Any]:
        base = self.issuer.rstrip("/")
        told = {
            "issuer": self.issuer, "authorization_endpoint": f"{base}/authorize?tenant=1",
            "token_endpoint": f"{base}/token", "jwks_uri": f"{base}/keys", "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "ES256"],
        } | ({"userinfo_endpoint": f"{base}/userinfo"} if self.userinfo else {})  # fmt: skip
        return {name: value for name, value in (told | self.says).items() if value is not None}

    # Somebody's browser ----------------------------------------------------------------------------------------

    def _authorize(self, asked: dict[str, str]) -> Response:
        self.authorized.append(asked)
        assert asked["tenant"] == "1", "the endpoint's own query is kept"
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        if self.refuses:
            return self._back(asked, error=self.refuses, error_description="<b>go to evil.example</b>")
        code = f"code-{next(self.numbers)}"
        self.codes[code] = asked
        return self._back(asked, code=code)

    def _back(self, asked: dict[str, str], **told: str) -> Response:
        named = {"iss": self.issuer} if self.says.get("authorization_response_iss_parameter_supported") else {}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(told | named | {'state': asked['state']})}", 302)

    # The server -----------------------------------------------------------------------------------------------

    def _token(self, request: Request, form: dict[str, str]) -> Response:
        if self._client(request, form) != (CLIENT, self.secret):
            return JSONResponse({"error": "invalid_client"}, 401)
        asked = self.codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        if asked is None or asked["redirect_uri"] != form["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        if asked["code_challenge"] != challenge.rstrip("="):
            return JSONResponse({"error": "invalid_grant", "error_description": "PKCE"}, 400)
        token = self.id_token(asked["nonce"])
        return JSONResponse({"access_token": self.access, "token_type": "Bearer", "id_token": token})

    def _client(self, request: Request, form: dict[str, str]) -> tuple[str, ...]:
        methods = self.says.get("token_endpoint_auth_methods_supported")
        if methods == ["client_secret_post"]:
            return form.get("client_id", ""), form.get("client_secret", "")
        basic = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        return tuple(unquote_plus(part) for part in basic.split(":", 1))

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        told = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce, **self.who}
        claims = {name: value for name, value in (told | self.claims).items() if value is not None}
        return self.sign(claims) if self.sign else signed(self.keys[-1], claims)


def signed(key: Key, claims: dict[str, Any], **header: Any) -> str:
    return jwt.encode({"alg": key.get("alg"), "kid": key.kid} | header, claims, key, algorithms=[key.get("alg")])


def person(name: str, **otherwise: Any) -> dict[str, Any]:
    return {"sub": f"id-of-{name}", "email": f"{name}@example.org", "email_verified": True} | otherwise


@contextlib.asynccontextmanager
async def standing() -> AsyncIterator[Stand]:
    """The stand-in on a socket of its own."""
    stand = Stand()
    async with stood(stand):
        yield stand
