"""Four-legged animals: a trunk and neck of one skin, legs that reach, head, ears, tail, and what a kind adds.

Metres. Side views run along y (ahead) and z (up). See `species` for the kinds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from seedbed.engines.previz.bodies.form import UP, Grain, Hold, blade, both, melded, skin
from seedbed.engines.previz.bodies.rig import Rig, paired, rig
from seedbed.engines.previz.shapes.mesh import Mesh, joined, sphere

Station = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg from the side: (y, z) of its joints from the top: hip or shoulder, knee or elbow, hock or wrist,
    fetlock or toes, and the tip on the ground; half the distance of the pair; `girth` the thickness (side, front,
    back) at its five joints; the foot's half width and length."""

    joints: tuple[tuple[float, float], ...]
    apart: float
    girth: tuple[tuple[float, float, float], ...]
    foot: tuple[float, float, float]
    """Half its width, its length and its height."""
    narrow: float = 1.0
    """How far apart the feet are against the hips."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind's body. `trunk` stations are (y, top, bottom, half width) from the tail's end to the chest; `neck` and
    `head` are (y, z, half width, above, below), the head to the muzzle's end; the rest is named."""

    trunk: tuple[tuple[float, float, float, float], ...]
    neck: tuple[Station, ...]
    head: tuple[Station, ...]
    fore: Leg
    hind: Leg
    tail: tuple[Station, ...]
    """(y, z, radius) from its root."""
    ear: tuple[tuple[float, float, float], ...]
    """Root, and the tip's offset from it: (x, y, z) twice, then (half width, thickness, 0)."""
    eye: tuple[float, float, float, float]
    """x, y, z and radius."""
    nose: tuple[float, float] = (0.0, 0.0)
    """Radius of a dark nose at the muzzle's end and its height above the last station; 0 for none."""
    ear_up: float = 1.0
    extras: Callable[[Shape, Grain, Callable[[str], int], Coat], list[Mesh]] | None = None
    power: float = 2.2
    hoofed: bool = True


@dataclass(frozen=True, slots=True)
class Coat:
    """Rows of the palette."""

    coat: int
    under: int
    """Belly, muzzle or legs, by the kind."""
    hair: int
    """Mane and tail."""
    hoof: int
    eye: int
    nose: int
    horn: int
    more: dict[str, int] = field(default_factory=dict)


LEGS = ("fore", "hind")


def skeleton(s: Shape) -> Rig:
    """Trunk in three, neck in two, head, jaw, ears, three of the tail, five of each leg."""
    ys = [row[0] for row in s.trunk]

    def middle(y: float) -> float:
        return float(np.interp(y, ys, [(row[1] + row[2]) / 2 for row in s.trunk]))

    back, chest = s.hind.joints[0][0] + 0.12 * (ys[-1] - ys[0]), s.fore.joints[0][0] - 0.22 * (ys[-1] - ys[0])
    neck_mid = s.neck[len(s.neck) // 2]
    side = []
    for name, leg, parent in (("fore", s.fore, "chest"), ("hind", s.hind, "rump")):
        for k, part in enumerate(("upper", "lower", "cannon", "foot")):
            y, z = leg.joints[k]
            narrow = leg.apart * (1 + (leg.narrow - 1) * min(k / 2, 1.0))
            side.append(
                (
                    f"{name}.{part}.r",
                    parent if k == 0 else f"{name}.{['upper', 'lower', 'cannon'][k - 1]}.r",
                    (narrow, y, z),
                )
            )
    ear = s.ear[0]
    side.append(("ear.r", "head", ear))
    t = s.tail
    return rig([
        ("trunk", "", (0, (back + chest) / 2, middle((back + chest) / 2))), ("rump", "trunk", (0, back, middle(back))),
        ("chest", "trunk", (0, chest, middle(chest))), ("neck", "chest", (0, s.neck[0][0], s.neck[0][1])),
        ("crest", "neck", (0, neck_mid[0], neck_mid[1])), ("head", "crest", (0, s.head[0][0], s.head[0][1])),
        ("nod", "head", (0, s.head[-1][0], s.head[-1][1])),
        ("tail.0", "rump", (0, *t[0][:2])), ("tail.1", "tail.0", (0, *t[len(t) // 3][:2])),
        ("tail.2", "tail.1", (0, *t[2 * len(t) // 3][:2])), *paired(side),
    ])  # fmt: skip


def numbers(skeleton_: Rig) -> Callable[[str], int]:
    return {name: i for i, name in enumerate(skeleton_.names)}.__getitem__


def build(s: Shape, coat: Coat, grain: Grain, skeleton_: Rig) -> Mesh:
    bone = numbers(skeleton_)
    trunk = _trunk(s, coat, grain, bone)
    neck = melded(_neck(s, coat, grain, bone), trunk, 0.3 * s.neck[0][3])
    head = melded(_head(s, coat, grain, bone), neck, 0.5 * s.head[0][3])
    parts = [trunk, neck, head, _tail(s, coat, grain, bone)]
    for name, leg in (("fore", s.fore), ("hind", s.hind)):
        parts += _leg(s, name, leg, coat, grain, bone, trunk)
    parts += _trimmings(s, coat, grain, bone)
    if s.extras:
        parts += s.extras(s, grain, bone, coat)
    return joined(parts)


def _trunk(s: Shape, coat: Coat, grain: Grain, bone: Callable[[str], int]) -> Mesh:
    stations = [(0, y, (t + b) / 2, w, (t - b) / 2, (t - b) / 2) for y, t, b, w in s.trunk]
    last = len(stations) - 1
    ends = [0.5 * last - 0.24 * last, 0.5 * last + 0.22 * last]
    hold = Hold((bone("rump"), bone("trunk"), bone("chest")), tuple(ends), (0.2 * last, 0.2 * last))
    return skin(stations, grain(18, 6), grain(16, 6), hold, front=UP, paint=coat.coat, power=s.power)


def _neck(s: Shape, coat: Coat, grain: Grain, bone: Callable[[str], int]) -> Mesh:
    stations = [(0, y, z, w, up, down) for y, z, w, up, down in s.neck]
    last = len(stations) - 1
    hold = Hold((bone("chest"), bone("neck"), bone("crest")), (0.22 * last, 0.55 * last), (0.22 * last, 0.2 * last))
    return skin(stations, grain(9, 4), grain(14, 5), hold, front=UP, paint=coat.coat, power=2.1)


def _head(s: Shape, coat: Coat, grain: Grain, bone: Callable[[str], int]) -> Mesh:
    stations = [(0, y, z, w, up, down) for y, z, w, up, down in s.head]
    return skin(stations, grain(14, 5), grain(14, 5), Hold((bone("head"),)), front=UP, paint=coat.coat, power=2.2)


def _leg(
    s: Shape, name: str, leg: Leg, coat: Coat, grain: Grain, bone: Callable[[str], int], trunk: Mesh
) -> list[Mesh]:
    """A leg from inside the trunk down to the foot."""
    at = [(leg.apart * (1 + (leg.narrow - 1) * min(k / 2, 1.0)), y, z) for k, (y, z) in enumerate(leg.joints)]
    stations: list[Station] = []
    for k in range(4):
        x, y, z = at[k]
        side, fore, back = leg.girth[k]
        stations.append((x, y, z, side, fore, back))
        if k < 3:
            (x1, y1, z1), (s1, f1, b1) = at[k + 1], leg.girth[k + 1]
            # Muscle sits high on each bone.
            t, m = (0.45, 0.62) if k < 2 else (0.5, 0.45)
            stations.append((x + (x1 - x) * t, y + (y1 - y) * t, z + (z1 - z) * t, side * m + s1 * (1 - m),
                fore * m + f1 * (1 - m),
                             back * m + b1 * (1 - m)))  # fmt: skip
    x, y, z = at[4]
    wide, long, tall = leg.foot
    first = (
        at[0][0] * 0.35,
        at[0][1],
        at[0][2] + leg.girth[0][0] * 0.7,
        leg.girth[0][0] * 0.5,
        leg.girth[0][1] * 0.45,
        leg.girth[0][2] * 0.45,
    )
    names = [f"{name}.{part}.r" for part in ("upper", "lower", "cannon", "foot")]
    body = "chest" if name == "fore" else "rump"
    hold = Hold((bone(body), *(bone(n) for n in names)), (0.7, 3.0, 5.0, 7.0), (0.7, 0.8, 0.55, 0.4))
    if s.hoofed:
        stations += [(x, y - 0.15 * long, tall * 0.9, wide * 0.8, wide * 0.8, wide * 0.8)]
    else:
        stations += [(x, at[3][1] + 0.02 * long, tall * 0.55, wide * 0.8, wide * 0.7, wide * 0.7)]
    limb = skin([first, *stations], grain(20, 6), grain(10, 4), hold, paint=coat.coat, power=2.1)
    parts = [melded(limb, trunk, 0.35 * leg.girth[0][0])]
    foot = Hold((bone(names[3]),))
    if s.hoofed:
        hoof = [(x, y - 0.12 * long, tall * 1.05, wide * 0.80, wide * 0.80, wide * 0.80),
            (x, y, tall * 0.5, wide * 0.92, wide * 1.05, wide * 0.8),
                (x, y + 0.05 * long, 0.0, wide, wide * 1.2, wide * 0.85)]  # fmt: skip
        parts.append(skin(hoof[::-1], 3, grain(10, 4), foot, paint=coat.hoof, level=True))
    else:
        paw = [(x, y - long * 0.95, tall * 0.40, wide * 0.45, tall * 0.4, tall * 0.4),
            (x, y - long * 0.72, tall * 0.5, wide * 0.85, tall * 0.55, tall * 0.5),
               (x, y - long * 0.3, tall * 0.47, wide, tall * 0.5, tall * 0.47),
                   (x, y - long * 0.06, tall * 0.36, wide * 0.85, tall * 0.32, tall * 0.36),
               (x, y, tall * 0.3, wide * 0.45, tall * 0.15, tall * 0.25)]  # fmt: skip
        parts.append(
            skin(paw, grain(6, 3), grain(8, 4), foot, front=UP, paint=coat.more.get("paw", coat.coat), power=2.5)
        )
    swap = {bone(n): bone(n[:-1] + "l") for n in names}
    return [twin for part in parts for twin in both(part, swap)]


def _tail(s: Shape, coat: Coat, grain: Grain, bone: Callable[[str], int]) -> Mesh:
    stations = [(0, y, z, r, r, r) for y, z, r in s.tail]
    last = len(stations) - 1
    hold = Hold(
        (bone("rump"), bone("tail.0"), bone("tail.1"), bone("tail.2")), (0.1, last / 3, 2 * last / 3), (0.15, 0.4, 0.5)
    )
    # A tail lies in the middle plane, however it bends: its sections can always face the side.
    return skin(stations, grain(10, 4), grain(8, 4), hold, front=(1, 0, 0), paint=coat.hair)


def _trimmings(s: Shape, coat: Coat, grain: Grain, bone: Callable[[str], int]) -> list[Mesh]:
    """Ears, eyes and nose."""
    (x, y, z), (dx, dy, dz), (wide, thick, _) = s.ear
    root, tip = np.array([x, y, z]), np.array([dx, dy, dz])
    side = np.cross(tip, [0.3, 1.0, 0.0])
    side = side / np.linalg.norm(side) * wide
    fore = np.cross(side, tip)
    fore = fore / np.linalg.norm(fore)
    stations = [
        (*(root + tip * t), wide * w, thick * w, thick * w)
        for t, w in ((-0.12, 0.7), (0.15, 1.0), (0.5, 0.9), (0.85, 0.45), (1.0, 0.1))
    ]
    ear = skin(stations, grain(6, 3), grain(8, 4), Hold((bone("ear.r"),)), front=tuple(fore), paint=coat.coat)
    parts = both(ear, {bone("ear.r"): bone("ear.l")})
    if grain.high:
        ex, ey, ez, er = s.eye
        eye = sphere(er, 8, 6).moved(ex, ey, ez).painted(coat.eye).boned(bone("head"))
        parts += both(eye)
        if s.nose[0]:
            r, up = s.nose
            end = s.head[-1]
            parts.append(
                sphere(r, 10, 6)
                .scaled(1.0, 0.7, 0.75)
                .moved(0, end[0] - r * 0.1, end[1] + up)
                .painted(coat.nose)
                .boned(bone("head"))
            )
    return parts


def mane(s: Shape, coat: Coat, grain: Grain, bone: Callable[[str], int], long: float, thick: float) -> list[Mesh]:
    """Hair along the crest of the neck, from between the ears down to the withers, falling to the right."""
    poll = s.head[0]
    points = [
        (poll[0] + 0.4 * poll[3], poll[1] + poll[3], 0.6 * poll[2]),
        *[(*_crest(row, s), row[2]) for row in s.neck[:0:-1]],
    ]
    outline = []
    for k, (y, z, wide) in enumerate(points):
        fall = long * (0.6 if k in (0, len(points) - 1) else 1.0)
        outline.append((-0.3 * wide, y, z + 0.7 * thick, 1.02 * wide + thick, y - 0.25 * fall, z - 0.8 * fall))
    count = len(outline) - 1
    hold = Hold(
        (bone("head"), bone("crest"), bone("neck"), bone("chest")), (0.6, 0.5 * count, 0.85 * count), (0.4, 0.5, 0.4)
    )
    return [blade(outline, thick, hold, paint=coat.hair, rows=grain(12, 4))]


def _crest(row: Station, s: Shape) -> tuple[float, float]:
    """The upper edge of the neck at a station."""
    y, z, _, up, _ = row
    base, top = s.neck[0], s.neck[-1]
    along = np.array([top[0] - base[0], top[1] - base[1]])
    along /= np.linalg.norm(along)
    return float(y - along[1] * up * 0.97), float(z + along[0] * up * 0.97)
