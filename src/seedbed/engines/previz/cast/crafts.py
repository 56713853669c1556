"""Things by people's hands, on their marks: houses, lighthouses, bridges, trains, ships, planes, balloons."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from seedbed.engines.previz.cast.scenery import Scenery, Traveller, stood
from seedbed.engines.previz.cast.staging import Mark
from seedbed.engines.previz.shapes import Actor, Prop
from seedbed.engines.previz.shapes.mesh import joined, placed, rotation
from seedbed.engines.previz.things import buildings, craft, spacecraft


def _house(mark: Mark, scenery: Scenery) -> list[Actor]:
    rng = np.random.default_rng([scenery.seed, 41])
    found: list[Actor] = []
    for number, (right, ahead) in enumerate(((0.0, 0.0), (-19.0, 14.0), (20.0, 24.0))):
        x, y = mark.x + right, mark.y + ahead
        form = buildings.house(
            scenery.palette, seed=scenery.seed + number, lit=0.15 + 1.6 * scenery.dark, snowy=scenery.snowy
        )
        z = min(scenery.ground(x + dx, y + dy) for dx in (-4, 4) for dy in (-5, 5))
        found.append(
            Prop(form, placed(rotation(yaw=mark.heading + float(rng.uniform(-0.5, 0.5)) * (number > 0)), x, y, z))
        )
        if number == 0 and "village" not in scenery.shot.known:
            break
    return found


def _lighthouse(mark: Mark, scenery: Scenery) -> list[Actor]:
    return [stood(buildings.lighthouse(scenery.palette, lit=scenery.dark), mark, max(mark.z, 0.5))]


def _bridge(mark: Mark, scenery: Scenery) -> list[Actor]:
    form = buildings.viaduct(scenery.palette, length=806.0, height=mark.z, deep=30.0, snowy=scenery.snowy)
    return [Prop(form, placed(rotation(yaw=mark.heading), mark.x, mark.y, 0.0))]


def _train(mark: Mark, scenery: Scenery) -> list[Actor]:
    known = " ".join(scenery.shot.known)
    glass = "glass train" in known
    lit = 0.25 + 1.2 * scenery.dark
    count = 6
    colour = ("b03024", "1f4e79", "2f6b45", "c9a227")[scenery.seed % 4]
    parts = []
    for number in range(count):
        form = craft.carriage(scenery.palette, glass=glass, lit=lit, colour=colour, nose=number == 0)
        parts.append(form.moved(0, -number * craft.CARRIAGE_M))
    whole = joined(parts)
    length = count * craft.CARRIAGE_M

    def where(seconds: float) -> tuple[float, float, float, float, float, float]:
        # In the middle of the frame by the third second.
        along = mark.speed * (seconds - 2.6) + length * 0.30
        x, y = mark.x + math.sin(mark.heading) * along, mark.y + math.cos(mark.heading) * along
        return x, y, mark.z, mark.heading, 0.0, 0.0

    return [*_bridge(mark, scenery), Traveller(whole, where)]


def _ship(mark: Mark, scenery: Scenery) -> list[Actor]:
    known = " ".join(scenery.shot.known)
    big = any(word in known for word in ("ship", "ferry", "liner", "cruise")) and "sail" not in known
    form = craft.liner(scenery.palette, lit=scenery.dark) if big else craft.sailboat(scenery.palette, colour="f4f4f0")
    rough = 1.6 if scenery.shot.weather in ("rain", "snow") else 1.0

    def where(seconds: float) -> tuple[float, float, float, float, float, float]:
        x, y, _ = mark.at(seconds)
        calm = 0.25 if big else 1.0
        return (
            x, y, 0.12 * rough * calm * math.sin(seconds * 1.1), mark.heading,
            0.02 * rough * calm * math.sin(seconds * 1.1 + 1), (0.05 + 0.03 * math.sin(seconds * 0.8)) * rough * calm,
        )  # fmt: skip

    return [Traveller(form, where)]


def _plane(mark: Mark, scenery: Scenery) -> list[Actor]:
    kind = spacecraft_of(scenery)
    form = spacecraft.BUILDERS[kind](scenery.palette) if kind else craft.airliner(scenery.palette)
    if kind in ("rocket", "saucer", "satellite"):
        return [Traveller(form, _launched(mark) if kind == "rocket" else _hovering(mark))]

    def where(seconds: float) -> tuple[float, float, float, float, float, float]:
        x, y, z = mark.at(seconds)
        return x, y, z + 1.5 * seconds, mark.heading, 0.05, 0.05 * math.sin(seconds * 0.6)

    return [Traveller(form, where)]


_SPACECRAFT = (
    ("rocket", ("rocket", "火箭", "ракет", "roket", "rakiet")), ("saucer", ("ufo", "saucer", "飞碟", "нло")),
    ("satellite", ("satellite", "probe", "卫星", "спутник", "uydu", "satelit")),
    ("starship", ("spaceship", "starship", "spacecraft", "shuttle", "飞船", "starcruiser", "звездолет", "звездолёт",
                  "uzay gemisi", "statek kosmiczny")),
)  # fmt: skip


def spacecraft_of(scenery: Scenery) -> str:
    """Which craft for beyond the air was named, by its name in `spacecraft`; "" for none."""
    return next((kind for kind, words in _SPACECRAFT if scenery.any_of(*words)), "")


def _launched(mark: Mark) -> Callable[[float], tuple[float, float, float, float, float, float]]:
    """Up, ever faster, leaning a little."""

    def where(seconds: float) -> tuple[float, float, float, float, float, float]:
        lean = 0.006 * seconds * seconds
        return (
            mark.x + 0.3 * seconds**2,
            mark.y,
            mark.z - 6.0 + 4.0 * seconds + 0.9 * seconds**2,
            mark.heading,
            0.0,
            lean,
        )

    return where


def _hovering(mark: Mark) -> Callable[[float], tuple[float, float, float, float, float, float]]:
    """Along slowly, wavering and turning."""

    def where(seconds: float) -> tuple[float, float, float, float, float, float]:
        run = 0.12 * mark.speed * seconds
        x, y = mark.x + math.sin(mark.heading) * run, mark.y + math.cos(mark.heading) * run
        return (x, y, mark.z + 0.9 * math.sin(0.9 * seconds), 0.5 * seconds, 0.05 * math.sin(0.8 * seconds),
                0.06 * math.sin(0.6 * seconds + 1.0))  # fmt: skip

    return where


_BALLOONS = (
    ("c8102e", "f2b705", "f4f1e8", "1f5aa6"), ("e2571e", "f6c445", "f6efe0"), ("2a7f62", "f2e8cf", "bc4749"),
    ("5b2a86", "ef476f", "ffd166"), ("0b7a75", "f4d35e", "ee964b", "f95738"),
)  # fmt: skip


def _balloon(mark: Mark, scenery: Scenery) -> list[Actor]:
    rng = np.random.default_rng([scenery.seed, 43])
    found: list[Actor] = []
    for number in range(5):
        spread = 0.0 if number == 0 else 1.0
        x0, y0 = mark.x + spread * float(rng.uniform(-130, 130)), mark.y + spread * float(rng.uniform(30, 260))
        z0 = mark.z + spread * float(rng.uniform(-20, 60))
        form = craft.balloon(scenery.palette, colours=_BALLOONS[(scenery.seed + number) % len(_BALLOONS)])
        found.append(Traveller(form, _drift(x0, y0, z0, mark, float(rng.uniform(0, 6)))))
    return found


def _drift(
    x: float, y: float, z: float, mark: Mark, phase: float
) -> Callable[[float], tuple[float, float, float, float, float, float]]:
    def where(seconds: float) -> tuple[float, float, float, float, float, float]:
        way = mark.speed * seconds
        lift = 1.2 * math.sin(seconds * 0.35 + phase)
        return (
            x + math.sin(mark.heading) * way, y + math.cos(mark.heading) * way, z + lift, phase + 0.05 * seconds,
            0.015 * math.sin(seconds * 0.7 + phase), 0.015 * math.cos(seconds * 0.6 + phase),
        )  # fmt: skip

    return where


CRAFTS: dict[str, Callable[[Mark, Scenery], list[Actor]]] = {
    "house": _house, "lighthouse": _lighthouse, "bridge": _bridge, "train": _train, "ship": _ship, "plane": _plane,
    "balloon": _balloon,
}  # fmt: skip
"""Who plays things by people's hands."""
