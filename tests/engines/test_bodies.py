"""Bodies, measured on their meshes in motion: feet that hold, footfalls in order, closed skins, shapes one can tell."""

from __future__ import annotations

import math
import time
from functools import cache
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from seedbed.engines.previz import bodies
from seedbed.engines.previz.bodies import Model, Walker
from seedbed.engines.previz.shapes.mesh import Mesh
from seedbed.engines.previz.shapes.paint import Palette

Points = NDArray[np.float64]

PEOPLE = ("man", "woman", "child", "robot")
BEASTS = ("horse", "dog", "wolf", "fox", "cat", "lion", "tiger", "deer", "cow", "sheep", "bear", "elephant")
FLYERS = ("gull", "swan", "duck", "crane", "eagle", "crow", "sparrow", "butterfly")
SWIMMERS = ("fish", "koi", "shark", "dolphin", "whale", "jellyfish", "turtle")
ALL = (*PEOPLE, *BEASTS, *FLYERS, *SWIMMERS)
GAITS = ("walk", "runway", "trot", "canter", "gallop", "run")


@pytest.fixture(scope="module")
def palette() -> Palette:
    return Palette()


@cache
def made(kind: str, palette: Palette, seed: int = 1, **wish: object) -> Model:
    return bodies.model(kind, seed=seed, palette=palette, **wish)


def posed(model: Model, motion: str, seconds: float, vertices: NDArray[np.intp] | None = None) -> Points:
    """The mesh's points at a time, as the kernel skins them."""
    mesh = model.mesh
    chosen = np.arange(len(mesh.points)) if vertices is None else vertices
    pose = model.pose(motion, seconds).astype(np.float64)
    points, weights = mesh.points[chosen].astype(np.float64), mesh.weights[chosen, None]
    first, second = (
        np.einsum("nij,nj->ni", pose[mesh.bones[chosen, k], :, :3], points) + pose[mesh.bones[chosen, k], :, 3]
        for k in (0, 1)
    )
    return np.asarray(first * weights + second * (1 - weights))


def soles(model: Model) -> dict[str, NDArray[np.intp]]:
    """The lowest points of each foot, standing: by end (front or back) and side for four feet, by side for two."""
    points = model.mesh.points
    low = np.flatnonzero(points[:, 2] < 0.012 * model.height)
    feet: dict[str, NDArray[np.intp]] = {}
    for side, sign in (("r", 1), ("l", -1)):
        own = low[points[low, 0] * sign > 0]
        if model.kind in PEOPLE:
            feet[side] = own
        else:
            middle = (points[own, 1].min() + points[own, 1].max()) / 2
            feet[f"fore.{side}"], feet[f"hind.{side}"] = own[points[own, 1] > middle], own[points[own, 1] <= middle]
    return feet


def track(model: Model, motion: str, frames: int = 144) -> dict[str, Points]:
    """Where each foot's soles are over two strides, in the world: (frames, points, 3)."""
    period, speed = model.period(motion), model.speed(motion)
    feet = soles(model)
    tracks: dict[str, list[Points]] = {name: [] for name in feet}
    for k in range(frames):
        seconds = 2 * period * k / frames
        for name, vertices in feet.items():
            tracks[name].append(posed(model, motion, seconds, vertices) + np.array([0, speed * seconds, 0]))
    return {name: np.array(points) for name, points in tracks.items()}


def down(points: Points, height: float) -> NDArray[np.bool_]:
    """When a foot is on the ground."""
    return np.asarray(points[:, :, 2].min(1) < 0.005 * height)


def landings(points: Points, height: float) -> float:
    """The phase of the stride at which a foot comes down."""
    on = down(points, height)
    starts = np.flatnonzero(on & ~np.roll(on, 1))
    return float(starts[0] / (len(on) / 2) % 1.0)


@pytest.mark.parametrize("kind", [*PEOPLE, "horse", "dog", "cat", "deer", "elephant", "bear"])
def test_feet_do_not_slide(kind: str, palette: Palette) -> None:
    model = made(kind, palette)
    for motion in (m for m in model.motions if m in GAITS):
        for name, points in track(model, motion).items():
            stands = points[:, :, 2] < 0.004 * model.height
            assert stands.any(), f"{kind} {motion} {name} never touches the ground"
            for vertex in range(points.shape[1]):
                for run in np.split(np.arange(len(points)), np.flatnonzero(np.diff(stands[:, vertex])) + 1):
                    if stands[run[0], vertex] and len(run) > 1:
                        drift = np.ptp(points[run, vertex, :2], axis=0).max()
                        assert drift <= max(0.03, 0.012 * model.height), (kind, motion, name, drift)


@pytest.mark.parametrize("kind", [*PEOPLE, "horse", "cat", "elephant"])
def test_feet_stay_on_the_ground(kind: str, palette: Palette) -> None:
    model = made(kind, palette)
    for motion in (m for m in model.motions if m in (*GAITS, "stand", "dance", "turn", "wave")):
        lows = [posed(model, motion, model.period(motion) * k / 24)[:, 2].min() for k in range(24)]
        assert min(lows) > -0.025 * model.height, (motion, min(lows))
        if motion not in ("run", "gallop", "canter", "trot"):
            assert max(lows) < 0.02 * model.height, (motion, max(lows))


def test_a_horse_puts_its_feet_down_in_order(palette: Palette) -> None:
    horse = made("horse", palette)
    falls = {
        motion: {name: landings(points, horse.height) for name, points in track(horse, motion).items()}
        for motion in ("walk", "trot", "gallop")
    }
    order = {motion: sorted(times, key=lambda foot: times[foot]) for motion, times in falls.items()}
    walk = order["walk"]
    start = walk.index("hind.l")
    assert walk[start:] + walk[:start] == ["hind.l", "fore.l", "hind.r", "fore.r"]
    trot = falls["trot"]

    def apart(a: str, b: str) -> float:
        return abs((trot[a] - trot[b] + 0.5) % 1 - 0.5)

    assert apart("hind.l", "fore.r") < 0.06
    assert apart("hind.r", "fore.l") < 0.06
    assert apart("hind.l", "hind.r") == pytest.approx(0.5, abs=0.06)
    gallop = order["gallop"]
    start = next(k for k in range(4) if gallop[k].startswith("hind") and gallop[k - 1].startswith("fore"))
    assert [foot[:4] for foot in gallop[start:] + gallop[:start]] == ["hind", "hind", "fore", "fore"]


def test_how_many_feet_carry(palette: Palette) -> None:
    horse = made("horse", palette)
    carrying = {
        motion: np.sum([down(points, horse.height) for points in track(horse, motion).values()], 0)
        for motion in ("walk", "gallop")
    }
    assert carrying["walk"].min() >= 2
    assert carrying["gallop"].min() == 0
    man = made("man", palette)
    walk, run = (np.sum([down(p, man.height) for p in track(man, motion).values()], 0) for motion in ("walk", "run"))
    assert walk.min() >= 1
    assert walk.max() == 2
    assert run.min() == 0
    assert run.max() == 1


def test_arms_swing_against_legs(palette: Palette) -> None:
    man = made("man", palette)
    points = man.mesh.points
    hand = np.flatnonzero((points[:, 0] > 0.25 * man.height) & (points[:, 2] < 0.48 * man.height))
    foot = np.flatnonzero((points[:, 0] > 0) & (points[:, 2] < 0.02 * man.height))
    times = [man.period("walk") * k / 24 for k in range(24)]
    hands = [posed(man, "walk", t, hand)[:, 1].mean() for t in times]
    feet = [posed(man, "walk", t, foot)[:, 1].mean() for t in times]
    assert np.corrcoef(hands, feet)[0, 1] < -0.8
    assert np.ptp(hands) > 0.2


@pytest.mark.parametrize(
    ("kind", "heads", "low", "high"),
    [("man", (7.2, 8.2), 1.68, 1.88), ("woman", (7.2, 8.2), 1.58, 1.76), ("child", (5.3, 6.6), 1.05, 1.4)],
)
def test_people_have_human_proportions(
    kind: str, heads: tuple[float, float], low: float, high: float, palette: Palette
) -> None:
    person = made(kind, palette, outfit="sport", hair="bald")
    points = person.mesh.points
    assert low <= person.height <= high
    assert np.ptp(points[:, 2]) == pytest.approx(person.height, rel=0.02)
    # The chin is where the front of the throat steps back; the crotch the lowest that the pelvis holds.
    crotch = points[(person.mesh.bones[:, 0] == 0) & (person.mesh.weights > 0.99)][:, 2].min()
    assert 0.42 <= crotch / person.height <= 0.52
    above = points[points[:, 2] > 0.80 * person.height]
    face = above[(above[:, 1] > 0.045 * person.height) & (np.abs(above[:, 0]) < 0.05 * person.height)]
    assert heads[0] <= person.height / (person.height - face[:, 2].min()) <= heads[1]
    torso = points[(points[:, 2] > 0.5 * person.height) & (points[:, 2] < 0.82 * person.height)]
    assert 0.2 <= np.ptp(torso[:, 0]) / person.height <= 0.52


def test_a_woman_is_narrower_at_the_shoulders_and_waist_than_a_man(palette: Palette) -> None:
    def width(kind: str, at: float) -> float:
        person = made(kind, palette, outfit="sport", height=1.75)
        trunk = person.mesh.points[
            np.isin(person.mesh.bones[:, 0], (0, 1, 2)) & np.isin(person.mesh.bones[:, 1], (0, 1, 2))
        ]
        level = trunk[np.abs(trunk[:, 2] / 1.75 - at) < 0.02]
        return float(np.ptp(level[:, 0]))

    assert width("woman", 0.615) < 0.92 * width("man", 0.615)
    assert width("woman", 0.77) < 0.95 * width("man", 0.77)


def _shells(mesh: Mesh) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each point's welded number, and each face's shell."""
    size = float(np.ptp(mesh.points, axis=0).max())
    weld = np.unique(np.round(mesh.points / size, 6), axis=0, return_inverse=True)[1].ravel().astype(np.int64)
    faces = weld[mesh.faces]
    label = np.arange(int(weld.max()) + 1)
    while True:
        least = label[faces].min(1)
        before = label.copy()
        for corner in range(3):
            np.minimum.at(label, faces[:, corner], least)
        label = label[label]
        if (label == before).all():
            break
    return faces, label[faces[:, 0]]


@pytest.mark.parametrize("detail", ["high", "low"])
@pytest.mark.parametrize("kind", ALL)
def test_skins_are_closed_and_face_outwards(kind: str, detail: str, palette: Palette) -> None:
    mesh = made(kind, palette, detail=detail).mesh
    faces, shell = _shells(mesh)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = edges[edges[:, 0] != edges[:, 1]]
    top = int(edges.max()) + 1
    there, back = np.sort(edges[:, 0] * top + edges[:, 1]), np.sort(edges[:, 1] * top + edges[:, 0])
    assert (there == back).all(), "an edge without its twin"
    corners = mesh.points[mesh.faces].astype(np.float64)
    volumes = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    per_shell = np.bincount(shell, volumes)
    used = np.bincount(shell) > 0
    assert (per_shell[used] > 0).all()


@pytest.mark.parametrize("kind", ALL)
def test_normals_lean_outwards(kind: str, palette: Palette) -> None:
    mesh = made(kind, palette).mesh
    corners = mesh.points[mesh.faces]
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    smooth = mesh.normals[mesh.faces].mean(1)
    agree = (flat * smooth).sum(1) > 0
    area = np.linalg.norm(flat, axis=1)
    assert area[agree].sum() > 0.95 * area.sum()
    assert np.allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-3)


@pytest.mark.parametrize("kind", ALL)
def test_motions_repeat_without_a_jump(kind: str, palette: Palette) -> None:
    model = made(kind, palette, detail="low")
    size = float(np.ptp(model.mesh.points, axis=0).max())
    for motion in model.motions:
        period = model.period(motion)
        first, again = model.pose(motion, 0.4 * period), model.pose(motion, 1.4 * period)
        assert np.allclose(first, again, atol=1e-4)
        # Soaring holds several beats and a pause.
        times = np.linspace(-0.01, 1.01, 1200 if motion == "soar" else 160) * period
        steps = [posed(model, motion, t, np.arange(0, len(model.mesh.points), 17)) for t in times]
        moved = np.linalg.norm(np.diff(np.array(steps), axis=0), axis=2).max()
        assert moved < 0.085 * size, (motion, moved / size)
        assert moved > 1e-6 * size, motion


@pytest.mark.parametrize("kind", ALL)
def test_weights_and_bones_are_sound(kind: str, palette: Palette) -> None:
    model = made(kind, palette)
    mesh = model.mesh
    assert mesh.weights.min() >= 0
    assert mesh.weights.max() <= 1
    for motion in model.motions:
        pose = model.pose(motion, 0.3)
        assert pose.shape == (int(mesh.bones.max()) + 1, 3, 4)
        assert pose.dtype == np.float32
        assert np.isfinite(pose).all()
    # At rest in the model's own frame a skin is whole: no bone is without flesh around it.
    assert len(mesh.faces) <= 6_600
    assert len(made(kind, palette, detail="low").mesh.faces) <= 1_050


def test_a_crowd_is_light(palette: Palette) -> None:
    for kind in ("man", "woman", "child"):
        assert len(made(kind, palette, detail="low", outfit="casual").mesh.faces) <= 600


def silhouette(model: Model, motion: str, size: int = 40) -> NDArray[np.bool_]:
    """From the side, filling a square."""
    points = posed(model, motion, 0.0)[:, 1:]
    low, span = points.min(0), float(np.ptp(points, axis=0).max())
    grid = np.zeros((size, size), np.bool_)
    corners = (points[model.mesh.faces] - low) / span * (size - 1)
    for a in np.linspace(0, 1, 12):
        for b in np.linspace(0, 1 - a, max(int(12 * (1 - a)), 1)):
            spot = corners[:, 0] * (1 - a - b) + corners[:, 1] * a + corners[:, 2] * b
            grid[spot[:, 1].astype(int), spot[:, 0].astype(int)] = True
    return grid


def test_animals_can_be_told_by_their_outlines(palette: Palette) -> None:
    kinds = {
        "horse": "stand", "dog": "stand", "cat": "stand", "deer": "stand", "bear": "stand", "elephant": "stand",
            "sheep": "stand",
        "lion": "stand", "man": "stand", "crane": "stand", "swan": "swim", "gull": "glide", "fish": "swim",
            "shark": "swim",
        "dolphin": "swim", "jellyfish": "swim", "turtle": "swim",
    }  # fmt: skip
    outlines = {kind: silhouette(made(kind, palette), motion) for kind, motion in kinds.items()}
    for (a, one), (b, other) in combinations(outlines.items(), 2):
        alike = (one & other).sum() / (one | other).sum()
        assert alike < 0.83, (a, b, alike)


def test_the_same_seed_gives_the_same_body() -> None:
    for kind in ("woman", "horse", "gull", "fish", "robot"):
        one, again, other = (
            (model.mesh, palette.rows())
            for palette in (Palette(), Palette(), Palette())
            for model in [bodies.model(kind, seed=0, palette=palette)]
        )
        del other
        assert one[0].points.tobytes() == again[0].points.tobytes()
        assert one[1].tobytes() == again[1].tobytes()
    a, b = (bodies.model("woman", seed=seed, palette=Palette()) for seed in (3, 4))
    assert a.mesh.points.shape != b.mesh.points.shape or not np.allclose(a.mesh.points, b.mesh.points)


def test_clothes_differ_by_seed() -> None:
    def coat(seed: int) -> bytes:
        palette = Palette()
        model = bodies.model("man", seed=seed, palette=palette, outfit="casual")
        chest = model.mesh.points[model.mesh.faces].mean(1)
        shirt = np.flatnonzero((np.abs(chest[:, 2] / model.height - 0.7) < 0.05) & (np.abs(chest[:, 0]) < 0.1))
        return palette.rows()[np.bincount(model.mesh.paint[shirt]).argmax(), :3].tobytes()

    assert len({coat(seed) for seed in range(16)}) >= 6


def test_looks_follow_the_wish(palette: Palette) -> None:
    gown = made("woman", palette, outfit="gown").mesh
    trousers = made("woman", palette, outfit="casual").mesh

    def hem(mesh: Mesh) -> float:
        return float(np.ptp(mesh.points[np.abs(mesh.points[:, 2] - 0.25) < 0.12][:, 0]))

    assert hem(gown) > 1.5 * hem(trousers)
    bald, afro = (made("man", palette, hair=hair).mesh.points for hair in ("bald", "afro"))
    top = np.ptp(afro[afro[:, 2] > 0.93 * afro[:, 2].max()][:, 0])
    assert top > 1.25 * np.ptp(bald[bald[:, 2] > 0.93 * bald[:, 2].max()][:, 0])
    tall = made("man", palette, height=2.0)
    assert np.ptp(tall.mesh.points[:, 2]) == pytest.approx(2.0, rel=0.03)


def test_eyes_look_ahead() -> None:
    palette = Palette()
    model = bodies.model("woman", seed=5, palette=palette)
    head = model.mesh.points[:, 2] > 0.88 * model.height
    white = np.flatnonzero((palette.rows()[:, :3].min(1) > 0.4) & (palette.rows()[:, 6] < 0.13))
    eyes = np.unique(model.mesh.faces[np.isin(model.mesh.paint, white)])
    eyes = eyes[head[eyes]]
    assert len(eyes) > 20
    spots = model.mesh.points[eyes]
    assert spots[:, 1].min() > 0.03 * model.height
    assert spots[:, 0].min() < -0.01 < 0.01 < spots[:, 0].max()
    facing = np.array([n for n in model.mesh.normals[eyes] if n[1] > 0])
    assert facing.mean(0)[1] > 0.6


def test_a_walker_keeps_time_with_its_path(palette: Palette) -> None:
    man = made("man", palette, detail="low")
    straight = Walker(man, "walk", [(0, 0), (0, 30)])
    speed = man.speed("walk")
    assert straight.where(2.0)[:, 3] == pytest.approx([0, 2 * speed, 0], abs=1e-3)
    slow = Walker(man, "walk", lambda seconds: (0.0, 0.5 * speed * seconds, 0.0, 0.0))
    assert slow.clock(2.0) == pytest.approx(1.0, abs=0.02)
    turning = Walker(man, "walk", [(0, 0), (0, 5), (5, 5)])
    assert turning.where(0.0)[:, 1] == pytest.approx([0, 1, 0], abs=0.2)
    assert turning.where(10 / speed)[:, 1] == pytest.approx([1, 0, 0], abs=0.2)
    hill = Walker(man, "walk", [(0, 0), (0, 30)], ground=lambda x, y: 0.1 * y)
    assert hill.where(3.0)[2, 3] == pytest.approx(0.3 * speed, abs=1e-3)


def test_flyers_bank_and_divers_nose_over(palette: Palette) -> None:
    ring = bodies.flock("gull", 3, seed=1, palette=palette, centre=(0, 0, 20), formation="circle", radius=12)
    for gull in ring:
        # Circling to the right, the right wing is low.
        assert gull.where(1.0)[2, 0] < -0.2
    dolphin = made("dolphin", palette)
    diver = Walker(dolphin, "swim", bodies.leap((0, 0, 0), 0.0, 5.0, high=1.2, every=1.6))
    noses = [float(diver.where(t)[2, 1]) for t in np.linspace(0, 1.6, 33)]
    assert max(noses) > 0.5
    assert min(noses) < -0.5
    heights = [float(diver.where(t)[2, 3]) for t in np.linspace(0, 1.6, 33)]
    assert max(heights) == pytest.approx(1.2, abs=0.05)
    assert min(heights) < -1.0


def test_a_v_of_geese(palette: Palette) -> None:
    geese = bodies.flock("goose", 9, seed=2, palette=palette, centre=(0, 0, 30), formation="v", spread=3.0)
    spots = np.array([goose.where(0.0)[:, 3] for goose in geese])
    leader = spots[0]
    assert (spots[1:, 1] < leader[1]).all()
    arms = spots[1:] - leader
    assert np.corrcoef(np.abs(arms[:, 0]), -arms[:, 1])[0, 1] > 0.95
    assert {float(np.sign(x)) for x in arms[:, 0]} == {-1.0, 1.0}


def test_crowds_flocks_and_schools_vary_and_keep_apart() -> None:
    palette = Palette()
    crowd = bodies.crowd(40, seed=7, palette=palette, area=(-10, 0, 10, 30))
    spots = np.array([walker.where(0.0)[:2, 3] for walker in crowd])
    gaps = np.linalg.norm(spots[:, None] - spots[None], axis=2) + 99 * np.eye(40)
    assert gaps.min() > 0.7
    assert (spots[:, 0] >= -10).all()
    assert (spots[:, 0] <= 10).all()
    assert len({walker.model.height for walker in crowd}) >= 10
    assert len({round(walker.clock(0.0) / walker.model.period("walk"), 3) for walker in crowd}) >= 35
    school = bodies.school("fish", 25, seed=7, palette=palette, centre=(0, 10, -3))
    drift = np.array([fish.where(2.0)[:, 3] - fish.where(0.0)[:, 3] for fish in school])
    assert (drift[:, 1] > 0.3).all()


def test_a_crowd_poses_within_four_milliseconds() -> None:
    crowd = bodies.crowd(40, seed=7, palette=Palette(), area=(-10, 0, 10, 30))
    spent = []
    for k in range(8):
        start = time.process_time()
        for walker in crowd:
            walker.pose(k / 24)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.004


def test_a_rider_sits_on_the_horse(palette: Palette) -> None:
    alone, ridden = made("horse", palette), made("horse", palette, rider=True)
    assert ridden.mesh.points[:, 2].max() > alone.mesh.points[:, 2].max() + 0.2
    above = ridden.mesh.points[ridden.mesh.points[:, 2] > 1.35 * alone.mesh.points[:, 2].max() / 1.2]
    assert abs(above[:, 0].mean()) < 0.1
    first, later = (posed(ridden, "gallop", t)[:, 2].max() for t in (0.0, 0.2))
    assert math.isfinite(first)
    assert first != later
