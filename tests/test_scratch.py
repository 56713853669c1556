"""Scratch folders: gone with their render, and swept when their owner was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seedbed.scratch import Scratch

OWNER = """
import sys, time
from pathlib import Path
from seedbed.scratch import Scratch
scratch = Scratch(Path(sys.argv[1]))
with scratch.folder() as place:
    (place / "frame.raw").write_bytes(b"x" * 1000)
    print(place, flush=True)
    time.sleep(3600)
"""


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_a_folder_is_fresh_and_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "deep" / "scratch")
    with scratch.folder() as one, scratch.folder() as two:
        assert one != two
        assert list(one.iterdir()) == []
        (one / "below").mkdir()
        (one / "below" / "file").write_text("x")
        (two / "link").symlink_to(tmp_path)
    assert not one.exists()
    assert not two.exists()
    assert tmp_path.exists(), "what a link points to stays"
    with pytest.raises(ZeroDivisionError), scratch.folder() as broken:
        raise ZeroDivisionError
    assert not broken.exists()
    scratch.close()
    assert list((tmp_path / "deep" / "scratch").iterdir()) == []


def test_the_next_one_sweeps_what_the_killed_left_and_nothing_else(tmp_path: Path) -> None:
    root = tmp_path / "scratch"
    owners = [
        subprocess.Popen([sys.executable, "-c", OWNER, str(root)], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    try:
        killed, alive = (Path(owner.stdout.readline().strip()) for owner in owners if owner.stdout)
        (root / "somebody-elses").mkdir()
        owners[0].send_signal(signal.SIGKILL)
        owners[0].wait()
        assert (killed / "frame.raw").exists(), "nobody cleans up for a killed process at once"
        scratch = Scratch(root)
        assert not killed.parent.exists()
        assert (alive / "frame.raw").exists()
        assert (root / "somebody-elses").exists()
        scratch.close()
        assert files(root) == [alive / "frame.raw"]
    finally:
        for owner in owners:
            owner.kill()
            owner.communicate()


def test_many_may_start_and_end_at_once(tmp_path: Path) -> None:
    def live(number: int) -> bool:
        scratch = Scratch(tmp_path)
        with scratch.folder() as place:
            (place / str(number)).write_text("mine")
            Scratch(tmp_path).close()
            mine = [path.name for path in place.iterdir()]
        scratch.close()
        return mine == [str(number)]

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(live, range(64)))
    assert list(tmp_path.iterdir()) == []
