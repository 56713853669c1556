"""A process that warms the embedded engine up, draws a bit of everything, and fails where a kernel was compiled for it.

`python -m tests.engines.warmed`
"""

from __future__ import annotations

import importlib
import pkgutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from seedbed.engines import previz
from seedbed.engines.previz import finish, script, stills
from seedbed.engines.previz.finish.recipe import STYLES
from seedbed.engines.previz.reel import Detail, Reel
from seedbed.engines.previz.references import motion, palette
from seedbed.engines.previz.references.continued import Continued
from seedbed.engines.previz.stills import direction
from tests.engines.reference_films import filmed, moving, never, rows_of
from tests.engines.test_references_edited import edited
from tests.engines.test_stills import drawn, landscape, table


def compiled() -> dict[str, int]:
    """Of every kernel of the engine, by its name: for how many kinds of arguments it is there."""
    found = {}
    for info in pkgutil.walk_packages(previz.__path__, f"{previz.__name__}."):
        if not info.name.endswith("__main__"):
            for name, kernel in vars(importlib.import_module(info.name)).items():
                if hasattr(kernel, "signatures"):
                    found[f"{kernel.__module__}.{name}"] = len(kernel.signatures)
    return found


def draw_reels() -> None:
    sizes = (("rain on a lake, zoom", 96, 64), ("desert at night", 64, 96), ("waves, orbit", 64, 64))
    for prompt, width, height in sizes:
        reel = Reel(
            script.read(prompt), seed=3, width=width, height=height, frames=48, fps=24, fixed=False,
            detail=Detail(2, 512, 1.0), pool=ThreadPoolExecutor(2), check=never,
        )  # fmt: skip
        reel.draw(30, never)


def draw_pictures() -> None:
    one, other = landscape(), table()
    for prompt in ("she blows out the candles, snow, smoke", "rain on the lake, fog, zoom out", "static"):
        drawn(one, prompt, (0, 70))
        drawn(other, prompt, (0, 70), fixed=True)
    way = direction.read("pan left", script.read("pan left"), fixed=False)
    stills.Passage(one, other, way, width=64, height=96, frames=30, fps=24, seed=1, check=never).draw(9, never)


def draw_references(folder: Path) -> None:
    clip = filmed(folder / "clip.mp4", moving(rows_of("all", 8)))
    motion.path_of(clip, 12)
    for change in ("", "autumn", "snow", "night, fog", "rain"):
        edited(clip, change, 8).draw(5, never)
    landscape().save(folder / "a.png")
    hint = palette.hint_of([folder / "a.png"], width=320, height=180)
    palette.Toned(edited(clip, "", 8), hint, frames=8, seed=1, check=never).draw(1, never)
    way = direction.read("push in", script.read(""), fixed=False)
    Continued(clip, way, width=320, height=180, frames=8, seed=1, fixed=False, check=never).draw(7, never)


def finish_styles() -> None:
    for style in STYLES:
        shot = replace(script.read("a lake"), style=style, light="glow", moods=("dark",))
        made = finish.Finish(shot, width=96, height=54, fps=24, seed=2, exposure=1.1, warm=0.5, saturation=0.9)
        planes = made.develop(np.full((3, 54, 112), 0.4, np.float32), 3, never)
        made.restyle(planes, 3, never)


def main() -> None:
    previz.warm()
    before = compiled()
    assert sum(before.values()) > 100, before
    draw_reels()
    draw_pictures()
    with TemporaryDirectory() as folder:
        draw_references(Path(folder))
    finish_styles()
    after = compiled()
    assert after == before, {name: count for name, count in after.items() if before.get(name) != count}


if __name__ == "__main__":
    main()
