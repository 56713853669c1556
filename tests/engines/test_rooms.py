"""Rooms, measured in their frames: light that falls off and flickers, sun by day alone, faces that read by night."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from seedbed.engines.previz import rooms, script
from seedbed.engines.previz.frame import Frame
from seedbed.engines.previz.rooms import beams, runway
from seedbed.engines.previz.sets import Set

Floats = NDArray[np.float32]
WIDE, HIGH = 256, 144
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def go() -> None:
    """Nothing stops these renders."""


def take(prompt: str, *, seed: int = 4, fixed: bool = False, frames: int = 48) -> Set:
    return rooms.room(
        script.read(prompt), seed=seed, width=WIDE, height=HIGH, frames=frames, fps=24, fixed=fixed, tempo=1.0,
        steer=lambda poses: poses,
    )  # fmt: skip


def light(frame: Frame) -> Floats:
    """(3, rows, columns)."""
    return frame.light[:, :, : frame.width]


def luma(frame: Frame) -> Floats:
    return np.tensordot(LUMA, light(frame), 1)


def places(frame: Frame) -> Floats:
    """(3, rows, columns): the world's x, y, z that each pixel shows."""
    view, depth = frame.view, frame.depth[:, : frame.width]
    u = np.arange(frame.width) + 0.5 - frame.width / 2
    rows = np.arange(frame.height)[:, None] + 0.5
    turn = u / view.focal
    x = view.x + (np.sin(view.yaw) + np.cos(view.yaw) * turn) * depth
    y = view.y + (np.cos(view.yaw) - np.sin(view.yaw) * turn) * depth
    return np.stack([x, y, view.z + (view.horizon + view.roll * u - rows) * depth / view.focal])


def test_candles_flicker_and_their_light_falls_off() -> None:
    shown = take("candles on a table in a room at night", fixed=True)
    frames = [shown.frame(n, go) for n in range(0, 24, 3)]
    x, y, z = places(frames[0])
    table = (abs(z - 0.76) < 0.03) & (np.hypot(x, y) < 0.6)
    wall = (y > 3.4) & (abs(z - 1.6) < 0.9)
    assert table.sum() > 100
    assert wall.sum() > 100
    bright = np.array([luma(frame)[table].mean() for frame in frames])
    assert bright.mean() > 4 * np.mean([luma(frame)[wall].mean() for frame in frames])
    assert 0.005 < bright.std() / bright.mean() < 0.3


@pytest.mark.parametrize(("time", "sunny"), [("on a sunny day", True), ("at night", False)])
def test_the_sun_lies_on_the_floor_by_day_alone(time: str, sunny: bool) -> None:
    frame = take(f"a bedroom {time}", fixed=True).frame(0, go)
    _, _, z = places(frame)
    floor = luma(frame)[z < 0.03]
    assert (np.mean(floor > 0.30) > 0.01) == sunny


def test_by_day_a_room_is_darker_away_from_its_windows() -> None:
    frame = take("a bedroom on a sunny day", fixed=True).frame(0, go)
    x, y, z = places(frame)
    wall = (abs(y - 3.6) < 0.05) & (z > 1.2)
    light_up, corner = luma(frame)[wall & (x < 1.0)].mean(), luma(frame)[wall & (z > 2.85)].mean()
    assert light_up > 1.2 * corner


@pytest.mark.parametrize("prompt", ["a woman stands in a room at night", "candlelit dinner, a couple sits at a table"])
def test_faces_read_by_night(prompt: str) -> None:
    shown = take(prompt, fixed=True)
    frame = shown.frame(0, go)
    x, y, z = places(frame)
    spots = [(-0.95, -1.45, 1.6)] if "stands" in prompt else [(0.45, 0.8, 1.2), (-0.45, 0.8, 1.2)]
    for at in spots:
        head = (np.hypot(x - at[0], y - at[1]) < 0.22) & (abs(z - at[2]) < 0.14)
        assert head.sum() > 12
        assert np.percentile(luma(frame)[head], 75) > 0.045


def test_guests_leave_the_table_free_when_it_is_what_is_shown() -> None:
    frame = take("a birthday cake with candles on a table, a girl", fixed=True).frame(0, go)
    x, y, z = places(frame)
    assert ((np.hypot(x, y + 0.05) < 0.22) & (z > 0.88) & (z < 1.12)).sum() > 120


KINDS = (
    "a dining room", "a living room with a fireplace", "a library", "a kitchen", "a bedroom", "an office", "a cafe",
    "a museum", "a church interior", "a photo studio", "a fashion runway",
)  # fmt: skip


def test_words_choose_rooms() -> None:
    seen = {}
    for prompt in KINDS:
        frame = take(f"{prompt} by day", fixed=True).frame(0, go)
        toned = np.sqrt(np.clip(light(frame), 0, 1)).reshape(3, 6, 24, 8, 32).mean((2, 4))
        assert 0.02 < toned.mean() < 0.95
        seen[prompt] = toned
    for a, b in combinations(KINDS, 2):
        assert abs(seen[a] - seen[b]).mean() > 0.03, (a, b)


def test_a_fashion_film_is_on_a_runway() -> None:
    shot = script.read("A fashion film with energetic camera motion synced to the beat")
    assert shot.place == "interior"
    assert "people" in shot.subjects


def test_the_runway_mirrors() -> None:
    shown = take("fashion runway show", fixed=True)
    frame = shown.frame(10, go)
    shown._gloss = 0.0
    dull = shown.frame(10, go)
    x, _, z = places(frame)
    lane = (abs(z - runway.HIGH) < 0.02) & (abs(x) < runway.HALF - 0.05)
    change = abs(light(frame) - light(dull)).max(0)
    assert lane.sum() > 1000
    assert (change[lane] > 0.02).mean() > 0.3
    assert change[z > runway.HIGH + 0.2].max() < 1e-5


def test_models_walk_towards_the_camera() -> None:
    shown = take("fashion show, static camera", fixed=True)
    walker = next(actor for actor in shown._troupe._movers if hasattr(actor, "model"))
    assert walker.motion == "runway"
    assert walker.where(0.0)[1, 3] - walker.where(1.0)[1, 3] > 0.7


def test_moves_and_seeds_give_views_of_their_own() -> None:
    views = []
    for move in ("dolly in", "orbit", "truck left", "crane up", "zoom in", "static shot"):
        frame = take(f"fashion film, {move}", frames=24).frame(12, go)
        views.append(np.sqrt(np.clip(luma(frame), 0, 1)).reshape(12, 12, 16, 16).mean((1, 3)))
    views.append(np.sqrt(np.clip(luma(take("fashion film, dolly in", seed=9, frames=24).frame(12, go)), 0, 1))
                 .reshape(12, 12, 16, 16).mean((1, 3)))  # fmt: skip
    for a, b in combinations(views, 2):
        assert abs(a - b).mean() > 0.02


def test_beams_are_seen_only_before_what_stops_them() -> None:
    shown = take("fashion runway show", fixed=True)
    frame = shown.frame(5, go)
    clear, cones = light(frame).copy(), runway.cones(frame.view.seconds, 4)
    beams.draw_beams(frame, cones, np.zeros((0, beams.SHAFT), np.float32), go)
    assert (light(frame) - clear).max() > 0.02
    near = Frame(np.zeros_like(frame.light), np.full_like(frame.depth, 0.05), frame.view, frame.width)
    beams.draw_beams(near, cones, np.zeros((0, beams.SHAFT), np.float32), go)
    assert near.light.max() < 0.02


def test_a_fixed_lens_rests_while_the_fire_burns() -> None:
    shown = take("a living room with a fireplace at night", fixed=True)
    assert len(set(shown.poses)) == 1
    a, b = (light(shown.frame(n, go)) for n in (0, 7))
    moved = abs(a - b).max(0)
    assert moved.max() > 0.2
    assert np.mean(moved > 0.1) < 0.1


@pytest.mark.parametrize("prompt", ["a library at night, a man reads", "fashion show, orbit"])
def test_any_thread_draws_the_same(prompt: str) -> None:
    shown = take(prompt)
    alone = [shown.frame(n, go).light.tobytes() for n in (0, 9, 30)]
    with ThreadPoolExecutor(3) as pool:
        again = list(pool.map(lambda n: take(prompt).frame(n, go).light.tobytes(), (0, 9, 30)))
    assert again == alone


def test_the_camera_stays_in_the_room() -> None:
    for prompt in (
        "a woman in a kitchen, orbit, fast",
        "a bedroom, aerial view",
        "a cafe, truck left",
        "a man, crane up, a room",
    ):
        for pose in take(prompt).poses:
            assert abs(pose.x) < 5.5
            assert -7.0 < pose.y < 6.0
            assert 0.3 < pose.z < 4.2


def test_kernels_are_warm() -> None:
    rooms.warm()
    known = len(beams.gather.signatures), len(beams.lay.signatures)  # type: ignore[attr-defined]
    take("cathedral nave by day, light shafts").frame(0, go)
    take("fashion runway").frame(0, go)
    assert (len(beams.gather.signatures), len(beams.lay.signatures)) == known  # type: ignore[attr-defined]
