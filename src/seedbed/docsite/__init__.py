"""The documentation: `docs/` as pages at `/docs/<language>/…`, each with its Markdown twin, for readers and for agents.

Owns no table. A page is rendered when it is first asked for, and kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from seedbed.docsite.library import Book, Library, Page
from seedbed.docsite.markdown import Rendered, Renderer
from seedbed.web import DEFAULT, LANGUAGES, Pages, Static, language_of, redirect

__all__ = ["Docsite", "routes"]

TEMPLATES = Path(__file__).with_name("templates")
KEPT = "public, max-age=300"
MARKDOWN = "text/markdown; charset=utf-8"
ABOUT = (
    "Seedbed is an open-source, self-hosted service that makes videos from prompts, pictures, clips and sounds. It "
    "speaks the Seedance APIs (Open API and Studio API), Ark's, OpenAI's Videos API and MCP over one core."
)
Handler = Callable[[Request], Awaitable[Response]]


class Docsite:
    """All pages of one server, whose address `base_url` stands in their examples."""

    def __init__(self, static: Static, *, base_url: str) -> None:
        self.library = Library()
        self._base_url = base_url
        self._pages = Pages(static, [TEMPLATES])
        self._renderer = Renderer(base_url)
        self._kept: dict[tuple[str, str], Rendered] = {}

    def rendered(self, book: Book, page: Page) -> Rendered:
        """`page` as HTML, with its headings."""
        key = (book.language, page.name)
        if key not in self._kept:
            self._kept[key] = self._renderer.render(page.text, book.language, book.names)
        return self._kept[key]

    async def home(self, request: Request) -> Response:
        """To the first page, in the reader's language."""
        answer = redirect(f"/docs/{language_of(request)}/")
        answer.headers["Vary"] = "Accept-Language, Cookie"
        return answer

    async def html(self, request: Request) -> Response:
        """A page."""
        book, page = self._found(request)
        if book is None or page is None:
            name = request.path_params.get("name", "")
            if book is not None and name.endswith("/") and (page := book.find(name.rstrip("/"))) is not None:
                return redirect(f"/docs/{book.language}/{page.name}")
            return self._missing(request)
        rendered = await asyncio.to_thread(self.rendered, book, page)
        before, after = book.around(page)
        answer = self._pages.page(
            request, "doc.html", language=book.language, book=book, page=page, rendered=rendered,
            before=before, after=after, base_url=self._base_url,
        )  # fmt: skip
        answer.headers["Cache-Control"] = KEPT
        answer.headers["Link"] = f'</docs/{book.language}/{page.name}.md>; rel="alternate"; type="text/markdown"'
        return answer

    async def markdown(self, request: Request) -> Response:
        """A page's Markdown twin, with this server's address in its examples."""
        book, page = self._found(request)
        if book is None or page is None:
            return PlainTextResponse("There is no such page\n", 404)
        return Response(self._own(page.text), headers={"Cache-Control": KEPT}, media_type=MARKDOWN)

    async def index(self, request: Request) -> Response:
        """What the search of a language looks through: a section a row."""
        language = request.path_params["language"]
        if language not in LANGUAGES:
            return PlainTextResponse("There is no such language\n", 404)
        book = self.library.book(language)
        rows = await asyncio.to_thread(lambda: [row for page in book.pages for row in self._sections(book, page)])
        return JSONResponse(rows, headers={"Cache-Control": KEPT})

    async def picture(self, request: Request) -> Response:
        """A picture that pages show."""
        content = self.library.picture(request.path_params["name"])
        if content is None:
            return PlainTextResponse("There is no such picture\n", 404)
        return Response(content[0], headers={"Cache-Control": KEPT}, media_type=content[1])

    async def llms(self, request: Request) -> Response:
        """`/llms.txt`: what there is to read, for agents (llmstxt.org)."""
        book, lines = self.library.book(DEFAULT), ["# Seedbed", "", f"> {ABOUT}", ""]
        for chapter in book.chapters:
            lines += [f"## {chapter.title}", ""]
            lines += [
                f"- [{page.title}]({self._base_url}/docs/{DEFAULT}/{page.name}.md): {page.lead}"
                for page in chapter.pages
            ]
            lines.append("")
        return PlainTextResponse("\n".join(lines), headers={"Cache-Control": KEPT})

    async def llms_full(self, request: Request) -> Response:
        """`/llms-full.txt`: all pages in English, one after another."""
        pages = self.library.book(DEFAULT).pages
        text = "\n\n---\n\n".join(page.text.strip() for page in pages)
        return PlainTextResponse(self._own(text) + "\n", headers={"Cache-Control": KEPT})

    async def skill(self, request: Request) -> Response:
        """One file that teaches a coding agent to make videos here."""
        headers = {"Cache-Control": KEPT, "Content-Disposition": 'attachment; filename="seedance-skill.md"'}
        return Response(self._own(self.library.skill), headers=headers, media_type=MARKDOWN)

    def _sections(self, book: Book, page: Page) -> list[dict[str, str]]:
        return [
            {"page": page.name, "title": page.title, "anchor": part.anchor, "heading": part.heading, "text": part.text}
            for part in self.rendered(book, page).sections
        ]

    def _own(self, text: str) -> str:
        return self._renderer.own(text)

    def _found(self, request: Request) -> tuple[Book | None, Page | None]:
        language = request.path_params["language"]
        if language not in LANGUAGES:
            return None, None
        book = self.library.book(language)
        return book, book.find(request.path_params.get("name") or book.pages[0].name)

    def _missing(self, request: Request) -> Response:
        wanted = request.path_params["language"]
        language = wanted if wanted in LANGUAGES else language_of(request)
        book = self.library.book(language)
        return self._pages.page(request, "missing.html", language=language, status=404, book=book, page=None)


def routes(site: Docsite) -> list[tuple[str, Handler]]:
    """Where the documentation is served, the narrower patterns first."""
    return [
        ("/docs", site.home),
        ("/docs/", site.home),
        ("/llms.txt", site.llms),
        ("/llms-full.txt", site.llms_full),
        ("/downloads/seedance-skill.md", site.skill),
        ("/docs/pictures/{name:path}", site.picture),
        ("/docs/{language}/search.json", site.index),
        ("/docs/{language}/", site.html),
        ("/docs/{language}/{name:path}.md", site.markdown),
        ("/docs/{language}/{name:path}", site.html),
    ]
