"""Markdown to HTML: anchors as the links in `docs/` have them, code in tabs, this server's address in the examples."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from seedbed.docsite.library import FIRST

ADDRESS = "http://127.0.0.1:8787"
"""What the pages say for the address of the server."""

TABS = {"bash": "curl", "python": "Python", "javascript": "JavaScript"}
"""Languages of code whose blocks, one right after another, say the same thing: they become tabs."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page under its heading: what a search finds."""

    anchor: str
    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Heading:
    """An entry in a page's table of contents. `level` is 2 or 3."""

    level: int
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page as HTML."""

    html: str
    headings: tuple[Heading, ...]
    sections: tuple[Section, ...]


class Renderer:
    """Renders pages for the server at `base_url`."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._markdown = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Html).enable("table")

    def own(self, text: str) -> str:
        """`text` with this server's address in it."""
        return text.replace(ADDRESS, self._base_url)

    def render(self, text: str, language: str, names: Collection[str]) -> Rendered:
        """A page in `language`. Links to the pages `names` lead to them; those out of the documentation are dropped."""
        tokens = self._markdown.parse(self.own(text))
        _anchor(tokens)
        for token in tokens:
            _relink(token.children or [], language, names)
        html = self._markdown.renderer.render(_tabbed(tokens), self._markdown.options, {})
        return Rendered(html, tuple(_headings(tokens)), tuple(_sections(tokens)))


class _Html(RendererHTML):
    """Highlighted code, tabs, and tables that scroll by themselves."""

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        token = tokens[idx]
        return _code(token.content, token.info.split()[0] if token.info.strip() else "")

    def tabs(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """The blocks one under another, each with its label: a script makes tabs of them."""
        parts = [
            f'<div class="tab" data-tab="{escape(block.info)}"><p class="tab-label">{TABS[block.info]}</p>'
            f"{_code(block.content, block.info)}</div>"
            for block in tokens[idx].meta["blocks"]
        ]
        return f'<div class="tabs">{"".join(parts)}</div>\n'

    def table_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return '<div class="table" tabindex="0"><table>\n'

    def th_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """A column that says by itself what it is has no heading, and an empty one would be read out."""
        return self.renderToken(tokens, idx, options, env) if tokens[idx + 1].content else "<td>"

    def th_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return "</th>\n" if tokens[idx - 1].content else "</td>\n"

    def table_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return "</table></div>\n"


def _code(content: str, info: str) -> str:
    try:
        lexer = get_lexer_by_name(info or "text")
    except ClassNotFound:
        lexer = get_lexer_by_name("text")
    inner = highlight(content, lexer, HtmlFormatter(nowrap=True))
    return f'<div class="code" data-language="{escape(info)}"><pre tabindex="0"><code>{inner}</code></pre></div>\n'


def _tabbed(tokens: list[Token]) -> list[Token]:
    """Runs of blocks in different languages of TABS as one token each."""
    found: list[Token] = []
    run: list[Token] = []

    def close() -> None:
        if len(run) > 1:
            found.append(Token("tabs", "", 0, meta={"blocks": list(run)}))
        else:
            found.extend(run)
        run.clear()

    for token in tokens:
        if token.type == "fence" and token.info in TABS and token.info not in [each.info for each in run]:
            run.append(token)
            continue
        close()
        if token.type == "fence" and token.info in TABS:
            run.append(token)
        else:
            found.append(token)
    close()
    return found


# Headings --------------------------------------------------------------------------------------------------------


def slug(heading: str) -> str:
    """The anchor of a heading, as code hosts make it: lower case, without punctuation, hyphens for blanks."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _anchor(tokens: list[Token]) -> None:
    seen: dict[str, int] = {}
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            name = slug(_plain(inline))
            count = seen[name] = seen.get(name, -1) + 1
            opening.attrSet("id", f"{name}-{count}" if count else name)


def _headings(tokens: list[Token]) -> list[Heading]:
    return [
        Heading(int(opening.tag[1]), str(opening.attrGet("id")), _plain(inline))
        for opening, inline in pairwise(tokens)
        if opening.type == "heading_open" and opening.tag in ("h2", "h3")
    ]


def _sections(tokens: list[Token]) -> list[Section]:
    found: list[Section] = []
    anchor, heading, texts = "", "", list[str]()
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            if heading:
                found.append(Section(anchor, heading, " ".join(texts)))
            anchor, heading, texts = str(token.attrGet("id")), _plain(tokens[at + 1]), []
        elif token.type == "inline" and tokens[at - 1].type != "heading_open":
            texts.append(_plain(token))
        elif token.type == "fence":
            texts.append(" ".join(token.content.split()))
    return [*found, Section(anchor, heading, " ".join(texts))] if heading else found


def _plain(inline: Token) -> str:
    parts = [
        " " if child.type in ("softbreak", "hardbreak") else child.content
        for child in inline.children or []
        if child.type in ("text", "code_inline", "softbreak", "hardbreak")
    ]
    return "".join(parts)


# Links -------------------------------------------------------------------------------------------------------------


def _relink(children: list[Token], language: str, names: Collection[str]) -> None:
    dropped = False
    for token in children:
        if token.type == "image":
            token.attrSet("src", _picture(str(token.attrGet("src"))))
            token.attrSet("loading", "lazy")
        elif token.type == "link_open":
            where = _target(str(token.attrGet("href")), language, names)
            dropped = where is None
            if where is None:
                token.type, token.tag, token.nesting, token.attrs = "text", "", 0, {}
            else:
                token.attrSet("href", where)
        elif token.type == "link_close" and dropped:
            token.type, token.tag, token.nesting = "text", "", 0


def _picture(source: str) -> str:
    return "/docs/pictures/" + source.removeprefix("../") if source.startswith("../") else source


def _target(href: str, language: str, names: Collection[str]) -> str | None:
    """Where a link of a page leads on this server. None: it leads to the source, which is not served."""
    if "://" in href or href.startswith(("#", "mailto:", "/")):
        return href
    path, hash_, anchor = href.partition("#")
    name = path.removesuffix(".md")
    if name == FIRST:
        return f"/docs/{language}/{hash_}{anchor}"
    return f"/docs/{language}/{name}{hash_}{anchor}" if name in names else None
