"""Where the subjects of a shot stand in its land, where they go, and from where the camera frames them.

The first subject that can be drawn leads: the camera's move is made about it, near enough that it fills a good part
of the frame. The camera looks ahead (+y) within half a radian, as the land's maps and sky are laid out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np

from seedbed.engines.previz.camera import Line, Pose, ease, shaken
from seedbed.engines.previz.script import Shot

Ground = Callable[[float, float], float]


@dataclass(frozen=True, slots=True)
class Role:
    """How a kind of subject is framed. `size_m` is what must be seen whole, `tall_m` the height to aim at, `medium`
    "land", "shore", "water", "air" or "track", `speed` in m/s along its heading, `clear_m` what must be free of trees,
    `near` how close the camera comes (1 fills about half of the frame). A camera that nobody told otherwise
    goes along with those that it should `follow`."""

    size_m: float
    tall_m: float
    medium: str
    speed: float = 0.0
    clear_m: float = 14.0
    near: float = 1.0
    heading: float = 2.4
    follow: bool = False


ROLES: dict[str, Role] = {
    "people": Role(1.8, 1.0, "land", 1.35, 16.0, follow=True),
    "crowd": Role(9.0, 1.2, "land", 1.2, 26.0),
    "robot": Role(2.0, 1.1, "land", 1.1, 16.0, follow=True),
    "dog": Role(1.3, 0.5, "land", 2.2, 14.0, 0.9, follow=True),
    "cat": Role(0.9, 0.25, "land", 0.8, 10.0, 0.9, follow=True),
    "horse": Role(3.6, 1.2, "land", 4.2, 34.0, 0.8, 1.2, True),
    "animals": Role(3.0, 1.2, "land", 1.1, 26.0, follow=True),
    "birds": Role(8.0, 0.0, "air", 9.0, 0.0, 0.9, 0.9, True),
    "fish": Role(7.0, 0.6, "water", 4.0, 0.0, 0.8, 1.3),
    "dragon": Role(15.0, 0.0, "air", 13.0, 0.0, 0.95, 0.9, True),
    "train": Role(23.0, 1.2, "track", 17.0, 40.0, 1.15, math.pi / 2 + 0.95),
    "bridge": Role(110.0, -6.0, "track", 0.0, 40.0, 1.0, math.pi / 2),
    "car": Role(6.0, 0.8, "land", 9.0, 30.0, 0.8, 1.2),
    "ship": Role(22.0, 6.0, "water", 3.0, 0.0, 0.95, 1.1),
    "plane": Role(44.0, 0.0, "air", 55.0, 0.0, 0.9, 0.9, True),
    "balloon": Role(26.0, 13.0, "air", 1.2, 0.0, 0.9, 1.2),
    "house": Role(17.0, 3.0, "land", 0.0, 26.0, 0.95, 0.6),
    "lighthouse": Role(36.0, 15.0, "shore", 0.0, 22.0, 0.95, 0.4),
    "flower": Role(1.2, 0.4, "land", 0.0, 8.0, 0.8),
    "candle": Role(0.6, 0.2, "land", 0.0, 8.0, 0.9),
    "fire": Role(2.6, 0.7, "land", 0.0, 14.0, 0.9),
    "fireworks": Role(200.0, 40.0, "sky", 0.0, 0.0, 0.9),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a subject is when the shot begins, metres; `heading` in radians from +y towards +x."""

    kind: str
    role: Role
    x: float
    y: float
    z: float
    heading: float
    speed: float

    def at(self, seconds: float) -> tuple[float, float, float]:
        """Where it would be then on flat ground."""
        way = self.speed * seconds
        return self.x + math.sin(self.heading) * way, self.y + math.cos(self.heading) * way, self.z


@dataclass(frozen=True, slots=True)
class Stage:
    """`marks` lead first; `clearings` (x, y, radius) must be free of trees."""

    marks: tuple[Mark, ...]
    clearings: tuple[tuple[float, float, float], ...]


def stage(
    shot: Shot, line: Line, half_width: Line, ground: Ground, *, among: Collection[str], seed: int, seconds: float
) -> Stage:
    """Places those of the shot's subjects that are `among` what can be drawn. `half_width` is the river's, at y; the
    shot lasts `seconds` of the world's time."""
    kinds = [kind for kind in shot.subjects if kind in among and kind not in shot.without]
    # A train that crosses a bridge is the bridge's.
    if "train" in kinds and "bridge" in kinds:
        kinds.remove("bridge")
    if mounted(shot) and "people" in kinds and "horse" in kinds:
        kinds.remove("horse")
    rng = np.random.default_rng([seed, 77])
    marks: list[Mark] = []
    for number, kind in enumerate(kinds[:4]):
        role = sized(ROLES[kind], shot)
        if kind in _LIVING and stays(shot):
            role = replace(role, speed=0.0)
        pace = {"slow": 0.75, "normal": 1.0, "fast": 1.7}[shot.pace]
        marks.append(_mark(kind, role, number, marks, line, half_width, ground, rng, role.speed * pace, seconds))
    clearings = [(mark.x, mark.y, mark.role.clear_m) for mark in marks if mark.role.medium in ("land", "shore")]
    for mark in marks:
        # What stands between the camera and its subject is cleared as well.
        if mark.role.medium in ("land", "shore"):
            away = distance(mark.role, shot)
            clearings += [(mark.x, mark.y - away * part, mark.role.clear_m * 0.8) for part in (0.25, 0.5, 0.75, 1.0)]
            x, y, _ = mark.at(seconds)
            clearings += [
                (mark.x + (x - mark.x) * part, mark.y + (y - mark.y) * part, mark.role.clear_m * 0.7)
                for part in (0.5, 1.0)
            ]
    return Stage(tuple(marks), tuple(clearings))


_LIVING = frozenset({"people", "crowd", "robot", "dog", "cat", "animals", "horse"})
_STAYING = (
    "danc",
    "sit",
    "seated",
    "stand",
    "wait",
    "wav",
    "talk",
    "speak",
    "look",
    "gaz",
    "watch",
    "graz",
    "sleep",
    "rest",
)
"""Beginnings of words for what is done on one spot."""
_LARGE = {
    "lion": 2.6, "lioness": 2.6, "tiger": 2.8, "leopard": 2.2, "panther": 2.2, "cheetah": 2.2, "elephant": 5.6,
    "bear": 2.8, "wolf": 1.7, "fox": 1.3, "sheep": 1.8, "eagle": 4.0, "whale": 15.0, "humpback": 15.0, "orca": 9.0,
    "butterfly": 0.5,
    "dinosaur": 11.0, "brontosaurus": 11.0, "diplodocus": 11.0, "brachiosaurus": 11.0,
}  # fmt: skip
"""Metres to see whole, of animals that are not as large as most of their kind."""
_MANY = frozenset({"children", "kids", "girls", "boys", "women", "men", "astronauts", "knights", "ghosts", "dancers",
                   "soldiers", "hikers", "musicians"})  # fmt: skip


def _said(shot: Shot) -> list[str]:
    return " ".join((*shot.known, *shot.unknown)).split()


def mounted(shot: Shot) -> bool:
    """Whether the shot is of a knight on horseback."""
    said = set(_said(shot))
    return bool(said & {"knight", "knights"}) and bool(said & {"ride", "rides", "riding", "rode", "horseback"})


def stays(shot: Shot) -> bool:
    """Whether the words have the living stay where they are."""
    return any(word.startswith(_STAYING) for word in _said(shot))


def sized(role: Role, shot: Shot) -> Role:
    """The role at the size of the very animal that was named."""
    if role is ROLES["people"] and mounted(shot):
        return replace(ROLES["horse"], size_m=3.4, tall_m=1.35)
    named = [_LARGE[word.removesuffix("s")] for word in _said(shot) if word.removesuffix("s") in _LARGE]
    if role is ROLES["people"] and set(_said(shot)) & _MANY:
        young = set(_said(shot)) & {"children", "kids", "girls", "boys"}
        return replace(role, size_m=2.4 if young else 3.0, tall_m=0.75 if young else 1.0)
    if not named or role.medium == "track" or role.size_m > 10.0:
        return role
    return replace(role, size_m=named[0], tall_m=role.tall_m * named[0] / role.size_m)


def _mark(
    kind: str, role: Role, number: int, before: list[Mark], line: Line, half_width: Line, ground: Ground,
    rng: np.random.Generator, speed: float, seconds: float,
) -> Mark:  # fmt: skip
    heading = role.heading * (1 if rng.random() < 0.5 else -1) if role.medium != "track" else role.heading
    lead = before[0] if before else None
    if role.medium == "track":
        y = 190.0
        return Mark(kind, role, line(y), y, _track_z(line(y), y, heading, ground), heading, speed)
    if role.medium == "sky":
        return Mark(kind, role, line(420.0), 420.0, 150.0, 0.0, 0.0)
    if role.medium == "air":
        y = lead.y + 30.0 if lead else 150.0
        x = line(y) + (float(rng.uniform(-20, 20)))
        high = max(ground(x, y), 0.0) + (46.0 if kind != "balloon" else 30.0)
        return Mark(kind, role, x - math.sin(heading) * speed * seconds / 2, y, high, heading, speed)
    if role.medium == "water":
        y = 110.0 + 25.0 * number
        # The sea lies to the left of its shore.
        x = line(y) - (90.0 if half_width(y) <= 0 else 0.0)
        return Mark(kind, role, x - math.sin(heading) * speed * seconds / 2, y, 0.0, heading, speed)
    if lead is not None and lead.role.medium == "land" and role.medium == "land":
        off = 0.75 * (lead.role.size_m + role.size_m) * (1 if number % 2 else -1)
        x, y = lead.x + off, lead.y + 0.4 * role.size_m
        still = role.speed == 0.0
        return Mark(kind, role, x, y, ground(x, y), heading if still else lead.heading, speed if still else lead.speed)
    x, y = _spot(role, line, half_width, ground, rng)
    way = speed * seconds / 2
    x0, y0 = x - math.sin(heading) * way, y - math.cos(heading) * way
    return Mark(kind, role, x0, y0, ground(x0, y0), heading, speed)


def _track_z(x: float, y: float, heading: float, ground: Ground) -> float:
    """How high a track through (x, y) lies, metres: over the river, and over the land that is near the camera."""
    offs = np.linspace(-90.0, 90.0, 19)
    top = max(ground(x + math.sin(heading) * float(off), y + math.cos(heading) * float(off)) for off in offs)
    return min(max(top + 5.0, 20.0), 40.0)


def _spot(role: Role, line: Line, half_width: Line, ground: Ground, rng: np.random.Generator) -> tuple[float, float]:
    """The flattest dry place near the line, a little over the water."""
    best, found = math.inf, (line(90.0) + 40.0, 90.0)
    for _ in range(60):
        y = float(rng.uniform(60.0, 150.0))
        side = 1.0 if rng.random() < 0.5 else -1.0
        x = line(y) - side * (max(half_width(y), 0.0) + float(rng.uniform(role.clear_m * 0.6 + 4.0, 75.0)))
        here = ground(x, y)
        reach = max(role.clear_m * 0.5, 4.0)
        slope = max(
            abs(ground(x + dx, y + dy) - here) for dx, dy in ((reach, 0), (-reach, 0), (0, reach), (0, -2 * reach))
        )
        shore = abs(here - 6.0) * 0.05 if role.medium == "shore" else max(here - 14.0, 0.0) * 0.02
        cost = slope + shore + (50.0 if here < 0.6 else 0.0)
        if cost < best:
            best, found = cost, (x, y)
    return found


def distance(role: Role, shot: Shot) -> float:
    """From the camera to the subject that leads, in metres, where the move begins."""
    return 1.9 * role.size_m / role.near / shot.near * (1.7 if shot.aerial and role.medium != "air" else 1.0)


def framed(
    shot: Shot, mark: Mark, ground: Ground, *, frames: int, fps: int, ratio: float, fixed: bool, seed: int, tempo: float
) -> list[Pose]:
    """One pose for each frame, about the subject at `mark`. `ratio` is the frame's width over its height."""
    duration_s = frames / fps
    move = "static" if fixed else shot.move
    rng = np.random.default_rng([seed, 78])
    side = float(rng.uniform(-0.12, 0.12))
    poses = []
    for frame in range(frames):
        t = frame / fps
        pose = _about(shot, move, mark, ground, t, duration_s, ratio, side, tempo)
        poses.append(shaken(pose, t, seed, 0.7) if shot.handheld and not fixed else pose)
    return poses


_STEEP = {"air": -0.06, "sky": -0.40}
"""How far above its subject, by the distance to it, the camera of a medium is; below zero it looks up."""


def _about(
    shot: Shot, move: str, mark: Mark, ground: Ground, t: float, duration_s: float, ratio: float, side: float,
    tempo: float,
) -> Pose:  # fmt: skip
    role = mark.role
    reach = {"slow": 0.6, "normal": 1.0, "fast": 1.5}[shot.pace]
    share = ease(t / duration_s)
    back = share if shot.sense > 0 else 1.0 - share
    # The camera keeps the middle of the way in sight; a tracking one keeps the subject.
    follows = move in ("tracking", "orbit", "first_person") or (move in ("flight", "handheld") and role.follow)
    along = (t if follows else 0.5 * duration_s) * tempo
    x, y, z = mark.at(along)
    if role.medium in ("land", "shore"):
        z = max(ground(x, y), 0.0)
    z += role.tall_m
    away, turn, lift, focal, low = distance(role, shot), side + shot.aside, 0.0, 1.12, 0.0
    if not follows and role.follow:
        # Who crosses the frame must find room in it.
        away = max(away, 0.75 * mark.speed * duration_s * tempo)
    if move == "dolly" or move == "first_person" or move == "flight":
        away *= 1.25 - (0.55 if move == "dolly" else 0.35) * back * min(reach, 1.2)
    elif move == "zoom":
        focal *= 0.9 + 0.5 * back * reach
    elif move == "orbit":
        turn += (share - 0.5) * 0.85 * reach * shot.sense
    elif move == "crane":
        lift = away * 0.42 * back * reach
    pan = (share - 0.5) * (0.12 if role.follow else 0.30) * reach * shot.sense if move == "pan" else 0.0
    truck = (t / duration_s - 0.5) * away * 0.5 * reach * shot.sense if move == "truck" else 0.0
    if move == "tilt":
        low = 0.22 * (1.0 - back) * reach
    if move == "flight":
        lift = away * 0.10 * share
    yaw = turn
    cx, cy = x - math.sin(yaw) * away + truck, y - math.cos(yaw) * away
    steep = _STEEP.get(role.medium, 0.55 if shot.aerial else 0.10)
    eye = max(z + away * steep, 0.0)
    if move == "first_person":
        eye = z + 0.4
    floor = max(ground(cx, cy), 0.0) + min(max(0.35 * role.size_m, 0.35), 6.0)
    eye = max(eye + lift, floor)
    # The subject's middle lies a little under the frame's, as tall as the lens allows.
    tall = 1.0 / math.sqrt(ratio)
    aim = {"air": 0.46, "sky": 0.34}.get(role.medium, 0.54)
    horizon = aim + (z - eye) * focal / away / tall + low
    return Pose(cx, cy, eye, yaw + pan, min(max(horizon, -0.25), 0.95), focal, 0.0)
