"""Compiling: no render waits for a compiler once the engine is warm."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_nothing_that_is_drawn_waits_for_a_compiler_once_it_is_warm() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.engines.warmed"], capture_output=True, text=True, timeout=170, check=False,
        cwd=ROOT, env=os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_module_warms_itself_up(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "seedbed.engines.previz"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []
