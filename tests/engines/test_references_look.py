"""Reference pictures: palette, texture and composition, measured on what is drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seedbed.engines.previz import camera, references
from seedbed.engines.previz.grade import Planes
from seedbed.engines.previz.references import palette
from tests.engines.reference_films import TALL, WIDE, apart, never, pattern, shown, warm_picture, world
from tests.engines.test_stills import evening, landscape, rough


class Held:
    """Draws one picture for ever."""

    def __init__(self, image: Image.Image) -> None:
        self.planes = palette.planes_of(image)

    def draw(self, number: int, check: Callable[[], None]) -> Planes:
        return self.planes

    def plan(self) -> dict[str, object]:
        return {"held": True}


@pytest.fixture
def amber(tmp_path: Path) -> Path:
    warm_picture().save(tmp_path / "amber.png")
    return tmp_path / "amber.png"


@pytest.mark.parametrize("make", [landscape, evening])
def test_a_pictures_palette_carries_over(amber: Path, make: Callable[[], Image.Image]) -> None:
    hint = palette.hint_of([amber], width=WIDE, height=TALL)
    held = Held(make().resize((WIDE, TALL)))
    toned = palette.Toned(held, hint, frames=24, seed=1, check=never)
    aim = np.asarray(warm_picture().resize((WIDE, TALL)))
    assert apart(shown(toned.draw(3, never)), aim) < 0.5 * apart(shown(held.planes), aim)
    assert "look" in toned.plan()


def test_texture_moves_towards_the_pictures(amber: Path) -> None:
    grainy = palette.hint_of([amber], width=WIDE, height=TALL)
    assert grainy.statistics.grain > 2.0
    smooth = Image.fromarray((rough(TALL, WIDE, 5, 6.0)[..., None] * [60, 50, 40] + 120).astype(np.uint8))
    toned = palette.Toned(Held(smooth), grainy, frames=2, seed=1, check=never)
    own, now = palette.statistics([Held(smooth).planes]), palette.statistics([toned.draw(0, never)])
    for name in ("grain", "fine"):
        wanted, before, after = (getattr(part, name) for part in (grainy.statistics, own, now))
        assert abs(after - wanted) < 0.5 * abs(before - wanted), name
    moves = toned.draw(0, never)[0].astype(int) - toned.draw(1, never)[0]
    assert np.abs(moves).mean() > 0.5, "grain is alive"


def test_smooth_pictures_make_smooth_films(tmp_path: Path) -> None:
    soft = Image.fromarray((rough(TALL, WIDE, 5, 6.0)[..., None] * [60, 50, 40] + 120).astype(np.uint8))
    soft.save(tmp_path / "soft.png")
    hint = palette.hint_of([tmp_path / "soft.png"], width=WIDE, height=TALL)
    held = Held(warm_picture().resize((WIDE, TALL)))
    now = palette.statistics([palette.Toned(held, hint, frames=2, seed=1, check=never).draw(0, never)])
    assert now.fine < 0.75 * palette.statistics([held.planes]).fine


def test_the_first_picture_counts_double(amber: Path, tmp_path: Path) -> None:
    evening().save(tmp_path / "evening.png")
    paths = [amber, tmp_path / "evening.png"]
    one, other = (palette.hint_of([path], width=WIDE, height=TALL).statistics.luma for path in paths)
    both = palette.hint_of(paths, width=WIDE, height=TALL).statistics.luma
    assert both == pytest.approx((2 * one + other) / 3, abs=1e-6)
    assert palette.hint_of(paths[::-1], width=WIDE, height=TALL).statistics.luma != pytest.approx(both, abs=1.0)


def test_the_horizon_comes_from_the_picture(amber: Path) -> None:
    hint = palette.hint_of([amber], width=WIDE, height=TALL)
    assert hint.horizon == pytest.approx(0.62, abs=0.02)
    assert palette.horizon_of(np.asarray(pattern().resize((256, 144)), np.float32) / 255 * 0.0 + 0.5) is None
    posed = [camera.Pose(0, 0, 10, 0, 0.3 + 0.01 * n, 1.1, 0) for n in range(4)]
    moved = palette.composed(posed, hint)
    assert np.mean([pose.horizon for pose in moved]) == pytest.approx(0.62, abs=0.02)
    assert moved[3].horizon - moved[0].horizon == pytest.approx(0.03), "and it moves as before"


def test_a_world_is_composed_as_the_picture_is(amber: Path) -> None:
    look = palette.hint_of([amber], width=WIDE, height=TALL)

    def ends(steer: camera.Steer) -> tuple[float, float]:
        """Where the drawn land ends, and how far that is above the horizon."""
        drawn, reel = world("a desert, static camera", 1, steer, fixed=True)
        row = palette.horizon_of(shown(drawn[0]).astype(np.float32) / 255)
        assert row is not None
        return row, palette.rise_of(drawn[0], reel.poses[0])

    before, rise = ends(lambda poses: poses)
    assert abs(before - 0.62) > 0.15
    steer = references.References(look=look).steer(ratio=WIDE / TALL, rise=rise)
    assert ends(steer)[0] == pytest.approx(0.62, abs=0.05)
