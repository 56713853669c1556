"""People and animals on their marks: who they are and what they do, by the words of the shot."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from seedbed.engines.previz import bodies
from seedbed.engines.previz.bodies.catalogue import Detail
from seedbed.engines.previz.cast.scenery import Scenery
from seedbed.engines.previz.cast.staging import Mark
from seedbed.engines.previz.shapes import Actor

_WHO = (
    ("child", ("child", "kid")), ("girl", ("girl",)), ("boy", ("boy",)), ("dancer", ("dancer", "ballerina")),
    ("monk", ("monk",)), ("model", ("model", "fashion", "catwalk", "runway")),
    ("woman", ("woman", "women", "lady", "mother", "she", "her", "queen", "bride", "female")),
    ("man", ("man", "men", "gentleman", "father", "he", "his", "king", "knight", "samurai", "soldier", "male")),
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
    kind = next((who for who, said in _WHO if words & set(said)), ("man", "woman")[scenery.seed & 1])
    if scenery.any_of("robot", "android", "cyborg") and mark.kind == "robot":
        kind = "robot" if "robot" in bodies.KINDS else "man"
    body = bodies.model(kind, seed=scenery.seed, palette=scenery.palette)
    going = "runway" if kind == "model" else "walk"
    motion = _act(scenery, body.motions, going if mark.speed else "look")
    still = body.speed(motion) == 0.0
    walker = bodies.Walker(body, motion, _way(mark, scenery, 0.0 if still else mark.speed))
    found: list[Actor] = [walker]
    if words & {"couple", "friends", "family"}:
        other = bodies.model("woman" if kind == "man" else "man", seed=scenery.seed + 5, palette=scenery.palette)
        path = _way(mark, scenery, 0.0 if still else mark.speed)
        found.append(bodies.Walker(other, motion, _beside(path, 0.75), 0.5))
    return found


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


def _kind(scenery: Scenery, otherwise: str) -> str:
    """The kind of animal that was named, if there is a body for it."""
    named = [word.removesuffix("s") for word in " ".join(scenery.shot.known).split()]
    named += [word.removesuffix("es") for word in scenery.words] + list(scenery.words)
    return next((kind for kind in bodies.KINDS if kind in named), otherwise)


_GAITS = {"slow": "walk", "normal": "trot", "fast": "gallop"}


def _beast(mark: Mark, scenery: Scenery) -> list[Actor]:
    kind = _kind(scenery, {"animals": "deer", "robot": "man"}.get(mark.kind, mark.kind))
    kind = kind if kind in bodies.KINDS else "horse"
    herd = scenery.any_of("herd", "pack", "group") or any(word.endswith("s") for word in scenery.words if kind in word)
    rng = np.random.default_rng([scenery.seed, 44])
    found: list[Actor] = []
    for number in range(7 if herd else 1):
        body = bodies.model(kind, seed=scenery.seed + number, palette=scenery.palette)
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
    kind = _kind(scenery, "gull" if scenery.shot.water == "ocean" else "crane")
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


def _swimmers(mark: Mark, scenery: Scenery) -> list[Actor]:
    """Those that come up for air, seen from above the water."""
    kind = _kind(scenery, "dolphin")
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
    "animals": _beast, "birds": _birds, "fish": _swimmers,
}  # fmt: skip
"""Who plays what is alive."""
