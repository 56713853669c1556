"""The six languages say the same: the same pages, the same code, the same shape; and the console's phrases."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from seedbed.web.languages import LANGUAGES, LOCALES

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


def phrases() -> set[str]:
    """What templates and handlers say to people."""
    said = re.compile(r"""(?<![\w.])_\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""")
    templates = [path.read_text() for path in ROOT.glob("src/seedbed/**/templates/*.html")]
    found = {(one or two).replace("\\n", "\n") for text in templates for one, two in said.findall(text)}
    for path in ROOT.glob("src/seedbed/console/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "say":
                first = node.args[0]
                told = (first.body, first.orelse) if isinstance(first, ast.IfExp) else (first,)
                found |= {each.value for each in told if isinstance(each, ast.Constant)}
    return {phrase for phrase in found if isinstance(phrase, str)}


@pytest.mark.parametrize("language", OTHERS)
def test_every_phrase_is_translated_with_its_names(language: str) -> None:
    with (LOCALES / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language.replace("-", "_"))
    told = {str(message.id): str(message.string) for message in catalogue if message.id}
    missing = sorted(phrase for phrase in phrases() if not told.get(phrase))
    assert not missing
    names = re.compile(r"\{\w*\}")
    assert not [phrase for phrase, text in told.items() if sorted(names.findall(phrase)) != sorted(names.findall(text))]
