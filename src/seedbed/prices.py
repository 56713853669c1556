"""What members can buy: packs and subscriptions of credits, in one currency.

Pure functions over data read once from a TOML file (`prices.toml`, or the operator's own). Money is whole minor
units, cents as a rule, as Stripe counts it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from seedbed import toml_files
from seedbed.errors import ConfigError

BUILT_IN = Path(__file__).with_name("prices.toml")
AMOUNT_MAX = Decimal("999999.99")
WHOLE = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf")
)
"""Currencies without minor units (Stripe, "zero-decimal currencies")."""

THOUSANDTHS = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
"""Currencies with thousandths, of which Stripe takes whole tens ("three-decimal currencies")."""

Every = Literal["month", "year"]


def _amount(text: object) -> Decimal:
    if not isinstance(text, str):
        raise ValueError('write the amount as text, such as "19.00"')
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError(f'{text!r} is not a number; write something like "19.00"') from None
    if not amount.is_finite() or not 0 < amount <= AMOUNT_MAX or amount != round(amount, 2):
        raise ValueError(f"{text!r} must be more than zero, at most {AMOUNT_MAX}, with at most two decimals")
    return amount


class Pack(BaseModel):
    """Credits for one payment. `amount` is in the currency's own units."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    title: str = Field(min_length=1, max_length=60)
    credits: int = Field(gt=0, le=10**9, strict=True)
    amount: Annotated[Decimal, BeforeValidator(_amount)]

    @property
    def interval(self) -> Every | None:
        """How often it is paid; None is once."""
        return None


class Subscription(Pack):
    """Credits for each payment, every month or year."""

    every: Every

    @property
    def interval(self) -> Every | None:
        return self.every


class Prices(BaseModel):
    """All that can be bought, in the file's order. `currency` is its ISO 4217 code, lower case."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    currency: str = Field(pattern=r"^[a-z]{3}$")
    pack: tuple[Pack, ...] = ()
    subscription: tuple[Subscription, ...] = ()

    @cached_property
    def by_id(self) -> Mapping[str, Pack]:
        return {offer.id: offer for offer in (*self.pack, *self.subscription)}


def minor(amount: Decimal, currency: str) -> int:
    """The amount in whole minor units, as Stripe counts it."""
    return int(amount.scaleb(_decimals(currency)))


def major(minor_units: int, currency: str) -> Decimal:
    """The amount in the currency's own units again."""
    return Decimal(minor_units).scaleb(-_decimals(currency))


def _decimals(currency: str) -> int:
    return 0 if currency in WHOLE else 3 if currency in THOUSANDTHS else 2


def load(path: Path | None = None) -> Prices:
    """The prices at `path`, or the built-in ones. Raises ConfigError with file, line and what to change."""
    path = path or BUILT_IN
    found, text = toml_files.read(path, Prices)
    seen: set[str] = set()
    for kind, offers in (("pack", found.pack), ("subscription", found.subscription)):
        for index, offer in enumerate(offers):
            if offer.id in seen:
                line = toml_files.line(text, (kind, index, "id"))
                raise ConfigError(f"{path}:{line}: the id {offer.id!r} is used twice")
            seen.add(offer.id)
            if found.currency in WHOLE and offer.amount != offer.amount.to_integral_value():
                line = toml_files.line(text, (kind, index, "amount"))
                raise ConfigError(f"{path}:{line}: {found.currency!r} has no decimals; write a whole amount")
    return found
