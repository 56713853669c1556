"""The documentation as it is served: every page in every language, every link, the twins, the search, attacks."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import httpx2
import pytest
from starlette.applications import Starlette

from seedbed.dialects._http import add_route
from seedbed.docsite import Docsite, routes
from seedbed.docsite.library import FOLDER, Library
from seedbed.docsite.markdown import Renderer, slug
from seedbed.web import LANGUAGES, Static
from seedbed.web.languages import accepted

BASE = "https://videos.example.org"


@pytest.fixture(scope="module")
def app() -> Starlette:
    static, app = Static(), Starlette()
    app.router.redirect_slashes = False
    add_route(app, "GET", "/static/{mark}/{name:path}", static.serve)
    for path, handler in routes(Docsite(static, base_url=BASE)):
        add_route(app, "GET", path, handler)
    return app


@pytest.fixture
async def site(app: Starlette) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://docs") as client:
        yield client


class Seen(HTMLParser):
    """Ids, links and sources of a page, and what its inline scripts and styles would be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.sources: list[str] = []
        self.inline: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            assert given["id"] not in self.ids, given["id"]
            self.ids.add(given["id"])
        if tag == "a":
            self.links.append(given["href"])
        self.sources += [given[name] for name in ("src",) if name in given]
        if tag == "link" and given["rel"] in ("stylesheet", "icon"):
            self.sources.append(given["href"])
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)


def pages() -> list[tuple[str, str]]:
    library = Library()
    return [(language, page.path) for language in LANGUAGES for page in library.book(language).pages]


async def test_every_page_leads_only_to_what_is_there(site: httpx2.AsyncClient) -> None:
    seen: dict[str, Seen] = {}
    for language, name in pages():
        where = f"/docs/{language}/{name}"
        answer = await site.get(where)
        assert answer.status_code == 200, where
        assert answer.headers["content-language"] == language
        seen[where] = Seen(answer.text)
        assert not seen[where].inline, "the policy forbids inline scripts and styles"
    sources = {source for page in seen.values() for source in page.sources}
    assert not [source for source in sources if (await site.get(source)).status_code != 200]
    for where, page in seen.items():
        for link in page.links:
            if "://" in link or link.startswith("#main"):
                continue
            path, _, anchor = link.partition("#")
            target = path or where
            if target.endswith(".md"):
                assert (await site.get(target)).status_code == 200
                continue
            assert target in seen, f"{where}: {link}"
            assert not anchor or unquote(anchor) in seen[target].ids, f"{where}: {link}"


async def test_a_page_runs_no_strangers_script(site: httpx2.AsyncClient) -> None:
    answer = await site.get("/docs/en/open-api")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-frame-options"] == "DENY"


async def test_every_page_has_its_markdown_twin_with_this_servers_address(site: httpx2.AsyncClient) -> None:
    for language in LANGUAGES:
        for page in Library().book(language).pages:
            answer = await site.get(f"/docs/{language}/{page.name}.md")
            assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
            assert answer.text == page.text.replace("http://127.0.0.1:8787", BASE)
    assert BASE in (await site.get("/docs/en/open-api.md")).text
    assert BASE in (await site.get("/docs/en/open-api")).text


async def test_agents_find_all_pages(site: httpx2.AsyncClient) -> None:
    text = (await site.get("/llms.txt")).text
    assert text.startswith("# Seedbed\n\n> ")
    linked = re.findall(r"^- \[[^\]]+\]\(([^)]+)\): \S", text, re.MULTILINE)
    assert linked == [f"{BASE}/docs/en/{page.name}.md" for page in Library().book("en").pages]
    full = (await site.get("/llms-full.txt")).text
    assert all(f"# {page.title}\n" in full for page in Library().book("en").pages)


async def test_the_search_has_every_heading(site: httpx2.AsyncClient) -> None:
    rows = (await site.get("/docs/en/search.json")).json()
    for page in Library().book("en").pages:
        html = Seen((await site.get(f"/docs/en/{page.path}")).text)
        found = [row for row in rows if row["page"] == page.name]
        assert found[0]["heading"] == page.title.replace("`", "")
        assert {row["anchor"] for row in found} <= html.ids
    errors = next(row for row in rows if row["page"] == "open-api" and row["anchor"] == "402-insufficient_credits")
    assert "credits" in errors["text"]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de-DE,de;q=0.9", "en"),
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("de, tr;q=0.5, pl;q=0.7", "pl"),
        ("zh-CN", "zh-Hans"),
        ("zh", "zh-Hans"),
        ("zh-TW,zh;q=0.9", "zh-Hant"),
        ("zh-Hant-HK", "zh-Hant"),
        ("zh-Hans-TW", "zh-Hans"),
        ("ru;q=0, tr;q=0.1", "tr"),
        ("ru;q=quick, pl", "pl"),
        ("*", "en"),
        ("," * 5000, "en"),
    ],
)
async def test_the_reader_gets_a_language_of_theirs(site: httpx2.AsyncClient, header: str, language: str) -> None:
    assert accepted(header) == language
    answer = await site.get("/docs", headers={"accept-language": header})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/docs/{language}/")
    chosen = await site.get("/docs/", headers={"accept-language": header, "cookie": "language=tr"})
    assert chosen.headers["location"] == "/docs/tr/"


@pytest.mark.parametrize(
    "path",
    [
        "/docs/en/nothing", "/docs/en/nothing.md", "/docs/de/", "/docs/de/open-api", "/docs/de/search.json",
        "/docs/en/../../pyproject.toml", "/docs/en/..%2f..%2fpyproject.toml", "/docs/en/%2e%2e/contents.toml",
        "/docs/pictures/../contents.toml", "/docs/pictures/gallery/..%2f..%2fcontents.toml",
        "/docs/pictures/gallery/none.jpg", "/docs/pictures/decisions/0001-embedded-postgres.md",
        "/static/x/../pages.py", "/static/x/nothing.css",
    ],
)  # fmt: skip
async def test_what_is_not_there_is_said_to_be_missing(site: httpx2.AsyncClient, path: str) -> None:
    assert (await site.get(path)).status_code == 404


async def test_static_files_are_kept_for_ever_under_their_own_mark(site: httpx2.AsyncClient) -> None:
    static = Static()
    now = await site.get(static.url("style.css"))
    assert now.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert now.headers["content-type"].startswith("text/css")
    older = await site.get("/static/0123456789ab/style.css")
    assert (older.content, older.headers["cache-control"]) == (now.content, "no-cache")


async def test_films_of_the_front_page_are_served_in_ranges_as_players_ask(site: httpx2.AsyncClient) -> None:
    url = Static().url("films/city.mp4")
    whole, part = await site.get(url), await site.get(url, headers={"Range": "bytes=4-11"})
    assert (whole.status_code, whole.headers["content-type"]) == (200, "video/mp4")
    assert (part.status_code, part.content) == (206, whole.content[4:12])


def test_blocks_of_the_same_example_become_tabs() -> None:
    text = "# A\n\n```bash\ncurl x\n```\n\n```python\nx()\n```\n\n```bash\ncurl y\n```\n\ntext\n\n```json\n{}\n```\n"
    html = Renderer(BASE).render(text, "en", ()).html
    assert re.findall(r'<div class="(tabs|tab)"', html) == ["tabs", "tab", "tab"]
    assert re.findall(r'data-tab="(\w+)"', html) == ["bash", "python"]
    assert html.count('class="code"') == 4


def test_what_pages_say_is_escaped() -> None:
    text = "# <script>x</script>\n\n<img src=x onerror=y>\n\n[a](javascript:alert(1))\n\n```html\n<script>\n```\n"
    html = Renderer(BASE).render(text, "en", ()).html
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html


def test_links_out_of_the_documentation_are_text() -> None:
    html = Renderer(BASE).render(
        "See [the code](../../src/x.py) and [**prices**](open-api.md#a-price).", "tr", {"open-api"}
    )
    assert html.html == '<p>See the code and <a href="/docs/tr/open-api#a-price"><strong>prices</strong></a>.</p>\n'


def test_anchors_are_those_of_code_hosts() -> None:
    assert slug("What it cannot do") == "what-it-cannot-do"
    assert slug("`GET …/plan`, twice") == "get-plan-twice"
    assert slug("Где ключ?") == "где-ключ"


def test_all_chapters_have_a_title_in_every_language() -> None:
    named = {page.name for page in Library().book("en").pages}
    assert named == {path.stem for path in (FOLDER / "en").glob("*.md")}, "every page is in contents.toml"
    for language in LANGUAGES:
        assert all(chapter.title for chapter in Library().book(language).chapters)
    assert Path(FOLDER / "contents.toml").exists()
