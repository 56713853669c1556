"""Places without land: whatever a prompt wants is there and fills a fair part of the picture, reference clips and beats
lead the camera as over land, and the plan says what became of a subject."""

from __future__ import annotations

import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from seedbed.engines.previz import bodies, references, script
from seedbed.engines.previz.camera import Pose
from seedbed.engines.previz.frame import blank
from seedbed.engines.previz.grade import Planes
from seedbed.engines.previz.reef import floor_at, growth
from seedbed.engines.previz.reel import Detail
from seedbed.engines.previz.references import motion
from seedbed.engines.previz.references.motion import CameraPath
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.sets import view_of
from seedbed.engines.previz.shapes import Palette
from seedbed.engines.previz.space.company import Company
from seedbed.engines.previz.space.scene import settle
from seedbed.engines.previz.takes import picture_of, unplayed

POOL = ThreadPoolExecutor(2)
ROUGH = Detail(rays=1, grid=640, fineness=0.6)
WIDE, TALL, FRAMES = 224, 126, 30
PLACES = {
    "space": "a nebula in outer space", "city": "a city street, no cars, no people", "room": "a library",
    "reef": "a coral reef, no fish",
}  # fmt: skip


def never() -> None:
    """A render that nobody stops."""


def frames_of(
    shot: Shot, steer: object = lambda poses: poses, *, count: int = FRAMES, only: Iterable[int] = ()
) -> list[Planes]:
    """Frames of a small take of `shot`: all `count`, or `only` some."""
    picture = picture_of(
        shot, seed=5, width=WIDE, height=TALL, frames=count, fps=24, fixed=False, detail=ROUGH, pool=POOL, check=never,
        steer=steer,  # type: ignore[arg-type]
    )  # fmt: skip
    return list(POOL.map(lambda number: picture.draw(number, never), only or range(count)))


def refilmed(path: Path, frames: list[Planes]) -> CameraPath:
    """The camera's path in a file of what was drawn."""
    with av.open(str(path), "w") as box:
        stream = box.add_stream("libx264", rate=24, options={"preset": "veryfast", "crf": "15", "bf": "0"})
        stream.pix_fmt, stream.width, stream.height = "yuv420p", WIDE, TALL
        for number, (luma, *_) in enumerate(frames):
            image = Image.fromarray(luma).convert("RGB")
            frame = av.VideoFrame.from_image(image).reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 24)
            box.mux(stream.encode(frame))
        box.mux(stream.encode(None))
    return motion.path_of(path, len(frames))


def a_path() -> CameraPath:
    """A camera that pans, zooms and rolls, each in its own time."""
    t = np.arange(FRAMES) / 24
    soft = (t / t[-1]) ** 2 * (3 - 2 * t / t[-1])
    rows = (0.20 * soft, 0 * t, 0.20 * np.sin(2.2 * t), 0.10 * np.sin(3.4 * t))
    return CameraPath.of(rows, ratio=WIDE / TALL, seen=FRAMES)


def like(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    return float(np.corrcoef(a, b)[0, 1])


@pytest.mark.parametrize("place", PLACES)
def test_a_clip_leads_the_camera_in_every_place(tmp_path: Path, place: str) -> None:
    path = a_path()
    steer = references.References(path=path).steer(ratio=WIDE / TALL)
    measured = refilmed(tmp_path / "drawn.mp4", frames_of(script.read(PLACES[place]), steer))
    for name in ("pan_x", "zoom", "roll"):
        assert like(getattr(path, name), getattr(measured, name)) >= 0.9, name
    assert np.ptp(measured.pan_x) == pytest.approx(np.ptp(path.pan_x), rel=0.25)


def test_the_camera_follows_about_somebody_in_space_too(tmp_path: Path) -> None:
    path = a_path()
    steer = references.References(path=path).steer(ratio=WIDE / TALL)
    measured = refilmed(tmp_path / "drawn.mp4", frames_of(script.read("a satellite before a nebula"), steer))
    for name in ("pan_x", "zoom", "roll"):
        assert like(getattr(path, name), getattr(measured, name)) >= 0.9, name


@pytest.mark.parametrize("place", PLACES)
def test_beats_push_the_lens_in_every_place(place: str) -> None:
    seen: dict[str, list[Pose]] = {}
    pulses = np.zeros(FRAMES, np.float32)
    pulses[18] = 1.0

    def noted(name: str, asked: list[Pose], steer: object) -> list[Pose]:
        seen[name] = steer(asked)  # type: ignore[operator]
        return seen[name]

    pushed = references.References(pulses=pulses).steer(ratio=WIDE / TALL)
    shot = script.read(PLACES[place] + ", static camera")
    plain = frames_of(shot, lambda asked: noted("plain", asked, lambda poses: poses), only=(17, 18))
    beaten = frames_of(shot, lambda asked: noted("beaten", asked, pushed), only=(17, 18))
    assert seen["beaten"][18].focal > 1.02 * seen["plain"][18].focal
    assert np.array_equal(plain[0][0], beaten[0][0]), "between the beats nothing is moved"
    assert (np.abs(plain[1][0].astype(int) - beaten[1][0]) > 3).mean() > 0.02


def apart(prompt: str, number: int = 30, count: int = 60) -> float:
    """The share of a frame that a shot's subjects change, with the camera where it is with them."""
    shot = script.read(prompt)
    led: list[Pose] = []

    def noted(asked: list[Pose]) -> list[Pose]:
        led.extend(asked)
        return asked

    one = frames_of(shot, noted, count=count, only=(number,))[0][0].astype(int)
    bare = replace(shot, subjects=(), known=(), unknown=()) if shot.place != "interior" else replace(shot, subjects=())
    other = frames_of(replace(bare, known=shot.known), lambda asked: led[: len(asked)], count=count, only=(number,))[0][
        0
    ]
    return float((np.abs(one - other) > 12).mean())


@pytest.mark.parametrize(
    ("prompt", "least"),
    [
        ("a horse gallops down a city avenue", 0.02), ("children play football in the street", 0.006),
        ("a tram in a city street", 0.008), ("hot air balloons over Paris", 0.01),
        ("fireworks over the city skyline", 0.01),
        ("pigeons fly over a city street", 0.001),
        ("a diver under water", 0.02), ("a whale under water", 0.03), ("jellyfish under water", 0.01),
        ("a submarine under water, day", 0.05),
        ("a toy train in a kitchen", 0.02), ("goldfish in a living room", 0.05),
        ("balloons in a living room", 0.03), ("a cat on a window sill", 0.01),
    ],
)  # fmt: skip
def test_what_a_prompt_wants_is_there(prompt: str, least: float) -> None:
    share = apart(prompt)
    assert share >= least
    assert share <= 0.75, "and leaves room for the place"


@pytest.mark.parametrize(
    "prompt",
    ["an astronaut floats above the Earth", "a satellite orbits the Earth", "a rocket flies to Mars",
            "a UFO near Saturn",
     "the international space station", "a cat in space", "a whale swims through space", "a train in outer space",
     "a dragon in space", "astronauts near a black hole"],
)  # fmt: skip
def test_whoever_is_in_space_is_seen_whole_and_large_enough(prompt: str) -> None:
    shot = script.read(prompt)
    company = Company(shot, 5)
    assert company
    begin = settle(shot, np.random.default_rng(1), WIDE / TALL, company=True)
    troupe = company.troupe(begin.begin, begin.sun, np.full(3, 0.2, np.float32), against=False)
    poses = company.framed(frames=48, fps=24, ratio=WIDE / TALL, fixed=False, tempo=1.0)
    for number in (4, 44):
        frame = blank(WIDE, TALL, view_of(poses[number], WIDE, TALL, number / 24))
        far = float(frame.depth.max())
        troupe.draw(frame, number / 24, never)
        seen = frame.depth[:, :WIDE] < far
        assert 0.006 <= seen.mean() <= 0.5
        rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
        middle = (rows.mean() / TALL, columns.mean() / WIDE)
        assert abs(middle[0] - 0.5) < 0.3
        assert abs(middle[1] - 0.5) < 0.35
        assert np.isfinite(frame.light).all()
        assert frame.light[:, seen.nonzero()[0], seen.nonzero()[1]].mean() > 0.02, "it is lit"


@pytest.mark.parametrize(
    ("prompt", "note"),
    [
        ("a train in a kitchen", "shown in this place as a toy on a table: train"),
        ("a fish in a living room", "shown in this place as in a tank: fish"),
        ("a man under water", "shown in this place as divers: people"),
        ("fireworks in a kitchen", "understood, but not shown in this place: fireworks"),
        ("a horse under water", "understood, but not shown in this place: horse"),
    ],
)
def test_the_plan_says_what_became_of_a_subject(prompt: str, note: str) -> None:
    assert note in unplayed(script.read(prompt))


@pytest.mark.parametrize("prompt", ["a horse in a city street", "an astronaut in space", "a diver under water"])
def test_the_plan_is_silent_about_what_is_simply_there(prompt: str) -> None:
    assert not [note for note in unplayed(script.read(prompt)) if "not shown" in note]


# Bodies


@pytest.mark.parametrize("kind", ["astronaut", "diver", "knight", "ghost", "dragon", "unicorn", "dinosaur"])
def test_bodies_hold_together_in_every_motion(kind: str) -> None:
    body = bodies.model(kind, seed=3, palette=Palette())
    rest = body.mesh.points
    size = float(np.ptp(rest, axis=0).max())
    faces = body.mesh.faces
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    still = np.linalg.norm(rest[edges[:, 0]] - rest[edges[:, 1]], axis=1)
    for act in body.motions:
        pose = body.pose(act, 0.37 * body.period(act))
        a, b = pose[body.mesh.bones[:, 0]], pose[body.mesh.bones[:, 1]]
        one, two = (np.einsum("nij,nj->ni", m[:, :, :3], rest) + m[:, :, 3] for m in (a, b))
        w = body.mesh.weights[:, None]
        moved = one * w + two * (1 - w)
        assert np.ptp(moved, axis=0).max() < 1.6 * size
        now = np.linalg.norm(moved[edges[:, 0]] - moved[edges[:, 1]], axis=1)
        assert np.quantile(now - still, 0.999) < 0.09 * size, f"{act} tears it"


@pytest.mark.parametrize("tall", [1.0, 3.0, 7.0])
@pytest.mark.parametrize("seed", range(4))
def test_every_plant_has_as_many_poses_as_bones(seed: int, tall: float) -> None:
    """Else whoever comes after it is held by the wrong bones."""
    plant = growth.kelp(np.random.default_rng(seed), Palette(), (0.0, 0.0, floor_at(0, 0, seed)), tall)
    assert len(plant.pose(1.0)) == int(plant.mesh.bones.max()) + 1


def test_divers_swim_the_way_they_look() -> None:
    body = bodies.model("diver", seed=3, palette=Palette())
    pose = body.pose("swim", 0.0)
    mesh = body.mesh
    heads = pose[mesh.bones[:, 0]]
    placed_ = np.einsum("nij,nj->ni", heads[:, :, :3], mesh.points) + heads[:, :, 3]
    top = placed_[np.argsort(mesh.points[:, 2])[-200:]]
    feet = placed_[np.argsort(mesh.points[:, 2])[:200]]
    assert top[:, 1].mean() - feet[:, 1].mean() > 0.8 * body.height
    assert math.isclose(float(body.speed("swim")), 0.55 * body.scale)
