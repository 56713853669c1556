"""The documentation keeps up: links lead somewhere, and what a client can meet is written down."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from seedbed import errors
from seedbed.dialects import DIALECTS
from seedbed.engines.previz.script import lexicon, meaning, read

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


def test_every_route_is_documented() -> None:
    for name, module in DIALECTS.items():
        missing = [pattern for _, pattern, _ in module.ROUTES if f"{module.PREFIX}{pattern}" not in PAGE_OF[name]]
        assert not missing, name


def test_every_error_code_is_documented() -> None:
    def below(kind: type) -> list[type]:
        return [kind, *(each for child in kind.__subclasses__() for each in below(child))]

    def told(kind: type[errors.ApiError], module: ModuleType) -> str:
        error = kind(required=2, available=1) if kind is errors.InsufficientCredits else kind()
        code = module.error_body(error)["error"]["code"]
        return code if isinstance(code, str) else kind.code  # JSON-RPC has numbers; tools say the core's codes

    kinds = [kind for kind in below(errors.ApiError) if kind.__module__ == errors.__name__]
    for name, page in PAGE_OF.items():
        said = {told(kind, DIALECTS[name]) for kind in kinds} | set(errors.TASK_FAILURES)
        assert not [code for code in sorted(said) if f"`{code}`" not in page], name


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
