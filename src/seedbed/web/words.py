"""What is said to people, in their language: phrases, counts, numbers, money and times as its readers write them.

Phrases are written in English where they are said, and translated in `locales/<language>.po` (GNU gettext, with
contexts and plural forms); one that is missing stays English. The core speaks English alone, because logs, the wire and
the database keep its sentences: `retold` reads such a sentence back, with the names and numbers that were put into it.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path

from babel import Locale
from babel.dates import format_date, format_time, get_datetime_format
from babel.lists import format_list
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent
from babel.units import format_unit

LOCALES = Path(__file__).with_name("locales")
ERROR = "error"
"""The context of the core's sentences that hold names and numbers."""

NAME = re.compile(r"\{(\w+)\}")
WITHIN = frozenset({"place", "reason", "kind", "found", "state", "taken"})
"""What is itself in words of ours, where a sentence has such a name; all else is somebody's own."""
LONG = WITHIN | {"details", "options", "path", "text"}
"""What may hold blanks."""

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
Key = tuple[str | None, str]


@dataclass(frozen=True, slots=True)
class _Catalogue:
    """Translations by context and English phrase: several where it is a count. `form` picks one of these."""

    told: dict[Key, tuple[str, ...]]
    form: Callable[[int], int]


class Words:
    """One language. `Words(language)("{number} files", number=3)` says a phrase in it."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.locale = Locale.parse(language.replace("-", "_"))

    def __call__(self, phrase: str, **values: object) -> str:
        """A phrase with its {names} filled in; numbers and times are written as this language writes them."""
        return self._filled(self._found(None, phrase), values)

    def within(self, context: str, phrase: str, **values: object) -> str:
        """A phrase that means another thing elsewhere; `context` says which one is meant."""
        return self._filled(self._found(context, phrase), values)

    def count(self, one: str, many: str, number: int, **values: object) -> str:
        """A phrase that depends on how many there are. `{number}` in it is that number."""
        forms = self._catalogue.told.get((None, one))
        english = one if number == 1 else many
        said = forms[self._catalogue.form(abs(number))] if forms and len(forms) > 1 else forms[0] if forms else english
        return self._filled(said, {"number": number, **values})

    def _found(self, context: str | None, phrase: str) -> str:
        forms = self._catalogue.told.get((context, phrase))
        return forms[0] if forms else phrase

    def _filled(self, text: str, values: dict[str, object]) -> str:
        return text.format(**{name: self._written(value) for name, value in values.items()}) if values else text

    def _written(self, value: object) -> str:
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            return self.number(value)
        if isinstance(value, datetime):
            return self.moment(value)
        return self.day(value) if isinstance(value, date) else str(value)

    def noted(self, note: str | None) -> str:
        """A note of the ledger: of ours, or what somebody wrote."""
        return self.within("note", note) if note else ""

    # The core's sentences ---------------------------------------------------------------------------------------

    def retold(self, sentence: str) -> str:
        """A sentence of the core in this language; one that it does not know stays as it is."""
        known = self._catalogue.told
        forms = known.get((None, sentence)) or known.get((ERROR, sentence))
        if forms:
            return forms[0]
        for pattern, translation in self._sentences:
            if found := pattern.fullmatch(sentence):
                return translation.format(
                    **{name: self._reread(name, said) for name, said in found.groupdict().items()}
                )
        return sentence

    def _reread(self, name: str, said: str) -> str:
        """A part of a sentence: words of ours are told again, numbers written anew, names left alone."""
        if name == "taken":
            return self.either(self.retold(each) for each in said.split(" or "))
        if name in WITHIN:
            return self.retold(said)
        is_number = said.isascii() and said.isdigit() and not said.startswith("0") and len(said) < 16
        return self.number(int(said)) if is_number or said == "0" else said

    @cached_property
    def _sentences(self) -> list[tuple[re.Pattern[str], str]]:
        """The sentences with names in them as patterns, those that say the most themselves first."""
        named = [(phrase, forms[0]) for (context, phrase), forms in self._catalogue.told.items() if context == ERROR]
        named = sorted((pair for pair in named if NAME.search(pair[0])), key=lambda pair: -len(NAME.sub("", pair[0])))
        return [(_pattern(phrase), translation) for phrase, translation in named]

    @cached_property
    def _catalogue(self) -> _Catalogue:
        return _read(self.language)

    # Numbers and times ------------------------------------------------------------------------------------------

    def number(self, number: float | Decimal) -> str:
        """Digits in groups."""
        return str(format_decimal(number, locale=self.locale))

    def signed(self, number: float | Decimal) -> str:
        """A change: with a plus or a minus."""
        return f"+{self.number(number)}" if number > 0 else self.number(number).replace("-", "−")

    def percent(self, fraction: float) -> str:
        """Of 0 to 1, in whole percents."""
        return str(format_percent(fraction, locale=self.locale))

    def money(self, amount: Decimal, currency: str) -> str:
        """An amount in major units."""
        return str(format_currency(amount, currency.upper(), locale=self.locale))

    def day(self, day: date) -> str:
        """Such as 31 Jan 2026. A moment's day is the one of UTC."""
        return str(format_date(day.astimezone(UTC) if isinstance(day, datetime) else day, "medium", locale=self.locale))

    def moment(self, at: datetime, *, seconds: bool = False) -> str:
        """Day and time of day, of UTC, to the minute or the second."""
        at = at.astimezone(UTC)
        clock = format_time(at, "HH:mm:ss" if seconds else "HH:mm", locale=self.locale)
        whole = str(get_datetime_format("medium", locale=self.locale)).replace("'", "")
        return whole.replace("{1}", self.day(at)).replace("{0}", clock)

    def seconds(self, seconds: float, digits: int = 0) -> str:
        """Seconds, the unit cut short."""
        return str(
            format_unit(round(seconds, digits) if digits else round(seconds), "second", "short", locale=self.locale)
        )

    def lasted(self, seconds: float) -> str:
        """How long something took or waits: seconds, or the two greatest units of what is longer."""
        left, parts = round(seconds), list[str]()
        for unit, size in (("day", DAY_S), ("hour", HOUR_S), ("minute", MINUTE_S), ("second", 1)):
            if left >= size and len(parts) < 2:
                parts.append(format_unit(left // size, unit, "short", locale=self.locale))
                left %= size
        return str(format_list(parts, "unit", locale=self.locale)) if parts else self.seconds(0)

    def either(self, options: Iterable[object]) -> str:
        """A list, of which one holds."""
        return str(format_list([self._written(each) for each in options], "or", locale=self.locale))


@cache
def words(language: str) -> Words:
    """The words of a language, read once."""
    return Words(language)


def _pattern(phrase: str) -> re.Pattern[str]:
    parts = NAME.split(phrase)
    return re.compile(
        "".join(
            f"(?P<{part}>{'.' if part in LONG else '[^ ]'}+?)" if at % 2 else re.escape(part)
            for at, part in enumerate(parts)
        ),
        re.DOTALL,
    )


def _read(language: str) -> _Catalogue:
    path = LOCALES / f"{language}.po"
    if not path.exists():
        return _Catalogue({}, lambda number: int(number != 1))
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language.replace("-", "_"))
    told: dict[Key, tuple[str, ...]] = {}
    for message in catalogue:
        phrase = message.id if isinstance(message.id, str) else message.id[0]
        forms = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
        if phrase and forms and all(forms):
            told[message.context, phrase] = forms
    return _Catalogue(told, gettext.c2py(catalogue.plural_expr))
