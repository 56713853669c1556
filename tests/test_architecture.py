"""The house stays as ARCHITECTURE.md says: import contracts, modules of a readable size, two pages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "seedbed"


def test_the_import_contracts_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_every_module_is_of_a_readable_size() -> None:
    long = {str(path): n for path in SOURCE.rglob("*.py") if (n := len(path.read_text().splitlines())) > 600}
    assert not long


def test_every_module_says_what_it_is() -> None:
    silent = [str(path) for path in SOURCE.rglob("*.py") if path.stat().st_size and '"""' not in path.read_text()[:9]]
    assert not silent


def test_architecture_names_every_module_and_stays_short() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    assert len(page.splitlines()) <= 130
    modules = {path.stem for path in SOURCE.glob("*.py")} | {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    missing = [name for name in modules - {"__init__"} if f"`{name}" not in page]
    assert not missing
