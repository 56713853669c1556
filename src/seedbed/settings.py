"""All settings, in one frozen object, read once and handed down.

Each is an environment variable with the prefix `SEEDBED_`; any of them may instead be given as a file
that holds the value, under the same name with `_FILE` at its end (for secrets that are mounted); it is read
where the variable itself is not set. A variable that is set to nothing counts as not set.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from seedbed.errors import ConfigError

PREFIX = "SEEDBED_"


class Settings(BaseSettings):
    """Times are in seconds (`_s`), sizes in bytes (`_bytes`), money in whole credits (`_credits`)."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore", allow_inf_nan=False
    )

    # Where things are
    data_dir: Path = Field(Path("data"), description="Folder for the embedded database and local files")
    database_url: str | None = Field(None, description="PostgreSQL to use instead of the embedded one")
    database_timeout_s: float = Field(
        10.0, ge=1, le=60, description="Longest wait of a request for the database's answer, before 503"
    )
    storage_url: str | None = Field(
        None,
        description="Where outputs go: a folder's path, or `s3://bucket/prefix`; `<data_dir>/files` by default",
    )
    storage_public_url: str | None = Field(
        None, description="Public base URL of the bucket; without it S3 outputs get presigned links"
    )
    catalogue: Path | None = Field(None, description="Catalogue file to use instead of the built-in one")

    # How the service is reached
    host: str = Field("127.0.0.1", description="Address that the API listens on")
    port: int = Field(8787, ge=0, le=65535, description="Port that the API listens on")
    public_url: str | None = Field(
        None, description="Base URL that clients use; it stands in every link (`http://host:port` by default)"
    )
    secret_key: SecretStr | None = Field(
        None, description="Signs file links; drawn once and kept in the database by default"
    )
    trusted_hosts: str = Field(
        "", description="Hosts or host:port, by commas, exempt from 'public https' in media and webhook URLs"
    )
    mcp_origins: str = Field(
        "", description="Origins of web pages, by commas, that may speak MCP to this server beside its own"
    )

    # People
    sign_up: Literal["open", "invited"] = Field("open", description="Who may make an account in the console")
    sign_up_credits: int = Field(0, ge=0, le=10**9, description="Credits of a new account that nobody invited")
    password_sign_in: Literal["on", "off"] = Field(
        "on", description="Whether people may sign in with passwords; off needs `oidc_issuer`"
    )
    oidc_issuer: str | None = Field(
        None, description="OpenID Connect provider that people may sign in with: its issuer, exactly as it names itself"
    )
    oidc_client_id: str | None = Field(None, description="What the provider calls this server")
    oidc_client_secret: SecretStr | None = Field(None, description="What this server proves itself to the provider by")
    oidc_label: str = Field(
        "", max_length=40, description="What the button calls the provider; the issuer's host by default"
    )
    oidc_scopes: str = Field("openid email profile", description="What the provider is asked for, by spaces")
    oidc_domains: str = Field("", description="Domains of addresses, by commas, that may sign in by it; all by default")
    oidc_sign_up: Literal["open", "invited"] | None = Field(
        None, description="Who may make an account by signing in with the provider; as `sign_up` by default"
    )
    smtp_url: SecretStr | None = Field(
        None, description="Mail server, `smtps://user:password@host:465`; without it mails go to the log"
    )
    mail_from: str = Field("Seedbed <no-reply@localhost>", description="Sender of mails")

    # Money
    prices: Path | None = Field(None, description="File of packs and subscriptions, instead of the built-in one")
    stripe_key: SecretStr | None = Field(
        None, description="Secret key of a Stripe account; without it nothing is for sale and operators grant credits"
    )
    stripe_webhook_secret: SecretStr | None = Field(
        None, description="Signing secret of the Stripe webhook endpoint `<public_url>/billing/stripe`"
    )
    stripe_api_url: str | None = Field(None, description="Where Stripe's API is, for tests; Stripe's own by default")

    # Work
    engines: str = Field("", description="Engines this worker offers, by commas; all that can run by default")
    concurrency: int = Field(1, ge=1, le=1024, description="Renders at a time in one worker")
    lease_s: float = Field(20.0, ge=1, le=3600, description="A silent worker's task is claimed again after this")
    poll_s: float = Field(1.0, gt=0, le=60, description="How often an idle worker looks without being told")
    attempts_max: int = Field(3, ge=1, le=10, description="Renders tried before a task fails")
    render_timeout_s: float = Field(1800.0, gt=0, description="Longest render before the task fails")
    drain_s: float = Field(30.0, ge=0, description="At SIGTERM, how long a running render may still take")
    queued_max: int = Field(10_000, ge=1, description="Waiting tasks an account may have; more get 503")

    # Links and webhooks
    link_ttl_s: int = Field(0, ge=0, le=10**10, description="Life of a file link; 0 is for ever")
    webhook_timeout_s: float = Field(15.0, gt=0, description="Longest wait for a webhook's receiver")
    webhook_host_max: int = Field(10, ge=1, description="Deliveries in flight for one receiver")
    webhook_concurrency: int = Field(1024, ge=1, description="Deliveries in flight in one worker")

    # Limits
    body_bytes_max: int = Field(1 << 20, ge=1024, description="Largest request body")
    idempotency_ttl_s: int = Field(86_400, ge=86_400, description="How long an Idempotency-Key is remembered")
    unauthorized_per_minute: int = Field(120, ge=1, description="Refused keys a minute from one address before 429")

    # What is written down
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level logged")
    log_format: Literal["console", "json"] = Field("console", description="Console lines, or JSON for machines")

    @field_validator("public_url", "storage_public_url", "stripe_api_url")
    @classmethod
    def _no_trailing_slash(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url.rstrip("/") if url else None

    @field_validator("mcp_origins")
    @classmethod
    def _origins(cls, text: str) -> str:
        for origin in filter(None, (part.strip() for part in text.split(","))):
            if not re.fullmatch(r"https?://[^/\s@?#]+/?", origin):
                raise ValueError(f"{origin!r} must be an origin, such as https://agents.example.com")
        return text

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer(cls, url: str | None) -> str | None:
        if url is not None and not re.fullmatch(r"https?://[^/\s@?#]+(/[^\s?#]*)?", url):
            raise ValueError("must be the URL that the provider names as its issuer, such as https://login.example.com")
        return url

    @field_validator("oidc_scopes")
    @classmethod
    def _scopes(cls, text: str) -> str:
        if not {"openid", "email"} <= set(text.split()):
            raise ValueError("must hold openid and email, with spaces between scopes")
        return text

    @field_validator("oidc_domains")
    @classmethod
    def _domains(cls, text: str) -> str:
        for domain in filter(None, (part.strip() for part in text.split(","))):
            if not re.fullmatch(r"[^\s@/*.]+(\.[^\s@/*.]+)+", domain):
                raise ValueError(f"{domain!r} must be a domain, such as example.com")
        return text

    @property
    def allowed_origins(self) -> frozenset[str]:
        """The operator's origins for MCP, lower case."""
        parts = (part.strip().rstrip("/").lower() for part in self.mcp_origins.split(","))
        return frozenset(filter(None, parts))

    @property
    def passwords(self) -> bool:
        """Whether people may sign in with passwords."""
        return self.password_sign_in != "off"  # noqa: S105

    @property
    def allowed_domains(self) -> frozenset[str]:
        """The domains of addresses that may sign in with the provider, lower case; none means all."""
        return frozenset(part.strip().lower() for part in self.oidc_domains.split(",") if part.strip())

    @property
    def base_url(self) -> str:
        """The address in every link: `public_url`, else where the API listens."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host
        return self.public_url or f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def trusted(self) -> frozenset[str]:
        """The operator's trusted hosts, lower case, as `host` or `host:port`."""
        return frozenset(part.strip().lower() for part in self.trusted_hosts.split(",") if part.strip())


def load(**overrides: Any) -> Settings:
    """Settings from the environment, with `overrides` (None means "not given") on top.

    Raises ConfigError naming each bad variable, what it holds and what it must be.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**(_from_files() | given))
    except ValidationError as error:
        lines = [
            f"{PREFIX}{str(e['loc'][0]).upper()}: {e['msg'].removeprefix('Value error, ')} (got {e['input']!r})"
            for e in error.errors()
        ]
        raise ConfigError("\n".join(lines)) from None


def _from_files() -> dict[str, str]:
    """The values of `SEEDBED_X_FILE` variables, by setting name."""
    found = {}
    for name in Settings.model_fields:
        variable = f"{PREFIX}{name.upper()}_FILE"
        path = os.environ.get(variable)
        if path and not os.environ.get(variable.removesuffix("_FILE")):
            try:
                found[name] = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
            except OSError as error:
                raise ConfigError(f"{variable}: {error.strerror}: {path}") from None
            except UnicodeDecodeError:
                raise ConfigError(f"{variable}: not a text file in UTF-8: {path}") from None
    return found
