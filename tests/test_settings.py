"""Settings: bounds, files, what a mistake says, and that each of them is documented."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from seedbed import settings
from seedbed.errors import ConfigError
from seedbed.settings import Settings, load

PAGE = Path(__file__).parents[1] / "docs" / "en" / "settings.md"

BOUNDS: dict[str, tuple[list[str], list[str]]] = {
    "port": (["0", "65535"], ["-1", "65536", "http", "80.5"]),
    "concurrency": (["1", "1024"], ["0", "1025", "-1", "many"]),
    "lease_s": (["1", "3600", "2.5"], ["0.9", "3601", "nan", "inf", "-1"]),
    "database_timeout_s": (["1", "60", "2.5"], ["0.9", "61", "nan", "inf"]),
    "poll_s": (["0.01", "60"], ["0", "60.1", "nan"]),
    "attempts_max": (["1", "10"], ["0", "11"]),
    "render_timeout_s": (["0.1", "86400"], ["0", "-1", "inf", "nan"]),
    "drain_s": (["0", "600"], ["-0.1", "inf"]),
    "queued_max": (["1", "1000000"], ["0"]),
    "link_ttl_s": (["0", "604800"], ["-1", "99999999999999"]),
    "webhook_timeout_s": (["0.5", "60"], ["0", "inf"]),
    "webhook_host_max": (["1", "100"], ["0"]),
    "webhook_concurrency": (["1", "5000"], ["0"]),
    "body_bytes_max": (["1024", "10000000"], ["1023", "1 MB"]),
    "idempotency_ttl_s": (["86400", "604800"], ["86399", "0"]),
    "unauthorized_per_minute": (["1", "100000"], ["0"]),
    "log_level": (["debug", "info", "warning", "error"], ["loud", "INFO"]),
    "log_format": (["console", "json"], ["xml"]),
    "sign_up": (["open", "invited"], ["closed", "yes"]),
    "password_sign_in": (["on", "off"], ["no", "false"]),
    "oidc_issuer": (
        ["https://login.example.com", "https://a.example/realms/b/", "http://127.0.0.1:9000"],
        ["login.example.com", "ftp://a.example", "https://a.example/?x=1", "https://user@a.example", "https://"],
    ),
    "oidc_scopes": (["openid email", "email groups openid"], ["email profile", "openid", "openid,email"]),
    "oidc_domains": (["example.com", "a.example, b.example"], ["@example.com", "*.example.com", "example", "a@b.c"]),
    "oidc_sign_up": (["open", "invited"], ["closed"]),
    "sign_up_credits": (["0", "1000000000"], ["-1", "1000000001", "1.5"]),
    "public_url": (["https://a.example", "http://a.example:8080"], ["a.example", "ftp://a.example", "//a.example"]),
    "mcp_origins": (
        ["https://a.example", "http://a.example:3000/, https://b.example"],
        ["*", "a.example", "https://a/b"],
    ),
    "storage_public_url": (["https://a.example"], ["a.example"]),
    "stripe_api_url": (["http://127.0.0.1:12111"], ["api.stripe.com", "ftp://a.example"]),
}
"""Setting → what it takes and what it refuses."""

FREE = {
    "data_dir",
    "database_url",
    "storage_url",
    "catalogue",
    "host",
    "secret_key",
    "trusted_hosts",
    "engines",
    "smtp_url",
    "oidc_client_id",
    "oidc_client_secret",
    "oidc_label",
    "mail_from",
    "prices",
    "stripe_key",
    "stripe_webhook_secret",
}
"""Settings that take any text; what they point to is looked at where it is opened."""


def test_no_setting_is_forgotten_here() -> None:
    assert BOUNDS.keys() | FREE == Settings.model_fields.keys()
    assert not BOUNDS.keys() & FREE


@pytest.mark.parametrize("name", BOUNDS)
def test_each_setting_has_its_bounds(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    variable = f"SEEDBED_{name.upper()}"
    good, bad = BOUNDS[name]
    for text in good:
        monkeypatch.setenv(variable, text)
        found = getattr(load(), name)
        assert found == text if isinstance(found, str) else found == float(text)
    for text in bad:
        monkeypatch.setenv(variable, text)
        with pytest.raises(ConfigError) as refused:
            load()
        assert str(refused.value).startswith(f"{variable}: ")
        assert repr(text) in str(refused.value)


def test_every_mistake_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEDBED_PORT", "http")
    monkeypatch.setenv("SEEDBED_LEASE_S", "0")
    monkeypatch.setenv("SEEDBED_PUBLIC_URL", "a.example")
    with pytest.raises(ConfigError) as refused:
        load()
    lines = sorted(str(refused.value).splitlines())
    assert [line.partition(":")[0] for line in lines] == ["SEEDBED_LEASE_S", "SEEDBED_PORT", "SEEDBED_PUBLIC_URL"]
    assert lines[2] == "SEEDBED_PUBLIC_URL: must begin with http:// or https:// (got 'a.example')"


def test_a_bad_option_is_told_like_a_bad_variable() -> None:
    with pytest.raises(ConfigError, match=r"^SEEDBED_PORT: .* \(got 70000\)$"):
        load(port=70_000)


def test_the_defaults_are_good() -> None:
    found = load()
    assert found.base_url == "http://127.0.0.1:8787"
    assert found.trusted == frozenset()
    assert (found.database_url, found.secret_key) == (None, None)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_variable_set_to_nothing_is_not_set(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"SEEDBED_{name.upper()}", "")
    assert load() == Settings()


def test_options_go_before_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEDBED_PORT", "1111")
    monkeypatch.setenv("SEEDBED_HOST", "0.0.0.0")
    found = load(port=2222, host=None)
    assert (found.port, found.host) == (2222, "0.0.0.0")


def test_settings_never_change() -> None:
    with pytest.raises(ValidationError):
        load().port = 1  # type: ignore[misc]


# Files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", Settings.model_fields)
def test_each_setting_can_be_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    text = BOUNDS[name][0][0] if name in BOUNDS else "some text"
    monkeypatch.setenv(f"SEEDBED_{name.upper()}", text)
    expected = load()
    monkeypatch.delenv(f"SEEDBED_{name.upper()}")
    for end in ("", "\n", "\r\n"):
        (tmp_path / "value").write_bytes((text + end).encode())
        monkeypatch.setenv(f"SEEDBED_{name.upper()}_FILE", str(tmp_path / "value"))
        assert load() == expected
    assert load() != Settings() or getattr(Settings(), name) == getattr(expected, name)


def test_a_file_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    for path in (tmp_path / "nothing", tmp_path, binary):
        monkeypatch.setenv("SEEDBED_SECRET_KEY_FILE", str(path))
        with pytest.raises(ConfigError, match=r"^SEEDBED_SECRET_KEY_FILE: ") as refused:
            load()
        assert str(path) in str(refused.value)


def test_a_bad_value_in_a_file_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "port").write_text("http\n")
    monkeypatch.setenv("SEEDBED_PORT_FILE", str(tmp_path / "port"))
    with pytest.raises(ConfigError, match=r"^SEEDBED_PORT: .* \(got 'http'\)$"):
        load()


def test_a_variable_goes_before_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`serve` tells its worker the final values as variables, whatever files it had them from."""
    (tmp_path / "port").write_text("1111")
    monkeypatch.setenv("SEEDBED_PORT_FILE", str(tmp_path / "port"))
    monkeypatch.setenv("SEEDBED_PORT", "2222")
    assert load().port == 2222


# What follows from them --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"host": "127.0.0.1", "port": 1}, "http://127.0.0.1:1"),
        ({"host": "0.0.0.0", "port": 1}, "http://127.0.0.1:1"),
        ({"host": "::", "port": 1}, "http://127.0.0.1:1"),
        ({"host": "::1", "port": 1}, "http://[::1]:1"),
        ({"host": "box.example", "port": 1}, "http://box.example:1"),
        ({"public_url": "https://video.example.com/"}, "https://video.example.com"),
        ({"public_url": "https://example.com/video//"}, "https://example.com/video"),
    ],
)
def test_links_begin_with_the_public_address(given: dict[str, Any], expected: str) -> None:
    assert load(**given).base_url == expected


def test_trusted_hosts_are_a_list_by_commas() -> None:
    found = load(trusted_hosts=" Hooks.Example , 127.0.0.1:9000,, [::1]:80 ")
    assert found.trusted == {"hooks.example", "127.0.0.1:9000", "[::1]:80"}


def test_secrets_are_not_shown() -> None:
    found = load(secret_key="correct horse battery staple")
    assert "horse" not in repr(found)
    assert "horse" not in found.model_dump_json()


# The page ----------------------------------------------------------------------------------------------------------


def _shown(value: object) -> str:
    """A default as the page writes it."""
    if value in (None, ""):
        return "none"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def test_every_setting_is_documented() -> None:
    rows = re.findall(r"^\| `SEEDBED_(\w+)` \| (.+?) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    assert [name.lower() for name, _, _ in rows] == list(Settings.model_fields), "all of them, in the code's order"
    for name, default, meaning in rows:
        assert default == _shown(Settings.model_fields[name.lower()].default), name
        assert len(meaning.split()) > 4, name
    assert settings.PREFIX == "SEEDBED_"


def test_every_setting_says_what_it_is() -> None:
    for name, setting in Settings.model_fields.items():
        assert setting.description, name
