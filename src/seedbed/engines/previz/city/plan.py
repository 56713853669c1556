"""Where everything in a city is: streets, lots, what moves, and the lamps. Three kinds of place.

The main street runs along y at x = 0, and the camera comes from the south. A street-level shot builds both its
sides in detail; a skyline is seen from over the roofs, and may have a river before it; an old town has a lane.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import numpy as np

from seedbed.engines.previz.city import around, houses, street
from seedbed.engines.previz.city.build import Builder, Floats, pick, pose
from seedbed.engines.previz.city.houses import Lot
from seedbed.engines.previz.city.kit import HALF_M, KERB_M, Kit
from seedbed.engines.previz.city.street import Driver
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.shapes import Actor, Prop, mesh

WALK_M = 4.6
"""The width of each of the main street's pavements."""
BLOCK_M, CROSS_M = 84.0, 13.0
"""From one cross street to the next, and a cross street's width."""
RIVER_M = (112.0, 374.0)
"""Where the river of a skyline begins and ends along y."""
_OLD = {"village", "old town", "church", "cathedral", "medieval", "alley", "alleyway", "square", "cobblestone", "paris",
        "istanbul", "warsaw", "town", "market", "bazaar"}  # fmt: skip
_LOW = {"street", "avenue", "alley", "alleyway", "boulevard", "road", "traffic", "pedestrian", "crossroad", "market",
        "bazaar", "taxi", "tram", "bus", "square", "neon sign", "neon light", "neon", "wet asphalt", "times square",
        "suburb", "asphalt"}  # fmt: skip
_HIGH = {"skyline", "aerial", "drone", "cityscape", "skyscraper", "rooftop", "bird", "metropolis", "downtown", "above"}


_LOFTY = frozenset(("balloon", "plane", "dragon", "fireworks", "ship"))
"""Subjects that are seen over roofs, or on a river."""


def kind_of(shot: Shot) -> str:
    """ "old", "street" or "skyline"."""
    words = {word.lower().rstrip("s") if len(word) > 4 else word.lower() for word in shot.known} | set(shot.known)
    high = bool(words & _HIGH) or any("aerial" in word or "skyline" in word for word in words)
    lofty = set(shot.subjects) & _LOFTY and not words & _LOW
    if shot.aerial or high or lofty:
        return "skyline" if high or lofty or not words & (_OLD | _LOW) else "old" if words & _OLD else "street"
    if words & _OLD and not any("neon" in word for word in words):
        return "old"
    return "street"


@dataclass(slots=True)
class Plan:
    """A city before it is drawn. `boxes` are what is built: x0, x1, y0, y1 and height; `lamps` are bulbs and `halos`
    those that the air glows around; `water` is the height of a river, if there is one."""

    kind: str
    kit: Kit
    actors: list[Actor] = field(default_factory=list)
    boxes: list[tuple[float, float, float, float, float]] = field(default_factory=list)
    drivers: list[Driver] = field(default_factory=list)
    lamps: list[list[float]] = field(default_factory=list)
    halos: list[list[float]] = field(default_factory=list)
    river: float | None = None
    water: Builder = field(default_factory=Builder)


Way = tuple[float, float, float, float, float]
"""What the camera passes through: x0, x1, y0, y1, and its lowest height."""


def plan(shot: Shot, kit: Kit, way: Way, seed: int, clear_m: float = 0.0) -> Plan:
    """The city of `shot`, with nothing in the camera's `way`, and no car within `clear_m` of the street's middle."""
    rng = np.random.default_rng([seed, 17])
    out = Plan(kind_of(shot), kit)
    ground = Builder()
    if out.kind == "old":
        _old_town(out, ground, kit, way, rng)
    elif out.kind == "street":
        _street(out, ground, shot, kit, way, rng)
    else:
        _skyline(out, ground, shot, kit, way, rng)
    closed = {id(driver) for driver in out.drivers if abs(driver.x) < clear_m}
    out.drivers = [driver for driver in out.drivers if id(driver) not in closed]
    out.actors = [actor for actor in out.actors if id(actor) not in closed]
    made = ground.mesh()
    if made is not None:
        out.actors.append(Prop(made, pose()))
    return out


def _fits(lot: Lot, way: Way) -> float:
    """The height that a lot may have beneath the camera's way."""
    x0, x1, y0, y1, low = way
    aside = 7.0 if low > 20.0 else 2.0
    apart = lot.x0 > x1 + aside or lot.x1 < x0 - aside or lot.y0 > y1 + 14 or lot.y1 < y0 - 7
    return math.inf if apart else low - 9.0


def _raise(
    out: Plan, ground: Builder, lot: Lot, kit: Kit, way: Way, rng: np.random.Generator, *, old: bool = False
) -> None:
    room = _fits(lot, way)
    if room < 8.0:
        return
    if lot.height + 16.0 > room:
        lot = Lot(lot.x0, lot.x1, lot.y0, lot.y1, max(room - 16.0, 7.0), lot.near, lot.front)
    top = (houses.raise_house if old else houses.raise_block)(ground, lot, kit, rng)
    out.boxes.append((lot.x0, lot.x1, lot.y0, lot.y1, top))


def _cuts(rng: np.random.Generator, start: float, end: float, low: float, high: float) -> list[float]:
    """Frontages between two corners."""
    edges = [start]
    while end - edges[-1] > high:
        edges.append(edges[-1] + float(rng.uniform(low, high)))
    if end - edges[-1] < 0.6 * low and len(edges) > 1:
        edges.pop()
    return [*edges, end]


def _street(out: Plan, ground: Builder, shot: Shot, kit: Kit, way: Way, rng: np.random.Generator) -> None:
    """An avenue with everything that stands in it, and taller blocks behind its fronts."""
    first, last = -1, 9
    wall = HALF_M + WALK_M
    neon = "neon" in " ".join(shot.known) or shot.style == "neon"
    rows = range(first, last)
    ground.floor(-400, 400, -120, 900, -0.03, kit.asphalt, ao=0.8)
    for row in rows:
        y0, y1 = row * (BLOCK_M + CROSS_M), row * (BLOCK_M + CROSS_M) + BLOCK_M
        _carriageway(ground, kit, y0, y1)
        for side in (-1, 1):
            near = 2 if row < 3 else 1
            _pavement(ground, kit, side, y0, y1)
            edges = _cuts(rng, y0 + 0.5, y1 - 0.5, 15.0, 30.0)
            for a, b in itertools.pairwise(edges):
                deep = float(rng.uniform(16, 24))
                tall = float(rng.choice([17, 21, 27, 34, 48, 66], p=[0.16, 0.22, 0.24, 0.2, 0.12, 0.06]))
                x0, x1 = (wall, wall + deep) if side > 0 else (-wall - deep, -wall)
                _raise(out, ground, Lot(x0, x1, a, b, tall, near, "w" if side > 0 else "e"), kit, way, rng)
                if near == 2 or row < 6:
                    _signs(out, ground, kit, side * wall, a, b, tall, -side, neon, rng)
            for a, b in zip(*(lambda e: (e, e[1:]))(_cuts(rng, y0, y1, 24.0, 42.0)), strict=False):
                x = wall + 30.0 + float(rng.uniform(0, 6))
                tall = float(rng.uniform(35, 110) if row > 1 else rng.uniform(25, 60))
                x0, x1 = (x, x + 30) if side > 0 else (-x - 30, -x)
                _raise(out, ground, Lot(x0, x1, a, b, tall, 0, "w"), kit, way, rng)
    houses.raise_spire(ground, 4.0, last * (BLOCK_M + CROSS_M) + 90.0, 175.0, kit, rng)
    for x in (-120, -70, 62, 118):
        y = last * (BLOCK_M + CROSS_M) + 40.0 + float(rng.uniform(0, 120))
        _raise(out, ground, Lot(x - 17, x + 17, y, y + 34, float(rng.uniform(80, 150)), 0, "s"), kit, way, rng)
    _furnish(out, ground, shot, kit, rows, rng)
    _traffic(out, kit, rng, -60.0, 620.0)


def _carriageway(ground: Builder, kit: Kit, y0: float, y1: float) -> None:
    """The road of one block, its crossings, and the mouth of the cross street after it."""
    ground.floor(-HALF_M, HALF_M, y0, y1, 0.0, kit.road, ao=0.88)
    ground.floor(-HALF_M, HALF_M, y1, y1 + CROSS_M, 0.0, kit.asphalt, ao=0.9)
    for side in (-1, 1):
        a, b = sorted((side * HALF_M, side * 260.0))
        ground.floor(a, b, y1 + 1.8, y1 + CROSS_M - 1.8, 0.0, kit.road, ao=0.8, across=True)
    for y in (y1 - 3.6, y1 + CROSS_M + 0.6):
        ground.floor(-HALF_M + 0.4, HALF_M - 0.4, y, y + 3.0, 0.012, kit.crossing, ao=0.88)


def _pavement(ground: Builder, kit: Kit, side: int, y0: float, y1: float) -> None:
    near, far = side * HALF_M, side * (HALF_M + WALK_M)
    x0, x1 = min(near, far), max(near, far)
    if side > 0:
        ground.quad((x0, y0, KERB_M), (x1, y0, KERB_M), (x1, y1, KERB_M), (x0, y1, KERB_M), kit.pavement,
                    uv=(x0, y0, x1, y1), ao=(0.68, 0.68))  # fmt: skip
    else:
        ground.floor(x0, x1, y0, y1, KERB_M, kit.pavement, ao=0.68)
    a, b = sorted((near, near + side * 0.18))
    ground.walls(a, b, y0, y1, 0.0, KERB_M + 0.005, kit.kerb, sides="w" if side > 0 else "e")
    ground.floor(a, b, y0, y1, KERB_M + 0.005, kit.kerb)
    c, d = sorted((far, side * 300.0))
    ground.floor(c, d, y0 - 1.8, y1 + 1.8, KERB_M - 0.02, kit.pavement, ao=0.5)
    ground.walls(x0, x1, y0, y1, 0.0, KERB_M, kit.kerb, sides="sn")


def _signs(
    out: Plan, ground: Builder, kit: Kit, x: float, y0: float, y1: float, tall: float, side: int, neon: bool,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Luminous boards of one building: few in a plain street, many in one that is known for them."""
    for _ in range(int(rng.integers(1, 4)) if neon else int(rng.random() < 0.35)):
        which = int(rng.integers(len(kit.neon)))
        y, z = float(rng.uniform(y0 + 2, y1 - 2)), float(rng.uniform(5.2, 8.5))
        if rng.random() < 0.65:
            high = float(rng.choice([2.7, 4.5, 6.3]))
            z = min(z, max(tall - high - 3.0, 4.8))
            street.sign(ground, kit, x, y, z, 0.9 if rng.random() < 0.6 else 1.8, high, side, which)
            high /= 2
        else:
            wide = min(float(rng.choice([4.2, 7.0, 9.8])), y1 - y0 - 2)
            y = min(max(y, y0 + 1), y1 - wide - 1)
            street.board(ground, kit, x, y, z + 1.0, wide, 2.8, side, which)
            y, high = y + wide / 2, 2.0
        if (kit.night or kit.wet) and y < 190 and len(out.lamps) < 30:
            out.lamps.append(street.neon_bulb(x + side * 1.6, y, z + high, which, 0.5 if neon else 0.35))
        if (kit.night or kit.wet) and y < 320:
            out.halos.append(street.neon_bulb(x + side * 1.0, y, z + high, which, 0.10, 14.0))


def _furnish(out: Plan, ground: Builder, shot: Shot, kit: Kit, rows: range, rng: np.random.Generator) -> None:
    """Lamps, trees, traffic lights, parked cars."""
    posts = [street.lamp_post(kit, sides=sides) for sides in (6, 3)]
    bare = shot.season == "winter"
    planted = "trees" not in shot.without
    trees = [[street.tree(kit, number, bare=bare, near=near) for number in range(4)] for near in (True, False)]
    cars = [
        [street.car(kit, body, number, near=near) for number, body in enumerate(kit.cars)] for near in (True, False)
    ]
    mast = street.traffic_light(kit, True), street.traffic_light(kit, False)
    for row in rows:
        start = row * (BLOCK_M + CROSS_M)
        for side in (-1, 1):
            x = side * (HALF_M + 0.55)
            for y in np.arange(start + 6.0, start + BLOCK_M, 26.0):
                ground.place(posts[row > 1], x, float(y), KERB_M, math.pi if side > 0 else 0.0)
                _lamp(out, kit, x - side * 2.2, float(y), 8.0, 380.0)
            for y in np.arange(start + 12.0, start + BLOCK_M - 6, 8.7):
                if planted and row < 5 and rng.random() < 0.62:
                    form = trees[float(y) > 55][int(rng.integers(4))]
                    ground.place(form, x + side * 0.5, float(y), KERB_M, float(rng.uniform(0, 6)))
            for y in np.arange(start + 9.0, start + BLOCK_M - 8, 6.1):
                if row < 5 and rng.random() < 0.5:
                    form = cars[float(y) > 60][int(rng.integers(len(kit.cars)))]
                    ground.place(form, side * (HALF_M - 1.0), float(y), 0.0, 0.0 if side > 0 else math.pi)
        if row < 5:
            # Every second crossing stands at green.
            ground.place(mast[row % 2], HALF_M + 0.5, start + BLOCK_M - 4.5, KERB_M, math.pi)
            ground.place(mast[row % 2], -HALF_M - 0.5, start - 0.8, KERB_M)


def _lamp(out: Plan, kit: Kit, x: float, y: float, z: float, far: float) -> None:
    if not (kit.night or kit.wet) or y > far:
        return
    strength = 1.0 if kit.night else 0.35
    if -20.0 < y < 190.0:
        out.lamps.append([x, y, z - 0.35, 0.95 * strength, 0.62 * strength, 0.30 * strength, 3.4])
    out.halos.append([x, y, z - 0.1, 0.62 * strength, 0.42 * strength, 0.20 * strength, 5.0])


def _traffic(out: Plan, kit: Kit, rng: np.random.Generator, low: float, high: float) -> None:
    """Cars in four lanes: away from the camera on the right, towards it on the left."""
    forms = [
        [street.car(kit, body, number, near=near) for number, body in enumerate(kit.cars)] for near in (True, False)
    ]
    for x, speed in ((2.1, 9.5), (4.7, 8.0), (-2.1, -10.0), (-4.7, -8.5)):
        y = low + float(rng.uniform(0, 30))
        own = speed * float(rng.uniform(0.9, 1.1))
        while y < high:
            form = forms[not -30 < y < (130 if speed < 0 else 70)][int(rng.integers(len(kit.cars)))]
            lights = (kit.night or kit.wet) and y < 150.0
            out.drivers.append(Driver(form, x, y, own, low, high, lights))
            y += float(rng.uniform(17, 46))
    out.actors += out.drivers


def _skyline(out: Plan, ground: Builder, shot: Shot, kit: Kit, way: Way, rng: np.random.Generator) -> None:
    """Block after block, low by the camera and high in the middle, perhaps beyond a river."""
    river = shot.water != "none"
    pitch_x, pitch_y = 76.0, BLOCK_M + CROSS_M
    low, high = RIVER_M
    if river:
        out.river = -3.0
        ground.floor(-9000, 9000, -260, low, 0.0, kit.asphalt, ao=0.8)
        ground.floor(-9000, 9000, high, 16000, 0.0, kit.asphalt, ao=0.8)
        ground.walls(-1500, 1500, low, high, -4.0, 0.6, kit.kerb, sides="")
        ground.quad((-9000, high, -4), (9000, high, -4), (9000, high, 0.8), (-9000, high, 0.8), kit.trim, ao=(0.6, 1.0))
        out.water.floor(-9000, 9000, low - 5, high + 5, -3.0, kit.water)
        out.halos += around.raise_bridge(ground, kit, low, high)
    else:
        ground.floor(-9000, 9000, -260, 16000, 0.0, kit.asphalt, ao=0.75)
    heart = (float(rng.uniform(-120, 120)), 640.0 if not river else 720.0)
    for row in range(-2, 17):
        y0 = row * pitch_y
        if river and y0 + BLOCK_M > low - 12 and y0 < high + 10:
            continue
        _carriageway(ground, kit, y0, y0 + BLOCK_M)
        for column in range(-8, 8):
            x0 = 14.0 + column * pitch_x if column >= 0 else column * pitch_x - 14.0 + 13.0
            x1 = x0 + pitch_x - 13.0
            if abs((x0 + x1) / 2) > 150 + 0.62 * (y0 + 260):
                continue
            ground.floor(x0 - 2, x1 + 2, y0 - 2, y0 + BLOCK_M + 2, KERB_M, kit.pavement, ao=0.55)
            if rng.random() < 0.06 and row < 6:
                around.lay_park(ground, kit, x0, x1, y0, y0 + BLOCK_M, rng)
                continue
            _built_up(out, ground, kit, (x0, x1, y0, y0 + BLOCK_M), heart, way, row, rng)
    around.raise_outskirts(ground, kit, rng)
    houses.raise_spire(ground, heart[0] + 20.0, heart[1] + 20.0, 255.0, kit, rng)
    out.boxes.append((heart[0] + 3, heart[0] + 37, heart[1] + 3, heart[1] + 37, 255.0))
    _traffic(out, kit, rng, -60.0, low - 6 if river else 560.0)
    if kit.night or kit.wet:
        out.halos += _lamps_of_streets(pitch_y, river)


def _lamps_of_streets(pitch: float, river: bool) -> list[list[float]]:
    """What is seen from above of the lamps along the main street."""
    low, high = RIVER_M
    ways = [float(y) for row in range(-1, 12) for y in np.arange(row * pitch, row * pitch + pitch, 24.0)]
    dry = [y for y in ways if not (river and low - 8 < y < high + 8)]
    return [[side * 9.0, y, 7.5, 0.75, 0.5, 0.24, 4.5] for y in dry for side in (-1, 1)]


def _built_up(
    out: Plan, ground: Builder, kit: Kit, block: tuple[float, float, float, float], heart: tuple[float, float],
    way: Way, row: int, rng: np.random.Generator,
) -> None:  # fmt: skip
    """One block's buildings."""
    x0, x1, y0, y1 = block
    columns, rows = (2, 2) if row < 7 else (1, 2)
    for i in range(columns):
        for j in range(rows):
            gap = 1.2
            a, b = x0 + (x1 - x0) * i / columns + gap, x0 + (x1 - x0) * (i + 1) / columns - gap
            c, d = y0 + (y1 - y0) * j / rows + gap, y0 + (y1 - y0) * (j + 1) / rows - gap
            away = math.hypot((a + b) / 2 - heart[0], (c + d) / 2 - heart[1])
            core = math.exp(-((away / 330.0) ** 2))
            tall = float(rng.uniform(16, 40)) + core * float(rng.uniform(10, 150)) * (
                1.3 if rng.random() < 0.35 else 0.7
            )
            shrink = float(rng.uniform(0, 0.16)) * min(tall / 60, 1.0)
            dx, dy = (b - a) * shrink / 2, (d - c) * shrink / 2
            _raise(out, ground, Lot(a + dx, b - dx, c + dy, d - dy, tall, 1 if row < 2 else 0, "s"), kit, way, rng)


def _old_town(out: Plan, ground: Builder, kit: Kit, way: Way, rng: np.random.Generator) -> None:
    """A lane that bends to a church, between houses under tiles."""
    half, walk = 3.4, 1.2
    ground.floor(-300, 300, -80, 460, -0.02, kit.cobbles, ao=0.7)
    end = 175.0
    ground.floor(-half, half, -60, end, 0.0, kit.cobbles, ao=0.75)
    for side in (-1, 1):
        a, b = sorted((side * half, side * (half + walk)))
        ground.floor(a, b, -60, end, 0.1, kit.pavement, ao=0.6)
        ground.walls(a, b, -60, end, 0.0, 0.1, kit.kerb, sides="w" if side > 0 else "e")
        for depth in range(3):
            edges = _cuts(rng, -58.0, end, 7.5, 12.5)
            for c, d in itertools.pairwise(edges):
                deep = float(rng.uniform(9, 12))
                x = half + walk + depth * 26.0
                x0, x1 = (x, x + deep) if side > 0 else (-x - deep, -x)
                tall = float(rng.choice([6.0, 8.9, 11.8])) + 1.5 * depth
                _raise(out, ground, Lot(x0, x1, c, d, tall, 2, "w"), kit, way, rng, old=True)
        for y in np.arange(-30.0, end, 17.0):
            x = side * (half + 0.45)
            ground.place(street.lantern(kit), x, float(y) + (8.5 if side > 0 else 0.0), 0.1)
            if kit.night or kit.wet:
                at = float(y) + (8.5 if side > 0 else 0.0)
                out.lamps.append([x, at, 3.5, 0.85, 0.55, 0.25, 2.3])
                out.halos.append([x, at, 3.5, 0.9, 0.6, 0.28, 3.0])
    for _ in range(60):
        x, y = float(rng.uniform(-130, 130)), float(rng.uniform(end + 62, 420))
        wide = float(rng.uniform(8, 13))
        _raise(out, ground, Lot(x, x + wide, y, y + wide * 1.1, float(rng.choice([8.9, 11.8, 14.7])), 1, "s"), kit, way,
               rng, old=True)  # fmt: skip
    houses.raise_church(ground, 2.0, end + 14.0, kit)
    out.boxes.append((-6.0, 10.0, end + 14.0, end + 54.0, 56.0))
    table, cloth = mesh.cylinder(0.4, 0.04, 12).moved(0, 0, 0.72), mesh.cylinder(0.03, 0.72, 6)
    for y in (14.0, 17.5, 44.0):
        x = half + 0.75
        ground.place(table.painted(kit.trim), x, y, 0.1)
        ground.place(cloth.painted(kit.metal), x, y, 0.1)
        ground.place(mesh.cone(1.35, 0.6, 10).moved(0, 0, 2.3).painted(pick(rng, kit.cars)), x, y, 0.1)
        ground.place(mesh.cylinder(0.025, 2.4, 5).painted(kit.wood), x, y, 0.1)


def bulbs_of(rows: list[list[float]]) -> Floats:
    """Lamps as (n, 7)."""
    return np.array(rows, np.float32).reshape(-1, 7)
