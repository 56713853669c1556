"""The documentation keeps up: links lead somewhere, and what a client can meet is written down."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from seedbed import errors
from seedbed.dialects import DIALECTS

ROOT = Path(__file__).parents[1]
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
OPEN_API = (ROOT / "docs" / "en" / "open-api.md").read_text()
PAGE_OF = {name: (ROOT / "docs" / "en" / f"{name}-api.md").read_text() for name in DIALECTS}


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

    codes = {kind.code for kind in below(errors.ApiError)} | set(errors.TASK_FAILURES)
    for page in PAGE_OF.values():
        assert not [code for code in sorted(codes) if f"`{code}`" not in page]


def test_the_tree_names_no_package_registry() -> None:
    """Builds must work with whatever index the reader's machine is set up for."""
    hosts = "|".join(["py" + "pi", "npm" + "js", "deb" + "ian", "python" + "hosted"])
    found = subprocess.run(
        ["git", "grep", "-nIE", rf"({hosts})[.](org|com)"], cwd=ROOT, capture_output=True, text=True
    ).stdout
    assert found == ""
