"""What there is to read: the pages of `docs/`, in the order of `docs/contents.toml`, language by language.

A page that a language does not have is read in English.
"""

from __future__ import annotations

import mimetypes
import re
import tomllib
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from seedbed.web import DEFAULT, LANGUAGES

_HERE = Path(__file__).parents[1]
FOLDER = next(path for path in (_HERE / "docs", _HERE.parents[1] / "docs") if path.is_dir())
"""Beside the package where it is installed, beside `src` in a checkout."""

FIRST = "README"
"""The page that a language begins with."""
PICTURES = ("gallery", "images", "screenshots")


@dataclass(frozen=True)
class Page:
    """One page in one language, as Markdown. `written` is the language that it is in."""

    name: str
    text: str
    written: str

    @property
    def path(self) -> str:
        """Its address under that of its language."""
        return "" if self.name == FIRST else self.name

    @cached_property
    def title(self) -> str:
        """Its first heading."""
        found = re.search(r"^# (.+)$", self.text, re.MULTILINE)
        return found[1].strip() if found else self.name

    @cached_property
    def lead(self) -> str:
        """Its first paragraph, in a line, without marks."""
        paragraphs = re.split(r"\n\s*\n", re.sub(r"^# .+$", "", self.text, count=1, flags=re.MULTILINE).strip())
        plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)|[*`]", lambda found: found[1] or "", paragraphs[0])
        return " ".join(plain.split())


@dataclass(frozen=True)
class Chapter:
    """Pages under one title."""

    title: str
    pages: tuple[Page, ...]


@dataclass(frozen=True)
class Book:
    """All pages in one language."""

    language: str
    chapters: tuple[Chapter, ...]

    @cached_property
    def pages(self) -> tuple[Page, ...]:
        return tuple(page for chapter in self.chapters for page in chapter.pages)

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(page.name for page in self.pages)

    def find(self, name: str) -> Page | None:
        return next((page for page in self.pages if page.name == name), None)

    def around(self, page: Page) -> tuple[Page | None, Page | None]:
        """What comes before `page`, and after it."""
        at = self.pages.index(page)
        after = self.pages[at + 1] if at + 1 < len(self.pages) else None
        return (self.pages[at - 1] if at else None), after


class Library:
    """The books of all languages, and their pictures."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._contents = tomllib.loads((folder / "contents.toml").read_text("utf-8"))
        self.skill = (folder / "skill" / "seedance-skill.md").read_text("utf-8")
        self.book = cache(self._bound)

    def picture(self, name: str) -> tuple[bytes, str] | None:
        """The bytes of a picture, such as `gallery/river.jpg`, and their type."""
        kind, _, rest = name.partition("/")
        if kind not in PICTURES or not re.fullmatch(r"[\w-]+(/[\w-]+)?\.(jpg|png|svg|webp)", rest):
            return None
        path = self._folder / kind / rest
        media_type = mimetypes.guess_type(path.name)[0]
        return (path.read_bytes(), media_type or "image/webp") if path.is_file() else None

    def _bound(self, language: str) -> Book:
        assert language in LANGUAGES
        return Book(
            language,
            tuple(
                Chapter(chapter["title"][language], tuple(self._page(name, language) for name in chapter["pages"]))
                for chapter in self._contents["chapter"]
            ),
        )

    def _page(self, name: str, language: str) -> Page:
        written = language if (self._folder / language / f"{name}.md").is_file() else DEFAULT
        return Page(name, (self._folder / written / f"{name}.md").read_text("utf-8"), written)
