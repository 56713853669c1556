"""People and animals on their marks: who they are and what they do, by the words of the shot."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from seedbed.engines.previz import bodies
from seedbed.engines.previz.bodies.catalogue import Detail
from seedbed.engines.previz.cast.scenery import Scenery
from seedbed.engines.previz.cast.staging import Mark, mounted
from seedbed.engines.previz.shapes import Actor

_WHO = (
    ("astronaut", ("astronaut", "cosmonaut", "spaceman", "spacesuit", "宇航员", "太空人", "космонавт", "астронавт",
                   "astronot", "kozmonot", "astronauta", "kosmonauta")),
    ("diver", ("diver", "divers", "潜水员", "водолаз", "аквалангист", "dalgıç", "nurek")),
    ("knight", ("knight", "骑士", "рыцарь", "şövalye", "rycerz")),
    ("ghost", ("ghost", "phantom", "幽灵", "鬼魂", "призрак", "привидение", "hayalet", "duch")),
    ("girl", ("girl",)), ("boy", ("boy",)), ("child", ("child", "children", "kid", "toddler")),
    ("dancer", ("dancer", "ballerina")), ("monk", ("monk",)), ("model", ("model", "fashion", "catwalk", "runway")),
    ("woman", ("woman", "women", "lady", "mother", "she", "her", "queen", "bride", "female", "witch", "princess")),
    ("man", ("man", "men", "gentleman", "father", "he", "his", "king", "samurai", "soldier", "male", "cowboy",
            "wizard", "prince")),
)  # fmt: skip
_DOES = (
    ("run", ("run", "sprint", "jog", "chas")), ("dance", ("danc",)), ("sit", ("sit", "seated")),
    ("wave", ("wav", "greet")), ("talk", ("talk", "speak", "convers")), ("look", ("look", "gaz", "watch", "stare")),
    ("stand", ("stand", "wait", "still")), ("turn", ("turn", "spin", "twirl")),
)  # fmt: skip


def _act(scenery: Scenery, motions: tuple[str, ...], otherwise: str) -> str:
    """The first of `motions` that the shot's words ask for."""
    for motion, words in _DOES:
        if motion in motions and scenery.any_of(*words):
            return motion
    return otherwise


def _way(mark: Mark, scenery: Scenery, speed: float) -> Callable[[float], tuple[float, float, float, float]]:
    """Along the mark's heading, on the ground."""

    def path(seconds: float) -> tuple[float, float, float, float]:
        run = speed * seconds
        x, y = mark.x + math.sin(mark.heading) * run, mark.y + math.cos(mark.heading) * run
        return x, y, scenery.ground(x, y), mark.heading

    return path


def _person(mark: Mark, scenery: Scenery) -> list[Actor]:
    words = scenery.words
    kind = who(scenery)
    if scenery.any_of("robot", "android", "cyborg") and mark.kind == "robot":
        kind = "robot" if "robot" in bodies.KINDS else "man"
    body = bodies.model(kind, seed=scenery.seed, palette=scenery.palette)
    going = {"model": "runway", "ghost": "drift"}.get(kind, "walk")
    rests = "look" if "look" in body.motions else body.motions[-1]
    motion = _act(scenery, body.motions, going if mark.speed else rests)
    if mounted(scenery.shot):
        return _mounted(mark, scenery)
    still = body.speed(motion) == 0.0
    walker = bodies.Walker(body, motion, _way(mark, scenery, 0.0 if still else mark.speed))
    found: list[Actor] = [walker]
    if several(scenery):
        return found + _others(mark, scenery, kind, motion, still)
    if words & {"couple", "friends", "family"}:
        other = bodies.model("woman" if kind == "man" else "man", seed=scenery.seed + 5, palette=scenery.palette)
        path = _way(mark, scenery, 0.0 if still else mark.speed)
        found.append(bodies.Walker(other, motion, _beside(path, 0.75), 0.5))
    return found


def who(scenery: Scenery) -> str:
    """The kind of person that was named; a man or a woman by the seed else."""
    said = scenery.words | {word.removesuffix("s") for word in scenery.words}
    return next((kind for kind, names in _WHO if said & set(names)), ("man", "woman")[scenery.seed & 1])


def several(scenery: Scenery) -> bool:
    """Whether people were named in the plural."""
    return bool(scenery.words & _PLURALS)


_PLURALS = frozenset(
    ("children", "kids", "girls", "boys", "women", "men", "people", "astronauts", "divers", "knights", "ghosts",
            "dancers",
     "monks", "soldiers", "samurais", "hikers", "robots", "runners", "musicians", "students")
)  # fmt: skip


def _others(mark: Mark, scenery: Scenery, kind: str, motion: str, still: bool) -> list[Actor]:
    """Three more of a kind, around the first."""
    found: list[Actor] = []
    rng = np.random.default_rng([scenery.seed, 48])
    for number, (x, y) in enumerate(((-0.95, 0.35), (0.9, 0.7), (-0.15, 1.45))):
        alike = kind if kind not in ("man", "woman") else ("woman", "man")[(scenery.seed + number) % 2]
        body = bodies.model(alike, seed=scenery.seed + 7 * (number + 1), palette=scenery.palette)
        at = (x + 0.2 * float(rng.normal()), y + 0.2 * float(rng.normal()))
        path = _shifted(_way(mark, scenery, 0.0 if still else mark.speed), *at, scenery)
        found.append(bodies.Walker(body, motion, path, float(rng.random())))
    return found


def _mounted(mark: Mark, scenery: Scenery) -> list[Actor]:
    """A knight on a horse."""
    body = bodies.model("horse", seed=scenery.seed, palette=scenery.palette, rider="knight")
    gait = "gallop" if scenery.any_of("gallop", "charg") else _GAITS[scenery.shot.pace]
    return [bodies.Walker(body, gait, _way(mark, scenery, mark.speed))]


def _beside(
    path: Callable[[float], tuple[float, float, float, float]], right: float
) -> Callable[[float], tuple[float, float, float, float]]:
    def moved(seconds: float) -> tuple[float, float, float, float]:
        x, y, z, yaw = path(seconds)
        return x + right * math.cos(yaw), y - right * math.sin(yaw), z, yaw

    return moved


def _crowd(mark: Mark, scenery: Scenery) -> list[Actor]:
    area = (mark.x - 9.0, mark.y - 4.0, mark.x + 9.0, mark.y + 16.0)
    motion = _act(scenery, ("run", "dance", "wave", "stand"), "walk")
    people = bodies.crowd(
        34, seed=scenery.seed, palette=scenery.palette, area=area, yaw=mark.heading, motion=motion,
        ground=scenery.ground,
    )  # fmt: skip
    return list(people)


def kind_named(scenery: Scenery, otherwise: str) -> str:
    """The kind of animal that was named, if there is a body for it."""
    named = [word.removesuffix("s") for word in " ".join(scenery.shot.known).split()]
    named += [word.removesuffix("es") for word in scenery.words] + list(scenery.words)
    return next((kind for kind in bodies.KINDS if kind in named), otherwise)


_GAITS = {"slow": "walk", "normal": "trot", "fast": "gallop"}


def _beast(mark: Mark, scenery: Scenery) -> list[Actor]:
    kind = kind_named(scenery, {"animals": "deer", "robot": "man"}.get(mark.kind, mark.kind))
    kind = kind if kind in bodies.KINDS else "horse"
    herd = scenery.any_of("herd", "pack", "group") or any(word.endswith("s") for word in scenery.words if kind in word)
    rng = np.random.default_rng([scenery.seed, 44])
    found: list[Actor] = []
    for number in range(7 if herd else 1):
        ridden = kind == "horse" and scenery.any_of("ride", "riding", "horsem", "cowboy", "jockey")
        look = {"rider": "knight" if scenery.any_of("knight") else "man"} if ridden else {}
        body = bodies.model(kind, seed=scenery.seed + number, palette=scenery.palette, **look)  # type: ignore[arg-type]
        gait = "gallop" if scenery.any_of("gallop", "run", "sprint") else _GAITS[scenery.shot.pace]
        motion = next((m for m in (gait, "run", "trot", "walk") if m in body.motions), body.motions[0])
        if scenery.any_of("sit", "sleep", "lie") and "sit" in body.motions:
            motion = "sit"
        if scenery.any_of("graz", "eat") and "graze" in body.motions:
            motion = "graze"
        off = (0.0, 0.0) if number == 0 else (float(rng.uniform(-1, 1)), float(rng.uniform(-0.4, 1.0)))
        reach = 3.2 * body.height
        path = _way(mark, scenery, mark.speed if body.speed(motion) > 0 else 0.0)
        found.append(
            bodies.Walker(body, motion, _shifted(path, off[0] * reach, off[1] * reach, scenery), float(rng.random()))
        )
    return found


def _shifted(
    path: Callable[[float], tuple[float, float, float, float]], x: float, y: float, scenery: Scenery
) -> Callable[[float], tuple[float, float, float, float]]:
    def moved(seconds: float) -> tuple[float, float, float, float]:
        here = path(seconds)
        return here[0] + x, here[1] + y, scenery.ground(here[0] + x, here[1] + y), here[3]

    return moved


def _birds(mark: Mark, scenery: Scenery) -> list[Actor]:
    kind = kind_named(scenery, "gull" if scenery.shot.water == "ocean" else "crane")
    flock = scenery.any_of("flock", "formation", "birds", "geese", "swarm") or any(
        w == kind + "s" for w in scenery.words
    )
    count = 15 if flock else 3
    formation: Literal["v", "loose"] = "v" if kind in ("goose", "crane", "swan", "duck") else "loose"
    detail: Detail = "high" if count < 5 else "low"
    birds = bodies.flock(
        kind, count, seed=scenery.seed, palette=scenery.palette, centre=(mark.x, mark.y, mark.z), yaw=mark.heading,
        formation=formation, spread=2.6, speed=mark.speed, detail=detail,
    )  # fmt: skip
    return list(birds)


def _dragon(mark: Mark, scenery: Scenery) -> list[Actor]:
    """One that flies by; three where more are told of."""
    found: list[Actor] = []
    for number, (right, back, up) in enumerate(((0.0, 0.0, 0.0), (-16.0, -20.0, 5.0), (17.0, -26.0, -4.0))):
        if number and not scenery.any_of("dragons", "wyverns"):
            break
        path = _trailing(mark, right, back, up)
        body = bodies.model("dragon", seed=scenery.seed + number, palette=scenery.palette)
        found.append(bodies.Walker(body, "fly", path, 0.31 * number))
    return found


def _trailing(mark: Mark, right: float, back: float, up: float) -> Callable[[float], tuple[float, float, float, float]]:
    """Along the mark's heading through the air, to one side of it and behind."""

    def path(seconds: float) -> tuple[float, float, float, float]:
        run = back + mark.speed * seconds
        ahead, side = (
            (math.sin(mark.heading), math.cos(mark.heading)),
            (math.cos(mark.heading), -math.sin(mark.heading)),
        )
        x, y = mark.x + ahead[0] * run + side[0] * right, mark.y + ahead[1] * run + side[1] * right
        return x, y, mark.z + up + 0.8 * math.sin(0.7 * seconds + right), mark.heading + 0.05 * math.sin(0.5 * seconds)

    return path


def _swimmers(mark: Mark, scenery: Scenery) -> list[Actor]:
    """Those that come up for air, seen from above the water."""
    kind = kind_named(scenery, "dolphin")
    if bodies.model(kind, seed=1, palette=scenery.palette).medium != bodies.WATER or kind in (
        "fish",
        "koi",
        "goldfish",
    ):
        kind = "dolphin"
    rng = np.random.default_rng([scenery.seed, 45])
    great = kind in ("whale", "humpback", "orca")
    found: list[Actor] = []
    for number in range(1 if great else 4):
        body = bodies.model(kind, seed=scenery.seed + number, palette=scenery.palette)
        spot = (
            mark.x + float(rng.uniform(-3, 3)) * (number > 0),
            mark.y + float(rng.uniform(-1, 6)) * (number > 0),
            0.0,
        )
        path = bodies.leap(spot, mark.heading, mark.speed, high=2.4 if great else 1.3, every=4.0 if great else 2.2,
                           start=float(rng.random()))  # fmt: skip
        found.append(bodies.Walker(body, body.motions[0], path, float(rng.random())))
    return found


CREATURES: dict[str, Callable[[Mark, Scenery], list[Actor]]] = {
    "people": _person, "robot": _person, "crowd": _crowd, "dog": _beast, "cat": _beast, "horse": _beast,
    "animals": _beast, "birds": _birds, "fish": _swimmers, "dragon": _dragon,
}  # fmt: skip
"""Who plays what is alive."""
