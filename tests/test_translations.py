"""The six languages say the same: the same pages, the same code, the same shape; and the console's phrases."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages import Message
from babel.messages.pofile import read_po

from seedbed.web.languages import LANGUAGES
from seedbed.web.words import ERROR, LOCALES, words
from tests.phrases import core_sentences, used

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path.stem for path in (DOCS / "en").glob("*.md"))
OTHERS = [language for language in LANGUAGES if language != "en"]
FENCED = re.compile(r"^( *)(```.*?^\1```)$", re.MULTILINE | re.DOTALL)


def code(text: str) -> list[str]:
    return [found[2] for found in FENCED.finditer(text)]


def shape(text: str) -> dict[str, int]:
    """How many headings there are of each level, table rows and pictures."""
    prose = FENCED.sub("", text)
    levels = {f"h{level}": len(re.findall(rf"^{'#' * level} ", prose, re.MULTILINE)) for level in range(1, 5)}
    rows = len(re.findall(r"^\s*\|", prose, re.MULTILINE))
    return levels | {"rows": rows, "pictures": len(re.findall(r"!\[[^\]]*\]\(", prose))}


@pytest.mark.parametrize("language", OTHERS)
def test_every_page_is_there(language: str) -> None:
    assert sorted(path.stem for path in (DOCS / language).glob("*.md")) == PAGES


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_the_same_code_and_shape(page: str, language: str) -> None:
    english, text = ((DOCS / tag / f"{page}.md").read_text() for tag in ("en", language))
    assert code(text) == code(english)
    assert shape(text) == shape(english)
    prose = FENCED.sub("", text)
    assert prose != FENCED.sub("", english), "it is translated"


@cache
def catalogue(language: str) -> list[Message]:
    with (LOCALES / f"{language}.po").open("rb") as file:
        return [message for message in read_po(file, locale=language.replace("-", "_")) if message.id]


def parts(said: str | tuple[str, ...] | list[str]) -> list[str]:
    """The forms of a phrase, one where it is no count."""
    return [said] if isinstance(said, str) else list(said)


@pytest.mark.parametrize("language", OTHERS)
def test_no_phrase_is_missing_and_none_is_left_over(language: str) -> None:
    told = {(message.context, parts(message.id)[0]) for message in catalogue(language) if message.context != ERROR}
    core = {(None, sentence) for sentence in core_sentences()}
    assert sorted(map(str, used() - told)) == [], "missing"
    assert sorted(map(str, told - used() - core)) == [], "left over"


@pytest.mark.parametrize("language", OTHERS)
def test_a_phrase_keeps_its_names_and_has_all_its_forms(language: str) -> None:
    names, forms = re.compile(r"\{\w*\}"), {"ru": 3, "pl": 3, "tr": 2, "zh-Hans": 1, "zh-Hant": 1}[language]
    for message in catalogue(language):
        wanted = sorted(set(names.findall(parts(message.id)[-1])))
        told = parts(message.string)
        assert len(told) == (1 if isinstance(message.id, str) else forms), message.id
        assert all(told), message.id
        assert [sorted(set(names.findall(form))) for form in told] == [wanted] * len(told), message.id
        if "\n" not in parts(message.id)[0]:
            assert all("\n" not in form for form in told), message.id


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_of_the_core_is_told_again(language: str) -> None:
    said = words(language)
    assert sorted(each for each in core_sentences() if said.retold(each) == each) == []


@pytest.mark.parametrize("language", OTHERS)
def test_typography(language: str) -> None:
    for message in catalogue(language):
        for told in parts(message.string):
            assert told == " ".join(told.split(" ")).strip(), told
            assert "  " not in told, told
            if language.startswith("zh"):
                assert not re.search(r"[\u4e00-\u9fff][,;:!?()]|[,;:!?()](?=[\u4e00-\u9fff])", told), told
                assert "您" not in told if language == "zh-Hans" else "你" not in told, told
            else:
                plain = re.sub(r"`[^`]*`|\{\w+\}", "", told)
                assert not re.search(r"\w[“”]|[“”]\w", plain) or language in ("pl", "tr"), told
                assert '"' not in plain, told
