"""The price list: what is for sale, amounts in minor units, mistakes told with file and line."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from seedbed import payments, prices
from seedbed.errors import ConfigError, ServiceBusy
from seedbed.settings import load
from tests.conftest import free_port
from tests.stripe_stand import KEY, SECRET, standing

GOOD = prices.BUILT_IN.read_text()


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("10.00", "usd", 1000),
        ("0.5", "eur", 50),
        ("1500", "jpy", 1500),
        ("1.25", "kwd", 1250),
        ("9999.99", "pln", 999999),
    ],
)
def test_amounts_are_counted_as_stripe_counts_them(amount: str, currency: str, minor: int) -> None:
    assert prices.minor(Decimal(amount), currency) == minor
    assert prices.major(minor, currency) == Decimal(amount)


MISTAKES = {
    'currency = "dollars"': ('currency = "usd"', "currency"),
    "amount = 10.00": ('amount = "10.00"', "write the amount as text"),
    'amount = "ten"': ('amount = "10.00"', "is not a number"),
    'amount = "0"': ('amount = "10.00"', "more than zero"),
    'amount = "10.005"': ('amount = "10.00"', "two decimals"),
    'amount = "NaN"': ('amount = "10.00"', "more than zero"),
    "credits = 0": ("credits = 1280", "greater than 0"),
    "credits = 1.5": ("credits = 1280", "integer"),
    'id = "creator" #': ('id = "studio"', "used twice"),
    'every = "week"': ('every = "month"', "'month' or 'year'"),
    'colour = "red"\ncredits = 1280': ("credits = 1280", "not permitted"),
    'id = "Big Pack"': ('id = "starter"', "pattern"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, mistake: str) -> None:
    good, says = MISTAKES[mistake]
    path = tmp_path / "prices.toml"
    path.write_text(GOOD.replace(good, mistake, 1))
    with pytest.raises(ConfigError, match=says) as refused:
        prices.load(path)
    wrong = GOOD.replace(good, mistake, 1).splitlines()
    number = int(str(refused.value).removeprefix(f"{path}:").partition(":")[0])
    assert wrong[number - 1] == ('id = "creator"' if "creator" in mistake else mistake.partition("\n")[0]), (
        refused.value
    )


def test_a_currency_without_decimals_takes_whole_amounts(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(GOOD.replace('"usd"', '"jpy"').replace('"50.00"', '"50.50"'))
    with pytest.raises(ConfigError, match="has no decimals") as refused:
        prices.load(path)
    line = int(str(refused.value).removeprefix(f"{path}:").partition(":")[0])
    assert path.read_text().splitlines()[line - 1] == 'amount = "50.50"'


@pytest.mark.parametrize(
    ("key", "secret", "says"),
    [
        ("sk_live_x", "", "SEEDBED_STRIPE_WEBHOOK_SECRET.*/billing/stripe"),
        ("", "whsec_x", "SEEDBED_STRIPE_KEY"),
        ("pk_live_secret", "whsec_x", "secret or restricted key"),
        ("sk_live_x", "sk_live_y", "whsec_"),
    ],
)
def test_half_a_set_up_is_refused_without_telling_secrets(key: str, secret: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        payments.open_payments(load(stripe_key=key, stripe_webhook_secret=secret))
    assert "live" not in str(refused.value)


def test_without_keys_nothing_is_opened() -> None:
    assert payments.open_payments(load()) is None


async def test_a_stripe_that_is_not_there_or_refuses_the_key_is_told_in_words() -> None:
    async with standing() as stand:
        for key, url in (("sk_test_revoked", stand.url), (KEY, f"http://127.0.0.1:{free_port()}")):
            way = payments.open_payments(load(stripe_key=key, stripe_webhook_secret=SECRET, stripe_api_url=url))
            assert way is not None
            with pytest.raises(ServiceBusy, match="Nothing was charged") as refused:
                await way.make_customer("a@example.org", "ord_1")
            assert refused.value.retry_after_s
            way.close()
        assert stand.customers == {}
