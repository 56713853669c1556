"""Words for people: counts, numbers, times, and sentences of the core told again."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from seedbed.web import words

CREDITS = ("{number} credit", "{number} credits")


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", ["0 credits", "1 credit", "2 credits", "5 credits", "21 credits", "22 credits", "111 credits"]),
        ("ru", ["0 кредитов", "1 кредит", "2 кредита", "5 кредитов", "21 кредит", "22 кредита", "111 кредитов"]),
        ("pl", ["0 kredytów", "1 kredyt", "2 kredyty", "5 kredytów", "21 kredytów", "22 kredyty", "111 kredytów"]),
        ("tr", ["0 kredi", "1 kredi", "2 kredi", "5 kredi", "21 kredi", "22 kredi", "111 kredi"]),
        ("zh-Hans", ["0 积分", "1 积分", "2 积分", "5 积分", "21 积分", "22 积分", "111 积分"]),
    ],
)
def test_counts(language: str, told: list[str]) -> None:
    assert [words(language).count(*CREDITS, number) for number in (0, 1, 2, 5, 21, 22, 111)] == told


def test_numbers_money_and_times() -> None:
    at = datetime(2026, 1, 31, 23, 5, 9, tzinfo=UTC)
    said = {language: words(language) for language in ("en", "ru", "zh-Hant", "tr", "pl")}
    plain = {language: each.number(1234567.5).replace("\u00a0", " ") for language, each in said.items()}
    assert plain == {"en": "1,234,567.5", "ru": "1 234 567,5", "zh-Hant": "1,234,567.5", "tr": "1.234.567,5",
                     "pl": "1 234 567,5"}  # fmt: skip
    assert said["en"].signed(5) == "+5"
    assert said["en"].signed(-5) == "−5"
    assert said["tr"].percent(0.43) == "%43"
    assert said["pl"].money(Decimal("10.5"), "usd").replace("\u00a0", " ") == "10,50 USD"
    moments = [each.moment(at).replace("\u202f", " ").replace("\u00a0", " ") for each in said.values()]
    assert moments == ["Jan 31, 2026, 23:05", "31 янв. 2026 г., 23:05", "2026年1月31日 23:05", "31 Oca 2026 23:05",
                       "31 sty 2026, 23:05"]  # fmt: skip
    assert said["en"].moment(at, seconds=True).endswith("23:05:09")
    assert said["pl"].day(date(2026, 1, 31)) == "31 sty 2026"
    assert [said["en"].lasted(seconds) for seconds in (0, 59.6, 3725, 200_000)] == [
        "0 sec", "1 min", "1 hr, 2 min", "2 days, 7 hr"]  # fmt: skip
    assert said["ru"].seconds(1.25, 2).replace("\u00a0", " ") == "1,25 с"


def test_sentences_of_the_core_are_told_again() -> None:
    said = words("ru")
    assert said.retold("'medium 2' is damaged, or only a part of a file") == (
        "файл 2, файл не принят: повреждён или передан не целиком"
    )
    assert said.retold("'medium 1' is a video, and a picture or a video belongs there").endswith(
        "это видео, а здесь нужно изображение или видео"
    )
    assert said.retold("The task has succeeded already and cannot be cancelled") == (
        "Задача уже завершилась (успешно), отменить её нельзя"
    )
    many = said.retold("12000 tasks of this account are waiting already; try again when some have run")
    assert "12\u00a0000" in many
    assert "0012" in said.retold("at revision 0009, this version needs 0012"), "an id is no number"
    fetched = said.retold("'medium 1' could not be fetched: The TLS connection to a.example failed: bad {cert}")
    assert fetched.endswith("не удалось соединиться с a.example по TLS (bad {cert})")


def test_what_is_not_known_stays() -> None:
    for sentence in ("An engine of somebody's own says {this}", "", "{", "{}", "%s", "A" * 20_000):
        assert words("pl").retold(sentence) == sentence
        assert words("en").retold(sentence) == sentence
    assert words("pl").noted("Prices") == "Prices", "a note is its writer's"
    assert words("pl").noted("sign-up") == "rejestracja"
