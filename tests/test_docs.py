"""The documentation keeps up: links lead somewhere, and what a client can meet is written down."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
import typer
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from seedbed import cli, console, errors, ledger, telemetry
from seedbed.app import build_app
from seedbed.dialects import DIALECTS
from seedbed.engines.previz.script import lexicon, meaning, read
from seedbed.settings import Settings, load
from seedbed.web import Static
from tests.test_translations import FENCED

ROOT = Path(__file__).parents[1]
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
OPEN_API = (ROOT / "docs" / "en" / "open-api.md").read_text()
ENGINE = (ROOT / "docs" / "en" / "embedded-engine.md").read_text()
PAGES_OF = {"open": "open-api", "studio": "studio-api", "openai": "openai-videos"}
PAGE_OF = {name: (ROOT / "docs" / "en" / f"{PAGES_OF.get(name, name)}.md").read_text() for name in DIALECTS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    broken = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert not broken


# Routes ----------------------------------------------------------------------------------------------------------

EN = {path.stem: path.read_text() for path in (ROOT / "docs" / "en").glob("*.md")}
OUTSIDE = re.compile(r"/(var|etc|run|opt|usr|tmp|srv|path)/|/…")
"""Paths of machines, and what stands for any path."""


def served() -> set[tuple[str, str]]:
    """Method and path of everything that the server answers, with ids as the pages write them: `{id}`."""
    app: Any = build_app(load(database_url="postgresql://nobody@localhost/nothing"))
    rest: Starlette = app._app._rest
    found = {(method, plain(route.path)) for route in rest.routes for method in route.methods}  # type: ignore[attr-defined]
    for module in DIALECTS.values():
        found |= {(method, f"{module.PREFIX}{pattern}".rstrip("/")) for method, pattern, _ in module.ROUTES}
    return found


def plain(path: str) -> str:
    """A route's pattern without the kinds of its ids."""
    return re.sub(r":\w+\}", "}", path)


def spans(page: str) -> set[str]:
    """What stands in a page as code within its prose."""
    return set(re.findall(r"`([^`\n]+)`", FENCED.sub("", page)))


def test_every_route_of_a_dialect_is_documented() -> None:
    for name, module in DIALECTS.items():
        missing = [pattern for _, pattern, _ in module.ROUTES if f"{module.PREFIX}{pattern}" not in PAGE_OF[name]]
        assert not missing, name


def test_every_page_of_the_console_is_documented() -> None:
    told = spans(EN["console"])
    pages = {plain(path) for method, path, _ in console.routes(console.door(Static())) if method == "GET"}
    forms = {plain(path) for method, path, _ in console.routes(console.door(Static())) if method == "POST"}
    assert sorted(pages - told) == []
    below = {form for form in forms if any(form == page or form.startswith(f"{page}/") for page in pages)}
    assert sorted(forms - below) == sorted(ERRANDS), "forms are on or below their pages"


ERRANDS = {"/sign-out", "/uploads", "/billing/portal", "/billing/ending"}
"""Forms that are on several pages."""


def test_every_other_route_is_documented() -> None:
    of_console = {(method, plain(path)) for method, path, _ in console.routes(console.door(Static()))}
    prefixes = tuple(f"{module.PREFIX}" for module in DIALECTS.values())
    rest = {
        f"{method} {path}"
        for method, path in served() - of_console
        if method not in ("HEAD", "OPTIONS") and not path.startswith(prefixes)
    }
    assert {"GET /healthz", "POST /billing/stripe", "GET /openapi/open.json", "GET /llms.txt"} < rest
    assert sorted(rest - spans(EN["operating"])) == []


def test_no_route_is_documented_that_is_not_there() -> None:
    there = served()
    paths = {path for _, path in there} | {module.PREFIX for module in DIALECTS.values()}
    for name, page in EN.items():
        for span in spans(page):
            found = re.fullmatch(r"(?:(GET|POST|PUT|PATCH|DELETE|HEAD) )?(/[^\s?#]*)(\?\S*)?", span)
            if found is None or OUTSIDE.match(found[2]):
                continue
            method, path = found[1], found[2].removesuffix("/…")
            assert path in paths or path.rstrip("/") in paths, (name, span)
            assert method is None or (method, path) in there, (name, span)


def test_every_call_in_an_example_is_of_a_route() -> None:
    """What curl asks for in the pages: its paths are the server's."""
    patterns = [re.compile(re.sub(r"\\\{\w+\\\}", "[^/?]+", re.escape(path))) for _, path in served()]
    for name, page in EN.items():
        asked = re.findall(r"(?:\$SEEDBED_URL|\$BASE_URL|http://127\.0\.0\.1:8787)(/[^\s\"'`)?,]*)", page)
        for path in asked:
            wanted = re.sub(r"\$\{?\w+\}?|\{\w+\}", "x", path.rstrip("/.…")) or "/"
            mounted = [module.PREFIX for module in DIALECTS.values()]
            known = wanted in mounted or wanted.startswith("/files/") or any(p.fullmatch(wanted) for p in patterns)
            assert known, (name, path)


# Errors ----------------------------------------------------------------------------------------------------------


def kinds() -> list[type[errors.ApiError]]:
    def below(kind: type) -> list[type]:
        return [kind, *(each for child in kind.__subclasses__() for each in below(child))]

    return [kind for kind in below(errors.ApiError) if kind.__module__ == errors.__name__]


def raised(kind: type[errors.ApiError]) -> errors.ApiError:
    return kind(required=2, available=1) if kind is errors.InsufficientCredits else kind()


def told(kind: type[errors.ApiError], module: ModuleType) -> str:
    code = module.error_body(raised(kind))["error"]["code"]
    return code if isinstance(code, str) else kind.code  # JSON-RPC has numbers; tools say the core's codes


def test_every_error_code_is_documented() -> None:
    for name, page in PAGE_OF.items():
        said = {told(kind, DIALECTS[name]) for kind in kinds()} | set(errors.TASK_FAILURES)
        assert not [code for code in sorted(said) if f"`{code}`" not in page], name


def test_the_page_of_errors_has_each_of_them_with_its_status_and_no_other() -> None:
    page = EN["errors"]
    refused = {(int(status), code) for status, code in re.findall(r"^\| (\d{3}) \| `(\w+)` \|", page, re.MULTILINE)}
    assert refused == {(kind.status, kind.code) for kind in kinds()}
    failed = page.partition("## Failed tasks")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", failed, re.MULTILINE)) == set(errors.TASK_FAILURES)


def test_no_error_code_is_documented_that_no_dialect_says() -> None:
    """A code in a page's table of refusals stands in the source of its dialect, or is the core's."""
    core = {kind.code for kind in kinds()}
    for name, page in PAGE_OF.items():
        source = "".join(path.read_text() for path in (ROOT / "src/seedbed/dialects").glob(f"*{name}*.py"))
        rows = re.findall(r"^\| (\d{3}) \| `([\w.]+)` \|", page, re.MULTILINE)
        assert len(rows) > 5, name
        for status, code in rows:
            assert int(status) in {kind.status for kind in kinds()} | {403, 405}, (name, status)
            assert code in core or f'"{code}"' in source or code.rpartition(".")[2] in source, (name, code)


# Metrics, settings, commands and their options stand in test_telemetry, test_settings and test_cli ----------------


def test_what_the_pages_name_is_there() -> None:
    """Settings, metrics and commands that any page names exist: nobody is sent after what was once."""
    variables = {f"SEEDBED_{name.upper()}" for name in Settings.model_fields}
    variables |= {f"{name}_FILE" for name in variables} | {"SEEDBED_KEY", "SEEDBED_URL"}
    metrics = {name for registry in (telemetry.API, telemetry.WORKER) for name in names_of(registry)}
    commands = {path for path, _ in every_command()}
    for name, page in EN.items():
        unknown = set(re.findall(r"\bSEEDBED_[A-Z][A-Z_]*[A-Z]\b", page)) - variables
        assert unknown <= OWN_NAMES, name
        assert set(re.findall(r"\bseedbed_[a-z]+(?:_[a-z]+)+\b", page)) <= metrics | set(telemetry.QUEUE_GAUGES), name
        for words in re.findall(r"(?:^|`|\| )seedbed ([a-z]+(?: [a-z]+)?)", page, re.MULTILINE):
            first, *_ = words.split()
            assert f"seedbed {words}" in commands or f"seedbed {first}" in commands, (name, words)


OWN_NAMES = {"SEEDBED_WEBHOOK_SECRET"}
"""Variables of the examples' own."""


def names_of(registry: CollectorRegistry) -> set[str]:
    """The names that a scrape has, with and without the ends of histograms and counters."""
    families = {family.name: family.type for family in registry.collect()}
    ends = {"counter": ("_total",), "histogram": ("", "_bucket", "_sum", "_count"), "gauge": ("",)}
    return {f"{name}{end}" for name, kind in families.items() for end in ends[kind]}


def every_command() -> list[tuple[str, object]]:
    def walk(path: str, command: Any) -> list[tuple[str, object]]:
        below = getattr(command, "commands", None)
        if below is None:
            return [(path, command)]
        return [each for name, child in below.items() for each in walk(f"{path} {name}", child)]

    return walk("seedbed", typer.main.get_command(cli.app))


def test_the_kinds_of_ledger_lines_are_documented() -> None:
    assert {f"`{kind}`" for kind in get_args(ledger.Kind)} <= {f"`{span}`" for span in spans(EN["console"])}


# The embedded engine -----------------------------------------------------------------------------------------------

ENGINE_TABLES = {
    "Places": ("place", {"ocean"}),
    "Water": ("water", {"none"}),
    "Seasons": ("season", set()),
    "Times": ("time", set()),
    "Hours": ("hour", set()),
    "Weather": ("weather", {"fair"}),
    "Light": ("light", set()),
    "Moods": ("mood", set()),
    "Styles": ("style", set()),
    "Camera moves": ("move", set()),
    "Directions": ("sense", set()),
    "Views": ("view", set()),
    "Tempo": ("tempo", {"real"}),
    "Pace": ("pace", {"normal"}),
    "Hours that pass": ("course", set()),
    "Subjects": ("subject", set()),
    "Bodies in space": ("body", set()),
}
"""The tables of the embedded engine's page: the lexicon's field, and its values that no word says."""
UNTABLED = {"hint", "without", "ignore"}


def _table(heading: str) -> dict[str, list[str]]:
    """The first column's values, each with the words of the second."""
    section = ENGINE.partition(f"\n### {heading}\n")[2].partition("\n#")[0]
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", section, re.MULTILINE)
    return {value: [] if words == "—" else words.split(", ") for value, words in rows}


def test_every_field_of_the_lexicon_has_a_table() -> None:
    listed = tomllib.loads(Path(lexicon.__file__).with_name("lexicon.toml").read_text("utf-8"))
    fields = {name for fields in listed.values() for name in fields}
    assert fields - UNTABLED == {name for name, _ in ENGINE_TABLES.values()}


@pytest.mark.parametrize("heading", ENGINE_TABLES)
def test_the_tables_are_the_lexicon(heading: str) -> None:
    name, unsaid = ENGINE_TABLES[heading]
    listed = tomllib.loads(Path(lexicon.__file__).with_name("lexicon.toml").read_text("utf-8"))
    told = {value for fields in listed.values() for value in fields.get(name, ())}
    table = _table(heading)
    assert table.keys() == told | unsaid
    assert {value for value, words in table.items() if not words} == unsaid
    for value, words in table.items():
        assert not [word for word in words if value not in meaning.understand(word).every(name)]


def test_the_example_of_a_plan_is_what_its_prompt_gives() -> None:
    example, prompt = re.findall(r"```json\n(.+?)```\n\nThat is \"(.+?)\"", ENGINE, re.DOTALL)[0]
    told = {"engine": "previz", "seed": 7, "fixed_lens": False, "source": "text"}
    assert json.loads(example) == told | read(" ".join(prompt.split())).plan()


def test_the_tree_names_no_package_registry() -> None:
    """Builds must work with whatever index the reader's machine is set up for."""
    hosts = "|".join(["py" + "pi", "npm" + "js", "deb" + "ian", "python" + "hosted"])
    found = subprocess.run(
        ["git", "grep", "-nIE", rf"({hosts})[.](org|com)"], cwd=ROOT, capture_output=True, text=True
    ).stdout
    assert found == ""
